-- Who may do what.
BEGIN;
\ir ../fixtures/two_tenants.sql
SELECT plan(6);

SELECT tenancy_testing.become('mia@acme.example');
SELECT tenancy_testing.may('prompts', 'create', 'assistant');
SELECT tenancy_testing.may_not('prompts', 'publish', 'assistant');
SELECT tenancy_testing.may_not('prompts', 'create', :'acme_workspace_id',
                               'a member may nothing in a workspace of others');

SELECT tenancy_testing.become('olivia@acme.example');
SELECT tenancy_testing.may('prompts', 'publish', 'assistant');
SELECT tenancy_testing.may('billing', 'manage');

SELECT tenancy_testing.become_nobody();
SELECT tenancy_testing.may_not('prompts', 'list');

SELECT * FROM finish();
ROLLBACK;
