-- API keys. The secret is returned once; what is stored is its SHA-256.

CREATE FUNCTION tenancy.generate_api_key() RETURNS text
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'pg_tenancy_generate_api_key';
COMMENT ON FUNCTION tenancy.generate_api_key() IS 'A new secret: prefix, 256 bits of the server''s random source, checksum';
REVOKE ALL ON FUNCTION tenancy.generate_api_key() FROM PUBLIC;

CREATE FUNCTION tenancy.api_key_display_prefix(secret text) RETURNS text
LANGUAGE c IMMUTABLE STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_api_key_display_prefix';
COMMENT ON FUNCTION tenancy.api_key_display_prefix(text) IS 'What may be shown of a secret';
REVOKE ALL ON FUNCTION tenancy.api_key_display_prefix(text) FROM PUBLIC;

CREATE FUNCTION tenancy.scopes_of_level(feature text, level text) RETURNS text[]
LANGUAGE c IMMUTABLE STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_scopes_of_level';
COMMENT ON FUNCTION tenancy.scopes_of_level(text, text) IS 'What a level of a feature gives an API key, as resource.action; 22023 for an unknown feature or level';

CREATE FUNCTION tenancy.default_scope_levels() RETURNS text[]
LANGUAGE c IMMUTABLE AS 'MODULE_PATHNAME', 'pg_tenancy_default_scope_levels';
COMMENT ON FUNCTION tenancy.default_scope_levels() IS 'Levels of a key for which none are named: feature, level, feature, level …';

