-- Code of another owner to which a foreign key's action leads, by whatever way: before PostgreSQL 18 AFTER triggers would run as whoever
-- changes the row that is referred to, or who commits.
\pset format unaligned
SET client_min_messages = warning;
SELECT current_user AS superuser, current_setting('server_version_num')::int >= 180000 AS runs_as_owner \gset
CREATE ROLE regress_climber LOGIN;
CREATE SCHEMA shop;
GRANT USAGE, CREATE ON SCHEMA shop TO regress_climber;
SET search_path = shop;
CREATE TABLE ran (what text, as_role name, by_superuser boolean);
GRANT INSERT, SELECT ON ran TO PUBLIC;
-- As an action leads to it; how it ends, and as whom code ran. Nothing of it stays.
CREATE FUNCTION outcome(made text[], command text) RETURNS TABLE (ends text, ran text) LANGUAGE plpgsql AS $$
DECLARE
  step text;
BEGIN
  SET LOCAL ROLE regress_climber;
  FOREACH step IN ARRAY made LOOP
    EXECUTE step;
  END LOOP;
  RESET ROLE;
  BEGIN
    EXECUTE command;
    SET CONSTRAINTS ALL IMMEDIATE;
    ends := 'done';
  EXCEPTION WHEN OTHERS THEN
    ends := SQLSTATE || ': ' || SQLERRM;
  END;
  ran := (SELECT string_agg(DISTINCT r.what || CASE WHEN r.by_superuser THEN ' by a superuser' ELSE ' by its owner' END, ', ') FROM shop.ran r);
  RAISE EXCEPTION USING ERRCODE = 'TEST0';
EXCEPTION WHEN SQLSTATE 'TEST0' THEN
  RETURN NEXT;
END
$$;
\o /dev/null
SELECT tenancy.create_organization('Umbra', 'olga@umbra.example', 'umbra');
\o
SELECT tenancy.create_workspace('umbra', 'Short lived') AS workspace \gset
CREATE TABLE orders (workspace_id uuid PRIMARY KEY, organization_id uuid NOT NULL);
INSERT INTO orders SELECT workspace_id, organization_id FROM tenancy.workspaces WHERE slug = 'short-lived';
CREATE TABLE own (workspace_id uuid PRIMARY KEY);
INSERT INTO own SELECT workspace_id FROM tenancy.workspaces WHERE slug = 'short-lived';
SELECT tenancy.protect('orders', 'prompts', 'organization_id', 'workspace_id') IS NULL AS done;
GRANT REFERENCES, SELECT ON orders, own, tenancy.workspaces TO regress_climber;
SET SESSION AUTHORIZATION regress_climber;
CREATE FUNCTION spring() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO shop.ran SELECT TG_NAME, r.rolname, r.rolsuper FROM pg_roles r WHERE r.rolname = current_user;
  RETURN coalesce(OLD, NEW);
