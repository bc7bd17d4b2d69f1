#!/usr/bin/env bash
# Runs foreshot for the action: one analysis, several outputs. In: FORESHOT_ACTION_* (the inputs), GITHUB_*. Out: annotations
# on standard output, a job summary, a SARIF file; `exit-code`, `findings` and `sarif-file` in GITHUB_OUTPUT. Ends with 0: the
# action's last step gives the verdict, so that the upload comes before it.
set -euo pipefail

python=$(command -v python3 || command -v python)
say() { printf 'foreshot: %s\n' "$*" >&2; }
output() { printf '%s=%s\n' "$1" "$2" >>"$GITHUB_OUTPUT"; }
fail() {
    printf '::error title=foreshot::%s\n' "$1"
    output exit-code 2
    exit 0
}

# Reads words separated by blanks or newlines into an array; nothing is expanded or evaluated.
words() {
    local -n into=$1
    local line
    into=()
    while IFS= read -r line; do
        local parts=()
        read -ra parts <<<"$line"
        into+=(${parts[@]+"${parts[@]}"})
    done <<<"$2"
}

# git with the token, where the checkout kept no credentials; the token never appears in an argument
git_fetch() {
    if git fetch --quiet --no-tags "$@" 2>/dev/null; then
        return 0
    fi
    [ -n "${FORESHOT_ACTION_TOKEN:-}" ] || return 1
    local basic
    basic=$(printf 'x-access-token:%s' "$FORESHOT_ACTION_TOKEN" | base64 | tr -d '\n')
    GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0="http.${GITHUB_SERVER_URL:-https://github.com}/.extraheader" \
        GIT_CONFIG_VALUE_0="AUTHORIZATION: basic $basic" GIT_TERMINAL_PROMPT=0 git fetch --quiet --no-tags "$@"
}

# The commit that the event compares with: from the event's file, never from a name that a stranger chose.
event_base() {
    "$python" - "${GITHUB_EVENT_PATH:-}" "${GITHUB_EVENT_NAME:-}" <<'PYTHON'
import json, re, sys
path, name = sys.argv[1:3]
try:
    with open(path, encoding="utf-8") as file:
        event = json.load(file)
except (OSError, ValueError):
    event = {}
places = {
    "pull_request": ("pull_request", "base", "sha"),
    "pull_request_target": ("pull_request", "base", "sha"),
    "merge_group": ("merge_group", "base_sha"),
    "push": ("before",),
}
value = event
for key in places.get(name, ("",)):
    value = value.get(key) if isinstance(value, dict) else None
if isinstance(value, str) and re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", value) and value.strip("0"):
    print(value)
PYTHON
}

# Fetches as much history as the merge base needs; a clone of depth 1 has none.
fetch_base() {
    local base=$1 depth
    git merge-base "$base" HEAD >/dev/null 2>&1 && return 0
    git cat-file -e "$base^{commit}" 2>/dev/null || git_fetch --depth=1 origin "$base" || return 1
    for depth in 50 500 5000; do
        git merge-base "$base" HEAD >/dev/null 2>&1 && return 0
        git_fetch --deepen="$depth" origin "$base" "$(git rev-parse HEAD)" || break
    done
    git merge-base "$base" HEAD >/dev/null 2>&1 && return 0
    [ "$(git rev-parse --is-shallow-repository)" = false ] || git_fetch --unshallow origin || true
    git merge-base "$base" HEAD >/dev/null 2>&1
}

workspace=${GITHUB_WORKSPACE:?}
cd "$workspace/${FORESHOT_ACTION_WORKING_DIRECTORY:-.}" 2>/dev/null || fail "the input 'working-directory' names no folder of the workspace"
program=${FORESHOT_ACTION_PROGRAM:?}

paths=() extra=()
words paths "${FORESHOT_ACTION_PATHS:-.}"
words extra "${FORESHOT_ACTION_ARGS:-}"
arguments=(check)
[ -z "${FORESHOT_ACTION_CONFIG:-}" ] || arguments+=(--config "$FORESHOT_ACTION_CONFIG")

since=${FORESHOT_ACTION_SINCE:-auto}
case $since in
    none | "") ;;
    auto)
        base=$(event_base)
        if [ -n "$base" ]; then
            fetch_base "$base" || fail "the base commit $base could not be fetched: give actions/checkout 'fetch-depth: 0', or set the input 'since' to none"
            arguments+=(--since "$base")
        else
            say "no base commit in a ${GITHUB_EVENT_NAME:-run}: everything is reported"
        fi
        ;;
    -*) fail "the input 'since' is no commit or branch" ;;
    *)
        if ! git rev-parse --quiet --verify "$since^{commit}" >/dev/null; then
            git_fetch --depth=1 origin "+refs/heads/$since:refs/remotes/origin/$since" 2>/dev/null || true
            since=origin/$since
        fi
        commit=$(git rev-parse --quiet --verify "$since^{commit}") || fail "the input 'since' is no commit or branch of this repository"
        fetch_base "$commit" || fail "the history up to the input 'since' could not be fetched: give actions/checkout 'fetch-depth: 0'"
        arguments+=(--since "$commit")
        ;;
esac

fail_on=${FORESHOT_ACTION_FAIL_ON:-warning}
case $fail_on in
    error | warning | note) arguments+=(--fail-on "$fail_on") ;;
    never) arguments+=(--exit-zero) ;;
    *) fail "the input 'fail-on' is error, warning, note or never" ;;
esac

sarif=${FORESHOT_ACTION_SARIF_FILE:-}
case $sarif in
    "") sarif=${RUNNER_TEMP:?}/foreshot.sarif ;;
    /* | [A-Za-z]:*) ;;
    *) sarif=$workspace/$sarif ;;
esac
mkdir -p "$(dirname "$sarif")"
json=${RUNNER_TEMP:?}/foreshot.json
summary=${RUNNER_TEMP:?}/foreshot-summary.md
arguments+=(--output-file "sarif=$sarif" --output-file "json=$json" --output-file "markdown=$summary")

# workflow commands or a matcher: both would annotate each finding twice
case ${FORESHOT_ACTION_ANNOTATIONS:-commands} in
    commands) arguments+=(--output-format github) ;;
    matcher)
        printf '::add-matcher::%s\n' "${GITHUB_ACTION_PATH:?}/.github/foreshot-matcher.json"
        arguments+=(--output-format concise)
        ;;
    none) arguments+=(--output-format text) ;;
    *) fail "the input 'annotations' is commands, matcher or none" ;;
esac

code=0
"$program" "${arguments[@]}" ${extra[@]+"${extra[@]}"} -- ${paths[@]+"${paths[@]}"} || code=$?

findings=$("$python" -c 'import json, sys; print(len(json.load(open(sys.argv[1], encoding="utf-8"))["diagnostics"]))' "$json" 2>/dev/null || true)
if [ "${FORESHOT_ACTION_SUMMARY:-true}" = true ] && [ -f "$summary" ] && [ -n "${GITHUB_STEP_SUMMARY:-}" ]; then
    # a step's summary is refused above 1 MiB
    head -c 1000000 "$summary" >>"$GITHUB_STEP_SUMMARY"
fi
output exit-code "$code"
output findings "${findings:-}"
[ ! -f "$sarif" ] || output sarif-file "$sarif"
