//! What the profile BASIC of Factur-X has no place for (its XSD beside that of EN 16931). What only informs is left out: the invoice stands
//! in full on the page that the XML lies in. What the amount to be paid depends on is refused.

use en16931::{Invoice, invoice::PaymentMeans};
use engine::check::Problem;
use serde_json::json;

/// Takes out what BASIC does not know.
pub(crate) fn reduce(model: &mut Invoice, problems: &mut Vec<Problem>) {
    if model
        .totals
        .rounding
        .is_some_and(|rounding| !rounding.is_zero())
    {
        let message = "The profile BASIC has no place for a rounding amount. Choose EN 16931.";
        let params = json!({"rule": "BT-114"});
        problems.push(Problem::error("einvoice_basic_rounding", params, message).at("/rounding"));
    }
    model.totals.rounding = None;
    model.project_reference = None;
    for party in [&mut model.seller, &mut model.buyer] {
        party.contact = en16931::invoice::Contact::default();
    }
    if let Some(payment) = &mut model.payment
        && let Some(PaymentMeans::CreditTransfer(transfers)) = &mut payment.means
    {
        for transfer in transfers {
            transfer.account_name = None;
            transfer.provider_identifier = None;
        }
    }
    for line in &mut model.lines {
        line.item.description = None;
        for adjustment in line.allowances.iter_mut().chain(&mut line.charges) {
            adjustment.base_amount = None;
            adjustment.percentage = None;
        }
    }
}
