-- Two tenants and a protected table, inside the transaction of the test that includes this.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_tenancy_testing CASCADE;

SELECT * FROM tenancy.create_organization('Acme', 'olivia@acme.example') \gset acme_
SELECT * FROM tenancy.create_organization('Globex', 'gina@globex.example') \gset globex_
SELECT tenancy.create_workspace('acme', 'Assistant') AS assistant \gset
SELECT tenancy.create_user('mia@acme.example', 'Mia') AS mia \gset
SELECT FROM tenancy.set_organization_role('acme', 'mia@acme.example', 'member');
SELECT FROM tenancy.set_workspace_role('acme/assistant', 'mia@acme.example', 'member');

CREATE SCHEMA app;
CREATE TABLE app.requests (id serial PRIMARY KEY, workspace uuid NOT NULL, author uuid, model text NOT NULL);
CREATE TABLE app.models (model text PRIMARY KEY);
INSERT INTO app.models VALUES ('small'), ('large');
SELECT FROM tenancy.protect('app.requests', 'logs', workspace => 'workspace', owner => 'author');
INSERT INTO app.requests (workspace, author, model) VALUES
  (:'acme_workspace_id', NULL, 'small'), (:'assistant', :'mia', 'small'), (:'assistant', NULL, 'large'),
  (:'globex_workspace_id', NULL, 'large');

-- check_test() alters this sequence, whoever it is called by.
SELECT no_plan();
SELECT FROM tenancy_testing.make_tester();
ALTER SEQUENCE __tresults___numb_seq OWNER TO tenancy_tester;
