-- The session's principal.

CREATE FUNCTION tenancy.whoami(
  OUT kind text, OUT source text, OUT organization_id uuid, OUT organization text, OUT workspace_id uuid,
  OUT workspace text, OUT user_id uuid, OUT email text, OUT api_key_id uuid, OUT login name, OUT expires_at timestamptz)
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_tenancy_whoami';
COMMENT ON FUNCTION tenancy.whoami() IS 'The session''s principal: its kind, where it comes from, its organization, workspace, user and key (names as slugs and e-mail address), and when it expires; 28000 when a credential was given and doesn''t hold';

CREATE FUNCTION tenancy.current_organization_id() RETURNS uuid
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_tenancy_current_organization_id';
COMMENT ON FUNCTION tenancy.current_organization_id() IS 'Organization of the session''s principal, or NULL';

CREATE FUNCTION tenancy.current_workspace_id() RETURNS uuid
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_tenancy_current_workspace_id';
COMMENT ON FUNCTION tenancy.current_workspace_id() IS 'The one workspace that the session is confined to by its key, login or setting, or NULL';

CREATE FUNCTION tenancy.current_user_id() RETURNS uuid
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_tenancy_current_user_id';
COMMENT ON FUNCTION tenancy.current_user_id() IS 'User that the session acts as, or NULL';

-- The person's own, as an organization says it of its members, is for sessions of that person, and not for those by a key, whose maker knows
-- its secret, or by less than the user. An organization's own issuer counts here: by its tokens users also take and end roles.
CREATE FUNCTION tenancy_steps.user_itself() RETURNS uuid
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_tenancy_user_itself';
COMMENT ON FUNCTION tenancy_steps.user_itself() IS 'The session''s user where the session is that user in its organization, NULL for an API key, a narrowed token, a login of one workspace and a claim; for policies of catalogs, and for what a user may do without a permission';

CREATE FUNCTION tenancy.current_api_key_id() RETURNS uuid
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_tenancy_current_api_key_id';
COMMENT ON FUNCTION tenancy.current_api_key_id() IS 'API key that the session acts by, or NULL';

CREATE FUNCTION tenancy.current_external_id(entity text, type anyelement DEFAULT NULL::text) RETURNS anyelement
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_tenancy_current_external_id';
COMMENT ON FUNCTION tenancy.current_external_id(text, anyelement) IS 'External id of the session''s organization, workspace, user or api_key (the first argument) in the type of the second, or NULL when there is none, or none in that type; 22023 for another word or a type that can''t hold ids';

CREATE FUNCTION tenancy.seal() RETURNS void
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'pg_tenancy_seal';
COMMENT ON FUNCTION tenancy.seal() IS 'Keeps the session''s principal as it is until the transaction ends: setting and resetting it raise 42501, and so does any use after it was changed in another way';

-- References: uuid, external id, slug, e-mail address.

CREATE FUNCTION tenancy_internal.find_organization(reference text) RETURNS uuid
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_find_organization';
COMMENT ON FUNCTION tenancy_internal.find_organization(text) IS 'Id of the organization that a uuid, external id or slug refers to; 42704 for none, 22023 for several';

CREATE FUNCTION tenancy_internal.lookup_workspace(reference text, organization_id uuid) RETURNS uuid
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'pg_tenancy_lookup_workspace';
COMMENT ON FUNCTION tenancy_internal.lookup_workspace(text, uuid) IS 'As find_workspace(), with NULL for none';

CREATE FUNCTION tenancy_internal.find_workspace(reference text, organization_id uuid) RETURNS uuid
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  found_id uuid := tenancy_internal.lookup_workspace(find_workspace.reference, find_workspace.organization_id);
  nearest text;
BEGIN
  IF found_id IS NULL AND find_workspace.reference IS NOT NULL THEN
    -- Names of workspaces that the session may know.
    SELECT tenancy_internal.nearest(split_part(find_workspace.reference, '/', -1), array_agg(w.slug::text)) INTO nearest
    FROM tenancy.workspaces w JOIN tenancy.organizations o ON o.organization_id = w.organization_id
    WHERE (w.organization_id = find_workspace.organization_id
           OR find_workspace.organization_id IS NULL AND o.slug = split_part(find_workspace.reference, '/', 1))
      AND (tenancy.is_dba() OR tenancy.authorize('workspaces', 'list', w.workspace_id) OR tenancy.authorize('workspaces', 'view', w.workspace_id));
    RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = format('workspace "%s" does not exist', find_workspace.reference),
      HINT = coalesce('Perhaps you meant "' || nearest || '".', 'See tenancy.workspaces.');
  END IF;
  RETURN found_id;
END
$$;
COMMENT ON FUNCTION tenancy_internal.find_workspace(text, uuid) IS 'Id of the workspace that a uuid, external id, slug or organization-slug/workspace-slug refers to, in the organization or (NULL) in any; 42704 with the nearest name for none, 22023 for several';

CREATE FUNCTION tenancy_internal.find_user(reference text) RETURNS uuid
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_find_user';
COMMENT ON FUNCTION tenancy_internal.find_user(text) IS 'Id of the user that a uuid, external id or e-mail address (in any case) refers to; 42704 for none, 22023 for several';

-- A principal's references are compared only with its own organization's objects. An error that distinguishes other tenants'
-- objects from missing ones, by its words, its context or its timing, would be an oracle.
CREATE FUNCTION tenancy_internal.refers_to_organization(reference text, organization_id uuid) RETURNS boolean
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_refers_to_organization';
COMMENT ON FUNCTION tenancy_internal.refers_to_organization(text, uuid) IS 'Whether a uuid, external id or slug refers to this organization; false alike for a reference to another one and for one to none';

CREATE FUNCTION tenancy_internal.lookup_user(reference text, organization_id uuid) RETURNS uuid
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'pg_tenancy_lookup_user';
COMMENT ON FUNCTION tenancy_internal.lookup_user(text, uuid) IS 'Id of the organization''s member, or (NULL) of any user, that a uuid, external id or e-mail address (in any case) refers to, or NULL; 22023 for several';

CREATE FUNCTION tenancy_internal.email_address(address text) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_tenancy_email_address';
COMMENT ON FUNCTION tenancy_internal.email_address(text) IS 'The spelling of an e-mail address that is stored and compared: ASCII letters in lower case; 22023 for what is none, isn''t in normalization form C, or has characters that are not seen';

CREATE FUNCTION tenancy_internal.nearest(word text, candidates text[]) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_tenancy_nearest';
COMMENT ON FUNCTION tenancy_internal.nearest(text, text[]) IS 'The candidate nearest to a mistyped word by edit distance, or NULL when none is near';
