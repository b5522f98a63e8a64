//! Does a scenario make sense? What is refused, and why.
//!
//! Never mends anything.

use crate::peak::scenario::{PAUSE_MS_MAX, Scenario};

type Complaint = (&'static str, String);

impl Scenario {
    /// The first thing that is wrong: the key and the reason.
    pub(super) fn check(&self) -> Result<(), Complaint> {
        self.check_shares()?;
        self.check_pauses()?;
        self.check_people()?;
        self.check_times()
    }

    fn check_shares(&self) -> Result<(), Complaint> {
        let shares = [
            ("phone", self.phone),
            ("bots", self.bots),
            ("bot_books", self.bot_books),
            ("early", self.early),
            ("abandon", self.abandon),
            ("one_step", self.one_step),
            ("retry", self.retry),
            ("cancel", self.cancel),
            ("move", self.moves),
            ("insist", self.insist),
        ];
        match shares.iter().find(|(_, share)| !(0.0..=1.0).contains(share)) {
            Some((name, _)) => Err((name, "expected a share from 0 to 1".into())),
            None => Ok(()),
        }
    }

    fn check_pauses(&self) -> Result<(), Complaint> {
        if !(0.01..=100_000.0).contains(&self.compression) {
            return Err((
                "compression",
                "expected 0.01 to 100000 (compression 1: as it is)".into(),
            ));
        }
        let pauses = [
            ("think_ms", self.think_ms),
            ("talk_ms", self.talk_ms),
            ("later_ms", self.later_ms),
            ("again_ms", self.again_ms),
        ];
        let longest = crate::peak::measure::real(PAUSE_MS_MAX) * self.compression;
        let bad =
            |[first, last]: [u64; 2]| first > last || crate::peak::measure::real(last) > longest;
        match pauses.iter().find(|(_, pause)| bad(*pause)) {
            Some((name, _)) => {
                let what = format!("expected [from, to], ascending, up to {longest:.0} ms");
                Err((name, what))
            }
            None => Ok(()),
        }
    }

    fn check_people(&self) -> Result<(), Complaint> {
        let [first, last] = self.patience;
        if first == 0 || first > last || last > 50 {
            return Err(("patience", "expected [from, to], ascending, from 1 to 50".into()));
        }
        let people: u64 = self.persons.iter().copied().map(|weight| weight.min(1 << 32)).sum();
        if people == 0 || self.persons.len() > 8 {
            return Err(("persons", "expected 1 to 8 weights, not all zero".into()));
        }
        let seconds = 600.0 * self.compression.max(1.0);
        if self.hold_seconds == 0 || crate::peak::measure::real(self.hold_seconds) > seconds {
            return Err(("hold_seconds", format!("expected 1 to {seconds:.0}")));
        }
        if !(1..=1_000).contains(&self.page_openings) {
            return Err(("page_openings", "expected 1 to 1000".into()));
        }
        if !(1..=10_000).contains(&self.operators) {
            return Err(("operators", "expected 1 to 10000".into()));
        }
        if self.citizens == 0 {
            return Err(("citizens", "expected at least one".into()));
        }
        if !(64..=1 << 20).contains(&self.segment_kib) {
            return Err(("segment_kib", "expected 64 to 1048576".into()));
        }
        Ok(())
    }

    fn check_times(&self) -> Result<(), Complaint> {
        for trouble in &self.disk {
            let [first, last] = trouble.sync_ms;
            if first > last || last > 10_000 {
                return Err(("sync_ms", "expected [from, to], ascending, up to 10000 ms".into()));
            }
            if trouble.from.zip(trouble.to).is_some_and(|(from, to)| from >= to) {
                return Err(("to", "expected a time after `from`".into()));
            }
            if trouble.full && trouble.to.is_none() {
                return Err(("full", "expected a `to`: the run ends with room on the disk".into()));
            }
        }
        let Some(arrivals) = &self.arrivals else {
            return if self.closures.is_empty() {
                Ok(())
            } else {
                Err(("closures", "expected [arrivals] too: moments count from the first".into()))
            };
        };
        let pairs = arrivals.curve.iter().zip(arrivals.curve.iter().skip(1));
        if arrivals.seconds() == 0 || { pairs }.any(|((from, _), (to, _))| from > to) {
            return Err(("curve", "expected two points or more, in the order of time".into()));
        }
        let wild = |weight: f64| !(0.0..=1e9).contains(&weight);
        if arrivals.curve.iter().any(|(_, weight)| wild(*weight)) || arrivals.weight() <= 0.0 {
            return Err(("curve", "expected weights from 0 up, one above 0".into()));
        }
        if arrivals.opens.is_some_and(|opens| opens < arrivals.begins()) {
            return Err(("opens", "expected a time within the curve".into()));
        }
        Ok(())
    }
}
