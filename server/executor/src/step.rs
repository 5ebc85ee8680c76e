//! One attempt of one step: the node's code under its time limit, its panic caught, its words cleaned of secrets, its output checked
//! against what it promised. What follows from it is not decided here.

use std::{
    collections::BTreeMap,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use engine::{
    approval::Asked,
    firm::Firm,
    graph::{Outputs, PlanNode, RunFacts},
    ids::SeriesId,
    node::{
        DeliveryRequest, Done, Effect, Event, NodeError, NumberRequest, Outcome, Receiver,
        StepError, StepInfo, Stored, Wait, WaitOn, Warning,
    },
    run::StepKey,
    value::MAX_DEPTH,
};
use futures_util::FutureExt as _;
use jiff::Timestamp;
use serde_json::{Value as Json, json};
use store::{output::Large, run::RunRecord, storable};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    Inner, backoff,
    context::{Context, from_store, is_from_store},
    program::Program,
    segment::limits,
};

/// Largest output of one step, as JSON; larger things are files. What it bounds is memory: a value is held once as JSON, which is written, once
/// parsed, which for many small ones takes some ten times more, and once more as what a later step reads of it while that runs; and
/// `Config::slots` runs are worked on at once. The database feels it less, since the store keeps large values out of rows; what a list keeps of its entries, answers, inputs of
/// calls and messages lie in rows all the same.
const MAX_OUTPUT_BYTES: usize = 4 * 1024 * 1024;

/// Deepest nesting of what is stored beside an output. JSON is read back down to 128 levels; what is deeper could be written, and then nobody
/// could read its row, nor any that is read together with it. Requests wrap their values.
const MAX_NESTING: usize = MAX_DEPTH + 8;

/// Most warnings kept of one step.
const MAX_WARNINGS: usize = 200;

/// How an attempt begins.
#[derive(Clone, Debug)]
pub(crate) enum Begin {
    Run,
    Resume { event: Box<Event>, kept: Json },
}

/// What one attempt came to.
#[derive(Clone, Debug)]
pub(crate) enum Came {
    Succeeded {
        ports: Vec<String>,
        output: Arc<Json>,
        /// Where the output lies that is too large for its row; set before the commit.
        large: Option<Arc<Large>>,
        stored: Vec<Stored>,
        warnings: Vec<Warning>,
        /// The run ends here.
        ends: bool,
    },
    Waits {
        on: Arc<WaitOn>,
        until: Option<Timestamp>,
        kept: Json,
    },
    /// The store did not answer, and nothing was done outside: it comes back as if it had never begun.
    Later,
    /// Comes back after this pause.
    Again {
        error: StepError,
        after_ms: u64,
    },
    Failed {
        error: StepError,
    },
    /// The lease is gone or the run is over: whatever came out is dropped.
    Dropped,
}

/// An attempt with its times.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub(crate) key: StepKey,
    pub(crate) number: u32,
    pub(crate) came: Came,
    pub(crate) started: Instant,
    pub(crate) finished: Instant,
    /// It ended without what it waited for, which is withdrawn.
    pub(crate) withdraws: bool,
}

/// What an attempt needs to know of its run.
pub(crate) struct Within<'a> {
    pub(crate) executor: &'a Inner,
    pub(crate) run: &'a Arc<RunRecord>,
    pub(crate) program: &'a Arc<Program>,
    pub(crate) firm: &'a Arc<Firm>,
    pub(crate) outputs: &'a Arc<Outputs>,
    /// The nodes whose ways have led to the step.
    pub(crate) arrived: Vec<String>,
    /// The instant of the segment's head.
    pub(crate) now: Timestamp,
    pub(crate) cancelled: &'a CancellationToken,
}

