\set ECHO none
-- Answers those of app.questions for which :questions holds, in a new session with :settings, of which :name says what they are. Functions are parsed when a session first
-- calls them.
\c -
\set SHOW_CONTEXT never
SET client_min_messages = error;
-- A parameter of another version of the server is passed over, as is one that can no longer be changed.
SELECT count(set_config(s.key, s.value, false)) FROM jsonb_each_text(:'settings') s
WHERE current_setting(s.key, true) IS NOT NULL AND NOT (s.key = 'standard_conforming_strings' AND current_setting('server_version_num')::int >= 190000) \g /dev/null
INSERT INTO app.answers SELECT :'name', q.n, app.answer(q.login, q.member, q.statements) FROM app.questions q WHERE :questions ORDER BY q.n;
RESET client_min_messages;
\set ECHO all
