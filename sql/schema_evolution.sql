-- Years of migrations on protected tables of the shapes that Langfuse and LiteLLM have: after each of them, everybody sees the rows that
-- they saw before, and no table stands open.
\pset format unaligned
\pset footer off
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
\set litellm :srcdir '/examples/existing_schemas/litellm.sql'
\set langfuse :srcdir '/examples/existing_schemas/langfuse.sql'
\set litellm_tables :srcdir '/sql/include/litellm.sql'
\set langfuse_tables :srcdir '/sql/include/langfuse.sql'
SET client_min_messages = error;
\set VERBOSITY terse
DROP ROLE IF EXISTS regress_gateway;
CREATE ROLE regress_gateway LOGIN;
DELETE FROM tenancy.organizations;
DELETE FROM tenancy.users;
DELETE FROM tenancy.given_external_ids;
CREATE TABLE app.readers AS SELECT * FROM unnest(ARRAY['ann@initech.test', 'bob@initech.test', 'cat@initech.test', 'dan@hooli.test', '']) e (email);
-- Relations that are checked: the column that identifies a row, and what kind of rows they are.
CREATE TABLE app.relations (relation text PRIMARY KEY, id text, kind text);
CREATE TABLE app.expected (kind text, email text, ids text[]);
-- Ids in a relation that a person, through the application's login, or the owner of the database sees
\set ECHO none
CREATE FUNCTION app.ids(relation text, id text, email text) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
  result text[];
BEGIN
  IF ids.email IS NOT NULL THEN
    PERFORM set_config('role', 'none', true), set_config('session_authorization', 'regress_app', true), set_config('tenancy.user', ids.email, true);
  END IF;
  EXECUTE format('SELECT coalesce(array_agg(%I::text ORDER BY %1$I::text), ''{}'') FROM %s', ids.id, ids.relation) INTO result;
  RAISE SQLSTATE 'TEST0';
EXCEPTION WHEN SQLSTATE 'TEST0' THEN
  RETURN result;
WHEN OTHERS THEN
  RETURN ARRAY[format('%s %s', SQLSTATE, SQLERRM)];
END
$$;
CREATE FUNCTION app.begins(schema text) RETURNS void LANGUAGE sql AS $$
  DELETE FROM app.expected;
  INSERT INTO app.expected SELECT r.kind, p.email, app.ids(r.relation, r.id, p.email) FROM app.relations r, app.readers p
$$;
-- What is otherwise than it was before. A table with some rows of a kind shows these of what the kind showed; a scoped view shows them all.
CREATE FUNCTION app.changed(schema text) RETURNS SETOF text LANGUAGE sql AS $$
  SELECT format('%s sees %s of %s in place of %s', coalesce(nullif(p.email, ''), 'nobody'), seen.ids, r.relation, wanted.ids)
  FROM app.relations r CROSS JOIN app.readers p CROSS JOIN LATERAL (SELECT app.ids(r.relation, r.id, p.email)) seen (ids)
  CROSS JOIN LATERAL (SELECT ARRAY(SELECT i FROM app.expected e, unnest(e.ids) i WHERE (e.kind, e.email) = (r.kind, p.email) AND (r.relation ~ 'scoped|spend_logs' OR i = ANY (app.ids(r.relation, r.id, NULL))) ORDER BY i)) wanted (ids)
  WHERE seen.ids <> wanted.ids
  UNION ALL
  SELECT format('%s stands open', c.oid::regclass) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = changed.schema AND c.relkind IN ('r', 'p', 'm', 'v') AND has_table_privilege('regress_app', c.oid, 'SELECT')
    AND app.ids(c.oid::regclass::text, (SELECT a.attname FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum = 1), '') <> '{}'
  UNION ALL
  SELECT format('advise(): %s %s: %s', a.rule, a.object, a.problem) FROM tenancy.advise() a WHERE a.severity = 'error' AND a.object ~ changed.schema
$$;
\set ECHO all
\o /dev/null

-- Langfuse. The application owns the tables, and migrates them.
CREATE SCHEMA langfuse AUTHORIZATION regress_gateway;
GRANT USAGE ON SCHEMA langfuse TO regress_app;
SET ROLE regress_gateway;
SET search_path = langfuse;
\set ECHO errors
\i :langfuse_tables
RESET ROLE;
\set application regress_gateway
\set reader regress_app
\i :langfuse
\set ECHO all
\o
INSERT INTO app.relations VALUES ('langfuse.traces', 'id', 'traces'), ('langfuse.observations', 'id', 'observations'), ('langfuse.scores', 'id', 'scores'),
  ('langfuse.traces_scoped', 'id', 'traces_scoped');
