-- A tenant's data over all protected tables: handed out, and removed for good, with nothing of other tenants in it.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
SET client_min_messages = warning;
\o /dev/null
SELECT tenancy.register_permission('things', 'view', 'x');
SELECT tenancy.protect('logs', 'logs', 'organization_id', 'workspace_id', 'user_id', 'api_key_id');
-- Ids of the application's own, in each type; only the workspace; only the organization.
CREATE TABLE by_number (id int, customer bigint, team smallint);
INSERT INTO by_number VALUES (1, 1, 12), (2, 1, NULL), (3, NULL, 13), (4, 2, 22), (5, 2, NULL), (6, NULL, 22), (7, NULL, NULL), (8, 3, 99);
SELECT tenancy.protect('by_number', 'things', 'customer', 'team');
CREATE TABLE by_text (id int, team text);
INSERT INTO by_text VALUES (1, '12'), (2, '22'), (3, '012'), (4, ' 12'), (5, 'aaaaaaaa-0000-4000-8000-000000000002'), (6, '11');
SELECT tenancy.protect('by_text', 'things', workspace => 'team');
CREATE DOMAIN tenant AS uuid;
CREATE TABLE by_domain (id int, tenant tenant, at timestamptz DEFAULT '2026-11-01 00:00Z', cost numeric DEFAULT 1.50);
INSERT INTO by_domain SELECT id, organization_id FROM logs;
SELECT tenancy.protect('by_domain', 'things', 'tenant');
-- Partitions, and inheritance children with columns of their own.
CREATE TABLE events (id int, tenant uuid, day int) PARTITION BY LIST (day);
CREATE TABLE events_1 PARTITION OF events FOR VALUES IN (1);
CREATE TABLE events_2 PARTITION OF events FOR VALUES IN (2) PARTITION BY LIST (tenant);
CREATE TABLE events_2_rest PARTITION OF events_2 DEFAULT;
CREATE TABLE documents (id int, tenant uuid);
CREATE TABLE scans (pages int) INHERITS (documents);
SELECT tenancy.protect('events', 'things', 'tenant'), tenancy.protect('documents', 'things', 'tenant');
INSERT INTO events SELECT id, organization_id, 1 + id % 2 FROM logs;
INSERT INTO documents SELECT id, organization_id FROM logs WHERE id IN (1, 8);
INSERT INTO scans SELECT id, organization_id, 3 FROM logs WHERE id IN (2, 8);
-- Rows that refer to each other, by foreign keys of every kind.
CREATE TABLE threads (id int PRIMARY KEY, tenant uuid, starts_with int);
CREATE TABLE messages (id int PRIMARY KEY, tenant uuid, thread int REFERENCES threads ON DELETE CASCADE, answers int REFERENCES messages);
ALTER TABLE threads ADD FOREIGN KEY (starts_with) REFERENCES messages ON DELETE SET NULL;
INSERT INTO threads SELECT id, organization_id FROM logs;
INSERT INTO messages SELECT id, organization_id, id, CASE WHEN id = 1 THEN 1 WHEN id < 8 THEN id - 1 END FROM logs;
SELECT tenancy.protect('threads', 'things', 'tenant'), tenancy.protect('messages', 'things', 'tenant');
\o
RESET client_min_messages;
-- Rows of each table, by organization.
CREATE VIEW holdings AS
SELECT 'logs' AS relation, organization_id::text AS tenant, id FROM ONLY logs
UNION ALL SELECT 'by_number', concat(customer, '/', team), id FROM by_number UNION ALL SELECT 'by_text', team, id FROM by_text
UNION ALL SELECT 'by_domain', tenant::text, id FROM by_domain UNION ALL SELECT 'events', tenant::text, id FROM events
UNION ALL SELECT 'documents', tenant::text, id FROM ONLY documents UNION ALL SELECT 'scans', tenant::text, id FROM scans
UNION ALL SELECT 'threads', tenant::text, id FROM threads UNION ALL SELECT 'messages', tenant::text, id FROM messages;
CREATE FUNCTION held() RETURNS TABLE (relation text, ids text) LANGUAGE sql AS
$$ SELECT h.relation, string_agg(h.id::text, ' ' ORDER BY h.id) FROM app.holdings h GROUP BY h.relation ORDER BY 1 $$;

