-- The team of a workspace: its members, by groups as well.
CREATE FUNCTION tenancy_steps.team_of_session(action text, member uuid DEFAULT NULL) RETURNS SETOF uuid
LANGUAGE tenancy_unit STABLE SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  RETURN QUERY
  WITH places AS MATERIALIZED (
    SELECT w.workspace_id FROM tenancy.workspaces w
    WHERE w.organization_id = (SELECT tenancy.current_organization_id()) AND tenancy.authorize('team', team_of_session.action, w.workspace_id))
  SELECT m.user_id FROM places p JOIN tenancy.workspace_members m ON m.workspace_id = p.workspace_id
  WHERE (m.ends_at IS NULL OR m.ends_at > clock_timestamp()) AND (team_of_session.member IS NULL OR m.user_id = team_of_session.member)
  UNION
  SELECT m.user_id FROM places p JOIN tenancy.group_roles r ON r.workspace_id = p.workspace_id JOIN tenancy.group_members m ON m.group_id = r.group_id
  WHERE (r.ends_at IS NULL OR r.ends_at > clock_timestamp()) AND (m.ends_at IS NULL OR m.ends_at > clock_timestamp())
    AND (team_of_session.member IS NULL OR m.user_id = team_of_session.member);
END
$$;
COMMENT ON FUNCTION tenancy_steps.team_of_session(text, uuid) IS 'Users (or the one given) who are members of workspaces in which the session holds an action on team; for catalogs and lists of people';

-- The people that a session may see by e-mail address: every list of people asks these two, once and not for each.
CREATE FUNCTION tenancy_internal.sees_all_members(organization_id uuid) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  RETURN tenancy.is_dba() OR coalesce(tenancy_internal.permission_reach(sees_all_members.organization_id, NULL, 'team', 'view') = 'all', false);
END
$$;
COMMENT ON FUNCTION tenancy_internal.sees_all_members(uuid) IS 'Whether the session may see all members of an organization';

CREATE FUNCTION tenancy_steps.people_of_session(member uuid DEFAULT NULL) RETURNS SETOF uuid
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT m FROM tenancy.current_user_id() m WHERE people_of_session.member IS NULL OR m = people_of_session.member
  UNION ALL
  SELECT t FROM tenancy_steps.team_of_session('view', people_of_session.member) t
$$;
COMMENT ON FUNCTION tenancy_steps.people_of_session(uuid) IS 'Users (or the one given) whom the session may see where it may not see all members: its own, and the teams that it may view';

-- An organization sees of a person only the membership: principals see their own row of users, and the members of their
-- organization here. OFFSET keeps a query's conditions out: the server would evaluate some on users before the join (see
-- late_conditions.hpp).
CREATE VIEW tenancy.members WITH (security_barrier) AS
SELECT m.organization_id, m.user_id, u.email, coalesce(m.name, u.name) AS name, CASE WHEN s.whole THEN m.external_id END AS external_id,
       r.name AS role, u.active, m.created_at, CASE WHEN s.whole THEN m.ends_at END AS ends_at, CASE WHEN s.whole THEN m.reason END AS reason
FROM tenancy.organization_members m JOIN tenancy.users u ON u.user_id = m.user_id JOIN tenancy.roles r ON r.role_id = m.role_id
CROSS JOIN LATERAL (
  SELECT coalesce((SELECT tenancy.is_dba()) OR m.organization_id = (SELECT tenancy_steps.organization_with('team', 'view'))
                  OR (m.organization_id, m.user_id) = (SELECT tenancy.current_organization_id(), tenancy_steps.user_itself()), false) AS whole) s
WHERE (m.ends_at IS NULL OR m.ends_at > clock_timestamp())
  AND (s.whole OR m.organization_id = (SELECT tenancy.current_organization_id()) AND m.user_id IN (SELECT p FROM tenancy_steps.people_of_session() p))
OFFSET 0;
COMMENT ON VIEW tenancy.members IS 'Who is in the session''s organization (a DBA: in all): with team.view in the organization all, with team.view in workspaces the members of these, and always the session''s own user';
COMMENT ON COLUMN tenancy.members.organization_id IS 'The organization';
COMMENT ON COLUMN tenancy.members.user_id IS 'The member';
COMMENT ON COLUMN tenancy.members.email IS 'The member''s e-mail address';
COMMENT ON COLUMN tenancy.members.name IS 'What the organization calls the member, or else what the member does';
COMMENT ON COLUMN tenancy.members.external_id IS 'The organization''s own id for the member; none that was given elsewhere, and NULL for others without team.view in the organization, and in sessions that are less than the user';
COMMENT ON COLUMN tenancy.members.role IS 'The member''s organization role';
COMMENT ON COLUMN tenancy.members.active IS 'False for a user who is locked out';
COMMENT ON COLUMN tenancy.members.created_at IS 'When the user joined';
COMMENT ON COLUMN tenancy.members.ends_at IS 'When the membership ends; NULL: it has no end, or for others without team.view in the organization, and in sessions that are less than the user';
COMMENT ON COLUMN tenancy.members.reason IS 'What the membership, or its role, is for; NULL for others without team.view in the organization, and in sessions that are less than the user';
GRANT SELECT ON tenancy.members TO PUBLIC;

-- Of somebody who has left, an organization knows what its audit log has kept.
CREATE FUNCTION tenancy_internal.shown_person(organization_id uuid, user_id uuid) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  RETURN coalesce((
    SELECT u.email FROM tenancy.organization_members m JOIN tenancy.users u ON u.user_id = m.user_id
    WHERE m.organization_id = shown_person.organization_id AND m.user_id = shown_person.user_id AND (m.ends_at IS NULL OR m.ends_at > clock_timestamp())
      AND (tenancy_internal.sees_all_members(m.organization_id) OR m.user_id IN (SELECT p FROM tenancy_steps.people_of_session(m.user_id) p))),
    shown_person.user_id::text);
END
$$;
COMMENT ON FUNCTION tenancy_internal.shown_person(uuid, uuid) IS 'The e-mail address of a user who is a member of the organization, and whom the session may see there, else the id';
