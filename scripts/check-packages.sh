#!/usr/bin/env bash
# Builds what others install, and installs it on systems of its own: scripts/check-packages.sh [KIND...]
#
#   deb           the Debian package for PostgreSQL 15: installed on a clean system, updated from the last released
#                 version, removed.  deb=17, deb=18: for that version
#   pgxn          the source archive: META.json, and a build and an installation by PGXN's client
#   rpm           packaging/rpm/pg_tenancy.spec: the package has the files that `make install` installs
#   relocated     PostgreSQL 18: the image layout for Kubernetes, at a path outside of the server's, read-only
#
# Without arguments: all of them.  Systems are chroots of the distribution that has the version, see chroot.sh.
# Packages and archives are of the commit, not of the working tree.  Needs root.
#
# The last line is "N passed, N failed".

set -euo pipefail
shopt -s inherit_errexit nullglob
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scripts/chroot.sh
source "$ROOT_DIR/scripts/chroot.sh"

# Prints the name of the source archive of that kind.
archive() {
  make -s -C "$ROOT_DIR" dist OUTPUT="$WORK_DIR" >/dev/null
  ls "$WORK_DIR"/pg_tenancy-*."$1"
}

# A builder in which the present source lies below /srv; kept for the next time.  Sets builder.
prepare_builder() {
  builder=$CHROOTS/package-$1
  make_chroot "$builder" "$(suite_of "$1")"
  rm -rf "$builder/srv/"*
  quietly unpack unzip -q "$(archive zip)" -d "$builder/srv"
  quietly apt_builder in_chroot "$builder" apt-get -q update
}

install_in() {
  local dir=$1
  shift
  quietly "install_$(basename "$dir")" in_chroot "$dir" apt-get -q -y --no-install-recommends install "$@"
}

# The release of that version with the fixes that row security depends on, as advise() has it.
minimum_release() {
  sed -n '/advice_old_server/,/^[$]/p' "$ROOT_DIR/extension/91_advise_server.sql" | grep -oE "'$1[.][0-9]+'" | tr -d "'"
}

# --- deb ------------------------------------------------------------------------------------------------------------

# The commit that added the script of the last version before this one, if the history is here.
last_release() {
  local version
  version=$(sed -n "s/^default_version *= *'\(.*\)'/\1/p" "$ROOT_DIR/pg_tenancy.control")
  git -C "$ROOT_DIR" -c safe.directory='*' log --format=%H --diff-filter=A -- extension/released 2>/dev/null |
    while IFS= read -r commit; do
      git -C "$ROOT_DIR" -c safe.directory='*' show "$commit:pg_tenancy.control" | grep -q "'$version'" || { say "$commit"; break; }
    done
}

build_deb() {
  quietly "build_$2" in_chroot "$builder" sh -c "bash $1/scripts/package.sh /srv/packages/$2"
}

