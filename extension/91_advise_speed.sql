-- advise(): causes of slow queries on protected tables.

CREATE FUNCTION tenancy_internal.advice_missing_index() RETURNS TABLE (severity text, object text, problem text, fix_sql text)
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT 'performance', t.relation::text, format('no index begins with column "%s"', wanted), format('CREATE INDEX ON %s (%I)', t.relation, wanted)
  FROM tenancy.protected_tables t CROSS JOIN unnest(ARRAY[t.organization_column, t.workspace_column]) wanted
  WHERE wanted IS NOT NULL AND NOT EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = t.relation)
    AND NOT EXISTS (SELECT FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
                    WHERE i.indrelid = t.relation AND i.indisvalid AND i.indpred IS NULL AND a.attname = wanted)
$$;
COMMENT ON FUNCTION tenancy_internal.advice_missing_index() IS 'Tenant columns of protected tables without an index that begins with them';

CREATE FUNCTION tenancy_internal.advice_stale_statistics() RETURNS TABLE (severity text, object text, problem text, fix_sql text)
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  -- A partition's counters are its own; the finding belongs to its parent.
  SELECT 'performance', root.relation::regclass::text, 'many of its rows are newer than its statistics', format('ANALYZE %s', root.relation::regclass)
  FROM tenancy.protected_tables t CROSS JOIN LATERAL (SELECT coalesce(pg_partition_root(t.relation), t.relation)::oid) root (relation)
  JOIN pg_stat_all_tables s ON s.relid = t.relation
  GROUP BY root.relation
  HAVING sum(s.n_mod_since_analyze) > 1000 AND sum(s.n_mod_since_analyze) > sum(s.n_live_tup) / 5
$$;
COMMENT ON FUNCTION tenancy_internal.advice_stale_statistics() IS 'Protected tables whose statistics are old';

CREATE FUNCTION tenancy_internal.advice_missing_dependency_statistics() RETURNS TABLE (severity text, object text, problem text, fix_sql text)
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  -- Pruning adds the organization to a filter by workspace; the planner must know that the workspace implies it.
  SELECT 'performance', t.relation::text, format('the planner takes columns "%s" and "%s" for independent', t.organization_column, t.workspace_column),
         format('CREATE STATISTICS %I.%I (dependencies) ON %I, %I FROM %s; ANALYZE %s', n.nspname, c.relname || '_tenancy',
                t.organization_column, t.workspace_column, t.relation, t.relation)
  FROM tenancy.protected_tables t JOIN pg_class c ON c.oid = t.relation AND NOT c.relispartition JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_attribute o ON o.attrelid = t.relation AND o.attname = t.organization_column
  JOIN pg_attribute w ON w.attrelid = t.relation AND w.attname = t.workspace_column
  JOIN pg_partitioned_table p ON p.partrelid = t.relation AND o.attnum = ANY (p.partattrs)
  WHERE NOT EXISTS (SELECT FROM pg_statistic_ext e WHERE e.stxrelid = t.relation AND 'f' = ANY (e.stxkind)
                      AND e.stxkeys::int2[] @> ARRAY[o.attnum, w.attnum])
$$;
COMMENT ON FUNCTION tenancy_internal.advice_missing_dependency_statistics() IS 'Partitioned tables whose tenant columns the planner takes for independent';

-- The definition begins with names that its owner has chosen: only what is known to stand there is cut off.
CREATE FUNCTION tenancy_internal.index_keys(index oid) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT CASE WHEN starts_with(d.definition, d.known) THEN substr(d.definition, length(d.known) + 1) END
  FROM (SELECT pg_get_indexdef(i.indexrelid) AS definition,
               format('CREATE %sINDEX %I ON %s%I.%I USING %I (', CASE WHEN i.indisunique THEN 'UNIQUE ' ELSE '' END, c.relname,
                      CASE c.relkind WHEN 'I' THEN 'ONLY ' ELSE '' END, n.nspname, t.relname, m.amname) AS known
        FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am m ON m.oid = c.relam
        JOIN pg_class t ON t.oid = i.indrelid JOIN pg_namespace n ON n.oid = t.relnamespace
        WHERE i.indexrelid = index_keys.index) d
