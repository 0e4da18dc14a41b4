-- Conditions over protected tables and catalogs: functions of the extension, and functions, operators and casts such as anybody can make,
-- in every part of a query, however it is planned.
CREATE TABLE attacks.targets (relation regclass PRIMARY KEY, shown text NOT NULL);
INSERT INTO attacks.targets VALUES ('app.logs', 'body'), ('app.docs', 'body'), ('app.docs_scoped', 'body'), ('app.events', 'body'), ('app.tickets', 'body'), ('app.texts', 'body'), ('app.recent', 'body'), ('app.guarded', 'body'),
  ('theirs.notes', 'body'), ('observability.logs', 'request_model'), ('observability.traces_scoped', 'attributes::text'), ('observability.log_payloads', 'request::text'), ('observability.analytics', 'request_model'),
  ('tenancy.organizations', 'name'), ('tenancy.workspaces', 'name'), ('tenancy.users', 'name'), ('tenancy.api_keys', 'name'), ('tenancy.jwt_keys', 'kid'), ('tenancy.jwt_issuers', 'issuer'), ('tenancy.audit_log', 'after::text'),
  ('tenancy.organization_members', 'user_id::text'), ('tenancy.workspace_members', 'user_id::text'), ('tenancy.grants', 'role_id::text'), ('tenancy.roles', 'name'), ('tenancy.visibility', 'role_id::text'), ('tenancy.workspace_overrides', 'category'), ('tenancy.api_key_scopes', 'api_key_id::text'), ('tenancy.login_bindings', 'login::text');

-- Cheap, so that the planner would rather have them run first.
CREATE FUNCTION attacks.witness(text) RETURNS text IMMUTABLE PARALLEL SAFE COST 0.0001 LANGUAGE plpgsql AS $$ BEGIN IF $1 ~ 'canary' THEN RAISE INFO 'a witness saw %', $1; END IF; RETURN $1; END $$;
CREATE FUNCTION attacks.witnessed(text, text) RETURNS boolean IMMUTABLE PARALLEL SAFE COST 0.0001 LANGUAGE sql AS 'SELECT attacks.witness($1) = attacks.witness($2)';
CREATE OPERATOR attacks.=== (LEFTARG = text, RIGHTARG = text, FUNCTION = attacks.witnessed, RESTRICT = eqsel, JOIN = eqjoinsel);

CREATE FUNCTION attacks.condition(t attacks.targets) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  f attacks.functions;
  call text;
  shown text := 't.' || t.shown;
BEGIN
  -- Conditions that are trusted, which must not say what EXPLAIN may not show: where they use an index, they are evaluated before the policy, on rows of others.
  IF random() < 0.2 THEN
    RETURN format(attacks.pick(ARRAY['%s LIKE ''can%%'' ', '%s LIKE ''can_ry_glob\'' ', '%s LIKE ANY (ARRAY[''can_ry_globex\'', ''x''])', '%s ILIKE ''%%can%%'' ', '%s >= ''canaq'' ', '%s ^@ ''can'' ',
      '%s = ANY (ARRAY[''x'', NULL])', 'NOT %s ~~ ''x%%'' ', 'lower(%s) > ''canaq'' ']), shown);
  END IF;
  IF random() < 0.3 THEN
    RETURN attacks.pick(ARRAY[format('attacks.witness(%s) IS NULL', shown), format('%s OPERATOR(attacks.===) ''x''', shown), format('(SELECT attacks.witness(%s)) = ''x''', shown), format('1 / (length(%s) - 1000) < 0', shown), format('%s::int > 0', shown),
      format('CASE WHEN %s ~ ''^can.ry_g'' THEN 1 / 0 ELSE 1 END = 1', shown), format('attacks.witness(%s) = ANY (ARRAY[%1$s])', shown), format('to_regclass(%s) IS NULL', shown), format('attacks.witness(t::text) IS NOT NULL', shown)]);
  END IF;
  SELECT * INTO f FROM attacks.functions x WHERE NOT x.proretset AND x.prokind = 'f' AND cardinality(x.arguments) > 0
    AND (random() < 0.15 OR x.proname IN ('filter_id', 'plan_guard', 'shape_guard', 'row_visible', 'row_accepted', 'payload_visible', 'authorize', 'current_external_id', 'explain_rows', 'require', 'deny', 'add_audit_entry')) ORDER BY random() LIMIT 1;
  call := attacks.call(f, t.relation);
  RETURN CASE WHEN f.result = 'boolean'::regtype AND random() < 0.6 THEN attacks.pick(ARRAY['', 'NOT ']) || call ELSE format('(%s)::text IS %s NULL', call, attacks.pick(ARRAY['', 'NOT'])) END;
