-- Random worlds: tenants, people, rights, keys and protected tables, written into the catalogs with plain DML.
-- worlds.generate(seed) makes the same world for the same seed, apart from the uuids and secrets of API keys.

CREATE SCHEMA worlds;
CREATE SCHEMA app;  -- the protected tables
GRANT USAGE ON SCHEMA worlds, oracle, app TO PUBLIC;

CREATE TABLE worlds.logins (purpose text PRIMARY KEY, login name NOT NULL);

CREATE TABLE worlds.secrets (api_key_id uuid PRIMARY KEY, name text NOT NULL, secret text NOT NULL);

-- The tables of a world, beside oracle.relations.  Columns are NULL where the table has none.
CREATE TABLE worlds.tables (
  t int PRIMARY KEY,
  relation text NOT NULL,
  shape text NOT NULL,
  protect_call text NOT NULL,
  organization_column text,
  workspace_column text,
  owner_column text,
  api_key_column text,
  partitions text[] NOT NULL,
  -- protect(…, actions): who changes the note must be allowed to delete the row
  note_needs_delete boolean NOT NULL DEFAULT false
);

---------------------------------------------------------------------------------------------------------------------
-- Chance
---------------------------------------------------------------------------------------------------------------------

CREATE FUNCTION worlds.chance(probability float) RETURNS boolean LANGUAGE sql AS 'SELECT random() < probability';

CREATE FUNCTION worlds.between(low int, high int) RETURNS int LANGUAGE sql AS
  'SELECT low + floor(random() * (high - low + 1))::int';

-- One element; NULL of an empty array. Callers give arrays in a fixed order, so that the seed alone decides.
CREATE FUNCTION worlds.pick(choices anyarray) RETURNS anyelement LANGUAGE plpgsql AS $$
BEGIN
  RETURN choices[worlds.between(1, cardinality(choices))];
END
$$;

CREATE FUNCTION worlds.random_uuid() RETURNS uuid LANGUAGE sql AS 'SELECT overlay(md5(random()::text || random()::text) PLACING ''4'' FROM 13)::uuid';

CREATE FUNCTION worlds.shuffled(choices text[]) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
  other int;
  held text;
BEGIN
  FOR i IN REVERSE cardinality(choices)..2 LOOP
    other := worlds.between(1, i);
    held := choices[i];
    choices[i] := choices[other];
    choices[other] := held;
  END LOOP;
  RETURN choices;
END
$$;

-- External ids: numbers, what only looks like one, pairs that differ by case or blanks, and what wants quoting.
CREATE FUNCTION worlds.external_ids() RETURNS text[] LANGUAGE sql AS $$
  SELECT worlds.shuffled(ARRAY['7', '07', ' 7', '+7', '7.0', '-7', '0', '00', '-0', '42', '43', '44', '45', '46', '101', '102', '103', '104', '105', '106',
    '1e3', '1000', '2147483647', '2147483648', '9223372036854775807', '9223372036854775808', '00000000000000000000000042',
    'acme', 'Acme', 'ACME', 'acme ', 'acme-incorporated', 'acme-incorpo', 'ä', 'o''reilly', 'a b', 'a\b', '{7}', '{a,b}', 'a,b',
    '"q"', 'null', 'NULL', '%', '$1', 'x'') OR true --'])
$$;

---------------------------------------------------------------------------------------------------------------------
-- Once per database
---------------------------------------------------------------------------------------------------------------------

CREATE FUNCTION worlds.set_up() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  login record;
BEGIN
  -- Roles belong to the whole cluster: named after the database, so that databases can be tested side by side.
  FOR login IN SELECT p AS purpose, current_database() || '_' || p AS name
               FROM unnest(ARRAY['trusted', 'plain', 'bound1', 'bound2', 'bound3']) p LOOP
    EXECUTE format('DROP ROLE IF EXISTS %I', login.name);
    EXECUTE format('CREATE ROLE %I LOGIN NOSUPERUSER NOBYPASSRLS', login.name);
    INSERT INTO worlds.logins VALUES (login.purpose, login.name);
  END LOOP;
  EXECUTE format('SELECT tenancy.trust_login(%L)', current_database() || '_trusted');
  PERFORM worlds.make_signing_keys();

  -- Resources of an application's own: one with all actions under data visibility, one without view, whose insert action is
  -- write and whose rows are shared; and more to do with resources of the organization, and with API keys, than is built in.
  IF EXISTS (SELECT FROM pg_proc WHERE pronamespace = 'tenancy'::regnamespace AND proname = 'register_permission') THEN
    PERFORM tenancy.register_permission('gadgets', a, 'Gadgets') FROM unnest(ARRAY['list', 'view', 'create', 'update', 'delete']) a;
    PERFORM tenancy.set_data_visibility('gadgets', true);
    PERFORM tenancy.register_permission(r, 'attribute', 'Name others as owners') FROM unnest(ARRAY['gadgets', 'prompts']) r;
    PERFORM tenancy.register_permission('billing', a, 'Billing') FROM unnest(ARRAY['list', 'view', 'create', 'update', 'delete']) a;
    PERFORM tenancy.register_permission('audit_logs', 'create', 'Audit'), tenancy.register_permission('api_keys', 'export', 'Export');
    PERFORM tenancy.register_permission('widgets', a, 'Widgets') FROM unnest(ARRAY['list', 'write', 'edit', 'delete']) a;
    INSERT INTO tenancy.grants (role_id, resource, action)
    SELECT r.role_id, p.resource, p.action
    FROM tenancy.roles r, tenancy.permissions p
    WHERE r.organization_id IS NULL AND NOT p.built_in
      AND (r.name IN ('owner', 'manager') OR p.action IN ('view', 'list'))
    ON CONFLICT DO NOTHING;
  END IF;
END
$$;

---------------------------------------------------------------------------------------------------------------------
-- A world's parts
---------------------------------------------------------------------------------------------------------------------

CREATE FUNCTION worlds.make_tenants() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  organization_ids text[] := worlds.external_ids();
  workspace_ids text[] := worlds.external_ids();
  user_ids text[] := worlds.external_ids();
  made int := 0;
