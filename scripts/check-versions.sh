#!/usr/bin/env bash
# Runs the stages of check.sh that need a server on other versions of PostgreSQL: scripts/check-versions.sh [VERSION...]
#
# Without arguments: 17, 18, and 19 if the mirror has Debian's experimental suite.  (15 is what check.sh runs on
# Debian 12; here it may be named, too.  No suite of Debian has 16.)  Each version runs in
# a chroot of the distribution that has it, see chroot.sh; the first time, that takes a few minutes and 2 GB.  Needs root.
#
# STAGES="a b" runs these stages instead; TESTS="a b" limits some of them as in check.sh; WORLDS=N is the number
# of random worlds, 100 unless told otherwise.
#
# The last line counts stages over all versions: "N passed, N failed".

set -euo pipefail
shopt -s inherit_errexit nullglob
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scripts/chroot.sh
source "$ROOT_DIR/scripts/chroot.sh"

STAGES=${STAGES:-gcc exports regress isolation integration poolers pgtap tap worlds attacks faults ubsan upgrade docs}

# stages_of VERSION: a release candidate has no package of pgtap.
stages_of() {
  local stage
  for stage in $STAGES; do
    case $1.$stage in
      19.pgtap | 19.upgrade | 19.docs) ;;
      *) say "$stage" ;;
    esac
  done
}

# check_version VERSION: what check.sh prints.
check_version() {
  local version=$1 dir
  dir=$CHROOTS/postgresql-$version
  make_chroot "$dir" "$(suite_of "$version")"
  # The newest minor version, which a kept chroot does not have by itself.
  in_chroot "$dir" sh -c 'apt-get -q update && apt-get -q -y dist-upgrade' >"$WORK_DIR/apt_$version.log" 2>&1 ||
    { tail -n 20 "$WORK_DIR/apt_$version.log"; fail "could not bring $dir up to date"; }
  copy_tree "$dir/srv/pg_tenancy"
  # shellcheck disable=SC2046
  in_chroot "$dir" env PG_MAJOR="$version" BUILD_DIR=/var/cache/pg_tenancy TESTS="${TESTS-}" WORLDS="${WORLDS:-100}" \
    bash /srv/pg_tenancy/scripts/check.sh $(stages_of "$version")
}

# A version that no release of Debian has yet.
can_have() {
  has_suite "$(suite_of "$1")" || { say "PostgreSQL $1 is left out: the mirror has no suite $(suite_of "$1")"; return 1; }
}

main() {
  local version status summary=() counted passed=0 failed=0
  [[ $# -gt 0 ]] || { set -- 17 18; if can_have 19; then set -- "$@" 19; fi; }
  for version in "$@"; do
    printf '\n##### PostgreSQL %s\n' "$version"
    set +e
    (
      set -e
      check_version "$version"
    ) </dev/null > >(tee "$WORK_DIR/$version.out") 2>&1
    status=$?
    set -e
    counted=$(grep -E '^[0-9]+ passed, [0-9]+ failed$' "$WORK_DIR/$version.out" | tail -n 1 || true)
    # A failure before the first stage also counts.
    [[ -n $counted || $status -eq 0 ]] || counted='0 passed, 1 failed'
    summary+=("PostgreSQL $version: $counted")
    passed=$((passed + ${counted%% *}))
    failed=$((failed + $(cut -d' ' -f3 <<<"$counted")))
  done
  printf '\n'
  printf '%s\n' "${summary[@]}"
  printf '\n%d passed, %d failed\n' "$passed" "$failed"
  [[ $failed -eq 0 ]]
}

main "$@"
