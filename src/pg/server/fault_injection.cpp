#include "pg/server/fault_injection.hpp"

#ifdef PG_TENANCY_FAULT_INJECTION
#include <cstdlib>
#include <new>
#include <stdexcept>

#include "pg/server/pg_prelude.hpp"

namespace tenancy::pg {
namespace {

enum class Fault : int { none, out_of_memory, unexpected, error, cancel, terminate };

const config_enum_entry fault_values[] = {{"none", static_cast<int>(Fault::none), false},
                                          {"out_of_memory", static_cast<int>(Fault::out_of_memory), false},
                                          {"unexpected", static_cast<int>(Fault::unexpected), false},
                                          {"error", static_cast<int>(Fault::error), false},
                                          {"cancel", static_cast<int>(Fault::cancel), false},
                                          {"terminate", static_cast<int>(Fault::terminate), false},
                                          {nullptr, 0, false}};

struct {
  Fault fault;
  int after;
  int passed;
  void (*changed)();
} state{};

extern "C" {
static void assign_fault(int, void *) {
  state.passed = 0;
  state.changed();
}
}

bool is_due() { return state.passed++ >= state.after; }

}  // namespace

void define_fault_parameters(void (*changed)()) {
  state.changed = changed;
  DefineCustomEnumVariable("tenancy.inject_fault", "Sets a fault to be raised while rights are worked out.",
                           nullptr, reinterpret_cast<int *>(&state.fault), static_cast<int>(Fault::none),
                           fault_values, PGC_SUSET, GUC_NOT_IN_SAMPLE, nullptr, assign_fault, nullptr);
  DefineCustomIntVariable("tenancy.inject_fault_after", "Sets how many chances to fail are let pass.",
                          nullptr, &state.after, 0, 0, INT_MAX, PGC_SUSET, GUC_NOT_IN_SAMPLE, nullptr,
                          assign_fault, nullptr);
}

void core_fault_point() {
  if (state.fault == Fault::out_of_memory && is_due()) throw std::bad_alloc();
  if (state.fault == Fault::unexpected && is_due()) throw std::runtime_error("injected");
}

void server_fault_point() {
  switch (state.fault) {
    case Fault::out_of_memory:
      if (is_due()) ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
      break;
    case Fault::error:
      if (is_due()) ereport(ERROR, (errmsg("injected error")));
      break;
    case Fault::cancel:
      if (!is_due()) break;
      QueryCancelPending = true;
      InterruptPending = true;
      CHECK_FOR_INTERRUPTS();
      break;
    case Fault::terminate:
      if (!is_due()) break;
      ProcDiePending = true;
      InterruptPending = true;
      CHECK_FOR_INTERRUPTS();
      break;
    case Fault::none:
    case Fault::unexpected:
      break;
  }
}

}  // namespace tenancy::pg

// Each allocation of the core is one that could fail. These are the module's own: exports.map keeps them
// inside.
void *operator new(std::size_t size) {
  tenancy::pg::core_fault_point();
  if (void *place = std::malloc(size)) return place;
  throw std::bad_alloc();
}
void operator delete(void *place) noexcept { std::free(place); }
void operator delete(void *place, std::size_t) noexcept { std::free(place); }
#endif
