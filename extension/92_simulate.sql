-- simulate(): runs a query as another user.

CREATE FUNCTION tenancy_internal.ordinary_logins() RETURNS TABLE (login oid, user_id uuid, organization_id uuid, workspace_id uuid, trusted boolean)
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT r.oid, b.user_id, b.organization_id, b.workspace_id, coalesce(b.trusted, false)
  FROM pg_roles r LEFT JOIN tenancy.login_bindings b ON b.login = r.oid
  WHERE r.rolcanlogin AND NOT r.rolsuper AND NOT r.rolbypassrls AND NOT has_type_privilege(r.oid, 'tenancy.administrator', 'USAGE')
$$;
COMMENT ON FUNCTION tenancy_internal.ordinary_logins() IS 'Logins to which row security applies and that are no DBA''s, with whom they stand for';

CREATE FUNCTION tenancy_internal.simulated_login(login name, user_id uuid, organization_id uuid) RETURNS oid
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  candidates oid[];
BEGIN
  IF simulated_login.login IS NOT NULL THEN
    SELECT array_agg(l.login) INTO candidates FROM tenancy_internal.ordinary_logins() l WHERE l.login = tenancy_internal.check_login(simulated_login.login);
    IF candidates IS NULL THEN
      RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('login "%s" is not an ordinary one', simulated_login.login),
        DETAIL = 'It is a superuser, has BYPASSRLS, is a DBA, or cannot log in.', HINT = 'Name the login that the user or the application connects by.';
    END IF;
    RETURN candidates[1];
  END IF;
  SELECT array_agg(l.login) INTO candidates FROM tenancy_internal.ordinary_logins() l
  WHERE l.user_id = simulated_login.user_id AND (l.organization_id = simulated_login.organization_id
    OR l.organization_id IS NULL AND tenancy_internal.counting_organizations(simulated_login.user_id) = ARRAY[simulated_login.organization_id]);
  IF candidates IS NULL THEN
    SELECT array_agg(l.login) INTO candidates FROM tenancy_internal.ordinary_logins() l WHERE l.trusted;
  END IF;
  IF cardinality(candidates) = 1 THEN
    RETURN candidates[1];
  END IF;
  RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'a login must be given',
    DETAIL = CASE WHEN candidates IS NULL THEN 'No login is bound to the user, and none is trusted.'
                  ELSE 'Several logins are bound to the user, or trusted.' END;
END
$$;
COMMENT ON FUNCTION tenancy_internal.simulated_login(name, uuid, uuid) IS 'The ordinary login of that name, or (NULL) the one that is bound to the user, or else the one that is trusted; 22023 for none, several, or one that isn''t ordinary';

CREATE FUNCTION tenancy_internal.only_organization(user_id uuid) RETURNS uuid
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  organizations uuid[] := tenancy_internal.counting_organizations(only_organization.user_id);
BEGIN
  IF cardinality(organizations) <> 1 THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'an organization must be given',
      DETAIL = format('The user belongs to %s organizations.', cardinality(organizations));
  END IF;
  RETURN organizations[1];
END
$$;
COMMENT ON FUNCTION tenancy_internal.only_organization(uuid) IS 'The only organization that a user belongs to; 22023 for none or several';

-- The first part of simulate(). By itself it only writes an audit entry.
CREATE FUNCTION tenancy_steps.begin_simulation(
  query text, member text, organization text, login name,
  OUT user_id uuid, OUT organization_id uuid, OUT workspace_id uuid, OUT login_id oid)
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
BEGIN
  PERFORM tenancy_internal.require_dba();
  IF begin_simulation.query IS NULL OR begin_simulation.member IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed', MESSAGE = 'a query and a member must be given';
  END IF;
  begin_simulation.user_id := tenancy_internal.find_user(begin_simulation.member);
  begin_simulation.organization_id := coalesce(tenancy_internal.find_organization(begin_simulation.organization),
    (SELECT l.organization_id FROM tenancy_internal.ordinary_logins() l JOIN pg_roles r ON r.oid = l.login
     WHERE r.rolname = begin_simulation.login AND l.user_id = begin_simulation.user_id AND NOT l.trusted),
    tenancy_internal.only_organization(begin_simulation.user_id));
  begin_simulation.user_id := tenancy_internal.find_member(begin_simulation.organization_id, begin_simulation.member);
  begin_simulation.login_id := tenancy_internal.simulated_login(begin_simulation.login, begin_simulation.user_id, begin_simulation.organization_id);
  IF pg_has_role(tenancy_internal.caller(), begin_simulation.login_id, 'MEMBER') IS NOT TRUE THEN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
      MESSAGE = format('permission denied to simulate login "%s"', begin_simulation.login_id::regrole),
      DETAIL = 'A DBA who is not a superuser must be a member of the role.';
  END IF;
  -- A bound login confines its user to a workspace, where the binding says so.
  SELECT l.workspace_id INTO begin_simulation.workspace_id FROM tenancy_internal.ordinary_logins() l
  WHERE l.login = begin_simulation.login_id AND l.user_id = begin_simulation.user_id AND l.organization_id = begin_simulation.organization_id AND NOT l.trusted;
  PERFORM tenancy_internal.add_audit_entry('simulate', 'user', begin_simulation.user_id::text, begin_simulation.organization_id, begin_simulation.workspace_id,
    after => jsonb_build_object('login', begin_simulation.login_id::regrole, 'query', left(begin_simulation.query, 10000)));
  -- That entry goes with the transaction; this one stays.
  PERFORM tenancy_internal.queue_audit_event('begin_simulation', 'user', begin_simulation.user_id::text, begin_simulation.organization_id,
    begin_simulation.workspace_id, jsonb_build_object('login', begin_simulation.login_id::regrole));
END
$$;
COMMENT ON FUNCTION tenancy_steps.begin_simulation(text, text, text, name) IS 'Checks a simulation, and leaves its audit entry and one that stays if the transaction is rolled back; returns whom it is of: user, organization, workspace that the login confines to, login';

CREATE FUNCTION tenancy.simulate(query text, member text, organization text DEFAULT NULL, login name DEFAULT NULL) RETURNS SETOF jsonb
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'pg_tenancy_simulate';
COMMENT ON FUNCTION tenancy.simulate(text, text, text, name) IS 'For a DBA: runs a read-only query with the rows that a member of an organization (NULL: the only one) sees through an ordinary login (NULL: the one bound to the user, or else the only trusted one), and returns each row as JSON; all effects of the query are undone; leaves an audit entry, and one that it began, which stays if the transaction is rolled back; 22023 for a query that isn''t one statement that returns rows, 55000 while cursors are open';
