-- Columns as actions: mona, who may publish in one workspace and only update in another, tries to publish there, or to take back what is
-- published there, by all statements that write rows.

CREATE PROCEDURE attacks.action_tables() LANGUAGE plpgsql AS $$
BEGIN
  PERFORM tenancy.set_workspace_role('acme/support', 'mona@acme.test', 'member');
  CREATE TABLE app.books (id int PRIMARY KEY, organization_id uuid, workspace_id uuid);
  CREATE TABLE app.plain (id int PRIMARY KEY, organization_id uuid, workspace_id uuid, region int DEFAULT 1, title text, published boolean NOT NULL DEFAULT false, published_at timestamptz);
  CREATE TABLE app.parted (LIKE app.plain INCLUDING DEFAULTS) PARTITION BY LIST (region);
  CREATE TABLE app.parted_1 PARTITION OF app.parted (PRIMARY KEY (id)) FOR VALUES IN (1);
  CREATE TABLE app.parted_2 PARTITION OF app.parted (PRIMARY KEY (id)) FOR VALUES IN (2);
  CREATE TABLE app.child (LIKE app.plain INCLUDING DEFAULTS INCLUDING CONSTRAINTS, PRIMARY KEY (id), book_id int REFERENCES app.books);
  CREATE TABLE app.grandchild (LIKE app.plain INCLUDING DEFAULTS INCLUDING CONSTRAINTS, PRIMARY KEY (id), child_id int REFERENCES app.child);
  PERFORM tenancy.protect('app.books', 'prompts', 'organization_id', 'workspace_id', create_indexes => true),
    tenancy.protect('app.plain', 'prompts', 'organization_id', 'workspace_id', create_indexes => true, actions => '{"publish": ["published", "published_at"]}'),
    tenancy.protect('app.parted', 'prompts', 'organization_id', 'workspace_id', create_indexes => true, actions => '{"publish": ["published", "published_at"]}'),
    tenancy.protect('app.child', 'prompts', 'organization_id', 'workspace_id', through => '{book_id}', create_indexes => true, actions => '{"publish": ["published", "published_at"]}'),
    tenancy.protect('app.grandchild', 'prompts', 'organization_id', 'workspace_id', through => '{child_id}', create_indexes => true, actions => '{"publish": ["published", "published_at"]}');
  -- 1 and 2 in search, 3 and 4 in support; 2 and 4 are published
  INSERT INTO app.books SELECT i, 'aaaaaaaa-0000-4000-8000-000000000000', CASE WHEN i <= 2 THEN 'aaaaaaaa-0000-4000-8000-000000000002' ELSE 'aaaaaaaa-0000-4000-8000-000000000003' END::uuid FROM generate_series(1, 4) i;
  INSERT INTO app.plain SELECT b.id, b.organization_id, b.workspace_id, 1, 'x', b.id IN (2, 4), CASE WHEN b.id IN (2, 4) THEN timestamptz '2026-01-01' END FROM app.books b;
  INSERT INTO app.parted SELECT * FROM app.plain;
  INSERT INTO app.child SELECT p.*, p.id FROM app.plain p;
  INSERT INTO app.grandchild SELECT p.*, p.id FROM app.plain p;
  CREATE VIEW app.plain_view WITH (security_invoker) AS SELECT * FROM app.plain;
  GRANT ALL ON app.books, app.plain, app.parted, app.parted_1, app.parted_2, app.child, app.grandchild, app.plain_view TO PUBLIC;
END
$$;
-- In support, exactly row 4 of each table is published, whatever she does.
CREATE FUNCTION attacks.published() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
  relation text;
  got text;
BEGIN
  FOREACH relation IN ARRAY ARRAY['plain', 'parted', 'child', 'grandchild'] LOOP
    EXECUTE format('SELECT string_agg(format(''%%s %%s'', id, published_at), '','' ORDER BY id) FROM app.%I WHERE workspace_id = ''aaaaaaaa-0000-4000-8000-000000000003'' AND (published OR published_at IS NOT NULL)', relation) INTO got;
    IF got IS DISTINCT FROM '4 2026-01-01 00:00:00+00' THEN
      RETURN NEXT format('@found published in support, of app.%s: %s', relation, coalesce(got, 'nothing'));
    END IF;
  END LOOP;
END
$$;
CREATE FUNCTION attacks.action_step() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  relation text := attacks.pick(ARRAY['plain', 'plain', 'plain_view', 'parted', 'parted', 'parted_1', 'child', 'child', 'grandchild', 'books']);
  id text := (1 + floor(random() * 4))::int::text;
  other text := (1 + floor(random() * 4))::int::text;
  workspace text := attacks.pick(ARRAY['''aaaaaaaa-0000-4000-8000-000000000002''', '''aaaaaaaa-0000-4000-8000-000000000003''', '''aaaaaaaa-0000-4000-8000-000000000003''', 'NULL', 'DEFAULT']);
  published text := attacks.pick(ARRAY['true', 'false', 'NOT t.published', 'DEFAULT']);
  change text;
  inserted text;
