//! The text of a Swiss QR code (Swiss Implementation Guidelines QR-bill, versions 2.2 and 2.3, chapter 4), and how its parts are printed.
//! Not there: alternative procedures, and bills that only notify.

use engine::{format::round, node::Warning};
use rust_decimal::Decimal;

use super::{check_amount, creditor_reference, iban, keep, missing, no_currency, one_line};

/// Letters of the message and the billing information together.
const INFORMATION: usize = 140;

/// Digits of a QR reference.
const QR_REFERENCE: usize = 27;

/// Whose account it is, or who pays; texts that are not there are blank.
#[derive(Clone, Debug, Default)]
pub(crate) struct Party {
    pub(crate) name: String,
    pub(crate) street: String,
    pub(crate) building: String,
    pub(crate) post_code: String,
    pub(crate) city: String,
    /// ISO 3166-1 alpha-2.
    pub(crate) country: String,
}

#[derive(Debug)]
pub(crate) struct Bill<'a> {
    pub(crate) iban: &'a str,
    pub(crate) creditor: &'a Party,
    /// `None`: whoever pays fills it in.
    pub(crate) amount: Option<Decimal>,
    pub(crate) currency: &'a str,
    /// `None`: whoever pays fills it in.
    pub(crate) debtor: Option<&'a Party>,
    /// Of the kind that belongs to the account; blank without one.
    pub(crate) reference: &'a str,
    pub(crate) message: &'a str,
    /// For programs, such as `//S1/10/…`.
    pub(crate) billing: &'a str,
}

/// A bill without faults.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) payload: String,
    /// As they are printed.
    pub(crate) iban: String,
    pub(crate) reference: Option<String>,
    pub(crate) amount: Option<String>,
}