impl Within<'_> {
    pub(crate) async fn attempt(
        &self,
        node: &PlanNode,
        key: &StepKey,
        number: u32,
        begin: Begin,
        left: Option<Duration>,
    ) -> Attempt {
        let started = Instant::now();
        let timed_out =
            matches!(&begin, Begin::Resume { event, .. } if matches!(**event, Event::TimedOut));
        // Around everything: the values of a step are computed by its expressions, and its output is checked.
        let came = AssertUnwindSafe(async {
            match self.pinned(node) {
                Some(output) => finished(
                    node,
                    Done {
                        ports: vec_of_ports(node),
                        output,
                        ..Done::default()
                    },
                    false,
                ),
                None => self.run(node, key, number, begin, left).await,
            }
        })
        .catch_unwind()
        .await
        .unwrap_or_else(|_| {
            tracing::error!(run.id = %self.run.id, step.id = %key.node, node.r#type = %node.node_type, "a step panicked");
            Came::Failed {
                error: StepError::new(
                    "step_panicked",
                    "This step broke while it ran. This is a fault of Formwork; see the server's log.",
                ),
            }
        });
        Attempt {
            key: key.clone(),
            number,
            came,
            started,
            finished: Instant::now(),
            withdraws: timed_out,
        }
    }

    /// The output that a trial run takes as it is; a node with several ways still has to choose one.
    fn pinned(&self, node: &PlanNode) -> Option<Json> {
        let pinned = self.run.pinned.as_ref()?.get(&node.id)?;
        (node.normal_ports().count() == 1).then(|| pinned.clone())
    }

    async fn run(
        &self,
        node: &PlanNode,
        key: &StepKey,
        number: u32,
        begin: Begin,
        left: Option<Duration>,
    ) -> Came {
        let own = Duration::from_millis(node.timeout_ms.max(1));
        let limit = left.map_or(own, |left| left.min(own));
        let mut begin = begin;
        loop {
            let context = self.context(node, key, number, &begin);
            let work = async {
                match begin {
                    Begin::Run => node.node.run(&context).await,
                    Begin::Resume { event, .. } => node.node.resume(&context, *event).await,
                }
            };
            let outcome = tokio::select! {
                biased;
                () = self.cancelled.cancelled() => return Came::Dropped,
                outcome = tokio::time::timeout(limit, work) => outcome,
            };
            let outcome = outcome.unwrap_or_else(|_| {
                if limit < own {
                    return Err(NodeError::Failed(limits::total(node.limits)));
                }
                Err(NodeError::retryable(
                    "timed_out",
                    format!("The step took longer than {} s.", limit.as_secs_f32()),
                )
                .with("seconds", limit.as_secs_f64()))
            });
            // A lease lost meanwhile shows at the commit; an ended run need not go that far.
            if self.cancelled.is_cancelled() {
                return Came::Dropped;
            }
            match outcome {
                Ok(Outcome::Wait(Wait {
                    on: WaitOn::Delivery(_),
                    kept,
                    ..
                })) if self.holds() => {
                    begin = Begin::Resume {
                        event: Box::new(Event::Delivery(Ok(
                            json!({ "held": true, "status": null }),
                        ))),
                        kept,
                    };
                }
                Ok(outcome) => {
                    let outcome = self.preview(outcome);
                    return match self.storable(&outcome).await {
                        Ok(()) => settle(node, &context, outcome),
                        Err(error) => Self::failed(node, number, error),
                    };
                }
                Err(error) => return Self::failed(node, number, context.redact_error(error)),
            }
        }
    }

    fn context(&self, node: &PlanNode, key: &StepKey, number: u32, begin: &Begin) -> Context {
        let plan = &self.program.plan;
        let facts = RunFacts {
            id: self.run.id,
            started_at: self.run.created_at,
            trial: self.run.trial,
            links: self.links(),
        };
        let name = format!("{}\0{}", key.node, key.item_path);
        let stable = |purpose: &str| {
            Uuid::new_v5(
                &self.run.id.as_uuid(),
                format!("{purpose}\0{name}").as_bytes(),
            )
        };
        let step = StepInfo {
            run: self.run.id,
            node: key.node.clone(),
            item_path: key.item_path.clone(),
            attempt: number,
            trial: self.holds(),
            now: self.now,
            locale: plan.locale.clone(),
            time_zone: plan.time_zone.iana_name().unwrap_or("UTC").to_owned(),
            currency: plan.currency.clone(),
            document_warnings: plan.document_warnings,
            idempotency_key: stable("effect").to_string(),
            seed: stable("seed").as_u64_pair().0,
            kept: match begin {
                // A trigger has nothing before it: what it puts out is what was handed in.
                Begin::Run if key.node == self.run.trigger_node => self.handed_in(),
                Begin::Run => Json::Null,
                Begin::Resume { kept, .. } => kept.clone(),
            },
            arrived: self.arrived.clone(),
        };
        let context = engine::graph::Context {
            firm: self.firm,
            run: facts.clone(),
            now: self.now,
        };
        Context {
            values: plan.values(node, &key.item_path, self.outputs, &context),
            outputs: self.outputs.clone(),
            firm: self.firm.clone(),
            facts,
            step,
            services: self.executor.config.services.clone(),
            store: self.executor.config.store.clone(),
            outbound: self.executor.config.outbound.clone(),
            run: self.run.clone(),
            program: self.program.clone(),
            cancelled: self.cancelled.clone(),
            secrets: Mutex::default(),
        }
    }

    /// The input of the run; what tells of a failed run links to it.
    fn handed_in(&self) -> Json {
        let mut input = self.run.input.clone();
        if self.run.source == "failure"
            && let Some(Json::String(link)) = input.get_mut("link")
        {
            let base = self.executor.config.public_url.trim_end_matches('/');
            link.insert_str(0, base);
        }
        input
    }

    /// The links of steps that wait for a call. Without a key there are none, and whoever reads one is told that it is empty.
    fn links(&self) -> BTreeMap<String, String> {
        let config = &self.executor.config;
        let callbacks = self.program.plan.callbacks();
        callbacks
            .filter_map(|(node, _)| {
                let (sealer, base) = (&config.store.sealer, &config.public_url);
                match store::link::callback_url(sealer, base, self.run.id, node) {
                    Ok(url) => Some((node.to_owned(), url)),
                    Err(error) => {
                        tracing::error!(run.id = %self.run.id, step.id = %node, %error, "the link of a step cannot be made");
                        None
                    }
                }
            })
            .collect()
    }

    /// A trial run draws no numbers, whatever it sends: what it makes is not the document.
    fn preview(&self, mut outcome: Outcome) -> Outcome {
        if let (true, Outcome::Done(done) | Outcome::End(done)) = (self.run.trial, &mut outcome) {
            let before = done.stored.len();
            done.stored
                .retain(|effect| !matches!(effect, Stored::Number(_)));
            if done.stored.len() < before {
                done.output["number"] = json!("PREVIEW");
            }
        }
        outcome
    }

    /// A number of a series that is gone could not be committed, and a mail without a server would never leave.
    async fn storable(&self, outcome: &Outcome) -> Result<(), NodeError> {
        match outcome {
            Outcome::Done(done) | Outcome::End(done) => {
                for effect in &done.stored {
                    match effect {
                        Stored::Number(NumberRequest { series, .. }) => {
                            self.drawable(*series).await?;
                        }
                        Stored::Delivery(delivery) => self.sendable(delivery).await?,
                        Stored::Answer(_) => {}
                    }
                }
                Ok(())
            }
            Outcome::Wait(Wait {
                on: WaitOn::Delivery(delivery),
                ..
            }) => self.sendable(delivery).await,
            Outcome::Wait(Wait {
                on: WaitOn::Approval(request),
                ..
            }) => self.askable(&request.asked).await,
            Outcome::Wait(_) => Ok(()),
        }
    }

    async fn drawable(&self, series: SeriesId) -> Result<(), NodeError> {
        let store = &self.executor.config.store;
        match store::series::known(store, &self.run.scope, &[series]).await {
            Ok(known) if known.is_empty() => Err(NodeError::config(
                "series_gone",
                "The series of numbers was deleted. Choose another one and publish again.",
            )),
            Ok(_) => Ok(()),
            Err(error) => Err(from_store(&error)),
        }
    }

    async fn sendable(&self, delivery: &DeliveryRequest) -> Result<(), NodeError> {
        let needs_server = match delivery.receiver {
            Receiver::Endpoint(_) => false,
            Receiver::Mail => !self.holds(),
        };
        if !needs_server {
            return Ok(());
        }
        self.has_mail_server().await
    }

    /// Somebody is left who may decide, and those outside can be told.
    async fn askable(&self, asked: &Asked) -> Result<(), NodeError> {
        if !asked.addresses.is_empty() {
            self.has_mail_server().await?;
        }
        let store = &self.executor.config.store;
        match store::approval::has_somebody(store, &self.run.scope, self.run.id, asked).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(NodeError::config(
                "approval_nobody_left",
                "Nobody is left who may decide: those who are named have been removed, or started the run themselves. Name somebody else and publish again.",
            )),
            Err(error) => Err(from_store(&error)),
        }
    }

    async fn has_mail_server(&self) -> Result<(), NodeError> {
        let store = &self.executor.config.store;
        match store::mail_server::is_set(store, &self.run.scope).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(NodeError::config(
                "no_mail_server",
                "No mail server is set up, so nothing was sent. An owner can set one up under Settings, Mail.",
            )),
            Err(error) => Err(from_store(&error)),
        }
    }

    /// Effects are held: a trial run that was not started with *Really send*.
    fn holds(&self) -> bool {
        self.run.trial && !self.run.really_send
    }

    /// What becomes of a try that failed: another one follows if the node's rule says so.
    pub(crate) fn failed(node: &PlanNode, number: u32, error: NodeError) -> Came {
        match error {
            NodeError::Config(error) | NodeError::Failed(error) => Came::Failed { error },
            NodeError::Cancelled => Came::Failed {
                error: StepError::new("cancelled", "The step stopped by itself."),
            },
            NodeError::Retryable { error, .. }
                if is_from_store(&error) && node.effect() != Effect::Outside =>
            {
                Came::Later
            }
            NodeError::Retryable { error, after_ms } => {
                let again = match (node.effect(), &node.retry) {
                    (Effect::Pure, _) | (_, None) => None,
                    (Effect::Stored | Effect::Outside, Some(retry)) => {
                        backoff::step_ms(retry, number, after_ms, rand::random())
                    }
                };
                match again {
                    Some(after_ms) => Came::Again { error, after_ms },
                    None => Came::Failed { error },
                }
            }
        }
    }
}

