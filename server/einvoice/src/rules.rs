//! Broken rules in words that a bookkeeper understands. Those that can be broken by what people fill in have words of their own; for all
//! others the rule is quoted.

use en16931::{Finding, Group, Severity, bt::Path};
use engine::check::Problem;
use serde_json::json;

use crate::MAX_PROBLEMS;

/// Rules, the code of their words, and the words in English.
const WORDS: &[(&[&str], &str, &str)] = &[
    (
        &["BR-DE-1"],
        "einvoice_payment_missing",
        "An XRechnung says where to pay. The bank account (IBAN) is missing.",
    ),
    (
        &["BR-DE-2", "BR-DE-5"],
        "einvoice_contact_missing",
        "An XRechnung names a person or department of the seller to ask.",
    ),
    (
        &["BR-DE-6", "BR-DE-27"],
        "einvoice_phone_missing",
        "An XRechnung has a phone number of the seller, with three digits at least.",
    ),
    (
        &["BR-DE-7", "BR-DE-28"],
        "einvoice_email_missing",
        "An XRechnung has an e-mail address of the seller.",
    ),
    (
        &["BR-DE-3", "BR-DE-8"],
        "einvoice_city_missing",
        "The city is missing.",
    ),
    (
        &["BR-DE-4", "BR-DE-9"],
        "einvoice_post_code_missing",
        "The post code is missing.",
    ),
    (
        &["BR-DE-10", "BR-DE-11"],
        "einvoice_delivery_address",
        "An XRechnung with a country of delivery wants its city and post code, too. Leave the country empty if it is the buyer’s.",
    ),
    (
        &["BR-DE-15"],
        "einvoice_buyer_reference_missing",
        "An XRechnung has the buyer’s reference (in Germany the Leitweg-ID). Ask the buyer for it.",
    ),
    (
        &["BR-DE-16"],
        "invoice_seller_tax_number",
        "The seller has neither a VAT id nor a tax number.",
    ),
    (
        &["BR-DE-18"],
        "einvoice_cash_discount",
        "The terms of payment have a line that begins with #SKONTO#. It must read #SKONTO#TAGE=14#PROZENT=2.00#.",
    ),
    (
        &["BR-DE-19"],
        "iban_invalid",
        "This is not an IBAN: a digit is missing or wrong.",
    ),
    (
        &["BR-DE-TMP-32"],
        "einvoice_delivery_date",
        "Say when it was delivered or done: a day or a period.",
    ),
    (
        &["PEPPOL-EN16931-R010", "PEPPOL-EN16931-R020"],
        "einvoice_electronic_address",
        "An XRechnung has an electronic address of seller and buyer, such as an e-mail address.",
    ),
    (
        &["BR-CL-25"],
        "einvoice_electronic_scheme",
        "This is not a kind of electronic address that e-invoices know, such as EM for e-mail or 0204 for a Leitweg-ID.",
    ),
    (
        &["BR-CL-19", "BR-CL-20"],
        "einvoice_reason_code",
        "This code of a discount or surcharge is none that e-invoices know. Leave it empty; the reason in words is enough.",
    ),
    (
        &["BR-CL-22"],
        "einvoice_exemption_code",
        "This code of an exemption from VAT is none that e-invoices know, such as VATEX-EU-132. Leave it empty; the reason in words is enough.",
    ),
    (
        &["BR-CL-23"],
        "invoice_unit",
        "This unit has no code that e-invoices know. Use one such as hour, piece, day or kg, or its code of UN/ECE recommendation 20.",
    ),
    (
        &["BR-CL-14", "BR-CL-15"],
        "invoice_country",
        "The country must be a code of two letters, such as DE.",
    ),
    (
        &["BR-CL-03", "BR-CL-04", "BR-CL-05"],
        "currency_unknown",
        "This is not a currency code such as EUR.",
    ),
];

/// The findings as problems, as many as are told.
pub(crate) fn problems(findings: &[Finding]) -> impl Iterator<Item = Problem> {
    let told = findings
        .iter()
        // What is only to be known, but for what the tax office asks.
        .filter(|finding| finding.severity != Severity::Info || finding.rule == "BR-DE-TMP-32");
    told.take(MAX_PROBLEMS).map(problem)
}

