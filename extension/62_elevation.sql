-- Elevation: a member takes a role for a time, with a reason, where an owner has listed it. The core decides who may, and how long.

CREATE FUNCTION tenancy_internal.decide_elevation(organization_id uuid, user_id uuid, workspace_id uuid, role_id uuid, begins timestamptz, ends_at timestamptz, besides uuid,
                                                  OUT answer text, OUT rule_id uuid)
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'pg_tenancy_decide_elevation';
COMMENT ON FUNCTION tenancy_internal.decide_elevation(uuid, uuid, uuid, uuid, timestamptz, timestamptz, uuid) IS 'Whether a member may take a role in a workspace, or (NULL) in the organization, from one moment to another (allowed, needs_approval, too_often, too_long, not_listed), and by which rule; besides: an elevation that is not counted among those of today';

CREATE FUNCTION tenancy_internal.may_approve(approver uuid, elevated uuid, maker_of_rule uuid) RETURNS boolean
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_tenancy_may_approve';
COMMENT ON FUNCTION tenancy_internal.may_approve(uuid, uuid, uuid) IS 'Whether a user may approve an elevation of another one by a rule of a third';

CREATE FUNCTION tenancy_internal.is_elevated() RETURNS boolean
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'pg_tenancy_is_elevated';
COMMENT ON FUNCTION tenancy_internal.is_elevated() IS 'Whether the session has a role that it has taken for a time';

CREATE FUNCTION tenancy_internal.is_narrowed() RETURNS boolean
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'pg_tenancy_is_narrowed';
COMMENT ON FUNCTION tenancy_internal.is_narrowed() IS 'Whether the session is less than its user, by a token that names scopes or a workspace, or a login of one workspace: it does nothing that a user may do without a permission';

CREATE FUNCTION tenancy_internal.require_not_narrowed() RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF tenancy_internal.is_narrowed() THEN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = 'permission denied: a session that is confined to scopes or a workspace takes and ends no role',
      DETAIL = 'That would count in all sessions of the user.', HINT = 'Use a token without such claims, or a login that is bound without a workspace.';
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_internal.require_not_narrowed() IS 'Raises 42501 for a session that is less than its user';

