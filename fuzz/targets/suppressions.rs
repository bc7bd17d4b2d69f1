//! Suppressing comments: read in any text, and written above findings so that the text stays readable and the findings are gone.
#![no_main]

use foreshot_fuzz::{mutate, trials};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};

fuzz_target!(|data: &[u8]| {
    trials::suppressions(data);
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutate::mutate("suppressions", data, size, max_size, seed)
});
