-- People get several roles and an organisation of their own; names leave for the vault, whose key
-- the database does not have: they are entered again.

INSERT INTO organisation (id, kind, name, created_at)
SELECT 'O-' || left(md5(organisation), 16), 'other', organisation, min(created_at)
FROM person GROUP BY organisation;

ALTER TABLE person ADD COLUMN roles text[], ADD COLUMN organisation_id text;
UPDATE person SET roles = ARRAY[role], organisation_id = 'O-' || left(md5(organisation), 16);
ALTER TABLE person
    ALTER COLUMN roles SET NOT NULL,
    ALTER COLUMN username DROP NOT NULL,
    DROP COLUMN organisation,
    DROP COLUMN role,
    DROP COLUMN display_name,
    ADD CONSTRAINT ck_person_roles_known CHECK (
        roles <@ ARRAY['association_officer', 'association_reviewer', 'street_officer',
            'district_officer', 'city_officer', 'enterprise_user', 'committee_user',
            'merchant_user', 'resident', 'bidder', 'auditor', 'administrator']::text[]
        AND cardinality(roles) BETWEEN 1 AND 4);

ALTER TABLE manager DROP COLUMN name;

-- A key made before carries the scopes its person's role had.
ALTER TABLE api_client
    ADD COLUMN scopes text[],
    ADD COLUMN rate_per_minute integer NOT NULL DEFAULT 6000,
    ADD COLUMN public_key bytea,
    ADD CONSTRAINT ck_api_client_rate CHECK (rate_per_minute BETWEEN 1 AND 100000);
UPDATE api_client c SET scopes = CASE p.roles[1]
    WHEN 'association_officer' THEN ARRAY[
        'events:propose', 'events:read', 'grades:run', 'keys:own', 'marks:enter', 'parties:write']
    WHEN 'association_reviewer' THEN ARRAY[
        'evaluations:close', 'events:decide', 'events:read', 'keys:own']
    WHEN 'street_officer' THEN ARRAY['events:propose', 'events:read', 'keys:own', 'marks:enter']
    WHEN 'district_officer' THEN ARRAY[
        'evaluations:close', 'events:read', 'keys:own', 'marks:enter']
    WHEN 'city_officer' THEN ARRAY['events:read', 'grades:publish', 'keys:own']
    WHEN 'bidder' THEN ARRAY['grades:query']
    WHEN 'auditor' THEN ARRAY['events:read']
    ELSE ARRAY['keys:revoke', 'people:write'] END
FROM person p WHERE p.id = c.person_id;
ALTER TABLE api_client
    ALTER COLUMN scopes SET NOT NULL,
    ALTER COLUMN rate_per_minute DROP DEFAULT;