-- Export: each row once, of all tables and of nobody else's
SELECT relation, count(*), string_agg("row" ->> 'id', ' ' ORDER BY ("row" ->> 'id')::int) AS ids FROM tenancy.export_organization('acme') GROUP BY relation ORDER BY relation::text;
SELECT relation, count(*), string_agg("row" ->> 'id', ' ' ORDER BY ("row" ->> 'id')::int) AS ids FROM tenancy.export_organization('globex') GROUP BY relation ORDER BY relation::text;
-- One table, with what is below it; a partition by itself
SELECT relation, "row" FROM tenancy.export_organization('acme', 'documents') ORDER BY relation::text;
SELECT relation, "row" ->> 'id' AS id FROM tenancy.export_organization('acme', 'events_1') ORDER BY 2;
SELECT relation, "row" FROM tenancy.export_organization('2', relation => 'by_domain');
-- The rows can be put back as they were.
SELECT count(*) AS same FROM by_domain d JOIN tenancy.export_organization('acme', 'by_domain') e ON d = jsonb_populate_record(NULL::by_domain, e."row");
SELECT * FROM tenancy.export_organization('acme', 'secrets');
SELECT * FROM tenancy.export_organization('umbrella');
SELECT * FROM tenancy.export_organization(NULL);
-- Actor and extent
SELECT action, resource_type, left(organization_id::text, 4) AS organization, after FROM tenancy.audit_log WHERE action = 'export' ORDER BY audit_id DESC LIMIT 3;
-- Whatever the caller has set, what jsonb can't hold, in columns that are called like the row
CREATE DOMAIN document AS json;
CREATE TABLE odd (id int, tenant uuid, t document, r json[], cost float8, took interval, day daterange, raw bytea);
SET client_min_messages = warning;
SELECT tenancy.protect('odd', 'things', 'tenant');
RESET client_min_messages;
INSERT INTO odd SELECT 1, o.organization_id, '{"a": "\u0000"}', ARRAY['1e999999', '"\ud800"']::json[], 0.1::float8 + 0.2, '-1 day -00:00:01', '[2026-11-01,2026-12-03)', '\xff' FROM tenancy.organizations o WHERE o.slug = 'acme';
INSERT INTO odd SELECT 2, o.organization_id, '{"a": "b"}', ARRAY['1', '"c"']::json[], 1 FROM tenancy.organizations o WHERE o.slug = 'acme';
SET datestyle = 'SQL, DMY';
SET intervalstyle = sql_standard;
SET extra_float_digits = 0;
SET bytea_output = escape;
SELECT "row" - 'tenant' AS "row" FROM tenancy.export_organization('acme', 'odd') ORDER BY "row" -> 'id';
RESET datestyle;
RESET intervalstyle;
RESET extra_float_digits;
RESET bytea_output;
SELECT o.r::text = e."row" ->> 'r' AS same_array, o.t::text = e."row" ->> 't' AS same, o.cost = (e."row" ->> 'cost')::float8 AS same_cost
FROM odd o JOIN tenancy.export_organization('acme', 'odd') e ON o.id = (e."row" ->> 'id')::int WHERE o.id = 1;
DROP TABLE odd;
DROP DOMAIN document;
-- For a DBA only: not for an owner, whose organization it is
SET SESSION AUTHORIZATION regress_app;
CALL become('olivia');
SELECT * FROM tenancy.export_organization('acme');
SELECT * FROM tenancy.purge_organization('acme');
SELECT tenancy.close_organization('acme');
CALL tenancy.purge_organization_in_batches('acme');
CALL become('nobody');
RESET SESSION AUTHORIZATION;

