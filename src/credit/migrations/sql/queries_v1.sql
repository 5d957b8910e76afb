-- Whose a bid evaluator's questions are: the organisation's they were asked for, all of whose
-- people may look at them. Those kept before belong to the organisation their person is in now.

ALTER TABLE grade_query ADD COLUMN asked_for text, ADD COLUMN bidders smallint;
ALTER TABLE grade_query DISABLE TRIGGER refuse_change;
UPDATE grade_query q SET
    asked_for = coalesce((SELECT organisation_id FROM person p WHERE p.id = q.asked_by), asked_by),
    bidders = jsonb_array_length(convert_from(answer, 'UTF8')::jsonb -> 'answers');
ALTER TABLE grade_query ENABLE ALWAYS TRIGGER refuse_change;
ALTER TABLE grade_query ALTER COLUMN asked_for SET NOT NULL, ALTER COLUMN bidders SET NOT NULL;

GRANT INSERT (asked_for, bidders) ON grade_query TO credit_app, credit_bidder;
DROP POLICY bidder ON grade_query;
CREATE POLICY bidder ON grade_query TO credit_bidder
    USING (asked_for = (SELECT nullif(current_setting('credit.party', true), '')))
    WITH CHECK (
        asked_by = (SELECT nullif(current_setting('credit.person', true), ''))
        AND asked_for = (SELECT nullif(current_setting('credit.party', true), '')));
