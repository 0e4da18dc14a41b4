-- A query in whose middle the session becomes a colleague with the same rights, over own rows: in the keys of scans, between them, in
-- sub-selects, once or there and back. What comes out must be what the session may see that it has become. The colleague is made up for
-- each attack; rows of mike are canaries to it.
CREATE FUNCTION attacks.turned(who text, value int) RETURNS int LANGUAGE plpgsql STABLE COST 0.0001 AS $$
BEGIN
  PERFORM set_config('tenancy.user', turned.who, true);
  RETURN turned.value;
END
$$;
CREATE PROCEDURE attacks.make_colleague() LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO tenancy.users (user_id, email) VALUES ('cccccccc-0000-4000-8000-0000000000cc', 'max@acme.test');
  PERFORM tenancy.set_organization_role('acme', 'max@acme.test', 'member'), tenancy.set_workspace_role('acme/search', 'max@acme.test', 'member');
  INSERT INTO app.logs (n, organization_id, workspace_id, user_id, amount, body)
  SELECT n, organization_id, workspace_id, 'cccccccc-0000-4000-8000-0000000000cc', amount, 'of max' FROM app.logs WHERE body = 'canary_mike';
  INSERT INTO app.events (n, day, organization_id, workspace_id, user_id, amount, body)
  SELECT n, day, organization_id, workspace_id, 'cccccccc-0000-4000-8000-0000000000cc', amount, 'of max' FROM app.events WHERE body = 'canary_mike';
END
$$;

-- The parameters of the prepared statement: $1 the colleague, $2 who has begun.
INSERT INTO attacks.cases (family, title, script, forbidden, watched, fresh)
SELECT 'switches', concat_ws(', ', t.relation, i.columns, m.condition, s.plan, p.title),
  concat_ws(E'\n', '@as postgres', 'CALL attacks.make_colleague();', format('CREATE INDEX ON %s (%s);', t.relation, i.columns), format('ANALYZE %s;', t.relation),
    '@as att_app ' || CASE p.first WHEN 'mike' THEN 'mike in the app' ELSE 'nobody' END,
    format('SELECT set_config(''tenancy.user'', %L, true) IS NULL;', p.first || '@acme.test'),
    'SET LOCAL plan_cache_mode = force_generic_plan; ' || s.plan,
    format('PREPARE turning (text, text) AS SELECT body FROM %s t WHERE %s;', t.relation, m.condition),
    format('EXECUTE turning (%L, %L);', CASE p.first WHEN 'mike' THEN 'max' ELSE 'mike' END || '@acme.test', p.first || '@acme.test'),
    -- Only a session that is mike's now may have been shown mike's rows.
    'DEALLOCATE turning;'),
  'canary_(globex|theirs|support|org|search' || CASE p.last WHEN 'max' THEN '|mike)' ELSE ')' END, false, false
FROM (VALUES ('app.logs', 'n'), ('app.events', 'n')) t (relation, key),
  (VALUES ('workspace_id, user_id, n, amount'), ('workspace_id, n, user_id, amount'), ('n, amount, user_id'), ('n, user_id, amount'), ('user_id, n')) i (columns),
  (VALUES ('once', 'n >= attacks.turned($1, 0)', 1), ('array', 'n = ANY (ARRAY[attacks.turned($1, 101), 1011, 1012])', 1),
    ('sub-select', 'n >= (SELECT attacks.turned($1, 0))', 1), ('row', '(n, amount) >= (attacks.turned($1, 0), 0)', 1),
    ('later', 'n >= 0 AND (SELECT attacks.turned($1, 0)) = 0', 1),
    ('own condition', 'n >= 0 AND attacks.turned($1, t.n) >= 0', 1), ('of two', 'EXISTS (SELECT FROM app.logs o WHERE o.n = attacks.turned($1, t.n))', 1),
    ('back', 'n >= attacks.turned($1, 0) AND amount >= attacks.turned($2, 0)', 2),
    ('back in arrays', 'n = ANY (ARRAY[attacks.turned($1, 101), 1011, 1012]) AND amount = ANY (ARRAY[attacks.turned($2, 101)])', 2)) m (title, condition, turns),
  (VALUES ('SET LOCAL tenancy.share_plans = on; SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off;'),
    ('SET LOCAL tenancy.share_plans = on; SET LOCAL enable_seqscan = off; SET LOCAL enable_indexscan = off; SET LOCAL enable_indexonlyscan = off;'),
    ('SET LOCAL tenancy.share_plans = on; SET LOCAL enable_indexscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_indexonlyscan = off;'),
    ('SET LOCAL enable_seqscan = off;')) s (plan),
  (VALUES ('to a colleague', 'mike', 1, 'max'), ('by a colleague, there and back', 'max', 2, 'max')) p (title, first, turns, last)
WHERE m.turns = p.turns;
