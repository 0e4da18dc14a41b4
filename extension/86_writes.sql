-- Rows that are written: explicit NULLs that are filled in (fill_nulls), and explain_write().

CREATE FUNCTION tenancy_internal.fill_nulls() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'pg_tenancy_fill_nulls';
COMMENT ON FUNCTION tenancy_internal.fill_nulls() IS 'Trigger: an explicit NULL becomes the column''s default, where that is the session''s organization, workspace, user or API key';

CREATE FUNCTION tenancy_internal.check_fill_nulls(relation regclass, wanted tenancy.protected_tables) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  partitioned name;
BEGIN
  SELECT c INTO partitioned FROM unnest(ARRAY[check_fill_nulls.wanted.organization_column, check_fill_nulls.wanted.workspace_column,
    check_fill_nulls.wanted.owner_column, check_fill_nulls.wanted.api_key_column]) c
  WHERE check_fill_nulls.wanted.fill_nulls AND c IS NOT NULL AND tenancy_internal.is_partitioned_by(check_fill_nulls.relation, c) LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'feature_not_supported',
      MESSAGE = format('NULL in column "%s" of table %s cannot be filled in', partitioned, check_fill_nulls.relation),
      DETAIL = 'The table is partitioned by it, and the partition is chosen first.', HINT = 'Leave the column out of INSERT, or write DEFAULT.';
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_internal.check_fill_nulls(regclass, tenancy.protected_tables) IS 'Raises 0A000 where a table is partitioned by a column in which NULL is to be filled in';

-- Partitions have their table's triggers.
CREATE FUNCTION tenancy_internal.drop_triggers(relation regclass, function regproc) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp SET tenancy.guard_rails = off AS $$
DECLARE
  made name;
BEGIN
  PERFORM tenancy_internal.keep_name(drop_triggers.relation);
  FOR made IN SELECT t.tgname FROM pg_trigger t WHERE t.tgrelid = drop_triggers.relation AND t.tgparentid = 0
                AND t.tgfoid = drop_triggers.function::oid LOOP
    EXECUTE format('DROP TRIGGER %I ON %s', made, drop_triggers.relation);
  END LOOP;
END
$$;
COMMENT ON FUNCTION tenancy_internal.drop_triggers(regclass, regproc) IS 'Drops the triggers of one table that execute a function, unless they are those of the table whose partition it is';

-- It sorts before "~tenancy_insert", which needs the row as it will be, and after every other trigger.
CREATE FUNCTION tenancy_internal.make_fill_trigger(relation regclass, wanted tenancy.protected_tables) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF NOT make_fill_trigger.wanted.fill_nulls OR EXISTS (
    SELECT FROM pg_trigger t WHERE t.tgrelid = make_fill_trigger.relation AND t.tgfoid = 'tenancy_internal.fill_nulls'::regproc) THEN
    RETURN;
  END IF;
  PERFORM tenancy_internal.check_partition_keys(make_fill_trigger.relation);
  PERFORM tenancy_internal.drop_triggers(f, 'tenancy_internal.fill_nulls') FROM tenancy_internal.family_of(make_fill_trigger.relation) f;
  EXECUTE format('CREATE TRIGGER "~tenancy_fill_nulls" BEFORE INSERT ON %s FOR EACH ROW EXECUTE FUNCTION tenancy_internal.fill_nulls()',
                 make_fill_trigger.relation);
END
$$;
COMMENT ON FUNCTION tenancy_internal.make_fill_trigger(regclass, tenancy.protected_tables) IS 'Makes the trigger by which a table fills in NULL, where that is wanted';

-- --- explain_write()

-- The value of a column when policies are evaluated, as given or filled in. As SQL that runs no other role's code: a domain is
-- replaced by its base type, and no other default is evaluated.
CREATE FUNCTION tenancy_internal.written_id(relation regclass, "column" name, entity text, "row" jsonb, fill_nulls boolean) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  attribute pg_attribute;
  type text;
