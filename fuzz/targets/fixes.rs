//! Fixes: what is accepted still parses, cures its finding and is at rest: a second repair finds nothing more to do.
#![no_main]

use foreshot_fuzz::{mutate, on_this_thread, trials};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};

fuzz_target!(|data: &[u8]| {
    on_this_thread();
    trials::fixes(data);
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutate::mutate("fixes", data, size, max_size, seed)
});
