-- Guard rails: commands that would open a protected table by mistake are refused, new partitions and children are protected,
-- and other tables that take a protected table's name are protected or closed. unprotect() is the proper way; a superuser can
-- switch the rails off with tenancy.guard_rails.

CREATE FUNCTION tenancy_internal.guard_rails() RETURNS boolean
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'pg_tenancy_guard_rails';
COMMENT ON FUNCTION tenancy_internal.guard_rails() IS 'Whether the setting tenancy.guard_rails is on';

CREATE FUNCTION tenancy_internal.inspect_command(
  command pg_ddl_command, OUT opens boolean, OUT changes_columns boolean, OUT renamed name, OUT renamed_to name,
  OUT gives_name boolean, OUT attached oid[], OUT detached oid[], OUT granted oid[], OUT member_class oid, OUT member oid)
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_inspect_command';
COMMENT ON FUNCTION tenancy_internal.inspect_command(pg_ddl_command) IS 'What a command does beyond the relation that it touched: whether it switches row security off or no longer forces it, and whether it may change columns that are there; the column that it renames; whether it renames a relation or moves it to a schema; tables that it makes partitions or children, and partitions that it detaches; relations that it grants rights on; the object that it makes a member of an extension';

CREATE FUNCTION tenancy_internal.check_renamed_value(command pg_ddl_command) RETURNS boolean
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_check_renamed_value';
COMMENT ON FUNCTION tenancy_internal.check_renamed_value(pg_ddl_command) IS 'Whether a command has renamed a value of an enumeration, or an attribute of a type, table or view; 55000 where a row under a legal hold may have it as a part of a value';

CREATE FUNCTION tenancy_internal.inspect_protection(
  relation regclass, OUT problem text, OUT resource text, OUT organization name, OUT workspace name, OUT owner name, OUT api_key name,
  OUT through name[], OUT shared boolean, OUT workspace_implies_organization boolean)
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_inspect_protection';
COMMENT ON FUNCTION tenancy_internal.inspect_protection(regclass) IS 'What is wrong with the policies of a protected table, or its triggers (NULL: nothing), and the resource and columns that they name';