BEGIN
  change := attacks.pick(ARRAY['workspace_id = ' || workspace, 'workspace_id = ' || workspace, 'workspace_id = ' || workspace || ', title = ''new''', 'workspace_id = ' || workspace || ', published = ' || published,
    'published = ' || published, 'published_at = now()', 'published_at = NULL, workspace_id = ' || workspace, 'organization_id = NULL, workspace_id = ' || workspace]);
  IF relation = 'books' THEN
    change := 'workspace_id = ' || workspace;
  ELSIF relation = 'child' THEN
    change := attacks.pick(ARRAY[change, 'book_id = ' || other, 'book_id = ' || other || ', published = ' || published, 'book_id = NULL, ' || change]);
  ELSIF relation = 'grandchild' THEN
    change := attacks.pick(ARRAY[change, 'child_id = ' || other, 'child_id = NULL, ' || change]);
  ELSIF relation = 'parted' THEN
    change := attacks.pick(ARRAY[change, 'region = 2', 'region = 3 - t.region, ' || change]);
  END IF;
  inserted := format('INSERT INTO app.%s AS t (id, workspace_id%s%s) VALUES (%s, %s%s%s)', relation, CASE WHEN relation = 'books' THEN '' ELSE ', published' END,
    CASE relation WHEN 'child' THEN ', book_id' WHEN 'grandchild' THEN ', child_id' ELSE '' END, CASE WHEN random() < 0.6 THEN id ELSE (10 + floor(random() * 90))::int::text END, workspace,
    CASE WHEN relation = 'books' THEN '' ELSE ', ' || attacks.pick(ARRAY['true', 'false', 'DEFAULT', 'DEFAULT']) END, CASE WHEN relation IN ('child', 'grandchild') THEN ', ' || attacks.pick(ARRAY[other, 'NULL']) ELSE '' END);
  RETURN attacks.pick(ARRAY[
    format('UPDATE app.%s t SET %s WHERE id = %s', relation, change, id), format('UPDATE app.%s t SET %s', relation, change), format('UPDATE app.%s t SET %s FROM app.books b WHERE t.id = b.id AND b.id <> %s', relation, change, id),
    inserted, format('%s ON CONFLICT (id) DO UPDATE SET %s', CASE WHEN relation = 'parted' THEN replace(inserted, 'app.parted ', 'app.parted_1 ') ELSE inserted END, change), format('%s ON CONFLICT DO NOTHING', inserted),
    format('MERGE INTO app.%s t USING (VALUES (%s)) v (i) ON t.id = v.i WHEN MATCHED THEN UPDATE SET %s', CASE relation WHEN 'plain_view' THEN 'plain' ELSE relation END, id, change),
    format('WITH w AS (UPDATE app.%s t SET %s WHERE id = %s RETURNING *) UPDATE app.plain p SET workspace_id = w.workspace_id FROM w WHERE p.id = w.id', relation, change, id),
    format('WITH d AS (DELETE FROM app.%s WHERE id = %s RETURNING id, workspace_id) INSERT INTO app.plain (id, workspace_id, published) SELECT 200 + id, workspace_id, true FROM d', relation, id),
    format('DO $x$ BEGIN UPDATE app.%s t SET %s WHERE id = %s; EXCEPTION WHEN OTHERS THEN UPDATE app.%s t SET %s; END $x$', relation, change, id, relation, change)]);
END
$$;
INSERT INTO attacks.cases (family, title, script, forbidden, watched, fresh)
SELECT 'actions', 'mona, series ' || i, E'@as postgres\nSET LOCAL client_min_messages = warning;\nCALL attacks.action_tables();\n' || attacks.as_script('att_app', 'mona', '', ARRAY(SELECT attacks.action_step() FROM generate_series(1, 4) WHERE i > 0)) ||
  E'\n@as postgres\nSELECT * FROM attacks.published();', 'canary_globex', false, false
FROM generate_series(1, 40 * :rounds) i;
-- A published row that moves, which once went through, by itself or with its parent.
INSERT INTO attacks.cases (family, title, script, forbidden, watched)
SELECT 'known', 'publish by a move: ' || statement, E'@as postgres\nSET LOCAL client_min_messages = warning;\nCALL attacks.action_tables();\n@as att_app mona\n' || statement || E'\n@as postgres\nSELECT * FROM attacks.published();', 'canary_globex', false
FROM unnest(ARRAY['UPDATE app.plain SET workspace_id = ''aaaaaaaa-0000-4000-8000-000000000003'' WHERE id = 2;', 'UPDATE app.plain SET workspace_id = ''aaaaaaaa-0000-4000-8000-000000000002'' WHERE id = 4;',
  'UPDATE app.parted SET workspace_id = ''aaaaaaaa-0000-4000-8000-000000000003'' WHERE id = 2;', 'UPDATE app.books SET workspace_id = ''aaaaaaaa-0000-4000-8000-000000000003'' WHERE id = 2;',
  'UPDATE app.child SET book_id = 3 WHERE id = 2;']) statement;
