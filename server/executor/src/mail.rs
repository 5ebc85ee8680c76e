//! Mails on their way: what a delivery says becomes text, its HTML twin and files, and goes to the workspace's server. The message's id
//! is the delivery's, so that whoever reads it can tell a repetition; links are made anew for every try.

mod letter;
mod words;

use std::time::Duration;

use engine::{
    format::Formats,
    ids::ApprovalId,
    mail::{MAX_ATTACHED_BYTES, Mail, Mailbox},
    node::StepError,
    value::FileRef,
};
use jiff::{SignedDuration, Timestamp};
use outbound::mail::{Attached, Encryption, MailError, MailServer, Person};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value as Json;
use store::{
    StoreError, account::PASSWORD_RESET, approval::APPROVAL, artifact, delivery::Claimed,
    failure_notice::RUN_FAILED, link, mail_server,
};
use url::{Host, Url};
use uuid::Uuid;

use crate::{
    Inner,
    context::unanswered,
    deliver::{LINK_DAYS, Tried, patiently, unreadable_file},
};
use letter::{Block, Letter};
use words::Language;

/// A try takes at most this long; a server may look at an attachment for a while before it answers.
const TIMEOUT: Duration = Duration::from_mins(1);

/// Kind of the mail that a workflow writes; `values` are `engine::mail::Mail`.
pub(crate) const MESSAGE: &str = "mail.message";

/// Kind of the mail that shows that the settings work.
pub(crate) const TEST: &str = "mail.test";

/// What a mail of the program itself goes by; its words are made when it is sent.
#[derive(Deserialize)]
struct Notice {
    to: Vec<Mailbox>,
    locale: String,
}

#[derive(Deserialize)]
struct ResetValues {
    reset: Uuid,
    expires_at: Timestamp,
}

#[derive(Deserialize)]
struct FailureValues {
    workflow: String,
    run: Uuid,
    title: String,
    others: u64,
}

#[derive(Deserialize)]
struct ApprovalValues {
    approval: ApprovalId,
    person: Uuid,
    title: String,
    workflow: Option<String>,
    time_zone: String,
    expires_at: Timestamp,
}

/// One try.
pub(crate) async fn attempt(executor: &Inner, claimed: &Claimed, now: Timestamp) -> Tried {
    if claimed.disabled {
        return not_set_up();
    }
    match prepare(executor, claimed, now).await {
        Ok((server, mail)) => {
            match executor
                .config
                .outbound
                .send_mail(&server, mail, TIMEOUT)
                .await
            {
                Ok(accepted) => Tried::Accepted(accepted),
                Err(error) => refused(error),
            }
        }
        Err(tried) => tried,
    }
}

async fn prepare(
    executor: &Inner,
    claimed: &Claimed,
    now: Timestamp,
) -> Result<(MailServer, outbound::mail::Mail), Tried> {
    let store = &executor.config.store;
    let unreadable = |error: StoreError| {
        tracing::error!(delivery.id = %claimed.id, %error, "the settings of a mail server cannot be read");
        Tried::failed(
            "mail_settings_unreadable",
            "The settings of the mail server cannot be read. See the server's log.",
            error.is_transient(),
        )
    };
    let settings = patiently(|| mail_server::get(store, &claimed.scope))
        .await
        .map_err(unreadable)?
        .ok_or_else(not_set_up)?;
    let password = patiently(|| mail_server::password(store, &claimed.scope))
        .await
        .map_err(unreadable)?;
    if claimed.message["type"] == APPROVAL {
        expect_open(executor, claimed).await?;
    }
    let letter = letter(executor, claimed, now)?;
    let files = if claimed.inline {
        attached(executor, claimed).await?
    } else {
        Vec::new()
    };
    let letter = if claimed.inline || claimed.artifacts.is_empty() {
        letter
    } else {
        with_links(executor, claimed, letter, now).await?
    };
    let server = MailServer {
        host: settings.host,
        port: settings.port,
        encryption: match settings.encryption {
            mail_server::Encryption::Tls => Encryption::Tls,
            mail_server::Encryption::StartTls => Encryption::StartTls,
            mail_server::Encryption::None => Encryption::None,
        },
        login: (!settings.user.is_empty()).then(|| (settings.user, password.unwrap_or_default())),
        hello: own_name(&executor.config.public_url),
    };
    let mail = outbound::mail::Mail {
        message_id: format!("{}@{}", claimed.id, settings.sender.domain()),
        date: now.into(),
        from: person(&settings.sender),
        reply_to: letter
            .reply_to
            .as_ref()
            .or(settings.reply_to.as_ref())
            .map(person),
        to: letter.to.iter().map(person).collect(),
        cc: letter.cc.iter().map(person).collect(),
        bcc: letter.bcc.iter().map(person).collect(),
        text: letter.text(),
        html: letter.html(),
        subject: letter.subject,
        files,
    };
    Ok((server, mail))
}

