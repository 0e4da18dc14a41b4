-- advise(): whoever owns a table names it, its columns and indexes. Whatever the names, the SQL of a finding is one a superuser can run.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
SET client_min_messages = error;
\set VERBOSITY sqlstate
\set ON_ERROR_ROLLBACK on
BEGIN;
CREATE SEQUENCE ran;  -- not undone by an error: it counts statements that a name contains
-- A name that ends an identifier, a literal, a comment or a line, and begins a statement. From PostgreSQL 19 on, a role's has one line.
CREATE FUNCTION evil(name text) RETURNS text LANGUAGE sql AS $$ SELECT evil.name || E'"''\\' || CASE evil.name WHEN 'regress_' THEN ' ' ELSE E'\n' END || '; SELECT nextval(''app.ran''); --/*{' $$;
CREATE FUNCTION run(template text, VARIADIC names text[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format(run.template, VARIADIC ARRAY(SELECT evil(n) FROM unnest(run.names) n));
END
$$;
-- Without quoting, such a name runs.
SELECT format('-- give the table a foreign key to %s', evil('a')) \gexec
SELECT is_called FROM ran;
SELECT setval('ran', 1, false);

DO $do$
BEGIN
  SET LOCAL check_function_bodies = off;
  PERFORM run('CREATE ROLE %I LOGIN BYPASSRLS', 'regress_');
  PERFORM run('ALTER ROLE %I SET row_security = off', 'regress_');
  PERFORM run('ALTER ROLE %I SET tenancy.api_key = ''pgt_x''', 'regress_');
  PERFORM run('ALTER ROLE %I SET tenancy.guard_rails = off', 'regress_');
  -- a protected table with everything that findings name
  PERFORM run('CREATE TABLE %I (%I int PRIMARY KEY, %I uuid, %I uuid, %I numeric)', 't', 'id', 'o', 'w', 'price');
  PERFORM tenancy.protect(format('app.%I', evil('t')), 'logs', organization => evil('o'), workspace => evil('w'));
  PERFORM run('CREATE UNIQUE INDEX %I ON %I (%I)', 'u', 't', 'price');
  PERFORM run('GRANT TRUNCATE ON %I TO %I', 't', 'regress_');
  PERFORM run('CREATE VIEW %I AS SELECT * FROM %I', 'v', 't');
  PERFORM run('CREATE MATERIALIZED VIEW %I AS SELECT * FROM %I', 'm', 't');
  PERFORM run('GRANT SELECT ON %I TO %I', 'm', 'regress_');
  PERFORM run('CREATE FUNCTION %I() RETURNS int LANGUAGE sql SECURITY DEFINER AS %L', 'f', 't');
  PERFORM run('CREATE TYPE %I AS ENUM ()', 'e');
  PERFORM run('CREATE FUNCTION %I(%I) RETURNS int LANGUAGE sql LEAKPROOF AS ''SELECT 1''', 'l', 'e');
  PERFORM run('CREATE PUBLICATION %I FOR TABLE %I', 'regress_', 't');
  -- indexes: the names pretend to be the rest of a definition
  EXECUTE format('CREATE INDEX "i USING btree (id); ALTER ROLE regress_owner SUPERUSER; --" ON %I (%I DESC) WHERE %2$I > 0', evil('t'), evil('price'));
  EXECUTE format('CREATE INDEX ON %I (%I)', evil('t'), evil('w'));
  EXECUTE format('CREATE INDEX "g USING gin (tags); ALTER ROLE regress_owner SUPERUSER; --" ON %I USING hash (abs(%I))', evil('t'), evil('price'));
  -- tables beside it
  PERFORM run('CREATE TABLE %I (%I int, organization_id uuid)', 'beside', 'id');
  PERFORM run('CREATE TABLE %I (%I int NOT NULL REFERENCES %I)', 'child', 'parent', 't');
  PERFORM run('CREATE TABLE %I (%I int REFERENCES %I, %I int REFERENCES %3$I)', 'through', 'parent', 't', 'other');
  PERFORM tenancy.protect(format('app.%I', evil('through')), 'logs', through => ARRAY[evil('parent')]::name[]);
  PERFORM run('CREATE TABLE %I (%I uuid, %I uuid, %I int REFERENCES %I)', 'across', 'o', 'w', 'parent', 't');
  PERFORM tenancy.protect(format('app.%I', evil('across')), 'logs', organization => evil('o'), workspace => evil('w'));
  PERFORM run('CREATE TABLE %I (n int)', 'asks');
  PERFORM run('CREATE POLICY %I ON %I USING (EXISTS (SELECT FROM %I))', 'p', 'asks', 't');
  PERFORM run('CREATE POLICY %I ON %I USING (EXISTS (SELECT FROM %I))', 'p', 'child', 't');
  PERFORM run('CREATE TABLE %I (n int)', 'forced');
  PERFORM run('ALTER TABLE %I FORCE ROW LEVEL SECURITY', 'forced');
  PERFORM run('CREATE TABLE %I (%I uuid, %I uuid) PARTITION BY LIST (%2$I)', 'parts', 'o', 'w');
  PERFORM tenancy.protect(format('app.%I', evil('parts')), 'logs', organization => evil('o'), workspace => evil('w'));
  PERFORM run('CREATE TABLE %I (%I uuid, %I uuid)', 'runs', 'o', 'w');
  PERFORM tenancy.protect(format('app.%I', evil('runs')), 'logs', organization => evil('o'), workspace => evil('w'));
  PERFORM run('INSERT INTO %I VALUES (NULL, ''aaaaaaaa-0000-4000-8000-000000000002'')', 'runs');
  PERFORM run('INSERT INTO %I VALUES (''aaaaaaaa-0000-4000-8000-0000000000ff'', NULL)', 'runs');
  SET LOCAL tenancy.guard_rails = off;
  PERFORM run('CREATE TABLE %I () INHERITS (%I)', 'part', 'across');
  PERFORM run('CREATE TABLE %I (%I uuid, %I uuid)', 'broken', 'o', 'w');
  PERFORM tenancy.protect(format('app.%I', evil('broken')), 'logs', organization => evil('o'), workspace => evil('w'));
  PERFORM run('ALTER TABLE %I ALTER %I DROP DEFAULT', 't', 'o');
  PERFORM run('ALTER TABLE %I NO FORCE ROW LEVEL SECURITY', 'broken');
  RESET tenancy.guard_rails;
  DELETE FROM tenancy.protected_names;
END
$do$;

-- The rules that have found something with such a name. Those with a "…" or "<resource>" to be filled in fail as a whole.
CREATE TEMP TABLE found AS SELECT row_number() OVER () AS n, a.* FROM tenancy.advise() a WHERE a.object || a.problem || coalesce(a.fix_sql, '') ~ 'app.ran|SUPERUSER';
SELECT rule, count(*), count(fix_sql) AS fixes FROM found GROUP BY rule ORDER BY rule COLLATE "C";
SELECT fix_sql FROM found WHERE rule IN ('unused_index', 'policy_with_subselect', 'rows_without_organization', 'foreign_key_across_tenants') ORDER BY n;
-- No fix has a comment: a name in one could end it.
SELECT rule FROM tenancy.advise()
WHERE regexp_replace(fix_sql, $re$E?'([^']|'')*'|"([^"]|"")*"$re$, '', 'g') ~ '--|/[*]';
\set ECHO none
\o /dev/null
SELECT fix_sql FROM found WHERE fix_sql IS NOT NULL ORDER BY n \gexec
\o
\set ECHO all
SELECT is_called AS a_name_was_run FROM ran;
SELECT rolname FROM pg_roles WHERE rolsuper AND rolname LIKE 'regress%';
-- What is left: findings whose fix needs something to be filled in, or that have none, and those of rules that the order of the fixes concerns.
SELECT rule, count(*), count(fix_sql) AS fixes FROM tenancy.advise() a WHERE a.object || a.problem || coalesce(a.fix_sql, '') ~ 'app.ran|SUPERUSER'
GROUP BY rule ORDER BY rule COLLATE "C";
ROLLBACK;
