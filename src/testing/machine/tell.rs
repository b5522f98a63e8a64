//! What happened, in lines that a person can read?

use crate::Receipt;
use crate::testing::model::{Call, Outcome};

/// A call and its answer.
pub(super) fn call(call: &Call, answer: &Outcome) -> String {
    match call {
        Call::Install(catalog) => format!("install, {}\n{}", outcome(answer), rules(catalog)),
        call => format!("{call:?}\n    {}", outcome(answer)),
    }
}

fn outcome(answer: &Outcome) -> String {
    match answer {
        Outcome::Receipts(receipts) => {
            let told: Vec<String> = receipts.iter().map(receipt).collect();
            told.join(", ")
        }
        Outcome::Refused(rejection) => format!("refused: {rejection}"),
        Outcome::Own(reason) => format!("refused by the wrapper: {reason}"),
        other => format!("{other:?}"),
    }
}

fn receipt(receipt: &Receipt) -> String {
    let claim = &receipt.claim;
    let moved = if claim.version > 0 { format!(" v{}", claim.version) } else { String::new() };
    let again = if receipt.replayed { ", a replay" } else { "" };
    format!("{} {} at {}{moved}{again}", claim.id, claim.state.name(), claim.slot)
}

/// The catalog without what is empty.
fn rules(catalog: &crate::Catalog) -> String {
    let toml = catalog.to_toml();
    let empty = |line: &&str| {
        line.is_empty()
            || line.starts_with("[services.")
            || line.ends_with("= \"\"")
            || line.ends_with("= []")
            || line.ends_with("= \"0s\"")
    };
    let lines = toml.lines().filter(|line| !empty(line)).map(|line| format!("    {line}\n"));
    lines.collect()
}
