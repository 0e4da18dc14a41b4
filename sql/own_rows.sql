-- A query's own condition in a protected table finds its index where the index begins with the tenant: nothing that it runs on
-- is of others. The same by hand, as a superuser, whom no policy concerns.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
\set plans :srcdir '/sql/include/plans.sql'
\i :plans
\set ECHO none
\o /dev/null
SET client_min_messages = warning;
-- From PostgreSQL 18 on
SELECT set_config(name, 'off', false) FROM pg_settings WHERE name = 'enable_self_join_elimination';
CREATE TYPE stage AS ENUM ('new', 'open', 'done');
-- Every third row is of acme/search, acme/support, globex/lab. All rows are alike, but for who has them.
CREATE TABLE docs (id int PRIMARY KEY, organization_id uuid NOT NULL, workspace_id uuid NOT NULL, user_id uuid, stage stage, price numeric, day date, at timestamp,
                   made timestamptz, title text, email text, doc jsonb, region text DEFAULT 'eu');
INSERT INTO docs
SELECT n, organization_id, workspace_id, CASE WHEN n % 30 < 3 THEN 'cccccccc-0000-4000-8000-000000000004'::uuid END,
       (ARRAY['new', 'open', 'done'])[1 + (n % 150 < 3)::int + (n % 600 < 3)::int]::stage, n / 10.0, date '2025-01-01' + n / 30, timestamp '2025-01-01' + n * interval '1 hour',
       timestamptz '2025-01-01' + n * interval '1 hour', md5((n / 3)::text), 'U' || n / 3 || '@x.test', jsonb_build_object('n', n / 3)
FROM generate_series(0, 8999) n, LATERAL (SELECT * FROM tenancy.workspaces WHERE slug IN ('search', 'support', 'lab') ORDER BY workspace_id OFFSET n % 3 LIMIT 1) w;
CREATE INDEX docs_stage ON docs (workspace_id, stage);
CREATE INDEX docs_price ON docs (workspace_id, price);
CREATE INDEX docs_of_organization ON docs (organization_id, price);
CREATE INDEX docs_day ON docs (workspace_id, day);
CREATE INDEX docs_at ON docs (workspace_id, at);
CREATE INDEX docs_made ON docs (workspace_id, made);
CREATE INDEX docs_title ON docs (workspace_id, title text_pattern_ops);
CREATE INDEX docs_email ON docs (workspace_id, lower(email));
CREATE INDEX docs_n ON docs (workspace_id, (doc ->> 'n'));
VACUUM ANALYZE docs;
SELECT tenancy.protect('docs', 'logs', 'organization_id', 'workspace_id', 'user_id');
CREATE TABLE settings_in_force (name text, value text);