-- Not while a legal hold keeps rows, and nobody's access ends before.
SELECT tenancy.set_logging('acme', 'legal_hold', 'on', 'acme/search');
CREATE TABLE access AS SELECT count(*) AS members, (SELECT count(*) FROM tenancy.api_key_secrets) AS secrets FROM tenancy.organization_members;
CALL tenancy.purge_organization_in_batches('acme');
SELECT m = a AS unchanged FROM (SELECT count(*) AS members, (SELECT count(*) FROM tenancy.api_key_secrets) AS secrets FROM tenancy.organization_members) m, access a;
DROP TABLE access;
SELECT tenancy.reset_logging('acme', 'legal_hold', 'acme/search');

-- A workspace stays in its organization; its rows can move by hand.
UPDATE tenancy.workspaces SET organization_id = 'bbbbbbbb-0000-4000-8000-000000000000' WHERE slug = 'support';

-- Purge. Rows of others stand in the way first: one that would have gone by a cascade, one that would have been changed.
INSERT INTO messages VALUES (9, 'bbbbbbbb-0000-4000-8000-000000000000', 7, NULL);
UPDATE threads SET starts_with = 3 WHERE id = 8;
SELECT * FROM held();
SET client_min_messages = warning;
SELECT relation, removed FROM tenancy.purge_organization('acme');
SELECT (SELECT count(*) FROM holdings) = 59 AS nothing_is_gone, closed_at IS NULL AS open FROM tenancy.organizations WHERE slug = 'acme';
DELETE FROM messages WHERE id = 9;
SELECT relation, removed FROM tenancy.purge_organization('acme');
UPDATE threads SET starts_with = NULL WHERE id = 8;
-- A row that says one organization and another's workspace is nobody's to hand out or remove.
INSERT INTO logs VALUES (9, 'aaaaaaaa-0000-4000-8000-000000000000', 'bbbbbbbb-0000-4000-8000-000000000002'), (10, NULL, 'aaaaaaaa-0000-4000-8000-000000000002'), (11, 'bbbbbbbb-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000002');
SELECT string_agg("row" ->> 'id', ' ' ORDER BY ("row" ->> 'id')::int) AS exported FROM tenancy.export_organization('acme', 'logs');
-- For good, whoever tries
BEGIN;
SELECT tenancy.close_organization('acme');
SELECT command, failure('SELECT tenancy.' || command) FROM unnest(ARRAY[$$set_organization_role('acme', 'olivia@acme.test', 'owner')$$, $$invite('acme', 'new@acme.test')$$,
  $$create_api_key('organization_service_key', 'again', 'acme')$$, $$rotate_api_key(api_key_id) FROM tenancy.api_keys WHERE name = 'acme master'$$, $$create_role('acme', 'workspace', 'late')$$, $$create_group('acme', 'late')$$,
  $$trust_issuer('acme', 'https://late.test', '{"kty": "OKP", "crv": "Ed25519", "kid": "late", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}', '{late}')$$,
  $$set_jwks('acme', '{"kty": "OKP", "crv": "Ed25519", "kid": "late", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}')$$]) command;
SELECT (failure($$INSERT INTO tenancy.organization_members (organization_id, user_id, role_id) SELECT 'aaaaaaaa-0000-4000-8000-000000000000', user_id, '00000000-0000-4000-8000-000000000001' FROM tenancy.users LIMIT 1$$)).*;
-- Restores and replication bring rows as they are.
SET LOCAL session_replication_role = replica;
INSERT INTO tenancy.roles (organization_id, level, name) VALUES ('aaaaaaaa-0000-4000-8000-000000000000', 'workspace', 'as-it-was');
ROLLBACK;
-- In steps: the first closes the organization, with its keys, members and logins.
SELECT secret AS acme_secret FROM secrets WHERE name = 'acme master' \gset
SELECT secret AS globex_secret FROM secrets WHERE name = 'globex master' \gset
SET SESSION AUTHORIZATION regress_plain;
SET tenancy.api_key = :'acme_secret';
SELECT count(*) FROM logs;
RESET SESSION AUTHORIZATION;
RESET tenancy.api_key;
SELECT relation, removed FROM tenancy.purge_organization('acme', 0);
SELECT sum(removed) FROM tenancy.purge_organization('acme', 4);
SET SESSION AUTHORIZATION regress_plain;
SET tenancy.api_key = :'acme_secret';
SELECT count(*) FROM logs;
SET tenancy.api_key = :'globex_secret';
SELECT count(*) FROM logs;
RESET SESSION AUTHORIZATION;
RESET tenancy.api_key;
SELECT closed_at IS NOT NULL AS closed, (SELECT count(*) FROM tenancy.organization_members m WHERE m.organization_id = o.organization_id) AS members,
       (SELECT count(*) FROM tenancy.workspaces w WHERE w.organization_id = o.organization_id) AS workspaces FROM tenancy.organizations o WHERE slug = 'acme';
