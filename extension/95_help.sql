-- Help in psql: topics with an example each, functions and parameters. sql/help.sql runs the examples, the lines that are indented.

CREATE FUNCTION tenancy_internal.help_topics() RETURNS TABLE (topic text, summary text, body text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  VALUES
  ('tenants', 'organizations and workspaces', $t$
An organization is a tenant. create_organization() makes one with a default workspace, its owner and a master key, whose secret is
returned this once. References are ids, external ids or slugs.
  SELECT * FROM tenancy.create_organization('Initech', 'ina@initech.example');
  SELECT tenancy.create_workspace('initech', 'Research');$t$),
  ('protect', 'a table whose rows belong to tenants', $t$
Name the columns with each row's tenant, and the resource whose permissions decide. A session then sees the rows that its
principal may see, and none without a principal.
  CREATE TABLE help_logs (organization_id uuid, workspace_id uuid, user_id uuid, body text);
  SELECT tenancy.protect('help_logs', 'logs', organization => 'organization_id', workspace => 'workspace_id',
                         owner => 'user_id', create_indexes => true);
See also: help('why'), help('check').$t$),
  ('resources', 'permissions for your own tables', $t$
A resource has actions; built-in roles of every tenant hold them by default, and settings and levels of API keys come with it.
  SELECT tenancy.register_resource('contracts', 'contracts', members => '{list,view}');$t$),
  ('vocabulary', 'with or without the resources of an LLM gateway', $t$
use_vocabulary('none') leaves out logs, prompts, guardrails and the like, in a database whose tables don't use them.
use_vocabulary('llm_gateway') brings them back. Which one it is:
  SELECT coalesce((SELECT vocabulary FROM tenancy.chosen_vocabulary), 'llm_gateway') AS vocabulary;$t$),
  ('members', 'people, and their roles', $t$
Somebody is a member of organizations, with one role in each, and may have a role in each of their workspaces.
  SELECT tenancy.set_organization_role('initech', 'milton@initech.example', 'member');
  SELECT tenancy.set_workspace_role('initech/research', 'milton@initech.example', 'manager');
A principal that is no DBA uses tenancy.invite() for somebody who is no member: help('invitations').$t$),
  ('invitations', 'people join by accepting', $t$
invite() gives a role to an e-mail address, which joins by accept_invitation(), in a session of its own.
  SELECT tenancy.invite('initech', 'peter@initech.example', 'member', until => now() + interval '14 days') IS NOT NULL AS invited;
  SELECT email, expires_at FROM tenancy.invitations;$t$),
  ('groups', 'roles for many people at once', $t$
A group has members and roles, in the organization or its workspaces. sync_group() makes its members those of a directory.
  SELECT tenancy.create_group('initech', 'Support') IS NOT NULL AS made;
  SELECT tenancy.sync_group('initech', 'Support', '{milton@initech.example}');
  SELECT tenancy.set_group_role('initech/research', 'Support', 'member');$t$),
  ('ends', 'access that ends by itself', $t$
What gives a role takes until and reason. A role can also be taken for a time, by elevate(), by whoever a rule lets.
  SELECT tenancy.set_workspace_role('initech/research', 'milton@initech.example', 'manager', until => now() + interval '1 day', reason => 'audit');
  SELECT tenancy.allow_elevation('initech', 'organization/admin', 'milton@initech.example', maximum => '2 hours', approval => true);
  SELECT name, access, workspace, until, reason FROM tenancy.access_review('initech') WHERE until IS NOT NULL;$t$),
  ('roles', 'roles of an organization''s own', $t$
Levels are organization and workspace. A role starts empty or as a copy.
  SELECT tenancy.create_role('initech', 'organization', 'auditor', all_workspaces => true);
  SELECT tenancy.grant_permission('initech', 'organization', 'auditor', 'audit_logs', 'list');
  SELECT role, resource, action, source FROM tenancy.access_matrix('initech') WHERE role = 'auditor' AND allowed;$t$),
  ('settings', 'what an organization or a workspace changes about the built-in roles', $t$
settings() lists them with their values and where these come from; a workspace's own count while the organization allows it.
  SELECT tenancy.set_setting('initech', 'members_view_all_data', false);
  SELECT setting, value, source FROM tenancy.settings('initech') WHERE source <> 'default';
  SELECT tenancy.allow_workspace_overrides('initech', 'data_visibility', true);
  SELECT tenancy.reset_setting('initech', 'members_view_all_data');$t$),
  ('keys', 'API keys', $t$
Kinds are organization_service_key, workspace_service_key and workspace_user_key. The secret is returned once. Sessions set it as
tenancy.api_key. Keys go by name, external id or id.
  SELECT * FROM tenancy.create_api_key('workspace_service_key', 'Importer', 'initech', 'research', scopes => '["workspaces.view"]');
  SELECT tenancy.rotate_api_key('Importer', organization => 'initech') IS NOT NULL AS rotated;
  SELECT tenancy.revoke_api_key('Importer', organization => 'initech');$t$),
  ('sessions', 'how a session gets its principal', $t$
By tenancy.api_key, tenancy.jwt, tenancy.user (on logins that a DBA trusts), or its login (if a DBA binds it). In a pool, set them
for the transaction.
  BEGIN;
  SELECT set_config('tenancy.api_key', 'pgt_...', true);
  COMMIT;
  SELECT kind, source, organization, email FROM tenancy.whoami();$t$),
  ('logins', 'database logins of applications and people', $t$
An application that authenticates its users itself is trusted to name them; a person's own login stands for that person.
  CREATE ROLE help_app LOGIN;
  SELECT tenancy.trust_login('help_app');
  CREATE ROLE help_ina LOGIN;
  SELECT tenancy.bind_login('help_ina', 'ina@initech.example');$t$),
  ('why', 'why a row is visible, or a right is not there', $t$
explain_rows() shows the filter that the session gets, explain_authorize() each rule that was applied, explain_write() what would
happen to a row, who_can() everybody with a permission.
  SELECT tenancy.explain_rows('help_logs');
  SELECT step, rule, result FROM tenancy.explain_authorize('workspaces', 'view');$t$),
  ('check', 'what would let rows past the policies, or make them slow', $t$
advise() says what is wrong, and fix_sql repairs it. Run it after each migration.
  SELECT severity, rule, object FROM tenancy.advise() WHERE severity = 'error';$t$),
  ('audit', 'who changed what', $t$
Each change of tenants, rights and keys leaves an entry, which nobody can change.
  SELECT actor, action, resource_type FROM tenancy.audit_log WHERE resource_type = 'role' ORDER BY audit_id DESC LIMIT 3;
  SELECT count(*) AS broken_chains FROM tenancy.verify_audit_log();$t$),
  ('retention', 'what is kept of logs, and for how long', $t$
Each organization sets it, workspaces more strictly. Tables follow after apply_logging_settings(); rows under a legal hold stay.
  SELECT tenancy.set_logging('initech', 'store_content', 'metadata');
  SELECT setting, value, source FROM tenancy.logging_settings('initech') WHERE source <> 'default';$t$),
  ('offboarding', 'when a tenant leaves', $t$
export_organization() gives its rows of all protected tables, close_organization() ends all access, purge_organization() removes
its rows, and then the organization.
  SELECT count(*) FROM tenancy.export_organization('initech');
  SELECT tenancy.close_organization('initech');
  SELECT * FROM tenancy.purge_organization('initech');$t$)
$$;
COMMENT ON FUNCTION tenancy_internal.help_topics() IS 'The topics of help()';

CREATE FUNCTION tenancy.help(topic text DEFAULT NULL) RETURNS SETOF text
LANGUAGE tenancy STABLE SET search_path = pg_catalog, tenancy, pg_temp SET quote_all_identifiers = off AS $$
DECLARE
  wanted text := regexp_replace(lower(trim(help.topic)), '[(][)]$|^tenancy[.](?=[[:alnum:]_]+[(][)]$)', '', 'g');
BEGIN
  IF wanted IS NULL OR wanted = '' THEN
    RETURN QUERY SELECT format('%s  %s', rpad(t.topic, 12), t.summary) FROM tenancy_internal.help_topics() t;
    RETURN NEXT '';
    RETURN NEXT 'SELECT tenancy.help(''protect'') shows a topic, help(''protect()'') the function; parameters such as tenancy.api_key are topics too.';
    RETURN;
  END IF;
  IF help.topic !~ '[(][)][[:space:]]*$' THEN
    RETURN QUERY SELECT string_to_table(trim(E'\n' FROM t.body), E'\n') FROM tenancy_internal.help_topics() t WHERE t.topic = wanted;
    IF FOUND THEN
      RETURN;
    END IF;
  END IF;
  -- Functions by name, in the order of their lengths, one clause a line; parameters of the server.
  RETURN QUERY
  SELECT line FROM pg_proc p CROSS JOIN LATERAL (
    SELECT 1, 0::bigint, format('tenancy.%s(%s)%s', p.proname, regexp_replace(pg_get_function_arguments(p.oid), '::[a-z ]+([[]])?', '', 'g'),
                                ' returns ' || pg_get_function_result(p.oid))
    UNION ALL
    SELECT 2, n, c FROM string_to_table(regexp_replace(obj_description(p.oid, 'pg_proc'), '(;|[.]) ', E'\\1\n', 'g'), E'\n') WITH ORDINALITY d (c, n)
    UNION ALL
    SELECT 3, 0, '') l (part, n, line)
  WHERE p.pronamespace = 'tenancy'::regnamespace AND p.proname = wanted ORDER BY p.pronargs, p.oid, l.part, l.n;
  IF FOUND THEN
    RETURN;
  END IF;
  RETURN QUERY SELECT d.line FROM (
    SELECT s.name, concat_ws(' ', s.short_desc, s.extra_desc) FROM pg_settings s
    -- Settings with secrets are not listed there.
    UNION ALL VALUES ('tenancy.api_key', 'Sets the API key that the session acts as. SHOW prints the part that may be shown.'),
                     ('tenancy.jwt', 'Sets the token that the session acts as. SHOW prints it masked.')) d (name, line)
  WHERE d.name LIKE 'tenancy.%' AND d.name IN (wanted, 'tenancy.' || wanted);
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = format('there is no help on "%s"', help.topic),
      HINT = coalesce('Perhaps you meant "' || tenancy_internal.nearest(wanted, (
          SELECT array_agg(n) FROM (SELECT t.topic FROM tenancy_internal.help_topics() t
            UNION SELECT p.proname::text FROM pg_proc p WHERE p.pronamespace = 'tenancy'::regnamespace) v (n))) || '".',
        'SELECT tenancy.help() lists the topics.');
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy.help(text) IS 'A short answer with an example: on a topic, a function (with parentheses where a topic has its name) or a parameter; without one, the list of topics; 42704 with the nearest name for another';
