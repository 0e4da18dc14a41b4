-- examples/existing_schemas on tables of the shapes that other programs make: LiteLLM's proxy and Langfuse.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
\set litellm :srcdir '/examples/existing_schemas/litellm.sql'
\set langfuse :srcdir '/examples/existing_schemas/langfuse.sql'
\set litellm_tables :srcdir '/sql/include/litellm.sql'
\set langfuse_tables :srcdir '/sql/include/langfuse.sql'
SET client_min_messages = warning;
DROP ROLE IF EXISTS regress_gateway;
CREATE ROLE regress_gateway LOGIN;
-- Organizations of the tests' world come with these from nowhere else.
DELETE FROM tenancy.organizations;
DELETE FROM tenancy.users;
-- Rows of a relation that each person sees, through an application's login
CREATE FUNCTION seen(email text, query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  result text;
BEGIN
  PERFORM set_config('tenancy.user', email, true);
  EXECUTE format('SELECT coalesce(string_agg(id, '' '' ORDER BY id), ''-'') FROM (%s) q (id)', query) INTO result;
  RETURN result;
EXCEPTION WHEN OTHERS THEN
  RETURN format('%s: %s', SQLSTATE, SQLERRM);
END
$$;

-- LiteLLM
CREATE SCHEMA litellm AUTHORIZATION regress_gateway;
GRANT USAGE ON SCHEMA litellm TO regress_app;
SET ROLE regress_gateway;
SET search_path = litellm;
\i :litellm_tables
RESET ROLE;
GRANT SELECT ON ALL TABLES IN SCHEMA litellm TO regress_app;
-- Before: everybody sees everything.
CREATE TABLE app.emails AS SELECT * FROM unnest(ARRAY['ann@initech.test', 'bob@initech.test', 'cat@initech.test', 'dan@hooli.test']) WITH ORDINALITY e (email, n);
GRANT SELECT ON app.emails TO regress_app;
SET SESSION AUTHORIZATION regress_app;
SELECT email, app.seen(email, 'SELECT request_id FROM "LiteLLM_SpendLogs"') FROM app.emails WHERE n = 3;
RESET SESSION AUTHORIZATION;
REVOKE ALL ON ALL TABLES IN SCHEMA litellm FROM regress_app;

\set gateway regress_gateway
\set reader regress_app
\o /dev/null
\set ECHO errors
\i :litellm
\set ECHO all
\o
SELECT o.slug, o.external_id, w.slug, w.external_id, u.email, r.name FROM tenancy.organizations o JOIN tenancy.workspaces w USING (organization_id)
LEFT JOIN tenancy.workspace_members m USING (workspace_id) LEFT JOIN tenancy.users u USING (user_id) LEFT JOIN tenancy.roles r USING (role_id) ORDER BY 1, 3, 5;
SET SESSION AUTHORIZATION regress_app;
SELECT email, app.seen(email, 'SELECT request_id FROM "LiteLLM_SpendLogs"') AS logs, app.seen(email, 'SELECT id FROM "LiteLLM_DailyTeamSpend"') AS by_team,
       app.seen(email, 'SELECT id FROM "LiteLLM_DailyOrganizationSpend"') AS by_organization, app.seen(email, 'SELECT key_alias FROM "LiteLLM_VerificationToken"') AS keys
FROM app.emails ORDER BY n;
RESET SESSION AUTHORIZATION;
-- Own rows only; metadata without content
SELECT tenancy.set_setting('initech', 'members_view_all_data', false), tenancy.set_setting('initech', 'managers_view_logs', false);
SET SESSION AUTHORIZATION regress_app;
SELECT email, app.seen(email, 'SELECT request_id FROM "LiteLLM_SpendLogs"') AS logs,
       app.seen(email, 'SELECT concat_ws(''='', request_id, messages ->> 0) FROM spend_logs') AS listed FROM app.emails ORDER BY n;
SELECT app.seen('bob@initech.test', 'SELECT sum(spend)::text FROM spend_logs');
RESET SESSION AUTHORIZATION;
-- The proxy goes on: every tenant's rows, without saying who it is, COPY included.
SET SESSION AUTHORIZATION regress_gateway;
SELECT count(*) FROM "LiteLLM_SpendLogs";
INSERT INTO "LiteLLM_SpendLogs" (request_id, call_type, "startTime", "endTime", team_id, organization_id) VALUES ('7-new', 'acompletion', '2026-03-02', '2026-03-02', 'team-3', 'org-2');
UPDATE "LiteLLM_SpendLogs" SET status = 'success';
RESET SESSION AUTHORIZATION;
SET SESSION AUTHORIZATION regress_app;
SELECT email, app.seen(email, 'SELECT request_id FROM "LiteLLM_SpendLogs"') AS logs FROM app.emails WHERE n IN (1, 4) ORDER BY n;
RESET SESSION AUTHORIZATION;
-- Again, after a team was added
INSERT INTO "LiteLLM_TeamTable" (team_id, team_alias, organization_id, members_with_roles) VALUES ('team-5', 'Sales', 'org-1', '[{"user_id": "u-bob", "role": "user"}]');
\o /dev/null
\set ECHO errors
\i :litellm
\set ECHO all
\o
SELECT w.slug, u.email, r.name FROM tenancy.workspaces w JOIN tenancy.workspace_members m USING (workspace_id) JOIN tenancy.users u USING (user_id)
JOIN tenancy.roles r USING (role_id) ORDER BY 1, 2;
SELECT rule, object, problem FROM tenancy.advise() WHERE object ~ '^litellm' AND severity = 'error';
DROP SCHEMA litellm CASCADE;
DELETE FROM tenancy.organizations;
DELETE FROM tenancy.users;

-- Langfuse
CREATE SCHEMA langfuse AUTHORIZATION regress_gateway;
GRANT USAGE ON SCHEMA langfuse TO regress_app;
SET ROLE regress_gateway;
SET search_path = langfuse;
\i :langfuse_tables
RESET ROLE;
\set application regress_gateway
\o /dev/null
\set ECHO errors
\i :langfuse
\i :langfuse
\set ECHO all
\o
SET SESSION AUTHORIZATION regress_app;
SELECT email, app.seen(email, 'SELECT id FROM traces') AS traces, app.seen(email, 'SELECT id FROM observations') AS observations, app.seen(email, 'SELECT id FROM scores') AS scores,
       app.seen(email, 'SELECT sum(total_cost)::float8::text FROM observations') AS cost FROM app.emails ORDER BY n;
RESET SESSION AUTHORIZATION;
-- List without view: a row without its content
SELECT tenancy.create_role('initech', 'workspace', 'lister') IS NOT NULL AS created;
SELECT tenancy.grant_permission('initech', 'workspace', 'lister', 'traces', 'list');
SELECT tenancy.set_workspace_role('initech/search', 'cat@initech.test', 'lister');
SET SESSION AUTHORIZATION regress_app;
SELECT email, app.seen(email, 'SELECT id FROM traces') AS traces, app.seen(email, 'SELECT concat_ws(''='', id, input ->> 0) FROM traces_scoped') AS listed,
       app.seen(email, 'SELECT concat_ws(''='', id, comment) FROM scores_scoped') AS scores FROM app.emails ORDER BY n;
RESET SESSION AUTHORIZATION;
SET SESSION AUTHORIZATION regress_gateway;
INSERT INTO traces (id, project_id) VALUES ('t4', 'p3');
SELECT count(*) FROM traces;
RESET SESSION AUTHORIZATION;
DROP SCHEMA langfuse CASCADE;
DELETE FROM tenancy.organizations;
DROP TABLE app.emails;
SET search_path = app;
DROP OWNED BY regress_gateway;
DROP ROLE regress_gateway;
