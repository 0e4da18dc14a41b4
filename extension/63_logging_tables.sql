-- Tables that follow the settings of what is kept: contents are emptied as rows are written, and rows are hidden, and removed, at the
-- end of their retention. Only for tables named to apply_logging_settings().

CREATE FUNCTION tenancy_internal.hides_expired(organization_id uuid, workspace_id uuid) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT NOT EXISTS (
    SELECT FROM tenancy.organization_members m
    WHERE m.organization_id = hides_expired.organization_id AND m.user_id = tenancy.current_user_id() AND tenancy.current_api_key_id() IS NULL
      AND m.role_id = '00000000-0000-4000-8000-000000000001')
    OR NOT EXISTS (SELECT FROM tenancy.logging_settings s
                   WHERE s.organization_id = hides_expired.organization_id AND s.setting = 'legal_hold'
                     AND (s.workspace_id IS NULL OR s.workspace_id = hides_expired.workspace_id))
$$;
COMMENT ON FUNCTION tenancy_internal.hides_expired(uuid, uuid) IS 'Whether rows past their retention are hidden from the session: not from an owner where a legal hold keeps them';

CREATE FUNCTION tenancy_internal.kept_by(since timestamptz, workspaces uuid[], moments timestamptz[]) RETURNS bytea
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_tenancy_kept_by';
COMMENT ON FUNCTION tenancy_internal.kept_by(timestamptz, uuid[], timestamptz[]) IS 'Moments since which rows are kept, in an organization and in those of some of its workspaces that the session''s principal reaches';

-- Evaluated at each run of a query, and never a constant of its plan: a prepared statement shows no expired rows. The value says
-- whose it is: a sub-select is evaluated once, and a function of the query could make the session somebody else before a row is judged.
CREATE FUNCTION tenancy.kept_since(kind text) RETURNS bytea
LANGUAGE tenancy_unit STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  mine CONSTANT uuid := tenancy.current_organization_id();
  own_workspaces CONSTANT uuid[] := ARRAY(
    SELECT DISTINCT s.workspace_id FROM tenancy.logging_settings s
    WHERE s.organization_id = mine AND s.workspace_id IS NOT NULL AND s.setting IN ('retention_days.' || kept_since.kind, 'legal_hold'));
BEGIN
  RETURN tenancy_internal.kept_by(tenancy_internal.kept_in(kept_since.kind, mine, NULL), own_workspaces,
                                  ARRAY(SELECT tenancy_internal.kept_in(kept_since.kind, mine, w) FROM unnest(own_workspaces) WITH ORDINALITY u (w, n) ORDER BY n));
END
$$;
COMMENT ON FUNCTION tenancy.kept_since(text) IS 'Since when rows of a kind are kept in the session''s organization and its workspaces, for is_kept() in policies of tables that follow logging settings';

CREATE FUNCTION tenancy_internal.kept_in(kind text, organization_id uuid, workspace_id uuid) RETURNS timestamptz
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  days CONSTANT text := tenancy_internal.logging_value(kept_in.organization_id, kept_in.workspace_id, 'retention_days.' || kept_in.kind);
BEGIN
  RETURN CASE WHEN days IS NULL OR NOT tenancy_internal.hides_expired(kept_in.organization_id, kept_in.workspace_id) THEN '-infinity'
              ELSE clock_timestamp() - days::int * interval '24 hours' END;
END
$$;
COMMENT ON FUNCTION tenancy_internal.kept_in(text, uuid, uuid) IS 'Since when rows of a kind are kept in an organization, or in one of its workspaces, as the session sees them';

CREATE FUNCTION tenancy.is_kept(received_at timestamptz, workspace uuid, since bytea) RETURNS boolean
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_tenancy_is_kept';
COMMENT ON FUNCTION tenancy.is_kept(timestamptz, uuid, bytea) IS 'Whether a row received then is still kept, by the value of kept_since(); 55000 when the session''s principal has changed since that value was made; for the same policies';

CREATE FUNCTION tenancy_internal.receive_row() RETURNS trigger LANGUAGE c AS 'MODULE_PATHNAME', 'pg_tenancy_receive_row';
COMMENT ON FUNCTION tenancy_internal.receive_row() IS 'Trigger: notes when a row was received, which stays as it is in whatever partition the row comes to lie';

CREATE FUNCTION tenancy_internal.keep_rows() RETURNS trigger LANGUAGE c AS 'MODULE_PATHNAME', 'pg_tenancy_keep_rows';
COMMENT ON FUNCTION tenancy_internal.keep_rows() IS 'Trigger: refuses to truncate a table with rows under a legal hold (55000)';

