#!/usr/bin/env bash
# No function of the extension means something else with other parameters of its caller's session.
#
# Bodies in SQL and PL/pgSQL are parsed in the session that calls them: with standard_conforming_strings = off a backslash in '...' is an
# escape, so that a pattern finds something else, or nothing. With quote_all_identifiers, names and expressions are printed with quotes
# that no pattern expects.
set -euo pipefail
shopt -s nullglob
cd "$(dirname "${BASH_SOURCE[0]}")/.."
status=0
parts=(extension/[0-9][0-9]_*.sql extension/testing/*.sql extension/updates/*/*.sql)

# Patterns in $re$ or $pattern$ are as they stand. Every other $...$ holds code.
# shellcheck disable=SC2016
perl -0777 -ne '
  s{\$(re|pattern)\$.*?\$\1\$}{my $lines = $& =~ tr/\n//; "0" . "\n" x $lines}gse;
  my $line = 1;
  while (/\G(?:--[^\n]*|\bE(?i)\x27(?:[^\x27\\]|\x27\x27|\\.)*\x27|(\x27(?:[^\x27]|\x27\x27)*\x27)|"[^"]*"|\w+|.)/gs) {
    my ($token, $string) = ($&, $1);
    if (defined $string && $string =~ /\\/) {
      print "$ARGV:$line: $string\n";
      $bad = 1;
    }
    if ($token =~ /^U&\x27/i) {
      print "$ARGV:$line: $token\n";
      $bad = 1;
    }
    $line += $token =~ tr/\n//;
  }
  END { exit($bad ? 1 : 0) }
' "${parts[@]}" || { echo "no backslash in '...': write [.], [0-9], chr(92), or E'...' with backslashes doubled"; status=1; }

# Functions that print an expression pin how it is printed. The others print twice in one session and compare, or for somebody to read.
others='take_foreign_keys empty_values index_keys partition_ranges advice_unused_index'
# shellcheck disable=SC2016
OTHERS=$others perl -0777 -ne '
  my %other = map { $_ => 1 } split / /, $ENV{OTHERS};
  while (/^CREATE (?:OR REPLACE )?(?:FUNCTION|PROCEDURE) [\w]+\.(\w+)\(((?:(?!^CREATE ).)*?)^\$\$;/gms) {
    my ($name, $text) = ($1, $2);
    next if $other{$name} || $text !~ /\b(?:pg_get_(?:expr|constraintdef|indexdef|triggerdef|viewdef|ruledef|functiondef|function_arguments|statisticsobjdef)|object_identity)\b/;
    next if $text =~ /\bSET quote_all_identifiers = off\b/;
    print "$ARGV: $name prints an expression without SET quote_all_identifiers = off\n";
    $bad = 1;
  }
  END { exit($bad ? 1 : 0) }
' "${parts[@]}" || status=1

# transform_null_equals makes IS NULL of it. Parameters are written with their functions, columns with aliases.
if grep -nE "(WHERE|AND|OR|NOT|WHEN|ON|IF)\s[^;:']*[^<>!:]=\s*NULL\b" "${parts[@]}" | grep -vw SET; then
  echo 'write IS NULL, or IS NOT DISTINCT FROM'
  status=1
fi

# Without one, default_text_search_config decides.
if grep -nE "to_ts(vector|query)\('" "${parts[@]}" | grep -v "::regconfig"; then
  echo 'name the text search configuration'
  status=1
fi
exit $status
