-- Columns as actions: who changes them needs the action.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
CREATE TABLE texts (
  id int PRIMARY KEY, organization_id uuid, workspace_id uuid, title text, published boolean NOT NULL DEFAULT false, published_at timestamptz, data json);
\set ECHO none
CREATE FUNCTION fill() RETURNS void LANGUAGE sql AS $$
  TRUNCATE texts;
  INSERT INTO texts (id, organization_id, workspace_id, title, published) VALUES
    (1, 'aaaaaaaa-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000002', 'draft in search', false),
    (2, 'aaaaaaaa-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000002', 'published in search', true),
    (3, 'aaaaaaaa-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000003', 'draft in support', false),
    (4, 'bbbbbbbb-0000-4000-8000-000000000000', 'bbbbbbbb-0000-4000-8000-000000000002', 'draft in the lab', false);
$$;
\set ECHO all
SELECT fill();
-- What a statement of somebody's comes to, undone: rows changed, or the error.
\set ECHO none
CREATE FUNCTION outcome(who text, statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  n int;
  what text;
BEGIN
  CALL app.become(who, true);
  BEGIN
    EXECUTE statement;
    GET DIAGNOSTICS n = ROW_COUNT;
    RAISE EXCEPTION USING ERRCODE = 'XX999', MESSAGE = n || ' row(s)';
  EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS what = MESSAGE_TEXT;
    RETURN CASE WHEN SQLSTATE = 'XX999' THEN what ELSE SQLSTATE END;
  END;
END
$$;
\set ECHO all
-- Without: a member, who may update and not publish, publishes.
SELECT tenancy.protect('texts', 'prompts', organization => 'organization_id', workspace => 'workspace_id', create_indexes => true);
SET SESSION AUTHORIZATION regress_app;
SELECT outcome('mike', 'UPDATE app.texts SET published = true WHERE id = 1');
RESET SESSION AUTHORIZATION;
SELECT tenancy.protect('texts', 'prompts', organization => 'organization_id', workspace => 'workspace_id', create_indexes => true,
  actions => '{"publish": ["published", "published_at"]}');
SELECT relation, actions FROM tenancy.protected_tables;
SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = 'texts'::regclass ORDER BY tgname;

-- For each role: what the columns need, and what they don't
SET SESSION AUTHORIZATION regress_app;
CREATE TEMP TABLE tried (n int, what text, statement text);
INSERT INTO tried VALUES
  (1, 'publish', 'UPDATE app.texts SET published = true WHERE id = 1'),
  (2, 'unpublish', 'UPDATE app.texts SET published = false WHERE id = 2'),
  (3, 'with the other column', 'UPDATE app.texts SET published_at = ''2026-01-01'' WHERE id = 1'),
  (4, 'title only', 'UPDATE app.texts SET title = ''new'' WHERE id = 1'),
  (5, 'equal values', 'UPDATE app.texts SET published = published, published_at = NULL, title = ''new'' WHERE id = 2'),
  (6, 'insert a draft', 'INSERT INTO app.texts (id, workspace_id) VALUES (9, ''aaaaaaaa-0000-4000-8000-000000000002'')'),
  (7, 'insert, default written', 'INSERT INTO app.texts (id, workspace_id, published) VALUES (9, ''aaaaaaaa-0000-4000-8000-000000000002'', false)'),
  (8, 'insert published', 'INSERT INTO app.texts (id, workspace_id, published) VALUES (9, ''aaaaaaaa-0000-4000-8000-000000000002'', true)'),
  (9, 'upsert', 'INSERT INTO app.texts (id, workspace_id) VALUES (1, ''aaaaaaaa-0000-4000-8000-000000000002'') ON CONFLICT (id) DO UPDATE SET published = true'),
  (10, 'upsert of the title', 'INSERT INTO app.texts (id, workspace_id) VALUES (1, ''aaaaaaaa-0000-4000-8000-000000000002'') ON CONFLICT (id) DO UPDATE SET title = ''new'''),
  (11, 'merge', 'MERGE INTO app.texts t USING (VALUES (1)) v (id) ON t.id = v.id WHEN MATCHED THEN UPDATE SET published = true'),
  (12, 'delete', 'DELETE FROM app.texts WHERE id = 2');
SELECT p.who, string_agg(format('%s: %s', t.what, outcome(p.who, t.statement)), ', ' ORDER BY t.n)
FROM (VALUES (1, 'olivia'), (2, 'adam'), (3, 'mona'), (4, 'mike'), (5, 'wanda'), (6, 'gus'), (7, 'acme master'), (8, 'search service'), (9, 'mike key'), (10, 'nobody')) p (n, who), tried t
GROUP BY p.n, p.who ORDER BY p.n;
-- The errors
CALL become('mike');
\set VERBOSITY default
UPDATE app.texts SET published = true WHERE id = 1;
UPDATE app.texts SET published = false WHERE id = 2;
INSERT INTO app.texts (id, workspace_id, published) VALUES (9, 'aaaaaaaa-0000-4000-8000-000000000002', true);
-- In the old workspace and in the new one: ben publishes in search, not in support.
CALL become('ben');
BEGIN;
UPDATE app.texts SET published = true WHERE id = 1;
ROLLBACK;
UPDATE app.texts SET published = true, workspace_id = 'aaaaaaaa-0000-4000-8000-000000000003' WHERE id = 1;
UPDATE app.texts SET published = true, workspace_id = 'aaaaaaaa-0000-4000-8000-000000000002' WHERE id = 3;
BEGIN;
UPDATE app.texts SET title = 'moved', workspace_id = 'aaaaaaaa-0000-4000-8000-000000000003' WHERE id = 1;
ROLLBACK;
-- What is published in search would be so in support, where he may not publish; nor does he take what is published there away.
UPDATE app.texts SET workspace_id = 'aaaaaaaa-0000-4000-8000-000000000003' WHERE id = 2;
RESET SESSION AUTHORIZATION;
UPDATE texts SET published_at = '2026-01-01' WHERE id = 3;
SET SESSION AUTHORIZATION regress_app;
UPDATE app.texts SET workspace_id = 'aaaaaaaa-0000-4000-8000-000000000002' WHERE id = 3;
SELECT t.what, outcome('ben', t.statement) AS ben, outcome('olivia', t.statement) AS olivia
FROM (VALUES
  (1, 'move', 'UPDATE app.texts SET workspace_id = ''aaaaaaaa-0000-4000-8000-000000000003'' WHERE id = 2'),
  (2, 'move a draft', 'UPDATE app.texts SET workspace_id = ''aaaaaaaa-0000-4000-8000-000000000003'' WHERE id = 1'),
  (3, 'upsert', 'INSERT INTO app.texts (id, workspace_id) VALUES (2, ''aaaaaaaa-0000-4000-8000-000000000002'') ON CONFLICT (id) DO UPDATE SET workspace_id = ''aaaaaaaa-0000-4000-8000-000000000003'''),
  (4, 'merge', 'MERGE INTO app.texts t USING (VALUES (2)) v (id) ON t.id = v.id WHEN MATCHED THEN UPDATE SET workspace_id = ''aaaaaaaa-0000-4000-8000-000000000003'''),
  (5, 'take it back on the way', 'UPDATE app.texts SET published = false, workspace_id = ''aaaaaaaa-0000-4000-8000-000000000003'' WHERE id = 2'),
  (6, 'delete and insert', 'WITH d AS (DELETE FROM app.texts WHERE id = 2 RETURNING *) INSERT INTO app.texts (id, workspace_id, published) SELECT 12, ''aaaaaaaa-0000-4000-8000-000000000003'', published FROM d')) t (n, what, statement)
ORDER BY t.n;
-- The right taken away in the middle of a transaction
RESET SESSION AUTHORIZATION;
CALL become('nobody');
GRANT USAGE ON TYPE tenancy.administrator TO regress_app;
SET SESSION AUTHORIZATION regress_app;
CALL become('mona');
BEGIN;
UPDATE app.texts SET published = true WHERE id = 1;
SELECT tenancy.set_workspace_role('acme/search', 'mona@acme.test', 'member');
UPDATE app.texts SET published = false WHERE id = 1;
ROLLBACK;
RESET SESSION AUTHORIZATION;
REVOKE USAGE ON TYPE tenancy.administrator FROM regress_app;
CALL become('nobody');

-- A BEFORE trigger, which publishes by another column, is no way round; nor is a function of the table's owner.
CREATE FUNCTION publish_by_title() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.published := NEW.published OR NEW.title = 'publish!';
  RETURN NEW;
END
$$;
CREATE TRIGGER "~~last" BEFORE INSERT OR UPDATE ON texts FOR EACH ROW EXECUTE FUNCTION publish_by_title();
SET SESSION AUTHORIZATION regress_app;
SELECT who, outcome(who, 'UPDATE app.texts SET title = ''publish!'' WHERE id = 1') AS updates,
       outcome(who, 'INSERT INTO app.texts (id, workspace_id, title) VALUES (9, ''aaaaaaaa-0000-4000-8000-000000000002'', ''publish!'')') AS inserts
FROM unnest(ARRAY['mona', 'mike']) who;
RESET SESSION AUTHORIZATION;
DROP TRIGGER "~~last" ON texts;
-- To whom no policy applies, no action is asked of.
CALL become('mike');
SET tenancy."user" = '';
UPDATE texts SET published = true WHERE id = 3;
UPDATE texts SET published = false WHERE id = 3;

-- Names and defaults may change; the protection follows.
ALTER TABLE texts RENAME COLUMN published TO is_public;
SELECT actions FROM tenancy.protected_tables;
ALTER TABLE texts ALTER COLUMN is_public SET DEFAULT true;
SET SESSION AUTHORIZATION regress_app;
SELECT who, outcome(who, 'UPDATE app.texts SET is_public = true WHERE id = 1') AS publishes,
       outcome(who, 'INSERT INTO app.texts (id, workspace_id) VALUES (9, ''aaaaaaaa-0000-4000-8000-000000000002'')') AS by_default,
       outcome(who, 'INSERT INTO app.texts (id, workspace_id, is_public) VALUES (9, ''aaaaaaaa-0000-4000-8000-000000000002'', false)') AS other
FROM unnest(ARRAY['mona', 'mike']) who;
RESET SESSION AUTHORIZATION;
ALTER TABLE texts RENAME COLUMN is_public TO published;
ALTER TABLE texts ALTER COLUMN published SET DEFAULT false;
-- Neither the triggers nor the columns can be dropped, nor triggers disabled; what a superuser disables is found.
DROP TRIGGER "~tenancy_action_1_update" ON texts;
ALTER TABLE texts DROP COLUMN published_at;
ALTER TABLE texts DROP COLUMN published_at CASCADE;
ALTER TABLE texts DISABLE TRIGGER "~tenancy_action_1_update";
ALTER TABLE texts DISABLE TRIGGER USER;
-- Replaced under its name, with its function: of another event, and of another permission
SELECT failure(replace(replace(pg_get_triggerdef(t.oid), 'CREATE', 'CREATE OR REPLACE'), w.former, w.latter))
FROM pg_trigger t, (VALUES ('AFTER UPDATE', 'AFTER UPDATE OF id'), ('check_action(''', 'check_action(''un')) w (former, latter)
WHERE t.tgrelid = 'texts'::regclass AND t.tgname = '~tenancy_action_1_update';
SET tenancy.guard_rails = off;
ALTER TABLE texts DISABLE TRIGGER "~tenancy_action_1_update";
RESET tenancy.guard_rails;
SELECT rule, object, problem, fix_sql FROM tenancy.advise() WHERE rule = 'protection_broken';
ALTER TABLE texts ENABLE TRIGGER "~tenancy_action_1_update";
-- Only protect() makes such triggers.
CREATE TABLE others (id int, organization_id uuid, published boolean);
ALTER TABLE others OWNER TO regress_owner;
SET SESSION AUTHORIZATION regress_owner;
CREATE TRIGGER t AFTER UPDATE ON app.others FOR EACH ROW EXECUTE FUNCTION tenancy_internal.check_action('publish');
RESET SESSION AUTHORIZATION;
CREATE TRIGGER t AFTER INSERT ON others FOR EACH ROW EXECUTE FUNCTION tenancy_internal.check_action('publish');
ALTER TABLE others ENABLE ROW LEVEL SECURITY;
CREATE POLICY all_rows ON others USING (true);
SET SESSION AUTHORIZATION regress_app;
INSERT INTO app.others VALUES (1);
RESET SESSION AUTHORIZATION;
DROP TABLE others;
-- explain_write()
SELECT set_config('tenancy.api_key', (SELECT secret FROM secrets WHERE name = 'mike key'), false) <> '' AS mike;
SELECT tenancy.explain_write('texts', '{"id": 1, "workspace_id": "aaaaaaaa-0000-4000-8000-000000000002", "published": true}');
CALL become('nobody');

-- Values are compared as they are stored, with or without an equality of their type; several actions; an owner to hand over
SELECT tenancy.register_permission('prompts', 'transfer', 'Give a prompt to somebody else'), tenancy.register_permission('prompts', 'describe', 'Change the data');
ALTER TABLE texts ADD COLUMN owner uuid;
SELECT tenancy.protect('texts', 'prompts', organization => 'organization_id', workspace => 'workspace_id', owner => 'owner', create_indexes => true,
  actions => '{"publish": ["published"], "transfer": ["owner"], "describe": ["data"]}');
UPDATE texts SET owner = 'cccccccc-0000-4000-8000-000000000003', data = '{"a": 1}';
SET SESSION AUTHORIZATION regress_app;
SELECT who, outcome(who, 'UPDATE app.texts SET owner = ''cccccccc-0000-4000-8000-000000000004'' WHERE id = 1') AS transfer,
  outcome(who, 'UPDATE app.texts SET data = ''{"a": 2}'' WHERE id = 1') AS describe, outcome(who, 'UPDATE app.texts SET data = ''{"a": 1}'' WHERE id = 1') AS the_same,
  outcome(who, 'INSERT INTO app.texts (id, workspace_id) VALUES (9, ''aaaaaaaa-0000-4000-8000-000000000002'')') AS own,
  outcome(who, 'INSERT INTO app.texts (id, workspace_id, data) VALUES (9, ''aaaaaaaa-0000-4000-8000-000000000002'', ''{}'')') AS with_data
FROM unnest(ARRAY['olivia', 'mona', 'mike']) who;
RESET SESSION AUTHORIZATION;

-- Partitions: those that are there, those made and attached later; a row that moves
CREATE TABLE parts (id int, organization_id uuid, workspace_id uuid, region text, published boolean DEFAULT false) PARTITION BY LIST (region);
CREATE TABLE parts_eu PARTITION OF parts FOR VALUES IN ('eu');
SELECT tenancy.protect('parts', 'prompts', organization => 'organization_id', workspace => 'workspace_id', create_indexes => true, actions => '{"publish": ["published"]}');
CREATE TABLE parts_us PARTITION OF parts FOR VALUES IN ('us');
CREATE TABLE parts_as (LIKE parts INCLUDING DEFAULTS);
ALTER TABLE parts ATTACH PARTITION parts_as FOR VALUES IN ('as');
SELECT tgrelid::regclass, tgname FROM pg_trigger WHERE tgrelid::regclass::text LIKE 'parts%' ORDER BY 1, 2;
INSERT INTO parts VALUES (1, 'aaaaaaaa-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000002', 'eu', false),
  (2, 'aaaaaaaa-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000002', 'eu', true);
SET SESSION AUTHORIZATION regress_app;
SELECT who, outcome(who, 'UPDATE app.parts SET published = true WHERE id = 1') AS publish,
  outcome(who, 'UPDATE app.parts SET region = ''us'' WHERE id = 1') AS move, outcome(who, 'UPDATE app.parts SET region = ''us'', published = true WHERE id = 1') AS move_and_publish,
  outcome(who, 'UPDATE app.parts SET region = ''as'', published = false WHERE id = 2') AS move_and_unpublish,
  outcome(who, 'INSERT INTO app.parts (id, workspace_id, region, published) VALUES (9, ''aaaaaaaa-0000-4000-8000-000000000002'', ''as'', true)') AS insert,
  outcome(who, 'INSERT INTO app.parts (id, workspace_id, region) VALUES (9, ''aaaaaaaa-0000-4000-8000-000000000002'', ''as'')') AS draft
FROM unnest(ARRAY['mona', 'mike']) who;
-- to another workspace: in the same partition, and in another one
SELECT who, outcome(who, 'UPDATE app.parts SET workspace_id = ''aaaaaaaa-0000-4000-8000-000000000003'' WHERE id = 2') AS workspace,
  outcome(who, 'UPDATE app.parts SET workspace_id = ''aaaaaaaa-0000-4000-8000-000000000003'', region = ''us'' WHERE id = 2') AS workspace_and_partition,
  outcome(who, 'UPDATE app.parts SET workspace_id = ''aaaaaaaa-0000-4000-8000-000000000003'', region = ''us'' WHERE id = 1') AS draft
FROM unnest(ARRAY['olivia', 'ben']) who;
RESET SESSION AUTHORIZATION;
ALTER TABLE parts DETACH PARTITION parts_eu;
SET SESSION AUTHORIZATION regress_app;
SELECT who, outcome(who, 'UPDATE app.parts_eu SET published = true WHERE id = 1') AS detached FROM unnest(ARRAY['mona', 'mike']) who;
RESET SESSION AUTHORIZATION;

-- A child table; a table on the organization level
CREATE TABLE chapters (id int PRIMARY KEY, text_id int REFERENCES texts, organization_id uuid, workspace_id uuid, published boolean DEFAULT false);
SELECT tenancy.protect('chapters', 'prompts', organization => 'organization_id', workspace => 'workspace_id', through => '{text_id}', create_indexes => true, actions => '{"publish": ["published"]}');
INSERT INTO chapters (id, text_id) VALUES (1, 1);
CREATE TABLE notices (id int, organization_id uuid, published boolean DEFAULT false);
SELECT tenancy.protect('notices', 'prompts', organization => 'organization_id', create_indexes => true, actions => '{"publish": ["published"]}');
INSERT INTO notices VALUES (1, 'aaaaaaaa-0000-4000-8000-000000000000');
SET SESSION AUTHORIZATION regress_app;
SELECT who, outcome(who, 'UPDATE app.chapters SET published = true') AS chapter, outcome(who, 'INSERT INTO app.chapters (id, text_id) VALUES (2, 1)') AS draft,
  outcome(who, 'INSERT INTO app.chapters (id, text_id, published) VALUES (2, 1, true)') AS published,
  outcome(who, 'UPDATE app.notices SET published = true') AS notice
FROM unnest(ARRAY['adam', 'mona', 'mike']) who;
CALL become('mike');
UPDATE app.notices SET published = true;
CALL become('nobody');
RESET SESSION AUTHORIZATION;
-- With its parent, a published child would come into a workspace where ben may not publish; so it would by another parent.
CREATE TABLE books (id int PRIMARY KEY, organization_id uuid, workspace_id uuid);
SELECT tenancy.protect('books', 'prompts', organization => 'organization_id', workspace => 'workspace_id', create_indexes => true);
INSERT INTO books VALUES (1, 'aaaaaaaa-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000002'), (2, 'aaaaaaaa-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000002'),
  (3, 'aaaaaaaa-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000003');
CREATE TABLE pages (id int PRIMARY KEY, book_id int REFERENCES books, organization_id uuid, workspace_id uuid, published boolean DEFAULT false);
SELECT tenancy.protect('pages', 'prompts', organization => 'organization_id', workspace => 'workspace_id', through => '{book_id}', create_indexes => true, actions => '{"publish": ["published"]}');
INSERT INTO pages (id, book_id, published) VALUES (1, 1, true), (2, 2, false);
SET SESSION AUTHORIZATION regress_app;
SELECT who, outcome(who, 'UPDATE app.books SET workspace_id = ''aaaaaaaa-0000-4000-8000-000000000003'' WHERE id = 1') AS with_parent,
  outcome(who, 'UPDATE app.pages SET book_id = 3 WHERE id = 1') AS to_another_parent,
  outcome(who, 'UPDATE app.books SET workspace_id = ''aaaaaaaa-0000-4000-8000-000000000003'' WHERE id = 2') AS with_draft,
  outcome(who, 'UPDATE app.pages SET book_id = 3 WHERE id = 2') AS draft,
  outcome(who, 'UPDATE app.pages SET book_id = 2 WHERE id = 1') AS within
FROM unnest(ARRAY['olivia', 'ben', 'mike']) who;
CALL become('ben');
UPDATE app.books SET workspace_id = 'aaaaaaaa-0000-4000-8000-000000000003' WHERE id = 1;
CALL become('nobody');
RESET SESSION AUTHORIZATION;
SELECT tenancy.unprotect('pages');
-- By another parent and to another partition at once: the row is judged with the workspace that it takes from the parent.
CREATE TABLE leaves (id int, book_id int REFERENCES books, region text, published boolean DEFAULT false) PARTITION BY LIST (region);
CREATE TABLE leaves_eu PARTITION OF leaves FOR VALUES IN ('eu');
CREATE TABLE leaves_us PARTITION OF leaves FOR VALUES IN ('us');
SELECT tenancy.protect('leaves', 'prompts', through => '{book_id}', create_indexes => true, actions => '{"publish": ["published"]}');
INSERT INTO leaves VALUES (1, 3, 'eu', true), (2, 3, 'eu', false), (3, 1, 'eu', true);
SET SESSION AUTHORIZATION regress_app;
SELECT who, outcome(who, 'UPDATE app.leaves SET book_id = 1 WHERE id = 1') AS parent, outcome(who, 'UPDATE app.leaves SET book_id = 1, region = ''us'' WHERE id = 1') AS parent_and_partition,
  outcome(who, 'UPDATE app.leaves SET book_id = 1, region = ''us'' WHERE id = 2') AS draft, outcome(who, 'UPDATE app.leaves SET region = ''us'' WHERE id = 1') AS partition,
  outcome(who, 'UPDATE app.leaves SET book_id = 2, region = ''us'' WHERE id = 3') AS within
FROM unnest(ARRAY['olivia', 'ben']) who;
RESET SESSION AUTHORIZATION;
SELECT tenancy.unprotect('leaves');

-- Once more without, and not at all
SELECT tenancy.unprotect('chapters');
SELECT tenancy.protect('texts', 'prompts', organization => 'organization_id', workspace => 'workspace_id', create_indexes => true);
SELECT count(*) FROM pg_trigger WHERE tgrelid = 'texts'::regclass AND tgname LIKE '%tenancy_action%';
SELECT tenancy.unprotect('notices');
SELECT count(*) FROM pg_trigger WHERE tgrelid = 'notices'::regclass AND tgname LIKE '%tenancy_action%';
-- What can't be mapped
SELECT tenancy.protect('notices', 'prompts', organization => 'organization_id', actions => '{"publsh": ["published"]}');
SELECT tenancy.protect('notices', 'prompts', organization => 'organization_id', actions => '{"publish": ["publishd"]}');
SELECT tenancy.protect('notices', 'prompts', organization => 'organization_id', actions => '{"publish": "published"}');
SELECT tenancy.protect('notices', 'prompts', organization => 'organization_id', actions => '{"publish": []}');
SELECT tenancy.protect('notices', 'prompts', organization => 'organization_id', actions => '["publish"]');
ALTER TABLE notices ADD COLUMN at timestamptz DEFAULT clock_timestamp(), ADD COLUMN made timestamptz DEFAULT now(), ADD COLUMN n int GENERATED ALWAYS AS (id + 1) STORED;
SELECT tenancy.protect('notices', 'prompts', organization => 'organization_id', actions => '{"publish": ["at"]}');
SELECT tenancy.protect('notices', 'prompts', organization => 'organization_id', actions => '{"publish": ["n"]}');
SELECT tenancy.protect('notices', 'prompts', organization => 'organization_id', actions => '{"publish": ["made"]}', create_indexes => true);
-- A table that takes the name of one that is gone is protected as that was.
DROP TABLE notices;
CREATE TABLE notices (id int, organization_id uuid, made timestamptz DEFAULT now());
SELECT actions FROM tenancy.protected_tables WHERE relation = 'notices'::regclass;
SELECT tgname FROM pg_trigger WHERE tgrelid = 'notices'::regclass ORDER BY 1;
-- Of a table that is not on record, as after a partial restore, advise() prints the call that made its policies and triggers; one
-- that would drop some of them is refused.
CREATE TABLE memos (id int, organization_id uuid, workspace_id uuid, author uuid, begun_by uuid, body text, sent boolean, "sent at" timestamptz);
CREATE TABLE lists (id int, organization_id uuid) PARTITION BY LIST (id);
CREATE TABLE lists_1 PARTITION OF lists FOR VALUES IN (1);
CREATE TABLE simple (id int, organization_id uuid);
\o /dev/null
SET client_min_messages = warning;
SELECT tenancy.protect('memos', 'prompts', organization => 'organization_id', workspace => 'workspace_id', owner => 'author', initiator => 'begun_by', fill_nulls => true,
  actions => '{"publish": ["sent", "sent at"], "delete": ["body"]}', create_indexes => true);
SELECT tenancy.protect('lists', 'prompts', organization => 'organization_id', payload => '{}', shared => true, create_indexes => true, actions => '{"publish": ["id"]}');
SELECT tenancy.protect('simple', 'prompts', organization => 'organization_id', create_indexes => true);
SELECT tenancy.apply_logging_settings('memos', 'traces', '{body,"sent at"}');
\o
CREATE TEMP TABLE before AS SELECT tgrelid, tgname::text, pg_get_triggerdef(oid) AS definition FROM pg_trigger WHERE tgrelid IN ('memos'::regclass, 'lists_1'::regclass, 'simple'::regclass)
  UNION ALL SELECT polrelid, polname::text, concat(pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)) FROM pg_policy WHERE polrelid IN ('memos'::regclass, 'lists'::regclass, 'lists_1'::regclass, 'simple'::regclass);
