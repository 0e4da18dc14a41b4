-- Resources of the user's own, with default grants and settings; and a database without the resources of an LLM gateway.

-- Actions of one kind: what a setting takes from a role, or gives it.
CREATE FUNCTION tenancy_internal.actions_of_kind(actions text[], kind text) RETURNS text[]
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT coalesce(array_agg(a ORDER BY n), '{}') FROM unnest(actions_of_kind.actions) WITH ORDINALITY u (a, n)
  WHERE (tenancy_internal.kind_of_action(a) = 'read') = (actions_of_kind.kind = 'read')
$$;
COMMENT ON FUNCTION tenancy_internal.actions_of_kind(text[], text) IS 'Those actions that read rows (read), or the others (write), in their order';

CREATE FUNCTION tenancy_internal.define_resource_settings(resource text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  taken text;
  registered text[] := (SELECT array_agg(p.action::text ORDER BY p.action) FROM tenancy.permissions p WHERE p.resource = define_resource_settings.resource);
BEGIN
  DELETE FROM tenancy.setting_definitions d WHERE d.resource = define_resource_settings.resource;
  SELECT d.setting INTO taken FROM tenancy.setting_definitions d, unnest('{managers,members}'::text[]) who, unnest('{view,write}'::text[]) verb
  WHERE d.setting = format('%s_%s_%s', who, verb, define_resource_settings.resource) LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'duplicate_object', MESSAGE = format('setting "%s" exists', taken),
      DETAIL = format('It would also be a setting of resource "%s".', define_resource_settings.resource), HINT = 'Register a resource of another name.';
  END IF;
  -- A setting concerns what the role holds by default; if that is nothing, what it could be given, and is off by default.
  INSERT INTO tenancy.setting_definitions (setting, category, role_id, resource, actions, description)
  SELECT format('%ss_%s_%s', r.name, v.verb, define_resource_settings.resource), tenancy_internal.category_of(define_resource_settings.resource),
         r.role_id, define_resource_settings.resource, CASE WHEN h.held = '{}' THEN h.possible ELSE h.held END,
         format('%s %s', v.what, define_resource_settings.resource)
  FROM tenancy.roles r
  CROSS JOIN (VALUES ('view', 'read', 'See'), ('write', 'write', 'Change')) v (verb, kind, what)
  CROSS JOIN LATERAL (
    SELECT tenancy_internal.actions_of_kind((SELECT coalesce(array_agg(g.action::text ORDER BY g.action), '{}') FROM tenancy.grants g
             WHERE g.role_id = r.role_id AND g.organization_id IS NULL AND g.resource = define_resource_settings.resource), v.kind),
           tenancy_internal.actions_of_kind(registered, v.kind)) h (held, possible)
  WHERE r.organization_id IS NULL AND r.level = 'workspace' AND r.name IN ('manager', 'member') AND h.possible <> '{}';
END
$$;
COMMENT ON FUNCTION tenancy_internal.define_resource_settings(text) IS 'Makes the settings of a resource of the user''s own: managers_view_, managers_write_, members_view_, members_write_';

CREATE FUNCTION tenancy.register_resource(
  resource text, description text, actions text[] DEFAULT '{list,view,create,update,delete}', members text[] DEFAULT NULL,
  managers text[] DEFAULT NULL, data_visibility boolean DEFAULT false) RETURNS void
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  wanted text;
  known text[];
  unknown text;
BEGIN
  PERFORM tenancy_internal.require_dba();
  IF register_resource.resource IS NULL OR register_resource.description IS NULL
     OR coalesce(cardinality(register_resource.actions), 0) = 0 OR array_position(register_resource.actions, NULL) IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'a resource needs a name, a description and actions';
  END IF;
  IF EXISTS (SELECT FROM tenancy_internal.built_in_permissions() p WHERE p.resource = register_resource.resource) THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = format('resource "%s" is built in', register_resource.resource),
      DETAIL = 'Its grants and settings are those of the access model.', HINT = 'Register a resource of another name.';
  END IF;
  -- Two sessions that register one resource wait for each other.
  LOCK TABLE tenancy.permissions IN SHARE ROW EXCLUSIVE MODE;
  FOREACH wanted IN ARRAY register_resource.actions LOOP
    IF EXISTS (SELECT FROM tenancy.permissions p WHERE p.resource = register_resource.resource AND p.action = wanted) THEN
      UPDATE tenancy.permissions p SET description = format('%s %s', initcap(replace(wanted, '_', ' ')), register_resource.description)
      WHERE p.resource = register_resource.resource AND p.action = wanted;
    ELSE
      PERFORM tenancy.register_permission(register_resource.resource, wanted,
        format('%s %s', initcap(replace(wanted, '_', ' ')), register_resource.description), register_resource.data_visibility);
    END IF;
  END LOOP;
  known := (SELECT array_agg(p.action::text) FROM tenancy.permissions p WHERE p.resource = register_resource.resource);
  SELECT a INTO unknown FROM unnest(register_resource.members || register_resource.managers) a WHERE a <> ALL (known) OR a IS NULL LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
      MESSAGE = format('action "%s" is not registered for resource "%s"', unknown, register_resource.resource),
      HINT = 'Name it among the actions.';
  END IF;
  -- The defaults of every organization, whose own rows precede them.
  DELETE FROM tenancy.grants g USING tenancy.roles r
  WHERE r.role_id = g.role_id AND r.organization_id IS NULL AND r.name IN ('manager', 'member')
    AND g.organization_id IS NULL AND g.resource = register_resource.resource;
  INSERT INTO tenancy.grants (role_id, resource, action)
  SELECT r.role_id, register_resource.resource, a FROM tenancy.roles r CROSS JOIN unnest(known) a
  WHERE r.organization_id IS NULL AND r.name IN ('manager', 'member')
    AND coalesce(a = ANY (CASE r.name WHEN 'manager' THEN register_resource.managers ELSE register_resource.members END),
                 tenancy_internal.holds_by_default(r.role_id, a));
  PERFORM tenancy_internal.define_resource_settings(register_resource.resource);
END
$$;
COMMENT ON FUNCTION tenancy.register_resource(text, text, text[], text[], text[], boolean) IS 'For a DBA: registers a resource of one''s own with its actions, which owners, admins and workspace admins hold; managers hold all of them, members those that read, create and update, unless others are named, in every organization; makes settings managers_view_, managers_write_, members_view_, members_write_ and the levels disabled, read, write, delete for API keys. Called again, it adds actions and changes these defaults; 55000 for a built-in resource';

CREATE FUNCTION tenancy_internal.drop_resource_settings() RETURNS trigger
LANGUAGE tenancy_unit SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  DELETE FROM tenancy.setting_definitions d WHERE d.resource = OLD.resource AND d.actions <@ ARRAY[OLD.action];
  UPDATE tenancy.setting_definitions d SET actions = array_remove(d.actions, OLD.action) WHERE d.resource = OLD.resource AND OLD.action = ANY (d.actions);
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION tenancy_internal.drop_resource_settings() IS 'Trigger: a setting loses the action of a permission that is deleted, and goes with its last one';

-- Rows of chosen_vocabulary are dumped. A restore fires this trigger alone, without checks, audit entries and foreign keys.
CREATE FUNCTION tenancy_internal.leave_out_gateway() RETURNS trigger
LANGUAGE tenancy_unit SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  gateway CONSTANT text[] := tenancy_internal.words('gateway');
BEGIN
  -- Built-in grants cannot be changed, so the permissions are declared not built in first.
  UPDATE tenancy.permissions p SET built_in = false WHERE p.resource = ANY (gateway) AND p.built_in;
  DELETE FROM tenancy.setting_definitions d WHERE d.resource = ANY (gateway);
  DELETE FROM tenancy.grants g WHERE g.resource = ANY (gateway) AND g.organization_id IS NULL;
  DELETE FROM tenancy.permissions p WHERE p.resource = ANY (gateway);
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION tenancy_internal.leave_out_gateway() IS 'Trigger: removes the permissions of the vocabulary llm_gateway with their grants and settings';

CREATE FUNCTION tenancy_internal.check_gateway_unused() RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  gateway CONSTANT text[] := tenancy_internal.words('gateway');
  used text;
  advice text;
BEGIN
  SELECT v.used, v.advice INTO used, advice FROM (
    SELECT 1, format('table %s is protected as "%s"', t.relation, t.resource), format('Use tenancy.unprotect(%L), or protect it as another resource.', t.relation::text)
    FROM tenancy.protected_tables t WHERE t.resource = ANY (gateway)
    UNION ALL
    SELECT 2, format('the name %I.%I is that of a table protected as "%s"', n.schema_name, n.table_name, n.resource),
           format('Use tenancy.forget(%L).', format('%I.%I', n.schema_name, n.table_name))
    FROM tenancy.protected_names n WHERE n.resource = ANY (gateway)
    UNION ALL
    SELECT 3, format('permission %s.%s was registered besides those of the vocabulary', p.resource, p.action), 'Delete it from tenancy.permissions.'
    FROM tenancy.permissions p WHERE p.resource = ANY (gateway) AND NOT p.built_in
    UNION ALL
    SELECT 4, format('organization "%s" has a grant of %s.%s of its own', o.slug, g.resource, g.action),
           'Reset its settings and revoke these permissions from its roles, or delete the rows from tenancy.grants.'
    FROM tenancy.grants g JOIN tenancy.organizations o ON o.organization_id = g.organization_id WHERE g.resource = ANY (gateway)
  ) v (rank, used, advice) ORDER BY v.rank, v.used LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = 'the vocabulary "llm_gateway" is in use',
      DETAIL = upper(left(used, 1)) || substr(used, 2) || '.', HINT = advice;
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_internal.check_gateway_unused() IS 'Raises 55000 while tables, names, permissions or grants of users refer to resources of the vocabulary llm_gateway';

CREATE FUNCTION tenancy.use_vocabulary(name text) RETURNS void
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  gateway CONSTANT text[] := tenancy_internal.words('gateway');
  removed bigint;
BEGIN
  PERFORM tenancy_internal.require_dba();
  IF use_vocabulary.name IS NULL OR use_vocabulary.name NOT IN ('none', 'llm_gateway') THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('vocabulary "%s" does not exist', coalesce(use_vocabulary.name, 'NULL')),
      HINT = 'Vocabularies are none and llm_gateway.';
  END IF;
  -- protect() waits, and so do other callers.
  LOCK TABLE tenancy.protected_tables, tenancy.chosen_vocabulary IN SHARE ROW EXCLUSIVE MODE;
  IF (use_vocabulary.name = 'none') = EXISTS (SELECT FROM tenancy.chosen_vocabulary) THEN
    RETURN;
  END IF;
  IF use_vocabulary.name = 'none' THEN
    PERFORM tenancy_internal.check_gateway_unused();
    -- Scopes for permissions that no longer exist give a key nothing.
    DELETE FROM tenancy.api_key_scopes s WHERE s.resource = ANY (gateway);
    GET DIAGNOSTICS removed = ROW_COUNT;
    IF removed > 0 THEN
      PERFORM tenancy_steps.notice(format('%s scopes of API keys are removed', removed),
        detail => 'They were permissions of the vocabulary "llm_gateway".');
    END IF;
    DELETE FROM tenancy.workspace_overrides o WHERE o.category = ANY (gateway);
    INSERT INTO tenancy.chosen_vocabulary (vocabulary) VALUES ('none');
  ELSE
    DELETE FROM tenancy.chosen_vocabulary;
    -- Built-in grants cannot be added, so the permissions are declared built in last.
    INSERT INTO tenancy.permissions (resource, action, description, data_visibility)
    SELECT p.resource, p.action, p.description, p.data_visibility FROM tenancy_internal.built_in_permissions() p WHERE p.resource = ANY (gateway);
    INSERT INTO tenancy.grants (role_id, resource, action)
    SELECT g.role_id, g.resource, g.action FROM tenancy_internal.built_in_grants() g WHERE g.resource = ANY (gateway);
    INSERT INTO tenancy.setting_definitions (setting, category, role_id, resource, actions, description)
    SELECT s.setting, s.category, s.role_id, s.resource, s.actions, s.description FROM tenancy_internal.built_in_settings() s WHERE s.resource = ANY (gateway);
    UPDATE tenancy.permissions p SET built_in = true WHERE p.resource = ANY (gateway);
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy.use_vocabulary(text) IS 'For a DBA: none leaves out the resources of an LLM gateway (logs, traces, analytics, completions, prompts, configs, guardrails, integrations, providers, models) with their grants and settings, and their scopes of API keys; llm_gateway brings them back; 55000 while tables, permissions or organizations'' grants use them';
