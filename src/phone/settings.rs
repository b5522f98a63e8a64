//! How is the telephone set up? What the configuration may say of it, and its defaults.
//!
//! Never reads a file or the environment.

use std::net::{IpAddr, SocketAddr};

use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime};
use serde::{Deserialize, Serialize};

use crate::Week;

/// Everything about the telephone that can be set. Every field has a default.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Phone {
    /// Where a PBX finds us over `FastAGI`, such as `127.0.0.1:4573`. Default: nowhere.
    pub listen: Option<SocketAddr>,
    /// Addresses of PBXs beside this machine's own. Only with these may a private address be
    /// listened on.
    pub peers: Vec<IpAddr>,
    /// The folder of the sounds, as the PBX knows it; below it a folder for each language.
    pub sounds: String,
    /// Calls at a time.
    pub calls_max: usize,
    /// When operators answer: hours of the week on the clock of the office that was chosen, or
    /// else of the first office. The phrase `hours` says the default ones: with others it needs
    /// another recording.
    pub hours: Week,
    /// Dates on which they do not.
    pub holidays: Vec<NaiveDate>,
    /// Where a webhook platform sends a caller for an operator, such as `sip:desk@pbx.example.org`
    /// or a telephone number. Default: it says goodbye.
    pub operator: Option<String>,
    /// The base of the address where a platform finds recorded sounds. Default: it speaks texts.
    pub sounds_url: Option<String>,
    /// Whose signature webhooks carry: `twilio`, `signalwire` or `telnyx`. Default: there are no
    /// webhooks.
    pub platform: Option<String>,
    /// The platform's secret: an authentication token, a signing key, or a public key in base64.
    pub platform_key: Option<String>,
}

/// What is wrong with the settings of the telephone, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}; next: {next}")]
pub struct PhoneError {
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub next: String,
}

impl Default for Phone {
    fn default() -> Self {
        let day = || vec!["08:00-21:00".to_owned()];
        let weekend = || vec!["09:00-18:00".to_owned()];
        Self {
            listen: None,
            peers: Vec::new(),
            sounds: "cupo".to_owned(),
            calls_max: 2_000,
            hours: Week {
                mon: day(),
                tue: day(),
                wed: day(),
                thu: day(),
                fri: day(),
                sat: weekend(),
                sun: weekend(),
            },
            holidays: Vec::new(),
            operator: None,
            sounds_url: None,
            platform: None,
            platform_key: None,
        }
    }
}

impl Phone {
    /// Everything that is wrong; nothing if calls can be taken.
    pub fn faults(&self) -> Vec<PhoneError> {
        let mut faults = Vec::new();
        let mut say = |what: String, next: &str| {
            faults.push(PhoneError { what, next: next.to_owned() });
        };
        if let Some(listen) = self.listen
            && let Some(next) = unsafe_to_listen(listen.ip(), &self.peers)
        {
            say(format!("phone.listen: {listen}"), next);
        }
        if let Some(peer) = self.peers.iter().find(|peer| !is_private(**peer)) {
            let next = "name private addresses only: FastAGI has no password and no encryption";
            say(format!("phone.peers: {peer}"), next);
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
        if self.sounds.is_empty() || !self.sounds.chars().all(plain) {
            say(format!("phone.sounds: {:?}", self.sounds), "letters, digits, and - _ . / only");
        }
        if let Err(text) = Hours::new(&self.hours, &self.holidays) {
            say(format!("phone.hours: `{text}`"), "write hours as \"08:00-21:00\"");
        }
        if self.calls_max == 0 {
            say("phone.calls_max is 0".to_owned(), "leave it out for its default");
        }
        if let Some(operator) = &self.operator
            && !operator.chars().all(|c| c.is_ascii_graphic() && !"<>\"'&?;".contains(c))
        {
            say("phone.operator".to_owned(), "write sip:NAME@HOST or a telephone number");
        }
        match (self.platform.as_deref(), &self.platform_key) {
            (None, _) | (Some("twilio" | "signalwire" | "telnyx"), Some(_)) => {}
            (Some("twilio" | "signalwire" | "telnyx"), None) => {
                let next = "set phone.platform_key (CUPO_PHONE_KEY): without it anybody could call";
                say("phone.platform has no key".to_owned(), next);
            }
            (Some(other), _) => {
                say(format!("phone.platform: `{other}`"), "write twilio, signalwire or telnyx");
            }
        }
        faults
    }

    /// Whether an address may speak `FastAGI` to us.
    pub fn admits(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        peer.is_loopback() || self.peers.contains(&peer)
    }
}

/// What to do instead of listening there; `None` if it is safe.
fn unsafe_to_listen(address: IpAddr, peers: &[IpAddr]) -> Option<&'static str> {
    if address.is_loopback() {
        return None;
    }
    if !is_private(address) {
        return Some("name 127.0.0.1 or a private address: FastAGI has no password");
    }
    peers.is_empty().then_some("name the PBXs that may call in phone.peers")
}

/// Whether an address is of this machine or of a network that the internet does not reach.
fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(four) => four.is_loopback() || four.is_private() || four.is_link_local(),
        IpAddr::V6(six) => six.is_loopback() || six.is_unique_local(),
    }
}

