-- Two organizations with workspaces and people. API keys are made by the script, which keeps the secrets.

SELECT tenancy.create_organization('Acme', 'olivia@acme.example');
SELECT tenancy.create_workspace('acme', 'Assistant');
SELECT tenancy.create_workspace('acme', 'Code');

SELECT tenancy.create_user('mason@acme.example', 'Mason');
SELECT tenancy.create_user('mia@acme.example', 'Mia');
SELECT tenancy.create_user('noah@acme.example', 'Noah');
SELECT tenancy.set_organization_role('acme', member, 'member')
FROM unnest(ARRAY['mason@acme.example', 'mia@acme.example', 'noah@acme.example']) member;
SELECT tenancy.set_workspace_role('acme/assistant', 'mason@acme.example', 'manager');
SELECT tenancy.set_workspace_role('acme/assistant', 'mia@acme.example', 'member');
SELECT tenancy.set_workspace_role('acme/assistant', 'noah@acme.example', 'member');
SELECT tenancy.set_workspace_role('acme/code', 'noah@acme.example', 'member');

SELECT tenancy.create_organization('Globex', 'gina@globex.example');
SELECT tenancy.create_workspace('globex', 'Support');
SELECT tenancy.set_workspace_role('globex/support', 'gina@globex.example', 'admin');

-- Three ways in: a person's own login, an application that authenticates its users itself, and API keys.
CREATE ROLE olivia LOGIN;
SELECT tenancy.bind_login('olivia', 'olivia@acme.example');
CREATE ROLE console LOGIN;
SELECT tenancy.trust_login('console');
CREATE ROLE app LOGIN;
