#!/usr/bin/env bash
# Builds Debian packages, one for each version of PostgreSQL whose development package is installed and which
# debian/pgversions names: scripts/package.sh [FOLDER]
#
# They go to FOLDER (build/packages unless told otherwise).  debian/changelog and debian/control are made here, in a
# copy of the tree: the version is pg_tenancy.control's and the changes are CHANGELOG.md's.

set -euo pipefail
shopt -s inherit_errexit
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

OUTPUT=$(realpath -m "${1:-$ROOT_DIR/build/packages}")
COPY=$WORK_DIR/pg-tenancy

changelog() {
  local version maintainer
  version=$(sed -n "s/^default_version *= *'\(.*\)'/\1/p" pg_tenancy.control)
  maintainer=$(sed -n 's/^Maintainer: //p' debian/control.in)
  printf 'pg-tenancy (%s) unstable; urgency=medium\n\n' "$version"
  # The section of this version; "- " begins a change.
  awk -v section="## $version" '/^## / { within = $0 == section || index($0, section " ") == 1 } within' CHANGELOG.md |
    sed -nE -e 's/^- /  * /p; t' -e 's/^  [^ ]/  &/p; t' -e 's/^### +(.*)/  [ \1 ]/p'
  printf '\n -- %s  %s\n' "$maintainer" "$(date -R -r CHANGELOG.md)"
}

main() {
  install_packages build-essential debhelper libssl-dev postgresql-server-dev-all
  copy_tree "$COPY"
  cd "$COPY"
  changelog >debian/changelog
  pg_buildext updatecontrol
  dpkg-buildpackage --no-sign --build=binary >"$WORK_DIR/build.log" 2>&1 ||
    { tail -n 40 "$WORK_DIR/build.log"; fail "the packages did not build"; }
  mkdir -p "$OUTPUT"
  rm -f "$OUTPUT"/*.deb
  cp "$WORK_DIR"/*.deb "$OUTPUT"
  ls "$OUTPUT"/*.deb
}

main