/// When operators answer, by the clock of an office.
#[derive(Clone, Debug, Default)]
pub struct Hours {
    week: [Vec<(NaiveTime, Option<NaiveTime>)>; 7],
    holidays: Vec<NaiveDate>,
}

impl Hours {
    /// Of a week and the dates that are none.
    ///
    /// # Errors
    /// The span that cannot be read.
    pub fn new(week: &Week, holidays: &[NaiveDate]) -> Result<Self, String> {
        let mut hours = Self { holidays: holidays.to_vec(), ..Self::default() };
        let Week { mon, tue, wed, thu, fri, sat, sun } = week;
        for (into, spans) in hours.week.iter_mut().zip([mon, tue, wed, thu, fri, sat, sun]) {
            for span in spans {
                into.push(read(span).ok_or_else(|| span.clone())?);
            }
        }
        Ok(hours)
    }

    /// Whether somebody answers at that time of the office's clock.
    pub fn are_open(&self, local: NaiveDateTime) -> bool {
        if self.holidays.contains(&local.date()) {
            return false;
        }
        let day = usize::try_from(local.weekday().num_days_from_monday()).unwrap_or(0);
        let spans = self.week.get(day).into_iter().flatten();
        let time = local.time();
        spans.clone().any(|(from, to)| time >= *from && to.is_none_or(|to| time < to))
    }
}

/// A span such as `08:00-21:00`; `24:00` is the end of the day.
fn read(span: &str) -> Option<(NaiveTime, Option<NaiveTime>)> {
    let (from, to) = span.split_once('-')?;
    let time = |text: &str| NaiveTime::parse_from_str(text.trim(), "%H:%M").ok();
    let from = time(from)?;
    let to = if to.trim() == "24:00" { None } else { Some(time(to)?) };
    to.is_none_or(|to| from < to).then_some((from, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> NaiveDateTime {
        text.parse().unwrap()
    }

    #[test]
    fn operators_answer_by_the_published_hours() {
        let Phone { hours, .. } = Phone::default();
        let hours = Hours::new(&hours, &["2026-12-25".parse().unwrap()]).unwrap();
        for (time, open) in [
            ("2026-11-26T07:59:59", false), // a Thursday
            ("2026-11-26T08:00:00", true),
            ("2026-11-26T20:59:59", true),
            ("2026-11-26T21:00:00", false),
            ("2026-11-28T08:30:00", false), // a Saturday
            ("2026-11-28T17:59:00", true),
            ("2026-12-25T10:00:00", false), // a holiday
        ] {
            assert_eq!(hours.are_open(at(time)), open, "{time}");
        }
        let week = |span: &str| Week { mon: vec![span.to_owned()], ..Week::default() };
        let night = Hours::new(&week("20:00-24:00"), &[]).unwrap();
        assert!(night.are_open(at("2026-11-23T23:59:59")));
        for wrong in ["", "8", "21:00-08:00", "08:00-25:00", "08:00 to 21:00"] {
            assert_eq!(Hours::new(&week(wrong), &[]).unwrap_err(), wrong);
        }
    }

    #[test]
    fn only_this_machine_and_named_private_addresses_are_listened_on() {
        let fault = |listen: &str, peers: &[&str]| {
            let peers = peers.iter().map(|peer| peer.parse().unwrap()).collect();
            let phone = Phone { listen: Some(listen.parse().unwrap()), peers, ..Phone::default() };
            phone.faults().len()
        };
        assert_eq!(fault("127.0.0.1:4573", &[]), 0);
        assert_eq!(fault("[::1]:4573", &[]), 0);
        assert_eq!(fault("10.0.0.5:4573", &[]), 1);
        assert_eq!(fault("10.0.0.5:4573", &["10.0.0.6"]), 0);
        assert_eq!(fault("0.0.0.0:4573", &["10.0.0.6"]), 1);
        assert_eq!(fault("203.0.113.5:4573", &["10.0.0.6"]), 1);
        assert_eq!(fault("10.0.0.5:4573", &["203.0.113.6"]), 1);
        let phone = Phone { peers: vec!["10.0.0.6".parse().unwrap()], ..Phone::default() };
        let admits = |peer: &str| phone.admits(peer.parse().unwrap());
        assert!(admits("127.0.0.1") && admits("::ffff:10.0.0.6") && !admits("10.0.0.7"));
    }

    #[test]
    fn what_goes_into_a_line_or_an_address_has_no_room_for_more() {
        for sounds in ["", "a\"b", "a\r\nHANGUP", "a b"] {
            let phone = Phone { sounds: sounds.to_owned(), ..Phone::default() };
            assert_eq!(phone.faults().len(), 1, "{sounds:?}");
        }
        for operator in ["sip:a@b?X=1", "sip:a@b<Hangup/>", "a b"] {
            let phone = Phone { operator: Some(operator.to_owned()), ..Phone::default() };
            assert_eq!(phone.faults().len(), 1, "{operator:?}");
        }
        let phone = Phone { platform: Some("twilio".to_owned()), ..Phone::default() };
        assert_eq!(phone.faults().len(), 1);
    }
}
