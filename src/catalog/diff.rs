//! What is different? Two catalogs compared, for people to read before an install.
//!
//! Never judges whether a change is harmless: a dry run of the install tells whom it hits.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use crate::catalog::document::Catalog;

/// One difference between two catalogs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What it is about: `calendar "north": capacity`.
    pub path: String,
    /// The value before; `None` if it is new.
    pub before: Option<String>,
    /// The value after; `None` if it is gone.
    pub after: Option<String>,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.before, &self.after) {
            (Some(before), Some(after)) => write!(f, "{}: {before} -> {after}", self.path),
            (None, Some(after)) => write!(f, "{}: new: {after}", self.path),
            (Some(before), None) => write!(f, "{}: gone: {before}", self.path),
            (None, None) => f.write_str(&self.path),
        }
    }
}

impl Catalog {
    /// What changes from this catalog to `other`, in a stable order.
    ///
    /// ```
    /// # let text = "offices = [{ key = 'a', zone = 'Etc/UTC' }]\nservices = [{ key = 's' }]\n[[calendars]]\nkey = 'c'\noffice = 'a'\nservices = ['s']\ncapacity = 4\nhours = {}";
    /// let before = cupo::Catalog::from_toml(text)?;
    /// let mut after = before.clone();
    /// after.calendars[0].capacity = 6;
    /// let changes = before.diff(&after);
    /// assert_eq!(changes[0].to_string(), r#"calendar "c": capacity: 4 -> 6"#);
    /// # Ok::<(), cupo::CatalogError>(())
    /// ```
    pub fn diff(&self, other: &Self) -> Vec<Change> {
        let (before, after) = (leaves(self), leaves(other));
        let keys = before.keys().chain(after.keys().filter(|key| !before.contains_key(*key)));
        let mut changes: Vec<Change> = keys
            .filter(|key| before.get(*key) != after.get(*key))
            .map(|key| Change {
                path: key.clone(),
                before: before.get(key).cloned(),
                after: after.get(key).cloned(),
            })
            .collect();
        changes.sort_by(|a, b| a.path.cmp(&b.path));
        changes
    }
}

/// Every value of a catalog by its path.
fn leaves(catalog: &Catalog) -> BTreeMap<String, String> {
    let mut leaves = BTreeMap::new();
    // Every key in a catalog is a string.
    let Ok(Value::Object(parts)) = serde_json::to_value(catalog) else {
        return leaves;
    };
    for (part, value) in parts {
        let Value::Array(items) = value else {
            collect(&part, &value, &mut leaves);
            continue;
        };
        for item in items {
            let key = item.get("key").and_then(Value::as_str).unwrap_or_default();
            let Value::Object(fields) = &item else {
                continue;
            };
            let name = part.strip_suffix('s').unwrap_or(&part);
            for (field, value) in fields.iter().filter(|(field, _)| *field != "key") {
                collect(&format!("{name} \"{key}\": {field}"), value, &mut leaves);
            }
        }
    }
    leaves
}

fn collect(path: &str, value: &Value, leaves: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(fields) => {
            for (field, value) in fields {
                collect(&format!("{path}.{field}"), value, leaves);
            }
        }
        other => {
            leaves.insert(path.to_owned(), other.to_string());
        }
    }
}
