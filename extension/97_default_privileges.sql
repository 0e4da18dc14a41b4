-- ALTER DEFAULT PRIVILEGES of the extension's owner applies to objects created by a script of the extension as well: a role that
-- is to use all new types would be a DBA. Such privileges are revoked from the objects that this script has created, and from
-- nothing else: existing objects keep the administrator's grants in an update, which lists them in tenancy_update.existing.
DO $$
DECLARE
  existing CONSTANT text[] := pg_catalog.string_to_array(coalesce(pg_catalog.current_setting('tenancy_update.existing', true), ''), ' ');
  extra record;
BEGIN
  FOR extra IN
    WITH member AS (
      SELECT d.classid, d.objid FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid
      WHERE d.refclassid = 'pg_catalog.pg_extension'::regclass AND d.deptype = 'e' AND e.extname = 'pg_tenancy'
      UNION ALL
      SELECT 'pg_catalog.pg_namespace'::regclass, n.oid FROM pg_catalog.pg_namespace n WHERE n.nspname = 'tenancy'
    ), object (classid, objid, kind, name, owner, acl) AS (
      SELECT 'pg_catalog.pg_class'::regclass, c.oid, CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END,
             pg_catalog.format('%I.%I', n.nspname, c.relname), c.relowner, c.relacl
      FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      UNION ALL
      SELECT 'pg_catalog.pg_type'::regclass, t.oid, 'TYPE', pg_catalog.format('%I.%I', n.nspname, t.typname), t.typowner, t.typacl
      FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
      UNION ALL
      SELECT 'pg_catalog.pg_proc'::regclass, p.oid, 'ROUTINE',
             pg_catalog.format('%I.%I(%s)', n.nspname, p.proname, pg_catalog.pg_get_function_identity_arguments(p.oid)), p.proowner, p.proacl
      FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
      UNION ALL
      SELECT 'pg_catalog.pg_namespace'::regclass, n.oid, 'SCHEMA', pg_catalog.quote_ident(n.nspname), n.nspowner, n.nspacl
      FROM pg_catalog.pg_namespace n
    )
    SELECT DISTINCT o.kind, o.name, a.privilege_type AS privilege, a.grantee, r.rolname
    FROM member m JOIN object o ON o.classid = m.classid AND o.objid = m.objid
    CROSS JOIN LATERAL pg_catalog.aclexplode(o.acl) a LEFT JOIN pg_catalog.pg_roles r ON r.oid = a.grantee
    WHERE a.grantee <> o.owner AND pg_catalog.concat(m.classid::oid, '.', m.objid) <> ALL (existing)
      AND CASE WHEN a.grantee <> 0 THEN o.name <> 'tenancy.stats()' OR r.rolname <> 'pg_monitor'
               -- PUBLIC may read tables and views, and use types and functions, unless a part has revoked that, and has USAGE on
               -- their schemas.
               WHEN o.kind = 'SEQUENCE' THEN true
               WHEN o.kind = 'TABLE' THEN a.privilege_type <> 'SELECT'
               WHEN o.kind = 'SCHEMA' THEN a.privilege_type <> 'USAGE' OR o.name = 'tenancy_internal'
               ELSE false END
  LOOP
    EXECUTE pg_catalog.format('REVOKE %s ON %s %s FROM %s CASCADE', extra.privilege, extra.kind, extra.name,
                              CASE extra.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(extra.rolname) END);
  END LOOP;
END
$$;
