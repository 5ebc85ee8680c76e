//! Addresses that prove themselves: run pages, expiring file links, form tickets and inbound hooks carry a MAC made from the
//! master key, so that nothing about them is stored and nothing about them can be guessed.

mod published;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use engine::ids::{ApprovalId, ArtifactId, RunId, SubmissionId, VersionId, WorkflowId};
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value as Json;
use sha2::Sha256;
use subtle::ConstantTimeEq as _;
use uuid::Uuid;

use crate::{
    Result, Scope, Store, StoreError,
    artifact::{self, Artifact},
    fresh_id,
    seal::Sealer,
};

pub(crate) use published::Addresses;
pub use published::{PublicWorkflow, workflow};

/// A run's page closes this long after the run was accepted.
pub const RUN_PAGE_LIFETIME: SignedDuration = SignedDuration::from_hours(30 * 24);
/// Bytes of a MAC in an address: 128 bit.
const TAG_BYTES: usize = 16;

/// The token of a run's public page: the id and its MAC, 43 characters.
pub fn run_token(sealer: &Sealer, run: RunId) -> Result<String> {
    token(sealer, "run-page", run.as_uuid(), &[])
}

/// `<public url>/r/<token>`.
pub fn run_url(sealer: &Sealer, public_url: &str, run: RunId) -> Result<String> {
    Ok(format!(
        "{}/r/{}",
        base(public_url),
        run_token(sealer, run)?
    ))
}

/// The run a token was made for; `NotFound` when it was not made here.
pub fn open_run_token(sealer: &Sealer, token: &str) -> Result<RunId> {
    open(sealer, "run-page", token, &[])?
        .map(RunId::from)
        .ok_or(StoreError::NotFound("page"))
}

/// `<public url>/password/<token>` of one request to set a new password.
pub fn reset_url(sealer: &Sealer, public_url: &str, reset: Uuid) -> Result<String> {
    let token = token(sealer, "password-reset", reset, &[])?;
    Ok(format!("{}/password/{token}", base(public_url)))
}

/// The request a token was made for; `NotFound` when it was not made here.
pub(crate) fn open_reset_token(sealer: &Sealer, token: &str) -> Result<Uuid> {
    open(sealer, "password-reset", token, &[])?.ok_or(StoreError::NotFound("link"))
}

/// The token of one person's link to a question: both ids and their MAC, 64 characters.
pub fn approval_token(sealer: &Sealer, approval: ApprovalId, person: Uuid) -> Result<String> {
    let (id, person) = (approval.as_uuid(), person.as_bytes());
    let tag = mac(sealer, "approval", &[id.as_bytes(), person])?;
    Ok(BASE64.encode([id.as_bytes().as_slice(), person, &tag].concat()))
}

/// `<public url>/approve/<token>`.
pub fn approval_url(
    sealer: &Sealer,
    public_url: &str,
    approval: ApprovalId,
    person: Uuid,
) -> Result<String> {
    let token = approval_token(sealer, approval, person)?;
    Ok(format!("{}/approve/{token}", base(public_url)))
}

/// The question and the person a token was made for; `NotFound` when it was not made here.
pub(crate) fn open_approval_token(sealer: &Sealer, token: &str) -> Result<(Uuid, Uuid)> {
    let lost = || StoreError::NotFound("page");
    let bytes = BASE64.decode(token).map_err(|_| lost())?;
    let (id, rest) = bytes.split_first_chunk::<16>().ok_or_else(lost)?;
    let (person, tag) = rest.split_first_chunk::<16>().ok_or_else(lost)?;
    let genuine: bool = mac(sealer, "approval", &[id, person])?.ct_eq(tag).into();
    if genuine {
        Ok((Uuid::from_bytes(*id), Uuid::from_bytes(*person)))
    } else {
        Err(lost())
    }
}

/// What a run's public page leads to.
pub enum RunLink {
    Open(Scope, RunId),
    /// The link is genuine, and its time is over.
    Closed {
        closed_at: Timestamp,
    },
}

/// `<public url>/c/<token>/<node>` of a step that waits for a call.
pub fn callback_url(sealer: &Sealer, public_url: &str, run: RunId, node: &str) -> Result<String> {
    let token = token(sealer, "callback", run.as_uuid(), node.as_bytes())?;
    Ok(format!("{}/c/{token}/{node}", base(public_url)))
}

