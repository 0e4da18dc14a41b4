-- advise(): whoever owns a protected table, and whatever it calls it, no fix changes what belongs to others, or gives it away.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
SET client_min_messages = error;
CREATE ROLE regress_victim BYPASSRLS; CREATE ROLE regress_evil;
CREATE SCHEMA victims AUTHORIZATION regress_victim; CREATE SCHEMA evils AUTHORIZATION regress_evil;
GRANT USAGE ON SCHEMA victims, evils TO PUBLIC;
GRANT CREATE ON SCHEMA victims TO regress_evil;
GRANT EXECUTE ON FUNCTION tenancy.protect TO regress_victim, regress_evil;
CREATE TEMP TABLE before AS SELECT * FROM tenancy.advise();
SET ROLE regress_evil;
CREATE TABLE evils.access (id int PRIMARY KEY, organization_id uuid);
GRANT SELECT ON evils.access TO regress_victim;
RESET ROLE;
SET ROLE regress_victim;
CREATE DOMAIN victims.email AS text;
CREATE TYPE victims.state AS ENUM ('new', 'old');
CREATE TYPE victims.pair AS (a int, b int);
CREATE TABLE victims.parent (id int PRIMARY KEY, organization_id uuid, mail victims.email);
SELECT tenancy.protect('victims.parent', 'logs', 'organization_id') \g /dev/null
GRANT REFERENCES, SELECT ON victims.parent TO regress_evil;
GRANT TRUNCATE ON victims.parent TO regress_evil;
CREATE TABLE victims.metrics (id int PRIMARY KEY, organization_id uuid);
CREATE FUNCTION victims.payroll() RETURNS int LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN RETURN (SELECT count(*) FROM victims.parent); END $$;
CREATE FUNCTION victims.other() RETURNS int LANGUAGE plpgsql SECURITY DEFINER AS $$ DECLARE found_all int; BEGIN SELECT 1 INTO found_all; RETURN found_all; END $$;
CREATE VIEW victims.by_access AS SELECT * FROM evils.access;
CREATE MATERIALIZED VIEW victims.kept_access AS SELECT * FROM evils.access;
GRANT SELECT ON victims.by_access, victims.kept_access TO regress_plain;
CREATE TABLE victims.asks (id int);
ALTER TABLE victims.asks ENABLE ROW LEVEL SECURITY;
CREATE POLICY asks ON victims.asks USING (EXISTS (SELECT FROM evils.access a WHERE a.id = asks.id));
RESET ROLE;
CREATE PUBLICATION regress_all_tables FOR ALL TABLES;
CREATE PUBLICATION regress_schema FOR TABLES IN SCHEMA victims;
CREATE PUBLICATION regress_one FOR TABLE evils.access;
INSERT INTO tenancy.permissions (resource, action, description) VALUES ('meters', 'view', 'only read');
SELECT tenancy.protect('victims.metrics', 'meters', 'organization_id') \g /dev/null

SET ROLE regress_evil;
CREATE TABLE evils.borrow (id int, organization_id uuid, mail victims.email, states victims.state[], pair victims.pair);
CREATE TABLE evils."begin" (id int, organization_id uuid);
CREATE TABLE evils."SELECT" (id int, organization_id uuid);
CREATE TABLE evils.payroll (id int, organization_id uuid);
CREATE TABLE evils.found_all (id int, organization_id uuid);
CREATE TABLE victims.there (id int PRIMARY KEY, organization_id uuid);
CREATE TABLE evils.meters (id int PRIMARY KEY, organization_id uuid);
CREATE TABLE evils.across (id int, organization_id uuid, parent int REFERENCES victims.parent);
SELECT count(tenancy.protect(t, 'logs', 'organization_id'))
FROM unnest('{evils.borrow,"evils.\"begin\"","evils.\"SELECT\"",evils.found_all,victims.there,evils.across,evils.access}'::regclass[]) t;
SELECT tenancy.protect('evils.meters', 'meters', 'organization_id') \g /dev/null
CREATE TABLE evils.child (parent int NOT NULL REFERENCES victims.parent);
CREATE TABLE evils.child_of_both (parent int NOT NULL REFERENCES victims.parent, mine int REFERENCES evils.access);
RESET ROLE;
-- What comes from tables of regress_evil
CREATE VIEW news AS SELECT a.* FROM tenancy.advise() a
WHERE NOT EXISTS (SELECT FROM before b WHERE (b.rule, b.object, b.problem) = (a.rule, a.object, a.problem))
  AND a.rule NOT IN ('missing_index', 'unique_without_tenant', 'filtered_owner', 'bypassing_login');
SELECT rule, object, problem, fix_sql FROM news ORDER BY rule, object, problem;
-- What is run of it leaves all that is not regress_evil's as it was.
CREATE VIEW belongings AS
SELECT 'type' AS kind, t.oid::regtype::text AS name, t.typacl::text AS details FROM pg_type t WHERE t.typowner = (SELECT r.oid FROM pg_roles r WHERE r.rolname = 'regress_victim')
UNION ALL SELECT 'table', c.oid::regclass::text, concat_ws(' ', c.relacl, c.reloptions, c.relrowsecurity) FROM pg_class c WHERE c.relowner = (SELECT r.oid FROM pg_roles r WHERE r.rolname = 'regress_victim')
UNION ALL SELECT 'function', p.oid::regprocedure::text, p.prosecdef::text FROM pg_proc p WHERE p.proowner = (SELECT r.oid FROM pg_roles r WHERE r.rolname = 'regress_victim')
UNION ALL SELECT 'policy', p.polname::text, p.polrelid::regclass::text FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid WHERE c.relowner = (SELECT r.oid FROM pg_roles r WHERE r.rolname = 'regress_victim')
UNION ALL SELECT 'publication', p.pubname::text, concat_ws(' ', p.puballtables, ARRAY(SELECT n.pnnspid::regnamespace::text FROM pg_publication_namespace n WHERE n.pnpubid = p.oid)) FROM pg_publication p
UNION ALL SELECT 'permission', resource, action FROM tenancy.permissions;
CREATE TEMP TABLE belonged AS SELECT * FROM belongings;
DO $$
DECLARE
  fix text;
BEGIN
  FOR fix IN SELECT n.fix_sql FROM news n WHERE n.fix_sql !~ '<resource>|[.][.][.]' AND n.object !~ '^victims[.](parent|metrics)' AND NOT (n.rule = 'security_definer_function' AND n.problem ~ 'victims') LOOP
    EXECUTE fix;
  END LOOP;
END
$$;
(SELECT 'gone', * FROM belonged EXCEPT SELECT 'gone', * FROM belongings) UNION ALL (SELECT 'new', * FROM belongings EXCEPT SELECT 'new', * FROM belonged);
DROP PUBLICATION regress_all_tables, regress_schema, regress_one;
DROP SCHEMA evils, victims CASCADE;
DROP OWNED BY regress_victim, regress_evil;
DROP ROLE regress_victim, regress_evil;
