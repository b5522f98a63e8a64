//! What can be done from a shell? The program `cupo`.
//!
//! Uses only the public API of the library, as any booking server would.

mod cli;
mod peak;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
