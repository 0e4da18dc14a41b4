-- What is silent by its looks and isn't: an error, a warning or a pause that comes only where a condition gets to. None of these may come
-- before a policy, or a hidden row that passes the first part would tell.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
\set plans :srcdir '/sql/include/plans.sql'
\i :plans
\set ECHO none
\o /dev/null
SET client_min_messages = warning;
-- Every tenth row is of ben's workspace; all others have the title "hidden".
CREATE TABLE notes (id int, organization_id uuid NOT NULL, workspace_id uuid NOT NULL, title text COLLATE "C", n int, body text COLLATE "C", bytes bytea);
INSERT INTO notes SELECT n, w.organization_id, w.workspace_id, CASE w.slug WHEN 'search' THEN n::text ELSE 'hidden' END, n, 'x'
FROM generate_series(1, 2000) n JOIN tenancy.workspaces w ON w.slug = CASE n % 10 WHEN 0 THEN 'search' ELSE 'lab' END;
CREATE INDEX ON notes (title);
CREATE INDEX ON notes (n);
CREATE TABLE more (LIKE notes);
INSERT INTO more SELECT * FROM notes WHERE id < 100;
CREATE TABLE open AS TABLE notes;
CREATE TABLE open_more AS TABLE more;
CREATE INDEX ON open (n);
CREATE TABLE keys AS SELECT 7 AS n, true AS is_set;
CREATE TABLE long AS SELECT 7 AS n, 'a' COLLATE "C" AS a, 'b' COLLATE "C" AS b, '{1}'::int[] AS list;
SELECT tenancy.register_resource('notes', 'notes');
SELECT tenancy.protect(r, 'notes', 'organization_id', 'workspace_id') FROM unnest('{notes,more}'::regclass[]) r;
GRANT SELECT, UPDATE ON notes, open TO PUBLIC;
ANALYZE notes, more, open, open_more, keys;
-- Each statement with a record's field is planned for its relation.
DO $$
DECLARE
  relation text;
BEGIN
  FOREACH relation IN ARRAY '{notes,open}'::text[] LOOP
    EXECUTE format($f$
      CREATE FUNCTION told_by_%1$s(low text, assigned boolean, as_text boolean DEFAULT false, copied boolean DEFAULT false) RETURNS text LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $b$
      DECLARE
        r record;
        met record;
      BEGIN
        IF as_text THEN
          SELECT 'x'::text AS f INTO r;
        ELSIF assigned THEN
          SELECT true AS f INTO r;
        END IF;
        IF copied THEN
          SET LOCAL plan_cache_mode = force_custom_plan;
          FOR met IN SELECT FROM app.%1$s WHERE CASE WHEN title >= low THEN r.f END LOOP
          END LOOP;
        ELSE
          PERFORM FROM app.%1$s WHERE CASE WHEN title >= ANY (ARRAY[low]) THEN r.f END;
        END IF;
        RETURN 'none';
      EXCEPTION WHEN OTHERS THEN
        RETURN regexp_replace(SQLERRM, '\d+', 'N');
      END
      $b$;
      CREATE FUNCTION unused_by_%1$s() RETURNS bigint LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $b$
      DECLARE
        r record;
        rows bigint;
      BEGIN
        SELECT count(*) INTO rows FROM app.%1$s WHERE title <= '2';
        RETURN rows;
      END
      $b$
    $f$, relation);
  END LOOP;
