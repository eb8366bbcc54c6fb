# shellcheck shell=bash
# What the scripts share: messages, the dashboard's build, waiting, private servers. Sourced, never run.
# Needs bash, coreutils and util-linux; no curl, no python.
# shellcheck disable=SC2034 # The variables that a function says it sets are read by the scripts.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root" || exit
target=${CARGO_TARGET_DIR:-$root/target}

say() { printf '%s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }

# need_cargo: a clear sentence instead of "cargo: command not found".
need_cargo() {
  command -v cargo >/dev/null || die "cargo is not installed. Install Rust from https://rustup.rs; the version in rust-toolchain.toml is then fetched by itself."
  command -v cc >/dev/null || die "a C compiler is not installed. On Debian: apt-get install build-essential"
}

# need_node: the dashboard's tools need Node 20.19+, 22.12+ or newer (even) releases.
need_node() {
  if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
    die "Node.js is not installed. The dashboard needs Node.js 20.19 or newer with npm (https://nodejs.org)."
  fi
  local version major minor
  version=$(node --version)
  IFS=. read -r major minor _ <<<"${version#v}"
  if ((major < 20 || (major == 20 && minor < 19) || major == 21 || (major == 22 && minor < 12))); then
    die "Node.js $version is too old. The dashboard needs 20.19 or newer (of the 22 series: 22.12 or newer)."
  fi
}

# digest PATH...: one checksum over the names and contents of all files under the paths.
digest() {
  find "$@" -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -d' ' -f1
}

# The dashboard's dependencies and build are remembered by a checksum of what they were made from, so that a start
# with nothing to do does nothing. A stamp is written only after the step succeeded.
web_stamps=$target/web-stamps

web_install() {
  need_node
  local want
  want=$(digest web/package.json web/package-lock.json)
  if [[ -f web/node_modules/.package-lock.json && $(cat "$web_stamps/install" 2>/dev/null) == "$want" ]]; then
    return
  fi
  say "Installing the dashboard's packages (web/node_modules) …"
  npm --prefix web ci --no-audit --no-fund
  mkdir -p "$web_stamps"
  printf '%s\n' "$want" >"$web_stamps/install"
}

web_build() {
  web_install
  local want paths=() path
  for path in web/* web/.npmrc schema.graphql; do
    case $path in
    web/node_modules | web/build | web/test-results | web/embed | web/e2e) ;;
    *) if [[ -e $path ]]; then paths+=("$path"); fi ;;
    esac
  done
  want=$(digest "${paths[@]}")
  if [[ -f web/build/200.html && $(cat "$web_stamps/build" 2>/dev/null) == "$want" ]]; then
    return
  fi
  say "Building the dashboard (web/build) …"
  npm --prefix web run build
  mkdir -p "$web_stamps"
  printf '%s\n' "$want" >"$web_stamps/build"
}

# port_open PORT: is something listening on the loopback port?
port_open() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# free_port: a loopback port nobody listens on, below the range from which the kernel takes outgoing ports.
# Somebody may still take it first: callers start their server, and try again with another port when it ends.
free_port() {
  local port
  for _ in {1..50}; do
    port=$((20000 + RANDOM % 12000))
    if ! port_open "$port"; then
      printf '%s\n' "$port"
      return
    fi
  done
  die "no free port found between 20000 and 32000"
}

# http_status PORT PATH: the status code of a GET on the loopback port, or nothing.
http_status() {
  (
    exec 3<>"/dev/tcp/127.0.0.1/$1" || exit 0
    printf 'GET %s HTTP/1.1\r\nHost: 127.0.0.1:%s\r\nConnection: close\r\n\r\n' "$2" "$1" >&3
    read -r -t 5 _ status _ <&3 && printf '%s\n' "$status"
  ) 2>/dev/null || true
}

# wait_until SECONDS WHAT PID LOG COMMAND...: polls until the command succeeds; fails when the process ends or time is up.
wait_until() {
  local seconds=$1 what=$2 pid=$3 log=$4
  shift 4
  local deadline=$((SECONDS + seconds))
  until "$@"; do
    if ! kill -0 "$pid" 2>/dev/null; then
      say "$what ended instead of starting. The end of $log:"
      tail -n 30 "$log" >&2 || true
      return 1
    fi
    if ((SECONDS >= deadline)); then
      say "$what was not ready after $seconds s. The end of $log:"
      tail -n 30 "$log" >&2 || true
      return 1
    fi
    sleep 0.1
  done
}

# end_process PID: TERM, up to 10 s, then KILL. Only for children of this shell.
end_process() {
  kill -TERM "$1" 2>/dev/null || return 0
  for _ in {1..100}; do
    kill -0 "$1" 2>/dev/null || return 0
    sleep 0.1
  done
  kill -KILL "$1" 2>/dev/null || true
}

# postgres_bin: the folder of the newest PostgreSQL server programs, or nothing. Debian keeps them off PATH.
postgres_bin() {
  local newest=
  for dir in /usr/lib/postgresql/*/bin; do
    if [[ -x $dir/initdb ]]; then newest=$(printf '%s\n%s\n' "$newest" "$dir" | sort -V | tail -n 1); fi
  done
  if [[ -z $newest ]] && command -v initdb >/dev/null; then newest=$(dirname "$(command -v initdb)"); fi
  printf '%s\n' "$newest"
}

# as_postgres COMMAND...: PostgreSQL refuses to run as root, so root lends it the account of the Debian package.
as_postgres() {
  if ((EUID == 0)); then (cd / && exec runuser -u postgres -- "$@"); else "$@"; fi
}

# start_postgres DIR: a private cluster in DIR on a free loopback port, with a password of its own, without fsync.
# Sets postgres_url (superuser, database postgres). stop_postgres DIR ends it.
start_postgres() {
  local dir=$1 bin password port
  bin=$(postgres_bin)
  [[ -n $bin ]] || die "PostgreSQL is not installed. On Debian: apt-get install postgresql"
  password=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
  mkdir -p "$dir"
  printf '%s\n' "$password" >"$dir/password"
  if ((EUID == 0)); then
    id postgres >/dev/null 2>&1 || die "PostgreSQL does not run as root, and the user postgres is missing. On Debian: apt-get install postgresql"
    chown -R postgres: "$dir"
  fi
  chmod 700 "$dir"
  # Cleartext password over loopback: no key stretching for each of the many short connections of the tests.
  as_postgres "$bin/initdb" --pgdata="$dir/data" --username=switchboard --pwfile="$dir/password" --auth=password \
    --encoding=UTF8 --locale=C.UTF-8 --no-sync --no-instructions >/dev/null
  cat >>"$dir/data/postgresql.conf" <<CONF
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 300
shared_buffers = 128MB
fsync = off
synchronous_commit = off
full_page_writes = off
autovacuum_naptime = 10min
CONF
  for _ in {1..5}; do
    port=$(free_port)
    if as_postgres "$bin/pg_ctl" --pgdata="$dir/data" --log="$dir/log" --options="-p $port" --silent --wait --timeout=60 start; then
      postgres_url="postgres://switchboard:$password@127.0.0.1:$port/postgres"
      return
    fi
  done
  tail -n 20 "$dir/log" >&2 || true
  die "the private PostgreSQL did not start"
}

stop_postgres() {
  local dir=$1 bin
  bin=$(postgres_bin)
  if [[ -f $dir/data/postmaster.pid ]]; then
    as_postgres "$bin/pg_ctl" --pgdata="$dir/data" --mode=immediate --silent --wait --timeout=30 stop || true
  fi
}

# start_redis DIR: a private server with an append-only file in DIR. Sets redis_url and redis_pid.
start_redis() {
  local dir=$1 server port
  server=${SWITCHBOARD_TEST_REDIS_SERVER:-$(command -v redis-server || true)}
  [[ -n $server ]] || die "redis-server is not installed. On Debian: apt-get install redis-server"
  mkdir -p "$dir"
  for _ in {1..5}; do
    port=$(free_port)
    "$server" --bind 127.0.0.1 --port "$port" --dir "$dir" --appendonly yes --save '' --maxmemory-policy noeviction \
      </dev/null >"$dir/log" 2>&1 &
    redis_pid=$!
    if wait_until 10 "the private Redis" "$redis_pid" "$dir/log" \
      grep -q "Ready to accept connections" "$dir/log"; then
      redis_url="redis://127.0.0.1:$port"
      return
    fi
    end_process "$redis_pid"
  done
  die "the private Redis did not start"
}
