//! Payment codes: the text of a SEPA credit transfer QR code (EPC069-12, version 002).

use engine::firm::is_iban;
use rust_decimal::Decimal;

/// What a banking app needs to fill in a transfer.
#[derive(Debug)]
pub(crate) struct Transfer<'a> {
    pub(crate) name: &'a str,
    pub(crate) iban: &'a str,
    pub(crate) bic: &'a str,
    pub(crate) amount: Decimal,
    pub(crate) currency: &'a str,
    pub(crate) reference: &'a str,
}

/// The payload, or one sentence why there is none.
pub(crate) fn epc(transfer: &Transfer<'_>) -> Result<String, String> {
    let iban: String = transfer
        .iban
        .chars()
        .filter(|letter| !letter.is_whitespace())
        .collect();
    if iban.is_empty() {
        return Err("the firm has no IBAN".into());
    }
    if !is_iban(&iban) {
        return Err(format!("`{}` is not an IBAN", transfer.iban));
    }
    if transfer.currency != "EUR" {
        return Err(format!(
            "a payment code is only possible in EUR, not in {}",
            transfer.currency
        ));
    }
    let amount = transfer.amount.round_dp(2);
    if amount < Decimal::new(1, 2) || amount > Decimal::new(99_999_999_999, 2) {
        return Err("the amount must be from 0.01 to 999999999.99".into());
    }
    let name = limited(transfer.name, 70);
    if name.is_empty() {
        return Err("the firm has no name".into());
    }
    let bic: String = transfer
        .bic
        .chars()
        .filter(|letter| !letter.is_whitespace())
        .collect();
    let reference = limited(transfer.reference, 140);
    // Service tag, version, UTF-8, SEPA credit transfer, BIC, name, IBAN, amount, purpose, structured reference, text.
    let payload =
        format!("BCD\n002\n1\nSCT\n{bic}\n{name}\n{iban}\nEUR{amount:.2}\n\n\n{reference}");
    if payload.len() > 331 {
        return Err("the payment code would be longer than 331 bytes".into());
    }
    Ok(payload)
}

fn limited(text: &str, letters: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().take(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(iban: &str, amount: &str, currency: &str, expected: Result<&str, &str>) {
        let found = epc(&Transfer {
            name: "Nordlicht  Reisen",
            iban,
            bic: "",
            amount: amount.parse().expect("a decimal"),
            currency,
            reference: "NR-1",
        });
        assert_eq!(found.as_deref().map_err(String::as_str), expected);
    }

    #[test]
    fn writes_the_payload_of_epc069_12() {
        check(
            "DE02 1203 0000 0000 2020 51",
            "1485.5",
            "EUR",
            Ok(
                "BCD\n002\n1\nSCT\n\nNordlicht Reisen\nDE02120300000000202051\nEUR1485.50\n\n\nNR-1",
            ),
        );
    }

    #[test]
    fn says_why_there_is_no_code() {
        check("", "1", "EUR", Err("the firm has no IBAN"));
        check(
            "DE03120300000000202051",
            "1",
            "EUR",
            Err("`DE03120300000000202051` is not an IBAN"),
        );
        check(
            "DE02120300000000202051",
            "1",
            "USD",
            Err("a payment code is only possible in EUR, not in USD"),
        );
        check(
            "DE02120300000000202051",
            "0",
            "EUR",
            Err("the amount must be from 0.01 to 999999999.99"),
        );
    }
}
