//! Schedules under a simulated clock.

use jiff::{Span, civil::time};
use proptest::prelude::*;

use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

fn daily(hour: i8, minute: i8) -> Rule {
    Rule::Days {
        days: Days::Every,
        at: time(hour, minute, 0, 0),
    }
}

fn on(days: Days) -> Rule {
    Rule::Days {
        days,
        at: time(9, 0, 0, 0),
    }
}

fn every(minutes: u32) -> Rule {
    Rule::Every { minutes }
}

fn cron(expression: &str) -> Rule {
    assert_eq!(check_cron(expression), None, "{expression}");
    Rule::Cron {
        expression: expression.into(),
    }
}

/// The moments after an instant as the clock on the wall of the zone shows them, with its offset.
fn check(rule: &Rule, zone: &str, after: &str, expected: &[&str]) {
    let calendar = Calendar::of(zone, vec!["2026-12-25".parse().expect("a date")]);
    let found: Vec<String> = rule
        .next_n(&calendar, at(after), expected.len())
        .into_iter()
        .map(|moment| {
            let zoned = moment.to_zoned(calendar.zone.clone());
            zoned.strftime("%Y-%m-%d %H:%M %:z").to_string()
        })
        .collect();
    assert_eq!(found, expected, "{rule:?} in {zone} after {after}");
}

#[test]
fn a_time_that_the_clocks_skip_comes_later_and_once() {
    let berlin = &[
        "2027-03-27 02:30 +01:00",
        "2027-03-28 03:30 +02:00",
        "2027-03-29 02:30 +02:00",
    ];
    for rule in [daily(2, 30), cron("30 2 * * *"), cron("30 2-2 * * *")] {
        check(&rule, "Europe/Berlin", "2027-03-27T00:00:00Z", berlin);
    }
    let new_york = &["2027-03-14 03:15 -04:00", "2027-03-15 02:15 -04:00"];
    for rule in [daily(2, 15), cron("15 2 * * *")] {
        check(&rule, "America/New_York", "2027-03-14T05:00:00Z", new_york);
    }
    // Half an hour is skipped there.
    let lord_howe = &["2027-10-03 02:40 +11:00", "2027-10-04 02:10 +11:00"];
    for rule in [daily(2, 10), cron("10 2 * * *")] {
        check(
            &rule,
            "Australia/Lord_Howe",
            "2027-10-02T12:00:00Z",
            lord_howe,
        );
    }
    // The day begins at 01:00.
    let cairo = &[
        "2027-04-29 00:00 +02:00",
        "2027-04-30 01:00 +03:00",
        "2027-05-01 00:00 +03:00",
    ];
    for rule in [daily(0, 0), cron("0 0 * * *")] {
        check(&rule, "Africa/Cairo", "2027-04-28T12:00:00Z", cairo);
    }
    // Samoa had no 30 December 2011.
    let apia = &["2011-12-29 09:00 -10:00", "2011-12-31 09:00 +14:00"];
    for rule in [daily(9, 0), cron("0 9 * * *")] {
        check(&rule, "Pacific/Apia", "2011-12-29T12:00:00Z", apia);
    }
}

#[test]
fn of_a_time_that_a_day_has_twice_the_first_counts() {
    let berlin = &["2026-10-25 02:30 +02:00", "2026-10-26 02:30 +01:00"];
    for rule in [daily(2, 30), cron("30 2 * * *")] {
        check(&rule, "Europe/Berlin", "2026-10-24T12:00:00Z", berlin);
        // Asked between the two, and asked with the second.
        for after in ["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"] {
            check(&rule, "Europe/Berlin", after, &berlin[1..]);
        }
    }
    let new_york = &["2026-11-01 01:00 -04:00", "2026-11-02 01:00 -05:00"];
    check(
        &daily(1, 0),
        "America/New_York",
        "2026-11-01T01:00:00Z",
        new_york,
    );
    let lord_howe = &["2027-04-04 01:45 +11:00", "2027-04-05 01:45 +10:30"];
    for rule in [daily(1, 45), cron("45 1 * * *")] {
        check(
            &rule,
            "Australia/Lord_Howe",
            "2027-04-03T12:00:00Z",
            lord_howe,
        );
    }
}

