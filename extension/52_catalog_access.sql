-- What others than a DBA see of the catalogs: their own organization, as far as their rights reach, and never a secret's hash.

GRANT SELECT ON tenancy.permissions, tenancy.setting_definitions TO PUBLIC;

DO $$
DECLARE
  rule record;
BEGIN
  FOR rule IN SELECT * FROM (VALUES
    ('organizations', $q$organization_id = (SELECT tenancy.current_organization_id())$q$),
    ('workspaces', $q$organization_id = (SELECT tenancy.current_organization_id())
                      AND (tenancy.authorize('workspaces', 'list', workspace_id)
                           OR tenancy.authorize('workspaces', 'view', workspace_id))$q$),
    ('users', $q$user_id IN (SELECT m.user_id FROM tenancy.organization_members m)$q$),
    ('roles', $q$organization_id IS NULL OR organization_id = (SELECT tenancy.current_organization_id())$q$),
    ('organization_members', $q$organization_id = (SELECT tenancy.current_organization_id())
                                AND (user_id = (SELECT tenancy.current_user_id())
                                     OR (SELECT tenancy.authorize('team', 'list')))$q$),
    ('workspace_members', $q$organization_id = (SELECT tenancy.current_organization_id())
                             AND (user_id = (SELECT tenancy.current_user_id())
                                  OR tenancy.authorize('team', 'list', workspace_id))$q$),
    ('grants', $q$organization_id IS NULL OR organization_id = (SELECT tenancy.current_organization_id())$q$),
    ('visibility', $q$organization_id = (SELECT tenancy.current_organization_id())$q$),
    ('workspace_overrides', $q$organization_id = (SELECT tenancy.current_organization_id())$q$),
    ('api_keys', $q$tenancy.row_visible('api_keys', 'list', organization_id, workspace_id, user_id, NULL)$q$),
    ('api_key_scopes', $q$api_key_id IN (SELECT k.api_key_id FROM tenancy.api_keys k)$q$),
    ('jwt_keys', $q$organization_id = (SELECT tenancy.current_organization_id())
                     AND (SELECT tenancy.authorize('organization', 'update'))$q$),
    ('jwt_issuers', $q$organization_id = (SELECT tenancy.current_organization_id())
                        AND (SELECT tenancy.authorize('organization', 'update'))$q$),
    ('login_bindings', $q$login = (SELECT r.oid::regrole FROM pg_catalog.pg_roles r WHERE r.rolname = session_user)$q$)
  ) v (catalog, sees) LOOP
    EXECUTE format('ALTER TABLE tenancy.%I ENABLE ROW LEVEL SECURITY', rule.catalog);
    EXECUTE format('CREATE POLICY dba ON tenancy.%I USING ((SELECT tenancy.is_dba()))', rule.catalog);
    EXECUTE format('CREATE POLICY principal ON tenancy.%I FOR SELECT USING (%s)', rule.catalog, rule.sees);
    EXECUTE format('GRANT SELECT ON tenancy.%I TO PUBLIC', rule.catalog);
  END LOOP;
END
$$;
