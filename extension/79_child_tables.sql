-- Child tables get their tenant from a parent: the child has the parent's tenant columns, filled in by a trigger and kept equal
-- when the parent moves, and the ordinary policies. See docs/design/child-tables.md; the triggers are in
-- 78_parent_triggers.sql.

CREATE FUNCTION tenancy.parent_visible(child regclass, parent integer, key "any") RETURNS boolean
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'pg_tenancy_parent_visible';
COMMENT ON FUNCTION tenancy.parent_visible(regclass, integer, "any") IS 'Whether the session may see the parent, the one of that number (from 0), that a row of a child table refers to by the key; true of NULL; for policies';

CREATE FUNCTION tenancy_internal.child_columns(
  relation regclass, OUT through name[], OUT organization name, OUT workspace name, OUT owner name, OUT api_key name)
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_child_columns';
COMMENT ON FUNCTION tenancy_internal.child_columns(regclass) IS 'The columns of a child table that refer to its parents, and those that are copied from the first, as its triggers name them; NULL where it has none';

CREATE FUNCTION tenancy_internal.count_differing(relation regclass, at_most bigint, blocks bigint DEFAULT NULL) RETURNS bigint
LANGUAGE c AS 'MODULE_PATHNAME', 'pg_tenancy_count_differing';
COMMENT ON FUNCTION tenancy_internal.count_differing(regclass, bigint, bigint) IS 'How many rows of a child table, up to a number, don''t say what their parents say: of all rows, or of those in so many blocks from the first on; the first two must not be NULL';

CREATE FUNCTION tenancy_internal.fill_blocks(relation regclass, first bigint, last bigint) RETURNS bigint
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_fill_blocks';
COMMENT ON FUNCTION tenancy_internal.fill_blocks(regclass, bigint, bigint) IS 'Has the rows of a child table in some blocks (the last not included) say what their parents say; returns how many did not';

CREATE FUNCTION tenancy_internal.hint_to_parent(relation regclass) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT coalesce(
    (SELECT format('The table refers to %s: use through => ''{%s}''.', string_agg((p.parent).relation::text, ' and '),
                   string_agg(quote_ident(p.referring), ',')) FROM tenancy_internal.parents_of(hint_to_parent.relation) p
     WHERE p.usable HAVING count(*) > 0),
    'Name one of its columns; or, in a table that knows its tenant only by a row of another one, the column that refers to it (through).')
$$;
COMMENT ON FUNCTION tenancy_internal.hint_to_parent(regclass) IS 'What to do about a table without a column for its tenant';

-- --- what protect(..., through => ...) means

CREATE FUNCTION tenancy_internal.check_through(relation regclass, through name[]) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  referring name;
BEGIN
  IF cardinality(check_through.through) NOT BETWEEN 1 AND 4 OR array_position(check_through.through, NULL) IS NOT NULL
     OR cardinality(check_through.through) <> (SELECT count(DISTINCT t) FROM unnest(check_through.through) t) THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'through must name one to four different columns',
      DETAIL = 'The first refers to the row that gives this one its tenant.';
  END IF;
  FOREACH referring IN ARRAY check_through.through LOOP
    PERFORM tenancy_internal.check_column(check_through.relation, referring, false);
  END LOOP;
  IF EXISTS (SELECT FROM pg_class c WHERE c.oid = check_through.relation AND c.relispartition) THEN
    RAISE EXCEPTION USING ERRCODE = 'wrong_object_type', MESSAGE = format('table %s is a partition', check_through.relation),
      HINT = 'Protect the partitioned table.';
  END IF;
  IF EXISTS (SELECT FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
             WHERE i.inhparent = check_through.relation AND NOT c.relispartition
                OR i.inhrelid = check_through.relation) THEN
    RAISE EXCEPTION USING ERRCODE = 'feature_not_supported',
      MESSAGE = format('table %s takes part in inheritance, and cannot be protected through a parent row', check_through.relation),
      DETAIL = 'Foreign keys and triggers are not inherited.', HINT = 'Give it columns of its own that name the tenant.';
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_internal.check_through(regclass, name[]) IS 'Raises 22023, 42703, 42809 or 0A000 unless these columns of the table could refer to its parents';

