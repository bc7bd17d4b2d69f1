#!/usr/bin/env bash
# Measures foreshot and squawk over generated SQL files: `run.sh FORESHOT SQUAWK FOLDER`. See README.md.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
foreshot=$(realpath "$1")
squawk=$(command -v "$2")
folder=$3

rm -rf "$folder/files" "$folder/single"
python3 "$here/generate.py" files "$folder/files/migrations" 2000
python3 "$here/generate.py" single "$folder/single/big.sql" 10
python3 "$here/generate.py" single "$folder/single/half.sql" 5
touch "$folder/files/foreshot.toml" "$folder/single/foreshot.toml"

measure() { # label, command...
    local label=$1
    shift
    # both end with 1 where they find something
    /usr/bin/time -f "$label %e s wall, %U s user, %M KB" "$@" >"$folder/out" 2>"$folder/time" || true
    tail -n 1 "$folder/time"
}

echo "2,000 files, in turns"
cd "$folder/files"
for round in 1 2 3 4 5; do
    measure "foreshot $round:" "$foreshot" check . --output-format concise
    measure "squawk   $round:" "$squawk" --reporter gcc migrations/*.sql
done

echo "single files"
cd "$folder/single"
for format in concise text json sarif; do
    for file in half.sql big.sql; do
        measure "foreshot $format $file ($(stat -c %s "$file") bytes):" "$foreshot" check "$file" --output-format "$format"
    done
done
