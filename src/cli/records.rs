//! How is a record written down for people and programs? One JSON object per effect.
//!
//! Field names are stable: they are documented in `cupo log --help`.

use cupo::{Effect, Event, Place, Time};
use serde_json::{Map, Value, json};

/// The record as one object.
pub(crate) fn object(event: &Event) -> Value {
    let mut fields = Map::new();
    fields.insert("seq".into(), json!(event.seq.0));
    fields.insert("at".into(), instant(event.at));
    let (kind, more) = of_effect(&event.effect);
    fields.insert("kind".into(), json!(kind));
    if let Value::Object(more) = more {
        fields.extend(more.into_iter().filter(|(_, value)| !value.is_null()));
    }
    Value::Object(fields)
}

fn instant(time: Time) -> Value {
    json!(time.utc().to_rfc3339_opts(chrono::SecondsFormat::Millis, true))
}

/// A claim and its places, and what else there is.
fn claim(claim: cupo::ClaimId, place: &Place, more: Value) -> Value {
    let mut fields = Map::new();
    fields.insert("claim".into(), json!(claim.to_string()));
    fields.insert("slot".into(), json!(place.slot().to_string()));
    fields.insert("run".into(), json!(place.run));
    fields.insert("persons".into(), json!(place.persons));
    if place.arrangement == cupo::Arrangement::InTurn {
        fields.insert("in_turn".into(), json!(true));
    }
    fields.insert("channel".into(), json!(place.channel.name()));
    if let Value::Object(more) = more {
        fields.extend(more);
    }
    Value::Object(fields)
}

fn of_effect(effect: &Effect) -> (&'static str, Value) {
    match effect {
        Effect::Granted { .. } => of_grant(effect),
        Effect::Confirmed { claim: id, place, actor } => {
            ("confirmed", claim(*id, place, json!({ "actor": actor.0 })))
        }
        Effect::Extended { claim: id, place, ttl_s, actor } => {
            ("extended", claim(*id, place, json!({ "ttl_s": ttl_s, "actor": actor.0 })))
        }
        Effect::Ended { claim: id, place, how, held, returns_at, actor } => {
            let more = json!({
                "how": how.name(),
                "held": held,
                "returns_at": returns_at.map(instant),
                "actor": actor.0,
            });
            ("ended", claim(*id, place, more))
        }
        Effect::Returned { claim: id, place } => ("returned", claim(*id, place, json!({}))),
        Effect::Archived { claim: id, place } => ("archived", claim(*id, place, json!({}))),
        Effect::Marked { claim: id, place, state, actor } => {
            ("marked", claim(*id, place, json!({ "state": state.name(), "actor": actor.0 })))
        }
        Effect::Assigned { claim: id, place, actor } => {
            ("assigned", claim(*id, place, json!({ "actor": actor.0 })))
        }
        _ => of_move_or_day(effect),
    }
}

fn of_grant(effect: &Effect) -> (&'static str, Value) {
    match effect {
        Effect::Granted { claim: id, place, service, party, request, booked, ttl_s, part } => {
            let services: Vec<u16> =
                part.more_services.iter().flatten().map(|service| service.0).collect();
            let more = json!({
                "service": service.0,
                "more_services": if services.is_empty() { Value::Null } else { json!(services) },
                "party": party.to_string(),
                "request": request.to_string(),
                "booked": booked,
                "ttl_s": if *booked { Value::Null } else { json!(ttl_s) },
                "actor": part.actor.0,
                "replaces": part.replaces.then_some(true),
                "overridden": part.overridden.then_some(true),
            });
            ("granted", claim(*id, place, more))
        }
        _ => of_move_or_day(effect),
    }
}

fn of_move_or_day(effect: &Effect) -> (&'static str, Value) {
    let day = |day: &cupo::DayId| json!({ "day": day.to_string() });
    match effect {
        Effect::Taken { claim: id, place, version, held, adopted, request } => {
            let more = json!({
                "version": version,
                "held": held,
                "adopted": adopted.map(|hold| hold.to_string()),
                "request": request.to_string(),
            });
            ("taken", claim(*id, place, more))
        }
        Effect::Freed { claim: id, place, held } => {
            ("freed", claim(*id, place, json!({ "held": held })))
        }
        Effect::DayCreated { day, frame } => ("day_created", framed(*day, frame)),
        Effect::DayPlanned { day, frame } => ("day_planned", framed(*day, frame)),
        Effect::DayClosed { day: id } => ("day_closed", day(id)),
        Effect::DayReopened { day: id } => ("day_reopened", day(id)),
        Effect::DayRetired { day: id } => ("day_retired", day(id)),
        Effect::PlanDefined { plan, ranges, give_back_min } => {
            let more = json!({ "plan": plan, "ranges": ranges, "give_back_min": give_back_min });
            ("plan_defined", more)
        }
        Effect::PlanRange(range) => {
            let more = json!({
                "start": range.start,
                "end": range.end,
                "capacity": range.capacity,
                "max": range.max,
                "protected": range.protected,
            });
            ("plan_range", more)
        }
        Effect::Text { of, offset, length, bytes } => {
            let of = match of {
                cupo::TextOf::Catalog => "catalog",
                cupo::TextOf::Reason => "reason",
                _ => "other",
            };
            let text = String::from_utf8_lossy(bytes);
            ("text", json!({ "of": of, "offset": offset, "length": length, "text": text }))
        }
        Effect::Installed { version, done } => {
            ("installed", json!({ "version": version, "done": done }))
        }
        // The key is a secret: with it cool-offs could be foreseen.
        Effect::Founded { shards, .. } => ("founded", json!({ "shards": shards })),
        // Written by a later version of the library than this program knows.
        _ => ("other", Value::Null),
    }
}

fn framed(day: cupo::DayId, frame: &cupo::DayFrame) -> Value {
    json!({
        "day": day.to_string(),
        "begins": instant(frame.begins),
        "released": instant(frame.released),
        "unit_min": frame.unit_min,
        "slots": frame.slots,
        "plan": frame.plan,
    })
}
