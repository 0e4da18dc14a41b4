#include "core/claims/claim.hpp"

#include "core/claims/bytes.hpp"

#include "core/no_server.hpp"

namespace tenancy {
namespace {

constexpr std::uint8_t claim_version = 1;

constexpr std::size_t bytes_of_bits(std::size_t bits) noexcept { return (bits + 7) / 8; }

// A set of all permissions also contains those that aren't registered; others contain none of these.
bool contains_unregistered(PermissionSet set, std::span<const ClaimedPermission> registered) noexcept {
  for (const ClaimedPermission &permission : registered) set.remove(permission.id);
  return !set.empty();
}

void write_set(ByteWriter &out, std::span<const ClaimedPermission> registered, const PermissionSet &set) {
  out.number(static_cast<std::uint8_t>(contains_unregistered(set, registered)));
  for (std::size_t start = 0; start < registered.size(); start += 8) {
    std::uint8_t bits = 0;
    for (std::size_t i = 0; i < 8 && start + i < registered.size(); ++i)
      if (set.contains(registered[start + i].id)) bits |= static_cast<std::uint8_t>(1U << i);
    out.number(bits);
  }
}

PermissionSet read_set(ByteReader &in, std::span<const ClaimedPermission> registered) noexcept {
  PermissionSet set = in.flag() ? PermissionSet::of_all() : PermissionSet{};
  const auto bits = in.bytes(bytes_of_bits(registered.size()));
  if (in.failed()) return {};
  for (std::size_t i = 0; i < 8 * bits.size(); ++i) {
    const bool contains = (bits[i / 8] >> i % 8 & 1U) != 0;
    if (i >= registered.size()) {
      if (contains) in.fail();
    } else if (contains) {
      set.add(registered[i].id);
    } else {
      set.remove(registered[i].id);
    }
  }
  return set;
}

void write_rights(ByteWriter &out, std::span<const ClaimedPermission> registered, const Rights &rights) {
  write_set(out, registered, rights.all);
  write_set(out, registered, rights.own);
}

Rights read_rights(ByteReader &in, std::span<const ClaimedPermission> registered) noexcept {
  const PermissionSet all = read_set(in, registered);
  const PermissionSet own = read_set(in, registered);
  if (all.intersects(own)) in.fail();
  return {all, own};
}

void write_ids(ByteWriter &out, std::span<const Uuid> ids) {
  out.number(static_cast<std::uint32_t>(ids.size()));
  for (const Uuid &id : ids) out.id(id);
}

void read_ids(ByteReader &in, std::vector<Uuid> &ids) {
  const auto count = in.count(sizeof(Uuid));
  ids.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    const Uuid id = in.id();
    if (!ids.empty() && id <= ids.back()) in.fail();
    ids.push_back(id);
  }
}

}  // namespace

/// Everything that an access consists of.
class AccessTransport {
 public:
  static void write(ByteWriter &out, std::span<const ClaimedPermission> registered, const Access &access) {
    out.id(access.organization_);
    write_rights(out, registered, access.on_organization_);
    write_rights(out, registered, access.on_organization_itself_);
    write_rights(out, registered, access.on_unassigned_);
    out.number(static_cast<std::uint32_t>(access.shared_.size()));
    for (const Rights &rights : access.shared_) write_rights(out, registered, rights);
    out.number(static_cast<std::uint32_t>(access.entries_.size()));
    for (const Access::Entry &entry : access.entries_) {
      out.id(entry.workspace);
      out.number(entry.rights);
      out.number(static_cast<std::uint8_t>(entry.above_settings));
    }
    out.number(static_cast<std::uint8_t>(access.elsewhere_.has_value()));
    if (access.elsewhere_) out.number(*access.elsewhere_);
    out.number(static_cast<std::uint8_t>(access.above_settings_));
  }