CREATE FUNCTION tenancy_internal.refuse_opening(relation regclass, what text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
    MESSAGE = format('table %s is protected: %s', refuse_opening.relation, refuse_opening.what),
    HINT = 'Use tenancy.unprotect() to take the protection away, or tenancy.protect() to change it.';
END
$$;
COMMENT ON FUNCTION tenancy_internal.refuse_opening(regclass, text) IS 'Raises 55000 that says what would open a protected table';

CREATE FUNCTION tenancy_internal.refuse_reopening(relation regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = format('table %s is closed', refuse_reopening.relation),
    HINT = format('Use tenancy.protect(%L, ...), or tenancy.forget(%1$L) if it holds nothing of tenants.', refuse_reopening.relation::text);
END
$$;
COMMENT ON FUNCTION tenancy_internal.refuse_reopening(regclass) IS 'Raises 55000 for a table that guard rails have closed';

CREATE FUNCTION tenancy_internal.entity_of(relation regclass, "column" name) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT CASE entity_of."column" WHEN t.organization_column THEN 'organization' WHEN t.workspace_column THEN 'workspace'
                                 WHEN t.owner_column THEN 'user' WHEN t.writer_column THEN 'user' WHEN t.api_key_column THEN 'api_key' END
  FROM tenancy.protected_tables t WHERE t.relation = entity_of.relation
$$;
COMMENT ON FUNCTION tenancy_internal.entity_of(regclass, name) IS 'What a column of a protected table names: organization, workspace, user, api_key';

CREATE FUNCTION tenancy_internal.close_child(child regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF (SELECT c.relkind FROM pg_class c WHERE c.oid = close_child.child) NOT IN ('r', 'p') THEN
    RAISE EXCEPTION USING ERRCODE = 'wrong_object_type', MESSAGE = format('%s cannot be part of a table that is closed', close_child.child),
      DETAIL = 'Row security does not apply to foreign tables.';
  END IF;
  PERFORM tenancy_internal.close_table(close_child.child, 'it is part of a table that is closed',
    'Protect that table, or use tenancy.forget().');
END
$$;
COMMENT ON FUNCTION tenancy_internal.close_child(regclass) IS 'Closes a table that has become part of a closed one; 42809 for a foreign table';

CREATE FUNCTION tenancy_internal.keep_writers_of(child regclass, parent regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp SET tenancy.guard_rails = off AS $$
BEGIN
  IF EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = keep_writers_of.parent AND p.polname = 'written_by_session' AND NOT p.polpermissive)
     AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = keep_writers_of.child AND a.attname = 'written_by' AND a.atttypid = 'uuid'::regtype) THEN
    PERFORM tenancy_steps.keep_writer(keep_writers_of.child);
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_internal.keep_writers_of(regclass, regclass) IS 'Lets a partition of an observability table say who wrote a row, as the table above it does';

CREATE FUNCTION tenancy_internal.protect_child(child regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp SET tenancy.guard_rails = off AS $$
DECLARE
  parent tenancy.protected_tables := tenancy_internal.protected_parent(protect_child.child);
  other name;
BEGIN
  IF parent.relation IS NULL THEN
    IF EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = protect_child.child AND tenancy_internal.is_closed(i.inhparent))
      AND NOT tenancy_internal.is_closed(protect_child.child) THEN
      PERFORM tenancy_internal.check_owner(protect_child.child);
      PERFORM tenancy_internal.close_child(protect_child.child);
    END IF;
    RETURN;
  END IF;
  IF (SELECT c.relkind FROM pg_class c WHERE c.oid = protect_child.child) NOT IN ('r', 'p') THEN
    RAISE EXCEPTION USING ERRCODE = 'wrong_object_type', MESSAGE = format('%s cannot be part of protected table %s',
      protect_child.child, parent.relation),
      DETAIL = 'Row security does not apply to foreign tables: rows that are routed there would not be checked.',
      HINT = 'Protect it on the server where it lies.';
  END IF;
  SELECT p.polname INTO other FROM pg_policy p WHERE p.polrelid = protect_child.child AND p.polpermissive LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
      MESSAGE = format('table %s has the permissive policy "%s"', protect_child.child, other),
      DETAIL = format('It becomes part of the protected table %s.', parent.relation),
      HINT = 'Drop the policy, or make it restrictive.';
  END IF;
  PERFORM tenancy_internal.check_owner(protect_child.child);
  PERFORM tenancy_internal.check_part_of_child(protect_child.child, parent);
  PERFORM tenancy_internal.apply_protection(protect_child.child, parent);
  PERFORM tenancy_internal.keep_writers_of(protect_child.child, parent.relation);
END
$$;
COMMENT ON FUNCTION tenancy_internal.protect_child(regclass) IS 'Protects a table as the protected table above it, if there is one, or closes it, if the table above it is closed';

-- A column may be renamed: the policies follow by themselves, and the record follows here. A column with the principal as
-- default keeps that, or gets a default of the user's.
CREATE FUNCTION tenancy_internal.follow_columns(relation regclass, renamed name, renamed_to name) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  filled record;
BEGIN
  IF follow_columns.renamed IS NOT NULL THEN
    UPDATE tenancy.protected_tables t
    SET organization_column = CASE t.organization_column WHEN follow_columns.renamed THEN follow_columns.renamed_to
      ELSE t.organization_column END,
        workspace_column = CASE t.workspace_column WHEN follow_columns.renamed THEN follow_columns.renamed_to ELSE t.workspace_column END,
        writer_column = CASE t.writer_column WHEN follow_columns.renamed THEN follow_columns.renamed_to ELSE t.writer_column END,
        owner_column = CASE t.owner_column WHEN follow_columns.renamed THEN follow_columns.renamed_to ELSE t.owner_column END,
        api_key_column = CASE t.api_key_column WHEN follow_columns.renamed THEN follow_columns.renamed_to ELSE t.api_key_column END,
        payload = array_replace(t.payload, follow_columns.renamed, follow_columns.renamed_to),
          through = array_replace(t.through, follow_columns.renamed, follow_columns.renamed_to),
          actions = tenancy_internal.actions_renamed(t.actions, follow_columns.renamed, follow_columns.renamed_to),
        defaulted_columns = array_replace(t.defaulted_columns, follow_columns.renamed, follow_columns.renamed_to)
    FROM tenancy_internal.family_of(follow_columns.relation) f (relid)
    WHERE t.relation = f.relid
      AND (follow_columns.renamed IN (t.organization_column, t.workspace_column, t.owner_column, t.api_key_column, t.writer_column)
           OR follow_columns.renamed = ANY (t.payload) OR follow_columns.renamed = ANY (t.through)
             OR follow_columns.renamed = ANY (t.defaulted_columns)
             OR jsonb_path_exists(t.actions, '$.*[*] ? (@ == $renamed)', jsonb_build_object('renamed', follow_columns.renamed::text)))
      AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = f.relid AND a.attname = follow_columns.renamed AND NOT a.attisdropped)
      AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = f.relid AND a.attname = follow_columns.renamed_to AND NOT a.attisdropped);
    PERFORM tenancy_internal.follow_kept_columns(follow_columns.relation, follow_columns.renamed, follow_columns.renamed_to);
    RETURN;
  END IF;
  PERFORM tenancy_internal.follow_kept_columns(follow_columns.relation, NULL, NULL);
  -- Their conditions hold the defaults that columns had. Those that are missing yet are for a dump to bring, as above.
  PERFORM tenancy_internal.make_action_triggers(t.relation, t) FROM tenancy_internal.family_of(follow_columns.relation) f (relid)
  JOIN tenancy.protected_tables t ON t.relation = f.relid
  WHERE t.actions IS NOT NULL AND (current_setting('check_function_bodies') <> 'off' OR tenancy_internal.problem_of_actions(t.relation, t.actions) IS NULL);
  FOR filled IN
    -- Table by table, by their indexes: a join would read all of pg_attribute.
    SELECT t.relation, a.attname AS column_name, a.atthasdef FROM tenancy_internal.family_of(follow_columns.relation) f (relid)
    CROSS JOIN LATERAL (SELECT * FROM tenancy.protected_tables t WHERE t.relation = f.relid OFFSET 0) t
    CROSS JOIN LATERAL (SELECT * FROM pg_attribute a WHERE a.attrelid = t.relation AND a.attname = ANY (t.defaulted_columns)
                                                       AND NOT a.attisdropped OFFSET 0) a
    WHERE NOT a.atthasdef OR NOT tenancy_internal.is_attribution(t.relation, a.attnum) LOOP
    IF NOT filled.atthasdef THEN
      RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
        MESSAGE = format('table %s is protected: column "%s" is filled in from the session''s principal', filled.relation, filled.column_name),
        DETAIL = 'Without its default, rows that do not name it would be refused.',
        HINT = format('Leave its default, %s, alone (a migration tool that drops it has to be told of it), or set another one.',
                      tenancy_internal.attribution_default(filled.relation, filled.column_name,
                        tenancy_internal.entity_of(filled.relation, filled.column_name)));
    END IF;
    UPDATE tenancy.protected_tables t SET defaulted_columns = array_remove(t.defaulted_columns, filled.column_name)
    WHERE t.relation = filled.relation;
    PERFORM tenancy_steps.notice(format('column "%s" of table %s keeps a default of its own', filled.column_name, filled.relation),
      detail => 'A row whose value isn''t the principal''s is refused on INSERT.');
  END LOOP;
