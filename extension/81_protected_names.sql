-- Names of protected tables. A table that takes such a name (a copy renamed into a protected table's place, or a table dropped
-- and recreated) is protected like the former table, or closed: row security without a policy that lets any row pass.

-- Called for every command on a table, hence in PL/pgSQL, which caches plans.
CREATE FUNCTION tenancy_internal.protected_parent(relation regclass) RETURNS tenancy.protected_tables
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  nearest tenancy.protected_tables;
BEGIN
  IF EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = protected_parent.relation) THEN
    WITH RECURSIVE ancestors AS (
      SELECT i.inhparent, 1 AS distance FROM pg_inherits i WHERE i.inhrelid = protected_parent.relation
      UNION
      SELECT i.inhparent, a.distance + 1 FROM pg_inherits i JOIN ancestors a ON i.inhrelid = a.inhparent
    )
    SELECT t.* INTO nearest FROM ancestors a JOIN tenancy.protected_tables t ON t.relation = a.inhparent ORDER BY a.distance LIMIT 1;
  END IF;
  RETURN nearest;
END
$$;
COMMENT ON FUNCTION tenancy_internal.protected_parent(regclass) IS 'The nearest table above that is protected';

-- By what the policy does: one that is called so might do something else. It is not printed, since constants can have users' types.
CREATE FUNCTION tenancy_internal.is_closed(relation regclass) RETURNS boolean
LANGUAGE plpgsql STABLE STRICT SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  RETURN EXISTS (
    SELECT FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
    WHERE p.polrelid = is_closed.relation AND p.polname = 'tenancy_closed' AND c.relrowsecurity AND c.relforcerowsecurity
      AND NOT p.polpermissive AND p.polcmd = '*' AND p.polroles = '{0}'
      AND p.polqual::text ~ '^[{]CONST :consttype 16 .* :constisnull false .* :constvalue 1 [[]( 0)+ []][}]$');
END
$$;
COMMENT ON FUNCTION tenancy_internal.is_closed(regclass) IS 'Whether guard rails have closed a table';

