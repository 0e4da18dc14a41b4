-- Tokens that stand for users: trusted issuers, and which user a subject of theirs is.

CREATE FUNCTION tenancy_internal.check_issuer_key() RETURNS trigger
LANGUAGE tenancy_unit SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  other record;
BEGIN
  IF tenancy_internal.check_jwk(NEW.jwk) IS DISTINCT FROM NEW.alg THEN
    RAISE EXCEPTION USING ERRCODE = 'check_violation', SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
      MESSAGE = format('algorithm of key "%s" is not the one of its type', NEW.kid);
  END IF;
  IF EXISTS (SELECT FROM tenancy.trusted_issuers t JOIN tenancy.jwt_keys k ON k.organization_id = t.organization_id
             WHERE t.trust_id = NEW.trust_id AND k.jwk = NEW.jwk) THEN
    PERFORM tenancy_internal.refuse_shared_key(NEW.kid);
  END IF;
  -- Keys are public: an organization that has configured one of a DBA's issuer must not keep it from being trusted.
  FOR other IN SELECT o.slug, k.kid FROM tenancy.jwt_keys k JOIN tenancy.organizations o ON o.organization_id = k.organization_id
               WHERE k.jwk = NEW.jwk AND EXISTS (SELECT FROM tenancy.trusted_issuers t WHERE t.trust_id = NEW.trust_id AND t.organization_id IS NULL) LOOP
    PERFORM tenancy_steps.warning(format('key "%s" of organization "%s" no longer signs its tokens', other.kid, other.slug),
      detail => 'It is the key of an issuer whose tokens stand for users.');
  END LOOP;
  RETURN NEW;
END
$$;
COMMENT ON FUNCTION tenancy_internal.check_issuer_key() IS 'Trigger: every key of an issuer is one that can be used, and none of the organization''s own tokens; where a DBA trusts it, organizations'' keys give way';

CREATE FUNCTION tenancy.trust_issuer(
  organization text, issuer text, jwks jsonb, audiences text[], subject text DEFAULT 'sub', authorized_parties text[] DEFAULT NULL,
  token_use text DEFAULT NULL, max_age interval DEFAULT '24 hours', groups_claim text DEFAULT NULL, scopes text DEFAULT 'ignored')
RETURNS void LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  the_organization uuid;
  given record;
  seconds bigint := extract(epoch FROM trust_issuer.max_age);
  parties text[] := coalesce(trust_issuer.authorized_parties, '{}');
  maker text;
  the_trust uuid;
