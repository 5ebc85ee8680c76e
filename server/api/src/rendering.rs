//! Making the PDFs that are asked for without a run: few at a time, each with a deadline. What is asked for is stored before; whoever asks for
//! one whose process is gone makes it go on. It never runs a node.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use document::{
    Assets, Context, DocumentError, LimitKind, Limits, MAX_FILE_BYTES, Renderer, Template,
};
use engine::{
    check::Problem,
    firm::Firm,
    ids::{ArtifactId, RenderingId},
    kind::Field,
    value::{FileRef, Record, Value},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use store::{
    Scope, StoreError, artifact, font,
    rendering::{self, Made, Rendering, Work},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use crate::{
    App,
    error::{ApiError, Result},
    web_pictures,
};

/// Laid out at once in a process.
const AT_ONCE: usize = 4;
/// Under way at once in a process, those that wait for their turn among them.
const MOST_UNDER_WAY: usize = 200;
/// Seconds after which somebody who found no room may ask again.
const BUSY_SECONDS: u64 = 5;
/// Longest work on one document, as in a run, and by the clock where others are busy, too.
const DEADLINE: Duration = Duration::from_secs(30);
const LONGEST: Duration = Duration::from_mins(1);
/// Most bytes of all pictures on one document, as in a run.
const MAX_PICTURE_BYTES: u64 = 100 * 1024 * 1024;
/// How often who waits for its turn says that it is still there; a third of what the store gives.
const HOLD: Duration = Duration::from_secs(30);
/// Pause between two looks at what another process makes.
const LOOK: Duration = Duration::from_millis(100);

/// Whose turn it is in this process.
pub(crate) struct Renderings {
    room: Arc<Semaphore>,
    turns: Arc<Semaphore>,
}

/// Kept while a PDF is under way.
pub(crate) type Room = OwnedSemaphorePermit;

impl Renderings {
    pub(crate) fn new() -> Self {
        Self {
            room: Arc::new(Semaphore::new(MOST_UNDER_WAY)),
            turns: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }

    /// Room for one more; asked for before anything is stored.
    pub(crate) fn room(&self) -> Result<Room> {
        let room = self.room.clone().try_acquire_owned();
        room.map_err(|_| {
            ApiError::too_many(
                BUSY_SECONDS,
                "Many other PDFs are being made at this moment. Try again in a few seconds.",
            )
        })
    }
}

/// What a PDF is made of besides the template, as it is stored.
#[derive(Serialize, Deserialize)]
pub(crate) struct Input {
    pub values: Json,
    pub locale: String,
    pub currency: String,
    pub time_zone: String,
    pub firm: Firm,
}

/// Goes on with one that nobody works on, if there is room, and waits for its end, at most so long; how it stands then.
pub(crate) async fn settle(
    app: &App,
    scope: &Scope,
    id: RenderingId,
    wait: Duration,
    room: Option<Room>,
) -> Result<Rendering> {
    let until = Instant::now() + wait;
    if let Some(room) = room {
        // In a task of its own: who asked may leave, and it is made all the same.
        let work = tokio::spawn(go_on(app.clone(), *scope, id, room));
        if let Ok(done) = timeout(wait, work).await {
            done.map_err(ApiError::internal)??;
        }
    }
    loop {
        let standing = rendering::get(&app.store, scope, id).await?;
        let left = until.saturating_duration_since(Instant::now());
        if standing.finished_at.is_some() || left.is_zero() {
            return Ok(standing);
        }
        tokio::time::sleep(LOOK.min(left)).await;
    }
}

async fn go_on(app: App, scope: Scope, id: RenderingId, room: Room) -> Result<()> {
    let Some(work) = rendering::begin(&app.store, &scope, id).await? else {
        return Ok(());
    };
    let name = work.file_name.clone();
    let kept = match make(&app, &scope, id, work).await {
        Ok(Ok(made)) => rendering::made(&app.store, &scope, id, &name, made).await,
        Ok(Err(problems)) => rendering::failed(&app.store, &scope, id, &problems).await,
        Err(error) => Err(error),
    };
    if let Err(error) = kept {
        tracing::error!(rendering.id = %id, %error, "a PDF could not be made or kept at this moment; whoever asks for it makes it go on");
        rendering::let_go(&app.store, &scope, id).await?;
        return Err(error.into());
    }
    drop(room);
    Ok(())
}

/// The PDF, or why there will be none. An error is of the database or the files, which may be back later.
async fn make(
    app: &App,
    scope: &Scope,
    id: RenderingId,
    work: Work,
) -> Result<Result<Made, Vec<Problem>>, StoreError> {
    let template = match Template::parse(&work.template) {
        Ok(template) => template,
        // An earlier program took it.
        Err(problems) => return Ok(Err(under(problems, "/template"))),
    };
    let input: Input = serde_json::from_value(work.input)?;
    let values = fitting(&template.fields(), &input.values);
    let context = Context {
        locale: input.locale,
        currency: input.currency,
        time_zone: input.time_zone,
        now: work.created_at,
        firm: match input.firm.to_value() {
            Value::Record(record) => record,
            _ => Record::new(),
        },
    };
    let assets = match assets(app, scope, &template, &values, &context).await? {
        Ok(assets) => assets,
        Err(problem) => return Ok(Err(vec![problem.at("/values")])),
    };
    let mut scene = Scene {
        template,
        values,
        context,
        assets,
    };
    let mut loaded = false;
    loop {
        let turn = turn(app, scope, id).await?;
        let renderer = app.renderer.clone();
        let drawn = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            (draw(&renderer, &scene, loaded), scene)
        })
        .await;
        match drawn {
            Ok((Ok(Drawn::Made(made)), _)) => return Ok(Ok(made)),
            Ok((Ok(Drawn::Wanted(wanted)), back)) => {
                scene = back;
                // Nobody waits for a server with a turn in the hand.
                scene.assets.web = web_pictures::load(app, wanted).await;
                loaded = true;
            }
            Ok((Err(error), _)) => return Ok(Err(vec![problem(&error)])),
            Err(error) => {
                tracing::error!(rendering.id = %id, %error, "laying out a document panicked");
                return Ok(Err(vec![broken()]));
            }
        }
    }
}

/// What a PDF is made of.
struct Scene {
    template: Template,
    values: Record,
    context: Context,
    assets: Assets,
}

enum Drawn {
    Made(Made),
    /// Pictures of the web that are needed first.
    Wanted(Vec<String>),
}

/// Waits among those of this process, and says to others that it does.
async fn turn(
    app: &App,
    scope: &Scope,
    id: RenderingId,
) -> Result<Option<OwnedSemaphorePermit>, StoreError> {
    loop {
        let turn = app.renderings.turns.clone().acquire_owned();
        let turn = timeout(HOLD, turn).await;
        rendering::hold(&app.store, scope, id).await?;
        if let Ok(turn) = turn {
            // Nobody closes it.
            return Ok(turn.ok());
        }
    }
}

/// `loaded`: pictures of the web were asked for, so that those that are not there will not come.
fn draw(renderer: &Renderer, scene: &Scene, loaded: bool) -> Result<Drawn, DocumentError> {
    let worked = renderer.worked(DEADLINE);
    let end = Instant::now() + LONGEST;
    let stop = move || worked() || Instant::now() > end;
    let limits = Limits {
        stop: Some(Arc::new(stop.clone())),
        ..Limits::default()
    };
    let rendered = renderer.render(
        &scene.template,
        &scene.values,
        &scene.context,
        &scene.assets,
        &limits,
    )?;
    if !loaded && !rendered.wanted.is_empty() {
        return Ok(Drawn::Wanted(rendered.wanted));
    }
    let bytes = rendered.pdf_unless(&stop, &[])?;
    if bytes.len() > artifact::MAX_BYTES {
        let reason = format!("it has {} bytes", bytes.len());
        return Err(DocumentError::Internal(reason));
    }
    Ok(Drawn::Made(Made {
        bytes: Bytes::from(bytes),
        page_count: i32::try_from(rendered.pages.len()).unwrap_or(i32::MAX),
        warnings: [rendered.warnings, rendered.notes].concat(),
    }))
}

fn problem(error: &DocumentError) -> Problem {
    let said = error.to_string();
    match error {
        DocumentError::Expression { code, pointer, .. } => {
            Problem::error(code, json!({}), said).at(format!("/template{pointer}"))
        }
        DocumentError::Limit { .. } | DocumentError::Stopped => {
            Problem::error(error.code(), json!({}), said).at("/values")
        }
        DocumentError::File { place, name, fault } => {
            let params = json!({"place": place.member(), "name": name, "fault": fault.code()});
            Problem::error(error.code(), params, said).at(format!("/template/{}", place.member()))
        }
        DocumentError::Password(fault) => {
            let params = json!({"fault": fault.code()});
            Problem::error(error.code(), params, said).at("/template/password")
        }
        DocumentError::EInvoice(obstacle) => {
            let params = json!({"obstacle": obstacle.code()});
            Problem::error(error.code(), params, said).at("/template")
        }
        DocumentError::Attachment(reason) | DocumentError::Internal(reason) => {
            tracing::error!(reason, "a PDF could not be written");
            broken()
        }
    }
}

fn broken() -> Problem {
    let message =
        "The PDF could not be written. This is a fault of Formwork; see the server's log.";
    Problem::error("document_failed", json!({}), message)
}

fn under(problems: Vec<Problem>, prefix: &str) -> Vec<Problem> {
    problems
        .into_iter()
        .map(|problem| problem.under(prefix))
        .collect()
}

/// Of stored values, those that fit the document's fields.
pub(crate) fn fitting(fields: &[Field], values: &Json) -> Record {
    fields
        .iter()
        .filter_map(|field| {
            let json = values.get(&field.name).filter(|json| !json.is_null())?;
            let value = Value::payable_from_json(json, &field.kind).ok()?;
            Some((field.name.clone(), value))
        })
        .collect()
}

/// What the page shows of files, what goes along with it, and the fonts of the workspace that it names; what is gone is left out, and is
/// told where the page is made. Or what is too large.
async fn assets(
    app: &App,
    scope: &Scope,
    template: &Template,
    values: &Record,
    context: &Context,
) -> Result<Result<Assets, Problem>, StoreError> {
    let mut assets = Assets::default();
    let needs = document::needs(template, values, context);
    for font in font::of_families(&app.store, scope, &needs.fonts).await? {
        assets.fonts.push(Arc::new(font));
    }
    match files(app, scope, needs.images, MAX_PICTURE_BYTES).await? {
        Some(images) => {
            let images = images.into_iter();
            assets.images = images.map(|(id, bytes)| (id, bytes.to_vec())).collect();
        }
        None => {
            let most_mb = MAX_PICTURE_BYTES / 1024 / 1024;
            let message = format!(
                "The pictures have more than {most_mb} MB together, which are the most. Use fewer or smaller ones."
            );
            let problem = Problem::error("pictures_many", json!({"most_mb": most_mb}), message);
            return Ok(Err(problem));
        }
    }
    let Some(others) = files(app, scope, needs.files, MAX_FILE_BYTES).await? else {
        let error = DocumentError::Limit {
            kind: LimitKind::FileBytes,
            max: MAX_FILE_BYTES,
            block: String::new(),
        };
        return Ok(Err(problem(&error)));
    };
    let others = others.into_iter();
    assets.files = others
        .map(|(id, bytes)| (id, Arc::new(bytes.to_vec())))
        .collect();
    Ok(Ok(assets))
}

/// Those that are there; `None` where they have more bytes than `most` together.
async fn files(
    app: &App,
    scope: &Scope,
    wanted: Vec<FileRef>,
    most: u64,
) -> Result<Option<Vec<(ArtifactId, Bytes)>>, StoreError> {
    let mut found = Vec::new();
    let mut left = most;
    for file in wanted {
        let known = match artifact::get(&app.store, scope, file.id).await {
            Ok(known) => known,
            Err(StoreError::NotFound(_)) => continue,
            Err(error) => return Err(error),
        };
        let Some(rest) = left.checked_sub(known.file.size_bytes) else {
            return Ok(None);
        };
        left = rest;
        match artifact::read(&app.store, scope, file.id).await {
            Ok(bytes) => found.push((file.id, bytes)),
            Err(StoreError::NotFound(_) | StoreError::Damaged(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Some(found))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_told_where_it_can_be_mended() {
        let check = |error: DocumentError, code: &str, pointer: &str| {
            let problem = problem(&error);
            assert_eq!(
                (problem.code.as_str(), problem.pointer.as_str()),
                (code, pointer)
            );
        };
        let expression = DocumentError::Expression {
            code: "expression_failed",
            message: "no".into(),
            pointer: "/blocks/0/text".into(),
            block: "a".into(),
        };
        check(expression, "expression_failed", "/template/blocks/0/text");
        check(DocumentError::Stopped, "document_stopped", "/values");
        check(DocumentError::Internal("x".into()), "document_failed", "");
    }
}
