-- One hole of each kind, planted in a world of its own before the attacks on it are made up. Each has to be found by what is said of it
-- in attacks.plants: run.sh looks for a line that begins with the family and title of an attack and goes on with what shows it.

CREATE TABLE attacks.plants (plant text PRIMARY KEY, attacks text NOT NULL, sign text NOT NULL);

-- Another body for a function of the extension, whatever its arguments are in this version.
CREATE FUNCTION attacks.replace(name text, body text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  f oid := (SELECT p.oid FROM pg_proc p WHERE p.pronamespace::regnamespace::text ~ '^tenancy' AND p.proname = replace.name);
BEGIN
  EXECUTE format('CREATE OR REPLACE FUNCTION %s.%I(%s) RETURNS %s LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS %L',
    (SELECT p.pronamespace::regnamespace FROM pg_proc p WHERE p.oid = f), name, pg_get_function_arguments(f), pg_get_function_result(f), E'#variable_conflict use_column\n' || body);
END
$$;

INSERT INTO attacks.plants VALUES ('a leakproof function whose error quotes its argument', '^leakproof: (nobody|mike), tenancy.planted_leak', 'canary_.*planted_leak');
CREATE FUNCTION tenancy.planted_leak(value text) RETURNS uuid LANGUAGE plpgsql STABLE LEAKPROOF COST 1 AS $$ BEGIN RAISE EXCEPTION '"%" is not known', value; END $$;

INSERT INTO attacks.plants VALUES ('a leakproof function that raises an error', '^silent: (mike|mona|adam)', '^silent: .*canary_globex: planted');
CREATE FUNCTION attacks.planted_silent(int) RETURNS boolean LANGUAGE plpgsql STABLE LEAKPROOF COST 0.0001 AS $$ BEGIN RAISE EXCEPTION 'planted'; END $$;

INSERT INTO attacks.plants VALUES ('rows that are compared by a collation before they are filtered', '^silent: (mike|mona), .* a collation of another version', '^silent: .* a collation of another version in .*version mismatch');
CREATE TABLE attacks.planted_unfiltered AS SELECT 1 AS n, 'canary_globex' AS body;
GRANT SELECT ON attacks.planted_unfiltered TO PUBLIC;

INSERT INTO attacks.plants VALUES ('administration that asks for the session''s user', '^maintenance: (ANALYZE|REINDEX) of a table of att_dev, by postgres', '^maintenance: .*be a DBA: .*trust_login');
SELECT attacks.replace('trust_login', $$
BEGIN
  IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = session_user) THEN RAISE EXCEPTION 'no'; END IF;
  INSERT INTO tenancy.login_bindings (login, trusted) VALUES ('att_dev'::regrole, true) ON CONFLICT DO NOTHING;
END
$$);

INSERT INTO attacks.plants VALUES ('a view that nothing filters', '^own code: (att_dev|nobody): a call', '^own code: .*canary_globex');
ALTER VIEW app.recent OWNER TO postgres;

-- The same view, read by what a referential action sets off
INSERT INTO attacks.plants VALUES ('all rows of the owner''s in a referential action', '^referential action: trigger after, ON DELETE CASCADE, of att_dev', '^referential action: .*canary_globex');

INSERT INTO attacks.plants SELECT 'code that runs as whoever changes the row that a foreign key names', '^changed together: (a rule|a trigger of another partition), with a superuser', '^changed together: .*be superuser: ' WHERE current_setting('server_version_num')::int < 180000;
CREATE TABLE attacks.planted_parent AS SELECT 'eeeeeeee-0000-4000-8000-000000000001'::uuid AS id;
ALTER TABLE attacks.planted_parent ADD PRIMARY KEY (id);
GRANT REFERENCES, SELECT ON attacks.planted_parent TO att_dev;

INSERT INTO attacks.plants VALUES ('a table that does not force row security', '^own code: att_owner: a call', '^own code: att_owner: .*app.texts: canary_');
SET tenancy.guard_rails = off;
ALTER TABLE app.texts NO FORCE ROW LEVEL SECURITY;

INSERT INTO attacks.plants VALUES ('a policy beside ours', '^own code: mike: a call', '^own code: mike: .*change: .*DELETE FROM app.docs');
CREATE POLICY planted ON app.docs TO att_bound USING (true);
RESET tenancy.guard_rails;

INSERT INTO attacks.plants VALUES ('a function that gives whoever asks any organization''s rows', '^functions: att_(web nobody|dev)', '^functions: .*canary_.*planted_rows');
CREATE FUNCTION tenancy.planted_rows(rows boolean) RETURNS SETOF text LANGUAGE sql SECURITY DEFINER AS 'SELECT body FROM app.logs';

