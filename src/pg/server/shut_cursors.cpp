#include "pg/server/shut_cursors.hpp"

#include "pg/server/compat.hpp"
#include "pg/server/error_bridge.hpp"
#include "pg/server/pod_array.hpp"

namespace tenancy::pg {
namespace {

struct ShutCursors {
  PodArray<Portal> cursors;
  void (*work)(void *);
  void *argument;
};

void find_open_cursors(PodArray<Portal> &cursors) {
  const MemoryContext context = CurrentMemoryContext;
  SPI_connect();
  SPI_execute("SELECT name FROM pg_catalog.pg_cursors", true, 0);
  for (uint64 i = 0; i < SPI_processed; i++) {
    const char *name = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1);
    const Portal portal = name == nullptr ? nullptr : GetPortalByName(name);
    if (!PortalIsValid(portal) || portal->status != PORTAL_READY) continue;
    const MemoryContext before = MemoryContextSwitchTo(context);
    cursors.append(portal);
    MemoryContextSwitchTo(before);
  }
  SPI_finish();
}

void set_status(const ShutCursors &shut, PortalStatus before, PortalStatus after) {
  for (const Portal portal : shut.cursors.span())
    if (portal->status == before) portal->status = after;
}

extern "C" {
static void run(void *argument) {
  const auto *shut = static_cast<const ShutCursors *>(argument);
  shut->work(shut->argument);
}

static void open_again(void *argument) {
  set_status(*static_cast<const ShutCursors *>(argument), PORTAL_ACTIVE, PORTAL_READY);
}
}

}  // namespace

void run_with_cursors_shut(void (*work)(void *), void *argument) {
  ShutCursors shut{{}, work, argument};
  find_open_cursors(shut.cursors);
  // As if they were being run: so none can be dropped either.
  set_status(shut, PORTAL_READY, PORTAL_ACTIVE);
  run_with_cleanup(run, open_again, &shut);
}

}  // namespace tenancy::pg