-- The policy marks a table as closed, and keeps it closed even after a restore.
CREATE FUNCTION tenancy_internal.close_table(relation regclass, why text, hint text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp SET tenancy.guard_rails = off AS $$
DECLARE
  member record;
BEGIN
  PERFORM tenancy_internal.keep_names(close_table.relation, 'share update exclusive');
  FOR member IN
    SELECT f.relid::regclass AS relid, c.relrowsecurity FROM tenancy_internal.family_of(close_table.relation) f (relid) JOIN pg_class c ON c.oid = f.relid
    WHERE NOT tenancy_internal.is_closed(f.relid) AND NOT EXISTS (SELECT FROM tenancy.protected_tables t WHERE t.relation = f.relid) LOOP
    EXECUTE format('ALTER TABLE ONLY %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', member.relid);
    EXECUTE format('CREATE POLICY tenancy_closed ON %s AS RESTRICTIVE USING (false)', member.relid);
    EXECUTE format('COMMENT ON POLICY tenancy_closed ON %s IS %L', member.relid,
                   CASE WHEN member.relrowsecurity THEN 'Closed by pg_tenancy; it had row security before'
                        ELSE 'Closed by pg_tenancy' END);
  END LOOP;
  PERFORM tenancy_steps.warning(format('table %s is closed: %s', close_table.relation, close_table.why), hint => close_table.hint);
END
$$;
COMMENT ON FUNCTION tenancy_internal.close_table(regclass, text, text) IS 'Lets nobody to whom row security applies see or write rows of a table, and its partitions and children, and says why in a warning';

CREATE FUNCTION tenancy_internal.reopen_table(relation regclass) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp SET tenancy.guard_rails = off AS $$
DECLARE
  had_row_security boolean;
BEGIN
  SELECT coalesce(obj_description(p.oid, 'pg_policy') LIKE '%had row security before', false) INTO had_row_security
  FROM pg_policy p WHERE p.polrelid = reopen_table.relation AND p.polname = 'tenancy_closed';
  IF FOUND THEN
    PERFORM tenancy_internal.keep_name(reopen_table.relation);
    EXECUTE format('DROP POLICY tenancy_closed ON %s', reopen_table.relation);
    EXECUTE format('ALTER TABLE ONLY %s NO FORCE ROW LEVEL SECURITY', reopen_table.relation);
    IF NOT had_row_security THEN
      EXECUTE format('ALTER TABLE ONLY %s DISABLE ROW LEVEL SECURITY', reopen_table.relation);
    END IF;
  END IF;
  RETURN had_row_security IS NOT NULL;
END
$$;
COMMENT ON FUNCTION tenancy_internal.reopen_table(regclass) IS 'Takes back what close_table() did to one table; false when it wasn''t closed';

CREATE FUNCTION tenancy_internal.remember_name(relation regclass, perhaps_restored boolean) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  -- A partition or child follows its parent, whatever its name.
  IF (tenancy_internal.protected_parent(remember_name.relation)).relation IS NOT NULL THEN
    RETURN;
  END IF;
  -- A dump restores the names as well, perhaps later.
  IF remember_name.perhaps_restored AND current_setting('check_function_bodies') = 'off' THEN
    UPDATE tenancy.protected_names k SET holder = remember_name.relation
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.oid = remember_name.relation AND k.schema_name = n.nspname AND k.table_name = c.relname AND k.holder IS NULL
      AND tenancy_internal.is_of_its_holder(remember_name.relation, k);
    RETURN;
  END IF;
  INSERT INTO tenancy.protected_names AS known (schema_name, table_name, resource, organization_column, workspace_column,
    owner_column, api_key_column, payload, holder, through, inherits_owner, shared, workspace_decides, fill_nulls,
    workspace_implies_organization, actions, writer_column, audit_reads, kept_kind, kept_content, holder_role)
  SELECT n.nspname, c.relname, t.resource, t.organization_column, t.workspace_column, t.owner_column, t.api_key_column, t.payload, t.relation,
    t.through, t.inherits_owner, t.shared, t.workspace_decides, t.fill_nulls, t.workspace_implies_organization, t.actions, t.writer_column, t.audit_reads,
    l.kind, l.content, pg_get_userbyid(c.relowner)
  FROM tenancy.protected_tables t JOIN pg_class c ON c.oid = t.relation JOIN pg_namespace n ON n.oid = c.relnamespace
  -- That the name is one of a table that follows the logging settings ends with release_table() alone.
  LEFT JOIN tenancy.protected_names former ON (former.schema_name, former.table_name) = (n.nspname, c.relname)
  LEFT JOIN tenancy_internal.kept_tables recorded ON recorded.relation = t.relation
  CROSS JOIN LATERAL (SELECT coalesce(recorded.kind, former.kept_kind), CASE WHEN recorded.kind IS NULL THEN former.kept_content ELSE recorded.content END) l (kind, content)
  WHERE t.relation = remember_name.relation AND NOT EXISTS (
    SELECT FROM tenancy.protected_names k
    WHERE (k.schema_name, k.table_name, k.holder, k.resource) = (n.nspname, c.relname, t.relation, t.resource)
      AND (k.organization_column, k.workspace_column, k.owner_column, k.api_key_column, k.payload, k.through, k.inherits_owner, k.shared,
           k.workspace_decides, k.fill_nulls, k.workspace_implies_organization, k.actions, k.writer_column, k.audit_reads, k.kept_kind, k.kept_content,
           k.holder_role)
          IS NOT DISTINCT FROM (t.organization_column, t.workspace_column, t.owner_column, t.api_key_column, t.payload, t.through,
                                t.inherits_owner, t.shared, t.workspace_decides, t.fill_nulls, t.workspace_implies_organization, t.actions, t.writer_column, t.audit_reads, l.kind, l.content,
                                pg_get_userbyid(c.relowner)))
  ON CONFLICT ON CONSTRAINT protected_names_pkey DO UPDATE
  SET resource = EXCLUDED.resource, organization_column = EXCLUDED.organization_column, workspace_column = EXCLUDED.workspace_column,
      owner_column = EXCLUDED.owner_column, api_key_column = EXCLUDED.api_key_column, payload = EXCLUDED.payload, holder = EXCLUDED.holder,
      through = EXCLUDED.through, inherits_owner = EXCLUDED.inherits_owner, shared = EXCLUDED.shared, workspace_decides = EXCLUDED.workspace_decides,
      fill_nulls = EXCLUDED.fill_nulls, workspace_implies_organization = EXCLUDED.workspace_implies_organization, actions = EXCLUDED.actions,
      writer_column = EXCLUDED.writer_column, audit_reads = EXCLUDED.audit_reads, kept_kind = EXCLUDED.kept_kind, kept_content = EXCLUDED.kept_content,
      holder_role = EXCLUDED.holder_role
  -- Another role's name stays as it is remembered.
  WHERE known.holder = remember_name.relation OR tenancy_internal.is_of_its_holder(remember_name.relation, known);
END
$$;
COMMENT ON FUNCTION tenancy_internal.remember_name(regclass, boolean) IS 'Remembers the present name of a protected table, and how it is protected, unless a dump may be what brings both';

CREATE FUNCTION tenancy_internal.remembered_name(relation regclass) RETURNS tenancy.protected_names
LANGUAGE plpgsql STABLE STRICT SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  named tenancy.protected_names;
BEGIN
  SELECT k.* INTO named FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN tenancy.protected_names k ON k.schema_name = n.nspname AND k.table_name = c.relname
  WHERE c.oid = remembered_name.relation;
  RETURN named;
END
$$;
COMMENT ON FUNCTION tenancy_internal.remembered_name(regclass) IS 'What is remembered of a table''s name';

-- Every fix_sql that protects a table is made here, so that none leaves out what is on record of it.
CREATE FUNCTION tenancy_internal.protect_call(named tenancy.protected_names, relation regclass) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT format('SELECT tenancy.protect(%s)', concat_ws(', ', quote_literal(protect_call.relation::text),
    quote_literal(protect_call.named.resource),
    'organization => ' || quote_literal(protect_call.named.organization_column), 'workspace => '
      || quote_literal(protect_call.named.workspace_column),
    CASE WHEN NOT protect_call.named.inherits_owner THEN 'owner => ' || quote_literal(coalesce(protect_call.named.writer_column, protect_call.named.owner_column)) END,
    CASE WHEN protect_call.named.writer_column IS NOT NULL THEN 'initiator => ' || quote_literal(protect_call.named.owner_column) END,
    CASE WHEN NOT protect_call.named.inherits_owner THEN 'api_key => ' || quote_literal(protect_call.named.api_key_column) END,
    'payload => ' || quote_literal(protect_call.named.payload::text), 'through => ' || quote_literal(protect_call.named.through::text),
    CASE WHEN protect_call.named.shared THEN 'shared => true' END, CASE WHEN protect_call.named.fill_nulls THEN 'fill_nulls => true' END,
    CASE WHEN protect_call.named.workspace_implies_organization THEN 'workspace_implies_organization => true' END,
    'actions => ' || quote_literal(protect_call.named.actions::text),
    CASE WHEN protect_call.named.audit_reads THEN 'audit_reads => true' END))
    || coalesce('; SELECT ' || CASE WHEN protect_call.named.kept_kind IS NOT NULL
                                    THEN tenancy_internal.keep_call(ROW(protect_call.relation, protect_call.named.kept_kind, coalesce(protect_call.named.kept_content, '{}'))) END, '')
$$;
COMMENT ON FUNCTION tenancy_internal.protect_call(tenancy.protected_names, regclass) IS 'The calls that protect a table as the one that had its name, and have it follow the logging settings if that one did';

CREATE FUNCTION tenancy_internal.protect_call(t tenancy.protected_tables, relation regclass) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT tenancy_internal.protect_call(jsonb_populate_record(NULL::tenancy.protected_names, to_jsonb(protect_call.t)), protect_call.relation)
$$;
COMMENT ON FUNCTION tenancy_internal.protect_call(tenancy.protected_tables, regclass) IS 'The call that protects one table as another is recorded, or as is wanted';

CREATE FUNCTION tenancy_internal.with_present_names(t tenancy.protected_tables) RETURNS tenancy.protected_tables
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT jsonb_populate_record(with_present_names.t, CASE WHEN i.problem IS NULL AND i.resource IS NOT NULL THEN jsonb_build_object(
    'organization_column', i.organization, 'workspace_column', i.workspace, 'owner_column', i.owner, 'api_key_column', i.api_key) ELSE '{}' END)
  FROM tenancy_internal.inspect_protection((with_present_names.t).relation) i
$$;
COMMENT ON FUNCTION tenancy_internal.with_present_names(tenancy.protected_tables) IS 'The record of a protected table with the names of columns that its policies have, where these are as protect() made them';

-- protect() of a table has its partitions and children protected as it is. They can have calls of their own afterwards.
CREATE FUNCTION tenancy_internal.protected_by_themselves(relation regclass, wanted tenancy.protected_tables) RETURNS SETOF tenancy.protected_tables
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT m.* FROM tenancy_internal.family_of(protected_by_themselves.relation) WITH ORDINALITY f (relid, n)
  JOIN tenancy.protected_tables r ON r.relation = f.relid CROSS JOIN LATERAL tenancy_internal.with_present_names(r) m
  CROSS JOIN LATERAL tenancy_internal.protected_parent(f.relid) p CROSS JOIN LATERAL tenancy_internal.with_present_names(p) above
  WHERE f.n > 1 AND tenancy_internal.protect_call(m, f.relid)
    <> tenancy_internal.protect_call(CASE WHEN above.relation IS NULL THEN protected_by_themselves.wanted ELSE above END, f.relid)
  ORDER BY f.n
$$;
COMMENT ON FUNCTION tenancy_internal.protected_by_themselves(regclass, tenancy.protected_tables) IS 'Partitions and children of a table that are recorded to be protected in another way than the table above them, or, where there is no such record, than is wanted';

CREATE FUNCTION tenancy_internal.protect_call(t tenancy.protected_tables) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT string_agg(concat_ws('; SELECT ', tenancy_internal.protect_call(m.it, (m.it).relation),
                              (SELECT tenancy_internal.keep_call(k) FROM tenancy_internal.kept_tables k WHERE k.relation = (m.it).relation)), '; ' ORDER BY m.n)
  FROM (SELECT protect_call.t AS it, 0 AS n
        UNION ALL SELECT o, row_number() OVER () FROM tenancy_internal.protected_by_themselves((protect_call.t).relation, protect_call.t) o) m
$$;
COMMENT ON FUNCTION tenancy_internal.protect_call(tenancy.protected_tables) IS 'The calls that protect a table as it is recorded, and have it follow the logging settings if it does, with those of its partitions and children that are protected in another way';

CREATE FUNCTION tenancy_internal.wanted_by_name(named tenancy.protected_names) RETURNS tenancy.protected_tables
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  wanted tenancy.protected_tables;
BEGIN
  wanted.resource := wanted_by_name.named.resource;
  wanted.organization_column := wanted_by_name.named.organization_column;
  wanted.workspace_column := wanted_by_name.named.workspace_column;
  wanted.owner_column := wanted_by_name.named.owner_column;
  wanted.api_key_column := wanted_by_name.named.api_key_column;
  wanted.payload := wanted_by_name.named.payload;
  wanted.through := wanted_by_name.named.through;
  wanted.inherits_owner := wanted_by_name.named.inherits_owner;
  wanted.shared := wanted_by_name.named.shared;
  wanted.workspace_decides := wanted_by_name.named.workspace_decides;
  wanted.fill_nulls := wanted_by_name.named.fill_nulls;
  wanted.workspace_implies_organization := wanted_by_name.named.workspace_implies_organization;
  wanted.actions := wanted_by_name.named.actions;
  wanted.writer_column := wanted_by_name.named.writer_column;
  wanted.audit_reads := wanted_by_name.named.audit_reads;
  RETURN wanted;
END
$$;
COMMENT ON FUNCTION tenancy_internal.wanted_by_name(tenancy.protected_names) IS 'How a table is to be protected that has taken a protected one''s name';

-- The reason why a table can't be protected like the former table of its name, or NULL.
CREATE FUNCTION tenancy_internal.unlike_its_name(relation regclass, named tenancy.protected_names, made boolean) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  missing text;
  policy name;
BEGIN
  IF NOT tenancy_internal.is_of_its_holder(unlike_its_name.relation, unlike_its_name.named) THEN
    RETURN 'a table of this name was protected, and belonged to another role';
  END IF;
  SELECT string_agg(format('"%s"', v.wanted), ', ') INTO missing
  FROM (VALUES (unlike_its_name.named.organization_column), (unlike_its_name.named.workspace_column),
    (unlike_its_name.named.owner_column), (unlike_its_name.named.api_key_column), (unlike_its_name.named.writer_column)) v (wanted)
  WHERE v.wanted IS NOT NULL AND NOT EXISTS (
    SELECT FROM pg_attribute a WHERE a.attrelid = unlike_its_name.relation AND a.attname = v.wanted AND a.attnum > 0
      AND NOT a.attisdropped AND tenancy_internal.is_id_type(a.atttypid, a.attcollation));
  IF missing IS NOT NULL THEN
    RETURN format('a table of this name was protected by columns that it does not have: %s', missing);
  END IF;
  -- With triggers or existing rows, policies are not enough.
  IF unlike_its_name.named.through IS NOT NULL THEN
    RETURN format('a table of this name took its tenant from a parent row (through => %L)', unlike_its_name.named.through::text);
  END IF;
  IF unlike_its_name.named.kept_kind IS NOT NULL THEN
    SELECT format('column "%s" does not exist', v.wanted) INTO missing FROM unnest(unlike_its_name.named.kept_content) v (wanted)
    WHERE NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = unlike_its_name.relation AND a.attname = v.wanted AND a.attnum > 0 AND NOT a.attisdropped) LIMIT 1;
    missing := coalesce(tenancy_internal.problem_of_keeping(unlike_its_name.relation, unlike_its_name.named.organization_column,
                                                            unlike_its_name.named.workspace_column, unlike_its_name.named.kept_content), missing);
    IF missing IS NOT NULL THEN
      RETURN format('a table of this name followed the logging settings, and %s', missing);
    END IF;
  END IF;
  -- If the former table still exists under another name, the new one is most likely something else.
  IF unlike_its_name.made AND EXISTS (SELECT FROM tenancy.protected_tables t WHERE t.relation = unlike_its_name.named.holder) THEN
    RETURN format('%s, which is protected, had its name', unlike_its_name.named.holder);
  END IF;
  SELECT p.polname INTO policy FROM pg_policy p
  WHERE p.polrelid IN (SELECT tenancy_internal.family_of(unlike_its_name.relation)) AND p.polpermissive LIMIT 1;
  IF FOUND THEN
    RETURN format('a table of this name was protected, and it has the permissive policy "%s"', policy);
  END IF;
  -- The policies of a dump have yet to be restored; it renames nothing.
  IF unlike_its_name.made AND current_setting('check_function_bodies') = 'off' THEN
    RETURN 'a table of this name was protected, and it is being restored';
  END IF;
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION tenancy_internal.unlike_its_name(regclass, tenancy.protected_names, boolean) IS 'Why a table that has taken (made: been made under) the name of a protected one isn''t to be protected like it, or NULL';

