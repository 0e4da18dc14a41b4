-- A session without an organization, as when a console opens it: nobody, a member of several who has not chosen, one of none.
-- What lists something of the session's own organization lists nothing, and says why; it is no error.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
SELECT tenancy.set_organization_role('globex', 'mike@acme.test', 'member'), tenancy.create_user('alone@x.test') IS NOT NULL AS of_none;
-- Rows, or the error
CREATE FUNCTION listed(list text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  n bigint;
BEGIN
  EXECUTE format('SELECT count(*) FROM tenancy.%s', list) INTO n;
  RETURN n;
EXCEPTION WHEN OTHERS THEN
  RETURN concat_ws(' ', SQLSTATE, SQLERRM);
END
$$;
CREATE TABLE lists (n int GENERATED ALWAYS AS IDENTITY, list text);
INSERT INTO lists (list) VALUES ('permissions()'), ('settings()'), ('access_matrix()'), ('logging_settings()'), ('review_api_keys()'), ('review_elevations()'), ('audit_events_since()'),
  ('organizations'), ('workspaces'), ('users'), ('members'), ('organization_members'), ('workspace_members'), ('groups'), ('group_members'), ('group_roles'), ('api_keys'), ('invitations'), ('elevations'),
  ('elevation_rules'), ('jwt_keys'), ('trusted_issuers'), ('identities'), ('logging_settings'), ('visibility'), ('workspace_overrides'), ('audit_log'), ('audit_log_ocsf');
SET SESSION AUTHORIZATION regress_app;
SET client_min_messages = notice;
\set VERBOSITY default
-- Nobody
SELECT list, listed(list) FROM lists WHERE listed(list) <> '0' ORDER BY n;
SELECT * FROM tenancy.settings();
SELECT * FROM tenancy.access_matrix();
SELECT * FROM tenancy.logging_settings();
SELECT * FROM tenancy.review_api_keys();
SELECT * FROM tenancy.review_elevations();
SET client_min_messages = warning;
-- A member of two organizations, who has not chosen; then it has
SET tenancy."user" = 'mike@acme.test';
SELECT organization FROM tenancy.my_organizations() ORDER BY 1;
SELECT list, listed(list) FROM lists WHERE listed(list) <> '0' ORDER BY n;
SET tenancy.organization = 'acme';
SELECT list, listed(list) <> '0' AS some FROM lists WHERE n <= 4 ORDER BY n;
RESET tenancy.organization;
-- An organization that is named is asked for, and a credential that does not hold is refused, as before
SELECT list, listed(list) FROM unnest(ARRAY['settings(''acme'')', 'access_matrix(''acme'')', 'logging_settings(''acme'')', 'review_api_keys(''acme'')', 'review_elevations(''acme'')']) list;
SET tenancy."user" = 'alone@x.test';
SELECT list, listed(list) FROM lists WHERE n <= 6 ORDER BY n;
RESET tenancy."user";
SET tenancy.api_key = 'pgt_no_key';
SELECT list, listed(list) FROM lists WHERE n <= 6 ORDER BY n;
RESET tenancy.api_key;
-- A DBA names one
RESET SESSION AUTHORIZATION;
SELECT list, listed(list) FROM lists WHERE n BETWEEN 2 AND 6 ORDER BY n;
