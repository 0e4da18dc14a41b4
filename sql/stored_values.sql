-- Where the server stores values of rows a second time, no policy filters them: statistics and TOAST tables, which pg_read_all_data reads.
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
\pset format unaligned
\set acme '''aaaaaaaa-0000-4000-8000-000000000000'''
\set search '''aaaaaaaa-0000-4000-8000-000000000002'''
CREATE ROLE regress_reader; GRANT pg_read_all_data TO regress_reader;
CREATE ROLE regress_dba; GRANT USAGE ON TYPE tenancy.administrator TO regress_dba; GRANT pg_read_all_data TO regress_dba;
CREATE ROLE regress_dumper BYPASSRLS; GRANT pg_read_all_data TO regress_dumper;
CREATE FUNCTION read_as(role regrole, statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  answer text;
BEGIN
  EXECUTE format('SET LOCAL ROLE %s', role);
  EXECUTE statement INTO answer;
  RESET ROLE;
  RETURN answer;
EXCEPTION WHEN OTHERS THEN
  RETURN SQLSTATE || ' ' || regexp_replace(SQLERRM, '\d+', '...');
END
$$;
CREATE TABLE documents (id int, organization_id uuid, workspace_id uuid, body text);
CREATE TABLE letters (id int, body text);
CREATE TABLE plain (id int, body text);
ALTER TABLE documents ALTER body SET STORAGE EXTERNAL;
ALTER TABLE letters ALTER body SET STORAGE EXTERNAL;
ALTER TABLE plain ALTER body SET STORAGE EXTERNAL;
INSERT INTO documents SELECT i, :acme, :search, repeat('secret ', 1000) FROM generate_series(1, 3) i;
INSERT INTO letters SELECT i, repeat('secret ', 1000) FROM generate_series(1, 3) i;
INSERT INTO plain SELECT i, repeat('open ', 1000) FROM generate_series(1, 3) i;
\o /dev/null
SELECT tenancy.protect('documents', 'logs', 'organization_id', 'workspace_id');
\o
-- By hand, for everybody but its owner
ALTER TABLE letters ENABLE ROW LEVEL SECURITY;
CREATE STATISTICS pairs ON id, organization_id FROM documents;
ANALYZE documents, letters, plain;
SELECT reltoastrelid::regclass AS documents_toast FROM pg_class WHERE oid = 'documents'::regclass \gset
SELECT reltoastrelid::regclass AS letters_toast FROM pg_class WHERE oid = 'letters'::regclass \gset
SELECT reltoastrelid::regclass AS plain_toast FROM pg_class WHERE oid = 'plain'::regclass \gset
CREATE VIEW tried AS SELECT s FROM unnest(ARRAY['SELECT count(*) FROM app.documents', 'SELECT count(*) > 0 FROM pg_statistic', 'SELECT count(*) > 0 FROM pg_statistic_ext_data',
  'SELECT count(*) > 0 FROM (SELECT 1 FROM pg_class c LEFT JOIN pg_statistic s ON s.starelid = c.oid) x', 'SELECT count(*) > 0 FROM pg_stats',
  'SELECT count(*) > 0 FROM ' || :'documents_toast', 'SELECT count(*) > 0 FROM ' || :'letters_toast', 'SELECT count(*) > 0 FROM ' || :'plain_toast',
  'SELECT count(*) >= 0 FROM pg_toast.pg_toast_2619', 'SELECT count(*) >= 0 FROM pg_toast.pg_toast_1255']) s;
SELECT regexp_replace(s, '_\d{5,}', '_...') AS statement, read_as('regress_reader', s) AS reader, read_as('regress_dumper', s) AS dumper, read_as('regress_dba', s) AS dba FROM tried;
-- A view's owner reads for others; so does a function's.
CREATE VIEW statistics AS SELECT count(*) > 0 AS read FROM pg_statistic;
GRANT SELECT ON statistics TO regress_reader;
SELECT read_as('regress_reader', 'SELECT read FROM app.statistics');
GRANT USAGE ON SCHEMA app TO regress_reader;
SET ROLE regress_reader;
COPY pg_statistic (stavalues1) TO STDOUT;
COPY (SELECT stavalues1 FROM pg_statistic) TO STDOUT;
EXPLAIN (COSTS off) SELECT FROM pg_statistic;
RESET ROLE;
-- No statistics hold secrets.
ANALYZE tenancy.api_key_secrets;
SELECT count(*) FROM tenancy.api_key_secrets \gset keys_
SELECT :keys_count > 2 AS has_secrets, count(*) AS "statistics of hashes" FROM pg_statistic s JOIN pg_attribute a ON a.attrelid = s.starelid AND a.attnum = s.staattnum
WHERE s.starelid IN ('tenancy.api_key_secrets'::regclass, 'tenancy_internal.cluster_keys'::regclass) AND a.attname IN ('secret', 'secret_hash');
DROP OWNED BY regress_reader, regress_dumper, regress_dba;
DROP ROLE regress_reader, regress_dumper, regress_dba;
