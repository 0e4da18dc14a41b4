-- The schema.

COMMENT ON SCHEMA tenancy IS 'Row-level tenancy: catalogs, functions and settings of pg_tenancy';
GRANT USAGE ON SCHEMA tenancy TO PUBLIC;
-- All objects of this script are new, see 97_default_privileges.sql.
SELECT pg_catalog.set_config('tenancy_update.existing', '', true);
