-- Rows past their retention are removed by a job, and tables no longer follow the settings.

-- Where a row names no organization, its workspace decides, as in policies and in triggers that keep rows.
CREATE FUNCTION tenancy_internal.rows_of(protected tenancy.protected_tables, organization_id uuid) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT CASE WHEN t.workspace_column IS NULL OR (
      SELECT a.attnotnull FROM pg_attribute a WHERE a.attrelid = t.relation AND a.attname = t.organization_column)
    THEN format('t.%I = %L', t.organization_column, rows_of.organization_id)
    ELSE format('(t.%1$I = %2$L OR t.%1$I IS NULL AND t.%3$I = ANY (%4$L))', t.organization_column, rows_of.organization_id, t.workspace_column,
                ARRAY(SELECT w.workspace_id FROM tenancy.workspaces w WHERE w.organization_id = rows_of.organization_id)) END
  FROM (SELECT (rows_of.protected).*) t
$$;
COMMENT ON FUNCTION tenancy_internal.rows_of(tenancy.protected_tables, uuid) IS 'A condition on table t as SQL: rows of an organization, also those that name its workspace alone';

-- Policies go by the nearest record, and so does the removal.
CREATE FUNCTION tenancy_internal.kept_by_own_record(kept tenancy_internal.kept_tables, relation regclass) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT format('t.tableoid <> ALL (%L::oid[])', array_agg(f::oid ORDER BY f::oid))
  FROM tenancy_internal.kept_tables k, tenancy_internal.family_of(k.relation) f
  WHERE k.relation <> (kept_by_own_record.kept).relation AND k.relation <> kept_by_own_record.relation
    AND k.relation IN (SELECT tenancy_internal.family_of(kept_by_own_record.relation))
  HAVING count(*) > 0
$$;
COMMENT ON FUNCTION tenancy_internal.kept_by_own_record(tenancy_internal.kept_tables, regclass) IS 'A condition on table t as SQL that leaves out partitions that follow the logging settings by a record of their own, as another kind perhaps; NULL: there are none';

-- One condition for an organization's own retention, and one for all of its stricter workspaces, however many there are.
CREATE FUNCTION tenancy_internal.expired_rows(
  kept tenancy_internal.kept_tables, protected tenancy.protected_tables, held boolean)
RETURNS TABLE (condition text, organization_id uuid, workspaces uuid[], before timestamptz[])
-- Moments are written as the server reads them unambiguously, whatever the caller's settings.
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO, YMD' AS $$
  WITH hold AS (
    SELECT l.organization_id, bool_or(l.workspace_id IS NULL) AS on_organization,
           coalesce(array_agg(l.workspace_id) FILTER (WHERE l.workspace_id IS NOT NULL AND (expired_rows.protected).workspace_column IS NOT NULL), '{}') AS workspaces
    FROM tenancy.logging_settings l WHERE l.setting = 'legal_hold' GROUP BY l.organization_id
  ), own_records AS MATERIALIZED (
    SELECT tenancy_internal.kept_by_own_record(expired_rows.kept, (expired_rows.protected).relation) AS condition
  ), expiry AS (
    -- Of each organization's own retention, and of stricter workspaces; each without what is under a hold, or what is.
    SELECT s.organization_id, s.workspace_id, s.before, t.workspace_column,
           CASE WHEN s.workspace_id IS NULL AND NOT h.on_organization AND h.workspaces <> '{}' THEN
             format(CASE WHEN expired_rows.held THEN 't.%1$I = ANY (%2$L)' ELSE '(t.%1$I IS NULL OR t.%1$I <> ALL (%2$L))' END,
                    t.workspace_column, h.workspaces) END AS by_hold
    FROM (SELECT (expired_rows.protected).*) t
    CROSS JOIN (SELECT l.organization_id, l.workspace_id, clock_timestamp() - l.value::int * interval '24 hours' AS before FROM tenancy.logging_settings l
                WHERE l.setting = 'retention_days.' || (expired_rows.kept).kind) s
    LEFT JOIN hold g ON g.organization_id = s.organization_id
    CROSS JOIN LATERAL (SELECT coalesce(g.on_organization, false) AS on_organization, coalesce(g.workspaces, '{}') AS workspaces) h
    WHERE (s.workspace_id IS NULL OR t.workspace_column IS NOT NULL)
      AND CASE WHEN expired_rows.held THEN h.on_organization OR (s.workspace_id IS NULL AND h.workspaces <> '{}') OR s.workspace_id = ANY (h.workspaces)
               ELSE NOT h.on_organization AND (s.workspace_id = ANY (h.workspaces)) IS NOT TRUE END
  )
  SELECT concat_ws(' AND ', tenancy_internal.rows_of(expired_rows.protected, e.organization_id), format('t.received_at < %L', max(e.before)),
                   CASE WHEN e.workspace_id IS NOT NULL THEN
                     format('t.%1$I = ANY (%2$L) AND t.received_at < (%3$L::jsonb ->> t.%1$I::text)::timestamptz', e.workspace_column,
                            array_agg(e.workspace_id), jsonb_object_agg(e.workspace_id, e.before) FILTER (WHERE e.workspace_id IS NOT NULL)) END, min(e.by_hold),
                   (SELECT o.condition FROM own_records o)),
         e.organization_id, array_agg(e.workspace_id ORDER BY e.workspace_id), array_agg(e.before ORDER BY e.workspace_id)
  FROM expiry e GROUP BY e.organization_id, e.workspace_id IS NOT NULL, e.workspace_column
  ORDER BY e.organization_id, e.workspace_id IS NOT NULL
