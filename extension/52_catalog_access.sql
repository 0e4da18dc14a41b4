-- What others than a DBA see of the catalogs: their own organization, as far as their rights reach, and never a secret's hash.
-- Row security holds back whoever has privileges on the tables without being a DBA: by pg_read_all_data, pg_write_all_data, or
-- GRANT ... ON ALL TABLES. 98_catalogs.sql has the policies.

-- What is known of a person elsewhere is not an organization's: principals see their own row of users, and here its members.
-- OFFSET keeps a query's conditions out: the server would evaluate some on users before the join (see late_conditions.hpp).
CREATE VIEW tenancy.members WITH (security_barrier) AS
SELECT m.organization_id, m.user_id, u.email, coalesce(m.name, u.name) AS name, m.external_id, r.name AS role, u.active, m.created_at
FROM tenancy.organization_members m JOIN tenancy.users u ON u.user_id = m.user_id JOIN tenancy.roles r ON r.role_id = m.role_id
WHERE (SELECT tenancy.is_dba())
   OR m.organization_id = (SELECT tenancy.current_organization_id())
      AND (m.user_id = (SELECT tenancy.current_user_id()) OR (SELECT tenancy.authorize('team', 'view')))
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
GRANT SELECT ON tenancy.members TO PUBLIC;

-- No policy applies to TRUNCATE.
CREATE FUNCTION tenancy_internal.guard_truncate() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF NOT tenancy.is_dba() THEN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
      MESSAGE = format('permission denied: only a DBA may truncate table %s.%s', TG_TABLE_SCHEMA, TG_TABLE_NAME),
      HINT = 'A DBA is a superuser, or holds USAGE on type tenancy.administrator.';
  END IF;
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION tenancy_internal.guard_truncate() IS 'Trigger: raises 42501 unless the caller is a DBA';
