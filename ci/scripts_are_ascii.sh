#!/usr/bin/env bash
# Install and update scripts are ASCII: the control file names no encoding, so that they are taken for text in the database's own, and
# CREATE EXTENSION fails in one like EUC_JP. Released scripts stay as they are.
set -euo pipefail
shopt -s nullglob
cd "$(dirname "${BASH_SOURCE[0]}")/.."
if grep -nP '[^\x00-\x7F]' extension/[0-9][0-9]_*.sql extension/testing/*.sql extension/updates/*.sql extension/updates/*/*.sql ./*.control; then
  echo 'write these in ASCII (... for an ellipsis)'
  exit 1
fi
