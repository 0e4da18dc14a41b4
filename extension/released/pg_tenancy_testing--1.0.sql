-- pg_tenancy_testing: tests of a database that is protected by pg_tenancy.
\echo Use "CREATE EXTENSION pg_tenancy_testing" to load this file. \quit

-- Superusers run what is in here, so a schema that somebody else prepared is refused.
DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_catalog.pg_namespace n
             WHERE n.nspname = 'tenancy_testing' AND n.nspowner <> current_user::regrole) THEN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
      MESSAGE = 'schema "tenancy_testing" is owned by another role',
      HINT = 'Drop or rename the schema, then run CREATE EXTENSION again.';
  END IF;
END
$$;

COMMENT ON SCHEMA tenancy_testing IS 'Tests of a database that is protected by pg_tenancy';
GRANT USAGE ON SCHEMA tenancy_testing TO PUBLIC;
-- Who the session is in a test.
--
-- Row security does not apply to superusers, and tenancy.user counts on trusted logins only.  So a test really becomes
-- another login: SET SESSION AUTHORIZATION, which a superuser's connection may do, and take back, at any time.
-- Everything is done inside the test's transaction, and goes with it.
--
-- No function here has a search_path of its own: queries given to them mean what they mean to their caller.

CREATE FUNCTION tenancy_testing.bypasses_row_security(role name) RETURNS boolean
LANGUAGE sql STABLE AS $$
  SELECT r.rolsuper OR r.rolbypassrls FROM pg_catalog.pg_roles r WHERE r.rolname = role
$$;
COMMENT ON FUNCTION tenancy_testing.bypasses_row_security(name) IS 'Whether no policy applies to a role; NULL: there is no such role';

CREATE FUNCTION tenancy_testing.privileges_missing(login name) RETURNS SETOF text
LANGUAGE sql STABLE AS $$
  WITH readable AS (
    SELECT t.relation::oid AS relation, 'SELECT, INSERT, UPDATE, DELETE' AS privileges FROM tenancy.protected_tables t
    UNION ALL
    SELECT v.view::oid, 'SELECT' FROM tenancy.scoped_views v
  ), in_schema AS (
    SELECT c.relnamespace AS schema FROM readable r JOIN pg_class c ON c.oid = r.relation
    UNION
    SELECT e.extnamespace FROM pg_extension e WHERE e.extname = 'pgtap'
  )
  SELECT format('GRANT TEMPORARY ON DATABASE %I TO %I', current_database(), login)
  WHERE NOT has_database_privilege(login, current_database(), 'TEMPORARY')
  UNION ALL
  SELECT format('GRANT USAGE ON SCHEMA %s TO %I', s.schema::regnamespace, login)
  FROM in_schema s WHERE NOT has_schema_privilege(login, s.schema, 'USAGE')
  UNION ALL
  SELECT format('GRANT %s ON %s TO %I', r.privileges, r.relation::regclass, login)
  FROM readable r
  WHERE EXISTS (SELECT FROM string_to_table(r.privileges, ', ') p WHERE NOT has_table_privilege(login, r.relation, p))
  UNION ALL
  SELECT format('GRANT USAGE ON SEQUENCE %s TO %I', s.oid::regclass, login)
  FROM readable r JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = r.relation AND d.deptype = 'a'
  JOIN pg_class s ON d.classid = 'pg_class'::regclass AND s.oid = d.objid
  WHERE CASE WHEN s.relkind = 'S' THEN NOT has_sequence_privilege(login, s.oid, 'USAGE') END
$$;
COMMENT ON FUNCTION tenancy_testing.privileges_missing(name) IS 'What to grant so that a login may use the protected tables and scoped views, as far as their policies let it';

CREATE FUNCTION tenancy_testing.make_tester() RETURNS name
LANGUAGE plpgsql AS $$
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
LANGUAGE plpgsql AS $$
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
LANGUAGE sql STABLE AS $$
  SELECT CASE w.kind WHEN 'anonymous' THEN 'nobody'
              WHEN 'jwt' THEN 'token' ELSE replace(w.kind, '_', ' ') END
         || coalesce(' "' || w.email || '"', '') || coalesce(' in organization "' || w.organization || '"', '')
         || coalesce(', workspace "' || w.workspace || '"', '') || format(', as login "%s"', w.login)
  FROM tenancy.whoami() w
$$;
COMMENT ON FUNCTION tenancy_testing.principal() IS 'Who the session is, in words';