END
$$;
CREATE TABLE seen (n int DEFAULT 1);
INSERT INTO seen VALUES (1);
RESET SESSION AUTHORIZATION;
CREATE TABLE ways (n int, way text, made text[]);
INSERT INTO ways VALUES
  (1, 'a trigger before', ARRAY['CREATE TABLE shop.y (w uuid REFERENCES {t} ON DELETE CASCADE)', 'CREATE TRIGGER t BEFORE DELETE ON shop.y FOR EACH ROW EXECUTE FUNCTION shop.spring()']),
  (2, 'a trigger after', ARRAY['CREATE TABLE shop.y (w uuid REFERENCES {t} ON DELETE CASCADE)', 'CREATE TRIGGER t AFTER DELETE ON shop.y FOR EACH ROW EXECUTE FUNCTION shop.spring()']),
  (3, 'one for other rows', ARRAY['CREATE TABLE shop.y (w uuid REFERENCES {t} ON DELETE CASCADE)', 'CREATE TRIGGER t AFTER INSERT ON shop.y FOR EACH ROW EXECUTE FUNCTION shop.spring()']),
  (4, 'one of another partition', ARRAY['CREATE TABLE shop.y (w uuid REFERENCES {t} ON DELETE SET NULL) PARTITION BY LIST (w)', 'CREATE TABLE shop.y_null PARTITION OF shop.y FOR VALUES IN (NULL)',
    'CREATE TABLE shop.y_rest PARTITION OF shop.y DEFAULT', 'CREATE TRIGGER t AFTER INSERT ON shop.y_null FOR EACH ROW EXECUTE FUNCTION shop.spring()']),
  (5, 'by a rule', ARRAY['CREATE TABLE shop.y (w uuid REFERENCES {t} ON DELETE CASCADE)', 'CREATE TRIGGER t AFTER INSERT ON shop.seen FOR EACH ROW EXECUTE FUNCTION shop.spring()',
    'CREATE RULE r AS ON DELETE TO shop.y DO ALSO INSERT INTO shop.seen VALUES (2)']),
  (6, 'by a rule, of the statement', ARRAY['CREATE TABLE shop.y (w uuid REFERENCES {t} ON DELETE CASCADE)', 'CREATE TRIGGER t AFTER UPDATE ON shop.seen FOR EACH STATEMENT EXECUTE FUNCTION shop.spring()',
    'CREATE RULE r AS ON DELETE TO shop.y DO ALSO UPDATE shop.seen SET n = 2']),
  (7, 'one that is made meanwhile', ARRAY['CREATE TABLE shop.y (w uuid REFERENCES {t} ON DELETE CASCADE)', 'CREATE TABLE shop.y2 (w uuid REFERENCES {t} ON DELETE CASCADE)',
    'CREATE FUNCTION shop.make() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN CREATE TRIGGER t AFTER DELETE ON shop.y2 FOR EACH ROW EXECUTE FUNCTION shop.spring(); RETURN OLD; END $$',
    'CREATE TRIGGER make BEFORE DELETE ON shop.y FOR EACH ROW EXECUTE FUNCTION shop.make()', 'INSERT INTO shop.y2 VALUES ({w})']),
  (8, 'one that waits for the commit', ARRAY['CREATE TABLE shop.y (w uuid REFERENCES {t} ON DELETE CASCADE)', 'CREATE CONSTRAINT TRIGGER t AFTER INSERT ON shop.seen DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION shop.spring()',
    'CREATE FUNCTION shop.make() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO shop.seen VALUES (2); RETURN OLD; END $$',
    'CREATE TRIGGER make BEFORE DELETE ON shop.y FOR EACH ROW EXECUTE FUNCTION shop.make()']),
  (9, 'one that does not wait', ARRAY['CREATE TABLE shop.y (w uuid REFERENCES {t} ON DELETE CASCADE)', 'CREATE CONSTRAINT TRIGGER t AFTER INSERT ON shop.seen DEFERRABLE FOR EACH ROW EXECUTE FUNCTION shop.spring()',
    'CREATE FUNCTION shop.make() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO shop.seen VALUES (2); RETURN OLD; END $$',
    'CREATE TRIGGER make BEFORE DELETE ON shop.y FOR EACH ROW EXECUTE FUNCTION shop.make()']),
  (10, 'by a rule, in a WITH that nothing reads', ARRAY['CREATE TABLE shop.y (w uuid REFERENCES {t} ON DELETE CASCADE)', 'CREATE TABLE shop.parts (n int) PARTITION BY LIST (n)',
    'CREATE TABLE shop.part PARTITION OF shop.parts DEFAULT', 'CREATE TRIGGER t AFTER INSERT ON shop.part FOR EACH ROW EXECUTE FUNCTION shop.spring()',
    'CREATE RULE r AS ON DELETE TO shop.y DO ALSO WITH x AS (INSERT INTO shop.parts VALUES (1)) UPDATE shop.seen SET n = 3 WHERE false']);
