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

-- Evaluated at each run of a query, and never a constant of its plan: a prepared statement shows no expired rows.
CREATE FUNCTION tenancy.kept_since(kind text) RETURNS timestamptz
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  mine CONSTANT uuid := tenancy.current_organization_id();
  days text;
BEGIN
  days := tenancy_internal.logging_value(mine, NULL, 'retention_days.' || kept_since.kind);
  RETURN CASE WHEN days IS NULL OR NOT tenancy_internal.hides_expired(mine, NULL) THEN '-infinity'
              ELSE clock_timestamp() - days::int * interval '1 day' END;
END
$$;
COMMENT ON FUNCTION tenancy.kept_since(text) IS 'The moment since which rows of a kind are kept in the session''s organization; for policies of tables that follow logging settings';

CREATE FUNCTION tenancy.kept_since(kind text, workspace uuid) RETURNS timestamptz
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  mine CONSTANT uuid := tenancy.current_organization_id();
  days text;
BEGIN
  days := tenancy_internal.logging_value(mine, kept_since.workspace, 'retention_days.' || kept_since.kind);
  RETURN CASE WHEN days IS NULL OR NOT tenancy_internal.hides_expired(mine, kept_since.workspace) THEN '-infinity'
              ELSE clock_timestamp() - days::int * interval '1 day' END;
END
$$;
COMMENT ON FUNCTION tenancy.kept_since(text, uuid) IS 'The same in one of its workspaces';

