-- The examples of docs/reference.md, run by scripts/reference.sh from top to bottom in one session of a superuser.
-- What stands between "-- example NAME" and "-- end" is printed.

-- example create_organization
-- The secret of the master key is shown this once. \gset keeps the columns in psql variables.
SELECT * FROM tenancy.create_organization('Acme', 'olivia@acme.example', external_id => '7') \gset
-- end

-- example create_user
SELECT tenancy.create_user('mia@acme.example', 'Mia', external_id => '4711');
-- end

-- example create_workspace
SELECT tenancy.create_workspace('acme', 'Assistant');
SELECT tenancy.create_workspace('acme', 'Recherche & Développement', slug => 'research');
-- end

-- example update_workspace
SELECT tenancy.update_workspace('acme/assistant', name => 'The assistant');
-- end

-- example set_organization_role
SELECT tenancy.set_organization_role('acme', 'mia@acme.example', 'member');
-- end

-- example set_member
SELECT tenancy.set_member('acme', 'mia@acme.example', name => 'Mia (support)', external_id => 'e-17');
-- end

-- example create_group
SELECT tenancy.create_group('acme', 'reviewers');
-- end

-- example set_group_role
SELECT tenancy.set_group_role('acme/assistant', 'reviewers', 'manager');
-- end

-- example sync_group
SELECT tenancy.sync_group('acme', 'reviewers', ARRAY['mia@acme.example']);
-- end

-- example drop_group
SELECT tenancy.drop_group('acme', 'reviewers');
-- end

-- example set_workspace_role
SELECT tenancy.set_workspace_role('acme/assistant', 'mia@acme.example', 'manager');
-- end

-- example remove_workspace_member
SELECT tenancy.set_workspace_role('acme/research', 'mia@acme.example', 'member');
SELECT tenancy.remove_workspace_member('acme/research', 'mia@acme.example');
-- end

-- example delete_workspace
SELECT tenancy.delete_workspace('acme/research');
-- end

-- example create_api_key
-- For a gateway: writes what completions leave behind (the default), and may read logs.
SELECT * FROM tenancy.create_api_key('workspace_service_key', 'Gateway', workspace => 'acme/assistant',
                                     scopes => '{"completions": "enabled", "logs": ["list", "view"]}') \gset gateway_

-- For a person: acts as Mia, in this workspace only, until the end of the year.
SELECT * FROM tenancy.create_api_key('workspace_user_key', 'Mia''s notebook', workspace => 'acme/assistant',
                                     member => 'mia@acme.example', scopes => '["logs.view", "prompts.list"]',
                                     expires_at => date_trunc('year', now()) + interval '1 year') \gset mia_
-- end

CREATE ROLE app LOGIN;
CREATE ROLE console LOGIN;
CREATE ROLE mia LOGIN;

SELECT tenancy.trust_login('console');
-- example invite
SET SESSION AUTHORIZATION console;
SET tenancy."user" = 'olivia@acme.example';
SELECT tenancy.invite(NULL, 'noah@acme.example', 'member', '{"assistant": "manager"}') AS invitation \gset
-- end

-- example accept_invitation
-- The application has authenticated whoever it is by this address.
SET tenancy."user" = 'noah@acme.example';
SELECT organization, role, state, invited_by FROM tenancy.my_organizations();
SELECT tenancy.accept_invitation(:'invitation');
-- end

-- example leave_organization
SELECT tenancy.leave_organization();
-- end
RESET tenancy."user";
RESET SESSION AUTHORIZATION;

-- example allow_elevation
-- In an emergency Mia may be an owner for two hours, once somebody else has approved it.
SELECT tenancy.allow_elevation('acme', 'owner', 'mia@acme.example', maximum => '2 hours', approval => true);
-- end

SET SESSION AUTHORIZATION console;
SET tenancy."user" = 'mia@acme.example';
-- example elevate
SELECT elevation_id FROM tenancy.elevate('owner', 'ticket 4711', '1 hour') \gset
-- end

SET tenancy."user" = 'olivia@acme.example';
-- example approve_elevation
SELECT tenancy.approve_elevation(:'elevation_id');
-- end

SET tenancy."user" = 'mia@acme.example';
-- example review_elevations
SELECT member, role, workspace, reason, state, until, approved_by FROM tenancy.review_elevations();
-- end

-- example end_elevation
SELECT tenancy.end_elevation();
-- end

RESET tenancy."user";
RESET SESSION AUTHORIZATION;

-- example access_review
SELECT name, access, workspace, via, until, last_used FROM tenancy.access_review('acme') ORDER BY name, access;
-- end

