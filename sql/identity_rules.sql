-- Rules of attribution and of what is kept, over all that they are about: each scope, each way to insert, each unique key, each column.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
SET client_min_messages = warning;
SELECT tenancy.create_observability('obs') \gset
GRANT USAGE ON SCHEMA obs TO regress_app;
GRANT SELECT, INSERT ON obs.logs, obs.log_payloads, obs.traces TO regress_app;

-- A permission that is off by default is in no level of any resource, however the level is written; only its own name gives it.
CREATE FUNCTION gives_attribute(scopes jsonb) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  RETURN EXISTS (SELECT FROM tenancy_internal.expand_scopes(scopes) s WHERE s.action = 'attribute');
EXCEPTION WHEN invalid_parameter_value THEN
  RETURN NULL;
END
$$;
SELECT scopes FROM (
  SELECT jsonb_build_object(r.resource, l.level) AS scopes FROM (SELECT DISTINCT p.resource FROM tenancy.permissions p) r, unnest('{disabled,read,write,delete,enabled,all}'::text[]) l (level)
  UNION ALL
  SELECT jsonb_build_array(r.resource || '.' || l.level) FROM (SELECT DISTINCT p.resource FROM tenancy.permissions p) r, unnest('{disabled,read,write,delete,enabled,all}'::text[]) l (level)
  UNION ALL
  SELECT jsonb_build_array(p.resource || '.' || p.action) FROM tenancy.permissions p
  UNION ALL
  SELECT '"all"') s WHERE gives_attribute(s.scopes) ORDER BY 1;
SELECT count(*) FILTER (WHERE gives_attribute(jsonb_build_object(resource, 'write')) IS NOT NULL) > 2 AS levels_are_known FROM (SELECT DISTINCT p.resource FROM tenancy.permissions p) r;
-- Nor do keys of any kind with all scopes have it, of whomever.
SELECT organization_id AS acme FROM tenancy.organizations WHERE slug = 'acme' \gset
INSERT INTO secrets
SELECT k.name, m.secret FROM (VALUES ('all of the organization', 'organization_service_key', NULL, NULL), ('all of search', 'workspace_service_key', 'search', NULL), ('all of olivia', 'workspace_user_key', 'search', 'olivia@acme.test')) k (name, kind, workspace, member),
  LATERAL tenancy.create_api_key(k.kind, k.name, 'acme', k.workspace, k.member, '"all"') m;
