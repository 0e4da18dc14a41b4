-- A change of an organization's rows is sent to the sessions that keep something of that organization. Modules of 1.0 don't know
-- such messages: their sessions are refused from this update on.
DO $$
DECLARE
  catalog text;
  how text;
  whom text;
BEGIN
  FOREACH catalog IN ARRAY ARRAY['organizations', 'workspaces', 'users', 'roles', 'organization_members',
    'workspace_members', 'permissions', 'grants', 'visibility', 'workspace_overrides', 'api_keys',
    'api_key_secrets', 'api_key_scopes', 'login_bindings', 'jwt_keys', 'jwt_issuers'] LOOP
    -- nobody's rights come from a new organization, user, role or key as such
    how := CASE WHEN catalog IN ('organizations', 'users', 'roles', 'api_key_secrets', 'jwt_keys') THEN 'new'
                WHEN catalog IN ('workspaces', 'api_keys') THEN 'listed'
                WHEN catalog = 'api_key_scopes' THEN 'of_key' ELSE '' END;
    -- whoever is asked for by name may be any; and so is who a built-in role's row, which has no organization, concerns
    whom := CASE WHEN catalog IN ('organizations', 'users', 'permissions', 'login_bindings') THEN ''
                 WHEN catalog = 'organization_members' THEN 'member'
                 WHEN catalog IN ('api_key_secrets', 'api_key_scopes') THEN 'key' ELSE 'organization' END;
    EXECUTE format('CREATE OR REPLACE TRIGGER invalidate AFTER UPDATE OR DELETE ON tenancy.%I
                    FOR EACH ROW EXECUTE FUNCTION tenancy.invalidate(%L, %L)', catalog, '', whom);
    EXECUTE format('CREATE OR REPLACE TRIGGER invalidate_insert AFTER INSERT ON tenancy.%I
                    FOR EACH ROW EXECUTE FUNCTION tenancy.invalidate(%L, %L)', catalog, how, whom);
    EXECUTE format('CREATE OR REPLACE TRIGGER invalidate_truncate AFTER TRUNCATE ON tenancy.%I
                    FOR EACH STATEMENT EXECUTE FUNCTION tenancy.invalidate()', catalog);
    EXECUTE format('ALTER TABLE tenancy.%I ENABLE ALWAYS TRIGGER invalidate', catalog);
    EXECUTE format('ALTER TABLE tenancy.%I ENABLE ALWAYS TRIGGER invalidate_insert', catalog);
    EXECUTE format('ALTER TABLE tenancy.%I ENABLE ALWAYS TRIGGER invalidate_truncate', catalog);
  END LOOP;
END
$$;

-- A dump held the bindings of roles that are gone as numbers, which are others' where it is restored.
DELETE FROM tenancy.login_bindings b WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.oid = b.login);
SELECT pg_catalog.pg_extension_config_dump('tenancy.login_bindings',
  'WHERE EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.oid = login)');
SELECT pg_catalog.pg_extension_config_dump('tenancy.protected_tables',
  'WHERE EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = relation)');
SELECT pg_catalog.pg_extension_config_dump('tenancy.scoped_views',
  'WHERE EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = "view") AND EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = relation)');
