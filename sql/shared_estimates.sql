-- A shared plan serves principals with few rows and with many, so it is estimated as a generic plan is: it is the same whoever comes first.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
\set plans :srcdir '/sql/include/plans.sql'
\i :plans
SET client_min_messages = warning;
\o /dev/null
-- mike has ten rows; leo, of another organization and with the same role, has thousands. Fifty workspaces more have some.
INSERT INTO tenancy.users (user_id, email, external_id) VALUES ('cccccccc-0000-4000-8000-000000000009', 'leo@globex.test', '209');
SELECT tenancy.set_organization_role('globex', 'leo@globex.test', 'member'), tenancy.set_workspace_role('globex/lab', 'leo@globex.test', 'member');
INSERT INTO tenancy.workspaces (workspace_id, organization_id, slug, name)
SELECT format('aaaaaaaa-0000-4000-8000-0000000001%s', lpad(n::text, 2, '0'))::uuid, 'aaaaaaaa-0000-4000-8000-000000000000', 'w' || n, 'W' || n FROM generate_series(1, 50) n;
CREATE TABLE docs (id int PRIMARY KEY, organization_id uuid NOT NULL, workspace_id uuid NOT NULL, made int NOT NULL);
INSERT INTO docs
SELECT n, w.organization_id, w.workspace_id, n FROM generate_series(1, 12000) n
JOIN tenancy.workspaces w ON w.slug = CASE WHEN n <= 10 THEN 'search' WHEN n <= 2000 THEN 'w' || 1 + n % 50 ELSE 'lab' END;
CREATE TABLE parts AS SELECT id AS part, id, organization_id, workspace_id FROM docs;
CREATE INDEX docs_workspace ON docs (workspace_id, made);
CREATE INDEX parts_workspace ON parts (workspace_id);
CREATE INDEX parts_doc ON parts (id);
CREATE TABLE days (LIKE docs) PARTITION BY RANGE (made);
CREATE TABLE days_1 PARTITION OF days FOR VALUES FROM (0) TO (6000);
CREATE TABLE days_2 PARTITION OF days FOR VALUES FROM (6000) TO (20000);
INSERT INTO days SELECT * FROM docs;
SET default_statistics_target = 500;
ANALYZE docs, parts, days;
SELECT tenancy.protect(t, 'logs', 'organization_id', 'workspace_id') FROM unnest(ARRAY['docs', 'parts', 'days']::regclass[]) t;
GRANT SELECT ON docs, parts, days TO PUBLIC;
\o
-- The plan of a query with its costs, made while the session is somebody, without what says for which rights.
CREATE FUNCTION app.planned_for(who text, query text) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('tenancy.user', planned_for.who, true);
  RETURN app.plan_of(planned_for.query);
END
$$;
CREATE FUNCTION app.by_hand(query text) RETURNS int LANGUAGE plpgsql STRICT SECURITY DEFINER SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  plan jsonb;
BEGIN
  EXECUTE format('PREPARE by_hand (uuid) AS %s', by_hand.query);
  EXECUTE 'EXPLAIN (FORMAT JSON) EXECUTE by_hand (NULL)' INTO plan;
  DEALLOCATE by_hand;
  RETURN (plan -> 0 -> 'Plan' ->> 'Plan Rows')::float8;
END
$$;
CREATE TABLE queries (n int, query text, hand text);
INSERT INTO queries VALUES
  (1, 'SELECT FROM app.docs', 'SELECT FROM app.docs WHERE workspace_id = $1'),
  (2, 'SELECT FROM app.docs ORDER BY made DESC LIMIT 50', 'SELECT FROM app.docs WHERE workspace_id = $1 ORDER BY made DESC LIMIT 50'),
  (3, 'SELECT FROM app.docs JOIN app.parts USING (id)', NULL),
  (4, 'SELECT FROM app.docs d JOIN app.parts p ON p.workspace_id = d.workspace_id AND p.id = d.id', NULL),
  (5, 'SELECT FROM app.docs WHERE made < 500', 'SELECT FROM app.docs WHERE workspace_id = $1 AND made < 500'),
  (6, 'SELECT FROM app.days', 'SELECT FROM app.days WHERE workspace_id = $1'),
  (7, 'SELECT FROM app.docs WHERE EXISTS (SELECT FROM app.parts p WHERE p.id = docs.id)', NULL),
  (8, 'SELECT (SELECT count(*) FROM app.parts p WHERE p.id = docs.id) FROM app.docs', 'SELECT FROM app.docs WHERE workspace_id = $1');
GRANT SELECT ON queries TO PUBLIC;
SET SESSION AUTHORIZATION regress_app;
-- A plan of each principal's own is made for its rows.
SELECT n, app.planned_for('mike@acme.test', query) -> 'Plan Rows' AS few, app.planned_for('leo@globex.test', query) -> 'Plan Rows' AS many FROM queries WHERE n IN (1, 5, 6);
SET tenancy.share_plans = on;
SELECT n, app.planned_for('mike@acme.test', query) = app.planned_for('leo@globex.test', query) AS same_plan,
       app.planned_for('leo@globex.test', query) -> 'Plan Rows' AS rows, app.by_hand(hand) AS generic FROM queries ORDER BY n;
-- Each is found by the ids of whoever the session is when it runs.
PREPARE q AS SELECT count(*), sum(made) FROM docs JOIN parts USING (id);
SET tenancy."user" = 'mike@acme.test';
EXECUTE q;
SET tenancy."user" = 'leo@globex.test';
EXECUTE q;
-- Own rows of a member: two ids
RESET SESSION AUTHORIZATION;
RESET tenancy."user";
ALTER TABLE docs ADD COLUMN user_id uuid;
UPDATE docs SET user_id = CASE WHEN id <= 10 THEN 'cccccccc-0000-4000-8000-000000000004'::uuid WHEN id % 2 = 0 THEN 'cccccccc-0000-4000-8000-000000000009' ELSE md5((id % 20)::text)::uuid END;
SELECT tenancy.unprotect('docs'), tenancy.protect('docs', 'logs', 'organization_id', 'workspace_id', 'user_id'),
       tenancy.set_setting('acme', 'members_view_all_data', false), tenancy.set_setting('globex', 'members_view_all_data', false) \g /dev/null
ANALYZE docs;
SET SESSION AUTHORIZATION regress_app;
SELECT app.planned_for('mike@acme.test', query) = app.planned_for('leo@globex.test', query) AS same_plan,
       app.planned_for('leo@globex.test', query) -> 'Plan Rows' AS rows,
       app.by_hand('SELECT FROM app.docs WHERE workspace_id = $1 AND user_id = $1') AS generic FROM queries WHERE n = 1;
