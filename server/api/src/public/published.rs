//! A published workflow with its triggers bound, kept in memory by version: versions never change.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use engine::{
    firm::Firm,
    form::Form,
    graph,
    ids::VersionId,
    node::{Trigger, Webhook},
    value::{Record, Value},
    workflow::Workflow,
};
use jiff::{Timestamp, tz::TimeZone};
use store::{StoreError, link::PublicWorkflow};

use crate::{App, error::ApiError};

/// Versions kept at most; they are small.
const MAX_KEPT: usize = 500;

/// What a version offers the public.
pub(crate) struct Published {
    pub(crate) workflow: Workflow,
    /// The first form, with the id of its step.
    pub(crate) form: Option<(String, Form)>,
    pub(crate) hooks: Vec<(String, Webhook)>,
}

impl Published {
    pub(crate) fn zone(&self) -> TimeZone {
        TimeZone::get(&self.workflow.time_zone).unwrap_or(TimeZone::UTC)
    }
}

#[derive(Default)]
pub(crate) struct Kept(Mutex<HashMap<VersionId, Arc<Published>>>);

impl Kept {
    /// The version behind a public address.
    pub(crate) async fn get(
        &self,
        app: &App,
        public: &PublicWorkflow,
    ) -> Result<Arc<Published>, ApiError> {
        if let Some(found) = self.lock().get(&public.version) {
            return Ok(found.clone());
        }
        let document =
            store::link::version_document(&app.store, &public.scope, public.version).await?;
        let published = Arc::new(bind(app, &document)?);
        let mut kept = self.lock();
        if kept.len() >= MAX_KEPT {
            kept.clear();
        }
        kept.insert(public.version, published.clone());
        Ok(published)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<VersionId, Arc<Published>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn bind(app: &App, document: &serde_json::Value) -> Result<Published, ApiError> {
    let workflow = graph::parse(document).map_err(|problems| {
        let first = problems
            .first()
            .map(|problem| problem.message.clone())
            .unwrap_or_default();
        ApiError::internal(StoreError::Damaged(format!(
            "a published workflow: {first}"
        )))
    })?;
    let mut published = Published {
        workflow,
        form: None,
        hooks: Vec::new(),
    };
    for node in &published.workflow.nodes {
        let Some(node_type) = app.catalogue.get(&node.node_type, node.version) else {
            continue;
        };
        match node_type
            .bind(&node.config)
            .ok()
            .and_then(|bound| bound.trigger())
        {
            Some(Trigger::Form(form)) if published.form.is_none() => {
                published.form = Some((node.id.clone(), form));
            }
            Some(Trigger::Webhook(hook)) => published.hooks.push((node.id.clone(), hook)),
            Some(Trigger::Form(_) | Trigger::Schedule(_) | Trigger::Call(_)) | None => {}
        }
    }
    Ok(published)
}

/// The firm's record; a workspace that has not filled it in has an empty one.
pub(crate) fn firm(public: &PublicWorkflow) -> Firm {
    serde_json::from_value(public.firm.clone()).unwrap_or_default()
}

/// What a form's computed values may read besides the answers.
pub(crate) fn constants(firm: &Firm, zone: &TimeZone, now: Timestamp) -> Record {
    Record::from_iter([
        ("firm".to_owned(), firm.to_value()),
        ("now".to_owned(), Value::Instant(now)),
        (
            "today".to_owned(),
            Value::Date(now.to_zoned(zone.clone()).date()),
        ),
    ])
}
