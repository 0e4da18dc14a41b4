-- claim_challenge(), sign_claim(), accept_claim() and tenancy.require_claims, sender and receiver in one database.
-- test/tap/claims.pl has two servers.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\set undone :srcdir '/sql/include/undone.sql'
\i :world
SET client_min_messages = warning;
CREATE TABLE notes (id int, organization_id uuid, workspace_id uuid, user_id uuid, key_id uuid);
CREATE TABLE numbers (id int, organization bigint, workspace text, owner int, key bigint);
CREATE TABLE wide (id int, organization_id uuid, user_id uuid);
CREATE TABLE things (id int, organization_id uuid, workspace_id uuid);
CREATE TABLE drafts (id int, organization_id uuid, workspace_id uuid, user_id uuid);
INSERT INTO notes SELECT i, o.organization_id, w.workspace_id, u.user_id, k.api_key_id FROM tenancy.organizations o JOIN tenancy.workspaces w USING (organization_id)
  CROSS JOIN (VALUES (1, '104', '903'), (2, '105', '904'), (3, NULL, '902')) v (i, owner, key)
  LEFT JOIN tenancy.users u ON u.external_id = v.owner LEFT JOIN tenancy.api_keys k ON k.external_id = v.key ORDER BY w.workspace_id, i;
UPDATE notes SET id = (SELECT count(*) FROM notes n WHERE n.ctid <= notes.ctid);
INSERT INTO numbers SELECT n.id, o.external_id::bigint, w.external_id, u.external_id::int, k.external_id::bigint
  FROM notes n JOIN tenancy.organizations o USING (organization_id) JOIN tenancy.workspaces w USING (workspace_id)
  LEFT JOIN tenancy.users u USING (user_id) LEFT JOIN tenancy.api_keys k ON k.api_key_id = n.key_id;
INSERT INTO wide SELECT id, organization_id, user_id FROM notes;
INSERT INTO things SELECT id, organization_id, workspace_id FROM notes;
INSERT INTO drafts SELECT id, organization_id, workspace_id, user_id FROM notes;
\o /dev/null
SELECT tenancy.register_permission('things', a, 'A thing', true) FROM unnest(ARRAY['view', 'create', 'update']) a;
SELECT tenancy.grant_permission('acme', level, role, 'things', action) FROM (VALUES ('workspace', 'member'), ('workspace', 'manager')) r (level, role), unnest(ARRAY['view', 'create']) action;
SELECT tenancy.protect('notes', 'logs', 'organization_id', 'workspace_id', 'user_id', 'key_id');
SELECT tenancy.protect('numbers', 'logs', 'organization', 'workspace', 'owner', 'key');
SELECT tenancy.protect('wide', 'logs', 'organization_id', NULL, 'user_id');
SELECT tenancy.protect('things', 'things', 'organization_id', 'workspace_id');
SELECT tenancy.protect('drafts', 'prompts', 'organization_id', 'workspace_id', 'user_id');
SELECT tenancy.set_setting('acme', 'members_view_all_data', false);
\o