CREATE FUNCTION tenancy_internal.protect_by_name(relation regclass, named tenancy.protected_names) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  PERFORM tenancy_internal.apply_protection(protect_by_name.relation, tenancy_internal.wanted_by_name(protect_by_name.named));
  PERFORM tenancy_internal.take_kept(protect_by_name.relation, protect_by_name.named);
END
$$;
COMMENT ON FUNCTION tenancy_internal.protect_by_name(regclass, tenancy.protected_names) IS 'Protects one table as the former table of its name was, which includes following the logging settings';

CREATE FUNCTION tenancy_internal.take_name(relation regclass, made boolean) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  named tenancy.protected_names := tenancy_internal.remembered_name(take_name.relation);
  unlike text;
BEGIN
  -- Its own name: protection was removed while the guard rails were off, which advise() reports. An extension's tables are not tenants'.
  IF named.table_name IS NULL OR named.holder = take_name.relation
    OR EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = take_name.relation AND d.deptype = 'e') THEN
    RETURN;
  END IF;
  IF (SELECT c.relkind = 'f' FROM pg_class c WHERE c.oid = take_name.relation) THEN
    RAISE EXCEPTION USING ERRCODE = 'wrong_object_type',
      MESSAGE = format('foreign table %s cannot have the name of a protected table', take_name.relation),
      DETAIL = 'Row security does not apply to foreign tables.',
      HINT = format('Use tenancy.forget(%L) if it holds nothing of tenants.', take_name.relation::text);
  END IF;
  -- The table is there on this node only, and whatever is done to it would be done on the others.
  IF tenancy_steps.is_distributed(take_name.relation) THEN
    RAISE EXCEPTION USING ERRCODE = 'feature_not_supported', MESSAGE = format('table %s is protected, and cannot be replaced by a distributed one', take_name.relation),
      DETAIL = 'alter_distributed_table() makes a new table, which would have its name.',
      HINT = 'Use undistribute_table(), tenancy.protect() and tenancy.distribute().';
  END IF;
  PERFORM tenancy_internal.keep_own(take_name.relation);
  unlike := tenancy_internal.unlike_its_name(take_name.relation, named, take_name.made);
  IF unlike IS NOT NULL THEN
    PERFORM tenancy_internal.close_table(take_name.relation, unlike,
      format('SELECT tenancy.protect(%L, %L, ...), or tenancy.forget(%1$L) if it holds nothing of tenants.',
        take_name.relation::text, named.resource));
    RETURN;
  END IF;
  PERFORM tenancy_internal.protect_by_name(take_name.relation, named);
  PERFORM tenancy_internal.protect_child(f) FROM tenancy_internal.family_of(take_name.relation) f WHERE f <> take_name.relation;
  PERFORM tenancy_steps.notice(format('table %s is protected, as the table of this name was before it', take_name.relation),
    hint => format('Use tenancy.unprotect(%L) if it holds nothing of tenants.', take_name.relation::text));
