-- Random calls of row_visible(), row_accepted(), payload_visible() and authorize(), by hand and anywhere in a query: over
-- columns, NULLs, constants, sub-selects, outer queries' columns, aggregates, window and set-returning functions. Planning
-- may replace a call by a filter or not: the answer must be the same as row by row (tenancy.specialize = off), whoever asks,
-- and by a plan that was made for somebody else.

CREATE DOMAIN differential.id AS uuid;
CREATE TYPE differential.pair AS (a uuid, b text);

-- Rows of a world, of all tenants, in columns of every type, and with what belongs nowhere. Not protected.
CREATE TABLE differential.things (
  id int PRIMARY KEY, n int, organization uuid, workspace uuid, owner uuid, api_key uuid,
  organization_text text, workspace_text varchar(40), owner_int int8, api_key_int int4,
  organization_domain differential.id, workspace_domain differential.id, pair differential.pair
);
CREATE TABLE differential.asked_again (LIKE differential.things INCLUDING ALL);
GRANT ALL ON differential.things, differential.asked_again TO PUBLIC;

-- The value itself, evaluated once, whatever planning would like.
CREATE FUNCTION differential.volatile_id(id uuid) RETURNS uuid VOLATILE LANGUAGE plpgsql AS 'BEGIN RETURN id; END';
CREATE FUNCTION differential.inlined(organization uuid, workspace uuid, owner uuid) RETURNS boolean STABLE LANGUAGE sql AS
  $$SELECT tenancy.row_visible('logs', 'view', organization, workspace, owner, NULL)$$;
CREATE FUNCTION differential.inlined(workspace uuid) RETURNS boolean STABLE LANGUAGE sql AS
  $$SELECT tenancy.authorize('logs', 'view', workspace)$$;

-- planted: the same query with calls that are NULL where they should be false.
CREATE TABLE differential.calls (number int PRIMARY KEY, context text NOT NULL, query text NOT NULL, planted text NOT NULL);
CREATE TABLE differential.call_answers (n int, number int, way text, answer text[] NOT NULL, PRIMARY KEY (n, number, way));
GRANT SELECT ON differential.calls TO PUBLIC;
GRANT SELECT, INSERT ON differential.call_answers TO PUBLIC;

CREATE FUNCTION differential.some_id(relation text) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
  id uuid;
BEGIN
  CASE worlds.between(1, 8)
  WHEN 1 THEN RETURN NULL;
  WHEN 2 THEN RETURN worlds.pick(ARRAY[worlds.random_uuid(), '00000000-0000-0000-0000-000000000000']);
  ELSE
    EXECUTE format('SELECT worlds.pick(array_agg(x.id ORDER BY x.id)) FROM (SELECT %I AS id FROM tenancy.%I) x',
                   CASE relation WHEN 'api_keys' THEN 'api_key_id' ELSE rtrim(relation, 's') || '_id' END, relation) INTO id;
    RETURN id;
  END CASE;
END
$$;

CREATE FUNCTION differential.make_things() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  workspace tenancy.workspaces;
  organization uuid;
  owner tenancy.users;
  key uuid;
  chosen uuid;
BEGIN
  TRUNCATE differential.things, differential.asked_again;
  FOR i IN 1..40 LOOP
    chosen := differential.some_id('workspaces');
    SELECT * INTO workspace FROM tenancy.workspaces w WHERE w.workspace_id = chosen;
    organization := CASE WHEN worlds.chance(0.8) THEN workspace.organization_id ELSE differential.some_id('organizations') END;
    chosen := differential.some_id('users');
    SELECT * INTO owner FROM tenancy.users u WHERE u.user_id = chosen;
    key := differential.some_id('api_keys');
    INSERT INTO differential.things
    SELECT i, nullif(i % 7, 3), organization, workspace.workspace_id, owner.user_id, key,
      (SELECT o.external_id FROM tenancy.organizations o WHERE o.organization_id = organization), workspace.external_id,
      CASE WHEN owner.external_id ~ '^[0-9]{1,9}$' THEN owner.external_id::int8 END,
      (SELECT CASE WHEN k.external_id ~ '^[0-9]{1,9}$' THEN k.external_id::int END FROM tenancy.api_keys k WHERE k.api_key_id = key),
      organization, workspace.workspace_id, CASE WHEN i % 5 > 0 THEN ROW(workspace.workspace_id, 'x')::differential.pair END;
  END LOOP;
  INSERT INTO differential.asked_again SELECT * FROM differential.things WHERE id % 3 > 0;
  ANALYZE differential.things, differential.asked_again;