CREATE FUNCTION tried(n int, relation text, workspace text, command text) RETURNS TABLE (way text, ends text, ran text) LANGUAGE sql AS $$
  SELECT w.way, o.ends, o.ran FROM shop.ways w,
  LATERAL (SELECT array_agg(replace(replace(m, '{t}', tried.relation), '{w}', quote_literal(tried.workspace)) ORDER BY k) FROM unnest(w.made) WITH ORDINALITY u (m, k)) x (made),
  LATERAL shop.outcome(x.made || format('INSERT INTO shop.y VALUES (%L)', tried.workspace), tried.command) o WHERE w.n = tried.n
$$;
\pset tuples_only on
\set ECHO none
-- Each in a transaction of its own, since SET CONSTRAINTS outlives a subtransaction.
-- The unsafe way: a superuser's own table. Since 18 triggers run as who has set them off.
\echo own table
SELECT format('SELECT t.way, %L OR t.ran ~ ''by a superuser'' AS as_it_does FROM tried(%s, ''shop.own'', %L, ''DELETE FROM shop.own'') t', :'runs_as_owner', w.n, :'workspace')
FROM ways w WHERE w.n IN (2, 4, 5, 6, 7, 8, 10) ORDER BY w.n \gexec
-- Rows of a tenant that are removed
\echo rows of a tenant
SELECT format('SELECT t.way, t.ends ~ CASE WHEN %2$s = 7 THEN ''^42501: cannot execute CREATE TRIGGER within'' WHEN %2$s = 8 THEN ''^42501: cannot fire deferred trigger within'' WHEN %1$L OR %2$s IN (1, 3, 9) THEN ''^done$'' ELSE ''^55000: trigger "t" of table "(y|y_null|y2|seen|part)" would run with the rights of another role$'' END AS ends_so, coalesce(t.ran !~ ''by a superuser'', true) FROM tried(%2$s, ''shop.orders'', %L, $c$SELECT tenancy.delete_workspace(''umbra/short-lived'', with_rows => true)$c$) t', :'runs_as_owner', w.n, :'workspace')
FROM ways w ORDER BY w.n \gexec
-- Rows of ours. Those triggers that are there when the foreign key is made, or that are made then, are refused as they are made.
\echo rows of ours
SELECT format('SELECT t.way, t.ends ~ CASE WHEN %L OR %s IN (1, 3, 9) THEN ''^done$'' WHEN %2$s = 8 THEN ''^42501: cannot fire deferred trigger within'' ELSE ''^55000: trigger "t" of table "(y|y_null|y2|seen|part)" would run with the rights of another role$'' END AS ends_so, coalesce(t.ran !~ ''by a superuser'', true) FROM tried(%2$s, ''tenancy.workspaces (workspace_id)'', %L, $c$SELECT tenancy.delete_workspace(''umbra/short-lived'', with_rows => true)$c$) t', :'runs_as_owner', w.n, :'workspace')
FROM ways w WHERE w.n NOT IN (2, 4, 7) ORDER BY w.n \gexec
\set ECHO all
\pset tuples_only off
SELECT count(*) AS workspaces FROM tenancy.workspaces WHERE slug = 'short-lived';
\set VERBOSITY terse
SET SESSION AUTHORIZATION regress_climber;
CREATE TABLE y (w uuid REFERENCES tenancy.workspaces (workspace_id) ON DELETE SET NULL) PARTITION BY LIST (w);
CREATE TABLE y_null PARTITION OF y FOR VALUES IN (NULL);
CREATE TRIGGER t AFTER INSERT ON y_null FOR EACH ROW EXECUTE FUNCTION spring();
RESET SESSION AUTHORIZATION;
SELECT tenancy.unprotect('orders') IS NULL AS done;
DROP OWNED BY regress_climber CASCADE;
DROP SCHEMA shop CASCADE;
DELETE FROM tenancy.organizations WHERE slug = 'umbra';
DELETE FROM tenancy.users WHERE email = 'olga@umbra.example';
DROP ROLE regress_climber;
