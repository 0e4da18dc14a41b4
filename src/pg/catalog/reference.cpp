#include "pg/catalog/reference.hpp"
#include "pg/catalog/caller.hpp"
#include "pg/catalog/entity_names.hpp"
#include "pg/catalog/facts.hpp"
#include "pg/server/quotable.hpp"

namespace tenancy::pg {
namespace {

constexpr int uuid_digits = 32;

// In bytes; more than any two names with a slash between them. Longer texts refer to nothing, and are
// rejected without a look-up.
constexpr size_t longest_reference = 4096;

// False if the reference is too long; an error, unless ambiguous references count as none.
bool check_length(const char *what, const char *reference, Ambiguous ambiguous) {
  const size_t length = strlen(reference);
  if (length <= longest_reference) return true;
  if (ambiguous == Ambiguous::is_error)
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s reference is too long", what),
                    errdetail("It has %zu bytes, and may have %zu.", length, longest_reference)));
  return false;
}

// The text as a uuid, without raising errors for other texts; the spellings of uuid's output, with or
// without braces and hyphens.
bool parse_uuid(const char *text, Uuid &id) {
  int digits = 0;
  for (const char *c = text; *c != '\0'; c++) {
    if (*c == '-') continue;
    const int value = *c >= '0' && *c <= '9'   ? *c - '0'
                      : *c >= 'a' && *c <= 'f' ? *c - 'a' + 10
                      : *c >= 'A' && *c <= 'F' ? *c - 'A' + 10
                                               : -1;
    if (value < 0 || digits == uuid_digits) return false;
    auto &byte = id.bytes[static_cast<size_t>(digits / 2)];
    byte = static_cast<uint8>(byte << 4 | value);
    digits++;
  }
  return digits == uuid_digits;
}

// The result of one way of resolving the reference.
struct Matches {
  const char *what;       // the kind of entity, for messages
  const char *reference;  // as given
  Ambiguous ambiguous;
  Uuid members_of;  // users: only members of this organization, unless it is nil
  Uuid found;
  const char *found_by;
  bool several;
  bool is_user;
  bool active;    // the user found
  bool anywhere;  // workspaces: of any organization

  Uuid result() const { return several ? Uuid{} : found; }
};

bool is_member(const CatalogRead &read, const Uuid &organization, const Uuid &user) {
  ScanKeyData keys[2];
  equals(&keys[0], attribute::organization_members::organization_id, organization);
  equals(&keys[1], attribute::organization_members::user_id, user);
  CatalogScan scan = begin_scan(read, CatalogIndex::organization_members_pkey, 2, keys);
  const HeapTuple tuple = next_tuple(scan);
  const bool found =
      HeapTupleIsValid(tuple) && !has_ended(scan, tuple, attribute::organization_members::ends_at);
  end_scan(scan);
  return found;
}

void add_match(Matches &matches, const CatalogRead &read, const Uuid &id, const char *found_by) {
  if (!id || id == matches.found) return;
  if (matches.members_of && !is_member(read, matches.members_of, id)) return;
  if (matches.found && matches.ambiguous == Ambiguous::is_none) {
    matches.several = true;
    return;
  }
  if (matches.found)
    ereport(
        ERROR,
        (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
         errmsg("%s reference \"%s\" is ambiguous", matches.what, quotable(matches.reference)),
         errdetail("It is the %s of one %s and the %s of another.", matches.found_by, matches.what, found_by),
         errhint(matches.anywhere ? "Use the id, or write organization/workspace." : "Use the id.")));
  matches.found = id;
  matches.found_by = found_by;
}

// All rows that the index finds, in the organization if one is given.
void add_rows(Matches &matches, const CatalogRead &read, CatalogIndex index, int key_count, ScanKey keys,
              AttrNumber organization_attribute, const Uuid &organization, const char *found_by) {
  CatalogScan scan = begin_scan(read, index, key_count, keys);
  for (HeapTuple tuple; HeapTupleIsValid(tuple = next_tuple(scan));) {
    if (organization && uuid_column(scan, tuple, organization_attribute) != organization) continue;
    const Uuid id = uuid_column(scan, tuple, 1);
    add_match(matches, read, id, found_by);
    if (matches.is_user && id == matches.found)
      matches.active = bool_column(scan, tuple, attribute::users::active);
  }
  end_scan(scan);
}

void add_by_id(Matches &matches, const CatalogRead &read, CatalogIndex index,
               AttrNumber organization_attribute, const Uuid &organization) {
  Uuid id;
  if (!parse_uuid(matches.reference, id)) return;
  ScanKeyData key;
  equals(&key, 1, id);
  add_rows(matches, read, index, 1, &key, organization_attribute, organization, "id");
}

void add_by_text(Matches &matches, const CatalogRead &read, CatalogIndex index, AttrNumber attribute,
                 const char *text, AttrNumber organization_attribute, const Uuid &organization,
                 const char *found_by) {
  ScanKeyData key;
  equals(&key, attribute, F_TEXTEQ, CStringGetTextDatum(text));
  add_rows(matches, read, index, 1, &key, organization_attribute, organization, found_by);
}

