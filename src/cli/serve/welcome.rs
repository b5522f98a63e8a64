//! What does whoever started the service need to know now? Addresses, keys, and a line to copy.
//!
//! Never shows a key that is not public.

use std::io::{self, Write};

use cupo::Engine;
use cupo::web::{DEMO_KEYS, Served};
use serde_json::json;

use super::Options;

pub(super) fn tell(served: &Served, options: &Options) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if options.quiet {
        return Ok(());
    }
    let app = &served.app;
    let (offices, free) = counts(&app.engine);
    let here = format!("http://{}", served.address);
    if options.json {
        let told = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "address": here,
            "phone": served.phone.map(|phone| format!("agi://{phone}")),
            "process": std::process::id(),
            "dir": app.settings.dir,
            "zone_rules": Engine::zone_rules(),
            "offices": offices,
            "free_slots": free,
            "demo_keys": app.has_demo_keys(),
        });
        writeln!(out, "{told}")?;
        return out.flush();
    }
    let base = app.settings.public_base.clone().unwrap_or_else(|| here.clone());
    let base = base.trim_end_matches('/');
    writeln!(out, "cupo {}, {}", env!("CARGO_PKG_VERSION"), app.settings.service_name)?;
    writeln!(out)?;
    let pages = [("citizens", "/"), ("desk", "/desk"), ("administration", "/admin")];
    for (what, path) in pages.into_iter().chain([("HTTP API", "/docs")]) {
        writeln!(out, "  {what:<15} {base}{path}")?;
    }
    if base != here {
        writeln!(out, "  {:<15} {here}", "listening on")?;
    }
    if let Some(phone) = served.phone {
        writeln!(out, "  {:<15} agi://{phone}/cita", "telephone")?;
    }
    writeln!(out)?;
    if app.has_demo_keys() {
        writeln!(out, "  keys            {}", DEMO_KEYS.join(", "))?;
        writeln!(out, "                  These keys are public: anybody who reaches this address")?;
        writeln!(out, "                  may use them. `--production` refuses them.")?;
    }
    writeln!(
        out,
        "  {} offices, {} free places, zone rules {}",
        offices,
        grouped(free),
        Engine::zone_rules()
    )?;
    writeln!(out, "  kept in {}; Ctrl-C stops", app.settings.dir.display())?;
    writeln!(out)?;
    let service = first_service(&app.engine);
    writeln!(out, "  curl '{here}/v1/availability/first?service={service}&limit=3'")?;
    writeln!(out)?;
    out.flush()
}

/// Offices, and places that can be had on all days in memory.
fn counts(engine: &Engine) -> (usize, u64) {
    let offices = engine.catalog().map_or(0, |catalog| catalog.offices.len());
    let days = engine.days().into_iter().filter_map(|day| engine.day(day));
    let free = days.flat_map(|day| day.slots).map(|slot| u64::from(slot.free)).sum();
    (offices, free)
}

fn first_service(engine: &Engine) -> String {
    let catalog = engine.catalog();
    let first = catalog.as_deref().and_then(|catalog| catalog.services.first());
    first.map_or_else(String::new, |service| service.key.clone())
}

/// 412300 as 412,300.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let parts: Vec<_> = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    parts.join(",")
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn thousands_are_set_apart() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
    }
}
