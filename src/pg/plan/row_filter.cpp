#include "pg/plan/row_filter.hpp"

#include "pg/catalog/permission_numbers.hpp"
#include "pg/plan/id_columns.hpp"
#include "pg/server/error_bridge.hpp"
#include "pg/server/quotable.hpp"

namespace tenancy::pg {
namespace {

// Reads only the parts that the core needs.
RowIdentity read_identity(Principal &principal, const RowColumns &columns, const RowIdentityParts &needed) {
  RowIdentity identity;
  if (needed.user && can_name(columns.owner, Entity::user, principal.user, principal.organization))
    identity.user = principal.user;
  if (needed.api_key && can_name(columns.api_key, Entity::api_key, principal.api_key, principal.organization))
    identity.api_key = principal.api_key;
  if (needed.user_keys) identity.user_keys = user_keys_of(principal);
  if (needed.workspaces) identity.workspaces = workspaces_of(principal);
  return identity;
}

// Excepted workspaces can't be written for a column that can't hold them.
bool can_hold_ids(const Node *workspace) {
  return workspace == nullptr || id_type_of(workspace) != IdType::unsupported;
}

// RETURNS never for an anonymous principal. Lives in the current memory context.
const RowPredicate &predicate_for(Principal &principal, const RowQuestion &question,
                                  const RowColumns &columns) {
  auto *predicate = make_in_context<RowPredicate>(CurrentMemoryContext);
  if (principal.kind != PrincipalKind::anonymous && can_hold_ids(columns.workspace)) {
    const RowIdentity identity =
        read_identity(principal, columns, identity_needed(*principal.access, question));
    run_core([&] { *predicate = row_predicate(*principal.access, question, identity); });
  }
  return *predicate;
}

RowCondition condition_for(Principal &principal, const RowQuestion &question, const RowColumns &columns,
                           const RowExpressionStyle &style) {
  return row_condition(predicate_for(principal, question, columns), columns, principal.organization, style);
}

}  // namespace

bool is_of_catalog(const char *resource) {
  return strcmp(resource, "api_keys") == 0 || strcmp(resource, "audit_logs") == 0;
}

PermissionSet permissions_for(const char *resource, Command command) {
  const bool has_view = command != Command::view || is_registered(resource, "view");
  PermissionSet any_of;
  // Not what isn't registered: a key with every scope would hold it.
  for (const std::string_view action : actions_enough_for(command, resource, has_view))
    if (!action.empty() && is_registered(resource, action.data()))
      any_of.add(permission_id(resource, action.data()));
  return any_of;
}

RowShape row_options(const char *text) {
  RowShape options;
  const char *word = text;
  while (*word != '\0') {
    const size_t length = strcspn(word, " ");
    const auto is = [word, length](const char *name) {
      return strlen(name) == length && strncmp(word, name, length) == 0;
    };
    if (is("shared"))
      options.shared = true;
    else if (is("workspace_decides"))
      options.workspace_decides = true;
    else if (is("from_parent"))
      options.from_parent = true;
    else if (is("organization_implied"))
      options.organization_implied = true;
    else
      ereport(ERROR,
              (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
               errmsg("row filter options \"%s\" are not known", quotable(text)),
               errhint("Options are shared, workspace_decides, from_parent and organization_implied.")));
    word += length;
    word += strspn(word, " ");
  }
  return options;
}

RowColumns row_columns(const RowShape &options, Node *organization, Node *workspace, Node *owner,
                       Node *api_key) {
  RowColumns columns{organization, workspace, owner, api_key, options};
  columns.shape.organization = organization != nullptr;
  columns.shape.workspace = workspace != nullptr;
  columns.shape.owner = owner != nullptr;
  columns.shape.api_key = api_key != nullptr;
  return columns;
}

bool is_row_accepted(Principal &principal, RowAnswer answer, const char *resource, Command command,
                     const RowColumns &columns, const RowIds &ids) {
  if (principal.kind == PrincipalKind::anonymous || principal.undecided) return false;
  const RowQuestion question{answer, command, columns.shape, permissions_for(resource, command), {}};
  return predicate_for(principal, question, columns).holds_for(ids);
}

RowCondition row_filter(Principal &principal, RowAnswer answer, const char *resource, const char *command,
                        const RowColumns &columns, const RowExpressionStyle &style) {
  const auto known = command_named(command);
  if (!known)
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("command \"%s\" is not known", quotable(command)),
                    errhint("Commands are view, list, insert, update and delete.")));
  // Catalogs show nothing, as those without a row filter do.
  if (!is_of_catalog(resource)) {
    check_decided(principal);
    check_anonymous_access(principal);
  }
  RowQuestion question{answer, *known, columns.shape, {}, {}};
  question.any_of = permissions_for(resource, answer == RowAnswer::payload ? Command::view : *known);
  if (answer == RowAnswer::payload) question.to_list = permissions_for(resource, Command::list);
  return condition_for(principal, question, columns, style);
}

RowCondition rows_with(Principal &principal, const PermissionSet &any_of, const RowColumns &columns) {
  return condition_for(principal, {RowAnswer::visible, Command::update, columns.shape, any_of, {}}, columns,
                       {});
}

RowCondition authorized_workspaces(Principal &principal, const PermissionSet &any_of, Node *workspace) {
  std::span<const Uuid> workspaces;
  if (principal.access->reaches_every_workspace()) workspaces = workspaces_of(principal);
  auto *predicate = make_in_context<RowPredicate>(CurrentMemoryContext);
  run_core([&] { *predicate = tenancy::authorized_workspaces(*principal.access, any_of, workspaces); });
  return row_condition(*predicate, row_columns({}, nullptr, workspace, nullptr, nullptr),
                       principal.organization);
}

}  // namespace tenancy::pg
