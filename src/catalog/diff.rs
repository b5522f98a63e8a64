//! What is different? Two catalogs compared, for people to read before an install.
//!
//! Never judges whether a change is harmless: a dry run of the install tells whom it hits.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::Value;

use crate::catalog::document::Catalog;

/// One difference between two catalogs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What it is about: `calendar "north": capacity`, or `calendar "north":` as a whole.
    pub path: String,
    /// The value before; `None` if it is new.
    pub before: Option<String>,
    /// The value after; `None` if it is gone.
    pub after: Option<String>,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.before, &self.after) {
            (Some(before), Some(after)) => write!(f, "{} {before} -> {after}", self.path),
            (None, Some(after)) => write!(f, "{} new: {after}", self.path),
            (Some(before), None) => write!(f, "{} gone: {before}", self.path),
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
    /// assert_eq!(changes[0].to_string(), r#"calendar "c": capacity 4 -> 6"#);
    /// # Ok::<(), cupo::CatalogError>(())
    /// ```
    pub fn diff(&self, other: &Self) -> Vec<Change> {
        let (before, after) = (items(self), items(other));
        let mut changes = Vec::new();
        for name in union(&before, &after) {
            match (before.get(name), after.get(name)) {
                (Some(before), Some(after)) => {
                    let (before, after) = (leaves(name, before), leaves(name, after));
                    for path in union(&before, &after) {
                        let (before, after) = (before.get(path), after.get(path));
                        if before != after {
                            let [before, after] = [before, after].map(Option::<&String>::cloned);
                            changes.push(Change { path: path.clone(), before, after });
                        }
                    }
                }
                // Whole, not value by value: one line is enough for what is new or gone.
                (before, after) => changes.push(Change {
                    path: format!("{name}:"),
                    before: before.map(Value::to_string),
                    after: after.map(Value::to_string),
                }),
            }
        }
        changes
    }
}

fn union<'a, T>(
    before: &'a BTreeMap<String, T>,
    after: &'a BTreeMap<String, T>,
) -> BTreeSet<&'a String> {
    before.keys().chain(after.keys()).collect()
}

/// Every office, service and calendar, and the holds, by what people call it.
fn items(catalog: &Catalog) -> BTreeMap<String, Value> {
    let mut items = BTreeMap::new();
    // Every key in a catalog is a string.
    let Ok(Value::Object(parts)) = serde_json::to_value(catalog) else {
        return items;
    };
    for (part, value) in parts {
        let Value::Array(list) = value else {
            items.insert(part, value);
            continue;
        };
        let name = part.strip_suffix('s').unwrap_or(&part);
        for mut item in list {
            let key = item.as_object_mut().and_then(|fields| fields.remove("key"));
            items.insert(format!("{name} {}", key.unwrap_or_default()), item);
        }
    }
    items
}

/// Every value of an item by its path.
fn leaves(name: &str, item: &Value) -> BTreeMap<String, String> {
    let mut leaves = BTreeMap::new();
    for (field, value) in item.as_object().into_iter().flatten() {
        collect(&format!("{name}: {field}"), value, &mut leaves);
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
        // Nothing listed is nothing said: the first exception then reads as new.
        Value::Array(list) if list.is_empty() => {}
        // Exceptions go by their date, so that a holiday more is one line.
        Value::Array(list) if list.iter().any(|item| item.get("date").is_some()) => {
            for item in list {
                let date = item.get("date").and_then(Value::as_str).unwrap_or_default();
                leaves.insert(format!("{path} {date}"), item.to_string());
            }
        }
        other => {
            leaves.insert(path.to_owned(), other.to_string());
        }
    }
}