#[test]
fn hours_are_real_hours() {
    let back = &[
        "2026-10-25 01:00 +02:00",
        "2026-10-25 02:00 +02:00",
        "2026-10-25 02:00 +01:00",
        "2026-10-25 03:00 +01:00",
    ];
    let forward = &[
        "2027-03-28 01:00 +01:00",
        "2027-03-28 03:00 +02:00",
        "2027-03-28 04:00 +02:00",
    ];
    for rule in [every(60), cron("0 * * * *")] {
        check(&rule, "Europe/Berlin", "2026-10-24T22:59:00Z", back);
        check(&rule, "Europe/Berlin", "2027-03-27T23:30:00Z", forward);
    }
    let quarters = &[
        "2027-03-28 01:45 +01:00",
        "2027-03-28 03:00 +02:00",
        "2027-03-28 03:15 +02:00",
    ];
    for rule in [every(15), cron("*/15 * * * *")] {
        check(&rule, "Europe/Berlin", "2027-03-28T00:30:00Z", quarters);
    }
    let repeated = &[
        "2026-10-25 02:45 +02:00",
        "2026-10-25 02:00 +01:00",
        "2026-10-25 02:15 +01:00",
    ];
    for rule in [every(15), cron("*/15 * * * *")] {
        check(&rule, "Europe/Berlin", "2026-10-25T00:30:00Z", repeated);
    }
    // From midnight, in real time, and from the next midnight anew.
    check(
        &every(360),
        "Europe/Berlin",
        "2027-03-27T22:59:00Z",
        &[
            "2027-03-28 00:00 +01:00",
            "2027-03-28 07:00 +02:00",
            "2027-03-28 13:00 +02:00",
            "2027-03-28 19:00 +02:00",
            "2027-03-29 00:00 +02:00",
        ],
    );
    check(
        &every(7 * 60),
        "Asia/Kathmandu",
        "2026-11-26T00:00:00Z",
        &[
            "2026-11-26 07:00 +05:45",
            "2026-11-26 14:00 +05:45",
            "2026-11-26 21:00 +05:45",
            "2026-11-27 00:00 +05:45",
        ],
    );
}

#[test]
fn months_end_on_their_last_day() {
    let after = "2027-12-31T12:00:00Z";
    let ends = &[
        "2028-01-31 09:00 +00:00",
        "2028-02-29 09:00 +00:00",
        "2028-03-31 09:00 +00:00",
        "2028-04-30 09:00 +00:00",
    ];
    for rule in [
        on(Days::Monthly { day: 31 }),
        on(Days::LastOfMonth),
        cron("0 9 L * *"),
    ] {
        check(&rule, "UTC", after, ends);
    }
    check(
        &on(Days::Monthly { day: 29 }),
        "UTC",
        "2027-01-30T12:00:00Z",
        &["2027-02-28 09:00 +00:00", "2027-03-29 09:00 +00:00"],
    );
    // A cron expression means exactly the days that it names.
    check(
        &cron("0 9 29 2 *"),
        "UTC",
        "2096-03-01T00:00:00Z",
        &["2104-02-29 09:00 +00:00"],
    );
    check(
        &cron("0 9 31 * *"),
        "UTC",
        "2027-03-31T12:00:00Z",
        &["2027-05-31 09:00 +00:00"],
    );
}

