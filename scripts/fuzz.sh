#!/bin/bash
# One fuzz target for some seconds: `scripts/fuzz.sh TARGET SECONDS`, or `scripts/fuzz.sh build`. What it learns stays in `fuzz/corpus/`,
# what it finds in `fuzz/artifacts/`. Needs no nightly Rust: the passes that libFuzzer wants are options of the stable compiler.
set -euo pipefail
cd "$(dirname "$0")/.."
target=$1
seconds=${2:-3600}
folder=$PWD/target/fuzz
# for the build: only what is linked into the fuzzer is instrumented, not build scripts, hence `--target`
host=$(rustc -vV | sed -n 's/^host: //p')
passes="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters"
passes+=" -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares"
build() { RUSTFLAGS="--cfg fuzzing $passes" CARGO_TARGET_DIR=$folder cargo build --manifest-path fuzz/Cargo.toml --release --target "$host" --locked; }
if [ "$target" = build ]; then
    build
    exit
fi
[ -n "${FUZZ_BUILT:-}" ] || build
programs=$folder/$host/release
corpus=fuzz/corpus/$target
artifacts=fuzz/artifacts/$target
mkdir -p "$corpus" "$artifacts"
"$programs/seeds" "$target" "$corpus.seeds"
# as deep as the stack of the program's own threads; objects of Python that refer to each other are freed with the process, so
# that what the inputs leave adds up
ulimit -s 32768
exec "$programs/$target" -max_total_time="$seconds" -timeout="${FUZZ_TIMEOUT:-10}" -rss_limit_mb=2048 -max_len=20000 -len_control=50 \
    -artifact_prefix="$artifacts/" -print_final_stats=1 "$corpus" "$corpus.seeds"
