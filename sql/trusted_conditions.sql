-- Trusted conditions in queries made to find hidden rows, each with the condition in an index and without. Where a superuser says
-- so, conditions of listed functions run on rows that the asker may not see; trusted_functions.sql is about these functions.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
\set plans :srcdir '/sql/include/plans.sql'
\i :plans
-- Every tenth row is of mike's workspace.
\set ECHO none
\o /dev/null
SET client_min_messages = warning;
CREATE EXTENSION pg_trgm;
CREATE EXTENSION btree_gin;
CREATE TYPE stage AS ENUM ('new', 'open', 'done');
CREATE TABLE docs (id int, organization_id uuid NOT NULL, workspace_id uuid NOT NULL, user_id uuid, title text, price numeric, made timestamptz DEFAULT now(), stage stage, doc jsonb, tags int[], words tsvector, during int4range);
INSERT INTO docs (id, organization_id, workspace_id, user_id, title, price, stage, doc, tags, words, during)
SELECT n, w.organization_id, w.workspace_id, CASE WHEN n % 20 = 0 THEN 'cccccccc-0000-4000-8000-000000000004'::uuid END, md5(n::text) || repeat(' filler', 20), n / 10.0, (ARRAY['new', 'open', 'done'])[1 + (n % 50 = 0)::int + (n % 500 = 0)::int]::stage,
       jsonb_build_object('n', n % 500), ARRAY[n % 700, n % 13], to_tsvector('simple', 'word' || n % 300), int4range(n, n + 5)
FROM generate_series(1, 10000) n JOIN tenancy.workspaces w ON w.slug = CASE n % 10 WHEN 0 THEN 'search' ELSE 'lab' END;
CREATE INDEX docs_price ON docs (price);
CREATE INDEX docs_stage ON docs (stage);
CREATE INDEX docs_doc ON docs USING gin (doc);
CREATE INDEX docs_tags ON docs USING gin (tags);
CREATE INDEX docs_words ON docs USING gin (words);
CREATE INDEX docs_title ON docs USING gin (title gin_trgm_ops);
CREATE INDEX docs_during ON docs USING gist (during);
CREATE TABLE other (LIKE docs);
INSERT INTO other SELECT * FROM docs WHERE id % 100 = 0;
VACUUM ANALYZE docs;
SELECT tenancy.protect('docs', 'logs', 'organization_id', 'workspace_id', 'user_id');
-- tells of whom it is called on
CREATE FUNCTION leak(id uuid) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$
BEGIN
  IF id = 'bbbbbbbb-0000-4000-8000-000000000002' THEN
    RAISE EXCEPTION 'leak';
  END IF;
  RETURN true;
