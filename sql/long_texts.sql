-- Texts of a megabyte: what the extension says of them, to the client and to the server's log, is short.
DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_tenancy') THEN CREATE EXTENSION pg_tenancy; END IF; END $$;
CREATE ROLE regress_long;
CREATE TABLE long_rows (id int, organization_id uuid);
DO $$ BEGIN PERFORM tenancy.create_organization('Longs', 'olivia@longs.test'), tenancy.protect('long_rows', 'prompts', 'organization_id'); END $$;

-- An argument of a type: the long text, where it can be one.
\set ECHO none
CREATE FUNCTION long_argument(wanted regtype) RETURNS text LANGUAGE sql AS $$
  SELECT CASE WHEN wanted::text IN ('text', '"any"', 'anyelement') THEN '(SELECT long FROM long_text)'
              WHEN wanted = 'text[]'::regtype THEN 'ARRAY[(SELECT long FROM long_text)]'
              WHEN wanted = 'jsonb'::regtype THEN '(SELECT jsonb_build_object(long, long) FROM long_text)'
              WHEN wanted = 'regclass'::regtype THEN '''long_rows''::regclass'
              WHEN wanted = 'regnamespace'::regtype THEN '''public''::regnamespace'
              WHEN wanted = 'boolean'::regtype THEN 'false'
              WHEN wanted = 'integer'::regtype OR wanted = 'bigint'::regtype THEN '1::' || wanted
              ELSE 'NULL::' || wanted END
$$;
\set ECHO all
CREATE TABLE long_text AS SELECT repeat('x', 1000000) AS long;
GRANT SELECT ON long_text TO regress_long;
-- All texts are long, or one of them. Functions of tenancy_internal are not called from outside.
\set ECHO none
CREATE FUNCTION call_with_long_texts() RETURNS TABLE (function text, bytes int) LANGUAGE plpgsql AS $$
DECLARE
  f record;
  message text;
  detail text;
  hint text;
  context text;
BEGIN
  FOR f IN
    SELECT p.oid::regprocedure::text AS name, format('SELECT count(*) FROM %I.%I(%s) r', p.pronamespace::regnamespace, p.proname, a.list) AS call
    FROM pg_proc p
    CROSS JOIN LATERAL generate_series(0, p.pronargs) long_one
    CROSS JOIN LATERAL (
      SELECT string_agg(CASE WHEN u.n <> long_one AND long_one > 0 AND u.type = 'text'::regtype THEN s.short ELSE long_argument(u.type) END, ', ' ORDER BY u.n) AS list,
             bool_or(u.type::regtype::text IN ('text', 'text[]', 'jsonb', '"any"', 'anyelement') AND (long_one = 0 OR u.n = long_one)) AS has_text
      FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY u (type, n),
      LATERAL (SELECT quote_literal((ARRAY['longs', 'prompts', 'view', 'olivia@longs.test', 'logs', 'member', 'owner', 'workspace'])[1 + (u.n + long_one) % 8]) AS short) s) a
    WHERE p.pronamespace::regnamespace::text IN ('tenancy', 'tenancy_steps') AND p.prokind = 'f' AND a.has_text
      AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype, 'internal'::regtype) AND p.proname NOT IN ('stats', 'seal', 'grant_as_user')
      AND NOT p.proargtypes::oid[] && ARRAY['internal'::regtype::oid, 'pg_ddl_command'::regtype::oid]
    ORDER BY 1, 2 LOOP
    BEGIN
      EXECUTE f.call;
      RAISE 'undone';
    EXCEPTION WHEN OTHERS THEN
      GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT, context = PG_EXCEPTION_CONTEXT;
      IF octet_length(message || detail || hint || context) > 20000 THEN
        function := f.name;
        bytes := octet_length(message || detail || hint || context);
        RETURN NEXT;
      END IF;
    END;
  END LOOP;
END
$$;
\set ECHO all
SET client_min_messages = error;
SELECT DISTINCT * FROM call_with_long_texts() ORDER BY 1;
SET ROLE regress_long;
SELECT DISTINCT * FROM call_with_long_texts() ORDER BY 1;
RESET ROLE;
GRANT USAGE ON TYPE tenancy.administrator TO regress_long;
SET ROLE regress_long;
SELECT DISTINCT * FROM call_with_long_texts() ORDER BY 1;
RESET ROLE;
REVOKE USAGE ON TYPE tenancy.administrator FROM regress_long;
DO $$ BEGIN PERFORM tenancy.trust_login(session_user); END $$;
SET tenancy."user" = 'olivia@longs.test';
SELECT DISTINCT * FROM call_with_long_texts() ORDER BY 1;
RESET tenancy."user";
DO $$ BEGIN PERFORM tenancy.unbind_login(session_user); END $$;
RESET client_min_messages;
-- The control: a message of the server's own quotes all of it.
DO $$ BEGIN PERFORM long::int FROM long_text; EXCEPTION WHEN OTHERS THEN RAISE WARNING 'as long as the text: %', length(SQLERRM) > 1000000; END $$;

SELECT tenancy.unprotect('long_rows');
DROP FUNCTION call_with_long_texts, long_argument;
DROP TABLE long_rows, long_text;
SELECT count(*) FROM tenancy.purge_organization('longs');
DROP ROLE regress_long;
