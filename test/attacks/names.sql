-- Names of protected tables that two roles have one after the other: whatever the one does to what it has, the other's table stays protected
-- by its name, also when its owner makes it anew.
CREATE PROCEDURE attacks.common_place() LANGUAGE plpgsql AS $$
BEGIN
  CREATE SCHEMA square;
  GRANT USAGE, CREATE ON SCHEMA square TO att_dev, att_owner;
  CREATE SCHEMA quay AUTHORIZATION att_dev;
  GRANT EXECUTE ON FUNCTION tenancy.protect, tenancy.unprotect, tenancy.forget, tenancy.apply_logging_settings(regclass, text, name[]), tenancy.ignore_logging_settings TO att_dev, att_owner;
  EXECUTE format('GRANT CREATE ON DATABASE %I TO att_dev', current_database());
END
$$;
CREATE FUNCTION attacks.named_so(name text) RETURNS SETOF text LANGUAGE sql AS $$
  SELECT '@found a protected table whose name is not remembered: ' || t.relation FROM tenancy.protected_tables t
  WHERE (tenancy_internal.remembered_name(t.relation)).table_name IS NULL AND (tenancy_internal.protected_parent(t.relation)).relation IS NULL
  UNION ALL
  SELECT '@found a table that stands open: ' || c.oid::regclass FROM pg_class c WHERE c.oid = to_regclass(named_so.name) AND NOT (c.relrowsecurity AND c.relforcerowsecurity)
$$;
INSERT INTO attacks.cases (family, title, script, forbidden, watched)
SELECT 'names', concat_ws(', ', f.title, l.title, a.attack), concat_ws(E'\n', '@as postgres', 'SET LOCAL client_min_messages = warning;', 'CALL attacks.common_place();', '@as att_dev nobody', f.script, '@as att_owner nobody', replace(l.script, '{name}', f.name),
  '@as att_dev nobody', replace(replace(a.attack, '{name}', f.name), '{former}', f.former) || ';', '@as postgres', format('SELECT attacks.named_so(%L);', f.name),
  -- The table's own owner, in a migration
  '@as att_owner nobody', format('DROP TABLE IF EXISTS %s;', f.name), format('CREATE TABLE %s (id int, organization_id uuid);', f.name), format('GRANT SELECT ON %s TO PUBLIC;', f.name), '@as postgres', format('SELECT attacks.named_so(%L);', f.name)), 'canary_', false
FROM (VALUES
    ('renamed', 'square.t', 'square.was', 'CREATE TABLE square.t (id int, organization_id uuid); SELECT tenancy.protect(''square.t'', ''logs'', ''organization_id''); ALTER TABLE square.t RENAME TO was;'),
    ('renamed twice', 'square.t', 'square.was', 'CREATE TABLE square.was (id int, organization_id uuid); SELECT tenancy.protect(''square.was'', ''logs'', ''organization_id''); ALTER TABLE square.was RENAME TO t; ALTER TABLE square.t RENAME TO was;'),
    ('moved', 'square.t', 'quay.t', 'CREATE TABLE square.t (id int, organization_id uuid); SELECT tenancy.protect(''square.t'', ''logs'', ''organization_id''); ALTER TABLE square.t SET SCHEMA quay;'),
    ('in a schema that is renamed', 'quay.t', 'pier.t', 'CREATE TABLE quay.t (id int, organization_id uuid); SELECT tenancy.protect(''quay.t'', ''logs'', ''organization_id''); ALTER SCHEMA quay RENAME TO pier; CREATE SCHEMA quay; GRANT ALL ON SCHEMA quay TO att_owner;'),
    ('with its retention', 'square.t', 'square.was', 'CREATE TABLE square.t (id int, organization_id uuid); SELECT tenancy.protect(''square.t'', ''logs'', ''organization_id''); SELECT tenancy.apply_logging_settings(''square.t'', ''logs''); ALTER TABLE square.t RENAME TO was;'),
    ('a parent', 'square.t', 'square.was', 'CREATE TABLE square.t (id int, organization_id uuid) PARTITION BY LIST (id); CREATE TABLE square.was_1 PARTITION OF square.t DEFAULT; SELECT tenancy.protect(''square.t'', ''logs'', ''organization_id''); ALTER TABLE square.t RENAME TO was;'),
    ('dropped', 'square.t', 'square.t', 'CREATE TABLE square.t (id int, organization_id uuid); SELECT tenancy.protect(''square.t'', ''logs'', ''organization_id''); DROP TABLE square.t;')) f (title, name, former, script),
  (VALUES ('protected anew', 'CREATE TABLE {name} (id int, organization_id uuid); SELECT tenancy.protect(''{name}'', ''prompts'', ''organization_id'');'),
    ('protected before', 'CREATE SCHEMA stall; CREATE TABLE stall.t (id int, organization_id uuid); SELECT tenancy.protect(''stall.t'', ''prompts'', ''organization_id''); SELECT format(''ALTER TABLE stall.t SET SCHEMA %I'', split_part(''{name}'', ''.'', 1)) \gexec'),
    ('a former partition', 'CREATE TABLE app.stalls (id int, organization_id uuid) PARTITION BY LIST (id); SELECT tenancy.protect(''app.stalls'', ''prompts'', ''organization_id''); CREATE TABLE {name} PARTITION OF app.stalls DEFAULT; ALTER TABLE app.stalls DETACH PARTITION {name};'),
    ('a former child', 'CREATE TABLE app.stalls (id int, organization_id uuid); SELECT tenancy.protect(''app.stalls'', ''prompts'', ''organization_id''); CREATE TABLE {name} () INHERITS (app.stalls); ALTER TABLE {name} NO INHERIT app.stalls;')) l (title, script),
  unnest(ARRAY['SELECT tenancy.unprotect(''{former}'')', 'SELECT tenancy.unprotect(''{former}''); DROP TABLE {former}', 'DROP TABLE {former}', 'DROP SCHEMA IF EXISTS pier, quay CASCADE', 'SELECT tenancy.forget(''{name}'')', 'SELECT tenancy.forget(''{former}'')',
    'SELECT tenancy.unprotect(''{name}'')', 'SELECT tenancy.protect(''{former}'', ''prompts'', ''organization_id''); SELECT tenancy.unprotect(''{former}''); SELECT tenancy.forget(''{name}'')', 'SET LOCAL check_function_bodies = off; SELECT tenancy.unprotect(''{former}'')',
    'SELECT tenancy.ignore_logging_settings(''{former}''); SELECT tenancy.unprotect(''{former}''); CREATE TABLE square.more (id int, organization_id uuid); ALTER TABLE square.more RENAME TO t', 'SELECT 1']) a (attack);
