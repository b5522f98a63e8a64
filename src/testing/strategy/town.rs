//! Which rules do these bytes mean? Small towns, any of which can follow any other.
//!
//! Offices, services and calendars keep their keys from one catalog to the next; everything else
//! may change: hours, capacities, shares, limits, the zone, the unit, whether a calendar is there.
//! What a town never has is jitter in its cool-off: that is drawn from a secret.

use std::collections::BTreeMap;

use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, Utc};

use crate::{
    Calendar, Catalog, ChannelLimits, Exception, Holds, Lead, Names, Office, Requirements, Service,
    Share, Span, Week,
};

/// Bytes of one catalog.
pub const CATALOG_BYTES: usize = 14;

/// With changes of the clock at most of the starts: at two, at midnight, by half an hour.
const ZONES: [&str; 8] = [
    "Etc/UTC",
    "Europe/Madrid",
    "America/New_York",
    "America/Havana",
    "Australia/Lord_Howe",
    "Africa/Cairo",
    "Pacific/Auckland",
    "America/Los_Angeles",
];

const STARTS: [(i32, u32, u32, u32); 8] = [
    (2026, 12, 1, 8),
    (2027, 3, 12, 20),
    (2026, 10, 23, 22),
    (2026, 10, 30, 12),
    (2027, 3, 26, 6),
    (2027, 4, 2, 14),
    (2026, 9, 25, 0),
    (2027, 4, 28, 23),
];

const HOURS: [&[&str]; 6] = [
    &["09:00-11:00"],
    &["09:00-10:00", "11:00-12:00"],
    &["00:00-04:00"],
    &["22:00-24:00"],
    &["12:00-13:00"],
    &["09:00-12:00"],
];

fn at<T: Copy>(list: &[T], byte: u8) -> Option<T> {
    list.get(usize::from(byte) % list.len().max(1)).copied()
}

/// When a case starts: some eves of clock changes among them.
pub(super) fn start(byte: u8) -> DateTime<Utc> {
    let (year, month, day, hour) = at(&STARTS, byte).unwrap_or_default();
    let date = NaiveDate::from_ymd_opt(year, month, day).unwrap_or_default();
    date.and_time(NaiveTime::default()).and_utc() + TimeDelta::hours(hour.into())
}

/// A small catalog for a case that starts then; any bytes give a valid one.
pub fn catalog_from_bytes(start: DateTime<Utc>, bytes: &[u8]) -> Catalog {
    let mut all = [0; CATALOG_BYTES];
    for (to, from) in all.iter_mut().zip(bytes) {
        *to = *from;
    }
    let [zones, limits, cutoffs, there, _, _, _, _, _, _, _, holds, cool_off, _] = all;
    let [.., other] = all;
    let [_, _, _, _, one, two, three, shares, ahead, release, except, ..] = all;
    let north = at(&ZONES, zones % 16 / 2).unwrap_or("Etc/UTC");
    let south = at(&ZONES, zones / 16).unwrap_or("Etc/UTC");
    let mut calendars = Vec::new();
    let all = ["passport", "visa", "paper"];
    let sets: [(&str, &str, &[&str], u8); 3] = [
        ("north", "north", &all, one),
        ("south", "south", &["passport", "paper"], two),
        ("annex", "north", &["paper", "visa"], three),
    ];
    for ((key, office, services, byte), bit) in sets.into_iter().zip([0, 6, 7]) {
        // Each of the others is missing from a catalog in sixteen.
        if bit > 0 && (there >> (bit - 4)) & 15 == 15 {
            continue;
        }
        let turn = byte.rotate_left(bit);
        let more = [shares.rotate_left(bit), ahead, release, except, other];
        calendars.push(calendar((key, office), services, turn, more, start));
    }
    let office = |key: &str, zone: &str| Office {
        key: key.to_owned(),
        zone: zone.to_owned(),
        name: None,
        address: None,
        country: None,
    };
    Catalog {
        offices: vec![office("north", north), office("south", south)],
        services: services(limits, cutoffs),
        calendars,
        holds: holds_of(holds, cool_off),
    }
}

fn services(limits: u8, cutoffs: u8) -> Vec<Service> {
    let service = |key: &str, units, active_max: Option<u16>, window: u8| Service {
        key: key.to_owned(),
        units,
        name: Names::default(),
        requirements: Requirements::default(),
        persons_max: 3,
        active_max,
        window_days: active_max.and(at(&[None, Some(2), Some(1), Some(30)], window)).flatten(),
        cancel_cutoff: hours(at(&[0, 0, 2, 24], cutoffs).unwrap_or(0)),
        reschedule_cutoff: hours(at(&[0, 2, 0, 24], cutoffs / 4).unwrap_or(0)),
    };
    let passport = at(&[Some(2), Some(1), None, Some(3)], limits).flatten();
    let visa = at(&[None, Some(1)], limits / 4).flatten();
    let units = if cutoffs >= 240 { 3 } else { 2 };
    vec![
        service("passport", 1, passport, limits / 16),
        service("visa", units, visa, limits / 64),
        service("paper", 1, None, 0),
    ]
}

