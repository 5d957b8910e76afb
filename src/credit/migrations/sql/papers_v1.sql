-- Prints are only ever added; a party sees those of its contracts.
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON contract_paper
    FOR EACH ROW EXECUTE FUNCTION refuse_change_v1();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON contract_paper
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_v1();
ALTER TABLE contract_paper ENABLE ALWAYS TRIGGER refuse_change;
ALTER TABLE contract_paper ENABLE ALWAYS TRIGGER refuse_truncate;
GRANT SELECT, INSERT (contract_id, version, number, digest, party, person_id, signer,
    issuer, serial, signed_at, trusted, added_at) ON contract_paper TO credit_app;
GRANT SELECT ON contract_paper TO credit_sequencer, credit_portal;
ALTER TABLE contract_paper ENABLE ROW LEVEL SECURITY;
CREATE POLICY server ON contract_paper TO credit_app, credit_sequencer USING (true);
CREATE POLICY portal ON contract_paper FOR SELECT TO credit_portal
    USING (EXISTS (SELECT FROM contract c WHERE c.id = contract_id AND c.kind <> 'pact'));
