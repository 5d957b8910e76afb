-- The server opens terms, closes them, and moves their day; what they are about never changes.
GRANT SELECT, INSERT, UPDATE (due_on, level, escalates_on, closed_at) ON term TO credit_app;
GRANT SELECT ON term TO credit_sequencer;

-- A party sees what it has to do, and an enterprise also what others have to do about it.
ALTER TABLE term ENABLE ROW LEVEL SECURITY;
CREATE POLICY server ON term TO credit_app, credit_sequencer USING (true);
CREATE POLICY portal ON term FOR SELECT TO credit_portal
    USING (party = (SELECT nullif(current_setting('credit.party', true), '')));
GRANT SELECT ON term TO credit_portal;