CREATE FUNCTION tenancy_internal.other_owner(child regclass, parent regclass) RETURNS regclass
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_other_owner';
COMMENT ON FUNCTION tenancy_internal.other_owner(regclass, regclass) IS 'The child table, or a partition of it, whose owner lacks the rights of the parent''s, so that no row could move with its parent; NULL for none';

CREATE FUNCTION tenancy_internal.find_parent(relation regclass, referring name, OUT parent tenancy.protected_tables, OUT key name)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  found_parent record;
  others text;
  problem text;
  other regclass;
BEGIN
  SELECT * INTO found_parent FROM tenancy_internal.parents_of(find_parent.relation) p WHERE p.referring = find_parent.referring LIMIT 1;
  IF NOT FOUND THEN
    SELECT string_agg(DISTINCT k.confrelid::regclass::text, ', ') INTO others
    FROM pg_constraint k JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey)
    WHERE k.conrelid = find_parent.relation AND k.contype = 'f' AND a.attname = find_parent.referring;
    IF others IS NOT NULL AND EXISTS (
      SELECT FROM pg_constraint k JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
      WHERE k.conrelid = find_parent.relation AND k.contype = 'f' AND cardinality(k.conkey) = 1 AND a.attname = find_parent.referring) THEN
      RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
        MESSAGE = format('table %s, to which column "%s" of table %s refers, is not protected', others, find_parent.referring, find_parent.relation),
        HINT = 'Protect it first.';
    END IF;
    RAISE EXCEPTION USING ERRCODE = 'invalid_foreign_key',
      MESSAGE = format('column "%s" of table %s has no foreign key of its own', find_parent.referring, find_parent.relation),
      DETAIL = CASE WHEN others IS NULL THEN 'It refers to no table.' ELSE format('It refers to %s together with other columns.', others) END,
      HINT = 'through names a column that refers, by a foreign key of this column alone, to a protected table. Where one column refers '
             || 'to rows of several tables, give the table columns of its own that name the tenant.';
  END IF;
  find_parent.parent := found_parent.parent;
  find_parent.key := found_parent.key;
  IF find_parent.parent.relation IN (SELECT tenancy_internal.family_of(find_parent.relation)) OR EXISTS (
    WITH RECURSIVE above AS (
      SELECT find_parent.parent.relation AS relid
      UNION
      SELECT (p.parent).relation FROM above a JOIN tenancy.protected_tables t ON t.relation = a.relid
      CROSS JOIN LATERAL tenancy_internal.parents_of(t.relation) p WHERE p.referring = ANY (t.through)
    )
    SELECT FROM above a WHERE a.relid = find_parent.relation) THEN
    RAISE EXCEPTION USING ERRCODE = 'feature_not_supported',
      MESSAGE = format('table %s cannot be protected through itself', find_parent.relation),
      HINT = 'Name the column that refers to another table, or columns of its own that name the tenant.';
  END IF;
  IF NOT found_parent.usable THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
      MESSAGE = format('the foreign key of column "%s" of table %s has not been validated', find_parent.referring, find_parent.relation),
      HINT = 'Use ALTER TABLE ... VALIDATE CONSTRAINT first.';
  END IF;
  IF found_parent.sets_default THEN
    RAISE EXCEPTION USING ERRCODE = 'feature_not_supported',
      MESSAGE = format('the foreign key of column "%s" of table %s sets a default', find_parent.referring, find_parent.relation),
      DETAIL = 'When its parent row goes, a row would move to another one, perhaps another tenant''s, whoever deletes.',
      HINT = 'Use ON DELETE CASCADE, SET NULL or RESTRICT.';
  END IF;
  IF EXISTS (SELECT FROM pg_attribute mine, pg_attribute theirs, pg_collation c
             WHERE mine.attrelid = find_parent.relation AND mine.attname = find_parent.referring
               AND theirs.attrelid = find_parent.parent.relation AND theirs.attname = find_parent.key
               AND mine.attcollation <> theirs.attcollation AND c.oid IN (mine.attcollation, theirs.attcollation) AND NOT c.collisdeterministic) THEN
    RAISE EXCEPTION USING ERRCODE = 'feature_not_supported',
      MESSAGE = format('columns "%s" of table %s and "%s" of table %s differ in collation', find_parent.referring, find_parent.relation,
        find_parent.key, find_parent.parent.relation),
      DETAIL = 'One calls more values equal than the other: a row would follow several parent rows, perhaps of several tenants.',
      HINT = 'Use ALTER TABLE ... ALTER COLUMN ... TYPE ... COLLATE, so that both have one collation.';
  END IF;
  problem := (tenancy_internal.inspect_protection(find_parent.parent.relation)).problem;
  IF problem IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
      MESSAGE = format('table %s is not protected as recorded', find_parent.parent.relation), DETAIL = format('Found: %s.', problem),
      HINT = 'Protect it again first.';
  END IF;
  PERFORM tenancy_internal.check_protectable(find_parent.parent.relation);
  other := tenancy_internal.other_owner(find_parent.relation, find_parent.parent.relation);
  IF other IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
      MESSAGE = format('the owner of table %s is not the owner of table %s', other, find_parent.parent.relation),
      HINT = 'Use ALTER TABLE ... OWNER TO, so that both have one owner.';
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_internal.find_parent(regclass, name) IS 'The protected table that a column refers to, and the column there; raises 42830, 55000, 42501 or 0A000 when a table can''t be protected through it';