BEGIN
  SELECT * INTO attribute FROM pg_attribute a WHERE a.attrelid = written_id.relation AND a.attname = written_id."column" AND NOT a.attisdropped;
  IF NOT FOUND THEN
    RETURN 'NULL';
  END IF;
  type := format_type(tenancy_internal.base_type(attribute.atttypid), NULL);
  IF (written_id."row" ->> attribute.attname IS NULL AND written_id.fill_nulls OR NOT written_id."row" ? attribute.attname)
     AND tenancy_internal.is_attribution(written_id.relation, attribute.attnum) THEN
    RETURN CASE type WHEN 'uuid' THEN format('tenancy.current_%s_id()', written_id.entity)
                     ELSE format('tenancy.current_external_id(%L, NULL::%s)', written_id.entity, type) END;
  END IF;
  RETURN format('%L::%s', written_id."row" ->> attribute.attname, type);
END
$$;
COMMENT ON FUNCTION tenancy_internal.written_id(regclass, name, text, jsonb, boolean) IS 'The id that a column would hold in a row that is written, as SQL; NULL for no column';

CREATE FUNCTION tenancy_internal.check_written_row(relation regclass, "row" jsonb, command text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  unknown text;
BEGIN
  IF jsonb_typeof(check_written_row."row") IS DISTINCT FROM 'object' THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'the row must be a JSON object';
  END IF;
  IF check_written_row.command IS NULL OR check_written_row.command NOT IN ('insert', 'update') THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('command "%s" writes no row', check_written_row.command),
      HINT = 'Commands are insert and update.';
  END IF;
  IF NOT EXISTS (SELECT FROM tenancy.protected_tables t WHERE t.relation = check_written_row.relation) THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
      MESSAGE = coalesce(format('table %s is not protected', check_written_row.relation), 'a table must be given'),
      HINT = 'Use tenancy.protect() to protect it.';
  END IF;
  SELECT string_agg(format('"%s"', k), ', ' ORDER BY k) INTO unknown FROM jsonb_object_keys(check_written_row."row") k
  WHERE NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = check_written_row.relation AND a.attname = k AND a.attnum > 0 AND NOT a.attisdropped);
  IF unknown IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'undefined_column', MESSAGE = format('table %s has no column %s', check_written_row.relation, unknown);
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_internal.check_written_row(regclass, jsonb, text) IS 'Raises 22023, 42703 or 55000 unless explain_write() can be asked about the row';

-- A row of a child table after its trigger, with its parent's values.
CREATE FUNCTION tenancy_internal.row_with_parent(relation regclass, "row" jsonb) RETURNS jsonb
LANGUAGE tenancy STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  protected tenancy.protected_tables;
  parent record;
  parent_row jsonb;
BEGIN
  SELECT * INTO protected FROM tenancy.protected_tables t WHERE t.relation = row_with_parent.relation;
  IF protected.through IS NULL OR row_with_parent."row" ->> protected.through[1] IS NULL THEN
    RETURN row_with_parent."row";
  END IF;
  SELECT (p.parent).relation AS relation, p.key AS key INTO parent FROM tenancy_internal.parents_of(row_with_parent.relation) p
  WHERE p.referring = protected.through[1] LIMIT 1;
  SELECT r INTO parent_row FROM tenancy_internal.as_owner(parent.relation, format('SELECT to_jsonb(p) FROM %s p WHERE p.%I = %L',
    parent.relation, parent.key, row_with_parent."row" ->> protected.through[1])) r;
  RETURN row_with_parent."row" || (SELECT jsonb_object_agg(c.copy, parent_row -> c.original::text)
                                   FROM tenancy_internal.copied_columns(row_with_parent.relation, protected) c);
END
$$;
COMMENT ON FUNCTION tenancy_internal.row_with_parent(regclass, jsonb) IS 'A row that is to be written with what it takes from its parent row';

