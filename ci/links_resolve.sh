#!/usr/bin/env bash
# Relative links in Markdown files lead to files that exist, and to headings that they have.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

mapfile -d '' files < <(git -c safe.directory='*' ls-files -z -co --exclude-standard '*.md' 2>/dev/null ||
  find . -path ./build -prune -o -name '*.md' -print0)
perl - "${files[@]}" <<'PERL'
use strict;
use warnings;
use File::Basename qw(dirname);
use File::Spec;

my ($bad, %anchors) = (0);

# Code contains no links and no headings.
sub text_of {
    my ($path) = @_;
    open my $file, '<', $path or die "$path: $!\n";
    my $code = 0;
    return map { $code = !$code if /^\s*```/; $code || /^\s*```/ ? "\n" : $_ } <$file>;
}

# As GitHub makes them of headings.
sub anchors_of {
    my ($path) = @_;
    return $anchors{$path} //= do {
        my %found;
        for (text_of($path)) {
            next unless /^#{1,6}\s+(.*?)\s*$/;
            my $anchor = lc $1;
            $anchor =~ s/\[([^\]]*)\]\([^)]*\)/$1/g;
            $anchor =~ s/[^\w\- ]//g;
            $anchor =~ tr/ /-/;
            my $repeated = $found{$anchor}++;
            $found{"$anchor-$repeated"} = 1 if $repeated;
        }
        \%found;
    };
}

for my $page (@ARGV) {
    next unless -e $page;
    my $number = 0;
    for my $line (text_of($page)) {
        $number++;
        $line =~ s/`[^`]*`//g;
        while ($line =~ /\]\(<?([^)\s>]+)>?(?:\s+"[^"]*")?\)/g) {
            my $target = $1;
            next if $target =~ /^[a-z][a-z0-9+.-]*:/i;
            my ($path, $anchor) = split /#/, $target, 2;
            my $file = $path eq '' ? $page : File::Spec->canonpath(dirname($page) . "/$path");
            1 while $file =~ s{(^|/)(?!\.\./)[^/]+/\.\./}{$1};
            if (!-e $file) {
                print "$page:$number: there is no $target\n";
                $bad = 1;
            } elsif (defined $anchor && $file =~ /\.md$/ && !anchors_of($file)->{$anchor}) {
                print "$page:$number: $file has no heading #$anchor\n";
                $bad = 1;
            }
        }
    }
}
exit $bad;
PERL
