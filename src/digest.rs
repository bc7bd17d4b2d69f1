//! Hashing what things show of themselves, where they have no hash of their own.

use std::fmt::{Debug, Write};
use std::hash::Hasher;

use rustc_hash::FxHasher;

/// Adds what `{:?}` prints of a value to a hash, without the text of it.
pub(crate) fn add_shown<T: Debug + ?Sized>(value: &T, into: &mut FxHasher) {
    struct Sink<'a>(&'a mut FxHasher);
    impl Write for Sink<'_> {
        fn write_str(&mut self, text: &str) -> std::fmt::Result {
            self.0.write(text.as_bytes());
            Ok(())
        }
    }
    // writing to a hasher can't fail
    let _ = write!(Sink(into), "{value:?}");
}
