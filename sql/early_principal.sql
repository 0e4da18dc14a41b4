-- With shared plans, a principal is looked up where it is chosen, so that the plans stay for one that the session has not met.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
\o /dev/null
SELECT tenancy.protect('logs', 'logs', organization => 'organization_id', workspace => 'workspace_id', owner => 'user_id', create_indexes => true);
-- Members of one workspace: max of mike's, leo of globex, lee of globex and a member of acme besides.
INSERT INTO tenancy.users (user_id, email) VALUES ('cccccccc-0000-4000-8000-000000000009', 'max@acme.test'), ('cccccccc-0000-4000-8000-000000000010', 'leo@acme.test'), ('cccccccc-0000-4000-8000-000000000011', 'lee@acme.test'), ('cccccccc-0000-4000-8000-000000000012', 'liz@acme.test');
SELECT tenancy.set_organization_role('acme', 'max@acme.test', 'member'), tenancy.set_organization_role('globex', 'leo@acme.test', 'member'),
  tenancy.set_organization_role('globex', 'lee@acme.test', 'member'), tenancy.set_organization_role('globex', 'liz@acme.test', 'member'), tenancy.set_organization_role('acme', 'lee@acme.test', 'member');
SELECT tenancy.set_workspace_role('acme/search', 'max@acme.test', 'member'), tenancy.set_workspace_role('globex/lab', 'leo@acme.test', 'member'), tenancy.set_workspace_role('globex/lab', 'lee@acme.test', 'member'),
  tenancy.set_workspace_role('globex/lab', 'liz@acme.test', 'member');
\o
GRANT ALL ON ALL TABLES IN SCHEMA app TO PUBLIC;
-- Since the last call: filters made, principals refused.
CREATE TABLE counted (made bigint, refused bigint);
INSERT INTO counted VALUES (0, 0);
CREATE FUNCTION app.since(OUT made bigint, OUT refused bigint) LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
  now app.counted;
BEGIN
  SELECT max(session) FILTER (WHERE counter = 'specializations'), max(session) FILTER (WHERE counter = 'denied_user') INTO now FROM tenancy.stats();
  SELECT now.made - c.made, now.refused - c.refused INTO since.made, since.refused FROM app.counted c;
  UPDATE app.counted SET made = now.made, refused = now.refused;
END
$$;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA app TO PUBLIC;
SET SESSION AUTHORIZATION regress_app;
SET plan_cache_mode = force_generic_plan;
SET tenancy.share_plans = on;
PREPARE q AS SELECT count(*) AS rows, count(DISTINCT workspace_id) AS workspaces, min(right(organization_id::text, 4)) AS organization, min(left(organization_id::text, 1)) AS which FROM logs;
SET tenancy."user" = 'mike@acme.test';
EXECUTE q;
SELECT app.since() \g /dev/null

-- In a statement of its own: no filter is made.
SET tenancy."user" = 'leo@acme.test';
EXECUTE q;
SELECT app.since();
BEGIN;
SELECT set_config('tenancy.user', 'max@acme.test', true) \g /dev/null
EXECUTE q;
SELECT app.since();
COMMIT;
EXECUTE q;
SELECT app.since();
PREPARE choose (text, text) AS SELECT set_config('tenancy.organization', $2, false), set_config('tenancy.user', $1, false);
EXECUTE choose ('lee@acme.test', 'globex') \g /dev/null
EXECUTE q;
SELECT app.since();
-- One setting after the other, in either order.
EXECUTE choose ('mike@acme.test', '') \g /dev/null
EXECUTE q;
SELECT app.since() \g /dev/null
SET tenancy."user" = 'lee@acme.test';
SET tenancy.organization = 'globex';
EXECUTE q;
SELECT app.since();
EXECUTE choose ('mike@acme.test', 'acme') \g /dev/null
BEGIN;
SET LOCAL tenancy.organization = 'globex';
SET LOCAL tenancy."user" = 'leo@acme.test';
EXECUTE q;
COMMIT;
SELECT app.since();

