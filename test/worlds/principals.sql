-- The principals of a world, and the rows each would write.

-- The principals of a world, beside oracle.principals.
CREATE TABLE worlds.principals (
  n int PRIMARY KEY,
  label text NOT NULL,
  -- accepted: gets what the oracle says.  refused: 28000.  powerless: nothing, or an error.  error: an error.
  status text NOT NULL CHECK (status IN ('accepted', 'refused', 'powerless', 'error')),
  login name NOT NULL,
  api_key text,
  jwt text,
  "user" text,
  organization text,
  workspace text
);

-- Rows that a principal would write, beside oracle.rows: new ones (old_id NULL), or what becomes of row old_id.
-- unstored: not to be stored where it belongs, and dropped before anybody asks who writes it.
CREATE TABLE worlds.candidates (n int, t int, id int, old_id int, by_default boolean, parent_id int, unstored boolean NOT NULL, PRIMARY KEY (n, t, id));

---------------------------------------------------------------------------------------------------------------------
-- The principals
---------------------------------------------------------------------------------------------------------------------

CREATE FUNCTION worlds.login(wanted text) RETURNS name LANGUAGE sql AS 'SELECT login FROM worlds.logins WHERE purpose = wanted';

-- A way to name an entity. External ids that could be taken for something else are left out.
CREATE FUNCTION worlds.reference(entity uuid) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  names text[];
BEGIN
  SELECT array_remove(ARRAY[id::text, slug, CASE WHEN external_id = btrim(external_id) AND length(external_id) < 36 THEN external_id END], NULL)
  INTO names
  FROM (SELECT user_id AS id, worlds.pick(ARRAY[email, upper(email)]) AS slug, external_id FROM tenancy.users WHERE user_id = entity
        UNION ALL SELECT organization_id, slug, external_id FROM tenancy.organizations WHERE organization_id = entity
        UNION ALL SELECT w.workspace_id, o.slug || '/' || w.slug, w.external_id
                  FROM tenancy.workspaces w JOIN tenancy.organizations o USING (organization_id) WHERE w.workspace_id = entity) entities;
  RETURN worlds.pick(names);
END
$$;

CREATE FUNCTION worlds.add_principal(label text, status text, login name, session jsonb, identity jsonb DEFAULT '{}') RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  next_n int := (SELECT count(*) + 1 FROM worlds.principals);
BEGIN
  INSERT INTO worlds.principals
  VALUES (next_n, label, status, login, session->>'api_key', session->>'jwt', session->>'user', session->>'organization', session->>'workspace');
  INSERT INTO oracle.principals
  VALUES (next_n, coalesce(identity->>'kind', 'anonymous'), (identity->>'organization_id')::uuid, (identity->>'user_id')::uuid,
          (identity->>'api_key_id')::uuid, (identity->>'narrowed')::uuid, (identity->>'token')::int);
END
$$;

-- Elevations count in a user's own sessions, and not for its keys.
CREATE FUNCTION worlds.has_role(member uuid, workspace uuid, with_taken boolean) RETURNS boolean LANGUAGE sql AS $$
  SELECT EXISTS (SELECT FROM oracle.user_roles r WHERE r.user_id = member AND r.workspace_id = workspace AND (with_taken OR NOT r.taken))
$$;

CREATE FUNCTION worlds.list_users() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  person record;
  workspace uuid;
  session jsonb;
  identity jsonb;
