#!/usr/bin/env bash
# Only pg_tenancy.control, with pg_tenancy_testing.control beside it, and CHANGELOG.md name the version.
#
# Each further place is one that a release forgets.  The builds read the control file; tests compare with
# pg_available_extensions; update scripts have versions in their names, which is what those are about.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

version=$(sed -n "s/^default_version *= *'\(.*\)'/\1/p" pg_tenancy.control)
if [[ ! $version =~ ^[0-9]+(\.[0-9]+)+$ ]]; then
  echo "pg_tenancy.control: no version, or more than one"
  exit 1
fi
if ! grep -qxF "default_version = '$version'" pg_tenancy_testing.control; then
  echo "pg_tenancy_testing.control: its version is another than that of pg_tenancy.control"
  exit 1
fi
literal=${version//./\\.}
pattern="(version|pg_tenancy-+)[^0-9[:alpha:]]{0,6}$literal(\.?[^0-9.]|\.?\$)"

places=()
for place in Makefile CMakeLists.txt META.json.in src extension sql expected test scripts bench; do
  [[ ! -e $place ]] || places+=("$place")
done
if grep -rniE "$pattern" "${places[@]}"; then
  echo "only pg_tenancy.control says which version this is"
  exit 1
fi
if [[ -e META.json ]]; then
  echo "META.json is generated from META.json.in and not kept"
  exit 1
fi
if ! grep -qE "^## $literal( |\$)" CHANGELOG.md; then
  echo "CHANGELOG.md has no section \"## $version\""
  exit 1
fi
