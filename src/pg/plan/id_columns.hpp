// Columns that hold ids: as the product's uuid, or in another type as the application's own id.
#pragma once

#include "pg/catalog/entity_names.hpp"

namespace tenancy::pg {

/// A column's base type as far as ids are concerned.
enum class IdType : int { uuid, int2, int4, int8, text, unsupported };
/// unsupported also stands for text types whose collation makes different texts equal.
IdType id_type(Oid type, Oid collation);
IdType id_type_of(const Node *argument);

/// The value that stands for the entity in a column of this type; false if there is none. `organization`: of
/// the rows, where a user can have an external id of its own.
bool id_value(const CatalogRead &read, Entity entity, const Uuid &id, const Uuid &organization, IdType type,
              Datum *value);

/// The value that an external id is in a column of this type; false if the type can't hold it.
bool external_id_value(const char *external_id, IdType type, Datum *value);

/// Whether the argument can hold the entity's id; false for nil, and without an argument.
bool can_name(const Node *argument, Entity entity, const Uuid &id, const Uuid &organization);

/// A parameter in a column's place, for a filter that is evaluated row by row.
Node *id_parameter(int number, Oid type, Oid collation);

}  // namespace tenancy::pg
