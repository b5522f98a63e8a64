//! Who wants what? Numbers that look random and are the same for the same seed.
//!
//! Never for secrets.

/// Splitmix64: every seed is good, and a million of them cost nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The stream of one citizen: near numbers give unrelated streams.
    pub(crate) fn of(seed: u64, number: u64) -> Self {
        let mut rng = Self(seed ^ number.wrapping_mul(0xd134_2543_de82_ef95));
        Self(rng.draw())
    }

    pub(crate) const fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from 0 to `end`, which is not included; 0 when `end` is 0.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        let wide = u128::from(self.draw()) * u128::from(end);
        u64::try_from(wide >> 64).unwrap_or(0)
    }

    /// A number from `first` to `last`, both included.
    pub(crate) fn between(&mut self, [first, last]: [u64; 2]) -> u64 {
        first + self.below(last.saturating_sub(first) + 1)
    }

    /// True in this share of cases.
    pub(crate) fn chance(&mut self, share: f64) -> bool {
        let parts = u32::try_from(self.draw() >> 32).unwrap_or(0);
        f64::from(parts) < share * f64::from(u32::MAX)
    }

    /// An index into a list of running sums, by weight.
    pub(crate) fn weighted(&mut self, sums: &[u64]) -> usize {
        let at = self.below(sums.last().copied().unwrap_or(0));
        sums.partition_point(|sum| *sum <= at).min(sums.len().saturating_sub(1))
    }

    pub(crate) fn key(&mut self) -> u128 {
        u128::from(self.draw()) << 64 | u128::from(self.draw())
    }
}

#[cfg(test)]
mod tests {
    use super::Rng;

    #[test]
    fn the_same_seed_gives_the_same_numbers() {
        let (mut one, mut other) = (Rng::of(7, 3), Rng::of(7, 3));
        assert!((0..100).all(|_| one.draw() == other.draw()));
        assert_ne!(Rng::of(7, 3).draw(), Rng::of(7, 4).draw());
    }

    #[test]
    fn weights_are_kept() {
        let mut rng = Rng::new(1);
        let mut counts = [0_u32; 3];
        for _ in 0..10_000 {
            counts[rng.weighted(&[1, 1, 4])] += 1;
        }
        assert_eq!(counts[1], 0);
        assert!((2_200..2_800).contains(&counts[0]), "{counts:?}");
    }
}
