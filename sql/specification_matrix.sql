-- The gateway's tables of roles and of API keys, cell by cell as they are written there, against what statements and authorize() do.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
SET client_min_messages = warning;
CREATE TABLE cells (feature text, verbs text, owner text, admin text, member text);
INSERT INTO cells VALUES
  ('logs', 'View, Filter, Group', 'View, Filter, Group', 'View, Filter, Group', 'View, Filter, Group'),
  ('analytics', 'View, Filter, Group', 'View, Filter, Group', 'View, Filter, Group', 'View, Filter, Group'),
  ('prompts', 'List, View, Create, Update, Delete, Publish', 'List, View, Create, Update, Delete, Publish', 'List, View, Create, Update, Delete, Publish', 'List, View, Create, Update'),
  ('configs', 'List, View, Create, Update, Delete', 'List, View, Create, Update, Delete', 'List, View, Create, Update, Delete', 'List, View, Create'),
  ('guardrails', 'List, View, Create, Update, Delete', 'List, View, Create, Update, Delete', 'List, View, Create, Update, Delete', 'List, View, Create, Update'),
  ('integrations', 'List, Create, Edit, Duplicate, Delete, Copy', 'List, Create, Edit, Duplicate, Delete, Copy', 'List, Create, Edit, Duplicate, Delete, Copy', 'List, Copy'),
  ('providers', 'List, Create, Edit, Duplicate, Delete, Copy', 'List, Create, Edit, Duplicate, Delete, Copy', 'List, Create, Edit, Duplicate, Delete, Copy', 'List, Copy'),
  ('models', 'List, Create, Edit, Duplicate, Delete, Copy', 'List, Create, Edit, Duplicate, Delete, Copy', 'List, Create, Edit, Duplicate, Delete, Copy', 'List, Copy'),
  ('team', 'Add users, assign roles', 'Add users, assign roles', 'Add users, assign roles', '-'),
  ('organization', 'Update', 'Update', 'Update', '-'),
  ('api_keys', 'Create, Edit, Delete, Update, Rotate', 'Create, Edit, Delete, Update, Rotate', 'Create, Edit, Delete, Update, Rotate', '-'),
  ('billing', 'Manage', 'Manage', '-', '-');
CREATE FUNCTION actions(cell text) RETURNS text[] IMMUTABLE LANGUAGE sql AS $$
  SELECT ARRAY(SELECT replace(lower(v), ' ', '_') FROM regexp_split_to_table(nullif(cell, '-'), ', ') v)