END
$$;

CREATE FUNCTION attacks.query(t attacks.targets) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  c text := attacks.condition(t);
  d text := attacks.condition(t);
  r text := t.relation::text;
  s text := 't.' || t.shown;
BEGIN
  RETURN attacks.pick(ARRAY[
    format('SELECT %s FROM %s t WHERE %s', s, r, c),
    format('SELECT 1 FROM %s t WHERE %s AND %s', r, c, d),
    format('SELECT 1 FROM %s t WHERE %s OR %s', r, c, d),
    format('SELECT count(*) FROM %s t WHERE %s IS NOT NULL AND %s', r, s, c),
    format('SELECT count(*) FILTER (WHERE %s) FROM %s t', c, r),
    format('SELECT %s FROM %s t GROUP BY %1$s HAVING bool_or(%s) ORDER BY 1', s, r, c),
    format('SELECT %s FROM %s t ORDER BY %s, 1', s, r, c),
    format('SELECT DISTINCT (%s)::text FROM %s t ORDER BY 1', c, r),
    format('SELECT 1 FROM %s t LEFT JOIN %1$s q ON %s WHERE %s', r, c, d),
    format('SELECT count(*) FROM %s t FULL JOIN %1$s q ON %s = q.%s AND (%s OR true)', r, s, t.shown, c),
    format('SELECT 1 FROM %s q WHERE EXISTS (SELECT FROM %1$s t WHERE %s)', r, c),
    format('SELECT (SELECT %s) FROM %s t', c, r),
    format('SELECT x FROM %s t, LATERAL (SELECT %s AS x OFFSET 0) l', r, c),
    format('WITH w AS MATERIALIZED (SELECT %s AS x FROM %s t) SELECT * FROM w', c, r),
    format('WITH w AS NOT MATERIALIZED (SELECT * FROM %s) SELECT %s FROM w t WHERE %s', r, s, c),
    format('SELECT rank() OVER (ORDER BY %s) FROM %s t', c, r),
    format('SELECT %s FROM %s t GROUP BY GROUPING SETS ((%1$s), ()) HAVING %3$s', s, r, replace(c, 't.', 't.')),
    format('SELECT * FROM (SELECT %s AS a, (%s)::text AS b FROM %s t) x WHERE b = ''false'' OR a IS NULL', s, c, r),
    format('SELECT count(*) FROM %s t WHERE %s AND %s IN (SELECT q.%s FROM %1$s q)', r, c, s, t.shown),
    format('SELECT * FROM (SELECT (%s)::text AS a FROM %s t UNION SELECT NULL) x', c, r),
    format('SELECT 1 FROM generate_series(1, 2) g LEFT JOIN %s t ON g = 1 WHERE %s OR t IS NULL', r, c),
    format('SELECT %s FROM %s t TABLESAMPLE BERNOULLI (100) WHERE %s', s, r, c),
    format('DELETE FROM %s t WHERE %s', r, c),
    format('UPDATE %s t SET %s = %2$s WHERE %s', r, regexp_replace(t.shown, '::.*', ''), c),
    format('SELECT 1 FROM %s t WHERE %s FOR UPDATE', r, c),
    format('COPY (SELECT 1 FROM %s t WHERE %s) TO STDOUT', r, c),
    format('EXPLAIN (COSTS OFF) SELECT 1 FROM %s t WHERE %s', r, c)]);
END
$$;

-- What PostgreSQL runs before the policies, one function after the other: each argument that a column can be is one.
INSERT INTO attacks.cases (family, title, script, forbidden, fresh)
SELECT 'leakproof', format('%s, %s', p.principal, f.oid::regprocedure),
  attacks.as_script(p.login, p.principal, v.plan, array_agg(format('SELECT 1 FROM %s t WHERE tenancy.%I(%s) IS NOT %s', t.relation, f.proname, c.arguments, v.truth) ORDER BY t.relation::text, c.arguments)), p.forbidden, false
