\set ECHO none
-- Who runs the cells of a matrix, and what each is entitled to; see matrix.sql.
-- become: as a connection would do it. regress_app is trusted, regress_bound stands for mike, regress_plain for nobody.
INSERT INTO identities (identity, login, become, other, home, home_workspace, away, away_workspace, hidden)
SELECT v.identity, v.login, become, CASE login WHEN 'regress_app' THEN 'CALL app.become(''' || other || ''', true)'
                                    ELSE 'SELECT set_config(''tenancy.api_key'', secret, true), set_config(''tenancy.jwt'', '''', true) FROM app.secrets WHERE name = ''' || other || '''' END,
       home, home_workspace, CASE home WHEN '1' THEN '2' ELSE '1' END, CASE home WHEN '1' THEN '22' ELSE '12' END, CASE home WHEN '1' THEN 8 ELSE 3 END
FROM (VALUES
  ('owner by tenancy.user', 'regress_app', 'SET LOCAL tenancy."user" = ''olivia@acme.test''; SET LOCAL tenancy.api_key = ''''', 'gus', '1', '12'),
  ('user, all rows here and own rows there', 'regress_app', 'SET tenancy."user" = ''ben@acme.test''; SET tenancy.api_key = ''''', 'globex master', '1', '12'),
  ('owner, narrowed by tenancy.workspace', 'regress_app', 'SET LOCAL tenancy."user" = ''olivia@acme.test''; SET LOCAL tenancy.api_key = ''''; SET LOCAL tenancy.workspace = ''support''', 'olivia', '1', '13'),
  ('member by login, own rows', 'regress_bound', 'SET LOCAL tenancy.api_key = ''''', 'globex master', '1', '12'),
  ('user key by set_config', 'regress_plain', 'SELECT set_config(''tenancy.api_key'', secret, true) FROM app.secrets WHERE name = ''mike key''', 'acme master', '1', '12'),
  ('workspace key by SET', 'regress_bound', (SELECT format('SET tenancy.api_key = %L', secret) FROM secrets WHERE name = 'search service'), 'globex master', '1', '12'),
  ('other organization''s key by SET LOCAL', 'regress_app', (SELECT format('SET LOCAL tenancy.api_key = %L; SET LOCAL tenancy."user" = ''''', secret) FROM secrets WHERE name = 'globex master'), 'olivia', '2', '22'),
  ('token', 'regress_plain', 'SELECT set_config(''tenancy.api_key'', '''', true), set_config(''tenancy.jwt'', token, true) FROM app.tokens WHERE name = ''every scope of a workspace''', 'acme master', '1', '12'),
  ('nobody on a trusted login', 'regress_app', 'CALL app.become(''nobody'', true)', 'olivia', '1', '12'),
  ('nobody on a login without a binding', 'regress_plain', 'SET tenancy.api_key = ''''', 'acme master', '1', '12')) v (identity, login, become, other, home, home_workspace);

-- By docs/concepts.md, not by trying. Row 7 is in no workspace, 8 is the other organization's; the rest are search's
-- (1 to 4) and support's (5, 6). mike's are 1 and 2 (this one by his key), ben's is 5.
-- With own rows only, a new row without owner is not visible.
INSERT INTO entitled (identity, shape, sees, updates, deletes, creates, sees_new)
SELECT identity, s.shape, sees::int[], updates::int[], deletes::int[], creates,
       creates AND (identity, s.shape) NOT IN (('member by login, own rows', 'by key'), ('member by login, own rows', 'by neither'), ('user key by set_config', 'by neither'))
FROM (VALUES
  ('owner by tenancy.user', 'full, by key, by neither, organization', '{1,2,3,4,5,6,7}', '{1,2,3,4,5,6,7}', '{1,2,3,4,5,6,7}', true),
  ('owner by tenancy.user', 'workspace', '{1,2,3,4,5,6}', '{1,2,3,4,5,6}', '{1,2,3,4,5,6}', true),
  ('owner by tenancy.user', 'logs', '{1,2,3,4,5,6,7}', '{}', '{}', true),
  ('user, all rows here and own rows there', 'full, by key, workspace', '{1,2,3,4,5}', '{1,2,3,4,5}', '{1,2,3,4}', true),
  ('user, all rows here and own rows there', 'by neither', '{1,2,3,4}', '{1,2,3,4}', '{1,2,3,4}', true),
  ('user, all rows here and own rows there', 'organization', '{5}', '{5}', '{}', true),
  ('user, all rows here and own rows there', 'logs', '{1,2,3,4,5}', '{}', '{}', false),
  ('owner, narrowed by tenancy.workspace', 'full, by key, by neither, workspace', '{5,6}', '{5,6}', '{5,6}', true),
  ('owner, narrowed by tenancy.workspace', 'organization', '{}', '{}', '{}', false),
  ('owner, narrowed by tenancy.workspace', 'logs', '{5,6}', '{}', '{}', true),
  ('member by login, own rows', 'full, workspace, organization', '{1,2}', '{1,2}', '{}', true),
  ('member by login, own rows', 'by key', '{2}', '{2}', '{}', true),
  ('member by login, own rows', 'by neither', '{}', '{}', '{}', true),
  ('member by login, own rows', 'logs', '{1,2}', '{}', '{}', false),
  ('user key by set_config', 'full, workspace', '{1,2}', '{1,2}', '{}', true),
  ('user key by set_config', 'by key', '{2}', '{2}', '{}', true),
  ('user key by set_config', 'by neither', '{}', '{}', '{}', true),
  ('user key by set_config', 'organization', '{}', '{}', '{}', false),
  ('user key by set_config', 'logs', '{1,2}', '{}', '{}', true),
  ('workspace key by SET', 'full, by key, by neither, workspace', '{1,2,3,4}', '{1,2,3,4}', '{1,2,3,4}', true),
  ('workspace key by SET', 'organization', '{}', '{}', '{}', false),
  ('workspace key by SET', 'logs', '{1,2,3,4}', '{}', '{}', true),
  ('other organization''s key by SET LOCAL', 'full, by key, by neither, organization, workspace', '{8}', '{8}', '{8}', true),
  ('other organization''s key by SET LOCAL', 'logs', '{8}', '{}', '{}', true),
  ('token', 'full, by key, by neither, organization, workspace', '{}', '{}', '{}', false),
  ('token', 'logs', '{1,2,3,4}', '{}', '{}', true),
  ('nobody on a trusted login', 'full, by key, by neither, organization, workspace, logs', '{}', '{}', '{}', false),
  ('nobody on a login without a binding', 'full, by key, by neither, organization, workspace, logs', '{}', '{}', '{}', false))
  v (identity, shapes, sees, updates, deletes, creates), string_to_table(shapes, ', ') s (shape);
