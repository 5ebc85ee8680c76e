//! Taking an invoice back: what the run of a credit note is started with, made of the run that made the invoice. It is started as any other.

use axum::{Json, extract::State, http::StatusCode};
use engine::{
    catalogue::Catalogue,
    firm::Firm,
    ids::{RunId, WorkflowId},
    kind::Field,
    workflow::Workflow,
};
use serde::Serialize;
use serde_json::{Map, Value};
use store::run::{RunDetail, StepDetail};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    App,
    auth::Caller,
    error::{ApiError, Result},
    extract::Path,
};

/// Values that a credit note's workflow may take besides those of the invoice's run.
const NUMBER: &str = "invoice_number";
const DATE: &str = "invoice_date";
/// As they were invoiced, whatever was handed in.
const LINES: &str = "invoice_lines";

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CreditNoteOut {
    /// The workflow that makes the credit note.
    pub workflow: Uuid,
    pub name: String,
    /// Id of the step at which its run begins.
    pub trigger: String,
    /// Number of the invoice.
    pub invoice_number: String,
    /// The newest run that took this invoice back, or a part of it.
    pub made_before: Option<Uuid>,
    /// What its run is started with: what it takes of the invoice's input, and of `invoice_number`, `invoice_date` and `invoice_lines`.
    #[schema(value_type = Object)]
    pub input: Value,
}

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(read_credit_note))
}

/// What a credit note for the invoice of a run is started with.
#[utoipa::path(get, path = "/runs/{id}/credit-note", tag = "runs", params(("id" = Uuid, Path)),
    responses((status = 200, body = CreditNoteOut)))]
async fn read_credit_note(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<CreditNoteOut>> {
    let detail = store::run::get(&app.store, &caller.scope, RunId(id)).await?;
    let steps = store::run::steps(&app.store, &caller.scope, RunId(id)).await?;
    let Some(invoice) = invoice(&app.catalogue, &detail, &steps) else {
        return Err(ApiError::new(
            StatusCode::CONFLICT,
            "no_invoice",
            "This run made no invoice that can be taken back.",
        ));
    };
    let before: Firm = serde_json::from_value(detail.firm.clone()).map_err(ApiError::internal)?;
    let firm = store::firm::get(&app.store, &caller.scope).await?;
    if (before.prices, before.tax_rounding) != (firm.prices, firm.tax_rounding) {
        return Err(ApiError::new(
            StatusCode::CONFLICT,
            "credit_note_prices",
            "The firm's rule for prices or for rounding VAT is not the one that this invoice was made by, so its credit note would have other amounts. Set the rule as it was, make the credit note, and change the rule again.",
        ));
    }
    let workflow = invoice.credit_notes;
    let found = store::call::callables(&app.store, &caller.scope, &[workflow], None).await?;
    let target = found.into_iter().next().map(|(_, target)| target);
    let off = || {
        ApiError::new(
            StatusCode::CONFLICT,
            "credit_notes_off",
            "The workflow for credit notes is switched off, or nothing in it begins with a call.",
        )
    };
    let target = target.filter(|target| target.is_live).ok_or_else(off)?;
    let offer = target.offer.ok_or_else(off)?;
    let refers = (NUMBER, invoice.number.as_str());
    let made_before =
        store::run::started_with(&app.store, &caller.scope, workflow, refers, detail.item.id)
            .await?;
    Ok(Json(CreditNoteOut {
        workflow: workflow.as_uuid(),
        name: target.name,
        trigger: offer.trigger,
        made_before: made_before.map(RunId::as_uuid),
        input: input(&offer.fields, &detail.input, &invoice),
        invoice_number: invoice.number,
    }))
}

/// An invoice that a run made.
pub(in crate::routes) struct Invoice {
    /// The workflow that takes it back.
    pub(in crate::routes) credit_notes: WorkflowId,
    number: String,
    date: Value,
    lines: Value,
}

/// The invoice that a run made, if it can be taken back: not of a trial, and what it was made of is still there.
pub(in crate::routes) fn invoice(
    catalogue: &Catalogue,
    run: &RunDetail,
    steps: &[StepDetail],
) -> Option<Invoice> {
    if run.item.state != "succeeded" || run.item.trial || run.masked_at.is_some() {
        return None;
    }
    let workflow: Workflow = serde_json::from_value(run.document.clone()).ok()?;
    workflow.nodes.iter().find_map(|node| {
        let known = catalogue.get(&node.node_type, node.version)?;
        let credit_notes = known.bind(&node.config).ok()?.credit_notes()?;
        let made = steps.iter().find(|step| {
            step.node == node.id && step.item_path.is_empty() && step.state == "succeeded"
        })?;
        let output = made.output.as_ref()?;
        Some(Invoice {
            credit_notes,
            number: output.get("number")?.as_str()?.to_owned(),
            date: output.get("date")?.clone(),
            lines: output.get("lines")?.clone(),
        })
    })
}

/// What the fields take; what is not known is left to be filled in.
fn input(fields: &[Field], given: &Value, invoice: &Invoice) -> Value {
    let mut input = Map::new();
    for field in fields {
        let value = match field.name.as_str() {
            NUMBER => Value::String(invoice.number.clone()),
            DATE => invoice.date.clone(),
            LINES => invoice.lines.clone(),
            name => given.get(name).cloned().unwrap_or_default(),
        };
        input.insert(field.name.clone(), value);
    }
    Value::Object(input)
}

#[cfg(test)]
mod tests {
    use engine::kind::Kind;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_credit_note_takes_what_it_asks_for() {
        let names = [
            "customer",
            "invoice_number",
            "invoice_date",
            "invoice_lines",
            "reason",
        ];
        let fields: Vec<Field> = names
            .into_iter()
            .map(|name| Field {
                name: name.into(),
                title: String::new(),
                kind: Kind::text(),
                optional: false,
            })
            .collect();
        let invoice = Invoice {
            credit_notes: WorkflowId(Uuid::nil()),
            number: "R-7".into(),
            date: json!("2027-03-08"),
            lines: json!([{"name": "Work"}]),
        };
        let given = json!({"customer": "Ada", "note": "x", "invoice_number": "forged"});
        assert_eq!(
            input(&fields, &given, &invoice),
            json!({"customer": "Ada", "invoice_number": "R-7", "invoice_date": "2027-03-08",
                "invoice_lines": [{"name": "Work"}], "reason": null})
        );
    }
}
