-- advise(): gaps in the protection, slow policies, and the SQL that fixes them.
--
-- Each rule is a function advice_RULE() in one of the files 91_advise_*.sql and a line of advice_rules(). Intended findings are
-- accepted by name, with a reason.

CREATE FUNCTION tenancy_internal.bypasses_row_security(role oid) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT r.rolsuper OR r.rolbypassrls FROM pg_roles r WHERE r.oid = bypasses_row_security.role
$$;
COMMENT ON FUNCTION tenancy_internal.bypasses_row_security(oid) IS 'Whether no policy applies to a role';

-- Tables come with names and owners of their own, and whoever owns one may have made it in order that somebody else runs the fix.
CREATE FUNCTION tenancy_internal.fix_within(fix text, cause oid, changed oid) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT CASE WHEN pg_has_role(fix_within.cause, fix_within.changed, 'USAGE') THEN fix_within.fix END
$$;
COMMENT ON FUNCTION tenancy_internal.fix_within(text, oid, oid) IS 'The SQL that mends a finding, or NULL where it changes what belongs to another role than the owner of the table that the finding comes from, whose rights that owner has not';

CREATE FUNCTION tenancy_internal.relations_above(relation regclass)
RETURNS TABLE (above regclass, kind "char", owner oid, directly boolean)
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  WITH RECURSIVE above AS (
    SELECT r.ev_class FROM pg_depend d JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
    WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = relations_above.relation AND r.ev_class <> relations_above.relation
    UNION
    SELECT r.ev_class FROM above a
    JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = a.ev_class
    JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid AND r.ev_class <> a.ev_class
  )
  SELECT c.oid::regclass, c.relkind, c.relowner, EXISTS (
    SELECT FROM pg_rewrite r JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
    WHERE r.ev_class = c.oid AND d.refclassid = 'pg_class'::regclass AND d.refobjid = relations_above.relation)
  FROM above a JOIN pg_class c ON c.oid = a.ev_class
$$;
COMMENT ON FUNCTION tenancy_internal.relations_above(regclass) IS 'Views and materialized views that read a table, directly or through each other, and which of them do directly';