-- Who administers, and a node that is in no cluster.
SET SESSION AUTHORIZATION regress_plain;
SELECT * FROM failure('SELECT tenancy.join_cluster()');
RESET SESSION AUTHORIZATION;
CREATE ROLE regress_dba;
GRANT USAGE ON TYPE tenancy.administrator TO regress_dba;
GRANT EXECUTE ON FUNCTION tenancy.join_cluster(text), tenancy.new_cluster_key(), tenancy.use_cluster_key(integer) TO regress_dba;
GRANT pg_read_all_data, pg_write_all_data TO regress_dba;
GRANT ALL ON ALL FUNCTIONS IN SCHEMA tenancy_internal TO regress_dba;
GRANT ALL ON SCHEMA tenancy_internal TO regress_dba;
SELECT * FROM failure('SELECT tenancy.sign_claim(tenancy.claim_challenge())');
SELECT * FROM failure('SELECT tenancy.new_cluster_key()');
SELECT * FROM failure('SELECT tenancy.use_cluster_key(1)');
SELECT * FROM failure($$SELECT tenancy.join_cluster('pgtck_1_00')$$);
SELECT tenancy.join_cluster() AS key \gset
SELECT :'key' ~ '^pgtck_1_[0-9a-f]{64}$' AS is_key, tenancy.join_cluster() = :'key' AS the_same_again, tenancy.join_cluster(:'key') IS NULL AS known;
SELECT * FROM failure($$SELECT tenancy.join_cluster('pgtck_1_$$ || repeat('00', 32) || $$')$$);
SELECT count(*) AS keys_to_a_superuser FROM tenancy_internal.cluster_keys;
SET ROLE regress_dba;
SELECT count(*) AS keys_to_a_dba FROM tenancy_internal.cluster_keys;
SELECT command, (failure(command)).* FROM (VALUES
  ('SELECT tenancy.join_cluster()'), ('SELECT tenancy.new_cluster_key()'), ('SELECT tenancy.use_cluster_key(1)'),
  ('SELECT tenancy_internal.random_secret()'),
  ('INSERT INTO tenancy_internal.cluster_keys VALUES (2, sha256(''''), false)'), ('TRUNCATE tenancy_internal.cluster_keys')) v (command);
RESET ROLE;

-- What a query returns to somebody here, and where somebody's claim has been accepted.
\set ECHO none
CREATE FUNCTION outcome(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  found text;
BEGIN
  EXECUTE command INTO found;
  RETURN found;
EXCEPTION WHEN OTHERS THEN
  RETURN SQLSTATE || ': ' || SQLERRM;
END
$$;
CREATE FUNCTION by_claim(who text, command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  claim text;
BEGIN
  CALL app.become(who, true);
  claim := tenancy.sign_claim(tenancy.claim_challenge());
  CALL app.become('nobody', true);
  PERFORM tenancy.accept_claim(claim);
  RETURN app.outcome(command);
END
$$;
CREATE PROCEDURE compare(what text, command text) LANGUAGE plpgsql AS $$
DECLARE
  who text;
  here text;
  there text;
  found text := '';
  differs text := '';
BEGIN
  FOREACH who IN ARRAY ARRAY['nobody', 'olivia', 'adam', 'mona', 'mike', 'ben', 'wanda', 'nora', 'gus', 'acme master', 'search service', 'mike key', 'ben support key'] LOOP
    CALL app.become(who, true);
    here := app.outcome(command);
    ROLLBACK;
    there := app.by_claim(who, command);
    ROLLBACK;
    found := found || format(E'\n  %s: %s', who, here);
    IF here IS DISTINCT FROM there THEN
      differs := differs || format(E'\n  %s by claim: %s', who, there);
    END IF;
  END LOOP;
  RAISE NOTICE '%:%', what, found || coalesce(differs, '');
END
$$;
\set ECHO all
\set VERBOSITY terse
SET client_min_messages = notice;
SET SESSION AUTHORIZATION regress_app;
CALL compare('rows', $$SELECT string_agg(id::text, ' ' ORDER BY id) FROM notes$$);
CALL compare('rows by external ids', $$SELECT string_agg(id::text, ' ' ORDER BY id) FROM numbers$$);
CALL compare('rows of the organization', $$SELECT string_agg(id::text, ' ' ORDER BY id) FROM wide$$);
CALL compare('a resource registered by a DBA', $$SELECT string_agg(id::text, ' ' ORDER BY id) FROM things$$);
CALL compare('who', $$SELECT (w.kind, w.source, w.organization_id, w.workspace_id, w.user_id, w.api_key_id)::text FROM tenancy.whoami() w$$);
CALL compare('external ids', $$SELECT concat_ws(' ', tenancy.current_external_id('organization'), tenancy.current_external_id('workspace'), tenancy.current_external_id('user'), tenancy.current_external_id('api_key', 0))$$);
CALL compare('rights', $$SELECT concat_ws(' ', tenancy.authorize('logs', 'view'), tenancy.authorize('things', 'create'), tenancy.authorize('logs', 'write', 'aaaaaaaa-0000-4000-8000-000000000002'::uuid))$$);
CALL compare('writes', $$WITH w AS (INSERT INTO notes (id, workspace_id) VALUES (100, 'aaaaaaaa-0000-4000-8000-000000000002') RETURNING organization_id, user_id, key_id) SELECT w::text FROM w$$);
CALL compare('writes by external ids', $$WITH w AS (INSERT INTO numbers (id, workspace) VALUES (100, '12') RETURNING organization, owner, key) SELECT w::text FROM w$$);
CALL compare('changes', $$WITH w AS (UPDATE drafts SET id = -id RETURNING id) SELECT string_agg(id::text, ' ' ORDER BY id DESC) FROM w$$);
SET client_min_messages = warning;

-- Before everything else, until the transaction ends; narrowed as the sender was.
BEGIN;
CALL become('ben', true);
SET LOCAL tenancy.workspace = 'support';
SELECT tenancy.claim_challenge() AS challenge \gset
SELECT tenancy.sign_claim(:'challenge') AS claim \gset
COMMIT;
SET SESSION AUTHORIZATION regress_bound;
SELECT * FROM failure(format('SELECT tenancy.accept_claim(%L)', :'claim'));
SET SESSION AUTHORIZATION regress_app;
SET tenancy."user" = 'gus@globex.test';
SELECT tenancy.claim_challenge() AS challenge \gset
BEGIN;
CALL become('ben', true);
SET LOCAL tenancy.workspace = 'support';
SELECT tenancy.sign_claim(:'challenge') AS claim \gset
COMMIT;
SELECT count(*) AS of_gus FROM notes;
BEGIN;
SELECT tenancy.accept_claim(:'claim') AS next \gset
SELECT user_id, workspace_id, expires_at BETWEEN now() + interval '1 minute' AND now() + interval '2 minutes' AS soon FROM tenancy.whoami();
SELECT count(*) AS of_ben_in_support FROM notes;
SELECT command, (failure(command)).state, (failure(command)).message FROM (VALUES
  ('SET LOCAL tenancy."user" = ''olivia@acme.test'''), ('RESET ALL'), ('SELECT set_config(''tenancy.claim'', '''', true)'),
  ('RESET tenancy.claim'), ('SET SESSION AUTHORIZATION DEFAULT')) v (command);
SHOW tenancy.claim;
COMMIT;
SELECT count(*) AS of_gus FROM notes;

-- A claim holds once, for its challenge.
SELECT * FROM failure(format('SELECT tenancy.accept_claim(%L)', :'claim'));
SELECT tenancy.sign_claim(:'next') AS claim \gset
SELECT count(*) AS challenges FROM (SELECT tenancy.claim_challenge()) c;
SELECT * FROM failure(format('SELECT tenancy.accept_claim(%L)', :'claim'));
SELECT command, (failure(command)).* FROM (VALUES
  ('SELECT tenancy.accept_claim(NULL)'), ('SELECT tenancy.accept_claim('''')'), ('SELECT tenancy.accept_claim(''no claim'')'),
  ('SELECT tenancy.accept_claim(repeat(''A'', 2000000))'), ('SELECT tenancy.sign_claim(NULL)'), ('SELECT tenancy.sign_claim(''none'')'),
  ('SET tenancy.claim = ''x'''), ('SET tenancy.require_claims = on')) v (command);

