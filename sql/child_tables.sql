-- Tables that know their tenant only through a parent row.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
\set plans :srcdir '/sql/include/plans.sql'
\i :plans
SET client_min_messages = warning;
-- Members write logs, and see own ones only.
SELECT tenancy.grant_permission('acme', 'workspace', 'member', 'logs', 'write'), tenancy.set_setting('acme', 'members_view_all_data', false);
SET ROLE regress_owner;
CREATE TABLE chats (LIKE logs INCLUDING ALL);
CREATE TABLE messages (id int PRIMARY KEY, chat_id int REFERENCES chats ON DELETE CASCADE ON UPDATE CASCADE, body text);
CREATE TABLE parts (id int PRIMARY KEY, message_id int REFERENCES messages ON DELETE CASCADE, body text);
ALTER DEFAULT PRIVILEGES IN SCHEMA app GRANT ALL ON TABLES TO PUBLIC;
GRANT ALL ON chats, messages, parts TO PUBLIC;
RESET ROLE;
INSERT INTO chats SELECT * FROM logs;
INSERT INTO messages SELECT id * 10, id, body FROM chats;
INSERT INTO parts SELECT id * 10, id, body FROM messages;

-- Left open, or with the policy that comes to mind, which forgets who the session is as long as a cursor is open
SET SESSION AUTHORIZATION regress_app;
SELECT app.visible('mike', 'messages');
RESET SESSION AUTHORIZATION;
SELECT tenancy.protect('chats', 'logs', organization => 'organization_id', workspace => 'workspace_id', owner => 'user_id', create_indexes => true);
CREATE POLICY by_hand ON messages USING (chat_id IN (SELECT id FROM chats));
ALTER TABLE messages ENABLE ROW LEVEL SECURITY;
SELECT severity, rule, object, problem, fix_sql FROM tenancy.advise() WHERE rule IN ('child_table', 'policy_with_subselect');
SET SESSION AUTHORIZATION regress_app;
BEGIN;
SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off;
CALL become('mona', true);
-- The guard is asked while the set of chats is built, and no more in the rest of the run.
SELECT id, set_config('tenancy.user', 'gus@globex.test', true) AS principal FROM messages ORDER BY id DESC;
ROLLBACK;
RESET SESSION AUTHORIZATION;
DROP POLICY by_hand ON messages;
ALTER TABLE messages DISABLE ROW LEVEL SECURITY;

-- Messages of protect() without "through"
\set VERBOSITY terse
SELECT * FROM failure($$SELECT tenancy.protect('messages', 'logs')$$);
SELECT * FROM failure($$SELECT tenancy.protect('parts', 'logs', through => '{message_id}')$$);
SELECT * FROM failure($$SELECT tenancy.protect('messages', 'logs', through => '{body}')$$);
SELECT * FROM failure($$SELECT tenancy.protect('messages', 'logs', through => '{chat}')$$);
SELECT * FROM failure($$SELECT tenancy.protect('messages', 'logs', through => '{}')$$);
SELECT * FROM failure($$SELECT tenancy.protect('messages', 'logs', through => '{chat_id,chat_id}')$$);
SET client_min_messages = notice;
SELECT tenancy.protect('messages', 'logs', through => '{chat_id}');
SET client_min_messages = warning;
SELECT tenancy.protect('parts', 'logs', through => '{message_id}', create_indexes => true);
CREATE INDEX ON messages (organization_id); CREATE INDEX ON messages (workspace_id); CREATE INDEX ON messages (chat_id);
SELECT relation, organization_column, workspace_column, owner_column, defaulted_columns, through, inherits_owner FROM tenancy.protected_tables ORDER BY relation::text;
SELECT t.relation, i.* FROM tenancy.protected_tables t, tenancy_internal.inspect_protection(t.relation) i ORDER BY t.relation::text;
SELECT policyname, qual, with_check FROM pg_policies WHERE tablename = 'messages' ORDER BY policyname;
SELECT t.tgrelid::regclass, t.tgname, t.tgconstrrelid::regclass, t.tgfoid::regproc FROM pg_trigger t
WHERE NOT t.tgisinternal AND t.tgrelid IN ('chats'::regclass, 'messages'::regclass, 'parts'::regclass) ORDER BY 1, 2;

-- Children and their children are seen exactly with the chats; by nobody, none.
SET SESSION AUTHORIZATION regress_app;
SELECT c.who, c.ids AS chats, replace(m.ids, '0', '') = c.ids AS messages, replace(p.ids, '0', '') = c.ids AS parts
FROM who_sees('chats') c JOIN who_sees('messages') m USING (who) JOIN who_sees('parts') p USING (who) ORDER BY who;

-- A restricted member writes into a chat of its own; into others it can't, whatever the reason, and is told nothing of it.
SELECT chat, attempt('mike', format('INSERT INTO messages (id, chat_id) VALUES (1000, %s)', chat))
FROM (VALUES ('1'), ('2'), ('3'), ('5'), ('8'), ('99'), ('NULL')) v (chat);
-- Whoever sees it writes into it, with a right of the child's resource; the row is the chat's owner's, and not the writer's.
SELECT * FROM who_can('INSERT INTO messages (id, chat_id) VALUES (1000, 3)');
CALL become('adam');
INSERT INTO messages (id, chat_id, body) VALUES (1000, 1, 'by adam') RETURNING right(workspace_id::text, 1) AS workspace, right(user_id::text, 1) AS whose;
CALL become('mike');
SELECT body FROM messages WHERE id = 1000;
-- Its own values don't count.
INSERT INTO messages (id, chat_id, organization_id, workspace_id, user_id)
VALUES (1001, 1, gen_random_uuid(), gen_random_uuid(), gen_random_uuid())
RETURNING organization_id, workspace_id, user_id;
RESET SESSION AUTHORIZATION;
CALL become('nobody');
DELETE FROM messages WHERE id >= 1000;

-- A resource that can be updated
SELECT tenancy.unprotect('parts'), tenancy.unprotect('messages');
SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal AND tgrelid IN ('chats'::regclass, 'messages'::regclass, 'parts'::regclass);
SELECT tenancy.protect('chats', 'prompts', organization => 'organization_id', workspace => 'workspace_id', owner => 'user_id', create_indexes => true);
SELECT tenancy.protect('messages', 'prompts', through => '{chat_id}', create_indexes => true);
SELECT tenancy.protect('parts', 'prompts', through => '{message_id}', create_indexes => true);
SET SESSION AUTHORIZATION regress_app;
CALL become('mike');
UPDATE messages SET workspace_id = gen_random_uuid(), organization_id = NULL, body = 'lie' WHERE id = 10 RETURNING organization_id, workspace_id;
SELECT chat, attempt('mike', format('UPDATE messages SET chat_id = %s WHERE id = 10', chat)) FROM (VALUES ('3'), ('5'), ('8'), ('99')) v (chat);
SELECT attempt('mike', 'UPDATE messages SET chat_id = NULL WHERE id = 10');
-- An upsert onto a hidden row
SELECT attempt('mike', $$INSERT INTO messages (id, chat_id) VALUES (80, 1) ON CONFLICT (id) DO UPDATE SET body = 'mine'$$);
-- Nor does the row that was proposed tell of another tenant's chat.
SELECT attempt('mike', 'INSERT INTO messages (id, chat_id) VALUES (10, 8) ON CONFLICT (id) DO UPDATE SET body = excluded.workspace_id');
SELECT attempt('mike', 'INSERT INTO messages (id, chat_id) VALUES (10, 8) ON CONFLICT DO NOTHING');
-- A cursor stops when the session becomes somebody else.
BEGIN;
SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off;
CALL become('mona', true);
DECLARE leak CURSOR FOR SELECT id FROM messages ORDER BY id DESC;
FETCH 1 FROM leak;
CALL become('gus', true);
FETCH 9 FROM leak;
ROLLBACK;
RESET SESSION AUTHORIZATION;
CALL become('nobody');

