#!/usr/bin/env bash
# No SECURITY DEFINER function of the extension asks who calls, or calls a function of language "tenancy".
#
# Inside it the extension's owner, a superuser, is the current user, and would pass for the caller. Functions that administer are
# written in language "tenancy", which knows its caller; see extension/12_callers.sql.
set -euo pipefail
shopt -s nullglob
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Bodies are looked through; what a called function calls is not, so the helpers that ask are named here.
perl -0777 -e '
  my (%entries, @definers);
  for my $path (@ARGV) {
    open my $file, "<", $path or die "$path: $!\n";
    local $_ = <$file>;
    s{--[^\n]*}{}g;
    while (/^CREATE (?:FUNCTION|PROCEDURE) (tenancy(?:_internal|_steps)?\.\w+)\((.*?)\n\$\$;/gms) {
      my ($name, $text) = ($1, $2);
      my ($header, $body) = $text =~ /^(.*?)\bAS \$\$(.*)$/s or next;
      $entries{$name} = 1 if $header =~ /LANGUAGE tenancy\b/;
      push @definers, [$path, $name, $body] if $header =~ /SECURITY DEFINER/;
    }
  }
  $entries{"tenancy.$_"} = $entries{"tenancy_internal.$_"} = 1 for qw(caller is_dba may_sign_up require_dba require_permission require_delegable_role require_delegable_workspace_grants require_delegation require_configuration_permission require_setting_permission require_key_permission require_expiry_within_session require_external_id_choice require_principal require_owner resolve_organization resolve_workspace resolve_organization_for_dba resolve_audited_organization session_ends_at as_owner);
  my $bad = 0;
  for (@definers) {
    my ($path, $name, $body) = @$_;
    $body =~ s{\x27(?:[^\x27]|\x27\x27)*\x27}{}g;  # messages name functions
    for my $called ($body =~ /\b(tenancy(?:_internal|_steps)?\.\w+)\s*\(/g) {
      next if !$entries{$called};
      print "$path: $name is SECURITY DEFINER and calls $called\n";
      $bad = 1;
    }
  }
  exit $bad;
' extension/[0-9][0-9]_*.sql
