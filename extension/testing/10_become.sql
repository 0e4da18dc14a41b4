-- The session's principal in a test.
--
-- Row security does not apply to superusers, and tenancy.user counts on trusted logins only. So a test really becomes another
-- login, with SET SESSION AUTHORIZATION, which a superuser's connection may use, and undo, at any time. Everything is part of
-- the test's transaction, and ends with it.
--
-- A superuser calls these functions, and others may create functions in a schema of its search_path. So each has one of its own, but for
-- those that queries are passed to, which mean the same as for their caller: these name everything with its schema.

CREATE FUNCTION tenancy_testing.bypasses_row_security(role name) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT r.rolsuper OR r.rolbypassrls FROM pg_catalog.pg_roles r WHERE r.rolname = bypasses_row_security.role
$$;
COMMENT ON FUNCTION tenancy_testing.bypasses_row_security(name) IS 'Whether no policy applies to a role; NULL: there is no such role';

CREATE FUNCTION tenancy_testing.privileges_missing(login name) RETURNS SETOF text
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  WITH readable AS (
    SELECT t.relation::oid AS relation, 'SELECT, INSERT, UPDATE, DELETE' AS privileges FROM tenancy.protected_tables t
    UNION ALL
    SELECT v.view::oid, 'SELECT' FROM tenancy.scoped_views v
  ), in_schema AS (
    SELECT c.relnamespace AS schema FROM readable r JOIN pg_class c ON c.oid = r.relation
    UNION
    SELECT e.extnamespace FROM pg_extension e WHERE e.extname = 'pgtap'
  )
  SELECT format('GRANT TEMPORARY ON DATABASE %I TO %I', current_database(), privileges_missing.login)
  WHERE NOT has_database_privilege(privileges_missing.login, current_database(), 'TEMPORARY')
  UNION ALL
  SELECT format('GRANT USAGE ON SCHEMA %s TO %I', s.schema::regnamespace, privileges_missing.login)
  FROM in_schema s WHERE NOT has_schema_privilege(privileges_missing.login, s.schema, 'USAGE')
  UNION ALL
  SELECT format('GRANT %s ON %s TO %I', r.privileges, r.relation::regclass, privileges_missing.login)
  FROM readable r
  WHERE EXISTS (SELECT FROM string_to_table(r.privileges, ', ') p WHERE NOT has_table_privilege(privileges_missing.login, r.relation, p))
  UNION ALL
  SELECT format('GRANT USAGE ON SEQUENCE %s TO %I', s.oid::regclass, privileges_missing.login)
  FROM readable r JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = r.relation AND d.deptype = 'a'
  JOIN pg_class s ON d.classid = 'pg_class'::regclass AND s.oid = d.objid
  WHERE CASE WHEN s.relkind = 'S' THEN NOT has_sequence_privilege(privileges_missing.login, s.oid, 'USAGE') END
$$;
COMMENT ON FUNCTION tenancy_testing.privileges_missing(name) IS 'What to grant so that a login may use the protected tables and scoped views, as far as their policies let it';

-- trust_login() says that nobody can log in as this role, which is what is wanted here.
CREATE FUNCTION tenancy_testing.make_tester() RETURNS name
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp SET client_min_messages = warning AS $$
DECLARE
  command text;
BEGIN
  IF to_regrole('tenancy_tester') IS NULL THEN
    CREATE ROLE tenancy_tester NOLOGIN;
    COMMENT ON ROLE tenancy_tester IS 'Whom tests act as: made by tenancy_testing.become()';
  END IF;
  FOR command IN SELECT tenancy_testing.privileges_missing('tenancy_tester') LOOP
    EXECUTE command;
  END LOOP;
  IF NOT EXISTS (SELECT FROM tenancy.login_bindings b WHERE b.login = to_regrole('tenancy_tester') AND b.trusted) THEN
    PERFORM tenancy.trust_login('tenancy_tester');
  END IF;
  RETURN 'tenancy_tester';
END
$$;
COMMENT ON FUNCTION tenancy_testing.make_tester() IS 'Makes the role tenancy_tester, which nobody can log in as: trusted, and with the privileges that it misses on protected tables';

