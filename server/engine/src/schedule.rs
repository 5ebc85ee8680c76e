//! Schedules: at which moments runs begin by themselves, in the time zone of the workflow. There is no clock here: every question
//! names the instant it starts from, and the store asks with the database's time.

mod cron;
mod days;
#[cfg(test)]
mod tests;

use jiff::{SignedDuration, Timestamp, Zoned, civil::Date, civil::Time, tz::TimeZone};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use crate::kind::{Field, Kind};

pub use cron::{CronFault, check as check_cron};
pub use days::{Days, Nth, Weekday};

/// Longest interval of `Rule::Every`: a day.
pub const MAX_EVERY_MINUTES: u32 = 1440;

/// Most runs that missed moments become.
pub const MOST_MISSED: usize = 100;

/// A run that begins later than this after its moment has missed it.
const LATE: SignedDuration = SignedDuration::from_mins(5);

/// When runs begin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "rule", rename_all = "snake_case")]
pub enum Rule {
    /// Real time, counted from each midnight, so that it begins anew every day: 1 to `MAX_EVERY_MINUTES`.
    Every { minutes: u32 },
    /// A time on the clock on the wall. One that a day skips, because the clocks go forward, comes as much later as they do; of one
    /// that a day has twice the first counts.
    Days { days: Days, at: Time },
    /// Five fields, as `crontab(5)` has them, and `L`, `W` and `#`; of times that the clocks skip or repeat see `cron`.
    Cron { expression: String },
}

/// What becomes of moments at which no process was there to begin a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(extend("x-labels" = {
    "once": "One run for all of them",
    "skip": "No run",
    "all": "One run for each, at most 100",
}))]
pub enum Missed {
    #[default]
    Once,
    Skip,
    All,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    #[serde(flatten)]
    pub rule: Rule,
    pub missed: Missed,
}

/// Where a schedule's days are.
#[derive(Clone, Debug)]
pub struct Calendar {
    pub zone: TimeZone,
    /// Days besides weekends on which nobody works.
    pub holidays: Vec<Date>,
}

impl Calendar {
    /// An unknown zone counts as UTC; a workflow with one is never published.
    pub fn of(time_zone: &str, holidays: Vec<Date>) -> Self {
        Self {
            zone: TimeZone::get(time_zone).unwrap_or(TimeZone::UTC),
            holidays,
        }
    }
}

impl Rule {
    /// The first moment after `after`; `None`: there is none.
    pub fn next_after(&self, calendar: &Calendar, after: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Every { minutes } => every(*minutes, &after.to_zoned(calendar.zone.clone())),
            Self::Days { days, at } => days.next_after(*at, calendar, after),
            Self::Cron { expression } => cron::next_after(expression, &calendar.zone, after),
        }
    }

    /// The first `count` moments after `after`.
    pub fn next_n(&self, calendar: &Calendar, after: Timestamp, count: usize) -> Vec<Timestamp> {
        let next = |after: &Timestamp| self.next_after(calendar, *after);
        std::iter::successors(next(&after), next)
            .take(count)
            .collect()
    }

    /// Of the moments from `first`, which is one, to `now`: the last `most`, oldest first. However long ago `first` is, little more
    /// than those are looked at.
    fn last_until(
        &self,
        calendar: &Calendar,
        first: Timestamp,
        now: Timestamp,
        most: usize,
    ) -> Vec<Timestamp> {
        let walk = |found: Option<Timestamp>| -> Vec<Timestamp> {
            std::iter::successors(found, |at| self.next_after(calendar, *at))
                .take_while(|at| *at <= now)
                .collect()
        };
        for hours in [1, 24, 24 * 7, 24 * 31, 24 * 366] {
            let start = now.checked_sub(SignedDuration::from_hours(hours));
            let Some(start) = start.ok().filter(|start| *start > first) else {
                break;
            };
            let mut found = walk(self.next_after(calendar, start));
            if found.len() >= most {
                return found.split_off(found.len() - most);
            }
        }
        let mut found = walk(Some(first));
        found.split_off(found.len().saturating_sub(most))
    }
}

impl Schedule {
    /// The moments that become runs, oldest first, when `next`, a moment of this schedule, is looked at only `now`.
    pub fn due(&self, calendar: &Calendar, next: Timestamp, now: Timestamp) -> Vec<Timestamp> {
        let most = match self.missed {
            Missed::Once | Missed::Skip => 1,
            Missed::All => MOST_MISSED,
        };
        let mut due = self.rule.last_until(calendar, next, now, most);
        if self.missed == Missed::Skip {
            due.retain(|at| now.duration_since(*at) <= LATE);
        }
        due
    }
}

/// What a run that a schedule begins gets.
pub fn input_kind() -> Kind {
    let Kind::Record { mut fields } = Kind::record([
        ("scheduled_at", "Scheduled for", Kind::Instant),
        ("date", "Date", Kind::Date),
    ]) else {
        return Kind::Record { fields: Vec::new() };
    };
    fields.push(Field {
        name: "previous".into(),
        title: "Scheduled before".into(),
        kind: Kind::Instant,
        optional: true,
    });
    Kind::Record { fields }
}

/// That input for one moment; `previous` is the one that the last run was begun for.
pub fn input(calendar: &Calendar, at: Timestamp, previous: Option<Timestamp>) -> Json {
    let date = at.to_zoned(calendar.zone.clone()).date();
    json!({ "scheduled_at": at, "date": date, "previous": previous })
}

/// In short and in no language, as it stands on the step's card; the editor has words for it.
impl std::fmt::Display for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Every { minutes } if minutes % 60 == 0 => write!(f, "{} h", minutes / 60),
            Self::Every { minutes } => write!(f, "{minutes} min"),
            Self::Days { at, .. } => write!(f, "{}", at.strftime("%H:%M")),
            Self::Cron { expression } => f.write_str(expression),
        }
    }
}

fn every(minutes: u32, after: &Zoned) -> Option<Timestamp> {
    let step = i64::from(minutes.clamp(1, MAX_EVERY_MINUTES)) * 60;
    let midnight = after.start_of_day().ok()?;
    let past = after.duration_since(&midnight).as_secs().div_euclid(step);
    let next = midnight
        .timestamp()
        .checked_add(SignedDuration::from_secs((past + 1) * step))
        .ok()?;
    // Also where the clocks skip midnight: the first moment of the day.
    let tomorrow = after.date().tomorrow().ok()?;
    let tomorrow = tomorrow.to_zoned(after.time_zone().clone()).ok()?;
    Some(next.min(tomorrow.timestamp()))
}
