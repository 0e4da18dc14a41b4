#include "pg/catalog/constraint_words.hpp"

#include <string_view>

namespace tenancy::pg {
namespace {

struct Words {
  const char *constraint;
  const char *message;
  const char *detail;
};

constexpr const char *form_of_slugs =
    "A slug consists of lower-case ASCII letters and digits, with single hyphens "
    "between them.";

constexpr Words words[] = {
    {"api_keys_external_id_key", "another API key has this external id", nullptr},
    {"api_keys_kind_check", "an API key has no such kind",
     "Kinds are organization_service_key, workspace_service_key and workspace_user_key."},
    {"api_keys_name_check", "the name of an API key cannot be empty", nullptr},
    {"grants_end_check", "a grant that a role has in all organizations cannot have an end", nullptr},
    {"grants_category_check", "workspaces cannot override permissions of this resource",
     "They can for logs, analytics, api_keys, prompts, guardrails and integrations."},
    {"identities_subject_check", "a subject has 1 to 255 characters", nullptr},
    {"invitations_expires_at_check", "an invitation must have an end", nullptr},
    {"invitations_organization_id_email_key", "the organization has invited this address already", nullptr},
    {"issuer_keys_kid_check", "a key id has 1 to 255 characters", nullptr},
    {"jwt_keys_kid_check", "a key id has 1 to 255 characters", nullptr},
    {"organization_members_external_id_key", "another member of the organization has this external id",
     nullptr},
    {"organizations_external_id_key", "another organization has this external id", nullptr},
    {"organizations_id_check", "the id cannot be that of an organization",
     "Chains of audit entries have ids of this form."},
    {"organizations_name_check", "the name of an organization cannot be empty", nullptr},
    {"organizations_pkey", "another organization has this id", nullptr},
    {"organizations_slug_check", "invalid slug of an organization", form_of_slugs},
    {"organizations_slug_key", "another organization has this slug", nullptr},
    {"permissions_action_check", "invalid name of an action",
     "It consists of at most 63 lower-case ASCII letters, digits and underscores, and begins with a letter."},
    {"permissions_pkey", "the permission is registered already", nullptr},
    {"permissions_resource_check", "invalid name of a resource",
     "It consists of at most 63 lower-case ASCII letters, digits and underscores, and begins with a letter."},
    {"roles_check", "a role of a workspace cannot reach all workspaces", nullptr},
    {"roles_check1", "a role cannot have the name of a built-in one", nullptr},
    {"roles_name_check", "invalid name of a role",
     "It consists of lower-case ASCII letters and digits, with single hyphens or underscores between them."},
    {"roles_organization_id_level_name_key", "the organization has a role of this name on this level",
     nullptr},
    {"trusted_issuers_issuer_check", "an issuer has 1 to 1000 characters", nullptr},
    {"users_email_key", "another user has this e-mail address", nullptr},
    {"users_external_id_key", "another user has this external id", nullptr},
    {"users_pkey", "another user has this id", nullptr},
    {"workspaces_external_id_key", "another workspace has this external id", nullptr},
    {"workspaces_max_check", "the max uuid cannot be the id of a workspace",
     "It stands for any that is still to come."},
    {"workspaces_name_check", "the name of a workspace cannot be empty", nullptr},
    {"workspaces_organization_id_slug_key", "another workspace of the organization has this slug", nullptr},
    {"workspaces_pkey", "another workspace has this id", nullptr},
    {"workspaces_slug_check", "invalid slug of a workspace", form_of_slugs},
};

const Words *words_for(const ErrorData *error) {
  if (error->constraint_name == nullptr) return nullptr;
  for (const Words &entry : words)
    if (strcmp(entry.constraint, error->constraint_name) == 0) return &entry;
  return nullptr;
}

bool breaks_constraint(const ErrorData *error, std::string_view suffix) {
  return error->constraint_name != nullptr && std::string_view(error->constraint_name).ends_with(suffix);
}

}  // namespace

void put_into_words(ErrorData *error) {
  if (ERRCODE_TO_CATEGORY(error->sqlerrcode) != ERRCODE_TO_CATEGORY(ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION) ||
      error->schema_name == nullptr || strcmp(error->schema_name, "tenancy") != 0)
    return;
  if (const Words *entry = words_for(error); entry != nullptr) {
    error->message = pstrdup(entry->message);
    error->detail = entry->detail == nullptr ? nullptr : pstrdup(entry->detail);
  } else if (breaks_constraint(error, "_external_id_check")) {
    error->message = pstrdup("an external id cannot be empty");
    error->detail = nullptr;
  } else if (breaks_constraint(error, "_nil_check")) {
    error->message = pstrdup("the nil uuid cannot be an id");
    error->detail = pstrdup("It stands for none.");
  } else if (error->sqlerrcode == ERRCODE_NOT_NULL_VIOLATION && error->column_name != nullptr) {
    error->message = psprintf("%s cannot be NULL", error->column_name);
    error->detail = nullptr;
  } else if (error->sqlerrcode == ERRCODE_CHECK_VIOLATION) {
    error->detail = nullptr;
  }
}

}  // namespace tenancy::pg
