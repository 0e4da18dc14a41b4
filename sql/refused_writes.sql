-- Refused writes say why, in words that are the same for what is somebody else's and what does not exist; an explicit NULL that is
-- filled in; rows that are written for a colleague; explain_write().
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
SET client_min_messages = warning;
CREATE TABLE notes (id int PRIMARY KEY, organization_id uuid, workspace_id uuid, user_id uuid, api_key_id uuid, body text);
INSERT INTO notes SELECT id, organization_id, workspace_id, user_id, api_key_id, body FROM logs;
SELECT tenancy.protect('notes', 'prompts', organization => 'organization_id', workspace => 'workspace_id', owner => 'user_id', api_key => 'api_key_id', create_indexes => true);
SELECT tenancy.protect('logs', 'logs', organization => 'organization_id', workspace => 'workspace_id', owner => 'user_id', api_key => 'api_key_id', create_indexes => true);

-- The outcome of somebody's command: how many rows, or why not. It is rolled back.
CREATE FUNCTION why(who text, command text, workspace text DEFAULT '') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  touched bigint;
  detail text;
  hint text;
BEGIN
  CALL app.become(who, true);
  PERFORM set_config('tenancy.workspace', workspace, true);
  EXECUTE command;
  GET DIAGNOSTICS touched = ROW_COUNT;
  RAISE EXCEPTION USING ERRCODE = 'TEST0', MESSAGE = touched;
EXCEPTION WHEN SQLSTATE 'TEST0' THEN
  RETURN 'done: ' || SQLERRM;
WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
  RETURN format(E'%s: %s\n  %s\n  %s', SQLSTATE, SQLERRM, detail, hint);
END
$$;

\set acme '\'aaaaaaaa-0000-4000-8000-000000000000\''
\set globex '\'bbbbbbbb-0000-4000-8000-000000000000\''
\set search '\'aaaaaaaa-0000-4000-8000-000000000002\''
\set support '\'aaaaaaaa-0000-4000-8000-000000000003\''
\set lab '\'bbbbbbbb-0000-4000-8000-000000000002\''
\set none '\'99999999-0000-4000-8000-000000000009\''
\set olivia '\'cccccccc-0000-4000-8000-000000000001\''
\set mona '\'cccccccc-0000-4000-8000-000000000003\''
\set mike '\'cccccccc-0000-4000-8000-000000000004\''
\set wanda '\'cccccccc-0000-4000-8000-000000000006\''
\set nora '\'cccccccc-0000-4000-8000-000000000007\''
\set gus '\'cccccccc-0000-4000-8000-000000000008\''
SET SESSION AUTHORIZATION regress_app;

-- What is left out is filled in. An explicit NULL is not, and each column says so.
SELECT who, why(who, 'INSERT INTO notes (id) VALUES (50)', 'search') FROM unnest('{mike,mike key,search service}'::text[]) who;
SELECT why('mike', 'INSERT INTO notes (id, organization_id) VALUES (50, NULL)', 'search');
SELECT why('mike', 'INSERT INTO notes (id, workspace_id) VALUES (50, NULL)', 'search');
SELECT why('mike', 'INSERT INTO notes (id, user_id) VALUES (50, NULL)', 'search');
SELECT why('mike key', 'INSERT INTO notes (id, api_key_id) VALUES (50, NULL)');
-- Ids of another tenant's and of nobody's: the same, whoever asks.
SELECT count(DISTINCT why(who, format('INSERT INTO notes (id, %I) VALUES (50, %L)', v.attribute, v.id), v.narrow)), v.attribute, min(why(who, format('INSERT INTO notes (id, %I) VALUES (50, %L)', v.attribute, v.id), v.narrow))
FROM (VALUES ('organization_id', :globex, 'search'), ('organization_id', :none, 'search'), ('workspace_id', :lab, 'search'), ('workspace_id', :none, 'search'),
             ('workspace_id', :support, 'search'), ('user_id', :gus, 'search'), ('user_id', :none, 'search'), ('api_key_id', :none, 'search'),
             ('api_key_id', 'dddddddd-0000-4000-8000-000000000005', 'search')) v (attribute, id, narrow),
     unnest('{mike}'::text[]) who GROUP BY v.attribute ORDER BY 2;