$$;
COMMENT ON FUNCTION tenancy_internal.expired_rows(tenancy_internal.kept_tables, tenancy.protected_tables, boolean) IS 'Conditions on table t as SQL: rows past their retention that are not, or that are, under a legal hold; with the workspaces whose own retention it is ({NULL}: the organization''s), and the moments before which their rows have come';

CREATE FUNCTION tenancy_internal.count_expired_rows(
  kept tenancy_internal.kept_tables, protected tenancy.protected_tables, held boolean, organizations uuid[] DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  conditions CONSTANT text := (SELECT string_agg(format('(%s)', e.condition), ' OR ')
    FROM tenancy_internal.expired_rows(count_expired_rows.kept, count_expired_rows.protected, count_expired_rows.held) e
    WHERE e.organization_id = ANY (count_expired_rows.organizations) IS NOT FALSE);
  relation CONSTANT regclass := count_expired_rows.protected.relation;
BEGIN
  -- An inheritance child's rows are counted as its own.
  RETURN CASE WHEN conditions IS NULL THEN 0 ELSE (SELECT r::bigint FROM tenancy_internal.as_owner(relation, format(
    'SELECT to_jsonb(count(*)) FROM %s t WHERE %s', tenancy_internal.from_clause_for(relation), conditions)) r) END;
END
$$;
COMMENT ON FUNCTION tenancy_internal.count_expired_rows(tenancy_internal.kept_tables, tenancy.protected_tables, boolean, uuid[]) IS 'How many rows of a table, of some organizations or (NULL) all, are past their retention, and not, or under a legal hold';

CREATE FUNCTION tenancy_internal.references_to(relation regclass) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT string_agg(DISTINCT coalesce(pg_partition_root(k.conrelid), k.conrelid)::regclass::text, ', ')
  FROM pg_constraint k WHERE k.contype = 'f' AND k.confrelid IN (
    SELECT f FROM tenancy_internal.family_of(references_to.relation) f UNION SELECT a.relid FROM pg_partition_ancestors(references_to.relation) a)
$$;
COMMENT ON FUNCTION tenancy_internal.references_to(regclass) IS 'Tables that refer to a table, or to its partitions, by foreign keys';

-- Sums of logs by the hour have a retention of their own: first all is summed up, then the sums of these hours no longer shrink.
CREATE FUNCTION tenancy_internal.keep_sums(kept tenancy_internal.kept_tables, protected tenancy.protected_tables) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO, YMD' AS $$
DECLARE
  relation CONSTANT regclass := keep_sums.protected.relation;
  place CONSTANT regnamespace := (SELECT c.relnamespace FROM pg_class c WHERE c.oid = relation AND c.relname = 'logs');
  expired record;
BEGIN
  IF keep_sums.kept.kind <> 'logs' OR place IS NULL OR to_regclass(format('%s.analytics_kept', place)) IS NULL
    OR NOT EXISTS (SELECT FROM tenancy_internal.expired_rows(keep_sums.kept, keep_sums.protected, false)) THEN
    RETURN;
  END IF;
  -- Tables of these names could be anybody's who may create tables in the schema, with triggers on them.
  PERFORM tenancy_internal.as_owner(relation, format('SELECT to_jsonb(true) FROM tenancy_steps.refuse_several_owners(%L::regnamespace)', place::text));
  BEGIN
    PERFORM tenancy_internal.as_owner(relation, format('SELECT to_jsonb(tenancy.refresh_analytics(%L::regnamespace, NULL))', place::text));
  EXCEPTION WHEN OTHERS OR assert_failure THEN
    IF tenancy_steps.stops_job(SQLSTATE) OR SQLSTATE = '55000' THEN
      RAISE;
    END IF;
    PERFORM tenancy_steps.warning(format('%s.refresh_analytics failed: logs are removed that are not summed up', place), detail => format('SQLSTATE %s', SQLSTATE));
  END;
  FOR expired IN SELECT e.*, format('unnest(%L::uuid[], %L::timestamptz[]) u (workspace, before)', e.workspaces, e.before) AS moments
                 FROM tenancy_internal.expired_rows(keep_sums.kept, keep_sums.protected, false) e LOOP
    PERFORM tenancy_internal.as_owner(relation, format(
      'INSERT INTO %s.analytics_kept AS k (organization, workspace, before) SELECT %L::uuid, u.workspace, u.before FROM %s
       ON CONFLICT (organization, workspace, since) DO UPDATE SET before = greatest(k.before, EXCLUDED.before)',
      place, expired.organization_id, expired.moments));
    -- A log may have begun after it was received, by its writer's clock: these hours are kept one by one, until the others are as late.
    PERFORM tenancy_internal.as_owner(relation, format(
      'DELETE FROM %s.analytics_kept k USING %s
       WHERE k.organization = %L AND k.workspace IS NOT DISTINCT FROM u.workspace AND k.since > ''-infinity'' AND k.since < u.before',
      place, expired.moments, expired.organization_id));
    PERFORM tenancy_internal.as_owner(relation, format(
      'INSERT INTO %1$s.analytics_kept (organization, workspace, since, before)
       SELECT DISTINCT %2$L::uuid, u.workspace, date_bin(''1 hour'', t.start_time, ''epoch''), date_bin(''1 hour'', t.start_time, ''epoch'') + interval ''1 hour''
       FROM %1$s.logs t JOIN %3$s ON %6$s
       WHERE %4$s AND t.start_time >= date_bin(''1 hour'', u.before - interval ''1 microsecond'', ''epoch'') + interval ''1 hour'' AND t.start_time >= %5$L
         AND t.start_time < ''2200-01-01 00:00+00'' ON CONFLICT DO NOTHING',
      place, expired.organization_id, expired.moments, expired.condition, (SELECT min(b) FROM unnest(expired.before) b),
      CASE WHEN expired.workspaces = '{NULL}' THEN 'true' ELSE 'u.workspace = t.workspace_id' END));
  END LOOP;
END
$$;
COMMENT ON FUNCTION tenancy_internal.keep_sums(tenancy_internal.kept_tables, tenancy.protected_tables) IS 'Before logs are removed: has them summed up, and the sums outlive them';

-- Tables that are locked for long keep the job from them once, and not from each organization's rows.
CREATE FUNCTION tenancy_internal.lock_for_removal(protected tenancy.protected_tables) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  relation CONSTANT regclass := lock_for_removal.protected.relation;
BEGIN
  -- A partitioned table before its partitions, as DDL does
  PERFORM tenancy_internal.lock_tables(relation || ARRAY(SELECT p.relid FROM pg_partition_tree(relation) p WHERE p.isleaf AND p.relid <> relation ORDER BY p.relid),
                                       'row exclusive', true),
          tenancy_internal.lock_tables(ARRAY(SELECT DISTINCT k.conrelid::regclass FROM pg_constraint k WHERE k.contype = 'f' AND k.confrelid = relation), 'access share', true);
END
$$;
COMMENT ON FUNCTION tenancy_internal.lock_for_removal(tenancy.protected_tables) IS 'Locks a table, its partitions, and what refers to it, for the removal of rows; 55P03 where that takes too long';

-- One organization's rows, or whoever refers to them or holds them, can make the removal of these alone fail.
CREATE FUNCTION tenancy_internal.remove_expired(
  kept tenancy_internal.kept_tables, protected tenancy.protected_tables, at_most bigint, OUT removed bigint, OUT failed uuid[], OUT referred text)
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  expired record;
  condition text;
  of_organization bigint;
  reported text[] := '{}';
BEGIN
  remove_expired.removed := 0;
  remove_expired.failed := '{}';
  IF NOT EXISTS (SELECT FROM tenancy_internal.expired_rows(remove_expired.kept, remove_expired.protected, false)) THEN
    RETURN;
  END IF;
  PERFORM tenancy_internal.lock_for_removal(remove_expired.protected);
  PERFORM tenancy_internal.keep_sums(remove_expired.kept, remove_expired.protected);
  FOR expired IN SELECT e.organization_id, array_agg(e.condition) AS conditions
                 FROM tenancy_internal.expired_rows(remove_expired.kept, remove_expired.protected, false) e GROUP BY 1 ORDER BY 1 LOOP
    EXIT WHEN remove_expired.removed >= remove_expired.at_most;
    of_organization := 0;
    BEGIN
      -- A hold is being committed.
      CONTINUE WHEN NOT tenancy_internal.keep_holds_away(expired.organization_id);
      FOREACH condition IN ARRAY expired.conditions LOOP
        EXIT WHEN remove_expired.removed + of_organization >= remove_expired.at_most;
        of_organization := of_organization
          + tenancy_internal.remove_rows(remove_expired.protected, condition, remove_expired.at_most - remove_expired.removed - of_organization, true);
      END LOOP;
      remove_expired.removed := remove_expired.removed + of_organization;
    EXCEPTION WHEN foreign_key_violation THEN
      remove_expired.referred := coalesce(remove_expired.referred, SQLERRM);
    WHEN OTHERS OR assert_failure THEN
      remove_expired.failed := remove_expired.failed || expired.organization_id;
      IF SQLSTATE <> ALL (reported) THEN
        reported := reported || SQLSTATE::text;
        PERFORM tenancy_internal.report_failed_removal(remove_expired.protected.relation, SQLSTATE, SQLERRM);
      END IF;
      IF SQLSTATE = '55P03' THEN
        -- Many could have the job wait.
        PERFORM set_config('lock_timeout', '100ms', true);
      END IF;
    END;
  END LOOP;
END
$$;
COMMENT ON FUNCTION tenancy_internal.remove_expired(tenancy_internal.kept_tables, tenancy.protected_tables, bigint) IS 'Removes rows of one table past their retention, at most so many, and returns how many, the organizations for which that failed, after a WARNING, and what a foreign key said of others'' rows';

-- Sums come last: whoever makes partitions, or refreshes, waits from then on.
CREATE FUNCTION tenancy_internal.order_of_removal(relation regclass, OUT with_sums boolean, OUT place text, OUT name text)
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT s.with_sums, CASE WHEN s.with_sums THEN c.relnamespace::regnamespace::text || (c.relname <> 'logs')::text END, order_of_removal.relation::text
  FROM pg_class c, LATERAL (
    SELECT c.relname IN ('logs', 'analytics') AND to_regclass(format('%s.analytics_kept', c.relnamespace::regnamespace)) IS NOT NULL) s (with_sums)
  WHERE c.oid = order_of_removal.relation
$$;
COMMENT ON FUNCTION tenancy_internal.order_of_removal(regclass) IS 'By which remove_expired_rows() comes to a table: first those without sums of logs, then logs with their sums, schema by schema';

CREATE FUNCTION tenancy.remove_expired_rows(at_most bigint DEFAULT 10000)
RETURNS TABLE (relation regclass, removed bigint, referred_to bigint, held bigint)
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  kept tenancy_internal.kept_tables;
  protected tenancy.protected_tables;
  outcome record;
  stay bigint;
  is_locked boolean;
  -- Many, or the many children of one, could have the job wait.
  was_locked boolean := false;
  waiting CONSTANT text := current_setting('lock_timeout');
BEGIN
  PERFORM tenancy_internal.require_dba();
  IF remove_expired_rows.at_most IS NULL OR remove_expired_rows.at_most < 1 THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'the number of rows must be positive';
  END IF;
  FOR kept IN SELECT k.* FROM tenancy_internal.kept_tables k JOIN pg_class c ON c.oid = k.relation ORDER BY tenancy_internal.order_of_removal(k.relation) LOOP
    -- Partitions come with their parent, inheritance children by themselves.
    FOR protected IN SELECT t.* FROM tenancy_internal.family_of(kept.relation) f JOIN tenancy.protected_tables t ON t.relation = f
                     JOIN pg_class c ON c.oid = f
                     WHERE f = kept.relation OR NOT (c.relispartition AND tenancy_internal.is_seen_by_parent(f))
                       AND (tenancy_internal.kept_above(f)).relation = kept.relation LOOP
      remove_expired_rows.relation := protected.relation;
      PERFORM set_config('lock_timeout', CASE WHEN was_locked THEN '100ms' ELSE waiting END, true), tenancy_steps.limit_waiting();
      is_locked := false;
      BEGIN
        SELECT * INTO outcome FROM tenancy_internal.remove_expired(kept, protected, remove_expired_rows.at_most);
        -- The owner's triggers may have changed other tenants' rows elsewhere, on which a hold would have the whole job fail as it is committed.
        PERFORM tenancy_internal.settle_changes();
      EXCEPTION WHEN OTHERS OR assert_failure THEN
        SELECT 0::bigint AS removed, NULL::uuid[] AS failed, NULL::text AS referred INTO outcome;
        PERFORM tenancy_internal.report_failed_removal(protected.relation, SQLSTATE, SQLERRM);
        is_locked := SQLSTATE = '55P03';
        was_locked := was_locked OR is_locked;
      END;
      remove_expired_rows.removed := outcome.removed;
      remove_expired_rows.referred_to := NULL;
      remove_expired_rows.held := NULL;
      stay := NULL;
      IF is_locked THEN
        RETURN NEXT;
        CONTINUE;
      END IF;
      BEGIN
        -- While there may be more to remove, it is not known what stays.
        IF remove_expired_rows.removed < remove_expired_rows.at_most THEN
          remove_expired_rows.referred_to := tenancy_internal.count_expired_rows(kept, protected, false);
          -- NULL: all have been reported.
          stay := remove_expired_rows.referred_to - CASE outcome.failed WHEN '{}' THEN 0 ELSE tenancy_internal.count_expired_rows(kept, protected, false, outcome.failed) END;
        END IF;
        remove_expired_rows.held := tenancy_internal.count_expired_rows(kept, protected, true);
        PERFORM tenancy_internal.settle_changes();
      EXCEPTION WHEN OTHERS OR assert_failure THEN
        PERFORM tenancy_internal.report_failed_removal(protected.relation, SQLSTATE, SQLERRM);
      END;
      IF stay > 0 THEN
        PERFORM tenancy_steps.warning(format('rows of table %s past their retention are kept: %s', protected.relation, stay),
          detail => coalesce(outcome.referred, format('Rows of %s refer to them, or a trigger or an open transaction keeps them.',
                                                     coalesce(tenancy_internal.references_to(protected.relation), 'no other table'))),
          hint => 'They go once nothing refers to them: have the referring tables follow the logging settings, too.');
      END IF;
      RETURN NEXT;
    END LOOP;
  END LOOP;
  PERFORM set_config('lock_timeout', waiting, true);
END
$$;
COMMENT ON FUNCTION tenancy.remove_expired_rows(bigint) IS 'For a DBA, as a regular job: removes rows past their retention from the tables that follow the logging settings, at most so many of each table; returns how many, how many stay since rows of other tables refer to them (NULL: not known while there is more to remove; a WARNING names these tables), or open transactions hold them, and how many under a legal hold; an organization''s rows of a table where that fails, as by a trigger of its owner''s, stay as they are, with a WARNING that names the table and the SQLSTATE, and the others go on; waits for no lock longer than lock_timeout or, where that is 0, 5 seconds (a trigger of the table''s owner can); call it again while a table returns as many; what was summed up of logs stays until the retention of analytics ends';

CREATE FUNCTION tenancy.ignore_logging_settings(relation regclass) RETURNS void
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  PERFORM tenancy_internal.check_protectable(ignore_logging_settings.relation);
  PERFORM tenancy_internal.keep_own(ignore_logging_settings.relation);
  IF NOT EXISTS (SELECT FROM tenancy_internal.kept_tables k WHERE k.relation = ignore_logging_settings.relation) THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
      MESSAGE = format('table %s does not follow logging settings', ignore_logging_settings.relation);
  END IF;
  IF tenancy_steps.has_held_rows(ignore_logging_settings.relation) THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = format('a legal hold keeps rows of table %s', ignore_logging_settings.relation);
  END IF;
  -- Also by columns that children have of their own
  PERFORM tenancy_internal.check_kept_place(f, '', '', '{}', NULL, NULL) FROM tenancy_internal.family_of(ignore_logging_settings.relation) f;
  PERFORM tenancy_internal.release_table(ignore_logging_settings.relation);
END
$$;
COMMENT ON FUNCTION tenancy.ignore_logging_settings(regclass) IS 'Takes away what apply_logging_settings() added, except the column received_at; for the table''s owner; 55000 for a table without it, and while a legal hold keeps rows of it';
REVOKE ALL ON FUNCTION tenancy.ignore_logging_settings(regclass) FROM PUBLIC;

CREATE FUNCTION tenancy_internal.release_table(relation regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp SET tenancy.guard_rails = off AS $$
DECLARE
  member regclass;
  kept tenancy_internal.kept_tables;
BEGIN
  DELETE FROM tenancy_internal.kept_tables k WHERE k.relation = release_table.relation;
  UPDATE tenancy.protected_names k SET kept_kind = NULL, kept_content = NULL WHERE k.holder = release_table.relation AND k.kept_kind IS NOT NULL;
  FOR member IN SELECT f FROM tenancy_internal.family_of(release_table.relation) f LOOP
    -- By another parent, or by itself, it still follows them.
    kept := tenancy_internal.kept_above(member);
    IF kept.relation IS NOT NULL AND EXISTS (SELECT FROM tenancy.protected_tables t WHERE t.relation = member) THEN
      PERFORM tenancy_internal.keep_member(member, kept);
      CONTINUE;
    END IF;
    PERFORM tenancy_internal.drop_triggers(member, f) FROM unnest('{tenancy_internal.receive_row,tenancy_internal.keep_row,tenancy_internal.keep_rows}'::regproc[]) f;
    PERFORM tenancy_internal.drop_retention_policies(member);
  END LOOP;
  PERFORM tenancy_internal.remember_name(release_table.relation, false);
END
$$;
COMMENT ON FUNCTION tenancy_internal.release_table(regclass) IS 'Has a table, with its partitions, no longer follow the logging settings';

-- The server has taken its parent's triggers from it, and reports that to nobody. What was content by its parent stays so.
CREATE FUNCTION tenancy_internal.keep_detached(relation regclass, parent regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  kept tenancy_internal.kept_tables := tenancy_internal.kept_above(keep_detached.parent);
BEGIN
  UPDATE tenancy_internal.kept_tables k SET content = ARRAY(SELECT DISTINCT c FROM unnest(k.content || kept.content) c ORDER BY c)
  WHERE k.relation IN (SELECT tenancy_internal.family_of(keep_detached.relation)) AND kept.relation IS NOT NULL;
  PERFORM tenancy_internal.keep_member(f, tenancy_internal.kept_above(f)) FROM tenancy_internal.family_of(keep_detached.relation) f
  WHERE (tenancy_internal.kept_above(f)).relation IS NOT NULL AND EXISTS (SELECT FROM tenancy.protected_tables t WHERE t.relation = f);
  IF kept.relation IS NOT NULL AND (tenancy_internal.kept_above(keep_detached.relation)).relation IS NULL THEN
    kept.relation := keep_detached.relation;
    PERFORM tenancy_steps.notice(format('table %s no longer follows the logging settings', keep_detached.relation),
      detail => 'Its content is stored, its rows are not removed at the end of their retention, and no legal hold keeps them.',
      hint => format('If it is to follow them without its parent, use %s.', tenancy_internal.keep_call(kept)));
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_internal.keep_detached(regclass, regclass) IS 'Has a detached partition, and what is below it, follow the logging settings as is recorded of these tables themselves, or says in a NOTICE that it no longer follows them';

CREATE FUNCTION tenancy_internal.has_kept_rows(relation regclass, organization_column name, workspace_column name) RETURNS boolean
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_has_kept_rows';
COMMENT ON FUNCTION tenancy_internal.has_kept_rows(regclass, name, name) IS 'Whether a table, with its partitions and children, has rows under a legal hold, by these columns (empty: none) of type uuid, or by those by which it follows the logging settings';

CREATE FUNCTION tenancy_steps.has_held_rows(relation regclass) RETURNS boolean
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  protected tenancy.protected_tables;
  held text;
BEGIN
  -- First: whether any tenant is under a hold is nobody else's concern.
  PERFORM tenancy_internal.check_protectable(has_held_rows.relation);
  IF NOT EXISTS (SELECT FROM tenancy.logging_settings s WHERE s.setting = 'legal_hold') THEN
    RETURN false;
  END IF;
  SELECT * INTO protected FROM tenancy.protected_tables t WHERE t.relation = has_held_rows.relation;
  IF NOT tenancy_steps.is_distributed(has_held_rows.relation)
    AND NOT EXISTS (SELECT FROM tenancy_internal.family_of(has_held_rows.relation) f JOIN pg_class c ON c.oid = f WHERE c.relkind = 'f')
    AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = has_held_rows.relation AND a.attname IN (protected.organization_column, protected.workspace_column)
                      AND tenancy_internal.base_type(a.atttypid) <> 'uuid'::regtype) THEN
    RETURN tenancy_internal.has_kept_rows(has_held_rows.relation, coalesce(protected.organization_column, ''), coalesce(protected.workspace_column, ''));
  END IF;
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

CREATE FUNCTION tenancy_internal.keep_holds_away_from(relation regclass) RETURNS boolean
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_keep_holds_away_from';
COMMENT ON FUNCTION tenancy_internal.keep_holds_away_from(regclass) IS 'Has holds on organizations with rows in a table wait, as they are committed, until the end of the transaction; false where one is being committed';

CREATE FUNCTION tenancy_steps.keep_holds_away_from(relation regclass) RETURNS void
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  PERFORM tenancy_internal.check_protectable(keep_holds_away_from.relation);
  -- The owner of any table could keep everybody's holds away, without an end.
  IF NOT EXISTS (SELECT FROM pg_roles r WHERE r.oid = tenancy_internal.caller() AND (r.rolsuper OR r.rolbypassrls)) THEN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = 'permission denied for function keep_holds_away_from',
      DETAIL = 'It is for jobs of a role that row security does not filter.';
  END IF;
  IF NOT tenancy_internal.keep_holds_away_from(keep_holds_away_from.relation) THEN
    -- Not the SQLSTATE of a lock, which would stop the job.
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
      MESSAGE = format('a legal hold is being committed that may keep rows of table %s', keep_holds_away_from.relation);
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_steps.keep_holds_away_from(regclass) IS 'Before a job removes rows of a locked table at once: has holds that may keep them wait, as they are committed, until the end of the transaction, or raises 55000 where one is being committed; for its owner, if row security does not filter that (42501)';

CREATE FUNCTION tenancy_steps.settle_changes() RETURNS void
LANGUAGE c AS 'MODULE_PATHNAME', 'pg_tenancy_settle_own_changes';
COMMENT ON FUNCTION tenancy_steps.settle_changes() IS 'tenancy_internal.settle_changes() for a job of a role that row security does not filter; 42501 for others, who could keep holds away without an end';
