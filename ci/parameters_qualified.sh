#!/usr/bin/env bash
# Parameters are written FUNCTION.PARAMETER in the bodies of SQL and PL/pgSQL functions, output parameters and the
# columns of RETURNS TABLE (where they are assigned) included.
#
# A bare name would mean a column in one language, a variable in the other, and would change its meaning, or become
# ambiguous, when a table gets a column of that name.
set -euo pipefail
shopt -s nullglob
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# shellcheck disable=SC2016
perl -e '
use strict;
use warnings;

my $token = qr/--[^\n]*|E?\x27(?:[^\x27]|\x27\x27)*\x27|"[^"]*"|(\$\w*\$).*?\1|\d[\w.]*|[A-Za-z_]\w*|:=|=>|::|\s+|./s;

# The names in a list of parameters, each with "in" or "out".
sub parameters {
  my ($list) = @_;
  my ($depth, @parameters) = (0, "");
  while ($list =~ /\G($token)/g) {
    my $found = $1;
    next if $found =~ /^--/;
    $depth += ($found eq "(") - ($found eq ")");
    if ($found eq "," && !$depth) { push @parameters, "" } else { $parameters[-1] .= $found }
  }
  my %names;
  for (@parameters) {
    my ($mode) = s/^\s*(OUT|INOUT|VARIADIC|IN)\s+// ? $1 : "IN";
    $names{$1} = $mode eq "OUT" ? "out" : "in" if /^\s*("[^"]+"|[a-z_]\w*)\s+\S/;
  }
  return %names;
}

# Whether an opening parenthesis after these tokens begins a list of columns: INSERT INTO t (, ON CONFLICT (, AS t (.
sub begins_columns {
  my $before = join " ", @_;
  return $before =~ /\bCONFLICT$|\bINSERT INTO [\w"]+(?: \. [\w"]+)?(?: AS \w+)?$|\bAS [a-z_]\w*$|\) [a-z_]\w*$/;
}

my $bad = 0;
for my $path (@ARGV) {
  open my $file, "<:encoding(UTF-8)", $path or die "$path: $!\n";
  my $text = do { local $/; <$file> };
  while ($text =~ /^CREATE (?:OR REPLACE )?(?:FUNCTION|PROCEDURE) \w+\.("?\w+"?)\s*\(((?:[^()\x27]|\x27[^\x27]*\x27|\((?:[^()]|\([^()]*\))*\))*)\)((?:(?!^CREATE |;\n|\$\w*\$).)*?)AS (\$\w*\$)/gsm) {
    my ($function, $list, $head, $quote, $start) = ($1, $2, $3, $4, pos $text);
    my $end = index $text, $quote, $start;
    pos($text) = $end;
    my $is_sql = $head =~ /LANGUAGE sql\b/;
    my %kinds = parameters($list);
    if ($is_sql) {
      delete @kinds{grep { $kinds{$_} eq "out" } keys %kinds};
    } elsif ($head =~ /RETURNS TABLE\s*\((.*)\)/s) {
      my %columns = parameters($1);
      $kinds{$_} //= "column" for keys %columns;
    }
    my $body = substr $text, $start, $end - $start;
    my (@tokens, @places);
    while ($body =~ /\G($token)/g) {
      next if $1 =~ /^(?:\s|--)/;
      push @tokens, $1;
      push @places, $start + pos($body) - length $1;
    }
    my (@lists, $set);   # for each open parenthesis, whether it holds columns; the depth of a list of assignments
    for my $i (0 .. $#tokens) {
      my ($before, $name, $after) = ($i ? $tokens[$i - 1] : "", $tokens[$i], $tokens[$i + 1] // "");
      if ($name eq "(") { push @lists, begins_columns(@tokens[($i > 6 ? $i - 6 : 0) .. $i - 1]); next }
      if ($name eq ")") { pop @lists; undef $set if defined $set && @lists < $set; next }
      $set = @lists if $name eq "SET";
      undef $set if defined $set && @lists == $set && $name =~ /^(?:WHERE|FROM|RETURNING|;)$/;
      next if !$kinds{$name};
      next if $before =~ /^(?:\.|::|AS)$/ || $after =~ /^(?:\(|=>)$/ || @lists && ($lists[-1] || $after eq ":=");
      next if defined $set && @lists == $set && $after eq "=" && $before =~ /^(?:SET|,)$/;
      next if $kinds{$name} eq "column" && $after ne ":=";
      my $line = 1 + (substr($text, 0, $places[$i]) =~ tr/\n//);
      print "$path:$line: write $function.$name\n";
      $bad = 1;
    }
  }
}
exit $bad;
' extension/*.sql extension/testing/*.sql