/// Nobody is asked what was decided meanwhile, or is not asked any more.
async fn expect_open(executor: &Inner, claimed: &Claimed) -> Result<(), Tried> {
    let asked: ApprovalValues = read(&claimed.message["data"]["values"])?;
    let store = &executor.config.store;
    let found = patiently(|| store::approval::get(store, &claimed.scope, asked.approval)).await;
    match found {
        Ok(approval) if approval.is_open() => Ok(()),
        Ok(_) | Err(StoreError::NotFound(_)) => Err(Tried::failed(
            "approval_closed",
            "It was decided meanwhile, or the run has ended, so the mail is not sent any more.",
            false,
        )),
        Err(error) => Err(unmade(claimed, &error)),
    }
}

/// What the delivery says, in blocks.
fn letter(executor: &Inner, claimed: &Claimed, now: Timestamp) -> Result<Letter, Tried> {
    let kind = claimed.message["type"].as_str().unwrap_or_default();
    let values = &claimed.message["data"]["values"];
    if kind == MESSAGE {
        let mail: Mail = read(values)?;
        return Ok(Letter {
            to: mail.to,
            cc: mail.cc,
            bcc: mail.bcc,
            reply_to: mail.reply_to,
            subject: mail.subject,
            locale: mail.locale,
            blocks: vec![Block::Text(mail.text)],
        });
    }
    let notice: Notice = read(values)?;
    let language = Language::of(&notice.locale);
    let base = executor.config.public_url.trim_end_matches('/');
    let (subject, blocks) = match kind {
        TEST => words::test(language, base),
        PASSWORD_RESET => {
            let reset: ResetValues = read(values)?;
            if reset.expires_at <= now {
                return Err(Tried::failed(
                    "link_expired",
                    "The link in this mail has expired, so the mail is not sent any more. Ask for a new one on the sign-in page.",
                    false,
                ));
            }
            let sealer = &executor.config.store.sealer;
            let url = link::reset_url(sealer, base, reset.reset)
                .map_err(|error| unmade(claimed, &error))?;
            words::password_reset(language, base, url)
        }
        APPROVAL => {
            let asked: ApprovalValues = read(values)?;
            if asked.expires_at <= now {
                return Err(Tried::failed(
                    "approval_over",
                    "The time to answer is over, so the mail is not sent any more.",
                    false,
                ));
            }
            let sealer = &executor.config.store.sealer;
            let url = link::approval_url(sealer, base, asked.approval, asked.person)
                .map_err(|error| unmade(claimed, &error))?;
            let locale = language.locale(&notice.locale);
            let until = Formats::of(locale, &asked.time_zone, "EUR").instant(asked.expires_at);
            let workflow = asked.workflow.unwrap_or_default();
            words::approval(language, &workflow, &asked.title, &until, url)
        }
        RUN_FAILED => {
            let failed: FailureValues = read(values)?;
            let url = format!("{base}/runs/{}", failed.run);
            words::run_failed(
                language,
                &failed.workflow,
                &failed.title,
                failed.others,
                url,
            )
        }
        _ => return Err(unreadable_mail("its kind is unknown")),
    };
    Ok(Letter {
        to: notice.to,
        cc: Vec::new(),
        bcc: Vec::new(),
        reply_to: None,
        subject,
        locale: notice.locale,
        blocks,
    })
}

