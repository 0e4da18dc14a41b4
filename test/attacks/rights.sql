-- Rights of all principals, and rights that an attacker has gained, given or removed without holding them.

CREATE TABLE attacks.rights_before (who text, workspace_id uuid, resource text, action text, rows text, credential boolean);

-- A right on the organization has the nil id for its workspace. Rights of everybody in the world, and of every key that is new in it (whose maker knows the secret).
CREATE FUNCTION attacks.rights() RETURNS SETOF attacks.rights_before LANGUAGE plpgsql AS $$
DECLARE
  one record;
  held attacks.rights_before[];
BEGIN
  FOR one IN
    SELECT p.principal, p.setting, p.value, p.login, NULL::uuid AS api_key_id FROM attacks.principals p WHERE p.principal <> 'nobody'
    UNION ALL
    SELECT 'new key ' || k.api_key_id, 'api_key', tenancy_internal.generate_api_key(), 'att_web', k.api_key_id FROM tenancy.api_keys k
    WHERE k.api_key_id NOT IN (SELECT s.api_key_id FROM attacks.secrets s) AND k.deleted_at IS NULL AND k.revoked_at IS NULL
      AND k.organization_id = 'aaaaaaaa-0000-4000-8000-000000000000' LOOP
    IF one.api_key_id IS NOT NULL THEN
      UPDATE tenancy.api_key_secrets s SET secret_hash = sha256(convert_to(one.value, 'UTF8')) WHERE s.api_key_id = one.api_key_id AND s.is_current;
    END IF;
    PERFORM set_config('tenancy.' || s, '', true) FROM unnest(ARRAY['api_key', 'jwt', 'user', 'organization', 'workspace']) s;
    IF one.setting IS NOT NULL THEN
      PERFORM set_config('tenancy.' || one.setting, one.value, true);
    END IF;
    BEGIN
      EXECUTE format('SET LOCAL SESSION AUTHORIZATION %I', one.login);
      held := ARRAY(SELECT ROW(one.principal, coalesce(p.workspace_id, '00000000-0000-0000-0000-000000000000'), p.resource, p.action, p.rows, one.api_key_id IS NOT NULL)::attacks.rights_before FROM tenancy.permissions() p);
    EXCEPTION WHEN OTHERS THEN
      held := '{}';
    END;
    RESET SESSION AUTHORIZATION;
    RETURN QUERY SELECT * FROM unnest(held);
  END LOOP;
  PERFORM set_config('tenancy.' || s, '', true) FROM unnest(ARRAY['api_key', 'jwt', 'user', 'organization', 'workspace']) s;
END
$$;
GRANT SELECT ON attacks.rights_before TO PUBLIC;

CREATE PROCEDURE attacks.rights_remembered() LANGUAGE plpgsql AS $$
BEGIN
  TRUNCATE attacks.rights_before;
  INSERT INTO attacks.rights_before SELECT * FROM attacks.rights();
  ANALYZE attacks.rights_before;
END
$$;

-- Persons who are owners or admins, of all (NULL) or of one workspace, by themselves or by a group.
CREATE VIEW attacks.admins AS
SELECT p.principal AS who, m.workspace_id
FROM (SELECT o.user_id, NULL::uuid AS workspace_id, o.role_id FROM tenancy.organization_members o
      UNION ALL SELECT w.user_id, w.workspace_id, w.role_id FROM tenancy.workspace_members w
      UNION ALL SELECT g.user_id, r.workspace_id, r.role_id FROM tenancy.group_members g JOIN tenancy.group_roles r USING (group_id)) m
JOIN tenancy.roles r ON r.role_id = m.role_id AND r.organization_id IS NULL AND r.name IN ('owner', 'admin')
JOIN tenancy.users u USING (user_id)
JOIN attacks.principals p ON p.setting = 'user' AND p.value = u.email OR p.login = 'att_bound' AND u.email = 'mike@acme.test';

