-- advise(): rows that get their tenant from other rows, or have none.

CREATE FUNCTION tenancy_internal.has_tenant_column(relation regclass) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT EXISTS (
    SELECT FROM pg_attribute a
    WHERE a.attrelid = has_tenant_column.relation AND a.attnum > 0 AND NOT a.attisdropped AND tenancy_internal.is_id_type(a.atttypid, a.attcollation)
      AND (a.attname IN ('organization_id', 'workspace_id')
           OR EXISTS (SELECT FROM tenancy.protected_tables t JOIN pg_attribute b ON b.attrelid = t.relation
                      WHERE b.attname IN (t.organization_column, t.workspace_column) AND b.attname = a.attname AND b.atttypid = a.atttypid
                        AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = a.attrelid AND i.indisprimary AND a.attnum = ANY (i.indkey)))))
$$;
COMMENT ON FUNCTION tenancy_internal.has_tenant_column(regclass) IS 'Whether a table has a column that looks like one of its tenant';

CREATE FUNCTION tenancy_internal.advice_child_table() RETURNS TABLE (severity text, object text, problem text, fix_sql text)
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  -- Tables that refer to a protected table, or to another such table, and have no column of their own for the tenant.
  WITH RECURSIVE children AS (
    SELECT k.conrelid AS relid, k.confrelid AS parent, k.conkey[1] AS referring
    FROM pg_constraint k JOIN tenancy.protected_tables t ON t.relation = k.confrelid
    WHERE k.contype = 'f' AND cardinality(k.conkey) = 1 AND k.conparentid = 0
    UNION
    SELECT k.conrelid, k.confrelid, k.conkey[1]
    FROM children c JOIN pg_constraint k ON k.confrelid = c.relid
    WHERE k.contype = 'f' AND cardinality(k.conkey) = 1 AND k.conparentid = 0
      AND NOT EXISTS (SELECT FROM tenancy.protected_tables t WHERE t.relation = c.relid) AND NOT tenancy_internal.has_tenant_column(c.relid)
  )
  SELECT 'warning', c.relid::regclass::text,
         format('it knows its tenant only by the rows that it refers to, in %s, and no policy asks for them',
                string_agg(DISTINCT c.parent::regclass::text, ' and ')),
         -- Through a table of another owner it cannot be protected.
         format('SELECT tenancy.protect(%L, <resource>, through => ', c.relid::regclass) || quote_literal(
           (array_agg(a.attname ORDER BY NOT a.attnotnull, a.attnum) FILTER (WHERE pg_has_role(k.relowner, tenancy_internal.owner_of(c.parent), 'USAGE')))[1:4]::text) || ')'
  FROM children c JOIN pg_attribute a ON a.attrelid = c.relid AND a.attnum = c.referring JOIN pg_class k ON k.oid = c.relid
  WHERE c.parent <> c.relid AND NOT k.relispartition AND k.relnamespace NOT IN ('tenancy'::regnamespace, 'tenancy_internal'::regnamespace)
    AND NOT EXISTS (SELECT FROM tenancy.protected_tables t WHERE t.relation = c.relid) AND NOT tenancy_internal.has_tenant_column(c.relid)
  GROUP BY c.relid
$$;
COMMENT ON FUNCTION tenancy_internal.advice_child_table() IS 'Tables that know their tenant only by the rows that they refer to';

CREATE FUNCTION tenancy_internal.advice_policy_with_subselect() RETURNS TABLE (severity text, object text, problem text, fix_sql text)
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  -- Its guard is inside the sub-select, which is evaluated once: rows are still returned after the principal has changed.
  SELECT DISTINCT ON (p.oid) 'error', p.polrelid::regclass::text,
         format('policy "%s" asks table %s in a sub-select, so that a query that makes the session somebody else goes on showing rows',
                p.polname, t.relation)
           || CASE WHEN EXISTS (SELECT FROM tenancy_internal.parents_of(p.polrelid)) THEN ''
              ELSE '; instead, protect it by columns that name the tenant, or through a foreign key to that table' END,
         CASE WHEN NOT pg_has_role(tenancy_internal.owner_of(t.relation), tenancy_internal.owner_of(p.polrelid), 'USAGE') THEN NULL
              WHEN EXISTS (SELECT FROM tenancy_internal.parents_of(p.polrelid))
              THEN format('DROP POLICY %I ON %s; SELECT tenancy.protect(%L, <resource>, through => %L)', p.polname, p.polrelid::regclass, p.polrelid::regclass,
                          ARRAY(SELECT f.referring FROM tenancy_internal.parents_of(p.polrelid) f LIMIT 4)::text)
              ELSE format('DROP POLICY %I ON %s', p.polname, p.polrelid::regclass) END
  FROM pg_policy p JOIN pg_depend d ON d.classid = 'pg_policy'::regclass AND d.objid = p.oid AND d.refclassid = 'pg_class'::regclass
  JOIN tenancy.protected_tables t ON t.relation = d.refobjid AND t.relation <> p.polrelid
  -- In addition to the tenancy policies, whose guard runs on each row, it can only narrow.
  WHERE p.polpermissive AND NOT EXISTS (SELECT FROM tenancy.protected_tables own WHERE own.relation = p.polrelid)
