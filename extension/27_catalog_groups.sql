-- Catalogs of groups: members of an organization who are given roles together.

CREATE TABLE tenancy.groups (
  group_id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
  organization_id uuid NOT NULL REFERENCES tenancy.organizations ON DELETE CASCADE,
  name text COLLATE "C" NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
  trust_id uuid REFERENCES tenancy.trusted_issuers ON DELETE CASCADE,
  open_to_sync boolean NOT NULL DEFAULT false CHECK (NOT open_to_sync OR trust_id IS NULL),
  created_at timestamptz NOT NULL DEFAULT now(),
  changed_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (organization_id, name),
  UNIQUE (group_id, organization_id)
);
CREATE INDEX groups_trust_idx ON tenancy.groups (trust_id);
COMMENT ON TABLE tenancy.groups IS 'Groups of members of an organization, who have the group''s roles besides their own; see create_group()';
COMMENT ON COLUMN tenancy.groups.group_id IS 'Id of the group';
COMMENT ON COLUMN tenancy.groups.organization_id IS 'Organization that the group is of';
COMMENT ON COLUMN tenancy.groups.name IS 'Name of the group, unique in the organization; compared byte for byte with a token''s claim';
COMMENT ON COLUMN tenancy.groups.trust_id IS 'Issuer whose tokens say, in their claim of groups, whether their user belongs to it; NULL: sync_group() does';
COMMENT ON COLUMN tenancy.groups.open_to_sync IS 'Whoever has team.sync_groups may say who belongs to it, without having its roles';
COMMENT ON COLUMN tenancy.groups.created_at IS 'When the group was created';
COMMENT ON COLUMN tenancy.groups.changed_at IS 'When its roles last changed';

CREATE TABLE tenancy.group_members (
  group_id uuid NOT NULL,
  user_id uuid NOT NULL,
  organization_id uuid NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  ends_at timestamptz CHECK (isfinite(ends_at)),
  reason text,
  PRIMARY KEY (group_id, user_id),
  FOREIGN KEY (group_id, organization_id) REFERENCES tenancy.groups (group_id, organization_id) ON DELETE CASCADE,
  FOREIGN KEY (organization_id, user_id) REFERENCES tenancy.organization_members ON DELETE CASCADE
);
CREATE INDEX group_members_user_idx ON tenancy.group_members (user_id, organization_id);
COMMENT ON TABLE tenancy.group_members IS 'Who belongs to a group; none for a group whose members tokens name';
COMMENT ON COLUMN tenancy.group_members.group_id IS 'The group';
COMMENT ON COLUMN tenancy.group_members.user_id IS 'The member, who is a member of the group''s organization';
COMMENT ON COLUMN tenancy.group_members.organization_id IS 'The group''s organization';
COMMENT ON COLUMN tenancy.group_members.created_at IS 'When the user came into the group';
COMMENT ON COLUMN tenancy.group_members.ends_at IS 'From then on the user does not belong to it; NULL: it has no end';
COMMENT ON COLUMN tenancy.group_members.reason IS 'What the user belongs to it for';

-- Refers to the organization itself, so that a deletion of that reaches it before the roles are checked.
CREATE TABLE tenancy.group_roles (
  group_id uuid NOT NULL,
  workspace_id uuid,
  organization_id uuid NOT NULL REFERENCES tenancy.organizations ON DELETE CASCADE,
  role_id uuid NOT NULL REFERENCES tenancy.roles,
  created_at timestamptz NOT NULL DEFAULT now(),
  ends_at timestamptz CHECK (isfinite(ends_at)),
  reason text,
  CONSTRAINT group_roles_key UNIQUE NULLS NOT DISTINCT (group_id, workspace_id),
  FOREIGN KEY (group_id, organization_id) REFERENCES tenancy.groups (group_id, organization_id) ON DELETE CASCADE,
  FOREIGN KEY (workspace_id, organization_id) REFERENCES tenancy.workspaces (workspace_id, organization_id) ON DELETE CASCADE
);
CREATE INDEX group_roles_role_idx ON tenancy.group_roles (role_id);
CREATE INDEX group_roles_workspace_idx ON tenancy.group_roles (workspace_id);
-- Its key includes a column that may be NULL, so logical replication needs the whole row to identify one.
ALTER TABLE tenancy.group_roles REPLICA IDENTITY FULL;
COMMENT ON TABLE tenancy.group_roles IS 'Roles that a group gives its members; see set_group_role()';
COMMENT ON COLUMN tenancy.group_roles.group_id IS 'The group';
COMMENT ON COLUMN tenancy.group_roles.workspace_id IS 'Workspace where its members have the role; NULL: an organization role';
COMMENT ON COLUMN tenancy.group_roles.organization_id IS 'The group''s organization';
COMMENT ON COLUMN tenancy.group_roles.role_id IS 'The role';
COMMENT ON COLUMN tenancy.group_roles.created_at IS 'When the group got the role';
COMMENT ON COLUMN tenancy.group_roles.ends_at IS 'From then on the role counts for nothing; NULL: it has no end';
COMMENT ON COLUMN tenancy.group_roles.reason IS 'What the role is for';
