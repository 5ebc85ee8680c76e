//! The pages of a document that a run made, with where everything on them comes from. What the page map beside the file leaves open, from
//! the document's field on, is looked up in what the run stored; values are not told, only who gave them.

mod trace;

use std::collections::{HashMap, hash_map::Entry};

use axum::{Json, extract::State};
use document::{How, MappedPage, PageMap, PlaceOrigin};
use engine::{
    graph::Plan,
    ids::{ArtifactId, RunId},
    node::{GenerationRequest, GenerationResult},
    private::files_in,
};
use serde::Serialize;
use store::{
    Scope, Store,
    generation::Generation,
    run::{RunDetail, StepDetail},
};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::out::MessageOut;
use crate::{
    App,
    auth::Caller,
    error::{ApiError, Result},
    extract::Path,
    routes::run_view::messages_out,
    workflow_document::{Resources, filled, names_document, parse, slug},
};

use trace::Trace;

/// How a page is kept beside its PDF, for eyes.
const PICTURE: &str = "image/svg+xml";

/// Most runs of a chain of retries in which a request to a model is looked for.
const MAX_CHAIN: usize = 20;

/// A page of a document.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RunPageOut {
    /// Pages of the document.
    pub page_count: usize,
    /// The first of them, of which it is known where everything comes from; the others are shown by the file alone.
    pub mapped_count: usize,
    pub width_mm: f64,
    pub height_mm: f64,
    /// SVG.
    pub svg: String,
    /// In the order of drawing.
    pub places: Vec<RunPlaceOut>,
    pub origins: Vec<OriginOut>,
    /// Requests to models, as far as they are still stored.
    pub models: Vec<OriginModelOut>,
    /// The private values of the run are gone, and with them all that models were asked.
    pub is_masked: bool,
}

/// Where something stands on a page; a text has one place a line.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RunPlaceOut {
    /// Number in `origins`, from 0.
    pub origin: usize,
    pub x_mm: f64,
    pub y_mm: f64,
    pub width_mm: f64,
    pub height_mm: f64,
}

/// Where something on a page comes from.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OriginOut {
    /// Block id in the template.
    pub block: String,
    /// JSON pointer of the text in the template.
    pub leaf: String,
    /// `literal`: the template says it; a value `shown`, or `computed`; or `sum`, `count`, `average`, `minimum`, `maximum` of a column.
    pub how: String,
    /// `asked`, `written`, `computed`, `made`, `sent` or `looked`; null: somebody who made the template or the workflow wrote it.
    pub family: Option<String>,
    /// As it stands in the template.
    pub expression: Option<String>,
    /// What it was made of, each followed by what that was made of.
    pub sources: Vec<OriginSourceOut>,
    /// There are more sources than are told.
    pub is_cut: bool,
}

/// A value that another one was made of.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OriginSourceOut {
    /// 0: what the page shows was made of it; 1: the source of depth 0 before it was, and so on.
    pub depth: usize,
    pub kind: SourceKind,
    pub family: Option<String>,
    /// A lucide icon name.
    pub icon: Option<String>,
    /// The step, its entry of a list, and its name.
    pub node: Option<String>,
    pub item_path: Option<String>,
    pub name: Option<String>,
    /// What the value is called there.
    pub title: String,
    /// The value among what the step put out, or the name that the template reads.
    pub path: String,
    /// What it was computed with.
    pub expression: Option<String>,
    /// Who corrected it.
    pub by: Option<String>,
    /// The run that put it out.
    pub run: Option<Uuid>,
    /// Number in `models`, from 0.
    pub model: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SourceKind {
    /// Somebody filled it in, or a program handed it in.
    Answer,
    /// An expression made it.
    Computed,
    /// A model wrote it.
    Written,
    /// A step that may ask a model asked none and passed it on.
    Given,
    /// Somebody who was asked to approve it corrected it.
    Corrected,
    /// Somebody was asked to approve it; whether it was corrected is not known any more.
    Approved,
    /// A run that the step called put it out.
    Called,
    /// It stands in the step's settings.
    Setting,
    /// The step put it out.
    Step,
    /// The workspace's own data.
    Firm,
    /// The day or the instant of the run.
    Time,
    /// The number of a page, or how many there are.
    Page,
    /// The number of an entry.
    Entry,
    /// The run's own data.
    Run,
    /// Nothing that is known put it out.
    Unknown,
}