-- A chat moves, and two levels go along; a message moves to another chat, and one level does.
CREATE VIEW strangers AS
SELECT 'messages' AS relation, m.id FROM messages m JOIN chats c ON c.id = m.chat_id
WHERE (m.organization_id, m.workspace_id, m.user_id) IS DISTINCT FROM (c.organization_id, c.workspace_id, c.user_id)
UNION ALL
SELECT 'parts', p.id FROM parts p JOIN messages m ON m.id = p.message_id
WHERE (p.organization_id, p.workspace_id, p.user_id) IS DISTINCT FROM (m.organization_id, m.workspace_id, m.user_id);
UPDATE chats SET workspace_id = 'aaaaaaaa-0000-4000-8000-000000000003', user_id = NULL WHERE id = 1;
UPDATE chats SET workspace_id = 'aaaaaaaa-0000-4000-8000-000000000002' WHERE id = 7;
TABLE strangers;
SELECT right(workspace_id::text, 1) AS workspace, user_id FROM parts WHERE id IN (100, 700) ORDER BY id;
UPDATE messages SET chat_id = 8 WHERE id = 20;
TABLE strangers;
SELECT left(organization_id::text, 1) AS organization FROM parts WHERE id = 200;
-- Its key changes, as far as foreign keys let it; a row that lost its parent keeps what it said.
UPDATE chats SET id = 88, workspace_id = 'bbbbbbbb-0000-4000-8000-000000000001' WHERE id = 8;
UPDATE chats SET id = 88 WHERE id = 8;
UPDATE chats SET workspace_id = 'bbbbbbbb-0000-4000-8000-000000000001' WHERE id = 88;
TABLE strangers;
UPDATE messages SET chat_id = NULL WHERE id = 20;
SELECT left(organization_id::text, 1) AS organization FROM messages WHERE id = 20;
DELETE FROM chats WHERE id = 88;
SELECT id, chat_id FROM messages WHERE id IN (20, 80);
-- A trigger of the table's own changes the row first, without the statement naming the column.
CREATE FUNCTION redirect() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.chat_id := 5; RETURN NEW; END $$;
CREATE TRIGGER redirect BEFORE UPDATE ON messages FOR EACH ROW WHEN (NEW.body = 'redirected') EXECUTE FUNCTION redirect();
UPDATE messages SET body = 'redirected' WHERE id = 30;
TABLE strangers;
SELECT right(workspace_id::text, 1) AS workspace FROM parts WHERE id = 300;
DROP TRIGGER redirect ON messages;
-- Renamed, whatever search_path: nothing is looked up by name.
ALTER TABLE chats RENAME id TO chat;
ALTER TABLE chats RENAME workspace_id TO workspace;
ALTER TABLE messages RENAME chat_id TO of_chat;
ALTER TABLE messages RENAME workspace_id TO project;
ALTER TABLE chats RENAME TO conversations;
SET search_path = tenancy;
INSERT INTO app.messages (id, of_chat) VALUES (2000, 5) RETURNING right(project::text, 1) AS workspace;
UPDATE app.conversations SET workspace = 'aaaaaaaa-0000-4000-8000-000000000002' WHERE chat = 5;
SET search_path = app;
SELECT DISTINCT right(project::text, 1) AS workspace FROM messages WHERE of_chat = 5;
SELECT t.relation, t.workspace_column, t.through, i.problem FROM tenancy.protected_tables t, tenancy_internal.inspect_protection(t.relation) i ORDER BY t.relation::text;
ALTER TABLE conversations RENAME TO chats;
ALTER TABLE chats RENAME chat TO id;
ALTER TABLE chats RENAME workspace TO workspace_id;
ALTER TABLE messages RENAME of_chat TO chat_id;
ALTER TABLE messages RENAME project TO workspace_id;
-- Whoever no policy applies to learns of a missing parent at once: a deferred key would let it come too late.
SELECT * FROM failure('INSERT INTO messages (id, chat_id) VALUES (3000, 99)');

-- Commands that would open it
SELECT * FROM failure('DROP TRIGGER "~tenancy_insert" ON messages');
SELECT * FROM failure('DROP TRIGGER tenancy_children_messages ON chats');
SELECT * FROM failure('DROP TRIGGER "~tenancy_update_hold" ON chats');
SELECT * FROM failure('ALTER TABLE messages DROP CONSTRAINT messages_chat_id_fkey');
SELECT * FROM failure('DROP TABLE chats CASCADE');
SELECT * FROM failure($$SELECT tenancy.unprotect('chats')$$);
SELECT * FROM failure($$SELECT tenancy.protect('chats', 'prompts', organization => 'organization_id')$$);
-- Nor are triggers disabled, renamed or replaced: rows written meanwhile would stay with another tenant. One's own are, by their names.
CREATE FUNCTION as_it_is() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER own BEFORE INSERT OR UPDATE ON messages FOR EACH ROW EXECUTE FUNCTION as_it_is();
CREATE TRIGGER own BEFORE INSERT OR UPDATE ON chats FOR EACH ROW EXECUTE FUNCTION as_it_is();
ALTER TABLE messages OWNER TO regress_owner; ALTER TABLE chats OWNER TO regress_owner;
SET ROLE regress_owner;
SELECT w, f.state, f.message FROM unnest(ARRAY['ALTER TABLE messages DISABLE TRIGGER own', 'ALTER TABLE messages ENABLE ALWAYS TRIGGER own', 'ALTER TABLE messages ENABLE ALWAYS TRIGGER "~tenancy_insert"',
  'ALTER TABLE messages DISABLE TRIGGER "~tenancy_insert"', 'ALTER TABLE messages DISABLE TRIGGER USER', 'ALTER TABLE messages ENABLE TRIGGER USER', 'ALTER TABLE messages ENABLE REPLICA TRIGGER "~tenancy_update"',
  'ALTER TRIGGER own ON messages RENAME TO owns', 'ALTER TRIGGER "~tenancy_update" ON messages RENAME TO a', 'CREATE OR REPLACE TRIGGER owns BEFORE INSERT ON messages FOR EACH ROW EXECUTE FUNCTION as_it_is()',
  'CREATE OR REPLACE TRIGGER "~tenancy_insert" BEFORE INSERT ON messages FOR EACH ROW EXECUTE FUNCTION as_it_is()',
  'ALTER TABLE chats DISABLE TRIGGER own', 'ALTER TABLE chats DISABLE TRIGGER USER', 'ALTER TABLE chats DISABLE TRIGGER tenancy_children_messages', 'ALTER TABLE chats DISABLE TRIGGER "~tenancy_update_hold"',
  'CREATE OR REPLACE TRIGGER "~tenancy_update_hold" BEFORE UPDATE ON chats FOR EACH ROW EXECUTE FUNCTION as_it_is()']) w, failure(w) f;
