-- Compares what every principal of a world gets, by every way there is to ask, with the oracle's answer.
-- A difference raises an exception that names seed, phase, table, principal and rows.

-- The principals of a world, beside oracle.principals.
CREATE TABLE worlds.principals (
  n int PRIMARY KEY,
  label text NOT NULL,
  -- accepted: gets what the oracle says.  refused: 28000.  powerless: nothing, or an error.  error: an error.
  status text NOT NULL CHECK (status IN ('accepted', 'refused', 'powerless', 'error')),
  login name NOT NULL,
  api_key text,
  "user" text,
  organization text,
  workspace text
);

-- Rows that a principal would write, beside oracle.rows: new ones (old_id NULL), or what becomes of row old_id.
CREATE TABLE worlds.candidates (n int, t int, id int, old_id int, by_default boolean, PRIMARY KEY (n, t, id));

-- The oracle's answers, one line a row.
CREATE TABLE worlds.verdicts (
  n int, t int, id int, may_read boolean, may_update boolean, may_delete boolean, stays boolean, may_insert boolean,
  PRIMARY KEY (n, t, id)
);

-- What it means for stored rows, as sets of ids. refused: an UPDATE finds the row and may not write it.
CREATE TABLE worlds.expected (n int, t int, purpose text, yes int[] NOT NULL, open int[] NOT NULL, PRIMARY KEY (n, t, purpose));

CREATE TABLE worlds.running (seed int, phase text);

-- What was compared: `hits` of `total` were seen or allowed. Tallies of a world are added up in totals at its end.
CREATE UNLOGGED TABLE worlds.tallies (subject text, detail text, hits bigint, total bigint);
CREATE TABLE worlds.totals (subject text, detail text, hits bigint, total bigint, PRIMARY KEY (subject, detail));

CREATE VIEW worlds.asked_permissions AS SELECT resource, action FROM tenancy.permissions;
CREATE VIEW worlds.asked_workspaces AS
SELECT organization_id, workspace_id FROM tenancy.workspaces
UNION ALL
SELECT NULL, 'ffffffff-ffff-4fff-bfff-ffffffffffff';

GRANT INSERT ON worlds.tallies TO PUBLIC;

---------------------------------------------------------------------------------------------------------------------
-- Who there is
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
  VALUES (next_n, label, status, login, session->>'api_key', session->>'user', session->>'organization', session->>'workspace');
  INSERT INTO oracle.principals
  VALUES (next_n, coalesce(identity->>'kind', 'anonymous'), (identity->>'organization_id')::uuid, (identity->>'user_id')::uuid,
          (identity->>'api_key_id')::uuid, (identity->>'narrowed')::uuid);
END
$$;

