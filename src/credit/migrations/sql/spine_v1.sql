-- Append-only tables, locked twice here: by grants of single columns, and by triggers that also
-- bind the owner and a replication session. The third lock is the log, which proves a change.

CREATE FUNCTION refuse_change_v1() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME
        USING ERRCODE = 'CR001', HINT = 'Write a new record that names the old one.';
END
$$;

-- Hashes do not compress; trying costs the sequencer more than the rest of the row.
ALTER TABLE log_tile ALTER COLUMN data SET STORAGE EXTERNAL;
ALTER TABLE log_record ALTER COLUMN fragment SET STORAGE EXTERNAL;

DO $$
DECLARE
    append_only constant text[] := ARRAY[
        'event', 'event_decision', 'evidence',
        'evaluation', 'evaluation_entry', 'evaluation_closing',
        'grade_run_request', 'grade_run', 'grade_result', 'grade_publication', 'published_grade', 'grade_query',
        'log_record', 'log_subject', 'log_entry', 'log_tile', 'log_checkpoint', 'log_refusal',
        'import_batch'
    ];
    -- What the server may insert; the sequencer alone fills the log.
    app_inserts constant text[] := ARRAY[
        'event', 'event_decision', 'event_waiting', 'evidence',
        'evaluation', 'evaluation_entry', 'evaluation_closing',
        'grade_run_request', 'grade_run', 'grade_result', 'grade_publication', 'published_grade', 'grade_query',
        'import_batch', 'idempotency_key', 'calendar_day', 'signing_key',
        'log_record', 'log_intake', 'log_subject',
        'division', 'enterprise', 'project', 'management', 'manager', 'post', 'committee',
        'person', 'api_client'
    ];
    app_updates constant text[] := ARRAY[
        'division(name)',
        'enterprise(name, kind, former_code, ended_on, district)',
        'project(name, kind, households, owners, area_m2, street, community)',
        'management(until, enterprise)', 'post(until, manager)', 'manager(name)',
        'committee(name, kind, formed_on, ended_on)',
        'person(display_name, organisation, division, role, active)',
        'api_client(expires_at, revoked_at)',
        'calendar_day(workday, entered_by, entered_at)',
        'signing_key(revoked_by, revoked_at)'
    ];
    sequencer_inserts constant text[] := ARRAY[
        'log_entry', 'log_tile', 'log_state', 'log_checkpoint', 'log_refusal', 'subject_head'
    ];
    item text;
    columns text;
BEGIN
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO credit_app, credit_sequencer', current_schema());
    EXECUTE format(
        'GRANT SELECT ON ALL TABLES IN SCHEMA %I TO credit_app, credit_sequencer',
        current_schema()
    );
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
    FOREACH item IN ARRAY app_inserts LOOP
        SELECT string_agg(quote_ident(attname), ', ') INTO columns FROM pg_attribute
        WHERE attrelid = item::regclass AND attnum > 0 AND NOT attisdropped AND attidentity = '';
        EXECUTE format('GRANT INSERT (%s) ON %I TO credit_app', columns, item);
    END LOOP;
    FOREACH item IN ARRAY app_updates LOOP
        EXECUTE format(
            'GRANT UPDATE (%s ON %I TO credit_app',
            split_part(item, '(', 2), split_part(item, '(', 1));
    END LOOP;
    FOREACH item IN ARRAY sequencer_inserts LOOP
        EXECUTE format('GRANT INSERT ON %I TO credit_sequencer', item);
    END LOOP;
    EXECUTE 'GRANT DELETE ON idempotency_key, event_waiting TO credit_app';
    EXECUTE 'GRANT DELETE, UPDATE ON log_intake TO credit_sequencer';
    EXECUTE 'GRANT UPDATE ON log_state, subject_head TO credit_sequencer';
END
$$;
