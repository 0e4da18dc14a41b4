-- Columns as actions (protect(..., actions => ...)): to change such a column takes the action in addition to update or create.

CREATE FUNCTION tenancy_internal.check_action() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'pg_tenancy_check_action';
COMMENT ON FUNCTION tenancy_internal.check_action() IS 'Trigger: raises 42501 unless the session holds the action that the changed columns need, for the row as it was and as it is';

CREATE FUNCTION tenancy_internal.has_volatile_default(relation regclass, "column" name) RETURNS boolean
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_has_volatile_default';
COMMENT ON FUNCTION tenancy_internal.has_volatile_default(regclass, name) IS 'Whether the default of a column is another value each time';

CREATE FUNCTION tenancy_internal.check_actions(relation regclass, resource text, actions jsonb) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  mapped record;
  attribute pg_attribute;
BEGIN
  IF check_actions.actions IS NULL THEN
    RETURN;
  END IF;
  IF jsonb_typeof(check_actions.actions) <> 'object' OR check_actions.actions = '{}' THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'actions must be an object of actions and their columns',
      HINT = 'For example ''{"publish": ["published", "published_at"]}''.';
  END IF;
  FOR mapped IN SELECT a.key AS action, a.value AS columns FROM jsonb_each(check_actions.actions) a LOOP
    PERFORM tenancy_internal.check_permission(check_actions.resource, mapped.action);
    IF jsonb_typeof(mapped.columns) <> 'array' OR mapped.columns = '[]'
       OR EXISTS (SELECT FROM jsonb_array_elements(mapped.columns) c WHERE jsonb_typeof(c) <> 'string') THEN
      RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
        MESSAGE = format('the columns of action "%s" must be a list of names', mapped.action);
    END IF;
  END LOOP;
  FOR mapped IN SELECT a.key AS action, c."column"::name FROM jsonb_each(check_actions.actions) a, jsonb_array_elements_text(a.value) c ("column") LOOP
    PERFORM tenancy_internal.check_column(check_actions.relation, mapped."column", false);
    SELECT * INTO attribute FROM pg_attribute a WHERE a.attrelid = check_actions.relation AND a.attname = mapped."column";
    IF attribute.attgenerated <> '' OR attribute.attidentity <> '' OR tenancy_internal.has_volatile_default(check_actions.relation, mapped."column") THEN
      RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
        MESSAGE = format('column "%s" of table %s cannot need an action', mapped."column", check_actions.relation),
        DETAIL = 'Its value on INSERT is worked out, and cannot be compared with a default.',
        HINT = 'Name a column whose default is a constant, or NULL.';
    END IF;
  END LOOP;
END
$$;
COMMENT ON FUNCTION tenancy_internal.check_actions(regclass, text, jsonb) IS 'Raises 22023 for an action that is not registered, and for columns without a default that can be compared; 42703 for a column that is not there';

-- The extension's triggers that write a row run before those that judge it. The last BEFORE trigger, behind "~tenancy_update" and
-- "~~tenancy_keep_row", asks about rows that move to another partition, for which no AFTER UPDATE trigger fires.
-- On each table that holds rows, and not on a partitioned one: what its partitions get from it, they lose when they are detached.
-- Values are compared as they are stored, whatever equality their type has. A row that moves to another tenant or workspace is
-- there what it would be if it were inserted there. Defaults are parsed here by the extension's owner, and evaluated by whoever writes.
CREATE FUNCTION tenancy_internal.make_action_triggers(relation regclass, wanted tenancy.protected_tables) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp SET tenancy.guard_rails = off AS $$
DECLARE
  mapped record;
  -- A row that is inserted by a partitioned table has that table's default.
  written_to CONSTANT regclass := coalesce(pg_partition_root(make_action_triggers.relation), make_action_triggers.relation);
  moved text := (SELECT format('pg_catalog.record_image_ne(ROW(%s), ROW(%s))', string_agg(format('OLD.%I', c), ', ' ORDER BY c), string_agg(format('NEW.%I', c), ', ' ORDER BY c))
    FROM unnest(ARRAY[make_action_triggers.wanted.organization_column, make_action_triggers.wanted.workspace_column]) c WHERE c IS NOT NULL);
  n int := 0;
