-- Guard rails of policies: those beside ours, and ours where a table's rows lie on other nodes.

-- Where Citus has a protected table's rows, nothing is recorded: it copies policies, and restrictive ones as permissive ones.
CREATE FUNCTION tenancy_internal.is_policy_beside_ours(relation regclass) RETURNS boolean
LANGUAGE sql STABLE STRICT SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT to_regclass('pg_catalog.pg_dist_partition') IS NOT NULL
    AND count(*) FILTER (WHERE p.polname IN ('tenancy_select', 'tenancy_insert', 'tenancy_update', 'tenancy_delete')) > 0
    AND count(*) FILTER (WHERE p.polpermissive AND p.polname NOT IN ('tenancy_select', 'tenancy_insert', 'tenancy_update', 'tenancy_delete')) > 0
  FROM pg_policy p WHERE p.polrelid = is_policy_beside_ours.relation
$$;
COMMENT ON FUNCTION tenancy_internal.is_policy_beside_ours(regclass) IS 'Whether a table that Citus keeps like a protected one has a permissive policy beside the tenancy policies';

CREATE FUNCTION tenancy_internal.is_protected_elsewhere(relation regclass) RETURNS boolean
LANGUAGE plpgsql STABLE STRICT SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  RETURN EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = is_protected_elsewhere.relation AND p.polname = 'tenancy_select')
    AND tenancy_internal.is_part_of_other_node(is_protected_elsewhere.relation);
END
$$;
COMMENT ON FUNCTION tenancy_internal.is_protected_elsewhere(regclass) IS 'Whether a table has a part of a protected table that another node of Citus has the record of';

