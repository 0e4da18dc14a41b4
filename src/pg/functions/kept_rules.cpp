#include "pg/functions/kept_rules.hpp"

#include "pg/catalog/catalog_oids.hpp"
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

PodArray<Hold> list_holds(int at_most, bool of_others) {
  PodArray<Hold> holds;
  if (!has_catalog_index(CatalogIndex::logging_settings_key)) return holds;
  CatalogRead read = begin_catalog_read();
  CatalogScan scan = begin_scan(read, CatalogIndex::logging_settings_key, 0, nullptr);
  for (HeapTuple tuple; holds.count < at_most && HeapTupleIsValid(tuple = next_tuple(scan));)
    if (strcmp(text_column(scan, tuple, attribute::logging_settings::setting), "legal_hold") == 0 &&
        !(of_others && TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetXmin(tuple->t_data))))
      holds.append({uuid_column(scan, tuple, attribute::logging_settings::organization_id),
                    uuid_column(scan, tuple, attribute::logging_settings::workspace_id)});
  end_scan(scan);
  end_catalog_read(read);
  return holds;
}

Rules read_rules(const Place &place, TimestampTz received) {
  Rules rules{Stored::full, false};
  if (!place.organization && !place.workspace) return rules;
  CatalogRead read = begin_catalog_read();
  if (const Uuid organization = organization_of(read, place))
    visit_settings(read, organization, place.workspace, [&](const CatalogScan &scan, HeapTuple tuple) {
      const char *setting = text_column(scan, tuple, attribute::logging_settings::setting);
      if (strcmp(setting, "legal_hold") == 0) {
        rules.is_held = true;
      } else if (strcmp(setting, "store_content") == 0 &&
                 time_column(scan, tuple, attribute::logging_settings::set_at) <= received) {
        const auto stored = stored_named(text_column(scan, tuple, attribute::logging_settings::value));
        rules.stored = stricter(rules.stored, stored.value_or(Stored::none));
      }
    });
  end_catalog_read(read);
  return rules;
}

}  // namespace tenancy::pg
