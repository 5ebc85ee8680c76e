//! Cron expressions: croner reads them and finds the times on the clock on the wall; which instants those are is decided here. An
//! expression whose hours begin with `*` names real hours: a repeated hour counts twice and a skipped one not at all. All others name
//! times of a day: a skipped time comes as much later as the clocks go forward, and of a repeated one the first counts.

use croner::{
    Cron,
    parser::{CronParser, Seconds, Year},
};
use jiff::{
    Timestamp, ToSpan as _, Zoned,
    civil::DateTime,
    tz::{AmbiguousOffset, TimeZone},
};

/// Longest expression, in characters.
const MAX_CHARS: usize = 200;

/// By how many hours clocks are put forward or back at most, but for days that the date line took or gave: a time of a day that was
/// taken is one of the next day anyway.
const LONGEST_CHANGE: i64 = 3;

/// Most times looked at for one answer: those of some hours around a change of the clocks.
const MOST_TIMES: usize = 2000;

/// Why an expression cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CronFault {
    /// Not five fields; how many there are.
    Fields(usize),
    Long,
    /// In the words of the library.
    Wrong(String),
    /// Such as 30 February.
    Never,
}

/// What is wrong with an expression.
pub fn check(expression: &str) -> Option<CronFault> {
    let fields = expression.split_whitespace().count();
    if fields != 5 {
        return Some(CronFault::Fields(fields));
    }
    if expression.chars().count() > MAX_CHARS {
        return Some(CronFault::Long);
    }
    match parse(expression) {
        Err(error) => Some(CronFault::Wrong(error.to_string())),
        Ok(cron) => {
            let start = DateTime::constant(2000, 1, 1, 0, 0, 0, 0);
            next_time(&cron, start, true)
                .is_none()
                .then_some(CronFault::Never)
        }
    }
}

fn parse(expression: &str) -> Result<Cron, croner::errors::CronError> {
    CronParser::builder()
        .seconds(Seconds::Disallowed)
        .year(Year::Disallowed)
        .build()
        .parse(expression)
}

/// On a clock without time zone.
fn next_time(cron: &Cron, from: DateTime, inclusive: bool) -> Option<DateTime> {
    let from: Zoned = from.to_zoned(TimeZone::UTC).ok()?;
    let found = cron.find_next_occurrence(&from, inclusive).ok()?;
    Some(found.datetime())
}

pub(super) fn next_after(expression: &str, zone: &TimeZone, after: Timestamp) -> Option<Timestamp> {
    let cron = parse(expression).ok()?;
    let real_hours = expression.split_whitespace().nth(1)?.starts_with('*');
    let mut best: Option<Timestamp> = None;
    let mut time = zone.to_datetime(after);
    let mut inclusive = false;
    if changes_near(zone, after) {
        // Times that the clock has shown already may lie ahead: they are repeated, or were skipped.
        time = time.checked_sub(LONGEST_CHANGE.hours()).ok()?;
        inclusive = true;
    }
    for _ in 0..MOST_TIMES {
        let Some(next) = next_time(&cron, time, inclusive) else {
            break;
        };
        (time, inclusive) = (next, false);
        let (instants, is_plain) = instants(next, zone, real_hours);
        for instant in instants.into_iter().flatten() {
            if instant > after && best.is_none_or(|best| instant < best) {
                best = Some(instant);
            }
        }
        // All that follow a time that is neither skipped nor repeated come after it.
        if is_plain && best.is_some() {
            break;
        }
    }
    best
}

/// Whether the clocks change within the hours before or after.
fn changes_near(zone: &TimeZone, at: Timestamp) -> bool {
    let (Ok(from), Ok(until)) = (
        at.checked_sub(LONGEST_CHANGE.hours()),
        at.checked_add(LONGEST_CHANGE.hours()),
    ) else {
        return false;
    };
    zone.following(from)
        .next()
        .is_some_and(|change| change.timestamp() <= until)
}

/// When the clock on the wall shows this time, and whether that is exactly once.
fn instants(time: DateTime, zone: &TimeZone, real_hours: bool) -> ([Option<Timestamp>; 2], bool) {
    let ambiguous = zone.to_ambiguous_timestamp(time);
    match ambiguous.offset() {
        AmbiguousOffset::Unambiguous { .. } => ([ambiguous.compatible().ok(), None], true),
        AmbiguousOffset::Gap { .. } if real_hours => ([None, None], false),
        AmbiguousOffset::Fold { .. } if real_hours => {
            let earlier = ambiguous.earlier().ok();
            ([earlier, ambiguous.later().ok()], false)
        }
        AmbiguousOffset::Gap { .. } | AmbiguousOffset::Fold { .. } => {
            ([ambiguous.compatible().ok(), None], false)
        }
    }
}
