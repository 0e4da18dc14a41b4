-- Five organizations whose rights change all the time, and who may ask. Needs ../../worlds/oracle.sql.
SET client_min_messages = warning;
CREATE SCHEMA load;
CREATE ROLE load_app LOGIN;
GRANT USAGE ON SCHEMA load TO load_app;

CREATE TABLE load.keys (api_key_id uuid PRIMARY KEY, organization int NOT NULL, secret text NOT NULL);
-- A line for each change that was committed: what was done, or the error that refused it.
CREATE TABLE load.changes (what text NOT NULL, refused text);

CREATE FUNCTION load.new_key(o int, kind text, w int, u int) RETURNS void LANGUAGE sql AS $$
  INSERT INTO load.keys
  SELECT k.api_key_id, o, k.secret
  FROM tenancy.create_api_key(kind, 'key', 'org' || o,
    CASE WHEN kind <> 'organization_service_key' THEN 'w' || o || w END,
    CASE WHEN kind = 'workspace_user_key' THEN 'user' || u || '@test' END, '["logs.view"]') k
$$;

DO $$
BEGIN
  PERFORM tenancy.trust_login('load_app');
  FOR u IN 0..7 LOOP
    PERFORM tenancy.create_user('user' || u || '@test');
  END LOOP;
  FOR o IN 0..4 LOOP
    PERFORM tenancy.create_organization('org' || o, 'owner' || o || '@test');
    PERFORM tenancy.create_role('org' || o, 'workspace', 'helper', copy_of => 'member');
    PERFORM tenancy.create_role('org' || o, 'organization', 'auditor', copy_of => 'member', all_workspaces => true);
    FOR w IN 0..2 LOOP
      PERFORM tenancy.create_workspace('org' || o, 'w' || o || w);
    END LOOP;
    -- A user is in two organizations, and in each in two workspaces.
    FOR u IN 0..7 LOOP
      CONTINUE WHEN u % 5 <> o AND (u + 2) % 5 <> o;
      PERFORM tenancy.set_organization_role('org' || o, 'user' || u || '@test', 'member');
      PERFORM tenancy.set_workspace_role(format('org%s/w%s%s', o, o, w), 'user' || u || '@test', 'member') FROM generate_series(0, 1) w;
      PERFORM load.new_key(o, 'workspace_user_key', 0, u);
    END LOOP;
    PERFORM load.new_key(o, 'organization_service_key', NULL, NULL), load.new_key(o, 'workspace_service_key', 1, NULL);
  END LOOP;
END
$$;

-- In each workspace a row of each user and one of nobody's; in each organization one without a workspace.
CREATE TABLE logs AS
SELECT row_number() OVER ()::int AS id, p.organization_id, p.workspace_id, u.user_id
FROM oracle.places p CROSS JOIN (SELECT user_id FROM tenancy.users UNION ALL SELECT NULL) u
WHERE p.workspace_id IS NOT NULL OR u.user_id IS NULL;
ALTER TABLE logs ADD PRIMARY KEY (id);
SELECT tenancy.protect('logs', 'logs', 'organization_id', 'workspace_id', 'user_id');
GRANT SELECT ON logs TO load_app;
INSERT INTO oracle.relations VALUES (1, 'logs', NULL, 'uuid', 'uuid', 'uuid', NULL, NULL);
INSERT INTO oracle.rows SELECT 1, l.id, NULL, l.organization_id, l.workspace_id, l.user_id FROM logs l;

-- Principals of the readers: each user in each organization, member or not, and each key, live or not.
CREATE VIEW load.principals AS
SELECT row_number() OVER (ORDER BY a.name)::int AS n, a.*
FROM (
  SELECT concat_ws(' in ', u.email, o.slug) AS name, 'user' AS kind, o.organization_id, u.user_id, NULL::uuid AS api_key_id,
         format('-c tenancy.user=%s -c tenancy.organization=%s', u.email, o.slug) AS options,
         u.active AND EXISTS (SELECT FROM tenancy.organization_members m
                              WHERE m.user_id = u.user_id AND m.organization_id = o.organization_id) AS holds
  FROM tenancy.users u CROSS JOIN tenancy.organizations o
  UNION ALL
  SELECT k.kind || ' ' || k.api_key_id, k.kind, k.organization_id, k.user_id, k.api_key_id,
         '-c tenancy.api_key=' || l.secret, k.revoked_at IS NULL AND k.deleted_at IS NULL AND coalesce(k.expires_at > now(), true)
         -- A user key needs its user, and a role of that user in its workspace.
         AND (k.user_id IS NULL
              OR EXISTS (SELECT FROM tenancy.users u JOIN oracle.user_roles r USING (user_id)
                         WHERE u.user_id = k.user_id AND u.active AND r.workspace_id = k.workspace_id))
  FROM load.keys l JOIN tenancy.api_keys k USING (api_key_id)
) a;

-- Principals of the readers at the beginning of the load. Keys created later are used as at its end.
CREATE TABLE load.asked AS SELECT n, options FROM load.principals;
GRANT SELECT ON load.asked TO load_app;

-- The result for the session's principal: ids, or its error.
CREATE FUNCTION load.seen() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  ids int[];
BEGIN
  SELECT array_agg(id ORDER BY id) INTO ids FROM logs;
  RETURN coalesce(ids, '{}')::text;
EXCEPTION WHEN invalid_authorization_specification THEN
  RETURN 'refused';
END
$$;

-- The same for the settings that a start-up option would make: by way of plans that this session keeps. Whoever it is,
-- the rows are those of one organization.
CREATE FUNCTION load.seen_by(options text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  seen text;
  organizations bigint;
BEGIN
  PERFORM set_config(name, coalesce(substring(options FROM name || '=(\S+)'), ''), false)
  FROM unnest('{tenancy.user,tenancy.organization,tenancy.api_key}'::text[]) name;
  seen := load.seen();
  IF seen <> 'refused' THEN
    SELECT count(DISTINCT organization_id) INTO organizations FROM logs;
    IF organizations > 1 THEN
      RAISE 'rows of % organizations for %', organizations, options;
    END IF;
  END IF;
  RETURN seen;
EXCEPTION WHEN invalid_authorization_specification THEN
  RETURN 'refused';
END
$$;
