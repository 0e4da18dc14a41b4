-- become() and its like: who the session is then, that row policies apply, and the way back.
BEGIN;
\ir include/testing_world.sql

-- The superuser sees all: what the tests below deny is there.
SELECT is((SELECT count(*) FROM app.requests), 4::bigint, 'a superuser sees every row');

SELECT tenancy_testing.become('mia@acme.example', 'acme', 'assistant');
SELECT is(session_user::text || '/' || current_user, 'tenancy_tester/tenancy_tester', 'the session is another login');
SELECT is((SELECT format('%s %s %s %s', kind, source, organization, workspace) FROM tenancy.whoami()),
          'user user_setting acme assistant', 'become: who, where');
SELECT is((SELECT count(*) FROM app.requests), 2::bigint, 'become: row policies apply');
SELECT lives_ok($$INSERT INTO app.requests (workspace, model) SELECT workspace_id, 'small' FROM tenancy.workspaces WHERE slug = 'nowhere'$$,
                'become: the privilege to insert is there, serial column included');

SELECT tenancy_testing.become('olivia@acme.example');
SELECT is((SELECT count(*) FROM app.requests), 3::bigint, 'become again: the organization that is the only one, no workspace');
SELECT lives_ok(format($$INSERT INTO app.requests (workspace, model) VALUES (%L, 'small')$$, :'assistant'), 'who may insert can');
SELECT throws_ok(format($$INSERT INTO app.requests (workspace, model) VALUES (%L, 'small')$$, :'globex_workspace_id'), '42501',
                 'new row violates row-level security policy for table "requests"', 'elsewhere only the policy is in the way');

SELECT tenancy_testing.become_key(:'globex_master_key');
SELECT is((SELECT kind FROM tenancy.whoami()), 'organization_service_key', 'become_key: a key, and the user is forgotten');
SELECT is((SELECT count(*) FROM app.requests), 1::bigint, 'become_key: its rows');

SELECT tenancy_testing.become_nobody();
SELECT is((SELECT kind FROM tenancy.whoami()), 'anonymous', 'become_nobody: nobody');
SELECT is((SELECT count(*) FROM app.requests), 0::bigint, 'become_nobody: no rows');

-- A refused change leaves the session who it was.
SELECT throws_ok($$SELECT tenancy_testing.become('mia@acme.example', 'globex')$$, '28000', NULL, 'not a member of that organization');
SELECT throws_ok($$SELECT tenancy_testing.become('nobody@acme.example')$$, '28000', NULL, 'no such user');
SELECT throws_ok($$SELECT tenancy_testing.become('mia@acme.example', 'acme', 'nowhere')$$, '42704', NULL, 'no such workspace');
SELECT throws_ok($$SELECT tenancy_testing.become_key('pgt_wrong')$$, '28000', NULL, 'no such key');
SELECT throws_ok($$SELECT tenancy_testing.become_token('no.such.token')$$, '28000', NULL, 'no such token');
SELECT throws_ok($$SELECT tenancy_testing.become(NULL)$$, '22004', 'whom to become must be given', 'NULL is nobody');
SELECT is((SELECT kind FROM tenancy.whoami()), 'anonymous', 'still nobody');

SELECT tenancy_testing.become_self();
SELECT is((SELECT count(*) FROM app.requests), 5::bigint, 'become_self: a superuser again');
SELECT is((SELECT source FROM tenancy.whoami()), 'none', 'become_self: no credential is left');

-- A login of the tests' own choice.
SET LOCAL tenancy_testing.login = 'postgres';
SELECT throws_ok($$SELECT tenancy_testing.become('mia@acme.example')$$, '55000', 'no row policy applies to role "postgres"', 'a superuser as login');
SET LOCAL tenancy_testing.login = 'tenancy_no_such_login';
SELECT throws_ok($$SELECT tenancy_testing.become('mia@acme.example')$$, '42704', NULL, 'a login that does not exist');

CREATE ROLE tenancy_test_shop;
SET LOCAL tenancy_testing.login = 'tenancy_test_shop';
SELECT throws_ok($$SELECT tenancy_testing.become('mia@acme.example')$$, '28000',
                 'setting "tenancy.user" is honored on trusted logins only', 'a login that is not trusted names no user');
SELECT tenancy_testing.become_key(:'globex_master_key');
SELECT throws_ok('SELECT FROM app.requests', '42501', NULL, 'a login of one''s own has the privileges that it was granted');

SELECT tenancy_testing.become_self();
SELECT tenancy.bind_login('tenancy_test_shop', 'mia@acme.example');
SELECT throws_ok($$SELECT tenancy_testing.become_nobody()$$, '55000', 'login "tenancy_test_shop" is somebody by itself', 'a bound login is somebody');

SELECT * FROM finish();
ROLLBACK;