CREATE TEMP TABLE recorded AS SELECT (to_jsonb(t) - 'protected_at' - 'force_before' - 'row_security_before')::text AS record FROM tenancy.protected_tables t;
DELETE FROM tenancy.protected_tables WHERE relation IN ('memos'::regclass, 'lists'::regclass, 'lists_1'::regclass, 'simple'::regclass);
DELETE FROM tenancy.protected_names WHERE table_name IN ('memos', 'lists', 'simple');
DELETE FROM tenancy_internal.kept_tables;
SELECT object, problem, fix_sql FROM tenancy.advise() WHERE rule = 'unrecorded_protection' ORDER BY object;
\set VERBOSITY default
SELECT tenancy.protect('memos', 'prompts', organization => 'organization_id', workspace => 'workspace_id', owner => 'begun_by');
SELECT tenancy.protect('memos', 'prompts', organization => 'organization_id', workspace => 'workspace_id', owner => 'author', initiator => 'begun_by', actions => '{"publish": ["sent"], "delete": ["body"]}');
SELECT tenancy.protect('lists', 'prompts', organization => 'organization_id');
\set VERBOSITY terse
SELECT count(*) AS dropped FROM before b WHERE NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = b.tgrelid AND t.tgname = b.tgname) AND NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = b.tgrelid AND p.polname = b.tgname);
SELECT tenancy.protect('simple', 'prompts', organization => 'organization_id');
SELECT fix_sql FROM tenancy.advise() WHERE rule = 'unrecorded_protection' ORDER BY object \gexec
SELECT * FROM before EXCEPT (SELECT tgrelid, tgname::text, pg_get_triggerdef(oid) FROM pg_trigger UNION ALL SELECT polrelid, polname::text, concat(pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)) FROM pg_policy);
SELECT record AS lost FROM recorded EXCEPT SELECT (to_jsonb(t) - 'protected_at' - 'force_before' - 'row_security_before')::text FROM tenancy.protected_tables t;
SELECT relation, kind, content FROM tenancy_internal.kept_tables;
-- On record, it can be changed.
SELECT tenancy.protect('memos', 'prompts', organization => 'organization_id', workspace => 'workspace_id', owner => 'begun_by');
SELECT count(*) FROM pg_trigger WHERE tgrelid = 'memos'::regclass AND tgname LIKE '~tenancy_action%';
DROP TABLE memos, lists, simple;

