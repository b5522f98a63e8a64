//! Which words do these pages use? Those of `words/admin`.
//!
//! Never a phrase in code.

use crate::web::words::words;

words! {
    /// What the pages of the administration say.
    Words, "admin", {
        administration, dashboard, closures, catalog, reports, keys, webhooks, audit, sign_out,
        not_done, technical, back_to_dashboard, double_bookings, recounted, claims_unit,
        places_unit, booked, held, free, capacity, of_capacity, beyond_capacity, fill, fill_title,
        dates_unit, as_map, as_table, map_caption, table_caption, office, all_offices, total,
        closed, full_from, no_days, load_title, load_hint, requests, holds, confirms, lost_races,
        p99, last_minutes, at_most, zone, week_before, week_after, week_of, week_view, calendar,
        serves, capacity_title, close_days, week_caption, time, no_slots, by_service, service,
        saved, one_day, one_day_hint, date, from_time, to_time, desks, desks_day_hint, per_hour,
        on_next_page, check_first, set_by_hand, as_catalog, slots_caption, every_week,
        every_week_hint, hours, hours_hint, mon, tue, wed, thu, fri, sat, sun, split, split_hint,
        web_most, phone_kept, web, phone, check_title, change_it, places_in_window, days_changed,
        days_new, without_place, nobody_hit, deficit_explained, save, save_anyway, do_not,
        differences, what, before, after, new, gone, affected_caption, claim, state, when,
        persons, channel, reopened, closures_lead, no_closures, closed_days, reason, waiting,
        reopen, step, which_days, choose, first_day, last_day, reason_hint, whom_hit,
        bookings_hit, check_closure, closing, dates, held_hint, fate, ahead, no_days_to_close,
        closure_warning, close_now, what_becomes, fate_keep, fate_keep_hint, fate_offer,
        fate_offer_hint, fate_cancel, fate_cancel_hint, go_on, affected_title, as_csv,
        closed_done, displaced_now, cancelled_now, revoked_now, unannounced, contacts,
        contacts_hint, nobody_to_call, unknown_person, name, telephone, email, language, code,
        offers, all_closures, catalog_lead, offices, services, calendars, zone_rules, version,
        download, from_file, document, document_hint, compare, starts_moved, by_hand_kept,
        nothing_changes, install, audit_lead, no_deeds, newest_first, number, at_utc, by, to_what,
        note, older, show, bookings, no_show_rate, fill_by_day, outcomes, by_channel, arrived,
        served, no_show, displaced, lead_title, lead_hint, lead_part, lead_caption,
        refusals_title, since_start, granted, refused_count, expired, key_made, key_once,
        key_revoked, keys_lead, all_keys, role, since, revoke, in_settings, own_key, new_key,
        key_name_hint, make_key, role_partner, role_partner_hint, role_desk, role_desk_hint,
        role_admin, role_admin_hint, state_held, state_booked, state_checked_in, state_served,
        state_no_show, state_cancelled, state_displaced, state_released, state_expired,
        state_revoked, channel_web, channel_phone, channel_desk, channel_priority, hook_key,
        hook_removed, hooks_lead, no_hooks, address, address_hint, pending, failing, running,
        stopped, new_hook, which_events, events, events_hint, all_events, make_hook, test_hook,
        test_taken, test_failed, stop_hook, start_hook, remove_hook, deliveries, no_deliveries,
        event, attempt, answer, next_try, what_next, list_changed, closing_days, no_show_share,
        desk, calls_title, calls, calls_now, contained, decided_mean, service_level, wait_mean,
        slow_answers, left_title, decided_title, outcomes_title, outcome_nothing, outcome_booked,
        outcome_changed, outcome_cancelled, outcome_heard, outcome_call_back, outcome_operator,
        queue_title, queue_soon, queue_late, queue_lost, queue_at_once, noted_title,
    }
}

impl Words {
    /// A claim's state.
    pub(super) fn state_of(&self, state: &str) -> &str {
        match state {
            "held" => &self.state_held,
            "booked" => &self.state_booked,
            "checked_in" => &self.state_checked_in,
            "served" => &self.state_served,
            "no_show" => &self.state_no_show,
            "cancelled" => &self.state_cancelled,
            "displaced" => &self.state_displaced,
            "released" => &self.state_released,
            "expired" => &self.state_expired,
            _ => &self.state_revoked,
        }
    }

    /// A channel.
    pub(super) fn channel_of(&self, channel: &str) -> &str {
        match channel {
            "web" => &self.channel_web,
            "phone" => &self.channel_phone,
            "desk" => &self.channel_desk,
            _ => &self.channel_priority,
        }
    }

    /// What a key may do.
    pub(super) fn role_of(&self, role: &str) -> &str {
        match role {
            "partner" => &self.role_partner,
            "desk" => &self.role_desk,
            _ => &self.role_admin,
        }
    }

    /// What becomes of the bookings of a closed day.
    pub(super) fn fate_of(&self, fate: &str) -> &str {
        match fate {
            "keep" => &self.fate_keep,
            "offer" => &self.fate_offer,
            _ => &self.fate_cancel,
        }
    }

    /// The head of a list of claims.
    pub(super) fn affected_columns(&self) -> [&String; 7] {
        let Self { claim, state, when, calendar, service, persons, channel, .. } = self;
        [claim, state, when, calendar, service, persons, channel]
    }

    /// The head of a list of people.
    pub(super) fn contact_columns(&self) -> [&String; 8] {
        let Self { claim, name, telephone, email, language, code, when, offers, .. } = self;
        [claim, name, telephone, email, language, code, when, offers]
    }
}
