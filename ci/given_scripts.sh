#!/usr/bin/env bash
# No SQL that administrators are given to run finds functions or operators in a schema in which others may create.
#
# One of theirs that fits better, as format(text, text) does, would run with a superuser's rights. So scripts, and blocks of pages that
# run what they print (\gexec), set the search path first; shortcuts of psql, which cannot, name the schema of each function and operator.
set -euo pipefail
shopt -s nullglob globstar
cd "$(dirname "${BASH_SOURCE[0]}")/.."

perl -e '
  my $is_set = qr/^\s*SET (?:LOCAL )?search_path = pg_catalog,(?: :"schema",)? pg_temp;/m;
  my $failed = 0;
  sub complain { print "$_[0]\n"; $failed = 1 }
  for my $file (@ARGV) {
    open my $in, "<", $file or die "$file: $!";
    my $text = do { local $/; <$in> };
    if ($file =~ /psqlrc$/) {
      for (grep { /^\\set/ } split /\n/, $text) {
        s/:\x27\x27\w+\x27\x27//g;
        my ($name) = /^\\set (\w+)/;
        complain("$file: :$name has a function without its schema: $1") if /(?<![.\w])(?!OPERATOR\b)(\w+)\(/;
        complain("$file: :$name has an operator without its schema") if / (?:[-+*\/<>=~!@#%^&|]+|USING|LIKE|IN|BETWEEN) (?!FROM)/ && !/SELECT \* FROM tenancy\.\w+(?:\([^()]*\))? (?:\\\\gx|ORDER BY \w+ DESC LIMIT \d+;)/;
      }
    } elsif ($file =~ /\.md$/) {
      while ($text =~ /^\s*```sql.*?\n(.*?)^\s*```/msg) {
        my $block = $1;
        next unless $block =~ /\\gexec/;
        complain("$file: \\gexec without SET search_path = pg_catalog, pg_temp before it in its block") unless (split /\\gexec/, $block)[0] =~ $is_set;
      }
    } else {
      complain("$file: no SET search_path = pg_catalog, pg_temp") unless $text =~ $is_set;
      # Before it stands only the question what the path was.
      my ($before) = split $is_set, $text;
      $before =~ s/^--.*\n//mg;
      $before =~ s/^SELECT pg_catalog\.current_setting\(\x27search_path\x27\) AS path_before(?:, pg_catalog\.current_schema\(\) AS schema)? \\gset\n//m;
      $before =~ s/^\\.*\n//mg;
      complain("$file: a statement before SET search_path") if $before =~ /\S/;
    }
  }
  exit $failed;
' README.md docs/**/*.md examples/psqlrc examples/roles.sql examples/ingest/*.sql examples/existing_schemas/*.sql