BEGIN
  PERFORM tenancy_internal.drop_triggers(make_action_triggers.relation, 'tenancy_internal.check_action');
  IF make_action_triggers.wanted.actions IS NULL
     OR (SELECT c.relkind FROM pg_class c WHERE c.oid = make_action_triggers.relation) <> 'r' THEN
    RETURN;
  END IF;
  PERFORM tenancy_internal.check_partition_keys(make_action_triggers.relation);
  FOR mapped IN
    SELECT r.action, format('pg_catalog.record_image_ne(ROW(%s), ROW(%s))', r.new_row, r.default_row) AS another,
      format('pg_catalog.record_image_ne(ROW(%s), ROW(%s))', r.old_row, r.new_row) AS changed
    FROM (
      SELECT a.key AS action,
        string_agg(format('OLD.%1$I::%2$s', t.attname, t.type), ', ' ORDER BY t.attnum) AS old_row,
        string_agg(format('NEW.%1$I::%2$s', t.attname, t.type), ', ' ORDER BY t.attnum) AS new_row,
        string_agg(format('(%s)::%s', CASE WHEN d.atthasdef THEN tenancy_internal.printed_default(d.attrelid, d.attnum) ELSE 'NULL' END, t.type), ', ' ORDER BY t.attnum) AS default_row
      FROM jsonb_each(make_action_triggers.wanted.actions) a, jsonb_array_elements_text(a.value) c ("column")
      JOIN (SELECT t.attname, t.attnum, format_type(tenancy_internal.base_type(t.atttypid), t.atttypmod) AS type
            FROM pg_attribute t WHERE t.attrelid = make_action_triggers.relation AND NOT t.attisdropped) t ON t.attname = c."column"
      JOIN pg_attribute d ON d.attrelid = written_to AND d.attname = c."column"
      GROUP BY a.key) r ORDER BY r.action LOOP
    n := n + 1;
    EXECUTE format('CREATE TRIGGER "~tenancy_action_%s_insert" AFTER INSERT ON %s FOR EACH ROW
                    WHEN (%s) EXECUTE FUNCTION tenancy_internal.check_action(%L)',
                   n, make_action_triggers.relation, mapped.another, mapped.action);
    EXECUTE format('CREATE TRIGGER "~tenancy_action_%s_update" AFTER UPDATE ON %s FOR EACH ROW
                    WHEN (%s OR (%s AND %s)) EXECUTE FUNCTION tenancy_internal.check_action(%L)',
                   n, make_action_triggers.relation, mapped.changed, moved, mapped.another, mapped.action);
    IF (SELECT c.relispartition FROM pg_class c WHERE c.oid = make_action_triggers.relation) THEN
      EXECUTE format('CREATE TRIGGER "~~~tenancy_action_%s_move" BEFORE UPDATE ON %s FOR EACH ROW
                      WHEN (%s OR (%s AND %s)) EXECUTE FUNCTION tenancy_internal.check_action(%L)',
                     n, make_action_triggers.relation, mapped.changed, moved, mapped.another, mapped.action);
    END IF;
  END LOOP;
END
$$;
COMMENT ON FUNCTION tenancy_internal.make_action_triggers(regclass, tenancy.protected_tables) IS 'Makes the triggers of one table that ask for the actions that its columns need, in place of those it has';

CREATE FUNCTION tenancy_internal.actions_renamed(actions jsonb, renamed name, renamed_to name) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT jsonb_object_agg(a.key, (SELECT jsonb_agg(CASE WHEN c."column" = actions_renamed.renamed::text THEN actions_renamed.renamed_to::text ELSE c."column" END ORDER BY c.n)
                                  FROM jsonb_array_elements_text(a.value) WITH ORDINALITY c ("column", n)))
  FROM jsonb_each(actions_renamed.actions) a
$$;
COMMENT ON FUNCTION tenancy_internal.actions_renamed(jsonb, name, name) IS 'Actions and their columns, with one column renamed';

CREATE FUNCTION tenancy_internal.problem_of_actions(relation regclass, actions jsonb) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT format('a trigger that asks for action "%s" is missing or disabled', a.action)
  FROM jsonb_object_keys(problem_of_actions.actions) a (action)
  WHERE (SELECT c.relkind FROM pg_class c WHERE c.oid = problem_of_actions.relation) = 'r' AND (
    SELECT count(*) FROM pg_trigger t
    WHERE t.tgrelid = problem_of_actions.relation AND t.tgfoid = 'tenancy_internal.check_action'::regproc AND t.tgenabled IN ('O', 'A')
      AND t.tgargs = convert_to(a.action, 'UTF8') || decode('00', 'hex'))
    < CASE WHEN (SELECT c.relispartition FROM pg_class c WHERE c.oid = problem_of_actions.relation) THEN 3 ELSE 2 END
  ORDER BY 1 LIMIT 1
$$;
COMMENT ON FUNCTION tenancy_internal.problem_of_actions(regclass, jsonb) IS 'What is wrong with the triggers of one table that ask for actions, or NULL';