$$;
COMMENT ON FUNCTION tenancy_internal.index_keys(oid) IS 'An index''s definition from its first key on, without the opening parenthesis';

-- Under row security an index serves conditions with leakproof operators; others only if the module knows that they are
-- evaluated on own rows (a btree that begins with the tenant, a partition of one tenant), or that they may be evaluated on all.
CREATE FUNCTION tenancy_internal.advice_unused_index() RETURNS TABLE (severity text, object text, problem text, fix_sql text)
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT 'performance', i.indexrelid::regclass::text,
         format('no condition of a tenant''s query on %s can use it: it does not begin with the tenant, and its operators are not leakproof', t.relation)
           || CASE m.amname WHEN 'btree' THEN '' ELSE '; if tenants send no SQL of their own, set tenancy.trusted_conditions to all' END,
         -- Expressions of the table's owner would be parsed by a superuser who runs it.
         CASE WHEN m.amname = 'btree' AND NOT tenancy_internal.has_checked_constant(concat(i.indexprs, i.indpred)) THEN
           format('CREATE INDEX ON %s USING btree (%I, %s', t.relation, coalesce(t.workspace_column, t.organization_column), d.rest) END
  FROM tenancy.protected_tables t JOIN pg_index i ON i.indrelid = t.relation AND i.indisvalid AND NOT i.indisprimary
  JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am m ON m.oid = c.relam
  LEFT JOIN pg_attribute first ON first.attrelid = i.indrelid AND first.attnum = i.indkey[0]
  CROSS JOIN LATERAL (SELECT tenancy_internal.index_keys(i.indexrelid) AS rest) d
  WHERE coalesce(current_setting('tenancy.trusted_conditions', true), '') <> 'all'
    AND NOT EXISTS (SELECT FROM pg_inherits h WHERE h.inhrelid = t.relation)
    AND NOT coalesce(m.amname = 'btree' AND first.attname IN (t.organization_column, t.workspace_column), false)
    AND NOT EXISTS (SELECT FROM pg_partitioned_table p JOIN pg_attribute a ON a.attrelid = p.partrelid AND a.attnum = ANY (p.partattrs)
                    WHERE p.partrelid = t.relation AND p.partstrat = 'l' AND a.attname IN (t.organization_column, t.workspace_column))
    -- the same index with the tenant's column first doesn't exist
    AND NOT EXISTS (SELECT FROM pg_index led JOIN pg_class l ON l.oid = led.indexrelid JOIN pg_am b ON b.oid = l.relam AND b.amname = 'btree'
                    WHERE led.indrelid = t.relation AND led.indisvalid
                      AND right(tenancy_internal.index_keys(led.indexrelid), length(d.rest) + 2) = ', ' || d.rest
                      AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = led.indrelid AND a.attnum = led.indkey[0]
                                    AND a.attname IN (t.organization_column, t.workspace_column)))
    -- nor has a column that a leakproof operator can search, or that gives an order
    AND NOT EXISTS (
      SELECT FROM generate_series(0, CASE m.amname WHEN 'btree' THEN 0 ELSE i.indnkeyatts - 1 END) k JOIN pg_opclass o ON o.oid = i.indclass[k]
      JOIN pg_amop a ON a.amopfamily = o.opcfamily AND a.amoplefttype = o.opcintype
      JOIN pg_operator op ON op.oid = a.amopopr JOIN pg_proc p ON p.oid = op.oprcode
      WHERE a.amoppurpose = 'o' OR p.proleakproof AND i.indkey[k] <> 0 AND o.opcname !~ '_(pattern|trgm)_ops$')
$$;
COMMENT ON FUNCTION tenancy_internal.advice_unused_index() IS 'Indexes of protected tables that no condition of a tenant''s query can use';