-- example protect
CREATE TABLE requests (
  request_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  created_at timestamptz NOT NULL DEFAULT now(),
  organization_id uuid NOT NULL,
  workspace_id uuid NOT NULL,
  user_id uuid,
  api_key_id uuid,
  model text
);
CREATE INDEX ON requests (organization_id, created_at);
CREATE INDEX ON requests (workspace_id, created_at);
SELECT tenancy.protect('requests', 'logs', organization => 'organization_id', workspace => 'workspace_id',
                       owner => 'user_id', api_key => 'api_key_id');
GRANT SELECT, INSERT ON requests TO app, console, mia;
-- end

-- example protect_through
CREATE TABLE feedback (
  feedback_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  request_id bigint NOT NULL REFERENCES requests ON DELETE CASCADE,
  stars integer NOT NULL
);
SELECT tenancy.protect('feedback', 'logs', through => '{request_id}', create_indexes => true);
-- end

-- example protect_shared
CREATE TABLE templates (
  template_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  organization_id uuid,                                          -- NULL: for everybody
  body text NOT NULL
);
SELECT tenancy.protect('templates', 'prompts', organization => 'organization_id', shared => true, create_indexes => true);
-- end

-- example protect_actions
CREATE TABLE announcements (
  announcement_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  organization_id uuid, workspace_id uuid, user_id uuid,
  body text NOT NULL,
  published boolean NOT NULL DEFAULT false
);
SELECT tenancy.protect('announcements', 'prompts', organization => 'organization_id', workspace => 'workspace_id', owner => 'user_id',
                       create_indexes => true, actions => '{"publish": ["published"]}');
-- end

-- example protect_external
-- The application's own ids: they are compared with external_id.
CREATE TABLE invoices (invoice_id bigint PRIMARY KEY, customer integer NOT NULL, total numeric);
SELECT tenancy.register_permission('invoices', 'view', 'See invoices');
SELECT tenancy.protect('invoices', 'invoices', organization => 'customer', create_indexes => true);
-- end

-- example create_scoped_view
-- Prompts and answers are payload: the view shows them NULL to whoever may only list logs.
CREATE TABLE prompt_logs (
  created_at timestamptz NOT NULL DEFAULT now(),
  workspace_id uuid NOT NULL,
  tokens integer,
  request jsonb,
  response jsonb
);
SELECT tenancy.protect('prompt_logs', 'logs', workspace => 'workspace_id', payload => '{request,response}',
                       create_indexes => true);
SELECT tenancy.create_scoped_view('prompt_logs', 'prompt_log_entries');
GRANT SELECT ON prompt_log_entries TO app, console, mia;
-- end

-- example create_observability
SELECT tenancy.create_observability();
GRANT USAGE ON SCHEMA observability TO app;
GRANT SELECT, INSERT ON observability.logs, observability.log_payloads, observability.traces TO app;
GRANT SELECT ON observability.analytics, observability.log_entries TO app;
SELECT observability.create_partitions();   -- every day
SELECT observability.refresh_analytics();   -- every few minutes
-- end

-- example update_observability
-- Of tables that an earlier version made
SELECT tenancy.update_observability();
-- What tenants write may be of the last three years.
UPDATE observability.accepted_times SET past = '3 years';
-- end

-- example refresh_analytics_in_batches
-- Older logs are to be loaded.
CALL tenancy.create_partitions_in_batches('observability', since => now() - interval '10 days', until => now());
-- … and were.
CALL tenancy.refresh_analytics_in_batches('observability', hours => 24);
-- end

-- example drop_partitions
SELECT tenancy.drop_partitions('observability', 'logs', older_than => '90 days', keep_analytics => true);
-- end

-- example set_logging
SELECT tenancy.set_logging('acme', 'retention_days.logs', '90');
SELECT tenancy.set_logging('acme', 'store_content', 'metadata', workspace => 'assistant');
-- end

-- example logging_settings
SELECT * FROM tenancy.logging_settings('acme', 'assistant');
-- end

-- example apply_logging_settings
SELECT tenancy.apply_logging_settings('observability');
SELECT tenancy.apply_logging_settings('requests', 'logs');  -- no column of it can hold content
-- end

-- example remove_expired_rows
SELECT * FROM tenancy.remove_expired_rows();   -- every day
-- end

-- example audit_events_since
-- A collector keeps the watermark of the last entry, and gives it the next time.
SELECT watermark, event FROM tenancy.audit_events_since(NULL);
-- end

-- example verify_audit_log
SELECT * FROM tenancy.verify_audit_log('acme');
-- end

-- example purge_audit_log
SELECT tenancy.purge_audit_log(now() - interval '2 years');
-- end