/// A request to a model.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OriginModelOut {
    pub id: Uuid,
    pub node: String,
    pub item_path: String,
    pub attempt: i32,
    /// Above 0 it was asked again, because its first text was too long.
    pub round: i32,
    pub model: Option<String>,
    /// As text: 64 bits do not fit a JSON number.
    pub seed: Option<String>,
    pub temperature: Option<f64>,
    /// What the model was given.
    pub messages: Vec<MessageOut>,
}

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(read_run_page))
}

/// A page of a document that a run made, from 1, and where everything on it comes from. 404 for pages and files that are not mapped.
#[utoipa::path(get, path = "/runs/{id}/files/{file}/pages/{number}", tag = "runs",
    params(("id" = Uuid, Path), ("file" = Uuid, Path), ("number" = usize, Path)),
    responses((status = 200, body = RunPageOut)))]
async fn read_run_page(
    State(app): State<App>,
    caller: Caller,
    Path((id, file, number)): Path<(Uuid, Uuid, usize)>,
) -> Result<Json<RunPageOut>> {
    let (store, scope) = (&app.store, &caller.scope);
    let detail = store::run::get(store, scope, RunId(id)).await?;
    let workflow = parse(&detail.document)?;
    // What a step put out that made a file is small.
    let steps = store::run::steps_with(store, scope, detail.item.id, |_| false).await?;
    let file = ArtifactId(file);
    // Others may hand it on.
    let maker = steps.iter().find_map(|step| {
        let node = workflow.nodes.iter().find(|node| node.id == step.node)?;
        let files = files_in(step.output.as_ref()?);
        let is_it = files.iter().any(|known| known.id == file);
        (is_it && names_document(&app.catalogue, node)).then_some((node, step, files))
    });
    let (node, step, files) = maker.ok_or_else(|| ApiError::not_found("file"))?;
    let artifact = store::artifact::get(store, scope, file).await?;
    let bytes = store::artifact::page_map(store, scope, &artifact).await?;
    let map = bytes.and_then(|bytes| PageMap::read(&bytes));
    let map = map.ok_or_else(|| ApiError::not_found("page"))?;
    let page = number.checked_sub(1).and_then(|index| map.pages.get(index));
    let page = page.ok_or_else(|| ApiError::not_found("page"))?;
    let svg = match &page.svg {
        Some(svg) => svg.clone(),
        None => {
            let picture = files.iter().find(|known| known.content_type == PICTURE);
            let picture = picture.ok_or_else(|| ApiError::not_found("page"))?;
            let bytes = store::artifact::read(store, scope, picture.id).await?;
            String::from_utf8_lossy(&bytes).into_owned()
        }
    };
    let models = models(store, scope, &detail, &steps).await?;
    let resources = Resources::read(store, scope, &app.catalogue, &workflow, None).await?;
    let (plan, _) = Plan::compile(&workflow, &app.catalogue, &resources.named());
    let approvals = store::approval::of_run(store, scope, detail.item.id).await?;
    let children = store::call::children(store, scope, detail.item.id).await?;
    let trace = Trace {
        catalogue: &app.catalogue,
        workflow: &workflow,
        plan: plan.as_ref(),
        steps: &steps,
        approvals: &approvals,
        children: &children,
        models: &models,
        computed: &map.computed,
        node,
        item_path: &step.item_path,
        filled: filled(&app.catalogue, node).map(|(_, filled)| filled),
        is_masked: detail.masked_at.is_some(),
    };
    let (places, origins) = traced(&trace, &map.origins, page);
    Ok(Json(RunPageOut {
        page_count: map.page_count,
        mapped_count: map.pages.len(),
        width_mm: f64::from(map.width_mm),
        height_mm: f64::from(map.height_mm),
        svg,
        places,
        origins,
        models: models.iter().map(model_out).collect(),
        is_masked: detail.masked_at.is_some(),
    }))
}