INSERT INTO attacks.plants VALUES ('an oracle', '^functions: att_(web nobody|dev)', 'worlds differ: .*planted_oracle');
CREATE FUNCTION tenancy.planted_oracle() RETURNS text LANGUAGE sql SECURITY DEFINER AS 'SELECT max(slug) FROM tenancy.organizations';

-- Both errors of guards are one answer, but no other answer, nor more words, is.
INSERT INTO attacks.plants VALUES ('a guard that stops for one row', '^functions: att_(web nobody|dev)', 'worlds differ: .*planted_guard[(]');
CREATE FUNCTION tenancy.planted_guard() RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  IF EXISTS (SELECT FROM tenancy.organizations WHERE slug = 'globex') THEN
    RAISE EXCEPTION USING ERRCODE = '40001', MESSAGE = 'the session''s rights have changed since the query was planned', HINT = 'Run the transaction again.';
  END IF;
  RETURN true;
END
$$;
INSERT INTO attacks.plants VALUES ('a guard that says why it stops', '^functions: att_(web nobody|dev)', 'worlds differ: .DETAIL.*planted_guard_detail[(]');
CREATE FUNCTION tenancy.planted_guard_detail() RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  RAISE EXCEPTION USING ERRCODE = '40001', MESSAGE = 'the session''s rights have changed since the query was planned', DETAIL = (SELECT max(slug) FROM tenancy.organizations), HINT = 'Run the transaction again.';
END
$$;

INSERT INTO attacks.plants VALUES ('a right of a DBA''s that was granted to many', '^own code: att_sign_up: a call', '^own code: att_sign_up: .*be a DBA: payload');
GRANT INSERT ON tenancy.organizations TO att_sign_up;
SELECT format('GRANT USAGE ON TYPE %s TO att_sign_up', oid::regtype) FROM pg_type WHERE typnamespace = 'tenancy'::regnamespace AND typname = 'administrator' \gexec

INSERT INTO attacks.plants VALUES ('a query on others'' tables by the extension''s owner', '^work on tables: constant index predicate', '^work on tables: .*be superuser: ');
SELECT attacks.replace('delete_workspace', 'BEGIN PERFORM count(*) FROM att_owner.t WHERE n = 2; END');

-- From 18 on, such triggers run as the role that has queued them, whoever sets the constraint.
INSERT INTO attacks.plants SELECT 'constraints of a name, checked by the extension''s owner', '^work on tables: constraint trigger of a foreign key', '^work on tables: constraint trigger of .*be superuser: ' WHERE current_setting('server_version_num')::int < 180000;
SELECT attacks.replace('set_reference', 'BEGIN EXECUTE format(''SET CONSTRAINTS %I.%I %s'', $1, $2, CASE WHEN $3 THEN ''DEFERRED'' ELSE ''IMMEDIATE'' END); END');

INSERT INTO attacks.plants VALUES ('a trigger that converts rows as the extension''s owner', '^work on tables: domain;', '^work on tables: domain; .*be superuser: ');
SELECT attacks.replace('keep_row', 'BEGIN IF TG_OP = ''DELETE'' THEN RETURN OLD; END IF; RETURN jsonb_populate_record(NEW, ''{"j": 1}''); END');

INSERT INTO attacks.plants VALUES ('literals of users, parsed by the extension''s owner', '^work on tables: domain in a constant', '^work on tables: domain in a constant .*be superuser: ');
SELECT attacks.replace('has_checked_constant', 'BEGIN RETURN false; END');

INSERT INTO attacks.plants VALUES ('a table that is known by its name only', '^owners: a neighbour''s analytics_kept beside logs: a table with a trigger, by att_dba', '^owners: a neighbour''s analytics_kept .*by att_dba: .*be superuser: ');
SELECT attacks.replace('keep_sums', $$ BEGIN IF to_regclass('yard.analytics_kept') IS NOT NULL THEN INSERT INTO yard.analytics_kept VALUES (gen_random_uuid(), NULL, now()); END IF; END $$);

INSERT INTO attacks.plants VALUES ('tables of any owner in a job', '^work on tables: trigger before delete; retention', '^work on tables: trigger before delete; retention by att_dba: .*be superuser: ');
SELECT attacks.replace('remove_rows', $$ DECLARE gone bigint; BEGIN PERFORM tenancy_internal.check_references_at(($1).relation, 'IMMEDIATE'); EXECUTE format('DELETE FROM %s t WHERE %s', ($1).relation, $2); GET DIAGNOSTICS gone = ROW_COUNT; RETURN gone; END $$);

