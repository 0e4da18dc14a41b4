-- The extension's schema is its owner's alone. Its owner can drop everything in it, and whoever can create in it, or has done so, has
-- functions and operators called in place of the server's, by this script as well: a schema prepared by, or open to, another role is
-- refused. Scripts of both extensions run this, and so does each update, before anything else.

DO $$
DECLARE
  place record;
  others text;
BEGIN
  -- All names are qualified and all operands of one type: nothing in the schema fits better. While a script runs, the schema is the current one.
  FOR place IN
    SELECT n.oid AS id, n.nspname AS name, n.nspowner AS owner, n.nspacl AS rights, e.extowner AS extension_owner, e.extname AS extension
    FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace home ON home.oid = e.extnamespace AND home.nspname = pg_catalog.current_schema()
    JOIN pg_catalog.pg_namespace n
      ON n.oid = e.extnamespace OR e.extname = 'pg_tenancy'::pg_catalog.name AND n.nspname = ANY ('{tenancy_internal,tenancy_steps}'::pg_catalog.name[])
    WHERE e.extname = ANY ('{pg_tenancy,pg_tenancy_testing}'::pg_catalog.name[]) LOOP
    IF place.owner <> place.extension_owner THEN
      RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = pg_catalog.format('schema "%s" is owned by another role', place.name),
        HINT = pg_catalog.format('Before CREATE EXTENSION, drop or rename the schema; before ALTER EXTENSION ... UPDATE, give it to role %I.', pg_catalog.pg_get_userbyid(place.extension_owner));
    END IF;
    SELECT pg_catalog.string_agg(found.what, ', '::pg_catalog.text ORDER BY found.what) INTO others FROM (
      SELECT pg_catalog.format('privilege CREATE of %s', CASE a.grantee WHEN 0::pg_catalog.oid THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END) AS what
      FROM pg_catalog.aclexplode(place.rights) a WHERE a.privilege_type = 'CREATE'::pg_catalog.text AND a.grantee <> place.owner
      UNION
      SELECT object.identity FROM (
        SELECT pg_catalog.pg_describe_object(o.class::pg_catalog.regclass::pg_catalog.oid, o.id, 0) AS identity
        FROM (SELECT 'pg_catalog.pg_class', c.oid, c.relowner FROM pg_catalog.pg_class c WHERE c.relnamespace = place.id AND c.relkind = ANY ('{r,p,v,m,f,S}'::pg_catalog."char"[])
              UNION ALL SELECT 'pg_catalog.pg_proc', p.oid, p.proowner FROM pg_catalog.pg_proc p WHERE p.pronamespace = place.id
              UNION ALL SELECT 'pg_catalog.pg_operator', o.oid, o.oprowner FROM pg_catalog.pg_operator o WHERE o.oprnamespace = place.id
              UNION ALL SELECT 'pg_catalog.pg_type', t.oid, t.typowner FROM pg_catalog.pg_type t WHERE t.typnamespace = place.id
              UNION ALL SELECT 'pg_catalog.pg_collation', c.oid, c.collowner FROM pg_catalog.pg_collation c WHERE c.collnamespace = place.id
              UNION ALL SELECT 'pg_catalog.pg_opclass', c.oid, c.opcowner FROM pg_catalog.pg_opclass c WHERE c.opcnamespace = place.id
              UNION ALL SELECT 'pg_catalog.pg_opfamily', f.oid, f.opfowner FROM pg_catalog.pg_opfamily f WHERE f.opfnamespace = place.id
              UNION ALL SELECT 'pg_catalog.pg_conversion', c.oid, c.conowner FROM pg_catalog.pg_conversion c WHERE c.connamespace = place.id
              UNION ALL SELECT 'pg_catalog.pg_ts_config', c.oid, c.cfgowner FROM pg_catalog.pg_ts_config c WHERE c.cfgnamespace = place.id
              UNION ALL SELECT 'pg_catalog.pg_ts_dict', d.oid, d.dictowner FROM pg_catalog.pg_ts_dict d WHERE d.dictnamespace = place.id) o (class, id, owner)
        WHERE o.owner <> place.owner
          -- Members, and what belongs to an object that is listed itself
          AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = o.class::pg_catalog.regclass::pg_catalog.oid AND d.objid = o.id
                          AND d.deptype = ANY ('{e,i}'::pg_catalog."char"[]))
        LIMIT 5) object) found;
    IF others IS NOT NULL THEN
      RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
        MESSAGE = pg_catalog.format('others can create objects in schema "%s", or have done so', place.name),
        DETAIL = pg_catalog.format('There are: %s.', others),
        HINT = pg_catalog.format('Before CREATE EXTENSION, drop or rename the schema; before ALTER EXTENSION ... UPDATE, REVOKE CREATE ON SCHEMA %I, and drop or move what others have made.', place.name);
    END IF;
  END LOOP;
END
$$;
