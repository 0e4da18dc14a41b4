-- Visibility of the catalogs for roles other than DBAs: their own organization, as far as their rights reach, and never a
-- secret's hash. Row security applies to all roles with privileges on the tables, including those from pg_read_all_data,
-- pg_write_all_data, or GRANT ... ON ALL TABLES.

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
    ('permissions', 'true'),
    ('grants', $q$organization_id IS NULL OR organization_id = (SELECT tenancy.current_organization_id())$q$),
    ('visibility', $q$organization_id = (SELECT tenancy.current_organization_id())$q$),
    ('workspace_overrides', $q$organization_id = (SELECT tenancy.current_organization_id())$q$),
    ('setting_definitions', 'true'),
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

ALTER TABLE tenancy.protected_tables ENABLE ROW LEVEL SECURITY;
-- Rows made by protect() only: with a hand-made row, work for tenants would read any table as its owner.
CREATE POLICY dba ON tenancy.protected_tables FOR SELECT USING ((SELECT tenancy.is_dba()));
ALTER TABLE tenancy.protected_names ENABLE ROW LEVEL SECURITY;
CREATE POLICY dba ON tenancy.protected_names FOR SELECT USING ((SELECT tenancy.is_dba()));

-- A DBA can insert hashes, for example from another system, and only superusers can read or change them: policies do not apply
-- to the module.
ALTER TABLE tenancy.api_key_secrets ENABLE ROW LEVEL SECURITY;
CREATE POLICY dba ON tenancy.api_key_secrets FOR INSERT WITH CHECK ((SELECT tenancy.is_dba()));

-- No policy applies to TRUNCATE.
CREATE FUNCTION tenancy_internal.guard_truncate() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF NOT tenancy.is_dba() THEN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
      MESSAGE = format('permission denied: only a DBA may truncate table %s.%s', TG_TABLE_SCHEMA, TG_TABLE_NAME),
      HINT = 'A DBA is a superuser, or holds USAGE on type tenancy.administrator.';
  END IF;
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION tenancy_internal.guard_truncate() IS 'Trigger: raises 42501 unless the caller is a DBA';

DO $$
DECLARE
  catalog regclass;
BEGIN
  FOR catalog IN SELECT c.oid FROM pg_catalog.pg_class c WHERE c.relnamespace = 'tenancy'::regnamespace AND c.relkind = 'r' LOOP
    EXECUTE format('CREATE TRIGGER guard_truncate BEFORE TRUNCATE ON %s
                    FOR EACH STATEMENT EXECUTE FUNCTION tenancy_internal.guard_truncate()', catalog);
  END LOOP;
END
$$;
