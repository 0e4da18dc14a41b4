-- Rows for everybody, and rows that name a workspace and no organization.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
\set plans :srcdir '/sql/include/plans.sql'
\i :plans
SET client_min_messages = warning;
CREATE TABLE templates (id int PRIMARY KEY, organization_id uuid, workspace_id uuid, user_id uuid, body text);
INSERT INTO templates SELECT id, organization_id, workspace_id, user_id, body FROM logs;
INSERT INTO templates VALUES (100, NULL, NULL, NULL, 'for everybody');
CREATE TABLE prices (id int PRIMARY KEY, organization_id uuid, price numeric);
INSERT INTO prices VALUES (1, NULL, 10), (2, 'aaaaaaaa-0000-4000-8000-000000000000', 8), (3, 'bbbbbbbb-0000-4000-8000-000000000000', 9);

-- Without being told, nobody reads it; and a policy by hand is refused.
SELECT tenancy.protect('templates', 'logs', organization => 'organization_id', workspace => 'workspace_id', owner => 'user_id', create_indexes => true);
SET SESSION AUTHORIZATION regress_app;
SELECT who FROM who_sees('templates') WHERE ids ~ '100';
RESET SESSION AUTHORIZATION;
SELECT * FROM failure('CREATE POLICY system_rows ON templates FOR SELECT USING (organization_id IS NULL)');
SELECT tenancy.protect('templates', 'logs', organization => 'organization_id', workspace => 'workspace_id', owner => 'user_id', shared => true);
SELECT tenancy.protect('prices', 'prompts', organization => 'organization_id', shared => true, create_indexes => true);
SELECT relation, shared, workspace_decides, (tenancy_internal.inspect_protection(relation)).* FROM tenancy.protected_tables ORDER BY relation::text;

-- Readable by every principal that may view the resource anywhere, also one that is restricted to own rows; not by others, and not by nobody.
SET SESSION AUTHORIZATION regress_app;
SELECT t.who, t.ids AS templates, l.ids AS logs, p.ids AS prices
FROM who_sees('templates') t JOIN who_sees('logs') l USING (who) JOIN who_sees('prices') p USING (who) ORDER BY who;
-- Nobody of these changes it, makes one, or makes a row of its own one.
SELECT * FROM who_can($$UPDATE prices SET price = 0 WHERE id = 1$$);
SELECT * FROM who_can($$DELETE FROM prices WHERE id = 1$$);
SELECT * FROM who_can($$INSERT INTO prices VALUES (4, NULL, 0)$$);
SELECT * FROM who_can($$INSERT INTO templates VALUES (200, NULL, NULL, NULL)$$);
SELECT * FROM who_can($$UPDATE prices SET organization_id = NULL WHERE id = 2$$);
SELECT * FROM who_can($$INSERT INTO prices VALUES (1, DEFAULT, 0) ON CONFLICT (id) DO UPDATE SET price = 0$$);
RESET SESSION AUTHORIZATION;
-- Roles to which no policy applies do.
UPDATE prices SET price = 11 WHERE id = 1;
SET SESSION AUTHORIZATION regress_app;
CALL become('gus');
SELECT id, price FROM prices ORDER BY id;
-- Row by row it is the same; and in the answer of explain_rows().
RESET SESSION AUTHORIZATION;
SET tenancy.specialize = off;
SET SESSION AUTHORIZATION regress_app;
SELECT id, price FROM prices ORDER BY id;
RESET SESSION AUTHORIZATION;
RESET tenancy.specialize;
SET SESSION AUTHORIZATION regress_app;
SELECT tenancy.explain_rows('prices');
SET tenancy.share_plans = on;
PREPARE all_prices AS SELECT count(*) FROM prices;
EXECUTE all_prices;
CALL become('olivia');
EXECUTE all_prices;
CALL become('nobody');
EXECUTE all_prices;
DEALLOCATE all_prices;
RESET tenancy.share_plans;
-- A cursor stops when the session becomes somebody else, in front of rows for everybody, too.
BEGIN;
CALL become('gus', true);
SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off;
DECLARE rows CURSOR FOR SELECT id FROM prices ORDER BY id;
FETCH 1 FROM rows;
CALL become('mona', true);
FETCH 1 FROM rows;
ROLLBACK;
RESET SESSION AUTHORIZATION;

INSERT INTO prices SELECT i, 'bbbbbbbb-0000-4000-8000-000000000000', i FROM generate_series(1000, 20000) i;
ANALYZE prices;
SET SESSION AUTHORIZATION regress_app;
CALL become('olivia');
SELECT plan('SELECT * FROM prices') AS protected \gset
RESET SESSION AUTHORIZATION;
SELECT plan($$SELECT * FROM prices WHERE organization_id = 'aaaaaaaa-0000-4000-8000-000000000000' OR organization_id IS NULL$$) = :'protected' AS same,
       :'protected' ~ 'BitmapOr' AS by_indexes;
CALL become('nobody');