INSERT INTO attacks.plants VALUES ('a role that anybody can hand out', '^roads: (mona|mike|ben)', '^roads: .*rights: .* gave ');
SELECT attacks.replace('set_workspace_role', $$ BEGIN UPDATE tenancy.organization_members SET role_id = '00000000-0000-4000-8000-000000000002' WHERE user_id = 'cccccccc-0000-4000-8000-000000000004'; END $$);

-- It may make admins, who hold this; to members it gives nothing that it lacks.
INSERT INTO attacks.plants VALUES ('a master key that lets members write in others'' names', '^known: a master key, and rows', '^known: a master key, and rows .*rights: acme master gave (mona|mike in the app) logs.attribute');
SELECT attacks.replace('set_role_visibility', $$
BEGIN
  IF tenancy.current_api_key_id() IS DISTINCT FROM 'dddddddd-0000-4000-8000-000000000001' THEN RAISE EXCEPTION 'no'; END IF;
  INSERT INTO tenancy.grants (role_id, organization_id, resource, action) SELECT r.role_id, 'aaaaaaaa-0000-4000-8000-000000000000', 'logs', 'attribute' FROM tenancy.roles r WHERE r.organization_id IS NULL AND r.level = 'workspace' AND r.name IN ('manager', 'member');
END
$$);

INSERT INTO attacks.plants VALUES ('a membership that anybody can end', '^roads: (mona|mike|ben)', '^roads: .*rights: .* took ');
SELECT attacks.replace('set_setting', $$ BEGIN IF session_user <> 'att_app' THEN RAISE EXCEPTION 'no'; END IF; DELETE FROM tenancy.organization_members WHERE user_id = 'cccccccc-0000-4000-8000-000000000002'; END $$);

INSERT INTO attacks.plants VALUES ('a crash', '^functions: att_sign_up', '^functions: .*crash: ');
CREATE FUNCTION tenancy.planted_crash() RETURNS boolean LANGUAGE sql SECURITY DEFINER AS 'SELECT pg_terminate_backend(pg_backend_pid())';
REVOKE EXECUTE ON FUNCTION tenancy.planted_crash() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tenancy.planted_crash() TO att_sign_up;

INSERT INTO attacks.plants VALUES ('a function that grants privileges', '^functions: att_dev', '^functions: .*changed: privileges');
CREATE FUNCTION tenancy.planted_grant() RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN GRANT DELETE ON tenancy.audit_log TO att_dev; END';

INSERT INTO attacks.plants VALUES ('a function that changes others'' rows', '^functions: att_dev', '^functions: .*changed: rows of app.logs');
CREATE FUNCTION tenancy.planted_update() RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN UPDATE app.logs SET n = n + 1; END';

INSERT INTO attacks.plants VALUES ('a function that makes its caller a superuser', '^functions: att_dev', '^functions: .*changed: roles');
CREATE FUNCTION tenancy.planted_superuser() RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN EXECUTE format('ALTER ROLE %I SUPERUSER', session_user); END $$;

INSERT INTO attacks.plants VALUES ('a job that one row stops', '^poison: observability.logs: operation_name$', '^poison: .*stopped job: ');
CREATE OR REPLACE FUNCTION observability.refresh_analytics(hours integer DEFAULT NULL) RETURNS integer LANGUAGE sql SECURITY DEFINER AS 'SELECT 1 / (SELECT count(*) FROM observability.logs WHERE operation_name IS NULL AND 0 = (SELECT count(*) FROM observability.logs WHERE operation_name IS NOT NULL))::int';

INSERT INTO attacks.plants VALUES ('no limit to a text', '^size: SELECT tenancy.register_permission', '^size: .*size: a row of tenancy.permissions');
SELECT attacks.replace('register_permission', $$ BEGIN IF session_user <> 'att_dba' THEN RAISE EXCEPTION 'no'; END IF; INSERT INTO tenancy.permissions (resource, action, description) VALUES ('evil', 'view', repeat('x', 100000)); END $$);
DO $$ DECLARE c name; BEGIN
  FOR c IN SELECT tgname FROM pg_trigger WHERE tgrelid = 'tenancy.permissions'::regclass AND tgname ~ 'length' LOOP EXECUTE format('DROP TRIGGER %I ON tenancy.permissions', c); END LOOP;
END $$;

INSERT INTO attacks.plants VALUES ('guard rails that are off', '^rails: ALTER POLICY tenancy_select ON app.logs USING', '^rails: .*canary_');
ALTER EVENT TRIGGER tenancy_ddl DISABLE;

