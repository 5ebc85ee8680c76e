//! Number series: how a number reads, and what makes a pattern sound. Which number comes next is the store's business.

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    check::Problem,
    expression::{ExpressionError, Template},
    format::Formats,
    value::{Record, Value},
};

/// Longest number, in characters.
pub const MAX_NUMBER_CHARS: usize = 60;

/// A series as a person sets it up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Series {
    pub name: String,
    /// Reads `number`, `year` and `month`, which are texts, such as `RE-{{ year }}-{{ number }}`.
    pub pattern: Template,
    /// Zeros are put before a number with fewer digits; 1 to 12.
    pub digits: u8,
    /// Begins again with every year.
    pub yearly: bool,
    /// An open number of a run that ended is void after so many days; `None`: a person decides.
    #[serde(default)]
    pub void_after_days: Option<u16>,
}

impl Series {
    /// The year that is counted in; 0 where numbers go on over the years.
    pub fn year(&self, date: Date) -> i16 {
        if self.yearly { date.year() } else { 0 }
    }

    /// How the `count`th number reads.
    pub fn number(&self, date: Date, count: i64) -> Result<String, ExpressionError> {
        let digits = usize::from(self.digits);
        let values: Record = [
            ("number", format!("{count:0digits$}")),
            ("year", format!("{:04}", date.year())),
            ("month", format!("{:02}", date.month())),
        ]
        .into_iter()
        .map(|(name, text)| (name.to_owned(), Value::Text(text)))
        .collect();
        let formats = Formats::of("en", "UTC", "EUR");
        self.pattern.render_in(&values, &formats)
    }

    /// What is wrong with it, with pointers into the series.
    pub fn check(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.name.trim().is_empty() || self.name.chars().count() > 100 {
            let message = "A name has 1 to 100 characters.";
            problems.push(Problem::error("name_invalid", json!({}), message).at("/name"));
        }
        if !(1..=12).contains(&self.digits) {
            let message = "A number has between 1 and 12 digits.";
            problems.push(Problem::error("series_digits", json!({}), message).at("/digits"));
            return problems;
        }
        let wrong = |code: &str, message: &str, params| {
            Problem::error(code, params, message).at("/pattern")
        };
        let day = |year| Date::constant(year, 3, 31);
        let numbers = [(day(2026), 1), (day(2026), 2), (day(2027), 1)]
            .map(|(date, count)| self.number(date, count));
        match numbers {
            [Ok(first), Ok(second), Ok(next_year)] => {
                if first == second {
                    problems.push(wrong(
                        "series_without_number",
                        "The pattern must show the number: {{ number }}.",
                        json!({}),
                    ));
                } else if self.yearly && first == next_year {
                    problems.push(wrong(
                        "series_without_year",
                        "Numbers that begin again every year must show the year: {{ year }}.",
                        json!({}),
                    ));
                }
                let fits = |number: &String| {
                    number.chars().count() <= MAX_NUMBER_CHARS
                        && number.trim() == number
                        && !number.chars().any(char::is_control)
                };
                if !fits(&first) {
                    problems.push(wrong(
                        "series_number_shape",
                        "A number is one line of at most 60 characters, without blanks around it.",
                        json!({"most": MAX_NUMBER_CHARS}),
                    ));
                }
            }
            [Err(error), ..] | [_, Err(error), _] | [.., Err(error)] => {
                let message = format!("The pattern cannot be read: {error}");
                let reason = json!({"reason": error.to_string()});
                problems.push(wrong("series_pattern", &message, reason));
            }
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(pattern: &str, yearly: bool) -> Series {
        Series {
            name: "Invoices".into(),
            pattern: Template(pattern.into()),
            digits: 4,
            yearly,
            void_after_days: None,
        }
    }

    #[test]
    fn a_number_reads_as_the_pattern_says() {
        let check = |pattern: &str, count: i64, expected: &str| {
            let number = series(pattern, true).number(Date::constant(2026, 3, 9), count);
            assert_eq!(number.expect("a number"), expected);
        };
        check("RE-{{ year }}-{{ number }}", 7, "RE-2026-0007");
        check(
            "{{ number }}/{{ month }}.{{ year }}",
            12345,
            "12345/03.2026",
        );
    }

    #[test]
    fn a_pattern_must_tell_numbers_apart() {
        let check = |pattern: &str, yearly: bool, expected: &[&str]| {
            let problems = series(pattern, yearly).check();
            let codes: Vec<_> = problems.iter().map(|problem| &problem.code).collect();
            assert_eq!(codes, expected, "{pattern}");
        };
        check("RE-{{ year }}-{{ number }}", true, &[]);
        check("{{ number }}", false, &[]);
        check("{{ number }}", true, &["series_without_year"]);
        check("RE-{{ year }}", true, &["series_without_number"]);
        check("{{ customer }}-{{ number }}", false, &["series_pattern"]);
        check("{{ number", false, &["series_pattern"]);
        check("RE\n{{ number }}", false, &["series_number_shape"]);
        check(
            &"x".repeat(70),
            false,
            &["series_without_number", "series_number_shape"],
        );
    }
}
