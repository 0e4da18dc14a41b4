-- Spreads the trace over the tenants: each request was made by one API key, and by that key's user where it has one.

CREATE TEMPORARY TABLE producer AS
SELECT v.model, slot, k.organization_id, k.workspace_id, k.user_id, k.api_key_id
FROM (VALUES
  ('chat', 'assistant service', 0, 3),
  ('chat', 'mason', 4, 4),
  ('chat', 'mia', 5, 5),
  ('chat', 'noah', 6, 6),
  ('chat', 'support service', 7, 8),
  ('chat', 'gina', 9, 9),
  ('code', 'code service', 0, 5),
  ('code', 'noah code', 6, 9)
) v (model, api_key, first_slot, last_slot)
JOIN tenancy.api_keys k ON k.name = v.api_key
CROSS JOIN generate_series(v.first_slot, v.last_slot) slot;

INSERT INTO requests (created_at, organization_id, workspace_id, user_id, api_key_id, model, context_tokens, generated_tokens)
SELECT t.timestamp, p.organization_id, p.workspace_id, p.user_id, p.api_key_id, t.model, t.context_tokens, t.generated_tokens
FROM (SELECT *, row_number() OVER (ORDER BY timestamp, model) AS n FROM trace) t
JOIN producer p ON p.model = t.model AND p.slot = t.n * 7919 / 13 % 10
ORDER BY t.n;

VACUUM ANALYZE requests;