CREATE FUNCTION tenancy_testing.become_self() RETURNS void
LANGUAGE plpgsql AS $$
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
LANGUAGE plpgsql AS $$
BEGIN
  IF credential IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed', MESSAGE = 'whom to become must be given';
  END IF;
  PERFORM tenancy_testing.become_self();
  PERFORM set_config('session_authorization', tenancy_testing.choose_login(), false);
  PERFORM set_config('tenancy.api_key', '', false), set_config('tenancy.jwt', '', false), set_config('tenancy.user', '', false);
  PERFORM set_config('tenancy.organization', coalesce(organization, ''), false), set_config('tenancy.workspace', coalesce(workspace, ''), false);
  PERFORM set_config(setting, credential, false);
  -- A credential that does not hold is refused here, and not by some later statement.
  PERFORM set_config('tenancy_testing.principal', tenancy_testing.principal(), false);
END
$$;
COMMENT ON FUNCTION tenancy_testing.switch_to(text, text, text, text) IS 'Becomes the test''s login with one credential and no other; 28000 when the credential does not hold';

CREATE FUNCTION tenancy_testing.become(member text, organization text DEFAULT NULL, workspace text DEFAULT NULL) RETURNS void
LANGUAGE sql AS $$ SELECT tenancy_testing.switch_to('tenancy.user', member, organization, workspace) $$;
COMMENT ON FUNCTION tenancy_testing.become(text, text, text) IS 'From now on the session is this user, in this organization (NULL: the user''s only one), narrowed to this workspace (NULL: not narrowed)';

CREATE FUNCTION tenancy_testing.become_key(secret text) RETURNS void
LANGUAGE sql AS $$ SELECT tenancy_testing.switch_to('tenancy.api_key', secret, NULL, NULL) $$;
COMMENT ON FUNCTION tenancy_testing.become_key(text) IS 'From now on the session is the API key with this secret';

CREATE FUNCTION tenancy_testing.become_token(token text) RETURNS void
LANGUAGE sql AS $$ SELECT tenancy_testing.switch_to('tenancy.jwt', token, NULL, NULL) $$;
COMMENT ON FUNCTION tenancy_testing.become_token(text) IS 'From now on the session is this token (JWT)';

CREATE FUNCTION tenancy_testing.become_nobody() RETURNS void
LANGUAGE plpgsql AS $$
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
-- Whether row policies decide about a table, a schema, or what a query reads.  The other assertions ask first, so that
-- none passes because nothing was filtered at all.

CREATE VIEW tenancy_testing.views AS
SELECT w.ev_class::regclass AS view, d.refobjid::regclass AS reads,
       tenancy_testing.bypasses_row_security(pg_get_userbyid(c.relowner))
       AND NOT EXISTS (SELECT FROM pg_options_to_table(c.reloptions) o
                       WHERE o.option_name = 'security_invoker' AND o.option_value::boolean) AS bypassing
FROM pg_rewrite w JOIN pg_class c ON c.oid = w.ev_class AND c.relkind = 'v'
JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid
                    AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> w.ev_class
GROUP BY w.ev_class, d.refobjid, c.relowner, c.reloptions;
COMMENT ON VIEW tenancy_testing.views IS 'What each view reads itself, and whether by the rights of an owner to whom no row policy applies';
COMMENT ON COLUMN tenancy_testing.views.view IS 'The view';
COMMENT ON COLUMN tenancy_testing.views.reads IS 'A table or view that it names';
COMMENT ON COLUMN tenancy_testing.views.bypassing IS 'Whether it reads tables by the rights of an owner to whom no row policy applies';
GRANT SELECT ON tenancy_testing.views TO PUBLIC;

CREATE FUNCTION tenancy_testing.protection_problem(relation regclass) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT CASE
    WHEN EXISTS (SELECT FROM tenancy.scoped_views v WHERE v.view = c.oid) THEN NULL
    WHEN EXISTS (SELECT FROM tenancy.protected_tables t WHERE t.relation = c.oid) THEN
      (SELECT 'its protection is broken: ' || i.problem FROM tenancy.inspect_protection(c.oid) i WHERE i.problem IS NOT NULL)
    WHEN c.relkind = 'm' AND EXISTS (SELECT FROM tenancy.protected_tables t, tenancy.relations_above(t.relation) a WHERE a.above = c.oid) THEN
      'it is a materialized view, which keeps rows without policies'
    ELSE 'it is not protected' END
  FROM pg_class c WHERE c.oid = relation
$$;
COMMENT ON FUNCTION tenancy_testing.protection_problem(regclass) IS 'Why no tenancy policies decide about the rows of a relation; NULL when they do';