BEGIN
  FOR person IN
    SELECT u.user_id, u.email, u.active, o.organization_id, o.slug, m.user_id IS NOT NULL AS is_member,
      (SELECT count(*) FROM oracle.members a WHERE a.user_id = u.user_id) AS memberships
    FROM tenancy.users u CROSS JOIN tenancy.organizations o
    LEFT JOIN oracle.members m ON m.user_id = u.user_id AND m.organization_id = o.organization_id
    ORDER BY o.slug, u.email
  LOOP
    session := jsonb_build_object('user', worlds.reference(person.user_id),
      'organization', CASE WHEN NOT person.is_member OR person.memberships > 1 OR worlds.chance(0.5)
                           THEN worlds.reference(person.organization_id) END);
    identity := jsonb_build_object('kind', 'user', 'user_id', person.user_id, 'organization_id', person.organization_id);
    IF NOT (person.active AND person.is_member) THEN
      CONTINUE WHEN worlds.chance(0.5);
      PERFORM worlds.add_principal(format('%s in %s, inactive or no member', person.email, person.slug), 'refused',
                                   worlds.login('trusted'), session);
      CONTINUE;
    END IF;
    PERFORM worlds.add_principal(format('%s in %s', person.email, person.slug), 'accepted', worlds.login('trusted'), session, identity);
    IF worlds.chance(0.35) THEN
      workspace := worlds.pick(worlds.workspaces_of(person.organization_id));
      PERFORM worlds.add_principal(format('%s in %s, narrowed', person.email, person.slug),
        CASE WHEN worlds.has_role(person.user_id, workspace, true) THEN 'accepted' ELSE 'powerless' END, worlds.login('trusted'),
        session || jsonb_build_object('workspace', worlds.reference(workspace)), identity || jsonb_build_object('narrowed', workspace));
    END IF;
    IF worlds.chance(0.05) THEN
      SELECT worlds.pick(array_agg(w.workspace_id ORDER BY w.slug)) INTO workspace FROM tenancy.workspaces w
      WHERE w.organization_id <> person.organization_id;
      IF workspace IS NOT NULL THEN
        PERFORM worlds.add_principal(format('%s in %s, narrowed to another organization''s workspace', person.email, person.slug), 'powerless',
          worlds.login('trusted'), session || jsonb_build_object('workspace', workspace), identity || jsonb_build_object('narrowed', workspace));
      END IF;
    END IF;
    IF worlds.chance(0.05) THEN
      PERFORM worlds.add_principal(format('%s in %s by a login that is not trusted', person.email, person.slug), 'error',
                                   worlds.login('plain'), session);
    END IF;
    IF worlds.chance(0.05) AND person.memberships > 1 THEN
      PERFORM worlds.add_principal(format('%s without a choice of organization', person.email), 'powerless',
                                   worlds.login('trusted'), session - 'organization');
    END IF;
  END LOOP;
END
$$;

CREATE FUNCTION worlds.list_keys() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  key record;
  workspace uuid;
  session jsonb;
  identity jsonb;
  status text;
BEGIN
  FOR key IN
    SELECT k.*, s.secret, u.active, k.revoked_at IS NULL AND k.deleted_at IS NULL AND coalesce(k.expires_at > now(), true) AND coalesce(k.rotate_by > now(), true) AS live
    FROM tenancy.api_keys k JOIN worlds.secrets s USING (api_key_id) LEFT JOIN tenancy.users u ON u.user_id = k.user_id
    ORDER BY k.name
  LOOP
    session := jsonb_build_object('api_key', key.secret);
    identity := jsonb_build_object('kind', key.kind, 'organization_id', key.organization_id, 'user_id', key.user_id,
                                   'api_key_id', key.api_key_id);
    IF NOT key.live THEN
      PERFORM worlds.add_principal(key.name || ', revoked, expired, too old or deleted', 'refused', worlds.login('plain'), session);
      CONTINUE;
    END IF;
    IF 'local' <> ALL (key.allowed_networks) THEN
      PERFORM worlds.add_principal(key.name || ', from another network', 'refused', worlds.login('plain'), session);
      CONTINUE;
    END IF;
    status := CASE WHEN key.kind <> 'workspace_user_key' OR key.active AND worlds.has_role(key.user_id, key.workspace_id, false)
                   THEN 'accepted' ELSE 'refused' END;
    PERFORM worlds.add_principal(key.name, status, worlds.login(worlds.pick(ARRAY['plain', 'trusted', 'bound1'])), session, identity);
    IF worlds.chance(0.4) THEN
      workspace := worlds.pick(worlds.workspaces_of(key.organization_id));
      PERFORM worlds.add_principal(key.name || ', narrowed', CASE WHEN status = 'accepted' AND workspace <> key.workspace_id THEN 'powerless' ELSE status END,
        worlds.login('plain'), session || jsonb_build_object('workspace', worlds.reference(workspace)),
        identity || jsonb_build_object('narrowed', workspace));
    END IF;
    IF worlds.chance(0.05) THEN
      PERFORM worlds.add_principal(key.name || ', with its last character changed', 'refused', worlds.login('plain'),
        jsonb_build_object('api_key', left(key.secret, -1) || CASE right(key.secret, 1) WHEN 'a' THEN 'b' ELSE 'a' END));
    END IF;
    IF worlds.chance(0.05) THEN
      PERFORM worlds.add_principal(key.name || ', and a user at once', 'error', worlds.login('trusted'),
        session || jsonb_build_object('user', 'u1@example.com'));
    END IF;
  END LOOP;
