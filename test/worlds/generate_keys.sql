-- API keys, and logins that are bound to somebody. A part of generate.sql.

CREATE FUNCTION worlds.make_key(kind text, name text, organization uuid, workspace uuid, member uuid, external_id text)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  key record;
  permission text;
BEGIN
  SELECT * INTO STRICT key FROM tenancy.create_api_key(
    kind => make_key.kind, name => make_key.name, organization => make_key.organization::text,
    workspace => make_key.workspace::text, member => make_key.member::text,
    scopes => worlds.pick(ARRAY[NULL, '["logs.view", "traces.view"]', '["logs.list", "logs.write", "analytics.view"]',
      '{"prompts": "delete", "metrics": "enabled"}', '{"prompts": "write", "integrations": "read"}',
      '{"prompts": "read", "integrations": "delete", "completions": "disabled"}']::jsonb[]),
    external_id => make_key.external_id);
  INSERT INTO worlds.secrets VALUES (key.api_key_id, name, key.secret);
  FOREACH permission IN ARRAY worlds.permissions_in_play() LOOP
    IF worlds.chance(0.4) THEN
      INSERT INTO tenancy.api_key_scopes VALUES (key.api_key_id, split_part(permission, '.', 1), split_part(permission, '.', 2))
      ON CONFLICT DO NOTHING;
    END IF;
  END LOOP;
  IF worlds.chance(CASE kind WHEN 'organization_service_key' THEN 0.3 ELSE 0.15 END) THEN
    UPDATE tenancy.api_keys SET all_scopes = true WHERE api_key_id = key.api_key_id;
  END IF;
END
$$;

CREATE FUNCTION worlds.make_keys() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  external_ids text[] := worlds.external_ids();
  organization record;
  seat record;
  made int := 0;
BEGIN
  FOR organization IN SELECT organization_id, slug FROM tenancy.organizations ORDER BY slug LOOP
    made := made + 1;
    PERFORM worlds.make_key('organization_service_key', organization.slug || ' key', organization.organization_id, NULL, NULL,
                            CASE WHEN worlds.chance(0.6) THEN external_ids[made] END);
    FOR i IN 1..worlds.between(1, 2) LOOP
      made := made + 1;
      PERFORM worlds.make_key('workspace_service_key', organization.slug || ' workspace key ' || i, organization.organization_id,
                              worlds.pick(worlds.workspaces_of(organization.organization_id)), NULL,
                              CASE WHEN worlds.chance(0.6) THEN external_ids[made] END);
    END LOOP;
    FOR seat IN SELECT m.user_id, m.workspace_id, split_part(u.email, '@', 1) AS who, w.slug
                FROM tenancy.workspace_members m JOIN tenancy.users u USING (user_id) JOIN tenancy.workspaces w USING (workspace_id)
                WHERE m.organization_id = organization.organization_id AND (m.ends_at IS NULL OR m.ends_at > now())
                  AND EXISTS (SELECT FROM tenancy.organization_members o WHERE o.organization_id = m.organization_id AND o.user_id = m.user_id
                                AND (o.ends_at IS NULL OR o.ends_at > now()))
                ORDER BY u.email, w.slug LOOP
      IF made < cardinality(external_ids) AND worlds.chance(0.3) THEN
        made := made + 1;
        PERFORM worlds.make_key('workspace_user_key', format('%s key of %s in %s', organization.slug, seat.who, seat.slug),
                                organization.organization_id, seat.workspace_id, seat.user_id,
                                CASE WHEN worlds.chance(0.6) THEN external_ids[made] END);
      END IF;
    END LOOP;
  END LOOP;
END
$$;

CREATE FUNCTION worlds.make_bindings() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  bound uuid;
  seat record;
BEGIN
  SELECT worlds.pick(array_agg(user_id ORDER BY email)) INTO bound FROM tenancy.users;
  INSERT INTO tenancy.login_bindings (login, user_id)
  SELECT login::text::regrole, bound FROM worlds.logins WHERE purpose = 'bound1';

  SELECT m.* INTO seat FROM tenancy.organization_members m JOIN tenancy.users USING (user_id) JOIN tenancy.organizations USING (organization_id)
  ORDER BY slug DESC, email DESC LIMIT 1;
  INSERT INTO tenancy.login_bindings (login, trusted, user_id, organization_id)
  SELECT login::text::regrole, worlds.chance(0.3), seat.user_id, seat.organization_id FROM worlds.logins WHERE purpose = 'bound2';

  SELECT m.*, worlds.pick(worlds.workspaces_of(m.organization_id)) AS workspace_id INTO seat
  FROM tenancy.organization_members m JOIN tenancy.users USING (user_id) JOIN tenancy.organizations USING (organization_id)
  ORDER BY slug, email DESC LIMIT 1;
  INSERT INTO tenancy.login_bindings (login, user_id, organization_id, workspace_id)
  SELECT login::text::regrole, seat.user_id, seat.organization_id, seat.workspace_id FROM worlds.logins WHERE purpose = 'bound3';
END
$$;
