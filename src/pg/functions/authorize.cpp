// authorize(): the same rights that decide rows, asked for one permission.

#include "pg/server/quotable.hpp"
#include "pg/session/principal.hpp"

#include "pg/catalog/entity_names.hpp"
#include "pg/catalog/permission_numbers.hpp"
#include "pg/catalog/reference.hpp"
#include "pg/server/nearest.hpp"
#include "pg/server/pod_array.hpp"

namespace tenancy::pg {
namespace {

// The last workspace named, in the organization of the principal that named it.
struct KnownReference {
  CatalogToken token;
  Uuid organization;
  Uuid workspace;
  int length;
  char text[permission_name_length];
};

// A call site caches its last question, so that repeating it costs a few comparisons.
struct CallState {
  CatalogToken token;
  int resource_length;
  int action_length;
  char resource[permission_name_length];
  char action[permission_name_length];
  PermissionSet permission;
  KnownReference reference;
};

bool is_same(const text *argument, const char *kept, int length) {
  return static_cast<int>(VARSIZE_ANY_EXHDR(argument)) == length &&
         memcmp(VARDATA_ANY(argument), kept, static_cast<size_t>(length)) == 0;
}

CallState &asked_for(FunctionCallInfo fcinfo) {
  const text *resource = PG_GETARG_TEXT_PP(0);
  const text *action = PG_GETARG_TEXT_PP(1);
  give_back_numbers();
  auto *state = static_cast<CallState *>(fcinfo->flinfo->fn_extra);
  if (state != nullptr && state->token.valid() &&
      is_same(resource, state->resource, state->resource_length) &&
      is_same(action, state->action, state->action_length))
    return *state;

  const char *resource_name = text_to_cstring(resource);
  const char *action_name = text_to_cstring(action);
  const CatalogToken token = CatalogToken::now();
  const PermissionSet permission = registered_permission(resource_name, action_name);
  if (state == nullptr) {
    state = static_cast<CallState *>(MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(CallState)));
    fcinfo->flinfo->fn_extra = state;
  }
  state->token = token;
  state->resource_length = static_cast<int>(strlen(resource_name));
  state->action_length = static_cast<int>(strlen(action_name));
  strlcpy(state->resource, resource_name, sizeof state->resource);
  strlcpy(state->action, action_name, sizeof state->action);
  state->permission = permission;
  return *state;
}

bool holds_in(const CallState &asked, const Uuid &workspace) {
  Principal &principal = *current_principal_or_undecided();
  // A nil uuid of a row is a workspace that there isn't; within the module nil means anywhere.
  if (!workspace) return principal.access->on_organization_itself().rows(asked.permission) != Rows::none;
  return authorized(principal, asked.permission, workspace) != Rows::none;
}

// RETURNS the workspace with the nearest name among those that the session may list or view, or nullptr.
const char *nearest_visible_workspace(Principal &principal, const char *reference) {
  PermissionSet any_of = registered_permission("workspaces", "list");
  any_of.add(permission_id("workspaces", "view"));
  const char *slash = strchr(reference, '/');
  NearestWord nearest = nearest_to(slash == nullptr ? reference : slash + 1);
  PodArray<Uuid> workspaces;
  if (principal.access->reaches_every_workspace())
    for (const Uuid &workspace : workspaces_of(principal)) workspaces.append(workspace);
  else
    for (const auto &entry : principal.access->entries()) workspaces.append(entry.workspace);
  CatalogRead read = begin_catalog_read();
  for (const Uuid &workspace : workspaces.span()) {
    if (principal.access->authorized(any_of, workspace) == Rows::none) continue;
    if (const char *slug = read_display_name(read, Entity::workspace, workspace); slug != nullptr)
      consider(nearest, slug);
  }
  end_catalog_read(read);
  return nearest.best;
}

[[noreturn]] void raise_no_workspace(Principal &principal, const char *name) {
  const char *nearest = nearest_visible_workspace(principal, name);
  ereport(ERROR,
          (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("workspace \"%s\" does not exist", quotable(name)),
           errdetail("The session's organization has no such workspace."),
           nearest == nullptr ? 0 : errhint("Perhaps you meant \"%s\".", nearest)));
  pg_unreachable();
}

Uuid workspace_named(CallState &asked, const text *reference, Principal &principal) {
  const Uuid organization = principal.organization;
  KnownReference &known = asked.reference;
  if (known.workspace && known.token.valid() && known.organization == organization &&
      is_same(reference, known.text, known.length))
    return known.workspace;
  const char *name = text_to_cstring(reference);
  CatalogRead read = begin_catalog_read();
  subscribe(IdList::workspaces);  // a new workspace may have the same name
  const Uuid workspace = find_workspace(read, name, organization);
  subscribe(read.start, Audience::organization, organization);
  const CatalogToken read_at = read.start.token;
  end_catalog_read(read);
  if (!workspace) raise_no_workspace(principal, name);
  const size_t length = strlen(name);
  if (length < sizeof known.text) {
    known = {read_at, organization, workspace, static_cast<int>(length), {}};
    strlcpy(known.text, name, sizeof known.text);
  }
  return workspace;
}

}  // namespace

extern "C" {
// Nothing is held on NULL. Returns false and not NULL, so that IF NOT is taken.
PG_FUNCTION_INFO_V1(pg_tenancy_authorize);
Datum pg_tenancy_authorize(PG_FUNCTION_ARGS) {
  if (PG_ARGISNULL(0) || PG_ARGISNULL(1)) PG_RETURN_BOOL(false);
  const CallState &asked = asked_for(fcinfo);
  PG_RETURN_BOOL(current_principal_or_undecided()->access->anywhere(asked.permission) != Rows::none);
}

PG_FUNCTION_INFO_V1(pg_tenancy_authorize_workspace);
Datum pg_tenancy_authorize_workspace(PG_FUNCTION_ARGS) {
  if (PG_ARGISNULL(0) || PG_ARGISNULL(1)) PG_RETURN_BOOL(false);
  const CallState &asked = asked_for(fcinfo);
  PG_RETURN_BOOL(!PG_ARGISNULL(2) && holds_in(asked, uuid_of_datum(PG_GETARG_DATUM(2))));
}

PG_FUNCTION_INFO_V1(pg_tenancy_authorize_reference);
Datum pg_tenancy_authorize_reference(PG_FUNCTION_ARGS) {
  if (PG_ARGISNULL(0) || PG_ARGISNULL(1)) PG_RETURN_BOOL(false);
  CallState &asked = asked_for(fcinfo);
  Principal *principal = current_principal_or_undecided();
  if (PG_ARGISNULL(2) || principal->kind == PrincipalKind::anonymous) PG_RETURN_BOOL(false);
  PG_RETURN_BOOL(holds_in(asked, workspace_named(asked, PG_GETARG_TEXT_PP(2), *principal)));
}
}

}  // namespace tenancy::pg
