-- Nobody hands out, or takes away, more than they hold, by whatever road. Roads are sequences of commands, generated for each
-- maker; afterwards, what anybody has gained or lost must be what the maker held before, permission by permission and row by
-- row, and so must all that a secret gives which the maker has in hand.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
SET client_min_messages = warning;
\o /dev/null
SELECT tenancy.register_permission('readings', 'view', 'View readings', data_visibility => true),
       tenancy.register_permission('billing', 'view', 'View invoices'), tenancy.register_permission('api_keys', 'export', 'Export keys');
SELECT tenancy.protect('logs', 'logs', organization => 'organization_id', workspace => 'workspace_id', owner => 'user_id', api_key => 'api_key_id');
SELECT tenancy.protect('prompts', 'readings', organization => 'organization_id', workspace => 'workspace_id', owner => 'user_id', api_key => 'api_key_id');
-- Roles of one's own: one that reaches every workspace, one that reaches none, and one in workspaces.
SELECT tenancy.create_role('acme', 'organization', 'auditor', all_workspaces => true), tenancy.create_role('acme', 'organization', 'clerk'),
       tenancy.create_role('acme', 'workspace', 'editor');
SELECT tenancy.create_role('acme', 'organization', 'spare', all_workspaces => true), tenancy.create_role('acme', 'workspace', 'spare'),
       tenancy.grant_permission('acme', 'organization', 'spare', 'logs', 'view'), tenancy.grant_permission('acme', 'workspace', 'spare', 'logs', 'view');
SELECT tenancy.grant_permission('acme', level, role, split_part(p, '.', 1), split_part(p, '.', 2))
FROM (VALUES
  ('organization', 'auditor', 'logs.view logs.list readings.view team.add_users team.assign_roles api_keys.create api_keys.rotate api_keys.edit organization.update workspaces.view workspaces.update'),
  ('organization', 'clerk', 'logs.view logs.list team.add_users team.assign_roles api_keys.create api_keys.rotate api_keys.edit organization.update workspaces.update billing.view billing.manage'),
  ('workspace', 'editor', 'logs.view prompts.view api_keys.create api_keys.rotate team.assign_roles team.add_users workspaces.update')) v (level, role, permissions),
  string_to_table(v.permissions, ' ') p;
INSERT INTO tenancy.users (user_id, email) VALUES ('cccccccc-0000-4000-8000-000000000009', 'audrey@acme.test'),
  ('cccccccc-0000-4000-8000-00000000000a', 'clara@acme.test'), ('cccccccc-0000-4000-8000-00000000000b', 'eddie@acme.test');
SELECT tenancy.set_organization_role('acme', 'audrey@acme.test', 'auditor'), tenancy.set_organization_role('acme', 'clara@acme.test', 'clerk'),
       tenancy.set_organization_role('acme', 'eddie@acme.test', 'member'), tenancy.set_workspace_role('acme/search', 'clara@acme.test', 'manager'),
       tenancy.set_workspace_role('acme/search', 'eddie@acme.test', 'editor'), tenancy.set_workspace_role('acme/search', 'wanda@acme.test', 'admin');
CREATE FUNCTION keep(name text, secret text) RETURNS void LANGUAGE sql AS
$$ INSERT INTO app.secrets VALUES (name, secret) ON CONFLICT ON CONSTRAINT secrets_pkey DO UPDATE SET secret = EXCLUDED.secret $$;
SELECT keep('manager service', (SELECT secret FROM tenancy.create_api_key('workspace_service_key', 'manager service', 'acme', 'search', scopes => (
         SELECT jsonb_agg(g.resource || '.' || g.action) FROM tenancy.grants g
         WHERE g.role_id = '00000000-0000-4000-8000-000000000012' AND g.organization_id IS NULL)))),
       keep('provisioning', (SELECT secret FROM tenancy.create_api_key('organization_service_key', 'provisioning', 'acme',
         scopes => '["team.add_users", "team.assign_roles", "api_keys.create", "logs.view", "organization.update"]'))),
       keep('wanda key', (SELECT secret FROM tenancy.create_api_key('workspace_user_key', 'wanda key', 'acme', 'search', 'wanda@acme.test', '"all"'))),
       keep('olivia key', (SELECT secret FROM tenancy.create_api_key('workspace_user_key', 'olivia key', 'acme', 'search', 'olivia@acme.test', '["logs.view"]')));
