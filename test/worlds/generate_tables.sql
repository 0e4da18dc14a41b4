-- Protected tables and their rows. A part of generate.sql.

-- The value that an application would store for an entity. It may be less careful than the comparison: '07' for 7.
CREATE FUNCTION worlds.stored(type text, id uuid, external_id text) RETURNS text LANGUAGE sql AS $$
  SELECT CASE
    WHEN type = 'uuid' THEN id::text
    WHEN type = 'text' THEN external_id
    WHEN type = 'varchar(12)' THEN left(external_id, 12)
    WHEN type = 'bigint' AND external_id ~ '^ *[-+]?[0-9]{1,18}$' THEN external_id::bigint::text
    WHEN type = 'integer' AND external_id ~ '^ *[-+]?[0-9]{1,9}$' THEN external_id::integer::text
  END
$$;

CREATE FUNCTION worlds.nobody(type text) RETURNS text LANGUAGE sql AS $$
  SELECT CASE
    WHEN type IS NULL THEN NULL
    WHEN type = 'uuid' THEN worlds.random_uuid()::text
    WHEN type IN ('text', 'varchar(12)') THEN worlds.pick(ARRAY['nobody', '', '7 ', '42', 'aCME'])
    ELSE worlds.pick(ARRAY['123456', '-1', '1'])
  END
$$;

