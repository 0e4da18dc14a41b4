-- Every setting of section 4 of the access model, in every state that an organization and a workspace can give it, against
-- what the model's table says: for authorize(), for the rows seen, and for settings().
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
SET client_min_messages = warning;
\o /dev/null

-- The table, word for word. Nothing here is read from the extension.
CREATE TABLE model (category text, setting text, role text, resource text, actions text[], normally boolean);
INSERT INTO model
SELECT category, setting, role, resource, string_to_array(actions, ' '), normally
FROM (VALUES
  ('data_visibility', 'managers_view_all_data', 'manager', NULL, NULL, true),
  ('data_visibility', 'members_view_all_data', 'member', NULL, NULL, true),
  ('logs', 'managers_view_logs', 'manager', 'logs', 'view', true),
  ('logs', 'members_view_logs', 'member', 'logs', 'view', true),
  ('logs', 'org_admins_view_logs', 'org admin', 'logs', 'view', true),
  ('logs', 'managers_view_logs_metadata', 'manager', 'logs', 'list', true),
  ('logs', 'members_view_logs_metadata', 'member', 'logs', 'list', true),
  ('logs', 'org_admins_view_logs_metadata', 'org admin', 'logs', 'list', true),
  ('analytics', 'managers_view_analytics', 'manager', 'analytics', 'view', true),
  ('analytics', 'members_view_analytics', 'member', 'analytics', 'view', true),
  ('api_keys', 'managers_view_keys', 'manager', 'api_keys', 'list view', true),
  ('api_keys', 'managers_manage_keys', 'manager', 'api_keys', 'create edit delete update rotate', true),
  ('api_keys', 'members_view_keys', 'member', 'api_keys', 'list view', false),
  ('api_keys', 'members_manage_keys', 'member', 'api_keys', 'create edit delete update rotate', false),
  ('prompts', 'managers_view_prompts', 'manager', 'prompts', 'list view', true),
  ('prompts', 'managers_write_prompts', 'manager', 'prompts', 'create update delete publish', true),
  ('prompts', 'members_view_prompts', 'member', 'prompts', 'list view', true),
  ('prompts', 'members_write_prompts', 'member', 'prompts', 'create update', true),
  ('guardrails', 'managers_view_guardrails', 'manager', 'guardrails', 'list view', true),
  ('guardrails', 'managers_write_guardrails', 'manager', 'guardrails', 'create update delete', true),
  ('guardrails', 'members_view_guardrails', 'member', 'guardrails', 'list view', true),
  ('integrations', 'managers_write_integrations', 'manager', 'integrations', 'create edit duplicate delete', true)
) v (category, setting, role, resource, actions, normally);

-- One person for each role, all of them in search; mike's key has prompts.*, logs.list, logs.view and logs.write.
SELECT tenancy.set_workspace_role('acme/search', 'wanda@acme.test', 'admin');
CREATE TABLE cast_of_roles (n int, who text PRIMARY KEY, role text);
INSERT INTO cast_of_roles VALUES (1, 'olivia', 'owner'), (2, 'adam', 'org admin'), (3, 'wanda', 'workspace admin'),
  (4, 'mona', 'manager'), (5, 'mike', 'member'), (6, 'mike key', 'member');

-- Permissions of a role in a workspace without settings, among those that settings can change.
CREATE FUNCTION holds_normally(who text, role text, resource text, action text) RETURNS boolean LANGUAGE sql AS $$
  SELECT (role <> 'member' OR resource || '.' || action = ANY (
           '{logs.view,logs.list,analytics.view,prompts.list,prompts.view,prompts.create,prompts.update,guardrails.list,guardrails.view,guardrails.create,guardrails.update,integrations.list,integrations.copy}'))
         AND (who <> 'mike key' OR resource = 'prompts' OR resource || '.' || action IN ('logs.list', 'logs.view'))
$$;

