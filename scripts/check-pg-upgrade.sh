#!/usr/bin/env bash
# Upgrades clusters that have pg_tenancy to another version of PostgreSQL by pg_upgrade, with the Debian packages:
# scripts/check-pg-upgrade.sh [OLD-NEW...]
#
# Without arguments: 15-17, 15-18 and 17-18.  No release of Debian has two versions of PostgreSQL, but one that has been
# upgraded from the release before has, and so has a chroot of the newer release that also knows the older one's
# packages, see chroot.sh.  There, test/pg_upgrade/run.sh does the rest.  Packages are of the working tree.  Needs root.
#
# The last line is "N passed, N failed".

set -euo pipefail
shopt -s inherit_errexit nullglob
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scripts/chroot.sh
source "$ROOT_DIR/scripts/chroot.sh"

# build_package VERSION: for this version of PostgreSQL, to $WORK_DIR/packages.
build_package() {
  local version=$1 builder=$CHROOTS/package-$1 packages
  packages=("$WORK_DIR/packages/postgresql-$version-pg-tenancy_"*.deb)
  [[ ${#packages[@]} -eq 0 ]] || return 0
  say "building the package for PostgreSQL $version"
  make_chroot "$builder" "$(suite_of "$version")"
  rm -rf "$builder/srv/"*
  copy_tree "$builder/srv/pg_tenancy"
  quietly "apt_$version" in_chroot "$builder" apt-get -q update
  quietly "build_$version" in_chroot "$builder" bash /srv/pg_tenancy/scripts/package.sh /srv/packages
  mkdir -p "$WORK_DIR/packages"
  cp "$builder/srv/packages/postgresql-$version-pg-tenancy_"*.deb "$WORK_DIR/packages"
}

check_upgrade() {
  local old=$1 new=$2 dir=$CHROOTS/pg_upgrade-$2
  build_package "$old"
  build_package "$new"
  make_chroot "$dir" "$(suite_of "$new")"
  say "deb $(debian_mirror) $(suite_of "$old") main" >"$dir/etc/apt/sources.list.d/$(suite_of "$old").list"
  quietly "apt_$old-$new" in_chroot "$dir" sh -c "apt-get -q update && apt-get -q -y dist-upgrade &&
    apt-get -q -y --no-install-recommends install postgresql-$old postgresql-$new"
  rm -rf "$dir/srv/"*
  copy_tree "$dir/srv/pg_tenancy"
  cp -r "$WORK_DIR/packages" "$dir/srv"
  in_chroot "$dir" bash /srv/pg_tenancy/test/pg_upgrade/run.sh "$old" "$new" /srv/packages
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
