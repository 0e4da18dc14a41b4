-- DDL that would open a protected table is refused, and partitions and children are protected as they come.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
SET client_min_messages = warning;
\o /dev/null
SELECT tenancy.protect('logs', 'logs', 'organization_id', 'workspace_id', 'user_id');
\o
CREATE FUNCTION problems() RETURNS TABLE (relation regclass, problem text) LANGUAGE sql AS $$
  SELECT t.relation, (tenancy_internal.inspect_protection(t.relation)).problem FROM tenancy.protected_tables t ORDER BY 1
$$;

-- Commands that would open it
SELECT command, (failure(command)).* FROM (VALUES
  ('ALTER TABLE logs DISABLE ROW LEVEL SECURITY'),
  ('ALTER TABLE logs NO FORCE ROW LEVEL SECURITY'),
  ('CREATE POLICY everybody ON logs USING (true)'),
  ('DROP POLICY tenancy_select ON logs'),
  ('ALTER POLICY tenancy_select ON logs USING (true)'),
  ('ALTER POLICY tenancy_select ON logs TO regress_app'),
  ('ALTER POLICY tenancy_select ON logs RENAME TO other'),
  ('ALTER TABLE logs DROP COLUMN workspace_id CASCADE'),
  ('ALTER TABLE logs ALTER COLUMN workspace_id TYPE text')) v (command);
-- Commands that don't
SELECT command, (failure(command)).state FROM (VALUES
  ('CREATE POLICY narrower ON logs AS RESTRICTIVE USING (id > 0)'),
  ('ALTER TABLE logs ADD COLUMN note text'),
  ('ALTER TABLE logs DROP COLUMN body'),
  ('ALTER TABLE logs ENABLE ROW LEVEL SECURITY'),
  ('SELECT tenancy.unprotect(''logs'')'),
  ('DROP TABLE logs')) v (command);
-- A table that isn't protected is nobody's business.
CREATE TABLE other (id int);
ALTER TABLE other ENABLE ROW LEVEL SECURITY;
CREATE POLICY everybody ON other USING (true);
DROP POLICY everybody ON other;
ALTER TABLE other DISABLE ROW LEVEL SECURITY;

-- A restrictive policy narrows; a renamed column goes on deciding.
SET SESSION AUTHORIZATION regress_app;
SELECT visible('olivia', 'logs') AS olivia, visible('mike', 'logs') AS mike, visible('gus', 'logs') AS gus;
RESET SESSION AUTHORIZATION;
CREATE POLICY narrower ON logs AS RESTRICTIVE USING (id > 2);
ALTER TABLE logs RENAME COLUMN workspace_id TO place;
SET SESSION AUTHORIZATION regress_app;
SELECT visible('olivia', 'logs') AS olivia, visible('mike', 'logs') AS mike, visible('gus', 'logs') AS gus;
RESET SESSION AUTHORIZATION;
SELECT workspace_column FROM tenancy.protected_tables;
DROP POLICY narrower ON logs;
ALTER TABLE logs RENAME COLUMN place TO workspace_id;

