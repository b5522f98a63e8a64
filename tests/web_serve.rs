//! The service starts as it is told, says what is missing, shares its directory with nobody, and
//! stops in order: nobody waits for a stream that never ends.

#![cfg(feature = "web")]
#![allow(
    clippy::print_stdout,
    dead_code,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    unreachable_pub,
    missing_docs,
    reason = "a test may panic, and has no readers but its own"
)]

#[path = "stage/service.rs"]
mod service;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;
use std::time::Duration;

use cupo::SystemClock;
use service::{Client, Service, command};

/// What the command says when it does not start.
fn refused(arguments: &[&str], environment: &[(&str, &str)]) -> String {
    let Output { status, stderr, .. } =
        command(arguments).envs(environment.iter().copied()).output().unwrap();
    assert_eq!(status.code(), Some(2), "{}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stderr).unwrap()
}

fn printed(arguments: &[&str], environment: &[(&str, &str)]) -> toml::Table {
    let with = [&["--print-config"], arguments].concat();
    let output = command(&with).envs(environment.iter().copied()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().parse().unwrap()
}

fn written(room: &Path, text: &str) -> String {
    let path = room.join("cupo.toml");
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn flags_go_before_the_environment_before_the_file_before_the_defaults() {
    let room = tempfile::tempdir().unwrap();
    let file = written(room.path(), "requests_max = 7\nconnections_max = 7\nbody_bytes_max = 7");
    let arguments = ["--config", &file, "--requests-max", "9"];
    let environment = [("CUPO_REQUESTS_MAX", "8"), ("CUPO_CONNECTIONS_MAX", "8")];
    let table = printed(&arguments, &environment);
    let number = |name: &str| table[name].as_integer().unwrap();
    assert_eq!((number("requests_max"), number("connections_max")), (9, 8));
    assert_eq!((number("body_bytes_max"), number("header_seconds_max")), (7, 10));
    // What is printed is a configuration file.
    let again = written(room.path(), &toml::to_string(&table).unwrap());
    assert_eq!(printed(&["--config", &again], &[]), table);
}

#[test]
fn keys_are_taken_from_the_environment_and_never_shown() {
    let key = "9f".repeat(32);
    let keys = "ana:desk:secret-one,\nmax:admin:secret:two";
    let environment = [("CUPO_MASTER_KEY", key.as_str()), ("CUPO_KEYS", keys)];
    let table = printed(&[], &environment);
    let text = table.to_string();
    assert!(!text.contains("secret") && !text.contains("9f9f"), "{text}");
    assert_eq!(table["keys"].as_array().unwrap().len(), 2);
    assert_eq!(table["keys"][1]["name"].as_str(), Some("max"));
    let wrong = refused(&[], &[("CUPO_KEYS", "only-a-secret")]);
    assert!(wrong.contains("NAME:ROLE:KEY") && !wrong.contains("only-a-secret"), "{wrong}");
}

#[test]
fn what_is_not_a_setting_is_refused_with_what_was_meant() {
    let room = tempfile::tempdir().unwrap();
    for (text, expected) in [
        ("lisen = '127.0.0.1:1'", "did you mean `listen`?"),
        ("colour = 'red'", "the keys are dir, listen"),
        ("requests_max = 'many'", "--print-config"),
        ("requests_max =", "--print-config"),
        ("[[keys]]\nname = 'a'\nrole = 'king'\nkey = 'k'", "`partner`, `desk` or `admin`"),
        ("trusted_proxies = ['everybody']", "10.0.0.0/8"),
        ("master_key = 'abc'", "openssl rand -hex 32"),
        ("header_seconds_max = 0", "leave it out"),
        ("public_base = 'citas.example'", "https://"),
        ("body_bytes_max = 9000000", "at most"),
        ("log = 'a=b=c'", "error, warn, info, debug or trace"),
    ] {
        let file = written(room.path(), text);
        let told = refused(&["--config", &file], &[]);
        assert!(told.contains(expected), "{text}: {told}");
    }
    assert!(refused(&["--config", "/nowhere.toml"], &[]).contains("/nowhere.toml"));
}

#[test]
fn production_refuses_what_is_only_good_for_demonstrations_all_at_once() {
    let told = refused(&["--production"], &[]);
    for expected in
        ["CUPO_MASTER_KEY", "CUPO_KEYS", "public_base", "catalog", "service_name", "telephone"]
    {
        assert!(told.contains(expected), "{expected}: {told}");
    }
    assert!(!told.contains("unimplemented") && told.lines().count() > 12, "{told}");
    let weak = [("CUPO_KEYS", "me:admin:short"), ("CUPO_PUBLIC_BASE", "http://citas.example")];
    let told = refused(&["--production"], &weak);
    assert!(told.contains("can be guessed") && told.contains("in the clear"), "{told}");
}

/// A port that was free a moment ago, settings and keys as in production.
#[test]
fn production_starts_with_everything_it_needs_and_without_demo_keys() {
    let room = tempfile::tempdir().unwrap();
    let catalog = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/miconsulado.toml");
    let dir = room.path().join("data");
    let mut command = command(&[
        "--production",
        "--dir",
        dir.to_str().unwrap(),
        "--catalog",
        catalog,
        "--public-base",
        "https://citas.example",
        "--service-name",
        "Citas",
        "--telephone",
        "+1 213 555 0100",
    ]);
    let key = "k".repeat(32);
    command.env("CUPO_MASTER_KEY", "9f".repeat(32)).env("CUPO_KEYS", format!("me:admin:{key}"));
    let service = Service::from(&mut command);
    assert_eq!(service.told["demo_keys"], false);
    let sign_in = |key: &str| {
        let body = format!("key={key}");
        let head = "POST /staff/sign-in HTTP/1.1\r\ncontent-type: \
                    application/x-www-form-urlencoded";
        service.connect().ask(head, &body).unwrap().status
    };
    assert_eq!((sign_in("demo-admin"), sign_in(&key)), (403, 303));
}

#[test]
fn the_start_says_where_and_what() {
    let room = tempfile::tempdir().unwrap();
    let dir = room.path().join("data");
    let service = Service::start(&dir, &[]);
    assert_eq!(service.told["offices"], 57);
    assert!(service.told["free_slots"].as_u64().unwrap() > 10_000);
    assert!(service.told["zone_rules"].as_str().unwrap().starts_with("20"));
    assert_eq!(service.told["demo_keys"], true);
    // People's data is nobody else's on this machine.
    assert_eq!(fs::metadata(&dir).unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn a_second_start_says_who_has_the_directory_and_the_first_does_not_notice() {
    let room = tempfile::tempdir().unwrap();
    let dir = room.path().join("data");
    let service = Service::start(&dir, &[]);
    let told = refused(&["--dir", dir.to_str().unwrap(), "--listen", "127.0.0.1:0"], &[]);
    let who = format!("in use by process {}, http://{}", service.child.id(), service.address);
    assert!(told.contains(&who), "{told}");
    assert!(told.contains("--dir"), "{told}");
    fs::remove_file(dir.join("serving")).unwrap();
    let told = refused(&["--dir", dir.to_str().unwrap(), "--listen", "127.0.0.1:0"], &[]);
    assert!(told.contains("in use by another process"), "{told}");
    assert_eq!(service.connect().get("/").status, 200);
}

#[test]
fn an_address_that_is_taken_or_not_there_is_told_with_what_to_do() {
    let room = tempfile::tempdir().unwrap();
    let service = Service::start(&room.path().join("data"), &[]);
    let other = room.path().join("other");
    let other = other.to_str().unwrap();
    let taken = refused(&["--dir", other, "--listen", &service.address.to_string()], &[]);
    assert!(taken.contains("another program listens there"), "{taken}");
    let elsewhere = refused(&["--dir", other, "--listen", "192.0.2.1:8080"], &[]);
    assert!(elsewhere.contains("does not have that address"), "{elsewhere}");
}

fn stops(service: &mut Service, signal: &str) -> Duration {
    let clock = SystemClock::new();
    service.signal(signal);
    assert_eq!(service.ended(20).and_then(|how| how.code()), Some(0));
    clock.elapsed()
}

#[test]
fn it_stops_in_order_while_connections_and_streams_are_open() {
    let room = tempfile::tempdir().unwrap();
    let dir = room.path().join("data");
    for signal in ["INT", "TERM"] {
        let mut service = Service::start(&dir, &[]);
        let silent = service.connect();
        let mut idle = service.connect();
        assert_eq!(idle.get("/").status, 200);
        let mut half = service.connect();
        half.write("GET / HTTP/1.1\r\n").unwrap();
        let mut streams: Vec<Client> = (0..3).map(|_| service.connect()).collect();
        for stream in &mut streams {
            let head = "GET /v1/events/stream HTTP/1.1\r\nhost: localhost\r\n";
            stream.write(&format!("{head}authorization: Bearer demo-desk\r\n\r\n")).unwrap();
        }
        std::thread::sleep(Duration::from_millis(200));
        let took = stops(&mut service, signal);
        assert!(took < Duration::from_secs(3), "{took:?}");
        assert!(!dir.join("serving").exists());
        drop((silent, idle, half, streams));
    }
    // It closed in order: the log needs no recovery, and what it holds is sound.
    let mut verify = std::process::Command::new(env!("CARGO_BIN_EXE_cupo"));
    let verified = verify.arg("verify").arg(dir.join("log")).output().unwrap();
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let room = tempfile::tempdir().unwrap();
    let mut service = Service::start(&room.path().join("data"), &[]);
    // A body that is still on its way holds the stop up.
    let mut slow = service.connect();
    let head = "POST /staff/sign-in HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\n";
    slow.write(head).unwrap();
    std::thread::sleep(Duration::from_millis(200));
    service.signal("INT");
    assert_eq!(service.ended(1), None, "a request that was begun is waited for");
    service.signal("INT");
    assert_eq!(service.ended(2).and_then(|how| how.code()), Some(130));
}
