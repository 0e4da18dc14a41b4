-- A user who has no role in a workspace any more, whichever was the last and however it was lost, loses the user keys there for good:
-- they stay revoked after a return. A change of role revokes no key where one remains, since its rights follow the roles.

CREATE FUNCTION tenancy_internal.has_role_in(organization_id uuid, workspace_id uuid, user_id uuid) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT EXISTS (
    SELECT FROM tenancy.organization_members m JOIN tenancy.roles r ON r.role_id = m.role_id
    WHERE m.organization_id = has_role_in.organization_id AND m.user_id = has_role_in.user_id AND (m.ends_at IS NULL OR m.ends_at > clock_timestamp())
      AND (r.all_workspaces
           OR EXISTS (SELECT FROM tenancy.workspace_members w
                      WHERE w.workspace_id = has_role_in.workspace_id AND w.user_id = m.user_id AND (w.ends_at IS NULL OR w.ends_at > clock_timestamp()))
           OR EXISTS (SELECT FROM tenancy.group_members b JOIN tenancy.group_roles g ON g.group_id = b.group_id JOIN tenancy.roles gr ON gr.role_id = g.role_id
                      WHERE b.organization_id = m.organization_id AND b.user_id = m.user_id AND (b.ends_at IS NULL OR b.ends_at > clock_timestamp())
                        AND (g.ends_at IS NULL OR g.ends_at > clock_timestamp()) AND (g.workspace_id = has_role_in.workspace_id OR gr.all_workspaces))))
$$;
COMMENT ON FUNCTION tenancy_internal.has_role_in(uuid, uuid, uuid) IS 'Whether a user has a role in a workspace that user keys can stand on: there or in all workspaces, directly or by a group, and not taken for a time';

-- Of what gave a role. The audit entry of its change, which comes first, has locked the organization: roles that go at the same time
-- do not count each other.
CREATE FUNCTION tenancy_internal.end_keys_of_leaver() RETURNS trigger
LANGUAGE tenancy_unit SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  former CONSTANT jsonb := to_jsonb(OLD);
  users CONSTANT uuid[] := CASE TG_TABLE_NAME
    WHEN 'group_roles' THEN ARRAY(SELECT m.user_id FROM tenancy.group_members m WHERE m.group_id = (former ->> 'group_id')::uuid)
    WHEN 'roles' THEN ARRAY(SELECT m.user_id FROM tenancy.organization_members m WHERE m.role_id = (former ->> 'role_id')::uuid
                            UNION SELECT m.user_id FROM tenancy.group_roles r JOIN tenancy.group_members m ON m.group_id = r.group_id WHERE r.role_id = (former ->> 'role_id')::uuid)
    ELSE ARRAY[(former ->> 'user_id')::uuid] END;
BEGIN
  -- If the organization or workspace itself is deleted, so are its keys.
  UPDATE tenancy.api_keys k SET revoked_at = now()
  WHERE k.user_id = ANY (users) AND k.organization_id = OLD.organization_id AND k.revoked_at IS NULL
    AND k.workspace_id = coalesce((former ->> 'workspace_id')::uuid, k.workspace_id)
    AND NOT tenancy_internal.has_role_in(k.organization_id, k.workspace_id, k.user_id)
    AND EXISTS (SELECT FROM tenancy.organizations o WHERE o.organization_id = k.organization_id)
    AND EXISTS (SELECT FROM tenancy.workspaces w WHERE w.workspace_id = k.workspace_id);
  RETURN NEW;
END
$$;
COMMENT ON FUNCTION tenancy_internal.end_keys_of_leaver() IS 'Trigger: revokes the user keys of those whose last role in a workspace went with a membership, a group''s role or a change of either';

CREATE FUNCTION tenancy_internal.end_keys_of_all() RETURNS trigger
LANGUAGE tenancy_unit SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  UPDATE tenancy.api_keys k SET revoked_at = now()
  WHERE k.user_id IS NOT NULL AND k.revoked_at IS NULL AND NOT tenancy_internal.has_role_in(k.organization_id, k.workspace_id, k.user_id);
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION tenancy_internal.end_keys_of_all() IS 'Trigger: revokes the user keys of all who have no role any more when all memberships, or roles of groups, end';

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

-- A trusted login serves all tenants: what one of its users does in an organization must not end that.
CREATE FUNCTION tenancy_internal.keep_trust() RETURNS trigger
LANGUAGE tenancy_unit SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  INSERT INTO tenancy.login_bindings (login, trusted) VALUES (OLD.login, true) ON CONFLICT ON CONSTRAINT login_bindings_pkey DO NOTHING;
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION tenancy_internal.keep_trust() IS 'Trigger: a login that is trusted remains so when whom it stood for leaves or is deleted';
