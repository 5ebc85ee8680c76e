//! Token buckets against guessing passwords: one for an account from one address, one for an address, one for an account from
//! anywhere. They live in one process; the slow password hash is what protects against many processes.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::{client::network, error::ApiError};

/// More keys than this are never remembered; the fullest buckets go first.
const MAX_KEYS: usize = 20_000;

struct Rule {
    burst: f64,
    refill: Duration,
}

/// Limits of sign-in and of using invitations.
pub(crate) struct SignInLimits {
    buckets: Mutex<HashMap<String, Bucket>>,
}

#[derive(Clone, Copy)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

impl SignInLimits {
    pub(crate) fn new() -> Self {
        Self {
            buckets: Mutex::new(HashMap::new()),
        }
    }

    /// Takes a try, or says how long to wait.
    pub(crate) fn take(&self, account: &str, address: IpAddr) -> Result<(), ApiError> {
        self.take_at(account, network(address), Instant::now())
            .map_err(|wait| {
                let seconds = wait.as_secs().max(1);
                ApiError::too_many(
                    seconds,
                    format!("Too many tries. Try again in {seconds} s."),
                )
            })
    }

    /// A right password gives the tries of its account back.
    pub(crate) fn succeeded(&self, account: &str) {
        let account = account.trim().to_lowercase();
        self.lock()
            .retain(|key, _| !key.ends_with(&format!(" {account}")));
    }

    fn take_at(&self, account: &str, address: IpAddr, now: Instant) -> Result<(), Duration> {
        let account: String = account.trim().to_lowercase().chars().take(254).collect();
        let rules = [
            (
                format!("here {address} {account}"),
                Rule {
                    burst: 6.0,
                    refill: Duration::from_secs(20),
                },
            ),
            (
                format!("address {address}"),
                Rule {
                    burst: 30.0,
                    refill: Duration::from_secs(4),
                },
            ),
            (
                format!("account {account}"),
                Rule {
                    burst: 60.0,
                    refill: Duration::from_secs(10),
                },
            ),
        ];
        let mut buckets = self.lock();
        if buckets.len() > MAX_KEYS {
            let old = now.checked_sub(Duration::from_mins(10));
            buckets.retain(|_, bucket| old.is_some_and(|old| bucket.at > old));
            if buckets.len() > MAX_KEYS {
                buckets.clear();
            }
        }
        let mut filled = Vec::with_capacity(rules.len());
        for (key, rule) in rules {
            let bucket = buckets.get(&key).copied().unwrap_or(Bucket {
                tokens: rule.burst,
                at: now,
            });
            let gained = now.duration_since(bucket.at).as_secs_f64() / rule.refill.as_secs_f64();
            let tokens = (bucket.tokens + gained).min(rule.burst);
            if tokens < 1.0 {
                return Err(rule.refill.mul_f64(1.0 - tokens));
            }
            filled.push((
                key,
                Bucket {
                    tokens: tokens - 1.0,
                    at: now,
                },
            ));
        }
        buckets.extend(filled);
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Bucket>> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn guessing_is_slowed_and_a_right_password_forgiven() {
        let limits = SignInLimits::new();
        let start = Instant::now();
        for _ in 0..6 {
            limits.take_at("A@example.com", HERE, start).unwrap();
        }
        let wait = limits.take_at("a@example.com ", HERE, start).unwrap_err();
        assert_eq!(wait, Duration::from_secs(20));
        limits.take_at("b@example.com", HERE, start).unwrap();
        limits.take_at("a@example.com", HERE, start + wait).unwrap();
        assert!(limits.take_at("a@example.com", HERE, start + wait).is_err());
        limits.succeeded("a@example.com");
        limits.take_at("a@example.com", HERE, start + wait).unwrap();
    }

    #[test]
    fn one_address_cannot_try_many_accounts() {
        let limits = SignInLimits::new();
        let start = Instant::now();
        for account in 0..30 {
            limits.take_at(&account.to_string(), HERE, start).unwrap();
        }
        assert!(limits.take_at("another", HERE, start).is_err());
    }
}
