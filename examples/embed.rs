//! A booking server in a hundred lines: plain TCP, one thread a connection, one engine for all.
//!
//! Run it: `cargo run --example embed` races four clients for a morning and counts; with an
//! address (`cargo run --example embed 127.0.0.1:7070`) it serves until it is stopped.
//!
//! One request a line, one answer a line:
//!
//! ```text
//! openings                        the earliest free slots
//! book PARTY REQUEST SLOT         PARTY and REQUEST are hexadecimal, of the caller's choice
//! cancel CLAIM
//! ```

#![allow(clippy::print_stdout, reason = "an example shows what happens")]

use std::error::Error;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use cupo::{Ask, Catalog, ClaimId, Engine, Openings, PartyId, RequestId, ServiceId};

const CATALOG: &str = r#"
    offices = [{ key = "north", zone = "America/Chicago" }]
    services = [{ key = "passport" }]

    [[calendars]]
    key = "north"
    office = "north"
    services = ["passport"]
    capacity = 2
    horizon = "7d"

    [calendars.hours]
    mon = ["09:00-12:00"]
    tue = ["09:00-12:00"]
    wed = ["09:00-12:00"]
    thu = ["09:00-12:00"]
    fri = ["09:00-12:00"]
"#;
const CLIENTS: u128 = 4;
const WISHES: u128 = 8;

/// What one line asks for, and what it is answered. Every refusal becomes a sentence.
fn answer(engine: &Engine, passport: ServiceId, line: &str) -> String {
    let words: Vec<&str> = line.split_whitespace().collect();
    let done = match words.as_slice() {
        ["openings"] => Ok(openings(engine, passport)),
        ["book", party, request, slot] => book(engine, passport, party, request, slot),
        ["cancel", claim] => cancel(engine, claim),
        _ => Err("openings | book PARTY REQUEST SLOT | cancel CLAIM".into()),
    };
    done.unwrap_or_else(|why| format!("no: {why}"))
}

fn openings(engine: &Engine, passport: ServiceId) -> String {
    let found = engine.openings(&Openings::new(passport));
    found.iter().map(|opening| opening.slot.to_string()).collect::<Vec<_>>().join(" ")
}

fn book(
    engine: &Engine,
    passport: ServiceId,
    party: &str,
    request: &str,
    slot: &str,
) -> Result<String, Box<dyn Error>> {
    let party = PartyId(u128::from_str_radix(party, 16)?);
    let request = RequestId(u128::from_str_radix(request, 16)?);
    let ask = Ask::new(party, request, passport, slot.parse()?);
    // Nothing is said to the client before it is on disk.
    Ok(format!("booked {}", engine.book(&ask).wait()?.id()))
}

fn cancel(engine: &Engine, claim: &str) -> Result<String, Box<dyn Error>> {
    let receipt = engine.cancel(claim.parse::<ClaimId>()?).wait()?;
    Ok(receipt.claim.state.name().to_owned())
}

/// Answers one connection until it is closed.
fn serve(engine: &Engine, passport: ServiceId, stream: &TcpStream) -> io::Result<()> {
    let mut out = stream;
    for line in BufReader::new(stream).lines() {
        writeln!(out, "{}", answer(engine, passport, &line?))?;
    }
    Ok(())
}

/// A client that books the earliest place it is shown, a few times.
fn client(server: &str, number: u128) -> io::Result<u32> {
    let stream = TcpStream::connect(server)?;
    let (mut out, mut input) = (&stream, BufReader::new(&stream));
    let mut ask = |line: String| {
        writeln!(out, "{line}")?;
        let mut told = String::new();
        input.read_line(&mut told)?;
        Ok::<_, io::Error>(told)
    };
    let mut booked = 0;
    for wish in 0..WISHES {
        let shown = ask("openings".to_owned())?;
        let Some(slot) = shown.split_whitespace().next() else { break };
        let party = number * WISHES + wish + 1;
        // Another client may have been faster: then the answer is a refusal, never a lie.
        let told = ask(format!("book {party:x} 1 {slot}"))?;
        booked += u32::from(told.starts_with("booked"));
    }
    Ok(booked)
}

fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1);
    let directory = tempfile::tempdir()?;
    let engine = Engine::open(directory.path())?;
    engine.install(&Catalog::from_toml(CATALOG)?)?;
    let passport = engine.service("passport").ok_or("the catalog has this service")?;

    let listener = TcpListener::bind(address.as_deref().unwrap_or("127.0.0.1:0"))?;
    let server = listener.local_addr()?.to_string();
    println!("listening on {server}");
    let connections = if address.is_some() { usize::MAX } else { usize::try_from(CLIENTS)? };
    let booked = thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .filter(|_| address.is_none())
            .map(|number| (number, server.clone()))
            .map(|(number, server)| scope.spawn(move || client(&server, number)))
            .collect();
        for stream in listener.incoming().take(connections) {
            let (stream, engine) = (stream?, &engine);
            // A broken connection ends its own thread and nothing else.
            scope.spawn(move || serve(engine, passport, &stream));
        }
        let counts = clients.into_iter().map(|client| client.join().unwrap_or(Ok(0)));
        counts.sum::<io::Result<u32>>()
    })?;

    let stats = engine.stats();
    println!("the clients count {booked} bookings, the engine {}", stats.booked);
    assert_eq!(u64::from(booked), stats.booked);
    assert!(engine.audit().is_clean());
    engine.close()?;
    Ok(())
}
