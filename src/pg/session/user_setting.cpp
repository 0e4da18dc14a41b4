#include "pg/session/user_setting.hpp"

#include "pg/catalog/facts.hpp"
#include "pg/session/parameters.hpp"

namespace tenancy::pg {

UserFound find_user_of_setting(const CatalogRead &read) {
  const UserFound user = find_user_row(read, configuration.user);
  if (*configuration.organization == '\0' || (user.id && !user.by_external_id)) return user;
  const Uuid organization = find_organization(read, configuration.organization, Ambiguous::is_none);
  if (!organization) return user;
  const Uuid member = find_user(read, configuration.user, organization);
  if (member == user.id) return user;
  if (member) return {member, read_user(read, member).active, true};
  return read_membership(read, organization, user.id).role ? UserFound{} : user;
}

}  // namespace tenancy::pg
