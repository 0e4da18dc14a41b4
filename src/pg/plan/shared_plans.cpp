#include "pg/plan/shared_plans.hpp"

#include "pg/catalog/catalog_oids.hpp"
#include "pg/catalog/entity_names.hpp"
#include "pg/catalog/login_binding.hpp"
#include "pg/catalog/permission_numbers.hpp"
#include "pg/plan/plan_cache.hpp"
#include "pg/plan/protected_relation.hpp"
#include "pg/plan/run_check.hpp"
#include "pg/server/counters.hpp"
#include "pg/server/error_bridge.hpp"
#include "pg/server/fault_injection.hpp"
#include "pg/server/quotable.hpp"
#include "pg/server/statement_time.hpp"
#include "pg/session/denials.hpp"
#include "pg/session/identity.hpp"

namespace tenancy::pg {
namespace {

// The first bytes of a profile, enough to recognize principals that probably have it: the guard compares
// the whole profile.
using ProfileStart = uint32;
constexpr ProfileStart no_profile = 0;
constexpr ProfileStart of_nobody = 1;

// Likewise the rest of a stamp, whose other bits give the position.
struct KnownProfile {
  uint32 stamp_rest;
  ProfileStart profile;
};
constexpr int known_profile_count = 1024;  // 8 kB; a later principal replaces an earlier one
uint32 rest_of(uint64 stamp) { return static_cast<uint32>(stamp >> 32); }

struct {
  ProfileStart live;  // the profile for which there may be plans; no_profile if there are none
  KnownProfile *known;
  // Stamps of the anonymous session, which each transaction ends as: no other principal takes their places.
  struct {
    uint64 choosing, choosing_nothing;
  } nobodys;
  CatalogToken known_token;
  bool transaction_ends;  // SET LOCAL is being undone, one parameter after the other
  bool is_awaited;        // the profile will be looked up by the end of this statement
  bool is_unknown;        // since it is awaited, a principal of unknown profile has been chosen
  bool is_refused;        // the look-up found none, for the identity with this stamp
  uint64 refused_stamp;
  MemoryContextCallback at_end;
} state{};

ProfileStart start_of(const Uuid &profile) {
  ProfileStart start = 0;
  memcpy(&start, profile.bytes.data(), sizeof start);
  return start <= of_nobody ? of_nobody + 1 : start;
}

KnownProfile &place_of(uint64 stamp) { return state.known[stamp % known_profile_count]; }

void remember(uint64 stamp, ProfileStart profile, CatalogToken token) {
  if (!token.valid()) return;
  if (state.known == nullptr)
    state.known = static_cast<KnownProfile *>(
        MemoryContextAllocZero(TopMemoryContext, known_profile_count * sizeof(KnownProfile)));
  else if (state.known_token != token) {
    memset(state.known, 0, known_profile_count * sizeof(KnownProfile));
    state.nobodys = {};
  }
  state.known_token = token;
  place_of(stamp) = {rest_of(stamp), profile};
}

KnownProfile known_profile_of(uint64 stamp) {
  const bool is_nobody = state.nobodys.choosing == stamp || state.nobodys.choosing_nothing == stamp;
  return is_nobody ? KnownProfile{rest_of(stamp), of_nobody} : place_of(stamp);
}

// Without a credential, and with an unbound login, the session is anonymous for any other choice.
void remember_nobody() {
  CatalogRead read = begin_catalog_read();
  const CatalogToken token = read.start.token;
  const bool is_bound = static_cast<bool>(read_login_binding(read, GetSessionUserId()).user);
  end_catalog_read(read);
  if (is_bound || !token.valid()) return;
  PrincipalTexts texts = principal_texts();
  for (const PrincipalParameter parameter : credential_parameters) texts[parameter] = "";
  const uint64 choosing = identity_stamp_of(texts);
  for (const PrincipalParameter parameter : choice_parameters) texts[parameter] = "";
  const uint64 choosing_nothing = identity_stamp_of(texts);
  remember(choosing, of_nobody, token);
  state.nobodys = {choosing, choosing_nothing};
}

bool are_kept_for(uint64 stamp) {
  if (state.known == nullptr || !state.known_token.valid()) return false;
  const KnownProfile known = known_profile_of(stamp);
  if (known.stamp_rest != rest_of(stamp)) return false;
  // If anonymous sessions are an error, planning raises it: a shared plan that reads no row would not.
  return known.profile == state.live ||
         (known.profile == of_nobody && configuration.anonymous_access == AnonymousAccess::empty);
}

void keep_or_drop(uint64 stamp) {
  if (!are_kept_for(stamp)) drop_shared_plans();
}

Uuid profile_or_nil(const Principal &principal) {
  return has_rights_profile(principal) ? rights_profile_of(principal) : Uuid{};
}

// Of what the session's parameters say. Any other error says nothing of the principal.
bool is_refusal(int error) {
  return error == ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION || error == ERRCODE_INVALID_PARAMETER_VALUE ||
         error == ERRCODE_UNDEFINED_OBJECT;
}

// RETURNS in `profile` that of the session's principal; no_profile if a query would have to choose first.
void ask_for_profile(void *profile) {
  run_without_recording_denials(
      [](void *found) {
        give_back_numbers();
        const Principal *principal = current_principal_or_undecided();
        auto *start = static_cast<ProfileStart *>(found);
        if (principal->undecided) return;
        *start =
            principal->kind == PrincipalKind::anonymous ? of_nobody : start_of(profile_or_nil(*principal));
        if (*start == of_nobody || has_rights_profile(*principal))
          remember(identity_stamp(), *start, principal->token);
      },
      profile);
}

extern "C" {
// Runs when the transaction's memory is freed, after its parameters have been restored.
static void settings_are_back(void *) {
  state.transaction_ends = false;
  if (state.live == no_profile || (state.is_refused && state.refused_stamp == identity_stamp())) return;
  keep_or_drop(identity_stamp());
}

static void transaction_ends(XactEvent event, void *) {
  const bool ends = event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE;
  if (!ends || state.live == no_profile || state.transaction_ends) return;
  state.transaction_ends = true;
  state.at_end.func = settings_are_back;
  MemoryContextRegisterResetCallback(TopTransactionContext, &state.at_end);
}
}

bool find_filter_id(const char *name, Entity &found) {
  for (const Entity entity : {Entity::organization, Entity::workspace, Entity::user, Entity::api_key}) {
    if (strcmp(name, filter_id_name(entity)) != 0) continue;
    found = entity;
    return true;
  }
  return false;
}

Entity filter_id_named(const char *name) {
  Entity found{};
  if (find_filter_id(name, found)) return found;
  ereport(ERROR,
          (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("entity \"%s\" is not known", quotable(name)),
           errhint("Entities are organization, workspace, user and api_key.")));
  pg_unreachable();
}

// Why a guard refuses the principal's rows.
enum class Refusal : int { none, principal_changed, rights_changed, other_profile };

// CACHES: a call site's state between rows.
struct CallState {
  SessionToken token;
  uint64 stamp;
  TimestampTz not_after;
  Uuid id;
  Uuid profile;
  bool is_nobodys;
  bool is_as_planned;  // the arguments are constants of the plan, the same for each row
  Refusal refusal;     // of a guard
};

bool is_current(const CallState &call) {
  return call.is_as_planned && call.token.valid() && call.stamp == identity_stamp() &&
         (call.not_after == DT_NOEND || call.not_after > statement_time());
}

// `argument_count`: the leading arguments that identify the question.
CallState *new_call_state(FmgrInfo *function, int argument_count) {
  auto *call = static_cast<CallState *>(MemoryContextAllocZero(function->fn_mcxt, sizeof(CallState)));
  call->is_as_planned = true;
  for (int i = 0; i < argument_count; i++)
    call->is_as_planned = call->is_as_planned && get_fn_expr_arg_stable(function, i);
  function->fn_extra = call;
  return call;
}

void ask_again(CallState *call, Entity entity) {
  give_back_numbers();
  const SessionToken token = SessionToken::now();
  const Principal *principal = current_principal();
  check_anonymous_access(*principal);
  call->profile = profile_or_nil(*principal);
  call->id = filter_id_of(*principal, entity);
  call->is_nobodys = principal->kind == PrincipalKind::anonymous;
  call->stamp = identity_stamp();
  call->not_after = principal->valid_until;
  call->token = token;
}

// Whether the rights have changed since the plan was found to serve the session: no error of the session's.
// A committed change can be visible before its notification arrives: then the session's profile, as cached
// from before, is the plan's. A parallel worker lacks its leader's cache.
bool rights_have_changed(const Uuid &profile_of_plan) {
  if (IsParallelWorker()) return true;
  if (state.known == nullptr) return false;
  if (!state.known_token.valid()) return true;
  const KnownProfile known = known_profile_of(identity_stamp());
  return known.stamp_rest == rest_of(identity_stamp()) &&
         (known.profile == start_of(profile_of_plan) || known.profile == of_nobody);
}

[[noreturn]] void raise_rights_changed() {
  count(Counter::guard_refusals);
  drop_shared_plans();
  ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
                  errmsg("the session's rights have changed since the query was planned"),
                  errhint("Run the transaction again.")));
  pg_unreachable();
}

