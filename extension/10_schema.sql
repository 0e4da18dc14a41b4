-- The schema. Its owner can drop everything in it, and who can create in it, or has done so, has functions called in place of the
-- server's: a schema prepared by, or open to, another role is refused.

DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_catalog.pg_namespace n
             WHERE n.nspname = 'tenancy' AND n.nspowner <> current_user::regrole) THEN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
      MESSAGE = 'schema "tenancy" is owned by another role',
      HINT = 'Drop or rename the schema, then run CREATE EXTENSION again.';
  END IF;
  IF EXISTS (SELECT FROM pg_catalog.pg_namespace n, pg_catalog.aclexplode(n.nspacl) a
             WHERE n.nspname = 'tenancy' AND a.privilege_type = 'CREATE' AND a.grantee <> n.nspowner)
     OR EXISTS (SELECT FROM pg_catalog.pg_proc p WHERE p.pronamespace = 'tenancy'::regnamespace AND p.proowner <> current_user::regrole)
     OR EXISTS (SELECT FROM pg_catalog.pg_operator o WHERE o.oprnamespace = 'tenancy'::regnamespace AND o.oprowner <> current_user::regrole)
     OR EXISTS (SELECT FROM pg_catalog.pg_type t WHERE t.typnamespace = 'tenancy'::regnamespace AND t.typowner <> current_user::regrole) THEN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
      MESSAGE = 'others can create objects in schema "tenancy", or have done so',
      HINT = 'Drop or rename the schema, then run CREATE EXTENSION again.';
  END IF;
END
$$;

COMMENT ON SCHEMA tenancy IS 'Row-level tenancy: catalogs, functions and settings of pg_tenancy';
GRANT USAGE ON SCHEMA tenancy TO PUBLIC;
-- All objects of this script are new, see 97_default_privileges.sql.
SELECT pg_catalog.set_config('tenancy_update.existing', '', true);
