// Bytes make up an organization, a user and a key; then everything holds that holds in every world.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "../unit/properties.hpp"

namespace {

using namespace tenancy;
using namespace tenancy::test;

// Excluded by the catalogs' constraints: a role that doesn't exist, and two contradictory rows.
World broken(World world) {
  if (!world.roles.empty()) world.roles.pop_back();
  if (!world.grants.empty()) {
    world.grants.push_back(world.grants.front());
    world.grants.back().allowed = !world.grants.back().allowed;
  }
  if (!world.switches.empty()) {
    world.switches.push_back(world.switches.front());
    world.switches.back().all_rows = !world.switches.back().all_rows;
  }
  return world;
}

void require(Property property, const World &world) {
  const std::string wrong = property(world);
  if (wrong.empty()) return;
  std::fputs(text_of(wrong, '\n', world).c_str(), stderr);
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  std::size_t taken = 0;
  const World world = made_up_world({[&] { return taken < size ? data[taken++] : 0U; }});

  for (const Property property :
       {rights_are_what_the_model_says, rights_are_well_formed, anywhere_is_the_most_of_all_places,
        a_key_stays_within_its_scopes_and_its_user, narrowing_takes_away_all_but_one_workspace,
        one_permission_is_as_all_of_them, handing_out_is_having_as_much_everywhere,
        keys_give_their_makers_nothing, the_order_of_facts_does_not_matter})
    require(property, world);
  require(rights_are_well_formed, broken(world));
  return 0;
}