-- Within another statement nobody waits for its end: the plan is dropped.
EXECUTE choose ('mike@acme.test', '') \g /dev/null
EXECUTE q;
SELECT app.since() \g /dev/null
SELECT set_config('tenancy.user', 'liz@acme.test', false) WHERE 1 = length('x') + 0 * random() \g /dev/null
EXECUTE q;
SELECT app.since();

-- Other rights, another plan, and no error.
SET tenancy."user" = 'mona@acme.test';
EXECUTE q;
SET tenancy."user" = 'olivia@acme.test';
EXECUTE q;
SET tenancy."user" = 'ben@acme.test';
EXECUTE q;
SELECT since.made > 0 AS made, since.refused FROM app.since();
SET tenancy."user" = 'mike@acme.test';
EXECUTE q;
SELECT app.since() \g /dev/null

-- Refused, and undecided: an error of the first query, recorded once, and the plan stays.
SET tenancy."user" = 'nobody@acme.test';
SELECT app.since();
EXECUTE q;
SELECT app.since();
SET tenancy."user" = 'lee@acme.test';
EXECUTE q;
SELECT app.since();
SET tenancy.workspace = 'globex/none';
SET tenancy.organization = 'globex';
EXECUTE q;
SELECT app.since();
RESET tenancy.workspace;
EXECUTE q;
SELECT app.since();
RESET tenancy.organization;
SET tenancy."user" = 'mike@acme.test';
EXECUTE q;
SELECT app.since();

-- A statement that fails has chosen nobody.
BEGIN;
SELECT tenancy.seal() \g /dev/null
SAVEPOINT sealed;
SET LOCAL tenancy."user" = 'leo@acme.test';
ROLLBACK TO sealed;
EXECUTE q;
COMMIT;
BEGIN;
SAVEPOINT before;
SET LOCAL tenancy."user" = 'leo@acme.test';
ROLLBACK TO before;
EXECUTE q;
SET LOCAL tenancy."user" = 'leo@acme.test';
DECLARE c CURSOR FOR SELECT id FROM logs;
FETCH 0 FROM c;
SET LOCAL tenancy."user" = 'max@acme.test';
FETCH c;
ROLLBACK;
EXECUTE q;

-- In a function that chooses, statement by statement.
CREATE FUNCTION pg_temp.rows_of(who text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  found text;
BEGIN
  PERFORM set_config('tenancy.user', rows_of.who, true);
  SELECT count(*) || ' of ' || coalesce(min(left(organization_id::text, 1)), 'none') INTO found FROM app.logs;
  RETURN found;
EXCEPTION WHEN OTHERS THEN
  RETURN SQLSTATE;
END
$$;
SELECT who, pg_temp.rows_of(who) FROM unnest(ARRAY['mike@acme.test', 'leo@acme.test', 'mona@acme.test', 'nobody@acme.test', 'lee@acme.test', 'max@acme.test', 'gus@globex.test', '', 'mike@acme.test']) who;
SELECT who, pg_temp.rows_of(who) FROM unnest(ARRAY['mike@acme.test', 'leo@acme.test', 'mona@acme.test', 'nobody@acme.test', 'lee@acme.test', 'max@acme.test', 'gus@globex.test', '', 'mike@acme.test']) who;
-- Choosing a principal is no query: the transaction's isolation may be set after it, and its snapshot is that of the first query.
\c - regress_app
SET plan_cache_mode = force_generic_plan;
SET tenancy.share_plans = on;
PREPARE q AS SELECT count(*) AS rows FROM app.logs;
SET tenancy."user" = 'mike@acme.test';
EXECUTE q;
BEGIN;
SET LOCAL tenancy."user" = 'max@acme.test';
SET TRANSACTION ISOLATION LEVEL SERIALIZABLE;
EXECUTE q;
COMMIT;
\c - postgres