fn settle(node: &PlanNode, context: &Context, outcome: Outcome) -> Came {
    let ends = matches!(outcome, Outcome::End(_));
    match outcome {
        Outcome::Done(mut done) | Outcome::End(mut done) => {
            context.redact_json(&mut done.output);
            for warning in &mut done.warnings {
                warning.message = context.redact_text(&warning.message);
                let params = warning.params.values_mut();
                params.for_each(|value| context.redact_json(value));
            }
            finished(node, done, ends)
        }
        Outcome::Wait(Wait {
            on,
            until,
            mut kept,
        }) => {
            // Secrets are taken out of what is stored; what the steps inside see is what is stored.
            if let WaitOn::Items(items) = &on {
                kept = Json::Array(items.clone());
            }
            context.redact_json(&mut kept);
            // Each entry is read as a value of its own.
            match flaw(&kept, MAX_DEPTH + 1).or_else(|| wait_flaw(&on)) {
                Some(error) => Came::Failed { error },
                None => Came::Waits {
                    on: Arc::new(on),
                    until,
                    kept,
                },
            }
        }
    }
}

/// A success, if its output may be stored.
fn finished(node: &PlanNode, done: Done, ends: bool) -> Came {
    let Done {
        ports,
        output,
        stored,
        mut warnings,
    } = done;
    let is_clean = warnings.iter().all(|warning| {
        storable::text(&warning.message)
            && warning.params.values().all(storable::json)
            && storable::text(&warning.location)
    });
    let error = flaw(&output, MAX_NESTING)
        .or_else(|| (!is_clean).then(nul))
        .or_else(|| stored.iter().find_map(effect_flaw));
    if let Some(error) = error {
        return Came::Failed { error };
    }
    if let Err(mismatches) = node.check_output(&ports, &output) {
        let what: Vec<String> = mismatches
            .iter()
            .take(5)
            .map(|mismatch| {
                format!("{} {}", mismatch.pointer, mismatch.message)
                    .trim()
                    .to_owned()
            })
            .collect();
        let what = what.join("; ");
        let error = StepError::new(
            "output_unexpected",
            format!(
                "The step put out something other than it promises: {what}. Nothing was stored."
            ),
        )
        .with("reason", what);
        return Came::Failed { error };
    }
    let bytes = output.to_string().len();
    if bytes > MAX_OUTPUT_BYTES {
        let error = StepError::new(
            "output_too_large",
            format!(
                "The step put out {bytes} bytes; {MAX_OUTPUT_BYTES} are the most. Keep large things as files."
            ),
        )
        .with("bytes", bytes)
        .with("most", MAX_OUTPUT_BYTES);
        return Came::Failed { error };
    }
    warnings.truncate(MAX_WARNINGS);
    Came::Succeeded {
        ports,
        output: Arc::new(output),
        large: None,
        stored,
        warnings,
        ends,
    }
}