CREATE FUNCTION tenancy.explain_write(relation regclass, "row" jsonb, command text DEFAULT 'insert') RETURNS text
LANGUAGE tenancy STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  protected tenancy.protected_tables;
  written jsonb;
  ids text;
  problem text;
  by_writer text;
  others text;
BEGIN
  IF NOT tenancy.is_dba() THEN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = 'only a DBA can have writes explained',
      HINT = 'The error of a refused write says why it was refused.';
  END IF;
  PERFORM tenancy_internal.check_written_row(explain_write.relation, explain_write."row", explain_write.command);
  SELECT * INTO protected FROM tenancy.protected_tables t WHERE t.relation = explain_write.relation;
  written := tenancy_internal.row_with_parent(explain_write.relation, explain_write."row");
  SELECT string_agg(tenancy_internal.written_id(explain_write.relation, v.column_name, v.entity, written,
                                       protected.fill_nulls AND explain_write.command = 'insert'), ', ' ORDER BY v.n) INTO ids
  FROM (VALUES (1, protected.organization_column, 'organization'), (2, protected.workspace_column, 'workspace'),
               (3, protected.owner_column, 'user'), (4, protected.api_key_column, 'api_key')) v (n, column_name, entity);
  IF protected.writer_column IS NOT NULL AND explain_write.command = 'insert' AND tenancy_internal.problem_of_writer(protected) IS NULL THEN
    EXECUTE format('SELECT tenancy_internal.problem_of_write(%L, %L, %L, %L, %s)', explain_write.relation::oid, '', protected.resource, 'insert',
      (SELECT string_agg(tenancy_internal.written_id(explain_write.relation, v.column_name, v.entity, written, protected.fill_nulls), ', ' ORDER BY v.n)
       FROM (VALUES (1, protected.organization_column, 'organization'), (2, protected.workspace_column, 'workspace'), (3, protected.writer_column, 'user'),
                    (4, protected.api_key_column, 'api_key')) v (n, column_name, entity))) INTO by_writer;
  END IF;
  EXECUTE format('SELECT tenancy_internal.problem_of_write(%L, %L, %L, %L, %s)', explain_write.relation::oid,
    tenancy_internal.policy_options(protected, false, explain_write.command = 'insert'), protected.resource, explain_write.command, ids) INTO problem;
  SELECT string_agg(format('"%s"', p.polname), ', ' ORDER BY p.polname) INTO others FROM pg_policy p
  WHERE p.polrelid = explain_write.relation AND NOT p.polpermissive AND p.polname <> 'tenancy_writer' AND p.polcmd IN ('*', CASE explain_write.command WHEN 'insert' THEN 'a' ELSE 'w' END);
  problem := coalesce(problem, replace(by_writer, format('Column "%s"', protected.owner_column), format('Column "%s"', protected.writer_column)));
  RETURN coalesce('refused: ' || problem, 'accepted.')
    || coalesce(' Restrictive policies are asked as well: ' || others || '.', '')
    || coalesce((SELECT ' ' || string_agg(format('Another value than the default in %s needs "%s.%s" as well.', btrim(a.value::text, '[]'), protected.resource, a.key), ' ' ORDER BY a.key)
                 FROM jsonb_each(protected.actions) a
                 WHERE explain_write."row" ?| ARRAY(SELECT jsonb_array_elements_text(a.value))), '')
    || CASE WHEN problem IS NULL AND protected.through IS NOT NULL THEN ' The session must see the rows that it refers to as well.' ELSE '' END;
END
$$;
COMMENT ON FUNCTION tenancy.explain_write(regclass, jsonb, text) IS 'For a DBA: whether the session''s principal may insert a row, or leave it behind by update, and if not, why. What the row lacks is filled in as INSERT does. 42501 for others, 55000 for a table that isn''t protected, 22023, 42703';
