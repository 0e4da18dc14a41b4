-- pg_tenancy: row-level tenancy for every SQL client.
\echo Use "CREATE EXTENSION pg_tenancy" to load this file. \quit
-- The schema: who owns a schema can drop what lies in it, so one that somebody else prepared is refused.

DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_catalog.pg_namespace n
             WHERE n.nspname = 'tenancy' AND n.nspowner <> current_user::regrole) THEN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
      MESSAGE = 'schema "tenancy" is owned by another role',
      HINT = 'Drop or rename the schema, then run CREATE EXTENSION again.';
  END IF;
END
$$;

COMMENT ON SCHEMA tenancy IS 'Row-level tenancy: catalogs, functions and settings of pg_tenancy';
GRANT USAGE ON SCHEMA tenancy TO PUBLIC;
-- Catalogs: who there is. Text that is looked up has collation "C": a reference matches byte by byte.

CREATE TABLE tenancy.organizations (
  organization_id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
  slug text COLLATE "C" NOT NULL UNIQUE CHECK (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
  name text NOT NULL CHECK (name <> ''),
  external_id text COLLATE "C" UNIQUE CHECK (external_id <> ''),
  created_at timestamptz NOT NULL DEFAULT now(),
  closed_at timestamptz
);
COMMENT ON TABLE tenancy.organizations IS 'Tenants; nothing ever crosses an organization';
COMMENT ON COLUMN tenancy.organizations.organization_id IS 'Id of the organization, as protected tables hold it in uuid columns';
COMMENT ON COLUMN tenancy.organizations.slug IS 'Short name for references: lower-case letters, digits and single hyphens';
COMMENT ON COLUMN tenancy.organizations.name IS 'Display name';
COMMENT ON COLUMN tenancy.organizations.external_id IS 'The application''s own id, as protected tables hold it in columns of any other type';
COMMENT ON COLUMN tenancy.organizations.created_at IS 'When the organization was created';
COMMENT ON COLUMN tenancy.organizations.closed_at IS 'Since when it is being purged, and has neither members nor live keys; see close_organization()';

CREATE TABLE tenancy.workspaces (
  workspace_id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
  organization_id uuid NOT NULL REFERENCES tenancy.organizations ON DELETE CASCADE,
  slug text COLLATE "C" NOT NULL CHECK (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
  name text NOT NULL CHECK (name <> ''),
  external_id text COLLATE "C" UNIQUE CHECK (external_id <> ''),
  is_default boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (workspace_id, organization_id),
  UNIQUE (organization_id, slug)
);
CREATE UNIQUE INDEX workspaces_default_key ON tenancy.workspaces (organization_id) WHERE is_default;
CREATE INDEX workspaces_slug_idx ON tenancy.workspaces (slug);
COMMENT ON TABLE tenancy.workspaces IS 'Parts of an organization: data, teams and keys belong to a workspace';
COMMENT ON COLUMN tenancy.workspaces.workspace_id IS 'Id of the workspace, as protected tables hold it in uuid columns';
COMMENT ON COLUMN tenancy.workspaces.organization_id IS 'Organization that the workspace is part of; never changes';
COMMENT ON COLUMN tenancy.workspaces.slug IS 'Short name for references, unique in the organization';
COMMENT ON COLUMN tenancy.workspaces.name IS 'Display name';
COMMENT ON COLUMN tenancy.workspaces.external_id IS 'The application''s own id; unique over all organizations, since a table may name the workspace alone';
COMMENT ON COLUMN tenancy.workspaces.is_default IS 'The organization''s default workspace, which can''t be deleted';
COMMENT ON COLUMN tenancy.workspaces.created_at IS 'When the workspace was created';

CREATE TABLE tenancy.users (
  user_id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
  email text COLLATE "C" NOT NULL UNIQUE CHECK (email = lower(email) AND email ~ '^[^@[:space:]]+@[^@[:space:]]+$'),
  name text,
  external_id text COLLATE "C" UNIQUE CHECK (external_id <> ''),
  active boolean NOT NULL DEFAULT true,
  created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE tenancy.users IS 'Persons; a user may belong to several organizations';
COMMENT ON COLUMN tenancy.users.user_id IS 'Id of the user, as protected tables hold it in uuid columns';
COMMENT ON COLUMN tenancy.users.email IS 'E-mail address in lower case; references match it in any case';
COMMENT ON COLUMN tenancy.users.name IS 'Display name';
COMMENT ON COLUMN tenancy.users.external_id IS 'The application''s own id, as protected tables hold it in columns of any other type';
COMMENT ON COLUMN tenancy.users.active IS 'False locks the user, and the user''s keys, out at once';
COMMENT ON COLUMN tenancy.users.created_at IS 'When the user was created';

CREATE TABLE tenancy.roles (
  role_id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
  organization_id uuid REFERENCES tenancy.organizations ON DELETE CASCADE,
  level text COLLATE "C" NOT NULL CHECK (level IN ('organization', 'workspace')),
  name text COLLATE "C" NOT NULL CHECK (name ~ '^[a-z0-9]+([_-][a-z0-9]+)*$'),
  all_workspaces boolean NOT NULL DEFAULT false CHECK (level = 'organization' OR NOT all_workspaces),
  description text,
  UNIQUE NULLS NOT DISTINCT (organization_id, level, name),
  CHECK (organization_id IS NULL OR name NOT IN ('owner', 'admin', 'manager', 'member'))
);
COMMENT ON TABLE tenancy.roles IS 'Named sets of grants, built in or defined by an organization';
COMMENT ON COLUMN tenancy.roles.role_id IS 'Id of the role';
COMMENT ON COLUMN tenancy.roles.organization_id IS 'Organization that defined the role; NULL for a built-in role';
COMMENT ON COLUMN tenancy.roles.level IS 'Where the role is given: organization or workspace';
COMMENT ON COLUMN tenancy.roles.name IS 'Name of the role, unique per organization and level';
COMMENT ON COLUMN tenancy.roles.all_workspaces IS 'An organization role with it reaches every workspace of the organization';
COMMENT ON COLUMN tenancy.roles.description IS 'What the role is for';

CREATE TABLE tenancy.organization_members (
  organization_id uuid NOT NULL REFERENCES tenancy.organizations ON DELETE CASCADE,
  user_id uuid NOT NULL REFERENCES tenancy.users ON DELETE CASCADE,
  role_id uuid NOT NULL REFERENCES tenancy.roles,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (organization_id, user_id)
);
CREATE INDEX organization_members_user_idx ON tenancy.organization_members (user_id, organization_id);
CREATE INDEX organization_members_role_idx ON tenancy.organization_members (role_id);
COMMENT ON TABLE tenancy.organization_members IS 'Which user has which role in an organization';
COMMENT ON COLUMN tenancy.organization_members.organization_id IS 'The organization';
COMMENT ON COLUMN tenancy.organization_members.user_id IS 'The member';
COMMENT ON COLUMN tenancy.organization_members.role_id IS 'The member''s organization role; an organization never loses its last owner';
COMMENT ON COLUMN tenancy.organization_members.created_at IS 'When the user joined';

CREATE TABLE tenancy.workspace_members (
  workspace_id uuid NOT NULL,
  user_id uuid NOT NULL,
  organization_id uuid NOT NULL,
  role_id uuid NOT NULL REFERENCES tenancy.roles,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (workspace_id, user_id),
  FOREIGN KEY (workspace_id, organization_id) REFERENCES tenancy.workspaces (workspace_id, organization_id) ON DELETE CASCADE,
  FOREIGN KEY (organization_id, user_id) REFERENCES tenancy.organization_members ON DELETE CASCADE
);
CREATE INDEX workspace_members_user_idx ON tenancy.workspace_members (user_id, organization_id);
CREATE INDEX workspace_members_role_idx ON tenancy.workspace_members (role_id);
COMMENT ON TABLE tenancy.workspace_members IS 'Which organization member has which role in a workspace';
COMMENT ON COLUMN tenancy.workspace_members.workspace_id IS 'The workspace';
COMMENT ON COLUMN tenancy.workspace_members.user_id IS 'The member, who is a member of the workspace''s organization';
COMMENT ON COLUMN tenancy.workspace_members.organization_id IS 'The workspace''s organization';
COMMENT ON COLUMN tenancy.workspace_members.role_id IS 'The member''s workspace role';
COMMENT ON COLUMN tenancy.workspace_members.created_at IS 'When the user joined the workspace';
-- Catalogs: what is allowed to whom. Settings are a vocabulary over grants and visibility, see 60_settings.sql.

CREATE TABLE tenancy.permissions (
  resource text COLLATE "C" NOT NULL CHECK (resource ~ '^[a-z][a-z0-9_]*$' AND length(resource) <= 63),
  action text COLLATE "C" NOT NULL CHECK (action ~ '^[a-z][a-z0-9_]*$' AND length(action) <= 63),
  description text NOT NULL,
  built_in boolean NOT NULL DEFAULT false,
  PRIMARY KEY (resource, action)
);
COMMENT ON TABLE tenancy.permissions IS 'Registered permissions: an action on a resource';
COMMENT ON COLUMN tenancy.permissions.resource IS 'Resource, for example logs';
COMMENT ON COLUMN tenancy.permissions.action IS 'Action, for example view';
COMMENT ON COLUMN tenancy.permissions.description IS 'What the permission allows';
COMMENT ON COLUMN tenancy.permissions.built_in IS 'Comes with the extension';

CREATE TABLE tenancy.grants (
  role_id uuid NOT NULL REFERENCES tenancy.roles ON DELETE CASCADE,
  organization_id uuid REFERENCES tenancy.organizations ON DELETE CASCADE,
  workspace_id uuid,
  resource text COLLATE "C" NOT NULL,
  action text COLLATE "C" NOT NULL,
  allowed boolean NOT NULL DEFAULT true,
  CONSTRAINT grants_key UNIQUE NULLS NOT DISTINCT (role_id, organization_id, workspace_id, resource, action),
  FOREIGN KEY (resource, action) REFERENCES tenancy.permissions,
  FOREIGN KEY (workspace_id, organization_id) REFERENCES tenancy.workspaces (workspace_id, organization_id) ON DELETE CASCADE,
  CHECK (workspace_id IS NULL OR organization_id IS NOT NULL),
  -- a workspace can override what has a category that the organization can switch on for workspaces
  CHECK (workspace_id IS NULL OR resource IN ('logs', 'analytics', 'api_keys', 'prompts', 'guardrails', 'integrations'))
);
CREATE INDEX grants_organization_idx ON tenancy.grants (organization_id, workspace_id) WHERE organization_id IS NOT NULL;
COMMENT ON TABLE tenancy.grants IS 'What a role may do: a built-in row, an organization''s row, or a workspace''s override';
COMMENT ON COLUMN tenancy.grants.role_id IS 'The role';
COMMENT ON COLUMN tenancy.grants.organization_id IS 'Organization whose row it is; NULL for a built-in grant';
COMMENT ON COLUMN tenancy.grants.workspace_id IS 'Workspace whose override it is; NULL for the whole organization';
COMMENT ON COLUMN tenancy.grants.resource IS 'Resource of the permission';
COMMENT ON COLUMN tenancy.grants.action IS 'Action of the permission';
COMMENT ON COLUMN tenancy.grants.allowed IS 'True grants, false denies; the most specific row decides';

CREATE TABLE tenancy.visibility (
  role_id uuid NOT NULL REFERENCES tenancy.roles ON DELETE CASCADE,
  organization_id uuid NOT NULL REFERENCES tenancy.organizations ON DELETE CASCADE,
  workspace_id uuid,
  all_rows boolean NOT NULL,
  CONSTRAINT visibility_key UNIQUE NULLS NOT DISTINCT (role_id, organization_id, workspace_id),
  FOREIGN KEY (workspace_id, organization_id) REFERENCES tenancy.workspaces (workspace_id, organization_id) ON DELETE CASCADE
);
CREATE INDEX visibility_organization_idx ON tenancy.visibility (organization_id, workspace_id);
COMMENT ON TABLE tenancy.visibility IS 'Whether a workspace role sees all rows of a workspace or only its user''s own; without a row, all';
COMMENT ON COLUMN tenancy.visibility.role_id IS 'The workspace role: manager, member or a custom one';
COMMENT ON COLUMN tenancy.visibility.organization_id IS 'Organization whose switch it is';
COMMENT ON COLUMN tenancy.visibility.workspace_id IS 'Workspace whose override it is; NULL for the whole organization';
COMMENT ON COLUMN tenancy.visibility.all_rows IS 'True: all rows; false: only rows produced by the user or the user''s keys';

CREATE TABLE tenancy.workspace_overrides (
  organization_id uuid NOT NULL REFERENCES tenancy.organizations ON DELETE CASCADE,
  category text COLLATE "C" NOT NULL CHECK (category IN
    ('data_visibility', 'logs', 'analytics', 'api_keys', 'prompts', 'guardrails', 'integrations')),
  allowed boolean NOT NULL,
  PRIMARY KEY (organization_id, category)
);
COMMENT ON TABLE tenancy.workspace_overrides IS 'Per category: whether workspace settings count; without a row they don''t';
COMMENT ON COLUMN tenancy.workspace_overrides.organization_id IS 'The organization';
COMMENT ON COLUMN tenancy.workspace_overrides.category IS 'Category of settings';
COMMENT ON COLUMN tenancy.workspace_overrides.allowed IS 'Allow workspace-level configuration; when false, workspace settings are kept but ignored';

-- Their keys have columns that may be NULL, so that logical replication needs the whole row to find one.
ALTER TABLE tenancy.grants REPLICA IDENTITY FULL;
ALTER TABLE tenancy.visibility REPLICA IDENTITY FULL;
-- Catalogs: credentials, logins, protected tables. Secrets lie apart, so that a key can be shown and its hash can't.

CREATE TABLE tenancy.api_keys (
  api_key_id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
  kind text COLLATE "C" NOT NULL CHECK (kind IN ('organization_service_key', 'workspace_service_key', 'workspace_user_key')),
  name text NOT NULL CHECK (name <> ''),
  organization_id uuid NOT NULL REFERENCES tenancy.organizations ON DELETE CASCADE,
  workspace_id uuid,
  user_id uuid REFERENCES tenancy.users,
  external_id text COLLATE "C" UNIQUE CHECK (external_id <> ''),
  display_prefix text,
  all_scopes boolean NOT NULL DEFAULT false,
  expires_at timestamptz,
  revoked_at timestamptz,
  deleted_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  FOREIGN KEY (workspace_id, organization_id) REFERENCES tenancy.workspaces (workspace_id, organization_id) ON DELETE CASCADE,
  CHECK ((kind = 'organization_service_key') = (workspace_id IS NULL)),
  CHECK ((kind = 'workspace_user_key') = (user_id IS NOT NULL))
);
CREATE INDEX api_keys_user_idx ON tenancy.api_keys (user_id, organization_id);
CREATE INDEX api_keys_organization_idx ON tenancy.api_keys (organization_id, workspace_id);
COMMENT ON TABLE tenancy.api_keys IS 'API keys without their secrets; a deleted key stays as a tombstone, so that rows it wrote stay its user''s own';
COMMENT ON COLUMN tenancy.api_keys.api_key_id IS 'Id of the key, as protected tables hold it in uuid columns; rotation keeps it';
COMMENT ON COLUMN tenancy.api_keys.kind IS 'organization_service_key, workspace_service_key or workspace_user_key';
COMMENT ON COLUMN tenancy.api_keys.name IS 'Display name';
COMMENT ON COLUMN tenancy.api_keys.organization_id IS 'Organization that the key belongs to';
COMMENT ON COLUMN tenancy.api_keys.workspace_id IS 'Workspace that the key is confined to; NULL for an organization service key';
COMMENT ON COLUMN tenancy.api_keys.user_id IS 'User that a user key acts as; NULL for a service key';
COMMENT ON COLUMN tenancy.api_keys.external_id IS 'The application''s own id, as protected tables hold it in columns of any other type';
COMMENT ON COLUMN tenancy.api_keys.display_prefix IS 'First characters of the secret, to tell keys apart';
COMMENT ON COLUMN tenancy.api_keys.all_scopes IS 'The key has every scope (a master key)';
COMMENT ON COLUMN tenancy.api_keys.expires_at IS 'From then on the key is refused; NULL for never';
COMMENT ON COLUMN tenancy.api_keys.revoked_at IS 'When the key was revoked; a revoked key is refused';
COMMENT ON COLUMN tenancy.api_keys.deleted_at IS 'When the key was deleted; a deleted key has no secret';
COMMENT ON COLUMN tenancy.api_keys.created_at IS 'When the key was created';

CREATE TABLE tenancy.api_key_secrets (
  secret_hash bytea PRIMARY KEY CHECK (length(secret_hash) = 32),
  api_key_id uuid NOT NULL REFERENCES tenancy.api_keys ON DELETE CASCADE,
  is_current boolean NOT NULL DEFAULT true,
  valid_until timestamptz CHECK (is_current OR valid_until IS NOT NULL),
  UNIQUE (api_key_id, is_current)
);
COMMENT ON TABLE tenancy.api_key_secrets IS 'SHA-256 of each live secret; at most two for a key, the current one and the one before it';
COMMENT ON COLUMN tenancy.api_key_secrets.secret_hash IS 'SHA-256 of the secret';
COMMENT ON COLUMN tenancy.api_key_secrets.api_key_id IS 'The key';
COMMENT ON COLUMN tenancy.api_key_secrets.is_current IS 'False for the secret that a rotation replaced';
COMMENT ON COLUMN tenancy.api_key_secrets.valid_until IS 'End of the transition period of a replaced secret';

CREATE TABLE tenancy.api_key_scopes (
  api_key_id uuid NOT NULL REFERENCES tenancy.api_keys ON DELETE CASCADE,
  resource text COLLATE "C" NOT NULL,
  action text COLLATE "C" NOT NULL,
  PRIMARY KEY (api_key_id, resource, action),
  FOREIGN KEY (resource, action) REFERENCES tenancy.permissions
);
COMMENT ON TABLE tenancy.api_key_scopes IS 'Scopes of API keys, one permission a row';
COMMENT ON COLUMN tenancy.api_key_scopes.api_key_id IS 'The key';
COMMENT ON COLUMN tenancy.api_key_scopes.resource IS 'Resource of the permission';
COMMENT ON COLUMN tenancy.api_key_scopes.action IS 'Action of the permission';

CREATE TABLE tenancy.login_bindings (
  login regrole PRIMARY KEY,
  trusted boolean NOT NULL DEFAULT false,
  user_id uuid REFERENCES tenancy.users ON DELETE CASCADE,
  organization_id uuid,
  workspace_id uuid,
  FOREIGN KEY (organization_id, user_id) REFERENCES tenancy.organization_members ON DELETE CASCADE,
  FOREIGN KEY (workspace_id, organization_id) REFERENCES tenancy.workspaces (workspace_id, organization_id) ON DELETE CASCADE,
  CHECK (trusted OR user_id IS NOT NULL),
  CHECK (user_id IS NOT NULL OR organization_id IS NULL),
  CHECK (organization_id IS NOT NULL OR workspace_id IS NULL)
);
CREATE INDEX login_bindings_user_idx ON tenancy.login_bindings (user_id);
COMMENT ON TABLE tenancy.login_bindings IS 'Logins that are trusted to name their user, and logins that stand for a user';
COMMENT ON COLUMN tenancy.login_bindings.login IS 'PostgreSQL login role';
COMMENT ON COLUMN tenancy.login_bindings.trusted IS 'The login may name its user by tenancy.user: an application that authenticates its users itself';
COMMENT ON COLUMN tenancy.login_bindings.user_id IS 'User that the login stands for when it names none';
COMMENT ON COLUMN tenancy.login_bindings.organization_id IS 'Organization in which the bound user acts; NULL when the user has only one, or chooses by tenancy.organization';
COMMENT ON COLUMN tenancy.login_bindings.workspace_id IS 'Workspace that the bound user is confined to';

CREATE TABLE tenancy.protected_tables (
  relation regclass PRIMARY KEY,
  resource text COLLATE "C" NOT NULL,
  organization_column name,
  workspace_column name,
  owner_column name,
  api_key_column name,
  payload name[],
  defaulted_columns name[] NOT NULL DEFAULT '{}',
  row_security_before boolean NOT NULL,
  force_before boolean NOT NULL,
  protected_at timestamptz NOT NULL DEFAULT now(),
  with_organization boolean NOT NULL DEFAULT false,
  CHECK (organization_column IS NOT NULL OR workspace_column IS NOT NULL)
);
COMMENT ON TABLE tenancy.protected_tables IS 'Tables under tenancy policies, and what unprotect() has to restore';
COMMENT ON COLUMN tenancy.protected_tables.relation IS 'The table';
COMMENT ON COLUMN tenancy.protected_tables.resource IS 'Resource whose permissions decide';
COMMENT ON COLUMN tenancy.protected_tables.organization_column IS 'Column that names the row''s organization';
COMMENT ON COLUMN tenancy.protected_tables.workspace_column IS 'Column that names the row''s workspace';
COMMENT ON COLUMN tenancy.protected_tables.owner_column IS 'Column that names the user who produced the row';
COMMENT ON COLUMN tenancy.protected_tables.api_key_column IS 'Column that names the API key that produced the row';
COMMENT ON COLUMN tenancy.protected_tables.payload IS 'Columns with full content; NULL: anywhere; empty: nowhere, metadata only';
COMMENT ON COLUMN tenancy.protected_tables.defaulted_columns IS 'Columns whose default protect() set';
COMMENT ON COLUMN tenancy.protected_tables.row_security_before IS 'Row security was enabled before protect()';
COMMENT ON COLUMN tenancy.protected_tables.force_before IS 'Row security was forced before protect()';
COMMENT ON COLUMN tenancy.protected_tables.protected_at IS 'When the table was protected';
COMMENT ON COLUMN tenancy.protected_tables.with_organization IS 'The organization must agree where the workspace decides: the table is partitioned by it';
-- Catalogs: whose signature on a token counts for an organization.

CREATE TABLE tenancy.jwt_keys (
  organization_id uuid NOT NULL REFERENCES tenancy.organizations ON DELETE CASCADE,
  kid text COLLATE "C" NOT NULL CHECK (length(kid) BETWEEN 1 AND 255),
  alg text COLLATE "C" NOT NULL CHECK (alg IN ('RS256', 'ES256', 'EdDSA')),
  jwk jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (organization_id, kid)
);
COMMENT ON TABLE tenancy.jwt_keys IS 'Public keys that tokens of an organization are signed by; see set_jwks()';
COMMENT ON COLUMN tenancy.jwt_keys.organization_id IS 'Organization whose tokens the key signs';
COMMENT ON COLUMN tenancy.jwt_keys.kid IS 'Name of the key, which a token''s header gives; unique in the organization';
COMMENT ON COLUMN tenancy.jwt_keys.alg IS 'Algorithm of its signatures, which follows from the key''s type: RS256, ES256 or EdDSA';
COMMENT ON COLUMN tenancy.jwt_keys.jwk IS 'The key''s type and public parameters as a JSON Web Key (kty, n and e, or crv, x and y)';
COMMENT ON COLUMN tenancy.jwt_keys.created_at IS 'When the key was configured';

CREATE TABLE tenancy.jwt_issuers (
  organization_id uuid PRIMARY KEY REFERENCES tenancy.organizations ON DELETE CASCADE,
  issuer text COLLATE "C" CHECK (issuer <> ''),
  audience text COLLATE "C" CHECK (audience <> ''),
  CHECK (issuer IS NOT NULL OR audience IS NOT NULL)
);
COMMENT ON TABLE tenancy.jwt_issuers IS 'What tokens of an organization must say of their issuer and audience; without a row, anything';
COMMENT ON COLUMN tenancy.jwt_issuers.organization_id IS 'The organization';
COMMENT ON COLUMN tenancy.jwt_issuers.issuer IS 'What the claim iss must be; NULL for anything';
COMMENT ON COLUMN tenancy.jwt_issuers.audience IS 'What the claim aud must be, or have among others; NULL for anything';
-- The built-in permissions, roles and grants: the matrix of the access model, word for word in its verbs.

INSERT INTO tenancy.permissions (resource, action, description, built_in)
SELECT v.resource, action, format('%s %s', initcap(replace(action, '_', ' ')), v.what), true
FROM (VALUES
  ('logs', 'list view filter group export write', 'request logs (list: metadata only)'),
  ('traces', 'list view filter group export write', 'traces'),
  ('analytics', 'view filter group write', 'analytics'),
  ('completions', 'write', 'completions'),
  ('prompts', 'list view create update delete publish', 'prompts'),
  ('configs', 'list view create update delete', 'configs'),
  ('guardrails', 'list view create update delete', 'guardrails'),
  ('integrations', 'list create edit duplicate delete copy', 'integrations'),
  ('providers', 'list create edit duplicate delete copy', 'providers of the model catalog'),
  ('models', 'list create edit duplicate delete copy', 'models of the model catalog'),
  ('team', 'list view add_users assign_roles', 'in user management'),
  ('organization', 'update', 'the organization'),
  ('api_keys', 'list view create edit delete update rotate', 'API keys'),
  ('billing', 'manage', 'billing'),
  ('audit_logs', 'list', 'audit entries'),
  ('workspaces', 'list view create update delete', 'workspaces')
) v (resource, actions, what), string_to_table(v.actions, ' ') action;

-- Ids are fixed: the module and dumps know the built-in roles by them.
INSERT INTO tenancy.roles (role_id, level, name, all_workspaces, description) VALUES
  ('00000000-0000-4000-8000-000000000001', 'organization', 'owner', true, 'Everything, in every workspace; above every setting'),
  ('00000000-0000-4000-8000-000000000002', 'organization', 'admin', true, 'Everything but billing, in every workspace'),
  ('00000000-0000-4000-8000-000000000003', 'organization', 'member', false, 'Reaches the workspaces the user belongs to'),
  ('00000000-0000-4000-8000-000000000011', 'workspace', 'admin', false, 'Everything in the workspace; above data visibility'),
  ('00000000-0000-4000-8000-000000000012', 'workspace', 'manager', false, 'Everything in the workspace, subject to settings'),
  ('00000000-0000-4000-8000-000000000013', 'workspace', 'member', false, 'Sees and works in the workspace, subject to settings');

INSERT INTO tenancy.grants (role_id, resource, action)
SELECT r.role_id, v.resource, action
FROM (VALUES
  -- organization level
  ('organization', 'owner admin', 'logs', 'list view filter group export write'),
  ('organization', 'owner admin', 'traces', 'list view filter group export write'),
  ('organization', 'owner admin', 'analytics', 'view filter group write'),
  ('organization', 'owner admin', 'completions', 'write'),
  ('organization', 'owner admin', 'prompts', 'list view create update delete publish'),
  ('organization', 'owner admin', 'configs', 'list view create update delete'),
  ('organization', 'owner admin', 'guardrails', 'list view create update delete'),
  ('organization', 'owner admin', 'integrations', 'list create edit duplicate delete copy'),
  ('organization', 'owner admin', 'providers', 'list create edit duplicate delete copy'),
  ('organization', 'owner admin', 'models', 'list create edit duplicate delete copy'),
  ('organization', 'owner admin', 'team', 'list view add_users assign_roles'),
  ('organization', 'owner admin', 'organization', 'update'),
  ('organization', 'owner admin', 'api_keys', 'list view create edit delete update rotate'),
  ('organization', 'owner', 'billing', 'manage'),
  ('organization', 'owner admin', 'audit_logs', 'list'),
  ('organization', 'owner admin', 'workspaces', 'list view create update delete'),
  ('organization', 'member', 'logs', 'list view filter group export'),
  ('organization', 'member', 'traces', 'list view filter group export'),
  ('organization', 'member', 'analytics', 'view filter group'),
  ('organization', 'member', 'prompts', 'list view create update'),
  ('organization', 'member', 'configs', 'list view create'),
  ('organization', 'member', 'guardrails', 'list view create update'),
  ('organization', 'member', 'integrations', 'list copy'),
  ('organization', 'member', 'providers', 'list copy'),
  ('organization', 'member', 'models', 'list copy'),
  ('organization', 'member', 'workspaces', 'list view'),
  -- workspace level
  ('workspace', 'admin manager member', 'logs', 'list view filter group export'),
  ('workspace', 'admin manager member', 'traces', 'list view filter group export'),
  ('workspace', 'admin manager member', 'analytics', 'view filter group'),
  ('workspace', 'admin manager', 'prompts', 'list view create update delete publish'),
  ('workspace', 'admin manager', 'configs', 'list view create update delete'),
  ('workspace', 'admin manager', 'guardrails', 'list view create update delete'),
  ('workspace', 'admin manager', 'integrations', 'list create edit duplicate delete copy'),
  ('workspace', 'admin manager', 'providers', 'list create edit duplicate delete copy'),
  ('workspace', 'admin manager', 'models', 'list create edit duplicate delete copy'),
  ('workspace', 'admin manager', 'team', 'list view add_users assign_roles'),
  ('workspace', 'admin manager', 'api_keys', 'list view create edit delete update rotate'),
  ('workspace', 'admin manager', 'workspaces', 'list view update'),
  ('workspace', 'member', 'prompts', 'list view create update'),
  ('workspace', 'member', 'configs', 'list view create'),
  ('workspace', 'member', 'guardrails', 'list view create update'),
  ('workspace', 'member', 'integrations', 'list copy'),
  ('workspace', 'member', 'providers', 'list copy'),
  ('workspace', 'member', 'models', 'list copy'),
  ('workspace', 'member', 'team', 'list view'),
  ('workspace', 'member', 'workspaces', 'list view')
) v (level, roles, resource, actions)
CROSS JOIN string_to_table(v.roles, ' ') role
CROSS JOIN string_to_table(v.actions, ' ') action
JOIN tenancy.roles r ON r.organization_id IS NULL AND r.level = v.level AND r.name = role;

-- The settings are names for overrides of these grants and for visibility switches.
CREATE TABLE tenancy.setting_definitions (
  setting text COLLATE "C" PRIMARY KEY,
  category text COLLATE "C" NOT NULL,
  role_id uuid NOT NULL REFERENCES tenancy.roles,
  resource text COLLATE "C",
  actions text[],
  description text NOT NULL,
  CHECK ((category = 'data_visibility') = (resource IS NULL)),
  CHECK ((resource IS NULL) = (actions IS NULL))
);
COMMENT ON TABLE tenancy.setting_definitions IS 'The vocabulary of settings: each overrides grants of a role or switches its visibility';
COMMENT ON COLUMN tenancy.setting_definitions.setting IS 'Name of the setting';
COMMENT ON COLUMN tenancy.setting_definitions.category IS 'Category, which an organization can open to its workspaces';
COMMENT ON COLUMN tenancy.setting_definitions.role_id IS 'Role that the setting is about';
COMMENT ON COLUMN tenancy.setting_definitions.resource IS 'Resource of the grants it overrides; NULL for a visibility switch';
COMMENT ON COLUMN tenancy.setting_definitions.actions IS 'Actions of the grants it overrides; NULL for a visibility switch';
COMMENT ON COLUMN tenancy.setting_definitions.description IS 'What the setting means';

INSERT INTO tenancy.setting_definitions (setting, category, role_id, resource, actions, description)
SELECT v.setting, v.category, r.role_id, v.resource, string_to_array(v.actions, ' '), v.description
FROM (VALUES
  ('managers_view_all_data', 'data_visibility', 'workspace', 'manager', NULL, NULL, 'Off: workspace managers see only rows that they or their keys produced'),
  ('members_view_all_data', 'data_visibility', 'workspace', 'member', NULL, NULL, 'Off: workspace members see only rows that they or their keys produced'),
  ('managers_view_logs', 'logs', 'workspace', 'manager', 'logs', 'view', 'Full content of logs'),
  ('members_view_logs', 'logs', 'workspace', 'member', 'logs', 'view', 'Full content of logs'),
  ('org_admins_view_logs', 'logs', 'organization', 'admin', 'logs', 'view', 'Full content of logs'),
  ('managers_view_logs_metadata', 'logs', 'workspace', 'manager', 'logs', 'list', 'Metadata of logs'),
  ('members_view_logs_metadata', 'logs', 'workspace', 'member', 'logs', 'list', 'Metadata of logs'),
  ('org_admins_view_logs_metadata', 'logs', 'organization', 'admin', 'logs', 'list', 'Metadata of logs'),
  ('managers_view_analytics', 'analytics', 'workspace', 'manager', 'analytics', 'view', 'Analytics'),
  ('members_view_analytics', 'analytics', 'workspace', 'member', 'analytics', 'view', 'Analytics'),
  ('managers_view_keys', 'api_keys', 'workspace', 'manager', 'api_keys', 'list view', 'User and service keys of the workspace'),
  ('managers_manage_keys', 'api_keys', 'workspace', 'manager', 'api_keys', 'create edit delete update rotate', 'User and service keys of the workspace'),
  ('members_view_keys', 'api_keys', 'workspace', 'member', 'api_keys', 'list view', 'Own user keys only'),
  ('members_manage_keys', 'api_keys', 'workspace', 'member', 'api_keys', 'create edit delete update rotate', 'Own user keys only'),
  ('managers_view_prompts', 'prompts', 'workspace', 'manager', 'prompts', 'list view', 'See prompts'),
  ('managers_write_prompts', 'prompts', 'workspace', 'manager', 'prompts', 'create update delete publish', 'Change prompts'),
  ('members_view_prompts', 'prompts', 'workspace', 'member', 'prompts', 'list view', 'See prompts'),
  ('members_write_prompts', 'prompts', 'workspace', 'member', 'prompts', 'create update', 'Create and update prompts'),
  ('managers_view_guardrails', 'guardrails', 'workspace', 'manager', 'guardrails', 'list view', 'See guardrails'),
  ('managers_write_guardrails', 'guardrails', 'workspace', 'manager', 'guardrails', 'create update delete', 'Change guardrails'),
  ('members_view_guardrails', 'guardrails', 'workspace', 'member', 'guardrails', 'list view', 'See guardrails'),
  ('managers_write_integrations', 'integrations', 'workspace', 'manager', 'integrations', 'create edit duplicate delete', 'Change integrations')
) v (setting, category, level, role, resource, actions, description)
JOIN tenancy.roles r ON r.organization_id IS NULL AND r.level = v.level AND r.name = v.role;
-- What a foreign key or a CHECK can't say. Created after the built-in rows, which they guard.

CREATE FUNCTION tenancy.check_role_assignment() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  role tenancy.roles;
BEGIN
  SELECT * INTO role FROM tenancy.roles r WHERE r.role_id = NEW.role_id;
  IF NOT FOUND THEN
    RETURN NEW;  -- the foreign key says so
  END IF;
  IF role.level <> TG_ARGV[0] AND TG_ARGV[0] <> '' THEN
    RAISE EXCEPTION USING ERRCODE = 'check_violation', SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
      MESSAGE = format('role "%s" is on level "%s"', role.name, role.level),
      DETAIL = format('Table "%s" takes roles on level "%s".', TG_TABLE_NAME, TG_ARGV[0]);
  END IF;
  IF role.organization_id <> NEW.organization_id OR
     (role.organization_id IS NOT NULL AND NEW.organization_id IS NULL) THEN
    RAISE EXCEPTION USING ERRCODE = 'check_violation', SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
      MESSAGE = 'role belongs to another organization';
  END IF;
  RETURN NEW;
END
$$;
COMMENT ON FUNCTION tenancy.check_role_assignment() IS 'Trigger: a role is given on its own level (the argument; empty for any) and in its own organization';
REVOKE ALL ON FUNCTION tenancy.check_role_assignment() FROM PUBLIC;

CREATE TRIGGER check_role BEFORE INSERT OR UPDATE ON tenancy.organization_members
  FOR EACH ROW EXECUTE FUNCTION tenancy.check_role_assignment('organization');
CREATE TRIGGER check_role BEFORE INSERT OR UPDATE ON tenancy.workspace_members
  FOR EACH ROW EXECUTE FUNCTION tenancy.check_role_assignment('workspace');
CREATE TRIGGER check_role BEFORE INSERT OR UPDATE ON tenancy.visibility
  FOR EACH ROW EXECUTE FUNCTION tenancy.check_role_assignment('workspace');
CREATE TRIGGER check_role BEFORE INSERT OR UPDATE ON tenancy.grants
  FOR EACH ROW EXECUTE FUNCTION tenancy.check_role_assignment('');

CREATE FUNCTION tenancy.check_key_organization() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF (NEW.api_key_id, NEW.kind, NEW.organization_id, NEW.workspace_id, NEW.user_id)
     IS DISTINCT FROM (OLD.api_key_id, OLD.kind, OLD.organization_id, OLD.workspace_id, OLD.user_id) THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
      MESSAGE = 'an API key cannot change its kind, organization, workspace or user',
      HINT = 'Create another key.';
  END IF;
  RETURN NEW;
END
$$;
COMMENT ON FUNCTION tenancy.check_key_organization() IS 'Trigger: an API key stays what it stands for';
REVOKE ALL ON FUNCTION tenancy.check_key_organization() FROM PUBLIC;
CREATE TRIGGER check_identity BEFORE UPDATE ON tenancy.api_keys
  FOR EACH ROW EXECUTE FUNCTION tenancy.check_key_organization();

CREATE FUNCTION tenancy.check_role_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF OLD.organization_id IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
      MESSAGE = format('built-in role "%s" cannot be changed', OLD.name),
      HINT = 'Use tenancy.set_setting() to override it, or define a role of the organization.';
  END IF;
  IF TG_OP = 'DELETE' THEN
    RETURN OLD;
  END IF;
  IF (NEW.role_id, NEW.organization_id, NEW.level) IS DISTINCT FROM (OLD.role_id, OLD.organization_id, OLD.level) THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
      MESSAGE = format('role "%s" cannot change its organization or level', OLD.name);
  END IF;
  RETURN NEW;
END
$$;
COMMENT ON FUNCTION tenancy.check_role_change() IS 'Trigger: built-in roles stay, and a role keeps its organization and level';
REVOKE ALL ON FUNCTION tenancy.check_role_change() FROM PUBLIC;
CREATE TRIGGER check_change BEFORE UPDATE OR DELETE ON tenancy.roles
  FOR EACH ROW EXECUTE FUNCTION tenancy.check_role_change();

CREATE FUNCTION tenancy.check_grant_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  changed tenancy.grants;
BEGIN
  changed := CASE WHEN TG_OP = 'INSERT' THEN NEW ELSE OLD END;
  IF changed.organization_id IS NULL AND EXISTS (
    SELECT FROM tenancy.permissions p
    WHERE p.resource = changed.resource AND p.action = changed.action AND p.built_in) THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
      MESSAGE = format('built-in grant of %s.%s cannot be changed', changed.resource, changed.action),
      HINT = 'Name an organization to override it there.';
  END IF;
  RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END
$$;
COMMENT ON FUNCTION tenancy.check_grant_change() IS 'Trigger: the built-in matrix stays as it is';
REVOKE ALL ON FUNCTION tenancy.check_grant_change() FROM PUBLIC;
CREATE TRIGGER check_change BEFORE INSERT OR UPDATE OR DELETE ON tenancy.grants
  FOR EACH ROW EXECUTE FUNCTION tenancy.check_grant_change();

CREATE FUNCTION tenancy.check_workspace_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND NEW.organization_id <> OLD.organization_id THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
      MESSAGE = 'a workspace cannot move to another organization',
      DETAIL = 'Its members, keys and rows belong to the organization that it is part of.',
      HINT = 'Create a workspace there; tenancy.export_organization() gives the rows to be inserted into it.';
  END IF;
  -- When the organization itself goes, its default workspace goes with it.
  IF OLD.is_default AND (TG_OP = 'DELETE' OR NOT NEW.is_default)
     AND EXISTS (SELECT FROM tenancy.organizations o WHERE o.organization_id = OLD.organization_id) THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
      MESSAGE = format('workspace "%s" is the default workspace', OLD.slug),
      DETAIL = 'An organization always has exactly one default workspace.';
  END IF;
  RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END
$$;
COMMENT ON FUNCTION tenancy.check_workspace_change() IS 'Trigger: a workspace keeps its organization, an organization its default workspace';
REVOKE ALL ON FUNCTION tenancy.check_workspace_change() FROM PUBLIC;
CREATE TRIGGER check_change BEFORE UPDATE OR DELETE ON tenancy.workspaces
  FOR EACH ROW EXECUTE FUNCTION tenancy.check_workspace_change();

CREATE FUNCTION tenancy.organization_has_owner(organization_id uuid) RETURNS boolean
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_organization_has_owner';
COMMENT ON FUNCTION tenancy.organization_has_owner(uuid) IS 'Whether the organization has an owner now, as other sessions'' commits have left it, whatever the transaction''s isolation';
REVOKE ALL ON FUNCTION tenancy.organization_has_owner(uuid) FROM PUBLIC;

CREATE FUNCTION tenancy.check_last_owner() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  -- The lock makes two owners who leave at once wait for each other; no row: the organization itself goes, or is about to.
  PERFORM FROM tenancy.organizations o
  WHERE o.organization_id = OLD.organization_id AND o.closed_at IS NULL FOR NO KEY UPDATE;
  IF FOUND AND NOT tenancy.organization_has_owner(OLD.organization_id) THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
      MESSAGE = 'the last owner of an organization can be neither removed nor demoted',
      HINT = 'Make another member owner first.';
  END IF;
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION tenancy.check_last_owner() IS 'Trigger: an organization never loses its last owner';
REVOKE ALL ON FUNCTION tenancy.check_last_owner() FROM PUBLIC;
CREATE CONSTRAINT TRIGGER check_last_owner AFTER UPDATE OR DELETE ON tenancy.organization_members
  DEFERRABLE INITIALLY IMMEDIATE FOR EACH ROW
  WHEN (OLD.role_id = '00000000-0000-4000-8000-000000000001')
  EXECUTE FUNCTION tenancy.check_last_owner();
-- A change of a catalog that decides rights is told to every backend at commit, and to nobody on rollback.
-- ALWAYS: logical replication's apply must tell too. Row triggers: apply fires no statement triggers.

CREATE FUNCTION tenancy.invalidate() RETURNS trigger LANGUAGE c AS 'MODULE_PATHNAME', 'pg_tenancy_invalidate';
COMMENT ON FUNCTION tenancy.invalidate() IS 'Trigger: plans and principals made from this catalog are dropped in every backend; with argument "new" the inserted row concerns nobody else yet, with "of_key" if its key is as new, with "listed" only who has spelled out a list of such rows';
REVOKE ALL ON FUNCTION tenancy.invalidate() FROM PUBLIC;

DO $$
DECLARE
  catalog text;
BEGIN
  FOREACH catalog IN ARRAY ARRAY['organizations', 'workspaces', 'users', 'roles', 'organization_members',
    'workspace_members', 'permissions', 'grants', 'visibility', 'workspace_overrides', 'api_keys',
    'api_key_secrets', 'api_key_scopes', 'login_bindings', 'jwt_keys', 'jwt_issuers'] LOOP
    EXECUTE format('CREATE TRIGGER invalidate AFTER UPDATE OR DELETE ON tenancy.%I
                    FOR EACH ROW EXECUTE FUNCTION tenancy.invalidate()', catalog);
    EXECUTE format('CREATE TRIGGER invalidate_insert AFTER INSERT ON tenancy.%I
                    FOR EACH ROW EXECUTE FUNCTION tenancy.invalidate(%s)', catalog,
                   -- nobody's rights come from a new organization, user, role or key as such
                   CASE WHEN catalog IN ('organizations', 'users', 'roles', 'api_key_secrets', 'jwt_keys') THEN quote_literal('new')
                        WHEN catalog IN ('workspaces', 'api_keys') THEN quote_literal('listed')
                        WHEN catalog = 'api_key_scopes' THEN quote_literal('of_key') ELSE '' END);
    EXECUTE format('CREATE TRIGGER invalidate_truncate AFTER TRUNCATE ON tenancy.%I
                    FOR EACH STATEMENT EXECUTE FUNCTION tenancy.invalidate()', catalog);
    EXECUTE format('ALTER TABLE tenancy.%I ENABLE ALWAYS TRIGGER invalidate', catalog);
    EXECUTE format('ALTER TABLE tenancy.%I ENABLE ALWAYS TRIGGER invalidate_insert', catalog);
    EXECUTE format('ALTER TABLE tenancy.%I ENABLE ALWAYS TRIGGER invalidate_truncate', catalog);
  END LOOP;
END
$$;

-- What the user adds belongs into dumps; what the extension brings does not.
SELECT pg_catalog.pg_extension_config_dump('tenancy.organizations', '');
SELECT pg_catalog.pg_extension_config_dump('tenancy.workspaces', '');
SELECT pg_catalog.pg_extension_config_dump('tenancy.users', '');
SELECT pg_catalog.pg_extension_config_dump('tenancy.roles', 'WHERE organization_id IS NOT NULL');
SELECT pg_catalog.pg_extension_config_dump('tenancy.organization_members', '');
SELECT pg_catalog.pg_extension_config_dump('tenancy.workspace_members', '');
SELECT pg_catalog.pg_extension_config_dump('tenancy.permissions', 'WHERE NOT built_in');
SELECT pg_catalog.pg_extension_config_dump('tenancy.grants',
  'WHERE organization_id IS NOT NULL OR (resource, action) IN (SELECT resource, action FROM tenancy.permissions WHERE NOT built_in)');
SELECT pg_catalog.pg_extension_config_dump('tenancy.visibility', '');
SELECT pg_catalog.pg_extension_config_dump('tenancy.workspace_overrides', '');
SELECT pg_catalog.pg_extension_config_dump('tenancy.api_keys', '');
SELECT pg_catalog.pg_extension_config_dump('tenancy.api_key_secrets', '');
SELECT pg_catalog.pg_extension_config_dump('tenancy.api_key_scopes', '');
SELECT pg_catalog.pg_extension_config_dump('tenancy.login_bindings', '');
SELECT pg_catalog.pg_extension_config_dump('tenancy.jwt_keys', '');
SELECT pg_catalog.pg_extension_config_dump('tenancy.jwt_issuers', '');
SELECT pg_catalog.pg_extension_config_dump('tenancy.protected_tables', '');
-- Who the session is.

CREATE FUNCTION tenancy.whoami(
  OUT kind text, OUT source text, OUT organization_id uuid, OUT organization text, OUT workspace_id uuid,
  OUT workspace text, OUT user_id uuid, OUT email text, OUT api_key_id uuid, OUT login name, OUT expires_at timestamptz)
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_tenancy_whoami';
COMMENT ON FUNCTION tenancy.whoami() IS 'The session''s principal: its kind, where it comes from, its organization, workspace, user and key (names as slugs and e-mail address), and when it expires; 28000 when a credential was given and doesn''t hold';

CREATE FUNCTION tenancy.current_organization_id() RETURNS uuid
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_tenancy_current_organization_id';
COMMENT ON FUNCTION tenancy.current_organization_id() IS 'Organization of the session''s principal, or NULL';

CREATE FUNCTION tenancy.current_workspace_id() RETURNS uuid
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_tenancy_current_workspace_id';
COMMENT ON FUNCTION tenancy.current_workspace_id() IS 'The one workspace that the session is confined to by its key, login or setting, or NULL';

CREATE FUNCTION tenancy.current_user_id() RETURNS uuid
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_tenancy_current_user_id';
COMMENT ON FUNCTION tenancy.current_user_id() IS 'User that the session acts as, or NULL';

CREATE FUNCTION tenancy.current_api_key_id() RETURNS uuid
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_tenancy_current_api_key_id';
COMMENT ON FUNCTION tenancy.current_api_key_id() IS 'API key that the session acts by, or NULL';

CREATE FUNCTION tenancy.current_external_id(entity text, type anyelement DEFAULT NULL::text) RETURNS anyelement
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_tenancy_current_external_id';
COMMENT ON FUNCTION tenancy.current_external_id(text, anyelement) IS 'External id of the session''s organization, workspace, user or api_key (the first argument) in the type of the second, or NULL when there is none, or none in that type; 22023 for another word or a type that can''t hold ids';

CREATE FUNCTION tenancy.seal() RETURNS void
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'pg_tenancy_seal';
COMMENT ON FUNCTION tenancy.seal() IS 'Keeps the session''s principal as it is until the transaction ends: setting it raises 42501, and so does any use after it was changed in another way';

-- References: uuid, external id, slug, e-mail address.

CREATE FUNCTION tenancy.find_organization(reference text) RETURNS uuid
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_find_organization';
COMMENT ON FUNCTION tenancy.find_organization(text) IS 'Id of the organization that a uuid, external id or slug refers to; 42704 for none, 22023 for several';
REVOKE ALL ON FUNCTION tenancy.find_organization(text) FROM PUBLIC;

CREATE FUNCTION tenancy.find_workspace(reference text, organization_id uuid) RETURNS uuid
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'pg_tenancy_find_workspace';
COMMENT ON FUNCTION tenancy.find_workspace(text, uuid) IS 'Id of the workspace that a uuid, external id, slug or organization-slug/workspace-slug refers to, in the organization or (NULL) in any; 42704 for none, 22023 for several';
REVOKE ALL ON FUNCTION tenancy.find_workspace(text, uuid) FROM PUBLIC;

CREATE FUNCTION tenancy.find_user(reference text) RETURNS uuid
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_find_user';
COMMENT ON FUNCTION tenancy.find_user(text) IS 'Id of the user that a uuid, external id or e-mail address (in any case) refers to; 42704 for none, 22023 for several';
REVOKE ALL ON FUNCTION tenancy.find_user(text) FROM PUBLIC;

CREATE FUNCTION tenancy.nearest(word text, candidates text[]) RETURNS text
LANGUAGE c IMMUTABLE STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_nearest';
COMMENT ON FUNCTION tenancy.nearest(text, text[]) IS 'The candidate nearest to a mistyped word by edit distance, or NULL when none is near';
REVOKE ALL ON FUNCTION tenancy.nearest(text, text[]) FROM PUBLIC;
-- Who may administer: a DBA everything; a principal what it holds the right to, in its own organization, and never more than
-- it has itself.

CREATE FUNCTION tenancy.is_dba() RETURNS boolean
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'pg_tenancy_is_dba';
COMMENT ON FUNCTION tenancy.is_dba() IS 'Whether the session''s role is a DBA: a superuser, or a role that may INSERT into tenancy.organizations';

CREATE FUNCTION tenancy.holds(organization_id uuid, workspace_id uuid, resource text, action text) RETURNS text
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'pg_tenancy_holds';
COMMENT ON FUNCTION tenancy.holds(uuid, uuid, text, text) IS 'Rows that the session''s permission reaches in a workspace, or (NULL) on the organization: all, own, or NULL; 22023 when the permission isn''t registered';
REVOKE ALL ON FUNCTION tenancy.holds(uuid, uuid, text, text) FROM PUBLIC;

CREATE FUNCTION tenancy.holds_everywhere(organization_id uuid, resource text, action text) RETURNS boolean
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_holds_everywhere';
COMMENT ON FUNCTION tenancy.holds_everywhere(uuid, text, text) IS 'Whether the session''s permission reaches all rows of the organization and of every workspace of it; 22023 when the permission isn''t registered';
REVOKE ALL ON FUNCTION tenancy.holds_everywhere(uuid, text, text) FROM PUBLIC;

CREATE FUNCTION tenancy.holds_role(organization_id uuid, workspace_id uuid, role_id uuid) RETURNS boolean
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'pg_tenancy_holds_role';
COMMENT ON FUNCTION tenancy.holds_role(uuid, uuid, uuid) IS 'Whether the session has at least the rights that a role gives in a workspace, or (NULL) in the organization';
REVOKE ALL ON FUNCTION tenancy.holds_role(uuid, uuid, uuid) FROM PUBLIC;

CREATE FUNCTION tenancy.record_denied_permission(entry text) RETURNS void
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'pg_tenancy_record_denied_permission';
COMMENT ON FUNCTION tenancy.record_denied_permission(text) IS 'Counts a denied permission, and writes the entry (JSON) to the server''s log where tenancy.log_denied is on';
REVOKE ALL ON FUNCTION tenancy.record_denied_permission(text) FROM PUBLIC;

CREATE FUNCTION tenancy.deny(resource text, action text, place text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  me record;
  who text;
BEGIN
  SELECT * INTO me FROM tenancy.whoami();
  who := CASE WHEN me.kind = 'anonymous' THEN 'a session without a principal'
              WHEN me.api_key_id IS NOT NULL THEN format('%s %s', replace(me.kind, '_', ' '), me.api_key_id)
              WHEN me.email IS NOT NULL THEN format('user "%s"', me.email)
              ELSE me.kind END;
  PERFORM tenancy.record_denied_permission(jsonb_strip_nulls(jsonb_build_object('reason', 'permission', 'kind', me.kind,
    'principal', coalesce(me.api_key_id, me.user_id), 'organization', me.organization_id, 'resource', resource, 'action', action,
    'place', place))::text);
  RAISE EXCEPTION USING
    ERRCODE = CASE WHEN me.kind = 'anonymous' THEN 'invalid_authorization_specification' ELSE 'insufficient_privilege' END,
    MESSAGE = format('permission denied: %s may not %s %s%s', who, action, resource,
                     coalesce(' in ' || place, ' in organization "' || me.organization || '"', '')),
    HINT = coalesce('Roles that may: ' || tenancy.roles_with(resource, action, place IS NOT NULL) || '.',
                    'No built-in role may; an API key or a role of the organization can.');
END
$$;
COMMENT ON FUNCTION tenancy.deny(text, text, text) IS 'Raises 42501 (28000 without a principal) that names who, what, where, and in the hint which roles would do';

CREATE FUNCTION tenancy.roles_with(resource text, action text, in_workspace boolean) RETURNS text
LANGUAGE sql STABLE STRICT SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT string_agg(format('%s %s', r.level, r.name), ', ' ORDER BY r.level, r.name)
  FROM tenancy.roles r JOIN tenancy.grants g USING (role_id)
  WHERE r.organization_id IS NULL AND g.organization_id IS NULL
    AND g.resource = roles_with.resource AND g.action = roles_with.action
    AND (NOT in_workspace OR r.level = 'workspace' OR r.all_workspaces)
$$;
COMMENT ON FUNCTION tenancy.roles_with(text, text, boolean) IS 'Built-in roles that hold the permission, in a workspace or at all, for hints';

CREATE FUNCTION tenancy.require_dba() RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF NOT tenancy.is_dba() THEN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = 'permission denied: only a DBA may do this',
      HINT = 'A DBA is a superuser, or a role that may write the tables of schema "tenancy".';
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy.require_dba() IS 'Raises 42501 unless the session''s role is a DBA';
REVOKE ALL ON FUNCTION tenancy.require_dba() FROM PUBLIC;

CREATE FUNCTION tenancy.require_right(organization_id uuid, workspace_id uuid, resource text, action text,
                                      only_own boolean DEFAULT false) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  reached text;
BEGIN
  IF tenancy.is_dba() THEN
    RETURN;
  END IF;
  reached := tenancy.holds(organization_id, workspace_id, resource, action);
  IF reached IS NULL OR (reached = 'own' AND NOT only_own) THEN
    PERFORM tenancy.deny(resource, action, (
      SELECT format('workspace "%s"', w.slug) FROM tenancy.workspaces w
      WHERE w.workspace_id = require_right.workspace_id AND w.organization_id = tenancy.current_organization_id()));
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy.require_right(uuid, uuid, text, text, boolean) IS 'Raises 42501 unless the caller is a DBA or holds the permission in the workspace, or (NULL) on the organization, over all rows, or (only_own) over what is its own';
REVOKE ALL ON FUNCTION tenancy.require_right(uuid, uuid, text, text, boolean) FROM PUBLIC;

CREATE FUNCTION tenancy.require_held_role(organization_id uuid, workspace_id uuid, role_id uuid) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF NOT tenancy.is_dba() AND NOT tenancy.holds_role(organization_id, workspace_id, role_id) THEN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
      MESSAGE = format('permission denied: role "%s" gives more than the session has',
                       (SELECT r.name FROM tenancy.roles r WHERE r.role_id = require_held_role.role_id)),
      DETAIL = 'Nobody can hand out, or take away, rights that they do not hold themselves.';
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy.require_held_role(uuid, uuid, uuid) IS 'Raises 42501 unless the caller is a DBA or has at least the rights that the role gives there';
REVOKE ALL ON FUNCTION tenancy.require_held_role(uuid, uuid, uuid) FROM PUBLIC;

-- References as the caller may use them: a principal's reach no further than its own organization, and what is outside looks
-- like what doesn't exist.

CREATE FUNCTION tenancy.require_principal() RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF NOT tenancy.is_dba() AND tenancy.current_organization_id() IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_authorization_specification', MESSAGE = 'the session has no principal',
      HINT = 'Set "tenancy.api_key", or use a login that is bound to a user.';
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy.require_principal() IS 'Raises 28000 unless the session has a principal, or is a DBA''s';
REVOKE ALL ON FUNCTION tenancy.require_principal() FROM PUBLIC;

CREATE FUNCTION tenancy.own_organization(reference text) RETURNS uuid
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  mine uuid := tenancy.current_organization_id();
  named uuid;
BEGIN
  PERFORM tenancy.require_principal();
  IF reference IS NOT NULL THEN
    named := tenancy.find_organization(reference);
    IF named IS DISTINCT FROM mine AND NOT tenancy.is_dba() THEN
      RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = format('organization "%s" does not exist', reference);
    END IF;
    RETURN named;
  END IF;
  IF mine IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'an organization must be given',
      DETAIL = 'The session has none of its own.';
  END IF;
  RETURN mine;
END
$$;
COMMENT ON FUNCTION tenancy.own_organization(text) IS 'Id of the organization referred to, or (NULL) the session''s own; 42704 for none, or one that isn''t the session''s (a DBA''s may be any), 28000 without a principal, 22023 for a DBA without one';
REVOKE ALL ON FUNCTION tenancy.own_organization(text) FROM PUBLIC;

CREATE FUNCTION tenancy.own_workspace(reference text, organization_id uuid DEFAULT NULL) RETURNS tenancy.workspaces
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
#variable_conflict use_variable
DECLARE
  found_workspace tenancy.workspaces;
  within uuid := coalesce(organization_id, tenancy.current_organization_id());
BEGIN
  IF reference IS NULL THEN
    RETURN NULL;
  END IF;
  PERFORM tenancy.require_principal();
  SELECT * INTO found_workspace FROM tenancy.workspaces w WHERE w.workspace_id = tenancy.find_workspace(reference, within);
  RETURN found_workspace;
END
$$;
COMMENT ON FUNCTION tenancy.own_workspace(text, uuid) IS 'The workspace referred to in the organization, or (NULL) in the session''s own, or (a DBA without one) in any; 42704 for none';
REVOKE ALL ON FUNCTION tenancy.own_workspace(text, uuid) FROM PUBLIC;

CREATE FUNCTION tenancy.find_member(organization_id uuid, reference text) RETURNS uuid
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
#variable_conflict use_variable
DECLARE
  found_user uuid;
BEGIN
  BEGIN
    found_user := tenancy.find_user(reference);
  EXCEPTION WHEN undefined_object THEN
    found_user := NULL;
  END;
  IF found_user IS NULL OR NOT EXISTS (
    SELECT FROM tenancy.organization_members m WHERE m.organization_id = organization_id AND m.user_id = found_user) THEN
    RAISE EXCEPTION USING ERRCODE = 'undefined_object',
      MESSAGE = format('user "%s" is not a member of the organization', reference),
      HINT = 'Use tenancy.set_organization_role() to add one.';
  END IF;
  RETURN found_user;
END
$$;
COMMENT ON FUNCTION tenancy.find_member(uuid, text) IS 'Id of the organization''s member referred to; 42704 when there is none, whether or not the user exists elsewhere';
REVOKE ALL ON FUNCTION tenancy.find_member(uuid, text) FROM PUBLIC;

CREATE FUNCTION tenancy.check_resource(resource text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM tenancy.permissions p WHERE p.resource = check_resource.resource) THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('resource "%s" is not registered', resource),
      HINT = coalesce('Perhaps you meant "' || (
               SELECT tenancy.nearest(check_resource.resource, array_agg(DISTINCT p.resource::text)) FROM tenancy.permissions p) || '".',
               'Use tenancy.register_permission() to add one.');
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy.check_resource(text) IS 'Raises 22023 with the nearest name unless the resource is registered';
REVOKE ALL ON FUNCTION tenancy.check_resource(text) FROM PUBLIC;

CREATE FUNCTION tenancy.check_permission(resource text, action text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  PERFORM tenancy.check_resource(resource);
  IF NOT EXISTS (SELECT FROM tenancy.permissions p
                 WHERE p.resource = check_permission.resource AND p.action = check_permission.action) THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
      MESSAGE = format('action "%s" is not registered for resource "%s"', action, resource),
      HINT = coalesce('Perhaps you meant "' || (
               SELECT tenancy.nearest(check_permission.action, array_agg(p.action::text)) FROM tenancy.permissions p
               WHERE p.resource = check_permission.resource) || '".', 'Use tenancy.register_permission() to add one.');
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy.check_permission(text, text) IS 'Raises 22023 with the nearest name unless the permission is registered';
REVOKE ALL ON FUNCTION tenancy.check_permission(text, text) FROM PUBLIC;
-- What policies call. Planning replaces the calls by the session's own filter; called row by row they answer the same.

CREATE FUNCTION tenancy.plan_guard_support(internal) RETURNS internal
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_plan_guard_support';
COMMENT ON FUNCTION tenancy.plan_guard_support(internal) IS 'Planner support: the guard lets every row pass that comes to it';

-- The cost makes it run after the comparisons, on rows that match.
CREATE FUNCTION tenancy.plan_guard(stamp bigint, not_after timestamptz, row_value "any") RETURNS boolean
LANGUAGE c STABLE LEAKPROOF PARALLEL SAFE COST 10 SUPPORT tenancy.plan_guard_support
AS 'MODULE_PATHNAME', 'pg_tenancy_plan_guard';
COMMENT ON FUNCTION tenancy.plan_guard(bigint, timestamptz, "any") IS 'Stops a plan that was made for another principal (55000) or has outlived its credential (28000); put into plans, not to be called';

-- What stands in plans that serve many principals (tenancy.share_plans), in place of ids and of the guard above.
CREATE FUNCTION tenancy.filter_id(entity text) RETURNS uuid
LANGUAGE c STABLE STRICT LEAKPROOF PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_tenancy_filter_id';
COMMENT ON FUNCTION tenancy.filter_id(text) IS 'The session''s organization, its only workspace, its user or its api_key (the entity), NULL for none; put into shared plans, not to be called';

CREATE FUNCTION tenancy.shape_guard(shape uuid, entity text, row_id uuid) RETURNS boolean
LANGUAGE c STABLE STRICT LEAKPROOF PARALLEL SAFE COST 10 SUPPORT tenancy.plan_guard_support
AS 'MODULE_PATHNAME', 'pg_tenancy_shape_guard';
COMMENT ON FUNCTION tenancy.shape_guard(uuid, text, uuid) IS 'Stops a shared plan when the session''s rights have another shape, or the row another id than the session''s (55000; 40001 when the rights were changed meanwhile); put into plans, not to be called';

CREATE FUNCTION tenancy.row_visible_support(internal) RETURNS internal
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_row_visible_support';
COMMENT ON FUNCTION tenancy.row_visible_support(internal) IS 'Planner support: row_visible() as the session''s own filter';

CREATE FUNCTION tenancy.row_visible(resource text, command text, organization "any", workspace "any", owner "any", api_key "any")
RETURNS boolean LANGUAGE c STABLE LEAKPROOF PARALLEL SAFE COST 100 SUPPORT tenancy.row_visible_support
AS 'MODULE_PATHNAME', 'pg_tenancy_row_visible';
COMMENT ON FUNCTION tenancy.row_visible(text, text, "any", "any", "any", "any") IS 'Whether the session may view, list, update or delete (the command) a row with these ids; a column that the table doesn''t have is written NULL';

-- With one more argument, a filter by workspace asks for the organization, too. That costs the planner its right estimates, and
-- pays where the table is partitioned (or distributed) by it.
CREATE FUNCTION tenancy.row_visible(resource text, command text, organization "any", workspace "any", owner "any", api_key "any",
                                    with_organization boolean)
RETURNS boolean LANGUAGE c STABLE LEAKPROOF PARALLEL SAFE COST 100 SUPPORT tenancy.row_visible_support
AS 'MODULE_PATHNAME', 'pg_tenancy_row_visible';
COMMENT ON FUNCTION tenancy.row_visible(text, text, "any", "any", "any", "any", boolean) IS 'The same, where the organization must agree even if the workspace decides';

CREATE FUNCTION tenancy.payload_visible_support(internal) RETURNS internal
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_payload_visible_support';
COMMENT ON FUNCTION tenancy.payload_visible_support(internal) IS 'Planner support: payload_visible() as the session''s own filter, or a constant';

-- Not leakproof, and not for policies: its answer holds among the rows that row_visible(…, 'list', …) lets pass.
CREATE FUNCTION tenancy.payload_visible(resource text, command text, organization "any", workspace "any", owner "any", api_key "any")
RETURNS boolean LANGUAGE c STABLE PARALLEL SAFE COST 100 SUPPORT tenancy.payload_visible_support
AS 'MODULE_PATHNAME', 'pg_tenancy_payload_visible';
COMMENT ON FUNCTION tenancy.payload_visible(text, text, "any", "any", "any", "any") IS 'Whether the session may view the full content of a row that it may list; for scoped views';

CREATE FUNCTION tenancy.row_accepted_support(internal) RETURNS internal
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_row_accepted_support';
COMMENT ON FUNCTION tenancy.row_accepted_support(internal) IS 'Planner support: row_accepted() as the session''s own filter';

CREATE FUNCTION tenancy.row_accepted(resource text, command text, organization "any", workspace "any", owner "any", api_key "any")
RETURNS boolean LANGUAGE c STABLE LEAKPROOF PARALLEL SAFE COST 100 SUPPORT tenancy.row_accepted_support
AS 'MODULE_PATHNAME', 'pg_tenancy_row_accepted';
COMMENT ON FUNCTION tenancy.row_accepted(text, text, "any", "any", "any", "any") IS 'Whether the session may insert a row with these ids, or update one to them (the command); a column that the table doesn''t have is written NULL';

CREATE FUNCTION tenancy.explain_rows(relation regclass) RETURNS text
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_explain_rows';
COMMENT ON FUNCTION tenancy.explain_rows(regclass) IS 'The row filter that the session gets on a protected table, as SQL; 55000 when the table isn''t protected';
-- May the session do this?

CREATE FUNCTION tenancy.authorize(resource text, action text) RETURNS boolean
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_tenancy_authorize';
COMMENT ON FUNCTION tenancy.authorize(text, text) IS 'Whether the session holds the permission anywhere in its organization, or (a resource of the organization itself) there; 22023 when it isn''t registered';

CREATE FUNCTION tenancy.authorize_support(internal) RETURNS internal
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_authorize_support';
COMMENT ON FUNCTION tenancy.authorize_support(internal) IS 'Planner support: authorize() over a column as a filter on it';

CREATE FUNCTION tenancy.authorize(resource text, action text, workspace uuid) RETURNS boolean
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 10 SUPPORT tenancy.authorize_support
AS 'MODULE_PATHNAME', 'pg_tenancy_authorize_workspace';
COMMENT ON FUNCTION tenancy.authorize(text, text, uuid) IS 'Whether the session holds the permission in the workspace; false for one of another organization; 22023 when the permission isn''t registered';

CREATE FUNCTION tenancy.authorize(resource text, action text, workspace text) RETURNS boolean
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_tenancy_authorize_reference';
COMMENT ON FUNCTION tenancy.authorize(text, text, text) IS 'Whether the session holds the permission in the workspace referred to; 42704 when its organization has no such workspace, 22023 when the permission isn''t registered';

CREATE FUNCTION tenancy.require(resource text, action text, workspace text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  -- In parentheses, since IF ends at the first THEN.
  IF NOT (CASE WHEN workspace IS NULL THEN tenancy.authorize(resource, action)
               ELSE tenancy.authorize(resource, action, workspace) END) THEN
    PERFORM tenancy.deny(resource, action, 'workspace "' || workspace || '"');
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy.require(text, text, text) IS 'Raises 42501 unless the session holds the permission (28000 when it has no principal), naming who, what, where, and in the hint which roles would do';

CREATE FUNCTION tenancy.register_permission(resource text, action text, description text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
#variable_conflict use_variable
BEGIN
  PERFORM tenancy.require_dba();
  IF (SELECT count(*) FROM tenancy.permissions) >= 1000 THEN
    RAISE EXCEPTION USING ERRCODE = 'program_limit_exceeded', MESSAGE = 'too many permissions',
      DETAIL = 'At most 1000 permissions can be registered.';
  END IF;
  IF resource IN ('logs', 'traces', 'analytics') AND action IN ('create', 'update', 'edit', 'delete') THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
      MESSAGE = format('action "%s" cannot be registered for resource "%s"', action, resource),
      DETAIL = 'Logs, traces and analytics are append-only for every principal.';
  END IF;
  INSERT INTO tenancy.permissions (resource, action, description) VALUES (resource, action, description);
  -- Somebody must hold it, or nobody could hand it out: who holds everything else does.
  INSERT INTO tenancy.grants (role_id, resource, action)
  SELECT r.role_id, resource, action FROM tenancy.roles r
  WHERE r.organization_id IS NULL
    AND (r.level, r.name) IN (('organization', 'owner'), ('organization', 'admin'), ('workspace', 'admin'));
END
$$;
COMMENT ON FUNCTION tenancy.register_permission(text, text, text) IS 'For a DBA: adds a permission for a resource of one''s own; owners, admins and workspace admins hold it from then on; 23505 when it exists';
-- What others than a DBA see of the catalogs: their own organization, as far as their rights reach, and never a secret's hash.

GRANT SELECT ON tenancy.permissions, tenancy.setting_definitions TO PUBLIC;

DO $$
DECLARE
  rule record;
BEGIN
  FOR rule IN SELECT * FROM (VALUES
    ('organizations', $q$organization_id = (SELECT tenancy.current_organization_id())$q$),
    ('workspaces', $q$organization_id = (SELECT tenancy.current_organization_id())
                      AND (tenancy.authorize('workspaces', 'list', workspace_id)
                           OR tenancy.authorize('workspaces', 'view', workspace_id))$q$),
    ('users', $q$user_id IN (SELECT m.user_id FROM tenancy.organization_members m)$q$),
    ('roles', $q$organization_id IS NULL OR organization_id = (SELECT tenancy.current_organization_id())$q$),
    ('organization_members', $q$organization_id = (SELECT tenancy.current_organization_id())
                                AND (user_id = (SELECT tenancy.current_user_id())
                                     OR (SELECT tenancy.authorize('team', 'list')))$q$),
    ('workspace_members', $q$organization_id = (SELECT tenancy.current_organization_id())
                             AND (user_id = (SELECT tenancy.current_user_id())
                                  OR tenancy.authorize('team', 'list', workspace_id))$q$),
    ('grants', $q$organization_id IS NULL OR organization_id = (SELECT tenancy.current_organization_id())$q$),
    ('visibility', $q$organization_id = (SELECT tenancy.current_organization_id())$q$),
    ('workspace_overrides', $q$organization_id = (SELECT tenancy.current_organization_id())$q$),
    ('api_keys', $q$tenancy.row_visible('api_keys', 'list', organization_id, workspace_id, user_id, NULL)$q$),
    ('api_key_scopes', $q$api_key_id IN (SELECT k.api_key_id FROM tenancy.api_keys k)$q$),
    ('jwt_keys', $q$organization_id = (SELECT tenancy.current_organization_id())
                     AND (SELECT tenancy.authorize('organization', 'update'))$q$),
    ('jwt_issuers', $q$organization_id = (SELECT tenancy.current_organization_id())
                        AND (SELECT tenancy.authorize('organization', 'update'))$q$),
    ('login_bindings', $q$login = (SELECT r.oid::regrole FROM pg_catalog.pg_roles r WHERE r.rolname = session_user)$q$)
  ) v (catalog, sees) LOOP
    EXECUTE format('ALTER TABLE tenancy.%I ENABLE ROW LEVEL SECURITY', rule.catalog);
    EXECUTE format('CREATE POLICY dba ON tenancy.%I USING ((SELECT tenancy.is_dba()))', rule.catalog);
    EXECUTE format('CREATE POLICY principal ON tenancy.%I FOR SELECT USING (%s)', rule.catalog, rule.sees);
    EXECUTE format('GRANT SELECT ON tenancy.%I TO PUBLIC', rule.catalog);
  END LOOP;
END
$$;
-- Organizations, workspaces, users, memberships, logins. Everybody may call these; each checks what the caller holds.

CREATE FUNCTION tenancy.slug_of(name text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT nullif(trim(BOTH '-' FROM regexp_replace(lower(name COLLATE "C"), '[^a-z0-9]+', '-', 'g')), '')
$$;
COMMENT ON FUNCTION tenancy.slug_of(text) IS 'A slug made from a name, or NULL when the name has no ASCII letter or digit';
REVOKE ALL ON FUNCTION tenancy.slug_of(text) FROM PUBLIC;

CREATE FUNCTION tenancy.find_role(organization_id uuid, level text, name text) RETURNS uuid
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  found_id uuid;
  nearest text;
BEGIN
  SELECT r.role_id INTO found_id FROM tenancy.roles r
  WHERE r.level = find_role.level AND (r.name = find_role.name OR r.role_id::text = find_role.name)
    AND (r.organization_id = find_role.organization_id OR r.organization_id IS NULL)
  ORDER BY r.organization_id NULLS LAST LIMIT 1;
  IF found_id IS NULL THEN
    SELECT tenancy.nearest(find_role.name, array_agg(r.name::text)) INTO nearest FROM tenancy.roles r
    WHERE r.level = find_role.level AND (r.organization_id = find_role.organization_id OR r.organization_id IS NULL);
    RAISE EXCEPTION USING ERRCODE = 'undefined_object',
      MESSAGE = format('%s role "%s" does not exist', find_role.level, find_role.name),
      HINT = coalesce('Perhaps you meant "' || nearest || '".', 'See tenancy.roles.');
  END IF;
  RETURN found_id;
END
$$;
COMMENT ON FUNCTION tenancy.find_role(uuid, text, text) IS 'Id of a role of the organization, or a built-in one, by name or id; 42704 with the nearest name';
REVOKE ALL ON FUNCTION tenancy.find_role(uuid, text, text) FROM PUBLIC;

CREATE FUNCTION tenancy.create_user(email text, name text DEFAULT NULL, external_id text DEFAULT NULL) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
#variable_conflict use_column
DECLARE
  new_id uuid;
BEGIN
  PERFORM tenancy.require_dba();
  INSERT INTO tenancy.users (email, name, external_id)
  VALUES (lower(create_user.email COLLATE "C"), create_user.name, create_user.external_id)
  RETURNING user_id INTO new_id;
  RETURN new_id;
END
$$;
COMMENT ON FUNCTION tenancy.create_user(text, text, text) IS 'For a DBA: creates a user by e-mail address and returns its id; 23505 when the address or external id is taken. A principal adds users by set_organization_role()';

CREATE FUNCTION tenancy.create_organization(
  name text, owner_email text, slug text DEFAULT NULL, external_id text DEFAULT NULL,
  OUT organization_id uuid, OUT workspace_id uuid, OUT owner_id uuid, OUT master_key text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
#variable_conflict use_column
DECLARE
  the_slug text := coalesce(create_organization.slug, tenancy.slug_of(create_organization.name));
BEGIN
  PERFORM tenancy.require_dba();
  IF create_organization.name IS NULL OR create_organization.owner_email IS NULL OR the_slug IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
      MESSAGE = 'an organization needs a name, a slug and its owner''s e-mail address',
      HINT = 'A slug is made from the name''s ASCII letters and digits; give one where there are none.';
  END IF;
  INSERT INTO tenancy.organizations (slug, name, external_id)
  VALUES (the_slug, create_organization.name, create_organization.external_id)
  RETURNING organizations.organization_id INTO create_organization.organization_id;

  INSERT INTO tenancy.workspaces (organization_id, slug, name, is_default)
  VALUES (create_organization.organization_id, 'shared-team-workspace', 'Shared Team Workspace', true)
  RETURNING workspaces.workspace_id INTO create_organization.workspace_id;

  SELECT u.user_id INTO create_organization.owner_id FROM tenancy.users u
  WHERE u.email = lower(create_organization.owner_email COLLATE "C");
  IF create_organization.owner_id IS NULL THEN
    create_organization.owner_id := tenancy.create_user(create_organization.owner_email);
  END IF;
  INSERT INTO tenancy.organization_members (organization_id, user_id, role_id)
  VALUES (create_organization.organization_id, create_organization.owner_id,
          tenancy.find_role(NULL, 'organization', 'owner'));

  SELECT k.secret INTO create_organization.master_key
  FROM tenancy.create_api_key('organization_service_key', 'Master key', create_organization.organization_id::text,
                              scopes => '"all"') k;
END
$$;
COMMENT ON FUNCTION tenancy.create_organization(text, text, text, text) IS 'For a DBA: creates an organization with its default workspace, its owner (a user that exists, or a new one) and its master key, whose secret is returned this once; the slug is made from the name unless given';

CREATE FUNCTION tenancy.create_workspace(organization text, name text, slug text DEFAULT NULL, external_id text DEFAULT NULL)
RETURNS uuid LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
#variable_conflict use_column
DECLARE
  new_id uuid;
  the_slug text := coalesce(create_workspace.slug, tenancy.slug_of(create_workspace.name));
  the_organization uuid := tenancy.own_organization(create_workspace.organization);
BEGIN
  PERFORM tenancy.require_right(the_organization, NULL, 'workspaces', 'create');
  IF create_workspace.name IS NULL OR the_slug IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'a workspace needs a name and a slug',
      HINT = 'A slug is made from the name''s ASCII letters and digits; give one where there are none.';
  END IF;
  INSERT INTO tenancy.workspaces (organization_id, slug, name, external_id)
  VALUES (the_organization, the_slug, create_workspace.name,
          create_workspace.external_id)
  RETURNING workspace_id INTO new_id;
  RETURN new_id;
END
$$;
COMMENT ON FUNCTION tenancy.create_workspace(text, text, text, text) IS 'Creates a workspace in an organization (NULL: the session''s own) and returns its id; the slug is made from the name unless given';

CREATE FUNCTION tenancy.set_organization_role(organization text, member text, role text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  the_organization uuid := tenancy.own_organization(organization);
  the_role uuid := tenancy.find_role(the_organization, 'organization', role);
  the_user uuid;
  role_before uuid;
BEGIN
  PERFORM tenancy.require_right(the_organization, NULL, 'team', 'assign_roles');
  PERFORM tenancy.require_held_role(the_organization, NULL, the_role);
  BEGIN
    the_user := tenancy.find_user(member);
  EXCEPTION WHEN undefined_object THEN
    -- An invitation: whoever it is, the address is all that is known yet.
    IF member !~ '^[^@[:space:]]+@[^@[:space:]]+$' THEN
      RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = format('user "%s" does not exist', member),
        HINT = 'Name a new member by e-mail address.';
    END IF;
    INSERT INTO tenancy.users (email) VALUES (lower(member COLLATE "C"))
    ON CONFLICT (email) DO UPDATE SET email = EXCLUDED.email RETURNING user_id INTO the_user;
  END;
  SELECT m.role_id INTO role_before FROM tenancy.organization_members m
  WHERE m.organization_id = the_organization AND m.user_id = the_user FOR UPDATE;
  IF role_before IS NULL THEN
    -- By any other reference, ids of other organizations' users could be tried out.
    IF NOT tenancy.is_dba() AND member !~ '@' THEN
      RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = format('user "%s" does not exist', member),
        HINT = 'Name a new member by e-mail address.';
    END IF;
    PERFORM tenancy.require_right(the_organization, NULL, 'team', 'add_users');
  ELSE
    PERFORM tenancy.require_held_role(the_organization, NULL, role_before);
  END IF;
  INSERT INTO tenancy.organization_members (organization_id, user_id, role_id)
  VALUES (the_organization, the_user, the_role)
  ON CONFLICT (organization_id, user_id) DO UPDATE SET role_id = EXCLUDED.role_id;
END
$$;
COMMENT ON FUNCTION tenancy.set_organization_role(text, text, text) IS 'Gives a user a role in an organization (NULL: the session''s own), making the user a member where it is none, and a user where only the e-mail address is known; needs team.assign_roles (and team.add_users) and at least the rights of the old and the new role; 55000 for the last owner';

CREATE FUNCTION tenancy.remove_organization_member(organization text, member text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  the_organization uuid := tenancy.own_organization(organization);
  the_user uuid;
BEGIN
  PERFORM tenancy.require_right(the_organization, NULL, 'team', 'add_users');
  the_user := tenancy.find_member(the_organization, member);
  PERFORM tenancy.require_held_role(the_organization, NULL, (
    SELECT m.role_id FROM tenancy.organization_members m
    WHERE m.organization_id = the_organization AND m.user_id = the_user FOR UPDATE));
  DELETE FROM tenancy.organization_members m WHERE m.organization_id = the_organization AND m.user_id = the_user;
END
$$;
COMMENT ON FUNCTION tenancy.remove_organization_member(text, text) IS 'Removes a user from an organization (NULL: the session''s own) and all its workspaces; needs team.add_users and at least the rights of the member''s role; 42704 when it is no member, 55000 for the last owner';

CREATE FUNCTION tenancy.set_workspace_role(workspace text, member text, role text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  the_workspace tenancy.workspaces := tenancy.own_workspace(workspace);
  the_role uuid := tenancy.find_role(the_workspace.organization_id, 'workspace', role);
  the_user uuid;
  role_before uuid;
BEGIN
  PERFORM tenancy.require_right(the_workspace.organization_id, the_workspace.workspace_id, 'team', 'assign_roles');
  PERFORM tenancy.require_held_role(the_workspace.organization_id, the_workspace.workspace_id, the_role);
  the_user := tenancy.find_member(the_workspace.organization_id, member);
  SELECT m.role_id INTO role_before FROM tenancy.workspace_members m
  WHERE m.workspace_id = the_workspace.workspace_id AND m.user_id = the_user FOR UPDATE;
  IF role_before IS NULL THEN
    PERFORM tenancy.require_right(the_workspace.organization_id, the_workspace.workspace_id, 'team', 'add_users');
  ELSE
    PERFORM tenancy.require_held_role(the_workspace.organization_id, the_workspace.workspace_id, role_before);
  END IF;
  INSERT INTO tenancy.workspace_members (workspace_id, user_id, organization_id, role_id)
  VALUES (the_workspace.workspace_id, the_user, the_workspace.organization_id, the_role)
  ON CONFLICT (workspace_id, user_id) DO UPDATE SET role_id = EXCLUDED.role_id;
END
$$;
COMMENT ON FUNCTION tenancy.set_workspace_role(text, text, text) IS 'Gives a member of the organization a role in one of its workspaces; needs team.assign_roles there (and team.add_users for a new member) and at least the rights of the old and the new role; 42704 when it is no member of the organization';

CREATE FUNCTION tenancy.remove_workspace_member(workspace text, member text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  the_workspace tenancy.workspaces := tenancy.own_workspace(workspace);
  the_user uuid;
  role_before uuid;
BEGIN
  PERFORM tenancy.require_right(the_workspace.organization_id, the_workspace.workspace_id, 'team', 'add_users');
  the_user := tenancy.find_member(the_workspace.organization_id, member);
  SELECT m.role_id INTO role_before FROM tenancy.workspace_members m
  WHERE m.workspace_id = the_workspace.workspace_id AND m.user_id = the_user FOR UPDATE;
  IF role_before IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = format('user "%s" is not a member of the workspace', member);
  END IF;
  PERFORM tenancy.require_held_role(the_workspace.organization_id, the_workspace.workspace_id, role_before);
  DELETE FROM tenancy.workspace_members m
  WHERE m.workspace_id = the_workspace.workspace_id AND m.user_id = the_user;
END
$$;
COMMENT ON FUNCTION tenancy.remove_workspace_member(text, text) IS 'Removes a user from a workspace; needs team.add_users there and at least the rights of the member''s role; 42704 when it is no member';

CREATE FUNCTION tenancy.check_login(login name) RETURNS regrole
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  found_role regrole;
  nearest text;
BEGIN
  SELECT r.oid INTO found_role FROM pg_roles r WHERE r.rolname = login;
  IF found_role IS NULL THEN
    SELECT tenancy.nearest(login::text, array_agg(r.rolname::text)) INTO nearest FROM pg_roles r;
    RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = format('role "%s" does not exist', login),
      HINT = coalesce('Perhaps you meant "' || nearest || '".', 'See pg_roles.');
  END IF;
  RETURN found_role;
END
$$;
COMMENT ON FUNCTION tenancy.check_login(name) IS 'The login role of that name; 42704 with the nearest name';
REVOKE ALL ON FUNCTION tenancy.check_login(name) FROM PUBLIC;

CREATE FUNCTION tenancy.trust_login(login name) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT tenancy.require_dba();
  INSERT INTO tenancy.login_bindings (login, trusted) VALUES (tenancy.check_login(trust_login.login), true)
  ON CONFLICT (login) DO UPDATE SET trusted = true
$$;
COMMENT ON FUNCTION tenancy.trust_login(name) IS 'For a DBA: lets a login name its user by tenancy.user: for applications that authenticate their users themselves';

CREATE FUNCTION tenancy.bind_login(login name, member text DEFAULT NULL, organization text DEFAULT NULL, workspace text DEFAULT NULL)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
#variable_conflict use_column
DECLARE
  the_user uuid;
  the_organization uuid;
  the_workspace uuid;
BEGIN
  PERFORM tenancy.require_dba();
  the_user := coalesce(tenancy.find_user(member), tenancy.current_user_id());
  the_organization := tenancy.find_organization(organization);
  the_workspace := tenancy.find_workspace(workspace, the_organization);
  IF the_user IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'a user must be given';
  END IF;
  IF the_workspace IS NOT NULL AND the_organization IS NULL THEN
    SELECT w.organization_id INTO the_organization FROM tenancy.workspaces w WHERE w.workspace_id = the_workspace;
  END IF;
  INSERT INTO tenancy.login_bindings (login, user_id, organization_id, workspace_id)
  VALUES (tenancy.check_login(bind_login.login), the_user, the_organization, the_workspace)
  ON CONFLICT (login) DO UPDATE SET user_id = EXCLUDED.user_id, organization_id = EXCLUDED.organization_id,
                                    workspace_id = EXCLUDED.workspace_id;
END
$$;
COMMENT ON FUNCTION tenancy.bind_login(name, text, text, text) IS 'For a DBA: makes a login stand for a user (NULL: the session''s own), in one organization, and confined to one workspace, where these are given';

CREATE FUNCTION tenancy.unbind_login(login name) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  PERFORM tenancy.require_dba();
  DELETE FROM tenancy.login_bindings b WHERE b.login = tenancy.check_login(unbind_login.login);
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = format('login "%s" is neither trusted nor bound', login);
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy.unbind_login(name) IS 'For a DBA: takes away a login''s binding and its trust; 42704 when it has neither';
-- Roles of an organization's own, and overrides of the built-in ones.

CREATE FUNCTION tenancy.create_role(
  organization text, level text, name text, copy_of text DEFAULT NULL, all_workspaces boolean DEFAULT false) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
#variable_conflict use_column
DECLARE
  the_organization uuid := tenancy.own_organization(organization);
  template uuid;
  new_id uuid;
BEGIN
  PERFORM tenancy.require_right(the_organization, NULL, 'team', 'assign_roles');
  IF create_role.level IS NULL OR create_role.level NOT IN ('organization', 'workspace') THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('level "%s" does not exist', create_role.level),
      HINT = 'Levels are organization and workspace.';
  END IF;
  IF create_role.copy_of IS NOT NULL THEN
    template := tenancy.find_role(the_organization, create_role.level, create_role.copy_of);
  END IF;
  INSERT INTO tenancy.roles (organization_id, level, name, all_workspaces)
  VALUES (the_organization, create_role.level, create_role.name, create_role.all_workspaces) RETURNING role_id INTO new_id;
  -- As the template is in this organization: born with, then the organization's own rows.
  INSERT INTO tenancy.grants (role_id, organization_id, resource, action)
  SELECT new_id, the_organization, g.resource, g.action
  FROM (SELECT DISTINCT ON (g.resource, g.action) g.resource, g.action, g.allowed
        FROM tenancy.grants g
        WHERE g.role_id = template AND g.workspace_id IS NULL
          AND (g.organization_id IS NULL OR g.organization_id = the_organization)
        ORDER BY g.resource, g.action, g.organization_id NULLS LAST) g
  WHERE g.allowed;
  -- Asked of the finished role, so that it is the core that says what it gives.
  IF create_role.level = 'organization' THEN
    PERFORM tenancy.require_held_role(the_organization, NULL, new_id);
  ELSE
    PERFORM tenancy.require_held_workspace_grants(the_organization, new_id);
  END IF;
  RETURN new_id;
END
$$;
COMMENT ON FUNCTION tenancy.create_role(text, text, text, text, boolean) IS 'Creates a role of an organization (NULL: the session''s own) on a level (organization, workspace), empty or with what another role has, reaching all workspaces or none, and returns its id; needs team.assign_roles and at least the rights of the role; 42704, 23505, 23514';

CREATE FUNCTION tenancy.require_held_workspace_grants(organization_id uuid, role_id uuid) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  missing text;
BEGIN
  IF tenancy.is_dba() THEN
    RETURN;
  END IF;
  -- A workspace role can be given in any workspace.
  SELECT g.resource || '.' || g.action INTO missing FROM tenancy.grants g
  WHERE g.role_id = require_held_workspace_grants.role_id AND g.allowed
    AND NOT tenancy.holds_everywhere(require_held_workspace_grants.organization_id, g.resource, g.action)
  ORDER BY 1 LIMIT 1;
  IF missing IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
      MESSAGE = format('permission denied: %s is more than the session has', missing),
      DETAIL = 'Nobody can hand out, or take away, rights that they do not hold themselves.';
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy.require_held_workspace_grants(uuid, uuid) IS 'Raises 42501 unless the caller is a DBA or holds in every workspace all that a workspace role grants';
REVOKE ALL ON FUNCTION tenancy.require_held_workspace_grants(uuid, uuid) FROM PUBLIC;

CREATE FUNCTION tenancy.drop_role(organization text, level text, name text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  the_organization uuid := tenancy.own_organization(organization);
  the_role uuid;
BEGIN
  PERFORM tenancy.require_right(the_organization, NULL, 'team', 'assign_roles');
  the_role := tenancy.find_role(the_organization, level, name);
  IF level = 'organization' THEN
    PERFORM tenancy.require_held_role(the_organization, NULL, the_role);
  ELSE
    PERFORM tenancy.require_held_workspace_grants(the_organization, the_role);
  END IF;
  BEGIN
    DELETE FROM tenancy.roles r WHERE r.role_id = the_role;
  EXCEPTION WHEN foreign_key_violation THEN
    RAISE EXCEPTION USING ERRCODE = 'dependent_objects_still_exist', MESSAGE = format('role "%s" is still given to members', name),
      HINT = 'Give them another role first.';
  END;
END
$$;
COMMENT ON FUNCTION tenancy.drop_role(text, text, text) IS 'Drops a role of an organization (NULL: the session''s own); needs team.assign_roles and at least the rights of the role; 2BP01 while members have it, 55000 for a built-in role';

CREATE FUNCTION tenancy.change_grant(organization text, level text, role text, resource text, action text, allow boolean)
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
#variable_conflict use_variable
DECLARE
  the_organization uuid := tenancy.own_organization(organization);
  the_role tenancy.roles;
  born boolean;
BEGIN
  PERFORM tenancy.check_permission(resource, action);
  PERFORM tenancy.require_right(the_organization, NULL, 'team', 'assign_roles');
  SELECT * INTO the_role FROM tenancy.roles r WHERE r.role_id = tenancy.find_role(the_organization, level, role);
  IF the_role.organization_id IS NULL AND
     ((the_role.level, the_role.name) IN (('organization', 'owner'), ('workspace', 'admin'))
      OR (the_role.level, the_role.name) = ('organization', 'admin') AND (resource, action) NOT IN (('logs', 'view'), ('logs', 'list'))) THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
      MESSAGE = format('%s.%s of %s role "%s" cannot be overridden', resource, action, the_role.level, the_role.name),
      DETAIL = 'Owners and workspace admins are above every setting, admins above all but those on their seeing logs.',
      HINT = 'Define a role of the organization, for example as a copy of it.';
  END IF;
  IF the_role.level = 'workspace' AND resource IN ('organization', 'billing', 'audit_logs') THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
      MESSAGE = format('resource "%s" is on the organization level', resource),
      DETAIL = 'A workspace role does not reach it.';
  END IF;
  -- Where the role counts: on the organization alone, or in every workspace.
  IF NOT tenancy.is_dba() AND NOT (CASE
       WHEN the_role.level = 'workspace' OR the_role.all_workspaces THEN tenancy.holds_everywhere(the_organization, resource, action)
       ELSE coalesce(tenancy.holds(the_organization, NULL, resource, action) = 'all', false) END) THEN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
      MESSAGE = format('permission denied: %s.%s is more than the session has', resource, action),
      DETAIL = 'Nobody can hand out, or take away, rights that they do not hold themselves.';
  END IF;
  born := EXISTS (SELECT FROM tenancy.grants g WHERE g.role_id = the_role.role_id AND g.organization_id IS NULL
                    AND g.resource = resource AND g.action = action);
  IF born = allow THEN
    DELETE FROM tenancy.grants g
    WHERE g.role_id = the_role.role_id AND g.organization_id = the_organization AND g.workspace_id IS NULL
      AND g.resource = resource AND g.action = action;
  ELSE
    INSERT INTO tenancy.grants (role_id, organization_id, resource, action, allowed)
    VALUES (the_role.role_id, the_organization, resource, action, allow)
    ON CONFLICT ON CONSTRAINT grants_key DO UPDATE SET allowed = EXCLUDED.allowed;
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy.change_grant(text, text, text, text, text, boolean) IS 'Makes an organization''s role have a permission or not';
REVOKE ALL ON FUNCTION tenancy.change_grant(text, text, text, text, text, boolean) FROM PUBLIC;

CREATE FUNCTION tenancy.grant_permission(organization text, level text, role text, resource text, action text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT tenancy.change_grant(organization, level, role, resource, action, true)
$$;
COMMENT ON FUNCTION tenancy.grant_permission(text, text, text, text, text) IS 'Gives a role of an organization (NULL: the session''s own) a permission, or overrides a built-in role there; needs team.assign_roles and the permission itself; 22023 for what isn''t registered, 55000 for what is above overrides';

CREATE FUNCTION tenancy.revoke_permission(organization text, level text, role text, resource text, action text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT tenancy.change_grant(organization, level, role, resource, action, false)
$$;
COMMENT ON FUNCTION tenancy.revoke_permission(text, text, text, text, text) IS 'Takes a permission from a role of an organization (NULL: the session''s own), or overrides a built-in role there; needs team.assign_roles and the permission itself; 22023 for what isn''t registered, 55000 for what is above overrides';

CREATE FUNCTION tenancy.set_role_visibility(organization text, role text, all_rows boolean, workspace text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  the_organization uuid := tenancy.own_organization(organization);
  the_workspace uuid := (tenancy.own_workspace(workspace, the_organization)).workspace_id;
  the_role uuid := tenancy.find_role(the_organization, 'workspace', role);
BEGIN
  PERFORM tenancy.require_setting_right(tenancy.find_setting('members_view_all_data'), the_organization, the_workspace);
  IF the_role = tenancy.find_role(NULL, 'workspace', 'admin') THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = 'workspace admins are above data visibility';
  END IF;
  IF all_rows IS NULL THEN
    DELETE FROM tenancy.visibility v WHERE v.role_id = the_role AND v.organization_id = the_organization
      AND v.workspace_id IS NOT DISTINCT FROM the_workspace;
  ELSE
    INSERT INTO tenancy.visibility (role_id, organization_id, workspace_id, all_rows)
    VALUES (the_role, the_organization, the_workspace, all_rows)
    ON CONFLICT (role_id, organization_id, workspace_id) DO UPDATE SET all_rows = EXCLUDED.all_rows;
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy.set_role_visibility(text, text, boolean, text) IS 'Makes a workspace role see all rows or only its user''s own, in an organization (NULL: the session''s own) or one of its workspaces; NULL takes its switch away, so that it follows the role member; needs the same rights as a setting';
-- Settings: names for rows of grants and visibility.

CREATE FUNCTION tenancy.find_setting(setting text) RETURNS tenancy.setting_definitions
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  found_setting tenancy.setting_definitions;
BEGIN
  SELECT * INTO found_setting FROM tenancy.setting_definitions d WHERE d.setting = find_setting.setting;
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('setting "%s" does not exist', setting),
      HINT = coalesce('Perhaps you meant "' || (SELECT tenancy.nearest(find_setting.setting, array_agg(d.setting::text))
                              FROM tenancy.setting_definitions d) || '".', 'See tenancy.setting_definitions.');
  END IF;
  RETURN found_setting;
END
$$;
COMMENT ON FUNCTION tenancy.find_setting(text) IS 'The definition of a setting; 22023 with the nearest name';
REVOKE ALL ON FUNCTION tenancy.find_setting(text) FROM PUBLIC;

CREATE FUNCTION tenancy.require_setting_right(
  definition tenancy.setting_definitions, organization_id uuid, workspace_id uuid) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
#variable_conflict use_variable
DECLARE
  held boolean;
BEGIN
  IF tenancy.is_dba() THEN
    RETURN;
  END IF;
  IF workspace_id IS NULL THEN
    PERFORM tenancy.require_right(organization_id, NULL, 'organization', 'update');
  ELSE
    PERFORM tenancy.require_right(organization_id, workspace_id, 'workspaces', 'update', true);
  END IF;
  -- Whoever a setting could restrict can't lift it; without actions, it is about seeing all rows of any resource.
  SELECT bool_and(CASE WHEN workspace_id IS NULL THEN tenancy.holds_everywhere(organization_id, p.resource, p.action)
                       ELSE coalesce(tenancy.holds(organization_id, workspace_id, p.resource, p.action) = 'all', false) END) INTO held
  FROM (SELECT definition.resource, action FROM unnest(definition.actions) action
        UNION ALL SELECT 'workspaces', 'view' WHERE definition.resource IS NULL) p (resource, action);
  IF NOT held THEN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
      MESSAGE = format('permission denied: setting "%s" gives more than the session has', definition.setting),
      DETAIL = 'Nobody can hand out, or take away, rights that they do not hold themselves.';
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy.require_setting_right(tenancy.setting_definitions, uuid, uuid) IS 'Raises 42501 unless the caller is a DBA, or may update the organization or workspace and holds what the setting is about';
REVOKE ALL ON FUNCTION tenancy.require_setting_right(tenancy.setting_definitions, uuid, uuid) FROM PUBLIC;

CREATE FUNCTION tenancy.set_setting(organization text, setting text, value boolean, workspace text DEFAULT NULL)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  definition tenancy.setting_definitions := tenancy.find_setting(setting);
  the_organization uuid := tenancy.own_organization(organization);
  the_workspace uuid := (tenancy.own_workspace(workspace, the_organization)).workspace_id;
BEGIN
  PERFORM tenancy.require_setting_right(definition, the_organization, the_workspace);
  IF value IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'a setting''s value cannot be NULL',
      HINT = 'Use tenancy.reset_setting() to take a value away.';
  END IF;
  IF definition.resource IS NULL THEN
    INSERT INTO tenancy.visibility (role_id, organization_id, workspace_id, all_rows)
    VALUES (definition.role_id, the_organization, the_workspace, value)
    ON CONFLICT (role_id, organization_id, workspace_id) DO UPDATE SET all_rows = EXCLUDED.all_rows;
  ELSE
    INSERT INTO tenancy.grants (role_id, organization_id, workspace_id, resource, action, allowed)
    SELECT definition.role_id, the_organization, the_workspace, definition.resource, action, value
    FROM unnest(definition.actions) action
    ON CONFLICT (role_id, organization_id, workspace_id, resource, action) DO UPDATE SET allowed = EXCLUDED.allowed;
  END IF;
  IF the_workspace IS NOT NULL AND NOT EXISTS (
    SELECT FROM tenancy.workspace_overrides o
    WHERE o.organization_id = the_organization AND o.category = definition.category AND o.allowed) THEN
    RAISE NOTICE USING MESSAGE = format('the organization does not allow workspaces to configure %s', definition.category),
      DETAIL = 'The workspace''s setting is kept, and ignored until it does.',
      HINT = 'Use tenancy.allow_workspace_overrides().';
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy.set_setting(text, text, boolean, text) IS 'Sets a setting of an organization (NULL: the session''s own), or of one of its workspaces; needs organization.update, or workspaces.update there, and what the setting is about; 22023 for an unknown setting';

CREATE FUNCTION tenancy.reset_setting(organization text, setting text, workspace text DEFAULT NULL)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  definition tenancy.setting_definitions := tenancy.find_setting(setting);
  the_organization uuid := tenancy.own_organization(organization);
  the_workspace uuid := (tenancy.own_workspace(workspace, the_organization)).workspace_id;
BEGIN
  PERFORM tenancy.require_setting_right(definition, the_organization, the_workspace);
  DELETE FROM tenancy.visibility v
  WHERE definition.resource IS NULL AND v.role_id = definition.role_id AND v.organization_id = the_organization
    AND v.workspace_id IS NOT DISTINCT FROM the_workspace;
  DELETE FROM tenancy.grants g
  WHERE g.role_id = definition.role_id AND g.organization_id = the_organization
    AND g.workspace_id IS NOT DISTINCT FROM the_workspace
    AND g.resource = definition.resource AND g.action = ANY (definition.actions);
END
$$;
COMMENT ON FUNCTION tenancy.reset_setting(text, text, text) IS 'Takes a setting of an organization, or of one of its workspaces, away, so that the next wider one counts; needs the same rights as set_setting()';

CREATE FUNCTION tenancy.allow_workspace_overrides(organization text, category text, allowed boolean) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  categories text[];
  the_organization uuid := tenancy.own_organization(organization);
BEGIN
  PERFORM tenancy.require_right(the_organization, NULL, 'organization', 'update');
  -- Opening or closing a category can bring back what a setting has taken away.
  PERFORM tenancy.require_setting_right(d, the_organization, NULL) FROM tenancy.setting_definitions d
  WHERE d.category = allow_workspace_overrides.category;
  SELECT array_agg(DISTINCT d.category::text) INTO categories FROM tenancy.setting_definitions d;
  IF category IS NULL OR category <> ALL (categories) THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('category "%s" does not exist', category),
      HINT = coalesce('Perhaps you meant "' || tenancy.nearest(category, categories) || '".',
                      format('Categories are %s.', array_to_string(categories, ', ')));
  END IF;
  INSERT INTO tenancy.workspace_overrides (organization_id, category, allowed)
  VALUES (the_organization, category, allowed)
  ON CONFLICT ON CONSTRAINT workspace_overrides_pkey DO UPDATE SET allowed = EXCLUDED.allowed;
END
$$;
COMMENT ON FUNCTION tenancy.allow_workspace_overrides(text, text, boolean) IS 'Lets workspaces'' own settings of a category count, or not; needs organization.update; 22023 for an unknown category';

CREATE FUNCTION tenancy.settings(organization text, workspace text DEFAULT NULL)
RETURNS TABLE (category text, setting text, value boolean, source text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
#variable_conflict use_column
DECLARE
  the_organization uuid := tenancy.own_organization(organization);
  the_workspace uuid := (tenancy.own_workspace(workspace, the_organization)).workspace_id;
BEGIN
  IF NOT tenancy.is_dba() AND NOT (CASE WHEN the_workspace IS NULL THEN tenancy.authorize('workspaces', 'view')
                                        ELSE tenancy.authorize('workspaces', 'view', the_workspace) END) THEN
    PERFORM tenancy.deny('workspaces', 'view', 'workspace "' || workspace || '"');
  END IF;
  RETURN QUERY
  WITH parts AS (
    -- A setting is what all of its grants, or its one switch, come to on each level.
    SELECT d.setting, g.allowed IS NOT NULL AS born, o.allowed AS of_organization, w.allowed AS of_workspace
    FROM tenancy.setting_definitions d CROSS JOIN unnest(d.actions) part (action)
    LEFT JOIN tenancy.grants g ON g.role_id = d.role_id AND g.organization_id IS NULL
      AND g.resource = d.resource AND g.action = part.action
    LEFT JOIN tenancy.grants o ON o.role_id = d.role_id AND o.organization_id = the_organization AND o.workspace_id IS NULL
      AND o.resource = d.resource AND o.action = part.action
    LEFT JOIN tenancy.grants w ON w.role_id = d.role_id AND w.organization_id = the_organization AND w.workspace_id = the_workspace
      AND w.resource = d.resource AND w.action = part.action
    UNION ALL
    SELECT d.setting, true, o.all_rows, w.all_rows
    FROM tenancy.setting_definitions d
    LEFT JOIN tenancy.visibility o ON o.role_id = d.role_id AND o.organization_id = the_organization AND o.workspace_id IS NULL
    LEFT JOIN tenancy.visibility w ON w.role_id = d.role_id AND w.organization_id = the_organization AND w.workspace_id = the_workspace
    WHERE d.resource IS NULL
  ), settings AS (
    SELECT p.setting, bool_and(p.born) AS born,
           CASE WHEN count(p.of_organization) > 0 THEN bool_and(coalesce(p.of_organization, p.born)) END AS of_organization,
           CASE WHEN count(p.of_workspace) > 0 THEN bool_and(coalesce(p.of_workspace, p.of_organization, p.born)) END AS of_workspace
    FROM parts p GROUP BY p.setting
  )
  SELECT d.category::text, d.setting::text,
         CASE WHEN s.of_workspace IS NOT NULL AND coalesce(a.allowed, false) THEN s.of_workspace
              ELSE coalesce(s.of_organization, s.born) END,
         CASE WHEN s.of_workspace IS NOT NULL AND coalesce(a.allowed, false) THEN 'workspace'
              WHEN s.of_workspace IS NOT NULL THEN 'workspace but switched off'
              WHEN s.of_organization IS NOT NULL THEN 'organization'
              ELSE 'default' END
  FROM tenancy.setting_definitions d
  JOIN settings s ON s.setting = d.setting
  LEFT JOIN tenancy.workspace_overrides a ON a.organization_id = the_organization AND a.category = d.category
  ORDER BY d.category, d.setting;
END
$$;
COMMENT ON FUNCTION tenancy.settings(text, text) IS 'Every setting as it counts in an organization (NULL: the session''s own), or in one of its workspaces, and where the value comes from';
-- API keys. The secret is returned once; what is stored is its SHA-256.

CREATE FUNCTION tenancy.generate_api_key() RETURNS text
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'pg_tenancy_generate_api_key';
COMMENT ON FUNCTION tenancy.generate_api_key() IS 'A new secret: prefix, 256 bits of the server''s random source, checksum';
REVOKE ALL ON FUNCTION tenancy.generate_api_key() FROM PUBLIC;

CREATE FUNCTION tenancy.api_key_display_prefix(secret text) RETURNS text
LANGUAGE c IMMUTABLE STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_api_key_display_prefix';
COMMENT ON FUNCTION tenancy.api_key_display_prefix(text) IS 'What may be shown of a secret';
REVOKE ALL ON FUNCTION tenancy.api_key_display_prefix(text) FROM PUBLIC;

CREATE FUNCTION tenancy.scopes_of_level(feature text, level text) RETURNS text[]
LANGUAGE c IMMUTABLE STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_scopes_of_level';
COMMENT ON FUNCTION tenancy.scopes_of_level(text, text) IS 'What a level of a feature gives an API key, as resource.action; 22023 for an unknown feature or level';

CREATE FUNCTION tenancy.default_scope_levels() RETURNS text[]
LANGUAGE c IMMUTABLE AS 'MODULE_PATHNAME', 'pg_tenancy_default_scope_levels';
COMMENT ON FUNCTION tenancy.default_scope_levels() IS 'Levels of a key for which none are named: feature, level, feature, level …';

CREATE FUNCTION tenancy.expand_scopes(scopes jsonb) RETURNS TABLE (resource text, action text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
#variable_conflict use_column
DECLARE
  single text;
  nearest text;
BEGIN
  IF scopes IS NULL THEN
    scopes := jsonb_object(tenancy.default_scope_levels());
  END IF;
  CASE jsonb_typeof(scopes)
    WHEN 'object' THEN
      IF EXISTS (SELECT FROM jsonb_each(scopes) feature, jsonb_path_query(feature.value, 'lax $[*]') level
                 WHERE jsonb_typeof(level) <> 'string') THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'level of a feature must be a string, or an array of strings';
      END IF;
      -- A level names more than every feature has (copy, publish …): what isn't registered it doesn't give.
      RETURN QUERY
      SELECT DISTINCT p.resource::text, p.action::text
      FROM jsonb_each(scopes) feature,
           jsonb_array_elements_text(CASE jsonb_typeof(feature.value) WHEN 'array' THEN feature.value
                                     ELSE jsonb_build_array(feature.value) END) level,
           unnest(tenancy.scopes_of_level(feature.key, level)) scope
      JOIN tenancy.permissions p ON p.resource || '.' || p.action = scope;
    WHEN 'array' THEN
      FOR single IN SELECT jsonb_array_elements_text(scopes) LOOP
        IF NOT EXISTS (SELECT FROM tenancy.permissions p WHERE p.resource || '.' || p.action = single) THEN
          SELECT tenancy.nearest(single, array_agg(p.resource || '.' || p.action)) INTO nearest FROM tenancy.permissions p;
          RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('scope "%s" is not registered', single),
            HINT = coalesce('Perhaps you meant "' || nearest || '".', 'See tenancy.permissions.');
        END IF;
      END LOOP;
      RETURN QUERY SELECT DISTINCT split_part(s, '.', 1), split_part(s, '.', 2) FROM jsonb_array_elements_text(scopes) s;
    ELSE
      RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'scopes must be an object or an array',
        HINT = 'For example {"prompts": "write", "metrics": "enabled"} or ["logs.view", "analytics.view"].';
  END CASE;
END
$$;
COMMENT ON FUNCTION tenancy.expand_scopes(jsonb) IS 'Scopes as permissions: an object of feature to level (or levels), an array of single scopes, or NULL for the defaults; 22023 for what isn''t known';
REVOKE ALL ON FUNCTION tenancy.expand_scopes(jsonb) FROM PUBLIC;

-- Who makes a key act, or makes it act again, must have what the key has: an own user key acts as its user anyway, any other
-- sees all rows. What a completion leaves behind is a key's to write, not a user's.
CREATE FUNCTION tenancy.require_key_right(key tenancy.api_keys, action text, scopes text[]) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  own_key boolean := key.user_id IS NOT NULL AND key.user_id = tenancy.current_user_id();
  missing text;
BEGIN
  IF tenancy.is_dba() THEN
    RETURN;
  END IF;
  PERFORM tenancy.require_right(key.organization_id, key.workspace_id, 'api_keys', action, own_key);
  SELECT scope INTO missing
  FROM unnest(scopes) scope
  WHERE scope NOT IN ('completions.write', 'logs.write', 'traces.write', 'analytics.write')
    AND CASE tenancy.holds(key.organization_id, key.workspace_id, split_part(scope, '.', 1), split_part(scope, '.', 2))
          WHEN 'all' THEN false WHEN 'own' THEN NOT own_key ELSE true END
  ORDER BY scope LIMIT 1;
  IF missing IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
      MESSAGE = format('permission denied: scope "%s" is more than the session has', missing),
      DETAIL = 'Nobody can hand out, or take away, rights that they do not hold themselves.';
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy.require_key_right(tenancy.api_keys, text, text[]) IS 'Raises 42501 unless the caller is a DBA, or holds the action on api_keys where the key belongs (for an own user key, over own rows at least) and each of the scopes';
REVOKE ALL ON FUNCTION tenancy.require_key_right(tenancy.api_keys, text, text[]) FROM PUBLIC;

CREATE FUNCTION tenancy.scopes_of_key(key tenancy.api_keys) RETURNS text[]
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT coalesce(array_agg(s.scope), '{}')
  FROM (SELECT p.resource || '.' || p.action FROM tenancy.permissions p WHERE key.all_scopes
        UNION ALL
        SELECT s.resource || '.' || s.action FROM tenancy.api_key_scopes s
        WHERE s.api_key_id = key.api_key_id AND NOT key.all_scopes) s (scope)
$$;
COMMENT ON FUNCTION tenancy.scopes_of_key(tenancy.api_keys) IS 'A key''s scopes as resource.action';
REVOKE ALL ON FUNCTION tenancy.scopes_of_key(tenancy.api_keys) FROM PUBLIC;

CREATE FUNCTION tenancy.set_scopes(key tenancy.api_keys, scopes jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
#variable_conflict use_column
BEGIN
  IF key.all_scopes THEN
    scopes := '[]';
  END IF;
  DELETE FROM tenancy.api_key_scopes s
  WHERE s.api_key_id = key.api_key_id
    AND (s.resource, s.action) NOT IN (SELECT e.resource, e.action FROM tenancy.expand_scopes(scopes) e);
  INSERT INTO tenancy.api_key_scopes (api_key_id, resource, action)
  SELECT key.api_key_id, e.resource, e.action FROM tenancy.expand_scopes(scopes) e
  ON CONFLICT DO NOTHING;
END
$$;
COMMENT ON FUNCTION tenancy.set_scopes(tenancy.api_keys, jsonb) IS 'Gives a key just these scopes';
REVOKE ALL ON FUNCTION tenancy.set_scopes(tenancy.api_keys, jsonb) FROM PUBLIC;

CREATE FUNCTION tenancy.scope_names(scopes jsonb, every_scope boolean) RETURNS text[]
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT CASE WHEN every_scope THEN (SELECT array_agg(p.resource || '.' || p.action) FROM tenancy.permissions p)
              ELSE (SELECT coalesce(array_agg(e.resource || '.' || e.action), '{}') FROM tenancy.expand_scopes(scopes) e) END
$$;
COMMENT ON FUNCTION tenancy.scope_names(jsonb, boolean) IS 'Scopes, or every registered one, as resource.action';
REVOKE ALL ON FUNCTION tenancy.scope_names(jsonb, boolean) FROM PUBLIC;

CREATE FUNCTION tenancy.create_api_key(
  kind text, name text, organization text DEFAULT NULL, workspace text DEFAULT NULL, member text DEFAULT NULL,
  scopes jsonb DEFAULT NULL, expires_at timestamptz DEFAULT NULL, external_id text DEFAULT NULL,
  OUT api_key_id uuid, OUT secret text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
#variable_conflict use_column
DECLARE
  key tenancy.api_keys;
  the_workspace tenancy.workspaces;
  kinds CONSTANT text[] := ARRAY['organization_service_key', 'workspace_service_key', 'workspace_user_key'];
BEGIN
  IF kind IS NULL OR kind <> ALL (kinds) THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('kind of API key "%s" does not exist', kind),
      HINT = coalesce('Perhaps you meant "' || tenancy.nearest(kind, kinds) || '".',
                      format('Kinds are %s.', array_to_string(kinds, ', ')));
  END IF;
  IF (kind = 'organization_service_key') <> (workspace IS NULL) THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
      MESSAGE = CASE WHEN workspace IS NULL THEN 'a workspace key needs a workspace'
                     ELSE 'an organization service key cannot have a workspace' END;
  END IF;
  IF kind <> 'workspace_user_key' AND member IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'a service key cannot have a user';
  END IF;
  IF expires_at <= statement_timestamp() THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'an API key cannot expire in the past';
  END IF;

  the_workspace := tenancy.own_workspace(workspace, CASE WHEN organization IS NOT NULL
                                                         THEN tenancy.own_organization(organization) END);
  key.kind := kind;
  key.name := name;
  key.workspace_id := the_workspace.workspace_id;
  key.organization_id := coalesce(the_workspace.organization_id, tenancy.own_organization(organization));
  key.user_id := CASE WHEN kind <> 'workspace_user_key' THEN NULL
                      WHEN member IS NULL THEN tenancy.current_user_id()
                      ELSE tenancy.find_member(key.organization_id, member) END;
  key.all_scopes := coalesce(scopes = '"all"', false);
  IF kind = 'workspace_user_key' AND key.user_id IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'a user key needs a user';
  END IF;
  PERFORM tenancy.require_key_right(key, 'create', tenancy.scope_names(scopes, key.all_scopes));

  secret := tenancy.generate_api_key();
  INSERT INTO tenancy.api_keys (kind, name, organization_id, workspace_id, user_id, external_id, display_prefix,
                                all_scopes, expires_at)
  VALUES (key.kind, key.name, key.organization_id, key.workspace_id, key.user_id, create_api_key.external_id,
          tenancy.api_key_display_prefix(secret), key.all_scopes, nullif(create_api_key.expires_at, 'infinity'))
  RETURNING * INTO key;
  INSERT INTO tenancy.api_key_secrets (secret_hash, api_key_id)
  VALUES (sha256(convert_to(secret, 'UTF8')), key.api_key_id);
  PERFORM tenancy.set_scopes(key, scopes);
  api_key_id := key.api_key_id;
END
$$;
COMMENT ON FUNCTION tenancy.create_api_key(text, text, text, text, text, jsonb, timestamptz, text) IS 'Creates an API key of a kind (organization_service_key, workspace_service_key, workspace_user_key) and returns its id and, this once, its secret; scopes as in expand_scopes(), or "all"; needs api_keys.create where the key belongs, and each of its scopes; 22023 when kind, workspace and user don''t go together';

CREATE FUNCTION tenancy.lock_api_key(api_key_id uuid) RETURNS tenancy.api_keys
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  key tenancy.api_keys;
BEGIN
  PERFORM tenancy.require_principal();
  SELECT * INTO key FROM tenancy.api_keys k
  WHERE k.api_key_id = lock_api_key.api_key_id AND k.deleted_at IS NULL
    AND (tenancy.is_dba() OR k.organization_id = tenancy.current_organization_id())
  FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = format('API key %s does not exist', api_key_id);
  END IF;
  RETURN key;
END
$$;
COMMENT ON FUNCTION tenancy.lock_api_key(uuid) IS 'A key of the session''s organization (a DBA''s: any), locked; 42704 when there is none, or it is deleted';
REVOKE ALL ON FUNCTION tenancy.lock_api_key(uuid) FROM PUBLIC;

CREATE FUNCTION tenancy.update_api_key(
  api_key_id uuid, name text DEFAULT NULL, scopes jsonb DEFAULT NULL, expires_at timestamptz DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  key tenancy.api_keys := tenancy.lock_api_key(api_key_id);
  prolonged boolean := coalesce(update_api_key.expires_at > key.expires_at, false);
BEGIN
  IF expires_at <= statement_timestamp() THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'an API key cannot expire in the past',
      HINT = 'Use tenancy.revoke_api_key() to end it now.';
  END IF;
  PERFORM tenancy.require_key_right(key, 'edit', CASE
    WHEN scopes IS NOT NULL THEN tenancy.scope_names(scopes, scopes = '"all"')
    WHEN prolonged THEN tenancy.scopes_of_key(key) ELSE '{}' END);
  UPDATE tenancy.api_keys k
  SET name = coalesce(update_api_key.name, k.name),
      expires_at = CASE WHEN update_api_key.expires_at IS NULL THEN k.expires_at
                        ELSE nullif(update_api_key.expires_at, 'infinity') END,
      all_scopes = CASE WHEN scopes IS NULL THEN k.all_scopes ELSE scopes = '"all"' END
  WHERE k.api_key_id = key.api_key_id
  RETURNING * INTO key;
  IF scopes IS NOT NULL THEN
    PERFORM tenancy.set_scopes(key, scopes);
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy.update_api_key(uuid, text, jsonb, timestamptz) IS 'Changes a key''s name, scopes and expiry (infinity: never), each where it is given; needs api_keys.edit, and the scopes that it gives or prolongs';

CREATE FUNCTION tenancy.rotate_api_key(api_key_id uuid, transition interval DEFAULT '30 minutes') RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  key tenancy.api_keys := tenancy.lock_api_key(api_key_id);
  new_secret text;
BEGIN
  PERFORM tenancy.require_key_right(key, 'rotate', tenancy.scopes_of_key(key));
  IF transition IS NULL OR (transition <> '0' AND transition < '30 minutes') THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'transition must be at least 30 minutes, or 0',
      DETAIL = 'With 0 the old secret is refused at once.';
  END IF;
  IF key.revoked_at IS NOT NULL OR key.expires_at <= now() THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = 'API key is revoked or has expired',
      HINT = 'Create another key.';
  END IF;
  DELETE FROM tenancy.api_key_secrets s
  WHERE s.api_key_id = key.api_key_id AND NOT s.is_current AND s.valid_until <= now();
  IF EXISTS (SELECT FROM tenancy.api_key_secrets s WHERE s.api_key_id = key.api_key_id AND NOT s.is_current) THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = 'API key is in transition from a rotation',
      HINT = 'Wait until it ends, or end it by tenancy.end_api_key_transition().';
  END IF;
  IF transition = '0' THEN
    DELETE FROM tenancy.api_key_secrets s WHERE s.api_key_id = key.api_key_id;
  ELSE
    UPDATE tenancy.api_key_secrets s SET is_current = false, valid_until = now() + transition
    WHERE s.api_key_id = key.api_key_id;
  END IF;
  new_secret := tenancy.generate_api_key();
  INSERT INTO tenancy.api_key_secrets (secret_hash, api_key_id)
  VALUES (sha256(convert_to(new_secret, 'UTF8')), key.api_key_id);
  UPDATE tenancy.api_keys k SET display_prefix = tenancy.api_key_display_prefix(new_secret)
  WHERE k.api_key_id = key.api_key_id;
  RETURN new_secret;
END
$$;
COMMENT ON FUNCTION tenancy.rotate_api_key(uuid, interval) IS 'Gives a key a new secret, returned this once; the old one stays valid for the transition (at least 30 minutes), or with 0 is refused at once; needs api_keys.rotate and the key''s scopes; 55000 while a rotation is in transition';

CREATE FUNCTION tenancy.end_api_key_transition(api_key_id uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  key tenancy.api_keys := tenancy.lock_api_key(api_key_id);
BEGIN
  PERFORM tenancy.require_key_right(key, 'rotate', '{}');
  DELETE FROM tenancy.api_key_secrets s WHERE s.api_key_id = key.api_key_id AND NOT s.is_current;
END
$$;
COMMENT ON FUNCTION tenancy.end_api_key_transition(uuid) IS 'Refuses the secret that a rotation replaced from now on; needs api_keys.rotate';

CREATE FUNCTION tenancy.revoke_api_key(api_key_id uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  key tenancy.api_keys := tenancy.lock_api_key(api_key_id);
BEGIN
  PERFORM tenancy.require_key_right(key, 'delete', '{}');
  UPDATE tenancy.api_keys k SET revoked_at = now() WHERE k.api_key_id = key.api_key_id AND k.revoked_at IS NULL;
END
$$;
COMMENT ON FUNCTION tenancy.revoke_api_key(uuid) IS 'Refuses an API key from now on, for good; needs api_keys.delete; 42704 when there is none';

CREATE FUNCTION tenancy.delete_api_key(api_key_id uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  key tenancy.api_keys := tenancy.lock_api_key(api_key_id);
BEGIN
  PERFORM tenancy.require_key_right(key, 'delete', '{}');
  DELETE FROM tenancy.api_key_secrets s WHERE s.api_key_id = key.api_key_id;
  DELETE FROM tenancy.api_key_scopes s WHERE s.api_key_id = key.api_key_id;
  UPDATE tenancy.api_keys k
  SET deleted_at = now(), revoked_at = coalesce(k.revoked_at, now()), display_prefix = NULL, all_scopes = false
  WHERE k.api_key_id = key.api_key_id;
END
$$;
COMMENT ON FUNCTION tenancy.delete_api_key(uuid) IS 'Deletes an API key but for a tombstone without secret and scopes, so that rows it wrote stay its user''s own; needs api_keys.delete; 42704 when there is none';
-- Tokens: the keys they are signed by.

CREATE FUNCTION tenancy.current_token_subject() RETURNS text
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_tenancy_current_token_subject';
COMMENT ON FUNCTION tenancy.current_token_subject() IS 'Whom the session''s token is about by its claim sub, or NULL; decides nothing';

CREATE FUNCTION tenancy.check_jwk(jwk jsonb) RETURNS text
LANGUAGE c IMMUTABLE STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_check_jwk';
COMMENT ON FUNCTION tenancy.check_jwk(jsonb) IS 'Algorithm (RS256, ES256, EdDSA) of the signatures of a JSON Web Key; 22023 for one that can''t be used: private, symmetric, too short, of another curve or use, or not the numbers of a key';
REVOKE ALL ON FUNCTION tenancy.check_jwk(jsonb) FROM PUBLIC;

CREATE FUNCTION tenancy.check_jwt_key() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF tenancy.check_jwk(NEW.jwk) IS DISTINCT FROM NEW.alg THEN
    RAISE EXCEPTION USING ERRCODE = 'check_violation', SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
      MESSAGE = format('algorithm of key "%s" is not the one of its type', NEW.kid);
  END IF;
  RETURN NEW;
END
$$;
COMMENT ON FUNCTION tenancy.check_jwt_key() IS 'Trigger: every configured key is one that can be used';
REVOKE ALL ON FUNCTION tenancy.check_jwt_key() FROM PUBLIC;
CREATE TRIGGER check_key BEFORE INSERT OR UPDATE ON tenancy.jwt_keys
  FOR EACH ROW EXECUTE FUNCTION tenancy.check_jwt_key();

CREATE FUNCTION tenancy.set_jwks(organization text, jwks jsonb, issuer text DEFAULT NULL, audience text DEFAULT NULL)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  the_organization uuid := tenancy.own_organization(organization);
  given jsonb := CASE WHEN jwks IS NULL OR jwks IN ('null', '{}', '[]') THEN '[]'
                      WHEN jsonb_typeof(jwks) = 'object' AND jwks ? 'keys' THEN jwks -> 'keys'
                      WHEN jsonb_typeof(jwks) = 'object' THEN jsonb_build_array(jwks) END;
  key jsonb;
  the_kid text;
  kids text[] := '{}';
  algorithms text[] := '{}';
  keys jsonb[] := '{}';
BEGIN
  -- A token can have any scope in any workspace.
  PERFORM tenancy.require_right(the_organization, NULL, 'organization', 'update');
  PERFORM tenancy.require_held_role(the_organization, NULL, tenancy.find_role(NULL, 'organization', 'admin'));
  IF jsonb_typeof(given) IS DISTINCT FROM 'array' THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'keys must be given as a JSON Web Key Set or as one JSON Web Key',
      HINT = 'For example {"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "2024", "x": "…"}]}.';
  END IF;
  IF jsonb_array_length(given) > 64 THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'an organization cannot have more than 64 keys';
  END IF;
  IF issuer = '' OR audience = '' THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'issuer and audience cannot be empty',
      HINT = 'Use NULL to accept tokens of any.';
  END IF;
  FOR key IN SELECT jsonb_array_elements(given) LOOP
    -- Its length, too: no other message would say which key is meant.
    the_kid := CASE WHEN jsonb_typeof(key) = 'object' AND jsonb_typeof(key -> 'kid') = 'string' THEN key ->> 'kid' END;
    IF the_kid IS NULL OR length(the_kid) NOT BETWEEN 1 AND 255 THEN
      RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'a key needs a name of 1 to 255 characters',
        DETAIL = 'The name is its member "kid".';
    ELSIF the_kid = ANY (kids) THEN
      RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('key "%s" is given twice', the_kid);
    END IF;
    kids := kids || the_kid;
    algorithms := algorithms || tenancy.check_jwk(key);
    keys := keys || (SELECT jsonb_object_agg(name, value) FROM jsonb_each(key) member (name, value)
                     WHERE name IN ('kty', 'n', 'e', 'crv', 'x', 'y'));
  END LOOP;

  -- Whoever sets them at the same time waits here. Keys that stay are not touched: adding one disturbs nobody.
  PERFORM FROM tenancy.organizations o WHERE o.organization_id = the_organization FOR NO KEY UPDATE;
  DELETE FROM tenancy.jwt_keys k
  WHERE k.organization_id = the_organization
    AND NOT EXISTS (SELECT FROM unnest(kids, keys) n (kid, jwk) WHERE n.kid = k.kid AND n.jwk = k.jwk);
  INSERT INTO tenancy.jwt_keys (organization_id, kid, alg, jwk)
  SELECT the_organization, n.kid, n.alg, n.jwk FROM unnest(kids, algorithms, keys) n (kid, alg, jwk)
  ON CONFLICT DO NOTHING;

  DELETE FROM tenancy.jwt_issuers i
  WHERE i.organization_id = the_organization
    AND (i.issuer, i.audience) IS DISTINCT FROM (set_jwks.issuer, set_jwks.audience);
  IF issuer IS NOT NULL OR audience IS NOT NULL THEN
    INSERT INTO tenancy.jwt_issuers (organization_id, issuer, audience)
    VALUES (the_organization, set_jwks.issuer, set_jwks.audience)
    ON CONFLICT DO NOTHING;
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy.set_jwks(text, jsonb, text, text) IS 'Replaces the keys that tokens of an organization (NULL: the session''s own) are signed by, with those of a JSON Web Key Set or one JSON Web Key (NULL or empty: none), and what tokens must say of their issuer and audience (NULL: anything); 22023 for a key that can''t be used';
-- The audit log: entries, the chain that each organization's entries form, and what keeps them as they are. What writes entries
-- about the catalogs is in 71_audit_catalogs.sql, checking and purging in 72_audit_chain.sql; see docs/design/audit.md.

CREATE TABLE tenancy.audit_log (
  audit_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL,
  organization_id uuid,
  workspace_id uuid,
  actor_kind text COLLATE "C" NOT NULL,
  actor_id uuid,
  actor text COLLATE "C" NOT NULL,
  login name NOT NULL,
  client_address inet,
  action text COLLATE "C" NOT NULL,
  resource_type text COLLATE "C" NOT NULL,
  resource_id text COLLATE "C",
  before jsonb,
  after jsonb,
  previous_hash bytea,
  entry_hash bytea NOT NULL
);
-- The actor and the resource of entries outlive what they name, so nothing here is a foreign key.
CREATE INDEX audit_log_chain_idx ON tenancy.audit_log (organization_id, audit_id);
CREATE INDEX audit_log_organization_idx ON tenancy.audit_log (organization_id, at);
CREATE INDEX audit_log_actor_id_idx ON tenancy.audit_log (actor_id, at) WHERE actor_id IS NOT NULL;
CREATE INDEX audit_log_actor_idx ON tenancy.audit_log (actor, at);
CREATE INDEX audit_log_action_idx ON tenancy.audit_log (action, at);
CREATE INDEX audit_log_resource_idx ON tenancy.audit_log (resource_type, resource_id, at);
COMMENT ON TABLE tenancy.audit_log IS 'Who changed what, when, from where; entries are only ever added, and removed by purge_audit_log() alone';
COMMENT ON COLUMN tenancy.audit_log.audit_id IS 'Id of the entry; grows along an organization''s chain';
COMMENT ON COLUMN tenancy.audit_log.at IS 'When the entry was written';
COMMENT ON COLUMN tenancy.audit_log.organization_id IS 'Organization that the change concerns; NULL for what belongs to none (users, permissions, protected tables …)';
COMMENT ON COLUMN tenancy.audit_log.workspace_id IS 'Workspace that the change concerns, if one';
COMMENT ON COLUMN tenancy.audit_log.actor_kind IS 'Kind of the session''s principal, as whoami() has it; login for a session without one';
COMMENT ON COLUMN tenancy.audit_log.actor_id IS 'Id of the API key, or else of the user, that acted';
COMMENT ON COLUMN tenancy.audit_log.actor IS 'Who acted, for people to read: e-mail address, key, subject of the token, or login';
COMMENT ON COLUMN tenancy.audit_log.login IS 'PostgreSQL login of the session';
COMMENT ON COLUMN tenancy.audit_log.client_address IS 'Address of the client; NULL for a local socket';
COMMENT ON COLUMN tenancy.audit_log.action IS 'What was done: create, update, delete, rotate, revoke …';
COMMENT ON COLUMN tenancy.audit_log.resource_type IS 'Kind of what was changed: organization, workspace, user, api_key …';
COMMENT ON COLUMN tenancy.audit_log.resource_id IS 'Id of what was changed, among those of its kind in the organization';
COMMENT ON COLUMN tenancy.audit_log.before IS 'The row before, without secrets';
COMMENT ON COLUMN tenancy.audit_log.after IS 'The row after, without secrets';
COMMENT ON COLUMN tenancy.audit_log.previous_hash IS 'Hash of the organization''s entry before this one; NULL without an organization';
COMMENT ON COLUMN tenancy.audit_log.entry_hash IS 'SHA-256 of the previous hash and all other columns';

CREATE TABLE tenancy.audit_heads (
  organization_id uuid PRIMARY KEY,
  audit_id bigint NOT NULL DEFAULT 0,
  entry_hash bytea NOT NULL DEFAULT pg_catalog.decode(pg_catalog.repeat('00', 32), 'hex'),
  anchor_audit_id bigint NOT NULL DEFAULT 0,
  anchor_hash bytea NOT NULL DEFAULT pg_catalog.decode(pg_catalog.repeat('00', 32), 'hex')
);
COMMENT ON TABLE tenancy.audit_heads IS 'Both ends of each organization''s chain of audit entries; writers of one organization wait here for each other';
COMMENT ON COLUMN tenancy.audit_heads.organization_id IS 'The organization, also one that is gone';
COMMENT ON COLUMN tenancy.audit_heads.audit_id IS 'The last entry';
COMMENT ON COLUMN tenancy.audit_heads.entry_hash IS 'Hash of the last entry';
COMMENT ON COLUMN tenancy.audit_heads.anchor_audit_id IS 'The last entry that was purged; 0 for none';
COMMENT ON COLUMN tenancy.audit_heads.anchor_hash IS 'Hash of the last entry that was purged, which the first one kept refers to';

GRANT SELECT ON tenancy.audit_log TO PUBLIC;
ALTER TABLE tenancy.audit_log ENABLE ROW LEVEL SECURITY;
CREATE POLICY dba ON tenancy.audit_log USING ((SELECT tenancy.is_dba()));
COMMENT ON POLICY dba ON tenancy.audit_log IS 'A DBA reads everything; what a DBA adds is sealed, and nothing else can be done to entries';
CREATE POLICY principal ON tenancy.audit_log FOR SELECT
  USING (organization_id = (SELECT tenancy.current_organization_id()) AND (SELECT tenancy.authorize('audit_logs', 'list')));
COMMENT ON POLICY principal ON tenancy.audit_log IS 'Own organization only, for who holds audit_logs.list';

-- The state that pg_dump and pg_restore put a session in, which goes on to load the log itself, together with what it is about.
-- Only believed of who could switch triggers off anyway; never true inside a function of ours, since these pin search_path.
CREATE FUNCTION tenancy.is_restore() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
RETURN pg_catalog.current_setting('check_function_bodies') OPERATOR(pg_catalog.=) 'off'
   AND pg_catalog.current_setting('search_path') OPERATOR(pg_catalog.=) ''
   AND pg_catalog.has_parameter_privilege(session_user, 'session_replication_role', 'SET');
COMMENT ON FUNCTION tenancy.is_restore() IS 'Whether the session restores a dump, as somebody who may switch triggers off; rows are then loaded without new audit entries';

-- The result must be the same wherever and whenever it is computed: no setting of the session may matter, hence UTC.
CREATE FUNCTION tenancy.audit_entry_hash(entry tenancy.audit_log) RETURNS bytea LANGUAGE sql STABLE PARALLEL SAFE
RETURN pg_catalog.sha256(pg_catalog.byteacat(COALESCE((entry).previous_hash, ''), pg_catalog.convert_to(
  pg_catalog.jsonb_build_array(
    (entry).audit_id, pg_catalog.timezone('UTC', (entry).at), (entry).organization_id, (entry).workspace_id,
    (entry).actor_kind, (entry).actor_id, (entry).actor, (entry).login, (entry).client_address,
    (entry).action, (entry).resource_type, (entry).resource_id, (entry).before, (entry).after)::text, 'UTF8')));
COMMENT ON FUNCTION tenancy.audit_entry_hash(tenancy.audit_log) IS 'The hash that an entry must have: SHA-256 of the previous hash and the entry''s columns as a JSON array';
REVOKE ALL ON FUNCTION tenancy.audit_entry_hash(tenancy.audit_log) FROM PUBLIC;

CREATE FUNCTION tenancy.audit_actor(OUT kind text, OUT id uuid, OUT name text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  me record;
BEGIN
  -- A credential that doesn't hold must not stop a DBA's work; nor does it hide who was at it, since the login is recorded.
  BEGIN
    SELECT * INTO me FROM tenancy.whoami();
  EXCEPTION WHEN OTHERS THEN
    kind := 'login';
    name := concat_ws(', ', session_user, left('refused as user ' || nullif(current_setting('tenancy.user', true), ''), 100),
                      'refused with API key ' || nullif(current_setting('tenancy.api_key', true), ''),
                      CASE WHEN current_setting('tenancy.jwt', true) <> '' THEN 'refused with JWT' END);
    RETURN;
  END;
  IF me.kind = 'anonymous' THEN
    kind := 'login';
    name := session_user;
    RETURN;
  END IF;
  kind := me.kind;
  id := coalesce(me.api_key_id, me.user_id);
  IF me.api_key_id IS NOT NULL THEN
    SELECT concat_ws(', ', me.email, format('API key "%s"', k.name), k.display_prefix) INTO name
    FROM tenancy.api_keys k WHERE k.api_key_id = me.api_key_id;
  ELSIF me.kind = 'jwt' THEN
    name := tenancy.current_token_subject();
  END IF;
  name := coalesce(name, me.email, concat_ws('/', me.kind, me.organization, me.workspace));
END
$$;
COMMENT ON FUNCTION tenancy.audit_actor() IS 'Whom audit entries name: the session''s principal, or the login where there is none or its credential doesn''t hold';
REVOKE ALL ON FUNCTION tenancy.audit_actor() FROM PUBLIC;

-- Whoever adds an entry says what happened; who did it, when, and how it is chained is filled in here.
CREATE FUNCTION tenancy.seal_audit_entry() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp
SET enable_seqscan = off SET enable_sort = off SET enable_incremental_sort = off AS $$
DECLARE
  head tenancy.audit_heads;
  last_hash bytea;
BEGIN
  SELECT a.kind, a.id, a.name INTO NEW.actor_kind, NEW.actor_id, NEW.actor FROM tenancy.audit_actor() a;
  NEW.login := session_user;
  NEW.client_address := inet_client_addr();
  NEW.previous_hash := NULL;
  IF NEW.organization_id IS NOT NULL THEN
    SELECT * INTO head FROM tenancy.audit_heads h WHERE h.organization_id = NEW.organization_id FOR NO KEY UPDATE;
    IF NOT FOUND THEN
      INSERT INTO tenancy.audit_heads (organization_id) VALUES (NEW.organization_id) ON CONFLICT DO NOTHING;
      SELECT * INTO head FROM tenancy.audit_heads h WHERE h.organization_id = NEW.organization_id FOR NO KEY UPDATE;
    END IF;
    -- The head moves at commit (see below): what lies beyond it is this transaction's.
    SELECT l.entry_hash INTO last_hash FROM tenancy.audit_log l
    WHERE (l.organization_id, l.audit_id) > (head.organization_id, head.audit_id)
      AND (l.organization_id, l.audit_id) <= (head.organization_id, 9223372036854775807)
    ORDER BY l.organization_id DESC, l.audit_id DESC LIMIT 1;
    NEW.previous_hash := coalesce(last_hash, head.entry_hash);
  END IF;
  -- Now that nobody else is at the chain: ids and times follow it.
  NEW.audit_id := nextval('tenancy.audit_log_audit_id_seq');
  NEW.at := clock_timestamp();
  NEW.entry_hash := tenancy.audit_entry_hash(NEW);
  RETURN NEW;
END
$$;
COMMENT ON FUNCTION tenancy.seal_audit_entry() IS 'Trigger: fills in who, when and from where, and appends the entry to its organization''s chain';
REVOKE ALL ON FUNCTION tenancy.seal_audit_entry() FROM PUBLIC;
-- is_restore() spelled out, here and below: its call would be expanded anew for each entry.
CREATE TRIGGER seal BEFORE INSERT ON tenancy.audit_log FOR EACH ROW
  WHEN (NOT (pg_catalog.current_setting('check_function_bodies') = 'off' AND pg_catalog.current_setting('search_path') = '' AND
             pg_catalog.has_parameter_privilege(session_user, 'session_replication_role', 'SET')))
  EXECUTE FUNCTION tenancy.seal_audit_entry();

-- Once per transaction rather than once per entry: a row that one transaction updates over and over gets slower and slower.
CREATE FUNCTION tenancy.advance_audit_head() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp
SET enable_seqscan = off SET enable_sort = off SET enable_incremental_sort = off AS $$
BEGIN
  IF NEW.audit_id = (SELECT l.audit_id FROM tenancy.audit_log l
                     WHERE (l.organization_id, l.audit_id) >= (NEW.organization_id, NEW.audit_id)
                       AND (l.organization_id, l.audit_id) <= (NEW.organization_id, 9223372036854775807)
                     ORDER BY l.organization_id DESC, l.audit_id DESC LIMIT 1) THEN
    UPDATE tenancy.audit_heads h SET audit_id = NEW.audit_id, entry_hash = NEW.entry_hash
    WHERE h.organization_id = NEW.organization_id;
  END IF;
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION tenancy.advance_audit_head() IS 'Trigger: at commit, the transaction''s last entry of an organization becomes the head of its chain';
REVOKE ALL ON FUNCTION tenancy.advance_audit_head() FROM PUBLIC;
CREATE CONSTRAINT TRIGGER audit_head AFTER INSERT ON tenancy.audit_log DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.organization_id IS NOT NULL AND
    NOT (pg_catalog.current_setting('check_function_bodies') = 'off' AND pg_catalog.current_setting('search_path') = '' AND
         pg_catalog.has_parameter_privilege(session_user, 'session_replication_role', 'SET')))
  EXECUTE FUNCTION tenancy.advance_audit_head();

CREATE FUNCTION tenancy.add_audit_entry(
  action text, resource_type text, resource_id text DEFAULT NULL, organization_id uuid DEFAULT NULL,
  workspace_id uuid DEFAULT NULL, before jsonb DEFAULT NULL, after jsonb DEFAULT NULL)
RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
  INSERT INTO tenancy.audit_log (audit_id, action, resource_type, resource_id, organization_id, workspace_id, before, after)
  OVERRIDING SYSTEM VALUE
  VALUES (NULL, add_audit_entry.action, add_audit_entry.resource_type, add_audit_entry.resource_id,
          add_audit_entry.organization_id, add_audit_entry.workspace_id, add_audit_entry.before, add_audit_entry.after)
$$;
COMMENT ON FUNCTION tenancy.add_audit_entry(text, text, text, uuid, uuid, jsonb, jsonb) IS 'Adds an entry about the session''s doing; for functions whose work leaves no trace in a catalog';
REVOKE ALL ON FUNCTION tenancy.add_audit_entry(text, text, text, uuid, uuid, jsonb, jsonb) FROM PUBLIC;

-- Guards decide by what the log says and not by who asks: what removes entries is a purge entry that covers them.

CREATE FUNCTION tenancy.guard_audit_log() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp
SET enable_seqscan = off AS $$
BEGIN
  IF TG_OP = 'DELETE' AND EXISTS (
    SELECT FROM tenancy.audit_log p
    WHERE p.resource_type = 'audit_log' AND p.resource_id = coalesce(OLD.organization_id::text, 'none') AND p.action = 'purge'
      AND p.organization_id IS NOT DISTINCT FROM OLD.organization_id
      AND p.audit_id > OLD.audit_id AND p.after -> 'last_audit_id' >= to_jsonb(OLD.audit_id)) THEN
    RETURN OLD;
  END IF;
  RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
    MESSAGE = CASE TG_OP WHEN 'UPDATE' THEN 'audit entries cannot be changed' ELSE 'audit entries cannot be removed' END,
    HINT = 'Use tenancy.purge_audit_log() to remove entries that are old enough.';
END
$$;
COMMENT ON FUNCTION tenancy.guard_audit_log() IS 'Trigger: audit entries stay as they are, and go only when a purge entry covers them; else 55000';
REVOKE ALL ON FUNCTION tenancy.guard_audit_log() FROM PUBLIC;
CREATE TRIGGER guard BEFORE UPDATE OR DELETE ON tenancy.audit_log
  FOR EACH ROW EXECUTE FUNCTION tenancy.guard_audit_log();
CREATE TRIGGER guard_truncate BEFORE TRUNCATE ON tenancy.audit_log
  FOR EACH STATEMENT EXECUTE FUNCTION tenancy.guard_audit_log();
ALTER TABLE tenancy.audit_log ENABLE ALWAYS TRIGGER guard, ENABLE ALWAYS TRIGGER guard_truncate;

CREATE FUNCTION tenancy.guard_audit_heads() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp
SET enable_seqscan = off AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND NEW.organization_id = OLD.organization_id THEN
    IF (NEW.anchor_audit_id, NEW.anchor_hash) = (OLD.anchor_audit_id, OLD.anchor_hash) AND NEW.audit_id > OLD.audit_id AND EXISTS (
      SELECT FROM tenancy.audit_log l
      WHERE l.organization_id = NEW.organization_id AND l.audit_id = NEW.audit_id AND l.entry_hash = NEW.entry_hash) THEN
      RETURN NEW;
    END IF;
    IF (NEW.audit_id, NEW.entry_hash) = (OLD.audit_id, OLD.entry_hash) AND NEW.anchor_audit_id > OLD.anchor_audit_id AND EXISTS (
      SELECT FROM tenancy.audit_log p
      WHERE p.resource_type = 'audit_log' AND p.resource_id = NEW.organization_id::text AND p.action = 'purge'
        AND p.organization_id = NEW.organization_id AND p.after -> 'last_audit_id' = to_jsonb(NEW.anchor_audit_id)
        AND p.after ->> 'last_entry_hash' = encode(NEW.anchor_hash, 'hex')) THEN
      RETURN NEW;
    END IF;
  END IF;
  RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
    MESSAGE = 'ends of the chains of audit entries cannot be changed or removed',
    HINT = 'They follow the entries; use tenancy.purge_audit_log() to remove entries that are old enough.';
END
$$;
COMMENT ON FUNCTION tenancy.guard_audit_heads() IS 'Trigger: a chain''s head moves to a later entry, its anchor to where a purge entry says, and nothing else happens to them; else 55000';
REVOKE ALL ON FUNCTION tenancy.guard_audit_heads() FROM PUBLIC;
CREATE TRIGGER guard BEFORE UPDATE OR DELETE ON tenancy.audit_heads
  FOR EACH ROW EXECUTE FUNCTION tenancy.guard_audit_heads();
CREATE TRIGGER guard_truncate BEFORE TRUNCATE ON tenancy.audit_heads
  FOR EACH STATEMENT EXECUTE FUNCTION tenancy.guard_audit_heads();
ALTER TABLE tenancy.audit_heads ENABLE ALWAYS TRIGGER guard, ENABLE ALWAYS TRIGGER guard_truncate;

SELECT pg_catalog.pg_extension_config_dump('tenancy.audit_log', '');
SELECT pg_catalog.pg_extension_config_dump('tenancy.audit_log_audit_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('tenancy.audit_heads', '');
-- What becomes of the catalogs is written into the audit log, whichever way it comes about.

CREATE FUNCTION tenancy.audit_action(relation name, operation text, old_row jsonb, new_row jsonb) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp
SET enable_seqscan = off AS $$
BEGIN
  IF relation = 'api_keys' AND operation = 'UPDATE' THEN
    IF old_row ->> 'deleted_at' IS NULL AND new_row ->> 'deleted_at' IS NOT NULL THEN
      RETURN 'delete';
    ELSIF old_row ->> 'revoked_at' IS NULL AND new_row ->> 'revoked_at' IS NOT NULL THEN
      RETURN 'revoke';
    END IF;
  ELSIF relation = 'api_key_secrets' THEN
    IF operation = 'DELETE' THEN
      RETURN 'remove_secret';
    ELSIF operation = 'UPDATE' THEN
      -- A secret put in another's place shows as no difference: hashes are left out.
      RETURN CASE WHEN old_row = new_row AND (new_row ->> 'is_current')::boolean THEN 'rotate' ELSE 'update_secret' END;
    ELSIF (new_row ->> 'is_current')::boolean AND (
      EXISTS (SELECT FROM tenancy.api_key_secrets s
              WHERE s.api_key_id = (new_row ->> 'api_key_id')::uuid AND NOT s.is_current) OR
      EXISTS (SELECT FROM tenancy.audit_log l
              WHERE l.resource_type = 'api_key' AND l.resource_id = new_row ->> 'api_key_id'
                AND (l.action = 'rotate' OR l.action LIKE '%\_secret'))) THEN
      RETURN 'rotate';
    END IF;
    RETURN 'add_secret';
  END IF;
  RETURN CASE operation WHEN 'INSERT' THEN 'create' WHEN 'DELETE' THEN 'delete' ELSE 'update' END;
END
$$;
COMMENT ON FUNCTION tenancy.audit_action(name, text, jsonb, jsonb) IS 'What a change of a catalog''s row means: create, update, delete; of a key and its secrets also revoke, rotate, add_secret, update_secret, remove_secret';
REVOKE ALL ON FUNCTION tenancy.audit_action(name, text, jsonb, jsonb) FROM PUBLIC;

CREATE FUNCTION tenancy.name_of_dropped(relation oid) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  RETURN (SELECT d.object_identity FROM pg_event_trigger_dropped_objects() d
          WHERE d.classid = 'pg_class'::regclass AND d.objid = relation AND d.objsubid = 0);
EXCEPTION WHEN event_trigger_protocol_violated THEN
  RETURN NULL;  -- gone for longer
END
$$;
COMMENT ON FUNCTION tenancy.name_of_dropped(oid) IS 'Name of a table that is just being dropped, or NULL';
REVOKE ALL ON FUNCTION tenancy.name_of_dropped(oid) FROM PUBLIC;

CREATE FUNCTION tenancy.audit_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp
SET enable_seqscan = off AS $$
DECLARE
  old_row jsonb;
  new_row jsonb;
  version jsonb;
  action text;
  moved boolean;
  the_organization uuid;
  the_workspace uuid;
  the_resource text;
BEGIN
  IF TG_OP <> 'INSERT' THEN
    old_row := to_jsonb(OLD) - 'secret_hash';
  END IF;
  IF TG_OP <> 'DELETE' THEN
    new_row := to_jsonb(NEW) - 'secret_hash';
  END IF;
  -- One organization must not read of another: a row that becomes another's is deleted here and created there.
  moved := TG_OP = 'UPDATE' AND (old_row -> 'organization_id', old_row -> TG_ARGV[1], old_row -> TG_ARGV[2])
    IS DISTINCT FROM (new_row -> 'organization_id', new_row -> TG_ARGV[1], new_row -> TG_ARGV[2]);
  action := CASE WHEN NOT moved THEN tenancy.audit_action(TG_TABLE_NAME, TG_OP, old_row, new_row) END;

  FOREACH version IN ARRAY CASE WHEN moved THEN ARRAY[old_row, new_row] ELSE ARRAY[coalesce(new_row, old_row)] END LOOP
    the_organization := (version ->> 'organization_id')::uuid;
    the_workspace := (version ->> 'workspace_id')::uuid;
    the_resource := concat_ws('.', version ->> TG_ARGV[1], version ->> TG_ARGV[2]);
    IF TG_TABLE_NAME IN ('api_key_scopes', 'api_key_secrets') THEN
      SELECT k.organization_id, k.workspace_id INTO the_organization, the_workspace
      FROM tenancy.api_keys k WHERE k.api_key_id = (version ->> 'api_key_id')::uuid;
      IF NOT FOUND THEN
        -- They go with their key, whose own entry comes first.
        SELECT l.organization_id, l.workspace_id INTO the_organization, the_workspace FROM tenancy.audit_log l
        WHERE l.resource_type = 'api_key' AND l.resource_id = version ->> 'api_key_id' ORDER BY l.at DESC LIMIT 1;
      END IF;
    ELSIF TG_TABLE_NAME = 'protected_tables' AND the_resource ~ '^[0-9]+$' THEN
      the_resource := coalesce(tenancy.name_of_dropped(the_resource::oid), the_resource);
    END IF;
    INSERT INTO tenancy.audit_log (audit_id, organization_id, workspace_id, action, resource_type, resource_id, before, after)
    OVERRIDING SYSTEM VALUE
    VALUES (NULL, the_organization, the_workspace, CASE WHEN NOT moved THEN action WHEN version = old_row THEN 'delete' ELSE 'create' END,
            TG_ARGV[0], the_resource, CASE WHEN NOT moved OR version = old_row THEN old_row END,
            CASE WHEN NOT moved OR version = new_row THEN new_row END);
  END LOOP;
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION tenancy.audit_change() IS 'Trigger: writes the change of a catalog''s row into the audit log; arguments: resource type, and the one or two columns of its id';
REVOKE ALL ON FUNCTION tenancy.audit_change() FROM PUBLIC;

CREATE FUNCTION tenancy.audit_truncate() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  place text := CASE
    WHEN TG_TABLE_NAME IN ('api_key_scopes', 'api_key_secrets') THEN
      '(SELECT k.organization_id FROM tenancy.api_keys k WHERE k.api_key_id = t.api_key_id)'
    WHEN EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = TG_RELID AND a.attname = 'organization_id' AND NOT a.attisdropped)
      THEN 't.organization_id' ELSE 'NULL::uuid' END;
BEGIN
  -- Each organization reads of its own rows; the sum is on record even when there were none. The order prevents deadlocks.
  EXECUTE format($query$
    WITH gone AS (SELECT %s AS organization_id FROM tenancy.%I t)
    INSERT INTO tenancy.audit_log (audit_id, organization_id, action, resource_type, before)
    OVERRIDING SYSTEM VALUE
    SELECT NULL, g.organization_id, 'truncate', $1, jsonb_build_object('rows', g.removed)
    FROM (SELECT organization_id, count(*) AS removed FROM gone WHERE organization_id IS NOT NULL GROUP BY organization_id
          UNION ALL SELECT NULL, count(*) FROM gone) g
    ORDER BY g.organization_id
    $query$, place, TG_TABLE_NAME) USING TG_ARGV[0];
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION tenancy.audit_truncate() IS 'Trigger: writes the number of rows that TRUNCATE removes from a catalog into the audit log, per organization and in all';
REVOKE ALL ON FUNCTION tenancy.audit_truncate() FROM PUBLIC;

-- pg_restore -j loads the catalogs in any order and in several transactions, since an archive doesn't have the order of an
-- extension's tables; their foreign keys exist already, and would refuse it. What a dump has was checked when it came about.
CREATE FUNCTION tenancy.begin_restore() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  RAISE LOG 'rows of tenancy.% are restored by login "%" without audit entries of their own', TG_TABLE_NAME, session_user;
  PERFORM set_config('pg_tenancy.role_before_restore', current_setting('session_replication_role'), true),
          set_config('session_replication_role', 'replica', true);
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION tenancy.begin_restore() IS 'Trigger: lets a restore load a catalog in any order, and leaves a line in the server''s log, since the audit log doesn''t take the rows down';
REVOKE ALL ON FUNCTION tenancy.begin_restore() FROM PUBLIC;

CREATE FUNCTION tenancy.end_restore() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  -- Who runs the whole restore without triggers goes on so.
  IF current_setting('pg_tenancy.role_before_restore', true) <> '' THEN
    PERFORM set_config('session_replication_role', current_setting('pg_tenancy.role_before_restore'), true),
            set_config('pg_tenancy.role_before_restore', '', true);
  END IF;
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION tenancy.end_restore() IS 'Trigger: puts session_replication_role back after a restored catalog';
REVOKE ALL ON FUNCTION tenancy.end_restore() FROM PUBLIC;

DO $$
DECLARE
  audited record;
BEGIN
  FOR audited IN
    SELECT * FROM (VALUES
      ('organizations', 'organization', 'organization_id', NULL),
      ('workspaces', 'workspace', 'workspace_id', NULL),
      ('users', 'user', 'user_id', NULL),
      ('organization_members', 'organization_member', 'user_id', NULL),
      ('workspace_members', 'workspace_member', 'workspace_id', 'user_id'),
      ('roles', 'role', 'role_id', NULL),
      ('grants', 'grant', 'role_id', 'workspace_id'),
      ('visibility', 'visibility', 'role_id', 'workspace_id'),
      ('workspace_overrides', 'workspace_override', 'category', NULL),
      ('api_keys', 'api_key', 'api_key_id', NULL),
      ('api_key_secrets', 'api_key', 'api_key_id', NULL),
      ('api_key_scopes', 'api_key_scope', 'api_key_id', NULL),
      ('jwt_keys', 'jwt_key', 'kid', NULL),
      ('jwt_issuers', 'jwt_issuer', 'organization_id', NULL),
      ('login_bindings', 'login_binding', 'login', NULL),
      ('permissions', 'permission', 'resource', 'action'),
      ('protected_tables', 'protected_table', 'relation', NULL)) v (catalog, resource_type, id_column, second_column)
    WHERE to_regclass('tenancy.' || v.catalog) IS NOT NULL LOOP
    -- The names sort before those of foreign keys' triggers (RI_...): the entry of what takes others along precedes theirs, and the
    -- principal is looked up while it still is who it was.
    EXECUTE format('CREATE TRIGGER "0_audit_insert" AFTER INSERT ON tenancy.%I FOR EACH ROW
                    WHEN (NOT tenancy.is_restore()) EXECUTE FUNCTION tenancy.audit_change(%L, %L, %L)',
                   audited.catalog, audited.resource_type, audited.id_column, coalesce(audited.second_column, ''));
    EXECUTE format('CREATE TRIGGER "0_audit_update" AFTER UPDATE ON tenancy.%I FOR EACH ROW
                    WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION tenancy.audit_change(%L, %L, %L)',
                   audited.catalog, audited.resource_type, audited.id_column, coalesce(audited.second_column, ''));
    EXECUTE format('CREATE TRIGGER "0_audit_delete" AFTER DELETE ON tenancy.%I FOR EACH ROW
                    EXECUTE FUNCTION tenancy.audit_change(%L, %L, %L)',
                   audited.catalog, audited.resource_type, audited.id_column, coalesce(audited.second_column, ''));
    EXECUTE format('CREATE TRIGGER audit_truncate BEFORE TRUNCATE ON tenancy.%I FOR EACH STATEMENT
                    EXECUTE FUNCTION tenancy.audit_truncate(%L)', audited.catalog, audited.resource_type);
    EXECUTE format('CREATE TRIGGER begin_restore BEFORE INSERT ON tenancy.%I FOR EACH STATEMENT
                    WHEN (tenancy.is_restore()) EXECUTE FUNCTION tenancy.begin_restore()', audited.catalog);
    EXECUTE format('CREATE TRIGGER end_restore AFTER INSERT ON tenancy.%I FOR EACH STATEMENT
                    WHEN (tenancy.is_restore()) EXECUTE FUNCTION tenancy.end_restore()', audited.catalog);
    EXECUTE format('ALTER TABLE tenancy.%I ENABLE ALWAYS TRIGGER end_restore', audited.catalog);
  END LOOP;
END
$$;
-- Checking the chains of audit entries, and removing entries for good.

-- An organization that is gone still has its entries, under its id.
CREATE FUNCTION tenancy.audited_organization(reference text) RETURNS uuid
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  found_id uuid;
BEGIN
  IF tenancy.is_dba() THEN
    SELECT h.organization_id INTO found_id FROM tenancy.audit_heads h WHERE h.organization_id::text = lower(reference);
    RETURN coalesce(found_id, tenancy.find_organization(reference));
  END IF;
  RETURN tenancy.own_organization(reference);
END
$$;
COMMENT ON FUNCTION tenancy.audited_organization(text) IS 'Id of the organization that a reference names, for a DBA also of one that is gone (by its id); 42704 for none';
REVOKE ALL ON FUNCTION tenancy.audited_organization(text) FROM PUBLIC;

CREATE FUNCTION tenancy.verify_audit_log(organization text DEFAULT NULL)
RETURNS TABLE (audit_id bigint, problem text, organization_id uuid)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
#variable_conflict use_column
DECLARE
  the_organization uuid;
BEGIN
  IF NOT tenancy.is_dba() THEN
    PERFORM tenancy.require('audit_logs', 'list');
  END IF;
  IF organization IS NOT NULL OR NOT tenancy.is_dba() THEN
    the_organization := tenancy.audited_organization(verify_audit_log.organization);
  END IF;
  -- So that a transaction's own entries are not taken for a stranger's.
  SET CONSTRAINTS tenancy.audit_head IMMEDIATE;
  SET CONSTRAINTS tenancy.audit_head DEFERRED;
  -- One query, hence one snapshot: entries and heads of a transaction are seen together or not at all.
  RETURN QUERY
  WITH entries AS (
    SELECT l.audit_id, l.organization_id, l.previous_hash, l.entry_hash, tenancy.audit_entry_hash(l) AS right_hash,
           lag(l.entry_hash) OVER chain AS hash_before, lead(l.audit_id) OVER chain IS NULL AS is_last
    FROM tenancy.audit_log l
    WHERE the_organization IS NULL OR l.organization_id = the_organization
    WINDOW chain AS (PARTITION BY l.organization_id ORDER BY l.audit_id)
  ), heads AS (
    SELECT * FROM tenancy.audit_heads h WHERE the_organization IS NULL OR h.organization_id = the_organization
  )
  SELECT e.audit_id, v.problem, e.organization_id
  FROM entries e LEFT JOIN heads h ON h.organization_id = e.organization_id,
  LATERAL (VALUES
    (e.entry_hash <> e.right_hash, 'the entry was changed'),
    (e.organization_id IS NOT NULL AND h.organization_id IS NULL, 'the chain has no head'),
    (e.previous_hash IS DISTINCT FROM coalesce(e.hash_before, h.anchor_hash) AND h.organization_id IS NOT NULL,
     'the entry does not follow the one before it: entries were removed, added or moved'),
    (e.is_last AND e.audit_id < h.audit_id, 'entries after this one were removed'),
    (e.audit_id > h.audit_id, 'the entry was added behind the head'),
    (e.audit_id = h.audit_id AND e.entry_hash <> h.entry_hash, 'the entry is not the one that the head names')
  ) v (is_so, problem)
  WHERE v.is_so
  UNION ALL
  SELECT h.audit_id, 'all entries were removed', h.organization_id
  FROM heads h
  WHERE h.audit_id > 0 AND NOT EXISTS (SELECT FROM entries e WHERE e.organization_id = h.organization_id)
  ORDER BY 3 NULLS FIRST, 1, 2;
END
$$;
COMMENT ON FUNCTION tenancy.verify_audit_log(text) IS 'Where the chain of an organization (NULL: for a DBA of every one, else of the session''s own) is broken: entries changed, removed, added, moved; no rows when it is intact; 42501 without audit_logs.list';

CREATE FUNCTION tenancy.purge_audit_chain(organization_id uuid, until timestamptz) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
#variable_conflict use_column
DECLARE
  the_organization CONSTANT uuid := purge_audit_chain.organization_id;
  first_kept bigint;
  removed bigint;
  last_removed bigint;
  last_entry record;
BEGIN
  -- A head from before this transaction's entries would be none.
  SET CONSTRAINTS tenancy.audit_head IMMEDIATE;
  SET CONSTRAINTS tenancy.audit_head DEFERRED;
  PERFORM FROM tenancy.audit_heads h WHERE h.organization_id = the_organization FOR NO KEY UPDATE;
  -- What goes is the chain's beginning, whatever became of the clock.
  SELECT min(l.audit_id) INTO first_kept FROM tenancy.audit_log l
  WHERE (l.organization_id = the_organization OR (the_organization IS NULL AND l.organization_id IS NULL)) AND l.at >= until;
  SELECT count(*), max(l.audit_id) INTO removed, last_removed FROM tenancy.audit_log l
  WHERE (l.organization_id = the_organization OR (the_organization IS NULL AND l.organization_id IS NULL))
    AND (l.audit_id < first_kept OR first_kept IS NULL);
  IF removed = 0 THEN
    RETURN 0;
  END IF;
  SELECT l.audit_id, l.entry_hash INTO last_entry FROM tenancy.audit_log l WHERE l.audit_id = last_removed;

  PERFORM tenancy.add_audit_entry('purge', 'audit_log', coalesce(the_organization::text, 'none'), the_organization,
    after => jsonb_build_object('before', until, 'removed', removed, 'last_audit_id', last_entry.audit_id,
                                'last_entry_hash', encode(last_entry.entry_hash, 'hex')));
  UPDATE tenancy.audit_heads h SET anchor_audit_id = last_entry.audit_id, anchor_hash = last_entry.entry_hash
  WHERE h.organization_id = the_organization;
  DELETE FROM tenancy.audit_log l
  WHERE (l.organization_id = the_organization OR (the_organization IS NULL AND l.organization_id IS NULL))
    AND l.audit_id <= last_entry.audit_id;
  RETURN removed;
END
$$;
COMMENT ON FUNCTION tenancy.purge_audit_chain(uuid, timestamptz) IS 'Removes an organization''s entries (NULL: those without one) up to a time, which a new entry records; returns how many';
REVOKE ALL ON FUNCTION tenancy.purge_audit_chain(uuid, timestamptz) FROM PUBLIC;

CREATE FUNCTION tenancy.purge_audit_log(before timestamptz, organization text DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  chain uuid;
  removed bigint := 0;
BEGIN
  PERFORM tenancy.require_dba();
  IF before IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed', MESSAGE = 'a time must be given';
  END IF;
  IF organization IS NOT NULL THEN
    RETURN tenancy.purge_audit_chain(tenancy.audited_organization(organization), before);
  END IF;
  -- In one order, so that two that run at once wait for each other instead of deadlocking.
  FOR chain IN SELECT h.organization_id FROM tenancy.audit_heads h ORDER BY h.organization_id LOOP
    removed := removed + tenancy.purge_audit_chain(chain, before);
  END LOOP;
  RETURN removed + tenancy.purge_audit_chain(NULL, before);
END
$$;
COMMENT ON FUNCTION tenancy.purge_audit_log(timestamptz, text) IS 'For a DBA: removes audit entries from before a time, of an organization or (NULL) all, and returns how many; an entry in each chain says who did it, how many went, and the hash of the last';
-- What may be done, and by whom: the decisions of authorize(), as lists.

CREATE FUNCTION tenancy.permissions()
RETURNS TABLE (workspace_id uuid, workspace text, resource text, action text, rows text)
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'pg_tenancy_permissions';
COMMENT ON FUNCTION tenancy.permissions() IS 'All that the session may do: per workspace, and (workspace NULL) on the organization, each permission and whether it reaches all rows or only own ones';

CREATE FUNCTION tenancy.explain_authorize(resource text, action text, workspace text DEFAULT NULL)
RETURNS TABLE (step integer, rule text, source text, result text)
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'pg_tenancy_explain_authorize';
COMMENT ON FUNCTION tenancy.explain_authorize(text, text, text) IS 'Why the session may or may not do it: each role, grant, override, switch and scope that is looked at, and last the decision; 22023 when the permission isn''t registered, 42704 for an unknown workspace';

CREATE FUNCTION tenancy.principals_with(organization_id uuid, workspace_id uuid, resource text, action text)
RETURNS TABLE (principal_kind text, principal_id uuid, name text, rows text, via text)
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'pg_tenancy_who_can';
COMMENT ON FUNCTION tenancy.principals_with(uuid, uuid, text, text) IS 'Users and API keys of an organization that hold the permission in a workspace, or (NULL) anywhere';
REVOKE ALL ON FUNCTION tenancy.principals_with(uuid, uuid, text, text) FROM PUBLIC;

CREATE FUNCTION tenancy.who_can(resource text, action text, workspace text DEFAULT NULL)
RETURNS TABLE (principal_kind text, principal_id uuid, name text, rows text, via text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
#variable_conflict use_variable
DECLARE
  the_workspace tenancy.workspaces := tenancy.own_workspace(workspace);
  the_organization uuid := coalesce(the_workspace.organization_id, tenancy.own_organization(NULL));
BEGIN
  PERFORM tenancy.require_right(the_organization, the_workspace.workspace_id, 'team', 'list', true);
  RETURN QUERY SELECT p.* FROM tenancy.principals_with(the_organization, the_workspace.workspace_id, resource, action) p;
END
$$;
COMMENT ON FUNCTION tenancy.who_can(text, text, text) IS 'Users and API keys that hold the permission in a workspace, or (NULL) anywhere in the session''s organization, how many rows it reaches, and by which role or scope; needs team.list there; 22023 when the permission isn''t registered';

CREATE FUNCTION tenancy.role_matrix(organization_id uuid)
RETURNS TABLE (level text, role text, resource text, action text, allowed boolean, source text)
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'pg_tenancy_access_matrix';
COMMENT ON FUNCTION tenancy.role_matrix(uuid) IS 'The role matrix of an organization with its overrides';
REVOKE ALL ON FUNCTION tenancy.role_matrix(uuid) FROM PUBLIC;

CREATE FUNCTION tenancy.access_matrix(organization text DEFAULT NULL)
RETURNS TABLE (level text, role text, resource text, action text, allowed boolean, source text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  RETURN QUERY SELECT m.* FROM tenancy.role_matrix(tenancy.own_organization(organization)) m;
END
$$;
COMMENT ON FUNCTION tenancy.access_matrix(text) IS 'Which role may do what in an organization (NULL: the session''s own), and whether a built-in grant, a row of the organization or nothing says so; workspaces'' overrides aside';
-- Protecting tables: ordinary policies that call the row filter, and column defaults that fill in who writes.

CREATE FUNCTION tenancy.is_id_type(type oid, collation oid) RETURNS boolean
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_is_id_type';
COMMENT ON FUNCTION tenancy.is_id_type(oid, oid) IS 'Whether a column of the type and collation can name a tenant: uuid, smallint, integer, bigint, text, varchar, and domains over them, as long as only equal texts are equal';
REVOKE ALL ON FUNCTION tenancy.is_id_type(oid, oid) FROM PUBLIC;

CREATE FUNCTION tenancy.base_type(type oid) RETURNS oid
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_base_type';
COMMENT ON FUNCTION tenancy.base_type(oid) IS 'The type below a domain, or the type itself';
REVOKE ALL ON FUNCTION tenancy.base_type(oid) FROM PUBLIC;

CREATE FUNCTION tenancy.family_of(relation regclass) RETURNS SETOF regclass
LANGUAGE sql STABLE STRICT SET search_path = pg_catalog, tenancy, pg_temp AS $$
  WITH RECURSIVE family AS (
    SELECT relation::oid AS relid
    UNION
    SELECT i.inhrelid FROM pg_inherits i JOIN family f ON i.inhparent = f.relid
  )
  SELECT f.relid::regclass FROM family f JOIN pg_class c ON c.oid = f.relid WHERE c.relkind IN ('r', 'p')
$$;
COMMENT ON FUNCTION tenancy.family_of(regclass) IS 'A table with all its partitions and inheritance children';
REVOKE ALL ON FUNCTION tenancy.family_of(regclass) FROM PUBLIC;

CREATE FUNCTION tenancy.check_protectable(relation regclass) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  class pg_class;
  caller name := CASE current_setting('role') WHEN 'none' THEN session_user ELSE current_setting('role')::name END;
BEGIN
  SELECT * INTO class FROM pg_class c WHERE c.oid = relation;
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'undefined_table', MESSAGE = 'table does not exist';
  END IF;
  IF class.relkind NOT IN ('r', 'p') THEN
    RAISE EXCEPTION USING ERRCODE = 'wrong_object_type', MESSAGE = format('"%s" is not a table', class.relname),
      DETAIL = 'Row security works on ordinary and partitioned tables.',
      HINT = CASE class.relkind WHEN 'v' THEN 'Protect the tables below the view, and give it the option security_invoker.'
                                ELSE 'Protect the table that its rows come from.' END;
  END IF;
  IF class.relpersistence = 't' THEN
    RAISE EXCEPTION USING ERRCODE = 'wrong_object_type', MESSAGE = format('table "%s" is temporary', class.relname),
      DETAIL = 'A temporary table is its session''s own.';
  END IF;
  IF class.relnamespace IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace, 'tenancy'::regnamespace) THEN
    RAISE EXCEPTION USING ERRCODE = 'wrong_object_type', MESSAGE = format('table "%s" is a system table', class.relname);
  END IF;
  IF NOT pg_has_role(caller, class.relowner, 'USAGE') THEN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = format('must be owner of table %s', class.relname);
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy.check_protectable(regclass) IS 'Raises 42809 for what isn''t an ordinary or partitioned table of a user, 42501 unless the caller owns it';
REVOKE ALL ON FUNCTION tenancy.check_protectable(regclass) FROM PUBLIC;

CREATE FUNCTION tenancy.check_column(relation regclass, "column" name, is_id boolean) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  attribute pg_attribute;
  nearest text;
BEGIN
  IF "column" IS NULL AND is_id THEN
    RETURN;
  END IF;
  SELECT * INTO attribute FROM pg_attribute a
  WHERE a.attrelid = relation AND a.attname = "column" AND a.attnum > 0 AND NOT a.attisdropped;
  IF NOT FOUND THEN
    SELECT tenancy.nearest("column"::text, array_agg(a.attname::text)) INTO nearest FROM pg_attribute a
    WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped;
    RAISE EXCEPTION USING ERRCODE = 'undefined_column',
      MESSAGE = format('column "%s" of table %s does not exist', "column", relation),
      HINT = coalesce('Perhaps you meant "' || nearest || '".', 'Name one of the table''s columns.');
  END IF;
  IF is_id AND NOT tenancy.is_id_type(attribute.atttypid, attribute.attcollation) THEN
    RAISE EXCEPTION USING ERRCODE = 'datatype_mismatch',
      MESSAGE = format('column "%s" of type %s cannot hold ids', "column",
                       format_type(attribute.atttypid, attribute.atttypmod)),
      DETAIL = 'Two different ids could be equal in it.',
      HINT = 'Types for ids are uuid, smallint, integer, bigint, and text or varchar with a deterministic collation.';
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy.check_column(regclass, name, boolean) IS 'Raises 42703 with the nearest name unless the table has the column, 42804 when it is to hold ids and can''t';
REVOKE ALL ON FUNCTION tenancy.check_column(regclass, name, boolean) FROM PUBLIC;

CREATE FUNCTION tenancy.attribution_default(relation regclass, "column" name, entity text) RETURNS text
LANGUAGE sql STABLE STRICT SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT CASE WHEN tenancy.base_type(a.atttypid) = 'uuid'::regtype THEN format('tenancy.current_%s_id()', entity)
              ELSE format('tenancy.current_external_id(%L, NULL::%s)', entity, format_type(a.atttypid, NULL)) END
  FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  WHERE a.attrelid = relation AND a.attname = "column" AND a.attnum > 0 AND NOT a.attisdropped AND a.attidentity = ''
    -- a partition or child has inherited ours
    AND (d.oid IS NULL OR a.attgenerated = '' AND pg_get_expr(d.adbin, d.adrelid) ~
           '^[(]?(tenancy[.])?current_((organization|workspace|user|api_key)_id[(][)]|external_id[(])')
$$;
COMMENT ON FUNCTION tenancy.attribution_default(regclass, name, text) IS 'Default that fills a column in from the principal, or NULL when the column has another default';
REVOKE ALL ON FUNCTION tenancy.attribution_default(regclass, name, text) FROM PUBLIC;

CREATE FUNCTION tenancy.is_partitioned_by(relation regclass, "column" name) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  WITH RECURSIVE above AS (
    SELECT relation::oid AS relid
    UNION
    SELECT i.inhparent FROM pg_inherits i JOIN above a ON i.inhrelid = a.relid
  )
  SELECT EXISTS (
    SELECT FROM (SELECT a.relid FROM above a UNION SELECT f FROM tenancy.family_of(relation) f) family (relid)
    JOIN pg_partitioned_table p ON p.partrelid = family.relid
    JOIN pg_attribute a ON a.attrelid = p.partrelid AND a.attnum = ANY (p.partattrs)
    WHERE a.attname = "column")
$$;
COMMENT ON FUNCTION tenancy.is_partitioned_by(regclass, name) IS 'Whether a table, or one above or below it, is partitioned by the column';
REVOKE ALL ON FUNCTION tenancy.is_partitioned_by(regclass, name) FROM PUBLIC;

CREATE FUNCTION tenancy.remove_protection(relation regclass) RETURNS tenancy.protected_tables
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
#variable_conflict use_column
DECLARE
  removed tenancy.protected_tables;
  policy name;
  defaulted name;
BEGIN
  DELETE FROM tenancy.protected_tables t WHERE t.relation = remove_protection.relation RETURNING * INTO removed;
  FOR policy IN SELECT p.polname FROM pg_policy p
                WHERE p.polrelid = remove_protection.relation
                  AND p.polname IN ('tenancy_select', 'tenancy_insert', 'tenancy_update', 'tenancy_delete') LOOP
    EXECUTE format('DROP POLICY %I ON %s', policy, relation);
  END LOOP;
  FOREACH defaulted IN ARRAY coalesce(removed.defaulted_columns, '{}') LOOP
    IF EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = remove_protection.relation AND a.attname = defaulted) THEN
      EXECUTE format('ALTER TABLE ONLY %s ALTER COLUMN %I DROP DEFAULT', relation, defaulted);
    END IF;
  END LOOP;
  RETURN removed;
END
$$;
COMMENT ON FUNCTION tenancy.remove_protection(regclass) IS 'Takes the policies and defaults of one table away, and returns what was recorded of it';
REVOKE ALL ON FUNCTION tenancy.remove_protection(regclass) FROM PUBLIC;

CREATE FUNCTION tenancy.apply_protection(
  relation regclass, resource text, organization name, workspace name, owner name, api_key name, payload name[])
RETURNS name[] LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
#variable_conflict use_variable
DECLARE
  before tenancy.protected_tables;
  class pg_class;
  call_columns text := concat_ws(', ', coalesce(quote_ident(organization), 'NULL'), coalesce(quote_ident(workspace), 'NULL'),
                                 coalesce(quote_ident(owner), 'NULL'), coalesce(quote_ident(api_key), 'NULL'));
  reading text := CASE WHEN cardinality(payload) = 0 AND EXISTS (
    SELECT FROM tenancy.permissions p WHERE p.resource = apply_protection.resource AND p.action = 'list')
    THEN 'list' ELSE 'view' END;
  with_organization boolean := workspace IS NOT NULL AND coalesce(tenancy.is_partitioned_by(relation, organization), false);
  reading_columns text := call_columns || CASE WHEN with_organization THEN ', true' ELSE '' END;
  attribution record;
  defaulted name[] := '{}';
  kept name[] := '{}';
BEGIN
  SELECT * INTO class FROM pg_class c WHERE c.oid = relation;
  before := tenancy.remove_protection(relation);

  -- Closed first, then opened by the policies.
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', relation);
  EXECUTE format('CREATE POLICY tenancy_select ON %s FOR SELECT USING (tenancy.row_visible(%L, %L, %s))',
                 relation, resource, reading, reading_columns);
  EXECUTE format('CREATE POLICY tenancy_insert ON %s FOR INSERT WITH CHECK (tenancy.row_accepted(%L, %L, %s))',
                 relation, resource, 'insert', call_columns);
  EXECUTE format('CREATE POLICY tenancy_update ON %s FOR UPDATE USING (tenancy.row_visible(%L, %L, %s))
                  WITH CHECK (tenancy.row_accepted(%L, %L, %s))',
                 relation, resource, 'update', reading_columns, resource, 'update', call_columns);
  EXECUTE format('CREATE POLICY tenancy_delete ON %s FOR DELETE USING (tenancy.row_visible(%L, %L, %s))',
                 relation, resource, 'delete', reading_columns);

  FOR attribution IN
    SELECT v.column_name, tenancy.attribution_default(relation, v.column_name, v.entity) AS expression
    FROM (VALUES (organization, 'organization'), (workspace, 'workspace'), (owner, 'user'), (api_key, 'api_key'))
         v (column_name, entity)
    WHERE v.column_name IS NOT NULL LOOP
    IF attribution.expression IS NULL THEN
      kept := kept || attribution.column_name;
    ELSE
      EXECUTE format('ALTER TABLE ONLY %s ALTER COLUMN %I SET DEFAULT %s', relation, attribution.column_name,
                     attribution.expression);
      defaulted := defaulted || attribution.column_name;
    END IF;
  END LOOP;

  INSERT INTO tenancy.protected_tables (relation, resource, organization_column, workspace_column, owner_column,
    api_key_column, payload, defaulted_columns, row_security_before, force_before, with_organization)
  VALUES (relation, resource, organization, workspace, owner, api_key, payload, defaulted,
          coalesce(before.row_security_before, class.relrowsecurity), coalesce(before.force_before, class.relforcerowsecurity), with_organization);
  RETURN kept;
END
$$;
COMMENT ON FUNCTION tenancy.apply_protection(regclass, text, name, name, name, name, name[]) IS 'Protects one table, in place of what protected it before, and returns the columns that kept a default of their own';
REVOKE ALL ON FUNCTION tenancy.apply_protection(regclass, text, name, name, name, name, name[]) FROM PUBLIC;

CREATE FUNCTION tenancy.check_indexes(relation regclass, columns name[], make boolean) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  wanted name;
BEGIN
  FOREACH wanted IN ARRAY array_remove(columns, NULL) LOOP
    CONTINUE WHEN EXISTS (
      SELECT FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
      WHERE i.indrelid = relation AND i.indisvalid AND i.indpred IS NULL AND a.attname = wanted);
    IF make THEN
      EXECUTE format('CREATE INDEX ON %s (%I)', relation, wanted);
    ELSE
      RAISE NOTICE USING MESSAGE = format('no index of table %s begins with column "%s"', relation, wanted),
        HINT = format('CREATE INDEX ON %s (%I), followed by the columns that queries sort or filter by.', relation, wanted);
    END IF;
  END LOOP;
END
$$;
COMMENT ON FUNCTION tenancy.check_indexes(regclass, name[], boolean) IS 'Reports, or makes, the indexes that row filters on these columns need';
REVOKE ALL ON FUNCTION tenancy.check_indexes(regclass, name[], boolean) FROM PUBLIC;

CREATE FUNCTION tenancy.protect(
  relation regclass, resource text, organization name DEFAULT NULL, workspace name DEFAULT NULL, owner name DEFAULT NULL,
  api_key name DEFAULT NULL, payload name[] DEFAULT NULL, create_indexes boolean DEFAULT false)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp
SET tenancy.guard_rails = off AS $$
#variable_conflict use_variable
DECLARE
  policies text;
  member regclass;
  payload_column name;
  members bigint := (SELECT count(*) FROM tenancy.family_of(relation));
  done bigint := 0;
  kept name[];
BEGIN
  IF relation IS NULL OR resource IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed', MESSAGE = 'a table and a resource must be given';
  END IF;
  PERFORM tenancy.check_protectable(relation);
  PERFORM tenancy.check_resource(resource);
  IF organization IS NULL AND workspace IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
      MESSAGE = 'a column for the organization or for the workspace must be given';
  END IF;
  PERFORM tenancy.check_column(relation, organization, true), tenancy.check_column(relation, workspace, true),
          tenancy.check_column(relation, owner, true), tenancy.check_column(relation, api_key, true);
  FOREACH payload_column IN ARRAY coalesce(payload, '{}') LOOP
    PERFORM tenancy.check_column(relation, payload_column, false);
  END LOOP;
  SELECT string_agg(format('"%s" on %s', p.polname, p.polrelid::regclass), ', ' ORDER BY p.polname) INTO policies
  FROM pg_policy p JOIN tenancy.family_of(relation) f ON p.polrelid = f
  WHERE p.polpermissive AND p.polname NOT IN ('tenancy_select', 'tenancy_insert', 'tenancy_update', 'tenancy_delete');
  IF policies IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
      MESSAGE = format('table %s has permissive policies: %s', relation, policies),
      DETAIL = 'A permissive policy shows rows beside those that the tenancy policies show.',
      HINT = 'Drop them, or make them restrictive.';
  END IF;

  FOR member IN SELECT f FROM tenancy.family_of(relation) f LOOP
    PERFORM tenancy.check_protectable(member);
    kept := tenancy.apply_protection(member, resource, organization, workspace, owner, api_key, payload);
    done := done + 1;
    IF done % 100 = 0 AND done < members THEN
      RAISE NOTICE '% of % tables are protected', done, members;
    END IF;
  END LOOP;

  IF cardinality(kept) > 0 THEN
    RAISE NOTICE USING MESSAGE = format('columns with a default of their own keep it: %s', array_to_string(kept, ', ')),
      DETAIL = 'A row whose value isn''t the principal''s is refused on INSERT.';
  END IF;
  IF owner IS NULL AND api_key IS NULL THEN
    RAISE NOTICE USING MESSAGE = format('table %s does not say who produced a row', relation),
      DETAIL = 'Who is restricted to own rows sees none of it.';
  END IF;
  PERFORM tenancy.check_indexes(relation, ARRAY[organization, workspace], create_indexes);
END
$$;
COMMENT ON FUNCTION tenancy.protect(regclass, text, name, name, name, name, name[], boolean) IS 'Protects a table, and its partitions and children: names the resource whose permissions decide, and the columns with the row''s organization, workspace, user and API key (at least one of the first two); payload: columns with full content (NULL: anywhere, empty: nowhere); reports, or makes, the indexes it needs. Called again, it changes the protection. 42809, 42703, 42804, 22023, 55000 when it can''t be, with nothing changed';
REVOKE ALL ON FUNCTION tenancy.protect(regclass, text, name, name, name, name, name[], boolean) FROM PUBLIC;

CREATE FUNCTION tenancy.unprotect(relation regclass) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp
SET tenancy.guard_rails = off AS $$
DECLARE
  member regclass;
  removed tenancy.protected_tables;
BEGIN
  PERFORM tenancy.check_protectable(relation);
  IF NOT EXISTS (SELECT FROM tenancy.protected_tables t WHERE t.relation = unprotect.relation) THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = format('table %s is not protected', relation);
  END IF;
  FOR member IN SELECT t.relation FROM tenancy.protected_tables t
                WHERE t.relation IN (SELECT tenancy.family_of(unprotect.relation)) LOOP
    removed := tenancy.remove_protection(member);
    IF NOT removed.row_security_before THEN
      EXECUTE format('ALTER TABLE %s DISABLE ROW LEVEL SECURITY', member);
    END IF;
    IF NOT removed.force_before THEN
      EXECUTE format('ALTER TABLE %s NO FORCE ROW LEVEL SECURITY', member);
    END IF;
  END LOOP;
  -- A child of two protected tables is still the other one's.
  PERFORM tenancy.protect_child(f) FROM tenancy.family_of(relation) f WHERE f <> relation;
END
$$;
COMMENT ON FUNCTION tenancy.unprotect(regclass) IS 'Takes away from a table, and its partitions and children, exactly what protect() gave; 55000 when it isn''t protected';
REVOKE ALL ON FUNCTION tenancy.unprotect(regclass) FROM PUBLIC;

CREATE FUNCTION tenancy.delete_workspace(workspace text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
#variable_conflict use_column
DECLARE
  gone tenancy.workspaces;
  protected_table record;
  holds_rows boolean;
BEGIN
  gone := tenancy.own_workspace(workspace);
  PERFORM tenancy.require_right(gone.organization_id, gone.workspace_id, 'workspaces', 'delete');
  PERFORM FROM tenancy.workspaces w WHERE w.workspace_id = gone.workspace_id FOR UPDATE;
  FOR protected_table IN
    SELECT t.relation, t.workspace_column, tenancy.base_type(a.atttypid) = 'uuid'::regtype AS is_uuid
    FROM tenancy.protected_tables t JOIN pg_attribute a ON a.attrelid = t.relation AND a.attname = t.workspace_column
    WHERE NOT a.attisdropped ORDER BY t.relation::text LOOP
    EXECUTE format(CASE WHEN protected_table.is_uuid THEN 'SELECT EXISTS (SELECT FROM %s WHERE %I = $1)'
                        ELSE 'SELECT EXISTS (SELECT FROM %s WHERE %I::text = $2)' END,
                   protected_table.relation, protected_table.workspace_column)
      INTO holds_rows USING gone.workspace_id, gone.external_id;
    IF holds_rows THEN
      RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
        MESSAGE = format('workspace "%s" still has rows in table %s', gone.slug, protected_table.relation),
        HINT = 'Delete or move these rows first.';
    END IF;
  END LOOP;
  DELETE FROM tenancy.workspaces w WHERE w.workspace_id = gone.workspace_id;
END
$$;
COMMENT ON FUNCTION tenancy.delete_workspace(text) IS 'Deletes a workspace with its memberships, settings and keys; needs workspaces.delete there; 55000 for the default workspace, and while a protected table still holds rows of it';
-- Guard rails: what would open a protected table by mistake is refused, and partitions and children are protected as they come.
-- unprotect() is the way out; a superuser can switch the rails off by tenancy.guard_rails.

CREATE FUNCTION tenancy.guard_rails() RETURNS boolean
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'pg_tenancy_guard_rails';
COMMENT ON FUNCTION tenancy.guard_rails() IS 'Whether the setting tenancy.guard_rails is on';
REVOKE ALL ON FUNCTION tenancy.guard_rails() FROM PUBLIC;

CREATE FUNCTION tenancy.opens_table(command pg_ddl_command) RETURNS boolean
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_opens_table';
COMMENT ON FUNCTION tenancy.opens_table(pg_ddl_command) IS 'Whether a command is an ALTER TABLE that switches row security off, or no longer forces it';
REVOKE ALL ON FUNCTION tenancy.opens_table(pg_ddl_command) FROM PUBLIC;

CREATE FUNCTION tenancy.inspect_protection(
  relation regclass, OUT problem text, OUT resource text, OUT organization name, OUT workspace name, OUT owner name, OUT api_key name)
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_inspect_protection';
COMMENT ON FUNCTION tenancy.inspect_protection(regclass) IS 'What is wrong with the policies of a protected table (NULL: nothing), and the resource and columns that they name';
REVOKE ALL ON FUNCTION tenancy.inspect_protection(regclass) FROM PUBLIC;

CREATE FUNCTION tenancy.refuse_opening(relation regclass, what text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
    MESSAGE = format('table %s is protected: %s', relation, what),
    HINT = 'Use tenancy.unprotect() to take the protection away, or tenancy.protect() to change it.';
END
$$;
COMMENT ON FUNCTION tenancy.refuse_opening(regclass, text) IS 'Raises 55000 that says what would open a protected table';
REVOKE ALL ON FUNCTION tenancy.refuse_opening(regclass, text) FROM PUBLIC;

CREATE FUNCTION tenancy.protected_parent(relation regclass) RETURNS tenancy.protected_tables
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  WITH RECURSIVE ancestors AS (
    SELECT i.inhparent, 1 AS distance FROM pg_inherits i WHERE i.inhrelid = protected_parent.relation
    UNION
    SELECT i.inhparent, a.distance + 1 FROM pg_inherits i JOIN ancestors a ON i.inhrelid = a.inhparent
  )
  SELECT t.* FROM ancestors a JOIN tenancy.protected_tables t ON t.relation = a.inhparent ORDER BY a.distance LIMIT 1
$$;
COMMENT ON FUNCTION tenancy.protected_parent(regclass) IS 'The nearest table above that is protected';
REVOKE ALL ON FUNCTION tenancy.protected_parent(regclass) FROM PUBLIC;

CREATE FUNCTION tenancy.protect_child(child regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp SET tenancy.guard_rails = off AS $$
DECLARE
  parent tenancy.protected_tables := tenancy.protected_parent(child);
  other name;
BEGIN
  IF parent.relation IS NULL THEN
    RETURN;
  END IF;
  IF (SELECT c.relkind FROM pg_class c WHERE c.oid = child) NOT IN ('r', 'p') THEN
    RAISE EXCEPTION USING ERRCODE = 'wrong_object_type', MESSAGE = format('%s cannot be part of protected table %s', child, parent.relation),
      DETAIL = 'Row security works on ordinary and partitioned tables.';
  END IF;
  SELECT p.polname INTO other FROM pg_policy p WHERE p.polrelid = child AND p.polpermissive LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
      MESSAGE = format('table %s has the permissive policy "%s"', child, other),
      DETAIL = format('It becomes part of the protected table %s.', parent.relation),
      HINT = 'Drop the policy, or make it restrictive.';
  END IF;
  PERFORM tenancy.apply_protection(child, parent.resource, parent.organization_column, parent.workspace_column,
                                   parent.owner_column, parent.api_key_column, parent.payload);
END
$$;
COMMENT ON FUNCTION tenancy.protect_child(regclass) IS 'Protects a table as the protected table above it, if there is one';
REVOKE ALL ON FUNCTION tenancy.protect_child(regclass) FROM PUBLIC;

CREATE FUNCTION tenancy.on_ddl() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
#variable_conflict use_column
DECLARE
  command record;
  policy pg_policy;
  child regclass;
  now_named record;
BEGIN
  IF NOT tenancy.guard_rails() THEN
    RETURN;
  END IF;
  FOR command IN SELECT * FROM pg_event_trigger_ddl_commands() LOOP
    IF command.classid = 'pg_policy'::regclass THEN
      SELECT * INTO policy FROM pg_policy p WHERE p.oid = command.objid;
      CONTINUE WHEN NOT policy.polpermissive
        OR NOT EXISTS (SELECT FROM tenancy.protected_tables t WHERE t.relation = policy.polrelid);
      IF policy.polname NOT IN ('tenancy_select', 'tenancy_insert', 'tenancy_update', 'tenancy_delete') THEN
        PERFORM tenancy.refuse_opening(policy.polrelid, format('policy "%s" would show rows beside the tenancy policies; only restrictive policies may be added', policy.polname));
      END IF;
      -- While a dump is restored they come one by one.
      IF (tenancy.inspect_protection(policy.polrelid)).problem LIKE 'policy "%" has been changed' THEN
        PERFORM tenancy.refuse_opening(policy.polrelid, format('policy "%s" cannot be altered', policy.polname));
      END IF;
    ELSIF command.classid = 'pg_class'::regclass AND command.object_type IN ('table', 'table column', 'foreign table') THEN
      IF EXISTS (SELECT FROM tenancy.protected_tables t WHERE t.relation = command.objid) THEN
        IF tenancy.opens_table(command.command) THEN
          PERFORM tenancy.refuse_opening(command.objid, 'row security must stay enabled and forced');
        END IF;
        -- A column may be renamed: the policies follow by themselves.
        SELECT * INTO now_named FROM tenancy.inspect_protection(command.objid);
        UPDATE tenancy.protected_tables t
        SET organization_column = now_named.organization, workspace_column = now_named.workspace,
            owner_column = now_named.owner, api_key_column = now_named.api_key
        WHERE t.relation = command.objid AND now_named.problem IS NULL
          AND (t.organization_column, t.workspace_column, t.owner_column, t.api_key_column)
              IS DISTINCT FROM (now_named.organization, now_named.workspace, now_named.owner, now_named.api_key);
      END IF;
      -- pg_restore --table brings a table back with its grants, and forced row security, and leaves out what enables it.
      IF current_setting('check_function_bodies') = 'off' AND EXISTS (
        SELECT FROM pg_class c WHERE c.oid = command.objid AND c.relforcerowsecurity AND NOT c.relrowsecurity) THEN
        EXECUTE format('ALTER TABLE ONLY %s ENABLE ROW LEVEL SECURITY', command.objid::regclass);
      END IF;
      FOR child IN
        WITH RECURSIVE family AS (
          SELECT command.objid AS relid
          UNION
          SELECT i.inhrelid FROM pg_inherits i JOIN family f ON i.inhparent = f.relid
        )
        SELECT f.relid FROM family f
        WHERE NOT EXISTS (SELECT FROM tenancy.protected_tables t WHERE t.relation = f.relid) LOOP
        PERFORM tenancy.protect_child(child);
      END LOOP;
    END IF;
  END LOOP;
END
$$;
COMMENT ON FUNCTION tenancy.on_ddl() IS 'Event trigger: refuses what would open a protected table, and protects partitions and children as they are made or attached';
REVOKE ALL ON FUNCTION tenancy.on_ddl() FROM PUBLIC;
CREATE EVENT TRIGGER tenancy_ddl ON ddl_command_end
  WHEN TAG IN ('CREATE TABLE', 'CREATE TABLE AS', 'CREATE FOREIGN TABLE', 'ALTER TABLE', 'ALTER FOREIGN TABLE', 'CREATE POLICY', 'ALTER POLICY')
  EXECUTE FUNCTION tenancy.on_ddl();
COMMENT ON EVENT TRIGGER tenancy_ddl IS 'Guard rails of protected tables';
ALTER EVENT TRIGGER tenancy_ddl ENABLE ALWAYS;

CREATE FUNCTION tenancy.on_drop() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  opened regclass;
BEGIN
  -- A table that is gone must not leave a row behind that a dump could not restore.
  DELETE FROM tenancy.protected_tables t
  WHERE t.relation::oid IN (SELECT d.objid FROM pg_event_trigger_dropped_objects() d
                            WHERE d.classid = 'pg_class'::regclass AND d.objsubid = 0);
  DELETE FROM tenancy.scoped_views v
  WHERE v.view::oid IN (SELECT d.objid FROM pg_event_trigger_dropped_objects() d
                        WHERE d.classid = 'pg_class'::regclass AND d.objsubid = 0);
  IF NOT tenancy.guard_rails() THEN
    RETURN;
  END IF;
  SELECT t.relation INTO opened
  FROM pg_event_trigger_dropped_objects() d
  JOIN tenancy.protected_tables t ON t.relation = to_regclass(format('%I.%I', d.address_names[1], d.address_names[2]))
  WHERE d.object_type = 'policy'
    AND d.address_names[3] IN ('tenancy_select', 'tenancy_insert', 'tenancy_update', 'tenancy_delete')
  LIMIT 1;
  IF FOUND THEN
    PERFORM tenancy.refuse_opening(opened, 'its policies, and the columns that they need, cannot be dropped');
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy.on_drop() IS 'Event trigger: forgets protected tables and scoped views that are dropped, and refuses to drop the policies of others';
REVOKE ALL ON FUNCTION tenancy.on_drop() FROM PUBLIC;
CREATE EVENT TRIGGER tenancy_drop ON sql_drop EXECUTE FUNCTION tenancy.on_drop();
COMMENT ON EVENT TRIGGER tenancy_drop IS 'Guard rails of protected tables, and forgets those that are dropped';
ALTER EVENT TRIGGER tenancy_drop ENABLE ALWAYS;
-- Updates: sessions that have loaded another module than the one of the new version hear of it.

CREATE FUNCTION tenancy.extension_altered() RETURNS event_trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'pg_tenancy_extension_altered';
COMMENT ON FUNCTION tenancy.extension_altered() IS 'Event trigger: after ALTER EXTENSION pg_tenancy UPDATE every session makes sure that its module serves the version';
REVOKE ALL ON FUNCTION tenancy.extension_altered() FROM PUBLIC;
CREATE EVENT TRIGGER tenancy_extension ON ddl_command_end WHEN TAG IN ('ALTER EXTENSION') EXECUTE FUNCTION tenancy.extension_altered();
COMMENT ON EVENT TRIGGER tenancy_extension IS 'Sessions look at the version of pg_tenancy again after an update';
ALTER EVENT TRIGGER tenancy_extension ENABLE ALWAYS;
-- Scoped views: a protected table for whoever may list, with the payload for whoever may view.

CREATE TABLE tenancy.scoped_views (
  "view" regclass PRIMARY KEY,
  relation regclass NOT NULL
);
COMMENT ON TABLE tenancy.scoped_views IS 'Views made by create_scoped_view()';
COMMENT ON COLUMN tenancy.scoped_views."view" IS 'The view';
COMMENT ON COLUMN tenancy.scoped_views.relation IS 'The protected table that it shows';
SELECT pg_catalog.pg_extension_config_dump('tenancy.scoped_views', '');

CREATE FUNCTION tenancy.refuse_view_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
    MESSAGE = format('view "%s" cannot be changed', TG_TABLE_NAME), HINT = 'Change the table below it.';
END
$$;
COMMENT ON FUNCTION tenancy.refuse_view_change() IS 'Trigger: a scoped view is for reading';
REVOKE ALL ON FUNCTION tenancy.refuse_view_change() FROM PUBLIC;

CREATE FUNCTION tenancy.create_scoped_view(relation regclass, view text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
#variable_conflict use_variable
DECLARE
  table_row tenancy.protected_tables;
  parts text[] := parse_ident(view);
  the_schema name;
  the_view name;
  caller name := CASE current_setting('role') WHEN 'none' THEN session_user ELSE current_setting('role')::name END;
  arguments text;
  columns text;
  existing regclass;
BEGIN
  PERFORM tenancy.check_protectable(relation);
  SELECT * INTO table_row FROM tenancy.protected_tables t WHERE t.relation = relation;
  IF NOT FOUND OR coalesce(cardinality(table_row.payload), 0) = 0 THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
      MESSAGE = format('table %s is not protected with payload columns', relation),
      HINT = 'Name them in tenancy.protect(…, payload => …).';
  END IF;
  IF cardinality(parts) > 2 THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_name', MESSAGE = format('view name "%s" has too many parts', view);
  END IF;
  the_view := parts[cardinality(parts)];
  the_schema := CASE cardinality(parts) WHEN 2 THEN parts[1]
                ELSE (SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = relation) END;
  IF NOT EXISTS (SELECT FROM pg_namespace n WHERE n.nspname = the_schema) THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_schema_name', MESSAGE = format('schema "%s" does not exist', the_schema);
  END IF;
  IF NOT has_schema_privilege(caller, the_schema, 'CREATE') THEN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = format('permission denied for schema %s', the_schema);
  END IF;
  existing := to_regclass(format('%I.%I', the_schema, the_view));
  IF existing IS NOT NULL AND NOT EXISTS (
    SELECT FROM tenancy.scoped_views v WHERE v.view = existing AND v.relation = relation) THEN
    RAISE EXCEPTION USING ERRCODE = 'duplicate_table', MESSAGE = format('relation "%s" already exists', view);
  END IF;

  arguments := concat_ws(', ', coalesce(quote_ident(table_row.organization_column), 'NULL'),
    coalesce(quote_ident(table_row.workspace_column), 'NULL'), coalesce(quote_ident(table_row.owner_column), 'NULL'),
    coalesce(quote_ident(table_row.api_key_column), 'NULL'));
  -- What is generated from payload tells of it.
  SELECT string_agg(CASE WHEN a.attname = ANY (table_row.payload) OR EXISTS (
      SELECT FROM pg_attrdef ad JOIN pg_depend d ON d.classid = 'pg_attrdef'::regclass AND d.objid = ad.oid
      JOIN pg_attribute source ON d.refclassid = 'pg_class'::regclass AND source.attrelid = d.refobjid AND source.attnum = d.refobjsubid
      WHERE a.attgenerated <> '' AND ad.adrelid = a.attrelid AND ad.adnum = a.attnum AND d.refobjid = relation
        AND source.attname = ANY (table_row.payload))
      THEN format('CASE WHEN tenancy.payload_visible(%L, %L, %s) THEN %I END AS %I', table_row.resource, 'view', arguments,
                  a.attname, a.attname)
      ELSE quote_ident(a.attname) END, ', ' ORDER BY a.attnum) INTO columns
  FROM pg_attribute a WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped;
  -- Owned by the extension's owner, so that the table's own policy, which needs more, doesn't apply below the view.
  EXECUTE format('CREATE OR REPLACE VIEW %I.%I WITH (security_barrier) AS SELECT %s FROM %s WHERE tenancy.row_visible(%L, %L, %s)',
                 the_schema, the_view, columns, relation, table_row.resource, 'list',
                 arguments || CASE WHEN table_row.with_organization THEN ', true' ELSE '' END);
  EXECUTE format('CREATE OR REPLACE TRIGGER refuse_change INSTEAD OF INSERT OR UPDATE OR DELETE ON %I.%I
                  FOR EACH ROW EXECUTE FUNCTION tenancy.refuse_view_change()', the_schema, the_view);
  EXECUTE format('COMMENT ON VIEW %I.%I IS %L', the_schema, the_view,
                 format('%s as far as the session may list it, with the payload of rows that it may view', relation));
  INSERT INTO tenancy.scoped_views ("view", relation)
  VALUES (to_regclass(format('%I.%I', the_schema, the_view)), relation) ON CONFLICT DO NOTHING;
END
$$;
COMMENT ON FUNCTION tenancy.create_scoped_view(regclass, text) IS 'Makes, or makes anew, the view on a protected table with payload columns that others are granted: whoever may list sees the row with these columns, and what is generated from them, NULL, whoever may view sees all of it; read only; 55000 when the table has no payload columns, 42P07 for a name that is taken';
REVOKE ALL ON FUNCTION tenancy.create_scoped_view(regclass, text) FROM PUBLIC;
-- advise(): what would let rows past the policies, or make them slow, and the SQL that mends it.

CREATE FUNCTION tenancy.bypasses_row_security(role oid) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT r.rolsuper OR r.rolbypassrls FROM pg_roles r WHERE r.oid = role
$$;
COMMENT ON FUNCTION tenancy.bypasses_row_security(oid) IS 'Whether no policy applies to a role';
REVOKE ALL ON FUNCTION tenancy.bypasses_row_security(oid) FROM PUBLIC;

CREATE FUNCTION tenancy.protect_call(t tenancy.protected_tables) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT format('SELECT tenancy.protect(%s)', concat_ws(', ', quote_literal(t.relation::text), quote_literal(t.resource),
    'organization => ' || quote_literal(t.organization_column), 'workspace => ' || quote_literal(t.workspace_column),
    'owner => ' || quote_literal(t.owner_column), 'api_key => ' || quote_literal(t.api_key_column),
    'payload => ' || quote_literal(t.payload::text)))
$$;
COMMENT ON FUNCTION tenancy.protect_call(tenancy.protected_tables) IS 'The call of protect() that protects a table as it is';
REVOKE ALL ON FUNCTION tenancy.protect_call(tenancy.protected_tables) FROM PUBLIC;

CREATE FUNCTION tenancy.relations_above(relation regclass)
RETURNS TABLE (above regclass, kind "char", owner oid, directly boolean)
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  WITH RECURSIVE above AS (
    SELECT r.ev_class FROM pg_depend d JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
    WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = relation AND r.ev_class <> relation
    UNION
    SELECT r.ev_class FROM above a
    JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = a.ev_class
    JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid AND r.ev_class <> a.ev_class
  )
  SELECT c.oid::regclass, c.relkind, c.relowner, EXISTS (
    SELECT FROM pg_rewrite r JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
    WHERE r.ev_class = c.oid AND d.refclassid = 'pg_class'::regclass AND d.refobjid = relation)
  FROM above a JOIN pg_class c ON c.oid = a.ev_class
$$;
COMMENT ON FUNCTION tenancy.relations_above(regclass) IS 'Views and materialized views that read a table, directly or through each other, and which of them do directly';
REVOKE ALL ON FUNCTION tenancy.relations_above(regclass) FROM PUBLIC;

CREATE FUNCTION tenancy.advise_isolation() RETURNS TABLE (severity text, rule text, object text, problem text, fix_sql text)
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT 'error', 'protection_broken', t.relation::text, i.problem,
         format('SELECT tenancy.unprotect(%L); %s', t.relation, tenancy.protect_call(t))
  FROM tenancy.protected_tables t, tenancy.inspect_protection(t.relation) i WHERE i.problem IS NOT NULL
  UNION ALL
  -- A table that was restored by itself, or without the catalogs: closed, but nothing keeps it so.
  SELECT 'error', 'unrecorded_protection', c.oid::regclass::text, 'it has the policies of a protected table, but is not in tenancy.protected_tables',
         format('SELECT tenancy.protect(%s)', concat_ws(', ', quote_literal(c.oid::regclass::text), quote_literal(i.resource),
           'organization => ' || quote_literal(i.organization), 'workspace => ' || quote_literal(i.workspace),
           'owner => ' || quote_literal(i.owner), 'api_key => ' || quote_literal(i.api_key)))
  FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid, tenancy.inspect_protection(c.oid) i
  WHERE p.polname = 'tenancy_select' AND i.resource IS NOT NULL AND NOT c.relispartition
    AND NOT EXISTS (SELECT FROM tenancy.protected_tables t WHERE t.relation = c.oid)
  UNION ALL
  SELECT 'error', 'row_security_not_enabled', c.oid::regclass::text, 'row security is forced, but not enabled',
         format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', c.oid::regclass)
  FROM pg_class c WHERE c.relforcerowsecurity AND NOT c.relrowsecurity
  UNION ALL
  SELECT 'error', 'unprotected_partition', child.inhrelid::regclass::text, format('it is part of the protected table %s', t.relation),
         tenancy.protect_call(t)
  FROM tenancy.protected_tables t JOIN pg_inherits child ON child.inhparent = t.relation
  WHERE NOT EXISTS (SELECT FROM tenancy.protected_tables p WHERE p.relation = child.inhrelid)
  UNION ALL
  SELECT 'warning', 'unprotected_table', c.oid::regclass::text, format('it has tenant columns: %s', string_agg(a.attname, ', ' ORDER BY a.attnum)),
         format('SELECT tenancy.protect(%L, <resource>, organization => …, workspace => …)', c.oid::regclass)
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND NOT c.relispartition
    AND c.relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace, 'tenancy'::regnamespace)
    AND NOT EXISTS (SELECT FROM tenancy.protected_tables t WHERE t.relation = c.oid)
    AND tenancy.is_id_type(a.atttypid, a.attcollation)
    AND (a.attname IN ('organization_id', 'workspace_id')
         OR EXISTS (SELECT FROM tenancy.protected_tables t JOIN pg_attribute b ON b.attrelid = t.relation
                    WHERE b.attname IN (t.organization_column, t.workspace_column) AND b.attname = a.attname AND b.atttypid = a.atttypid))
  GROUP BY c.oid
  UNION ALL
  SELECT 'error', 'bypassing_login', r.rolname, 'no policy applies to it: it has BYPASSRLS', format('ALTER ROLE %I NOBYPASSRLS', r.rolname)
  FROM pg_roles r WHERE r.rolbypassrls AND NOT r.rolsuper AND r.rolcanlogin
  UNION ALL
  SELECT 'error', 'superuser_binding', b.login::text, 'no policy applies to it: it is a superuser, though it is trusted or bound',
         format('SELECT tenancy.unbind_login(%L)', b.login::text)
  FROM tenancy.login_bindings b JOIN pg_roles r ON r.oid = b.login WHERE r.rolsuper
  UNION ALL
  SELECT DISTINCT 'error', 'view_without_security_invoker', v.above::text, format('it reads %s by the rights of an owner to whom no policy applies', t.relation),
         format('ALTER VIEW %s SET (security_invoker = true)', v.above)
  FROM tenancy.protected_tables t, tenancy.relations_above(t.relation) v
  -- Of views over views, the last one decides whose rights count.
  WHERE v.kind = 'v' AND v.directly AND tenancy.bypasses_row_security(v.owner)
    AND NOT EXISTS (SELECT FROM tenancy.scoped_views s WHERE s.view = v.above)
    AND NOT EXISTS (SELECT FROM pg_class c, pg_options_to_table(c.reloptions) o
                    WHERE c.oid = v.above AND o.option_name = 'security_invoker' AND o.option_value::boolean)
  UNION ALL
  SELECT DISTINCT 'warning', 'materialized_view', v.above::text,
         format('it keeps rows of %s as whoever refreshed it saw them, and %s may read it', t.relation, coalesce(g.rolname, 'PUBLIC')),
         format('REVOKE SELECT ON %s FROM %s', v.above, coalesce(quote_ident(g.rolname), 'PUBLIC'))
  FROM tenancy.protected_tables t, tenancy.relations_above(t.relation) v
  JOIN pg_class c ON c.oid = v.above
  CROSS JOIN aclexplode(c.relacl) a LEFT JOIN pg_roles g ON g.oid = a.grantee
  WHERE v.kind = 'm' AND a.privilege_type = 'SELECT' AND a.grantee <> c.relowner
  UNION ALL
  SELECT DISTINCT 'warning', 'security_definer_function', p.oid::regprocedure::text,
         format('it names %s and runs by the rights of an owner to whom no policy applies', t.relation),
         format('ALTER FUNCTION %s SECURITY INVOKER', p.oid::regprocedure)
  FROM tenancy.protected_tables t JOIN pg_class c ON c.oid = t.relation
  JOIN pg_proc p ON p.prosecdef AND p.prosrc ~* ('\m' || c.relname || '\M')
  WHERE tenancy.bypasses_row_security(p.proowner) AND p.pronamespace <> 'tenancy'::regnamespace AND p.prokind IN ('f', 'p')
  UNION ALL
  SELECT 'warning', 'truncate_granted', t.relation::text, format('no policy applies to TRUNCATE, and %s may', coalesce(g.rolname, 'PUBLIC')),
         format('REVOKE TRUNCATE ON %s FROM %s', t.relation, coalesce(quote_ident(g.rolname), 'PUBLIC'))
  FROM tenancy.protected_tables t JOIN pg_class c ON c.oid = t.relation
  CROSS JOIN aclexplode(c.relacl) a LEFT JOIN pg_roles g ON g.oid = a.grantee
  WHERE a.privilege_type = 'TRUNCATE' AND a.grantee <> c.relowner
  UNION ALL
  SELECT 'warning', 'publication', t.relation::text, format('publication "%s" sends all of its rows to subscribers', p.pubname),
         CASE WHEN p.puballtables THEN format('DROP PUBLICATION %I', p.pubname)
              WHEN r.oid IS NULL THEN format('ALTER PUBLICATION %I DROP TABLES IN SCHEMA %s', p.pubname, c.relnamespace::regnamespace)
              ELSE format('ALTER PUBLICATION %I DROP TABLE ONLY %s', p.pubname, t.relation) END
  FROM tenancy.protected_tables t JOIN pg_class c ON c.oid = t.relation CROSS JOIN pg_publication p
  LEFT JOIN pg_publication_rel r ON r.prrelid = t.relation AND r.prpubid = p.oid
  LEFT JOIN pg_publication_namespace n ON n.pnnspid = c.relnamespace AND n.pnpubid = p.oid
  WHERE p.puballtables OR r.oid IS NOT NULL OR n.oid IS NOT NULL
  UNION ALL
  SELECT 'warning', 'unique_without_tenant', t.relation::text,
         format('unique index %s tells of hidden rows: it has no tenant column', i.indexrelid::regclass), NULL
  FROM tenancy.protected_tables t JOIN pg_index i ON i.indrelid = t.relation AND i.indisunique
  WHERE NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = t.relation AND a.attnum = ANY (i.indkey)
                      AND (a.attname IN (t.organization_column, t.workspace_column) OR tenancy.base_type(a.atttypid) = 'uuid'::regtype
                           OR a.attidentity <> '' OR pg_get_serial_sequence(t.relation::text, a.attname) IS NOT NULL))
$$;
COMMENT ON FUNCTION tenancy.advise_isolation() IS 'The part of advise() about rows that get past the policies';
REVOKE ALL ON FUNCTION tenancy.advise_isolation() FROM PUBLIC;

CREATE FUNCTION tenancy.advise_catalogs() RETURNS TABLE (severity text, rule text, object text, problem text, fix_sql text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  reference record;
  dangling bigint;
BEGIN
  -- A restore is believed, see begin_restore(); one of a part of the catalogs leaves rows that refer to nothing.
  FOR reference IN
    SELECT 'tenancy.' || k.conrelid::regclass AS referring, 'tenancy.' || k.confrelid::regclass AS referred,
           (SELECT string_agg(format('r.%I = t.%I', mine.attname, theirs.attname), ' AND ' ORDER BY u.n)
            FROM unnest(k.conkey, k.confkey) WITH ORDINALITY u (here, there, n)
            JOIN pg_attribute mine ON mine.attrelid = k.conrelid AND mine.attnum = u.here
            JOIN pg_attribute theirs ON theirs.attrelid = k.confrelid AND theirs.attnum = u.there) AS agree,
           (SELECT string_agg(format('r.%I IS NOT NULL', a.attname), ' AND ') FROM pg_attribute a
            WHERE a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey)) AS refers
    FROM pg_constraint k WHERE k.contype = 'f' AND k.connamespace = 'tenancy'::regnamespace ORDER BY k.conname LOOP
    EXECUTE format('SELECT count(*) FROM %s r WHERE %s AND NOT EXISTS (SELECT FROM %s t WHERE %s)',
                   reference.referring, reference.refers, reference.referred, reference.agree) INTO dangling;
    IF dangling > 0 THEN
      severity := 'error';
      rule := 'dangling_catalog_rows';
      object := reference.referring;
      problem := format('rows that refer to nothing in %s: %s', reference.referred, dangling);
      fix_sql := format('DELETE FROM %s r WHERE %s AND NOT EXISTS (SELECT FROM %s t WHERE %s)',
                        reference.referring, reference.refers, reference.referred, reference.agree);
      RETURN NEXT;
    END IF;
  END LOOP;
END
$$;
COMMENT ON FUNCTION tenancy.advise_catalogs() IS 'The part of advise() about the catalogs themselves';
REVOKE ALL ON FUNCTION tenancy.advise_catalogs() FROM PUBLIC;

CREATE FUNCTION tenancy.advise_server() RETURNS TABLE (severity text, rule text, object text, problem text, fix_sql text)
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT 'error', 'old_server', current_setting('server_version'),
         'it is older than the minor release that mends CVE-2026-14666: a cached plan could outlive a change of roles',
         format('-- update PostgreSQL to %s or later', fixed.release)
  FROM (VALUES (15, 150019, '15.19'), (16, 160015, '16.15'), (17, 170011, '17.11'), (18, 180006, '18.6')) fixed (major, number, release)
  WHERE current_setting('server_version_num')::integer / 10000 = fixed.major
    AND current_setting('server_version_num')::integer < fixed.number
  UNION ALL
  SELECT 'error', 'guard_rails_off', e.evtname, 'the event trigger is not always enabled', format('ALTER EVENT TRIGGER %I ENABLE ALWAYS', e.evtname)
  FROM pg_event_trigger e WHERE e.evtname IN ('tenancy_ddl', 'tenancy_drop') AND e.evtenabled <> 'A'
  UNION ALL
  SELECT 'error', 'catalog_trigger_off', format('%s on tenancy.%s', t.tgname, c.relname), 'changes of the catalog would not take effect in other sessions',
         format('ALTER TABLE tenancy.%I ENABLE ALWAYS TRIGGER %I', c.relname, t.tgname)
  FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE t.tgfoid = 'tenancy.invalidate'::regproc AND t.tgenabled <> 'A'
  UNION ALL
  SELECT 'warning', 'row_security_off', coalesce(r.rolname, d.datname), 'row_security = off makes its queries on protected tables fail',
         CASE WHEN r.oid IS NULL THEN format('ALTER DATABASE %I RESET row_security', d.datname)
              ELSE format('ALTER ROLE %I%s RESET row_security', r.rolname, coalesce(' IN DATABASE ' || quote_ident(d.datname), '')) END
  FROM pg_db_role_setting s LEFT JOIN pg_roles r ON r.oid = s.setrole LEFT JOIN pg_database d ON d.oid = s.setdatabase
  WHERE 'row_security=off' = ANY (s.setconfig) AND (d.oid IS NULL OR d.datname = current_database())
  UNION ALL
  SELECT 'warning', 'stored_secret', coalesce(r.rolname, d.datname),
         format('a secret is stored in its setting %s: every login can read it in pg_roles or pg_db_role_setting, and pg_dumpall dumps it', secret.setting),
         CASE WHEN r.oid IS NULL THEN format('ALTER DATABASE %I RESET %s', d.datname, secret.setting)
              ELSE format('ALTER ROLE %I%s RESET %s', r.rolname, coalesce(' IN DATABASE ' || quote_ident(d.datname), ''), secret.setting) END
  FROM pg_db_role_setting s LEFT JOIN pg_roles r ON r.oid = s.setrole LEFT JOIN pg_database d ON d.oid = s.setdatabase
  CROSS JOIN LATERAL (SELECT substring(c FROM '^[^=]*') AS setting FROM unnest(s.setconfig) c WHERE c ~* '^tenancy[.](api_key|jwt)=.') secret
  WHERE d.oid IS NULL OR d.datname = current_database()
  UNION ALL
  SELECT 'warning', 'not_preloaded', current_database(), 'tenancy.principal_lifetime = transaction needs the module loaded before the first setting is made',
         format('ALTER DATABASE %I SET session_preload_libraries = ''pg_tenancy''', current_database())
  WHERE current_setting('tenancy.principal_lifetime', true) = 'transaction'
    AND concat_ws(',', current_setting('session_preload_libraries'), current_setting('shared_preload_libraries')) !~ '\mpg_tenancy\M'
$$;
COMMENT ON FUNCTION tenancy.advise_server() IS 'The part of advise() about the server and its roles'' settings';
REVOKE ALL ON FUNCTION tenancy.advise_server() FROM PUBLIC;

CREATE FUNCTION tenancy.advise_speed() RETURNS TABLE (severity text, rule text, object text, problem text, fix_sql text)
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT 'performance', 'missing_index', t.relation::text, format('no index begins with column "%s"', wanted),
         format('CREATE INDEX ON %s (%I)', t.relation, wanted)
  FROM tenancy.protected_tables t CROSS JOIN unnest(ARRAY[t.organization_column, t.workspace_column]) wanted
  WHERE wanted IS NOT NULL AND NOT EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = t.relation)
    AND NOT EXISTS (SELECT FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
                    WHERE i.indrelid = t.relation AND i.indisvalid AND i.indpred IS NULL AND a.attname = wanted)
  UNION ALL
  SELECT 'performance', 'stale_statistics', t.relation::text, 'many of its rows are newer than its statistics', format('ANALYZE %s', t.relation)
  FROM tenancy.protected_tables t JOIN pg_stat_all_tables s ON s.relid = t.relation
  WHERE s.n_mod_since_analyze > 1000 AND s.n_mod_since_analyze > s.n_live_tup / 5
  UNION ALL
  -- Pruning adds the organization to a filter by workspace; the planner must know that one says the other.
  SELECT 'performance', 'missing_dependency_statistics', t.relation::text,
         format('the planner takes columns "%s" and "%s" for independent', t.organization_column, t.workspace_column),
         format('CREATE STATISTICS %I.%I (dependencies) ON %I, %I FROM %s; ANALYZE %s', n.nspname, c.relname || '_tenancy',
                t.organization_column, t.workspace_column, t.relation, t.relation)
  FROM tenancy.protected_tables t JOIN pg_class c ON c.oid = t.relation JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_attribute o ON o.attrelid = t.relation AND o.attname = t.organization_column
  JOIN pg_attribute w ON w.attrelid = t.relation AND w.attname = t.workspace_column
  JOIN pg_partitioned_table p ON p.partrelid = t.relation AND o.attnum = ANY (p.partattrs)
  WHERE NOT EXISTS (SELECT FROM pg_statistic_ext e WHERE e.stxrelid = t.relation AND 'f' = ANY (e.stxkind)
                      AND e.stxkeys::int2[] @> ARRAY[o.attnum, w.attnum])
$$;
COMMENT ON FUNCTION tenancy.advise_speed() IS 'The part of advise() about speed';
REVOKE ALL ON FUNCTION tenancy.advise_speed() FROM PUBLIC;

CREATE FUNCTION tenancy.advise() RETURNS TABLE (severity text, rule text, object text, problem text, fix_sql text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  PERFORM tenancy.require_dba();
  RETURN QUERY
  SELECT a.* FROM (SELECT * FROM tenancy.advise_isolation() UNION ALL SELECT * FROM tenancy.advise_catalogs()
                   UNION ALL SELECT * FROM tenancy.advise_server()
                   UNION ALL SELECT * FROM tenancy.advise_speed()) a
  ORDER BY array_position(ARRAY['error', 'warning', 'performance'], a.severity), a.rule, a.object;
END
$$;
COMMENT ON FUNCTION tenancy.advise() IS 'For a DBA: what would let rows past the policies or make them slow: severity (error, warning, performance), rule, object, problem, and the SQL that mends it (NULL where that is a matter of design)';
-- simulate(): what somebody else would see.

CREATE FUNCTION tenancy.ordinary_logins() RETURNS TABLE (login oid, user_id uuid, organization_id uuid, workspace_id uuid, trusted boolean)
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT r.oid, b.user_id, b.organization_id, b.workspace_id, coalesce(b.trusted, false)
  FROM pg_roles r LEFT JOIN tenancy.login_bindings b ON b.login = r.oid
  WHERE r.rolcanlogin AND NOT r.rolsuper AND NOT r.rolbypassrls AND NOT has_table_privilege(r.oid, 'tenancy.organizations', 'INSERT')
$$;
COMMENT ON FUNCTION tenancy.ordinary_logins() IS 'Logins to which row security applies and that are no DBA''s, with whom they stand for';
REVOKE ALL ON FUNCTION tenancy.ordinary_logins() FROM PUBLIC;

CREATE FUNCTION tenancy.simulated_login(login name, user_id uuid, organization_id uuid) RETURNS oid
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
#variable_conflict use_column
DECLARE
  candidates oid[];
BEGIN
  IF login IS NOT NULL THEN
    SELECT array_agg(l.login) INTO candidates FROM tenancy.ordinary_logins() l WHERE l.login = tenancy.check_login(simulated_login.login);
    IF candidates IS NULL THEN
      RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('login "%s" is not an ordinary one', login),
        DETAIL = 'It is a superuser, has BYPASSRLS, is a DBA, or cannot log in.', HINT = 'Name the login that the user or the application connects by.';
    END IF;
    RETURN candidates[1];
  END IF;
  SELECT array_agg(l.login) INTO candidates FROM tenancy.ordinary_logins() l
  WHERE l.user_id = simulated_login.user_id AND (l.organization_id = simulated_login.organization_id OR l.organization_id IS NULL);
  IF candidates IS NULL THEN
    SELECT array_agg(l.login) INTO candidates FROM tenancy.ordinary_logins() l WHERE l.trusted;
  END IF;
  IF cardinality(candidates) = 1 THEN
    RETURN candidates[1];
  END IF;
  RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'a login must be given',
    DETAIL = CASE WHEN candidates IS NULL THEN 'No login is bound to the user, and none is trusted.'
                  ELSE 'Several logins are bound to the user, or trusted.' END;
END
$$;
COMMENT ON FUNCTION tenancy.simulated_login(name, uuid, uuid) IS 'The ordinary login of that name, or (NULL) the one that is bound to the user, or else the one that is trusted; 22023 for none, several, or one that isn''t ordinary';
REVOKE ALL ON FUNCTION tenancy.simulated_login(name, uuid, uuid) FROM PUBLIC;

CREATE FUNCTION tenancy.only_organization(user_id uuid) RETURNS uuid
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
#variable_conflict use_variable
DECLARE
  organizations uuid[] := ARRAY(SELECT m.organization_id FROM tenancy.organization_members m WHERE m.user_id = user_id);
BEGIN
  IF cardinality(organizations) <> 1 THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'an organization must be given',
      DETAIL = format('The user belongs to %s organizations.', cardinality(organizations));
  END IF;
  RETURN organizations[1];
END
$$;
COMMENT ON FUNCTION tenancy.only_organization(uuid) IS 'The only organization that a user belongs to; 22023 for none or several';
REVOKE ALL ON FUNCTION tenancy.only_organization(uuid) FROM PUBLIC;

-- What simulate() does beforehand. Called by itself it writes an entry and nothing else.
CREATE FUNCTION tenancy.begin_simulation(
  query text, member text, organization text, login name,
  OUT user_id uuid, OUT organization_id uuid, OUT workspace_id uuid, OUT login_id oid)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
#variable_conflict use_variable
DECLARE
  caller name := CASE current_setting('role') WHEN 'none' THEN session_user ELSE current_setting('role')::name END;
BEGIN
  PERFORM tenancy.require_dba();
  IF query IS NULL OR member IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed', MESSAGE = 'a query and a member must be given';
  END IF;
  user_id := tenancy.find_user(member);
  organization_id := coalesce(tenancy.find_organization(organization),
    (SELECT l.organization_id FROM tenancy.ordinary_logins() l JOIN pg_roles r ON r.oid = l.login
     WHERE r.rolname = begin_simulation.login AND l.user_id = user_id AND NOT l.trusted),
    tenancy.only_organization(user_id));
  user_id := tenancy.find_member(organization_id, member);
  login_id := tenancy.simulated_login(login, user_id, organization_id);
  IF NOT pg_has_role(caller, login_id, 'MEMBER') THEN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
      MESSAGE = format('permission denied to simulate login "%s"', login_id::regrole),
      DETAIL = 'A DBA who is not a superuser must be a member of the role.';
  END IF;
  -- A bound login confines its user to a workspace, where the binding says so.
  SELECT l.workspace_id INTO workspace_id FROM tenancy.ordinary_logins() l
  WHERE l.login = login_id AND l.user_id = user_id AND l.organization_id = organization_id AND NOT l.trusted;
  PERFORM tenancy.add_audit_entry('simulate', 'user', user_id::text, organization_id, workspace_id,
    after => jsonb_build_object('login', login_id::regrole, 'query', query));
  -- An entry goes with the transaction; the log stays.
  RAISE LOG 'login "%" simulates user % in organization % by login %', session_user, user_id, organization_id, login_id::regrole;
END
$$;
COMMENT ON FUNCTION tenancy.begin_simulation(text, text, text, name) IS 'Checks a simulation, and leaves its audit entry and a line in the server''s log; returns whom it is of: user, organization, workspace that the login confines to, login';

CREATE FUNCTION tenancy.simulate(query text, member text, organization text DEFAULT NULL, login name DEFAULT NULL) RETURNS SETOF jsonb
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'pg_tenancy_simulate';
COMMENT ON FUNCTION tenancy.simulate(text, text, text, name) IS 'For a DBA: runs a read-only query with the rows that a member of an organization (NULL: the only one) sees through an ordinary login (NULL: the one bound to the user, or else the only trusted one), and returns each row as JSON; whatever the query does is undone; leaves an audit entry; 22023 for a query that isn''t one statement that returns rows, 55000 while cursors are open';
-- A tenant's rows over all protected tables: handed out, and removed for good.

CREATE FUNCTION tenancy.names_one_of(relation regclass, "column" name, ids uuid[], external_ids text[]) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  -- An external id that is no number, or not the number's only spelling, names nothing in a column of numbers.
  SELECT format('t.%I = ANY (%L::%s[])', "column",
    CASE WHEN base.type = 'uuid' THEN ids::text
         WHEN base.type = 'text' THEN external_ids::text
         ELSE (SELECT coalesce(array_agg(e), '{}')::text FROM unnest(external_ids) e
               WHERE CASE WHEN e ~ '^(0|-?[1-9][0-9]{0,18})$'
                          THEN e::numeric BETWEEN base.lowest AND -(base.lowest + 1) ELSE false END) END, base.type)
  FROM pg_attribute a,
  LATERAL (SELECT CASE tenancy.base_type(a.atttypid)
                    WHEN 'uuid'::regtype THEN 'uuid' WHEN 'smallint'::regtype THEN 'smallint'
                    WHEN 'integer'::regtype THEN 'integer' WHEN 'bigint'::regtype THEN 'bigint' ELSE 'text' END) named (type),
  LATERAL (SELECT named.type, CASE named.type WHEN 'smallint' THEN -32768 WHEN 'integer' THEN -2147483648
                                ELSE -9223372036854775808 END::numeric) base (type, lowest)
  WHERE a.attrelid = relation AND a.attname = "column" AND NOT a.attisdropped
$$;
COMMENT ON FUNCTION tenancy.names_one_of(regclass, name, uuid[], text[]) IS 'A condition on table t as SQL: that the column names one of some entities, by id or external id as its type has it; NULL without a column';
REVOKE ALL ON FUNCTION tenancy.names_one_of(regclass, name, uuid[], text[]) FROM PUBLIC;

CREATE FUNCTION tenancy.rows_of_organization(protected_table tenancy.protected_tables, the_organization uuid, OUT own text, OUT disputed text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  t CONSTANT tenancy.protected_tables := protected_table;
  by_organization text;
  by_workspace text;
  by_another text;
BEGIN
  SELECT tenancy.names_one_of(t.relation, t.organization_column, array_agg(o.organization_id), array_remove(array_agg(o.external_id::text), NULL))
  INTO by_organization FROM tenancy.organizations o WHERE o.organization_id = the_organization;
  SELECT tenancy.names_one_of(t.relation, t.workspace_column, coalesce(array_agg(w.workspace_id), '{}'),
                              coalesce(array_remove(array_agg(w.external_id::text), NULL), '{}'))
  INTO by_workspace FROM tenancy.workspaces w WHERE w.organization_id = the_organization;
  IF by_organization IS NULL OR by_workspace IS NULL THEN
    own := coalesce(by_organization, by_workspace);
    disputed := 'false';
    RETURN;
  END IF;
  SELECT format('EXISTS (SELECT FROM tenancy.workspaces w WHERE w.organization_id <> %L AND ', the_organization) ||
         CASE WHEN tenancy.base_type(a.atttypid) = 'uuid'::regtype THEN format('w.workspace_id = t.%I)', a.attname)
              ELSE format('w.external_id = t.%I::text)', a.attname) END
  INTO by_another FROM pg_attribute a WHERE a.attrelid = t.relation AND a.attname = t.workspace_column;
  -- The organization decides. Who says one organization and another's workspace is seen by both, and nobody's to remove.
  own := format('((%s OR t.%I IS NULL AND %s) AND NOT %s)', by_organization, t.organization_column, by_workspace, by_another);
  disputed := format('(%s AND %s)', by_organization, by_another);
END
$$;
COMMENT ON FUNCTION tenancy.rows_of_organization(tenancy.protected_tables, uuid) IS 'Conditions on a protected table t as SQL: rows that are the organization''s own, and rows that name it together with a workspace of another';
REVOKE ALL ON FUNCTION tenancy.rows_of_organization(tenancy.protected_tables, uuid) FROM PUBLIC;

-- Rows of partitions count as their partitioned table's; inheritance children have columns of their own.
CREATE FUNCTION tenancy.tables_with_rows(within regclass DEFAULT NULL) RETURNS SETOF tenancy.protected_tables
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  WITH chosen AS (
    SELECT t.* FROM tenancy.protected_tables t
    WHERE within IS NULL OR t.relation IN (SELECT tenancy.family_of(within))
  )
  SELECT t.* FROM chosen t JOIN pg_class c ON c.oid = t.relation
  WHERE NOT (c.relispartition AND EXISTS (
    SELECT FROM pg_inherits i JOIN chosen p ON p.relation = i.inhparent WHERE i.inhrelid = t.relation))
$$;
COMMENT ON FUNCTION tenancy.tables_with_rows(regclass) IS 'Protected tables (NULL: all, else the table and what is below it) without the partitions of those';
REVOKE ALL ON FUNCTION tenancy.tables_with_rows(regclass) FROM PUBLIC;

CREATE FUNCTION tenancy.only_if_plain(relation regclass) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT format('%s%s', CASE c.relkind WHEN 'p' THEN '' ELSE 'ONLY ' END, relation) FROM pg_class c WHERE c.oid = relation
$$;
COMMENT ON FUNCTION tenancy.only_if_plain(regclass) IS 'A table for FROM: with its partitions, without its inheritance children';
REVOKE ALL ON FUNCTION tenancy.only_if_plain(regclass) FROM PUBLIC;

CREATE FUNCTION tenancy.organization_for_dba(reference text) RETURNS uuid
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  PERFORM tenancy.require_dba();
  IF reference IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed', MESSAGE = 'an organization must be given';
  END IF;
  RETURN tenancy.find_organization(reference);
END
$$;
COMMENT ON FUNCTION tenancy.organization_for_dba(text) IS 'Id of the organization that a DBA refers to; 42501 for anybody else, 42704 for none, 22004 for NULL';
REVOKE ALL ON FUNCTION tenancy.organization_for_dba(text) FROM PUBLIC;

-- Export and purge run by the rights of the extension's owner. What others have written must not: it would be a way for a DBA, or
-- for a table's owner, to become a superuser. A superuser who calls runs it anyway, as by any query on such a table. What is looked
-- at is locked, or can't be changed by others: a function could be altered meanwhile, and so it is its owner that counts.
CREATE FUNCTION tenancy.is_superusers(role oid) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT EXISTS (SELECT FROM pg_roles r WHERE r.oid = role AND r.rolsuper)
$$;
COMMENT ON FUNCTION tenancy.is_superusers(oid) IS 'Whether what the role owns is a superuser''s';
REVOKE ALL ON FUNCTION tenancy.is_superusers(oid) FROM PUBLIC;

CREATE FUNCTION tenancy.refuse_code_of_others(code text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF code IS NOT NULL AND current_setting('is_superuser') <> 'on' THEN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = format('%s could run by the rights of the extension''s owner', code),
      DETAIL = 'It is not a superuser''s.', HINT = 'Call this as a superuser, or without it.';
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy.refuse_code_of_others(text) IS 'Raises 42501, unless a superuser calls, when there is such code';
REVOKE ALL ON FUNCTION tenancy.refuse_code_of_others(text) FROM PUBLIC;

CREATE FUNCTION tenancy.code_run_by_delete(leaf regclass) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT min(code) FROM (
    -- Its function, and what its condition calls
    SELECT format('trigger "%s" on table %s', t.tgname, leaf)
    FROM pg_trigger t JOIN pg_depend d ON d.classid = 'pg_trigger'::regclass AND d.objid = t.oid
    LEFT JOIN pg_proc p ON d.refclassid = 'pg_proc'::regclass AND p.oid = d.refobjid
    LEFT JOIN pg_operator o ON d.refclassid = 'pg_operator'::regclass AND o.oid = d.refobjid
    LEFT JOIN pg_type y ON d.refclassid = 'pg_type'::regclass AND y.oid = d.refobjid
    WHERE t.tgrelid = leaf AND NOT t.tgisinternal AND t.tgenabled <> 'D' AND t.tgtype & 8 <> 0  -- TRIGGER_TYPE_DELETE
      AND NOT tenancy.is_superusers(coalesce(p.proowner, o.oprowner, y.typowner))
      AND coalesce(p.oid, o.oid, y.oid) IS NOT NULL
    UNION ALL
    SELECT format('rule "%s" on table %s', r.rulename, leaf) FROM pg_rewrite r WHERE r.ev_class = leaf AND r.ev_type = '4'  -- CMD_DELETE
  ) found (code)
$$;
COMMENT ON FUNCTION tenancy.code_run_by_delete(regclass) IS 'Of what is not a superuser''s, and would run by the rights of whoever deletes rows of just this table: one thing, in words; NULL: there is none';
REVOKE ALL ON FUNCTION tenancy.code_run_by_delete(regclass) FROM PUBLIC;

CREATE FUNCTION tenancy.code_run_by_to_jsonb(relation regclass) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  -- Who owns a type can make a cast to json at any time. Of domains the base type counts.
  WITH RECURSIVE part AS (
    SELECT a.atttypid AS type FROM pg_attribute a WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped
    UNION
    SELECT inner_type FROM part JOIN pg_type t ON t.oid = part.type,
    LATERAL (SELECT t.typbasetype UNION ALL SELECT t.typelem
             UNION ALL SELECT a.atttypid FROM pg_attribute a WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped) p (inner_type)
    WHERE inner_type <> 0
  )
  SELECT min(format('a cast to json of type %s', t.oid::regtype)) FROM part JOIN pg_type t ON t.oid = part.type
  WHERE t.typtype <> 'd' AND t.typcategory <> 'A' AND NOT tenancy.is_superusers(t.typowner)
$$;
COMMENT ON FUNCTION tenancy.code_run_by_to_jsonb(regclass) IS 'Of what is not a superuser''s, and could run when rows of a table are turned into JSON: one thing, in words; NULL: there is none';
REVOKE ALL ON FUNCTION tenancy.code_run_by_to_jsonb(regclass) FROM PUBLIC;

CREATE FUNCTION tenancy.exported_rows(organization text, within regclass) RETURNS TABLE (relation regclass, "row" jsonb)
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
#variable_conflict use_column
DECLARE
  the_organization uuid := tenancy.organization_for_dba(organization);
  exported tenancy.protected_tables;
  rows_of_table bigint;
  counts jsonb := '{}';
BEGIN
  IF within IS NOT NULL AND NOT EXISTS (SELECT FROM tenancy.protected_tables t WHERE t.relation = within) THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = format('table %s is not protected', within),
      HINT = 'tenancy.protected_tables lists those that are.';
  END IF;
  FOR exported IN SELECT * FROM tenancy.tables_with_rows(within) t ORDER BY t.relation::text LOOP
    EXECUTE format('LOCK TABLE ONLY %s IN ACCESS SHARE MODE', exported.relation);
    PERFORM tenancy.refuse_code_of_others(tenancy.code_run_by_to_jsonb(exported.relation));
    RETURN QUERY EXECUTE format('SELECT $1, to_jsonb(t) FROM %s t WHERE %s', tenancy.only_if_plain(exported.relation),
                                (tenancy.rows_of_organization(exported, the_organization)).own) USING exported.relation;
    GET DIAGNOSTICS rows_of_table = ROW_COUNT;
    counts := counts || jsonb_build_object(exported.relation::text, rows_of_table);
  END LOOP;
  PERFORM tenancy.add_audit_entry('export', 'organization', the_organization::text, the_organization, after => counts);
END
$$;
COMMENT ON FUNCTION tenancy.exported_rows(text, regclass) IS 'What export_organization() returns';
REVOKE ALL ON FUNCTION tenancy.exported_rows(text, regclass) FROM PUBLIC;

-- In SQL, since in PL/pgSQL an argument and a column can't have the same name.
CREATE FUNCTION tenancy.export_organization(organization text, relation regclass DEFAULT NULL)
RETURNS TABLE (relation regclass, "row" jsonb)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT * FROM tenancy.exported_rows($1, $2)
$$;
COMMENT ON FUNCTION tenancy.export_organization(text, regclass) IS 'For a DBA: all rows of an organization in protected tables, or (the second argument) in one of them with what is below it, each with its table (for a partition, the partitioned table); leaves an audit entry with the numbers of rows; 55000 for a table that isn''t protected, 42501, unless a superuser calls, for a column whose type isn''t a superuser''s, since its owner''s cast to json would run by the rights of the extension''s owner';

CREATE FUNCTION tenancy.close_organization(organization text) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
#variable_conflict use_column
DECLARE
  the_organization uuid := tenancy.organization_for_dba(organization);
BEGIN
  -- Two who purge the same organization take turns; and once is enough to tell every session.
  PERFORM FROM tenancy.organizations o WHERE o.organization_id = the_organization FOR UPDATE;
  UPDATE tenancy.organizations o SET closed_at = now() WHERE o.organization_id = the_organization AND o.closed_at IS NULL;
  DELETE FROM tenancy.api_key_secrets s
  WHERE s.api_key_id IN (SELECT k.api_key_id FROM tenancy.api_keys k WHERE k.organization_id = the_organization);
  DELETE FROM tenancy.jwt_keys k WHERE k.organization_id = the_organization;
  DELETE FROM tenancy.organization_members m WHERE m.organization_id = the_organization;
  RETURN the_organization;
END
$$;
COMMENT ON FUNCTION tenancy.close_organization(text) IS 'For a DBA: ends all access to an organization at once and for good, as the first step of its removal: members, secrets of keys, and keys for tokens go, rows stay; returns its id';

-- What must go before a row can: rows of protected tables that refer to it, by whatever foreign key. Those that would go or
-- change along with it (ON DELETE CASCADE …) might be another tenant's. A row that refers to itself stands in nobody's way.
CREATE FUNCTION tenancy.not_referred_to(leaf regclass) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT coalesce(string_agg(format(
    ' AND NOT EXISTS (SELECT FROM %s r WHERE (%s) = (%s) AND (r.tableoid, r.ctid) <> (t.tableoid, t.ctid))',
    tenancy.only_if_plain(k.conrelid),
    (SELECT string_agg(format('r.%I', a.attname), ', ' ORDER BY u.n) FROM unnest(k.conkey) WITH ORDINALITY u (attnum, n)
     JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.attnum),
    (SELECT string_agg(format('t.%I', a.attname), ', ' ORDER BY u.n) FROM unnest(k.confkey) WITH ORDINALITY u (attnum, n)
     JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.attnum)), '' ORDER BY k.oid), '')
  FROM pg_constraint k
  WHERE k.contype = 'f' AND k.conparentid = 0
    AND (k.confrelid = leaf OR k.confrelid IN (SELECT a.relid FROM pg_partition_ancestors(leaf) a))
    AND EXISTS (SELECT FROM tenancy.protected_tables p WHERE p.relation = k.conrelid)
$$;
COMMENT ON FUNCTION tenancy.not_referred_to(regclass) IS 'A condition on table t as SQL, to be added to others: that no other row of a protected table refers to the row';
REVOKE ALL ON FUNCTION tenancy.not_referred_to(regclass) FROM PUBLIC;

-- Tables that refer to others come before these, so that one round does; in a circle any order does, by several rounds.
CREATE FUNCTION tenancy.tables_by_references() RETURNS SETOF tenancy.protected_tables
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  WITH RECURSIVE tables AS (
    SELECT t.relation FROM tenancy.tables_with_rows() t
  ), reference AS (
    SELECT DISTINCT coalesce(pg_partition_root(k.conrelid), k.conrelid)::oid AS referring,
                    coalesce(pg_partition_root(k.confrelid), k.confrelid)::oid AS referred
    FROM pg_constraint k WHERE k.contype = 'f' AND k.conrelid <> k.confrelid
  ), distance AS (
    SELECT t.relation::oid AS relid, 0 AS steps FROM tables t
    UNION
    SELECT r.referred, d.steps + 1 FROM distance d JOIN reference r ON r.referring = d.relid
    WHERE r.referred <> r.referring AND d.steps < (SELECT count(*) FROM tables)
  )
  SELECT t.* FROM tenancy.tables_with_rows() t
  ORDER BY (SELECT max(d.steps) FROM distance d WHERE d.relid = t.relation), t.relation::text
$$;
COMMENT ON FUNCTION tenancy.tables_by_references() IS 'tables_with_rows(), those first that refer to others by foreign keys';
REVOKE ALL ON FUNCTION tenancy.tables_by_references() FROM PUBLIC;

-- By address and not by key, since a table need not have one; the addresses are those of one table, hence the leaves.
CREATE FUNCTION tenancy.purge_table(purged tenancy.protected_tables, organization_id uuid, at_most bigint) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  own_rows CONSTANT text := (tenancy.rows_of_organization(purged, organization_id)).own;
  most_of_batch CONSTANT bigint := 10000;
  leaf regclass;
  in_batch bigint;
  in_all bigint := 0;
BEGIN
  FOR leaf IN
    SELECT c.oid FROM pg_class c
    WHERE c.relkind = 'r' AND (c.oid = purged.relation OR c.oid IN (SELECT p.relid FROM pg_partition_tree(purged.relation) p))
    ORDER BY c.oid::regclass::text LOOP
    EXECUTE format('LOCK TABLE ONLY %s IN ROW EXCLUSIVE MODE', leaf);
    PERFORM tenancy.refuse_code_of_others(tenancy.code_run_by_delete(leaf));
    LOOP
      EXECUTE format('DELETE FROM ONLY %1$s WHERE ctid = ANY (ARRAY(SELECT t.ctid FROM ONLY %1$s t WHERE %2$s%3$s LIMIT $1))',
                     leaf, own_rows, tenancy.not_referred_to(leaf)) USING least(most_of_batch, at_most - in_all);
      GET DIAGNOSTICS in_batch = ROW_COUNT;
      EXIT WHEN in_batch = 0;
      in_all := in_all + in_batch;
      RAISE NOTICE 'rows removed from table %: %', leaf, in_batch;
    END LOOP;
  END LOOP;
  RETURN in_all;
END
$$;
COMMENT ON FUNCTION tenancy.purge_table(tenancy.protected_tables, uuid, bigint) IS 'Removes rows of an organization from one table, at most so many, that nothing refers to; returns how many';
REVOKE ALL ON FUNCTION tenancy.purge_table(tenancy.protected_tables, uuid, bigint) FROM PUBLIC;

CREATE FUNCTION tenancy.finish_purge(organization_id uuid) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
#variable_conflict use_variable
DECLARE
  purged tenancy.protected_tables;
  condition record;
  any_left boolean;
  disputed bigint;
BEGIN
  FOR purged IN SELECT * FROM tenancy.tables_by_references() LOOP
    condition := tenancy.rows_of_organization(purged, organization_id);
    EXECUTE format('SELECT EXISTS (SELECT FROM %s t WHERE %s)', tenancy.only_if_plain(purged.relation), condition.own) INTO any_left;
    IF any_left THEN
      RAISE EXCEPTION USING ERRCODE = 'foreign_key_violation', TABLE = purged.relation::text,
        MESSAGE = format('rows of the organization in table %s cannot be removed', purged.relation),
        DETAIL = 'Rows that are not the organization''s refer to them, or they refer to each other in a circle, or a trigger keeps them.',
        HINT = 'Remove what refers to them, then go on with the same call.';
    END IF;
    EXECUTE format('SELECT count(*) FROM %s t WHERE %s', tenancy.only_if_plain(purged.relation), condition.disputed) INTO disputed;
    IF disputed > 0 THEN
      RAISE WARNING USING MESSAGE = format('rows left in table %s: %s', purged.relation, disputed),
        DETAIL = 'They name the organization together with a workspace of another.';
    END IF;
  END LOOP;
  DELETE FROM tenancy.organizations o WHERE o.organization_id = organization_id;
END
$$;
COMMENT ON FUNCTION tenancy.finish_purge(uuid) IS 'Removes an organization from the catalogs once it has no rows left, or raises 23503; warns of rows that name another''s workspace';
REVOKE ALL ON FUNCTION tenancy.finish_purge(uuid) FROM PUBLIC;

CREATE FUNCTION tenancy.purge_organization(organization text, at_most bigint DEFAULT NULL)
RETURNS TABLE (relation regclass, removed bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
#variable_conflict use_column
DECLARE
  the_organization uuid := tenancy.close_organization(organization);
  budget bigint := coalesce(at_most, 9223372036854775807);
  tables regclass[];
  counts bigint[];
  purged tenancy.protected_tables;
  in_table bigint;
  in_round bigint;
BEGIN
  IF budget < 1 THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'the number of rows must be positive';
  END IF;
  SELECT coalesce(array_agg(t.relation::regclass), '{}'), coalesce(array_agg(0), '{}') INTO tables, counts FROM tenancy.tables_by_references() t;
  LOOP
    in_round := 0;
    FOR purged IN SELECT * FROM tenancy.tables_by_references() LOOP
      EXIT WHEN budget = 0;
      in_table := tenancy.purge_table(purged, the_organization, budget);
      budget := budget - in_table;
      in_round := in_round + in_table;
      counts[array_position(tables, purged.relation)] := counts[array_position(tables, purged.relation)] + in_table;
    END LOOP;
    EXIT WHEN in_round = 0 OR budget = 0;
  END LOOP;
  IF EXISTS (SELECT FROM unnest(counts) c WHERE c > 0) THEN
    PERFORM tenancy.add_audit_entry('purge', 'organization', the_organization::text, the_organization,
      after => (SELECT jsonb_object_agg(u.t::text, u.c) FROM unnest(tables, counts) u (t, c) WHERE u.c > 0));
  END IF;
  IF budget > 0 THEN
    PERFORM tenancy.finish_purge(the_organization);
  END IF;
  RETURN QUERY SELECT u.t, u.c FROM unnest(tables, counts) WITH ORDINALITY u (t, c, n) ORDER BY u.n;
END
$$;
COMMENT ON FUNCTION tenancy.purge_organization(text, bigint) IS 'For a DBA: removes an organization for good: closes it, then deletes its rows in protected tables (at most so many in this call), and with the call that leaves none, the organization itself; returns the rows removed per table; audit entries stay, see purge_audit_log(); 23503 while rows of others refer to its rows, 42501, unless a superuser calls, for a table with a rule, or a trigger that isn''t a superuser''s, which would run by the rights of the extension''s owner';

-- Each transaction begins by pinning search_path, which the procedure itself can't: a SET clause would keep it from COMMIT.
CREATE PROCEDURE tenancy.purge_organization_in_batches(organization text, batch_size bigint DEFAULT 10000)
LANGUAGE plpgsql AS $$
DECLARE
  the_organization uuid;
  closing xid8;
  told boolean := false;
BEGIN
  SET LOCAL search_path = pg_catalog, tenancy, pg_temp;
  the_organization := tenancy.close_organization(organization);
  closing := pg_current_xact_id();
  COMMIT;
  -- What was begun while the organization was open could still add rows.
  LOOP
    SET LOCAL search_path = pg_catalog, tenancy, pg_temp;
    EXIT WHEN pg_snapshot_xmin(pg_current_snapshot()) > closing;
    IF NOT told THEN
      RAISE NOTICE 'waiting for transactions that began before the organization was closed';
      told := true;
    END IF;
    PERFORM pg_sleep(0.1);
    COMMIT;
  END LOOP;
  LOOP
    SET LOCAL search_path = pg_catalog, tenancy, pg_temp;
    EXIT WHEN NOT EXISTS (SELECT FROM tenancy.organizations o WHERE o.organization_id = the_organization);
    PERFORM FROM tenancy.purge_organization(the_organization::text, batch_size);
    COMMIT;
  END LOOP;
END
$$;
COMMENT ON PROCEDURE tenancy.purge_organization_in_batches(text, bigint) IS 'For a DBA: the same, in transactions of so many rows each, after waiting for those that began before; stopped anywhere, it goes on where it was when called again';
-- How often things happened.

CREATE FUNCTION tenancy.stats() RETURNS TABLE (counter text, session bigint, server bigint)
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'pg_tenancy_stats';
COMMENT ON FUNCTION tenancy.stats() IS 'For monitoring: how often things happened in this session, and on the server since its start (NULL unless pg_tenancy is in shared_preload_libraries)';
REVOKE ALL ON FUNCTION tenancy.stats() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tenancy.stats() TO pg_monitor;
-- Tables for LLM requests, named after OpenTelemetry's conventions. They belong to whoever calls create_observability(), not to
-- the extension: pg_dump dumps them as any other tables.

CREATE FUNCTION tenancy.create_observability_tables(schema regnamespace) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  PERFORM set_config('search_path', format('%s, pg_temp', schema), true);

  CREATE TABLE logs (
    log_id uuid NOT NULL DEFAULT gen_random_uuid(),
    start_time timestamptz NOT NULL DEFAULT now(),
    end_time timestamptz,
    organization_id uuid NOT NULL,
    workspace_id uuid,
    user_id uuid,
    api_key_id uuid,
    trace_id text COLLATE "C",
    span_id text COLLATE "C",
    conversation_id text COLLATE "C",
    operation_name text COLLATE "C",
    provider_name text COLLATE "C",
    request_model text COLLATE "C",
    response_model text COLLATE "C",
    response_id text COLLATE "C",
    response_finish_reasons text[],
    http_response_status_code integer,
    error_type text COLLATE "C",
    usage_input_tokens bigint,
    usage_output_tokens bigint,
    usage_cache_read_input_tokens bigint,
    usage_cache_creation_input_tokens bigint,
    time_to_first_token interval,
    cost numeric,
    metadata jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (log_id, start_time)
  ) PARTITION BY RANGE (start_time);
  CREATE INDEX logs_organization_idx ON logs (organization_id, start_time);
  CREATE INDEX logs_workspace_idx ON logs (workspace_id, start_time);
  CREATE INDEX logs_user_idx ON logs (workspace_id, user_id, start_time);
  CREATE INDEX logs_api_key_idx ON logs (workspace_id, api_key_id, start_time);
  CREATE INDEX logs_model_idx ON logs (workspace_id, request_model, http_response_status_code, start_time);
  CREATE INDEX logs_trace_idx ON logs (trace_id) WHERE trace_id IS NOT NULL;
  -- For the roll-up, which reads hours of everybody.
  CREATE INDEX logs_start_time_idx ON logs USING brin (start_time) WITH (pages_per_range = 16);
  COMMENT ON TABLE logs IS 'Requests to models: metadata. Who may list logs sees a row';
  COMMENT ON COLUMN logs.log_id IS 'Id of the entry; its writer may choose it, to write again without doubling';
  COMMENT ON COLUMN logs.start_time IS 'When the request began (span: start time)';
  COMMENT ON COLUMN logs.end_time IS 'When the response was complete (span: end time)';
  COMMENT ON COLUMN logs.trace_id IS 'Trace that the request is part of (span: trace id, 32 hexadecimal digits)';
  COMMENT ON COLUMN logs.span_id IS 'Span of the request in its trace (span: span id, 16 hexadecimal digits)';
  COMMENT ON COLUMN logs.conversation_id IS 'gen_ai.conversation.id';
  COMMENT ON COLUMN logs.operation_name IS 'gen_ai.operation.name: chat, embeddings, text_completion and so on';
  COMMENT ON COLUMN logs.provider_name IS 'gen_ai.provider.name: openai, anthropic, aws.bedrock and so on';
  COMMENT ON COLUMN logs.request_model IS 'gen_ai.request.model: the model that was asked for';
  COMMENT ON COLUMN logs.response_model IS 'gen_ai.response.model: the model that answered';
  COMMENT ON COLUMN logs.response_id IS 'gen_ai.response.id';
  COMMENT ON COLUMN logs.response_finish_reasons IS 'gen_ai.response.finish_reasons';
  COMMENT ON COLUMN logs.http_response_status_code IS 'http.response.status_code';
  COMMENT ON COLUMN logs.error_type IS 'error.type: a short class of error, NULL for success';
  COMMENT ON COLUMN logs.usage_input_tokens IS 'gen_ai.usage.input_tokens';
  COMMENT ON COLUMN logs.usage_output_tokens IS 'gen_ai.usage.output_tokens';
  COMMENT ON COLUMN logs.usage_cache_read_input_tokens IS 'gen_ai.usage.cache_read.input_tokens';
  COMMENT ON COLUMN logs.usage_cache_creation_input_tokens IS 'gen_ai.usage.cache_creation.input_tokens';
  COMMENT ON COLUMN logs.time_to_first_token IS 'gen_ai.server.time_to_first_token';
  COMMENT ON COLUMN logs.cost IS 'Price of the request, in the one currency that the writers use (not an OpenTelemetry attribute)';
  COMMENT ON COLUMN logs.metadata IS 'Any other attributes, as an object';

  CREATE TABLE log_payloads (
    log_id uuid NOT NULL,
    start_time timestamptz NOT NULL,
    organization_id uuid NOT NULL,
    workspace_id uuid,
    user_id uuid,
    api_key_id uuid,
    request jsonb,
    response jsonb,
    PRIMARY KEY (log_id, start_time)
  ) PARTITION BY RANGE (start_time);
  CREATE INDEX log_payloads_organization_idx ON log_payloads (organization_id, start_time);
  CREATE INDEX log_payloads_workspace_idx ON log_payloads (workspace_id, start_time);
  CREATE INDEX log_payloads_user_idx ON log_payloads (workspace_id, user_id, start_time);
  COMMENT ON TABLE log_payloads IS 'Requests to models: full content. Who may view logs sees a row';
  COMMENT ON COLUMN log_payloads.log_id IS 'The entry of logs';
  COMMENT ON COLUMN log_payloads.start_time IS 'start_time of the entry';
  COMMENT ON COLUMN log_payloads.request IS 'What was sent: gen_ai.input.messages, gen_ai.system_instructions, gen_ai.tool.definitions, parameters';
  COMMENT ON COLUMN log_payloads.response IS 'What came back: gen_ai.output.messages';

  CREATE TABLE traces (
    trace_id text COLLATE "C" NOT NULL,
    span_id text COLLATE "C" NOT NULL,
    parent_span_id text COLLATE "C",
    start_time timestamptz NOT NULL,
    end_time timestamptz,
    organization_id uuid NOT NULL,
    workspace_id uuid,
    user_id uuid,
    api_key_id uuid,
    name text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL DEFAULT 'internal' CHECK (kind IN ('internal', 'server', 'client', 'producer', 'consumer')),
    status_code text COLLATE "C" NOT NULL DEFAULT 'unset' CHECK (status_code IN ('unset', 'ok', 'error')),
    status_message text,
    service_name text COLLATE "C",
    scope_name text COLLATE "C",
    scope_version text COLLATE "C",
    trace_state text,
    resource jsonb NOT NULL DEFAULT '{}',
    attributes jsonb NOT NULL DEFAULT '{}',
    events jsonb NOT NULL DEFAULT '[]',
    links jsonb NOT NULL DEFAULT '[]',
    PRIMARY KEY (trace_id, span_id, start_time, organization_id)
  ) PARTITION BY RANGE (start_time);
  CREATE INDEX traces_organization_idx ON traces (organization_id, start_time);
  CREATE INDEX traces_workspace_idx ON traces (workspace_id, start_time);
  CREATE INDEX traces_user_idx ON traces (workspace_id, user_id, start_time);
  CREATE INDEX traces_name_idx ON traces (workspace_id, name, status_code, start_time);
  COMMENT ON TABLE traces IS 'OpenTelemetry spans. Who may view traces sees a row; who may only list them, traces_scoped';
  COMMENT ON COLUMN traces.trace_id IS 'Span: trace id, 32 hexadecimal digits';
  COMMENT ON COLUMN traces.span_id IS 'Span: span id, 16 hexadecimal digits';
  COMMENT ON COLUMN traces.parent_span_id IS 'Span: parent span id, NULL for the root';
  COMMENT ON COLUMN traces.start_time IS 'Span: start time';
  COMMENT ON COLUMN traces.end_time IS 'Span: end time';
  COMMENT ON COLUMN traces.name IS 'Span: name';
  COMMENT ON COLUMN traces.kind IS 'Span: kind, in lower case and without SPAN_KIND_';
  COMMENT ON COLUMN traces.status_code IS 'Span: status code, in lower case and without STATUS_CODE_';
  COMMENT ON COLUMN traces.status_message IS 'Span: status message';
  COMMENT ON COLUMN traces.service_name IS 'service.name of the resource';
  COMMENT ON COLUMN traces.scope_name IS 'Instrumentation scope: name';
  COMMENT ON COLUMN traces.scope_version IS 'Instrumentation scope: version';
  COMMENT ON COLUMN traces.trace_state IS 'Span: trace state';
  COMMENT ON COLUMN traces.resource IS 'Attributes of the resource';
  COMMENT ON COLUMN traces.attributes IS 'Attributes of the span, with messages where they are recorded';
  COMMENT ON COLUMN traces.events IS 'Events of the span';
  COMMENT ON COLUMN traces.links IS 'Links of the span';

  CREATE TABLE analytics (
    hour timestamptz NOT NULL,
    organization_id uuid NOT NULL,
    workspace_id uuid,
    user_id uuid,
    api_key_id uuid,
    operation_name text COLLATE "C",
    provider_name text COLLATE "C",
    request_model text COLLATE "C",
    http_response_status_code integer,
    requests bigint NOT NULL,
    usage_input_tokens bigint NOT NULL,
    usage_output_tokens bigint NOT NULL,
    usage_cache_read_input_tokens bigint NOT NULL,
    usage_cache_creation_input_tokens bigint NOT NULL,
    cost numeric NOT NULL,
    timed_requests bigint NOT NULL,
    duration interval NOT NULL,
    UNIQUE NULLS NOT DISTINCT (hour, organization_id, workspace_id, user_id, api_key_id, operation_name, provider_name, request_model,
                               http_response_status_code)
  ) PARTITION BY RANGE (hour);
  CREATE INDEX analytics_organization_idx ON analytics (organization_id, hour);
  CREATE INDEX analytics_workspace_idx ON analytics (workspace_id, hour);
  CREATE INDEX analytics_user_idx ON analytics (workspace_id, user_id, hour);
  COMMENT ON TABLE analytics IS 'Sums of logs by hour, workspace, user, key, model and status, kept by refresh_analytics(). Who may view analytics sees a row';
  COMMENT ON COLUMN analytics.hour IS 'Beginning of the hour (UTC) in which the requests began';
  COMMENT ON COLUMN analytics.operation_name IS 'gen_ai.operation.name';
  COMMENT ON COLUMN analytics.provider_name IS 'gen_ai.provider.name';
  COMMENT ON COLUMN analytics.request_model IS 'gen_ai.request.model';
  COMMENT ON COLUMN analytics.http_response_status_code IS 'http.response.status_code';
  COMMENT ON COLUMN analytics.requests IS 'Number of requests';
  COMMENT ON COLUMN analytics.usage_input_tokens IS 'Sum of gen_ai.usage.input_tokens';
  COMMENT ON COLUMN analytics.usage_output_tokens IS 'Sum of gen_ai.usage.output_tokens';
  COMMENT ON COLUMN analytics.usage_cache_read_input_tokens IS 'Sum of gen_ai.usage.cache_read.input_tokens';
  COMMENT ON COLUMN analytics.usage_cache_creation_input_tokens IS 'Sum of gen_ai.usage.cache_creation.input_tokens';
  COMMENT ON COLUMN analytics.cost IS 'Sum of cost';
  COMMENT ON COLUMN analytics.timed_requests IS 'Number of requests that have an end_time';
  COMMENT ON COLUMN analytics.duration IS 'Sum of their end_time - start_time (gen_ai.client.operation.duration)';
END
$$;
COMMENT ON FUNCTION tenancy.create_observability_tables(regnamespace) IS 'Creates logs, log_payloads, traces and analytics in a schema, without partitions and not yet protected';
-- Partitions of the observability tables by day or month (UTC): made ahead, dropped when old. A default partition takes what fits
-- nowhere, so that no log is lost when nobody has made the next partition.

-- Unlike pg_partition_tree(), without locking any of them.
CREATE FUNCTION tenancy.partitions_of(relation regclass) RETURNS SETOF regclass
LANGUAGE sql STABLE STRICT SET search_path = pg_catalog, tenancy, pg_temp AS $$
  WITH RECURSIVE family AS (
    SELECT i.inhrelid FROM pg_inherits i WHERE i.inhparent = relation
    UNION ALL
    SELECT i.inhrelid FROM pg_inherits i JOIN family f ON i.inhparent = f.inhrelid
  )
  SELECT c.oid::regclass FROM family f JOIN pg_class c ON c.oid = f.inhrelid WHERE c.relkind = 'r'
$$;
COMMENT ON FUNCTION tenancy.partitions_of(regclass) IS 'Partitions of a table that hold rows';

CREATE FUNCTION tenancy.partition_ranges(relation regclass) RETURNS TABLE (partition regclass, lower timestamptz, upper timestamptz)
LANGUAGE sql STABLE STRICT SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT p, coalesce(substring(bound.text FROM $pattern$FROM \('([^']+)'\)$pattern$)::timestamptz, '-infinity'),
         coalesce(substring(bound.text FROM $pattern$TO \('([^']+)'\)$pattern$)::timestamptz, 'infinity')
  FROM tenancy.partitions_of(relation) p JOIN pg_class c ON c.oid = p, pg_get_expr(c.relpartbound, c.oid) bound (text)
$$;
COMMENT ON FUNCTION tenancy.partition_ranges(regclass) IS 'The time that each partition of a table covers; all time for the default partition';

CREATE FUNCTION tenancy.is_default_partition(partition regclass) RETURNS boolean
LANGUAGE sql STABLE STRICT SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT EXISTS (SELECT FROM pg_partitioned_table p WHERE p.partdefid = partition)
$$;
COMMENT ON FUNCTION tenancy.is_default_partition(regclass) IS 'Whether a table is the default partition of another';

CREATE FUNCTION tenancy.create_partition(parent regclass, unit text, at timestamptz) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp SET row_security = off AS $$
DECLARE
  first timestamptz := date_trunc(unit, at, 'UTC');
  until timestamptz := (first AT TIME ZONE 'UTC' + ('1 ' || unit)::interval) AT TIME ZONE 'UTC';
  control name;
  default_partition regclass;
  partition text;
  columns text;
  moved bigint;
BEGIN
  SELECT format('%I.%I', n.nspname, c.relname || to_char(first AT TIME ZONE 'UTC', CASE unit WHEN 'day' THEN '_"p"YYYYMMDD' ELSE '_"p"YYYYMM' END)),
         a.attname, NULLIF(p.partdefid, 0)
  INTO partition, control, default_partition
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_partitioned_table p ON p.partrelid = c.oid
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = p.partattrs[0]
  WHERE c.oid = parent;
  -- Who attaches a partition needs this lock anyway; taken first, no row of it comes in between.
  IF default_partition IS NOT NULL THEN
    EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', default_partition);
  END IF;
  IF EXISTS (SELECT FROM tenancy.partition_ranges(parent) r
             WHERE r.lower < until AND r.upper > first AND r.partition IS DISTINCT FROM default_partition) THEN
    RETURN false;
  END IF;
  -- Attached instead of created in its place: readers and writers of the other partitions need not stop.
  EXECUTE format('CREATE TABLE %s (LIKE %s INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING GENERATED INCLUDING STORAGE
                  INCLUDING COMPRESSION)', partition, parent);
  IF default_partition IS NOT NULL THEN
    SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) INTO columns FROM pg_attribute a
    WHERE a.attrelid = parent AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '';
    EXECUTE format('WITH moved AS (DELETE FROM %1$s WHERE %2$I >= $1 AND %2$I < $2 RETURNING *) INSERT INTO %3$s (%4$s) SELECT %4$s FROM moved',
                   default_partition, control, partition, columns) USING first, until;
    GET DIAGNOSTICS moved = ROW_COUNT;
    IF moved > 0 THEN
      RAISE NOTICE '% rows move from the default partition to %', moved, partition;
    END IF;
  END IF;
  EXECUTE format('ALTER TABLE %s ATTACH PARTITION %s FOR VALUES FROM (%L) TO (%L)', parent, partition, first, until);
  RETURN true;
END
$$;
COMMENT ON FUNCTION tenancy.create_partition(regclass, text, timestamptz) IS 'Makes the partition (unit: day or month, UTC) of a table for a time, unless there is one, and moves its rows there from the default partition';

CREATE FUNCTION tenancy.partman_schema() RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT e.extnamespace::regnamespace::text FROM pg_extension e
  WHERE e.extname = 'pg_partman' AND has_schema_privilege(e.extnamespace, 'USAGE')
    AND has_table_privilege(format('%s.part_config', e.extnamespace::regnamespace), 'SELECT, INSERT, UPDATE')
$$;
COMMENT ON FUNCTION tenancy.partman_schema() IS 'Schema of pg_partman where that is installed and the caller may use it, else NULL';

CREATE FUNCTION tenancy.partman_name(parent regclass) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  partman text := tenancy.partman_schema();
  name text;
BEGIN
  IF partman IS NOT NULL THEN
    EXECUTE format($query$SELECT p.parent_table FROM %s.part_config p JOIN pg_class c ON c.oid = $1 JOIN pg_namespace n ON n.oid = c.relnamespace
                   WHERE p.parent_table = n.nspname || '.' || c.relname$query$, partman) INTO name USING parent;
  END IF;
  RETURN name;
END
$$;
COMMENT ON FUNCTION tenancy.partman_name(regclass) IS 'Name by which pg_partman manages a table, or NULL';

CREATE FUNCTION tenancy.start_partitions(parent regclass, unit text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  partman text := tenancy.partman_schema();
  before_5 boolean;
  schema name;
  "table" name;
  control name;
BEGIN
  SELECT n.nspname, c.relname, a.attname INTO schema, "table", control
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_partitioned_table p ON p.partrelid = c.oid
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = p.partattrs[0]
  WHERE c.oid = parent;
  IF partman IS NULL THEN
    EXECUTE format('CREATE TABLE %I.%I PARTITION OF %s DEFAULT', schema, "table" || '_default', parent);
  ELSE
    SELECT split_part(e.extversion, '.', 1)::integer < 5 INTO before_5 FROM pg_extension e WHERE e.extname = 'pg_partman';
    EXECUTE format('SELECT %s.create_parent(p_parent_table => $1, p_control => $2, p_type => $3, p_interval => $4, p_premake => $5)', partman)
    USING schema || '.' || "table", control::text, CASE WHEN before_5 THEN 'native' ELSE 'range' END,
          CASE WHEN NOT before_5 THEN '1 ' || unit WHEN unit = 'day' THEN 'daily' ELSE 'monthly' END,
          CASE unit WHEN 'day' THEN 7 ELSE 2 END;
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy.start_partitions(regclass, text) IS 'Hands a new partitioned table to pg_partman where that is installed, or gives it a default partition';

CREATE FUNCTION tenancy.create_partitions(schema regnamespace, unit text, ahead interval, since timestamptz) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp SET timezone = 'UTC' AS $$
DECLARE
  parent record;
  at timestamptz;
  made integer := 0;
BEGIN
  -- Before any table is locked, as refresh_analytics() does.
  EXECUTE format('SELECT FROM %s.analytics_state FOR UPDATE', schema);
  FOR parent IN
    SELECT to_regclass(format('%s.%I', schema, v.name)) AS relation, v.unit
    FROM (VALUES ('logs', unit), ('log_payloads', unit), ('traces', unit), ('analytics', 'month')) v (name, unit) LOOP
    IF tenancy.partman_name(parent.relation) IS NOT NULL THEN
      made := made - (SELECT count(*) FROM tenancy.partition_ranges(parent.relation));
      EXECUTE format('SELECT %s.run_maintenance(%L)', tenancy.partman_schema(), tenancy.partman_name(parent.relation));
      made := made + (SELECT count(*) FROM tenancy.partition_ranges(parent.relation));
      CONTINUE;
    END IF;
    FOR at IN SELECT generate_series(date_trunc(parent.unit, since), since + ahead, ('1 ' || parent.unit)::interval) LOOP
      made := made + tenancy.create_partition(parent.relation, parent.unit, at)::integer;
    END LOOP;
  END LOOP;
  PERFORM tenancy.track_partitions(schema);
  RETURN made;
END
$$;
COMMENT ON FUNCTION tenancy.create_partitions(regnamespace, text, interval, timestamptz) IS 'Makes the partitions that the observability tables of a schema lack from a time on, and returns how many; where pg_partman manages a table, it does so';

CREATE PROCEDURE tenancy.create_partitions_in_batches(schema regnamespace, since timestamptz, until timestamptz)
LANGUAGE plpgsql AS $$
DECLARE
  at timestamptz := since;
  step pg_catalog.interval := '7 days';
  made integer;
BEGIN
  WHILE at OPERATOR(pg_catalog.<=) until LOOP
    IF until OPERATOR(pg_catalog.-) at OPERATOR(pg_catalog.<) step THEN
      step := until OPERATOR(pg_catalog.-) at;
    END IF;
    EXECUTE pg_catalog.format('SELECT %s.create_partitions($1, $2)', schema) INTO made USING step, at;
    COMMIT;
    at := at OPERATOR(pg_catalog.+) step;
    RAISE NOTICE 'schema %: % partitions made, complete until %', schema, made, at;
    EXIT WHEN at OPERATOR(pg_catalog.=) until;
  END LOOP;
END
$$;
COMMENT ON PROCEDURE tenancy.create_partitions_in_batches(regnamespace, timestamptz, timestamptz) IS 'Makes the partitions for a longer time, committing each week of it; called again it goes on where it was stopped';

CREATE FUNCTION tenancy.drop_partitions(schema regnamespace, "table" text, older_than interval, keep_analytics boolean) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp SET row_security = off AS $$
#variable_conflict use_variable
DECLARE
  parent regclass;
  default_partition regclass;
  before timestamptz := date_trunc('day', now() - older_than, 'UTC');
  day timestamptz;
  old record;
  dropped integer := 0;
BEGIN
  IF "table" IS NULL OR "table" NOT IN ('logs', 'log_payloads', 'traces', 'analytics') THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('"%s" has no partitions to drop', "table"),
      HINT = 'Tables are logs, log_payloads, traces and analytics.';
  END IF;
  IF older_than IS NULL OR older_than < '0' THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'an age that is not negative must be given';
  END IF;
  EXECUTE format('SELECT FROM %s.analytics_state FOR UPDATE', schema);
  parent := to_regclass(format('%s.%I', schema, "table"));
  -- Rows that came when their partition was gone lie in the default partition. They get one of their own, to be dropped with it.
  SELECT p INTO default_partition FROM tenancy.partitions_of(parent) p WHERE tenancy.is_default_partition(p);
  IF FOUND THEN
    FOR day IN EXECUTE format('SELECT DISTINCT date_trunc(''day'', %1$I, ''UTC'') FROM %2$s WHERE %1$I < $1',
                              CASE "table" WHEN 'analytics' THEN 'hour' ELSE 'start_time' END, default_partition) USING before LOOP
      PERFORM tenancy.create_partition(parent, 'day', day);
    END LOOP;
  END IF;
  PERFORM tenancy.track_partitions(schema);
  FOR old IN SELECT r.*, r.partition::text AS name FROM tenancy.partition_ranges(parent) r WHERE r.upper <= before ORDER BY r.lower LOOP
    EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', old.partition);
    IF "table" = 'logs' AND keep_analytics THEN
      PERFORM tenancy.refresh_analytics(schema, NULL);
      EXECUTE format('UPDATE %s.analytics_partitions SET relation = NULL WHERE relation = $1', schema) USING old.partition;
    END IF;
    EXECUTE format('DROP TABLE %s', old.partition);
    RAISE NOTICE 'dropped %, which ended at %', old.name, old.upper;
    dropped := dropped + 1;
  END LOOP;
  RETURN dropped;
END
$$;
COMMENT ON FUNCTION tenancy.drop_partitions(regnamespace, text, interval, boolean) IS 'Drops the partitions of an observability table that ended longer ago than older_than, and what is as old in the default partition, and returns how many; with keep_analytics, what was summed up of logs stays';
-- The roll-up of logs by hour. Statements that change logs leave the hours that they touched in analytics_pending, in their own
-- transaction; refresh_analytics() takes these hours out and sums them up again from the rows that are there. That is why it does
-- not matter how late a row comes, in which order transactions commit, or how often a refresh runs.

CREATE FUNCTION tenancy.create_analytics_state(schema regnamespace) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  PERFORM set_config('search_path', format('%s, pg_temp', schema), true);

  CREATE TABLE analytics_pending (hour timestamptz NOT NULL, shrunk boolean NOT NULL);
  COMMENT ON TABLE analytics_pending IS 'Hours of logs that have changed since they were summed up. Any number of rows for an hour: writers do not wait for each other';
  COMMENT ON COLUMN analytics_pending.hour IS 'Beginning of the hour';
  COMMENT ON COLUMN analytics_pending.shrunk IS 'Rows were changed or removed: rows of analytics may have to go';

  CREATE TABLE analytics_partitions (relation regclass UNIQUE, lower timestamptz NOT NULL, upper timestamptz NOT NULL);
  COMMENT ON TABLE analytics_partitions IS 'Partitions of logs that the roll-up knows of';
  COMMENT ON COLUMN analytics_partitions.relation IS 'The partition; NULL where it was dropped and what was summed up of it stays as it was';
  COMMENT ON COLUMN analytics_partitions.lower IS 'Beginning of the time that it covers';
  COMMENT ON COLUMN analytics_partitions.upper IS 'End of the time that it covers';

  CREATE TABLE analytics_state (refreshed_at timestamptz);
  COMMENT ON TABLE analytics_state IS 'One row, which is locked by whoever refreshes, or makes or drops partitions';
  COMMENT ON COLUMN analytics_state.refreshed_at IS 'When the roll-up was last brought up to date';
  INSERT INTO analytics_state VALUES (NULL);

  EXECUTE format($ddl$
    CREATE FUNCTION mark_changed_hours() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
    BEGIN
      IF TG_OP = 'TRUNCATE' THEN
        -- As if it were a new partition.
        DELETE FROM %1$s.analytics_partitions WHERE relation = TG_RELID;
        RETURN NULL;
      END IF;
      INSERT INTO %1$s.analytics_pending
      SELECT DISTINCT date_bin('1 hour', start_time, 'epoch'), TG_OP <> 'INSERT' FROM changed;
      IF TG_OP = 'UPDATE' THEN
        INSERT INTO %1$s.analytics_pending
        SELECT DISTINCT date_bin('1 hour', start_time, 'epoch'), true FROM changed_to;
      END IF;
      RETURN NULL;
    END
    $body$ $ddl$, schema);
  COMMENT ON FUNCTION mark_changed_hours() IS 'Trigger: notes which hours a statement has changed, for refresh_analytics()';
  REVOKE ALL ON FUNCTION mark_changed_hours() FROM PUBLIC;
  PERFORM tenancy.create_change_triggers(format('%s.logs', schema)::regclass, schema);
END
$$;
COMMENT ON FUNCTION tenancy.create_analytics_state(regnamespace) IS 'Creates in a schema what the roll-up remembers, and the triggers that notice changes';

CREATE FUNCTION tenancy.create_change_triggers(relation regclass, schema regnamespace) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  EXECUTE format('CREATE TRIGGER mark_insert AFTER INSERT ON %s REFERENCING NEW TABLE AS changed
                  FOR EACH STATEMENT EXECUTE FUNCTION %s.mark_changed_hours()', relation, schema);
  EXECUTE format('CREATE TRIGGER mark_update AFTER UPDATE ON %s REFERENCING OLD TABLE AS changed NEW TABLE AS changed_to
                  FOR EACH STATEMENT EXECUTE FUNCTION %s.mark_changed_hours()', relation, schema);
  EXECUTE format('CREATE TRIGGER mark_delete AFTER DELETE ON %s REFERENCING OLD TABLE AS changed
                  FOR EACH STATEMENT EXECUTE FUNCTION %s.mark_changed_hours()', relation, schema);
END
$$;
COMMENT ON FUNCTION tenancy.create_change_triggers(regclass, regnamespace) IS 'Lets changes of logs, or of a partition by its own name, be noticed';

-- A statement fires the triggers of the table that it names only, hence partitions have them, too.
CREATE FUNCTION tenancy.track_partitions(schema regnamespace) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp SET row_security = off AS $$
#variable_conflict use_column
DECLARE
  logs regclass := format('%s.logs', schema)::regclass;
  partition record;
  come regclass[];
BEGIN
  PERFORM set_config('search_path', format('%s, pg_temp', schema), true);
  come := ARRAY(SELECT p FROM tenancy.partitions_of(logs) p EXCEPT SELECT k.relation FROM analytics_partitions k);
  IF cardinality(come) > 0 THEN
    FOR partition IN SELECT r.* FROM tenancy.partition_ranges(logs) r WHERE r.partition = ANY (come) LOOP
      IF NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = partition.partition AND t.tgname = 'mark_insert') THEN
        PERFORM tenancy.create_change_triggers(partition.partition, schema);
        EXECUTE format('CREATE TRIGGER mark_truncate AFTER TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION mark_changed_hours()',
                       partition.partition);
      END IF;
      INSERT INTO analytics_partitions VALUES (partition.partition, partition.lower, partition.upper);
      -- One that was attached has brought its rows.
      EXECUTE format('INSERT INTO analytics_pending SELECT DISTINCT date_bin(''1 hour'', start_time, ''epoch''), false FROM %s',
                     partition.partition);
      INSERT INTO analytics_pending SELECT DISTINCT a.hour, true FROM analytics a WHERE a.hour >= partition.lower AND a.hour < partition.upper;
    END LOOP;
  END IF;
  FOR partition IN DELETE FROM analytics_partitions k
                   WHERE k.relation IS NOT NULL AND NOT EXISTS (SELECT FROM tenancy.partitions_of(logs) p WHERE p = k.relation)
                   RETURNING k.* LOOP
    INSERT INTO analytics_pending SELECT DISTINCT a.hour, true FROM analytics a WHERE a.hour >= partition.lower AND a.hour < partition.upper;
  END LOOP;
END
$$;
COMMENT ON FUNCTION tenancy.track_partitions(regnamespace) IS 'Notices partitions of logs that were made, attached, detached or dropped';

CREATE FUNCTION tenancy.refresh_analytics(schema regnamespace, hours integer) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp SET row_security = off SET timezone = 'UTC' AS $$
#variable_conflict use_column
DECLARE
  todo timestamptz[];
  shrunk_hours timestamptz[];
  day record;
  done integer := 0;
BEGIN
  PERFORM set_config('search_path', format('%s, pg_temp', schema), true);
  -- One at a time. Each statement below sees what was committed before it began, so that an hour whose mark is taken is summed
  -- up with everything that the mark was about.
  PERFORM FROM analytics_state FOR UPDATE;
  PERFORM tenancy.track_partitions(schema);
  DELETE FROM analytics_pending p USING analytics_partitions k WHERE k.relation IS NULL AND p.hour >= k.lower AND p.hour < k.upper;
  WITH taken AS (
    DELETE FROM analytics_pending
    WHERE hour IN (SELECT DISTINCT p.hour FROM analytics_pending p ORDER BY p.hour DESC LIMIT refresh_analytics.hours)
    RETURNING hour, shrunk)
  SELECT array_agg(DISTINCT hour), array_agg(DISTINCT hour) FILTER (WHERE shrunk) INTO todo, shrunk_hours FROM taken;

  DELETE FROM analytics WHERE hour = ANY (shrunk_hours);
  FOR day IN
    SELECT min(h) AS first, max(h) + interval '1 hour' AS until, array_agg(h) AS hours, count(*) OVER () AS days
    FROM unnest(todo) h GROUP BY date_trunc('day', h) ORDER BY 1 DESC LOOP
    INSERT INTO analytics AS a
    SELECT date_bin('1 hour', l.start_time, 'epoch'), l.organization_id, l.workspace_id, l.user_id, l.api_key_id,
           l.operation_name, l.provider_name, l.request_model, l.http_response_status_code,
           count(*), coalesce(sum(l.usage_input_tokens), 0), coalesce(sum(l.usage_output_tokens), 0),
           coalesce(sum(l.usage_cache_read_input_tokens), 0), coalesce(sum(l.usage_cache_creation_input_tokens), 0),
           coalesce(sum(l.cost), 0), count(l.end_time), coalesce(sum(l.end_time - l.start_time), '0')
    FROM logs l
    WHERE l.start_time >= day.first AND l.start_time < day.until
      AND date_bin('1 hour', l.start_time, 'epoch') = ANY (day.hours)
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
    ON CONFLICT (hour, organization_id, workspace_id, user_id, api_key_id, operation_name, provider_name, request_model,
                 http_response_status_code)
    DO UPDATE SET (requests, usage_input_tokens, usage_output_tokens, usage_cache_read_input_tokens, usage_cache_creation_input_tokens,
                   cost, timed_requests, duration) =
                  (excluded.requests, excluded.usage_input_tokens, excluded.usage_output_tokens, excluded.usage_cache_read_input_tokens,
                   excluded.usage_cache_creation_input_tokens, excluded.cost, excluded.timed_requests, excluded.duration)
    WHERE (a.requests, a.usage_input_tokens, a.usage_output_tokens, a.usage_cache_read_input_tokens, a.usage_cache_creation_input_tokens,
           a.cost, a.timed_requests, a.duration)
          IS DISTINCT FROM
          (excluded.requests, excluded.usage_input_tokens, excluded.usage_output_tokens, excluded.usage_cache_read_input_tokens,
           excluded.usage_cache_creation_input_tokens, excluded.cost, excluded.timed_requests, excluded.duration);
    done := done + 1;
    IF day.days > 1 THEN
      RAISE NOTICE 'analytics of %: % of % days', schema, done, day.days;
    END IF;
  END LOOP;
  UPDATE analytics_state SET refreshed_at = clock_timestamp();
  RETURN coalesce(cardinality(todo), 0);
END
$$;
COMMENT ON FUNCTION tenancy.refresh_analytics(regnamespace, integer) IS 'Sums up again the hours of logs that have changed, the newest first, at most so many (NULL: all), and returns how many; 42501 for a role that row security filters';

CREATE PROCEDURE tenancy.refresh_analytics_in_batches(schema regnamespace, hours integer DEFAULT 24)
LANGUAGE plpgsql AS $$
DECLARE
  done integer;
  total integer := 0;
BEGIN
  LOOP
    EXECUTE pg_catalog.format('SELECT %s.refresh_analytics($1)', schema) INTO done USING hours;
    COMMIT;
    EXIT WHEN done OPERATOR(pg_catalog.=) 0;
    total := total OPERATOR(pg_catalog.+) done;
    RAISE NOTICE 'analytics of %: % hours are up to date', schema, total;
  END LOOP;
END
$$;
COMMENT ON PROCEDURE tenancy.refresh_analytics_in_batches(regnamespace, integer) IS 'Runs refresh_analytics() for so many hours at a time, committing each batch; called again it goes on where it was stopped';

CREATE FUNCTION tenancy.invalidate_analytics(schema regnamespace, since timestamptz, until timestamptz) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp SET row_security = off AS $$
DECLARE
  marked integer;
BEGIN
  PERFORM set_config('search_path', format('%s, pg_temp', schema), true);
  INSERT INTO analytics_pending
  SELECT h.hour, true FROM (
    SELECT date_bin('1 hour', l.start_time, 'epoch') AS hour FROM logs l
    WHERE l.start_time >= invalidate_analytics.since AND l.start_time < invalidate_analytics.until
    UNION
    SELECT a.hour FROM analytics a WHERE a.hour >= invalidate_analytics.since AND a.hour < invalidate_analytics.until) h;
  GET DIAGNOSTICS marked = ROW_COUNT;
  RETURN marked;
END
$$;
COMMENT ON FUNCTION tenancy.invalidate_analytics(regnamespace, timestamptz, timestamptz) IS 'Lets the next refresh sum up all hours of a time again, and returns how many these are';
-- create_observability(): all of it in a schema of the caller's. What is there to call lies in that schema, too, and runs by the
-- rights of the schema's owner, so that others can be granted the jobs without the data.

CREATE FUNCTION tenancy.validate_observability(schema name, partition_by text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  taken text;
BEGIN
  IF partition_by IS NULL OR partition_by NOT IN ('day', 'month') THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('tables cannot be partitioned by "%s"', partition_by),
      HINT = 'Use "day" or "month".';
  END IF;
  IF schema IS NULL OR schema = '' THEN
    RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed', MESSAGE = 'a schema must be given';
  END IF;
  IF NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = current_user AND (r.rolsuper OR r.rolbypassrls)) THEN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = format('role "%s" is filtered by row security', current_user),
      DETAIL = 'The owner of the tables sums up the rows of all tenants.',
      HINT = 'Call this as a superuser, or SET ROLE to a role without LOGIN that has BYPASSRLS.';
  END IF;
  IF EXISTS (SELECT FROM pg_namespace n WHERE n.nspname = schema AND NOT pg_has_role(current_user, n.nspowner, 'USAGE')) THEN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = format('must be owner of schema %s', schema);
  END IF;
  SELECT format('relation "%s" already exists in schema "%s"', c.relname, schema) INTO taken
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = schema AND c.relname IN ('logs', 'log_payloads', 'log_entries', 'log_payloads_scoped', 'traces', 'traces_scoped', 'analytics',
                                             'analytics_pending', 'analytics_partitions', 'analytics_state')
  ORDER BY c.relname LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'duplicate_table', MESSAGE = taken, HINT = 'Name another schema.';
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy.validate_observability(name, text) IS 'Raises what keeps create_observability() from beginning';

CREATE FUNCTION tenancy.create_observability_functions(schema regnamespace, unit text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  PERFORM set_config('search_path', format('%s, pg_temp', schema), true);
  -- Bodies that are parsed here, once, whatever search_path a caller has.
  EXECUTE format($ddl$
    CREATE FUNCTION refresh_analytics(hours integer DEFAULT NULL) RETURNS integer
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    BEGIN ATOMIC SELECT tenancy.refresh_analytics(%1$L::regnamespace, hours); END;
    CREATE FUNCTION invalidate_analytics(since timestamptz DEFAULT '-infinity', until timestamptz DEFAULT 'infinity') RETURNS integer
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    BEGIN ATOMIC SELECT tenancy.invalidate_analytics(%1$L::regnamespace, since, until); END;
    CREATE FUNCTION create_partitions(ahead interval DEFAULT %3$L, since timestamptz DEFAULT now()) RETURNS integer
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    BEGIN ATOMIC SELECT tenancy.create_partitions(%1$L::regnamespace, %2$L, ahead, since); END;
    CREATE FUNCTION drop_partitions("table" text, older_than interval, keep_analytics boolean DEFAULT false) RETURNS integer
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    BEGIN ATOMIC SELECT tenancy.drop_partitions(%1$L::regnamespace, "table", older_than, keep_analytics); END
  $ddl$, schema, unit, CASE unit WHEN 'day' THEN '7 days' ELSE '2 months' END);
  COMMENT ON FUNCTION refresh_analytics(integer) IS 'Brings analytics up to date with logs: sums up the hours that have changed, the newest first, at most so many (NULL: all), and returns how many';
  COMMENT ON FUNCTION invalidate_analytics(timestamptz, timestamptz) IS 'Lets the next refresh sum up all hours of a time again, and returns how many these are';
  COMMENT ON FUNCTION create_partitions(interval, timestamptz) IS 'Makes the partitions that are missing from since on, for so long, and returns how many';
  COMMENT ON FUNCTION drop_partitions(text, interval, boolean) IS 'Drops the partitions of logs, log_payloads, traces or analytics that ended longer ago than older_than, and returns how many; with keep_analytics, what was summed up of logs stays';

  EXECUTE format($ddl$
    CREATE FUNCTION trace_tree(trace_id text, since timestamptz DEFAULT '-infinity', until timestamptz DEFAULT 'infinity')
    RETURNS TABLE (depth integer, span_id text, parent_span_id text, name text, kind text, start_time timestamptz, duration interval,
                   status_code text, service_name text)
    LANGUAGE sql STABLE
    BEGIN ATOMIC
      WITH RECURSIVE span AS MATERIALIZED (
        SELECT t.span_id, t.parent_span_id, t.name, t.kind, t.start_time, t.end_time - t.start_time AS duration, t.status_code, t.service_name
        FROM %1$s.traces_scoped t
        WHERE t.trace_id = trace_tree.trace_id AND t.start_time >= since AND t.start_time <= until
      ), tree AS (
        SELECT 0 AS depth, s.* FROM span s WHERE NOT EXISTS (SELECT FROM span p WHERE p.span_id = s.parent_span_id)
        UNION ALL
        SELECT t.depth + 1, s.* FROM tree t JOIN span s ON s.parent_span_id = t.span_id
      ) SEARCH DEPTH FIRST BY start_time, span_id SET place
        CYCLE span_id SET is_cycle USING path
      -- Spans that are each other's parents hang on no root: they come last.
      SELECT coalesce(t.depth, 0), s.span_id, s.parent_span_id, s.name, s.kind, s.start_time, s.duration, s.status_code, s.service_name
      FROM span s LEFT JOIN tree t ON t.span_id = s.span_id AND t.start_time = s.start_time AND NOT t.is_cycle
      ORDER BY t.place NULLS LAST, s.start_time, s.span_id;
    END
  $ddl$, schema);
  COMMENT ON FUNCTION trace_tree(text, timestamptz, timestamptz) IS 'The spans of a trace that the session may list, parents before their children; a span whose parent is not among them is a root';
  REVOKE ALL ON FUNCTION refresh_analytics, invalidate_analytics, create_partitions, drop_partitions, trace_tree FROM PUBLIC;
END
$$;
COMMENT ON FUNCTION tenancy.create_observability_functions(regnamespace, text) IS 'Creates in a schema the functions of the observability tables';

CREATE FUNCTION tenancy.schedule_observability(schema regnamespace) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_extension e WHERE e.extname = 'pg_cron') OR NOT has_schema_privilege('cron', 'USAGE') THEN
    RETURN false;
  END IF;
  EXECUTE 'SELECT cron.schedule($1, $2, $3)' USING format('%s: create partitions', schema), '10 * * * *', format('SELECT %s.create_partitions()', schema);
  EXECUTE 'SELECT cron.schedule($1, $2, $3)' USING format('%s: refresh analytics', schema), '*/5 * * * *', format('SELECT %s.refresh_analytics()', schema);
  RETURN true;
END
$$;
COMMENT ON FUNCTION tenancy.schedule_observability(regnamespace) IS 'Lets pg_cron, where it is installed, make partitions every hour and refresh analytics every five minutes; false where it isn''t';

CREATE FUNCTION tenancy.create_observability(schema text DEFAULT 'observability', partition_by text DEFAULT 'day') RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  place regnamespace;
  made integer;
BEGIN
  PERFORM tenancy.validate_observability(schema::name, partition_by);
  IF to_regnamespace(quote_ident(schema)) IS NULL THEN
    EXECUTE format('CREATE SCHEMA %I', schema);
    EXECUTE format('COMMENT ON SCHEMA %I IS %L', schema, 'Logs, traces and analytics of requests to models, made by tenancy.create_observability()');
  END IF;
  place := quote_ident(schema);
  PERFORM tenancy.create_observability_tables(place);
  PERFORM tenancy.start_partitions(to_regclass(format('%s.%I', place, v.name)), v.unit)
  FROM (VALUES ('logs', partition_by), ('log_payloads', partition_by), ('traces', partition_by), ('analytics', 'month')) v (name, unit);

  PERFORM tenancy.protect(format('%s.logs', place)::regclass, 'logs', 'organization_id', 'workspace_id', 'user_id', 'api_key_id', '{}');
  PERFORM tenancy.protect(format('%s.log_payloads', place)::regclass, 'logs', 'organization_id', 'workspace_id', 'user_id', 'api_key_id',
                          '{request,response}');
  PERFORM tenancy.protect(format('%s.traces', place)::regclass, 'traces', 'organization_id', 'workspace_id', 'user_id', 'api_key_id',
                          '{status_message,attributes,events,links}');
  PERFORM tenancy.protect(format('%s.analytics', place)::regclass, 'analytics', 'organization_id', 'workspace_id', 'user_id', 'api_key_id');
  PERFORM tenancy.create_scoped_view(format('%s.log_payloads', place)::regclass, format('%s.log_payloads_scoped', place));
  PERFORM tenancy.create_scoped_view(format('%s.traces', place)::regclass, format('%s.traces_scoped', place));
  EXECUTE format('CREATE VIEW %1$s.log_entries WITH (security_invoker) AS
                  SELECT l.*, p.request, p.response FROM %1$s.logs l LEFT JOIN %1$s.log_payloads p USING (log_id, start_time)', place);
  EXECUTE format('COMMENT ON VIEW %s.log_entries IS %L', place,
                 'Logs with their content: request and response are NULL where the session may list a log and not view it');

  PERFORM tenancy.create_analytics_state(place);
  PERFORM tenancy.create_observability_functions(place, partition_by);
  made := tenancy.create_partitions(place, partition_by, CASE partition_by WHEN 'day' THEN interval '7 days' ELSE interval '2 months' END, now());
  IF NOT tenancy.schedule_observability(place) THEN
    RAISE NOTICE USING MESSAGE = format('call %1$s.create_partitions() every day, and %1$s.refresh_analytics() as often as charts are to be fresh', place),
      DETAIL = 'pg_cron would be used if it were installed in this database.';
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy.create_observability(text, text) IS 'Makes, in a schema of its own (or in one of the caller''s), the protected tables logs, log_payloads, traces (OpenTelemetry spans) and analytics (hourly roll-up), partitioned by day or month, with views and functions; the caller owns them, and is a superuser or has BYPASSRLS. Nobody else is granted anything. 42501, 42P07, 22023 when it can''t be, with nothing changed';
REVOKE ALL ON FUNCTION tenancy.create_observability(text, text) FROM PUBLIC;
