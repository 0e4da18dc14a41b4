-- Guard rails: what would open a protected table by mistake is refused, and partitions and children are protected as they come.
-- unprotect() is the way out; a superuser can switch the rails off by tenancy.guard_rails.

CREATE FUNCTION tenancy.guard_rails() RETURNS boolean
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'pg_tenancy_guard_rails';
COMMENT ON FUNCTION tenancy.guard_rails() IS 'Whether the setting tenancy.guard_rails is on';
REVOKE ALL ON FUNCTION tenancy.guard_rails() FROM PUBLIC;

CREATE FUNCTION tenancy.opens_table(command pg_ddl_command) RETURNS boolean
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_opens_table';
COMMENT ON FUNCTION tenancy.opens_table(pg_ddl_command) IS 'Whether a command is an ALTER TABLE that switches row security off, or no longer forces it';
REVOKE ALL ON FUNCTION tenancy.opens_table(pg_ddl_command) FROM PUBLIC;

CREATE FUNCTION tenancy.inspect_protection(
  relation regclass, OUT problem text, OUT resource text, OUT organization name, OUT workspace name, OUT owner name, OUT api_key name,
  OUT through name[], OUT shared boolean)
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_inspect_protection';
COMMENT ON FUNCTION tenancy.inspect_protection(regclass) IS 'What is wrong with the policies of a protected table, or its triggers (NULL: nothing), and the resource and columns that they name';
REVOKE ALL ON FUNCTION tenancy.inspect_protection(regclass) FROM PUBLIC;

