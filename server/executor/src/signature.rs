//! Standard Webhooks 1.0.0, symmetric signatures: `v1,` and the base64 of HMAC-SHA256 over `{id}.{timestamp}.{body}`, one per
//! secret, so that a receiver can change over.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// The value of `webhook-signature`; `None` when a secret is not `whsec_` and base64.
pub fn sign(secrets: &[String], id: &str, timestamp: i64, body: &[u8]) -> Option<String> {
    let signatures: Option<Vec<String>> = secrets
        .iter()
        .map(|secret| one(secret, id, timestamp, body))
        .collect();
    signatures
        .filter(|signatures| !signatures.is_empty())
        .map(|signatures| signatures.join(" "))
}

fn one(secret: &str, id: &str, timestamp: i64, body: &[u8]) -> Option<String> {
    let key = BASE64.decode(secret.strip_prefix("whsec_")?).ok()?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).ok()?;
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(body);
    Some(format!("v1,{}", BASE64.encode(mac.finalize().into_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_specification_s_example_is_signed_as_there() {
        // Standard Webhooks, "Signature scheme".
        let signed = sign(
            &["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".into()],
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            br#"{"test": 2432232314}"#,
        );
        assert_eq!(
            signed.as_deref(),
            Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
        );
    }

    #[test]
    fn two_secrets_give_two_signatures_and_none_gives_none() {
        let secret = |byte: u8| format!("whsec_{}", BASE64.encode([byte; 32]));
        let both =
            sign(&[secret(1), secret(2)], "id", 1, b"x").expect("both secrets are well-formed");
        assert_eq!(both.split(' ').count(), 2);
        assert_eq!(sign(&[], "id", 1, b"x"), None);
        assert_eq!(sign(&["secret".into()], "id", 1, b"x"), None);
    }
}
