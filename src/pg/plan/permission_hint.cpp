#include "pg/plan/permission_hint.hpp"

#include <array>

extern "C" {
#include "parser/parse_func.h"
}

namespace tenancy::pg {
namespace {

constexpr std::array<Oid, 4> types{TEXTOID, TEXTOID, UUIDOID, BOOLOID};

}  // namespace

const char *permission_hint(const Principal &principal, const char *resource, const char *action,
                            const Uuid &workspace, bool anywhere, const char *otherwise) {
  if (action == nullptr || principal.claimed != nullptr) return otherwise;
  const Oid function = LookupFuncName(
      list_make2(makeString(pstrdup("tenancy_steps")), makeString(pstrdup("hint_of_permission"))),
      static_cast<int>(types.size()), types.data(), true);
  if (!OidIsValid(function)) return otherwise;
  FmgrInfo info;
  fmgr_info(function, &info);
  LOCAL_FCINFO(call, types.size());
  InitFunctionCallInfoData(*call, &info, types.size(), InvalidOid, nullptr, nullptr);
  call->args[0] = {CStringGetTextDatum(resource), false};
  call->args[1] = {CStringGetTextDatum(action), false};
  call->args[2] = {uuid_datum(workspace), !workspace};
  call->args[3] = {BoolGetDatum(anywhere), false};
  const Datum hint = FunctionCallInvoke(call);
  return call->isnull ? otherwise : TextDatumGetCString(hint);
}

}  // namespace tenancy::pg
