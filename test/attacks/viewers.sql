-- Lists of the catalogs, and the sessions that see them: everything that a session can list, compared with what another one lists that may see at least as
-- much. Whoever makes a key for somebody else, or is given a login of one workspace, learns by it nothing about that user but rows of
-- protected tables.

-- All rows that the session is shown, without columns that it may not read. NULL is no knowledge.
CREATE FUNCTION attacks.shown() RETURNS TABLE (source text, shown_row jsonb) LANGUAGE plpgsql AS $$
DECLARE
  one record;
BEGIN
  FOR one IN
    SELECT k.oid::regclass::text AS relation, string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) AS columns
    FROM pg_class k JOIN pg_attribute a ON a.attrelid = k.oid AND a.attnum > 0 AND NOT a.attisdropped AND has_column_privilege(k.oid, a.attnum, 'SELECT')
    WHERE k.relnamespace = 'tenancy'::regnamespace AND k.relkind IN ('r', 'v', 'p') GROUP BY k.oid
    UNION ALL
    SELECT call, '*' FROM unnest('{review_elevations(),review_api_keys(),access_review(),my_organizations(),settings(),logging_settings(),"who_can(''logs'', ''list'', ''search'')","who_can(''logs'', ''list'', ''support'')","who_can(''logs'', ''list'')"}'::text[]) f, format('tenancy.%s', f) call LOOP
    BEGIN
      RETURN QUERY EXECUTE format('SELECT %L, jsonb_strip_nulls(to_jsonb(t)) FROM (SELECT %s FROM %s) t', one.relation, one.columns, one.relation);
    EXCEPTION WHEN insufficient_privilege OR invalid_authorization_specification OR object_not_in_prerequisite_state THEN
      NULL;  -- it is told that it may not
    END;
  END LOOP;
END
$$;
CREATE TABLE attacks.shown_to_one (source text, shown_row jsonb);
GRANT SELECT, INSERT ON attacks.shown_to_one TO PUBLIC;

CREATE FUNCTION attacks.shown_besides() RETURNS SETOF text LANGUAGE sql AS $$
  SELECT format('@found %s shows besides %s', s.source, s.shown_row) FROM attacks.shown() s
  WHERE NOT EXISTS (SELECT FROM attacks.shown_to_one o WHERE o.source = s.source AND o.shown_row @> s.shown_row)
    -- The session's own login, and its own key
    AND s.source <> 'tenancy.login_bindings' AND s.shown_row ->> 'api_key_id' IS DISTINCT FROM tenancy.current_api_key_id()::text
$$;

-- Mike is in more places than his makers of keys need know, and each of them says of him what is for him and his organization.
CREATE PROCEDURE attacks.spread_mike() LANGUAGE plpgsql AS $$
BEGIN
  PERFORM tenancy.set_workspace_role('acme/support', 'mike@acme.test', 'manager', reason => 'canary_support role'), tenancy.set_member('acme', 'mike@acme.test', external_id => 'canary_org mike');
  UPDATE tenancy.organization_members SET reason = 'canary_org membership', ends_at = '2099-01-01' WHERE user_id = 'cccccccc-0000-4000-8000-000000000004';
  PERFORM tenancy.create_group('acme', name) FROM unnest('{crew,canary_support desk,canary_org board}'::text[]) name;
  PERFORM tenancy.set_group_role('acme/search', 'crew', 'member'), tenancy.set_group_role('acme/support', 'canary_support desk', 'member'), tenancy.set_group_role('acme', 'canary_org board', 'member');
  PERFORM tenancy.sync_group('acme', name, '{mike@acme.test}', reason => 'canary_support group') FROM unnest('{canary_support desk,canary_org board}'::text[]) name;
  PERFORM tenancy.sync_group('acme', 'crew', '{mike@acme.test}');
  PERFORM tenancy.allow_elevation('acme', 'workspace/admin', 'mike@acme.test', '1 hour');
END
$$;

-- He takes a role as well. Then by a key in search, or a login, which mona could have, compared with what she is shown without it.
INSERT INTO attacks.cases (family, title, script, forbidden, watched)
SELECT 'viewers', format('%s, compared with mona', v.viewer),
  E'@as postgres\nCALL attacks.spread_mike();\n@as att_app mike in the app\nSELECT until IS NULL FROM tenancy.elevate(''admin'', ''canary_support elevation'', ''1 hour'', ''support'');\n' ||
  E'@as att_app mona\nINSERT INTO attacks.shown_to_one SELECT * FROM attacks.shown();\n@as postgres\n' || v.becomes ||
  E'SELECT ''@found nobody who is mike in search'' WHERE (tenancy.current_user_id(), tenancy.current_workspace_id()) IS DISTINCT FROM (''cccccccc-0000-4000-8000-000000000004''::uuid, ''aaaaaaaa-0000-4000-8000-000000000002''::uuid);\n' ||
  E'SELECT * FROM attacks.shown_besides();\nSELECT * FROM attacks.shown();\nSELECT * FROM tenancy.permissions();\n' ||
  (SELECT string_agg(format(E'SELECT * FROM tenancy.explain_authorize(%s);\n', a), '') FROM unnest(ARRAY['''logs'', ''list''', '''logs'', ''view'', ''search''', '''logs'', ''view'', ''acme/support''', '''team'', ''list''']) a),
  'canary_(globex|theirs|support|org)', false
FROM (
  SELECT format('a key of mike with %s', scopes), format(E'SELECT secret AS s FROM tenancy.create_api_key(''workspace_user_key'', ''for mike'', ''acme'', ''search'', ''mike@acme.test'', %L) \\gset\n@as att_web\nSELECT set_config(''tenancy.api_key'', :''s'', true) IS NULL;\n', scopes)
  FROM unnest(ARRAY['["logs.list"]', '["logs.view", "team.list", "team.view"]', '"all"']) scopes
  UNION ALL VALUES ('a login of mike in search', E'SELECT tenancy.bind_login(''att_bound'', ''mike@acme.test'', ''acme'', ''search'');\n@as att_bound\n')) v (viewer, becomes);

-- Answers about others name nobody whom the session's own lists leave out.
INSERT INTO attacks.cases (family, title, script, forbidden, watched)
SELECT 'viewers', 'names that ' || p.principal || ' is answered', format(E'@as postgres\nCALL attacks.spread_mike();\n@as %s %s\n', p.login, p.principal) || string_agg(format(
  E'SELECT ''@found a name '' || w.name FROM tenancy.who_can(%s) w WHERE w.principal_kind = ''user'' AND w.name NOT IN (SELECT m.email FROM tenancy.members m) OR w.principal_kind <> ''user'' AND w.principal_id NOT IN (SELECT k.api_key_id FROM tenancy.api_keys k) AND w.name IS NOT NULL;\n', a), ''), p.forbidden, false
FROM attacks.principals p, unnest(ARRAY['''logs'', ''list''', '''logs'', ''list'', ''search''', '''logs'', ''view'', ''support''', '''completions'', ''write'', ''search''']) a
WHERE p.principal NOT IN ('nobody', 'token') GROUP BY p.principal, p.login, p.forbidden;
