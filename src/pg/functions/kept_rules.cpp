#include "pg/functions/kept_rules.hpp"

#include "pg/server/compat.hpp"

namespace tenancy::pg {

Uuid organization_of(const CatalogRead &read, const Place &place) {
  if (place.organization || !place.workspace) return place.organization;
  ScanKeyData key;
  equals(&key, attribute::workspaces::workspace_id, place.workspace);
  CatalogScan scan = begin_scan(read, CatalogIndex::workspaces_pkey, 1, &key);
  const HeapTuple tuple = next_tuple(scan);
  const Uuid organization =
      HeapTupleIsValid(tuple) ? uuid_column(scan, tuple, attribute::workspaces::organization_id) : Uuid{};
  end_scan(scan);
  return organization;
}

Rules read_rules(const Place &place, TimestampTz received) {
  Rules rules{Stored::full, false};
  if (!place.organization && !place.workspace) return rules;
  CatalogRead read = begin_catalog_read();
  if (const Uuid organization = organization_of(read, place)) {
    ScanKeyData key;
    equals(&key, attribute::logging_settings::organization_id, organization);
    CatalogScan scan = begin_scan(read, CatalogIndex::logging_settings_key, 1, &key);
    for (HeapTuple tuple; HeapTupleIsValid(tuple = next_tuple(scan));) {
      const Uuid workspace = uuid_column(scan, tuple, attribute::logging_settings::workspace_id);
      if (workspace && workspace != place.workspace) continue;
      const char *setting = text_column(scan, tuple, attribute::logging_settings::setting);
      if (strcmp(setting, "legal_hold") == 0) {
        rules.is_held = true;
      } else if (strcmp(setting, "store_content") == 0 &&
                 time_column(scan, tuple, attribute::logging_settings::set_at) <= received) {
        const auto stored = stored_named(text_column(scan, tuple, attribute::logging_settings::value));
        rules.stored = stricter(rules.stored, stored.value_or(Stored::none));
      }
    }
    end_scan(scan);
  }
  end_catalog_read(read);
  return rules;
}

}  // namespace tenancy::pg
