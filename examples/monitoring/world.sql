-- Data for a look at the dashboard: two tenants, a day of requests. Logins olivia (owner), mia (a member restricted to own rows),
-- gus (another tenant), nobody.
CREATE EXTENSION pg_tenancy;
SELECT tenancy.create_observability();
SELECT tenancy.create_organization('Acme', 'olivia@acme.example', 'acme'), tenancy.create_organization('Globex', 'gus@globex.example', 'globex');
SELECT tenancy.create_workspace('acme', 'Assistant'), tenancy.create_workspace('acme', 'Search'), tenancy.create_workspace('globex', 'Lab');
SELECT tenancy.create_user(who || '@acme.example', initcap(who)), tenancy.set_organization_role('acme', who || '@acme.example', 'member'),
       tenancy.set_workspace_role('acme/assistant', who || '@acme.example', 'member') FROM unnest('{mia,noah}'::text[]) who;
SELECT tenancy.set_setting('acme', 'members_view_all_data', false);
SELECT tenancy.create_api_key('workspace_user_key', who || '''s laptop', 'acme', 'assistant', who || '@acme.example') FROM unnest('{mia,noah}'::text[]) who;
SELECT tenancy.create_api_key('workspace_service_key', 'Search service', 'acme', 'search'), tenancy.create_api_key('workspace_service_key', 'Lab service', 'globex', 'lab');
CREATE ROLE olivia LOGIN;
CREATE ROLE mia LOGIN;
CREATE ROLE gus LOGIN;
CREATE ROLE nobody LOGIN;
SELECT tenancy.bind_login('olivia', 'olivia@acme.example'), tenancy.bind_login('mia', 'mia@acme.example'), tenancy.bind_login('gus', 'gus@globex.example');
GRANT USAGE ON SCHEMA observability TO olivia, mia, gus, nobody;
GRANT SELECT ON observability.analytics, observability.log_entries, observability.logs, observability.log_payloads TO olivia, mia, gus, nobody;

SELECT setseed(0.42);
INSERT INTO observability.logs (organization_id, workspace_id, user_id, api_key_id, start_time, end_time, request_model,
                                http_response_status_code, usage_input_tokens, usage_output_tokens, cost)
SELECT k.organization_id, k.workspace_id, k.user_id, k.api_key_id, r.at, r.at + (0.3 + 2 * r.x * r.x) * interval '1 second',
       CASE WHEN r.y < 0.7 THEN 'small' ELSE 'large' END, CASE WHEN r.z < 0.04 THEN 429 WHEN r.z < 0.06 THEN 500 ELSE 200 END,
       200 + (r.x * 2000)::int, 20 + (r.y * 300)::int, round((0.001 + r.x * CASE WHEN r.y < 0.7 THEN 0.004 ELSE 0.03 END)::numeric, 5)
FROM tenancy.api_keys k
CROSS JOIN LATERAL (
  SELECT now() - n * interval '1 minute' AS at, random() AS x, random() AS y, random() AS z
  FROM generate_series(1, 1380) n
  WHERE random() < (0.15 + 0.5 * abs(sin(n / 220.0))) * CASE k.name WHEN 'Lab service' THEN 0.6 WHEN 'Search service' THEN 1.2 ELSE 0.5 END) r
WHERE k.name <> 'Master key';
SELECT observability.refresh_analytics();
