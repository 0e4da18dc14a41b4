-- The rows that the session sees.

CREATE FUNCTION tenancy_testing.plain_query(query text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT rtrim(plain_query.query, E' \t\r\n;') $$;
COMMENT ON FUNCTION tenancy_testing.plain_query(text) IS 'A query without the semicolon at its end';

CREATE FUNCTION tenancy_testing.why_these_rows(query text) RETURNS text
LANGUAGE sql AS $$
  SELECT '        who: ' || tenancy_testing.principal() || coalesce(string_agg(
           format(E'\n        sees of %s: %s', r.relation, tenancy.explain_rows(r.relation)), ''), '')
  FROM tenancy_testing.relations_read(why_these_rows.query) r JOIN pg_catalog.pg_class c ON c.oid = r.relation
  WHERE c.relkind <> 'v' AND r.problem IS NULL
$$;
COMMENT ON FUNCTION tenancy_testing.why_these_rows(text) IS 'Who the session is, and the row filters that it gets on what a query reads';

CREATE FUNCTION tenancy_testing.sees_rows(query text, expected bigint, description text DEFAULT NULL) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  plain text := tenancy_testing.plain_query(sees_rows.query);
  title text := coalesce(sees_rows.description, format('sees %s rows: %s', sees_rows.expected, plain));
  doubt text := tenancy_testing.doubt(plain);
  have bigint;
BEGIN
  IF doubt IS NOT NULL THEN
    RETURN tenancy_testing.verdict(false, title, doubt);
  END IF;
  EXECUTE format(E'SELECT count(*) FROM (%s\n) AS query', plain) INTO have;
  IF have IS NOT DISTINCT FROM sees_rows.expected THEN
    RETURN tenancy_testing.verdict(true, title, NULL);
  END IF;
  RETURN tenancy_testing.verdict(false, title,
    format(E'       have: %s rows\n       want: %s rows', have, coalesce(sees_rows.expected::text, 'NULL')) || E'\n'
      || tenancy_testing.why_these_rows(plain));
END
$$;
COMMENT ON FUNCTION tenancy_testing.sees_rows(text, bigint, text) IS 'Passes when the session gets this number of rows from a query';

CREATE FUNCTION tenancy_testing.sees_rows(query text, expected text, description text DEFAULT NULL) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  plain text := tenancy_testing.plain_query(sees_rows.query);
  title text := coalesce(sees_rows.description, format('sees these rows: %s', plain));
  doubt text := tenancy_testing.doubt(plain);
  result text;
BEGIN
  IF doubt IS NOT NULL THEN
    RETURN tenancy_testing.verdict(false, title, doubt);
  END IF;
  result := set_eq(plain, tenancy_testing.plain_query(sees_rows.expected), title);
  RETURN result || CASE WHEN result LIKE 'not ok%' THEN E'\n' || diag(tenancy_testing.why_these_rows(plain)) ELSE '' END;
END
$$;
COMMENT ON FUNCTION tenancy_testing.sees_rows(text, text, text) IS 'Passes when the session gets from a query the same rows as from another one, such as VALUES (...), in any order, duplicates aside';

CREATE FUNCTION tenancy_testing.sees_rows(query text, expected anyarray, description text DEFAULT NULL) RETURNS text
LANGUAGE sql AS $$
  SELECT tenancy_testing.sees_rows(sees_rows.query, format('SELECT unnest(%L::%s)', sees_rows.expected,
    pg_typeof(sees_rows.expected)), sees_rows.description)
$$;
COMMENT ON FUNCTION tenancy_testing.sees_rows(text, anyarray, text) IS 'Passes when the session gets from a query of one column these values, in any order, duplicates aside';

CREATE FUNCTION tenancy_testing.sees_nothing(query text, description text DEFAULT NULL) RETURNS text
LANGUAGE sql AS $$
  SELECT tenancy_testing.sees_rows(sees_nothing.query, 0, coalesce(sees_nothing.description, 'sees nothing: '
    || tenancy_testing.plain_query(sees_nothing.query)))
$$;
COMMENT ON FUNCTION tenancy_testing.sees_nothing(text, text) IS 'Passes when the session gets no row from a query';