CREATE FUNCTION tenancy_internal.copied_column_comment() RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, tenancy, pg_temp AS $$ SELECT 'Taken from the parent row by pg_tenancy' $$;
COMMENT ON FUNCTION tenancy_internal.copied_column_comment() IS 'The comment of a column that was added to be a copy of a parent''s';

-- The child's column for one of the parent's: as given, or else of the same name; where the parent's is the key itself, the
-- column that refers to it.
CREATE FUNCTION tenancy_internal.column_through(relation regclass, referring name, parent regclass, key name, parent_column name, given name, may_exist boolean)
RETURNS name LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  theirs pg_attribute;
  mine pg_attribute;
BEGIN
  IF column_through.parent_column IS NULL THEN
    IF column_through.given IS NOT NULL THEN
      RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
        MESSAGE = format('table %s has no column that column "%s" could be taken from', column_through.parent, column_through.given);
    END IF;
    RETURN NULL;
  END IF;
  IF column_through.parent_column = column_through.key
     AND coalesce(column_through.given, column_through.referring) = column_through.referring THEN
    RETURN column_through.referring;
  END IF;
  SELECT * INTO theirs FROM pg_attribute a WHERE a.attrelid = column_through.parent AND a.attname = column_through.parent_column;
  SELECT * INTO mine FROM pg_attribute a WHERE a.attrelid = column_through.relation
    AND a.attname = coalesce(column_through.given, column_through.parent_column)
    AND a.attnum > 0 AND NOT a.attisdropped;
  IF FOUND THEN
    -- A copied column left by unprotect() has this comment.
    IF NOT column_through.may_exist AND col_description(column_through.relation, mine.attnum)
      IS DISTINCT FROM tenancy_internal.copied_column_comment() THEN
      RAISE EXCEPTION USING ERRCODE = 'duplicate_column',
        MESSAGE = format('column "%s" of table %s already exists', column_through.parent_column, column_through.relation),
        DETAIL = format('The column of that name in table %s says whose a row is there, and would be copied into it.', column_through.parent),
        HINT = format('If it says whose a row of table %s is, name it: owner => %L (or api_key). If not, rename it.',
          column_through.relation, column_through.parent_column);
    END IF;
    IF mine.atttypid <> theirs.atttypid OR mine.attcollation <> theirs.attcollation THEN
      RAISE EXCEPTION USING ERRCODE = 'datatype_mismatch',
        MESSAGE = format('columns "%s" of table %s and "%s" of table %s differ in type', mine.attname, column_through.relation,
          column_through.parent_column, column_through.parent),
        HINT = 'The one is to be a copy of the other.';
    END IF;
    IF mine.attgenerated <> '' OR mine.attidentity <> '' THEN
      RAISE EXCEPTION USING ERRCODE = 'invalid_table_definition',
        MESSAGE = format('column "%s" of table %s is generated, and cannot be taken from a parent', mine.attname, column_through.relation);
    END IF;
    IF tenancy_internal.is_partitioned_by(column_through.relation, mine.attname) THEN
      RAISE EXCEPTION USING ERRCODE = 'feature_not_supported',
        MESSAGE = format('table %s is partitioned by column "%s", which cannot be taken from a parent', column_through.relation, mine.attname),
        DETAIL = 'A row''s partition is chosen before its triggers run.',
        HINT = 'Have the application fill the column in, and protect the table by its own columns.';
    END IF;
  END IF;
  RETURN coalesce(column_through.given, column_through.parent_column);
