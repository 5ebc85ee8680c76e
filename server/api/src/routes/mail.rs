//! The workspace's mail server: how mail leaves the house. The password goes in and never comes out.

use axum::{Json, extract::State, http::StatusCode};
use engine::mail::Mailbox;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::mail_server::{self, Encryption, MailServer, Password, Settings};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::deliveries::{DeliveryTestOut, first_attempt};
use crate::{
    App,
    auth::Caller,
    error::{ApiError, Result},
    extract::Body,
};

/// Longest name of a user, and longest password.
const MAX_LOGIN_CHARS: usize = 1000;

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MailOut {
    /// None while no mail can be sent.
    pub server: Option<MailServerOut>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MailServerOut {
    pub host: String,
    pub port: u16,
    pub encryption: EncryptionWire,
    /// Empty: no signing in.
    pub user: String,
    pub has_password: bool,
    pub sender_name: String,
    pub sender_address: String,
    /// Empty: answers go to the sender.
    pub reply_to: String,
    pub changed_at: Timestamp,
}

/// How the connection is protected: `tls` from the start, `starttls` after a greeting, `none` only where the operator allows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = MailEncryption)]
pub(crate) enum EncryptionWire {
    Tls,
    Starttls,
    None,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MailServerIn {
    /// Name or address of the server.
    #[schema(min_length = 1, max_length = 253)]
    pub host: String,
    #[schema(minimum = 1)]
    pub port: u16,
    pub encryption: EncryptionWire,
    #[serde(default)]
    #[schema(required = false, max_length = 1000)]
    pub user: String,
    /// Absent: the stored one stays. Empty: none.
    #[schema(max_length = 1000)]
    pub password: Option<String>,
    #[serde(default)]
    #[schema(required = false, max_length = 200)]
    pub sender_name: String,
    #[schema(min_length = 3, max_length = 254)]
    pub sender_address: String,
    #[serde(default)]
    #[schema(required = false, max_length = 254)]
    pub reply_to: String,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MailTestIn {
    /// Who receives the test mail.
    #[schema(min_length = 3, max_length = 254)]
    pub to: String,
}

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(read_mail, write_mail, remove_mail))
        .routes(routes!(test_mail))
}

/// How mail is sent.
#[utoipa::path(get, path = "/mail", tag = "mail", responses((status = 200, body = MailOut)))]
async fn read_mail(State(app): State<App>, caller: Caller) -> Result<Json<MailOut>> {
    let server = mail_server::get(&app.store, &caller.scope).await?;
    Ok(Json(MailOut {
        server: server.map(MailServerOut::from),
    }))
}

/// Sets the mail server.
#[utoipa::path(put, path = "/mail", tag = "mail", request_body = MailServerIn, responses((status = 200, body = MailOut)))]
async fn write_mail(
    State(app): State<App>,
    caller: Caller,
    Body(body): Body<MailServerIn>,
) -> Result<Json<MailOut>> {
    let server = mail_server::put(&app.store, &caller.scope, &body.checked()?).await?;
    Ok(Json(MailOut {
        server: Some(server.into()),
    }))
}

/// Forgets the mail server; mails under way are given up.
#[utoipa::path(delete, path = "/mail", tag = "mail", responses((status = 204)))]
async fn remove_mail(State(app): State<App>, caller: Caller) -> Result<StatusCode> {
    mail_server::remove(&app.store, &caller.scope).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sends a test mail now and tells what the server said.
#[utoipa::path(post, path = "/mail/test", tag = "mail", request_body = MailTestIn,
    responses((status = 200, body = DeliveryTestOut)))]
async fn test_mail(
    State(app): State<App>,
    caller: Caller,
    Body(body): Body<MailTestIn>,
) -> Result<Json<DeliveryTestOut>> {
    let to = address("/to", &body.to)?;
    let member = caller.member().ok_or_else(ApiError::unauthorized)?;
    let (member, _) = store::account::member_with_workspace(&app.store, member).await?;
    let values = json!({ "to": [to], "locale": member.locale });
    let now = Timestamp::now();
    let delivery =
        store::delivery::write_mail(&app.store, &caller.scope, "mail.test", values, now).await?;
    let Some(delivery) = delivery else {
        return Err(ApiError::new(
            StatusCode::CONFLICT,
            "no_mail_server",
            "No mail server is set up. Save the settings first.",
        ));
    };
    Ok(Json(first_attempt(&app, &caller.scope, delivery).await?))
}