SELECT app.begins('langfuse');
-- The same by Langfuse's own tables: owners see their organization, others the projects in which they have a role.
\set ECHO none
CREATE FUNCTION app.by_hand(email text, project text) RETURNS boolean LANGUAGE sql AS $$
  SELECT EXISTS (
    SELECT FROM langfuse.users u JOIN langfuse.organization_memberships m ON m.user_id = u.id JOIN langfuse.projects p ON p.org_id = m.org_id
    LEFT JOIN langfuse.project_memberships pm ON pm.project_id = p.id AND pm.user_id = u.id
    WHERE lower(u.email) = by_hand.email AND p.id = by_hand.project AND (m.role IN ('OWNER', 'ADMIN') OR coalesce(pm.role, m.role) <> 'NONE'))
$$;
\set ECHO all
SELECT e.kind, e.email, e.ids FROM app.expected e WHERE e.ids IS DISTINCT FROM CASE e.kind
  WHEN 'observations' THEN ARRAY(SELECT o.id FROM observations o WHERE app.by_hand(e.email, o.project_id) ORDER BY 1)
  WHEN 'scores' THEN ARRAY(SELECT s.id FROM scores s WHERE app.by_hand(e.email, s.project_id) ORDER BY 1)
  ELSE ARRAY(SELECT t.id FROM traces t WHERE app.by_hand(e.email, t.project_id) ORDER BY 1) END;
