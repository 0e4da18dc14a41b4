// A growing array of plain values in the current memory context, for values read from the server before the
// core uses them. No destructor, so that a server ERROR may jump over it.
#pragma once

#include <span>
#include <type_traits>

#include "pg/server/pg_prelude.hpp"

namespace tenancy::pg {

/// FIRST_CAPACITY: room for so many is made with the first.
template <typename Value, int FIRST_CAPACITY = 16>
struct PodArray {
  static_assert(std::is_trivially_copyable_v<Value>);

  Value *items = nullptr;
  int count = 0;
  int capacity = 0;

  void append(const Value &value) {
    if (count == capacity) {
      const int grown = Max(FIRST_CAPACITY, capacity * 2);
      const Size size = static_cast<Size>(grown) * sizeof(Value);
      items = static_cast<Value *>(items == nullptr ? MemoryContextAllocHuge(CurrentMemoryContext, size)
                                                    : repalloc_huge(items, size));
      capacity = grown;
    }
    items[count++] = value;
  }
  std::span<const Value> span() const { return {items, static_cast<size_t>(count)}; }
};

}  // namespace tenancy::pg