/// Why a value cannot be stored, or not be read again.
fn flaw(json: &Json, most: usize) -> Option<StepError> {
    if !storable::json(json) {
        return Some(nul());
    }
    (nesting(json) > most).then(|| {
        StepError::new(
            "nested_too_deep",
            format!("A value lies in more than {most} lists and records. Take it out of some."),
        )
        .with("most", most)
    })
}

/// How many lists and records lie in each other.
fn nesting(json: &Json) -> usize {
    match json {
        Json::Array(items) => 1 + items.iter().map(nesting).max().unwrap_or(0),
        Json::Object(fields) => 1 + fields.values().map(nesting).max().unwrap_or(0),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => 0,
    }
}

fn delivery_flaw(delivery: &DeliveryRequest) -> Option<StepError> {
    let is_clean = storable::text(&delivery.message_type);
    flaw(&delivery.values, MAX_NESTING).or_else(|| (!is_clean).then(nul))
}

fn effect_flaw(effect: &Stored) -> Option<StepError> {
    match effect {
        Stored::Delivery(delivery) => delivery_flaw(delivery),
        Stored::Number(_) => None,
        Stored::Answer(answer) => flaw(&json!(answer), MAX_NESTING),
    }
}

fn wait_flaw(on: &WaitOn) -> Option<StepError> {
    match on {
        // Items are what is kept.
        WaitOn::Signal | WaitOn::Nothing | WaitOn::Items(_) => None,
        WaitOn::Call(request) => flaw(&request.input, MAX_NESTING),
        WaitOn::Delivery(delivery) => delivery_flaw(delivery),
        WaitOn::Approval(request) => flaw(&json!(request), MAX_NESTING),
        WaitOn::Generation(request) => {
            let is_clean = request
                .messages
                .iter()
                .all(|message| storable::text(&message.content))
                && request.schema.as_ref().is_none_or(storable::json);
            (!is_clean).then(nul)
        }
    }
}

fn nul() -> StepError {
    StepError::new(
        "nul_character",
        "The step put out a NUL character (U+0000), which cannot be stored.",
    )
}

fn vec_of_ports(node: &PlanNode) -> Vec<String> {
    node.normal_ports().map(str::to_owned).collect()
}
