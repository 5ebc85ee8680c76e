//! What callers of inbound webhooks prove themselves with, beyond the secret in the address. Compared in constant time; whatever is
//! wrong gets the same answer.

use axum::http::{HeaderMap, StatusCode};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use engine::node::Proof;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use sha2::Sha256;
use store::credential::Secret;
use subtle::ConstantTimeEq as _;

use crate::error::ApiError;

/// A signature is taken so long before and after its time.
const TOLERANCE_SECONDS: u64 = 300;

/// Checks a call against the secret that its step names. A secret of another kind than the proof needs proves nothing.
pub(super) fn check(
    proof: Proof,
    secret: &Secret,
    headers: &HeaderMap,
    body: &[u8],
    now: Timestamp,
) -> Result<(), ApiError> {
    let proven = match (proof, secret) {
        (Proof::Address | Proof::None, _) => true,
        (Proof::Bearer, Secret::Bearer { token }) => {
            is(headers, "authorization", &format!("Bearer {token}"))
        }
        (Proof::Basic, Secret::Basic { user, password }) => {
            let encoded = BASE64.encode(format!("{user}:{password}"));
            is(headers, "authorization", &format!("Basic {encoded}"))
        }
        (Proof::Header, Secret::Header { name, value }) => is(headers, name, value),
        (Proof::StandardWebhooks, Secret::Signing { secret }) => {
            standard_webhooks(secret, headers, body, now)
        }
        (Proof::Github, Secret::Signing { secret }) => github(secret, headers, body),
        (Proof::Stripe, Secret::Signing { secret }) => stripe(secret, headers, body, now),
        (
            Proof::Bearer
            | Proof::Basic
            | Proof::Header
            | Proof::StandardWebhooks
            | Proof::Github
            | Proof::Stripe,
            _,
        ) => false,
    };
    if proven {
        return Ok(());
    }
    Err(ApiError::new(
        StatusCode::UNAUTHORIZED,
        "not_proven",
        "The call does not prove itself as this address asks for. Nothing was started.",
    ))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn is(headers: &HeaderMap, name: &str, expected: &str) -> bool {
    headers
        .get(name)
        .is_some_and(|given| given.as_bytes().ct_eq(expected.as_bytes()).into())
}

/// Whether one of the signatures is the HMAC-SHA256 of the parts.
fn signed<'a>(key: &[u8], parts: &[&[u8]], mut given: impl Iterator<Item = &'a [u8]>) -> bool {
    // Everybody has the empty key.
    if key.is_empty() {
        return false;
    }
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        return false;
    };
    for part in parts {
        mac.update(part);
    }
    given.any(|signature| mac.clone().verify_slice(signature).is_ok())
}

fn is_fresh(seconds: &str, now: Timestamp) -> bool {
    seconds
        .parse::<i64>()
        .is_ok_and(|at| now.as_second().abs_diff(at) <= TOLERANCE_SECONDS)
}

/// Standard Webhooks 1.0.0: `{id}.{timestamp}.{body}`, signatures `v1,<base64>` with blanks between them.
fn standard_webhooks(secret: &str, headers: &HeaderMap, body: &[u8], now: Timestamp) -> bool {
    let (Some(id), Some(at), Some(given)) = (
        text(headers, "webhook-id"),
        text(headers, "webhook-timestamp"),
        text(headers, "webhook-signature"),
    ) else {
        return false;
    };
    let Ok(key) = BASE64.decode(secret.strip_prefix("whsec_").unwrap_or(secret)) else {
        return false;
    };
    let given: Vec<Vec<u8>> = given
        .split(' ')
        .filter_map(|signature| BASE64.decode(signature.strip_prefix("v1,")?).ok())
        .collect();
    let parts = [id.as_bytes(), b".", at.as_bytes(), b".", body];
    is_fresh(at, now) && signed(&key, &parts, given.iter().map(Vec::as_slice))
}

/// GitHub: `X-Hub-Signature-256: sha256=<hex>` over the body.
fn github(secret: &str, headers: &HeaderMap, body: &[u8]) -> bool {
    let given = text(headers, "x-hub-signature-256")
        .and_then(|given| given.strip_prefix("sha256="))
        .and_then(hex);
    given.is_some_and(|given| signed(secret.as_bytes(), &[body], [given.as_slice()].into_iter()))
}

