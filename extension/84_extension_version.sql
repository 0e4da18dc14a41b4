-- Updates: sessions with the module of another version are refused from then on.

CREATE FUNCTION tenancy_internal.extension_altered() RETURNS event_trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'pg_tenancy_extension_altered';
COMMENT ON FUNCTION tenancy_internal.extension_altered() IS 'Event trigger: after ALTER EXTENSION pg_tenancy UPDATE every session makes sure that its module serves the version';