CREATE FUNCTION tenancy.is_kept_by_workspace(kind text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT EXISTS (SELECT FROM tenancy.logging_settings s
                 WHERE s.organization_id = tenancy.current_organization_id() AND s.workspace_id IS NOT NULL
                   AND s.setting IN ('retention_days.' || is_kept_by_workspace.kind, 'legal_hold'))
$$;
COMMENT ON FUNCTION tenancy.is_kept_by_workspace(text) IS 'Whether workspaces of the session''s organization have a retention or a hold of their own; for the same policies';

CREATE FUNCTION tenancy_internal.keep_row() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  the_organization uuid;
  the_workspace uuid;
  former_organization uuid;
  former_workspace uuid;
  stored text;
  -- The arguments: kind, columns of organization and workspace, and the content's columns with their empty values.
  place CONSTANT text := format('SELECT ($1).%I, %s', TG_ARGV[1], CASE TG_ARGV[2] WHEN '' THEN 'NULL' ELSE format('($1).%I', TG_ARGV[2]) END);
BEGIN
  IF TG_OP <> 'DELETE' THEN
    EXECUTE place INTO the_organization, the_workspace USING NEW;
  END IF;
  IF TG_OP <> 'INSERT' THEN
    EXECUTE place INTO former_organization, former_workspace USING OLD;
    -- A hold keeps rows where they are, too: elsewhere they could be removed.
    IF TG_OP = 'DELETE' OR (former_organization, former_workspace) IS DISTINCT FROM (the_organization, the_workspace) THEN
      PERFORM tenancy_internal.check_not_held(former_organization, coalesce(former_workspace, '00000000-0000-0000-0000-000000000000'));
    END IF;
    IF TG_OP = 'DELETE' THEN
      RETURN OLD;
    END IF;
  END IF;
  -- By the server's clock: the writer can neither hide rows earlier nor keep them longer.
  NEW.received_at := CASE TG_OP WHEN 'INSERT' THEN clock_timestamp() ELSE OLD.received_at END;
  stored := tenancy_internal.logging_value(the_organization, the_workspace, 'store_content');
  IF stored = 'none' AND TG_ARGV[0] = 'payloads' AND TG_OP = 'INSERT' THEN
    RETURN NULL;
  ELSIF stored IN ('metadata', 'none') THEN
    NEW := jsonb_populate_record(NEW, TG_ARGV[3]::jsonb);
  END IF;
  RETURN NEW;
END
$$;
COMMENT ON FUNCTION tenancy_internal.keep_row() IS 'Trigger: empties content that is not to be stored, whoever writes the row; notes when it was received; keeps rows under a legal hold (55000)';

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
  EXECUTE format('CREATE POLICY tenancy_retention ON %s AS RESTRICTIVE FOR SELECT USING (received_at >= (SELECT tenancy.kept_since(%L))%s)',
    make_retention_policy.relation, make_retention_policy.kept.kind,
    CASE WHEN workspace_column IS NOT NULL THEN format(
      ' AND CASE WHEN (SELECT tenancy.is_kept_by_workspace(%1$L)) THEN received_at >= tenancy.kept_since(%1$L, %2$I) ELSE true END',
      make_retention_policy.kept.kind, workspace_column) ELSE '' END);
END
$$;
COMMENT ON FUNCTION tenancy_internal.make_retention_policy(regclass, tenancy.kept_tables) IS 'Hides rows past their retention from principals, in one table';

CREATE FUNCTION tenancy_internal.follow_kept_parent(relation regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  PERFORM tenancy_internal.make_retention_policy(follow_kept_parent.relation, k)
  FROM tenancy.kept_tables k
  WHERE k.relation = follow_kept_parent.relation OR k.relation IN (SELECT a.relid FROM pg_partition_ancestors(follow_kept_parent.relation) a);
END
$$;
COMMENT ON FUNCTION tenancy_internal.follow_kept_parent(regclass) IS 'Has a new partition, or a table that is protected anew, follow the logging settings as before';

CREATE FUNCTION tenancy_internal.keep_table(relation regclass, kept tenancy.kept_tables) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp SET tenancy.guard_rails = off AS $$
DECLARE
  protected tenancy.protected_tables;
BEGIN
  SELECT * INTO protected FROM tenancy.protected_tables t WHERE t.relation = keep_table.relation;
  IF NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = keep_table.relation AND a.attname = 'received_at' AND NOT a.attisdropped) THEN
    EXECUTE format('ALTER TABLE %s ADD COLUMN received_at timestamptz NOT NULL DEFAULT now()', keep_table.relation);
    EXECUTE format('COMMENT ON COLUMN %s.received_at IS %L', keep_table.relation, 'When the row was written, by the server''s clock');
  END IF;
  EXECUTE format('CREATE OR REPLACE TRIGGER "~tenancy_keep_row" BEFORE INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW
                  EXECUTE FUNCTION tenancy_internal.keep_row(%L, %L, %L, %L)', keep_table.relation, keep_table.kept.kind,
                 protected.organization_column, coalesce(protected.workspace_column, ''),
                 tenancy_internal.empty_values(keep_table.relation, keep_table.kept.content));
  EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER "~tenancy_keep_row"', keep_table.relation);
  INSERT INTO tenancy.kept_tables (relation, kind, content) VALUES (keep_table.relation, keep_table.kept.kind, keep_table.kept.content)
  ON CONFLICT ON CONSTRAINT kept_tables_pkey DO UPDATE SET kind = EXCLUDED.kind, content = EXCLUDED.content;
  PERFORM tenancy_internal.make_retention_policy(f, keep_table.kept) FROM tenancy_internal.family_of(keep_table.relation) f;
END
$$;
COMMENT ON FUNCTION tenancy_internal.keep_table(regclass, tenancy.kept_tables) IS 'Has one table, with its partitions, follow the logging settings';

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

CREATE FUNCTION tenancy_internal.expired_rows(kept tenancy.kept_tables) RETURNS SETOF text
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  -- Of each organization's own retention, without workspaces under a hold; then of stricter workspaces.
  SELECT concat_ws(' AND ', format('t.%I = %L AND t.received_at < %L', t.organization_column, s.organization_id,
                                   clock_timestamp() - s.value::int * interval '1 day'),
    CASE WHEN s.workspace_id IS NOT NULL THEN format('t.%I = %L', t.workspace_column, s.workspace_id)
         WHEN t.workspace_column IS NOT NULL THEN (
           SELECT format('(t.%1$I IS NULL OR t.%1$I <> ALL (%2$L))', t.workspace_column, array_agg(h.workspace_id)) FROM tenancy.logging_settings h
           WHERE h.organization_id = s.organization_id AND h.setting = 'legal_hold' AND h.workspace_id IS NOT NULL HAVING count(*) > 0) END)
  FROM tenancy.logging_settings s JOIN tenancy.protected_tables t ON t.relation = (expired_rows.kept).relation
  WHERE s.setting = 'retention_days.' || (expired_rows.kept).kind AND (s.workspace_id IS NULL OR t.workspace_column IS NOT NULL)
    AND NOT EXISTS (SELECT FROM tenancy.logging_settings h
                    WHERE h.organization_id = s.organization_id AND h.setting = 'legal_hold' AND (h.workspace_id IS NULL OR h.workspace_id = s.workspace_id))
  ORDER BY s.organization_id, s.workspace_id NULLS FIRST
$$;
COMMENT ON FUNCTION tenancy_internal.expired_rows(tenancy.kept_tables) IS 'Conditions on table t as SQL: rows past their retention and not under a legal hold';

CREATE FUNCTION tenancy.remove_expired_rows(at_most bigint DEFAULT 10000) RETURNS TABLE (relation regclass, removed bigint)
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  kept tenancy.kept_tables;
  protected tenancy.protected_tables;
  expired text;
BEGIN
  PERFORM tenancy_internal.require_dba();
  IF remove_expired_rows.at_most IS NULL OR remove_expired_rows.at_most < 1 THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'the number of rows must be positive';
  END IF;
  FOR kept IN SELECT k.* FROM tenancy.kept_tables k JOIN pg_class c ON c.oid = k.relation ORDER BY k.relation::text LOOP
    SELECT * INTO protected FROM tenancy.protected_tables t WHERE t.relation = kept.relation;
    CONTINUE WHEN NOT FOUND;
    remove_expired_rows.relation := kept.relation;
    remove_expired_rows.removed := 0;
    FOR expired IN SELECT e FROM tenancy_internal.expired_rows(kept) e LOOP
      EXIT WHEN remove_expired_rows.removed >= remove_expired_rows.at_most;
      remove_expired_rows.removed := remove_expired_rows.removed
        + tenancy_internal.remove_rows(protected, expired, remove_expired_rows.at_most - remove_expired_rows.removed);
    END LOOP;
    RETURN NEXT;
  END LOOP;
END
$$;
COMMENT ON FUNCTION tenancy.remove_expired_rows(bigint) IS 'For a DBA, as a regular job: removes rows past their retention from the tables that follow the logging settings, at most so many of each table, and returns how many; rows under a legal hold stay; call it again while a table returns as many';

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
  EXECUTE format('DROP TRIGGER IF EXISTS "~tenancy_keep_row" ON %s', release_table.relation);
  FOR member IN SELECT f FROM tenancy_internal.family_of(release_table.relation) f
                WHERE EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = f AND p.polname = 'tenancy_retention') LOOP
    EXECUTE format('DROP POLICY tenancy_retention ON %s', member);
  END LOOP;
  DELETE FROM tenancy.kept_tables k WHERE k.relation = release_table.relation;
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
