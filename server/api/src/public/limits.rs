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
        self.take_all(act, 1, address, form)
    }

    /// Takes so many, or none: whoever takes what there is and comes again too early would never get them all. They are no more than go
    /// at once.
    pub(crate) fn take_all(
        &self,
        act: Act,
        count: u32,
        address: IpAddr,
        form: WorkflowId,
    ) -> Result<(), Duration> {
        self.take_at((act, network(address), form), count, Instant::now())
    }

    fn take_at(&self, key: Key, count: u32, now: Instant) -> Result<(), Duration> {
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
        let missing = f64::from(count) - bucket.tokens;
        if missing > 0.0 {
            return Err(refill.mul_f64(missing));
        }
        bucket.tokens -= f64::from(count);
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
            limits.take_at(key, 1, start).unwrap();
        }
        assert_eq!(limits.take_at(key, 1, start), Err(Duration::from_secs(1)));
        limits
            .take_at((Act::Upload, key.1, form), 1, start)
            .unwrap();
        limits
            .take_at((key.0, "203.0.113.6".parse().unwrap(), form), 1, start)
            .unwrap();
        let later = start + Duration::from_secs(1);
        limits.take_at(key, 1, later).unwrap();
        assert!(limits.take_at(key, 1, later).is_err());
    }

    #[test]
    fn several_are_taken_together_or_not_at_all() {
        let limits = Limits::default();
        let form = WorkflowId::from(Uuid::from_u128(1));
        let start = Instant::now();
        let key = (Act::Upload, "203.0.113.5".parse().unwrap(), form);
        limits.take_at(key, 30, start).unwrap();
        // However often it is asked meanwhile.
        for _ in 0..3 {
            let wait = limits.take_at(key, 20, start);
            assert_eq!(wait, Err(Duration::from_secs(10)));
        }
        let later = start + Duration::from_secs(10);
        limits.take_at(key, 20, later).unwrap();
        assert!(limits.take_at(key, 1, later).is_err());
    }
}