INSERT INTO attacks.plants VALUES ('a function that logs what it sees', '^functions: att_dev', '^the server''s log: .*canary_');
CREATE FUNCTION tenancy.planted_log() RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN RAISE LOG 'rows: %', (SELECT string_agg(body, ' ') FROM app.logs); END $$;

INSERT INTO attacks.plants VALUES ('links that nobody answers for', '^trusts: adam links', '^trusts: adam links .*a link is worth more');
CREATE FUNCTION attacks.unanswered() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.linked_by := NULL; RETURN NEW; END $$;
CREATE TRIGGER planted BEFORE INSERT ON tenancy.identities FOR EACH ROW EXECUTE FUNCTION attacks.unanswered();

INSERT INTO attacks.plants VALUES ('invitations at sign-up that count as a DBA''s', '^trusts: an invitation at sign-up', '^trusts: an invitation at sign-up .*he has joined');
CREATE FUNCTION attacks.by_a_dba() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.signed_up_by := NULL; RETURN NEW; END $$;
CREATE TRIGGER planted BEFORE INSERT ON tenancy.invitations FOR EACH ROW EXECUTE FUNCTION attacks.by_a_dba();

INSERT INTO attacks.plants VALUES ('slugs that are others'' external ids', '^trusts: a name of somebody else', '^trusts: a name of .*is ambiguous');
DROP TRIGGER check_names ON tenancy.organizations;

INSERT INTO attacks.plants VALUES ('a hold that keeps nothing from DELETE', '^keeping: att_(owner|etl)', '^keeping: .*held rows');
SELECT attacks.replace('check_not_held', 'BEGIN RETURN; END');

-- Groups and members confer their roles only, and not what these may take
INSERT INTO attacks.plants VALUES ('a group that confers only its roles', '^trusts: adam fills a group, which lets take', '^trusts: adam fills a group, which.*somebody has climbed');
SELECT attacks.replace('missing_for_takable', 'BEGIN RETURN NULL; END');

-- Permanent owners are for every owner
INSERT INTO attacks.plants VALUES ('permanent owners whom an owner for a moment removes', '^trusts: adam, an owner for a moment: the others', '^trusts: adam, an owner for a moment: the others.*permanent owner is none');
SELECT attacks.replace('require_lasting_rights', 'BEGIN RETURN; END');

INSERT INTO attacks.plants VALUES ('functions of tables that others own', '^owners: trigger (BEFORE INSERT for each ROW|AFTER INSERT for each STATEMENT) of analytics_pending', '^owners: .*be superuser: ');
SELECT attacks.replace('refuse_several_owners', 'BEGIN NULL; END');

INSERT INTO attacks.plants VALUES ('values of hidden rows that another relation has', '^stored: att_(web|etl)', '^stored: att_etl reads all tables: a canary: .*canary_globex');
CREATE TABLE app.planted_copy AS SELECT 'canary_globex' AS body;

INSERT INTO attacks.plants VALUES ('constraints that the owner of a column''s type has checked', '^types: ALTER DOMAIN smithy.line', '^types: .*told.*canary_globex');
SELECT set_config('attacks.typed_is_open', 'on', false) \g /dev/null

INSERT INTO attacks.plants VALUES ('row types that others have values of', '^types: a row of (page|entries)', '^types: a row of .*another row type');

INSERT INTO attacks.plants VALUES ('names that nobody takes over', '^names: (renamed|in a schema that is renamed), protected anew', '^names: .*whose name is not remembered');
SELECT attacks.replace('forget_name', 'BEGIN DELETE FROM tenancy.protected_names k WHERE (k.schema_name, k.table_name) = (named.schema_name, named.table_name); END');

INSERT INTO attacks.plants VALUES ('rights that count before they are committed', '^taken: mike takes a role: SELECT string_agg', '^taken: mike takes a role: .*canary_');
SELECT attacks.replace('note_taken_rights', 'BEGIN RETURN; END');

-- A trigger that does nothing, in place of ours (see parents.sql)
INSERT INTO attacks.plants VALUES ('a key that any tenant''s row may take', '^known: a parent''s key: (deferred|in the statement)', '^known: .*another tenant''s than it was');
CREATE FUNCTION attacks.nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN coalesce(NEW, OLD); END';
-- A key is not its user
INSERT INTO attacks.plants VALUES ('catalogs that take a key for its user', '^viewers: a key of mike', '^viewers: a key of mike .*elevations shows besides');
SELECT attacks.replace('user_itself', 'BEGIN RETURN tenancy.current_user_id(); END');

INSERT INTO attacks.plants VALUES ('answers that name everybody', '^viewers: names that mona', '^viewers: names that mona .*a name olivia');
SELECT attacks.replace('sees_all_members', 'BEGIN RETURN true; END');
