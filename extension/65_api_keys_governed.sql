-- API keys under an organization's policy: from where they may be used, how old their secrets may be, all of a user's at once.

CREATE FUNCTION tenancy_internal.given_networks(networks text[]) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  unknown text;
BEGIN
  IF given_networks.networks IS NULL OR given_networks.networks = '{any}' THEN
    RETURN NULL;
  END IF;
  -- An empty list could be meant as nowhere or as everywhere.
  IF cardinality(given_networks.networks) NOT BETWEEN 1 AND 64 OR array_ndims(given_networks.networks) <> 1 THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'allowed_networks must be a list of 1 to 64 networks',
      HINT = 'Use ARRAY[''any''] for everywhere.';
  END IF;
  unknown := tenancy_internal.unknown_network(given_networks.networks);
  IF unknown IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('network "%s" is not known', unknown),
      DETAIL = 'A network is an IPv4 or IPv6 address, an address/bits without any bit set behind these, or local (clients without an address).',
      HINT = 'For example ARRAY[''10.0.0.0/8'', ''2001:db8::/32''], or ARRAY[''any''] for everywhere.';
  END IF;
  RETURN given_networks.networks;
END
$$;
COMMENT ON FUNCTION tenancy_internal.given_networks(text[]) IS 'Networks as api_keys has them: NULL for everywhere (NULL, or any alone); 22023 for an empty list, or what is no network';

CREATE FUNCTION tenancy_internal.check_key_networks() RETURNS trigger
LANGUAGE tenancy_unit SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  NEW.allowed_networks := tenancy_internal.given_networks(NEW.allowed_networks);
  RETURN NEW;
END
$$;
COMMENT ON FUNCTION tenancy_internal.check_key_networks() IS 'Trigger: the networks of a key are networks';

-- The moments are kept with the key, so that checking whether it has to be rotated costs nothing, and a policy that changes leaves
-- what has been refused refused.
CREATE FUNCTION tenancy_internal.set_key_rotation() RETURNS trigger
LANGUAGE tenancy_unit SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp SET timezone = 'UTC' AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND NEW.rotated_at IS NOT DISTINCT FROM OLD.rotated_at THEN
    RETURN NEW;
  END IF;
  -- A policy that is being set, and whoever is leaving, do not know the key yet.
  IF TG_OP = 'INSERT' THEN
    PERFORM FROM tenancy.organizations o WHERE o.organization_id = NEW.organization_id FOR SHARE;
    PERFORM tenancy_internal.lock_roles_of(NEW.organization_id, NEW.user_id);
  END IF;
  -- One that is brought along from elsewhere may be old.
  SELECT n.rotate_by, n.rotate_by - o.key_warning INTO NEW.rotate_by, NEW.rotation_due_at
  FROM tenancy.organizations o, greatest(coalesce(NEW.rotated_at, NEW.created_at) + o.key_max_age, now() + o.key_warning) n (rotate_by)
  WHERE o.organization_id = NEW.organization_id;
  RETURN NEW;
END
$$;
COMMENT ON FUNCTION tenancy_internal.set_key_rotation() IS 'Trigger: by when a key that is new, or has been rotated, has to be rotated';

CREATE FUNCTION tenancy.set_key_policy(organization text DEFAULT NULL, max_age interval DEFAULT '90 days', warning interval DEFAULT '14 days') RETURNS void
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp SET timezone = 'UTC' AS $$
DECLARE
  the_organization uuid := tenancy_internal.resolve_changed_organization(set_key_policy.organization, 'organization', 'update');
BEGIN
  -- Intervals are compared as moments: a month has no number of days.
  IF now() + set_key_policy.max_age BETWEEN now() + interval '1 day' AND now() + interval '10 years' IS FALSE THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'max_age must be from 1 day to 10 years',
      HINT = 'With NULL, keys need no rotation.';
  END IF;
  IF set_key_policy.max_age IS NOT NULL
     AND (now() + set_key_policy.warning >= now() AND now() + set_key_policy.warning < now() + set_key_policy.max_age) IS NOT TRUE THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'warning must be shorter than max_age, and not negative',
      HINT = 'It is 14 days unless it is given.';
  END IF;
  PERFORM tenancy_internal.require_permission(the_organization, NULL, 'organization', 'update');
  -- No key moves its own end.
  IF NOT tenancy.is_dba() AND (SELECT w.kind FROM tenancy.whoami() w) <> 'user' THEN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = 'permission denied: an API key or a token does not decide how old keys become',
      HINT = 'Use a login that is bound to the user, "tenancy.user" on a trusted login, or a token of an issuer that is trusted for users.';
  END IF;
  PERFORM tenancy_internal.require_role_within_rights(NULL, 'the policy');
  UPDATE tenancy.organizations o
  SET key_max_age = set_key_policy.max_age, key_warning = CASE WHEN set_key_policy.max_age IS NOT NULL THEN set_key_policy.warning END
  WHERE o.organization_id = the_organization;
  -- Every key has the time of the warning from now on, unless it has been counting already; what is refused stays refused.
  UPDATE tenancy.api_keys k
  SET rotate_by = n.rotate_by, rotation_due_at = n.rotate_by - set_key_policy.warning
  FROM (SELECT e.api_key_id, greatest(coalesce(e.rotated_at, e.created_at) + set_key_policy.max_age, least(e.rotate_by, now() + set_key_policy.warning)) AS rotate_by
        FROM tenancy.api_keys e WHERE e.organization_id = the_organization) n
  WHERE k.api_key_id = n.api_key_id AND k.organization_id = the_organization AND k.deleted_at IS NULL AND k.revoked_at IS NULL
    AND coalesce(k.rotate_by, 'infinity') > now() AND set_key_policy.max_age IS NOT NULL;
  UPDATE tenancy.api_keys k SET rotate_by = NULL, rotation_due_at = NULL
  WHERE k.organization_id = the_organization AND k.rotate_by > now() AND set_key_policy.max_age IS NULL;
  UPDATE tenancy.api_key_secrets s SET valid_until = greatest(k.rotate_by, now() + interval '30 minutes')
  FROM tenancy.api_keys k
  WHERE k.api_key_id = s.api_key_id AND k.organization_id = the_organization AND NOT s.is_current
    AND k.rotate_by IS NOT NULL AND s.valid_until > greatest(k.rotate_by, now() + interval '30 minutes');
