-- The book of points. A transfer is one row that holds both of its sides, so it cannot but balance;
-- the functions below are the only way to write one, and the server has no other right to.
-- They take one lock a book, held to the end of the transaction: what is posted is posted one after
-- the other, transfers are numbered in the order in which they are committed, and no two postings
-- wait for one another's rows.

CREATE SEQUENCE point_transfer_id_seq;
-- Room for a new version of every row of a page: whoever expires goes through whole pages at once.
ALTER TABLE point_account SET (fillfactor = 45);
ALTER TABLE point_lot SET (fillfactor = 45);
ALTER TABLE point_hold SET (fillfactor = 80);

INSERT INTO point_book (id, lease) VALUES (1, 0);

-- Opens accounts under their codes and returns them all, those that were there before, too. What kind
-- an account is of says whether its points are drawn lot by lot, and whether it has a floor: programmes,
-- adjustments and whoever is paid may stand below zero. Refuses a second account of a kind of which a
-- book has one, and a code that an account of another kind has.
CREATE FUNCTION open_accounts_v1(
    p_codes text[], p_kinds text[], p_owners text[], p_divisions text[], p_at timestamptz
) RETURNS TABLE (code text, id bigint) LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
#variable_conflict use_column
BEGIN
    IF NOT p_kinds <@ ARRAY['issuance', 'held', 'pending', 'expired', 'adjustment', 'budget', 'resident',
        'merchant', 'settled', 'clearing']
    THEN
        RAISE EXCEPTION 'unknown kind of account' USING ERRCODE = 'check_violation';
    END IF;
    INSERT INTO point_account (code, kind, owner, division, floor, lots, balance, opened_at)
    SELECT i.code, i.kind, i.owner, i.division,
        CASE WHEN i.kind IN ('budget', 'resident', 'held', 'pending', 'expired') THEN 0 END,
        i.kind = 'resident', 0, p_at
    FROM unnest(p_codes, p_kinds, p_owners, p_divisions) AS i (code, kind, owner, division)
    ORDER BY i.code ON CONFLICT DO NOTHING;
    IF EXISTS (
        SELECT FROM unnest(p_codes, p_kinds) AS i (code, kind)
        LEFT JOIN LATERAL (SELECT o.kind FROM point_account o WHERE o.code = i.code OFFSET 0) a ON true
        WHERE a.kind IS DISTINCT FROM i.kind)
    THEN
        RAISE EXCEPTION 'another account has this code, or is the only one of this kind'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN QUERY SELECT i.code, a.id
        FROM (SELECT DISTINCT unnest(p_codes) AS code) i
        CROSS JOIN LATERAL (SELECT o.id FROM point_account o WHERE o.code = i.code OFFSET 0) a;
END
$$;

-- Closes an account that has nothing left and is part of no open hold; false where that is not so, and
-- for the accounts of which a book has one each.
CREATE FUNCTION close_account_v1(p_account bigint, p_at timestamptz) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(1, 'point_book'::regclass::oid::integer);
    UPDATE point_account SET closed_at = coalesce(closed_at, p_at)
    WHERE id = p_account AND balance = 0
        AND kind NOT IN ('issuance', 'held', 'pending', 'expired', 'adjustment') AND NOT EXISTS (
        SELECT FROM point_hold h
        WHERE p_account IN (h.account, h.beneficiary) AND h.captured = 0 AND h.returned = 0);
    RETURN FOUND;
END
$$;

-- Writes the balances of some accounts that have changed where they stand: under the book's lock nobody
-- moves them; had somebody, everything is undone (CR012). Without any other way to scan, this is a look at
-- so many places whatever the statistics say.
CREATE FUNCTION write_balances_v1(p_places tid[], p_before bigint[], p_balances bigint[]) RETURNS void
LANGUAGE plpgsql
SET enable_seqscan = off SET enable_indexscan = off SET enable_bitmapscan = off
SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    written bigint;
BEGIN
    UPDATE point_account a SET balance = n.balance
    FROM unnest(p_places, p_before, p_balances) AS n (place, before, balance)
    WHERE a.ctid = n.place AND n.before <> n.balance;
    GET DIAGNOSTICS written = ROW_COUNT;
    IF written <> (SELECT count(*) FROM unnest(p_before, p_balances) AS n (before, balance)
        WHERE n.before <> n.balance)
    THEN
        RAISE EXCEPTION 'an account was changed without the lock of the book' USING ERRCODE = 'CR012';
    END IF;
