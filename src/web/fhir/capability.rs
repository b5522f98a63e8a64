//! What can this server do? Its `CapabilityStatement`.
//!
//! Never promises more than the routes have.

#![allow(clippy::indexing_slicing, reason = "a JSON object has, or gets, the member")]

use serde_json::{Value, json};

/// What is offered, at the address of the FHIR server.
pub(crate) fn statement(base: &str) -> Value {
    let parameter = |(name, kind, documentation): &(&str, &str, &str)| json!({ "name": name, "type": kind, "documentation": documentation });
    let resource = |kind: &str, interactions: &[&str], parameters: &[(&str, &str, &str)]| {
        let codes: Vec<Value> = interactions.iter().map(|code| json!({ "code": code })).collect();
        let mut resource = json!({ "type": kind, "interaction": codes, "versioning": "versioned" });
        if !parameters.is_empty() {
            resource["searchParam"] = parameters.iter().map(parameter).collect();
        }
        resource
    };
    let slots = [
        ("schedule", "reference", "One schedule; needed"),
        ("start", "date", "Dates are the office's; may be repeated"),
        ("status", "token", "Several are separated by commas"),
    ];
    let appointments = [
        ("date", "date", "Dates are the office's; may be repeated"),
        ("location", "reference", "The key of an office"),
        ("status", "token", "Several are separated by commas"),
    ];
    json!({
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": "2026-11-26",
        "kind": "instance",
        "software": { "name": "cupo", "version": env!("CARGO_PKG_VERSION") },
        "implementation": { "description": "Places at appointments, read-only", "url": base },
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json", "json"],
        "rest": [{
            "mode": "server",
            "security": { "description": "Appointment: `Authorization: Bearer KEY`" },
            "resource": [
                resource("Schedule", &["read"], &[]),
                resource("Slot", &["read", "search-type"], &slots),
                resource("Appointment", &["read", "search-type"], &appointments),
            ],
        }],
    })
}
