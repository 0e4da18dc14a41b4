-- Scoped views: a protected table for principals that may list, with the payload for those that may view.

CREATE TABLE tenancy.scoped_views (
  "view" regclass PRIMARY KEY,
  relation regclass NOT NULL
);
COMMENT ON TABLE tenancy.scoped_views IS 'Views made by create_scoped_view()';
COMMENT ON COLUMN tenancy.scoped_views."view" IS 'The view';
COMMENT ON COLUMN tenancy.scoped_views.relation IS 'The protected table that it shows';

-- Dumps name it: it stays in this schema.
CREATE FUNCTION tenancy.refuse_view_change() RETURNS trigger
LANGUAGE tenancy_unit SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
    MESSAGE = format('view "%s" cannot be changed', TG_TABLE_NAME), HINT = 'Change the table below it.';
END
$$;
COMMENT ON FUNCTION tenancy.refuse_view_change() IS 'Trigger: a scoped view is for reading';
REVOKE ALL ON FUNCTION tenancy.refuse_view_change() FROM PUBLIC;

-- The view's owner bypasses the table's policies: restrictive ones are repeated in the view. Its readers' privileges apply to the
-- functions that they call, but not to tables that a sub-select would read; and a constant of a type with checks of its own would be
-- checked as the view is created, by its owner (see has_checked_constant()).
CREATE FUNCTION tenancy_internal.scoped_view_conditions(relation regclass) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp SET quote_all_identifiers = off
SET datestyle = 'ISO' SET intervalstyle = 'postgres' SET extra_float_digits = 1 SET bytea_output = 'hex' AS $$
DECLARE
  policy record;
  conditions text := '';
BEGIN
  FOR policy IN
    SELECT p.polname, pg_get_expr(p.polqual, p.polrelid) AS condition, p.polqual::text AS tree,
           CASE WHEN NOT 0 = ANY (p.polroles) THEN (
             SELECT string_agg(format('pg_has_role(%L::name, %L)', r.rolname, 'USAGE'), ' OR ' ORDER BY r.rolname)
             FROM pg_roles r WHERE r.oid = ANY (p.polroles)) END AS applies
    FROM pg_policy p
    WHERE p.polrelid = scoped_view_conditions.relation AND NOT p.polpermissive AND p.polcmd IN ('r', '*') AND p.polqual IS NOT NULL
    ORDER BY p.polname LOOP
    IF regexp_count(policy.tree, '[{]QUERY ') <> regexp_count(policy.tree, '[{]QUERY [^{}]* :cteList <> :rtable <> ') THEN
      RAISE EXCEPTION USING ERRCODE = 'feature_not_supported',
        MESSAGE = format('restrictive policy "%s" of table %s cannot apply in a scoped view', policy.polname, scoped_view_conditions.relation),
        DETAIL = 'It has a sub-select, which would read tables with the privileges of the view''s owner.',
        HINT = 'Put the sub-select into a function, or drop the table''s scoped views.';
    END IF;
    IF tenancy_internal.has_checked_constant(policy.tree) THEN
      RAISE EXCEPTION USING ERRCODE = 'feature_not_supported',
        MESSAGE = format('restrictive policy "%s" of table %s cannot apply in a scoped view', policy.polname, scoped_view_conditions.relation),
        DETAIL = 'It has a constant of a type of users.',
        HINT = 'Write the constant as a text, with a conversion (''...''::text::type), or drop the table''s scoped views.';
    END IF;
    conditions := conditions || CASE WHEN policy.applies IS NULL THEN format(' AND (%s)', policy.condition)
                                     ELSE format(' AND CASE WHEN %s THEN (%s) ELSE true END', policy.applies, policy.condition) END;
  END LOOP;
  RETURN conditions;
END
$$;
COMMENT ON FUNCTION tenancy_internal.scoped_view_conditions(regclass) IS 'The conditions of a table''s restrictive policies for reading, as SQL to be added to the WHERE of a view; 0A000 for those that would mean something else there';

