\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
\pset format unaligned
SET client_min_messages = warning;
-- Partitions and children that follow the logging settings, or are protected, by calls of their own
CREATE VIEW keeping AS
  SELECT c.oid::regclass AS relation, (SELECT concat_ws(' ', k.kind, k.content) FROM tenancy_internal.kept_tables k WHERE k.relation = c.oid) AS recorded,
    (SELECT string_agg(encode(t.tgargs, 'escape'), '; ' ORDER BY t.tgname) FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgname LIKE '~~tenancy_keep_row_content%') AS keeps,
    (SELECT count(*) FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname LIKE 'tenancy_retention%') AS policies
  FROM pg_class c WHERE c.relkind IN ('r', 'p') AND c.relname ~ '^(calls|notes)';
CREATE TABLE calls (id int, day text NOT NULL, organization_id uuid, workspace_id uuid, body text, extra text) PARTITION BY LIST (day);
CREATE TABLE calls_1 PARTITION OF calls FOR VALUES IN ('1');
CREATE TABLE calls_2 PARTITION OF calls FOR VALUES IN ('2');
CREATE TABLE notes (id int, organization_id uuid, workspace_id uuid, body text, extra text);
CREATE TABLE notes_1 () INHERITS (notes);
CREATE PROCEDURE follow() LANGUAGE sql AS $$
  SELECT tenancy.protect(t, 'logs', 'organization_id', 'workspace_id', create_indexes => true) FROM unnest('{app.calls,app.notes}'::regclass[]) t;
  SELECT tenancy.apply_logging_settings(t, 'logs', '{body}') FROM unnest('{app.calls,app.notes}'::regclass[]) t;
  SELECT tenancy.apply_logging_settings(t, 'payloads', '{extra}') FROM unnest('{app.calls_1,app.notes_1}'::regclass[]) t;
$$;
CALL follow();
SELECT * FROM keeping ORDER BY 1;
-- unprotect() ends what all of them do, but not while a hold keeps rows of one.
INSERT INTO calls VALUES (1, '1', 'aaaaaaaa-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000002', 'body', 'extra');
SELECT tenancy.set_logging('acme', 'legal_hold', 'on');
SELECT failure($$SELECT tenancy.unprotect('calls')$$);
SELECT tenancy.reset_logging('acme', 'legal_hold');
SET client_min_messages = notice;
\set VERBOSITY default
SELECT tenancy.unprotect(t) FROM unnest('{calls,notes}'::regclass[]) t;
\set VERBOSITY terse
SET client_min_messages = warning;
SELECT * FROM keeping ORDER BY 1;
SELECT tenancy.set_logging('acme', 'store_content', 'none');
INSERT INTO calls SELECT i, i, 'aaaaaaaa-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000002', 'body', 'extra' FROM generate_series(1, 2) i;
SELECT tableoid::regclass, id, body, extra FROM calls ORDER BY 2;
SELECT tenancy.reset_logging('acme', 'store_content');
-- After a partial restore, what was recorded of partitions and children is read from their triggers, also under a hold.
CALL follow();
DELETE FROM calls;
INSERT INTO calls VALUES (1, '1', 'aaaaaaaa-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000002', 'body', 'extra');
INSERT INTO notes_1 VALUES (1, 'aaaaaaaa-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000002', 'body', 'extra');
SELECT tenancy.set_logging('acme', 'legal_hold', 'on');
CREATE FUNCTION mended() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
  fix text;
BEGIN
  FOR fix IN SELECT a.fix_sql FROM tenancy.advise() a WHERE a.rule = 'unrecorded_protection' ORDER BY a.object LOOP
    EXECUTE fix;
    RETURN NEXT fix;
  END LOOP;
END
$$;
CREATE PROCEDURE lose_records() LANGUAGE sql AS $$
  DELETE FROM tenancy.protected_tables WHERE relation::text ~ '^(app[.])?(calls|notes)';
  DELETE FROM tenancy.protected_names WHERE table_name ~ '^(calls|notes)';
  DELETE FROM tenancy_internal.kept_tables;
