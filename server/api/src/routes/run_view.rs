//! One run as people look at it: the stored rows joined with what the workflow document and the catalogue say about each step.

use std::{collections::HashMap, time::Duration};

use axum::{Json, http::StatusCode};
use engine::{
    expression::Template,
    firm::Firm,
    graph::Plan,
    ids::RunId,
    node::{GenerationRequest, GenerationResult, Role, Warning},
    run::paths,
    workflow::{Node, Workflow},
};
use serde::Deserialize as _;
use serde_json::{Map, Value, json};
use store::{
    Scope,
    approval::Approval,
    call::Child,
    generation::Generation,
    run::{Attempt, Outcome, StepDetail},
};

use super::{
    approvals::page_of,
    artifacts::ArtifactOut,
    runs::credit_note,
    runs::out::{
        AttemptOut, CalledByOut, CalledOut, GenerationOut, LineOut, MessageOut, RunBatchOut,
        RunDeliveryOut, RunOut, RunResultOut, RunState, RunWorkflowOut, StepErrorOut, StepOut,
        StepState, UsageOut, WaitOut, WarningOut,
    },
};
use crate::{
    App,
    error::{ApiError, Result},
    workflow_document::{Resources, slug},
};

/// Everything about a run.
#[expect(clippy::too_many_lines, reason = "one answer, field by field")]
pub(super) async fn run_out(app: &App, scope: &Scope, id: RunId) -> Result<RunOut> {
    let store = &app.store;
    let detail = store::run::get(store, scope, id).await?;
    let rows = store::run::steps(store, scope, id).await?;
    let attempts = store::run::attempts(store, scope, id).await?;
    let generations = store::generation::of_run(store, scope, id).await?;
    let files = store::artifact::of_run(store, scope, id).await?;
    let deliveries = store::delivery::of_run(store, scope, id).await?;
    let children = store::call::children(store, scope, id).await?;
    let parent = store::call::parent(store, scope, id).await?;
    let batch = match detail.item.source.as_str() {
        "batch" => store::batch::of_run(store, scope, detail.first_run).await?,
        _ => None,
    };
    let workflow: Option<Workflow> = serde_json::from_value(detail.document.clone()).ok();
    let plan = match &workflow {
        Some(workflow) => {
            let resources = Resources::read(store, scope, &app.catalogue, workflow, None).await?;
            Plan::compile(workflow, &app.catalogue, &resources.named()).0
        }
        None => None,
    };
    let hosts: HashMap<_, _> = store::worker::list(store)
        .await?
        .into_iter()
        .map(|worker| (worker.id, worker.host))
        .collect();
    let host = |worker: Option<engine::ids::WorkerId>| {
        worker.map(|id| hosts.get(&id).cloned().unwrap_or_else(|| "gone".into()))
    };
    let questions = Questions::read(app, scope, id).await?;
    let in_line = detail.item.line.is_some();
    let reads = Reads::new(workflow.as_ref(), &rows, &detail.firm);
    let mut steps = Vec::new();
    for place in places(workflow.as_ref(), &rows) {
        let row = rows
            .iter()
            .find(|row| row.node == place.node && row.item_path == place.item_path);
        let node = workflow
            .as_ref()
            .and_then(|workflow| workflow.nodes.iter().find(|node| node.id == place.node));
        let known = node.and_then(|node| app.catalogue.get(&node.node_type, node.version));
        let here = |node: &str, item_path: &str| node == place.node && item_path == place.item_path;
        let mut written = Vec::new();
        for generation in generations
            .iter()
            .filter(|one| here(&one.node, &one.item_path))
        {
            written.push(generation_out(app, scope, generation).await?);
        }
        let tries = attempts
            .iter()
            .filter(|one| here(&one.node, &one.item_path))
            .map(|one| attempt_out(one, host(one.worker)))
            .collect();
        steps.push(StepOut {
            name: node.map_or_else(|| place.node.to_owned(), |node| node.name.clone()),
            node_type: node.map_or(String::new(), |node| node.node_type.clone()),
            title: known.map_or(String::new(), |known| known.description.title.into()),
            family: known.map_or("computed".into(), |known| slug(&known.description.family)),
            icon: known.map_or("circle-help".into(), |known| known.description.icon.into()),
            state: row.map_or(StepState::Pending, |row| step_state(&row.state)),
            ports: row.map(|row| row.ports.clone()).unwrap_or_default(),
            input: node.map_or_else(|| json!({}), |node| reads.of(node, place.item_path)),
            output: row.and_then(|row| row.output.clone()),
            output_kind: plan
                .as_ref()
                .and_then(|plan| plan.node(place.node))
                .map(|node| json!(node.output)),
            error: row
                .and_then(|row| row.error.as_ref())
                .map(StepErrorOut::from_json),
            warnings: row.map(warnings).unwrap_or_default(),
            waits: match row {
                Some(row) => questions.named(row, wait_out(row, &generations, in_line)),
                None => None,
            },
            called: children
                .iter()
                .find(|child| here(&child.node, &child.item_path))
                .map(called_out),
            attempts: tries,
            generations: written,
            started_at: row.and_then(|row| row.started_at),
            finished_at: row.and_then(|row| row.finished_at),
            node: place.node.to_owned(),
            item_path: place.item_path.to_owned(),
        });
    }
    let invoices = credit_note::invoices(&app.catalogue, &detail, &rows);
    let item = &detail.item;
    Ok(RunOut {
        id: item.id.as_uuid(),
        title: item.title.clone(),
        state: RunState::parse(&item.state),
        source: item.source.clone(),
        trial: item.trial,
        paused: item.paused,
        line: item.line.clone().map(LineOut::from),
        workflow: RunWorkflowOut {
            id: item.workflow.as_uuid(),
            name: item.workflow_name.clone(),
            version: item.version,
        },
        created_at: item.created_at,
        started_at: item.started_at,
        finished_at: item.finished_at,
        masked_at: detail.masked_at,
        error: item.error.as_ref().map(StepErrorOut::from_json),
        waits: steps.iter().filter_map(|step| step.waits.clone()).collect(),
        retry_of: item.retry_of.map(RunId::as_uuid),
        called_by: parent.map(|parent| CalledByOut {
            run: parent.run.as_uuid(),
            title: parent.title,
            workflow: parent.workflow_name,
            node: parent.node,
            item_path: parent.item_path,
        }),
        batch: batch.map(|batch| RunBatchOut {
            id: batch.id.as_uuid(),
            name: batch.name,
            row: batch.number,
        }),
        invoices: invoices.len(),
        artifacts: files
            .into_iter()
            .map(|artifact| ArtifactOut::new(artifact.file))
            .collect(),
        deliveries: deliveries
            .into_iter()
            .map(|delivery| RunDeliveryOut {
                id: delivery.id.as_uuid(),
                state: delivery.state,
                endpoint: delivery.endpoint_name,
                recipients: delivery.recipients,
                attempts: delivery.attempts,
            })
            .collect(),
        steps,
        input: detail.input,
        document: detail.document,
    })
}

