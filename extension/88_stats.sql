-- Counters of the session and the server.

CREATE FUNCTION tenancy.stats() RETURNS TABLE (counter text, session bigint, server bigint)
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'pg_tenancy_stats';
COMMENT ON FUNCTION tenancy.stats() IS 'For monitoring: how often things happened in this session, and on the server since its start (NULL unless pg_tenancy is in shared_preload_libraries)';
REVOKE ALL ON FUNCTION tenancy.stats() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tenancy.stats() TO pg_monitor;
