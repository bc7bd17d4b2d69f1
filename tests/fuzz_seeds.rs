//! What the fuzz targets try, tried with their seeds: so a target that a change breaks is seen at once, and what it asserts holds without a fuzzer.

#![allow(
    unreachable_pub,
    reason = "the modules are public in the targets' own crate"
)]

#[path = "../fuzz/src/project.rs"]
mod project;
#[path = "../fuzz/src/seeds.rs"]
mod seeds;
#[path = "../fuzz/src/trials.rs"]
mod trials;

use std::panic;

use rayon::prelude::*;

/// All seeds are examples that `tests/rules.rs` executes as well: a part of them shows that the targets work.
const EACH: usize = 4;

#[test]
fn each_target_passes_with_its_seeds() {
    for (target, attempt) in trials::TRIALS {
        let seeds = seeds::of(target);
        assert!(seeds.len() > 20, "`{target}` has {} seeds", seeds.len());
        let failed: Vec<&String> = seeds
            .par_iter()
            .step_by(EACH)
            .filter(|seed| panic::catch_unwind(|| attempt(seed.as_bytes())).is_err())
            .collect();
        assert!(
            failed.is_empty(),
            "`{target}` fails with {} of {} seeds, the first:\n{}",
            failed.len(),
            seeds.len(),
            failed[0]
        );
    }
}