CREATE FUNCTION tenancy_internal.require_not_elevated(what text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF NOT tenancy.is_dba() AND tenancy_internal.is_elevated() THEN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
      MESSAGE = format('permission denied: an elevated session cannot change %s', require_not_elevated.what),
      HINT = 'End the elevation by tenancy.end_elevation() first.';
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_internal.require_not_elevated(text) IS 'Raises 42501 for a session with a role that it has taken for a time, unless the caller is a DBA';

-- By a name; a name that several roles have is ambiguous.
CREATE FUNCTION tenancy_internal.find_any_role(organization_id uuid, reference text) RETURNS tenancy.roles
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  found_ones tenancy.roles[];
BEGIN
  PERFORM tenancy_internal.check_given('role', find_any_role.reference);
  found_ones := ARRAY(
    SELECT r FROM tenancy.roles r
    WHERE (r.organization_id IS NULL OR r.organization_id = find_any_role.organization_id)
      AND find_any_role.reference IN (r.name, r.level || '/' || r.name, r.role_id::text));
  IF cardinality(found_ones) = 0 THEN
    RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = format('role "%s" does not exist', find_any_role.reference), HINT = 'See tenancy.roles.';
  ELSIF cardinality(found_ones) > 1 THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('role reference "%s" is ambiguous', find_any_role.reference),
      HINT = format('Write organization/%1$s or workspace/%1$s, or use the id.', find_any_role.reference);
  END IF;
  RETURN found_ones[1];
END
$$;
COMMENT ON FUNCTION tenancy_internal.find_any_role(uuid, text) IS 'A role of the organization, or a built-in one, on either level: by name, level/name, or id; 42704 for none, 22023 for a name on both levels';

CREATE FUNCTION tenancy_internal.require_rules_permission(organization_id uuid) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  PERFORM tenancy_internal.require_permission(require_rules_permission.organization_id, NULL, 'team', 'assign_roles'),
          tenancy_internal.require_lasting_rights('who may take a role'),
          tenancy_internal.require_delegable_role(require_rules_permission.organization_id, NULL, tenancy_internal.find_role(NULL, 'organization', 'owner'));
END
$$;
COMMENT ON FUNCTION tenancy_internal.require_rules_permission(uuid) IS 'Raises 42501 unless the caller is a DBA, or has all rights of an owner without an end, and not by elevate()';

CREATE FUNCTION tenancy.allow_elevation(organization text DEFAULT NULL, role text DEFAULT NULL, subject text DEFAULT NULL, maximum interval DEFAULT '1 hour',
                                        per_day integer DEFAULT 3, approval boolean DEFAULT false)
RETURNS void LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp SET timezone = 'UTC' AS $$
DECLARE
  the_organization uuid := tenancy_internal.resolve_changed_organization(allow_elevation.organization, 'team', 'assign_roles');
  the_role tenancy.roles;
  the_user uuid;
  the_group uuid;
  the_groups uuid[];
  subject_role uuid;
  kind CONSTANT text := substring(allow_elevation.subject FROM '^(member|role|group)/');
  named CONSTANT text := CASE WHEN kind IS NULL THEN allow_elevation.subject ELSE substr(allow_elevation.subject, length(kind) + 2) END;
  kinds text[];
  maker uuid;
BEGIN
  PERFORM tenancy_internal.require_rules_permission(the_organization);
  the_role := tenancy_internal.find_any_role(the_organization, allow_elevation.role);
  PERFORM tenancy_internal.check_given('subject', allow_elevation.subject), tenancy_internal.lock_members(the_organization);
  -- A kind that is written before a slash is the kind, and no part of a name.
  IF coalesce(kind, 'member') = 'member' THEN
    the_user := tenancy_internal.lookup_user(named, the_organization);
  END IF;
  IF coalesce(kind, 'group') = 'group' THEN
    the_groups := ARRAY(SELECT g.group_id FROM tenancy.groups g
                        WHERE g.organization_id = the_organization AND (g.name = named OR g.group_id::text = lower(named)));
    IF cardinality(the_groups) > 1 THEN
      RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('subject "%s" is ambiguous', allow_elevation.subject),
        DETAIL = 'It is the id of a group, and the name of another one.', HINT = 'Rename that one.';
    END IF;
    the_group := the_groups[1];
  END IF;
  IF coalesce(kind, 'role') = 'role' AND EXISTS (
      SELECT FROM tenancy.roles r WHERE (r.organization_id IS NULL OR r.organization_id = the_organization)
        AND named IN (r.name, r.level || '/' || r.name, r.role_id::text)) THEN
    subject_role := (tenancy_internal.find_any_role(the_organization, named)).role_id;
  END IF;
  kinds := array_remove(ARRAY[CASE WHEN the_user IS NOT NULL THEN 'member' END, CASE WHEN the_group IS NOT NULL THEN 'group' END,
                              CASE WHEN subject_role IS NOT NULL THEN 'role' END], NULL);
  IF cardinality(kinds) = 0 THEN
    RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = format('member, group or role "%s" does not exist', allow_elevation.subject);
  ELSIF cardinality(kinds) > 1 THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('subject "%s" is ambiguous', allow_elevation.subject),
      DETAIL = format('It is a %s.', array_to_string(kinds, ' and a ')), HINT = format('Write %s/%s, or use the id.', kinds[1], allow_elevation.subject);
  END IF;
  IF allow_elevation.maximum IS NULL THEN
    DELETE FROM tenancy.elevation_rules e
    WHERE e.organization_id = the_organization AND e.role_id = the_role.role_id
      AND (e.user_id, e.subject_role_id, e.group_id) IS NOT DISTINCT FROM (the_user, subject_role, the_group);
    IF NOT FOUND THEN
      RAISE EXCEPTION USING ERRCODE = 'undefined_object',
        MESSAGE = format('"%s" may not take role "%s"', allow_elevation.subject, the_role.name), HINT = 'See tenancy.elevation_rules.';
    END IF;
    RETURN;
  END IF;
  IF clock_timestamp() + allow_elevation.maximum <= clock_timestamp() OR clock_timestamp() + allow_elevation.maximum > clock_timestamp() + interval '168 hours'
     OR coalesce(allow_elevation.per_day, 0) <= 0 THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'a maximum is positive and at most 7 days, and per_day positive';
  END IF;
  IF EXISTS (SELECT FROM tenancy.groups g WHERE g.group_id = the_group AND g.open_to_sync) THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
      MESSAGE = format('group "%s" is open to sync', (SELECT g.name FROM tenancy.groups g WHERE g.group_id = the_group)),
      DETAIL = 'Whoever has team.sync_groups would say who may take the role.', HINT = 'Use a group that is not.';
  END IF;
  SELECT w.user_id INTO maker FROM tenancy.whoami() w WHERE NOT tenancy.is_dba();
  INSERT INTO tenancy.elevation_rules (organization_id, role_id, user_id, subject_role_id, group_id, maximum, per_day, approval, created_by)
  VALUES (the_organization, the_role.role_id, the_user, subject_role, the_group, allow_elevation.maximum, allow_elevation.per_day,
          coalesce(allow_elevation.approval, false), maker)
  ON CONFLICT ON CONSTRAINT elevation_rules_key DO UPDATE
  SET maximum = EXCLUDED.maximum, per_day = EXCLUDED.per_day, approval = EXCLUDED.approval, created_by = EXCLUDED.created_by;
END
$$;
COMMENT ON FUNCTION tenancy.allow_elevation(text, text, text, interval, integer, boolean) IS 'Lets a member of an organization (NULL: the session''s own), those with a role, or those of a group take a role by elevate(), for at most so long (up to 7 days), so many times within 24 hours, and only when somebody else has approved it, if that is asked for; a maximum of NULL ends that, and elevations by it. A role on both levels is written organization/NAME or workspace/NAME, and a subject that fits several kinds member/, role/ or group/NAME. Needs all rights of an owner, without an end; what a role or group may take, only those can give it who have that, too. 42501 for a session that is elevated itself, 55000 for a group that is open to sync, 42704, 22023';

CREATE FUNCTION tenancy.elevate(role text, reason text, "for" interval, workspace text DEFAULT NULL, OUT elevation_id uuid, OUT until timestamptz)
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp SET timezone = 'UTC' AS $$
DECLARE
  me record;
  the_workspace uuid;
  the_role uuid;
  begins timestamptz;
  decision record;
BEGIN
  PERFORM tenancy_internal.require_principal();
  SELECT w.organization_id, w.user_id, w.kind INTO me FROM tenancy.whoami() w;
  IF me.kind IS DISTINCT FROM 'user' THEN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = 'permission denied: only a session of a user can take a role',
      HINT = 'Use a login that is bound to the user, "tenancy.user" on a trusted login, or a token of a trusted issuer.';
  END IF;
  PERFORM tenancy_internal.require_not_narrowed();
  IF coalesce(btrim(elevate.reason), '') = '' THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'a reason must be given';
  END IF;
  the_workspace := (tenancy_internal.resolve_workspace(elevate.workspace, me.organization_id)).workspace_id;
  the_role := tenancy_internal.find_role(me.organization_id, CASE WHEN the_workspace IS NULL THEN 'organization' ELSE 'workspace' END, elevate.role);
  -- Those of one day are counted one after the other.
  PERFORM tenancy_internal.lock_members(me.organization_id);
  begins := clock_timestamp();
  elevate.until := begins + elevate."for";
  IF (elevate.until > begins AND isfinite(elevate.until)) IS NOT TRUE THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'the time for which a role is taken must be positive';
  END IF;
  SELECT * INTO decision FROM tenancy_internal.decide_elevation(me.organization_id, me.user_id, the_workspace, the_role, begins, elevate.until, NULL);
  PERFORM tenancy_internal.check_elevation(decision.answer, decision.rule_id, elevate.role);
  IF decision.answer = 'needs_approval' THEN
    elevate.until := NULL;
  END IF;
  INSERT INTO tenancy.elevations (organization_id, user_id, role_id, workspace_id, rule_id, reason, duration, created_at, ends_at)
  VALUES (me.organization_id, me.user_id, the_role, the_workspace, decision.rule_id, elevate.reason, elevate."for", begins, elevate.until)
  RETURNING elevations.elevation_id INTO elevate.elevation_id;
  PERFORM tenancy_internal.note_taken_rights(me.organization_id, ARRAY[me.user_id]) WHERE elevate.until IS NOT NULL AND NOT tenancy.is_dba();
END
$$;
COMMENT ON FUNCTION tenancy.elevate(text, text, interval, text) IS 'Takes a role of the session''s organization, or of one of its workspaces, for a reason and a time, where allow_elevation() lets the session''s user; returns the elevation''s id, and its end (NULL: it waits for approve_elevation()). It counts in sessions of the user, and not for API keys, from the next transaction on: until this one is committed, the user''s sessions in the organization are refused in it (55000). 42501 where it is not allowed, for longer than is allowed, and for an API key, a token of a service, or one that names scopes or a workspace; 53400 when it was taken too often';

CREATE FUNCTION tenancy_internal.check_elevation(answer text, rule_id uuid, role text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  rule tenancy.elevation_rules;
BEGIN
  SELECT * INTO rule FROM tenancy.elevation_rules e WHERE e.rule_id = check_elevation.rule_id;
  IF check_elevation.answer = 'not_listed' THEN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = format('permission denied to take role "%s"', check_elevation.role),
      HINT = 'An owner can allow it by tenancy.allow_elevation().';
  ELSIF check_elevation.answer = 'too_long' THEN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = format('permission denied to take role "%s" for so long', check_elevation.role),
      DETAIL = format('It can be taken for %s.', rule.maximum);
  ELSIF check_elevation.answer = 'too_often' THEN
    RAISE EXCEPTION USING ERRCODE = 'configuration_limit_exceeded', MESSAGE = format('role "%s" has been taken too often', check_elevation.role),
      DETAIL = format('It can be taken %s times within 24 hours.', rule.per_day);
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_internal.check_elevation(text, uuid, text) IS 'Raises the error of an elevation that is not allowed';

CREATE FUNCTION tenancy_internal.resolve_elevation(elevation uuid) RETURNS tenancy.elevations
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  mine uuid := tenancy.current_organization_id();
  found_one tenancy.elevations;
BEGIN
  PERFORM tenancy_internal.check_given('elevation', resolve_elevation.elevation::text);
  PERFORM tenancy_internal.require_principal();
  PERFORM tenancy_internal.lock_members(e.organization_id) FROM tenancy.elevations e
  WHERE e.elevation_id = resolve_elevation.elevation AND (tenancy.is_dba() OR e.organization_id = mine);
  SELECT * INTO found_one FROM tenancy.elevations e
  WHERE e.elevation_id = resolve_elevation.elevation AND (tenancy.is_dba() OR e.organization_id = mine) FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = format('elevation "%s" does not exist', resolve_elevation.elevation);
  END IF;
  RETURN found_one;
END
$$;
COMMENT ON FUNCTION tenancy_internal.resolve_elevation(uuid) IS 'An elevation of the session''s organization (for a DBA: of any), locked; 42704 for none';

CREATE FUNCTION tenancy.approve_elevation(elevation uuid) RETURNS timestamptz
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp SET timezone = 'UTC' AS $$
DECLARE
  the_one tenancy.elevations := tenancy_internal.resolve_elevation(approve_elevation.elevation);
  rule tenancy.elevation_rules;
  decision record;
  me record;
  approver uuid;  -- stays NULL for a DBA
  begins timestamptz := clock_timestamp();
  the_end timestamptz := begins + the_one.duration;
BEGIN
  SELECT * INTO rule FROM tenancy.elevation_rules e WHERE e.rule_id = the_one.rule_id;
  IF NOT tenancy.is_dba() THEN
    SELECT w.user_id, w.kind INTO me FROM tenancy.whoami() w;
    PERFORM tenancy_internal.require_permission(the_one.organization_id, the_one.workspace_id, 'team', 'assign_roles'),
            tenancy_internal.require_delegable_role(the_one.organization_id, the_one.workspace_id, the_one.role_id);
    IF me.kind IS DISTINCT FROM 'user' OR NOT tenancy_internal.may_approve(me.user_id, the_one.user_id, rule.created_by) THEN
      RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = 'permission denied to approve the elevation',
        DETAIL = 'Neither the member nor whoever has allowed it can approve it, and no API key.';
    END IF;
    PERFORM tenancy_internal.require_not_elevated('who has a role'), tenancy_internal.require_role_within_rights(the_end, 'the elevation');
    approver := me.user_id;
  END IF;
  IF the_one.ends_at IS NOT NULL OR the_one.created_at <= clock_timestamp() - interval '24 hours' THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = 'the elevation does not wait to be approved';
  END IF;
  SELECT * INTO decision FROM tenancy_internal.decide_elevation(the_one.organization_id, the_one.user_id, the_one.workspace_id, the_one.role_id,
                                                                begins, the_end, the_one.elevation_id);
  PERFORM tenancy_internal.check_elevation(decision.answer, decision.rule_id, (SELECT r.name FROM tenancy.roles r WHERE r.role_id = the_one.role_id));
  UPDATE tenancy.elevations e SET ends_at = the_end, approved_by = approver WHERE e.elevation_id = the_one.elevation_id;
  PERFORM tenancy_internal.note_taken_rights(the_one.organization_id, ARRAY[the_one.user_id]) WHERE NOT tenancy.is_dba();
  RETURN the_end;
END
$$;
COMMENT ON FUNCTION tenancy.approve_elevation(uuid) IS 'Approves an elevation that waits for it, within a day, so that it begins; returns its end. Needs a session of a user with team.assign_roles and at least the rights of the role, who is neither the member nor whoever has allowed it, or a DBA; 42501, 42704, 55000 for one that does not wait';

CREATE FUNCTION tenancy.end_elevation(elevation uuid DEFAULT NULL) RETURNS void
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  me record;
  the_one tenancy.elevations;
BEGIN
  PERFORM tenancy_internal.require_principal();
  SELECT w.organization_id, w.user_id, w.kind INTO me FROM tenancy.whoami() w;
  IF end_elevation.elevation IS NULL THEN
    IF me.kind IS DISTINCT FROM 'user' THEN
      RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'an elevation must be given', DETAIL = 'The session is none of a user.';
    END IF;
    PERFORM tenancy_internal.require_not_narrowed(), tenancy_internal.lock_members(me.organization_id);
    UPDATE tenancy.elevations e SET ends_at = clock_timestamp()
    WHERE e.organization_id = me.organization_id AND e.user_id = me.user_id AND (e.ends_at IS NULL OR e.ends_at > clock_timestamp());
    RETURN;
  END IF;
  the_one := tenancy_internal.resolve_elevation(end_elevation.elevation);
  IF NOT tenancy.is_dba() AND (tenancy_steps.user_itself() IN (the_one.user_id, the_one.approved_by)) IS NOT TRUE THEN
    PERFORM tenancy_internal.require_permission(the_one.organization_id, the_one.workspace_id, 'team', 'assign_roles'),
            tenancy_internal.require_delegable_role(the_one.organization_id, the_one.workspace_id, the_one.role_id);
  END IF;
  UPDATE tenancy.elevations e SET ends_at = clock_timestamp()
  WHERE e.elevation_id = the_one.elevation_id AND (e.ends_at IS NULL OR e.ends_at > clock_timestamp());
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = 'the elevation has ended';
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy.end_elevation(uuid) IS 'Ends an elevation, or refuses one that waits to be approved (NULL: all of the session''s own user): for the member, for who has approved it, or with team.assign_roles and at least the rights of the role; 42704 for none, 55000 for one that has ended';

CREATE FUNCTION tenancy.review_elevations(organization text DEFAULT NULL)
RETURNS TABLE (elevation_id uuid, member text, role text, workspace text, reason text, state text, taken_at timestamptz, until timestamptz, approved_by text)
LANGUAGE tenancy STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  the_organization uuid;
  of_all boolean;
  me uuid := tenancy_steps.user_itself();
BEGIN
  IF tenancy_internal.has_nothing_to_list(review_elevations.organization, 'elevations') THEN
    RETURN;
  END IF;
  the_organization := tenancy_internal.resolve_organization(review_elevations.organization);
  of_all := tenancy.is_dba() OR tenancy_internal.permission_reach(the_organization, NULL, 'team', 'list') = 'all';
  RETURN QUERY
  SELECT e.elevation_id, tenancy_internal.shown_person(the_organization, e.user_id), r.level || '/' || r.name, w.slug::text, e.reason,
         CASE WHEN e.ends_at IS NULL THEN 'waits to be approved' ELSE 'taken' END, e.created_at, e.ends_at,
         tenancy_internal.shown_person(the_organization, e.approved_by)
  FROM tenancy.elevations e JOIN tenancy.roles r ON r.role_id = e.role_id
  LEFT JOIN tenancy.workspaces w ON w.workspace_id = e.workspace_id
  WHERE e.organization_id = the_organization AND (of_all OR e.user_id = me)
    AND (e.ends_at > clock_timestamp() OR e.ends_at IS NULL AND e.created_at > clock_timestamp() - interval '24 hours')
  ORDER BY e.created_at, e.elevation_id;
END
$$;
COMMENT ON FUNCTION tenancy.review_elevations(text) IS 'Who has taken which role of an organization (NULL: the session''s own) for a time, with the reason, since when and until when, and what waits to be approved (until is NULL); to whoever has team.list in the organization, and to members their own; people by e-mail address where they are members whom the session may see, else by id. Each elevation leaves an audit entry, of which tenancy.audit_channel notifies';
