//! What may callers do? Strategies for catalogs, commands and sequences of them.
