#!/bin/bash
# Every check and test, in one profile. The last lines say what ran.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
started=$SECONDS
failed=()
step() {
    local name=$1
    shift
    printf '\n== %s\n' "$name"
    "$@" || failed+=("$name")
}
step "format" cargo fmt --all --check
step "clippy" cargo clippy --all-targets --test agreement --test server_scripts -- -D warnings
step "doc" env RUSTDOCFLAGS="-D warnings" cargo doc --no-deps
step "test" cargo test --no-fail-fast
# a real PostgreSQL, downloaded
step "agreement" cargo test --test agreement -- check
if [ ${#failed[@]} -gt 0 ]; then
    printf '\nfailed after %s s: %s\n' "$((SECONDS - started))" "${failed[*]}"
    exit 1
fi
printf '\nall passed in %s s: format, clippy, doc, test, agreement\n' "$((SECONDS - started))"