-- Partitions and children: made, attached, two levels deep, by an owner who is no superuser
CREATE TABLE parts (LIKE logs) PARTITION BY RANGE (id);
ALTER TABLE parts OWNER TO regress_owner;
SELECT tenancy.protect('parts', 'logs', 'organization_id', 'workspace_id', 'user_id');
SET ROLE regress_owner;
CREATE TABLE parts_first PARTITION OF parts FOR VALUES FROM (0) TO (4);
CREATE TABLE parts_second (LIKE parts);
ALTER TABLE parts ATTACH PARTITION parts_second FOR VALUES FROM (4) TO (8);
CREATE TABLE parts_third PARTITION OF parts FOR VALUES FROM (8) TO (12) PARTITION BY LIST (id);
CREATE TABLE parts_third_rest PARTITION OF parts_third DEFAULT;
CREATE TABLE parts_rest PARTITION OF parts DEFAULT;
RESET ROLE;
CREATE TABLE child () INHERITS (logs);
CREATE TABLE adopted (LIKE logs);
ALTER TABLE adopted INHERIT logs;
SELECT * FROM problems();
INSERT INTO parts SELECT * FROM logs;
INSERT INTO child SELECT * FROM ONLY logs;
GRANT SELECT ON ALL TABLES IN SCHEMA app TO PUBLIC;
SET SESSION AUTHORIZATION regress_app;
SELECT relation, visible('mike', relation) AS mike, visible('olivia', relation) AS olivia, visible('gus', relation) AS gus, visible('nobody', relation) AS nobody
FROM (VALUES ('parts'), ('parts_first'), ('parts_second'), ('parts_third'), ('parts_third_rest'), ('parts_rest'), ('child')) v (relation);
RESET SESSION AUTHORIZATION;
-- Detached it stays protected, and can be let go by itself.
ALTER TABLE parts DETACH PARTITION parts_first;
SET SESSION AUTHORIZATION regress_app;
SELECT visible('mike', 'parts_first') AS mike, visible('gus', 'parts_first') AS gus;
RESET SESSION AUTHORIZATION;
SELECT tenancy.unprotect('parts_first');
SELECT count(*) FROM problems() WHERE relation = 'parts_first'::regclass;
-- Tables that can't be part of it
CREATE TABLE open_child (LIKE parts);
ALTER TABLE open_child ENABLE ROW LEVEL SECURITY;
CREATE POLICY everybody ON open_child USING (true);
SELECT * FROM failure('ALTER TABLE parts ATTACH PARTITION open_child FOR VALUES FROM (20) TO (24)');
-- Everything goes as one; what is dropped leaves no row.
SELECT tenancy.unprotect('parts');
SELECT * FROM problems();
DROP TABLE child;
SELECT * FROM problems();

-- A child of two protected tables stays protected when one of them is let go.
CREATE TABLE other_parent (LIKE logs);
CREATE TABLE child () INHERITS (logs, other_parent);
INSERT INTO child SELECT * FROM ONLY logs;
SELECT tenancy.protect('other_parent', 'prompts', 'organization_id', 'workspace_id', 'user_id');
SELECT relation, resource FROM tenancy.protected_tables ORDER BY 1;
SELECT tenancy.unprotect('other_parent');
SELECT relation, resource FROM tenancy.protected_tables ORDER BY 1;
SET SESSION AUTHORIZATION regress_app;
SELECT visible('mike', 'child') AS mike, visible('gus', 'child') AS gus, visible('nobody', 'child') AS nobody;
RESET SESSION AUTHORIZATION;
SELECT tenancy.unprotect('logs');
SELECT relation, resource FROM tenancy.protected_tables ORDER BY 1;
DROP TABLE child, other_parent;
SELECT tenancy.protect('logs', 'logs', 'organization_id', 'workspace_id', 'user_id');

-- The way out for a superuser, and for nobody else
SET ROLE regress_owner;
SELECT * FROM failure('SET tenancy.guard_rails = off');
RESET ROLE;
SET tenancy.guard_rails = off;
ALTER TABLE logs NO FORCE ROW LEVEL SECURITY;
SELECT * FROM problems();
RESET tenancy.guard_rails;
SELECT tenancy.unprotect('logs');
SELECT tenancy.protect('logs', 'logs', 'organization_id', 'workspace_id', 'user_id');
SELECT * FROM problems();

