-- Conditions that PostgreSQL takes for harmless and runs before policies: a function gets a column through something
-- else, the element of an array, or the value of CASE (some minor versions); a comparison decides whether a sub-select,
-- a sequence or a function without arguments runs; an array of arrays, or a leakproof function, raises an error (all versions).
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
\set plans :srcdir '/sql/include/plans.sql'
\i :plans
\set ECHO none
\o /dev/null
SET client_min_messages = warning;
CREATE TABLE notes (id int, organization_id uuid NOT NULL, workspace_id uuid NOT NULL, title text, tags int[], area circle, line lseg);
INSERT INTO notes SELECT n, w.organization_id, w.workspace_id, CASE w.slug WHEN 'search' THEN n::text ELSE 'hidden' END,
  CASE w.slug WHEN 'search' THEN '{1,2}' ELSE '{1,2,3}' END::int[], CASE w.slug WHEN 'search' THEN '<(0,0),1>' ELSE '<(0,0),1e200>' END::circle,
  CASE w.slug WHEN 'search' THEN '[(0,0),(1,1)]' ELSE '[(1.7e308,1.7e308),(-1.7e308,-1.7e308)]' END::lseg
FROM generate_series(1, 100) n JOIN tenancy.workspaces w ON w.slug = CASE n % 10 WHEN 0 THEN 'search' ELSE 'lab' END;
ALTER TABLE notes ADD PRIMARY KEY (id);
CREATE TABLE numbers AS SELECT n FROM generate_series(1, 100) n;
SELECT tenancy.protect('notes', 'logs', 'organization_id', 'workspace_id');
ANALYZE notes;
CREATE TABLE parts (LIKE notes) PARTITION BY RANGE (id);
CREATE TABLE parts1 PARTITION OF parts FOR VALUES FROM (1) TO (1000);
INSERT INTO parts SELECT * FROM notes;
SELECT tenancy.protect('parts', 'logs', 'organization_id', 'workspace_id', payload => '{title}');
SELECT tenancy.create_scoped_view('parts', 'parts_scoped');
ANALYZE parts;
CREATE FUNCTION told(text, int) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$ BEGIN IF $1 !~ '^[0-9]' THEN RAISE EXCEPTION 'leak of %', $1; END IF; RETURN true; END $$;
CREATE OPERATOR = (LEFTARG = text, RIGHTARG = int, FUNCTION = told);
CREATE FUNCTION told(text, bigint) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$ BEGIN IF $1 ~ 'globex' THEN RAISE EXCEPTION 'leak of %', $1; END IF; RETURN true; END $$;
CREATE OPERATOR = (LEFTARG = text, RIGHTARG = bigint, FUNCTION = told);
CREATE FUNCTION as_numbers(text) RETURNS int[] LANGUAGE sql STABLE AS 'SELECT (CASE WHEN true THEN ARRAY[$1] END)::int[]';
CREATE VIEW titles WITH (security_barrier, security_invoker) AS SELECT id, title FROM notes WHERE id > 0;
CREATE TYPE box1 AS (title text);
CREATE FUNCTION cast_told(text) RETURNS box1 LANGUAGE plpgsql IMMUTABLE COST 0.0001 AS $$ BEGIN RETURN CASE WHEN app.told($1, 1) THEN ROW($1)::app.box1 END; END $$;
CREATE CAST (text AS box1) WITH FUNCTION cast_told(text);
GRANT SELECT ON ALL TABLES IN SCHEMA app TO PUBLIC;
CREATE FUNCTION try(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  rows bigint;
BEGIN
  EXECUTE query;
  GET DIAGNOSTICS rows = ROW_COUNT;
  RETURN format('%s rows', rows);
EXCEPTION WHEN OTHERS THEN
  RETURN SQLERRM;
END
$$;
-- Raises when it runs on a row, be it hidden or not; costs more than a comparison, so as not to run on the session's own.
CREATE FUNCTION met() RETURNS boolean LANGUAGE plpgsql COST 2 AS $$ BEGIN RAISE EXCEPTION 'row met'; END $$;
CREATE SEQUENCE few MINVALUE 0 MAXVALUE 1 START 1;
GRANT USAGE ON SEQUENCE few TO PUBLIC;
SELECT nextval('few');
CREATE TABLE ids (z uuid);
INSERT INTO ids SELECT gen_random_uuid();
INSERT INTO ids SELECT organization_id FROM tenancy.workspaces WHERE slug = 'search';
INSERT INTO ids SELECT workspace_id FROM tenancy.workspaces WHERE slug = 'search';
CREATE FUNCTION all_parts() RETURNS SETOF parts_scoped LANGUAGE sql STABLE AS 'SELECT * FROM app.parts_scoped';
GRANT SELECT ON ids, parts_scoped TO PUBLIC;
CREATE COLLATION nd (provider = icu, locale = 'und', deterministic = false);
-- Records of different types cannot be compared.
CREATE FUNCTION compared(one int) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
  RETURN (SELECT count(*) FROM app.notes WHERE CASE WHEN title >= 'hidden' THEN greatest(ROW(one), ROW('x'::text)) IS NOT NULL END);
END
$$;
CREATE TABLE shapes (n serial, shape text);
INSERT INTO shapes (shape) VALUES
  ('SELECT FROM app.notes WHERE (CASE WHEN true THEN ARRAY[title] END)::int[] IS NOT NULL'),
  ('SELECT FROM app.notes WHERE CASE title WHEN 1 THEN true END'),
  ('SELECT FROM app.notes WHERE (CASE WHEN true THEN ARRAY[title] END)::app.box1[] IS NOT NULL'),
  ('SELECT FROM app.notes WHERE app.as_numbers(title) IS NOT NULL'),
  ('SELECT FROM app.notes WHERE 7 <> ALL ((CASE WHEN true THEN ARRAY[title] END)::int[])'),
  ('SELECT FROM app.titles WHERE CASE title WHEN 1 THEN true END'),
  ('SELECT FROM app.notes UNION ALL SELECT FROM app.notes WHERE (CASE WHEN true THEN ARRAY[title] END)::int[] IS NOT NULL'),
  ('SELECT FROM app.numbers JOIN app.notes ON id = n AND (CASE WHEN true THEN ARRAY[title] END)::int[] = ARRAY[n]'),
  ('SELECT FROM app.numbers WHERE EXISTS (SELECT FROM app.notes WHERE id = n AND CASE title WHEN 1 THEN true END)'),
  ('SELECT (SELECT count(*) FROM app.notes WHERE CASE title WHEN 1 THEN true END)'),
  ('SELECT FROM generate_series(1, (SELECT count(*) FROM app.notes WHERE CASE title WHEN 1 THEN true END))'),
  ('WITH w AS MATERIALIZED (SELECT FROM app.notes WHERE CASE title WHEN 1 THEN true END) SELECT FROM w'),
  ('SELECT FROM app.notes WHERE CASE WHEN title >= ANY (''{hidden}'') THEN (SELECT 1 / (random() * 0)::int > 0) END'),
  ('SELECT FROM app.notes WHERE title >= ANY (''{hidden}'') AND id IS DISTINCT FROM (SELECT 1 / (random() * 0)::int)'),
  ('SELECT FROM app.notes WHERE NOT (title >= ANY (''{hidden}'') AND (SELECT 1 / (random() * 0)::int > 0))'),
  ('SELECT id FROM app.numbers LEFT JOIN app.notes ON id = n AND CASE WHEN title >= ANY (''{hidden}'') THEN (SELECT 1 / (random() * 0)::int > 0) END'),
  ('SELECT FROM app.numbers JOIN app.notes ON id = n AND title >= ANY (''{hidden}'') AND n = coalesce(id, (SELECT 1 / (random() * 0)::int))
    AND organization_id IS DISTINCT FROM (SELECT CASE WHEN 1 / (random() * 0)::int > 0 THEN gen_random_uuid() END)'),
  ('SELECT FROM app.titles WHERE CASE WHEN title >= ANY (''{hidden}'') THEN (SELECT 1 / (random() * 0)::int > 0) END'),
  ('SELECT FROM app.notes WHERE title >= ''hidden'' AND app.met()'),
  ('SELECT FROM app.notes WHERE title >= ''hidden'' AND nextval(''app.few'') > 0'),
  ('SELECT FROM tenancy.members WHERE CASE WHEN email = ANY (''{gus@globex.test}'') THEN (SELECT 1 / (random() * 0)::int > 0) END'),
  ('SELECT FROM tenancy.users WHERE CASE WHEN email = ANY (''{gus@globex.test}'') THEN (SELECT 1 / (random() * 0)::int > 0) END'),
  -- The planner derives that the CASE equals the policy's id.
  ('SELECT FROM app.notes WHERE CASE WHEN title >= ''hidden'' THEN (SELECT gen_random_uuid() WHERE 1 / (random() * 0)::int > 0) END = workspace_id
    AND workspace_id = organization_id'),
  ('SELECT FROM app.notes, app.ids WHERE CASE WHEN title >= ''hidden'' THEN (SELECT gen_random_uuid() WHERE 1 / (random() * 0)::int > 0) END = z
    AND z = organization_id AND z = workspace_id'),
  ('SELECT FROM app.notes WHERE title >= ''hidden'' AND organization_id = workspace_id
    AND workspace_id = (SELECT gen_random_uuid() WHERE 1 / (random() * 0)::int > 0)'),
  ('SELECT FROM app.parts, app.ids WHERE CASE WHEN title >= ''hidden'' THEN (SELECT gen_random_uuid() WHERE 1 / (random() * 0)::int > 0) END = z
    AND z = organization_id AND z = workspace_id'),
  ('SELECT FROM tenancy.organizations, app.ids WHERE CASE WHEN name >= ''Globex'' THEN (SELECT gen_random_uuid() WHERE 1 / (random() * 0)::int > 0) END = z
    AND z = organization_id'),
  -- A scoped view has its filter in its WHERE, where the planner puts the query's conditions.
  ('SELECT FROM app.parts_scoped WHERE CASE WHEN workspace_id = (SELECT z FROM app.ids OFFSET 2) THEN true ELSE app.met() END'),
  ('SELECT FROM app.parts_scoped WHERE workspace_id <> (SELECT z FROM app.ids OFFSET 2) AND app.met()'),
  ('SELECT FROM app.parts_scoped WHERE workspace_id <> (SELECT z FROM app.ids OFFSET 2) AND nextval(''app.few'') > 0'),
  ('SELECT FROM app.parts_scoped, app.ids WHERE CASE WHEN workspace_id <> (SELECT z FROM app.ids OFFSET 2) THEN (SELECT gen_random_uuid() WHERE 1 / (random() * 0)::int > 0) END = z
    AND z = organization_id AND z = workspace_id'),
  ('SELECT FROM app.all_parts() WHERE workspace_id <> (SELECT z FROM app.ids OFFSET 2) AND app.met()'),
  -- The filter's own functions, called by the query
  ('SELECT FROM app.parts_scoped WHERE CASE WHEN workspace_id = ''bbbbbbbb-0000-4000-8000-000000000002'' THEN tenancy.plan_guard(1, ''infinity'', true) ELSE true END'),
  ('SELECT FROM app.parts_scoped WHERE CASE WHEN workspace_id = ''bbbbbbbb-0000-4000-8000-000000000002'' THEN tenancy.shape_guard(''bbbbbbbb-0000-4000-8000-000000000002'', ''nobody'', ''bbbbbbbb-0000-4000-8000-000000000002'') ELSE true END'),
  ('SELECT FROM app.parts_scoped WHERE CASE WHEN workspace_id = ''bbbbbbbb-0000-4000-8000-000000000002'' THEN tenancy.filter_id(''nobody'') IS NULL ELSE true END'),
  ('SELECT FROM app.parts_scoped WHERE CASE WHEN workspace_id = ''bbbbbbbb-0000-4000-8000-000000000002'' THEN tenancy.row_visible(''nothing'', ''view'', ''bbbbbbbb-0000-4000-8000-000000000002''::uuid, NULL::uuid, NULL::uuid, NULL::uuid) ELSE true END'),
  -- Errors of what is leakproof
  ('SELECT FROM app.notes WHERE ARRAY[tags, ''{1,2}''] IS NOT NULL'),
  ('SELECT FROM app.titles, app.notes n WHERE n.id = titles.id AND ARRAY[n.tags, ''{1,2}''] IS NOT NULL'),
  ('SELECT FROM app.notes WHERE area < circle(point(0, 0), 2)'),
  ('SELECT FROM app.notes WHERE line > lseg(point(0, 0), point(0, 1))'),
  ('SELECT FROM app.notes WHERE CASE WHEN title >= ''hidden'' THEN starts_with(title COLLATE app.nd, ''x'') END');
GRANT SELECT ON shapes TO PUBLIC;
RESET client_min_messages;
\o
\set ECHO all
-- Whom no policy concerns meets the hidden rows
SELECT n, try(shape) FROM shapes ORDER BY n;
SELECT try('SELECT FROM tenancy.users WHERE CASE email WHEN 1::bigint THEN true END') ~ 'globex' AS leaks;
SET plan_cache_mode = force_generic_plan;
SELECT try('SELECT app.compared(1)');
RESET plan_cache_mode;
SET SESSION AUTHORIZATION regress_app;
CALL become('mike');
SELECT n, try(shape) FROM shapes ORDER BY n;
-- In the cheapest order for a leak: the filter costs more than the condition
CALL become('ben');
SELECT n, try(shape) FROM shapes ORDER BY n;
-- An argument is not known before a generic plan is executed.
SET plan_cache_mode = force_generic_plan;
SELECT try('SELECT app.compared(1)');
RESET plan_cache_mode;
-- Comparisons that cost nothing come in the order of the planner's lists.
SET cpu_operator_cost = 0;
SET enable_indexscan = off;
SET enable_bitmapscan = off;
SELECT n, try(shape) FROM shapes ORDER BY n;
CALL become('olivia');
SELECT n, try(shape) FROM shapes ORDER BY n;
-- A guard raises errors, for rows of others too. It is behind the filter, whatever that costs.
CALL become('mike');
SET tenancy.share_plans = on;
SELECT try('SELECT FROM app.notes WHERE title = ''hidden''') AS hidden, try('SELECT FROM app.notes WHERE title = ''absent''') AS absent;
RESET tenancy.share_plans;
SELECT filter ~ '^\(\(workspace_id.*plan_guard' AS guard_last FROM nodes(plan_of('SELECT FROM app.notes')), LATERAL (SELECT node ->> 'Filter') f (filter);
CALL become('ben');
RESET cpu_operator_cost;
RESET enable_indexscan;
RESET enable_bitmapscan;
SELECT trust('all');
SET enable_seqscan = off;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SELECT n, try(shape) FROM shapes ORDER BY n;
-- The extension's own catalogs
SELECT try('SELECT FROM tenancy.users WHERE CASE email WHEN 1::bigint THEN true END') ~ 'globex' AS leaks;
-- Joins that a partition's scan decides: a derived condition with a column of the other table
RESET SESSION AUTHORIZATION;
\o /dev/null
CALL become('nobody');
SELECT tenancy.create_workspace('acme', 'more ' || n, slug => 'more' || n), tenancy.set_workspace_role('acme/more' || n, 'ben@acme.test', 'manager') FROM generate_series(1, 6) n;
SELECT tenancy.create_workspace('acme', 'apart', slug => 'apart');
CREATE TABLE joined (id int, organization_id uuid NOT NULL, workspace_id uuid NOT NULL, body text,
  FOREIGN KEY (workspace_id, organization_id) REFERENCES tenancy.workspaces (workspace_id, organization_id)) PARTITION BY RANGE (id);
CREATE TABLE joined1 PARTITION OF joined FOR VALUES FROM (1) TO (10000);
CREATE INDEX ON joined (id);
CREATE INDEX ON joined (organization_id, id);
INSERT INTO joined SELECT n, w.organization_id, w.workspace_id, CASE w.slug WHEN 'search' THEN 'aaa' ELSE 'hidden' END
FROM generate_series(1, 5000) n JOIN tenancy.workspaces w ON w.slug = CASE n % 10 WHEN 0 THEN 'search' ELSE 'apart' END;
SELECT tenancy.protect('joined', 'logs', 'organization_id', 'workspace_id');
CREATE TABLE pairs AS SELECT n, gen_random_uuid() AS z, 'x' COLLATE "C" AS c, 'x' COLLATE "POSIX" AS d FROM generate_series(1, 20) n;
CREATE FUNCTION dear(int) RETURNS boolean LANGUAGE plpgsql COST 1000 AS 'BEGIN RETURN false; END';
CREATE TABLE plain (x int, y int, title text) PARTITION BY RANGE (x);
CREATE TABLE plain1 PARTITION OF plain FOR VALUES FROM (1) TO (1000);
INSERT INTO plain SELECT n, n, 'hidden' FROM generate_series(1, 50) n;
CREATE INDEX ON plain (x);
CREATE POLICY p ON plain USING (x = y AND dear(x));
ALTER TABLE plain ENABLE ROW LEVEL SECURITY;
ANALYZE joined, pairs, plain;
GRANT SELECT ON joined, pairs, plain TO PUBLIC;
SET SESSION AUTHORIZATION regress_app;
CALL become('ben');
RESET cpu_operator_cost;
SET enable_memoize = off;
SET enable_material = off;
\o
SELECT try($$SELECT id FROM app.pairs, app.joined WHERE id = n
  AND CASE WHEN body > 'b' THEN (SELECT gen_random_uuid() WHERE 1 / (random() * 0)::int > 0) ELSE z END = organization_id ORDER BY id LIMIT 5$$);
SELECT try($$SELECT id FROM app.pairs, app.joined WHERE id = n
  AND CASE WHEN body > 'b' THEN (SELECT gen_random_uuid() WHERE 1 / (random() * 0)::int > 0) ELSE z END = workspace_id$$);
SELECT try($$SELECT x FROM app.pairs, app.plain WHERE x = n AND CASE WHEN title >= 'hidden' AND n > 0 THEN (SELECT 1 / (random() * 0)::int) END = x$$);
-- of texts with different collations
SELECT try($$SELECT id FROM app.pairs, app.joined WHERE id = n AND CASE WHEN body > 'b' THEN c < d ELSE true END ORDER BY id LIMIT 5$$);
SELECT try('SELECT id FROM app.pairs, app.joined WHERE id = n ORDER BY id LIMIT 5') AS own;
