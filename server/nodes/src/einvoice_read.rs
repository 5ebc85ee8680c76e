//! `einvoice_read`: what a received e-invoice says, an XML or a PDF with one in it, and what is wrong about it. Whether it is accepted is for
//! later steps to decide.

use async_trait::async_trait;
use document::NoInvoice;
use einvoice::{Received, Unreadable};
use engine::{
    check::Problem,
    expression::Template,
    kind::Kind,
    node::{
        Card, CardLine, Description, Done, Effect, Family, Node, NodeContext, NodeError, Outcome,
        OutputContext, Surface, Warning,
    },
    value::{FileRef, Value},
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use crate::{
    einvoice_make::warning,
    values::{field, file_to_read, no_file},
};

/// Largest file that is read.
const MAX_BYTES: u64 = 20 * 1024 * 1024;
/// Most warnings of a step.
const MAX_WARNINGS: usize = 50;

/// Read an e-invoice that somebody sent, as XML or within a PDF, and check it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EinvoiceRead {
    /// The file, such as an answer of the form; or a text with its content.
    #[serde(default)]
    #[schemars(extend("x-widget" = "value", "x-empty" = true))]
    file: Template,
}

/// What is read.
struct Source {
    bytes: Vec<u8>,
    /// The file that the bytes are; a text is none.
    file: Option<FileRef>,
}

impl EinvoiceRead {
    async fn source(&self, context: &dyn NodeContext) -> Result<Source, NodeError> {
        let value = context.evaluate(&self.file)?;
        if let Value::Text(text) = value {
            if text.trim().is_empty() {
                return Err(no_file());
            }
            return Ok(Source {
                bytes: text.trim().as_bytes().to_vec(),
                file: None,
            });
        }
        let file = file_to_read(value, MAX_BYTES)?.ok_or_else(no_file)?;
        Ok(Source {
            bytes: context.read_artifact(&file).await?,
            file: Some(file),
        })
    }
}

/// Why a PDF holds no invoice, and what to do.
fn not_within(error: &NoInvoice) -> NodeError {
    match error {
        NoInvoice::Missing => NodeError::failed(
            "einvoice_not_in_pdf",
            "The PDF has no e-invoice in it. Ask the sender for a Factur-X, ZUGFeRD or XRechnung.",
        ),
        NoInvoice::Unreadable | NoInvoice::TooLarge => {
            let message = format!("The PDF was not read: {error}.");
            NodeError::failed("einvoice_pdf_unreadable", message).with("reason", error.to_string())
        }
    }
}

/// Why a file is no invoice.
pub(crate) fn unreadable(error: &Unreadable) -> NodeError {
    let message = format!("This is no e-invoice: {error}.");
    NodeError::failed("einvoice_unreadable", message).with("reason", error.to_string())
}

fn problem(problem: &Problem) -> Json {
    let severity = if problem.is_error() {
        "error"
    } else {
        "warning"
    };
    let rule = problem.params.get("rule").and_then(Json::as_str);
    json!({
        "severity": severity,
        "rule": rule.unwrap_or_default(),
        "message": problem.message,
        "pointer": problem.pointer,
    })
}

#[async_trait]
impl Node for EinvoiceRead {
    const TYPE: &'static str = "einvoice_read";
    const VERSION: u32 = 1;

    fn describe() -> Description {
        Description {
            title: "Read an e-invoice",
            family: Family::Computed,
            icon: "file-input",
            effect: Effect::Pure,
            surface: Surface::None,
            timeout_ms: 60_000,
            retry: None,
        }
    }

    fn output(&self, _context: &OutputContext<'_>) -> Kind {
        let problems = Kind::list(Kind::record([
            ("severity", "Severity", Kind::text()),
            ("rule", "Rule", Kind::text()),
            ("message", "Message", Kind::text()),
            ("pointer", "Place", Kind::text()),
        ]));
        Kind::Record {
            fields: vec![
                field("invoice", "Invoice", einvoice::kind()),
                field("is_valid", "Keeps the rules", Kind::YesNo),
                field("problems", "Problems", problems),
                field("profile", "Profile", Kind::text()),
                field("syntax", "Syntax", Kind::text()),
                field("xml", "XML file", Kind::File),
            ],
        }
    }