-- A row that a partitioned table takes has that table's default, whatever a partition has; a domain's default is not compared with.
RESET SESSION AUTHORIZATION;
CREATE TABLE parted (id int, organization_id uuid, workspace_id uuid, published boolean DEFAULT false) PARTITION BY RANGE (id);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (100);
SELECT tenancy.protect('parted', 'prompts', 'organization_id', 'workspace_id', actions => '{"publish": ["published"]}') \g /dev/null
CREATE TABLE parted_2 (published boolean DEFAULT true, id int, organization_id uuid, workspace_id uuid);
ALTER TABLE parted ATTACH PARTITION parted_2 FOR VALUES FROM (100) TO (200);
SELECT c.relname, pg_get_triggerdef(t.oid) ~ 'ROW\(false\)' AS is_tables_default FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE c.relname ~ '^parted' AND t.tgname = '~tenancy_action_1_insert' ORDER BY 1;
ALTER TABLE parted ALTER published SET DEFAULT NULL;
SELECT c.relname, pg_get_triggerdef(t.oid) ~ 'ROW\(NULL' AS is_tables_default FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE c.relname ~ '^parted' AND t.tgname = '~tenancy_action_1_insert' ORDER BY 1;
CREATE DOMAIN flag AS boolean DEFAULT true;
CREATE TABLE flagged (organization_id uuid, workspace_id uuid, published flag);
SELECT tenancy.protect('flagged', 'prompts', 'organization_id', 'workspace_id', actions => '{"publish": ["published"]}');
ALTER TABLE flagged ALTER published SET DEFAULT false;
SELECT tenancy.protect('flagged', 'prompts', 'organization_id', 'workspace_id', actions => '{"publish": ["published"]}') \g /dev/null
DROP TABLE parted, flagged;
DROP DOMAIN flag;
