//! Rate control: RFC 8867's cases in virtual time, and two like them over real sockets.

#[cfg(feature = "app")]
mod call;
mod cases;
mod media;
mod sockets;
mod tcp;
mod world;

use self::cases::Row;
use crate::{figures, header};

/// Prints what came of a case with each seed, and fails where the bar is missed by more than one of them.
fn judge(case: impl Fn(u64) -> Vec<Row>) {
    let runs: Vec<Vec<Row>> = (1..=4).map(case).collect();
    for row in runs.iter().flatten() {
        println!("{row}");
    }
    for at in 0..runs[0].len() {
        let missed: Vec<String> =
            runs.iter().map(|rows| &rows[at]).filter(|row| !row.holds()).map(Row::to_string).collect();
        assert!(missed.len() <= 1, "{missed:#?}");
    }
}

#[test]
fn rfc_8867_section_5_1_variable_capacity_with_one_flow() {
    judge(cases::variable_capacity);
}

#[test]
fn rfc_8867_section_5_2_variable_capacity_with_two_flows() {
    judge(cases::variable_capacity_two_flows);
}

#[test]
fn rfc_8867_section_5_3_congested_feedback_with_media_both_ways() {
    judge(|seed| cases::congested_feedback(seed, false));
}

#[test]
fn rfc_8867_section_5_3_with_a_relay_that_does_not_say_when_probes_arrive() {
    judge(|seed| cases::congested_feedback(seed, true));
}

#[test]
fn rfc_8867_section_5_4_competing_flows_of_the_same_kind() {
    judge(cases::competing_flows);
}

#[test]
fn rfc_8867_section_5_5_round_trip_fairness() {
    judge(cases::round_trip_fairness);
}

#[test]
fn rfc_8867_section_5_6_beside_a_long_tcp_flow() {
    judge(|seed| cases::long_tcp(seed, 300));
}

#[test]
fn rfc_8867_section_5_6_beside_a_long_tcp_flow_over_a_deep_queue() {
    judge(|seed| cases::long_tcp(seed, 1000));
}

#[test]
fn rfc_8867_section_5_7_beside_short_tcp_flows() {
    judge(cases::short_tcp);
}

#[test]
fn rfc_8867_section_5_8_pause_and_resume() {
    judge(cases::pause_and_resume);
}

#[test]
fn what_stands_in_the_queue_for_a_quarter_of_an_hour_is_not_taken_for_the_path() {
    judge(cases::long_call);
}

#[test]
fn sound_overtakes_pictures_where_both_ways_are_narrow() {
    judge(cases::narrow);
}
