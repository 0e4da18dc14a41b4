-- Protections that tables carry without being on record, as after a partial restore.

-- Each argument of a trigger ends in a zero byte, which text cannot hold.
CREATE FUNCTION tenancy_internal.trigger_argument(arguments bytea, number int) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT convert_from(string_agg(b.it, '' ORDER BY b.at), getdatabaseencoding())
  FROM (SELECT i AS at, substr(trigger_argument.arguments, i + 1, 1) AS it,
               count(*) FILTER (WHERE get_byte(trigger_argument.arguments, i) = 0) OVER (ORDER BY i) AS ended
        FROM generate_series(0, length(trigger_argument.arguments) - 1) i) b
  WHERE b.ended = trigger_argument.number AND b.it <> decode('00', 'hex')
$$;
COMMENT ON FUNCTION tenancy_internal.trigger_argument(bytea, int) IS 'One of a trigger''s arguments, counted from 0, or NULL when it is empty';

CREATE FUNCTION tenancy_internal.carried_settings(relation regclass) RETURNS tenancy_internal.kept_tables
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  -- A partition's own trigger, which also says what its parent's does, has the last name.
  SELECT t.tgrelid::regclass, tenancy_internal.trigger_argument(t.tgargs, 0), ARRAY(SELECT jsonb_object_keys(tenancy_internal.trigger_argument(t.tgargs, 3)::jsonb)::name ORDER BY 1)
  FROM pg_trigger t WHERE t.tgrelid = carried_settings.relation AND t.tgfoid = 'tenancy_internal.keep_row'::regproc ORDER BY t.tgname DESC LIMIT 1
$$;
COMMENT ON FUNCTION tenancy_internal.carried_settings(regclass) IS 'As what kind, and by which content, a table follows the logging settings, as far as its triggers say';

-- Policies and triggers have most arguments of protect(), and a dump of the table has them as well. payload and audit_reads are in
-- the record alone, but for a table of metadata only.
CREATE FUNCTION tenancy_internal.carried_protection(relation regclass) RETURNS tenancy.protected_names
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp SET quote_all_identifiers = off AS $$
DECLARE
  carried tenancy.protected_names;
  inspected record;
  copied record;
BEGIN
  SELECT n.nspname, c.relname INTO carried.schema_name, carried.table_name
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = carried_protection.relation;
  SELECT * INTO inspected FROM tenancy_internal.inspect_protection(carried_protection.relation);
  SELECT * INTO copied FROM tenancy_internal.child_columns(carried_protection.relation);
  carried.resource := inspected.resource;
  carried.organization_column := inspected.organization;
  carried.workspace_column := inspected.workspace;
  carried.owner_column := CASE WHEN copied.owner IS NULL THEN inspected.owner END;
  carried.api_key_column := CASE WHEN copied.api_key IS NULL THEN inspected.api_key END;
  carried.through := inspected.through;
  carried.inherits_owner := false;
  carried.shared := coalesce(inspected.shared, false);
  carried.workspace_implies_organization := coalesce(inspected.workspace_implies_organization, false);
  carried.audit_reads := false;
  SELECT '{}' INTO carried.payload FROM pg_policy p
  WHERE p.polrelid = carried_protection.relation AND p.polname = 'tenancy_select'
    AND position(format('(%L::text, %L::text, ', inspected.resource, 'list') IN pg_get_expr(p.polqual, p.polrelid)) > 0;
  -- It names the same columns as the policy for INSERT, but for who wrote the row.
  SELECT a.attname INTO carried.writer_column
  FROM pg_policy p JOIN pg_depend d ON d.classid = 'pg_policy'::regclass AND d.objid = p.oid AND d.refclassid = 'pg_class'::regclass AND d.refobjid = p.polrelid
  JOIN pg_attribute a ON a.attrelid = p.polrelid AND a.attnum = d.refobjsubid AND a.attnum > 0
  WHERE p.polrelid = carried_protection.relation AND p.polname = 'tenancy_writer' AND NOT EXISTS (
    SELECT FROM pg_policy i JOIN pg_depend o ON o.classid = 'pg_policy'::regclass AND o.objid = i.oid
    WHERE i.polrelid = p.polrelid AND i.polname = 'tenancy_insert' AND o.refclassid = 'pg_class'::regclass AND o.refobjid = p.polrelid AND o.refobjsubid = d.refobjsubid)
  LIMIT 1;
  carried.fill_nulls := EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = carried_protection.relation AND t.tgfoid = 'tenancy_internal.fill_nulls'::regproc);
  -- The condition for INSERT compares the columns of the action alone.
  SELECT jsonb_object_agg(m.action, m.columns) INTO carried.actions FROM (
    SELECT tenancy_internal.trigger_argument(t.tgargs, 0) AS action, jsonb_agg(DISTINCT a.attname) AS columns
    FROM tenancy_internal.family_of(carried_protection.relation) f JOIN pg_trigger t ON t.tgrelid = f
    JOIN pg_depend d ON d.classid = 'pg_trigger'::regclass AND d.objid = t.oid AND d.refclassid = 'pg_class'::regclass AND d.refobjid = t.tgrelid
    JOIN pg_attribute a ON a.attrelid = t.tgrelid AND a.attnum = d.refobjsubid AND a.attnum > 0
    WHERE t.tgfoid = 'tenancy_internal.check_action'::regproc AND t.tgtype::int & 4 <> 0 GROUP BY 1) m;
  -- A child has such triggers because its parents do, unless they say something else.
  WITH above AS (SELECT k.* FROM pg_inherits i CROSS JOIN LATERAL tenancy_internal.carried_settings(i.inhparent) k WHERE i.inhrelid = carried_protection.relation)
  SELECT k.kind, k.content INTO carried.kept_kind, carried.kept_content FROM tenancy_internal.carried_settings(carried_protection.relation) k
  WHERE NOT EXISTS (SELECT FROM above a WHERE a.kind = k.kind) OR EXISTS (SELECT unnest(k.content) EXCEPT SELECT unnest(a.content) FROM above a);
  RETURN carried;