-- Tables under each resource that can be looked at: in search, 4 rows, of them 2 mike's and 1 mona's; in support, 2.
ALTER TABLE logs DROP COLUMN api_key_id;
CREATE TABLE metadata AS SELECT * FROM logs;
CREATE TABLE analytics AS SELECT * FROM logs;
CREATE TABLE guardrails AS SELECT * FROM logs;
SELECT tenancy.protect('logs', 'logs', organization => 'organization_id', workspace => 'workspace_id', owner => 'user_id');
SELECT tenancy.protect('metadata', 'logs', organization => 'organization_id', workspace => 'workspace_id', owner => 'user_id', payload => '{}');
SELECT tenancy.protect('analytics', 'analytics', organization => 'organization_id', workspace => 'workspace_id', owner => 'user_id');
SELECT tenancy.protect('prompts', 'prompts', organization => 'organization_id', workspace => 'workspace_id', owner => 'user_id');
SELECT tenancy.protect('guardrails', 'guardrails', organization => 'organization_id', workspace => 'workspace_id', owner => 'user_id');
GRANT ALL ON ALL TABLES IN SCHEMA app TO PUBLIC;
CREATE TABLE viewed (relation text, resource text, any_of text[]);
INSERT INTO viewed VALUES ('logs', 'logs', '{view}'), ('metadata', 'logs', '{list,view}'), ('analytics', 'analytics', '{view}'),
  ('prompts', 'prompts', '{view}'), ('guardrails', 'guardrails', '{view}');

CREATE TABLE states AS
SELECT row_number() OVER () AS state, o AS by_organization, w AS by_workspace, open
FROM unnest(ARRAY[NULL, true, false]) o, unnest(ARRAY[NULL, true, false]) w, unnest(ARRAY[false, true]) open;
CREATE TABLE seen (category text, setting text, state bigint, who text, workspace text, question text, expected text, actual text);

\o
-- The effective value in a workspace (NULL: in the organization). A workspace takes nothing from the organization's roles.
CREATE FUNCTION takes_in_vain(m model, s states) RETURNS boolean LANGUAGE sql AS $$
  SELECT m.role = 'org admin' AND coalesce(NOT s.by_workspace, false)
$$;
CREATE FUNCTION counts(m model, s states, workspace text, OUT value boolean, OUT source text) LANGUAGE sql AS $$
  SELECT CASE WHEN workspace = 'search' AND s.open AND NOT takes_in_vain(m, s) THEN coalesce(s.by_workspace, s.by_organization, m.normally)
              ELSE coalesce(s.by_organization, m.normally) END,
         CASE WHEN workspace = 'search' AND s.by_workspace IS NOT NULL AND NOT takes_in_vain(m, s)
                THEN CASE WHEN s.open THEN 'workspace' ELSE 'workspace but switched off' END
              WHEN s.by_organization IS NOT NULL THEN 'organization' ELSE 'default' END
$$;
CREATE FUNCTION holds(m model, s states, who text, role text, workspace text, resource text, action text) RETURNS boolean
LANGUAGE sql AS $$
  SELECT CASE WHEN m.role = holds.role AND m.resource = holds.resource AND action = ANY (m.actions)
              THEN (counts(m, s, workspace)).value
                   AND (who <> 'mike key' OR resource = 'prompts' OR resource || '.' || action IN ('logs.list', 'logs.view'))
              ELSE holds_normally(who, role, resource, action) END
$$;

CREATE PROCEDURE try_state(m model, s states) LANGUAGE plpgsql AS $$
DECLARE
  dba text := session_user;
  person record;
  place text;
  asked record;
