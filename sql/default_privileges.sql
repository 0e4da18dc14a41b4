-- Default privileges of the owner don't reach what the extension creates, whether it is installed or updated; and what was there
-- before an update keeps what it had.
SET client_min_messages = error;
DROP DATABASE IF EXISTS regress_defaults;
DROP ROLE IF EXISTS regress_ana, regress_bob;
CREATE ROLE regress_ana LOGIN;
CREATE ROLE regress_bob;
CREATE DATABASE regress_defaults;
\c regress_defaults
SET client_min_messages = error;
CREATE VIEW extra AS
  WITH object (classid, objid, name, owner, acl) AS (
    SELECT 'pg_class'::regclass, c.oid, c.oid::regclass::text, c.relowner, c.relacl FROM pg_class c
    UNION ALL SELECT 'pg_type'::regclass, t.oid, t.oid::regtype::text, t.typowner, coalesce(t.typacl, acldefault('T', t.typowner)) FROM pg_type t
    UNION ALL SELECT 'pg_proc'::regclass, p.oid, p.oid::regprocedure::text, p.proowner, coalesce(p.proacl, acldefault('f', p.proowner)) FROM pg_proc p
    UNION ALL SELECT 'pg_namespace'::regclass, n.oid, n.nspname, n.nspowner, n.nspacl FROM pg_namespace n
  )
  SELECT o.name, a.grantee::regrole AS grantee, a.privilege_type AS privilege FROM object o, aclexplode(o.acl) a
  WHERE a.grantee <> o.owner
    AND (o.name = 'tenancy' OR EXISTS (SELECT FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid AND d.refclassid = 'pg_extension'::regclass
                                       WHERE d.classid = o.classid AND d.objid = o.objid AND d.deptype = 'e' AND e.extname = 'pg_tenancy'));
-- Without default privileges: what there is to be.
CREATE EXTENSION pg_tenancy;
CREATE TABLE intended AS SELECT * FROM extra;
SELECT * FROM intended WHERE grantee <> '-'::regrole;
DROP EXTENSION pg_tenancy;

-- They reach ordinary objects ...
ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO regress_ana WITH GRANT OPTION;
ALTER DEFAULT PRIVILEGES GRANT ALL ON SEQUENCES TO regress_ana, PUBLIC;
ALTER DEFAULT PRIVILEGES GRANT ALL ON FUNCTIONS TO regress_ana;
ALTER DEFAULT PRIVILEGES GRANT ALL ON TYPES TO regress_ana;
ALTER DEFAULT PRIVILEGES GRANT ALL ON SCHEMAS TO regress_ana, PUBLIC;
ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC;
CREATE DOMAIN ordinary AS text;
SELECT has_type_privilege('regress_ana', 'ordinary', 'USAGE') AS ordinary;
-- ... and none of the extension's.
CREATE EXTENSION pg_tenancy;
SELECT * FROM extra EXCEPT SELECT * FROM intended ORDER BY 1, 2, 3;
-- What is for everybody is so still.
SELECT * FROM intended EXCEPT SELECT * FROM extra ORDER BY 1, 2, 3;
SET SESSION AUTHORIZATION regress_ana;
SELECT tenancy.is_dba(), has_type_privilege('tenancy.administrator', 'USAGE') AS administers, has_type_privilege('tenancy.sign_up', 'USAGE') AS signs_up;
SELECT tenancy.trust_login('regress_ana');
RESET SESSION AUTHORIZATION;
DROP EXTENSION pg_tenancy;
DROP SCHEMA IF EXISTS tenancy;

-- An update: what 1.0 left to the roles stays as it is, what is new is nobody's.
CREATE EXTENSION pg_tenancy VERSION '1.0';
CREATE TABLE before AS SELECT * FROM extra;
SELECT count(*) > 0 AS reached FROM before WHERE grantee = 'regress_ana'::regrole;
-- DBAs are those who may INSERT into tenancy.organizations.
REVOKE ALL ON tenancy.organizations FROM PUBLIC, regress_ana;
GRANT INSERT ON tenancy.organizations TO regress_bob;
TRUNCATE before;
INSERT INTO before SELECT * FROM extra;
-- The schema must be closed first: others could have put objects into it.
\set SHOW_CONTEXT never
ALTER EXTENSION pg_tenancy UPDATE;
REVOKE CREATE ON SCHEMA tenancy FROM PUBLIC, regress_ana;
DELETE FROM before WHERE name = 'tenancy' AND privilege = 'CREATE';
ALTER EXTENSION pg_tenancy UPDATE;
-- Functions that were moved keep their grants; new ones have none, ...
CREATE TEMP TABLE gained AS
  SELECT e.*, regexp_replace(e.name, '^\w+\.|\(.*', '', 'g') AS bare FROM extra e
  WHERE NOT EXISTS (SELECT FROM before b WHERE b.grantee = e.grantee AND b.privilege = e.privilege AND regexp_replace(b.name, '^\w+\.', '') = regexp_replace(e.name, '^\w+\.', ''))
    AND NOT EXISTS (SELECT FROM intended i WHERE (i.*) IS NOT DISTINCT FROM (e.*)) AND e.grantee <> '-'::regrole;
CREATE TEMP TABLE successors AS
  SELECT g.* FROM gained g WHERE g.name LIKE '%(%' AND EXISTS (
    SELECT FROM before b WHERE b.grantee = g.grantee AND b.privilege = g.privilege AND b.name LIKE '%(%' AND regexp_replace(b.name, '^\w+\.|\(.*', '', 'g') = g.bare);
SELECT g.name, g.grantee, g.privilege FROM gained g EXCEPT SELECT s.name, s.grantee, s.privilege FROM successors s ORDER BY 1, 2, 3;
-- ... but for these, which do what a function of their name did, with more or other arguments.
SELECT s.name, s.grantee, s.privilege FROM successors s ORDER BY s.name COLLATE "C", 2, 3;
SELECT count(*) AS lost FROM before b
WHERE b.grantee = 'regress_ana'::regrole AND b.name NOT LIKE '%(%' AND NOT EXISTS (SELECT FROM extra e WHERE (e.*) IS NOT DISTINCT FROM (b.*));
SET SESSION AUTHORIZATION regress_ana;
SELECT tenancy.is_dba(), has_type_privilege('tenancy.administrator', 'USAGE') AS administers;
RESET SESSION AUTHORIZATION;
\c contrib_regression
DROP DATABASE regress_defaults;
DROP ROLE regress_ana, regress_bob;