/// The run whose step a call is for: the one that the link was made for, or the newest retry that keeps its first steps, behind which nobody
/// may be given another link. `NotFound` when the token was not made here for this step, or the run is deleted.
pub async fn open_callback(store: &Store, node: &str, token: &str) -> Result<(Scope, RunId)> {
    let lost = || StoreError::NotFound("address");
    let run = open(&store.sealer, "callback", token, node.as_bytes())?.ok_or_else(lost)?;
    let found = sqlx::query!(
        r#"with recursive going_on (id, workspace_id, first_run) as (
               select id, workspace_id, first_run from run where id = $1
               union
               select again.id, again.workspace_id, again.first_run
               from going_on join run again on again.first_run = going_on.first_run and again.retry_of = going_on.id
               where exists (select from step where step.run_id = again.id and step.node = again.trigger_node and step.item_path = ''
                             and step.finished_at < again.created_at))
           select id as "id!", workspace_id as "workspace_id!" from going_on order by id desc limit 1"#,
        run
    )
    .fetch_optional(&store.pool)
    .await?
    .ok_or_else(lost)?;
    Ok((Scope::new(found.workspace_id.into(), None), found.id.into()))
}

/// Opens a run's public page; `NotFound` when the token was not made here or the run is deleted.
pub async fn open_run(store: &Store, token: &str, now: Timestamp) -> Result<RunLink> {
    let run = open_run_token(&store.sealer, token)?;
    let closed_at = closes_at(run);
    if closed_at < now {
        return Ok(RunLink::Closed { closed_at });
    }
    let workspace =
        sqlx::query_scalar!("select workspace_id from run where id = $1", run.as_uuid())
            .fetch_optional(&store.pool)
            .await?
            .ok_or(StoreError::NotFound("page"))?;
    Ok(RunLink::Open(Scope::new(workspace.into(), None), run))
}

/// The address of a run's form, if its workflow is open to the public.
pub async fn form_slug(
    store: &Store,
    scope: &Scope,
    workflow: WorkflowId,
) -> Result<Option<String>> {
    Ok(sqlx::query_scalar!(
        "select slug from workflow where workspace_id = $1 and id = $2 and state = 'live' and deleted_at is null",
        scope.workspace().as_uuid(),
        workflow.as_uuid(),
    )
    .fetch_optional(&store.pool)
    .await?)
}

/// When a run's public page closes; the instant is in the run's id.
pub fn closes_at(run: RunId) -> Timestamp {
    minted_at(run.as_uuid()) + RUN_PAGE_LIFETIME
}

/// `<public url>/a/<id>?expires=<unix seconds>&signature=<MAC>`.
pub fn artifact_url(
    sealer: &Sealer,
    public_url: &str,
    id: ArtifactId,
    expires_at: Timestamp,
) -> Result<String> {
    Ok(format!(
        "{}{}",
        base(public_url),
        artifact_path(sealer, id, expires_at)?
    ))
}

/// The same without the host, for redirects.
pub fn artifact_path(sealer: &Sealer, id: ArtifactId, expires_at: Timestamp) -> Result<String> {
    let expires = expires_at.as_second();
    let signature = BASE64.encode(artifact_mac(sealer, id, expires)?);
    Ok(format!("/a/{id}?expires={expires}&signature={signature}"))
}

/// What a signed file link leads to.
pub enum ArtifactLink {
    Open(Scope, Artifact),
    /// The link is genuine, and its time is over.
    Closed {
        expired_at: Timestamp,
    },
}

/// Opens a signed file link; `NotFound` when it was not made here or the file is deleted.
pub async fn open_artifact(
    store: &Store,
    id: ArtifactId,
    expires: i64,
    signature: &str,
    now: Timestamp,
) -> Result<ArtifactLink> {
    let expected = artifact_mac(&store.sealer, id, expires)?;
    let given = BASE64.decode(signature).unwrap_or_default();
    let genuine: bool = expected.ct_eq(given.as_slice()).into();
    let expires_at = Timestamp::from_second(expires).map_err(|_| StoreError::NotFound("file"))?;
    if !genuine {
        return Err(StoreError::NotFound("file"));
    }
    if expires_at < now {
        return Ok(ArtifactLink::Closed {
            expired_at: expires_at,
        });
    }
    let workspace = sqlx::query_scalar!(
        "select workspace_id from artifact where id = $1",
        id.as_uuid()
    )
    .fetch_optional(&store.pool)
    .await?
    .ok_or(StoreError::NotFound("file"))?;
    let scope = Scope::new(workspace.into(), None);
    let artifact = artifact::get(store, &scope, id).await?;
    Ok(ArtifactLink::Open(scope, artifact))
}

