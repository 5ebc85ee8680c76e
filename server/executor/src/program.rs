//! What runs run: a published version or a draft, compiled once and kept. Only published versions are kept, because they never change.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use engine::{
    catalogue::Catalogue,
    graph::{Named, Plan},
    ids::{DocumentId, TableId, VersionId},
    node::{PinnedDocument, StepError},
    workflow::Workflow,
};
use store::{
    Store,
    queue::What,
    run::{self, RunRecord},
};

use crate::columns::{Columns, columns};

/// Compiled versions kept at once; beyond that all are compiled anew when needed.
const KEPT: usize = 256;

/// One version or draft, ready to run.
pub(crate) struct Program {
    pub(crate) plan: Plan,
    /// Of a published version.
    pub(crate) number: Option<i32>,
    pub(crate) documents: HashMap<DocumentId, PinnedDocument>,
    pub(crate) tables: HashMap<TableId, Columns>,
}

pub(crate) struct Programs {
    catalogue: Arc<Catalogue>,
    kept: Mutex<HashMap<VersionId, Arc<Program>>>,
}

/// Why there is no program.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unusable {
    /// Nothing will help: the run fails with this.
    #[error("{0}")]
    Broken(StepError),
    #[error(transparent)]
    Store(#[from] store::StoreError),
}

impl Programs {
    pub(crate) fn new(catalogue: Arc<Catalogue>) -> Self {
        Self {
            catalogue,
            kept: Mutex::new(HashMap::new()),
        }
    }

    pub(crate) async fn get(
        &self,
        store: &Store,
        run: &RunRecord,
    ) -> Result<Arc<Program>, Unusable> {
        let version = match run.what {
            What::Version(version) => Some(version),
            What::Draft(_) => None,
        };
        if let Some(kept) = version.and_then(|version| self.lock().get(&version).cloned()) {
            return Ok(kept);
        }
        let program = Arc::new(self.compile(run::program(store, run).await?)?);
        if let Some(version) = version {
            let mut kept = self.lock();
            if kept.len() >= KEPT {
                kept.clear();
            }
            kept.insert(version, program.clone());
        }
        Ok(program)
    }

    fn compile(&self, stored: run::Program) -> Result<Program, Unusable> {
        let workflow: Workflow =
            serde_json::from_value(stored.document.clone()).map_err(|error| {
                let told = StepError::new(
                    "workflow_unreadable",
                    format!("The workflow of this run cannot be read: {error}."),
                );
                Unusable::Broken(told.with("reason", error.to_string()))
            })?;
        let documents = stored
            .documents
            .iter()
            .map(|(id, document)| {
                let fields = document.template.get("fields").cloned().unwrap_or_default();
                (*id, serde_json::from_value(fields).unwrap_or_default())
            })
            .collect();
        let tables = columns(&stored, &workflow);
        let named = Named {
            documents,
            tables: tables
                .iter()
                .map(|(id, table)| (*id, table.fields.clone()))
                .collect(),
            workflows: stored.workflows.clone(),
        };
        let (plan, problems) = Plan::compile(&workflow, &self.catalogue, &named);
        let plan = plan.ok_or_else(|| {
            let first = problems.first().map_or_else(
                || "it has no steps".to_owned(),
                |problem| format!("{} ({})", problem.message, problem.pointer),
            );
            let told = StepError::new(
                "workflow_broken",
                format!("The workflow of this run cannot run: {first}"),
            );
            Unusable::Broken(told.with("reason", first))
        })?;
        Ok(Program {
            plan,
            number: stored.number,
            documents: stored.documents,
            tables,
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<VersionId, Arc<Program>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