  static void read(ByteReader &in, std::span<const ClaimedPermission> registered, Access &access) {
    access.organization_ = in.id();
    access.on_organization_ = read_rights(in, registered);
    access.on_organization_itself_ = read_rights(in, registered);
    access.on_unassigned_ = read_rights(in, registered);
    const auto shared = in.count(2 * (1 + bytes_of_bits(registered.size())));
    access.shared_.reserve(shared);
    for (std::uint32_t i = 0; i < shared; ++i) access.shared_.push_back(read_rights(in, registered));
    const auto is_shared = [&](std::uint32_t index) {
      if (index >= access.shared_.size()) in.fail();
      return index;
    };
    const auto entries = in.count(sizeof(Uuid) + sizeof(std::uint32_t) + 1);
    access.entries_.reserve(entries);
    for (std::uint32_t i = 0; i < entries; ++i) {
      Access::Entry entry{};
      entry.workspace = in.id();
      entry.rights = is_shared(in.number<std::uint32_t>());
      entry.above_settings = in.flag();
      if (!access.entries_.empty() && entry.workspace <= access.entries_.back().workspace) in.fail();
      access.entries_.push_back(entry);
    }
    if (in.flag()) access.elsewhere_ = is_shared(in.number<std::uint32_t>());
    access.above_settings_ = in.flag();
  }
};

void write_claim(const ClaimTerms &terms, std::span<const ClaimedPermission> registered,
                 const ClaimedPrincipal &principal, std::string &out) {
  ByteWriter writer(out);
  writer.number(claim_version);
  writer.number(terms.key_id);
  writer.number(terms.sender_system);
  writer.number(terms.sender_database);
  writer.text(terms.challenge);
  writer.text(terms.login);
  writer.number(terms.until);

  writer.number(static_cast<std::uint32_t>(registered.size()));
  for (const ClaimedPermission &permission : registered) {
    writer.text(permission.resource);
    writer.text(permission.action);
  }

  writer.number(principal.kind);
  writer.number(principal.source);
  writer.id(principal.workspace);
  writer.id(principal.user);
  writer.id(principal.api_key);
  writer.number(static_cast<std::uint8_t>(principal.has_token_subject));
  if (principal.has_token_subject) writer.text(principal.token_subject);
  AccessTransport::write(writer, registered, principal.access);
  writer.number(static_cast<std::uint8_t>(principal.workspaces_listed));
  if (principal.workspaces_listed) write_ids(writer, principal.workspaces);
  write_ids(writer, principal.user_keys);
  writer.number(static_cast<std::uint32_t>(principal.external_ids.size()));
  for (const ClaimedExternalId &external : principal.external_ids) {
    writer.number(external.entity);
    writer.id(external.id);
    writer.text(external.external_id);
  }
}

std::optional<ClaimTerms> read_claim_terms(std::span<const std::uint8_t> bytes,
                                           std::span<const std::uint8_t> &rest) noexcept {
  ByteReader in(bytes);
  if (in.number<std::uint8_t>() != claim_version) return std::nullopt;
  ClaimTerms terms;
  terms.key_id = in.number<std::uint32_t>();
  terms.sender_system = in.number<std::uint64_t>();
  terms.sender_database = in.number<std::uint32_t>();
  terms.challenge = in.text();
  terms.login = in.text();
  terms.until = in.number<std::int64_t>();
  if (in.failed()) return std::nullopt;
  rest = in.rest();
  return terms;
}

bool read_claimed_permissions(std::span<const std::uint8_t> &rest,
                              std::vector<ClaimedPermission> &registered) {
  ByteReader in(rest);
  const auto count = in.count(2 * sizeof(std::uint32_t));
  if (count > max_permissions) return false;
  registered.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::string_view resource = in.text();
    const std::string_view action = in.text();
    // Names become C strings.
    if (resource.empty() || action.empty() || resource.find('\0') != resource.npos ||
        action.find('\0') != action.npos)
      in.fail();
    registered.push_back({resource, action, 0});
  }
  rest = in.rest();
  return !in.failed();
}

bool read_claimed_principal(std::span<const std::uint8_t> rest, std::span<const ClaimedPermission> registered,
                            ClaimedPrincipal &principal) {
  ByteReader in(rest);
  principal.kind = in.number<std::uint8_t>();
  principal.source = in.number<std::uint8_t>();
  principal.workspace = in.id();
  principal.user = in.id();
  principal.api_key = in.id();
  principal.has_token_subject = in.flag();
  if (principal.has_token_subject) principal.token_subject = in.text();
  AccessTransport::read(in, registered, principal.access);
  principal.workspaces_listed = in.flag();
  if (principal.workspaces_listed) read_ids(in, principal.workspaces);
  read_ids(in, principal.user_keys);
  const auto count = in.count(1 + sizeof(Uuid) + sizeof(std::uint32_t));
  principal.external_ids.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto entity = in.number<std::uint8_t>();
    const Uuid id = in.id();
    principal.external_ids.push_back({entity, id, in.text()});
  }
  return in.is_at_clean_end();
}

}  // namespace tenancy
