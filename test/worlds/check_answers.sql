-- Checks of what a principal reads: rows, rights, itself, the audit log, or a refusal. A part of check.sql.

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
