-- Estimates of conditions on protected tables, and who gets to see what they are made from: no function of users does, whatever
-- operator it hides behind. The estimates themselves are those of a hand-written WHERE, where trusted conditions may be estimated.
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
\set plans :srcdir '/sql/include/plans.sql'
\i :plans
\set ECHO none
\pset format unaligned
\o /dev/null
SET client_min_messages = warning;
CREATE TYPE stage AS ENUM ('new', 'open', 'done');
-- Twenty workspaces more, all nora's.
INSERT INTO tenancy.workspaces (workspace_id, organization_id, slug, name)
SELECT format('aaaaaaaa-0000-4000-8000-0000000001%s', lpad(n::text, 2, '0'))::uuid, 'aaaaaaaa-0000-4000-8000-000000000000', 'w' || n, 'W' || n FROM generate_series(1, 20) n;
INSERT INTO tenancy.workspace_members (workspace_id, user_id, organization_id, role_id)
SELECT workspace_id, (SELECT user_id FROM tenancy.users WHERE email ~ '^nora@'), organization_id, tenancy_internal.find_role(NULL, 'workspace', 'manager') FROM tenancy.workspaces WHERE slug ~ '^w[0-9]+$';
CREATE TABLE docs (id int, organization_id uuid NOT NULL, workspace_id uuid NOT NULL, user_id uuid, title text, price numeric, made timestamptz, stage stage, doc jsonb, tags int[], words tsvector, during int4range, rank int);
INSERT INTO docs (id, organization_id, workspace_id, title, price, made, stage, doc, tags, words, during, rank)
SELECT n, w.organization_id, w.workspace_id, CASE WHEN w.slug = 'lab' AND n % 3 = 0 THEN 'hidden' ELSE md5(n::text) END, n / 10.0, timestamptz '2025-01-01 00:00+00' + n * interval '1 hour', (ARRAY['new', 'open', 'done'])[1 + (n % 50 = 0)::int + (n % 500 = 0)::int]::stage,
       jsonb_build_object('n', n % 50), ARRAY[n % 70, n % 13], to_tsvector('simple', 'word' || n % 30), int4range(n, n + 5), n % 100
