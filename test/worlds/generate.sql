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

\ir generate_chance.sql
\ir generate_rights.sql
\ir generate_keys.sql
\ir generate_changes.sql
\ir generate_tables.sql

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
  TRUNCATE tenancy.given_external_ids;
  PERFORM tenancy.set_data_visibility('gadgets', true), tenancy.set_data_visibility('widgets', false);
  TRUNCATE oracle.principals, oracle.tokens, oracle.relations, oracle.rows, oracle.holds, oracle.reach, oracle.seen, oracle.viewers, oracle.answers,
    worlds.secrets, worlds.tokens, worlds.tables, worlds.principals, worlds.candidates, worlds.verdicts, worlds.expected;
END
$$;
