//! `pdf_render`: a document template and values become a PDF. The template declares the fields; this node fills them and keeps the file.

mod agreement;
mod extras;

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use document::{
    Assets, Attachment, DocumentError, HybridInvoice, Limits, MAX_WEB_PICTURES, Relationship,
    Renderer, WEB_PICTURE_TIME, WebPicture,
};
use engine::{
    check::Problem,
    document_field::DocumentField,
    expression::{self, Template},
    ids::DocumentId,
    kind::{Field, Kind, Misfit},
    node::{
        Card, CardLine, Description, Done, Effect, Family, HttpRequest, Node, NodeContext,
        NodeError, Outcome, OutputContext, StepError, Surface, Warning,
    },
    value::{FileRef, Mismatch, PAGE_MAP, Record, Value},
    workflow::DocumentWarnings,
};
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::{
    einvoice_read::unreadable,
    values::{capital, field, field_computed, file_name, files, fit, named, parse_template},
};

/// Longest work on the pages of one document, and on its file; and by the clock where others are busy, too.
const DEADLINE: Duration = Duration::from_secs(30);
const LONGEST: Duration = Duration::from_mins(1);

/// Longest wait for all pictures of the web on one document.
const WEB_TIME: Duration = Duration::from_secs(20);

/// Most bytes of all pictures on one document.
const MAX_PICTURE_BYTES: u64 = 100 * 1024 * 1024;

/// Most warnings that an error tells.
const MOST_TOLD: usize = 10;

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
        let mut problems = Vec::new();
        let taken = declared.iter().filter(|declared| !declared.is_computed());
        for field in taken.map(|declared| &declared.field) {
            let filled = self
                .values
                .get(&field.name)
                .is_some_and(|template| !template.0.trim().is_empty());
            if !filled && !field.optional {
                let title = titled(field);
                problems.push(
                    Problem::error(
                        "field_not_filled",
                        json!({"field": field.name, "title": title}),
                        format!("The document needs \u{201c}{title}\u{201d}. Choose its value."),
                    )
                    .at(format!("/values/{}", field.name)),
                );
            }
        }
        problems.extend(self.misfits(context, &declared));
        for name in self.values.keys() {
            let found = declared.iter().find(|other| other.field.name == *name);
            if found.is_some_and(DocumentField::is_computed) {
                problems.push(field_computed(name).at(format!("/values/{name}")));
            } else if found.is_none() {
                problems.push(
                    Problem::warning(
                        "field_not_declared",
                        json!({"field": name}),
                        format!("The document has no field \u{201c}{name}\u{201d}. Its value is not used."),
                    )
                    .at(format!("/values/{name}")),
                );
            }
        }
        problems
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

impl PdfRender {
    /// Values that are of another kind than their fields, as far as that is known before a run.
    fn misfits(&self, context: &OutputContext<'_>, declared: &[DocumentField]) -> Vec<Problem> {
        let scope = Kind::Record {
            fields: context
                .inputs
                .iter()
                .map(|(name, kind)| field(name, "", kind.clone()))
                .collect(),
        };
        let taken = declared.iter().filter(|declared| !declared.is_computed());
        taken
            .filter_map(|declared| {
                let template = self.values.get(&declared.field.name)?;
                if template.0.trim().is_empty() {
                    return None;
                }
                // A text without values is what it is.
                if !template.0.contains('{') {
                    let value = Value::Text(template.0.clone());
                    let mismatch = value.convert(&declared.field.kind, ANY_CURRENCY).err()?;
                    return Some(unfit(&declared.field, &mismatch));
                }
                let (kind, _) = expression::infer(template, &scope, true);
                let misfit = kind.misfit(&declared.field.kind)?;
                Some(misfit_of(&declared.field, &misfit))
            })
            .collect()
    }

