//! What the fuzz targets share: projects in memory, seeds from the project's own examples, mutations that know lines, brackets and words.
//!
//! An input is the text of one or several files. A line `### file: PATH` begins another file; what stands before the first
//! such line is the file that the target is about.

pub mod mutate;
pub mod project;
pub mod seeds;
pub mod trials;

/// All work on the fuzzer's own thread: its stack is set with `ulimit -s`, and each input takes the same way.
pub fn on_this_thread() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        rayon::ThreadPoolBuilder::new()
            .num_threads(1)
            .use_current_thread()
            .build_global()
            .expect("the pool of the one thread");
    });
}