/// A letter whose files are behind links that expire. A file that is kept no longer is told: a mail whose link leads nowhere would
/// count as delivered.
async fn with_links(
    executor: &Inner,
    claimed: &Claimed,
    mut letter: Letter,
    now: Timestamp,
) -> Result<Letter, Tried> {
    let expires_at = now + SignedDuration::from_hours(24 * LINK_DAYS);
    letter.blocks.push(Block::Note(words::files(
        Language::of(&letter.locale),
        LINK_DAYS,
    )));
    let store = &executor.config.store;
    for file in &claimed.artifacts {
        patiently(|| artifact::get(store, &claimed.scope, file.id))
            .await
            .map_err(|error| unreadable_file(claimed, file, &error))?;
        let url = link::artifact_url(
            &store.sealer,
            &executor.config.public_url,
            file.id,
            expires_at,
        )
        .map_err(|error| unreadable_file(claimed, file, &error))?;
        letter.blocks.push(Block::Link {
            label: file.name.clone(),
            url,
        });
    }
    Ok(letter)
}

async fn attached(executor: &Inner, claimed: &Claimed) -> Result<Vec<Attached>, Tried> {
    let total: u64 = claimed.artifacts.iter().map(|file| file.size_bytes).sum();
    if total > MAX_ATTACHED_BYTES {
        return Err(Tried::gives_up(
            StepError::new(
                "files_too_large",
                format!(
                    "The files have {total} bytes; at most {MAX_ATTACHED_BYTES} travel inside of a message. Send them as links."
                ),
            )
            .with("bytes", total)
            .with("most", MAX_ATTACHED_BYTES),
        ));
    }
    let mut files = Vec::new();
    for file in &claimed.artifacts {
        let bytes = patiently(|| read_file(executor, claimed, file))
            .await
            .map_err(|error| unreadable_file(claimed, file, &error))?;
        files.push(Attached {
            name: file.name.clone(),
            content_type: file.content_type.clone(),
            bytes,
        });
    }
    Ok(files)
}

async fn read_file(executor: &Inner, claimed: &Claimed, file: &FileRef) -> store::Result<Vec<u8>> {
    let bytes = artifact::read(&executor.config.store, &claimed.scope, file.id).await?;
    Ok(bytes.to_vec())
}

fn read<T: DeserializeOwned>(values: &Json) -> Result<T, Tried> {
    T::deserialize(values).map_err(|error| unreadable_mail(&error.to_string()))
}

fn person(mailbox: &Mailbox) -> Person {
    Person {
        name: mailbox.name.clone(),
        address: mailbox.address.clone(),
    }
}

/// How this program introduces itself: by the name it is reached under, if it has one.
fn own_name(public_url: &str) -> String {
    match Url::parse(public_url).ok().as_ref().and_then(Url::host) {
        Some(Host::Domain(name)) => name.to_owned(),
        Some(Host::Ipv4(_) | Host::Ipv6(_)) | None => String::new(),
    }
}

fn not_set_up() -> Tried {
    Tried::failed(
        "mail_not_set_up",
        "No mail server is set up. An owner can do that under Settings, Mail. Then send the mail again.",
        false,
    )
}

fn unmade(claimed: &Claimed, error: &StoreError) -> Tried {
    tracing::error!(delivery.id = %claimed.id, %error, "the link of a mail cannot be made");
    Tried::failed(
        "link_unmade",
        "The link of this mail could not be made. See the server's log.",
        error.is_transient(),
    )
}

fn unreadable_mail(reason: &str) -> Tried {
    Tried::gives_up(
        StepError::new(
            "mail_unreadable",
            format!("What is stored of this mail cannot be read: {reason}."),
        )
        .with("reason", reason),
    )
}

/// What the server or the way to it said.
fn refused(error: MailError) -> Tried {
    let again = error.is_retryable();
    match error {
        MailError::Unsent(unsent) => Tried::Failed {
            error: unanswered(
                &unsent,
                format!("The mail server was not reached: {unsent}."),
            ),
            again,
        },
        MailError::Answered { status, words } => Tried::Refused { status, words },
    }
}