END
$$;
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
CREATE FUNCTION met() RETURNS uuid LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'row met'; END $$;
CREATE FUNCTION met_one() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'row met'; END $$;
CREATE VIEW told_notes WITH (security_barrier, security_invoker) AS SELECT * FROM notes WHERE organization_id = CASE WHEN title >= ANY ('{hidden}') THEN (SELECT met()) END;
CREATE VIEW told_open WITH (security_barrier, security_invoker) AS SELECT * FROM open WHERE organization_id = CASE WHEN title >= ANY ('{hidden}') THEN (SELECT met()) END;
CREATE VIEW silent_notes WITH (security_barrier, security_invoker) AS SELECT * FROM notes WHERE organization_id = CASE WHEN title >= ANY ('{0}') THEN organization_id END;
CREATE VIEW named_notes WITH (security_barrier, security_invoker) AS
SELECT * FROM notes WHERE organization_id = CASE WHEN title >= ANY ('{hidden}') THEN (SELECT met()) END AND tenancy.row_visible('notes', 'view', organization_id, workspace_id, NULL, NULL);
SET client_min_messages = error;
CREATE COLLATION old (provider = icu, locale = 'und', version = '1');
SET client_min_messages = warning;
CREATE COLLATION mine (provider = icu, locale = 'und');
CREATE TYPE pair AS (a int, b boolean);
-- Silent or not, between a comparison and the end
CREATE TABLE parts (n int, is_silent boolean, part text);
INSERT INTO parts VALUES
  (1, true, 'ARRAY[id, n] IS NOT NULL'), (2, false, 'CASE WHEN id > 0 THEN ARRAY[title, body] END IS NOT NULL'), (3, false, 'CASE WHEN id > 0 THEN ARRAY[$1, $1] END IS NOT NULL'),
  (4, false, 'CASE WHEN id > 0 THEN coalesce(ROW(id, body), NULL) END IS NOT NULL'), (5, false, 'sha512($2) IS NULL'), (6, false, 'md5($1) IS NULL'),
  (7, false, '(coalesce($3, NULL)).b'), (8, false, 'current_user = title'), (9, true, 'body < ''a'''), (10, true, 'body < ''a'' COLLATE "default"'),
  (11, false, 'body < ''a'' COLLATE app.old'), (12, false, 'body < ''a'' COLLATE app.mine'), (13, false, 'body < $1'), (14, false, 'coalesce(notes, NULL) IS NOT NULL'),
  (15, true, 'body = $1'), (16, false, '$1 = $1'), (17, true, '$1 = ''a'''), (18, false, 'greatest($1, body) = ''a'''), (19, false, 'id = ANY ($4)'),
  (20, false, 'body = ANY (ARRAY[$1, ''a''])'), (21, false, 'starts_with($1, body)'), (22, false, 'NULLIF($1, $1) IS NULL'), (23, false, '$1 IS DISTINCT FROM $1'), (24, false, 'ROW(body, id) < ROW($1, id)'),
  (25, false, 'ROW(''2''::oidvector, id) < ROW(''1''::oidvector, n)'), (26, false, 'coalesce($5, NULL) <> ''<(0,0),1>'''),
  (27, true, 'body < repeat(''x'', 20)'), (28, false, 'body < repeat(''x'', 2000)'), (29, true, 'bytes < ''x'''), (30, true, 'id = ANY (''{1,2}'')'),
  (31, false, format('id = ANY (%L)', ARRAY(SELECT generate_series(1, 300)))), (32, false, '$3 IS NULL'), (34, false, 'CASE WHEN body IS NOT NULL THEN ' || repeat('CASE WHEN $1 IS NULL THEN NULL ELSE ', 100) || 'true ' || repeat('END ', 100) || 'END'),
  (35, true, 'CASE WHEN body IS NOT NULL THEN ' || repeat('CASE WHEN $1 IS NULL THEN NULL ELSE ', 10) || 'true ' || repeat('END ', 10) || 'END'), (33, true, 'body IS NULL');
GRANT SELECT ON parts, keys, long, told_notes, told_open, silent_notes, named_notes, more, open_more TO PUBLIC;
GRANT UPDATE ON told_notes, told_open, silent_notes, named_notes TO PUBLIC;
-- RETURNS whether the condition comes behind the guard, in the plan for any parameters
CREATE FUNCTION is_late(part text) RETURNS boolean LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  filter text;
BEGIN
  EXECUTE format('PREPARE asked (text, bytea, app.pair, int[], circle) AS SELECT FROM app.notes WHERE CASE WHEN title IS NOT NULL THEN %s END AND ($1 IS NULL OR $2 IS NULL OR $3 IS NULL OR $4 IS NULL OR $5 IS NULL OR id > 0)', part);
  SELECT node ->> 'Filter' INTO filter FROM app.nodes(app.plan_of($q$EXECUTE asked ('x', 'x', ROW(1, true), '{1}', NULL)$q$)) WHERE node ->> 'Filter' ~ 'CASE';
  DEALLOCATE asked;
  RETURN filter ~ 'guard.*CASE WHEN';
END
$$;
-- Likewise of a condition in a parameterized index scan
CREATE FUNCTION join_is_late(part text) RETURNS boolean LANGUAGE plpgsql SET enable_hashjoin = off SET enable_mergejoin = off SET enable_material = off SET enable_memoize = off SET enable_seqscan = off AS $$
DECLARE
  filter text;
BEGIN
  SELECT node ->> 'Filter' INTO filter FROM app.nodes(app.plan_of(format('SELECT FROM app.long l JOIN app.notes n ON n.n = l.n AND CASE WHEN n.title IS NOT NULL THEN %s END', part))) WHERE node ->> 'Filter' ~ 'CASE';
  RETURN filter ~ 'guard.*CASE WHEN';
