//! How runs begin at a node.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{form::Form, ids::CredentialId, kind::Field, private::Private, schedule::Schedule};

/// How a run of the workflow can begin at this node.
#[derive(Clone, Debug, PartialEq)]
pub enum Trigger {
    Form(Form),
    Webhook(Webhook),
    /// `None` while its settings are not sound.
    Schedule(Option<Schedule>),
    /// Another workflow calls this one with these values.
    Call(Vec<Field>),
}

/// What an inbound webhook expects.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Webhook {
    /// The body's fields.
    pub fields: Vec<Field>,
    pub proof: Proof,
    /// What the caller proves itself with.
    pub credential: Option<CredentialId>,
    /// The caller is answered by a step or with the run's end, if that comes soon.
    pub waits: bool,
    /// Values that are not kept as long as the run.
    pub private: Private,
}

impl Trigger {
    /// What is handed in here and not kept as long as the run.
    pub fn private(&self) -> Private {
        match self {
            Self::Form(form) => form.private(),
            Self::Webhook(webhook) => webhook.private.clone(),
            Self::Schedule(_) | Self::Call(_) => Private::default(),
        }
    }
}

/// How the caller of an inbound webhook proves itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(extend("x-labels" = {
    "address": "By the address, which holds a secret",
    "none": "Not at all: anybody may call",
    "bearer": "Bearer token",
    "basic": "User and password",
    "header": "Header of its own",
    "standard_webhooks": "Signature (Standard Webhooks)",
    "github": "Signature (GitHub)",
    "stripe": "Signature (Stripe)",
}))]
pub enum Proof {
    /// The secret in the address is enough; the others but `none` ask for more.
    #[default]
    Address,
    None,
    Bearer,
    Basic,
    Header,
    StandardWebhooks,
    Github,
    Stripe,
}

impl Proof {
    /// Kind of the credential that it needs.
    pub fn credential(self) -> Option<&'static str> {
        match self {
            Self::Address | Self::None => None,
            Self::Bearer => Some("bearer"),
            Self::Basic => Some("basic"),
            Self::Header => Some("header"),
            Self::StandardWebhooks | Self::Github | Self::Stripe => Some("signing"),
        }
    }
}
