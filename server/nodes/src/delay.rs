//! `delay`: the run goes on later: after a while, at a moment, or after so many business days.

use async_trait::async_trait;
use engine::{
    check::Problem,
    expression::Template,
    kind::Kind,
    node::{
        Card, CardLine, Description, Done, Effect, Event, Family, Node, NodeContext, NodeError,
        Outcome, OutputContext, Surface, Wait, WaitOn,
    },
    value::Value,
};
use jiff::{
    Span, Timestamp, ToSpan as _, Zoned,
    civil::{Date, Time, Weekday},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::values::{field, fit};

/// A run waits no longer than this.
const MOST_DAYS: i64 = 731;

/// Wait before the next step: for a while, until a date, or for business days.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Delay {
    /// What ends the wait.
    #[serde(default)]
    #[schemars(title = "Waits")]
    mode: Mode,
    /// How many, as a whole number.
    #[serde(default = "one")]
    #[schemars(title = "How long", extend("x-widget" = "value", "x-when" = {"mode": ["for", "business_days"]}))]
    amount: Template,
    /// What is counted.
    #[serde(default)]
    #[schemars(extend("x-when" = {"mode": "for"}))]
    unit: Unit,
    /// The date or the moment at which the run goes on.
    #[serde(default)]
    #[schemars(title = "Until", extend("x-widget" = "value", "x-empty" = true, "x-when" = {"mode": "until"}))]
    until: Option<Template>,
    /// When the run goes on where only the day is known, such as 09:00.
    #[serde(default = "morning")]
    #[schemars(title = "Time of day", length(max = 5), extend("x-when" = {"mode": ["until", "business_days"]}))]
    at: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(extend("x-labels" = {"for": "For a while", "until": "Until a date", "business_days": "For business days"}))]
enum Mode {
    #[default]
    For,
    Until,
    BusinessDays,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(extend("x-labels" = {"minutes": "Minutes", "hours": "Hours", "days": "Days", "weeks": "Weeks"}))]
enum Unit {
    Minutes,
    Hours,
    #[default]
    Days,
    Weeks,
}

fn one() -> Template {
    Template("1".into())
}

fn morning() -> String {
    "09:00".into()
}

impl Unit {
    /// As it stands on the card, in every language.
    fn symbol(self) -> &'static str {
        match self {
            Self::Minutes => "min",
            Self::Hours => "h",
            Self::Days => "d",
            Self::Weeks => "w",
        }
    }

    /// Days and weeks are those of the calendar: the clock on the wall shows the same time then, also over a change of the clocks.
    fn span(self, amount: i64) -> Option<Span> {
        let span = Span::new();
        match self {
            Self::Minutes => span.try_minutes(amount),
            Self::Hours => span.try_hours(amount),
            Self::Days => span.try_days(amount),
            Self::Weeks => span.try_weeks(amount),
        }
        .ok()
    }
}

impl Delay {
    fn time(&self) -> Option<Time> {
        Time::strptime("%H:%M", self.at.trim()).ok()
    }

    /// When the run goes on.
    fn end(&self, context: &dyn NodeContext) -> Result<Timestamp, NodeError> {
        let formats = context.step().formats();
        let now = context.step().now.to_zoned(formats.time_zone.clone());
        let at = self.time().unwrap_or(Time::midnight());
        let end = match self.mode {
            Mode::For => {
                let span = self.unit.span(self.amount(context)?);
                span.and_then(|span| now.checked_add(span).ok())
            }
            Mode::Until => {
                let value = match &self.until {
                    Some(template) => context.evaluate(template)?,
                    None => Value::Empty,
                };
                match read_day(value)? {
                    Value::Instant(instant) => Some(instant.to_zoned(formats.time_zone)),
                    Value::Date(date) => date.to_datetime(at).to_zoned(formats.time_zone).ok(),
                    _ => None,
                }
            }
            Mode::BusinessDays => {
                business_day(now.date(), self.amount(context)?, &holidays(context))
                    .and_then(|date| date.to_datetime(at).to_zoned(formats.time_zone).ok())
            }
        };
        end.filter(|end| within_reach(&now, end))
            .map(|end| end.timestamp())
            .ok_or_else(|| {
                NodeError::failed(
                    "delay_too_long",
                    format!("A run waits at most {MOST_DAYS} days. Wait for less."),
                )
                .with("most", MOST_DAYS)
            })
    }

    fn amount(&self, context: &dyn NodeContext) -> Result<i64, NodeError> {
        let value = context.evaluate(&self.amount)?;
        match fit(value, &field("amount", "How long", Kind::Integer), "")? {
            Value::Integer(amount) if amount >= 0 => Ok(amount),
            _ => Err(NodeError::failed(
                "delay_negative",
                "A wait cannot be shorter than nothing.",
            )),
        }
    }
}

