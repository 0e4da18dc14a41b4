-- Partitions of the observability tables by day or month (UTC): created ahead, dropped when old. A default partition takes all
-- other rows, so that no log is lost if the next partition is missing.

-- Unlike pg_partition_tree(), without locking any of them.
CREATE FUNCTION tenancy_steps.partitions_of(relation regclass) RETURNS SETOF regclass
LANGUAGE sql STABLE STRICT SET search_path = pg_catalog, tenancy, pg_temp AS $$
  WITH RECURSIVE family AS (
    SELECT i.inhrelid FROM pg_inherits i WHERE i.inhparent = partitions_of.relation
    UNION ALL
    SELECT i.inhrelid FROM pg_inherits i JOIN family f ON i.inhparent = f.inhrelid
  )
  SELECT c.oid::regclass FROM family f JOIN pg_class c ON c.oid = f.inhrelid WHERE c.relkind = 'r'
$$;
COMMENT ON FUNCTION tenancy_steps.partitions_of(regclass) IS 'Partitions of a table that hold rows';

-- Bounds are read as the server prints them, hence as it prints them unambiguously, whatever the caller's settings.
CREATE FUNCTION tenancy_steps.partition_ranges(relation regclass) RETURNS TABLE (partition regclass, lower timestamptz, upper timestamptz)
LANGUAGE sql STABLE STRICT SET search_path = pg_catalog, tenancy, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO, YMD' AS $$
  SELECT p, coalesce(substring(bound.text FROM $pattern$FROM \('([^']+)'\)$pattern$)::timestamptz, '-infinity'),
         coalesce(substring(bound.text FROM $pattern$TO \('([^']+)'\)$pattern$)::timestamptz, 'infinity')
  FROM tenancy_steps.partitions_of(partition_ranges.relation) p JOIN pg_class c ON c.oid = p,
    pg_get_expr(c.relpartbound, c.oid) bound (text)
$$;
COMMENT ON FUNCTION tenancy_steps.partition_ranges(regclass) IS 'The time that each partition of a table covers; all time for the default partition';

CREATE FUNCTION tenancy_steps.is_default_partition(partition regclass) RETURNS boolean
LANGUAGE sql STABLE STRICT SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT EXISTS (SELECT FROM pg_partitioned_table p WHERE p.partdefid = is_default_partition.partition)
$$;
COMMENT ON FUNCTION tenancy_steps.is_default_partition(regclass) IS 'Whether a table is the default partition of another';

-- With the rights of its caller, the owner of all three tables, whose functions in constraints and indexes it runs.
CREATE FUNCTION tenancy_steps.attach_with_rows(partition regclass, default_partition regclass, first timestamptz, until timestamptz) RETURNS bigint
LANGUAGE c STRICT SET timezone = 'UTC' SET datestyle = 'ISO, YMD' AS 'MODULE_PATHNAME', 'pg_tenancy_attach_with_rows';
COMMENT ON FUNCTION tenancy_steps.attach_with_rows(regclass, regclass, timestamptz, timestamptz) IS 'Attaches a partition for a time, together with its rows from the default partition, also those under a legal hold, and returns how many';

-- Bounds are written unambiguously, too.
CREATE FUNCTION tenancy_steps.create_partition(parent regclass, unit text, at timestamptz) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO, YMD' SET row_security = off AS $$
DECLARE
  first timestamptz := date_trunc(left(create_partition.unit, 63), create_partition.at, 'UTC');
  until timestamptz := (first AT TIME ZONE 'UTC' + ('1 ' || left(create_partition.unit, 63))::interval) AT TIME ZONE 'UTC';
  default_partition regclass;
  partition text;
  moved bigint;
BEGIN
  SELECT format('%I.%I', n.nspname, tenancy_steps.partition_name(create_partition.parent, create_partition.unit, first)), NULLIF(p.partdefid, 0)
  INTO partition, default_partition
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_partitioned_table p ON p.partrelid = c.oid
  WHERE c.oid = create_partition.parent;
  IF tenancy_steps.is_partitioned_between(create_partition.parent, first, until) THEN
    RETURN false;
  END IF;
  -- Attaching a partition needs these locks anyway, in the order in which everybody takes them; taken first, they keep new rows of
  -- that partition out.
  IF default_partition IS NOT NULL THEN
    EXECUTE format('LOCK TABLE ONLY %s IN SHARE UPDATE EXCLUSIVE MODE', create_partition.parent);
    EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', default_partition);
    IF tenancy_steps.is_partitioned_between(create_partition.parent, first, until) THEN
      RETURN false;
    END IF;
  END IF;
  IF tenancy_steps.is_distributed(create_partition.parent) THEN
    PERFORM tenancy_steps.create_partition_on_nodes(create_partition.parent, partition, default_partition, first, until);
    RETURN true;
  END IF;
  -- Attached instead of created in its place, so that readers and writers of the other partitions can continue.
  EXECUTE format('CREATE TABLE %s (LIKE %s INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING GENERATED INCLUDING STORAGE
                  INCLUDING COMPRESSION)', partition, create_partition.parent);
  IF default_partition IS NULL THEN
    EXECUTE format('ALTER TABLE %s ATTACH PARTITION %s FOR VALUES FROM (%L) TO (%L)', create_partition.parent, partition, first, until);
    RETURN true;
  END IF;
  moved := tenancy_steps.attach_with_rows(partition::regclass, default_partition, first, until);
  IF moved > 0 THEN
    PERFORM tenancy_steps.notice(format('%s rows move from the default partition to %s', moved, partition));
  END IF;
  RETURN true;
END
$$;
COMMENT ON FUNCTION tenancy_steps.create_partition(regclass, text, timestamptz) IS 'Makes the partition (unit: day or month, UTC) of a table for a time, unless there is one, and moves its rows there from the default partition';

-- A partition that cannot be created or dropped must not block the others: because of a row that the new one refuses (from
-- before the tables' bounds), a table of its name, a view on the old one, or an open transaction.
CREATE FUNCTION tenancy_steps.try_create_partition(schema regnamespace, parent regclass, unit text, at timestamptz) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  RETURN tenancy_steps.create_partition(try_create_partition.parent, try_create_partition.unit, try_create_partition.at)::integer;
EXCEPTION WHEN OTHERS OR assert_failure THEN
  IF tenancy_steps.stops_job(SQLSTATE) THEN
    RAISE;
  END IF;
  PERFORM tenancy_steps.record_job_problem(
    try_create_partition.schema, 'create_partitions', format('%s of %s', try_create_partition.parent,
      to_char(date_trunc(try_create_partition.unit, try_create_partition.at, 'UTC') AT TIME ZONE 'UTC', 'YYYY-MM-DD')), SQLSTATE,
      SQLERRM);
  RETURN 0;
END
$$;
COMMENT ON FUNCTION tenancy_steps.try_create_partition(regnamespace, regclass, text, timestamptz) IS 'Makes a partition as create_partition() does, or reports why it cannot, and returns how many were made';

-- Waiting for a table's lock also blocks later sessions, for as long as the holder keeps it.
CREATE FUNCTION tenancy_steps.limit_waiting() RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  before text := current_setting('lock_timeout');
BEGIN
  IF before = '0' THEN
    PERFORM set_config('lock_timeout', '5s', true);
  END IF;
  RETURN before;
END
$$;
COMMENT ON FUNCTION tenancy_steps.limit_waiting() IS 'Lets the transaction wait no longer than 5 seconds for a lock, unless lock_timeout is set, and returns what it was';

CREATE FUNCTION tenancy_steps.try_lock(schema regnamespace, job text, relation regclass, mode text) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  -- A transaction that has ended gives its locks back one by one: whoever got the first may be early for the next.
  attempts_left integer := CASE WHEN try_lock.mode LIKE '%NOWAIT' THEN 20 ELSE 1 END;
BEGIN
  LOOP
    attempts_left := attempts_left - 1;
    BEGIN
      EXECUTE format('LOCK TABLE ONLY %s IN %s', try_lock.relation, left(try_lock.mode, 40));
      RETURN true;
    EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
      IF attempts_left = 0 THEN
        PERFORM tenancy_steps.record_job_problem(try_lock.schema, try_lock.job, try_lock.relation::text, SQLSTATE,
          'somebody else''s transaction uses it');
        RETURN false;
      END IF;
    END;
    PERFORM pg_sleep(0.01);
  END LOOP;
END
$$;
COMMENT ON FUNCTION tenancy_steps.try_lock(regnamespace, text, regclass, text) IS 'Locks a table, without its partitions, in a mode (as LOCK TABLE has it; with NOWAIT, it tries for 0.2 seconds), or reports that it cannot: false';

-- Newer versions can be installed by anybody who owns a schema. Its functions, and triggers on its tables, run with the rights of
-- whoever calls them: of the owner of the observability tables.
CREATE FUNCTION tenancy_steps.distrusted_of_partman() RETURNS regrole
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT code.owner::regrole FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace,
  LATERAL (
    SELECT c.oid, c.relowner, c.relacl FROM pg_depend d JOIN pg_class c ON c.oid = d.objid
    WHERE d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.deptype = 'e' AND d.classid = 'pg_class'::regclass
  ) own,
  LATERAL (
    SELECT e.extowner UNION SELECT n.nspowner
    UNION SELECT a.grantee FROM aclexplode(n.nspacl) a WHERE a.privilege_type = 'CREATE'
    UNION SELECT p.proowner FROM pg_proc p WHERE p.pronamespace = n.oid
    UNION SELECT o.oprowner FROM pg_operator o WHERE o.oprnamespace = n.oid
    UNION SELECT own.relowner
    -- Rows of its configuration name templates, whose indexes it makes on partitions of others.
    UNION SELECT a.grantee FROM aclexplode(own.relacl) a WHERE a.privilege_type IN ('TRIGGER', 'INSERT', 'UPDATE', 'DELETE')
    UNION SELECT a.grantee FROM pg_attribute t, aclexplode(t.attacl) a WHERE t.attrelid = own.oid AND a.privilege_type IN ('INSERT', 'UPDATE')
    UNION SELECT p.proowner FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid WHERE t.tgrelid = own.oid AND NOT t.tgisinternal
    -- No privilege on these tables says so.
    UNION SELECT m.oid FROM pg_roles m WHERE pg_has_role(m.oid, 'pg_write_all_data', 'MEMBER') AND m.rolname <> 'pg_write_all_data'
  ) code (owner)
  LEFT JOIN pg_roles r ON r.oid = code.owner
  WHERE e.extname = 'pg_partman' AND has_schema_privilege(n.oid, 'USAGE') AND r.rolsuper IS NOT TRUE AND r.rolname IS DISTINCT FROM current_user
  ORDER BY 1 LIMIT 1
$$;
COMMENT ON FUNCTION tenancy_steps.distrusted_of_partman() IS 'A role ("-": everybody) that could have the caller run its code in the schema of pg_partman, where the caller may use that, or NULL';

CREATE FUNCTION tenancy_steps.partman_schema() RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT e.extnamespace::regnamespace::text FROM pg_extension e
  WHERE e.extname = 'pg_partman' AND has_schema_privilege(e.extnamespace, 'USAGE')
    AND has_table_privilege(format('%s.part_config', e.extnamespace::regnamespace), 'SELECT, INSERT, UPDATE')
    AND tenancy_steps.distrusted_of_partman() IS NULL
$$;
COMMENT ON FUNCTION tenancy_steps.partman_schema() IS 'Schema of pg_partman where that is installed, the caller may use it, and nobody else but superusers could change what it does, else NULL';

CREATE FUNCTION tenancy_steps.partman_name(parent regclass) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  partman text := tenancy_steps.partman_schema();
  name text;
BEGIN
  IF partman IS NOT NULL THEN
    EXECUTE format($query$SELECT p.parent_table FROM %s.part_config p JOIN pg_class c ON c.oid = $1 JOIN pg_namespace n ON n.oid = c.relnamespace
                   WHERE p.parent_table = n.nspname || '.' || c.relname$query$, partman) INTO name USING partman_name.parent;
  END IF;
  RETURN name;
END
$$;
COMMENT ON FUNCTION tenancy_steps.partman_name(regclass) IS 'Name by which pg_partman manages a table, or NULL';

CREATE FUNCTION tenancy_steps.partition_name(parent regclass, unit text, first timestamptz) RETURNS name
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  managed text := tenancy_steps.partman_name(partition_name.parent);
  found_name text;
BEGIN
  IF managed IS NOT NULL THEN
    EXECUTE format('SELECT partition_table FROM %s.show_partition_name($1, $2)', tenancy_steps.partman_schema()) INTO found_name
      USING managed, partition_name.first::text;
    RETURN found_name;
  END IF;
  RETURN (SELECT c.relname || to_char(partition_name.first AT TIME ZONE 'UTC',
    CASE partition_name.unit WHEN 'day' THEN '_"p"YYYYMMDD' ELSE '_"p"YYYYMM' END)
          FROM pg_class c WHERE c.oid = partition_name.parent);
END
$$;
COMMENT ON FUNCTION tenancy_steps.partition_name(regclass, text, timestamptz) IS 'Name of a table''s partition from a time on, as pg_partman has it where that manages the table';

CREATE FUNCTION tenancy_steps.is_partitioned_between(parent regclass, first timestamptz, until timestamptz) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT EXISTS (SELECT FROM tenancy_steps.partition_ranges(is_partitioned_between.parent) r
                 WHERE r.lower < is_partitioned_between.until AND r.upper > is_partitioned_between.first
                   AND NOT tenancy_steps.is_default_partition(r.partition))
$$;
COMMENT ON FUNCTION tenancy_steps.is_partitioned_between(regclass, timestamptz, timestamptz) IS 'Whether a table has a partition, other than the default one, for any of a time';

-- By default it creates partitions up to the latest row, so that a row of the year 2100 creates thousands, and an infinite one
-- never ends.
CREATE FUNCTION tenancy_steps.keep_partman_by_the_clock(parent regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  config regclass := format('%s.part_config', tenancy_steps.partman_schema());
  setting name;
BEGIN
  FOR setting IN SELECT a.attname FROM pg_attribute a
                 WHERE a.attrelid = config AND a.attname IN ('infinite_time_partitions', 'ignore_default_data') AND NOT a.attisdropped LOOP
    EXECUTE format('UPDATE %s SET %I = true WHERE parent_table = $1 AND NOT %2$I', config, setting)
      USING tenancy_steps.partman_name(keep_partman_by_the_clock.parent);
  END LOOP;
END
$$;
COMMENT ON FUNCTION tenancy_steps.keep_partman_by_the_clock(regclass) IS 'Lets pg_partman make partitions ahead of now and not of the latest row';

CREATE FUNCTION tenancy_steps.start_partitions(parent regclass, unit text, partman text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  before_5 boolean;
  schema name;
  "table" name;
  control name;
BEGIN
  SELECT n.nspname, c.relname, a.attname INTO schema, "table", control
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_partitioned_table p ON p.partrelid = c.oid
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = p.partattrs[0]
  WHERE c.oid = start_partitions.parent;
  IF start_partitions.partman IS NULL THEN
    EXECUTE format('CREATE TABLE %I.%I PARTITION OF %s DEFAULT', schema, "table" || '_default', start_partitions.parent);
  ELSE
    SELECT split_part(e.extversion, '.', 1)::integer < 5 INTO before_5 FROM pg_extension e WHERE e.extname = 'pg_partman';
    EXECUTE format('SELECT %s.create_parent(p_parent_table => $1, p_control => $2, p_type => $3, p_interval => $4, p_premake => $5)', start_partitions.partman::regnamespace)
    USING schema || '.' || "table", control::text, CASE WHEN before_5 THEN 'native' ELSE 'range' END,
          CASE WHEN NOT before_5 THEN '1 ' || start_partitions.unit WHEN start_partitions.unit = 'day' THEN 'daily' ELSE 'monthly' END,
          CASE start_partitions.unit WHEN 'day' THEN 7 ELSE 2 END;
    PERFORM tenancy_steps.keep_partman_by_the_clock(start_partitions.parent);
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_steps.start_partitions(regclass, text, text) IS 'Hands a new partitioned table to pg_partman (its schema), or gives it (NULL) a default partition';

CREATE FUNCTION tenancy_steps.run_partman(schema regnamespace, parent regclass, unit text, until timestamptz) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp SET timezone = 'UTC' SET row_security = off AS $$
DECLARE
  before bigint := (SELECT count(*) FROM tenancy_steps.partition_ranges(run_partman.parent));
  control name;
  default_partition regclass;
  late timestamptz[];
  at timestamptz;
BEGIN
  PERFORM tenancy_steps.keep_partman_by_the_clock(run_partman.parent);
  -- Rows from before the next partitions existed prevent their creation.
  SELECT a.attname, p.partdefid INTO control, default_partition
  FROM pg_partitioned_table p JOIN pg_attribute a ON a.attrelid = p.partrelid AND a.attnum = p.partattrs[0]
    WHERE p.partrelid = run_partman.parent;
  IF default_partition <> 0 THEN
    -- Collected first: an open query of the default partition would keep its rows from moving.
    EXECUTE format('SELECT array_agg(DISTINCT date_trunc($1, %1$I)) FROM %2$s WHERE %1$I >= $2 AND %1$I < $3', control, default_partition)
    INTO late USING run_partman.unit, (SELECT max(r.upper) FROM tenancy_steps.partition_ranges(run_partman.parent) r
                                       WHERE NOT tenancy_steps.is_default_partition(r.partition)), run_partman.until;
    FOREACH at IN ARRAY coalesce(late, '{}') LOOP
      PERFORM tenancy_steps.try_create_partition(run_partman.schema, run_partman.parent, run_partman.unit, at);
    END LOOP;
  END IF;
  EXECUTE format('SELECT %s.run_maintenance($1)', tenancy_steps.partman_schema()) USING tenancy_steps.partman_name(run_partman.parent);
  RETURN (SELECT count(*) FROM tenancy_steps.partition_ranges(run_partman.parent)) - before;
EXCEPTION WHEN OTHERS OR assert_failure THEN
  -- It waits for locks by itself.
  IF tenancy_steps.stops_job(SQLSTATE) AND SQLSTATE NOT IN ('55P03', '40P01') THEN
    RAISE;
  END IF;
  PERFORM tenancy_steps.record_job_problem(run_partman.schema, 'create_partitions', run_partman.parent::text, SQLSTATE, SQLERRM);
  RETURN 0;
END
$$;
COMMENT ON FUNCTION tenancy_steps.run_partman(regnamespace, regclass, text, timestamptz) IS 'Lets pg_partman make a table''s partitions, after those until a time that rows in the default partition are for, or reports why it cannot, and returns how many were made';

CREATE FUNCTION tenancy.create_partitions(schema regnamespace, unit text, ahead interval, since timestamptz) RETURNS integer
LANGUAGE tenancy_unit SET search_path = pg_catalog, tenancy, pg_temp SET timezone = 'UTC' AS $$
DECLARE
  parent record;
  at timestamptz;
  made integer := 0;
  waiting text;
BEGIN
  -- Before any table is locked, as refresh_analytics() does.
  PERFORM tenancy_steps.refuse_several_owners(create_partitions.schema);
  IF create_partitions.unit IS NULL OR isfinite(create_partitions.since + create_partitions.ahead) IS NOT TRUE THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'a unit, a finite interval and a finite time must be given';
  ELSIF create_partitions.since + 10000 * ('1 ' || create_partitions.unit)::interval < create_partitions.since + create_partitions.ahead THEN
    RAISE EXCEPTION USING ERRCODE = 'program_limit_exceeded', MESSAGE = 'too many partitions would be made', DETAIL = 'A call makes at most 10000 of a table.';
  END IF;
  EXECUTE format('SELECT FROM %s.analytics_state FOR UPDATE', create_partitions.schema);
  PERFORM tenancy_steps.forget_job_problems(create_partitions.schema, 'create_partitions');
  IF tenancy_steps.distrusted_of_partman() IS NOT NULL THEN
    PERFORM tenancy_steps.record_job_problem(create_partitions.schema, 'create_partitions', 'pg_partman', '55000',
      format('role %s could have its code run there with the rights of the owner of these tables: it owns something in that schema, or has CREATE on it, or may write to a table of it, or make triggers there', tenancy_steps.distrusted_of_partman()));
  END IF;
  waiting := tenancy_steps.limit_waiting();
  FOR parent IN
    SELECT r.relation, v.unit, (SELECT p FROM tenancy_steps.partitions_of(r.relation) p WHERE tenancy_steps.is_default_partition(p)) AS default_partition
    FROM (VALUES ('logs', create_partitions.unit), ('log_payloads', create_partitions.unit), ('traces', create_partitions.unit),
      ('analytics', 'month')) v (name, unit),
         LATERAL to_regclass(format('%s.%I', create_partitions.schema, v.name)) r (relation) LOOP
    IF tenancy_steps.partman_name(parent.relation) IS NOT NULL THEN
      made := made + tenancy_steps.run_partman(create_partitions.schema, parent.relation, parent.unit,
        create_partitions.since + create_partitions.ahead);
      CONTINUE;
    END IF;
    FOR at IN SELECT generate_series(date_trunc(parent.unit, create_partitions.since),
      create_partitions.since + create_partitions.ahead, ('1 ' || parent.unit)::interval) LOOP
      CONTINUE WHEN tenancy_steps.is_partitioned_between(parent.relation, at, at + ('1 ' || parent.unit)::interval);
      -- Its lock is needed to create any, and its parent's before it. Waiting for one table's lock means holding those of the tables
      -- before.
      EXIT WHEN parent.default_partition IS NOT NULL
        AND NOT tenancy_steps.try_lock(create_partitions.schema, 'create_partitions', parent.relation, 'SHARE UPDATE EXCLUSIVE MODE');
      EXIT WHEN parent.default_partition IS NOT NULL
        AND NOT tenancy_steps.try_lock(create_partitions.schema, 'create_partitions', parent.default_partition, 'ACCESS EXCLUSIVE MODE');
      made := made + tenancy_steps.try_create_partition(create_partitions.schema, parent.relation, parent.unit, at);
    END LOOP;
  END LOOP;
  PERFORM set_config('lock_timeout', waiting, true);
  PERFORM tenancy_steps.track_partitions(create_partitions.schema);
  RETURN made;
END
$$;
COMMENT ON FUNCTION tenancy.create_partitions(regnamespace, text, interval, timestamptz) IS 'Makes the partitions that the observability tables of a schema lack from a time on, and returns how many; where pg_partman manages a table, it does so; one that cannot be made is passed over with a WARNING, see job_problems; 54000 for more than 10000 of a table';

-- Not by the function in the schema: its owner could replace it, and its code would run with the caller's rights.
CREATE PROCEDURE tenancy.create_partitions_in_batches(schema regnamespace, since timestamptz, until timestamptz)
LANGUAGE plpgsql AS $$
DECLARE
  at pg_catalog.timestamptz := create_partitions_in_batches.since;
  step pg_catalog.interval := '7 days';
  made integer;
BEGIN
  PERFORM tenancy_steps.refuse_no_schema(create_partitions_in_batches.schema);
  IF (pg_catalog.isfinite(create_partitions_in_batches.since) AND pg_catalog.isfinite(create_partitions_in_batches.until)) IS NOT TRUE THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'two finite times must be given';
  END IF;
  WHILE at OPERATOR(pg_catalog.<=) create_partitions_in_batches.until LOOP
    IF create_partitions_in_batches.until OPERATOR(pg_catalog.-) at OPERATOR(pg_catalog.<) step THEN
      step := create_partitions_in_batches.until OPERATOR(pg_catalog.-) at;
    END IF;
    made := tenancy.create_partitions(create_partitions_in_batches.schema, tenancy_steps.partition_unit(create_partitions_in_batches.schema), step, at);
    COMMIT;
    at := at OPERATOR(pg_catalog.+) step;
    PERFORM tenancy_steps.notice(pg_catalog.format('schema %s: %s partitions made, complete until %s', create_partitions_in_batches.schema, made, at));
    EXIT WHEN at OPERATOR(pg_catalog.=) create_partitions_in_batches.until;
  END LOOP;
END
$$;
COMMENT ON PROCEDURE tenancy.create_partitions_in_batches(regnamespace, timestamptz, timestamptz) IS 'Makes the partitions for a longer time, committing each week of it; called again it goes on where it was stopped';

-- Rows from after their partition was dropped, or before it was created. A tenant can write any number, of any number of days,
-- so they are deleted, instead of getting partitions of their own.
CREATE FUNCTION tenancy_steps.empty_default_partition(schema regnamespace, partition regclass, control name, before timestamptz, keep_analytics boolean) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp SET timezone = 'UTC' SET row_security = off AS $$
DECLARE
  deleted bigint;
BEGIN
  IF empty_default_partition.keep_analytics THEN
    PERFORM tenancy.refresh_analytics(empty_default_partition.schema, NULL);
    -- Consecutive days are one range.
    EXECUTE format($query$
      INSERT INTO %s.analytics_partitions (relation, lower, upper)
      SELECT NULL, min(day), max(day) + interval '1 day'
      FROM (SELECT day, day - row_number() OVER (ORDER BY day) * interval '1 day' AS run
            FROM (SELECT DISTINCT date_trunc('day', start_time) AS day FROM %s WHERE start_time >= '1970-01-01 00:00+00' AND start_time < $1) days) runs
      GROUP BY run $query$, empty_default_partition.schema, empty_default_partition.partition) USING empty_default_partition.before;
  END IF;
  EXECUTE format('DELETE FROM %s WHERE %I < $1', empty_default_partition.partition, empty_default_partition.control)
    USING empty_default_partition.before;
  GET DIAGNOSTICS deleted = ROW_COUNT;
  PERFORM tenancy_steps.notice(format('deleted %s old rows of %s', deleted, empty_default_partition.partition));
END
$$;
COMMENT ON FUNCTION tenancy_steps.empty_default_partition(regnamespace, regclass, name, timestamptz, boolean) IS 'Deletes what is older than a time from a default partition, which is locked; with keep_analytics, what was summed up of it stays';

CREATE FUNCTION tenancy.drop_partitions(schema regnamespace, "table" text, older_than interval, keep_analytics boolean) RETURNS integer
LANGUAGE tenancy_unit SET search_path = pg_catalog, tenancy, pg_temp SET timezone = 'UTC' SET row_security = off AS $$
DECLARE
  parent regclass;
  control name := CASE drop_partitions."table" WHEN 'analytics' THEN 'hour' ELSE 'start_time' END;
  before timestamptz := date_trunc('day', now() - drop_partitions.older_than, 'UTC');
  keep boolean := drop_partitions.keep_analytics AND drop_partitions."table" = 'logs';
  job text := format('drop_partitions of %s', drop_partitions."table");
  -- The initiator of a trace is known as long as its spans: later ones, in other partitions, or those that are held.
  is_over CONSTANT text := format('o.last_at < $1 AND NOT EXISTS (
    SELECT FROM %s.traces t WHERE t.trace_id = o.trace_id AND t.organization_id = o.organization_id AND t.workspace_id IS NOT DISTINCT FROM o.workspace_id)', drop_partitions.schema);
  old record;
  is_old boolean;
  dropped integer := 0;
  waiting text;
BEGIN
  IF drop_partitions."table" IS NULL OR drop_partitions."table" NOT IN ('logs', 'log_payloads', 'traces', 'analytics') THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('"%s" has no partitions to drop', left(drop_partitions."table", 100)),
      HINT = 'Tables are logs, log_payloads, traces and analytics.';
  END IF;
  IF drop_partitions.older_than IS NULL OR drop_partitions.older_than < '0' THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'an age that is not negative must be given';
  END IF;
  IF keep THEN
    PERFORM tenancy_internal.require_latest_rows('drop_partitions() that keeps analytics');
  END IF;
  PERFORM tenancy_steps.refuse_several_owners(drop_partitions.schema);
  EXECUTE format('SELECT FROM %s.analytics_state FOR UPDATE', drop_partitions.schema);
  PERFORM tenancy_steps.forget_job_problems(drop_partitions.schema, job);
  parent := to_regclass(format('%s.%I', drop_partitions.schema, drop_partitions."table"));
  PERFORM tenancy_steps.track_partitions(drop_partitions.schema);
  IF keep THEN
    -- Most of it, before anybody has to wait.
    PERFORM tenancy.refresh_analytics(drop_partitions.schema, NULL);
  END IF;
  waiting := tenancy_steps.limit_waiting();
  FOR old IN
    SELECT r.partition, r.upper, r.partition::text AS name, tenancy_steps.is_default_partition(r.partition) AS is_default
    FROM tenancy_steps.partition_ranges(parent) r WHERE r.upper <= before OR tenancy_steps.is_default_partition(r.partition) ORDER BY 4 DESC, r.lower LOOP
    BEGIN
      -- As queries do, before any partition.
      EXIT WHEN NOT tenancy_steps.try_lock(drop_partitions.schema, job, parent, 'ACCESS SHARE MODE');
      IF tenancy_steps.has_held_rows(old.partition) THEN
        PERFORM tenancy_steps.record_job_problem(drop_partitions.schema, job, old.name, '55000', 'a legal hold keeps rows of it');
        CONTINUE;
      END IF;
      IF old.is_default THEN
        EXECUTE format('SELECT EXISTS (SELECT 1 FROM %s WHERE %I < $1)', old.partition, control) INTO is_old USING before;
        -- No row may come between its sum and its end.
        IF is_old AND tenancy_steps.try_lock(drop_partitions.schema, job, old.partition, 'SHARE ROW EXCLUSIVE MODE') THEN
          PERFORM tenancy_steps.keep_holds_away_from(old.partition);
          PERFORM tenancy_steps.empty_default_partition(drop_partitions.schema, old.partition, control, before, keep);
        END IF;
        CONTINUE;
      END IF;
      -- In the order in which queries lock them. Once all have to wait, they don't wait for what one holds.
      EXIT WHEN NOT tenancy_steps.try_lock(drop_partitions.schema, job, parent, 'ACCESS EXCLUSIVE MODE');
      CONTINUE WHEN NOT tenancy_steps.try_lock(drop_partitions.schema, job, old.partition, 'ACCESS EXCLUSIVE MODE NOWAIT');
      -- One that is being committed keeps its own rows only. At COMMIT, it would have the whole job fail.
      PERFORM tenancy_steps.keep_holds_away_from(old.partition);
      IF keep THEN
        PERFORM tenancy.refresh_analytics(drop_partitions.schema, NULL);
        EXECUTE format('UPDATE %s.analytics_partitions SET relation = NULL WHERE relation = $1', drop_partitions.schema) USING old.partition;
      END IF;
      EXECUTE format('DROP TABLE %s', old.partition);
      PERFORM tenancy_steps.notice(format('dropped %s, which ended at %s', old.name, old.upper));
      dropped := dropped + 1;
    EXCEPTION WHEN OTHERS OR assert_failure THEN
      IF tenancy_steps.stops_job(SQLSTATE) THEN
        RAISE;
      END IF;
      PERFORM tenancy_steps.record_job_problem(drop_partitions.schema, job, old.name, SQLSTATE, SQLERRM);
    END;
  END LOOP;
  IF drop_partitions."table" = 'traces' AND to_regclass(format('%s.trace_initiators', drop_partitions.schema)) IS NOT NULL THEN
    -- The row of a trace is locked while somebody writes to it, and goes the next time.
    BEGIN
      EXECUTE format('DELETE FROM %1$s.trace_initiators i WHERE i.ctid = ANY (ARRAY(
                        SELECT o.ctid FROM %1$s.trace_initiators o WHERE %2$s FOR UPDATE SKIP LOCKED))', drop_partitions.schema, is_over) USING before;
      EXECUTE format('SELECT EXISTS (SELECT FROM %s.trace_initiators o WHERE %s)', drop_partitions.schema, is_over) INTO is_old USING before;
      IF is_old THEN
        PERFORM tenancy_steps.record_job_problem(drop_partitions.schema, job, format('%s.trace_initiators', drop_partitions.schema), '55P03',
                                                 'somebody else''s transaction uses rows of it');
      END IF;
    EXCEPTION WHEN OTHERS OR assert_failure THEN
      IF tenancy_steps.stops_job(SQLSTATE) AND SQLSTATE NOT IN ('55P03', '40P01') THEN
        RAISE;
      END IF;
      PERFORM tenancy_steps.record_job_problem(drop_partitions.schema, job, format('%s.trace_initiators', drop_partitions.schema), SQLSTATE, SQLERRM);
    END;
  END IF;
  -- Checks of foreign keys to that table have run code of others.
  PERFORM pg_catalog.set_config('lock_timeout', waiting, true);
  RETURN dropped;
END
$$;
COMMENT ON FUNCTION tenancy.drop_partitions(regnamespace, text, interval, boolean) IS 'Drops the partitions of an observability table that ended longer ago than older_than, deletes rows of that age in the default partition, and returns the number of dropped partitions; with keep_analytics, sums of logs stay; a partition that cannot be dropped is skipped with a WARNING, see job_problems';
