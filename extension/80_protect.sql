-- Protecting tables: ordinary policies that call the row filter, and column defaults that fill in the principal.

CREATE FUNCTION tenancy_internal.is_id_type(type oid, collation oid) RETURNS boolean
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_is_id_type';
COMMENT ON FUNCTION tenancy_internal.is_id_type(oid, oid) IS 'Whether a column of the type and collation can name a tenant: uuid, smallint, integer, bigint, text, varchar, and domains over them, as long as only equal texts are equal';

CREATE FUNCTION tenancy_internal.base_type(type oid) RETURNS oid
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_base_type';
COMMENT ON FUNCTION tenancy_internal.base_type(oid) IS 'The type below a domain, or the type itself';

CREATE FUNCTION tenancy_internal.family_of(relation regclass) RETURNS SETOF regclass
LANGUAGE plpgsql STABLE STRICT ROWS 10 SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM pg_class c WHERE c.oid = family_of.relation AND c.relkind IN ('r', 'p') AND NOT c.relhassubclass) THEN
    RETURN NEXT family_of.relation;
    RETURN;
  END IF;
  -- Looks up each relation's kind separately: a join would read all of pg_class.
  RETURN QUERY
  WITH RECURSIVE family AS (
    SELECT family_of.relation::oid AS relid, 0 AS depth
    UNION
    SELECT i.inhrelid, f.depth + 1 FROM pg_inherits i JOIN family f ON i.inhparent = f.relid
  )
  SELECT f.relid::regclass FROM family f WHERE (SELECT c.relkind FROM pg_class c WHERE c.oid = f.relid) IN ('r', 'p')
  GROUP BY f.relid ORDER BY max(f.depth), f.relid;
END
$$;
COMMENT ON FUNCTION tenancy_internal.family_of(regclass) IS 'A table with all its partitions and inheritance children, parents first';

CREATE FUNCTION tenancy_internal.check_owner(relation regclass) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF pg_has_role(tenancy_internal.caller(), tenancy_internal.owner_of(check_owner.relation), 'USAGE') IS NOT TRUE THEN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
      MESSAGE = format('must be owner of table %s', (SELECT c.relname FROM pg_class c WHERE c.oid = check_owner.relation));
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_internal.check_owner(regclass) IS 'Raises 42501 unless the caller owns a table; in guard rails, the caller is the role that has run the command';

CREATE FUNCTION tenancy_internal.check_protectable(relation regclass) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  class pg_class;
BEGIN
  SELECT * INTO class FROM pg_class c WHERE c.oid = check_protectable.relation;
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'undefined_table', MESSAGE = 'table does not exist';
  END IF;
  IF class.relkind NOT IN ('r', 'p') THEN
    RAISE EXCEPTION USING ERRCODE = 'wrong_object_type', MESSAGE = format('"%s" is not a table', class.relname),
      DETAIL = 'Row security works on ordinary and partitioned tables.',
      HINT = CASE class.relkind WHEN 'v' THEN 'Protect the tables below the view, and give it the option security_invoker.'
                                ELSE 'Protect the table that its rows come from.' END;
  END IF;
  IF class.relpersistence = 't' THEN
    RAISE EXCEPTION USING ERRCODE = 'wrong_object_type', MESSAGE = format('table "%s" is temporary', class.relname),
      DETAIL = 'A temporary table is its session''s own.';
  END IF;
  IF class.relnamespace IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace, 'tenancy'::regnamespace,
                            'tenancy_internal'::regnamespace) THEN
    RAISE EXCEPTION USING ERRCODE = 'wrong_object_type', MESSAGE = format('table "%s" is a system table', class.relname);
  END IF;
  PERFORM tenancy_internal.check_owner(check_protectable.relation);
END
$$;
COMMENT ON FUNCTION tenancy_internal.check_protectable(regclass) IS 'Raises 42809 for what isn''t an ordinary or partitioned table of a user, 42501 unless the caller owns it';

CREATE FUNCTION tenancy_internal.check_column(relation regclass, "column" name, is_id boolean) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  attribute pg_attribute;
  nearest text;
