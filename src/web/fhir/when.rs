//! Which dates are searched for? The prefixes and precisions of FHIR's date parameters.
//!
//! A date without a time is one at the office.

use chrono::{DateTime, NaiveDate, Utc};

use crate::DayId;

/// One condition, such as `ge2027-01-12`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bound {
    prefix: Prefix,
    at: Precision,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Prefix {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Precision {
    Day(NaiveDate),
    Instant(DateTime<Utc>),
}

impl Bound {
    /// From the text of a parameter.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let prefixes = [
            ("eq", Prefix::Equal),
            ("ne", Prefix::NotEqual),
            ("lt", Prefix::Less),
            ("eb", Prefix::Less),
            ("le", Prefix::LessEqual),
            ("gt", Prefix::Greater),
            ("sa", Prefix::Greater),
            ("ge", Prefix::GreaterEqual),
        ];
        let found = prefixes
            .iter()
            .find_map(|(name, prefix)| text.strip_prefix(name).map(|rest| (*prefix, rest)));
        let (prefix, rest) = found.unwrap_or((Prefix::Equal, text));
        // A plus sign that was not escaped arrives as a space.
        let rest = rest.replace(' ', "+");
        let instant = || DateTime::parse_from_rfc3339(&rest).ok().map(|at| at.to_utc());
        let day = rest.parse().ok().map(Precision::Day);
        let at = day.or_else(|| instant().map(Precision::Instant))?;
        Some(Self { prefix, at })
    }

    /// Whether something on a day may fit.
    pub(crate) fn touches(self, day: DayId) -> bool {
        match self.at {
            Precision::Day(date) => self.prefix.holds(day.date().cmp(&date)),
            Precision::Instant(_) => true,
        }
    }

    /// Whether an instant on a day fits.
    pub(crate) fn fits(self, day: DayId, at: DateTime<Utc>) -> bool {
        match self.at {
            Precision::Day(_) => self.touches(day),
            Precision::Instant(instant) => self.prefix.holds(at.cmp(&instant)),
        }
    }
}

impl Prefix {
    fn holds(self, order: std::cmp::Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::NotEqual => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::LessEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterEqual => order.is_ge(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CalendarId;

    #[test]
    fn dates_are_those_of_the_office_and_instants_are_exact() {
        let date = NaiveDate::from_ymd_opt(2027, 1, 12).unwrap();
        let day = DayId::new(CalendarId(0), date).unwrap();
        let at = "2027-01-12T14:20:00Z".parse().unwrap();
        for fits in [
            "2027-01-12",
            "eq2027-01-12",
            "ge2027-01-12",
            "lt2027-01-13",
            "ne2027-01-11",
            "2027-01-12T09:20:00-05:00",
            "le2027-01-12T15:20:00+01:00",
            "le2027-01-12T15:20:00 01:00",
            "gt2027-01-12T14:19:59Z",
        ] {
            assert!(Bound::parse(fits).unwrap().fits(day, at), "{fits}");
        }
        for not in ["2027-01-13", "gt2027-01-12", "eb2027-01-12", "lt2027-01-12T14:20:00Z"] {
            assert!(!Bound::parse(not).unwrap().fits(day, at), "{not}");
        }
        for wrong in ["", "x", "ge", "2027", "2027-13-01", "xx2027-01-12"] {
            assert_eq!(Bound::parse(wrong), None, "{wrong}");
        }
    }
}