CREATE FUNCTION tenancy.expand_scopes(scopes jsonb) RETURNS TABLE (resource text, action text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
#variable_conflict use_column
DECLARE
  single text;
  nearest text;
BEGIN
  IF scopes IS NULL THEN
    scopes := jsonb_object(tenancy.default_scope_levels());
  END IF;
  CASE jsonb_typeof(scopes)
    WHEN 'object' THEN
      -- A level names more than every feature has (copy, publish …): what isn't registered it doesn't give.
      RETURN QUERY
      SELECT DISTINCT p.resource::text, p.action::text
      FROM jsonb_each(scopes) feature,
           jsonb_array_elements_text(CASE jsonb_typeof(feature.value) WHEN 'array' THEN feature.value
                                     ELSE jsonb_build_array(feature.value) END) level,
           unnest(tenancy.scopes_of_level(feature.key, level)) scope
      JOIN tenancy.permissions p ON p.resource || '.' || p.action = scope;
    WHEN 'array' THEN
      FOR single IN SELECT jsonb_array_elements_text(scopes) LOOP
        IF NOT EXISTS (SELECT FROM tenancy.permissions p WHERE p.resource || '.' || p.action = single) THEN
          SELECT tenancy.nearest(single, array_agg(p.resource || '.' || p.action)) INTO nearest FROM tenancy.permissions p;
          RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('scope "%s" is not registered', single),
            HINT = coalesce(format('Perhaps you meant "%s".', nearest), 'See tenancy.permissions.');
        END IF;
      END LOOP;
      RETURN QUERY SELECT DISTINCT split_part(s, '.', 1), split_part(s, '.', 2) FROM jsonb_array_elements_text(scopes) s;
    ELSE
      RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'scopes must be an object or an array',
        HINT = 'For example {"prompts": "write", "metrics": "enabled"} or ["logs.view", "analytics.view"].';
  END CASE;
END
$$;
COMMENT ON FUNCTION tenancy.expand_scopes(jsonb) IS 'Scopes as permissions: an object of feature to level (or levels), an array of single scopes, or NULL for the defaults; 22023 for what isn''t known';
REVOKE ALL ON FUNCTION tenancy.expand_scopes(jsonb) FROM PUBLIC;

CREATE FUNCTION tenancy.create_api_key(
  kind text, name text, organization text DEFAULT NULL, workspace text DEFAULT NULL, member text DEFAULT NULL,
  scopes jsonb DEFAULT NULL, expires_at timestamptz DEFAULT NULL, external_id text DEFAULT NULL,
  OUT api_key_id uuid, OUT secret text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
#variable_conflict use_column
DECLARE
  the_organization uuid;
  the_workspace uuid;
  the_user uuid;
  every_scope boolean := scopes IS NOT DISTINCT FROM '"all"'::jsonb;
  kinds CONSTANT text[] := ARRAY['organization_service_key', 'workspace_service_key', 'workspace_user_key'];
BEGIN
  IF kind IS NULL OR kind <> ALL (kinds) THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('kind of API key "%s" does not exist', kind),
      HINT = coalesce(format('Perhaps you meant "%s".', tenancy.nearest(kind, kinds)),
                      format('Kinds are %s.', array_to_string(kinds, ', ')));
  END IF;
  IF organization IS NULL AND workspace IS NOT NULL AND tenancy.current_organization_id() IS NULL THEN
    the_workspace := tenancy.find_workspace(workspace, NULL);
    SELECT w.organization_id INTO the_organization FROM tenancy.workspaces w WHERE w.workspace_id = the_workspace;
  ELSE
    the_organization := tenancy.own_organization(organization);
    the_workspace := tenancy.find_workspace(workspace, the_organization);
  END IF;
  IF (kind = 'organization_service_key') <> (the_workspace IS NULL) THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
      MESSAGE = CASE WHEN the_workspace IS NULL THEN 'a workspace key needs a workspace'
                     ELSE 'an organization service key cannot have a workspace' END;
  END IF;
  the_user := tenancy.find_user(member);
  IF kind = 'workspace_user_key' AND the_user IS NULL THEN
    the_user := tenancy.current_user_id();
  END IF;
  IF (kind = 'workspace_user_key') <> (the_user IS NOT NULL) THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
      MESSAGE = CASE WHEN the_user IS NULL THEN 'a user key needs a user' ELSE 'a service key cannot have a user' END;
  END IF;
  IF the_user IS NOT NULL AND NOT EXISTS (
    SELECT FROM tenancy.organization_members m WHERE m.organization_id = the_organization AND m.user_id = the_user) THEN
    RAISE EXCEPTION USING ERRCODE = 'foreign_key_violation',
      MESSAGE = format('user "%s" is not a member of the organization', member);
  END IF;
  IF expires_at <= statement_timestamp() THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'an API key cannot expire in the past';
  END IF;

  secret := tenancy.generate_api_key();
  INSERT INTO tenancy.api_keys (kind, name, organization_id, workspace_id, user_id, external_id, display_prefix,
                                all_scopes, expires_at)
  VALUES (create_api_key.kind, create_api_key.name, the_organization, the_workspace, the_user,
          create_api_key.external_id, tenancy.api_key_display_prefix(secret), every_scope, create_api_key.expires_at)
  RETURNING api_keys.api_key_id INTO create_api_key.api_key_id;
  INSERT INTO tenancy.api_key_secrets (secret_hash, api_key_id)
  VALUES (sha256(convert_to(secret, 'UTF8')), create_api_key.api_key_id);
  IF NOT every_scope THEN
    INSERT INTO tenancy.api_key_scopes (api_key_id, resource, action)
    SELECT create_api_key.api_key_id, s.resource, s.action FROM tenancy.expand_scopes(scopes) s;
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy.create_api_key(text, text, text, text, text, jsonb, timestamptz, text) IS 'Creates an API key of a kind (organization_service_key, workspace_service_key, workspace_user_key) and returns its id and, this once, its secret; scopes as in expand_scopes(), or "all"; 22023 when kind, workspace and user don''t go together';
REVOKE ALL ON FUNCTION tenancy.create_api_key(text, text, text, text, text, jsonb, timestamptz, text) FROM PUBLIC;

CREATE FUNCTION tenancy.revoke_api_key(api_key_id uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  UPDATE tenancy.api_keys k SET revoked_at = coalesce(k.revoked_at, now())
  WHERE k.api_key_id = revoke_api_key.api_key_id AND k.deleted_at IS NULL;
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = format('API key %s does not exist', api_key_id);
  END IF;
  DELETE FROM tenancy.api_key_secrets s WHERE s.api_key_id = revoke_api_key.api_key_id;
END
$$;
COMMENT ON FUNCTION tenancy.revoke_api_key(uuid) IS 'Refuses an API key from now on, for good; 42704 when there is none';
REVOKE ALL ON FUNCTION tenancy.revoke_api_key(uuid) FROM PUBLIC;