-- Index and condition of each node that has one. Ids are as short as they are different.
CREATE FUNCTION shortened(condition text) RETURNS text LANGUAGE sql AS $$
  SELECT regexp_replace(regexp_replace(condition, '''?([a-d])\1{7}-0000-4000-8000-00000000000(\d)''?(::uuid)?', '\1\2', 'g'), '::(text|numeric|docs)\M', '', 'g')
$$;
-- Where it is about the tenant alone, any index that begins with it will do.
CREATE FUNCTION indexes_of(plan jsonb) RETURNS text LANGUAGE sql AS $$
  SELECT coalesce(string_agg(CASE WHEN condition ~ '\m(price|stage|made|day|at|title|lower|doc|id|region)\M' THEN format('%s %s', node ->> 'Index Name', condition) ELSE format('by tenant %s', condition) END, '; '), '-')
  FROM app.nodes(plan), app.shortened(node ->> 'Index Cond') condition WHERE node ? 'Index Name'
$$;
-- With the conditions that decide, in whatever order they stand.
CREATE FUNCTION indexes(who text, query text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  CALL app.become(who, true);
  PERFORM set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true), set_config('enable_sort', 'off', true);
  RETURN app.indexes_of(app.plan_of(query));
END
$$;
RESET client_min_messages;
\o
GRANT SELECT, UPDATE, DELETE ON ALL TABLES IN SCHEMA app TO PUBLIC;
\set ECHO all

-- The index of the condition: without, and in the default mode
SHOW tenancy.trusted_conditions;
CREATE TABLE conditions (n serial, condition text);
INSERT INTO conditions (condition) VALUES
  ('stage = ''done'''), ('stage = ANY (''{open,done}'')'), ('price > 870'), ('price = 42'), ('price IN (42, 43.5)'), ('(price, stage) > (870, ''done'')'),
  ('made >= date ''2025-12-01'''), ('made < timestamp ''2025-01-02'''), ('at > timestamptz ''2025-12-01'''), ('day >= timestamp ''2025-10-20'''), ('made >= current_date - 7'),
  ('at > now() - interval ''7 days'''), ('title LIKE ''abc%'''), ('lower(email) = ''u77@x.test'''), ('doc ->> ''n'' = ''77''');
GRANT SELECT ON conditions TO PUBLIC;
SET SESSION AUTHORIZATION regress_app;
SELECT trust('none');
SELECT DISTINCT left(indexes('mike', 'SELECT * FROM app.docs WHERE ' || condition), 30) AS index, count(*) FROM conditions GROUP BY 1;
SELECT trust('own_rows');
SELECT condition, indexes('mike', 'SELECT * FROM app.docs WHERE ' || condition) FROM conditions ORDER BY n;
-- an owner's rows are told by the organization, a member's of two workspaces by both
SELECT indexes('olivia', 'SELECT * FROM app.docs WHERE price > 870'), indexes('olivia', 'SELECT * FROM app.docs WHERE stage = ''done''');
RESET SESSION AUTHORIZATION;
SELECT tenancy.set_workspace_role('acme/support', 'mike@acme.test', 'member');
SET SESSION AUTHORIZATION regress_app;
SELECT indexes('mike', 'SELECT * FROM app.docs WHERE price > 870');
RESET SESSION AUTHORIZATION;
SELECT tenancy.remove_workspace_member('acme/support', 'mike@acme.test');

-- The same rows, by as many pages as by hand
\set ECHO none
CREATE FUNCTION read_by(query text) RETURNS TABLE (rows int, pages int, passed_over int) LANGUAGE sql AS $$
  SELECT (plan ->> 'Actual Rows')::float::int, (plan ->> 'Shared Hit Blocks')::int + (plan ->> 'Shared Read Blocks')::int,
         (SELECT coalesce(sum((node ->> 'Rows Removed by Filter')::float), 0)::int FROM app.nodes(plan))
  FROM app.plan_of(query, 'ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON') plan
$$;
CREATE FUNCTION read_as(who text, query text, mode text) RETURNS TABLE (rows int, pages int, passed_over int) LANGUAGE plpgsql AS $$
BEGIN
  CALL app.become(who, true);
  PERFORM app.trust(mode), set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true);
  RETURN QUERY SELECT * FROM app.read_by(query);
END
$$;
CREATE FUNCTION read_by_hand(query text) RETURNS TABLE (rows int, pages int, passed_over int) LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  PERFORM set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true);
  RETURN QUERY SELECT * FROM app.read_by(query);
END
$$;
\set ECHO all
SET SESSION AUTHORIZATION regress_app;
SELECT condition, hand.rows = own.rows AS same_rows, own.pages <= hand.pages AS pages_as_by_hand, none.pages > 3 * own.pages AS more_without, none.passed_over > 2900 AS reads_all_without
FROM conditions,
  LATERAL read_by_hand(format('SELECT * FROM app.docs WHERE workspace_id = ''aaaaaaaa-0000-4000-8000-000000000002'' AND (%s)', condition)) hand,
  LATERAL read_as('mike', 'SELECT * FROM app.docs WHERE ' || condition, 'own_rows') own, LATERAL read_as('mike', 'SELECT * FROM app.docs WHERE ' || condition, 'none') none
WHERE condition !~ 'now|current|^\(' ORDER BY n;
SELECT trust('own_rows');

