//! The e-invoice inside the PDF.

use document::{Attachment, HybridInvoice, Relationship};
use engine::{
    node::{NodeContext, NodeError},
    value::Value,
};
use serde_json::json;

use super::PdfRender;
use crate::{
    einvoice_read::unreadable,
    values::{file_to_read, named},
};

/// What the setting is called.
const EINVOICE: &str = "E-invoice inside";

impl PdfRender {
    /// The e-invoice to put into the PDF, and what it says. One that breaks its rules is refused, whoever made it.
    pub(super) async fn einvoice(
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
        let file = file_to_read(value, einvoice::MAX_BYTES as u64)
            .map_err(|error| named(error, EINVOICE))?;
        let Some(file) = file else { return Ok(None) };
        let bytes = context.read_artifact(&file).await?;
        attachment(bytes, context).map(Some)
    }
}

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
