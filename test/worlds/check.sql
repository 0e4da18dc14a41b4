-- Compares what every principal of a world gets, by every way there is to ask, with the oracle's answer.
-- A difference raises an exception that names seed, phase, table, principal and rows.

-- The oracle's answers, one line a row.
CREATE TABLE worlds.verdicts (
  n int, t int, id int, may_read boolean, may_update boolean, may_delete boolean, stays boolean, may_insert boolean,
  PRIMARY KEY (n, t, id)
);

-- The expected rows, as sets of ids. refused: an UPDATE finds the row and may not write it.
CREATE TABLE worlds.expected (n int, t int, purpose text, yes int[] NOT NULL, open int[] NOT NULL, PRIMARY KEY (n, t, purpose));

CREATE TABLE worlds.running (seed int, phase text);

-- Statistics of the comparison: `hits` of `total` were seen or allowed. Those of a world are added to totals at its end.
CREATE UNLOGGED TABLE worlds.tallies (subject text, detail text, hits bigint, total bigint);
CREATE TABLE worlds.totals (subject text, detail text, hits bigint, total bigint, PRIMARY KEY (subject, detail));

CREATE VIEW worlds.asked_permissions AS SELECT resource, action FROM tenancy.permissions;
CREATE VIEW worlds.asked_workspaces AS
SELECT organization_id, workspace_id FROM tenancy.workspaces
UNION ALL
SELECT NULL, 'ffffffff-ffff-4fff-bfff-ffffffffffff';

GRANT INSERT ON worlds.tallies TO PUBLIC;

---------------------------------------------------------------------------------------------------------------------
-- Being somebody, and asking
---------------------------------------------------------------------------------------------------------------------

