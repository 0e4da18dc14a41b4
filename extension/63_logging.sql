-- Settings of what is kept. Only a right on the organization changes them, also for a workspace: its administrators cannot
-- remove what the organization reads.

CREATE FUNCTION tenancy_internal.is_held(organization_id uuid, workspace_id uuid) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT EXISTS (SELECT FROM tenancy.logging_settings s
                 WHERE s.organization_id = is_held.organization_id AND s.setting = 'legal_hold'
                   AND (s.workspace_id IS NULL OR is_held.workspace_id IS NULL OR s.workspace_id = is_held.workspace_id))
$$;
COMMENT ON FUNCTION tenancy_internal.is_held(uuid, uuid) IS 'Whether a legal hold keeps rows of a workspace, or (NULL) any of the organization''s, from being removed';

-- With the organization locked: then a hold is there, or is set after the removal.
CREATE FUNCTION tenancy_internal.check_not_held(organization_id uuid, workspace_id uuid DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  PERFORM tenancy_internal.require_current('{tenancy.logging_settings}');
  IF tenancy_internal.is_held(check_not_held.organization_id, check_not_held.workspace_id) THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = 'a legal hold keeps these rows',
      HINT = 'Whoever may update the organization can lift it by tenancy.reset_logging().';
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_internal.check_not_held(uuid, uuid) IS 'Raises 55000 while a legal hold keeps rows of the workspace, or (NULL) of the organization, which must be locked';

CREATE FUNCTION tenancy_internal.keep_holds_away(organization_id uuid) RETURNS boolean
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_keep_holds_away';
COMMENT ON FUNCTION tenancy_internal.keep_holds_away(uuid) IS 'Has holds on an organization wait, as they are committed, until the end of the transaction; false where one is being committed';

CREATE FUNCTION tenancy_internal.settle_changes() RETURNS void
LANGUAGE c AS 'MODULE_PATHNAME', 'pg_tenancy_settle_changes';
COMMENT ON FUNCTION tenancy_internal.settle_changes() IS 'At the end of a subtransaction of a job: keeps holds away, until the end of the transaction, from whatever it has changed; 55000 where one has come meanwhile, or is being committed';

CREATE FUNCTION tenancy_internal.wait_for_removal() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'pg_tenancy_wait_for_removal';
COMMENT ON FUNCTION tenancy_internal.wait_for_removal() IS 'Trigger: as a legal hold is committed, it waits for removals of rows that are being committed without it';

CREATE FUNCTION tenancy_internal.logging_names() RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT ARRAY['store_content', 'retention_days.logs', 'retention_days.payloads', 'retention_days.traces', 'retention_days.analytics',
               'legal_hold', 'audit_retention_days', 'attribution_grace_hours']
$$;
COMMENT ON FUNCTION tenancy_internal.logging_names() IS 'Names of the settings of what is kept';

CREATE FUNCTION tenancy_internal.check_logging_setting(setting text) RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF check_logging_setting.setting IS NULL OR check_logging_setting.setting <> ALL (tenancy_internal.logging_names()) THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('setting "%s" does not exist', check_logging_setting.setting),
      HINT = coalesce('Perhaps you meant "' || tenancy_internal.nearest(check_logging_setting.setting, tenancy_internal.logging_names()) || '".',
                      format('Settings are %s.', array_to_string(tenancy_internal.logging_names(), ', ')));
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_internal.check_logging_setting(text) IS 'Raises 22023 with the nearest name for what is no setting of what is kept';

CREATE FUNCTION tenancy_internal.stricter(setting text, one text, other text) RETURNS text
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_tenancy_stricter';
COMMENT ON FUNCTION tenancy_internal.stricter(text, text, text) IS 'The stricter of an organization''s and a workspace''s value of a setting; NULL where neither has one';

CREATE FUNCTION tenancy_internal.logging_value(organization_id uuid, workspace_id uuid, setting text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT tenancy_internal.stricter(logging_value.setting,
    (SELECT s.value FROM tenancy.logging_settings s
     WHERE s.organization_id = logging_value.organization_id AND s.workspace_id IS NULL AND s.setting = logging_value.setting),
    (SELECT s.value FROM tenancy.logging_settings s
     WHERE s.organization_id = logging_value.organization_id AND s.workspace_id = logging_value.workspace_id AND s.setting = logging_value.setting))
$$;
COMMENT ON FUNCTION tenancy_internal.logging_value(uuid, uuid, text) IS 'What a setting comes to in a workspace or (NULL) the organization; NULL where it isn''t set';

CREATE FUNCTION tenancy.set_logging(
  organization text DEFAULT NULL, setting text DEFAULT NULL, value text DEFAULT NULL, workspace text DEFAULT NULL) RETURNS void
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  the_organization uuid := tenancy_internal.resolve_changed_organization(set_logging.organization, 'organization', 'update');
  the_workspace uuid := (tenancy_internal.resolve_workspace(set_logging.workspace, the_organization)).workspace_id;
  of_organization text;
BEGIN
  PERFORM tenancy_internal.require_permission(the_organization, NULL, 'organization', 'update'),
          tenancy_internal.require_role_within_rights(NULL, 'the setting'), tenancy_internal.require_not_elevated('what is kept');
  PERFORM tenancy_internal.check_logging_setting(set_logging.setting);
  -- In parentheses, since IF ends at the first THEN.
  IF (CASE WHEN set_logging.setting = 'store_content' THEN set_logging.value IN ('full', 'metadata', 'none')
           WHEN set_logging.setting = 'legal_hold' THEN set_logging.value = 'on'
           WHEN set_logging.setting = 'attribution_grace_hours' THEN set_logging.value ~ '^(0|[1-9][0-9]{0,3})$'
           ELSE set_logging.value ~ '^[1-9][0-9]{0,4}$' END) IS NOT TRUE THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
      MESSAGE = format('invalid value of setting "%s"', set_logging.setting),
      HINT = CASE set_logging.setting WHEN 'store_content' THEN 'Values are full, metadata and none.'
                  WHEN 'legal_hold' THEN 'The value is on; tenancy.reset_logging() lifts the hold.'
                  WHEN 'attribution_grace_hours' THEN 'The value is a number of hours, from 0 to 9999.' ELSE 'The value is a number of days, from 1 to 99999.' END;
  END IF;
  IF set_logging.setting = 'attribution_grace_hours' AND the_workspace IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'members leave the organization as a whole: attribution_grace_hours is not a workspace''s';
  ELSIF set_logging.setting = 'audit_retention_days' THEN
    IF the_workspace IS NOT NULL THEN
      RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'audit entries are kept for the organization as a whole';
    ELSIF set_logging.value::int < 90 AND NOT tenancy.is_dba() THEN
      RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = 'permission denied to keep audit entries for less than 90 days',
        DETAIL = 'An administrator could remove the traces of its own changes.', HINT = 'A DBA can.';
    END IF;
  END IF;
  of_organization := tenancy_internal.logging_value(the_organization, NULL, set_logging.setting);
  IF the_workspace IS NOT NULL AND tenancy_internal.stricter(set_logging.setting, of_organization, set_logging.value) <> set_logging.value THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
      MESSAGE = format('a workspace cannot be less strict than its organization in "%s"', set_logging.setting),
      DETAIL = format('The organization has "%s".', of_organization);
  END IF;
  INSERT INTO tenancy.logging_settings (organization_id, workspace_id, setting, value)
  VALUES (the_organization, the_workspace, set_logging.setting, set_logging.value)
  ON CONFLICT ON CONSTRAINT logging_settings_key DO UPDATE
  SET value = EXCLUDED.value, set_at = EXCLUDED.set_at WHERE logging_settings.value <> EXCLUDED.value;
END
$$;
COMMENT ON FUNCTION tenancy.set_logging(text, text, text, text) IS 'Sets what an organization (NULL: the session''s own), or more strictly one of its workspaces, keeps: store_content (full, metadata, none), retention_days.logs, .payloads, .traces, .analytics, audit_retention_days (at least 90 unless a DBA sets it), legal_hold (on), attribution_grace_hours (how long after leaving a member may be named as the owner of new rows; 24 by default); needs organization.update; 22023 for an unknown setting or value, 55000 where the organization is stricter';

CREATE FUNCTION tenancy.reset_logging(organization text DEFAULT NULL, setting text DEFAULT NULL, workspace text DEFAULT NULL) RETURNS void
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  the_organization uuid := tenancy_internal.resolve_changed_organization(reset_logging.organization, 'organization', 'update');
  the_workspace uuid := (tenancy_internal.resolve_workspace(reset_logging.workspace, the_organization)).workspace_id;
BEGIN
  PERFORM tenancy_internal.require_permission(the_organization, NULL, 'organization', 'update'),
          tenancy_internal.require_role_within_rights(NULL, 'the setting'), tenancy_internal.require_not_elevated('what is kept');
  PERFORM tenancy_internal.check_logging_setting(reset_logging.setting);
  DELETE FROM tenancy.logging_settings s
  WHERE s.organization_id = the_organization AND s.workspace_id IS NOT DISTINCT FROM the_workspace AND s.setting = reset_logging.setting;
END
$$;
COMMENT ON FUNCTION tenancy.reset_logging(text, text, text) IS 'Takes a setting of what is kept away, from an organization (NULL: the session''s own) or from one of its workspaces, and so lifts a legal hold; needs organization.update';

CREATE FUNCTION tenancy.logging_settings(organization text DEFAULT NULL, workspace text DEFAULT NULL)
RETURNS TABLE (setting text, value text, source text)
LANGUAGE tenancy STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  the_organization uuid;
  the_workspace tenancy.workspaces;
BEGIN
  IF tenancy_internal.has_nothing_to_list(logging_settings.organization, 'logging settings') THEN
    RETURN;
  END IF;
  the_organization := tenancy_internal.resolve_organization(logging_settings.organization);
  the_workspace := tenancy_internal.resolve_workspace(logging_settings.workspace, the_organization);
  PERFORM tenancy_internal.require_permission(the_organization, the_workspace.workspace_id, 'workspaces', 'view', true);
  RETURN QUERY
  SELECT n.setting,
         coalesce(tenancy_internal.logging_value(the_organization, the_workspace.workspace_id, n.setting),
                  CASE n.setting WHEN 'store_content' THEN 'full' WHEN 'legal_hold' THEN 'off' WHEN 'attribution_grace_hours' THEN '24' ELSE 'unlimited' END),
         CASE WHEN w.value IS NOT NULL AND tenancy_internal.stricter(n.setting, o.value, w.value) = w.value THEN 'workspace'
              WHEN o.value IS NOT NULL THEN 'organization' ELSE 'default' END
  FROM unnest(tenancy_internal.logging_names()) WITH ORDINALITY n (setting, i)
  LEFT JOIN tenancy.logging_settings o ON o.organization_id = the_organization AND o.workspace_id IS NULL AND o.setting = n.setting
  LEFT JOIN tenancy.logging_settings w ON w.organization_id = the_organization AND w.workspace_id = the_workspace.workspace_id AND w.setting = n.setting
  ORDER BY n.i;
END
$$;
COMMENT ON FUNCTION tenancy.logging_settings(text, text) IS 'What an organization (NULL: the session''s own) or one of its workspaces keeps, and where the value comes from; needs workspaces.view';

-- Code of a table's owner runs as its rows are removed, and can raise any error: none may keep the rows of others' tables. Cancels come through.
CREATE FUNCTION tenancy_internal.report_failed_removal(relation regclass, state text, message text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  PERFORM tenancy_steps.warning(format('rows of table %s past their retention cannot be removed: SQLSTATE %s', report_failed_removal.relation, report_failed_removal.state),
    detail => left(report_failed_removal.message, 1000), hint => CASE report_failed_removal.state WHEN '55P03' THEN 'An open transaction holds the table, or rows that refer to it. The next call tries it again.'
                                                                          ELSE 'Triggers of the table, or of one that refers to it, can be the cause.' END);
END
$$;
COMMENT ON FUNCTION tenancy_internal.report_failed_removal(regclass, text, text) IS 'Raises a WARNING about rows of a table that remove_expired_rows() passes over';
