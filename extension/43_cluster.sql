-- Clusters: which nodes accept each other's claims.

CREATE FUNCTION tenancy_internal.check_cluster_administrator() RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = current_user AND r.rolsuper) THEN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = 'must be superuser to administer a cluster';
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_internal.check_cluster_administrator() IS 'Raises 42501 unless the caller is a superuser, as whoever knows a cluster''s key is as good as one';

CREATE FUNCTION tenancy_internal.cluster_key_text(key_id integer, secret bytea) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT format('pgtck_%s_%s', cluster_key_text.key_id, encode(cluster_key_text.secret, 'hex'))
$$;
COMMENT ON FUNCTION tenancy_internal.cluster_key_text(integer, bytea) IS 'A cluster''s key as join_cluster() takes it';

CREATE FUNCTION tenancy_internal.random_secret() RETURNS bytea
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'pg_tenancy_random_secret';
COMMENT ON FUNCTION tenancy_internal.random_secret() IS 'Thirty-two random bytes';

CREATE FUNCTION tenancy.join_cluster(key text DEFAULT NULL) RETURNS text
LANGUAGE tenancy_unit SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  parts text[] := regexp_match(join_cluster.key, '^pgtck_([1-9][0-9]{0,8})_([0-9a-f]{64})$');
  known tenancy_internal.cluster_keys;
BEGIN
  PERFORM tenancy_internal.check_cluster_administrator();
  LOCK TABLE tenancy_internal.cluster_keys IN SHARE ROW EXCLUSIVE MODE;
  IF join_cluster.key IS NULL THEN
    SELECT * INTO known FROM tenancy_internal.cluster_keys k WHERE k.signs;
    IF NOT FOUND THEN
      INSERT INTO tenancy_internal.cluster_keys (key_id, secret, signs) VALUES (1, tenancy_internal.random_secret(), true) RETURNING * INTO known;
    END IF;
    RETURN tenancy_internal.cluster_key_text(known.key_id, known.secret);
  END IF;
  IF parts IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'this is not the key of a cluster',
      HINT = 'Keys come from tenancy.join_cluster() of the first node.';
  END IF;
  SELECT * INTO known FROM tenancy_internal.cluster_keys k WHERE k.key_id = parts[1]::integer;
  IF NOT FOUND THEN
    INSERT INTO tenancy_internal.cluster_keys (key_id, secret, signs)
    VALUES (parts[1]::integer, decode(parts[2], 'hex'), NOT EXISTS (SELECT FROM tenancy_internal.cluster_keys k WHERE k.signs));
  ELSIF known.secret <> decode(parts[2], 'hex') THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = 'this node is in another cluster',
      DETAIL = format('It has another key with number %s.', known.key_id),
      HINT = 'To leave that cluster, a superuser deletes the rows of tenancy_internal.cluster_keys.';
  END IF;
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION tenancy.join_cluster(text) IS 'For a superuser. Without a key: makes this the first node of a cluster, unless it is in one, and returns the cluster''s key, which is a secret. With the key: this node accepts claims that other nodes sign by it, and signs by it, unless it signs by another one; returns NULL. 22023 for what is no key, 55000 on a node of another cluster';
REVOKE ALL ON FUNCTION tenancy.join_cluster(text) FROM PUBLIC;

CREATE FUNCTION tenancy.new_cluster_key() RETURNS text
LANGUAGE tenancy_unit SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  made tenancy_internal.cluster_keys;
BEGIN
  PERFORM tenancy_internal.check_cluster_administrator();
  LOCK TABLE tenancy_internal.cluster_keys IN SHARE ROW EXCLUSIVE MODE;
  IF (SELECT count(*) FROM tenancy_internal.cluster_keys k) <> 1 THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
      MESSAGE = CASE WHEN EXISTS (SELECT FROM tenancy_internal.cluster_keys k) THEN 'this node has more than one key' ELSE 'this node is in no cluster' END,
      HINT = CASE WHEN EXISTS (SELECT FROM tenancy_internal.cluster_keys k) THEN 'DELETE FROM tenancy_internal.cluster_keys WHERE NOT signs'
                  ELSE 'Call tenancy.join_cluster().' END;
  END IF;
  INSERT INTO tenancy_internal.cluster_keys (key_id, secret)
  SELECT max(k.key_id) + 1, tenancy_internal.random_secret()
  FROM tenancy_internal.cluster_keys k RETURNING * INTO made;
  RETURN tenancy_internal.cluster_key_text(made.key_id, made.secret);
END
$$;
COMMENT ON FUNCTION tenancy.new_cluster_key() IS 'For a superuser: makes another key for the cluster, by which this node accepts claims and doesn''t sign, and returns it for join_cluster() of the other nodes; use_cluster_key() follows on all of them. 55000 on a node that has no key or two';
REVOKE ALL ON FUNCTION tenancy.new_cluster_key() FROM PUBLIC;

CREATE FUNCTION tenancy.use_cluster_key(key_id integer) RETURNS void
LANGUAGE tenancy_unit SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  PERFORM tenancy_internal.check_cluster_administrator();
  LOCK TABLE tenancy_internal.cluster_keys IN SHARE ROW EXCLUSIVE MODE;
  IF NOT EXISTS (SELECT FROM tenancy_internal.cluster_keys k WHERE k.key_id = use_cluster_key.key_id) THEN
    RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = format('this node has no key %s', use_cluster_key.key_id);
  END IF;
  UPDATE tenancy_internal.cluster_keys k SET signs = false WHERE k.signs AND k.key_id <> use_cluster_key.key_id;
  UPDATE tenancy_internal.cluster_keys k SET signs = true WHERE NOT k.signs AND k.key_id = use_cluster_key.key_id;
END
$$;
COMMENT ON FUNCTION tenancy.use_cluster_key(integer) IS 'For a superuser: signs by this key from now on; claims signed by the other one are accepted until it is deleted from tenancy_internal.cluster_keys. 42704 for a key that the node doesn''t have';
REVOKE ALL ON FUNCTION tenancy.use_cluster_key(integer) FROM PUBLIC;
