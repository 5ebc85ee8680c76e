//! How much of an invoice was taken back. The credit notes of an invoice are the runs that were started with its number; what one took back
//! its steps tell.

use std::collections::{BTreeMap, BTreeSet};

use engine::{
    ids::{RunId, WorkflowId},
    value::{Money, currency_decimals},
    workflow::Workflow,
};
use jiff::Timestamp;
use serde::Serialize;
use store::{Scope, run::StartedWith};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Invoice, NUMBER, gross};
use crate::{App, error::Result, routes::runs::out::RunState};

/// An amount of money.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct AmountOut {
    /// With the decimals of its currency, such as `904.40`.
    pub amount: String,
    /// ISO 4217.
    pub currency: String,
}

/// An invoice that a run made.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct InvoiceOut {
    /// Step that made it.
    pub node: String,
    /// Entry that it was made for, such as `3`; empty where its step ran once.
    pub item_path: String,
    pub number: String,
    /// With VAT.
    pub total: Option<AmountOut>,
    /// What the credit notes whose amount is known took back.
    pub credited: Option<AmountOut>,
    /// What is left of the total; below zero where more was taken back than was invoiced.
    pub left: Option<AmountOut>,
    /// Newest first, at most 500, those that failed or were stopped included.
    pub credit_notes: Vec<TakenBackOut>,
}

/// A run that took an invoice back, or a part of it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TakenBackOut {
    pub run: Uuid,
    pub title: String,
    pub state: RunState,
    pub created_at: Timestamp,
    /// With VAT; null: it made none so far, in another currency, or its values were removed.
    pub amount: Option<AmountOut>,
}

/// What took an invoice back.
struct Taken {
    run: StartedWith,
    amount: Option<Money>,
}

impl Taken {
    fn counts(&self) -> bool {
        !matches!(self.run.state.as_str(), "failed" | "cancelled")
    }
}

/// The invoices of a run with what took them back.
pub(super) async fn back(
    app: &App,
    scope: &Scope,
    run: RunId,
    invoices: &[Invoice],
) -> Result<Vec<InvoiceOut>> {
    let workflows: BTreeSet<WorkflowId> = invoices.iter().map(|one| one.credit_notes).collect();
    let mut taken: BTreeMap<(WorkflowId, String), Vec<Taken>> = BTreeMap::new();
    for workflow in workflows {
        let its = invoices.iter().filter(|one| one.credit_notes == workflow);
        let numbers: Vec<String> = its.map(|one| one.number.clone()).collect();
        let asked = (NUMBER, numbers.as_slice());
        for run in store::run::started_with(&app.store, scope, workflow, asked, run).await? {
            let amount = taken_back(app, scope, run.run).await?;
            let key = (workflow, run.value.clone());
            taken.entry(key).or_default().push(Taken { run, amount });
        }
    }
    let of = |invoice: &Invoice| taken.get(&(invoice.credit_notes, invoice.number.clone()));
    Ok(invoices
        .iter()
        .map(|invoice| standing(invoice, of(invoice).map_or(&[][..], Vec::as_slice)))
        .collect())
}

/// The same of one.
pub(super) async fn back_of(
    app: &App,
    scope: &Scope,
    run: RunId,
    invoice: &Invoice,
) -> Result<InvoiceOut> {
    let asked = (NUMBER, std::slice::from_ref(&invoice.number));
    let workflow = invoice.credit_notes;
    let mut taken = Vec::new();
    for run in store::run::started_with(&app.store, scope, workflow, asked, run).await? {
        let amount = taken_back(app, scope, run.run).await?;
        taken.push(Taken { run, amount });
    }
    Ok(standing(invoice, &taken))
}

/// What a run took back so far.
async fn taken_back(app: &App, scope: &Scope, run: RunId) -> Result<Option<Money>> {
    let detail = store::run::get(&app.store, scope, run).await?;
    let Ok(workflow) = serde_json::from_value::<Workflow>(detail.document) else {
        return Ok(None);
    };
    let nodes = workflow.nodes.iter().filter(|node| {
        let known = app.catalogue.get(&node.node_type, node.version);
        let bound = known.and_then(|known| known.bind(&node.config).ok());
        bound.is_some_and(|bound| bound.takes_back())
    });
    let nodes: Vec<&str> = nodes.map(|node| node.id.as_str()).collect();
    let is_asked = |node: &str| nodes.contains(&node);
    let steps = store::run::steps_with(&app.store, scope, run, is_asked).await?;
    let amounts = steps
        .iter()
        .filter(|step| step.state == "succeeded" && is_asked(&step.node))
        .map(|step| step.output.as_ref().and_then(gross));
    Ok(sum(amounts))
}

