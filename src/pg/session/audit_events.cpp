#include "pg/session/audit_events.hpp"

#include "pg/catalog/caller.hpp"
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

// In words of SQL and not of C: 42501 as five characters.
void describe(AuditEvent &event, int sqlstate) {
  if (*denied.resource != '\0')
    snprintf(event.details, sizeof event.details, "{\"sqlstate\": \"%s\", \"permission\": \"%s.%s\"}",
             unpack_sql_state(sqlstate), denied.resource, denied.action);
  else
    snprintf(event.details, sizeof event.details, "{\"sqlstate\": \"%s\"}", unpack_sql_state(sqlstate));
}

void administration_begins() { denied = {}; }

void administration_refused(const ErrorData *error, const char *function) {
  if (configuration.audit_refusals == 0 || (error->sqlerrcode != ERRCODE_INSUFFICIENT_PRIVILEGE &&
                                            error->sqlerrcode != ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION))
    return;
  AuditEvent event = begin_audit_event();
  strlcpy(event.action, function, sizeof event.action);
  strlcpy(event.resource_type, "administration", sizeof event.resource_type);
  strlcpy(event.outcome, "denied", sizeof event.outcome);
  event.workspace = denied.workspace;
  describe(event, error->sqlerrcode);
  put_refusal(event, configuration.audit_refusals);
}

void copy_claim(char *target, size_t size, const char *claim) {
  if (claim == nullptr) return;
  auto length = static_cast<int>(strlen(claim));
  if (length >= static_cast<int>(size)) length = pg_mbcliplen(claim, length, static_cast<int>(size) - 1);
  memcpy(target, claim, static_cast<size_t>(length));
}

}  // namespace

AuditEvent begin_audit_event() {
  AuditEvent event{};
  event.database = MyDatabaseId;
  event.at = GetCurrentTimestamp();
  strlcpy(event.actor_kind, "login", sizeof event.actor_kind);
  if (const Principal *principal = known_principal();
      principal != nullptr && principal->kind != PrincipalKind::anonymous && !is_simulation()) {
    event.organization = principal->organization;
    event.user = principal->user;
    event.api_key = principal->api_key;
    strlcpy(event.actor_kind, principal_kind_name(principal->kind), sizeof event.actor_kind);
  }
  if (const char *login = GetConfigOption("session_authorization", true, false); login != nullptr)
    strlcpy(event.login, login, sizeof event.login);
  // libpq-be.h, with the connection itself, needs headers that not every server's package brings.
  if (MyBEEntry != nullptr && (MyBEEntry->st_clientaddr.addr.ss_family == AF_INET ||
                               MyBEEntry->st_clientaddr.addr.ss_family == AF_INET6)) {
    const SockAddr &client = MyBEEntry->st_clientaddr;
    pg_getnameinfo_all(&client.addr, client.salen, event.address, sizeof event.address, nullptr, 0,
                       NI_NUMERICHOST | NI_NUMERICSERV);
    // A link-local address is followed by its interface, which is no part of an inet.
    if (char *zone = strchr(event.address, '%'); zone != nullptr) *zone = '\0';
  }
  copy_claim(event.request_id, sizeof event.request_id, configuration.request_id);
  copy_claim(event.user_agent, sizeof event.user_agent, configuration.user_agent);
  return event;
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
  strlcpy(denied.resource, resource, sizeof denied.resource);
  strlcpy(denied.action, action, sizeof denied.action);
  denied.workspace = workspace;
}

void register_audit_events() {
  register_audit_queue();
  observe_administration({administration_begins, administration_refused});
}

}  // namespace tenancy::pg
