// Columns that hold ids: as the product's uuid, or in another type as the application's own id.
#pragma once

#include "pg/catalog/entity_names.hpp"

namespace tenancy::pg {

/// A column's base type as far as ids are concerned.
enum class IdType : int { uuid, int2, int4, int8, text, unsupported };
/// unsupported: also a text type whose collation lets different texts be equal.
IdType id_type(Oid type, Oid collation);
IdType id_type_of(const Node *argument);

/// The value by which a column of the type names the entity; false where it can't name it.
bool id_value(const CatalogRead &read, Entity entity, const Uuid &id, IdType type, Datum *value);

/// Whether the argument can name the entity at all; not if there is none (nil), or no argument.
bool can_name(const Node *argument, Entity entity, const Uuid &id);

}  // namespace tenancy::pg
