#!/usr/bin/env bash
# Each folder of src/pg includes only itself, those before it, and the core.
#
# server knows PostgreSQL and nothing of tenancy; catalog reads; session says who; plan turns that into filters;
# functions answer SQL, and nobody includes them.  An include that climbs back up makes two folders one.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
layers=(server catalog session plan functions)
status=0

# Includes against the layers, as "FILE>HEADER", that are still to be undone.
exceptions=()

declare -A level
for i in "${!layers[@]}"; do level[${layers[i]}]=$i; done

for folder in src/pg/*/; do
  name=$(basename "$folder")
  [[ -n ${level[$name]:-} ]] || { echo "$folder is in no layer: see ci/layers.sh" && status=1; }
done
for file in src/pg/*.cpp src/pg/*.hpp; do
  [[ ! -e $file || $file == src/pg/module.cpp ]] || { echo "$file belongs into a folder of src/pg" && status=1; }
done

while IFS=: read -r file line; do
  header=$(sed -E 's/.*"([^"]+)".*/\1/' <<<"$line")
  from=$(cut -d/ -f3 <<<"$file")
  to=$(cut -d/ -f2 <<<"$header")
  [[ -e src/$header ]] || { echo "$file: there is no $header" && status=1 && continue; }
  [[ " ${exceptions[*]:-} " == *" ${file#src/pg/}>${header#pg/} "* ]] && continue
  if ((${level[$to]:-99} > ${level[$from]:-0})); then
    echo "$file includes $header: $from comes before $to"
    status=1
  fi
done < <(grep -rE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"pg/' src/pg --include='*.cpp' --include='*.hpp' | grep -v '^src/pg/module.cpp:')
exit $status
