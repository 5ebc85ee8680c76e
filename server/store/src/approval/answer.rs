//! The answer to a question: one commit that uses it up, keeps what was said and readies the step. Whoever comes first under the run's
//! lock counts, an answer or the end of its time.

use engine::approval::{Decision, Verdict};
use jiff::Timestamp;
use serde_json::Value as Json;

use super::{Approval, Person, announce, get};
use crate::{Result, Scope, Store, StoreError, events::Event, queue, run, storable};

/// What somebody says. Values are checked against the question's fields before.
#[derive(Clone, Debug)]
pub struct Given {
    pub decision: Decision,
    pub comment: String,
    /// In the JSON form of the fields' kinds; not looked at when it is refused.
    pub values: Json,
}

/// How an answer was taken.
#[derive(Debug)]
pub enum Answered {
    Done(Verdict),
    /// Somebody else was first, its time is over, or the run has ended: the question as it is.
    Late(Box<Approval>),
}

/// Takes the answer of somebody who may give it.
pub async fn answer(
    store: &Store,
    scope: &Scope,
    approval: &Approval,
    person: &Person,
    given: Given,
    now: Timestamp,
) -> Result<Answered> {
    if approval.is_open() && !approval.may_answer(person) {
        return Err(StoreError::conflict(
            "approval_barred",
            "Whoever started the run may not decide on it. Somebody else has to.",
        ));
    }
    let verdict = Verdict {
        decision: given.decision,
        by: person.title().to_owned(),
        at: now,
        comment: given.comment,
        values: match given.decision {
            Decision::Approved => given.values,
            Decision::Refused => approval.request.values.clone(),
        },
    };
    let json = serde_json::to_value(&verdict)?;
    if !storable::json(&json) {
        return Err(StoreError::invalid(
            "nul_character",
            "",
            "The answer contains a NUL character, which cannot be stored.",
        ));
    }
    if commit(store, scope, approval, person, &json).await? {
        queue::wake(store);
        announce(store, scope);
        store.events.publish(Event {
            workspace: scope.workspace(),
            topic: format!("run:{}", approval.run),
            kind: "step.changed".into(),
            data: serde_json::json!({ "node": approval.node, "item_path": approval.item_path, "state": "ready" }),
        });
        return Ok(Answered::Done(verdict));
    }
    let now = get(store, scope, approval.id).await?;
    Ok(Answered::Late(Box::new(now)))
}

/// `false`: it was too late, and nothing was written.
async fn commit(
    store: &Store,
    scope: &Scope,
    approval: &Approval,
    person: &Person,
    verdict: &Json,
) -> Result<bool> {
    let decision = verdict["decision"].as_str().unwrap_or_default();
    let mut transaction = store.pool.begin().await?;
    sqlx::query!(
        "select id from run where id = $1 and workspace_id = $2 for update",
        approval.run.as_uuid(),
        scope.workspace().as_uuid(),
    )
    .fetch_optional(&mut *transaction)
    .await?
    .ok_or(StoreError::NotFound("run"))?;
    let used = sqlx::query!(
        "update approval set state = $3, verdict = $4, answered_by = $5, settled_at = now()
         where id = $1 and workspace_id = $2 and state = 'open' and expires_at > now()",
        approval.id.as_uuid(),
        scope.workspace().as_uuid(),
        decision,
        verdict,
        person.member.map(engine::ids::MemberId::as_uuid),
    )
    .execute(&mut *transaction)
    .await?;
    let first = used.rows_affected() > 0
        && run::signal_waiting(
            &mut transaction,
            approval.run,
            &approval.node,
            &approval.item_path,
            verdict,
        )
        .await?;
    if first {
        transaction.commit().await?;
    }
    Ok(first)
}
