//! The documents that the runs of a batch have made, in the order of its rows.

use engine::ids::BatchId;
use uuid::Uuid;

use crate::{
    Result, Scope, Store, StoreError,
    artifact::{self, Artifact},
};

/// A document of a row.
#[derive(Clone, Debug)]
pub struct Paper {
    /// The row's number.
    pub number: i32,
    /// Of its run.
    pub title: String,
    pub artifact: Artifact,
}

/// What the runs of succeeded rows have made, or kept of the run that they retry: nothing that was handed in, no pictures of first pages, and
/// of several files of one name the newest.
pub async fn documents(store: &Store, scope: &Scope, batch: BatchId) -> Result<Vec<Paper>> {
    let rows = sqlx::query!(
        r#"select number as "number!", title as "title!", id as "id!" from (
               select distinct on (r.number, a.name) r.number, run.title, a.id, a.name, a.content_type, chain.first_run
               from batch_row r
                    join run on run.id = r.run_id
                    join run chain on chain.first_run = run.first_run
                    join artifact a on a.workspace_id = r.workspace_id and a.run_id = chain.id
               where r.workspace_id = $1 and r.batch_id = $2 and r.state = 'succeeded'
                 and a.upload_session is null and a.deleted_at is null
                 and (chain.id = run.id or exists (select from step where step.run_id = run.id and strpos(step.output::text, a.id::text) > 0))
               order by r.number, a.name, a.created_at desc) made
           where content_type <> 'image/svg+xml' or not exists (
               select from run chain join artifact pdf on pdf.workspace_id = $1 and pdf.run_id = chain.id
               where chain.first_run = made.first_run and pdf.content_type = 'application/pdf'
                 and pdf.name = regexp_replace(made.name, '\.svg$', '.pdf'))
           order by number, name"#,
        scope.workspace().as_uuid(),
        batch.as_uuid(),
    )
    .fetch_all(&store.pool)
    .await?;
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let mut files = artifact::get_all(store, scope, &ids).await?;
    rows.into_iter()
        .map(|row| {
            let artifact = files
                .remove(&row.id.into())
                .ok_or(StoreError::NotFound("file"))?;
            Ok(Paper {
                number: row.number,
                title: row.title,
                artifact,
            })
        })
        .collect()
}