-- Random rows: consistent ones for the most part, with values missing, unknown, and now and then at odds with each other.
CREATE FUNCTION worlds.fill(t int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  relation oracle.relations;
  organization_ids uuid[] := ARRAY(SELECT organization_id FROM tenancy.organizations ORDER BY slug);
  workspace_ids uuid[] := ARRAY(SELECT workspace_id FROM tenancy.workspaces w JOIN tenancy.organizations o USING (organization_id)
                                ORDER BY o.slug, w.slug);
  user_ids uuid[] := ARRAY(SELECT user_id FROM tenancy.users ORDER BY email);
  organization tenancy.organizations;
  workspace tenancy.workspaces;
  owner tenancy.users;
  key tenancy.api_keys;
  chosen uuid;
  line oracle.rows;
BEGIN
  SELECT * INTO relation FROM oracle.relations r WHERE r.t = fill.t;
  FOR i IN 1..worlds.between(50, 80) LOOP
    chosen := worlds.pick(organization_ids);
    SELECT * INTO organization FROM tenancy.organizations o WHERE o.organization_id = chosen;
    chosen := CASE WHEN worlds.chance(0.03) THEN worlds.pick(workspace_ids)
                   ELSE worlds.pick(worlds.workspaces_of(organization.organization_id)) END;
    SELECT * INTO workspace FROM tenancy.workspaces w WHERE w.workspace_id = chosen;
    chosen := worlds.pick(user_ids);
    SELECT * INTO owner FROM tenancy.users u WHERE u.user_id = chosen;
    -- half of the keys are the owner's own, so that owner and key often agree
    SELECT worlds.pick(array_agg(k.api_key_id ORDER BY k.name)) INTO chosen FROM tenancy.api_keys k
    WHERE k.organization_id = organization.organization_id AND (i % 2 = 0 OR k.user_id = owner.user_id);
    SELECT * INTO key FROM tenancy.api_keys k WHERE k.api_key_id = chosen;

    line.t := t;
    line.id := i;
    line.organization := CASE
      WHEN worlds.chance(0.08) THEN NULL
      WHEN worlds.chance(0.04) THEN worlds.nobody(relation.organization_type)
      ELSE worlds.stored(relation.organization_type, organization.organization_id, organization.external_id) END;
    line.workspace := CASE
      WHEN worlds.chance(0.12) THEN NULL
      WHEN worlds.chance(0.04) THEN worlds.nobody(relation.workspace_type)
      ELSE worlds.stored(relation.workspace_type, workspace.workspace_id, workspace.external_id) END;
    line.owner := CASE
      WHEN worlds.chance(0.15) THEN NULL
      WHEN worlds.chance(0.04) THEN worlds.nobody(relation.owner_type)
      ELSE worlds.stored(relation.owner_type, owner.user_id,
        CASE WHEN worlds.chance(0.8) THEN oracle.id_of(owner.user_id, organization.organization_id) ELSE owner.external_id END) END;
    line.api_key := CASE
      WHEN worlds.chance(0.1) THEN NULL
      WHEN worlds.chance(0.04) THEN worlds.nobody(relation.api_key_type)
      ELSE worlds.stored(relation.api_key_type, key.api_key_id, key.external_id) END;
    INSERT INTO oracle.rows SELECT line.*;
  END LOOP;
END
$$;

-- The columns that a table has, each with its type and its place in oracle.rows.
CREATE VIEW worlds.columns AS
SELECT t, c.number, c.meaning, c.name, c.type
FROM worlds.tables JOIN oracle.relations USING (t), LATERAL (VALUES
  (1, 'organization', organization_column, organization_type),
  (2, 'workspace', workspace_column, workspace_type),
  (3, 'owner', owner_column, owner_type),
  (4, 'api_key', api_key_column, api_key_type)) c (number, meaning, name, type)
WHERE c.name IS NOT NULL;

-- Some rows are there before the table is protected, and some tables get theirs afterwards.
CREATE FUNCTION worlds.store(table_number int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('INSERT INTO %s (id, note%s) SELECT id, ''note''%s FROM oracle.rows WHERE t = %s',
    (SELECT relation FROM worlds.tables WHERE t = table_number),
    (SELECT string_agg(format(', %I', c.name), '' ORDER BY c.number) FROM worlds.columns c WHERE c.t = table_number),
    (SELECT string_agg(format(', %s::%s', c.meaning, c.type), '' ORDER BY c.number) FROM worlds.columns c WHERE c.t = table_number), table_number);
END
$$;

CREATE FUNCTION worlds.make_table(table_number int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  types text[] := ARRAY['uuid', 'uuid', 'uuid', 'uuid', 'text', 'text', 'text', 'bigint', 'varchar(12)', 'integer'];
  usual_type text := worlds.pick(types);
  level text := worlds.pick(ARRAY['both', 'both', 'organization', 'workspace']);
  has_owner boolean := worlds.chance(0.6);
  has_key boolean := worlds.chance(0.5);
  has_writer boolean := has_owner AND worlds.chance(0.3);
  name text := 'app.' || CASE WHEN worlds.chance(0.2) THEN quote_ident('Table ' || table_number) ELSE 't' || table_number END;
  about text;
  payload_columns name[] := CASE worlds.between(1, 4) WHEN 1 THEN '{}' WHEN 2 THEN '{note}' END;
  partition_by text;
  partition_column text := worlds.pick(ARRAY['organization', 'workspace']);
  partition_key record;
  few text[];
  part text;
  parts text[] := '{}';
  last_part text;
  last_part_late boolean := worlds.chance(0.4);
  filled_before boolean := worlds.chance(0.5);
  is_shared boolean := worlds.chance(0.3);
BEGIN
  SELECT worlds.pick(array_agg(DISTINCT p.resource ORDER BY p.resource)) INTO about FROM tenancy.permissions p
  WHERE p.resource = ANY (CASE WHEN table_number = 1 THEN '{logs,traces,analytics}' ELSE '{logs,prompts,integrations,gadgets,widgets,billing,audit_logs,api_keys}' END::text[]);
  INSERT INTO oracle.relations VALUES (table_number, about, payload_columns,
    CASE WHEN level <> 'workspace' THEN worlds.pick(ARRAY[usual_type, usual_type, worlds.pick(types)]) END,
    CASE WHEN level <> 'organization' THEN worlds.pick(ARRAY[usual_type, usual_type, worlds.pick(types)]) END,
    CASE WHEN has_owner THEN worlds.pick(ARRAY[usual_type, usual_type, worlds.pick(types)]) END,
    CASE WHEN has_key THEN worlds.pick(ARRAY[usual_type, usual_type, worlds.pick(types)]) END);
  INSERT INTO worlds.tables VALUES (table_number, name,
    CASE level WHEN 'both' THEN 'organization, workspace' ELSE level END
      || CASE WHEN has_owner THEN ', owner' ELSE '' END || CASE WHEN has_key THEN ', key' ELSE '' END, '',
    CASE WHEN level <> 'workspace' THEN worlds.pick(ARRAY['organization_id', 'tenant', 'Organization Id', 'order']) END,
    CASE WHEN level <> 'organization' THEN worlds.pick(ARRAY['workspace_id', 'workspace', 'Team"s', 'group']) END,
    CASE WHEN has_owner THEN worlds.pick(ARRAY['user_id', 'owner', 'user']) END,
    CASE WHEN has_key THEN worlds.pick(ARRAY['api_key_id', 'key', 'Key']) END, '{}');

  -- By list, one partition holds the values of a few organizations or workspaces, and the other the rest.
  SELECT c.* INTO partition_key FROM worlds.columns c
  WHERE c.t = table_number AND c.number <= 2 ORDER BY c.meaning <> partition_column LIMIT 1;
  SELECT array_agg(v ORDER BY v) INTO few FROM (
    SELECT DISTINCT worlds.stored(partition_key.type, id, external_id) COLLATE "C" AS v
    FROM (SELECT 'organization' AS meaning, slug, organization_id AS id, external_id FROM tenancy.organizations
          UNION ALL SELECT 'workspace', slug, workspace_id, external_id FROM tenancy.workspaces) entities
    WHERE meaning = partition_key.meaning AND slug IN ('o1', 'w1', 'w2')) stored
  WHERE v IS NOT NULL;
  partition_by := worlds.pick(ARRAY['none', 'none', CASE WHEN few IS NULL THEN 'hash' ELSE 'list' END, 'hash']);
  EXECUTE format('CREATE TABLE %s (id int%s, note text%s%s)%s', name, CASE WHEN partition_by = 'none' THEN ' PRIMARY KEY' ELSE '' END,
    (SELECT string_agg(format(', %I %s', c.name, c.type), '' ORDER BY c.number) FROM worlds.columns c WHERE c.t = table_number),
    CASE WHEN has_writer THEN ', writer uuid' ELSE '' END,
    CASE WHEN partition_by <> 'none' THEN format(' PARTITION BY %s (%I)', partition_by, partition_key.name) ELSE '' END);
  IF partition_by <> 'none' THEN
    UPDATE oracle.relations r SET partition_key = partition_key.meaning WHERE r.t = table_number;
    parts := ARRAY[format('app.t%s_one', table_number), format('app.t%s_other', table_number)];
    EXECUTE format('CREATE TABLE %s PARTITION OF %s FOR VALUES %s', parts[1], name,
      CASE partition_by WHEN 'hash' THEN 'WITH (MODULUS 2, REMAINDER 0)'
           ELSE format('IN (%s)', (SELECT string_agg(quote_literal(v), ', ') FROM unnest(few) v)) END);
    last_part := format('CREATE TABLE %s PARTITION OF %s %s', parts[2], name,
      CASE partition_by WHEN 'hash' THEN 'FOR VALUES WITH (MODULUS 2, REMAINDER 1)' ELSE 'DEFAULT' END);
  END IF;

  IF last_part IS NOT NULL AND NOT last_part_late THEN
    EXECUTE last_part;
  END IF;
  PERFORM worlds.fill(table_number);
  filled_before := filled_before AND (last_part IS NULL OR NOT last_part_late);
  IF filled_before THEN
    PERFORM worlds.store(table_number);
  END IF;
  UPDATE oracle.relations r SET shared = is_shared,
    workspace_decides = filled_before AND level = 'both' AND EXISTS (
      SELECT FROM oracle.rows x WHERE x.t = table_number AND x.organization IS NULL AND x.workspace IS NOT NULL)
  WHERE r.t = table_number;
  UPDATE worlds.tables w SET note_needs_delete = worlds.chance(0.4)
    AND EXISTS (SELECT FROM tenancy.permissions p WHERE p.resource = about AND p.action = 'delete')
  WHERE w.t = table_number;
  UPDATE worlds.tables w SET partitions = parts, protect_call = format(
    'SELECT tenancy.protect(%L, %L, organization => %L, workspace => %L, owner => %L, api_key => %L, payload => %L, create_indexes => %L, shared => %L, actions => %L, initiator => %L)',
    name, about, w.organization_column, w.workspace_column, CASE WHEN has_writer THEN 'writer' ELSE w.owner_column END, w.api_key_column, payload_columns, worlds.chance(0.2), is_shared,
    CASE WHEN w.note_needs_delete THEN '{"delete": ["note"]}' END, CASE WHEN has_writer THEN w.owner_column END)
  WHERE w.t = table_number;
  EXECUTE (SELECT w.protect_call FROM worlds.tables w WHERE w.t = table_number);
  IF last_part IS NOT NULL AND last_part_late THEN
    EXECUTE last_part;
  END IF;

  FOREACH part IN ARRAY name || parts LOOP
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO PUBLIC', part);
  END LOOP;
  IF NOT filled_before THEN
    PERFORM worlds.store(table_number);
  END IF;
  IF worlds.chance(0.3) THEN
    EXECUTE format('ANALYZE %s', name);
  END IF;
END
$$;

-- A table that knows its tenant by rows of another one only. Each of those has one row here, with the same number.
CREATE FUNCTION worlds.make_child(table_number int, parent_number int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  parent worlds.tables;
  of_parent oracle.relations;
  about text;
  filled_before boolean := worlds.chance(0.5);
  is_shared boolean := worlds.chance(0.3);
BEGIN
  SELECT * INTO parent FROM worlds.tables w WHERE w.t = parent_number;
  SELECT * INTO of_parent FROM oracle.relations r WHERE r.t = parent_number;
  SELECT worlds.pick(array_agg(DISTINCT p.resource ORDER BY p.resource)) INTO about FROM tenancy.permissions p
  WHERE p.resource IN ('logs', 'prompts', 'gadgets', 'widgets', 'api_keys', 'billing', of_parent.resource);
  INSERT INTO oracle.relations VALUES (table_number, about, NULL, of_parent.organization_type, of_parent.workspace_type,
    of_parent.owner_type, of_parent.api_key_type, NULL, is_shared, of_parent.workspace_decides, parent_number);
  INSERT INTO oracle.rows
  SELECT table_number, r.id, NULL, r.organization, r.workspace, r.owner, r.api_key FROM oracle.rows r WHERE r.t = parent_number;
  UPDATE oracle.relations r SET workspace_decides = of_parent.workspace_decides
    OR filled_before AND of_parent.organization_type IS NOT NULL AND of_parent.workspace_type IS NOT NULL AND EXISTS (
      SELECT FROM oracle.rows x WHERE x.t = table_number AND x.organization IS NULL AND x.workspace IS NOT NULL)
  WHERE r.t = table_number;
  INSERT INTO worlds.tables VALUES (table_number, 'app.t' || table_number, parent.shape || ', by a parent',
    format('SELECT tenancy.protect(''app.t%s'', %L, through => ''{parent_id}'', shared => %L)', table_number, about, is_shared),
    parent.organization_column, parent.workspace_column, parent.owner_column, parent.api_key_column, '{}');
  EXECUTE format('CREATE TABLE app.t%s (id int, parent_id int NOT NULL REFERENCES %s ON DELETE CASCADE, note text)', table_number, parent.relation);
  IF filled_before THEN
    EXECUTE format('INSERT INTO app.t%1$s SELECT id, id, ''note'' FROM oracle.rows WHERE t = %1$s', table_number);
  END IF;
  EXECUTE (SELECT w.protect_call FROM worlds.tables w WHERE w.t = table_number);
  EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON app.t%s TO PUBLIC', table_number);
  IF NOT filled_before THEN
    EXECUTE format('INSERT INTO app.t%1$s SELECT id, id, ''note'' FROM oracle.rows WHERE t = %1$s', table_number);
  END IF;
END
$$;
