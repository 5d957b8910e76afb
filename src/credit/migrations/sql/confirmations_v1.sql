-- A street and a district's department work in a division, which is the organisation's from now on.
-- What people had of their own moves there where all of them agree; who has none may look until an
-- administrator says where they work.

UPDATE organisation SET division = NULL
WHERE division IS NOT NULL AND NOT (
    (kind = 'street' AND division ~ '^[0-9]{9}$')
    OR (kind = 'district_department' AND division ~ '^[0-9]{6}$'));
UPDATE organisation o SET division = s.division
FROM (SELECT organisation_id, min(division) AS division FROM person
      WHERE division IS NOT NULL GROUP BY 1 HAVING count(DISTINCT division) = 1) s
WHERE o.id = s.organisation_id AND o.division IS NULL AND (
    (o.kind = 'street' AND s.division ~ '^[0-9]{9}$')
    OR (o.kind = 'district_department' AND s.division ~ '^[0-9]{6}$'));
ALTER TABLE person DROP COLUMN division;

-- Answers of the districts are append-only. Nobody but the server sees them: reasons stay inside.
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON grade_confirmation
    FOR EACH ROW EXECUTE FUNCTION refuse_change_v1();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON grade_confirmation
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_v1();
ALTER TABLE grade_confirmation ENABLE ALWAYS TRIGGER refuse_change;
ALTER TABLE grade_confirmation ENABLE ALWAYS TRIGGER refuse_truncate;
ALTER TABLE grade_confirmation ENABLE ROW LEVEL SECURITY;
CREATE POLICY server ON grade_confirmation TO credit_app, credit_sequencer USING (true);

GRANT SELECT ON grade_confirmation TO credit_app, credit_sequencer;
GRANT INSERT (run_id, division, record_id, outcome, reason, results_digest, answered_by, answered_at)
    ON grade_confirmation TO credit_app;
GRANT INSERT (district) ON grade_result TO credit_app;
GRANT INSERT (seed) ON grade_run TO credit_app;