-- In batches, stopped half-way: what is done stays done, and the same call goes on.
SELECT count(*) AS before FROM holdings \gset
CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not now'; END $$;
CREATE TRIGGER keep BEFORE DELETE ON scans FOR EACH ROW EXECUTE FUNCTION keep();
CALL tenancy.purge_organization_in_batches('acme', 3);
SELECT count(*) < :before AS some_are_gone FROM holdings;
DROP TRIGGER keep ON scans;
BEGIN;
CALL tenancy.purge_organization_in_batches('acme', 3);
ROLLBACK;
-- A trigger that keeps a row silently
CREATE FUNCTION keep_silently() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER keep BEFORE DELETE ON scans FOR EACH ROW EXECUTE FUNCTION keep_silently();
CALL tenancy.purge_organization_in_batches('acme', 3);
DROP TRIGGER keep ON scans;
CALL tenancy.purge_organization_in_batches('acme', 3);
SELECT * FROM held();
SELECT count(*) FROM tenancy.organizations WHERE slug = 'acme';
CALL tenancy.purge_organization_in_batches('acme');
-- The audit entries, which stay until they are purged as well
SELECT action, count(*) > 0 AS any FROM tenancy.audit_log
WHERE organization_id = 'aaaaaaaa-0000-4000-8000-000000000000' AND resource_type = 'organization' AND action IN ('update', 'purge', 'delete') GROUP BY action ORDER BY action;
SELECT sum(n.value::int) FROM tenancy.audit_log l, jsonb_each_text(l.after) n WHERE l.action = 'purge' AND l.resource_type = 'organization' AND l.organization_id = 'aaaaaaaa-0000-4000-8000-000000000000';
SELECT * FROM tenancy.verify_audit_log();
SELECT tenancy.purge_audit_log(now() + interval '1 day', 'aaaaaaaa-0000-4000-8000-000000000000') > 50 AS purged;
SELECT count(*) FROM tenancy.audit_log WHERE organization_id = 'aaaaaaaa-0000-4000-8000-000000000000';

-- Tables that may hold rows of tenants and are not on record: closed, with the policies alone, with the name alone
\o /dev/null
CREATE TABLE restored (LIKE logs);
SELECT tenancy.protect('restored', 'logs', 'organization_id', 'workspace_id');
DROP TABLE restored;
CREATE TABLE restored (tenant uuid);
CREATE TABLE recordless (LIKE logs);
SELECT tenancy.protect('recordless', 'logs', 'organization_id', 'workspace_id');
DELETE FROM tenancy.protected_tables WHERE relation = 'recordless'::regclass;
DELETE FROM tenancy.protected_names WHERE table_name = 'recordless';
CREATE TABLE renamed (LIKE logs);
SELECT tenancy.protect('renamed', 'logs', 'organization_id', 'workspace_id');
SET tenancy.guard_rails = off;
ALTER TABLE renamed RENAME TO other_name;
CREATE TABLE renamed (LIKE logs);
RESET tenancy.guard_rails;
SELECT organization_id FROM tenancy.create_organization('Initech', 'olivia@acme.test', slug => 'initech');
SELECT tenancy.create_workspace('initech', 'More');
\o
SELECT count(*) FROM tenancy.export_organization('initech');
SELECT tenancy.delete_workspace('initech/more');
SELECT count(*) FROM tenancy.export_organization('initech', 'logs');
CALL tenancy.purge_organization_in_batches('initech');
SET tenancy.guard_rails = off;
DROP TABLE restored, recordless, renamed, other_name;
RESET tenancy.guard_rails;
SELECT tenancy.forget(t) FROM unnest('{app.restored,app.renamed}'::text[]) t;