/// A moment, or else a date.
fn read_day(value: Value) -> Result<Value, NodeError> {
    match value.clone().convert(&Kind::Instant, "") {
        Ok(moment @ Value::Instant(_)) if !matches!(value, Value::Date(_)) => Ok(moment),
        _ => fit(value, &field("until", "Until", Kind::Date), ""),
    }
}

fn within_reach(now: &Zoned, end: &Zoned) -> bool {
    now.checked_add(MOST_DAYS.days())
        .is_ok_and(|last| *end <= last)
}

/// The firm's holidays, as the run keeps them.
fn holidays(context: &dyn NodeContext) -> Vec<Date> {
    let Some(Value::Record(firm)) = context.values().get("firm") else {
        return Vec::new();
    };
    let Some(Value::List(days)) = firm.get("holidays") else {
        return Vec::new();
    };
    days.iter()
        .filter_map(|day| match day {
            Value::Date(date) => Some(*date),
            _ => None,
        })
        .collect()
}

/// So many business days after `from`; with none, `from` itself or the next business day. Business days are weekdays less holidays.
fn business_day(from: Date, days: i64, holidays: &[Date]) -> Option<Date> {
    let works = |date: Date| {
        !matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday) && !holidays.contains(&date)
    };
    let mut date = from;
    let mut left = days;
    // Enough for the longest wait, whatever the holidays are.
    for _ in 0..=MOST_DAYS {
        if left == 0 && works(date) {
            return Some(date);
        }
        date = date.tomorrow().ok()?;
        if left > 0 && works(date) {
            left -= 1;
        }
    }
    None
}

#[async_trait]
impl Node for Delay {
    const TYPE: &'static str = "delay";
    const VERSION: u32 = 1;

    fn describe() -> Description {
        Description {
            title: "Wait",
            family: Family::Computed,
            icon: "timer",
            effect: Effect::Stored,
            surface: Surface::None,
            timeout_ms: 10_000,
            retry: None,
        }
    }

    fn output(&self, _context: &OutputContext<'_>) -> Kind {
        Kind::record([("until", "Until", Kind::Instant)])
    }

    fn card(&self) -> Card {
        let text = match self.mode {
            Mode::For => format!("{} {}", self.amount.0, self.unit.symbol()),
            Mode::Until => self
                .until
                .as_ref()
                .map_or(String::new(), |until| until.0.clone()),
            Mode::BusinessDays => format!("{} d", self.amount.0),
        };
        let trailing = match self.mode {
            Mode::For => String::new(),
            Mode::Until | Mode::BusinessDays => self.at.clone(),
        };
        Card {
            key_fact: String::new(),
            well: vec![CardLine { text, trailing }],
        }
    }

    fn check(&self, _context: &OutputContext<'_>) -> Vec<Problem> {
        let mut problems = Vec::new();
        let empty = |template: &Template| template.0.trim().is_empty();
        if self.mode == Mode::Until && self.until.as_ref().is_none_or(empty) {
            problems.push(
                Problem::error(
                    "delay_without_end",
                    json!({}),
                    "Choose the date or the moment at which the run goes on.",
                )
                .at("/until"),
            );
        }
        if self.mode != Mode::For && self.time().is_none() {
            problems.push(
                Problem::error(
                    "bad_time_of_day",
                    json!({}),
                    "A time of day is written like 09:00.",
                )
                .at("/at"),
            );
        }
        problems
    }

    async fn run(&self, context: &dyn NodeContext) -> Result<Outcome, NodeError> {
        let end = self.end(context)?;
        // Whoever tries a workflow out does not want to wait for days.
        if context.step().trial || end <= context.step().now {
            return Ok(Outcome::Done(Done::out(json!({"until": end}))));
        }
        Ok(Outcome::Wait(Wait {
            on: WaitOn::Nothing,
            until: Some(end),
            kept: json!(end),
        }))
    }

