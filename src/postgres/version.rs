//! Major versions of the server.

/// A major version, 11 to 18; what differs between them is decided where it differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pub u16);

impl Version {
    /// Oldest version that was measured.
    pub const OLDEST: Self = Self(11);
    /// Newest version that was measured.
    pub const NEWEST: Self = Self(18);
}

impl Default for Version {
    /// The version assumed where nothing says another.
    fn default() -> Self {
        Self(17)
    }
}