GRANT ALL ON ALL TABLES IN SCHEMA app TO PUBLIC;

CREATE TABLE principals (n serial, who text PRIMARY KEY);
INSERT INTO principals (who) VALUES ('olivia'), ('adam'), ('audrey'), ('clara'), ('wanda'), ('mona'), ('ben'), ('mike'), ('eddie'), ('nora'),
  ('acme master'), ('provisioning'), ('manager service'), ('search service'), ('wanda key'), ('mike key');

-- All that somebody may do, and each row that somebody sees.
\set ECHO none
CREATE FUNCTION rights_of(who text) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
  rights text[];
BEGIN
  CALL app.become(who, true);
  SELECT array_agg(format('%s %s.%s %s', coalesce(p.workspace, '-'), p.resource, p.action, p.rows)) INTO rights FROM tenancy.permissions() p;
  RETURN coalesce(rights, '{}') || ARRAY(SELECT format('log %s', id) FROM app.logs) || ARRAY(SELECT format('reading %s', id) FROM app.prompts);
EXCEPTION WHEN invalid_authorization_specification THEN
  RETURN '{}';
END
$$;
-- The same, when it is anybody's: "all" holds "own", and a key may write what a completion leaves behind.
CREATE FUNCTION beyond(rights text[], held text[], own_is_all boolean, of_key boolean) RETURNS text[] LANGUAGE sql AS $$
  SELECT coalesce(array_agg(r ORDER BY r), '{}') FROM unnest(rights) r
  WHERE r <> ALL (held)
    AND (own_is_all OR r NOT LIKE '% own' OR regexp_replace(r, 'own$', 'all') <> ALL (held))
    AND (NOT own_is_all OR r NOT LIKE '% own' OR regexp_replace(r, 'own$', 'all') <> ALL (held))
    AND NOT (of_key AND r ~ ' (logs|traces|analytics|completions)\.write ')
$$;

-- One road of one maker, in whatever state the world is. Nothing of it stays.
CREATE PROCEDURE go(maker text, road text, steps text[], held jsonb, INOUT outcome text, INOUT wrong text) LANGUAGE plpgsql AS $$
DECLARE
  step text;
  result text;
  dba text := session_user;
  p record;
  now_held text[];
  before text[];
  done int := 0;
BEGIN
  outcome := ''; wrong := '';
  BEGIN
    PERFORM set_config('session_authorization', 'regress_app', true);
    CALL app.become(maker, true);
    FOREACH step IN ARRAY steps LOOP
      BEGIN
        IF step = 'AS made' THEN
          CALL app.become('made', true);
          CONTINUE;
        END IF;
        EXECUTE step INTO result;
        IF result ~ '^[a-z]+_[A-Za-z0-9_-]{30,}' THEN
          PERFORM app.keep('made', result);
        END IF;
        outcome := outcome || '+';
        done := done + 1;
      EXCEPTION WHEN OTHERS THEN
        outcome := outcome || CASE SQLSTATE WHEN '42501' THEN '-' WHEN '55000' THEN '-' WHEN '42704' THEN '-' WHEN '28000' THEN '-' WHEN '22023' THEN '-' ELSE SQLSTATE || ' ' || SQLERRM END;
      END;
    END LOOP;
    IF done > 0 THEN
      before := ARRAY(SELECT jsonb_array_elements_text(held -> maker));
      FOR p IN SELECT who FROM app.principals LOOP
        now_held := app.rights_of(p.who);
        wrong := wrong || coalesce((SELECT format(' %s gains %s;', p.who, array_to_string(b[1:4], ', '))
          FROM app.beyond(app.beyond(now_held, ARRAY(SELECT jsonb_array_elements_text(held -> p.who)), false, false), before, false, p.who ~ ' ') b
          WHERE b <> '{}' AND p.who <> maker), '');
        wrong := wrong || coalesce((SELECT format(' %s gains %s;', p.who, array_to_string(b[1:4], ', '))
          FROM app.beyond(now_held, before, false, false) b WHERE b <> '{}' AND p.who = maker), '');
        -- who may edit keys may narrow them, as who may delete keys may end them
        CONTINUE WHEN road = 'scopes of a key';
        wrong := wrong || coalesce((SELECT format(' %s loses %s;', p.who, array_to_string(b[1:4], ', '))
          FROM app.beyond(app.beyond(ARRAY(SELECT jsonb_array_elements_text(held -> p.who)), now_held, false, false), before, false, p.who ~ ' ') b
          WHERE b <> '{}'), '');
      END LOOP;
      IF road = 'keys of tokens' THEN
        -- a token can have what the master key has, in any workspace
        wrong := wrong || coalesce((SELECT format(' a token has %s;', array_to_string(b[1:4], ', '))
          FROM app.beyond(ARRAY(SELECT r FROM jsonb_array_elements_text(held -> 'acme master') r WHERE r !~ '^(-|log|reading) '), before, false, true) b
          WHERE b <> '{}'), '');
      END IF;
      IF EXISTS (SELECT FROM app.secrets WHERE name = 'made') THEN
        -- what is a user's own is the maker's own only if the maker is that user
        now_held := app.rights_of('made');
        SELECT w.email INTO result FROM tenancy.whoami() w;
        now_held := app.beyond(now_held, before, result IS DISTINCT FROM maker || '@acme.test', true);
        IF now_held <> '{}' THEN
          wrong := wrong || format(' by the secret: %s;', array_to_string(now_held[1:4], ', '));
        END IF;
      END IF;
    END IF;
    RAISE EXCEPTION USING ERRCODE = 'TEST0';
  EXCEPTION WHEN SQLSTATE 'TEST0' THEN
    NULL;
  END;
  PERFORM set_config('session_authorization', dba, true);