$$;
CALL lose_records();
SELECT mended();
SELECT * FROM keeping ORDER BY 1;
SELECT failure($$UPDATE calls SET extra = 'forged'$$), failure($$UPDATE notes SET extra = 'forged'$$);
SELECT tenancy.reset_logging('acme', 'legal_hold');
-- The parent's call is enough.
CALL lose_records();
SET client_min_messages = notice;
\set VERBOSITY default
SELECT tenancy.protect(t, 'logs', 'organization_id', 'workspace_id') FROM unnest('{app.calls,app.notes}'::regclass[]) t;
\set VERBOSITY terse
SET client_min_messages = warning;
SELECT * FROM keeping ORDER BY 1;
SELECT rule, object FROM tenancy.advise() WHERE object ~ 'calls|notes' AND rule IN ('unrecorded_protection', 'protection_broken');
-- A partition that is detached goes on by itself, or its owner is told that it does not.
CREATE TABLE calls_3 PARTITION OF calls FOR VALUES IN ('3') PARTITION BY LIST (id);
CREATE TABLE calls_3_1 PARTITION OF calls_3 FOR VALUES IN (1);
SELECT tenancy.apply_logging_settings('calls_3_1', 'traces', '{extra}');
SET client_min_messages = notice;
\set VERBOSITY default
ALTER TABLE calls DETACH PARTITION calls_1;
ALTER TABLE calls DETACH PARTITION calls_2 CONCURRENTLY;
ALTER TABLE calls DETACH PARTITION calls_3;
\set VERBOSITY terse
SET client_min_messages = warning;
SELECT * FROM keeping ORDER BY 1;
SELECT tenancy.set_logging('acme', 'legal_hold', 'on');
SELECT failure($$UPDATE calls_1 SET extra = 'forged'$$), failure($$DELETE FROM calls_1$$);
SELECT tenancy.reset_logging('acme', 'legal_hold');
SELECT object, problem FROM tenancy.advise() WHERE object ~ 'calls' AND rule IN ('unrecorded_protection', 'protection_broken');
-- Protected in another way than the parent: what advise() prints for the parent, or another child, leaves that as it is.
CREATE TABLE texts (id int, organization_id uuid, workspace_id uuid, user_id uuid, body text, published boolean NOT NULL DEFAULT false);
CREATE TABLE texts_1 () INHERITS (texts);
CREATE TABLE texts_1a () INHERITS (texts_1);
CREATE TABLE texts_2 () INHERITS (texts);
CREATE VIEW protecting AS
  SELECT t.relation, t.owner_column, t.payload, t.actions, t.audit_reads, (SELECT count(*) FROM pg_trigger g WHERE g.tgrelid = t.relation AND g.tgname ~ 'action') AS triggers
  FROM tenancy.protected_tables t WHERE t.relation::text ~ '^(app[.])?texts';
SELECT tenancy.protect('texts', 'prompts', 'organization_id', 'workspace_id', create_indexes => true);
SELECT tenancy.protect('texts_1', 'prompts', 'organization_id', 'workspace_id', 'user_id', payload => '{body}', actions => '{"publish": ["published"]}', audit_reads => true, create_indexes => true);
SELECT tenancy.unprotect('texts_2');
SELECT rule, object, fix_sql FROM tenancy.advise() WHERE object ~ 'texts' AND rule IN ('unprotected_partition', 'protection_broken');
SELECT fix_sql FROM tenancy.advise() WHERE object ~ 'texts' AND rule IN ('unprotected_partition', 'protection_broken') \gexec
SELECT * FROM protecting ORDER BY 1;
SET tenancy.guard_rails = off;
DROP POLICY tenancy_select ON texts;
RESET tenancy.guard_rails;
SELECT rule, object, fix_sql FROM tenancy.advise() WHERE object ~ 'texts' AND rule IN ('unprotected_partition', 'protection_broken');
SELECT fix_sql FROM tenancy.advise() WHERE object ~ 'texts' AND rule IN ('unprotected_partition', 'protection_broken') \gexec
SELECT * FROM protecting ORDER BY 1;
SELECT rule, object FROM tenancy.advise() WHERE object ~ 'texts' AND rule IN ('unprotected_partition', 'protection_broken');
-- One's own call for the parent applies to all, and says so.
SET client_min_messages = notice;
\set VERBOSITY default
SELECT tenancy.protect('texts', 'prompts', 'organization_id', 'workspace_id', 'user_id');
SELECT tenancy.protect('texts', 'prompts', 'organization_id', 'workspace_id', 'user_id', audit_reads => true);
\set VERBOSITY terse
SET client_min_messages = warning;
SELECT * FROM protecting ORDER BY 1;
DROP TABLE texts CASCADE;
