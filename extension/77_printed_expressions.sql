-- Expressions of users that the extension prints and has parsed again, or proposes to a DBA.

-- A constant is printed as a literal, and a literal becomes a constant as it is parsed, with the rights of whoever parses it: the input
-- of a composite value checks the domains of its fields, that of a range calls its functions, that of an array whatever its elements'
-- does. Nothing else of an expression is evaluated as it is parsed. Harmless are built-in types, and, where no user can put another type
-- in their place meanwhile, enumerations, types with an input function of their own, and arrays of these.
CREATE FUNCTION tenancy_internal.has_checked_constant(tree text) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT EXISTS (
    SELECT FROM regexp_matches(has_checked_constant.tree, '[{]CONST :consttype ([0-9]+) ', 'g') m JOIN pg_type t ON t.oid = m[1]::oid
    JOIN pg_namespace n ON n.oid = t.typnamespace LEFT JOIN pg_type e ON e.oid = t.typelem
    WHERE NOT (n.nspname = 'pg_catalog' AND t.typtype <> 'p'
               OR (t.typtype = 'e' OR t.typtype = 'b' AND (t.typelem = 0 OR e.typtype IN ('b', 'e')))
                 AND EXISTS (SELECT FROM pg_roles r WHERE r.oid = t.typowner AND r.rolsuper)
                 AND EXISTS (SELECT FROM pg_roles r WHERE r.oid = n.nspowner AND r.rolsuper)))
$$;
COMMENT ON FUNCTION tenancy_internal.has_checked_constant(text) IS 'Whether an expression, given as its pg_node_tree, has a constant whose literal could run code of users as it is parsed';

-- Printed so that it means the same wherever it is parsed, whatever the caller's settings.
-- A default that is one constant becomes a conversion of a text, which is parsed as such, and evaluated by whoever evaluates it.
CREATE FUNCTION tenancy_internal.printed_default(relation oid, "column" smallint) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp SET quote_all_identifiers = off
SET datestyle = 'ISO' SET intervalstyle = 'postgres' SET extra_float_digits = 1 SET bytea_output = 'hex' AS $$
DECLARE
  stored record;
BEGIN
  SELECT pg_get_expr(d.adbin, d.adrelid) AS printed, d.adbin::text AS tree,
         format_type(substring(d.adbin::text FROM '[{]CONST :consttype ([0-9]+) ')::oid, NULL) AS type,
         substring(pg_get_expr(d.adbin, d.adrelid) FROM $re$^(E?'(?:[^']|'')*')::$re$) AS literal INTO stored
  FROM pg_attrdef d WHERE d.adrelid = printed_default.relation AND d.adnum = printed_default."column";
  IF stored.tree IS NULL OR NOT tenancy_internal.has_checked_constant(stored.tree) THEN
    RETURN stored.printed;
  ELSIF stored.printed = format('%s::%s', stored.literal, stored.type) THEN
    RETURN format('%s::pg_catalog.text::%s', stored.literal, stored.type);
  END IF;
  RAISE EXCEPTION USING ERRCODE = 'feature_not_supported',
    MESSAGE = format('column "%s" of table %s cannot need an action', (SELECT a.attname FROM pg_attribute a
      WHERE a.attrelid = printed_default.relation AND a.attnum = printed_default."column"), printed_default.relation::regclass),
    DETAIL = 'Its default has a constant of a type of users.', HINT = 'Write the constant as a text, with a conversion: ''...''::text::type.';
END
$$;
COMMENT ON FUNCTION tenancy_internal.printed_default(oid, smallint) IS 'The default of a column as SQL that runs no code of users as it is parsed, or NULL; 0A000 for one that would';
