-- Entries of refusals and reads, which a background worker writes; see docs/design/audit.md.

CREATE FUNCTION tenancy_internal.queue_audit_event(
  action text, resource_type text, resource_id text, organization_id uuid, workspace_id uuid, after jsonb) RETURNS void
LANGUAGE c AS 'MODULE_PATHNAME', 'pg_tenancy_queue_audit_event';
COMMENT ON FUNCTION tenancy_internal.queue_audit_event(text, text, text, uuid, uuid, jsonb) IS 'Leaves an entry of what the session does now, whatever becomes of its transaction, in an organization''s chain of refusals and reads, or in the server''s log where none can be queued; 53000 there with tenancy.audit_fallback refuse';

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

-- Ids and times are not in the order of commits. What a reader has seen is a snapshot: later it gets what has become visible since.
CREATE FUNCTION tenancy.audit_events_since(since text DEFAULT NULL) RETURNS TABLE (watermark text, audit_id bigint, event jsonb)
LANGUAGE tenancy_unit STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  place CONSTANT text := format('%s/%s/', (SELECT s.system_identifier FROM pg_control_system() s),
                                (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()));
  now_seen pg_snapshot := pg_current_snapshot();
  -- Its later entries are still to come: the snapshot, which does not list it, would have them seen.
  own CONSTANT xid8 := pg_current_xact_id_if_assigned();
  seen pg_snapshot;
BEGIN
  IF own < pg_snapshot_xmax(now_seen) THEN
    now_seen := format('%s:%s:%s', least(pg_snapshot_xmin(now_seen), own), pg_snapshot_xmax(now_seen),
      (SELECT string_agg(x::text, ',' ORDER BY x) FROM (SELECT x FROM pg_snapshot_xip(now_seen) x UNION SELECT own) x))::pg_snapshot;
  END IF;
  IF audit_events_since.since IS NULL THEN
    RETURN QUERY
    SELECT place || now_seen, l.audit_id, e.event FROM tenancy.audit_log l JOIN tenancy.audit_log_ocsf e ON e.audit_id = l.audit_id
    WHERE l.transaction_id IS NULL OR pg_visible_in_snapshot(l.transaction_id, now_seen)
    ORDER BY l.audit_id;
    RETURN;
  END IF;
  IF length(audit_events_since.since) > 1000000 OR audit_events_since.since !~ '^[0-9]{1,20}/[0-9]{1,10}/[0-9]{1,19}:[0-9]{1,19}:[0-9,]*$' THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'invalid watermark',
      HINT = 'Give one that tenancy.audit_events_since() has returned, or NULL for all entries.';
  END IF;
  seen := split_part(audit_events_since.since, '/', 3)::pg_snapshot;
  IF NOT starts_with(audit_events_since.since, place) OR pg_snapshot_xmax(seen) > pg_snapshot_xmax(now_seen) THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'the watermark is of another database',
      DETAIL = 'It was returned by another server or database, or by this one before an earlier state of it was restored.',
      HINT = 'Begin anew with NULL: the entries'' ids and hashes tell which ones are known.';
  END IF;
  RETURN QUERY
  SELECT place || now_seen, l.audit_id, e.event FROM tenancy.audit_log l JOIN tenancy.audit_log_ocsf e ON e.audit_id = l.audit_id
  WHERE l.transaction_id >= pg_snapshot_xmin(seen) AND NOT pg_visible_in_snapshot(l.transaction_id, seen)
    AND pg_visible_in_snapshot(l.transaction_id, now_seen)
  ORDER BY l.audit_id;
END
$$;
COMMENT ON FUNCTION tenancy.audit_events_since(text) IS 'Audit entries, as audit_log_ocsf has them, that have become visible since the watermark (NULL: all), each with the next watermark; with the last watermark given each time, every entry that the session may see is returned exactly once, whenever its transaction commits; no rows: keep the watermark. 22023 for a watermark of another database';
