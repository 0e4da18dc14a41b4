-- Tokens: the keys they are signed with.

CREATE FUNCTION tenancy.current_token_subject() RETURNS text
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_tenancy_current_token_subject';
COMMENT ON FUNCTION tenancy.current_token_subject() IS 'Whom the session''s token is about by its claim sub, or NULL; decides nothing';

CREATE FUNCTION tenancy_internal.check_jwk(jwk jsonb) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_tenancy_check_jwk';
COMMENT ON FUNCTION tenancy_internal.check_jwk(jsonb) IS 'Algorithm (RS256, ES256, EdDSA) of the signatures of a JSON Web Key; 22023 for one that can''t be used: private, symmetric, too short, of another curve or use, or not the numbers of a key';

CREATE FUNCTION tenancy_internal.refuse_shared_key(kid text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
    MESSAGE = format('key "%s" cannot sign both tokens of users and tokens of an organization', refuse_shared_key.kid),
    DETAIL = 'A user who chose the claims of a token would choose what it is.';
END
$$;
COMMENT ON FUNCTION tenancy_internal.refuse_shared_key(text) IS 'Raises 22023 for a key that would be one of both kinds of tokens';

CREATE FUNCTION tenancy_internal.signs_for_users(organization_id uuid, jwk jsonb) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT EXISTS (SELECT FROM tenancy.issuer_keys k JOIN tenancy.trusted_issuers t ON t.trust_id = k.trust_id
                 WHERE k.jwk = signs_for_users.jwk AND (t.organization_id = signs_for_users.organization_id OR t.organization_id IS NULL))
$$;
COMMENT ON FUNCTION tenancy_internal.signs_for_users(uuid, jsonb) IS 'Whether a key is that of an issuer whose tokens stand for users of an organization';

CREATE FUNCTION tenancy_internal.check_jwt_key() RETURNS trigger
LANGUAGE tenancy_unit SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF tenancy_internal.check_jwk(NEW.jwk) IS DISTINCT FROM NEW.alg THEN
    RAISE EXCEPTION USING ERRCODE = 'check_violation', SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
      MESSAGE = format('algorithm of key "%s" is not the one of its type', NEW.kid);
  END IF;
  IF tenancy_internal.signs_for_users(NEW.organization_id, NEW.jwk) THEN
    PERFORM tenancy_internal.refuse_shared_key(NEW.kid);
  END IF;
  RETURN NEW;
END
$$;
COMMENT ON FUNCTION tenancy_internal.check_jwt_key() IS 'Trigger: every configured key is one that can be used, and none of users'' tokens';

-- A JSON Web Key Set, or one JSON Web Key; NULL or empty: none.
CREATE FUNCTION tenancy_internal.read_jwks(jwks jsonb, OUT kids text[], OUT algorithms text[], OUT keys jsonb[])
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  given jsonb := CASE WHEN read_jwks.jwks IS NULL OR read_jwks.jwks IN ('null', '{}', '[]') THEN '[]'
                      WHEN jsonb_typeof(read_jwks.jwks) = 'object' AND read_jwks.jwks ? 'keys' THEN read_jwks.jwks -> 'keys'
                      WHEN jsonb_typeof(read_jwks.jwks) = 'object' THEN jsonb_build_array(read_jwks.jwks) END;
  key jsonb;
  the_kid text;
BEGIN
  read_jwks.kids := '{}';
  read_jwks.algorithms := '{}';
  read_jwks.keys := '{}';
  IF jsonb_typeof(given) IS DISTINCT FROM 'array' THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'keys must be given as a JSON Web Key Set or as one JSON Web Key',
      HINT = 'For example {"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "2024", "x": "..."}]}.';
  END IF;
  IF jsonb_array_length(given) > 64 THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'an organization cannot have more than 64 keys';
  END IF;
  FOR key IN SELECT jsonb_array_elements(given) LOOP
    -- Also its length: no other message would identify the key.
    the_kid := CASE WHEN jsonb_typeof(key) = 'object' AND jsonb_typeof(key -> 'kid') = 'string' THEN key ->> 'kid' END;
    IF the_kid IS NULL OR length(the_kid) NOT BETWEEN 1 AND 255 THEN
      RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'a key needs a name of 1 to 255 characters',
        DETAIL = 'The name is its member "kid".';
    ELSIF the_kid = ANY (read_jwks.kids) THEN
      RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('key "%s" is given twice', the_kid);
    END IF;
    read_jwks.kids := read_jwks.kids || the_kid;
    read_jwks.algorithms := read_jwks.algorithms || tenancy_internal.check_jwk(key);
    read_jwks.keys := read_jwks.keys || (SELECT jsonb_object_agg(name, value) FROM jsonb_each(key) member (name, value)
                     WHERE name IN ('kty', 'n', 'e', 'crv', 'x', 'y'));
  END LOOP;
END
$$;
COMMENT ON FUNCTION tenancy_internal.read_jwks(jsonb) IS 'Names, algorithms and public parameters of the keys in a JSON Web Key Set, or of one JSON Web Key; 22023 for a key that can''t be used';

-- Keys that are left out are no keys, and not NULL, which removes those that there are.
CREATE FUNCTION tenancy.set_jwks(organization text DEFAULT NULL, jwks jsonb DEFAULT '"missing"', issuer text DEFAULT NULL, audience text DEFAULT NULL,
                                 subject text DEFAULT NULL)
RETURNS void LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  the_organization uuid := tenancy_internal.resolve_changed_organization(set_jwks.organization, 'organization', 'update');
  given record;
BEGIN
  PERFORM tenancy_internal.require_permission(the_organization, NULL, 'organization', 'update');
  IF set_jwks.subject IS NOT NULL THEN
    PERFORM tenancy.trust_issuer(the_organization::text, set_jwks.issuer, set_jwks.jwks, ARRAY[set_jwks.audience], set_jwks.subject);
    RETURN;
  END IF;
  SELECT * INTO given FROM tenancy_internal.read_jwks(set_jwks.jwks);
  -- A token can have any scope in any workspace. Removing all keys confers nothing.
  IF cardinality(given.kids) > 0 THEN
    PERFORM tenancy_internal.require_delegation(tenancy_internal.missing_for_tokens(the_organization), 'a token');
    PERFORM tenancy_internal.require_expiry_within_session(NULL, 'the keys of tokens'),
            tenancy_internal.require_networks_within_session(NULL, 'a token');
  END IF;
  IF set_jwks.issuer = '' OR set_jwks.audience = '' THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'issuer and audience cannot be empty',
      HINT = 'Use NULL to accept tokens of any.';
  END IF;

  -- Concurrent callers wait here. Existing keys are not touched, so that adding one invalidates nothing else.
  PERFORM FROM tenancy.organizations o WHERE o.organization_id = the_organization FOR NO KEY UPDATE;
  PERFORM tenancy_internal.refuse_shared_key(n.kid) FROM unnest(given.kids, given.keys) n (kid, jwk) WHERE tenancy_internal.signs_for_users(the_organization, n.jwk);
  DELETE FROM tenancy.jwt_keys k
  WHERE k.organization_id = the_organization
    AND NOT EXISTS (SELECT FROM unnest(given.kids, given.keys) n (kid, jwk) WHERE n.kid = k.kid AND n.jwk = k.jwk);
  INSERT INTO tenancy.jwt_keys (organization_id, kid, alg, jwk)
  SELECT the_organization, n.kid, n.alg, n.jwk FROM unnest(given.kids, given.algorithms, given.keys) n (kid, alg, jwk)
  ON CONFLICT DO NOTHING;

  DELETE FROM tenancy.jwt_issuers i
  WHERE i.organization_id = the_organization
    AND (i.issuer, i.audience) IS DISTINCT FROM (set_jwks.issuer, set_jwks.audience);
  IF set_jwks.issuer IS NOT NULL OR set_jwks.audience IS NOT NULL THEN
    INSERT INTO tenancy.jwt_issuers (organization_id, issuer, audience)
    VALUES (the_organization, set_jwks.issuer, set_jwks.audience)
    ON CONFLICT DO NOTHING;
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy.set_jwks(text, jsonb, text, text, text) IS 'Replaces the keys for tokens of an organization (NULL: the session''s own) with those of a JSON Web Key Set or one JSON Web Key (NULL or empty: none), and sets the required issuer and audience (NULL: any); 22023 without that argument, or for a key that can''t be used; 42501 for keys set by a credential that ends. To have none any more needs organization.update alone. With a subject (sub, oid or email) these are keys of an issuer whose tokens stand for users instead: see trust_issuer()';