END
$$;
\set ECHO all
\o
-- The roads: each kind of command with all that it could be about
CREATE TABLE roads AS
SELECT 'role in the organization' AS road, ARRAY[format('SELECT tenancy.set_organization_role(NULL, %L, %L)', who || '@acme.test', role)] AS steps
FROM unnest(ARRAY['mike', 'adam', 'olivia']) who, unnest(ARRAY['owner', 'admin', 'member', 'auditor', 'clerk']) role
UNION ALL
SELECT 'role in a workspace', ARRAY[format('SELECT tenancy.set_workspace_role(''search'', %L, %L)', who || '@acme.test', role)]
FROM unnest(ARRAY['mike', 'mona', 'wanda']) who, unnest(ARRAY['admin', 'manager', 'member', 'editor']) role
UNION ALL
SELECT 'copy of a role', ARRAY[format('SELECT tenancy.create_role(NULL, %L, ''copy'', %L%s)', level, role, CASE WHEN level = 'organization' THEN ', true' ELSE '' END),
  CASE level WHEN 'workspace' THEN 'SELECT tenancy.set_workspace_role(''search'', ''nora@acme.test'', ''copy'')' ELSE 'SELECT tenancy.set_organization_role(NULL, ''nora@acme.test'', ''copy'')' END]
FROM (VALUES ('organization', 'owner'), ('organization', 'admin'), ('organization', 'member'), ('organization', 'clerk'), ('workspace', 'admin'),
  ('workspace', 'manager'), ('workspace', 'member'), ('workspace', 'editor')) v (level, role)
UNION ALL
SELECT verb || ' permission', ARRAY[format('SELECT tenancy.%s_permission(NULL, %L, %L, %L, %L)', verb, level, role, split_part(p, '.', 1), split_part(p, '.', 2))]
FROM unnest(ARRAY['grant', 'revoke']) verb, (VALUES ('organization', 'admin'), ('organization', 'member'), ('organization', 'clerk'), ('organization', 'auditor'),
  ('workspace', 'member'), ('workspace', 'editor')) v (level, role),
  unnest(ARRAY['logs.view', 'readings.view', 'billing.manage', 'team.assign_roles']) p
WHERE level = 'organization' OR p <> 'billing.manage'
UNION ALL
SELECT 'setting ' || CASE WHEN workspace IS NULL THEN 'of the organization' ELSE 'of a workspace' END,
  ARRAY[format('SELECT tenancy.set_setting(NULL, %L, %L, %L)', setting, value, workspace)]