END
$$;
COMMENT ON FUNCTION tenancy_internal.column_through(regclass, name, regclass, name, name, name, boolean) IS 'The column of a child table that is to be a copy of one of its parent''s; raises 42701, 42804, 42P16 or 0A000 when it can''t be';

CREATE FUNCTION tenancy_internal.columns_through(
  relation regclass, through name[], organization name, workspace name, owner name, api_key name, wanted tenancy.protected_tables)
RETURNS tenancy.protected_tables LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  first record;
  other record;
  referring name;
  copied record := tenancy_internal.child_columns(columns_through.relation);
BEGIN
  PERFORM tenancy_internal.check_through(columns_through.relation, columns_through.through);
  SELECT * INTO first FROM tenancy_internal.find_parent(columns_through.relation, columns_through.through[1]);
  columns_through.wanted.through := columns_through.through;
  columns_through.wanted.workspace_decides := (first.parent).workspace_decides;  -- a row without organization may get its first child later
  columns_through.wanted.organization_column := tenancy_internal.column_through(columns_through.relation, columns_through.through[1],
    (first.parent).relation,
    first.key, (first.parent).organization_column, columns_through.organization, true);
  columns_through.wanted.workspace_column := tenancy_internal.column_through(columns_through.relation, columns_through.through[1],
    (first.parent).relation,
    first.key, (first.parent).workspace_column, columns_through.workspace, true);
  IF columns_through.owner IS NULL AND columns_through.api_key IS NULL THEN
    columns_through.wanted.inherits_owner := true;
    columns_through.wanted.owner_column := tenancy_internal.column_through(columns_through.relation, columns_through.through[1],
      (first.parent).relation,
      first.key, (first.parent).owner_column, NULL, copied.owner IS NOT DISTINCT FROM (first.parent).owner_column);
    columns_through.wanted.api_key_column := tenancy_internal.column_through(columns_through.relation, columns_through.through[1],
      (first.parent).relation,
      first.key, (first.parent).api_key_column, NULL, copied.api_key IS NOT DISTINCT FROM (first.parent).api_key_column);
  ELSE
    PERFORM tenancy_internal.check_column(columns_through.relation, columns_through.owner, true),
            tenancy_internal.check_column(columns_through.relation, columns_through.api_key, true);
    columns_through.wanted.owner_column := columns_through.owner;
    columns_through.wanted.api_key_column := columns_through.api_key;
  END IF;
  FOREACH referring IN ARRAY columns_through.through[2:] LOOP
    SELECT * INTO other FROM tenancy_internal.find_parent(columns_through.relation, referring);
    IF coalesce((first.parent).organization_column, (other.parent).organization_column) IS NULL
       AND ((first.parent).workspace_column IS NULL OR (other.parent).workspace_column IS NULL)
       OR ((first.parent).organization_column IS NULL) <> ((other.parent).organization_column IS NULL)
          AND ((first.parent).workspace_column IS NULL OR (other.parent).workspace_column IS NULL) THEN
      RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
        MESSAGE = format('the tenants of tables %s and %s cannot be compared', (first.parent).relation, (other.parent).relation),
        HINT = 'Both need a column for the organization, or both one for the workspace.';
    END IF;
  END LOOP;
  IF (SELECT count(*) FROM tenancy_internal.copied_columns(columns_through.relation, columns_through.wanted)) = 0 THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
      MESSAGE = format('column "%s" of table %s is its tenant itself', columns_through.through[1], columns_through.relation),
      HINT = 'Name it as organization or workspace instead of through.';
  END IF;
  RETURN columns_through.wanted;
END
$$;
COMMENT ON FUNCTION tenancy_internal.columns_through(regclass, name[], name, name, name, name, tenancy.protected_tables) IS 'What protect() is to make of a table that takes its tenant from its parents, with the columns that it has or will have';

