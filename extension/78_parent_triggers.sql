-- The triggers by which rows take their tenant from a parent row, and follow it. See docs/design/child-tables.md.

CREATE FUNCTION tenancy_internal.take_from_parent() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'pg_tenancy_take_from_parent';
COMMENT ON FUNCTION tenancy_internal.take_from_parent() IS 'Trigger of a child table: a row takes its tenant from its parent row, and holds that FOR KEY SHARE';

CREATE FUNCTION tenancy_internal.hold_parent() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'pg_tenancy_hold_parent';
COMMENT ON FUNCTION tenancy_internal.hold_parent() IS 'Trigger of a parent: a row that moves to another tenant is held FOR UPDATE, so that no child is added meanwhile';

CREATE FUNCTION tenancy_internal.keep_children() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'pg_tenancy_keep_children';
COMMENT ON FUNCTION tenancy_internal.keep_children() IS 'Trigger of a parent: raises 23000 for a row whose key was another one''s in the transaction, and still is that of rows of another tenant';

CREATE FUNCTION tenancy_internal.move_children() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'pg_tenancy_move_children';
COMMENT ON FUNCTION tenancy_internal.move_children() IS 'Trigger of a parent: the rows that refer to a row that has moved go along';

CREATE FUNCTION tenancy_internal.check_parents() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'pg_tenancy_check_parents';
COMMENT ON FUNCTION tenancy_internal.check_parents() IS 'Trigger: raises 23000 when the parents of a row are of two tenants';

-- Foreign keys of one column each to protected tables. Those of partitions are their table's.
CREATE FUNCTION tenancy_internal.parents_of(relation regclass)
RETURNS TABLE (referring name, parent tenancy.protected_tables, key name, usable boolean, sets_default boolean)
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT mine.attname, t, theirs.attname, k.convalidated AND coalesce((to_jsonb(k) ->> 'conenforced')::boolean, true),
         'd' IN (k.confdeltype, k.confupdtype)
  FROM pg_constraint k JOIN tenancy.protected_tables t ON t.relation = k.confrelid
  JOIN pg_attribute mine ON mine.attrelid = k.conrelid AND mine.attnum = k.conkey[1]
  JOIN pg_attribute theirs ON theirs.attrelid = k.confrelid AND theirs.attnum = k.confkey[1]
  WHERE k.conrelid = parents_of.relation AND k.contype = 'f' AND cardinality(k.conkey) = 1
    AND NOT EXISTS (SELECT FROM pg_constraint above WHERE above.oid = k.conparentid AND above.conrelid = k.conrelid)
  ORDER BY NOT mine.attnotnull, mine.attnum
$$;
COMMENT ON FUNCTION tenancy_internal.parents_of(regclass) IS 'Protected tables that a table refers to by a single column, by which it could be protected through them';

CREATE FUNCTION tenancy_internal.children_of(relation regclass) RETURNS SETOF tenancy.protected_tables
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT t.* FROM tenancy.protected_tables t
  WHERE t.through IS NOT NULL AND EXISTS (
    SELECT FROM tenancy_internal.parents_of(t.relation) p
    WHERE p.referring = ANY (t.through) AND (p.parent).relation = children_of.relation)
$$;
COMMENT ON FUNCTION tenancy_internal.children_of(regclass) IS 'Tables that are protected through a table';

CREATE FUNCTION tenancy_internal.leave_parents(relation regclass) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp SET tenancy.guard_rails = off AS $$
DECLARE
  gone record;
  parents oid[];
BEGIN
  SELECT array_agg(t.tgrelid) INTO parents FROM pg_trigger t
  WHERE t.tgconstrrelid = leave_parents.relation AND t.tgparentid = 0
    AND t.tgfoid IN ('tenancy_internal.move_children'::regproc, 'tenancy_internal.check_parents'::regproc);
  FOR gone IN
    SELECT t.tgname, t.tgrelid::regclass AS relation FROM pg_trigger t
    WHERE t.tgparentid = 0
      AND (t.tgrelid = leave_parents.relation AND t.tgfoid = 'tenancy_internal.take_from_parent'::regproc
           OR t.tgrelid = leave_parents.relation AND t.tgfoid = 'tenancy_internal.check_parents'::regproc AND t.tgconstrrelid = 0
           OR t.tgconstrrelid = leave_parents.relation
              AND t.tgfoid IN ('tenancy_internal.move_children'::regproc, 'tenancy_internal.check_parents'::regproc)) LOOP
    PERFORM tenancy_internal.keep_name(gone.relation);
    EXECUTE format('DROP TRIGGER %I ON %s', gone.tgname, gone.relation);
  END LOOP;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  FOR gone IN
    SELECT t.tgname, t.tgrelid::regclass AS relation FROM pg_trigger t
    WHERE t.tgrelid = ANY (parents) AND t.tgfoid IN ('tenancy_internal.hold_parent'::regproc, 'tenancy_internal.keep_children'::regproc) AND t.tgparentid = 0
      AND NOT EXISTS (SELECT FROM pg_trigger other WHERE other.tgrelid = t.tgrelid AND other.tgconstrrelid <> 0
                        AND other.tgfoid IN ('tenancy_internal.move_children'::regproc, 'tenancy_internal.check_parents'::regproc)) LOOP
    PERFORM tenancy_internal.keep_name(gone.relation);
    EXECUTE format('DROP TRIGGER %I ON %s', gone.tgname, gone.relation);
  END LOOP;
  RETURN true;
