-- Logins of applications and people: trusted ones, and those bound to a user.

CREATE FUNCTION tenancy_internal.check_login(login name) RETURNS regrole
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  found_role regrole;
  nearest text;
BEGIN
  PERFORM tenancy_internal.check_given('login', check_login.login);
  SELECT r.oid INTO found_role FROM pg_roles r WHERE r.rolname = check_login.login;
  IF found_role IS NULL THEN
    SELECT tenancy_internal.nearest(check_login.login::text, array_agg(r.rolname::text)) INTO nearest FROM pg_roles r;
    RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = format('role "%s" does not exist', check_login.login),
      HINT = coalesce('Perhaps you meant "' || nearest || '".', 'See pg_roles.');
  END IF;
  RETURN found_role;
END
$$;
COMMENT ON FUNCTION tenancy_internal.check_login(name) IS 'The login role of that name; 42704 with the nearest name';

CREATE FUNCTION tenancy_internal.check_new_login(login name) RETURNS regrole
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  found_role regrole := tenancy_internal.check_login(check_new_login.login);
BEGIN
  IF NOT (SELECT r.rolcanlogin FROM pg_roles r WHERE r.oid = found_role) THEN
    PERFORM tenancy_steps.notice(format('role "%s" cannot log in', check_new_login.login),
      detail => 'What counts is the role that has logged in: SET ROLE makes no principal.',
      hint => 'Trust or bind the login that uses SET ROLE, or give this role the LOGIN attribute.');
  END IF;
  RETURN found_role;
END
$$;
COMMENT ON FUNCTION tenancy_internal.check_new_login(name) IS 'The login role of that name, with a NOTICE if it cannot log in; 42704 with the nearest name';

CREATE FUNCTION tenancy.trust_login(login name) RETURNS void
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  PERFORM tenancy_internal.require_dba();
  INSERT INTO tenancy.login_bindings (login, trusted) VALUES (tenancy_internal.check_new_login(trust_login.login), true)
  ON CONFLICT ON CONSTRAINT login_bindings_pkey DO UPDATE SET trusted = true;
END
$$;
COMMENT ON FUNCTION tenancy.trust_login(name) IS 'For a DBA: lets a login name its user by tenancy.user: for applications that authenticate their users themselves';

CREATE FUNCTION tenancy.bind_login(login name, member text DEFAULT NULL, organization text DEFAULT NULL, workspace text DEFAULT NULL)
RETURNS void LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  the_user uuid;
  the_organization uuid;
  the_workspace uuid;
BEGIN
  PERFORM tenancy_internal.require_dba();
  the_user := coalesce(tenancy_internal.find_user(bind_login.member), tenancy.current_user_id());
  the_organization := tenancy_internal.find_organization(bind_login.organization);
  the_workspace := tenancy_internal.find_workspace(bind_login.workspace, the_organization);
  IF the_user IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'a user must be given';
  END IF;
  IF the_workspace IS NOT NULL AND the_organization IS NULL THEN
    SELECT w.organization_id INTO the_organization FROM tenancy.workspaces w WHERE w.workspace_id = the_workspace;
  END IF;
  -- A trigger stores the only organization of the user, or the first one later.
  IF the_organization IS NULL AND cardinality(tenancy_internal.counting_organizations(the_user)) > 1 THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'an organization must be given',
      DETAIL = 'The user is a member of several, and a login acts in one.';
  END IF;
  IF the_organization IS NOT NULL AND the_organization <> ALL (tenancy_internal.counting_organizations(the_user)) THEN
    RAISE EXCEPTION USING ERRCODE = 'undefined_object',
      MESSAGE = format('user "%s" is not a member of the organization', coalesce(bind_login.member, the_user::text)),
      HINT = 'tenancy.set_organization_role() makes somebody a member.';
  END IF;
  INSERT INTO tenancy.login_bindings (login, user_id, organization_id, workspace_id)
  VALUES (tenancy_internal.check_new_login(bind_login.login), the_user, the_organization, the_workspace)
  ON CONFLICT ON CONSTRAINT login_bindings_pkey DO UPDATE
    SET user_id = EXCLUDED.user_id, organization_id = EXCLUDED.organization_id, workspace_id = EXCLUDED.workspace_id;
END
$$;
COMMENT ON FUNCTION tenancy.bind_login(name, text, text, text) IS 'For a DBA: makes a login stand for a user (NULL: the session''s own) in one organization (NULL: the user''s only one, or the first one that it joins), confined to one workspace where that is given; 22023 when the user is a member of several and none is given; 42704 for what does not exist, and when the user is no member of it';

CREATE FUNCTION tenancy.unbind_login(login name) RETURNS void
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  PERFORM tenancy_internal.require_dba();
  -- Of a dropped role, only the OID is left.
  DELETE FROM tenancy.login_bindings b
  WHERE b.login::oid::text = unbind_login.login AND NOT EXISTS (SELECT FROM pg_roles r WHERE r.oid = b.login);
  IF FOUND THEN
    RETURN;
  END IF;
  DELETE FROM tenancy.login_bindings b WHERE b.login = tenancy_internal.check_login(unbind_login.login);
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = format('login "%s" is neither trusted nor bound', unbind_login.login);
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy.unbind_login(name) IS 'For a DBA: takes away a login''s binding and its trust, also of a role that is gone, by its number; 42704 when it has neither';