// An id names its row and no other, also where somebody has given another row an external id of that form.
void add_organizations(Matches &matches, const CatalogRead &read, const Uuid &only) {
  const AttrNumber id = attribute::organizations::organization_id;
  add_by_id(matches, read, CatalogIndex::organizations_pkey, id, {});
  if (matches.found) {
    if (only && matches.found != only) matches.found = {};
    return;
  }
  add_by_text(matches, read, CatalogIndex::organizations_external_id_key,
              attribute::organizations::external_id, matches.reference, id, only, "external id");
  add_by_text(matches, read, CatalogIndex::organizations_slug_key, attribute::organizations::slug,
              matches.reference, id, only, "slug");
}

}  // namespace

Uuid find_organization(const CatalogRead &read, const char *reference, Ambiguous ambiguous) {
  if (!check_length("organization", reference, ambiguous)) return {};
  Matches matches{"organization", reference, ambiguous, {}, {}, nullptr, false, false, false, false};
  add_organizations(matches, read, {});
  return matches.result();
}

bool names_organization(const CatalogRead &read, const char *reference, const Uuid &organization,
                        Ambiguous ambiguous) {
  if (!check_length("organization", reference, ambiguous)) return false;
  Matches matches{"organization", reference, Ambiguous::is_none, {}, {}, nullptr, false, false, false, false};
  if (organization) add_organizations(matches, read, organization);
  return static_cast<bool>(matches.result());
}

namespace {

Uuid member_with_id(const CatalogRead &read, const Uuid &organization, const char *external_id) {
  ScanKeyData keys[2];
  equals(&keys[0], attribute::organization_members::organization_id, organization);
  equals(&keys[1], attribute::organization_members::external_id, F_TEXTEQ, CStringGetTextDatum(external_id));
  CatalogScan scan = begin_scan(read, CatalogIndex::organization_members_external_id_key, 2, keys);
  const HeapTuple tuple = next_tuple(scan);
  const Uuid user =
      HeapTupleIsValid(tuple) ? uuid_column(scan, tuple, attribute::organization_members::user_id) : Uuid{};
  end_scan(scan);
  return user;
}

Matches users_named(const CatalogRead &read, const char *reference, const Uuid &members_of) {
  Matches matches{"user", reference, Ambiguous::is_error, members_of, {}, nullptr, false, true, false, false};
  if (!check_length("user", reference, Ambiguous::is_error)) return matches;
  // Neither an id nor an address becomes ambiguous by external ids, which others choose.
  add_by_id(matches, read, CatalogIndex::users_pkey, 0, {});
  if (matches.found) return matches;
  if (strchr(reference, '@') != nullptr) {
    const char *email = asc_tolower(reference, strlen(reference));
    add_by_text(matches, read, CatalogIndex::users_email_key, attribute::users::email, email, 0, {},
                "e-mail address");
    // An external id of this form is the address that its holder had when it was given, and somebody else's
    // by now.
    return matches;
  }
  add_by_text(matches, read, CatalogIndex::users_external_id_key, attribute::users::external_id, reference, 0,
              {}, "external id");
  if (!members_of) return matches;
  // The organization's own id of a member replaces the global one.
  if (matches.found)
    if (const char *own = read_member_id(read, members_of, matches.found);
        own != nullptr && strcmp(own, reference) != 0)
      matches.found = {};
  if (!matches.found) add_match(matches, read, member_with_id(read, members_of, reference), "external id");
  return matches;
}

}  // namespace

Uuid find_user(const CatalogRead &read, const char *reference, const Uuid &members_of) {
  return users_named(read, reference, members_of).found;
}

UserFound find_user_row(const CatalogRead &read, const char *reference) {
  const Matches matches = users_named(read, reference, {});
  return {matches.found, matches.active};
}

namespace {

// By its name alone, without the organization's before it. `organization` nil: in any.
Matches workspaces_named(const CatalogRead &read, const char *reference, const Uuid &organization,
                         Ambiguous ambiguous) {
  Matches matches{
      "workspace", reference, ambiguous, {},    {},
      nullptr,     false,     false,     false, !organization && strchr(reference, '/') == nullptr};
  const AttrNumber of = attribute::workspaces::organization_id;
  add_by_id(matches, read, CatalogIndex::workspaces_pkey, of, organization);
  if (matches.found) return matches;
  add_by_text(matches, read, CatalogIndex::workspaces_external_id_key, attribute::workspaces::external_id,
              reference, of, organization, "external id");
  if (organization) {
    ScanKeyData keys[2];
    equals(&keys[0], of, organization);
    equals(&keys[1], attribute::workspaces::slug, F_TEXTEQ, CStringGetTextDatum(reference));
    add_rows(matches, read, CatalogIndex::workspaces_organization_id_slug_key, 2, keys, of, organization,
             "slug");
  } else {
    add_by_text(matches, read, CatalogIndex::workspaces_slug_idx, attribute::workspaces::slug, reference, of,
                {}, "slug");
  }
  return matches;
}

}  // namespace

