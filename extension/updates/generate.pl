#!/usr/bin/env perl
# Prints the script that updates one version of the extension to the next:
#
#   generate.pl EXTENSION OLD_SCRIPT NEW_SCRIPT FOLDER
#
# Functions are never written twice: those that differ between the two install scripts are taken over from the new one.
# Everything else is written by hand, in FOLDER/EXTENSION--before.sql (columns, tables, types, and functions to be dropped
# because their result or their arguments' names change) and FOLDER/EXTENSION--after.sql (triggers, policies, rows).
#
# There a line "-- @include PART" stands for a part of the install script that is new, functions included.
#
#   before.sql, in which a line "-- @moves" stands for ALTER FUNCTION ... SET SCHEMA of each that has gone from schema tenancy to
#   another one
#   each function, in the order of the new script:  CREATE, with comment and rights, where it is new;
#                                                   CREATE OR REPLACE where its definition differs; COMMENT where that does
#   after.sql
#   DROP FUNCTION for each that is gone
#
# No entry of the audit log is left pending, whatever rows there are: after statements that can change some, those that follow find the
# deferred trigger done with, since a table with pending events cannot be altered.
#
# Nobody may execute functions of schema tenancy_internal; one that PUBLIC could execute before is not moved there but recreated. Rights of functions that stay or move are left alone: an update that grants or revokes would turn the users' grants into initial
# privileges, which pg_dump leaves out.
use File::Basename qw(dirname);
use strict;
use warnings;

# Statements of a script. A semicolon ends one outside of strings, dollar quotes and comments.
sub statements {
  my ($text, $with_comments) = @_;
  my @statements;
  my $current = '';
  while ($text =~ /\G( '(?:[^']|'')*' | "[^"]*" | (\$\w*\$).*?\2 | --[^\n]*\n | ; | . )/gsx) {
    my $token = $1;
    # Comments between statements belong to none.
    next if !$with_comments && $token =~ /^--/ && $current !~ /\S/;
    $current .= $token;
    next if $token ne ';';
    $current =~ s/^\s+//;
    push @statements, $current;
    $current = '';
  }
  push @statements, $current if $with_comments;
  return @statements;
}

# A script in which nothing is pending at a statement that may alter a table, of what others before it have changed. The first one
# makes sure that the schema is closed, and what is pending from before the update comes after it.
sub settled {
  my ($text) = @_;
  my ($settled, $pending) = ('', 0);
  for my $statement (statements($text, 1)) {
    my ($command) = $statement =~ /^(?:\s+|--[^\n]*\n)*(\w*)/;
    if ($pending && $command !~ /^(?:INSERT|UPDATE|DELETE)$/) {
      $settled .= "SET CONSTRAINTS tenancy.audit_head IMMEDIATE;\nSET CONSTRAINTS tenancy.audit_head DEFERRED;\n";
      $pending = 0;
    }
    $settled .= "$statement\n";
    $pending = 1 if $command =~ /^(?:INSERT|UPDATE|DELETE|MERGE|WITH|SELECT|DO|CALL)$/;
  }
  return $settled;
}

sub slurp {
  my ($path) = @_;
  open my $file, '<:encoding(UTF-8)', $path or die "$path: $!\n";
  local $/;
  return scalar <$file>;
}

# The functions of a script. Each is followed by its comment, which names its arguments' types.
sub functions {
  my ($text) = @_;
  my (@order, %functions, $unnamed);
  for my $statement (statements($text)) {
    if ($statement =~ /^CREATE (FUNCTION|PROCEDURE) /) {
      die "no comment follows:\n$unnamed\n" if defined $unnamed;
      $unnamed = $statement;
    } elsif ($statement =~ /^COMMENT ON (FUNCTION|PROCEDURE) ([\w.]+\([^)]*(?:\(\d+\)[^)]*)*\)) IS/) {
      my $name = "$1 $2";
      if (defined $unnamed) {
        $functions{$name} = {create => $unnamed, rights => []};
        push @order, $name;
        undef $unnamed;
      }
      die "comment on an unknown function: $name\n" if !$functions{$name};
      $functions{$name}{comment} = $statement;
    } elsif ($statement =~ /^(?:REVOKE|GRANT) .* ON ((?:FUNCTION|PROCEDURE) [\w.]+\([^)]*\)) (?:FROM|TO) /s && $functions{$1}) {
      push @{$functions{$1}{rights}}, $statement;
    }
  }
  die "no comment follows:\n$unnamed\n" if defined $unnamed;
  return (\@order, \%functions);
}

binmode STDOUT, ':encoding(UTF-8)';
die "usage: generate.pl EXTENSION OLD_SCRIPT NEW_SCRIPT FOLDER\n" if @ARGV != 4;
my ($extension, $old_script, $new_script, $folder) = @ARGV;
my (undef, $old) = functions(slurp($old_script));
my ($order, $new) = functions(slurp($new_script));
my ($before, $after) = map { -e "$folder/$extension--$_.sql" ? slurp("$folder/$extension--$_.sql") : '' } qw(before after);

sub without_rights {
  my ($name) = @_;
  return $name =~ /^(FUNCTION|PROCEDURE) tenancy_internal\./ ? "REVOKE ALL ON $name FROM PUBLIC;\n" : ();
}

my %included;
for ($before, $after) {
  s{^-- \@include (\w+\.sql)\n}{
    my $part = slurp(dirname(__FILE__) . "/../$1");
    my ($names) = functions($part);
    $included{$_} = 1 for @$names;
    join '', $part, map { without_rights($_) } @$names;
  }gem;
}
my %dropped = map { $_ => 1 } "$before$after" =~ /^DROP ((?:FUNCTION|PROCEDURE) [\w.]+\([^)]*\))/gm;
my %dropped_before = map { $_ => 1 } $before =~ /^DROP ((?:FUNCTION|PROCEDURE) [\w.]+\([^)]*\))/gm;

# Moves keep what depends on a function, and its rights.
my $moves = '';
for my $name (@$order) {
  next if $old->{$name} || $name !~ / tenancy_(?:internal|steps)\./;
  (my $former = $name) =~ s/ tenancy_\w+?\./ tenancy./;
  next if !$old->{$former} || $new->{$former} || $dropped{$former};
  next if without_rights($name) && !grep { /^REVOKE .* FROM PUBLIC/s } @{$old->{$former}{rights}};
  my ($schema) = $name =~ / (\w+)\./;
  $moves .= "ALTER $former SET SCHEMA $schema;\n";
  $old->{$name} = delete $old->{$former};
  $old->{$name}{comment} =~ s/ ON (FUNCTION|PROCEDURE) \w+\./ ON $1 $schema./;
}
die "$folder: no line \"-- \@moves\"\n" if $before !~ s/^-- \@moves\n/$moves/m && $moves ne '';
($before, $after) = map { settled($_) } ($before, $after) if $extension eq 'pg_tenancy';
print $before;
for my $name (@$order) {
  next if $included{$name};
  my ($now, $was) = ($new->{$name}, $dropped_before{$name} ? undef : $old->{$name});
  my ($differs, $described) = $was ? ($now->{create} ne $was->{create}, $now->{comment} ne $was->{comment}) : (1, 1);
  my $create = $now->{create};
  $create =~ s/^CREATE /CREATE OR REPLACE / if $was;
  print "$create\n" if $differs;
  print "$now->{comment}\n" if $described;
  print without_rights($name), map({ "$_\n" } @{$now->{rights}}) if !$was;
}
print $after;
print map { "DROP $_;\n" } grep { !$new->{$_} && !$dropped{$_} } sort keys %$old;
