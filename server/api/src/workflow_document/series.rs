//! Series of numbers in workflow documents: embedded under a local name in exports and examples, a series of the workspace in drafts.

use std::collections::HashMap;

use engine::{
    catalogue::Catalogue, check::Problem, ids::SeriesId, series::Series, workflow::Workflow,
};
use jiff::civil::Date;
use serde_json::json;
use store::Scope;

use super::{Resources, SERIES, free_name, local_name, rename, settings};
use crate::{
    App,
    error::{ApiError, Result},
};

/// Steps that draw from a series that does not exist.
pub(super) fn problems(
    workflow: &Workflow,
    catalogue: &Catalogue,
    resources: &Resources,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (index, node) in workflow.nodes.iter().enumerate() {
        for (pointer, name) in settings(catalogue, node, SERIES) {
            let known = |(id, _): &(SeriesId, Series)| id.to_string() == name;
            if !resources.series.iter().any(known) {
                let message = "This series of numbers does not exist. Choose another one.";
                problems.push(
                    Problem::error("series_unknown", json!({}), message)
                        .at(format!("/nodes/{index}/config{pointer}"))
                        .of(&node.id),
                );
            }
        }
    }
    problems
}

/// Turns embedded series into those of this workspace: of the same name, or new ones.
pub(crate) async fn extract_series(
    app: &App,
    scope: &Scope,
    workflow: &mut Workflow,
    today: Date,
) -> Result<()> {
    let embedded = std::mem::take(&mut workflow.series);
    let mut ids: HashMap<String, SeriesId> = HashMap::new();
    for (local, series) in embedded {
        let place = format!("/document/series/{}", engine::value::escape_pointer(&local));
        let problems = series.check();
        if !problems.is_empty() {
            let problems = problems.into_iter().map(|problem| problem.under(&place));
            return Err(ApiError::from_problems(
                "A series of numbers in this workflow cannot be used.",
                problems.collect(),
            ));
        }
        let id = store::series::find_or_create(&app.store, scope, &series, today).await?;
        ids.insert(local, id);
    }
    rename(&app.catalogue, workflow, SERIES, |name| {
        ids.get(name).map(ToString::to_string)
    });
    Ok(())
}

/// Embeds series under local names, for an export.
pub(crate) fn embed_series(
    catalogue: &Catalogue,
    workflow: &mut Workflow,
    known: Vec<(SeriesId, Series)>,
) {
    let mut names: HashMap<String, String> = HashMap::new();
    for (id, series) in known {
        let local = free_name(&local_name(&series.name, "series"), |local| {
            workflow.series.contains_key(local)
        });
        names.insert(id.to_string(), local.clone());
        workflow.series.insert(local, series);
    }
    rename(catalogue, workflow, SERIES, |id| names.get(id).cloned());
}
