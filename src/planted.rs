//! Is a bug planted here? Only in builds with `--cfg planted`, which prove that the tests can fail.
//!
//! Never anything but a constant `false` in any other build: the compiler drops what it guards.

/// Whether the bug of this name was chosen (`CUPO_PLANTED=name`).
#[cfg(planted)]
#[allow(dead_code, reason = "used where bugs are planted")]
pub(crate) fn planted(name: &str) -> bool {
    static CHOSEN: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    CHOSEN.get_or_init(|| std::env::var("CUPO_PLANTED").unwrap_or_default()) == name
}

/// Never, in this build.
#[cfg(not(planted))]
#[allow(dead_code, reason = "used where bugs are planted")]
#[inline]
pub(crate) const fn planted(_: &str) -> bool {
    false
}
