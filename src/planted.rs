//! Is a bug planted here? Only in builds with `--cfg planted`, which prove that the tests can fail.
//!
//! Never anything but a constant `false` in any other build: the compiler drops what it guards.

/// Whether the bug of this name was chosen (`CUPO_PLANTED=name`).
#[cfg(planted)]
pub(crate) fn planted(name: &str) -> bool {
    static CHOSEN: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    CHOSEN.get_or_init(|| std::env::var("CUPO_PLANTED").unwrap_or_default()) == name
}

/// Never, in this build.
#[cfg(not(planted))]
#[inline]
pub(crate) const fn planted(_: &str) -> bool {
    false
}

/// A place where a test may ask for a panic: between a decision and the end of its change.
#[inline]
pub(crate) fn panic_point(name: &str) {
    assert!(!planted(name), "a planted panic");
}
