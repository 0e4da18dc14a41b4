-- The partitions, children and parents of a table that is to be protected.

CREATE FUNCTION tenancy_internal.foreign_tables_of(relation regclass) RETURNS SETOF regclass
LANGUAGE sql STABLE STRICT SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT i.inhrelid::regclass FROM tenancy_internal.family_of(foreign_tables_of.relation) f (relid)
  JOIN pg_inherits i ON i.inhparent = f.relid JOIN pg_class c ON c.oid = i.inhrelid AND c.relkind = 'f'
$$;
COMMENT ON FUNCTION tenancy_internal.foreign_tables_of(regclass) IS 'Foreign tables that are partitions or children of a table, on whatever level';

CREATE FUNCTION tenancy_internal.refuse_foreign_tables(relation regclass) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  found_one regclass;
BEGIN
  SELECT f INTO found_one FROM tenancy_internal.foreign_tables_of(refuse_foreign_tables.relation) f LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'wrong_object_type',
      MESSAGE = format('table %s has the foreign table %s as a partition or child', refuse_foreign_tables.relation, found_one),
      DETAIL = 'Row security does not apply to foreign tables: rows that are routed there would not be checked.',
      HINT = 'Detach it, and protect it on the server where it lies.';
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_internal.refuse_foreign_tables(regclass) IS 'Raises 42809 for a table with foreign tables among its partitions or children';

CREATE FUNCTION tenancy_internal.check_relatives(relation regclass) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  found_one regclass;
BEGIN
  PERFORM tenancy_internal.refuse_foreign_tables(check_relatives.relation);
  SELECT f INTO found_one FROM tenancy_internal.family_of(check_relatives.relation) f WHERE tenancy_internal.is_hypertable(f) LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'feature_not_supported',
      MESSAGE = format('table %s is a hypertable of TimescaleDB', found_one),
      DETAIL = 'Its chunks are made without DDL, and would stand open.', HINT = 'Use a partitioned table.';
  END IF;
  SELECT f INTO found_one FROM tenancy_internal.family_of(check_relatives.relation) f WHERE tenancy_steps.is_distributed(f) LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'feature_not_supported',
      MESSAGE = format('table %s is distributed by Citus', found_one),
      DETAIL = 'Its protection cannot be changed in place.', HINT = 'Undistribute it, protect it, and call tenancy.distribute().';
  END IF;
  SELECT i.inhparent INTO found_one FROM pg_inherits i
  WHERE i.inhrelid = check_relatives.relation AND NOT EXISTS (SELECT FROM tenancy.protected_tables t WHERE t.relation = i.inhparent) LIMIT 1;
  IF FOUND THEN
    PERFORM tenancy_steps.warning(format('rows of table %s can be read through %s, which is not protected', check_relatives.relation, found_one),
      hint => format('Protect %s: its partitions and children come along.', found_one));
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_internal.check_relatives(regclass) IS 'Raises 42809 for a table with foreign tables among its partitions or children, 0A000 for a hypertable of TimescaleDB or a table that Citus distributes; warns of a parent that isn''t protected';
