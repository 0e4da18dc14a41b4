-- advise(): what would let rows past the policies, or make them slow, and the SQL that mends it.

CREATE FUNCTION tenancy.bypasses_row_security(role oid) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT r.rolsuper OR r.rolbypassrls FROM pg_roles r WHERE r.oid = role
$$;
COMMENT ON FUNCTION tenancy.bypasses_row_security(oid) IS 'Whether no policy applies to a role';
REVOKE ALL ON FUNCTION tenancy.bypasses_row_security(oid) FROM PUBLIC;

CREATE FUNCTION tenancy.protect_call(t tenancy.protected_tables) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT format('SELECT tenancy.protect(%s)', concat_ws(', ', quote_literal(t.relation::text), quote_literal(t.resource),
    'organization => ' || quote_literal(t.organization_column), 'workspace => ' || quote_literal(t.workspace_column),
    'owner => ' || quote_literal(t.owner_column), 'api_key => ' || quote_literal(t.api_key_column),
    'payload => ' || quote_literal(t.payload::text)))
$$;
COMMENT ON FUNCTION tenancy.protect_call(tenancy.protected_tables) IS 'The call of protect() that protects a table as it is';
REVOKE ALL ON FUNCTION tenancy.protect_call(tenancy.protected_tables) FROM PUBLIC;

CREATE FUNCTION tenancy.relations_above(relation regclass)
RETURNS TABLE (above regclass, kind "char", owner oid, directly boolean)
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  WITH RECURSIVE above AS (
    SELECT r.ev_class FROM pg_depend d JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
    WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = relation AND r.ev_class <> relation
    UNION
    SELECT r.ev_class FROM above a
    JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = a.ev_class
    JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid AND r.ev_class <> a.ev_class
  )
  SELECT c.oid::regclass, c.relkind, c.relowner, EXISTS (
    SELECT FROM pg_rewrite r JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
    WHERE r.ev_class = c.oid AND d.refclassid = 'pg_class'::regclass AND d.refobjid = relation)
  FROM above a JOIN pg_class c ON c.oid = a.ev_class
$$;
COMMENT ON FUNCTION tenancy.relations_above(regclass) IS 'Views and materialized views that read a table, directly or through each other, and which of them do directly';
REVOKE ALL ON FUNCTION tenancy.relations_above(regclass) FROM PUBLIC;

