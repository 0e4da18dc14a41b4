#include "pg/functions/changed_keys.hpp"

#include <algorithm>

namespace tenancy::pg {
namespace {

// A key that a row gives up, by DELETE or UPDATE, may leave rows that refer to it: the server checks that at
// the end of the statement or the transaction, and is content with any row that has the key by then. Only in
// such transactions are children looked for, since the column by which they refer need not have an index.
struct GivenUp {
  FullTransactionId transaction;
  int count;
  Oid tables[8];  // with more of them, any
};
GivenUp given_up;

bool is_of_this_transaction() {
  return FullTransactionIdIsValid(given_up.transaction) &&
         FullTransactionIdEquals(given_up.transaction, GetTopFullTransactionIdIfAny());
}

// The keys that rows have given up or got in statements that have not ended, with whose these rows were:
// actions on rows that refer to them are still to come, at the end of the statement, and go by the key alone.
struct ChangingStatement {
  MemoryContext executor;
  MemoryContextCallback end;
  HTAB *keys;
  ChangingStatement *outer;
};
ChangingStatement *changing = nullptr;

extern "C" {
// Also after an error
static void statement_ended(void *statement) {
  ChangingStatement **link = &changing;
  while (*link != nullptr && *link != statement) link = &(*link)->outer;
  if (*link != nullptr) *link = (*link)->outer;
}
}

// A row's trigger runs in memory of the statement's execution, which lasts until the statement has ended.
MemoryContext memory_of_executor() {
  MemoryContext context = CurrentMemoryContext;
  while (context != nullptr && strcmp(context->name, "ExecutorState") != 0) context = context->parent;
  return context != nullptr ? context : TopTransactionContext;
}

HTAB *keys_changed_here() {
  const MemoryContext executor = memory_of_executor();
  for (const ChangingStatement *statement = changing; statement != nullptr; statement = statement->outer)
    if (statement->executor == executor) return statement->keys;
  const MemoryContext memory = AllocSetContextCreate(executor, "keys of parents", ALLOCSET_SMALL_SIZES);
  HASHCTL control{};
  control.keysize = sizeof(ChangedKey::Key);
  control.entrysize = sizeof(ChangedKey);
  control.hcxt = memory;
  HTAB *keys = hash_create("keys of parents", 16, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
  auto *statement =
      static_cast<ChangingStatement *>(MemoryContextAllocZero(memory, sizeof(ChangingStatement)));
  *statement = {executor, {statement_ended, statement, nullptr}, keys, changing};
  MemoryContextRegisterResetCallback(memory, &statement->end);
  changing = statement;
  return keys;
}

}  // namespace

bool has_given_up(Oid table) {
  if (!is_of_this_transaction()) return false;
  const auto *end = given_up.tables + Min(given_up.count, static_cast<int>(lengthof(given_up.tables)));
  return given_up.count > static_cast<int>(lengthof(given_up.tables)) ||
         std::find(static_cast<const Oid *>(given_up.tables), end, table) != end;
}

void note_given_up(Oid table) {
  if (has_given_up(table)) return;
  if (!is_of_this_transaction()) given_up = {GetTopFullTransactionId(), 0, {}};
  if (given_up.count < static_cast<int>(lengthof(given_up.tables))) given_up.tables[given_up.count] = table;
  given_up.count++;
}

void note_changed_key(const ChangedKey &key) {
  bool found = false;
  auto *entry = static_cast<ChangedKey *>(hash_search(keys_changed_here(), &key.key, HASH_ENTER, &found));
  if (!found) entry->tenant = key.tenant;
}

bool are_keys_changing() { return changing != nullptr; }

bool is_anothers_key(const ChangedKey &key) {
  for (const ChangingStatement *statement = changing; statement != nullptr; statement = statement->outer) {
    const auto *entry =
        static_cast<const ChangedKey *>(hash_search(statement->keys, &key.key, HASH_FIND, nullptr));
    if (entry != nullptr && entry->tenant != key.tenant) return true;
  }
  return false;
}

}  // namespace tenancy::pg
