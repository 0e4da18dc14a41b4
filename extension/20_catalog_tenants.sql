-- Catalogs of tenants and users. Text used in references has collation "C", so that it is compared byte by byte.

CREATE TABLE tenancy.organizations (
  organization_id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
  slug text COLLATE "C" NOT NULL UNIQUE CHECK (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
  name text NOT NULL CHECK (name <> ''),
  external_id text COLLATE "C" UNIQUE CHECK (external_id <> ''),
  created_at timestamptz NOT NULL DEFAULT now(),
  closed_at timestamptz,
  created_by name,
  open_to_sign_up boolean NOT NULL DEFAULT false,
  key_max_age interval,
  key_warning interval,
  has_overrides boolean NOT NULL DEFAULT false,
  -- Ids of this form are those of chains of audit entries; see events_chain().
  CONSTRAINT organizations_id_check CHECK (organization_id::text !~ '^.{14}8.{4}f')
);
COMMENT ON TABLE tenancy.organizations IS 'Tenants; nothing ever crosses an organization';
COMMENT ON COLUMN tenancy.organizations.organization_id IS 'Id of the organization, as protected tables hold it in uuid columns';
COMMENT ON COLUMN tenancy.organizations.slug IS 'Short name for references: lower-case letters, digits and single hyphens';
COMMENT ON COLUMN tenancy.organizations.name IS 'Display name';
COMMENT ON COLUMN tenancy.organizations.external_id IS 'The application''s own id, as protected tables hold it in columns of any other type';
COMMENT ON COLUMN tenancy.organizations.created_at IS 'When the organization was created';
COMMENT ON COLUMN tenancy.organizations.created_by IS 'Role that has created it by create_organization(); NULL for one of version 1.0';
COMMENT ON COLUMN tenancy.organizations.open_to_sign_up IS 'The role that has signed it up may add persons and workspaces, for a day and until an owner accepts';
COMMENT ON COLUMN tenancy.organizations.closed_at IS 'Since when it is being purged, and has neither members nor live keys; see close_organization()';
COMMENT ON COLUMN tenancy.organizations.key_max_age IS 'Age of a secret at which an API key is refused until it is rotated, see set_key_policy(); NULL: keys need no rotation';
COMMENT ON COLUMN tenancy.organizations.key_warning IS 'How long before that sessions are warned';
COMMENT ON COLUMN tenancy.organizations.has_overrides IS 'The organization has grants, visibility or settings of its own, or had; set by itself, so that sessions of other organizations need not look for any';

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
  name text,
  external_id text COLLATE "C" CHECK (external_id <> ''),
  ends_at timestamptz CHECK (isfinite(ends_at)),
  reason text,
  has_more_roles boolean NOT NULL DEFAULT false,
  PRIMARY KEY (organization_id, user_id),
  CONSTRAINT organization_members_external_id_key UNIQUE (organization_id, external_id)
);
CREATE INDEX organization_members_user_idx ON tenancy.organization_members (user_id, organization_id);
CREATE INDEX organization_members_role_organization_idx ON tenancy.organization_members (role_id, organization_id);
COMMENT ON TABLE tenancy.organization_members IS 'Which user has which role in an organization';
COMMENT ON COLUMN tenancy.organization_members.organization_id IS 'The organization';
COMMENT ON COLUMN tenancy.organization_members.user_id IS 'The member';
COMMENT ON COLUMN tenancy.organization_members.role_id IS 'The member''s organization role; an organization never loses its last owner';
COMMENT ON COLUMN tenancy.organization_members.created_at IS 'When the user joined';
COMMENT ON COLUMN tenancy.organization_members.name IS 'What the organization calls the member; NULL: as the user does';
COMMENT ON COLUMN tenancy.organization_members.external_id IS 'The organization''s own id for the member, in place of the global one in its rows';
COMMENT ON COLUMN tenancy.organization_members.ends_at IS 'From then on the membership counts for nothing; NULL: it has no end';
COMMENT ON COLUMN tenancy.organization_members.reason IS 'What the membership, or its role, is for';
COMMENT ON COLUMN tenancy.organization_members.has_more_roles IS 'The member belongs to a group, or has taken a role by elevate(), or did; set by itself, so that sessions of other members need not look for any';

CREATE TABLE tenancy.workspace_members (
  workspace_id uuid NOT NULL,
  user_id uuid NOT NULL,
  organization_id uuid NOT NULL,
  role_id uuid NOT NULL REFERENCES tenancy.roles,
  created_at timestamptz NOT NULL DEFAULT now(),
  ends_at timestamptz CHECK (isfinite(ends_at)),
  reason text,
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
COMMENT ON COLUMN tenancy.workspace_members.ends_at IS 'From then on the role counts for nothing; NULL: it has no end';
COMMENT ON COLUMN tenancy.workspace_members.reason IS 'What the role is for';
