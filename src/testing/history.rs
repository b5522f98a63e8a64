//! Could what the callers saw have happened one at a time? Recorded histories, and a checker.
