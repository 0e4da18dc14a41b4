-- Tables that follow the settings of what is kept: contents are emptied as rows are written, and rows are hidden, and removed, at the
-- end of their retention. Only for tables that ask for it.

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
COMMENT ON FUNCTION tenancy_internal.kept_by(timestamptz, uuid[], timestamptz[]) IS 'Moments since which rows are kept, in an organization and in some of its workspaces, as the session''s principal sees them';

-- Evaluated at each run of a query, and never a constant of its plan: a prepared statement shows no expired rows. The value says
-- whose it is: a sub-select is evaluated once, and a function of the query could make the session somebody else before a row is judged.
CREATE FUNCTION tenancy.kept_since(kind text) RETURNS bytea
LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
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
              ELSE clock_timestamp() - days::int * interval '1 day' END;
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

CREATE FUNCTION tenancy_internal.make_retention_policy(relation regclass, kept tenancy.kept_tables) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp SET tenancy.guard_rails = off AS $$
DECLARE
  workspace_column name := (SELECT t.workspace_column FROM tenancy.protected_tables t WHERE t.relation = make_retention_policy.relation);
BEGIN
  IF EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = make_retention_policy.relation AND p.polname = 'tenancy_retention') THEN
    EXECUTE format('DROP POLICY tenancy_retention ON %s', make_retention_policy.relation);
  END IF;
  EXECUTE format('CREATE POLICY tenancy_retention ON %s AS RESTRICTIVE FOR SELECT USING (tenancy.is_kept(received_at, %s, (SELECT tenancy.kept_since(%L))))',
    make_retention_policy.relation, coalesce(quote_ident(workspace_column), 'NULL'), make_retention_policy.kept.kind);
END
$$;
COMMENT ON FUNCTION tenancy_internal.make_retention_policy(regclass, tenancy.kept_tables) IS 'Hides rows past their retention from principals, in one table';

CREATE FUNCTION tenancy_internal.kept_above(relation regclass) RETURNS tenancy.kept_tables
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  nearest tenancy.kept_tables;
BEGIN
  IF EXISTS (SELECT FROM tenancy.kept_tables) THEN
    WITH RECURSIVE ancestors AS (
      SELECT kept_above.relation::oid AS relid, 0 AS distance
      UNION
      SELECT i.inhparent, a.distance + 1 FROM pg_inherits i JOIN ancestors a ON i.inhrelid = a.relid
    )
    SELECT k.* INTO nearest FROM ancestors a JOIN tenancy.kept_tables k ON k.relation = a.relid ORDER BY a.distance LIMIT 1;
  END IF;
  RETURN nearest;
END
$$;
COMMENT ON FUNCTION tenancy_internal.kept_above(regclass) IS 'What is recorded of a table that follows the logging settings, by itself or as a partition or child';

CREATE FUNCTION tenancy_internal.problem_of_keeping(relation regclass, organization_column name, workspace_column name) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT CASE WHEN problem_of_keeping.organization_column IS NULL THEN 'no column says whose organization''s a row is'
              ELSE (SELECT format('column "%s" is not of type uuid', a.attname) FROM pg_attribute a
                    WHERE a.attrelid = problem_of_keeping.relation AND NOT a.attisdropped
                      AND a.attname IN (problem_of_keeping.organization_column, problem_of_keeping.workspace_column)
                      AND tenancy_internal.base_type(a.atttypid) <> 'uuid'::regtype ORDER BY a.attnum LIMIT 1) END
$$;
COMMENT ON FUNCTION tenancy_internal.problem_of_keeping(regclass, name, name) IS 'Why a table with these columns of organization and workspace cannot follow the logging settings, or NULL';

CREATE FUNCTION tenancy_internal.keep_member(relation regclass, kept tenancy.kept_tables) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp SET tenancy.guard_rails = off AS $$
DECLARE
  protected tenancy.protected_tables;
  problem text;