BEGIN
  IF check_column."column" IS NULL AND check_column.is_id THEN
    RETURN;
  END IF;
  SELECT * INTO attribute FROM pg_attribute a
  WHERE a.attrelid = check_column.relation AND a.attname = check_column."column" AND a.attnum > 0 AND NOT a.attisdropped;
  IF NOT FOUND THEN
    SELECT tenancy_internal.nearest(check_column."column"::text, array_agg(a.attname::text)) INTO nearest FROM pg_attribute a
    WHERE a.attrelid = check_column.relation AND a.attnum > 0 AND NOT a.attisdropped;
    RAISE EXCEPTION USING ERRCODE = 'undefined_column',
      MESSAGE = format('column "%s" of table %s does not exist', check_column."column", check_column.relation),
      HINT = coalesce('Perhaps you meant "' || nearest || '".', 'Name one of the table''s columns.');
  END IF;
  IF check_column.is_id AND NOT tenancy_internal.is_id_type(attribute.atttypid, attribute.attcollation) THEN
    RAISE EXCEPTION USING ERRCODE = 'datatype_mismatch',
      MESSAGE = format('column "%s" of type %s cannot hold ids', check_column."column",
                       format_type(attribute.atttypid, attribute.atttypmod)),
      DETAIL = 'Two different ids could be equal in it.',
      HINT = 'Types for ids are uuid, smallint, integer, bigint, and text or varchar with a deterministic collation.';
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_internal.check_column(regclass, name, boolean) IS 'Raises 42703 with the nearest name unless the table has the column, 42804 when it is to hold ids and can''t';

CREATE FUNCTION tenancy_internal.is_attribution(relation regclass, attribute smallint) RETURNS boolean
LANGUAGE plpgsql STABLE STRICT SET search_path = pg_catalog, tenancy, pg_temp SET quote_all_identifiers = off AS $$
BEGIN
  RETURN EXISTS (
    SELECT FROM pg_attrdef d JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
    WHERE d.adrelid = is_attribution.relation AND d.adnum = is_attribution.attribute AND a.attgenerated = ''
      AND pg_get_expr(d.adbin, d.adrelid) ~ '^[(]?(tenancy[.])?current_((organization|workspace|user|api_key)_id[(][)]|external_id[(])');
END
$$;
COMMENT ON FUNCTION tenancy_internal.is_attribution(regclass, smallint) IS 'Whether a column''s default fills it in from the session''s principal';

CREATE FUNCTION tenancy_internal.attribution_default(relation regclass, "column" name, entity text) RETURNS text
LANGUAGE sql STABLE STRICT SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT CASE WHEN tenancy_internal.base_type(a.atttypid) = 'uuid'::regtype THEN format('tenancy.current_%s_id()',
    attribution_default.entity)
              ELSE format('tenancy.current_external_id(%L, NULL::%s)', attribution_default.entity, format_type(a.atttypid, NULL)) END
  FROM pg_attribute a
  WHERE a.attrelid = attribution_default.relation AND a.attname = attribution_default."column" AND a.attnum > 0
    AND NOT a.attisdropped AND a.attidentity = ''
    -- a partition or child has inherited our default
    AND (NOT a.atthasdef OR tenancy_internal.is_attribution(attribution_default.relation, a.attnum))
$$;
COMMENT ON FUNCTION tenancy_internal.attribution_default(regclass, name, text) IS 'Default that fills a column in from the principal, or NULL when the column has another default';

CREATE FUNCTION tenancy_internal.is_partitioned_by(relation regclass, "column" name) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  WITH RECURSIVE above AS (
    SELECT is_partitioned_by.relation::oid AS relid
    UNION
    SELECT i.inhparent FROM pg_inherits i JOIN above a ON i.inhrelid = a.relid
  )
  SELECT EXISTS (
    SELECT FROM (SELECT a.relid FROM above a UNION SELECT f FROM tenancy_internal.family_of(is_partitioned_by.relation) f) family (relid)
    JOIN pg_partitioned_table p ON p.partrelid = family.relid
    JOIN pg_attribute a ON a.attrelid = p.partrelid AND a.attnum = ANY (p.partattrs)
    WHERE a.attname = is_partitioned_by."column")
