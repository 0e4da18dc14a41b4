-- Event triggers: included by install and update, so that they are the same. They are enabled always, in replicas as well.

DO $$
DECLARE
  t record;
BEGIN
  FOR t IN SELECT * FROM (VALUES
    ('tenancy_catalogs', 'ddl_command_end', NULL, 'refuse_foreign_code', 'Keeps others'' code off the tables of pg_tenancy'),
    ('tenancy_ddl', 'ddl_command_end', NULL, 'on_ddl', 'Guard rails of protected tables'),
    ('tenancy_drop', 'sql_drop', NULL, 'on_drop', 'Guard rails of protected tables, and forgets those that are dropped'),
    ('tenancy_extension', 'ddl_command_end', 'ALTER EXTENSION', 'extension_altered', 'After an update, sessions check the version of pg_tenancy again'),
    ('tenancy_holds', 'ddl_command_start', NULL, 'watch_drops', 'Loads the module, which keeps what is under a legal hold'),
    ('tenancy_rewrite', 'table_rewrite', NULL, 'refuse_rewriting', 'Keeps columns of rows under a legal hold'),
    ('tenancy_validation_begins', 'ddl_command_start', 'ALTER TABLE', 'exempt_validation', 'Foreign keys are validated over all rows'),
    ('tenancy_validation_ends', 'ddl_command_end', 'ALTER TABLE', 'exempt_validation', 'Foreign keys are validated over all rows')
  ) v (name, event, tag, function, description) LOOP
    EXECUTE format('DROP EVENT TRIGGER IF EXISTS %I', t.name);
    EXECUTE format('CREATE EVENT TRIGGER %I ON %s %s EXECUTE FUNCTION tenancy_internal.%I()', t.name, t.event,
                   coalesce('WHEN TAG IN (' || quote_literal(t.tag) || ')', ''), t.function);
    EXECUTE format('COMMENT ON EVENT TRIGGER %I IS %L', t.name, t.description);
    EXECUTE format('ALTER EVENT TRIGGER %I ENABLE ALWAYS', t.name);
  END LOOP;
END
$$;