CREATE FUNCTION tenancy_internal.copied_columns(relation regclass, wanted tenancy.protected_tables)
RETURNS TABLE (part text, copy name, original name, "type" text)
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  -- The base type of a domain: its constraints and default would run with the caller's rights when the table is rewritten.
  SELECT v.part, v.copy, v.original, CASE tenancy_internal.base_type(a.atttypid) WHEN a.atttypid THEN format_type(a.atttypid, a.atttypmod)
                                       ELSE format_type(tenancy_internal.base_type(a.atttypid), NULL) END
  FROM tenancy_internal.parents_of(copied_columns.relation) p
  CROSS JOIN LATERAL (VALUES (1, 'organization', (copied_columns.wanted).organization_column, (p.parent).organization_column),
                  (2, 'workspace', (copied_columns.wanted).workspace_column, (p.parent).workspace_column),
                  (3, 'owner', CASE WHEN (copied_columns.wanted).inherits_owner THEN (copied_columns.wanted).owner_column END,
                    (p.parent).owner_column),
                  (4, 'api_key', CASE WHEN (copied_columns.wanted).inherits_owner THEN (copied_columns.wanted).api_key_column END,
                    (p.parent).api_key_column))
         v (n, part, copy, original)
  JOIN pg_attribute a ON a.attrelid = (p.parent).relation AND a.attname = v.original
  WHERE p.referring = (copied_columns.wanted).through[1] AND v.copy <> p.referring
  ORDER BY v.n
$$;
COMMENT ON FUNCTION tenancy_internal.copied_columns(regclass, tenancy.protected_tables) IS 'Columns of a child table that are copies of its first parent''s';

CREATE FUNCTION tenancy_internal.add_copied_columns(relation regclass, wanted tenancy.protected_tables) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp SET tenancy.guard_rails = off AS $$
DECLARE
  missing text;
  added_columns name[];
  added name;
  now_copied record := tenancy_internal.child_columns(add_copied_columns.relation);
BEGIN
  SELECT string_agg(format('ADD COLUMN %I %s', c.copy, c.type), ', '), array_agg(c.copy) INTO missing, added_columns
  FROM tenancy_internal.copied_columns(add_copied_columns.relation, add_copied_columns.wanted) c
  WHERE NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = add_copied_columns.relation AND a.attname = c.copy AND NOT a.attisdropped);
  IF missing IS NOT NULL THEN
    EXECUTE format('ALTER TABLE %s %s', add_copied_columns.relation, missing);
    FOREACH added IN ARRAY added_columns LOOP
      EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', add_copied_columns.relation, added, tenancy_internal.copied_column_comment());
    END LOOP;
  END IF;
  IF now_copied.through IS DISTINCT FROM add_copied_columns.wanted.through
     OR ARRAY[now_copied.organization, now_copied.workspace, now_copied.owner, now_copied.api_key] IS DISTINCT FROM ARRAY(
          SELECT c.copy FROM unnest(ARRAY['organization', 'workspace', 'owner', 'api_key']) WITH ORDINALITY p (part, n)
          LEFT JOIN tenancy_internal.copied_columns(add_copied_columns.relation, add_copied_columns.wanted) c USING (part) ORDER BY p.n)
     OR NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgconstrrelid = add_copied_columns.relation AND t.tgenabled IN ('O', 'A')
                      AND t.tgfoid = 'tenancy_internal.move_children'::regproc
                      AND t.tgrelid = ((tenancy_internal.find_parent(add_copied_columns.relation,
                        add_copied_columns.wanted.through[1])).parent).relation)
     OR EXISTS (SELECT FROM pg_trigger t WHERE add_copied_columns.relation IN (t.tgrelid, t.tgconstrrelid) AND t.tgenabled NOT IN ('O', 'A')
                  AND t.tgfoid = 'tenancy_internal.check_parents'::regproc) THEN
    PERFORM tenancy_internal.leave_parents(add_copied_columns.relation);
    PERFORM tenancy_internal.make_child_triggers(add_copied_columns.relation, add_copied_columns.wanted);
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_internal.add_copied_columns(regclass, tenancy.protected_tables) IS 'Gives a table the columns that are copied from its parent, where it lacks them, and the triggers that fill them in';

