#include "pg/session/audit_events.hpp"

#include "pg/catalog/caller.hpp"
#include "pg/server/error_bridge.hpp"
#include "pg/session/claims.hpp"
#include "pg/session/denials.hpp"
#include "pg/session/parameters.hpp"
#include "pg/session/principal.hpp"
#include "pg/session/simulation.hpp"

namespace tenancy::pg {
namespace {

struct {
  char resource[NAMEDATALEN];
  char action[NAMEDATALEN];
  Uuid workspace;
} denied{};

bool is_resolving = false;

// In words of SQL and not of C: 42501 as five characters.
void describe(AuditEvent &event, int sqlstate) {
  StringInfoData details;
  initStringInfo(&details);
  appendStringInfo(&details, "{\"sqlstate\": \"%s\"", unpack_sql_state(sqlstate));
  if (*denied.resource != '\0') {
    appendStringInfoString(&details, ", \"permission\": ");
    escape_json(&details, psprintf("%s.%s", denied.resource, denied.action));
  }
  appendStringInfoChar(&details, '}');
  if (details.len < static_cast<int>(sizeof event.details))
    strlcpy(event.details, details.data, sizeof event.details);
}

void resolve(void *) { current_principal_or_undecided(); }

void administration_begins(const char *function) {
  check_administrable(function);
  denied = {};
  if (configuration.audit_refusals > 0) resolve_for_audit();
}

void administration_refused(const ErrorData *error, const char *function) {
  if (configuration.audit_refusals == 0 || (error->sqlerrcode != ERRCODE_INSUFFICIENT_PRIVILEGE &&
                                            error->sqlerrcode != ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION))
    return;
  AuditEvent event = begin_audit_event();
  copy_audit_text(event.action, sizeof event.action, function);
  strlcpy(event.resource_type, "administration", sizeof event.resource_type);
  strlcpy(event.outcome, "denied", sizeof event.outcome);
  event.workspace = denied.workspace;
  describe(event, error->sqlerrcode);
  put_refusal(event, configuration.audit_refusals);
}

uint64 hash_text(const char *text) {
  return hash_bytes_extended(reinterpret_cast<const unsigned char *>(text), static_cast<int>(strlen(text)),
                             1);
}

}  // namespace

void resolve_for_audit() {
  // Without a subtransaction, an error could not be forgotten.
  if (is_resolving || known_principal() != nullptr || IsInParallelMode() || !IsTransactionState()) return;
  is_resolving = true;
  run_with_cleanup(
      [](void *) { run_and_catch([](void *) { run_without_recording_denials(resolve, nullptr); }, nullptr); },
      [](void *) { is_resolving = false; }, nullptr);
}

AuditEvent begin_audit_event() {
  AuditEvent event{};
  event.database = MyDatabaseId;
  event.at = GetCurrentTimestamp();
  strlcpy(event.actor_kind, "login", sizeof event.actor_kind);
  const Principal *principal = is_simulation() ? nullptr : known_principal();
  if (principal != nullptr && principal->kind != PrincipalKind::anonymous) {
    event.organization = principal->organization;
    event.user = principal->user;
    event.api_key = principal->api_key;
    if (principal->token_subject != nullptr) event.unverified = hash_text(principal->token_subject);
    strlcpy(event.actor_kind, principal_kind_name(principal->kind), sizeof event.actor_kind);
  } else if (principal != nullptr && principal->undecided_user) {
    event.user = principal->undecided_user;
    strlcpy(event.actor_kind, principal_kind_name(PrincipalKind::user), sizeof event.actor_kind);
  } else if (*configuration.user != '\0') {
    event.unverified = hash_text(configuration.user);
  }
  if (const char *login = GetConfigOption("session_authorization", true, false); login != nullptr)
    copy_audit_text(event.login, sizeof event.login, login);
  // libpq-be.h, with the connection itself, needs headers that not every server's package brings.
  if (MyBEEntry != nullptr && (MyBEEntry->st_clientaddr.addr.ss_family == AF_INET ||
                               MyBEEntry->st_clientaddr.addr.ss_family == AF_INET6)) {
    const SockAddr &client = MyBEEntry->st_clientaddr;
    pg_getnameinfo_all(&client.addr, client.salen, event.address, sizeof event.address, nullptr, 0,
                       NI_NUMERICHOST | NI_NUMERICSERV);
    // A link-local address is followed by its interface, which is no part of an inet.
    if (char *zone = strchr(event.address, '%'); zone != nullptr) *zone = '\0';
  }
  copy_audit_text(event.request_id, sizeof event.request_id, configuration.request_id);
  copy_audit_text(event.user_agent, sizeof event.user_agent, configuration.user_agent);
  return event;
}

void check_audit_fallback(const AuditEvent &event) {
  if (configuration.audit_fallback == AuditFallback::refuse && !can_queue_audit_event(event))
    ereport(
        ERROR,
        (errcode(ERRCODE_INSUFFICIENT_RESOURCES), errmsg("the audit entry of this read cannot be queued"),
         errdetail("The queue has no room for the session, the server is a standby, or pg_tenancy is not in "
                   "\"shared_preload_libraries\"."),
         errhint("With \"tenancy.audit_fallback\" set to \"log\", it goes to the server's log instead.")));
}

void audit_refused_credential(const char *kind, const char *reason) {
  if (configuration.audit_refusals == 0) return;
  AuditEvent event = begin_audit_event();
  strlcpy(event.action, "authenticate", sizeof event.action);
  strlcpy(event.resource_type, "credential", sizeof event.resource_type);
  strlcpy(event.outcome, "denied", sizeof event.outcome);
  StringInfoData details;
  initStringInfo(&details);
  appendStringInfo(&details, "{\"credential\": ");
  escape_json(&details, kind);
  // Typed values are quoted.
  if (reason != nullptr && strchr(reason, '"') == nullptr) {
    appendStringInfo(&details, ", \"reason\": ");
    escape_json(&details, reason);
  }
  appendStringInfoChar(&details, '}');
  if (details.len < static_cast<int>(sizeof event.details))
    strlcpy(event.details, details.data, sizeof event.details);
  pfree(details.data);
  put_refusal(event, configuration.audit_refusals);
}

void note_denied_permission(const char *resource, const char *action, const Uuid &workspace) {
  copy_audit_text(denied.resource, sizeof denied.resource, resource);
  copy_audit_text(denied.action, sizeof denied.action, action);
  denied.workspace = workspace;
}

void register_audit_events() {
  register_audit_queue();
  observe_administration({administration_begins, administration_refused});
}

}  // namespace tenancy::pg
