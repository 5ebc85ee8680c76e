//! Whether numbers to come would read like earlier ones, after their pattern was changed. No number is given twice whatever is found here
//! (`number_text_unique`): this tells the person who changes the pattern, rather than a run on some later day.

use std::collections::{BTreeSet, HashMap};

use engine::{check::Problem, ids::SeriesId, series::Series};
use jiff::{ToSpan as _, civil::Date};
use serde_json::json;
use sqlx::PgConnection;

use crate::{Result, Scope, StoreError};

/// So many numbers are looked at, in each of so many months to come.
const AHEAD: i64 = 1000;
const MONTHS: usize = 13;

/// `Problems`: one of the next numbers was given before, or cannot be made.
pub(super) async fn refuse(
    connection: &mut PgConnection,
    scope: &Scope,
    id: SeriesId,
    to: &Series,
    today: Date,
) -> Result<()> {
    let counts = sqlx::query!(
        "select year, next from series_count where workspace_id = $1 and series_id = $2",
        scope.workspace().as_uuid(),
        id.as_uuid(),
    )
    .fetch_all(&mut *connection)
    .await?;
    let counts = counts.into_iter().map(|row| (row.year, row.next)).collect();
    let coming: Vec<String> = coming(to, today, &counts)?.into_iter().collect();
    let given = sqlx::query_scalar!(
        "select number from number where workspace_id = $1 and series_id = $2 and number = any($3) order by number limit 1",
        scope.workspace().as_uuid(),
        id.as_uuid(),
        &coming,
    )
    .fetch_optional(connection)
    .await?;
    match given {
        None => Ok(()),
        Some(number) => {
            let message = format!(
                "With this pattern the number {number} would be given a second time. Choose one whose numbers read differently from those given so far."
            );
            Err(wrong(
                "series_collides",
                json!({ "number": number }),
                message,
            ))
        }
    }
}

/// How the next numbers read, by the next count of each year.
fn coming(to: &Series, today: Date, counts: &HashMap<i16, i64>) -> Result<BTreeSet<String>> {
    let read = |date, count| {
        to.number(date, count).map_err(|error| {
            let reason = json!({ "reason": error.to_string() });
            let message = format!("The pattern cannot be read: {error}");
            wrong("series_pattern", reason, message)
        })
    };
    let mut coming = BTreeSet::new();
    for date in today.series(1.month()).take(MONTHS) {
        let next = counts.get(&to.year(date)).copied().unwrap_or(1);
        // The month does not show.
        if coming.contains(&read(date, next)?) {
            continue;
        }
        for count in next..next + AHEAD {
            coming.insert(read(date, count)?);
        }
    }
    Ok(coming)
}

fn wrong(code: &str, params: serde_json::Value, message: String) -> StoreError {
    StoreError::Problems(vec![Problem::error(code, params, message).at("/pattern")])
}

#[cfg(test)]
mod tests {
    use engine::expression::Template;

    use super::*;

    #[test]
    fn what_comes_next_is_known_for_a_year() {
        let check = |pattern: &str, yearly: bool, expected: usize, last: &str| {
            let series = Series {
                name: "Invoices".into(),
                pattern: Template(pattern.into()),
                digits: 4,
                yearly,
                void_after_days: None,
            };
            let year = if yearly { 2026 } else { 0 };
            let counts = HashMap::from([(year, 41)]);
            let coming = coming(&series, Date::constant(2026, 8, 31), &counts).expect("numbers");
            assert_eq!(coming.len(), expected, "{pattern}");
            assert_eq!(coming.last().map(String::as_str), Some(last), "{pattern}");
        };
        check("{{ number }}", false, 1000, "1040");
        check("{{ year }}-{{ number }}", true, 2000, "2027-1000");
        check(
            "{{ year }}/{{ month }}-{{ number }}",
            false,
            13_000,
            "2027/08-1040",
        );
    }
}
