-- Checking the chains of audit entries, and removing entries for good.

-- A deleted organization still has its entries, under its id.
CREATE FUNCTION tenancy_internal.resolve_audited_organization(reference text) RETURNS uuid
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  found_id uuid;
BEGIN
  IF tenancy.is_dba() THEN
    SELECT h.organization_id INTO found_id FROM tenancy.audit_heads h WHERE h.organization_id::text = lower(resolve_audited_organization.reference);
    RETURN coalesce(found_id, tenancy_internal.find_organization(resolve_audited_organization.reference));
  END IF;
  RETURN tenancy_internal.resolve_organization(resolve_audited_organization.reference);
END
$$;
COMMENT ON FUNCTION tenancy_internal.resolve_audited_organization(text) IS 'Id of the organization that a reference names, for a DBA also of one that is gone (by its id); 42704 for none';

CREATE FUNCTION tenancy.verify_audit_log(organization text DEFAULT NULL)
RETURNS TABLE (audit_id bigint, problem text, organization_id uuid)
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  the_organization uuid;
BEGIN
  IF NOT tenancy.is_dba() THEN
    PERFORM tenancy.require('audit_logs', 'list');
  END IF;
  IF verify_audit_log.organization IS NOT NULL OR NOT tenancy.is_dba() THEN
    the_organization := tenancy_internal.resolve_audited_organization(verify_audit_log.organization);
  END IF;
  -- So that a transaction's own entries are not reported as foreign ones.
  SET CONSTRAINTS tenancy.audit_head IMMEDIATE;
  SET CONSTRAINTS tenancy.audit_head DEFERRED;
  -- One query, hence one snapshot: entries and heads of a transaction are seen together or not at all.
  RETURN QUERY
  WITH entries AS (
    SELECT l.audit_id, l.organization_id, l.previous_hash, l.entry_hash, tenancy_internal.audit_entry_hash(l) AS right_hash,
           coalesce(l.chain_id, l.organization_id) AS chain,
           lag(l.entry_hash) OVER chain AS hash_before, lead(l.audit_id) OVER chain IS NULL AS is_last
    FROM tenancy.audit_log l
    WHERE the_organization IS NULL OR l.organization_id = the_organization
    WINDOW chain AS (PARTITION BY coalesce(l.chain_id, l.organization_id) ORDER BY l.audit_id)
  ), heads AS (
    SELECT h.*, coalesce(h.events_of, h.organization_id) AS of_organization FROM tenancy.audit_heads h
    WHERE the_organization IS NULL OR the_organization IN (h.organization_id, h.events_of)
  )
  SELECT e.audit_id, v.problem, e.organization_id
  FROM entries e LEFT JOIN heads h ON h.organization_id = e.chain,
  LATERAL (VALUES
    (e.entry_hash <> e.right_hash, 'the entry was changed'),
    (e.organization_id IS NOT NULL AND h.organization_id IS NULL, 'the chain has no head'),
    (e.previous_hash IS DISTINCT FROM coalesce(e.hash_before, h.anchor_hash) AND h.organization_id IS NOT NULL,
     'the entry does not follow the one before it: entries were removed, added or moved'),
    (e.is_last AND e.audit_id < h.audit_id, 'entries after this one were removed'),
    (e.audit_id > h.audit_id, 'the entry was added behind the head'),
    (e.audit_id = h.audit_id AND e.entry_hash <> h.entry_hash, 'the entry is not the one that the head names')
  ) v (is_so, problem)
  WHERE v.is_so
  UNION ALL
  SELECT h.audit_id, 'all entries were removed', h.of_organization
  FROM heads h
  WHERE h.audit_id > h.anchor_audit_id AND NOT EXISTS (SELECT FROM entries e WHERE e.chain = h.organization_id)
  ORDER BY 3 NULLS FIRST, 1, 2;