-- example purge_expired_audit_entries
SELECT tenancy.set_logging('acme', 'audit_retention_days', '400');
SELECT tenancy.purge_expired_audit_entries();   -- every day
-- end

-- example unprotect
SELECT tenancy.unprotect('invoices');
-- end

CREATE TABLE drafts (draft_id bigint PRIMARY KEY, organization_id uuid);
SELECT tenancy.protect('drafts', 'prompts', organization => 'organization_id', create_indexes => true);

-- example forget
-- A protected table that is dropped leaves its name behind: another "drafts" would be protected like it.
DROP TABLE drafts;
SELECT tenancy.forget('drafts');
-- end

-- example help
SELECT tenancy.help();
SELECT tenancy.help('settings');
-- end

-- example register_permission
SELECT tenancy.register_permission('datasets', 'view', 'See data sets');
SELECT tenancy.register_permission('datasets', 'create', 'Add data sets');
-- end

-- example register_resource
-- Members of every tenant may read contracts; a tenant that wants otherwise says so in its settings.
SELECT tenancy.register_resource('contracts', 'contracts', '{list,view,create,update,delete,sign}', members => '{list,view}');
SELECT setting, value FROM tenancy.settings('acme') WHERE setting LIKE '%contracts' ORDER BY setting;
-- end

-- example use_vocabulary
-- In a new database, of an application that has nothing to do with language models.
BEGIN;
DO $$ BEGIN PERFORM tenancy.use_vocabulary('none'); EXCEPTION WHEN object_not_in_prerequisite_state THEN RAISE NOTICE '%', SQLERRM; END $$;
ROLLBACK;
-- end

-- example set_data_visibility
-- Everybody who may see data sets sees all of the workspace; from now on, restricted roles see their users' own.
SELECT tenancy.set_data_visibility('datasets', true);
-- end

-- example trust_login
-- "console" authenticates its users itself, and names them: SET LOCAL tenancy."user" = 'mia@acme.example'.
SELECT tenancy.trust_login('console');
-- end

-- example bind_login
SELECT tenancy.bind_login('mia', 'mia@acme.example', workspace => 'acme/assistant');
-- end

-- example api_key
SET tenancy.api_key = :'gateway_secret';
SHOW tenancy.api_key;  -- only how it begins
-- end

-- example whoami
SELECT kind, source, organization, workspace FROM tenancy.whoami();
-- end

-- example permissions
SELECT workspace, resource, action, rows FROM tenancy.permissions() WHERE resource = 'logs';
-- end

-- example explain_authorize
SELECT * FROM tenancy.explain_authorize('prompts', 'publish', 'assistant');
-- end

-- example seal
-- From here to the end of the transaction nothing can change who the session is.
BEGIN;
SELECT tenancy.seal();
COMMIT;
-- end

SET ROLE app;
-- example current
INSERT INTO requests (model) VALUES ('small')
RETURNING workspace_id = tenancy.current_workspace_id() AND api_key_id = tenancy.current_api_key_id() AS is_mine;
-- end

-- example explain_rows
SELECT tenancy.explain_rows('requests');
-- end

-- example authorize
SELECT tenancy.authorize('logs', 'view');                            -- anywhere in the organization
SELECT tenancy.authorize('logs', 'view', 'assistant');               -- in that workspace
SELECT DISTINCT workspace_id FROM requests
WHERE tenancy.authorize('logs', 'view', workspace_id);               -- over a column: planned like the row policies
-- end

\set ON_ERROR_STOP off
-- example require
SELECT tenancy.require('prompts', 'publish', 'assistant');           -- 42501 unless the session may
-- end
SELECT :'LAST_ERROR_SQLSTATE' = '42501' AS is_refused \gset
\set ON_ERROR_STOP on
\if :is_refused
\else
\warn 'require() should have been refused'
SELECT 1 / 0;
\endif
RESET ROLE;
RESET tenancy.api_key;

-- example who_can
-- Asked by an owner, who comes here through the trusted login "console".
SET SESSION AUTHORIZATION console;
SET tenancy."user" = 'olivia@acme.example';
SELECT principal_kind, name, rows, via FROM tenancy.who_can('logs', 'view', 'assistant');
-- end
RESET SESSION AUTHORIZATION;
RESET tenancy."user";

-- example explain_write
SELECT tenancy.explain_write('requests', '{"model": "small"}');
-- end

-- example simulate
-- "I can't see yesterday's requests": what Mia sees, through the login that her tool connects by.
SELECT * FROM tenancy.simulate('SELECT count(*) FROM requests', 'mia@acme.example', login => 'mia');
SELECT * FROM tenancy.simulate('SELECT tenancy.explain_rows(''requests'')', 'mia@acme.example', login => 'mia');
-- end

