-- advise(): tables with missing or damaged protection, and rows that no principal can see.

CREATE FUNCTION tenancy_internal.advice_protection_broken() RETURNS TABLE (severity text, object text, problem text, fix_sql text)
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT 'error', t.relation::text, i.problem,
         -- In place: unprotect() would end what else is on record of it.
         tenancy_internal.protect_call(t)
  FROM tenancy.protected_tables t, LATERAL (
    SELECT coalesce((tenancy_internal.inspect_protection(t.relation)).problem, tenancy_internal.problem_of_actions(t.relation, t.actions),
                    tenancy_internal.problem_of_writer(t))) i (problem)
  -- The fixes above also fix this.
  WHERE i.problem IS NOT NULL AND NOT EXISTS (
    SELECT FROM pg_inherits h JOIN tenancy.protected_tables p ON p.relation = h.inhparent, tenancy_internal.inspect_protection(p.relation) above
    WHERE h.inhrelid = t.relation AND above.problem = i.problem)
  UNION ALL
  SELECT 'error', t.relation::text, format('trigger "%s", by which it follows the logging settings, is missing or not always enabled', g.name),
         'SELECT ' || tenancy_internal.keep_call(k)
  FROM tenancy_internal.kept_tables k, tenancy_internal.family_of(k.relation) f JOIN tenancy.protected_tables t ON t.relation = f,
    LATERAL (SELECT v.name FROM unnest('{~~tenancy_keep_row,~~tenancy_keep_row_content,~~tenancy_keep_rows}'::name[]) v (name)
             WHERE NOT EXISTS (SELECT FROM pg_trigger g WHERE g.tgrelid = f AND g.tgname = v.name AND g.tgenabled = 'A') LIMIT 1) g
  UNION ALL
  SELECT 'error', f::text, 'no trigger keeps its rows by the kind, tenant columns and content that are recorded', 'SELECT ' || tenancy_internal.keep_call(k)
  FROM tenancy_internal.kept_tables k, tenancy_internal.family_of(k.relation) f JOIN pg_class c ON c.oid = f AND c.relkind = 'r'
  JOIN tenancy.protected_tables t ON t.relation = f
  WHERE (tenancy_internal.kept_above(f)).relation = k.relation AND NOT tenancy_internal.is_kept_as_recorded(f, false)
    -- The one above also mends these.
    AND EXISTS (SELECT FROM pg_trigger g WHERE g.tgrelid = f AND g.tgname = '~~tenancy_keep_row_content' AND g.tgenabled = 'A')
  UNION ALL
  SELECT 'error', f::text, format('policy "%s", by which rows past their retention are hidden, is missing', g.name),
         'SELECT ' || tenancy_internal.keep_call(k)
  FROM tenancy_internal.kept_tables k, tenancy_internal.family_of(k.relation) f JOIN tenancy.protected_tables t ON t.relation = f,
    LATERAL (SELECT v.name FROM unnest('{tenancy_retention,tenancy_retention_update,tenancy_retention_delete}'::name[]) v (name)
             WHERE NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = f AND p.polname = v.name) LIMIT 1) g
  UNION ALL
  -- Enabled, but not for what logical replication writes. Of a partition's, the partitioned table's is the one to mend.
  SELECT 'error', g.tgrelid::regclass::text, format('trigger "%s", by which rows follow their parents, is not always enabled', g.tgname),
         format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', g.tgrelid::regclass, g.tgname)
  FROM pg_trigger g WHERE g.tgenabled = 'O' AND g.tgparentid = 0
    AND g.tgfoid IN ('tenancy_internal.take_from_parent'::regproc, 'tenancy_internal.hold_parent'::regproc, 'tenancy_internal.move_children'::regproc)
  UNION ALL
  SELECT 'error', f::text, format('it follows the logging settings, and %s', p.problem), NULL::text
  FROM tenancy_internal.kept_tables k, tenancy_internal.family_of(k.relation) f JOIN tenancy.protected_tables t ON t.relation = f,
    LATERAL (SELECT coalesce(tenancy_internal.problem_of_keeping(f, t.organization_column, t.workspace_column, k.content),
                             tenancy_internal.trigger_after_keeping(f))) p (problem) WHERE p.problem IS NOT NULL
  UNION ALL
  SELECT 'error', t.relation::text, 'by its name it follows the logging settings, but it does not', 'SELECT ' || tenancy_internal.keep_call(ROW(t.relation, n.kept_kind, n.kept_content))
  FROM tenancy.protected_tables t CROSS JOIN tenancy_internal.remembered_name(t.relation) n
  WHERE n.kept_kind IS NOT NULL AND n.holder = t.relation AND (tenancy_internal.kept_above(t.relation)).relation IS NULL
  UNION ALL
  -- A child that its parent has left, or whose protection was taken away: its columns are no longer followed.
  SELECT DISTINCT 'warning', g.tgrelid::regclass::text, 'it no longer follows the logging settings, but still keeps rows under a legal hold by their triggers', NULL::text
  FROM pg_trigger g WHERE g.tgfoid = 'tenancy_internal.keep_row'::regproc AND g.tgparentid = 0
    AND ((tenancy_internal.kept_above(g.tgrelid)).relation IS NULL OR NOT EXISTS (SELECT FROM tenancy.protected_tables t WHERE t.relation = g.tgrelid))
  UNION ALL
  SELECT 'error', i.inhrelid::regclass::text, format('it is being detached from %s, by a command that was stopped in the middle', t.relation),
         format('ALTER TABLE %s DETACH PARTITION %s FINALIZE', t.relation, i.inhrelid::regclass)
  FROM pg_inherits i JOIN tenancy.protected_tables t ON t.relation = i.inhparent WHERE i.inhdetachpending
