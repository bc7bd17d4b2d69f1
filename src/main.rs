//! The `foreshot` program.

use std::process::ExitCode;

// an analysis makes and drops millions of small things on several threads
#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    foreshot::cli::main()
}
