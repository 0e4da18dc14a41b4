# shellcheck shell=bash
# Functions shared by the scripts: packages, builds, throw-away servers.  Source this, do not run it.
#
#   missing_packages PACKAGE...              prints those that are not installed
#   install_packages PACKAGE...              installs those; with INSTALL_PACKAGES=no, fails if there are any
#   find_pg_config                           prints the path of pg_config for PostgreSQL $PG_MAJOR (default 15)
#   as_server_user COMMAND...                runs a command as a user that may run a server (initdb refuses root)
#   copy_tree DIR                            copies the working tree, uncommitted files included, ignored files not
#   build_module COPY STAGE [VAR=VALUE...]   builds in a copy of the tree, installs below STAGE
#   extension_settings STAGE                 prints the server settings that find an extension installed below STAGE
#   start_server DIR STAGE [--tcp] [-c NAME=VALUE]...   throw-away cluster; exports PGHOST, PGPORT, PGUSER, PGDATABASE
#   make_cluster DIR STAGE [--tcp] [-c NAME=VALUE]...   the same, but not started
#   start_cluster DIR                        starts it, now or again; exports the same
#   use_server DIR                           exports the same for a server started earlier
#   stop_server DIR
#   quietly NAME COMMAND...                  runs a command; its output only if it fails
#
# Sourcing makes $WORK_DIR, a temporary folder that the server's user can read.  When the script ends, however it
# ends, every server below it is stopped and the folder is removed.  State lies in files there, so that it also holds
# for functions called in subshells.  No other cluster is ever touched.

ROOT_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
PG_MAJOR=${PG_MAJOR:-15}

# The caller's settings for PostgreSQL, or of an outer make, must not reach our servers and builds.
unset PGHOST PGHOSTADDR PGPORT PGUSER PGDATABASE PGPASSWORD PGPASSFILE PGSERVICE PGOPTIONS PGDATA MAKEFLAGS MAKELEVEL
export LC_ALL=C.UTF-8
umask 022

say() { printf '%s\n' "$*"; }
fail() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

quietly() {
  local log=$WORK_DIR/$1.log
  shift
  "$@" >"$log" 2>&1 || { tail -n 40 "$log"; return 1; }
}

# --- packages ---------------------------------------------------------------------------------------------------

as_root() {
  if [[ $EUID -eq 0 ]]; then "$@"; else sudo "$@"; fi
}

is_installed() { [[ $(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null) == installed ]]; }

apt_get() { as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 "$@" </dev/null; }

# Without dpkg nothing is reported as missing; the first command that is will fail.
missing_packages() {
  local package
  command -v dpkg-query >/dev/null || return 0
  printf '%s\n' "$@" | sort -u | while IFS= read -r package; do
    [[ -z $package ]] || is_installed "$package" || printf '%s\n' "$package"
  done
}