/// What the parts of an address are called, and how many letters each has at most.
type Parts = [(&'static str, usize); 6];

/// An address that is not there still has its lines.
const NOBODY: [String; 7] = [const { String::new() }; 7];

const PAYEE: Parts = [
    ("the name of the payee", 70),
    ("the street of the payee", 70),
    ("the house number of the payee", 16),
    ("the post code of the payee", 16),
    ("the town of the payee", 35),
    ("the country of the payee", 2),
];
const PAYER: Parts = [
    ("the name of the payer", 70),
    ("the street of the payer", 70),
    ("the house number of the payer", 16),
    ("the post code of the payer", 16),
    ("the town of the payer", 35),
    ("the country of the payer", 2),
];

impl Party {
    pub(crate) fn is_blank(&self) -> bool {
        self.texts().iter().all(|text| text.trim().is_empty())
    }

    fn texts(&self) -> [&str; 6] {
        [
            &self.name,
            &self.street,
            &self.building,
            &self.post_code,
            &self.city,
            &self.country,
        ]
    }

    /// The lines of a structured address.
    fn coded(&self, parts: &Parts, wrong: &mut Vec<Warning>) -> [String; 7] {
        let mut lines = NOBODY;
        lines[0].push('S');
        let texts = self.texts().into_iter().zip(parts);
        for (number, (text, (part, most))) in texts.enumerate() {
            let line = checked(text, part, *most, wrong);
            // Street and house number may be missing.
            if line.is_empty() && !matches!(number, 1 | 2) {
                wrong.push(missing(part));
            }
            lines[number + 1] = line;
        }
        let country = &lines[6];
        let sound = country.len() == 2 && country.bytes().all(|byte| byte.is_ascii_uppercase());
        if !sound && (1..=2).contains(&country.chars().count()) {
            let message = format!("`{country}` is not a country such as CH");
            wrong.push(Warning::new("payment_country", message).with("country", country.as_str()));
        }
        lines
    }
}

/// The bill as it is coded and printed, or all that keeps it from being one.
pub(crate) fn swiss(bill: &Bill<'_>) -> Result<Written, Vec<Warning>> {
    let mut wrong = Vec::new();
    let iban = keep(account(bill.iban), &mut wrong);
    let creditor = bill.creditor.coded(&PAYEE, &mut wrong);
    let amount = bill.amount.map(|amount| round(amount, 2));
    if let Some(amount) = amount {
        keep(check_amount(amount), &mut wrong);
    }
    if !matches!(bill.currency, "CHF" | "EUR") {
        wrong.push(no_currency(bill.currency, "CHF/EUR"));
    }
    let debtor = match bill.debtor {
        Some(debtor) => debtor.coded(&PAYER, &mut wrong),
        None => NOBODY,
    };
    let (kind, reference) = keep(reference(bill.reference, &iban), &mut wrong);
    let message = checked(bill.message, "the message", INFORMATION, &mut wrong);
    let billing = keep(billing(bill.billing), &mut wrong);
    let billing = checked(&billing, "the billing information", INFORMATION, &mut wrong);
    let letters = message.chars().count() + billing.chars().count();
    if wrong.is_empty() && letters > INFORMATION {
        wrong.push(too_long(
            "the message with the billing information",
            INFORMATION,
            letters,
        ));
    }
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let coded_amount = amount.map(|amount| format!("{amount:.2}"));
    let mut lines: Vec<&str> = vec!["SPC", "0200", "1", iban.as_str()];
    lines.extend(creditor.iter().map(String::as_str));
    // Whoever is paid in the end, which is for later use.
    lines.extend([""; 7]);
    lines.push(coded_amount.as_deref().unwrap_or_default());
    lines.push(bill.currency);
    lines.extend(debtor.iter().map(String::as_str));
    lines.extend([kind, reference.as_str(), message.as_str(), "EPD"]);
    if !billing.is_empty() {
        lines.push(&billing);
    }
    Ok(Written {
        payload: lines.join("\n"),
        iban: grouped(&iban, 4),
        reference: match kind {
            "QRR" => Some(grouped_from_end(&reference, 5)),
            "SCOR" => Some(grouped(&reference, 4)),
            _ => None,
        },
        amount: coded_amount.map(|amount| {
            let (whole, cents) = amount.split_at(amount.len() - 3);
            format!("{}{cents}", grouped_from_end(whole, 3))
        }),
    })
}

/// An account of Switzerland or Liechtenstein.
fn account(text: &str) -> Result<String, Warning> {
    let iban = iban(text)?;
    if iban.len() == 21 && (iban.starts_with("CH") || iban.starts_with("LI")) {
        return Ok(iban);
    }
    let message =
        format!("a Swiss QR-bill is paid to a Swiss or Liechtenstein account, not to `{iban}`");
    Err(Warning::new("payment_account", message).with("iban", iban))
}

/// A text in one line, of letters that every bank takes.
fn checked(text: &str, part: &str, most: usize, wrong: &mut Vec<Warning>) -> String {
    let line = one_line(text);
    let letters = line.chars().count();
    if letters > most {
        wrong.push(too_long(part, most, letters));
    }
    if let Some(letter) = line.chars().find(|letter| !is_allowed(*letter)) {
        let message =
            format!("{part} has the letter `{letter}`, which a Swiss QR-bill cannot hold");
        wrong.push(
            Warning::new("payment_letter", message)
                .with("part", part)
                .with("letter", letter.to_string()),
        );
    }
    line
}

/// Basic Latin, Latin-1 Supplement, Latin Extended-A and a few more (since version 2.3).
fn is_allowed(letter: char) -> bool {
    matches!(
        letter,
        ' '..='~' | '\u{a0}'..='\u{17f}' | '\u{218}'..='\u{21b}' | '€'
    )
}

fn too_long(part: &str, most: usize, letters: usize) -> Warning {
    let message = format!("{part} has {letters} letters, at most {most} are possible");
    Warning::new("payment_too_long", message)
        .with("part", part)
        .with("most", most)
        .with("letters", letters)
}

/// The kind of reference that belongs to an account, and the reference.
fn reference(text: &str, iban: &str) -> Result<(&'static str, String), Warning> {
    let number = iban.get(4..9).and_then(|number| number.parse::<u32>().ok());
    let is_qr_iban = number.is_some_and(|number| (30_000..32_000).contains(&number));
    match (is_qr_iban, text.trim().is_empty()) {
        (true, true) => Err(missing("the QR reference that this account needs")),
        (true, false) => Ok(("QRR", qr_reference(text)?)),
        (false, true) => Ok(("NON", String::new())),
        (false, false) => Ok(("SCOR", creditor_reference(text)?)),
    }
}

/// A whole reference is checked; a shorter number gets zeros before it and its check digit behind it.
fn qr_reference(text: &str) -> Result<String, Warning> {
    let digits: String = text
        .chars()
        .filter(|letter| !letter.is_whitespace())
        .collect();
    let is_number =
        digits.bytes().all(|byte| byte.is_ascii_digit()) && digits.bytes().any(|byte| byte != b'0');
    let whole = match digits.len() {
        QR_REFERENCE if is_number => Some(digits),
        1..QR_REFERENCE if is_number => {
            let number = format!("{digits:0>width$}", width = QR_REFERENCE - 1);
            Some(format!("{number}{}", check_digit(&number)))
        }
        _ => None,
    };
    let sound = whole.filter(|whole| {
        let (number, digit) = whole.split_at(QR_REFERENCE - 1);
        digit == check_digit(number).to_string()
    });
    sound.ok_or_else(|| {
        let message = format!(
            "`{text}` is no QR reference: it has {QR_REFERENCE} digits, the last of which is its check digit, or fewer"
        );
        Warning::new("payment_qr_reference", message).with("reference", text)
    })
}

/// Modulo 10, recursive, as the guidelines have it in an annex.
fn check_digit(number: &str) -> u32 {
    const CARRY: [u32; 10] = [0, 9, 4, 6, 8, 2, 7, 1, 3, 5];
    let carry = number
        .chars()
        .filter_map(|digit| digit.to_digit(10))
        .fold(0, |carry, digit| CARRY[((carry + digit) % 10) as usize]);
    (10 - carry) % 10
}

fn billing(text: &str) -> Result<String, Warning> {
    let line = one_line(text);
    let has_kind = line.strip_prefix("//").is_some_and(|rest| {
        let mut letters = rest.chars();
        let mut letter = || {
            letters
                .next()
                .is_some_and(|letter| letter.is_ascii_alphanumeric())
        };
        letter() && letter()
    });
    if line.is_empty() || has_kind {
        return Ok(line);
    }
    let message =
        "billing information begins with // and the two letters of its kind, such as //S1";
    Err(Warning::new("payment_billing", message))
}

fn grouped(text: &str, size: usize) -> String {
    let letters: Vec<char> = text.chars().collect();
    let groups: Vec<String> = letters.chunks(size).map(String::from_iter).collect();
    groups.join(" ")
}

fn grouped_from_end(text: &str, size: usize) -> String {
    let letters: Vec<char> = text.chars().collect();
    let mut groups: Vec<String> = letters.rchunks(size).map(String::from_iter).collect();
    groups.reverse();
    groups.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where an ordinary reference belongs, and where a QR reference does.
    const IBAN: &str = "CH58 0079 1123 0008 8901 2";
    const QR_IBAN: &str = "CH44 3199 9123 0008 8901 2";

    fn party(name: &str) -> Party {
        Party {
            name: name.into(),
            street: "Seeweg".into(),
            building: "7".into(),
            post_code: "8000".into(),
            city: "Zürich".into(),
            country: "CH".into(),
        }
    }

    fn bill(creditor: &Party) -> Bill<'_> {
        Bill {
            iban: IBAN,
            creditor,
            amount: Some(Decimal::new(194_975, 2)),
            currency: "CHF",
            debtor: None,
            reference: "",
            message: "",
            billing: "",
        }
    }

    #[track_caller]
    fn check_wrong(bill: &Bill<'_>, expected: &[&str]) {
        let wrong = swiss(bill).expect_err("no bill");
        let codes: Vec<&str> = wrong.iter().map(|warning| warning.code.as_str()).collect();
        assert_eq!(codes, expected);
    }

    #[test]
    fn writes_every_line_of_the_code() {
        let debtor = party("Rosa Meier");
        let creditor = party("Bergbahn AG");
        let written = swiss(&Bill {
            iban: QR_IBAN,
            creditor: &creditor,
            amount: Some(Decimal::new(1_234_567_895, 3)),
            currency: "EUR",
            debtor: Some(&debtor),
            reference: "21 00000 00003 13947 14300 09017",
            message: "Season  ticket",
            billing: "//S1/10/4711",
        })
        .expect("a bill");
        let address = "\nSeeweg\n7\n8000\nZürich\nCH\n";
        let expected = format!(
            "SPC\n0200\n1\nCH4431999123000889012\nS\nBergbahn AG{address}\n\n\n\n\n\n\n1234567.90\nEUR\nS\nRosa Meier{address}QRR\n210000000003139471430009017\nSeason ticket\nEPD\n//S1/10/4711"
        );
        assert_eq!(
            written,
            Written {
                payload: expected,
                iban: "CH44 3199 9123 0008 8901 2".into(),
                reference: Some("21 00000 00003 13947 14300 09017".into()),
                amount: Some("1 234 567.90".into()),
            }
        );
    }

    #[test]
    fn what_is_not_there_keeps_its_line() {
        let creditor = party("Bergbahn AG");
        let written = swiss(&Bill {
            amount: None,
            ..bill(&creditor)
        })
        .expect("a bill");
        let lines: Vec<&str> = written.payload.split('\n').collect();
        assert_eq!(lines.len(), 31);
        assert_eq!(lines[18..20], ["", "CHF"]);
        assert_eq!(lines[20..27], [""; 7]);
        assert_eq!(lines[27..], ["NON", "", "", "EPD"]);
        assert_eq!((written.amount, written.reference), (None, None));
    }

    #[test]
    fn references_belong_to_their_accounts() {
        let creditor = party("Bergbahn AG");
        let with = |iban, reference| Bill {
            iban,
            reference,
            ..bill(&creditor)
        };
        let check = |iban, reference, expected: &str| {
            let written = swiss(&with(iban, reference)).expect("a bill");
            assert_eq!(written.reference.as_deref(), Some(expected));
        };
        check(IBAN, "RF18539007547034", "RF18 5390 0754 7034");
        // A number gets its check digits.
        check(IBAN, "NR-2027-0042", "RF92 NR20 2700 42");
        let whole = "21 00000 00003 13947 14300 09017";
        check(QR_IBAN, whole, whole);
        check(QR_IBAN, "21000000000313947143000901", whole);
        check(QR_IBAN, "42", "00 00000 00000 00000 00000 00420");
        check_wrong(&with(QR_IBAN, ""), &["payment_missing"]);
        for wrong in ["210000000003139471430009018", "0", "RF18539007547034"] {
            check_wrong(&with(QR_IBAN, wrong), &["payment_qr_reference"]);
        }
        check_wrong(&with(IBAN, whole), &["payment_reference"]);
    }

    #[test]
    fn says_all_that_keeps_it_from_being_a_bill() {
        let creditor = party("Bergbahn AG");
        let bill = || bill(&creditor);
        let with_iban = |iban| Bill { iban, ..bill() };
        check_wrong(&with_iban("DE02120300000000202051"), &["payment_account"]);
        check_wrong(&with_iban("CH00"), &["payment_iban"]);
        let other = Bill {
            currency: "USD",
            amount: Some(Decimal::ZERO),
            ..bill()
        };
        check_wrong(&other, &["payment_amount", "payment_currency"]);
        let with_words = |message, billing| Bill {
            message,
            billing,
            ..bill()
        };
        check_wrong(&with_words("謝謝", ""), &["payment_letter"]);
        check_wrong(&with_words("", "S1/10"), &["payment_billing"]);
        let (long, half) = ("m".repeat(141), format!("//S1{}", "/".repeat(80)));
        check_wrong(&with_words(&long, ""), &["payment_too_long"]);
        check_wrong(&with_words(&long[..60], &half), &["payment_too_long"]);
        let nobody = Party {
            building: "1".repeat(17),
            country: "ch".into(),
            ..Party::default()
        };
        let addressed = Bill {
            debtor: Some(&nobody),
            ..bill()
        };
        check_wrong(
            &addressed,
            &[
                "payment_missing",
                "payment_too_long",
                "payment_missing",
                "payment_missing",
                "payment_country",
            ],
        );
    }

    #[test]
    fn street_and_house_number_may_be_missing_and_letters_have_their_marks() {
        let creditor = Party {
            street: String::new(),
            building: String::new(),
            city: "Zürich €šȚ".into(),
            ..party("Łukasz")
        };
        let written = swiss(&bill(&creditor)).expect("a bill");
        assert!(
            written
                .payload
                .contains("\nS\nŁukasz\n\n\n8000\nZürich €šȚ\nCH\n")
        );
    }
}
