-- Entries of refusals and reads, which a background worker writes; see docs/design/audit.md.

CREATE FUNCTION tenancy_internal.write_audit_events(events jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  e record;
BEGIN
  -- In an order that no other writer's can deadlock with: that of chains.
  FOR e IN SELECT r.*
           FROM jsonb_array_elements(write_audit_events.events) WITH ORDINALITY event (entry, n),
           jsonb_to_record(event.entry)
             r (at timestamptz, organization_id uuid, workspace_id uuid, user_id uuid, api_key_id uuid, actor_kind text, login text,
                client_address inet, action text, resource_type text, resource_id text, outcome text, request_id text, user_agent text, after jsonb)
           ORDER BY r.organization_id, event.n LOOP
    INSERT INTO tenancy.audit_log (audit_id, at, organization_id, workspace_id, actor_kind, actor_id, actor, login, client_address, action,
                                   resource_type, resource_id, after, outcome, request_id, user_agent)
    OVERRIDING SYSTEM VALUE
    SELECT NULL, e.at, e.organization_id, e.workspace_id, e.actor_kind, coalesce(e.api_key_id, e.user_id),
           left(coalesce(nullif(concat_ws(', ', (SELECT u.email FROM tenancy.users u WHERE u.user_id = e.user_id),
                                               (SELECT format('API key "%s", %s', k.name, k.display_prefix) FROM tenancy.api_keys k
                                                WHERE k.api_key_id = e.api_key_id)), ''),
                         CASE WHEN e.organization_id IS NULL THEN e.login ELSE e.actor_kind END), 500),
           e.login, e.client_address, e.action, e.resource_type, e.resource_id, e.after, e.outcome, e.request_id, e.user_agent;
  END LOOP;
END
$$;
COMMENT ON FUNCTION tenancy_internal.write_audit_events(jsonb) IS 'Writes the entries of refusals and reads that the background worker has taken from the queue';