CREATE FUNCTION tenancy_internal.without_numbers(problem text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT regexp_replace(without_numbers.problem, '[0-9]+', '#', 'g')
$$;
COMMENT ON FUNCTION tenancy_internal.without_numbers(text) IS 'A problem that advise() has found, as it is recognized when a count in it has changed';

CREATE FUNCTION tenancy.advice_rules() RETURNS TABLE (rule text, finds text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  VALUES
    ('protection_broken', 'Protected tables whose policies are not as protect() made them'),
    ('unrecorded_protection', 'Tables with the policies of a protected one that tenancy.protected_tables does not know'),
    ('row_security_not_enabled', 'Tables that force row security without enabling it'),
    ('unprotected_partition', 'Partitions and children of protected tables that are not protected themselves'),
    ('unprotected_table', 'Tables that are not protected and have columns called like tenant columns'),
    ('closed_table', 'Tables that guard rails have closed'),
    ('open_table', 'Tables that have the name of a protected one, and stand open'),
    ('open_copy', 'Copies of protected tables that stand open'),
    ('unknown_name', 'Protected tables whose name is not remembered, or for another role, and names of roles that are gone'),
    ('stale_record', 'Protected tables of which tenancy.protected_tables has other columns than their policies'),
    ('dropped_default', 'Columns of protected tables that protect() fills in, without their default'),
    ('unprotected_parent', 'Parents through which rows of protected tables can be read'),
    ('foreign_type', 'Protected tables with columns whose type belongs to a role without the rights of the table''s owner'),
    ('foreign_partition', 'Foreign tables that are part of protected ones'),
    ('hypertable', 'Protected tables whose chunks are made without DDL'),
    ('distributed_table', 'Protected tables that Citus distributes otherwise than distribute()'),
    ('cluster_node', 'Nodes of Citus that cannot have tenants'' rows'),
    ('unusable_resource', 'Protected tables whose resource has no permission to read, or none to write'),
    ('child_table', 'Tables that know their tenant only by the rows that they refer to'),
    ('policy_with_subselect', 'Policies that ask a protected table in a sub-select'),
    ('foreign_key_across_tenants', 'Foreign keys that let a row hang on another tenant''s'),
    ('bypassing_login', 'Logins to which no policy applies, or none after SET ROLE'),
    ('filtered_owner', 'Logins with the rights of an owner of protected tables, to whom row security applies'),
    ('superuser_binding', 'Superusers that are trusted or bound'),
    ('stale_binding', 'Bindings of logins that are gone, or cannot log in'),
    ('view_without_security_invoker', 'Views that read protected tables by the rights of an owner to whom no policy applies'),
    ('materialized_view', 'Materialized views of protected tables that others than their owner may read'),
    ('security_definer_function', 'Functions that name protected tables and run by the rights of an owner to whom no policy applies'),
    ('leakproof_function', 'Functions that somebody has declared LEAKPROOF'),
    ('truncate_granted', 'Protected tables that others than their owner may empty'),
    ('unique_without_tenant', 'Unique indexes of protected tables that tell of hidden rows'),
    ('publication', 'Publications that send protected tables'),
    ('subscribed_log', 'Subscriptions to catalogs that this server writes by itself, such as the audit log, which can end them'),
    ('pglogical_set', 'Replication sets of pglogical that send protected tables'),
    ('incremental_view', 'Views that pg_ivm keeps up to date with protected tables'),
    ('collected_constants', 'Statistics of pg_qualstats, which show constants of all tenants'' queries'),
    ('dangling_catalog_rows', 'Rows of the catalogs that refer to nothing'),
    ('derived_key', 'What is stored of an API key differs from what the catalogs say of it: it was changed while triggers were disabled'),
    ('keys_of_leavers', 'User keys that are valid again when users who have left return, restored from a dump of version 1.0'),
    ('keys_without_policy', 'API keys that need not be rotated, in organizations whose policy says so'),
    ('unmarked_members', 'Members whose roles by groups and elevations count for nothing, since their rows do not say that there are any'),
    ('unmarked_organizations', 'Organizations whose grants, visibility and settings count for nothing, since their rows do not say that there are any'),
    ('keys_to_be_rotated', 'API keys that are too old, or soon will be'),
    ('key_networks', 'API keys that may be used from some networks, which behind a pooler are the pooler''s'),
    ('foreign_code_on_catalogs', 'Code of others that changes of the catalogs set off'),
    ('open_schema', 'Schemas of the extension in which others may create objects, or have done so'),
    ('administrators', 'Roles that administer tenants'),
    ('everybody_administers', 'Rights of administrators that PUBLIC holds'),
    ('old_server', 'A server whose minor release lacks a fix that row security depends on'),
    ('guard_rails_off', 'Guard rails that are off: event triggers, or the setting of a role or database'),
    ('catalog_trigger_off', 'Triggers that tell sessions of changed rights and are not always enabled'),
    ('row_security_off', 'Roles and databases for which row_security = off is set'),
    ('stored_secret', 'Secrets that are stored as settings of roles and databases'),
    ('not_preloaded', 'A database whose sessions do not load the module when they begin'),
    ('missing_index', 'Tenant columns of protected tables without an index that begins with them'),
    ('unused_index', 'Indexes of protected tables that no condition of a tenant''s query can use'),
    ('stale_statistics', 'Protected tables whose statistics are old'),
    ('missing_dependency_statistics', 'Partitioned tables whose tenant columns the planner takes for independent'),
    -- last, since it locks the tables until the end of the transaction
    ('rows_without_organization', 'Rows of protected tables that name a workspace and no organization'),
    ('rows_without_tenant', 'Rows of protected tables that name no tenant: in the first rows of each table, and of tenants removed lately'),
    ('rows_behind_parents', 'Rows of child tables that name another tenant or owner than their parents, in the first blocks of each table, or could not follow them')
$$;
COMMENT ON FUNCTION tenancy.advice_rules() IS 'The rules of advise(), with descriptions';

CREATE FUNCTION tenancy_internal.unanswered_advice(rule text, state text, message text) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT jsonb_build_array(jsonb_build_object('severity', 'error', 'object', unanswered_advice.rule,
    'problem', format('the rule cannot be evaluated: %s (SQLSTATE %s)', unanswered_advice.message, unanswered_advice.state)))
$$;
COMMENT ON FUNCTION tenancy_internal.unanswered_advice(text, text, text) IS 'What advise() says of a rule that fails';

-- The server's catalogs are read while others change them: an object can disappear between reading its row and using it. Each
-- attempt uses a new snapshot.
CREATE FUNCTION tenancy_internal.collect_advice(only_rule text DEFAULT NULL)
RETURNS TABLE (severity text, rule text, object text, problem text, fix_sql text)
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp SET lock_timeout = '5s'
SET quote_all_identifiers = off SET datestyle = 'ISO' SET intervalstyle = 'postgres' SET extra_float_digits = 1 SET bytea_output = 'hex' AS $$
DECLARE
  rule_name text;
  findings jsonb;
BEGIN
  FOR rule_name IN SELECT r.rule FROM tenancy.advice_rules() r WHERE r.rule = coalesce(collect_advice.only_rule, r.rule) LOOP
    FOR attempt IN 1 .. 5 LOOP
      BEGIN
        EXECUTE format('SELECT coalesce(jsonb_agg(a), ''[]'') FROM tenancy_internal.%I() a', 'advice_' || rule_name) INTO findings;
        EXIT;
      EXCEPTION
        WHEN undefined_table OR undefined_object OR undefined_column OR undefined_function OR internal_error OR syntax_error
             OR null_value_not_allowed THEN
          IF attempt < 5 THEN
            CONTINUE;
          END IF;
          findings := tenancy_internal.unanswered_advice(rule_name, SQLSTATE, SQLERRM);
        WHEN OTHERS OR assert_failure THEN
          -- Errors from a table owner's code, or from a lock, in one rule must not suppress the findings of the others.
          findings := tenancy_internal.unanswered_advice(rule_name, SQLSTATE, SQLERRM);
          EXIT;
      END;
    END LOOP;
    RETURN QUERY SELECT f.severity, rule_name, f.object, f.problem, f.fix_sql
                 FROM jsonb_to_recordset(findings) f (severity text, object text, problem text, fix_sql text);
  END LOOP;
END
$$;
COMMENT ON FUNCTION tenancy_internal.collect_advice(text) IS 'What the rules of advise() find, accepted or not; of all rules or of one';

CREATE FUNCTION tenancy.advise(accepted boolean DEFAULT false)
RETURNS TABLE (severity text, rule text, object text, problem text, fix_sql text, accepted_because text)
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  PERFORM tenancy_internal.require_dba();
  RETURN QUERY
  SELECT a.severity, a.rule, a.object, a.problem, a.fix_sql, k.reason
  FROM tenancy_internal.collect_advice() a LEFT JOIN tenancy.accepted_advice k ON k.rule = a.rule AND k.object = a.object
    AND (k.problems IS NULL OR tenancy_internal.without_numbers(a.problem) = ANY (k.problems))
  WHERE advise.accepted OR k.reason IS NULL
  ORDER BY array_position(ARRAY['error', 'warning', 'performance', 'info'], a.severity), a.rule, a.object, a.problem;
END
$$;
COMMENT ON FUNCTION tenancy.advise(boolean) IS 'For a DBA: finds gaps in the protection and slow policies: severity (error, warning, performance, info), rule, object, problem, the SQL that fixes it (NULL if that is a design decision, or would change what belongs to another role than the protected table), and the reason for accepting it, see accept_advice(); accepted findings are included with advise(true) only. advice_rules() lists the rules';