#[test]
fn days_are_chosen() {
    let after = "2026-11-26T12:00:00Z";
    let weekdays = vec![Weekday::Monday, Weekday::Thursday];
    let expected = &[
        "2026-11-30 09:00 +00:00",
        "2026-12-03 09:00 +00:00",
        "2026-12-07 09:00 +00:00",
    ];
    for rule in [on(Days::Weekly { weekdays }), cron("0 9 * * MON,THU")] {
        check(&rule, "UTC", after, expected);
    }
    let nth = |nth, weekday| on(Days::NthWeekday { nth, weekday });
    check(
        &nth(Nth::Second, Weekday::Tuesday),
        "UTC",
        after,
        &["2026-12-08 09:00 +00:00", "2027-01-12 09:00 +00:00"],
    );
    check(
        &nth(Nth::Last, Weekday::Friday),
        "UTC",
        after,
        &["2026-11-27 09:00 +00:00", "2026-12-25 09:00 +00:00"],
    );
    // Christmas Day is a holiday, and a weekend follows.
    check(
        &on(Days::Business),
        "UTC",
        "2026-12-23T12:00:00Z",
        &["2026-12-24 09:00 +00:00", "2026-12-28 09:00 +00:00"],
    );
    // Either of the two, as in crontab(5).
    check(
        &cron("0 9 1 * FRI"),
        "UTC",
        after,
        &["2026-11-27 09:00 +00:00", "2026-12-01 09:00 +00:00"],
    );
    let nothing = on(Days::Weekly {
        weekdays: Vec::new(),
    });
    check(&nothing, "UTC", after, &[]);
    let calendar = Calendar::of("UTC", Vec::new());
    assert_eq!(nothing.next_after(&calendar, at(after)), None);
}

#[test]
fn a_wrong_expression_is_told() {
    assert_eq!(check_cron(""), Some(CronFault::Fields(0)));
    assert_eq!(check_cron("0 9 * *"), Some(CronFault::Fields(4)));
    assert_eq!(check_cron("0 0 9 * * *"), Some(CronFault::Fields(6)));
    assert_eq!(check_cron("@daily"), Some(CronFault::Fields(1)));
    assert_eq!(check_cron("0 9 30 2 *"), Some(CronFault::Never));
    let long = format!("{}0 9 * * *", "0,".repeat(200));
    assert_eq!(check_cron(&long), Some(CronFault::Long));
    for wrong in [
        "60 9 * * *",
        "0 24 * * *",
        "0 9 0 * *",
        "0 9 * 13 *",
        "a 9 * * *",
        "0 9 * * 5-",
        "*/0 * * * *",
        "0 9 * * ü",
    ] {
        let fault = check_cron(wrong);
        assert!(
            matches!(fault, Some(CronFault::Wrong(_))),
            "{wrong}: {fault:?}"
        );
    }
}

#[test]
fn missed_moments_become_one_run_none_or_one_each() {
    let calendar = Calendar::of("Europe/Berlin", Vec::new());
    let due = |rule: Rule, missed, next: &str, now: &str| -> Vec<String> {
        let schedule = Schedule { rule, missed };
        let due = schedule.due(&calendar, at(next), at(now));
        due.into_iter().map(|moment| moment.to_string()).collect()
    };
    let (next, now) = ("2026-11-20T08:00:00Z", "2026-11-23T12:00:00Z");
    assert_eq!(
        due(daily(9, 0), Missed::Once, next, now),
        ["2026-11-23T08:00:00Z"]
    );
    assert!(due(daily(9, 0), Missed::Skip, next, now).is_empty());
    assert_eq!(
        due(daily(9, 0), Missed::All, next, now),
        [
            "2026-11-20T08:00:00Z",
            "2026-11-21T08:00:00Z",
            "2026-11-22T08:00:00Z",
            "2026-11-23T08:00:00Z"
        ]
    );
    // A few minutes late is not missed, whatever was missed before.
    let late = "2026-11-23T08:04:59Z";
    for missed in [Missed::Once, Missed::Skip] {
        assert_eq!(
            due(daily(9, 0), missed, next, late),
            ["2026-11-23T08:00:00Z"]
        );
    }
    // Years of minutes: the last hundred.
    let all = due(every(1), Missed::All, "2016-01-01T00:00:00Z", now);
    assert_eq!((all.len(), all[99].as_str()), (MOST_MISSED, now));
    assert_eq!(all[0], "2026-11-23T10:21:00Z");
    // A moment that the present rule would not make, because it was stored before the holidays changed, counts all the same.
    let off = due(
        daily(9, 0),
        Missed::Once,
        "2026-11-23T07:00:00Z",
        "2026-11-23T07:30:00Z",
    );
    assert_eq!(off, ["2026-11-23T07:00:00Z"]);
}