CREATE FUNCTION tenancy_steps.parts_to_fill(relation regclass, batch integer) RETURNS TABLE (part regclass, blocks bigint, blocks_at_once bigint)
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  PERFORM tenancy_internal.check_protectable(parts_to_fill.relation);
  IF parts_to_fill.batch IS NULL OR parts_to_fill.batch < 1 THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'batch must be at least 1';
  END IF;
  IF (tenancy_internal.child_columns(parts_to_fill.relation)).through IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
      MESSAGE = format('table %s takes no columns from a parent', parts_to_fill.relation), HINT = 'Use tenancy.add_tenant_columns() first.';
  END IF;
  -- Rows per block from the table's statistics, or a guess.
  RETURN QUERY
  SELECT c.oid::regclass, pg_relation_size(c.oid) / current_setting('block_size')::bigint,
         greatest(1, parts_to_fill.batch / greatest(1, CASE WHEN c.relpages > 0 AND c.reltuples > 0 THEN (c.reltuples / c.relpages)::bigint ELSE 50 END))
  FROM tenancy_internal.family_of(parts_to_fill.relation) f JOIN pg_class c ON c.oid = f WHERE c.relkind = 'r' ORDER BY c.oid;
END
$$;
COMMENT ON FUNCTION tenancy_steps.parts_to_fill(regclass, integer) IS 'For fill_tenant_columns(): a table, or its partitions, and how many blocks hold about as many rows as a batch';

CREATE FUNCTION tenancy_steps.fill_tenant_batch(relation regclass, first bigint, last bigint) RETURNS bigint
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  PERFORM tenancy_internal.check_protectable(fill_tenant_batch.relation);
  RETURN tenancy_internal.fill_blocks(fill_tenant_batch.relation, fill_tenant_batch.first, fill_tenant_batch.last);
END
$$;
COMMENT ON FUNCTION tenancy_steps.fill_tenant_batch(regclass, bigint, bigint) IS 'For fill_tenant_columns(): fills in the rows of some blocks, and returns how many there were';

CREATE FUNCTION tenancy_internal.follow_parents(relation regclass, wanted tenancy.protected_tables) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  at_most CONSTANT bigint := 100000;
  differing bigint;
  strange bigint;
  part record;
  parent record;
BEGIN
  PERFORM tenancy_internal.require_latest_rows('protect() through a parent');
  PERFORM tenancy_internal.add_copied_columns(follow_parents.relation, follow_parents.wanted);
  differing := tenancy_internal.count_differing(follow_parents.relation, at_most + 1);
  IF differing > at_most THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
      MESSAGE = format('more than %s rows of table %s do not say yet whose they are', at_most, follow_parents.relation),
      DETAIL = 'Nobody would see them.',
      HINT = format('Use SELECT tenancy.add_tenant_columns(%L, %L), then CALL tenancy.fill_tenant_columns(%L), and protect the table after that.',
                    follow_parents.relation, follow_parents.wanted.through::text, follow_parents.relation);
  ELSIF differing > 0 THEN
    FOR part IN SELECT p.* FROM tenancy_steps.parts_to_fill(follow_parents.relation, at_most::integer) p LOOP
      PERFORM tenancy_internal.fill_blocks(part.part, 0, part.blocks);
    END LOOP;
    PERFORM tenancy_steps.notice(format('rows of table %s that say now what their parents say: %s', follow_parents.relation, differing));
  END IF;
  FOR i IN 2 .. cardinality(follow_parents.wanted.through) LOOP
    SELECT * INTO parent FROM tenancy_internal.find_parent(follow_parents.relation, follow_parents.wanted.through[i]);
    strange := (SELECT r::bigint FROM tenancy_internal.as_owner(follow_parents.relation, format(
      'SELECT to_jsonb(count(*)) FROM %s c JOIN %s p ON p.%I = c.%I WHERE c.%I <> p.%I', follow_parents.relation, (parent.parent).relation,
      parent.key, follow_parents.wanted.through[i],
      CASE WHEN (parent.parent).organization_column IS NULL
        OR follow_parents.wanted.organization_column IS NULL THEN follow_parents.wanted.workspace_column
        ELSE follow_parents.wanted.organization_column END,
      CASE WHEN (parent.parent).organization_column IS NULL
        OR follow_parents.wanted.organization_column IS NULL THEN (parent.parent).workspace_column
           ELSE (parent.parent).organization_column END), ARRAY[(parent.parent).relation::oid]) r);
    IF strange > 0 THEN
      RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
        MESSAGE = format('rows of table %s have parents of two tenants: %s', follow_parents.relation, strange),
        DETAIL = format('Columns "%s" and "%s" refer to rows of different tenants.', follow_parents.wanted.through[1],
          follow_parents.wanted.through[i]),
        HINT = 'Delete or mend these rows first.';
    END IF;
  END LOOP;
  PERFORM tenancy_internal.make_link_triggers(follow_parents.relation, follow_parents.wanted);
