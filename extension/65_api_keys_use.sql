-- When API keys were last used: noted in shared memory, and stored by a background worker once in a while.

CREATE FUNCTION tenancy_internal.noted_key_use(api_key_id uuid) RETURNS timestamptz
LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_noted_key_use';
COMMENT ON FUNCTION tenancy_internal.noted_key_use(uuid) IS 'When an API key was last used, to the minute, as far as shared memory has it; NULL for nothing';

CREATE FUNCTION tenancy_internal.key_used_at(api_key_id uuid) RETURNS timestamptz
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  RETURN greatest((SELECT u.used_at FROM tenancy_internal.api_key_uses u WHERE u.api_key_id = key_used_at.api_key_id),
                  tenancy_internal.noted_key_use(key_used_at.api_key_id));
END
$$;
COMMENT ON FUNCTION tenancy_internal.key_used_at(uuid) IS 'When an API key was last used, to the minute; NULL for never, as far as it is known';

CREATE FUNCTION tenancy_internal.store_key_uses(keys uuid[], times timestamptz[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp SET lock_timeout = '1s' AS $$
BEGIN
  INSERT INTO tenancy_internal.api_key_uses AS u (api_key_id, used_at)
  SELECT n.api_key_id, max(n.used_at) FROM unnest(store_key_uses.keys, store_key_uses.times) n (api_key_id, used_at)
  WHERE EXISTS (SELECT FROM tenancy.api_keys k WHERE k.api_key_id = n.api_key_id)
  GROUP BY n.api_key_id ORDER BY n.api_key_id
  ON CONFLICT ON CONSTRAINT api_key_uses_pkey DO UPDATE SET used_at = greatest(u.used_at, EXCLUDED.used_at);
END
$$;
COMMENT ON FUNCTION tenancy_internal.store_key_uses(uuid[], timestamptz[]) IS 'Stores what the background worker has from shared memory';

CREATE FUNCTION tenancy_internal.forget_key_use() RETURNS trigger
LANGUAGE tenancy_unit SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  DELETE FROM tenancy_internal.api_key_uses u WHERE u.api_key_id = OLD.api_key_id;
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION tenancy_internal.forget_key_use() IS 'Trigger: a key that is gone has no last use';