/// A fresh submission id with its MAC, put into every form that is shown: it makes sending twice one submission, binds
/// uploads to the visitor and tells when the form was opened.
pub fn form_ticket(sealer: &Sealer, workflow: WorkflowId) -> Result<(SubmissionId, String)> {
    let id: SubmissionId = fresh_id();
    let ticket = token(
        sealer,
        "form-ticket",
        id.as_uuid(),
        workflow.as_uuid().as_bytes(),
    )?;
    Ok((id, ticket))
}

/// The submission id of a genuine ticket of this form.
pub fn open_form_ticket(
    sealer: &Sealer,
    workflow: WorkflowId,
    ticket: &str,
) -> Result<Option<SubmissionId>> {
    let id = open(sealer, "form-ticket", ticket, workflow.as_uuid().as_bytes())?;
    Ok(id.map(SubmissionId::from))
}

/// When a form with this submission id was opened.
pub fn opened_at(id: SubmissionId) -> Timestamp {
    minted_at(id.as_uuid())
}

/// `<public url>/hooks/<slug>/<token>` of one webhook step.
pub fn hook_url(
    sealer: &Sealer,
    public_url: &str,
    slug: &str,
    workflow: WorkflowId,
    node: &str,
) -> Result<String> {
    let token = BASE64.encode(hook_mac(sealer, workflow, node)?);
    Ok(format!("{}/hooks/{slug}/{token}", base(public_url)))
}

/// `<public url>/hooks/<slug>`, of a webhook step that asks for no proof.
pub fn open_hook_url(public_url: &str, slug: &str) -> String {
    format!("{}/hooks/{slug}", base(public_url))
}

/// Whether `token` is the secret of this webhook step.
pub fn opens_hook(sealer: &Sealer, workflow: WorkflowId, node: &str, token: &str) -> Result<bool> {
    let given = BASE64.decode(token).unwrap_or_default();
    Ok(hook_mac(sealer, workflow, node)?
        .ct_eq(given.as_slice())
        .into())
}

/// The document of a published version, which never changes.
pub async fn version_document(store: &Store, scope: &Scope, version: VersionId) -> Result<Json> {
    sqlx::query_scalar!(
        "select document from version where workspace_id = $1 and id = $2",
        scope.workspace().as_uuid(),
        version.as_uuid(),
    )
    .fetch_optional(&store.pool)
    .await?
    .ok_or(StoreError::NotFound("version"))
}

fn token(sealer: &Sealer, purpose: &str, id: Uuid, bound_to: &[u8]) -> Result<String> {
    let tag = mac(sealer, purpose, &[id.as_bytes(), bound_to])?;
    Ok(BASE64.encode([id.as_bytes().as_slice(), &tag].concat()))
}

fn open(sealer: &Sealer, purpose: &str, token: &str, bound_to: &[u8]) -> Result<Option<Uuid>> {
    let Ok(bytes) = BASE64.decode(token) else {
        return Ok(None);
    };
    let Some((id, tag)) = bytes.split_first_chunk::<16>() else {
        return Ok(None);
    };
    let expected = mac(sealer, purpose, &[id, bound_to])?;
    let genuine: bool = expected.ct_eq(tag).into();
    Ok(genuine.then(|| Uuid::from_bytes(*id)))
}

fn artifact_mac(sealer: &Sealer, id: ArtifactId, expires: i64) -> Result<[u8; TAG_BYTES]> {
    mac(
        sealer,
        "artifact-link",
        &[id.as_uuid().as_bytes(), &expires.to_be_bytes()],
    )
}

fn hook_mac(sealer: &Sealer, workflow: WorkflowId, node: &str) -> Result<[u8; TAG_BYTES]> {
    mac(
        sealer,
        "inbound-hook",
        &[workflow.as_uuid().as_bytes(), node.as_bytes()],
    )
}

