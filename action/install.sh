#!/usr/bin/env bash
# Installs foreshot for the action and says where it is. In: FORESHOT_ACTION_VERSION ("", "0.1.0", "system"), GITHUB_OUTPUT,
# RUNNER_TEMP. Out: `program` and `version` in GITHUB_OUTPUT.
set -euo pipefail

# the version that this action was released with: tests keep it equal to Cargo.toml's
RELEASED=0.1.0

fail() {
    printf '::error title=foreshot::%s\n' "$1"
    exit 2
}

version=${FORESHOT_ACTION_VERSION:-}
version=${version:-$RELEASED}

if [ "$version" = system ]; then
    program=$(command -v foreshot) || fail "there is no foreshot on PATH: install it in an earlier step, or leave the input 'version' empty"
else
    # it becomes part of a command: nothing but a version may come through
    [[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+([a-z0-9.]+)?$ ]] || fail "the input 'version' is no exact version such as $RELEASED"
    python=$(command -v python3 || command -v python) || fail "Python is needed to install foreshot: add actions/setup-python before this action"
    home=${RUNNER_TEMP:?}/foreshot-$version
    "$python" -m venv "$home"
    bin=$home/bin
    [ -d "$bin" ] || bin=$home/Scripts
    # a wheel or nothing: building from source would take minutes
    "$bin/python" -m pip --disable-pip-version-check --no-input -q install --only-binary=:all: --no-deps "foreshot==$version" ||
        fail "foreshot $version could not be installed: there is no such release, or no wheel for this runner"
    program=$bin/foreshot
    [ -x "$program" ] || program=$program.exe
fi

found=$("$program" --version)
{
    printf 'program=%s\n' "$program"
    printf 'version=%s\n' "${found##* }"
} >>"$GITHUB_OUTPUT"