check_deb() {
  local version=${1:-15} clean=$WORK_DIR/clean released depends minimum left
  local -a packages before
  prepare_builder "$version"
  say "building"
  build_deb '/srv/pg_tenancy-*' new
  packages=("$builder/srv/packages/new/postgresql-$version-pg-tenancy_"*.deb)
  [[ ${#packages[@]} -eq 1 ]] || fail "no package for PostgreSQL $version was built"
  depends=$(dpkg-deb --field "${packages[0]}" Depends)
  minimum=$(minimum_release "$version")
  # The distribution's own list can ask for more: the release whose headers the module was built with.
  [[ $depends =~ (^|, )postgresql-$version\ \((\>=|\>\>)\ ([0-9.]+)~?\) ]] || fail "the package depends on no minor release: $depends"
  dpkg --compare-versions "${BASH_REMATCH[3]}" ge "$minimum" ||
    fail "the package does not depend on PostgreSQL $minimum or later, which row security needs: $depends"
  say "needs postgresql-$version ${BASH_REMATCH[2]} ${BASH_REMATCH[3]} (at least $minimum)"

  say "installing $(basename "${packages[0]}")"
  make_chroot "$clean" "$(suite_of "$version")"
  mkdir -p "$clean/srv/new" "$clean/srv/old"
  cp "${packages[0]}" "$clean/srv/new"
  cp "$ROOT_DIR/debian/tests/"* "$clean/srv"
  quietly apt_clean in_chroot "$clean" apt-get -q update
  install_in "$clean" "./srv/new/$(basename "${packages[0]}")"
  in_chroot "$clean" runuser -u postgres -- /srv/installed

  say "removing it"
  quietly remove in_chroot "$clean" apt-get -q -y purge "postgresql-$version-pg-tenancy"
  left=$(find "$clean/usr" "$clean/etc" "$clean/var/lib" -path "$clean/var/lib/dpkg" -prune -o -name '*pg[-_]tenancy*' -print)
  [[ -z $left ]] || fail "the package leaves behind $left"

  released=$(last_release)
  if [[ -z $released ]]; then
    say "no update is checked: the history has no commit of a released version"
    return
  fi
  mkdir "$builder/srv/released"
  git -C "$ROOT_DIR" -c safe.directory='*' archive "$released" | tar -x -C "$builder/srv/released"
  build_deb /srv/released old
  before=("$builder/srv/packages/old/postgresql-$version-pg-tenancy_"*.deb)
  cp "${before[0]}" "$clean/srv/old"
  say "updating from $(basename "${before[0]}")"
  install_in "$clean" "./srv/old/$(basename "${before[0]}")"
  # A cluster of the system, since root installs packages meanwhile.
  in_chroot "$clean" sh /srv/updated "$version"
}

# --- pgxn -----------------------------------------------------------------------------------------------------------

check_pgxn() {
  local name left
  prepare_builder 15
  name=$(basename "$(archive zip)")
  cp "$WORK_DIR/$name" "$builder/srv"
  install_in "$builder" postgresql-15 postgresql-server-dev-15 libssl-dev g++ make pgxnclient unzip
  say "pgxn install $name"
  # It reads META.json, unpacks, builds and installs.
  quietly pgxn in_chroot "$builder" sh -c "pgxn install --nosudo --pg_config /usr/lib/postgresql/15/bin/pg_config /srv/$name"
  cp "$ROOT_DIR/debian/tests/installed" "$builder/srv"
  in_chroot "$builder" runuser -u postgres -- /srv/installed
  quietly pgxn_uninstall in_chroot "$builder" sh -c "pgxn uninstall --nosudo --pg_config /usr/lib/postgresql/15/bin/pg_config /srv/$name"
  left=$(find "$builder/usr/lib/postgresql" "$builder/usr/share/postgresql" -name 'pg_tenancy*' -type f)
  [[ -z $left ]] || fail "pgxn uninstall leaves behind $left"
}

# --- rpm ------------------------------------------------------------------------------------------------------------

check_rpm() {
  local version name depends minimum
  prepare_builder 15
  version=$(sed -n "s/^default_version *= *'\(.*\)'/\1/p" "$ROOT_DIR/pg_tenancy.control")
  name=$(basename "$(archive tar.gz)")
  install_in "$builder" rpm postgresql-15 postgresql-server-dev-15 libssl-dev g++ make
  mkdir -p "$builder/srv/rpm/SOURCES"
  cp "$WORK_DIR/$name" "$builder/srv/rpm/SOURCES"
  cp "$ROOT_DIR/packaging/rpm/pg_tenancy.spec" "$builder/srv/rpm"
  say "rpmbuild -ba pg_tenancy.spec"
  # Debian's database of packages is not rpm's, hence --nodeps.
  quietly rpmbuild in_chroot "$builder" rpmbuild -ba --nodeps --define "_topdir /srv/rpm" --define "pg_version 15" \
    --define "pg_config /usr/lib/postgresql/15/bin/pg_config" --define "upstream_version $version" /srv/rpm/pg_tenancy.spec
  in_chroot "$builder" sh -c 'rpm -qpl /srv/rpm/RPMS/*/*.rpm' | grep -v -e /doc/ -e /licenses/ -e build-id | sort >"$WORK_DIR/of_rpm"
  quietly make_install in_chroot "$builder" sh -c 'cd /srv/pg_tenancy-* && make -s install DESTDIR=/srv/by_make PG_CONFIG=/usr/lib/postgresql/15/bin/pg_config'
  (cd "$builder/srv/by_make" && find . -type f | sed 's/^\.//' | grep -v /doc/ | sort) >"$WORK_DIR/of_make"
  diff "$WORK_DIR/of_make" "$WORK_DIR/of_rpm" || fail "the package has other files than make install"
  depends=$(in_chroot "$builder" sh -c 'rpm -qp --requires /srv/rpm/RPMS/*/*.rpm')
  minimum=$(minimum_release 15)
  [[ $depends == *"postgresql15-server >= $minimum"* ]] ||
    fail "the package does not depend on PostgreSQL $minimum, which row security needs: $depends"
  say "$(wc -l <"$WORK_DIR/of_rpm") files, those of make install"
}

# --- relocated ------------------------------------------------------------------------------------------------------

check_relocated() {
  prepare_builder 18
  install_in "$builder" postgresql-18 postgresql-server-dev-18 libssl-dev g++ make
  say "image layout"
  rm -rf "$builder/extensions"
  quietly layout in_chroot "$builder" sh -c 'cd /srv/pg_tenancy-* && bash packaging/cloudnative-pg/layout.sh /extensions/pg_tenancy /usr/lib/postgresql/18/bin/pg_config'
  (cd "$builder/extensions/pg_tenancy" && find . -type f | sort | head -n 40)
  [[ -z $(find "$builder/usr" -name 'pg_tenancy*') ]] || fail "the server's own folders have files of the extension"
  # Containers see the image's files read-only, and not as their owner.
  chmod -R a-w "$builder/extensions"
  cp "$ROOT_DIR/debian/tests/installed" "$builder/srv"
  cp "$ROOT_DIR/packaging/cloudnative-pg/settings.conf" "$builder/srv"
  in_chroot "$builder" runuser -u postgres -- env "PG_SETTINGS=/srv/settings.conf" /srv/installed
}

# --------------------------------------------------------------------------------------------------------------------

main() {
  local kind passed=0 failed=0
  [[ $# -gt 0 ]] || set -- deb pgxn rpm relocated
  install_packages make git unzip
  for kind in "$@"; do
    printf '\n=== %s\n' "$kind"
    [[ $(type -t "check_${kind%%=*}") == function ]] || fail "there is no kind \"$kind\""
    set +e
    (
      set -e
      option=${kind#"${kind%%=*}"}
      "check_${kind%%=*}" "${option#=}"
    ) </dev/null 2>&1
    if [[ $? -eq 0 ]]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
    set -e
  done
  printf '\n%d passed, %d failed\n' "$passed" "$failed"
  [[ $failed -eq 0 ]]
}

main "$@"
