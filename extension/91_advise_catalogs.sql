-- advise(): the catalogs of pg_tenancy, and administrators.

CREATE FUNCTION tenancy_internal.advice_dangling_catalog_rows() RETURNS TABLE (severity text, object text, problem text, fix_sql text)
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  reference record;
  dangling bigint;
BEGIN
  -- A restore is not checked, see begin_restore(); a partial restore of the catalogs leaves dangling references.
  FOR reference IN
    SELECT format('%s.%I', r.relnamespace::regnamespace, r.relname) AS referring, format('%s.%I', t.relnamespace::regnamespace, t.relname) AS referred,
           (SELECT string_agg(format('r.%I = t.%I', mine.attname, theirs.attname), ' AND ' ORDER BY u.n)
            FROM unnest(k.conkey, k.confkey) WITH ORDINALITY u (here, there, n)
            JOIN pg_attribute mine ON mine.attrelid = k.conrelid AND mine.attnum = u.here
            JOIN pg_attribute theirs ON theirs.attrelid = k.confrelid AND theirs.attnum = u.there) AS agree,
           (SELECT string_agg(format('r.%I IS NOT NULL', a.attname), ' AND ') FROM pg_attribute a
            WHERE a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey)) AS refers
    FROM pg_constraint k JOIN pg_class r ON r.oid = k.conrelid JOIN pg_class t ON t.oid = k.confrelid
    WHERE k.contype = 'f' AND k.connamespace IN ('tenancy'::regnamespace, 'tenancy_internal'::regnamespace) ORDER BY k.conname LOOP
    EXECUTE format('SELECT count(*) FROM %s r WHERE %s AND NOT EXISTS (SELECT FROM %s t WHERE %s)',
                   reference.referring, reference.refers, reference.referred, reference.agree) INTO dangling;
    IF dangling > 0 THEN
      advice_dangling_catalog_rows.severity := 'error';
      advice_dangling_catalog_rows.object := reference.referring;
      advice_dangling_catalog_rows.problem := format('rows that refer to nothing in %s: %s', reference.referred, dangling);
      advice_dangling_catalog_rows.fix_sql := format('DELETE FROM %s r WHERE %s AND NOT EXISTS (SELECT FROM %s t WHERE %s)',
                        reference.referring, reference.refers, reference.referred, reference.agree);
      RETURN NEXT;
    END IF;
  END LOOP;
END
$$;
COMMENT ON FUNCTION tenancy_internal.advice_dangling_catalog_rows() IS 'Rows of the catalogs that refer to nothing';

-- Triggers keep them equal, unless a superuser has disabled these. An update of the keys stores it anew.
CREATE FUNCTION tenancy_internal.advice_derived_key() RETURNS TABLE (severity text, object text, problem text, fix_sql text)
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT 'error', 'tenancy.api_key_secrets', format('what is stored of API keys is not what the catalogs say: %s', count(DISTINCT s.api_key_id)),
         format('UPDATE tenancy.api_keys k SET name = name WHERE api_key_id = ANY (%L::uuid[])', array_agg(DISTINCT s.api_key_id))
  FROM tenancy.api_key_secrets s
  -- A copy of a database has what was derived in the other one, and does not use it.
  WHERE tenancy_internal.is_derived_here(s.derived) AND s.derived IS DISTINCT FROM tenancy_internal.derived_of_key(s.api_key_id)
  HAVING count(*) > 0
$$;
COMMENT ON FUNCTION tenancy_internal.advice_derived_key() IS 'API keys of which something else is stored than the catalogs say';

