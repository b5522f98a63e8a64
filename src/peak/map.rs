//! Where are the offices, and how many people live near them? The map of the demonstration case.
//!
//! Never known to the engine: it has no idea of distance.

use std::collections::HashMap;

/// Approximate coordinates, and a weight for the size of the community served.
const OFFICES: &str = include_str!("offices.csv");

#[derive(Clone, Copy, Debug)]
pub(crate) struct Spot {
    latitude: f64,
    longitude: f64,
    pub(crate) demand: u64,
}

/// The offices of the map by their keys.
pub(crate) fn spots() -> HashMap<&'static str, Spot> {
    OFFICES.lines().skip(1).filter_map(spot).collect()
}

fn spot(line: &'static str) -> Option<(&'static str, Spot)> {
    let mut fields = line.split(',');
    let key = fields.next()?;
    let mut numbers = fields.skip(4);
    let latitude = numbers.next()?.parse().ok()?;
    let longitude = numbers.next()?.parse().ok()?;
    let demand = numbers.next()?.parse().ok()?;
    let spot = Spot { latitude, longitude, demand };
    Some((key, spot))
}

/// For each spot the others, nearest first, by position; those without a spot come last.
pub(crate) fn nearest(spots: &[Option<Spot>]) -> Vec<Vec<u16>> {
    let order = |own: usize, from: Option<Spot>| {
        let mut others: Vec<(f64, u16)> = spots
            .iter()
            .zip(0_u16..)
            .filter(|(_, at)| usize::from(*at) != own)
            .map(|(to, at)| (distance(from, *to), at))
            .collect();
        others.sort_by(|one, other| one.0.total_cmp(&other.0));
        others.into_iter().map(|(_, at)| at).collect()
    };
    let spots = spots.iter().enumerate();
    spots.map(|(own, from)| order(own, *from)).collect()
}

/// Good enough to tell near from far: degrees, longitude shrunk by latitude.
fn distance(from: Option<Spot>, to: Option<Spot>) -> f64 {
    let (Some(from), Some(to)) = (from, to) else {
        return f64::INFINITY;
    };
    let shrink = f64::midpoint(from.latitude, to.latitude).to_radians().cos();
    let east = (from.longitude - to.longitude) * shrink;
    east.hypot(from.latitude - to.latitude)
}

#[cfg(test)]
mod tests {
    use super::{nearest, spots};

    #[test]
    fn the_map_has_every_office_and_knows_its_neighbours() {
        let spots = spots();
        assert_eq!(spots.len(), 57);
        let three = ["dallas", "boston", "houston"].map(|key| spots.get(key).copied());
        assert!(three.iter().all(Option::is_some));
        assert_eq!(nearest(&three), [[2, 1], [0, 2], [0, 1]]);
    }
}