-- The extension's owner may replace any view, and one of another role can have the name meanwhile. So a view that is there is locked by
-- its OID, and replaced while it is a superuser's; where there was none, none is replaced.
CREATE FUNCTION tenancy_internal.define_scoped_view(relation regclass, new_view text, existing regclass, columns name[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  table_row tenancy.protected_tables;
  shown text;
  -- The planner adds the query's conditions to these, in the order of costs, unless something is between them.
  restrictions CONSTANT text := tenancy_internal.scoped_view_conditions(define_scoped_view.relation);
BEGIN
  -- The view is a superuser's, as whom a foreign table would be read.
  PERFORM tenancy_internal.refuse_foreign_tables(define_scoped_view.relation);
  -- Policies of any length are read between the names and what they mean.
  PERFORM tenancy_internal.keep_names(define_scoped_view.relation, 'access share');
  IF define_scoped_view.existing IS NOT NULL THEN
    PERFORM tenancy_internal.keep_name(define_scoped_view.existing);
    IF (SELECT r.rolsuper FROM pg_roles r WHERE r.oid = tenancy_internal.owner_of(define_scoped_view.existing)) IS NOT TRUE THEN
      RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = format('scoped view %s belongs to another role', define_scoped_view.existing),
        HINT = 'Drop it, and use tenancy.create_scoped_view() again.';
    END IF;
  END IF;
  SELECT * INTO table_row FROM tenancy.protected_tables t WHERE t.relation = define_scoped_view.relation;
  -- The view's columns are the first ones of the table, which cannot be dropped below it, but renamed.
  -- Columns generated from payload would reveal it.
  -- CASE has a domain's base type, and a view's columns keep theirs: with the base type they stay the same whether or not they are payload.
  SELECT string_agg(CASE WHEN a.expression_type = a.view_type THEN a.expression ELSE format('(%s)::%s', a.expression, format_type(a.view_type, a.atttypmod)) END
                    || ' AS ' || quote_ident(a.name), ', ' ORDER BY a.attnum) INTO shown
  FROM (SELECT c.attnum, c.atttypmod, coalesce(define_scoped_view.columns[c.place], c.attname) AS name,
          CASE WHEN c.is_payload THEN format('CASE WHEN %s THEN %I END', tenancy_internal.policy_call(table_row, 'payload_visible', 'view'), c.attname) ELSE quote_ident(c.attname) END AS expression,
          CASE WHEN c.is_payload THEN tenancy_internal.base_type(c.atttypid) ELSE c.atttypid END AS expression_type,
          coalesce((SELECT v.atttypid FROM pg_attribute v WHERE v.attrelid = define_scoped_view.existing AND v.attnum = c.place),
                   tenancy_internal.base_type(c.atttypid)) AS view_type
        FROM (SELECT t.*, row_number() OVER (ORDER BY t.attnum) AS place, t.attname = ANY (table_row.payload) OR EXISTS (
                SELECT FROM pg_attrdef ad JOIN pg_depend d ON d.classid = 'pg_attrdef'::regclass AND d.objid = ad.oid
                JOIN pg_attribute source ON d.refclassid = 'pg_class'::regclass AND source.attrelid = d.refobjid AND source.attnum = d.refobjsubid
                WHERE t.attgenerated <> '' AND ad.adrelid = t.attrelid AND ad.adnum = t.attnum AND d.refobjid = define_scoped_view.relation
                  AND source.attname = ANY (table_row.payload)) AS is_payload
              FROM pg_attribute t WHERE t.attrelid = define_scoped_view.relation AND t.attnum > 0 AND NOT t.attisdropped) c
        WHERE define_scoped_view.columns IS NULL OR c.place <= cardinality(define_scoped_view.columns)) a;
  -- Owned by the extension's owner, so that the table's own policy, which needs more, doesn't apply below the view.
  EXECUTE format('%s WITH (security_barrier) AS SELECT %s FROM %s WHERE %s%s%s',
                 coalesce('CREATE OR REPLACE VIEW ' || define_scoped_view.existing::text, 'CREATE VIEW ' || define_scoped_view.new_view), shown, define_scoped_view.relation,
                 CASE WHEN coalesce(cardinality(table_row.payload), 0) = 0 THEN 'false' ELSE tenancy_internal.policy_call(table_row, 'row_visible', 'list') END,
                 restrictions, CASE WHEN restrictions <> '' THEN ' OFFSET 0' ELSE '' END);
END
$$;
COMMENT ON FUNCTION tenancy_internal.define_scoped_view(regclass, text, regclass, name[]) IS 'Creates a scoped view of a name, or replaces an existing one, as the table and its policies are now, with columns of these names (NULL: all of the table''s); it shows nothing of a table that is not protected with payload columns';

CREATE FUNCTION tenancy_internal.refresh_scoped_views(relation regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  refreshed regclass;
BEGIN
  FOR refreshed IN SELECT v.view FROM tenancy.scoped_views v WHERE v.relation = refresh_scoped_views.relation ORDER BY v.view LOOP
    PERFORM tenancy_internal.define_scoped_view(refresh_scoped_views.relation, NULL, refreshed,
      ARRAY(SELECT a.attname FROM pg_attribute a WHERE a.attrelid = refreshed AND a.attnum > 0 ORDER BY a.attnum));
  END LOOP;
END
$$;
COMMENT ON FUNCTION tenancy_internal.refresh_scoped_views(regclass) IS 'Has a table''s scoped views follow its restrictive policies';

CREATE FUNCTION tenancy.create_scoped_view(relation regclass, view text) RETURNS void
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  table_row tenancy.protected_tables;
  parts text[] := parse_ident(create_scoped_view.view);
  the_schema name;
  the_view text;
  existing regclass;
BEGIN
  PERFORM tenancy_internal.check_protectable(create_scoped_view.relation);
  SELECT * INTO table_row FROM tenancy.protected_tables t WHERE t.relation = create_scoped_view.relation;
  IF NOT FOUND OR coalesce(cardinality(table_row.payload), 0) = 0 THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
      MESSAGE = format('table %s is not protected with payload columns', create_scoped_view.relation),
      HINT = 'Name them in tenancy.protect(..., payload => ...).';
  END IF;
  IF tenancy_steps.is_distributed(create_scoped_view.relation) THEN
    RAISE EXCEPTION USING ERRCODE = 'feature_not_supported', MESSAGE = format('table %s is distributed by Citus', create_scoped_view.relation),
      DETAIL = 'On other nodes its own policies would apply below the view, and hide rows that may only be listed.',
      HINT = 'Put the payload into a table of its own.';
  END IF;
  IF cardinality(parts) > 2 THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_name', MESSAGE = format('view name "%s" has too many parts', create_scoped_view.view);
  END IF;
  the_schema := CASE cardinality(parts) WHEN 2 THEN parts[1]
                ELSE (SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = create_scoped_view.relation) END;
  PERFORM tenancy_internal.keep_names(create_scoped_view.relation, 'access share', the_schema);
  IF NOT EXISTS (SELECT FROM pg_namespace n WHERE n.nspname = the_schema) THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_schema_name', MESSAGE = format('schema "%s" does not exist', the_schema);
  END IF;
  IF has_schema_privilege(tenancy_internal.caller(), the_schema, 'CREATE') IS NOT TRUE THEN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = format('permission denied for schema %s', the_schema);
  END IF;
  the_view := format('%I.%I', the_schema, parts[cardinality(parts)]);
  existing := to_regclass(the_view);
  IF existing IS NOT NULL AND NOT EXISTS (
    SELECT FROM tenancy.scoped_views v WHERE v.view = existing AND v.relation = create_scoped_view.relation) THEN
    RAISE EXCEPTION USING ERRCODE = 'duplicate_table', MESSAGE = format('relation "%s" already exists', create_scoped_view.view);
  END IF;

  -- No policy is created meanwhile.
  EXECUTE format('LOCK TABLE ONLY %s IN ACCESS SHARE MODE', create_scoped_view.relation);
  PERFORM tenancy_internal.define_scoped_view(create_scoped_view.relation, the_view, existing, NULL);
  EXECUTE format('CREATE OR REPLACE TRIGGER refuse_change INSTEAD OF INSERT OR UPDATE OR DELETE ON %s
                  FOR EACH ROW EXECUTE FUNCTION tenancy.refuse_view_change()', the_view);
  EXECUTE format('COMMENT ON VIEW %s IS %L', the_view,
                 format('%s as far as the session may list it, with the payload of rows that it may view', create_scoped_view.relation));
  -- A migration by the table's owner makes it anew, with the rights of its readers.
  EXECUTE (SELECT format('GRANT SELECT ON %s TO %s WITH GRANT OPTION', the_view, c.relowner::regrole)
           FROM pg_class c WHERE c.oid = create_scoped_view.relation);
  INSERT INTO tenancy.scoped_views ("view", relation)
  VALUES (to_regclass(the_view), create_scoped_view.relation) ON CONFLICT DO NOTHING;
END
$$;
COMMENT ON FUNCTION tenancy.create_scoped_view(regclass, text) IS 'Creates or recreates a view, which the table''s owner may grant to others, on a protected table with payload columns: for principals that may list, these columns and those generated from them are NULL; principals that may view see everything; read only; restrictive policies of the table apply in it, too; 55000 when the table has no payload columns, 42P07 for a name that is taken, 0A000 for a restrictive policy with a sub-select that has a FROM';
REVOKE ALL ON FUNCTION tenancy.create_scoped_view(regclass, text) FROM PUBLIC;