FROM generate_series(1, 20000) n JOIN tenancy.workspaces w ON w.slug = CASE WHEN n % 10 < 3 THEN 'search' WHEN n % 10 < 7 THEN 'lab' ELSE 'w' || 1 + n / 10 % 20 * (n / 200 % 2) END;
CREATE INDEX docs_lower ON docs (workspace_id, lower(title));
CREATE INDEX docs_organization ON docs (organization_id, made);
CREATE INDEX docs_workspace ON docs (workspace_id);
ALTER TABLE docs ADD CONSTRAINT docs_workspace_fkey FOREIGN KEY (workspace_id, organization_id) REFERENCES tenancy.workspaces (workspace_id, organization_id);
CREATE TABLE open_docs AS SELECT * FROM docs;
-- tells of what it is called on
CREATE FUNCTION leak(title text, other text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE COST 0.0001 AS $$
BEGIN
  IF title = 'hidden' THEN
    RAISE EXCEPTION 'leak';
  END IF;
  RETURN title = other;
END
$$;
CREATE OPERATOR === (LEFTARG = text, RIGHTARG = text, FUNCTION = leak, RESTRICT = eqsel, JOIN = eqjoinsel);
CREATE OPERATOR <<< (LEFTARG = text, RIGHTARG = text, FUNCTION = leak, RESTRICT = scalarltsel);
CREATE OPERATOR ~=~ (LEFTARG = text, RIGHTARG = text, FUNCTION = leak, RESTRICT = matchingsel);
CREATE FUNCTION leak(title text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  IF title = 'hidden' AND current_setting('app.armed', true) = 'on' THEN
    RAISE EXCEPTION 'leak';
  END IF;
  RETURN title;
END
$$;
-- of the server's own functions, with another one's estimator
CREATE OPERATOR ==~ (LEFTARG = text, RIGHTARG = text, FUNCTION = texteq, RESTRICT = regexeqsel);
CREATE OPERATOR =@= (LEFTARG = anyenum, RIGHTARG = anyenum, FUNCTION = enum_eq, RESTRICT = eqsel);
CREATE STATISTICS docs_leak ON (leak(title)), stage FROM docs;
CREATE STATISTICS docs_mcv (mcv, dependencies) ON stage, title FROM docs;
SET default_statistics_target = 500;
ANALYZE docs, open_docs;
CREATE FUNCTION told(query text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN app.estimate(query) > 0; EXCEPTION WHEN raise_exception THEN RETURN SQLERRM; END $$;
CREATE FUNCTION by_hand(query text) RETURNS int LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN RETURN app.estimate(query); END $$;
CREATE FUNCTION estimate_in(mode text, query text) RETURNS int LANGUAGE plpgsql AS $$ BEGIN PERFORM app.trust(mode); RETURN app.estimate(query); END $$;
CREATE FUNCTION told_in(mode text, query text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN PERFORM app.trust(mode); RETURN app.told(query); END $$;
GRANT SELECT ON ALL TABLES IN SCHEMA app TO PUBLIC;
SELECT tenancy.protect('docs', 'logs', 'organization_id', 'workspace_id', 'user_id');
RESET client_min_messages;
\o
\set ECHO all

-- Planning alone calls an operator's function with values from a table's statistics, where it may: a user's function on open rows.
CREATE TABLE probes (n serial, condition text);
INSERT INTO probes (condition) VALUES ('title OPERATOR(app.===) ''x'''), ('title OPERATOR(app.<<<) ''x'''), ('title OPERATOR(app.~=~) ''x'''), ('title OPERATOR(app.===) ANY (''{x,y}'')'), ('NOT title OPERATOR(app.===) ''x'''),
  ('stage = ''done'' AND title OPERATOR(app.===) ''x'''), ('(stage = ''done'' OR title OPERATOR(app.===) ''x'')'), ('(price > 1 OR (stage = ''done'' AND title OPERATOR(app.<<<) ''x''))'), ('lower(title) OPERATOR(app.===) ''x'''),
  ('(title OPERATOR(app.===) ''x'') = (stage = ''done'')'), ('ROW(title, price) = ROW(''x'', 1) AND title OPERATOR(app.~=~) ''x'''), ('app.leak(title) OPERATOR(app.===) ''x''');
GRANT SELECT ON probes TO PUBLIC;
SELECT count(*) FILTER (WHERE told('SELECT FROM app.open_docs d WHERE ' || condition) = 'leak') > 6 AS open_leaks FROM probes;
SET SESSION AUTHORIZATION regress_app;
SET app.armed = on;
SET tenancy."user" = 'mike@acme.test';
SET tenancy.organization = 'acme';
SELECT mode, told_in(mode, query) AS told, count(*) FROM unnest('{none,own_rows,all}'::text[]) mode, probes,
  unnest(ARRAY['SELECT FROM app.docs d WHERE ', 'SELECT FROM app.docs e JOIN app.docs d ON d.price = e.price AND ', 'SELECT FROM app.docs e WHERE EXISTS (SELECT FROM app.docs d WHERE d.id = e.id AND ', 'SELECT FROM app.docs e LEFT JOIN app.docs d ON ',
               'SELECT (SELECT count(*) FROM app.open_docs o WHERE o.id = d.id) FROM app.docs d WHERE ', 'WITH d AS (SELECT * FROM app.docs) SELECT FROM d WHERE ', 'SELECT FROM (SELECT title, stage, price FROM app.docs UNION ALL SELECT title, stage, price FROM app.docs) d WHERE ']) shape,
  LATERAL (SELECT shape || CASE WHEN shape ~ 'JOIN' THEN replace(condition, 'title', 'd.title') ELSE condition END || CASE WHEN shape ~ 'EXISTS' THEN ')' ELSE '' END) q (query)
WHERE shape !~ 'JOIN' OR condition !~ 'stage|price' GROUP BY 1, 2 ORDER BY 1, 2;
-- A variable of an outer query, examined where another table with statistics stands in its place
SELECT trust('all');
SELECT told('SELECT FROM app.docs d WHERE EXISTS (SELECT FROM app.open_docs o WHERE o.id = 1 AND d.title OPERATOR(app.===) ''x'')') AS outer_variable,
  told('SELECT (SELECT count(*) FROM app.open_docs o WHERE d.title OPERATOR(app.===) o.stage::text) FROM app.docs d') AS outer_join,
  told('SELECT FROM (SELECT title, count(*) FROM app.docs GROUP BY title) d WHERE d.title OPERATOR(app.===) ''x''') AS grouped,
  told('SELECT FROM (SELECT DISTINCT title FROM app.docs OFFSET 0) d WHERE d.title OPERATOR(app.===) ''x''') AS fenced;

-- The estimates of trusted conditions are those by hand; else default guesses, as row security has them.
CREATE TEMP TABLE conditions (n serial, condition text);
INSERT INTO conditions (condition) VALUES ('stage = ''done'''), ('stage <> ''new'''), ('stage = ANY (''{open,done}'')'), ('price > 1990'), ('price BETWEEN 100 AND 110'), ('made >= timestamp ''2027-03-01'''), ('made::date = date ''2025-06-01'''), ('made BETWEEN date ''2025-06-01'' AND date ''2025-06-10'''),
  ('title LIKE ''hid%'''), ('title LIKE ''%dde%'''), ('lower(title) = ''hidden'''), ('doc @> ''{"n": 7}'''), ('tags @> ''{7}'''), ('tags && ''{7,8}'''), ('words @@ ''word7'''), ('during && ''[70,75)'''), ('NOT stage = ''new'''), ('(stage = ''done'' OR price > 1990)'), ('title = ''hidden'''),
  ('stage OPERATOR(app.=@=) ''done'''), ('title OPERATOR(app.==~) ''hid.*''');
SELECT condition, bool_and(by_hand = estimated) FILTER (WHERE mode = 'none') AS none, bool_and(by_hand = estimated) FILTER (WHERE mode = 'own_rows') AS own_rows, bool_and(abs(by_hand - estimated) <= 2 + by_hand / 20) FILTER (WHERE mode = 'all') AS "all"
FROM conditions, unnest('{none,own_rows,all}'::text[]) mode, LATERAL (SELECT by_hand('SELECT FROM app.docs WHERE workspace_id = ''aaaaaaaa-0000-4000-8000-000000000002'' AND ' || condition) AS by_hand, estimate_in(mode, 'SELECT FROM app.docs WHERE ' || condition) AS estimated OFFSET 0) e
GROUP BY n, condition ORDER BY n;

-- A list of ids is estimated at once, and comes to what the server has it come to, id by id.
SET tenancy."user" = 'nora@acme.test';
SELECT estimate('SELECT FROM app.docs') - by_hand(format('SELECT FROM app.docs WHERE workspace_id = ANY (%L)', (SELECT array_agg(DISTINCT workspace_id) FROM docs))) BETWEEN -1 AND 1 AS the_same;
SELECT estimate('SELECT FROM app.docs WHERE id = ANY (ARRAY[' || ids || '])') - by_hand(format('SELECT FROM app.docs WHERE workspace_id = ANY (%L) AND id = ANY (ARRAY[%s])', (SELECT array_agg(DISTINCT workspace_id) FROM docs), ids)) BETWEEN -1 AND 1 AS ints,
  estimate('SELECT FROM app.docs WHERE rank = ANY (ARRAY[' || ids || ',NULL])') - by_hand(format('SELECT FROM app.docs WHERE workspace_id = ANY (%L) AND rank = ANY (ARRAY[%s,NULL])', (SELECT array_agg(DISTINCT workspace_id) FROM docs), ids)) BETWEEN -1 AND 1 AS common,
  estimate('SELECT FROM app.docs WHERE title = ANY (string_to_array(''hidden,' || ids || ''', '',''))') - by_hand(format('SELECT FROM app.docs WHERE workspace_id = ANY (%L) AND title = ANY (string_to_array(''hidden,%s'', '',''))', (SELECT array_agg(DISTINCT workspace_id) FROM docs), ids)) BETWEEN -1 AND 1 AS texts
FROM (SELECT string_agg(n::text, ',') FROM generate_series(1, 40) n) i (ids);
-- Statistics are kept in the session, until they change.
RESET SESSION AUTHORIZATION;
SET SESSION AUTHORIZATION regress_app;
SELECT estimate('SELECT FROM app.docs WHERE rank = 5') AS before;
RESET SESSION AUTHORIZATION;
RESET app.armed;
UPDATE docs SET rank = 5;
ANALYZE docs;
SET SESSION AUTHORIZATION regress_app;
SELECT estimate('SELECT FROM app.docs WHERE rank = 5') > 4000 AS after;

-- Who belongs to many workspaces finds the first rows by the organization, where a foreign key vouches for it; estimates stay.
RESET SESSION AUTHORIZATION;
CREATE FUNCTION by_organization(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  plan jsonb;
BEGIN
  EXECUTE 'EXPLAIN (FORMAT JSON) ' || query INTO plan;
  RETURN substring(plan::text FROM '"Index Name": "([^"]*)"');
END
$$;
CREATE TABLE pages (n serial, query text);
INSERT INTO pages (query) VALUES ('SELECT id FROM app.docs ORDER BY made DESC LIMIT 5'), ('SELECT id FROM app.docs WHERE rank = 5 ORDER BY made LIMIT 5'), ('SELECT max(made) FROM app.docs'), ('SELECT id FROM app.docs ORDER BY made'), ('SELECT id FROM app.docs LIMIT 5'),
  ('WITH d AS (SELECT * FROM app.docs) SELECT id FROM d ORDER BY made DESC LIMIT 5'), ('SELECT id FROM app.docs d JOIN app.probes p ON p.n = d.id % 5 ORDER BY made LIMIT 5'), ('SELECT id FROM app.docs d LEFT JOIN app.probes p ON p.n = d.id % 5 ORDER BY made LIMIT 5'), ('SELECT l.id FROM app.probes p, LATERAL (SELECT id FROM app.docs d ORDER BY made DESC LIMIT 2) l'),
  ('SELECT id FROM app.docs ORDER BY made DESC LIMIT 5 FOR UPDATE'), ('SELECT id FROM app.docs WHERE organization_id = ''aaaaaaaa-0000-4000-8000-000000000000'' ORDER BY made LIMIT 5'), ('SELECT d.id FROM app.docs d JOIN app.docs e USING (organization_id, id) ORDER BY d.made LIMIT 5');
GRANT SELECT ON pages TO PUBLIC;
GRANT UPDATE ON docs TO PUBLIC;
SET SESSION AUTHORIZATION regress_app;
SELECT query, by_organization(query) FROM pages ORDER BY n;
PREPARE page AS SELECT id FROM docs ORDER BY made DESC LIMIT 3;
EXECUTE page;
SELECT by_organization('EXECUTE page'), estimate('SELECT FROM app.docs') = estimate('SELECT FROM (SELECT FROM app.docs ORDER BY made OFFSET 0 LIMIT 100000) d') AS same_estimate;
-- of one workspace the list is short
SET tenancy."user" = 'mike@acme.test';
SELECT by_organization('EXECUTE page') IS DISTINCT FROM 'docs_organization' AS by_workspace;
EXECUTE page;
SET tenancy."user" = 'nora@acme.test';
RESET SESSION AUTHORIZATION;
CREATE TABLE trusts (n serial, because text, change text, back text);
INSERT INTO trusts (because, change, back) VALUES ('as it is', 'SELECT', 'SELECT'),
  ('not checked yet', 'ALTER TABLE docs DROP CONSTRAINT docs_workspace_fkey; ALTER TABLE docs ADD CONSTRAINT docs_workspace_fkey FOREIGN KEY (workspace_id, organization_id) REFERENCES tenancy.workspaces (workspace_id, organization_id) NOT VALID', 'ALTER TABLE docs VALIDATE CONSTRAINT docs_workspace_fkey'),
  ('checked later', 'ALTER TABLE docs ALTER CONSTRAINT docs_workspace_fkey DEFERRABLE', 'ALTER TABLE docs ALTER CONSTRAINT docs_workspace_fkey NOT DEFERRABLE'),
  ('can be absent', 'ALTER TABLE docs ALTER organization_id DROP NOT NULL', 'ALTER TABLE docs ALTER organization_id SET NOT NULL'),
  ('by the workspace alone', 'ALTER TABLE docs DROP CONSTRAINT docs_workspace_fkey; ALTER TABLE docs ADD CONSTRAINT docs_workspace_fkey FOREIGN KEY (workspace_id) REFERENCES tenancy.workspaces', 'ALTER TABLE docs DROP CONSTRAINT docs_workspace_fkey; ALTER TABLE docs ADD CONSTRAINT docs_workspace_fkey FOREIGN KEY (workspace_id, organization_id) REFERENCES tenancy.workspaces (workspace_id, organization_id)'),
  ('again', 'SELECT', 'SELECT'),
  ('children need no key', 'CREATE TABLE child () INHERITS (docs)', 'DROP TABLE child');
-- Index Cond would show the organization, or Filter
CREATE FUNCTION asks_organization() RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  plan jsonb;
BEGIN
  EXECUTE 'EXPLAIN (FORMAT JSON) SELECT id FROM app.docs ORDER BY made DESC LIMIT 5' INTO plan;
  RETURN plan::text ~ 'organization_id = ';
END
$$;
CREATE FUNCTION with_trust(change text, back text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  result boolean;
BEGIN
  EXECUTE change;
  SET LOCAL SESSION AUTHORIZATION regress_app;
  result := app.asks_organization();
  RESET SESSION AUTHORIZATION;
  EXECUTE back;
  RETURN result;
END
$$;
SET client_min_messages = warning;
SELECT because, with_trust(change, back) FROM trusts ORDER BY n;
RESET client_min_messages;
-- partitions have their parent's key
CREATE TABLE parts (LIKE docs INCLUDING INDEXES, FOREIGN KEY (workspace_id, organization_id) REFERENCES tenancy.workspaces (workspace_id, organization_id)) PARTITION BY RANGE (made);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (MINVALUE) TO ('2026-01-01 00:00+00');
CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM ('2026-01-01 00:00+00') TO (MAXVALUE);
INSERT INTO parts SELECT * FROM docs;
ANALYZE parts;
SELECT tenancy.protect('parts', 'logs', 'organization_id', 'workspace_id', 'user_id') IS NOT NULL AS protected;
GRANT SELECT ON parts TO PUBLIC;
SET SESSION AUTHORIZATION regress_app;
SELECT by_organization('SELECT id FROM app.parts ORDER BY made DESC LIMIT 5');
SELECT array_agg(id) = (SELECT array_agg(id) FROM (SELECT id FROM docs ORDER BY made DESC LIMIT 5) d) AS the_same FROM (SELECT id FROM parts ORDER BY made DESC LIMIT 5) p;