SELECT kind, email, ids FROM app.expected WHERE kind = 'traces' ORDER BY email;
SELECT app.changed('langfuse');
GRANT EXECUTE ON FUNCTION tenancy.protect, tenancy.unprotect, tenancy.create_scoped_view TO regress_gateway;
\set ON_ERROR_STOP on
SET SESSION AUTHORIZATION regress_gateway;
-- A column with a value for each row, made NOT NULL without a long lock
ALTER TABLE traces ADD COLUMN release text;
UPDATE traces SET release = 'v' || id;
ALTER TABLE traces ADD CONSTRAINT release_not_null CHECK (release IS NOT NULL) NOT VALID;
ALTER TABLE traces VALIDATE CONSTRAINT release_not_null;
ALTER TABLE traces ALTER COLUMN release SET NOT NULL;
ALTER TABLE traces DROP CONSTRAINT release_not_null;
RESET SESSION AUTHORIZATION;
SELECT app.changed('langfuse');
SELECT array_agg(release ORDER BY id) FROM traces;
SET SESSION AUTHORIZATION regress_gateway;
-- A column of another type in place of an old one: a scoped view names all columns, and is made anew.
BEGIN;
DROP VIEW scores_scoped;
ALTER TABLE scores ADD COLUMN json_comment jsonb;
UPDATE scores SET json_comment = to_jsonb(comment);
ALTER TABLE scores DROP COLUMN comment;
ALTER TABLE scores RENAME COLUMN json_comment TO comment;
SELECT tenancy.protect('scores', 'traces', workspace => 'project_id', payload => '{comment}');
SELECT tenancy.create_scoped_view('scores', 'scores_scoped');
GRANT SELECT ON scores_scoped TO regress_app;
COMMIT;
-- Indexes
CREATE INDEX CONCURRENTLY observations_name_idx ON observations (project_id, name);
DROP INDEX CONCURRENTLY observations_name_idx;
REINDEX TABLE CONCURRENTLY observations;
CLUSTER observations USING observations_pkey;
VACUUM FULL observations;
RESET SESSION AUTHORIZATION;
SELECT app.changed('langfuse');
SELECT array_agg(comment ORDER BY id) FROM scores;
SET SESSION AUTHORIZATION regress_gateway;
-- Renamed columns and tables, with a view for programs that know the old names
ALTER TABLE scores RENAME COLUMN project_id TO "projectId";
ALTER TABLE traces RENAME TO llm_traces;
CREATE VIEW traces WITH (security_invoker) AS SELECT * FROM llm_traces;
GRANT SELECT ON traces TO regress_app;
-- Foreign keys, validated later
ALTER TABLE observations ADD CONSTRAINT of_trace FOREIGN KEY (trace_id) REFERENCES llm_traces ON DELETE CASCADE NOT VALID;
ALTER TABLE observations VALIDATE CONSTRAINT of_trace;
-- A child table
CREATE TABLE trace_comments (id text PRIMARY KEY, trace_id text NOT NULL REFERENCES llm_traces ON DELETE CASCADE, content text);
INSERT INTO trace_comments SELECT id, id, 'of ' || id FROM llm_traces;
SELECT tenancy.protect('trace_comments', 'traces', through => '{trace_id}', create_indexes => true);
GRANT SELECT ON trace_comments TO regress_app;
RESET SESSION AUTHORIZATION;
INSERT INTO app.relations VALUES ('langfuse.llm_traces', 'id', 'traces'), ('langfuse.trace_comments', 'id', 'traces');
SELECT app.changed('langfuse');
SET SESSION AUTHORIZATION regress_gateway;
-- A table is split: some of its rows go into a new one, that is granted once it is protected.
BEGIN;
CREATE TABLE generations (LIKE observations INCLUDING ALL);
WITH moved AS (DELETE FROM observations WHERE project_id <> 'p1' RETURNING *) INSERT INTO generations SELECT * FROM moved;
SELECT tenancy.protect('generations', 'traces', workspace => 'project_id', create_indexes => true);
GRANT SELECT ON generations TO regress_app;
COMMIT;
RESET SESSION AUTHORIZATION;
INSERT INTO app.relations VALUES ('langfuse.generations', 'id', 'observations');
SELECT app.changed('langfuse');
SELECT (SELECT count(*) FROM observations) AS stayed, (SELECT count(*) FROM generations) AS moved;
SET SESSION AUTHORIZATION regress_gateway;
-- Partitioned: copied, and renamed into its place, which protects it.
BEGIN;
CREATE TABLE new_generations (LIKE generations INCLUDING DEFAULTS, PRIMARY KEY (id)) PARTITION BY HASH (id);
CREATE TABLE generations_0 PARTITION OF new_generations FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE generations_1 PARTITION OF new_generations FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO new_generations SELECT * FROM generations;
DROP TABLE generations;
ALTER TABLE new_generations RENAME TO generations;
GRANT SELECT ON generations, generations_0, generations_1 TO regress_app;
COMMIT;
RESET SESSION AUTHORIZATION;
INSERT INTO app.relations VALUES ('langfuse.generations_0', 'id', 'observations'), ('langfuse.generations_1', 'id', 'observations');
SELECT app.changed('langfuse');
SET SESSION AUTHORIZATION regress_gateway;
-- Dropped, and made anew, as tools that cannot alter a column do it
BEGIN;
DROP VIEW scores_scoped;
CREATE TABLE "_scores_new" (id text PRIMARY KEY, "projectId" varchar(40) NOT NULL, name text, value numeric, comment jsonb, trace_id text);
INSERT INTO "_scores_new" SELECT id, "projectId", name, value, comment, trace_id FROM scores;
DROP TABLE scores;
ALTER TABLE "_scores_new" RENAME TO scores;
GRANT SELECT ON scores TO regress_app;
COMMIT;
RESET SESSION AUTHORIZATION;
SELECT app.changed('langfuse');
SET SESSION AUTHORIZATION regress_gateway;
-- Another type for a tenant column: while it is not protected, nobody else sees it.
BEGIN;
LOCK TABLE scores IN ACCESS EXCLUSIVE MODE;
SELECT tenancy.unprotect('scores');
ALTER TABLE scores ALTER COLUMN "projectId" TYPE text;
SELECT tenancy.protect('scores', 'traces', workspace => 'projectId', create_indexes => true);
COMMIT;
-- A partition goes, and comes back.
ALTER TABLE generations DETACH PARTITION generations_1;
RESET SESSION AUTHORIZATION;
SELECT app.changed('langfuse');
SET SESSION AUTHORIZATION regress_gateway;
ALTER TABLE generations ATTACH PARTITION generations_1 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
-- Everything goes into another schema.
RESET SESSION AUTHORIZATION;
ALTER SCHEMA langfuse RENAME TO langfuse_2;
UPDATE app.relations SET relation = replace(relation, 'langfuse.', 'langfuse_2.');
SELECT app.changed('langfuse_2');
SELECT relation, resource, organization_column, workspace_column, through FROM tenancy.protected_tables ORDER BY relation::text COLLATE "C";
\set ON_ERROR_STOP off
DROP FUNCTION app.by_hand;
DROP SCHEMA langfuse_2 CASCADE;
DELETE FROM app.relations;
DELETE FROM tenancy.organizations;
DELETE FROM tenancy.users;
DELETE FROM tenancy.protected_names;

