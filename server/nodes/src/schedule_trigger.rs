//! `schedule_trigger`: runs begin by themselves, at the moments of a schedule. `store` keeps the moment of the next one and begins
//! it; here the schedule is only read from the settings.

use async_trait::async_trait;
use engine::{
    check::Problem,
    kind::Kind,
    node::{
        Card, Description, Done, Effect, Family, Node, NodeContext, NodeError, Outcome,
        OutputContext, Surface, Trigger,
    },
    schedule::{
        self, CronFault, Days, MAX_EVERY_MINUTES, Missed, Nth, Rule, Schedule, Weekday, check_cron,
    },
};
use jiff::civil::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Start runs by itself: every so often, at a time on chosen days, or by a cron expression.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScheduleTrigger {
    /// When runs begin.
    #[serde(default)]
    #[schemars(title = "Runs begin")]
    mode: Mode,
    /// Counted from midnight, at most a day, and anew with every day.
    #[serde(default = "one")]
    #[schemars(title = "How many", range(min = 1, max = 1440), extend("x-when" = {"mode": ["minutes", "hours"]}))]
    every: u32,
    /// The days of the week.
    #[serde(default)]
    #[schemars(extend("x-when" = {"mode": "weekly"}))]
    weekdays: Weekdays,
    /// Which day of the month.
    #[serde(default)]
    #[schemars(title = "Day", extend("x-when" = {"mode": "monthly"}))]
    on: On,
    /// The number of the day; a shorter month ends earlier: then its last day counts.
    #[serde(default = "first")]
    #[schemars(title = "Day of the month", range(min = 1, max = 31), extend("x-when" = {"mode": "monthly", "on": "day"}))]
    day: i8,
    /// Which one of the month.
    #[serde(default)]
    #[schemars(title = "Which one", extend("x-when" = {"mode": "monthly", "on": "weekday"}))]
    nth: Nth,
    /// The day of the week that is counted.
    #[serde(default)]
    #[schemars(extend("x-when" = {"mode": "monthly", "on": "weekday"}))]
    weekday: Weekday,
    /// In the time zone of the workflow, such as 09:00.
    #[serde(default = "morning")]
    #[schemars(title = "Time of day", length(max = 5), extend("x-when" = {"mode": ["daily", "business_days", "weekly", "monthly"]}))]
    at: String,
    /// Minute, hour, day of the month, month, day of the week, such as 0 9 * * MON-FRI.
    #[serde(default)]
    #[schemars(title = "Cron expression", length(max = 200), extend("x-when" = {"mode": "cron"}))]
    cron: String,
    /// What comes of times at which Formwork was not running.
    #[serde(default)]
    #[schemars(title = "Missed times")]
    missed: Missed,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(extend("x-labels" = {
    "minutes": "Every so many minutes",
    "hours": "Every so many hours",
    "daily": "Every day",
    "business_days": "On business days",
    "weekly": "On days of the week",
    "monthly": "On a day of the month",
    "cron": "By a cron expression",
}))]
enum Mode {
    Minutes,
    Hours,
    #[default]
    Daily,
    BusinessDays,
    Weekly,
    Monthly,
    Cron,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(extend("x-labels" = {"day": "A day by its number", "last_day": "The last day", "weekday": "A day of the week"}))]
enum On {
    #[default]
    Day,
    LastDay,
    Weekday,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "one switch for each day of the week"
)]
struct Weekdays {
    #[schemars(title = "Monday")]
    monday: bool,
    #[schemars(title = "Tuesday")]
    tuesday: bool,
    #[schemars(title = "Wednesday")]
    wednesday: bool,
    #[schemars(title = "Thursday")]
    thursday: bool,
    #[schemars(title = "Friday")]
    friday: bool,
    #[schemars(title = "Saturday")]
    saturday: bool,
    #[schemars(title = "Sunday")]
    sunday: bool,
}

impl Weekdays {
    fn chosen(self) -> Vec<Weekday> {
        let days = [
            (self.monday, Weekday::Monday),
            (self.tuesday, Weekday::Tuesday),
            (self.wednesday, Weekday::Wednesday),
            (self.thursday, Weekday::Thursday),
            (self.friday, Weekday::Friday),
            (self.saturday, Weekday::Saturday),
            (self.sunday, Weekday::Sunday),
        ];
        let chosen = days.into_iter().filter(|(is_chosen, _)| *is_chosen);
        chosen.map(|(_, day)| day).collect()
    }
}

fn one() -> u32 {
    1
}

fn first() -> i8 {
    1
}

fn morning() -> String {
    "09:00".into()
}

impl ScheduleTrigger {
    fn time(&self) -> Option<Time> {
        Time::strptime("%H:%M", self.at.trim()).ok()
    }

    /// `None` while the settings are not sound; `check` says why.
    fn rule(&self) -> Option<Rule> {
        let days = match self.mode {
            Mode::Minutes | Mode::Hours => {
                let minutes = self.minutes();
                return (1..=MAX_EVERY_MINUTES)
                    .contains(&minutes)
                    .then_some(Rule::Every { minutes });
            }
            Mode::Cron => {
                let expression = self.cron.trim().to_owned();
                return check_cron(&expression)
                    .is_none()
                    .then_some(Rule::Cron { expression });
            }
            Mode::Daily => Days::Every,
            Mode::BusinessDays => Days::Business,
            Mode::Weekly => {
                let weekdays = self.weekdays.chosen();
                if weekdays.is_empty() {
                    return None;
                }
                Days::Weekly { weekdays }
            }
            Mode::Monthly => match self.on {
                On::Day => Days::Monthly { day: self.day },
                On::LastDay => Days::LastOfMonth,
                On::Weekday => Days::NthWeekday {
                    nth: self.nth,
                    weekday: self.weekday,
                },
            },
        };
        let at = self.time()?;
        Some(Rule::Days { days, at })
    }