    async fn resume(&self, context: &dyn NodeContext, event: Event) -> Result<Outcome, NodeError> {
        match event {
            Event::TimedOut => Ok(Outcome::Done(Done::out(
                json!({"until": context.step().kept}),
            ))),
            Event::Signal(_)
            | Event::Generation(_)
            | Event::Delivery(_)
            | Event::Call(_)
            | Event::Items => Err(NodeError::unexpected_event()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value as Json;

    use super::*;
    use crate::testing::{FakeContext, node, now};

    fn end(config: Json, now: &str, values: &Json) -> Result<String, NodeError> {
        let node: Delay = node(config);
        let mut context = FakeContext::new(values);
        context.step.now = now.parse().expect("an instant");
        if let Some(Value::Record(firm)) = context.values.get_mut("firm")
            && let Some(Value::List(days)) = firm.get_mut("holidays")
        {
            for day in days {
                *day = day.clone().convert(&Kind::Date, "").expect("a date");
            }
        }
        node.end(&context).map(|end| end.to_string())
    }

    #[test]
    fn a_while_is_counted_by_the_clock_on_the_wall() {
        let check = |config: Json, now: &str, expected: &str| {
            assert_eq!(end(config, now, &json!({})).expect("an end"), expected);
        };
        check(
            json!({"amount": "90", "unit": "minutes"}),
            "2026-11-23T12:00:00Z",
            "2026-11-23T13:30:00Z",
        );
        // Over the end of summer time in Berlin: one day is 25 hours, 24 hours are 24 hours.
        check(
            json!({"amount": "1", "unit": "days"}),
            "2026-10-24T10:00:00Z",
            "2026-10-25T11:00:00Z",
        );
        check(
            json!({"amount": "24", "unit": "hours"}),
            "2026-10-24T10:00:00Z",
            "2026-10-25T10:00:00Z",
        );
        // 02:30 does not exist on the day on which the clocks go forward.
        check(
            json!({"amount": "1", "unit": "days"}),
            "2027-03-27T01:30:00Z",
            "2027-03-28T01:30:00Z",
        );
        check(
            json!({"amount": "0", "unit": "weeks"}),
            "2026-11-23T12:00:00Z",
            "2026-11-23T12:00:00Z",
        );
    }

    #[test]
    fn a_date_begins_at_the_time_of_day_and_a_moment_is_kept() {
        let now = "2026-11-23T12:00:00Z";
        let values = json!({"form": {"day": "2026-12-24", "moment": "2026-12-24T18:00:00Z", "word": "soon", "none": null}});
        let until = |path: &str| {
            end(
                json!({"mode": "until", "until": format!("{{{{ form.{path} }}}}"), "at": "08:15"}),
                now,
                &values,
            )
        };
        assert_eq!(until("day").expect("an end"), "2026-12-24T07:15:00Z");
        assert_eq!(until("moment").expect("an end"), "2026-12-24T18:00:00Z");
        assert!(until("word").is_err());
        assert!(until("none").is_err());
    }

    #[test]
    fn business_days_leave_out_weekends_and_the_firms_holidays() {
        let firm = json!({"firm": {"holidays": ["2026-12-25", "2027-01-01"]}});
        let check = |days: i64, now: &str, expected: &str| {
            let config = json!({"mode": "business_days", "amount": days.to_string()});
            assert_eq!(
                end(config, now, &firm).expect("an end"),
                expected,
                "{days} after {now}"
            );
        };
        // A Thursday; Friday is a holiday.
        check(1, "2026-12-24T12:00:00Z", "2026-12-28T08:00:00Z");
        check(5, "2026-12-24T12:00:00Z", "2027-01-04T08:00:00Z");
        check(0, "2026-12-24T12:00:00Z", "2026-12-24T08:00:00Z");
        check(0, "2026-12-26T12:00:00Z", "2026-12-28T08:00:00Z");
        check(1, "2026-12-26T12:00:00Z", "2026-12-28T08:00:00Z");
        // Late on Sunday in UTC is Monday in Berlin.
        check(1, "2026-11-29T23:30:00Z", "2026-12-01T08:00:00Z");
    }

    #[test]
    fn what_is_too_long_or_negative_is_refused() {
        let code = |config: Json| match end(config, "2026-11-23T12:00:00Z", &json!({})) {
            Err(NodeError::Failed(error)) => error.code,
            other => panic!("{other:?}"),
        };
        assert_eq!(code(json!({"amount": "732"})), "delay_too_long");
        assert_eq!(
            code(json!({"amount": "999999999999", "unit": "weeks"})),
            "delay_too_long"
        );
        assert_eq!(code(json!({"amount": "-1"})), "delay_negative");
        assert_eq!(code(json!({"amount": "1.5"})), "wrong_value");
        assert_eq!(
            code(json!({"mode": "business_days", "amount": "600"})),
            "delay_too_long"
        );
        assert_eq!(
            code(json!({"mode": "until", "until": "2099-01-01"})),
            "delay_too_long"
        );
    }

    #[test]
    fn it_waits_and_a_trial_does_not() {
        let node: Delay = node(json!({}));
        let mut context = FakeContext::new(&json!({}));
        let Ok(Outcome::Wait(wait)) = now(node.run(&context)) else {
            panic!("it waits");
        };
        let end = "2026-11-24T12:00:00Z";
        assert_eq!(wait.until, Some(end.parse().expect("an instant")));
        context.step.kept = wait.kept;
        let Ok(Outcome::Done(done)) = now(node.resume(&context, Event::TimedOut)) else {
            panic!("it goes on");
        };
        assert_eq!(done.output, json!({"until": end}));
        context.step.trial = true;
        assert!(matches!(now(node.run(&context)), Ok(Outcome::Done(_))));
    }
}
