//! Rules that are one time on some days.

use jiff::{
    Timestamp,
    civil::{self, Date, Time},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Calendar;

/// No rule leaves out more days than this, but for one whose every day is a holiday.
const MOST_DAYS_WITHOUT: usize = 800;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "days", rename_all = "snake_case")]
pub enum Days {
    Every,
    /// Weekdays less the firm's holidays.
    Business,
    Weekly {
        weekdays: Vec<Weekday>,
    },
    /// 1 to 31; in a shorter month its last day.
    Monthly {
        day: i8,
    },
    LastOfMonth,
    NthWeekday {
        nth: Nth,
        weekday: Weekday,
    },
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(extend("x-labels" = {
    "monday": "Monday", "tuesday": "Tuesday", "wednesday": "Wednesday", "thursday": "Thursday",
    "friday": "Friday", "saturday": "Saturday", "sunday": "Sunday",
}))]
pub enum Weekday {
    #[default]
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

/// Which one of a month; a fifth is not in every month and so no choice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(extend("x-labels" = {
    "first": "First", "second": "Second", "third": "Third", "fourth": "Fourth", "last": "Last",
}))]
pub enum Nth {
    #[default]
    First,
    Second,
    Third,
    Fourth,
    Last,
}

impl Weekday {
    fn of(date: Date) -> Self {
        match date.weekday() {
            civil::Weekday::Monday => Self::Monday,
            civil::Weekday::Tuesday => Self::Tuesday,
            civil::Weekday::Wednesday => Self::Wednesday,
            civil::Weekday::Thursday => Self::Thursday,
            civil::Weekday::Friday => Self::Friday,
            civil::Weekday::Saturday => Self::Saturday,
            civil::Weekday::Sunday => Self::Sunday,
        }
    }
}

impl Nth {
    fn is(self, date: Date) -> bool {
        let week = (date.day() - 1) / 7;
        match self {
            Self::First => week == 0,
            Self::Second => week == 1,
            Self::Third => week == 2,
            Self::Fourth => week == 3,
            Self::Last => date.day() + 7 > date.days_in_month(),
        }
    }
}

impl Days {
    fn has(&self, date: Date, holidays: &[Date]) -> bool {
        match self {
            Self::Every => true,
            Self::Business => {
                !matches!(Weekday::of(date), Weekday::Saturday | Weekday::Sunday)
                    && !holidays.contains(&date)
            }
            Self::Weekly { weekdays } => weekdays.contains(&Weekday::of(date)),
            Self::Monthly { day } => date.day() == (*day).min(date.days_in_month()),
            Self::LastOfMonth => date.day() == date.days_in_month(),
            Self::NthWeekday { nth, weekday } => Weekday::of(date) == *weekday && nth.is(date),
        }
    }

    pub(super) fn next_after(
        &self,
        at: Time,
        calendar: &Calendar,
        after: Timestamp,
    ) -> Option<Timestamp> {
        // A time that was skipped late on the day before may still lie ahead.
        let first = after.to_zoned(calendar.zone.clone()).date().yesterday();
        first
            .ok()?
            .series(jiff::Span::new().days(1))
            .take(MOST_DAYS_WITHOUT)
            .filter(|date| self.has(*date, &calendar.holidays))
            .filter_map(|date| date.to_datetime(at).to_zoned(calendar.zone.clone()).ok())
            .map(|moment| moment.timestamp())
            .find(|moment| *moment > after)
    }
}