CREATE FUNCTION tenancy.advise_isolation() RETURNS TABLE (severity text, rule text, object text, problem text, fix_sql text)
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT 'error', 'protection_broken', t.relation::text, i.problem,
         format('SELECT tenancy.unprotect(%L); %s', t.relation, tenancy.protect_call(t))
  FROM tenancy.protected_tables t, tenancy.inspect_protection(t.relation) i WHERE i.problem IS NOT NULL
  UNION ALL
  -- A table that was restored by itself, or without the catalogs: closed, but nothing keeps it so.
  SELECT 'error', 'unrecorded_protection', c.oid::regclass::text, 'it has the policies of a protected table, but is not in tenancy.protected_tables',
         format('SELECT tenancy.protect(%s)', concat_ws(', ', quote_literal(c.oid::regclass::text), quote_literal(i.resource),
           'organization => ' || quote_literal(i.organization), 'workspace => ' || quote_literal(i.workspace),
           'owner => ' || quote_literal(i.owner), 'api_key => ' || quote_literal(i.api_key)))
  FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid, tenancy.inspect_protection(c.oid) i
  WHERE p.polname = 'tenancy_select' AND i.resource IS NOT NULL AND NOT c.relispartition
    AND NOT EXISTS (SELECT FROM tenancy.protected_tables t WHERE t.relation = c.oid)
  UNION ALL
  SELECT 'error', 'row_security_not_enabled', c.oid::regclass::text, 'row security is forced, but not enabled',
         format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', c.oid::regclass)
  FROM pg_class c WHERE c.relforcerowsecurity AND NOT c.relrowsecurity
  UNION ALL
  SELECT 'error', 'unprotected_partition', child.inhrelid::regclass::text, format('it is part of the protected table %s', t.relation),
         tenancy.protect_call(t)
  FROM tenancy.protected_tables t JOIN pg_inherits child ON child.inhparent = t.relation JOIN pg_class c ON c.oid = child.inhrelid
  WHERE c.relkind <> 'f' AND NOT EXISTS (SELECT FROM tenancy.protected_tables p WHERE p.relation = child.inhrelid)
  UNION ALL
  SELECT 'warning', 'unprotected_table', c.oid::regclass::text, format('it has tenant columns: %s', string_agg(a.attname, ', ' ORDER BY a.attnum)),
         format('SELECT tenancy.protect(%L, <resource>, organization => …, workspace => …)', c.oid::regclass)
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND NOT c.relispartition
    AND c.relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace, 'tenancy'::regnamespace)
    AND NOT EXISTS (SELECT FROM tenancy.protected_tables t WHERE t.relation = c.oid)
    AND tenancy.is_id_type(a.atttypid, a.attcollation)
    AND (a.attname IN ('organization_id', 'workspace_id')
         OR EXISTS (SELECT FROM tenancy.protected_tables t JOIN pg_attribute b ON b.attrelid = t.relation
                    WHERE b.attname IN (t.organization_column, t.workspace_column) AND b.attname = a.attname AND b.atttypid = a.atttypid))
  GROUP BY c.oid
  UNION ALL
  SELECT 'error', 'bypassing_login', r.rolname, 'no policy applies to it: it has BYPASSRLS', format('ALTER ROLE %I NOBYPASSRLS', r.rolname)
  FROM pg_roles r WHERE r.rolbypassrls AND NOT r.rolsuper AND r.rolcanlogin
  UNION ALL
  SELECT 'error', 'superuser_binding', b.login::text, 'no policy applies to it: it is a superuser, though it is trusted or bound',
         format('SELECT tenancy.unbind_login(%L)', b.login::text)
  FROM tenancy.login_bindings b JOIN pg_roles r ON r.oid = b.login WHERE r.rolsuper
  UNION ALL
  SELECT 'warning', 'stale_binding', b.login::text, 'the login that it trusts or binds is gone', format('SELECT tenancy.unbind_login(%L)', b.login::oid::text)
  FROM tenancy.login_bindings b WHERE NOT EXISTS (SELECT FROM pg_roles r WHERE r.oid = b.login)
  UNION ALL
  SELECT DISTINCT 'error', 'view_without_security_invoker', v.above::text, format('it reads %s by the rights of an owner to whom no policy applies', t.relation),
         format('ALTER VIEW %s SET (security_invoker = true)', v.above)
  FROM tenancy.protected_tables t, tenancy.relations_above(t.relation) v
  -- Of views over views, the last one decides whose rights count.
  WHERE v.kind = 'v' AND v.directly AND tenancy.bypasses_row_security(v.owner)
    AND NOT EXISTS (SELECT FROM tenancy.scoped_views s WHERE s.view = v.above)
    AND NOT EXISTS (SELECT FROM pg_class c, pg_options_to_table(c.reloptions) o
                    WHERE c.oid = v.above AND o.option_name = 'security_invoker' AND o.option_value::boolean)
  UNION ALL
  SELECT DISTINCT 'warning', 'materialized_view', v.above::text,
         format('it keeps rows of %s as whoever refreshed it saw them, and %s may read it', t.relation, coalesce(g.rolname, 'PUBLIC')),
         format('REVOKE SELECT ON %s FROM %s', v.above, coalesce(quote_ident(g.rolname), 'PUBLIC'))
  FROM tenancy.protected_tables t, tenancy.relations_above(t.relation) v
  JOIN pg_class c ON c.oid = v.above
  CROSS JOIN aclexplode(c.relacl) a LEFT JOIN pg_roles g ON g.oid = a.grantee
  WHERE v.kind = 'm' AND a.privilege_type = 'SELECT' AND a.grantee <> c.relowner
  UNION ALL
  SELECT DISTINCT 'warning', 'security_definer_function', p.oid::regprocedure::text,
         format('it names %s and runs by the rights of an owner to whom no policy applies', t.relation),
         format('ALTER FUNCTION %s SECURITY INVOKER', p.oid::regprocedure)
  FROM tenancy.protected_tables t JOIN pg_class c ON c.oid = t.relation
  JOIN pg_proc p ON p.prosecdef AND p.prosrc ~* ('\m' || c.relname || '\M')
  WHERE tenancy.bypasses_row_security(p.proowner) AND p.pronamespace <> 'tenancy'::regnamespace AND p.prokind IN ('f', 'p')
  UNION ALL
  SELECT CASE WHEN coalesce(g.rolsuper OR g.rolbypassrls, false) THEN 'warning' ELSE 'error' END, 'truncate_granted', t.relation::text,
         format('no policy applies to TRUNCATE, and %s may', coalesce(g.rolname, 'PUBLIC')),
         format('REVOKE TRUNCATE ON %s FROM %s', t.relation, coalesce(quote_ident(g.rolname), 'PUBLIC'))
  FROM tenancy.protected_tables t JOIN pg_class c ON c.oid = t.relation
  CROSS JOIN aclexplode(c.relacl) a LEFT JOIN pg_roles g ON g.oid = a.grantee
  WHERE a.privilege_type = 'TRUNCATE' AND a.grantee <> c.relowner
  UNION ALL
  SELECT 'warning', 'publication', t.relation::text, format('publication "%s" sends all of its rows to subscribers', p.pubname),
         CASE WHEN p.puballtables THEN format('DROP PUBLICATION %I', p.pubname)
              WHEN r.oid IS NULL THEN format('ALTER PUBLICATION %I DROP TABLES IN SCHEMA %s', p.pubname, c.relnamespace::regnamespace)
              ELSE format('ALTER PUBLICATION %I DROP TABLE ONLY %s', p.pubname, t.relation) END
  FROM tenancy.protected_tables t JOIN pg_class c ON c.oid = t.relation CROSS JOIN pg_publication p
  LEFT JOIN pg_publication_rel r ON r.prrelid = t.relation AND r.prpubid = p.oid
  LEFT JOIN pg_publication_namespace n ON n.pnnspid = c.relnamespace AND n.pnpubid = p.oid
  WHERE p.puballtables OR r.oid IS NOT NULL OR n.oid IS NOT NULL
  UNION ALL
  SELECT 'warning', 'unique_without_tenant', t.relation::text,
         format('unique index %s tells of hidden rows: it has no tenant column', i.indexrelid::regclass), NULL
  FROM tenancy.protected_tables t JOIN pg_index i ON i.indrelid = t.relation AND i.indisunique
  WHERE NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = t.relation AND a.attnum = ANY (i.indkey)
                      AND (a.attname IN (t.organization_column, t.workspace_column) OR tenancy.base_type(a.atttypid) = 'uuid'::regtype
                           OR a.attidentity <> '' OR pg_get_serial_sequence(t.relation::text, a.attname) IS NOT NULL))