FROM attacks.principals p, attacks.targets t, (VALUES ('SET LOCAL enable_indexscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_indexonlyscan = off;', 'NULL'),
  ('SET LOCAL enable_indexscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL work_mem = ''64kB''; SET LOCAL hash_mem_multiplier = 1;', 'true')) v (plan, truth), attacks.functions f JOIN pg_proc pr ON pr.oid = f.oid AND pr.proleakproof,
LATERAL (
  SELECT string_agg(CASE WHEN u.n = here.n THEN 't.' || quote_ident(here.attname) ELSE coalesce(u.value, 'NULL') END, ', ' ORDER BY u.n) AS arguments
  FROM (SELECT w.n, a.attname, w.type FROM unnest(f.arguments) WITH ORDINALITY w (type, n) JOIN pg_attribute a ON a.attrelid = t.relation AND a.attnum > 0 AND NOT a.attisdropped
          AND (a.atttypid = w.type OR w.type = '"any"'::regtype AND a.attname IN ('body', 'workspace_id', 'name', 'organization_id', 'amount', 'slug', 'email'))) here,
    LATERAL (SELECT w.n, w.type, CASE WHEN w.type = 'text'::regtype THEN quote_literal(CASE WHEN f.proname ~ 'row_' AND w.n = 2 THEN 'view' WHEN f.proname ~ 'row_' THEN 'logs' ELSE 'organization' END)
      WHEN w.type = 'bigint'::regtype THEN '0' WHEN w.type = 'uuid'::regtype THEN '''aaaaaaaa-0000-4000-8000-000000000000''::uuid' WHEN w.type = 'timestamptz'::regtype THEN '''infinity''' WHEN w.type = 'boolean'::regtype THEN 'true' END AS value
      FROM unnest(f.arguments) WITH ORDINALITY w (type, n)) u
  GROUP BY here.n, here.attname) c
WHERE p.principal IN ('nobody', 'search key', 'mike')
GROUP BY p.principal, p.login, p.forbidden, f.oid, f.proname, v.plan;

-- Conditions that the planner derives from equalities of the query and of a policy, or puts into a view: a comparison with a hidden
-- row decides whether a sub-select, or a function without arguments, runs. Comparisons cost nothing, so that lists decide the order.
CREATE TABLE attacks.ids AS SELECT gen_random_uuid() AS z;
GRANT SELECT ON attacks.ids TO PUBLIC;
CREATE FUNCTION attacks.was_compared() RETURNS uuid LANGUAGE plpgsql COST 0.0001 AS $$ BEGIN RAISE INFO 'a witness saw canary_globex'; RETURN NULL; END $$;
INSERT INTO attacks.cases (family, title, script, forbidden, fresh)
SELECT 'derived', format('%s, %s', p.principal, t.relation), attacks.as_script(p.login, p.principal, v.plan, array_agg(s.statement ORDER BY s.statement)), p.forbidden, false
FROM attacks.principals p, attacks.targets t, (VALUES ('SET LOCAL cpu_operator_cost = 0; SET LOCAL enable_indexscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_indexonlyscan = off;'),
  ('SET LOCAL tenancy.share_plans = on; SET LOCAL cpu_operator_cost = 0; SET LOCAL enable_indexscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_indexonlyscan = off;')) v (plan),
LATERAL (
  SELECT format(form, t.relation, format('t.%s >= ''canary_globex'' AND t.%1$s < ''canary_globey''', t.shown), quote_ident(a.attname), quote_ident(coalesce(b.attname, a.attname))) AS statement
  FROM pg_attribute a LEFT JOIN pg_attribute b ON b.attrelid = a.attrelid AND b.atttypid = 'uuid'::regtype AND b.attnum <> a.attnum AND b.attname IN ('organization_id', 'workspace_id', 'user_id'),
    unnest(ARRAY['SELECT 1 FROM %s t WHERE CASE WHEN %s THEN (SELECT attacks.was_compared()) END = t.%I AND t.%3$I = t.%4$I',
      'SELECT 1 FROM %s t, attacks.ids WHERE CASE WHEN %s THEN (SELECT attacks.was_compared()) END = z AND z = t.%I',
      'SELECT 1 FROM attacks.ids LEFT JOIN %s t ON CASE WHEN %s THEN (SELECT attacks.was_compared()) END = z AND z = t.%I',
      'SELECT 1 FROM %s t WHERE CASE WHEN %s THEN (SELECT attacks.was_compared()) IS NULL END AND t.%I IS NOT NULL',
      'SELECT 1 FROM %s t WHERE %s AND attacks.was_compared() IS NULL AND t.%I IS NOT NULL']) form
  WHERE a.attrelid = t.relation AND a.atttypid = 'uuid'::regtype AND a.attname IN ('organization_id', 'workspace_id', 'user_id')) s