FROM tenancy.setting_definitions, unnest(ARRAY[true, false]) value, unnest(ARRAY[NULL, 'search']) workspace
WHERE setting ~ 'view_logs$|data$|members_manage_keys'
UNION ALL
SELECT 'no setting', ARRAY[format('SELECT tenancy.reset_setting(NULL, %L, %L)', setting, workspace)]
FROM tenancy.setting_definitions, unnest(ARRAY[NULL, 'search']) workspace WHERE setting ~ 'view_logs$|data$'
UNION ALL
SELECT 'visibility of a role', ARRAY[format('SELECT tenancy.set_role_visibility(NULL, %L, %L, %L)', role, all_rows, workspace)]
FROM unnest(ARRAY['manager', 'member', 'editor']) role, unnest(ARRAY[true, false, NULL]) all_rows, unnest(ARRAY[NULL, 'search']) workspace
UNION ALL
SELECT 'opening a category', ARRAY[format('SELECT tenancy.allow_workspace_overrides(NULL, %L, %L)', category, allowed)]
FROM unnest(ARRAY['logs', 'data_visibility', 'api_keys']) category, unnest(ARRAY[true, false]) allowed
UNION ALL
SELECT replace(kind, '_', ' '), ARRAY[format('SELECT secret FROM tenancy.create_api_key(%L, ''made'', NULL, %L, %L, %L)', kind, workspace, member || '@acme.test', scopes)]
FROM (VALUES ('organization_service_key', NULL, NULL), ('workspace_service_key', 'search', NULL), ('workspace_service_key', 'support', NULL),
  ('workspace_user_key', 'search', NULL), ('workspace_user_key', 'search', 'mike'), ('workspace_user_key', 'search', 'mona'), ('workspace_user_key', 'search', 'wanda'),
  ('workspace_user_key', 'search', 'eddie'), ('workspace_user_key', 'search', 'olivia'), ('workspace_user_key', 'search', 'nora'), ('workspace_user_key', 'search', 'audrey')) v (kind, workspace, member),
  unnest(ARRAY['["logs.view"]', '["audit_logs.list"]', '{"completions": "enabled"}', '"all"']) scopes
WHERE kind <> 'workspace_user_key' OR scopes ~ 'logs'
UNION ALL
SELECT 'rotation', ARRAY[format('SELECT tenancy.rotate_api_key(%L)', k.api_key_id)]
FROM tenancy.api_keys k WHERE k.organization_id = 'aaaaaaaa-0000-4000-8000-000000000000'
UNION ALL
SELECT 'scopes of a key', ARRAY[format('SELECT tenancy.update_api_key(%L, scopes => %L)', k.api_key_id, scopes)]
FROM tenancy.api_keys k, unnest(ARRAY['["logs.view"]', '["prompts.delete"]', '"all"']) scopes WHERE k.organization_id = 'aaaaaaaa-0000-4000-8000-000000000000'
UNION ALL
SELECT 'a key that makes more', ARRAY[
  'SELECT secret FROM tenancy.create_api_key(''workspace_service_key'', ''made'', NULL, ''search'', scopes => (SELECT jsonb_agg(p.resource || ''.'' || p.action) FROM tenancy.permissions() p WHERE p.workspace = ''search'' AND p.rows = ''all''))',
  'AS made', next]
FROM unnest(ARRAY['SELECT tenancy.set_workspace_role(''search'', ''mona@acme.test'', ''admin'')', 'SELECT tenancy.set_workspace_role(''search'', ''mona@acme.test'', ''manager'')',
  'SELECT secret FROM tenancy.create_api_key(''workspace_user_key'', ''made'', NULL, ''search'', ''wanda@acme.test'', ''["logs.view"]'')',
  'SELECT tenancy.set_setting(NULL, ''managers_view_logs'', true, ''search'')']) next