fn hours(hours: u64) -> Span {
    Span::from_seconds(hours * 3_600)
}

fn calendar(
    (key, office): (&str, &str),
    services: &[&str],
    byte: u8,
    [shares, ahead, release, except, other]: [u8; 5],
    start: DateTime<Utc>,
) -> Calendar {
    let open: Vec<String> =
        at(&HOURS, byte).unwrap_or(&[]).iter().map(|h| (*h).to_owned()).collect();
    let weekend = if byte < 224 { open.clone() } else { Vec::new() };
    let capacity = 1 + u16::from(byte / 8 % 4);
    let minutes = if other >= 224 { at(&[15, 60], byte).unwrap_or(30) } else { 30 };
    Calendar {
        key: key.to_owned(),
        office: office.to_owned(),
        services: services.iter().map(|service| (*service).to_owned()).collect(),
        unit: Span::from_seconds(minutes * 60),
        capacity,
        hours: Week {
            mon: open.clone(),
            tue: open.clone(),
            wed: open.clone(),
            thu: open.clone(),
            fri: open,
            sat: weekend.clone(),
            sun: weekend,
        },
        channels: channels(shares, capacity),
        lead_time: match ahead / 8 % 4 {
            0 | 1 => Lead::default(),
            2 => Lead::All(hours(2)),
            _ => Lead::Each(BTreeMap::from([("web".to_owned(), hours(4))])),
        },
        horizon: Span::from_seconds(u64::from(5 - ahead % 4) * 86_400),
        release_time: release_time(release),
        opens_at: (release >= 232).then(|| start + TimeDelta::hours(1)),
        exceptions: exceptions(except, start),
    }
}

fn release_time(byte: u8) -> NaiveTime {
    let (hour, minute) = at(&[(0, 0), (8, 0), (2, 30), (0, 30)], byte).unwrap_or((0, 0));
    NaiveTime::from_hms_opt(hour, minute, 0).unwrap_or_default()
}

fn channels(byte: u8, capacity: u16) -> BTreeMap<String, ChannelLimits> {
    let give_back = hours(at(&[0, 24], byte / 64).unwrap_or(0));
    let limits = |max, protected| ChannelLimits { max, protected, give_back };
    let mut channels = BTreeMap::new();
    match byte % 8 {
        1 | 2 => {
            let share = Share::Places(1.min(capacity));
            channels.insert("web".to_owned(), limits(Some(share), None));
        }
        3 => {
            let share = Share::Percent("40%".to_owned());
            channels.insert("web".to_owned(), limits(Some(share), None));
            channels.insert("phone".to_owned(), limits(None, Some(Share::Places(1))));
        }
        4 => {
            let share = Share::Percent("34%".to_owned());
            channels.insert("desk".to_owned(), limits(None, Some(share)));
        }
        5 => {
            let none = Share::Percent("0%".to_owned());
            channels.insert("priority".to_owned(), limits(Some(none), None));
        }
        _ => {}
    }
    channels
}

/// Tomorrow closed, or with other hours, or another capacity.
fn exceptions(byte: u8, start: DateTime<Utc>) -> Vec<Exception> {
    let date = start.date_naive() + Days::new(1);
    let plain = Exception {
        date,
        to: (byte >= 128).then(|| date + Days::new(1)),
        closed: false,
        hours: None,
        capacity: None,
        reason: None,
    };
    match byte % 8 {
        5 => vec![Exception { closed: true, ..plain }],
        6 => vec![Exception { hours: Some(vec!["01:00-04:00".to_owned()]), ..plain }],
        7 => vec![Exception { capacity: Some(1 + u16::from(byte / 8 % 3)), ..plain }],
        _ => Vec::new(),
    }
}

fn holds_of(byte: u8, cool_off: u8) -> Holds {
    Holds {
        ttl: Span::from_seconds(600),
        ttl_max: Span::from_seconds(1_800),
        extended_max: Span::from_seconds(at(&[2_400, 600, 0], byte / 4).unwrap_or(2_400)),
        per_party: 2 + u16::from(byte % 4),
        cool_off: hours(at(&[0, 1, 0, 30], cool_off).unwrap_or(0)),
        cool_off_jitter: Span::default(),
    }
}
