//! How does an appointment get into a calendar program? iCalendar (RFC 5545).
//!
//! Never changes anything.
