-- Tables that Citus distributes: the rows of one organization on one node, which knows the session's principal by a claim
-- (see 42_claims.sql, and pg/plan/claim_transport.hpp for its way there).

CREATE FUNCTION tenancy_internal.is_beside_door(relation regclass) RETURNS boolean
LANGUAGE plpgsql STABLE STRICT SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  door regclass := to_regclass('tenancy_cluster.door');
  found_one boolean;
BEGIN
  IF door IS NULL OR to_regclass('pg_catalog.pg_dist_partition') IS NULL THEN
    RETURN false;
  END IF;
  EXECUTE 'SELECT EXISTS (SELECT FROM pg_catalog.pg_dist_partition d JOIN pg_catalog.pg_dist_partition o USING (colocationid)
           WHERE d.logicalrelid = $1 AND o.logicalrelid = $2 AND d.partmethod = ''h'')' INTO found_one USING is_beside_door.relation, door;
  RETURN found_one;
END
$$;
COMMENT ON FUNCTION tenancy_internal.is_beside_door(regclass) IS 'Whether Citus distributes a table as tenancy.distribute() does: each organization''s rows on the node that the session''s claim is given to';

-- A node accepts sessions with a claim only, and claims by the same keys.
CREATE FUNCTION tenancy_internal.problems_of_nodes() RETURNS TABLE (node text, problem text, hint text)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  digest text := 'SELECT coalesce(string_agg(k.key_id || '' '' || encode(sha256(''keys of a cluster''::bytea || k.secret), ''hex''), '' '' ORDER BY k.key_id), '''') FROM tenancy_internal.cluster_keys k';
  version text := (SELECT e.extversion FROM pg_extension e WHERE e.extname = 'pg_tenancy');
  keys text;
  answer record;
  parts text[];
BEGIN
  EXECUTE digest INTO keys;
  FOR answer IN EXECUTE format($q$
      SELECT n.nodename || ':' || n.nodeport AS node, w.success, w.result
      FROM pg_catalog.run_command_on_workers(%L) w JOIN pg_catalog.pg_dist_node n ON (n.nodename, n.nodeport) = (w.nodename, w.nodeport)
      WHERE n.groupid <> 0 AND n.shouldhaveshards AND n.noderole = 'primary' ORDER BY n.nodeid$q$,
      $q$SELECT coalesce((SELECT e.extversion FROM pg_catalog.pg_extension e WHERE e.extname = 'pg_tenancy'), '-') || '|'
             || pg_catalog.concat_ws(',', pg_catalog.current_setting('session_preload_libraries'), pg_catalog.current_setting('shared_preload_libraries')) || '|'
             || coalesce(pg_catalog.current_setting('tenancy.require_claims', true), 'off')$q$) LOOP
    problems_of_nodes.node := answer.node;
    IF NOT answer.success THEN
      problems_of_nodes.problem := answer.result;
      problems_of_nodes.hint := NULL;
      RETURN NEXT;
      CONTINUE;
    END IF;
    parts := string_to_array(answer.result, '|');
    problems_of_nodes.problem := CASE WHEN parts[1] IS DISTINCT FROM version THEN format('it has pg_tenancy %s, and not %s', parts[1], version)
                    WHEN parts[2] !~ 'pg_tenancy' THEN 'it does not preload pg_tenancy'
                    WHEN parts[3] <> 'on' THEN 'it serves sessions without a claim, too' END;
    problems_of_nodes.hint := CASE WHEN parts[1] IS DISTINCT FROM version THEN 'Install the same version.'
                 WHEN parts[2] !~ 'pg_tenancy' THEN 'Add pg_tenancy to "session_preload_libraries".'
                 ELSE 'Set tenancy.require_claims = on there.' END;
    IF problems_of_nodes.problem IS NOT NULL THEN
      RETURN NEXT;
    END IF;
  END LOOP;
  FOR answer IN EXECUTE format($q$
      SELECT n.nodename || ':' || n.nodeport AS node
      FROM pg_catalog.run_command_on_workers(%L) w JOIN pg_catalog.pg_dist_node n ON (n.nodename, n.nodeport) = (w.nodename, w.nodeport)
      WHERE n.groupid <> 0 AND n.shouldhaveshards AND n.noderole = 'primary' AND w.success AND w.result IS DISTINCT FROM %L ORDER BY n.nodeid$q$, digest, keys) LOOP
    problems_of_nodes.node := answer.node;
    problems_of_nodes.problem := 'it does not have the same keys of the cluster';
    problems_of_nodes.hint := 'Copy the rows of tenancy_internal.cluster_keys there.';
    RETURN NEXT;
  END LOOP;
END
$$;
COMMENT ON FUNCTION tenancy_internal.problems_of_nodes() IS 'The nodes of a Citus cluster that cannot have rows of tenants yet: they lack the extension, its preloading, the cluster''s keys or tenancy.require_claims';

CREATE FUNCTION tenancy_internal.check_distributable(relation regclass) RETURNS tenancy.protected_tables
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  it tenancy.protected_tables;
  other text;
BEGIN
  SELECT * INTO it FROM tenancy.protected_tables t WHERE t.relation = check_distributable.relation;
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = format('table %s is not protected', check_distributable.relation),
      HINT = 'Call tenancy.protect() first.';
  ELSIF tenancy_steps.is_distributed(check_distributable.relation) THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = format('table %s is distributed already', check_distributable.relation),
      HINT = 'Undistribute it, and protect it again.';
  ELSIF EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = check_distributable.relation) THEN
    RAISE EXCEPTION USING ERRCODE = 'wrong_object_type', MESSAGE = format('table %s is a partition or child of another one', check_distributable.relation),
      HINT = 'Distribute that one.';
  ELSIF it.through IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'feature_not_supported', MESSAGE = format('table %s takes its tenant from a parent row', check_distributable.relation),
      DETAIL = 'Citus distributes no tables with triggers.', HINT = 'Protect it by an organization column of its own.';
  ELSIF it.shared THEN
    RAISE EXCEPTION USING ERRCODE = 'feature_not_supported', MESSAGE = format('table %s has rows of no tenant', check_distributable.relation),
      DETAIL = 'Everybody sees them, and each organization''s rows are on one node.', HINT = 'Keep them in a table that is not protected.';
  ELSIF it.organization_column IS NULL OR (SELECT a.atttypid FROM pg_attribute a WHERE a.attrelid = it.relation AND a.attname = it.organization_column) <> 'uuid'::regtype THEN
    RAISE EXCEPTION USING ERRCODE = 'feature_not_supported', MESSAGE = format('table %s has no column of type uuid for the organization', check_distributable.relation),
      DETAIL = 'A query''s node is found by the organization''s id.', HINT = 'Add such a column, and protect the table by it.';
  ELSIF EXISTS (SELECT FROM tenancy.scoped_views v WHERE v.relation IN (SELECT f FROM tenancy_internal.family_of(check_distributable.relation) f)) THEN
    RAISE EXCEPTION USING ERRCODE = 'feature_not_supported', MESSAGE = format('table %s has scoped views', check_distributable.relation),
      DETAIL = 'On other nodes its own policies would apply below the view, and hide rows that may only be listed.',
      HINT = 'Drop the views, and put the payload into a table of its own.';
  END IF;
  SELECT string_agg(format('"%s"', p.polname), ', ' ORDER BY p.polname) INTO other
  FROM pg_policy p JOIN tenancy_internal.family_of(check_distributable.relation) f ON p.polrelid = f
  WHERE p.polname NOT IN ('tenancy_select', 'tenancy_insert', 'tenancy_update', 'tenancy_delete');
  IF other IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'feature_not_supported', MESSAGE = format('table %s has restrictive policies: %s', check_distributable.relation, other),
      DETAIL = 'Citus makes permissive policies of restrictive ones, which would show other tenants'' rows.', HINT = 'Drop them.';
  END IF;
  RETURN it;
END
$$;
COMMENT ON FUNCTION tenancy_internal.check_distributable(regclass) IS 'The record of a protected table; an error unless Citus can distribute it by organization, with its policies as they are';

-- Empty, so that it answers without showing anything.
CREATE FUNCTION tenancy_internal.make_door() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  door regclass := to_regclass('tenancy_cluster.door');
BEGIN
  IF door IS NULL THEN
    CREATE SCHEMA tenancy_cluster;
    CREATE TABLE tenancy_cluster.door (id uuid PRIMARY KEY CHECK (false));
    COMMENT ON SCHEMA tenancy_cluster IS 'The way to the nodes that have tenants'' rows';
    COMMENT ON TABLE tenancy_cluster.door IS 'Empty: queries of it give claims to the node that has an organization''s rows';
    REVOKE ALL ON SCHEMA tenancy_cluster FROM PUBLIC;
    REVOKE ALL ON TABLE tenancy_cluster.door FROM PUBLIC;
    GRANT USAGE ON SCHEMA tenancy_cluster TO PUBLIC;
    GRANT SELECT ON TABLE tenancy_cluster.door TO PUBLIC;
    PERFORM set_config('client_min_messages', 'warning', true);
    EXECUTE $q$SELECT pg_catalog.create_distributed_table('tenancy_cluster.door', 'id', colocate_with => 'none')$q$;
  ELSIF NOT EXISTS (SELECT FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner WHERE c.oid = door AND r.rolsuper AND c.relkind = 'r')
        OR NOT tenancy_internal.is_beside_door(door) THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = 'table tenancy_cluster.door is not a superuser''s distributed table',
      HINT = 'Drop the schema tenancy_cluster.';
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_internal.make_door() IS 'Makes the table by which claims reach nodes, unless it is there';

CREATE FUNCTION tenancy_internal.check_distribution() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  node record;
  is_coordinator boolean;
BEGIN
  PERFORM tenancy_internal.check_cluster_administrator();
  IF to_regclass('pg_catalog.pg_dist_partition') IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = 'this database has no Citus', HINT = 'CREATE EXTENSION citus';
  END IF;
  EXECUTE 'SELECT groupid = 0 FROM pg_catalog.pg_dist_local_group' INTO is_coordinator;
  IF is_coordinator IS FALSE THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = 'this node is a worker', HINT = 'Connect to the coordinator.';
  ELSIF NOT EXISTS (SELECT FROM tenancy_internal.cluster_keys k WHERE k.signs) THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = 'this node is in no cluster',
      HINT = 'Call tenancy.join_cluster(), and copy the key to the other nodes.';
  END IF;
  SELECT * INTO node FROM tenancy_internal.problems_of_nodes() LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = format('node %s cannot have rows of tenants', node.node),
      DETAIL = upper(left(node.problem, 1)) || substr(node.problem, 2) || '.', HINT = node.hint;
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_internal.check_distribution() IS 'Raises what keeps a superuser from distributing tables: 42501 for others, 55000 without Citus, the cluster''s key, or on account of a node that lacks something';

CREATE FUNCTION tenancy.distribute(relation regclass, by text DEFAULT 'organization') RETURNS void
LANGUAGE tenancy_unit SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  it tenancy.protected_tables;
  member regclass;
BEGIN
  PERFORM tenancy_internal.check_cluster_administrator();
  IF distribute.relation IS NULL OR distribute.by IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed', MESSAGE = 'a table must be given, and what to distribute it by';
  ELSIF distribute.by <> 'organization' THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'tables are distributed by organization only',
      DETAIL = 'A query of any principal then concerns one shard of one node.', HINT = 'Leave the parameter out.';
  END IF;
  PERFORM tenancy_internal.check_distribution();
  it := tenancy_internal.check_distributable(distribute.relation);
  PERFORM tenancy_internal.make_door();
  -- With the organization in each filter, also where the workspace decides: it says which shard.
  FOR member IN SELECT f FROM tenancy_internal.family_of(distribute.relation) f LOOP
    SELECT * INTO it FROM tenancy.protected_tables t WHERE t.relation = member;
    it.with_organization := true;
    PERFORM tenancy_internal.apply_protection(member, it);
  END LOOP;
  EXECUTE format('SELECT pg_catalog.create_distributed_table(%L, %L, colocate_with => ''tenancy_cluster.door'')', distribute.relation::text, it.organization_column);
END
$$;
COMMENT ON FUNCTION tenancy.distribute(regclass, text) IS 'For a superuser, on the coordinator of a Citus cluster: distributes a protected table by organization, so that queries of any principal are routed to one shard, with a signed claim of who it is. 55000 without Citus, the cluster''s key, or on account of a node that lacks something; 0A000 for tables with restrictive policies, or without an organization column of type uuid';
REVOKE ALL ON FUNCTION tenancy.distribute(regclass, text) FROM PUBLIC;
