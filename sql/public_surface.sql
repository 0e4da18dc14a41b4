-- What an ordinary login finds in schema tenancy: functions and tables that are for people, and none besides. Whatever comes
-- here is public, and is meant to stay; anything else belongs into schema tenancy_internal.
CREATE ROLE regress_anybody LOGIN;
SET SESSION AUTHORIZATION regress_anybody;
\pset format unaligned
\pset tuples_only on
SELECT p.proname || '(' || coalesce(string_agg(t.name || CASE WHEN t.n > p.pronargs - p.pronargdefaults THEN '?' ELSE '' END, ', ' ORDER BY t.n), '') || ')'
FROM pg_proc p LEFT JOIN LATERAL (SELECT a.n, coalesce(nullif(p.proargnames[a.n], ''), a.type::regtype::text) AS name
                                  FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY a (type, n)) t ON true
WHERE p.pronamespace = 'tenancy'::regnamespace GROUP BY p.oid ORDER BY p.proname COLLATE "C", p.oid::regprocedure::text COLLATE "C";
SELECT count(*) || ' functions, ' || count(DISTINCT p.proname) || ' names' FROM pg_proc p WHERE p.pronamespace = 'tenancy'::regnamespace;
-- Catalogs, and whether a principal reads its own rows of it
SELECT c.relname || CASE WHEN has_any_column_privilege(c.oid, 'SELECT') THEN '' ELSE ' (not granted to PUBLIC)' END
FROM pg_class c WHERE c.relnamespace = 'tenancy'::regnamespace AND c.relkind IN ('r', 'v', 'm') ORDER BY c.relname COLLATE "C";
-- What lists tables by privilege (information_schema, and with it BI tools)
SELECT count(*) || ' tables in information_schema' FROM information_schema.tables WHERE table_schema ~ '^tenancy';
-- Catalogs that nobody but the extension reads, and no other relations and types, in the other schemas
SELECT c.oid::regclass || CASE WHEN has_any_column_privilege(c.oid, 'SELECT') THEN ' (granted to PUBLIC)' ELSE '' END
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname IN ('tenancy_internal', 'tenancy_steps') AND c.relkind <> 'i' ORDER BY c.relname COLLATE "C";
SELECT t.oid::regtype FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE n.nspname IN ('tenancy_internal', 'tenancy_steps')
  AND NOT EXISTS (SELECT FROM pg_class c WHERE c.relkind = 'r' AND t.typname IN (c.relname, '_' || c.relname) AND c.relnamespace = n.oid);
\pset tuples_only off
\pset format aligned
RESET SESSION AUTHORIZATION;
DROP ROLE regress_anybody;
