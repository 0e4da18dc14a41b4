-- Whether row policies decide about a table, a schema, or a query. The other assertions check this first, so that none passes
-- because nothing was filtered at all.

CREATE VIEW tenancy_testing.views AS
SELECT w.ev_class::regclass AS view, d.refobjid::regclass AS reads,
       tenancy_testing.bypasses_row_security(pg_get_userbyid(c.relowner))
       AND NOT EXISTS (SELECT FROM pg_options_to_table(c.reloptions) o
                       WHERE o.option_name = 'security_invoker' AND o.option_value::boolean) AS bypassing
FROM pg_rewrite w JOIN pg_class c ON c.oid = w.ev_class AND c.relkind = 'v'
JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid
                    AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> w.ev_class
GROUP BY w.ev_class, d.refobjid, c.relowner, c.reloptions;
COMMENT ON VIEW tenancy_testing.views IS 'What each view reads itself, and whether by the rights of an owner to whom no row policy applies';
COMMENT ON COLUMN tenancy_testing.views.view IS 'The view';
COMMENT ON COLUMN tenancy_testing.views.reads IS 'A table or view that it names';
COMMENT ON COLUMN tenancy_testing.views.bypassing IS 'Whether it reads tables by the rights of an owner to whom no row policy applies';
GRANT SELECT ON tenancy_testing.views TO PUBLIC;

CREATE FUNCTION tenancy_testing.protection_problem(relation regclass) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp
SET debug_print_parse = off SET debug_print_rewritten = off SET debug_print_plan = off AS $$
  SELECT CASE
    WHEN EXISTS (SELECT FROM tenancy.scoped_views v WHERE v.view = c.oid) THEN NULL
    WHEN EXISTS (SELECT FROM tenancy.protected_tables t WHERE t.relation = c.oid) THEN
      (SELECT 'its protection is broken: ' || i.problem FROM tenancy_internal.inspect_protection(c.oid) i WHERE i.problem IS NOT NULL)
    WHEN c.relkind = 'm' AND EXISTS (SELECT FROM tenancy.protected_tables t, tenancy_internal.relations_above(t.relation) a WHERE a.above = c.oid) THEN
      'it is a materialized view, which keeps rows without policies'
    ELSE 'it is not protected' END
  FROM pg_class c WHERE c.oid = protection_problem.relation
$$;
COMMENT ON FUNCTION tenancy_testing.protection_problem(regclass) IS 'Why no tenancy policies decide about the rows of a relation; NULL when they do';

CREATE FUNCTION tenancy_testing.relations_read(query text, OUT relation regclass, OUT problem text) RETURNS SETOF record
LANGUAGE plpgsql AS $$
BEGIN
  -- A query reads what a view of it depends on, however it is planned.
  EXECUTE pg_catalog.format(E'CREATE TEMPORARY VIEW tenancy_testing_probe AS SELECT FROM (%s\n) AS query', relations_read.query);
  RETURN QUERY
  WITH RECURSIVE read AS (
    -- The session reads these with its own rights, not with those of the probe's owner.
    SELECT v.reads, NULL::pg_catalog.regclass AS through FROM tenancy_testing.views v
    WHERE v.view OPERATOR(pg_catalog.=) 'pg_temp.tenancy_testing_probe'::pg_catalog.regclass
    UNION
    SELECT v.reads, CASE WHEN v.bypassing THEN v.view END
    FROM read JOIN tenancy_testing.views v ON v.view OPERATOR(pg_catalog.=) read.reads
    WHERE tenancy_testing.protection_problem(v.view) IS NOT NULL
  ), table_read AS (
    SELECT r.reads, r.through, tenancy_testing.protection_problem(r.reads) AS problem
    FROM read r JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) r.reads
    WHERE c.relkind OPERATOR(pg_catalog.<>) 'v' OR tenancy_testing.protection_problem(r.reads) IS NULL
  )
  SELECT t.reads, CASE WHEN t.problem IS NULL AND t.through IS NOT NULL AND c.relkind OPERATOR(pg_catalog.<>) 'v'
                       THEN pg_catalog.format('it is read by the rights of the owner of view %s, to whom no policy applies', t.through)
                       ELSE t.problem END
  FROM table_read t JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) t.reads
  ORDER BY t.reads::pg_catalog.text;
  DROP VIEW pg_temp.tenancy_testing_probe;