$$;
COMMENT ON FUNCTION tenancy_internal.is_partitioned_by(regclass, name) IS 'Whether a table, or one above or below it, is partitioned by the column';

CREATE FUNCTION tenancy_internal.remove_protection(relation regclass) RETURNS tenancy.protected_tables
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp SET tenancy.guard_rails = off AS $$
DECLARE
  removed tenancy.protected_tables;
  policy name;
  defaulted name;
BEGIN
  PERFORM tenancy_internal.keep_name(remove_protection.relation);
  DELETE FROM tenancy.protected_tables t WHERE t.relation = remove_protection.relation RETURNING * INTO removed;
  FOR policy IN SELECT p.polname FROM pg_policy p
                WHERE p.polrelid = remove_protection.relation
                  AND p.polname IN ('tenancy_select', 'tenancy_insert', 'tenancy_update', 'tenancy_delete', 'tenancy_writer') LOOP
    EXECUTE format('DROP POLICY %I ON %s', policy, remove_protection.relation);
  END LOOP;
  PERFORM tenancy_internal.drop_triggers(remove_protection.relation, f)
  FROM unnest('{tenancy_internal.fill_nulls,tenancy_internal.check_action}'::regproc[]) f;
  FOREACH defaulted IN ARRAY coalesce(removed.defaulted_columns, '{}') LOOP
    IF EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = remove_protection.relation AND a.attname = defaulted) THEN
      EXECUTE format('ALTER TABLE ONLY %s ALTER COLUMN %I DROP DEFAULT', remove_protection.relation, defaulted);
    END IF;
  END LOOP;
  RETURN removed;
END
$$;
COMMENT ON FUNCTION tenancy_internal.remove_protection(regclass) IS 'Takes the policies and defaults of one table away, and returns what was recorded of it';

-- The options of protect(), as the row filter's functions read them.
CREATE FUNCTION tenancy_internal.policy_options(wanted tenancy.protected_tables, reading boolean, inserting boolean) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT concat_ws(' ', CASE WHEN policy_options.reading AND (policy_options.wanted).shared THEN 'shared' END,
                        CASE WHEN (policy_options.wanted).workspace_decides THEN 'workspace_decides' END,
                        CASE WHEN policy_options.reading AND (policy_options.wanted).workspace_implies_organization THEN 'organization_implied' END,
                        CASE WHEN policy_options.inserting AND (policy_options.wanted).inherits_owner THEN 'from_parent' END)
$$;
COMMENT ON FUNCTION tenancy_internal.policy_options(tenancy.protected_tables, boolean, boolean) IS 'The options of row_visible() or row_accepted() in the policies of a table';