END
$$;

CREATE FUNCTION worlds.list_tokens() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  token record;
  workspace uuid;
  session jsonb;
  identity jsonb;
BEGIN
  FOR token IN
    SELECT t.token, t.text, claimed.organization_id, claimed.workspace_id, format('token %s for %s/%s', t.token, o.slug, w.slug) AS label,
      coalesce(t.flaw, CASE
        WHEN NOT EXISTS (SELECT FROM tenancy.jwt_keys k WHERE k.organization_id = o.organization_id AND k.kid = t.kid) THEN 'key removed'
        WHEN i.issuer IS NOT NULL AND NOT claimed.claims ? 'iss' OR i.audience IS NOT NULL AND NOT claimed.claims ? 'aud' THEN 'meant for others'
        WHEN t.workspace_name <> ALL (array_remove(ARRAY[w.workspace_id::text, o.slug || '/' || w.slug, w.external_id], NULL))
          THEN 'workspace renamed' END) AS problem
    FROM worlds.tokens t
    JOIN oracle.tokens claimed ON claimed.token = t.token
    JOIN tenancy.organizations o ON o.organization_id = claimed.organization_id
    JOIN tenancy.workspaces w ON w.workspace_id = claimed.workspace_id
    LEFT JOIN tenancy.jwt_issuers i ON i.organization_id = o.organization_id
    ORDER BY t.token
  LOOP
    session := jsonb_build_object('jwt', token.text);
    identity := jsonb_build_object('kind', 'jwt', 'organization_id', token.organization_id, 'token', token.token);
    IF token.problem IS NOT NULL THEN
      PERFORM worlds.add_principal(format('%s, %s', token.label, token.problem), 'refused', worlds.login('plain'), session);
      CONTINUE;
    END IF;
    PERFORM worlds.add_principal(token.label, 'accepted', worlds.login(worlds.pick(ARRAY['plain', 'trusted', 'bound1'])), session, identity);
    IF worlds.chance(0.3) THEN
      workspace := worlds.pick(worlds.workspaces_of(token.organization_id));
      PERFORM worlds.add_principal(token.label || ', narrowed', CASE WHEN workspace <> token.workspace_id THEN 'powerless' ELSE 'accepted' END,
        worlds.login('plain'), session || jsonb_build_object('workspace', worlds.reference(workspace)),
        identity || jsonb_build_object('narrowed', workspace));
    END IF;
    IF worlds.chance(0.05) THEN
      PERFORM worlds.add_principal(token.label || ', and a key at once', 'error', worlds.login('plain'),
        session || jsonb_build_object('api_key', (SELECT s.secret FROM worlds.secrets s ORDER BY s.name LIMIT 1)));
    END IF;
  END LOOP;
END
$$;

CREATE FUNCTION worlds.list_logins() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  binding record;
  organization uuid;