END
$$;
COMMENT ON FUNCTION tenancy_internal.follow_parents(regclass, tenancy.protected_tables) IS 'Has a table take its tenant from its parents: columns, triggers, and rows that are there; raises 55000 when these are too many';

CREATE FUNCTION tenancy.add_tenant_columns(
  relation regclass, through name[], organization name DEFAULT NULL, workspace name DEFAULT NULL, owner name DEFAULT NULL,
  api_key name DEFAULT NULL)
RETURNS void LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  wanted tenancy.protected_tables;
BEGIN
  IF add_tenant_columns.relation IS NULL OR add_tenant_columns.through IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed', MESSAGE = 'a table and the columns that refer to its parents must be given';
  END IF;
  PERFORM tenancy_internal.check_protectable(add_tenant_columns.relation);
  PERFORM tenancy_internal.keep_own(add_tenant_columns.relation);
  PERFORM tenancy_internal.refuse_foreign_tables(add_tenant_columns.relation);
  IF EXISTS (SELECT FROM tenancy.protected_tables t WHERE t.relation = add_tenant_columns.relation) THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = format('table %s is protected already', add_tenant_columns.relation),
      HINT = 'Use tenancy.protect() to change its protection.';
  END IF;
  wanted.inherits_owner := false;
  wanted := tenancy_internal.columns_through(add_tenant_columns.relation, add_tenant_columns.through, add_tenant_columns.organization,
                                    add_tenant_columns.workspace, add_tenant_columns.owner, add_tenant_columns.api_key, wanted);
  PERFORM tenancy_internal.add_copied_columns(add_tenant_columns.relation, wanted);
END
$$;
COMMENT ON FUNCTION tenancy.add_tenant_columns(regclass, name[], name, name, name, name) IS 'First step towards protect(..., through => ...) of a large table: adds the columns that are copied from its parent, without rewriting it, and the triggers that fill them in from now on. Other arguments as for protect(). fill_tenant_columns() does the rows that are there; unprotect() takes the triggers away';
REVOKE ALL ON FUNCTION tenancy.add_tenant_columns(regclass, name[], name, name, name, name) FROM PUBLIC;

-- With the caller's rights: a procedure that commits cannot switch them.
CREATE PROCEDURE tenancy.fill_tenant_columns(relation regclass, batch integer DEFAULT 10000)
LANGUAGE plpgsql AS $$
DECLARE
  part record;
  reached bigint;
  filled bigint := 0;
BEGIN
  FOR part IN SELECT * FROM tenancy_steps.parts_to_fill(fill_tenant_columns.relation, fill_tenant_columns.batch) LOOP
    reached := 0;
    WHILE reached OPERATOR(pg_catalog.<) part.blocks LOOP
      filled := filled OPERATOR(pg_catalog.+) tenancy_steps.fill_tenant_batch(part.part, reached, reached OPERATOR(pg_catalog.+) part.blocks_at_once);
      reached := reached OPERATOR(pg_catalog.+) part.blocks_at_once;
      COMMIT;
    END LOOP;
  END LOOP;
  PERFORM tenancy_steps.notice(pg_catalog.format('rows of table %s that say now what their parents say: %s', fill_tenant_columns.relation, filled));