BEGIN
  IF trust_issuer.organization IS NULL AND tenancy.is_dba() THEN
    the_organization := NULL;
  ELSE
    the_organization := tenancy_internal.resolve_changed_organization(trust_issuer.organization, 'organization', 'update');
    PERFORM tenancy_internal.require_permission(the_organization, NULL, 'organization', 'update');
  END IF;
  SELECT * INTO given FROM tenancy_internal.read_jwks(trust_issuer.jwks);
  -- A token can be any member's. With a trust go its links and groups, with their roles and rules, and whoever ends it takes these away.
  IF the_organization IS NOT NULL THEN
    PERFORM tenancy_internal.require_delegation(tenancy_internal.missing_for_tokens(the_organization), 'a token'),
            tenancy_internal.require_delegable_role(the_organization, NULL, tenancy_internal.find_role(NULL, 'organization', 'owner')),
            tenancy_internal.require_role_within_rights(NULL, CASE WHEN cardinality(given.kids) = 0 THEN 'the end of a trust' ELSE 'the trust in an issuer' END),
            tenancy_internal.require_expiry_within_session(NULL, CASE WHEN cardinality(given.kids) = 0 THEN 'the end of a trust' ELSE 'the trust in an issuer' END),
            tenancy_internal.require_networks_within_session(NULL, 'a token');
  END IF;
  IF cardinality(given.kids) = 0 THEN
    PERFORM tenancy_internal.check_given('issuer', trust_issuer.issuer);
    DELETE FROM tenancy.trusted_issuers t
    WHERE t.issuer = trust_issuer.issuer AND t.organization_id IS NOT DISTINCT FROM the_organization;
    RETURN;
  END IF;
  IF coalesce(trust_issuer.issuer, '') = '' OR trust_issuer.audiences IS NULL OR '' = ANY (trust_issuer.audiences || parties)
     OR array_position(trust_issuer.audiences || parties, NULL) IS NOT NULL
     OR (cardinality(trust_issuer.audiences) = 0 AND cardinality(parties) = 0) THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'tokens of users need an issuer and an audience',
      DETAIL = 'Otherwise a token that the issuer made for any application in the world would count.',
      HINT = 'For access tokens without an audience (Amazon Cognito), give an empty array and the authorized_parties.';
  ELSIF cardinality(trust_issuer.audiences || parties) > 64 THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'an issuer cannot have more than 64 audiences and authorized parties';
  ELSIF trust_issuer.subject IS NULL OR trust_issuer.subject NOT IN ('sub', 'oid', 'email') THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('"%s" cannot say which user a token is of', trust_issuer.subject),
      HINT = 'Use sub, oid (Microsoft Entra), or email.';
  ELSIF seconds IS NULL OR seconds <= 0 THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'max_age must be positive';
  ELSIF trust_issuer.scopes IS NULL OR trust_issuer.scopes NOT IN ('ignored', 'required') THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('scopes cannot be "%s"', trust_issuer.scopes),
      HINT = 'Use ignored (a token without a registered scope is not narrowed) or required (it has no rights).';
  END IF;

  IF the_organization IS NOT NULL THEN
    PERFORM tenancy_internal.lock_members(the_organization);
  END IF;
  SELECT t.trust_id INTO the_trust FROM tenancy.trusted_issuers t
  WHERE t.issuer = trust_issuer.issuer AND t.organization_id IS NOT DISTINCT FROM the_organization
    AND (t.subject = 'oid') <> (trust_issuer.subject = 'oid') AND EXISTS (SELECT FROM tenancy.identities i WHERE i.trust_id = t.trust_id);
  IF FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = 'users are linked to other subjects of the issuer',
      DETAIL = 'A value of the claim sub would be taken for one of oid, or the reverse.', HINT = 'Use tenancy.unlink_identity() first.';
  END IF;
  SELECT coalesce(w.email, w.api_key_id::text) INTO maker FROM tenancy.whoami() w WHERE NOT tenancy.is_dba();
  INSERT INTO tenancy.trusted_issuers AS t (organization_id, issuer, audiences, subject, authorized_parties, token_use, max_age_seconds,
                                            groups_claim, scopes_required, created_by)
  VALUES (the_organization, trust_issuer.issuer, trust_issuer.audiences, trust_issuer.subject, parties, nullif(trust_issuer.token_use, ''),
          seconds, nullif(trust_issuer.groups_claim, ''), trust_issuer.scopes = 'required', coalesce(maker, session_user))
  ON CONFLICT ON CONSTRAINT trusted_issuers_issuer_organization_id_key DO UPDATE
  SET audiences = EXCLUDED.audiences, subject = EXCLUDED.subject, authorized_parties = EXCLUDED.authorized_parties,
      token_use = EXCLUDED.token_use, max_age_seconds = EXCLUDED.max_age_seconds, groups_claim = EXCLUDED.groups_claim, scopes_required = EXCLUDED.scopes_required,
      created_by = EXCLUDED.created_by
  RETURNING t.trust_id INTO the_trust;
  DELETE FROM tenancy.issuer_keys k
  WHERE k.trust_id = the_trust AND NOT EXISTS (SELECT FROM unnest(given.kids, given.keys) n (kid, jwk) WHERE n.kid = k.kid AND n.jwk = k.jwk);
  INSERT INTO tenancy.issuer_keys (trust_id, kid, alg, jwk)
  SELECT the_trust, n.kid, n.alg, n.jwk FROM unnest(given.kids, given.algorithms, given.keys) n (kid, alg, jwk)
  ON CONFLICT DO NOTHING;
