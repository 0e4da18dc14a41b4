-- A database without the resources of an LLM gateway, and resources of the user's own with default grants and settings.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
SET client_min_messages = warning;
CREATE DATABASE regress_vocabulary;
\c regress_vocabulary
SET client_min_messages = warning;
CREATE EXTENSION pg_tenancy;
RESET client_min_messages;
CREATE FUNCTION failure(statement text, OUT state text, OUT message text, OUT detail text, OUT hint text) LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE statement;
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
END
$$;
CREATE FUNCTION vocabulary() RETURNS text LANGUAGE sql AS $$
  SELECT md5((SELECT string_agg(p::text, ' ' ORDER BY p::text) FROM tenancy.permissions p) || (SELECT string_agg(d::text, ' ' ORDER BY d::text) FROM tenancy.setting_definitions d) ||
             (SELECT string_agg(g::text, ' ' ORDER BY g::text) FROM tenancy.grants g WHERE g.organization_id IS NULL))
$$;
SELECT vocabulary() AS whole \gset

-- who may, and what
CREATE ROLE regress_vocabulary_dba;
CREATE ROLE regress_vocabulary_app;
GRANT USAGE ON TYPE tenancy.administrator TO regress_vocabulary_dba;
SET ROLE regress_vocabulary_app;
SELECT * FROM failure($$SELECT tenancy.use_vocabulary('none')$$);
SELECT * FROM failure($$SELECT tenancy.register_resource('projects', 'projects')$$);
RESET ROLE;
SELECT * FROM failure($$SELECT tenancy.use_vocabulary('saas')$$);
SELECT * FROM failure($$SELECT tenancy.use_vocabulary(NULL)$$);
SELECT tenancy.use_vocabulary('llm_gateway');
SELECT vocabulary() = :'whole' AS as_it_was;

-- tenants that already are there: a key has its default scopes, another tenant's role has prompts
SELECT master_key FROM tenancy.create_organization('Acme', 'olivia@acme.test') \gset acme_
SELECT master_key FROM tenancy.create_organization('Globex', 'gina@globex.test') \gset globex_
SELECT api_key_id FROM tenancy.create_api_key('organization_service_key', 'defaults', 'acme') \gset
CREATE TABLE requests (id int, organization_id uuid);
SELECT tenancy.protect('requests', 'logs', organization => 'organization_id');
SELECT * FROM failure($$SELECT tenancy.use_vocabulary('none')$$);
SELECT tenancy.unprotect('requests');
SELECT tenancy.set_setting('globex', 'members_view_prompts', false);
SELECT * FROM failure($$SELECT tenancy.use_vocabulary('none')$$);
SELECT tenancy.reset_setting('globex', 'members_view_prompts');
SELECT tenancy.register_permission('prompts', 'approve', 'Approve prompts');
SELECT * FROM failure($$SELECT tenancy.use_vocabulary('none')$$);
DELETE FROM tenancy.grants WHERE action = 'approve';
DELETE FROM tenancy.permissions WHERE action = 'approve';
SET ROLE regress_vocabulary_dba;
SELECT tenancy.use_vocabulary('none');
SELECT tenancy.use_vocabulary('none');
SELECT * FROM failure($$INSERT INTO tenancy.chosen_vocabulary VALUES ('none')$$);
SELECT vocabulary FROM tenancy.chosen_vocabulary;
RESET ROLE;

-- what is left
SELECT resource, string_agg(action, ' ' ORDER BY action) FROM tenancy.permissions GROUP BY 1 ORDER BY 1;
SELECT setting, category FROM tenancy.setting_definitions ORDER BY 1;
SELECT count(*) FROM tenancy.api_key_scopes;
SELECT count(*) FROM tenancy.grants g WHERE (g.resource, g.action) NOT IN (SELECT resource, action FROM tenancy.permissions);
SELECT setting, value, source FROM tenancy.settings('acme');
SELECT DISTINCT resource FROM tenancy.access_matrix('acme') ORDER BY 1;
SELECT * FROM failure($$SELECT tenancy.authorize('prompts', 'view')$$);
SELECT * FROM failure($$SELECT tenancy.protect('requests', 'logs', organization => 'organization_id')$$);
SELECT * FROM failure($$SELECT tenancy.create_observability()$$);
SELECT * FROM failure($$SELECT tenancy.register_permission('logs', 'view', 'See logs')$$);
SELECT * FROM failure($$SELECT tenancy.register_resource('models', 'models')$$);
SELECT * FROM failure($$SELECT tenancy.create_api_key('organization_service_key', 'k', 'acme', scopes => '{"prompts": "read"}')$$);
SELECT * FROM failure($$SELECT tenancy.create_api_key('organization_service_key', 'k', 'acme', scopes => '["logs.view"]')$$);
SELECT api_key_id FROM tenancy.create_api_key('organization_service_key', 'no scopes', 'acme') \gset bare_
SELECT count(*) FROM tenancy.api_key_scopes;