/// State, outputs of the last steps and files; with 202 while it goes on.
pub(super) async fn result_out(
    app: &App,
    scope: &Scope,
    id: RunId,
) -> Result<(StatusCode, Json<RunResultOut>)> {
    let outcome = store::run::outcome(&app.store, scope, id).await?;
    let files = store::artifact::of_run(&app.store, scope, id).await?;
    let status = if outcome.finished {
        StatusCode::OK
    } else {
        StatusCode::ACCEPTED
    };
    Ok((
        status,
        Json(RunResultOut {
            id: id.as_uuid(),
            state: RunState::parse(&outcome.state),
            error: outcome.error.as_ref().map(StepErrorOut::from_json),
            output: last_outputs(outcome)?,
            artifacts: files
                .into_iter()
                .map(|artifact| ArtifactOut::new(artifact.file))
                .collect(),
        }),
    ))
}

/// Outputs of the steps after which nothing ran. Without one of them there is no result: whoever reads it must not take it for empty.
fn last_outputs(outcome: Outcome) -> Result<Value> {
    let workflow: Option<Workflow> = serde_json::from_value(outcome.document).ok();
    let mut outputs = outcome.outputs;
    let passed: Vec<_> = workflow
        .iter()
        .flat_map(|workflow| &workflow.edges)
        .filter(|edge| outputs.contains_key(&edge.to))
        .map(|edge| edge.from.as_str())
        .collect();
    outputs.retain(|node, _| !passed.contains(&node.as_str()));
    if let Some(node) = outputs.keys().find(|node| outcome.lost.contains(*node)) {
        return Err(ApiError::new(
            StatusCode::GONE,
            "value_lost",
            format!(
                "What the step \"{node}\" put out cannot be read any more: its file is gone from the file store or damaged. Bring it back from a backup, or retry the run from that step."
            ),
        ));
    }
    Ok(Value::Object(outputs))
}

