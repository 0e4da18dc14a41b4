-- Writes every change of the catalogs into the audit log, in whichever way it is made.

CREATE FUNCTION tenancy_internal.audit_action(relation name, operation text, old_row jsonb, new_row jsonb) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF audit_action.relation = 'api_keys' AND audit_action.operation = 'UPDATE' THEN
    IF audit_action.old_row ->> 'deleted_at' IS NULL AND audit_action.new_row ->> 'deleted_at' IS NOT NULL THEN
      RETURN 'delete';
    ELSIF audit_action.old_row ->> 'revoked_at' IS NULL AND audit_action.new_row ->> 'revoked_at' IS NOT NULL THEN
      RETURN 'revoke';
    ELSIF audit_action.old_row -> 'rotated_at' IS DISTINCT FROM audit_action.new_row -> 'rotated_at' THEN
      RETURN 'rotate';
    END IF;
  ELSIF audit_action.relation = 'invitations' AND audit_action.operation = 'DELETE' THEN
    RETURN 'end';  -- whichever way
  ELSIF audit_action.relation = 'ended_tokens' AND audit_action.operation <> 'DELETE' THEN
    RETURN 'revoke';
  ELSIF audit_action.relation = 'api_key_secrets' THEN
    RETURN CASE audit_action.operation WHEN 'INSERT' THEN 'add_secret' WHEN 'DELETE' THEN 'remove_secret' ELSE 'update_secret' END;
  END IF;
  RETURN CASE audit_action.operation WHEN 'INSERT' THEN 'create' WHEN 'DELETE' THEN 'delete' ELSE 'update' END;
END
$$;
COMMENT ON FUNCTION tenancy_internal.audit_action(name, text, jsonb, jsonb) IS 'What a change of a catalog''s row means: create, update, delete; of an invitation end; of a user''s tokens revoke; of a key also revoke and rotate; of its secrets add_secret, update_secret, remove_secret';

CREATE FUNCTION tenancy_internal.name_of_dropped(relation oid) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp SET quote_all_identifiers = off AS $$
BEGIN
  RETURN (SELECT d.object_identity FROM pg_event_trigger_dropped_objects() d
          WHERE d.classid = 'pg_class'::regclass AND d.objid = name_of_dropped.relation AND d.objsubid = 0);
EXCEPTION WHEN event_trigger_protocol_violated THEN
  RETURN NULL;  -- gone for longer
END
$$;
COMMENT ON FUNCTION tenancy_internal.name_of_dropped(oid) IS 'Name of a table that is just being dropped, or NULL';

CREATE FUNCTION tenancy_internal.audit_change() RETURNS trigger
LANGUAGE tenancy_unit SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp
SET enable_seqscan = off AS $$
DECLARE
  old_row jsonb;
  new_row jsonb;
  version jsonb;
  action text;
  moved boolean;
  the_organization uuid;
  the_workspace uuid;
  the_resource text;
BEGIN
  IF TG_OP <> 'INSERT' THEN
    old_row := to_jsonb(OLD) - ARRAY['secret_hash', 'secret', 'derived'];
  END IF;
  IF TG_OP <> 'DELETE' THEN
    new_row := to_jsonb(NEW) - ARRAY['secret_hash', 'secret', 'derived'];
  END IF;
  -- The mark follows another row, which has its own entry.
  IF TG_OP = 'UPDATE' AND (TG_TABLE_NAME = 'organization_members' AND old_row || '{"has_more_roles": true}' = new_row
                           OR TG_TABLE_NAME = 'organizations' AND old_row || '{"has_overrides": true}' = new_row) THEN
    RETURN NULL;
  END IF;
  -- Organizations must not see each other's data: a row that moves to another organization is deleted in one and created in the
  -- other.
  moved := TG_OP = 'UPDATE' AND (old_row -> 'organization_id', old_row -> TG_ARGV[1], old_row -> TG_ARGV[2])
    IS DISTINCT FROM (new_row -> 'organization_id', new_row -> TG_ARGV[1], new_row -> TG_ARGV[2]);
  action := CASE WHEN NOT moved THEN tenancy_internal.audit_action(TG_TABLE_NAME, TG_OP, old_row, new_row) END;

  FOREACH version IN ARRAY CASE WHEN moved THEN ARRAY[old_row, new_row] ELSE ARRAY[coalesce(new_row, old_row)] END LOOP
    the_organization := (version ->> 'organization_id')::uuid;
    the_workspace := (version ->> 'workspace_id')::uuid;
    the_resource := concat_ws('.', version ->> TG_ARGV[1], version ->> TG_ARGV[2]);
    IF TG_TABLE_NAME IN ('api_key_scopes', 'api_key_secrets') THEN
      SELECT k.organization_id, k.workspace_id INTO the_organization, the_workspace
      FROM tenancy.api_keys k WHERE k.api_key_id = (version ->> 'api_key_id')::uuid;
      IF NOT FOUND THEN
        -- Secrets are deleted with their key, whose entry comes first, and links and keys of an issuer with their trust.
        SELECT l.organization_id, l.workspace_id INTO the_organization, the_workspace FROM tenancy.audit_log l
        WHERE l.resource_type = 'api_key' AND l.resource_id = version ->> 'api_key_id' ORDER BY l.at DESC LIMIT 1;
      END IF;
    ELSIF TG_TABLE_NAME IN ('identities', 'issuer_keys') THEN
      SELECT t.organization_id INTO the_organization FROM tenancy.trusted_issuers t WHERE t.trust_id = (version ->> 'trust_id')::uuid;
      IF NOT FOUND THEN
        SELECT l.organization_id INTO the_organization FROM tenancy.audit_log l
        WHERE l.resource_type = 'trusted_issuer' AND l.resource_id = version ->> 'trust_id' ORDER BY l.at DESC LIMIT 1;
      END IF;
    ELSIF TG_TABLE_NAME = 'protected_tables' AND the_resource ~ '^[0-9]+$' THEN
      the_resource := coalesce(tenancy_internal.name_of_dropped(the_resource::oid), the_resource);
    END IF;
    INSERT INTO tenancy.audit_log (audit_id, organization_id, workspace_id, action, resource_type, resource_id, before, after)
    OVERRIDING SYSTEM VALUE
    VALUES (NULL, the_organization, the_workspace, CASE WHEN NOT moved THEN action WHEN version = old_row THEN 'delete' ELSE 'create' END,
            TG_ARGV[0], the_resource, CASE WHEN NOT moved OR version = old_row THEN old_row END,
            CASE WHEN NOT moved OR version = new_row THEN new_row END);
  END LOOP;
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION tenancy_internal.audit_change() IS 'Trigger: writes the change of a catalog''s row into the audit log; arguments: resource type, and the one or two columns of its id';

