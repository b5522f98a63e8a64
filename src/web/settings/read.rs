//! What does a configuration file say? Its keys by name, and the nearest name for a wrong one.
//!
//! Never guesses: a key that is not known is refused.

use super::{KeySetting, Settings, SettingsError};

/// Every key of a configuration file.
pub(super) const NAMES: [&str; 22] = [
    "dir",
    "listen",
    "public_base",
    "production",
    "master_key",
    "catalog",
    "keys",
    "trusted_proxies",
    "webhooks_private",
    "service_name",
    "telephone",
    "requests_per_second",
    "key_requests_per_second",
    "body_bytes_max",
    "header_seconds_max",
    "idle_seconds_max",
    "request_seconds_max",
    "connections_max",
    "requests_max",
    "threads",
    "log",
    "phone",
];

impl Settings {
    /// From a TOML document.
    ///
    /// # Errors
    /// What is wrong and where; unknown keys are refused.
    pub fn from_toml(text: &str) -> Result<Self, SettingsError> {
        let table: toml::Table = text.parse().map_err(|error| wrong(&error))?;
        if let Some(name) = table.keys().find(|name| !NAMES.contains(&name.as_str())) {
            let next = match nearest(name) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("the keys are {}", NAMES.join(", ")),
            };
            return Err(SettingsError { what: format!("there is no setting `{name}`"), next });
        }
        toml::from_str(text).map_err(|error| wrong(&error))
    }

    /// All settings as a configuration file, without what is secret.
    pub fn masked(&self) -> String {
        let mut shown = self.clone();
        shown.master_key = shown.master_key.map(|_| "(set)".to_owned());
        shown.phone.platform_key = shown.phone.platform_key.map(|_| "(set)".to_owned());
        for key in &mut shown.keys {
            "(set)".clone_into(&mut key.key);
        }
        toml::to_string(&shown).unwrap_or_else(|error| format!("# {error}\n"))
    }
}

impl KeySetting {
    /// From `NAME:ROLE:KEY`, as in the environment.
    ///
    /// # Errors
    /// If it is not of that form.
    pub fn parse(text: &str) -> Result<Self, SettingsError> {
        let mut parts = text.trim().splitn(3, ':');
        match (parts.next(), parts.next(), parts.next()) {
            (Some(name), Some(role), Some(key)) if !key.is_empty() => {
                Ok(Self { name: name.to_owned(), role: role.to_owned(), key: key.to_owned() })
            }
            // The text is not shown: it may be a key.
            _ => Err(SettingsError {
                what: "a key is not of the form NAME:ROLE:KEY".to_owned(),
                next: "write for example `call-centre:desk:` and then the key".to_owned(),
            }),
        }
    }
}

fn wrong(error: &toml::de::Error) -> SettingsError {
    SettingsError {
        what: error.to_string().trim_end().to_owned(),
        next: "`cupo serve --print-config` shows every setting in its form".to_owned(),
    }
}

/// The known name that differs least, if it differs little.
fn nearest(name: &str) -> Option<&'static str> {
    let (distance, near) = NAMES.iter().map(|known| (distance(name, known), *known)).min()?;
    (distance <= 1 + name.len() / 4).then_some(near)
}

/// How many letters must be put in, taken out or changed (Levenshtein).
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (at, letter) in from.chars().enumerate() {
        let mut next = vec![at + 1];
        let mut left = at + 1;
        for (pair, other) in row.windows(2).zip(&to) {
            let &[diagonal, above] = pair else { continue };
            left = (diagonal + usize::from(letter != *other)).min(above + 1).min(left + 1);
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_names_is_the_list_of_fields() {
        let text = "?".to_owned();
        let full = Settings {
            public_base: Some(text.clone()),
            master_key: Some(text.clone()),
            catalog: Some("?".into()),
            telephone: Some(text),
            threads: Some(1),
            ..Settings::default()
        };
        let table = toml::Table::try_from(&full).unwrap();
        let mut names: Vec<_> = table.keys().map(String::as_str).collect();
        let mut listed = NAMES.to_vec();
        names.sort_unstable();
        listed.sort_unstable();
        assert_eq!(names, listed);
    }

    #[test]
    fn the_nearest_name_is_offered() {
        for (typed, meant) in
            [("lisen", "listen"), ("public-base", "public_base"), ("masterkey", "master_key")]
        {
            assert_eq!(nearest(typed), Some(meant));
        }
        assert_eq!(nearest("colour"), None);
        assert_eq!(
            (distance("", "abc"), distance("abc", "abc"), distance("abc", "axc")),
            (3, 0, 1)
        );
    }
}