END
$$;
COMMENT ON FUNCTION tenancy_internal.take_name(regclass, boolean) IS 'Protects or closes a table that has taken (made: been made under) the name of a protected one; 42809 for a foreign table, 0A000 for one that Citus distributes';

-- A copy by LIKE has the defaults, but no other part of the protection.
CREATE FUNCTION tenancy_internal.fills_in_tenants(relation regclass) RETURNS boolean
LANGUAGE sql STABLE STRICT SET search_path = pg_catalog, tenancy, pg_temp SET quote_all_identifiers = off AS $$
  SELECT EXISTS (
    SELECT FROM pg_attrdef d JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
    WHERE d.adrelid = fills_in_tenants.relation AND a.attgenerated = ''
      AND pg_get_expr(d.adbin, d.adrelid) ~ '^[(]?(tenancy[.])?current_((organization|workspace)_id[(][)]|external_id[(]''(organization|workspace)'')')
$$;
COMMENT ON FUNCTION tenancy_internal.fills_in_tenants(regclass) IS 'Whether a column''s default is the organization or the workspace of the session''s principal';

CREATE FUNCTION tenancy_internal.is_granted(relation regclass) RETURNS boolean
LANGUAGE plpgsql STABLE STRICT SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  RETURN EXISTS (
    SELECT FROM pg_class c
    CROSS JOIN LATERAL (SELECT g.grantee FROM aclexplode(c.relacl) g
                        UNION ALL SELECT g.grantee FROM pg_attribute a CROSS JOIN aclexplode(a.attacl) g
                        WHERE a.attrelid = c.oid AND a.attacl IS NOT NULL) g
    LEFT JOIN pg_roles r ON r.oid = g.grantee
    WHERE c.oid = is_granted.relation AND g.grantee <> c.relowner AND NOT coalesce(r.rolsuper OR r.rolbypassrls, false));
