-- What is about the organization itself (organization, billing, audit_logs) is held on it, and never in a workspace: all ways of
-- asking agree, whatever roles are granted and keys are scoped.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
SET client_min_messages = warning;
\o /dev/null
SELECT tenancy.register_permission('billing', 'view', 'View invoices'), tenancy.register_permission('billing', 'create', 'Write invoices');
CREATE TABLE invoices AS SELECT * FROM logs;
CREATE TABLE of_organization AS SELECT id, organization_id, user_id FROM logs;
SELECT tenancy.protect('invoices', 'billing', organization => 'organization_id', workspace => 'workspace_id', owner => 'user_id'),
       tenancy.protect('of_organization', 'billing', organization => 'organization_id', owner => 'user_id');
GRANT ALL ON ALL TABLES IN SCHEMA app TO PUBLIC;
-- Granted past the functions, as 1.0 did of itself, and in the scopes of workspace keys.
INSERT INTO tenancy.grants (role_id, resource, action)
SELECT r.role_id, 'billing', a FROM tenancy.roles r, unnest('{view,create}'::text[]) a WHERE r.organization_id IS NULL AND r.level = 'workspace';
INSERT INTO tenancy.api_key_scopes
SELECT k.api_key_id, p.resource, p.action FROM tenancy.api_keys k, tenancy.permissions p
WHERE k.name IN ('search service', 'mike key') AND p.resource IN ('billing', 'audit_logs', 'organization');
\o
-- The built-in role that a registration gives nothing of it to
SELECT r.level, r.name FROM tenancy.grants g JOIN tenancy.roles r USING (role_id)
WHERE g.resource = 'billing' AND g.action = 'view' AND r.organization_id IS NULL AND r.level <> 'workspace' ORDER BY 1, 2;
CREATE FUNCTION asked(who text, OUT anywhere text, OUT in_search text, OUT listed text, OUT explained text, OUT in_where text) LANGUAGE plpgsql AS $$
BEGIN
  CALL app.become(who, true);
  anywhere := tenancy.authorize('billing', 'view');
  in_search := tenancy.authorize('billing', 'view', 'aaaaaaaa-0000-4000-8000-000000000002'::uuid);
  listed := (SELECT string_agg(coalesce(p.workspace, '-'), ' ') FROM tenancy.permissions() p WHERE p.resource = 'billing' AND p.action = 'view');
  explained := (SELECT e.result FROM tenancy.explain_authorize('billing', 'view', 'aaaaaaaa-0000-4000-8000-000000000002') e ORDER BY step DESC LIMIT 1);
  in_where := (SELECT string_agg(w.id::text, ' ' ORDER BY w.id) FROM app.ids w WHERE tenancy.authorize('billing', 'view', w.workspace_id));
EXCEPTION WHEN OTHERS THEN
  anywhere := SQLSTATE;
END
$$;
CREATE TABLE ids AS SELECT id, workspace_id FROM logs WHERE workspace_id IS NOT NULL;
GRANT SELECT ON ids TO PUBLIC;
SET SESSION AUTHORIZATION regress_app;
SELECT p.who, a.*, visible(p.who, 'app.invoices') AS rows_of_workspaces, visible(p.who, 'app.of_organization') AS rows_of_organization
FROM people p, asked(p.who) a ORDER BY p.n;
SELECT * FROM who_can('INSERT INTO app.invoices (id, organization_id, workspace_id, user_id) SELECT 100, ''aaaaaaaa-0000-4000-8000-000000000000'', ''aaaaaaaa-0000-4000-8000-000000000002'', tenancy.current_user_id()');
SELECT * FROM who_can('INSERT INTO app.of_organization (id, organization_id, user_id) SELECT 100, ''aaaaaaaa-0000-4000-8000-000000000000'', tenancy.current_user_id()');
RESET SESSION AUTHORIZATION;
SELECT principal_kind, name, rows, via FROM tenancy_internal.principals_with('aaaaaaaa-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000002', 'billing', 'view') ORDER BY 1, 2;
-- A filter that is called row by row agrees
SET tenancy.specialize = off;
SET SESSION AUTHORIZATION regress_app;
SELECT who, visible(who, 'app.invoices') FROM unnest(ARRAY['olivia', 'mona', 'search service', 'acme master']) who;
RESET SESSION AUTHORIZATION;
RESET tenancy.specialize;

-- A user key never manages API keys, by whatever action and however its scopes are given: all ways agree
\o /dev/null
SELECT tenancy.register_permission('api_keys', 'export', 'Export API keys');
INSERT INTO secrets SELECT 'all of it', secret FROM tenancy.create_api_key('workspace_user_key', 'all of it', 'acme', 'search', 'olivia@acme.test', '"all"');
INSERT INTO secrets SELECT 'one of it', secret FROM tenancy.create_api_key('workspace_user_key', 'one of it', 'acme', 'search', 'olivia@acme.test', '["api_keys.export", "api_keys.list"]');
\o
SET SESSION AUTHORIZATION regress_app;
CREATE FUNCTION pg_temp.keys_of(who text, OUT export text, OUT list text, OUT decision text) LANGUAGE plpgsql AS $$
BEGIN
  CALL app.become(who, true);
  export := tenancy.authorize('api_keys', 'export', 'search'); list := tenancy.authorize('api_keys', 'list', 'search');
  decision := (SELECT string_agg(e.result, ', ' ORDER BY e.step) FROM tenancy.explain_authorize('api_keys', 'export', 'search') e
               WHERE e.rule IN ('decision', 'a user key never manages API keys'));
END
$$;
SELECT who, k.* FROM unnest(ARRAY['olivia', 'all of it', 'one of it', 'acme master']) who, pg_temp.keys_of(who) k;
RESET SESSION AUTHORIZATION;
SELECT name FROM tenancy_internal.principals_with('aaaaaaaa-0000-4000-8000-000000000000', NULL, 'api_keys', 'export') ORDER BY name;

-- The words that constraints of the catalogs list are those that the module knows
SELECT list, v.catalog, (SELECT bool_and(position(quote_literal(word) IN c.definition) > 0) FROM unnest(tenancy_internal.words(list)) word) AS all_of_them,
       array_length(regexp_split_to_array(c.definition, '::text'), 1) - 1 - array_length(tenancy_internal.words(list), 1) AS more
FROM (VALUES ('levels', 'tenancy.roles', 'level = ANY'), ('categories', 'tenancy.workspace_overrides', 'category = ANY'),
  ('key_kinds', 'tenancy.api_keys', 'kind = ANY'), ('observability', 'tenancy.permissions', 'resource <> ALL'), ('without_category', 'tenancy.grants', 'resource <> ALL')) v (list, catalog, part),
  LATERAL (SELECT pg_get_constraintdef(c.oid) AS definition FROM pg_constraint c WHERE c.conrelid = v.catalog::regclass AND c.contype = 'c') c
WHERE position(v.part IN c.definition) > 0 ORDER BY list;
SELECT list, array_to_string(tenancy_internal.words(list), ' ') AS words FROM unnest(ARRAY['levels', 'categories', 'key_kinds', 'organization_level', 'append_only', 'observability', 'gateway', 'without_category']) list;
SELECT * FROM failure('SELECT tenancy_internal.words(''verbs'')');
