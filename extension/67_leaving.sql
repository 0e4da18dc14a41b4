-- A user who leaves a workspace or an organization, in any way, loses the user keys there for good: they stay revoked after a
-- return. A change of role revokes no key, since its rights follow the role.

CREATE FUNCTION tenancy_internal.end_keys_of_leaver() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
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
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  UPDATE tenancy.api_keys k SET revoked_at = now() WHERE k.user_id IS NOT NULL AND k.revoked_at IS NULL;
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION tenancy_internal.end_keys_of_all() IS 'Trigger: revokes all user keys when all memberships end';