END
$$;
COMMENT ON FUNCTION tenancy_internal.leave_parents(regclass) IS 'Drops the triggers by which a table takes its tenant from its parents; whether there were any';

-- As they are stored: a column's own equality can call values equal that the foreign key tells apart.
CREATE FUNCTION tenancy_internal.trigger_condition(columns name[]) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT format('pg_catalog.record_image_ne(ROW(%s), ROW(%s))', string_agg(format('OLD.%I', c), ', ' ORDER BY n), string_agg(format('NEW.%I', c), ', ' ORDER BY n))
  FROM unnest(trigger_condition.columns) WITH ORDINALITY u (c, n)
$$;
COMMENT ON FUNCTION tenancy_internal.trigger_condition(name[]) IS 'A condition for a trigger: what is stored in one of the columns changes';

-- The trigger's name identifies the child, and must be free on the parent.
CREATE FUNCTION tenancy_internal.trigger_name(relation regclass, child regclass) RETURNS name
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT free.trigger_name::name
  FROM pg_class c, generate_series(1, 1000) n,
  LATERAL (SELECT left('tenancy_children_' || c.relname, 58) || CASE n WHEN 1 THEN '' ELSE '_' || n END) free (trigger_name)
  WHERE c.oid = trigger_name.child
    AND NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = trigger_name.relation AND t.tgname = free.trigger_name)
  ORDER BY n LIMIT 1
$$;
COMMENT ON FUNCTION tenancy_internal.trigger_name(regclass, regclass) IS 'A name for a trigger of a parent about a child table';

-- Triggers fire in the order of their names: ~ comes after every letter, so that no other BEFORE trigger changes the row after
-- these. AFTER UPDATE has no column list, since that is compared with the columns in the statement and not with those that
-- BEFORE triggers change. ALWAYS: rows that logical replication writes have a tenant as well, and follow their parents.
CREATE FUNCTION tenancy_internal.make_child_triggers(relation regclass, wanted tenancy.protected_tables) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp SET tenancy.guard_rails = off AS $$
DECLARE
  trigger_name name;
  copied name[] := ARRAY(SELECT c.copy FROM tenancy_internal.copied_columns(make_child_triggers.relation, make_child_triggers.wanted) c);
  parts text := (SELECT string_agg(quote_literal(x), ', ') FROM unnest(
    array_fill('parent'::text, ARRAY[cardinality(make_child_triggers.wanted.through)])
      || ARRAY(SELECT c.part FROM tenancy_internal.copied_columns(make_child_triggers.relation, make_child_triggers.wanted) c)) x);
  originals name[] := ARRAY(SELECT c.original FROM tenancy_internal.copied_columns(make_child_triggers.relation,
    make_child_triggers.wanted) c);
  parent tenancy.protected_tables;
BEGIN
  PERFORM tenancy_internal.check_partition_keys(make_child_triggers.relation);
  EXECUTE format('CREATE TRIGGER "~tenancy_insert" BEFORE INSERT ON %s FOR EACH ROW EXECUTE FUNCTION tenancy_internal.take_from_parent(%s)',
                 make_child_triggers.relation, parts);
  EXECUTE format('CREATE TRIGGER "~tenancy_update" BEFORE UPDATE ON %s FOR EACH ROW WHEN (%s) EXECUTE FUNCTION tenancy_internal.take_from_parent(%s)',
                 make_child_triggers.relation, tenancy_internal.trigger_condition(make_child_triggers.wanted.through || copied), parts);
  EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER "~tenancy_insert", ENABLE ALWAYS TRIGGER "~tenancy_update"', make_child_triggers.relation);
  parent := (tenancy_internal.find_parent(make_child_triggers.relation, make_child_triggers.wanted.through[1])).parent;
  PERFORM tenancy_internal.make_hold_trigger(parent);
  trigger_name := tenancy_internal.trigger_name(parent.relation, make_child_triggers.relation);
  EXECUTE format('CREATE CONSTRAINT TRIGGER %I AFTER UPDATE ON %s FROM %s FOR EACH ROW WHEN (%s) EXECUTE FUNCTION tenancy_internal.move_children()',
                 trigger_name, parent.relation, make_child_triggers.relation, tenancy_internal.trigger_condition(originals));
  EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', parent.relation, trigger_name);
