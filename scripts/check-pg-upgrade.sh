#!/usr/bin/env bash
# Upgrades clusters that have pg_tenancy to another version of PostgreSQL by pg_upgrade, with the Debian packages:
# scripts/check-pg-upgrade.sh [OLD-NEW...]
#
# Without arguments: 15-17, 15-18 and 17-18.  No release of Debian has two versions of PostgreSQL, but one that has been
# upgraded from the release before has, and so has a chroot of the newer release that also knows the older one's
# packages, see chroot.sh.  There, test/pg_upgrade/run.sh does the rest.  The old server has pg_tenancy as it is in the
# working tree, the new one a next version, as a newer release of Debian would.  Needs root.
#
# The last line is "N passed, N failed".

set -euo pipefail
shopt -s inherit_errexit nullglob
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scripts/chroot.sh
source "$ROOT_DIR/scripts/chroot.sh"
cd "$ROOT_DIR"

# package_of VERSION present|next: prints the name of the package of this version of pg_tenancy for that of PostgreSQL.
package_of() {
  local packages=("$WORK_DIR/packages/$2/postgresql-$1-pg-tenancy_"*.deb)
  say "${packages[0]-}"
}

build_package() {
  local version=$1 which=$2 builder=$CHROOTS/package-$1 folder=$WORK_DIR/packages/$2
  [[ -z $(package_of "$@") ]] || return 0
  say "building the package for PostgreSQL $version, $which version"
  make_chroot "$builder" "$(suite_of "$version")"
  rm -rf "$builder/srv/"*
  copy_tree "$builder/srv/pg_tenancy"
  [[ $which == present ]] || bash test/upgrade/next_version.sh "$builder/srv/pg_tenancy" <test/upgrade/next.sql
  quietly "apt_$version" in_chroot "$builder" apt-get -q update
  quietly "build_$version" in_chroot "$builder" bash /srv/pg_tenancy/scripts/package.sh /srv/packages
  mkdir -p "$folder"
  cp "$builder/srv/packages/postgresql-$version-pg-tenancy_"*.deb "$folder"
}

check_upgrade() {
  local old=$1 new=$2 dir=$CHROOTS/pg_upgrade-$2
  build_package "$old" present
  build_package "$new" next
  make_chroot "$dir" "$(suite_of "$new")"
  say "deb $(debian_mirror) $(suite_of "$old") main" >"$dir/etc/apt/sources.list.d/$(suite_of "$old").list"
  quietly "apt_$old-$new" in_chroot "$dir" sh -c "apt-get -q update && apt-get -q -y dist-upgrade &&
    apt-get -q -y --no-install-recommends install postgresql-$old postgresql-$new"
  rm -rf "$dir/srv/"*
  copy_tree "$dir/srv/pg_tenancy"
  cp "$(package_of "$old" present)" "$dir/srv/old.deb"
  cp "$(package_of "$new" next)" "$dir/srv/new.deb"
  in_chroot "$dir" bash /srv/pg_tenancy/test/pg_upgrade/run.sh "$old" /srv/old.deb "$new" /srv/new.deb
}

main() {
  local versions passed=0 failed=0
  [[ $# -gt 0 ]] || set -- 15-17 15-18 17-18
  for versions in "$@"; do
    printf '\n=== PostgreSQL %s to %s\n' "${versions%-*}" "${versions#*-}"
    set +e
    (
      set -e
      check_upgrade "${versions%-*}" "${versions#*-}"
    ) </dev/null 2>&1
    if [[ $? -eq 0 ]]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
    set -e
  done
  printf '\n%d passed, %d failed\n' "$passed" "$failed"
  [[ $failed -eq 0 ]]
}

main "$@"