    /// The e-invoice to put into the PDF, and what it says. One that breaks its rules is refused, whoever made it.
    async fn einvoice(
        &self,
        context: &dyn NodeContext,
    ) -> Result<Option<(Attachment, Value)>, NodeError> {
        let template = match &self.einvoice {
            Some(template) if !template.0.trim().is_empty() => template,
            Some(_) | None => return Ok(None),
        };
        let value = context
            .evaluate(template)
            .map_err(|error| named(error, EINVOICE))?;
        let files = files(value).map_err(|error| named(error, EINVOICE))?;
        let file = match files.as_slice() {
            [] => return Ok(None),
            [file] => file,
            several => {
                let message = format!("There are {} files; one is read.", several.len());
                let error = NodeError::failed("several_files", message);
                return Err(named(error.with("count", several.len()), EINVOICE));
            }
        };
        if file.size_bytes > einvoice::MAX_BYTES as u64 {
            let (bytes, most) = (file.size_bytes, einvoice::MAX_BYTES);
            let message = format!("The file has {bytes} bytes; {most} are the most.");
            let error = NodeError::failed("file_too_large", message).with("bytes", bytes);
            return Err(named(error.with("most", most), EINVOICE));
        }
        let bytes = context.read_artifact(file).await?;
        attachment(bytes, context).map(Some)
    }

    /// What the document's fields hold, and the names of those that should hold something and do not: the page is made all the same.
    fn fill(
        &self,
        context: &dyn NodeContext,
        template: &document::Template,
    ) -> Result<(Record, Vec<String>), NodeError> {
        let mut record = Record::new();
        let mut missing = Vec::new();
        for field in template.fields() {
            let title = titled(&field);
            let value = match self.values.get(&field.name) {
                Some(expression) => context
                    .evaluate(expression)
                    .map_err(|error| named(error, title))?,
                None => Value::Empty,
            };
            // An optional field that somebody cleared is empty, not a text of blanks.
            let value = if field.optional && value.is_blank() && !matches!(value, Value::List(_)) {
                Value::Empty
            } else {
                value
            };
            if value == Value::Empty && !field.optional {
                missing.push(field.name.clone());
            } else {
                let value = fit(value, &field, &context.step().currency)?;
                record.insert(field.name.clone(), value);
            }
        }
        Ok((record, missing))
    }
}

/// The warnings of a page, and of values that are missing where nothing is printed that would tell.
fn with_missing(mut warnings: Vec<Warning>, missing: &[String]) -> Vec<Warning> {
    for name in missing {
        let is_told = warnings.iter().any(|warning| {
            let path = warning
                .params
                .get("path")
                .and_then(serde_json::Value::as_str);
            warning.code == "value_missing"
                && path.is_some_and(|path| path.split('.').next() == Some(name.as_str()))
        });
        if !is_told {
            let message = format!("`{name}` is empty and has no default");
            warnings.push(Warning::new("value_missing", message).with("path", name.as_str()));
        }
    }
    warnings
}

/// The workflow stops at warnings: all of them, as far as people read on.
fn stopped(warnings: &[Warning], document: &str) -> NodeError {
    let told = &warnings[..warnings.len().min(MOST_TOLD)];
    let more = warnings.len() - told.len();
    let mut said: Vec<String> = told
        .iter()
        .map(|warning| match warning.location.as_str() {
            "" => format!("{}.", capital(&warning.message)),
            block => format!("In the block \u{201c}{block}\u{201d}: {}.", warning.message),
        })
        .collect();
    if more > 0 {
        said.push(format!("And {more} more."));
    }
    let said = said.join(" ");
    NodeError::failed(
        "document_warnings",
        format!(
            "The PDF was not made from \u{201c}{document}\u{201d}, because this workflow stops at warnings. {said} Correct the document or its values, or let the workflow go on with warnings.",
        ),
    )
    .with("document", document)
    .with("warnings", json!(told))
    .with("more", more)
}

/// Which one it is does not matter to whether a text is an amount.
const ANY_CURRENCY: &str = "EUR";

/// A text that was written for a field and is none of its values.
fn unfit(field: &Field, mismatch: &Mismatch) -> Problem {
    let title = titled(field);
    Problem::error(
        "field_text_unfit",
        json!({"field": field.name, "title": title, "mismatch": mismatch.code, "other": field.kind.noun()}),
        format!(
            "\u{201c}{title}\u{201d} takes {}. What is written here {}.",
            field.kind.noun(),
            mismatch.message
        ),
    )
    .at(format!("/values/{}", field.name))
}

