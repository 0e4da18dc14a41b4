#include "pg/session/taken_rights.hpp"

#include "pg/catalog/catalog_read.hpp"
#include "pg/server/pod_array.hpp"
#include "pg/session/principal.hpp"

extern "C" {
#include "access/xact.h"
#include "utils/memutils.h"
}

namespace tenancy::pg {
namespace {

struct TakenRights {
  Uuid organization;
  Uuid holder;
  SubTransactionId subtransaction;
};

// In the transaction's memory
PodArray<TakenRights> taken{};

extern "C" {
static void transaction_ends(XactEvent event, void *) {
  if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE) taken = {};
}

static void subtransaction_ends(SubXactEvent event, SubTransactionId ended, SubTransactionId parent, void *) {
  if (event != SUBXACT_EVENT_ABORT_SUB && event != SUBXACT_EVENT_COMMIT_SUB) return;
  int kept = 0;
  for (TakenRights rights : taken.span()) {
    if (rights.subtransaction == ended) {
      if (event == SUBXACT_EVENT_ABORT_SUB) continue;
      rights.subtransaction = parent;
    }
    taken.items[kept++] = rights;
  }
  taken.count = kept;
}
}

}  // namespace

void note_taken_rights(const Uuid &organization, const Uuid &holder) {
  const MemoryContext caller = MemoryContextSwitchTo(TopTransactionContext);
  taken.append({organization, holder, GetCurrentSubTransactionId()});
  MemoryContextSwitchTo(caller);
  // The principal is looked for anew, and checked.
  expire_catalog_tokens();
}

void check_taken_rights(const Principal &principal) {
  for (const TakenRights &rights : taken.span()) {
    if (rights.organization != principal.organization ||
        (rights.holder != principal.user && rights.holder != principal.api_key))
      continue;
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("rights that were taken in this transaction do not count yet"),
                    errdetail("They count once the transaction is committed, with its audit entries."),
                    errhint("Commit the transaction before the next statement.")));
  }
}

void register_taken_rights() {
  RegisterXactCallback(transaction_ends, nullptr);
  RegisterSubXactCallback(subtransaction_ends, nullptr);
}

}  // namespace tenancy::pg
