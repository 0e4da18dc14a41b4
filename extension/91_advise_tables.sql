-- advise(): open or closed tables other than the protected ones, and changes made while guard rails were off.

CREATE FUNCTION tenancy_internal.advice_closed_table() RETURNS TABLE (severity text, object text, problem text, fix_sql text)
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT 'error', c.oid::regclass::text, 'guard rails have closed it: protect it, or forget its name',
         CASE WHEN k.table_name IS NOT NULL AND tenancy_internal.unlike_its_name(c.oid, k, true) IS NULL THEN tenancy_internal.protect_call(k, c.oid) END
  FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid CROSS JOIN tenancy_internal.remembered_name(c.oid) k
  WHERE p.polname = 'tenancy_closed' AND NOT c.relispartition
$$;
COMMENT ON FUNCTION tenancy_internal.advice_closed_table() IS 'Tables that guard rails have closed';

CREATE FUNCTION tenancy_internal.advice_open_table() RETURNS TABLE (severity text, object text, problem text, fix_sql text)
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT 'error', c.oid::regclass::text, 'it has the name of a protected table, and is not protected',
         CASE WHEN tenancy_internal.is_of_its_holder(c.oid, k) THEN tenancy_internal.protect_call(k, c.oid) END
  FROM tenancy.protected_names k JOIN pg_namespace n ON n.nspname = k.schema_name
  JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = k.table_name AND c.relkind IN ('r', 'p', 'f')
  WHERE NOT tenancy_internal.is_closed(c.oid) AND NOT EXISTS (SELECT FROM tenancy.protected_tables t WHERE t.relation = c.oid)
$$;
COMMENT ON FUNCTION tenancy_internal.advice_open_table() IS 'Tables that have the name of a protected one, and stand open';

CREATE FUNCTION tenancy_internal.advice_open_copy() RETURNS TABLE (severity text, object text, problem text, fix_sql text)
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  -- A copy that its owner fills in order to attach it has no privileges for others.
  SELECT CASE WHEN tenancy_internal.is_granted(c.oid) THEN 'error' ELSE 'warning' END, c.oid::regclass::text,
         'it fills in the tenant as a protected table does, and has no row security',
         format('SELECT tenancy.protect(%L, <resource>, organization => ..., workspace => ...)', c.oid::regclass)
  FROM (SELECT DISTINCT d.adrelid FROM pg_attrdef d) d JOIN pg_class c ON c.oid = d.adrelid
  WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND NOT c.relrowsecurity
    AND NOT EXISTS (SELECT FROM tenancy.protected_tables t WHERE t.relation = c.oid) AND tenancy_internal.fills_in_tenants(c.oid)
    AND (tenancy_internal.remembered_name(c.oid)).table_name IS NULL
$$;
COMMENT ON FUNCTION tenancy_internal.advice_open_copy() IS 'Copies of protected tables that stand open';

CREATE FUNCTION tenancy_internal.advice_unknown_name() RETURNS TABLE (severity text, object text, problem text, fix_sql text)
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT 'warning', t.relation::text, 'its name is not remembered: a table that takes it would stand open', tenancy_internal.protect_call(t)
  FROM tenancy.protected_tables t
  WHERE (tenancy_internal.remembered_name(t.relation)).table_name IS NULL AND (tenancy_internal.protected_parent(t.relation)).relation IS NULL
    AND NOT tenancy_internal.is_part_of_other_node(t.relation)
  UNION ALL
  SELECT 'warning', t.relation::text, 'its name is remembered for another role, or for what this was called before: without its protection it would be closed; if it is to have the name, protect it again as a DBA', NULL::text
  FROM tenancy.protected_tables t CROSS JOIN tenancy_internal.remembered_name(t.relation) k
  WHERE k.table_name IS NOT NULL AND k.holder IS DISTINCT FROM t.relation AND NOT tenancy_internal.is_of_its_holder(t.relation, k)
    AND (tenancy_internal.protected_parent(t.relation)).relation IS NULL
  UNION ALL
  SELECT 'warning', format('%I.%I', k.schema_name, k.table_name),
         format('a protected table of role "%s" had this name, and there is no such role any more: the next table of this name is closed until it is protected, or the name forgotten', k.holder_role), NULL::text
  FROM tenancy.protected_names k
  WHERE k.holder_role IS NOT NULL AND tenancy_internal.role_of_name(k) IS NULL AND NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = k.holder)
    AND to_regclass(format('%I.%I', k.schema_name, k.table_name)) IS NULL