END
$$;

-- Draws points from an account's lots by priority, end and age; nothing where they come to less than is
-- asked for. Returns what they come to.
CREATE FUNCTION draw_lots_v1(p_transfer bigint, p_account bigint, p_amount bigint, p_today date)
RETURNS bigint LANGUAGE sql AS $$
    WITH lots AS (
        SELECT l.ctid AS place, l.id, l.remaining,
            (sum(l.remaining) OVER (ORDER BY l.priority, l.valid_until, l.id))::bigint - l.remaining AS before,
            (sum(l.remaining) OVER ())::bigint AS total
        FROM point_lot l
        WHERE l.account = p_account AND l.remaining > 0 AND l.valid_until >= p_today
            AND NOT l.reversed
    ), drawn AS (
        SELECT place, id, least(remaining, p_amount - before) AS taken FROM lots
        WHERE before < p_amount AND total >= p_amount
    ), used AS (
        INSERT INTO point_lot_use (transfer, lot, amount, returned, regranted)
        SELECT p_transfer, d.id, d.taken, 0, 0 FROM drawn d
    ), emptied AS (
        UPDATE point_lot l SET remaining = l.remaining - d.taken FROM drawn d WHERE l.ctid = d.place
    )
    SELECT coalesce(max(total), 0) FROM lots
$$;

