//! What goes with the pages of a document and is no page of its own: the files for it, and what is told when it cannot be had. A password
//! never comes by here: it stays within the layout.

use std::{collections::HashMap, sync::Arc};

use document::{DocumentError, LimitKind, MAX_FILE_BYTES};
use engine::{
    ids::ArtifactId,
    node::{NodeContext, NodeError, StepError},
    value::FileRef,
};

use crate::values::capital;

/// The bytes of the files. One that is gone is left out: without it there is no PDF, and the error names it.
pub(super) async fn files(
    context: &dyn NodeContext,
    wanted: Vec<FileRef>,
    document: &str,
) -> Result<HashMap<ArtifactId, Arc<Vec<u8>>>, NodeError> {
    let bytes: u64 = wanted.iter().map(|file| file.size_bytes).sum();
    if bytes > MAX_FILE_BYTES {
        let error = DocumentError::Limit {
            kind: LimitKind::FileBytes,
            max: MAX_FILE_BYTES,
            block: String::new(),
        };
        return Err(super::refusal::failed(&error, document));
    }
    let mut found = HashMap::new();
    for file in wanted {
        match context.read_artifact(&file).await {
            Ok(bytes) => {
                found.insert(file.id, Arc::new(bytes));
            }
            Err(NodeError::Failed(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// What happened, why, and what to do.
pub(super) fn failed(error: &DocumentError, what: &str) -> StepError {
    let why = capital(&error.to_string());
    let told = |todo: &str| StepError::new(error.code(), format!("{what} {why}. {todo}"));
    match error {
        DocumentError::File { place, name, fault } => told("Use another file.")
            .with("place", place.member())
            .with("name", name.as_str())
            .with("fault", fault.code()),
        DocumentError::Password(fault) => {
            told("Give the document another one.").with("fault", fault.code())
        }
        DocumentError::EInvoice(obstacle) => {
            told("Take it out of the document, or send the e-invoice as a file.")
                .with("obstacle", obstacle.code())
        }
        DocumentError::Limit { .. }
        | DocumentError::Stopped
        | DocumentError::Expression { .. }
        | DocumentError::Attachment(_)
        | DocumentError::Internal(_) => StepError::new(error.code(), format!("{what} {why}.")),
    }
}

#[cfg(test)]
mod tests {
    use document::Renderer;
    use engine::{kind::Kind, value::Value, workflow::DocumentWarnings};
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::testing::{FakeContext, done};

    const DOCUMENT: &str = "018f4f5e-0000-7000-8000-000000000001";

    /// A document with a file behind its pages, of which the context has these bytes.
    fn context(more: &Json, bytes: Option<&[u8]>) -> FakeContext {
        let mut context = FakeContext::new(&json!({"form": {"pin": "Geheim-7"}}));
        let file = json!({"id": "018f4f5e-0000-7000-8000-000000000003", "name": "terms.pdf", "content_type": "application/pdf", "size_bytes": 9});
        let file = Value::from_json(&file, &Kind::File).expect("a file");
        context.values.insert("file".into(), file);
        context.step.document_warnings = DocumentWarnings::Stop;
        context.template = json!({
            "format": "formwork-document/1",
            "fields": [
                {"name": "terms", "kind": "file", "optional": true},
                {"name": "pin", "kind": "text", "optional": true},
            ],
            "blocks": [{"id": "a", "type": "text", "text": "Hello"}],
        });
        if let (Some(template), Some(more)) = (context.template.as_object_mut(), more.as_object()) {
            template.extend(more.clone());
        }
        context.services = context.services.with(Arc::new(Renderer::bundled()));
        if let Some(bytes) = bytes {
            let mut files = context.files.lock().expect("lock");
            files.push(("terms.pdf".into(), bytes.to_vec()));
        }
        context
    }

    fn config() -> Json {
        json!({"document": DOCUMENT, "values": {"terms": "{{ file }}", "pin": "{{ form.pin }}"}})
    }

    fn refused(context: &FakeContext, config: Json) -> StepError {
        match done::<super::super::PdfRender>(config, context) {
            Err(NodeError::Failed(error)) => error,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_file_that_is_gone_or_of_no_use_is_named() {
        let behind = json!({"append": [{"source": "{{ terms }}"}]});
        for (bytes, fault) in [(None, "missing"), (Some(&b"x"[..]), "unreadable")] {
            let error = refused(&context(&behind, bytes), config());
            assert_eq!(error.code, "document_file");
            let params = json!(error.params);
            assert_eq!(
                (&params["place"], &params["name"], &params["fault"]),
                (&json!("append"), &json!("terms.pdf"), &json!(fault))
            );
        }
    }

    #[test]
    fn what_a_document_cannot_be_is_told_and_stops_nothing() {
        let own = context(&json!({"password": {"open": "{{ pin }}"}}), None);
        let done = done::<super::super::PdfRender>(config(), &own).expect("a PDF");
        let told: Vec<&str> = done.warnings.iter().map(|one| one.code.as_str()).collect();
        assert_eq!(told, ["not_archivable"]);
        let said = format!("{:?} {:?}", done.output, done.warnings);
        assert!(!said.contains("Geheim"), "{said}");
    }

    #[test]
    fn an_e_invoice_is_kept_out_of_what_has_a_password() {
        let xml = crate::einvoice_make::sample("factur_x");
        let own = context(
            &json!({"password": {"open": "{{ pin }}"}}),
            Some(xml.as_bytes()),
        );
        let mut config = config();
        config["einvoice"] = json!("{{ file }}");
        let error = refused(&own, config);
        assert_eq!(error.code, "document_einvoice");
        assert_eq!(json!(error.params)["obstacle"], "password");
        assert!(!error.message.contains("Geheim"), "{}", error.message);
    }
}