$$;
COMMENT ON FUNCTION tenancy_internal.advice_policy_with_subselect() IS 'Policies that ask a protected table in a sub-select';

CREATE FUNCTION tenancy_internal.advice_foreign_key_across_tenants() RETURNS TABLE (severity text, object text, problem text, fix_sql text)
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  -- Policies do not apply to foreign key checks.
  SELECT 'warning', c.relation::text,
         format('foreign key "%s" lets a row hang on another tenant''s row of %s, and tells which ids there are', k.conname, p.relation),
         CASE WHEN NOT pg_has_role(tenancy_internal.owner_of(c.relation), tenancy_internal.owner_of(p.relation), 'USAGE') THEN NULL
              WHEN c.through IS NOT NULL AND cardinality(k.conkey) = 1
              THEN tenancy_internal.protect_call(jsonb_populate_record(c, jsonb_build_object('through', c.through || mine.attname)))
              WHEN c.organization_column IS NOT NULL AND p.organization_column IS NOT NULL AND cardinality(k.conkey) = 1
              THEN format('ALTER TABLE %s ADD UNIQUE (%I, %I); ALTER TABLE %s ADD FOREIGN KEY (%I, %I) REFERENCES %s (%I, %I)', p.relation,
                          p.organization_column, theirs.attname, c.relation, c.organization_column, mine.attname, p.relation, p.organization_column, theirs.attname) END
  FROM pg_constraint k JOIN tenancy.protected_tables c ON c.relation = k.conrelid JOIN tenancy.protected_tables p ON p.relation = k.confrelid
  JOIN pg_attribute mine ON mine.attrelid = k.conrelid AND mine.attnum = k.conkey[1]
  JOIN pg_attribute theirs ON theirs.attrelid = k.confrelid AND theirs.attnum = k.confkey[1]
  WHERE k.contype = 'f' AND k.conparentid = 0
    AND NOT (cardinality(k.conkey) = 1 AND mine.attname = ANY (coalesce(c.through, '{}')))
    AND NOT EXISTS (
      SELECT FROM unnest(k.conkey, k.confkey) u (here, there)
      JOIN pg_attribute h ON h.attrelid = k.conrelid AND h.attnum = u.here JOIN pg_attribute t ON t.attrelid = k.confrelid AND t.attnum = u.there
      WHERE h.attname = c.organization_column AND t.attname = p.organization_column OR h.attname = c.workspace_column AND t.attname = p.workspace_column)
$$;
COMMENT ON FUNCTION tenancy_internal.advice_foreign_key_across_tenants() IS 'Foreign keys that let a row hang on another tenant''s';

-- Rows are searched only if an index or the table's size makes that cheap, or statistics show that there are some.
CREATE FUNCTION tenancy_internal.advice_rows_without_organization() RETURNS TABLE (severity text, object text, problem text, fix_sql text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  t tenancy.protected_tables;
BEGIN
  FOR t IN
    SELECT p.* FROM tenancy.protected_tables p JOIN pg_class c ON c.oid = p.relation
    WHERE NOT p.workspace_decides AND p.organization_column IS NOT NULL AND p.workspace_column IS NOT NULL AND NOT c.relispartition
      AND (tenancy_internal.inspect_protection(p.relation)).problem IS NULL
      AND (c.relkind = 'r' AND c.relpages < 1000
           OR EXISTS (SELECT FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
                      WHERE i.indrelid = c.oid AND i.indisvalid AND i.indpred IS NULL AND a.attname = p.organization_column)
           OR EXISTS (SELECT FROM pg_statistic s JOIN pg_attribute a ON a.attrelid = s.starelid AND a.attnum = s.staattnum
                      WHERE s.starelid = c.oid AND a.attname = p.organization_column AND s.stanullfrac > 0)) LOOP
    IF tenancy_internal.has_rows_without_organization(t.relation, t.organization_column, t.workspace_column) THEN
      advice_rows_without_organization.severity := 'warning';
      advice_rows_without_organization.object := t.relation::text;
      advice_rows_without_organization.problem := format('rows name a workspace and no organization ("%s" is NULL): members of the workspace see them, and who reaches all workspaces doesn''t; fill the column in, or protect the table again, so that the workspace decides',
                        t.organization_column);
      advice_rows_without_organization.fix_sql := tenancy_internal.protect_call(t);
      RETURN NEXT;
    END IF;
  END LOOP;
END
$$;
COMMENT ON FUNCTION tenancy_internal.advice_rows_without_organization() IS 'Rows of protected tables that name a workspace and no organization';
