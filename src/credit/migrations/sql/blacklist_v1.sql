-- Grants of lists, boards and the exchange; who may see what of them; the role of a partner.

DO $$
DECLARE
    append_only constant text[] := ARRAY['list_step', 'board_score', 'exchange_item'];
    -- The course of an entry, a board's publication and a listing's end are all that changes.
    app_updates constant text[] := ARRAY[
        'list_entry(state, steps, answer_due, answered, hearing, heard_by, decided_by, from_on,'
            ' until_on, review_on, retain_until, record_id, exit_kind, exit_id, ended_on)',
        'board(state, record_id, numbers, published_by, published_at)',
        'listing(exit_id, ended_on, ended_at)'
    ];
    item text;
    columns text;
    roles text;
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
    FOREACH item IN ARRAY append_only || ARRAY['list_entry', 'board', 'listing'] LOOP
        SELECT string_agg(quote_ident(attname), ', ') INTO columns FROM pg_attribute
        WHERE attrelid = item::regclass AND attnum > 0 AND NOT attisdropped AND attidentity = '';
        EXECUTE format('GRANT SELECT, INSERT (%s) ON %I TO credit_app', columns, item);
        EXECUTE format('GRANT SELECT ON %I TO credit_sequencer', item);
    END LOOP;
    FOREACH item IN ARRAY app_updates LOOP
        EXECUTE format(
            'GRANT UPDATE (%s ON %I TO credit_app',
            split_part(item, '(', 2), split_part(item, '(', 1));
    END LOOP;

    -- A partner of joint measures is a role like the others; whatever roles there are stay.
    SELECT replace(pg_get_constraintdef(oid), '''bidder''::text', '''bidder''::text, ''partner''::text')
    INTO roles FROM pg_constraint
    WHERE conrelid = 'person'::regclass AND conname = 'ck_person_roles_known';
    ALTER TABLE person DROP CONSTRAINT ck_person_roles_known;
    EXECUTE format('ALTER TABLE person ADD CONSTRAINT ck_person_roles_known %s', roles);

    -- The console's list of entries is one whose filters people keep.
    SELECT replace(pg_get_constraintdef(oid), '''events''::text', '''events''::text, ''lists''::text')
    INTO places FROM pg_constraint
    WHERE conrelid = 'saved_view'::regclass AND conname = 'ck_saved_view_place_known';
    ALTER TABLE saved_view DROP CONSTRAINT ck_saved_view_place_known;
    EXECUTE format('ALTER TABLE saved_view ADD CONSTRAINT ck_saved_view_place_known %s', places);
END
$$;

-- An enterprise sees the entries that stand in its portal, from the proposal on: it must answer.
ALTER TABLE list_entry ENABLE ROW LEVEL SECURITY;
CREATE POLICY server ON list_entry TO credit_app, credit_sequencer USING (true);
CREATE POLICY portal ON list_entry FOR SELECT TO credit_portal
    USING (enterprise = (SELECT nullif(current_setting('credit.party', true), '')));
GRANT SELECT ON list_entry TO credit_portal;

ALTER TABLE list_step ENABLE ROW LEVEL SECURITY;
CREATE POLICY server ON list_step TO credit_app, credit_sequencer USING (true);
CREATE POLICY portal ON list_step FOR SELECT TO credit_portal
    USING (EXISTS (SELECT FROM list_entry e WHERE e.id = entry_id));
GRANT SELECT ON list_step TO credit_portal;

-- Everybody else sees what is published, and nothing that was taken off its list.
ALTER TABLE listing ENABLE ROW LEVEL SECURITY;
CREATE POLICY server ON listing TO credit_app, credit_sequencer USING (true);
CREATE POLICY published ON listing FOR SELECT TO credit_portal, credit_merchant, credit_bidder
    USING (exit_id IS NULL);
GRANT SELECT ON listing TO credit_portal, credit_merchant, credit_bidder;