-- example access_matrix
SELECT level, role, allowed, source FROM tenancy.access_matrix('acme') WHERE resource = 'logs' AND action = 'view';
-- end

-- example create_role
SELECT tenancy.create_role('acme', 'organization', 'auditor', all_workspaces => true);
SELECT tenancy.create_role('acme', 'workspace', 'reviewer', copy_of => 'member');
-- end

-- example grant_permission
SELECT tenancy.grant_permission('acme', 'organization', 'auditor', 'logs', 'view');
-- end

-- example revoke_permission
SELECT tenancy.revoke_permission('acme', 'workspace', 'reviewer', 'prompts', 'create');
-- end

-- example set_role_visibility
SELECT tenancy.set_role_visibility('acme', 'reviewer', true);
-- end

-- example drop_role
SELECT tenancy.drop_role('acme', 'workspace', 'reviewer');
-- end

-- example set_jwks
SELECT tenancy.set_jwks('acme', '{"keys": [{"kid": "2026-1", "kty": "OKP", "crv": "Ed25519",
                                            "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}',
                        issuer => 'https://login.acme.example', audience => 'requests');
-- end

-- example trust_issuer
SELECT tenancy.trust_issuer('acme', 'https://id.acme.example/realms/staff',
                            '{"keys": [{"kid": "2026-1", "kty": "OKP", "crv": "Ed25519",
                                        "x": "Hux2PG0YG-i5tAs48sxcOaBDTs4Zme0giJIiI2Nx15c"}]}',
                            audiences => ARRAY['requests'], authorized_parties => ARRAY['web']);
-- end

-- example link_identity
SELECT tenancy.link_identity('https://id.acme.example/realms/staff', '8d4a0cc6', 'mia@acme.example', 'acme');
-- end

-- example unlink_identity
SELECT tenancy.unlink_identity('https://id.acme.example/realms/staff', '8d4a0cc6', 'acme');
-- end

-- example set_setting
-- Members of all workspaces see only their own rows; those of workspace Assistant see all rows again.
SELECT tenancy.set_setting('acme', 'members_view_all_data', false);
SELECT tenancy.allow_workspace_overrides('acme', 'data_visibility', true);
SELECT tenancy.set_setting('acme', 'members_view_all_data', true, 'assistant');
-- end

-- example settings
SELECT * FROM tenancy.settings('acme', 'assistant') WHERE source <> 'default';
-- end

-- example reset_setting
SELECT tenancy.reset_setting('acme', 'members_view_all_data', 'assistant');
-- end

-- example update_api_key
SELECT tenancy.update_api_key(:'mia_api_key_id', name => 'Mia''s laptop', scopes => '["logs.view"]');
-- end

-- example rotate_api_key
-- The old secret stays valid for two hours more.
SELECT tenancy.rotate_api_key(:'gateway_api_key_id', '2 hours') AS new_secret \gset gateway_
-- end

-- example end_api_key_transition
-- The old secret is no longer needed.
SELECT tenancy.end_api_key_transition('Gateway', organization => 'acme');
-- end

-- example revoke_api_key
SELECT tenancy.revoke_api_key(:'mia_api_key_id');
-- end

-- example delete_api_key
SELECT tenancy.delete_api_key('Mia''s laptop', organization => 'acme');
-- end

-- example unbind_login
SELECT tenancy.unbind_login('mia');
-- end

-- example remove_organization_member
SELECT tenancy.remove_organization_member('acme', 'mia@acme.example');
-- end

-- example advise
SELECT severity, rule, object, problem FROM tenancy.advise();
-- end

-- example accept_advice
SELECT tenancy.accept_advice('publication', 'public.requests', 'it feeds the warehouse, which only analysts reach');
SELECT rule, object, reason, accepted_by FROM tenancy.accepted_advice;
-- end

SELECT FROM tenancy.create_organization('Globex', 'gus@globex.example', slug => 'globex');
-- example export_organization
SELECT relation, count(*) FROM tenancy.export_organization('acme') GROUP BY relation;
-- Rows as they were, into a table of the same form:
CREATE TABLE requests_of_acme (LIKE requests);
INSERT INTO requests_of_acme
SELECT (jsonb_populate_record(NULL::requests_of_acme, "row")).* FROM tenancy.export_organization('acme', 'requests');
-- end

-- example purge_organization
SELECT * FROM tenancy.purge_organization('globex');
-- A large one, or one that is in use: in transactions of 10,000 rows each; stopped, it goes on when called again.
CALL tenancy.purge_organization_in_batches('acme');
-- end

-- example stats
SELECT counter, session, server FROM tenancy.stats();
-- end
