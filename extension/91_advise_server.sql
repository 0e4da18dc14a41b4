-- advise(): the server, its triggers and its settings.

CREATE FUNCTION tenancy_internal.advice_old_server() RETURNS TABLE (severity text, object text, problem text, fix_sql text)
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT 'error', current_setting('server_version'),
         format('it is older than PostgreSQL %s, which mends CVE-2026-14666: a cached plan could outlive a change of roles', fixed.release), NULL::text
  FROM (VALUES (15, 150019, '15.19'), (16, 160015, '16.15'), (17, 170011, '17.11'), (18, 180006, '18.6')) fixed (major, number, release)
  WHERE current_setting('server_version_num')::integer / 10000 = fixed.major
    AND current_setting('server_version_num')::integer < fixed.number
$$;
COMMENT ON FUNCTION tenancy_internal.advice_old_server() IS 'A server whose minor release lacks a fix that row security depends on';

CREATE FUNCTION tenancy_internal.advice_guard_rails_off() RETURNS TABLE (severity text, object text, problem text, fix_sql text)
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT 'error', e.evtname::text, 'the event trigger is not always enabled', format('ALTER EVENT TRIGGER %I ENABLE ALWAYS', e.evtname)
  FROM pg_event_trigger e WHERE e.evtname IN ('tenancy_ddl', 'tenancy_drop', 'tenancy_catalogs') AND e.evtenabled <> 'A'
  UNION ALL
  SELECT 'error', coalesce(r.rolname, d.datname, current_database())::text, 'tenancy.guard_rails is off',
         CASE WHEN r.oid IS NULL THEN format('ALTER DATABASE %I RESET tenancy.guard_rails', coalesce(d.datname, current_database()))
              ELSE format('ALTER ROLE %I%s RESET tenancy.guard_rails', r.rolname, coalesce(' IN DATABASE ' || quote_ident(d.datname), '')) END
  FROM pg_db_role_setting s LEFT JOIN pg_roles r ON r.oid = s.setrole LEFT JOIN pg_database d ON d.oid = s.setdatabase
  CROSS JOIN unnest(s.setconfig) c
  WHERE c ~* '^tenancy[.]guard_rails=(off|of|false|f|fa|fal|fals|no|n|0)$' AND (d.oid IS NULL OR d.datname = current_database())
$$;
COMMENT ON FUNCTION tenancy_internal.advice_guard_rails_off() IS 'Guard rails that are off: event triggers, or the setting of a role or database';

CREATE FUNCTION tenancy_internal.advice_catalog_trigger_off() RETURNS TABLE (severity text, object text, problem text, fix_sql text)
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT 'error', format('%s on %s.%s', t.tgname, c.relnamespace::regnamespace, c.relname), 'changes of the catalog would not take effect in other sessions',
         format('ALTER TABLE %s.%I ENABLE ALWAYS TRIGGER %I', c.relnamespace::regnamespace, c.relname, t.tgname)
  FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE t.tgfoid = 'tenancy_internal.invalidate'::regproc AND t.tgenabled <> 'A'
$$;
COMMENT ON FUNCTION tenancy_internal.advice_catalog_trigger_off() IS 'Triggers that tell sessions of changed rights and are not always enabled';

CREATE FUNCTION tenancy_internal.advice_row_security_off() RETURNS TABLE (severity text, object text, problem text, fix_sql text)
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT 'warning', coalesce(r.rolname, d.datname)::text, 'row_security = off makes its queries on protected tables fail',
         CASE WHEN r.oid IS NULL THEN format('ALTER DATABASE %I RESET row_security', d.datname)
              ELSE format('ALTER ROLE %I%s RESET row_security', r.rolname, coalesce(' IN DATABASE ' || quote_ident(d.datname), '')) END
  FROM pg_db_role_setting s LEFT JOIN pg_roles r ON r.oid = s.setrole LEFT JOIN pg_database d ON d.oid = s.setdatabase
  WHERE 'row_security=off' = ANY (s.setconfig) AND (d.oid IS NULL OR d.datname = current_database())
$$;
COMMENT ON FUNCTION tenancy_internal.advice_row_security_off() IS 'Roles and databases for which row_security = off is set';

CREATE FUNCTION tenancy_internal.advice_stored_secret() RETURNS TABLE (severity text, object text, problem text, fix_sql text)
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT 'warning', coalesce(r.rolname, d.datname)::text,
         format('a secret is stored in its setting %s: every login can read it in pg_roles or pg_db_role_setting, and pg_dumpall dumps it', secret.setting),
         CASE WHEN r.oid IS NULL THEN format('ALTER DATABASE %I RESET %s', d.datname, secret.setting)
              ELSE format('ALTER ROLE %I%s RESET %s', r.rolname, coalesce(' IN DATABASE ' || quote_ident(d.datname), ''), secret.setting) END
  FROM pg_db_role_setting s LEFT JOIN pg_roles r ON r.oid = s.setrole LEFT JOIN pg_database d ON d.oid = s.setdatabase
  CROSS JOIN LATERAL (SELECT substring(c FROM '^[^=]*') AS setting FROM unnest(s.setconfig) c WHERE c ~* '^tenancy[.](api_key|jwt)=.') secret
  WHERE d.oid IS NULL OR d.datname = current_database()
$$;
COMMENT ON FUNCTION tenancy_internal.advice_stored_secret() IS 'Secrets that are stored as settings of roles and databases';

CREATE FUNCTION tenancy_internal.advice_not_preloaded() RETURNS TABLE (severity text, object text, problem text, fix_sql text)
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  -- A referential action lifts forced row security for the table's owner. Without the module, this extends to all code that the
  -- action triggers; and with tenancy.principal_lifetime = transaction the first setting needs the module.
  SELECT 'error', current_database()::text, 'the module is loaded by the first query on a protected table, and must be there before',
         format('ALTER DATABASE %I SET session_preload_libraries = ''pg_tenancy''', current_database())
  WHERE concat_ws(',', current_setting('session_preload_libraries'), current_setting('shared_preload_libraries'), (
      SELECT string_agg(c, ',') FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase CROSS JOIN unnest(s.setconfig) c
      WHERE d.datname = current_database() AND s.setrole = 0 AND c LIKE 'session_preload_libraries=%')) !~ '[[:<:]]pg_tenancy[[:>:]]'
$$;
COMMENT ON FUNCTION tenancy_internal.advice_not_preloaded() IS 'A database whose sessions do not load the module when they begin';