/// At most one part may vary in length, and it is the last, so that no two inputs give the same text.
fn mac(sealer: &Sealer, purpose: &str, parts: &[&[u8]]) -> Result<[u8; TAG_BYTES]> {
    let mut mac = Hmac::<Sha256>::new_from_slice(&sealer.subkey(purpose)?)
        .expect("HMAC takes a key of any length");
    for part in parts {
        mac.update(part);
    }
    let bytes: [u8; 32] = mac.finalize().into_bytes().into();
    let mut tag = [0; TAG_BYTES];
    tag.copy_from_slice(&bytes[..TAG_BYTES]);
    Ok(tag)
}

fn minted_at(id: Uuid) -> Timestamp {
    let instant = id.get_timestamp().and_then(|at| {
        let (seconds, nanoseconds) = at.to_unix();
        Timestamp::new(
            i64::try_from(seconds).ok()?,
            i32::try_from(nanoseconds).ok()?,
        )
        .ok()
    });
    instant.unwrap_or(Timestamp::UNIX_EPOCH)
}

fn base(public_url: &str) -> &str {
    public_url.trim_end_matches('/')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::MasterKey;

    fn sealer(byte: u8) -> Sealer {
        Sealer::new(Some(MasterKey::from_bytes([byte; 32])))
    }

    #[test]
    fn a_run_token_opens_only_with_its_key_and_purpose() {
        let run: RunId = fresh_id();
        let token = run_token(&sealer(1), run).unwrap();
        assert_eq!(token.len(), 43);
        assert_eq!(open_run_token(&sealer(1), &token).unwrap(), run);
        assert!(open_run_token(&sealer(2), &token).is_err());
        assert!(
            open_run_token(&sealer(1), &format!("A{}", &token[1..])).is_err()
                || token.starts_with('A')
        );
        assert!(open_run_token(&sealer(1), "").is_err());
        assert!(open_run_token(&sealer(1), "../../etc/passwd").is_err());
        assert!(
            open_form_ticket(&sealer(1), fresh_id(), &token)
                .unwrap()
                .is_none()
        );
    }

    #[test]
    fn a_link_to_a_question_is_one_persons() {
        let (approval, anna, ben): (ApprovalId, Uuid, Uuid) = (fresh_id(), fresh_id(), fresh_id());
        let token = approval_token(&sealer(1), approval, anna).unwrap();
        assert_eq!(token.len(), 64);
        let opened = open_approval_token(&sealer(1), &token).unwrap();
        assert_eq!(opened, (approval.as_uuid(), anna));
        assert!(open_approval_token(&sealer(2), &token).is_err());
        let other = approval_token(&sealer(1), approval, ben).unwrap();
        // The person of one link with the proof of another.
        let mixed = format!("{}{}", &other[..43], &token[43..]);
        assert!(open_approval_token(&sealer(1), &mixed).is_err());
        for wrong in ["", "x", &token[..40]] {
            assert!(open_approval_token(&sealer(1), wrong).is_err());
        }
    }

    #[test]
    fn a_ticket_belongs_to_one_form_and_knows_when_it_was_opened() {
        let (form, other): (WorkflowId, WorkflowId) = (fresh_id(), fresh_id());
        let before = Timestamp::now() - SignedDuration::from_millis(2);
        let (id, ticket) = form_ticket(&sealer(1), form).unwrap();
        assert_eq!(
            open_form_ticket(&sealer(1), form, &ticket).unwrap(),
            Some(id)
        );
        assert_eq!(open_form_ticket(&sealer(1), other, &ticket).unwrap(), None);
        assert!(opened_at(id) >= before && opened_at(id) <= Timestamp::now());
    }

    #[test]
    fn hooks_of_two_steps_have_different_secrets() {
        let workflow: WorkflowId = fresh_id();
        let url = hook_url(
            &sealer(1),
            "https://forms.example/",
            "orders",
            workflow,
            "hook",
        )
        .unwrap();
        let token = url
            .strip_prefix("https://forms.example/hooks/orders/")
            .unwrap();
        assert!(opens_hook(&sealer(1), workflow, "hook", token).unwrap());
        assert!(!opens_hook(&sealer(1), workflow, "hook_2", token).unwrap());
        assert!(!opens_hook(&sealer(1), workflow, "hook", "").unwrap());
    }

    #[test]
    fn a_file_link_changes_with_its_end() {
        let id: ArtifactId = fresh_id();
        let at = |second| {
            artifact_path(&sealer(1), id, Timestamp::from_second(second).unwrap()).unwrap()
        };
        assert_ne!(
            at(10).split("signature=").last(),
            at(11).split("signature=").last()
        );
    }
}