/// What is filled in for a field is not of its kind: the step will fail, or may.
fn misfit_of(field: &Field, misfit: &Misfit<'_>) -> Problem {
    let title = titled(field);
    let wanted = misfit.wanted.noun();
    let place = misfit.path.join(".");
    let within = if place.is_empty() {
        format!("\u{201c}{title}\u{201d}")
    } else {
        format!("\u{201c}{title}\u{201d} ({place})")
    };
    let params = |kind: Option<&str>| {
        let place = misfit.path.first().map(|_| place.as_str());
        json!({"field": field.name, "title": title, "place": place, "kind": kind, "other": wanted})
    };
    if let (Some(Kind::Money { .. } | Kind::Decimal), Kind::Money { decimals }) =
        (misfit.found, misfit.wanted)
    {
        let params = json!({"field": field.name, "title": title, "place": misfit.path.first().map(|_| &place), "most": decimals});
        let problem = match decimals {
            Some(most) => Problem::warning(
                "field_decimals_doubtful",
                params,
                format!(
                    "{within} takes amounts of at most {most} decimals, and this may have more: the step fails when it has. Round it."
                ),
            ),
            None => Problem::warning(
                "field_decimals_lost",
                params,
                format!(
                    "{within} takes amounts with the decimals of their currency, and this has more: it is rounded. Let the field have more decimals."
                ),
            ),
        };
        return problem.at(format!("/values/{}", field.name));
    }
    let problem = match misfit.found.map(Kind::noun) {
        None => Problem::warning(
            "field_value_lacks",
            params(None),
            format!("{within} takes {wanted}, and what is filled in has nothing of that name."),
        ),
        Some(kind) if misfit.is_certain => Problem::error(
            "field_kind_differs",
            params(Some(kind)),
            format!("{within} takes {wanted}, and this is {kind}."),
        ),
        Some(kind) => Problem::warning(
            "field_kind_doubtful",
            params(Some(kind)),
            format!(
                "{within} takes {wanted}, and this is {kind}: the step fails when it is not {wanted}."
            ),
        ),
    };
    problem.at(format!("/values/{}", field.name))
}

/// What people call a field.
fn titled(field: &Field) -> &str {
    if field.title.is_empty() {
        &field.name
    } else {
        &field.title
    }
}

/// What the setting is called.
const EINVOICE: &str = "E-invoice inside";

