//! People, their workspace, and what proves who they are. Tokens and keys are stored as SHA-256 (they are random), passwords as
//! Argon2id; only these functions and public links make a `Scope`.

mod access_key;
mod invitation;
mod member;
mod password;
mod reset;
mod session;
mod workspace;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use engine::ids::WorkspaceId;
use sha2::{Digest as _, Sha256};

pub use access_key::{
    AccessKey, NewAccessKey, access_keys, check_access_key, create_access_key, revoke_access_key,
};
pub use invitation::{
    Invitation, NewInvitation, OpenInvitation, accept_invitation, ensure_owner, invitation,
    invitations, invite, owner_needed, set_up, setup_token, withdraw_invitation,
};
pub use member::{
    Member, MemberChange, change_member, member_with_workspace, members, remove_member,
};
pub use reset::{
    PASSWORD_RESET, password_reset, remove_password_resets, request_password_reset, reset_password,
};
pub use session::{Session, begin_session, check_password, check_session, end_session};
pub use workspace::{default_model, set_default_model};

use crate::{Result, StoreError};

/// What a person may do (finer roles come later).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Owner,
    Member,
}

impl Role {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Member => "member",
        }
    }

    fn parse(text: &str) -> Result<Self> {
        match text {
            "owner" => Ok(Self::Owner),
            "member" => Ok(Self::Member),
            other => Err(StoreError::Damaged(format!("role {other}"))),
        }
    }
}

/// The tenant, as people see it.
#[derive(Clone, Debug)]
pub struct Workspace {
    pub id: WorkspaceId,
    pub name: String,
    /// A mail server is set up.
    pub sends_mail: bool,
}

/// What somebody types to get an account.
#[derive(Clone, Debug)]
pub struct NewPerson {
    pub name: String,
    pub email: String,
    pub password: String,
    pub locale: Option<String>,
}

/// 256 random bits as text for URLs, cookies and headers.
fn fresh_token() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())
}

fn token_hash(token: &str) -> Vec<u8> {
    Sha256::digest(token.as_bytes()).to_vec()
}

/// The address as it is stored and compared.
fn clean_email(email: &str) -> Result<String> {
    let email = email.trim();
    let parts = email.split_once('@');
    let is_plain = !email.chars().any(|c| c.is_whitespace() || c.is_control());
    let ok = is_plain
        && email.len() <= 254
        && parts.is_some_and(|(local, domain)| {
            !local.is_empty() && !domain.is_empty() && !domain.contains('@')
        });
    if ok {
        Ok(email.to_owned())
    } else {
        Err(StoreError::invalid(
            "email_invalid",
            "/email",
            "This is not an e-mail address.",
        ))
    }
}

fn clean_name(name: &str) -> Result<String> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > 200 || name.chars().any(char::is_control) {
        return Err(StoreError::invalid(
            "name_invalid",
            "/name",
            "A name has 1 to 200 characters.",
        ));
    }
    Ok(name.to_owned())
}

fn clean_locale(locale: &str) -> Result<String> {
    let shaped = !locale.is_empty()
        && locale.len() <= 35
        && locale.split('-').all(|part| {
            (1..=8).contains(&part.len()) && part.chars().all(|c| c.is_ascii_alphanumeric())
        });
    if shaped {
        Ok(locale.to_owned())
    } else {
        Err(StoreError::invalid(
            "locale_invalid",
            "/locale",
            "This is not a language tag such as en or zh-CN.",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn email_addresses_have_two_sides() {
        fn check(email: &str, expected: Option<&str>) {
            assert_eq!(clean_email(email).ok().as_deref(), expected, "{email}");
        }
        check(" Marta@example.com ", Some("Marta@example.com"));
        check("marta", None);
        check("@example.com", None);
        check("a@", None);
        check("a@b@c", None);
        check("a b@example.com", None);
        check(&format!("{}@example.com", "a".repeat(250)), None);
    }

    #[test]
    fn locales_have_the_shape_of_a_tag() {
        for (locale, ok) in [
            ("en", true),
            ("zh-CN", true),
            ("", false),
            ("en_US", false),
            ("-", false),
        ] {
            assert_eq!(clean_locale(locale).is_ok(), ok, "{locale}");
        }
    }
}
