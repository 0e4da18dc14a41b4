-- Catalogs of tenants: what they take, and how references find their rows.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
-- Slugs, names, addresses
SELECT slug, message FROM unnest(ARRAY['a', 'a-1', '0', 'A', 'a_b', '-a', 'a-', 'a--b', 'ä', 'a/b', '', ' a']) slug,
  failure(format('INSERT INTO tenancy.organizations (slug, name) VALUES (%L, ''x'')', slug));
SELECT email, message FROM unnest(ARRAY['x@y', 'x+1@y.test', 'X@y', 'x', '@y', 'x@', 'x y@z', 'x@y@z', '']) email,
  failure(format('INSERT INTO tenancy.users (email) VALUES (%L)', email));
SELECT state, message FROM (VALUES
  ('INSERT INTO tenancy.organizations (slug, name) VALUES (''acme'', ''x'')'),
  ('INSERT INTO tenancy.organizations (slug, name) VALUES (''x'', '''')'),
  ('INSERT INTO tenancy.organizations (slug, name, external_id) VALUES (''x'', ''x'', ''1'')'),
  ('INSERT INTO tenancy.organizations (slug, name, external_id) VALUES (''x'', ''x'', '''')'),
  ('INSERT INTO tenancy.workspaces (organization_id, slug, name) VALUES (''aaaaaaaa-0000-4000-8000-000000000000'', ''search'', ''x'')'),
  ('INSERT INTO tenancy.workspaces (organization_id, slug, name) VALUES (''bbbbbbbb-0000-4000-8000-000000000000'', ''search'', ''x'')'),
  ('INSERT INTO tenancy.workspaces (organization_id, slug, name, external_id) VALUES (''bbbbbbbb-0000-4000-8000-000000000000'', ''x'', ''x'', ''12'')'),
  ('INSERT INTO tenancy.workspaces (organization_id, slug, name, is_default) VALUES (''bbbbbbbb-0000-4000-8000-000000000000'', ''x'', ''x'', true)'),
  ('INSERT INTO tenancy.users (email) VALUES (''mike@acme.test'')'),
  ('INSERT INTO tenancy.users (email, external_id) VALUES (''x@acme.test'', ''104'')'),
  ('INSERT INTO tenancy.roles (level, name) VALUES (''team'', ''x'')'),
  ('INSERT INTO tenancy.roles (level, name) VALUES (''workspace'', ''X'')'),
  ('INSERT INTO tenancy.roles (level, name, all_workspaces) VALUES (''workspace'', ''x'', true)'),
  ('INSERT INTO tenancy.roles (level, name) VALUES (''workspace'', ''member'')')) v (command), failure(command);

-- A workspace's member is a member of its organization.
INSERT INTO tenancy.workspace_members (workspace_id, user_id, organization_id, role_id)
VALUES ('aaaaaaaa-0000-4000-8000-000000000002', 'cccccccc-0000-4000-8000-000000000008', 'aaaaaaaa-0000-4000-8000-000000000000',
        '00000000-0000-4000-8000-000000000013');
INSERT INTO tenancy.workspace_members (workspace_id, user_id, organization_id, role_id)
VALUES ('aaaaaaaa-0000-4000-8000-000000000002', 'cccccccc-0000-4000-8000-000000000008', 'bbbbbbbb-0000-4000-8000-000000000000',
        '00000000-0000-4000-8000-000000000013');

-- References: uuid in any spelling, external id, slug, address
SELECT reference, (SELECT slug FROM tenancy.organizations o WHERE o.organization_id = tenancy_internal.find_organization(reference))
FROM unnest(ARRAY['acme', '1', 'aaaaaaaa-0000-4000-8000-000000000000', 'AAAAAAAA-0000-4000-8000-000000000000',
                  'aaaaaaaa000040008000000000000000']) reference;
SELECT reference, (SELECT o.slug || '/' || w.slug FROM tenancy.workspaces w JOIN tenancy.organizations o USING (organization_id)
                   WHERE w.workspace_id = tenancy_internal.find_workspace(reference, NULL))
FROM unnest(ARRAY['search', '12', 'acme/search', '1/search', '1/12', 'globex/shared-team-workspace',
                  'aaaaaaaa-0000-4000-8000-000000000002']) reference;