-- A colleague's, for those who are no admins; a key that is none's user's
SELECT why('mike', format('INSERT INTO notes (id, user_id) VALUES (50, %L)', :mona), 'search') = why('mike', format('INSERT INTO notes (id, user_id) VALUES (50, %L)', :gus), 'search') AS same;
SELECT why('search service', format('INSERT INTO notes (id, user_id) VALUES (50, %L)', :mona));
SELECT why('mike key', 'INSERT INTO notes (id, api_key_id) VALUES (50, ''dddddddd-0000-4000-8000-000000000002'')');
-- Nobody, no permission, no permission there, no workspace
SELECT why('nobody', 'INSERT INTO notes (id) VALUES (50)');
SELECT why('mike', 'INSERT INTO logs (id) VALUES (50)', 'search');
SELECT why('nora', format('INSERT INTO notes (id, workspace_id) VALUES (50, %L)', :search));
SELECT why('ben', 'INSERT INTO notes (id) VALUES (50)');
SELECT why('gus', format('INSERT INTO notes (id, workspace_id) VALUES (50, %L)', :search));
-- UPDATE: to another tenant, to nobody, out of one's reach
SELECT why('mike', format('UPDATE notes SET organization_id = %L WHERE id = 1', :globex), 'search');
SELECT why('mike', 'UPDATE notes SET organization_id = NULL WHERE id = 1', 'search');
SELECT why('mike', format('UPDATE notes SET workspace_id = %L WHERE id = 1', :lab), 'search') = why('mike', format('UPDATE notes SET workspace_id = %L WHERE id = 1', :none), 'search') AS same;
SELECT why('ben', format('UPDATE notes SET workspace_id = %L WHERE id = 1', :support));

-- RETURNING, ON CONFLICT and WHERE read the row.
RESET SESSION AUTHORIZATION;
INSERT INTO tenancy.api_keys (api_key_id, kind, name, organization_id, workspace_id) VALUES ('dddddddd-0000-4000-8000-000000000006', 'workspace_service_key', 'gateway', :acme, :search);
INSERT INTO secrets SELECT 'gateway', tenancy_internal.generate_api_key();
INSERT INTO tenancy.api_key_secrets (secret_hash, api_key_id) SELECT sha256(convert_to(secret, 'UTF8')), 'dddddddd-0000-4000-8000-000000000006' FROM secrets WHERE name = 'gateway';
INSERT INTO tenancy.api_key_scopes VALUES ('dddddddd-0000-4000-8000-000000000006', 'logs', 'write');
SET SESSION AUTHORIZATION regress_app;
SELECT why('gateway', 'INSERT INTO logs (id) VALUES (50)');
SELECT why('gateway', 'INSERT INTO logs (id) VALUES (50) RETURNING id');
SELECT why('gateway', 'INSERT INTO logs (id) VALUES (50) ON CONFLICT DO NOTHING');
SELECT why('gateway', 'INSERT INTO logs (id) VALUES (50) ON CONFLICT (id) DO NOTHING');
SELECT why('search service', 'INSERT INTO logs (id) VALUES (50) ON CONFLICT (id) DO NOTHING RETURNING id');
-- A row with the same key that is another tenant's, another workspace's, one's own that may not be changed: nothing is said of it.
SELECT v.id, why('mike', format('INSERT INTO notes (id) VALUES (%s) ON CONFLICT (id) DO UPDATE SET body = %L', v.id, 'x'), 'search') FROM (VALUES (8), (6), (1)) v (id);
SELECT why('search service', 'INSERT INTO logs (id) VALUES (4) ON CONFLICT (id) DO UPDATE SET body = ''x''');
SELECT why('mike', 'MERGE INTO notes n USING (SELECT 1 AS id) s ON n.id = s.id WHEN MATCHED THEN UPDATE SET organization_id = NULL WHEN NOT MATCHED THEN INSERT (id) VALUES (s.id)', 'search');