-- Children of such rows, in a table that is shared itself
CREATE TABLE steps (id int PRIMARY KEY, template_id int REFERENCES templates);
INSERT INTO steps SELECT id, id FROM templates;
SELECT tenancy.protect('steps', 'logs', through => '{template_id}', shared => true, create_indexes => true);
SET SESSION AUTHORIZATION regress_app;
SELECT who, t.ids = s.ids AS same FROM who_sees('templates') t JOIN who_sees('steps') s USING (who) WHERE t.ids <> s.ids;
SELECT attempt('adam', 'INSERT INTO steps VALUES (1000, 100)') AS for_everybody, attempt('adam', 'INSERT INTO steps VALUES (1000, 3)') AS own,
       attempt('adam', 'INSERT INTO steps VALUES (1000, 999)') AS none, attempt('adam', 'INSERT INTO steps VALUES (1000, NULL)') AS no_parent;
RESET SESSION AUTHORIZATION;

-- Scoped views: the payload of rows for everybody is for those who may view
CREATE TABLE answers (id int PRIMARY KEY, organization_id uuid, workspace_id uuid, body text);
INSERT INTO answers VALUES (1, NULL, NULL, 'for everybody'), (2, 'aaaaaaaa-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000002', 'search');
SELECT tenancy.protect('answers', 'logs', organization => 'organization_id', workspace => 'workspace_id', payload => '{body}', shared => true);
SELECT tenancy.create_scoped_view('answers', 'app.answers_scoped');
GRANT SELECT ON answers_scoped TO PUBLIC;
SET SESSION AUTHORIZATION regress_app;
SELECT who, app.visible(who, '(SELECT id || coalesce(body, '' -'') AS id FROM answers_scoped) v') FROM people WHERE who IN ('olivia', 'mona', 'nora', 'gus', 'nobody') ORDER BY n;
RESET SESSION AUTHORIZATION;

-- An organization that is NULL beside a workspace: members see it, and owners don't, until protect() is called with such rows there.
CREATE TABLE runs (id int PRIMARY KEY, organization_id uuid, workspace_id uuid NOT NULL);
SELECT tenancy.protect('runs', 'prompts', organization => 'organization_id', workspace => 'workspace_id', create_indexes => true);
INSERT INTO runs VALUES (1, 'aaaaaaaa-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000002'),
  (2, NULL, 'aaaaaaaa-0000-4000-8000-000000000002'), (3, NULL, 'aaaaaaaa-0000-4000-8000-000000000003'), (4, NULL, 'bbbbbbbb-0000-4000-8000-000000000002');
SELECT severity, rule, problem, fix_sql FROM tenancy.advise() WHERE rule = 'rows_without_organization';
SET SESSION AUTHORIZATION regress_app;
SELECT * FROM who_sees('runs') WHERE who IN ('olivia', 'mona', 'gus', 'acme master');
RESET SESSION AUTHORIZATION;
SET client_min_messages = notice;
SELECT tenancy.protect('runs', 'prompts', organization => 'organization_id', workspace => 'workspace_id', create_indexes => true);
SET client_min_messages = warning;
SELECT rule FROM tenancy.advise() WHERE rule = 'rows_without_organization';
SET SESSION AUTHORIZATION regress_app;
SELECT * FROM who_sees('runs');
SELECT * FROM who_can('UPDATE runs SET id = id + 100');
SELECT * FROM who_can('UPDATE runs SET workspace_id = ''bbbbbbbb-0000-4000-8000-000000000001'' WHERE organization_id IS NULL');
SELECT * FROM who_can('DELETE FROM runs');
CALL become('olivia');
SELECT tenancy.explain_rows('runs');
RESET SESSION AUTHORIZATION;
CALL become('nobody');
-- Their children are seen, made and changed as they are, also the first ones; for the parents of another organization they are not.
CREATE TABLE run_steps (id int PRIMARY KEY, run_id int NOT NULL REFERENCES runs);
SELECT tenancy.protect('run_steps', 'prompts', through => '{run_id}', create_indexes => true);
SET SESSION AUTHORIZATION regress_app;
SELECT * FROM who_can('INSERT INTO run_steps VALUES (1, 1)');
SELECT * FROM who_can('INSERT INTO run_steps VALUES (2, 2)');
SELECT * FROM who_can('INSERT INTO run_steps VALUES (4, 4)');
RESET SESSION AUTHORIZATION;
CALL become('nobody');
INSERT INTO run_steps SELECT id, id FROM runs;
SET SESSION AUTHORIZATION regress_app;
SELECT who, r.ids AS runs, s.ids AS steps FROM who_sees('runs') r JOIN who_sees('run_steps') s USING (who) WHERE r.ids IS DISTINCT FROM s.ids;
SELECT * FROM who_can('UPDATE run_steps SET id = id + 100');
RESET SESSION AUTHORIZATION;
CALL become('nobody');
DROP TABLE run_steps;
-- Rows that are mended make the filter simple again.
UPDATE runs r SET organization_id = w.organization_id FROM tenancy.workspaces w WHERE w.workspace_id = r.workspace_id;
SELECT tenancy.protect('runs', 'prompts', organization => 'organization_id', workspace => 'workspace_id', create_indexes => true);
SET SESSION AUTHORIZATION regress_app;
CALL become('olivia');
SELECT tenancy.explain_rows('runs');
