-- Catalogs of elevation: roles that members may take for a time, and have taken.

CREATE TABLE tenancy.elevation_rules (
  rule_id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
  organization_id uuid NOT NULL REFERENCES tenancy.organizations ON DELETE CASCADE,
  role_id uuid NOT NULL REFERENCES tenancy.roles ON DELETE CASCADE,
  user_id uuid,
  subject_role_id uuid REFERENCES tenancy.roles ON DELETE CASCADE,
  group_id uuid,
  maximum interval NOT NULL CHECK (maximum > '0'),
  per_day integer NOT NULL DEFAULT 3 CHECK (per_day > 0),
  approval boolean NOT NULL DEFAULT false,
  created_by uuid,
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT elevation_rules_key UNIQUE NULLS NOT DISTINCT (organization_id, role_id, user_id, subject_role_id, group_id),
  CHECK (num_nonnulls(user_id, subject_role_id, group_id) = 1),
  FOREIGN KEY (organization_id, user_id) REFERENCES tenancy.organization_members ON DELETE CASCADE,
  FOREIGN KEY (group_id, organization_id) REFERENCES tenancy.groups (group_id, organization_id) ON DELETE CASCADE
);
CREATE INDEX elevation_rules_role_idx ON tenancy.elevation_rules (role_id);
CREATE INDEX elevation_rules_user_idx ON tenancy.elevation_rules (organization_id, user_id);
CREATE INDEX elevation_rules_subject_idx ON tenancy.elevation_rules (subject_role_id);
CREATE INDEX elevation_rules_group_idx ON tenancy.elevation_rules (group_id, organization_id);
COMMENT ON TABLE tenancy.elevation_rules IS 'Roles that an organization lets members take for a time; see allow_elevation()';
COMMENT ON COLUMN tenancy.elevation_rules.rule_id IS 'Id of the rule';
COMMENT ON COLUMN tenancy.elevation_rules.organization_id IS 'Organization whose rule it is';
COMMENT ON COLUMN tenancy.elevation_rules.role_id IS 'Role that may be taken: in the organization or, on level workspace, in each of its workspaces';
COMMENT ON COLUMN tenancy.elevation_rules.user_id IS 'The member who may take it';
COMMENT ON COLUMN tenancy.elevation_rules.subject_role_id IS 'Or the role that those have who may take it: in the organization, or in the workspace where they do';
COMMENT ON COLUMN tenancy.elevation_rules.group_id IS 'Or the group whose members may take it';
COMMENT ON COLUMN tenancy.elevation_rules.maximum IS 'The longest time for which it can be taken';
COMMENT ON COLUMN tenancy.elevation_rules.per_day IS 'How often a member can take it within 24 hours';
COMMENT ON COLUMN tenancy.elevation_rules.approval IS 'It counts only when somebody else has approved it';
COMMENT ON COLUMN tenancy.elevation_rules.created_by IS 'User who has made or last changed the rule, and approves no elevation by it; NULL: a DBA or an API key';
COMMENT ON COLUMN tenancy.elevation_rules.created_at IS 'When the rule was made';

CREATE TABLE tenancy.elevations (
  elevation_id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
  organization_id uuid NOT NULL REFERENCES tenancy.organizations ON DELETE CASCADE,
  user_id uuid NOT NULL,
  role_id uuid NOT NULL REFERENCES tenancy.roles ON DELETE CASCADE,
  workspace_id uuid,
  rule_id uuid NOT NULL REFERENCES tenancy.elevation_rules ON DELETE CASCADE,
  reason text NOT NULL CHECK (reason <> ''),
  duration interval NOT NULL CHECK (duration > '0'),
  created_at timestamptz NOT NULL DEFAULT now(),
  ends_at timestamptz CHECK (isfinite(ends_at)),
  approved_by uuid,
  FOREIGN KEY (organization_id, user_id) REFERENCES tenancy.organization_members ON DELETE CASCADE,
  FOREIGN KEY (workspace_id, organization_id) REFERENCES tenancy.workspaces (workspace_id, organization_id) ON DELETE CASCADE
);
CREATE INDEX elevations_user_idx ON tenancy.elevations (user_id, organization_id);
CREATE INDEX elevations_organization_idx ON tenancy.elevations (organization_id, user_id);
CREATE INDEX elevations_role_idx ON tenancy.elevations (role_id);
CREATE INDEX elevations_workspace_idx ON tenancy.elevations (workspace_id, organization_id);
CREATE INDEX elevations_rule_idx ON tenancy.elevations (rule_id);
COMMENT ON TABLE tenancy.elevations IS 'Roles that members have taken for a time, which count in their own sessions only, and not for their keys; see elevate()';
COMMENT ON COLUMN tenancy.elevations.elevation_id IS 'Id of the elevation';
COMMENT ON COLUMN tenancy.elevations.organization_id IS 'The organization';
COMMENT ON COLUMN tenancy.elevations.user_id IS 'The member';
COMMENT ON COLUMN tenancy.elevations.role_id IS 'The role';
COMMENT ON COLUMN tenancy.elevations.workspace_id IS 'Workspace where the member has it; NULL: in the organization';
COMMENT ON COLUMN tenancy.elevations.rule_id IS 'The rule by which it was taken: it counts as long as that is about the member';
COMMENT ON COLUMN tenancy.elevations.reason IS 'What it was taken for';
COMMENT ON COLUMN tenancy.elevations.duration IS 'For how long it was taken';
COMMENT ON COLUMN tenancy.elevations.created_at IS 'When it was taken, or asked for';
COMMENT ON COLUMN tenancy.elevations.ends_at IS 'From then on it counts for nothing; NULL: it waits to be approved';
COMMENT ON COLUMN tenancy.elevations.approved_by IS 'User who has approved it; NULL: nobody had to, or a DBA has';