-- With everything in one go, and what it says on the way
RESET client_min_messages;
SELECT relation, removed FROM tenancy.purge_organization('globex');
-- Users are persons and stay, as they may belong elsewhere.
SELECT count(*) FROM tenancy.users;
SELECT * FROM held();

-- Code of others runs as the owner of the table that it is for, whoever calls, in a security-restricted operation, and without the
-- session's principal: casts, triggers and their conditions, index predicates. The owner sees its rows although row security
-- is forced, and no others by it.
SET client_min_messages = warning;
CREATE ROLE regress_dba LOGIN;
CREATE ROLE regress_traps;
GRANT USAGE ON SCHEMA app TO regress_dba, regress_traps;
GRANT USAGE ON TYPE tenancy.administrator TO regress_dba;
SELECT organization_id FROM tenancy.create_organization('Initech', 'ida@initech.test') \gset
GRANT CREATE ON SCHEMA app TO regress_traps;
SET ROLE regress_traps;
CREATE TABLE ran (by name, what text, may_administer boolean, principal uuid, sees bigint);
CREATE TABLE traps (organization_id uuid, n int);
CREATE FUNCTION note(what text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO app.ran VALUES (current_user, what, tenancy.is_dba(), tenancy.current_organization_id(), (SELECT count(*) FROM app.traps));
  RETURN true;
END $$;
CREATE FUNCTION note_unseen(what text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN IF current_user <> 'regress_traps' THEN RAISE '% as %', what, current_user; END IF; RETURN true; END $$;
CREATE FUNCTION spring() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM app.note(TG_OP); RETURN OLD; END $$;
CREATE TYPE mood AS ENUM ('fine');
CREATE FUNCTION told(mood) RETURNS json LANGUAGE plpgsql AS $$ BEGIN PERFORM app.note('cast'); RETURN '1'; END $$;
CREATE CAST (mood AS json) WITH FUNCTION told(mood);
ALTER TABLE traps ADD mood mood;
INSERT INTO traps SELECT :'organization_id', n, 'fine' FROM generate_series(1, 2) n;
RESET ROLE;
SELECT tenancy.protect('traps', 'logs', 'organization_id');
SELECT master_key FROM tenancy.create_organization('Umbrella', 'uma@umbrella.test') \gset
SET SESSION AUTHORIZATION regress_dba;
SET tenancy.api_key = :'master_key';
SELECT count(*) FROM tenancy.export_organization('initech', 'traps');
RESET SESSION AUTHORIZATION;
SET ROLE regress_traps;
CREATE TRIGGER trap BEFORE DELETE ON traps FOR EACH ROW WHEN (note('condition')) EXECUTE FUNCTION spring();
CREATE INDEX ON traps (n) WHERE note_unseen('predicate');
RESET ROLE;
SET SESSION AUTHORIZATION regress_dba;
SELECT removed FROM tenancy.purge_organization('initech') WHERE removed > 0;
RESET SESSION AUTHORIZATION;
RESET tenancy.api_key;
SELECT DISTINCT * FROM ran ORDER BY what;
-- The code cannot do here what it could as a DBA.
SELECT organization_id FROM tenancy.create_organization('Initech', 'ida@initech.test') \gset
SET ROLE regress_traps;
CREATE OR REPLACE FUNCTION spring() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM tenancy.trust_login('regress_dba'); RETURN OLD; END $$;
DROP INDEX traps_n_idx;
RESET ROLE;
INSERT INTO traps SELECT :'organization_id', 1;
SELECT * FROM tenancy.purge_organization('initech');
-- A rule would be rewritten into the statement itself.
SET ROLE regress_traps;
DROP TRIGGER trap ON traps;
CREATE RULE trap AS ON DELETE TO traps DO ALSO SELECT note('rule');
RESET ROLE;
SELECT * FROM tenancy.purge_organization('initech');
SELECT tenancy.unprotect('traps');
DROP OWNED BY regress_traps, regress_dba CASCADE;
DROP ROLE regress_traps, regress_dba;