END
$$;
CREATE FUNCTION leaks(uuid, int) RETURNS boolean LANGUAGE sql COST 0.0001 AS 'SELECT app.leak($1)';
CREATE OPERATOR === (LEFTARG = uuid, RIGHTARG = int, FUNCTION = leaks);
CREATE DOMAIN leaking AS uuid CHECK (app.leak(VALUE));
CREATE FUNCTION leak_state(int, uuid) RETURNS int LANGUAGE plpgsql COST 0.0001 AS $$ BEGIN PERFORM app.leak($2); RETURN $1; END $$;
CREATE AGGREGATE leaked(uuid) (SFUNC = leak_state, STYPE = int, INITCOND = '0');
CREATE VIEW cheap WITH (security_invoker) AS SELECT * FROM docs WHERE leak(workspace_id);
-- another table's policy, written by its owner
ALTER TABLE other ENABLE ROW LEVEL SECURITY;
CREATE POLICY of_docs ON other USING (EXISTS (SELECT FROM app.docs d WHERE d.price > 990 AND app.leak(d.workspace_id)));
CREATE TABLE one AS SELECT 1 AS n;
GRANT SELECT, UPDATE, DELETE ON ALL TABLES IN SCHEMA app TO PUBLIC;
RESET client_min_messages;
\o
\set ECHO all
CREATE TABLE shapes (n serial, shape text);
INSERT INTO shapes (shape) VALUES
  ('SELECT FROM app.docs d, LATERAL (VALUES (app.leak(d.workspace_id))) v (x) WHERE v.x AND d.price > 990'),
  ('SELECT FROM app.docs d, LATERAL (SELECT app.leak(d.workspace_id) AS l) v WHERE l AND d.price > 990'),
  ('SELECT FROM app.docs d, LATERAL (SELECT 1 WHERE app.leak(d.workspace_id)) v WHERE d.price > 990'),
  ('SELECT FROM app.docs d WHERE d.price > 990 AND EXISTS (SELECT FROM app.one WHERE app.leak(d.workspace_id))'),
  ('SELECT FROM app.docs d, LATERAL (SELECT l FROM (SELECT app.leak(d.workspace_id) AS l) v) w WHERE l AND d.price > 990'),
  ('SELECT FROM app.docs d WHERE d.price > 990 AND (SELECT app.leak(d.workspace_id))'),
  ('SELECT FROM app.docs d WHERE d.price > 990 AND CASE d.workspace_id WHEN ''aaaaaaaa-0000-4000-8000-000000000001'' THEN true ELSE app.leak(d.workspace_id) END'),
  ('SELECT FROM app.docs d WHERE d.price > 990 AND d.workspace_id OPERATOR(app.===) 1'),
  ('SELECT count(*) FROM app.other'),
  ('SELECT (SELECT count(*) FROM app.docs d WHERE d.price > 990 AND app.leak(d.workspace_id))'),
  ('SELECT FROM app.one LIMIT (SELECT count(*) FROM app.docs d WHERE d.price > 990 AND app.leak(d.workspace_id))'),
  ('SELECT sum((SELECT count(*) FROM app.docs d WHERE d.price > 990 AND app.leak(d.workspace_id))) FROM app.one'),
  ('SELECT FROM generate_series(1, (SELECT count(*) FROM app.docs d WHERE d.price > 990 AND app.leak(d.workspace_id)))'),
  ('VALUES ((SELECT count(*) FROM app.docs d WHERE d.price > 990 AND app.leak(d.workspace_id)))'),
  ('SELECT count(*) FILTER (WHERE (SELECT bool_and(app.leak(d.workspace_id)) FROM app.docs d WHERE d.price > 990)) OVER () FROM app.one'),
  ('SELECT FROM app.one TABLESAMPLE SYSTEM ((SELECT count(*) FROM app.docs d WHERE d.price > 990 AND app.leak(d.workspace_id)))'),
  ('SELECT FROM app.docs d WHERE d.price > 990 AND app.leak(d.workspace_id)'),
  ('SELECT FROM app.docs d WHERE d.price > 990 AND d.workspace_id::app.leaking IS NOT NULL'),
  ('SELECT FROM app.cheap WHERE price > 990'),
  ('SELECT app.leaked(workspace_id) FROM app.docs d WHERE price > 990'),
  ('SELECT FROM app.docs d WHERE price > 990 GROUP BY workspace_id HAVING app.leak(workspace_id)'),
  ('SELECT app.leak(workspace_id) FROM app.docs d WHERE price > 990 ORDER BY app.leak(workspace_id)'),
  ('SELECT DISTINCT ON (app.leak(workspace_id)) id FROM app.docs d WHERE price > 990'),
  ('SELECT FROM app.docs d LEFT JOIN app.docs e ON e.price = d.price AND app.leak(e.workspace_id) WHERE d.price > 990'),
  ('SELECT FROM app.one LEFT JOIN app.docs d ON d.price > 990 AND app.leak(d.workspace_id)'),
  ('WITH w AS (SELECT app.leak(workspace_id) AS l FROM app.docs d WHERE price > 990) SELECT FROM w WHERE l'),
  ('WITH w AS MATERIALIZED (SELECT app.leak(workspace_id) AS l FROM app.docs d WHERE price > 990) SELECT FROM w WHERE l'),
  ('SELECT FROM app.docs d WHERE price > 990 AND app.leak(workspace_id) UNION ALL SELECT FROM app.docs d WHERE stage = ''done'' AND app.leak(workspace_id)'),
  ('SELECT FROM app.docs d WHERE price > 990 AND app.leak(workspace_id) FOR UPDATE'),
  ('UPDATE app.docs d SET title = NULL WHERE price > 990 AND app.leak(workspace_id)'),
  ('DELETE FROM app.docs d WHERE price > 990 AND app.leak(workspace_id)'),
  ('SELECT FROM app.docs d WHERE doc @> ''{"n": 7}'' AND app.leak(workspace_id)'),
  ('SELECT FROM app.docs d WHERE tags && ''{7,8}'' AND app.leak(workspace_id)'),
  ('SELECT FROM app.docs d WHERE words @@ ''word7'' AND app.leak(workspace_id)'),
  ('SELECT FROM app.docs d WHERE title LIKE ''%abcd%'' AND app.leak(workspace_id)'),
  ('SELECT FROM app.docs d WHERE during && ''[1,500)'' AND app.leak(workspace_id)'),
  ('SELECT FROM app.docs d WHERE (price > 990 OR tags @> ''{7}'') AND app.leak(workspace_id)'),
  ('SELECT (SELECT min(price) FROM app.docs WHERE price > 990 AND app.leak(workspace_id))');
