//! The `foreshot` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    foreshot::cli::main()
}
