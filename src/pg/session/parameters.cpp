#include "pg/session/parameters.hpp"

#include "core/credential/api_key.hpp"
#include "pg/catalog/claimed_catalog.hpp"
#include "pg/catalog/generation.hpp"
#include "pg/server/fault_injection.hpp"
#include "pg/session/seal_and_lifetime.hpp"
#include "pg/session/simulation.hpp"

namespace tenancy::pg {

Configuration configuration{};

namespace {

// Printed by SHOW, pg_settings and set_config() in place of the secret.
char shown_api_key[api_key_display_length + sizeof("…")];

const config_enum_entry anonymous_access_values[] = {
    {"empty", static_cast<int>(AnonymousAccess::empty), false},
    {"error", static_cast<int>(AnonymousAccess::error), false},
    {nullptr, 0, false}};

const config_enum_entry audit_fallback_values[] = {{"log", static_cast<int>(AuditFallback::log), false},
                                                   {"refuse", static_cast<int>(AuditFallback::refuse), false},
                                                   {nullptr, 0, false}};

const config_enum_entry filtered_owner_values[] = {{"error", static_cast<int>(FilteredOwner::error), false},
                                                   {"empty", static_cast<int>(FilteredOwner::empty), false},
                                                   {nullptr, 0, false}};

const config_enum_entry principal_lifetime_values[] = {
    {"session", static_cast<int>(PrincipalLifetime::session), false},
    {"transaction", static_cast<int>(PrincipalLifetime::transaction), false},
    {nullptr, 0, false}};

const config_enum_entry trusted_conditions_values[] = {
    {"none", static_cast<int>(TrustedConditions::none), false},
    {"own_rows", static_cast<int>(TrustedConditions::own_rows), false},
    {"all", static_cast<int>(TrustedConditions::all), false},
    {nullptr, 0, false}};

// The variable still has its old value here, so the new one is passed on.
void principal_text_changed(PrincipalParameter parameter, const char *text) {
  PrincipalTexts next = principal_texts();
  next[parameter] = text;
  principal_changed(next);
}

// The hooks can run outside a transaction, at start-up and during abort: they only flip state.
extern "C" {
static bool check_principal_text(char **, void **, GucSource source) { return may_change_principal(source); }
static bool check_internal(char **value, void **, GucSource source) {
  return **value == '\0' || source == internal_source;
}
static void assign_internal(const char *, void *) { parameters_changed(); }

// A text of the client's choice, which must neither fail a request nor forge lines in a log: cut, and without
// control characters. The value is the caller's own copy. Connection options are not verified by the server.
static bool check_client_text(char **value, void **, GucSource) {
  constexpr int most_characters = 200;
  if (*value == nullptr) return true;
  auto *text = reinterpret_cast<unsigned char *>(*value);
  auto length = static_cast<int>(strlen(*value));
  // An encoding that is none takes any bytes; hashes of entries need UTF-8.
  const int encoding = GetDatabaseEncoding();
  const bool is_valid = pg_verify_mbstr(encoding == PG_SQL_ASCII ? PG_UTF8 : encoding, *value, length, true);
  if (is_valid && length > most_characters) length = pg_mbcharcliplen(*value, length, most_characters);
  if (!is_valid && length > most_characters) length = most_characters;
  text[length] = '\0';
  for (int i = 0; i < length; i++) {
    const bool is_control = text[i] < ' ' || text[i] == 0x7f;
    // The second half of the control characters; in a text that is none, 0xc2 may be the last byte.
    const bool is_control_of_two = is_valid && (encoding == PG_UTF8 || encoding == PG_SQL_ASCII) &&
                                   text[i] == 0xc2 && text[i + 1] < 0xa0;
    if (is_control_of_two) text[i + 1] = '?';
    if (is_control || is_control_of_two || (!is_valid && text[i] >= 0x80)) text[i] = '?';
  }
  return true;
}

static bool check_channel(char **value, void **, GucSource) {
  if (*value == nullptr || strlen(*value) < NAMEDATALEN) return true;
  GUC_check_errdetail("The name of a channel has less than %d bytes.", NAMEDATALEN);
  return false;
}

static void assign_claim(const char *text, void *) {
  is_principal_claimed = text != nullptr && *text != '\0';
  parameters_changed();
}
static const char *show_claim() { return is_claimed() ? "claim…" : ""; }
static void assign_principal_enum(int, void *) { parameters_changed(); }
static void assign_principal_bool(bool, void *) { parameters_changed(); }
static void assign_api_key(const char *text, void *) {
  principal_text_changed(PrincipalParameter::api_key, text);
}
static void assign_jwt(const char *text, void *) { principal_text_changed(PrincipalParameter::jwt, text); }
static void assign_user(const char *text, void *) { principal_text_changed(PrincipalParameter::user, text); }
static void assign_organization(const char *text, void *) {
  principal_text_changed(PrincipalParameter::organization, text);
}
static void assign_workspace(const char *text, void *) {
  principal_text_changed(PrincipalParameter::workspace, text);
}

static const char *show_api_key() {
  if (configuration.api_key == nullptr || *configuration.api_key == '\0') return "";
  const auto prefix = api_key_display_prefix(configuration.api_key);
  snprintf(shown_api_key, sizeof shown_api_key, "%.*s…", static_cast<int>(prefix.size()), prefix.data());
  return shown_api_key;
}

static const char *show_jwt() {
  return configuration.jwt == nullptr || *configuration.jwt == '\0' ? "" : "jwt…";
}
}

// A secret stays out of pg_settings, which would show the connection's initial value (reset_val) unmasked.
void define_principal_text(const char *name, const char *description, const char *detail, char **variable,
                           GucStringAssignHook assign, GucShowHook show) {
  const int flags = show != nullptr ? GUC_NO_SHOW_ALL : 0;
  DefineCustomStringVariable(name, description, detail, variable, "", PGC_USERSET, GUC_NOT_IN_SAMPLE | flags,
                             check_principal_text, assign, show);
}

}  // namespace

void define_parameters() {
  DefineCustomEnumVariable("tenancy.anonymous_access", "Sets what a session without a principal gets.",
                           "\"empty\": no rows; \"error\": an error from any query on a protected table.",
                           reinterpret_cast<int *>(&configuration.anonymous_access),
                           static_cast<int>(AnonymousAccess::empty), anonymous_access_values, PGC_SUSET, 0,
                           nullptr, assign_principal_enum, nullptr);
  define_principal_text("tenancy.api_key", "Sets the API key that the session acts by.",
                        "The secret is shown by its display prefix only.", &configuration.api_key,
                        assign_api_key, show_api_key);
  DefineCustomStringVariable("tenancy.claim", "Shows whether the principal comes from another node's claim.",
                             "It cannot be set.", &configuration.claim, "", PGC_SUSET,
                             GUC_NO_SHOW_ALL | GUC_NO_RESET_ALL | GUC_NOT_IN_SAMPLE | GUC_DISALLOW_IN_FILE,
                             check_internal, assign_claim, show_claim);
  DefineCustomEnumVariable(
      "tenancy.filtered_owner", "Sets what the owner of a protected table gets without a principal.",
      "\"error\": an error from any query on the table; \"empty\": no rows. It concerns roles that bypass "
      "row "
      "security elsewhere, too.",
      reinterpret_cast<int *>(&configuration.filtered_owner), static_cast<int>(FilteredOwner::error),
      filtered_owner_values, PGC_SUSET, 0, nullptr, assign_principal_enum, nullptr);
  DefineCustomBoolVariable("tenancy.guard_rails", "Refuses DDL that would open a protected table.",
                           "Also protects partitions and children as they are made or attached.",
                           &configuration.guard_rails, true, PGC_SUSET, 0, nullptr, nullptr, nullptr);
  DefineCustomStringVariable(
      "tenancy.audit_channel", "Sets the channel that is notified of audit entries.",
      "A hint, after the transaction with entries: without preloading, after PREPARE TRANSACTION, or while "
      "the server's queue of notifications is nearly full there is none. It is empty: every login can "
      "LISTEN.",
      &configuration.audit_channel, "", PGC_SUSET, 0, check_channel, nullptr, nullptr);
  DefineCustomEnumVariable(
      "tenancy.audit_fallback", "Sets what becomes of a read whose audit entry cannot be queued.",
      "\"log\": the entry goes to the server's log; \"refuse\": the statement is refused. On a standby, or "
      "without preloading, no entry can be queued.",
      reinterpret_cast<int *>(&configuration.audit_fallback), static_cast<int>(AuditFallback::log),
      audit_fallback_values, PGC_SUSET, 0, nullptr, nullptr, nullptr);
  DefineCustomIntVariable("tenancy.audit_refusals", "Sets how many refusals are audited in a minute.",
                          "Of one principal, login and address; 0: none.", &configuration.audit_refusals, 60,
                          0, 100000, PGC_SUSET, 0, nullptr, nullptr, nullptr);
  define_fault_parameters(parameters_changed);
  define_principal_text("tenancy.jwt", "Sets the token that the session acts by.",
                        "A set token is shown as \"jwt…\".", &configuration.jwt, assign_jwt, show_jwt);
  DefineCustomBoolVariable("tenancy.log_denied", "Logs denied requirements and refused credentials.", nullptr,
                           &configuration.log_denied, false, PGC_SUSET, 0, nullptr, nullptr, nullptr);
  define_principal_text("tenancy.organization", "Sets which of the user's organizations is active.", nullptr,
                        &configuration.organization, assign_organization, nullptr);
  DefineCustomEnumVariable(
      "tenancy.principal_lifetime", "Sets how long a principal that is set in the session counts.",
      "\"transaction\": until the transaction ends that set it, as if by SET LOCAL; settings "
      "from the connection's start-up, the role and the database count always.",
      reinterpret_cast<int *>(&configuration.principal_lifetime),
      static_cast<int>(PrincipalLifetime::session), principal_lifetime_values, PGC_SUSET, 0, nullptr, nullptr,
      nullptr);
  DefineCustomStringVariable("tenancy.leader", "Shows who a parallel query is run by.", "It cannot be set.",
                             &configuration.leader, "", PGC_SUSET,
                             GUC_NO_SHOW_ALL | GUC_NO_RESET_ALL | GUC_NOT_IN_SAMPLE | GUC_DISALLOW_IN_FILE,
                             check_internal, nullptr, nullptr);
  DefineCustomStringVariable("tenancy.taken_rights", "Shows whose rights count only once this is committed.",
                             "It cannot be set.", &configuration.taken_rights, "", PGC_SUSET,
                             GUC_NO_SHOW_ALL | GUC_NO_RESET_ALL | GUC_NOT_IN_SAMPLE | GUC_DISALLOW_IN_FILE,
                             check_internal, nullptr, nullptr);
  DefineCustomBoolVariable("tenancy.require_claims", "Refuses sessions that come without a claim.",
                           "For nodes of a cluster that know principals by other nodes' claims only.",
                           &configuration.require_claims, false, PGC_SUSET, 0, nullptr, assign_principal_bool,
                           nullptr);
  DefineCustomBoolVariable(
      "tenancy.share_plans", "Keeps plans for the next principal where its rights have the same shape.",
      "Pays behind a pool whose clients use prepared statements.", &configuration.share_plans, false,
      PGC_USERSET, 0, nullptr, assign_principal_bool, nullptr);
  // A part of the session's state rather than a configuration: as a parameter, it is undone at the end of a
  // transaction, and parallel workers have it.
  DefineCustomStringVariable("tenancy.simulation", "Shows whether tenancy.simulate() is at work.",
                             "It cannot be set.", &configuration.simulation, "", PGC_SUSET,
                             GUC_NO_SHOW_ALL | GUC_NO_RESET_ALL | GUC_NOT_IN_SAMPLE | GUC_DISALLOW_IN_FILE,
                             check_internal, assign_internal, nullptr);
  DefineCustomBoolVariable(
      "tenancy.specialize", "Replaces row policies by the principal's own filter at planning.",
      "Switched off, the policies' functions run for each row, with the same result.",
      &configuration.specialize, true, PGC_SUSET, GUC_NOT_IN_SAMPLE, nullptr, assign_principal_bool, nullptr);
  DefineCustomStringVariable(
      "tenancy.request_id", "Sets the id of the request that audit entries name.",
      "It is what the client claims: 200 characters of it, without control characters.",
      &configuration.request_id, "", PGC_USERSET, GUC_NOT_IN_SAMPLE, check_client_text, nullptr, nullptr);
  DefineCustomStringVariable("tenancy.suspension", "Shows whether the session's principal is suspended.",
                             "It cannot be set.", &configuration.suspension, "", PGC_SUSET,
                             GUC_NO_SHOW_ALL | GUC_NO_RESET_ALL | GUC_NOT_IN_SAMPLE | GUC_DISALLOW_IN_FILE,
                             check_internal, assign_internal, nullptr);
  DefineCustomEnumVariable(
      "tenancy.trusted_conditions", "Sets which indexes serve a query's own conditions in protected tables.",
      "\"own_rows\": those that hold own rows only where the conditions run; \"all\": all, where tenants "
      "send no SQL of their own; \"none\": no more than PostgreSQL itself allows.",
      reinterpret_cast<int *>(&configuration.trusted_conditions),
      static_cast<int>(TrustedConditions::own_rows), trusted_conditions_values, PGC_SUSET, 0, nullptr,
      assign_principal_enum, nullptr);
  DefineCustomBoolVariable("tenancy.track_key_use", "Notes when API keys are used.",
                           "To the minute, where the module is preloaded.", &configuration.track_key_use,
                           true, PGC_SUSET, 0, nullptr, nullptr, nullptr);
  define_principal_text("tenancy.user", "Sets the user that the session acts as.",
                        "Honored on trusted logins only.", &configuration.user, assign_user, nullptr);
  DefineCustomStringVariable(
      "tenancy.user_agent", "Sets the program that audit entries name.",
      "It is what the client claims: 200 characters of it, without control characters.",
      &configuration.user_agent, "", PGC_USERSET, GUC_NOT_IN_SAMPLE, check_client_text, nullptr, nullptr);
  define_principal_text("tenancy.workspace", "Narrows the session to one workspace.", nullptr,
                        &configuration.workspace, assign_workspace, nullptr);
  MarkGUCPrefixReserved("tenancy");
}

PrincipalTexts principal_texts() {
  return {{configuration.api_key, configuration.jwt, configuration.user, configuration.organization,
           configuration.workspace}};
}

}  // namespace tenancy::pg
