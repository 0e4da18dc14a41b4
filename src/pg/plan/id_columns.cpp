#include "pg/plan/id_columns.hpp"

#include "core/access/external_id.hpp"
#include "pg/server/compat.hpp"
#include "pg/server/uuid_datum.hpp"

namespace tenancy::pg {

IdType id_type(Oid type, Oid collation) {
  // Nearly all columns of ids are; others may be domains.
  if (type == UUIDOID) return IdType::uuid;
  switch (getBaseType(type)) {
    case UUIDOID:
      return IdType::uuid;
    case INT2OID:
      return IdType::int2;
    case INT4OID:
      return IdType::int4;
    case INT8OID:
      return IdType::int8;
    case TEXTOID:
    case VARCHAROID:
      return !OidIsValid(collation) || get_collation_isdeterministic(collation) ? IdType::text
                                                                                : IdType::unsupported;
    default:
      return IdType::unsupported;
  }
}

bool external_id_value(const char *external_id, IdType type, Datum *value) {
  switch (type) {
    case IdType::int2:
      if (const auto number = integer_id<int16>(external_id)) return *value = Int16GetDatum(*number), true;
      return false;
    case IdType::int4:
      if (const auto number = integer_id<int32>(external_id)) return *value = Int32GetDatum(*number), true;
      return false;
    case IdType::int8:
      if (const auto number = integer_id<int64>(external_id)) return *value = Int64GetDatum(*number), true;
      return false;
    case IdType::text:
      *value = CStringGetTextDatum(external_id);
      return true;
    default:
      return false;
  }
}

bool id_value(const CatalogRead &read, Entity entity, const Uuid &id, const Uuid &organization, IdType type,
              Datum *value) {
  if (type == IdType::uuid) {
    *value = uuid_datum(id);
    return true;
  }
  const char *external_id = read_external_id(read, entity, id, organization);
  return external_id != nullptr && external_id_value(external_id, type, value);
}

IdType id_type_of(const Node *argument) { return id_type(exprType(argument), exprCollation(argument)); }

bool can_name(const Node *argument, Entity entity, const Uuid &id, const Uuid &organization) {
  if (argument == nullptr || !id) return false;
  const IdType type = id_type_of(argument);
  if (type == IdType::unsupported || type == IdType::uuid) return type == IdType::uuid;
  CatalogRead read = begin_catalog_read();
  Datum value = 0;
  const bool found = id_value(read, entity, id, organization, type, &value);
  end_catalog_read(read);
  return found;
}

Node *id_parameter(int number, Oid type, Oid collation) {
  Param *param = makeNode(Param);
  param->paramkind = PARAM_EXTERN;
  param->paramid = number;
  param->paramtype = type;
  param->paramtypmod = -1;
  param->paramcollid = collation;
  param->location = -1;
  return reinterpret_cast<Node *>(param);
}

}  // namespace tenancy::pg