-- The result of a query, and whether an index condition was evaluated on others' rows
\set ECHO none
CREATE FUNCTION try(query text, by_index boolean) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  in_index boolean;
BEGIN
  PERFORM set_config('enable_seqscan', (NOT by_index)::text, true), set_config('enable_indexscan', by_index::text, true), set_config('enable_bitmapscan', by_index::text, true);
  in_index := EXISTS (SELECT FROM app.nodes(app.plan_of(query)) WHERE node ->> 'Index Cond' ~ 'price|doc|tags|words|title|during');
  BEGIN
    EXECUTE query;
    RAISE EXCEPTION USING ERRCODE = 'TEST0', MESSAGE = format('%s, nothing seen', CASE WHEN in_index THEN 'by index' ELSE 'without' END);
  EXCEPTION WHEN SQLSTATE 'TEST0' THEN
    RETURN SQLERRM;
  END;
EXCEPTION WHEN OTHERS THEN
  RETURN format('%s, %s', CASE WHEN in_index THEN 'by index' ELSE 'without' END, SQLERRM);
END
$$;
\set ECHO all
GRANT SELECT ON shapes TO PUBLIC;
-- Whom no policy concerns: each of them leaks
SELECT try(shape, false), count(*) FROM shapes GROUP BY 1 ORDER BY 1;
SET SESSION AUTHORIZATION regress_app;
CALL become('mike');
SELECT trust('none');
SELECT by_index, try(shape, by_index), count(*) FROM shapes, unnest('{t,f}'::boolean[]) by_index GROUP BY 1, 2 ORDER BY 1, 2;
SELECT trust('all');
SELECT by_index, try(shape, by_index), count(*) FROM shapes, unnest('{t,f}'::boolean[]) by_index GROUP BY 1, 2 ORDER BY 1, 2;
-- A filter that costs more than the function: own rows in one workspace, all in another
CALL become('nobody');
RESET SESSION AUTHORIZATION;
SELECT tenancy.set_setting('acme', 'managers_view_all_data', false) IS NOT NULL AS set;
SET SESSION AUTHORIZATION regress_app;
CALL become('ben');
SELECT by_index, try(shape, by_index), count(*) FROM shapes, unnest('{t,f}'::boolean[]) by_index GROUP BY 1, 2 ORDER BY 1, 2;
CALL become('mike');

