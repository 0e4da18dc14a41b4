-- advise(): roles and objects that bypass the policies.

CREATE FUNCTION tenancy_internal.advice_bypassing_login() RETURNS TABLE (severity text, object text, problem text, fix_sql text)
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  -- Backup, migrations, loaders and replication need such a login, to be accepted by name; an application does not.
  SELECT CASE WHEN b.login IS NULL THEN 'warning' ELSE 'error' END, r.rolname::text,
         'no policy applies to it: it has BYPASSRLS' || CASE WHEN b.login IS NULL THEN '' ELSE ', though it is trusted or bound' END,
         format('ALTER ROLE %I NOBYPASSRLS', r.rolname)
  FROM pg_roles r LEFT JOIN tenancy.login_bindings b ON b.login = r.oid
  WHERE r.rolbypassrls AND NOT r.rolsuper AND r.rolcanlogin
  UNION ALL
  -- SET ROLE changes which policies apply, but not the principal.
  SELECT 'error', l.rolname::text, format('no policy applies to it after SET ROLE %I, though it is trusted or bound', r.rolname),
         CASE WHEN EXISTS (SELECT FROM pg_auth_members m WHERE m.roleid = r.oid AND m.member = l.oid)
              THEN format('REVOKE %I FROM %I', r.rolname, l.rolname) END
  FROM tenancy.login_bindings b JOIN pg_roles l ON l.oid = b.login AND NOT l.rolsuper AND NOT l.rolbypassrls
  JOIN pg_roles r ON (r.rolsuper OR r.rolbypassrls) AND pg_has_role(l.oid, r.oid, 'MEMBER')
$$;
COMMENT ON FUNCTION tenancy_internal.advice_bypassing_login() IS 'Logins to which no policy applies';

CREATE FUNCTION tenancy_internal.advice_superuser_binding() RETURNS TABLE (severity text, object text, problem text, fix_sql text)
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT 'error', b.login::text, 'no policy applies to it: it is a superuser, though it is trusted or bound',
         format('SELECT tenancy.unbind_login(%L)', b.login::text)
  FROM tenancy.login_bindings b JOIN pg_roles r ON r.oid = b.login WHERE r.rolsuper
$$;
COMMENT ON FUNCTION tenancy_internal.advice_superuser_binding() IS 'Superusers that are trusted or bound';

CREATE FUNCTION tenancy_internal.advice_stale_binding() RETURNS TABLE (severity text, object text, problem text, fix_sql text)
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT 'warning', b.login::text, 'the login that it trusts or binds is gone', format('SELECT tenancy.unbind_login(%L)', b.login::oid::text)
  FROM tenancy.login_bindings b WHERE NOT EXISTS (SELECT FROM pg_roles r WHERE r.oid = b.login)
  UNION ALL
  SELECT 'warning', b.login::text, 'it is trusted or bound, but cannot log in, and SET ROLE to it does not count',
         format('SELECT tenancy.unbind_login(%L)', r.rolname)
  FROM tenancy.login_bindings b JOIN pg_roles r ON r.oid = b.login WHERE NOT r.rolcanlogin
$$;
COMMENT ON FUNCTION tenancy_internal.advice_stale_binding() IS 'Bindings of logins that are gone, or cannot log in';

CREATE FUNCTION tenancy_internal.advice_filtered_owner() RETURNS TABLE (severity text, object text, problem text, fix_sql text)
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT 'warning', r.rolname::text,
         format('it has the rights of the owner of %s, and row security applies to it: without a principal, its migrations and maintenance %s',
                min(t.relation::text) || CASE count(*) WHEN 1 THEN '' ELSE format(' and %s more', count(*) - 1) END,
                CASE current_setting('tenancy.filtered_owner', true) WHEN 'empty' THEN 'find no rows' ELSE 'fail' END),
         NULL::text
  FROM tenancy.protected_tables t JOIN pg_class c ON c.oid = t.relation AND NOT c.relispartition
  JOIN pg_roles r ON r.rolcanlogin AND NOT r.rolsuper AND NOT r.rolbypassrls AND pg_has_role(r.oid, c.relowner, 'USAGE')
  GROUP BY r.rolname