-- The same for who prepares, for plans that serve all, by a view; row by row it is refused all the same, without a reason.
SET tenancy.share_plans = on;
SELECT why('mike', 'INSERT INTO notes (id, organization_id) VALUES (50, NULL)', 'search');
SELECT why('mike', 'INSERT INTO notes (id) VALUES (50)', 'search');
PREPARE writing AS INSERT INTO notes (id, organization_id) VALUES (50, $1);
SELECT who, why(who, format('EXECUTE writing (%L)', v.organization), v.workspace)
FROM (VALUES (1, 'mike', :acme, 'search'), (2, 'mona', :globex, 'search'), (3, 'gus', :globex, 'lab'), (4, 'gus', :acme, 'lab'), (5, 'nobody', :acme, '')) v (n, who, organization, workspace) ORDER BY n;
DEALLOCATE writing;
RESET tenancy.share_plans;
RESET SESSION AUTHORIZATION;
CREATE VIEW notes_view WITH (security_invoker) AS SELECT * FROM notes;
SET tenancy.specialize = off;
SET SESSION AUTHORIZATION regress_app;
SELECT why('mike', 'INSERT INTO notes (id, organization_id) VALUES (50, NULL)', 'search');
SELECT why('mike', 'INSERT INTO notes (id) VALUES (50)', 'search');
SELECT why('olivia', format('INSERT INTO notes (id, workspace_id, user_id) VALUES (50, %L, %L)', :search, :mike));
RESET SESSION AUTHORIZATION;
RESET tenancy.specialize;
SET SESSION AUTHORIZATION regress_app;
SELECT why('mike', 'INSERT INTO notes_view (id, organization_id) VALUES (50, NULL)', 'search');

-- For a colleague: owners and admins, where their rights reach the row, and the colleague reaches it, too.
SELECT v.colleague, v.workspace, who, split_part(why(who, format('INSERT INTO notes (id, workspace_id, user_id) VALUES (50, %L, %L)', v.workspace_id, v.user_id)), E'\n', 1) AS outcome
FROM (VALUES ('mike', 'search', :mike, :search), ('wanda', 'search', :wanda, :search), ('wanda', 'support', :wanda, :support), ('nora', 'search', :nora, :search),
             ('gus', 'search', :gus, :search), ('nobody', 'search', :none, :search)) v (colleague, workspace, user_id, workspace_id),
     unnest('{olivia,adam,wanda,mona,acme master,gus}'::text[]) who ORDER BY 1, 2, 3;
SELECT why('olivia', format('INSERT INTO notes (id, workspace_id, user_id) VALUES (50, %L, %L)', :search, :gus)) = why('olivia', format('INSERT INTO notes (id, workspace_id, user_id) VALUES (50, %L, %L)', :search, :none)) AS same;
SELECT why('olivia', format('INSERT INTO notes (id, workspace_id, user_id) VALUES (50, %L, %L)', :search, :wanda));
-- With the colleague's key, and with nobody's
SELECT why('olivia', format('INSERT INTO notes (id, workspace_id, user_id, api_key_id) VALUES (50, %L, %L, %L)', :search, :mike, 'dddddddd-0000-4000-8000-000000000003'));
SELECT why('olivia', format('INSERT INTO notes (id, workspace_id, user_id, api_key_id) VALUES (50, %L, %L, %L)', :search, :mike, 'dddddddd-0000-4000-8000-000000000004'));
-- Who is locked doesn't count; nor does row_accepted() say otherwise than the policy.
RESET SESSION AUTHORIZATION;
UPDATE tenancy.users SET active = false WHERE user_id = :mike;
SET SESSION AUTHORIZATION regress_app;
SELECT why('olivia', format('INSERT INTO notes (id, workspace_id, user_id) VALUES (50, %L, %L)', :search, :mike));
RESET SESSION AUTHORIZATION;
UPDATE tenancy.users SET active = true WHERE user_id = :mike;
SET SESSION AUTHORIZATION regress_app;
CALL become('olivia');
SELECT tenancy.row_accepted('prompts', 'insert', :acme::uuid, :search::uuid, u.user_id::uuid, NULL), u.who
FROM (VALUES ('olivia', :olivia), ('mike', :mike), ('wanda', :wanda), ('gus', :gus)) u (who, user_id);
SELECT count(*) FROM (SELECT u.user_id::uuid FROM (VALUES (:olivia), (:mike), (:wanda), (:gus)) u (user_id) OFFSET 0) u
WHERE tenancy.row_accepted('prompts', 'insert', :acme::uuid, :search::uuid, u.user_id, NULL);
CALL become('nobody');
-- A service key with the permission to attribute
RESET SESSION AUTHORIZATION;
SELECT tenancy.register_permission('prompts', 'attribute', 'Name others as owners');
INSERT INTO tenancy.api_key_scopes VALUES ('dddddddd-0000-4000-8000-000000000002', 'prompts', 'attribute');
SET SESSION AUTHORIZATION regress_app;
SELECT u.who, split_part(why('search service', format('INSERT INTO notes (id, user_id) VALUES (50, %L)', u.user_id)), E'\n', 1)
FROM (VALUES ('mike', :mike), ('wanda', :wanda), ('gus', :gus), ('nobody', :none)) u (who, user_id);
-- Not a key with every scope: this one must be named. Nor a member who may not view.
SELECT u.who, split_part(why('acme master', format('INSERT INTO notes (id, workspace_id, user_id) VALUES (50, %L, %L)', :search, u.user_id)), E'\n', 1)
FROM (VALUES ('mike', :mike), ('wanda', :wanda)) u (who, user_id);
RESET SESSION AUTHORIZATION;
CALL become('acme master');
SELECT tenancy.authorize('prompts', 'attribute'), tenancy.authorize('prompts', 'create');
CALL become('nobody');
SELECT principal_kind, name, via FROM tenancy.who_can('prompts', 'attribute', 'acme/search') ORDER BY 1, 2;
SELECT tenancy.set_setting('acme', 'members_view_prompts', false);
SET SESSION AUTHORIZATION regress_app;
SELECT u.who, split_part(why('search service', format('INSERT INTO notes (id, user_id) VALUES (50, %L)', u.user_id)), E'\n', 1)
FROM (VALUES ('mike', :mike), ('mona', :mona)) u (who, user_id);
RESET SESSION AUTHORIZATION;
SELECT tenancy.reset_setting('acme', 'members_view_prompts');