SELECT * FROM failure('ALTER TABLE messages DISABLE TRIGGER USER');
RESET ROLE;
DROP TRIGGER own ON chats;
DROP TRIGGER own ON messages;
DROP FUNCTION as_it_is();
-- What logical replication writes takes its tenant from the parent and follows it, at two levels. A parent must come first, unless the
-- row brings a tenant.
BEGIN;
SET LOCAL session_replication_role = replica;
INSERT INTO messages (id, chat_id) VALUES (3000, 5);
INSERT INTO parts (id, message_id) VALUES (3000, 3000);
SELECT count(*) FILTER (WHERE p.workspace_id IS NOT NULL) AS named FROM parts p WHERE p.id = 3000;
UPDATE chats SET workspace_id = 'aaaaaaaa-0000-4000-8000-000000000003' WHERE id = 5;
SELECT DISTINCT right(workspace_id::text, 1) AS workspace FROM (SELECT workspace_id FROM messages WHERE chat_id = 5 UNION ALL SELECT workspace_id FROM parts WHERE message_id = 3000) w;
TABLE strangers;
SELECT * FROM failure('INSERT INTO messages (id, chat_id) VALUES (3001, 99)');
INSERT INTO messages (id, chat_id, organization_id, workspace_id) VALUES (3002, 99, 'aaaaaaaa-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000002')
RETURNING right(workspace_id::text, 1) AS workspace;
SET LOCAL session_replication_role = origin;
SELECT * FROM failure('INSERT INTO messages (id, chat_id, organization_id) VALUES (3003, 99, ''aaaaaaaa-0000-4000-8000-000000000000'')');
ROLLBACK;
BEGIN;
SET LOCAL tenancy.guard_rails = off;
ALTER TABLE messages ENABLE TRIGGER "~tenancy_insert";
ALTER TABLE chats ENABLE TRIGGER tenancy_children_messages;
SELECT rule, object, problem, fix_sql FROM tenancy.advise() WHERE rule = 'protection_broken' ORDER BY object;
-- Rows that stayed behind, and those that are as they should be
ALTER TABLE chats DISABLE TRIGGER tenancy_children_messages;
UPDATE chats SET workspace_id = 'aaaaaaaa-0000-4000-8000-000000000003' WHERE id = 5;
ALTER TABLE messages ENABLE ALWAYS TRIGGER "~tenancy_insert";
ALTER TABLE chats ENABLE ALWAYS TRIGGER tenancy_children_messages;
SELECT severity, rule, object, problem, fix_sql FROM tenancy.advise() WHERE rule IN ('protection_broken', 'rows_behind_parents');
SELECT tenancy.protect('messages', 'prompts', through => '{chat_id}');
SELECT rule, object, problem FROM tenancy.advise() WHERE rule IN ('protection_broken', 'rows_behind_parents');
ROLLBACK;
BEGIN;
SET LOCAL tenancy.guard_rails = off;
ALTER TABLE messages DISABLE TRIGGER "~tenancy_update";
SET LOCAL tenancy.guard_rails = on;
SELECT rule, object, problem, fix_sql FROM tenancy.advise() WHERE rule = 'protection_broken';
SELECT tenancy.protect('messages', 'prompts', through => '{chat_id}');
SELECT rule, object, problem FROM tenancy.advise() WHERE rule = 'protection_broken';
ROLLBACK;
-- Nobody makes these triggers by hand.
SET ROLE regress_owner;
SELECT * FROM failure('CREATE TRIGGER t BEFORE INSERT ON app.chats FOR EACH ROW EXECUTE FUNCTION tenancy_internal.take_from_parent()');
SELECT * FROM failure('CREATE CONSTRAINT TRIGGER t AFTER UPDATE ON app.chats FROM app.logs FOR EACH ROW EXECUTE FUNCTION tenancy_internal.move_children()');
RESET ROLE;
-- Not with EXECUTE either: they read the parent as its owner does.
BEGIN;
GRANT USAGE ON SCHEMA tenancy_internal TO regress_owner;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA tenancy_internal TO regress_owner;
SET LOCAL ROLE regress_owner;
CREATE TABLE app.made_by_hand (chat_id uuid, organization_id uuid);
CREATE FUNCTION app.own_trigger() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER t BEFORE INSERT ON app.made_by_hand FOR EACH ROW EXECUTE FUNCTION app.own_trigger();
SELECT count(*) > 20 AS tried, count(*) FILTER (WHERE f.state IS DISTINCT FROM '42501') AS created
FROM pg_proc p, failure(format('CREATE TRIGGER %I BEFORE INSERT ON app.made_by_hand FOR EACH ROW EXECUTE FUNCTION tenancy_internal.%I()', 't_' || p.proname, p.proname)) f
WHERE p.pronamespace = 'tenancy_internal'::regnamespace AND p.prorettype = 'trigger'::regtype;
SELECT * FROM failure('CREATE OR REPLACE TRIGGER t BEFORE INSERT ON app.made_by_hand FOR EACH ROW EXECUTE FUNCTION tenancy_internal.take_from_parent()');
ROLLBACK;
-- A schema's name that must be quoted
BEGIN;
CREATE SCHEMA "My S" AUTHORIZATION regress_owner;
SET LOCAL ROLE regress_owner;
CREATE TABLE "My S"."A c" (id int PRIMARY KEY, chat_id int REFERENCES app.chats, usr uuid);
RESET ROLE;
SELECT tenancy.protect('"My S"."A c"', 'prompts', through => '{chat_id}', owner => 'usr');
SELECT (tenancy_internal.inspect_protection('"My S"."A c"')).problem;
SELECT tenancy.unprotect('"My S"."A c"');
ROLLBACK;

-- An own owner: it says what is own, and the parent must be seen, too.
SET ROLE regress_owner;
CREATE TABLE reports (LIKE logs INCLUDING ALL);
CREATE TABLE comments (id int PRIMARY KEY, report_id int NOT NULL REFERENCES reports, user_id uuid, body text);
RESET ROLE;
INSERT INTO reports SELECT * FROM logs;
INSERT INTO comments SELECT id * 10, id, 'cccccccc-0000-4000-8000-000000000004' FROM reports;
SELECT tenancy.protect('reports', 'logs', organization => 'organization_id', workspace => 'workspace_id', owner => 'user_id', create_indexes => true);
SELECT * FROM failure($$SELECT tenancy.protect('comments', 'logs', through => '{report_id}')$$);
SELECT tenancy.protect('comments', 'logs', through => '{report_id}', owner => 'user_id', create_indexes => true);
SELECT qual, with_check FROM pg_policies WHERE tablename = 'comments' AND cmd IN ('INSERT', 'SELECT') ORDER BY cmd;
SET SESSION AUTHORIZATION regress_app;
SELECT * FROM who_sees('comments') WHERE who IN ('olivia', 'mona', 'mike', 'ben', 'gus', 'nobody');
SELECT report, attempt('mike', format('INSERT INTO comments (id, report_id) VALUES (1000, %s)', report))
FROM (VALUES ('1'), ('3'), ('5'), ('8'), ('99')) v (report);
SELECT attempt('mike', $$INSERT INTO comments (id, report_id, user_id) VALUES (1000, 1, 'cccccccc-0000-4000-8000-000000000003')$$);
SELECT attempt('olivia', 'INSERT INTO comments (id, report_id) VALUES (1000, 1)');
RESET SESSION AUTHORIZATION;