// The principal has another profile than the plan.
[[noreturn]] void raise_other_profile(const Uuid &profile_of_plan) {
  const SinceStart since = principal_since_start();
  const bool same_rights =
      since == SinceStart::unknown ? !rights_have_changed(profile_of_plan) : since == SinceStart::another;
  if (same_rights) raise_principal_changed();
  raise_rights_changed();
}

[[noreturn]] void refuse(Refusal refusal, const Uuid &profile_of_plan) {
  if (refusal == Refusal::principal_changed) raise_principal_changed();
  if (refusal == Refusal::rights_changed) raise_rights_changed();
  raise_other_profile(profile_of_plan);
}

}  // namespace

void raise_principal_changed() {
  count(Counter::guard_refusals);
  drop_shared_plans();  // so that trying again makes a new plan
  ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                  errmsg("the session's principal has changed since the query was planned"),
                  errhint("Run the query again.")));
  pg_unreachable();
}

const char *filter_id_name(Entity entity) {
  switch (entity) {
    case Entity::organization:
      return "organization";
    case Entity::workspace:
      return "workspace";
    case Entity::user:
      return "user";
    case Entity::api_key:
      return "api_key";
  }
  return "";
}

bool is_known_filter_id(const Node *node) {
  if (!is_filter_id(node)) return false;
  const auto *name = linitial_node(Const, reinterpret_cast<const FuncExpr *>(node)->args);
  Entity found{};
  return !name->constisnull && find_filter_id(TextDatumGetCString(name->constvalue), found);
}

