#!/usr/bin/env bash
# Files, folders, functions and identifiers in backticks exist, in the pages that describe the code.
#
# Paths may be given from the root, from src/ or from the page's folder, and without .cpp and .hpp, or be a name alone.  PLACEHOLDERS in
# capitals, patterns and names of the server (pg_...) are left alone.  An identifier exists if it occurs as a whole word in
# the code.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

perl - CONTRIBUTING.md src/README.md extension/README.md ci/README.md test/attacks/README.md docs/design/*.md <<'PERL'
use strict;
use warnings;
use File::Basename qw(basename dirname);

my @code = grep { !/\.(md|svg|png|out)$/ } split /\0/,
  `git -c safe.directory='*' ls-files -z -co --exclude-standard src extension sql test scripts ci bench examples debian Makefile CMakeLists.txt '*.control' 2>/dev/null`;
# A tree without git has everything.
@code = split /\0/, `find src extension sql test scripts ci bench examples debian Makefile CMakeLists.txt -type f -print0` if !@code;
my (%words, %topmost, %files, $bad);
# Of the server.
$words{$_} = 1 for qw(fmgr_hook);
for my $path (@code) {
  my $file_name = basename($path);
  $files{$file_name} = 1;
  $words{$file_name =~ s/\.\w+$//r} = 1;
  next if !-f $path || $path =~ m{/released/};
  open my $file, '<', $path or die "$path: $!\n";
  local $/;
  $words{$_} = 1 for <$file> =~ /\w+/g;
}
$topmost{$_} = 1 for map { s{/$}{}r } glob('*'), glob('src/*');

sub path_exists {
  my ($page, $path) = @_;
  $path =~ s{/$}{};
  for my $folder ('.', 'src', dirname($page)) {
    return 1 if -e "$folder/$path" || -e "$folder/$path.cpp" || -e "$folder/$path.hpp";
  }
  return 0;
}

for my $page (@ARGV) {
  next if !-e $page;
  open my $file, '<', $page or die "$page: $!\n";
  my $in_block = 0;
  while (my $line = <$file>) {
    $in_block = !$in_block if $line =~ /^\s*```/;
    next if $in_block;
    while ($line =~ /`([^`]+)`/g) {
      my $name = $1;
      next if $name =~ /[A-Z]{3,}|[*<>{}\[\]\$…]|\.\.\./;
      my $problem;
      if ($name =~ m{^\.{0,2}/?([\w.-]+)(/[\w./-]*)?$} && ($2 ? $topmost{$1} || $1 =~ /^\.\.?$/ : $name =~ /\.(sh|pl|cpp|hpp|sql|md|txt)$/)) {
        $problem = 'file' if !path_exists($page, $name) && !$files{$name};
      } elsif ($name =~ /^(?:tenancy\.)?(\w+)\(\)$/ || $name =~ /^(?:tenancy\.)?([a-z]\w*_\w+)$/) {
        $problem = 'name' if !$words{$1} && $1 !~ /^pg_/;
      }
      if ($problem) {
        print "$page:$.: there is no $problem $name\n";
        $bad = 1;
      }
    }
  }
}
exit($bad ? 1 : 0);
PERL
