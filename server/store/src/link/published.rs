//! Workflows as the public sees them, found by their addresses. Every call of a form or an inbound webhook asks; those that ask at the same
//! time are answered by one statement. Nothing is remembered: what was published, closed or deleted before somebody asked counts.

use std::collections::HashMap;

use engine::ids::{VersionId, WorkflowId};
use serde_json::Value as Json;
use sqlx::PgPool;
use tokio::sync::{mpsc, oneshot};

use crate::{Result, Scope, Store, StoreError, gather, storable};

/// Most addresses in one statement.
const GROUP: usize = 100;

/// A workflow as the public sees it, found by its address.
#[derive(Clone, Debug)]
pub struct PublicWorkflow {
    pub scope: Scope,
    pub id: WorkflowId,
    pub name: String,
    pub slug: String,
    /// Published, and no person closed it.
    pub live: bool,
    pub version: VersionId,
    /// The firm's record as it is now; `null` before anybody filled it in.
    pub firm: Json,
    /// Somebody waits for a test call.
    pub listening: bool,
}

/// The published workflow at an address; `NotFound` also for a draft, so that nobody can tell the two apart.
pub async fn workflow(store: &Store, slug: &str) -> Result<PublicWorkflow> {
    let not_found = || StoreError::NotFound("form");
    if !storable::text(slug) {
        return Err(not_found());
    }
    let (answer, answered) = oneshot::channel();
    let question = Question {
        slug: slug.to_owned(),
        answer,
    };
    store
        .addresses
        .0
        .send(question)
        .map_err(|_| unavailable())?;
    answered
        .await
        .map_err(|_| unavailable())??
        .ok_or_else(not_found)
}

fn unavailable() -> StoreError {
    StoreError::Unavailable(sqlx::Error::WorkerCrashed)
}

/// Where workflows are asked for; every store has one.
#[derive(Clone)]
pub(crate) struct Addresses(mpsc::UnboundedSender<Question>);

struct Question {
    slug: String,
    answer: oneshot::Sender<Result<Option<PublicWorkflow>>>,
}

impl Addresses {
    /// Starts the task that asks; it ends when the last handle is dropped.
    pub(crate) fn start(pool: PgPool) -> Self {
        let (sender, mut questions) = mpsc::unbounded_channel::<Question>();
        tokio::spawn(async move {
            while let Some(question) = questions.recv().await {
                let mut group = vec![question];
                gather(&mut questions, &mut group, GROUP).await;
                // A panic fails those it meets, and nobody after them.
                let answered = tokio::spawn(answer_all(pool.clone(), group));
                if answered.await.is_err() {
                    tracing::error!("finding workflows by their addresses panicked");
                }
            }
        });
        Self(sender)
    }
}

async fn answer_all(pool: PgPool, group: Vec<Question>) {
    let mut slugs: Vec<String> = group.iter().map(|asked| asked.slug.clone()).collect();
    slugs.sort_unstable();
    slugs.dedup();
    let found = find(&pool, &slugs).await;
    if let Err(error) = &found {
        tracing::warn!(%error, "workflows could not be found by their addresses");
    }
    for Question { slug, answer } in group {
        let told = match &found {
            Ok(found) => Ok(found.get(&slug).cloned()),
            Err(_) => Err(unavailable()),
        };
        // Whoever asked may have left.
        let _ = answer.send(told);
    }
}

async fn find(pool: &PgPool, slugs: &[String]) -> Result<HashMap<String, PublicWorkflow>> {
    let rows = sqlx::query!(
        r#"select workflow.id, workflow.workspace_id, workflow.name, workflow.slug, workflow.state,
                  workflow.live_version_id as "version_id!", firm.record as "firm?",
                  exists (select 1 from hook_test t where t.workflow_id = workflow.id and t.until > now() and t.body is null)
                      as "listening!"
           from workflow left join firm on firm.workspace_id = workflow.workspace_id
           where workflow.slug = any($1) and workflow.deleted_at is null and workflow.state <> 'draft'
             and workflow.live_version_id is not null"#,
        slugs,
    )
    .fetch_all(pool)
    .await?;
    let found = rows.into_iter().map(|row| {
        let workflow = PublicWorkflow {
            scope: Scope::new(row.workspace_id.into(), None),
            id: row.id.into(),
            name: row.name,
            slug: row.slug,
            live: row.state == "live",
            version: row.version_id.into(),
            firm: row.firm.unwrap_or_default(),
            listening: row.listening,
        };
        (workflow.slug.clone(), workflow)
    });
    Ok(found.collect())
}