BEGIN
  IF s.by_organization IS NULL THEN
    PERFORM tenancy.reset_setting('acme', m.setting);
  ELSE
    PERFORM tenancy.set_setting('acme', m.setting, s.by_organization);
  END IF;
  IF s.by_workspace IS NULL THEN
    PERFORM tenancy.reset_setting('acme', m.setting, 'search');
  ELSIF takes_in_vain(m, s) THEN
    INSERT INTO tenancy.grants (role_id, organization_id, workspace_id, resource, action, allowed)
    SELECT d.role_id, w.organization_id, w.workspace_id, d.resource, action, false
    FROM tenancy.setting_definitions d, unnest(d.actions) action, tenancy.workspaces w WHERE d.setting = m.setting AND w.slug = 'search'
    ON CONFLICT ON CONSTRAINT grants_key DO UPDATE SET allowed = false;
  ELSE
    PERFORM tenancy.set_setting('acme', m.setting, s.by_workspace, 'search');
  END IF;
  PERFORM tenancy.allow_workspace_overrides('acme', m.category, s.open);

  -- settings(): the one that is set, and all others at their default.
  FOREACH place IN ARRAY ARRAY[NULL, 'search', 'support'] LOOP
    INSERT INTO seen
    SELECT m.category, m.setting, s.state, 'DBA', place, 'settings ' || t.setting,
           CASE WHEN t.setting = m.setting THEN (SELECT format('%s by %s', c.value, c.source) FROM counts(m, s, place) c)
                ELSE format('%s by default', o.normally) END,
           format('%s by %s', t.value, t.source)
    FROM tenancy.settings('acme', place) t JOIN model o USING (setting, category);
  END LOOP;

  -- Members of search are there, owner and admin in support as well.
  FOR person IN SELECT c.who, c.role, w.workspace FROM cast_of_roles c, (VALUES ('search'), ('support')) w (workspace)
                WHERE w.workspace = 'search' OR c.role IN ('owner', 'org admin') ORDER BY c.n LOOP
    PERFORM set_config('session_authorization', 'regress_app', true);
    CALL app.become(person.who, true);
    FOR asked IN SELECT DISTINCT o.resource, action FROM model o, unnest(o.actions) action
                 WHERE o.category = m.category ORDER BY 1, 2 LOOP
      INSERT INTO seen VALUES (m.category, m.setting, s.state, person.who, person.workspace, asked.resource || '.' || asked.action,
        holds(m, s, person.who, person.role, person.workspace, asked.resource, asked.action)
          -- a user key never manages keys, and mike's has no scope of that kind
          AND (person.who <> 'mike key' OR asked.resource <> 'api_keys'),
        tenancy.authorize(asked.resource, asked.action, person.workspace));
    END LOOP;
    FOR asked IN SELECT * FROM viewed v WHERE v.resource = m.category OR m.category = 'data_visibility' LOOP
      DECLARE
        may boolean := (SELECT bool_or(holds(m, s, person.who, person.role, person.workspace, asked.resource, action)) FROM unnest(asked.any_of) action);
        own boolean := m.category = 'data_visibility' AND asked.resource IN ('logs', 'analytics') AND m.role = person.role AND NOT (counts(m, s, person.workspace)).value;
        rows bigint;
      BEGIN
        EXECUTE format('SELECT count(*) FROM app.%I t JOIN (VALUES (''search'', ''aaaaaaaa-0000-4000-8000-000000000002''::uuid),
                          (''support'', ''aaaaaaaa-0000-4000-8000-000000000003'')) w (workspace, workspace_id) USING (workspace_id)
                        WHERE w.workspace = $1', asked.relation) INTO rows USING person.workspace;
        INSERT INTO seen VALUES (m.category, m.setting, s.state, person.who, person.workspace, 'rows of ' || asked.relation,
          CASE WHEN NOT may THEN 0 WHEN person.workspace = 'support' THEN 2 WHEN NOT own THEN 4 WHEN person.role = 'manager' THEN 1 ELSE 2 END, rows);
      END;
    END LOOP;
    PERFORM set_config('session_authorization', dba, true);
  END LOOP;
END
$$;
DO $$
DECLARE
  m app.model;
  s app.states;
BEGIN
  FOR m IN SELECT * FROM app.model LOOP
    FOR s IN SELECT * FROM app.states ORDER BY state LOOP
      CALL app.try_state(m, s);
    END LOOP;
    PERFORM tenancy.reset_setting('acme', m.setting), tenancy.reset_setting('acme', m.setting, 'search');
    PERFORM tenancy.allow_workspace_overrides('acme', m.category, false);
  END LOOP;
END
$$;
RESET client_min_messages;