-- Link tables: both parents are seen, and of one organization.
SET ROLE regress_owner;
CREATE TABLE tags (id int PRIMARY KEY, organization_id uuid, name text);
CREATE TABLE report_tags (report_id int REFERENCES reports ON DELETE CASCADE, tag_id int REFERENCES tags, PRIMARY KEY (report_id, tag_id));
RESET ROLE;
INSERT INTO tags VALUES (1, 'aaaaaaaa-0000-4000-8000-000000000000', 'ours'), (2, 'bbbbbbbb-0000-4000-8000-000000000000', 'theirs');
SELECT tenancy.protect('tags', 'prompts', organization => 'organization_id', create_indexes => true);
-- Through one of them alone another organization's tag is accepted.
SELECT tenancy.protect('report_tags', 'logs', through => '{report_id}', create_indexes => true);
SET SESSION AUTHORIZATION regress_app;
SELECT attempt('adam', 'INSERT INTO report_tags VALUES (1, 2)');
RESET SESSION AUTHORIZATION;
SELECT rule, problem, fix_sql FROM tenancy.advise() WHERE rule = 'foreign_key_across_tenants';
INSERT INTO report_tags VALUES (1, 2);
SELECT * FROM failure($$SELECT tenancy.protect('report_tags', 'logs', through => '{report_id,tag_id}')$$);
DELETE FROM report_tags;
SELECT tenancy.protect('report_tags', 'logs', through => '{report_id,tag_id}', create_indexes => true);
SELECT (tenancy_internal.inspect_protection('report_tags')).*;
SELECT rule, object FROM tenancy.advise() WHERE rule IN ('foreign_key_across_tenants', 'unique_without_tenant') AND object LIKE '%report\_tags';
SET SESSION AUTHORIZATION regress_app;
SELECT attempt('adam', 'INSERT INTO report_tags VALUES (1, 1)'), attempt('adam', 'INSERT INTO report_tags VALUES (1, 2)') AS another,
       attempt('adam', 'INSERT INTO report_tags VALUES (1, 99)') AS none, attempt('adam', 'INSERT INTO report_tags VALUES (8, 2)') AS theirs;
RESET SESSION AUTHORIZATION;
-- Through a view whose owner bypasses the policies, another's tag is not told from one that doesn't exist, either.
CREATE VIEW report_tags_of_all AS SELECT report_id, tag_id FROM report_tags;
SET SESSION AUTHORIZATION regress_app;
SELECT attempt('adam', 'INSERT INTO report_tags_of_all VALUES (1, 1)'), attempt('adam', 'INSERT INTO report_tags_of_all VALUES (1, 2)') AS another,
       attempt('adam', 'INSERT INTO report_tags_of_all VALUES (1, 99)') AS none, attempt('adam', 'INSERT INTO report_tags_of_all VALUES (8, 2)') AS theirs;
RESET SESSION AUTHORIZATION;
DROP VIEW report_tags_of_all;
-- So do those to whom no policy applies keep them together; two that move, move in one transaction.
INSERT INTO report_tags VALUES (1, 2);
INSERT INTO report_tags VALUES (1, 1);
UPDATE tags SET organization_id = 'bbbbbbbb-0000-4000-8000-000000000000' WHERE id = 1;
UPDATE reports SET organization_id = 'bbbbbbbb-0000-4000-8000-000000000000' WHERE id = 1;
BEGIN;
UPDATE tags SET organization_id = 'bbbbbbbb-0000-4000-8000-000000000000' WHERE id = 1;
UPDATE reports SET organization_id = 'bbbbbbbb-0000-4000-8000-000000000000' WHERE id = 1;
COMMIT;
SELECT left(organization_id::text, 1) AS organization FROM report_tags;


-- Large tables: columns and triggers first, then in batches, and nobody sees what isn't filled in.
SET ROLE regress_owner;
CREATE TABLE lines (id int PRIMARY KEY, chat_id int NOT NULL REFERENCES chats);
RESET ROLE;
INSERT INTO lines SELECT i, 1 + i % 6 FROM generate_series(1, 100001) i;
SELECT * FROM failure($$SELECT tenancy.protect('lines', 'prompts', through => '{chat_id}')$$);
SELECT * FROM failure('CALL tenancy.fill_tenant_columns(''lines'')');
SELECT pg_relation_filenode('lines') AS before \gset
SELECT tenancy.add_tenant_columns('lines', '{chat_id}');
SELECT pg_relation_filenode('lines') = :before AS not_rewritten;
INSERT INTO lines VALUES (0, 1);
SELECT count(*) AS lines, count(organization_id) AS filled FROM lines;
SELECT * FROM failure($$SELECT tenancy.protect('lines', 'prompts', through => '{chat_id}')$$);
-- Stopped after some of it, it does the rest.
SELECT tenancy_steps.fill_tenant_batch('lines', 0, 100) > 0 AS some;
SET client_min_messages = notice;
CALL tenancy.fill_tenant_columns('lines', batch => 20000) \g /dev/null
RESET client_min_messages;
SET client_min_messages = warning;
SELECT count(*) FROM lines l JOIN chats c ON c.id = l.chat_id WHERE (l.organization_id, l.workspace_id, l.user_id) IS DISTINCT FROM (c.organization_id, c.workspace_id, c.user_id);
SELECT tenancy.protect('lines', 'prompts', through => '{chat_id}', create_indexes => true);
-- The plan is the one of a filter by hand.
ANALYZE lines;
SET SESSION AUTHORIZATION regress_app;
CALL become('mona');
SELECT plan('SELECT count(*) FROM lines WHERE chat_id = 3') AS of_parent, plan('SELECT * FROM lines ORDER BY id DESC LIMIT 50') AS newest,
       plan('SELECT c.id, count(*) FROM chats c JOIN lines l ON l.chat_id = c.id GROUP BY c.id') AS joined \gset
CALL become('nobody');
SELECT plan('SELECT count(*) FROM lines') ~ 'One-Time Filter: false' AS not_scanned;
RESET SESSION AUTHORIZATION;
SELECT plan($$SELECT count(*) FROM lines WHERE chat_id = 3 AND workspace_id = 'aaaaaaaa-0000-4000-8000-000000000002'$$) = :'of_parent' AS of_parent,
       plan($$SELECT * FROM lines WHERE workspace_id = 'aaaaaaaa-0000-4000-8000-000000000002' ORDER BY id DESC LIMIT 50$$) = :'newest' AS newest,
       plan($$SELECT c.id, count(*) FROM chats c JOIN lines l ON l.chat_id = c.id WHERE c.workspace_id = 'aaaaaaaa-0000-4000-8000-000000000002'
                AND l.workspace_id = 'aaaaaaaa-0000-4000-8000-000000000002' GROUP BY c.id$$) = :'joined' AS joined;
-- An index that no longer covers
CREATE INDEX lines_of_chat ON lines (chat_id, id);
SET client_min_messages = notice;
SELECT tenancy.protect('lines', 'prompts', through => '{chat_id}', create_indexes => true);
SET client_min_messages = warning;
-- Only the owner, and whoever may call protect(), prepares it.
SET ROLE regress_plain;
SELECT * FROM failure($$SELECT tenancy_steps.fill_tenant_batch('app.lines', 0, 100)$$);
SELECT * FROM failure($$SELECT tenancy.add_tenant_columns('app.lines', '{chat_id}')$$);
RESET ROLE;
DROP TABLE lines;

