-- Help: topics, functions, parameters; each example of a topic runs.
\pset format unaligned
\pset tuples_only on
SELECT tenancy.help();
SELECT tenancy.help('protect');
SELECT left(line, 60) FROM tenancy.help('protect()') line LIMIT 2;
SELECT tenancy.help('settings()');
SELECT tenancy.help('revoke_api_key');
SELECT tenancy.help('tenancy.whoami()');
SELECT tenancy.help('tenancy.api_key');
SELECT tenancy.help('Workspace');
\pset tuples_only off
DO $$
DECLARE
  topic text;
  state text;
  message text;
  hint text;
BEGIN
  FOREACH topic IN ARRAY '{protct,unprotct,nothing at all}'::text[] LOOP
    BEGIN
      PERFORM tenancy.help(topic);
    EXCEPTION WHEN OTHERS THEN
      GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
      RAISE NOTICE '% % (%)', state, message, hint;
    END;
  END LOOP;
END
$$;
-- Every topic has an example, and every topic that another one names exists.
SELECT topic FROM tenancy_internal.help_topics() WHERE body !~ '\n  SELECT ';
SELECT t.topic, m[1] FROM tenancy_internal.help_topics() t, regexp_matches(t.body, 'help\(''(\w+)''\)', 'g') m WHERE m[1] NOT IN (SELECT topic FROM tenancy_internal.help_topics());
-- Any login may ask.
CREATE ROLE regress_help;
SET ROLE regress_help;
SELECT count(*) > 10 AS topics FROM tenancy.help();
SELECT count(*) AS undescribed FROM pg_proc p WHERE p.pronamespace = 'tenancy'::regnamespace AND NOT EXISTS (SELECT FROM tenancy.help(p.proname) WHERE help <> '');
RESET ROLE;
DROP ROLE regress_help;

-- The examples, in order, in a database of their own
SET client_min_messages = warning;
CREATE DATABASE regress_help;
\c regress_help
SET client_min_messages = warning;
CREATE EXTENSION pg_tenancy;
\set ON_ERROR_STOP on
\o /dev/null
SELECT string_agg(line, E'\n' ORDER BY t.ordinality, l.ordinality)
FROM tenancy_internal.help_topics() WITH ORDINALITY t, string_to_table(t.body, E'\n') WITH ORDINALITY l (line, ordinality)
WHERE line LIKE '  %' \gset examples_
:examples_string_agg
\o
\echo all examples ran
DROP ROLE help_app, help_ina;
\c contrib_regression
DROP DATABASE regress_help;