$$;
COMMENT ON FUNCTION tenancy.advise_isolation() IS 'The part of advise() about rows that get past the policies';
REVOKE ALL ON FUNCTION tenancy.advise_isolation() FROM PUBLIC;

CREATE FUNCTION tenancy.advise_catalogs() RETURNS TABLE (severity text, rule text, object text, problem text, fix_sql text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  reference record;
  dangling bigint;
BEGIN
  -- A restore is believed, see begin_restore(); one of a part of the catalogs leaves rows that refer to nothing.
  FOR reference IN
    SELECT 'tenancy.' || k.conrelid::regclass AS referring, 'tenancy.' || k.confrelid::regclass AS referred,
           (SELECT string_agg(format('r.%I = t.%I', mine.attname, theirs.attname), ' AND ' ORDER BY u.n)
            FROM unnest(k.conkey, k.confkey) WITH ORDINALITY u (here, there, n)
            JOIN pg_attribute mine ON mine.attrelid = k.conrelid AND mine.attnum = u.here
            JOIN pg_attribute theirs ON theirs.attrelid = k.confrelid AND theirs.attnum = u.there) AS agree,
           (SELECT string_agg(format('r.%I IS NOT NULL', a.attname), ' AND ') FROM pg_attribute a
            WHERE a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey)) AS refers
    FROM pg_constraint k WHERE k.contype = 'f' AND k.connamespace = 'tenancy'::regnamespace ORDER BY k.conname LOOP
    EXECUTE format('SELECT count(*) FROM %s r WHERE %s AND NOT EXISTS (SELECT FROM %s t WHERE %s)',
                   reference.referring, reference.refers, reference.referred, reference.agree) INTO dangling;
    IF dangling > 0 THEN
      severity := 'error';
      rule := 'dangling_catalog_rows';
      object := reference.referring;
      problem := format('rows that refer to nothing in %s: %s', reference.referred, dangling);
      fix_sql := format('DELETE FROM %s r WHERE %s AND NOT EXISTS (SELECT FROM %s t WHERE %s)',
                        reference.referring, reference.refers, reference.referred, reference.agree);
      RETURN NEXT;
    END IF;
  END LOOP;

  RETURN QUERY
  SELECT 'error', 'foreign_code_on_catalogs', f.problem, 'it runs with the rights of the owner of pg_tenancy, who is a superuser', NULL
  FROM tenancy.foreign_code_on_catalogs() f;

  RETURN QUERY
  SELECT 'info', 'administrators', r.rolname::text,
         CASE WHEN has_type_privilege(r.oid, 'tenancy.administrator', 'USAGE') THEN 'it is a DBA: it administers all tenants'
              ELSE 'it may create organizations' END,
         format('REVOKE USAGE ON TYPE %s FROM %I', t.oid::regtype, r.rolname)
  FROM pg_type t CROSS JOIN aclexplode(t.typacl) a JOIN pg_roles r ON pg_has_role(r.oid, a.grantee, 'MEMBER')
  WHERE t.oid IN ('tenancy.administrator'::regtype, 'tenancy.sign_up'::regtype) AND a.grantee <> t.typowner AND NOT r.rolsuper;
  RETURN QUERY
  SELECT 'error', 'everybody_administers', t.oid::regtype::text, 'PUBLIC holds USAGE', format('REVOKE USAGE ON TYPE %s FROM PUBLIC', t.oid::regtype)
  FROM pg_type t CROSS JOIN aclexplode(t.typacl) a
  WHERE t.oid IN ('tenancy.administrator'::regtype, 'tenancy.sign_up'::regtype) AND a.grantee = 0;