-- fill_nulls: what ORMs write for "not given". In any type of ids, in partitions, for several rows at once.
CREATE TABLE tickets (id int, tenant int, space text, owner bigint, body text) PARTITION BY RANGE (id);
CREATE TABLE tickets_low PARTITION OF tickets FOR VALUES FROM (0) TO (100);
CREATE TABLE tickets_high (body text, id int, tenant int, gone int, space text, owner bigint);
ALTER TABLE tickets_high DROP COLUMN gone;
ALTER TABLE tickets ATTACH PARTITION tickets_high FOR VALUES FROM (100) TO (200);
SELECT tenancy.protect('tickets', 'prompts', organization => 'tenant', workspace => 'space', owner => 'owner', create_indexes => true);
SET SESSION AUTHORIZATION regress_app;
SELECT why('mike', 'INSERT INTO tickets VALUES (1, NULL, NULL, NULL)', 'search');
RESET SESSION AUTHORIZATION;
SELECT tenancy.protect('tickets', 'prompts', organization => 'tenant', workspace => 'space', owner => 'owner', fill_nulls => true);
SELECT tenancy.protect('notes', 'prompts', organization => 'organization_id', workspace => 'workspace_id', owner => 'user_id', api_key => 'api_key_id', fill_nulls => true);
SELECT t.tgrelid::regclass, t.tgname, t.tgparentid <> 0 AS cloned FROM pg_trigger t WHERE t.tgfoid = 'tenancy_internal.fill_nulls'::regproc ORDER BY t.tgrelid::regclass::text;
SET SESSION AUTHORIZATION regress_app;
BEGIN;
CALL become('mike', true);
SET LOCAL tenancy.workspace = 'search';
INSERT INTO tickets VALUES (1, NULL, NULL, NULL, 'low'), (2, 1, DEFAULT, NULL, 'mixed'), (101, NULL, NULL, NULL, 'high') RETURNING *;
INSERT INTO notes VALUES (50, NULL, NULL, NULL, NULL, 'ORM') RETURNING *;
ROLLBACK;
SELECT why('nobody', 'INSERT INTO tickets VALUES (1, NULL, NULL, NULL)');
SELECT why('mike', 'INSERT INTO tickets VALUES (1, 2, NULL, NULL)', 'search');
RESET SESSION AUTHORIZATION;
-- Renamed columns, a new partition, another call of protect(), unprotect()
ALTER TABLE tickets RENAME COLUMN tenant TO tenant_id;
CREATE TABLE tickets_more PARTITION OF tickets FOR VALUES FROM (200) TO (300);
SET SESSION AUTHORIZATION regress_app;
SELECT why('mike', 'INSERT INTO tickets VALUES (201, NULL, NULL, NULL)', 'search');
RESET SESSION AUTHORIZATION;
SELECT relation, fill_nulls FROM tenancy.protected_tables WHERE relation::text ~ 'tickets' ORDER BY relation::text;
SELECT tenancy_internal.protect_call(t) FROM tenancy.protected_tables t WHERE relation = 'tickets'::regclass;
SELECT tenancy.protect('tickets', 'prompts', organization => 'tenant_id', workspace => 'space', owner => 'owner');
SELECT count(*) FROM pg_trigger t WHERE t.tgfoid = 'tenancy_internal.fill_nulls'::regproc AND t.tgrelid::regclass::text ~ 'tickets';
SELECT tenancy.protect('tickets', 'prompts', organization => 'tenant_id', fill_nulls => true);
SELECT tenancy.unprotect('tickets');
SELECT count(*) FROM pg_trigger t WHERE t.tgfoid = 'tenancy_internal.fill_nulls'::regproc AND t.tgrelid::regclass::text ~ 'tickets';
-- A partition alone, and its table afterwards
SELECT tenancy.protect('tickets_low', 'prompts', organization => 'tenant_id', fill_nulls => true);
SELECT tenancy.protect('tickets', 'prompts', organization => 'tenant_id', fill_nulls => true);
SELECT t.tgrelid::regclass, t.tgparentid <> 0 AS cloned FROM pg_trigger t WHERE t.tgfoid = 'tenancy_internal.fill_nulls'::regproc AND t.tgrelid::regclass::text ~ 'tickets' ORDER BY 1;
-- Not where the partition depends on it
CREATE TABLE by_tenant (id int, tenant int) PARTITION BY LIST (tenant);
-- Only the columns that say who writes: another one with such a default keeps its NULL.
CREATE TABLE drafts (id int, tenant uuid, place uuid, made_by uuid DEFAULT tenancy.current_user_id());
SELECT tenancy.protect('drafts', 'prompts', organization => 'tenant', workspace => 'place', fill_nulls => true);
ALTER TABLE drafts RENAME COLUMN tenant TO organization;
GRANT ALL ON drafts TO PUBLIC;
SET SESSION AUTHORIZATION regress_app;
BEGIN;
CALL become('olivia', true);
INSERT INTO drafts (id, organization, place, made_by) VALUES (1, NULL, NULL, NULL), (2, NULL, NULL, DEFAULT)
RETURNING id, organization IS NOT NULL AS organization_filled, made_by IS NOT NULL AS made_by_filled;
COMMIT;
RESET SESSION AUTHORIZATION;
DROP TABLE drafts;
SELECT * FROM failure($$SELECT tenancy.protect('by_tenant', 'prompts', organization => 'tenant', fill_nulls => true)$$);
SELECT * FROM failure($$SELECT tenancy.protect('tickets', 'prompts', organization => 'tenant_id', fill_nulls => NULL)$$);