SELECT reference, (SELECT email FROM tenancy.users u WHERE u.user_id = tenancy_internal.find_user(reference))
FROM unnest(ARRAY['mike@acme.test', 'Mike@ACME.test', '104', 'cccccccc-0000-4000-8000-000000000004']) reference;
SELECT reference, state, message FROM unnest(ARRAY['ACME', 'acm', '01', '', 'search', 'acme/']) reference,
  failure(format('SELECT tenancy_internal.find_organization(%L)', reference));
SELECT reference, state, message FROM unnest(ARRAY['Search', 'globex/search', '1/22', '/search', 'acme/', '/', 'acme/search/', '']) reference,
  failure(format('SELECT tenancy_internal.find_workspace(%L, NULL)', reference));
SELECT reference, state, message FROM unnest(ARRAY['mike', 'mike@acme', 'cccccccc-0000-4000-8000-00000000000', '']) reference,
  failure(format('SELECT tenancy_internal.find_user(%L)', reference));
SELECT tenancy_internal.find_organization(NULL) IS NULL, tenancy_internal.find_workspace(NULL, NULL) IS NULL, tenancy_internal.find_user(NULL) IS NULL;
-- In an organization, a workspace of another one isn't found.
SELECT tenancy_internal.find_workspace('lab', 'bbbbbbbb-0000-4000-8000-000000000000');
SELECT tenancy_internal.find_workspace('lab', 'aaaaaaaa-0000-4000-8000-000000000000');
SELECT tenancy_internal.find_workspace('bbbbbbbb-0000-4000-8000-000000000002', 'aaaaaaaa-0000-4000-8000-000000000000');
SELECT tenancy_internal.find_workspace('globex/lab', 'aaaaaaaa-0000-4000-8000-000000000000');
-- More than one
SELECT tenancy_internal.find_workspace('shared-team-workspace', NULL);
SELECT tenancy_internal.find_workspace('shared-team-workspace', 'aaaaaaaa-0000-4000-8000-000000000000');
-- No name is given that another organization has
UPDATE tenancy.organizations SET external_id = 'acme' WHERE slug = 'globex';
INSERT INTO tenancy.organizations (slug, name) SELECT external_id, 'Taken' FROM tenancy.organizations WHERE slug = 'acme' AND external_id IS NOT NULL;
UPDATE tenancy.organizations SET slug = '1' WHERE slug = 'globex';
-- Data of 1.0 can have such names
ALTER TABLE tenancy.organizations DISABLE TRIGGER check_names;
ALTER TABLE tenancy.users DISABLE TRIGGER check_external_id;
UPDATE tenancy.organizations SET external_id = 'acme' WHERE slug = 'globex';
SELECT tenancy_internal.find_organization('acme');
UPDATE tenancy.organizations SET external_id = 'acme' WHERE slug = 'acme';
SELECT tenancy_internal.find_organization('acme');
UPDATE tenancy.users SET external_id = 'mona@acme.test' WHERE email = 'mike@acme.test';
SELECT u.email FROM tenancy.users u WHERE u.user_id = tenancy_internal.find_user('mona@acme.test');
ALTER TABLE tenancy.organizations ENABLE TRIGGER check_names;
ALTER TABLE tenancy.users ENABLE TRIGGER check_external_id;
UPDATE tenancy.users SET external_id = 'Mike@acme.test' WHERE email = 'mike@acme.test' RETURNING external_id;
UPDATE tenancy.users SET external_id = 'mona@acme.test' WHERE email = 'mike@acme.test';
-- An id is nobody else's, whatever external ids 1.0 has left
ALTER TABLE tenancy.users DISABLE TRIGGER check_external_id_form;
UPDATE tenancy.users SET external_id = (SELECT u.user_id FROM tenancy.users u WHERE u.email = 'mona@acme.test') WHERE email = 'mike@acme.test';
ALTER TABLE tenancy.users ENABLE TRIGGER check_external_id_form;
SELECT u.email FROM tenancy.users u WHERE u.user_id = tenancy_internal.find_user((SELECT external_id FROM tenancy.users WHERE email = 'mike@acme.test'));
-- The nearest word
SELECT tenancy_internal.nearest(word, ARRAY['logs', 'traces', 'analytics', 'prompts']) FROM unnest(ARRAY['log', 'lgos', 'trace', 'anaytics', 'promts', 'xyz', '']) word;
