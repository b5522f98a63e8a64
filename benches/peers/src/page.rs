//! What does a reader get? One page: the table, the settings, what is fair about it and what not.
//!
//! Never a figure that the run did not measure.

use std::fmt::Write as _;

use crate::driver::Scene;
use crate::peer::Promise;
use crate::rounds::Figure;
use crate::servers::POSTGRES_SETTINGS;
use crate::stage::{ASKS_PER_PLACE, HOT_PLACES, PLACES, SALE_ASKS, SALE_SLOTS};
use crate::table::{Report, short};

/// The page, in Markdown.
pub fn write(report: &Report, image: &str) -> String {
    let parts = [
        head(report, image),
        table(report),
        losses(report),
        scenes(report),
        "## Settings\n\n".to_owned() + &settings(report),
        FAIR.to_owned(),
        sweep(report),
    ];
    parts.join("\n")
}

fn head(report: &Report, image: &str) -> String {
    let mut text = format!(
        "# Peers, side by side\n\nWritten by `{}` on {}, in {:.1} minutes: {} in turns, {} s a \
         scene; each figure is the median.\n\n",
        report.command,
        report.date,
        report.minutes,
        if report.rounds == 1 { "1 round".to_owned() } else { format!("{} rounds", report.rounds) },
        report.seconds
    );
    for line in report.machine.lines() {
        let _ = writeln!(text, "- {line}");
    }
    let _ = writeln!(
        text,
        "- load average of a minute: {} as it began, {} at its end (the run itself included); the \
         run and its servers at nice {}",
        report.machine.load, report.load_after, report.nice
    );
    let _ = writeln!(text, "- {}", report.versions.join("; "));
    if report.machine.is_busy() {
        text.push_str(
            "\nThe machine was busy with other work: figures are lower than they would be, and \
             unsteady; the last table shows how much rounds differ. Run it on a quiet machine.\n",
        );
    }
    if report.quick {
        text.push_str(
            "\nA quick run: small, one short round, no sweep. Its figures mean little.\n",
        );
    }
    let _ =
        writeln!(text, "\n![Operations a second of every peer, on a logarithmic scale]({image})");
    text
}

fn table(report: &Report) -> String {
    let mut text = String::from(
        "## Table\n\nOperations a second; then how many times as fast cupo with the same promise is \
         (below 1, the peer is ahead); in brackets, clients x users in flight in each.\n",
    );
    for promise in Promise::ALL {
        let _ = write!(
            text,
            "\n**{}**\n\n| peer | mix | one hot slot | sell-out |\n",
            capital(promise)
        );
        text.push_str("|---|---|---|---|\n");
        for entry in report.of(promise) {
            let [mix, one, sale] = Scene::ALL.map(|scene| report.cell(entry, scene));
            let name = code(entry.kind.name);
            let _ = match &entry.fault {
                Some(fault) => writeln!(text, "| {name} | {fault} | | |"),
                None => writeln!(text, "| {name} | {mix} | {one} | {sale} |"),
            };
        }
    }
    text
}

fn capital(promise: Promise) -> String {
    let name = promise.name();
    let (first, rest) = name.split_at(1);
    first.to_uppercase() + rest
}

fn losses(report: &Report) -> String {
    let lost = report.losses();
    let mut text = String::from("## Where the peer is ahead\n\n");
    if lost.is_empty() {
        text.push_str("Nowhere in this run.\n");
    }
    for line in lost {
        let _ = writeln!(text, "- {}", line.replace('<', "\\<"));
    }
    text
}