END
$$;
COMMENT ON FUNCTION tenancy_internal.is_granted(regclass) IS 'Whether somebody other than its owner, to whom row security applies, has rights on a table';

-- Ignored while no other role has privileges, so that an owner can fill a copy and attach it.
CREATE FUNCTION tenancy_internal.close_copy(relation regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = close_copy.relation AND c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
                   AND NOT c.relrowsecurity
                   AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.atthasdef)) THEN
    RETURN;
  END IF;
  IF tenancy_internal.is_granted(close_copy.relation) THEN
    IF tenancy_internal.fills_in_tenants(close_copy.relation)
      AND NOT EXISTS (SELECT FROM tenancy.protected_tables t WHERE t.relation = close_copy.relation) THEN
      PERFORM tenancy_internal.close_table(close_copy.relation,
        'it fills in the tenant as a protected table does, and others than its owner have rights on it',
        format('SELECT tenancy.protect(%L, <resource>, ...), or give it row security of its own.', close_copy.relation::text));
    END IF;
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_internal.close_copy(regclass) IS 'Closes a table that has the defaults of a protected one, no row security, and rights for others';

CREATE FUNCTION tenancy_internal.require_owner(relation regclass) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM pg_class c WHERE c.oid = require_owner.relation AND c.relkind IN ('r', 'p')) THEN
    PERFORM tenancy_internal.check_protectable(require_owner.relation);
  ELSE
    PERFORM tenancy_internal.require_dba();
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_internal.require_owner(regclass) IS 'Raises 42501 unless the caller owns the table, or, where there is none, is a DBA';

