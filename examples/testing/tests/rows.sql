-- Who sees which rows, and who may write them.
BEGIN;
\ir ../fixtures/two_tenants.sql
SELECT plan(11);

SELECT tenancy_testing.become('olivia@acme.example');
SELECT tenancy_testing.sees_rows('SELECT * FROM requests', 3, 'an owner sees all workspaces');
SELECT tenancy_testing.sees_rows('SELECT DISTINCT organization_id FROM requests', ARRAY[:'acme_organization_id'::uuid],
                                 'and one organization only');

SELECT tenancy_testing.become('olivia@acme.example', 'acme', 'assistant');
SELECT tenancy_testing.sees_rows('SELECT * FROM requests', 2, 'narrowed to a workspace, what is there');

SELECT tenancy_testing.become('mia@acme.example');
SELECT tenancy_testing.sees_rows('SELECT model FROM requests', ARRAY['small', 'large'], 'a member sees its workspace');
SELECT tenancy_testing.sees_rows('SELECT model, context_length FROM requests JOIN models USING (model)',
                                 $$VALUES ('small', 8000), ('large', 128000)$$, 'also joined with a table that all tenants share');

-- A test that denies proves little without one that allows the same.
SELECT tenancy_testing.become_key(:'globex_master_key');
SELECT tenancy_testing.sees_nothing($$SELECT * FROM requests WHERE model = 'small'$$, 'Globex has no such rows');
SELECT tenancy_testing.sees_rows($$SELECT * FROM requests WHERE model = 'large'$$, 1, 'it sees its own');
SELECT lives_ok(format($$INSERT INTO requests (workspace_id, model) VALUES (%L, 'small')$$, :'globex_workspace_id'),
                'it writes into its workspace');
SELECT throws_ok(format($$INSERT INTO requests (workspace_id, model) VALUES (%L, 'small')$$, :'assistant'), '42501',
                 'new row violates row-level security policy for table "requests"', 'and not into one of Acme');

-- A change of rights counts at once.
SELECT tenancy_testing.become_self();
SELECT FROM tenancy.set_setting('acme', 'members_view_all_data', false);
SELECT tenancy_testing.become('mia@acme.example');
SELECT tenancy_testing.sees_rows('SELECT user_id FROM requests', ARRAY[:'mia'::uuid], 'restricted to own rows');

SELECT tenancy_testing.become_nobody();
SELECT tenancy_testing.sees_nothing('SELECT * FROM requests', 'nobody sees nothing');

SELECT * FROM finish();
ROLLBACK;