$$;
COMMENT ON FUNCTION tenancy_internal.advice_filtered_owner() IS 'Logins with the rights of an owner of protected tables, to whom row security applies';

CREATE FUNCTION tenancy_internal.advice_view_without_security_invoker() RETURNS TABLE (severity text, object text, problem text, fix_sql text)
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT DISTINCT 'error', v.above::text, format('it reads %s by the rights of an owner to whom no policy applies', t.relation),
         tenancy_internal.fix_within(format('ALTER VIEW %s SET (security_invoker = true)', v.above), tenancy_internal.owner_of(t.relation), v.owner)
  FROM tenancy.protected_tables t, tenancy_internal.relations_above(t.relation) v
  -- Of views over views, the last one decides whose rights count.
  WHERE v.kind = 'v' AND v.directly AND tenancy_internal.bypasses_row_security(v.owner)
    AND NOT EXISTS (SELECT FROM tenancy.scoped_views s WHERE s.view = v.above)
    AND NOT EXISTS (SELECT FROM pg_class c, pg_options_to_table(c.reloptions) o
                    WHERE c.oid = v.above AND o.option_name = 'security_invoker' AND o.option_value::boolean)
$$;
COMMENT ON FUNCTION tenancy_internal.advice_view_without_security_invoker() IS 'Views that read protected tables by the rights of an owner to whom no policy applies';

CREATE FUNCTION tenancy_internal.advice_materialized_view() RETURNS TABLE (severity text, object text, problem text, fix_sql text)
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT DISTINCT 'warning', v.above::text,
         format('it keeps rows of %s as whoever refreshed it saw them, and %s may read it', t.relation, coalesce(g.rolname, 'PUBLIC')),
         tenancy_internal.fix_within(format('REVOKE SELECT ON %s FROM %s', v.above, coalesce(quote_ident(g.rolname), 'PUBLIC')),
                                     tenancy_internal.owner_of(t.relation), v.owner)
  FROM tenancy.protected_tables t, tenancy_internal.relations_above(t.relation) v
  JOIN pg_class c ON c.oid = v.above
  CROSS JOIN aclexplode(c.relacl) a LEFT JOIN pg_roles g ON g.oid = a.grantee
  WHERE v.kind = 'm' AND a.privilege_type = 'SELECT' AND a.grantee <> c.relowner
$$;
COMMENT ON FUNCTION tenancy_internal.advice_materialized_view() IS 'Materialized views of protected tables that others than their owner may read';

CREATE FUNCTION tenancy_internal.advice_security_definer_function() RETURNS TABLE (severity text, object text, problem text, fix_sql text)
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT DISTINCT 'warning', p.oid::regprocedure::text,
         format('it names %s and runs by the rights of an owner to whom no policy applies', t.relation),
         tenancy_internal.fix_within(format('ALTER FUNCTION %s SECURITY INVOKER', p.oid::regprocedure), c.relowner, p.proowner)
  FROM tenancy.protected_tables t JOIN pg_class c ON c.oid = t.relation
  -- The name is no pattern: whoever owns the table has chosen it. A key word stands in all functions, where it names no table.
  JOIN pg_proc p ON p.prosecdef
    AND p.prosrc ~* (CASE WHEN lower(c.relname) = ANY (ARRAY(SELECT k.word FROM pg_get_keywords() k))
                     THEN '(?<=[".]|[[:<:]](?:from|join|into|update|only|table)[[:space:]]+)' ELSE '(?<![[:alnum:]_])' END || regexp_replace(c.relname, '([^[:alnum:]_[:space:]])', E'\\\\\\1', 'g') || '(?![[:alnum:]_])')
  WHERE tenancy_internal.bypasses_row_security(p.proowner) AND p.pronamespace NOT IN ('tenancy'::regnamespace, 'tenancy_internal'::regnamespace, 'tenancy_steps'::regnamespace) AND p.prokind IN ('f', 'p')
    -- Triggers of protected tables run for whoever writes a row, and return no rows.
    AND NOT (p.prorettype = 'trigger'::regtype AND EXISTS (
      SELECT FROM pg_trigger g JOIN tenancy.protected_tables r ON r.relation = g.tgrelid WHERE g.tgfoid = p.oid))
