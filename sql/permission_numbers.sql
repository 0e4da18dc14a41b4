-- A session can meet any number of permissions, one after the other: numbers of those that have gone are given to others, and
-- what was worked out by the old numbers is not used with the new ones.
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
SET client_min_messages = error;
-- It has one permission: any other that got its number would be allowed.
SELECT secret FROM tenancy.create_api_key('organization_service_key', 'reader', 'acme', scopes => '["logs.view"]') \gset
SET tenancy.api_key = :'secret';
-- Kept by the call site, the principal and a plan for many.
SET tenancy.share_plans = on;
PREPARE logs AS SELECT count(*) FROM logs;
PREPARE asked AS SELECT tenancy.authorize('logs', 'view') AS logs, tenancy.authorize('r1', 'view') AS r1;
SELECT tenancy.register_permission('r1', 'view', 'x');
EXECUTE logs;
EXECUTE asked;
DO $$
DECLARE
  allowed boolean;
BEGIN
  FOR i IN 2 .. 1100 LOOP
    PERFORM tenancy.register_permission('r' || i, 'view', 'x');
    allowed := tenancy.authorize('r' || i, 'view');
    IF allowed IS DISTINCT FROM false OR NOT tenancy.authorize('logs', 'view') THEN
      RAISE 'r%: %', i, allowed;
    END IF;
    DELETE FROM tenancy.grants WHERE resource = 'r' || i;
    DELETE FROM tenancy.permissions WHERE resource = 'r' || i;
  END LOOP;
END
$$;
EXECUTE logs;
EXECUTE asked;
-- Names that only the answers about others meet.
DO $$
BEGIN
  FOR i IN 2 .. 200 LOOP
    PERFORM tenancy.register_permission('s' || i, 'view', 'x');
    PERFORM FROM tenancy.who_can('s' || i, 'view');
    PERFORM FROM tenancy.explain_authorize('s' || i, 'view');
    DELETE FROM tenancy.grants WHERE resource = 's' || i;
    DELETE FROM tenancy.permissions WHERE resource = 's' || i;
  END LOOP;
END
$$;
EXECUTE logs;
EXECUTE asked;
SELECT kind FROM tenancy.whoami();
-- As many at once as can be registered, twice.
DO $$ BEGIN FOR i IN 2 .. 600 LOOP PERFORM tenancy.register_permission('t' || i, 'view', 'x'); END LOOP; END $$;
SELECT count(*) FROM tenancy.access_matrix('acme') WHERE resource ~ '^t';
DELETE FROM tenancy.grants WHERE resource ~ '^t\d';
DELETE FROM tenancy.permissions WHERE resource ~ '^t\d';
DO $$ BEGIN FOR i IN 2 .. 600 LOOP PERFORM tenancy.register_permission('u' || i, 'view', 'x'); END LOOP; END $$;
SELECT count(*) FROM tenancy.access_matrix('acme') WHERE resource ~ '^u';
EXECUTE logs;
EXECUTE asked;
SELECT count(*) > 0 AS there_are FROM tenancy.permissions();
