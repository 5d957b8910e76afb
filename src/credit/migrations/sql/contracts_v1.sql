-- Texts, parties, signatures, votes and steps never change; where a contract or a duty stands does,
-- together with each of its steps. A draft goes when its text is frozen.
DO $$
DECLARE
    append_only constant text[] := ARRAY[
        'contract_version', 'contract_party', 'contract_signature', 'contract_step', 'owner_vote',
        'duty_step'
    ];
    app_tables constant text[] := append_only || ARRAY['contract', 'contract_draft', 'duty'];
    app_updates constant text[] := ARRAY[
        'contract(enterprise, state, in_force, last_version, offer, offer_until, from_on, until_on,'
            ' proposal, proposal_role, drafter_scheme, drafter, parties, duties_next, steps)',
        'contract_draft(revision, content, edited_by, edited_at)',
        'duty(due_on, waits_until, handed_up, state, level, severity, by_office, steps)'
    ];
    -- What a party may see, by the contracts it is in.
    own_tables constant text[] := ARRAY[
        'contract|(SELECT nullif(current_setting(''credit.party'', true), '''')) = ANY (parties)',
        'contract_draft|drafter_party ='
            ' (SELECT nullif(current_setting(''credit.party'', true), ''''))',
        'contract_version|EXISTS (SELECT FROM contract c WHERE c.id = contract_id)',
        'contract_party|EXISTS (SELECT FROM contract c WHERE c.id = contract_id)',
        'contract_signature|EXISTS (SELECT FROM contract c WHERE c.id = contract_id)',
        'owner_vote|EXISTS (SELECT FROM contract c WHERE c.id = contract_id)',
        'contract_step|EXISTS (SELECT FROM contract c WHERE c.id = contract_id'
            ' AND (c.kind <> ''pact'' OR role IS DISTINCT FROM ''member'' OR contract_step.party ='
            ' (SELECT nullif(current_setting(''credit.party'', true), ''''))))',
        'duty|EXISTS (SELECT FROM contract c WHERE c.id = contract_id'
            ' AND (c.kind <> ''pact'' OR role = ''association'' OR duty.party ='
            ' (SELECT nullif(current_setting(''credit.party'', true), ''''))))',
        'duty_step|EXISTS (SELECT FROM duty d WHERE d.id = duty_id)'
    ];
    item text;
    columns text;
    places text;
BEGIN
    FOREACH item IN ARRAY append_only LOOP
        EXECUTE format(
            'CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON %I'
            ' FOR EACH ROW EXECUTE FUNCTION refuse_change_v1()', item);
        EXECUTE format(
            'CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON %I'
            ' FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_v1()', item);
        EXECUTE format('ALTER TABLE %I ENABLE ALWAYS TRIGGER refuse_change', item);
        EXECUTE format('ALTER TABLE %I ENABLE ALWAYS TRIGGER refuse_truncate', item);
    END LOOP;
    FOREACH item IN ARRAY app_tables LOOP
        SELECT string_agg(quote_ident(attname), ', ') INTO columns FROM pg_attribute
        WHERE attrelid = item::regclass AND attnum > 0 AND NOT attisdropped;
        EXECUTE format('GRANT SELECT, INSERT (%s) ON %I TO credit_app', columns, item);
        EXECUTE format('GRANT SELECT ON %I TO credit_sequencer', item);
    END LOOP;
    FOREACH item IN ARRAY app_updates LOOP
        EXECUTE format(
            'GRANT UPDATE (%s ON %I TO credit_app',
            split_part(item, '(', 2), split_part(item, '(', 1));
    END LOOP;
    GRANT DELETE ON contract_draft TO credit_app;
    FOREACH item IN ARRAY own_tables LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', split_part(item, '|', 1));
        EXECUTE format(
            'CREATE POLICY server ON %I TO credit_app, credit_sequencer USING (true)',
            split_part(item, '|', 1));
        EXECUTE format(
            'CREATE POLICY portal ON %I FOR SELECT TO credit_portal USING (%s)',
            split_part(item, '|', 1), split_part(item, '|', 2));
        EXECUTE format('GRANT SELECT ON %I TO credit_portal', split_part(item, '|', 1));
    END LOOP;
    -- A pact is offered to every enterprise: whoever is somebody may read it and who joined.
    CREATE POLICY portal_pact ON contract FOR SELECT TO credit_portal
        USING (kind = 'pact' AND state IN ('offered', 'in-force', 'suspended', 'ended')
            AND current_setting('credit.party', true) <> '');
    -- The console's list of contracts is one whose filters people keep.
    SELECT replace(
        pg_get_constraintdef(oid), '''events''::text', '''events''::text, ''contracts''::text')
    INTO places FROM pg_constraint
    WHERE conrelid = 'saved_view'::regclass AND conname = 'ck_saved_view_place_known';
    ALTER TABLE saved_view DROP CONSTRAINT ck_saved_view_place_known;
    EXECUTE format('ALTER TABLE saved_view ADD CONSTRAINT ck_saved_view_place_known %s', places);
END
$$;

-- A session is shown its own by its code alone, so a code is that of one kind of organisation.
CREATE FUNCTION refuse_shared_code_v1() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM organisation WHERE party = NEW.party AND kind <> NEW.kind) THEN
        RAISE EXCEPTION 'code % stands for an organisation of another kind', NEW.party
            USING ERRCODE = 'unique_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER refuse_shared_code BEFORE INSERT OR UPDATE ON organisation
    FOR EACH ROW WHEN (NEW.party IS NOT NULL) EXECUTE FUNCTION refuse_shared_code_v1();