CREATE FUNCTION tenancy_internal.policy_call(wanted tenancy.protected_tables, function text, command text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT format('tenancy.%I(%L, %L, %s%s)', policy_call.function, t.resource, policy_call.command,
    concat_ws(', ', coalesce(quote_ident(t.organization_column), 'NULL'), coalesce(quote_ident(t.workspace_column), 'NULL'),
              coalesce(quote_ident(t.owner_column), 'NULL'), coalesce(quote_ident(t.api_key_column), 'NULL')),
    CASE WHEN o.options <> '' THEN format(', %s, %L::text', o.pruning::text, o.options) WHEN o.pruning THEN ', true' ELSE '' END)
  FROM (SELECT (policy_call.wanted).*) t,
  LATERAL (SELECT policy_call.function = 'row_visible' AND t.with_organization AS pruning,
                  tenancy_internal.policy_options(policy_call.wanted, policy_call.command IN ('view', 'list'), policy_call.function = 'row_accepted') AS options) o
$$;
COMMENT ON FUNCTION tenancy_internal.policy_call(tenancy.protected_tables, text, text) IS 'A call of the filter''s functions over the columns of a table, as SQL';

CREATE FUNCTION tenancy_internal.by_writer(wanted tenancy.protected_tables) RETURNS tenancy.protected_tables
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  by_writer.wanted.owner_column := by_writer.wanted.writer_column;
  RETURN by_writer.wanted;
END
$$;
COMMENT ON FUNCTION tenancy_internal.by_writer(tenancy.protected_tables) IS 'The same protection as if who wrote a row, and not who began the whole, said whose it is';

CREATE FUNCTION tenancy_internal.problem_of_writer(wanted tenancy.protected_tables) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp SET quote_all_identifiers = off AS $$
  SELECT 'policy "tenancy_writer" is missing or has been changed'
  WHERE (problem_of_writer.wanted).writer_column IS NOT NULL AND NOT EXISTS (
    SELECT FROM pg_policy p WHERE p.polrelid = (problem_of_writer.wanted).relation AND p.polname = 'tenancy_writer' AND NOT p.polpermissive
      AND p.polcmd = 'a' AND p.polroles = '{0}' AND position(format('(%L::text, %L::text, ', (problem_of_writer.wanted).resource, 'insert')
                                                             IN pg_get_expr(p.polwithcheck, p.polrelid)) > 0)
$$;
COMMENT ON FUNCTION tenancy_internal.problem_of_writer(tenancy.protected_tables) IS 'What is wrong with the policy of a table about who wrote a row, or NULL';

-- Citus changes no default of the column by which it distributes, and has distributed a partition by the time it is attached.
CREATE FUNCTION tenancy_internal.check_default(relation regclass, column_name name) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = check_default.relation AND a.attname = check_default.column_name AND a.atthasdef) THEN
    RAISE EXCEPTION USING ERRCODE = 'feature_not_supported',
      MESSAGE = format('column "%s" of table %s is not filled in from the session''s principal', check_default.column_name, check_default.relation),
      DETAIL = 'Citus distributes the table, and changes no default of the column that it is distributed by.',
      HINT = 'Use CREATE TABLE ... PARTITION OF, or copy the table by LIKE ... INCLUDING DEFAULTS.';
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_internal.check_default(regclass, name) IS 'Raises 0A000 unless a column, which has no default of its own, has that of protect() already';

CREATE FUNCTION tenancy_internal.apply_protection(relation regclass, wanted tenancy.protected_tables)
RETURNS name[] LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp SET tenancy.guard_rails = off AS $$
DECLARE
  before tenancy.protected_tables;
  class pg_class;
  reading text := CASE WHEN cardinality(apply_protection.wanted.payload) = 0 AND EXISTS (
    SELECT FROM tenancy.permissions p WHERE p.resource = apply_protection.wanted.resource AND p.action = 'list')
    THEN 'list' ELSE 'view' END;
  parents text := tenancy_internal.parents_visible(apply_protection.relation, apply_protection.wanted);
  attribution record;
  defaulted name[] := '{}';
  kept name[] := '{}';
