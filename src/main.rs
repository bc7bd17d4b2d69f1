//! The `foreshot` program.

fn main() {}
