-- Catalog of memberships that were ended: for a while, rows may still be written in the name of those who had them.

CREATE TABLE tenancy_internal.former_members (
  organization_id uuid NOT NULL REFERENCES tenancy.organizations ON DELETE CASCADE,
  user_id uuid NOT NULL REFERENCES tenancy.users ON DELETE CASCADE,
  workspace_id uuid,
  role_id uuid NOT NULL REFERENCES tenancy.roles ON DELETE CASCADE,
  left_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  FOREIGN KEY (workspace_id, organization_id) REFERENCES tenancy.workspaces (workspace_id, organization_id) ON DELETE CASCADE
);
CREATE INDEX former_members_user_idx ON tenancy_internal.former_members (organization_id, user_id);
CREATE INDEX former_members_workspace_idx ON tenancy_internal.former_members (workspace_id);
CREATE INDEX former_members_of_idx ON tenancy_internal.former_members (user_id);
CREATE INDEX former_members_role_idx ON tenancy_internal.former_members (role_id);
ALTER TABLE tenancy_internal.former_members REPLICA IDENTITY FULL;
COMMENT ON TABLE tenancy_internal.former_members IS 'Memberships that have been taken away lately, for rows that are written in the names of those who had them';
COMMENT ON COLUMN tenancy_internal.former_members.organization_id IS 'The organization';
COMMENT ON COLUMN tenancy_internal.former_members.user_id IS 'The user who was a member';
COMMENT ON COLUMN tenancy_internal.former_members.workspace_id IS 'The workspace; NULL: a membership of the organization';
COMMENT ON COLUMN tenancy_internal.former_members.role_id IS 'The role that the user had';
COMMENT ON COLUMN tenancy_internal.former_members.left_at IS 'When it ended';
