# shellcheck shell=bash
# Other distributions on this machine, for the scripts that need another PostgreSQL or a clean system.  Needs root.
# Source this after lib.sh, do not run it.
#
#   suite_of VERSION                prints the suite that has this version of PostgreSQL
#   make_chroot DIR SUITE           a minimal system in DIR; kept ones are used again
#   in_chroot DIR COMMAND...        runs a command in it, as root; mounts and processes end with the command
#
# Chroots lie below $CHROOTS, outside of the repository, and stay for the next time: 0.3 GB each, 2 GB with compilers
# and a server.  Remove the folder to begin again.

CHROOTS=${CHROOTS:-${XDG_CACHE_HOME:-/var/cache}/pg_tenancy}

suite_of() {
  case $1 in
    15) say bookworm ;;
    17) say trixie ;;
    18) say forky ;;
    19) say experimental ;;
    *) fail "no release of Debian has PostgreSQL $1" ;;
  esac
}

# The mirror that this machine uses itself.
debian_mirror() {
  local mirror
  # Not every system has both.
  mirror=$(sed -nE 's/^(URIs:|deb) +(https?:[^ ]*\/debian)\/?( .*)?$/\2/p' /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | head -n 1) || true
  [[ -n $mirror ]] || fail "apt's sources name no mirror of Debian"
  say "$mirror"
}

# Whether the mirror has this suite: release candidates come and go.
has_suite() { curl --silent --fail --head --output /dev/null "$(debian_mirror)/dists/$1/Release"; }

# bootstrap DIR SUITE
bootstrap() {
  local base=$2
  # No system of its own, but packages to install on top of unstable.
  [[ $2 != experimental ]] || base=sid
  # Named, since debootstrap may be older than the suite.
  debootstrap --variant=minbase "$base" "$1" "$(debian_mirror)" /usr/share/debootstrap/scripts/sid
  [[ $2 != experimental ]] || add_experimental "$1"
}

# Without a preference, apt takes nothing from there.
add_experimental() {
  say "deb $(debian_mirror) experimental main" >"$1/etc/apt/sources.list.d/experimental.list"
  printf '%s\n' 'Package: postgresql* libpq*' 'Pin: release a=experimental' 'Pin-Priority: 990' \
    >"$1/etc/apt/preferences.d/experimental"
}

# Packages need minor releases that a stable release of Debian gets by its security updates first.
add_security() {
  local suite=$2-security mirror
  case $2 in bookworm | trixie) ;; *) return 0 ;; esac
  mirror=$(debian_mirror)-security
  if curl --silent --fail --head --output /dev/null "$mirror/dists/$suite/Release"; then
    say "deb $mirror $suite main" >"$1/etc/apt/sources.list.d/security.list"
  fi
}

make_chroot() {
  local dir=$1 suite=$2
  [[ $EUID -eq 0 ]] || fail "chroots need root"
  [[ ! -d $dir ]] || return 0
  install_packages debootstrap
  mkdir -p "$CHROOTS"
  if [[ ! -e $CHROOTS/$suite.tar ]]; then
    say "fetching $suite"
    rm -rf "$CHROOTS/$suite.new"
    bootstrap "$CHROOTS/$suite.new" "$suite" >"$WORK_DIR/debootstrap.log" 2>&1 ||
      { tail -n 20 "$WORK_DIR/debootstrap.log" >&2; fail "could not make a chroot of $suite"; }
    # Packages that bring a server are not to start it.
    printf '#!/bin/sh\nexit 101\n' >"$CHROOTS/$suite.new/usr/sbin/policy-rc.d"
    chmod 755 "$CHROOTS/$suite.new/usr/sbin/policy-rc.d"
    # A mirror that is some weeks behind will do for tests; signatures are checked all the same.
    echo 'Acquire::Check-Valid-Until "false";' >"$CHROOTS/$suite.new/etc/apt/apt.conf.d/99tests"
    # Whole or not at all, and the same for those who want it at the same time.
    tar -C "$CHROOTS/$suite.new" -c -f "$CHROOTS/$suite.tar.new" .
    mv "$CHROOTS/$suite.tar.new" "$CHROOTS/$suite.tar"
    rm -rf "$CHROOTS/$suite.new"
  fi
  mkdir -p "$dir.new"
  tar -C "$dir.new" -x -f "$CHROOTS/$suite.tar"
  cp /etc/resolv.conf "$dir.new/etc/resolv.conf"
  add_security "$dir.new" "$suite"
  mv "$dir.new" "$dir"
}

in_chroot() {
  local dir=$1
  shift
  # shellcheck disable=SC2016
  unshare --mount --pid --fork --kill-child bash -c '
    set -e
    mount -t proc proc "$1/proc"
    mount -t tmpfs -o mode=1777 tmpfs "$1/dev/shm"
    exec chroot "$@"' - "$dir" env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
    LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"
}