$$;
COMMENT ON FUNCTION tenancy_internal.advice_protection_broken() IS 'Protected tables whose policies are not as protect() made them';

CREATE FUNCTION tenancy_internal.advice_unrecorded_protection() RETURNS TABLE (severity text, object text, problem text, fix_sql text)
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  -- A table restored by itself, or without the catalogs: closed, but not recorded.
  SELECT 'error', c.oid::regclass::text, 'it has the policies of a protected table, but is not in tenancy.protected_tables'
           || CASE WHEN NOT k.is_its_name THEN '; payload and audit_reads cannot be read from it: add them to the call if they were given' ELSE '' END,
         tenancy_internal.protect_call(CASE WHEN k.is_its_name THEN n ELSE tenancy_internal.carried_protection(c.oid) END, c.oid)
  FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid, tenancy_internal.inspect_protection(c.oid) i, tenancy_internal.remembered_name(c.oid) n,
    LATERAL (SELECT n.table_name IS NOT NULL AND (n.resource, n.organization_column, n.workspace_column, n.owner_column, n.api_key_column, n.through)
                    IS NOT DISTINCT FROM (i.resource, i.organization, i.workspace, i.owner, i.api_key, i.through)) k (is_its_name)
  WHERE p.polname = 'tenancy_select' AND i.resource IS NOT NULL AND NOT c.relispartition
    AND NOT EXISTS (SELECT FROM tenancy.protected_tables t WHERE t.relation = c.oid) AND NOT tenancy_internal.is_part_of_other_node(c.oid)
$$;
COMMENT ON FUNCTION tenancy_internal.advice_unrecorded_protection() IS 'Tables with the policies of a protected one that tenancy.protected_tables does not know';

CREATE FUNCTION tenancy_internal.advice_row_security_not_enabled() RETURNS TABLE (severity text, object text, problem text, fix_sql text)
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT 'error', c.oid::regclass::text, 'row security is forced, but not enabled',
         format('ALTER TABLE %s.%I ENABLE ROW LEVEL SECURITY', c.relnamespace::regnamespace, c.relname)
  FROM pg_class c WHERE c.relforcerowsecurity AND NOT c.relrowsecurity
    AND NOT EXISTS (SELECT FROM pg_inherits h JOIN pg_class p ON p.oid = h.inhparent
                    WHERE h.inhrelid = c.oid AND p.relforcerowsecurity AND NOT p.relrowsecurity)
$$;
COMMENT ON FUNCTION tenancy_internal.advice_row_security_not_enabled() IS 'Tables that force row security without enabling it';