CREATE FUNCTION tenancy_internal.audit_truncate() RETURNS trigger
LANGUAGE tenancy_unit SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  place text := CASE
    WHEN TG_TABLE_NAME IN ('api_key_scopes', 'api_key_secrets') THEN
      '(SELECT k.organization_id FROM tenancy.api_keys k WHERE k.api_key_id = t.api_key_id)'
    WHEN EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = TG_RELID AND a.attname = 'organization_id' AND NOT a.attisdropped)
      THEN 't.organization_id' ELSE 'NULL::uuid' END;
BEGIN
  -- Each organization sees the number of its own rows; the total is recorded even if it is zero. The order prevents deadlocks.
  EXECUTE format($query$
    WITH gone AS (SELECT %s AS organization_id FROM %I.%I t)
    INSERT INTO tenancy.audit_log (audit_id, organization_id, action, resource_type, before)
    OVERRIDING SYSTEM VALUE
    SELECT NULL, g.organization_id, 'truncate', $1, jsonb_build_object('rows', g.removed)
    FROM (SELECT organization_id, count(*) AS removed FROM gone WHERE organization_id IS NOT NULL GROUP BY organization_id
          UNION ALL SELECT NULL, count(*) FROM gone) g
    ORDER BY g.organization_id
    $query$, place, TG_TABLE_SCHEMA, TG_TABLE_NAME) USING TG_ARGV[0];
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION tenancy_internal.audit_truncate() IS 'Trigger: writes the number of rows that TRUNCATE removes from a catalog into the audit log, per organization and in all';

-- pg_restore -j loads the catalogs in any order and in several transactions, since an archive doesn't have the order of an
-- extension's tables; their foreign keys exist already, and would fail. The contents of a dump were checked when they were
-- written.
CREATE FUNCTION tenancy_internal.begin_restore() RETURNS trigger
LANGUAGE tenancy_unit SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  RAISE LOG 'rows of %.% are restored by login "%" without audit entries of their own', TG_TABLE_SCHEMA, TG_TABLE_NAME, session_user;
  PERFORM set_config('pg_tenancy.role_before_restore', current_setting('session_replication_role'), true),
          set_config('session_replication_role', 'replica', true);
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION tenancy_internal.begin_restore() IS 'Trigger: lets a restore load a catalog in any order, and leaves a line in the server''s log, since the audit log doesn''t take the rows down';

CREATE FUNCTION tenancy_internal.end_restore() RETURNS trigger
LANGUAGE tenancy_unit SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  -- If the whole restore runs without triggers, leave it so.
  IF current_setting('pg_tenancy.role_before_restore', true) <> '' THEN
    PERFORM set_config('session_replication_role', current_setting('pg_tenancy.role_before_restore'), true),
            set_config('pg_tenancy.role_before_restore', '', true);
  END IF;
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION tenancy_internal.end_restore() IS 'Trigger: puts session_replication_role back after a restored catalog';
