// JSON objects for tests, written as C++.
#pragma once

#include <initializer_list>
#include <vector>

#include "core/credential/json_object.hpp"

namespace tenancy {

inline JsonValue text(std::string_view value) { return {JsonValue::Kind::text, value, {}}; }
inline JsonValue number(std::string_view value) { return {JsonValue::Kind::number, value, {}}; }
inline JsonValue texts(const std::vector<std::string_view> &values) {
  return {JsonValue::Kind::texts, {}, values};
}
inline constexpr JsonValue null_value{JsonValue::Kind::other, {}, {}};

/// Members that can be replaced, left out (absent) and added.
class Json {
 public:
  Json(std::initializer_list<JsonMember> members) : members_(members) {}

  Json with(std::string_view name, const JsonValue &value) const {
    Json changed = *this;
    std::erase_if(changed.members_, [name](const JsonMember &member) { return member.name == name; });
    if (value.is_given()) changed.members_.push_back({name, value});
    return changed;
  }
  Json without(std::string_view name) const { return with(name, {}); }

  /// Lives as long as this.
  JsonObject object() {
    arrange_members(members_);
    return {members_};
  }

 private:
  std::vector<JsonMember> members_;
};

}  // namespace tenancy