BEGIN
  PERFORM tenancy_internal.keep_name(apply_protection.relation);
  -- Here, since there is no other way to a protection, and code of others may have run since protect() looked.
  PERFORM tenancy_internal.refuse_foreign_tables(apply_protection.relation);
  PERFORM tenancy_internal.check_partition_keys(apply_protection.relation);
  PERFORM tenancy_internal.reopen_table(apply_protection.relation);  -- it is closed again below
  SELECT * INTO class FROM pg_class c WHERE c.oid = apply_protection.relation;
  PERFORM tenancy_internal.take_carried(apply_protection.relation, apply_protection.wanted);
  before := tenancy_internal.remove_protection(apply_protection.relation);
  apply_protection.wanted.relation := apply_protection.relation;
  apply_protection.wanted.with_organization := apply_protection.wanted.workspace_column IS NOT NULL
    AND coalesce(apply_protection.wanted.with_organization
                 OR tenancy_internal.is_partitioned_by(apply_protection.relation, apply_protection.wanted.organization_column), false);

  -- Citus sends policies to other nodes as this search path shows them.
  PERFORM set_config('search_path', 'pg_catalog, pg_temp', true);
  -- Closed first, then opened by the policies.
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', apply_protection.relation);
  EXECUTE format('CREATE POLICY tenancy_select ON %s FOR SELECT USING (%s)', apply_protection.relation,
                 tenancy_internal.policy_call(apply_protection.wanted, 'row_visible', reading));
  EXECUTE format('CREATE POLICY tenancy_insert ON %s FOR INSERT WITH CHECK (%s)', apply_protection.relation,
                 concat_ws(' AND ', tenancy_internal.policy_call(apply_protection.wanted, 'row_accepted', 'insert'), parents));
  EXECUTE format('CREATE POLICY tenancy_update ON %s FOR UPDATE USING (%s) WITH CHECK (%s)', apply_protection.relation,
                 tenancy_internal.policy_call(apply_protection.wanted, 'row_visible', 'update'),
                 concat_ws(' AND ', tenancy_internal.policy_call(apply_protection.wanted, 'row_accepted', 'update'), parents));
  EXECUTE format('CREATE POLICY tenancy_delete ON %s FOR DELETE USING (%s)', apply_protection.relation,
                 tenancy_internal.policy_call(apply_protection.wanted, 'row_visible', 'delete'));

  -- Own rows are those of who began the whole; who wrote a row is checked as well.
  IF apply_protection.wanted.writer_column IS NOT NULL THEN
    EXECUTE format('CREATE POLICY tenancy_writer ON %s AS RESTRICTIVE FOR INSERT WITH CHECK (%s)', apply_protection.relation,
                   tenancy_internal.policy_call(tenancy_internal.by_writer(apply_protection.wanted), 'row_accepted', 'insert'));
  END IF;

  PERFORM set_config('search_path', 'pg_catalog, tenancy, pg_temp', true);
  FOR attribution IN
    SELECT v.column_name, v.entity, tenancy_internal.attribution_default(apply_protection.relation, v.column_name, v.entity) AS expression
    FROM (VALUES (apply_protection.wanted.organization_column, 'organization', false),
      (apply_protection.wanted.workspace_column, 'workspace', false),
                 (apply_protection.wanted.owner_column, 'user', apply_protection.wanted.inherits_owner),
                 (apply_protection.wanted.writer_column, 'user', false),
                   (apply_protection.wanted.api_key_column, 'api_key', apply_protection.wanted.inherits_owner))
         v (column_name, entity, inherited)
    -- Columns copied from a parent have no default: the trigger fills them in.
    WHERE v.column_name IS NOT NULL AND NOT v.inherited
      AND (apply_protection.wanted.through IS NULL OR v.entity IN ('user', 'api_key')) LOOP
    IF attribution.expression IS NULL THEN
      kept := kept || attribution.column_name;
    ELSIF tenancy_steps.is_distributed(apply_protection.relation) AND attribution.entity = 'organization' THEN
      PERFORM tenancy_internal.check_default(apply_protection.relation, attribution.column_name);
      defaulted := defaulted || attribution.column_name;
    ELSE
      EXECUTE format('ALTER TABLE ONLY %s ALTER COLUMN %I SET DEFAULT %s', apply_protection.relation, attribution.column_name,
                     attribution.expression);
      defaulted := defaulted || attribution.column_name;
    END IF;
  END LOOP;

  PERFORM tenancy_internal.make_fill_trigger(apply_protection.relation, apply_protection.wanted);
  -- last: their conditions hold the defaults
  PERFORM tenancy_internal.make_action_triggers(apply_protection.relation, apply_protection.wanted);
  apply_protection.wanted.defaulted_columns := defaulted;
  apply_protection.wanted.row_security_before := coalesce(before.row_security_before, class.relrowsecurity);
  apply_protection.wanted.force_before := coalesce(before.force_before, class.relforcerowsecurity);
  apply_protection.wanted.protected_at := now();
  INSERT INTO tenancy.protected_tables SELECT (apply_protection.wanted).*;
  PERFORM tenancy_internal.remember_name(apply_protection.relation, false);
  PERFORM tenancy_internal.follow_kept_parent(apply_protection.relation);
  RETURN kept;
END
$$;
COMMENT ON FUNCTION tenancy_internal.apply_protection(regclass, tenancy.protected_tables) IS 'Protects one table as wanted, in place of what protected it before, and returns the columns that kept a default of their own';