impl MailServerIn {
    fn checked(self) -> Result<Settings> {
        let host = self.host.trim().trim_end_matches('.').to_owned();
        if host.parse::<std::net::IpAddr>().is_err()
            && !matches!(url::Host::parse(&host), Ok(url::Host::Domain(_)))
        {
            return Err(ApiError::invalid(
                "host_invalid",
                "/host",
                "This is not the name of a server such as smtp.example.com.",
            ));
        }
        if self.port == 0 {
            return Err(ApiError::invalid(
                "port_invalid",
                "/port",
                "A port is a number from 1 to 65535.",
            ));
        }
        let fits = |text: &str| {
            text.chars().count() <= MAX_LOGIN_CHARS && !text.chars().any(char::is_control)
        };
        let user = self.user.trim().to_owned();
        if !fits(&user) {
            return Err(ApiError::invalid(
                "login_invalid",
                "/user",
                "A user has at most 1,000 characters and no line breaks.",
            ));
        }
        if self
            .password
            .as_deref()
            .is_some_and(|password| !fits(password))
        {
            return Err(ApiError::invalid(
                "login_invalid",
                "/password",
                "A password has at most 1,000 characters and no line breaks.",
            ));
        }
        let password = match self.password {
            None => Password::Keep,
            Some(password) if password.is_empty() => Password::None,
            Some(password) => Password::New(password),
        };
        if user.is_empty() && matches!(password, Password::New(_)) {
            return Err(ApiError::invalid(
                "user_missing",
                "/user",
                "A password needs the name of a user.",
            ));
        }
        let mut sender = address("/sender_address", &self.sender_address)?;
        sender.name = engine::mail::one_line(&self.sender_name);
        if sender.name.chars().count() > 200 {
            return Err(ApiError::invalid(
                "name_invalid",
                "/sender_name",
                "A name has at most 200 characters.",
            ));
        }
        let reply_to = match self.reply_to.trim() {
            "" => None,
            text => Some(address("/reply_to", text)?),
        };
        Ok(Settings {
            host,
            port: self.port,
            encryption: self.encryption.into(),
            user,
            password,
            sender,
            reply_to,
        })
    }
}

/// One plain address.
fn address(pointer: &str, text: &str) -> Result<Mailbox> {
    match Mailbox::parse(text) {
        Ok(mailbox) if mailbox.name.is_empty() && mailbox.address.len() <= 254 => Ok(mailbox),
        Ok(_) | Err(_) => Err(ApiError::invalid(
            "email_invalid",
            pointer,
            "This is not an e-mail address.",
        )),
    }
}

impl From<MailServer> for MailServerOut {
    fn from(server: MailServer) -> Self {
        Self {
            host: server.host,
            port: server.port,
            encryption: server.encryption.into(),
            user: server.user,
            has_password: server.has_password,
            sender_name: server.sender.name,
            sender_address: server.sender.address,
            reply_to: server
                .reply_to
                .map(|mailbox| mailbox.address)
                .unwrap_or_default(),
            changed_at: server.changed_at,
        }
    }
}

impl From<Encryption> for EncryptionWire {
    fn from(encryption: Encryption) -> Self {
        match encryption {
            Encryption::Tls => Self::Tls,
            Encryption::StartTls => Self::Starttls,
            Encryption::None => Self::None,
        }
    }
}

impl From<EncryptionWire> for Encryption {
    fn from(encryption: EncryptionWire) -> Self {
        match encryption {
            EncryptionWire::Tls => Self::Tls,
            EncryptionWire::Starttls => Self::StartTls,
            EncryptionWire::None => Self::None,
        }
    }
}
