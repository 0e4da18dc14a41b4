// Faults for test/faults, in a module built with FAULTS=1. In any other these are nothing.
//
// Work passes points at which it could fail: the core at each allocation and wherever the bridge enters it,
// the bridge where it reads a catalog or has made half of something. tenancy.inject_fault says how, and
// tenancy.inject_fault_after how many points of that kind go well before. So a test can let everything fail
// that there is, one after the other.
#pragma once

namespace tenancy::pg {

#ifdef PG_TENANCY_FAULT_INJECTION
/// `changed` is called when a fault is set, so that there is something to be done, which can fail.
void define_fault_parameters(void (*changed)());
/// Throws.
void core_fault_point();
/// Raises an error, or has the session interrupted.
void server_fault_point();
#else
inline void define_fault_parameters(void (*)()) {}
inline void core_fault_point() {}
inline void server_fault_point() {}
#endif

}  // namespace tenancy::pg
