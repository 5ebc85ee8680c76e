//! `number_draw`: the next number of a series, such as an invoice's. Drawing it is part of the segment's commit, so that no number is lost
//! or given twice; what becomes of the numbers of failed runs is decided where the series is kept.

use async_trait::async_trait;
use engine::{
    check::Problem,
    expression::Template,
    ids::SeriesId,
    kind::Kind,
    node::{
        Card, Description, Done, Effect, Family, Node, NodeContext, NodeError, NumberRequest,
        Outcome, OutputContext, Stored, Surface,
    },
    value::Value,
    workflow::Retry,
};
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::values::{field, fit, named};

/// Give the document the next number of a series, without gaps.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NumberDraw {
    /// Which numbers are counted on, such as those of invoices.
    #[serde(default)]
    #[schemars(title = "Series", extend("x-widget" = "series"))]
    series: Option<SeriesId>,
    /// The day whose year counts. Empty: the day on which the step runs.
    #[serde(default)]
    #[schemars(title = "Date", extend("x-widget" = "value", "x-empty" = true, "x-group" = "advanced"))]
    date: Option<Template>,
}

impl NumberDraw {
    fn day(&self, context: &dyn NodeContext) -> Result<Date, NodeError> {
        let step = context.step();
        let value = match &self.date {
            Some(template) if !template.0.trim().is_empty() => context
                .evaluate(template)
                .map_err(|error| named(error, "Date"))?,
            _ => Value::Empty,
        };
        match value {
            Value::Empty => Ok(step.now.to_zoned(step.formats().time_zone).date()),
            value => match fit(value, &field("date", "Date", Kind::Date), "")? {
                Value::Date(date) => Ok(date),
                other => Err(NodeError::failed(
                    "wrong_value",
                    format!("A date is needed, not {}.", other.kind_name()),
                )),
            },
        }
    }
}

#[async_trait]
impl Node for NumberDraw {
    const TYPE: &'static str = "number_draw";
    const VERSION: u32 = 1;

    fn describe() -> Description {
        Description {
            title: "Give a number",
            family: Family::Computed,
            icon: "hash",
            effect: Effect::Stored,
            surface: Surface::None,
            timeout_ms: 10_000,
            retry: Some(Retry {
                max_attempts: 5,
                first_ms: 500,
                factor: 2,
                max_ms: 10_000,
            }),
        }
    }

    fn output(&self, _context: &OutputContext<'_>) -> Kind {
        Kind::record([
            ("number", "Number", Kind::text()),
            ("count", "Count", Kind::Integer),
            ("year", "Year", Kind::Integer),
        ])
    }

    fn card(&self) -> Card {
        Card::default()
    }

    fn series(&self) -> Option<SeriesId> {
        self.series
    }

    fn check(&self, _context: &OutputContext<'_>) -> Vec<Problem> {
        if self.series.is_some() {
            return Vec::new();
        }
        let message = "Choose the series whose next number is given.";
        vec![Problem::error("no_series", json!({}), message).at("/series")]
    }

    async fn run(&self, context: &dyn NodeContext) -> Result<Outcome, NodeError> {
        let Some(series) = self.series else {
            return Err(NodeError::config(
                "no_series",
                "Choose the series whose next number is given.",
            ));
        };
        let date = self.day(context)?;
        Ok(Outcome::Done(Done {
            stored: vec![Stored::Number(NumberRequest { series, date })],
            ..Done::out(json!({"number": "", "count": 0, "year": date.year()}))
        }))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value as Json;

    use super::*;
    use crate::testing::{FakeContext, done};

    const SERIES: &str = "018f4f5e-0000-7000-8000-000000000001";

    fn drawn(date: &Json, now: &str) -> Result<Date, NodeError> {
        let mut context =
            FakeContext::new(&json!({"form": {"date": "2027-02-01", "word": "soon"}}));
        context.step.now = now.parse().expect("an instant");
        let done = done::<NumberDraw>(json!({"series": SERIES, "date": date}), &context)?;
        match done.stored.as_slice() {
            [Stored::Number(request)] => Ok(request.date),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_year_is_that_of_the_day_where_the_firm_is() {
        // Berlin is already in the new year.
        let now = "2026-12-31T23:30:00Z";
        assert_eq!(drawn(&Json::Null, now).expect("a day").year(), 2027);
        assert_eq!(
            drawn(&json!(""), "2026-12-31T22:30:00Z")
                .expect("a day")
                .year(),
            2026
        );
        let day = drawn(&json!("{{ form.date }}"), now).expect("a day");
        assert_eq!(day, Date::constant(2027, 2, 1));
        assert!(drawn(&json!("{{ form.word }}"), now).is_err());
    }

    #[test]
    fn without_a_series_nothing_is_drawn() {
        let error = done::<NumberDraw>(json!({}), &FakeContext::new(&json!({})));
        assert!(matches!(error, Err(NodeError::Config(error)) if error.code == "no_series"));
    }
}