-- resources of the user's own
SELECT tenancy.register_resource('projects', 'projects');
SELECT tenancy.register_resource('invoices', 'invoices', '{list,view,create,update,delete,approve,export}', members => '{list,view}', managers => '{list,view,create,update,export}');
SELECT tenancy.register_resource('events', 'events', '{view,write}', data_visibility => true);
SELECT r.level, r.name, g.resource, string_agg(g.action, ' ' ORDER BY g.action) FROM tenancy.grants g JOIN tenancy.roles r USING (role_id)
WHERE g.organization_id IS NULL AND g.resource IN ('projects', 'invoices', 'events') GROUP BY 3, 1, 2 ORDER BY 3, 1, 2;
SELECT d.setting, d.category, r.name, d.actions, d.description, s.value, s.source FROM tenancy.setting_definitions d JOIN tenancy.roles r USING (role_id)
JOIN tenancy.settings('acme') s USING (setting) WHERE d.category = 'resources' ORDER BY 1;
SELECT * FROM failure($$SELECT tenancy.register_resource('team', 'members')$$);
SELECT * FROM failure($$SELECT tenancy.register_resource('things', 'things', '{}')$$);
SELECT * FROM failure($$SELECT tenancy.register_resource('keys', 'keys to doors')$$);
SELECT * FROM failure($$SELECT tenancy.register_resource('things', 'things', '{view}', members => '{create}')$$);
SELECT * FROM failure($$SELECT tenancy.register_resource('Things', 'things')$$);

-- levels of keys
SELECT feature, level, string_agg(action, ' ' ORDER BY action) FROM unnest('{projects,invoices,events}'::text[]) feature, unnest('{disabled,read,write,delete}'::text[]) level
LEFT JOIN LATERAL tenancy_internal.expand_scopes(jsonb_build_object(feature, level)) s ON true GROUP BY 1, 2 ORDER BY 1, array_position('{disabled,read,write,delete}', level);
SELECT * FROM failure($$SELECT * FROM tenancy_internal.expand_scopes('{"invoices": "enabled"}')$$);
SELECT * FROM failure($$SELECT * FROM tenancy_internal.expand_scopes('{"contracts": "read"}')$$);
SELECT s.action FROM tenancy_internal.expand_scopes('["invoices.approve"]') s;
SELECT string_agg(s.action, ' ' ORDER BY s.action) AS read FROM tenancy_internal.expand_scopes('["invoices.read"]') s;
-- Of words that are equally near, versions of the server name one or the other: one that is registered.
SELECT f.state, f.message, f.detail, EXISTS (SELECT FROM tenancy.permissions p WHERE f.hint = format('Perhaps you meant "%s.%s".', p.resource, p.action) AND p.resource = 'invoices') AS names_a_scope
FROM failure($$SELECT * FROM tenancy_internal.expand_scopes('["invoices.enabled"]')$$) f;

-- rows: two tenants, a member and a manager of a workspace
CREATE TABLE invoices (id int GENERATED ALWAYS AS IDENTITY, organization_id uuid, workspace_id uuid, amount numeric);
SELECT tenancy.protect('invoices', 'invoices', organization => 'organization_id', workspace => 'workspace_id', create_indexes => true) \g /dev/null
GRANT SELECT, INSERT, UPDATE, DELETE ON invoices TO regress_vocabulary_app;
SELECT tenancy.create_workspace('acme', 'Sales') AS sales \gset
SELECT count(*) FROM (SELECT tenancy.create_user(who || '@acme.test'), tenancy.set_organization_role('acme', who || '@acme.test', 'member'),
                             tenancy.set_workspace_role('acme/sales', who || '@acme.test', who) FROM unnest('{member,manager}'::text[]) who) done;