-- Anywhere in a query: joins, outer joins, sub-queries, views, UPDATE and DELETE, beside functions of users
RESET SESSION AUTHORIZATION;
CREATE VIEW done WITH (security_invoker) AS SELECT * FROM docs WHERE stage = 'done';
CREATE FUNCTION of_user(text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$ BEGIN RETURN true; END $$;
GRANT SELECT ON done TO PUBLIC;
SET SESSION AUTHORIZATION regress_app;
SELECT query, indexes('mike', query) FROM (VALUES
  (1, 'SELECT FROM app.docs a JOIN app.docs b ON a.price = b.price WHERE a.id = 3'),
  (2, 'SELECT FROM app.docs a LEFT JOIN app.docs b ON a.price = b.price AND b.stage = ''open'' WHERE a.id = 3'),
  (3, 'SELECT FROM app.people p LEFT JOIN app.docs b ON b.price = p.n + 0.5 WHERE p.n = 1'),
  (4, 'SELECT FROM app.people p WHERE EXISTS (SELECT FROM app.docs b WHERE b.price = p.n)'),
  (5, 'SELECT (SELECT max(price) FROM app.docs WHERE price < 100)'),
  (6, 'WITH w AS MATERIALIZED (SELECT * FROM app.docs WHERE price = 42) SELECT FROM w'),
  (7, 'SELECT FROM app.done'), (8, 'SELECT FROM app.docs WHERE price = 42 AND id IN (SELECT id FROM app.docs WHERE stage = ''done'')'),
  (9, 'SELECT (SELECT max(id) FROM app.docs b WHERE b.price = p.n) FROM app.people p'), (10, 'SELECT FROM app.people p, LATERAL (SELECT FROM app.docs b WHERE b.price > p.n AND b.stage = ''done'' ORDER BY price LIMIT 5) b'),
  (11, 'SELECT FROM app.docs WHERE price = 42 AND app.of_user(title)'), (12, 'SELECT FROM app.docs WHERE price = 42 ORDER BY app.of_user(title)'),
  (13, 'SELECT FROM app.docs WHERE price > 5 ORDER BY price DESC LIMIT 3')) q (n, query) ORDER BY n;

-- Not: either side of OR, another function, a sub-select, what isn't known to be well formed, other collations, a sample
SELECT query, indexes('mike', 'SELECT FROM app.docs WHERE ' || query) FROM (VALUES
  (1, 'price = 42 OR stage = ''done'''), (2, 'price + 0 = 42'), (3, 'price = abs(-42)'), (4, 'price = (SELECT 42)'), (5, 'price > (SELECT avg(n) FROM app.people)'),
  (6, 'title LIKE ''abc\'''), (7, 'price = 1 / (1 - random())::numeric'), (8, 'lower(email) = version()'), (9, 'stage::text = ''done'''), (10, 'doc ->> ''n'' = upper(''x'' || random())')) q (n, query) ORDER BY n;
SELECT indexes('mike', 'SELECT FROM app.docs TABLESAMPLE SYSTEM (100) WHERE price = 42');
-- Others' rows by name: the filter stays, and nobody's rows are read
SELECT indexes('mike', 'SELECT FROM app.docs WHERE price = 42 AND workspace_id = ''bbbbbbbb-0000-4000-8000-000000000002''');
-- Where own rows are told by more than the index begins with: not, until it does
RESET SESSION AUTHORIZATION;
SELECT tenancy.set_setting('acme', 'members_view_all_data', false) IS NOT NULL AS restricted;
SET SESSION AUTHORIZATION regress_app;
SELECT indexes('mike', 'SELECT FROM app.docs WHERE price = 42');
RESET SESSION AUTHORIZATION;
CREATE INDEX docs_of_user ON docs (user_id, workspace_id, price);
SET SESSION AUTHORIZATION regress_app;
SELECT indexes('mike', 'SELECT FROM app.docs WHERE price = 42');
RESET SESSION AUTHORIZATION;
DROP INDEX docs_of_user;
CREATE INDEX docs_of_user ON docs (workspace_id, workspace_id, price);
SET SESSION AUTHORIZATION regress_app;
SELECT indexes('mike', 'SELECT FROM app.docs WHERE price = 42');
RESET SESSION AUTHORIZATION;
DROP INDEX docs_of_user;
SELECT tenancy.set_setting('acme', 'members_view_all_data', true) IS NOT NULL AS restricted;

-- A policy of others that stands before ours, and its index: the condition would run on other tenants' rows of that region.
CREATE INDEX docs_region ON docs (region, price);
CREATE POLICY eu ON docs AS RESTRICTIVE USING (region = 'eu');
SET SESSION AUTHORIZATION regress_app;
SELECT indexes('mike', 'SELECT FROM app.docs WHERE price = 42');
RESET SESSION AUTHORIZATION;
DROP POLICY eu ON docs;
DROP INDEX docs_region;
-- One that adds rows, which guard rails refuse
SET tenancy.guard_rails = off;
CREATE POLICY everybody ON docs USING (region = 'all');
RESET tenancy.guard_rails;
SET SESSION AUTHORIZATION regress_app;
SELECT indexes('mike', 'SELECT FROM app.docs WHERE price = 42');
RESET SESSION AUTHORIZATION;
DROP POLICY everybody ON docs;
-- One that looks like ours, and is nobody's
CREATE POLICY mine ON docs AS RESTRICTIVE USING (workspace_id = 'aaaaaaaa-0000-4000-8000-000000000002' AND region = 'eu');
SET SESSION AUTHORIZATION regress_app;
SELECT indexes('mike', 'SELECT FROM app.docs WHERE price = 42');
RESET SESSION AUTHORIZATION;
DROP POLICY mine ON docs;

-- The policies for UPDATE and SELECT compare different columns: together they limit the rows visited.
CREATE TABLE wide (LIKE docs, workspace_of_writer uuid);
INSERT INTO wide SELECT *, workspace_id FROM docs;
ALTER TABLE wide ENABLE ROW LEVEL SECURITY;
CREATE POLICY seen ON wide FOR SELECT USING (tenancy.row_visible('prompts', 'view', organization_id, workspace_id, NULL, NULL));
CREATE POLICY changed ON wide FOR UPDATE USING (tenancy.row_visible('prompts', 'update', organization_id, workspace_of_writer, NULL, NULL));
CREATE INDEX wide_price ON wide (workspace_id, price);
CREATE INDEX wide_of_writer ON wide (workspace_of_writer, price);
ANALYZE wide;
GRANT SELECT, UPDATE, DELETE ON wide TO PUBLIC;
SET SESSION AUTHORIZATION regress_app;
SELECT indexes('wanda', 'SELECT FROM app.wide WHERE price = 42'), indexes('wanda', 'UPDATE app.wide SET title = NULL WHERE price = 42'), indexes('wanda', 'SELECT FROM app.wide WHERE price = 42 FOR UPDATE');
RESET SESSION AUTHORIZATION;
CREATE INDEX wide_of_both ON wide (workspace_of_writer, workspace_id, price);
SET SESSION AUTHORIZATION regress_app;
SELECT indexes('wanda', 'SELECT FROM app.wide WHERE price = 42'), indexes('wanda', 'UPDATE app.wide SET title = NULL WHERE price = 42');
RESET SESSION AUTHORIZATION;
-- UPDATE and DELETE where both say the same
ALTER POLICY changed ON wide USING (tenancy.row_visible('prompts', 'update', organization_id, workspace_id, NULL, NULL));
CREATE POLICY deleted ON wide FOR DELETE USING (tenancy.row_visible('prompts', 'delete', organization_id, workspace_id, NULL, NULL));
SET SESSION AUTHORIZATION regress_app;
SELECT indexes('wanda', query) FROM unnest(ARRAY['UPDATE app.wide SET title = NULL WHERE price = 42', 'DELETE FROM app.wide WHERE price = 42',
  'DELETE FROM app.wide w USING app.people p WHERE w.price = 42', 'MERGE INTO app.wide w USING app.people p ON w.price = 42 WHEN MATCHED THEN UPDATE SET title = NULL']) query;
RESET SESSION AUTHORIZATION;

-- Ids as text: an index of another collation isn't led by the filter, though its first column is the tenant's.
CREATE TABLE texts (organization text, workspace text, price numeric);
INSERT INTO texts SELECT CASE n % 3 WHEN 2 THEN '2' ELSE '1' END, CASE n % 3 WHEN 0 THEN '12' WHEN 1 THEN '13' ELSE '22' END, n FROM generate_series(1, 3000) n;
CREATE INDEX texts_collated ON texts (workspace COLLATE "POSIX", price);
ANALYZE texts;
SET client_min_messages = warning;
SELECT tenancy.protect('texts', 'logs', 'organization', 'workspace') IS NOT NULL AS protected;
RESET client_min_messages;
SET SESSION AUTHORIZATION regress_app;
SELECT indexes('mike', 'SELECT FROM app.texts WHERE price = 42');
RESET SESSION AUTHORIZATION;
CREATE INDEX texts_plain ON texts (workspace, price);
SET SESSION AUTHORIZATION regress_app;
SELECT indexes('mike', 'SELECT FROM app.texts WHERE price = 42');
RESET SESSION AUTHORIZATION;

-- Partitions: of whatever key, by an index that begins with the tenant; of one tenant, by any
CREATE TABLE parts (LIKE docs) PARTITION BY LIST (organization_id);
CREATE TABLE parts_acme PARTITION OF parts FOR VALUES IN ('aaaaaaaa-0000-4000-8000-000000000000') PARTITION BY RANGE (price);
CREATE TABLE parts_acme_low PARTITION OF parts_acme FOR VALUES FROM (MINVALUE) TO (500);
CREATE TABLE parts_acme_high (others int, LIKE docs);
ALTER TABLE parts_acme_high DROP COLUMN others;
ALTER TABLE parts_acme ATTACH PARTITION parts_acme_high FOR VALUES FROM (500) TO (MAXVALUE);
CREATE TABLE parts_rest PARTITION OF parts DEFAULT;
INSERT INTO parts TABLE docs;
CREATE INDEX parts_price ON parts (price);
CREATE INDEX parts_doc ON parts USING gin (doc);
ANALYZE parts;
SET client_min_messages = warning;
SELECT tenancy.protect('parts', 'logs', 'organization_id', 'workspace_id', 'user_id') IS NOT NULL AS protected;
RESET client_min_messages;
GRANT SELECT ON ALL TABLES IN SCHEMA app TO PUBLIC;
\set ECHO none
CREATE FUNCTION scans(who text, query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
  CALL app.become(who, true);
  PERFORM set_config('enable_seqscan', 'off', true);
  RETURN QUERY SELECT app.indexes_of(node - 'Plans') FROM app.nodes(app.plan_of(query)) WHERE node ? 'Index Name' ORDER BY 1;
END
$$;
\set ECHO all
SET SESSION AUTHORIZATION regress_app;
SELECT scans('olivia', 'SELECT FROM app.parts WHERE price BETWEEN 499.9 AND 500.1');
SELECT scans('olivia', 'SELECT FROM app.parts WHERE doc @> ''{"n": 77}''');
-- by name; a member's filter isn't what the partition is made by; nor is a default partition of one tenant
SELECT scans('olivia', 'SELECT FROM app.parts_acme_high WHERE price = 700'), scans('mike', 'SELECT FROM app.parts WHERE price = 700'), scans('gus', 'SELECT FROM app.parts WHERE price = 700');
RESET SESSION AUTHORIZATION;
CREATE INDEX parts_of_workspace ON parts (workspace_id, organization_id, price);
SET SESSION AUTHORIZATION regress_app;
SELECT scans('mike', 'SELECT FROM app.parts WHERE price = 700');
-- UNION ALL of protected tables is planned as parts of one
SELECT scans('mike', 'SELECT FROM (SELECT price FROM app.docs UNION ALL SELECT price FROM app.texts) u WHERE price = 42');
RESET SESSION AUTHORIZATION;

-- A partial index of own rows; by a bitmap that has grown too large, the condition would run on others' rows of the page
DROP INDEX docs_price;
CREATE INDEX docs_search ON docs (price) WHERE workspace_id = 'aaaaaaaa-0000-4000-8000-000000000002';
SET SESSION AUTHORIZATION regress_app;
SELECT indexes('mike', 'SELECT FROM app.docs WHERE price = 42');
BEGIN;
SET LOCAL enable_indexscan = off;
SELECT scans('mike', 'SELECT FROM app.docs WHERE price = 42');
ROLLBACK;
RESET SESSION AUTHORIZATION;
DROP INDEX docs_search;
CREATE INDEX docs_eu ON docs (workspace_id, price) WHERE region = 'eu';
SET SESSION AUTHORIZATION regress_app;
SELECT indexes('mike', 'SELECT FROM app.docs WHERE price = 42 AND region = ''eu''');
RESET SESSION AUTHORIZATION;
DROP INDEX docs_eu;
CREATE INDEX docs_price ON docs (workspace_id, price);

-- Shared plans and prepared statements: the key is looked up when the scan begins
SET SESSION AUTHORIZATION regress_app;
SET tenancy.share_plans = on;
SET plan_cache_mode = force_generic_plan;
CALL become('mike');
PREPARE priced (numeric) AS SELECT count(*), min(workspace_id::text), max(workspace_id::text) FROM docs WHERE price > $1;
SELECT indexes_of(plan_of('EXECUTE priced (870)'));
EXECUTE priced (870);
CALL become('wanda');
EXECUTE priced (870);
CALL become('olivia');
EXECUTE priced (870);
RESET tenancy.share_plans;
RESET plan_cache_mode;
CALL become('nobody');
DEALLOCATE priced;
-- The setting is a superuser's.
SET tenancy.trusted_conditions = 'all';
RESET SESSION AUTHORIZATION;

-- Nobody's rows: no scan, of our tables only. A condition that is false by itself leaves other tables' plans as they are.
CREATE TABLE plain AS SELECT n AS id FROM generate_series(1, 10) n;
GRANT SELECT ON plain TO PUBLIC;
SET SESSION AUTHORIZATION regress_app;
SELECT p ->> 'Node Type' AS node, (p -> 'Plans' -> 0) IS NULL AS alone FROM plan_of('SELECT FROM app.docs WHERE app.of_user(title)') p;
-- as it is in a session that hasn't loaded the module
\c - regress_app
SET search_path = app;
\set false_by_itself 'SELECT FROM app.plain LEFT JOIN (SELECT id, app.of_user(''x'') AS yes FROM app.plain WHERE id = 1) s ON s.yes AND s.id = 2 WHERE plain.id = 1'
SELECT count(*) AS loaded FROM pg_settings WHERE name = 'tenancy.trusted_conditions';
SELECT plan_of(:'false_by_itself') AS before \gset
CALL become('olivia');
SELECT count(*) AS sees FROM docs;
SELECT plan_of(:'false_by_itself') = :'before' AS same;
\c - postgres
SET search_path = app;

-- What is compared: an index whose comparison raises when it meets a price of another tenant's. First that it would.
\set ECHO none
CREATE FUNCTION wary(a numeric, b numeric) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  IF EXISTS (SELECT FROM unnest(ARRAY[a, b]) p WHERE p % 1 <> 0 AND p % 1 <> ALL (nullif(current_setting('app.own', true), '')::numeric[])) THEN
    RAISE 'met % or %', a, b;
  END IF;
  RETURN CASE WHEN a < b THEN -1 WHEN a > b THEN 1 ELSE 0 END;
END
$$;
\set ECHO all
CREATE OPERATOR CLASS wary_ops FOR TYPE numeric USING btree AS OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 wary(numeric, numeric);
-- search has .2, support .3, lab .4; whole numbers are what is asked for
CREATE TABLE wary (id serial, organization_id uuid, workspace_id uuid, user_id uuid, price numeric, filler text);
INSERT INTO wary (organization_id, workspace_id, price, filler)
SELECT organization_id, workspace_id, n + CASE slug WHEN 'search' THEN 0.2 WHEN 'support' THEN 0.3 ELSE 0.4 END, repeat('x', 100)
FROM generate_series(1, 3000) n, tenancy.workspaces WHERE slug IN ('search', 'support', 'lab') ORDER BY n % 7, n, slug;
SET client_min_messages = warning;
SELECT tenancy.protect('wary', 'logs', 'organization_id', 'workspace_id', 'user_id') IS NOT NULL AS protected;
RESET client_min_messages;
CREATE INDEX wary_alone ON wary (price wary_ops);
GRANT SELECT, UPDATE, DELETE ON wary TO PUBLIC;
CREATE TABLE shapes (n serial, shape text);
INSERT INTO shapes (shape) VALUES ('price > 1500'), ('price < 1500'), ('price = 1500'), ('price > 1500 AND price < 1600'), ('price > 99999'), ('price < -1'), ('price = ANY (''{7,1500,2999}'')'),
  ('price >= 1500 ORDER BY price DESC'), ('price <= 1500 ORDER BY price'), ('(price, id) > (1500, 7)'), ('price > 1500 LIMIT 2');
\set ECHO none
CREATE FUNCTION met(who text, own text, query text, bitmap boolean DEFAULT false) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  number bigint;
  plan jsonb;
BEGIN
  CALL app.become(who, true);
  PERFORM set_config('app.own', own, true), set_config('enable_seqscan', 'off', true), set_config('enable_indexscan', (NOT bitmap)::text, true), set_config('enable_bitmapscan', bitmap::text, true);
  plan := app.plan_of(query);
  IF NOT EXISTS (SELECT FROM app.nodes(plan) WHERE node ->> 'Index Cond' ~ 'price') THEN
    RETURN 'not by the index';
  END IF;
  EXECUTE format('SELECT count(*) FROM (%s) q', query) INTO number;
  RETURN 'own rows only';
EXCEPTION WHEN raise_exception THEN
  RETURN 'met others''';
END
$$;
\set ECHO all
GRANT SELECT ON shapes TO PUBLIC;
SET SESSION AUTHORIZATION regress_app;
SELECT trust('all');
SELECT met('mike', '{0.2}', 'SELECT price FROM app.wary WHERE ' || shape), count(*) FROM shapes GROUP BY 1;
SELECT trust('own_rows');
SELECT met('mike', '{0.2}', 'SELECT price FROM app.wary WHERE ' || shape), count(*) FROM shapes GROUP BY 1;
RESET SESSION AUTHORIZATION;
CREATE INDEX wary_led ON wary (workspace_id, price wary_ops, id);
CREATE INDEX wary_of_organization ON wary (organization_id, price wary_ops, id);
CREATE VIEW meetings AS
SELECT p.who, bitmap, met(p.who, p.own, 'SELECT price FROM app.wary WHERE ' || shape, bitmap), count(*)
FROM (VALUES ('mike', '{0.2}'), ('wanda', '{0.3}'), ('gus', '{0.4}'), ('ben', '{0.2,0.3}')) p (who, own), shapes, unnest('{f,t}'::boolean[]) bitmap GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;
GRANT SELECT ON meetings TO PUBLIC;
ALTER VIEW meetings SET (security_invoker);
SET SESSION AUTHORIZATION regress_app;
SET work_mem = '64kB';
TABLE meetings;
RESET SESSION AUTHORIZATION;
-- rows that have gone, or moved here from others, and pages that have split
RESET tenancy."user";
DELETE FROM wary WHERE id % 5 = 0;
UPDATE wary SET price = floor(price) + CASE workspace_id WHEN 'aaaaaaaa-0000-4000-8000-000000000002' THEN 0.3 WHEN 'aaaaaaaa-0000-4000-8000-000000000003' THEN 0.4 ELSE 0.2 END,
  workspace_id = CASE workspace_id WHEN 'aaaaaaaa-0000-4000-8000-000000000002' THEN 'aaaaaaaa-0000-4000-8000-000000000003' WHEN 'aaaaaaaa-0000-4000-8000-000000000003' THEN 'bbbbbbbb-0000-4000-8000-000000000002'
                  ELSE 'aaaaaaaa-0000-4000-8000-000000000002' END::uuid WHERE id % 3 = 0;
INSERT INTO wary (organization_id, workspace_id, price, filler) SELECT organization_id, workspace_id, price, filler FROM wary, generate_series(1, 3) WHERE price BETWEEN 1490 AND 1510;
SET SESSION AUTHORIZATION regress_app;
TABLE meetings;
RESET SESSION AUTHORIZATION;

-- All rows of one workspace, and own rows of another: each side by an index that begins with its columns, combined by a bitmap. Of a side
-- without such an index all rows are read. First that others' would be met.
SELECT tenancy.set_setting('acme', 'managers_view_all_data', false) IS NOT NULL AS restricted;
CREATE TABLE chosen (id serial, organization_id uuid, workspace_id uuid, user_id uuid, price numeric, filler text);
-- support has .3, search .2, and .5 what is ben's
INSERT INTO chosen (organization_id, workspace_id, user_id, price, filler)
SELECT w.organization_id, w.workspace_id, u.user_id, n + CASE WHEN u.user_id IS NOT NULL THEN 0.5 WHEN w.slug = 'search' THEN 0.2 WHEN w.slug = 'support' THEN 0.3 ELSE 0.4 END, repeat('x', 100)
FROM generate_series(1, 3000) n CROSS JOIN tenancy.workspaces w LEFT JOIN tenancy.users u ON u.email ~ '^ben@' AND w.slug = 'search' AND n % 5 = 0
WHERE w.slug IN ('search', 'support', 'lab') ORDER BY n % 7, n, w.slug;
SET client_min_messages = warning;
SELECT tenancy.protect('chosen', 'logs', 'organization_id', 'workspace_id', 'user_id') IS NOT NULL AS protected;
RESET client_min_messages;
GRANT SELECT, UPDATE, DELETE ON chosen TO PUBLIC;
CREATE INDEX chosen_alone ON chosen (price wary_ops);
ANALYZE chosen;
CREATE VIEW choices WITH (security_invoker) AS
SELECT met('ben', '{0.3,0.5}', 'SELECT price FROM app.chosen WHERE ' || shape, true), count(*) FROM shapes WHERE shape !~ '^\(|ORDER' GROUP BY 1;
GRANT SELECT ON choices TO PUBLIC;
\set ECHO none
CREATE FUNCTION same_rows(query text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  number bigint;
  without bigint;
BEGIN
  CALL app.become('ben', true);
  PERFORM set_config('enable_seqscan', 'off', true), set_config('app.own', '{0.2,0.3,0.4,0.5}', true);
  EXECUTE format('SELECT count(*) FROM (%s) q', query) INTO number;
  PERFORM set_config('enable_seqscan', 'on', true), set_config('enable_indexscan', 'off', true), set_config('enable_bitmapscan', 'off', true);
  EXECUTE format('SELECT count(*) FROM (%s) q', query) INTO without;
  RETURN number = without AND number > 0;
END
$$;
\set ECHO all
SET SESSION AUTHORIZATION regress_app;
SELECT trust('all');
TABLE choices;
SELECT trust('own_rows');
TABLE choices;
RESET SESSION AUTHORIZATION;
CREATE INDEX chosen_price ON chosen (workspace_id, price wary_ops);
SET SESSION AUTHORIZATION regress_app;
TABLE choices;
SELECT scans('ben', 'SELECT FROM app.chosen WHERE price = 1500');
RESET SESSION AUTHORIZATION;
CREATE INDEX chosen_of_user ON chosen (user_id, workspace_id, price wary_ops);
SET SESSION AUTHORIZATION regress_app;
TABLE choices;
SELECT scans('ben', 'SELECT FROM app.chosen WHERE price = 1500');
SELECT shape, same_rows('SELECT price FROM app.chosen WHERE ' || shape) FROM unnest(ARRAY['price > 1500', 'price < 1500', 'price = 1500.5', 'price IN (7.3, 1500.3, 2995.5, 1500.2)', 'price > 1500 AND price < 1600',
  'price > 2900 AND id IN (SELECT id FROM app.chosen WHERE price < 2950)']) shape;
-- with bitmaps that have grown too large, in partitions, in a join
SET work_mem = '64kB';
SELECT same_rows('SELECT price FROM app.chosen WHERE price > 10');
-- a user's function beside the condition, which meets others' rows where no policy concerns
RESET SESSION AUTHORIZATION;
\set ECHO none
CREATE FUNCTION peeks(workspace_id uuid, user_id uuid) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$
BEGIN
  IF workspace_id <> 'aaaaaaaa-0000-4000-8000-000000000003' AND user_id IS DISTINCT FROM 'cccccccc-0000-4000-8000-000000000005' THEN
    RAISE 'met others''';
  END IF;
  RETURN true;
END
$$;
\set ECHO all
SELECT FROM chosen WHERE price > 10 AND peeks(workspace_id, user_id);
SET SESSION AUTHORIZATION regress_app;
SELECT met('ben', '{0.2,0.3,0.4,0.5}', 'SELECT price FROM app.chosen WHERE app.peeks(workspace_id, user_id) AND ' || shape, true), count(*) FROM shapes WHERE shape !~ '^\(|ORDER' GROUP BY 1;
RESET work_mem;
SELECT scans('ben', 'SELECT FROM app.parts WHERE price = 700');
SELECT scans('ben', 'SELECT FROM app.chosen c LEFT JOIN app.plain p ON p.id = c.id WHERE c.price = 1500');
-- not beside a policy of others
RESET SESSION AUTHORIZATION;
CREATE POLICY few ON chosen AS RESTRICTIVE USING (id < 1000);
SET SESSION AUTHORIZATION regress_app;
TABLE choices;
RESET SESSION AUTHORIZATION;
DROP POLICY few ON chosen;
-- With neither side's index nothing is gained.
DROP INDEX chosen_price, chosen_of_user;
CREATE INDEX chosen_of_workspace ON chosen (workspace_id, user_id);
SET SESSION AUTHORIZATION regress_app;
TABLE choices;
RESET SESSION AUTHORIZATION;
