-- A database with something of everything that has to outlive a dump or pg_upgrade. Needs the roles app, mia, owner.
-- Secrets and tokens of its principals are in table secrets; state.sql tells what of it has to stay as it is.
\set ON_ERROR_STOP on
SET client_min_messages = warning;
CREATE EXTENSION pg_tenancy;
CREATE TABLE secrets AS SELECT 'acme' AS name, master_key AS secret FROM tenancy.create_organization('Acme', 'olivia@acme.test', external_id => '1');
INSERT INTO secrets SELECT 'globex', master_key FROM tenancy.create_organization('Globex', 'gus@globex.test', external_id => '2');
\ir ../../sql/include/tokens.sql
INSERT INTO secrets SELECT 'token', token FROM tokens WHERE name = 'issuer and audience';
CREATE TABLE logs (id int, organization_id uuid, workspace_id uuid, user_id uuid, api_key_id uuid, body text);
CREATE TABLE events (id int, tenant int, day int) PARTITION BY LIST (day);
CREATE TABLE events_1 PARTITION OF events FOR VALUES IN (1);
CREATE TABLE events_2 PARTITION OF events FOR VALUES IN (2);
CREATE TABLE documents (id int, tenant uuid);
CREATE TABLE scans (pages int) INHERITS (documents);
ALTER TABLE documents OWNER TO owner;
DO $$
BEGIN
  PERFORM tenancy.create_workspace('acme', 'Search', 'search', '12');
  PERFORM tenancy.set_organization_role('acme', 'mia@acme.test', 'member');
  PERFORM tenancy.set_workspace_role('acme/search', 'mia@acme.test', 'member');
  PERFORM tenancy.register_permission('datasets', 'view', 'x');
  PERFORM tenancy.register_resource('reports', 'reports', members => '{view}'), tenancy.set_setting('acme', 'members_view_reports', false);
  PERFORM tenancy.create_role('acme', 'organization', 'auditor', all_workspaces => true);
  PERFORM tenancy.grant_permission('acme', 'organization', 'auditor', 'logs', 'view');
  PERFORM tenancy.set_organization_role('acme', 'ada@acme.test', 'auditor');
  PERFORM tenancy.set_setting('acme', 'members_view_all_data', false);
  PERFORM tenancy.allow_workspace_overrides('acme', 'logs', true);
  PERFORM tenancy.set_setting('acme', 'members_view_logs_metadata', false, 'search');
  PERFORM tenancy.bind_login('mia', 'mia@acme.test', workspace => 'acme/search');
  PERFORM tenancy.trust_login('app');
  PERFORM tenancy.create_api_key('workspace_user_key', 'Notebook', 'acme', 'search', 'mia@acme.test', '["logs.view"]');
  INSERT INTO secrets SELECT 'notebook', tenancy.rotate_api_key(api_key_id) FROM tenancy.api_keys WHERE name = 'Notebook';
  INSERT INTO secrets SELECT 'revoked', secret FROM tenancy.create_api_key('workspace_service_key', 'Revoked', 'acme', 'search', scopes => '["logs.view"]');
  PERFORM tenancy.revoke_api_key(api_key_id) FROM tenancy.api_keys WHERE name = 'Revoked';
  PERFORM tenancy.set_jwks('acme', jwks, 'https://id.acme.test', 'database') FROM jwks WHERE name = 'acme';
  PERFORM tenancy.protect('logs', 'logs', 'organization_id', 'workspace_id', 'user_id', 'api_key_id', '{body}', true, workspace_implies_organization => true);
  PERFORM tenancy.protect('events', 'datasets', 'tenant'), tenancy.protect('documents', 'datasets', 'tenant');
  PERFORM tenancy.create_scoped_view('logs', 'log_entries');
  PERFORM tenancy.purge_audit_log(clock_timestamp(), 'globex');
  PERFORM tenancy.set_organization_role('globex', 'gina@globex.test', 'admin');
END $$;
DROP TABLE jwks, tokens;
CREATE POLICY mine ON logs AS RESTRICTIVE FOR SELECT USING (id < 100);
INSERT INTO logs SELECT i, w.organization_id, w.workspace_id, u.user_id, NULL, 'body ' || i
FROM generate_series(1, 3) i, tenancy.workspaces w LEFT JOIN tenancy.users u ON u.email = 'mia@acme.test' AND w.slug = 'search';
INSERT INTO events SELECT i, 1 + i % 2, 1 + i % 2 FROM generate_series(1, 10) i;
INSERT INTO documents SELECT 1, organization_id FROM tenancy.organizations;
INSERT INTO scans SELECT 2, organization_id, 3 FROM tenancy.organizations;
GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA public TO app, mia;
REVOKE ALL ON secrets FROM app, mia;