fn scenes(report: &Report) -> String {
    let (size, live) = if report.quick { ("171", "20,000") } else { ("1,710", "200,000") };
    format!(
        "## Scenes\n\n\
         - **Mix**: hold, confirm, cancel, for users never seen before, over {size} days of 96 \
         slots with {PLACES} places each and {live} live bookings. Three operations a user; the \
         next step comes after the answer to the one before.\n\
         - **One hot slot**: the same, all in one slot of {HOT_PLACES} places.\n\
         - **Sell-out**: {SALE_SLOTS} slots of {PLACES} places go on sale at once, \
         {ASKS_PER_PLACE} users ask for each place ({SALE_ASKS} asks), and again with fresh slots \
         until time is over. 90 % are refused; an operation is an ask.\n\n\
         A peer's figure counts only if it passed the check, in every turn: (1) places are scarce \
         and many clients hold, confirm and cancel, while a count kept outside the peer may never \
         exceed the places; (2) a slot is filled, and exactly its places are granted; (3) in the \
         scenes, nobody is refused while there is room, and a sale grants exactly its places; (4) \
         at the end the peer lists every claim it has, which must be exactly those that the driver \
         was answered, no slot with too many, no numbered place twice. Claims so counted: {}.\n",
        grouped(report.entries.iter().map(|entry| entry.counted).sum())
    )
}

/// A name, as code where Markdown would take it for a tag.
fn code(name: &str) -> String {
    if name.contains('<') { format!("`{name}`") } else { name.to_owned() }
}

/// With commas.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in (1..=digits.len()).rev().zip(digits.chars()) {
        text.push(digit);
        if place > 1 && place % 3 == 1 {
            text.push(',');
        }
    }
    text
}

fn settings(report: &Report) -> String {
    let mut text = String::from("| peer | an answer is | settings |\n|---|---|---|\n");
    for entry in &report.entries {
        let kind = &entry.kind;
        let _ =
            writeln!(text, "| {} | {} | {} |", code(kind.name), kind.promise.name(), kind.settings);
    }
    let _ = writeln!(
        text,
        "\nPostgreSQL: {}; fsync, full page writes, autovacuum as they come. Tables are vacuumed, \
         analysed and checkpointed before. PostgreSQL and Redis are asked through Unix sockets, \
         which are faster than TCP on loopback. All peers write below one directory, of the file \
         system named above.",
        POSTGRES_SETTINGS.map(|setting| format!("`{setting}`")).join(", ")
    );
    text
}

const FAIR: &str = "\
## What is fair about it, and what not

- The driver is one: the same users, slots and batches, the same count. It asks a batch of users,
  waits until every answer is safe, and asks their next step.
- Each peer is given what suits it best: of the loads below the best counts, for each scene by
  itself. A batch of SQLite or PostgreSQL is one transaction of many users, as a service in front
  of it could make; most programs do not. Compare the engine with the rows that you would write.
- The peers do less. They keep capacity, and that a claim is there once and ends once, and forget a
  claim when it is cancelled. None of them answers a retry with the same claim, limits a party, ends
  a hold at its deadline by itself, or tells a feed of changes; cupo does all of it here, in memory
  too. That, and a cold line a claim, is what the maps save, and why they are ahead.
- cupo, the maps and SQLite run in the process that asks; PostgreSQL and Redis are other processes,
  and the driver takes its share of the same cores. That is how one uses them on one machine, and
  part of their cost; on machines of their own they would have the cores, and pay the network.
- The two that are synced later are not the same: Redis syncs once a second, cupo's `Buffered`
  leaves it to the system.
- PostgreSQL has no checkpoint during the scenes and Redis no rewrite of its file; SQLite has a
  checkpoint every 10,000 pages, cupo a snapshot every GiB, its default.
- The log of `DashMap + log` is never read: a program that is to recover from it has more to write.
";

fn sweep(report: &Report) -> String {
    let mut text = String::from(
        "## Sweep and rounds\n\nAll loads tried (clients x users in flight in each: operations a \
         second), then the lowest and highest round of the best.\n\n\
         | peer | scene | sweep | rounds |\n|---|---|---|---|\n",
    );
    for entry in report.entries.iter().filter(|entry| entry.fault.is_none()) {
        for figure in &entry.figures {
            let (low, high) = figure.range();
            let _ = writeln!(
                text,
                "| {}, {} | {} | {} | {} to {} |",
                code(entry.kind.name),
                entry.kind.promise.name(),
                figure.scene.name(),
                loads(figure),
                short(low),
                short(high)
            );
        }
    }
    text
}

fn loads(figure: &Figure) -> String {
    let each = figure.sweep.iter().map(|(load, rate)| format!("{load}: {}", short(*rate)));
    each.collect::<Vec<_>>().join("; ")
}