-- The one place where a name goes out of the catalog: a name that a table had once can be a protected one's by now, perhaps another role's.
CREATE FUNCTION tenancy_internal.forget_name(named tenancy.protected_names) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  DELETE FROM tenancy.protected_names k WHERE (k.schema_name, k.table_name) = (forget_name.named.schema_name, forget_name.named.table_name);
  -- A session that has just protected that table has been waited for, and an old snapshot does not show what it did.
  PERFORM tenancy_internal.require_current('{tenancy.protected_tables,tenancy.protected_names}');
  PERFORM tenancy_internal.remember_name(t.relation, false)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN tenancy.protected_tables t ON t.relation = c.oid
  WHERE (n.nspname, c.relname) = (forget_name.named.schema_name, forget_name.named.table_name);
END
$$;
COMMENT ON FUNCTION tenancy_internal.forget_name(tenancy.protected_names) IS 'Forgets what is remembered of a name, and remembers the protected table that has it now, if there is one';

CREATE FUNCTION tenancy.forget(name text) RETURNS void
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  parts text[] := parse_ident(forget.name);
  candidates text[];
  the_table regclass;
BEGIN
  PERFORM tenancy_internal.check_given('name', forget.name);
  IF cardinality(parts) > 2 THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('"%s" is no name of a table', forget.name);
  END IF;
  SELECT array_agg(DISTINCT format('%I.%I', c.schema_name, c.table_name)) INTO candidates
  FROM (SELECT k.schema_name, k.table_name FROM tenancy.protected_names k
        UNION SELECT n.nspname, c.relname FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE p.polname = 'tenancy_closed') c
  WHERE CASE cardinality(parts) WHEN 1 THEN c.table_name = parts[1] WHEN 2 THEN (c.schema_name, c.table_name) = (parts[1], parts[2]) END;
  IF candidates IS NULL THEN
    PERFORM tenancy_internal.require_owner(to_regclass(forget.name));
    RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = format('nothing is remembered of a table "%s"', forget.name),
      HINT = 'See tenancy.protected_names.';
  ELSIF cardinality(candidates) > 1 THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('table name "%s" is ambiguous', forget.name),
      HINT = 'Name the schema, too.';
  END IF;
  the_table := to_regclass(candidates[1]);
  PERFORM tenancy_internal.require_owner(the_table);
  IF EXISTS (SELECT FROM tenancy.protected_names k WHERE format('%I.%I', k.schema_name, k.table_name) = candidates[1] AND NOT tenancy_internal.decides_name(k)) THEN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = format('the name %s is remembered for another role', candidates[1]),
      DETAIL = 'A protected table of that role had it, and the role''s next table of this name is to be protected.',
      HINT = 'Give the table another name, or have that role or a DBA forget this one.';
  END IF;
  IF EXISTS (SELECT FROM tenancy.protected_tables t WHERE t.relation = the_table) THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = format('table %s is protected', the_table),
      HINT = 'Use tenancy.unprotect() instead.';
  END IF;
  IF tenancy_internal.is_closed(the_table) AND tenancy_internal.is_granted(the_table) AND tenancy_internal.fills_in_tenants(the_table) THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
      MESSAGE = format('table %s fills in the tenant as a protected table does', the_table),
      HINT = 'Drop the defaults of its tenant columns first, or protect it.';
  END IF;
  IF the_table IS NOT NULL THEN
    PERFORM tenancy_internal.keep_own(the_table);
    PERFORM tenancy_internal.reopen_table(f) FROM tenancy_internal.family_of(the_table) f;
  END IF;
  PERFORM tenancy_internal.forget_name(k) FROM tenancy.protected_names k WHERE format('%I.%I', k.schema_name, k.table_name) = candidates[1];
