#!/usr/bin/env bash
# Builds the Debian package from the source archive, installs it on a clean system, and runs debian/tests there:
# scripts/check-package.sh [VERSION...]
#
# VERSION is one of PostgreSQL's, 15 unless told otherwise; builder and clean system are chroots of the distribution
# that has it, see chroot.sh.  Packages and the archive are of the commit, not of the working tree.  Needs root.
#
# The last line is "N passed, N failed".

set -euo pipefail
shopt -s inherit_errexit nullglob
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scripts/chroot.sh
source "$ROOT_DIR/scripts/chroot.sh"

check_package() {
  local version=$1 suite builder clean=$WORK_DIR/clean_$1 archive packages
  suite=$(suite_of "$version")
  builder=$CHROOTS/package-$version

  say "building"
  make_chroot "$builder" "$suite"
  rm -rf "$builder/srv/"*
  archive=$(archives zip)
  quietly unpack unzip -q "$archive" -d "$builder/srv"
  quietly apt_builder in_chroot "$builder" apt-get -q update
  quietly build in_chroot "$builder" sh -c 'bash /srv/pg_tenancy-*/scripts/package.sh /srv/packages'
  packages=("$builder/srv/packages/postgresql-$version-pg-tenancy_"*.deb)
  [[ ${#packages[@]} -eq 1 ]] || fail "no package for PostgreSQL $version was built"

  say "installing $(basename "${packages[0]}")"
  make_chroot "$clean" "$suite"
  mkdir "$clean/srv/package"
  cp "${packages[0]}" "$clean/srv/package"
  cp "$ROOT_DIR/debian/tests/installed" "$clean/srv"
  quietly apt_clean in_chroot "$clean" apt-get -q update
  quietly install in_chroot "$clean" sh -c 'apt-get -q -y --no-install-recommends install /srv/package/*.deb'
  in_chroot "$clean" runuser -u postgres -- /srv/installed
}

# Prints the name of the source archive of that kind.
archives() {
  make -s -C "$ROOT_DIR" dist OUTPUT="$WORK_DIR" >/dev/null
  ls "$WORK_DIR"/pg_tenancy-*."$1"
}

main() {
  local version passed=0 failed=0
  [[ $# -gt 0 ]] || set -- 15
  install_packages make git unzip
  for version in "$@"; do
    printf '\n=== package for PostgreSQL %s\n' "$version"
    set +e
    (
      set -e
      check_package "$version"
    ) </dev/null 2>&1
    if [[ $? -eq 0 ]]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
    set -e
  done
  printf '\n%d passed, %d failed\n' "$passed" "$failed"
  [[ $failed -eq 0 ]]
}

main "$@"
