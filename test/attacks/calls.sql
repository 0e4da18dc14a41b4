-- Statements by chance. All that they name is the same in both worlds: what they name of the foreign organizations is there in one, and
-- not in the other.
SELECT setseed(:'seed'::int / 1000000.0) \g /dev/null

CREATE FUNCTION attacks.pick(choices text[]) RETURNS text LANGUAGE sql VOLATILE AS $$ SELECT choices[1 + floor(random() * cardinality(choices))::int] $$;

-- Available arguments, by type. Columns are those of a table t, or none.
CREATE TABLE attacks.arguments (type text, value text NOT NULL);
INSERT INTO attacks.arguments VALUES
  ('text', 'NULL'), ('text', '''logs'''), ('text', '''prompts'''), ('text', '''view'''), ('text', '''list'''), ('text', '''insert'''), ('text', '''update'''), ('text', '''delete'''), ('text', '''organization'''),
  ('text', '''workspace'''), ('text', '''user'''), ('text', '''api_key'''), ('text', '''acme'''), ('text', '''globex'''), ('text', '''globex/lab-of-globex'''), ('text', '''lab-of-globex'''), ('text', '''search'''), ('text', '''support'''),
  ('text', '''acme/search'''), ('text', '''gus@globex.test'''), ('text', '''mike@acme.test'''), ('text', '''olivia@acme.test'''), ('text', '''bbbbbbbb-0000-4000-8000-000000000000'''), ('text', '''bbbbbbbb-0000-4000-8000-000000000002'''),
  ('text', '''bbbbbbbb-0000-4000-8000-00000000000a'''), ('text', '''731332'''), ('text', '''7313322'''), ('text', '''73133201'''), ('text', '''73133906'''), ('text', '''12'''), ('text', '''cccccccc-0000-4000-8000-000000000004'''), ('text', ''''''), ('text', 'repeat(''x'', 10000)'), ('text', 'repeat(''a/'', 3000)'),
  ('text', '''owner'''), ('text', '''admin'''), ('text', '''member'''), ('text', '''manager'''), ('text', '''members_view_all_data'''), ('text', '''org_admins_view_logs'''), ('text', '''workspace_user_key'''), ('text', '''organization_service_key'''), ('text', '''observability'''),
  ('text', '''{}'''), ('text', 'E''\u00e9\u0001'''), ('text', '(SELECT current_user::text)'), ('text', '''SELECT 1'''), ('text', '''app.docs_scoped'''), ('text', '''day'''),
  ('uuid', 'NULL'), ('uuid', '''bbbbbbbb-0000-4000-8000-000000000000'''), ('uuid', '''bbbbbbbb-0000-4000-8000-000000000002'''), ('uuid', '''bbbbbbbb-0000-4000-8000-000000000006'''), ('uuid', '''aaaaaaaa-0000-4000-8000-000000000000'''),
  ('uuid', '''aaaaaaaa-0000-4000-8000-000000000002'''), ('uuid', '''aaaaaaaa-0000-4000-8000-000000000003'''), ('uuid', '''cccccccc-0000-4000-8000-000000000004'''), ('uuid', '''dddddddd-0000-4000-8000-000000000003'''), ('uuid', '''00000000-0000-0000-0000-000000000000'''), ('uuid', '''00000000-0000-4000-8000-000000000001'''),
  ('uuid', '(SELECT ''bbbbbbbb-0000-4000-8000-00000000000a''::uuid)'),
  ('bigint', 'NULL'), ('bigint', '0'), ('bigint', '-1'), ('bigint', '9223372036854775807'), ('bigint', '1'), ('integer', 'NULL'), ('integer', '0'), ('integer', '-2147483648'), ('integer', '24'),
  ('timestamp with time zone', 'NULL'), ('timestamp with time zone', '''infinity'''), ('timestamp with time zone', '''-infinity'''), ('timestamp with time zone', '''2026-01-01'''), ('timestamp with time zone', '''4713-01-02 BC'''),
  ('interval', 'NULL'), ('interval', '''0'''), ('interval', '''-1 year'''), ('interval', '''30 minutes'''), ('interval', '''1 day'''), ('boolean', 'true'), ('boolean', 'false'), ('boolean', 'NULL'),
  ('name', 'NULL'), ('name', '''att_web'''), ('name', '''att_app'''), ('name', '''postgres'''), ('name', '''workspace_id'''), ('name', '''organization_id'''), ('name', '''ctid'''), ('name', '''nobody'''),
  ('regclass', 'NULL'), ('regclass', '''app.logs'''), ('regclass', '''app.docs'''), ('regclass', '''app.events'''), ('regclass', '''theirs.notes'''), ('regclass', '''pg_class'''), ('regclass', '''pg_authid'''), ('regclass', '0'), ('regclass', '4294967295'), ('regclass', '''tenancy.users'''), ('regclass', '''app.recent'''), ('regclass', '''app.logs_pkey'''),
  ('regnamespace', 'NULL'), ('regnamespace', '''observability'''), ('regnamespace', '''app'''), ('regnamespace', '''pg_catalog'''), ('regnamespace', '0'), ('oid', 'NULL'), ('oid', '0'), ('oid', '2950'), ('oid', '25'), ('oid', '10'),
  ('jsonb', 'NULL'), ('jsonb', '''[]'''), ('jsonb', '''"all"'''), ('jsonb', '''["logs.view"]'''), ('jsonb', '''{"prompts": "write"}'''), ('jsonb', '''{"keys": [{}, null, 1]}'''), ('jsonb', '''[["logs.view"]]'''), ('jsonb', '''null'''), ('jsonb', '1'), ('jsonb', '''{"kty": "OKP", "crv": "Ed25519", "kid": "a", "x": "AAAA"}'''), ('jsonb', '''{"prompts": {"a": [1]}}'''),
  ('text[]', 'NULL'), ('text[]', '''{}'''), ('text[]', '''{logs,NULL}'''), ('text[]', '''{{a,b},{c,d}}'''), ('text[]', '''[5:6]={a,b}'''), ('name[]', 'NULL'), ('name[]', '''{}'''), ('name[]', '''{body}'''), ('name[]', '''{NULL}'''), ('name[]', '''{{a,b}}'''), ('uuid[]', '''{NULL}'''),
  ('"char"', '''r'''), ('inet', 'NULL'),
  ('"any"', 'NULL'), ('"any"', '''x'''), ('"any"', '1'), ('"any"', '1::int2'), ('"any"', '1.5'), ('"any"', 'ROW(1, 2)'), ('"any"', 'ARRAY[1, 2]'), ('"any"', '''aaaaaaaa-0000-4000-8000-000000000002''::uuid'), ('"any"', '''bbbbbbbb-0000-4000-8000-000000000002''::uuid'), ('"any"', 'point(1, 2)'), ('"any"', 'NULL::uuid'), ('"any"', '12::bigint'),
  ('"any"', '''12''::varchar(3)'), ('"any"', '''12''::char(3)'), ('"any"', '''12''::name'), ('"any"', 'NULL::record'), ('"any"', '(SELECT ''bbbbbbbb-0000-4000-8000-000000000002''::uuid)'), ('"any"', 'int4range(1, 2)'), ('"any"', '''{}''::jsonb'), ('"any"', 'B''101'''), ('"any"', 'E''\\x00''::bytea'), ('"any"', '''a''::"char"');
INSERT INTO attacks.arguments SELECT 'anyelement', value FROM attacks.arguments WHERE type = '"any"';

-- An argument of a type; half of the time a column of t, if there is one that goes.
CREATE FUNCTION attacks.argument(wanted regtype, relation regclass) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  columns text[] := '{}';
  name text;
BEGIN
  IF relation IS NOT NULL AND random() < 0.6 THEN
    SELECT coalesce(array_agg('t.' || quote_ident(a.attname) ORDER BY a.attnum), '{}') INTO columns FROM pg_attribute a
    WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped AND (a.atttypid = wanted OR wanted IN ('"any"'::regtype, 'anyelement'::regtype));
    IF wanted IN ('"any"'::regtype, 'anyelement'::regtype, 'regclass'::regtype) AND random() < 0.2 THEN
      columns := columns || '{t.tableoid}';
    END IF;
    IF wanted = 'jsonb'::regtype THEN
      columns := columns || '{to_jsonb(t)}';
    END IF;
    IF cardinality(columns) > 0 THEN
      name := attacks.pick(columns);
      RETURN CASE WHEN random() < 0.15 THEN format('(SELECT %s)', name) WHEN random() < 0.1 THEN format('coalesce((SELECT %s LIMIT 1), %1$s)', name) ELSE name END;
    END IF;
  END IF;
  SELECT value INTO name FROM attacks.arguments a WHERE a.type = wanted::text ORDER BY random() LIMIT 1;
  RETURN coalesce(name || CASE WHEN wanted IN ('"any"'::regtype, 'anyelement'::regtype) OR name ~ '^\(' THEN '' ELSE '::' || wanted::text END, 'NULL::' || wanted::text);
END
$$;

-- Functions that SQL can call: all but those for triggers and the planner.
-- In an order that is the same in both worlds, as is that of what else is picked from.
CREATE TABLE attacks.functions AS
SELECT p.oid, p.proname, p.prokind, p.proretset, p.prorettype::regtype AS result,
       ARRAY(SELECT t::regtype FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY u (t, n) ORDER BY n) AS arguments, p.pronargdefaults AS defaults
FROM pg_proc p
-- stats() counts what this session has done; after seal() nobody could look at what came of it.
WHERE p.pronamespace::regnamespace::text ~ '^tenancy' AND p.proname NOT IN ('stats', 'seal') AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype, 'internal'::regtype)
  AND NOT p.proargtypes::oid[] && ARRAY['internal'::regtype::oid, 'pg_ddl_command'::regtype::oid]
ORDER BY p.oid::regprocedure::text COLLATE "C";
CREATE TABLE attacks.permissions AS SELECT * FROM tenancy.permissions ORDER BY resource, action;
CREATE TABLE attacks.settings AS SELECT * FROM tenancy.setting_definitions ORDER BY setting;

CREATE FUNCTION attacks.call(f attacks.functions, relation regclass) RETURNS text LANGUAGE sql VOLATILE AS $$
  SELECT format('tenancy.%I(%s)', f.proname, string_agg(attacks.argument(u.type, relation), ', ' ORDER BY u.n))
  FROM unnest(f.arguments) WITH ORDINALITY u (type, n) WHERE u.n <= cardinality(f.arguments) - CASE WHEN f.defaults > 0 THEN floor(random() * (f.defaults + 1))::int ELSE 0 END
$$;

-- Several statements of one who attacks.
CREATE FUNCTION attacks.as_script(login text, principal text, before text, statements text[]) RETURNS text LANGUAGE sql AS $$
  SELECT format(E'@as %s %s\n%s\n', login, principal, before) || string_agg(format(E'\\warn @> %s\n%s;\n', regexp_replace(replace(replace(s, '\', '\\'), '''', ''''''), '^(.*)$', '''\1'''), s), '') FROM unnest(statements) s
$$;