-- Without a function of one's own: a value that a hidden row has, and one that none has, have to give the same
RESET SESSION AUTHORIZATION;
SELECT left(title, 8) AS hidden FROM docs WHERE id = 9999 \gset
CREATE TABLE oracles (n serial, question text);
INSERT INTO oracles (question) VALUES
  ('title LIKE ANY (ARRAY[''$\''])'), ('title LIKE ''$\'''), ('title ILIKE ''$\'''), ('title NOT LIKE ''$\'''), ('title LIKE ALL (ARRAY[''$%'', ''$\''])'),
  ('ARRAY[ROW(left(title, 8), ''1''::json)] && ARRAY[ROW(''$'', ''1''::json)]'), ('title LIKE ''$%'' AND ARRAY[ROW(1, ''1''::json)] && ARRAY[ROW(1, ''1''::json)]'),
  ('title LIKE ''$%'' AND 1 / (id - id) > 0'), ('title LIKE ''$%'' AND left(title, 8)::int > 0'), ('title LIKE ''$%'' AND price > 1 / (price - price)'), ('title LIKE ''$%'' AND doc @> (title)::jsonb'),
  ('title LIKE ''$%'' AND words @@ to_tsquery(''a b'')'), ('title LIKE ''$%'' AND words @@ to_tsquery(title || '' b'')'), ('title LIKE ''$%'' AND title ~ ''(''||title'), ('title LIKE ''$%'' AND doc @? ''strict $.n.x'''),
  ('title LIKE ''$%'' AND (title COLLATE app.nd) ILIKE ''x'''), ('title LIKE ''$%'' AND price > (SELECT 1 / (d.id - d.id) FROM app.one)'),
  ('title LIKE ''$%'' AND id > (SELECT 1 / (n - n) FROM app.one)'), ('title LIKE ''$%'' AND id > app.raise()'), ('title LIKE ''$%'' AND made > now() + interval ''300000 years'''), ('title LIKE ''$%'' AND words @@ to_tsquery(''a b'')');
CREATE FUNCTION raise() RETURNS int LANGUAGE plpgsql STABLE COST 0.0001 AS $$ BEGIN RAISE 'asked'; END $$;
CREATE COLLATION nd (provider = icu, locale = 'und', deterministic = false);
GRANT SELECT ON oracles TO PUBLIC;
\set ECHO none
CREATE FUNCTION answer(question text, guess text, by_index boolean) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  found bigint;
BEGIN
  PERFORM set_config('enable_seqscan', (NOT by_index)::text, true), set_config('enable_indexscan', by_index::text, true), set_config('enable_bitmapscan', by_index::text, true);
  EXECUTE 'SELECT count(*) FROM app.docs d WHERE ' || replace(question, '$', guess) INTO found;
  RETURN found;
EXCEPTION WHEN OTHERS THEN
  RETURN SQLERRM;
END
$$;
-- Whether a condition that may run on others' rows is in an index
CREATE FUNCTION in_index(question text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('enable_seqscan', 'off', true);
  RETURN EXISTS (SELECT FROM app.nodes(app.plan_of('SELECT count(*) FROM app.docs d WHERE ' || replace(question, '$', 'zzzzzzzz'))) WHERE node ->> 'Index Cond' ~ 'title|words|made');
EXCEPTION WHEN OTHERS THEN
  RETURN false;
END
$$;
\set ECHO all
-- whom no policy concerns is told the difference
SELECT count(*) FILTER (WHERE answer(question, :'hidden', false) <> answer(question, 'zzzzzzzz', false)) AS different, count(*) FROM oracles;
SET SESSION AUTHORIZATION regress_app;
SELECT count(*) AS moved FROM oracles WHERE in_index(question);
SELECT by_index, count(*) FILTER (WHERE answer(question, :'hidden', by_index) <> answer(question, 'zzzzzzzz', by_index)) AS different, count(*) FROM oracles, unnest('{t,f}'::boolean[]) by_index GROUP BY 1 ORDER BY 1;

-- What it does open: how many rows of others match, by EXPLAIN ANALYZE. Not by the calls of a function that is asked of no row:
-- such a query's conditions are let into indexes of own rows only.
RESET SESSION AUTHORIZATION;
CREATE SEQUENCE ticks;
CREATE FUNCTION tick() RETURNS boolean LANGUAGE plpgsql VOLATILE COST 0.0001 AS $$ BEGIN PERFORM nextval('app.ticks'); RETURN true; END $$;
GRANT ALL ON SEQUENCE ticks TO PUBLIC;
\set ECHO none
CREATE FUNCTION told(mode text) RETURNS TABLE (in_index boolean, removed int, ticks bigint) LANGUAGE plpgsql AS $$
DECLARE
  before bigint := nextval('app.ticks');
BEGIN
  PERFORM app.trust(mode), set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true);
  PERFORM FROM app.docs d WHERE price > 990 AND app.tick();
  RETURN QUERY SELECT bool_or(node ->> 'Index Cond' ~ 'price'), sum((node ->> 'Rows Removed by Filter')::float)::int, nextval('app.ticks') - before - 1
  FROM app.nodes(app.plan_of('SELECT FROM app.docs WHERE price > 990', 'ANALYZE, TIMING OFF, FORMAT JSON'));
