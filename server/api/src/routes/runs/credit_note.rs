//! Taking invoices back: which ones a run made, what took them back since, and what the run of a credit note is started with. It is started
//! as any other.

mod taken;

use axum::{Json, extract::State, http::StatusCode};
use engine::{
    catalogue::Catalogue,
    firm::Firm,
    ids::{RunId, WorkflowId},
    kind::{Field, Kind},
    run::paths,
    value::{Money, Value as Typed},
    workflow::Workflow,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use store::run::{RunDetail, StepDetail};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    App,
    auth::Caller,
    error::{ApiError, Result},
    extract::{Path, Query},
};

use taken::InvoiceOut;

/// Values that a credit note's workflow may take besides those of the invoice's run.
const NUMBER: &str = "invoice_number";
const DATE: &str = "invoice_date";
/// As they were invoiced, whatever was handed in.
const LINES: &str = "invoice_lines";

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct CreditNoteQuery {
    /// Step that made the invoice; needed where several steps made one.
    pub node: Option<String>,
    /// Entry that it was made for, such as `3`; needed where its step ran for several.
    pub item_path: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CreditNoteOut {
    /// The workflow that makes the credit note.
    pub workflow: Uuid,
    pub name: String,
    /// Id of the step at which its run begins.
    pub trigger: String,
    /// What starts it once, whoever asks for it: the same until there is a run of a credit note for this invoice.
    pub idempotency_key: String,
    pub invoice: InvoiceOut,
    /// What its run is started with: what it takes of the invoice's input, of the entry that the invoice was made for, and of
    /// `invoice_number`, `invoice_date` and `invoice_lines`.
    #[schema(value_type = Object)]
    pub input: Value,
}

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_invoices))
        .routes(routes!(read_credit_note))
}

/// Invoices that a run made and that can be taken back, with the credit notes that were made for them.
#[utoipa::path(get, path = "/runs/{id}/invoices", tag = "runs", params(("id" = Uuid, Path)),
    responses((status = 200, body = Vec<InvoiceOut>)))]
async fn list_invoices(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<Vec<InvoiceOut>>> {
    let detail = store::run::get(&app.store, &caller.scope, RunId(id)).await?;
    let steps = store::run::steps(&app.store, &caller.scope, RunId(id)).await?;
    let invoices = invoices(&app.catalogue, &detail, &steps);
    Ok(Json(
        taken::back(&app, &caller.scope, RunId(id), &invoices).await?,
    ))
}

/// What a credit note for an invoice of a run is started with.
#[utoipa::path(get, path = "/runs/{id}/credit-note", tag = "runs", params(("id" = Uuid, Path), CreditNoteQuery),
    responses((status = 200, body = CreditNoteOut)))]
async fn read_credit_note(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Query(query): Query<CreditNoteQuery>,
) -> Result<Json<CreditNoteOut>> {
    let detail = store::run::get(&app.store, &caller.scope, RunId(id)).await?;
    let steps = store::run::steps(&app.store, &caller.scope, RunId(id)).await?;
    let invoice = one(invoices(&app.catalogue, &detail, &steps), &query)?;
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
    let input = input(&offer.fields, &invoice);
    let invoice = taken::back_of(&app, &caller.scope, RunId(id), &invoice).await?;
    Ok(Json(CreditNoteOut {
        workflow: workflow.as_uuid(),
        name: target.name,
        trigger: offer.trigger,
        idempotency_key: key(id, &invoice),
        invoice,
        input,
    }))
}

/// An invoice that a run made.
pub(in crate::routes) struct Invoice {
    /// The workflow that takes it back.
    credit_notes: WorkflowId,
    node: String,
    item_path: String,
    number: String,
    date: Value,
    lines: Value,
    /// With VAT.
    total: Option<Money>,
    /// What was handed in for it.
    given: Map<String, Value>,
}

/// The invoices that a run made, if they can be taken back: not of a trial, and what they were made of is still there. In the order of the
/// steps, and of the entries that a step ran for.
pub(in crate::routes) fn invoices(
    catalogue: &Catalogue,
    run: &RunDetail,
    steps: &[StepDetail],
) -> Vec<Invoice> {
    if run.item.state != "succeeded" || run.item.trial || run.masked_at.is_some() {
        return Vec::new();
    }
    let Ok(workflow) = serde_json::from_value::<Workflow>(run.document.clone()) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for node in &workflow.nodes {
        let bound = catalogue
            .get(&node.node_type, node.version)
            .and_then(|known| known.bind(&node.config).ok());
        let Some(credit_notes) = bound.and_then(|bound| bound.credit_notes()) else {
            continue;
        };
        let mut made: Vec<&StepDetail> = steps
            .iter()
            .filter(|step| step.node == node.id && step.state == "succeeded")
            .collect();
        made.sort_by_key(|step| entries(&step.item_path));
        found.extend(made.into_iter().filter_map(|step| {
            let output = step.output.as_ref()?;
            Some(Invoice {
                credit_notes,
                number: output.get("number")?.as_str()?.to_owned(),
                date: output.get("date")?.clone(),
                lines: output.get("lines")?.clone(),
                total: gross(output),
                given: given(&workflow, steps, &run.input, step),
                node: step.node.clone(),
                item_path: step.item_path.clone(),
            })
        }));
    }
    found
}

