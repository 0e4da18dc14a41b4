-- advise(): tables that stand open, or closed, beside the protected ones, and what has changed while guard rails were off.

CREATE FUNCTION tenancy.advise_tables() RETURNS TABLE (severity text, rule text, object text, problem text, fix_sql text)
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT 'error', 'closed_table', c.oid::regclass::text, 'guard rails have closed it: protect it, or forget its name',
         CASE WHEN k.table_name IS NOT NULL AND tenancy.unlike_its_name(c.oid, k, true) IS NULL THEN tenancy.protect_call(k, c.oid) END
  FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid CROSS JOIN tenancy.name_of(c.oid) k
  WHERE p.polname = 'tenancy_closed' AND NOT c.relispartition
  UNION ALL
  SELECT 'error', 'open_table', c.oid::regclass::text, 'it has the name of a protected table, and is not protected', tenancy.protect_call(k, c.oid)
  FROM tenancy.protected_names k JOIN pg_namespace n ON n.nspname = k.schema_name
  JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = k.table_name AND c.relkind IN ('r', 'p', 'f')
  WHERE NOT tenancy.is_closed(c.oid) AND NOT EXISTS (SELECT FROM tenancy.protected_tables t WHERE t.relation = c.oid)
  UNION ALL
  -- A copy that its owner fills, to attach it, has no rights of others.
  SELECT CASE WHEN tenancy.is_granted(c.oid) THEN 'error' ELSE 'warning' END, 'open_copy', c.oid::regclass::text,
         'it fills in the tenant as a protected table does, and has no row security',
         format('SELECT tenancy.protect(%L, <resource>, organization => …, workspace => …)', c.oid::regclass)
  FROM (SELECT DISTINCT d.adrelid FROM pg_attrdef d) d JOIN pg_class c ON c.oid = d.adrelid
  WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND NOT c.relrowsecurity
    AND NOT EXISTS (SELECT FROM tenancy.protected_tables t WHERE t.relation = c.oid) AND tenancy.fills_in_tenants(c.oid)
    AND (tenancy.name_of(c.oid)).table_name IS NULL
  UNION ALL
  SELECT 'error', 'stale_record', t.relation::text, 'its columns have other names than tenancy.protected_tables has',
         tenancy.protect_call(jsonb_populate_record(t, present.names))
  FROM tenancy.protected_tables t CROSS JOIN tenancy.inspect_protection(t.relation) i
  CROSS JOIN LATERAL jsonb_build_object('organization_column', i.organization, 'workspace_column', i.workspace, 'owner_column', i.owner,
                                        'api_key_column', i.api_key) present (names)
  WHERE i.problem IS NULL AND (t.organization_column, t.workspace_column, t.owner_column, t.api_key_column)
                               IS DISTINCT FROM (i.organization, i.workspace, i.owner, i.api_key)
  UNION ALL
  SELECT 'warning', 'dropped_default', t.relation::text, format('column "%s" is no longer filled in from the session''s principal', a.attname),
         format('ALTER TABLE ONLY %s ALTER COLUMN %I SET DEFAULT %s', t.relation, a.attname,
                tenancy.attribution_default(t.relation, a.attname, tenancy.entity_of(t.relation, a.attname)))
  FROM tenancy.protected_tables t CROSS JOIN unnest(t.defaulted_columns) d (column_name)
  JOIN pg_attribute a ON a.attrelid = t.relation AND a.attname = d.column_name AND NOT a.attisdropped
  WHERE NOT a.atthasdef
  UNION ALL
  SELECT 'error', 'unprotected_parent', i.inhparent::regclass::text, format('rows of the protected table %s can be read through it', t.relation),
         tenancy.protect_call(jsonb_populate_record(t, present.names || jsonb_build_object('relation', i.inhparent::regclass)))
  FROM tenancy.protected_tables t JOIN pg_inherits i ON i.inhrelid = t.relation
  CROSS JOIN LATERAL (SELECT CASE WHEN p.problem IS NULL THEN jsonb_build_object('organization_column', p.organization, 'workspace_column', p.workspace,
                               'owner_column', p.owner, 'api_key_column', p.api_key) ELSE '{}' END FROM tenancy.inspect_protection(t.relation) p) present (names)
  WHERE NOT EXISTS (SELECT FROM tenancy.protected_tables p WHERE p.relation = i.inhparent) AND NOT tenancy.is_closed(i.inhparent)
  UNION ALL
  SELECT 'error', 'foreign_partition', i.inhrelid::regclass::text, format('it is part of the protected table %s: rows that are routed there are not checked', t.relation),
         format(CASE WHEN c.relispartition THEN 'ALTER TABLE %s DETACH PARTITION %s' ELSE 'ALTER FOREIGN TABLE %2$s NO INHERIT %1$s' END,
                t.relation, c.oid::regclass)
  FROM tenancy.protected_tables t JOIN pg_inherits i ON i.inhparent = t.relation JOIN pg_class c ON c.oid = i.inhrelid AND c.relkind = 'f'
  UNION ALL
  SELECT 'error', 'hypertable', t.relation::text, 'its chunks are made without DDL, and stand open', NULL
  FROM tenancy.protected_tables t WHERE tenancy.is_hypertable(t.relation)
  UNION ALL
  SELECT 'error', 'guard_rails_off', coalesce(r.rolname, d.datname, current_database()), 'tenancy.guard_rails is off',
         CASE WHEN r.oid IS NULL THEN format('ALTER DATABASE %I RESET tenancy.guard_rails', coalesce(d.datname, current_database()))
              ELSE format('ALTER ROLE %I%s RESET tenancy.guard_rails', r.rolname, coalesce(' IN DATABASE ' || quote_ident(d.datname), '')) END
  FROM pg_db_role_setting s LEFT JOIN pg_roles r ON r.oid = s.setrole LEFT JOIN pg_database d ON d.oid = s.setdatabase
  CROSS JOIN unnest(s.setconfig) c
  WHERE c ~* '^tenancy[.]guard_rails=(off|of|false|f|fa|fal|fals|no|n|0)$' AND (d.oid IS NULL OR d.datname = current_database())
$$;
COMMENT ON FUNCTION tenancy.advise_tables() IS 'The part of advise() about tables that stand open or closed beside the protected ones, and about what has changed while guard rails were off';
REVOKE ALL ON FUNCTION tenancy.advise_tables() FROM PUBLIC;
