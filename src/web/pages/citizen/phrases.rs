//! Which words do the citizen's pages use? `words/citizen.es.toml` and `words/citizen.en.toml`.
//!
//! Never holds a phrase itself.

use crate::web::words::words;

words! {
    /// Every phrase of the citizen's pages.
    Words, "citizen", {
        back, go_on, search, show, show_all, change, choose, step, error_title_prefix,
        error_summary,
        start_title, start_lead, free_title, free_text, bring_title, bring_lead, bring_nothing,
        hours_title, hours_all, hours_local, hours_link, hours_closed, need_title, need_details,
        need_minutes, need_code, call_instead,
        service_title, service_hint, service_search, service_none, service_missing, service_many,
        service_unknown, persons_title, persons_hint, persons_wrong,
        office_title, office_any, office_any_hint, office_any_button, office_none_free,
        office_search, office_hint, office_none, office_missing, next_free, none_free,
        countries_other,
        details_title, details_lead, name, name_hint, name_wrong, telephone, telephone_hint,
        telephone_wrong, email, email_hint, email_wrong, birth, birth_hint, birth_wrong, day,
        month, year, privacy,
        when_title, earliest, another_day, all_chosen, all_offices, months, days, morning,
        afternoon, evening, one_time, many_times, local_time,
        more_offices, office_time, day_free, only_some_days,
        none_on_those, when_held, keep_this, moving_keeps, gone, gone_said,
        none_title, none_lead, none_release, none_others, none_else, none_fewer, none_return,
        none_call,
        taken_title, taken_text, closed_title, closed_text, late_title, late_text, early_title,
        early_text, nearest, see_all_times,
        limit_title, limit_text, held_title, held_text, held_go_on, ended_title, ended_text,
        change_details,
        check_title, clock_left, clock_one, clock_over, clock_extend, clock_last, extend,
        until_now, new_time, fact_when, fact_where, fact_what, fact_persons, fact_email, confirm,
        confirm_move, check_free,
        expired_title, expired_text, expired_again, lost_title, lost_text,
        booked_title, moved_title, your_code, code_keep, to_calendar, print, change_title,
        change_text, qr_hint, leave, leave_hint, past,
        code, code_hint, code_wrong, code_lost, not_found, manage_button, managed_title,
        move_button, move_safe, cancel_link, cancel_title, cancel_warn, cancel_button,
        cancel_keep, book_new, too_late, changed, displaced, state_held, state_booked,
        state_checked_in, state_served, state_no_show, state_cancelled, state_displaced,
        state_ended,
        throttled_title, throttled_text, missing_title, missing_text, busy_title, busy_text,
        down_title, down_text, problem_title, problem_text, try_again,
        country_us, country_ca, country_mx, country_es, country_gb,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::Language;

    #[test]
    fn no_phrase_is_missing() {
        for language in Language::ALL {
            assert!(!Words::of(language).back.is_empty());
        }
    }
}
