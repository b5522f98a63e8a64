//! How does a FHIR client read slots and appointments? Read-only resources of release R4.
//!
//! Never changes anything.
