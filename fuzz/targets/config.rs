//! Configuration: `foreshot.toml`, `pyproject.toml`, `alembic.ini` as a stranger writes them, and a project configured by them.
#![no_main]

use foreshot_fuzz::{mutate, on_this_thread, trials};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};

fuzz_target!(|data: &[u8]| {
    on_this_thread();
    trials::config(data);
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutate::mutate("config", data, size, max_size, seed)
});
