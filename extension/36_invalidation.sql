-- A committed change of a catalog that decides rights notifies the backends with cached data of the organization concerned, or
-- all backends; a rollback notifies none. ALWAYS: changes applied by logical replication must notify as well. Row triggers:
-- apply fires no statement triggers.

CREATE FUNCTION tenancy_internal.invalidate() RETURNS trigger LANGUAGE c AS 'MODULE_PATHNAME', 'pg_tenancy_invalidate';
COMMENT ON FUNCTION tenancy_internal.invalidate() IS 'Trigger: plans and principals made from this catalog are dropped in every backend; with argument "new" the inserted row concerns nobody else yet, with "of_key" if its key is as new, with "listed" only who has spelled out a list of such rows; the second argument says by which column only those are told whom the row concerns: "organization", "member" (its user, too) or "key" (the key''s organization)';

DO $$
DECLARE
  catalog text;
  how text;
  whom text;
BEGIN
  FOREACH catalog IN ARRAY ARRAY['organizations', 'workspaces', 'users', 'roles', 'organization_members',
    'workspace_members', 'permissions', 'grants', 'visibility', 'workspace_overrides', 'api_keys',
    'api_key_secrets', 'api_key_scopes', 'login_bindings', 'jwt_keys', 'jwt_issuers'] LOOP
    -- a new organization, user, role or key as such gives nobody any rights
    how := CASE WHEN catalog IN ('organizations', 'users', 'roles', 'api_key_secrets', 'jwt_keys') THEN 'new'
                WHEN catalog IN ('workspaces', 'api_keys') THEN 'listed'
                WHEN catalog = 'api_key_scopes' THEN 'of_key' ELSE '' END;
    -- These rows may concern any organization: notify all sessions.
    whom := CASE WHEN catalog IN ('organizations', 'users', 'permissions', 'login_bindings') THEN ''
                 WHEN catalog = 'organization_members' THEN 'member'
                 WHEN catalog IN ('api_key_secrets', 'api_key_scopes') THEN 'key' ELSE 'organization' END;
    EXECUTE format('CREATE TRIGGER invalidate AFTER UPDATE OR DELETE ON tenancy.%I
                    FOR EACH ROW EXECUTE FUNCTION tenancy_internal.invalidate(%L, %L)', catalog, '', whom);
    EXECUTE format('CREATE TRIGGER invalidate_insert AFTER INSERT ON tenancy.%I
                    FOR EACH ROW EXECUTE FUNCTION tenancy_internal.invalidate(%L, %L)', catalog, how, whom);
    EXECUTE format('CREATE TRIGGER invalidate_truncate AFTER TRUNCATE ON tenancy.%I
                    FOR EACH STATEMENT EXECUTE FUNCTION tenancy_internal.invalidate()', catalog);
    EXECUTE format('ALTER TABLE tenancy.%I ENABLE ALWAYS TRIGGER invalidate', catalog);
    EXECUTE format('ALTER TABLE tenancy.%I ENABLE ALWAYS TRIGGER invalidate_insert', catalog);
    EXECUTE format('ALTER TABLE tenancy.%I ENABLE ALWAYS TRIGGER invalidate_truncate', catalog);
  END LOOP;
END
$$;

-- Dump user-created rows, not the built-in ones. Leave out rows about dropped roles and relations: their OID could belong to
-- another object where the dump is restored.
SELECT pg_catalog.pg_extension_config_dump('tenancy.organizations', '');
SELECT pg_catalog.pg_extension_config_dump('tenancy.workspaces', '');
SELECT pg_catalog.pg_extension_config_dump('tenancy.users', '');
SELECT pg_catalog.pg_extension_config_dump('tenancy.roles', 'WHERE organization_id IS NOT NULL');
SELECT pg_catalog.pg_extension_config_dump('tenancy.organization_members', '');
SELECT pg_catalog.pg_extension_config_dump('tenancy.workspace_members', '');
SELECT pg_catalog.pg_extension_config_dump('tenancy.permissions', 'WHERE NOT built_in');
SELECT pg_catalog.pg_extension_config_dump('tenancy.grants',
  'WHERE organization_id IS NOT NULL OR (resource, action) IN (SELECT resource, action FROM tenancy.permissions WHERE NOT built_in)');
SELECT pg_catalog.pg_extension_config_dump('tenancy.visibility', '');
SELECT pg_catalog.pg_extension_config_dump('tenancy.workspace_overrides', '');
SELECT pg_catalog.pg_extension_config_dump('tenancy.api_keys', '');
SELECT pg_catalog.pg_extension_config_dump('tenancy.api_key_secrets', '');
SELECT pg_catalog.pg_extension_config_dump('tenancy.api_key_scopes', '');
SELECT pg_catalog.pg_extension_config_dump('tenancy.login_bindings',
  'WHERE EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.oid = login)');
SELECT pg_catalog.pg_extension_config_dump('tenancy.jwt_keys', '');
SELECT pg_catalog.pg_extension_config_dump('tenancy.jwt_issuers', '');
SELECT pg_catalog.pg_extension_config_dump('tenancy.protected_tables',
  'WHERE EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = relation)');
