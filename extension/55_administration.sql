-- Organizations, workspaces, users, memberships, logins. Every role may call these; each checks the caller's rights.

CREATE FUNCTION tenancy_internal.slug_of(name text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT nullif(trim(BOTH '-' FROM left(ltrim(regexp_replace(lower(left(slug_of.name, 1000) COLLATE "C"), '[^a-z0-9]+', '-', 'g'),
    '-'), 100)), '')
$$;
COMMENT ON FUNCTION tenancy_internal.slug_of(text) IS 'A slug of at most 100 characters made from a name, or NULL when the name has no ASCII letter or digit';

CREATE FUNCTION tenancy_internal.check_level(level text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  PERFORM tenancy_internal.check_given('level', check_level.level);
  IF check_level.level <> ALL (tenancy_internal.words('levels')) THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('level "%s" does not exist', check_level.level),
      HINT = format('Levels are %s.', array_to_string(tenancy_internal.words('levels'), ' and '));
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_internal.check_level(text) IS 'Raises 22023 unless roles have this level';

CREATE FUNCTION tenancy_internal.find_role(organization_id uuid, level text, name text) RETURNS uuid
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  found_id uuid;
  nearest text;
BEGIN
  PERFORM tenancy_internal.check_given('level', find_role.level), tenancy_internal.check_given('role', find_role.name),
          tenancy_internal.check_level(find_role.level);
  SELECT r.role_id INTO found_id FROM tenancy.roles r
  WHERE r.level = find_role.level AND (r.name = find_role.name OR r.role_id::text = find_role.name)
    AND (r.organization_id = find_role.organization_id OR r.organization_id IS NULL)
  -- Ids first: a role can have another one's id for its name.
  ORDER BY (r.role_id::text = find_role.name) DESC, r.organization_id NULLS LAST LIMIT 1;
  IF found_id IS NULL THEN
    SELECT tenancy_internal.nearest(find_role.name, array_agg(r.name::text)) INTO nearest FROM tenancy.roles r
    WHERE r.level = find_role.level AND (r.organization_id = find_role.organization_id OR r.organization_id IS NULL);
    RAISE EXCEPTION USING ERRCODE = 'undefined_object',
      MESSAGE = format('%s role "%s" does not exist', find_role.level, find_role.name),
      HINT = coalesce('Perhaps you meant "' || nearest || '".', 'See tenancy.roles.');
  END IF;
  RETURN found_id;
END
$$;
COMMENT ON FUNCTION tenancy_internal.find_role(uuid, text, text) IS 'Id of a role of the organization, or a built-in one, by name or id; 42704 with the nearest name';

CREATE FUNCTION tenancy_internal.lock_members(organization_id uuid) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT tenancy_internal.lock_organization(lock_members.organization_id);
  -- All that goes with a membership goes with one that has ended, and does not come back with a new one.
  DELETE FROM tenancy.organization_members m WHERE m.organization_id = lock_members.organization_id AND m.ends_at <= clock_timestamp();
  DELETE FROM tenancy.workspace_members m WHERE m.organization_id = lock_members.organization_id AND m.ends_at <= clock_timestamp();
  DELETE FROM tenancy.group_roles r WHERE r.organization_id = lock_members.organization_id AND r.ends_at <= clock_timestamp();
  DELETE FROM tenancy.group_members m WHERE m.organization_id = lock_members.organization_id AND m.ends_at <= clock_timestamp();
$$;
COMMENT ON FUNCTION tenancy_internal.lock_members(uuid) IS 'Waits for whoever else changes who is a member of the organization, and keeps others waiting until the transaction ends; removes what has ended by itself';

-- A membership carries the roles in workspaces and the groups: whatever prolongs, shortens or ends it does so to all of them.
CREATE FUNCTION tenancy_internal.require_delegable_membership(organization_id uuid, user_id uuid) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  -- Locked first, so that a role that is given meanwhile is judged as well. lock_members() keeps the groups as they are.
  PERFORM FROM tenancy.organization_members m
  WHERE m.organization_id = require_delegable_membership.organization_id AND m.user_id = require_delegable_membership.user_id FOR UPDATE;
  PERFORM FROM tenancy.workspace_members m
  WHERE m.organization_id = require_delegable_membership.organization_id AND m.user_id = require_delegable_membership.user_id FOR UPDATE;
  PERFORM tenancy_internal.require_delegable_role(m.organization_id, NULL, m.role_id) FROM tenancy.organization_members m
  WHERE m.organization_id = require_delegable_membership.organization_id AND m.user_id = require_delegable_membership.user_id;
  PERFORM tenancy_internal.require_delegable_role(m.organization_id, m.workspace_id, m.role_id) FROM tenancy.workspace_members m
  WHERE m.organization_id = require_delegable_membership.organization_id AND m.user_id = require_delegable_membership.user_id;
  PERFORM tenancy_internal.require_delegable_role(r.organization_id, r.workspace_id, r.role_id)
  FROM tenancy.group_members m JOIN tenancy.group_roles r ON r.group_id = m.group_id
  WHERE m.organization_id = require_delegable_membership.organization_id AND m.user_id = require_delegable_membership.user_id;
  PERFORM tenancy_internal.require_delegation(
    tenancy_internal.missing_for_takable(require_delegable_membership.organization_id, require_delegable_membership.user_id, NULL),
    'what the member may take by tenancy.elevate()');
END
$$;
COMMENT ON FUNCTION tenancy_internal.require_delegable_membership(uuid, uuid) IS 'Raises 42501 unless the caller is a DBA or has at least the rights of all roles that a member has, in the organization, in its workspaces and by groups, or may take by elevate(); locks them. After lock_members()';

-- An id given by the caller must not have been used before: rows of protected tables may still contain it.
CREATE FUNCTION tenancy_internal.require_new_id(id uuid) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF require_new_id.id IS NULL THEN
    RETURN;
  END IF;
  IF tenancy_internal.may_set_external_id() IS NOT TRUE THEN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = 'permission denied to choose an id',
      DETAIL = 'Ids decide whose the rows of protected tables are.',
      HINT = 'Leave it out. A DBA, a role that may create organizations, or an application on a trusted login can choose it.';
  END IF;
  -- The unique index knows also what an old snapshot does not.
  INSERT INTO tenancy.given_external_ids (kind, external_id, holder) VALUES ('id', require_new_id.id, require_new_id.id) ON CONFLICT DO NOTHING;
  IF NOT FOUND OR EXISTS (SELECT FROM tenancy.organizations o WHERE o.organization_id = require_new_id.id)
     OR EXISTS (SELECT FROM tenancy.workspaces w WHERE w.workspace_id = require_new_id.id)
     OR EXISTS (SELECT FROM tenancy.users u WHERE u.user_id = require_new_id.id)
     OR EXISTS (SELECT FROM tenancy.api_keys k WHERE k.api_key_id = require_new_id.id)
     OR EXISTS (SELECT FROM tenancy.audit_heads h WHERE h.organization_id = require_new_id.id)
     OR require_new_id.id::text ~ '^.{14}8.{4}f'  -- see events_chain()
     OR EXISTS (SELECT FROM tenancy.audit_log l WHERE l.resource_type IN ('organization', 'workspace', 'user', 'api_key')
                                                  AND l.resource_id = require_new_id.id::text) THEN
    RAISE EXCEPTION USING ERRCODE = 'unique_violation', MESSAGE = format('id "%s" is or was in use', require_new_id.id);
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_internal.require_new_id(uuid) IS 'Raises 42501 for an id (NULL: none) that the session may not choose, 23505 for one that something has or had; notes it';

-- Of any session, since a person may sign itself up by the role.
CREATE FUNCTION tenancy_internal.is_being_signed_up(organization_id uuid) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  RETURN tenancy_internal.may_sign_up() AND EXISTS (
    SELECT FROM tenancy.organizations o
    WHERE o.organization_id = is_being_signed_up.organization_id AND o.open_to_sign_up AND o.closed_at IS NULL AND o.created_at > clock_timestamp() - interval '24 hours'
      AND o.created_by = (SELECT r.rolname FROM pg_roles r WHERE r.oid = tenancy_internal.caller()));
END
$$;
COMMENT ON FUNCTION tenancy_internal.is_being_signed_up(uuid) IS 'Whether the caller may create organizations and has created this one, within a day and before its owner has accepted';

-- A sign-up role may set up an organization that it has created, until the owner joins.
CREATE FUNCTION tenancy_internal.signs_up(organization_id uuid) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  -- A session with a principal has the rights of that principal, whatever its login.
  RETURN tenancy_internal.is_being_signed_up(signs_up.organization_id) AND (SELECT i.kind FROM tenancy_internal.own_identity() i) = 'nobody';
END
$$;
COMMENT ON FUNCTION tenancy_internal.signs_up(uuid) IS 'Whether the caller may create organizations and has created this one, within a day and before its owner has accepted, and the session is nobody besides';

CREATE FUNCTION tenancy.create_user(email text, name text DEFAULT NULL, external_id text DEFAULT NULL, user_id uuid DEFAULT NULL)
RETURNS uuid
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  the_address text;
  new_id uuid;
BEGIN
  PERFORM tenancy_internal.require_dba(), tenancy_internal.check_given('email', create_user.email);
  the_address := tenancy_internal.email_address(create_user.email);
  -- A second call returns the existing one.
  SELECT u.user_id INTO new_id FROM tenancy.users u
  WHERE u.external_id = create_user.external_id AND u.email = the_address AND u.user_id = coalesce(create_user.user_id, u.user_id);
  IF FOUND THEN
    RETURN new_id;
  END IF;
  PERFORM tenancy_internal.require_new_id(create_user.user_id);
  INSERT INTO tenancy.users (user_id, email, name, external_id)
  VALUES (coalesce(create_user.user_id, gen_random_uuid()), the_address, create_user.name, create_user.external_id)
  RETURNING users.user_id INTO new_id;
  RETURN new_id;
END
$$;
COMMENT ON FUNCTION tenancy.create_user(text, text, text, uuid) IS 'For a DBA: creates a user by e-mail address, with an id of one''s own where one is given, and returns its id, or that of the user with this external id and address; 23505 when address, external id or id is taken. Others invite(), by which an address becomes a user when it accepts';

CREATE FUNCTION tenancy_steps.create_organization(
  given_name text, owner_email text, given_slug text, given_external_id text, given_organization uuid, given_workspace uuid,
  given_owner uuid, owner_external_id text, workspace_external_id text, owner_name text, with_key boolean,
  OUT organization_id uuid, OUT workspace_id uuid, OUT owner_id uuid, OUT master_key text)
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  the_slug text := coalesce(create_organization.given_slug, tenancy_internal.slug_of(create_organization.given_name));
  the_address text;
  by_dba boolean := tenancy.is_dba();
  owner_role uuid;
  known uuid;
BEGIN
  IF NOT tenancy_internal.may_sign_up() AND NOT by_dba THEN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = 'permission denied to create an organization',
      HINT = 'A DBA may, and a role with USAGE on type tenancy.sign_up.';
  END IF;
  IF create_organization.given_name IS NULL OR create_organization.owner_email IS NULL OR the_slug IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
      MESSAGE = 'an organization needs a name, a slug and its owner''s e-mail address',
      HINT = 'A slug is made from the name''s ASCII letters and digits; give one where there are none.';
  END IF;
  the_address := tenancy_internal.email_address(create_organization.owner_email);
  owner_role := tenancy_internal.find_role(NULL, 'organization', 'owner');

  -- A second call by the creator, with the same owner and ids, returns the existing organization.
  SELECT o.organization_id, w.workspace_id, u.user_id
  INTO create_organization.organization_id, create_organization.workspace_id, create_organization.owner_id
  FROM tenancy.organizations o
  JOIN tenancy.workspaces w ON w.organization_id = o.organization_id AND w.is_default
  LEFT JOIN (tenancy.users u JOIN tenancy.organization_members m ON m.user_id = u.user_id)
    ON m.organization_id = o.organization_id AND u.email = the_address AND m.role_id = owner_role
  LEFT JOIN tenancy.invitations i ON i.organization_id = o.organization_id AND i.email = the_address AND i.role_id = owner_role
  WHERE o.external_id = create_organization.given_external_id
    AND (by_dba OR tenancy_internal.is_being_signed_up(o.organization_id))
    AND (u.user_id IS NOT NULL OR i.invitation_id IS NOT NULL)
    AND o.organization_id = coalesce(create_organization.given_organization, o.organization_id)
    AND w.workspace_id = coalesce(create_organization.given_workspace, w.workspace_id)
    AND (create_organization.given_owner IS NULL OR u.user_id IS NULL OR u.user_id = create_organization.given_owner);
  IF FOUND THEN
    RETURN;
  END IF;
  -- Said to those alone who could see it.
  IF EXISTS (SELECT FROM tenancy.organizations o WHERE o.external_id = create_organization.given_external_id
               AND (by_dba OR tenancy_internal.is_being_signed_up(o.organization_id))) THEN
    RAISE EXCEPTION USING ERRCODE = 'unique_violation',
      MESSAGE = format('organization with external id "%s" exists with another owner, or other ids', create_organization.given_external_id),
      HINT = 'Called again with the same ones, tenancy.create_organization() returns what is there.';
  END IF;

  PERFORM tenancy_internal.require_new_id(create_organization.given_organization),
          tenancy_internal.require_new_id(create_organization.given_workspace);
  IF create_organization.given_workspace = create_organization.given_organization
     OR create_organization.given_owner IN (create_organization.given_organization, create_organization.given_workspace) THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'organization, workspace and owner need different ids';
  END IF;
  INSERT INTO tenancy.organizations (organization_id, slug, name, external_id, created_by, open_to_sign_up)
  VALUES (coalesce(create_organization.given_organization, gen_random_uuid()), the_slug, create_organization.given_name,
          create_organization.given_external_id,
          (SELECT r.rolname FROM pg_roles r WHERE r.oid = tenancy_internal.caller()), NOT by_dba)
  RETURNING organizations.organization_id INTO create_organization.organization_id;

  INSERT INTO tenancy.workspaces (workspace_id, organization_id, slug, name, external_id, is_default)
  VALUES (coalesce(create_organization.given_workspace, gen_random_uuid()), create_organization.organization_id, 'shared-team-workspace',
          'Shared Team Workspace', create_organization.workspace_external_id, true)
  RETURNING workspaces.workspace_id INTO create_organization.workspace_id;

  -- Slugs and ids may have waited for others.
  IF by_dba THEN
    PERFORM tenancy_internal.require_still(by_dba, NULL);
  ELSIF NOT tenancy_internal.may_sign_up() THEN
    PERFORM tenancy_internal.refuse_other_session();
  END IF;
  SELECT u.user_id INTO known FROM tenancy.users u WHERE u.email = the_address;
  IF known IS NULL THEN
    PERFORM tenancy_internal.require_new_id(create_organization.given_owner);
    INSERT INTO tenancy.users (user_id, email, name, external_id)
    VALUES (coalesce(create_organization.given_owner, gen_random_uuid()), the_address, create_organization.owner_name,
            create_organization.owner_external_id)
    RETURNING users.user_id INTO create_organization.owner_id;
  ELSIF NOT by_dba AND NOT EXISTS (SELECT FROM tenancy_internal.own_identity() p WHERE p.user_id = known AND tenancy_internal.person_counts_in(NULL)) THEN
    -- An existing user is invited instead.
    INSERT INTO tenancy.invitations (organization_id, email, role_id, expires_at, signed_up_by)
    SELECT create_organization.organization_id, the_address, owner_role, clock_timestamp() + interval '336 hours', o.created_by
    FROM tenancy.organizations o WHERE o.organization_id = create_organization.organization_id;
    RETURN;
  ELSIF create_organization.given_owner <> known THEN
    RAISE EXCEPTION USING ERRCODE = 'unique_violation', MESSAGE = format('user "%s" has another id', the_address);
  ELSE
    create_organization.owner_id := known;
  END IF;
  INSERT INTO tenancy.organization_members (organization_id, user_id, role_id)
  VALUES (create_organization.organization_id, create_organization.owner_id, owner_role);

  -- The right to sign up does not include a key of the new organization.
  IF by_dba AND create_organization.with_key THEN
    SELECT k.secret INTO create_organization.master_key
    FROM tenancy.create_api_key('organization_service_key', 'Master key', create_organization.organization_id::text,
                                scopes => '"all"') k;
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_steps.create_organization(text, text, text, text, uuid, uuid, uuid, text, text, text, boolean) IS 'What create_organization() does';

-- The option and the result have the same name, which PL/pgSQL does not allow.
CREATE FUNCTION tenancy.create_organization(
  name text, owner_email text, slug text DEFAULT NULL, external_id text DEFAULT NULL, organization_id uuid DEFAULT NULL,
  workspace_id uuid DEFAULT NULL, owner_id uuid DEFAULT NULL, owner_external_id text DEFAULT NULL,
  workspace_external_id text DEFAULT NULL, owner_name text DEFAULT NULL, master_key boolean DEFAULT true,
  OUT organization_id uuid, OUT workspace_id uuid, OUT owner_id uuid, OUT master_key text)
LANGUAGE sql SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT c.organization_id, c.workspace_id, c.owner_id, c.master_key
  FROM tenancy_steps.create_organization($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) c
$$;
COMMENT ON FUNCTION tenancy.create_organization(text, text, text, text, uuid, uuid, uuid, text, text, text, boolean) IS 'For a DBA, or a role with USAGE on type tenancy.sign_up: creates an organization with its default workspace and its owner, with ids and external ids of one''s own where they are given; the slug is made from the name unless given. A DBA gets its master key unless master_key is false; its secret is returned this once. Somebody who is a user already is made owner by a DBA, and otherwise invited, with owner_id NULL. Called again with the same external id, owner and ids (by such a role: within a day, and before the owner has accepted) it returns what is there, without a key; 23505 where they differ';

CREATE FUNCTION tenancy.create_workspace(organization text DEFAULT NULL, name text DEFAULT NULL, slug text DEFAULT NULL, external_id text DEFAULT NULL,
                                         workspace_id uuid DEFAULT NULL)
RETURNS uuid LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  new_id uuid;
  the_slug text := coalesce(create_workspace.slug, tenancy_internal.slug_of(create_workspace.name));
  the_organization uuid := tenancy_internal.resolve_changed_organization(create_workspace.organization, 'workspaces', 'create');
BEGIN
  IF NOT tenancy_internal.signs_up(the_organization) THEN
    PERFORM tenancy_internal.require_permission(the_organization, NULL, 'workspaces', 'create');
  END IF;
  PERFORM tenancy_internal.require_external_id_choice(create_workspace.external_id);
  IF create_workspace.name IS NULL OR the_slug IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'a workspace needs a name and a slug',
      HINT = 'A slug is made from the name''s ASCII letters and digits; give one where there are none.';
  END IF;
  SELECT w.workspace_id INTO new_id FROM tenancy.workspaces w
  WHERE w.external_id = create_workspace.external_id AND w.organization_id = the_organization
    AND w.workspace_id = coalesce(create_workspace.workspace_id, w.workspace_id);
  IF FOUND THEN
    RETURN new_id;
  END IF;
  PERFORM tenancy_internal.require_new_id(create_workspace.workspace_id);
  INSERT INTO tenancy.workspaces (workspace_id, organization_id, slug, name, external_id)
  VALUES (coalesce(create_workspace.workspace_id, gen_random_uuid()), the_organization, the_slug, create_workspace.name,
          create_workspace.external_id)
  RETURNING workspaces.workspace_id INTO new_id;
  PERFORM tenancy_internal.require_session();
  RETURN new_id;
END
$$;
COMMENT ON FUNCTION tenancy.create_workspace(text, text, text, text, uuid) IS 'Creates a workspace in an organization (NULL: the session''s own) and returns its id, or that of the workspace with this external id there; the slug is made from the name unless given; an external id or id is for a DBA, a role that may create organizations or a trusted login to give (42501)';

CREATE FUNCTION tenancy.set_organization_role(organization text DEFAULT NULL, member text DEFAULT NULL, role text DEFAULT NULL,
                                              until timestamptz DEFAULT NULL, reason text DEFAULT NULL)
RETURNS void
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  the_organization uuid := tenancy_internal.resolve_changed_organization(set_organization_role.organization, 'team', 'assign_roles');
  the_role uuid := tenancy_internal.find_role(the_organization, 'organization', set_organization_role.role);
  the_user uuid;
  role_before uuid;
  end_before timestamptz;
  the_end timestamptz;
BEGIN
  PERFORM tenancy_internal.check_given('member', set_organization_role.member);
  IF NOT tenancy_internal.signs_up(the_organization) THEN
    PERFORM tenancy_internal.require_addition(the_organization, NULL, the_role, false);
  END IF;
  PERFORM tenancy_internal.lock_members(the_organization);
  -- A principal learns nothing about users who are not members.
  the_user := tenancy_internal.lookup_user(set_organization_role.member, the_organization);
  IF tenancy.is_dba() THEN
    -- Anybody, but nobody whom the organization knows by an id that is another user's elsewhere.
    IF the_user <> tenancy_internal.lookup_user(set_organization_role.member, NULL) THEN
      RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('user reference "%s" is ambiguous', set_organization_role.member),
        DETAIL = 'It is the organization''s id of a member and the external id of another user.', HINT = 'Use the id or the e-mail address.';
    END IF;
    the_user := coalesce(the_user, tenancy_internal.lookup_user(set_organization_role.member, NULL));
  END IF;
  SELECT m.role_id, m.ends_at INTO role_before, end_before FROM tenancy.organization_members m
  WHERE m.organization_id = the_organization AND m.user_id = the_user FOR UPDATE;
  the_end := tenancy_internal.check_until(set_organization_role.until, end_before);
  IF role_before = the_role AND the_end IS NOT DISTINCT FROM end_before AND tenancy_internal.signs_up(the_organization) THEN
    RETURN;  -- called again
  END IF;
  PERFORM tenancy_internal.require_addition(the_organization, NULL, the_role, role_before IS NULL),
          tenancy_internal.require_role_within_rights(the_end, 'the role');
  IF role_before = tenancy_internal.find_role(NULL, 'organization', 'owner') AND end_before IS NULL
     AND (role_before, end_before) IS DISTINCT FROM (the_role, the_end) THEN
    PERFORM tenancy_internal.require_lasting_rights('who is a permanent owner');
  END IF;
  IF role_before IS NOT NULL AND the_end IS DISTINCT FROM end_before THEN
    PERFORM tenancy_internal.require_delegable_membership(the_organization, the_user);
  ELSIF role_before IS NOT NULL THEN
    PERFORM tenancy_internal.require_delegable_role(the_organization, NULL, role_before);
  ELSIF NOT tenancy.is_dba() AND NOT (tenancy_internal.signs_up(the_organization) AND strpos(set_organization_role.member, '@') > 0 AND NOT EXISTS (
      SELECT FROM tenancy.users u WHERE u.email = tenancy_internal.email_address(set_organization_role.member))) THEN
    RAISE EXCEPTION USING ERRCODE = 'undefined_object',
      MESSAGE = format('user "%s" is not a member of the organization', set_organization_role.member),
      HINT = 'Name a member by id, external id or e-mail address; tenancy.invite() invites others.';
  ELSIF the_user IS NULL THEN
    IF strpos(set_organization_role.member, '@') = 0 THEN
      RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = format('user "%s" does not exist', set_organization_role.member),
        HINT = 'Name a new user by e-mail address.';
    END IF;
    IF tenancy.is_dba() THEN
      INSERT INTO tenancy.users (email) VALUES (tenancy_internal.email_address(set_organization_role.member))
      ON CONFLICT (email) DO UPDATE SET email = EXCLUDED.email RETURNING user_id INTO the_user;
      PERFORM tenancy_internal.require_still(true, the_user);
    ELSE
      -- 23505 if the user has been created meanwhile: an existing user is not added.
      INSERT INTO tenancy.users (email) VALUES (tenancy_internal.email_address(set_organization_role.member)) RETURNING user_id INTO the_user;
    END IF;
  END IF;
  INSERT INTO tenancy.organization_members AS m (organization_id, user_id, role_id, ends_at, reason)
  VALUES (the_organization, the_user, the_role, the_end, set_organization_role.reason)
  ON CONFLICT (organization_id, user_id) DO UPDATE
  SET role_id = EXCLUDED.role_id, ends_at = EXCLUDED.ends_at, reason = coalesce(EXCLUDED.reason, m.reason);
END
$$;
COMMENT ON FUNCTION tenancy.set_organization_role(text, text, text, timestamptz, text) IS 'Gives a member of an organization (NULL: the session''s own) another role, until a moment (infinity: without an end; NULL: as before, and a new member without one), for a reason; the membership ends with it; a DBA also makes members by it, and users where only the e-mail address is known, and so does who signs an organization up with persons whom nobody knows. Needs team.assign_roles and at least the rights of the old and the new role, and for another end those of all roles that the member has in workspaces and by groups; 42704 for somebody who is no member (see invite()), 55000 for the last owner. An owner without an end is for those to change whose rights have none, either';

CREATE FUNCTION tenancy.remove_organization_member(organization text DEFAULT NULL, member text DEFAULT NULL) RETURNS void
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  the_organization uuid := tenancy_internal.resolve_changed_organization(remove_organization_member.organization, 'team', 'add_users');
  the_user uuid;
BEGIN
  PERFORM tenancy_internal.require_permission(the_organization, NULL, 'team', 'add_users');
  the_user := tenancy_internal.find_member(the_organization, remove_organization_member.member);
  PERFORM tenancy_internal.lock_members(the_organization);
  PERFORM tenancy_internal.require_delegable_membership(the_organization, the_user),
          CASE WHEN m.role_id = tenancy_internal.find_role(NULL, 'organization', 'owner') AND m.ends_at IS NULL
               THEN tenancy_internal.require_lasting_rights('who is a permanent owner') END
  FROM tenancy.organization_members m WHERE m.organization_id = the_organization AND m.user_id = the_user;
  DELETE FROM tenancy.organization_members m WHERE m.organization_id = the_organization AND m.user_id = the_user;
END
$$;
COMMENT ON FUNCTION tenancy.remove_organization_member(text, text) IS 'Removes a user from an organization (NULL: the session''s own) and all its workspaces; needs team.add_users and at least the rights of all of the member''s roles, in workspaces and by groups too; 42704 when it is no member, 55000 for the last owner. An owner without an end is for those to remove whose rights have none, either';

CREATE FUNCTION tenancy.set_workspace_role(workspace text, member text, role text, until timestamptz DEFAULT NULL, reason text DEFAULT NULL)
RETURNS void
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  the_workspace tenancy.workspaces := tenancy_internal.resolve_changed_workspace(set_workspace_role.workspace, 'team', 'assign_roles');
  the_role uuid;
  the_user uuid;
  role_before uuid;
  end_before timestamptz;
  the_end timestamptz;
BEGIN
  IF set_workspace_role.role IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'parameter "role" must be given',
      HINT = 'tenancy.remove_workspace_member() takes a role away.';
  END IF;
  the_role := tenancy_internal.find_role(the_workspace.organization_id, 'workspace', set_workspace_role.role);
  IF NOT tenancy_internal.signs_up(the_workspace.organization_id) THEN
    PERFORM tenancy_internal.require_addition(the_workspace.organization_id, the_workspace.workspace_id, the_role, false);
  END IF;
  -- Before the member's role is read: one that is given meanwhile is to be judged as well.
  PERFORM tenancy_internal.lock_members(the_workspace.organization_id);
  the_user := tenancy_internal.find_member(the_workspace.organization_id, set_workspace_role.member);
  -- A role that has ended is none: a new one brings nothing back.
  DELETE FROM tenancy.workspace_members m
  WHERE m.workspace_id = the_workspace.workspace_id AND m.user_id = the_user AND m.ends_at <= clock_timestamp();
  SELECT m.role_id, m.ends_at INTO role_before, end_before FROM tenancy.workspace_members m
  WHERE m.workspace_id = the_workspace.workspace_id AND m.user_id = the_user FOR UPDATE;
  the_end := tenancy_internal.check_until(set_workspace_role.until, end_before);
  IF role_before = the_role AND the_end IS NOT DISTINCT FROM end_before AND tenancy_internal.signs_up(the_workspace.organization_id) THEN
    RETURN;  -- called again
  END IF;
  PERFORM tenancy_internal.require_addition(the_workspace.organization_id, the_workspace.workspace_id, the_role, role_before IS NULL),
          tenancy_internal.require_role_within_rights(the_end, 'the role');
  IF role_before IS NOT NULL THEN
    PERFORM tenancy_internal.require_delegable_role(the_workspace.organization_id, the_workspace.workspace_id, role_before);
  END IF;
  INSERT INTO tenancy.workspace_members AS m (workspace_id, user_id, organization_id, role_id, ends_at, reason)
  VALUES (the_workspace.workspace_id, the_user, the_workspace.organization_id, the_role, the_end, set_workspace_role.reason)
  ON CONFLICT (workspace_id, user_id) DO UPDATE
  SET role_id = EXCLUDED.role_id, ends_at = EXCLUDED.ends_at, reason = coalesce(EXCLUDED.reason, m.reason);
END
$$;
COMMENT ON FUNCTION tenancy.set_workspace_role(text, text, text, timestamptz, text) IS 'Gives a member of the organization a role in one of its workspaces, until a moment (infinity: without an end; NULL: as before, and a new role without one), for a reason; needs team.assign_roles there (and team.add_users for a new member) and at least the rights of the old and the new role; 42704 when it is no member of the organization';

CREATE FUNCTION tenancy.remove_workspace_member(workspace text, member text) RETURNS void
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  the_workspace tenancy.workspaces := tenancy_internal.resolve_changed_workspace(remove_workspace_member.workspace, 'team', 'add_users');
  the_user uuid;
  role_before uuid;
BEGIN
  PERFORM tenancy_internal.require_permission(the_workspace.organization_id, the_workspace.workspace_id, 'team', 'add_users');
  the_user := tenancy_internal.find_member(the_workspace.organization_id, remove_workspace_member.member);
  SELECT m.role_id INTO role_before FROM tenancy.workspace_members m
  WHERE m.workspace_id = the_workspace.workspace_id AND m.user_id = the_user FOR UPDATE;
  IF role_before IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = format('user "%s" is not a member of the workspace',
      remove_workspace_member.member);
  END IF;
  PERFORM tenancy_internal.require_delegable_role(the_workspace.organization_id, the_workspace.workspace_id, role_before);
  DELETE FROM tenancy.workspace_members m
  WHERE m.workspace_id = the_workspace.workspace_id AND m.user_id = the_user;
END
$$;
COMMENT ON FUNCTION tenancy.remove_workspace_member(text, text) IS 'Removes a user from a workspace; needs team.add_users there and at least the rights of the member''s role; 42704 when it is no member';
