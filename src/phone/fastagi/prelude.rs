//! What does a PBX say of a call before it begins? The lines `agi_...: value`, up to an empty one.
//!
//! Never believed further than needed: a hint of the number, a name of the call, a language.

use std::collections::HashMap;

use crate::desk::{Language, Telephone};

use super::channel::{Channel, Gone};

/// The lines by name.
#[derive(Debug, Default)]
pub(super) struct Prelude(HashMap<String, String>);

/// Reads the lines, within the limits.
pub(super) async fn read(channel: &mut Channel) -> Result<Prelude, Gone> {
    let limits = channel.limits;
    let lines = async {
        let mut prelude = Prelude::default();
        for _ in 0..limits.prelude_lines {
            let line = channel.line().await?;
            if line.is_empty() {
                return Ok(prelude);
            }
            if let Some((name, value)) = line.split_once(':') {
                prelude.0.insert(name.trim().to_owned(), value.trim().to_owned());
            }
        }
        Err(Gone::Broken("a prelude without end"))
    };
    let read = tokio::time::timeout(limits.prelude, lines).await;
    read.unwrap_or(Err(Gone::Broken("a prelude that did not end in time")))
}

impl Prelude {
    fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// What is asked for: the path of `agi://host/path?query`.
    pub(super) fn script(&self) -> &str {
        let script = self.get("agi_network_script");
        script.split('?').next().unwrap_or_default().trim_matches('/')
    }

    /// A value of the query.
    pub(super) fn query(&self, name: &str) -> Option<&str> {
        let (_, query) = self.get("agi_network_script").split_once('?')?;
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    /// The language to begin with: that of the query, or of the channel.
    pub(super) fn language(&self) -> Language {
        let said = self.query("lang").or_else(|| self.0.get("agi_language").map(String::as_str));
        said.and_then(Language::from_tag).unwrap_or_default()
    }

    /// The number the call seems to come from.
    pub(super) fn from(&self) -> Option<Telephone> {
        Telephone::parse(self.get("agi_callerid")).ok()
    }

    /// The name of the call, which no other call has.
    pub(super) fn call(&self) -> Option<&str> {
        let name = self.get("agi_uniqueid");
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        (!name.is_empty() && name.len() <= 128 && name.chars().all(plain)).then_some(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prelude(lines: &[(&str, &str)]) -> Prelude {
        let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Prelude(lines.iter().map(pair).collect())
    }

    #[test]
    fn hints_are_taken_and_nonsense_is_not() {
        let call = prelude(&[
            ("agi_network_script", "cita?lang=en&wait=12"),
            ("agi_language", "es"),
            ("agi_callerid", "+15125550100"),
            ("agi_uniqueid", "1767366000.12"),
        ]);
        assert_eq!((call.script(), call.query("wait")), ("cita", Some("12")));
        assert_eq!(call.language(), Language::En);
        assert_eq!(call.from().map(|from| from.tail().to_owned()).as_deref(), Some("0100"));
        assert_eq!(call.call(), Some("1767366000.12"));
        let odd = prelude(&[
            ("agi_callerid", "unknown"),
            ("agi_uniqueid", "a b"),
            ("agi_language", "xx"),
        ]);
        assert_eq!((odd.script(), odd.query("x"), odd.from()), ("", None, None));
        assert_eq!((odd.language(), odd.call()), (Language::Es, None));
        let long = "1".repeat(129);
        assert_eq!(prelude(&[("agi_uniqueid", &long)]).call(), None);
    }
}
