#!/bin/bash
# Asks a real PostgreSQL whether the examples of the rule pages are true: scripts/agreement.py on a server of its own.
# FORESHOT_DSN names a server that is there already; else one is started on a free port of the loopback, and stopped at the end.
set -euo pipefail
cd "$(dirname "$0")/.."
say() { printf 'foreshot: %s\n' "$*" >&2; }
work=$(mktemp -d /tmp/foreshot-agreement.XXXXXX)
server=
finish() {
    local id
    # the first line of this file is the server's process id; `$server` may be runuser's
    if [ -n "$server" ] && id=$(head -1 "$work/data/postmaster.pid" 2>/dev/null); then
        kill -INT "$id" || true
        wait "$server" || true
    fi
    rm -rf "$work"
}
trap finish EXIT

python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install 'alembic==1.20.1' 'sqlalchemy==2.0.58' 'psycopg2-binary==2.9.*'

dsn=${FORESHOT_DSN:-}
if [ -z "$dsn" ]; then
    bin=
    for folder in /usr/lib/postgresql/15/bin /usr/lib/postgresql/*/bin; do
        if [ -x "$folder/postgres" ]; then
            bin=$folder
            break
        fi
    done
    if [ -z "$bin" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        say "installing postgresql-15"
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql-15 >/dev/null
        bin=/usr/lib/postgresql/15/bin
    fi
    if [ -z "$bin" ]; then
        say "no PostgreSQL here: install postgresql-15, or name a server in FORESHOT_DSN"
        exit 2
    fi
    as=()
    if [ "$(id -u)" = 0 ]; then
        # PostgreSQL refuses to run as root
        as=(runuser -u nobody --)
        chown nobody "$work"
        chmod 755 "$work"
    fi
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    "${as[@]}" env LC_ALL=C "$bin/initdb" -D "$work/data" -U postgres -A trust -E UTF8 --locale=C >/dev/null
    env LC_ALL=C ${as[@]+"${as[@]}"} "$bin/postgres" -D "$work/data" -p "$port" \
        -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off -c synchronous_commit=off \
        >"$work/server.log" 2>&1 &
    server=$!
    dsn=postgresql://postgres@127.0.0.1:$port/postgres
    for _ in $(seq 100); do
        "$work/venv/bin/python" -c "import psycopg2; psycopg2.connect('$dsn').close()" 2>/dev/null && break
        sleep 0.1
    done
fi
"$work/venv/bin/python" scripts/agreement.py --dsn "$dsn" "$@"
