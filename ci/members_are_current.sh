#!/usr/bin/env bash
# Every reader of memberships judges their end: of an organization, of a workspace, of a group.
#
# A row whose end has passed counts for nothing, and is still there. Readers that need no end are named here, each with its reason.
set -euo pipefail
shopt -s nullglob
cd "$(dirname "${BASH_SOURCE[0]}")/.."

perl -0777 -e '
  my %without = map { $_ => 1 } (
    # After lock_members(), which removes what has ended
    qw(require_delegable_membership remove_workspace_member invite leave_organization),
    # A former member is taken for a member: the answer is the same refusal
    qw(is_signed_up update_user set_member check_member_id keep_external_id create_organization),
    # Rows, whatever they are worth
    qw(lock_roles_of end_keys_of_leaver mark_member mark_group begin_anew close_organization remove_access advice_keys_of_leavers advice_unmarked_members),
    # A session whose membership has ended is refused before
    qw(hides_expired));
  my $bad = 0;
  my $members = "(?:organization|workspace|group)_members";
  for my $path (@ARGV) {
    open my $file, "<", $path or die "$path: $!\n";
    local $_ = <$file>;
    if ($path =~ /\.sql$/) {
      s{--[^\n]*}{}g;
      while (/^CREATE (?:FUNCTION|PROCEDURE) tenancy(?:_internal|_steps)?\.(\w+)\((.*?)\n\$\$;/gms) {
        my ($name, $text) = ($1, $2);
        next if $without{$name} || $text !~ /(?:FROM|JOIN|USING)\s+tenancy\.$members\b/ || $text =~ /\bends_at\b/;
        print "$path: $name reads memberships, and not their ends_at\n";
        $bad = 1;
      }
    } elsif (/CatalogIndex::$members/ && !/has_ended|ends_at/) {
      print "$path reads memberships, and not their ends_at\n";
      $bad = 1;
    }
  }
  exit $bad;
' extension/[0-9][0-9]_*.sql src/pg/*/*.cpp