END
$$;
COMMENT ON FUNCTION tenancy_testing.relations_read(text) IS 'The tables and scoped views that a query reads, also through views, and why no policies decide about their rows; NULL when they do';

CREATE FUNCTION tenancy_testing.doubt() RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT CASE
    WHEN tenancy_testing.bypasses_row_security(current_user) THEN
      format(E'no row policy applies to role "%s"\nCall tenancy_testing.become(), become_key() or become_nobody() first.', current_user)
    -- tenancy.principal_lifetime causes that after a become() outside of a transaction.
    WHEN tenancy_testing.principal() LIKE 'nobody%' AND became NOT LIKE 'nobody%' THEN
      format(E'the session is nobody, and no longer %s\nRun the test in a transaction.', became) END
  FROM nullif(current_setting('tenancy_testing.principal', true), '') became
$$;
COMMENT ON FUNCTION tenancy_testing.doubt() IS 'Why what the session sees or may would prove nothing: no policy applies to it, or it is no longer whom it became; otherwise NULL';

CREATE FUNCTION tenancy_testing.doubt(query text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  problems text;
  grave boolean;
  protected boolean;
BEGIN
  IF tenancy_testing.doubt() IS NOT NULL THEN
    RETURN tenancy_testing.doubt();
  END IF;
  -- In addition to a protected table, one that all tenants share raises no doubt.
  SELECT pg_catalog.string_agg(pg_catalog.format(E'\n%s: %s', r.relation, r.problem), '') FILTER (WHERE r.problem IS NOT NULL),
         pg_catalog.bool_or(r.problem OPERATOR(pg_catalog.<>) 'it is not protected'), pg_catalog.bool_or(r.problem IS NULL)
  INTO problems, grave, protected
  FROM tenancy_testing.relations_read(doubt.query) r;
  RETURN CASE WHEN grave THEN pg_catalog.concat('the query reads rows that no policy filters', problems)
              WHEN protected THEN NULL
              ELSE pg_catalog.concat('the query reads no protected table', problems) END;
END
$$;
COMMENT ON FUNCTION tenancy_testing.doubt(text) IS 'Why the rows of a query would prove nothing; NULL when row policies decide about them';

CREATE FUNCTION tenancy_testing.pgtap() RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT quote_ident(n.nspname) FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pgtap'
$$;
COMMENT ON FUNCTION tenancy_testing.pgtap() IS 'The schema of pgTAP';

-- Functions of pgTAP call each other by the search_path.
CREATE FUNCTION tenancy_testing.with_diagnosis(result text, diagnosis text) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  comment text;
BEGIN
  PERFORM set_config('search_path', format('pg_catalog, %s, pg_temp', tenancy_testing.pgtap()), true);
  EXECUTE format('SELECT %s.diag($1)', tenancy_testing.pgtap()) INTO comment USING with_diagnosis.diagnosis;
  RETURN concat_ws(E'\n', with_diagnosis.result, comment);
END
$$;
COMMENT ON FUNCTION tenancy_testing.with_diagnosis(text, text) IS 'The result of an assertion that has failed, and why';

CREATE FUNCTION tenancy_testing.verdict(passed boolean, description text, diagnosis text) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  result text;
BEGIN
  PERFORM set_config('search_path', format('pg_catalog, %s, pg_temp', tenancy_testing.pgtap()), true);
  EXECUTE format('SELECT %s.ok($1, $2)', tenancy_testing.pgtap()) INTO result USING verdict.passed, verdict.description;
  RETURN CASE WHEN verdict.passed THEN result ELSE tenancy_testing.with_diagnosis(result, verdict.diagnosis) END;
END
$$;
COMMENT ON FUNCTION tenancy_testing.verdict(boolean, text, text) IS 'The result of an assertion, and why it failed';

CREATE FUNCTION tenancy_testing.is_protected(relation regclass, description text DEFAULT NULL) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  problems text;
BEGIN
  WITH RECURSIVE family AS (
    SELECT is_protected.relation
    UNION
    SELECT i.inhrelid::pg_catalog.regclass FROM family f JOIN pg_catalog.pg_inherits i ON i.inhparent OPERATOR(pg_catalog.=) f.relation
  )
  SELECT pg_catalog.string_agg(pg_catalog.format('%s: %s', f.relation, tenancy_testing.protection_problem(f.relation)), E'\n' ORDER BY f.relation::pg_catalog.text)
  INTO problems
  FROM family f WHERE tenancy_testing.protection_problem(f.relation) IS NOT NULL;
  RETURN tenancy_testing.verdict(problems IS NULL, coalesce(is_protected.description, pg_catalog.format('table %s is protected',
    is_protected.relation)), problems);
END
$$;
COMMENT ON FUNCTION tenancy_testing.is_protected(regclass, text) IS 'Passes when a table, with its partitions and children, is protected and its policies are as tenancy.protect() made them';

CREATE FUNCTION tenancy_testing.schema_is_protected(schema name, excluding text[], description text DEFAULT NULL) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  problems text;
BEGIN
  WITH relation AS (
    SELECT c.oid::pg_catalog.regclass AS id, c.relname AS name, c.relkind OPERATOR(pg_catalog.=) 'v' AS is_view
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
    WHERE n.nspname OPERATOR(pg_catalog.=) schema_is_protected.schema AND c.relkind OPERATOR(pg_catalog.=) ANY ('{r,p,f,m,v}')
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                      WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass
                        AND d.objid OPERATOR(pg_catalog.=) c.oid AND d.deptype OPERATOR(pg_catalog.=) 'e')
  ), finding AS (
    SELECT r.name, pg_catalog.format('%s: %s', r.id, tenancy_testing.protection_problem(r.id)) AS problem FROM relation r
    WHERE NOT r.is_view AND tenancy_testing.protection_problem(r.id) IS NOT NULL
    UNION ALL
    SELECT r.name, pg_catalog.format('%s: it reads %s by the rights of its owner, to whom no policy applies', r.id, v.reads)
    FROM relation r JOIN tenancy_testing.views v ON v.view OPERATOR(pg_catalog.=) r.id AND v.bypassing
    WHERE r.is_view AND tenancy_testing.protection_problem(r.id) IS NOT NULL AND tenancy_testing.protection_problem(v.reads) IS NULL
  ), complaint AS (
    SELECT f.problem FROM finding f WHERE f.name OPERATOR(pg_catalog.<>) ALL (schema_is_protected.excluding)
    UNION ALL
    SELECT pg_catalog.format('%s: it is excluded, and there is no such table', e) FROM pg_catalog.unnest(schema_is_protected.excluding) e
      WHERE NOT EXISTS (SELECT FROM relation r WHERE r.name OPERATOR(pg_catalog.=) e)
    UNION ALL
    SELECT pg_catalog.format('schema "%s" has no tables', schema_is_protected.schema) WHERE NOT EXISTS (SELECT FROM relation r WHERE NOT r.is_view)
  )
  SELECT pg_catalog.string_agg(c.problem, E'\n' ORDER BY c.problem) INTO problems FROM complaint c;
  RETURN tenancy_testing.verdict(problems IS NULL, coalesce(schema_is_protected.description, pg_catalog.format('schema %s is protected',
    schema_is_protected.schema)), problems);
END
$$;
COMMENT ON FUNCTION tenancy_testing.schema_is_protected(name, text[], text) IS 'Passes when every table of a schema is protected, but for those named; fails for a schema without tables, and for a name that no table has';

CREATE FUNCTION tenancy_testing.schema_is_protected(schema name, description text DEFAULT NULL) RETURNS text
LANGUAGE sql AS $$ SELECT tenancy_testing.schema_is_protected(schema_is_protected.schema, '{}'::pg_catalog.text[], schema_is_protected.description) $$;
COMMENT ON FUNCTION tenancy_testing.schema_is_protected(name, text) IS 'Passes when every table of a schema is protected';
