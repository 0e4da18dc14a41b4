-- The role whose a remembered name is, who decides what is remembered of it.

CREATE FUNCTION tenancy_internal.owner_of_dropped(relation oid) RETURNS oid
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_owner_of_dropped';
COMMENT ON FUNCTION tenancy_internal.owner_of_dropped(oid) IS 'The last owner of a relation that the transaction has dropped; NULL where there was none';

-- The role is stored by its name, as a dump needs it, which grows old with REASSIGN OWNED, ALTER ROLE ... RENAME and a restore without
-- owners.
CREATE FUNCTION tenancy_internal.role_of_name(named tenancy.protected_names) RETURNS oid
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  role oid;
BEGIN
  SELECT c.relowner INTO role FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.oid = role_of_name.named.holder AND (n.nspname, c.relname) = (role_of_name.named.schema_name, role_of_name.named.table_name);
  RETURN coalesce(role, (SELECT r.oid FROM pg_roles r WHERE r.rolname = role_of_name.named.holder_role));
END
$$;
COMMENT ON FUNCTION tenancy_internal.role_of_name(tenancy.protected_names) IS 'The role whose a remembered name is: the owner of the protected table that has it now, or the owner of the last one; NULL where none is known';

CREATE FUNCTION tenancy_internal.decides_name(named tenancy.protected_names) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  RETURN tenancy.is_dba() OR coalesce(pg_has_role(tenancy_internal.caller(), tenancy_internal.role_of_name(decides_name.named), 'USAGE'), false);
END
$$;
COMMENT ON FUNCTION tenancy_internal.decides_name(tenancy.protected_names) IS 'Whether the caller has the rights of the role whose a remembered name is, or is a DBA: nobody else may have it forgotten, or say what is remembered of it';

-- Or else a role that protects its own table would say what happens to rows of others, whose table has the name later: a superuser's, too.
CREATE FUNCTION tenancy_internal.is_of_its_holder(relation regclass, named tenancy.protected_names) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  -- The table that had the name says whose it was, if it is still there: its owner may have another name since, or its tables another owner.
  RETURN is_of_its_holder.named.holder_role IS NULL OR EXISTS (
    SELECT FROM pg_class c JOIN pg_roles o ON o.oid = c.relowner
    JOIN (SELECT tenancy_internal.role_of_name(is_of_its_holder.named) UNION SELECT h.relowner FROM pg_class h WHERE h.oid = is_of_its_holder.named.holder) r (role)
      ON o.oid = r.role OR NOT o.rolsuper AND pg_has_role(o.oid, r.role, 'USAGE')
    WHERE c.oid = is_of_its_holder.relation);
END
$$;
COMMENT ON FUNCTION tenancy_internal.is_of_its_holder(regclass, tenancy.protected_names) IS 'Whether a table that has the name of a protected one belongs to a role with the rights of the role that had this one';

CREATE FUNCTION tenancy_internal.hand_name_over(relation regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  UPDATE tenancy.protected_names k SET holder = hand_name_over.relation
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.oid = hand_name_over.relation AND (k.schema_name, k.table_name) = (n.nspname, c.relname) AND k.holder IS DISTINCT FROM c.oid
    AND tenancy_internal.decides_name(k);
END
$$;
COMMENT ON FUNCTION tenancy_internal.hand_name_over(regclass) IS 'Where the caller may decide so, has what is remembered of a table''s name be this table''s, whoever owns it';