-- Of constants as arguments, a policy could be made that shows every row: they are columns, or NULL.
CREATE FUNCTION tenancy_internal.is_policy_call(expression text, function text, commands text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT is_policy_call.expression ~ (
    '^(tenancy[.])?' || is_policy_call.function || '[(]''([^'']|'''')*''::text, ''(' || is_policy_call.commands || ')''::text'
    || '(, (NULL(::[a-z]+)?|(?!(true|false)[,)])[a-z_][a-z0-9_]*|"([^"]|"")+")){4}'
    || '(, (true|false)(, ''[a-z_, ]*''::text)?)?[)]$')
$$;
COMMENT ON FUNCTION tenancy_internal.is_policy_call(text, text, text) IS 'Whether a policy''s condition, as the server prints it, is one call of a function of the filter over columns, for one of these commands (separated by |); NULL for none';

CREATE FUNCTION tenancy_internal.is_policy_of_ours(it pg_policy) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp SET quote_all_identifiers = off AS $$
  SELECT coalesce(tenancy_internal.is_policy_call(pg_get_expr((is_policy_of_ours.it).polqual, (is_policy_of_ours.it).polrelid), 'row_visible', c.commands), true)
    AND coalesce(tenancy_internal.is_policy_call(pg_get_expr((is_policy_of_ours.it).polwithcheck, (is_policy_of_ours.it).polrelid), 'row_accepted', c.commands), true)
  FROM (SELECT CASE (is_policy_of_ours.it).polcmd WHEN 'r' THEN 'view|list' WHEN 'a' THEN 'insert' WHEN 'w' THEN 'update' WHEN 'd' THEN 'delete' ELSE 'none' END) c (commands)
$$;
COMMENT ON FUNCTION tenancy_internal.is_policy_of_ours(pg_policy) IS 'Whether a permissive policy has the form of those of protect()';

CREATE FUNCTION tenancy_internal.check_policy_elsewhere(it pg_policy) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF (check_policy_elsewhere.it).polname = 'tenancy_closed' OR NOT tenancy_internal.is_protected_elsewhere((check_policy_elsewhere.it).polrelid) THEN
    RETURN;
  ELSIF NOT (check_policy_elsewhere.it).polpermissive THEN
    PERFORM tenancy_internal.refuse_opening((check_policy_elsewhere.it).polrelid,
      format('Citus would make a permissive policy of "%s" on other nodes', (check_policy_elsewhere.it).polname));
  ELSIF NOT tenancy_internal.is_policy_of_ours(check_policy_elsewhere.it) THEN
    PERFORM tenancy_internal.refuse_opening((check_policy_elsewhere.it).polrelid, format('policy "%s" cannot be altered', (check_policy_elsewhere.it).polname));
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_internal.check_policy_elsewhere(pg_policy) IS 'Raises 55000 for a policy of a part of a protected table that is not one of protect(), wherever the record is';

-- Citus makes a shard like any table, and gives it rights before its policies: until then it is closed as a copy.
CREATE FUNCTION tenancy_internal.open_shard(relation regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp SET tenancy.guard_rails = off AS $$
BEGIN
  IF to_regclass('pg_catalog.pg_dist_partition') IS NOT NULL
     AND EXISTS (SELECT FROM pg_class c WHERE c.oid = open_shard.relation AND c.relrowsecurity AND c.relforcerowsecurity)
     AND (SELECT count(*) = 4 AND bool_and(tenancy_internal.is_policy_of_ours(p)) FROM pg_policy p WHERE p.polrelid = open_shard.relation AND p.polpermissive)
     AND (SELECT array_agg(p.polname ORDER BY p.polname) FROM pg_policy p WHERE p.polrelid = open_shard.relation)
         = '{tenancy_closed,tenancy_delete,tenancy_insert,tenancy_select,tenancy_update}'::name[] THEN
    PERFORM tenancy_internal.keep_name(open_shard.relation);
    EXECUTE format('DROP POLICY tenancy_closed ON %s', open_shard.relation);
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_internal.open_shard(regclass) IS 'Opens a table that was closed as a copy, and has the tenancy policies now, on a node of Citus';

CREATE FUNCTION tenancy_internal.former_policy_name(command pg_ddl_command) RETURNS name
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_former_policy_name';
COMMENT ON FUNCTION tenancy_internal.former_policy_name(pg_ddl_command) IS 'The name that a policy had before a command renamed it, or NULL';

-- Policies that hide expired rows, say who writes, or close a table are made and dropped by the extension alone.
CREATE FUNCTION tenancy_internal.guard_own_policy(policy oid, former name) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  it pg_policy;
  called name;
BEGIN
  SELECT * INTO it FROM pg_policy p WHERE p.oid = guard_own_policy.policy;
  called := coalesce(guard_own_policy.former, it.polname);
  IF NOT it.polpermissive AND called ~ '^tenancy_(retention|writer$|closed$)' THEN
    PERFORM tenancy_internal.refuse_opening(it.polrelid, format('policy "%s" cannot be altered', called));
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_internal.guard_own_policy(oid, name) IS 'Raises 55000 for a restrictive policy of the extension that is altered, or renamed from that name';

CREATE FUNCTION tenancy_internal.guard_policy(policy oid) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  it pg_policy;
  found_now record;
  named tenancy.protected_names;
BEGIN
  SELECT * INTO it FROM pg_policy p WHERE p.oid = guard_policy.policy;
  IF EXISTS (SELECT FROM tenancy.protected_tables t WHERE t.relation = it.polrelid) THEN
    IF it.polpermissive AND it.polname NOT IN ('tenancy_select', 'tenancy_insert', 'tenancy_update', 'tenancy_delete') THEN
      PERFORM tenancy_internal.refuse_opening(it.polrelid, format('policy "%s" would show rows beside the tenancy policies; only restrictive policies may be added', it.polname));
    END IF;
    -- A restore creates them one by one.
    IF it.polpermissive AND (tenancy_internal.inspect_protection(it.polrelid)).problem LIKE 'policy "%" has been changed' THEN
      PERFORM tenancy_internal.refuse_opening(it.polrelid, format('policy "%s" cannot be altered', it.polname));
    END IF;
    IF NOT it.polpermissive AND tenancy_steps.is_distributed(it.polrelid) THEN
      PERFORM tenancy_internal.refuse_opening(it.polrelid, format('Citus would make a permissive policy of "%s" on other nodes', it.polname));
    END IF;
  ELSIF tenancy_internal.is_policy_beside_ours(it.polrelid) THEN
    PERFORM tenancy_internal.refuse_opening(it.polrelid, format('policy "%s" would show rows beside the tenancy policies', it.polname));
  ELSIF tenancy_internal.is_closed(it.polrelid) THEN
    PERFORM tenancy_internal.check_policy_elsewhere(it);
    -- A table restored by itself is recorded again as soon as all of its policies exist.
    named := tenancy_internal.remembered_name(it.polrelid);
    SELECT * INTO found_now FROM tenancy_internal.inspect_protection(it.polrelid);
    IF named.table_name IS NOT NULL AND found_now.problem IS NULL
       AND (named.writer_column IS NULL OR EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = it.polrelid AND p.polname = 'tenancy_writer')) AND
       (found_now.resource, found_now.organization, found_now.workspace, found_now.owner, found_now.api_key, found_now.through) IS NOT DISTINCT FROM
       (named.resource, named.organization_column, named.workspace_column, named.owner_column, named.api_key_column, named.through) THEN
      PERFORM tenancy_internal.protect_by_name(it.polrelid, named);
    ELSIF named.table_name IS NULL THEN
      PERFORM tenancy_internal.open_shard(it.polrelid);
    END IF;
  ELSE
    PERFORM tenancy_internal.check_policy_elsewhere(it);
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_internal.guard_policy(oid) IS 'Raises 55000 for a policy that would open a protected table; protects a restored table again when the last of its policies has come';
