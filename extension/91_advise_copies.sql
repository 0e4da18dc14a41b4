-- advise(): copies of rows, which other programs and extensions keep outside of the policies.

CREATE FUNCTION tenancy_internal.is_of_extension(relation text, extension name) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT EXISTS (SELECT FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
                 WHERE d.classid = 'pg_class'::regclass AND d.objid = to_regclass(is_of_extension.relation)
                   AND d.refclassid = 'pg_extension'::regclass
                   AND d.deptype = 'e' AND e.extname = is_of_extension.extension)
$$;
COMMENT ON FUNCTION tenancy_internal.is_of_extension(text, name) IS 'Whether a relation belongs to an extension, and is not just called like one that does';

CREATE FUNCTION tenancy_internal.advice_publication() RETURNS TABLE (severity text, object text, problem text, fix_sql text)
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT 'warning', t.relation::text, format('publication "%s" sends all of its rows to subscribers', p.pubname),
         CASE WHEN p.puballtables THEN tenancy_internal.fix_within(format('DROP PUBLICATION %I', p.pubname), c.relowner, p.pubowner)
              WHEN r.oid IS NULL THEN
                tenancy_internal.fix_within(format('ALTER PUBLICATION %I DROP TABLES IN SCHEMA %s', p.pubname, c.relnamespace::regnamespace), c.relowner, p.pubowner)
              ELSE format('ALTER PUBLICATION %I DROP TABLE ONLY %s', p.pubname, t.relation) END
  FROM tenancy.protected_tables t JOIN pg_class c ON c.oid = t.relation CROSS JOIN pg_publication p
  LEFT JOIN pg_publication_rel r ON r.prrelid = t.relation AND r.prpubid = p.oid
  LEFT JOIN pg_publication_namespace n ON n.pnnspid = c.relnamespace AND n.pnpubid = p.oid
  -- A partition published with its parent is reported with the parent.
  WHERE r.oid IS NOT NULL OR NOT c.relispartition AND (p.puballtables OR n.oid IS NOT NULL)
$$;
COMMENT ON FUNCTION tenancy_internal.advice_publication() IS 'Publications that send protected tables';

CREATE FUNCTION tenancy_internal.advice_pglogical_set() RETURNS TABLE (severity text, object text, problem text, fix_sql text)
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF NOT (tenancy_internal.is_of_extension('pglogical.replication_set_table', 'pglogical')
          AND tenancy_internal.is_of_extension('pglogical.replication_set', 'pglogical')) THEN
    RETURN;
  END IF;
  RETURN QUERY EXECUTE $query$
    SELECT 'warning', t.relation::text, format('replication set "%s" of pglogical sends all of its rows to subscribers', s.set_name),
           format('SELECT pglogical.replication_set_remove_table(%L, %L)', s.set_name, t.relation)
    FROM tenancy.protected_tables t JOIN pglogical.replication_set_table m ON m.set_reloid = t.relation
    JOIN pglogical.replication_set s ON s.set_id = m.set_id $query$;
END
$$;
COMMENT ON FUNCTION tenancy_internal.advice_pglogical_set() IS 'Replication sets of pglogical that send protected tables';

CREATE FUNCTION tenancy_internal.advice_incremental_view() RETURNS TABLE (severity text, object text, problem text, fix_sql text)
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  -- Its triggers on the underlying table refer to the view by OID. The view contains rows of all tenants, without policies.
  -- Whoever owns the table can have written the trigger, and named any relation in it.
  SELECT DISTINCT 'warning', v.view::text, format('pg_ivm keeps rows of all tenants of %s in it', t.relation),
         CASE WHEN kept.relowner = source.relowner THEN format('DROP TABLE %s', v.view) END
  FROM tenancy.protected_tables t JOIN pg_class source ON source.oid = t.relation JOIN pg_trigger g ON g.tgrelid = t.relation
  JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = g.tgfoid AND d.deptype = 'e' AND d.refclassid = 'pg_extension'::regclass
  JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'pg_ivm'
  CROSS JOIN LATERAL (SELECT substring(encode(g.tgargs, 'escape') FROM '^[0-9]+')::oid::regclass) v (view)
  JOIN pg_class kept ON kept.oid = v.view
  WHERE NOT EXISTS (SELECT FROM tenancy.protected_tables p WHERE p.relation = v.view)
$$;
COMMENT ON FUNCTION tenancy_internal.advice_incremental_view() IS 'Views that pg_ivm keeps up to date with protected tables';

CREATE FUNCTION tenancy_internal.advice_collected_constants() RETURNS TABLE (severity text, object text, problem text, fix_sql text)
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT 'warning', e.extname::text, 'it shows the constants of all tenants'' queries to whoever may read its views',
         'ALTER SYSTEM SET pg_qualstats.track_constants = off; SELECT pg_reload_conf()'
  FROM pg_extension e
  WHERE e.extname = 'pg_qualstats' AND coalesce(current_setting('pg_qualstats.track_constants', true), 'on') NOT IN ('off', 'false')
    AND EXISTS (SELECT FROM tenancy.protected_tables)
$$;
COMMENT ON FUNCTION tenancy_internal.advice_collected_constants() IS 'Statistics of pg_qualstats, which show constants of all tenants'' queries';
