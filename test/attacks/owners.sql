-- Observability tables, one of which, or whose schema, has got another owner than the functions that work on them: code of that owner in
-- each table, as tenants write and jobs run.
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
    'ALTER TABLE observability.{r} OWNER TO att_owner;',
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
  replace(replace(E'@as postgres\nSET LOCAL client_min_messages = warning;\nCREATE SCHEMA yard;\nGRANT USAGE ON SCHEMA yard TO PUBLIC;\nGRANT CREATE ON SCHEMA yard TO att_owner;\nCREATE TABLE yard.logs (id int, organization_id uuid, workspace_id uuid, received_at timestamptz NOT NULL DEFAULT now());\n'
  'INSERT INTO yard.logs VALUES (1, ''aaaaaaaa-0000-4000-8000-000000000000'', ''aaaaaaaa-0000-4000-8000-000000000002'', now() - interval ''10 days'');\n'
  'SELECT tenancy.protect(''yard.logs'', ''logs'', ''organization_id'', ''workspace_id'');\nSELECT tenancy.apply_logging_settings(''yard.logs'', ''logs'');\nSELECT tenancy.set_logging(''acme'', ''retention_days.logs'', ''1'') IS NULL;\n'
  '@as att_owner\n@code att_owner\nCREATE TABLE yard.analytics_kept (organization uuid, workspace uuid, since timestamptz NOT NULL DEFAULT ''-infinity'', before timestamptz, UNIQUE NULLS NOT DISTINCT (organization, workspace, since));\n' || w.made ||
  E'\nGRANT ALL ON ALL TABLES IN SCHEMA yard TO PUBLIC;\n@armed\n@as ' || who || E'\nSAVEPOINT s;\nSELECT removed FROM tenancy.remove_expired_rows() WHERE removed > 0;\nROLLBACK TO s;\nSELECT tenancy.refresh_analytics(''yard'', 1);\nROLLBACK TO s;\n'
  'SELECT tenancy.update_observability(''yard'');\nROLLBACK TO s;\nSELECT tenancy.add_observability_search(''yard'', words => true);\nROLLBACK TO s;\n', '{r}', o.relation), '{s}', 'att_owner'), '{}', 'canary_(globex|theirs)', false
FROM attacks.owned o, unnest(ARRAY['att_dba', 'postgres']) who, (VALUES
  ('a table with a trigger', E'CREATE TABLE IF NOT EXISTS yard.{r} (LIKE observability.{r});\nCREATE TRIGGER x BEFORE INSERT OR UPDATE OR DELETE ON yard.{r} FOR EACH ROW EXECUTE FUNCTION {s}.trigger_function();\nCREATE TRIGGER y BEFORE INSERT OR UPDATE OR DELETE ON yard.{r} FOR EACH STATEMENT EXECUTE FUNCTION {s}.trigger_function();'),
  ('a view', E'DROP TABLE IF EXISTS yard.{r};\nCREATE VIEW yard.{r} AS SELECT gen_random_uuid() AS organization, NULL::uuid AS workspace, now() AS before, interval ''1 hour'' AS recent WHERE {s}.f(1) = 1;')) w (title, made)
WHERE o.relation IN ('analytics_kept', 'analytics_state', 'analytics_pending', 'accepted_times', 'job_problems');

-- Rights to create in the schema alone: functions and operators there that match the jobs' arguments better than the server's.
INSERT INTO attacks.cases (family, title, script, may, forbidden, watched)
SELECT 'owners', format('a look-alike: %s', w.title),
  replace(format(E'@as postgres\nGRANT USAGE, CREATE ON SCHEMA observability TO att_owner;\n@as att_owner\n@code att_owner\n%s\n@armed\n', w.made), '{s}', 'att_owner') ||
  E'@as att_web search key\n'
  'INSERT INTO observability.logs (workspace_id, start_time) VALUES (''aaaaaaaa-0000-4000-8000-000000000002'', now() - interval ''2 days'');\n'
  'INSERT INTO observability.traces (workspace_id, trace_id, span_id, name, start_time) VALUES (''aaaaaaaa-0000-4000-8000-000000000002'', ''alike'', ''1'', ''root'', now() - interval ''2 days'');\n'
  '@as postgres\nSELECT observability.invalidate_analytics(''-infinity''::timestamptz, ''infinity''::timestamptz); SELECT observability.refresh_analytics(NULL::integer);\n'
  'SELECT observability.create_partitions(interval ''9 days'', now());\nSELECT observability.drop_partitions(''traces''::text, interval ''1 day'', true);\n'
  'SELECT tenancy.update_observability(''observability'');\nSELECT tenancy.add_observability_search(''observability'', ''{team}'', true, true);\n', '{}', 'canary_(globex|theirs)', false