END
$$;
\set ECHO all
SET SESSION AUTHORIZATION regress_app;
SELECT mode, told.* FROM unnest('{all,own_rows}'::text[]) mode, told(mode);
RESET SESSION AUTHORIZATION;
CREATE INDEX docs_led ON docs (workspace_id, price);
SET SESSION AUTHORIZATION regress_app;
SELECT told.* FROM told('own_rows');
RESET SESSION AUTHORIZATION;
DROP INDEX docs_led;

-- The purpose: the same index as by hand
CREATE INDEX docs_of_workspace ON docs USING gin (workspace_id, tags);
\set ECHO none
CREATE FUNCTION index_of(query text, mode text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('enable_seqscan', 'off', true);
  IF mode <> 'hand' THEN
    PERFORM app.trust(mode);
  END IF;
  RETURN (SELECT string_agg(DISTINCT node ->> 'Index Name', ', ') FROM app.nodes(app.plan_of(query)) WHERE node ->> 'Index Cond' ~ 'price|doc|tags|words|title|during');
END
$$;
CREATE FUNCTION index_by_hand(query text) RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN RETURN app.index_of(query, 'hand'); END $$;
\set ECHO all
CREATE TABLE searches (n serial, condition text);
INSERT INTO searches (condition) VALUES ('price BETWEEN 990 AND 991'), ('doc @> ''{"n": 77}'''), ('doc ? ''n'' AND doc @> ''{"n": 77}'''), ('tags @> ''{77,12}'''), ('tags && ''{77}'''), ('tags @> ARRAY[77]'), ('words @@ ''word77'''),
  ('words @@ to_tsquery(''simple'', ''word77 & !word78'')'), ('words @@ websearch_to_tsquery(''simple'', ''word77'')'), ('words @@ plainto_tsquery(''word77'')'), ('title LIKE ''%abcde%'''), ('title ILIKE ''%ABCDE%'''), ('title LIKE ANY (''{%abcde%,%bcdef%}'')'),
  ('during && ''[70,75)'''), ('during @> 77'), ('price = 77 OR during @> 78'), ('(price = 77 OR doc @> ''{"n": 78}'') AND words @@ ''word7''');
GRANT SELECT ON searches TO PUBLIC;
SET SESSION AUTHORIZATION regress_app;
SELECT condition, index_of(query, 'none') AS none, index_of(query, 'own_rows') AS own_rows, index_of(query, 'all') AS "all", index_by_hand('SELECT FROM app.docs WHERE workspace_id = ''aaaaaaaa-0000-4000-8000-000000000002'' AND ' || condition) AS by_hand
FROM searches, format('SELECT FROM app.docs WHERE %s', condition) query ORDER BY n;
SELECT trust('all');
-- nor is what is read level by level, where the levels aren't few
SET enable_seqscan = off;
SELECT name, count(node) FROM (VALUES ('json', format('doc @> %L', repeat('[', 17) || '7' || repeat(']', 17))), ('few levels', format('doc @> %L', repeat('[', 16) || '7' || repeat(']', 16))),
    ('words', format('words @@ %L', repeat('a & (', 64) || 'a' || repeat(')', 64))), ('few words', format('words @@ %L', repeat('a & (', 30) || 'a' || repeat(')', 30)))) c (name, condition)
  LEFT JOIN LATERAL (SELECT node FROM nodes(plan_of('SELECT FROM app.docs WHERE ' || condition)) WHERE node ->> 'Index Cond' ~ 'doc|words') n ON true GROUP BY 1 ORDER BY 1;
RESET enable_seqscan;
-- nor do prepared statements tell, whose pattern may be anything
SET plan_cache_mode = force_generic_plan;
PREPARE titled (text) AS SELECT count(*) FROM docs WHERE title LIKE $1;
SELECT count(*) FROM nodes(plan_of('EXECUTE titled (''%abcde%'')')) WHERE node ->> 'Index Cond' ~ 'title';
DEALLOCATE titled;
RESET plan_cache_mode;
SELECT count(*) FROM nodes(plan_of('SELECT FROM app.docs a JOIN app.docs b ON a.title LIKE b.title')) WHERE node ->> 'Index Cond' ~ 'title';
RESET SESSION AUTHORIZATION;

-- A function of a superuser's choice
CREATE FUNCTION similar(text, text) RETURNS boolean LANGUAGE sql STABLE AS 'SELECT $1 % $2';
SELECT * FROM failure('SELECT tenancy.trust_function(''app.leak(uuid)'', ''x'')'), failure('SELECT tenancy.trust_function(''array_eq(anyarray, anyarray)'', ''x'')') polymorphic;
ALTER FUNCTION similar(text, text) OWNER TO regress_owner;
SELECT * FROM failure('SELECT tenancy.trust_function(''app.similar(text, text)'', ''x'')');
SELECT * FROM failure('SELECT tenancy.distrust_function(''similarity_op(text, text)'')');
CREATE VIEW by_similarity AS SELECT count(*) FROM nodes(plan_of('SELECT FROM app.docs WHERE title OPERATOR(app.%) ''abcdef''')) WHERE node ->> 'Index Cond' ~ 'title';
ALTER VIEW by_similarity SET (security_invoker);
GRANT SELECT ON by_similarity TO PUBLIC;
SET enable_seqscan = off;
SET SESSION AUTHORIZATION regress_app;
SELECT trust('all');
TABLE by_similarity;
RESET SESSION AUTHORIZATION;
SELECT tenancy.trust_function('app.similarity_op(text, text)', 'compares trigrams of any two texts');
TABLE tenancy.trusted_functions;
SET SESSION AUTHORIZATION regress_app;
TABLE by_similarity;
SELECT trust('own_rows');
TABLE by_similarity;
SELECT trust('all');
RESET SESSION AUTHORIZATION;
-- whose owner is no superuser any more
SELECT proowner::regrole AS owner FROM pg_proc WHERE oid = 'similarity_op(text, text)'::regprocedure \gset
ALTER FUNCTION similarity_op(text, text) OWNER TO regress_owner;
SET SESSION AUTHORIZATION regress_app;
TABLE by_similarity;
RESET SESSION AUTHORIZATION;
ALTER FUNCTION similarity_op(text, text) OWNER TO :owner;
-- taking it back drops plans that others keep
SET SESSION AUTHORIZATION regress_app;
PREPARE by_trigrams AS SELECT count(*) FROM docs WHERE title OPERATOR(app.%) 'abcdef';
EXECUTE by_trigrams;
SELECT count(*) AS by_index FROM nodes(plan_of('EXECUTE by_trigrams')) WHERE node ->> 'Index Cond' ~ 'title';
RESET SESSION AUTHORIZATION;
SELECT tenancy.distrust_function('app.similarity_op(text, text)');
SET SESSION AUTHORIZATION regress_app;
SELECT count(*) AS by_index FROM nodes(plan_of('EXECUTE by_trigrams')) WHERE node ->> 'Index Cond' ~ 'title';
DEALLOCATE by_trigrams;
-- Nobody but a superuser trusts
SELECT * FROM failure('SELECT tenancy.trust_function(''app.similarity_op(text, text)'', ''x'')');
RESET SESSION AUTHORIZATION;
CREATE ROLE regress_writer BYPASSRLS;
GRANT pg_write_all_data TO regress_writer;
SET ROLE regress_writer;
SELECT * FROM failure('INSERT INTO tenancy.trusted_functions VALUES (''app.leak(uuid)'', ''x'')');
RESET ROLE;
DROP ROLE regress_writer;