BEGIN
  SELECT * INTO protected FROM tenancy.protected_tables t WHERE t.relation = keep_member.relation;
  problem := tenancy_internal.problem_of_keeping(keep_member.relation, protected.organization_column, protected.workspace_column);
  IF problem IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
      MESSAGE = format('table %s follows the logging settings, and %s', keep_member.relation, problem),
      HINT = format('Use tenancy.ignore_logging_settings(%L) first, if it is no longer to follow them.', (keep_member.kept).relation::text);
  END IF;
  SELECT format('trigger "%s" would run after those that keep rows', g.tgname) INTO problem FROM pg_trigger g
  WHERE g.tgrelid = keep_member.relation AND NOT g.tgisinternal AND g.tgtype::int & 3 = 3 AND g.tgname COLLATE "C" >= '~tenancy_keep_row'
    AND (SELECT p.pronamespace FROM pg_proc p WHERE p.oid = g.tgfoid) <> 'tenancy_internal'::regnamespace ORDER BY g.tgname COLLATE "C" LIMIT 1;
  IF problem IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = problem,
      DETAIL = format('Table %s follows the logging settings, and BEFORE ROW triggers run in the order of their names.', keep_member.relation),
      HINT = 'Rename it: to a name that sorts before "~tenancy_keep_row".';
  END IF;
  -- A partition has its parent's triggers for rows.
  IF NOT (SELECT c.relispartition FROM pg_class c WHERE c.oid = keep_member.relation) THEN
    EXECUTE format('CREATE OR REPLACE TRIGGER "~tenancy_keep_row" BEFORE INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW
                    EXECUTE FUNCTION tenancy_internal.receive_row()', keep_member.relation);
    EXECUTE format('CREATE OR REPLACE TRIGGER "~tenancy_keep_row_content" BEFORE INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW
                    EXECUTE FUNCTION tenancy_internal.keep_row(%L, %L, %L, %L)', keep_member.relation, (keep_member.kept).kind,
                   protected.organization_column, coalesce(protected.workspace_column, ''),
                   tenancy_internal.empty_values(keep_member.relation, (keep_member.kept).content));
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER "~tenancy_keep_row", ENABLE ALWAYS TRIGGER "~tenancy_keep_row_content"', keep_member.relation);
  END IF;
  EXECUTE format('CREATE OR REPLACE TRIGGER "~tenancy_keep_rows" BEFORE TRUNCATE ON %s EXECUTE FUNCTION tenancy_internal.keep_rows()', keep_member.relation);
  EXECUTE format('ALTER TABLE ONLY %s ENABLE ALWAYS TRIGGER "~tenancy_keep_rows"', keep_member.relation);
  PERFORM tenancy_internal.make_retention_policy(keep_member.relation, keep_member.kept);
END
$$;
COMMENT ON FUNCTION tenancy_internal.keep_member(regclass, tenancy.kept_tables) IS 'Has one table, or one partition or child, follow the logging settings; 55000 where its columns of tenants do not allow it';

CREATE FUNCTION tenancy_internal.check_kept_place(relation regclass, organization_column name, workspace_column name) RETURNS void
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_check_kept_place';
COMMENT ON FUNCTION tenancy_internal.check_kept_place(regclass, name, name) IS 'Raises 55000 where other columns than so far are to say whose the rows of a table are, while some are under a legal hold';

CREATE FUNCTION tenancy_internal.follow_kept_parent(relation regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  kept CONSTANT tenancy.kept_tables := tenancy_internal.kept_above(follow_kept_parent.relation);
BEGIN
  IF kept.relation IS NOT NULL THEN
    PERFORM tenancy_internal.check_kept_place(f, coalesce(t.organization_column, ''), coalesce(t.workspace_column, ''))
    FROM tenancy.protected_tables t, tenancy_internal.family_of(follow_kept_parent.relation) f WHERE t.relation = follow_kept_parent.relation;
    PERFORM tenancy_internal.keep_member(follow_kept_parent.relation, kept);
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_internal.follow_kept_parent(regclass) IS 'Has a new partition or child, or a table that is protected anew, follow the logging settings as before';

CREATE FUNCTION tenancy_internal.follow_kept_columns(relation regclass, renamed name, renamed_to name) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  kept CONSTANT tenancy.kept_tables := tenancy_internal.kept_above(follow_kept_columns.relation);
BEGIN
  -- A dump brings the triggers and policies itself, after constraints that say again that columns are NOT NULL.
  IF kept.relation IS NULL OR (follow_kept_columns.renamed IS NULL AND current_setting('check_function_bodies') = 'off') THEN
    RETURN;
  END IF;
  IF follow_kept_columns.renamed = 'received_at' THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
      MESSAGE = format('column "received_at" of table %s cannot be renamed', follow_kept_columns.relation),
      DETAIL = 'The table follows the logging settings, which count from it.';
  END IF;
  UPDATE tenancy.kept_tables k
  SET content = ARRAY(SELECT DISTINCT a.attname FROM pg_attribute a
                      WHERE a.attrelid = k.relation AND NOT a.attisdropped
                        AND (a.attname = ANY (k.content) OR a.attname = follow_kept_columns.renamed_to AND follow_kept_columns.renamed = ANY (k.content)))
  WHERE k.relation = kept.relation;
  PERFORM tenancy_internal.keep_member(f, tenancy_internal.kept_above(f)) FROM tenancy_internal.family_of(kept.relation) f
  WHERE EXISTS (SELECT FROM tenancy.protected_tables t WHERE t.relation = f);
  PERFORM tenancy_internal.remember_name(kept.relation, false);
END
$$;
COMMENT ON FUNCTION tenancy_internal.follow_kept_columns(regclass, name, name) IS 'Has a table, with its partitions and children, follow the logging settings after a column was renamed, or (NULL) changed; 55000 for received_at';

CREATE FUNCTION tenancy_internal.keep_table(relation regclass, kept tenancy.kept_tables) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp SET tenancy.guard_rails = off AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = keep_table.relation AND a.attname = 'received_at' AND NOT a.attisdropped) THEN
    EXECUTE format('ALTER TABLE %s ADD COLUMN received_at timestamptz NOT NULL DEFAULT now()', keep_table.relation);
    EXECUTE format('COMMENT ON COLUMN %s.received_at IS %L', keep_table.relation, 'When the row was written, by the server''s clock');
  END IF;
  INSERT INTO tenancy.kept_tables (relation, kind, content) VALUES (keep_table.relation, keep_table.kept.kind, keep_table.kept.content)
  ON CONFLICT ON CONSTRAINT kept_tables_pkey DO UPDATE SET kind = EXCLUDED.kind, content = EXCLUDED.content;
  PERFORM tenancy_internal.keep_member(f, tenancy_internal.kept_above(f)) FROM tenancy_internal.family_of(keep_table.relation) f;
  PERFORM tenancy_internal.remember_name(keep_table.relation, false);
END
$$;
COMMENT ON FUNCTION tenancy_internal.keep_table(regclass, tenancy.kept_tables) IS 'Has one table, with its partitions and children, follow the logging settings';

CREATE FUNCTION tenancy_internal.take_kept(relation regclass, named tenancy.protected_names) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  kept tenancy.kept_tables;
BEGIN
  IF take_kept.named.kept_kind IS NOT NULL THEN
    kept.kind := take_kept.named.kept_kind;
    kept.content := take_kept.named.kept_content;
    PERFORM tenancy_internal.keep_table(take_kept.relation, kept);
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_internal.take_kept(regclass, tenancy.protected_names) IS 'Has a table that has taken a name follow the logging settings, if the former table of the name did';

CREATE FUNCTION tenancy.apply_logging_settings(relation regclass, kind text, content name[] DEFAULT '{}') RETURNS void
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  kept tenancy.kept_tables;
  protected tenancy.protected_tables;
  wrong name;
BEGIN
  IF apply_logging_settings.relation IS NULL OR apply_logging_settings.kind IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed', MESSAGE = 'a table and its kind must be given';
  END IF;
  PERFORM tenancy_internal.check_protectable(f) FROM tenancy_internal.family_of(apply_logging_settings.relation) f;
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
  kept.kind := apply_logging_settings.kind;
  kept.content := coalesce(apply_logging_settings.content, '{}');
  IF EXISTS (SELECT FROM tenancy.kept_tables k WHERE k.relation = apply_logging_settings.relation AND NOT k.content <@ kept.content)
    AND tenancy_steps.has_held_rows(apply_logging_settings.relation) THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = format('a legal hold keeps rows of table %s', apply_logging_settings.relation),
      DETAIL = 'Columns that can hold content can only be added.';
  END IF;
  IF tenancy_internal.is_distributed(apply_logging_settings.relation) THEN
    RAISE EXCEPTION USING ERRCODE = 'feature_not_supported', MESSAGE = format('table %s is distributed by Citus', apply_logging_settings.relation),
      DETAIL = 'Triggers and restrictive policies follow the logging settings, and Citus distributes neither.', HINT = 'Undistribute it, and protect it again.';
  END IF;
  PERFORM tenancy_internal.keep_table(apply_logging_settings.relation, kept);
END
$$;
COMMENT ON FUNCTION tenancy.apply_logging_settings(regclass, text, name[]) IS 'Has a protected table, with its partitions, follow the logging settings of each row''s organization and workspace: rows of a kind (logs, payloads, traces, analytics) have their content (the columns) emptied as they are written, whoever writes them, and are hidden and removed at the end of their retention, counted from a new column received_at; rows under a legal hold are not deleted; for the table''s owner. 55000 for a table that isn''t protected, 0A000 for tenant columns that are not of type uuid';
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

CREATE FUNCTION tenancy_internal.expired_rows(
  kept tenancy.kept_tables, protected tenancy.protected_tables, held boolean)
RETURNS TABLE (condition text, organization_id uuid, workspace_id uuid, before timestamptz)
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  -- Of each organization's own retention, and of stricter workspaces; each without what is under a hold, or what is.
  SELECT concat_ws(' AND ', format('t.%I = %L AND t.received_at < %L', t.organization_column, s.organization_id, s.before),
                   CASE WHEN s.workspace_id IS NOT NULL THEN format('t.%I = %L', t.workspace_column, s.workspace_id)
                        WHEN NOT h.on_organization AND h.workspaces <> '{}' THEN
                     format(CASE WHEN expired_rows.held THEN 't.%1$I = ANY (%2$L)' ELSE '(t.%1$I IS NULL OR t.%1$I <> ALL (%2$L))' END,
                            t.workspace_column, h.workspaces) END),
         s.organization_id, s.workspace_id, s.before
  FROM (SELECT (expired_rows.protected).*) t
  CROSS JOIN (SELECT l.organization_id, l.workspace_id, clock_timestamp() - l.value::int * interval '1 day' AS before FROM tenancy.logging_settings l
              WHERE l.setting = 'retention_days.' || (expired_rows.kept).kind) s
  CROSS JOIN LATERAL (
    SELECT coalesce(bool_or(l.workspace_id IS NULL), false) AS on_organization,
           coalesce(array_agg(l.workspace_id) FILTER (WHERE l.workspace_id IS NOT NULL AND t.workspace_column IS NOT NULL), '{}') AS workspaces
    FROM tenancy.logging_settings l WHERE l.organization_id = s.organization_id AND l.setting = 'legal_hold') h
  WHERE (s.workspace_id IS NULL OR t.workspace_column IS NOT NULL)
    AND CASE WHEN expired_rows.held THEN h.on_organization OR (s.workspace_id IS NULL AND h.workspaces <> '{}') OR s.workspace_id = ANY (h.workspaces)
             ELSE NOT h.on_organization AND (s.workspace_id = ANY (h.workspaces)) IS NOT TRUE END
  ORDER BY s.organization_id, s.workspace_id NULLS FIRST
$$;
COMMENT ON FUNCTION tenancy_internal.expired_rows(tenancy.kept_tables, tenancy.protected_tables, boolean) IS 'Conditions on table t as SQL: rows past their retention that are not, or that are, under a legal hold';

CREATE FUNCTION tenancy_internal.count_expired_rows(kept tenancy.kept_tables, protected tenancy.protected_tables, held boolean) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  conditions CONSTANT text := (SELECT string_agg(format('(%s)', e.condition), ' OR ')
    FROM tenancy_internal.expired_rows(count_expired_rows.kept, count_expired_rows.protected, count_expired_rows.held) e);
  relation CONSTANT regclass := count_expired_rows.protected.relation;
BEGIN
  -- An inheritance child's rows are counted as its own.
  RETURN CASE WHEN conditions IS NULL THEN 0 ELSE (SELECT r::bigint FROM tenancy_internal.as_owner(relation, format(
    'SELECT to_jsonb(count(*)) FROM %s t WHERE %s', tenancy_internal.from_clause_for(relation), conditions)) r) END;
END
$$;
COMMENT ON FUNCTION tenancy_internal.count_expired_rows(tenancy.kept_tables, tenancy.protected_tables, boolean) IS 'How many rows of a table are past their retention, and not, or under a legal hold';

CREATE FUNCTION tenancy_internal.references_to(relation regclass) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT string_agg(DISTINCT coalesce(pg_partition_root(k.conrelid), k.conrelid)::regclass::text, ', ')
  FROM pg_constraint k WHERE k.contype = 'f' AND k.confrelid IN (
    SELECT f FROM tenancy_internal.family_of(references_to.relation) f UNION SELECT a.relid FROM pg_partition_ancestors(references_to.relation) a)
$$;
COMMENT ON FUNCTION tenancy_internal.references_to(regclass) IS 'Tables that refer to a table, or to its partitions, by foreign keys';

-- Sums of logs by the hour have a retention of their own: first all is summed up, then the sums of these hours no longer shrink.
CREATE FUNCTION tenancy_internal.keep_sums(kept tenancy.kept_tables, protected tenancy.protected_tables) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  relation CONSTANT regclass := keep_sums.protected.relation;
  place CONSTANT regnamespace := (SELECT c.relnamespace FROM pg_class c WHERE c.oid = relation AND c.relname = 'logs');
BEGIN
  IF keep_sums.kept.kind <> 'logs' OR place IS NULL OR to_regclass(format('%s.analytics_kept', place)) IS NULL
    OR NOT EXISTS (SELECT FROM tenancy_internal.expired_rows(keep_sums.kept, keep_sums.protected, false)) THEN
    RETURN;
  END IF;
  BEGIN
    PERFORM tenancy_internal.as_owner(relation, format('SELECT to_jsonb(tenancy.refresh_analytics(%L::regnamespace, NULL))', place::text));
  EXCEPTION WHEN OTHERS OR assert_failure THEN
    IF tenancy_steps.stops_job(SQLSTATE) THEN
      RAISE;
    END IF;
    RAISE WARNING USING MESSAGE = format('%s.refresh_analytics failed: logs are removed that are not summed up', place), DETAIL = format('SQLSTATE %s', SQLSTATE);
  END;
  PERFORM tenancy_internal.as_owner(relation, format(
    'INSERT INTO %s.analytics_kept AS k (organization, workspace, before) VALUES (%L, %L, %L)
     ON CONFLICT (organization, workspace) DO UPDATE SET before = greatest(k.before, EXCLUDED.before)',
    place, e.organization_id, e.workspace_id, e.before))
  FROM tenancy_internal.expired_rows(keep_sums.kept, keep_sums.protected, false) e;
END
$$;
COMMENT ON FUNCTION tenancy_internal.keep_sums(tenancy.kept_tables, tenancy.protected_tables) IS 'Before logs are removed: has them summed up, and the sums outlive them';

CREATE FUNCTION tenancy_internal.remove_expired(kept tenancy.kept_tables, protected tenancy.protected_tables, at_most bigint) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  expired record;
  gone bigint := 0;
BEGIN
  PERFORM tenancy_internal.keep_sums(remove_expired.kept, remove_expired.protected);
  FOR expired IN SELECT e.condition FROM tenancy_internal.expired_rows(remove_expired.kept, remove_expired.protected, false) e LOOP
    EXIT WHEN gone >= remove_expired.at_most;
    gone := gone + tenancy_internal.remove_rows(remove_expired.protected, expired.condition, remove_expired.at_most - gone);
  END LOOP;
  RETURN gone;
END
$$;
COMMENT ON FUNCTION tenancy_internal.remove_expired(tenancy.kept_tables, tenancy.protected_tables, bigint) IS 'Removes rows of one table past their retention, at most so many, and returns how many';

CREATE FUNCTION tenancy.remove_expired_rows(at_most bigint DEFAULT 10000)
RETURNS TABLE (relation regclass, removed bigint, referred_to bigint, held bigint)
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  kept tenancy.kept_tables;
  protected tenancy.protected_tables;
  failure text;
  failed boolean;
BEGIN
  PERFORM tenancy_internal.require_dba();
  IF remove_expired_rows.at_most IS NULL OR remove_expired_rows.at_most < 1 THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'the number of rows must be positive';
  END IF;
  FOR kept IN SELECT k.* FROM tenancy.kept_tables k JOIN pg_class c ON c.oid = k.relation ORDER BY k.relation::text LOOP
    -- Partitions come with their parent, inheritance children by themselves.
    FOR protected IN SELECT t.* FROM tenancy_internal.family_of(kept.relation) f JOIN tenancy.protected_tables t ON t.relation = f
                     JOIN pg_class c ON c.oid = f WHERE f = kept.relation OR NOT c.relispartition LOOP
      remove_expired_rows.relation := protected.relation;
      failure := NULL;
      failed := false;
      BEGIN
        remove_expired_rows.removed := tenancy_internal.remove_expired(kept, protected, remove_expired_rows.at_most);
      EXCEPTION WHEN foreign_key_violation THEN
        remove_expired_rows.removed := 0;
        failure := SQLERRM;
      WHEN OTHERS OR assert_failure THEN
        remove_expired_rows.removed := 0;
        failed := true;
        PERFORM tenancy_internal.report_failed_removal(protected.relation, SQLSTATE, SQLERRM);
      END;
      remove_expired_rows.referred_to := NULL;
      remove_expired_rows.held := NULL;
      BEGIN
        -- While there may be more to remove, it is not known what stays.
        IF remove_expired_rows.removed < remove_expired_rows.at_most THEN
          remove_expired_rows.referred_to := tenancy_internal.count_expired_rows(kept, protected, false);
        END IF;
        remove_expired_rows.held := tenancy_internal.count_expired_rows(kept, protected, true);
      EXCEPTION WHEN OTHERS OR assert_failure THEN
        PERFORM tenancy_internal.report_failed_removal(protected.relation, SQLSTATE, SQLERRM);
      END;
      IF remove_expired_rows.referred_to > 0 AND NOT failed THEN
        RAISE WARNING USING MESSAGE = format('rows of table %s past their retention are kept: %s', protected.relation, remove_expired_rows.referred_to),
          DETAIL = coalesce(failure, format('Rows of %s refer to them, or a trigger keeps them.', coalesce(tenancy_internal.references_to(protected.relation), 'no other table'))),
          HINT = 'They go once nothing refers to them: have the referring tables follow the logging settings, too.';
      END IF;
      RETURN NEXT;
    END LOOP;
  END LOOP;
END
$$;
COMMENT ON FUNCTION tenancy.remove_expired_rows(bigint) IS 'For a DBA, as a regular job: removes rows past their retention from the tables that follow the logging settings, at most so many of each table; returns how many, how many stay since rows of other tables refer to them (NULL: not known while there is more to remove; a WARNING names these tables), and how many under a legal hold; a table where that fails, as by a trigger of its owner''s, stays as it is, with a WARNING that names it and the SQLSTATE, and the others go on; call it again while a table returns as many; what was summed up of logs stays until the retention of analytics ends';

CREATE FUNCTION tenancy.ignore_logging_settings(relation regclass) RETURNS void
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  PERFORM tenancy_internal.check_protectable(f) FROM tenancy_internal.family_of(ignore_logging_settings.relation) f;
  IF NOT EXISTS (SELECT FROM tenancy.kept_tables k WHERE k.relation = ignore_logging_settings.relation) THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
      MESSAGE = format('table %s does not follow logging settings', ignore_logging_settings.relation);
  END IF;
  IF tenancy_steps.has_held_rows(ignore_logging_settings.relation) THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = format('a legal hold keeps rows of table %s', ignore_logging_settings.relation);
  END IF;
  PERFORM tenancy_internal.release_table(ignore_logging_settings.relation);
END
$$;
COMMENT ON FUNCTION tenancy.ignore_logging_settings(regclass) IS 'Takes away what apply_logging_settings() added, except the column received_at; for the table''s owner; 55000 for a table without it, and while a legal hold keeps rows of it';
REVOKE ALL ON FUNCTION tenancy.ignore_logging_settings(regclass) FROM PUBLIC;

CREATE FUNCTION tenancy_internal.release_table(relation regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp SET tenancy.guard_rails = off AS $$
DECLARE
  member regclass;
BEGIN
  DELETE FROM tenancy.kept_tables k WHERE k.relation = release_table.relation;
  FOR member IN SELECT f FROM tenancy_internal.family_of(release_table.relation) f LOOP
    PERFORM tenancy_internal.drop_triggers(member, f) FROM unnest('{tenancy_internal.receive_row,tenancy_internal.keep_row,tenancy_internal.keep_rows}'::regproc[]) f;
    IF EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = member AND p.polname = 'tenancy_retention') THEN
      EXECUTE format('DROP POLICY tenancy_retention ON %s', member);
    END IF;
  END LOOP;
  PERFORM tenancy_internal.remember_name(release_table.relation, false);
END
$$;
COMMENT ON FUNCTION tenancy_internal.release_table(regclass) IS 'Has a table, with its partitions, no longer follow the logging settings';

CREATE FUNCTION tenancy_steps.has_held_rows(relation regclass) RETURNS boolean
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  held text;
BEGIN
  IF NOT EXISTS (SELECT FROM tenancy.logging_settings s WHERE s.setting = 'legal_hold') THEN
    RETURN false;
  END IF;
  PERFORM tenancy_internal.check_protectable(has_held_rows.relation);
  SELECT string_agg(format('(%s)', concat_ws(' AND ',
           tenancy_internal.id_condition(t.relation, t.organization_column, ARRAY[o.organization_id], array_remove(ARRAY[o.external_id::text], NULL)),
           CASE WHEN s.workspace_id IS NOT NULL OR t.organization_column IS NULL THEN
             tenancy_internal.id_condition(t.relation, t.workspace_column,
               ARRAY(SELECT w.workspace_id FROM tenancy.workspaces w WHERE w.organization_id = o.organization_id AND w.workspace_id = coalesce(s.workspace_id, w.workspace_id)),
               ARRAY(SELECT w.external_id::text FROM tenancy.workspaces w
                     WHERE w.organization_id = o.organization_id AND w.workspace_id = coalesce(s.workspace_id, w.workspace_id) AND w.external_id IS NOT NULL)) END)), ' OR ')
  INTO held
  FROM tenancy.logging_settings s JOIN tenancy.organizations o ON o.organization_id = s.organization_id, tenancy.protected_tables t
  WHERE s.setting = 'legal_hold' AND t.relation = has_held_rows.relation;
  RETURN held IS NOT NULL AND (SELECT r::boolean FROM tenancy_internal.as_owner(has_held_rows.relation, format(
    'SELECT to_jsonb(EXISTS (SELECT FROM %s t WHERE %s))', has_held_rows.relation, held)) r);
END
$$;
COMMENT ON FUNCTION tenancy_steps.has_held_rows(regclass) IS 'Whether a protected table, or a partition of one, has rows under a legal hold; for its owner';