BEGIN
  FOR o IN 1..worlds.pick(ARRAY[1, 1, 2, 2, 2, 3, 4]) LOOP
    INSERT INTO tenancy.organizations (organization_id, slug, name, external_id)
    VALUES (worlds.random_uuid(), 'o' || o, 'Organization ' || o,
            CASE WHEN worlds.chance(0.7) THEN organization_ids[o] END);
    FOR w IN 1..worlds.between(1, 5) LOOP
      made := made + 1;
      INSERT INTO tenancy.workspaces (workspace_id, organization_id, slug, name, external_id, is_default)
      SELECT worlds.random_uuid(), organization_id, 'w' || w, 'Workspace ' || w,
             CASE WHEN worlds.chance(0.7) THEN workspace_ids[made]
                  WHEN worlds.chance(0.1) AND w = 1 THEN organization_id::text END, w = 1
      FROM tenancy.organizations WHERE slug = 'o' || o;
    END LOOP;
  END LOOP;
  FOR u IN 1..worlds.between(3, 6) LOOP
    INSERT INTO tenancy.users (user_id, email, name, external_id)
    VALUES (worlds.random_uuid(), 'u' || u || '@example.com', 'User ' || u, CASE WHEN worlds.chance(0.7) THEN user_ids[u] END);
  END LOOP;
END
$$;

-- The permissions that tables of these worlds are about.
CREATE FUNCTION worlds.permissions_in_play() RETURNS text[] LANGUAGE sql AS $$
  SELECT array_agg(p.resource || '.' || p.action ORDER BY p.resource, p.action)
  FROM tenancy.permissions p
  WHERE p.resource IN ('logs', 'traces', 'analytics', 'prompts', 'integrations', 'gadgets', 'widgets', 'api_keys', 'billing', 'audit_logs')
    AND p.action IN ('list', 'view', 'write', 'create', 'edit', 'update', 'delete', 'export', 'attribute')
$$;

CREATE FUNCTION worlds.roles_of(organization uuid, role_level text) RETURNS uuid[] LANGUAGE sql AS $$
  SELECT array_agg(r.role_id ORDER BY r.organization_id NULLS FIRST, r.name)
  FROM tenancy.roles r
  WHERE (r.organization_id IS NULL OR r.organization_id = roles_of.organization) AND r.level = role_level
$$;

CREATE FUNCTION worlds.workspaces_of(organization uuid) RETURNS uuid[] LANGUAGE sql AS $$
  SELECT array_agg(w.workspace_id ORDER BY w.slug) FROM tenancy.workspaces w WHERE w.organization_id = organization
$$;