-- Leaving revokes them. A dump of version 1.0 has unrevoked ones, and where it is restored into this version, no update revokes them.
-- Roles that have ended count until their rows go, which revokes the keys.
CREATE FUNCTION tenancy_internal.advice_keys_of_leavers() RETURNS TABLE (severity text, object text, problem text, fix_sql text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  is_of_leaver CONSTANT text := 'k.user_id IS NOT NULL AND k.revoked_at IS NULL
    AND NOT EXISTS (SELECT FROM tenancy.workspace_members m WHERE m.workspace_id = k.workspace_id AND m.user_id = k.user_id)
    AND NOT EXISTS (SELECT FROM tenancy.organization_members m JOIN tenancy.roles r ON r.role_id = m.role_id
                    WHERE m.organization_id = k.organization_id AND m.user_id = k.user_id AND r.all_workspaces)
    AND NOT EXISTS (SELECT FROM tenancy.group_members m JOIN tenancy.group_roles g ON g.group_id = m.group_id JOIN tenancy.roles r ON r.role_id = g.role_id
                    WHERE m.organization_id = k.organization_id AND m.user_id = k.user_id AND (g.workspace_id = k.workspace_id OR r.all_workspaces))';
  keys bigint;
BEGIN
  EXECUTE 'SELECT count(*) FROM tenancy.api_keys k WHERE ' || is_of_leaver INTO keys;
  IF keys > 0 THEN
    advice_keys_of_leavers.severity := 'error';
    advice_keys_of_leavers.object := 'tenancy.api_keys';
    advice_keys_of_leavers.problem := format('keys of users who have left are not revoked: %s; they are valid again when their users return', keys);
    advice_keys_of_leavers.fix_sql := 'UPDATE tenancy.api_keys k SET revoked_at = now() WHERE ' || regexp_replace(is_of_leaver, '[[:space:]]+', ' ', 'g');
    RETURN NEXT;
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_internal.advice_keys_of_leavers() IS 'User keys that are not revoked though their users have left, as a dump of version 1.0 has them';

-- Set by a trigger, unless a superuser has disabled it.
CREATE FUNCTION tenancy_internal.advice_keys_without_policy() RETURNS TABLE (severity text, object text, problem text, fix_sql text)
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT 'warning', o.slug, format('API keys to which its policy does not apply: %s', count(*)),
         format('SELECT tenancy.set_key_policy(%L, %L, %L)', o.slug, o.key_max_age, o.key_warning)
  FROM tenancy.api_keys k JOIN tenancy.organizations o ON o.organization_id = k.organization_id
  WHERE o.key_max_age IS NOT NULL AND k.rotate_by IS NULL AND k.revoked_at IS NULL AND k.deleted_at IS NULL
  GROUP BY o.organization_id, o.slug, o.key_max_age, o.key_warning
$$;
COMMENT ON FUNCTION tenancy_internal.advice_keys_without_policy() IS 'API keys that need not be rotated though their organization has a policy';

-- A mark that is missing takes a right away, and gives none.
CREATE FUNCTION tenancy_internal.advice_unmarked_members() RETURNS TABLE (severity text, object text, problem text, fix_sql text)
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT 'warning', 'tenancy.organization_members', format('members whose roles by groups and elevations count for nothing: %s', count(*)),
         'UPDATE tenancy.organization_members m SET has_more_roles = true WHERE NOT m.has_more_roles AND (m.organization_id, m.user_id) IN '
         '(SELECT g.organization_id, g.user_id FROM tenancy.group_members g UNION SELECT e.organization_id, e.user_id FROM tenancy.elevations e)'
  FROM tenancy.organization_members m
  WHERE NOT m.has_more_roles AND (m.organization_id, m.user_id) IN
    (SELECT g.organization_id, g.user_id FROM tenancy.group_members g UNION SELECT e.organization_id, e.user_id FROM tenancy.elevations e)
  HAVING count(*) > 0
$$;
COMMENT ON FUNCTION tenancy_internal.advice_unmarked_members() IS 'Members whose sessions look for no roles by groups and elevations though there are some';

-- One that is missing gives what a setting takes away.
CREATE FUNCTION tenancy_internal.advice_unmarked_organizations() RETURNS TABLE (severity text, object text, problem text, fix_sql text)
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT 'error', o.slug, 'grants, visibility or settings of its own count for nothing',
         format('UPDATE tenancy.organizations SET has_overrides = true WHERE organization_id = %L', o.organization_id)
  FROM tenancy.organizations o WHERE o.organization_id IN (SELECT tenancy_internal.unmarked_organizations())
$$;
COMMENT ON FUNCTION tenancy_internal.advice_unmarked_organizations() IS 'Organizations whose members'' sessions look for nothing of its own though there is something';

CREATE FUNCTION tenancy_internal.advice_keys_to_be_rotated() RETURNS TABLE (severity text, object text, problem text, fix_sql text)
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT 'warning', o.slug, format('%s of its API keys are refused until they are rotated, and %s soon will be',
           count(*) FILTER (WHERE k.rotate_by <= now()), count(*) FILTER (WHERE k.rotate_by > now())), NULL::text
  FROM tenancy.api_keys k JOIN tenancy.organizations o ON o.organization_id = k.organization_id
  WHERE least(k.rotation_due_at, k.rotate_by) <= now() AND k.revoked_at IS NULL AND k.deleted_at IS NULL AND (k.expires_at > now()) IS NOT FALSE
  GROUP BY o.slug
$$;
COMMENT ON FUNCTION tenancy_internal.advice_keys_to_be_rotated() IS 'API keys that are too old for their organization''s policy, or soon will be';

CREATE FUNCTION tenancy_internal.advice_key_networks() RETURNS TABLE (severity text, object text, problem text, fix_sql text)
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT 'info', o.slug, format('%s of its API keys may be used from some networks only: behind a pooler or proxy, the address is the pooler''s', count(*)), NULL::text
  FROM tenancy.api_keys k JOIN tenancy.organizations o ON o.organization_id = k.organization_id
  WHERE k.allowed_networks <> '{local}' AND k.revoked_at IS NULL AND k.deleted_at IS NULL AND (k.expires_at > now()) IS NOT FALSE
  GROUP BY o.slug
$$;
COMMENT ON FUNCTION tenancy_internal.advice_key_networks() IS 'API keys that may be used from some networks, which are addresses of connections to the server';

CREATE FUNCTION tenancy_internal.advice_foreign_code_on_catalogs() RETURNS TABLE (severity text, object text, problem text, fix_sql text)
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT 'error', f.problem, 'it runs with the rights of the owner of pg_tenancy, who is a superuser', NULL::text
  FROM tenancy_steps.foreign_code_on_catalogs() f
$$;
COMMENT ON FUNCTION tenancy_internal.advice_foreign_code_on_catalogs() IS 'Code of others that changes of the catalogs set off';

CREATE FUNCTION tenancy_internal.advice_open_schema() RETURNS TABLE (severity text, object text, problem text, fix_sql text)
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  WITH places AS (
    SELECT n.oid, n.nspname, n.nspowner, n.nspacl FROM pg_namespace n
    WHERE n.oid IN ('tenancy'::regnamespace, 'tenancy_internal'::regnamespace, 'tenancy_steps'::regnamespace)
  ), objects (class, id, place, owner) AS (
    SELECT 'pg_class'::regclass, c.oid, c.relnamespace, c.relowner FROM pg_class c WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
    UNION ALL SELECT 'pg_proc'::regclass, p.oid, p.pronamespace, p.proowner FROM pg_proc p
    UNION ALL SELECT 'pg_operator'::regclass, o.oid, o.oprnamespace, o.oprowner FROM pg_operator o
    UNION ALL SELECT 'pg_type'::regclass, t.oid, t.typnamespace, t.typowner FROM pg_type t
    UNION ALL SELECT 'pg_collation'::regclass, c.oid, c.collnamespace, c.collowner FROM pg_collation c
    UNION ALL SELECT 'pg_opclass'::regclass, c.oid, c.opcnamespace, c.opcowner FROM pg_opclass c
    UNION ALL SELECT 'pg_opfamily'::regclass, f.oid, f.opfnamespace, f.opfowner FROM pg_opfamily f
    UNION ALL SELECT 'pg_conversion'::regclass, c.oid, c.connamespace, c.conowner FROM pg_conversion c
    UNION ALL SELECT 'pg_ts_config'::regclass, c.oid, c.cfgnamespace, c.cfgowner FROM pg_ts_config c
    UNION ALL SELECT 'pg_ts_dict'::regclass, d.oid, d.dictnamespace, d.dictowner FROM pg_ts_dict d
  )
  SELECT 'error', n.nspname::text, format('%s may create objects in it, which are found before the extension''s own', CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(a.grantee)::text END),
         format('REVOKE CREATE ON SCHEMA %I FROM %s', n.nspname, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END)
  FROM places n CROSS JOIN aclexplode(n.nspacl) a WHERE a.privilege_type = 'CREATE' AND a.grantee <> n.nspowner
  UNION ALL
  SELECT 'error', n.nspname::text, format('it is owned by %I, and the extension by %I', pg_get_userbyid(n.nspowner), pg_get_userbyid(e.extowner)),
         format('ALTER SCHEMA %I OWNER TO %I', n.nspname, pg_get_userbyid(e.extowner))
  FROM places n JOIN pg_extension e ON e.extname = 'pg_tenancy' AND e.extowner <> n.nspowner
  UNION ALL
  SELECT 'error', format('%s %s', i.type, i.identity), format('it is in a schema of the extension, and owned by %I', pg_get_userbyid(o.owner)),
         format('DROP %s %s', upper(i.type), i.identity)
  FROM objects o JOIN places n ON n.oid = o.place CROSS JOIN pg_identify_object(o.class, o.id, 0) i
  WHERE o.owner <> n.nspowner
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = o.class AND d.objid = o.id AND d.deptype IN ('e', 'i'))
$$;
COMMENT ON FUNCTION tenancy_internal.advice_open_schema() IS 'Schemas of the extension in which others may create objects, and objects that they have created there';