BEGIN
  PERFORM worlds.add_principal('nobody', 'accepted', worlds.login('plain'), '{}');
  PERFORM worlds.add_principal('nobody by a trusted login', 'accepted', worlds.login('trusted'), '{}');
  FOR binding IN
    SELECT b.login::text AS login, u.user_id, u.email, u.active, b.organization_id, b.workspace_id,
      ARRAY(SELECT m.organization_id FROM oracle.members m JOIN tenancy.organizations o USING (organization_id)
            WHERE m.user_id = b.user_id ORDER BY o.slug) AS organizations
    FROM tenancy.login_bindings b JOIN tenancy.users u USING (user_id)
    ORDER BY b.login::text
  LOOP
    organization := coalesce(binding.organization_id, worlds.pick(binding.organizations));
    IF organization IS NULL THEN
      -- decision 15: a bound login whose user has no membership is nobody
      PERFORM worlds.add_principal(format('login of %s, who has no membership', binding.email),
        CASE WHEN binding.active THEN 'accepted' ELSE 'powerless' END, binding.login, '{}');
      CONTINUE;
    END IF;
    PERFORM worlds.add_principal('login of ' || binding.email,
      -- one that is bound without an organization acts in the only one, and chooses none
      CASE WHEN binding.active AND organization = ANY (binding.organizations) AND (binding.organization_id IS NOT NULL OR cardinality(binding.organizations) = 1)
                AND (binding.workspace_id IS NULL OR worlds.has_role(binding.user_id, binding.workspace_id, true))
           THEN 'accepted' ELSE 'powerless' END,
      binding.login,
      jsonb_build_object('organization', CASE WHEN binding.organization_id IS NULL AND cardinality(binding.organizations) > 1 AND worlds.chance(0.5)
                                              THEN worlds.reference(organization) END),
      jsonb_build_object('kind', 'user', 'user_id', binding.user_id, 'organization_id', organization, 'narrowed', binding.workspace_id));
  END LOOP;
  -- a login without binding, since its user is gone
  FOR binding IN SELECT l.login FROM worlds.logins l
                 WHERE l.purpose LIKE 'bound%' AND NOT EXISTS (SELECT FROM tenancy.login_bindings b WHERE b.login = l.login::text::regrole) LOOP
    PERFORM worlds.add_principal('login that is no longer bound', 'accepted', binding.login, '{}');
  END LOOP;
END
$$;

---------------------------------------------------------------------------------------------------------------------
-- Rows to write
---------------------------------------------------------------------------------------------------------------------

-- parent_id: in a table that has its tenant from a parent, the row's parent, which says what the line says.
CREATE FUNCTION worlds.add_candidate(for_n int, t int, old_id int, by_default boolean, line oracle.rows, parent_id int DEFAULT NULL) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  line.t := t;
  line.id := (SELECT 1001 + count(*) FROM worlds.candidates c WHERE c.t = add_candidate.t);
  line.only_n := for_n;
  INSERT INTO oracle.rows SELECT line.*;
  -- Without an organization, the workspace says where it belongs.
  INSERT INTO worlds.candidates VALUES (for_n, t, line.id, old_id, by_default, parent_id, add_candidate.old_id IS NULL AND EXISTS (
    SELECT FROM oracle.relations r WHERE r.t = add_candidate.t AND r.kept IS NOT NULL AND oracle.stored(r.kept,
      coalesce(line.organization::uuid, (SELECT w.organization_id FROM tenancy.workspaces w WHERE w.workspace_id::text = line.workspace)), line.workspace::uuid) = 'nothing'));
END
$$;

CREATE FUNCTION worlds.make_candidates(who int, share float) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  p oracle.principals;
  relation oracle.relations;
  o tenancy.organizations;
  w tenancy.workspaces;
  u tenancy.users;
  k tenancy.api_keys;
  token oracle.tokens;
  mine oracle.rows;
  line oracle.rows;
  foreign_line oracle.rows;
  chosen uuid;
  some_id int;
