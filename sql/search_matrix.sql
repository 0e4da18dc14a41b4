-- Conditions on protected tables where two things come together: each form of query, with each kind of condition, prepared or not, shared
-- plans or not, partitions or not. Each query uses the same indexes of the table as by hand, and returns the same rows.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
SET client_min_messages = warning;
\o /dev/null
DROP ROLE IF EXISTS regress_hand;
CREATE ROLE regress_hand BYPASSRLS;
CREATE TYPE stage AS ENUM ('new', 'open', 'done');
CREATE TABLE docs (id int PRIMARY KEY, organization_id uuid NOT NULL, workspace_id uuid NOT NULL, stage stage, price numeric, title text, doc jsonb);
CREATE TABLE parts (LIKE docs) PARTITION BY RANGE (id);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (4500);
CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (4500) TO (9000);
INSERT INTO docs
SELECT n, organization_id, workspace_id, (ARRAY['new', 'open', 'done'])[1 + (n % 150 < 3)::int + (n % 600 < 3)::int]::stage, n / 10.0, md5((n / 3)::text), jsonb_build_object('n', n / 3)
FROM generate_series(0, 8999) n, LATERAL (SELECT * FROM tenancy.workspaces WHERE slug IN ('search', 'support', 'lab') ORDER BY workspace_id OFFSET n % 3 LIMIT 1) w;
INSERT INTO parts SELECT * FROM docs;
CREATE TABLE labels (doc_id int PRIMARY KEY, label text);
INSERT INTO labels SELECT n, 'label ' || n % 7 FROM generate_series(0, 8999) n;
CREATE INDEX docs_stage ON docs (workspace_id, stage);
CREATE INDEX docs_price ON docs (workspace_id, price);
CREATE INDEX docs_title ON docs (workspace_id, title text_pattern_ops);
CREATE INDEX docs_doc ON docs USING gin (doc);
CREATE INDEX parts_id ON parts (id);
CREATE INDEX parts_stage ON parts (workspace_id, stage);
CREATE INDEX parts_price ON parts (workspace_id, price);
CREATE INDEX parts_title ON parts (workspace_id, title text_pattern_ops);
CREATE INDEX parts_doc ON parts USING gin (doc);
SELECT tenancy.protect('docs', 'prompts', 'organization_id', 'workspace_id'), tenancy.protect('parts', 'prompts', 'organization_id', 'workspace_id');
CREATE VIEW docs_seen WITH (security_invoker) AS SELECT * FROM docs;
CREATE VIEW parts_seen WITH (security_invoker) AS SELECT * FROM parts;
GRANT ALL ON ALL TABLES IN SCHEMA app TO PUBLIC;
GRANT ALL ON SCHEMA app TO regress_hand;
VACUUM ANALYZE docs, parts, labels;
CREATE FUNCTION trust(mode text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN PERFORM set_config('tenancy.trusted_conditions', mode, false); END $$;

-- {docs} is the table, by hand with the filter; {filter} the filter by hand where no sub-select can stand; {view} a view of it.
CREATE TABLE forms (n int GENERATED ALWAYS AS IDENTITY, form text, query text);
INSERT INTO forms (form, query) VALUES
  ('filter', 'SELECT d.id FROM {docs} d WHERE {condition}'),
  ('page', 'SELECT d.id FROM {docs} d WHERE {condition} ORDER BY d.id LIMIT 3'),
  ('count', 'SELECT count(*) AS id FROM {docs} d WHERE {condition}'),
  ('group', 'SELECT count(*) AS id FROM {docs} d WHERE {condition} GROUP BY d.stage HAVING count(*) > 0'),
  ('two conditions', 'SELECT d.id FROM {docs} d WHERE {condition} AND d.id % 2 = 0'),
  ('sub-query', 'SELECT s.id FROM (SELECT * FROM {docs} d WHERE {condition} OFFSET 0) s'),
  ('CTE', 'WITH d AS MATERIALIZED (SELECT * FROM {docs} d WHERE {condition}) SELECT id FROM d'),
  ('inlined CTE', 'WITH d AS NOT MATERIALIZED (SELECT * FROM {docs} x) SELECT id FROM d WHERE {condition}'),
  ('view', 'SELECT d.id FROM {view} d WHERE {condition}'),
  ('plain table', 'SELECT d.id FROM {docs} d JOIN labels l ON l.doc_id = d.id WHERE {condition}'),
  ('left join', 'SELECT d.id FROM {docs} d LEFT JOIN labels l ON l.doc_id = d.id AND l.label = ''label 1'' WHERE {condition}'),
  ('nullable side', 'SELECT l.doc_id AS id FROM (VALUES (1)) v LEFT JOIN {docs} d ON {condition} LEFT JOIN labels l ON l.doc_id = d.id'),
  ('protected table', 'SELECT d.id FROM {docs} d JOIN {docs} e ON e.id = d.id WHERE {condition}'),
  ('lateral', 'SELECT d.id FROM (VALUES (0), (1)) v (i), LATERAL (SELECT * FROM {docs} d WHERE {condition} AND d.id % 2 = v.i) d'),
  ('exists', 'SELECT v.id FROM (VALUES (1)) v (id) WHERE EXISTS (SELECT FROM {docs} d WHERE {condition})'),
  ('scalar sub-query', 'SELECT (SELECT max(d.id) FROM {docs} d WHERE {condition}) AS id'),
  ('union', 'SELECT d.id FROM {docs} d WHERE {condition} UNION ALL SELECT d.id FROM {docs} d WHERE {condition} AND d.id > 100'),
  ('window', 'SELECT id FROM (SELECT d.id, rank() OVER (ORDER BY d.id) AS r FROM {docs} d WHERE {condition}) s WHERE r < 5'),
  ('authorize', 'SELECT d.id FROM {docs} d WHERE {condition} AND {authorize}'),
  ('for update', 'SELECT d.id FROM {table} d WHERE {filter} AND {condition} FOR UPDATE'),
  ('update', 'UPDATE {table} d SET stage = d.stage WHERE {filter} AND {condition} RETURNING d.id'),
  ('delete', 'DELETE FROM {table} d WHERE {filter} AND {condition} RETURNING d.id'),
  ('update from', 'UPDATE {table} d SET stage = d.stage FROM labels l WHERE {filter} AND l.doc_id = d.id AND {condition} RETURNING d.id');
CREATE TABLE conditions (kind text, condition text, argument text, type text);
INSERT INTO conditions VALUES ('enum', 'd.stage = $1', 'done', 'app.stage'), ('numeric', 'd.price > $1', '890', 'numeric'),
  ('equal numeric', 'd.price = $1', '300.3', 'numeric'), ('prefix', 'd.title LIKE $1', 'c4ca%', 'text'), ('jsonb', 'd.doc @> $1', '{"n": 77}', 'jsonb');
CREATE TABLE runs (by_hand boolean, mode text, shared boolean, generic boolean, tables text, n int, kind text, indexes text, ids text);
\set ECHO none
CREATE FUNCTION query_of(form text, the_condition text, tables text, by_hand boolean) RETURNS text LANGUAGE sql AS $$
  SELECT replace(replace(replace(replace(replace(replace(query_of.form, '{condition}', query_of.the_condition), '{table}', query_of.tables),
    '{authorize}', CASE WHEN query_of.by_hand THEN 'true' ELSE 'tenancy.authorize(''prompts'', ''view'')' END),
    '{filter}', CASE WHEN query_of.by_hand THEN 'd.workspace_id = ''aaaaaaaa-0000-4000-8000-000000000002''' ELSE 'true' END),
    '{docs}', CASE WHEN query_of.by_hand THEN format('(SELECT * FROM %I WHERE workspace_id = ''aaaaaaaa-0000-4000-8000-000000000002'')', query_of.tables) ELSE query_of.tables END),
    '{view}', CASE WHEN query_of.by_hand THEN format('(SELECT * FROM %I WHERE workspace_id = ''aaaaaaaa-0000-4000-8000-000000000002'')', query_of.tables) ELSE query_of.tables || '_seen' END)
$$;
-- Index names without a partition's, and what is an index condition besides the tenant.
CREATE FUNCTION indexes_of(plan jsonb) RETURNS text LANGUAGE sql AS $$
  SELECT coalesce(string_agg(DISTINCT regexp_replace(node ->> 'Index Name', '^parts_[12]_(\w+?)_(\w+)$', 'parts_\2'), ' '), 'none')
  FROM jsonb_path_query(plan, '$.** ? (exists (@."Index Name"))') node WHERE node ->> 'Index Name' !~ '^labels'
$$;
CREATE PROCEDURE run_all(by_hand boolean, the_mode text, shared boolean, generic boolean) LANGUAGE plpgsql AS $$
DECLARE
  c record;
  query text;
  plan jsonb;
  ids text;
  is_write boolean;
BEGIN
  FOR c IN SELECT t.tables, f.n, f.query, k.* FROM app.forms f, app.conditions k, (VALUES ('docs'), ('parts')) t (tables) LOOP
    query := app.query_of(c.query, CASE WHEN run_all.generic THEN c.condition ELSE replace(c.condition, '$1', format('%L::%s', c.argument, c.type)) END, c.tables, run_all.by_hand);
    is_write := query ~ '^(UPDATE|DELETE)|FOR UPDATE$';
    BEGIN
      IF run_all.generic THEN
        EXECUTE format('PREPARE matrix (%s) AS %s', c.type, CASE WHEN is_write AND query !~ 'FOR UPDATE$' THEN format('WITH w AS (%s) SELECT string_agg(id::text, '' '' ORDER BY id) FROM w', query) WHEN is_write THEN query ELSE format('SELECT string_agg(id::text, '' '' ORDER BY id) FROM (%s) q', query) END);
        EXECUTE format('EXPLAIN (FORMAT JSON) EXECUTE matrix (%L)', c.argument) INTO plan;
        EXECUTE format('EXECUTE matrix (%L)', c.argument) INTO ids;
        DEALLOCATE matrix;
      ELSE
        EXECUTE 'EXPLAIN (FORMAT JSON) ' || query INTO plan;
        EXECUTE CASE WHEN query ~ 'FOR UPDATE$' THEN query WHEN is_write THEN format('WITH w AS (%s) SELECT string_agg(id::text, '' '' ORDER BY id) FROM w', query) ELSE format('SELECT string_agg(id::text, '' '' ORDER BY id) FROM (%s) q', query) END INTO ids;
      END IF;
      IF is_write THEN
        RAISE EXCEPTION USING ERRCODE = 'TEST0';
      END IF;
    EXCEPTION WHEN SQLSTATE 'TEST0' THEN
      IF run_all.generic THEN
        DEALLOCATE ALL;
      END IF;
    END;
    INSERT INTO app.runs VALUES (run_all.by_hand, run_all.the_mode, run_all.shared, run_all.generic, c.tables, c.n, c.kind, app.indexes_of(plan), coalesce(ids, 'none'));
  END LOOP;
END
$$;
\set ECHO all
GRANT ALL ON ALL ROUTINES IN SCHEMA app TO PUBLIC;
GRANT ALL ON ALL TABLES IN SCHEMA app TO PUBLIC;
SET enable_seqscan = off;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET max_parallel_workers_per_gather = 0;
SET SESSION AUTHORIZATION regress_hand;
CALL run_all(true, NULL, false, false);
SET plan_cache_mode = force_generic_plan;
CALL run_all(true, NULL, false, true);
RESET SESSION AUTHORIZATION;
SET SESSION AUTHORIZATION regress_app;
CALL become('search service');
SELECT trust('own_rows');
SET tenancy.share_plans = off;
SET plan_cache_mode = force_custom_plan;
CALL run_all(false, 'own_rows', false, false);
SET plan_cache_mode = force_generic_plan;
CALL run_all(false, 'own_rows', false, true);
SET tenancy.share_plans = on;
CALL run_all(false, 'own_rows', true, true);
SELECT trust('all');
CALL run_all(false, 'all', true, true);
SET tenancy.share_plans = off;
CALL run_all(false, 'all', false, true);
SET plan_cache_mode = force_custom_plan;
CALL run_all(false, 'all', false, false);
RESET SESSION AUTHORIZATION;
\o
-- By hand, each condition finds its index, and rows: otherwise nothing would be compared.
SELECT kind, count(*) AS queries, count(*) FILTER (WHERE indexes ~ CASE kind WHEN 'enum' THEN '_stage' WHEN 'prefix' THEN '_title' WHEN 'jsonb' THEN '_doc' ELSE '_price' END) > count(*) / 3 AS indexed, count(*) FILTER (WHERE ids <> 'none') > count(*) * 0.9 AS with_rows
FROM runs WHERE by_hand AND NOT generic GROUP BY 1 ORDER BY 1;
CREATE TEMP TABLE compared AS
SELECT r.*, f.form, h.indexes AS by_hand_indexes, h.indexes = r.indexes AS same_indexes, h.ids = r.ids AS same_rows
FROM runs r JOIN runs h ON NOT r.by_hand AND h.by_hand AND (h.generic, h.tables, h.n, h.kind) = (r.generic, r.tables, r.n, r.kind) JOIN forms f ON f.n = r.n;
-- The same rows always, the same indexes but for jsonb, whose index does not begin with a tenant: that needs trusted conditions, and one
-- known side, which a parameter of a generic plan is not. A page of an enum's value is estimated without the statistics, which own rows alone
-- do not open: it can be read in the order of another index.
CREATE TEMP TABLE expected_same AS
SELECT * FROM compared WHERE (kind <> 'jsonb' OR mode = 'all' AND NOT generic) AND NOT (mode = 'own_rows' AND kind = 'enum' AND form = 'page');
SELECT mode, shared, generic, count(*) AS queries, count(*) FILTER (WHERE NOT same_rows) AS other_rows, count(*) FILTER (WHERE NOT same_indexes) AS other_indexes
FROM expected_same GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;
SELECT mode, shared, generic, kind, form, tables, indexes, by_hand_indexes FROM expected_same WHERE NOT same_indexes ORDER BY 1, 2, 3, 4, 5;
SELECT count(*) FILTER (WHERE NOT same_rows) AS other_rows FROM compared;
SELECT count(*) FILTER (WHERE NOT same_rows) AS other_rows, count(*) FILTER (WHERE indexes ~ 'docs_doc|doc_idx') AS with_index_of_jsonb FROM compared WHERE kind = 'jsonb' AND (mode = 'own_rows' OR generic);

-- The same with a function beside the condition that raises an error when it meets another workspace's row
\o /dev/null
CREATE FUNCTION leak(id uuid) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$
BEGIN
  IF id <> 'aaaaaaaa-0000-4000-8000-000000000002' THEN
    RAISE EXCEPTION 'leak';
  END IF;
  RETURN true;
END
$$;
CREATE FUNCTION leaks(generic boolean) RETURNS TABLE (leaks bigint, with_rows bigint, queries bigint) LANGUAGE plpgsql AS $$
DECLARE
  c record;
  number bigint;
BEGIN
  leaks.leaks := 0;
  leaks.with_rows := 0;
  leaks.queries := 0;
  FOR c IN SELECT t.tables, f.query, k.* FROM app.forms f, app.conditions k, (VALUES ('docs'), ('parts')) t (tables) LOOP
    leaks.queries := leaks.queries + 1;
    BEGIN
      IF leaks.generic THEN
        EXECUTE format('PREPARE leaking (%s) AS %s', c.type, app.query_of(c.query, c.condition || ' AND app.leak(d.workspace_id)', c.tables, false));
        EXECUTE format('EXECUTE leaking (%L)', c.argument);
      ELSE
        EXECUTE app.query_of(c.query, replace(c.condition, '$1', format('%L::%s', c.argument, c.type)) || ' AND app.leak(d.workspace_id)', c.tables, false);
      END IF;
      GET DIAGNOSTICS number = ROW_COUNT;
      RAISE EXCEPTION USING ERRCODE = 'TEST0';
    EXCEPTION WHEN SQLSTATE 'TEST0' THEN
        leaks.with_rows := leaks.with_rows + (number > 0)::int;
      WHEN raise_exception THEN
        leaks.leaks := leaks.leaks + 1;
    END;
    DEALLOCATE ALL;
  END LOOP;
  RETURN NEXT;
END
$$;
CREATE FUNCTION try_leaks(mode text, shared boolean, generic boolean) RETURNS TABLE (leaks bigint, with_rows bigint, queries bigint) LANGUAGE plpgsql AS $$
BEGIN
  PERFORM app.trust(mode), set_config('tenancy.share_plans', try_leaks.shared::text, false), set_config('plan_cache_mode', CASE WHEN try_leaks.generic THEN 'force_generic_plan' ELSE 'force_custom_plan' END, false);
  RETURN QUERY SELECT l.* FROM app.leaks(try_leaks.generic) l;
END
$$;
\o
-- whom no policy concerns
SELECT leaks > 150 AS leaks, with_rows >= 50 AS with_rows, queries FROM leaks(false);
SET SESSION AUTHORIZATION regress_app;
SELECT mode, shared, generic, l.* FROM (VALUES ('none', false, false), ('own_rows', false, false), ('own_rows', true, true), ('all', false, false), ('all', false, true), ('all', true, true)) m (mode, shared, generic), LATERAL try_leaks(mode, shared, generic) l;
RESET SESSION AUTHORIZATION;
DROP OWNED BY regress_hand;
DROP ROLE regress_hand;