WHERE p.principal IN ('nobody', 'search key', 'mike', 'mona', 'olivia', 'acme master') AND t.shown !~ '::'
GROUP BY p.principal, p.login, p.forbidden, t.relation, v.plan;

-- A hidden row whose key is known, in the condition of an upsert.
INSERT INTO attacks.cases (family, title, script, forbidden, fresh)
SELECT 'conflicts', format('%s, %s by %s', p.principal, t.relation, owner.body), format(E'@as postgres\nSELECT id AS k FROM %s WHERE body = %L ORDER BY n LIMIT 1 \\gset\n@as %s %s\n', t.relation, owner.body, p.login, p.principal) ||
  (SELECT string_agg(format(E'INSERT INTO %s AS t (id, n, workspace_id) VALUES (:''k'', 1, ''aaaaaaaa-0000-4000-8000-000000000002'') ON CONFLICT (id) DO UPDATE SET n = 1 WHERE %s;\n', t.relation, c.condition), '' ORDER BY c.condition)
   FROM (SELECT 'attacks.witness(t.body) IS NULL' AS condition UNION SELECT 'CASE WHEN t.body ~ ''globex$'' THEN 1 / 0 ELSE 1 END = 1' UNION SELECT 't.body < ''canary_h''' UNION SELECT attacks.condition(t) FROM generate_series(1, 4 * :rounds) WHERE p.login IS NOT NULL) c), p.forbidden, false
FROM attacks.principals p, attacks.targets t, (VALUES ('canary_globex'), ('canary_support')) owner (body)
WHERE p.principal IN ('nobody', 'search key', 'mike', 'mona') AND t.relation::text IN ('app.logs', 'app.docs');

CREATE PROCEDURE attacks.make_queries(rounds int) LANGUAGE plpgsql AS $$
DECLARE
  attacker attacks.principals;
  mode text;
  plan text;
  t attacks.targets;
  statements text[];
BEGIN
  FOR attacker IN SELECT * FROM attacks.principals WHERE principal IN ('nobody', 'search key', 'mike', 'acme reader', 'mona') LOOP
    FOR mode, plan IN SELECT 'all', unnest(ARRAY['SET LOCAL enable_seqscan = off;', 'SET LOCAL tenancy.share_plans = on; SET LOCAL enable_seqscan = off; SET LOCAL plan_cache_mode = force_generic_plan;'])
      UNION ALL SELECT 'none', 'SET LOCAL enable_seqscan = off;'
      UNION ALL SELECT NULL, unnest(ARRAY['SET LOCAL enable_indexscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_indexonlyscan = off;', 'SET LOCAL enable_seqscan = off;',
      'SET LOCAL tenancy.share_plans = on; SET LOCAL enable_indexscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL constraint_exclusion = on;', 'SET LOCAL work_mem = ''64kB''; SET LOCAL hash_mem_multiplier = 1; SET LOCAL enable_nestloop = off;']) LOOP
      FOR t IN SELECT * FROM attacks.targets LOOP
        statements := '{}';
        FOR i IN 1..3 * rounds LOOP
          statements := statements || attacks.query(t);
        END LOOP;
        INSERT INTO attacks.cases (family, title, script, forbidden, fresh)
        VALUES ('conditions', concat_ws(', ', attacker.principal, t.relation, 'trusted conditions: ' || mode),
          coalesce(format(E'@as postgres\nSET LOCAL tenancy.trusted_conditions = %L;\n', mode), '') || attacks.as_script(attacker.login, attacker.principal, plan, statements), attacker.forbidden, false);
      END LOOP;
    END LOOP;
  END LOOP;
END
$$;
CALL attacks.make_queries(:rounds);
