-- Privileges on the extension's objects, and their comments.
\set SHOW_CONTEXT never
CREATE TEMP VIEW functions AS
SELECT p.oid, p.oid::regprocedure::text AS signature, p.proname AS name, p.prosecdef, p.proconfig, p.proacl, p.prorettype, p.proleakproof, p.provolatile, p.proparallel, p.prosupport
FROM pg_depend d JOIN pg_proc p ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid
WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'pg_tenancy');
CREATE TEMP VIEW relations AS
SELECT c.oid, c.relname, c.relkind, c.relacl
FROM pg_depend d JOIN pg_class c ON d.classid = 'pg_class'::regclass AND d.objid = c.oid
WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'pg_tenancy');

-- Functions that everybody may call. New ones must be added here on purpose.
SELECT f.signature FROM functions f
WHERE has_function_privilege('public', f.oid, 'EXECUTE') ORDER BY f.signature COLLATE "C";

-- Internal functions: nobody may name them, and whoever is given USAGE on the schema may call none. Whoever creates
-- partitions needs EXECUTE on the functions of the row triggers that these get; they run as triggers only (row_triggers).
SELECT n.nspname, has_schema_privilege('public', n.oid, 'USAGE') AS usage, has_schema_privilege('public', n.oid, 'CREATE') AS "create",
       obj_description(n.oid, 'pg_namespace') IS NOT NULL AS described
FROM pg_namespace n WHERE n.nspname ~ '^tenancy' ORDER BY 1;
SELECT f.signature FROM functions f JOIN pg_proc p USING (oid)
WHERE p.pronamespace = 'tenancy_internal'::regnamespace AND EXISTS (SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a WHERE a.grantee <> p.proowner) ORDER BY p.oid::regprocedure::text COLLATE "C";
-- A role that may execute a part of a public function may also execute that function.
SELECT f.signature FROM functions f JOIN pg_proc p USING (oid)
WHERE p.pronamespace = 'tenancy_steps'::regnamespace AND NOT has_function_privilege('public', f.oid, 'EXECUTE');

-- With its owner's rights: only on a search_path of its own
SELECT signature FROM functions WHERE prosecdef AND NOT proconfig @> ARRAY['search_path=pg_catalog, tenancy, pg_temp'];
-- Any function in a language with a search_path at all pins it, unless its names were bound when it was made. A procedure that
-- commits can't; it runs by its caller's rights.
SELECT f.signature FROM functions f JOIN pg_proc p USING (oid) JOIN pg_language l ON l.oid = p.prolang
WHERE l.lanname <> 'c' AND p.prosqlbody IS NULL AND (p.prokind <> 'p' OR p.prosecdef) AND NOT coalesce(f.proconfig @> ARRAY['search_path=pg_catalog, tenancy, pg_temp'], false);
-- Leakproof: none; planning needs it nowhere, see leakproof.sql
SELECT signature, prosupport FROM functions WHERE proleakproof ORDER BY signature;
-- In a policy or a plan, only what runs in parallel workers, too; and whatever is immutable does
SELECT signature FROM functions
WHERE (name ~ '^(authorize|current_.*|whoami|row_visible|row_accepted|payload_visible|plan_guard|shape_guard|filter_id)$' OR provolatile = 'i') AND proparallel <> 's';

-- Everything has a comment: functions, tables, columns, event triggers, the schema.
SELECT signature FROM functions WHERE obj_description(oid, 'pg_proc') IS NULL;
SELECT relname FROM relations WHERE relkind IN ('r', 'v', 'm') AND obj_description(oid, 'pg_class') IS NULL;
SELECT r.relname, a.attname FROM relations r JOIN pg_attribute a ON a.attrelid = r.oid
WHERE r.relkind IN ('r', 'v', 'm') AND a.attnum > 0 AND NOT a.attisdropped AND col_description(r.oid, a.attnum) IS NULL;
SELECT evtname FROM pg_event_trigger WHERE obj_description(oid, 'pg_event_trigger') IS NULL;
SELECT obj_description('tenancy'::regnamespace, 'pg_namespace') IS NOT NULL AS schema_described,
       obj_description(oid, 'pg_extension') IS NOT NULL AS extension_described FROM pg_extension WHERE extname = 'pg_tenancy';

-- Tables: nobody but a DBA writes, and what everybody may read is under row security, or says nothing of tenants.
SELECT relname FROM relations
WHERE relkind = 'r' AND (has_table_privilege('public', oid, 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
                         OR has_any_column_privilege('public', oid, 'INSERT, UPDATE, REFERENCES'));
SELECT r.relname, c.relrowsecurity AS row_security FROM relations r JOIN pg_class c USING (oid)
WHERE r.relkind = 'r' AND (has_table_privilege('public', oid, 'SELECT') OR has_any_column_privilege('public', oid, 'SELECT'))
ORDER BY c.relrowsecurity, r.relname COLLATE "C";
-- The secrets' table to nobody but its owner
SELECT a.grantee::regrole FROM relations r, aclexplode(r.relacl) a WHERE r.relname = 'api_key_secrets' AND a.grantee <> (SELECT relowner FROM pg_class WHERE oid = r.oid);

-- What a dump says of roles and relations by number it says only of those that are there: elsewhere the number is another one's.
SELECT u.relation::regclass, a.attname FROM pg_extension e CROSS JOIN unnest(e.extconfig, e.extcondition) u (relation, condition)
JOIN pg_attribute a ON a.attrelid = u.relation AND a.attnum > 0 AND NOT a.attisdropped
WHERE e.extname = 'pg_tenancy' AND format_type(a.atttypid, NULL) ~ '^(oid|reg[a-z]+)$'
  AND position(format('.oid = %s)', a.attname) IN replace(u.condition, '"', '')) = 0;
-- As an ordinary login meets it
CREATE ROLE regress_anybody LOGIN;
SET SESSION AUTHORIZATION regress_anybody;
SELECT count(*) FROM tenancy.api_key_secrets;
DELETE FROM tenancy.organization_members;
TRUNCATE tenancy.users;
UPDATE tenancy.users SET active = true;
INSERT INTO tenancy.login_bindings (login, trusted) VALUES ('regress_anybody', true);
SELECT tenancy.trust_login('regress_anybody');
SELECT tenancy.create_user('x@y.test');
SELECT kind, login FROM tenancy.whoami();
SELECT tenancy.authorize('logs', 'view');
CREATE FUNCTION tenancy.row_visible(text) RETURNS boolean LANGUAGE sql AS 'SELECT true';
ALTER FUNCTION tenancy.plan_guard COST 1;
SELECT tenancy_internal.find_user('olivia@acme.test');
ALTER TABLE tenancy.users DISABLE TRIGGER ALL;
-- Functions for the planner can't be called by hand, the guard's stamp can't be guessed.
SELECT tenancy_internal.row_visible_support(NULL);
SELECT tenancy.plan_guard(0, 'infinity', 0);
RESET SESSION AUTHORIZATION;
GRANT USAGE ON SCHEMA tenancy_internal TO regress_anybody;
SET SESSION AUTHORIZATION regress_anybody;
SELECT tenancy_internal.find_user('olivia@acme.test');
RESET SESSION AUTHORIZATION;
REVOKE USAGE ON SCHEMA tenancy_internal FROM regress_anybody;
-- A trigger's function is no function
SELECT tenancy_internal.invalidate();
DROP ROLE regress_anybody;
