-- examples/existing_schemas on tables of the shapes that other programs make: LiteLLM's proxy and Langfuse.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
\set litellm :srcdir '/examples/existing_schemas/litellm.sql'
\set langfuse :srcdir '/examples/existing_schemas/langfuse.sql'
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
CREATE TABLE "LiteLLM_OrganizationTable" ("organization_id" TEXT PRIMARY KEY, "organization_alias" TEXT NOT NULL, "budget_id" TEXT NOT NULL, "metadata" JSONB NOT NULL DEFAULT '{}',
  "models" TEXT[], "spend" DOUBLE PRECISION NOT NULL DEFAULT 0.0, "created_at" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP, "created_by" TEXT NOT NULL);
CREATE TABLE "LiteLLM_TeamTable" ("team_id" TEXT PRIMARY KEY, "team_alias" TEXT, "organization_id" TEXT, "admins" TEXT[], "members" TEXT[], "members_with_roles" JSONB NOT NULL DEFAULT '{}',
  "spend" DOUBLE PRECISION NOT NULL DEFAULT 0.0, "models" TEXT[], "blocked" BOOLEAN NOT NULL DEFAULT false, "created_at" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE "LiteLLM_UserTable" ("user_id" TEXT PRIMARY KEY, "user_alias" TEXT, "team_id" TEXT, "organization_id" TEXT, "teams" TEXT[] DEFAULT ARRAY[]::TEXT[], "user_role" TEXT,
  "spend" DOUBLE PRECISION NOT NULL DEFAULT 0.0, "user_email" TEXT);
CREATE TABLE "LiteLLM_OrganizationMembership" ("user_id" TEXT NOT NULL, "organization_id" TEXT NOT NULL, "user_role" TEXT, "spend" DOUBLE PRECISION DEFAULT 0.0,
  "created_at" TIMESTAMP(3) DEFAULT CURRENT_TIMESTAMP, PRIMARY KEY ("user_id", "organization_id"));
CREATE TABLE "LiteLLM_VerificationToken" ("token" TEXT PRIMARY KEY, "key_name" TEXT, "key_alias" TEXT, "spend" DOUBLE PRECISION NOT NULL DEFAULT 0.0, "expires" TIMESTAMP(3), "models" TEXT[],
  "user_id" TEXT, "team_id" TEXT, "blocked" BOOLEAN, "organization_id" TEXT, "created_at" TIMESTAMP(3) DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE "LiteLLM_SpendLogs" ("request_id" TEXT NOT NULL, "call_type" TEXT NOT NULL, "api_key" TEXT NOT NULL DEFAULT '', "spend" DOUBLE PRECISION NOT NULL DEFAULT 0.0,
  "total_tokens" INTEGER NOT NULL DEFAULT 0, "prompt_tokens" INTEGER NOT NULL DEFAULT 0, "completion_tokens" INTEGER NOT NULL DEFAULT 0, "startTime" TIMESTAMP(3) NOT NULL,
  "endTime" TIMESTAMP(3) NOT NULL, "completionStartTime" TIMESTAMP(3), "model" TEXT NOT NULL DEFAULT '', "model_id" TEXT DEFAULT '', "custom_llm_provider" TEXT DEFAULT '',
  "api_base" TEXT DEFAULT '', "user" TEXT DEFAULT '', "metadata" JSONB DEFAULT '{}', "request_tags" JSONB DEFAULT '[]', "team_id" TEXT, "organization_id" TEXT, "end_user" TEXT,
  "messages" JSONB DEFAULT '{}', "response" JSONB DEFAULT '{}', "session_id" TEXT, "status" TEXT, "proxy_server_request" JSONB DEFAULT '{}',
  CONSTRAINT "LiteLLM_SpendLogs_pkey" PRIMARY KEY ("request_id"));
CREATE INDEX "LiteLLM_SpendLogs_startTime_idx" ON "LiteLLM_SpendLogs"("startTime");
CREATE TABLE "LiteLLM_DailyTeamSpend" ("id" TEXT PRIMARY KEY, "team_id" TEXT NOT NULL, "date" TEXT NOT NULL, "api_key" TEXT NOT NULL, "model" TEXT NOT NULL, "prompt_tokens" INTEGER NOT NULL DEFAULT 0,
  "completion_tokens" INTEGER NOT NULL DEFAULT 0, "spend" DOUBLE PRECISION NOT NULL DEFAULT 0.0, "api_requests" INTEGER NOT NULL DEFAULT 0, "updated_at" TIMESTAMP(3) NOT NULL);
CREATE TABLE "LiteLLM_DailyOrganizationSpend" ("id" TEXT PRIMARY KEY, "organization_id" TEXT, "date" TEXT NOT NULL, "api_key" TEXT NOT NULL, "spend" DOUBLE PRECISION NOT NULL DEFAULT 0.0,
  "updated_at" TIMESTAMP(3) NOT NULL);
INSERT INTO "LiteLLM_OrganizationTable" (organization_id, organization_alias, budget_id, created_by) VALUES ('org-1', 'Initech', 'b', 'x'), ('org-2', 'Hooli', 'b', 'x');
INSERT INTO "LiteLLM_UserTable" (user_id, user_alias, user_email) VALUES ('u-ann', 'Ann', 'Ann@initech.test'), ('u-bob', 'Bob', 'bob@initech.test'), ('u-cat', 'Cat', 'cat@initech.test'),
  ('u-dan', 'Dan', 'dan@hooli.test'), ('u-bot', 'a bot', NULL);
INSERT INTO "LiteLLM_OrganizationMembership" (user_id, organization_id, user_role) VALUES ('u-ann', 'org-1', 'org_admin'), ('u-dan', 'org-2', 'org_admin'), ('u-bob', 'org-1', 'internal_user');
INSERT INTO "LiteLLM_TeamTable" (team_id, team_alias, organization_id, members_with_roles) VALUES
  ('team-1', 'Support', 'org-1', '[{"user_id": "u-bob", "role": "admin"}, {"user_id": "u-cat", "role": "user"}, {"user_id": "u-bot", "role": "user"}]'),
  ('team-2', 'Search', 'org-1', '[{"user_id": "u-cat", "role": "user"}]'), ('team-3', NULL, 'org-2', '[]'), ('team-4', 'Nobody''s', NULL, '[]');
INSERT INTO "LiteLLM_SpendLogs" (request_id, call_type, "startTime", "endTime", model, "user", team_id, organization_id, spend, messages, api_key) VALUES
  ('1-bob', 'acompletion', '2026-03-01 10:00', '2026-03-01 10:01', 'm', 'u-bob', 'team-1', 'org-1', 1, '["bob asks"]', 'h1'),
  ('2-cat', 'acompletion', '2026-03-01 10:00', '2026-03-01 10:01', 'm', 'u-cat', 'team-1', 'org-1', 2, '["cat asks"]', 'h2'),
  ('3-service', 'acompletion', '2026-03-01 10:00', '2026-03-01 10:01', 'm', '', 'team-2', 'org-1', 4, '["service asks"]', ''),
  ('4-organization', 'acompletion', '2026-03-01 10:00', '2026-03-01 10:01', 'm', '', NULL, 'org-1', 8, '["organization asks"]', ''),
  ('5-hooli', 'acompletion', '2026-03-01 10:00', '2026-03-01 10:01', 'm', 'u-dan', 'team-3', 'org-2', 16, '["dan asks"]', 'h3'),
  ('6-nobody', 'acompletion', '2026-03-01 10:00', '2026-03-01 10:01', 'm', '', NULL, NULL, 32, '["nobody asks"]', '');
INSERT INTO "LiteLLM_DailyTeamSpend" (id, team_id, date, api_key, model, spend, updated_at) VALUES ('t1', 'team-1', '2026-03-01', 'h1', 'm', 3, '2026-03-01'), ('t2', 'team-2', '2026-03-01', '', 'm', 4, '2026-03-01'),
  ('t3', 'team-3', '2026-03-01', 'h3', 'm', 16, '2026-03-01');
INSERT INTO "LiteLLM_DailyOrganizationSpend" (id, organization_id, date, api_key, spend, updated_at) VALUES ('o1', 'org-1', '2026-03-01', '', 15, '2026-03-01'), ('o2', 'org-2', '2026-03-01', '', 16, '2026-03-01');
INSERT INTO "LiteLLM_VerificationToken" (token, key_alias, user_id, team_id, organization_id) VALUES ('h1', 'bob', 'u-bob', 'team-1', 'org-1'), ('h2', 'cat', 'u-cat', 'team-1', 'org-1'), ('h3', 'dan', 'u-dan', 'team-3', 'org-2');
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
CREATE TYPE "Role" AS ENUM ('OWNER', 'ADMIN', 'MEMBER', 'VIEWER', 'NONE');
CREATE TABLE organizations ("id" TEXT PRIMARY KEY, "name" TEXT NOT NULL, "created_at" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE projects ("id" TEXT PRIMARY KEY, "name" TEXT NOT NULL, "org_id" TEXT NOT NULL REFERENCES organizations);
CREATE TABLE users ("id" TEXT PRIMARY KEY, "name" TEXT, "email" TEXT);
CREATE TABLE organization_memberships ("id" TEXT PRIMARY KEY, "org_id" TEXT NOT NULL REFERENCES organizations, "user_id" TEXT NOT NULL REFERENCES users, "role" "Role" NOT NULL,
  "created_at" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE project_memberships ("project_id" TEXT NOT NULL REFERENCES projects, "user_id" TEXT NOT NULL REFERENCES users, "org_membership_id" TEXT NOT NULL REFERENCES organization_memberships,
  "role" "Role" NOT NULL, PRIMARY KEY ("project_id", "user_id"));
CREATE TABLE traces ("id" TEXT PRIMARY KEY, "timestamp" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP, "name" TEXT, "user_id" TEXT, "metadata" JSONB, "project_id" TEXT NOT NULL REFERENCES projects,
  "public" BOOLEAN NOT NULL DEFAULT false, "tags" TEXT[] DEFAULT ARRAY[]::TEXT[], "input" JSONB, "output" JSONB, "session_id" TEXT);
CREATE TABLE observations ("id" TEXT PRIMARY KEY, "trace_id" TEXT, "project_id" TEXT NOT NULL REFERENCES projects, "type" TEXT NOT NULL, "start_time" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "end_time" TIMESTAMP(3), "name" TEXT, "metadata" JSONB, "parent_observation_id" TEXT, "status_message" TEXT, "model" TEXT, "input" JSONB, "output" JSONB,
  "prompt_tokens" INTEGER NOT NULL DEFAULT 0, "completion_tokens" INTEGER NOT NULL DEFAULT 0, "total_tokens" INTEGER NOT NULL DEFAULT 0, "total_cost" DECIMAL(65,30));
CREATE TABLE scores ("id" TEXT PRIMARY KEY, "timestamp" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP, "project_id" TEXT NOT NULL REFERENCES projects, "name" TEXT NOT NULL, "value" DOUBLE PRECISION,
  "comment" TEXT, "trace_id" TEXT NOT NULL);
INSERT INTO organizations VALUES ('o1', 'Initech'), ('o2', 'Hooli');
INSERT INTO projects VALUES ('p1', 'Support', 'o1'), ('p2', 'Search', 'o1'), ('p3', 'Compression', 'o2');
INSERT INTO users VALUES ('u1', 'Ann', 'ann@initech.test'), ('u2', 'Bob', 'bob@initech.test'), ('u3', 'Cat', 'Cat@initech.test'), ('u4', 'Dan', 'dan@hooli.test');
INSERT INTO organization_memberships (id, org_id, user_id, role) VALUES ('m1', 'o1', 'u1', 'OWNER'), ('m2', 'o1', 'u2', 'VIEWER'), ('m3', 'o1', 'u3', 'NONE'), ('m4', 'o2', 'u4', 'OWNER');
INSERT INTO project_memberships VALUES ('p2', 'u3', 'm3', 'ADMIN');
INSERT INTO traces (id, name, user_id, project_id, input) VALUES ('t1', 'chat', 'a customer', 'p1', '"asks"'), ('t2', 'chat', NULL, 'p2', '"asks"'), ('t3', 'chat', 'u2', 'p3', '"asks"');
INSERT INTO observations (id, trace_id, project_id, type, input, total_cost) VALUES ('b1', 't1', 'p1', 'GENERATION', '"asks"', 1), ('b2', 't2', 'p2', 'GENERATION', '"asks"', 2), ('b3', 't3', 'p3', 'GENERATION', '"asks"', 4);
INSERT INTO scores (id, project_id, name, value, comment, trace_id) VALUES ('s1', 'p1', 'quality', 1, 'good', 't1'), ('s3', 'p3', 'quality', 0, 'bad', 't3');
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
