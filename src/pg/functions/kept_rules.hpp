// The logging settings that apply to a row, by the organization and workspace that it names.
#pragma once

#include "core/access/kept.hpp"
#include "pg/catalog/catalog_read.hpp"

namespace tenancy::pg {

/// The organization and workspace that a row names; nil for none.
struct Place {
  Uuid organization;
  Uuid workspace;
};

/// RETURNS whose a row is: where it names no organization, its workspace's; nil for nobody's.
Uuid organization_of(const CatalogRead &read, const Place &place);

struct Rules {
  Stored stored;
  bool is_held;
};

/// RETURNS what applies to a row in a place, received then.
Rules read_rules(const Place &place, TimestampTz received);

}  // namespace tenancy::pg