Uuid find_workspace(const CatalogRead &read, const char *reference, const Uuid &organization,
                    Ambiguous ambiguous) {
  if (!check_length("workspace", reference, ambiguous)) return {};
  Matches matches = workspaces_named(read, reference, organization, ambiguous);
  const char *slash = strchr(reference, '/');
  if (slash == nullptr || matches.several) return matches.result();

  // Split once: the part after the first slash is the workspace's name, whatever it contains. A principal's
  // own organization is compared and no other searched: its members must not learn about others.
  const char *before = pnstrdup(reference, static_cast<Size>(slash - reference));
  Uuid named = organization;
  if (!organization) {
    named = find_organization(read, before, ambiguous);
    // Where there is an organization of that name, it is meant: another one may have given its workspace an
    // external id that looks so.
    if (named) return workspaces_named(read, slash + 1, named, ambiguous).result();
  } else if (!names_organization(read, before, organization)) {
    named = {};
  }
  // An external id that contains a slash takes no reference from another workspace of the organization, nor
  // the other way round.
  if (named)
    add_match(matches, read, workspaces_named(read, slash + 1, named, ambiguous).result(),
              "name, after its organization's,");
  return matches.result();
}

namespace {

// For the administration functions; NULL for NULL.
[[noreturn]] void raise_not_found(const char *what, const char *reference) {
  ereport(ERROR,
          (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("%s \"%s\" does not exist", what, quotable(reference))));
  pg_unreachable();
}

Datum found_or_error(const Uuid &found, const char *what, const char *reference) {
  if (!found) raise_not_found(what, reference);
  return uuid_datum(found);
}

}  // namespace

extern "C" {
PG_FUNCTION_INFO_V1(pg_tenancy_find_organization);
Datum pg_tenancy_find_organization(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  const char *reference = text_to_cstring(PG_GETARG_TEXT_PP(0));
  CatalogRead read = begin_catalog_read();
  const Uuid found = find_organization(read, reference);
  end_catalog_read(read);
  return found_or_error(found, "organization", reference);
}

PG_FUNCTION_INFO_V1(pg_tenancy_find_user);
Datum pg_tenancy_find_user(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  const char *reference = text_to_cstring(PG_GETARG_TEXT_PP(0));
  CatalogRead read = begin_catalog_read();
  const Uuid found = find_user(read, reference);
  end_catalog_read(read);
  return found_or_error(found, "user", reference);
}

// Whether the reference is to this organization: other possible matches make no difference.
PG_FUNCTION_INFO_V1(pg_tenancy_refers_to_organization);
Datum pg_tenancy_refers_to_organization(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  CatalogRead read = begin_catalog_read();
  const bool named =
      names_organization(read, text_to_cstring(PG_GETARG_TEXT_PP(0)), uuid_of_datum(PG_GETARG_DATUM(1)));
  end_catalog_read(read);
  PG_RETURN_BOOL(named);
}

// The organization's member that the reference is to, or NULL; organization NULL: any user.
PG_FUNCTION_INFO_V1(pg_tenancy_lookup_user);
Datum pg_tenancy_lookup_user(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  if (PG_ARGISNULL(0)) PG_RETURN_NULL();
  const Uuid organization = PG_ARGISNULL(1) ? Uuid{} : uuid_of_datum(PG_GETARG_DATUM(1));
  CatalogRead read = begin_catalog_read();
  const Uuid found = find_user(read, text_to_cstring(PG_GETARG_TEXT_PP(0)), organization);
  end_catalog_read(read);
  if (!found) PG_RETURN_NULL();
  return uuid_datum(found);
}

// As below, with NULL for none: its caller raises an error with a hint.
PG_FUNCTION_INFO_V1(pg_tenancy_lookup_workspace);
Datum pg_tenancy_lookup_workspace(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  if (PG_ARGISNULL(0)) PG_RETURN_NULL();
  const Uuid organization = PG_ARGISNULL(1) ? Uuid{} : uuid_of_datum(PG_GETARG_DATUM(1));
  CatalogRead read = begin_catalog_read();
  const Uuid found = find_workspace(read, text_to_cstring(PG_GETARG_TEXT_PP(0)), organization);
  end_catalog_read(read);
  if (!found) PG_RETURN_NULL();
  return uuid_datum(found);
}

PG_FUNCTION_INFO_V1(pg_tenancy_find_workspace);
Datum pg_tenancy_find_workspace(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  if (PG_ARGISNULL(0)) PG_RETURN_NULL();
  const char *reference = text_to_cstring(PG_GETARG_TEXT_PP(0));
  const Uuid organization = PG_ARGISNULL(1) ? Uuid{} : uuid_of_datum(PG_GETARG_DATUM(1));
  CatalogRead read = begin_catalog_read();
  const Uuid found = find_workspace(read, reference, organization);
  end_catalog_read(read);
  return found_or_error(found, "workspace", reference);
}
}

}  // namespace tenancy::pg