END
$$;
COMMENT ON FUNCTION tenancy.forget(text) IS 'Forgets that a table of the name was protected, and opens the table of the name if it was closed; for its owner with the rights of the role whose table was protected, or a DBA that owns it, and where there is no such table for a DBA; 55000 for a protected table, 42704 when nothing is remembered, 22023 when the name is remembered in several schemas';
REVOKE ALL ON FUNCTION tenancy.forget(text) FROM PUBLIC;

-- Chunks are created without DDL, so event triggers do not fire. Reads the timescaledb extension's own table only.
CREATE FUNCTION tenancy_internal.is_hypertable(relation regclass) RETURNS boolean
LANGUAGE plpgsql STABLE STRICT SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  catalog regclass;
  found_one boolean;
BEGIN
  SELECT c.oid INTO catalog FROM pg_extension e
  JOIN pg_depend d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.deptype = 'e' AND d.classid = 'pg_class'::regclass
  JOIN pg_class c ON c.oid = d.objid AND c.relkind = 'r' AND c.relname = 'hypertable' AND c.relowner = e.extowner
  JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = '_timescaledb_catalog'
  WHERE e.extname = 'timescaledb';
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  EXECUTE format('SELECT EXISTS (SELECT FROM %s h JOIN pg_class c ON c.oid = $1 JOIN pg_namespace n ON n.oid = c.relnamespace
                                 WHERE h.schema_name = n.nspname AND h.table_name = c.relname)', catalog)
    INTO found_one USING is_hypertable.relation;
  RETURN found_one;