$$;
COMMENT ON FUNCTION tenancy_internal.advice_unknown_name() IS 'Protected tables whose name is not remembered, or remembered for others';

CREATE FUNCTION tenancy_internal.advice_stale_record() RETURNS TABLE (severity text, object text, problem text, fix_sql text)
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT 'error', t.relation::text, 'its columns have other names than tenancy.protected_tables has',
         tenancy_internal.protect_call(tenancy_internal.with_present_names(t))
  FROM tenancy.protected_tables t CROSS JOIN tenancy_internal.inspect_protection(t.relation) i
  WHERE i.problem IS NULL AND (t.organization_column, t.workspace_column, t.owner_column, t.api_key_column)
                               IS DISTINCT FROM (i.organization, i.workspace, i.owner, i.api_key)
$$;
COMMENT ON FUNCTION tenancy_internal.advice_stale_record() IS 'Protected tables of which tenancy.protected_tables has other columns than their policies';

CREATE FUNCTION tenancy_internal.advice_dropped_default() RETURNS TABLE (severity text, object text, problem text, fix_sql text)
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT 'warning', t.relation::text, format('column "%s" is no longer filled in from the session''s principal', a.attname),
         format('ALTER TABLE ONLY %s ALTER COLUMN %I SET DEFAULT %s', t.relation, a.attname,
                tenancy_internal.attribution_default(t.relation, a.attname, tenancy_internal.entity_of(t.relation, a.attname)))
  FROM tenancy.protected_tables t CROSS JOIN unnest(t.defaulted_columns) d (column_name)
  JOIN pg_attribute a ON a.attrelid = t.relation AND a.attname = d.column_name AND NOT a.attisdropped
  WHERE NOT a.atthasdef
    -- rows inserted through the parent get the parent's defaults
    AND NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = t.relation AND c.relispartition)
$$;
COMMENT ON FUNCTION tenancy_internal.advice_dropped_default() IS 'Columns of protected tables that protect() fills in, without their default';

CREATE FUNCTION tenancy_internal.advice_unprotected_parent() RETURNS TABLE (severity text, object text, problem text, fix_sql text)
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT 'error', i.inhparent::regclass::text, format('rows of the protected table %s can be read through it', t.relation),
         tenancy_internal.fix_within(tenancy_internal.protect_call(jsonb_populate_record(tenancy_internal.with_present_names(t), jsonb_build_object('relation', i.inhparent::regclass))),
                                     tenancy_internal.owner_of(t.relation), tenancy_internal.owner_of(i.inhparent))
  FROM tenancy.protected_tables t JOIN pg_inherits i ON i.inhrelid = t.relation
  WHERE NOT EXISTS (SELECT FROM tenancy.protected_tables p WHERE p.relation = i.inhparent) AND NOT tenancy_internal.is_closed(i.inhparent)
$$;
COMMENT ON FUNCTION tenancy_internal.advice_unprotected_parent() IS 'Parents through which rows of protected tables can be read';

CREATE FUNCTION tenancy_internal.advice_foreign_partition() RETURNS TABLE (severity text, object text, problem text, fix_sql text)
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT 'error', i.inhrelid::regclass::text, format('it is part of the protected table %s: rows that are routed there are not checked', t.relation),
         format(CASE WHEN c.relispartition THEN 'ALTER TABLE %s DETACH PARTITION %s' ELSE 'ALTER FOREIGN TABLE %2$s NO INHERIT %1$s' END,
                t.relation, c.oid::regclass)
  FROM tenancy.protected_tables t JOIN pg_inherits i ON i.inhparent = t.relation JOIN pg_class c ON c.oid = i.inhrelid AND c.relkind = 'f'