END
$$;
COMMENT ON FUNCTION tenancy_internal.make_child_triggers(regclass, tenancy.protected_tables) IS 'Makes the triggers by which a table takes its tenant from its first parent';

CREATE FUNCTION tenancy_internal.make_hold_trigger(parent tenancy.protected_tables) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp SET tenancy.guard_rails = off AS $$
BEGIN
  PERFORM tenancy_internal.keep_name(make_hold_trigger.parent.relation);
  PERFORM tenancy_internal.check_partition_keys(make_hold_trigger.parent.relation);
  IF NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = make_hold_trigger.parent.relation
    AND t.tgfoid = 'tenancy_internal.hold_parent'::regproc) THEN
    EXECUTE format('CREATE TRIGGER "~tenancy_update_hold" BEFORE UPDATE ON %s FOR EACH ROW WHEN (%s) EXECUTE FUNCTION tenancy_internal.hold_parent()',
      make_hold_trigger.parent.relation, tenancy_internal.trigger_condition(array_remove(ARRAY[make_hold_trigger.parent.organization_column,
        make_hold_trigger.parent.workspace_column,
                                                                    make_hold_trigger.parent.owner_column,
                                                                      make_hold_trigger.parent.api_key_column], NULL)));
  END IF;
  -- Also in case somebody switched it off
  EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER "~tenancy_update_hold"', make_hold_trigger.parent.relation);
  -- Not for rows that logical replication writes, as with the parents of a link. Without a condition, which would keep the key's type.
  EXECUTE format('CREATE OR REPLACE TRIGGER "~tenancy_vacant_key" BEFORE INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW
                  EXECUTE FUNCTION tenancy_internal.keep_children()', make_hold_trigger.parent.relation);
END
$$;
COMMENT ON FUNCTION tenancy_internal.make_hold_trigger(tenancy.protected_tables) IS 'Makes the triggers that hold a row which moves, and a key for the rows that refer to it';

-- Of link tables. Deferred, so that both parents can move in one transaction. Not for rows that logical replication writes: a link
-- that is local to the subscriber would end it where parents move one after the other.
CREATE FUNCTION tenancy_internal.make_link_triggers(relation regclass, wanted tenancy.protected_tables) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp SET tenancy.guard_rails = off AS $$
DECLARE
  parent tenancy.protected_tables;
BEGIN
  IF cardinality(make_link_triggers.wanted.through) = 1 OR EXISTS (
    SELECT FROM pg_trigger t WHERE t.tgrelid = make_link_triggers.relation AND t.tgfoid = 'tenancy_internal.check_parents'::regproc AND t.tgconstrrelid = 0) THEN
    RETURN;
  END IF;
  PERFORM tenancy_internal.check_partition_keys(make_link_triggers.relation);
  EXECUTE format('CREATE CONSTRAINT TRIGGER tenancy_parents AFTER INSERT OR UPDATE ON %s DEFERRABLE INITIALLY DEFERRED
                  FOR EACH ROW EXECUTE FUNCTION tenancy_internal.check_parents()', make_link_triggers.relation);
  FOR i IN 2 .. cardinality(make_link_triggers.wanted.through) LOOP
    parent := (tenancy_internal.find_parent(make_link_triggers.relation, make_link_triggers.wanted.through[i])).parent;
    PERFORM tenancy_internal.make_hold_trigger(parent);
    EXECUTE format('CREATE CONSTRAINT TRIGGER %I AFTER UPDATE ON %s FROM %s DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (%s)
                    EXECUTE FUNCTION tenancy_internal.check_parents(%L)',
                   tenancy_internal.trigger_name(parent.relation, make_link_triggers.relation), parent.relation, make_link_triggers.relation,
                   tenancy_internal.trigger_condition(array_remove(ARRAY[parent.organization_column, parent.workspace_column], NULL)), i - 1);
  END LOOP;
END
$$;
COMMENT ON FUNCTION tenancy_internal.make_link_triggers(regclass, tenancy.protected_tables) IS 'Makes the triggers that keep the parents of a row in one tenant';