-- Gives points back to the lots that the transfer `p_about` drew, last drawn first. Where a lot is over
-- by now, points of a void hold go to it nonetheless, and expire at once; those of a refund are granted
-- anew by the transfer `p_transfer`, through the day `p_grace`; not those of a reversed lot, which nobody
-- spends any more.
CREATE FUNCTION give_back_v1(
    p_transfer bigint, p_about bigint, p_account bigint, p_amount bigint, p_refund boolean,
    p_today date, p_grace date
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    WITH used AS (
        SELECT u.lot, u.amount - u.returned - u.regranted AS open,
            p_refund AND l.valid_until < p_today AND NOT l.reversed AS late,
            (sum(u.amount - u.returned - u.regranted)
                OVER (ORDER BY l.priority DESC, l.valid_until DESC, l.id DESC))::bigint AS upto
        FROM point_lot_use u JOIN point_lot l ON l.id = u.lot WHERE u.transfer = p_about
    ), share AS (
        SELECT lot, late, least(open, p_amount - (upto - open)) AS back FROM used
        WHERE open > 0 AND upto - open < p_amount
    ), noted AS (
        UPDATE point_lot_use u SET returned = u.returned + CASE WHEN s.late THEN 0 ELSE s.back END,
            regranted = u.regranted + CASE WHEN s.late THEN s.back ELSE 0 END
        FROM share s WHERE u.transfer = p_about AND u.lot = s.lot
    ), refilled AS (
        UPDATE point_lot l SET remaining = l.remaining + s.back FROM share s
        WHERE l.id = s.lot AND NOT s.late
    )
    INSERT INTO point_lot (id, account, priority, valid_until, amount, remaining, reversed)
    SELECT p_transfer, p_account, 0, p_grace, sum(s.back), sum(s.back), false FROM share s WHERE s.late
    HAVING count(*) > 0;
END
$$;

-- Says what an account that has too little could do: spend `available`, wait for what is `held`.
CREATE FUNCTION point_shortfall_v1(p_account bigint, p_available bigint, p_today date) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_strip_nulls(jsonb_build_object(
        'available', p_available,
        'held', (SELECT coalesce(sum(h.amount), 0) FROM point_hold h
            WHERE h.account = p_account AND h.captured = 0 AND h.returned = 0),
        'next_expiry', (SELECT jsonb_build_object('on', l.valid_until, 'amount', sum(l.remaining))
            FROM point_lot l WHERE l.account = p_account AND l.remaining > 0 AND NOT l.reversed
                AND l.valid_until >= p_today AND l.valid_until < 'infinity'
            GROUP BY l.valid_until ORDER BY l.valid_until LIMIT 1)))
$$;

-- Says how a hold stood after one of its transfers: what came later is left out, so that an answer that
-- is given again is the same. A refund is the one thing that can come more than once.
CREATE FUNCTION hold_after_v1(p_hold bigint, p_transfer bigint) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('amount', h.amount, 'until', h.until,
        'captured', CASE WHEN p_transfer > h.id THEN h.captured ELSE 0 END,
        'returned', CASE WHEN p_transfer > h.id THEN h.returned ELSE 0 END,
        'refunded', (SELECT coalesce(sum(r.amount), 0) FROM point_transfer r
            WHERE r.debit = h.beneficiary AND r.id > h.id AND r.id <= p_transfer AND r.about = h.id
                AND r.kind = 'refund'))
    FROM point_hold h WHERE h.id = p_hold
$$;

-- Posts operations one after the other: `transfer`, `hold`, `capture`, `void`, `refund`, `reverse`; `refuse`
-- notes what was refused before the book was asked, its kind the outcome and its reason the details.
-- Answers each, in their order, with `posted` and the transfer (of a hold: its number, and how the hold
-- stands after it), or why not and what would be allowed. Either answer is kept under the key and given
-- again; the key with another input is `key-reused`. A lot that is reversed whole gives nothing any more,
-- whatever comes back to it later. `p_lease` is the writer's (NULL: not the writer); an
-- outdated one fails (CR010).
-- What no operation of the same call can ask for is written at the end, all of it at once: keys and
-- transfers always, new holds and new lots unless somebody has to see them before.
-- A plan made when a table was small must still be right when it is not: lists come first, and rows are
-- looked up for each of their items by key (LATERAL and OFFSET 0 leave the planner no other way).
CREATE FUNCTION post_v1(
    p_lease bigint, p_ops text[], p_keys bytea[], p_hashes bytea[], p_kinds text[], p_debits bigint[],
    p_credits bigint[], p_amounts bigint[], p_abouts bigint[], p_beneficiaries bigint[],
    p_untils timestamptz[], p_valid_untils date[], p_priorities smallint[], p_happened_ons date[],
    p_reasons text[], p_tokens bytea[], p_at timestamptz, p_today date, p_grace date
) RETURNS TABLE (outcome text, transfer bigint, details jsonb)
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
#variable_conflict use_column
DECLARE
    item record;
    hold point_hold;
    lot point_lot;
    whole boolean;  -- whether nobody said how much of a lot is reversed
    token point_token;
    keys point_key[];  -- one for each operation; an empty one for what was known before
    answers jsonb[];
    transfers point_transfer[];
    new_holds point_hold[];
    new_lots point_lot[];
    new_uses point_lot_use[];
    unwritten boolean[];  -- whether an account has new lots
    accounts bigint[];
    places tid[];
    before bigint[];
    balances bigint[];
    floors bigint[];
    with_lots boolean[];
    holding boolean[];
    closed boolean[];
    d integer;  -- the places of the debited, the credited and the benefiting account
    c integer;
    b integer;
    first integer;
    live bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(1, 'point_book'::regclass::oid::integer);
    IF p_lease <> (SELECT lease FROM point_book WHERE id = 1) THEN
        RAISE EXCEPTION 'another writer has the lease' USING ERRCODE = 'CR010';
    END IF;
    accounts := p_debits || p_credits || p_beneficiaries;
    IF array_remove(p_abouts, NULL) <> '{}' THEN
        accounts := accounts || ARRAY(
            SELECT unnest(ARRAY[h.account, h.holder, h.beneficiary])
            FROM unnest(p_abouts) AS i (id) CROSS JOIN LATERAL (
                SELECT * FROM point_hold o WHERE o.id = i.id OFFSET 0) h
            UNION ALL SELECT l.account FROM unnest(p_abouts) AS i (id) CROSS JOIN LATERAL (
                SELECT * FROM point_lot o WHERE o.id = i.id OFFSET 0) l);
    END IF;
    IF array_remove(p_tokens, NULL) <> '{}' THEN
        accounts := accounts || ARRAY(
            SELECT t.account FROM unnest(p_tokens) AS i (token) CROSS JOIN LATERAL (
                SELECT * FROM point_token o WHERE o.token = i.token OFFSET 0) t);
    END IF;
    -- Every account is read once and written once, however often it is posted to: a row that is written
    -- with each posting grows a chain of versions that everybody has to walk while an old snapshot lives.
    SELECT array_agg(a.id), array_agg(a.ctid), array_agg(a.balance), array_agg(a.floor), array_agg(a.lots),
        array_agg(a.kind IN ('held', 'pending')), array_agg(a.closed_at IS NOT NULL), array_agg(false)
    INTO accounts, places, balances, floors, with_lots, holding, closed, unwritten
    FROM (SELECT DISTINCT unnest(accounts) AS id) i
    CROSS JOIN LATERAL (SELECT o.ctid, o.* FROM point_account o WHERE o.id = i.id OFFSET 0) a;
    before := balances;
    FOR item IN
        SELECT i.*, k.key AS known, k.hash AS known_hash, k.refusal, k.transfer AS known_transfer,
            k.details AS known_details
        FROM unnest(p_ops, p_keys, p_hashes, p_kinds, p_debits, p_credits, p_amounts, p_abouts,
            p_beneficiaries, p_untils, p_valid_untils, p_priorities, p_happened_ons, p_reasons, p_tokens)
            WITH ORDINALITY AS i (op, key, hash, kind, debit, credit, amount, about, beneficiary, until,
            valid_until, priority, happened_on, reason, token, n)
        LEFT JOIN LATERAL (SELECT * FROM point_key o WHERE o.key = i.key OFFSET 0) k ON true
        ORDER BY i.n
    LOOP
        first := array_position(p_keys, item.key);
        IF item.known IS NOT NULL OR first < item.n THEN
            IF item.known IS NULL THEN  -- asked for twice in this call
                item.known_hash := keys[first].hash;
                item.refusal := keys[first].refusal;
                item.known_transfer := keys[first].transfer;
                item.known_details := answers[first];
            ELSIF item.refusal IS NULL AND item.op NOT IN ('transfer', 'reverse') THEN
                item.known_details := hold_after_v1(
                    CASE WHEN item.op IN ('hold', 'refuse') THEN item.known_transfer ELSE item.about END,
                    item.known_transfer);
            END IF;
            outcome := 'key-reused';
            transfer := NULL;
            details := NULL;
            IF item.known_hash = item.hash THEN
                outcome := coalesce(item.refusal, 'posted');
                transfer := item.known_transfer;
                details := item.known_details;
            END IF;
            keys := array_append(keys, NULL);
            answers := array_append(answers, NULL);
            RETURN NEXT;
            CONTINUE;
        END IF;
        outcome := NULL;
        transfer := NULL;
        details := NULL;
        IF item.op = 'refuse' THEN
            outcome := item.kind;
            details := item.reason::jsonb;
        ELSIF item.op IN ('capture', 'void', 'refund') THEN
            SELECT * INTO hold FROM point_hold h WHERE h.id = item.about;
            IF NOT FOUND OR hold.beneficiary <> item.beneficiary OR hold.account <> item.debit THEN
                outcome := 'unknown-hold';  -- or that of somebody else than was said
            ELSIF item.op = 'refund' THEN
                item.debit := hold.beneficiary;
                item.credit := hold.account;
                item.amount := coalesce(item.amount, hold.captured - hold.refunded);
                IF hold.captured = 0 THEN
                    outcome := 'hold-not-captured';
                ELSIF item.amount = 0 OR item.amount > hold.captured - hold.refunded THEN
                    outcome := 'above-captured';
                    details := jsonb_build_object('refundable', hold.captured - hold.refunded);
                END IF;
            ELSE
                item.debit := hold.holder;
                IF item.op = 'capture' THEN
                    item.credit := hold.beneficiary;
                    item.amount := coalesce(item.amount, hold.amount);
                ELSE
                    item.credit := hold.account;
                    item.amount := hold.amount;
                END IF;
                IF hold.captured > 0 THEN
                    outcome := 'hold-captured';
                ELSIF hold.returned > 0 THEN
                    outcome := 'hold-voided';
                ELSIF item.op = 'capture' AND hold.until <= p_at THEN
                    outcome := 'hold-over';
                ELSIF item.amount > hold.amount THEN
                    outcome := 'above-hold';
                    details := jsonb_build_object('held', hold.amount);
                END IF;
            END IF;
        ELSIF item.op = 'reverse' THEN
            SELECT * INTO lot FROM point_lot l WHERE l.id = item.about;
            whole := item.amount IS NULL;
            item.debit := lot.account;
            item.amount := coalesce(item.amount, lot.remaining);
            IF NOT FOUND THEN
                outcome := 'unknown-lot';
            ELSIF item.amount = 0 OR item.amount > lot.remaining THEN
                UPDATE point_lot l SET reversed = true WHERE whole AND l.id = lot.id;
                outcome := 'above-lot';
                details := jsonb_build_object('remaining', lot.remaining);
            END IF;
        ELSIF item.token IS NOT NULL THEN
            SELECT * INTO token FROM point_token t WHERE t.token = item.token;
            item.debit := token.account;
            IF NOT FOUND OR token.beneficiary <> item.beneficiary THEN
                outcome := 'unknown-code';
            ELSIF token.hold IS NOT NULL THEN
                outcome := 'code-used';
            ELSIF token.until <= p_at THEN
                outcome := 'code-over';
            END IF;
        END IF;
        IF outcome IS NULL THEN
            d := array_position(accounts, item.debit);
            c := array_position(accounts, item.credit);
            b := array_position(accounts, item.beneficiary);
            IF d IS NULL OR c IS NULL OR item.op = 'hold' AND b IS NULL THEN
                outcome := 'unknown-account';
            ELSIF d = c OR item.op = 'hold' AND d = b THEN
                outcome := 'same-account';
            ELSIF item.op = 'hold' AND (holding[d] OR NOT holding[c] OR holding[b])
                OR item.op IN ('transfer', 'reverse') AND (holding[d] OR holding[c])
            THEN
                outcome := 'holding-account';  -- what is held moves with its hold alone
            ELSIF item.amount IS NULL OR item.amount NOT BETWEEN 1 AND 9007199254740991
                OR balances[c] > 9007199254740991 - item.amount
                OR balances[d] < item.amount - 9007199254740991
            THEN
                outcome := 'bad-amount';  -- or a balance that not every reader keeps exactly
            ELSIF closed[d] OR closed[c] OR item.op = 'hold' AND closed[b] THEN
                outcome := 'closed-account';
            ELSE
                transfer := nextval('point_transfer_id_seq');
                live := balances[d] - floors[d];
                IF with_lots[d] THEN
                    IF unwritten[d] THEN
                        INSERT INTO point_lot SELECT l.* FROM unnest(new_lots) AS l;
                        new_lots := NULL;
                        unwritten := array_fill(false, ARRAY[cardinality(unwritten)]);
                    END IF;
                    -- Lots are drawn by priority, end and age; mostly the first of them has enough.
                    IF item.op <> 'reverse' THEN
                        SELECT * INTO lot FROM point_lot l
                        WHERE l.account = item.debit AND l.remaining > 0 AND l.valid_until >= p_today
                            AND NOT l.reversed
                        ORDER BY l.priority, l.valid_until, l.id LIMIT 1;
                    END IF;
                    live := lot.remaining;
                    IF live >= item.amount THEN
                        UPDATE point_lot l SET remaining = l.remaining - item.amount,
                            reversed = l.reversed OR item.op = 'reverse' AND whole
                        WHERE l.id = lot.id;
                        new_uses := array_append(new_uses,
                            ROW(transfer, lot.id, item.amount, 0, 0)::point_lot_use);
                    ELSE
                        live := draw_lots_v1(transfer, item.debit, item.amount, p_today);
                    END IF;
                END IF;
                IF live < item.amount THEN
                    INSERT INTO point_hold SELECT h.* FROM unnest(new_holds) AS h;
                    new_holds := NULL;
                    outcome := 'insufficient';
                    details := point_shortfall_v1(item.debit, live, p_today);
                END IF;
            END IF;
        END IF;
        IF outcome IS NOT NULL THEN
            transfer := NULL;
            keys := array_append(keys,
                ROW(item.key, item.hash, NULL, p_today, outcome, details)::point_key);
            answers := array_append(answers, details);
            RETURN NEXT;
            CONTINUE;
        END IF;

        balances[d] := balances[d] - item.amount;
        balances[c] := balances[c] + item.amount;
        transfers := array_append(transfers, ROW(transfer, item.debit, item.credit, item.amount, balances[d],
            balances[c], item.about, p_at, item.happened_on, item.kind, item.reason)::point_transfer);
        IF with_lots[c] THEN
            IF item.op IN ('void', 'refund') THEN
                IF new_uses IS NOT NULL THEN
                    INSERT INTO point_lot_use SELECT u.* FROM unnest(new_uses) AS u;
                    new_uses := NULL;
                END IF;
                PERFORM give_back_v1(transfer, item.about, item.credit, item.amount, item.op = 'refund',
                    p_today, p_grace);
            ELSE
                new_lots := array_append(new_lots, ROW(transfer, item.credit, item.amount, item.amount,
                    coalesce(item.valid_until, 'infinity'), coalesce(item.priority, 0), false)::point_lot);
                unwritten[c] := true;
            END IF;
        END IF;
        IF item.op = 'hold' THEN
            hold := ROW(transfer, item.debit, item.credit, item.beneficiary, item.amount, item.until,
                0, 0, 0)::point_hold;
            new_holds := array_append(new_holds, hold);
            IF item.token IS NOT NULL THEN
                UPDATE point_token t SET hold = transfer WHERE t.token = item.token;
            END IF;
        ELSIF item.op = 'capture' THEN
            UPDATE point_hold h SET captured = item.amount, returned = h.amount - item.amount
            WHERE h.id = hold.id RETURNING * INTO hold;
            IF item.amount < hold.amount THEN  -- what is left of a hold goes back
                c := array_position(accounts, hold.account);
                live := hold.amount - item.amount;
                balances[d] := balances[d] - live;
                balances[c] := balances[c] + live;
                transfers := array_append(transfers, ROW(nextval('point_transfer_id_seq'), hold.holder,
                    hold.account, live, balances[d], balances[c], hold.id, p_at, NULL, 'release', NULL
                    )::point_transfer);
                IF with_lots[c] THEN
                    IF new_uses IS NOT NULL THEN
                        INSERT INTO point_lot_use SELECT u.* FROM unnest(new_uses) AS u;
                        new_uses := NULL;
                    END IF;
                    PERFORM give_back_v1(NULL, hold.id, hold.account, live, false, p_today, p_grace);
                END IF;
            END IF;
        ELSIF item.op = 'void' THEN
            UPDATE point_hold h SET returned = h.amount WHERE h.id = hold.id RETURNING * INTO hold;
        ELSIF item.op = 'refund' THEN
            UPDATE point_hold h SET refunded = h.refunded + item.amount WHERE h.id = hold.id
            RETURNING * INTO hold;
        END IF;
        IF item.op IN ('hold', 'capture', 'void', 'refund') THEN
            details := jsonb_build_object('amount', hold.amount, 'until', hold.until,
                'captured', hold.captured, 'returned', hold.returned, 'refunded', hold.refunded);
        END IF;
        outcome := 'posted';
        keys := array_append(keys, ROW(item.key, item.hash, transfer, p_today, NULL, NULL)::point_key);
        answers := array_append(answers, details);
        RETURN NEXT;
    END LOOP;
    INSERT INTO point_key SELECT k.* FROM unnest(keys) AS k WHERE k.key IS NOT NULL;
    INSERT INTO point_transfer SELECT t.* FROM unnest(transfers) AS t;
    IF new_holds IS NOT NULL THEN
        INSERT INTO point_hold SELECT h.* FROM unnest(new_holds) AS h;
    END IF;
    IF new_lots IS NOT NULL THEN
        INSERT INTO point_lot SELECT l.* FROM unnest(new_lots) AS l;
    END IF;
    IF new_uses IS NOT NULL THEN
        INSERT INTO point_lot_use SELECT u.* FROM unnest(new_uses) AS u;
    END IF;
    PERFORM write_balances_v1(places, before, balances);
END
$$;

-- Posts many plain transfers from one account without lots in one statement, as awards are: all of
-- them, or none (NULL), when they have to be posted one by one. Answers their numbers in their order.
-- Lists are never joined to one another here: what a step needs of an item is in the item.
CREATE FUNCTION post_grants_v1(
    p_lease bigint, p_kind text, p_debit bigint, p_keys bytea[], p_hashes bytea[], p_credits bigint[],
    p_amounts bigint[], p_valid_untils date[], p_priorities smallint[], p_happened_ons date[],
    p_reasons text[], p_at timestamptz, p_today date
) RETURNS bigint[] LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    debit point_account;
    total numeric;
    numbers bigint[];
    places tid[];
    before bigint[];
    balances bigint[];
BEGIN
    PERFORM pg_advisory_xact_lock(1, 'point_book'::regclass::oid::integer);
    IF p_lease <> (SELECT lease FROM point_book WHERE id = 1) THEN
        RAISE EXCEPTION 'another writer has the lease' USING ERRCODE = 'CR010';
    END IF;
    SELECT * INTO debit FROM point_account WHERE id = p_debit;
    SELECT sum(amount) INTO total FROM unnest(p_amounts) AS i (amount)
    HAVING min(amount) > 0 AND max(amount) <= 9007199254740991 AND count(amount) = cardinality(p_amounts);
    IF total IS NULL OR debit.lots IS NOT FALSE OR debit.closed_at IS NOT NULL
        OR debit.kind IN ('held', 'pending') OR debit.balance - debit.floor < total
        OR debit.balance - total < -9007199254740991
        OR p_debit = ANY (p_credits)
    THEN
        RETURN NULL;
    END IF;
    WITH item AS MATERIALIZED (
        SELECT nextval('point_transfer_id_seq') AS id, s.* FROM (
            SELECT i.*, c.ctid AS place, c.lots, c.balance AS before,
                (c.balance + sum(i.amount) OVER (PARTITION BY i.credit ORDER BY i.n))::bigint AS balance,
                i.n = max(i.n) OVER (PARTITION BY i.credit) AS last,
                (sum(i.amount) OVER (ORDER BY i.n))::bigint AS spent
            FROM unnest(p_keys, p_hashes, p_credits, p_amounts, p_valid_untils, p_priorities, p_happened_ons,
                p_reasons) WITH ORDINALITY AS i (key, hash, credit, amount, valid_until, priority,
                happened_on, reason, n)
            CROSS JOIN LATERAL (
                SELECT o.ctid, o.* FROM point_account o
                WHERE o.id = i.credit AND o.closed_at IS NULL AND o.kind NOT IN ('held', 'pending')
                OFFSET 0
            ) c
            ORDER BY i.n
        ) s
    ), keyed AS (
        INSERT INTO point_key (key, hash, transfer, day) SELECT i.key, i.hash, i.id, p_today FROM item i
    ), granted AS (
        INSERT INTO point_lot (id, account, priority, valid_until, amount, remaining, reversed)
        SELECT i.id, i.credit, coalesce(i.priority, 0), coalesce(i.valid_until, 'infinity'), i.amount,
            i.amount, false
        FROM item i WHERE i.lots
    ), transferred AS (
        INSERT INTO point_transfer (id, kind, debit, credit, amount, debit_balance, credit_balance,
            happened_on, at, reason)
        SELECT i.id, p_kind, p_debit, i.credit, i.amount, debit.balance - i.spent, i.balance,
            i.happened_on, p_at, i.reason
        FROM item i
    )
    SELECT array_agg(i.id ORDER BY i.n), array_agg(i.place) FILTER (WHERE i.last),
        array_agg(i.before) FILTER (WHERE i.last), array_agg(i.balance) FILTER (WHERE i.last)
    INTO numbers, places, before, balances FROM item i;
    IF cardinality(numbers) IS DISTINCT FROM cardinality(p_credits) OR 9007199254740991 < ANY (balances) THEN
        RAISE EXCEPTION 'an account is unknown, closed or full' USING ERRCODE = 'CR011';
    END IF;
    PERFORM write_balances_v1(places, before, balances);
    UPDATE point_account SET balance = balance - total WHERE id = p_debit;
    RETURN numbers;
EXCEPTION WHEN unique_violation OR SQLSTATE 'CR011' THEN
    RETURN NULL;  -- nothing of what was written stands
END
$$;

-- Books lots that stand at some places and are past their day as expired: one transfer an account. Returns
-- how many lots that were. One that has changed since it was seen there stands elsewhere, and is left out.
-- Places, since a look by key would tidy the lot's page up each time, a fifth of the whole work.
CREATE FUNCTION expire_lots_v1(p_lots tid[], p_at timestamptz, p_today date) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    expired point_account;
    ended bigint;
    moved bigint;
    missed bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(1, 'point_book'::regclass::oid::integer);
    SELECT * INTO expired FROM point_account WHERE kind = 'expired';
    WITH over AS MATERIALIZED (
        SELECT n.*, max(n.new) OVER (PARTITION BY n.account) AS transfer
        FROM (
            SELECT o.*, CASE WHEN o.first THEN nextval('point_transfer_id_seq') END AS new
            FROM (
                SELECT l.account, a.place, a.balance, l.id AS lot, l.ctid AS lot_place, l.remaining,
                    (sum(l.remaining) OVER (PARTITION BY l.account))::bigint AS amount,
                    row_number() OVER (PARTITION BY l.account) = 1 AS first
                FROM (SELECT DISTINCT unnest(p_lots) AS place) i
                CROSS JOIN LATERAL (
                    SELECT o.ctid, o.* FROM point_lot o
                    WHERE o.ctid = i.place AND o.remaining > 0 AND o.valid_until < p_today OFFSET 0
                ) l
                CROSS JOIN LATERAL (
                    SELECT o.ctid AS place, o.balance FROM point_account o WHERE o.id = l.account OFFSET 0
                ) a
            ) o
        ) n
    ), emptied AS (
        UPDATE point_lot l SET remaining = 0 FROM over o WHERE l.ctid = o.lot_place
    ), used AS (
        INSERT INTO point_lot_use (transfer, lot, amount, returned, regranted)
        SELECT o.transfer, o.lot, o.remaining, 0, 0 FROM over o
    ), transferred AS (
        INSERT INTO point_transfer (id, kind, debit, credit, amount, debit_balance, credit_balance, at)
        SELECT o.transfer, 'expire', o.account, expired.id, o.amount, o.balance - o.amount,
            (expired.balance + sum(o.amount) OVER (ORDER BY o.transfer))::bigint, p_at
        FROM over o WHERE o.first
    ), lowered AS (
        UPDATE point_account a SET balance = a.balance - o.amount FROM over o
        WHERE a.ctid = o.place AND o.first
        RETURNING a.id
    )
    SELECT count(*), sum(o.remaining), count(o.new) - (SELECT count(*) FROM lowered)
    INTO ended, moved, missed FROM over o;
    IF missed <> 0 THEN
        RAISE EXCEPTION 'an account was changed without the lock of the book' USING ERRCODE = 'CR012';
    END IF;
    UPDATE point_account SET balance = balance + moved WHERE id = expired.id AND moved > 0;
    RETURN ended;
END
$$;

-- Rights: everything is read, and only the functions write transfers, balances, holds and lots.
REVOKE EXECUTE ON ROUTINE open_accounts_v1, close_account_v1, write_balances_v1, draw_lots_v1, give_back_v1,
    point_shortfall_v1, hold_after_v1, post_v1, post_grants_v1, expire_lots_v1 FROM PUBLIC;
GRANT EXECUTE ON ROUTINE open_accounts_v1, close_account_v1, post_v1, post_grants_v1, expire_lots_v1 TO credit_app;
GRANT SELECT ON point_book, point_account, point_token, point_transfer, point_key, point_hold, point_lot,
    point_lot_use, point_epoch TO credit_app;
GRANT UPDATE (lease) ON point_book TO credit_app;
GRANT INSERT ON point_epoch TO credit_app;
GRANT INSERT (token, account, beneficiary, until) ON point_token TO credit_app;
GRANT DELETE ON point_token TO credit_app;

DO $$
DECLARE
    item text;
BEGIN
    FOREACH item IN ARRAY ARRAY['point_transfer', 'point_epoch'] LOOP
        EXECUTE format(
            'CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON %I'
            ' FOR EACH ROW EXECUTE FUNCTION refuse_change_v1()', item);
        EXECUTE format(
            'CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON %I'
            ' FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_v1()', item);
        EXECUTE format('ALTER TABLE %I ENABLE ALWAYS TRIGGER refuse_change', item);
        EXECUTE format('ALTER TABLE %I ENABLE ALWAYS TRIGGER refuse_truncate', item);
    END LOOP;
END
$$;
