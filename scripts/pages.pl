#!/usr/bin/perl
# The blocks of a page that scripts/pages.sh runs.
#
#   pages.pl script PAGE            prints what psql runs: each block after a line that tells its number
#   pages.pl compare PAGE OUTPUT    compares what psql printed with what the page says; exits 1 on a difference
#   pages.pl write PAGE OUTPUT      writes what psql printed into the page, where that differs
use strict;
use warnings;

my ($command, $page, $output) = @ARGV;
my $mark = '@@ block';

sub slurp { my ($path) = @_; open my $file, '<', $path or die "$path: $!\n"; local $/; return scalar <$file> }

# Ids, secrets and stamps are others each time, and as long.
sub normal {
    my ($text) = @_;
    $text =~ s/\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/00000000-0000-0000-0000-000000000000/g;
    $text =~ s/\bpgt_\w+/pgt_/g;
    $text =~ s/'-?\d{15,20}'::bigint/'0'::bigint/g;
    $text =~ s/[ \t]+$//mg;
    $text =~ s/\A\s*\n|\s+\z//g;
    return $text;
}

# Each block: [language, text, line, whether it is the output of the one before].
my $text = slurp($page);
my @blocks;
my $number = 0;
my ($open, $after_run);
for my $line (split /^/, $text) {
    $number++;
    if (defined $open) {
        if ($line =~ /^```$/) {
            push @blocks, $open;
            $after_run = $open->{run} ? $open : undef;
            undef $open;
        } else { $open->{text} .= $line }
    } elsif ($line =~ /^```(.*)$/) {
        my $language = $1;
        $open = { text => '', line => $number, run => $language eq 'sql' || $language eq 'sh run' ? $language : '',
                  of => $language eq '' ? $after_run : undef };
        $open->{of}{output} = $open if $open->{of};
        undef $after_run;
    } elsif ($line =~ /\S/) { undef $after_run }
}
die "$page: a block has no end\n" if defined $open;
my @run = grep { $_->{run} } @blocks;

if ($command eq 'script') {
    for my $i (0 .. $#run) {
        print "\\echo $mark $i\n";
        if ($run[$i]{run} eq 'sql') { print $run[$i]{text} }
        else {
            my $file = "block_$i.sh";
            open my $script, '>', $file or die "$file: $!\n";
            print $script "set -e\n", $run[$i]{text};
            close $script;
            print "\\! bash $file\n";
        }
    }
    exit;
}

my @printed = split /^\Q$mark\E \d+\n/m, slurp($output), -1;
shift @printed;
my $bad = @printed != @run;
print "$page: psql ended before the last block\n" if $bad;
for my $i (0 .. $#printed) {
    my ($block, $printed) = ($run[$i], normal($printed[$i]));
    my $expected = $block->{output};
    if (!$expected) {
        next if $printed !~ /^(ERROR|FATAL|invalid command|block_\d+\.sh:|psql)\b/m;
        print "$page:$block->{line}: an error that the page does not show:\n$printed\n";
        $bad = 1;
    } elsif (normal($expected->{text}) ne $printed) {
        if ($command eq 'write') {
            $printed[$i] =~ s/[ \t]+$//mg;
            $printed[$i] =~ s/\A\s*\n|\s+\z//g;
            $expected->{new} = "$printed[$i]\n";
        } else {
            print "$page:$expected->{line}: the page says\n$expected->{text}but it is\n$printed\n";
            $bad = 1;
        }
    }
}
if ($command eq 'write') {
    my @lines = split /^/, $text;
    for my $block (grep { defined $_->{new} } reverse @blocks) {
        splice @lines, $block->{line}, ($block->{text} =~ tr/\n//), $block->{new};
    }
    open my $file, '>', $page or die "$page: $!\n";
    print $file @lines;
    close $file;
}
exit($bad ? 1 : 0);
