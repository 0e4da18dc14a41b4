-- Updates: sessions with the module of another version are refused from then on.

CREATE FUNCTION tenancy_internal.extension_altered() RETURNS event_trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'pg_tenancy_extension_altered';
COMMENT ON FUNCTION tenancy_internal.extension_altered() IS 'Event trigger: after ALTER EXTENSION pg_tenancy UPDATE every session makes sure that its module serves the version';
CREATE EVENT TRIGGER tenancy_extension ON ddl_command_end WHEN TAG IN ('ALTER EXTENSION') EXECUTE FUNCTION tenancy_internal.extension_altered();
COMMENT ON EVENT TRIGGER tenancy_extension IS 'After an update, sessions check the version of pg_tenancy again';
ALTER EVENT TRIGGER tenancy_extension ENABLE ALWAYS;
