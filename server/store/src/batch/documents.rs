//! The documents that the runs of a batch have made, in the order of its rows.

use engine::{ids::BatchId, value::PAGE_MAP};
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

/// What the runs of succeeded rows and the runs that they called have made, or kept of the run that they retry: nothing that was handed in,
/// no pictures of first pages and no page maps, of several files of one name that a run and its chain made the newest, and nothing of a called
/// run that did not succeed, whose numbers may be void, nor of what that one called. A call that a retry kept is the last one of its step that
/// the chain made.
pub async fn documents(store: &Store, scope: &Scope, batch: BatchId) -> Result<Vec<Paper>> {
    let rows = sqlx::query!(
        r#"with recursive source (number, title, run, first_run) as (
               select r.number, run.title, run.id, run.first_run from batch_row r join run on run.id = r.run_id
               where r.workspace_id = $1 and r.batch_id = $2 and r.state = 'succeeded'
               union
               select source.number, source.title, called.id, called.first_run
               from source join run caller on caller.id = source.run and caller.state = 'succeeded'
                    join run chain on chain.first_run = source.first_run and chain.id <= caller.id
                    join run called on called.parent_run = chain.id
               where chain.id = caller.id
                  or exists (select from step where step.run_id = caller.id and step.node = called.parent_node
                             and step.item_path = called.parent_item_path and step.state in ('succeeded', 'failed')
                             and step.finished_at < caller.created_at)
                     and not exists (select from run other join run later on later.parent_run = other.id
                                     where other.first_run = source.first_run and other.id <= caller.id
                                       and later.parent_node = called.parent_node and later.parent_item_path = called.parent_item_path
                                       and later.id > called.id))
           select number as "number!", title as "title!", id as "id!" from (
               select distinct on (source.number, source.run, a.name) source.number, source.title, source.run, source.first_run,
                      run.depth, a.id, a.name, a.content_type
               from source
                    join run on run.id = source.run and run.state = 'succeeded'
                    join run chain on chain.first_run = source.first_run and chain.id <= run.id
                    join artifact a on a.workspace_id = $1 and a.run_id = chain.id
               where a.upload_session is null and a.deleted_at is null and a.content_type <> $3
                 and (chain.id = run.id or exists (select from step where step.run_id = run.id and strpos(step.output::text, a.id::text) > 0))
               order by source.number, source.run, a.name, a.created_at desc) made
           where content_type <> 'image/svg+xml' or not exists (
               select from run chain join artifact pdf on pdf.workspace_id = $1 and pdf.run_id = chain.id
               where chain.first_run = made.first_run and pdf.content_type = 'application/pdf'
                 and pdf.name = regexp_replace(made.name, '\.svg$', '.pdf'))
           order by number, depth, run, name"#,
        scope.workspace().as_uuid(),
        batch.as_uuid(),
        PAGE_MAP,
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