CREATE FUNCTION tenancy_internal.refuse_rewriting() RETURNS event_trigger LANGUAGE c AS 'MODULE_PATHNAME', 'pg_tenancy_refuse_rewriting';
COMMENT ON FUNCTION tenancy_internal.refuse_rewriting() IS 'Event trigger: refuses to rewrite columns of a table with rows under a legal hold (55000)';

CREATE FUNCTION tenancy_internal.watch_drops() RETURNS event_trigger LANGUAGE c AS 'MODULE_PATHNAME', 'pg_tenancy_watch_drops';
COMMENT ON FUNCTION tenancy_internal.watch_drops() IS 'Event trigger: loads the module, which refuses to drop or detach what has rows under a legal hold (55000)';

-- Not SECURITY DEFINER: conversions of the row, and checks of its types, are its writer's. The arguments: kind, columns of
-- organization and workspace, and the content's columns with their empty values.
CREATE FUNCTION tenancy_internal.keep_row() RETURNS trigger LANGUAGE c AS 'MODULE_PATHNAME', 'pg_tenancy_keep_row';
COMMENT ON FUNCTION tenancy_internal.keep_row() IS 'Trigger: empties content that is not to be stored, whoever writes the row; keeps rows under a legal hold, and their content, as they are (55000)';

CREATE FUNCTION tenancy_internal.empty_values(relation regclass, columns name[]) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT coalesce(jsonb_object_agg(a.attname, CASE
    WHEN NOT a.attnotnull THEN 'null'::jsonb
    WHEN a.atttypid IN ('json'::regtype, 'jsonb'::regtype)
      THEN CASE WHEN strpos(pg_get_expr(d.adbin, d.adrelid), '[]') > 0 THEN '[]'::jsonb ELSE '{}'::jsonb END
    ELSE '""'::jsonb END), '{}')
  FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  WHERE a.attrelid = empty_values.relation AND a.attname = ANY (empty_values.columns) AND NOT a.attisdropped
$$;
COMMENT ON FUNCTION tenancy_internal.empty_values(regclass, name[]) IS 'Columns with the values that they have without content: NULL, or an empty object, array or text';

