-- Access to the catalogs for roles that are not DBAs: their own organization, as far as their rights reach, and never the hash of
-- a secret. Row security limits roles that have privileges on the tables without being a DBA: by pg_read_all_data,
-- pg_write_all_data, or GRANT ... ON ALL TABLES. The policies are in 98_catalogs.sql.

-- No policy applies to TRUNCATE.
CREATE FUNCTION tenancy_internal.guard_truncate() RETURNS trigger
LANGUAGE tenancy_unit SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF NOT tenancy.is_dba() THEN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
      MESSAGE = format('permission denied: only a DBA may truncate table %s.%s', TG_TABLE_SCHEMA, TG_TABLE_NAME),
      HINT = 'A DBA is a superuser, or holds USAGE on type tenancy.administrator.';
  END IF;
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION tenancy_internal.guard_truncate() IS 'Trigger: raises 42501 unless the caller is a DBA';

-- For everybody: a superuser's change would be a conflict as well, by which apply ends at the next change of the publisher.
CREATE FUNCTION tenancy_internal.refuse_on_subscriber() RETURNS trigger
LANGUAGE tenancy_unit SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM pg_subscription_rel r JOIN pg_subscription s ON s.oid = r.srsubid WHERE r.srrelid = TG_RELID AND s.subenabled) THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
      MESSAGE = format('table %s.%s comes from another server by logical replication', TG_TABLE_SCHEMA, TG_TABLE_NAME),
      DETAIL = 'A change made here could end the replication, and with it the arrival of revocations.',
      HINT = 'Administer tenants on the publisher, or disable the subscription.';
  END IF;
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION tenancy_internal.refuse_on_subscriber() IS 'Trigger: raises 55000 where an enabled subscription writes the table';
