// Evaluates the WHERE of INSERT ... ON CONFLICT DO UPDATE only on rows that policies let the session update.
//
// The server checks the existing row against policies in any case. Before 15.20, 16.16, 17.12 and 18.7 it
// does so after the WHERE, which a function in it can use to read hidden rows, one for each known key
// (CVE-2026-120154).
//
// Applies to every table with row security: policies of other tables deserve the same protection.
#pragma once

namespace tenancy::pg {

void register_conflict_conditions();

}  // namespace tenancy::pg
