-- The rows that the session sees.

CREATE FUNCTION tenancy_testing.plain_query(query text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, tenancy, pg_temp AS $$ SELECT rtrim(plain_query.query, E' \t\r\n;') $$;
COMMENT ON FUNCTION tenancy_testing.plain_query(text) IS 'A query without the semicolon at its end';

CREATE FUNCTION tenancy_testing.why_these_rows(query text) RETURNS text
LANGUAGE sql AS $$
  SELECT pg_catalog.concat('        who: ', tenancy_testing.principal(), pg_catalog.string_agg(
           pg_catalog.format(E'\n        sees of %s: %s', r.relation, tenancy.explain_rows(r.relation)), ''))
  FROM tenancy_testing.relations_read(why_these_rows.query) r JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) r.relation
  WHERE c.relkind OPERATOR(pg_catalog.<>) 'v' AND r.problem IS NULL
$$;
COMMENT ON FUNCTION tenancy_testing.why_these_rows(text) IS 'Who the session is, and the row filters that it gets on what a query reads';

CREATE FUNCTION tenancy_testing.sees_rows(query text, expected bigint, description text DEFAULT NULL) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  plain text := tenancy_testing.plain_query(sees_rows.query);
  title text := coalesce(sees_rows.description, pg_catalog.format('sees %s rows: %s', sees_rows.expected, plain));
  doubt text := tenancy_testing.doubt(plain);
  have bigint;
BEGIN
  IF doubt IS NOT NULL THEN
    RETURN tenancy_testing.verdict(false, title, doubt);
  END IF;
  EXECUTE pg_catalog.format(E'SELECT pg_catalog.count(*) FROM (%s\n) AS query', plain) INTO have;
  IF have OPERATOR(pg_catalog.=) sees_rows.expected THEN
    RETURN tenancy_testing.verdict(true, title, NULL);
  END IF;
  RETURN tenancy_testing.verdict(false, title,
    pg_catalog.format(E'       have: %s rows\n       want: %s rows\n%s', have, coalesce(sees_rows.expected::pg_catalog.text, 'NULL'),
                      tenancy_testing.why_these_rows(plain)));
END
$$;
COMMENT ON FUNCTION tenancy_testing.sees_rows(text, bigint, text) IS 'Passes when the session gets this number of rows from a query';

CREATE FUNCTION tenancy_testing.sees_rows(query text, expected text, description text DEFAULT NULL) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  plain text := tenancy_testing.plain_query(sees_rows.query);
  title text := coalesce(sees_rows.description, pg_catalog.format('sees these rows: %s', plain));
  doubt text := tenancy_testing.doubt(plain);
  result text;
BEGIN
  IF doubt IS NOT NULL THEN
    RETURN tenancy_testing.verdict(false, title, doubt);
  END IF;
  EXECUTE pg_catalog.format('SELECT %s.set_eq($1, $2, $3)', tenancy_testing.pgtap()) INTO result
    USING plain, tenancy_testing.plain_query(sees_rows.expected), title;
  RETURN CASE WHEN pg_catalog.starts_with(result, 'not ok') THEN tenancy_testing.with_diagnosis(result, tenancy_testing.why_these_rows(plain)) ELSE result END;
END
$$;
COMMENT ON FUNCTION tenancy_testing.sees_rows(text, text, text) IS 'Passes when the session gets from a query the same rows as from another one, such as VALUES (...), in any order, duplicates aside';

CREATE FUNCTION tenancy_testing.sees_rows(query text, expected anyarray, description text DEFAULT NULL) RETURNS text
LANGUAGE sql AS $$
  SELECT tenancy_testing.sees_rows(sees_rows.query, pg_catalog.format('SELECT pg_catalog.unnest(%L::%s)', sees_rows.expected,
    pg_catalog.pg_typeof(sees_rows.expected)), sees_rows.description)
$$;
COMMENT ON FUNCTION tenancy_testing.sees_rows(text, anyarray, text) IS 'Passes when the session gets from a query of one column these values, in any order, duplicates aside';

CREATE FUNCTION tenancy_testing.sees_nothing(query text, description text DEFAULT NULL) RETURNS text
LANGUAGE sql AS $$
  SELECT tenancy_testing.sees_rows(sees_nothing.query, 0::pg_catalog.int8, coalesce(sees_nothing.description,
    pg_catalog.concat('sees nothing: ', tenancy_testing.plain_query(sees_nothing.query))))
$$;
COMMENT ON FUNCTION tenancy_testing.sees_nothing(text, text) IS 'Passes when the session gets no row from a query';