#[test]
fn schedules_are_stored_as_they_are_written() {
    let schedule = Schedule {
        rule: on(Days::NthWeekday {
            nth: Nth::Last,
            weekday: Weekday::Friday,
        }),
        missed: Missed::All,
    };
    let json = serde_json::to_value(&schedule).expect("JSON");
    assert_eq!(
        json,
        serde_json::json!({"rule": "days", "days": {"days": "nth_weekday", "nth": "last", "weekday": "friday"},
            "at": "09:00:00", "missed": "all"})
    );
    let read: Schedule = serde_json::from_value(json).expect("a schedule");
    assert_eq!(read, schedule);
}

fn zones() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "America/Santiago",
        "America/Havana",
        "Africa/Cairo",
        "Asia/Beirut",
        "Asia/Kathmandu",
        "Australia/Lord_Howe",
        "America/Nuuk",
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Each day has exactly one moment, and each is later than the one before.
    #[test]
    fn a_daily_rule_neither_skips_nor_doubles_a_day(
        zone in zones(),
        hour in 0_i8..24,
        minute in 0_i8..60,
        second in 1_700_000_000_i64..2_000_000_000,
    ) {
        let calendar = Calendar::of(zone, Vec::new());
        let start = Timestamp::from_second(second).expect("an instant");
        let by_cron = Rule::Cron { expression: format!("{minute} {hour} * * *") };
        let moments = daily(hour, minute).next_n(&calendar, start, 400);
        prop_assert_eq!(&moments, &by_cron.next_n(&calendar, start, 400));
        let mut before: Option<Date> = None;
        for moment in moments {
            let local = moment.to_zoned(calendar.zone.clone());
            // The last hour of a day is skipped in Nuuk: its times come after midnight.
            let is_next = local.time() < time(hour, minute, 0, 0);
            let date = local.date() - Span::new().days(i64::from(is_next));
            prop_assert!(before.is_none_or(|before| before + Span::new().days(1) == date), "{date} after {before:?}");
            before = Some(date);
        }
    }

    /// Whatever the rule: moments grow, and from between two of them the next is found.
    #[test]
    fn moments_grow(
        zone in zones(),
        rule in prop_oneof![
            (1_u32..=MAX_EVERY_MINUTES).prop_map(every),
            (1_i8..=31).prop_map(|day| on(Days::Monthly { day })),
            Just(on(Days::Business)),
            (0_u8..60).prop_map(|minute| cron(&format!("{minute} * * * *"))),
            (1_u8..24).prop_map(|step| cron(&format!("5 */{step} * * *"))),
            (0_u8..23).prop_map(|hour| cron(&format!("*/20 {hour}-{} * * *", hour + 1))),
        ],
        second in 1_700_000_000_i64..2_000_000_000,
    ) {
        let calendar = Calendar::of(zone, Vec::new());
        let start = Timestamp::from_second(second).expect("an instant");
        let moments = rule.next_n(&calendar, start, 60);
        prop_assert_eq!(moments.len(), 60);
        let mut before = start;
        for moment in moments {
            prop_assert!(moment > before);
            let between = before + moment.duration_since(before) / 2;
            let asked = rule.next_after(&calendar, between);
            prop_assert_eq!(asked, Some(moment));
            before = moment;
        }
    }
}