END
$$;
COMMENT ON FUNCTION tenancy.advise_catalogs() IS 'The part of advise() about the catalogs themselves';
REVOKE ALL ON FUNCTION tenancy.advise_catalogs() FROM PUBLIC;

CREATE FUNCTION tenancy.advise_server() RETURNS TABLE (severity text, rule text, object text, problem text, fix_sql text)
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT 'error', 'old_server', current_setting('server_version'),
         'it is older than the minor release that mends CVE-2026-14666: a cached plan could outlive a change of roles',
         format('-- update PostgreSQL to %s or later', fixed.release)
  FROM (VALUES (15, 150019, '15.19'), (16, 160015, '16.15'), (17, 170011, '17.11'), (18, 180006, '18.6')) fixed (major, number, release)
  WHERE current_setting('server_version_num')::integer / 10000 = fixed.major
    AND current_setting('server_version_num')::integer < fixed.number
  UNION ALL
  SELECT 'error', 'guard_rails_off', e.evtname, 'the event trigger is not always enabled', format('ALTER EVENT TRIGGER %I ENABLE ALWAYS', e.evtname)
  FROM pg_event_trigger e WHERE e.evtname IN ('tenancy_ddl', 'tenancy_drop', 'tenancy_catalogs') AND e.evtenabled <> 'A'
  UNION ALL
  SELECT 'error', 'catalog_trigger_off', format('%s on tenancy.%s', t.tgname, c.relname), 'changes of the catalog would not take effect in other sessions',
         format('ALTER TABLE tenancy.%I ENABLE ALWAYS TRIGGER %I', c.relname, t.tgname)
  FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE t.tgfoid = 'tenancy.invalidate'::regproc AND t.tgenabled <> 'A'
  UNION ALL
  SELECT 'warning', 'row_security_off', coalesce(r.rolname, d.datname), 'row_security = off makes its queries on protected tables fail',
         CASE WHEN r.oid IS NULL THEN format('ALTER DATABASE %I RESET row_security', d.datname)
              ELSE format('ALTER ROLE %I%s RESET row_security', r.rolname, coalesce(' IN DATABASE ' || quote_ident(d.datname), '')) END
  FROM pg_db_role_setting s LEFT JOIN pg_roles r ON r.oid = s.setrole LEFT JOIN pg_database d ON d.oid = s.setdatabase
  WHERE 'row_security=off' = ANY (s.setconfig) AND (d.oid IS NULL OR d.datname = current_database())
  UNION ALL
  SELECT 'warning', 'stored_secret', coalesce(r.rolname, d.datname),
         format('a secret is stored in its setting %s: every login can read it in pg_roles or pg_db_role_setting, and pg_dumpall dumps it', secret.setting),
         CASE WHEN r.oid IS NULL THEN format('ALTER DATABASE %I RESET %s', d.datname, secret.setting)
              ELSE format('ALTER ROLE %I%s RESET %s', r.rolname, coalesce(' IN DATABASE ' || quote_ident(d.datname), ''), secret.setting) END
  FROM pg_db_role_setting s LEFT JOIN pg_roles r ON r.oid = s.setrole LEFT JOIN pg_database d ON d.oid = s.setdatabase
  CROSS JOIN LATERAL (SELECT substring(c FROM '^[^=]*') AS setting FROM unnest(s.setconfig) c WHERE c ~* '^tenancy[.](api_key|jwt)=.') secret
  WHERE d.oid IS NULL OR d.datname = current_database()
  UNION ALL
  -- A referential action lifts forced row security for the table's owner. Unless the module is there, so it does for whatever
  -- code the action sets off; and with tenancy.principal_lifetime = transaction the first setting must find the module.
  SELECT 'error', 'not_preloaded', current_database(), 'the module is loaded by the first query on a protected table, and must be there before',
         format('ALTER DATABASE %I SET session_preload_libraries = ''pg_tenancy''', current_database())
  WHERE concat_ws(',', current_setting('session_preload_libraries'), current_setting('shared_preload_libraries'), (
      SELECT string_agg(c, ',') FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase CROSS JOIN unnest(s.setconfig) c
      WHERE d.datname = current_database() AND s.setrole = 0 AND c LIKE 'session_preload_libraries=%')) !~ '\mpg_tenancy\M'
