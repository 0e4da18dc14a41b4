-- The public API for people, applications and BI tools is in schema tenancy. Functions that only our own functions call are
-- elsewhere, and so are tables that only they read:
--
-- tenancy_internal: run with the rights of the extension's owner, or without a caller. PUBLIC has no USAGE on the schema, and
-- 99_rights.sql takes EXECUTE on the functions away as well. Its tables are catalogs like all others (98_catalogs.sql).
--
-- tenancy_steps: parts of public functions that run with the rights of their caller, who therefore must be able to call them.
--
-- Objects that tables, policies, views, functions or dumps of users refer to stay in schema tenancy, and so do the catalogs of 1.0,
-- which its dumps name, and those that DBAs read.
CREATE SCHEMA tenancy_internal;
COMMENT ON SCHEMA tenancy_internal IS 'Functions and tables of pg_tenancy that nobody uses by hand';
CREATE SCHEMA tenancy_steps;
COMMENT ON SCHEMA tenancy_steps IS 'Parts of public functions of pg_tenancy, which run with their caller''s rights';
GRANT USAGE ON SCHEMA tenancy_steps TO PUBLIC;