$$;
COMMENT ON FUNCTION tenancy_internal.advice_foreign_partition() IS 'Foreign tables that are part of protected ones';

CREATE FUNCTION tenancy_internal.advice_hypertable() RETURNS TABLE (severity text, object text, problem text, fix_sql text)
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT 'error', t.relation::text, 'its chunks are made without DDL, and stand open', NULL::text
  FROM tenancy.protected_tables t WHERE tenancy_internal.is_hypertable(t.relation)
$$;
COMMENT ON FUNCTION tenancy_internal.advice_hypertable() IS 'Protected tables whose chunks are made without DDL';

CREATE FUNCTION tenancy_internal.advice_distributed_table() RETURNS TABLE (severity text, object text, problem text, fix_sql text)
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT 'error', t.relation::text, 'other nodes do not know the session''s principal: its queries are refused',
         format('SELECT pg_catalog.undistribute_table(%L)', t.relation::text)
  FROM tenancy.protected_tables t
  WHERE tenancy_steps.is_distributed(t.relation)
    AND NOT (tenancy_internal.is_beside_door(t.relation) AND (t.with_organization OR t.workspace_column IS NULL))
$$;
COMMENT ON FUNCTION tenancy_internal.advice_distributed_table() IS 'Protected tables that Citus has on other nodes otherwise than by distribute()';

-- The keys of a cluster are a superuser's.
CREATE FUNCTION tenancy_internal.advice_cluster_node() RETURNS TABLE (severity text, object text, problem text, fix_sql text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF to_regclass('tenancy_cluster.door') IS NULL OR to_regclass('pg_catalog.pg_dist_partition') IS NULL
     OR NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = current_user AND r.rolsuper) THEN
    RETURN;
  END IF;
  RETURN QUERY SELECT 'error', n.node, n.problem, NULL::text FROM tenancy_internal.problems_of_nodes() n;
END
$$;
COMMENT ON FUNCTION tenancy_internal.advice_cluster_node() IS 'Nodes of a Citus cluster that lack something that tenants'' rows need';

CREATE FUNCTION tenancy_internal.advice_foreign_type() RETURNS TABLE (severity text, object text, problem text, fix_sql text)
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  WITH RECURSIVE types AS (
    SELECT t.relation, c.relowner, a.attname, a.atttypid AS type
    FROM tenancy.protected_tables t JOIN pg_class c ON c.oid = t.relation JOIN pg_attribute a ON a.attrelid = t.relation
    WHERE a.attnum > 0 AND NOT a.attisdropped AND NOT c.relispartition
    UNION
    SELECT w.relation, w.relowner, w.attname, n.type FROM types w JOIN pg_type y ON y.oid = w.type, LATERAL (
      VALUES (y.typelem), (y.typbasetype)
      UNION ALL SELECT a.atttypid FROM pg_attribute a WHERE a.attrelid = y.typrelid AND a.attnum > 0 AND NOT a.attisdropped
      UNION ALL SELECT r.rngsubtype FROM pg_range r WHERE y.oid IN (r.rngtypid, r.rngmultitypid)) n (type)
    WHERE n.type <> 0
  )
  -- No SQL would be safe to run: whoever uses a type of others would get it, or they get what the table's owner has made.
  SELECT 'warning', w.relation::text, format('its column "%s" is of type %s, whose owner "%s" has not the rights of the table''s: have the column another type, or give the type away if all that it is used for is the new owner''s',
           w.attname, y.oid::regtype, r.rolname), NULL::text
  FROM types w JOIN pg_type y ON y.oid = w.type JOIN pg_roles r ON r.oid = y.typowner
  WHERE y.typcategory <> 'A' AND NOT r.rolsuper AND NOT pg_has_role(r.oid, w.relowner, 'USAGE')
$$;
COMMENT ON FUNCTION tenancy_internal.advice_foreign_type() IS 'Protected tables with columns whose type belongs to a role without the rights of the table''s owner';
