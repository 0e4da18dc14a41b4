-- advise(): rows that name no tenant, or another than their parents.

CREATE FUNCTION tenancy_internal.removed_tenants(entity text, at_most bigint) RETURNS TABLE (resource_id text, external_id text)
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT l.resource_id, l.before ->> 'external_id' FROM tenancy.audit_log l
  WHERE l.resource_type = removed_tenants.entity AND l.action = 'delete' ORDER BY l.audit_id DESC LIMIT removed_tenants.at_most
$$;
COMMENT ON FUNCTION tenancy_internal.removed_tenants(text, bigint) IS 'Organizations or workspaces that were deleted last, with the external ids that they had';

-- Values with their numbers of rows, as an object.
CREATE FUNCTION tenancy_internal.tenants_named(relation regclass, "column" name, entity text, thorough boolean) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  first_rows CONSTANT bigint := 10000;
  removed_at_most CONSTANT bigint := 1000;
  relation_rows CONSTANT text := tenancy_internal.from_clause_for(tenants_named.relation);
  named jsonb;
BEGIN
  IF tenants_named.thorough THEN
    RETURN (SELECT jsonb_object_agg(r ->> 0, r -> 1) FROM tenancy_internal.as_owner(tenants_named.relation, format(
      'SELECT jsonb_build_array(t.%1$I::text, count(*)) FROM %2$s t WHERE t.%1$I IS NOT NULL GROUP BY t.%1$I',
      tenants_named."column", relation_rows)) r);
  END IF;
  named := (SELECT jsonb_object_agg(r ->> 0, r -> 1) FROM tenancy_internal.as_owner(tenants_named.relation, format(
    'SELECT jsonb_build_array(t.id, count(*)) FROM (SELECT t.%1$I::text AS id FROM %2$s t WHERE t.%1$I IS NOT NULL LIMIT %3$s) t GROUP BY t.id',
    tenants_named."column", relation_rows, first_rows)) r);
  -- By index: tenants that the audit log lists as deleted.
  IF EXISTS (SELECT FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
             WHERE i.indrelid = tenants_named.relation AND i.indisvalid AND i.indpred IS NULL AND a.attname = tenants_named."column") THEN
    named := coalesce(named, '{}') || coalesce((SELECT jsonb_object_agg(r ->> 0, r -> 1) FROM tenancy_internal.as_owner(tenants_named.relation, format(
      'SELECT jsonb_build_array(t.%1$I::text, count(*)) FROM %2$s t WHERE %3$s GROUP BY t.%1$I', tenants_named."column", relation_rows,
      tenancy_internal.id_condition(tenants_named.relation, tenants_named."column",
        ARRAY(SELECT g.resource_id::uuid FROM tenancy_internal.removed_tenants(tenants_named.entity, removed_at_most) g),
        ARRAY(SELECT g.external_id FROM tenancy_internal.removed_tenants(tenants_named.entity, removed_at_most) g WHERE g.external_id IS NOT NULL)))) r), '{}');
  END IF;
  RETURN named;
END
$$;
COMMENT ON FUNCTION tenancy_internal.tenants_named(regclass, name, text, boolean) IS 'Values of a tenant column with their numbers of rows: of all rows, or of the first ones, and by index of tenants removed lately';

CREATE FUNCTION tenancy_internal.find_rows_without_tenant(within regclass, thorough boolean)
RETURNS TABLE (relation regclass, "column" name, kind text, value text, "rows" bigint, failure text)
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  looked_at record;
  named jsonb;
BEGIN
  FOR looked_at IN
    SELECT t.relation::regclass AS relation, c.entity, c.column_name, tenancy_internal.base_type(a.atttypid) = 'uuid'::regtype AS is_uuid
    FROM tenancy_internal.tables_with_rows(find_rows_without_tenant.within) t
    CROSS JOIN LATERAL (VALUES ('organization', t.organization_column), ('workspace', t.workspace_column)) c (entity, column_name)
    JOIN pg_attribute a ON a.attrelid = t.relation AND a.attname = c.column_name AND NOT a.attisdropped
    ORDER BY t.relation::text, c.entity LOOP
    -- Waiting for advice must not block DDL.
    CONTINUE WHEN tenancy_internal.lock_tables(ARRAY[looked_at.relation], 'access share', find_rows_without_tenant.thorough) = '{}';
    IF find_rows_without_tenant.thorough THEN
      named := tenancy_internal.tenants_named(looked_at.relation, looked_at.column_name, looked_at.entity, true);
    ELSE
      BEGIN
        named := tenancy_internal.tenants_named(looked_at.relation, looked_at.column_name, looked_at.entity, false);
      EXCEPTION
        WHEN lock_not_available THEN
          CONTINUE;
        WHEN OTHERS OR assert_failure THEN
          -- The owner's code, or missing privileges, must not suppress the rest of the advice.
          RETURN QUERY SELECT looked_at.relation, looked_at.column_name, looked_at.entity, NULL::text, NULL::bigint, SQLERRM;
          CONTINUE;
      END;
    END IF;
    RETURN QUERY
    SELECT looked_at.relation, looked_at.column_name, looked_at.entity, n.key, n.value::bigint, NULL::text FROM jsonb_each_text(named) n
    WHERE NOT CASE WHEN looked_at.entity = 'organization'
      THEN EXISTS (SELECT FROM tenancy.organizations o WHERE CASE WHEN looked_at.is_uuid THEN o.organization_id::text ELSE o.external_id::text END = n.key)
      ELSE EXISTS (SELECT FROM tenancy.workspaces w WHERE CASE WHEN looked_at.is_uuid THEN w.workspace_id::text ELSE w.external_id::text END = n.key) END
    ORDER BY n.value::bigint DESC, n.key;
  END LOOP;