struct Place<'a> {
    node: &'a str,
    item_path: &'a str,
}

/// Steps in the document's order, those that have not begun included, what lies in a step behind it, entry by entry; rows of nodes
/// that the document lost come last.
fn places<'a>(workflow: Option<&'a Workflow>, rows: &'a [StepDetail]) -> Vec<Place<'a>> {
    let nodes = workflow.map_or(&[][..], |workflow| &workflow.nodes);
    let mut by_level: HashMap<(Option<&str>, &str), Vec<&StepDetail>> = HashMap::new();
    let parents: HashMap<&str, Option<&str>> = nodes
        .iter()
        .map(|node| (node.id.as_str(), node.parent.as_deref()))
        .collect();
    for row in rows {
        if let Some(parent) = parents.get(row.node.as_str()) {
            let level = by_level.entry((*parent, &row.item_path)).or_default();
            level.push(row);
        }
    }
    let mut places = Vec::new();
    level(nodes, &by_level, None, "", &mut places);
    let lost = rows
        .iter()
        .filter(|row| !parents.contains_key(row.node.as_str()));
    places.extend(lost.map(|row| Place {
        node: &row.node,
        item_path: &row.item_path,
    }));
    places
}

fn level<'a>(
    nodes: &'a [Node],
    by_level: &HashMap<(Option<&str>, &str), Vec<&'a StepDetail>>,
    parent: Option<&str>,
    path: &str,
    places: &mut Vec<Place<'a>>,
) {
    let here = by_level.get(&(parent, path)).map_or(&[][..], Vec::as_slice);
    for node in nodes.iter().filter(|node| node.parent.as_deref() == parent) {
        match here.iter().find(|row| row.node == node.id) {
            Some(row) => places.push(Place {
                node: &row.node,
                item_path: &row.item_path,
            }),
            None if path.is_empty() => places.push(Place {
                node: &node.id,
                item_path: "",
            }),
            None => continue,
        }
        let mut index = 0;
        loop {
            let below = paths::below(path, index);
            if !by_level.contains_key(&(Some(node.id.as_str()), below.as_str())) {
                break;
            }
            level(nodes, by_level, Some(&node.id), &below, places);
            index += 1;
        }
    }
}

fn step_state(state: &str) -> StepState {
    match state {
        "ready" => StepState::Ready,
        "running" => StepState::Running,
        "waiting" => StepState::Waiting,
        "retryable" => StepState::Retryable,
        "succeeded" => StepState::Succeeded,
        "failed" => StepState::Failed,
        "cancelled" => StepState::Cancelled,
        "skipped" => StepState::Skipped,
        _ => StepState::Pending,
    }
}

fn warnings(row: &StepDetail) -> Vec<WarningOut> {
    let stored: Vec<Warning> = row
        .warnings
        .clone()
        .and_then(|json| serde_json::from_value(json).ok())
        .unwrap_or_default();
    stored.into_iter().map(WarningOut::from).collect()
}

/// What steps could read, as far as it is stored.
struct Reads<'a> {
    outputs: HashMap<(&'a str, &'a str), &'a Value>,
    /// Entries of containers.
    items: HashMap<(&'a str, &'a str), &'a Vec<Value>>,
    parents: HashMap<&'a str, &'a str>,
    /// As expressions read it.
    firm: Value,
}

impl<'a> Reads<'a> {
    fn new(workflow: Option<&'a Workflow>, rows: &'a [StepDetail], firm: &Value) -> Self {
        let nodes = workflow.into_iter().flat_map(|workflow| &workflow.nodes);
        Self {
            outputs: rows
                .iter()
                .filter_map(|row| {
                    let key = (row.node.as_str(), row.item_path.as_str());
                    Some((key, row.output.as_ref()?))
                })
                .collect(),
            items: rows
                .iter()
                .filter_map(|row| {
                    let key = (row.node.as_str(), row.item_path.as_str());
                    Some((key, row.kept.as_ref()?.as_array()?))
                })
                .collect(),
            parents: nodes
                .filter_map(|node| Some((node.id.as_str(), node.parent.as_deref()?)))
                .collect(),
            // One that is no record any more failed its run, and is shown as it is.
            firm: Firm::deserialize(firm)
                .map_or_else(|_| firm.clone(), |firm| firm.to_value().to_json()),
        }
    }

