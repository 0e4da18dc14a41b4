#!/usr/bin/env bash
# META.json, as `make dist` makes it, is what PGXN accepts, with the version of pg_tenancy.control; the build and the
# Debian package are for the same versions of PostgreSQL.
#
# PGXN refuses an archive whose META.json lacks a field or has a version of other than three numbers, after the release
# has been announced.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
status=0

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
make -s META.json OUTPUT="$dir"
version=$(sed -n "s/^default_version *= *'\(.*\)'/\1/p" pg_tenancy.control)
perl -MJSON::PP -e '
  my ($file, $version) = @ARGV;
  open my $in, "<", $file or die "$file: $!\n";
  my $meta = eval { decode_json(join "", <$in>) } or die "META.json: $@";
  for my $field (qw(name abstract version maintainer license provides meta-spec)) {
    die "META.json: no $field\n" unless $meta->{$field};
  }
  for my $control (glob "*.control") {
    my ($name) = $control =~ /(.*)\.control/;
    my $provided = $meta->{provides}{$name} or die "META.json: does not provide $name\n";
    for my $field (qw(abstract file version)) {
      die "META.json: $name: no $field\n" unless $provided->{$field};
    }
    for my $path (grep { defined } @$provided{qw(file docfile)}) {
      die "META.json: $path does not exist\n" unless -e $path;
    }
    die "META.json: $name has a version of its own\n" if $provided->{version} ne $meta->{version};
  }
  for my $which ($meta->{version}) {
    die "META.json: version $which is not $version in three numbers\n"
      unless $which =~ /^\d+\.\d+\.\d+$/ && "$which." =~ /^\Q$version\E\.(0\.)*$/;
  }
  die "META.json: a placeholder is left\n" if encode_json($meta) =~ /@[A-Z]+@/;
' "$dir/META.json" "$version" || status=1

built=$(sed -n 's/^ifeq (\$(filter \([0-9 ]*\),\$(MAJORVERSION)),)$/\1/p' Makefile)
packaged=$(paste -sd' ' debian/pgversions)
if [[ -z $built || $built != "$packaged" ]]; then
  echo "the Makefile builds for PostgreSQL $built, debian/pgversions says $packaged"
  status=1
fi
exit $status