CREATE FUNCTION tenancy_internal.advice_administrators() RETURNS TABLE (severity text, object text, problem text, fix_sql text)
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT 'info', r.rolname::text,
         CASE WHEN has_type_privilege(r.oid, 'tenancy.administrator', 'USAGE') THEN 'it is a DBA: it administers all tenants'
              ELSE 'it may create organizations' END,
         CASE WHEN a.grantee = r.oid THEN format('REVOKE USAGE ON TYPE tenancy.%I FROM %I', t.typname, r.rolname)
              WHEN EXISTS (SELECT FROM pg_auth_members m WHERE m.roleid = a.grantee AND m.member = r.oid)
              THEN format('REVOKE %I FROM %I', pg_get_userbyid(a.grantee), r.rolname) END
  FROM pg_type t CROSS JOIN aclexplode(t.typacl) a JOIN pg_roles r ON pg_has_role(r.oid, a.grantee, 'MEMBER')
  WHERE t.oid IN ('tenancy.administrator'::regtype, 'tenancy.sign_up'::regtype) AND a.grantee <> t.typowner AND NOT r.rolsuper
$$;
COMMENT ON FUNCTION tenancy_internal.advice_administrators() IS 'Roles that administer tenants';

CREATE FUNCTION tenancy_internal.advice_everybody_administers() RETURNS TABLE (severity text, object text, problem text, fix_sql text)
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT 'error', t.oid::regtype::text, 'PUBLIC holds USAGE', format('REVOKE USAGE ON TYPE tenancy.%I FROM PUBLIC', t.typname)
  FROM pg_type t CROSS JOIN aclexplode(t.typacl) a
  WHERE t.oid IN ('tenancy.administrator'::regtype, 'tenancy.sign_up'::regtype) AND a.grantee = 0