-- Child tables: a parent that is hidden, another tenant's, or nobody's is one and the same.
CREATE TABLE chats (chat_id int PRIMARY KEY, organization_id uuid, workspace_id uuid, user_id uuid);
INSERT INTO chats VALUES (1, :acme, :search, :mike), (2, :acme, :search, :mona), (3, :acme, :support, :wanda), (4, :globex, :lab, :gus);
SELECT tenancy.register_permission('chat', a, a, data_visibility => true) FROM unnest('{view,create,update,delete}'::text[]) a;
INSERT INTO tenancy.grants (role_id, resource, action) SELECT g.role_id, 'chat', g.action FROM tenancy.grants g
WHERE g.resource = 'prompts' AND g.action IN ('view', 'create', 'update', 'delete') AND g.organization_id IS NULL ON CONFLICT DO NOTHING;
SELECT tenancy.protect('chats', 'chat', organization => 'organization_id', workspace => 'workspace_id', owner => 'user_id', create_indexes => true);
CREATE TABLE messages (message_id int PRIMARY KEY, chat_id int REFERENCES chats, author uuid, body text);
SELECT tenancy.protect('messages', 'chat', through => '{chat_id}', owner => 'author', create_indexes => true);
SELECT tenancy.set_setting('acme', 'members_view_all_data', false);
SET SESSION AUTHORIZATION regress_app;
SELECT why('mike', 'INSERT INTO messages (message_id, chat_id) VALUES (1, 1)');
SELECT count(DISTINCT why('mike', format('INSERT INTO messages (message_id, chat_id) VALUES (1, %s)', c))), min(why('mike', format('INSERT INTO messages (message_id, chat_id) VALUES (1, %s)', c)))
FROM unnest('{2,3,4,5}'::int[]) c;
SELECT count(DISTINCT why('mike', format('INSERT INTO messages (message_id, chat_id, author) VALUES (1, %s, %L)', c, :mona))), min(why('mike', format('INSERT INTO messages (message_id, chat_id, author) VALUES (1, %s, %L)', c, :mona)))
FROM unnest('{1,2,3,4,5}'::int[]) c;
RESET SESSION AUTHORIZATION;
SELECT tenancy.reset_setting('acme', 'members_view_all_data');

