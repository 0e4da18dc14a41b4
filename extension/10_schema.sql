-- The schema. Its owner can drop everything in it, so a schema prepared by another role is refused.

DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_catalog.pg_namespace n
             WHERE n.nspname = 'tenancy' AND n.nspowner <> current_user::regrole) THEN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
      MESSAGE = 'schema "tenancy" is owned by another role',
      HINT = 'Drop or rename the schema, then run CREATE EXTENSION again.';
  END IF;
END
$$;

COMMENT ON SCHEMA tenancy IS 'Row-level tenancy: catalogs, functions and settings of pg_tenancy';
GRANT USAGE ON SCHEMA tenancy TO PUBLIC;
-- All objects of this script are new, see 97_default_privileges.sql.
SELECT pg_catalog.set_config('tenancy_update.existing', '', true);