/// The places of a page, and the origins that stand on it.
fn traced(
    trace: &Trace<'_>,
    all: &[PlaceOrigin],
    page: &MappedPage,
) -> (Vec<RunPlaceOut>, Vec<OriginOut>) {
    let mut numbers: HashMap<usize, usize> = HashMap::new();
    let (mut places, mut origins) = (Vec::with_capacity(page.places.len()), Vec::new());
    for place in &page.places {
        let origin = match numbers.entry(place.0) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(free) => {
                origins.push(origin_out(trace, &all[place.0]));
                *free.insert(origins.len() - 1)
            }
        };
        let [x_mm, y_mm, width_mm, height_mm] = place.1.map(|length| f64::from(length) / 100.0);
        places.push(RunPlaceOut {
            origin,
            x_mm,
            y_mm,
            width_mm,
            height_mm,
        });
    }
    (places, origins)
}

fn origin_out(trace: &Trace<'_>, origin: &PlaceOrigin) -> OriginOut {
    let (sources, is_cut) = trace.sources(&origin.reads);
    let family = match origin.how {
        How::Literal => None,
        How::Shown => sources
            .first()
            .map_or_else(|| Some("computed".into()), |first| first.family.clone()),
        How::Computed | How::Sum | How::Count | How::Average | How::Minimum | How::Maximum => {
            Some("computed".into())
        }
    };
    OriginOut {
        block: origin.block.clone(),
        leaf: origin.leaf.clone(),
        how: slug(&origin.how),
        family,
        expression: origin.expression.clone(),
        sources,
        is_cut,
    }
}

/// Requests that succeeded, the newest first; of steps that a retry kept, those of the runs before it.
async fn models(
    store: &Store,
    scope: &Scope,
    detail: &RunDetail,
    steps: &[StepDetail],
) -> Result<Vec<Generation>> {
    let succeeded = |found: Vec<Generation>| {
        let found = found.into_iter().rev();
        found.filter(|generation| generation.state == "succeeded")
    };
    let own = store::generation::of_run(store, scope, detail.item.id).await?;
    let mut found: Vec<Generation> = succeeded(own).collect();
    let began = detail.item.created_at;
    let kept = |generation: &Generation| {
        steps.iter().any(|step| {
            step.node == generation.node
                && step.item_path == generation.item_path
                && step.finished_at.is_some_and(|finished| finished < began)
        })
    };
    let mut before = detail.item.retry_of;
    for _ in 0..MAX_CHAIN {
        let Some(run) = before else { break };
        // One that is kept no longer tells nothing.
        let Ok(earlier) = store::run::get(store, scope, run).await else {
            break;
        };
        let others = store::generation::of_run(store, scope, run).await?;
        found.extend(succeeded(others).filter(kept));
        before = earlier.item.retry_of;
    }
    Ok(found)
}

fn model_out(generation: &Generation) -> OriginModelOut {
    let request: Option<GenerationRequest> =
        serde_json::from_value(generation.request.clone()).ok();
    let result: Option<GenerationResult> = generation
        .result
        .clone()
        .and_then(|json| serde_json::from_value(json).ok());
    let seed = result.map(|result| result.seed);
    OriginModelOut {
        id: generation.id.as_uuid(),
        node: generation.node.clone(),
        item_path: generation.item_path.clone(),
        attempt: generation.attempt,
        round: generation.round,
        model: generation.model.clone(),
        seed: seed
            .or(request.as_ref().map(|request| request.seed))
            .map(|seed| seed.to_string()),
        // As it was written: 0.7, not the closest number of 32 bits.
        temperature: request
            .as_ref()
            .and_then(|request| request.temperature.to_string().parse().ok()),
        messages: messages_out(request.as_ref()),
    }
}