Uuid filter_id_of(const Principal &principal, Entity entity) {
  switch (entity) {
    case Entity::organization:
      return principal.organization;
    case Entity::workspace:
      return principal.access->only_workspace().value_or(Uuid{});
    case Entity::user:
      return principal.user;
    case Entity::api_key:
      return principal.api_key;
  }
  return {};
}

void shared_plan_made(const Principal &principal) {
  const ProfileStart profile = start_of(rights_profile_of(principal));
  const uint64 stamp = identity_stamp();
  if (state.live != profile) drop_shared_plans();
  const bool is_known = state.live == profile && are_kept_for(stamp);
  state.live = profile;
  if (is_known) return;
  remember_nobody();
  server_fault_point();
  remember(stamp, profile, principal.token);
}

PrincipalAtStart principal_at_start(const Uuid *profile_of_plan) {
  give_back_numbers();
  const Principal *principal = current_principal();
  check_anonymous_access(*principal);
  if (profile_of_plan != nullptr && principal->kind != PrincipalKind::anonymous &&
      profile_or_nil(*principal) != *profile_of_plan)
    raise_rights_changed();
  return {identity_stamp(), principal->not_after};
}

void keep_or_drop_shared_plans(const PrincipalTexts &next) {
  if (state.live == no_profile || state.transaction_ends) return;
  if (state.is_awaited)
    state.is_unknown = !are_kept_for(identity_stamp_of(next));
  else
    keep_or_drop(identity_stamp_of(next));
}

