//! What should the engine answer? Its rules in the most obvious sequential Rust.
