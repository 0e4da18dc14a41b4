-- access_review(): who has what in an organization, by which way, since when and until when, and when it was last used.

CREATE FUNCTION tenancy.access_review(
  organization text DEFAULT NULL, OUT principal_kind text, OUT principal_id uuid, OUT name text, OUT access text, OUT workspace text,
  OUT via text, OUT since timestamptz, OUT until timestamptz, OUT reason text, OUT given_by text, OUT last_used timestamptz, OUT remark text)
RETURNS SETOF record LANGUAGE tenancy STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  the_organization uuid := tenancy_internal.resolve_organization(access_review.organization);
  sees_keys boolean;
  sees_trusts boolean;
BEGIN
  PERFORM tenancy_internal.require_permission(the_organization, NULL, 'team', 'assign_roles');
  sees_keys := tenancy.is_dba() OR tenancy_internal.permission_reach(the_organization, NULL, 'api_keys', 'list') = 'all'
            OR tenancy_internal.permission_reach(the_organization, NULL, 'api_keys', 'edit') = 'all';
  sees_trusts := tenancy.is_dba() OR tenancy_internal.permission_reach(the_organization, NULL, 'organization', 'update') = 'all';
  RETURN QUERY
  WITH actors AS MATERIALIZED (
    -- The last entry of each in the audit log.
    SELECT m.user_id AS id, l.at FROM tenancy.organization_members m, LATERAL (
      SELECT a.at FROM tenancy.audit_log a WHERE a.organization_id = the_organization AND a.actor_id = m.user_id ORDER BY a.at DESC LIMIT 1) l
    WHERE m.organization_id = the_organization
    UNION ALL
    SELECT k.api_key_id, l.at FROM tenancy.api_keys k, LATERAL (
      SELECT a.at FROM tenancy.audit_log a WHERE a.organization_id = the_organization AND a.actor_id = k.api_key_id ORDER BY a.at DESC LIMIT 1) l
    WHERE k.organization_id = the_organization AND k.deleted_at IS NULL),
  members AS MATERIALIZED (
    SELECT m.user_id, u.email, u.active, m.role_id, m.created_at, m.ends_at, m.reason, l.at FROM tenancy.organization_members m
    JOIN tenancy.users u ON u.user_id = m.user_id LEFT JOIN actors l ON l.id = m.user_id
    WHERE m.organization_id = the_organization AND (m.ends_at IS NULL OR m.ends_at > clock_timestamp())),
  found AS (
    SELECT 'user' AS kind, m.user_id AS id, m.email::text AS name, 'organization role ' || r.name AS access, NULL::uuid AS workspace_id, 'membership' AS via,
           m.created_at AS since, m.ends_at AS until, m.reason, NULL::text AS given_by, m.at AS last_used,
           CASE WHEN NOT m.active THEN 'locked' END AS remark
    FROM members m JOIN tenancy.roles r ON r.role_id = m.role_id
    UNION ALL
    SELECT 'user', m.user_id, m.email, 'workspace role ' || r.name, s.workspace_id, 'membership', s.created_at, least(s.ends_at, m.ends_at), s.reason, NULL, m.at, NULL
    FROM members m JOIN tenancy.workspace_members s ON s.user_id = m.user_id AND s.organization_id = the_organization JOIN tenancy.roles r ON r.role_id = s.role_id
    WHERE s.ends_at IS NULL OR s.ends_at > clock_timestamp()
    UNION ALL
    SELECT 'user', m.user_id, m.email, format('%s role %s', r.level, r.name), g.workspace_id, 'group ' || o.name, greatest(b.created_at, g.created_at),
           least(b.ends_at, g.ends_at, m.ends_at), nullif(concat_ws('; ', b.reason, g.reason), ''), NULL, m.at, NULL
    FROM members m JOIN tenancy.group_members b ON b.user_id = m.user_id AND b.organization_id = the_organization
    JOIN tenancy.group_roles g ON g.group_id = b.group_id JOIN tenancy.groups o ON o.group_id = g.group_id JOIN tenancy.roles r ON r.role_id = g.role_id
    WHERE (b.ends_at IS NULL OR b.ends_at > clock_timestamp()) AND (g.ends_at IS NULL OR g.ends_at > clock_timestamp())
    UNION ALL
    SELECT 'group', o.group_id, o.name, format('%s role %s', r.level, r.name), g.workspace_id, CASE WHEN sees_trusts THEN 'tokens of ' || t.issuer ELSE 'tokens' END, g.created_at, g.ends_at, g.reason, NULL, NULL, NULL
    FROM tenancy.groups o JOIN tenancy.trusted_issuers t ON t.trust_id = o.trust_id JOIN tenancy.group_roles g ON g.group_id = o.group_id
    JOIN tenancy.roles r ON r.role_id = g.role_id
    WHERE o.organization_id = the_organization AND (g.ends_at IS NULL OR g.ends_at > clock_timestamp())
    UNION ALL
    SELECT 'user', m.user_id, m.email, format('%s role %s', r.level, r.name), e.workspace_id, 'elevation', e.created_at, e.ends_at, e.reason,
           coalesce((SELECT x.email FROM members x WHERE x.user_id = e.approved_by), e.approved_by::text), m.at, CASE WHEN e.ends_at IS NULL THEN 'waits to be approved' END
    FROM members m JOIN tenancy.elevations e ON e.user_id = m.user_id AND e.organization_id = the_organization JOIN tenancy.roles r ON r.role_id = e.role_id
    WHERE e.ends_at > clock_timestamp() OR e.ends_at IS NULL AND e.created_at > clock_timestamp() - interval '24 hours'
    UNION ALL
    SELECT CASE WHEN e.user_id IS NOT NULL THEN 'user' WHEN e.group_id IS NOT NULL THEN 'group' ELSE 'role' END, coalesce(e.user_id, e.group_id, e.subject_role_id),
           coalesce((SELECT x.email FROM members x WHERE x.user_id = e.user_id), e.user_id::text, (SELECT g.name FROM tenancy.groups g WHERE g.group_id = e.group_id),
                    (SELECT s.name FROM tenancy.roles s WHERE s.role_id = e.subject_role_id)),
           format('%s role %s', r.level, r.name), NULL, 'may be taken by elevate()', e.created_at, NULL, NULL,
           coalesce((SELECT x.email FROM members x WHERE x.user_id = e.created_by), e.created_by::text),
           (SELECT max(x.created_at) FROM tenancy.elevations x WHERE x.rule_id = e.rule_id),
           concat_ws(', ', 'for at most ' || e.maximum, e.per_day || ' times a day', CASE WHEN e.approval THEN 'with approval' END)
    FROM tenancy.elevation_rules e JOIN tenancy.roles r ON r.role_id = e.role_id WHERE e.organization_id = the_organization
    UNION ALL
    -- A permission of a role that is not there for good.
    SELECT 'role', r.role_id, r.name, g.resource || '.' || g.action, g.workspace_id, CASE WHEN g.allowed THEN 'grant' ELSE 'denial' END, NULL, g.ends_at, g.reason, NULL, NULL, NULL
    FROM tenancy.grants g JOIN tenancy.roles r ON r.role_id = g.role_id WHERE g.organization_id = the_organization AND g.ends_at > clock_timestamp()
    UNION ALL
    SELECT k.kind, k.api_key_id, k.name, CASE WHEN k.all_scopes THEN 'every scope' ELSE coalesce((
             SELECT string_agg(s.resource || '.' || s.action, ', ' ORDER BY s.resource, s.action) FROM tenancy.api_key_scopes s WHERE s.api_key_id = k.api_key_id), 'no scope') END,
           k.workspace_id, coalesce('API key of ' || m.email, 'API key'), coalesce(k.rotated_at, k.created_at), k.expires_at, k.reason, tenancy_internal.maker_of_key(k), greatest(a.at, tenancy_internal.key_used_at(k.api_key_id)),
           nullif(concat_ws('; ', CASE WHEN k.rotate_by <= clock_timestamp() THEN 'refused until it is rotated' END,
             CASE WHEN k.created_by_user IS NOT NULL AND NOT EXISTS (SELECT FROM members x WHERE x.user_id = k.created_by_user AND x.active)
                    OR EXISTS (SELECT FROM tenancy.api_keys m WHERE m.api_key_id = k.created_by_key AND coalesce(m.revoked_at, m.deleted_at, m.expires_at) <= clock_timestamp())
                    THEN 'whoever has created it is gone' END), '')
    FROM tenancy.api_keys k LEFT JOIN members m ON m.user_id = k.user_id LEFT JOIN actors a ON a.id = k.api_key_id
    WHERE sees_keys AND k.organization_id = the_organization AND k.revoked_at IS NULL AND k.deleted_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > clock_timestamp())
    UNION ALL
    SELECT 'invitation', i.invitation_id, i.email, 'organization role ' || r.name, NULL, 'invitation', i.created_at, i.expires_at, NULL,
           coalesce((SELECT x.email FROM members x WHERE x.user_id = i.invited_by_user), i.invited_by_user::text, i.invited_by_key::text, i.signed_up_by::text), NULL,
           'counts for nothing until it is accepted'
    FROM tenancy.invitations i JOIN tenancy.roles r ON r.role_id = i.role_id WHERE i.organization_id = the_organization AND i.expires_at > clock_timestamp()
    UNION ALL
    SELECT 'issuer', t.trust_id, t.issuer, 'tokens of its members', NULL, 'trust_issuer()', t.created_at, NULL, NULL, t.created_by, NULL,
           CASE WHEN CASE WHEN maker.actor_kind = 'user' THEN NOT EXISTS (SELECT FROM members m WHERE m.user_id = maker.actor_id AND m.active)
                          ELSE strpos(t.created_by, '@') > 0 AND maker.actor_kind IS NULL AND NOT EXISTS (SELECT FROM members m WHERE m.email = t.created_by AND m.active) END
                     OR EXISTS (SELECT FROM tenancy.api_keys k WHERE k.api_key_id::text = t.created_by AND coalesce(k.revoked_at, k.deleted_at, k.expires_at) <= clock_timestamp())
                THEN 'whoever has configured it is gone' END
    FROM tenancy.trusted_issuers t LEFT JOIN LATERAL (
      SELECT l.actor_kind, l.actor_id FROM tenancy.audit_log l
      WHERE l.organization_id = the_organization AND l.resource_type = 'trusted_issuer' AND l.resource_id = t.trust_id::text AND l.outcome = 'success'
        AND l.action IN ('create', 'update') ORDER BY l.at DESC LIMIT 1) maker ON true
    WHERE sees_trusts AND t.organization_id = the_organization
    UNION ALL
    SELECT 'token key', NULL, j.kid, 'tokens with any scope', NULL, 'set_jwks()', j.created_at, NULL, NULL, maker.actor, NULL,
           CASE WHEN maker.actor_kind = 'user' AND NOT EXISTS (SELECT FROM members m WHERE m.user_id = maker.actor_id AND m.active) THEN 'whoever has configured it is gone' END
    FROM tenancy.jwt_keys j LEFT JOIN LATERAL (
      SELECT l.actor, l.actor_kind, l.actor_id FROM tenancy.audit_log l
      WHERE l.organization_id = the_organization AND l.resource_type = 'jwt_key' AND l.resource_id = j.kid AND l.outcome = 'success' ORDER BY l.at DESC LIMIT 1) maker ON true
    WHERE sees_trusts AND j.organization_id = the_organization
    UNION ALL
    SELECT 'user', m.user_id, m.email, 'the user''s rights', NULL, format('subject %s of %s', i.subject, t.issuer), i.created_at, m.ends_at, NULL,
           coalesce((SELECT x.email FROM members x WHERE x.user_id = i.linked_by), i.linked_by::text), NULL,
           CASE WHEN i.linked_by IS NOT NULL AND NOT EXISTS (SELECT FROM members x WHERE x.user_id = i.linked_by AND x.active) THEN 'refused: whoever has linked it is gone' END
    FROM tenancy.identities i JOIN tenancy.trusted_issuers t ON t.trust_id = i.trust_id JOIN members m ON m.user_id = i.user_id
    WHERE sees_trusts AND t.organization_id = the_organization
    UNION ALL
    SELECT 'user', m.user_id, m.email, 'the user''s rights', b.workspace_id, 'login ' || b.login, NULL, m.ends_at, NULL, NULL, NULL, NULL
    FROM tenancy.login_bindings b JOIN members m ON m.user_id = b.user_id WHERE b.organization_id = the_organization)
  SELECT f.kind, f.id, f.name, f.access, w.slug::text, f.via, f.since, f.until, f.reason, f.given_by, f.last_used,
         nullif(concat_ws('; ', f.remark, CASE WHEN f.last_used IS NULL AND f.kind IN ('user', 'organization_service_key', 'workspace_service_key', 'workspace_user_key')
                                                  AND f.via !~ '^(subject|login) ' THEN 'never used' END), '')
  FROM found f LEFT JOIN tenancy.workspaces w ON w.workspace_id = f.workspace_id
  ORDER BY f.kind <> 'user', f.kind, f.name, f.workspace_id IS NOT NULL, w.slug, f.via, f.access;
END
$$;
COMMENT ON FUNCTION tenancy.access_review(text) IS 'Who has what in an organization (NULL: the session''s own), by which way, since when, until when, for what, from whom (a present member by e-mail address, others by id), and when it was last used: when a key was, and when a user or key last left an audit entry there (a remark names those who never have): memberships, groups'' roles, elevations and who may take them, permissions with an end, API keys, invitations, trusted issuers, linked subjects, bound logins. Needs team.assign_roles, and shows API keys and issuers to whoever may see or change these';
