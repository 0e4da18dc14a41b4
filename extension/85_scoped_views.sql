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
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
    MESSAGE = format('view "%s" cannot be changed', TG_TABLE_NAME), HINT = 'Change the table below it.';
END
$$;
COMMENT ON FUNCTION tenancy.refuse_view_change() IS 'Trigger: a scoped view is for reading';
REVOKE ALL ON FUNCTION tenancy.refuse_view_change() FROM PUBLIC;

CREATE FUNCTION tenancy.create_scoped_view(relation regclass, view text) RETURNS void
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  table_row tenancy.protected_tables;
  parts text[] := parse_ident(create_scoped_view.view);
  the_schema name;
  the_view name;
  columns text;
  existing regclass;
BEGIN
  PERFORM tenancy_internal.check_protectable(create_scoped_view.relation);
  SELECT * INTO table_row FROM tenancy.protected_tables t WHERE t.relation = create_scoped_view.relation;
  IF NOT FOUND OR coalesce(cardinality(table_row.payload), 0) = 0 THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
      MESSAGE = format('table %s is not protected with payload columns', create_scoped_view.relation),
      HINT = 'Name them in tenancy.protect(…, payload => …).';
  END IF;
  IF cardinality(parts) > 2 THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_name', MESSAGE = format('view name "%s" has too many parts', create_scoped_view.view);
  END IF;
  the_view := parts[cardinality(parts)];
  the_schema := CASE cardinality(parts) WHEN 2 THEN parts[1]
                ELSE (SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = create_scoped_view.relation) END;
  IF NOT EXISTS (SELECT FROM pg_namespace n WHERE n.nspname = the_schema) THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_schema_name', MESSAGE = format('schema "%s" does not exist', the_schema);
  END IF;
  IF has_schema_privilege(tenancy_internal.caller(), the_schema, 'CREATE') IS NOT TRUE THEN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = format('permission denied for schema %s', the_schema);
  END IF;
  existing := to_regclass(format('%I.%I', the_schema, the_view));
  IF existing IS NOT NULL AND NOT EXISTS (
    SELECT FROM tenancy.scoped_views v WHERE v.view = existing AND v.relation = create_scoped_view.relation) THEN
    RAISE EXCEPTION USING ERRCODE = 'duplicate_table', MESSAGE = format('relation "%s" already exists', create_scoped_view.view);
  END IF;

  -- Columns generated from payload would reveal it.
  SELECT string_agg(CASE WHEN a.attname = ANY (table_row.payload) OR EXISTS (
      SELECT FROM pg_attrdef ad JOIN pg_depend d ON d.classid = 'pg_attrdef'::regclass AND d.objid = ad.oid
      JOIN pg_attribute source ON d.refclassid = 'pg_class'::regclass AND source.attrelid = d.refobjid AND source.attnum = d.refobjsubid
      WHERE a.attgenerated <> '' AND ad.adrelid = a.attrelid AND ad.adnum = a.attnum AND d.refobjid = create_scoped_view.relation
        AND source.attname = ANY (table_row.payload))
      THEN format('CASE WHEN %s THEN %I END AS %I', tenancy_internal.policy_call(table_row, 'payload_visible', 'view'), a.attname, a.attname)
      ELSE quote_ident(a.attname) END, ', ' ORDER BY a.attnum) INTO columns
  FROM pg_attribute a WHERE a.attrelid = create_scoped_view.relation AND a.attnum > 0 AND NOT a.attisdropped;
  -- Owned by the extension's owner, so that the table's own policy, which needs more, doesn't apply below the view.
  EXECUTE format('CREATE OR REPLACE VIEW %I.%I WITH (security_barrier) AS SELECT %s FROM %s WHERE %s',
                 the_schema, the_view, columns, create_scoped_view.relation, tenancy_internal.policy_call(table_row, 'row_visible', 'list'));
  EXECUTE format('CREATE OR REPLACE TRIGGER refuse_change INSTEAD OF INSERT OR UPDATE OR DELETE ON %I.%I
                  FOR EACH ROW EXECUTE FUNCTION tenancy.refuse_view_change()', the_schema, the_view);
  EXECUTE format('COMMENT ON VIEW %I.%I IS %L', the_schema, the_view,
                 format('%s as far as the session may list it, with the payload of rows that it may view', create_scoped_view.relation));
  -- A migration by the table's owner makes it anew, with the rights of its readers.
  EXECUTE (SELECT format('GRANT SELECT ON %I.%I TO %s WITH GRANT OPTION', the_schema, the_view, c.relowner::regrole)
           FROM pg_class c WHERE c.oid = create_scoped_view.relation);
  INSERT INTO tenancy.scoped_views ("view", relation)
  VALUES (to_regclass(format('%I.%I', the_schema, the_view)), create_scoped_view.relation) ON CONFLICT DO NOTHING;
END
$$;
COMMENT ON FUNCTION tenancy.create_scoped_view(regclass, text) IS 'Creates or recreates a view, which the table''s owner may grant to others, on a protected table with payload columns: for principals that may list, these columns and those generated from them are NULL; principals that may view see everything; read only; 55000 when the table has no payload columns, 42P07 for a name that is taken';
REVOKE ALL ON FUNCTION tenancy.create_scoped_view(regclass, text) FROM PUBLIC;