bool has_shared_plans() { return state.live != no_profile; }

bool await_profile() {
  if (state.live == no_profile || state.is_awaited || IsInParallelMode() || !IsTransactionState())
    return false;
  state.is_awaited = true;
  state.is_unknown = false;
  return true;
}

void end_await(bool is_done) {
  state.is_awaited = false;
  if (!is_done && state.is_unknown && state.live != no_profile) drop_shared_plans();
}

void look_up_profile() {
  if (state.live == no_profile || !state.is_unknown) return;
  ProfileStart profile = no_profile;
  const int error = run_and_catch(ask_for_profile, &profile);
  // The error is that of the first query with such a plan.
  state.is_refused = is_refusal(error) || (error == 0 && profile == no_profile);
  state.refused_stamp = identity_stamp();
  if (!state.is_refused && state.live != no_profile) keep_or_drop(identity_stamp());
}

void drop_shared_plans() {
  state.live = no_profile;
  drop_plans_with(Guard::shape);
}

void register_shared_plans() { RegisterXactCallback(transaction_ends, nullptr); }

extern "C" {
PG_FUNCTION_INFO_V1(pg_tenancy_filter_id);
Datum pg_tenancy_filter_id(PG_FUNCTION_ARGS) {
  auto *call = static_cast<CallState *>(fcinfo->flinfo->fn_extra);
  if (call == nullptr || !is_current(*call)) {
    const Entity entity = filter_id_named(text_to_cstring(PG_GETARG_TEXT_PP(0)));
    if (call == nullptr) call = new_call_state(fcinfo->flinfo, 1);
    ask_again(call, entity);
    note_evaluated_id(fcinfo->flinfo);
  }
  if (!call->id) PG_RETURN_NULL();
  if (!call->is_as_planned) PG_RETURN_DATUM(uuid_datum(call->id));
  // Its pointers are valid as long as the call site.
  PG_RETURN_UUID_P(reinterpret_cast<pg_uuid_t *>(call->id.bytes.data()));
}

PG_FUNCTION_INFO_V1(pg_tenancy_shape_guard);
Datum pg_tenancy_shape_guard(PG_FUNCTION_ARGS) {
  if (PG_ARGISNULL(0) || PG_ARGISNULL(1)) PG_RETURN_BOOL(false);
  auto *call = static_cast<CallState *>(fcinfo->flinfo->fn_extra);
  if (unlikely(call == nullptr || !is_current(*call))) {
    Refusal refusal = Refusal::none;
    // Rows have passed for the previous principal, or keys have been evaluated.
    if ((call != nullptr && call->stamp != identity_stamp()) ||
        principal_since_start() == SinceStart::another)
      refusal = Refusal::principal_changed;
    const Entity entity = filter_id_named(text_to_cstring(PG_GETARG_TEXT_PP(1)));
    const bool is_first = call == nullptr || !call->is_as_planned;
    if (call == nullptr) call = new_call_state(fcinfo->flinfo, 2);
    ask_again(call, entity);
    // Rows may have passed for the same principal, whatever another query has made known of it since.
    if (refusal == Refusal::none && !call->is_nobodys && uuid_of_datum(PG_GETARG_DATUM(0)) != call->profile)
      refusal = is_first ? Refusal::other_profile : Refusal::rights_changed;
    call->refusal = refusal;
  }
  // An anonymous session keeps the plan and no row passes. But if the filter is one of several alternatives,
  // the guard is also called for rows for which it is NULL or another; and where the query compares the same
  // column, the server can leave only that comparison on the row. An error about a row of others would say
  // that there is one.
  if (unlikely(call->is_nobodys || PG_ARGISNULL(2)) ||
      memcmp(PG_GETARG_UUID_P(2)->data, call->id.bytes.data(), UUID_LEN) != 0)
    PG_RETURN_BOOL(false);
  if (unlikely(call->refusal != Refusal::none)) refuse(call->refusal, uuid_of_datum(PG_GETARG_DATUM(0)));
  PG_RETURN_BOOL(true);
}
}

}  // namespace tenancy::pg
