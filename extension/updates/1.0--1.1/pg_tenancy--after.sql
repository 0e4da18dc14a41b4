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

-- Whoever leaves a workspace or an organization leaves their user keys there behind for good. Those who have left already could
-- have theirs back by joining again.
CREATE TRIGGER end_keys AFTER DELETE ON tenancy.organization_members
  FOR EACH ROW EXECUTE FUNCTION tenancy.end_keys_of_leaver();
CREATE TRIGGER end_keys_of_former AFTER UPDATE ON tenancy.organization_members FOR EACH ROW
  WHEN ((OLD.organization_id, OLD.user_id) IS DISTINCT FROM (NEW.organization_id, NEW.user_id))
  EXECUTE FUNCTION tenancy.end_keys_of_leaver();
CREATE TRIGGER end_keys_of_all AFTER TRUNCATE ON tenancy.organization_members
  FOR EACH STATEMENT EXECUTE FUNCTION tenancy.end_keys_of_all();
CREATE TRIGGER end_keys AFTER DELETE ON tenancy.workspace_members
  FOR EACH ROW EXECUTE FUNCTION tenancy.end_keys_of_leaver();
CREATE TRIGGER end_keys_of_former AFTER UPDATE ON tenancy.workspace_members FOR EACH ROW
  WHEN ((OLD.workspace_id, OLD.user_id) IS DISTINCT FROM (NEW.workspace_id, NEW.user_id))
  EXECUTE FUNCTION tenancy.end_keys_of_leaver();
CREATE TRIGGER end_keys_of_all AFTER TRUNCATE ON tenancy.workspace_members
  FOR EACH STATEMENT EXECUTE FUNCTION tenancy.end_keys_of_all();

UPDATE tenancy.api_keys k SET revoked_at = now()
WHERE k.user_id IS NOT NULL AND k.revoked_at IS NULL
  AND NOT EXISTS (SELECT FROM tenancy.workspace_members m WHERE m.workspace_id = k.workspace_id AND m.user_id = k.user_id)
  AND NOT EXISTS (SELECT FROM tenancy.organization_members m JOIN tenancy.roles r ON r.role_id = m.role_id
                  WHERE m.organization_id = k.organization_id AND m.user_id = k.user_id AND r.all_workspaces);

-- A workspace takes nothing from roles of the organization any more: what was configured so stops to count.
DO $$
DECLARE
  ignored record;
BEGIN
  FOR ignored IN
    SELECT o.slug AS organization, w.slug AS workspace, r.name AS role, g.resource, g.action
    FROM tenancy.grants g JOIN tenancy.roles r ON r.role_id = g.role_id
    JOIN tenancy.organizations o ON o.organization_id = g.organization_id
    JOIN tenancy.workspaces w ON w.workspace_id = g.workspace_id
    WHERE r.level = 'organization' AND NOT g.allowed
    ORDER BY 1, 2, 3, 4, 5 LOOP
    RAISE WARNING USING
      MESSAGE = format('workspace "%s" of organization "%s" no longer takes %s.%s from organization role "%s"',
                       ignored.workspace, ignored.organization, ignored.resource, ignored.action, ignored.role),
      HINT = 'Set it for the organization, where it is to stay so.';
  END LOOP;
END
$$;