CREATE FUNCTION worlds.make_role(organization uuid, role_level text, role_name text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  role uuid := worlds.random_uuid();
  permission text;
BEGIN
  INSERT INTO tenancy.roles (role_id, organization_id, level, name, all_workspaces)
  VALUES (role, organization, role_level, role_name, role_level = 'organization' AND worlds.chance(0.6));
  FOREACH permission IN ARRAY worlds.permissions_in_play() LOOP
    IF worlds.chance(0.5) THEN
      INSERT INTO tenancy.grants (role_id, organization_id, resource, action, allowed)
      VALUES (role, organization, split_part(permission, '.', 1), split_part(permission, '.', 2), worlds.chance(0.85));
    END IF;
  END LOOP;
END
$$;

-- An override of any role, also of those above overrides, for the organization or one of its workspaces. Now and then a
-- workspace's on what an organization role sees of logs, while it may have one: which can give and not take.
CREATE FUNCTION worlds.make_override(organization uuid) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  about_admins boolean := worlds.chance(0.2);
  permission text := CASE WHEN about_admins THEN worlds.pick(ARRAY['logs.view', 'logs.list']) ELSE worlds.pick(worlds.permissions_in_play()) END;
  about text := split_part(permission, '.', 1);
BEGIN
  INSERT INTO tenancy.grants (role_id, organization_id, workspace_id, resource, action, allowed)
  VALUES (worlds.pick(worlds.roles_of(organization, 'organization') || CASE WHEN NOT about_admins THEN worlds.roles_of(organization, 'workspace') END), organization,
          CASE WHEN about_admins OR about IN ('logs', 'analytics', 'prompts', 'integrations', 'api_keys') AND worlds.chance(0.6)
               THEN worlds.pick(worlds.workspaces_of(organization)) END,
          about, split_part(permission, '.', 2), worlds.chance(0.4))
  ON CONFLICT (role_id, organization_id, workspace_id, resource, action) DO UPDATE SET allowed = NOT grants.allowed;
  IF about_admins AND worlds.chance(0.5) THEN
    INSERT INTO tenancy.workspace_overrides (organization_id, category, allowed) VALUES (organization, 'logs', true)
    ON CONFLICT (organization_id, category) DO NOTHING;
  END IF;
END
$$;

CREATE FUNCTION worlds.make_switch(organization uuid) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO tenancy.visibility (role_id, organization_id, workspace_id, all_rows)
  VALUES (worlds.pick(worlds.roles_of(organization, 'workspace')), organization,
          CASE WHEN worlds.chance(0.5) THEN worlds.pick(worlds.workspaces_of(organization)) END, worlds.chance(0.35))
  ON CONFLICT (role_id, organization_id, workspace_id) DO UPDATE SET all_rows = NOT visibility.all_rows;
END
$$;

CREATE FUNCTION worlds.allow_overrides(organization uuid) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO tenancy.workspace_overrides (organization_id, category, allowed)
  VALUES (organization, worlds.pick(ARRAY['data_visibility', 'logs', 'analytics', 'prompts', 'integrations', 'api_keys']), worlds.chance(0.7))
  ON CONFLICT (organization_id, category) DO UPDATE SET allowed = NOT workspace_overrides.allowed;
END
$$;

CREATE FUNCTION worlds.make_rights() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  organization uuid;
  member record;
  workspace uuid;
BEGIN
  FOR organization IN SELECT organization_id FROM tenancy.organizations ORDER BY slug LOOP
    FOR i IN 1..worlds.between(0, 2) LOOP
      PERFORM worlds.make_role(organization, 'organization', 'custom' || i);
    END LOOP;
    FOR i IN 1..worlds.between(0, 2) LOOP
      PERFORM worlds.make_role(organization, 'workspace', 'custom' || i);
    END LOOP;
    FOR i IN 1..worlds.between(0, 12) LOOP
      PERFORM worlds.make_override(organization);
    END LOOP;
    FOR i IN 1..worlds.between(0, 6) LOOP
      PERFORM worlds.make_switch(organization);
    END LOOP;
    FOR i IN 1..worlds.between(0, 5) LOOP
      PERFORM worlds.allow_overrides(organization);
    END LOOP;

    FOR member IN SELECT user_id, row_number() OVER (ORDER BY email) AS number FROM tenancy.users ORDER BY email LOOP
      IF member.number = 1 OR worlds.chance(0.6) THEN
        INSERT INTO tenancy.organization_members (organization_id, user_id, role_id)
        VALUES (organization, member.user_id,
                CASE WHEN member.number = 1 OR worlds.chance(0.05) THEN (worlds.roles_of(NULL, 'organization'))[3]  -- owner
                     WHEN worlds.chance(0.5) THEN (worlds.roles_of(NULL, 'organization'))[2]  -- member
                     ELSE worlds.pick(worlds.roles_of(organization, 'organization')) END);
        FOREACH workspace IN ARRAY worlds.workspaces_of(organization) LOOP
          IF worlds.chance(0.5) THEN
            INSERT INTO tenancy.workspace_members (workspace_id, user_id, organization_id, role_id)
            VALUES (workspace, member.user_id, organization, worlds.pick(worlds.roles_of(organization, 'workspace')));
          END IF;
        END LOOP;
      ELSIF worlds.chance(0.5) THEN
        -- counts for nothing
        INSERT INTO tenancy.invitations (organization_id, email, role_id, workspaces, expires_at)
        SELECT organization, u.email, worlds.pick(worlds.roles_of(organization, 'organization')),
               jsonb_build_object((worlds.workspaces_of(organization))[1], worlds.pick(worlds.roles_of(organization, 'workspace'))),
               now() + interval '1 day'
        FROM tenancy.users u WHERE u.user_id = member.user_id;
      END IF;
    END LOOP;
    FOR i IN 1..worlds.between(0, 3) LOOP
      PERFORM worlds.make_group(organization);
    END LOOP;
    PERFORM worlds.make_ends(organization), worlds.make_elevations(organization);
    -- The oracle knows members of now alone; rows in the name of who has left are tested by sql/attribution_grace.
    INSERT INTO tenancy.logging_settings (organization_id, setting, value) VALUES (organization, 'attribution_grace_hours', '0');
  END LOOP;
END
$$;

CREATE FUNCTION worlds.make_key(kind text, name text, organization uuid, workspace uuid, member uuid, external_id text)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  key record;
  permission text;
BEGIN
  SELECT * INTO STRICT key FROM tenancy.create_api_key(
    kind => make_key.kind, name => make_key.name, organization => make_key.organization::text,
    workspace => make_key.workspace::text, member => make_key.member::text,
    scopes => worlds.pick(ARRAY[NULL, '["logs.view", "traces.view"]', '["logs.list", "logs.write", "analytics.view"]',
      '{"prompts": "delete", "metrics": "enabled"}', '{"prompts": "write", "integrations": "read"}',
      '{"prompts": "read", "integrations": "delete", "completions": "disabled"}']::jsonb[]),
    external_id => make_key.external_id);
  INSERT INTO worlds.secrets VALUES (key.api_key_id, name, key.secret);
  FOREACH permission IN ARRAY worlds.permissions_in_play() LOOP
    IF worlds.chance(0.4) THEN
      INSERT INTO tenancy.api_key_scopes VALUES (key.api_key_id, split_part(permission, '.', 1), split_part(permission, '.', 2))
      ON CONFLICT DO NOTHING;
    END IF;
  END LOOP;
  IF worlds.chance(CASE kind WHEN 'organization_service_key' THEN 0.3 ELSE 0.15 END) THEN
    UPDATE tenancy.api_keys SET all_scopes = true WHERE api_key_id = key.api_key_id;
  END IF;
END
$$;

CREATE FUNCTION worlds.make_keys() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  external_ids text[] := worlds.external_ids();
  organization record;
  seat record;
  made int := 0;
BEGIN
  FOR organization IN SELECT organization_id, slug FROM tenancy.organizations ORDER BY slug LOOP
    made := made + 1;
    PERFORM worlds.make_key('organization_service_key', organization.slug || ' key', organization.organization_id, NULL, NULL,
                            CASE WHEN worlds.chance(0.6) THEN external_ids[made] END);
    FOR i IN 1..worlds.between(1, 2) LOOP
      made := made + 1;
      PERFORM worlds.make_key('workspace_service_key', organization.slug || ' workspace key ' || i, organization.organization_id,
                              worlds.pick(worlds.workspaces_of(organization.organization_id)), NULL,
                              CASE WHEN worlds.chance(0.6) THEN external_ids[made] END);
    END LOOP;
    FOR seat IN SELECT m.user_id, m.workspace_id, split_part(u.email, '@', 1) AS who, w.slug
                FROM tenancy.workspace_members m JOIN tenancy.users u USING (user_id) JOIN tenancy.workspaces w USING (workspace_id)
                WHERE m.organization_id = organization.organization_id AND (m.ends_at IS NULL OR m.ends_at > now())
                  AND EXISTS (SELECT FROM tenancy.organization_members o WHERE o.organization_id = m.organization_id AND o.user_id = m.user_id
                                AND (o.ends_at IS NULL OR o.ends_at > now()))
                ORDER BY u.email, w.slug LOOP
      IF made < cardinality(external_ids) AND worlds.chance(0.3) THEN
        made := made + 1;
        PERFORM worlds.make_key('workspace_user_key', format('%s key of %s in %s', organization.slug, seat.who, seat.slug),
                                organization.organization_id, seat.workspace_id, seat.user_id,
                                CASE WHEN worlds.chance(0.6) THEN external_ids[made] END);
      END IF;
    END LOOP;
  END LOOP;
END
$$;

CREATE FUNCTION worlds.make_bindings() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  bound uuid;
  seat record;
BEGIN
  SELECT worlds.pick(array_agg(user_id ORDER BY email)) INTO bound FROM tenancy.users;
  INSERT INTO tenancy.login_bindings (login, user_id)
  SELECT login::text::regrole, bound FROM worlds.logins WHERE purpose = 'bound1';

  SELECT m.* INTO seat FROM tenancy.organization_members m JOIN tenancy.users USING (user_id) JOIN tenancy.organizations USING (organization_id)
  ORDER BY slug DESC, email DESC LIMIT 1;
  INSERT INTO tenancy.login_bindings (login, trusted, user_id, organization_id)
  SELECT login::text::regrole, worlds.chance(0.3), seat.user_id, seat.organization_id FROM worlds.logins WHERE purpose = 'bound2';

  SELECT m.*, worlds.pick(worlds.workspaces_of(m.organization_id)) AS workspace_id INTO seat
  FROM tenancy.organization_members m JOIN tenancy.users USING (user_id) JOIN tenancy.organizations USING (organization_id)
  ORDER BY slug, email DESC LIMIT 1;
  INSERT INTO tenancy.login_bindings (login, user_id, organization_id, workspace_id)
  SELECT login::text::regrole, seat.user_id, seat.organization_id, seat.workspace_id FROM worlds.logins WHERE purpose = 'bound3';
END
$$;

-- Changes of rights over time. Keys and memberships are added first, then some are removed.
CREATE FUNCTION worlds.kill_key(key uuid) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  CASE worlds.between(1, 4)
  WHEN 1 THEN
    UPDATE tenancy.api_keys SET revoked_at = now() WHERE api_key_id = key;
  WHEN 2 THEN
    -- long ago: what counts is the time when the client's statement began, here the CALL that makes all worlds
    UPDATE tenancy.api_keys SET expires_at = now() - interval '1 day' WHERE api_key_id = key;
  WHEN 3 THEN
    UPDATE tenancy.api_keys SET rotate_by = now() - interval '1 day' WHERE api_key_id = key;
  ELSE
    DELETE FROM tenancy.api_key_secrets WHERE api_key_id = key;
    UPDATE tenancy.api_keys SET deleted_at = now() WHERE api_key_id = key;
  END CASE;
END
$$;

CREATE FUNCTION worlds.age() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  it record;
BEGIN
  FOR it IN SELECT api_key_id FROM tenancy.api_keys ORDER BY name LOOP
    IF worlds.chance(0.15) THEN
      PERFORM worlds.kill_key(it.api_key_id);
    ELSIF worlds.chance(0.2) THEN
      UPDATE tenancy.api_keys SET expires_at = now() + interval '1 day' WHERE api_key_id = it.api_key_id;
    ELSIF worlds.chance(0.1) THEN
      UPDATE tenancy.api_keys SET rotate_by = now() + interval '1 day' WHERE api_key_id = it.api_key_id;
    END IF;
    -- All sessions come by a socket.
    IF worlds.chance(0.2) THEN
      UPDATE tenancy.api_keys SET allowed_networks = CASE WHEN worlds.chance(0.7) THEN '{192.0.2.0/24,local}' ELSE '{0.0.0.0/0,::/0}' END::text[] WHERE api_key_id = it.api_key_id;
    END IF;
  END LOOP;
  FOR it IN SELECT m.workspace_id, m.user_id
            FROM tenancy.workspace_members m JOIN tenancy.users u USING (user_id)
            JOIN tenancy.workspaces w USING (workspace_id) JOIN tenancy.organizations o ON o.organization_id = w.organization_id
            ORDER BY u.email, o.slug, w.slug LOOP
    IF worlds.chance(0.1) THEN
      DELETE FROM tenancy.workspace_members WHERE workspace_id = it.workspace_id AND user_id = it.user_id;
    END IF;
  END LOOP;
  FOR it IN SELECT m.organization_id, m.user_id
            FROM tenancy.organization_members m JOIN tenancy.users u USING (user_id) JOIN tenancy.organizations o USING (organization_id)
            WHERE u.email <> 'u1@example.com' ORDER BY u.email, o.slug LOOP
    IF worlds.chance(0.06) THEN
      DELETE FROM tenancy.organization_members WHERE organization_id = it.organization_id AND user_id = it.user_id;
    END IF;
  END LOOP;
  -- The last owner of an organization cannot be locked.
  FOR it IN SELECT user_id FROM tenancy.users WHERE email <> 'u1@example.com' ORDER BY email LOOP
    IF worlds.chance(0.12) THEN
      UPDATE tenancy.users SET active = false WHERE user_id = it.user_id;
    END IF;
  END LOOP;
END
$$;

---------------------------------------------------------------------------------------------------------------------
-- Protected tables
---------------------------------------------------------------------------------------------------------------------

-- The value that an application would store for an entity. It may be less careful than the comparison: '07' for 7.
CREATE FUNCTION worlds.stored(type text, id uuid, external_id text) RETURNS text LANGUAGE sql AS $$
  SELECT CASE
    WHEN type = 'uuid' THEN id::text
    WHEN type = 'text' THEN external_id
    WHEN type = 'varchar(12)' THEN left(external_id, 12)
    WHEN type = 'bigint' AND external_id ~ '^ *[-+]?[0-9]{1,18}$' THEN external_id::bigint::text
    WHEN type = 'integer' AND external_id ~ '^ *[-+]?[0-9]{1,9}$' THEN external_id::integer::text
  END
$$;

CREATE FUNCTION worlds.nobody(type text) RETURNS text LANGUAGE sql AS $$
  SELECT CASE
    WHEN type IS NULL THEN NULL
    WHEN type = 'uuid' THEN worlds.random_uuid()::text
    WHEN type IN ('text', 'varchar(12)') THEN worlds.pick(ARRAY['nobody', '', '7 ', '42', 'aCME'])
    ELSE worlds.pick(ARRAY['123456', '-1', '1'])
  END
$$;

-- Random rows: consistent ones for the most part, with values missing, unknown, and now and then at odds with each other.
CREATE FUNCTION worlds.fill(t int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  relation oracle.relations;
  organization_ids uuid[] := ARRAY(SELECT organization_id FROM tenancy.organizations ORDER BY slug);
  workspace_ids uuid[] := ARRAY(SELECT workspace_id FROM tenancy.workspaces w JOIN tenancy.organizations o USING (organization_id)
                                ORDER BY o.slug, w.slug);
  user_ids uuid[] := ARRAY(SELECT user_id FROM tenancy.users ORDER BY email);
  organization tenancy.organizations;
  workspace tenancy.workspaces;
  owner tenancy.users;
  key tenancy.api_keys;
  chosen uuid;
  line oracle.rows;
BEGIN
  SELECT * INTO relation FROM oracle.relations r WHERE r.t = fill.t;
  FOR i IN 1..worlds.between(50, 80) LOOP
    chosen := worlds.pick(organization_ids);
    SELECT * INTO organization FROM tenancy.organizations o WHERE o.organization_id = chosen;
    chosen := CASE WHEN worlds.chance(0.03) THEN worlds.pick(workspace_ids)
                   ELSE worlds.pick(worlds.workspaces_of(organization.organization_id)) END;
    SELECT * INTO workspace FROM tenancy.workspaces w WHERE w.workspace_id = chosen;
    chosen := worlds.pick(user_ids);
    SELECT * INTO owner FROM tenancy.users u WHERE u.user_id = chosen;
    -- half of the keys are the owner's own, so that owner and key often agree
    SELECT worlds.pick(array_agg(k.api_key_id ORDER BY k.name)) INTO chosen FROM tenancy.api_keys k
    WHERE k.organization_id = organization.organization_id AND (i % 2 = 0 OR k.user_id = owner.user_id);
    SELECT * INTO key FROM tenancy.api_keys k WHERE k.api_key_id = chosen;

    line.t := t;
    line.id := i;
    line.organization := CASE
      WHEN worlds.chance(0.08) THEN NULL
      WHEN worlds.chance(0.04) THEN worlds.nobody(relation.organization_type)
      ELSE worlds.stored(relation.organization_type, organization.organization_id, organization.external_id) END;
    line.workspace := CASE
      WHEN worlds.chance(0.12) THEN NULL
      WHEN worlds.chance(0.04) THEN worlds.nobody(relation.workspace_type)
      ELSE worlds.stored(relation.workspace_type, workspace.workspace_id, workspace.external_id) END;
    line.owner := CASE
      WHEN worlds.chance(0.15) THEN NULL
      WHEN worlds.chance(0.04) THEN worlds.nobody(relation.owner_type)
      ELSE worlds.stored(relation.owner_type, owner.user_id, owner.external_id) END;
    line.api_key := CASE
      WHEN worlds.chance(0.1) THEN NULL
      WHEN worlds.chance(0.04) THEN worlds.nobody(relation.api_key_type)
      ELSE worlds.stored(relation.api_key_type, key.api_key_id, key.external_id) END;
    INSERT INTO oracle.rows SELECT line.*;
  END LOOP;
END
$$;

-- The columns that a table has, each with its type and its place in oracle.rows.
CREATE VIEW worlds.columns AS
SELECT t, c.number, c.meaning, c.name, c.type
FROM worlds.tables JOIN oracle.relations USING (t), LATERAL (VALUES
  (1, 'organization', organization_column, organization_type),
  (2, 'workspace', workspace_column, workspace_type),
  (3, 'owner', owner_column, owner_type),
  (4, 'api_key', api_key_column, api_key_type)) c (number, meaning, name, type)
WHERE c.name IS NOT NULL;

-- Some rows are there before the table is protected, and some tables get theirs afterwards.
CREATE FUNCTION worlds.store(table_number int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('INSERT INTO %s (id, note%s) SELECT id, ''note''%s FROM oracle.rows WHERE t = %s',
    (SELECT relation FROM worlds.tables WHERE t = table_number),
    (SELECT string_agg(format(', %I', c.name), '' ORDER BY c.number) FROM worlds.columns c WHERE c.t = table_number),
    (SELECT string_agg(format(', %s::%s', c.meaning, c.type), '' ORDER BY c.number) FROM worlds.columns c WHERE c.t = table_number), table_number);
END
$$;

CREATE FUNCTION worlds.make_table(table_number int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  types text[] := ARRAY['uuid', 'uuid', 'uuid', 'uuid', 'text', 'text', 'text', 'bigint', 'varchar(12)', 'integer'];
  usual_type text := worlds.pick(types);
  level text := worlds.pick(ARRAY['both', 'both', 'organization', 'workspace']);
  has_owner boolean := worlds.chance(0.6);
  has_key boolean := worlds.chance(0.5);
  has_writer boolean := has_owner AND worlds.chance(0.3);
  name text := 'app.' || CASE WHEN worlds.chance(0.2) THEN quote_ident('Table ' || table_number) ELSE 't' || table_number END;
  about text;
  payload_columns name[] := CASE worlds.between(1, 4) WHEN 1 THEN '{}' WHEN 2 THEN '{note}' END;
  partition_by text;
  partition_column text := worlds.pick(ARRAY['organization', 'workspace']);
  partition_key record;
  few text[];
  part text;
  parts text[] := '{}';
  last_part text;
  last_part_late boolean := worlds.chance(0.4);
  filled_before boolean := worlds.chance(0.5);
  is_shared boolean := worlds.chance(0.3);
BEGIN
  SELECT worlds.pick(array_agg(DISTINCT p.resource ORDER BY p.resource)) INTO about FROM tenancy.permissions p
  WHERE p.resource = ANY (CASE WHEN table_number = 1 THEN '{logs,traces,analytics}' ELSE '{logs,prompts,integrations,gadgets,widgets,billing,audit_logs,api_keys}' END::text[]);
  INSERT INTO oracle.relations VALUES (table_number, about, payload_columns,
    CASE WHEN level <> 'workspace' THEN worlds.pick(ARRAY[usual_type, usual_type, worlds.pick(types)]) END,
    CASE WHEN level <> 'organization' THEN worlds.pick(ARRAY[usual_type, usual_type, worlds.pick(types)]) END,
    CASE WHEN has_owner THEN worlds.pick(ARRAY[usual_type, usual_type, worlds.pick(types)]) END,
    CASE WHEN has_key THEN worlds.pick(ARRAY[usual_type, usual_type, worlds.pick(types)]) END);
  INSERT INTO worlds.tables VALUES (table_number, name,
    CASE level WHEN 'both' THEN 'organization, workspace' ELSE level END
      || CASE WHEN has_owner THEN ', owner' ELSE '' END || CASE WHEN has_key THEN ', key' ELSE '' END, '',
    CASE WHEN level <> 'workspace' THEN worlds.pick(ARRAY['organization_id', 'tenant', 'Organization Id', 'order']) END,
    CASE WHEN level <> 'organization' THEN worlds.pick(ARRAY['workspace_id', 'workspace', 'Team"s', 'group']) END,
    CASE WHEN has_owner THEN worlds.pick(ARRAY['user_id', 'owner', 'user']) END,
    CASE WHEN has_key THEN worlds.pick(ARRAY['api_key_id', 'key', 'Key']) END, '{}');

  -- By list, one partition holds the values of a few organizations or workspaces, and the other the rest.
  SELECT c.* INTO partition_key FROM worlds.columns c
  WHERE c.t = table_number AND c.number <= 2 ORDER BY c.meaning <> partition_column LIMIT 1;
  SELECT array_agg(v ORDER BY v) INTO few FROM (
    SELECT DISTINCT worlds.stored(partition_key.type, id, external_id) COLLATE "C" AS v
    FROM (SELECT 'organization' AS meaning, slug, organization_id AS id, external_id FROM tenancy.organizations
          UNION ALL SELECT 'workspace', slug, workspace_id, external_id FROM tenancy.workspaces) entities
    WHERE meaning = partition_key.meaning AND slug IN ('o1', 'w1', 'w2')) stored
  WHERE v IS NOT NULL;
  partition_by := worlds.pick(ARRAY['none', 'none', CASE WHEN few IS NULL THEN 'hash' ELSE 'list' END, 'hash']);
  EXECUTE format('CREATE TABLE %s (id int%s, note text%s%s)%s', name, CASE WHEN partition_by = 'none' THEN ' PRIMARY KEY' ELSE '' END,
    (SELECT string_agg(format(', %I %s', c.name, c.type), '' ORDER BY c.number) FROM worlds.columns c WHERE c.t = table_number),
    CASE WHEN has_writer THEN ', writer uuid' ELSE '' END,
    CASE WHEN partition_by <> 'none' THEN format(' PARTITION BY %s (%I)', partition_by, partition_key.name) ELSE '' END);
  IF partition_by <> 'none' THEN
    UPDATE oracle.relations r SET partition_key = partition_key.meaning WHERE r.t = table_number;
    parts := ARRAY[format('app.t%s_one', table_number), format('app.t%s_other', table_number)];
    EXECUTE format('CREATE TABLE %s PARTITION OF %s FOR VALUES %s', parts[1], name,
      CASE partition_by WHEN 'hash' THEN 'WITH (MODULUS 2, REMAINDER 0)'
           ELSE format('IN (%s)', (SELECT string_agg(quote_literal(v), ', ') FROM unnest(few) v)) END);
    last_part := format('CREATE TABLE %s PARTITION OF %s %s', parts[2], name,
      CASE partition_by WHEN 'hash' THEN 'FOR VALUES WITH (MODULUS 2, REMAINDER 1)' ELSE 'DEFAULT' END);
  END IF;

  IF last_part IS NOT NULL AND NOT last_part_late THEN
    EXECUTE last_part;
  END IF;
  PERFORM worlds.fill(table_number);
  filled_before := filled_before AND (last_part IS NULL OR NOT last_part_late);
  IF filled_before THEN
    PERFORM worlds.store(table_number);
  END IF;
  UPDATE oracle.relations r SET shared = is_shared,
    workspace_decides = filled_before AND level = 'both' AND EXISTS (
      SELECT FROM oracle.rows x WHERE x.t = table_number AND x.organization IS NULL AND x.workspace IS NOT NULL)
  WHERE r.t = table_number;
  UPDATE worlds.tables w SET note_needs_delete = worlds.chance(0.4)
    AND EXISTS (SELECT FROM tenancy.permissions p WHERE p.resource = about AND p.action = 'delete')
  WHERE w.t = table_number;
  UPDATE worlds.tables w SET partitions = parts, protect_call = format(
    'SELECT tenancy.protect(%L, %L, organization => %L, workspace => %L, owner => %L, api_key => %L, payload => %L, create_indexes => %L, shared => %L, actions => %L, initiator => %L)',
    name, about, w.organization_column, w.workspace_column, CASE WHEN has_writer THEN 'writer' ELSE w.owner_column END, w.api_key_column, payload_columns, worlds.chance(0.2), is_shared,
    CASE WHEN w.note_needs_delete THEN '{"delete": ["note"]}' END, CASE WHEN has_writer THEN w.owner_column END)
  WHERE w.t = table_number;
  EXECUTE (SELECT w.protect_call FROM worlds.tables w WHERE w.t = table_number);
  IF last_part IS NOT NULL AND last_part_late THEN
    EXECUTE last_part;
  END IF;

  FOREACH part IN ARRAY name || parts LOOP
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO PUBLIC', part);
  END LOOP;
  IF NOT filled_before THEN
    PERFORM worlds.store(table_number);
  END IF;
  IF worlds.chance(0.3) THEN
    EXECUTE format('ANALYZE %s', name);
  END IF;
END
$$;

-- A table that knows its tenant by rows of another one only. Each of those has one row here, with the same number.
CREATE FUNCTION worlds.make_child(table_number int, parent_number int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  parent worlds.tables;
  of_parent oracle.relations;
  about text;
  filled_before boolean := worlds.chance(0.5);
  is_shared boolean := worlds.chance(0.3);
BEGIN
  SELECT * INTO parent FROM worlds.tables w WHERE w.t = parent_number;
  SELECT * INTO of_parent FROM oracle.relations r WHERE r.t = parent_number;
  SELECT worlds.pick(array_agg(DISTINCT p.resource ORDER BY p.resource)) INTO about FROM tenancy.permissions p
  WHERE p.resource IN ('logs', 'prompts', 'gadgets', 'widgets', 'api_keys', 'billing', of_parent.resource);
  INSERT INTO oracle.relations VALUES (table_number, about, NULL, of_parent.organization_type, of_parent.workspace_type,
    of_parent.owner_type, of_parent.api_key_type, NULL, is_shared, of_parent.workspace_decides, parent_number);
  INSERT INTO oracle.rows
  SELECT table_number, r.id, NULL, r.organization, r.workspace, r.owner, r.api_key FROM oracle.rows r WHERE r.t = parent_number;
  UPDATE oracle.relations r SET workspace_decides = of_parent.workspace_decides
    OR filled_before AND of_parent.organization_type IS NOT NULL AND of_parent.workspace_type IS NOT NULL AND EXISTS (
      SELECT FROM oracle.rows x WHERE x.t = table_number AND x.organization IS NULL AND x.workspace IS NOT NULL)
  WHERE r.t = table_number;
  INSERT INTO worlds.tables VALUES (table_number, 'app.t' || table_number, parent.shape || ', by a parent',
    format('SELECT tenancy.protect(''app.t%s'', %L, through => ''{parent_id}'', shared => %L)', table_number, about, is_shared),
    parent.organization_column, parent.workspace_column, parent.owner_column, parent.api_key_column, '{}');
  EXECUTE format('CREATE TABLE app.t%s (id int, parent_id int NOT NULL REFERENCES %s ON DELETE CASCADE, note text)', table_number, parent.relation);
  IF filled_before THEN
    EXECUTE format('INSERT INTO app.t%1$s SELECT id, id, ''note'' FROM oracle.rows WHERE t = %1$s', table_number);
  END IF;
  EXECUTE (SELECT w.protect_call FROM worlds.tables w WHERE w.t = table_number);
  EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON app.t%s TO PUBLIC', table_number);
  IF NOT filled_before THEN
    EXECUTE format('INSERT INTO app.t%1$s SELECT id, id, ''note'' FROM oracle.rows WHERE t = %1$s', table_number);
  END IF;
END
$$;

---------------------------------------------------------------------------------------------------------------------
-- The whole
---------------------------------------------------------------------------------------------------------------------

CREATE FUNCTION worlds.generate(seed int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM setseed((seed % 1000000) / 1000000.0);
  PERFORM worlds.make_tenants();
  PERFORM worlds.make_rights();
  PERFORM worlds.make_keys();
  PERFORM worlds.make_tokens();
  PERFORM worlds.make_bindings();
  PERFORM worlds.age();
  ANALYZE tenancy.grants, tenancy.roles, tenancy.workspaces, tenancy.organization_members, tenancy.workspace_members, tenancy.group_members, tenancy.group_roles, tenancy.api_keys;
  FOR t IN 1..worlds.between(2, 3) LOOP
    PERFORM worlds.make_table(t);
  END LOOP;
  PERFORM worlds.make_child(10 + r.t, r.t) FROM oracle.relations r WHERE r.partition_key IS NULL ORDER BY r.t LIMIT 1;
  PERFORM worlds.make_kept(20);
END
$$;

CREATE FUNCTION worlds.remove() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  relation text;
BEGIN
  DELETE FROM tenancy.logging_settings WHERE setting = 'legal_hold';
  FOR relation IN SELECT w.relation FROM worlds.tables w ORDER BY w.t DESC LOOP  -- children first
    EXECUTE format('SELECT tenancy.unprotect(%L)', relation);
    EXECUTE format('DROP TABLE %s', relation);
  END LOOP;
  DELETE FROM tenancy.login_bindings WHERE login <> (SELECT login::text::regrole FROM worlds.logins WHERE purpose = 'trusted');
  DELETE FROM tenancy.organizations;
  DELETE FROM tenancy.users;
  PERFORM tenancy.set_data_visibility('gadgets', true), tenancy.set_data_visibility('widgets', false);
  TRUNCATE oracle.principals, oracle.tokens, oracle.relations, oracle.rows, oracle.holds, oracle.reach, oracle.seen, oracle.viewers, oracle.answers,
    worlds.secrets, worlds.tokens, worlds.tables, worlds.principals, worlds.candidates, worlds.verdicts, worlds.expected;
END
$$;

-- A group with some members, and roles in some places.
CREATE FUNCTION worlds.make_group(organization uuid) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  the_group uuid;
  workspace uuid;
  member uuid;
BEGIN
  INSERT INTO tenancy.groups (organization_id, name)
  SELECT organization, 'group ' || count(*) FROM tenancy.groups g WHERE g.organization_id = make_group.organization RETURNING group_id INTO the_group;
  FOR member IN SELECT m.user_id FROM tenancy.organization_members m JOIN tenancy.users u USING (user_id) WHERE m.organization_id = organization ORDER BY u.email LOOP
    IF worlds.chance(0.4) THEN
      INSERT INTO tenancy.group_members (group_id, user_id, organization_id) VALUES (the_group, member, organization);
    END IF;
  END LOOP;
  IF worlds.chance(0.3) THEN
    INSERT INTO tenancy.group_roles (group_id, workspace_id, organization_id, role_id)
    VALUES (the_group, NULL, organization, worlds.pick(worlds.roles_of(organization, 'organization')));
  END IF;
  FOREACH workspace IN ARRAY worlds.workspaces_of(organization) LOOP
    IF worlds.chance(0.3) THEN
      INSERT INTO tenancy.group_roles (group_id, workspace_id, organization_id, role_id)
      VALUES (the_group, workspace, organization, worlds.pick(worlds.roles_of(organization, 'workspace')));
    END IF;
  END LOOP;
END
$$;

-- Ends of some roles, long past and far off. Owners that an organization can't be without have none.
CREATE FUNCTION worlds.make_ends(organization uuid) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  UPDATE tenancy.organization_members m SET ends_at = now() + interval '1 year' * worlds.pick(ARRAY[-1, 1, 1])
  FROM tenancy.users u WHERE u.user_id = m.user_id AND u.email <> 'u1@example.com' AND m.organization_id = make_ends.organization AND worlds.chance(0.15);
  UPDATE tenancy.workspace_members m SET ends_at = now() + interval '1 year' * worlds.pick(ARRAY[-1, 1, 1])
  WHERE m.organization_id = make_ends.organization AND worlds.chance(0.2);
  UPDATE tenancy.group_roles r SET ends_at = now() + interval '1 year' * worlds.pick(ARRAY[-1, 1, 1])
  WHERE r.organization_id = make_ends.organization AND worlds.chance(0.2);
  UPDATE tenancy.group_members m SET ends_at = now() + interval '1 year' * worlds.pick(ARRAY[-1, 1, 1])
  WHERE m.organization_id = make_ends.organization AND worlds.chance(0.2);
  UPDATE tenancy.grants g SET ends_at = now() + interval '1 year' * worlds.pick(ARRAY[-1, 1, 1])
  WHERE g.organization_id = make_ends.organization AND worlds.chance(0.2);
END
$$;

-- Roles that some members have taken for a time, by rules about them, about a role or about a group: current, ended, and not approved.
CREATE FUNCTION worlds.make_elevations(organization uuid) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  member record;
  level text;
  the_role uuid;
  the_rule uuid;
  kind int;
BEGIN
  FOR member IN SELECT m.user_id FROM tenancy.organization_members m JOIN tenancy.users u USING (user_id) WHERE m.organization_id = organization ORDER BY u.email LOOP
    CONTINUE WHEN NOT worlds.chance(0.3);
    level := worlds.pick(ARRAY['organization', 'workspace']);
    the_role := worlds.pick(worlds.roles_of(organization, level));
    kind := worlds.between(1, 3);
    INSERT INTO tenancy.elevation_rules AS r (organization_id, role_id, user_id, subject_role_id, group_id, maximum)
    SELECT organization, the_role, CASE WHEN v.kind = 1 THEN member.user_id END, CASE WHEN v.kind = 2 THEN worlds.pick(worlds.roles_of(organization, worlds.pick(ARRAY['organization', 'workspace']))) END,
           CASE WHEN v.kind = 3 THEN v.a_group END, '1 day'
    FROM (SELECT CASE WHEN kind = 3 AND g.a_group IS NULL THEN 1 ELSE kind END AS kind, g.a_group
          FROM (SELECT worlds.pick(ARRAY(SELECT g.group_id FROM tenancy.groups g WHERE g.organization_id = organization ORDER BY g.name)) AS a_group) g) v
    ON CONFLICT ON CONSTRAINT elevation_rules_key DO UPDATE SET maximum = EXCLUDED.maximum RETURNING r.rule_id INTO the_rule;
    INSERT INTO tenancy.elevations (organization_id, user_id, role_id, workspace_id, rule_id, reason, duration, ends_at)
    VALUES (organization, member.user_id, the_role, CASE level WHEN 'workspace' THEN worlds.pick(worlds.workspaces_of(organization)) END, the_rule, 'by chance', '1 day',
            now() + interval '1 day' * worlds.pick(ARRAY[1, 1, 1, -1, NULL]));
  END LOOP;
END
$$;

-- One change of rights, of any kind.
CREATE FUNCTION worlds.change() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  organization uuid;
  seat tenancy.workspace_members;
  key uuid;
BEGIN
  SELECT worlds.pick(array_agg(organization_id ORDER BY slug)) INTO organization FROM tenancy.organizations;
  SELECT worlds.pick(array_agg(k.api_key_id ORDER BY k.name)) INTO key FROM tenancy.api_keys k WHERE k.organization_id = organization;
  seat := worlds.pick(ARRAY(
    SELECT m FROM tenancy.workspace_members m JOIN tenancy.users u USING (user_id) JOIN tenancy.workspaces w USING (workspace_id)
    WHERE m.organization_id = organization ORDER BY u.email, w.slug));
  CASE worlds.between(1, 25)
  WHEN 1 THEN
    PERFORM worlds.make_switch(organization);
  WHEN 18 THEN
    PERFORM worlds.make_group(organization);
  WHEN 25 THEN
    PERFORM worlds.make_kept_settings(organization);
  WHEN 21 THEN
    PERFORM worlds.make_ends(organization);
  WHEN 23 THEN
    PERFORM worlds.make_elevations(organization);
  WHEN 24 THEN
    DELETE FROM tenancy.elevation_rules r WHERE r.organization_id = organization;
  WHEN 22 THEN
    UPDATE tenancy.workspace_members m SET ends_at = NULL WHERE m.organization_id = organization;
  WHEN 19 THEN
    DELETE FROM tenancy.group_members m USING tenancy.groups g WHERE g.group_id = m.group_id AND g.organization_id = organization AND m.user_id = seat.user_id;
  WHEN 20 THEN
    UPDATE tenancy.group_roles r SET role_id = worlds.pick(worlds.roles_of(organization, CASE WHEN r.workspace_id IS NULL THEN 'organization' ELSE 'workspace' END))
    WHERE r.organization_id = organization;
  WHEN 2 THEN
    PERFORM worlds.allow_overrides(organization);
  WHEN 3 THEN
    PERFORM worlds.make_override(organization);
  WHEN 4 THEN
    DELETE FROM tenancy.grants g WHERE g.organization_id = organization AND g.action IN ('view', 'list');
  WHEN 5 THEN
    DELETE FROM tenancy.visibility v WHERE v.organization_id = organization;
  WHEN 6 THEN
    DELETE FROM tenancy.workspace_members WHERE workspace_id = seat.workspace_id AND user_id = seat.user_id;
  WHEN 7 THEN
    UPDATE tenancy.workspace_members SET role_id = worlds.pick(worlds.roles_of(organization, 'workspace'))
    WHERE workspace_id = seat.workspace_id AND user_id = seat.user_id;
  WHEN 8 THEN
    INSERT INTO tenancy.workspace_members (workspace_id, user_id, organization_id, role_id)
    SELECT w.workspace_id, m.user_id, organization, seat.role_id
    FROM tenancy.organization_members m, tenancy.workspaces w
    WHERE m.organization_id = organization AND w.organization_id = organization AND w.slug = 'w1' AND seat.role_id IS NOT NULL
    ON CONFLICT DO NOTHING;
  WHEN 9 THEN
    UPDATE tenancy.organization_members SET role_id = worlds.pick(worlds.roles_of(organization, 'organization'))
    WHERE organization_id = organization AND user_id = seat.user_id
      AND user_id <> (SELECT user_id FROM tenancy.users WHERE email = 'u1@example.com');
  WHEN 10 THEN
    DELETE FROM tenancy.organization_members
    WHERE organization_id = organization AND user_id = seat.user_id
      AND user_id <> (SELECT user_id FROM tenancy.users WHERE email = 'u1@example.com');
  WHEN 11 THEN
    UPDATE tenancy.users SET active = NOT active WHERE user_id = seat.user_id AND email <> 'u1@example.com';
  WHEN 12 THEN
    PERFORM worlds.kill_key(key);
  WHEN 13 THEN
    DELETE FROM tenancy.api_key_scopes WHERE api_key_id = key AND action IN ('view', 'list');
  WHEN 14 THEN
    INSERT INTO tenancy.api_key_scopes SELECT key, resource, action FROM tenancy.permissions
    ON CONFLICT DO NOTHING;
    UPDATE tenancy.roles SET all_workspaces = NOT all_workspaces WHERE organization_id = organization AND level = 'organization';
  WHEN 15 THEN
    -- 'nobody' and 123456 are in tables already: rows that belonged to no one find their owner
    IF worlds.chance(0.5) THEN
      UPDATE tenancy.workspaces w SET external_id = CASE WHEN w.external_id IS NULL THEN '123456' END
      WHERE w.workspace_id = (worlds.workspaces_of(organization))[1]
        AND NOT EXISTS (SELECT FROM tenancy.workspaces o WHERE o.external_id = '123456');
    ELSE
      UPDATE tenancy.users u SET external_id = CASE WHEN u.external_id IS NULL THEN 'nobody' END
      WHERE u.user_id = seat.user_id AND NOT EXISTS (SELECT FROM tenancy.users o WHERE o.external_id = 'nobody');
    END IF;
  WHEN 16 THEN
    PERFORM worlds.configure_tokens(organization);
  WHEN 17 THEN
    PERFORM tenancy.set_data_visibility(worlds.pick(ARRAY['gadgets', 'widgets']), worlds.chance(0.5));
  END CASE;
END
$$;