END
$$;
COMMENT ON PROCEDURE tenancy.fill_tenant_columns(regclass, integer) IS 'Second step towards protect(..., through => ...) of a large table: fills in the columns copied from its parent, about this many rows per transaction, while other sessions continue to write. If stopped and called again, it continues';
REVOKE ALL ON PROCEDURE tenancy.fill_tenant_columns(regclass, integer) FROM PUBLIC;

-- --- for protect(), unprotect() and the guard rails

-- The row's own columns decide whether the first parent is visible, unless the row has its own owner; they never decide about
-- the others.
CREATE FUNCTION tenancy_internal.parents_visible(relation regclass, wanted tenancy.protected_tables) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT string_agg(format('tenancy.parent_visible(%L::regclass, %s, %I)', format('%I.%I', s.nspname, c.relname), n - 1, referring), ' AND ' ORDER BY n)
  FROM unnest((parents_visible.wanted).through) WITH ORDINALITY u (referring, n), pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace
  WHERE c.oid = parents_visible.relation AND (n > 1 OR NOT (parents_visible.wanted).inherits_owner)
$$;
COMMENT ON FUNCTION tenancy_internal.parents_visible(regclass, tenancy.protected_tables) IS 'The condition of a child table''s policies that parents are seen, as SQL; NULL where the row''s own columns say so';

CREATE FUNCTION tenancy_internal.check_children_agree(relation regclass, wanted tenancy.protected_tables) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  before tenancy.protected_tables;
  recorded record;
  children text;
BEGIN
  SELECT * INTO before FROM tenancy.protected_tables t WHERE t.relation = check_children_agree.relation;
  IF NOT FOUND THEN
    recorded := tenancy_internal.inspect_protection(check_children_agree.relation);  -- restored without the catalogs, it may have its policies
    before.organization_column := recorded.organization;
    before.workspace_column := recorded.workspace;
    before.owner_column := recorded.owner;
    before.api_key_column := recorded.api_key;
  END IF;
  IF check_children_agree.wanted.resource IS NOT NULL AND ROW (before.organization_column, before.workspace_column,
    before.owner_column, before.api_key_column)
     IS NOT DISTINCT FROM ROW (check_children_agree.wanted.organization_column, check_children_agree.wanted.workspace_column,
       check_children_agree.wanted.owner_column, check_children_agree.wanted.api_key_column) THEN
    RETURN;
  END IF;
  SELECT string_agg(DISTINCT t.tgconstrrelid::regclass::text, ', ') INTO children FROM pg_trigger t
  WHERE t.tgrelid = check_children_agree.relation AND t.tgconstrrelid <> 0
    AND t.tgfoid IN ('tenancy_internal.move_children'::regproc, 'tenancy_internal.check_parents'::regproc);
  IF children IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
      MESSAGE = format('tables take their tenant from table %s: %s', check_children_agree.relation, children),
      HINT = 'Use tenancy.unprotect() on these first, and protect them again afterwards.';
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_internal.check_children_agree(regclass, tenancy.protected_tables) IS 'Raises 55000 when a table''s columns for its tenant are to change although others are protected through it';

CREATE FUNCTION tenancy_internal.check_part_of_child(part regclass, parent tenancy.protected_tables) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF check_part_of_child.parent.through IS NULL THEN
    RETURN;
  END IF;
  IF NOT (SELECT c.relispartition FROM pg_class c WHERE c.oid = check_part_of_child.part) THEN
    RAISE EXCEPTION USING ERRCODE = 'feature_not_supported',
      MESSAGE = format('table %s cannot inherit from table %s', check_part_of_child.part, check_part_of_child.parent.relation),
      DETAIL = 'Its rows take their tenant from a parent row, and foreign keys and triggers are not inherited.',
      HINT = 'Make it a partition, or a table of its own.';
  END IF;
  IF tenancy_internal.count_differing(check_part_of_child.part, 1) > 0 THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
      MESSAGE = format('rows of table %s do not say what their parents say', check_part_of_child.part),
      DETAIL = format('It becomes part of table %s, whose rows take their tenant from a parent row.', check_part_of_child.parent.relation),
      HINT = 'Fill these columns in, and attach it after that.';
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_internal.check_part_of_child(regclass, tenancy.protected_tables) IS 'Raises 0A000 or 55000 unless a table can become part of a child table';
