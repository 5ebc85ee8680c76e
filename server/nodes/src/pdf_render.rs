//! `pdf_render`: a document template and values become a PDF. The template declares the fields; this node fills them and keeps the file.

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
        OutputContext, StepError, Surface,
    },
    value::{Record, Value},
};
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::values::{fit, named};

/// Longest laying out of one document.
const DEADLINE: Duration = Duration::from_secs(30);

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
        let Some(fields) = (context.document_fields)(document) else {
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
        for field in &fields {
            let filled = self
                .values
                .get(&field.name)
                .is_some_and(|template| !template.0.trim().is_empty());
            if !filled && !field.optional {
                let title = if field.title.is_empty() {
                    &field.name
                } else {
                    &field.title
                };
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
        for name in self.values.keys() {
            if !fields.iter().any(|field| field.name == *name) {
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
        let template = document::Template::parse(&pinned.template).map_err(|problems| {
            let first = problems
                .first()
                .map_or(String::new(), |problem| format!(" {}", problem.message));
            NodeError::config(
                "document_broken",
                format!(
                    "The document \u{201c}{}\u{201d} has problems.{first}",
                    pinned.name
                ),
            )
        })?;
        let values = self.fill(context, &template)?;
        let scene = scene(context);
        let mut assets = Assets::default();
        for file in document::needs(&template, &values, &scene).images {
            let bytes = context.read_artifact(&file).await?;
            assets.images.insert(file.id, bytes);
        }
        if context.cancelled() {
            return Err(NodeError::Cancelled);
        }
        let end = Instant::now() + DEADLINE;
        let limits = Limits {
            stop: Some(Arc::new(move || Instant::now() > end)),
            ..Limits::default()
        };
        let rendered = renderer
            .render(&template, &values, &scene, &assets, &limits)
            .map_err(|error| failed(&error))?;
        let bytes = rendered.pdf().map_err(|error| failed(&error))?;
        let name = file_name(&context.render(&self.file_name)?);
        let file = context
            .write_artifact(&name, "application/pdf", bytes)
            .await?;
        // For eyes before anybody opens the file; it is what the PDF prints.
        let picture = rendered.svg(0).unwrap_or_default().into_bytes();
        let stem = name.trim_end_matches(".pdf");
        let first_page = context
            .write_artifact(&format!("{stem}.svg"), "image/svg+xml", picture)
            .await?;
        Ok(Outcome::Done(Done {
            warnings: rendered.warnings,
            ..Done::out(json!({
                "file": Value::File(file).to_json(),
                "pages": rendered.pages.len(),
                "first_page": Value::File(first_page).to_json(),
            }))
        }))
    }
}

impl PdfRender {
    fn fill(
        &self,
        context: &dyn NodeContext,
        template: &document::Template,
    ) -> Result<Record, NodeError> {
        let mut record = Record::new();
        for field in template.fields() {
            let title = if field.title.is_empty() {
                &field.name
            } else {
                &field.title
            };
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
            let value = fit(value, &field, &context.step().currency)?;
            record.insert(field.name.clone(), value);
        }
        Ok(record)
    }
}

fn scene(context: &dyn NodeContext) -> document::Context {
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

fn failed(error: &DocumentError) -> NodeError {
    NodeError::Failed(StepError::new(error.code(), format!("{error}.")))
}

/// A name that every file system takes: no path, no control characters, at most 120 characters, one `.pdf`.
fn file_name(text: &str) -> String {
    let clean: String = text
        .chars()
        .map(|letter| match letter {
            '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|' => '-',
            letter if letter.is_control() => ' ',
            letter => letter,
        })
        .collect();
    let stem = clean.trim().trim_matches('.').trim();
    let stem = stem
        .strip_suffix(".pdf")
        .or_else(|| stem.strip_suffix(".PDF"))
        .unwrap_or(stem)
        .trim();
    let stem: String = stem.chars().take(116).collect();
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
        let check = |text: &str, expected: &str| assert_eq!(file_name(text), expected);
        check("Invoice 2026-7", "Invoice 2026-7.pdf");
        check("a.pdf", "a.pdf");
        check("../../etc/passwd", "-..-etc-passwd.pdf");
        check("  ", "document.pdf");
        check("R\u{0}1\n", "R 1.pdf");
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
        assert_eq!(render(), (output, files));
    }

    #[test]
    fn what_is_missing_is_named() {
        use crate::testing::{FakeContext, done};

        let error =
            done::<PdfRender>(json!({}), &FakeContext::new(&json!({}))).expect_err("no document");
        assert!(matches!(error, NodeError::Config(error) if error.code == "no_document"));
    }
}