CREATE FUNCTION tenancy_internal.drop_retention_policies(relation regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp SET tenancy.guard_rails = off AS $$
DECLARE
  policy name;
BEGIN
  FOR policy IN SELECT p.polname FROM pg_policy p WHERE p.polrelid = drop_retention_policies.relation
    AND p.polname IN ('tenancy_retention', 'tenancy_retention_update', 'tenancy_retention_delete') LOOP
    EXECUTE format('DROP POLICY %I ON %s', policy, drop_retention_policies.relation);
  END LOOP;
END
$$;
COMMENT ON FUNCTION tenancy_internal.drop_retention_policies(regclass) IS 'Drops the policies by which rows of one table are hidden at the end of their retention';

-- Also for UPDATE and DELETE: one that reads no column is not asked by a policy for SELECT, and could move rows to where they are kept
-- longer. Not for INSERT, which writes new rows.
CREATE FUNCTION tenancy_internal.make_retention_policy(relation regclass, kept tenancy_internal.kept_tables) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp SET tenancy.guard_rails = off AS $$
DECLARE
  workspace_column name := (SELECT t.workspace_column FROM tenancy.protected_tables t WHERE t.relation = make_retention_policy.relation);
  policy record;
BEGIN
  PERFORM tenancy_internal.drop_retention_policies(make_retention_policy.relation);
  FOR policy IN SELECT * FROM (VALUES ('tenancy_retention', 'SELECT'), ('tenancy_retention_update', 'UPDATE'), ('tenancy_retention_delete', 'DELETE')) v (name, command) LOOP
    EXECUTE format('CREATE POLICY %I ON %s AS RESTRICTIVE FOR %s USING (tenancy.is_kept(received_at, %s, (SELECT tenancy.kept_since(%L))))',
      policy.name, make_retention_policy.relation, policy.command, coalesce(quote_ident(workspace_column), 'NULL'), make_retention_policy.kept.kind);
  END LOOP;
END
$$;
COMMENT ON FUNCTION tenancy_internal.make_retention_policy(regclass, tenancy_internal.kept_tables) IS 'Hides rows past their retention from principals, in one table, whatever they do with them';

CREATE FUNCTION tenancy_internal.kept_above(relation regclass) RETURNS tenancy_internal.kept_tables
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  nearest tenancy_internal.kept_tables;
BEGIN
  IF EXISTS (SELECT FROM tenancy_internal.kept_tables) THEN
    WITH RECURSIVE ancestors AS (
      SELECT kept_above.relation::oid AS relid, 0 AS distance
      UNION
      SELECT i.inhparent, a.distance + 1 FROM pg_inherits i JOIN ancestors a ON i.inhrelid = a.relid
    )
    -- Columns that one of them calls content hold some in its children, too.
    SELECT k.relation, k.kind, (SELECT coalesce(array_agg(DISTINCT c ORDER BY c), '{}') FROM ancestors b JOIN tenancy_internal.kept_tables m ON m.relation = b.relid, unnest(m.content) c)
    INTO nearest FROM ancestors a JOIN tenancy_internal.kept_tables k ON k.relation = a.relid ORDER BY a.distance, k.relation LIMIT 1;
  END IF;
  RETURN nearest;
END
$$;
COMMENT ON FUNCTION tenancy_internal.kept_above(regclass) IS 'What is recorded of a table that follows the logging settings, by itself or as a partition or child';

-- The server computes them after triggers have judged the row, by columns that a hold need not keep.
CREATE FUNCTION tenancy_internal.generated_among(relation regclass, columns name[]) RETURNS name
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT a.attname FROM pg_attribute a
  WHERE a.attrelid = generated_among.relation AND a.attname = ANY (generated_among.columns) AND NOT a.attisdropped AND a.attgenerated <> '' ORDER BY a.attnum LIMIT 1
$$;
COMMENT ON FUNCTION tenancy_internal.generated_among(regclass, name[]) IS 'The first generated column among some of a table, or NULL';

-- Temporary objects are dropped as their session ends, with the columns that depend on them; autovacuum does so without asking.
CREATE FUNCTION tenancy_internal.temporary_among(relation regclass) RETURNS text
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_temporary_among';
COMMENT ON FUNCTION tenancy_internal.temporary_among(regclass) IS 'That a table, or its first such column, depends on something temporary, such as a type within its type, a collation or a function; or NULL';

CREATE FUNCTION tenancy_internal.check_lasting(catalog regclass, object oid) RETURNS void
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_check_lasting';
COMMENT ON FUNCTION tenancy_internal.check_lasting(regclass, oid) IS 'Raises 55000 where a table that follows the logging settings, and is or depends on an object, depends on something temporary';

CREATE FUNCTION tenancy_internal.problem_of_keeping(relation regclass, organization_column name, workspace_column name, content name[]) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT CASE WHEN problem_of_keeping.organization_column IS NULL THEN 'no column says whose organization''s a row is'
              WHEN (SELECT c.relpersistence FROM pg_class c WHERE c.oid = problem_of_keeping.relation AND c.relkind = 'r') = 'u' THEN 'it is UNLOGGED, hence empty after a crash'
              ELSE coalesce(
                (SELECT format('column "%s" is not of type uuid', a.attname) FROM pg_attribute a
                 WHERE a.attrelid = problem_of_keeping.relation AND NOT a.attisdropped
                   AND a.attname IN (problem_of_keeping.organization_column, problem_of_keeping.workspace_column)
                   AND tenancy_internal.base_type(a.atttypid) <> 'uuid'::regtype ORDER BY a.attnum LIMIT 1),
                'column "' || tenancy_internal.generated_among(problem_of_keeping.relation,
                  problem_of_keeping.content || problem_of_keeping.organization_column || problem_of_keeping.workspace_column) || '" is generated',
                tenancy_internal.temporary_among(problem_of_keeping.relation)) END
$$;
COMMENT ON FUNCTION tenancy_internal.problem_of_keeping(regclass, name, name, name[]) IS 'Why a table with these columns of organization, workspace and content cannot follow the logging settings, or NULL';

CREATE FUNCTION tenancy_internal.trigger_after_keeping(relation regclass) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT format('trigger "%s" would run after those that keep rows', g.tgname) FROM pg_trigger g
  WHERE g.tgrelid = trigger_after_keeping.relation AND NOT g.tgisinternal AND g.tgtype::int & 3 = 3 AND g.tgname COLLATE "C" >= '~~tenancy_keep_row'
    AND (SELECT p.pronamespace FROM pg_proc p WHERE p.oid = g.tgfoid) <> 'tenancy_internal'::regnamespace ORDER BY g.tgname COLLATE "C" LIMIT 1
$$;
COMMENT ON FUNCTION tenancy_internal.trigger_after_keeping(regclass) IS 'Which BEFORE ROW trigger could change a row after it was judged, or NULL';

-- A partition that is recorded as of more content or of another kind than its parent has triggers of its parent that know nothing of it.
CREATE FUNCTION tenancy_internal.is_kept_as_recorded(relation regclass, by_parent boolean) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT EXISTS (
    SELECT FROM tenancy_internal.kept_above(is_kept_as_recorded.relation) k, tenancy.protected_tables t, pg_trigger g
    WHERE t.relation = is_kept_as_recorded.relation AND g.tgrelid = t.relation AND g.tgfoid = 'tenancy_internal.keep_row'::regproc
      AND g.tgenabled = 'A' AND (g.tgparentid <> 0 OR NOT is_kept_as_recorded.by_parent)
      AND (tenancy_internal.trigger_argument(g.tgargs, 0), tenancy_internal.trigger_argument(g.tgargs, 1), tenancy_internal.trigger_argument(g.tgargs, 2))
        IS NOT DISTINCT FROM (k.kind, t.organization_column::text, t.workspace_column::text)
      AND tenancy_internal.trigger_argument(g.tgargs, 3)::jsonb ?& ARRAY(SELECT jsonb_object_keys(tenancy_internal.empty_values(t.relation, k.content))))
$$;
COMMENT ON FUNCTION tenancy_internal.is_kept_as_recorded(regclass, boolean) IS 'Whether a trigger of a table, or one that it has as a partition of its parent, keeps rows by the kind, tenant columns and content that are recorded';

CREATE FUNCTION tenancy_internal.keep_member(relation regclass, kept tenancy_internal.kept_tables) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp SET tenancy.guard_rails = off AS $$
DECLARE
  protected tenancy.protected_tables;
  other regclass;
  problem text;
  follows_parent boolean;
  content_trigger name;
  stray name;
BEGIN
  SELECT * INTO protected FROM tenancy.protected_tables t WHERE t.relation = keep_member.relation;
  problem := tenancy_internal.problem_of_keeping(keep_member.relation, protected.organization_column, protected.workspace_column, (keep_member.kept).content);
  IF problem IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
      MESSAGE = format('table %s follows the logging settings, and %s', keep_member.relation, problem),
      HINT = format('Use tenancy.ignore_logging_settings(%L) first, if it is no longer to follow them.', (keep_member.kept).relation::text);
  END IF;
  -- Rows that are reached by the parent are judged by the parent's columns, in policies, and would be kept by others.
  WITH RECURSIVE ancestors AS (
    SELECT keep_member.relation::oid AS relid
    UNION
    SELECT i.inhparent FROM pg_inherits i JOIN ancestors a ON i.inhrelid = a.relid
  )
  SELECT t.relation INTO other FROM ancestors a JOIN tenancy_internal.kept_tables k ON k.relation = a.relid JOIN tenancy.protected_tables t ON t.relation = a.relid
  WHERE t.organization_column <> protected.organization_column OR t.workspace_column IS DISTINCT FROM protected.workspace_column AND t.workspace_column IS NOT NULL LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
      MESSAGE = format('table %s is not protected by the same columns as table %s', keep_member.relation, other),
      DETAIL = 'It would follow the logging settings, as a child of a table that does.',
      HINT = format('Protect it by the same columns, or use tenancy.ignore_logging_settings(%L) first.', other::text);
  END IF;
  problem := tenancy_internal.trigger_after_keeping(keep_member.relation);
  IF problem IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = problem,
      DETAIL = format('Table %s follows the logging settings, and BEFORE ROW triggers run in the order of their names.', keep_member.relation),
      HINT = 'Rename it: to a name that sorts before "~~tenancy_keep_row".';
  END IF;
  PERFORM tenancy_internal.keep_name(keep_member.relation);
  PERFORM tenancy_internal.check_partition_keys(keep_member.relation);
  -- A partition has its parent's triggers for rows, if that follows the settings.
  follows_parent := EXISTS (SELECT FROM pg_class c JOIN pg_inherits i ON i.inhrelid = c.oid JOIN pg_trigger g ON g.tgrelid = i.inhparent
                            WHERE c.oid = keep_member.relation AND c.relispartition AND g.tgfoid = 'tenancy_internal.keep_row'::regproc);
  IF NOT follows_parent THEN
    EXECUTE format('CREATE OR REPLACE TRIGGER "~~tenancy_keep_row" BEFORE INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW
                    EXECUTE FUNCTION tenancy_internal.receive_row()', keep_member.relation);
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER "~~tenancy_keep_row"', keep_member.relation);
    content_trigger := '~~tenancy_keep_row_content';
  -- Those cannot be replaced in a partition: another one comes after them. Only where rows lie, so that it is never a parent's, too.
  ELSIF (SELECT c.relkind FROM pg_class c WHERE c.oid = keep_member.relation) = 'r' AND NOT tenancy_internal.is_kept_as_recorded(keep_member.relation, true) THEN
    content_trigger := '~~tenancy_keep_row_content_own';
  END IF;
  IF content_trigger IS NOT NULL THEN
    EXECUTE format('CREATE OR REPLACE TRIGGER %I BEFORE INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW
                    EXECUTE FUNCTION tenancy_internal.keep_row(%L, %L, %L, %L)', content_trigger, keep_member.relation, (keep_member.kept).kind,
                   protected.organization_column, coalesce(protected.workspace_column, ''),
                   tenancy_internal.empty_values(keep_member.relation, (keep_member.kept).content));
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', keep_member.relation, content_trigger);
  END IF;
  -- One that it no longer needs, or that a superuser has renamed: the last by name says whose the rows are.
  FOR stray IN SELECT g.tgname FROM pg_trigger g
               WHERE g.tgrelid = keep_member.relation AND g.tgparentid = 0
                 AND g.tgfoid = ANY ('{tenancy_internal.receive_row,tenancy_internal.keep_row,tenancy_internal.keep_rows}'::regproc[])
                 AND g.tgname <> ALL ('{~~tenancy_keep_row,~~tenancy_keep_row_content,~~tenancy_keep_rows}') AND g.tgname IS DISTINCT FROM content_trigger LOOP
    EXECUTE format('DROP TRIGGER %I ON %s', stray, keep_member.relation);
  END LOOP;
  EXECUTE format('CREATE OR REPLACE TRIGGER "~~tenancy_keep_rows" BEFORE TRUNCATE ON %s EXECUTE FUNCTION tenancy_internal.keep_rows()', keep_member.relation);
  EXECUTE format('ALTER TABLE ONLY %s ENABLE ALWAYS TRIGGER "~~tenancy_keep_rows"', keep_member.relation);
  PERFORM tenancy_internal.make_retention_policy(keep_member.relation, keep_member.kept);
  -- Once more, with the triggers, and with its types locked: others may be changing these.
  PERFORM tenancy_internal.check_lasting('pg_class', keep_member.relation);
END
$$;
COMMENT ON FUNCTION tenancy_internal.keep_member(regclass, tenancy_internal.kept_tables) IS 'Has one table, or one partition or child, follow the logging settings; 55000 where its columns of tenants do not allow it';

CREATE FUNCTION tenancy_internal.check_kept_place(relation regclass, organization_column name, workspace_column name, content name[], renamed name, renamed_to name) RETURNS void
LANGUAGE c AS 'MODULE_PATHNAME', 'pg_tenancy_check_kept_place';
COMMENT ON FUNCTION tenancy_internal.check_kept_place(regclass, name, name, name[], name, name) IS 'Raises 55000 where other columns than so far, but for a renamed one, are to say whose the rows of a table are, or fewer to hold content, while some are under a legal hold; of all, only the last two may be NULL';

-- Triggers of what followed the settings before, by itself or as a child, keep rows by their own columns.
CREATE FUNCTION tenancy_internal.check_kept_family(relation regclass, renamed name DEFAULT NULL, renamed_to name DEFAULT NULL) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT tenancy_internal.check_kept_place(f, coalesce(t.organization_column, ''), coalesce(t.workspace_column, ''), coalesce((tenancy_internal.kept_above(f)).content, '{}'),
    check_kept_family.renamed, check_kept_family.renamed_to)
  FROM tenancy_internal.family_of(check_kept_family.relation) f JOIN tenancy.protected_tables t ON t.relation = f
$$;
COMMENT ON FUNCTION tenancy_internal.check_kept_family(regclass, name, name) IS 'The same of a table with those of its partitions and children that are protected, before these follow the settings by the columns that are recorded of them';

CREATE FUNCTION tenancy_internal.follow_kept_parent(relation regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  kept CONSTANT tenancy_internal.kept_tables := tenancy_internal.kept_above(follow_kept_parent.relation);
BEGIN
  IF kept.relation IS NOT NULL THEN
    PERFORM tenancy_internal.check_kept_place(f, coalesce(t.organization_column, ''), coalesce(t.workspace_column, ''), kept.content, NULL, NULL)
    FROM tenancy.protected_tables t, tenancy_internal.family_of(follow_kept_parent.relation) f WHERE t.relation = follow_kept_parent.relation;
    PERFORM tenancy_internal.keep_member(follow_kept_parent.relation, kept);
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_internal.follow_kept_parent(regclass) IS 'Has a new partition or child, or a table that is protected anew, follow the logging settings as before';

CREATE FUNCTION tenancy_internal.keeps_by_column(relation regclass, "column" name) RETURNS boolean
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_keeps_by_column';
COMMENT ON FUNCTION tenancy_internal.keeps_by_column(regclass, name) IS 'Whether the triggers by which a table follows the logging settings, or did as a child, need a column';

-- Triggers that nothing renews: of a child that its parent has left, or whose protection was taken away.
CREATE FUNCTION tenancy_internal.check_kept_names(relation regclass, renamed name) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  former regclass;
BEGIN
  SELECT f INTO former FROM tenancy_internal.family_of(check_kept_names.relation) f
  WHERE tenancy_internal.keeps_by_column(f, check_kept_names.renamed)
    AND ((tenancy_internal.kept_above(f)).relation IS NULL OR NOT EXISTS (SELECT FROM tenancy.protected_tables t WHERE t.relation = f)) LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
      MESSAGE = format('column "%s" of table %s cannot be renamed', check_kept_names.renamed, former),
      DETAIL = 'The table has followed the logging settings, and still has the triggers that keep its rows by this column.',
      HINT = format('Use tenancy.protect() and tenancy.apply_logging_settings(%L) if it is to follow them, and then tenancy.ignore_logging_settings() if it is not.', former::text);
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_internal.check_kept_names(regclass, name) IS 'Raises 55000 where a renamed column is one of those by which triggers keep rows of a table that no longer follows the logging settings';

CREATE FUNCTION tenancy_internal.follow_kept_columns(relation regclass, renamed name, renamed_to name) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  kept regclass;
BEGIN
  -- A dump brings the triggers and policies itself, after constraints that say again that columns are NOT NULL.
  IF NOT EXISTS (SELECT FROM tenancy_internal.kept_tables) OR (follow_kept_columns.renamed IS NULL AND current_setting('check_function_bodies') = 'off') THEN
    RETURN;
  END IF;
  -- Columns of children change with those of a parent, which need not follow the settings itself.
  FOR kept IN SELECT DISTINCT (tenancy_internal.kept_above(f)).relation FROM tenancy_internal.family_of(follow_kept_columns.relation) f LOOP
    CONTINUE WHEN kept IS NULL;
    PERFORM tenancy_internal.follow_kept_columns_of(kept, follow_kept_columns.renamed, follow_kept_columns.renamed_to);
  END LOOP;
END
$$;
COMMENT ON FUNCTION tenancy_internal.follow_kept_columns(regclass, name, name) IS 'Has a table, with its partitions and children, follow the logging settings after a column was renamed, or (NULL) changed; 55000 for received_at';

CREATE FUNCTION tenancy_internal.follow_kept_columns_of(kept regclass, renamed name, renamed_to name) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF follow_kept_columns_of.renamed = 'received_at' THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
      MESSAGE = format('column "received_at" of table %s cannot be renamed', follow_kept_columns_of.kept),
      DETAIL = 'The table follows the logging settings, which count from it.';
  END IF;
  UPDATE tenancy_internal.kept_tables k
  SET content = ARRAY(SELECT DISTINCT a.attname FROM pg_attribute a
                      WHERE a.attrelid = k.relation AND NOT a.attisdropped
                        AND (a.attname = ANY (k.content) OR a.attname = follow_kept_columns_of.renamed_to AND follow_kept_columns_of.renamed = ANY (k.content)))
  WHERE k.relation = follow_kept_columns_of.kept;
  PERFORM tenancy_internal.check_kept_family(follow_kept_columns_of.kept, follow_kept_columns_of.renamed, follow_kept_columns_of.renamed_to);
  PERFORM tenancy_internal.keep_member(f, tenancy_internal.kept_above(f)) FROM tenancy_internal.family_of(follow_kept_columns_of.kept) f
  WHERE EXISTS (SELECT FROM tenancy.protected_tables t WHERE t.relation = f);
  PERFORM tenancy_internal.remember_name(follow_kept_columns_of.kept, false);
END
$$;
COMMENT ON FUNCTION tenancy_internal.follow_kept_columns_of(regclass, name, name) IS 'The same for one table that was recorded to follow them';

CREATE FUNCTION tenancy_internal.keep_table(relation regclass, kept tenancy_internal.kept_tables) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp SET tenancy.guard_rails = off AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = keep_table.relation AND a.attname = 'received_at' AND NOT a.attisdropped) THEN
    EXECUTE format('ALTER TABLE %s ADD COLUMN received_at timestamptz NOT NULL DEFAULT now()', keep_table.relation);
    EXECUTE format('COMMENT ON COLUMN %s.received_at IS %L', keep_table.relation, 'When the row was written, by the server''s clock');
  END IF;
  INSERT INTO tenancy_internal.kept_tables (relation, kind, content) VALUES (keep_table.relation, keep_table.kept.kind, keep_table.kept.content)
  ON CONFLICT ON CONSTRAINT kept_tables_pkey DO UPDATE SET kind = EXCLUDED.kind, content = EXCLUDED.content;
  PERFORM tenancy_internal.check_kept_family(keep_table.relation);
  -- Others follow as they are protected.
  PERFORM tenancy_internal.keep_member(f, tenancy_internal.kept_above(f)) FROM tenancy_internal.family_of(keep_table.relation) f
  WHERE EXISTS (SELECT FROM tenancy.protected_tables t WHERE t.relation = f);
  PERFORM tenancy_internal.remember_name(keep_table.relation, false);
END
$$;
COMMENT ON FUNCTION tenancy_internal.keep_table(regclass, tenancy_internal.kept_tables) IS 'Has one table, with its partitions and children, follow the logging settings';

CREATE FUNCTION tenancy_internal.keep_call(kept tenancy_internal.kept_tables) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT format('tenancy.apply_logging_settings(%L, %L, %L)', (keep_call.kept).relation, (keep_call.kept).kind, (keep_call.kept).content)
$$;
COMMENT ON FUNCTION tenancy_internal.keep_call(tenancy_internal.kept_tables) IS 'The call of apply_logging_settings() by which a table follows the logging settings as it is recorded to do';

-- Whichever way a table comes by the name, and is protected: a partition or child alone follows its parent, whatever its name.
CREATE FUNCTION tenancy_internal.take_kept(relation regclass, named tenancy.protected_names) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  kept tenancy_internal.kept_tables;
  problem text;
BEGIN
  IF take_kept.named.kept_kind IS NULL OR EXISTS (SELECT FROM tenancy_internal.kept_tables k WHERE k.relation = take_kept.relation)
    OR (tenancy_internal.protected_parent(take_kept.relation)).relation IS NOT NULL THEN
    RETURN;
  END IF;
  SELECT tenancy_internal.problem_of_keeping(t.relation, t.organization_column, t.workspace_column, take_kept.named.kept_content) INTO problem
  FROM tenancy.protected_tables t WHERE t.relation = take_kept.relation;
  problem := coalesce(problem, (
    SELECT format('column "%s" does not exist', v.wanted) FROM unnest(take_kept.named.kept_content) v (wanted)
    WHERE NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = take_kept.relation AND a.attname = v.wanted AND a.attnum > 0 AND NOT a.attisdropped) LIMIT 1));
  IF problem IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
      MESSAGE = format('table %s cannot follow the logging settings: %s', take_kept.relation, problem),
      DETAIL = 'A table of this name followed them.',
      HINT = format('Use tenancy.forget(%L) first if the table of this name is to follow them no longer, or tenancy.apply_logging_settings() with other columns afterwards.',
                    format('%I.%I', take_kept.named.schema_name, take_kept.named.table_name));
  END IF;
  PERFORM tenancy_internal.keep_own(take_kept.relation);
  kept.kind := take_kept.named.kept_kind;
  kept.content := take_kept.named.kept_content;
  PERFORM tenancy_internal.keep_table(take_kept.relation, kept);
  PERFORM tenancy_steps.notice(format('table %s follows the logging settings, as the table of this name did before it', take_kept.relation),
    hint => format('Use tenancy.ignore_logging_settings(%L) if it is not to follow them.', take_kept.relation::text));
END
$$;
COMMENT ON FUNCTION tenancy_internal.take_kept(regclass, tenancy.protected_names) IS 'Has a protected table that has taken a name follow the logging settings, if the former table of the name did; 55000 where its columns do not allow it';

CREATE FUNCTION tenancy.apply_logging_settings(relation regclass, kind text, content name[] DEFAULT '{}') RETURNS void
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  kept tenancy_internal.kept_tables;
  protected tenancy.protected_tables;
  wrong name;
BEGIN
  IF apply_logging_settings.relation IS NULL OR apply_logging_settings.kind IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed', MESSAGE = 'a table and its kind must be given';
  END IF;
  PERFORM tenancy_internal.check_protectable(apply_logging_settings.relation);
  PERFORM tenancy_internal.keep_own(apply_logging_settings.relation);
  SELECT * INTO protected FROM tenancy.protected_tables t WHERE t.relation = apply_logging_settings.relation;
  IF NOT FOUND OR protected.organization_column IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
      MESSAGE = format('table %s is not protected by a column with the organization', apply_logging_settings.relation),
      HINT = 'Use tenancy.protect() first.';
  END IF;
  SELECT a.attname INTO wrong FROM pg_attribute a
  WHERE a.attrelid = apply_logging_settings.relation AND a.attname IN (protected.organization_column, protected.workspace_column)
    AND tenancy_internal.base_type(a.atttypid) <> 'uuid'::regtype LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'feature_not_supported', MESSAGE = format('column "%s" is not of type uuid', wrong),
      DETAIL = 'Logging settings apply to tables whose tenant columns are.';
  END IF;
  IF apply_logging_settings.kind NOT IN ('logs', 'payloads', 'traces', 'analytics') THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('kind "%s" does not exist', apply_logging_settings.kind),
      HINT = 'Kinds are logs, payloads, traces and analytics.';
  END IF;
  FOREACH wrong IN ARRAY coalesce(apply_logging_settings.content, '{}') LOOP
    PERFORM tenancy_internal.check_column(apply_logging_settings.relation, wrong, false);
  END LOOP;
  wrong := tenancy_internal.generated_among(apply_logging_settings.relation,
    apply_logging_settings.content || protected.organization_column || protected.workspace_column);
  IF wrong IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'feature_not_supported', MESSAGE = format('column "%s" is generated', wrong),
      DETAIL = 'Rows are judged, and content is emptied, before the server computes it.',
      HINT = CASE WHEN wrong = ANY (apply_logging_settings.content) THEN 'Name the columns that it is generated from.' ELSE 'Protect the table by columns that are not.' END;
  END IF;
  IF (SELECT c.relpersistence FROM pg_class c WHERE c.oid = apply_logging_settings.relation) = 'u' THEN
    RAISE EXCEPTION USING ERRCODE = 'feature_not_supported', MESSAGE = format('table %s is UNLOGGED', apply_logging_settings.relation),
      DETAIL = 'It would be empty after a crash, also of rows under a legal hold.', HINT = 'Use ALTER TABLE ... SET LOGGED first.';
  END IF;
  kept.kind := apply_logging_settings.kind;
  kept.content := coalesce(apply_logging_settings.content, '{}');
  IF tenancy_steps.is_distributed(apply_logging_settings.relation) THEN
    RAISE EXCEPTION USING ERRCODE = 'feature_not_supported', MESSAGE = format('table %s is distributed by Citus', apply_logging_settings.relation),
      DETAIL = 'Triggers and restrictive policies follow the logging settings, and Citus distributes neither.', HINT = 'Undistribute it, and protect it again.';
  END IF;
  PERFORM tenancy_internal.keep_table(apply_logging_settings.relation, kept);
END
$$;
COMMENT ON FUNCTION tenancy.apply_logging_settings(regclass, text, name[]) IS 'Has a protected table, with its partitions, follow the logging settings of each row''s organization and workspace: rows of a kind (logs, payloads, traces, analytics) have their content (the columns) emptied as they are written, whoever writes them, and are hidden and removed at the end of their retention, counted from a new column received_at; rows under a legal hold are not deleted; for the table''s owner. 55000 for a table that isn''t protected, 0A000 for tenant columns that are not of type uuid, for generated columns, and for an UNLOGGED table';
REVOKE ALL ON FUNCTION tenancy.apply_logging_settings(regclass, text, name[]) FROM PUBLIC;

CREATE FUNCTION tenancy.apply_logging_settings(schema regnamespace) RETURNS void
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  PERFORM tenancy.apply_logging_settings(c.oid::regclass, v.kind, v.content::name[])
  FROM (VALUES ('logs', 'logs', '{metadata}'), ('log_payloads', 'payloads', '{request,response}'),
               ('traces', 'traces', '{status_message,attributes,events,links}'), ('analytics', 'analytics', '{}')) v (name, kind, content)
  JOIN pg_class c ON c.relnamespace = apply_logging_settings.schema AND c.relname = v.name AND c.relkind IN ('r', 'p');
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'undefined_table', MESSAGE = format('schema %s has no observability tables', apply_logging_settings.schema),
      HINT = 'Use tenancy.create_observability() first.';
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy.apply_logging_settings(regnamespace) IS 'The same for all observability tables of a schema: content is the requests and responses of log_payloads, metadata of logs, and of traces status_message, attributes, events and links';
REVOKE ALL ON FUNCTION tenancy.apply_logging_settings(regnamespace) FROM PUBLIC;