-- Settings are made and taken back in different ways, by turns. Each must tell.
CREATE FUNCTION worlds.become(who int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  p worlds.principals;
  setting record;
  way int := worlds.between(1, 3);
BEGIN
  SELECT * INTO p FROM worlds.principals a WHERE a.n = who;
  EXECUTE format('SET SESSION AUTHORIZATION %I', p.login);
  FOR setting IN VALUES ('tenancy.user', p."user"), ('tenancy.organization', p.organization),
                        ('tenancy.workspace', p.workspace), ('tenancy.api_key', p.api_key), ('tenancy.jwt', p.jwt) LOOP
    IF setting.column2 IS NOT NULL THEN
      PERFORM set_config(setting.column1, setting.column2, way = 3);
    ELSIF way = 2 THEN
      EXECUTE format('RESET tenancy.%I', split_part(setting.column1, '.', 2));  -- "user" is a reserved word
    ELSE
      PERFORM set_config(setting.column1, '', way = 3);
    END IF;
  END LOOP;
END
$$;

CREATE FUNCTION worlds.leave() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  RESET SESSION AUTHORIZATION;
  PERFORM set_config('tenancy.' || setting, '', false) FROM unnest(ARRAY['user', 'organization', 'workspace', 'api_key', 'jwt']) setting;
END
$$;

CREATE FUNCTION worlds.fail(who int, about text, problem text, detail text DEFAULT '') RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  p worlds.principals;
  running worlds.running;
BEGIN
  SELECT * INTO p FROM worlds.principals a WHERE a.n = who;
  SELECT * INTO running FROM worlds.running;
  RAISE EXCEPTION 'seed %, %: %: principal % (%): %', running.seed, running.phase, about, who, p.label, problem
    USING DETAIL = detail || format(E'\nSession: login %s, user "%s", organization "%s", workspace "%s", %s, %s',
      p.login, p."user", p.organization, p.workspace, CASE WHEN p.api_key IS NULL THEN 'no key' ELSE 'a key' END,
      CASE WHEN p.jwt IS NULL THEN 'no token' ELSE 'a token that claims ' || (
        SELECT t.claims::text FROM oracle.tokens t JOIN worlds.tokens w ON w.token = t.token WHERE w.text = p.jwt) END),
      ERRCODE = 'triggered_action_exception';
END
$$;

CREATE FUNCTION worlds.describe(table_number int) RETURNS text LANGUAGE sql AS $$
  SELECT format('table %s (%s; %s)', w.relation,
    (SELECT string_agg(c.meaning || ' ' || c.type, ', ' ORDER BY c.number) FROM worlds.columns c WHERE c.t = w.t), w.protect_call)
  FROM worlds.tables w WHERE w.t = table_number
$$;

CREATE FUNCTION worlds.describe_rows(table_number int, ids int[]) RETURNS text LANGUAGE sql AS $$
  SELECT coalesce(string_agg(format(E'\n  %s: organization %s, workspace %s, owner %s, key %s', r.id, quote_nullable(r.organization),
                                    quote_nullable(r.workspace), quote_nullable(r.owner), quote_nullable(r.api_key)), '' ORDER BY r.id), '')
  FROM (SELECT * FROM oracle.rows r WHERE r.t = table_number AND r.id = ANY (ids) ORDER BY r.id LIMIT 8) r
$$;

CREATE FUNCTION worlds.minus(these int[], those int[]) RETURNS int[] LANGUAGE sql AS $$
  SELECT coalesce(array_agg(i ORDER BY i), '{}') FROM unnest(these) i WHERE i <> ALL (those)
$$;

-- Every id in `must` has to be among the observed ones, and no other but those in `may`.
CREATE FUNCTION worlds.compare(who int, table_number int, path text, observed int[], must int[], may int[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  missing int[] := worlds.minus(must, observed);
  unexpected int[] := worlds.minus(observed, must || may);
BEGIN
  IF missing <> '{}' OR unexpected <> '{}' THEN
    PERFORM worlds.fail(who, worlds.describe(table_number), format('%s: %s rows missing, %s unexpected', path, cardinality(missing), cardinality(unexpected)),
      format('Missing: %s%s', missing, worlds.describe_rows(table_number, missing)) ||
      format(E'\nUnexpected: %s%s', unexpected, worlds.describe_rows(table_number, unexpected)));
  END IF;
END
$$;

CREATE FUNCTION worlds.tally(subject text, detail text, hits bigint, total bigint) RETURNS void LANGUAGE sql AS
  'INSERT INTO worlds.tallies VALUES (subject, detail, hits, total)';

-- Runs a query past the policies, for the session's principal: the function's owner is a superuser, the session isn't.
CREATE FUNCTION worlds.ids_past_policies(query text) RETURNS int[] LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
  ids int[];
BEGIN
  EXECUTE query INTO ids;
  RETURN coalesce(ids, '{}');
END
$$;

CREATE FUNCTION worlds.specialize(wanted boolean) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  PERFORM set_config('tenancy.specialize', wanted::text, false);
END
$$;

CREATE FUNCTION worlds.parallel(wanted boolean) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config(CASE WHEN current_setting('server_version_num')::int < 160000 THEN 'force_parallel_mode' ELSE 'debug_parallel_query' END,
                     CASE WHEN wanted THEN 'on' ELSE 'off' END, false),
          set_config('parallel_setup_cost', CASE WHEN wanted THEN '0' ELSE '1000' END, false),
          set_config('parallel_tuple_cost', CASE WHEN wanted THEN '0' ELSE '0.1' END, false),
          set_config('min_parallel_table_scan_size', CASE WHEN wanted THEN '0' ELSE '8MB' END, false);
END
$$;

-- The rows of a table that the session gets, by one of the ways to ask.
CREATE FUNCTION worlds.observe(path text, table_number int) RETURNS int[] LANGUAGE plpgsql AS $$
DECLARE
  asked worlds.tables;
  query text;
  condition text;
  plan text;
  ids int[];
BEGIN
  SELECT * INTO asked FROM worlds.tables w WHERE w.t = table_number;
  query := 'SELECT array_agg(id ORDER BY id) FROM ' || asked.relation;
  CASE path
  WHEN 'policy' THEN
    EXECUTE query INTO ids;
  WHEN 'prepared' THEN
    EXECUTE format('EXECUTE select_%s', table_number) INTO ids;
  WHEN 'policy, not specialized' THEN
    PERFORM worlds.specialize(false);
    EXECUTE query INTO ids;
    PERFORM worlds.specialize(true);
  WHEN 'explain_rows' THEN
    ids := worlds.ids_past_policies(query || ' WHERE ' || tenancy.explain_rows(asked.relation::regclass));
  WHEN 'expression', 'expression, not specialized' THEN
    SELECT pg_get_expr(p.polqual, p.polrelid) INTO STRICT condition FROM pg_policy p
    WHERE p.polrelid = asked.relation::regclass AND p.polname = 'tenancy_select';
    PERFORM worlds.specialize(path = 'expression');
    ids := worlds.ids_past_policies(format('SELECT array_agg(id ORDER BY id) FILTER (WHERE seen) FROM (SELECT id, %s AS seen FROM %s OFFSET 0) x',
                                           condition, asked.relation));
    PERFORM worlds.specialize(true);
  WHEN 'partitions' THEN
    SELECT 'SELECT array_agg(id ORDER BY id) FROM (' || string_agg('SELECT id FROM ' || p, ' UNION ALL ') || ') x' INTO query
    FROM unnest(asked.partitions) p;
    EXECUTE query INTO ids;
  WHEN 'parallel' THEN
    PERFORM worlds.parallel(true);
    EXECUTE 'EXPLAIN (COSTS OFF, FORMAT JSON) ' || query INTO plan;
    EXECUTE query INTO ids;
    PERFORM worlds.parallel(false);
    PERFORM worlds.tally('parallel plans', '', CASE WHEN plan LIKE '%Gather%' THEN 1 ELSE 0 END, 1);
  END CASE;
  RETURN coalesce(ids, '{}');
END
$$;

-- Runs a command and takes it back. Returns the ids that it gave, or that `lookup` then finds past the policies; or the
-- error's code.
CREATE FUNCTION worlds.attempt(command text, lookup text, OUT ids int[], OUT code text) LANGUAGE plpgsql AS $$
BEGIN
  IF lookup IS NULL THEN
    EXECUTE command INTO ids;
    ids := coalesce(ids, '{}');
  ELSE
    EXECUTE command;
    ids := worlds.ids_past_policies(lookup);
  END IF;
  RAISE EXCEPTION USING ERRCODE = 'WORLD';
EXCEPTION
  WHEN SQLSTATE 'WORLD' THEN NULL;
  WHEN OTHERS THEN code := SQLSTATE;
END
$$;

---------------------------------------------------------------------------------------------------------------------
-- The checks
---------------------------------------------------------------------------------------------------------------------

CREATE FUNCTION worlds.check_rows(who int, table_number int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  expected worlds.expected;
  asked worlds.tables;
  kind text := (SELECT p.kind FROM oracle.principals p WHERE p.n = who);
  stored bigint := (SELECT count(*) FROM oracle.rows r WHERE r.t = table_number AND r.only_n IS NULL);
  by_policy int[];
  paths text[] := ARRAY['prepared', 'explain_rows', 'policy, not specialized'];
  path text;
BEGIN
  SELECT * INTO expected FROM worlds.expected e WHERE e.n = who AND e.t = table_number AND e.purpose = 'read';
  SELECT * INTO asked FROM worlds.tables w WHERE w.t = table_number;
  by_policy := worlds.observe('policy', table_number);
  PERFORM worlds.compare(who, table_number, 'policy against oracle', by_policy, expected.yes, expected.open);

  IF EXISTS (SELECT FROM oracle.relations r WHERE r.t = table_number AND r.kept IS NOT NULL) THEN
    -- The others show one policy, and what is kept is another.
    paths := ARRAY['prepared', 'policy, not specialized'];
    PERFORM worlds.tally('expired rows', CASE WHEN EXISTS (SELECT FROM oracle.expired e WHERE e.t = table_number AND e.id = ANY (by_policy)) THEN 'seen under a hold'
                                              ELSE 'hidden' END, (SELECT count(*) FROM oracle.expired e WHERE e.t = table_number), stored);
  ELSE
    paths := paths || CASE WHEN worlds.chance(0.5) THEN 'expression' ELSE 'expression, not specialized' END;
  END IF;
  IF worlds.chance(0.1) THEN
    paths := paths || 'parallel'::text;
  END IF;
  IF asked.partitions <> '{}' THEN
    paths := paths || 'partitions'::text;
  END IF;
  FOREACH path IN ARRAY paths LOOP
    PERFORM worlds.compare(who, table_number, path || ' against policy', worlds.observe(path, table_number), by_policy, '{}');
    PERFORM worlds.tally('rows by path', path, cardinality(by_policy), stored);
  END LOOP;
  PERFORM worlds.tally('rows by path', 'policy', cardinality(by_policy), stored);
  PERFORM worlds.tally('rows by principal', kind, cardinality(by_policy), stored);
  PERFORM worlds.tally('rows by shape', asked.shape, cardinality(by_policy), stored);
  PERFORM worlds.tally('rows left open by the decisions', '', cardinality(expected.open), stored);
  PERFORM worlds.tally('principals x tables', '', 1, 1);
END
$$;

-- authorize() in each workspace, and without one, for every permission; and in a WHERE clause, where it is simplified.
CREATE FUNCTION worlds.check_authorize(who int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  p oracle.principals;
  need record;
  observed text[];
  expected text[];
BEGIN
  SELECT * INTO p FROM oracle.principals a WHERE a.n = who;
  SELECT array_agg(format('%s.%s in %s', a.resource, a.action, w.workspace_id) ORDER BY a.resource, a.action, w.workspace_id)
           FILTER (WHERE tenancy.authorize(a.resource, a.action, w.workspace_id)),
         array_agg(format('%s.%s in %s', a.resource, a.action, w.workspace_id) ORDER BY a.resource, a.action, w.workspace_id)
           FILTER (WHERE h.resource IS NOT NULL)
  INTO observed, expected
  FROM worlds.asked_permissions a CROSS JOIN worlds.asked_workspaces w
  LEFT JOIN (SELECT DISTINCT resource, action, workspace_id FROM oracle.holds WHERE n = who) h
    ON h.resource = a.resource AND h.action = a.action
    -- what is about the organization is held on it, whatever workspace is named
    AND h.workspace_id IS NOT DISTINCT FROM CASE WHEN NOT oracle.of_organization(a.resource, a.action) THEN w.workspace_id END;
  IF observed IS DISTINCT FROM expected THEN
    PERFORM worlds.fail(who, 'authorize() in a workspace', 'differs from oracle', format(E'Missing: %s\nUnexpected: %s',
      ARRAY(SELECT unnest(expected) EXCEPT SELECT unnest(observed)), ARRAY(SELECT unnest(observed) EXCEPT SELECT unnest(expected))));
  END IF;

  SELECT array_agg(a.resource || '.' || a.action ORDER BY a.resource, a.action) FILTER (WHERE tenancy.authorize(a.resource, a.action)),
         array_agg(a.resource || '.' || a.action ORDER BY a.resource, a.action) FILTER (WHERE oracle.holds_anywhere(who, a.resource, a.action))
  INTO observed, expected
  FROM worlds.asked_permissions a;
  IF observed IS DISTINCT FROM expected THEN
    PERFORM worlds.fail(who, 'authorize() without a workspace', 'differs from oracle', format(E'Missing: %s\nUnexpected: %s',
      ARRAY(SELECT unnest(expected) EXCEPT SELECT unnest(observed)), ARRAY(SELECT unnest(observed) EXCEPT SELECT unnest(expected))));
  END IF;

  FOR need IN SELECT DISTINCT a.resource, a.action FROM oracle.needs a WHERE a.purpose IN ('read', 'insert') ORDER BY 1, 2 LOOP
    EXECUTE format('SELECT array_agg(workspace_id ORDER BY workspace_id)::text[] FROM worlds.asked_workspaces
                    WHERE tenancy.authorize(%L, %L, workspace_id)', need.resource, need.action) INTO observed;
    SELECT array_agg(w.workspace_id ORDER BY w.workspace_id)::text[] INTO expected FROM worlds.asked_workspaces w
    WHERE oracle.holds(who, need.resource, need.action, CASE WHEN NOT oracle.of_organization(need.resource, need.action) THEN w.workspace_id END) IS NOT NULL;
    IF observed IS DISTINCT FROM expected THEN
      PERFORM worlds.fail(who, format('WHERE tenancy.authorize(%L, %L, workspace_id)', need.resource, need.action), 'differs from oracle',
                          format(E'Expected: %s\nObserved: %s', expected, observed));
    END IF;
    PERFORM worlds.tally('workspaces by authorize() in WHERE', '', coalesce(cardinality(observed), 0), (SELECT count(*) FROM worlds.asked_workspaces));
  END LOOP;
END
$$;

CREATE FUNCTION worlds.check_whoami(who int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  p oracle.principals;
  me record;
BEGIN
  SELECT * INTO p FROM oracle.principals a WHERE a.n = who;
  SELECT * INTO STRICT me FROM tenancy.whoami();
  IF (me.kind, me.organization_id, me.user_id, me.api_key_id) IS DISTINCT FROM (p.kind, p.organization_id, p.user_id, p.api_key_id) THEN
    PERFORM worlds.fail(who, 'whoami()', 'differs', format(E'Expected: %s\nObserved: %s', p, me));
  END IF;
END
$$;

-- Past the policies: the function's owner is a superuser, the session isn't.
CREATE FUNCTION worlds.entries_of(organization uuid, with_own boolean) RETURNS text LANGUAGE sql SECURITY DEFINER AS $$
  SELECT format('%s entries, sum %s', count(*), sum(l.audit_id)) FROM tenancy.audit_log l WHERE l.organization_id = organization
    AND (with_own OR l.transaction_id IS DISTINCT FROM pg_current_xact_id_if_assigned())
$$;

CREATE FUNCTION worlds.check_audit(who int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  may_list boolean := oracle.holds(who, 'audit_logs', 'list', NULL) IS NOT NULL;
  organization CONSTANT uuid := (SELECT p.organization_id FROM oracle.principals p WHERE p.n = who AND may_list);
  source text;
  expected text;
  observed text;
BEGIN
  FOREACH source IN ARRAY ARRAY['tenancy.audit_log', 'tenancy.audit_log_ocsf', 'tenancy.audit_events_since()'] LOOP
    -- Those of the transaction itself are for the next call after it.
    expected := worlds.entries_of(organization, source <> 'tenancy.audit_events_since()');
    EXECUTE format('SELECT format(''%%s entries, sum %%s'', count(*), sum(l.audit_id)) FROM %s l', source) INTO observed;
    IF observed IS DISTINCT FROM expected THEN
      PERFORM worlds.fail(who, source, 'differs from oracle', format(E'Expected: %s\nObserved: %s', expected, observed));
    END IF;
  END LOOP;
  PERFORM worlds.tally('audit entries', '', CASE WHEN observed LIKE '0 %' THEN 0 ELSE 1 END, 1);
END
$$;

CREATE FUNCTION worlds.value_of(line oracle.rows, meaning text) RETURNS text LANGUAGE sql AS $$
  SELECT CASE meaning WHEN 'organization' THEN line.organization WHEN 'workspace' THEN line.workspace
                      WHEN 'owner' THEN line.owner WHEN 'api_key' THEN line.api_key END
$$;

-- One row at a time: INSERT, with all columns or by default, and UPDATE of what says whose row it is.
CREATE FUNCTION worlds.check_candidates(who int, table_number int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  name text := (SELECT w.relation FROM worlds.tables w WHERE w.t = table_number);
  candidate record;
  command text;
  lookup text;
  outcome record;
  kind text;
BEGIN
  FOR candidate IN
    SELECT c.id, c.old_id, c.by_default, c.parent_id, columns.*,
      CASE WHEN c.old_id IS NULL THEN new.may_insert
           -- Its note differs from the default: to another place, the row moves only with the action of that column in both
           -- (column_actions.sql), and owner and key may change without.
           WHEN (old.may_delete AND new.may_delete) IS NOT TRUE AND (SELECT w.note_needs_delete FROM worlds.tables w WHERE w.t = table_number)
             AND old.may_read AND old.may_update AND new.stays AND new.may_read THEN NULL
           ELSE old.may_read AND old.may_update AND new.stays AND new.may_read END AS allowed
    FROM worlds.candidates c
    JOIN oracle.rows r ON r.t = c.t AND r.id = c.id
    JOIN worlds.verdicts new ON new.n = c.n AND new.t = c.t AND new.id = c.id
    LEFT JOIN worlds.verdicts old ON old.n = c.n AND old.t = c.t AND old.id = c.old_id
    CROSS JOIN LATERAL (SELECT
        string_agg(format(', %I', m.name), '' ORDER BY m.number) AS names,
        string_agg(format(', %L', worlds.value_of(r, m.meaning)), '' ORDER BY m.number) AS values,
        string_agg(format('%I = %L', m.name, worlds.value_of(r, m.meaning)), ', ' ORDER BY m.number) AS assignments,
        string_agg(format(' AND %I IS NOT DISTINCT FROM %L', m.name, worlds.value_of(r, m.meaning)), '' ORDER BY m.number) AS conditions
      FROM worlds.columns m WHERE m.t = c.t) columns
    WHERE c.n = who AND c.t = table_number ORDER BY c.id
  LOOP
    lookup := format('SELECT array_agg(id) FROM %s WHERE id = %s%s', name, candidate.id, candidate.conditions);
    IF candidate.parent_id IS NOT NULL AND candidate.old_id IS NULL THEN
      kind := 'INSERT below a parent';
      command := format('INSERT INTO %s (id, parent_id) VALUES (%s, %s)', name, candidate.id, candidate.parent_id);
    ELSIF candidate.parent_id IS NOT NULL THEN
      kind := 'UPDATE of the parent';
      command := format('WITH changed AS (UPDATE %s SET parent_id = %s WHERE id = %s RETURNING id) SELECT array_agg(id) FROM changed',
                        name, candidate.parent_id, candidate.old_id);
      lookup := NULL;
    ELSIF candidate.by_default THEN
      kind := 'INSERT by default';
      command := format('INSERT INTO %s (id) VALUES (%s)', name, candidate.id);
    ELSIF candidate.old_id IS NULL THEN
      kind := 'INSERT';
      command := format('INSERT INTO %s (id%s) VALUES (%s%s)', name, candidate.names, candidate.id, candidate.values);
    ELSE
      kind := 'UPDATE of place';
      command := format('WITH changed AS (UPDATE %s SET %s WHERE id = %s RETURNING id) SELECT array_agg(id) FROM changed',
                        name, candidate.assignments, candidate.old_id);
      lookup := NULL;
    END IF;
    outcome := worlds.attempt(command, lookup);
    -- an id that the column's type doesn't take is an error before it is a refusal
    IF outcome.code IS NOT NULL AND outcome.code <> '42501' AND NOT (candidate.by_default AND outcome.code LIKE '22%')
       OR candidate.allowed AND coalesce(outcome.ids, '{}') = '{}'
       OR NOT candidate.allowed AND coalesce(outcome.ids, '{}') <> '{}'
       OR NOT candidate.allowed AND candidate.old_id IS NULL AND outcome.code IS NULL THEN
      PERFORM worlds.fail(who, worlds.describe(table_number), format('%s: expected %s, got %s', kind,
          CASE WHEN candidate.allowed THEN 'success' WHEN NOT candidate.allowed THEN 'refusal' ELSE 'success or 42501' END,
          coalesce('error ' || outcome.code, 'rows ' || outcome.ids::text)),
        command || E'\nRows before and after:' || worlds.describe_rows(table_number, ARRAY[candidate.old_id, candidate.id]));
    END IF;
    PERFORM worlds.tally('writes', kind, CASE WHEN outcome.ids <> '{}' THEN 1 ELSE 0 END, 1);
    PERFORM worlds.tally('writes by principal', (SELECT p.kind FROM oracle.principals p WHERE p.n = who),
                         CASE WHEN outcome.ids <> '{}' THEN 1 ELSE 0 END, 1);
  END LOOP;
END
$$;

-- All rows at once: UPDATE of what doesn't matter, DELETE.
CREATE FUNCTION worlds.check_bulk_writes(who int, table_number int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  name text := (SELECT w.relation FROM worlds.tables w WHERE w.t = table_number);
  stored bigint := (SELECT count(*) FROM oracle.rows r WHERE r.t = table_number AND r.only_n IS NULL);
  expected worlds.expected;
  refused worlds.expected;
  deletable worlds.expected;
  only_updatable int[] := '{}';
  outcome record;
BEGIN
  SELECT * INTO expected FROM worlds.expected e WHERE e.n = who AND e.t = table_number AND e.purpose = 'update';
  SELECT * INTO refused FROM worlds.expected e WHERE e.n = who AND e.t = table_number AND e.purpose = 'refused update';
  IF (SELECT w.note_needs_delete FROM worlds.tables w WHERE w.t = table_number) THEN
    SELECT * INTO deletable FROM worlds.expected e WHERE e.n = who AND e.t = table_number AND e.purpose = 'delete';
    only_updatable := ARRAY(SELECT id FROM unnest(expected.yes) id WHERE id <> ALL (deletable.yes) ORDER BY id);
    expected.yes := ARRAY(SELECT id FROM unnest(expected.yes) id WHERE id = ANY (deletable.yes) ORDER BY id);
  END IF;
  outcome := worlds.attempt(format('WITH changed AS (UPDATE %s SET note = ''changed'' WHERE id <> ALL (%L) RETURNING id)
    SELECT array_agg(id ORDER BY id) FROM changed', name, refused.yes || refused.open || expected.open || only_updatable), NULL);
  IF outcome.code IS NOT NULL THEN
    PERFORM worlds.fail(who, worlds.describe(table_number), 'UPDATE: error ' || outcome.code);
  END IF;
  PERFORM worlds.compare(who, table_number, 'UPDATE against oracle', outcome.ids, expected.yes, '{}');
  PERFORM worlds.tally('writes', 'rows by UPDATE', cardinality(outcome.ids), stored);

  only_updatable := ARRAY(SELECT id FROM unnest(only_updatable) id WHERE id <> ALL (deletable.open));
  IF only_updatable <> '{}' THEN
    outcome := worlds.attempt(format('UPDATE %s SET note = ''changed'' WHERE id = %s', name, only_updatable[1]), 'SELECT NULL::int[]');
    IF outcome.code IS DISTINCT FROM '42501' THEN
      PERFORM worlds.fail(who, worlds.describe(table_number), 'UPDATE of a column that needs an action: expected refusal, got ' || coalesce(outcome.code, 'none'),
                          'Row:' || worlds.describe_rows(table_number, only_updatable[1:1]));
    END IF;
    PERFORM worlds.tally('writes', 'UPDATE without the action', 0, 1);
  END IF;

  IF refused.yes <> '{}' THEN
    outcome := worlds.attempt(format('UPDATE %s SET note = ''changed'' WHERE id = %s', name, refused.yes[1]), 'SELECT NULL::int[]');
    IF outcome.code IS DISTINCT FROM '42501' THEN
      PERFORM worlds.fail(who, worlds.describe(table_number), 'UPDATE: expected refusal, got ' || coalesce(outcome.code, 'none'),
                          'Row:' || worlds.describe_rows(table_number, refused.yes[1:1]));
    END IF;
    PERFORM worlds.tally('writes', 'UPDATE of a row at odds', 0, 1);
  END IF;

  SELECT * INTO expected FROM worlds.expected e WHERE e.n = who AND e.t = table_number AND e.purpose = 'delete';
  outcome := worlds.attempt(format('WITH gone AS (DELETE FROM %s RETURNING id) SELECT array_agg(id ORDER BY id) FROM gone', name), NULL);
  IF outcome.code IS NOT NULL THEN
    PERFORM worlds.fail(who, worlds.describe(table_number), 'DELETE: error ' || outcome.code);
  END IF;
  PERFORM worlds.compare(who, table_number, 'DELETE against oracle', outcome.ids, expected.yes, expected.open);
  PERFORM worlds.tally('writes', 'rows by DELETE', cardinality(outcome.ids), stored);
END
$$;

-- A refused principal gets the error in every query; one that has lost all rights gets the error or no rows.
CREATE FUNCTION worlds.check_refusal(who int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  wanted text := (SELECT p.status FROM worlds.principals p WHERE p.n = who);
  question record;
  outcome record;
BEGIN
  FOR question IN
    SELECT format('SELECT array_agg(id) FROM %s', t.relation) AS command FROM worlds.tables t
    UNION ALL
    SELECT format('EXECUTE select_%s', t.t) FROM worlds.tables t
    UNION ALL
    SELECT format('SELECT array_agg(1) FROM worlds.asked_workspaces WHERE tenancy.authorize(%L, ''list'', workspace_id)', r.resource)
    FROM oracle.relations r WHERE r.resource <> 'analytics'
  LOOP
    outcome := worlds.attempt(question.command, NULL);
    IF NOT coalesce(CASE wanted
      WHEN 'refused' THEN outcome.code = '28000'
      WHEN 'error' THEN outcome.code IN ('28000', '22023', '42501')
      WHEN 'powerless' THEN outcome.ids = '{}' OR outcome.code IN ('28000', '22023', '42501', '42704')
    END, false) THEN
      PERFORM worlds.fail(who, question.command, format('%s principal got %s', wanted, coalesce(outcome.code, outcome.ids::text)));
    END IF;
    PERFORM worlds.tally('refusals', wanted, CASE WHEN outcome.code IS NOT NULL THEN 1 ELSE 0 END, 1);
  END LOOP;
END
$$;

---------------------------------------------------------------------------------------------------------------------
-- The course of a world
---------------------------------------------------------------------------------------------------------------------

CREATE FUNCTION worlds.ask_oracle(share float, writes float) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  TRUNCATE worlds.principals, oracle.principals, worlds.candidates, worlds.verdicts, worlds.expected;
  DELETE FROM oracle.rows WHERE only_n IS NOT NULL;
  PERFORM worlds.list_users();
  PERFORM worlds.list_keys();
  PERFORM worlds.list_tokens();
  PERFORM worlds.list_logins();
  WITH gone AS (DELETE FROM worlds.principals WHERE NOT worlds.chance(share) RETURNING n)
  DELETE FROM oracle.principals p USING gone WHERE p.n = gone.n;
  PERFORM worlds.make_candidates(n, writes) FROM (SELECT n FROM worlds.principals WHERE status = 'accepted' ORDER BY n) p;
  ANALYZE oracle.principals, oracle.relations, oracle.rows;
  PERFORM oracle.answer();
  INSERT INTO worlds.verdicts
  SELECT n, t, id, bool_or(answer) FILTER (WHERE purpose = 'read'), bool_or(answer) FILTER (WHERE purpose = 'update'),
         bool_or(answer) FILTER (WHERE purpose = 'delete'), bool_or(answer) FILTER (WHERE purpose = 'stay'),
         bool_or(answer) FILTER (WHERE purpose = 'insert')
  -- A right can come by several ways. None of them may say no for another that leaves it open: bool_or() ignores NULL.
  FROM (SELECT n, t, id, purpose, CASE WHEN bool_or(answer) OR bool_and(answer IS NOT NULL) THEN bool_or(answer) END AS answer
        FROM oracle.answers GROUP BY n, t, id, purpose) a
  GROUP BY n, t, id;
  INSERT INTO worlds.expected
  SELECT v.n, v.t, a.purpose, coalesce(array_agg(v.id ORDER BY v.id) FILTER (WHERE a.answer), '{}'),
         coalesce(array_agg(v.id ORDER BY v.id) FILTER (WHERE a.answer IS NULL), '{}')
  FROM worlds.verdicts v JOIN oracle.rows r ON r.t = v.t AND r.id = v.id AND r.only_n IS NULL,
    LATERAL (VALUES ('read', v.may_read), ('update', v.may_read AND v.may_update AND v.stays),
                    ('refused update', v.may_read AND v.may_update AND NOT v.stays), ('delete', v.may_read AND v.may_delete)) a (purpose, answer)
  GROUP BY v.n, v.t, a.purpose;
  ANALYZE worlds.verdicts, worlds.expected;
END
$$;

-- Checks a share of the principals, one after the other in this session, and of the tables also by writing to them.
CREATE FUNCTION worlds.check(new_phase text, share float, writes float) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  p worlds.principals;
  relation record;
BEGIN
  UPDATE worlds.running r SET phase = new_phase;
  PERFORM worlds.ask_oracle(share, writes);
  PERFORM worlds.check_kept();
  FOR p IN SELECT * FROM worlds.principals ORDER BY n LOOP
    PERFORM worlds.become(p.n);
    IF p.jwt IS NOT NULL THEN
      PERFORM worlds.tally('tokens', coalesce(substring(p.label FROM ', (.*)'), 'good'), 1, 1);
    END IF;
    IF p.status = 'accepted' THEN
      IF worlds.chance(0.3) THEN
        PERFORM worlds.check_whoami(p.n);
      END IF;
      FOR relation IN SELECT t FROM worlds.tables ORDER BY t LOOP
        PERFORM worlds.check_rows(p.n, relation.t);
        IF EXISTS (SELECT FROM worlds.candidates c WHERE c.n = p.n AND c.t = relation.t) THEN
          PERFORM worlds.check_candidates(p.n, relation.t);
          PERFORM worlds.check_bulk_writes(p.n, relation.t);
        END IF;
      END LOOP;
      IF worlds.chance(0.2) THEN
        PERFORM worlds.check_authorize(p.n);
      END IF;
      IF worlds.chance(0.2) THEN
        PERFORM worlds.check_audit(p.n);
      END IF;
    ELSE
      PERFORM worlds.check_refusal(p.n);
    END IF;
    IF worlds.chance(0.5) THEN
      RESET SESSION AUTHORIZATION;
    END IF;
  END LOOP;
  PERFORM worlds.leave();
END
$$;

CREATE FUNCTION worlds.prepare() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  relation record;
BEGIN
  EXECUTE format('SET SESSION AUTHORIZATION %I', worlds.login('trusted'));
  FOR relation IN SELECT w.t, w.relation FROM worlds.tables w LOOP
    EXECUTE format('PREPARE select_%s AS SELECT array_agg(id ORDER BY id) FROM %s', relation.t, relation.relation);
  END LOOP;
  RESET SESSION AUTHORIZATION;
END
$$;

-- Worlds `first`, `first + step`, ... up to `last`, each checked when it is new, and again as rights change: in a
-- transaction that is rolled back, after it, and in one that is committed. All in one session, whose prepared
-- statements live through it.
CREATE PROCEDURE worlds.run(first int, last int, step int) LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('jit', 'off', false);
  PERFORM set_config('plan_cache_mode', 'force_generic_plan', false);
  FOR seed IN first..last BY step LOOP
    DELETE FROM worlds.running;
    INSERT INTO worlds.running VALUES (seed);
    PERFORM worlds.generate(seed);
    PERFORM worlds.prepare();
    COMMIT;
    PERFORM worlds.check('new world', 1, 0.4);
    COMMIT;
    PERFORM worlds.change() FROM generate_series(1, 3);
    PERFORM worlds.check('changed, not yet committed', 0.25, 0.1);
    ROLLBACK;
    PERFORM worlds.check('rolled back', 0.2, 0.1);
    COMMIT;
    PERFORM worlds.change() FROM generate_series(1, 4);
    COMMIT;
    PERFORM worlds.check('changed and committed', 0.4, 0.1);
    COMMIT;
    DEALLOCATE ALL;
    PERFORM worlds.remove();
    INSERT INTO worlds.totals AS t
    SELECT subject, detail, sum(hits), sum(total) FROM worlds.tallies GROUP BY subject, detail
    UNION ALL SELECT 'worlds', '', 1, 1
    ON CONFLICT (subject, detail) DO UPDATE SET hits = t.hits + excluded.hits, total = t.total + excluded.total;
    TRUNCATE worlds.tallies;
    COMMIT;
  END LOOP;
END
$$;

---------------------------------------------------------------------------------------------------------------------
-- The end of a run
---------------------------------------------------------------------------------------------------------------------

CREATE TABLE worlds.other_totals (LIKE worlds.totals);  -- those of the session beside this one

CREATE VIEW worlds.all_totals AS
SELECT subject, detail, sum(hits)::bigint AS hits, sum(total)::bigint AS total
FROM (SELECT * FROM worlds.totals UNION ALL SELECT * FROM worlds.other_totals) t
GROUP BY subject, detail;

-- Minimum coverage of a run of many worlds, in both directions, for the test to be meaningful.
CREATE FUNCTION worlds.unmet() RETURNS SETOF text LANGUAGE sql AS $$
  WITH wanted (subject, detail) AS (
    SELECT subject, kind FROM (VALUES ('rows by principal'), ('writes by principal')) s (subject),
      unnest(ARRAY['user', 'organization_service_key', 'workspace_service_key', 'workspace_user_key', 'jwt']) kind
    UNION ALL
    SELECT 'rows by shape', level || owner || key
    FROM unnest(ARRAY['organization', 'workspace', 'organization, workspace']) level,
         unnest(ARRAY['', ', owner']) owner, unnest(ARRAY['', ', key']) key
    UNION ALL
    SELECT 'rows by path', unnest(ARRAY['policy', 'prepared', 'explain_rows', 'policy, not specialized', 'expression',
                                        'expression, not specialized', 'partitions', 'parallel'])
    UNION ALL
    SELECT 'writes', unnest(ARRAY['INSERT', 'INSERT by default', 'INSERT below a parent', 'UPDATE of place', 'UPDATE of the parent', 'rows by UPDATE', 'rows by DELETE'])
    UNION ALL
    SELECT 'workspaces by authorize() in WHERE', ''
    UNION ALL
    SELECT 'audit entries', ''
    UNION ALL
    SELECT 'content', unnest(ARRAY['content', 'metadata', 'nothing'])
    UNION ALL
    VALUES ('expired rows', 'hidden'), ('expired rows', 'seen under a hold'), ('rows kept by the job', ''), ('places under a hold', ''))
  SELECT format('%s: %s: %s of %s', subject, detail, coalesce(hits, 0), coalesce(total, 0))
  FROM wanted LEFT JOIN worlds.all_totals USING (subject, detail)
  WHERE coalesce(hits, 0) = 0 OR hits = total
  UNION ALL
  SELECT format('%s: %s', w.subject, w.detail)
  FROM (SELECT 'tokens', unnest(ARRAY['good', 'narrowed', 'expired', 'not valid yet', 'signed by another organization', 'claims changed',
                                      'key removed', 'meant for others', 'and a key at once'])
        UNION ALL
        VALUES ('refusals', 'refused'), ('refusals', 'error'), ('parallel plans', ''), ('writes', 'UPDATE of a row at odds'), ('writes', 'UPDATE without the action')) w (subject, detail)
  WHERE NOT EXISTS (SELECT FROM worlds.all_totals t
                    WHERE t.subject = w.subject AND t.detail = w.detail AND (t.hits > 0 OR t.detail IN ('UPDATE of a row at odds', 'UPDATE without the action')))
  UNION ALL
  SELECT format('rows by principal: nobody saw %s rows', hits) FROM worlds.all_totals
  WHERE subject = 'rows by principal' AND detail = 'anonymous' AND hits > 0
$$;

CREATE FUNCTION worlds.report() RETURNS SETOF text LANGUAGE sql AS $$
  SELECT format('%-70s %12s of %12s', subject || CASE WHEN detail = '' THEN '' ELSE ': ' || detail END, hits, total)
  FROM worlds.all_totals WHERE subject NOT IN ('worlds', 'principals x tables')
  ORDER BY 1
$$;

CREATE FUNCTION worlds.summary() RETURNS text LANGUAGE sql AS $$
  SELECT format('ok: %s worlds, %s principals × tables checked, %s rows compared',
    max(hits) FILTER (WHERE subject = 'worlds'), max(hits) FILTER (WHERE subject = 'principals x tables'),
    sum(total) FILTER (WHERE subject = 'rows by path'))
  FROM worlds.all_totals
$$;

GRANT SELECT ON ALL TABLES IN SCHEMA worlds, oracle TO PUBLIC;
