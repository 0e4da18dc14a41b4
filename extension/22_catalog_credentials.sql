-- Catalogs of credentials, logins, protected tables. Secrets are in a table of their own, so that keys can be shown without
-- hashes.

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
  rotated_at timestamptz,
  allowed_networks text[] COLLATE "C",
  rotation_due_at timestamptz,
  rotate_by timestamptz,
  description text,
  metadata jsonb CHECK (jsonb_typeof(metadata) = 'object'),
  reason text,
  created_by_user uuid,
  created_by_key uuid,
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
COMMENT ON COLUMN tenancy.api_keys.rotated_at IS 'When the key got its present secret by rotation; NULL for never (or before this column was there)';
COMMENT ON COLUMN tenancy.api_keys.allowed_networks IS 'Networks from which the key may be used, local for clients without an address; NULL: from everywhere';
COMMENT ON COLUMN tenancy.api_keys.rotation_due_at IS 'From then on sessions that use the key are warned that it has to be rotated';
COMMENT ON COLUMN tenancy.api_keys.rotate_by IS 'From then on the key is refused until it is rotated, by the organization''s policy; NULL for none';
COMMENT ON COLUMN tenancy.api_keys.description IS 'What the key is, in its owners'' words';
COMMENT ON COLUMN tenancy.api_keys.metadata IS 'The application''s own data about the key; decides nothing';
COMMENT ON COLUMN tenancy.api_keys.reason IS 'What the key is for';
COMMENT ON COLUMN tenancy.api_keys.created_by_user IS 'User who has created the key; NULL: an API key, a service''s token or a DBA has, or it is of version 1.0';
COMMENT ON COLUMN tenancy.api_keys.created_by_key IS 'API key that has created the key; NULL: none has, or it is of version 1.0';

CREATE TABLE tenancy.api_key_secrets (
  secret_hash bytea PRIMARY KEY CHECK (length(secret_hash) = 32),
  api_key_id uuid NOT NULL REFERENCES tenancy.api_keys ON DELETE CASCADE,
  is_current boolean NOT NULL DEFAULT true,
  valid_until timestamptz CHECK (is_current OR valid_until IS NOT NULL),
  derived bytea,
  UNIQUE (api_key_id, is_current)
);
-- Statistics are read by more roles than tables are.
ALTER TABLE tenancy.api_key_secrets ALTER COLUMN secret_hash SET STATISTICS 0;
COMMENT ON TABLE tenancy.api_key_secrets IS 'SHA-256 of each live secret; at most two for a key, the current one and the one before it';
COMMENT ON COLUMN tenancy.api_key_secrets.secret_hash IS 'SHA-256 of the secret';
COMMENT ON COLUMN tenancy.api_key_secrets.api_key_id IS 'The key';
COMMENT ON COLUMN tenancy.api_key_secrets.is_current IS 'False for the secret that a rotation replaced';
COMMENT ON COLUMN tenancy.api_key_secrets.valid_until IS 'End of the transition period of a replaced secret';
COMMENT ON COLUMN tenancy.api_key_secrets.derived IS 'What api_keys and api_key_scopes say of the key, to be read at once; written by the module alone; NULL: they are read instead';

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
COMMENT ON COLUMN tenancy.login_bindings.organization_id IS 'Organization in which the bound user acts; NULL: the user''s only one; with several, the login stands for nobody';
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
  through name[],
  inherits_owner boolean NOT NULL DEFAULT false,
  shared boolean NOT NULL DEFAULT false,
  workspace_decides boolean NOT NULL DEFAULT false,
  fill_nulls boolean NOT NULL DEFAULT false,
  workspace_implies_organization boolean NOT NULL DEFAULT false,
  actions jsonb,
  writer_column name,
  audit_reads boolean NOT NULL DEFAULT false,
  CHECK (organization_column IS NOT NULL OR workspace_column IS NOT NULL)
);
-- Sessions read it to know whether there are any.
CREATE INDEX protected_tables_audited_idx ON tenancy.protected_tables (relation) WHERE audit_reads;
COMMENT ON TABLE tenancy.protected_tables IS 'Tables under tenancy policies, and the changes that unprotect() must undo';
COMMENT ON COLUMN tenancy.protected_tables.relation IS 'The table';
COMMENT ON COLUMN tenancy.protected_tables.resource IS 'Resource whose permissions decide';
COMMENT ON COLUMN tenancy.protected_tables.organization_column IS 'Column that names the row''s organization';
COMMENT ON COLUMN tenancy.protected_tables.workspace_column IS 'Column that names the row''s workspace';
COMMENT ON COLUMN tenancy.protected_tables.owner_column IS 'Column that names the user whose row it is';
COMMENT ON COLUMN tenancy.protected_tables.api_key_column IS 'Column that names the API key that produced the row';
COMMENT ON COLUMN tenancy.protected_tables.payload IS 'Columns with full content; NULL: anywhere; empty: nowhere, metadata only';
COMMENT ON COLUMN tenancy.protected_tables.defaulted_columns IS 'Columns whose default protect() set';
COMMENT ON COLUMN tenancy.protected_tables.row_security_before IS 'Row security was enabled before protect()';
COMMENT ON COLUMN tenancy.protected_tables.force_before IS 'Row security was forced before protect()';
COMMENT ON COLUMN tenancy.protected_tables.protected_at IS 'When the table was protected';
COMMENT ON COLUMN tenancy.protected_tables.with_organization IS 'The organization must agree where the workspace decides: the table is partitioned by it';
COMMENT ON COLUMN tenancy.protected_tables.through IS 'Columns that refer to the parents which the row belongs with: the first gives it its tenant';
COMMENT ON COLUMN tenancy.protected_tables.inherits_owner IS 'Whether the first parent decides about own rows';
COMMENT ON COLUMN tenancy.protected_tables.shared IS 'Rows that name neither organization nor workspace are for everybody';
COMMENT ON COLUMN tenancy.protected_tables.workspace_decides IS 'Whether the workspace decides about rows whose organization is NULL';
COMMENT ON COLUMN tenancy.protected_tables.fill_nulls IS 'An explicit NULL is filled in on INSERT, in columns that have a default from protect()';
COMMENT ON COLUMN tenancy.protected_tables.workspace_implies_organization IS 'Rows that name a workspace name its organization, the caller of protect() vouches';
COMMENT ON COLUMN tenancy.protected_tables.audit_reads IS 'Whether each statement that reads the table leaves an audit entry';
COMMENT ON COLUMN tenancy.protected_tables.actions IS 'Actions, and the columns whose change needs them beside update or create';
COMMENT ON COLUMN tenancy.protected_tables.writer_column IS 'Column that names the user who wrote a row, where owner_column names who began the whole that it is part of';