CREATE FUNCTION tenancy_internal.advice_unprotected_partition() RETURNS TABLE (severity text, object text, problem text, fix_sql text)
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT 'error', child.inhrelid::regclass::text, format('it is part of the protected table %s', t.relation),
         -- By itself, but where its rows take their tenant by the triggers of the whole
         tenancy_internal.fix_within(
           tenancy_internal.protect_call(CASE WHEN t.through IS NULL THEN jsonb_populate_record(t, jsonb_build_object('relation', child.inhrelid::regclass)) ELSE t END),
           tenancy_internal.owner_of(t.relation), c.relowner)
  FROM tenancy.protected_tables t JOIN pg_inherits child ON child.inhparent = t.relation JOIN pg_class c ON c.oid = child.inhrelid
  WHERE c.relkind <> 'f' AND NOT EXISTS (SELECT FROM tenancy.protected_tables p WHERE p.relation = child.inhrelid)
$$;
COMMENT ON FUNCTION tenancy_internal.advice_unprotected_partition() IS 'Partitions and children of protected tables that are not protected themselves';

CREATE FUNCTION tenancy_internal.advice_unprotected_table() RETURNS TABLE (severity text, object text, problem text, fix_sql text)
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  -- A table's own key column identifies its own rows: if the tenants' own table is protected, "id" is no tenant column
  -- elsewhere.
  WITH tenant_columns AS (
    SELECT DISTINCT b.attname, b.atttypid FROM tenancy.protected_tables t JOIN pg_attribute b ON b.attrelid = t.relation
    WHERE b.attname IN (t.organization_column, t.workspace_column) AND NOT EXISTS (
      SELECT FROM pg_index i WHERE i.indrelid = t.relation AND i.indisunique AND i.indnkeyatts = 1 AND i.indkey[0] = b.attnum)
  )
  SELECT CASE WHEN NOT c.relrowsecurity AND tenancy_internal.is_granted(c.oid) THEN 'error' ELSE 'warning' END, c.oid::regclass::text,
         format('it has tenant columns: %s', string_agg(a.attname, ', ' ORDER BY a.attnum))
           || CASE WHEN NOT c.relrowsecurity AND tenancy_internal.is_granted(c.oid) THEN ', and others than its owner have rights on it' ELSE '' END,
         format('SELECT tenancy.protect(%L, <resource>, organization => ..., workspace => ...)', c.oid::regclass)
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND NOT c.relispartition
    AND c.relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace, 'tenancy'::regnamespace, 'tenancy_internal'::regnamespace)
    AND NOT EXISTS (SELECT FROM tenancy.protected_tables t WHERE t.relation = c.oid) AND NOT tenancy_internal.is_closed(c.oid)
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
    AND tenancy_internal.is_id_type(a.atttypid, a.attcollation)
    AND (a.attname IN ('organization_id', 'workspace_id')
         OR EXISTS (SELECT FROM tenant_columns k WHERE k.attname = a.attname AND k.atttypid = a.atttypid))
  GROUP BY c.oid HAVING NOT tenancy_internal.is_part_of_other_node(c.oid)
$$;
COMMENT ON FUNCTION tenancy_internal.advice_unprotected_table() IS 'Tables that are not protected and have columns called like tenant columns';

CREATE FUNCTION tenancy_internal.advice_unusable_resource() RETURNS TABLE (severity text, object text, problem text, fix_sql text)
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT 'warning', t.relation::text,
         CASE WHEN NOT can.be_read THEN format('nobody can read it: resource "%s" has neither action view nor list', t.resource)
              ELSE format('nobody can write it: resource "%s" has none of the actions create, write, update, edit and delete', t.resource) END,
         CASE WHEN NOT EXISTS (
           SELECT FROM tenancy.protected_tables o
           WHERE o.resource = t.resource AND NOT pg_has_role(tenancy_internal.owner_of(t.relation), tenancy_internal.owner_of(o.relation), 'USAGE'))
         THEN format('SELECT tenancy.register_permission(%L, %L, ''...'')', t.resource, CASE WHEN can.be_read THEN 'create' ELSE 'view' END) END
  FROM tenancy.protected_tables t CROSS JOIN LATERAL (
    SELECT coalesce(bool_or(p.action IN ('view', 'list')), false),
           coalesce(bool_or(p.action IN ('create', 'write', 'update', 'edit', 'delete')), false)
    FROM tenancy.permissions p WHERE p.resource = t.resource) can (be_read, be_written)
  WHERE NOT (can.be_read AND can.be_written)
    AND NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = t.relation AND c.relispartition)
$$;
COMMENT ON FUNCTION tenancy_internal.advice_unusable_resource() IS 'Protected tables whose resource has no permission to read, or none to write';