/// All of them together, if each is known and of the same currency.
fn sum(mut amounts: impl Iterator<Item = Option<Money>>) -> Option<Money> {
    let first = amounts.next()??;
    amounts.try_fold(first, |sum, one| {
        let one = one.filter(|one| one.currency == sum.currency)?;
        Some(Money {
            amount: sum.amount + one.amount,
            ..sum
        })
    })
}

fn standing(invoice: &Invoice, taken: &[Taken]) -> InvoiceOut {
    let total = invoice.total.as_ref();
    let comparable = |one: &Taken| {
        let amount = one.amount.clone().filter(|_| one.counts())?;
        total
            .is_none_or(|total| total.currency == amount.currency)
            .then_some(amount)
    };
    let left = total.map(|total| Money {
        amount: taken
            .iter()
            .filter_map(comparable)
            .fold(total.amount, |left, one| left - one.amount),
        currency: total.currency.clone(),
    });
    let credited = total.zip(left.as_ref()).map(|(total, left)| Money {
        amount: total.amount - left.amount,
        currency: total.currency.clone(),
    });
    InvoiceOut {
        node: invoice.node.clone(),
        item_path: invoice.item_path.clone(),
        number: invoice.number.clone(),
        total: total.map(written),
        credited: credited.as_ref().map(written),
        left: left.as_ref().map(written),
        credit_notes: taken
            .iter()
            .map(|one| TakenBackOut {
                run: one.run.run.as_uuid(),
                title: one.run.title.clone(),
                state: RunState::parse(&one.run.state),
                created_at: one.run.created_at,
                amount: comparable(one).as_ref().map(written),
            })
            .collect(),
    }
}

fn written(money: &Money) -> AmountOut {
    let decimals = currency_decimals(&money.currency) as usize;
    AmountOut {
        amount: format!("{:.decimals$}", money.amount),
        currency: money.currency.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::*;

    fn money(amount: &str, currency: &str) -> Option<Money> {
        gross(&json!({"totals": {"gross": {"amount": amount, "currency": currency}}}))
    }

    #[test]
    fn what_was_taken_back_is_added_up() {
        let taken = |state: &str, amount: Option<Money>| Taken {
            run: StartedWith {
                value: "R-7".into(),
                run: RunId(Uuid::nil()),
                title: String::new(),
                state: state.into(),
                created_at: Timestamp::UNIX_EPOCH,
            },
            amount,
        };
        let invoice = |total| Invoice {
            credit_notes: WorkflowId(Uuid::nil()),
            node: "made".into(),
            item_path: String::new(),
            number: "R-7".into(),
            date: Value::Null,
            lines: Value::Null,
            total,
            given: Map::new(),
        };
        let check = |made: &[Taken], credited: &str, left: &str, known: &[bool]| {
            let told = standing(&invoice(money("904.4", "EUR")), made);
            let said = |amount: Option<AmountOut>| amount.map(|one| one.amount);
            assert_eq!(said(told.total).as_deref(), Some("904.40"));
            assert_eq!(said(told.credited).as_deref(), Some(credited));
            assert_eq!(said(told.left).as_deref(), Some(left));
            let notes = told.credit_notes.iter();
            let found: Vec<bool> = notes.map(|one| one.amount.is_some()).collect();
            assert_eq!(found, known);
        };
        check(&[], "0.00", "904.40", &[]);
        let euros = |amount| money(amount, "EUR");
        check(
            &[
                taken("succeeded", euros("900")),
                taken("waiting", euros("5")),
                taken("failed", euros("800")),
                taken("cancelled", None),
            ],
            "905.00",
            "-0.60",
            &[true, true, false, false],
        );
        check(
            &[
                taken("succeeded", money("10", "CHF")),
                taken("running", None),
            ],
            "0.00",
            "904.40",
            &[false, false],
        );
        let told = standing(&invoice(None), &[taken("succeeded", euros("5"))]);
        assert_eq!((told.total, told.credited, told.left), (None, None, None));
        assert!(told.credit_notes[0].amount.is_some());
    }

    #[test]
    fn a_run_that_made_several_took_back_all_of_them() {
        let all = |amounts: &[Option<Money>]| sum(amounts.iter().cloned()).map(|one| one.amount);
        let amount = |text: &str| money(text, "EUR").map(|one| one.amount);
        assert_eq!(all(&[]), None);
        assert_eq!(
            all(&[money("1.5", "EUR"), money("2", "EUR")]),
            amount("3.5")
        );
        assert_eq!(all(&[money("1", "EUR"), None]), None);
        assert_eq!(all(&[money("1", "EUR"), money("1", "CHF")]), None);
    }
}