END
$$;
COMMENT ON FUNCTION tenancy.set_key_policy(text, interval, interval) IS 'Sets how old the secrets of an organization''s API keys (NULL: the session''s own) become until the keys have to be rotated, and how long before that sessions that use one are warned. A key that is too old is refused until it is rotated; keys that are too old at once, or soon, have the time of the warning; longer ages, and none (NULL), leave refused what is. Needs organization.update without an end, and a person (42501); 22023 for a largest age of less than a day, or one that is not longer than the warning';

CREATE FUNCTION tenancy_internal.presented_key() RETURNS uuid
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'pg_tenancy_presented_key';
COMMENT ON FUNCTION tenancy_internal.presented_key() IS 'The API key whose secret the session presents, also where it has to be rotated; 28000 for what is refused otherwise, 55000 for another credential or none';

CREATE FUNCTION tenancy.rotate_own_api_key(transition interval DEFAULT '30 minutes') RETURNS text
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  presented uuid := tenancy_internal.presented_key();
  key tenancy.api_keys;
  new_secret text;
BEGIN
  PERFORM tenancy_internal.lock_organization(k.organization_id) FROM tenancy.api_keys k WHERE k.api_key_id = presented;
  -- The secret may have been replaced meanwhile.
  IF tenancy_internal.presented_key() IS DISTINCT FROM presented THEN
    RAISE EXCEPTION USING ERRCODE = 'serialization_failure', MESSAGE = 'could not serialize access due to concurrent administration';
  END IF;
  SELECT * INTO key FROM tenancy.api_keys k WHERE k.api_key_id = presented AND k.deleted_at IS NULL FOR NO KEY UPDATE;
  IF key.user_id IS NOT NULL OR 'api_keys.rotate' = ANY (tenancy_internal.scopes_of_key(key)) IS NOT TRUE THEN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = 'permission denied: the API key may not rotate keys',
      DETAIL = 'Service keys with the scope api_keys.rotate may.';
  END IF;
  new_secret := tenancy_internal.replace_secret(key, rotate_own_api_key.transition);
  PERFORM tenancy_internal.note_taken_rights(key.organization_id, ARRAY[key.api_key_id]) WHERE key.rotate_by <= clock_timestamp() AND NOT tenancy.is_dba();
  RETURN new_secret;
END
$$;
COMMENT ON FUNCTION tenancy.rotate_own_api_key(interval) IS 'Gives the API key that the session uses a new secret, returned this once, as rotate_api_key() does, also where the key is refused until it is rotated (it is used again once that is committed; before, 55000); needs a service key with the scope api_keys.rotate';

CREATE FUNCTION tenancy.revoke_api_keys(member text, organization text DEFAULT NULL) RETURNS integer
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  the_organization uuid := tenancy_internal.resolve_organization(revoke_api_keys.organization);
  the_user uuid;
  revoked integer;
BEGIN
  PERFORM tenancy_internal.check_given('member', revoke_api_keys.member);
  BEGIN
    the_user := tenancy_internal.lookup_user(revoke_api_keys.member, the_organization);
  EXCEPTION WHEN invalid_parameter_value THEN
    the_user := NULL;  -- several, which is for those to know who have the right
  END;
  -- In all workspaces, also where no key of the user is: the answer must not say where one is, nor who is a member. A person may
  -- always end what acts in its name, and no key, token of a service or narrowed token is one.
  IF (tenancy_steps.user_itself() = the_user) IS NOT TRUE THEN
    PERFORM tenancy_internal.require_permission(the_organization, NULL, 'api_keys', 'delete');
  END IF;
  -- Keys that are being made are known then.
  PERFORM tenancy_internal.lock_organization(the_organization);
  IF (tenancy_steps.user_itself() = the_user) IS NOT TRUE THEN
    PERFORM tenancy_internal.require_permission(the_organization, NULL, 'api_keys', 'delete');
  END IF;
  the_user := tenancy_internal.find_member(the_organization, revoke_api_keys.member);
  UPDATE tenancy.api_keys k SET revoked_at = now()
  WHERE k.organization_id = the_organization AND k.user_id = the_user AND k.revoked_at IS NULL;
  GET DIAGNOSTICS revoked = ROW_COUNT;
  PERFORM tenancy_internal.end_tokens(the_organization, the_user);
  RETURN revoked;
