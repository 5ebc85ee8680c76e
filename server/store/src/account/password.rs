//! Argon2id on the blocking pool, a few at a time: each takes 19 MiB, and nobody may fill the memory by guessing.

use argon2::{
    Argon2,
    password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash},
};

use crate::{Result, Store, StoreError};

const MIN_CHARS: usize = 12;
const MAX_CHARS: usize = 200;

/// A hash that no password has; unknown accounts take as long as known ones.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// The most common passwords that are long enough.
const COMMON: &[&str] = &[
    "123456789012",
    "1234567890123",
    "12345678901234",
    "123456789012345",
    "1234567890ab",
    "qwertyuiop12",
    "qwertyuiop123",
    "qwertyuiop[]",
    "1q2w3e4r5t6y",
    "1qaz2wsx3edc",
    "passwordpassword",
    "password1234",
    "password12345",
    "password123456",
    "administrator",
    "adminadminadmin",
    "iloveyou1234",
    "letmeinletmein",
    "welcome12345",
    "changeme1234",
];

/// The rule of the set-up page: long, and not one everybody tries first.
pub(super) fn check_strength(password: &str, email: &str) -> Result<()> {
    let refuse = |code, message: &str| Err(StoreError::invalid(code, "/password", message));
    let length = password.chars().count();
    if length < MIN_CHARS {
        return refuse("password_short", "A password has at least 12 characters.");
    }
    if length > MAX_CHARS {
        return refuse("password_long", "A password has at most 200 characters.");
    }
    let mut letters: Vec<char> = password.chars().collect();
    letters.sort_unstable();
    letters.dedup();
    let lower = password.to_lowercase();
    if letters.len() < 5 || COMMON.contains(&lower.as_str()) || lower == email.to_lowercase() {
        return refuse(
            "password_common",
            "This password is among the first that anybody would try.",
        );
    }
    Ok(())
}

pub(super) async fn hash(store: &Store, password: &str) -> Result<String> {
    let password = password.to_owned();
    on_blocking_pool(store, move || {
        Argon2::default()
            .hash_password(password.as_bytes())
            .map(|hash| hash.to_string())
            .map_err(|error| {
                StoreError::Damaged(format!("a password could not be hashed: {error}"))
            })
    })
    .await?
}

/// Whether the password fits; without a hash it takes as long and is false.
pub(super) async fn verify(store: &Store, password: &str, hash: Option<String>) -> Result<bool> {
    if password.len() > MAX_CHARS * 4 {
        return Ok(false);
    }
    let password = password.to_owned();
    on_blocking_pool(store, move || {
        let known = hash.is_some();
        let text = hash.as_deref().unwrap_or(NOBODY);
        let parsed = PasswordHash::new(text)
            .map_err(|error| StoreError::Damaged(format!("a password hash: {error}")))?;
        let fits = Argon2::default()
            .verify_password(password.as_bytes(), &parsed)
            .is_ok();
        Ok(known && fits)
    })
    .await?
}

async fn on_blocking_pool<T: Send + 'static>(
    store: &Store,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T> {
    let _permit = store
        .hashing
        .acquire()
        .await
        .map_err(|_| StoreError::Damaged("the hashing pool is closed".into()))?;
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| StoreError::Damaged(format!("hashing a password: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weak_passwords_are_refused() {
        fn check(password: &str, ok: bool) {
            assert_eq!(
                check_strength(password, "marta@example.com").is_ok(),
                ok,
                "{password}"
            );
        }
        check("correct horse battery", true);
        check("short", false);
        check("aaaaaaaaaaaaaaaa", false);
        check("Password1234", false);
        check("Marta@example.com", false);
        check(&"long enough? ".repeat(20), false);
        check("长长的一个很安全的密码哦哦", true);
    }

    #[test]
    fn the_hash_of_nobody_parses() {
        assert!(PasswordHash::new(NOBODY).is_ok());
    }
}
