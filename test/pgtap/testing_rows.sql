-- sees_rows() and sees_nothing(): passing, failing, and refusing to pass where no policy decides.
BEGIN;
\ir include/testing_world.sql

-- As a superuser, who would see rows: no assertion passes, whatever it expects.
SELECT * FROM check_test(tenancy_testing.sees_rows('SELECT * FROM app.requests', 4), false, 'a superuser', 'sees 4 rows: SELECT * FROM app.requests',
  E'no row policy applies to role "postgres"\nCall tenancy_testing.become(), become_key() or become_nobody() first.');
SELECT * FROM check_test(tenancy_testing.sees_rows('SELECT model FROM app.requests', ARRAY['small', 'large']), false, 'a superuser, set');
SELECT * FROM check_test(tenancy_testing.sees_nothing('SELECT FROM app.requests WHERE false'), false, 'a superuser, nothing');

SELECT tenancy_testing.become('mia@acme.example', 'acme', 'assistant');

-- A number of rows.
SELECT * FROM check_test(tenancy_testing.sees_rows('SELECT * FROM app.requests', 2), true, 'count', 'sees 2 rows: SELECT * FROM app.requests', '');
SELECT * FROM check_test(tenancy_testing.sees_rows('SELECT * FROM app.requests;', 2, 'two'), true, 'count, described', 'two', '');
SELECT * FROM check_test(tenancy_testing.sees_rows('SELECT * FROM app.requests', 3), false, 'wrong count',
  'sees 3 rows: SELECT * FROM app.requests', format(E'       have: 2 rows\n       want: 3 rows\n        who: user "mia@acme.example" in '
    'organization "acme", workspace "assistant", as login "tenancy_tester"\n        sees of app.requests: (workspace = %L::uuid)', :'assistant'));
SELECT * FROM check_test(tenancy_testing.sees_rows('SELECT * FROM app.requests', NULL::bigint), false, 'NULL is no count');
SELECT * FROM check_test(tenancy_testing.sees_rows('SELECT a.*, b.* FROM app.requests a, app.requests b -- twice', 4), true, 'columns of one name, a comment');

-- Rows.
SELECT * FROM check_test(tenancy_testing.sees_rows('SELECT model FROM app.requests', ARRAY['large', 'small']), true, 'set', 'sees these rows: SELECT model FROM app.requests', '');
SELECT * FROM check_test(tenancy_testing.sees_rows('SELECT model FROM app.requests', ARRAY['small']), false, 'set with a row too many', 'sees these rows: SELECT model FROM app.requests',
  'Extra records:.*large.*who: user "mia@acme.example".*sees of app.requests', true);
SELECT * FROM check_test(tenancy_testing.sees_rows('SELECT model FROM app.requests', ARRAY['small', 'large', 'huge']), false, 'set with a row too few', NULL, 'Missing records:.*huge', true);
SELECT * FROM check_test(tenancy_testing.sees_rows('SELECT workspace FROM app.requests', ARRAY[:'assistant'::uuid], 'one'), true, 'set of uuid', 'one', '');
SELECT * FROM check_test(tenancy_testing.sees_rows('SELECT model, author IS NULL FROM app.requests', $$VALUES ('large', true), ('small', false)$$), true, 'rows of a query');
SELECT * FROM check_test(tenancy_testing.sees_rows('SELECT model, author IS NULL FROM app.requests', $$VALUES ('large', true)$$), false, 'rows of a query, one too many');

-- No rows.
SELECT * FROM check_test(tenancy_testing.sees_nothing('SELECT * FROM app.requests'), false, 'something', 'sees nothing: SELECT * FROM app.requests', 'have: 2 rows', true);
SELECT * FROM check_test(tenancy_testing.sees_nothing(format('SELECT * FROM app.requests WHERE workspace = %L', :'globex_workspace_id')), true, 'nothing of others');
SELECT tenancy_testing.become_nobody();
SELECT * FROM check_test(tenancy_testing.sees_nothing('SELECT * FROM app.requests', 'none'), true, 'nobody', 'none', '');
SELECT * FROM check_test(tenancy_testing.sees_rows('SELECT * FROM app.requests', 2), false, 'nobody sees no two rows');