-- Partitions
SET ROLE regress_owner;
CREATE TABLE events (id int, day int, chat_id int REFERENCES chats) PARTITION BY RANGE (day);
CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (1) TO (2);
RESET ROLE;
INSERT INTO events VALUES (1, 1, 3), (5, 1, 6);
SELECT tenancy.protect('events', 'prompts', through => '{chat_id}', create_indexes => true);
CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM (2) TO (3);
INSERT INTO events VALUES (2, 2, 3), (6, 2, 6) RETURNING id, right(workspace_id::text, 1) AS workspace;
UPDATE chats SET workspace_id = 'aaaaaaaa-0000-4000-8000-000000000003' WHERE id = 3;
SELECT tableoid::regclass, id, right(workspace_id::text, 1) AS workspace FROM events WHERE chat_id = 3 ORDER BY id;
UPDATE events SET day = 2, chat_id = 4 WHERE id = 1 RETURNING tableoid::regclass, right(workspace_id::text, 1) AS workspace;
CREATE TABLE events_3 (organization_id uuid, workspace_id uuid, user_id uuid, id int, day int, chat_id int REFERENCES chats);
ALTER TABLE events_3 OWNER TO regress_owner;
INSERT INTO events_3 VALUES ('bbbbbbbb-0000-4000-8000-000000000000', NULL, NULL, 3, 3, 4);
SELECT * FROM failure('ALTER TABLE events ATTACH PARTITION events_3 FOR VALUES FROM (3) TO (4)');
UPDATE events_3 e SET organization_id = c.organization_id, workspace_id = c.workspace_id, user_id = c.user_id FROM chats c WHERE c.id = e.chat_id;
ALTER TABLE events ATTACH PARTITION events_3 FOR VALUES FROM (3) TO (4);
INSERT INTO events_3 (id, day, chat_id) VALUES (33, 3, 4) RETURNING right(workspace_id::text, 1) AS workspace;
SELECT t.relation, i.problem FROM tenancy.protected_tables t, tenancy_internal.inspect_protection(t.relation) i WHERE t.relation::text LIKE 'events%' ORDER BY 1;
SET SESSION AUTHORIZATION regress_app;
SELECT * FROM who_sees('events') WHERE who IN ('olivia', 'mona', 'mike', 'gus');
RESET SESSION AUTHORIZATION;
SELECT tenancy.unprotect('events');
SELECT count(*) FROM tenancy.protected_tables WHERE relation::text LIKE 'events%';

-- Refused or unsupported
CREATE TABLE by_tenant (id int, chat_id int REFERENCES chats, workspace_id uuid) PARTITION BY LIST (workspace_id);
CREATE TABLE parent (id int, chat_id int REFERENCES chats);
CREATE TABLE child () INHERITS (parent);
CREATE TABLE other_types (id int, chat_id int REFERENCES chats, organization_id text);
CREATE TABLE loose (id int, chat_id int);
INSERT INTO loose VALUES (1, 99);
ALTER TABLE loose ADD FOREIGN KEY (chat_id) REFERENCES chats NOT VALID;
CREATE TABLE two_columns (id int, chat_id int, day int);
CREATE TABLE spans (id int PRIMARY KEY, organization_id uuid, parent_id int REFERENCES spans);
SELECT relation, f.* FROM (VALUES
  ('by_tenant', '{chat_id}'), ('parent', '{chat_id}'), ('child', '{chat_id}'), ('other_types', '{chat_id}'), ('loose', '{chat_id}'),
  ('events_1', '{chat_id}')) v (relation, through),
  failure(format('SELECT tenancy.protect(%L, %L, through => %L)', relation, 'prompts', through)) f;
SELECT tenancy.protect('spans', 'prompts', organization => 'organization_id');
SELECT * FROM failure($$SELECT tenancy.protect('spans', 'prompts', through => '{parent_id}')$$);
SELECT * FROM failure($$SELECT tenancy.protect('messages', 'prompts', organization => 'organization_id', api_key => 'chat_id', through => '{chat_id}', workspace => 'body')$$);
-- The owner of one table can't have another's rows copied.
ALTER TABLE other_types DROP COLUMN organization_id, OWNER TO regress_plain;
SELECT * FROM failure($$SELECT tenancy.protect('other_types', 'prompts', through => '{chat_id}')$$);
-- A table, or a partition, that has become another's afterwards does not move with its parents: a trigger of its owner's would run as
-- whoever moves these.
BEGIN;
SELECT tenancy.protect('events', 'prompts', through => '{chat_id}') \g /dev/null
CREATE TABLE ran (who name);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO app.ran VALUES (current_user); RETURN NULL; END $$;
CREATE TRIGGER note AFTER UPDATE ON events_1 FOR EACH ROW EXECUTE FUNCTION note();
\set move 'UPDATE app.chats SET workspace_id = NULL WHERE id = 6'
ALTER TABLE events_1 OWNER TO regress_plain;
SELECT f.state, f.message FROM failure(:'move') f;
SELECT object, problem, fix_sql FROM tenancy.advise() WHERE rule = 'rows_behind_parents';
ALTER TABLE events_1 OWNER TO regress_owner;
ALTER TABLE events OWNER TO regress_plain;
SELECT f.state, f.message FROM failure(:'move') f;
ALTER TABLE events OWNER TO regress_owner;
ALTER TABLE chats OWNER TO regress_plain;
SELECT f.state, f.message FROM failure(:'move') f;
ALTER TABLE chats OWNER TO regress_owner;
:move;
SELECT (SELECT count(*) FROM ran) AS ran, (SELECT count(*) FROM events e WHERE e.chat_id = 6 AND e.workspace_id IS NULL) AS moved;
ROLLBACK;

-- The tenants' own table: the key is the workspace.
CREATE TABLE projects (id uuid PRIMARY KEY, org uuid);
CREATE TABLE settings (id int, project_id uuid REFERENCES projects);
INSERT INTO projects VALUES ('aaaaaaaa-0000-4000-8000-000000000002', 'aaaaaaaa-0000-4000-8000-000000000000');
INSERT INTO settings VALUES (1, 'aaaaaaaa-0000-4000-8000-000000000002');
SELECT tenancy.protect('projects', 'prompts', organization => 'org', workspace => 'id', create_indexes => true);
SELECT tenancy.protect('settings', 'prompts', through => '{project_id}', create_indexes => true);
SELECT organization_column, workspace_column FROM tenancy.protected_tables WHERE relation = 'settings'::regclass;
SET SESSION AUTHORIZATION regress_app;
SELECT * FROM who_sees('settings') WHERE who IN ('olivia', 'mona', 'gus');
RESET SESSION AUTHORIZATION;

-- Privileges on the child are enough: a role that can't read the parents writes and reads.
REVOKE ALL ON chats FROM PUBLIC;
SET SESSION AUTHORIZATION regress_app;
SELECT attempt('mona', 'INSERT INTO messages (id, chat_id) VALUES (1000, 4)'), app.visible('mona', 'messages');
RESET SESSION AUTHORIZATION;
-- A tenant's export holds its children.
SELECT relation, count(*) FROM tenancy.export_organization('globex') WHERE relation IN ('messages'::regclass, 'parts'::regclass) GROUP BY relation ORDER BY 1;
-- And it comes off again.
SELECT tenancy.unprotect('parts'), tenancy.unprotect('messages'), tenancy.unprotect('chats');
SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal AND tgrelid IN ('chats'::regclass, 'messages'::regclass, 'parts'::regclass);

-- A parent that goes must not leave its rows to another one, which may be another tenant's.
CREATE TABLE folders (id int PRIMARY KEY, organization_id uuid);
CREATE TABLE files (id int, folder_id int DEFAULT 1 REFERENCES folders ON DELETE SET DEFAULT);
SELECT tenancy.protect('folders', 'prompts', 'organization_id') \g /dev/null
SELECT f.state, f.message, f.hint FROM failure($$SELECT tenancy.protect('files', 'prompts', through => '{folder_id}')$$) f;
SELECT f.state, f.message FROM failure($$SELECT tenancy.add_tenant_columns('files', '{folder_id}')$$) f;
ALTER TABLE files DROP CONSTRAINT files_folder_id_fkey, ADD CONSTRAINT files_folder_id_fkey FOREIGN KEY (folder_id) REFERENCES folders ON UPDATE CASCADE ON DELETE SET NULL;
SELECT tenancy.protect('files', 'prompts', through => '{folder_id}') \g /dev/null
SELECT f.state, f.message FROM failure($$ALTER TABLE app.files DROP CONSTRAINT files_folder_id_fkey, ADD FOREIGN KEY (folder_id) REFERENCES app.folders ON UPDATE SET DEFAULT$$) f;
SET tenancy.guard_rails = off;
ALTER TABLE files DROP CONSTRAINT files_folder_id_fkey, ADD FOREIGN KEY (folder_id) REFERENCES folders ON UPDATE SET DEFAULT;
RESET tenancy.guard_rails;
SELECT problem FROM tenancy_internal.inspect_protection('files');
-- Of what is no table, an error that says so
SELECT relation, f.state, f.message FROM unnest(ARRAY['0', '1', 'pg_class_oid_index', 'files']) relation, failure(format('SELECT tenancy.parent_visible(%L, 9, 1)', relation)) f;

