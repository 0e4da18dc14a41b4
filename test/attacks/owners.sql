-- Observability tables, one of which, or whose schema, has got another owner than the functions that work on them: code of that owner in
-- each table, as tenants write and jobs run. The event trigger that keeps owners equal is off; partial REASSIGN OWNED has the same effect.
CREATE TABLE attacks.owned (relation text PRIMARY KEY, columns text NOT NULL);
INSERT INTO attacks.owned
SELECT c.relname, string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum)
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = 'observability'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition GROUP BY c.relname;
INSERT INTO attacks.cases (family, title, script, may, forbidden, watched)
SELECT 'owners', format('%s of %s', w.title, o.relation),
  replace(replace(format(E'@as postgres\n%s\nGRANT USAGE, CREATE ON SCHEMA observability TO att_owner;\n@as att_owner\n@code att_owner\n%s\n@armed\n', w.given, w.made), '{r}', o.relation), '{s}', 'att_owner') ||
  E'@as att_web search key\n'
  'INSERT INTO observability.logs (workspace_id, start_time) VALUES (''aaaaaaaa-0000-4000-8000-000000000002'', now() - interval ''2 days'');\n'
  'INSERT INTO observability.log_payloads (workspace_id, log_id, start_time) VALUES (''aaaaaaaa-0000-4000-8000-000000000002'', gen_random_uuid(), now() - interval ''2 days'');\n'
  'INSERT INTO observability.traces (workspace_id, trace_id, span_id, name, start_time) VALUES (''aaaaaaaa-0000-4000-8000-000000000002'', ''owned'', ''1'', ''root'', now() - interval ''2 days'');\n'
  '@as postgres\nSELECT observability.invalidate_analytics(); SELECT observability.refresh_analytics();\nSELECT observability.create_partitions(interval ''9 days'');\n'
  'SELECT observability.drop_partitions(''traces'', interval ''1 day'');\nSELECT tenancy.update_observability(''observability'');\n', '{}', 'canary_(globex|theirs)', false
FROM attacks.owned o, (
  SELECT format('trigger %s %s for each %s', v.at, v.event, v.each),
    E'ALTER EVENT TRIGGER tenancy_owners DISABLE;\nALTER TABLE observability.{r} OWNER TO att_owner;\nALTER EVENT TRIGGER tenancy_owners ENABLE ALWAYS;',
    format('CREATE TRIGGER x %s %s ON observability.{r} FOR EACH %s EXECUTE FUNCTION {s}.trigger_function();', v.at, v.event, v.each)
  FROM (VALUES ('BEFORE', 'INSERT', 'ROW'), ('AFTER', 'INSERT', 'STATEMENT'), ('BEFORE', 'UPDATE', 'ROW'), ('AFTER', 'UPDATE', 'STATEMENT'), ('AFTER', 'DELETE', 'ROW'), ('BEFORE', 'DELETE', 'STATEMENT')) v (at, event, each)
  UNION ALL
  SELECT format('%s in the place', v.title), 'ALTER SCHEMA observability OWNER TO att_owner;', v.made
  FROM (VALUES ('a table with a trigger', E'CREATE TABLE observability.other (LIKE observability.{r});\nDROP TABLE observability.{r} CASCADE;\nALTER TABLE observability.other RENAME TO {r};\nCREATE TRIGGER x AFTER INSERT OR UPDATE OR DELETE ON observability.{r} FOR EACH STATEMENT EXECUTE FUNCTION {s}.trigger_function();'),
               ('a function of the schema', E'CREATE FUNCTION observability.cardinality(timestamptz[]) RETURNS int LANGUAGE plpgsql AS ''BEGIN PERFORM {s}.f(1); RETURN 1; END'';')) v (title, made)) w (title, given, made);
-- Tables of these names beside a table called logs, which somebody who may create tables in its schema has made: the job for retention,
-- and those for observability, called by whoever administers.
INSERT INTO attacks.cases (family, title, script, may, forbidden, watched)
SELECT 'owners', format('a neighbour''s %s beside logs: %s, by %s', o.relation, w.title, who),
  replace(replace(E'@as postgres\nSET LOCAL client_min_messages = warning;\nCREATE SCHEMA yard;\nGRANT USAGE ON SCHEMA yard TO PUBLIC;\nGRANT CREATE ON SCHEMA yard TO att_owner;\nCREATE TABLE yard.logs (id int, organization_id uuid, workspace_id uuid);\n'
  'SELECT tenancy.protect(''yard.logs'', ''logs'', ''organization_id'', ''workspace_id'');\nSELECT tenancy.apply_logging_settings(''yard.logs'', ''logs'');\nSELECT tenancy.set_logging(''acme'', ''retention_days.logs'', ''1'') IS NULL;\n'
  '@as att_owner\n@code att_owner\nCREATE TABLE yard.analytics_kept (organization uuid, workspace uuid, before timestamptz, UNIQUE NULLS NOT DISTINCT (organization, workspace));\n' || w.made ||
  E'\nGRANT ALL ON ALL TABLES IN SCHEMA yard TO PUBLIC;\n@armed\n@as ' || who || E'\nSAVEPOINT s;\nSELECT removed FROM tenancy.remove_expired_rows() WHERE removed > 0;\nROLLBACK TO s;\nSELECT tenancy.refresh_analytics(''yard'', 1);\nROLLBACK TO s;\n'
  'SELECT tenancy.update_observability(''yard'');\nROLLBACK TO s;\nSELECT tenancy.add_observability_search(''yard'', words => true);\nROLLBACK TO s;\n', '{r}', o.relation), '{s}', 'att_owner'), '{}', 'canary_(globex|theirs)', false
FROM attacks.owned o, unnest(ARRAY['att_dba', 'postgres']) who, (VALUES
  ('a table with a trigger', E'CREATE TABLE IF NOT EXISTS yard.{r} (LIKE observability.{r});\nCREATE TRIGGER x BEFORE INSERT OR UPDATE OR DELETE ON yard.{r} FOR EACH ROW EXECUTE FUNCTION {s}.trigger_function();\nCREATE TRIGGER y BEFORE INSERT OR UPDATE OR DELETE ON yard.{r} FOR EACH STATEMENT EXECUTE FUNCTION {s}.trigger_function();'),
  ('a view', E'DROP TABLE IF EXISTS yard.{r};\nCREATE VIEW yard.{r} AS SELECT gen_random_uuid() AS organization, NULL::uuid AS workspace, now() AS before, interval ''1 hour'' AS recent WHERE {s}.f(1) = 1;')) w (title, made)
WHERE o.relation IN ('analytics_kept', 'analytics_state', 'analytics_pending', 'accepted_times', 'job_problems');