UNION ALL
SELECT 'keys of tokens', ARRAY['SELECT tenancy.set_jwks(NULL, ''{"kty": "OKP", "crv": "Ed25519", "kid": "k", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}'')']
UNION ALL
SELECT 'no keys of tokens', ARRAY['SELECT tenancy.set_jwks(NULL, NULL)']
UNION ALL
SELECT 'a transition that ends', ARRAY[format('SELECT tenancy.end_api_key_transition(%L)', k.api_key_id)]
FROM tenancy.api_keys k WHERE k.organization_id = 'aaaaaaaa-0000-4000-8000-000000000000'
UNION ALL
SELECT 'dropped role', ARRAY[format('SELECT tenancy.drop_role(NULL, %L, %L)', level, role)]
FROM (VALUES ('organization', 'spare'), ('workspace', 'spare')) v (level, role);
CREATE TABLE outcomes (state text, maker text, road text, steps text[], outcome text, wrong text);
\set ECHO none
CREATE PROCEDURE go_all(state text, makers text[] DEFAULT NULL) LANGUAGE plpgsql AS $$
DECLARE
  held jsonb;
  r record;
  m record;
  outcome text;
  wrong text;
BEGIN
  PERFORM set_config('session_authorization', 'regress_app', true);
  SELECT jsonb_object_agg(p.who, app.rights_of(p.who)) INTO held FROM app.principals p;
  PERFORM set_config('session_authorization', current_setting('app.dba'), true);
  FOR m IN SELECT who FROM app.principals WHERE makers IS NULL OR who = ANY (makers) ORDER BY n LOOP
    FOR r IN SELECT * FROM app.roads LOOP
      CALL app.go(m.who, r.road, r.steps, held, outcome, wrong);
      INSERT INTO app.outcomes VALUES (state, m.who, r.road, r.steps, outcome, wrong);
    END LOOP;
  END LOOP;
END
$$;
\set ECHO all
SELECT set_config('app.dba', session_user, false) IS NOT NULL AS ready;
CALL go_all('as it comes', '{olivia, adam, audrey, clara, wanda, mona, ben, mike, eddie, provisioning, manager service, wanda key}');
-- Restricted in every way that there is
\o /dev/null
SELECT tenancy.set_setting('acme', 'managers_view_all_data', false), tenancy.set_setting('acme', 'members_view_all_data', false),
       tenancy.set_setting('acme', 'org_admins_view_logs', false), tenancy.set_setting('acme', 'members_manage_keys', true),
       tenancy.allow_workspace_overrides('acme', 'logs', true), tenancy.allow_workspace_overrides('acme', 'data_visibility', true),
       tenancy.set_setting('acme', 'managers_view_logs', false, 'support'), tenancy.set_role_visibility('acme', 'editor', true, 'search');
\o
CALL go_all('restricted', '{adam, audrey, clara, wanda, mona, ben, mike, eddie, nora, provisioning, manager service, search service, mike key}');
-- With nobody judging, whatever a road can hand out is found
BEGIN;
CREATE OR REPLACE FUNCTION tenancy_internal.require_delegation(lacking text, what text DEFAULT NULL) RETURNS void LANGUAGE sql AS '';
CALL go_all('nobody judges', '{clara, eddie, mona}');
SELECT road, count(*) FILTER (WHERE wrong <> '') > 0 AS found FROM outcomes GROUP BY road ORDER BY road;
ROLLBACK;
-- Misuse: none
SELECT state, maker, steps, outcome, left(wrong, 200) AS wrong FROM outcomes WHERE wrong <> '' ORDER BY state, maker, road, steps LIMIT 40;
-- Rights to create user keys of others
SELECT state, maker, string_agg(substring(steps[1] FROM '([a-z]+)@'), ' ' ORDER BY steps) FILTER (WHERE outcome = '+') AS may_be
FROM outcomes WHERE road = 'workspace user key' AND steps[1] LIKE '%logs.view%' AND steps[1] LIKE '%@%' GROUP BY state, maker ORDER BY state, maker;
-- Other errors: none
SELECT DISTINCT road, outcome FROM outcomes WHERE outcome ~ '[^+-]' ORDER BY 1, 2 LIMIT 20;
-- Each road was open to somebody and closed to somebody
SELECT road, count(*) AS tried, count(*) FILTER (WHERE outcome ~ '^\++$') AS done, count(*) FILTER (WHERE outcome ~ '-') AS refused FROM outcomes GROUP BY road ORDER BY road;
SELECT maker, count(*) FILTER (WHERE outcome ~ '^\++$') AS done, count(*) FILTER (WHERE outcome ~ '-') AS refused FROM outcomes GROUP BY maker ORDER BY maker;
