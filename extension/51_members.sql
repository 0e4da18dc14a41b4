-- An organization sees of a person only the membership: principals see their own row of users, and the members of their
-- organization here. OFFSET keeps a query's conditions out: the server would evaluate some on users before the join (see
-- late_conditions.hpp).
CREATE VIEW tenancy.members WITH (security_barrier) AS
SELECT m.organization_id, m.user_id, u.email, coalesce(m.name, u.name) AS name, m.external_id, r.name AS role, u.active, m.created_at, m.ends_at, m.reason
FROM tenancy.organization_members m JOIN tenancy.users u ON u.user_id = m.user_id JOIN tenancy.roles r ON r.role_id = m.role_id
WHERE (m.ends_at IS NULL OR m.ends_at > clock_timestamp()) AND ((SELECT tenancy.is_dba())
   OR m.organization_id = (SELECT tenancy_steps.organization_where('team', 'view'))
   OR (m.organization_id, m.user_id) = (SELECT tenancy.current_organization_id(), tenancy.current_user_id()))
OFFSET 0;
COMMENT ON VIEW tenancy.members IS 'Who is in the session''s organization, as far as its rights reach (a DBA: in all)';
COMMENT ON COLUMN tenancy.members.organization_id IS 'The organization';
COMMENT ON COLUMN tenancy.members.user_id IS 'The member';
COMMENT ON COLUMN tenancy.members.email IS 'The member''s e-mail address';
COMMENT ON COLUMN tenancy.members.name IS 'What the organization calls the member, or else what the member does';
COMMENT ON COLUMN tenancy.members.external_id IS 'The organization''s own id for the member; none that was given elsewhere';
COMMENT ON COLUMN tenancy.members.role IS 'The member''s organization role';
COMMENT ON COLUMN tenancy.members.active IS 'False for a user who is locked out';
COMMENT ON COLUMN tenancy.members.created_at IS 'When the user joined';
COMMENT ON COLUMN tenancy.members.ends_at IS 'When the membership ends; NULL: it has no end';
COMMENT ON COLUMN tenancy.members.reason IS 'What the membership, or its role, is for';
GRANT SELECT ON tenancy.members TO PUBLIC;
