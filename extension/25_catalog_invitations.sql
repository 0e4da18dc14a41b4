-- Catalogs of invitations. They are separate from memberships, so that no reader of memberships counts them, and name an address
-- instead of a user, so that an invitation does not reveal whether a user exists.

CREATE TABLE tenancy.invitations (
  invitation_id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
  organization_id uuid NOT NULL REFERENCES tenancy.organizations ON DELETE CASCADE,
  email text COLLATE "C" NOT NULL,
  role_id uuid NOT NULL,
  workspaces jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(workspaces) = 'object'),
  invited_by_user uuid,
  invited_by_key uuid,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL CHECK (isfinite(expires_at)),
  signed_up_by name,
  UNIQUE (organization_id, email)
);
CREATE INDEX invitations_email_idx ON tenancy.invitations (email);
COMMENT ON TABLE tenancy.invitations IS 'Who has been invited into an organization; counts for nothing until it is accepted, and is then gone';
COMMENT ON COLUMN tenancy.invitations.invitation_id IS 'Id of the invitation; no capability: only who has the address can accept it';
COMMENT ON COLUMN tenancy.invitations.organization_id IS 'The inviting organization';
COMMENT ON COLUMN tenancy.invitations.email IS 'E-mail address that is invited, whether or not somebody with it is known';
COMMENT ON COLUMN tenancy.invitations.role_id IS 'Organization role that is offered; judged when the invitation is accepted';
COMMENT ON COLUMN tenancy.invitations.workspaces IS 'Workspace roles that are offered: an object of workspace id to role id; judged when the invitation is accepted';
COMMENT ON COLUMN tenancy.invitations.invited_by_user IS 'User who has invited, or whose key has; NULL with neither key nor signed_up_by: a DBA';
COMMENT ON COLUMN tenancy.invitations.invited_by_key IS 'API key that has invited';
COMMENT ON COLUMN tenancy.invitations.created_at IS 'When the invitation was made';
COMMENT ON COLUMN tenancy.invitations.expires_at IS 'From then on it cannot be accepted';
COMMENT ON COLUMN tenancy.invitations.signed_up_by IS 'Role that has invited while it signed the organization up; such an invitation ends with that';

-- The inviting organization may see none of this, and so the column is not called organization_id: audit entries about rows with
-- such a column are visible to that organization. Nor is it a foreign key, whose check would lock the organization's row: that leaves
-- the transaction's number in the row, and makes changes of the organization wait. A trigger follows the organization's deletion.
CREATE TABLE tenancy_internal.refused_invitations (
  email text COLLATE "C" NOT NULL,
  inviting_organization uuid NOT NULL,
  invitation_id uuid,
  blocked boolean NOT NULL DEFAULT false,
  refused_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (email, inviting_organization)
);
CREATE INDEX refused_invitations_organization_idx ON tenancy_internal.refused_invitations (inviting_organization);
COMMENT ON TABLE tenancy_internal.refused_invitations IS 'Invitations that were declined, and organizations whose invitations an address doesn''t want; the inviting side sees neither';
COMMENT ON COLUMN tenancy_internal.refused_invitations.email IS 'E-mail address that was invited';
COMMENT ON COLUMN tenancy_internal.refused_invitations.inviting_organization IS 'The inviting organization';
COMMENT ON COLUMN tenancy_internal.refused_invitations.invitation_id IS 'The last invitation that was declined';
COMMENT ON COLUMN tenancy_internal.refused_invitations.blocked IS 'No further invitation of this organization is shown';
COMMENT ON COLUMN tenancy_internal.refused_invitations.refused_at IS 'When it was declined';