END
$$;
COMMENT ON FUNCTION tenancy_internal.carried_protection(regclass) IS 'How a table is protected that is not on record, as far as its policies and triggers say';

CREATE FUNCTION tenancy_internal.check_carried(relation regclass, wanted tenancy.protected_tables, carried tenancy.protected_names) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  lost text := concat_ws(', ', CASE WHEN check_carried.carried.writer_column IS NOT NULL AND check_carried.wanted.writer_column IS NULL THEN 'initiator' END,
    CASE WHEN NOT coalesce(check_carried.wanted.actions, '{}') @> check_carried.carried.actions THEN 'actions' END,
    CASE WHEN check_carried.carried.fill_nulls AND NOT check_carried.wanted.fill_nulls THEN 'fill_nulls' END);
BEGIN
  IF lost <> '' THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
      MESSAGE = format('table %s has a protection that is not on record', check_carried.relation),
      DETAIL = format('Its policies and triggers are those of a call with other arguments: %s.', lost),
      HINT = coalesce(CASE WHEN check_carried.carried.resource IS NOT NULL THEN tenancy_internal.protect_call(check_carried.carried, check_carried.relation) || '. ' END, '')
        || 'Once it is on record, another call changes it.';
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_internal.check_carried(regclass, tenancy.protected_tables, tenancy.protected_names) IS 'Raises 55000 where protect() would drop policies and triggers of a protection that is not on record, as after a partial restore';

-- Nobody's call names what a partition or child has by itself, and it would be taken for what its parent has.
CREATE FUNCTION tenancy_internal.take_carried(relation regclass, wanted tenancy.protected_tables) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  carried tenancy.protected_names;
BEGIN
  IF NOT EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = take_carried.relation) OR (tenancy_internal.carried_settings(take_carried.relation)).kind IS NULL
    OR EXISTS (SELECT FROM tenancy.protected_tables t WHERE t.relation = take_carried.relation)
    OR EXISTS (SELECT FROM tenancy_internal.kept_tables k WHERE k.relation = take_carried.relation) THEN
    RETURN;
  END IF;
  carried := tenancy_internal.carried_protection(take_carried.relation);
  IF carried.kept_kind IS NOT NULL
    AND (carried.organization_column, carried.workspace_column) IS NOT DISTINCT FROM (take_carried.wanted.organization_column, take_carried.wanted.workspace_column) THEN
    PERFORM tenancy_internal.keep_table(take_carried.relation, ROW(take_carried.relation, carried.kept_kind, carried.kept_content));
    PERFORM tenancy_steps.notice(format('table %s follows the logging settings in another way than its parent, as its triggers do', take_carried.relation),
      hint => format('Use tenancy.ignore_logging_settings(%L) if it is to follow them as its parent does.', take_carried.relation::text));
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_internal.take_carried(regclass, tenancy.protected_tables) IS 'Records how a partition or child that is not on record, as after a partial restore, follows the logging settings by itself, before it is protected';
