#include "pg/session/audit_event.hpp"

#include <algorithm>

namespace tenancy::pg {
namespace {

// The name of a login may be one of another database's encoding. An encoding that is none ("SQL_ASCII") takes
// any bytes; hashes of entries need UTF-8.
bool is_text(const char *text) {
  const auto length = static_cast<int>(strlen(text));
  return pg_verify_mbstr(GetDatabaseEncoding() == PG_SQL_ASCII ? PG_UTF8 : GetDatabaseEncoding(), text,
                         length, true);
}

const char *as_text(const char *value) {
  if (is_text(value)) return value;
  char *text = pstrdup(value);
  std::replace_if(
      text, text + strlen(text), [](char c) { return IS_HIGHBIT_SET(c); }, '?');
  return text;
}

void append_text(StringInfo json, const char *name, const char *value) {
  if (*value == '\0') return;
  appendStringInfo(json, "%s\"%s\": ", json->data[json->len - 1] == '{' ? "" : ", ", name);
  escape_json(json, as_text(value));
}

void append_time(StringInfo json, TimestampTz at) {
  pg_tm time{};
  fsec_t microseconds = 0;
  if (timestamp2tm(at, nullptr, &time, &microseconds, nullptr, nullptr) != 0) return;
  appendStringInfo(json, "\"at\": \"%04d-%02d-%02dT%02d:%02d:%02d.%06dZ\"", time.tm_year, time.tm_mon,
                   time.tm_mday, time.tm_hour, time.tm_min, time.tm_sec, static_cast<int>(microseconds));
}

void append_id(StringInfo json, const char *name, const Uuid &id) {
  if (!id) return;
  char text[37];
  char *out = text;
  for (size_t i = 0; i < id.bytes.size(); i++) {
    if (i == 4 || i == 6 || i == 8 || i == 10) *out++ = '-';
    out += snprintf(out, 3, "%02x", id.bytes[i]);
  }
  append_text(json, name, text);
}

}  // namespace

void copy_audit_text(char *target, size_t size, const char *text) {
  if (text == nullptr) text = "";
  auto length = static_cast<int>(strlen(text));
  // Bytes that are no text are kept for append_audit_event(), and must not end before them.
  if (length >= static_cast<int>(size))
    length =
        is_text(text) ? pg_mbcliplen(text, length, static_cast<int>(size) - 1) : static_cast<int>(size) - 1;
  memcpy(target, text, static_cast<size_t>(length));
  target[length] = '\0';
}

void append_audit_event(StringInfo json, const AuditEvent &event) {
  appendStringInfoChar(json, '{');
  append_time(json, event.at);
  append_id(json, "organization_id", event.organization);
  append_id(json, "workspace_id", event.workspace);
  append_id(json, "user_id", event.user);
  append_id(json, "api_key_id", event.api_key);
  append_text(json, "actor_kind", event.actor_kind);
  append_text(json, "login", event.login);
  append_text(json, "client_address", event.address);
  append_text(json, "action", event.action);
  append_text(json, "resource_type", event.resource_type);
  append_text(json, "resource_id", event.resource_id);
  append_text(json, "outcome", event.outcome);
  append_text(json, "request_id", event.request_id);
  append_text(json, "user_agent", event.user_agent);
  if (*event.details != '\0') appendStringInfo(json, ", \"after\": %s", as_text(event.details));
  appendStringInfoChar(json, '}');
}

}  // namespace tenancy::pg
