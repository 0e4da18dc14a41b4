#!/usr/bin/env bash
# C++ sources are formatted as .clang-format says.
#
# So that a diff shows what somebody changed and not how their editor indents.  clang-format-14 is named with its
# version, since others break lines differently.  To format: clang-format-14 -i FILE...
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

folders=()
for folder in src test bench; do
  [[ ! -d $folder ]] || folders+=("$folder")
done
[[ ${#folders[@]} -gt 0 ]] || exit 0

# Prints the names of all files that differ, and the first place in each.
status=0
while IFS= read -r -d '' file; do
  if ! report=$(clang-format-14 --dry-run -Werror "$file" 2>&1); then
    head -n 3 <<<"$report"
    status=1
  fi
done < <(find "${folders[@]}" \( -name '*.cpp' -o -name '*.hpp' \) -print0 | sort -z)
[[ $status -eq 0 ]] || echo 'to format: clang-format-14 -i FILE...'
exit $status