END
$$;
COMMENT ON FUNCTION tenancy.trust_issuer(text, text, jsonb, text[], text, text[], text, interval, text, text) IS 'Lets tokens of an issuer stand for users: of the members of an organization (NULL: the session''s own; for a DBA without one, of all organizations). The claim iss is compared byte for byte, aud must be or contain one of the audiences, and clients (azp, client_id, appid, cid) be among the authorized parties (NULL: the audiences). An organization''s trust counts in sessions only that have chosen it by "tenancy.organization", and behind a DBA''s. Users are identified by sub or oid, linked by link_identity() or by accepting an invitation, or by email where email_verified is true; groups_claim names their groups, of those made for this issuer by create_group(). Called again, it replaces what was configured; without keys it ends the trust, with its links and groups. Either needs organization.update and every right that a member can have, without an end, and from everywhere; 22023 without issuer and audience, 42501 otherwise';

-- Which trust a subject is of, and whether the session may say whose subjects it has.
CREATE FUNCTION tenancy_internal.resolve_trust(issuer text, organization text) RETURNS tenancy.trusted_issuers
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  the_organization uuid;
  found_one tenancy.trusted_issuers;
BEGIN
  PERFORM tenancy_internal.check_given('issuer', resolve_trust.issuer);
  IF resolve_trust.organization IS NOT NULL OR NOT tenancy.is_dba() THEN
    the_organization := tenancy_internal.resolve_changed_organization(resolve_trust.organization, 'team', 'add_users');
    PERFORM tenancy_internal.require_permission(the_organization, NULL, 'team', 'add_users');
  END IF;
  SELECT * INTO found_one FROM tenancy.trusted_issuers t
  WHERE t.issuer = resolve_trust.issuer AND t.organization_id IS NOT DISTINCT FROM the_organization;
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = format('issuer "%s" is not trusted', resolve_trust.issuer),
      HINT = 'See tenancy.trust_issuer().';
  END IF;
  RETURN found_one;
END
$$;
COMMENT ON FUNCTION tenancy_internal.resolve_trust(text, text) IS 'The trust in an issuer of an organization (NULL: the session''s own; for a DBA, that of a DBA), with the organization locked; 42501 without team.add_users, 42704 for none';

-- The right to link a subject to a member is the right to act as that member, which nobody has who holds less.
CREATE FUNCTION tenancy_internal.require_delegable_member(organization_id uuid, user_id uuid) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF NOT tenancy.is_dba() THEN
    PERFORM tenancy_internal.require_delegation(
      tenancy_internal.missing_for_identity(require_delegable_member.organization_id, require_delegable_member.user_id), 'acting as that member');
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_internal.require_delegable_member(uuid, uuid) IS 'Raises 42501 unless the caller is a DBA or has at least the rights of a member, over all rows';

-- A link is ended by those who could have made it: its end locks the member out who logs in by the issuer.
CREATE FUNCTION tenancy_internal.require_person_who_links() RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF NOT tenancy.is_dba() AND (SELECT i.kind FROM tenancy_internal.own_identity() i) <> 'person' THEN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = 'permission denied: an API key, a token or a login of one workspace does not speak for a person',
      DETAIL = 'A link is worth what the person can give who has made it.',
      HINT = 'Use a login that is bound to the user, "tenancy.user" on a trusted login, or a token of an issuer that a DBA trusts.';
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_internal.require_person_who_links() IS 'Raises 42501 unless the caller is a DBA, or the session speaks for a person';