-- LiteLLM
\o /dev/null
CREATE SCHEMA litellm AUTHORIZATION regress_gateway;
GRANT USAGE ON SCHEMA litellm TO regress_app;
SET ROLE regress_gateway;
SET search_path = litellm;
\set ECHO errors
\i :litellm_tables
RESET ROLE;
\set gateway regress_gateway
\set reader regress_app
\i :litellm
\set ECHO all
\o
INSERT INTO app.relations VALUES ('litellm."LiteLLM_SpendLogs"', 'request_id', 'logs'), ('litellm.spend_logs', 'request_id', 'logs_listed'), ('litellm."LiteLLM_DailyTeamSpend"', 'id', 'teams'),
  ('litellm."LiteLLM_DailyOrganizationSpend"', 'id', 'organizations'), ('litellm."LiteLLM_VerificationToken"', 'key_alias', 'keys');
SELECT app.begins('litellm');
SELECT kind, email, ids FROM app.expected WHERE kind IN ('logs', 'keys') ORDER BY kind, email;
SELECT app.changed('litellm');
\set ON_ERROR_STOP on
SET SESSION AUTHORIZATION regress_gateway;
-- What "prisma migrate" writes; a view that names the columns goes first.
BEGIN;
DROP VIEW spend_logs;
ALTER TABLE "LiteLLM_SpendLogs" ADD COLUMN "agent_id" TEXT, ADD COLUMN "cache_hit" TEXT DEFAULT '', ALTER COLUMN "total_tokens" SET DATA TYPE BIGINT;
ALTER TABLE "LiteLLM_SpendLogs" RENAME COLUMN "user" TO "user_id";
SELECT tenancy.create_scoped_view('"LiteLLM_SpendLogs"', 'spend_logs');
GRANT SELECT ON spend_logs TO regress_app;
COMMIT;
RESET SESSION AUTHORIZATION;
SELECT app.changed('litellm');
SET SESSION AUTHORIZATION regress_gateway;
RESET SESSION AUTHORIZATION;
SELECT owner_column FROM tenancy.protected_tables WHERE relation = '"LiteLLM_SpendLogs"'::regclass;
SET SESSION AUTHORIZATION regress_gateway;
-- Partitioned by time, with the time in the primary key
BEGIN;
DROP VIEW spend_logs;
ALTER TABLE "LiteLLM_SpendLogs" RENAME TO "LiteLLM_SpendLogs_old";
CREATE TABLE "LiteLLM_SpendLogs" (LIKE "LiteLLM_SpendLogs_old" INCLUDING DEFAULTS, PRIMARY KEY ("request_id", "startTime")) PARTITION BY RANGE ("startTime");
SELECT tenancy.protect('"LiteLLM_SpendLogs"', 'logs', organization => 'organization_id', workspace => 'team_id', owner => 'user_id', payload => '{messages,response,proxy_server_request}');
CREATE TABLE "SpendLogs_2026_03" PARTITION OF "LiteLLM_SpendLogs" FOR VALUES FROM ('2026-03-01') TO ('2026-04-01');
CREATE TABLE "SpendLogs_default" PARTITION OF "LiteLLM_SpendLogs" DEFAULT;
INSERT INTO "LiteLLM_SpendLogs" SELECT * FROM "LiteLLM_SpendLogs_old";
DROP TABLE "LiteLLM_SpendLogs_old";
SELECT tenancy.create_scoped_view('"LiteLLM_SpendLogs"', 'spend_logs');
GRANT SELECT ON "LiteLLM_SpendLogs", "SpendLogs_2026_03", spend_logs TO regress_app;
COMMIT;
RESET SESSION AUTHORIZATION;
INSERT INTO app.relations VALUES ('litellm."SpendLogs_2026_03"', 'request_id', 'logs');
SELECT app.changed('litellm');
SET SESSION AUTHORIZATION regress_gateway;
-- Rows are given what they lack, and the column becomes NOT NULL.
INSERT INTO "LiteLLM_VerificationToken" (token, key_alias, user_id, team_id) VALUES ('h4', 'bob', 'u-bob', 'team-1');
UPDATE "LiteLLM_VerificationToken" k SET organization_id = t.organization_id FROM "LiteLLM_TeamTable" t WHERE t.team_id = k.team_id AND k.organization_id IS NULL;
DELETE FROM "LiteLLM_VerificationToken" WHERE token = 'h4';
ALTER TABLE "LiteLLM_VerificationToken" ALTER COLUMN organization_id SET NOT NULL;
-- A child table
CREATE TABLE "LiteLLM_KeyEvents" (key_alias text PRIMARY KEY, token text NOT NULL REFERENCES "LiteLLM_VerificationToken" ON DELETE CASCADE);
INSERT INTO "LiteLLM_KeyEvents" SELECT key_alias, token FROM "LiteLLM_VerificationToken";
SELECT tenancy.protect('"LiteLLM_KeyEvents"', 'api_keys', through => '{token}', create_indexes => true);
GRANT SELECT ON "LiteLLM_KeyEvents" TO regress_app;
-- A table is made anew, by its name, with other columns besides.
CREATE TEMP TABLE kept AS SELECT * FROM "LiteLLM_DailyOrganizationSpend";
DROP TABLE "LiteLLM_DailyOrganizationSpend";
CREATE TABLE "LiteLLM_DailyOrganizationSpend" AS SELECT id, organization_id, date::date AS date, spend::numeric AS spend FROM kept;
GRANT SELECT ON "LiteLLM_DailyOrganizationSpend" TO regress_app;
-- Another type for a tenant column
BEGIN;
LOCK TABLE "LiteLLM_DailyTeamSpend" IN ACCESS EXCLUSIVE MODE;
SELECT tenancy.unprotect('"LiteLLM_DailyTeamSpend"');
ALTER TABLE "LiteLLM_DailyTeamSpend" ALTER COLUMN team_id TYPE varchar(64);
SELECT tenancy.protect('"LiteLLM_DailyTeamSpend"', 'analytics', workspace => 'team_id', create_indexes => true);
COMMIT;
RESET SESSION AUTHORIZATION;
INSERT INTO app.relations VALUES ('litellm."LiteLLM_KeyEvents"', 'key_alias', 'keys');
SELECT app.changed('litellm');
SET SESSION AUTHORIZATION regress_gateway;
-- Sums of a day are split by model, and a copy is kept that nobody else reads.
CREATE TABLE daily_copy AS TABLE "LiteLLM_DailyTeamSpend";
CREATE TABLE "LiteLLM_DailyModelSpend" (LIKE "LiteLLM_DailyTeamSpend" INCLUDING ALL);
INSERT INTO "LiteLLM_DailyModelSpend" SELECT * FROM "LiteLLM_DailyTeamSpend" WHERE team_id <> 'team-2';
-- Granted too early, it is closed: it fills in tenants as a protected table does.
GRANT SELECT ON "LiteLLM_DailyModelSpend" TO regress_app;
RESET SESSION AUTHORIZATION;
SELECT app.ids('"LiteLLM_DailyModelSpend"', 'id', 'ann@initech.test');
SET SESSION AUTHORIZATION regress_gateway;
SELECT tenancy.protect('"LiteLLM_DailyModelSpend"', 'analytics', workspace => 'team_id', create_indexes => true);
RESET SESSION AUTHORIZATION;
INSERT INTO app.relations VALUES ('litellm."LiteLLM_DailyModelSpend"', 'id', 'teams');
SELECT app.changed('litellm');
-- What is forgotten is found: the copy, granted.
GRANT SELECT ON litellm.daily_copy TO regress_app;
SELECT app.changed('litellm');
SELECT relation, resource, organization_column, workspace_column, owner_column, through FROM tenancy.protected_tables ORDER BY relation::text COLLATE "C";
\set ON_ERROR_STOP off
REVOKE EXECUTE ON FUNCTION tenancy.protect, tenancy.unprotect, tenancy.create_scoped_view FROM regress_gateway;
DROP SCHEMA litellm CASCADE;
SET search_path = app;
DROP OWNED BY regress_gateway;
DROP ROLE regress_gateway;
