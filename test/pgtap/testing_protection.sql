-- is_protected() and schema_is_protected(): each passing and failing.
BEGIN;
\ir include/testing_world.sql

SELECT * FROM check_test(tenancy_testing.is_protected('app.requests'), true, 'protected', 'table app.requests is protected', '');
SELECT * FROM check_test(tenancy_testing.is_protected('app.models', 'models'), false, 'not protected', 'models', 'app.models: it is not protected');
SELECT throws_ok($$SELECT tenancy_testing.is_protected('app.no_such_table')$$, '42P01', NULL, 'no such table');

SELECT * FROM check_test(tenancy_testing.schema_is_protected('app'), false, 'one table is not', 'schema app is protected', 'app.models: it is not protected');
SELECT * FROM check_test(tenancy_testing.schema_is_protected('app', ARRAY['models']), true, 'it is excluded', 'schema app is protected', '');
SELECT * FROM check_test(tenancy_testing.schema_is_protected('app', ARRAY['models', 'modles'], 'all'), false, 'an exclusion for nothing', 'all',
  'modles: it is excluded, and there is no such table');
CREATE SCHEMA empty;
SELECT * FROM check_test(tenancy_testing.schema_is_protected('empty', 'nothing there'), false, 'no tables', 'nothing there', 'schema "empty" has no tables');
SELECT * FROM check_test(tenancy_testing.schema_is_protected('no_such_schema'), false, 'no schema', NULL, 'schema "no_such_schema" has no tables');

-- Views that show rows as the policies say, or nobody's rows; then one that shows all.
CREATE VIEW app.all_models AS SELECT * FROM app.models;
CREATE VIEW app.own_requests WITH (security_invoker) AS SELECT * FROM app.requests;
CREATE VIEW app.indirectly AS SELECT * FROM app.own_requests;
SELECT * FROM check_test(tenancy_testing.schema_is_protected('app', ARRAY['models']), true, 'views that leak nothing');
CREATE VIEW app.all_requests AS SELECT * FROM app.requests;
SELECT * FROM check_test(tenancy_testing.schema_is_protected('app', ARRAY['models']), false, 'a view that shows all', NULL,
  'app.all_requests: it reads app.requests by the rights of its owner, to whom no policy applies');
SELECT * FROM check_test(tenancy_testing.schema_is_protected('app', ARRAY['models', 'all_requests']), true, 'a view that is excluded');
CREATE MATERIALIZED VIEW app.kept_requests AS SELECT * FROM app.requests;
SELECT * FROM check_test(tenancy_testing.schema_is_protected('app', ARRAY['models', 'all_requests']), false, 'a materialized view', NULL,
  'app.kept_requests: it is a materialized view, which keeps rows without policies');

-- A scoped view masks by itself.
CREATE TABLE app.traces (workspace uuid, name text, payload text);
SELECT FROM tenancy.protect('app.traces', 'logs', workspace => 'workspace', payload => ARRAY['payload']);
SELECT FROM tenancy.create_scoped_view('app.traces', 'app.traces_scoped');
SELECT * FROM check_test(tenancy_testing.schema_is_protected('app', ARRAY['models', 'all_requests', 'kept_requests']), true, 'a scoped view');

-- A table is as protected as its partitions.
SET LOCAL tenancy.guard_rails = off;
CREATE TABLE app.events (workspace uuid, day date) PARTITION BY RANGE (day);
SELECT FROM tenancy.protect('app.events', 'logs', workspace => 'workspace');
SELECT * FROM check_test(tenancy_testing.is_protected('app.events'), true, 'a partitioned table');
CREATE TABLE app.events_2026 PARTITION OF app.events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
SELECT * FROM check_test(tenancy_testing.is_protected('app.events'), false, 'a partition that is not', NULL, 'app.events_2026: it is not protected');

-- Protected once, opened since.
ALTER TABLE app.requests NO FORCE ROW LEVEL SECURITY;
SELECT * FROM check_test(tenancy_testing.is_protected('app.requests'), false, 'opened', NULL, 'app.requests: its protection is broken: ', true);

-- Since PostgreSQL 17 the row type of a view, and its array, are objects of the extension, too.
SELECT is_empty($$
  SELECT pg_describe_object(d.classid, d.objid, 0) FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
  WHERE d.refclassid = 'pg_extension'::regclass AND e.extname = 'pg_tenancy_testing' AND d.deptype = 'e'
    AND NOT EXISTS (SELECT FROM pg_type t WHERE d.classid = 'pg_type'::regclass AND t.oid = d.objid AND (t.typrelid <> 0 OR t.typelem <> 0))
    AND obj_description(d.objid, d.classid::regclass::name) IS NULL
$$, 'every object of the extension has a comment');

-- Functions in a schema of the caller's search_path, which fit better than the server's, are not called.
CREATE TABLE app.notes (workspace uuid);
SELECT FROM tenancy.protect('app.notes', 'logs', workspace => 'workspace');
CREATE SCHEMA theirs;
CREATE FUNCTION theirs.act() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'with the rights of %', current_user; END $$;
CREATE FUNCTION theirs.format(text, regclass) RETURNS text LANGUAGE sql AS 'SELECT theirs.act()';
CREATE FUNCTION theirs.format(text, regclass, text) RETURNS text LANGUAGE sql AS 'SELECT theirs.act()';
CREATE FUNCTION theirs.format(text, text, regclass, name) RETURNS text LANGUAGE sql AS 'SELECT theirs.act()';
SELECT set_config('search_path', current_setting('search_path') || ', theirs', true) AS with_theirs \gset
SELECT throws_ok($$SELECT format('%s', 'app.models'::regclass)$$, 'P0001', NULL, 'others'' functions are found by the search_path');
SELECT * FROM check_test(tenancy_testing.is_protected('app.notes'), true, 'protected, whatever others make', 'table app.notes is protected', '');
SELECT * FROM check_test(tenancy_testing.is_protected('app.models'), false, 'not protected, whatever others make', NULL, 'app.models: it is not protected');
SELECT * FROM check_test(tenancy_testing.schema_is_protected('app'), false, 'a schema, whatever others make');
SELECT lives_ok($$SELECT tenancy_testing.become('olivia@acme.example')$$, 'become, whatever others make');
SELECT is_empty($$SELECT p.oid::regprocedure, m FROM pg_catalog.pg_proc p,
    regexp_matches(p.prosrc, '\s(=|<>|[|]{2}|<|>|IN|LIKE)\s|(?<![.[:alnum:]_])([a-z_]+)\s?\(', 'g') m
  WHERE p.pronamespace = 'tenancy_testing'::regnamespace AND NOT EXISTS (SELECT FROM unnest(p.proconfig) c WHERE c = 'search_path=pg_catalog, tenancy, pg_temp')
    AND coalesce(m[2], '') NOT IN ('coalesce')$$, 'what has no search_path of its own names everything with its schema');

SELECT * FROM finish();
ROLLBACK;