CREATE FUNCTION tenancy_testing.relations_read(query text, OUT relation regclass, OUT problem text) RETURNS SETOF record
LANGUAGE plpgsql AS $$
BEGIN
  -- What a view of the query depends on is what the query reads, whichever way it is planned.
  EXECUTE format(E'CREATE TEMPORARY VIEW tenancy_testing_probe AS SELECT FROM (%s\n) AS query', query);
  RETURN QUERY
  WITH RECURSIVE read AS (
    -- The session reads what it names by its own rights, not by those of whoever owns the probe.
    SELECT v.reads, NULL::regclass AS through FROM tenancy_testing.views v WHERE v.view = 'pg_temp.tenancy_testing_probe'::regclass
    UNION
    SELECT v.reads, CASE WHEN v.bypassing THEN v.view END
    FROM read JOIN tenancy_testing.views v ON v.view = read.reads
    WHERE tenancy_testing.protection_problem(v.view) IS NOT NULL
  ), table_read AS (
    SELECT r.reads, r.through, tenancy_testing.protection_problem(r.reads) AS problem
    FROM read r JOIN pg_catalog.pg_class c ON c.oid = r.reads
    WHERE c.relkind <> 'v' OR tenancy_testing.protection_problem(r.reads) IS NULL
  )
  SELECT t.reads, CASE WHEN t.problem IS NULL AND c.relkind <> 'v'
                       THEN 'it is read by the rights of the owner of view ' || t.through || ', to whom no policy applies'
                       ELSE t.problem END
  FROM table_read t JOIN pg_catalog.pg_class c ON c.oid = t.reads
  ORDER BY t.reads::text;
  DROP VIEW pg_temp.tenancy_testing_probe;
END
$$;
COMMENT ON FUNCTION tenancy_testing.relations_read(text) IS 'The tables and scoped views that a query reads, also through views, and why no policies decide about their rows; NULL when they do';

CREATE FUNCTION tenancy_testing.doubt() RETURNS text
LANGUAGE sql STABLE AS $$
  SELECT CASE
    WHEN tenancy_testing.bypasses_row_security(current_user) THEN
      format(E'no row policy applies to role "%s"\nCall tenancy_testing.become(), become_key() or become_nobody() first.', current_user)
    -- tenancy.principal_lifetime does that to a become() outside of a transaction.
    WHEN tenancy_testing.principal() LIKE 'nobody%' AND became NOT LIKE 'nobody%' THEN
      format(E'the session is nobody, and no longer %s\nRun the test in a transaction.', became) END
  FROM nullif(current_setting('tenancy_testing.principal', true), '') became
$$;
COMMENT ON FUNCTION tenancy_testing.doubt() IS 'Why what the session sees or may would prove nothing: no policy applies to it, or it is no longer whom it became; otherwise NULL';