    /// The values that a step's settings read, by path. Settings are looked at as text: what holds no hole reads nothing.
    fn of(&self, node: &Node, item_path: &str) -> Value {
        let mut read = Map::new();
        collect_reads(&node.config, &mut |path| {
            let Some((first, rest)) = path.split_first() else {
                return;
            };
            let value = self.start(node, item_path, first).and_then(|start| {
                rest.iter()
                    .try_fold(&start, |value, name| value.get(name.as_str()))
                    .cloned()
            });
            if let Some(value) = value {
                read.insert(path.join("."), value);
            }
        });
        Value::Object(read)
    }

    fn start(&self, node: &Node, item_path: &str, name: &str) -> Option<Value> {
        if name == "firm" {
            return Some(self.firm.clone());
        }
        let (mut container, mut path) = (self.parents.get(node.id.as_str()), item_path);
        let mut innermost = true;
        while let (Some(id), Some((above, index))) = (container, paths::split(path)) {
            let item = || self.items.get(&(*id, above))?.get(index).cloned();
            match name {
                "item" if innermost => return item(),
                "index" if innermost => return Some(json!(index)),
                _ if name == *id => return Some(json!({"item": item(), "index": index})),
                _ => {}
            }
            innermost = false;
            path = above;
            container = self.parents.get(id);
        }
        // Outside and in every container around it: the nearest one that has such a step.
        let mut path = item_path;
        loop {
            if let Some(output) = self.outputs.get(&(name, path)) {
                return Some((*output).clone());
            }
            path = paths::split(path)?.0;
        }
    }
}