$$;
COMMENT ON FUNCTION tenancy_internal.advice_everybody_administers() IS 'Rights of administrators that PUBLIC holds';

CREATE FUNCTION tenancy_internal.advice_subscribed_log() RETURNS TABLE (severity text, object text, problem text, fix_sql text)
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT 'error', s.subname::text,
         format('it writes %s, to which this server adds rows of its own: one refused credential can end it, after which no revocation arrives',
                string_agg(format('%s.%I', c.relnamespace::regnamespace, c.relname), ', ' ORDER BY c.relname)),
         -- The tables are to leave the publication first, on the other server; until then this changes nothing.
         format('ALTER SUBSCRIPTION %I REFRESH PUBLICATION WITH (copy_data = false)', s.subname)
  FROM pg_subscription_rel r JOIN pg_subscription s ON s.oid = r.srsubid JOIN pg_class c ON c.oid = r.srrelid
  WHERE r.srrelid IN ('tenancy.audit_log'::regclass, 'tenancy.audit_heads'::regclass, 'tenancy_internal.api_key_uses'::regclass)
  GROUP BY s.oid, s.subname
$$;
COMMENT ON FUNCTION tenancy_internal.advice_subscribed_log() IS 'Subscriptions to catalogs that this server writes by itself, such as the audit log, which can end them';