END
$$;
RESET client_min_messages;
\o
\set ECHO all
-- A field of a record that has not been assigned, or has another type than when the query was planned: of a table without a policy, its
-- rows decide. Of one with a policy, none does.
SELECT told_by_open('hidden', true), told_by_open('hidden', false), told_by_open('i', false), told_by_open('hidden', false, true), told_by_open('i', false, true);
SET SESSION AUTHORIZATION regress_app;
CALL become('ben');
SELECT told_by_open('hidden', false) = told_by_open('i', false) AS open, told_by_notes('hidden', false) = told_by_notes('i', false) AS notes;
SELECT told_by_notes('hidden', true), told_by_notes('1', true), told_by_notes('hidden', false), told_by_notes('i', false);
SELECT told_by_notes('hidden', false, true), told_by_notes('i', false, true), told_by_notes('hidden', true);
-- For a loop, fields are copied, with their types.
SELECT told_by_open('hidden', true, false, true), told_by_open('hidden', false, true, true), told_by_open('i', false, true, true);
SELECT told_by_notes('hidden', true, false, true), told_by_notes('1', true, false, true), told_by_notes('hidden', false, true, true), told_by_notes('i', false, true, true);
-- One that the query does not use does no harm.
SELECT unused_by_notes() > 0 AS allowed;
-- Conditions that are made last, for a side of UNION ALL
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET enable_material = off;
SET enable_memoize = off;
SELECT try($$SELECT FROM app.keys k JOIN (SELECT n, title FROM app.open UNION ALL SELECT n, title FROM app.open_more) t ON t.n = k.n AND k.is_set = CASE WHEN t.title >= ANY ('{hidden}') THEN (SELECT app.met_one()) END$$) AS open,
  try($$SELECT FROM app.keys k JOIN (SELECT n, title FROM app.notes UNION ALL SELECT n, title FROM app.more) t ON t.n = k.n AND k.is_set = CASE WHEN t.title >= ANY ('{hidden}') THEN (SELECT app.met_one()) END$$) AS notes,
  try($$SELECT FROM app.keys k JOIN (SELECT n, title FROM app.notes UNION ALL SELECT n, title FROM app.more) t ON t.n = k.n + 3 AND k.is_set = CASE WHEN t.title >= ANY ('{0}') THEN (SELECT true) END$$) AS own;
RESET enable_hashjoin;
RESET enable_mergejoin;
RESET enable_material;
RESET enable_memoize;
-- A view's own condition is no policy's, even where it names the policy's function.
SELECT try('UPDATE app.told_open SET n = n') AS open, try('UPDATE app.told_notes SET n = n') AS notes, try('UPDATE app.named_notes SET n = n') AS named, try('UPDATE app.silent_notes SET n = n') AS own;
-- Sizes, pauses, types, roles, collations. Silent conditions still come first, where they are cheaper than the filter.
SELECT n, left(part, 80) AS part, is_late(part) AS late, is_late(part) <> is_silent AS as_expected FROM parts ORDER BY n;
-- Hashes of columns, those that PostgreSQL has since version 18 included
SELECT p.oid::regprocedure AS not_late FROM pg_proc p WHERE p.proname ~ '^(md5|sha\d+|crc32)' AND p.proleakproof AND NOT is_late(format('%I(%s) IS NULL', p.proname, CASE p.proargtypes[0] WHEN 'text'::regtype THEN 'body' ELSE 'bytes' END));
-- Of another table's columns, which can be long, where an index of this one makes the join.
SELECT part, join_is_late(part) AS late FROM unnest(ARRAY['l.a = l.b', 'n.title = l.a', 'n.title < l.a', 'n.id < l.n', 'n.id = ANY (l.list)']) part;
-- Late conditions keep their indexes.
SET enable_seqscan = off;
SET plan_cache_mode = force_generic_plan;
PREPARE listed (text, text) AS SELECT count(*) FROM app.notes WHERE title IN ($1, $2);
SELECT node ->> 'Index Cond' ~ '^\(title = ANY' AS index_condition FROM nodes(plan_of($$EXECUTE listed ('10', '20')$$)) WHERE node ? 'Index Cond';
EXECUTE listed ('10', '20');
PREPARE one (text) AS SELECT count(*) FROM app.notes WHERE title = md5($1);
SELECT node ->> 'Index Cond' ~ '^\(title = md5' AS index_condition FROM nodes(plan_of($$EXECUTE one ('10')$$)) WHERE node ? 'Index Cond';
