//! When to try again: exponential pauses with full jitter for steps, a table for deliveries. `Retry-After` is a floor for both.

use std::time::Duration;

use engine::workflow::Retry;

/// Longest pause that a receiver may ask for.
const MAX_ASKED_MS: u64 = 24 * 60 * 60 * 1000;

/// Pauses before each try of a delivery; about three days in all.
pub const DELIVERY_SCHEDULE: [Duration; 10] = [
    Duration::ZERO,
    Duration::from_secs(5),
    Duration::from_mins(5),
    Duration::from_mins(30),
    Duration::from_hours(2),
    Duration::from_hours(5),
    Duration::from_hours(10),
    Duration::from_hours(14),
    Duration::from_hours(20),
    Duration::from_hours(24),
];

/// The pause after try number `attempt` (from 1); `None`: that was the last one. `random` is in 0..1.
pub(crate) fn step_ms(
    retry: &Retry,
    attempt: u32,
    asked_ms: Option<u64>,
    random: f64,
) -> Option<u64> {
    if attempt >= retry.max_attempts {
        return None;
    }
    let factor = u64::from(retry.factor.max(1)).saturating_pow(attempt.saturating_sub(1));
    let longest = retry.first_ms.saturating_mul(factor).min(retry.max_ms);
    Some(share(longest, random).max(asked_ms.unwrap_or(0).min(MAX_ASKED_MS)))
}

/// The pause after `tries` tries of a delivery; `None`: patience has run out. Jitter is up to a fifth, so that receivers which were
/// away are not met by everything at once.
pub(crate) fn delivery_ms(
    schedule: &[Duration],
    tries: usize,
    asked_ms: Option<u64>,
    random: f64,
) -> Option<u64> {
    let pause = schedule.get(tries)?;
    let pause = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
    Some(
        pause
            .saturating_add(share(pause / 5, random))
            .max(asked_ms.unwrap_or(0).min(MAX_ASKED_MS)),
    )
}

/// Milliseconds of a `Retry-After` header: seconds, or an HTTP date.
pub(crate) fn retry_after_ms(header: Option<&str>, now: jiff::Timestamp) -> Option<u64> {
    let header = header?.trim();
    if let Ok(seconds) = header.parse::<u64>() {
        return Some(seconds.saturating_mul(1000).min(MAX_ASKED_MS));
    }
    let at = jiff::fmt::rfc2822::parse(header).ok()?.timestamp();
    u64::try_from(at.as_millisecond() - now.as_millisecond())
        .ok()
        .map(|ms| ms.min(MAX_ASKED_MS))
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a random share of a pause needs no exactness"
)]
fn share(longest: u64, random: f64) -> u64 {
    (longest as f64 * random.clamp(0.0, 1.0)) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_pause_exponentially_up_to_a_limit() {
        let retry = Retry {
            max_attempts: 5,
            first_ms: 100,
            factor: 3,
            max_ms: 1_000,
        };
        let check = |attempt, asked, random, expected| {
            assert_eq!(
                step_ms(&retry, attempt, asked, random),
                expected,
                "{attempt} {asked:?} {random}"
            );
        };
        check(1, None, 1.0, Some(100));
        check(2, None, 1.0, Some(300));
        check(3, None, 0.5, Some(450));
        check(4, None, 1.0, Some(1_000));
        check(4, Some(5_000), 0.0, Some(5_000));
        check(1, None, 0.0, Some(0));
        check(5, None, 1.0, None);
    }

    #[test]
    fn deliveries_follow_the_table() {
        let check = |tries, asked, random, expected| {
            assert_eq!(
                delivery_ms(&DELIVERY_SCHEDULE, tries, asked, random),
                expected,
                "{tries}"
            );
        };
        check(1, None, 0.0, Some(5_000));
        check(1, None, 1.0, Some(6_000));
        check(2, Some(600_000), 0.0, Some(600_000));
        check(9, None, 0.0, Some(86_400_000));
        check(10, None, 0.0, None);
    }

    #[test]
    fn receivers_ask_in_seconds_or_dates() {
        let now: jiff::Timestamp = "2027-03-08T10:00:00Z".parse().expect("an instant");
        let check =
            |header, expected| assert_eq!(retry_after_ms(header, now), expected, "{header:?}");
        check(Some("120"), Some(120_000));
        check(Some("Mon, 08 Mar 2027 10:01:00 GMT"), Some(60_000));
        check(Some("Mon, 08 Mar 2027 09:00:00 GMT"), None);
        check(Some("soon"), None);
        check(None, None);
    }
}