/// Every path that expressions in settings read.
pub(super) fn collect_reads(json: &Value, found: &mut dyn FnMut(&[String])) {
    match json {
        Value::String(text) if text.contains("{{") || text.contains("{%") => {
            for reference in Template(text.clone()).references().unwrap_or_default() {
                found(&reference.path);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect_reads(item, found)),
        Value::Object(fields) => fields
            .values()
            .for_each(|value| collect_reads(value, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// An answer that nobody is asked for is the call of a link.
fn called_back(wait: WaitOut) -> WaitOut {
    if wait.on != "signal" {
        return wait;
    }
    WaitOut {
        on: "callback".into(),
        text: "Waits until another program calls its link.".into(),
        ..wait
    }
}

/// What people are asked in a run, as the signed-in member sees it.
struct Questions {
    /// With the page on which they decide, if they may.
    open: Vec<(Approval, Option<String>)>,
}

impl Questions {
    async fn read(app: &App, scope: &Scope, run: RunId) -> Result<Self> {
        let found = store::approval::of_run(&app.store, scope, run).await?;
        let person = match scope.member() {
            Some(_) if !found.is_empty() => Some(store::approval::person(&app.store, scope).await?),
            _ => None,
        };
        let open = found.into_iter().filter(Approval::is_open);
        let open = open.map(|approval| {
            let page = page_of(app, &approval, person.as_ref())?;
            Ok((approval, page))
        });
        Ok(Self {
            open: open.collect::<Result<_>>()?,
        })
    }

    /// A wait that says whose decision it is for.
    fn named(&self, row: &StepDetail, wait: Option<WaitOut>) -> Option<WaitOut> {
        let wait = wait?;
        let mut open = self.open.iter();
        let asks =
            open.find(|(asked, _)| asked.node == row.node && asked.item_path == row.item_path);
        let Some((approval, page)) = asks else {
            return Some(called_back(wait));
        };
        Some(WaitOut {
            asked: if approval.request.asked.everybody {
                Vec::new()
            } else {
                approval.asked.clone()
            },
            answer_url: page.clone(),
            ..wait
        })
    }
}

fn called_out(child: &Child) -> CalledOut {
    CalledOut {
        run: child.run.as_uuid(),
        title: child.title.clone(),
        state: RunState::parse(&child.state),
        workflow: RunWorkflowOut {
            id: child.workflow.as_uuid(),
            name: child.workflow_name.clone(),
            version: child.version,
        },
    }
}

fn wait_out(row: &StepDetail, generations: &[Generation], in_line: bool) -> Option<WaitOut> {
    let wait = |on: &str, text: String| WaitOut {
        on: on.into(),
        text,
        until: row.wait_until,
        model: None,
        place: None,
        asked: Vec::new(),
        answer_url: None,
    };
    match (row.state.as_str(), row.waits_on.as_deref()) {
        ("retryable", _) => Some(WaitOut {
            until: row.due_at,
            ..wait("retry", "Tries again after a pause.".into())
        }),
        // The run says for what.
        ("ready", _) if in_line => None,
        ("ready", _) => Some(wait("executor", "Waits for its turn.".into())),
        ("waiting", Some("generation")) => {
            let generation = generations
                .iter()
                .rfind(|one| one.node == row.node && one.item_path == row.item_path);
            let model = generation.and_then(|one| one.model.clone());
            let text = match (generation.map(|one| one.state.as_str()), &model) {
                (Some("running"), Some(model)) => format!("{model} is writing."),
                (Some("running"), None) => "The model is writing.".into(),
                (_, Some(model)) => format!("Waits for model {model}."),
                (_, None) => "Waits for a model.".into(),
            };
            Some(WaitOut {
                model,
                place: generation.and_then(|one| one.place).map(|place| place + 1),
                ..wait("model", text)
            })
        }
        // What is inside says for what.
        ("waiting", Some("items")) => None,
        ("waiting", Some("delivery")) => Some(wait(
            "delivery",
            "Waits until the message is delivered.".into(),
        )),
        ("waiting", Some("call")) => Some(wait("call", "Waits for the run that it called.".into())),
        ("waiting", Some("signal")) => Some(wait("signal", "Waits for an answer.".into())),
        ("waiting", _) => Some(wait("time", "Waits until its time has come.".into())),
        _ => None,
    }
}

fn attempt_out(attempt: &Attempt, worker: Option<String>) -> AttemptOut {
    AttemptOut {
        attempt: attempt.attempt,
        state: attempt.state.clone(),
        error: attempt.error.as_ref().map(StepErrorOut::from_json),
        started_at: attempt.started_at,
        finished_at: attempt.finished_at,
        worker,
    }
}

async fn generation_out(
    app: &App,
    scope: &Scope,
    generation: &Generation,
) -> Result<GenerationOut> {
    let request: Option<GenerationRequest> =
        serde_json::from_value(generation.request.clone()).ok();
    let result: Option<GenerationResult> = generation
        .result
        .clone()
        .and_then(|json| serde_json::from_value(json).ok());
    let mut seq = -1;
    let text = match &result {
        Some(result) => result.text.clone(),
        None if generation.state == "running" => {
            let chunks =
                store::generation::chunks_after(&app.store, scope, generation.id, 0, -1).await?;
            seq = chunks.last().map_or(-1, |chunk| chunk.seq);
            chunks.into_iter().map(|chunk| chunk.text).collect()
        }
        None => String::new(),
    };
    let usage = result.as_ref().map(|result| result.usage);
    Ok(GenerationOut {
        id: generation.id.as_uuid(),
        attempt: generation.attempt,
        round: generation.round,
        model: generation.model.clone(),
        state: generation.state.clone(),
        messages: messages_out(request.as_ref()),
        text,
        fence: generation.fence,
        seq,
        usage: usage.map(|usage| UsageOut {
            prompt_tokens: usage.prompt_tokens,
            output_tokens: usage.output_tokens,
            forced_tokens: usage.forced_tokens,
            cached_tokens: usage.cached_tokens,
            prompt_ms: usage.prompt_ms,
            output_ms: usage.output_ms,
        }),
        seed: result
            .as_ref()
            .map(|result| result.seed)
            .or(request.as_ref().map(|request| request.seed))
            .map(|seed| seed.to_string()),
        tokens_per_second: usage.filter(|usage| usage.output_ms > 0).map(|usage| {
            f64::from(usage.output_tokens) / Duration::from_millis(usage.output_ms).as_secs_f64()
        }),
        error: generation.error.as_ref().map(StepErrorOut::from_json),
        created_at: generation.created_at,
        started_at: generation.started_at,
        finished_at: generation.finished_at,
    })
}

/// What a model was given.
pub(super) fn messages_out(request: Option<&GenerationRequest>) -> Vec<MessageOut> {
    let messages = request.into_iter().flat_map(|request| &request.messages);
    messages
        .map(|message| MessageOut {
            role: match message.role {
                Role::System => "system",
                Role::User => "user",
                Role::Assistant => "assistant",
            }
            .into(),
            content: message.content.clone(),
        })
        .collect()
}
