#!/bin/bash
# Builds foreshot and runs it over the example project. Findings are what is wanted here: exit 1 of foreshot is success.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --bin foreshot
foreshot=${CARGO_TARGET_DIR:-target}/debug/foreshot
code=0
"$foreshot" check examples/shop || code=$?
printf '\n%s\n\n' '$ foreshot trace examples/shop --revision 20250203_orders'
"$foreshot" trace examples/shop --revision 20250203_orders
[ "$code" -le 1 ]