CREATE FUNCTION tenancy_testing.doubt(query text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  problems text;
  grave boolean;
  protected boolean;
BEGIN
  IF tenancy_testing.doubt() IS NOT NULL THEN
    RETURN tenancy_testing.doubt();
  END IF;
  -- Beside a protected table, one that all tenants share is nothing to doubt.
  SELECT string_agg(E'\n' || r.relation || ': ' || r.problem, ''), bool_or(r.problem <> 'it is not protected'), bool_or(r.problem IS NULL)
  INTO problems, grave, protected
  FROM tenancy_testing.relations_read(query) r;
  RETURN CASE WHEN grave THEN 'the query reads rows that no policy filters' || problems
              WHEN protected THEN NULL
              ELSE 'the query reads no protected table' || coalesce(problems, '') END;
END
$$;
COMMENT ON FUNCTION tenancy_testing.doubt(text) IS 'Why the rows of a query would prove nothing; NULL when row policies decide about them';

CREATE FUNCTION tenancy_testing.verdict(passed boolean, description text, diagnosis text) RETURNS text
LANGUAGE sql AS $$ SELECT ok(passed, description) || CASE WHEN passed THEN '' ELSE coalesce(E'\n' || diag(diagnosis), '') END $$;
COMMENT ON FUNCTION tenancy_testing.verdict(boolean, text, text) IS 'The result of an assertion, and why it failed';

CREATE FUNCTION tenancy_testing.is_protected(relation regclass, description text DEFAULT NULL) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  problems text;
BEGIN
  WITH RECURSIVE family AS (
    SELECT is_protected.relation
    UNION
    SELECT i.inhrelid::regclass FROM family f JOIN pg_catalog.pg_inherits i ON i.inhparent = f.relation
  )
  SELECT string_agg(format('%s: %s', f.relation, tenancy_testing.protection_problem(f.relation)), E'\n' ORDER BY f.relation::text)
  INTO problems
  FROM family f WHERE tenancy_testing.protection_problem(f.relation) IS NOT NULL;
  RETURN tenancy_testing.verdict(problems IS NULL, coalesce(description, format('table %s is protected', relation)), problems);
END
$$;
COMMENT ON FUNCTION tenancy_testing.is_protected(regclass, text) IS 'Passes when a table, with its partitions and children, is protected and its policies are as tenancy.protect() made them';

CREATE FUNCTION tenancy_testing.schema_is_protected(schema name, excluding text[], description text DEFAULT NULL) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  problems text;
BEGIN
  WITH relation AS (
    SELECT c.oid::regclass AS id, c.relname AS name, c.relkind = 'v' AS is_view
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = schema AND c.relkind IN ('r', 'p', 'f', 'm', 'v')
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                      WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
  ), finding AS (
    SELECT r.name, r.id || ': ' || tenancy_testing.protection_problem(r.id) AS problem FROM relation r WHERE NOT r.is_view
    UNION ALL
    SELECT r.name, r.id || ': it reads ' || v.reads || ' by the rights of its owner, to whom no policy applies'
    FROM relation r JOIN tenancy_testing.views v ON v.view = r.id AND v.bypassing
    WHERE r.is_view AND tenancy_testing.protection_problem(r.id) IS NOT NULL AND tenancy_testing.protection_problem(v.reads) IS NULL
  ), complaint AS (
    SELECT f.problem FROM finding f WHERE f.name <> ALL (excluding) AND f.problem IS NOT NULL
    UNION ALL
    SELECT e || ': it is excluded, and there is no such table' FROM unnest(excluding) e WHERE NOT EXISTS (SELECT FROM relation r WHERE r.name = e)
    UNION ALL
    SELECT format('schema "%s" has no tables', schema) WHERE NOT EXISTS (SELECT FROM relation r WHERE NOT r.is_view)
  )
  SELECT string_agg(c.problem, E'\n' ORDER BY c.problem) INTO problems FROM complaint c;
  RETURN tenancy_testing.verdict(problems IS NULL, coalesce(description, format('schema %s is protected', schema)), problems);
END
$$;
COMMENT ON FUNCTION tenancy_testing.schema_is_protected(name, text[], text) IS 'Passes when every table of a schema is protected, but for those named; fails for a schema without tables, and for a name that no table has';

CREATE FUNCTION tenancy_testing.schema_is_protected(schema name, description text DEFAULT NULL) RETURNS text
LANGUAGE sql AS $$ SELECT tenancy_testing.schema_is_protected(schema, '{}', description) $$;
COMMENT ON FUNCTION tenancy_testing.schema_is_protected(name, text) IS 'Passes when every table of a schema is protected';
-- Which rows the session sees.

CREATE FUNCTION tenancy_testing.plain_query(query text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$ SELECT rtrim(query, E' \t\r\n;') $$;
COMMENT ON FUNCTION tenancy_testing.plain_query(text) IS 'A query without the semicolon at its end';

CREATE FUNCTION tenancy_testing.why_these_rows(query text) RETURNS text
LANGUAGE sql AS $$
  SELECT '        who: ' || tenancy_testing.principal() || coalesce(string_agg(
           format(E'\n        sees of %s: %s', r.relation, tenancy.explain_rows(r.relation)), ''), '')
  FROM tenancy_testing.relations_read(query) r JOIN pg_catalog.pg_class c ON c.oid = r.relation
  WHERE c.relkind <> 'v' AND r.problem IS NULL
$$;
COMMENT ON FUNCTION tenancy_testing.why_these_rows(text) IS 'Who the session is, and the row filters that it gets on what a query reads';

CREATE FUNCTION tenancy_testing.sees_rows(query text, expected bigint, description text DEFAULT NULL) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  plain text := tenancy_testing.plain_query(query);
  title text := coalesce(description, format('sees %s rows: %s', expected, plain));
  doubt text := tenancy_testing.doubt(plain);
  have bigint;
BEGIN
  IF doubt IS NOT NULL THEN
    RETURN tenancy_testing.verdict(false, title, doubt);
  END IF;
  EXECUTE format(E'SELECT count(*) FROM (%s\n) AS query', plain) INTO have;
  IF have IS NOT DISTINCT FROM expected THEN
    RETURN tenancy_testing.verdict(true, title, NULL);
  END IF;
  RETURN tenancy_testing.verdict(false, title,
    format(E'       have: %s rows\n       want: %s rows', have, coalesce(expected::text, 'NULL')) || E'\n' || tenancy_testing.why_these_rows(plain));
END
$$;
COMMENT ON FUNCTION tenancy_testing.sees_rows(text, bigint, text) IS 'Passes when the session gets this number of rows from a query';

CREATE FUNCTION tenancy_testing.sees_rows(query text, expected text, description text DEFAULT NULL) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  plain text := tenancy_testing.plain_query(query);
  title text := coalesce(description, format('sees these rows: %s', plain));
  doubt text := tenancy_testing.doubt(plain);
  result text;
BEGIN
  IF doubt IS NOT NULL THEN
    RETURN tenancy_testing.verdict(false, title, doubt);
  END IF;
  result := set_eq(plain, tenancy_testing.plain_query(expected), title);
  RETURN result || CASE WHEN result LIKE 'not ok%' THEN E'\n' || diag(tenancy_testing.why_these_rows(plain)) ELSE '' END;
END
$$;
COMMENT ON FUNCTION tenancy_testing.sees_rows(text, text, text) IS 'Passes when the session gets from a query the same rows as from another one, such as VALUES (…), in any order, duplicates aside';

CREATE FUNCTION tenancy_testing.sees_rows(query text, expected anyarray, description text DEFAULT NULL) RETURNS text
LANGUAGE sql AS $$
  SELECT tenancy_testing.sees_rows(query, format('SELECT unnest(%L::%s)', expected, pg_typeof(expected)), description)
$$;
COMMENT ON FUNCTION tenancy_testing.sees_rows(text, anyarray, text) IS 'Passes when the session gets from a query of one column these values, in any order, duplicates aside';

CREATE FUNCTION tenancy_testing.sees_nothing(query text, description text DEFAULT NULL) RETURNS text
LANGUAGE sql AS $$
  SELECT tenancy_testing.sees_rows(query, 0, coalesce(description, 'sees nothing: ' || tenancy_testing.plain_query(query)))
$$;
COMMENT ON FUNCTION tenancy_testing.sees_nothing(text, text) IS 'Passes when the session gets no row from a query';
-- What the session may.

CREATE FUNCTION tenancy_testing.check_right(expected boolean, resource text, action text, workspace text, description text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  title text := coalesce(description, format('%s %s %s%s', CASE WHEN expected THEN 'may' ELSE 'may not' END, action, resource,
                                             ' in workspace ' || workspace));
  doubt text := tenancy_testing.doubt();
  allowed boolean;
  steps text;
BEGIN
  IF doubt IS NOT NULL THEN
    RETURN tenancy_testing.verdict(false, title, doubt);
  END IF;
  allowed := CASE WHEN workspace IS NULL THEN tenancy.authorize(resource, action) ELSE tenancy.authorize(resource, action, workspace) END;
  IF allowed = expected THEN
    RETURN tenancy_testing.verdict(true, title, NULL);
  END IF;
  SELECT string_agg(format(E'\n        %s. %s (%s): %s', e.step, e.rule, e.source, e.result), '' ORDER BY e.step) INTO steps
  FROM tenancy.explain_authorize(resource, action, workspace) e;
  RETURN tenancy_testing.verdict(false, title, '        who: ' || tenancy_testing.principal() || coalesce(steps, ''));
END
$$;
COMMENT ON FUNCTION tenancy_testing.check_right(boolean, text, text, text, text) IS 'What may() and may_not() have in common';

CREATE FUNCTION tenancy_testing.may(resource text, action text, workspace text DEFAULT NULL, description text DEFAULT NULL) RETURNS text
LANGUAGE sql AS $$ SELECT tenancy_testing.check_right(true, resource, action, workspace, description) $$;
COMMENT ON FUNCTION tenancy_testing.may(text, text, text, text) IS 'Passes when the session may do this, in this workspace (NULL: anywhere); 22023 for a resource or action that is not registered';

CREATE FUNCTION tenancy_testing.may_not(resource text, action text, workspace text DEFAULT NULL, description text DEFAULT NULL) RETURNS text
LANGUAGE sql AS $$ SELECT tenancy_testing.check_right(false, resource, action, workspace, description) $$;
COMMENT ON FUNCTION tenancy_testing.may_not(text, text, text, text) IS 'Passes when the session may not do this, in this workspace (NULL: anywhere); 22023 for a resource or action that is not registered';
