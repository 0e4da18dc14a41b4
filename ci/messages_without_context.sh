#!/usr/bin/env bash
# Messages of the extension have no CONTEXT of its own inner functions and statements.
#
# RAISE adds it to notices and warnings; functions in language "tenancy" or "tenancy_unit" take it away from errors. See
# extension/12_callers.sql.
set -euo pipefail
shopt -s nullglob
cd "$(dirname "${BASH_SOURCE[0]}")/.."

perl -0777 -e '
  my $bad = 0;
  for my $path (@ARGV) {
    open my $file, "<", $path or die "$path: $!\n";
    my $text = <$file>;
    while ($text =~ /^\s*(RAISE (?:NOTICE|WARNING|INFO))\b/gm) {
      print "$path:", 1 + (substr($text, 0, $-[1]) =~ tr/\n//), ": $1\n";
      $bad = 1;
    }
    while ($text =~ /^CREATE (?:OR REPLACE )?FUNCTION (\S+?)\([^\$;]*?RETURNS (?:event_)?trigger\s[^\$;]*?LANGUAGE plpgsql/gm) {
      print "$path: trigger function $1 in language plpgsql\n";
      $bad = 1;
    }
  }
  exit $bad;
' extension/[0-9][0-9]_*.sql
