# What the build needs and a fresh Debian lacks: libclang, for the bindings of PostgreSQL's parser.
# To be sourced: sets LIBCLANG_PATH. Installs only what is missing and asks nothing.
# shellcheck shell=bash

foreshot_say() { printf 'foreshot: %s\n' "$*" >&2; }

foreshot_find_libclang() {
    local folder
    if [ -n "${LIBCLANG_PATH:-}" ] && compgen -G "$LIBCLANG_PATH/libclang*.so*" >/dev/null; then
        return 0
    fi
    # the newest first; clang-sys wants libclang.so or libclang-<n>.so in the folder
    for folder in $(compgen -G '/usr/lib/llvm-*/lib' | sort -t- -k2 -rn) /usr/lib64 /usr/lib/x86_64-linux-gnu /usr/lib/aarch64-linux-gnu /usr/local/lib; do
        if compgen -G "$folder/libclang.so*" >/dev/null || compgen -G "$folder/libclang-[0-9]*.so*" >/dev/null; then
            export LIBCLANG_PATH=$folder
            return 0
        fi
    done
    return 1
}

foreshot_install_libclang() {
    local sudo=()
    if ! command -v apt-get >/dev/null; then
        foreshot_say "the build needs libclang, and there is no apt-get to install it: install it and set LIBCLANG_PATH to its folder"
        return 1
    fi
    if [ "$(id -u)" != 0 ]; then
        if ! command -v sudo >/dev/null || ! sudo -n true 2>/dev/null; then
            foreshot_say "the build needs libclang: run 'apt-get install libclang-dev' as root, then this again"
            return 1
        fi
        sudo=(sudo -n)
    fi
    foreshot_say "installing libclang"
    "${sudo[@]}" apt-get update -qq || foreshot_say "apt-get update failed; trying with the lists that are there"
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends libclang-14-dev >/dev/null ||
        "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends libclang-dev >/dev/null
}

foreshot_setup() {
    if ! command -v cargo >/dev/null && [ -x "$HOME/.cargo/bin/cargo" ]; then
        export PATH="$HOME/.cargo/bin:$PATH"
    fi
    if ! command -v cargo >/dev/null; then
        foreshot_say "Rust is needed: see https://rustup.rs"
        return 1
    fi
    if ! command -v cc >/dev/null; then
        foreshot_say "a C compiler is needed: run 'apt-get install build-essential' as root"
        return 1
    fi
    if ! foreshot_find_libclang; then
        if ! foreshot_install_libclang || ! foreshot_find_libclang; then
            foreshot_say "libclang was not found"
            return 1
        fi
    fi
}

foreshot_setup
