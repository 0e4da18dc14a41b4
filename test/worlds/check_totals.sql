-- The end of a run: statistics, and whether they say that the test was meaningful. A part of check.sql.

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
        VALUES ('refusals', 'refused'), ('refusals', 'error'), ('parallel plans', ''), ('writes', 'UPDATE of a row at odds'), ('writes', 'UPDATE without the action'), ('writes', 'INSERT of what is not stored')) w (subject, detail)
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
