// The logging settings that apply to a row, by the organization and workspace that it names.
#pragma once

#include "core/access/kept.hpp"
#include "pg/catalog/catalog_read.hpp"
#include "pg/server/pod_array.hpp"

namespace tenancy::pg {

/// The organization and workspace that a row names; nil for none.
struct Place {
  Uuid organization;
  Uuid workspace;
};

/// RETURNS whose a row is: where it names no organization, its workspace's; nil for nobody's.
Uuid organization_of(const CatalogRead &read, const Place &place);

/// Calls `visit(scan, tuple)` for each setting of an organization, and of one of its workspaces (nil: none).
/// In two scans, since other workspaces can have any number of settings.
template <typename Visit>
void visit_settings(const CatalogRead &read, const Uuid &organization, const Uuid &workspace, Visit visit) {
  for (const bool of_workspace : {false, true}) {
    if (of_workspace && !workspace) break;
    ScanKeyData keys[2];
    equals(&keys[0], attribute::logging_settings::organization_id, organization);
    if (of_workspace)
      equals(&keys[1], attribute::logging_settings::workspace_id, workspace);
    else
      is_null(&keys[1], attribute::logging_settings::workspace_id);
    CatalogScan scan = begin_scan(read, CatalogIndex::logging_settings_key, 2, keys);
    for (HeapTuple tuple; HeapTupleIsValid(tuple = next_tuple(scan));) visit(scan, tuple);
    end_scan(scan);
  }
}

struct Rules {
  Stored stored;
  bool is_held;
};

/// A hold on rows of an organization, in one workspace or (nil) wherever.
using Hold = Place;

/// RETURNS legal holds, in the order of their organizations; `of_others`: without those that this
/// transaction has set.
PodArray<Hold> list_holds(int at_most, bool of_others = false);

/// RETURNS what applies to a row in a place, received then.
Rules read_rules(const Place &place, TimestampTz received);

}  // namespace tenancy::pg
