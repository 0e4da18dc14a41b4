#!/usr/bin/env bash
# Every test file is one that its suite finds, every one has the output it is compared with, and no such output is
# without its test.  Every check in this folder is explained in ci/README.md.
#
# The suites find their files by pattern, so a wrong name or a missing file means a test that never runs, and nobody
# misses it.
set -euo pipefail
shopt -s nullglob
cd "$(dirname "${BASH_SOURCE[0]}")/.."
status=0

complain() {
  echo "$1"
  status=1
}

# pairs TESTS SUFFIX OUTPUTS: each file of one folder has its counterpart in the other.
pairs() {
  local tests=$1 suffix=$2 outputs=$3 file name
  for file in "$tests"/*."$suffix"; do
    name=$(basename "$file" ".$suffix")
    [[ -e $outputs/$name.out ]] || complain "$file: there is no $outputs/$name.out"
  done
  for file in "$outputs"/*.out; do
    name=$(basename "$file" .out)
    # NAME_1.out and so on are the other outputs that NAME may have.
    [[ -e $tests/$name.$suffix || -e $tests/${name%_[0-9]}.$suffix ]] ||
      complain "$file: there is no $tests/$name.$suffix"
  done
}

# only FOLDER SUFFIX...: no other file lies in the folder itself.
only() {
  local folder=$1 file suffix known
  shift
  for file in "$folder"/*; do
    [[ -f $file ]] || continue
    known=
    for suffix in "$@"; do
      [[ $file != *"$suffix" ]] || known=yes
    done
    [[ -n $known ]] || complain "$file: no suite runs this; expected $*"
  done
}

pairs sql sql expected
pairs test/isolation/specs spec test/isolation/expected
only sql .sql
only test/isolation/specs .spec
only test/unit _test.cpp .hpp .md
only test/tap .pl .md
only test/pgtap .sql .md

while IFS= read -r file; do
  grep -qE '^TEST(_[FP])?\(|^TYPED_TEST' "$file" || complain "$file: has no test"
done < <(find test -name '*_test.cpp' 2>/dev/null)

# Each client is a program and the page, or example, whose code it runs.
for file in test/clients/programs/*; do
  name=$(basename "$file")
  [[ -e docs/clients/${name%.*}.md || -d examples/${name%.*} ]] || complain "$file: there is no docs/clients/${name%.*}.md"
done

for file in ci/*.sh; do
  grep -qF "\`$(basename "$file")\`" ci/README.md || complain "$file: ci/README.md does not explain it"
done
exit $status
