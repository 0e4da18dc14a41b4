-- DBAs, callers of administration functions, and the owner's rights for work on users' tables. See
-- docs/design/administration.md.

-- A marker is a domain without values. USAGE on it is the privilege it stands for: no predefined role of PostgreSQL includes
-- it, and no GRANT ON ALL ... IN SCHEMA gives it.
CREATE DOMAIN tenancy.administrator AS boolean CHECK (VALUE IS NULL);
COMMENT ON DOMAIN tenancy.administrator IS 'Roles with USAGE are DBAs of pg_tenancy: GRANT USAGE ON TYPE tenancy.administrator TO role';
REVOKE ALL ON TYPE tenancy.administrator FROM PUBLIC;
CREATE DOMAIN tenancy.sign_up AS boolean CHECK (VALUE IS NULL);
COMMENT ON DOMAIN tenancy.sign_up IS 'Roles with USAGE may create organizations, and administer nothing else: GRANT USAGE ON TYPE tenancy.sign_up TO role';
REVOKE ALL ON TYPE tenancy.sign_up FROM PUBLIC;

-- Administration functions are written in this language: PL/pgSQL that runs with the rights of the function's owner and has
-- access to its caller. It is untrusted, so that only superusers can write in it. No SECURITY DEFINER function of the extension
-- may call such a function, since the caller would then be the extension's owner.
CREATE FUNCTION tenancy_internal.call_handler() RETURNS language_handler
LANGUAGE c AS 'MODULE_PATHNAME', 'pg_tenancy_call_handler';
COMMENT ON FUNCTION tenancy_internal.call_handler() IS 'Runs functions of language "tenancy"';
CREATE LANGUAGE tenancy HANDLER tenancy_internal.call_handler VALIDATOR pg_catalog.plpgsql_validator;
COMMENT ON LANGUAGE tenancy IS 'PL/pgSQL of the administration functions of pg_tenancy, which know their caller';

-- Triggers, and functions with their caller's rights, are written in this one: PL/pgSQL whose errors show clients the caller's
-- context, as those of language "tenancy" do, and the log what is inside.
CREATE FUNCTION tenancy_internal.unit_call_handler() RETURNS language_handler
LANGUAGE c AS 'MODULE_PATHNAME', 'pg_tenancy_unit_call_handler';
COMMENT ON FUNCTION tenancy_internal.unit_call_handler() IS 'Runs functions of language "tenancy_unit"';
CREATE LANGUAGE tenancy_unit HANDLER tenancy_internal.unit_call_handler VALIDATOR pg_catalog.plpgsql_validator;
COMMENT ON LANGUAGE tenancy_unit IS 'PL/pgSQL of functions of pg_tenancy that are one step in the context of an error';

CREATE FUNCTION tenancy_internal.caller() RETURNS regrole
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'pg_tenancy_caller';
COMMENT ON FUNCTION tenancy_internal.caller() IS 'Role whose rights decide what an administration function may do: the current user where the function was called; NULL for nobody, as in a security-restricted operation';

CREATE FUNCTION tenancy_internal.may_sign_up() RETURNS boolean
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'pg_tenancy_may_sign_up';
COMMENT ON FUNCTION tenancy_internal.may_sign_up() IS 'Whether the caller holds USAGE on tenancy.sign_up, and so may create organizations; on no node that requires claims';

CREATE FUNCTION tenancy_internal.as_owner(relation regclass, statement text, others oid[] DEFAULT '{}') RETURNS SETOF jsonb
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_as_owner';
COMMENT ON FUNCTION tenancy_internal.as_owner(regclass, text, oid[]) IS 'Runs one statement on a table, and on others of its owner in its schema, as its owner, who sees all of its rows, in a security-restricted operation; returns its rows (one column of type jsonb) or the number of rows that it changed; 55000 where a name in it means a table that is neither that nor among the others; for functions of language "tenancy"';

-- Messages without the CONTEXT that RAISE adds: which inner function sends one, and in which statement, is no concern of clients.
CREATE FUNCTION tenancy_steps.notice(message text, detail text DEFAULT NULL, hint text DEFAULT NULL) RETURNS void
LANGUAGE c AS 'MODULE_PATHNAME', 'pg_tenancy_notice';
COMMENT ON FUNCTION tenancy_steps.notice(text, text, text) IS 'Sends the client a notice whose context is that of the call of the public function';

CREATE FUNCTION tenancy_steps.warning(message text, detail text DEFAULT NULL, hint text DEFAULT NULL) RETURNS void
LANGUAGE c AS 'MODULE_PATHNAME', 'pg_tenancy_warning';
COMMENT ON FUNCTION tenancy_steps.warning(text, text, text) IS 'Sends the client a warning whose context is that of the call of the public function';