CREATE FUNCTION holds(who text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  CALL app.become(who, true);
  RETURN (SELECT format('%s permissions, %s to attribute', CASE WHEN count(*) > 20 THEN 'many' ELSE count(*)::text END, count(*) FILTER (WHERE p.action = 'attribute')) FROM (SELECT DISTINCT p.resource, p.action FROM tenancy.permissions() p) p);
END
$$;
SET SESSION AUTHORIZATION regress_app;
SELECT who, holds(who) FROM unnest(ARRAY['all of the organization', 'all of search', 'all of olivia', 'olivia']) who;
RESET SESSION AUTHORIZATION;

-- A row in somebody else's name keeps who wrote it, by each statement that inserts; and whoever may not, may by none.
INSERT INTO secrets SELECT k.name, m.secret FROM (VALUES ('gateway', '["logs.write", "logs.attribute"]'), ('plain', '["logs.write"]')) k (name, scopes), LATERAL tenancy.create_api_key('workspace_service_key', k.name, 'acme', 'search', NULL, k.scopes::jsonb) m;
CREATE TABLE whom AS SELECT u.user_id, w.workspace_id FROM tenancy.users u, tenancy.workspaces w WHERE u.email = 'mike@acme.test' AND w.slug = 'search';
GRANT SELECT ON whom TO regress_app;
CREATE FUNCTION writes(who text, statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  CALL app.become(who, true);
  EXECUTE statement;
  RETURN 'written';
EXCEPTION WHEN OTHERS THEN
  RETURN SQLSTATE;
END
$$;
CREATE TABLE ways (n int, way text, statement text, written_by text DEFAULT '');
INSERT INTO ways VALUES
  (1, 'INSERT', 'INSERT INTO obs.logs (request_model, workspace_id, user_id$C) SELECT $W, workspace_id, user_id$V FROM app.whom'),
  (2, 'ON CONFLICT DO NOTHING', 'INSERT INTO obs.logs (request_model, workspace_id, user_id$C) SELECT $W, workspace_id, user_id$V FROM app.whom ON CONFLICT DO NOTHING'),
  (3, 'MERGE', 'MERGE INTO obs.logs USING app.whom w ON false WHEN NOT MATCHED THEN INSERT (request_model, workspace_id, user_id$C) VALUES ($W, w.workspace_id, w.user_id$V)'),
  (4, 'WITH', 'WITH i AS (INSERT INTO obs.logs (request_model, workspace_id, user_id$C) SELECT $W, workspace_id, user_id$V FROM app.whom RETURNING 1) SELECT count(*) FROM i');
GRANT SELECT ON ways TO regress_app;
SET SESSION AUTHORIZATION regress_app;
SELECT w.way, w.n, who, writes(who, replace(replace(replace(w.statement, '$W', quote_literal(w.way)), '$C', ''), '$V', '')) AS for_mike,
       writes(who, replace(replace(replace(w.statement, '$W', quote_literal(w.way)), '$C', ', written_by'), '$V', ', user_id')) AS as_mike
FROM ways w, unnest(ARRAY['gateway', 'plain', 'mona']) who ORDER BY w.n, who;
RESET SESSION AUTHORIZATION;
SELECT l.request_model AS way, u.email AS for_whom, k.name AS by FROM obs.logs l JOIN tenancy.users u USING (user_id) LEFT JOIN tenancy.api_keys k ON k.api_key_id = l.written_by ORDER BY 1;

-- Each unique key of a table with workspaces contains the workspace: no refusal tells of another's row.
SELECT i.indexrelid::regclass AS without_workspace FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname IN ('workspace_id', 'workspace')
WHERE c.relnamespace = 'obs'::regnamespace AND i.indisunique AND a.attnum <> ALL (i.indkey) ORDER BY 1;
SELECT count(*) > 3 AS unique_keys FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid WHERE c.relnamespace = 'obs'::regnamespace AND i.indisunique AND c.relname IN ('logs', 'log_payloads', 'traces', 'trace_initiators');

-- Retention counts from the moment of reception, whatever the writer says of the time: an old row that is new, and a new one that is old.
SELECT tenancy.apply_logging_settings('obs'), tenancy.set_logging('acme', 'retention_days.traces', '5') \g /dev/null
INSERT INTO obs.traces (trace_id, span_id, name, start_time, organization_id, workspace_id) SELECT t.id, '1', 'x', t.start_time, :'acme', w.workspace_id
FROM whom w, (VALUES ('says old', now() - interval '8 days'), ('is old', now() + interval '1 hour'), ('is new', now())) t (id, start_time);
CREATE FUNCTION seen() RETURNS text LANGUAGE sql AS $$ SELECT string_agg(t.trace_id, ', ' ORDER BY t.trace_id) FROM obs.traces t $$;
SET SESSION AUTHORIZATION regress_app;
CALL become('olivia');
SELECT seen();
CALL become('nobody');
RESET SESSION AUTHORIZATION;
SET tenancy.guard_rails = off;
ALTER TABLE obs.traces DISABLE TRIGGER "~~tenancy_keep_row";
UPDATE obs.traces SET received_at = now() - interval '6 days' WHERE trace_id = 'is old';
ALTER TABLE obs.traces ENABLE ALWAYS TRIGGER "~~tenancy_keep_row";
RESET tenancy.guard_rails;
SET SESSION AUTHORIZATION regress_app;
CALL become('olivia');
SELECT seen();
CALL become('nobody');
RESET SESSION AUTHORIZATION;
SELECT count(*) FROM tenancy.remove_expired_rows() WHERE removed > 0;
SELECT string_agg(t.trace_id, ', ' ORDER BY t.trace_id) FROM obs.traces t;

-- Columns that can hold content, and are none: each is one that somebody has looked at.
SELECT k.relation, string_agg(a.attname, ' ' ORDER BY a.attname) AS kept_without_content
FROM tenancy_internal.kept_tables k JOIN pg_attribute a ON a.attrelid = k.relation AND a.attnum > 0 AND NOT a.attisdropped AND a.atttypid IN ('text'::regtype, 'jsonb'::regtype, 'json'::regtype, 'bytea'::regtype, 'text[]'::regtype) AND a.attname <> ALL (k.content)
WHERE k.relation IN ('obs.logs'::regclass, 'obs.log_payloads'::regclass, 'obs.traces'::regclass) GROUP BY 1 ORDER BY 1;
DROP SCHEMA obs CASCADE;
