//! Reading and executing SQL: a folder of SQL files through all runs, all rules, all formats.
#![no_main]

use foreshot_fuzz::{mutate, on_this_thread, trials};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};

fuzz_target!(|data: &[u8]| {
    on_this_thread();
    trials::sql(data);
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutate::mutate("sql", data, size, max_size, seed)
});