fn problem(finding: &Finding) -> Problem {
    let rule = finding.rule.as_str();
    let place = finding.path.to_string();
    let words = WORDS.iter().find(|(rules, ..)| rules.contains(&rule));
    let (code, params, message) = match (words, &finding.detail) {
        (Some((_, code, message)), _) => (
            *code,
            json!({"rule": rule, "place": place}),
            (*message).to_owned(),
        ),
        (None, Some(detail)) => (
            "einvoice_sum",
            json!({"rule": rule, "place": place, "expected": detail.expected, "found": detail.actual}),
            format!(
                "The amounts do not add up ({rule}, {place}): {} is right, {} stands there.",
                detail.expected, detail.actual
            ),
        ),
        (None, None) => (
            "einvoice_rule",
            json!({"rule": rule, "place": place, "text": finding.message}),
            format!("Rule {rule} is broken ({place}): {}", finding.message),
        ),
    };
    let problem = if finding.severity == Severity::Fatal {
        Problem::error(code, params, message)
    } else {
        Problem::warning(code, params, message)
    };
    problem.at(pointer(finding.path))
}

/// A place of the model as a pointer into what `engine::invoice::read` reads.
fn pointer(path: Path) -> String {
    let term = path.term.map_or(0, |term| term.0);
    match path.group {
        Group::Seller => format!("/seller{}", of_party(term)),
        Group::Buyer => format!("/buyer{}", of_party(term)),
        Group::Delivery => match term {
            72 => "/delivery/date".into(),
            80 => "/delivery/country".into(),
            _ => "/delivery".into(),
        },
        Group::Payment => "/payment/iban".into(),
        Group::DocumentAllowance => "/allowances".into(),
        Group::DocumentCharge => "/charges".into(),
        Group::VatBreakdown | Group::Totals => "/lines".into(),
        Group::Line => {
            let line = path
                .index
                .map_or(String::new(), |index| format!("/{index}"));
            format!("/lines{line}{}", of_line(term))
        }
        // Some rules name a party's term without its group.
        _ => match term {
            27..=43 => format!("/seller{}", of_party(term)),
            44..=58 => format!("/buyer{}", of_party(term)),
            _ => of_document(term).into(),
        },
    }
}

fn of_document(term: u16) -> &'static str {
    match term {
        1 => "/number",
        2 => "/date",
        3 => "/type",
        5 => "/currency",
        6 => "/tax_currency",
        9 => "/due",
        10 => "/buyer_reference",
        11 => "/project",
        12 => "/contract",
        13 => "/order",
        20 => "/payment/terms",
        22 => "/notes",
        25 | 26 => "/preceding",
        72..=74 => "/delivery/date",
        81 | 84 => "/payment/iban",
        _ => "",
    }
}

fn of_party(term: u16) -> &'static str {
    match term {
        27 | 44 => "/name",
        35 | 50 => "/street",
        37 | 52 => "/city",
        38 | 53 => "/post_code",
        39 | 54 => "/subdivision",
        40 | 55 => "/country",
        31 | 48 => "/vat_id",
        32 => "/tax_number",
        30 | 47 => "/registration",
        34 | 49 => "/electronic_address",
        41 | 56 => "/contact",
        42 | 57 => "/phone",
        43 | 58 => "/email",
        _ => "",
    }
}

fn of_line(term: u16) -> &'static str {
    match term {
        129 => "/quantity",
        130 => "/unit",
        134 => "/period_from",
        135 => "/period_to",
        146 => "/unit_price",
        149 => "/price_base",
        151 => "/vat_category",
        152 => "/vat_rate",
        153 => "/name",
        154 => "/description",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use en16931::{BtId, profiles};

    use super::*;

    #[test]
    fn every_rule_with_words_is_one_that_is_checked() {
        let checked: Vec<&str> = profiles::XRECHNUNG.check_ids().collect();
        for (rules, code, message) in WORDS {
            for rule in *rules {
                assert!(checked.contains(rule), "{rule}");
            }
            assert!(message.ends_with('.') && !code.is_empty(), "{code}");
        }
    }

    #[test]
    fn places_lead_to_what_was_filled_in() {
        let check = |path: Path, expected: &str| assert_eq!(pointer(path), expected);
        check(Path::term(BtId(10)), "/buyer_reference");
        check(Path::group(Group::Seller), "/seller");
        check(Path::term(BtId(49)), "/buyer/electronic_address");
        check(Path::group_term(Group::Buyer, BtId(52)), "/buyer/city");
        check(
            Path::at_term(Group::Line, 2, BtId(152)),
            "/lines/2/vat_rate",
        );
        check(Path::at(Group::VatBreakdown, 0), "/lines");
        check(Path::document(), "");
    }
}