CREATE FUNCTION tenancy_testing.choose_login() RETURNS name
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  chosen name := nullif(current_setting('tenancy_testing.login', true), '');
BEGIN
  IF chosen IS NULL THEN
    RETURN CASE WHEN tenancy_testing.bypasses_row_security(session_user) THEN tenancy_testing.make_tester() ELSE session_user END;
  END IF;
  IF to_regrole(quote_ident(chosen)) IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = format('role "%s" does not exist', chosen),
      DETAIL = 'The setting "tenancy_testing.login" names it.';
  END IF;
  IF tenancy_testing.bypasses_row_security(chosen) THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
      MESSAGE = format('no row policy applies to role "%s"', chosen),
      DETAIL = 'It is a superuser or has BYPASSRLS, so that every test would see every row.',
      HINT = 'Let the setting "tenancy_testing.login" name an ordinary role, such as the one that the application uses.';
  END IF;
  RETURN chosen;
END
$$;
COMMENT ON FUNCTION tenancy_testing.choose_login() IS 'The login that tests act as: the setting tenancy_testing.login; or the session''s own, if row policies apply to it; or tenancy_tester';

CREATE FUNCTION tenancy_testing.principal() RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT CASE w.kind WHEN 'anonymous' THEN 'nobody'
              WHEN 'jwt' THEN 'token' ELSE replace(w.kind, '_', ' ') END
         || coalesce(' "' || w.email || '"', '') || coalesce(' in organization "' || w.organization || '"', '')
         || coalesce(', workspace "' || w.workspace || '"', '') || format(', as login "%s"', w.login)
  FROM tenancy.whoami() w
$$;
COMMENT ON FUNCTION tenancy_testing.principal() IS 'Who the session is, in words';

CREATE FUNCTION tenancy_testing.become_self() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  RESET SESSION AUTHORIZATION;
  RESET tenancy.api_key;
  RESET tenancy.jwt;
  RESET tenancy."user";
  RESET tenancy.organization;
  RESET tenancy.workspace;
  RESET tenancy_testing.principal;
END
$$;
COMMENT ON FUNCTION tenancy_testing.become_self() IS 'The session is again the login that connected, with the settings that it came with';

CREATE FUNCTION tenancy_testing.switch_to(setting text, credential text, organization text, workspace text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF switch_to.credential IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed', MESSAGE = 'whom to become must be given';
  END IF;
  PERFORM tenancy_testing.become_self();
  PERFORM set_config('session_authorization', tenancy_testing.choose_login(), false);
  PERFORM set_config('tenancy.api_key', '', false), set_config('tenancy.jwt', '', false), set_config('tenancy.user', '', false);
  PERFORM set_config('tenancy.organization', coalesce(switch_to.organization, ''), false),
    set_config('tenancy.workspace', coalesce(switch_to.workspace, ''), false);
  PERFORM set_config(switch_to.setting, switch_to.credential, false);
  -- An invalid credential is refused here, and not by a later statement.
  PERFORM set_config('tenancy_testing.principal', tenancy_testing.principal(), false);
END
$$;
COMMENT ON FUNCTION tenancy_testing.switch_to(text, text, text, text) IS 'Becomes the test''s login with one credential and no other; 28000 when the credential does not hold';

CREATE FUNCTION tenancy_testing.become(member text, organization text DEFAULT NULL, workspace text DEFAULT NULL) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, tenancy, pg_temp AS $$ SELECT tenancy_testing.switch_to('tenancy.user', become.member, become.organization, become.workspace) $$;
COMMENT ON FUNCTION tenancy_testing.become(text, text, text) IS 'From now on the session is this user, in this organization (NULL: the user''s only one), narrowed to this workspace (NULL: not narrowed)';

CREATE FUNCTION tenancy_testing.become_key(secret text) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, tenancy, pg_temp AS $$ SELECT tenancy_testing.switch_to('tenancy.api_key', become_key.secret, NULL, NULL) $$;
COMMENT ON FUNCTION tenancy_testing.become_key(text) IS 'From now on the session is the API key with this secret';

CREATE FUNCTION tenancy_testing.become_token(token text) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, tenancy, pg_temp AS $$ SELECT tenancy_testing.switch_to('tenancy.jwt', become_token.token, NULL, NULL) $$;
COMMENT ON FUNCTION tenancy_testing.become_token(text) IS 'From now on the session is this token (JWT)';

CREATE FUNCTION tenancy_testing.become_nobody() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  PERFORM tenancy_testing.switch_to('tenancy.user', '', NULL, NULL);
  IF (SELECT kind FROM tenancy.whoami()) <> 'anonymous' THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
      MESSAGE = format('login "%s" is somebody by itself', session_user),
      DETAIL = 'It is bound to a user.', HINT = 'Let the setting "tenancy_testing.login" name a login that is not bound.';
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_testing.become_nobody() IS 'From now on the session is nobody';
