-- Indexes on the keys of parents that row filters need.

CREATE FUNCTION tenancy_internal.check_covering_indexes(relation regclass, wanted tenancy.protected_tables) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  covering record;
  copied name[] := ARRAY(SELECT c.copy FROM tenancy_internal.copied_columns(check_covering_indexes.relation,
    check_covering_indexes.wanted) c WHERE c.part IN ('organization', 'workspace'));
BEGIN
  FOR covering IN
    SELECT i.indexrelid::regclass AS index, ARRAY(SELECT quote_ident(c) FROM unnest(copied) c WHERE NOT EXISTS (
             SELECT FROM pg_attribute a WHERE a.attrelid = i.indrelid AND a.attname = c AND a.attnum = ANY (i.indkey))) AS missing
    FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
    WHERE i.indrelid = check_covering_indexes.relation AND a.attname = check_covering_indexes.wanted.through[1] AND i.indnatts > 1
      AND NOT i.indisunique LOOP
    CONTINUE WHEN cardinality(covering.missing) = 0;
    PERFORM tenancy_steps.notice(format('index %s no longer answers a query by itself', covering.index),
      detail => 'The row filter needs the tenant columns, too.',
      hint => format('For index-only scans make it again with INCLUDE (%s).', array_to_string(covering.missing, ', ')));
  END LOOP;
END
$$;
COMMENT ON FUNCTION tenancy_internal.check_covering_indexes(regclass, tenancy.protected_tables) IS 'Reports indexes on a parent''s key that lack the columns which the row filter needs';
