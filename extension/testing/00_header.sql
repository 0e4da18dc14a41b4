-- pg_tenancy_testing: tests of a database that is protected by pg_tenancy.
\echo Use "CREATE EXTENSION pg_tenancy_testing" to load this file. \quit

-- Superusers run what is in here, so a schema that somebody else prepared is refused.
DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_catalog.pg_namespace n
             WHERE n.nspname = 'tenancy_testing' AND n.nspowner <> current_user::regrole) THEN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
      MESSAGE = 'schema "tenancy_testing" is owned by another role',
      HINT = 'Drop or rename the schema, then run CREATE EXTENSION again.';
  END IF;
END
$$;

COMMENT ON SCHEMA tenancy_testing IS 'Tests of a database that is protected by pg_tenancy';
GRANT USAGE ON SCHEMA tenancy_testing TO PUBLIC;
