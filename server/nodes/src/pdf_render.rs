//! `pdf_render`: a document template and values become a PDF. The template declares the fields; this node fills them and keeps the file.

mod agreement;
mod extras;
mod fields;
mod invoice;
mod pictures;
mod refusal;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use document::{Assets, DocumentError, Limits, Renderer};
use engine::{
    check::Problem,
    expression::Template,
    ids::DocumentId,
    kind::Kind,
    node::{
        Card, CardLine, Description, Done, Effect, Family, Node, NodeContext, NodeError, Outcome,
        OutputContext, Surface,
    },
    value::{PAGE_MAP, Record, Value},
    workflow::DocumentWarnings,
};
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use self::{
    pictures::{pictures, web_pictures},
    refusal::{failed, stopped, with_missing},
};
use crate::values::{file_name, parse_template};

/// Longest work on the pages of one document, and on its file; and by the clock where others are busy, too.
const DEADLINE: Duration = Duration::from_secs(30);
const LONGEST: Duration = Duration::from_mins(1);

/// Lay out a document with values from earlier steps and save it as a PDF.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PdfRender {
    /// The document to lay out.
    #[serde(default)]
    #[schemars(extend("x-widget" = "document"))]
    document: Option<DocumentId>,
    /// What is filled in for each field of the document.
    #[serde(default)]
    #[schemars(extend("x-widget" = "key_value", "x-keys" = {"document_fields": "document"}))]
    values: IndexMap<String, Template>,
    /// Name of the file; ".pdf" is added when it is missing.
    #[serde(default = "default_name")]
    file_name: Template,
    /// The XML of an earlier step, to put it into the PDF for machines.
    #[serde(default)]
    #[schemars(title = "E-invoice inside", extend("x-widget" = "value", "x-empty" = true, "x-group" = "advanced"))]
    einvoice: Option<Template>,
}

fn default_name() -> Template {
    Template("document.pdf".into())
}

#[async_trait]
impl Node for PdfRender {
    const TYPE: &'static str = "pdf_render";
    const VERSION: u32 = 1;

    fn describe() -> Description {
        Description {
            title: "Page to PDF",
            family: Family::Made,
            icon: "file-text",
            effect: Effect::Pure,
            surface: Surface::Page,
            timeout_ms: 60_000,
            retry: None,
        }
    }

    fn output(&self, _context: &OutputContext<'_>) -> Kind {
        Kind::record([
            ("file", "PDF", Kind::File),
            ("pages", "Pages", Kind::Integer),
            ("first_page", "Picture of the first page", Kind::File),
        ])
    }

    fn card(&self) -> Card {
        Card {
            key_fact: String::new(),
            well: vec![CardLine {
                text: self.file_name.0.clone(),
                trailing: String::new(),
            }],
        }
    }

    fn check(&self, context: &OutputContext<'_>) -> Vec<Problem> {
        let Some(document) = self.document else {
            return vec![
                Problem::error("no_document", json!({}), "Choose the document to lay out.")
                    .at("/document"),
            ];
        };
        let Some(declared) = context.resources.document_fields(document) else {
            return vec![
                Problem::error(
                    "document_gone",
                    json!({"document": document}),
                    "The document no longer exists. Choose another.",
                )
                .at("/document"),
            ];
        };
        self.check_values(context, &declared)
    }

    async fn run(&self, context: &dyn NodeContext) -> Result<Outcome, NodeError> {
        let id = self.document.ok_or_else(|| {
            NodeError::config(
                "no_document",
                "No document is chosen. Choose one and publish again.",
            )
        })?;
        let renderer = context.services().get::<Renderer>().ok_or_else(|| {
            NodeError::failed("no_renderer", "This process cannot lay out documents.")
        })?;
        let pinned = context.document(id).await?;
        let template = parse_template(&pinned)?;
        let (values, missing) = self.fill(context, &template)?;
        let scene = scene(context);
        let needs = document::needs(&template, &values, &scene);
        let mut assets = pictures(context, needs.images).await?;
        assets.files = extras::files(context, needs.files, &pinned.name).await?;
        for font in context.fonts(&needs.fonts).await? {
            assets.fonts.push(Arc::new(font));
        }
        let failed = |error: DocumentError| {
            if context.cancelled() {
                NodeError::Cancelled
            } else {
                failed(&error, &pinned.name)
            }
        };
        // From now on.
        let stop = || {
            let worked = renderer.worked(DEADLINE);
            let end = Instant::now() + LONGEST;
            move || context.cancelled() || worked() || Instant::now() > end
        };
        let render = |assets: &Assets| {
            let limits = Limits {
                stop: Some(Arc::new(stop())),
                ..Limits::default()
            };
            let rendered = renderer.render(&template, &values, &scene, assets, &limits);
            rendered.map_err(failed)
        };
        let mut rendered = render(&assets)?;
        if !rendered.wanted.is_empty() {
            assets.web = web_pictures(context, &renderer, &rendered.wanted).await?;
            rendered = render(&assets)?;
        }
        let warnings = with_missing(rendered.warnings.clone(), &missing);
        if context.step().document_warnings == DocumentWarnings::Stop && !warnings.is_empty() {
            return Err(stopped(&warnings, &pinned.name));
        }
        // What the template itself keeps the PDF from being is told, and stops nothing.
        let warnings = [warnings, rendered.notes.clone()].concat();
        let (attached, invoice) = self.einvoice(context).await?.unzip();
        let bytes = rendered
            .pdf_unless(&stop(), attached.as_slice())
            .map_err(failed)?;
        if let Some(invoice) = &invoice {
            let pages = (0..rendered.pages.len()).filter_map(|page| rendered.text(page));
            agreement::check(&pages.collect::<Vec<_>>().join("\n"), invoice)?;
        }
        let name = pdf_name(&context.render(&self.file_name)?);
        let file = context
            .write_artifact(&name, "application/pdf", bytes)
            .await?;
        // For eyes before anybody opens the file; it is what the PDF prints.
        let picture = rendered.svg(0).unwrap_or_default().into_bytes();
        let stem = name.trim_end_matches(".pdf");
        let first_page = context
            .write_artifact(&format!("{stem}.svg"), "image/svg+xml", picture)
            .await?;
        let map = rendered.map().to_bytes().map_err(failed)?;
        context
            .write_artifact(&file.map_name(), PAGE_MAP, map)
            .await?;
        Ok(Outcome::Done(Done {
            warnings,
            ..Done::out(json!({
                "file": Value::File(file).to_json(),
                "pages": rendered.pages.len(),
                "first_page": Value::File(first_page).to_json(),
            }))
        }))
    }
}

/// What every page of this step sees besides its fields.
pub(crate) fn scene(context: &dyn NodeContext) -> document::Context {
    let step = context.step();
    let firm = match context.values().get("firm") {
        Some(Value::Record(firm)) => firm.clone(),
        _ => Record::new(),
    };
    document::Context {
        locale: step.locale.clone(),
        currency: step.currency.clone(),
        time_zone: step.time_zone.clone(),
        now: step.now,
        firm,
    }
}

/// A safe name that ends once in `.pdf`.
fn pdf_name(text: &str) -> String {
    let name = file_name(text);
    let stem = name
        .strip_suffix(".pdf")
        .or_else(|| name.strip_suffix(".PDF"))
        .unwrap_or(&name)
        .trim();
    if stem.is_empty() {
        "document.pdf".into()
    } else {
        format!("{stem}.pdf")
    }
}

#[cfg(test)]
mod tests;
