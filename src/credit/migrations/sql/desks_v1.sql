-- What desks keep, who may write it, and which parties a division has.

INSERT INTO evaluation_open (evaluation_id, sheet, year, subject, division, created_at)
SELECT id, sheet, year, subject, division, created_at FROM evaluation e
WHERE NOT EXISTS (SELECT FROM evaluation_closing c WHERE c.evaluation_id = e.id);

GRANT SELECT ON evaluation_open, saved_view TO credit_app;
GRANT INSERT (evaluation_id, sheet, year, subject, division, created_at), DELETE
    ON evaluation_open TO credit_app;
GRANT INSERT (person_id, place, name, query, created_at), UPDATE (name), DELETE
    ON saved_view TO credit_app;

-- The enterprises of a district (6 digits) or a street (9): registered there, or managing a project
-- there now. The codes of streets begin with that of their district.
CREATE FUNCTION enterprises_in_v1(division text) RETURNS TABLE (code text)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT e.code FROM enterprise e WHERE e.district = $1
    UNION
    SELECT m.enterprise
    FROM project p JOIN management m ON m.project = p.code AND m.until IS NULL
    WHERE p.street BETWEEN $1 AND $1 || '999';
END;

-- Whatever can be evaluated and belongs to a division: its enterprises, projects and divisions.
CREATE FUNCTION subjects_in_v1(division text) RETURNS TABLE (code text)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT i.code FROM enterprises_in_v1($1) i
    UNION ALL
    SELECT p.code FROM project p WHERE p.street BETWEEN $1 AND $1 || '999'
    UNION ALL
    SELECT d.code FROM division d WHERE d.code BETWEEN $1 AND $1 || '999999';
END;
