//! Token buckets per visitor and form. They live in one process and forget the quietest first.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use engine::ids::WorkflowId;

use crate::client::network;

/// More keys than this are never remembered.
const MAX_KEYS: usize = 50_000;

/// What a visitor may do only so often.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Act {
    Submit,
    Compute,
    Upload,
    Hook,
}

impl Act {
    /// How many at once, and how long until one more.
    fn rule(self) -> (f64, Duration) {
        match self {
            Self::Submit => (60.0, Duration::from_secs(1)),
            Self::Compute => (120.0, Duration::from_millis(100)),
            Self::Upload => (40.0, Duration::from_secs(1)),
            Self::Hook => (600.0, Duration::from_millis(5)),
        }
    }
}

type Key = (Act, IpAddr, WorkflowId);

#[derive(Clone, Copy)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

#[derive(Default)]
pub(crate) struct Limits(Mutex<HashMap<Key, Bucket>>);

impl Limits {
    /// Takes one, or says how long to wait.
    pub(crate) fn take(&self, act: Act, address: IpAddr, form: WorkflowId) -> Result<(), Duration> {
        self.take_at((act, network(address), form), Instant::now())
    }

    fn take_at(&self, key: Key, now: Instant) -> Result<(), Duration> {
        let (burst, refill) = key.0.rule();
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= MAX_KEYS {
            // A bucket that is full again says nothing.
            buckets.retain(|key, bucket| {
                let (burst, refill) = key.0.rule();
                bucket.tokens + gained(bucket.at, now, refill) < burst
            });
            if buckets.len() >= MAX_KEYS {
                buckets.clear();
            }
        }
        let bucket = buckets.entry(key).or_insert(Bucket {
            tokens: burst,
            at: now,
        });
        bucket.tokens = (bucket.tokens + gained(bucket.at, now, refill)).min(burst);
        bucket.at = now;
        if bucket.tokens < 1.0 {
            return Err(refill.mul_f64(1.0 - bucket.tokens));
        }
        bucket.tokens -= 1.0;
        Ok(())
    }
}

fn gained(at: Instant, now: Instant, refill: Duration) -> f64 {
    now.saturating_duration_since(at).as_secs_f64() / refill.as_secs_f64()
}

#[cfg(test)]
mod tests {
    use engine::ids::WorkflowId;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_burst_is_taken_and_then_one_at_a_time() {
        let limits = Limits::default();
        let form = WorkflowId::from(Uuid::from_u128(1));
        let start = Instant::now();
        let key = (Act::Submit, "203.0.113.5".parse().unwrap(), form);
        for _ in 0..60 {
            limits.take_at(key, start).unwrap();
        }
        assert_eq!(limits.take_at(key, start), Err(Duration::from_secs(1)));
        limits.take_at((Act::Upload, key.1, form), start).unwrap();
        limits
            .take_at((key.0, "203.0.113.6".parse().unwrap(), form), start)
            .unwrap();
        limits.take_at(key, start + Duration::from_secs(1)).unwrap();
        assert!(limits.take_at(key, start + Duration::from_secs(1)).is_err());
    }
}
