-- Joining and leaving: nobody becomes a member of an organization without their own consent, or a DBA's.

CREATE FUNCTION tenancy_internal.missing_for_invitation(organization_id uuid, workspace_id uuid, role_id uuid, invited_by_user uuid, invited_by_key uuid) RETURNS text
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'pg_tenancy_missing_for_invitation';
COMMENT ON FUNCTION tenancy_internal.missing_for_invitation(uuid, uuid, uuid, uuid, uuid) IS 'What a user or key that has invited lacks now to make a member with this role in a workspace, or (NULL) in the organization';

CREATE FUNCTION tenancy_internal.offer_ends_at(organization_id uuid, workspace_id uuid, role_id uuid, invited_by_user uuid, invited_by_key uuid) RETURNS timestamptz
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'pg_tenancy_offer_ends_at';
COMMENT ON FUNCTION tenancy_internal.offer_ends_at(uuid, uuid, uuid, uuid, uuid) IS 'From when a user or key that has invited lacks something to make a member with this role in a workspace, or (NULL) in the organization; NULL for never, and for a DBA';

CREATE FUNCTION tenancy_internal.is_refused(invitation tenancy.invitations) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT EXISTS (SELECT FROM tenancy_internal.refused_invitations r
                 WHERE r.email = (is_refused.invitation).email AND r.inviting_organization = (is_refused.invitation).organization_id
                   AND (r.blocked OR r.invitation_id = (is_refused.invitation).invitation_id))
$$;
COMMENT ON FUNCTION tenancy_internal.is_refused(tenancy.invitations) IS 'Whether the invited side has declined the invitation, or wants none of this organization';