-- A parent that the session can't see isn't even locked: a lock gives the transaction a number, which would tell that another
-- tenant's row exists, and it holds up whoever deletes the row.
CREATE TABLE notes (id int PRIMARY KEY, organization_id uuid NOT NULL);
CREATE TABLE labels (id int PRIMARY KEY, organization_id uuid NOT NULL);
CREATE TABLE lines_of_notes (id int PRIMARY KEY, note int NOT NULL REFERENCES notes);
CREATE TABLE note_labels (note int NOT NULL REFERENCES notes, label int NOT NULL REFERENCES labels);
GRANT ALL ON notes, labels, lines_of_notes, note_labels TO PUBLIC;
INSERT INTO notes VALUES (1, 'aaaaaaaa-0000-4000-8000-000000000000'), (5, 'bbbbbbbb-0000-4000-8000-000000000000');
INSERT INTO labels SELECT * FROM notes;
INSERT INTO lines_of_notes VALUES (1, 1);
SELECT tenancy.protect('notes', 'prompts', organization => 'organization_id'), tenancy.protect('labels', 'prompts', organization => 'organization_id'),
       tenancy.protect('lines_of_notes', 'prompts', through => '{note}'), tenancy.protect('note_labels', 'prompts', through => '{note,label}') \g /dev/null
SET SESSION AUTHORIZATION regress_app;
\set number 'SELECT pg_current_xact_id_if_assigned() IS NOT NULL AS numbered;'
CALL become('adam');
-- Own, another's, none
BEGIN; SAVEPOINT s; INSERT INTO lines_of_notes (id, note) VALUES (2, 1); ROLLBACK TO s; :number ROLLBACK;
BEGIN; SAVEPOINT s; INSERT INTO lines_of_notes (id, note) VALUES (2, 5); ROLLBACK TO s; :number ROLLBACK;
BEGIN; SAVEPOINT s; INSERT INTO lines_of_notes (id, note) VALUES (2, 99); ROLLBACK TO s; :number ROLLBACK;
BEGIN; SAVEPOINT s; INSERT INTO lines_of_notes (id, note) VALUES (1, 5) ON CONFLICT DO NOTHING; ROLLBACK TO s; :number ROLLBACK;
BEGIN; SAVEPOINT s; MERGE INTO lines_of_notes l USING (VALUES (2)) v (id) ON l.id = v.id WHEN NOT MATCHED THEN INSERT (id, note) VALUES (v.id, 5); ROLLBACK TO s; :number ROLLBACK;
-- The first and the second of two
BEGIN; SAVEPOINT s; INSERT INTO note_labels (note, label) VALUES (1, 1); ROLLBACK TO s; :number ROLLBACK;
BEGIN; SAVEPOINT s; INSERT INTO note_labels (note, label) VALUES (5, 99); ROLLBACK TO s; :number ROLLBACK;
BEGIN; SAVEPOINT s; INSERT INTO note_labels (note, label) VALUES (99, 5); ROLLBACK TO s; :number ROLLBACK;
-- Whoever is nobody
CALL become('nobody');
BEGIN; SAVEPOINT s; INSERT INTO lines_of_notes (id, note) VALUES (2, 5); ROLLBACK TO s; :number ROLLBACK;
RESET SESSION AUTHORIZATION;

-- Nor by another road: a function of the tables' owner, which is filtered like the session. Of a superuser's view no policy is asked:
-- there, too, the row can't be nobody's.
ALTER TABLE notes OWNER TO regress_owner;
ALTER TABLE lines_of_notes OWNER TO regress_owner;
ALTER TABLE note_labels OWNER TO regress_owner;
CREATE FUNCTION add_line(id int, note int) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, app, pg_temp AS
$$ INSERT INTO lines_of_notes (id, note) VALUES (add_line.id, add_line.note) $$;
CREATE FUNCTION move_line(id int, note int) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, app, pg_temp AS
$$ WITH moved AS (UPDATE lines_of_notes l SET note = move_line.note WHERE l.id = move_line.id RETURNING 1) SELECT $$;
ALTER FUNCTION add_line(int, int) OWNER TO regress_owner;
ALTER FUNCTION move_line(int, int) OWNER TO regress_owner;
CREATE VIEW every_line AS SELECT * FROM lines_of_notes;
CREATE VIEW every_label AS SELECT * FROM note_labels;
GRANT ALL ON every_line, every_label TO PUBLIC;
SET SESSION AUTHORIZATION regress_app;
CALL become('adam');
BEGIN; SAVEPOINT s; SELECT add_line(2, 1); ROLLBACK TO s; :number ROLLBACK;
BEGIN; SAVEPOINT s; SELECT add_line(2, 5); ROLLBACK TO s; :number ROLLBACK;
BEGIN; SAVEPOINT s; SELECT add_line(2, 99); ROLLBACK TO s; :number ROLLBACK;
BEGIN; SAVEPOINT s; SELECT move_line(1, 5); ROLLBACK;
BEGIN; SAVEPOINT s; INSERT INTO every_line (id, note) VALUES (2, 1); SELECT organization_id IS NOT NULL FROM every_line WHERE id = 2; ROLLBACK;
BEGIN; SAVEPOINT s; INSERT INTO every_line (id, note) VALUES (2, 5); ROLLBACK TO s; :number ROLLBACK;
BEGIN; SAVEPOINT s; INSERT INTO every_line (id, note) VALUES (2, 99); ROLLBACK TO s; :number ROLLBACK;
UPDATE every_line SET note = 5 WHERE id = 1;
INSERT INTO every_label (note, label) VALUES (5, 1);
INSERT INTO every_label (note, label) VALUES (1, 5);
-- In the same words as a policy
SELECT * FROM failure('INSERT INTO every_line (id, note) VALUES (2, 5)');
SELECT * FROM failure('INSERT INTO lines_of_notes (id, note) VALUES (2, 5)');
CALL become('nobody');
SELECT * FROM failure('INSERT INTO every_line (id, note) VALUES (2, 5)');
SELECT * FROM failure('INSERT INTO lines_of_notes (id, note) VALUES (2, 5)');
SELECT add_line(2, 5);
RESET SESSION AUTHORIZATION;
SELECT count(*) AS of_nobody FROM lines_of_notes WHERE organization_id IS NULL;
-- A referential action is exempt, and what its triggers do isn't.
ALTER TABLE lines_of_notes DROP CONSTRAINT lines_of_notes_note_fkey, ADD CONSTRAINT lines_of_notes_note_fkey FOREIGN KEY (note) REFERENCES notes ON UPDATE CASCADE;
CREATE FUNCTION on_line() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF NEW.id < 100 THEN PERFORM app.add_line(NEW.id + 100, 10); END IF;
  RETURN NEW; END $$;
SELECT failure.* FROM failure('UPDATE notes SET id = 50 WHERE id = 5');
UPDATE notes SET id = 10 WHERE id = 1;
SELECT id, note, organization_id IS NOT NULL AS has_tenant FROM lines_of_notes ORDER BY id;
CREATE TRIGGER on_line BEFORE UPDATE ON lines_of_notes FOR EACH ROW EXECUTE FUNCTION on_line();
UPDATE notes SET id = 1 WHERE id = 10;
DROP TRIGGER on_line ON lines_of_notes;

