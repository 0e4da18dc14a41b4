-- Expressions of users that the extension prints and has parsed again, or proposes to a DBA.

-- A constant is printed as a literal, and a literal becomes a constant as it is parsed, with the rights of whoever parses it: the input
-- of a composite value checks the domains of its fields, that of a range calls its functions, that of an array whatever its elements'
-- does. Nothing else of an expression is evaluated as it is parsed. Harmless are built-in types, enumerations, types with an input
-- function of their own, which only a superuser can create, and arrays of these.
CREATE FUNCTION tenancy_internal.has_checked_constant(tree text) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT EXISTS (
    SELECT FROM regexp_matches(has_checked_constant.tree, '\{CONST :consttype (\d+) ', 'g') m JOIN pg_type t ON t.oid = m[1]::oid
    LEFT JOIN pg_type e ON e.oid = t.typelem
    WHERE NOT (t.typnamespace = 'pg_catalog'::regnamespace AND t.typtype <> 'p' OR t.typtype = 'e'
               OR t.typtype = 'b' AND (t.typelem = 0 OR e.typtype IN ('b', 'e'))))
$$;
COMMENT ON FUNCTION tenancy_internal.has_checked_constant(text) IS 'Whether an expression, given as its pg_node_tree, has a constant whose literal could run code of users as it is parsed';