CREATE FUNCTION tenancy_internal.require_delegable_link(organization_id uuid, user_id uuid, what text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  PERFORM tenancy_internal.require_delegable_member(require_delegable_link.organization_id, require_delegable_link.user_id),
          tenancy_internal.require_role_within_rights(NULL, require_delegable_link.what),
          tenancy_internal.require_expiry_within_session(NULL, require_delegable_link.what);
END
$$;
COMMENT ON FUNCTION tenancy_internal.require_delegable_link(uuid, uuid, text) IS 'Raises 42501 unless the caller is a DBA, or has at least the rights of a member, over all rows, and without an end';

CREATE FUNCTION tenancy.link_identity(issuer text, subject text, member text, organization text DEFAULT NULL) RETURNS void
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  by_dba CONSTANT boolean := tenancy.is_dba();
  the_trust tenancy.trusted_issuers := tenancy_internal.resolve_trust(link_identity.issuer, link_identity.organization);
  the_user uuid;
  me uuid;
  is_new boolean;
BEGIN
  IF length(link_identity.subject) BETWEEN 1 AND 255 IS NOT TRUE THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'a subject has 1 to 255 characters';
  END IF;
  PERFORM tenancy_internal.require_person_who_links();
  IF the_trust.organization_id IS NULL THEN
    the_user := tenancy_internal.find_user(link_identity.member);
  ELSE
    PERFORM tenancy_internal.lock_members(the_trust.organization_id);
    the_user := tenancy_internal.find_member(the_trust.organization_id, link_identity.member);
    PERFORM tenancy_internal.require_delegable_link(the_trust.organization_id, the_user, 'the link');
  END IF;
  IF the_user IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'a user must be given';
  END IF;
  IF NOT by_dba THEN
    SELECT w.user_id INTO me FROM tenancy.whoami() w;
    -- Each is ended, with an entry of its own, when the person leaves.
    IF (SELECT count(*) FROM tenancy.identities i WHERE i.trust_id = the_trust.trust_id AND i.user_id = the_user AND i.subject <> link_identity.subject) >= 100 THEN
      RAISE EXCEPTION USING ERRCODE = 'program_limit_exceeded', MESSAGE = 'too many subjects are linked to the user', DETAIL = 'An issuer may have 100 for each user.',
        HINT = 'Use tenancy.unlink_identity() for those that are no longer used.';
    END IF;
  END IF;
  -- Somebody else can vouch for an existing link, so that it outlives who has made it; it never moves to another user.
  INSERT INTO tenancy.identities AS i (trust_id, subject, user_id, linked_by)
  VALUES (the_trust.trust_id, link_identity.subject, the_user, me)
  ON CONFLICT ON CONSTRAINT identities_pkey DO UPDATE SET linked_by = EXCLUDED.linked_by
  WHERE i.user_id = EXCLUDED.user_id AND i.linked_by IS NOT NULL AND i.linked_by IS DISTINCT FROM EXCLUDED.linked_by
  RETURNING i.xmax = 0 INTO is_new;
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'unique_violation', MESSAGE = format('subject "%s" is linked to a user already', link_identity.subject),
      HINT = 'Use tenancy.unlink_identity() first.';
  END IF;
  -- The end of an earlier link took effect at its commit, after the moment that it noted: what was issued meanwhile isn't this user's.
  UPDATE tenancy_internal.ended_links e SET issued_before = clock_timestamp()
  WHERE is_new AND e.issuer = the_trust.issuer AND e.subject = link_identity.subject AND e.organization_id IS NOT DISTINCT FROM the_trust.organization_id;
  PERFORM tenancy_internal.require_still(by_dba, me);
END
$$;
COMMENT ON FUNCTION tenancy.link_identity(text, text, text, text) IS 'Says which user a subject (sub, or oid) of a trusted issuer is: a DBA for an issuer that a DBA trusts, otherwise a person who has team.add_users in the organization (NULL: the session''s own) and at least the rights of that member, over all rows. Its tokens are refused as soon as that person has less, until somebody else makes the same link, which rests on that person from then on; 23505 for a subject that is linked, 42704 for an issuer that isn''t trusted, 42501 for an API key or token, 54000 beyond 100 subjects of an issuer and user, except by a DBA';

-- One trust in each call: a person who ends what one organization says of it must not wait for another, which may have linked the same
-- subject of the same issuer.
CREATE FUNCTION tenancy.unlink_identity(issuer text, subject text, organization text DEFAULT NULL) RETURNS void
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  the_trust tenancy.trusted_issuers;
  me uuid := (SELECT p.user_id FROM tenancy_internal.own_identity() p WHERE p.kind = 'person');
  here uuid := tenancy.current_organization_id();
  own record;
BEGIN
  -- A person ends what speaks for it.
  FOR own IN
    SELECT t.trust_id, t.organization_id FROM tenancy.identities i JOIN tenancy.trusted_issuers t ON t.trust_id = i.trust_id
    WHERE t.issuer = unlink_identity.issuer AND i.subject = unlink_identity.subject AND i.user_id = me
      AND CASE WHEN unlink_identity.organization IS NULL THEN t.organization_id IS NULL OR t.organization_id = here
               ELSE tenancy_internal.refers_to_organization(unlink_identity.organization, t.organization_id) END
    ORDER BY t.organization_id NULLS LAST LOOP
    IF own.organization_id IS NOT NULL THEN
      PERFORM tenancy_internal.lock_organization(own.organization_id);
      PERFORM tenancy_internal.require_person_in(own.organization_id);
    ELSE
      PERFORM tenancy_internal.lock_own_row(tenancy.is_dba(), me);
    END IF;
    DELETE FROM tenancy.identities i WHERE i.trust_id = own.trust_id AND i.subject = unlink_identity.subject AND i.user_id = me;
    IF FOUND THEN
      RETURN;
    END IF;
  END LOOP;
  the_trust := tenancy_internal.resolve_trust(unlink_identity.issuer, unlink_identity.organization);
  PERFORM tenancy_internal.require_person_who_links();
  IF the_trust.organization_id IS NOT NULL THEN
    PERFORM tenancy_internal.require_delegable_link(the_trust.organization_id, i.user_id, 'the end of the link') FROM tenancy.identities i
    WHERE i.trust_id = the_trust.trust_id AND i.subject = unlink_identity.subject;
  END IF;
  DELETE FROM tenancy.identities i WHERE i.trust_id = the_trust.trust_id AND i.subject = unlink_identity.subject;
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = format('subject "%s" is linked to no user', unlink_identity.subject);
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy.unlink_identity(text, text, text) IS 'Ends what link_identity() has said, for whoever might say it and for the person itself: about a subject of the issuer that an organization trusts (NULL: the session''s own, or else a DBA''s), of which a person may name any. Tokens that were issued before stay refused. 42704 for a subject that is not linked there, 42501 for an API key or token';

-- Tokens issued before a user was locked, left or was unlinked stay refused after a return.
CREATE FUNCTION tenancy_internal.end_tokens_of_locked() RETURNS trigger
LANGUAGE tenancy_unit SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  PERFORM tenancy_internal.end_tokens(NULL, NEW.user_id);
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION tenancy_internal.end_tokens_of_locked() IS 'Trigger: tokens of a user who is locked stay refused';

CREATE FUNCTION tenancy_internal.end_tokens(organization_id uuid, user_id uuid) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, tenancy, pg_temp AS $$
  INSERT INTO tenancy_internal.ended_tokens (organization_id, user_id, issued_before)
  SELECT end_tokens.organization_id, u.user_id, clock_timestamp() FROM tenancy.users u
  WHERE u.user_id = end_tokens.user_id
    AND (end_tokens.organization_id IS NULL OR EXISTS (SELECT FROM tenancy.organizations o WHERE o.organization_id = end_tokens.organization_id))
  ON CONFLICT ON CONSTRAINT ended_tokens_key DO UPDATE SET issued_before = EXCLUDED.issued_before
$$;
COMMENT ON FUNCTION tenancy_internal.end_tokens(uuid, uuid) IS 'Refuses from now on what tokens of a user in an organization (NULL: in all) have been issued; nothing where either is gone';

-- Those tokens are the subject's: they don't count for another user either whom it is linked to later.
CREATE FUNCTION tenancy_internal.end_links(trust tenancy.trusted_issuers, subjects text[]) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, tenancy, pg_temp AS $$
  INSERT INTO tenancy_internal.ended_links (issuer, subject, organization_id, issued_before)
  SELECT (end_links.trust).issuer, s.subject, (end_links.trust).organization_id, clock_timestamp() FROM unnest(end_links.subjects) s (subject)
  WHERE (end_links.trust).organization_id IS NULL OR EXISTS (SELECT FROM tenancy.organizations o WHERE o.organization_id = (end_links.trust).organization_id)
  ORDER BY s.subject
  ON CONFLICT ON CONSTRAINT ended_links_key DO UPDATE SET issued_before = EXCLUDED.issued_before
$$;
COMMENT ON FUNCTION tenancy_internal.end_links(tenancy.trusted_issuers, text[]) IS 'Refuses from now on what tokens of subjects have been issued, by the trust of an organization or a DBA in their issuer; nothing where the organization is gone';

CREATE FUNCTION tenancy_internal.end_tokens_of_leaver() RETURNS trigger
LANGUAGE tenancy_unit SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  DELETE FROM tenancy.identities i USING tenancy.trusted_issuers t
  WHERE t.trust_id = i.trust_id AND t.organization_id = OLD.organization_id AND i.user_id = OLD.user_id;
  PERFORM tenancy_internal.end_tokens(OLD.organization_id, OLD.user_id);
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION tenancy_internal.end_tokens_of_leaver() IS 'Trigger: ends what an organization''s issuers say of a membership that ends, and tokens of it';

CREATE FUNCTION tenancy_internal.end_tokens_of_all() RETURNS trigger
LANGUAGE tenancy_unit SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF TG_TABLE_NAME = 'identities' THEN
    PERFORM tenancy_internal.end_links(t, ARRAY(SELECT i.subject FROM tenancy.identities i WHERE i.trust_id = t.trust_id)) FROM tenancy.trusted_issuers t;
  END IF;
  PERFORM tenancy_internal.end_tokens(NULL, u.user_id) FROM (SELECT u.user_id FROM tenancy.users u ORDER BY u.user_id) u;
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION tenancy_internal.end_tokens_of_all() IS 'Trigger: ends all tokens of users when all memberships, or all links, end';

CREATE FUNCTION tenancy_internal.end_tokens_of_unlinked() RETURNS trigger
LANGUAGE tenancy_unit SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  PERFORM tenancy_internal.end_tokens(t.organization_id, OLD.user_id), tenancy_internal.end_links(t, ARRAY[OLD.subject])
  FROM tenancy.trusted_issuers t WHERE t.trust_id = OLD.trust_id;
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION tenancy_internal.end_tokens_of_unlinked() IS 'Trigger: tokens issued before a link ended stay refused';

-- Links go with their trust, which is gone when their own trigger looks for it.
CREATE FUNCTION tenancy_internal.end_tokens_of_trust() RETURNS trigger
LANGUAGE tenancy_unit SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  PERFORM tenancy_internal.end_links(OLD, ARRAY(SELECT i.subject FROM tenancy.identities i WHERE i.trust_id = OLD.trust_id));
  PERFORM tenancy_internal.end_tokens(OLD.organization_id, l.user_id)
  FROM (SELECT DISTINCT i.user_id FROM tenancy.identities i WHERE i.trust_id = OLD.trust_id ORDER BY i.user_id) l;
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION tenancy_internal.end_tokens_of_trust() IS 'Trigger: tokens issued before their issuer was no longer trusted stay refused, for each user who was linked';
