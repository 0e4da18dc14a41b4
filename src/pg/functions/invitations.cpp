// Invitations: the person who accepts, the spelling of addresses, and the permissions that the inviting user
// or key lacks at acceptance, since an invitation gives no more than its maker could give then.

#include "core/access/delegation.hpp"
#include "core/access/email_address.hpp"

#include "pg/catalog/caller.hpp"
#include "pg/catalog/elevations.hpp"
#include "pg/catalog/facts.hpp"
#include "pg/catalog/generation.hpp"
#include "pg/catalog/key_facts.hpp"
#include "pg/catalog/permission_numbers.hpp"
#include "pg/catalog/roles.hpp"
#include "pg/functions/lacking.hpp"
#include "pg/server/error_bridge.hpp"
#include "pg/server/uuid_datum.hpp"
#include "pg/session/own_identity.hpp"
#include "pg/session/refusals.hpp"
#include "pg/session/seal_and_lifetime.hpp"

namespace tenancy::pg {
namespace {

Uuid uuid_argument(FunctionCallInfo fcinfo, int argument) {
  return PG_ARGISNULL(argument) ? Uuid{} : uuid_of_datum(PG_GETARG_DATUM(argument));
}

// RETURNS the facts of an existing user; without a user, the access is empty.
UserFactsRead read_current_member(const CatalogRead &read, const Uuid &organization, const Uuid &user) {
  return user && read_user(read, user).active ? read_user_facts(read, organization, user) : UserFactsRead{};
}

// The offer of an invitation, and its maker.
struct Offer {
  Uuid organization;
  Uuid workspace;  // nil: on the organization
  Uuid role;
  Uuid by_user;
  Uuid by_key;
  PermissionSet making_members;
};

// Arguments: organization, workspace, role, the inviting user, the inviting key
Offer offer_arguments(FunctionCallInfo fcinfo) {
  Offer offer{uuid_argument(fcinfo, 0), uuid_argument(fcinfo, 1), uuid_argument(fcinfo, 2),
              uuid_argument(fcinfo, 3), uuid_argument(fcinfo, 4), {}};
  for (const char *action : {"add_users", "assign_roles"})
    offer.making_members.add(permission_id("team", action));
  return offer;
}

struct Inviter {
  ApiKeyRead key;
  Uuid user;  // whose rights count; nil: those of a service key
};

Inviter read_inviter(const CatalogRead &read, const Offer &offer) {
  if (!offer.by_key) return {{}, offer.by_user};
  const ApiKeyRead key = read_api_key_of_id(read, offer.by_key);
  return {key, key.user};
}

Shortfall shortfall_of(const Inviter &inviter, const UserFacts *users, const UserFacts &offered,
                       const Offer &offer) {
  const Access access = offer.by_key
                            ? inviter.key.usable ? Access::of_key(inviter.key.facts, users) : Access{}
                        : users != nullptr ? Access::of_user(*users)
                                           : Access{};
  return shortfall_of_invitation(access, Access::of_user(offered), offer.making_members, offer.workspace,
                                 permission_classes().off_by_default);
}

// The offered role as it is now, and as it becomes when what is denied to it until a moment no longer is.
template <typename Visit>
void for_each_offered(CatalogRead read, const Offer &offer, const Visit &visit) {
  const WorkspaceMembership membership{offer.workspace, offer.role};
  while (read.moment != DT_NOEND) {
    const UserFacts offered = with_takable_roles(
        read, offer.workspace ? read_role_facts(read, offer.organization, {}, {&membership, 1})
                              : read_role_facts(read, offer.organization, offer.role, {}));
    visit(offered);
    read.moment = offered.until;
  }
}

// Argument: an organization, or NULL
const char *problem_of_token(FunctionCallInfo fcinfo) {
  give_back_numbers();
  AcceptInvalidationMessages();
  check_seal();
  CatalogRead read = begin_catalog_read();
  const char *problem = problem_of_token_in(read, uuid_argument(fcinfo, 0));
  end_catalog_read(read);
  return problem;
}

}  // namespace

extern "C" {
PG_FUNCTION_INFO_V1(pg_tenancy_missing_for_invitation);
Datum pg_tenancy_missing_for_invitation(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  give_back_numbers();
  const Offer offer = offer_arguments(fcinfo);
  if (!offer.organization || !offer.role) PG_RETURN_TEXT_P(cstring_to_text("a role"));
  CatalogRead read = begin_catalog_read();
  const Inviter inviter = read_inviter(read, offer);
  const UserFactsRead facts = read_current_member(read, offer.organization, inviter.user);
  Shortfall lacking;
  for_each_offered(read, offer, [&](const UserFacts &offered) {
    if (lacking.any()) return;
    run_core(
        [&] { lacking = shortfall_of(inviter, facts.is_member ? &facts.facts : nullptr, offered, offer); });
  });
  end_catalog_read(read);
  return lacking_datum(fcinfo, lacking);
}

// The moment from which whoever has invited could give this no longer: what is accepted now ends then.
PG_FUNCTION_INFO_V1(pg_tenancy_offer_ends_at);
Datum pg_tenancy_offer_ends_at(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  give_back_numbers();
  const Offer offer = offer_arguments(fcinfo);
  if (!offer.organization || !offer.role || (!offer.by_user && !offer.by_key)) PG_RETURN_NULL();
  CatalogRead read = begin_catalog_read();
  const Inviter inviter = read_inviter(read, offer);
  TimestampTz end = offer.by_key ? inviter.key.not_after : DT_NOEND;
  if (inviter.user)
    for_each_offered(read, offer, [&](const UserFacts &offered) {
      end = Min(end, lacking_from(read, offer.organization, inviter.user, [&](const UserFacts &facts) {
                  return shortfall_of(inviter, &facts, offered, offer).any();
                }));
    });
  end_catalog_read(read);
  if (end == DT_NOEND) PG_RETURN_NULL();
  PG_RETURN_TIMESTAMPTZ(end);
}

// The session's person: kind ('nobody', 'credential', 'person'), user_id, email, and the trusted issuer and
// subject of its token.
PG_FUNCTION_INFO_V1(pg_tenancy_own_identity);
Datum pg_tenancy_own_identity(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  TupleDesc descriptor = nullptr;
  if (get_call_result_type(fcinfo, nullptr, &descriptor) != TYPEFUNC_COMPOSITE)
    elog(ERROR, "return type must be a row type");
  give_back_numbers();
  AcceptInvalidationMessages();
  check_seal();
  CatalogRead read = begin_catalog_read();
  const OwnIdentity own = read_own_identity(read);
  end_catalog_read(read);
  static constexpr const char *sources[] = {"nobody", "credential", "person"};
  Datum values[] = {
      CStringGetTextDatum(sources[static_cast<int>(own.source)]), own.user ? uuid_datum(own.user) : 0,
      own.email != nullptr ? CStringGetTextDatum(own.email) : 0, own.trust ? uuid_datum(own.trust) : 0,
      own.token_subject != nullptr ? CStringGetTextDatum(own.token_subject) : 0};
  bool nulls[] = {false, !own.user, own.email == nullptr, !own.trust, own.token_subject == nullptr};
  return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls));
}