BEGIN
  SELECT * INTO p FROM oracle.principals a WHERE a.n = who;
  SELECT * INTO o FROM tenancy.organizations a WHERE a.organization_id = p.organization_id;
  SELECT * INTO u FROM tenancy.users a WHERE a.user_id = p.user_id;
  SELECT * INTO k FROM tenancy.api_keys a WHERE a.api_key_id = p.api_key_id;
  SELECT * INTO token FROM oracle.tokens a WHERE a.token = p.token;
  FOR relation IN SELECT * FROM oracle.relations ORDER BY t LOOP
    CONTINUE WHEN NOT worlds.chance(share);
    IF relation.parent IS NOT NULL THEN
      -- New rows below parents, and rows that get another parent.
      FOR i IN 1..4 LOOP
        SELECT * INTO line FROM oracle.rows r
        WHERE r.t = relation.t AND r.only_n IS NULL
          AND (i = 4 OR r.organization = oracle.named(relation.organization_type, o.organization_id, o.external_id) OR r.organization IS NULL)
        ORDER BY r.id LIMIT 1 OFFSET worlds.between(0, 15);
        CONTINUE WHEN line.id IS NULL;
        PERFORM worlds.add_candidate(who, relation.t, CASE WHEN i % 2 = 0 THEN line.id % 50 + 1 END, false, line, line.id);
      END LOOP;
      CONTINUE;
    END IF;
    chosen := coalesce(p.narrowed, k.workspace_id, token.workspace_id, worlds.pick(worlds.workspaces_of(p.organization_id)));
    SELECT * INTO w FROM tenancy.workspaces a WHERE a.workspace_id = chosen;
    -- what the principal would write of itself
    mine.organization := oracle.named(relation.organization_type, o.organization_id, o.external_id);
    mine.workspace := oracle.named(relation.workspace_type, w.workspace_id, w.external_id);
    mine.owner := oracle.named(relation.owner_type, u.user_id, oracle.id_of(u.user_id, o.organization_id));
    mine.api_key := oracle.named(relation.api_key_type, k.api_key_id, k.external_id);
    FOR i IN 1..3 LOOP
      line := mine;
      IF i > 1 THEN
        some_id := worlds.between(1, 50);
        SELECT * INTO foreign_line FROM oracle.rows r WHERE r.t = relation.t AND r.id = some_id;
        CASE worlds.between(1, 8)
        WHEN 1 THEN line.organization := foreign_line.organization;
        WHEN 2 THEN line.workspace := foreign_line.workspace;
        WHEN 3 THEN line.owner := foreign_line.owner;
        WHEN 4 THEN line.api_key := foreign_line.api_key;
        WHEN 5 THEN line.organization := NULL;
        WHEN 6 THEN line.workspace := NULL;
        WHEN 7 THEN line.owner := NULL;
        WHEN 8 THEN line.api_key := NULL;
        END CASE;
      END IF;
      PERFORM worlds.add_candidate(who, relation.t, NULL, false, line);
    END LOOP;
    -- Columns left out are filled in. A user who isn't narrowed is in no particular workspace.
    IF p.kind <> 'anonymous' AND (relation.workspace_type IS NULL OR p.kind <> 'user' OR p.narrowed IS NOT NULL) THEN
      line := mine;
      IF p.kind = 'organization_service_key' AND p.narrowed IS NULL THEN
        line.workspace := NULL;
      END IF;
      PERFORM worlds.add_candidate(who, relation.t, NULL, true, line);
    END IF;
    -- Rows that change their place.
    FOR i IN 1..2 LOOP
      SELECT * INTO line FROM oracle.rows r
      WHERE r.t = relation.t AND r.only_n IS NULL AND (r.organization = mine.organization OR r.workspace = mine.workspace OR i = 2)
      ORDER BY r.id LIMIT 1 OFFSET worlds.between(0, 15);
      CONTINUE WHEN line.id IS NULL;
      CASE worlds.between(1, 4)
      WHEN 1 THEN line.workspace := mine.workspace;
      WHEN 2 THEN line.workspace := NULL;
      WHEN 3 THEN line.organization := CASE WHEN worlds.chance(0.3) THEN NULL ELSE mine.organization END;
      WHEN 4 THEN
        SELECT r.organization, r.workspace INTO line.organization, line.workspace FROM oracle.rows r
        WHERE r.t = relation.t AND r.id = line.id % 50 + 1;
      END CASE;
      PERFORM worlds.add_candidate(who, relation.t, line.id, false, line);
    END LOOP;
  END LOOP;
END
$$;