CREATE FUNCTION tenancy_internal.check_indexes(relation regclass, columns name[], make boolean) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  wanted name;
BEGIN
  FOREACH wanted IN ARRAY array_remove(check_indexes.columns, NULL) LOOP
    CONTINUE WHEN EXISTS (
      SELECT FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
      WHERE i.indrelid = check_indexes.relation AND i.indisvalid AND i.indpred IS NULL AND a.attname = wanted);
    IF check_indexes.make THEN
      EXECUTE format('CREATE INDEX ON %s (%I)', check_indexes.relation, wanted);
    ELSE
      PERFORM tenancy_steps.notice(format('no index of table %s begins with column "%s"', check_indexes.relation, wanted),
        hint => format('CREATE INDEX ON %s (%I), followed by the columns that queries sort or filter by.', check_indexes.relation, wanted));
    END IF;
  END LOOP;
END
$$;
COMMENT ON FUNCTION tenancy_internal.check_indexes(regclass, name[], boolean) IS 'Reports, or makes, the indexes that row filters on these columns need';

CREATE FUNCTION tenancy_internal.check_policies(relation regclass) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  policies text;
BEGIN
  SELECT string_agg(format('"%s" on %s', p.polname, p.polrelid::regclass), ', ' ORDER BY p.polname) INTO policies
  FROM pg_policy p JOIN tenancy_internal.family_of(check_policies.relation) f ON p.polrelid = f
  WHERE p.polpermissive AND p.polname NOT IN ('tenancy_select', 'tenancy_insert', 'tenancy_update', 'tenancy_delete');
  IF policies IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
      MESSAGE = format('table %s has permissive policies: %s', check_policies.relation, policies),
      DETAIL = 'A permissive policy shows rows beside those that the tenancy policies show.',
      HINT = 'Drop them, or make them restrictive.';
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_internal.check_policies(regclass) IS 'Raises 55000 when others'' permissive policies would open a table';

-- Whether there are rows with a workspace and no organization. The policies consider such rows only then, since a filter by
-- organization alone gets better plans.
CREATE FUNCTION tenancy_internal.has_rows_without_organization(relation regclass, organization name, workspace name) RETURNS boolean
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = has_rows_without_organization.relation AND NOT a.attnotnull
                   AND a.attname = has_rows_without_organization.organization) OR has_rows_without_organization.workspace IS NULL THEN
    RETURN false;
  END IF;
  RETURN (SELECT r::boolean FROM tenancy_internal.as_owner(has_rows_without_organization.relation, format(
    'SELECT to_jsonb(EXISTS (SELECT 1 FROM %s t WHERE t.%I IS NULL AND t.%I IS NOT NULL))', has_rows_without_organization.relation,
    has_rows_without_organization.organization, has_rows_without_organization.workspace)) r);
END
$$;
COMMENT ON FUNCTION tenancy_internal.has_rows_without_organization(regclass, name, name) IS 'Whether a table has rows that name a workspace and no organization';

CREATE FUNCTION tenancy.protect(
  relation regclass, resource text, organization name DEFAULT NULL, workspace name DEFAULT NULL, owner name DEFAULT NULL,
  api_key name DEFAULT NULL, payload name[] DEFAULT NULL, create_indexes boolean DEFAULT false, through name[] DEFAULT NULL,
  shared boolean DEFAULT false, fill_nulls boolean DEFAULT false, workspace_implies_organization boolean DEFAULT false,
  actions jsonb DEFAULT NULL, initiator name DEFAULT NULL, audit_reads boolean DEFAULT false)
RETURNS void LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  wanted tenancy.protected_tables;
  member regclass;
  payload_column name;
  -- As it is before the protection of another table of the name is replaced.
  named tenancy.protected_names := tenancy_internal.remembered_name(protect.relation);
  carried tenancy.protected_names;
  members bigint := (SELECT count(*) FROM tenancy_internal.family_of(protect.relation));
  done bigint := 0;
  kept name[];
  twice name;