$$;
COMMENT ON FUNCTION tenancy.advise_server() IS 'The part of advise() about the server and its roles'' settings';
REVOKE ALL ON FUNCTION tenancy.advise_server() FROM PUBLIC;

CREATE FUNCTION tenancy.advise_speed() RETURNS TABLE (severity text, rule text, object text, problem text, fix_sql text)
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT 'performance', 'missing_index', t.relation::text, format('no index begins with column "%s"', wanted),
         format('CREATE INDEX ON %s (%I)', t.relation, wanted)
  FROM tenancy.protected_tables t CROSS JOIN unnest(ARRAY[t.organization_column, t.workspace_column]) wanted
  WHERE wanted IS NOT NULL AND NOT EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = t.relation)
    AND NOT EXISTS (SELECT FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
                    WHERE i.indrelid = t.relation AND i.indisvalid AND i.indpred IS NULL AND a.attname = wanted)
  UNION ALL
  SELECT 'performance', 'stale_statistics', t.relation::text, 'many of its rows are newer than its statistics', format('ANALYZE %s', t.relation)
  FROM tenancy.protected_tables t JOIN pg_stat_all_tables s ON s.relid = t.relation
  WHERE s.n_mod_since_analyze > 1000 AND s.n_mod_since_analyze > s.n_live_tup / 5
  UNION ALL
  -- Pruning adds the organization to a filter by workspace; the planner must know that one says the other.
  SELECT 'performance', 'missing_dependency_statistics', t.relation::text,
         format('the planner takes columns "%s" and "%s" for independent', t.organization_column, t.workspace_column),
         format('CREATE STATISTICS %I.%I (dependencies) ON %I, %I FROM %s; ANALYZE %s', n.nspname, c.relname || '_tenancy',
                t.organization_column, t.workspace_column, t.relation, t.relation)
  FROM tenancy.protected_tables t JOIN pg_class c ON c.oid = t.relation JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_attribute o ON o.attrelid = t.relation AND o.attname = t.organization_column
  JOIN pg_attribute w ON w.attrelid = t.relation AND w.attname = t.workspace_column
  JOIN pg_partitioned_table p ON p.partrelid = t.relation AND o.attnum = ANY (p.partattrs)
  WHERE NOT EXISTS (SELECT FROM pg_statistic_ext e WHERE e.stxrelid = t.relation AND 'f' = ANY (e.stxkind)
                      AND e.stxkeys::int2[] @> ARRAY[o.attnum, w.attnum])
$$;
COMMENT ON FUNCTION tenancy.advise_speed() IS 'The part of advise() about speed';
REVOKE ALL ON FUNCTION tenancy.advise_speed() FROM PUBLIC;

CREATE FUNCTION tenancy.advise() RETURNS TABLE (severity text, rule text, object text, problem text, fix_sql text)
LANGUAGE tenancy STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  PERFORM tenancy.require_dba();
  RETURN QUERY
  SELECT a.* FROM (SELECT * FROM tenancy.advise_isolation() UNION ALL SELECT * FROM tenancy.advise_tables()
                   UNION ALL SELECT * FROM tenancy.advise_catalogs()
                   UNION ALL SELECT * FROM tenancy.advise_server()
                   UNION ALL SELECT * FROM tenancy.advise_speed()) a
  ORDER BY array_position(ARRAY['error', 'warning', 'performance', 'info'], a.severity), a.rule, a.object;
END
$$;
COMMENT ON FUNCTION tenancy.advise() IS 'For a DBA: what would let rows past the policies or make them slow: severity (error, warning, performance, info), rule, object, problem, and the SQL that mends it (NULL where that is a matter of design)';
