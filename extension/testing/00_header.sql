-- pg_tenancy_testing: tests of a database that is protected by pg_tenancy.
\echo Use "CREATE EXTENSION pg_tenancy_testing" to load this file. \quit

COMMENT ON SCHEMA tenancy_testing IS 'Tests of a database that is protected by pg_tenancy';
GRANT USAGE ON SCHEMA tenancy_testing TO PUBLIC;