CREATE FUNCTION tenancy.refuse_opening(relation regclass, what text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
    MESSAGE = format('table %s is protected: %s', relation, what),
    HINT = 'Use tenancy.unprotect() to take the protection away, or tenancy.protect() to change it.';
END
$$;
COMMENT ON FUNCTION tenancy.refuse_opening(regclass, text) IS 'Raises 55000 that says what would open a protected table';
REVOKE ALL ON FUNCTION tenancy.refuse_opening(regclass, text) FROM PUBLIC;

CREATE FUNCTION tenancy.protected_parent(relation regclass) RETURNS tenancy.protected_tables
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  WITH RECURSIVE ancestors AS (
    SELECT i.inhparent, 1 AS distance FROM pg_inherits i WHERE i.inhrelid = protected_parent.relation
    UNION
    SELECT i.inhparent, a.distance + 1 FROM pg_inherits i JOIN ancestors a ON i.inhrelid = a.inhparent
  )
  SELECT t.* FROM ancestors a JOIN tenancy.protected_tables t ON t.relation = a.inhparent ORDER BY a.distance LIMIT 1
$$;
COMMENT ON FUNCTION tenancy.protected_parent(regclass) IS 'The nearest table above that is protected';
REVOKE ALL ON FUNCTION tenancy.protected_parent(regclass) FROM PUBLIC;

CREATE FUNCTION tenancy.protect_child(child regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp SET tenancy.guard_rails = off AS $$
DECLARE
  parent tenancy.protected_tables := tenancy.protected_parent(child);
  other name;
BEGIN
  IF parent.relation IS NULL THEN
    RETURN;
  END IF;
  IF (SELECT c.relkind FROM pg_class c WHERE c.oid = child) NOT IN ('r', 'p') THEN
    RAISE EXCEPTION USING ERRCODE = 'wrong_object_type', MESSAGE = format('%s cannot be part of protected table %s', child, parent.relation),
      DETAIL = 'Row security works on ordinary and partitioned tables.';
  END IF;
  SELECT p.polname INTO other FROM pg_policy p WHERE p.polrelid = child AND p.polpermissive LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
      MESSAGE = format('table %s has the permissive policy "%s"', child, other),
      DETAIL = format('It becomes part of the protected table %s.', parent.relation),
      HINT = 'Drop the policy, or make it restrictive.';
  END IF;
  PERFORM tenancy.check_part_of_child(child, parent);
  PERFORM tenancy.apply_protection(child, parent);
END
$$;
COMMENT ON FUNCTION tenancy.protect_child(regclass) IS 'Protects a table as the protected table above it, if there is one';
REVOKE ALL ON FUNCTION tenancy.protect_child(regclass) FROM PUBLIC;

CREATE FUNCTION tenancy.on_ddl() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
#variable_conflict use_column
DECLARE
  command record;
  policy pg_policy;
  child regclass;
  now_named record;
BEGIN
  IF NOT tenancy.guard_rails() THEN
    RETURN;
  END IF;
  FOR command IN SELECT * FROM pg_event_trigger_ddl_commands() LOOP
    IF command.classid = 'pg_policy'::regclass THEN
      SELECT * INTO policy FROM pg_policy p WHERE p.oid = command.objid;
      CONTINUE WHEN NOT policy.polpermissive
        OR NOT EXISTS (SELECT FROM tenancy.protected_tables t WHERE t.relation = policy.polrelid);
      IF policy.polname NOT IN ('tenancy_select', 'tenancy_insert', 'tenancy_update', 'tenancy_delete') THEN
        PERFORM tenancy.refuse_opening(policy.polrelid, format('policy "%s" would show rows beside the tenancy policies; only restrictive policies may be added', policy.polname));
      END IF;
      -- While a dump is restored they come one by one.
      IF (tenancy.inspect_protection(policy.polrelid)).problem LIKE 'policy "%" has been changed' THEN
        PERFORM tenancy.refuse_opening(policy.polrelid, format('policy "%s" cannot be altered', policy.polname));
      END IF;
    ELSIF command.classid = 'pg_class'::regclass AND command.object_type IN ('table', 'table column', 'foreign table') THEN
      IF EXISTS (SELECT FROM tenancy.protected_tables t WHERE t.relation = command.objid) THEN
        IF tenancy.opens_table(command.command) THEN
          PERFORM tenancy.refuse_opening(command.objid, 'row security must stay enabled and forced');
        END IF;
        -- A column may be renamed: the policies follow by themselves.
        SELECT * INTO now_named FROM tenancy.inspect_protection(command.objid);
        UPDATE tenancy.protected_tables t
        SET organization_column = now_named.organization, workspace_column = now_named.workspace,
            owner_column = now_named.owner, api_key_column = now_named.api_key, through = now_named.through
        WHERE t.relation = command.objid AND now_named.problem IS NULL
          AND (t.organization_column, t.workspace_column, t.owner_column, t.api_key_column, t.through)
              IS DISTINCT FROM (now_named.organization, now_named.workspace, now_named.owner, now_named.api_key, now_named.through);
      END IF;
      -- pg_restore --table brings a table back with its grants, and forced row security, and leaves out what enables it.
      IF current_setting('check_function_bodies') = 'off' AND EXISTS (
        SELECT FROM pg_class c WHERE c.oid = command.objid AND c.relforcerowsecurity AND NOT c.relrowsecurity) THEN
        EXECUTE format('ALTER TABLE ONLY %s ENABLE ROW LEVEL SECURITY', command.objid::regclass);
      END IF;
      FOR child IN
        WITH RECURSIVE family AS (
          SELECT command.objid AS relid
          UNION
          SELECT i.inhrelid FROM pg_inherits i JOIN family f ON i.inhparent = f.relid
        )
        SELECT f.relid FROM family f
        WHERE NOT EXISTS (SELECT FROM tenancy.protected_tables t WHERE t.relation = f.relid) LOOP
        PERFORM tenancy.protect_child(child);
      END LOOP;
    END IF;
  END LOOP;
END
$$;
COMMENT ON FUNCTION tenancy.on_ddl() IS 'Event trigger: refuses what would open a protected table, and protects partitions and children as they are made or attached';
REVOKE ALL ON FUNCTION tenancy.on_ddl() FROM PUBLIC;
CREATE EVENT TRIGGER tenancy_ddl ON ddl_command_end
  WHEN TAG IN ('CREATE TABLE', 'CREATE TABLE AS', 'CREATE FOREIGN TABLE', 'ALTER TABLE', 'ALTER FOREIGN TABLE', 'CREATE POLICY', 'ALTER POLICY')
  EXECUTE FUNCTION tenancy.on_ddl();
COMMENT ON EVENT TRIGGER tenancy_ddl IS 'Guard rails of protected tables';
ALTER EVENT TRIGGER tenancy_ddl ENABLE ALWAYS;

CREATE FUNCTION tenancy.on_drop() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  opened regclass;
BEGIN
  -- A table that is gone must not leave a row behind that a dump could not restore.
  DELETE FROM tenancy.protected_tables t
  WHERE t.relation::oid IN (SELECT d.objid FROM pg_event_trigger_dropped_objects() d
                            WHERE d.classid = 'pg_class'::regclass AND d.objsubid = 0);
  DELETE FROM tenancy.scoped_views v
  WHERE v.view::oid IN (SELECT d.objid FROM pg_event_trigger_dropped_objects() d
                        WHERE d.classid = 'pg_class'::regclass AND d.objsubid = 0);
  IF NOT tenancy.guard_rails() THEN
    RETURN;
  END IF;
  SELECT t.relation INTO opened
  FROM pg_event_trigger_dropped_objects() d
  JOIN tenancy.protected_tables t ON t.relation = to_regclass(format('%I.%I', d.address_names[1], d.address_names[2]))
  WHERE d.object_type = 'policy'
    AND d.address_names[3] IN ('tenancy_select', 'tenancy_insert', 'tenancy_update', 'tenancy_delete')
  LIMIT 1;
  IF FOUND THEN
    PERFORM tenancy.refuse_opening(opened, 'its policies, and the columns that they need, cannot be dropped');
  END IF;
  -- Foreign keys and triggers by which rows take their tenant from a parent
  IF EXISTS (SELECT FROM pg_event_trigger_dropped_objects() d
             WHERE d.object_type = 'trigger' AND d.address_names[3] ~ '^~?tenancy_' OR d.object_type = 'table constraint') THEN
    SELECT t.relation INTO opened FROM tenancy.protected_tables t JOIN pg_class c ON c.oid = t.relation
    WHERE t.through IS NOT NULL AND (tenancy.inspect_protection(t.relation)).problem ~ '^(trigger|a trigger|column) ' LIMIT 1;
    IF FOUND THEN
      PERFORM tenancy.refuse_opening(opened, 'the foreign keys and triggers by which its rows follow their parents cannot be dropped');
    END IF;
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy.on_drop() IS 'Event trigger: forgets protected tables and scoped views that are dropped, and refuses to drop the policies of others';
REVOKE ALL ON FUNCTION tenancy.on_drop() FROM PUBLIC;
CREATE EVENT TRIGGER tenancy_drop ON sql_drop EXECUTE FUNCTION tenancy.on_drop();
COMMENT ON EVENT TRIGGER tenancy_drop IS 'Guard rails of protected tables, and forgets those that are dropped';
ALTER EVENT TRIGGER tenancy_drop ENABLE ALWAYS;