$$;
-- A table for each feature that has rows, with one in a workspace.
CREATE FUNCTION make_table(feature text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('CREATE TABLE %I (id serial, note text, organization_id uuid, workspace_id uuid)', 'of_' || feature);
  PERFORM tenancy.protect(('of_' || feature)::regclass, feature, organization => 'organization_id', workspace => 'workspace_id', create_indexes => true);
  EXECUTE format('INSERT INTO %I (note, organization_id, workspace_id) SELECT ''there'', organization_id, workspace_id FROM tenancy.workspaces WHERE slug = ''search''', 'of_' || feature);
  EXECUTE format('GRANT ALL ON %1$I, %1$s_id_seq TO regress_app', 'of_' || feature);
END
$$;
SELECT make_table(feature) FROM cells WHERE feature NOT IN ('team', 'organization', 'api_keys', 'billing') \g /dev/null
-- The commands that somebody can do there, each taken back.
CREATE FUNCTION does(who text, feature text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  what record;
  done text := '';
  touched bigint;
BEGIN
  CALL app.become(who, true);
  FOR what IN SELECT * FROM (VALUES ('s', 'SELECT count(*) FROM app.of_%s'), ('i', 'INSERT INTO app.of_%s (note, workspace_id) SELECT ''new'', workspace_id FROM app.place'),
                              ('u', 'UPDATE app.of_%s SET note = ''changed'''), ('d', 'DELETE FROM app.of_%s')) v (letter, command) LOOP
    BEGIN
      IF what.letter = 's' THEN
        EXECUTE format(what.command, feature) INTO touched;
      ELSE
        EXECUTE format(what.command, feature);
        GET DIAGNOSTICS touched = ROW_COUNT;
      END IF;
      IF touched > 0 THEN
        done := done || what.letter;
      END IF;
      RAISE EXCEPTION USING ERRCODE = 'TEST1';
    EXCEPTION WHEN SQLSTATE 'TEST1' OR insufficient_privilege THEN
      NULL;
    END;
  END LOOP;
  RETURN done;
END
$$;
CREATE TABLE place AS SELECT workspace_id FROM tenancy.workspaces WHERE slug = 'search';
CREATE FUNCTION commands(actions text[]) RETURNS text IMMUTABLE LANGUAGE sql AS $$
  SELECT CASE WHEN actions && '{list,view}' THEN 's' ELSE '' END || CASE WHEN 'create' = ANY (actions) THEN 'i' ELSE '' END
      || CASE WHEN actions && '{update,edit}' THEN 'u' ELSE '' END || CASE WHEN 'delete' = ANY (actions) THEN 'd' ELSE '' END
$$;
CREATE FUNCTION held(who text, feature text, asked text[]) RETURNS text[] LANGUAGE plpgsql AS $$
BEGIN
  CALL app.become(who, true);
  RETURN ARRAY(SELECT a FROM unnest(asked) WITH ORDINALITY a (a, n) WHERE tenancy.authorize(feature, a, 'search') ORDER BY n);
END
$$;
GRANT SELECT ON cells, place TO regress_app;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA app TO regress_app;
CREATE VIEW expected AS
SELECT c.feature, r.who, actions(c.verbs) AS asked, actions(r.cell) AS actions
FROM cells c, LATERAL (VALUES ('olivia', c.owner), ('adam', c.admin), ('mike', c.member)) r (who, cell);
GRANT SELECT ON expected TO regress_app;
SET SESSION AUTHORIZATION regress_app;
-- Differences: none
SELECT e.feature, e.who, e.actions, held(e.who, e.feature, e.asked) AS authorized FROM expected e WHERE held(e.who, e.feature, e.asked) <> e.actions;
SELECT e.feature, e.who, commands(e.actions) AS expected, does(e.who, e.feature) AS done FROM expected e
WHERE e.feature NOT IN ('logs', 'analytics', 'team', 'organization', 'api_keys', 'billing') AND does(e.who, e.feature) <> commands(e.actions);
-- Logs and analytics have no verb that writes; owners and admins can write them all the same, and nobody changes them.
SELECT e.feature, e.who, does(e.who, e.feature) AS done FROM expected e WHERE e.feature IN ('logs', 'analytics') ORDER BY 1, 2;
-- Outsiders: a member elsewhere in the organization, an owner of another one, nobody
SELECT DISTINCT who, does(who, feature) AS done FROM cells, unnest(ARRAY['wanda', 'gus', 'nobody']) who WHERE feature IN ('logs', 'prompts', 'integrations') ORDER BY 1;
CALL become('nobody');
RESET SESSION AUTHORIZATION;

-- Permissions of API keys: levels, each including those before it
CREATE FUNCTION key_of(feature text, level text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  name CONSTANT text := feature || ' ' || level;
BEGIN
  INSERT INTO app.secrets SELECT name, secret FROM tenancy.create_api_key('workspace_service_key', name, 'acme', 'search',
    scopes => CASE level WHEN 'default' THEN NULL ELSE jsonb_build_object(feature, level) END);
  RETURN name;
END
$$;
CREATE TABLE levels AS
SELECT c.feature, l.level, key_of(c.feature, l.level) AS key, CASE WHEN l.level = 'default' AND c.feature <> 'prompts' THEN 0 ELSE l.n END AS n
FROM cells c, (VALUES ('disabled', 0), ('read', 1), ('write', 2), ('delete', 3), ('default', 1)) l (level, n)
WHERE c.feature IN ('prompts', 'configs', 'guardrails', 'integrations', 'providers', 'models');
GRANT SELECT ON levels TO regress_app;
SET SESSION AUTHORIZATION regress_app;
SELECT l.key, l.n, does(l.key, l.feature) AS done FROM levels l WHERE does(l.key, l.feature) <> (ARRAY['', 's', 'siu', 'siud'])[l.n + 1];
CALL become('nobody');
RESET SESSION AUTHORIZATION;
CREATE TABLE switches AS
SELECT v.feature, v.level, key_of(v.feature, v.level) AS key FROM (VALUES ('metrics', 'disabled'), ('metrics', 'enabled'), ('completions', 'disabled'), ('completions', 'enabled')) v (feature, level);
GRANT SELECT ON switches TO regress_app;
SET SESSION AUTHORIZATION regress_app;
SELECT s.key, does(s.key, 'analytics') AS analytics, does(s.key, 'logs') AS logs, does(s.key, 'prompts') AS prompts FROM switches s ORDER BY 1;
-- Defaults: metrics disabled, completions enabled
SELECT held('prompts default', 'completions', '{write}') AS completions, held('prompts default', 'analytics', '{view,filter,group}') AS metrics, held('prompts default', 'team', '{list,view,add_users}') AS users;
CALL become('nobody');
RESET SESSION AUTHORIZATION;
SELECT tenancy.unprotect(('of_' || feature)::regclass) FROM cells WHERE feature NOT IN ('team', 'organization', 'api_keys', 'billing') \g /dev/null
