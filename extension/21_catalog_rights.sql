-- Catalogs of rights. Tenant settings are names for rows of grants and visibility, see 60_settings.sql.

CREATE TABLE tenancy.permissions (
  resource text COLLATE "C" NOT NULL CHECK (resource ~ '^[a-z][a-z0-9_]*$' AND length(resource) <= 63),
  action text COLLATE "C" NOT NULL CHECK (action ~ '^[a-z][a-z0-9_]*$' AND length(action) <= 63),
  description text NOT NULL,
  built_in boolean NOT NULL DEFAULT false,
  data_visibility boolean NOT NULL DEFAULT true,
  PRIMARY KEY (resource, action),
  CONSTRAINT permissions_data_visibility_check CHECK
    (data_visibility OR resource NOT IN ('logs', 'traces', 'analytics'))
);
COMMENT ON TABLE tenancy.permissions IS 'Registered permissions: an action on a resource';
COMMENT ON COLUMN tenancy.permissions.resource IS 'Resource, for example logs';
COMMENT ON COLUMN tenancy.permissions.action IS 'Action, for example view';
COMMENT ON COLUMN tenancy.permissions.description IS 'What the permission allows';
COMMENT ON COLUMN tenancy.permissions.built_in IS 'Comes with the extension';
COMMENT ON COLUMN tenancy.permissions.data_visibility IS 'Observability data: data visibility decides whether a role reaches all rows or its user''s own; otherwise a role reaches all';

CREATE TABLE tenancy.grants (
  role_id uuid NOT NULL REFERENCES tenancy.roles ON DELETE CASCADE,
  organization_id uuid REFERENCES tenancy.organizations ON DELETE CASCADE,
  workspace_id uuid,
  resource text COLLATE "C" NOT NULL,
  action text COLLATE "C" NOT NULL,
  allowed boolean NOT NULL DEFAULT true,
  ends_at timestamptz CHECK (isfinite(ends_at)),
  reason text,
  CONSTRAINT grants_key UNIQUE NULLS NOT DISTINCT (role_id, organization_id, workspace_id, resource, action),
  FOREIGN KEY (resource, action) REFERENCES tenancy.permissions,
  FOREIGN KEY (workspace_id, organization_id) REFERENCES tenancy.workspaces (workspace_id, organization_id) ON DELETE CASCADE,
  CHECK (workspace_id IS NULL OR organization_id IS NOT NULL),
  -- what roles have by themselves is read once for all sessions
  CONSTRAINT grants_end_check CHECK (ends_at IS NULL OR organization_id IS NOT NULL),
  -- a workspace can only override in a category that the organization opens to workspaces
  CONSTRAINT grants_category_check CHECK (workspace_id IS NULL OR resource NOT IN
    ('traces', 'completions', 'configs', 'providers', 'models', 'team', 'organization', 'billing', 'audit_logs', 'workspaces'))
);
CREATE INDEX grants_organization_idx ON tenancy.grants (organization_id, workspace_id) WHERE organization_id IS NOT NULL;
COMMENT ON TABLE tenancy.grants IS 'Grants of roles: built-in rows, rows of an organization, and overrides of a workspace';
COMMENT ON COLUMN tenancy.grants.role_id IS 'The role';
COMMENT ON COLUMN tenancy.grants.organization_id IS 'Organization whose row it is; NULL for a built-in grant';
COMMENT ON COLUMN tenancy.grants.workspace_id IS 'Workspace whose override it is; NULL for the whole organization';
COMMENT ON COLUMN tenancy.grants.resource IS 'Resource of the permission';
COMMENT ON COLUMN tenancy.grants.action IS 'Action of the permission';
COMMENT ON COLUMN tenancy.grants.allowed IS 'True grants, false denies; the most specific row decides';
COMMENT ON COLUMN tenancy.grants.ends_at IS 'From then on the row counts for nothing, and the less specific one decides; NULL: it has no end, as none of the grants that a role has in all organizations';
COMMENT ON COLUMN tenancy.grants.reason IS 'What the row is for';

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
    ('data_visibility', 'logs', 'analytics', 'api_keys', 'prompts', 'guardrails', 'integrations', 'resources')),
  allowed boolean NOT NULL,
  PRIMARY KEY (organization_id, category)
);
COMMENT ON TABLE tenancy.workspace_overrides IS 'Per category: whether workspace settings count; without a row they don''t';
COMMENT ON COLUMN tenancy.workspace_overrides.organization_id IS 'The organization';
COMMENT ON COLUMN tenancy.workspace_overrides.category IS 'Category of settings';
COMMENT ON COLUMN tenancy.workspace_overrides.allowed IS 'Allow workspace-level configuration; when false, workspace settings are kept but ignored';

-- Their keys include columns that may be NULL, so logical replication needs the whole row to identify one.
ALTER TABLE tenancy.grants REPLICA IDENTITY FULL;
ALTER TABLE tenancy.visibility REPLICA IDENTITY FULL;
