#include "pg/session/identity.hpp"

#include "pg/server/compat.hpp"
#include "pg/session/simulation.hpp"

namespace tenancy::pg {

constinit IdentityStamp session_identity;

namespace {

struct {
  GucStringAssignHook assign;  // the server's own
  void (*changed)();
} session_user{};

struct {
  bool is_made;
  KeyedDigest::Key key;
} random_key{};

const KeyedDigest::Key &digest_key() {
  if (!random_key.is_made) {
    if (!pg_strong_random(random_key.key.data(), random_key.key.size()))
      ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not generate random values")));
    random_key.is_made = true;
  }
  return random_key.key;
}

extern "C" {
static void session_user_assigned(const char *name, void *extra) {
  session_user.assign(name, extra);
  session_user.changed();
}
}

}  // namespace

void watch_session_user(void (*changed)()) {
  config_generic *setting = find_setting("session_authorization");
  if (setting == nullptr || setting->vartype != PGC_STRING)
    ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("setting \"session_authorization\" not found")));
  config_string *text = text_of_setting(setting);
  session_user = {text->assign_hook, changed};
  text->assign_hook = session_user_assigned;
}

uint64 IdentityStamp::work_out() {
  const ParameterToken token = ParameterToken::now();
  value_ = identity_stamp_of(principal_texts());
  session_user_ = GetSessionUserId();
  token_ = token;
  return value_;
}

uint64 identity_stamp_of(const PrincipalTexts &texts) {
  uint64 stamp = hash_bytes_uint32_extended(GetSessionUserId(), 0);
  if (is_suspended()) stamp = hash_bytes_uint32_extended(1, stamp);
  if (is_claimed())
    stamp = hash_bytes_extended(reinterpret_cast<const unsigned char *>(configuration.claim),
                                static_cast<int>(strlen(configuration.claim)), stamp);
  uint32 number = 0;
  for (const char *text : texts.texts) {
    number++;
    // Most are empty.
    if (*text == '\0') continue;
    const size_t length = strlen(text);
    stamp =
        hash_bytes_extended(reinterpret_cast<const unsigned char *>(text), static_cast<int>(length), stamp);
    stamp = hash_combine64(stamp, (uint64{number} << 32) + length);
  }
  return stamp;
}

IdentityKey identity_key() {
  const Oid user = GetSessionUserId();
  // The principal of a simulated query is valid where the session's own would not be; a suspended one
  // counts for nothing.
  const uint8 state = (is_simulation() ? 1 : 0) | (is_suspended() ? 2 : 0);
  KeyedDigest digest(digest_key());
  // Gathered, since the digest takes whole words at once.
  uint8 gathered[256];
  size_t size = 0;
  const auto add = [&](const void *bytes, size_t length) {
    if (length > sizeof gathered - size) {
      digest.add({gathered, size});
      size = 0;
    }
    if (length > sizeof gathered) {
      digest.add({static_cast<const uint8 *>(bytes), length});
      return;
    }
    memcpy(gathered + size, bytes, length);
    size += length;
  };
  add(&user, sizeof user);
  add(&state, sizeof state);
  // Each with its terminator, so that none runs into the next.
  for (const char *text : principal_texts().texts) add(text, strlen(text) + 1);
  const char *claim = is_claimed() ? configuration.claim : "";
  add(claim, strlen(claim) + 1);
  digest.add({gathered, size});
  return {identity_stamp(), digest.finish()};
}

}  // namespace tenancy::pg
