-- Grants of earning and the market, the community's officer, and what residents and merchants see.

DO $$
DECLARE
    app_tables constant text[] := ARRAY[
        'member', 'campaign', 'activity', 'attendance', 'participation',
        'merchant', 'offer', 'offer_use', 'settlement', 'webhook', 'webhook_delivery'
    ];
    app_updates constant text[] := ARRAY[
        'member(kind, division, person_id, minor_until, consent_digest, consent_on, closed_at)',
        'campaign(title, until, closed_at)',
        'activity(cancelled_at, cancel_reason, closed_at, closed_by)',
        'attendance(signed_out_at, entered_by)',
        'participation(points, flags, state, decided_by, decided_at, reason, attempt, available_on, transfer,'
            ' reversed_by, reversed_at)',
        'merchant(name, address, hours, contract_from, contract_until, fen_per_point, commitment_digest,'
            ' commitment_on, offline, account, state, proposed_by, proposed_at, decided_by, decided_at,'
            ' reason)',
        'offer(stock, taken, valid_until, state, decided_by, decided_at, reason)',
        'offer_use(made_at, until, settled, released)',
        'settlement(captures, captured, refunds, refunded, points, fen_per_point, fen, digest, upto, ends_on,'
            ' state, drawn_by, drawn_at, confirmed_by, confirmed_at, dispute, answer, answered_by, voucher,'
            ' paid_by, paid_at, transfer)',
        'webhook(url, secret, previous_secret, previous_until, cursor, failures, retry_at, disabled_at)'
    ];
    -- What a session of a resident or a merchant is shown: its own, by one plain comparison each.
    own constant text[] := ARRAY[
        'member|resident|person_id = (SELECT nullif(current_setting(''credit.person'', true), ''''))',
        'participation|resident|member = (SELECT m.id FROM member m)',
        'attendance|resident|member = (SELECT m.id FROM member m)',
        'point_account|resident|id = (SELECT m.account FROM member m)',
        'point_lot|resident|account = (SELECT m.account FROM member m)',
        'point_hold|resident|account = (SELECT m.account FROM member m)'
            ' OR beneficiary = (SELECT m.account FROM member m)',
        'point_transfer|resident|debit = (SELECT m.account FROM member m)'
            ' OR credit = (SELECT m.account FROM member m)',
        'merchant|merchant|code = (SELECT nullif(current_setting(''credit.party'', true), ''''))',
        'merchant|resident|state = ''open''',
        'offer|merchant|merchant = (SELECT nullif(current_setting(''credit.party'', true), ''''))',
        'offer|resident|state = ''open''',
        'settlement|merchant|merchant = (SELECT nullif(current_setting(''credit.party'', true), ''''))',
        'webhook|merchant|merchant = (SELECT nullif(current_setting(''credit.party'', true), ''''))',
        'webhook_delivery|merchant|EXISTS (SELECT FROM webhook w WHERE w.id = webhook)',
        'point_account|merchant|id = (SELECT m.account FROM merchant m)',
        'point_hold|merchant|beneficiary = (SELECT m.account FROM merchant m)',
        'point_transfer|merchant|debit = (SELECT m.account FROM merchant m)'
            ' OR credit = (SELECT m.account FROM merchant m)'
            ' OR EXISTS (SELECT FROM point_hold h WHERE h.id = point_transfer.id'
            ' OR h.id = point_transfer.about AND point_transfer.kind = ''lapse'')'
    ];
    item text;
    part text[];
    columns text;
    known text;
BEGIN
    FOREACH item IN ARRAY app_tables LOOP
        SELECT string_agg(quote_ident(attname), ', ') INTO columns FROM pg_attribute
        WHERE attrelid = item::regclass AND attnum > 0 AND NOT attisdropped AND attidentity = '';
        EXECUTE format('GRANT SELECT, INSERT (%s) ON %I TO credit_app', columns, item);
    END LOOP;
    FOREACH item IN ARRAY app_updates LOOP
        EXECUTE format(
            'GRANT UPDATE (%s ON %I TO credit_app',
            split_part(item, '(', 2), split_part(item, '(', 1));
    END LOOP;
    GRANT DELETE ON webhook, webhook_delivery TO credit_app;

    EXECUTE format('GRANT USAGE ON SCHEMA %I TO credit_resident', current_schema());
    FOREACH item IN ARRAY own LOOP
        part := string_to_array(item, '|');
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', part[1]);
        IF NOT EXISTS (SELECT FROM pg_policy WHERE polrelid = part[1]::regclass AND polname = 'server') THEN
            EXECUTE format('CREATE POLICY server ON %I TO credit_app, credit_sequencer USING (true)', part[1]);
        END IF;
        EXECUTE format('CREATE POLICY %I ON %I FOR SELECT TO credit_%s USING (%s)', part[2], part[1],
            part[2], array_to_string(part[3:], '|'));
        EXECUTE format('GRANT SELECT ON %I TO credit_%s', part[1], part[2]);
    END LOOP;
    GRANT SELECT ON activity, division TO credit_resident;

    -- The community is an operator like the street: its people have a role, itself a kind.
    SELECT replace(pg_get_constraintdef(oid), '''street_officer''::text',
        '''community_officer''::text, ''street_officer''::text')
    INTO known FROM pg_constraint
    WHERE conrelid = 'person'::regclass AND conname = 'ck_person_roles_known';
    ALTER TABLE person DROP CONSTRAINT ck_person_roles_known;
    EXECUTE format('ALTER TABLE person ADD CONSTRAINT ck_person_roles_known %s', known);
    SELECT replace(pg_get_constraintdef(oid), '''street''::text', '''community''::text, ''street''::text')
    INTO known FROM pg_constraint
    WHERE conrelid = 'organisation'::regclass AND conname = 'ck_organisation_kind_known';
    ALTER TABLE organisation DROP CONSTRAINT ck_organisation_kind_known;
    EXECUTE format('ALTER TABLE organisation ADD CONSTRAINT ck_organisation_kind_known %s', known);
END
$$;

-- The accounts of which a book has one each.
SELECT open_accounts_v1(kinds, kinds, array_fill(NULL::text, ARRAY[5]), array_fill(NULL::text, ARRAY[5]), now())
FROM (VALUES (ARRAY['issuance', 'held', 'pending', 'expired', 'adjustment'])) AS one (kinds);

-- What server processes keep ready, who calls with a key, which merchant a till is of, they keep until
-- they hear of a change: at its commit, whoever makes it.
CREATE FUNCTION tell_v1() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify(TG_ARGV[0], TG_TABLE_SCHEMA);
    RETURN NULL;
END
$$;
CREATE TRIGGER tell AFTER UPDATE OR DELETE ON api_client
    FOR EACH STATEMENT EXECUTE FUNCTION tell_v1('credit_access');
CREATE TRIGGER tell AFTER UPDATE OR DELETE ON person
    FOR EACH STATEMENT EXECUTE FUNCTION tell_v1('credit_access');
CREATE TRIGGER tell AFTER UPDATE OR DELETE ON organisation
    FOR EACH STATEMENT EXECUTE FUNCTION tell_v1('credit_access');
CREATE TRIGGER tell AFTER UPDATE OR DELETE ON merchant
    FOR EACH STATEMENT EXECUTE FUNCTION tell_v1('credit_market');