END
$$;
COMMENT ON FUNCTION tenancy_internal.find_rows_without_tenant(regclass, boolean) IS 'Values of tenant columns (NULL: in all protected tables, else in one and what is below it) that name no organization or workspace, with the numbers of rows; thorough reads all rows and waits for locks, else only the first rows of each table, and by index those of tenants removed lately';

CREATE FUNCTION tenancy_steps.list_rows_without_tenant(within regclass)
RETURNS TABLE (relation regclass, "column" name, kind text, value text, "rows" bigint)
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  PERFORM tenancy_internal.require_dba();
  RETURN QUERY SELECT f.relation, f."column", f.kind, f.value, f."rows" FROM tenancy_internal.find_rows_without_tenant(list_rows_without_tenant.within, true) f;
END
$$;
COMMENT ON FUNCTION tenancy_steps.list_rows_without_tenant(regclass) IS 'For a DBA: what rows_without_tenant() returns';

-- In SQL, since in PL/pgSQL an argument and a column can't have the same name.
CREATE FUNCTION tenancy.rows_without_tenant(relation regclass DEFAULT NULL)
RETURNS TABLE (relation regclass, "column" name, kind text, value text, "rows" bigint)
LANGUAGE sql SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT * FROM tenancy_steps.list_rows_without_tenant($1)
$$;
COMMENT ON FUNCTION tenancy.rows_without_tenant(regclass) IS 'For a DBA: values of tenant columns that name no organization (kind "organization") or workspace ("workspace"), and their numbers of rows, in all protected tables or (the argument) in one with its partitions and children. That column shows such rows to nobody. Reads all rows, which is slow on large tables; advise() checks a part';

-- Stops waiting for a lock on a partition before the server would check for a deadlock.
CREATE FUNCTION tenancy_internal.advice_rows_without_tenant() RETURNS TABLE (severity text, object text, problem text, fix_sql text)
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp SET lock_timeout = '300ms' AS $$
BEGIN
  RETURN QUERY
  SELECT 'warning', format('%s.%I', r.relation, r."column"),
         CASE WHEN r.failure IS NOT NULL THEN format('it could not be read as its owner: %s', r.failure)
              ELSE format('rows that name no %s, so that nobody sees them by it: %s or more', r.kind, sum(r."rows")) END,
         CASE WHEN r.failure IS NULL THEN format('SELECT * FROM tenancy.rows_without_tenant(%L)', r.relation) END
  FROM tenancy_internal.find_rows_without_tenant(NULL, false) r GROUP BY r.relation, r."column", r.kind, r.failure;
END
$$;
COMMENT ON FUNCTION tenancy_internal.advice_rows_without_tenant() IS 'Rows of protected tables that name no tenant: in the first rows of each table, and of tenants removed lately';

CREATE FUNCTION tenancy_internal.advice_rows_behind_parents() RETURNS TABLE (severity text, object text, problem text, fix_sql text)
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp SET lock_timeout = '300ms' AS $$
DECLARE
  at_most CONSTANT bigint := 10000;
  first_blocks CONSTANT bigint := 200;
  child regclass;
  differing bigint;
  other record;
BEGIN
  FOR child IN
    SELECT t.relation FROM tenancy.protected_tables t
    WHERE t.through IS NOT NULL AND NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = t.relation AND c.relispartition)
      AND (tenancy_internal.inspect_protection(t.relation)).problem IS NULL ORDER BY t.relation::text LOOP
    BEGIN
      SELECT tenancy_internal.other_owner(child, (p.parent).relation) AS relation, (p.parent).relation AS parent INTO other
      FROM tenancy.protected_tables t, tenancy_internal.parents_of(child) p WHERE t.relation = child AND p.referring = t.through[1] LIMIT 1;
      IF other.relation IS NOT NULL THEN
        -- Which of them is to have the other's table, with all code that this has, is for whoever knows both.
        RETURN QUERY SELECT 'error', child::text, format('rows cannot move with their parents: the owner of table %s is not the owner of table %s', other.relation, other.parent),
          NULL::text;
        CONTINUE;
      END IF;
      differing := tenancy_internal.count_differing(child, at_most, first_blocks);
    EXCEPTION
      WHEN lock_not_available THEN
        CONTINUE;
      WHEN OTHERS OR assert_failure THEN
        -- The owner's code, or missing privileges, must not suppress the rest of the advice.
        RETURN QUERY SELECT 'warning', child::text, format('it could not be read as its owner: %s', SQLERRM), NULL::text;
        CONTINUE;
    END;
    IF differing > 0 THEN
      RETURN QUERY SELECT 'error', child::text, format('rows that name another tenant or owner than their parents: %s or more', differing),
        format('CALL tenancy.fill_tenant_columns(%L)', child);
    END IF;
  END LOOP;
END
$$;
COMMENT ON FUNCTION tenancy_internal.advice_rows_behind_parents() IS 'Rows of child tables that differ from their parents, in the first blocks of each table, or could not follow them';
