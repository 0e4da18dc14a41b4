-- Trusted conditions: where a superuser says so, conditions of listed functions find any index, and so run on rows that the asker
-- may not see. Here each of these functions on values at the edges: none raises; trusted_conditions.sql attacks.
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
\set plans :srcdir '/sql/include/plans.sql'
\i :plans
\set ECHO none
\o /dev/null
SET client_min_messages = warning;
CREATE TYPE stage AS ENUM ('new', 'open', 'done');
-- Values at the edges of each type that a listed function takes, as text.
CREATE TABLE edges (type regtype, value text);
INSERT INTO edges
SELECT type, value FROM (VALUES
  ('int4'::regtype, ARRAY['0', '-2147483648', '2147483647', '7']),
  ('int8', ARRAY['0', '-9223372036854775808', '9223372036854775807']),
  ('numeric', ARRAY['0', 'NaN', 'Infinity', '-Infinity', '1e131071', '-1e2000', '1e-1000', '7']),
  ('date', ARRAY['infinity', '-infinity', '4713-01-01 BC', '5874897-12-31', '2025-01-01']),
  ('timestamp', ARRAY['infinity', '-infinity', '4713-01-01 00:00 BC', '294276-12-31 23:59:59.999999', '2025-01-01']),
  ('timestamptz', ARRAY['infinity', '-infinity', '4713-01-02 00:00+00 BC', '294276-12-30 23:59:59.999999+00', '2025-01-01 00:00+00']),
  ('text', ARRAY['', 'abc', 'abc\', 'ABC%_', '\', '{}', repeat('İß', 500), U&'\+01F600\0301', 'n']),
  ('stage', ARRAY['new', 'open', 'done']),
  ('jsonb', ARRAY['null', '0', '""', '[]', '{}', '1e999', '"abc"', '[[[[]]]]', '{"n": 7, "tags": [1, [2, {"a": null}]]}', '{"abc": {"abc": {"abc": "abc"}}}',
                  repeat('[', 200) || repeat(']', 200), repeat('{"n":', 200) || '7' || repeat('}', 200)]),
  ('tsvector', ARRAY['', 'abc', 'abc:1A def:2B', 'abc:16383']),
  ('tsquery', ARRAY['', 'abc', '!abc', 'abc:*', 'abc & !def', '!(abc <-> def)', 'abc <16384> def:AB', '(abc | def) & !(abc <2> !def)']),
  ('_int4', ARRAY['{}', '{NULL}', '{7}', '{{1,2},{3,NULL}}', '[-5:-4]={1,2}']), ('_numeric', ARRAY['{}', '{NaN,NULL,Infinity}', '{1e131071}']),
  ('_text', ARRAY['{}', '{NULL,abc}', '{n,tags,0}', '{"",-1,99999999999999999999}']), ('_varchar', ARRAY['{}', '{abc}']), ('_bpchar', ARRAY['{}', '{"abc  "}']),
  ('_bool', ARRAY['{}', '{t,NULL}']), ('_uuid', ARRAY['{}', '{00000000-0000-0000-0000-000000000000}']), ('_float8', ARRAY['{}', '{NaN,-0,1e308,Infinity}']),
  ('_date', ARRAY['{}', '{infinity}']), ('_timestamp', ARRAY['{-infinity}']), ('_timestamptz', ARRAY['{}', '{infinity,NULL}']), ('_stage', ARRAY['{}', '{new,done,NULL}']),
  ('int4range', ARRAY['empty', '(,)', '[7,8)', '[-2147483648,2147483647)']), ('int8range', ARRAY['empty', '(,)', '[7,8)']),
  ('numrange', ARRAY['empty', '(,)', '[7,NaN)', '(-Infinity,Infinity)']), ('daterange', ARRAY['empty', '(,)', '[-infinity,infinity)']),
  ('tsrange', ARRAY['empty', '(,)', '[-infinity,infinity)']), ('tstzrange', ARRAY['empty', '(,)', '[-infinity,infinity)'])) v (type, vals), unnest(vals) value;
-- Requirements of the function, see trusted_conditions(): values that pass.
CREATE TABLE of_clock AS SELECT function FROM tenancy.trusted_conditions() WHERE must_be_known ~ '^the time now';
CREATE TABLE known_edges (function regprocedure, value text);
INSERT INTO known_edges SELECT f, value FROM unnest('{textlike,texticlike}'::regproc[]) f, unnest(ARRAY['', '%', 'abc%', '%a_c\\', '\%\_', '%%%__%%', repeat('%a', 50)]) value;
INSERT INTO known_edges SELECT t.function, value FROM of_clock t, unnest(ARRAY['-1000 years', '1000 years', '365000 days', '-8760000:00:00', '1000 years 365000 days 8760000:00:00',
  '-1000 years -365000 days -8760000:00:00']) value WHERE t.function::text ~ '_interval';
INSERT INTO known_edges SELECT t.function, 'now' FROM tenancy.trusted_conditions() t WHERE t.function::text ~ '^date_trunc';
INSERT INTO known_edges SELECT t.function, value FROM tenancy.trusted_conditions() t, unnest('{-365000,365000,0}'::text[]) value WHERE t.function::text ~ '^date_(mii|pli)';
INSERT INTO known_edges SELECT t.function, value FROM tenancy.trusted_conditions() t, unnest(ARRAY['', ' ', 'abc', 'and or not - " & | ! ( ) :* <-> \ ''', repeat('ab ', 300), repeat('a', 1000), '"unclosed phrase']) value
  WHERE t.function::text ~ 'to_tsquery';
\o
\set ECHO all

-- Each function on all values at the edges of its types: none raises. Types that stand for any are tried in turn.
SELECT count(*) > 100 AS many, count(*) FILTER (WHERE reason IS NULL OR arguments IS NULL) AS unexplained FROM tenancy.trusted_conditions();
\set ECHO none
CREATE FUNCTION types_of(declared regtype, tried text) RETURNS SETOF regtype LANGUAGE sql AS $$
  SELECT DISTINCT type FROM app.edges WHERE CASE declared WHEN 'anyenum'::regtype THEN type = 'app.stage'::regtype WHEN 'anyarray'::regtype THEN type::text = tried WHEN 'anyrange'::regtype THEN type::text = tried
    WHEN 'anyelement'::regtype THEN type = (SELECT rngsubtype FROM pg_range WHERE rngtypid = tried::regtype) ELSE type = declared END
$$;
CREATE FUNCTION tried_types(declared regtype[]) RETURNS SETOF text LANGUAGE sql AS $$
  SELECT DISTINCT e.type::text FROM app.edges e JOIN pg_type t ON t.oid = e.type
  WHERE CASE WHEN 'anyarray'::regtype = ANY (declared) THEN t.typcategory = 'A' WHEN 'anyrange'::regtype = ANY (declared) THEN t.typtype = 'r' ELSE e.type = 'int4'::regtype END
$$;
CREATE FUNCTION first_argument(call regprocedure, type regtype) RETURNS TABLE (value text) LANGUAGE sql AS $$
  SELECT CASE type WHEN 'date'::regtype THEN 'CURRENT_DATE' WHEN 'timestamp'::regtype THEN 'LOCALTIMESTAMP' ELSE 'now()' END WHERE call IN (SELECT function FROM app.of_clock)
  UNION ALL SELECT format('%L', unit) FROM unnest('{minute,hour,day,week,month,quarter,year}'::text[]) unit WHERE call::text ~ '^date_trunc'
  UNION ALL SELECT format('''simple''::regconfig') WHERE type = 'regconfig'::regtype
  UNION ALL SELECT format('%L::%s', e.value, type) FROM app.edges e WHERE e.type = first_argument.type AND call NOT IN (SELECT function FROM app.of_clock) AND call::text !~ '^date_trunc' AND call NOT IN (SELECT function FROM app.known_edges WHERE call::text ~ '_tsquery\(text')
  UNION ALL SELECT format('%L', k.value) FROM app.known_edges k WHERE k.function = call AND call::text ~ '_tsquery\(text'
$$;
CREATE FUNCTION fuzz(call regprocedure, OUT calls bigint, OUT raised text) LANGUAGE plpgsql AS $$
DECLARE
  declared regtype[] := (SELECT array_agg(a::regtype ORDER BY n) FROM pg_proc p, unnest(p.proargtypes) WITH ORDINALITY u (a, n) WHERE p.oid = call);
  name text := (SELECT format('pg_catalog.%I', proname) FROM pg_proc WHERE oid = call);
  expression text;
BEGIN
  calls := 0;
  FOR expression IN
    SELECT format('%s()', name) WHERE declared IS NULL
    UNION ALL
    SELECT format('%s(%s)', name, a.value) FROM app.first_argument(call, declared[1]) a WHERE cardinality(declared) = 1
    UNION ALL
    SELECT format('%s(%s, %s%s)', name, a.value, CASE WHEN (SELECT provariadic FROM pg_proc WHERE oid = call) <> 0 THEN 'VARIADIC ' ELSE '' END, b.value)
    FROM app.tried_types(declared) tried, LATERAL (SELECT value FROM app.first_argument(call, declared[1]) UNION SELECT format('%L::%s', e.value, e.type) FROM app.types_of(declared[1], tried) t JOIN app.edges e ON e.type = t WHERE declared[1]::text ~ '^any') a,
      LATERAL (SELECT format('%L::%s', k.value, declared[2]) AS value FROM app.known_edges k WHERE k.function = call
               UNION SELECT format('%L::%s', e.value, e.type) FROM app.types_of(declared[2], tried) t JOIN app.edges e ON e.type = t WHERE call NOT IN (SELECT function FROM app.known_edges)) b
    WHERE cardinality(declared) = 2
  LOOP
    BEGIN
      EXECUTE 'SELECT ' || expression;
      calls := calls + 1;
    EXCEPTION WHEN OTHERS THEN
      raised := format('%s: %s', left(expression, 200), SQLERRM);
      RETURN;
    END;
  END LOOP;
END
$$;
\set ECHO all
CREATE TABLE fuzzed AS SELECT t.function, f.* FROM tenancy.trusted_conditions() t, LATERAL fuzz(t.function) f;
SELECT function, raised FROM fuzzed WHERE raised IS NOT NULL;
-- each has been tried
SELECT function FROM fuzzed WHERE calls = 0 ORDER BY function::text;
SELECT sum(calls) > 5000 AS many FROM fuzzed;

-- The same as conditions on hidden rows, by index and without, planned with statistics gathered: nothing raises or is found.
\set ECHO none
CREATE TABLE extremes (id serial, organization_id uuid NOT NULL DEFAULT 'bbbbbbbb-0000-4000-8000-000000000000', workspace_id uuid NOT NULL DEFAULT 'bbbbbbbb-0000-4000-8000-000000000002');
SELECT format('ALTER TABLE extremes ADD COLUMN %I %s', 'of_' || typname, type) FROM (SELECT DISTINCT type, typname FROM edges JOIN pg_type t ON t.oid = type) t ORDER BY 1 \gexec
SELECT format('INSERT INTO extremes (%I) SELECT value::%s FROM edges, generate_series(1, 3) WHERE type = %L::regtype', 'of_' || typname, type, type) FROM (SELECT DISTINCT type, typname FROM edges JOIN pg_type t ON t.oid = type) t ORDER BY 1 \gexec
CREATE EXTENSION pg_trgm;
CREATE EXTENSION btree_gin;
SELECT format('CREATE INDEX ON extremes USING %s (%I%s)', method, attname, opclass)
FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid, LATERAL (
  SELECT 'gin' AS method, '' AS opclass WHERE typcategory = 'A' OR typname IN ('jsonb', 'tsvector') UNION ALL SELECT 'gin', ' gin_trgm_ops' WHERE typname = 'text' UNION ALL SELECT 'gin', ' jsonb_path_ops' WHERE typname = 'jsonb'
  UNION ALL SELECT 'gist', '' WHERE typtype = 'r' OR typname IN ('tsvector', 'tsquery') UNION ALL SELECT 'gist', ' gist_trgm_ops' WHERE typname = 'text'
  UNION ALL SELECT 'btree', '' WHERE typname NOT IN ('tsvector', 'tsquery', 'text', 'jsonb') UNION ALL SELECT 'btree', ' text_pattern_ops' WHERE false) m
WHERE attrelid = 'extremes'::regclass AND attname ~ '^of_' ORDER BY attname, method, opclass \gexec
ANALYZE extremes;
\set ECHO all
SELECT tenancy.protect('extremes', 'logs', 'organization_id', 'workspace_id') IS NOT NULL AS protected;
CREATE TABLE hidden_conditions AS
SELECT row_number() OVER () AS n, format('%I %s %L::%s', c.attname, 'OPERATOR(pg_catalog.' || o.oprname || ')', coalesce(k.value, e.value), o.right_type) AS condition
FROM tenancy.trusted_conditions() t JOIN LATERAL (
  SELECT o.oprname, l AS left_type, r AS right_type FROM pg_operator o, LATERAL tried_types(ARRAY[o.oprleft, o.oprright]::regtype[]) tried, LATERAL types_of(o.oprleft, tried) l, LATERAL types_of(o.oprright, tried) r
  WHERE o.oprcode = t.function::oid AND o.oprresult = 'boolean'::regtype) o ON true
JOIN pg_attribute c ON c.attrelid = 'extremes'::regclass AND c.attname ~ '^of_' AND c.atttypid = o.left_type
LEFT JOIN known_edges k ON k.function = t.function LEFT JOIN edges e ON e.type = o.right_type AND k.value IS NULL;
\set ECHO none
CREATE FUNCTION ask(condition text, by_index boolean) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  found bigint;
  in_index boolean;
BEGIN
  PERFORM set_config('enable_seqscan', (NOT by_index)::text, true), set_config('enable_indexscan', by_index::text, true), set_config('enable_bitmapscan', by_index::text, true);
  in_index := EXISTS (SELECT FROM app.nodes(app.plan_of('SELECT FROM app.extremes WHERE ' || condition)) WHERE node ? 'Index Cond');
  EXECUTE 'SELECT count(*) FROM app.extremes WHERE ' || condition INTO found;
  RETURN format('%s, %s found', CASE WHEN in_index THEN 'in an index' ELSE 'in none' END, found);
EXCEPTION WHEN OTHERS THEN
  RETURN format('%s: %s', condition, SQLERRM);
END
$$;
\set ECHO all
GRANT SELECT ON ALL TABLES IN SCHEMA app TO PUBLIC;
SET SESSION AUTHORIZATION regress_app;
SELECT trust('all');
CALL become('mike');
SELECT outcome, count(*) > 200 AS many FROM hidden_conditions, unnest('{t,f}'::boolean[]) by_index, LATERAL ask(condition, by_index) outcome WHERE by_index OR n % 4 = 0 GROUP BY 1 ORDER BY 1;
-- with its owner's eyes, there is something to find
CALL become('gus');
SELECT count(*) > 20 AS many FROM hidden_conditions, LATERAL ask(condition, true) outcome WHERE n % 8 = 0 AND outcome ~ ', [1-9]\d* found';
CALL become('nobody');
RESET SESSION AUTHORIZATION;