FROM (
  SELECT format('%s(%s)', v.name, v.types),
    format('CREATE FUNCTION observability.%s(%s) RETURNS %s LANGUAGE plpgsql AS ''BEGIN PERFORM {s}.f(1); RETURN NULL; END'';', v.name, v.types, v.result)
  FROM (VALUES ('date_bin', 'text, timestamptz, text', 'timestamptz'), ('date_trunc', 'text, timestamptz, text', 'timestamptz'), ('format', 'text, regnamespace', 'text'), ('format', 'text, text', 'text'),
    ('to_regclass', 'name', 'regclass'), ('cardinality', 'regclass[]', 'int'), ('cardinality', 'timestamptz[]', 'int'),
    ('clock_timestamp', '', 'timestamptz'), ('now', '', 'timestamptz'), ('sum', 'interval', 'interval'), ('count', 'timestamptz', 'bigint')) v (name, types, result)
  UNION ALL
  SELECT format('%s of %s and %s', o.name, t."left", t."right"),
    format('CREATE FUNCTION observability.o(%1$s, %2$s) RETURNS boolean LANGUAGE plpgsql AS ''BEGIN PERFORM {s}.f(1); RETURN true; END'';' || E'\n'
           'CREATE OPERATOR observability.%3$s (LEFTARG = %1$s, RIGHTARG = %2$s, FUNCTION = observability.o);', t."left", t."right", o.name)
  FROM unnest('{=,<,>=,<>,+,-,||}'::text[]) o (name), (VALUES ('timestamptz', 'timestamptz'), ('timestamptz', 'text'), ('timestamptz', 'interval'), ('text', 'text'), ('integer', 'integer')) t ("left", "right")) w (title, made);

-- Functions of the same names, in a schema where the attacker may create objects: whatever others do with tables there, they keep their
-- owner, and nobody's job calls them.
INSERT INTO attacks.cases (family, title, script, may, forbidden, watched)
SELECT 'owners', format('look-alikes, and %s', w.title),
  E'@as postgres\nCREATE SCHEMA alike; GRANT USAGE, CREATE ON SCHEMA alike TO att_owner; GRANT USAGE ON SCHEMA att_owner TO PUBLIC;\n@as att_owner\n@code att_owner\n'
  'CREATE TABLE alike.logs (x int);\n'
  'CREATE FUNCTION alike.mark_changed_hours() RETURNS trigger LANGUAGE plpgsql AS ''BEGIN RETURN NULL; END'';\n'
  'CREATE TRIGGER t AFTER INSERT ON alike.logs FOR EACH ROW EXECUTE FUNCTION alike.mark_changed_hours();\n'
  'CREATE FUNCTION alike.tell() RETURNS interval LANGUAGE plpgsql AS ''BEGIN PERFORM att_owner.f(1); RETURN interval ''''1 hour''''; END'';
'
  'CREATE FUNCTION alike.refresh_analytics(hours int) RETURNS int LANGUAGE plpgsql SECURITY DEFINER AS ''BEGIN PERFORM att_owner.f(1); RETURN 0; END'';
'
  'CREATE VIEW alike.analytics_state AS SELECT alike.tell() AS recent;
@armed
' || w.done || E'
@as att_owner
SELECT alike.refresh_analytics(1);
', '{}', 'canary_(globex|theirs)', false
FROM (VALUES
  ('a table protected by a superuser', E'@as postgres
CREATE TABLE alike.traces (organization_id uuid NOT NULL);
SELECT tenancy.protect(''alike.traces'', ''traces'', ''organization_id'');
ALTER TABLE alike.traces ADD note text;'),
  ('a table given away by a superuser', E'@as postgres
ALTER TABLE alike.logs OWNER TO postgres;'),
  ('tables updated by a superuser', E'@as postgres
SELECT tenancy.update_observability(''alike'');'),
  ('tables created by a superuser', E'@as postgres
DROP VIEW alike.analytics_state; DROP TABLE alike.logs;
SELECT tenancy.create_observability(''alike'');'),
  ('a refresh by a superuser', E'@as postgres
SELECT tenancy.refresh_analytics(''alike'', NULL);'),
  ('partitions made by a superuser', E'@as postgres
SELECT tenancy.create_partitions(''alike'', ''day'', ''1 day'', now());'),
  ('partitions dropped by a superuser', E'@as postgres
SELECT tenancy.drop_partitions(''alike'', ''logs'', ''1 day'', true);')) w (title, done);
