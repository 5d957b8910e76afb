-- Grants of the new tables, the trail's own lock, and what a party's session may see.

-- A line of the trail never changes, and goes only when it has been kept long enough: six months
-- (Cybersecurity Law, art. 21), three years where personal data is concerned (PIPL, art. 56).
CREATE FUNCTION refuse_trail_change_v1() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND OLD.at < now() - (CASE WHEN OLD.personal THEN interval '3 years'
        ELSE interval '6 months' END) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'trail is append-only'
        USING ERRCODE = 'CR001', HINT = 'A line is kept for six months, or three years.';
END
$$;
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON trail
    FOR EACH ROW EXECUTE FUNCTION refuse_trail_change_v1();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON trail
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_v1();
ALTER TABLE trail ENABLE ALWAYS TRIGGER refuse_change;
ALTER TABLE trail ENABLE ALWAYS TRIGGER refuse_truncate;

DO $$
DECLARE
    app_tables constant text[] := ARRAY[
        'organisation', 'credential', 'web_session', 'passkey', 'challenge', 'external_identity',
        'vault_key', 'vault_value'
    ];
    app_updates constant text[] := ARRAY[
        'organisation(name, division)',
        'person(username, roles, organisation_id)',
        'credential(password_hash, changed_at, failures, locked_until)',
        'web_session(seen_at, confirmed_at)',
        'passkey(sign_count, used_at)',
        'api_client(public_key)',
        'vault_value(sealed)'
    ];
    -- What everybody may see: the register, published grades, the log.
    public_tables constant text[] := ARRAY[
        'division', 'enterprise', 'project', 'management', 'committee',
        'published_grade', 'grade_publication',
        'log_record', 'log_subject', 'log_entry', 'log_tile', 'log_checkpoint', 'log_state',
        'subject_head', 'signing_key'
    ];
    -- What belongs to an enterprise, and by which rows a session of it is recognised.
    own_tables constant text[] := ARRAY[
        'event|enterprise = (SELECT nullif(current_setting(''credit.party'', true), ''''))',
        'event_decision|EXISTS (SELECT FROM event e WHERE e.id = event_id)',
        'event_waiting|EXISTS (SELECT FROM event e WHERE e.id = event_id)',
        'evaluation|enterprise = (SELECT nullif(current_setting(''credit.party'', true), ''''))',
        'evaluation_entry|EXISTS (SELECT FROM evaluation e WHERE e.id = evaluation_id)',
        'evaluation_closing|EXISTS (SELECT FROM evaluation e WHERE e.id = evaluation_id)',
        'grade_run|EXISTS (SELECT FROM grade_publication p WHERE p.run_id = grade_run.id)',
        'grade_result|enterprise = (SELECT nullif(current_setting(''credit.party'', true), ''''))'
            ' AND EXISTS (SELECT FROM grade_publication p WHERE p.run_id = grade_result.run_id)'
    ];
    item text;
    columns text;
BEGIN
    FOREACH item IN ARRAY app_tables || ARRAY['trail'] LOOP
        SELECT string_agg(quote_ident(attname), ', ') INTO columns FROM pg_attribute
        WHERE attrelid = item::regclass AND attnum > 0 AND NOT attisdropped AND attidentity = '';
        EXECUTE format('GRANT SELECT, INSERT (%s) ON %I TO credit_app', columns, item);
    END LOOP;
    GRANT INSERT (roles, organisation_id) ON person TO credit_app;
    GRANT INSERT (scopes, rate_per_minute, public_key) ON api_client TO credit_app;
    FOREACH item IN ARRAY app_updates LOOP
        EXECUTE format(
            'GRANT UPDATE (%s ON %I TO credit_app',
            split_part(item, '(', 2), split_part(item, '(', 1));
    END LOOP;
    GRANT DELETE ON web_session, passkey, challenge, external_identity, vault_key, vault_value,
        trail TO credit_app;

    EXECUTE format(
        'GRANT USAGE ON SCHEMA %I TO credit_portal, credit_merchant, credit_bidder',
        current_schema());
    FOREACH item IN ARRAY public_tables LOOP
        EXECUTE format('GRANT SELECT ON %I TO credit_portal, credit_merchant, credit_bidder', item);
    END LOOP;
    -- A policy for each role, each one plain comparison: an OR would cost the index.
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
    CREATE POLICY bidder ON grade_run FOR SELECT TO credit_bidder
        USING (EXISTS (SELECT FROM grade_publication p WHERE p.run_id = grade_run.id));
    GRANT SELECT ON grade_run TO credit_bidder;

    ALTER TABLE grade_query ENABLE ROW LEVEL SECURITY;
    CREATE POLICY server ON grade_query TO credit_app, credit_sequencer USING (true);
    CREATE POLICY bidder ON grade_query TO credit_bidder
        USING (asked_by = (SELECT nullif(current_setting('credit.person', true), '')));
    SELECT string_agg(quote_ident(attname), ', ') INTO columns FROM pg_attribute
    WHERE attrelid = 'grade_query'::regclass AND attnum > 0 AND NOT attisdropped;
    EXECUTE format('GRANT SELECT, INSERT (%s) ON grade_query TO credit_bidder', columns);

    ALTER TABLE idempotency_key ENABLE ROW LEVEL SECURITY;
    CREATE POLICY server ON idempotency_key TO credit_app, credit_sequencer USING (true);
    CREATE POLICY bidder ON idempotency_key TO credit_bidder
        USING (client = (SELECT nullif(current_setting('credit.person', true), '')));
    GRANT SELECT, INSERT (client, key, request_hash, status, answer, created_at)
        ON idempotency_key TO credit_bidder;
END
$$;