END
$$;
COMMENT ON FUNCTION tenancy_internal.follow_columns(regclass, name, name) IS 'Makes the records of a table, and its partitions and children, follow a renamed column; without one, raises 55000 when a default that protect() set has been dropped';

CREATE FUNCTION tenancy_internal.guard_relation(
  relation regclass, command_tag text, opens boolean, changes_columns boolean, renamed name, renamed_to name,
  gives_name boolean, attached oid[])
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  class pg_class;
  recorded boolean;
  closed boolean;
  related boolean;
  named boolean;
  now_named record;
  other regclass;
  attachment record;
BEGIN
  SELECT * INTO class FROM pg_class c WHERE c.oid = guard_relation.relation;
  IF class.relkind = 'c' THEN
    -- Columns of a typed table are those of its type.
    PERFORM tenancy_internal.guard_relation(k.oid, guard_relation.command_tag, guard_relation.opens, guard_relation.changes_columns,
      guard_relation.renamed, guard_relation.renamed_to, guard_relation.gives_name, guard_relation.attached)
    FROM (SELECT DISTINCT d.objid FROM pg_depend d
          WHERE d.refclassid = 'pg_type'::regclass AND d.refobjid = class.reltype AND d.classid = 'pg_class'::regclass) d
    JOIN pg_class k ON k.oid = d.objid AND k.reloftype = class.reltype;
    RETURN;
  END IF;
  SELECT EXISTS (SELECT FROM tenancy.protected_tables t WHERE t.relation = guard_relation.relation),
         EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = guard_relation.relation AND p.polname = 'tenancy_closed'),
         class.relhassubclass OR EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = guard_relation.relation),
         EXISTS (SELECT FROM tenancy.protected_names k
                 WHERE k.table_name = class.relname
                   AND k.schema_name = (SELECT n.nspname FROM pg_namespace n WHERE n.oid = class.relnamespace))
    INTO recorded, closed, related, named;
  IF guard_relation.opens AND (recorded OR tenancy_internal.is_protected_elsewhere(guard_relation.relation)) THEN
    PERFORM tenancy_internal.refuse_opening(guard_relation.relation, 'row security must stay enabled and forced');
  ELSIF guard_relation.opens AND closed THEN
    PERFORM tenancy_internal.refuse_reopening(guard_relation.relation);
  END IF;
  IF guard_relation.renamed IS NOT NULL AND class.relkind IN ('r', 'p') THEN
    PERFORM tenancy_internal.check_kept_names(guard_relation.relation, guard_relation.renamed);
  END IF;
  IF (guard_relation.changes_columns OR guard_relation.renamed IS NOT NULL) AND (recorded OR related) THEN
    PERFORM tenancy_internal.follow_columns(guard_relation.relation, guard_relation.renamed, guard_relation.renamed_to);
  END IF;
  -- pg_restore --table restores a table with its grants and forced row security, but without enabling it.
  IF current_setting('check_function_bodies') = 'off' AND class.relforcerowsecurity AND NOT class.relrowsecurity THEN
    PERFORM tenancy_internal.keep_name(guard_relation.relation);
    EXECUTE format('ALTER TABLE ONLY %s ENABLE ROW LEVEL SECURITY', guard_relation.relation);
  END IF;

  IF related THEN
    FOR attachment IN
      SELECT a.child, i.inhparent::regclass AS parent, tenancy_internal.is_closed(a.child) AS closed
      FROM unnest(guard_relation.attached) a (child) JOIN pg_inherits i ON i.inhrelid = a.child
      WHERE (tenancy_internal.is_closed(a.child) OR EXISTS (SELECT FROM tenancy.protected_tables t WHERE t.relation = a.child))
        AND NOT tenancy_internal.is_closed(i.inhparent)
        AND NOT EXISTS (SELECT FROM tenancy.protected_tables t WHERE t.relation = i.inhparent) LOOP
      IF attachment.closed THEN
        PERFORM tenancy_internal.refuse_reopening(attachment.child);
      END IF;
      PERFORM tenancy_internal.refuse_opening(attachment.child, format('its rows could be read through %s, which is not', attachment.parent));
    END LOOP;
    FOR other IN
      WITH RECURSIVE family AS (
        SELECT guard_relation.relation::oid AS relid, 0 AS depth
        UNION
        SELECT i.inhrelid, f.depth + 1 FROM pg_inherits i JOIN family f ON i.inhparent = f.relid
      )
      SELECT f.relid FROM family f
      WHERE NOT EXISTS (SELECT FROM tenancy.protected_tables t WHERE t.relation = f.relid)
      GROUP BY f.relid ORDER BY max(f.depth) LOOP
      PERFORM tenancy_internal.protect_child(other);
    END LOOP;
  END IF;

  IF recorded THEN
    SELECT * INTO now_named FROM tenancy_internal.inspect_protection(guard_relation.relation);
    UPDATE tenancy.protected_tables t
    SET organization_column = now_named.organization, workspace_column = now_named.workspace,
        owner_column = now_named.owner, api_key_column = now_named.api_key, through = now_named.through
    WHERE t.relation = guard_relation.relation AND now_named.problem IS NULL
      AND (t.organization_column, t.workspace_column, t.owner_column, t.api_key_column, t.through)
          IS DISTINCT FROM (now_named.organization, now_named.workspace, now_named.owner, now_named.api_key, now_named.through);
    IF guard_relation.gives_name THEN
      PERFORM tenancy_internal.take_kept(guard_relation.relation, tenancy_internal.remembered_name(guard_relation.relation));
    END IF;
    PERFORM tenancy_internal.remember_name(guard_relation.relation, NOT guard_relation.gives_name);
  ELSIF NOT closed
    AND NOT EXISTS (SELECT FROM tenancy.protected_tables t WHERE t.relation = guard_relation.relation) THEN
    -- A whole restore has made the table before names are there, and brings its protection, or its being closed, at the end.
    -- It renames nothing.
    IF named AND (guard_relation.gives_name
                  OR guard_relation.command_tag IN ('CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO', 'CREATE SCHEMA',
                                                    'CREATE FOREIGN TABLE', 'IMPORT FOREIGN SCHEMA')
                  OR current_setting('check_function_bodies') <> 'off') THEN
      PERFORM tenancy_internal.take_name(guard_relation.relation, guard_relation.command_tag NOT LIKE 'ALTER %');
    END IF;
    IF NOT class.relrowsecurity AND current_setting('check_function_bodies') <> 'off' THEN
      PERFORM tenancy_internal.close_copy(guard_relation.relation);
    END IF;
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_internal.guard_relation(regclass, text, boolean, boolean, name, name, boolean, oid[]) IS 'What guard rails have to say to a relation that a command has touched';

