-- A function of the query that makes the session somebody else, between the evaluation of two sub-selects of a policy.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
SET client_min_messages = warning;
\o /dev/null
SELECT tenancy.invite('acme', 'hired@acme.test', 'member'), tenancy.create_group('acme', 'board'), tenancy.set_group_role('acme', 'board', 'member'),
       tenancy.sync_group('acme', 'board', '{adam@acme.test}');
SELECT tenancy.set_jwks('acme', '{"kty": "OKP", "crv": "Ed25519", "kid": "of acme", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}', issuer => 'https://idp.acme.test');
-- Nora sees nothing of the team.
SELECT tenancy.create_role('acme', 'organization', 'guest'), tenancy.set_organization_role('acme', 'nora@acme.test', 'guest');
\o
-- As policies were written, though with the right in a function of a user's, where nothing tells that it is one: the leak
CREATE FUNCTION may_list() RETURNS boolean LANGUAGE plpgsql STABLE AS 'BEGIN RETURN tenancy.authorize(''team'', ''list''); END';
CREATE TABLE mixed (organization_id uuid);
INSERT INTO mixed VALUES ('aaaaaaaa-0000-4000-8000-000000000000');
ALTER TABLE mixed ENABLE ROW LEVEL SECURITY;
CREATE POLICY principal ON mixed FOR SELECT USING (organization_id = (SELECT tenancy.current_organization_id()) AND (SELECT app.may_list()));
-- The rows of acme that one principal sees in each catalog, by herself and when gus, an owner elsewhere, takes over in the middle, or begins.
CREATE FUNCTION seen(catalog regclass, first text, last text, OUT alone bigint, OUT taken_over bigint, OUT begun bigint) LANGUAGE plpgsql AS $$
DECLARE
  acme CONSTANT uuid := 'aaaaaaaa-0000-4000-8000-000000000000';
  globex CONSTANT uuid := 'bbbbbbbb-0000-4000-8000-000000000000';
  turning CONSTANT text := format('SELECT count(*) FROM (VALUES ($1, $3), ($2, $4)) v (who, org),
    LATERAL (SELECT set_config(''tenancy.user'', v.who, true) OFFSET 0) s, LATERAL (SELECT FROM %s c WHERE c.organization_id = v.org OFFSET 0) t', catalog);
BEGIN
  PERFORM set_config('tenancy.user', first, true);
  EXECUTE format('SELECT count(*) FROM %s WHERE organization_id = $1', catalog) INTO alone USING acme;
  EXECUTE turning INTO taken_over USING first, last, globex, acme;
  PERFORM set_config('tenancy.user', last, true);
  EXECUTE turning INTO begun USING last, first, acme, globex;
  PERFORM set_config('tenancy.user', '', true);
EXCEPTION WHEN object_not_in_prerequisite_state THEN
  -- The principal has changed: nothing was shown.
  PERFORM set_config('tenancy.user', '', true);
END
$$;
CREATE VIEW catalogs AS
SELECT a.attrelid::regclass AS catalog FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
WHERE c.relnamespace = 'tenancy'::regnamespace AND a.attname = 'organization_id' AND c.relkind IN ('r', 'v') AND has_any_column_privilege('regress_app', c.oid, 'SELECT');
SET SESSION AUTHORIZATION regress_app;
SELECT 'mixed' AS catalog, s.* FROM seen('mixed', 'nora@acme.test', 'gus@globex.test') s;
-- In the catalogs, no more than by herself, or an error says that the principal has changed.
SELECT c.catalog, s.alone, s.taken_over <= s.alone AS taken_over, s.begun <= s.alone AS begun FROM catalogs c, seen(c.catalog, 'nora@acme.test', 'gus@globex.test') s ORDER BY c.catalog::text COLLATE "C";
-- Olivia, who may see all of these
SELECT c.catalog, s.alone FROM catalogs c, seen(c.catalog, 'olivia@acme.test', 'gus@globex.test') s
WHERE c.catalog::text ~ 'members|groups|group_roles|invitations|jwt' ORDER BY c.catalog::text COLLATE "C";
RESET SESSION AUTHORIZATION;