-- Columns that call more equal than the key does, by their type or collation: what counts is whether another row is meant.
CREATE EXTENSION citext;
CREATE COLLATION any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE plans (title text PRIMARY KEY, organization_id uuid, workspace_id uuid);
CREATE TABLE plans_any_case (title text COLLATE any_case PRIMARY KEY, organization_id uuid, workspace_id uuid);
SELECT FROM unnest('{plans,plans_any_case}'::regclass[]) parent, tenancy.protect(parent, 'prompts', 'organization_id', 'workspace_id', create_indexes => true);
INSERT INTO plans VALUES ('plan', 'aaaaaaaa-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000002'), ('draft', 'aaaaaaaa-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000002'),
  ('Plan', 'bbbbbbbb-0000-4000-8000-000000000000', 'bbbbbbbb-0000-4000-8000-000000000002');
INSERT INTO plans_any_case SELECT * FROM plans WHERE title <> 'Plan';
CREATE TABLE steps (id int PRIMARY KEY, plan citext REFERENCES plans ON DELETE CASCADE);
CREATE TABLE tasks (id int PRIMARY KEY, plan text REFERENCES plans ON DELETE CASCADE);
CREATE TABLE tasks_any_case (id int PRIMARY KEY, plan text COLLATE any_case REFERENCES plans_any_case ON DELETE CASCADE);
SELECT FROM unnest('{steps,tasks,tasks_any_case}'::regclass[]) child, tenancy.protect(child, 'prompts', through => '{plan}', create_indexes => true);
GRANT ALL ON plans, plans_any_case, steps, tasks, tasks_any_case TO regress_app;
INSERT INTO steps VALUES (1, 'plan');
INSERT INTO tasks VALUES (1, 'plan');
INSERT INTO tasks_any_case VALUES (1, 'plan');
SET SESSION AUTHORIZATION regress_app;
CALL become('adam');
SELECT child, f.* FROM unnest('{steps,tasks}'::text[]) child, unnest('{draft,Plan,PLAN}'::text[]) plan, app.failure(format('UPDATE app.%I SET plan = %L WHERE id = 1', child, plan)) f;
UPDATE tasks_any_case SET plan = 'PLAN' WHERE id = 1;
CALL become('nobody');
RESET SESSION AUTHORIZATION;
UPDATE plans_any_case SET workspace_id = 'aaaaaaaa-0000-4000-8000-000000000003' WHERE title = 'plan';
SELECT plan, right(workspace_id::text, 1) AS workspace FROM tasks_any_case;
-- One collation calls equal what the other does not: referential actions, and rows that move, would take other tenants' rows along.
-- From 18 on the server refuses such keys itself.
CREATE FUNCTION is_refused(commands text) RETURNS boolean LANGUAGE sql AS $$ SELECT f.state IN ('0A000', '55000', '42P21') FROM failure(commands) f $$;
SELECT parent, its_collation, is_refused(format('CREATE TABLE collated (id int, plan text COLLATE %I REFERENCES %I); SELECT tenancy.protect(''collated'', ''prompts'', through => ''{plan}'')', its_collation, parent)) AS refused
FROM unnest('{plans,plans_any_case}'::text[]) parent, unnest('{default,C,any_case}'::text[]) its_collation;
UPDATE tasks_any_case SET plan = 'plan';
SELECT its_collation, is_refused(format('ALTER TABLE plans_any_case ALTER COLUMN title TYPE text COLLATE %I; UPDATE tasks_any_case SET plan = ''draft''', its_collation)) AS refused
FROM unnest('{any_case,C}'::text[]) its_collation;
-- Also where the column calls the new key equal to the old one
SELECT is_refused($$ALTER TABLE plans_any_case ALTER COLUMN title TYPE text COLLATE "C"; INSERT INTO plans_any_case VALUES ('Plan', 'bbbbbbbb-0000-4000-8000-000000000000');
  UPDATE tasks_any_case SET plan = 'Plan'$$) AS refused;
DROP TABLE steps, tasks, tasks_any_case, plans, plans_any_case;
DROP EXTENSION citext;

-- A key that a row gives up, while others refer to it, is no other tenant's: neither in a statement that has not ended, nor in a transaction
-- that has not, by whichever command, nor for a second parent. Of the same tenant, a row may take the other's place. The trigger is what keeps
-- it, and without it the row at least stays whose it is.
INSERT INTO tenancy.workspaces (workspace_id, organization_id, slug, name) VALUES ('bbbbbbbb-0000-4000-8000-000000000009', 'bbbbbbbb-0000-4000-8000-000000000000', 'second', 'Second');
CREATE FUNCTION takes_place(id int) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
  before text := current_setting('tenancy.user');
BEGIN
  CALL app.become(split_part(current_setting('app.taker'), '@', 1));
  EXECUTE current_setting('app.takes');
  UPDATE app.boards b SET workspace_id = CASE WHEN current_setting('app.taker') ~ 'gus' THEN 'bbbbbbbb-0000-4000-8000-000000000009'::uuid ELSE workspace_id END WHERE b.id = 1;
  PERFORM set_config('tenancy.user', before, false);
  RETURN id;
END
$$;
CREATE FUNCTION after_taking(partitioned boolean, reference text, gives text, taker text, takes text, kept boolean) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  result text;
BEGIN
  EXECUTE format('CREATE TABLE boards (id int PRIMARY KEY, organization_id uuid, workspace_id uuid)%s; %s; CREATE TABLE cards (id int PRIMARY KEY, board_id int REFERENCES boards %s)',
    CASE WHEN partitioned THEN ' PARTITION BY RANGE (id)' END, CASE WHEN partitioned THEN 'CREATE TABLE boards_1 PARTITION OF boards FOR VALUES FROM (1) TO (2); CREATE TABLE boards_2 PARTITION OF boards DEFAULT' ELSE 'SELECT' END, reference);
  INSERT INTO boards VALUES (1, 'aaaaaaaa-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000002'), (2, 'bbbbbbbb-0000-4000-8000-000000000000', 'bbbbbbbb-0000-4000-8000-000000000002'),
    (3, 'aaaaaaaa-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000002');
  INSERT INTO cards VALUES (1, 1);
  PERFORM tenancy.protect('boards', 'prompts', 'organization_id', 'workspace_id'), tenancy.protect('cards', 'prompts', through => '{board_id}');
  GRANT ALL ON boards, cards TO regress_app;
  IF NOT kept THEN
    PERFORM set_config('tenancy.guard_rails', 'off', true);
    DROP TRIGGER "~tenancy_vacant_key" ON boards;
    PERFORM set_config('tenancy.guard_rails', 'on', true);
  END IF;
  PERFORM set_config('session_authorization', 'regress_app', true), set_config('app.taker', taker, true), set_config('app.takes', takes, true);
  CALL become('olivia');
  SET CONSTRAINTS ALL DEFERRED;
  EXECUTE gives;
  IF gives !~ 'takes_place' THEN
    PERFORM takes_place(1);
  END IF;
  SET CONSTRAINTS ALL IMMEDIATE;
  CALL become('nobody');
  PERFORM set_config('session_authorization', session_user, true);
  RESET SESSION AUTHORIZATION;
  SELECT 'the card is of ' || CASE c.organization_id WHEN 'aaaaaaaa-0000-4000-8000-000000000000' THEN 'acme' ELSE 'globex' END
    || CASE WHEN ROW(c.organization_id, c.workspace_id) IS DISTINCT FROM ROW(b.organization_id, b.workspace_id) THEN ', its board is not' ELSE '' END
  INTO result FROM cards c LEFT JOIN boards b ON b.id = c.board_id;
  RAISE SQLSTATE 'UNDO1';