    fn minutes(&self) -> u32 {
        let unit = if self.mode == Mode::Hours { 60 } else { 1 };
        self.every.saturating_mul(unit)
    }

    fn cron_problem(&self) -> Option<Problem> {
        let problem = match check_cron(self.cron.trim())? {
            CronFault::Fields(found) => Problem::error(
                "cron_fields",
                json!({"found": found}),
                format!(
                    "A cron expression has five fields: minute, hour, day of the month, month, day of the week. This has {found}."
                ),
            ),
            CronFault::Long => Problem::error(
                "cron_long",
                json!({}),
                "A cron expression has at most 200 characters.",
            ),
            CronFault::Wrong(reason) => Problem::error(
                "cron_wrong",
                json!({"reason": reason}),
                format!("The cron expression cannot be read: {reason}"),
            ),
            CronFault::Never => Problem::error(
                "cron_never",
                json!({}),
                "There is no such day: no run would ever begin.",
            ),
        };
        Some(problem.at("/cron"))
    }
}

#[async_trait]
impl Node for ScheduleTrigger {
    const TYPE: &'static str = "schedule_trigger";
    const VERSION: u32 = 1;

    fn describe() -> Description {
        Description {
            title: "Schedule",
            family: Family::Asked,
            icon: "calendar-clock",
            effect: Effect::Pure,
            surface: Surface::Message,
            timeout_ms: 10_000,
            retry: None,
        }
    }

    fn output(&self, _context: &OutputContext<'_>) -> Kind {
        schedule::input_kind()
    }

    fn card(&self) -> Card {
        Card {
            key_fact: self
                .rule()
                .map_or_else(String::new, |rule| rule.to_string()),
            well: Vec::new(),
        }
    }

    fn trigger(&self) -> Option<Trigger> {
        let missed = self.missed;
        Some(Trigger::Schedule(
            self.rule().map(|rule| Schedule { rule, missed }),
        ))
    }

    fn check(&self, _context: &OutputContext<'_>) -> Vec<Problem> {
        let problem = match self.mode {
            Mode::Cron => self.cron_problem(),
            Mode::Minutes | Mode::Hours => (self.rule().is_none()).then(|| {
                let message = "Runs begin at least once a day: choose a whole number from 1 to 1440 minutes, or from 1 to 24 hours.";
                Problem::error("schedule_every", json!({}), message).at("/every")
            }),
            Mode::Weekly if self.weekdays.chosen().is_empty() => Some(
                Problem::error("schedule_no_day", json!({}), "Choose at least one day.")
                    .at("/weekdays"),
            ),
            Mode::Daily | Mode::BusinessDays | Mode::Weekly | Mode::Monthly => {
                self.time().is_none().then(|| {
                    let message = "A time of day is written like 09:00.";
                    Problem::error("bad_time_of_day", json!({}), message).at("/at")
                })
            }
        };
        problem.into_iter().collect()
    }

    async fn run(&self, context: &dyn NodeContext) -> Result<Outcome, NodeError> {
        Ok(Outcome::Done(Done::out(context.step().kept.clone())))
    }
}

#[cfg(test)]
mod tests {
    use engine::node::OutputContext;
    use serde_json::Value as Json;

    use super::*;
    use crate::testing::node;

    fn problems(config: Json) -> Vec<(String, String)> {
        let node: ScheduleTrigger = node(config);
        let context = OutputContext {
            inputs: &indexmap::IndexMap::new(),
            resources: &(),
            sources: &[],
            inside: None,
            entry: None,
        };
        let is_ready = node.rule().is_some();
        let problems = node.check(&context);
        assert_eq!(is_ready, problems.is_empty());
        problems
            .into_iter()
            .map(|problem| (problem.code, problem.pointer))
            .collect()
    }

    #[test]
    fn settings_become_a_rule_or_say_what_they_lack() {
        let check = |config: Json, code: &str, pointer: &str| {
            assert_eq!(problems(config), [(code.to_owned(), pointer.to_owned())]);
        };
        check(json!({"mode": "weekly"}), "schedule_no_day", "/weekdays");
        check(json!({"at": "9 o'clock"}), "bad_time_of_day", "/at");
        check(
            json!({"mode": "hours", "every": 25}),
            "schedule_every",
            "/every",
        );
        check(json!({"mode": "cron"}), "cron_fields", "/cron");
        check(
            json!({"mode": "cron", "cron": "0 99 * * *"}),
            "cron_wrong",
            "/cron",
        );
        check(
            json!({"mode": "cron", "cron": "0 9 31 4 *"}),
            "cron_never",
            "/cron",
        );
        for sound in [
            json!({}),
            json!({"mode": "minutes", "every": 15}),
            json!({"mode": "weekly", "weekdays": {"friday": true}}),
            json!({"mode": "monthly", "on": "weekday", "nth": "last", "weekday": "friday"}),
            json!({"mode": "cron", "cron": " 0 9 * * MON-FRI "}),
        ] {
            assert!(problems(sound.clone()).is_empty(), "{sound}");
        }
    }
}
