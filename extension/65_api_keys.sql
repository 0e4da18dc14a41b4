-- API keys. The secret is returned once, and stored as SHA-256. A secret is never a parameter of a statement, since extensions
-- and the server itself may log parameters: it comes with its hash, and stays in a variable.

CREATE FUNCTION tenancy_internal.generate_api_key() RETURNS text
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'pg_tenancy_generate_api_key';
COMMENT ON FUNCTION tenancy_internal.generate_api_key() IS 'A new secret: prefix, 256 bits of the server''s random source, checksum';

CREATE FUNCTION tenancy_internal.issue_secret(OUT secret text, OUT secret_hash bytea, OUT display_prefix text)
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'pg_tenancy_issue_secret';
COMMENT ON FUNCTION tenancy_internal.issue_secret() IS 'A new secret with its SHA-256 and what may be shown of it; assign the result to a variable (:=) and hand the secret to no statement';

CREATE FUNCTION tenancy_internal.api_key_display_prefix(secret text) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_tenancy_api_key_display_prefix';
COMMENT ON FUNCTION tenancy_internal.api_key_display_prefix(text) IS 'What may be shown of a secret';

CREATE FUNCTION tenancy_internal.scopes_of_level(feature text, level text) RETURNS text[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_tenancy_scopes_of_level';
COMMENT ON FUNCTION tenancy_internal.scopes_of_level(text, text) IS 'What a level of a feature gives an API key, as resource.action; 22023 for an unknown feature or level';

CREATE FUNCTION tenancy_internal.scopes_of_word(word text, registered boolean) RETURNS text[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_tenancy_scopes_of_word';
COMMENT ON FUNCTION tenancy_internal.scopes_of_word(text, boolean) IS 'What a single scope gives beside the permission of that name, if that is registered, and otherwise as feature.level; NULL for no level';

CREATE FUNCTION tenancy_internal.actions_of_level(level text) RETURNS text[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_tenancy_actions_of_level';
COMMENT ON FUNCTION tenancy_internal.actions_of_level(text) IS 'The actions of a level (disabled, read, write, delete) of a resource of the user''s own; 22023 for an unknown level';

CREATE FUNCTION tenancy_internal.scopes_of_feature(feature text, level text) RETURNS text[]
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  found text[];
BEGIN
  -- Features of the extension precede resources of the same name: metrics is analytics, users is team.
  IF scopes_of_feature.feature <> ALL (tenancy_internal.words('gateway') || '{metrics,users}')
     AND EXISTS (SELECT FROM tenancy.permissions p WHERE p.resource = scopes_of_feature.feature)
     AND NOT EXISTS (SELECT FROM tenancy.permissions p WHERE p.resource = scopes_of_feature.feature AND p.built_in) THEN
    RETURN (SELECT coalesce(array_agg(scopes_of_feature.feature || '.' || action), '{}')
            FROM unnest(tenancy_internal.actions_of_level(scopes_of_feature.level)) action);
  END IF;
  found := tenancy_internal.scopes_of_level(scopes_of_feature.feature, scopes_of_feature.level);
  IF found <> '{}' AND NOT EXISTS (SELECT FROM tenancy.permissions p WHERE p.resource || '.' || p.action = ANY (found)) THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('feature "%s" has no permissions', scopes_of_feature.feature),
      DETAIL = 'It belongs to the vocabulary "llm_gateway", which this database leaves out.',
      HINT = 'Use tenancy.use_vocabulary(''llm_gateway'') to have it.';
  END IF;
  RETURN found;
END
$$;
COMMENT ON FUNCTION tenancy_internal.scopes_of_feature(text, text) IS 'What a level gives an API key, as resource.action; a resource of the user''s own is a feature of its name; 22023 for an unknown feature or level';

CREATE FUNCTION tenancy_internal.scopes_of_single(word text) RETURNS text[]
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  registered boolean := EXISTS (SELECT FROM tenancy.permissions p WHERE p.resource || '.' || p.action = scopes_of_single.word);
  more text[] := tenancy_internal.scopes_of_word(scopes_of_single.word, registered);
BEGIN
  IF more IS NULL AND split_part(scopes_of_single.word, '.', 2) IN ('disabled', 'read', 'write', 'delete')
     AND scopes_of_single.word = split_part(scopes_of_single.word, '.', 1) || '.' || split_part(scopes_of_single.word, '.', 2)
     AND EXISTS (SELECT FROM tenancy.permissions p WHERE p.resource = split_part(scopes_of_single.word, '.', 1))
     AND NOT EXISTS (SELECT FROM tenancy.permissions p WHERE p.resource = split_part(scopes_of_single.word, '.', 1) AND p.built_in) THEN
    more := tenancy_internal.scopes_of_feature(split_part(scopes_of_single.word, '.', 1), split_part(scopes_of_single.word, '.', 2));
  END IF;
  IF registered THEN
    RETURN scopes_of_single.word || more;
  END IF;
  -- A vocabulary may lack a feature of the extension.
  IF more <> '{}' AND NOT EXISTS (SELECT FROM tenancy.permissions p WHERE p.resource || '.' || p.action = ANY (more)) THEN
    RETURN NULL;
  END IF;
  RETURN more;
END
$$;
COMMENT ON FUNCTION tenancy_internal.scopes_of_single(text) IS 'What a single scope gives an API key, as resource.action: the permission of that name with what it includes, or a level of a feature; NULL for neither';

CREATE FUNCTION tenancy_internal.default_scope_levels() RETURNS text[]
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_tenancy_default_scope_levels';
COMMENT ON FUNCTION tenancy_internal.default_scope_levels() IS 'Levels of a key for which none are named: feature, level, feature, level ...';

-- By lengths: to unnest an array by jsonb_path_query() takes time by the square of its length.
CREATE FUNCTION tenancy_internal.count_scopes(scopes jsonb) RETURNS bigint
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT greatest(jsonb_array_length(list.entries), (
    SELECT sum(CASE jsonb_typeof(feature.value) WHEN 'array' THEN jsonb_array_length(feature.value) ELSE 1 END)
    FROM jsonb_array_elements(list.entries) entry, jsonb_each(CASE jsonb_typeof(entry) WHEN 'object' THEN entry ELSE '{"": ""}' END) feature))
  FROM (SELECT CASE jsonb_typeof(count_scopes.scopes) WHEN 'array' THEN count_scopes.scopes ELSE jsonb_build_array(count_scopes.scopes) END) list (entries)
$$;
COMMENT ON FUNCTION tenancy_internal.count_scopes(jsonb) IS 'How many entries scopes have, or levels of features';

CREATE FUNCTION tenancy_internal.expand_scopes(scopes jsonb) RETURNS TABLE (resource text, action text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  single text;
  nearest text;
BEGIN
  IF expand_scopes.scopes IS NULL THEN
    expand_scopes.scopes := CASE WHEN EXISTS (SELECT FROM tenancy.chosen_vocabulary) THEN '{}'
                                 ELSE jsonb_object(tenancy_internal.default_scope_levels()) END;
  END IF;
  -- Each entry costs a look-up, so the list may not be longer than all permissions.
  IF tenancy_internal.count_scopes(expand_scopes.scopes) > 1024 THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'too many scopes',
      DETAIL = 'There can be no more than 1024.';
  END IF;
  CASE jsonb_typeof(expand_scopes.scopes)
    WHEN 'object' THEN
      IF EXISTS (SELECT FROM jsonb_each(expand_scopes.scopes) feature, jsonb_path_query(feature.value, 'lax $[*]') level
                 WHERE jsonb_typeof(level) <> 'string') THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'level of a feature must be a string, or an array of strings';
      END IF;
      -- A level includes actions that not every feature has (copy, publish ...): unregistered ones are left out.
      RETURN QUERY
      SELECT DISTINCT p.resource::text, p.action::text
      FROM jsonb_each(expand_scopes.scopes) feature,
           jsonb_array_elements_text(CASE jsonb_typeof(feature.value) WHEN 'array' THEN feature.value
                                     ELSE jsonb_build_array(feature.value) END) level,
           unnest(tenancy_internal.scopes_of_feature(feature.key, level)) scope
      JOIN tenancy.permissions p ON p.resource || '.' || p.action = scope;
    WHEN 'array' THEN
      IF EXISTS (SELECT FROM jsonb_array_elements(expand_scopes.scopes) entry WHERE jsonb_typeof(entry) NOT IN ('string', 'object')) THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'entry of an array of scopes must be a string or an object';
      END IF;
      FOR single IN SELECT entry #>> '{}' FROM jsonb_array_elements(expand_scopes.scopes) entry WHERE jsonb_typeof(entry) = 'string' LOOP
        IF tenancy_internal.scopes_of_single(single) IS NULL THEN
          SELECT tenancy_internal.nearest(single, array_agg(p.resource || '.' || p.action)) INTO nearest FROM tenancy.permissions p;
          RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('scope "%s" is not registered', single),
            HINT = coalesce('Perhaps you meant "' || nearest || '".', 'See tenancy.permissions.');
        END IF;
      END LOOP;
      RETURN QUERY
      SELECT p.resource::text, p.action::text
      FROM jsonb_array_elements(expand_scopes.scopes) entry, unnest(tenancy_internal.scopes_of_single(entry #>> '{}')) scope
      JOIN tenancy.permissions p ON p.resource || '.' || p.action = scope
      WHERE jsonb_typeof(entry) = 'string'
      UNION
      SELECT e.resource, e.action
      FROM jsonb_array_elements(expand_scopes.scopes) entry, tenancy_internal.expand_scopes(entry) e
      WHERE jsonb_typeof(entry) = 'object';
    ELSE
      RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'scopes must be an object or an array',
        HINT = 'For example {"prompts": "write", "metrics": "enabled"} or ["logs.view", "analytics.view"].';
  END CASE;
END
$$;
COMMENT ON FUNCTION tenancy_internal.expand_scopes(jsonb) IS 'Scopes as permissions: an object of feature to level (or levels), an array of single scopes (a permission, or feature.level) and of such objects, or NULL for the defaults; 22023 for what isn''t known';

-- A key that is made while its user leaves would not be known to whoever leaves, and not be revoked. The organization first, as in
-- lock_members(): then the roles do not change until the key is known to all.
CREATE FUNCTION tenancy_internal.lock_for_key(organization_id uuid, user_id uuid) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  PERFORM tenancy_internal.lock_organization(lock_for_key.organization_id);
  PERFORM tenancy_internal.lock_roles_of(lock_for_key.organization_id, lock_for_key.user_id);
END
$$;
COMMENT ON FUNCTION tenancy_internal.lock_for_key(uuid, uuid) IS 'Before it is checked whether a key may be made: waits for whoever changes members or policy of the organization, and keeps others waiting until the transaction ends';

CREATE FUNCTION tenancy_internal.lock_roles_of(organization_id uuid, user_id uuid) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF lock_roles_of.user_id IS NULL THEN
    RETURN;
  END IF;
  PERFORM FROM tenancy.organization_members m WHERE m.organization_id = lock_roles_of.organization_id AND m.user_id = lock_roles_of.user_id FOR SHARE;
  PERFORM FROM tenancy.workspace_members m WHERE m.organization_id = lock_roles_of.organization_id AND m.user_id = lock_roles_of.user_id FOR SHARE;
  PERFORM FROM tenancy.group_members m WHERE m.organization_id = lock_roles_of.organization_id AND m.user_id = lock_roles_of.user_id FOR SHARE;
  PERFORM FROM tenancy.group_roles r JOIN tenancy.group_members m ON m.group_id = r.group_id
  WHERE m.organization_id = lock_roles_of.organization_id AND m.user_id = lock_roles_of.user_id FOR SHARE OF r;
END
$$;
COMMENT ON FUNCTION tenancy_internal.lock_roles_of(uuid, uuid) IS 'Waits for whoever changes what gives a user roles in an organization, and keeps others waiting until the transaction ends';

-- Creating or reactivating a key requires what the key confers: an own user key confers nothing new, a service key sees all
-- rows, and another user's key lets the holder of its secret act as that user.
CREATE FUNCTION tenancy_internal.require_key_permission(key tenancy.api_keys, action text, scopes text[]) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  lacking text;
BEGIN
  IF tenancy.is_dba() THEN
    RETURN;
  END IF;
  PERFORM tenancy_internal.require_permission((require_key_permission.key).organization_id, (require_key_permission.key).workspace_id, 'api_keys',
    require_key_permission.action, coalesce((require_key_permission.key).user_id = tenancy.current_user_id(), false));
  IF require_key_permission.scopes IS NULL THEN
    RETURN;  -- it confers nothing
  END IF;
  -- A key can hold scopes that its maker does not, by the right to make keys: not by one that was taken for use.
  IF tenancy_internal.lasting_reach((require_key_permission.key).organization_id, (require_key_permission.key).workspace_id, 'api_keys',
       require_key_permission.action) IS NULL THEN
    PERFORM tenancy_internal.require_delegation(format('the permission api_keys.%s', require_key_permission.action));
  END IF;
  PERFORM tenancy_internal.require_expiry_within_session((require_key_permission.key).expires_at, 'the API key'),
          tenancy_internal.require_networks_within_session((require_key_permission.key).allowed_networks, 'the API key');
  -- A key of a user without a role in the workspace would become active on the day that the user gets one: also the session's own user, who
  -- can be there by groups that a token names.
  IF (require_key_permission.key).user_id IS NOT NULL
     AND NOT tenancy_internal.has_role_in((require_key_permission.key).organization_id, (require_key_permission.key).workspace_id,
                                          (require_key_permission.key).user_id) THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = 'the user is not a member of the workspace',
      HINT = 'Use tenancy.set_workspace_role() first.';
  END IF;
  lacking := tenancy_internal.missing_for_key((require_key_permission.key).organization_id, (require_key_permission.key).workspace_id,
                                   (require_key_permission.key).kind, (require_key_permission.key).user_id, require_key_permission.scopes);
  IF lacking = ANY (require_key_permission.scopes) THEN
    PERFORM tenancy_internal.require_delegation(format('scope "%s"', lacking));
  END IF;
  PERFORM tenancy_internal.require_delegation(lacking, CASE WHEN (require_key_permission.key).user_id IS NULL THEN 'the API key'
                                                   ELSE 'an API key of this user' END);
END
$$;
COMMENT ON FUNCTION tenancy_internal.require_key_permission(tenancy.api_keys, text, text[]) IS 'Raises 42501 unless the caller is a DBA, or holds the action on api_keys where the key belongs (for an own user key, over own rows at least) and, unless scopes are NULL, all that the key confers with them, for as long and from these networks';

CREATE FUNCTION tenancy_internal.scopes_of_key(key tenancy.api_keys) RETURNS text[]
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT coalesce(array_agg(s.scope), '{}')
  FROM (SELECT p.resource || '.' || p.action FROM tenancy.permissions p WHERE scopes_of_key.key.all_scopes AND NOT tenancy_internal.is_named_only(p.action)
        UNION
        SELECT s.resource || '.' || s.action FROM tenancy.api_key_scopes s
        WHERE s.api_key_id = scopes_of_key.key.api_key_id) s (scope)
$$;
COMMENT ON FUNCTION tenancy_internal.scopes_of_key(tenancy.api_keys) IS 'A key''s scopes as resource.action';

CREATE FUNCTION tenancy_internal.derive_key(api_key_id uuid) RETURNS void
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_derive_key';
COMMENT ON FUNCTION tenancy_internal.derive_key(uuid) IS 'Stores beside the secrets of a key what it may do, after its scopes have been changed';

CREATE FUNCTION tenancy_internal.derived_of_key(api_key_id uuid) RETURNS bytea
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_derived_of_key';
COMMENT ON FUNCTION tenancy_internal.derived_of_key(uuid) IS 'What is to be stored beside the secrets of a key; NULL: nothing, since its catalogs have to be read';

CREATE FUNCTION tenancy_internal.is_derived_here(derived bytea) RETURNS boolean
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_is_derived_here';
COMMENT ON FUNCTION tenancy_internal.is_derived_here(bytea) IS 'Whether what is stored beside a secret was derived in this database, by this version: nothing else is used';

CREATE FUNCTION tenancy_internal.derive_changed_key() RETURNS trigger LANGUAGE c AS 'MODULE_PATHNAME', 'pg_tenancy_derive_changed_key';
COMMENT ON FUNCTION tenancy_internal.derive_changed_key() IS 'Trigger: stores beside the secrets of a changed key what it may do now';

CREATE FUNCTION tenancy_internal.set_scopes(key tenancy.api_keys, scopes jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF set_scopes.key.all_scopes THEN
    set_scopes.scopes := '[]';
  END IF;
  DELETE FROM tenancy.api_key_scopes s
  WHERE s.api_key_id = set_scopes.key.api_key_id
    AND (s.resource, s.action) NOT IN (SELECT e.resource, e.action FROM tenancy_internal.expand_scopes(set_scopes.scopes) e);
  INSERT INTO tenancy.api_key_scopes (api_key_id, resource, action)
  SELECT set_scopes.key.api_key_id, e.resource, e.action FROM tenancy_internal.expand_scopes(set_scopes.scopes) e
  ON CONFLICT DO NOTHING;
  PERFORM tenancy_internal.derive_key(set_scopes.key.api_key_id);
END
$$;
COMMENT ON FUNCTION tenancy_internal.set_scopes(tenancy.api_keys, jsonb) IS 'Gives a key just these scopes';

CREATE FUNCTION tenancy_internal.scope_names(scopes jsonb, every_scope boolean) RETURNS text[]
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT CASE WHEN scope_names.every_scope THEN (SELECT array_agg(p.resource || '.' || p.action) FROM tenancy.permissions p WHERE NOT tenancy_internal.is_named_only(p.action))
              ELSE (SELECT coalesce(array_agg(e.resource || '.' || e.action), '{}')
                FROM tenancy_internal.expand_scopes(scope_names.scopes) e) END
$$;
COMMENT ON FUNCTION tenancy_internal.scope_names(jsonb, boolean) IS 'Scopes, or every registered one that need not be named (attribute), as resource.action';

CREATE FUNCTION tenancy.create_api_key(
  kind text, name text, organization text DEFAULT NULL, workspace text DEFAULT NULL, member text DEFAULT NULL,
  scopes jsonb DEFAULT NULL, expires_at timestamptz DEFAULT NULL, external_id text DEFAULT NULL, allowed_networks text[] DEFAULT NULL,
  description text DEFAULT NULL, metadata jsonb DEFAULT NULL, reason text DEFAULT NULL,
  OUT api_key_id uuid, OUT secret text)
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  key tenancy.api_keys;
  the_workspace tenancy.workspaces;
  issued record;
  me record;
  kinds CONSTANT text[] := tenancy_internal.words('key_kinds');
BEGIN
  IF create_api_key.kind IS NULL OR create_api_key.kind <> ALL (kinds) THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('kind of API key "%s" does not exist', create_api_key.kind),
      HINT = coalesce('Perhaps you meant "' || tenancy_internal.nearest(create_api_key.kind, kinds) || '".',
                      format('Kinds are %s.', array_to_string(kinds, ', ')));
  END IF;
  IF (create_api_key.kind = 'organization_service_key') <> (create_api_key.workspace IS NULL) THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
      MESSAGE = CASE WHEN create_api_key.workspace IS NULL THEN 'a workspace key needs a workspace'
                     ELSE 'an organization service key cannot have a workspace' END;
  END IF;
  IF create_api_key.kind <> 'workspace_user_key' AND create_api_key.member IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'a service key cannot have a user';
  END IF;
  IF create_api_key.expires_at <= statement_timestamp() THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'an API key cannot expire in the past';
  END IF;

  the_workspace := tenancy_internal.resolve_workspace(create_api_key.workspace, CASE WHEN create_api_key.organization IS NOT NULL
                                                         THEN tenancy_internal.resolve_organization(create_api_key.organization) END);
  key.kind := create_api_key.kind;
  key.name := create_api_key.name;
  key.workspace_id := the_workspace.workspace_id;
  key.organization_id := coalesce(the_workspace.organization_id, tenancy_internal.resolve_organization(create_api_key.organization));
  key.user_id := CASE WHEN create_api_key.kind <> 'workspace_user_key' THEN NULL
                      WHEN create_api_key.member IS NULL THEN tenancy.current_user_id()
                      ELSE tenancy_internal.find_member(key.organization_id, create_api_key.member) END;
  PERFORM tenancy_internal.lock_for_key(key.organization_id, key.user_id);
  IF create_api_key.member IS NOT NULL THEN
    key.user_id := tenancy_internal.find_member(key.organization_id, create_api_key.member);  -- still one
  END IF;
  key.all_scopes := coalesce(create_api_key.scopes = '"all"', false);
  key.expires_at := nullif(create_api_key.expires_at, 'infinity');
  IF coalesce(key.expires_at, 'infinity') > tenancy_internal.session_ends_at() THEN
    key.expires_at := tenancy_internal.session_ends_at();
    PERFORM tenancy_steps.notice(format('the API key expires at %s, when the credential that makes it does', key.expires_at));
  END IF;
  key.allowed_networks := tenancy_internal.given_networks(create_api_key.allowed_networks);
  IF create_api_key.allowed_networks IS NULL AND tenancy_internal.session_networks() IS NOT NULL THEN
    key.allowed_networks := tenancy_internal.session_networks();
    PERFORM tenancy_steps.notice(format('the API key may be used from the networks of the one that makes it: %s', array_to_string(key.allowed_networks, ', ')));
  END IF;
  IF create_api_key.kind = 'workspace_user_key' AND key.user_id IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'a user key needs a user';
  END IF;
  PERFORM tenancy_internal.require_key_permission(key, 'create', tenancy_internal.scope_names(create_api_key.scopes, key.all_scopes));
  PERFORM tenancy_internal.require_external_id_choice(create_api_key.external_id);

  -- A user's key makes it itself, and not in its user's name.
  SELECT CASE WHEN w.kind = 'user' THEN w.user_id END AS user_id, w.api_key_id INTO me FROM tenancy.whoami() w WHERE NOT tenancy.is_dba();
  issued := tenancy_internal.issue_secret();
  INSERT INTO tenancy.api_keys (kind, name, organization_id, workspace_id, user_id, external_id, display_prefix,
                                all_scopes, expires_at, allowed_networks, description, metadata, reason, created_by_user, created_by_key)
  VALUES (key.kind, key.name, key.organization_id, key.workspace_id, key.user_id, create_api_key.external_id,
          issued.display_prefix, key.all_scopes, key.expires_at, key.allowed_networks, create_api_key.description,
          create_api_key.metadata, create_api_key.reason, me.user_id, me.api_key_id)
  RETURNING * INTO key;
  INSERT INTO tenancy.api_key_secrets (secret_hash, api_key_id)
  VALUES (issued.secret_hash, key.api_key_id);
  PERFORM tenancy_internal.require_session();
  PERFORM tenancy_internal.set_scopes(key, create_api_key.scopes);
  create_api_key.api_key_id := key.api_key_id;
  create_api_key.secret := issued.secret;
END
$$;
COMMENT ON FUNCTION tenancy.create_api_key(text, text, text, text, text, jsonb, timestamptz, text, text[], text, jsonb, text) IS 'Creates an API key of a kind (organization_service_key, workspace_service_key, workspace_user_key) and returns its id and, this once, its secret; scopes as in expand_scopes(), or "all"; allowed_networks (addresses, networks as address/bits, local for clients without an address) are where it may be used from, NULL or any: from everywhere; description, metadata (an object) and reason are kept beside it; needs api_keys.create where the key belongs, and each of its scopes but those by which keys write (completions.write, logs.write, traces.write, analytics.write), and ends with the credential of whoever makes it at the latest, and has no networks beyond that one''s; an external id is for a DBA or a trusted login to give (42501); 22023 when kind, workspace and user don''t go together';

CREATE FUNCTION tenancy_internal.lock_api_key(api_key_id uuid, action text) RETURNS tenancy.api_keys
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  key tenancy.api_keys;
BEGIN
  PERFORM tenancy_internal.check_given('api_key', lock_api_key.api_key_id::text);
  PERFORM tenancy_internal.require_principal();
  -- A refusal does not wait; rights are judged again by the caller.
  PERFORM tenancy_internal.require_permission(k.organization_id, k.workspace_id, 'api_keys', lock_api_key.action, true) FROM tenancy.api_keys k
  WHERE k.api_key_id = lock_api_key.api_key_id AND k.deleted_at IS NULL AND (tenancy.is_dba() OR k.organization_id = tenancy.current_organization_id());
  PERFORM tenancy_internal.lock_organization(k.organization_id) FROM tenancy.api_keys k
  WHERE k.api_key_id = lock_api_key.api_key_id AND (tenancy.is_dba() OR k.organization_id = tenancy.current_organization_id());
  SELECT * INTO key FROM tenancy.api_keys k
  WHERE k.api_key_id = lock_api_key.api_key_id AND k.deleted_at IS NULL
    AND (tenancy.is_dba() OR k.organization_id = tenancy.current_organization_id())
  FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = format('API key %s does not exist', lock_api_key.api_key_id);
  END IF;
  RETURN key;
END
$$;
COMMENT ON FUNCTION tenancy_internal.lock_api_key(uuid, text) IS 'A key of the session''s organization (a DBA''s: any), locked with that; 42704 when there is none, or it is deleted, 42501 at once without this permission of api_keys';

CREATE FUNCTION tenancy.update_api_key(
  api_key_id uuid, name text DEFAULT NULL, scopes jsonb DEFAULT NULL, expires_at timestamptz DEFAULT NULL, allowed_networks text[] DEFAULT NULL,
  description text DEFAULT NULL, metadata jsonb DEFAULT NULL, reason text DEFAULT NULL) RETURNS void
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  key tenancy.api_keys := tenancy_internal.lock_api_key(update_api_key.api_key_id, 'edit');
  networks text[] := tenancy_internal.given_networks(update_api_key.allowed_networks);
  widened boolean := coalesce(update_api_key.expires_at > key.expires_at, false)
    OR (update_api_key.allowed_networks IS NOT NULL AND NOT tenancy_internal.networks_cover(key.allowed_networks, networks));
BEGIN
  IF update_api_key.expires_at <= statement_timestamp() THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'an API key cannot expire in the past',
      HINT = 'Use tenancy.revoke_api_key() to end it now.';
  END IF;
  IF num_nonnulls(update_api_key.scopes, update_api_key.expires_at, update_api_key.allowed_networks, update_api_key.description, update_api_key.metadata,
                  update_api_key.reason) > 0 THEN
    PERFORM tenancy_internal.require_networks_within_session(key.allowed_networks, 'the API key');
  END IF;
  key.expires_at := nullif(coalesce(update_api_key.expires_at, key.expires_at), 'infinity');
  IF update_api_key.allowed_networks IS NOT NULL THEN
    key.allowed_networks := networks;
  END IF;
  PERFORM tenancy_internal.require_key_permission(key, 'edit', CASE
    WHEN update_api_key.scopes IS NOT NULL THEN tenancy_internal.scope_names(update_api_key.scopes, update_api_key.scopes = '"all"')
    WHEN widened THEN tenancy_internal.scopes_of_key(key) END);
  IF key.revoked_at IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = 'API key is revoked',
      DETAIL = 'A revoked key is refused for good.', HINT = 'Create another key.';
  END IF;
  UPDATE tenancy.api_keys k
  SET name = coalesce(update_api_key.name, k.name), expires_at = key.expires_at, allowed_networks = key.allowed_networks,
      all_scopes = CASE WHEN update_api_key.scopes IS NULL THEN k.all_scopes ELSE update_api_key.scopes = '"all"' END,
      description = coalesce(update_api_key.description, k.description), metadata = coalesce(update_api_key.metadata, k.metadata),
      reason = coalesce(update_api_key.reason, k.reason)
  WHERE k.api_key_id = key.api_key_id
  RETURNING * INTO key;
  IF update_api_key.scopes IS NOT NULL THEN
    PERFORM tenancy_internal.set_scopes(key, update_api_key.scopes);
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy.update_api_key(uuid, text, jsonb, timestamptz, text[], text, jsonb, text) IS 'Changes a key''s name, scopes, expiry (infinity: never), networks (any: everywhere), description, metadata and reason, each where it is given; needs api_keys.edit, and the scopes that it gives, prolongs or lets be used from more networks; 42501 for an end or networks beyond those of the session''s own credential, and for anything but the name of a key with such networks; 55000 for a revoked key';

CREATE FUNCTION tenancy_internal.replace_secret(key tenancy.api_keys, transition interval) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp SET timezone = 'UTC' AS $$
DECLARE
  -- Under a policy the old secret lasts no longer than it would without the rotation, but for as long as every rotation gives.
  old_ends CONSTANT timestamptz := least(now() + replace_secret.transition, CASE WHEN (replace_secret.key).rotate_by IS NOT NULL THEN
                                           greatest((replace_secret.key).rotate_by, now() + interval '30 minutes') END);
  issued record;
BEGIN
  IF replace_secret.transition IS NULL OR (replace_secret.transition <> '0' AND replace_secret.transition < '30 minutes') THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'transition must be at least 30 minutes, or 0',
      DETAIL = 'With 0 the old secret is refused at once.';
  END IF;
  IF (replace_secret.key).revoked_at IS NOT NULL OR (replace_secret.key).expires_at <= now() THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = 'API key is revoked or has expired',
      HINT = 'Create another key.';
  END IF;
  DELETE FROM tenancy.api_key_secrets s
  WHERE s.api_key_id = (replace_secret.key).api_key_id AND NOT s.is_current AND s.valid_until <= now();
  IF EXISTS (SELECT FROM tenancy.api_key_secrets s WHERE s.api_key_id = (replace_secret.key).api_key_id AND NOT s.is_current) THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = 'API key is in transition from a rotation',
      HINT = 'Wait until it ends, or end it by tenancy.end_api_key_transition().';
  END IF;
  IF old_ends < now() + replace_secret.transition THEN
    PERFORM tenancy_steps.notice(format('the old secret is refused from %s on, when it would have been without a rotation', old_ends));
  END IF;
  issued := tenancy_internal.issue_secret();
  -- First, so that a key that has to be rotated is itself again when it writes the entries of what follows.
  UPDATE tenancy.api_keys k SET display_prefix = issued.display_prefix, rotated_at = now() WHERE k.api_key_id = (replace_secret.key).api_key_id;
  IF replace_secret.transition = '0' THEN
    DELETE FROM tenancy.api_key_secrets s WHERE s.api_key_id = (replace_secret.key).api_key_id;
  ELSE
    UPDATE tenancy.api_key_secrets s SET is_current = false, valid_until = old_ends WHERE s.api_key_id = (replace_secret.key).api_key_id;
  END IF;
  INSERT INTO tenancy.api_key_secrets (secret_hash, api_key_id) VALUES (issued.secret_hash, (replace_secret.key).api_key_id);
  RETURN issued.secret;
END
$$;
COMMENT ON FUNCTION tenancy_internal.replace_secret(tenancy.api_keys, interval) IS 'Gives a locked key a new secret and returns it; the old one stays valid for the transition, or with 0 not at all';

CREATE FUNCTION tenancy.rotate_api_key(api_key_id uuid, transition interval DEFAULT '30 minutes') RETURNS text
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  key tenancy.api_keys := tenancy_internal.lock_api_key(rotate_api_key.api_key_id, 'rotate');
BEGIN
  PERFORM tenancy_internal.require_key_permission(key, 'rotate', tenancy_internal.scopes_of_key(key));
  RETURN tenancy_internal.replace_secret(key, rotate_api_key.transition);
END
$$;
COMMENT ON FUNCTION tenancy.rotate_api_key(uuid, interval) IS 'Gives a key a new secret, returned this once; the old one stays valid for the transition (at least 30 minutes, but no longer than it would have been without the rotation), or with 0 is refused at once; needs api_keys.rotate and the key''s scopes, and a credential that lasts as long; 55000 while a rotation is in transition';

CREATE FUNCTION tenancy.end_api_key_transition(api_key_id uuid) RETURNS void
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  key tenancy.api_keys := tenancy_internal.lock_api_key(end_api_key_transition.api_key_id, 'rotate');
BEGIN
  PERFORM tenancy_internal.require_key_permission(key, 'rotate', NULL);
  DELETE FROM tenancy.api_key_secrets s WHERE s.api_key_id = key.api_key_id AND NOT s.is_current;
END
$$;
COMMENT ON FUNCTION tenancy.end_api_key_transition(uuid) IS 'Refuses the secret that a rotation replaced from now on; needs api_keys.rotate';

CREATE FUNCTION tenancy.revoke_api_key(api_key_id uuid) RETURNS void
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  key tenancy.api_keys := tenancy_internal.lock_api_key(revoke_api_key.api_key_id, 'delete');
BEGIN
  PERFORM tenancy_internal.require_key_permission(key, 'delete', NULL);
  UPDATE tenancy.api_keys k SET revoked_at = now() WHERE k.api_key_id = key.api_key_id AND k.revoked_at IS NULL;
END
$$;
COMMENT ON FUNCTION tenancy.revoke_api_key(uuid) IS 'Refuses an API key from now on, for good; needs api_keys.delete; 42704 when there is none';

CREATE FUNCTION tenancy.delete_api_key(api_key_id uuid) RETURNS void
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  key tenancy.api_keys := tenancy_internal.lock_api_key(delete_api_key.api_key_id, 'delete');
BEGIN
  PERFORM tenancy_internal.require_key_permission(key, 'delete', NULL);
  DELETE FROM tenancy.api_key_secrets s WHERE s.api_key_id = key.api_key_id;
  DELETE FROM tenancy.api_key_scopes s WHERE s.api_key_id = key.api_key_id;
  UPDATE tenancy.api_keys k
  SET deleted_at = now(), revoked_at = coalesce(k.revoked_at, now()), display_prefix = NULL, all_scopes = false,
      description = NULL, metadata = NULL, reason = NULL
  WHERE k.api_key_id = key.api_key_id;
END
$$;
COMMENT ON FUNCTION tenancy.delete_api_key(uuid) IS 'Deletes an API key but for a tombstone without secret and scopes, so that rows it wrote stay its user''s own; needs api_keys.delete; 42704 when there is none';