-- Nobody, though it became somebody.
SELECT tenancy_testing.become('mia@acme.example');
RESET tenancy."user";
SELECT * FROM check_test(tenancy_testing.sees_nothing('SELECT * FROM app.requests'), false, 'nobody by mistake', NULL,
  E'the session is nobody, and no longer user "mia@acme.example" in organization "acme", as login "tenancy_tester"\nRun the test in a transaction.');
SELECT tenancy_testing.become_nobody();
SELECT * FROM check_test(tenancy_testing.sees_nothing('SELECT * FROM app.requests'), true, 'nobody on purpose');

-- Queries of which no policy decides the rows do not pass, though what they expect is true.
SELECT tenancy_testing.become_self();
CREATE VIEW app.all_requests AS SELECT * FROM app.requests;
CREATE VIEW app.own_requests WITH (security_invoker) AS SELECT * FROM app.requests;
CREATE VIEW app.indirectly AS SELECT * FROM app.own_requests;
CREATE VIEW app.all_models AS SELECT * FROM app.models;
CREATE MATERIALIZED VIEW app.kept_requests AS SELECT * FROM app.requests;
CREATE FUNCTION app.number_of_requests() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM app.requests';
GRANT SELECT ON ALL TABLES IN SCHEMA app TO tenancy_tester;
SELECT tenancy_testing.become('mia@acme.example');
SELECT * FROM check_test(tenancy_testing.sees_rows('SELECT * FROM app.models', 2), false, 'table that is not protected', NULL,
  E'the query reads no protected table\napp.models: it is not protected');
SELECT * FROM check_test(tenancy_testing.sees_rows('SELECT * FROM app.requests JOIN app.models USING (model)', 2), true, 'joined with a table for all');
SELECT * FROM check_test(tenancy_testing.sees_rows('SELECT * FROM app.requests JOIN app.all_models USING (model)', 2), true, 'joined with a view of a table for all');
SELECT * FROM check_test(tenancy_testing.sees_rows('SELECT * FROM app.all_requests', 4), false, 'view by its owner''s rights', NULL,
  E'the query reads rows that no policy filters\napp.requests: it is read by the rights of the owner of view app.all_requests, to whom no policy applies');
SELECT * FROM check_test(tenancy_testing.sees_rows('SELECT FROM app.requests WHERE EXISTS (SELECT FROM app.all_requests)', 2), false, 'the same beside a protected table', NULL,
  E'the query reads rows that no policy filters\napp.requests: it is read by the rights of the owner of view app.all_requests, to whom no policy applies');
SELECT * FROM check_test(tenancy_testing.sees_rows('SELECT * FROM app.indirectly', 2), true, 'a view by its owner''s rights over one by its caller''s');
SELECT * FROM check_test(tenancy_testing.sees_rows('SELECT * FROM app.kept_requests', 4), false, 'materialized view', NULL, 'it is a materialized view', true);
SELECT * FROM check_test(tenancy_testing.sees_rows('SELECT 1', 1), false, 'no table', NULL, 'the query reads no protected table');
SELECT * FROM check_test(tenancy_testing.sees_nothing('SELECT FROM app.number_of_requests() n WHERE n > 2'), false, 'what a function reads is not known');
SELECT throws_ok($$SELECT tenancy_testing.sees_rows('SELECT * FROM app.no_such_table', 1)$$, '42P01', NULL, 'an error of the query is one of the test');

-- A protection that somebody took apart.
SELECT tenancy_testing.become_self();
SET LOCAL tenancy.guard_rails = off;
DROP POLICY tenancy_select ON app.requests;
SELECT tenancy_testing.become('mia@acme.example');
SELECT * FROM check_test(tenancy_testing.sees_nothing('SELECT * FROM app.requests'), false, 'broken protection', NULL, 'app.requests: its protection is broken: ', true);

SELECT * FROM finish();
ROLLBACK;