-- Misused rights of an attacker (a principal), compared with its rights before.
CREATE FUNCTION attacks.misused_rights(attacker text) RETURNS SETOF text LANGUAGE plpgsql SET enable_nestloop = off SET work_mem = '4MB' AS $$
BEGIN
  IF pg_current_xact_id_if_assigned() IS NULL THEN
    RETURN;
  END IF;
  CREATE TEMP TABLE rights_after ON COMMIT DROP AS SELECT * FROM attacks.rights();
  ANALYZE rights_after;
  RETURN QUERY
  WITH mine AS (SELECT * FROM attacks.rights_before b WHERE b.who = attacker),
  gained AS (
    SELECT a.* FROM rights_after a
    WHERE NOT EXISTS (SELECT FROM attacks.rights_before b WHERE (b.who, b.resource, b.action) = (a.who, a.resource, a.action) AND b.workspace_id = a.workspace_id AND (b.rows = 'all' OR a.rows = 'own'))
      -- what came about with a new workspace is its maker's to give
      AND a.workspace_id IN (SELECT b.workspace_id FROM attacks.rights_before b)
      -- keys may always write what completions leave behind
      AND NOT (a.action = 'write' AND a.resource IN ('completions', 'logs', 'traces', 'analytics'))
      -- a master key makes owners and admins, who hold this, though it does not: they, and nobody else
      AND NOT (a.action = 'attribute' AND a.resource IN ('logs', 'traces') AND attacker ~ 'master' AND EXISTS (SELECT FROM attacks.admins d WHERE d.who = a.who AND coalesce(d.workspace_id, a.workspace_id) = a.workspace_id))
  ), lost AS (
    SELECT b.* FROM attacks.rights_before b
    WHERE b.who <> attacker AND NOT EXISTS (SELECT FROM rights_after a WHERE (b.who, b.resource, b.action) = (a.who, a.resource, a.action) AND b.workspace_id = a.workspace_id AND (a.rows = 'all' OR b.rows = 'own'))
      AND (b.workspace_id = '00000000-0000-0000-0000-000000000000' OR b.workspace_id IN (SELECT w.workspace_id FROM tenancy.workspaces w))
  ), above AS (
    SELECT DISTINCT b.who, b.workspace_id FROM attacks.rights_before b
    WHERE NOT EXISTS (SELECT FROM mine m WHERE (m.resource, m.action) = (b.resource, b.action) AND m.workspace_id = b.workspace_id AND (m.rows = 'all' OR b.rows = 'own'))
      -- Here, too: a user's key has these without its user, and ends with what its user has.
      AND NOT (b.action = 'write' AND b.resource IN ('completions', 'logs', 'traces', 'analytics') AND EXISTS (
        SELECT FROM attacks.principals p WHERE p.principal = b.who AND p.setting = 'api_key'))
      -- Of persons, admins hold this, whom a master key makes, and makes members again.
      AND NOT (b.action = 'attribute' AND b.resource IN ('logs', 'traces') AND attacker ~ 'master' AND NOT EXISTS (
        SELECT FROM attacks.principals p WHERE p.principal = b.who AND p.setting = 'api_key'))
  )
  SELECT format('@found rights: %s gave %s %s.%s (%s) in %s', attacker, g.who, g.resource, g.action, g.rows, g.workspace_id)
  FROM gained g
  WHERE g.who ~ 'globex|gus' OR NOT EXISTS (SELECT FROM mine m WHERE (m.resource, m.action) = (g.resource, g.action) AND m.workspace_id = g.workspace_id AND (m.rows = 'all' OR g.rows = 'own'))
  UNION ALL
  -- Nobody takes from those who have more there.
  SELECT DISTINCT format('@found rights: %s took from %s, who has more, %s.%s in %s', attacker, l.who, l.resource, l.action, l.workspace_id)
  FROM lost l
  WHERE (l.who ~ 'globex|gus' OR (l.who, l.workspace_id) IN (SELECT x.who, x.workspace_id FROM above x))
    -- but who may delete keys may
    AND NOT (EXISTS (SELECT FROM attacks.principals p WHERE p.principal = l.who AND p.setting = 'api_key' AND l.who !~ 'globex') AND EXISTS (
      SELECT FROM mine m WHERE m.resource = 'api_keys' AND m.action IN ('delete', 'edit', 'rotate') AND (m.workspace_id = '00000000-0000-0000-0000-000000000000' OR EXISTS (
        SELECT FROM tenancy.api_keys k JOIN attacks.secrets s USING (api_key_id) WHERE s.name = l.who AND k.workspace_id = m.workspace_id))));
  DROP TABLE rights_after;
END
$$;