-- explain_write(): by a DBA, for the session's principal
CREATE ROLE regress_dba LOGIN;
GRANT USAGE ON TYPE tenancy.administrator TO regress_dba;
SELECT tenancy.trust_login('regress_dba');
SET SESSION AUTHORIZATION regress_dba;
SELECT tenancy.explain_write('app.notes', '{}');
CALL become('mike');
SET tenancy.workspace = 'search';
SELECT row_json, tenancy.explain_write('app.notes', row_json::jsonb) FROM (VALUES ('{}'), ('{"id": 1, "body": null}'), ('{"organization_id": null}'),
  ('{"organization_id": "bbbbbbbb-0000-4000-8000-000000000000"}'), ('{"user_id": "cccccccc-0000-4000-8000-000000000003"}'), ('{"workspace_id": "aaaaaaaa-0000-4000-8000-000000000003"}')) v (row_json);
SELECT tenancy.explain_write('app.notes', '{"organization_id": "aaaaaaaa-0000-4000-8000-000000000000", "workspace_id": "aaaaaaaa-0000-4000-8000-000000000002"}', 'update');
SELECT tenancy.explain_write('app.notes', '{"organization_id": null}', 'update');
SELECT tenancy.explain_write('app.logs', '{}');
SELECT tenancy.explain_write('app.tickets', '{"tenant_id": 1}');
SELECT tenancy.explain_write('app.tickets', '{"tenant_id": 2}');
SELECT chat, tenancy.explain_write('app.messages', jsonb_build_object('message_id', 1, 'chat_id', chat)) FROM unnest('{1,4,5}'::int[]) chat;
SELECT * FROM failure($$SELECT tenancy.explain_write('app.notes', '{"orgnization_id": 1}')$$);
SELECT * FROM failure($$SELECT tenancy.explain_write('app.notes', '[]')$$);
SELECT * FROM failure($$SELECT tenancy.explain_write('app.notes', '{}', 'delete')$$);
SELECT * FROM failure($$SELECT tenancy.explain_write('app.people', '{}')$$);
SELECT * FROM failure($$SELECT tenancy.explain_write('app.tickets', '{"tenant_id": "x"}')$$);
RESET SESSION AUTHORIZATION;
SET SESSION AUTHORIZATION regress_app;
SELECT * FROM failure($$SELECT tenancy.explain_write('app.notes', '{}')$$);
RESET SESSION AUTHORIZATION;
CREATE POLICY short ON notes AS RESTRICTIVE FOR INSERT WITH CHECK (length(body) < 10);
SET SESSION AUTHORIZATION regress_dba;
SELECT tenancy.explain_write('app.notes', '{}');
RESET SESSION AUTHORIZATION;
RESET tenancy.workspace;
CALL become('nobody');
SELECT tenancy.unbind_login('regress_dba');
REVOKE USAGE ON TYPE tenancy.administrator FROM regress_dba;
DROP ROLE regress_dba;

-- What stands in plans does nothing for whoever calls it.
SET SESSION AUTHORIZATION regress_app;
SELECT why('mike', 'SELECT tenancy.write_guard(NULL, NULL, false, ''notes''::regclass::oid::bigint + (2::bigint << 40), ''prompts'', NULL::uuid, NULL::uuid, NULL::uuid, NULL)');
SELECT why('mike', 'SELECT tenancy.write_guard(1, ''infinity'', true, ''notes''::regclass::oid::bigint, ''prompts'', NULL, NULL, NULL, NULL)');
-- Numbers that no plan contains.
SELECT bit, tenancy.write_guard(NULL, NULL, false, 1::bigint << bit, 'prompts', NULL::uuid, NULL::uuid, NULL::uuid, NULL)
FROM unnest('{35, 39, 43, 47, 50, 63}'::int[]) bit;
SELECT tenancy.write_guard(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
RESET SESSION AUTHORIZATION;
DROP SCHEMA app CASCADE;