install_packages() {
  local missing
  mapfile -t missing < <(missing_packages "$@")
  [[ ${#missing[@]} -gt 0 ]] || return 0
  [[ ${INSTALL_PACKAGES-} != no ]] || fail "packages are missing: apt-get install ${missing[*]}"
  command -v apt-get >/dev/null || fail "this is no Debian: please install ${missing[*]} by hand"
  [[ $EUID -eq 0 ]] || command -v sudo >/dev/null ||
    fail "cannot install ${missing[*]}: run this as root, install sudo, or install them beforehand"
  say "installing ${missing[*]}"
  # The package lists may be absent or old; they are only fetched when they are needed.
  if ! apt_get install -y --no-install-recommends "${missing[@]}" >"$WORK_DIR/apt.log" 2>&1; then
    if ! { apt_get update && apt_get install -y --no-install-recommends "${missing[@]}"; } \
      >"$WORK_DIR/apt.log" 2>&1; then
      tail -n 20 "$WORK_DIR/apt.log" >&2
      fail "could not install ${missing[*]}"
    fi
  fi
}

find_pg_config() {
  local path=/usr/lib/postgresql/$PG_MAJOR/bin/pg_config
  [[ -x $path ]] || fail "PostgreSQL $PG_MAJOR is not installed: \"$path\" does not exist"
  printf '%s\n' "$path"
}

server_bin() {
  local path
  path=$(find_pg_config) || return
  printf '%s\n' "${path%/*}"
}

# --- the temporary folder, and what is left to do at the end --------------------------------------------------------

# From the working folder, which that user might not be allowed to see, the command would start with a complaint.
as_server_user() {
  if [[ $EUID -eq 0 ]]; then
    (cd "$WORK_DIR" && exec runuser -u postgres -- "$@")
  else
    "$@"
  fi
}

# The user postgres comes with the packages, hence not when the folder is made.
give_to_server_user() {
  [[ $EUID -ne 0 ]] || chown -R postgres: "$@"
}

cleanup() {
  local pid_file
  # A step that was cut short may have left its server: the files tell, in whatever subshell it was started.
  find "$WORK_DIR" -name postmaster.pid | while IFS= read -r pid_file; do
    as_server_user "$(server_bin)/pg_ctl" -D "${pid_file%/*}" -m immediate -w stop >/dev/null 2>&1 || true
  done
  rm -rf "$WORK_DIR"
}

# Below /tmp and not below TMPDIR: the server's user must get there, and a socket's path has at most 107 characters.
WORK_DIR=$(mktemp -d /tmp/pg_tenancy.XXXXXX)
chmod 755 "$WORK_DIR"
trap cleanup EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# --- builds -----------------------------------------------------------------------------------------------------

tree_files() {
  # Someone else's clone, read by root, is nothing git has to warn about.
  if ! git -C "$ROOT_DIR" -c safe.directory='*' ls-files -z -co --exclude-standard 2>/dev/null; then
    (cd "$ROOT_DIR" && find . -path ./build -prune -o -type f -print0)
  fi
}

# Objects of an earlier build in DIR stay, and so do the sources' times: building again is incremental.
copy_tree() {
  local dir=$1 file
  mkdir -p "$dir"
  find "$dir" -type f ! -name '*.[od]' ! -name '*.so' ! -name .build-flags ! -name .versions -delete
  tree_files | while IFS= read -r -d '' file; do
    # A file deleted but not yet removed from the index is still listed.
    [[ ! -e $ROOT_DIR/$file ]] || printf '%s\0' "$file"
  done | tar -C "$ROOT_DIR" --null -T - -c | tar -C "$dir" -x --no-same-owner
}

# Two scripts may want the same copy at the same time, hence the lock.
build_module() {
  local copy=$1 stage=$2 pg_config
  shift 2
  pg_config=$(find_pg_config)
  mkdir -p "$copy" "$stage"
  (
    flock 9
    copy_tree "$copy"
    make -s -C "$copy" -j"$(nproc)" PG_CONFIG="$pg_config" "$@"
    make -s -C "$copy" install DESTDIR="$stage" PG_CONFIG="$pg_config" "$@" >/dev/null
  ) 9>"$copy.lock"
}

# --- servers ----------------------------------------------------------------------------------------------------

# A name the server does not have is an error of `postgres -C`.
has_setting() { as_server_user "$1/postgres" -D "$2" -C "$3" >/dev/null 2>&1; }

# Debian's servers before 18 have extension_destdir, from 18 on every server has extension_control_path.
extension_settings() {
  local stage=$1 pg_config
  pg_config=$(find_pg_config)
  if [[ $PG_MAJOR -ge 18 ]]; then
    say "extension_control_path = '$stage$("$pg_config" --sharedir):\$system'"
  else
    say "extension_destdir = '$stage'"
  fi
  say "dynamic_library_path = '$stage$("$pg_config" --pkglibdir):\$libdir'"
}

is_free_port() { ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

free_port() {
  local port
  for _ in {1..50}; do
    port=$((20000 + RANDOM % 12000))
    if is_free_port "$port"; then
      printf '%s\n' "$port"
      return
    fi
  done
  fail "could not find a free port"
}

# Writes the settings given as -c NAME=VALUE ... in configuration file syntax.
settings_from_arguments() {
  local name value
  while [[ $# -gt 0 ]]; do
    [[ $1 == -c && ${2-} == *=* ]] || fail "start_server: expected -c NAME=VALUE, not \"$1\""
    name=${2%%=*} value=${2#*=}
    say "$name = '${value//\'/\'\'}'"
    shift 2
  done
}

make_cluster() {
  local dir=$1 stage=$2 bin port listen=
  shift 2
  if [[ ${1-} == --tcp ]]; then
    listen=127.0.0.1
    shift
  fi
  bin=$(server_bin)
  port=$(free_port)
  mkdir -p "$dir"
  # Others on this machine must not reach a server that trusts everybody.
  chmod 700 "$dir"
  give_to_server_user "$dir"
  # The port is open to everybody on this machine, so there a password is needed.
  as_server_user "$bin/initdb" -D "$dir/data" -A trust --auth-host=scram-sha-256 -U postgres --no-sync \
    --encoding=UTF8 --locale=C.UTF-8 >"$dir/initdb.log" 2>&1 ||
    { cat "$dir/initdb.log" >&2; fail "could not create a cluster in \"$dir\""; }
  {
    say "listen_addresses = '$listen'"
    say "unix_socket_directories = '$dir'"
    say "port = $port"
    # It is thrown away anyway.
    say "fsync = off"
    say "full_page_writes = off"
    say "synchronous_commit = off"
    say "log_line_prefix = '%m [%p] %q%u@%d '"
    [[ -z $stage ]] || extension_settings "$stage"
    settings_from_arguments "$@"
  } >>"$dir/data/postgresql.conf"
  [[ -z $stage || $PG_MAJOR -ge 18 ]] || has_setting "$bin" "$dir/data" extension_destdir ||
    fail "this PostgreSQL has no extension_destdir (a Debian addition): use Debian's packages, or PostgreSQL 18"
  say "export PGHOST='$dir' PGPORT=$port PGUSER=postgres PGDATABASE=postgres" >"$dir/environment"
}

start_cluster() {
  local dir=$1
  as_server_user "$(server_bin)/pg_ctl" -D "$dir/data" -l "$dir/log" -w -t 60 start >/dev/null </dev/null ||
    { tail -n 20 "$dir/log" >&2; fail "could not start the server in \"$dir\""; }
  use_server "$dir"
}

start_server() {
  make_cluster "$@"
  start_cluster "$1"
}

use_server() {
  # shellcheck source=/dev/null
  source "$1/environment"
}

stop_server() {
  as_server_user "$(server_bin)/pg_ctl" -D "$1/data" -m fast -w stop >/dev/null
}
