//! Which words do these pages use? Those of `words/desk`, and for what both say the citizens'.
//!
//! Never a phrase in code.

use crate::web::words::words;

words! {
    /// What the pages of the desk say, to operators and through them.
    Words, "desk", {
        desk, today, administration, rooms, sign_out, channel, phone, counter, keys, key_search,
        key_take, key_confirm, key_extend, key_release, key_list, keys_hint, keys_off, keys_on,
        next_call, tried, who, find, find_hint, find_button, nobody, unnamed, code, telephone_ends,
        late, resume, move_it, cancel_it, another, persons_unit, places, service, persons, from,
        add_office, no_office, look, more_services, more_hint, in_turn, offices, any_office,
        without, none, take, moving, stay, share_title, share, hold, nothing, details, confirm,
        confirm_move, extend, release, extended, released, cancelled, taken, taken_next, limit,
        limit_next, done, booked, moved, say, spoken, say_hello, say_ask, say_free, say_place,
        say_booked, say_address, say_zone, say_persons, say_right, say_code, say_again, say_bring,
        cancel_title, cancel_warn, cancel_yes, cancel_no, which_office, all_offices, days,
        day_before, day_after, refresh, print, changed, expected, waiting, served, no_shows,
        nobody_today, roster, time, state, mark, arrived, no_show, pages, were_served,
        handed_over, take_call, call_gone, task_book, task_change, task_cancel, task_none,
        why_asked, why_strikes, why_slow, why_throttled, why_rules, level_found, level_said,
        level_unknown, kept_for_caller, call_backs, no_call_backs, number, since, called,
        call_back_office, unreadable, speaks, spanish, english, stopped_at, part_menu, part_who,
        part_where, part_what, part_place, part_code, part_own, part_call_back, caller_gone,
        ended_as, key_wrap, wrap_none, wrap_booked, wrap_moved, wrap_cancelled, wrap_information,
        wrap_call_back, wrap_not_possible, wrap_wrong_number, wrap_abandoned,
    }
}