END
$$;
COMMENT ON FUNCTION tenancy.revoke_api_keys(text, text) IS 'Refuses all user keys of a member of an organization (NULL: the session''s own) from now on, for good, and tokens of users that have been issued to the member, in what they do there; returns the number of keys; for the member itself, by no key, or with api_keys.delete in the organization (42501)';

CREATE FUNCTION tenancy_internal.maker_of_key(key tenancy.api_keys) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF maker_of_key.key.created_by_user IS NOT NULL THEN
    RETURN tenancy_internal.shown_person(maker_of_key.key.organization_id, maker_of_key.key.created_by_user);
  ELSIF maker_of_key.key.created_by_key IS NOT NULL THEN
    RETURN coalesce((SELECT format('API key "%s"', k.name) FROM tenancy.api_keys k WHERE k.api_key_id = maker_of_key.key.created_by_key
                       AND (tenancy.is_dba() OR tenancy.row_visible('api_keys', 'list', k.organization_id, k.workspace_id, k.user_id, NULL))),
                    'API key ' || maker_of_key.key.created_by_key);
  END IF;
  RETURN (SELECT CASE WHEN l.actor_kind = 'user' AND l.actor_id IS NOT NULL THEN tenancy_internal.shown_person(maker_of_key.key.organization_id, l.actor_id)
                      ELSE coalesce(l.actor, l.login) END FROM tenancy.audit_log l
          WHERE l.organization_id = maker_of_key.key.organization_id AND l.resource_type = 'api_key'
            AND l.resource_id = maker_of_key.key.api_key_id::text AND l.action = 'create' ORDER BY l.at LIMIT 1);
END
$$;
COMMENT ON FUNCTION tenancy_internal.maker_of_key(tenancy.api_keys) IS 'Who has created an API key: the user''s e-mail address (the id of one who is no member, or whom the session may not see), the API key (likewise), or, as far as the audit log has it, the login or token; NULL where nobody knows';

CREATE FUNCTION tenancy.review_api_keys(organization text DEFAULT NULL)
RETURNS TABLE (api_key_id uuid, name text, kind text, state text, workspace_id uuid, user_id uuid, created_at timestamptz, rotated_at timestamptz,
               rotate_by timestamptz, expires_at timestamptz, last_used_at timestamptz, allowed_networks text[], description text, metadata jsonb, reason text,
               created_by text)
LANGUAGE tenancy STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  the_organization uuid;
  by_dba boolean := tenancy.is_dba();
BEGIN
  IF tenancy_internal.has_nothing_to_list(review_api_keys.organization, 'API keys') THEN
    RETURN;
  END IF;
  the_organization := tenancy_internal.resolve_organization(review_api_keys.organization);
  RETURN QUERY
  SELECT k.api_key_id, k.name, k.kind::text,
         CASE WHEN k.revoked_at IS NOT NULL OR k.user_id IS NOT NULL AND NOT tenancy_internal.has_role_in(k.organization_id, k.workspace_id, k.user_id) THEN 'revoked'
              WHEN k.expires_at <= clock_timestamp() THEN 'expired'
              WHEN k.rotate_by <= clock_timestamp() THEN 'to be rotated' WHEN k.rotation_due_at <= clock_timestamp() THEN 'to be rotated soon'
              ELSE 'active' END,
         k.workspace_id, k.user_id, k.created_at, k.rotated_at, k.rotate_by, k.expires_at, tenancy_internal.key_used_at(k.api_key_id),
         k.allowed_networks::text[], k.description, k.metadata, k.reason, tenancy_internal.maker_of_key(k)
  FROM tenancy.api_keys k
  WHERE k.organization_id = the_organization AND k.deleted_at IS NULL
    AND (by_dba OR tenancy.row_visible('api_keys', 'view', k.organization_id, k.workspace_id, k.user_id, NULL))
  ORDER BY k.name, k.api_key_id;
END
$$;
COMMENT ON FUNCTION tenancy.review_api_keys(text) IS 'API keys of an organization (NULL: the session''s own) that the session may view: state (active, to be rotated soon, to be rotated, expired, revoked: also without a role of its user in the workspace), ends, networks, who has created each (a member whom the session may see by e-mail address, others by id), and when it was last used, to the minute; NULL for never, and where the module isn''t preloaded';