// Whether the session's person decides about an organization by this session.
PG_FUNCTION_INFO_V1(pg_tenancy_person_counts_in);
Datum pg_tenancy_person_counts_in(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  PG_RETURN_BOOL(problem_of_token(fcinfo) == nullptr);
}

// Raises 28000 where it doesn't; NULL: about itself in all organizations.
PG_FUNCTION_INFO_V1(pg_tenancy_require_person_in);
Datum pg_tenancy_require_person_in(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  if (const char *problem = problem_of_token(fcinfo); problem != nullptr) refuse_token(problem, problem);
  PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(pg_tenancy_without_unseen);
Datum pg_tenancy_without_unseen(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  char *words = text_to_cstring(PG_GETARG_TEXT_PP(0));
  char *utf8 = pg_server_to_any(words, static_cast<int>(strlen(words)), PG_UTF8);
  const size_t length = blank_unseen({utf8, strlen(utf8)});
  utf8[length] = '\0';
  PG_RETURN_TEXT_P(cstring_to_text(pg_any_to_server(utf8, static_cast<int>(length), PG_UTF8)));
}

// RETURNS the spelling of an e-mail address that is stored and compared; raises 22023 for any other text.
PG_FUNCTION_INFO_V1(pg_tenancy_email_address);
Datum pg_tenancy_email_address(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  const char *address = text_to_cstring(PG_GETARG_TEXT_PP(0));
  const char *utf8 = pg_server_to_any(address, static_cast<int>(strlen(address)), PG_UTF8);
  const AddressFault fault = fault_of_address({utf8, strlen(utf8)});
  if (fault != AddressFault::none)
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("invalid e-mail address"),
                    fault == AddressFault::not_an_address
                        ? errdetail("It needs a single \"@\" with something before and after it.")
                        : errdetail("It has a space, a control character, or one that is not shown.")));
  if (GetDatabaseEncoding() == PG_UTF8 &&
      !DatumGetBool(DirectFunctionCall2(unicode_is_normalized, CStringGetTextDatum(address),
                                        CStringGetTextDatum("NFC"))))
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("invalid e-mail address"),
                    errdetail("It is not in Unicode's normalization form C."), errhint("Use normalize().")));
  PG_RETURN_TEXT_P(cstring_to_text(asc_tolower(address, strlen(address))));
}
}

}  // namespace tenancy::pg