-- What is taken for a policy of protect() where only another node has the record: one over columns, for its own command
SELECT count(*) > 3 AS several, bool_and(tenancy_internal.is_policy_of_ours(p)) AS ours FROM pg_policy p WHERE p.polrelid = 'logs'::regclass AND p.polpermissive;
SELECT expression, tenancy_internal.is_policy_call(expression, 'row_visible', 'view|list') AS ours FROM (VALUES
  ($$row_visible('logs'::text, 'view'::text, organization_id, workspace_id, user_id, NULL::unknown)$$),
  ($$row_visible('logs'::text, 'list'::text, organization_id, "Workspace, (of) it", NULL, NULL, true, 'shared'::text)$$),
  ($$row_visible('logs'::text, 'view'::text, '11111111-0000-4000-8000-000000000000'::uuid, NULL, NULL, NULL)$$),
  ($$row_visible('logs'::text, 'view'::text, organization_id, NULL, CURRENT_USER, NULL)$$),
  ($$row_visible('logs'::text, 'view'::text, organization_id, NULL, true, NULL)$$),
  ($$row_visible('logs'::text, 'view'::text, organization_id, NULL, 1, NULL)$$),
  ($$row_visible('logs'::text, 'view'::text, pg_catalog.uuid(a), NULL, NULL, NULL)$$),
  ($$row_visible('logs'::text, 'delete'::text, organization_id, NULL, NULL, NULL)$$),
  ($$row_visible(resource, 'view'::text, organization_id, NULL, NULL, NULL)$$),
  ($$row_accepted('logs'::text, 'view'::text, organization_id, NULL, NULL, NULL)$$),
  ($$(row_visible('logs'::text, 'view'::text, organization_id, NULL, NULL, NULL) OR true)$$)) v (expression);

-- A dump leaves out what belongs to an extension: a protected table cannot, nor its schema, nor its columns' types; others can.
CREATE SCHEMA packed CREATE TABLE items (id int, organization_id uuid) CREATE TABLE plain (id int);
CREATE TYPE packed.mood AS ENUM ('good');
CREATE DOMAIN packed.other AS int;
ALTER TABLE packed.items ADD COLUMN mood packed.mood;
CREATE SCHEMA beside;
SELECT tenancy.protect('packed.items', 'logs', 'organization_id', create_indexes => true);
SELECT w, (failure('ALTER EXTENSION plpgsql ' || w)).* FROM unnest('{ADD TABLE packed.items,ADD SCHEMA packed,ADD TYPE packed.mood,ADD TABLE packed.plain,ADD SCHEMA beside,ADD TYPE packed.other}'::text[]) w;
SELECT tenancy.unprotect('packed.items');
SELECT w, (failure('ALTER EXTENSION plpgsql ' || w)).state FROM unnest('{ADD TABLE packed.items,ADD SCHEMA packed,ADD TYPE packed.mood}'::text[]) w;
-- By whatever way one has become a member: the rows of others can be restored.
SELECT tenancy.protect('packed.items', 'logs', 'organization_id', create_indexes => true);
SET tenancy.guard_rails = off;
ALTER EXTENSION plpgsql ADD TABLE packed.items;
RESET tenancy.guard_rails;
CREATE FUNCTION dumped(catalog regclass) RETURNS SETOF jsonb LANGUAGE plpgsql AS $$
BEGIN
  RETURN QUERY EXECUTE format('SELECT to_jsonb(d) FROM %s d %s', catalog,
    (SELECT e.extcondition[array_position(e.extconfig, catalog::oid)] FROM pg_extension e WHERE e.extname = 'pg_tenancy'));
END
$$;
SELECT (SELECT string_agg(d ->> 'relation', ' ' ORDER BY d ->> 'relation') FROM dumped('tenancy.protected_tables') d) AS dumped,
       (SELECT string_agg(relation::text, ' ' ORDER BY relation::text) FROM tenancy.protected_tables) AS protected,
       (SELECT string_agg(d ->> 'table_name', ' ' ORDER BY d ->> 'table_name') FROM dumped('tenancy.protected_names') d WHERE d ->> 'holder' IS NOT NULL) AS dumped_names;
ALTER EXTENSION plpgsql DROP TABLE packed.items;
SELECT string_agg(d ->> 'relation', ' ' ORDER BY d ->> 'relation') AS dumped FROM dumped('tenancy.protected_tables') d;
DROP SCHEMA packed CASCADE;
DROP SCHEMA beside;
