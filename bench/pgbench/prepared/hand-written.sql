-- A restricted member of a random organization; ids as bench.id() makes them.
\set o random_zipfian(1, :organizations, 1.2)
\set w random(1, 3)
\set workspace :o * 10 + :w
\set workspace_head 10000000 + :workspace * 48271 % 90000000
\set workspace_tail 200000000000 + :workspace
\set user :o * 1000 + 4 * random(0, 1) + :w - 1
\set user_head 10000000 + :user * 48271 % 90000000
\set user_tail 300000000000 + :user
BEGIN;
SELECT set_config('app.principal', (''::text || :user_head || '-0000-4000-8000-' || :user_tail), true);
SELECT created_at, user_id, model, status, prompt_tokens, completion_tokens, cost, latency_ms FROM app.logs WHERE workspace_id = (''::text || :workspace_head || '-0000-4000-8000-' || :workspace_tail)::uuid AND user_id = (''::text || :user_head || '-0000-4000-8000-' || :user_tail)::uuid ORDER BY created_at DESC LIMIT 50;
COMMIT;