CREATE FUNCTION worlds.has_role(member uuid, workspace uuid) RETURNS boolean LANGUAGE sql AS $$
  SELECT EXISTS (SELECT FROM oracle.user_roles r WHERE r.user_id = member AND r.workspace_id = workspace)
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
      (SELECT count(*) FROM tenancy.organization_members a WHERE a.user_id = u.user_id) AS memberships
    FROM tenancy.users u CROSS JOIN tenancy.organizations o
    LEFT JOIN tenancy.organization_members m ON m.user_id = u.user_id AND m.organization_id = o.organization_id
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
        CASE WHEN worlds.has_role(person.user_id, workspace) THEN 'accepted' ELSE 'powerless' END, worlds.login('trusted'),
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
      PERFORM worlds.add_principal(format('%s without a choice of organization', person.email), 'error',
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
    SELECT k.*, s.secret, u.active, k.revoked_at IS NULL AND k.deleted_at IS NULL AND coalesce(k.expires_at > now(), true) AS live
    FROM tenancy.api_keys k JOIN worlds.secrets s USING (api_key_id) LEFT JOIN tenancy.users u ON u.user_id = k.user_id
    ORDER BY k.name
  LOOP
    session := jsonb_build_object('api_key', key.secret);
    identity := jsonb_build_object('kind', key.kind, 'organization_id', key.organization_id, 'user_id', key.user_id,
                                   'api_key_id', key.api_key_id);
    IF NOT key.live THEN
      PERFORM worlds.add_principal(key.name || ', revoked, expired or deleted', 'refused', worlds.login('plain'), session);
      CONTINUE;
    END IF;
    status := CASE WHEN key.kind <> 'workspace_user_key' OR key.active AND worlds.has_role(key.user_id, key.workspace_id)
                   THEN 'accepted' ELSE 'powerless' END;
    PERFORM worlds.add_principal(key.name, status, worlds.login(worlds.pick(ARRAY['plain', 'trusted', 'bound1'])), session, identity);
    IF worlds.chance(0.4) THEN
      workspace := worlds.pick(worlds.workspaces_of(key.organization_id));
      PERFORM worlds.add_principal(key.name || ', narrowed', CASE WHEN workspace <> key.workspace_id THEN 'powerless' ELSE status END,
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

CREATE FUNCTION worlds.list_logins() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  binding record;
  organization uuid;
BEGIN
  PERFORM worlds.add_principal('nobody', 'accepted', worlds.login('plain'), '{}');
  PERFORM worlds.add_principal('nobody by a trusted login', 'accepted', worlds.login('trusted'), '{}');
  FOR binding IN
    SELECT b.login::text AS login, u.user_id, u.email, u.active, b.organization_id, b.workspace_id,
      ARRAY(SELECT m.organization_id FROM tenancy.organization_members m JOIN tenancy.organizations o USING (organization_id)
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
      CASE WHEN binding.active
                AND (binding.workspace_id IS NULL OR worlds.has_role(binding.user_id, binding.workspace_id))
           THEN 'accepted' ELSE 'powerless' END,
      binding.login,
      jsonb_build_object('organization', CASE WHEN binding.organization_id IS NULL AND cardinality(binding.organizations) > 1
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

CREATE FUNCTION worlds.add_candidate(for_n int, t int, old_id int, by_default boolean, line oracle.rows) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  line.t := t;
  line.id := (SELECT 1001 + count(*) FROM worlds.candidates c WHERE c.t = add_candidate.t);
  line.only_n := for_n;
  INSERT INTO oracle.rows SELECT line.*;
  INSERT INTO worlds.candidates VALUES (for_n, t, line.id, old_id, by_default);
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
  FOR relation IN SELECT * FROM oracle.relations ORDER BY t LOOP
    CONTINUE WHEN NOT worlds.chance(share);
    chosen := coalesce(p.narrowed, k.workspace_id, worlds.pick(worlds.workspaces_of(p.organization_id)));
    SELECT * INTO w FROM tenancy.workspaces a WHERE a.workspace_id = chosen;
    -- what the principal would write of itself
    mine.organization := oracle.named(relation.organization_type, o.organization_id, o.external_id);
    mine.workspace := oracle.named(relation.workspace_type, w.workspace_id, w.external_id);
    mine.owner := oracle.named(relation.owner_type, u.user_id, u.external_id);
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

---------------------------------------------------------------------------------------------------------------------
-- Being somebody, and asking
---------------------------------------------------------------------------------------------------------------------

-- Settings are made and taken back in different ways, by turns. Each must tell.
CREATE FUNCTION worlds.become(who int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  p worlds.principals;
  setting record;
  way int := worlds.between(1, 3);
BEGIN
  SELECT * INTO p FROM worlds.principals a WHERE a.n = who;
  EXECUTE format('SET SESSION AUTHORIZATION %I', p.login);
  FOR setting IN VALUES ('tenancy.user', p."user"), ('tenancy.organization', p.organization),
                        ('tenancy.workspace', p.workspace), ('tenancy.api_key', p.api_key) LOOP
    IF setting.column2 IS NOT NULL THEN
      PERFORM set_config(setting.column1, setting.column2, way = 3);
    ELSIF way = 2 THEN
      EXECUTE format('RESET tenancy.%I', split_part(setting.column1, '.', 2));  -- "user" is a reserved word
    ELSE
      PERFORM set_config(setting.column1, '', way = 3);
    END IF;
  END LOOP;
END
$$;

CREATE FUNCTION worlds.fail(who int, about text, problem text, detail text DEFAULT '') RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  p worlds.principals;
  running worlds.running;
BEGIN
  SELECT * INTO p FROM worlds.principals a WHERE a.n = who;
  SELECT * INTO running FROM worlds.running;
  RAISE EXCEPTION 'seed %, %: %: principal % (%): %', running.seed, running.phase, about, who, p.label, problem
    USING DETAIL = detail || format(E'\nSession: login %s, user "%s", organization "%s", workspace "%s", %s',
      p.login, p."user", p.organization, p.workspace, CASE WHEN p.api_key IS NULL THEN 'no key' ELSE 'a key' END),
      ERRCODE = 'triggered_action_exception';
END
$$;

CREATE FUNCTION worlds.describe(table_number int) RETURNS text LANGUAGE sql AS $$
  SELECT format('table %s (%s; %s)', w.relation,
    (SELECT string_agg(c.meaning || ' ' || c.type, ', ' ORDER BY c.number) FROM worlds.columns c WHERE c.t = w.t), w.protect_call)
  FROM worlds.tables w WHERE w.t = table_number
$$;

CREATE FUNCTION worlds.describe_rows(table_number int, ids int[]) RETURNS text LANGUAGE sql AS $$
  SELECT coalesce(string_agg(format(E'\n  %s: organization %s, workspace %s, owner %s, key %s', r.id, quote_nullable(r.organization),
                                    quote_nullable(r.workspace), quote_nullable(r.owner), quote_nullable(r.api_key)), '' ORDER BY r.id), '')
  FROM (SELECT * FROM oracle.rows r WHERE r.t = table_number AND r.id = ANY (ids) ORDER BY r.id LIMIT 8) r
$$;

CREATE FUNCTION worlds.minus(these int[], those int[]) RETURNS int[] LANGUAGE sql AS $$
  SELECT coalesce(array_agg(i ORDER BY i), '{}') FROM unnest(these) i WHERE i <> ALL (those)
$$;

-- Every id in `must` has to be among the observed ones, and no other but those in `may`.
CREATE FUNCTION worlds.compare(who int, table_number int, path text, observed int[], must int[], may int[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  missing int[] := worlds.minus(must, observed);
  unexpected int[] := worlds.minus(observed, must || may);
BEGIN
  IF missing <> '{}' OR unexpected <> '{}' THEN
    PERFORM worlds.fail(who, worlds.describe(table_number), format('%s: %s rows missing, %s unexpected', path, cardinality(missing), cardinality(unexpected)),
      format('Missing: %s%s', missing, worlds.describe_rows(table_number, missing)) ||
      format(E'\nUnexpected: %s%s', unexpected, worlds.describe_rows(table_number, unexpected)));
  END IF;
END
$$;

CREATE FUNCTION worlds.tally(subject text, detail text, hits bigint, total bigint) RETURNS void LANGUAGE sql AS
  'INSERT INTO worlds.tallies VALUES (subject, detail, hits, total)';

-- Runs a query past the policies, for the session's principal: the function's owner is a superuser, the session isn't.
CREATE FUNCTION worlds.ids_past_policies(query text) RETURNS int[] LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
  ids int[];
BEGIN
  EXECUTE query INTO ids;
  RETURN coalesce(ids, '{}');
END
$$;

CREATE FUNCTION worlds.specialize(wanted boolean) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  PERFORM set_config('tenancy.specialize', wanted::text, false);
END
$$;

CREATE FUNCTION worlds.parallel(wanted boolean) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config(CASE WHEN current_setting('server_version_num')::int < 160000 THEN 'force_parallel_mode' ELSE 'debug_parallel_query' END,
                     CASE WHEN wanted THEN 'on' ELSE 'off' END, false),
          set_config('parallel_setup_cost', CASE WHEN wanted THEN '0' ELSE '1000' END, false),
          set_config('parallel_tuple_cost', CASE WHEN wanted THEN '0' ELSE '0.1' END, false),
          set_config('min_parallel_table_scan_size', CASE WHEN wanted THEN '0' ELSE '8MB' END, false);
END
$$;

-- The rows of a table that the session gets, by one of the ways to ask.
CREATE FUNCTION worlds.observe(path text, table_number int) RETURNS int[] LANGUAGE plpgsql AS $$
DECLARE
  asked worlds.tables;
  query text;
  condition text;
  plan text;
  ids int[];
BEGIN
  SELECT * INTO asked FROM worlds.tables w WHERE w.t = table_number;
  query := 'SELECT array_agg(id ORDER BY id) FROM ' || asked.relation;
  CASE path
  WHEN 'policy' THEN
    EXECUTE query INTO ids;
  WHEN 'prepared' THEN
    EXECUTE format('EXECUTE select_%s', table_number) INTO ids;
  WHEN 'policy, not specialized' THEN
    PERFORM worlds.specialize(false);
    EXECUTE query INTO ids;
    PERFORM worlds.specialize(true);
  WHEN 'explain_rows' THEN
    ids := worlds.ids_past_policies(query || ' WHERE ' || tenancy.explain_rows(asked.relation::regclass));
  WHEN 'expression', 'expression, not specialized' THEN
    SELECT pg_get_expr(p.polqual, p.polrelid) INTO STRICT condition FROM pg_policy p
    WHERE p.polrelid = asked.relation::regclass AND p.polname = 'tenancy_select';
    PERFORM worlds.specialize(path = 'expression');
    ids := worlds.ids_past_policies(format('SELECT array_agg(id ORDER BY id) FILTER (WHERE seen) FROM (SELECT id, %s AS seen FROM %s OFFSET 0) x',
                                           condition, asked.relation));
    PERFORM worlds.specialize(true);
  WHEN 'partitions' THEN
    SELECT 'SELECT array_agg(id ORDER BY id) FROM (' || string_agg('SELECT id FROM ' || p, ' UNION ALL ') || ') x' INTO query
    FROM unnest(asked.partitions) p;
    EXECUTE query INTO ids;
  WHEN 'parallel' THEN
    PERFORM worlds.parallel(true);
    EXECUTE 'EXPLAIN (COSTS OFF, FORMAT JSON) ' || query INTO plan;
    EXECUTE query INTO ids;
    PERFORM worlds.parallel(false);
    PERFORM worlds.tally('parallel plans', '', CASE WHEN plan LIKE '%Gather%' THEN 1 ELSE 0 END, 1);
  END CASE;
  RETURN coalesce(ids, '{}');
END
$$;

-- Runs a command and takes it back. Returns the ids that it gave, or that `lookup` then finds past the policies; or the
-- error's code.
CREATE FUNCTION worlds.attempt(command text, lookup text, OUT ids int[], OUT code text) LANGUAGE plpgsql AS $$
BEGIN
  IF lookup IS NULL THEN
    EXECUTE command INTO ids;
    ids := coalesce(ids, '{}');
  ELSE
    EXECUTE command;
    ids := worlds.ids_past_policies(lookup);
  END IF;
  RAISE EXCEPTION USING ERRCODE = 'WORLD';
EXCEPTION
  WHEN SQLSTATE 'WORLD' THEN NULL;
  WHEN OTHERS THEN code := SQLSTATE;
END
$$;

---------------------------------------------------------------------------------------------------------------------
-- What is checked
---------------------------------------------------------------------------------------------------------------------

CREATE FUNCTION worlds.check_rows(who int, table_number int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  expected worlds.expected;
  asked worlds.tables;
  kind text := (SELECT p.kind FROM oracle.principals p WHERE p.n = who);
  stored bigint := (SELECT count(*) FROM oracle.rows r WHERE r.t = table_number AND r.only_n IS NULL);
  by_policy int[];
  paths text[] := ARRAY['prepared', 'explain_rows', 'policy, not specialized'];
  path text;
BEGIN
  SELECT * INTO expected FROM worlds.expected e WHERE e.n = who AND e.t = table_number AND e.purpose = 'read';
  SELECT * INTO asked FROM worlds.tables w WHERE w.t = table_number;
  by_policy := worlds.observe('policy', table_number);
  PERFORM worlds.compare(who, table_number, 'policy against oracle', by_policy, expected.yes, expected.open);

  paths := paths || CASE WHEN worlds.chance(0.5) THEN 'expression' ELSE 'expression, not specialized' END;
  IF worlds.chance(0.1) THEN
    paths := paths || 'parallel'::text;
  END IF;
  IF asked.partitions <> '{}' THEN
    paths := paths || 'partitions'::text;
  END IF;
  FOREACH path IN ARRAY paths LOOP
    PERFORM worlds.compare(who, table_number, path || ' against policy', worlds.observe(path, table_number), by_policy, '{}');
    PERFORM worlds.tally('rows by path', path, cardinality(by_policy), stored);
  END LOOP;
  PERFORM worlds.tally('rows by path', 'policy', cardinality(by_policy), stored);
  PERFORM worlds.tally('rows by principal', kind, cardinality(by_policy), stored);
  PERFORM worlds.tally('rows by shape', asked.shape, cardinality(by_policy), stored);
  PERFORM worlds.tally('rows left open by the decisions', '', cardinality(expected.open), stored);
  PERFORM worlds.tally('principals x tables', '', 1, 1);
END
$$;

-- authorize() in each workspace, and without one, for every permission; and in a WHERE clause, where it is simplified.
CREATE FUNCTION worlds.check_authorize(who int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  p oracle.principals;
  need record;
  observed text[];
  expected text[];
BEGIN
  SELECT * INTO p FROM oracle.principals a WHERE a.n = who;
  SELECT array_agg(format('%s.%s in %s', a.resource, a.action, w.workspace_id) ORDER BY a.resource, a.action, w.workspace_id)
           FILTER (WHERE tenancy.authorize(a.resource, a.action, w.workspace_id)),
         array_agg(format('%s.%s in %s', a.resource, a.action, w.workspace_id) ORDER BY a.resource, a.action, w.workspace_id)
           FILTER (WHERE h.workspace_id IS NOT NULL)
  INTO observed, expected
  FROM worlds.asked_permissions a CROSS JOIN worlds.asked_workspaces w
  LEFT JOIN (SELECT DISTINCT resource, action, workspace_id FROM oracle.holds WHERE n = who) h
    ON h.resource = a.resource AND h.action = a.action AND h.workspace_id = w.workspace_id
  WHERE a.resource NOT IN ('organization', 'billing', 'audit_logs')
    -- what a workspace service key may do to keys isn't said by scopes alone
    AND (p.kind <> 'workspace_service_key' OR a.resource <> 'api_keys');
  IF observed IS DISTINCT FROM expected THEN
    PERFORM worlds.fail(who, 'authorize() in a workspace', 'differs from oracle', format(E'Missing: %s\nUnexpected: %s',
      ARRAY(SELECT unnest(expected) EXCEPT SELECT unnest(observed)), ARRAY(SELECT unnest(observed) EXCEPT SELECT unnest(expected))));
  END IF;

  SELECT array_agg(a.resource || '.' || a.action ORDER BY a.resource, a.action) FILTER (WHERE tenancy.authorize(a.resource, a.action)),
         array_agg(a.resource || '.' || a.action ORDER BY a.resource, a.action) FILTER (WHERE oracle.holds_anywhere(who, a.resource, a.action))
  INTO observed, expected
  FROM worlds.asked_permissions a
  WHERE p.kind <> 'workspace_service_key' OR a.resource <> 'api_keys';
  IF observed IS DISTINCT FROM expected THEN
    PERFORM worlds.fail(who, 'authorize() without a workspace', 'differs from oracle', format(E'Missing: %s\nUnexpected: %s',
      ARRAY(SELECT unnest(expected) EXCEPT SELECT unnest(observed)), ARRAY(SELECT unnest(observed) EXCEPT SELECT unnest(expected))));
  END IF;

  FOR need IN SELECT DISTINCT a.resource, a.action FROM oracle.needs a WHERE a.purpose IN ('read', 'insert') ORDER BY 1, 2 LOOP
    EXECUTE format('SELECT array_agg(workspace_id ORDER BY workspace_id)::text[] FROM worlds.asked_workspaces
                    WHERE tenancy.authorize(%L, %L, workspace_id)', need.resource, need.action) INTO observed;
    SELECT array_agg(w.workspace_id ORDER BY w.workspace_id)::text[] INTO expected FROM worlds.asked_workspaces w
    WHERE oracle.holds(who, need.resource, need.action, w.workspace_id) IS NOT NULL;
    IF observed IS DISTINCT FROM expected THEN
      PERFORM worlds.fail(who, format('WHERE tenancy.authorize(%L, %L, workspace_id)', need.resource, need.action), 'differs from oracle',
                          format(E'Expected: %s\nObserved: %s', expected, observed));
    END IF;
    PERFORM worlds.tally('workspaces by authorize() in WHERE', '', coalesce(cardinality(observed), 0), (SELECT count(*) FROM worlds.asked_workspaces));
  END LOOP;
END
$$;

CREATE FUNCTION worlds.check_whoami(who int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  p oracle.principals;
  me record;
BEGIN
  SELECT * INTO p FROM oracle.principals a WHERE a.n = who;
  SELECT * INTO STRICT me FROM tenancy.whoami();
  IF (me.kind, me.organization_id, me.user_id, me.api_key_id) IS DISTINCT FROM (p.kind, p.organization_id, p.user_id, p.api_key_id) THEN
    PERFORM worlds.fail(who, 'whoami()', 'differs', format(E'Expected: %s\nObserved: %s', p, me));
  END IF;
END
$$;

CREATE FUNCTION worlds.value_of(line oracle.rows, meaning text) RETURNS text LANGUAGE sql AS $$
  SELECT CASE meaning WHEN 'organization' THEN line.organization WHEN 'workspace' THEN line.workspace
                      WHEN 'owner' THEN line.owner WHEN 'api_key' THEN line.api_key END
$$;

-- One row at a time: INSERT, with all columns or by default, and UPDATE of what says whose row it is.
CREATE FUNCTION worlds.check_candidates(who int, table_number int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  name text := (SELECT w.relation FROM worlds.tables w WHERE w.t = table_number);
  candidate record;
  command text;
  lookup text;
  outcome record;
  kind text;
BEGIN
  FOR candidate IN
    SELECT c.id, c.old_id, c.by_default, columns.*,
      CASE WHEN c.old_id IS NULL THEN new.may_insert
           ELSE old.may_read AND old.may_update AND new.stays AND new.may_read END AS allowed
    FROM worlds.candidates c
    JOIN oracle.rows r ON r.t = c.t AND r.id = c.id
    JOIN worlds.verdicts new ON new.n = c.n AND new.t = c.t AND new.id = c.id
    LEFT JOIN worlds.verdicts old ON old.n = c.n AND old.t = c.t AND old.id = c.old_id
    CROSS JOIN LATERAL (SELECT
        string_agg(format(', %I', m.name), '' ORDER BY m.number) AS names,
        string_agg(format(', %L', worlds.value_of(r, m.meaning)), '' ORDER BY m.number) AS values,
        string_agg(format('%I = %L', m.name, worlds.value_of(r, m.meaning)), ', ' ORDER BY m.number) AS assignments,
        string_agg(format(' AND %I IS NOT DISTINCT FROM %L', m.name, worlds.value_of(r, m.meaning)), '' ORDER BY m.number) AS conditions
      FROM worlds.columns m WHERE m.t = c.t) columns
    WHERE c.n = who AND c.t = table_number ORDER BY c.id
  LOOP
    lookup := format('SELECT array_agg(id) FROM %s WHERE id = %s%s', name, candidate.id, candidate.conditions);
    IF candidate.by_default THEN
      kind := 'INSERT by default';
      command := format('INSERT INTO %s (id) VALUES (%s)', name, candidate.id);
    ELSIF candidate.old_id IS NULL THEN
      kind := 'INSERT';
      command := format('INSERT INTO %s (id%s) VALUES (%s%s)', name, candidate.names, candidate.id, candidate.values);
    ELSE
      kind := 'UPDATE of place';
      command := format('WITH changed AS (UPDATE %s SET %s WHERE id = %s RETURNING id) SELECT array_agg(id) FROM changed',
                        name, candidate.assignments, candidate.old_id);
      lookup := NULL;
    END IF;
    outcome := worlds.attempt(command, lookup);
    IF outcome.code IS NOT NULL AND outcome.code <> '42501'
       OR candidate.allowed AND coalesce(outcome.ids, '{}') = '{}'
       OR NOT candidate.allowed AND coalesce(outcome.ids, '{}') <> '{}'
       OR NOT candidate.allowed AND candidate.old_id IS NULL AND outcome.code IS NULL THEN
      PERFORM worlds.fail(who, worlds.describe(table_number), format('%s: expected %s, got %s', kind,
          CASE WHEN candidate.allowed THEN 'success' ELSE 'refusal' END, coalesce('error ' || outcome.code, 'rows ' || outcome.ids::text)),
        command || E'\nRows before and after:' || worlds.describe_rows(table_number, ARRAY[candidate.old_id, candidate.id]));
    END IF;
    PERFORM worlds.tally('writes', kind, CASE WHEN outcome.ids <> '{}' THEN 1 ELSE 0 END, 1);
  END LOOP;
END
$$;

-- All rows at once: UPDATE of what doesn't matter, DELETE.
CREATE FUNCTION worlds.check_bulk_writes(who int, table_number int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  name text := (SELECT w.relation FROM worlds.tables w WHERE w.t = table_number);
  stored bigint := (SELECT count(*) FROM oracle.rows r WHERE r.t = table_number AND r.only_n IS NULL);
  expected worlds.expected;
  refused worlds.expected;
  outcome record;
BEGIN
  SELECT * INTO expected FROM worlds.expected e WHERE e.n = who AND e.t = table_number AND e.purpose = 'update';
  SELECT * INTO refused FROM worlds.expected e WHERE e.n = who AND e.t = table_number AND e.purpose = 'refused update';
  outcome := worlds.attempt(format('WITH changed AS (UPDATE %s SET note = ''changed'' WHERE id <> ALL (%L) RETURNING id)
    SELECT array_agg(id ORDER BY id) FROM changed', name, refused.yes || refused.open || expected.open), NULL);
  IF outcome.code IS NOT NULL THEN
    PERFORM worlds.fail(who, worlds.describe(table_number), 'UPDATE: error ' || outcome.code);
  END IF;
  PERFORM worlds.compare(who, table_number, 'UPDATE against oracle', outcome.ids, expected.yes, '{}');
  PERFORM worlds.tally('writes', 'rows by UPDATE', cardinality(outcome.ids), stored);

  IF refused.yes <> '{}' THEN
    outcome := worlds.attempt(format('UPDATE %s SET note = ''changed'' WHERE id = %s', name, refused.yes[1]), 'SELECT NULL::int[]');
    IF outcome.code IS DISTINCT FROM '42501' THEN
      PERFORM worlds.fail(who, worlds.describe(table_number), 'UPDATE: expected refusal, got ' || coalesce(outcome.code, 'none'),
                          'Row:' || worlds.describe_rows(table_number, refused.yes[1:1]));
    END IF;
    PERFORM worlds.tally('writes', 'UPDATE of a row at odds', 0, 1);
  END IF;

  SELECT * INTO expected FROM worlds.expected e WHERE e.n = who AND e.t = table_number AND e.purpose = 'delete';
  outcome := worlds.attempt(format('WITH gone AS (DELETE FROM %s RETURNING id) SELECT array_agg(id ORDER BY id) FROM gone', name), NULL);
  IF outcome.code IS NOT NULL THEN
    PERFORM worlds.fail(who, worlds.describe(table_number), 'DELETE: error ' || outcome.code);
  END IF;
  PERFORM worlds.compare(who, table_number, 'DELETE against oracle', outcome.ids, expected.yes, expected.open);
  PERFORM worlds.tally('writes', 'rows by DELETE', cardinality(outcome.ids), stored);
END
$$;

-- Who isn't let in is told so, in whichever way it asks; who has lost all rights may be, or finds nothing.
CREATE FUNCTION worlds.check_refusal(who int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  wanted text := (SELECT p.status FROM worlds.principals p WHERE p.n = who);
  question record;
  outcome record;
BEGIN
  FOR question IN
    SELECT format('SELECT array_agg(id) FROM %s', t.relation) AS command FROM worlds.tables t
    UNION ALL
    SELECT format('EXECUTE select_%s', t.t) FROM worlds.tables t
    UNION ALL
    SELECT format('SELECT array_agg(1) FROM worlds.asked_workspaces WHERE tenancy.authorize(%L, ''list'', workspace_id)', r.resource)
    FROM oracle.relations r WHERE r.resource <> 'analytics'
  LOOP
    outcome := worlds.attempt(question.command, NULL);
    IF NOT coalesce(CASE wanted
      WHEN 'refused' THEN outcome.code = '28000'
      WHEN 'error' THEN outcome.code IN ('28000', '22023', '42501')
      WHEN 'powerless' THEN outcome.ids = '{}' OR outcome.code IN ('28000', '22023', '42501', '42704')
    END, false) THEN
      PERFORM worlds.fail(who, question.command, format('%s principal got %s', wanted, coalesce(outcome.code, outcome.ids::text)));
    END IF;
    PERFORM worlds.tally('refusals', wanted, CASE WHEN outcome.code IS NOT NULL THEN 1 ELSE 0 END, 1);
  END LOOP;
END
$$;

---------------------------------------------------------------------------------------------------------------------
-- The course of a world
---------------------------------------------------------------------------------------------------------------------

CREATE FUNCTION worlds.ask_oracle(share float, writes float) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  TRUNCATE worlds.principals, oracle.principals, worlds.candidates, worlds.verdicts, worlds.expected;
  DELETE FROM oracle.rows WHERE only_n IS NOT NULL;
  PERFORM worlds.list_users();
  PERFORM worlds.list_keys();
  PERFORM worlds.list_logins();
  WITH gone AS (DELETE FROM worlds.principals WHERE NOT worlds.chance(share) RETURNING n)
  DELETE FROM oracle.principals p USING gone WHERE p.n = gone.n;
  PERFORM worlds.make_candidates(n, writes) FROM (SELECT n FROM worlds.principals WHERE status = 'accepted' ORDER BY n) p;
  ANALYZE oracle.principals, oracle.relations, oracle.rows;
  PERFORM oracle.answer();
  INSERT INTO worlds.verdicts
  SELECT n, t, id, bool_or(answer) FILTER (WHERE purpose = 'read'), bool_or(answer) FILTER (WHERE purpose = 'update'),
         bool_or(answer) FILTER (WHERE purpose = 'delete'), bool_or(answer) FILTER (WHERE purpose = 'stay'),
         bool_or(answer) FILTER (WHERE purpose = 'insert')
  FROM oracle.answers GROUP BY n, t, id;
  INSERT INTO worlds.expected
  SELECT v.n, v.t, a.purpose, coalesce(array_agg(v.id ORDER BY v.id) FILTER (WHERE a.answer), '{}'),
         coalesce(array_agg(v.id ORDER BY v.id) FILTER (WHERE a.answer IS NULL), '{}')
  FROM worlds.verdicts v JOIN oracle.rows r ON r.t = v.t AND r.id = v.id AND r.only_n IS NULL,
    LATERAL (VALUES ('read', v.may_read), ('update', v.may_read AND v.may_update AND v.stays),
                    ('refused update', v.may_read AND v.may_update AND NOT v.stays), ('delete', v.may_read AND v.may_delete)) a (purpose, answer)
  GROUP BY v.n, v.t, a.purpose;
  ANALYZE worlds.verdicts, worlds.expected;
END
$$;

-- Checks a share of the principals, one after the other in this session, and of the tables also by writing to them.
CREATE FUNCTION worlds.check(new_phase text, share float, writes float) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  p worlds.principals;
  relation record;
BEGIN
  UPDATE worlds.running r SET phase = new_phase;
  PERFORM worlds.ask_oracle(share, writes);
  FOR p IN SELECT * FROM worlds.principals ORDER BY n LOOP
    PERFORM worlds.become(p.n);
    IF p.status = 'accepted' THEN
      IF worlds.chance(0.3) THEN
        PERFORM worlds.check_whoami(p.n);
      END IF;
      FOR relation IN SELECT t FROM worlds.tables ORDER BY t LOOP
        PERFORM worlds.check_rows(p.n, relation.t);
        IF EXISTS (SELECT FROM worlds.candidates c WHERE c.n = p.n AND c.t = relation.t) THEN
          PERFORM worlds.check_candidates(p.n, relation.t);
          PERFORM worlds.check_bulk_writes(p.n, relation.t);
        END IF;
      END LOOP;
      IF worlds.chance(0.4) THEN
        PERFORM worlds.check_authorize(p.n);
      END IF;
    ELSE
      PERFORM worlds.check_refusal(p.n);
    END IF;
    IF worlds.chance(0.5) THEN
      RESET SESSION AUTHORIZATION;
    END IF;
  END LOOP;
  RESET SESSION AUTHORIZATION;
END
$$;

CREATE FUNCTION worlds.prepare() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  relation record;
BEGIN
  EXECUTE format('SET SESSION AUTHORIZATION %I', worlds.login('trusted'));
  FOR relation IN SELECT w.t, w.relation FROM worlds.tables w LOOP
    EXECUTE format('PREPARE select_%s AS SELECT array_agg(id ORDER BY id) FROM %s', relation.t, relation.relation);
  END LOOP;
  RESET SESSION AUTHORIZATION;
END
$$;

-- Worlds `first`, `first + step`, ... up to `last`, each checked when it is new, and again as rights change: in a
-- transaction that is rolled back, after it, and in one that is committed. All in one session, whose prepared
-- statements live through it.
CREATE PROCEDURE worlds.run(first int, last int, step int) LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('jit', 'off', false);
  PERFORM set_config('plan_cache_mode', 'force_generic_plan', false);
  FOR seed IN first..last BY step LOOP
    DELETE FROM worlds.running;
    INSERT INTO worlds.running VALUES (seed);
    PERFORM worlds.generate(seed);
    PERFORM worlds.prepare();
    COMMIT;
    PERFORM worlds.check('new world', 1, 0.4);
    COMMIT;
    PERFORM worlds.change() FROM generate_series(1, 3);
    PERFORM worlds.check('changed, not yet committed', 0.25, 0.1);
    ROLLBACK;
    PERFORM worlds.check('rolled back', 0.2, 0.1);
    COMMIT;
    PERFORM worlds.change() FROM generate_series(1, 4);
    COMMIT;
    PERFORM worlds.check('changed and committed', 0.4, 0.1);
    COMMIT;
    DEALLOCATE ALL;
    PERFORM worlds.remove();
    INSERT INTO worlds.totals AS t
    SELECT subject, detail, sum(hits), sum(total) FROM worlds.tallies GROUP BY subject, detail
    UNION ALL SELECT 'worlds', '', 1, 1
    ON CONFLICT (subject, detail) DO UPDATE SET hits = t.hits + excluded.hits, total = t.total + excluded.total;
    TRUNCATE worlds.tallies;
    COMMIT;
  END LOOP;
END
$$;

---------------------------------------------------------------------------------------------------------------------
-- The end of a run
---------------------------------------------------------------------------------------------------------------------

CREATE TABLE worlds.other_totals (LIKE worlds.totals);  -- those of the session beside this one

CREATE VIEW worlds.all_totals AS
SELECT subject, detail, sum(hits)::bigint AS hits, sum(total)::bigint AS total
FROM (SELECT * FROM worlds.totals UNION ALL SELECT * FROM worlds.other_totals) t
GROUP BY subject, detail;

-- What a run of many worlds must have met on both sides, for the test to mean something.
CREATE FUNCTION worlds.unmet() RETURNS SETOF text LANGUAGE sql AS $$
  WITH wanted (subject, detail) AS (
    SELECT 'rows by principal', unnest(ARRAY['user', 'organization_service_key', 'workspace_service_key', 'workspace_user_key'])
    UNION ALL
    SELECT 'rows by shape', level || owner || key
    FROM unnest(ARRAY['organization', 'workspace', 'organization, workspace']) level,
         unnest(ARRAY['', ', owner']) owner, unnest(ARRAY['', ', key']) key
    UNION ALL
    SELECT 'rows by path', unnest(ARRAY['policy', 'prepared', 'explain_rows', 'policy, not specialized', 'expression',
                                        'expression, not specialized', 'partitions', 'parallel'])
    UNION ALL
    SELECT 'writes', unnest(ARRAY['INSERT', 'INSERT by default', 'UPDATE of place', 'rows by UPDATE', 'rows by DELETE'])
    UNION ALL
    SELECT 'workspaces by authorize() in WHERE', '')
  SELECT format('%s: %s: %s of %s', subject, detail, coalesce(hits, 0), coalesce(total, 0))
  FROM wanted LEFT JOIN worlds.all_totals USING (subject, detail)
  WHERE coalesce(hits, 0) = 0 OR hits = total
  UNION ALL
  SELECT format('%s: %s', w.subject, w.detail)
  FROM (VALUES ('refusals', 'refused'), ('refusals', 'error'), ('parallel plans', ''), ('writes', 'UPDATE of a row at odds')) w (subject, detail)
  WHERE NOT EXISTS (SELECT FROM worlds.all_totals t
                    WHERE t.subject = w.subject AND t.detail = w.detail AND (t.hits > 0 OR t.detail = 'UPDATE of a row at odds'))
  UNION ALL
  SELECT format('rows by principal: nobody saw %s rows', hits) FROM worlds.all_totals
  WHERE subject = 'rows by principal' AND detail = 'anonymous' AND hits > 0
$$;

CREATE FUNCTION worlds.report() RETURNS SETOF text LANGUAGE sql AS $$
  SELECT format('%-70s %12s of %12s', subject || CASE WHEN detail = '' THEN '' ELSE ': ' || detail END, hits, total)
  FROM worlds.all_totals WHERE subject NOT IN ('worlds', 'principals x tables')
  ORDER BY 1
$$;

CREATE FUNCTION worlds.summary() RETURNS text LANGUAGE sql AS $$
  SELECT format('ok: %s worlds, %s principals × tables checked, %s rows compared',
    max(hits) FILTER (WHERE subject = 'worlds'), max(hits) FILTER (WHERE subject = 'principals x tables'),
    sum(total) FILTER (WHERE subject = 'rows by path'))
  FROM worlds.all_totals
$$;

GRANT SELECT ON ALL TABLES IN SCHEMA worlds, oracle TO PUBLIC;
