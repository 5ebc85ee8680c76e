//! A received e-invoice as values, with everything that is wrong about it. It is read as far as it can be: whoever received it decides.

use en16931::{Check, Severity, profiles};
use en16931_formats::report::{Entry, Kind};
use engine::{check::Problem, value::Value};
use serde_json::json;

use crate::{MAX_BYTES, MAX_PROBLEMS, guard, rules, value};

/// What an e-invoice says.
#[derive(Clone, Debug)]
pub struct Received {
    /// See `kind`.
    pub invoice: Value,
    /// What it is written as, such as `UBL 2.1`.
    pub syntax: String,
    /// The rules that it says it keeps, such as `XRechnung 3.0`; what it says itself where they are not known.
    pub profile: String,
    /// Errors break a rule or were not read as they stand; nothing is left out silently.
    pub problems: Vec<Problem>,
}

impl Received {
    /// Whether it keeps the rules that it says it keeps, and was read as it stands.
    pub fn is_valid(&self) -> bool {
        !self.problems.iter().any(Problem::is_error)
    }
}

/// Why there is no invoice in a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    #[error("it has more than {} MiB", MAX_BYTES / (1024 * 1024))]
    TooLarge,
    /// Built as no invoice is.
    #[error("it has more than {most} {kind}")]
    TooComplex { kind: &'static str, most: usize },
    #[error("it is not sound XML (line {line}): {reason}")]
    NotXml { reason: String, line: u32 },
    #[error("it is not an invoice but \u{201c}{found}\u{201d}")]
    NotAnInvoice { found: String },
    #[error("its letters are not stored as UTF-8 or UTF-16 but as {found}")]
    Encoding { found: String },
}

impl From<en16931_formats::Error> for Unreadable {
    fn from(error: en16931_formats::Error) -> Self {
        use en16931_formats::Error;
        match error {
            Error::Encoding { found } => Self::Encoding {
                found: short(&found),
            },
            Error::Xml { message, line, .. } => Self::NotXml {
                reason: short(&message),
                line,
            },
            Error::TooDeep { limit, .. } => Self::TooComplex {
                kind: "levels",
                most: limit,
            },
            Error::NotAnInvoice { found } => Self::NotAnInvoice {
                found: short(&found),
            },
            other => Self::NotAnInvoice {
                found: short(&other.to_string()),
            },
        }
    }
}

/// Strangers chose how long it is.
fn short(text: &str) -> String {
    let mut letters = text.chars();
    let short: String = letters.by_ref().take(120).collect();
    if letters.next().is_some() {
        short + "…"
    } else {
        short
    }
}

pub(crate) fn parse(xml: &[u8]) -> Result<en16931_formats::Read, Unreadable> {
    guard::check(xml)?;
    Ok(en16931_formats::read(xml)?)
}

/// Reads an XML in either syntax; units are named in the language of `locale`.
pub fn read(xml: &[u8], locale: &str) -> Result<Received, Unreadable> {
    let document = parse(xml)?;
    let invoice = &document.invoice;
    let declared = profiles::classify(invoice.specification_id.as_deref());
    let profile = declared.profile();
    let is_fatal = |entry: &&Entry| entry.level() == Severity::Fatal;
    let fatal = document.entries.iter().filter(is_fatal);
    let others = document.entries.iter().filter(|entry| !is_fatal(entry));
    let told = fatal.take(MAX_PROBLEMS).chain(others.take(MAX_PROBLEMS));
    let mut problems: Vec<Problem> = told.map(entry).collect();
    let report = Check::new(profile.unwrap_or(&profiles::EN16931)).run(invoice);
    problems.extend(rules::problems(report.findings()));
    match profile {
        None => {
            let message = "The invoice names no rules that are known here. It was looked at by those of EN 16931.";
            let params = json!({"rule": "BT-24"});
            problems.push(Problem::warning(
                "einvoice_profile_unknown",
                params,
                message,
            ));
        }
        Some(profile) if !profile.is_en16931_invoice() => {
            let message = "This is no full invoice but a booking aid without lines. Ask for one in the profile EN 16931.";
            let params = json!({"rule": "BR-16"});
            problems.push(Problem::error("einvoice_no_full_invoice", params, message));
        }
        Some(_) => {}
    }
    problems.sort_by_key(|problem| !problem.is_error());
    problems.truncate(MAX_PROBLEMS);
    let own = invoice.specification_id.as_deref().unwrap_or_default();
    Ok(Received {
        invoice: value::value(invoice, locale),
        syntax: document.syntax.to_string(),
        profile: profile.map_or_else(|| short(own), |profile| profile.id.to_owned()),
        problems,
    })
}

/// What reading had to say of one place.
fn entry(entry: &Entry) -> Problem {
    let place = entry.term.as_ref().unwrap_or(&entry.path);
    let (place, found) = (
        short(place),
        short(entry.value.as_deref().unwrap_or_default()),
    );
    let params = json!({"place": place, "found": found, "rule": entry.rule, "text": entry.message});
    match entry.kind {
        Kind::Unmapped => {
            let message = format!("Not read: {place} has no place in EN 16931.");
            Problem::warning("einvoice_unmapped", params, message)
        }
        Kind::Malformed => {
            let message = format!("Not read: \u{201c}{found}\u{201d} cannot stand at {place}.");
            Problem::error("einvoice_malformed", params, message)
        }
        Kind::Duplicate | Kind::Repeated => {
            let message = format!(
                "{place} stands there more than once, though only one may. The first was read, not \u{201c}{found}\u{201d}."
            );
            if entry.level() == Severity::Fatal {
                Problem::error("einvoice_duplicate", params, message)
            } else {
                Problem::warning("einvoice_duplicate", params, message)
            }
        }
        Kind::Schema
        | Kind::Unreadable
        | Kind::Container
        | Kind::Ambiguous
        | Kind::Dropped
        | Kind::Prohibited
        | Kind::Derived => {
            let message = format!("{place} is not as the format wants it: {}.", entry.message);
            if entry.level() == Severity::Fatal {
                Problem::error("einvoice_syntax", params, message)
            } else {
                Problem::warning("einvoice_syntax", params, message)
            }
        }
    }
}