-- {"workspace": "role", ...}, or ["workspace", ...] for role member, as ids.
CREATE FUNCTION tenancy_internal.offered_workspaces(organization_id uuid, workspaces jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  offer record;
  the_workspace uuid;
  the_role uuid;
  offered jsonb := '{}';
BEGIN
  IF jsonb_typeof(offered_workspaces.workspaces) NOT IN ('object', 'array', 'null') THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'workspaces must be an object of workspaces to roles, or an array of workspaces';
  END IF;
  FOR offer IN
    SELECT e.key AS workspace, e.value AS role FROM jsonb_each_text(
      CASE jsonb_typeof(offered_workspaces.workspaces) WHEN 'object' THEN offered_workspaces.workspaces ELSE '{}' END) e
    UNION ALL
    SELECT e.value, 'member' FROM jsonb_array_elements_text(
      CASE jsonb_typeof(offered_workspaces.workspaces) WHEN 'array' THEN offered_workspaces.workspaces ELSE '[]' END) e LOOP
    the_workspace := (tenancy_internal.resolve_workspace(offer.workspace, offered_workspaces.organization_id)).workspace_id;
    IF the_workspace IS NULL OR offered ? the_workspace::text THEN
      RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'each workspace must be named, and only once';
    END IF;
    the_role := tenancy_internal.find_role(offered_workspaces.organization_id, 'workspace', offer.role);
    PERFORM tenancy_internal.require_addition(offered_workspaces.organization_id, the_workspace, the_role, true);
    offered := offered || jsonb_build_object(the_workspace, the_role);
  END LOOP;
  RETURN offered;
END
$$;
COMMENT ON FUNCTION tenancy_internal.offered_workspaces(uuid, jsonb) IS 'Workspace roles that an invitation offers, as an object of ids; 42501 for what the session may not give';

CREATE FUNCTION tenancy.invite(organization text DEFAULT NULL, email text DEFAULT NULL, role text DEFAULT 'member',
                               workspaces jsonb DEFAULT NULL, until timestamptz DEFAULT NULL) RETURNS uuid
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  the_organization uuid := tenancy_internal.resolve_changed_organization(invite.organization, 'team', 'add_users');
  the_address text;
  the_role uuid;
  offered jsonb;
  ends timestamptz := coalesce(invite.until, clock_timestamp() + interval '336 hours');
  me record;
  signed_up_by name;
  new_id uuid;
BEGIN
  the_role := tenancy_internal.find_role(the_organization, 'organization', invite.role);
  PERFORM tenancy_internal.require_addition(the_organization, NULL, the_role, true);
  offered := tenancy_internal.offered_workspaces(the_organization, invite.workspaces);
  PERFORM tenancy_internal.require_role_within_rights(NULL, 'the membership');
  the_address := tenancy_internal.email_address(invite.email);
  IF the_address IS NULL OR NOT isfinite(ends) OR ends <= clock_timestamp() THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
      MESSAGE = CASE WHEN the_address IS NULL THEN 'an e-mail address must be given' ELSE 'an invitation must end in the future' END;
  END IF;

  -- Everything below depends on rows of this organization only, so that it reveals nothing about other users.
  PERFORM tenancy_internal.lock_members(the_organization);
  IF EXISTS (SELECT FROM tenancy.organization_members m JOIN tenancy.users u ON u.user_id = m.user_id
             WHERE m.organization_id = the_organization AND u.email = the_address) THEN
    RAISE EXCEPTION USING ERRCODE = 'duplicate_object', MESSAGE = format('user "%s" is a member already', the_address),
      HINT = 'Use tenancy.set_organization_role() to change a member''s role.';
  END IF;
  DELETE FROM tenancy.invitations i WHERE i.organization_id = the_organization AND i.expires_at <= clock_timestamp();
  IF EXISTS (SELECT FROM tenancy.invitations i WHERE i.organization_id = the_organization AND i.email = the_address) THEN
    RAISE EXCEPTION USING ERRCODE = 'duplicate_object', MESSAGE = format('"%s" has been invited already', the_address),
      HINT = 'Use tenancy.withdraw_invitation() first.';
  END IF;
  IF NOT tenancy.is_dba() AND tenancy_internal.invitations_today(the_organization) >= 1000 THEN
    RAISE EXCEPTION USING ERRCODE = 'configuration_limit_exceeded', MESSAGE = 'too many invitations',
      DETAIL = 'An organization makes at most 1000 invitations within 24 hours.';
  END IF;
  SELECT w.user_id, w.api_key_id INTO me FROM tenancy.whoami() w WHERE NOT tenancy.is_dba();
  IF NOT tenancy.is_dba() AND me.user_id IS NULL AND me.api_key_id IS NULL THEN
    IF NOT tenancy_internal.signs_up(the_organization) THEN
      RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = 'permission denied: a token of no user cannot invite',
        DETAIL = 'An invitation is worth what the one who has made it can give when it is accepted.';
    END IF;
    signed_up_by := (SELECT r.rolname FROM pg_roles r WHERE r.oid = tenancy_internal.caller());
  END IF;
  INSERT INTO tenancy.invitations (organization_id, email, role_id, workspaces, invited_by_user, invited_by_key, signed_up_by, created_at, expires_at)
  VALUES (the_organization, the_address, the_role, offered, me.user_id, me.api_key_id, signed_up_by, clock_timestamp(), ends)
  RETURNING invitation_id INTO new_id;
  RETURN new_id;
END
$$;
COMMENT ON FUNCTION tenancy.invite(text, text, text, jsonb, timestamptz) IS 'Invites an e-mail address into an organization (NULL: the session''s own) with an organization role, and workspace roles (an object of workspaces to roles, or an array of workspaces for role member), until a moment (NULL: for 14 days); returns the invitation''s id. It counts for nothing until accept_invitation(). Needs team.add_users and team.assign_roles and at least the rights that are offered; 42710 for a member, or an address invited already';

CREATE FUNCTION tenancy_internal.invitations_today(organization_id uuid) RETURNS bigint
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT count(*) FROM tenancy.audit_log l
  WHERE l.organization_id = invitations_today.organization_id AND l.at > clock_timestamp() - interval '24 hours'
    AND l.resource_type = 'invitation' AND l.action = 'create'
$$;
COMMENT ON FUNCTION tenancy_internal.invitations_today(uuid) IS 'How many invitations an organization has made within 24 hours, withdrawn ones included';

-- Joining locks the organization, then the invitation, so that concurrent changes of either are seen. Declining takes no lock
-- that administration of the organization waits for.
CREATE FUNCTION tenancy_internal.resolve_invitation(invitation_id uuid, to_join boolean) RETURNS tenancy.invitations
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  my_address text;
  found_one tenancy.invitations;
BEGIN
  PERFORM tenancy_internal.check_given('invitation', resolve_invitation.invitation_id::text);
  IF NOT tenancy.is_dba() THEN
    SELECT p.email INTO my_address FROM tenancy_internal.person_of_session() p;
  END IF;
  PERFORM tenancy_internal.lock_members(i.organization_id) FROM tenancy.invitations i
  WHERE resolve_invitation.to_join AND i.invitation_id = resolve_invitation.invitation_id AND (my_address IS NULL OR i.email = my_address);
  -- A refusal is noted by the address, and goes along to another one: so nobody changes that until the end.
  PERFORM FROM tenancy.invitations i JOIN tenancy.users u ON u.email = i.email
  WHERE NOT resolve_invitation.to_join AND i.invitation_id = resolve_invitation.invitation_id AND (my_address IS NULL OR i.email = my_address)
  FOR KEY SHARE OF u;
  -- The person may have got another address meanwhile, and somebody else this one.
  IF my_address IS DISTINCT FROM (SELECT p.email FROM tenancy_internal.person_of_session() p WHERE my_address IS NOT NULL) THEN
    PERFORM tenancy_internal.refuse_other_session();
  END IF;
  IF resolve_invitation.to_join THEN
    SELECT * INTO found_one FROM tenancy.invitations i
    WHERE i.invitation_id = resolve_invitation.invitation_id AND (my_address IS NULL OR i.email = my_address) FOR UPDATE;
  ELSE
    -- Without a lock, for which the inviting side would wait
    SELECT * INTO found_one FROM tenancy.invitations i
    WHERE i.invitation_id = resolve_invitation.invitation_id AND (my_address IS NULL OR i.email = my_address);
  END IF;
  IF found_one.invitation_id IS NULL OR (my_address IS NOT NULL AND tenancy_internal.is_refused(found_one)) THEN
    RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = format('invitation "%s" does not exist', resolve_invitation.invitation_id);
  END IF;
  IF my_address IS NOT NULL THEN
    PERFORM tenancy_internal.require_person_in(found_one.organization_id);
  END IF;
  RETURN found_one;
END
$$;
COMMENT ON FUNCTION tenancy_internal.resolve_invitation(uuid, boolean) IS 'The invitation of the session''s person (for a DBA: any), locked if it is to join, otherwise with the address locked; 42704 alike for none, another''s and a declined one, 28000 where the person''s token doesn''t count in its organization';

CREATE FUNCTION tenancy.accept_invitation(invitation uuid) RETURNS void
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  by_dba CONSTANT boolean := tenancy.is_dba();
  own record;
  accepted tenancy.invitations;
  the_user uuid;
BEGIN
  -- Not found for a DBA
  SELECT i.* INTO own FROM tenancy_internal.own_identity() i WHERE NOT by_dba;
  accepted := tenancy_internal.resolve_invitation(accept_invitation.invitation, true);
  IF accepted.expires_at <= clock_timestamp() THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = 'the invitation has ended';
  END IF;
  IF NOT tenancy_internal.is_still_offered(accepted) THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = 'the invitation is no longer valid',
      DETAIL = 'Whoever made it may no longer give what it offers, or that is gone.', HINT = 'Ask for another one.';
  END IF;
  -- The address can change hands until the user's row is locked: this waits for whoever gives it to somebody, or takes it away.
  INSERT INTO tenancy.users (email) SELECT accepted.email WHERE own.user_id IS NULL ON CONFLICT (email) DO NOTHING RETURNING users.user_id INTO the_user;
  -- Somebody new is whom this has made, and nobody else who has the address by now.
  IF the_user IS NULL AND (by_dba OR own.user_id IS NOT NULL) THEN
    SELECT u.user_id INTO the_user FROM tenancy.users u
    WHERE CASE WHEN by_dba THEN u.email = accepted.email ELSE u.user_id = own.user_id AND u.email = accepted.email END FOR KEY SHARE;
  END IF;
  IF the_user IS NULL THEN
    PERFORM tenancy_internal.refuse_other_session();
  END IF;
  -- Each role lasts no longer than the right of whoever has invited to give it.
  INSERT INTO tenancy.organization_members (organization_id, user_id, role_id, ends_at)
  VALUES (accepted.organization_id, the_user, accepted.role_id, tenancy_internal.offer_ends_at(
    accepted.organization_id, NULL, accepted.role_id, accepted.invited_by_user, accepted.invited_by_key));
  INSERT INTO tenancy.workspace_members (workspace_id, user_id, organization_id, role_id, ends_at)
  SELECT e.key::uuid, the_user, accepted.organization_id, e.value::uuid, tenancy_internal.offer_ends_at(
    accepted.organization_id, e.key::uuid, e.value::uuid, accepted.invited_by_user, accepted.invited_by_key)
  FROM jsonb_each_text(accepted.workspaces) e;
  DELETE FROM tenancy.invitations i WHERE i.invitation_id = accepted.invitation_id;
  -- From now on the subject decides, and no longer the address.
  IF own.trust_id IS NOT NULL THEN
    INSERT INTO tenancy.identities (trust_id, subject, user_id) VALUES (own.trust_id, own.token_subject, the_user) ON CONFLICT DO NOTHING;
  END IF;
  -- All of this may have waited: the member, and whom the subject is linked to, is whom the session speaks for.
  PERFORM tenancy_internal.require_still(by_dba, the_user);
  IF accepted.role_id = tenancy_internal.find_role(NULL, 'organization', 'owner') THEN
    UPDATE tenancy.organizations o SET open_to_sign_up = false WHERE o.organization_id = accepted.organization_id AND o.open_to_sign_up;
  END IF;
  PERFORM tenancy_internal.note_taken_rights(accepted.organization_id, ARRAY[the_user]) WHERE NOT by_dba;
END
$$;
COMMENT ON FUNCTION tenancy.accept_invitation(uuid) IS 'Accepts an invitation as the invited person, by a login of its own or "tenancy.user" on a trusted login, or on its behalf as a DBA; who isn''t a user yet becomes one. The person''s sessions act in the organization once this is committed (before, 55000). What it offers is judged anew: 55000 when it has ended, or whoever made it may no longer give that; 42704 for another''s, 42501 for an API key, or a token that an organization can make, 28000 for a token that was ended in its organization';

-- The same as signs_up() for a role that isn't the caller. An owner who is invited has until the invitation ends, since the
-- organization has nobody before.
CREATE FUNCTION tenancy_internal.is_signed_up(organization_id uuid, role name) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT EXISTS (
    SELECT FROM tenancy.organizations o JOIN pg_roles r ON r.rolname = is_signed_up.role
    WHERE o.organization_id = is_signed_up.organization_id AND o.open_to_sign_up AND o.created_by = is_signed_up.role
      AND has_type_privilege(r.oid, 'tenancy.sign_up', 'USAGE')
      AND (o.created_at > clock_timestamp() - interval '24 hours' OR NOT EXISTS (
             SELECT FROM tenancy.organization_members m JOIN tenancy.roles owner ON owner.role_id = m.role_id
             WHERE m.organization_id = o.organization_id AND owner.organization_id IS NULL AND owner.name = 'owner')))
$$;
COMMENT ON FUNCTION tenancy_internal.is_signed_up(uuid, name) IS 'Whether a role that may create organizations has created this one, and may still set it up';

CREATE FUNCTION tenancy_internal.end_sign_up() RETURNS trigger
LANGUAGE tenancy_unit SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  DELETE FROM tenancy.invitations i WHERE i.organization_id = NEW.organization_id AND i.signed_up_by IS NOT NULL;
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION tenancy_internal.end_sign_up() IS 'Trigger: invitations by whoever has signed an organization up end when it is no longer open to that';

CREATE FUNCTION tenancy_internal.is_still_offered(invitation tenancy.invitations) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  offered tenancy.invitations := is_still_offered.invitation;
  by_dba boolean := offered.invited_by_user IS NULL AND offered.invited_by_key IS NULL;
BEGIN
  RETURN (offered.signed_up_by IS NULL OR tenancy_internal.is_signed_up(offered.organization_id, offered.signed_up_by))
  AND EXISTS (
    SELECT FROM tenancy.organizations o WHERE o.organization_id = offered.organization_id AND o.closed_at IS NULL)
  AND NOT EXISTS (
    SELECT FROM (SELECT NULL::uuid AS workspace_id, offered.role_id, 'organization' AS level
                 UNION ALL SELECT e.key::uuid, e.value::uuid, 'workspace' FROM jsonb_each_text(offered.workspaces) e) o
    WHERE NOT EXISTS (SELECT FROM tenancy.roles r
                      WHERE r.role_id = o.role_id AND r.level = o.level
                        AND (r.organization_id IS NULL OR r.organization_id = offered.organization_id))
       OR o.workspace_id IS NOT NULL AND NOT EXISTS (
            SELECT FROM tenancy.workspaces w WHERE w.workspace_id = o.workspace_id AND w.organization_id = offered.organization_id)
       OR NOT by_dba AND tenancy_internal.missing_for_invitation(offered.organization_id, o.workspace_id, o.role_id,
                                                      offered.invited_by_user, offered.invited_by_key) IS NOT NULL);
END
$$;
COMMENT ON FUNCTION tenancy_internal.is_still_offered(tenancy.invitations) IS 'Whether all that the invitation offers is there, and its maker could give it now';

CREATE FUNCTION tenancy.decline_invitation(invitation uuid, block boolean DEFAULT false) RETURNS void
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  by_dba CONSTANT boolean := tenancy.is_dba();
  declined tenancy.invitations := tenancy_internal.resolve_invitation(decline_invitation.invitation, false);
BEGIN
  -- The invitation stays until it ends, so that the inviting side cannot see that it was declined.
  INSERT INTO tenancy_internal.refused_invitations (email, inviting_organization, invitation_id, blocked)
  VALUES (declined.email, declined.organization_id, declined.invitation_id, coalesce(decline_invitation.block, false))
  ON CONFLICT (email, inviting_organization) DO UPDATE
  SET invitation_id = EXCLUDED.invitation_id, blocked = EXCLUDED.blocked, refused_at = EXCLUDED.refused_at;
  PERFORM tenancy_internal.require_still_address(by_dba, declined.email, declined.organization_id);
END
$$;
COMMENT ON FUNCTION tenancy.decline_invitation(uuid, boolean) IS 'Declines an invitation as the invited person, or on its behalf as a DBA, and blocks further ones of that organization; the inviting side doesn''t see it. 42704 for another''s, 42501 for an API key, or a token that an organization can make';

-- Also rows that came while their organization was being deleted.
CREATE FUNCTION tenancy_internal.forget_refusals() RETURNS trigger
LANGUAGE tenancy_unit SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  DELETE FROM tenancy_internal.refused_invitations r
  WHERE NOT EXISTS (SELECT FROM tenancy.organizations o WHERE o.organization_id = r.inviting_organization);
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION tenancy_internal.forget_refusals() IS 'Trigger: what was declined of an organization goes with it';

-- They are kept by the address, which somebody without a user can have, too. To tokens an address is a subject of any issuer.
CREATE FUNCTION tenancy_internal.follow_address() RETURNS trigger
LANGUAGE tenancy_unit SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  PERFORM tenancy_internal.require_current('{tenancy_internal.refused_invitations}');
  INSERT INTO tenancy_internal.ended_links (issuer, subject, issued_before) VALUES ('', OLD.email, clock_timestamp())
  ON CONFLICT ON CONSTRAINT ended_links_key DO UPDATE SET issued_before = EXCLUDED.issued_before;
  IF TG_OP = 'DELETE' THEN
    DELETE FROM tenancy_internal.refused_invitations r WHERE r.email = OLD.email;
  ELSE
    DELETE FROM tenancy_internal.refused_invitations r WHERE r.email = NEW.email;
    UPDATE tenancy_internal.refused_invitations r SET email = NEW.email WHERE r.email = OLD.email;
  END IF;
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION tenancy_internal.follow_address() IS 'Trigger: what a person has declined or blocked goes with the person, and not with its former address, nor do tokens that prove the address speak for whoever has it next';

CREATE FUNCTION tenancy.unblock_invitations(organization_id uuid) RETURNS void
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  my_address text := (SELECT p.email FROM tenancy_internal.person_of_session() p);
BEGIN
  PERFORM FROM tenancy.users u WHERE u.email = my_address FOR KEY SHARE;
  UPDATE tenancy_internal.refused_invitations r SET blocked = false
  WHERE r.email = my_address AND r.inviting_organization = unblock_invitations.organization_id AND r.blocked;
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'undefined_object',
      MESSAGE = format('invitations of organization "%s" are not blocked', unblock_invitations.organization_id);
  END IF;
  PERFORM tenancy_internal.require_still_address(false, my_address, unblock_invitations.organization_id);
END
$$;
COMMENT ON FUNCTION tenancy.unblock_invitations(uuid) IS 'Lets the session''s person be invited again by an organization that it has blocked; 42704 when it hasn''t';

CREATE FUNCTION tenancy.withdraw_invitation(invitation uuid) RETURNS void
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  mine uuid := tenancy.current_organization_id();
  withdrawn tenancy.invitations;
BEGIN
  PERFORM tenancy_internal.check_given('invitation', withdraw_invitation.invitation::text);
  PERFORM tenancy_internal.require_principal();
  IF mine IS NOT NULL THEN
    PERFORM tenancy_internal.require_permission(mine, NULL, 'team', 'add_users');
  END IF;
  PERFORM tenancy_internal.lock_members(i.organization_id) FROM tenancy.invitations i
  WHERE i.invitation_id = withdraw_invitation.invitation AND (tenancy.is_dba() OR i.organization_id = mine);
  SELECT * INTO withdrawn FROM tenancy.invitations i
  WHERE i.invitation_id = withdraw_invitation.invitation AND (tenancy.is_dba() OR i.organization_id = mine) FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = format('invitation "%s" does not exist', withdraw_invitation.invitation);
  END IF;
  PERFORM tenancy_internal.require_permission(withdrawn.organization_id, NULL, 'team', 'add_users'),
          tenancy_internal.require_delegable_role(withdrawn.organization_id, NULL, withdrawn.role_id);
  -- Workspaces and roles that are gone are not offered any more.
  PERFORM tenancy_internal.require_delegable_role(w.organization_id, w.workspace_id, r.role_id) FROM jsonb_each_text(withdrawn.workspaces) e
  JOIN tenancy.workspaces w ON w.workspace_id = e.key::uuid JOIN tenancy.roles r ON r.role_id = e.value::uuid;
  DELETE FROM tenancy.invitations i WHERE i.invitation_id = withdrawn.invitation_id;
END
$$;
COMMENT ON FUNCTION tenancy.withdraw_invitation(uuid) IS 'Takes back an invitation of the session''s organization (a DBA: of any); needs team.add_users and at least the rights of all roles that it offers; 42704 when there is none';

CREATE FUNCTION tenancy.leave_organization(organization text DEFAULT NULL) RETURNS void
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  me uuid := (SELECT p.user_id FROM tenancy_internal.person_of_session() p);
  left_ones uuid[];
BEGIN
  IF leave_organization.organization IS NULL THEN
    left_ones := ARRAY[(SELECT w.organization_id FROM tenancy.whoami() w)];
  ELSE
    left_ones := ARRAY(SELECT m.organization_id FROM tenancy.organization_members m
                       WHERE m.user_id = me AND tenancy_internal.refers_to_organization(leave_organization.organization, m.organization_id));
  END IF;
  IF cardinality(left_ones) > 1 THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
      MESSAGE = format('organization reference "%s" is ambiguous', leave_organization.organization), HINT = 'Use the id.';
  END IF;
  PERFORM tenancy_internal.lock_members(left_ones[1]);
  PERFORM tenancy_internal.require_person_in(m.organization_id) FROM tenancy.organization_members m
  WHERE m.organization_id = left_ones[1] AND m.user_id = me;
  DELETE FROM tenancy.organization_members m WHERE m.organization_id = left_ones[1] AND m.user_id = me;
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'undefined_object',
      MESSAGE = coalesce(format('organization "%s" does not exist', leave_organization.organization), 'the session''s user is a member of no organization');
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy.leave_organization(text) IS 'Ends the membership of the session''s person in an organization (NULL: the active one), in its workspaces, and its user keys and bound logins there; 55000 for the last owner, 42501 for an API key, or a token that an organization can make, 28000 for a token that was ended there';

-- Neither controls nor what reorders or hides characters, or is not seen itself
CREATE FUNCTION tenancy_internal.without_unseen(words text) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_tenancy_without_unseen';
COMMENT ON FUNCTION tenancy_internal.without_unseen(text) IS 'A text with a space for each character that no e-mail address may have since it is not seen';

CREATE FUNCTION tenancy_internal.shown_abroad(words text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT left(tenancy_internal.without_unseen(shown_abroad.words), 200)
$$;
COMMENT ON FUNCTION tenancy_internal.shown_abroad(text) IS 'Text that one organization has chosen, as somebody who is no member of it is shown it';

CREATE FUNCTION tenancy.my_organizations(
  OUT organization_id uuid, OUT organization text, OUT role text, OUT state text, OUT until timestamptz,
  OUT name text, OUT invitation_id uuid, OUT invited_by text)
RETURNS SETOF record LANGUAGE tenancy STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  me record;
BEGIN
  SELECT * INTO me FROM tenancy_internal.own_identity();
  -- An identity that an organization can issue gets the invitations of that organization only.
  IF me.kind = 'credential' THEN
    RETURN QUERY
      SELECT o.organization_id, o.slug::text, r.name::text, 'member', w.expires_at, o.name, NULL::uuid, NULL::text
      FROM tenancy.whoami() w JOIN tenancy.organizations o ON o.organization_id = w.organization_id
      LEFT JOIN tenancy.organization_members m ON m.organization_id = w.organization_id AND m.user_id = w.user_id
      LEFT JOIN tenancy.roles r ON r.role_id = m.role_id;
    RETURN;
  END IF;
  RETURN QUERY
    SELECT o.organization_id, o.slug::text, r.name::text, 'member', m.ends_at, o.name, NULL::uuid, NULL::text
    FROM tenancy.organization_members m JOIN tenancy.organizations o ON o.organization_id = m.organization_id
    JOIN tenancy.roles r ON r.role_id = m.role_id
    WHERE m.user_id = me.user_id AND (m.ends_at IS NULL OR m.ends_at > clock_timestamp()) AND tenancy_internal.person_counts_in(o.organization_id)
    UNION ALL
    -- Text of the inviting side, displayed to the invited person.
    SELECT o.organization_id, o.slug::text, r.name::text, 'invited', i.expires_at,
           tenancy_internal.shown_abroad(o.name), i.invitation_id, u.email::text
    FROM tenancy.invitations i JOIN tenancy.organizations o ON o.organization_id = i.organization_id
    JOIN tenancy.roles r ON r.role_id = i.role_id
    LEFT JOIN (tenancy.users u JOIN tenancy.organization_members s ON s.user_id = u.user_id)
      ON u.user_id = i.invited_by_user AND s.organization_id = i.organization_id AND (s.ends_at IS NULL OR s.ends_at > clock_timestamp())
    WHERE i.email = me.email AND i.expires_at > clock_timestamp() AND NOT tenancy_internal.is_refused(i) AND tenancy_internal.person_counts_in(o.organization_id)
    ORDER BY 4 DESC, 2;
END
$$;
COMMENT ON FUNCTION tenancy.my_organizations() IS 'Organizations of the session''s person, before one is chosen: memberships (state member), and invitations (state invited) with their end, id and who has invited; for an API key or token its organization alone';

-- A new member is no longer invited, in whichever way they joined, and invitations by a former member end.
-- A link stays, and counts for nothing: to end it would end the other tokens of whom it stands for. The organization's id is nobody's.
CREATE FUNCTION tenancy_internal.end_vouching(organization_id uuid, user_id uuid) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, tenancy, pg_temp AS $$
  DELETE FROM tenancy.invitations i WHERE i.organization_id = end_vouching.organization_id AND i.invited_by_user = end_vouching.user_id;
  UPDATE tenancy.identities i SET linked_by = end_vouching.organization_id FROM tenancy.trusted_issuers t
  WHERE t.trust_id = i.trust_id AND t.organization_id = end_vouching.organization_id
    AND i.linked_by = end_vouching.user_id AND i.user_id <> end_vouching.user_id
$$;
COMMENT ON FUNCTION tenancy_internal.end_vouching(uuid, uuid) IS 'Ends the invitations that a former member has made, and what links of others that it has made are worth';

CREATE FUNCTION tenancy_internal.follow_membership() RETURNS trigger
LANGUAGE tenancy_unit SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    PERFORM tenancy_internal.end_vouching(OLD.organization_id, OLD.user_id);
    RETURN NULL;
  END IF;
  DELETE FROM tenancy.invitations i USING tenancy.users u
  WHERE u.user_id = NEW.user_id AND i.organization_id = NEW.organization_id AND i.email = u.email;
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION tenancy_internal.follow_membership() IS 'Trigger: invitations of a new member and by a former one end';

CREATE FUNCTION tenancy_internal.counting_organizations(user_id uuid) RETURNS uuid[]
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT ARRAY(SELECT m.organization_id FROM tenancy.organization_members m
               WHERE m.user_id = counting_organizations.user_id AND (m.ends_at IS NULL OR m.ends_at > clock_timestamp()))
$$;
COMMENT ON FUNCTION tenancy_internal.counting_organizations(uuid) IS 'The organizations of a user, without memberships that have ended';

-- A login bound without an organization acts in the user's only one, and for nobody where there are several. So that it goes on when the
-- user joins another, and ends with the membership, its organization is stored as soon as there is one. What concurrent transactions
-- don't see of each other is stored at the next change; meanwhile the login has no more than the only one.
CREATE FUNCTION tenancy_internal.settle_binding() RETURNS trigger
LANGUAGE tenancy_unit SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  found_ones uuid[] := tenancy_internal.counting_organizations(NEW.user_id);
BEGIN
  IF cardinality(found_ones) = 1 THEN
    NEW.organization_id := found_ones[1];
  END IF;
  RETURN NEW;
END
$$;
COMMENT ON FUNCTION tenancy_internal.settle_binding() IS 'Trigger: a login that stands for a user of a single organization does so there, whatever the user joins later';

CREATE FUNCTION tenancy_internal.settle_bindings() RETURNS trigger
LANGUAGE tenancy_unit SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  others uuid[];
BEGIN
  IF NOT EXISTS (SELECT FROM tenancy.login_bindings b WHERE b.user_id = coalesce(NEW.user_id, OLD.user_id) AND b.organization_id IS NULL) THEN
    RETURN NULL;
  ELSIF TG_OP = 'DELETE' THEN
    IF tenancy_internal.counting_organizations(OLD.user_id) = '{}' AND (OLD.ends_at IS NULL OR OLD.ends_at > clock_timestamp()) THEN
      DELETE FROM tenancy.login_bindings b WHERE b.user_id = OLD.user_id AND b.organization_id IS NULL;
    END IF;
    RETURN NULL;
  END IF;
  others := array_remove(tenancy_internal.counting_organizations(NEW.user_id), NEW.organization_id);
  IF cardinality(others) < 2 THEN
    UPDATE tenancy.login_bindings b SET organization_id = coalesce(others[1], NEW.organization_id)
    WHERE b.user_id = NEW.user_id AND b.organization_id IS NULL;
  END IF;
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION tenancy_internal.settle_bindings() IS 'Trigger: a login bound to somebody without an organization is bound to the only one so far when they join, and ends with it when they leave';