    fn card(&self) -> Card {
        Card {
            key_fact: String::new(),
            well: vec![CardLine {
                text: self.file.0.clone(),
                trailing: String::new(),
            }],
        }
    }

    fn check(&self, _context: &OutputContext<'_>) -> Vec<Problem> {
        if self.file.0.trim().is_empty() {
            let message = "Choose the file that is read.";
            return vec![Problem::error("file_not_chosen", json!({}), message).at("/file")];
        }
        Vec::new()
    }

    async fn run(&self, context: &dyn NodeContext) -> Result<Outcome, NodeError> {
        let source = self.source(context).await?;
        let (xml, own, doubts) = if source.bytes.starts_with(b"%PDF") {
            let found =
                document::embedded_invoice(&source.bytes).map_err(|error| not_within(&error))?;
            (found.xml, None, found.doubts)
        } else {
            (source.bytes, source.file, Vec::new())
        };
        let locale = &context.step().locale;
        let received = einvoice::read(&xml, locale).map_err(|error| unreadable(&error))?;
        let file = match own {
            Some(file) => file,
            None => {
                context
                    .write_artifact("e-invoice.xml", "text/xml", xml)
                    .await?
            }
        };
        Ok(Outcome::Done(told(&received, file, doubts)))
    }
}

/// What is put out, with a warning for each thing that is wrong.
fn told(received: &Received, file: FileRef, doubts: Vec<String>) -> Done {
    let doubts = doubts.into_iter().map(|doubt| {
        let message = format!("The PDF does not fit its e-invoice: {doubt}.");
        Warning::new("einvoice_pdf_differs", message).with("reason", doubt)
    });
    let problems = received.problems.iter();
    let mut warnings: Vec<Warning> = doubts.chain(problems.clone().map(warning)).collect();
    warnings.truncate(MAX_WARNINGS);
    let problems: Vec<Json> = problems.map(problem).collect();
    Done {
        warnings,
        ..Done::out(json!({
            "invoice": received.invoice.to_json(),
            "is_valid": received.is_valid(),
            "problems": problems,
            "profile": received.profile,
            "syntax": received.syntax,
            "xml": Value::File(file).to_json(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{FakeContext, done};

    const BARE: &str =
        "<Invoice xmlns=\"urn:oasis:names:specification:ubl:schema:xsd:Invoice-2\"/>";

    fn read(text: &str) -> Result<Done, NodeError> {
        let context = FakeContext::new(&json!({"text": text}));
        done::<EinvoiceRead>(json!({"file": "{{ text }}"}), &context)
    }

    #[test]
    fn an_invoice_that_lacks_everything_is_read_and_says_so() {
        let done = read(BARE).expect("an invoice of sorts");
        assert_eq!(done.output["is_valid"], json!(false));
        assert_eq!(done.output["invoice"]["number"], json!(""));
        assert_eq!(done.output["xml"]["name"], json!("e-invoice.xml"));
        let rules: Vec<&str> = done.output["problems"]
            .as_array()
            .expect("problems")
            .iter()
            .filter_map(|problem| problem["rule"].as_str())
            .collect();
        for rule in ["BR-02", "BR-06", "BR-16"] {
            assert!(rules.contains(&rule), "{rule}: {rules:?}");
        }
        assert_eq!(done.warnings.len(), rules.len());
    }

    #[test]
    fn what_is_no_invoice_says_why() {
        let check = |text: &str, code: &str, part: &str| {
            let NodeError::Failed(error) = read(text).expect_err("no invoice") else {
                panic!("another end");
            };
            assert_eq!(error.code, code);
            assert!(error.message.contains(part), "{}", error.message);
        };
        check("", "no_data_file", "no file");
        check(
            "<html/>",
            "einvoice_unreadable",
            "not an invoice but \u{201c}html\u{201d}",
        );
        check("Dear Sir", "einvoice_unreadable", "not sound XML");
        check(
            "%PDF-1.7 ...",
            "einvoice_pdf_unreadable",
            "not a PDF that can be read",
        );
        check(
            "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>",
            "einvoice_unreadable",
            "not sound XML",
        );
        check(
            &"<a>".repeat(100),
            "einvoice_unreadable",
            "more than 64 levels",
        );
    }
}