END
$$;
COMMENT ON FUNCTION tenancy.verify_audit_log(text) IS 'Where the chain of an organization (NULL: for a DBA of every one, else of the session''s own) is broken: entries changed, removed, added, moved; no rows when it is intact; 42501 without audit_logs.list';

CREATE FUNCTION tenancy_internal.purge_audit_chain(organization_id uuid, until timestamptz, chain_id uuid DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  the_organization CONSTANT uuid := purge_audit_chain.organization_id;
  the_chain CONSTANT uuid := coalesce(purge_audit_chain.chain_id, the_organization);
  first_kept bigint;
  removed bigint;
  last_removed bigint;
  last_entry record;
BEGIN
  -- A head from before this transaction's entries would be outdated.
  SET CONSTRAINTS tenancy.audit_head IMMEDIATE;
  SET CONSTRAINTS tenancy.audit_head DEFERRED;
  PERFORM FROM tenancy.audit_heads h WHERE h.organization_id = the_chain FOR NO KEY UPDATE;
  -- Deletes the beginning of the chain by position, even if the clock has jumped.
  SELECT min(l.audit_id) INTO first_kept FROM tenancy.audit_log l
  WHERE (l.organization_id = the_organization OR (the_organization IS NULL AND l.organization_id IS NULL))
    AND l.chain_id IS NOT DISTINCT FROM purge_audit_chain.chain_id AND l.at >= purge_audit_chain.until;
  SELECT count(*), max(l.audit_id) INTO removed, last_removed FROM tenancy.audit_log l
  WHERE (l.organization_id = the_organization OR (the_organization IS NULL AND l.organization_id IS NULL))
    AND l.chain_id IS NOT DISTINCT FROM purge_audit_chain.chain_id AND (l.audit_id < first_kept OR first_kept IS NULL);
  IF removed = 0 THEN
    RETURN 0;
  END IF;
  SELECT l.audit_id, l.entry_hash INTO last_entry FROM tenancy.audit_log l WHERE l.audit_id = last_removed;

  PERFORM tenancy_internal.add_audit_entry('purge', 'audit_log', coalesce(the_chain::text, 'none'), the_organization,
    after => jsonb_build_object('before', purge_audit_chain.until, 'removed', removed, 'last_audit_id', last_entry.audit_id,
                                'last_entry_hash', encode(last_entry.entry_hash, 'hex')));
  UPDATE tenancy.audit_heads h SET anchor_audit_id = last_entry.audit_id, anchor_hash = last_entry.entry_hash
  WHERE h.organization_id = the_chain;
  DELETE FROM tenancy.audit_log l
  WHERE (l.organization_id = the_organization OR (the_organization IS NULL AND l.organization_id IS NULL))
    AND l.chain_id IS NOT DISTINCT FROM purge_audit_chain.chain_id AND l.audit_id <= last_entry.audit_id;
  RETURN removed;
END
$$;
COMMENT ON FUNCTION tenancy_internal.purge_audit_chain(uuid, timestamptz, uuid) IS 'Removes an organization''s entries (NULL: those without one) up to a time, from its chain of changes or another one, which a new entry records; returns how many';

-- A transaction left open after a change blocks the purge of its own organization's entries only.
CREATE FUNCTION tenancy_internal.purge_free_audit_chain(organization_id uuid, until timestamptz, chain_id uuid DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  the_chain CONSTANT uuid := coalesce(purge_free_audit_chain.chain_id, purge_free_audit_chain.organization_id);
BEGIN
  PERFORM FROM tenancy.organizations o WHERE o.organization_id = purge_free_audit_chain.organization_id FOR NO KEY UPDATE SKIP LOCKED;
  -- One that is gone has left its entries.
  IF FOUND OR NOT EXISTS (SELECT FROM tenancy.organizations o WHERE o.organization_id = purge_free_audit_chain.organization_id) THEN
    PERFORM tenancy_internal.require_current('{tenancy.logging_settings}');
    IF tenancy_internal.is_held(purge_free_audit_chain.organization_id, NULL) THEN
      RETURN 0;
    END IF;
    PERFORM FROM tenancy.audit_heads h WHERE h.organization_id = the_chain FOR NO KEY UPDATE SKIP LOCKED;
    IF FOUND THEN
      RETURN tenancy_internal.purge_audit_chain(purge_free_audit_chain.organization_id, purge_free_audit_chain.until, purge_free_audit_chain.chain_id);
    END IF;
  END IF;
  IF EXISTS (SELECT FROM tenancy.audit_heads h WHERE h.organization_id = the_chain) THEN
    PERFORM tenancy_steps.warning(format('audit entries of organization %s are not purged', purge_free_audit_chain.organization_id),
      detail => 'Another transaction adds entries to its chain.', hint => 'The next purge removes them.');
  END IF;
  RETURN 0;
END
$$;
COMMENT ON FUNCTION tenancy_internal.purge_free_audit_chain(uuid, timestamptz, uuid) IS 'The same, or nothing under a legal hold, nor (with a WARNING) where another transaction changes the organization or adds entries to the chain';

CREATE FUNCTION tenancy.purge_audit_log(before timestamptz, organization text DEFAULT NULL) RETURNS bigint
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  chain record;
  the_organization uuid;
  removed bigint := 0;
BEGIN
  PERFORM tenancy_internal.require_dba();
  IF purge_audit_log.before IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed', MESSAGE = 'a time must be given';
  END IF;
  IF purge_audit_log.organization IS NOT NULL THEN
    the_organization := tenancy_internal.resolve_audited_organization(purge_audit_log.organization);
    PERFORM tenancy_internal.lock_organization(the_organization);
    PERFORM tenancy_internal.check_not_held(the_organization);
    RETURN tenancy_internal.purge_audit_chain(the_organization, purge_audit_log.before, tenancy_internal.events_chain(the_organization))
         + tenancy_internal.purge_audit_chain(the_organization, purge_audit_log.before);
  END IF;
  FOR chain IN SELECT h.organization_id, h.events_of FROM tenancy.audit_heads h
               ORDER BY h.events_of NULLS LAST, h.organization_id LOOP
    removed := removed + tenancy_internal.purge_free_audit_chain(coalesce(chain.events_of, chain.organization_id), purge_audit_log.before,
                                                                 CASE WHEN chain.events_of IS NOT NULL THEN chain.organization_id END);
  END LOOP;
  RETURN removed + tenancy_internal.purge_audit_chain(NULL, purge_audit_log.before);
END
$$;
COMMENT ON FUNCTION tenancy.purge_audit_log(timestamptz, text) IS 'For a DBA: removes audit entries from before a time, of an organization or (NULL) all, and returns their number; an entry in each chain records the actor, the number, and the hash of the last one; with all, organizations whose entries are being written at the moment are skipped with a WARNING, and those under a legal hold without; 55000 for one of these that is named';

CREATE FUNCTION tenancy.purge_expired_audit_entries() RETURNS bigint
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  kept record;
  removed bigint := 0;
BEGIN
  PERFORM tenancy_internal.require_dba();
  FOR kept IN SELECT s.organization_id, clock_timestamp() - s.value::int * interval '24 hours' AS since FROM tenancy.logging_settings s
              WHERE s.setting = 'audit_retention_days'
              ORDER BY s.organization_id LOOP
    removed := removed + tenancy_internal.purge_free_audit_chain(kept.organization_id, kept.since, tenancy_internal.events_chain(kept.organization_id))
                       + tenancy_internal.purge_free_audit_chain(kept.organization_id, kept.since);
  END LOOP;
  RETURN removed;
END
$$;
COMMENT ON FUNCTION tenancy.purge_expired_audit_entries() IS 'For a DBA, as a daily job: removes audit entries that are older than their organization keeps them (audit_retention_days, see set_logging()), and returns their number; organizations under a legal hold, or without that setting, keep theirs, and those whose entries are being written at the moment are skipped with a WARNING';