SELECT secret AS member FROM tenancy.create_api_key('workspace_user_key', 'm', 'acme', 'sales', 'member@acme.test', '{"invoices": "delete"}') \gset
SELECT secret AS manager FROM tenancy.create_api_key('workspace_user_key', 'm', 'acme', 'sales', 'manager@acme.test', '{"invoices": "delete"}') \gset
CREATE FUNCTION rows_and_writes(sales uuid, OUT seen bigint, OUT write text) LANGUAGE plpgsql AS $$
BEGIN
  seen := (SELECT count(*) FROM invoices);
  BEGIN
    INSERT INTO invoices (workspace_id, amount) VALUES (sales, 1);
    RAISE data_exception;
  EXCEPTION WHEN insufficient_privilege THEN
    write := 'denied';
  WHEN data_exception THEN
    write := 'accepted';
  END;
END
$$;
SET ROLE regress_vocabulary_app;
SET tenancy.api_key = :'acme_master_key';
INSERT INTO invoices (workspace_id, amount) VALUES (:'sales', 100);
SET tenancy.api_key = :'globex_master_key';
SELECT count(*) FROM invoices;
SET tenancy.api_key = :'member';
SELECT * FROM rows_and_writes(:'sales');
SET tenancy.api_key = :'manager';
SELECT * FROM rows_and_writes(:'sales');
RESET ROLE;
-- settings of the tenant
RESET tenancy.api_key;
SELECT tenancy.set_setting('acme', 'members_view_invoices', false), tenancy.set_setting('acme', 'managers_write_invoices', false);
SET ROLE regress_vocabulary_app;
SET tenancy.api_key = :'member';
SELECT * FROM rows_and_writes(:'sales');
SET tenancy.api_key = :'manager';
SELECT * FROM rows_and_writes(:'sales');
RESET ROLE;
RESET tenancy.api_key;
-- and of a workspace, once the tenant opens the category
SELECT tenancy.set_setting('acme', 'members_view_invoices', true, 'sales');
SELECT setting, value, source FROM tenancy.settings('acme', 'sales') WHERE setting = 'members_view_invoices';
SELECT tenancy.allow_workspace_overrides('acme', 'resources', true);
SELECT setting, value, source FROM tenancy.settings('acme', 'sales') WHERE setting = 'members_view_invoices';
SET ROLE regress_vocabulary_app;
SET tenancy.api_key = :'member';
SELECT * FROM rows_and_writes(:'sales');
RESET ROLE;
RESET tenancy.api_key;

-- called again: other defaults, more actions
SELECT tenancy.register_resource('invoices', 'invoices', '{send}', members => '{list,view,create}');
SELECT r.level, r.name, string_agg(g.action, ' ' ORDER BY g.action) FROM tenancy.grants g JOIN tenancy.roles r USING (role_id)
WHERE g.organization_id IS NULL AND g.resource = 'invoices' GROUP BY 1, 2 ORDER BY 1, 2;
SELECT d.setting, d.actions FROM tenancy.setting_definitions d WHERE d.resource = 'invoices' ORDER BY 1;

-- and back again: the tenants' own resources stay
SELECT tenancy.use_vocabulary('llm_gateway');
SELECT count(*) FROM tenancy.chosen_vocabulary;
SELECT resource, count(*) FROM tenancy.grants WHERE organization_id IS NULL AND resource IN ('projects', 'invoices', 'events') GROUP BY 1 ORDER BY 1;
DELETE FROM tenancy.grants WHERE resource IN ('projects', 'invoices', 'events');
DELETE FROM tenancy.api_key_scopes WHERE resource IN ('projects', 'invoices', 'events');
DELETE FROM tenancy.permissions WHERE resource = 'invoices' AND action IN ('approve', 'view');
SELECT d.setting, d.actions FROM tenancy.setting_definitions d WHERE d.resource = 'invoices' ORDER BY 1;
DELETE FROM tenancy.permissions WHERE resource IN ('projects', 'invoices', 'events');
SELECT vocabulary() = :'whole' AS as_it_was;
SELECT l.actor, l.action, l.resource_id FROM tenancy.audit_log l WHERE l.resource_type = 'vocabulary' ORDER BY l.audit_id;
\c contrib_regression
DROP DATABASE regress_vocabulary;
DROP ROLE regress_vocabulary_dba, regress_vocabulary_app;