END
$$;
COMMENT ON FUNCTION tenancy_internal.is_hypertable(regclass) IS 'Whether a table is a hypertable of TimescaleDB, whose chunks are made without DDL';

-- Nobody but an administrator of the server can have made a table of that name there.
CREATE FUNCTION tenancy_steps.is_distributed(relation regclass) RETURNS boolean
LANGUAGE plpgsql STABLE STRICT SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  found_one boolean;
BEGIN
  IF to_regclass('pg_catalog.pg_dist_partition') IS NULL THEN
    RETURN false;
  END IF;
  EXECUTE 'SELECT EXISTS (SELECT FROM pg_catalog.pg_dist_partition d WHERE d.logicalrelid = $1)' INTO found_one USING is_distributed.relation;
  RETURN found_one;
END
$$;
COMMENT ON FUNCTION tenancy_steps.is_distributed(regclass) IS 'Whether Citus has a table on other nodes, which do not know the session''s principal';

CREATE FUNCTION tenancy_internal.is_part_of_other_node(relation regclass) RETURNS boolean
LANGUAGE plpgsql STABLE STRICT SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  found_one boolean;
BEGIN
  IF to_regclass('pg_catalog.pg_dist_partition') IS NULL THEN
    RETURN false;
  END IF;
  EXECUTE 'SELECT pg_catalog.relation_is_a_known_shard($1) OR EXISTS (
             SELECT FROM pg_catalog.pg_dist_partition d, pg_catalog.pg_dist_local_group g WHERE d.logicalrelid = $1 AND g.groupid <> 0)'
    INTO found_one USING is_part_of_other_node.relation;
  RETURN found_one;
END
$$;
COMMENT ON FUNCTION tenancy_internal.is_part_of_other_node(regclass) IS 'Whether a table is a shard of Citus, or stands for one that another node distributes and has the record of';
