-- The additions and changes of the next version, made up for the test: one of each kind.
ALTER TABLE tenancy.users ADD COLUMN nickname text;
COMMENT ON COLUMN tenancy.users.nickname IS 'What friends call the user';
CREATE TABLE tenancy.next_catalog (
  user_id uuid PRIMARY KEY REFERENCES tenancy.users ON DELETE CASCADE,
  since timestamptz NOT NULL DEFAULT now() CHECK (since > '2026-01-01')
);
COMMENT ON TABLE tenancy.next_catalog IS 'A catalog of the next version';
CREATE INDEX next_catalog_since_idx ON tenancy.next_catalog (since);
SELECT pg_catalog.pg_extension_config_dump('tenancy.next_catalog', '');
CREATE TRIGGER invalidate AFTER UPDATE OR DELETE ON tenancy.next_catalog FOR EACH ROW EXECUTE FUNCTION tenancy_internal.invalidate();
ALTER TABLE tenancy.next_catalog ENABLE ALWAYS TRIGGER invalidate;
CREATE VIEW tenancy.next_view AS SELECT user_id FROM tenancy.next_catalog;
COMMENT ON VIEW tenancy.next_view IS 'A view of the next version';
GRANT SELECT ON tenancy.next_view TO PUBLIC;
INSERT INTO tenancy.permissions (resource, action, description, built_in) VALUES ('next_resource', 'view', 'A permission of the next version', true);
COMMENT ON FUNCTION tenancy.whoami() IS 'Who the session is, says the next version';
CREATE FUNCTION tenancy.next_rails() RETURNS boolean LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'pg_tenancy_guard_rails';
COMMENT ON FUNCTION tenancy.next_rails() IS 'A function of the next version';
REVOKE ALL ON FUNCTION tenancy.next_rails() FROM PUBLIC;