/// An XML as a PDF holds it for machines, and what it says.
fn attachment(bytes: Vec<u8>, context: &dyn NodeContext) -> Result<(Attachment, Value), NodeError> {
    let step = context.step();
    let read = einvoice::read(&bytes, &step.locale).map_err(|error| unreadable(&error))?;
    if let Some(first) = read.problems.iter().find(|problem| problem.is_error()) {
        let message = format!(
            "The e-invoice breaks its rules and was not put into the PDF. {}",
            first.message
        );
        let told = json!([{"code": first.code, "message": first.message, "params": first.params}]);
        return Err(NodeError::failed("einvoice_broken", message).with("problems", told));
    }
    let hybrid = einvoice::hybrid(&bytes).map_err(|error| unreadable(&error))?;
    let Some(hybrid) = hybrid else {
        let message = format!(
            "An e-invoice as {} ({}) has no place in a PDF. Choose Factur-X / ZUGFeRD or XRechnung (CII), or send the file by itself.",
            read.syntax, read.profile
        );
        return Err(NodeError::failed("einvoice_not_for_pdf", message)
            .with("syntax", read.syntax)
            .with("profile", read.profile));
    };
    let attachment = Attachment {
        name: hybrid.file_name.into(),
        content_type: "text/xml".into(),
        relationship: Relationship::Alternative,
        description: "The invoice for machines".into(),
        modified: step.now,
        bytes,
        invoice: Some(HybridInvoice {
            document_type: "INVOICE".into(),
            version: "1.0".into(),
            conformance_level: hybrid.conformance_level.into(),
        }),
    };
    Ok((attachment, read.invoice))
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

/// The bytes of the pictures. One that is gone is left out: the page has a place for it, says so there, and is made all the same.
async fn pictures(context: &dyn NodeContext, files: Vec<FileRef>) -> Result<Assets, NodeError> {
    let mut assets = Assets::default();
    let bytes: u64 = files.iter().map(|file| file.size_bytes).sum();
    if bytes > MAX_PICTURE_BYTES {
        let (size_mb, most_mb) = (bytes / 1_048_576, MAX_PICTURE_BYTES / 1_048_576);
        return Err(NodeError::failed(
            "pictures_too_large",
            format!(
                "The PDF was not made. Its pictures have {size_mb} MB, at most {most_mb} MB are possible. Use fewer or smaller ones.",
            ),
        )
        .with("size_mb", size_mb)
        .with("most_mb", most_mb));
    }
    for file in files {
        match context.read_artifact(&file).await {
            Ok(bytes) => {
                assets.images.insert(file.id, bytes);
            }
            Err(NodeError::Failed(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(assets)
}

/// Pictures of the web, or why they are not there. Those of a batch with one logo are loaded once.
async fn web_pictures(
    context: &dyn NodeContext,
    renderer: &Renderer,
    wanted: &[String],
) -> Result<HashMap<String, WebPicture>, NodeError> {
    let now = context.step().now;
    let end = Instant::now() + WEB_TIME;
    let mut left = MAX_PICTURE_BYTES;
    let mut found = HashMap::new();
    for (number, url) in wanted.iter().enumerate() {
        let picture = if number >= MAX_WEB_PICTURES {
            let most = MAX_WEB_PICTURES;
            Err(format!(
                "a document shows at most {most} pictures of the web"
            ))
        } else if let Some(known) = renderer.recall(url, now) {
            Ok(known)
        } else {
            let time = end.saturating_duration_since(Instant::now());
            load(context, url, time).await?.inspect(|bytes| {
                renderer.remember(url, bytes, now);
            })
        };
        let picture = picture.and_then(|bytes| {
            left = left
                .checked_sub(bytes.len() as u64)
                .ok_or("all pictures together are too large")?;
            Ok(bytes)
        });
        found.insert(url.clone(), picture);
    }
    Ok(found)
}

async fn load(
    context: &dyn NodeContext,
    url: &str,
    time: Duration,
) -> Result<WebPicture, NodeError> {
    let request = HttpRequest {
        method: "GET".into(),
        url: url.to_owned(),
        timeout: Some(time.min(WEB_PICTURE_TIME)),
        ..HttpRequest::default()
    };
    match context.http(request).await {
        Ok(answer) => Ok(document::web_picture(answer.status, answer.body)),
        Err(NodeError::Failed(error) | NodeError::Retryable { error, .. }) => {
            Ok(Err(error.message))
        }
        Err(error) => Err(error),
    }
}

/// What happened, why, and what to do.
fn failed(error: &DocumentError, document: &str) -> NodeError {
    let what = format!("The PDF was not made from \u{201c}{document}\u{201d}.");
    let told = match error {
        DocumentError::Limit { kind, max, block } => {
            let why = capital(&error.to_string());
            let todo = match error.code() {
                "document_too_large" => "Use fewer rows, shorter texts or smaller pictures.",
                _ => "Use fewer or smaller files.",
            };
            let message = format!("{what} {why}. {todo}");
            StepError::new(error.code(), message)
                .with("kind", kind.to_string())
                .with("most", *max)
                .with("block", (!block.is_empty()).then_some(block.as_str()))
        }
        DocumentError::Stopped => {
            let seconds = DEADLINE.as_secs();
            let message = format!(
                "{what} It takes more than {seconds} s of work. Use fewer rows or a simpler document."
            );
            StepError::new(error.code(), message).with("seconds", seconds)
        }
        DocumentError::Expression { block, message, .. } => StepError::new(
            "document_expression",
            format!(
                "{what} In the block \u{201c}{block}\u{201d}: {message}. Correct it in the document and publish again."
            ),
        )
        .with("block", block.as_str())
        .with("reason", message.as_str()),
        DocumentError::File { .. } | DocumentError::Password(_) | DocumentError::EInvoice(_) => {
            extras::failed(error, &what)
        }
        DocumentError::Attachment(reason) => {
            let why = capital(reason);
            StepError::new(error.code(), format!("{what} {why}.")).with("reason", why)
        }
        DocumentError::Internal(reason) => {
            let why = capital(&error.to_string());
            let message =
                format!("{what} {why}. This is a fault of Formwork; see the server's log.");
            StepError::new(error.code(), message).with("reason", reason.as_str())
        }
    };
    NodeError::Failed(told.with("document", document))
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
mod tests {
    use super::*;

    #[test]
    fn file_names_are_safe_and_end_once_in_pdf() {
        let check = |text: &str, expected: &str| assert_eq!(pdf_name(text), expected);
        check("Invoice 2026-7", "Invoice 2026-7.pdf");
        check("a.pdf", "a.pdf");
        check("../../etc/passwd", "-..-etc-passwd.pdf");
        check("  ", "document.pdf");
        check("R\u{0}1\n", "R 1.pdf");
        check("a\u{202e}fdp.exe", "afdp.exe.pdf");
        check(&"x".repeat(300), &format!("{}.pdf", "x".repeat(116)));
    }

    #[test]
    fn a_page_is_rendered_and_the_same_values_give_the_same_bytes() {
        use crate::testing::{FakeContext, done};

        let template = json!({
            "format": "formwork-document/1",
            "fields": [
                {"name": "customer", "title": "Customer", "kind": "text"},
                {"name": "note", "title": "Note", "kind": "text", "optional": true},
            ],
            "blocks": [{"id": "a", "type": "text", "text": "Dear {{ customer }}"}],
        });
        let id = "018f4f5e-0000-7000-8000-000000000001";
        let config = json!({"document": id, "values": {"customer": "{{ form.name }}"}, "file_name": "For {{ form.name }}"});
        let render = || {
            let mut context = FakeContext::new(&json!({"form": {"name": "Ms Müller"}}));
            context.template.clone_from(&template);
            context.services = context.services.with(Arc::new(Renderer::bundled()));
            let done = done::<PdfRender>(config.clone(), &context).expect("a page");
            let files = context.files.lock().expect("lock").clone();
            (done.output, files)
        };
        let (output, files) = render();
        assert_eq!(output["file"]["name"], json!("For Ms Müller.pdf"));
        assert!(files[0].1.starts_with(b"%PDF-"));
        let pdf: FileRef = serde_json::from_value(output["file"].clone()).expect("a file");
        assert_eq!(files[2].0, pdf.map_name());
        let map = document::PageMap::read(&files[2].1).expect("a page map");
        let read: Vec<&[String]> = map.origins.iter().map(|one| one.reads.as_slice()).collect();
        assert_eq!(read, [&[][..], &["customer".to_owned()]]);
        assert_eq!(render(), (output, files));
    }

    #[test]
    fn what_the_document_computes_nobody_fills_in() {
        use crate::testing::{FakeContext, done, node};

        let fields = json!([
            {"name": "net", "title": "Net", "kind": "money"},
            {"name": "total", "title": "Total", "kind": "money", "source": "computed", "value": "{{ net * 2 }}"},
        ]);
        let id = "018f4f5e-0000-7000-8000-000000000001";
        let declared: Vec<DocumentField> = serde_json::from_value(fields.clone()).expect("fields");
        let id_of = DocumentId(id.parse().expect("an id"));
        let resources = std::collections::BTreeMap::from([(id_of, declared)]);
        let check = |values: serde_json::Value, expected: &[&str]| {
            let node: PdfRender = node(json!({"document": id, "values": values}));
            let problems = node.check(&OutputContext {
                inputs: &IndexMap::new(),
                resources: &resources,
                sources: &[],
                inside: None,
                entry: None,
            });
            let codes: Vec<&str> = problems.iter().map(|one| one.code.as_str()).collect();
            assert_eq!(codes, expected);
        };
        check(json!({"net": "{{ net }}"}), &[]);
        check(
            json!({"net": "{{ net }}", "total": "{{ 1 }}"}),
            &["field_computed"],
        );
        let mut context = FakeContext::new(&json!({}));
        context.template = json!({
            "format": "formwork-document/1", "fields": fields,
            "blocks": [{"id": "a", "type": "text", "text": "{{ total }}"}],
        });
        context.services = context.services.with(Arc::new(Renderer::bundled()));
        let config = json!({"document": id, "values": {"net": "{{ 3 }}", "total": "{{ 1 }}"}});
        let done = done::<PdfRender>(config, &context).expect("a page");
        assert_eq!(done.warnings, []);
    }

    #[test]
    fn kinds_of_values_are_compared_with_the_fields_before_a_run() {
        use crate::testing::node;

        let fields = json!([
            {"name": "total", "title": "Total", "kind": "money", "optional": true},
            {"name": "each", "kind": "money", "decimals": 4, "optional": true},
            {"name": "mood", "kind": "choice", "options": [{"value": "warm"}], "optional": true},
            {"name": "lines", "kind": "list", "optional": true, "item": {"kind": "record", "fields": [
                {"name": "what", "kind": "text"}, {"name": "price", "kind": "money"}]}},
        ]);
        let declared: Vec<DocumentField> = serde_json::from_value(fields).expect("fields");
        let id = "018f4f5e-0000-7000-8000-000000000001";
        let id_of = DocumentId(id.parse().expect("an id"));
        let resources = std::collections::BTreeMap::from([(id_of, declared)]);
        let lines = Kind::list(Kind::record([("price", "", Kind::Date)]));
        let form = Kind::record([
            ("day", "", Kind::Date),
            ("price", "", Kind::Decimal),
            ("unit", "", Kind::Money { decimals: Some(4) }),
            ("word", "", Kind::text()),
            ("lines", "", lines),
            (
                "bare",
                "",
                Kind::list(Kind::record([("price", "", Kind::money())])),
            ),
        ]);
        let inputs = IndexMap::from([("form".to_owned(), form)]);
        let check = |name: &str, value: &str, expected: &[(&str, bool)]| {
            let node: PdfRender = node(json!({"document": id, "values": {name: value}}));
            let problems = node.check(&OutputContext {
                inputs: &inputs,
                resources: &resources,
                sources: &[],
                inside: None,
                entry: None,
            });
            let told: Vec<(&str, bool)> = problems
                .iter()
                .map(|problem| (problem.code.as_str(), problem.is_error()))
                .collect();
            assert_eq!(told, expected, "{name}: {value}");
            let place = format!("/values/{name}");
            assert!(problems.iter().all(|problem| problem.pointer == place));
        };
        check("total", "{{ form.price }}", &[]);
        check("total", "{{ form.day }}", &[("field_kind_differs", true)]);
        check(
            "total",
            "{{ form.word }}",
            &[("field_kind_doubtful", false)],
        );
        check("total", "{{ form.gone }}", &[]);
        check("total", "{{ form.unit | round(2) }}", &[]);
        check(
            "total",
            "{{ form.unit }}",
            &[("field_decimals_lost", false)],
        );
        check("each", "{{ form.unit }}", &[]);
        check(
            "each",
            "{{ form.price }}",
            &[("field_decimals_doubtful", false)],
        );
        check("each", "0.0834", &[]);
        check("each", "0.08345", &[("field_text_unfit", true)]);
        check("total", "12.50", &[]);
        check("total", "a lot", &[("field_text_unfit", true)]);
        check("mood", "warm", &[]);
        check("mood", "cold", &[("field_text_unfit", true)]);
        check("lines", "{{ form.lines }}", &[("field_kind_differs", true)]);
        check("lines", "{{ form.bare }}", &[("field_value_lacks", false)]);
    }

    #[test]
    fn an_e_invoice_goes_into_the_pdf_if_it_keeps_its_rules() {
        use crate::testing::{FakeContext, done};

        let render_saying = |xml: &str, said: &str| {
            let file = json!({"id": "018f4f5e-0000-7000-8000-000000000003", "name": "e.xml", "content_type": "text/xml", "size_bytes": xml.len()});
            let mut context = FakeContext::new(&json!({}));
            let file = Value::from_json(&file, &Kind::File).expect("a file");
            context.values.insert("file".into(), file);
            context.template = json!({"format": "formwork-document/1", "fields": [], "blocks": [{"id": "a", "type": "text", "text": said}]});
            context.services = context.services.with(Arc::new(Renderer::bundled()));
            let bytes = xml.as_bytes().to_vec();
            context
                .files
                .lock()
                .expect("lock")
                .push(("e.xml".into(), bytes));
            let config = json!({"document": "018f4f5e-0000-7000-8000-000000000001", "einvoice": "{{ file }}"});
            done::<PdfRender>(config, &context)?;
            let files = context.files.lock().expect("lock");
            Ok::<Vec<u8>, NodeError>(files[1].1.clone())
        };
        let render = |xml: &str| render_saying(xml, "R-7 over €957.69");
        let xml = crate::einvoice_make::sample("factur_x");
        let pdf = render(&xml).expect("a PDF");
        let found = document::embedded_invoice(&pdf).expect("an invoice within");
        assert_eq!(found.name, "factur-x.xml");
        assert_eq!(found.xml, xml.as_bytes());
        assert!(found.doubts.is_empty(), "{:?}", found.doubts);
        let check = |xml: &str, code: &str| {
            let NodeError::Failed(error) = render(xml).expect_err("no PDF") else {
                panic!("another end");
            };
            assert_eq!(error.code, code, "{}", error.message);
        };
        check(
            &crate::einvoice_make::sample("xrechnung_ubl"),
            "einvoice_not_for_pdf",
        );
        check(&xml.replace("957.69", "957.70"), "einvoice_broken");
        check("<html/>", "einvoice_unreadable");
        // Whoever gets two invoices in one owes what either of them demands.
        for (said, code) in [
            ("R-8 over €957.69", "einvoice_number_differs"),
            ("R-7 over €957.70", "einvoice_total_differs"),
        ] {
            let NodeError::Failed(error) = render_saying(&xml, said).expect_err("no PDF") else {
                panic!("another end");
            };
            assert_eq!(error.code, code, "{}", error.message);
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        use crate::testing::{FakeContext, done};

        let error =
            done::<PdfRender>(json!({}), &FakeContext::new(&json!({}))).expect_err("no document");
        assert!(matches!(error, NodeError::Config(error) if error.code == "no_document"));
    }

    #[test]
    fn a_missing_value_is_a_warning_unless_the_workflow_stops_at_those() {
        use crate::testing::{FakeContext, done};

        let render = |document_warnings| {
            let mut context = FakeContext::new(&json!({"form": {"name": null, "total": null}}));
            context.step.document_warnings = document_warnings;
            context.template = json!({
                "format": "formwork-document/1",
                "fields": [
                    {"name": "customer", "title": "Customer", "kind": "text"},
                    {"name": "total", "title": "Total", "kind": "money"},
                ],
                "blocks": [
                    {"id": "a", "type": "text", "text": "Dear {{ customer }}"},
                    {"id": "b", "type": "text", "text": "Paid", "when": "{{ total }}"},
                ],
            });
            context.services = context.services.with(Arc::new(Renderer::bundled()));
            let config = json!({
                "document": "018f4f5e-0000-7000-8000-000000000001",
                "values": {"customer": "{{ form.name }}", "total": "{{ form.total }}"},
            });
            done::<PdfRender>(config, &context)
        };
        let done = render(DocumentWarnings::Warn).expect("a page all the same");
        let told: Vec<(&str, &str)> = done
            .warnings
            .iter()
            .map(|warning| (warning.code.as_str(), warning.location.as_str()))
            .collect();
        assert_eq!(told, [("value_missing", "a"), ("value_missing", "")]);
        let error = render(DocumentWarnings::Stop).expect_err("no page");
        let NodeError::Failed(error) = error else {
            panic!("{error:?}");
        };
        assert_eq!(error.code, "document_warnings");
        assert!(
            error.message.contains("In the block \u{201c}a\u{201d}:"),
            "{error}"
        );
        assert_eq!(error.params["warnings"][1]["params"]["path"], "total");
        assert_eq!(error.params["more"], 0);
    }

    /// Renders one block over a list and a photo.
    fn render(
        block: &serde_json::Value,
        list: &[String],
        photo: Option<FileRef>,
    ) -> Result<Done, NodeError> {
        use crate::testing::{FakeContext, done};

        let mut context = FakeContext::new(&json!({"list": list}));
        if let Some(photo) = photo {
            context.values.insert("photo".into(), Value::File(photo));
        }
        context.template = json!({
            "format": "formwork-document/1",
            "fields": [
                {"name": "list", "kind": "list", "item": {"kind": "text"}, "optional": true},
                {"name": "photo", "kind": "file", "optional": true},
            ],
            "blocks": [block],
        });
        context.services = context.services.with(Arc::new(Renderer::bundled()));
        let config = json!({
            "document": "018f4f5e-0000-7000-8000-000000000001",
            "values": {"list": "{{ list }}", "photo": "{{ photo | default(none) }}"},
        });
        done::<PdfRender>(config, &context)
    }

    #[test]
    fn a_picture_that_is_gone_is_a_warning_on_its_block() {
        let photo = |size_bytes| {
            Some(FileRef {
                id: engine::ids::ArtifactId(uuid::Uuid::from_u128(2)),
                name: "beach.jpg".into(),
                content_type: "image/jpeg".into(),
                size_bytes,
            })
        };
        let block = json!({"id": "photo", "type": "image", "source": "{{ photo }}"});
        let done = render(&block, &[], photo(10)).expect("a page all the same");
        assert_eq!(done.warnings[0].code, "image_missing");
        assert_eq!(done.warnings[0].location, "photo");
        let error = render(&block, &[], photo(500 * 1024 * 1024)).expect_err("too large");
        assert!(error.to_string().contains("500 MB"), "{error}");
    }

    #[test]
    fn a_picture_of_the_web_is_loaded_once_and_one_that_is_not_there_is_a_warning() {
        use crate::testing::{FakeContext, done};

        let renderer = Arc::new(Renderer::bundled());
        let context = || {
            let mut context = FakeContext::new(&json!({}));
            let picture = |id: &str| json!({"id": id, "type": "image", "url": "https://example.com/logo.svg", "alt": "Logo"});
            context.template = json!({
                "format": "formwork-document/1",
                "blocks": [picture("a"), picture("b")],
            });
            context.services = context.services.with(renderer.clone());
            context
        };
        let config = json!({"document": "018f4f5e-0000-7000-8000-000000000001"});
        let gone = context().answering(404, &[], "sorry");
        let without = done::<PdfRender>(config.clone(), &gone).expect("a page all the same");
        assert_eq!(without.warnings[0].code, "image_not_loaded");
        assert_eq!(without.warnings[0].location, "a");
        assert!(without.warnings[0].message.contains("404"));
        // What was not there is asked for again, what was there is not.
        let drawing = r#"<svg viewBox="0 0 9 9"><rect width="9" height="9"/></svg>"#;
        let there = context().answering(200, &[], drawing);
        let first = done::<PdfRender>(config.clone(), &there).expect("a page");
        assert_eq!(first.warnings, []);
        let requests = there.requests.lock().expect("lock");
        let [request] = requests.as_slice() else {
            panic!("one request");
        };
        assert_eq!(
            (request.method.as_str(), request.url.as_str()),
            ("GET", "https://example.com/logo.svg")
        );
        assert!(request.timeout.is_some_and(|time| time <= WEB_PICTURE_TIME));
        let again = context();
        let second = done::<PdfRender>(config, &again).expect("a page");
        assert_eq!((second.warnings, second.output), (Vec::new(), first.output));
        assert!(again.requests.lock().expect("lock").is_empty());
    }

    #[test]
    fn what_cannot_be_laid_out_says_what_why_and_what_to_do() {
        let items: Vec<String> = (0..60).map(|number| number.to_string()).collect();
        let inner = json!({"id": "c", "type": "repeat", "list": "{{ list }}", "blocks": [{"id": "d", "type": "spacer"}]});
        let middle = json!({"id": "b", "type": "repeat", "list": "{{ list }}", "blocks": [inner]});
        let outer = json!({"id": "a", "type": "repeat", "list": "{{ list }}", "blocks": [middle]});
        let check = |block: &serde_json::Value, parts: [&str; 3]| {
            let error = render(block, &items, None).expect_err("an error");
            let NodeError::Failed(error) = error else {
                panic!("{error:?}");
            };
            for part in parts {
                assert!(error.message.contains(part), "{part}: {}", error.message);
            }
        };
        check(
            &outer,
            [
                "The PDF was not made from \u{201c}Letter\u{201d}.",
                "more than 200000 blocks",
                "Use fewer rows",
            ],
        );
        check(
            &json!({"id": "sum", "type": "text", "text": "{{ list | sum }}"}),
            [
                "The PDF was not made",
                "In the block \u{201c}sum\u{201d}:",
                "Correct it",
            ],
        );
    }
}