-- A transaction stays with its principal; the next claim of the same one is welcome, and another's is not.
RESET tenancy."user";
BEGIN;
CALL become('mike', true);
SELECT tenancy.claim_challenge() AS challenge \gset
SELECT tenancy.sign_claim(:'challenge') AS claim \gset
SELECT tenancy.accept_claim(:'claim') AS challenge \gset
SELECT count(*) AS of_mike FROM notes;
SELECT tenancy.sign_claim(:'challenge') AS claim \gset
SELECT tenancy.accept_claim(:'claim') AS challenge \gset
SELECT count(*) AS of_mike FROM notes;
SAVEPOINT before;
SELECT tenancy.sign_claim(:'challenge') AS claim \gset
SELECT tenancy.accept_claim(:'claim') AS challenge \gset
ROLLBACK TO before;
SELECT * FROM failure('SELECT FROM notes');
ROLLBACK;
SELECT tenancy.claim_challenge() AS challenge \gset
BEGIN;
CALL become('gus', true);
SELECT tenancy.sign_claim(:'challenge') AS of_gus \gset
COMMIT;
-- What is sealed stays.
BEGIN;
CALL become('mike', true);
SELECT tenancy.seal();
SELECT * FROM failure(format('SELECT tenancy.accept_claim(%L)', :'of_gus'));
SELECT count(*) AS of_mike FROM notes;
ROLLBACK;
BEGIN;
SELECT tenancy.accept_claim(:'of_gus') AS challenge \gset
SELECT count(*) AS of_gus FROM notes;
ROLLBACK;
RESET SESSION AUTHORIZATION;
SELECT * FROM failure($$SELECT tenancy.simulate('SELECT tenancy.accept_claim(''no claim'')', 'mike@acme.test', login => 'regress_app')$$);

