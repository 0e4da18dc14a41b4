// Invitations: the person who accepts, the spelling of addresses, and the permissions that the inviting user
// or key lacks at acceptance, since an invitation gives no more than its maker could give then.

#include "core/access/delegation.hpp"
#include "core/access/email_address.hpp"

#include "pg/catalog/caller.hpp"
#include "pg/catalog/facts.hpp"
#include "pg/catalog/generation.hpp"
#include "pg/catalog/key_facts.hpp"
#include "pg/catalog/permission_numbers.hpp"
#include "pg/catalog/roles.hpp"
#include "pg/functions/lacking.hpp"
#include "pg/server/error_bridge.hpp"
#include "pg/server/uuid_datum.hpp"
#include "pg/session/own_identity.hpp"
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

}  // namespace

extern "C" {
// Arguments: organization, workspace (NULL: on the organization), role, the inviting user, the inviting key
PG_FUNCTION_INFO_V1(pg_tenancy_missing_for_invitation);
Datum pg_tenancy_missing_for_invitation(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  give_back_numbers();
  const Uuid organization = uuid_argument(fcinfo, 0), workspace = uuid_argument(fcinfo, 1);
  const Uuid role = uuid_argument(fcinfo, 2), user = uuid_argument(fcinfo, 3),
             key_id = uuid_argument(fcinfo, 4);
  if (!organization || !role) PG_RETURN_TEXT_P(cstring_to_text("a role"));
  PermissionSet making_members;
  for (const char *action : {"add_users", "assign_roles"}) making_members.add(permission_id("team", action));

  CatalogRead read = begin_catalog_read();
  const WorkspaceMembership membership{workspace, role};
  const UserFacts offered = workspace ? read_role_facts(read, organization, {}, {&membership, 1})
                                      : read_role_facts(read, organization, role, {});
  const ApiKeyRead key = key_id ? read_api_key_of_id(read, key_id) : ApiKeyRead{};
  const UserFactsRead facts = read_current_member(read, organization, user);
  end_catalog_read(read);
  Shortfall lacking;
  run_core([&] {
    const UserFacts *users = facts.is_member ? &facts.facts : nullptr;
    const Access inviter = key_id             ? key.usable ? Access::of_key(key.facts, users) : Access{}
                                       : users != nullptr ? Access::of_user(*users)
                                              : Access{};
    lacking = shortfall_of_invitation(inviter, Access::of_user(offered), making_members, workspace);
  });
  return lacking_datum(fcinfo, lacking);
}

// The session's person: kind ('nobody', 'credential', 'person'), user_id, email.
PG_FUNCTION_INFO_V1(pg_tenancy_own_identity);
Datum pg_tenancy_own_identity(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  TupleDesc descriptor = nullptr;
  if (get_call_result_type(fcinfo, nullptr, &descriptor) != TYPEFUNC_COMPOSITE)
    elog(ERROR, "return type must be a row type");
  AcceptInvalidationMessages();
  if (!IsInParallelMode()) discard_old_reads();
  check_seal();
  CatalogRead read = begin_catalog_read();
  const OwnIdentity own = read_own_identity(read);
  end_catalog_read(read);
  static constexpr const char *sources[] = {"nobody", "credential", "person"};
  Datum values[] = {CStringGetTextDatum(sources[static_cast<int>(own.source)]),
                    own.user ? uuid_datum(own.user) : 0,
                    own.email != nullptr ? CStringGetTextDatum(own.email) : 0};
  bool nulls[] = {false, !own.user, own.email == nullptr};
  return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls));
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