BEGIN
  IF protect.relation IS NULL OR protect.resource IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed', MESSAGE = 'a table and a resource must be given';
  ELSIF protect.shared IS NULL OR protect.fill_nulls IS NULL OR protect.workspace_implies_organization IS NULL OR protect.audit_reads IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed',
      MESSAGE = 'shared, fill_nulls, workspace_implies_organization and audit_reads must be true or false';
  ELSIF protect.workspace_implies_organization AND (protect.organization IS NULL OR protect.workspace IS NULL) AND protect.through IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
      MESSAGE = 'workspace_implies_organization is about a column for the workspace and one for the organization: both must be given';
  END IF;
  PERFORM tenancy_internal.check_protectable(protect.relation);
  PERFORM tenancy_internal.keep_own(protect.relation);
  PERFORM tenancy_internal.check_resource(protect.resource);
  wanted.resource := protect.resource;
  wanted.payload := protect.payload;
  wanted.shared := protect.shared;
  wanted.fill_nulls := protect.fill_nulls;
  wanted.workspace_implies_organization := protect.workspace_implies_organization;
  wanted.actions := protect.actions;
  wanted.audit_reads := protect.audit_reads;
  IF protect.initiator IS NOT NULL AND protect.through IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'a table that takes its tenant from a parent row has no initiator',
      DETAIL = 'The parent row says whose its rows are.';
  END IF;
  wanted.inherits_owner := false;
  IF protect.through IS NOT NULL THEN
    wanted := tenancy_internal.columns_through(protect.relation, protect.through, protect.organization, protect.workspace, protect.owner,
                                      protect.api_key, wanted);
  ELSE
    wanted.organization_column := protect.organization;
    wanted.workspace_column := protect.workspace;
    wanted.owner_column := coalesce(protect.initiator, protect.owner);
    wanted.writer_column := nullif(protect.owner, wanted.owner_column);
    wanted.api_key_column := protect.api_key;
    IF protect.organization IS NULL AND protect.workspace IS NULL THEN
      RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
        MESSAGE = 'a column for the organization or for the workspace must be given',
        HINT = tenancy_internal.hint_to_parent(protect.relation);
    END IF;
    PERFORM tenancy_internal.check_column(protect.relation, protect.organization, true), tenancy_internal.check_column(protect.relation, protect.workspace, true),
            tenancy_internal.check_column(protect.relation, protect.owner, true), tenancy_internal.check_column(protect.relation, protect.api_key, true),
            tenancy_internal.check_column(protect.relation, protect.initiator, true);
  END IF;
  -- The initiator may be the owner: then one column says both.
  SELECT c."column" INTO twice
  FROM unnest(ARRAY[protect.organization, protect.workspace, protect.owner, protect.api_key, nullif(protect.initiator, protect.owner)]) c ("column")
  WHERE c."column" IS NOT NULL GROUP BY c."column" HAVING count(*) > 1 LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('column "%s" is named twice', twice),
      DETAIL = 'A column says one thing of a row: its organization, its workspace, its user or its API key.';
  END IF;
  FOREACH payload_column IN ARRAY coalesce(protect.payload, '{}') LOOP
    PERFORM tenancy_internal.check_column(protect.relation, payload_column, false);
  END LOOP;
  PERFORM tenancy_internal.check_actions(protect.relation, protect.resource, protect.actions);
  PERFORM tenancy_internal.check_relatives(protect.relation);
  PERFORM tenancy_internal.check_policies(protect.relation);
  PERFORM tenancy_internal.check_children_agree(protect.relation, wanted);
  PERFORM tenancy_internal.check_fill_nulls(protect.relation, wanted);
  IF NOT EXISTS (SELECT FROM tenancy.protected_tables t WHERE t.relation = protect.relation) THEN
    carried := tenancy_internal.carried_protection(protect.relation);
    PERFORM tenancy_internal.check_carried(protect.relation, wanted, carried);
    -- A former child may have other columns by which it keeps its rows, and keeps them.
    IF named.kept_kind IS NULL AND (carried.organization_column, carried.workspace_column) IS NOT DISTINCT FROM (wanted.organization_column, wanted.workspace_column) THEN
      named := carried;
    END IF;
  END IF;

  IF protect.through IS NOT NULL THEN
    PERFORM tenancy_internal.follow_parents(protect.relation, wanted);
  ELSIF EXISTS (SELECT FROM tenancy.protected_tables t WHERE t.relation = protect.relation AND t.through IS NOT NULL) THEN
    PERFORM tenancy_internal.leave_parents(protect.relation);
  END IF;
  wanted.workspace_decides := coalesce(wanted.workspace_decides, false)
    OR tenancy_internal.has_rows_without_organization(protect.relation, wanted.organization_column, wanted.workspace_column);
  PERFORM tenancy_steps.notice(format('table %s is protected as table %s is, and no longer by a call of its own', o.relation, protect.relation),
    hint => format('If it is to be protected as before, use %s.', tenancy_internal.protect_call(o, o.relation)))
  FROM tenancy_internal.protected_by_themselves(protect.relation, wanted) o
  WHERE tenancy_internal.protect_call(o, o.relation) <> tenancy_internal.protect_call(wanted, o.relation);
  FOR member IN SELECT f FROM tenancy_internal.family_of(protect.relation) f LOOP
    PERFORM tenancy_internal.check_protectable(member);
    PERFORM tenancy_internal.hand_name_over(member);
    kept := tenancy_internal.apply_protection(member, wanted);
    PERFORM tenancy_internal.refresh_scoped_views(member);
    done := done + 1;
    IF done % 100 = 0 AND done < members THEN
      PERFORM tenancy_steps.notice(format('%s of %s tables are protected', done, members));
    END IF;
  END LOOP;
  PERFORM tenancy_internal.take_kept(protect.relation, named);

  IF wanted.workspace_decides THEN
    PERFORM tenancy_steps.notice(format('rows of table %s name a workspace and no organization', protect.relation),
      detail => 'They belong to their workspace, for its members and for whoever reaches it otherwise.',
      hint => 'Filters are simpler once every row names its organization, and protect() is called again.');
  END IF;
  IF cardinality(kept) > 0 THEN
    PERFORM tenancy_steps.notice(format('columns with a default of their own keep it: %s', array_to_string(kept, ', ')),
      detail => 'A row whose value isn''t the principal''s is refused on INSERT.');
  END IF;
  IF wanted.owner_column IS NULL AND wanted.api_key_column IS NULL THEN
    PERFORM tenancy_steps.notice(format('table %s does not say who produced a row', protect.relation),
      detail => 'Principals that are restricted to own rows see none of its rows.');
  END IF;
  PERFORM tenancy_internal.check_indexes(protect.relation, ARRAY[wanted.organization_column, wanted.workspace_column]
    || CASE WHEN wanted.through IS NOT NULL AND wanted.through[1] IS DISTINCT FROM wanted.workspace_column THEN wanted.through[1:1] END,
    protect.create_indexes);
  IF wanted.through IS NOT NULL THEN
    PERFORM tenancy_internal.check_covering_indexes(protect.relation, wanted);
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy.protect(regclass, text, name, name, name, name, name[], boolean, name[], boolean, boolean, boolean, jsonb, name, boolean) IS 'Protects a table, and its partitions and children: names the resource whose permissions decide, and the columns with the row''s organization, workspace, user and API key (at least one of the first two); payload: columns with full content (NULL: anywhere, empty: nowhere); reports, or makes, the indexes it needs. through: columns that refer to protected tables, for a table that knows its tenant only by its parent; the first gives each row the parent''s organization, workspace and, unless owner or api_key is given, owner, and keeps them equal. shared: rows that name neither organization nor workspace are read by every principal that may view the resource anywhere, and changed by those to whom no policy applies. fill_nulls: INSERT fills in an explicit NULL as it does a column that is left out. workspace_implies_organization: each row that names a workspace names that workspace''s organization, the caller vouches, as a foreign key would; then the newest rows of who belongs to many workspaces are found by an index on the organization. Where that is not so, such rows are missing there, and nothing else is seen. actions: actions of the resource, and the columns whose change needs them beside update, or beside create where INSERT gives them another value than their default. initiator: column with the user who began what the row is part of; it then says whose own the row is, in place of owner, which says who wrote it. audit_reads: each statement that reads the table leaves an audit entry, whatever becomes of its transaction. Called again, it changes the protection; a NOTICE names partitions and children that were protected by other calls of their own, with these calls. A table whose name is on record as that of one that followed the logging settings follows them as well. 42809, 42703, 42804, 42830, 22023, 55000 when it can''t be, with nothing changed';
REVOKE ALL ON FUNCTION tenancy.protect(regclass, text, name, name, name, name, name[], boolean, name[], boolean, boolean, boolean, jsonb, name, boolean) FROM PUBLIC;