/// Stripe: `Stripe-Signature: t=<seconds>,v1=<hex>,…` over `{t}.{body}`; the whole secret is the key.
fn stripe(secret: &str, headers: &HeaderMap, body: &[u8], now: Timestamp) -> bool {
    let Some(given) = text(headers, "stripe-signature") else {
        return false;
    };
    let pairs: Vec<(&str, &str)> = given
        .split(',')
        .filter_map(|pair| pair.trim().split_once('='))
        .collect();
    let Some((_, at)) = pairs.iter().find(|(name, _)| *name == "t") else {
        return false;
    };
    let given: Vec<Vec<u8>> = pairs
        .iter()
        .filter(|(name, _)| *name == "v1")
        .filter_map(|(_, signature)| hex(signature))
        .collect();
    let parts = [at.as_bytes(), b".", body];
    is_fresh(at, now) && signed(secret.as_bytes(), &parts, given.iter().map(Vec::as_slice))
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if !digits.len().is_multiple_of(2) || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                let name = axum::http::HeaderName::from_static(name);
                (name, value.parse().expect("a header's value"))
            })
            .collect()
    }

    fn proven(
        proof: Proof,
        secret: &Secret,
        given: &[(&'static str, &str)],
        body: &str,
        now: i64,
    ) -> bool {
        let now = Timestamp::from_second(now).expect("an instant");
        check(proof, secret, &headers(given), body.as_bytes(), now).is_ok()
    }

    fn signing(secret: &str) -> Secret {
        Secret::Signing {
            secret: secret.into(),
        }
    }

    #[test]
    fn the_specification_s_example_of_standard_webhooks_is_taken_and_nothing_else() {
        let secret = signing("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let good = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        let body = r#"{"test": 2432232314}"#;
        let call = |id: &str, at: &str, signature: &str, body: &str, now: i64| {
            let given = [
                ("webhook-id", id),
                ("webhook-timestamp", at),
                ("webhook-signature", signature),
            ];
            proven(Proof::StandardWebhooks, &secret, &given, body, now)
        };
        let (id, at) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330");
        assert!(call(id, at, good, body, 1_614_265_330));
        assert!(call(
            id,
            at,
            &format!("v1,AAAA v1a,x {good}"),
            body,
            1_614_265_630
        ));
        assert!(!call(id, at, good, body, 1_614_265_631), "too late");
        assert!(!call(id, at, good, "{}", 1_614_265_330));
        assert!(!call("msg_2", at, good, body, 1_614_265_330));
        assert!(!call(id, at, "v1,", body, 1_614_265_330));
        let beginning_of_time = i64::MIN.to_string();
        assert!(!call(id, &beginning_of_time, good, body, 1_614_265_330));
        assert!(!proven(
            Proof::StandardWebhooks,
            &secret,
            &[],
            body,
            1_614_265_330
        ));
    }

    #[test]
    fn github_s_own_example_is_taken() {
        // GitHub Docs, "Validating webhook deliveries", testing the webhook payload validation.
        let secret = signing("It's a Secret to Everybody");
        let signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        let call = |signature: &str, body: &str| {
            proven(
                Proof::Github,
                &secret,
                &[("x-hub-signature-256", signature)],
                body,
                0,
            )
        };
        assert!(call(signature, "Hello, World!"));
        assert!(!call(signature, "Hello, World"));
        assert!(!call("sha256=zz", "Hello, World!"));
        let empty = "sha256=b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad";
        let given = [("x-hub-signature-256", empty)];
        assert!(!proven(Proof::Github, &signing(""), &given, "", 0));
        assert!(!call("sha256=é", "Hello, World!"));
    }

    #[test]
    fn stripe_signs_its_time_with_the_body() {
        let key = "whsec_test_secret";
        let sign = |at: &str, body: &str| {
            let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("a key");
            mac.update(format!("{at}.{body}").as_bytes());
            let digits: String = mac
                .finalize()
                .into_bytes()
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            format!("t={at},v1=00ff,v1={digits},v0=abc")
        };
        let secret = signing(key);
        let call = |signature: &str, body: &str, now: i64| {
            proven(
                Proof::Stripe,
                &secret,
                &[("stripe-signature", signature)],
                body,
                now,
            )
        };
        let signature = sign("1000", "{}");
        assert!(call(&signature, "{}", 1200));
        assert!(!call(&signature, "{}", 1301));
        assert!(!call(&signature, "[]", 1200));
        assert!(!call(&signature.replace("t=1000", "t=1100"), "{}", 1200));
    }

    #[test]
    fn secrets_of_headers_are_compared_whole() {
        let bearer = Secret::Bearer {
            token: "abc".into(),
        };
        assert!(proven(
            Proof::Bearer,
            &bearer,
            &[("authorization", "Bearer abc")],
            "",
            0
        ));
        assert!(!proven(
            Proof::Bearer,
            &bearer,
            &[("authorization", "Bearer abcd")],
            "",
            0
        ));
        assert!(!proven(Proof::Bearer, &bearer, &[], "", 0));
        let basic = Secret::Basic {
            user: "u".into(),
            password: "p".into(),
        };
        assert!(proven(
            Proof::Basic,
            &basic,
            &[("authorization", "Basic dTpw")],
            "",
            0
        ));
        assert!(
            !proven(
                Proof::Basic,
                &bearer,
                &[("authorization", "Bearer abc")],
                "",
                0
            ),
            "another kind"
        );
        let header = Secret::Header {
            name: "X-Shop".into(),
            value: "s3".into(),
        };
        assert!(proven(Proof::Header, &header, &[("x-shop", "s3")], "", 0));
    }
}
