// The keys by which the nodes of a cluster sign and verify claims (tenancy_internal.cluster_keys).
#pragma once

#include "pg/catalog/catalog_read.hpp"

namespace tenancy::pg {

struct ClusterKey {
  uint32 id;  // 0: there is none
  uint8 secret[32];
};

/// RETURNS the key that this node signs by.
ClusterKey read_signing_key(const CatalogRead &read);
/// RETURNS the key with this number.
ClusterKey read_cluster_key(const CatalogRead &read, uint32 id);

}  // namespace tenancy::pg
