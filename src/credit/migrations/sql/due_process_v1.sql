-- Steps never change; where a fact or an application stands does, together with each of its steps.
DO $$
DECLARE
    append_only constant text[] := ARRAY['event_step', 'repair_step', 'log_sealed', 'evidence_holder'];
    app_tables constant text[] := ARRAY[
        'event_course', 'event_step', 'event_suggestion', 'repair', 'repair_step',
        'log_sealed', 'evidence_holder'
    ];
    app_updates constant text[] := ARRAY[
        'event_course(state, steps, noticed_on, noticed_by, rectification_due, objection_due,'
            ' must_hear, must_measure, acknowledged_on, rectified_on, measures, objected_on,'
            ' heard_on, heard_by, finding, decided_on, ended_on)',
        'event_suggestion(state, handled_by, handled_at, event_id, reason)',
        'repair(state, steps, accepted_by, accepted_on, extended, decided_by, decided_on,'
            ' record_id)'
    ];
    -- What belongs to an enterprise, and by which rows a session of it is recognised.
    own_tables constant text[] := ARRAY[
        'event_course|enterprise = (SELECT nullif(current_setting(''credit.party'', true), ''''))',
        'event_step|EXISTS (SELECT FROM event_course c WHERE c.event_id = event_step.event_id)',
        'repair|enterprise = (SELECT nullif(current_setting(''credit.party'', true), ''''))',
        'evidence_holder|holder = (SELECT nullif(current_setting(''credit.party'', true), ''''))',
        'repair_step|EXISTS (SELECT FROM repair r WHERE r.id = repair_id)'
    ];
    item text;
    columns text;
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
END
$$;

-- What was uploaded before is held by whoever uploaded it.
INSERT INTO evidence_holder (digest, holder)
SELECT e.digest, coalesce(o.party, 'office') FROM evidence e
LEFT JOIN person p ON p.id = e.uploaded_by LEFT JOIN organisation o ON o.id = p.organisation_id;

-- A party sees what the office has to do about it, and counts the days by the same calendar.
CREATE POLICY portal_about ON term FOR SELECT TO credit_portal
    USING (about = (SELECT nullif(current_setting('credit.party', true), '')));
GRANT SELECT (day, workday) ON calendar_day TO credit_portal;
-- What is sealed is everybody's to know, like the log itself.
GRANT SELECT ON log_sealed TO credit_portal, credit_merchant, credit_bidder;