-- Where it isn't as the table says: nowhere.
SELECT s.category, s.setting, t.by_organization, t.by_workspace, t.open, s.who, s.workspace, s.question, s.expected, s.actual
FROM seen s JOIN states t USING (state) WHERE s.actual IS DISTINCT FROM s.expected ORDER BY s.setting, s.state, s.who, s.workspace, s.question LIMIT 50;
-- Coverage: only owners and workspace admins, and admins except for logs, get the same result in every state
SELECT category, count(DISTINCT setting) AS settings, count(DISTINCT (setting, state)) AS states, count(*) AS answers FROM seen GROUP BY category ORDER BY category;
SELECT category, who, count(*) FILTER (WHERE actual = 'true') AS yes, count(*) FILTER (WHERE actual = 'false') AS no,
       string_agg(DISTINCT actual, ' ' ORDER BY actual) FILTER (WHERE question LIKE 'rows%') AS rows
FROM seen WHERE who <> 'DBA' GROUP BY category, who ORDER BY category, min(array_position(ARRAY['olivia', 'adam', 'wanda', 'mona', 'mike', 'mike key'], who));
SELECT split_part(actual, ' by ', 2) AS source, count(*) FILTER (WHERE actual LIKE 't %') AS on, count(*) FILTER (WHERE actual LIKE 'f %') AS off
FROM seen WHERE who = 'DBA' GROUP BY 1 ORDER BY 1;

-- The vocabulary is the table's: no setting more, none less, and each is kept in grants or visibility only
SELECT setting FROM tenancy.setting_definitions EXCEPT SELECT setting FROM model ORDER BY 1;
SELECT setting FROM model EXCEPT SELECT setting FROM tenancy.setting_definitions ORDER BY 1;
SELECT count(*) FROM tenancy.grants WHERE organization_id IS NOT NULL;
SELECT count(*) FROM tenancy.visibility;

-- An admin without logs.view who is workspace admin of support, too, sees that workspace's: by that role, and no other's
SELECT tenancy.set_setting('acme', 'org_admins_view_logs', false);
SET SESSION AUTHORIZATION regress_app;
SELECT visible('adam', 'app.logs') AS logs, visible('adam', 'app.metadata') AS metadata, visible('olivia', 'app.logs') AS owners;
RESET SESSION AUTHORIZATION;
SELECT tenancy.set_workspace_role('acme/support', 'adam@acme.test', 'admin');
SET SESSION AUTHORIZATION regress_app;
SELECT visible('adam', 'app.logs') AS logs;
RESET SESSION AUTHORIZATION;
SELECT tenancy.remove_workspace_member('acme/support', 'adam@acme.test'), tenancy.reset_setting('acme', 'org_admins_view_logs');
SET SESSION AUTHORIZATION regress_app;
SELECT visible('adam', 'app.logs') AS logs;
RESET SESSION AUTHORIZATION;

-- Content off, metadata on; both off
SELECT tenancy.set_setting('acme', 'managers_view_logs', false);
SET SESSION AUTHORIZATION regress_app;
SELECT visible('mona', 'app.logs') AS logs, visible('mona', 'app.metadata') AS metadata;
RESET SESSION AUTHORIZATION;
SELECT tenancy.set_setting('acme', 'managers_view_logs_metadata', false);
SET SESSION AUTHORIZATION regress_app;
SELECT visible('mona', 'app.logs') AS logs, visible('mona', 'app.metadata') AS metadata, visible('mike', 'app.metadata') AS members_metadata;
RESET SESSION AUTHORIZATION;

-- A setting of which only some actions are granted is not on
SELECT tenancy.reset_setting('acme', setting) FROM unnest(ARRAY['managers_view_logs', 'managers_view_logs_metadata']) setting;
SELECT tenancy.grant_permission('acme', 'workspace', 'member', 'api_keys', 'create'), tenancy.revoke_permission('acme', 'workspace', 'manager', 'prompts', 'publish');
SELECT setting, value, source FROM tenancy.settings('acme') WHERE source <> 'default';
