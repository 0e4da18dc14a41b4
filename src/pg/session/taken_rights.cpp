#include "pg/session/taken_rights.hpp"

#include "pg/catalog/catalog_read.hpp"
#include "pg/server/uuid_datum.hpp"
#include "pg/session/parameters.hpp"
#include "pg/session/principal.hpp"

namespace tenancy::pg {
namespace {

const char *text_of(const Uuid &id) { return DatumGetCString(DirectFunctionCall1(uuid_out, uuid_datum(id))); }

bool are_taken(const Uuid &organization, const Uuid &holder) {
  return holder && strstr(configuration.taken_rights,
                          psprintf("%s/%s", text_of(organization), text_of(holder))) != nullptr;
}

}  // namespace

void note_taken_rights(const Uuid &organization, std::span<const Uuid> holders) {
  if (holders.empty()) return;
  StringInfoData all;
  initStringInfo(&all);
  appendStringInfoString(&all, configuration.taken_rights);
  for (const Uuid &holder : holders) appendStringInfo(&all, " %s/%s", text_of(organization), text_of(holder));
  set_config_option("tenancy.taken_rights", all.data, PGC_SUSET, internal_source, GUC_ACTION_LOCAL, true, 0,
                    false);
  // The principal is looked for anew, and checked.
  expire_catalog_tokens();
}

void check_taken_rights(const Principal &principal) {
  check_taken_rights(principal.organization, principal.user);
  check_taken_rights(principal.organization, principal.api_key);
}

void check_taken_rights(const Uuid &organization, const Uuid &holder) {
  if (configuration.taken_rights[0] == '\0') return;
  if (are_taken(organization, holder))
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("rights that were taken in this transaction do not count yet"),
                    errdetail("They count once the transaction is committed, with its audit entries."),
                    errhint("Commit the transaction before the next statement.")));
}

}  // namespace tenancy::pg