/// The numbers of the entries that an item path names.
fn entries(item_path: &str) -> Vec<usize> {
    let numbers = item_path.split('.');
    numbers.filter_map(|number| number.parse().ok()).collect()
}

/// What an invoice or a credit note comes to with VAT, as its step puts it out.
fn gross(output: &Value) -> Option<Money> {
    match Typed::from_json(output.pointer("/totals/gross")?, &Kind::money()) {
        Ok(Typed::Money(money)) => Some(money),
        Ok(_) | Err(_) => None,
    }
}

/// What was handed in to the run, and in its place what the entries have that a step ran for.
fn given(
    workflow: &Workflow,
    steps: &[StepDetail],
    input: &Value,
    step: &StepDetail,
) -> Map<String, Value> {
    let mut around = Vec::new();
    let (mut node, mut path) = (step.node.as_str(), step.item_path.as_str());
    while let Some((above, index)) = paths::split(path) {
        let inner = workflow.nodes.iter().find(|one| one.id == node);
        let Some(container) = inner.and_then(|one| one.parent.as_deref()) else {
            break;
        };
        let row = steps
            .iter()
            .find(|step| step.node == container && step.item_path == above);
        around.extend(row.and_then(|row| row.kept.as_ref()?.get(index)?.as_object()));
        (node, path) = (container, above);
    }
    let mut given = input.as_object().cloned().unwrap_or_default();
    for entry in around.into_iter().rev() {
        given.extend(entry.clone());
    }
    given
}

/// The invoice that is asked for.
fn one(invoices: Vec<Invoice>, query: &CreditNoteQuery) -> Result<Invoice> {
    let (node, item_path) = (query.node.as_deref(), query.item_path.as_deref());
    let mut found = invoices.into_iter().filter(|invoice| {
        node.is_none_or(|node| node == invoice.node)
            && item_path.is_none_or(|path| path == invoice.item_path)
    });
    match (found.next(), found.next()) {
        (Some(invoice), None) => Ok(invoice),
        (Some(_), Some(_)) => Err(ApiError::new(
            StatusCode::CONFLICT,
            "several_invoices",
            "This run made several invoices. Say by `node` and `item_path` which one is taken back.",
        )),
        (None, _) => Err(ApiError::new(
            StatusCode::CONFLICT,
            "no_invoice",
            "This run made no invoice that can be taken back.",
        )),
    }
}

/// Two people who see the same credit notes make the same next one.
fn key(run: Uuid, invoice: &InvoiceOut) -> String {
    let (node, item_path) = (&invoice.node, &invoice.item_path);
    match invoice.credit_notes.first() {
        Some(newest) => format!("credit-note-{run}-{node}-{item_path}-{}", newest.run),
        None => format!("credit-note-{run}-{node}-{item_path}"),
    }
}

/// What the fields take; what is not known is left to be filled in.
fn input(fields: &[Field], invoice: &Invoice) -> Value {
    let mut input = Map::new();
    for field in fields {
        let value = match field.name.as_str() {
            NUMBER => Value::String(invoice.number.clone()),
            DATE => invoice.date.clone(),
            LINES => invoice.lines.clone(),
            name => invoice.given.get(name).cloned().unwrap_or_default(),
        };
        input.insert(field.name.clone(), value);
    }
    Value::Object(input)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn invoice(place: (&str, &str)) -> Invoice {
        let given = json!({"customer": "Ada", "note": "x", "invoice_number": "forged"});
        Invoice {
            credit_notes: WorkflowId(Uuid::nil()),
            node: place.0.into(),
            item_path: place.1.into(),
            number: "R-7".into(),
            date: json!("2027-03-08"),
            lines: json!([{"name": "Work"}]),
            total: None,
            given: given.as_object().cloned().unwrap_or_default(),
        }
    }

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
        assert_eq!(
            input(&fields, &invoice(("made", ""))),
            json!({"customer": "Ada", "invoice_number": "R-7", "invoice_date": "2027-03-08",
                "invoice_lines": [{"name": "Work"}], "reason": null})
        );
    }

    #[test]
    fn one_invoice_is_asked_for() {
        let check = |node: Option<&str>, item_path: Option<&str>, expected: Option<&str>| {
            let places = [("first", ""), ("each", "0"), ("each", "1")];
            let query = CreditNoteQuery {
                node: node.map(String::from),
                item_path: item_path.map(String::from),
            };
            let found = one(places.map(invoice).into(), &query).ok();
            let place = found.map(|found| format!("{}/{}", found.node, found.item_path));
            assert_eq!(place.as_deref(), expected);
        };
        check(Some("first"), None, Some("first/"));
        check(Some("each"), Some("1"), Some("each/1"));
        check(None, Some(""), Some("first/"));
        check(None, None, None);
        check(Some("each"), None, None);
        check(Some("each"), Some("2"), None);
    }

    #[test]
    fn entries_are_in_the_order_of_their_numbers() {
        let mut paths = ["10", "2.11", "2.3", ""];
        paths.sort_by_key(|path| entries(path));
        assert_eq!(paths, ["", "2.3", "2.11", "10"]);
    }
}