$$;
COMMENT ON FUNCTION tenancy_internal.advice_security_definer_function() IS 'Functions that name protected tables and run by the rights of an owner to whom no policy applies';

CREATE FUNCTION tenancy_internal.advice_leakproof_function() RETURNS TABLE (severity text, object text, problem text, fix_sql text)
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  -- The server calls such a function on hidden rows, so its output, errors and writes can reveal them.
  SELECT 'error', p.oid::regprocedure::text, 'it is LEAKPROOF, so that it gets values of hidden rows',
         format('ALTER FUNCTION %s NOT LEAKPROOF', p.oid::regprocedure)
  FROM pg_proc p
  WHERE p.proleakproof AND p.oid >= 16384  -- FirstNormalObjectId: not built in
    AND p.pronamespace NOT IN ('tenancy'::regnamespace, 'tenancy_internal'::regnamespace, 'tenancy_steps'::regnamespace) AND p.prokind = 'f'
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
$$;
COMMENT ON FUNCTION tenancy_internal.advice_leakproof_function() IS 'Functions that somebody has declared LEAKPROOF';

CREATE FUNCTION tenancy_internal.advice_truncate_granted() RETURNS TABLE (severity text, object text, problem text, fix_sql text)
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  -- Roles that see all rows anyway may have it for a reason; for others it is a way past the policies.
  SELECT CASE WHEN g.oid IS NOT NULL AND (tenancy_internal.bypasses_row_security(g.oid) OR pg_has_role(g.oid, c.relowner, 'MEMBER'))
              THEN 'warning' ELSE 'error' END,
         t.relation::text, format('no policy applies to TRUNCATE, and %s may', coalesce(g.rolname, 'PUBLIC')),
         format('REVOKE TRUNCATE ON %s FROM %s', t.relation, coalesce(quote_ident(g.rolname), 'PUBLIC'))
  FROM tenancy.protected_tables t JOIN pg_class c ON c.oid = t.relation
  CROSS JOIN aclexplode(c.relacl) a LEFT JOIN pg_roles g ON g.oid = a.grantee
  WHERE a.privilege_type = 'TRUNCATE' AND a.grantee <> c.relowner
    AND NOT EXISTS (SELECT FROM pg_inherits h JOIN pg_class p ON p.oid = h.inhparent CROSS JOIN aclexplode(p.relacl) above
                    WHERE h.inhrelid = c.oid AND above.privilege_type = 'TRUNCATE' AND above.grantee = a.grantee)
$$;
COMMENT ON FUNCTION tenancy_internal.advice_truncate_granted() IS 'Protected tables that others than their owner may empty';

CREATE FUNCTION tenancy_internal.advice_unique_without_tenant() RETURNS TABLE (severity text, object text, problem text, fix_sql text)
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT 'warning', t.relation::text, format('unique index %s tells of hidden rows: it has no tenant column', i.indexrelid::regclass), NULL::text
  FROM tenancy.protected_tables t JOIN pg_index i ON i.indrelid = t.relation AND i.indisunique
  WHERE NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = t.relation AND a.attnum = ANY (i.indkey) AND NOT a.attisdropped
                      AND (a.attname IN (t.organization_column, t.workspace_column) OR a.attname = ANY (t.through) OR tenancy_internal.base_type(a.atttypid) = 'uuid'::regtype
                           OR a.attidentity <> ''
                           -- a serial column owns its sequence
                           OR EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
                                        AND d.refobjid = t.relation AND d.refobjsubid = a.attnum AND d.deptype IN ('a', 'i'))))
    -- a partition's index is its parent's
    AND NOT EXISTS (SELECT FROM pg_inherits h WHERE h.inhrelid = i.indexrelid)
$$;
COMMENT ON FUNCTION tenancy_internal.advice_unique_without_tenant() IS 'Unique indexes of protected tables that tell of hidden rows';
