//! Reading and interpreting: an Alembic project through all four runs, all rules, all formats.
#![no_main]

use foreshot_fuzz::{mutate, on_this_thread, trials};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};

fuzz_target!(|data: &[u8]| {
    on_this_thread();
    trials::python(data);
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutate::mutate("python", data, size, max_size, seed)
});
