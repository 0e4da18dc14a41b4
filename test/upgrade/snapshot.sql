-- All that the extension :extension is in this database, fact by fact: what lies in its schemas (:schema, its _internal
-- and _steps) or belongs to it, how that is defined, described and granted, and what rows it brings. Databases with the same facts have the same
-- extension.
SET search_path = pg_catalog;
WITH schemas AS (
  SELECT n.oid, n.nspname, n.nspowner, n.nspacl FROM pg_namespace n WHERE n.nspname IN (:'schema', :'schema' || '_internal', :'schema' || '_steps')
), members AS (
  SELECT d.classid, d.objid FROM pg_depend d
  WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
    AND d.refobjid = (SELECT e.oid FROM pg_extension e WHERE e.extname = :'extension')
), relations AS (
  SELECT c.*, c.oid::regclass::text AS name FROM pg_class c WHERE c.relnamespace IN (SELECT n.oid FROM schemas n)
), facts (fact) AS (
  SELECT format('version %s, settings dumped: %s', e.extversion, (
    SELECT string_agg(format('%s %s', d.relation::regclass, d.filter), '; ' ORDER BY d.relation::regclass::text)
    FROM unnest(e.extconfig, e.extcondition) d (relation, filter)))
  FROM pg_extension e WHERE e.extname = :'extension'
  UNION ALL
  SELECT format('member %s', pg_describe_object(m.classid, m.objid, 0)) FROM members m
  UNION ALL
  SELECT format('description of %s: %s', pg_describe_object(d.classoid, d.objoid, d.objsubid), d.description)
  FROM pg_description d
  WHERE (d.classoid, d.objoid) IN (SELECT m.classid, m.objid FROM members m) OR d.objoid IN (SELECT r.oid FROM relations r)
  UNION ALL
  SELECT format('description missing: %s', pg_describe_object(m.classid, m.objid, 0)) FROM members m
  WHERE NOT EXISTS (SELECT FROM pg_description d WHERE (d.classoid, d.objoid, d.objsubid) = (m.classid, m.objid, 0))
  UNION ALL
  SELECT format('initial rights of %s: %s', pg_describe_object(i.classoid, i.objoid, i.objsubid),
                (SELECT string_agg(a::text, ' ' ORDER BY a::text) FROM unnest(i.initprivs) a))
  FROM pg_init_privs i WHERE (i.classoid, i.objoid) IN (SELECT m.classid, m.objid FROM members m)
  UNION ALL
  SELECT format('schema %s: %s, %s', n.nspname, n.nspowner::regrole, (SELECT string_agg(a::text, ' ' ORDER BY a::text) FROM unnest(n.nspacl) a))
  FROM schemas n
  UNION ALL
  SELECT format('function %s, %s: %s; %s', p.proowner::regrole, p.prosupport,
                (SELECT string_agg(a::text, ' ' ORDER BY a::text) FROM unnest(p.proacl) a), pg_get_functiondef(p.oid))
  FROM pg_proc p WHERE p.pronamespace IN (SELECT n.oid FROM schemas n) AND p.prokind IN ('f', 'p')
  UNION ALL
  SELECT format('relation %s %s %s %s %s %s %s: %s', r.name, r.relkind, r.relpersistence, r.relowner::regrole, r.relrowsecurity,
                r.relforcerowsecurity, r.reloptions, (SELECT string_agg(a::text, ' ' ORDER BY a::text) FROM unnest(r.relacl) a))
  FROM relations r
  UNION ALL
  SELECT format('column %s %s %s %s %s %s%s %s %s %s', r.name, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
                a.attidentity, a.attgenerated, a.attcollation, a.attacl, pg_get_expr(d.adbin, d.adrelid))
  FROM relations r JOIN pg_attribute a ON a.attrelid = r.oid LEFT JOIN pg_attrdef d ON (d.adrelid, d.adnum) = (a.attrelid, a.attnum)
  WHERE a.attnum > 0
  UNION ALL
  SELECT format('index %s', pg_get_indexdef(r.oid)) FROM relations r WHERE r.relkind = 'i'
  UNION ALL
  SELECT format('view %s: %s', r.name, pg_get_viewdef(r.oid)) FROM relations r WHERE r.relkind IN ('v', 'm')
  UNION ALL
  SELECT format('constraint %s %s %s', c.conrelid::regclass, c.conname, pg_get_constraintdef(c.oid))
  FROM pg_constraint c WHERE c.connamespace IN (SELECT n.oid FROM schemas n)
  UNION ALL
  SELECT format('trigger %s %s', t.tgenabled, pg_get_triggerdef(t.oid)) FROM pg_trigger t
  WHERE t.tgrelid IN (SELECT r.oid FROM relations r) AND NOT t.tgisinternal
  UNION ALL
  SELECT format('policy %s %s %s %s %s %s %s', p.polrelid::regclass, p.polname, p.polcmd, p.polpermissive, p.polroles::regrole[],
                pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
  FROM pg_policy p WHERE p.polrelid IN (SELECT r.oid FROM relations r)
  UNION ALL
  SELECT format('event trigger %s %s %s %s %s', e.evtname, e.evtevent, e.evtfoid::regprocedure, e.evtenabled, e.evttags)
  FROM pg_event_trigger e
  UNION ALL
  SELECT format('sequence %s: %s %s %s %s %s', s.seqrelid::regclass, s.seqtypid::regtype, s.seqstart, s.seqincrement, s.seqmax, s.seqcycle)
  FROM pg_sequence s JOIN relations r ON r.oid = s.seqrelid
  UNION ALL
  SELECT format('type %s %s %s', t.oid::regtype, t.typtype, format_type(t.typbasetype, t.typtypmod))
  FROM pg_type t WHERE t.typnamespace IN (SELECT n.oid FROM schemas n)
  UNION ALL
  SELECT format('rows of %s: %s', r.name,
                query_to_xml(format('SELECT t FROM %s t ORDER BY t::text COLLATE "C"', r.name), true, true, ''))
  -- The audit log has the time of what the script did.
  FROM relations r WHERE r.relkind IN ('r', 'p') AND r.relname NOT IN ('audit_log', 'audit_heads')
)
SELECT f.fact FROM facts f ORDER BY f.fact COLLATE "C";
