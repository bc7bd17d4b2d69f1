//! The `foreshot` program.

use std::process::ExitCode;

// An analysis makes and drops millions of small things on several threads. Linked, it takes the place of the C library's `malloc`,
// which Rust's own allocator calls too; as `#[global_allocator]` each request would go the longer way of aligned ones.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
extern crate mimalloc as _;

fn main() -> ExitCode {
    foreshot::cli::main()
}
