-- Being somebody, asking by every way there is, and comparing. A part of check.sql.

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
