-- Tables that follow settings of what is kept: their rows and settings, and what happens when they are written, changed and removed.

-- A table that follows what organizations set about what is kept. Its rows came in before there were such settings.
CREATE FUNCTION worlds.make_kept(table_number int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  kind text := worlds.pick(ARRAY['logs', 'payloads']);
  is_partitioned boolean := worlds.chance(0.4);
  place record;
BEGIN
  INSERT INTO oracle.relations VALUES (table_number, 'logs', NULL, 'uuid', 'uuid', 'uuid', NULL, NULL, false, false, NULL, kind);
  INSERT INTO worlds.tables VALUES (table_number, 'app.t' || table_number, 'organization, workspace, owner, kept',
    format('SELECT tenancy.protect(''app.t%s'', ''logs'', organization => ''organization_id'', workspace => ''workspace_id'', owner => ''user_id'', create_indexes => true)', table_number),
    'organization_id', 'workspace_id', 'user_id', NULL, CASE WHEN is_partitioned THEN ARRAY[format('app.t%s_one', table_number), format('app.t%s_other', table_number)] ELSE '{}' END);
  EXECUTE format('CREATE TABLE app.t%1$s (id int, note text, request jsonb, organization_id uuid NOT NULL, workspace_id uuid, user_id uuid)%2$s', table_number,
    CASE WHEN is_partitioned THEN ' PARTITION BY HASH (id)' END);
  IF is_partitioned THEN
    EXECUTE format('CREATE TABLE app.t%1$s_one PARTITION OF app.t%1$s FOR VALUES WITH (MODULUS 2, REMAINDER 0)', table_number);
    EXECUTE format('CREATE TABLE app.t%1$s_other PARTITION OF app.t%1$s FOR VALUES WITH (MODULUS 2, REMAINDER 1)', table_number);
    EXECUTE format('GRANT SELECT, INSERT ON app.t%1$s_one, app.t%1$s_other TO PUBLIC', table_number);
  END IF;
  EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON app.t%s TO PUBLIC', table_number);
  EXECUTE (SELECT w.protect_call FROM worlds.tables w WHERE w.t = table_number);
  EXECUTE format('SELECT tenancy.apply_logging_settings(''app.t%s'', %L, ''{request}'')', table_number, kind);
  FOR i IN 1..60 LOOP
    SELECT w.organization_id, w.workspace_id INTO place FROM tenancy.workspaces w JOIN tenancy.organizations o USING (organization_id)
    ORDER BY o.slug, w.slug LIMIT 1 OFFSET worlds.between(0, (SELECT count(*)::int - 1 FROM tenancy.workspaces));
    INSERT INTO oracle.rows (t, id, organization, workspace, owner, received)
    SELECT table_number, i, place.organization_id, CASE WHEN worlds.chance(0.85) THEN place.workspace_id END,
           CASE WHEN worlds.chance(0.7) THEN worlds.pick(ARRAY(SELECT user_id FROM tenancy.users ORDER BY email)) END,
           now() - interval '1 hour' - interval '1 day' * worlds.pick(ARRAY[0, 3, 10, 50, 200]);
  END LOOP;
  EXECUTE format('INSERT INTO app.t%1$s (id, note, request, organization_id, workspace_id, user_id, received_at)
    SELECT id, ''note'', ''{"a": 1}'', organization::uuid, workspace::uuid, owner::uuid, received FROM oracle.rows WHERE t = %1$s', table_number);
  PERFORM worlds.make_kept_settings(organization_id) FROM (SELECT organization_id FROM tenancy.organizations ORDER BY slug) o;
END
$$;

-- As they can be: a workspace's may have become the less strict ones.
CREATE FUNCTION worlds.make_kept_settings(organization uuid) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  workspace uuid;
  what text;
BEGIN
  DELETE FROM tenancy.logging_settings s WHERE s.organization_id = make_kept_settings.organization AND s.setting <> 'attribution_grace_hours';
  FOREACH workspace IN ARRAY NULL::uuid || worlds.workspaces_of(organization) LOOP
    FOREACH what IN ARRAY ARRAY['retention_days.logs', 'retention_days.payloads', 'store_content', 'legal_hold'] LOOP
      IF worlds.chance(CASE WHEN what = 'legal_hold' THEN 0.2 WHEN workspace IS NULL THEN 0.6 ELSE 0.35 END) THEN
        INSERT INTO tenancy.logging_settings (organization_id, workspace_id, setting, value)
        VALUES (organization, workspace, what, CASE what WHEN 'legal_hold' THEN 'on' WHEN 'store_content' THEN worlds.pick(ARRAY['full', 'metadata', 'none'])
                                                         ELSE worlds.pick(ARRAY['2', '7', '30', '100']) END);
      END IF;
    END LOOP;
  END LOOP;
END
$$;

-- Writes and removals in such tables, by a superuser, whom no policy filters.
CREATE FUNCTION worlds.check_kept() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  relation record;
  place record;
  outcome record;
  expected int[];
  how text;
BEGIN
  FOR relation IN SELECT r.t, r.kept, w.relation AS name FROM oracle.relations r JOIN worlds.tables w ON w.t = r.t WHERE r.kept IS NOT NULL LOOP
    outcome := worlds.attempt('SELECT count(*) FROM tenancy.remove_expired_rows(1000)', format('SELECT array_agg(id ORDER BY id) FROM %s', relation.name));
    expected := ARRAY(SELECT x.id FROM oracle.rows x WHERE x.t = relation.t AND x.only_n IS NULL
                        AND NOT EXISTS (SELECT FROM oracle.expired e WHERE e.t = x.t AND e.id = x.id AND NOT e.held) ORDER BY x.id);
    IF outcome.code IS NOT NULL THEN
      PERFORM worlds.fail(NULL, relation.name, 'remove_expired_rows(): error ' || outcome.code);
    END IF;
    PERFORM worlds.compare(NULL, relation.t, 'remove_expired_rows()', outcome.ids, expected, '{}');
    PERFORM worlds.tally('rows kept by the job', '', cardinality(expected), 60);

    FOR place IN SELECT p.organization_id, p.workspace_id, oracle.stored(relation.kept, p.organization_id, p.workspace_id) AS what,
                        oracle.settings_for('legal_hold', p.organization_id, p.workspace_id) <> '{}' AS held,
                        (SELECT min(x.id) FROM oracle.rows x WHERE x.t = relation.t AND x.only_n IS NULL AND x.organization = p.organization_id::text
                           AND x.workspace IS NOT DISTINCT FROM p.workspace_id::text) AS id
                 FROM oracle.places p LOOP
      outcome := worlds.attempt(format('INSERT INTO %s (id, note, request, organization_id, workspace_id) VALUES (1000, ''n'', ''{"a": 1}'', %L, %L)', relation.name,
                                       place.organization_id, place.workspace_id),
                                format('SELECT array_agg(CASE WHEN request IS NULL THEN 0 ELSE 1 END) FROM %s WHERE id = 1000 AND note = ''n''', relation.name));
      expected := CASE place.what WHEN 'nothing' THEN '{}' WHEN 'metadata' THEN '{0}' ELSE '{1}' END;
      IF outcome.code IS NOT NULL OR outcome.ids <> expected THEN
        PERFORM worlds.fail(NULL, relation.name, format('INSERT in %s, workspace %s: expected %s', place.organization_id, place.workspace_id, place.what),
                            coalesce(outcome.code, outcome.ids::text));
      END IF;
      PERFORM worlds.tally('content', place.what, 1, 2);
      CONTINUE WHEN place.id IS NULL;
      FOREACH how IN ARRAY ARRAY['DELETE FROM %s WHERE id = %s', 'UPDATE %s SET request = NULL WHERE id = %s', 'UPDATE %s SET received_at = now() WHERE id = %s'] LOOP
        outcome := worlds.attempt(format(how, relation.name, place.id), 'SELECT NULL::int[]');
        IF place.held AND outcome.code IS DISTINCT FROM '55000' AND how NOT LIKE '%received%' OR NOT place.held AND outcome.code IS NOT NULL THEN
          PERFORM worlds.fail(NULL, relation.name, format('%s: held: %s', format(how, relation.name, place.id), place.held), coalesce(outcome.code, 'done'));
        END IF;
      END LOOP;
      PERFORM worlds.tally('places under a hold', '', CASE WHEN place.held THEN 1 ELSE 0 END, 1);
    END LOOP;
  END LOOP;
END
$$;
