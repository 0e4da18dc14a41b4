-- What each catalog has by its row of the registry (extension/98_catalogs.sql). A new one has a line here, which is to be read: who
-- sees which rows, who is told of changes, what is audited and dumped.
\pset format unaligned
\pset tuples_only on
WITH catalogs AS (
  SELECT c.oid, c.relnamespace, c.relname, c.relrowsecurity FROM pg_depend d
  JOIN pg_class c ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND c.relkind IN ('r', 'p')
  WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND d.refobjid = (SELECT e.oid FROM pg_extension e WHERE e.extname = 'pg_tenancy'))
SELECT format(E'%s: row security %s\n  policies: %s\n  triggers: %s\n  dumped: %s', regexp_replace(c.oid::regclass::text, '^tenancy\.', ''), CASE WHEN c.relrowsecurity THEN 'on' ELSE 'OFF' END,
  (SELECT string_agg(format('%s for %s', p.policyname, lower(p.cmd)), ', ' ORDER BY p.policyname) FROM pg_policies p
   WHERE p.schemaname::regnamespace = c.relnamespace AND p.tablename = c.relname),
  (SELECT string_agg(format('%s%s', t.tgname, CASE t.tgenabled WHEN 'A' THEN ' always' END) ||
                     coalesce(nullif(' (' || substring(pg_get_triggerdef(t.oid) FROM '(?:invalidate|audit_change)\((.*)\)$') || ')', ' ()'), ''),
                     ', ' ORDER BY t.tgname)
   FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal),
  coalesce((SELECT coalesce(nullif(u.condition, ''), 'all') FROM pg_extension e, unnest(e.extconfig, e.extcondition) u (relation, condition)
            WHERE e.extname = 'pg_tenancy' AND u.relation = c.oid), 'nothing'))
FROM catalogs c ORDER BY c.relname COLLATE "C";
\pset tuples_only off
-- What may be forgotten
WITH catalogs AS (
  SELECT c.* FROM pg_depend d JOIN pg_class c ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND c.relkind IN ('r', 'p')
  WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND d.refobjid = (SELECT e.oid FROM pg_extension e WHERE e.extname = 'pg_tenancy'))
SELECT c.relname, 'no row security' AS problem FROM catalogs c WHERE NOT c.relrowsecurity
UNION ALL
SELECT c.relname, 'whoever has the privilege may truncate it' FROM catalogs c
WHERE NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgname = 'guard_truncate')
UNION ALL
SELECT c.relname, 'not dumped' FROM catalogs c
WHERE c.relname <> 'cluster_keys' AND c.oid <> ALL (SELECT unnest(e.extconfig) FROM pg_extension e WHERE e.extname = 'pg_tenancy')
UNION ALL
SELECT c.relname, 'readable, and no policy for principals' FROM catalogs c
WHERE has_any_column_privilege('public', c.oid, 'SELECT') <> EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = 'principal');
-- SELECT by columns, every one of them: on the table it would include xmin and xmax, which tell of other tenants' writes and row locks.
SELECT c.oid::regclass AS granted_as_a_whole FROM pg_class c
WHERE c.relnamespace::regnamespace::text ~ '^tenancy' AND c.relkind IN ('r', 'p') AND has_table_privilege('public', c.oid, 'SELECT');
SELECT c.oid::regclass AS catalog, a.attname AS not_granted FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace::regnamespace::text ~ '^tenancy' AND c.relkind IN ('r', 'p') AND has_any_column_privilege('public', c.oid, 'SELECT')
  AND NOT has_column_privilege('public', c.oid, a.attnum, 'SELECT');
CREATE ROLE regress_columns;
SET ROLE regress_columns;
SELECT count(*) FILTER (WHERE NOT whole) AS no_rows, count(*) FILTER (WHERE sees) AS system_columns, count(*) > 10 AS tried FROM pg_class c,
  LATERAL (SELECT query_to_xml(format('SELECT *, t, (SELECT count(*) FROM %1$s) FROM %1$s t LIMIT 0', c.oid::regclass), false, false, '') IS NOT NULL AS whole) w,
  LATERAL (SELECT bool_or(has_column_privilege(c.oid, a.attnum, 'SELECT')) AS sees FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum < 0) s
WHERE c.relnamespace = 'tenancy'::regnamespace AND c.relkind = 'r' AND has_any_column_privilege(c.oid, 'SELECT');
SELECT xmin, xmax FROM tenancy.organizations;
SELECT ctid FROM tenancy.roles;
SELECT t.xmax FROM tenancy.permissions t;
RESET ROLE;
DROP ROLE regress_columns;