-- Its tables have new names.
CREATE FUNCTION tenancy_internal.guard_renamed(relations oid[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  it record;
BEGIN
  FOR it IN
    SELECT c.oid, t.relation IS NOT NULL AS recorded FROM unnest(guard_renamed.relations) r (relid)
    JOIN pg_class c ON c.oid = r.relid JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN tenancy.protected_tables t ON t.relation = c.oid
    LEFT JOIN tenancy.protected_names k ON k.schema_name = n.nspname AND k.table_name = c.relname
    WHERE c.relkind IN ('r', 'p', 'f') AND c.relpersistence <> 't'
      AND (t.relation IS NOT NULL OR k.table_name IS NOT NULL AND NOT tenancy_internal.is_closed(c.oid)) LOOP
    IF it.recorded THEN
      PERFORM tenancy_internal.take_kept(it.oid, tenancy_internal.remembered_name(it.oid));
      PERFORM tenancy_internal.remember_name(it.oid, false);
    ELSE
      PERFORM tenancy_internal.take_name(it.oid, false);
    END IF;
  END LOOP;
END
$$;
COMMENT ON FUNCTION tenancy_internal.guard_renamed(oid[]) IS 'What guard rails have to say to relations whose schema''s name is another now';

-- A dump leaves members of extensions out, and a table whose schema or type is one cannot be restored.
CREATE FUNCTION tenancy_internal.guard_member(member_class oid, member oid) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  left_out regclass;
BEGIN
  SELECT t.relation INTO left_out FROM tenancy.protected_tables t
  WHERE (guard_member.member_class, guard_member.member) = ('pg_class'::regclass, t.relation::oid) OR EXISTS (
    SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = t.relation AND d.deptype = 'n'
      AND (d.refclassid, d.refobjid) = (guard_member.member_class, guard_member.member))
  ORDER BY t.relation LIMIT 1;
  IF FOUND THEN
    PERFORM tenancy_internal.refuse_opening(left_out, 'as a member of an extension, it, or what it needs, would be left out of dumps');
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_internal.guard_member(oid, oid) IS 'Raises 55000 where what becomes a member of an extension is a protected table, or its schema, or the type of a column';

-- By the relations touched, and not by the command's name: CREATE SCHEMA creates tables, ALTER VIEW renames a table's column. The command
-- need not be one of the owner of all that they lead to, such as partitions, or tables of a schema.
CREATE FUNCTION tenancy_internal.on_ddl() RETURNS event_trigger
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  command record;
BEGIN
  PERFORM tenancy_internal.refresh_scoped_views(r.polrelid)
  FROM (SELECT DISTINCT p.polrelid FROM pg_event_trigger_ddl_commands() c JOIN pg_policy p ON p.oid = c.objid
        WHERE c.classid = 'pg_policy'::regclass AND NOT p.polpermissive AND p.polcmd IN ('r', '*')) r;
  -- Our own commands also fire this trigger.
  IF NOT tenancy_internal.guard_rails() THEN
    RETURN;
  END IF;
  -- Of tables, types, functions and extensions alike, and also where a restore is pretended
  PERFORM tenancy_internal.check_lasting(c.classid, c.objid) FROM pg_event_trigger_ddl_commands() c
  WHERE c.classid IN ('pg_class'::regclass, 'pg_type'::regclass, 'pg_proc'::regclass, 'pg_extension'::regclass)
    AND c.command_tag <> 'COMMENT' AND c.schema_name IS DISTINCT FROM 'pg_temp';
  PERFORM tenancy_internal.guard_own_policy(c.objid, tenancy_internal.former_policy_name(c.command)) FROM pg_event_trigger_ddl_commands() c
  WHERE c.classid = 'pg_policy'::regclass AND c.command_tag = 'ALTER POLICY';
  PERFORM tenancy_internal.check_renamed_value(c.command) FROM pg_event_trigger_ddl_commands() c
  WHERE c.command_tag LIKE 'ALTER %' AND c.classid IN ('pg_class'::regclass, 'pg_type'::regclass);
  FOR command IN
    SELECT c.classid, c.objid, c.command_tag, c.in_extension, e.*
    FROM (SELECT * FROM pg_event_trigger_ddl_commands() c
          WHERE c.classid IN ('pg_class'::regclass, 'pg_policy'::regclass, 'pg_namespace'::regclass, 'pg_extension'::regclass)
                AND c.command_tag NOT IN ('COMMENT', 'SECURITY LABEL', 'CREATE SCHEMA', 'CREATE EXTENSION')
             OR c.command_tag = 'GRANT') c
    LEFT JOIN pg_class k ON c.classid = 'pg_class'::regclass AND k.oid = c.objid
    LEFT JOIN LATERAL tenancy_internal.inspect_command(c.command) e ON k.oid IS NOT NULL OR c.command_tag IN ('GRANT', 'ALTER EXTENSION')
    WHERE k.oid IS NULL OR k.relkind IN ('r', 'p', 'f', 'c') AND k.relpersistence <> 't' LOOP
    PERFORM tenancy_internal.require_current('{tenancy.protected_tables,tenancy.protected_names,tenancy_internal.kept_tables}');
    CASE
      WHEN command.classid = 'pg_policy'::regclass THEN
        PERFORM tenancy_internal.guard_policy(command.objid);
      WHEN command.classid = 'pg_class'::regclass THEN
        PERFORM tenancy_internal.guard_relation(command.objid, command.command_tag, command.opens, command.changes_columns,
                                       command.renamed, command.renamed_to, command.gives_name, command.attached);
        PERFORM tenancy_internal.keep_detached(d.partition, command.objid), tenancy_internal.remember_name(d.partition, false)
        FROM unnest(command.detached) d (partition);
      WHEN command.classid = 'pg_namespace'::regclass THEN
        PERFORM tenancy_internal.guard_renamed(array_agg(c.oid)) FROM pg_class c WHERE c.relnamespace = command.objid;
      WHEN command.classid = 'pg_extension'::regclass THEN
        -- The script of an extension may add what is its own: CREATE EXTENSION brings it wherever a dump is restored.
        IF NOT command.in_extension THEN
          PERFORM tenancy_internal.guard_member(command.member_class, command.member);
        END IF;
        PERFORM tenancy_internal.guard_renamed(array_agg(d.objid)) FROM pg_depend d
        WHERE d.refclassid = 'pg_extension'::regclass AND d.refobjid = command.objid AND d.classid = 'pg_class'::regclass;
      ELSE
        PERFORM tenancy_internal.close_copy(g.relid) FROM unnest(command.granted) g (relid);
    END CASE;
  END LOOP;
END
$$;
COMMENT ON FUNCTION tenancy_internal.on_ddl() IS 'Event trigger: refuses what would open a protected table, protects partitions and children as they are made or attached, protects or closes what takes a protected table''s place, and has scoped views follow restrictive policies';

CREATE FUNCTION tenancy_internal.on_drop() RETURNS event_trigger
LANGUAGE tenancy_unit SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  opened regclass;
BEGIN
  -- A dropped table must not leave a row that a dump could not restore.
  DELETE FROM tenancy.protected_tables t
  WHERE t.relation::oid IN (SELECT d.objid FROM pg_event_trigger_dropped_objects() d
                            WHERE d.classid = 'pg_class'::regclass AND d.objsubid = 0);
  DELETE FROM tenancy_internal.kept_tables k
  WHERE k.relation::oid IN (SELECT d.objid FROM pg_event_trigger_dropped_objects() d
                            WHERE d.classid = 'pg_class'::regclass AND d.objsubid = 0);
  -- Names that the dropped table had once go to the protected table that has them now.
  PERFORM tenancy_internal.forget_name(k)
  FROM pg_event_trigger_dropped_objects() d JOIN tenancy.protected_names k ON k.holder = d.objid
  JOIN tenancy.protected_tables t ON t.relation = to_regclass(format('%I.%I', k.schema_name, k.table_name))
  WHERE d.classid = 'pg_class'::regclass AND d.objsubid = 0 AND (tenancy_internal.protected_parent(t.relation)).relation IS NULL;
  UPDATE tenancy.protected_names k
  SET holder = NULL, holder_role = CASE WHEN (k.schema_name, k.table_name) = (d.schema_name, d.object_name)
    THEN coalesce((SELECT r.rolname FROM pg_roles r WHERE r.oid = tenancy_internal.owner_of_dropped(d.objid)), k.holder_role) ELSE k.holder_role END
  FROM pg_event_trigger_dropped_objects() d WHERE d.classid = 'pg_class'::regclass AND d.objsubid = 0 AND k.holder = d.objid;
  DELETE FROM tenancy.scoped_views v
  WHERE v.view::oid IN (SELECT d.objid FROM pg_event_trigger_dropped_objects() d
                        WHERE d.classid = 'pg_class'::regclass AND d.objsubid = 0);
  -- Views of a table whose protection is being taken away stay as they are.
  PERFORM tenancy_internal.refresh_scoped_views(r.relation)
  FROM (SELECT DISTINCT t.relation FROM pg_event_trigger_dropped_objects() d
        JOIN tenancy.protected_tables t ON t.relation = to_regclass(format('%I.%I', d.address_names[1], d.address_names[2]))
        WHERE d.object_type = 'policy' AND d.address_names[3] <> ALL ('{tenancy_select,tenancy_insert,tenancy_update,tenancy_delete}')) r;
  IF NOT tenancy_internal.guard_rails() THEN
    RETURN;
  END IF;
  SELECT t.relation INTO opened
  FROM pg_event_trigger_dropped_objects() d
  JOIN tenancy.protected_tables t ON t.relation = to_regclass(format('%I.%I', d.address_names[1], d.address_names[2]))
  WHERE d.object_type = 'policy'
    AND d.address_names[3] IN ('tenancy_select', 'tenancy_insert', 'tenancy_update', 'tenancy_delete')
  LIMIT 1;
  IF FOUND THEN
    PERFORM tenancy_internal.refuse_opening(opened, 'its policies, and the columns that they need, cannot be dropped');
  END IF;
  SELECT to_regclass(format('%I.%I', d.address_names[1], d.address_names[2])) INTO opened
  FROM pg_event_trigger_dropped_objects() d
  WHERE d.object_type = 'policy' AND d.address_names[3] = 'tenancy_closed'
    AND to_regclass(format('%I.%I', d.address_names[1], d.address_names[2])) IS NOT NULL
  LIMIT 1;
  IF FOUND THEN
    PERFORM tenancy_internal.refuse_reopening(opened);
  END IF;
  SELECT r.relation INTO opened FROM (
    SELECT DISTINCT to_regclass(format('%I.%I', d.address_names[1], d.address_names[2])) AS relation FROM pg_event_trigger_dropped_objects() d
    WHERE d.object_type = 'policy' AND d.address_names[3] IN ('tenancy_retention', 'tenancy_retention_update', 'tenancy_retention_delete')
       OR d.object_type = 'trigger' AND starts_with(d.address_names[3], '~~tenancy_keep_row')) r
  WHERE (tenancy_internal.kept_above(r.relation)).relation IS NOT NULL LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = format('table %s follows the logging settings', opened),
      DETAIL = 'Its triggers "~~tenancy_keep_row...", its policies "tenancy_retention..." and its column "received_at" cannot be dropped.',
      HINT = format('Use tenancy.ignore_logging_settings(%L) if it is no longer to follow them.', (tenancy_internal.kept_above(opened)).relation::text);
  END IF;
  -- Triggers that require actions: dropped by themselves, or with one of the columns.
  SELECT t.relation INTO opened FROM pg_event_trigger_dropped_objects() d
  JOIN tenancy.protected_tables t ON t.relation = to_regclass(format('%I.%I', d.address_names[1], d.address_names[2]))
  WHERE d.object_type = 'trigger' AND d.address_names[3] ~ '^~+tenancy_action_' AND t.actions IS NOT NULL LIMIT 1;
  IF FOUND THEN
    PERFORM tenancy_internal.refuse_opening(opened, 'the triggers that ask for the permission to change a column, and these columns, cannot be dropped');
  END IF;
  -- Foreign keys and triggers of child tables: checks only tables of which the command dropped one. Others may be locked or
  -- broken by other sessions.
  IF EXISTS (SELECT FROM pg_event_trigger_dropped_objects() d
             WHERE d.object_type = 'trigger' AND d.address_names[3] ~ '^~?tenancy_' OR d.object_type = 'table constraint') THEN
    SELECT t.relation INTO opened
    FROM pg_event_trigger_dropped_objects() d
    JOIN tenancy.protected_tables t ON t.relation = to_regclass(format('%I.%I', d.address_names[1], d.address_names[2]))
      OR EXISTS (SELECT FROM tenancy_internal.parents_of(t.relation) p
                 WHERE (p.parent).relation = to_regclass(format('%I.%I', d.address_names[1], d.address_names[2])))
    WHERE t.through IS NOT NULL AND d.object_type IN ('trigger', 'table constraint')
      AND (tenancy_internal.inspect_protection(t.relation)).problem ~ '^(trigger|a trigger|column) ' LIMIT 1;
    IF FOUND THEN
      PERFORM tenancy_internal.refuse_opening(opened, 'the foreign keys and triggers by which its rows follow their parents cannot be dropped');
    END IF;
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_internal.on_drop() IS 'Event trigger: forgets protected tables and scoped views that are dropped, and refuses to drop the policies of others';
