-- A user who leaves a workspace or an organization, in any way, loses the user keys there for good: they stay revoked after a
-- return. A change of role revokes no key, since its rights follow the role.

CREATE FUNCTION tenancy_internal.end_keys_of_leaver() RETURNS trigger
LANGUAGE tenancy_unit SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  -- If the organization or workspace itself is deleted, so are its keys.
  UPDATE tenancy.api_keys k SET revoked_at = now()
  WHERE k.user_id = OLD.user_id AND k.organization_id = OLD.organization_id AND k.revoked_at IS NULL
    AND (TG_TABLE_NAME = 'organization_members' OR k.workspace_id = (to_jsonb(OLD) ->> 'workspace_id')::uuid)
    AND EXISTS (SELECT FROM tenancy.organizations o WHERE o.organization_id = k.organization_id)
    AND EXISTS (SELECT FROM tenancy.workspaces w WHERE w.workspace_id = k.workspace_id);
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION tenancy_internal.end_keys_of_leaver() IS 'Trigger: revokes the user keys of a membership that ends';

CREATE FUNCTION tenancy_internal.end_keys_of_all() RETURNS trigger
LANGUAGE tenancy_unit SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  UPDATE tenancy.api_keys k SET revoked_at = now() WHERE k.user_id IS NOT NULL AND k.revoked_at IS NULL;
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION tenancy_internal.end_keys_of_all() IS 'Trigger: revokes all user keys when all memberships end';

CREATE FUNCTION tenancy_internal.remember_leaver() RETURNS trigger
LANGUAGE tenancy_unit SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  DELETE FROM tenancy_internal.former_members f
  WHERE f.organization_id = OLD.organization_id AND f.user_id = OLD.user_id AND f.left_at < clock_timestamp() - interval '9999 hours';
  -- An organization, a workspace or a user that is deleted itself takes its members along.
  INSERT INTO tenancy_internal.former_members (organization_id, user_id, workspace_id, role_id, left_at)
  SELECT OLD.organization_id, OLD.user_id, w.id, OLD.role_id, least(OLD.ends_at, clock_timestamp())
  FROM (SELECT CASE TG_TABLE_NAME WHEN 'workspace_members' THEN (to_jsonb(OLD) ->> 'workspace_id')::uuid END AS id) w
  WHERE EXISTS (SELECT FROM tenancy.organizations o WHERE o.organization_id = OLD.organization_id) AND EXISTS (SELECT FROM tenancy.users u WHERE u.user_id = OLD.user_id)
    AND (w.id IS NULL OR EXISTS (SELECT FROM tenancy.workspaces x WHERE x.workspace_id = w.id));
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION tenancy_internal.remember_leaver() IS 'Trigger: notes a membership that ends, since rows may be written in the user''s name for a while';

CREATE FUNCTION tenancy_internal.begin_anew() RETURNS trigger
LANGUAGE tenancy_unit SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  DELETE FROM tenancy.workspace_members m WHERE m.organization_id = OLD.organization_id AND m.user_id = OLD.user_id;
  DELETE FROM tenancy.group_members m WHERE m.organization_id = OLD.organization_id AND m.user_id = OLD.user_id;
  DELETE FROM tenancy.elevations e WHERE e.organization_id = OLD.organization_id AND e.user_id = OLD.user_id;
  DELETE FROM tenancy.elevation_rules e WHERE e.organization_id = OLD.organization_id AND e.user_id = OLD.user_id;
  DELETE FROM tenancy.login_bindings b WHERE b.organization_id = OLD.organization_id AND b.user_id = OLD.user_id;
  PERFORM tenancy_internal.end_vouching(OLD.organization_id, OLD.user_id);
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION tenancy_internal.begin_anew() IS 'Trigger: a membership that goes on after its end has nothing of what it had before';

-- Bindings of logins are each server's own. Where members come by logical replication, no foreign key takes the binding along.
CREATE FUNCTION tenancy_internal.end_bindings() RETURNS trigger
LANGUAGE tenancy_unit SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  DELETE FROM tenancy.login_bindings b WHERE to_jsonb(b) @> (SELECT jsonb_object_agg(c, to_jsonb(OLD) -> c) FROM unnest(TG_ARGV) c);
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION tenancy_internal.end_bindings() IS 'Trigger: logins no longer stand for whom a removed row, by these columns, was about';