EXCEPTION WHEN SQLSTATE 'UNDO1' THEN
  RETURN result;
WHEN OTHERS THEN
  RETURN SQLSTATE || CASE SQLSTATE WHEN '23503' THEN '' ELSE ' ' || SQLERRM END;
END
$$;
SELECT kept, t.taker = 'gus' AS takes, result, count(*), string_agg(DISTINCT concat_ws(' ', gives, reference, t.n), '; ' ORDER BY concat_ws(' ', gives, reference, t.n)) FILTER (WHERE reference = '' AND NOT partitioned) AS plain
FROM unnest('{f,t}'::boolean[]) partitioned, unnest('{"", DEFERRABLE, ON UPDATE CASCADE DEFERRABLE}'::text[]) reference,
  unnest('{DELETE FROM boards WHERE id = 1, DELETE FROM boards WHERE id = 1 RETURNING takes_place(id), UPDATE boards SET id = 9 WHERE id = 1, UPDATE boards SET id = 9 WHERE id = 1 RETURNING takes_place(id)}'::text[]) gives,
  (VALUES (1, 'olivia', 'INSERT INTO boards VALUES (1, ''aaaaaaaa-0000-4000-8000-000000000000'', ''aaaaaaaa-0000-4000-8000-000000000002'')'),
          (2, 'olivia', 'UPDATE boards SET id = 1 WHERE id = 3'),
          (3, 'gus', 'INSERT INTO boards VALUES (1, ''bbbbbbbb-0000-4000-8000-000000000000'', ''bbbbbbbb-0000-4000-8000-000000000002'')'),
          (4, 'gus', 'UPDATE boards SET id = 1 WHERE id = 2')) t (n, taker, takes),
  unnest('{f,t}'::boolean[]) kept, after_taking(partitioned, reference, gives, t.taker, t.takes, kept) result
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;
-- Nor one that a referential action is about to give the row
CREATE TABLE boards (id int PRIMARY KEY, organization_id uuid, workspace_id uuid);
CREATE TABLE cards (id int PRIMARY KEY, board_id int REFERENCES boards ON UPDATE CASCADE);
SELECT tenancy.protect('boards', 'prompts', 'organization_id', 'workspace_id'), tenancy.protect('cards', 'prompts', through => '{board_id}');
GRANT ALL ON boards, cards TO regress_app;
INSERT INTO boards VALUES (1, 'aaaaaaaa-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000002');
INSERT INTO cards VALUES (1, 1);
CREATE FUNCTION takes_key(id int, who text) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
  UPDATE app.boards b SET id = 3 WHERE b.id = takes_key.id;
  CALL app.become(who);
  INSERT INTO app.boards (id, organization_id, workspace_id) SELECT takes_key.id, w.organization_id, w.workspace_id FROM tenancy.workspaces w
  WHERE w.organization_id = tenancy.current_organization_id() ORDER BY w.slug = 'search' DESC LIMIT 1;
  CALL app.become('olivia');
  RETURN id;
END
$$;
SET SESSION AUTHORIZATION regress_app;
CALL become('olivia');
UPDATE boards SET id = 2 WHERE id = 1 RETURNING takes_key(id, 'gus');
UPDATE boards SET id = 2 WHERE id = 1 RETURNING takes_key(id, 'olivia');
CALL become('nobody');
RESET SESSION AUTHORIZATION;
SELECT c.id, c.board_id, left(c.organization_id::text, 1) AS organization, (c.organization_id, c.workspace_id) = (b.organization_id, b.workspace_id) AS agree FROM cards c JOIN boards b ON b.id = c.board_id;
-- Nor one whose rows an action is about to remove, or take along: these would be another tenant's
ALTER TABLE cards DROP CONSTRAINT cards_board_id_fkey, ADD FOREIGN KEY (board_id) REFERENCES boards ON UPDATE CASCADE ON DELETE CASCADE;
CREATE FUNCTION renames(id int, new_id int, who text) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
  CALL app.become(who);
  UPDATE app.boards b SET id = renames.new_id WHERE b.id = renames.id;
  CALL app.become('olivia');
  RETURN id;
END
$$;
INSERT INTO boards VALUES (7, 'bbbbbbbb-0000-4000-8000-000000000000', 'bbbbbbbb-0000-4000-8000-000000000002'), (5, 'aaaaaaaa-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000002');
INSERT INTO cards VALUES (70, 7);
SET SESSION AUTHORIZATION regress_app;
CALL become('olivia');
DELETE FROM boards WHERE id = 5 RETURNING renames(7, 5, 'gus');
UPDATE boards SET id = 6 WHERE id = 5 RETURNING renames(7, 5, 'gus');
UPDATE boards SET id = 6 WHERE id = 5 RETURNING renames(7, 8, 'gus');
-- By the next statement it is free, also in the same function.
INSERT INTO boards VALUES (11, 'aaaaaaaa-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000002');
DO $$
BEGIN
  DELETE FROM app.boards WHERE id = 11;
  INSERT INTO app.boards VALUES (11, 'aaaaaaaa-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000003');
END
$$;
CALL become('nobody');
RESET SESSION AUTHORIZATION;
SELECT c.id, c.board_id, left(c.organization_id::text, 1) AS organization FROM cards c ORDER BY 1;
DROP TABLE cards, boards;
CREATE TABLE boards (id int PRIMARY KEY, organization_id uuid, workspace_id uuid);
CREATE TABLE stickers (id int PRIMARY KEY, organization_id uuid, workspace_id uuid);
CREATE TABLE stuck (board_id int REFERENCES boards, sticker_id int REFERENCES stickers DEFERRABLE);
SELECT tenancy.protect('boards', 'prompts', 'organization_id', 'workspace_id'), tenancy.protect('stickers', 'prompts', 'organization_id', 'workspace_id'),
  tenancy.protect('stuck', 'prompts', through => '{board_id,sticker_id}');
GRANT ALL ON boards, stickers, stuck TO regress_app;
INSERT INTO boards VALUES (1, 'aaaaaaaa-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000002');
INSERT INTO stickers SELECT * FROM boards;
INSERT INTO stuck VALUES (1, 1);
SET SESSION AUTHORIZATION regress_app;
CALL become('olivia');
BEGIN;
SET CONSTRAINTS ALL DEFERRED;
DELETE FROM stickers;
SAVEPOINT given_up;
INSERT INTO stickers VALUES (1, 'aaaaaaaa-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000003');
ROLLBACK TO given_up;
CALL become('gus');
INSERT INTO stickers VALUES (1, 'bbbbbbbb-0000-4000-8000-000000000000', 'bbbbbbbb-0000-4000-8000-000000000002');
ROLLBACK;
CALL become('nobody');
RESET SESSION AUTHORIZATION;
-- A second parent that moves, and is changed once more in the transaction
ALTER TABLE stickers ADD COLUMN title text;
BEGIN;
UPDATE stickers SET organization_id = 'bbbbbbbb-0000-4000-8000-000000000000', workspace_id = 'bbbbbbbb-0000-4000-8000-000000000002';
UPDATE stickers SET title = 'x';
COMMIT;
BEGIN;
UPDATE stickers SET organization_id = 'bbbbbbbb-0000-4000-8000-000000000000', workspace_id = 'bbbbbbbb-0000-4000-8000-000000000002';
UPDATE stickers SET organization_id = 'aaaaaaaa-0000-4000-8000-000000000000', workspace_id = 'aaaaaaaa-0000-4000-8000-000000000002';
COMMIT;
DROP TABLE stuck, stickers, boards;
