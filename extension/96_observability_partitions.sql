-- Partitions of the observability tables by day or month (UTC): made ahead, dropped when old. A default partition takes what fits
-- nowhere, so that no log is lost when nobody has made the next partition.

-- Unlike pg_partition_tree(), without locking any of them.
CREATE FUNCTION tenancy.partitions_of(relation regclass) RETURNS SETOF regclass
LANGUAGE sql STABLE STRICT SET search_path = pg_catalog, tenancy, pg_temp AS $$
  WITH RECURSIVE family AS (
    SELECT i.inhrelid FROM pg_inherits i WHERE i.inhparent = relation
    UNION ALL
    SELECT i.inhrelid FROM pg_inherits i JOIN family f ON i.inhparent = f.inhrelid
  )
  SELECT c.oid::regclass FROM family f JOIN pg_class c ON c.oid = f.inhrelid WHERE c.relkind = 'r'
$$;
COMMENT ON FUNCTION tenancy.partitions_of(regclass) IS 'Partitions of a table that hold rows';

CREATE FUNCTION tenancy.partition_ranges(relation regclass) RETURNS TABLE (partition regclass, lower timestamptz, upper timestamptz)
LANGUAGE sql STABLE STRICT SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT p, coalesce(substring(bound.text FROM $pattern$FROM \('([^']+)'\)$pattern$)::timestamptz, '-infinity'),
         coalesce(substring(bound.text FROM $pattern$TO \('([^']+)'\)$pattern$)::timestamptz, 'infinity')
  FROM tenancy.partitions_of(relation) p JOIN pg_class c ON c.oid = p, pg_get_expr(c.relpartbound, c.oid) bound (text)
$$;
COMMENT ON FUNCTION tenancy.partition_ranges(regclass) IS 'The time that each partition of a table covers; all time for the default partition';

CREATE FUNCTION tenancy.is_default_partition(partition regclass) RETURNS boolean
LANGUAGE sql STABLE STRICT SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT EXISTS (SELECT FROM pg_partitioned_table p WHERE p.partdefid = partition)
$$;
COMMENT ON FUNCTION tenancy.is_default_partition(regclass) IS 'Whether a table is the default partition of another';

CREATE FUNCTION tenancy.create_partition(parent regclass, unit text, at timestamptz) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp SET row_security = off AS $$
DECLARE
  first timestamptz := date_trunc(unit, at, 'UTC');
  until timestamptz := (first AT TIME ZONE 'UTC' + ('1 ' || unit)::interval) AT TIME ZONE 'UTC';
  control name;
  default_partition regclass;
  partition text;
  columns text;
  moved bigint;
BEGIN
  SELECT format('%I.%I', n.nspname, c.relname || to_char(first AT TIME ZONE 'UTC', CASE unit WHEN 'day' THEN '_"p"YYYYMMDD' ELSE '_"p"YYYYMM' END)),
         a.attname, NULLIF(p.partdefid, 0)
  INTO partition, control, default_partition
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_partitioned_table p ON p.partrelid = c.oid
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = p.partattrs[0]
  WHERE c.oid = parent;
  -- Who attaches a partition needs this lock anyway; taken first, no row of it comes in between.
  IF default_partition IS NOT NULL THEN
    EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', default_partition);
  END IF;
  IF EXISTS (SELECT FROM tenancy.partition_ranges(parent) r
             WHERE r.lower < until AND r.upper > first AND r.partition IS DISTINCT FROM default_partition) THEN
    RETURN false;
  END IF;
  -- Attached instead of created in its place: readers and writers of the other partitions need not stop.
  EXECUTE format('CREATE TABLE %s (LIKE %s INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING GENERATED INCLUDING STORAGE
                  INCLUDING COMPRESSION)', partition, parent);
  IF default_partition IS NOT NULL THEN
    SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) INTO columns FROM pg_attribute a
    WHERE a.attrelid = parent AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '';
    EXECUTE format('WITH moved AS (DELETE FROM %1$s WHERE %2$I >= $1 AND %2$I < $2 RETURNING *) INSERT INTO %3$s (%4$s) SELECT %4$s FROM moved',
                   default_partition, control, partition, columns) USING first, until;
    GET DIAGNOSTICS moved = ROW_COUNT;
    IF moved > 0 THEN
      RAISE NOTICE '% rows move from the default partition to %', moved, partition;
    END IF;
  END IF;
  EXECUTE format('ALTER TABLE %s ATTACH PARTITION %s FOR VALUES FROM (%L) TO (%L)', parent, partition, first, until);
  RETURN true;
END
$$;
COMMENT ON FUNCTION tenancy.create_partition(regclass, text, timestamptz) IS 'Makes the partition (unit: day or month, UTC) of a table for a time, unless there is one, and moves its rows there from the default partition';

CREATE FUNCTION tenancy.partman_schema() RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT e.extnamespace::regnamespace::text FROM pg_extension e
  WHERE e.extname = 'pg_partman' AND has_schema_privilege(e.extnamespace, 'USAGE')
    AND has_table_privilege(format('%s.part_config', e.extnamespace::regnamespace), 'SELECT, INSERT, UPDATE')
$$;
COMMENT ON FUNCTION tenancy.partman_schema() IS 'Schema of pg_partman where that is installed and the caller may use it, else NULL';

CREATE FUNCTION tenancy.partman_name(parent regclass) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  partman text := tenancy.partman_schema();
  name text;
BEGIN
  IF partman IS NOT NULL THEN
    EXECUTE format($query$SELECT p.parent_table FROM %s.part_config p JOIN pg_class c ON c.oid = $1 JOIN pg_namespace n ON n.oid = c.relnamespace
                   WHERE p.parent_table = n.nspname || '.' || c.relname$query$, partman) INTO name USING parent;
  END IF;
  RETURN name;
END
$$;
COMMENT ON FUNCTION tenancy.partman_name(regclass) IS 'Name by which pg_partman manages a table, or NULL';

CREATE FUNCTION tenancy.start_partitions(parent regclass, unit text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  partman text := tenancy.partman_schema();
  before_5 boolean;
  schema name;
  "table" name;
  control name;
BEGIN
  SELECT n.nspname, c.relname, a.attname INTO schema, "table", control
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_partitioned_table p ON p.partrelid = c.oid
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = p.partattrs[0]
  WHERE c.oid = parent;
  IF partman IS NULL THEN
    EXECUTE format('CREATE TABLE %I.%I PARTITION OF %s DEFAULT', schema, "table" || '_default', parent);
  ELSE
    SELECT split_part(e.extversion, '.', 1)::integer < 5 INTO before_5 FROM pg_extension e WHERE e.extname = 'pg_partman';
    EXECUTE format('SELECT %s.create_parent(p_parent_table => $1, p_control => $2, p_type => $3, p_interval => $4, p_premake => $5)', partman)
    USING schema || '.' || "table", control::text, CASE WHEN before_5 THEN 'native' ELSE 'range' END,
          CASE WHEN NOT before_5 THEN '1 ' || unit WHEN unit = 'day' THEN 'daily' ELSE 'monthly' END,
          CASE unit WHEN 'day' THEN 7 ELSE 2 END;
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy.start_partitions(regclass, text) IS 'Hands a new partitioned table to pg_partman where that is installed, or gives it a default partition';

CREATE FUNCTION tenancy.create_partitions(schema regnamespace, unit text, ahead interval, since timestamptz) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp SET timezone = 'UTC' AS $$
DECLARE
  parent record;
  at timestamptz;
  made integer := 0;
BEGIN
  -- Before any table is locked, as refresh_analytics() does.
  EXECUTE format('SELECT FROM %s.analytics_state FOR UPDATE', schema);
  FOR parent IN
    SELECT to_regclass(format('%s.%I', schema, v.name)) AS relation, v.unit
    FROM (VALUES ('logs', unit), ('log_payloads', unit), ('traces', unit), ('analytics', 'month')) v (name, unit) LOOP
    IF tenancy.partman_name(parent.relation) IS NOT NULL THEN
      made := made - (SELECT count(*) FROM tenancy.partition_ranges(parent.relation));
      EXECUTE format('SELECT %s.run_maintenance(%L)', tenancy.partman_schema(), tenancy.partman_name(parent.relation));
      made := made + (SELECT count(*) FROM tenancy.partition_ranges(parent.relation));
      CONTINUE;
    END IF;
    FOR at IN SELECT generate_series(date_trunc(parent.unit, since), since + ahead, ('1 ' || parent.unit)::interval) LOOP
      made := made + tenancy.create_partition(parent.relation, parent.unit, at)::integer;
    END LOOP;
  END LOOP;
  PERFORM tenancy.track_partitions(schema);
  RETURN made;
END
$$;
COMMENT ON FUNCTION tenancy.create_partitions(regnamespace, text, interval, timestamptz) IS 'Makes the partitions that the observability tables of a schema lack from a time on, and returns how many; where pg_partman manages a table, it does so';

CREATE PROCEDURE tenancy.create_partitions_in_batches(schema regnamespace, since timestamptz, until timestamptz)
LANGUAGE plpgsql AS $$
DECLARE
  at timestamptz := since;
  step pg_catalog.interval := '7 days';
  made integer;
BEGIN
  WHILE at OPERATOR(pg_catalog.<=) until LOOP
    IF until OPERATOR(pg_catalog.-) at OPERATOR(pg_catalog.<) step THEN
      step := until OPERATOR(pg_catalog.-) at;
    END IF;
    EXECUTE pg_catalog.format('SELECT %s.create_partitions($1, $2)', schema) INTO made USING step, at;
    COMMIT;
    at := at OPERATOR(pg_catalog.+) step;
    RAISE NOTICE 'schema %: % partitions made, complete until %', schema, made, at;
    EXIT WHEN at OPERATOR(pg_catalog.=) until;
  END LOOP;
END
$$;
COMMENT ON PROCEDURE tenancy.create_partitions_in_batches(regnamespace, timestamptz, timestamptz) IS 'Makes the partitions for a longer time, committing each week of it; called again it goes on where it was stopped';

CREATE FUNCTION tenancy.drop_partitions(schema regnamespace, "table" text, older_than interval, keep_analytics boolean) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp SET row_security = off AS $$
#variable_conflict use_variable
DECLARE
  parent regclass;
  default_partition regclass;
  before timestamptz := date_trunc('day', now() - older_than, 'UTC');
  day timestamptz;
  old record;
  dropped integer := 0;
BEGIN
  IF "table" IS NULL OR "table" NOT IN ('logs', 'log_payloads', 'traces', 'analytics') THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('"%s" has no partitions to drop', "table"),
      HINT = 'Tables are logs, log_payloads, traces and analytics.';
  END IF;
  IF older_than IS NULL OR older_than < '0' THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'an age that is not negative must be given';
  END IF;
  EXECUTE format('SELECT FROM %s.analytics_state FOR UPDATE', schema);
  parent := to_regclass(format('%s.%I', schema, "table"));
  -- Rows that came when their partition was gone lie in the default partition. They get one of their own, to be dropped with it.
  SELECT p INTO default_partition FROM tenancy.partitions_of(parent) p WHERE tenancy.is_default_partition(p);
  IF FOUND THEN
    FOR day IN EXECUTE format('SELECT DISTINCT date_trunc(''day'', %1$I, ''UTC'') FROM %2$s WHERE %1$I < $1',
                              CASE "table" WHEN 'analytics' THEN 'hour' ELSE 'start_time' END, default_partition) USING before LOOP
      PERFORM tenancy.create_partition(parent, 'day', day);
    END LOOP;
  END IF;
  PERFORM tenancy.track_partitions(schema);
  FOR old IN SELECT r.*, r.partition::text AS name FROM tenancy.partition_ranges(parent) r WHERE r.upper <= before ORDER BY r.lower LOOP
    EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', old.partition);
    IF "table" = 'logs' AND keep_analytics THEN
      PERFORM tenancy.refresh_analytics(schema, NULL);
      EXECUTE format('UPDATE %s.analytics_partitions SET relation = NULL WHERE relation = $1', schema) USING old.partition;
    END IF;
    EXECUTE format('DROP TABLE %s', old.partition);
    RAISE NOTICE 'dropped %, which ended at %', old.name, old.upper;
    dropped := dropped + 1;
  END LOOP;
  RETURN dropped;
END
$$;
COMMENT ON FUNCTION tenancy.drop_partitions(regnamespace, text, interval, boolean) IS 'Drops the partitions of an observability table that ended longer ago than older_than, and what is as old in the default partition, and returns how many; with keep_analytics, what was summed up of logs stays';
