-- Organizations 1 to :organizations with four workspaces and an owner each. The first ten have 48 more members, the
-- others 9; member number n of an organization belongs to workspace 1 + n % 4. Members see their own rows only,
-- except in workspace 4 of organization 1, which overrides that. A member has :keys API keys.

\set owner 999

-- As a restore loads them: what is made here is right, and an audit entry for each row would take most of the time.
SET session_replication_role = replica;

INSERT INTO tenancy.organizations (organization_id, slug, name)
SELECT bench.organization_id(o), 'organization-' || o, 'Organization ' || o FROM generate_series(1, :organizations) o;

INSERT INTO tenancy.workspaces (workspace_id, organization_id, slug, name, is_default)
SELECT bench.workspace_id(o, w), bench.organization_id(o), 'workspace-' || w, 'Workspace ' || w, w = 1
FROM generate_series(1, :organizations) o, generate_series(1, 4) w;

CREATE UNLOGGED TABLE bench.members AS
SELECT o::bigint AS organization, n::bigint AS number, 1 + n % 4 AS workspace
FROM generate_series(1, :organizations) o, generate_series(0, CASE WHEN o <= 10 THEN 47 ELSE 8 END) n;

INSERT INTO tenancy.users (user_id, email)
SELECT bench.user_id(organization, number), format('member-%s@organization-%s.example', number, organization)
FROM bench.members
UNION ALL
SELECT bench.user_id(o, :owner), format('owner@organization-%s.example', o) FROM generate_series(1, :organizations) o;

INSERT INTO tenancy.organization_members (organization_id, user_id, role_id)
SELECT bench.organization_id(o), bench.user_id(o, :owner), (SELECT tenancy_internal.find_role(NULL, 'organization', 'owner'))
FROM generate_series(1, :organizations) o
UNION ALL
SELECT bench.organization_id(organization), bench.user_id(organization, number),
       (SELECT tenancy_internal.find_role(NULL, 'organization', 'member'))
FROM bench.members;

INSERT INTO tenancy.workspace_members (workspace_id, user_id, organization_id, role_id)
SELECT bench.workspace_id(organization, workspace), bench.user_id(organization, number),
       bench.organization_id(organization), (SELECT tenancy_internal.find_role(NULL, 'workspace', 'member'))
FROM bench.members;

INSERT INTO tenancy.visibility (role_id, organization_id, all_rows)
SELECT (SELECT tenancy_internal.find_role(NULL, 'workspace', 'member')), bench.organization_id(o), false
FROM generate_series(1, :organizations) o;

-- A key for each member and each workspace, of which the clients know the secrets.
CREATE UNLOGGED TABLE bench.keys AS
SELECT bench.user_key_id(organization, number) AS api_key_id, 'workspace_user_key' AS kind, organization, workspace,
       bench.user_id(organization, number) AS user_id, tenancy_internal.generate_api_key() AS secret
FROM bench.members
UNION ALL
SELECT bench.service_key_id(o, w), 'workspace_service_key', o, w, NULL, tenancy_internal.generate_api_key()
FROM generate_series(1, :organizations) o, generate_series(1, 4) w;

INSERT INTO tenancy.api_keys (api_key_id, kind, name, organization_id, workspace_id, user_id, display_prefix)
SELECT api_key_id, kind, 'Key', bench.organization_id(organization), bench.workspace_id(organization, workspace),
       user_id, tenancy_internal.api_key_display_prefix(secret)
FROM bench.keys;
INSERT INTO tenancy.api_key_secrets (secret_hash, api_key_id)
SELECT sha256(convert_to(secret, 'UTF8')), api_key_id FROM bench.keys;
INSERT INTO tenancy.api_key_scopes (api_key_id, resource, action)
SELECT api_key_id, resource, action
FROM bench.keys, tenancy_internal.expand_scopes('{"completions": "enabled", "logs": ["list", "view"]}');

-- The other keys of members.
INSERT INTO tenancy.api_keys (api_key_id, kind, name, organization_id, workspace_id, user_id)
SELECT bench.more_keys_id(organization, number, k), 'workspace_user_key', 'Key', bench.organization_id(organization),
       bench.workspace_id(organization, workspace), bench.user_id(organization, number)
FROM bench.members, generate_series(2, :keys) k;
INSERT INTO tenancy.api_key_secrets (secret_hash, api_key_id)
SELECT sha256(uuid_send(gen_random_uuid())), bench.more_keys_id(organization, number, k)
FROM bench.members, generate_series(2, :keys) k;
INSERT INTO tenancy.api_key_scopes (api_key_id, resource, action)
SELECT bench.more_keys_id(organization, number, k), 'logs', 'view' FROM bench.members, generate_series(2, :keys) k;

RESET session_replication_role;
SELECT tenancy.allow_workspace_overrides('organization-1', 'data_visibility', true);
SELECT tenancy.set_setting('organization-1', 'members_view_all_data', true, 'workspace-4');
SELECT tenancy.trust_login('bench_app');
GRANT SELECT ON bench.members, bench.keys TO bench_app;
