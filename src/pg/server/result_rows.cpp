#include "pg/server/result_rows.hpp"

namespace tenancy::pg {

ResultRows::ResultRows(FunctionCallInfo fcinfo) {
  InitMaterializedSRF(fcinfo, 0);
  result_ = reinterpret_cast<ReturnSetInfo *>(fcinfo->resultinfo);
}

void ResultRows::add(Datum value) {
  nulls_[count_] = false;
  values_[count_++] = value;
}

void ResultRows::add_null() {
  nulls_[count_] = true;
  values_[count_++] = 0;
}

void ResultRows::add_text(const char *text) {
  if (text != nullptr)
    add(CStringGetTextDatum(text));
  else
    add_null();
}

void ResultRows::add_id(const Uuid &id) {
  if (id)
    add(uuid_datum(id));
  else
    add_null();
}

void ResultRows::end_row() {
  Assert(count_ == result_->setDesc->natts);
  tuplestore_putvalues(result_->setResult, result_->setDesc, values_, nulls_);
  count_ = 0;
}

const char *rows_name(Rows rows) {
  switch (rows) {
    case Rows::all:
      return "all";
    case Rows::own:
      return "own";
    case Rows::none:
      break;
  }
  return nullptr;
}

}  // namespace tenancy::pg
