-- Organizations 1 to :organizations with four workspaces each. The first ten have 12 members in each workspace, the
-- others 2; member number n of an organization belongs to workspace 1 + n % 4. Members see their own rows only,
-- except in workspace 4 of organization 1, which overrides that.

\set owner 999

INSERT INTO tenancy.organizations (organization_id, slug, name)
SELECT bench.organization_id(o), 'organization-' || o, 'Organization ' || o FROM generate_series(1, :organizations) o;

INSERT INTO tenancy.workspaces (workspace_id, organization_id, slug, name, is_default)
SELECT bench.workspace_id(o, w), bench.organization_id(o), 'workspace-' || w, 'Workspace ' || w, w = 1
FROM generate_series(1, :organizations) o, generate_series(1, 4) w;

CREATE UNLOGGED TABLE bench.members AS
SELECT o::bigint AS organization, n::bigint AS number, 1 + n % 4 AS workspace
FROM generate_series(1, :organizations) o, generate_series(0, CASE WHEN o <= 10 THEN 47 ELSE 7 END) n;

INSERT INTO tenancy.users (user_id, email)
SELECT bench.user_id(organization, number), format('member-%s@organization-%s.example', number, organization)
FROM bench.members
UNION ALL
SELECT bench.user_id(o, :owner), format('owner@organization-%s.example', o) FROM generate_series(1, :organizations) o;

INSERT INTO tenancy.organization_members (organization_id, user_id, role_id)
SELECT bench.organization_id(o), bench.user_id(o, :owner), tenancy.find_role(NULL, 'organization', 'owner')
FROM generate_series(1, :organizations) o
UNION ALL
SELECT bench.organization_id(organization), bench.user_id(organization, number),
       tenancy.find_role(NULL, 'organization', 'member')
FROM bench.members;

-- The member for the mixed case: own rows in workspace 1, all rows in workspace 4.
INSERT INTO bench.members VALUES (1, 28, 4);

INSERT INTO tenancy.workspace_members (workspace_id, user_id, organization_id, role_id)
SELECT bench.workspace_id(organization, workspace), bench.user_id(organization, number),
       bench.organization_id(organization), tenancy.find_role(NULL, 'workspace', 'member')
FROM bench.members;

INSERT INTO tenancy.visibility (role_id, organization_id, all_rows)
SELECT tenancy.find_role(NULL, 'workspace', 'member'), bench.organization_id(o), false
FROM generate_series(1, :organizations) o;
SELECT tenancy.allow_workspace_overrides('organization-1', 'data_visibility', true);
SELECT tenancy.set_setting('organization-1', 'members_view_all_data', true, 'workspace-4');

-- A key for each member and each workspace, of which the clients know the secrets.
CREATE UNLOGGED TABLE bench.keys AS
SELECT bench.user_key_id(organization, number) AS api_key_id, 'workspace_user_key' AS kind, organization, workspace,
       bench.user_id(organization, number) AS user_id, tenancy.generate_api_key() AS secret
FROM bench.members WHERE workspace = 1 + number % 4
UNION ALL
SELECT bench.service_key_id(o, w), 'workspace_service_key', o, w, NULL, tenancy.generate_api_key()
FROM generate_series(1, :organizations) o, generate_series(1, 4) w;

INSERT INTO tenancy.api_keys (api_key_id, kind, name, organization_id, workspace_id, user_id, display_prefix)
SELECT api_key_id, kind, 'Key', bench.organization_id(organization), bench.workspace_id(organization, workspace),
       user_id, tenancy.api_key_display_prefix(secret)
FROM bench.keys;
INSERT INTO tenancy.api_key_secrets (secret_hash, api_key_id)
SELECT sha256(convert_to(secret, 'UTF8')), api_key_id FROM bench.keys;
INSERT INTO tenancy.api_key_scopes (api_key_id, resource, action)
SELECT api_key_id, resource, action
FROM bench.keys, tenancy.expand_scopes('{"completions": "enabled", "prompts": "read", "logs": ["list", "view"]}');

SELECT tenancy.trust_login('bench_app');

-- The principals of the read cases, each in organization 1, with the filter that an expert would write for it.
-- "settings" says what a policy made of settings gets to hear, see alternatives.sql.
CREATE TABLE bench.principals (
  position integer PRIMARY KEY,
  principal text NOT NULL UNIQUE,
  meaning text NOT NULL,
  tenancy_setting text NOT NULL,
  tenancy_value text NOT NULL,
  principal_id text NOT NULL,
  filter text NOT NULL
);
GRANT SELECT ON bench.principals, bench.members, bench.keys TO bench_app;
INSERT INTO bench.principals VALUES
  (1, 'restricted member', 'own rows in one workspace', 'tenancy.user',
   bench.user_id(1, 24), bench.user_id(1, 24),
   format('workspace_id = %L AND user_id = %L', bench.workspace_id(1, 1), bench.user_id(1, 24))),
  (2, 'unrestricted member', 'all rows of one workspace', 'tenancy.user',
   bench.user_id(1, 27), bench.user_id(1, 27),
   format('workspace_id = %L', bench.workspace_id(1, 4))),
  (3, 'mixed member', 'own rows in one workspace, all rows of another', 'tenancy.user',
   bench.user_id(1, 28), bench.user_id(1, 28),
   format('(workspace_id = %L OR workspace_id = %L AND user_id = %L)',
          bench.workspace_id(1, 4), bench.workspace_id(1, 1), bench.user_id(1, 28))),
  (4, 'workspace service key', 'all rows of the largest workspace', 'tenancy.api_key',
   (SELECT secret FROM bench.keys WHERE api_key_id = bench.service_key_id(1, 1)), bench.service_key_id(1, 1),
   format('workspace_id = %L', bench.workspace_id(1, 1))),
  (5, 'owner', 'all rows of the largest organization', 'tenancy.user',
   bench.user_id(1, :owner), bench.user_id(1, :owner),
   format('organization_id = %L', bench.organization_id(1))),
  (6, 'nobody', 'no rows', 'tenancy.user', '', '', 'false');

-- The same rights in one table, as an application of its own would keep them.
CREATE TABLE app.members (
  principal_id uuid NOT NULL,
  workspace_id uuid NOT NULL,
  all_rows boolean NOT NULL,
  PRIMARY KEY (principal_id, workspace_id) INCLUDE (all_rows)
);
INSERT INTO app.members
SELECT bench.user_id(organization, number), bench.workspace_id(organization, workspace), (organization, workspace) = (1, 4)
FROM bench.members
UNION ALL
SELECT bench.user_id(o, :owner), bench.workspace_id(o, w), true
FROM generate_series(1, :organizations) o, generate_series(1, 4) w
UNION ALL
SELECT bench.service_key_id(o, w), bench.workspace_id(o, w), true
FROM generate_series(1, :organizations) o, generate_series(1, 4) w;
GRANT SELECT ON app.members TO bench_app;
