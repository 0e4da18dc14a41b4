#!/usr/bin/env bash
# Builds the extension in the layout of an image volume: layout.sh FOLDER [PG_CONFIG]
#
#   FOLDER/lib                the module
#   FOLDER/share/extension    control files and scripts
#   FOLDER/licenses
#
# PostgreSQL 18 and later find it there by extension_control_path and dynamic_library_path (settings.conf).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
folder=$1
pg_config=${2:-pg_config}
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT

make -s -j"$(nproc)" PG_CONFIG="$pg_config"
make -s install DESTDIR="$stage" PG_CONFIG="$pg_config"
mkdir -p "$folder/lib" "$folder/share/extension" "$folder/licenses"
cp "$stage$("$pg_config" --pkglibdir)/pg_tenancy.so" "$folder/lib"
cp "$stage$("$pg_config" --sharedir)/extension/"* "$folder/share/extension"
cp LICENSE "$folder/licenses"
