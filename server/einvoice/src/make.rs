//! The XML of an invoice, if it keeps every rule of its format.

use std::collections::BTreeSet;

use en16931::Invoice as Model;
use en16931_formats::{Written, report::Entry, write_unchecked};
use engine::{
    check::Problem,
    invoice::{self, Invoice, Settled},
};
use serde_json::json;

use crate::{Format, MAX_PROBLEMS, basic, model::model, rules};

/// An e-invoice that keeps the rules of its format.
#[derive(Clone, Debug)]
pub struct Made {
    /// UTF-8.
    pub xml: String,
    /// What receivers may ask about, with pointers into what `engine::invoice::read` reads.
    pub warnings: Vec<Problem>,
}

/// Writes a settled invoice. Otherwise every problem, with pointers into what `engine::invoice::read` reads and the rule in `params.rule`;
/// at least one of them is an error.
pub fn make(invoice: &Invoice, settled: &Settled, format: Format) -> Result<Made, Vec<Problem>> {
    let mut problems = invoice::check(invoice, settled);
    let mut model = model(invoice, settled, format, &mut problems);
    if format == Format::FacturXBasic {
        basic::reduce(&mut model, &mut problems);
    }
    let told: BTreeSet<String> = problems
        .iter()
        .filter_map(rule)
        .map(str::to_owned)
        .collect();
    let report = format.profile().validate(&model);
    let found = rules::problems(report.findings());
    problems.extend(found.filter(|found| rule(found).is_none_or(|rule| !told.contains(rule))));
    if problems.iter().any(Problem::is_error) {
        return Err(sorted(problems));
    }
    let written = write_unchecked(&model, format.syntax());
    let Written { xml, entries } = written.map_err(|error| vec![fault(&error.to_string())])?;
    problems.extend(entries.iter().filter(|entry| entry.is_loss()).map(lost));
    if let Some(fault) = misread(&model, &xml) {
        problems.push(fault);
    }
    if problems.iter().any(Problem::is_error) {
        return Err(sorted(problems));
    }
    Ok(Made {
        xml,
        warnings: sorted(problems),
    })
}

fn rule(problem: &Problem) -> Option<&str> {
    problem.params.get("rule")?.as_str()
}

/// Errors first.
fn sorted(mut problems: Vec<Problem>) -> Vec<Problem> {
    problems.sort_by_key(|problem| !problem.is_error());
    problems.truncate(MAX_PROBLEMS);
    problems
}

/// Something the format has no place for.
fn lost(entry: &Entry) -> Problem {
    let place = entry.term.as_ref().unwrap_or(&entry.path);
    if place.starts_with("BG-3") {
        let message =
            "This format can name one earlier invoice only. Name one, or choose XRechnung (UBL).";
        let params = json!({"rule": "BG-3"});
        return Problem::error("einvoice_one_preceding", params, message).at("/preceding");
    }
    let value = entry.value.as_deref().unwrap_or_default();
    let message = format!("This format has no place for \u{201c}{value}\u{201d} ({place}).");
    let params = json!({"rule": entry.rule, "place": place, "found": value});
    Problem::error("einvoice_no_place", params, message)
}

/// The amounts as somebody else reads them must be the ones that were meant.
fn misread(model: &Model, xml: &str) -> Option<Problem> {
    let read = match en16931_formats::read(xml.as_bytes()) {
        Ok(read) => read.invoice,
        Err(error) => return Some(fault(&error.to_string())),
    };
    let nets = |model: &Model| -> Vec<_> {
        let lines = model.lines.iter().map(|line| line.net_amount);
        let taxes = model
            .vat_breakdown
            .iter()
            .flat_map(|tax| [tax.taxable_amount, tax.tax_amount]);
        lines.chain(taxes).collect()
    };
    let is_same = read.number == model.number
        && read.currency == model.currency
        && read.totals == model.totals
        && nets(&read) == nets(model);
    (!is_same).then(|| fault("the amounts read back differ"))
}

fn fault(reason: &str) -> Problem {
    let message =
        format!("The e-invoice could not be written: {reason}. This is a fault of Formwork.");
    Problem::error("einvoice_fault", json!({"reason": reason}), message)
}