-- Forged: signed with the right key, and with the wrong one; the test knows it.
\set ECHO none
CREATE FUNCTION from_text(claim text) RETURNS bytea LANGUAGE sql AS $$
  SELECT decode(translate(claim, '-_', '+/') || repeat('=', (4 - length(claim) % 4) % 4), 'base64')
$$;
CREATE FUNCTION to_text(claim bytea) RETURNS text LANGUAGE sql AS $$
  SELECT translate(encode(claim, 'base64'), E'+/=\n', '-_')
$$;
CREATE FUNCTION padded(secret bytea, byte int) RETURNS bytea LANGUAGE sql AS $$
  SELECT decode(string_agg(lpad(to_hex(CASE WHEN i < length(secret) THEN get_byte(secret, i) ELSE 0 END # byte), 2, '0'), '' ORDER BY i), 'hex') FROM generate_series(0, 63) i
$$;
CREATE FUNCTION hmac(message bytea, secret bytea) RETURNS bytea LANGUAGE sql AS $$
  SELECT sha256(padded(secret, 92) || sha256(padded(secret, 54) || message))
$$;
CREATE FUNCTION signed(body bytea, domain text DEFAULT 'pg_tenancy claim 1', secret bytea DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
  SELECT app.to_text(body || app.hmac(convert_to(domain, 'UTF8') || body, coalesce(secret, (SELECT k.secret FROM tenancy_internal.cluster_keys k WHERE k.key_id = 1))))
$$;
CREATE FUNCTION body(claim text) RETURNS bytea LANGUAGE sql AS $$ SELECT substr(app.from_text(claim), 1, length(app.from_text(claim)) - 32) $$;
-- Where the end stands: behind version, key, sender, challenge and login.
CREATE FUNCTION end_at(body bytea) RETURNS int LANGUAGE sql AS $$
  SELECT 17 + 4 + c + 4 + get_byte(body, 17 + 4 + c + 2) * 256 + get_byte(body, 17 + 4 + c + 3) FROM (SELECT get_byte(body, 19) * 256 + get_byte(body, 20) AS c) v
$$;
CREATE FUNCTION with_end(body bytea, moment timestamptz) RETURNS bytea LANGUAGE sql AS $$
  SELECT overlay(body PLACING int8send((extract(epoch FROM moment - timestamptz '2000-01-01 00:00:00 UTC') * 1000000)::bigint) FROM app.end_at(body) + 1)
$$;
-- How a claim of mike, made into another, is accepted.
CREATE FUNCTION attack(how text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  claim text;
  detail text;
BEGIN
  CALL app.become('mike', true);
  claim := tenancy.sign_claim(tenancy.claim_challenge());
  EXECUTE format('SELECT %s', how) INTO claim USING claim;
  CALL app.become('nobody', true);
  PERFORM tenancy.accept_claim(claim);
  RETURN format('accepted, %s rows', (SELECT count(*) FROM app.notes));
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
  RETURN concat_ws(' ', SQLSTATE || ':', SQLERRM, nullif(detail, ''));
END
$$;
\set ECHO all
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA app TO PUBLIC;
CREATE TABLE forgeries (n int PRIMARY KEY, what text, how text);
INSERT INTO forgeries VALUES
  (1, 'as it is', '$1'), (2, 'signed again by the test', 'app.signed(app.body($1))'),
  (3, 'signed by another key', 'app.signed(app.body($1), secret => sha256(''''))'),
  (4, 'signed for another purpose', 'app.signed(app.body($1), ''pg_tenancy claim 2'')'),
  (5, 'a key that the node lacks', 'app.signed(overlay(app.body($1) PLACING int4send(77) FROM 2))'),
  (6, 'another version', 'app.signed(overlay(app.body($1) PLACING ''\x02''::bytea FROM 1))'),
  (7, 'another challenge', 'app.signed(set_byte(app.body($1), 60, get_byte(app.body($1), 60) # 1))'),
  (8, 'expired', 'app.signed(app.with_end(app.body($1), clock_timestamp() - interval ''1 ms''))'),
  (9, 'not yet', 'app.signed(app.with_end(app.body($1), clock_timestamp() + interval ''1 minute''))'),
  (10, 'a later end, not signed', 'app.to_text(app.with_end(app.body($1), clock_timestamp() + interval ''1 day'') || substr(app.from_text($1), length(app.from_text($1)) - 31))'),
  (11, 'one byte more', 'app.signed(app.body($1) || ''\x00''::bytea)'),
  (12, 'one byte less', 'app.signed(substr(app.body($1), 1, length(app.body($1)) - 1))'),
  (13, 'another spelling', 'left($1, -1) || ''='''), (14, 'no signature', 'app.to_text(app.body($1))'),
  (15, 'empty', 'app.to_text(substr(app.from_text($1), 1, 32))'),
  (16, 'for another login', 'app.signed(overlay(app.body($1) PLACING ''regress_eve''::bytea FROM app.end_at(app.body($1)) - 10))');
GRANT SELECT ON forgeries TO PUBLIC;
ALTER FUNCTION signed SECURITY DEFINER;
SET SESSION AUTHORIZATION regress_app;
SELECT format('SELECT n, what, app.attack(how) FROM app.forgeries WHERE n = %s', n) FROM forgeries ORDER BY n
\pset tuples_only on
\gexec
\pset tuples_only off
-- Every byte counts.
DO $$
DECLARE
  claim bytea;
  refused int := 0;
BEGIN
  CALL app.become('mike', true);
  FOR i IN 1..500 LOOP
    claim := app.from_text(tenancy.sign_claim(tenancy.claim_challenge()));
    BEGIN
      PERFORM tenancy.accept_claim(app.to_text(set_byte(claim, i * length(claim) / 501, get_byte(claim, i * length(claim) / 501) # 16)));
    EXCEPTION WHEN invalid_authorization_specification THEN
      refused := refused + 1;
    END;
  END LOOP;
  RAISE WARNING '% of 500 refused', refused;
END
$$;

-- The end is compared at each statement.
RESET SESSION AUTHORIZATION;
CREATE FUNCTION ends_soon(claim text) RETURNS text LANGUAGE sql SECURITY DEFINER AS $$
  SELECT app.signed(app.with_end(app.body(claim), clock_timestamp() + interval '300 ms'))
$$;
SET SESSION AUTHORIZATION regress_app;
BEGIN;
CALL become('mike', true);
PREPARE mine AS SELECT count(*) FROM notes;
SELECT tenancy.accept_claim(app.ends_soon(tenancy.sign_claim(tenancy.claim_challenge()))) IS NOT NULL AS accepted;
EXECUTE mine;
SELECT count(*) AS of_mike FROM notes, pg_sleep(0.4);
SAVEPOINT after_the_end;
EXECUTE mine;
ROLLBACK TO after_the_end;
SELECT count(*) FROM notes;
ROLLBACK TO after_the_end;
SELECT tenancy.authorize('logs', 'view');
ROLLBACK;

-- A node that knows principals by claims only.
RESET SESSION AUTHORIZATION;
SET tenancy.require_claims = on;
SET SESSION AUTHORIZATION regress_app;
SELECT who, visible(who, 'notes') FROM unnest(ARRAY['nobody', 'mike', 'acme master']) who;
SET SESSION AUTHORIZATION regress_bound;
SELECT * FROM failure('SELECT FROM notes');
SELECT (failure('SELECT * FROM tenancy.whoami()')).state, (failure($$SELECT tenancy.authorize('logs', 'view')$$)).state, (failure('INSERT INTO notes VALUES (1)')).state;
RESET SESSION AUTHORIZATION;
RESET tenancy.require_claims;
-- Nor are a person, a key or a role that signs tenants up anybody there who administers; elsewhere they are.
\i :undone
BEGIN;
GRANT USAGE ON TYPE tenancy.sign_up TO regress_plain;
SET LOCAL client_min_messages = warning;
\set administer 'SET LOCAL SESSION AUTHORIZATION regress_bound; SELECT call, undone(call) FROM unnest(ARRAY[$$tenancy.my_organizations()$$, $$tenancy.update_user(name => ''Mickey'')$$, $$tenancy.leave_organization(''acme'')$$, $$tenancy.accept_invitation(''00000000-0000-4000-8000-000000000000'')$$]) call; SET LOCAL SESSION AUTHORIZATION regress_app; CALL become(''acme master'', true); SELECT undone($$tenancy.rotate_own_api_key()$$); RESET tenancy.api_key; SET LOCAL SESSION AUTHORIZATION regress_plain; SELECT undone($$tenancy.create_organization(''New'', ''n@new.test'')$$); RESET SESSION AUTHORIZATION;'
:administer
SET LOCAL tenancy.require_claims = on;
:administer
ROLLBACK;
SET SESSION AUTHORIZATION regress_app;
SELECT tenancy.claim_challenge() AS challenge \gset
BEGIN;
CALL become('mike', true);
SELECT tenancy.sign_claim(:'challenge') AS claim \gset
COMMIT;
RESET SESSION AUTHORIZATION;
SET tenancy.require_claims = on;
SET tenancy.specialize = off;
SET SESSION AUTHORIZATION regress_app;
-- It was somebody a moment ago.
SELECT * FROM failure('SELECT FROM notes');
BEGIN;
SELECT tenancy.accept_claim(:'claim') IS NOT NULL AS accepted;
SELECT count(*) AS of_mike FROM notes;
SET LOCAL min_parallel_table_scan_size = 0;
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
EXPLAIN (COSTS off) SELECT count(*) FROM notes;
SELECT count(*) AS of_mike FROM notes;
COMMIT;
SELECT * FROM failure('SELECT FROM notes');
RESET SESSION AUTHORIZATION;
RESET tenancy.require_claims;
RESET tenancy.specialize;

-- Rotation: accepted by both keys, signed by one.
SELECT tenancy.new_cluster_key() AS second \gset
SELECT :'second' ~ '^pgtck_2_' AS is_key;
SELECT * FROM failure('SELECT tenancy.new_cluster_key()');
SELECT get_byte(from_text(tenancy.sign_claim(tenancy.claim_challenge())), 4) AS signed_by;
SELECT tenancy.use_cluster_key(2);
SELECT tenancy.sign_claim(tenancy.claim_challenge()) AS claim \gset
SELECT get_byte(from_text(:'claim'), 4) AS signed_by;
SELECT tenancy.accept_claim(tenancy.sign_claim(tenancy.claim_challenge())) IS NOT NULL AS accepted;
SELECT tenancy.accept_claim(signed(overlay(body(tenancy.sign_claim(tenancy.claim_challenge())) PLACING int4send(1) FROM 2))) IS NOT NULL AS accepted;
DELETE FROM tenancy_internal.cluster_keys WHERE NOT signs;
SELECT * FROM failure($$SELECT tenancy.accept_claim(app.signed(overlay(app.body(tenancy.sign_claim(tenancy.claim_challenge())) PLACING int4send(1) FROM 2), secret => sha256('')))$$);
DELETE FROM tenancy_internal.cluster_keys;

-- Each change of a key is in the audit log, without the secret.
SELECT action, resource_id, before - 'added_at' AS before, after - 'added_at' AS after FROM tenancy.audit_log
WHERE resource_type = 'cluster_key' ORDER BY audit_id DESC LIMIT 4;
SELECT count(*) AS secrets FROM tenancy.audit_log WHERE resource_type = 'cluster_key' AND (before ? 'secret' OR after ? 'secret');

-- Tables that Citus distributes, as far as there is none: scripts/check-citus.sh has the rest.
CREATE TABLE app.far (organization_id uuid PRIMARY KEY);
SELECT * FROM failure($$SELECT tenancy.distribute('app.far')$$);
SELECT * FROM failure($$SELECT tenancy.distribute(NULL)$$);
SELECT * FROM failure($$SELECT tenancy.distribute('app.far', 'workspace')$$);
GRANT EXECUTE ON FUNCTION tenancy.distribute(regclass, text) TO regress_dba;
SET ROLE regress_dba;
SELECT * FROM failure($$SELECT tenancy.distribute('app.far')$$);
RESET ROLE;
SELECT count(*) AS nodes FROM tenancy.advise() WHERE rule = 'cluster_node';
DROP TABLE app.far;
DROP OWNED BY regress_dba;
DROP ROLE regress_dba;