END
$$;

---------------------------------------------------------------------------------------------------------------------
-- Calls.  In their arguments and in queries, r is the row that is asked about.
---------------------------------------------------------------------------------------------------------------------

CREATE FUNCTION differential.id_literal(relation text) RETURNS text LANGUAGE sql AS
  $$SELECT format('%L::uuid', differential.some_id(relation))$$;

-- An argument that is about the entity, in whatever shape.  grouped: aggregates may stand in it.
CREATE FUNCTION differential.id_argument(entity text, relation text, grouped boolean) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  "column" text := 'r.' || entity;
  kind int := worlds.between(1, 44);
BEGIN
  RETURN CASE
    WHEN kind <= 14 THEN "column"
    WHEN kind <= 17 THEN 'NULL'
    WHEN kind = 18 THEN 'NULL::uuid'
    WHEN kind = 19 THEN differential.id_literal(relation)
    WHEN kind = 20 THEN CASE entity WHEN 'organization' THEN 'r.organization_text' WHEN 'workspace' THEN 'r.workspace_text'
                                    WHEN 'owner' THEN 'r.owner_int' ELSE 'r.api_key_int' END
    WHEN kind = 21 THEN CASE entity WHEN 'organization' THEN 'r.organization_domain' WHEN 'workspace' THEN 'r.workspace_domain' ELSE "column" || '::differential.id' END
    WHEN kind = 22 THEN format('coalesce(%s, %s)', "column", differential.id_literal(relation))
    WHEN kind = 23 THEN format('CASE WHEN r.n > 2 THEN %s END', "column")
    WHEN kind = 24 THEN format('CASE r.n WHEN 1 THEN %s WHEN 2 THEN %s ELSE %1$s END', "column", differential.id_literal(relation))
    WHEN kind = 25 THEN format('nullif(%s, %s)', "column", differential.id_literal(relation))
    WHEN kind = 26 THEN format('(%s::text)::uuid', "column")
    WHEN kind = 27 THEN format('(ARRAY[%s, NULL])[%s]', "column", worlds.between(1, 3))
    WHEN kind = 28 THEN '(r.pair).a'
    WHEN kind = 29 THEN format('(SELECT %s)', "column")
    WHEN kind = 30 THEN format('(SELECT %s LIMIT 1)', "column")
    WHEN kind = 31 THEN format('coalesce((SELECT %s OFFSET 0), %1$s)', "column")
    WHEN kind = 32 THEN format('(SELECT q.%s FROM differential.asked_again q WHERE q.id = r.id)', entity)
    WHEN kind = 33 THEN format('(SELECT max(q.%s::text)::uuid FROM differential.asked_again q WHERE q.n = r.n)', entity)
    WHEN kind = 34 THEN format('CASE WHEN EXISTS (SELECT FROM differential.asked_again q WHERE q.%s = %s) THEN %2$s END', entity, "column")
    WHEN kind = 35 THEN format('differential.volatile_id(%s)', "column")
    WHEN kind = 36 THEN format('tenancy.current_%s_id()', CASE entity WHEN 'owner' THEN 'user' ELSE entity END)
    WHEN kind = 37 THEN worlds.pick(ARRAY['r', 'r.pair', 'now()', 'r.n', 'ARRAY[r.workspace]', '''{}''::jsonb', 'point(1, 2)', 'r.ctid', 'r.tableoid',
                                          'repeat(''x'', 5000)', 'NULL::record', 'NULL::differential.things', 'current_user', 'r.workspace::text COLLATE "C"'])
    WHEN kind = 38 AND NOT grouped THEN format('unnest(ARRAY[%s])', "column")
    WHEN kind = 39 AND NOT grouped THEN format('(min(%s::text) OVER (PARTITION BY r.n))::uuid', "column")
    WHEN kind <= 43 AND grouped THEN format(worlds.pick(ARRAY['min(%s::text)::uuid', '(array_agg(%s ORDER BY r.id))[1]', 'CASE WHEN count(*) > 2 THEN %s END']), "column")
    WHEN kind = 44 THEN format('CASE WHEN %s THEN %s END', differential.call(grouped), "column")
    ELSE "column"
  END;
END
$$;

CREATE FUNCTION differential.call(grouped boolean DEFAULT false) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  function text := worlds.pick(ARRAY['row_visible', 'row_visible', 'row_visible', 'row_accepted', 'payload_visible', 'authorize', 'authorize', 'inlined']);
  about text := worlds.pick(ARRAY['logs', 'logs', 'prompts', 'gadgets', 'widgets', 'api_keys', 'organization', 'billing', CASE WHEN worlds.chance(0.1) THEN 'nonsense' ELSE 'logs' END]);
  command text := CASE function WHEN 'row_accepted' THEN worlds.pick(ARRAY['insert', 'update', 'update', 'insert', 'insert'])
                                ELSE worlds.pick(ARRAY['view', 'view', 'list', 'update', 'delete']) END;
  workspace text := differential.id_argument('workspace', 'workspaces', grouped);
  arguments text;
BEGIN
  IF function = 'authorize' THEN
    command := (SELECT worlds.pick(array_agg(p.action ORDER BY p.action)) FROM tenancy.permissions p WHERE p.resource = about);
    RETURN format('tenancy.authorize(%L, %L, (%s)%s)', about, coalesce(command, 'nonsense'), workspace, CASE WHEN workspace ~ '^NULL' THEN '::uuid' END);
  ELSIF function = 'inlined' AND workspace ~ '^r\.(workspace|owner)$' THEN
    RETURN worlds.pick(ARRAY['differential.inlined(r.organization, r.workspace, r.owner)', 'differential.inlined(r.workspace)']);
  ELSIF function = 'inlined' THEN
    function := 'row_visible';
  END IF;
  -- as policies have it, for the most part
  arguments := CASE WHEN worlds.chance(0.4) THEN 'r.organization, r.workspace, r.owner, r.api_key'
                    WHEN worlds.chance(0.2) THEN 'r.organization, r.workspace, r.owner, NULL'
                    WHEN worlds.chance(0.2) THEN 'r.organization, NULL, r.owner, NULL'
                    ELSE concat_ws(', ', differential.id_argument('organization', 'organizations', grouped), workspace,
                                   differential.id_argument('owner', 'users', grouped), differential.id_argument('api_key', 'api_keys', grouped)) END;
  RETURN format('tenancy.%s(%L, %L, %s%s)', function, about, CASE WHEN worlds.chance(0.01) THEN 'nonsense' ELSE command END, arguments,
                CASE WHEN function = 'row_visible' AND worlds.chance(0.25) THEN ', ' || worlds.pick(ARRAY['true', 'false', 'NULL', 'r.n > 2']) END);
END
$$;

---------------------------------------------------------------------------------------------------------------------
-- Where they stand
---------------------------------------------------------------------------------------------------------------------

-- %1$s and %2$s: calls; %3$s: a table; %4$s: a call with aggregates in it; %5$s: the columns of a row.
CREATE TABLE differential.call_contexts (context text PRIMARY KEY, query text NOT NULL);
INSERT INTO differential.call_contexts VALUES
  ('target list', 'SELECT r.id, %1$s AS x FROM %3$s r'),
  ('target list, twice', 'SELECT r.id, %1$s AS x, NOT %1$s AS y, %2$s AS z FROM %3$s r WHERE %1$s OR r.n > 3'),
  ('WHERE', 'SELECT r.id FROM %3$s r WHERE %1$s'),
  ('WHERE and target list', 'SELECT r.id, %1$s AS x, %2$s AS y FROM %3$s r WHERE %1$s'),
  ('NOT', 'SELECT r.id FROM %3$s r WHERE NOT %1$s'),
  ('OR', 'SELECT r.id, %2$s AS x FROM %3$s r WHERE %1$s OR %2$s'),
  ('AND NOT', 'SELECT r.id FROM %3$s r WHERE %1$s AND NOT %2$s'),
  ('OR NOT', 'SELECT r.id FROM %3$s r WHERE (%1$s AND r.n > 2) OR NOT (%1$s AND %2$s)'),
  ('IS NULL', 'SELECT r.id FROM %3$s r WHERE %1$s IS NULL OR %2$s IS NOT TRUE'),
  ('comparison', 'SELECT r.id FROM %3$s r WHERE %1$s IS DISTINCT FROM %2$s OR %1$s = (r.n > 2)'),
  ('CASE', 'SELECT r.id, CASE WHEN %1$s THEN 1 WHEN NOT %2$s THEN 2 ELSE 3 END AS x FROM %3$s r'),
  ('GROUP BY', 'SELECT %1$s AS x, count(*) FROM %3$s r GROUP BY 1'),
  ('WHERE, GROUP BY, HAVING', 'SELECT %1$s AS x, count(*) FROM %3$s r WHERE %1$s OR r.n = 1 GROUP BY %1$s HAVING %1$s'),
  ('GROUP BY and HAVING', 'SELECT count(*), %1$s AS x FROM %3$s r WHERE %1$s GROUP BY %1$s HAVING NOT %1$s OR count(*) > 1'),
  ('HAVING over groups', 'SELECT r.workspace FROM %3$s r GROUP BY %5$s HAVING %4$s'),
  ('grouping sets', 'SELECT %4$s AS x, count(*) FROM %3$s r GROUP BY GROUPING SETS ((%5$s), (r.workspace), ())'),
  ('FILTER', 'SELECT count(*) FILTER (WHERE %1$s), count(*) FILTER (WHERE NOT %2$s), bool_or(%1$s) FROM %3$s r'),
  ('scalar sub-query', 'SELECT r.id, (SELECT %1$s) AS x, (SELECT count(*) FROM differential.asked_again q WHERE q.id < r.id AND %2$s) AS y FROM %3$s r'),
  ('EXISTS', 'SELECT q.id FROM differential.asked_again q WHERE EXISTS (SELECT FROM %3$s r WHERE r.n = q.n AND %1$s)'),
  ('NOT EXISTS', 'SELECT q.id FROM differential.asked_again q WHERE NOT EXISTS (SELECT FROM %3$s r WHERE r.n = q.n AND %1$s)'),
  ('IN', 'SELECT r.id FROM %3$s r WHERE r.n IN (SELECT q.n FROM differential.asked_again q WHERE %1$s) OR %2$s IN (SELECT q.n > 2 FROM differential.asked_again q)'),
  ('LATERAL', 'SELECT r.id, s.x FROM %3$s r, LATERAL (SELECT %1$s AS x) s WHERE s.x OR r.n > 1'),
  ('LATERAL, as it stands', 'SELECT r.id, s.x FROM %3$s r, LATERAL (SELECT %1$s AS x OFFSET 0) s'),
  ('LATERAL function', 'SELECT r.id, s.x FROM differential.things r, LATERAL ROWS FROM (tenancy.row_visible(''logs'', ''view'', r.organization, r.workspace, r.owner, NULL)) s (x)'),
  ('inner join', 'SELECT r.id, q.id FROM %3$s r JOIN differential.asked_again q ON q.n = r.n AND %1$s WHERE NOT %2$s'),
  ('condition of an outer join', 'SELECT q.id, r.id FROM differential.asked_again q LEFT JOIN %3$s r ON q.n = r.n AND %1$s'),
  ('condition on the outer side', 'SELECT r.id, q.id, %1$s AS x FROM %3$s r LEFT JOIN differential.asked_again q ON q.n = r.n AND %1$s'),
  ('NOT on the outer side', 'SELECT r.id, q.id FROM %3$s r LEFT JOIN differential.asked_again q ON q.n = r.n AND NOT %1$s WHERE %1$s OR %2$s'),
  ('row without a partner', 'SELECT q.id, r.id, %1$s AS x, %2$s AS y FROM differential.asked_again q LEFT JOIN %3$s r ON r.id = q.id + 3 AND r.n > 3'),
  ('WHERE above an outer join', 'SELECT q.id, r.id FROM differential.asked_again q LEFT JOIN %3$s r ON r.id = q.id + 3 WHERE %1$s OR (NOT %1$s AND q.n = 2)'),
  ('sub-query without a partner', 'SELECT q.id, s.x FROM differential.asked_again q LEFT JOIN (SELECT r.id, %1$s AS x FROM %3$s r) s ON s.id = q.id + 3'),
  ('full join', 'SELECT r.id, q.id, %1$s AS x FROM %3$s r FULL JOIN differential.asked_again q USING (id, n) WHERE NOT %2$s OR n > 2'),
  ('window', 'SELECT r.id, rank() OVER (ORDER BY %1$s), bool_or(%2$s) OVER (PARTITION BY r.n) FROM %3$s r'),
  ('ORDER BY', 'SELECT DISTINCT ON (%1$s) %1$s AS x FROM %3$s r ORDER BY %1$s, r.id'),
  ('WITH', 'WITH w AS MATERIALIZED (SELECT r.id, %1$s AS x FROM %3$s r WHERE %2$s) SELECT * FROM w'),
  ('UNION ALL below', 'SELECT r.id FROM (SELECT * FROM %3$s WHERE n < 4 UNION ALL SELECT * FROM differential.asked_again) r WHERE %1$s OR NOT %2$s'),
  ('constants below', 'SELECT r.n, %1$s AS x FROM (SELECT t.*, NULL::oid AS tableoid, NULL::tid AS ctid FROM %3$s t UNION ALL SELECT t.*, 1, ''(0,0)'' FROM jsonb_populate_record(NULL::differential.things, ''{"n": 1}'') t) r'),
  ('set operation', 'SELECT r.id FROM %3$s r WHERE %1$s EXCEPT ALL SELECT r.id FROM %3$s r WHERE NOT %2$s'),
  ('array', 'SELECT r.id, ARRAY[%1$s, %2$s] AS x, ROW(%1$s) AS y, (%1$s)::text AS z FROM %3$s r'),
  ('UPDATE', 'WITH w AS (UPDATE differential.things r SET n = CASE WHEN %1$s THEN 1 ELSE 0 END WHERE %2$s RETURNING r.id, r.n) SELECT * FROM w'),
  ('RETURNING', 'WITH w AS (UPDATE differential.things r SET owner = CASE WHEN r.n > 2 THEN r.owner END, workspace = CASE WHEN r.n < 5 THEN r.workspace END WHERE %1$s RETURNING r.id, %1$s AS x) SELECT * FROM w'),
  ('DELETE', 'WITH w AS (DELETE FROM differential.things r USING differential.asked_again q WHERE q.id = r.id AND %1$s AND NOT %2$s RETURNING r.id, %1$s) SELECT * FROM w'),
  ('upsert', 'WITH w AS (INSERT INTO differential.asked_again AS r SELECT * FROM differential.things ON CONFLICT (id) DO UPDATE SET n = -1, owner = NULL WHERE %1$s RETURNING r.id, %1$s AS x) SELECT * FROM w');

CREATE FUNCTION differential.make_calls(wanted int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  context differential.call_contexts;
  chosen text;
  relation text;
  calls text[];
  contexts text[] := ARRAY(SELECT c.context FROM differential.call_contexts c ORDER BY c.context);
  columns text := (SELECT string_agg('r.' || attname, ', ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'differential.things'::regclass AND attnum > 0);
BEGIN
  TRUNCATE differential.calls, differential.call_answers;
  FOR i IN 1..wanted LOOP
    chosen := worlds.pick(contexts);
    SELECT * INTO context FROM differential.call_contexts c WHERE c.context = chosen;
    relation := worlds.pick(ARRAY['differential.things', 'differential.things', 'differential.guarded_things']);
    calls := ARRAY[differential.call(), differential.call(), differential.call(true)];
    INSERT INTO differential.calls
    SELECT i, context.context, format(context.query, calls[1], calls[2], relation, calls[3], columns),
      format(context.query, wrong[1], wrong[2], relation, wrong[3], columns)
    FROM (SELECT array_agg(format('nullif(%s, false)', c)) AS wrong FROM unnest(calls) c) w;
  END LOOP;
END
$$;

-- The same rows under policies of three kinds: as protect() makes them, beside another policy, and the other way round.
CREATE TABLE differential.guarded_things (LIKE differential.things INCLUDING ALL);
GRANT ALL ON differential.guarded_things TO PUBLIC;
ALTER TABLE differential.guarded_things ENABLE ROW LEVEL SECURITY;

CREATE FUNCTION differential.guard_things() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  condition text := worlds.pick(ARRAY['tenancy.row_visible(''logs'', ''view'', organization, workspace, owner, api_key)',
    'tenancy.row_visible(''logs'', ''view'', organization, workspace, owner, NULL)',
    'tenancy.row_visible(''logs'', ''list'', organization, workspace, owner, NULL, true)',
    'tenancy.authorize(''logs'', ''view'', workspace)']);
BEGIN
  DROP POLICY IF EXISTS guard ON differential.guarded_things;
  DROP POLICY IF EXISTS other ON differential.guarded_things;
  EXECUTE format('CREATE POLICY guard ON differential.guarded_things USING (%s)', format(
    worlds.pick(ARRAY['%s', '%s', '%s OR n = 1', 'NOT %s', '%s AND n > 0', 'n = 1 OR (%1$s AND NOT tenancy.authorize(''logs'', ''list'', workspace))',
                      '%s IS NOT NULL AND EXISTS (SELECT FROM differential.asked_again q WHERE q.id = guarded_things.id)']), condition));
  IF worlds.chance(0.3) THEN
    CREATE POLICY other ON differential.guarded_things USING (n = 2);
  END IF;
  TRUNCATE differential.guarded_things;
  INSERT INTO differential.guarded_things SELECT * FROM differential.things;
  ANALYZE differential.guarded_things;
END
$$;
