-- Two organizations, and the same rows twice: in tables of the coordinator (here_...) and distributed ones (far_...).
SET client_min_messages = warning;
CREATE ROLE app LOGIN; CREATE ROLE plain LOGIN; CREATE ROLE gus LOGIN; CREATE ROLE mike LOGIN; CREATE ROLE late LOGIN; CREATE ROLE keeper;
ALTER ROLE late SET session_preload_libraries = '$libdir/plpgsql';
GRANT mike TO app;
CREATE TABLE secrets (name text PRIMARY KEY, value text);
INSERT INTO secrets SELECT 'acme', master_key FROM tenancy.create_organization('Acme', 'olivia@acme.test');
INSERT INTO secrets SELECT 'globex', master_key FROM tenancy.create_organization('Globex', 'gus@globex.test');
DO $$ BEGIN
  PERFORM tenancy.set_organization_role('acme', m, 'member') FROM unnest('{mike@acme.test,two@acme.test}'::text[]) m;
  PERFORM tenancy.create_workspace('acme', w) FROM unnest('{search,support}'::text[]) w;
  PERFORM tenancy.set_workspace_role('acme/search', m, 'member') FROM unnest('{mike@acme.test,two@acme.test}'::text[]) m;
  PERFORM tenancy.set_workspace_role('acme/support', 'two@acme.test', 'member');
  PERFORM tenancy.set_setting('acme', 'members_view_all_data', false);
  PERFORM tenancy.trust_login('app'), tenancy.bind_login('gus', 'gus@globex.test'), tenancy.bind_login('mike', 'mike@acme.test');
END $$;
INSERT INTO secrets SELECT 'search', secret FROM tenancy.create_api_key('workspace_service_key', 'search', workspace => 'acme/search');
INSERT INTO secrets SELECT 'mikes', secret FROM tenancy.create_api_key('workspace_user_key', 'mikes', workspace => 'acme/search', member => 'mike@acme.test');
INSERT INTO secrets SELECT 'revoked', secret FROM tenancy.create_api_key('organization_service_key', 'revoked', 'acme');

CREATE TABLE here_logs (organization_id uuid, workspace_id uuid, user_id uuid, id bigint, model text, PRIMARY KEY (organization_id, id));
CREATE TABLE far_logs (LIKE here_logs INCLUDING ALL);
CREATE TABLE here_prompts (LIKE here_logs INCLUDING ALL);
CREATE TABLE far_prompts (LIKE here_logs INCLUDING ALL);
CREATE TABLE far_days (organization_id uuid, workspace_id uuid, user_id uuid, id bigint, model text, at date, PRIMARY KEY (organization_id, id, at)) PARTITION BY RANGE (at);
CREATE TABLE far_days_1 PARTITION OF far_days FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
INSERT INTO here_logs
SELECT w.organization_id, w.workspace_id, CASE WHEN i % 3 = 0 THEN (SELECT user_id FROM tenancy.users WHERE email = 'mike@acme.test') END,
       row_number() OVER (PARTITION BY w.organization_id ORDER BY w.slug, i), 'm' || i % 5
FROM tenancy.workspaces w, generate_series(1, 30) i;
INSERT INTO far_logs SELECT * FROM here_logs;
INSERT INTO here_prompts SELECT * FROM here_logs;
INSERT INTO far_prompts SELECT * FROM here_logs;
INSERT INTO far_days SELECT l.*, '2026-01-10' FROM here_logs l;
CREATE TABLE open (LIKE here_logs INCLUDING ALL);
INSERT INTO open SELECT * FROM here_logs;
DO $$ BEGIN
  PERFORM tenancy.protect(t, 'logs', 'organization_id', 'workspace_id', 'user_id') FROM unnest('{here_logs,far_logs,far_days}'::regclass[]) t;
  PERFORM tenancy.protect(t, 'prompts', 'organization_id', 'workspace_id', 'user_id') FROM unnest('{here_prompts,far_prompts}'::regclass[]) t;
  PERFORM tenancy.distribute(t) FROM unnest('{far_logs,far_prompts,far_days}'::regclass[]) t;
  PERFORM create_distributed_table('open', 'organization_id');
END $$;
GRANT ALL ON here_logs, far_logs, here_prompts, far_prompts, far_days, open TO app, plain, gus, mike, late;

CREATE FUNCTION here_counted() RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT count(*) FROM here_logs); END';
CREATE FUNCTION far_counted() RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT count(*) FROM far_logs); END';
CREATE FUNCTION here_caught() RETURNS bigint LANGUAGE plpgsql AS 'BEGIN BEGIN PERFORM count(*), 1 / 0 FROM here_logs; EXCEPTION WHEN OTHERS THEN NULL; END; RETURN (SELECT count(*) FROM here_logs); END';
CREATE FUNCTION far_caught() RETURNS bigint LANGUAGE plpgsql AS 'BEGIN BEGIN PERFORM count(*), 1 / 0 FROM far_logs; EXCEPTION WHEN OTHERS THEN NULL; END; RETURN (SELECT count(*) FROM far_logs); END';
CREATE FUNCTION here_sql() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT count(*) FROM here_logs';
CREATE FUNCTION far_sql() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT count(*) FROM far_logs';
CREATE PROCEDURE here_steps() LANGUAGE plpgsql AS 'DECLARE n bigint; BEGIN SELECT count(*) INTO n FROM here_logs; COMMIT; SELECT n + count(*) INTO n FROM here_logs; COMMIT; RAISE NOTICE ''%'', n; END';
CREATE PROCEDURE far_steps() LANGUAGE plpgsql AS 'DECLARE n bigint; BEGIN SELECT count(*) INTO n FROM far_logs; COMMIT; SELECT n + count(*) INTO n FROM far_logs; COMMIT; RAISE NOTICE ''%'', n; END';
CREATE FUNCTION owned_by_gus(relation text) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER AS 'DECLARE n bigint; BEGIN EXECUTE ''SELECT count(*) FROM '' || relation INTO n; RETURN n; END';
ALTER FUNCTION owned_by_gus(text) OWNER TO gus;
