//! The firm: the workspace's own name, address, tax numbers, bank and logo, which templates, forms and payment codes read as `firm`.
//! The record is stored with each run, so that a later change alters no earlier document.

use jiff::civil::Date;
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    invoice::{Address, Rounding},
    kind::{ChoiceOption, Field, Kind},
    value::{FileRef, Record, Value},
};

/// Whether a price that people type already holds the tax.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Prices {
    #[default]
    Net,
    Gross,
}

/// JSON as stored in `firm.record`; texts that nobody filled in are `""`. Runs of earlier releases keep a record with `address`, all of whose
/// lines count as the street's, and `tax_id`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Firm {
    pub name: String,
    /// Street and number, and what else stands above the city; one entry a line.
    #[serde(alias = "address")]
    pub street: Vec<String>,
    pub post_code: String,
    pub city: String,
    /// State or province.
    pub subdivision: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// With the country in front, such as `DE123456788`.
    #[serde(alias = "tax_id")]
    pub vat_id: String,
    /// What the tax office at home knows the firm by.
    pub tax_number: String,
    /// Number in a public register.
    pub registration: String,
    /// Person or department that answers questions.
    pub contact: String,
    pub email: String,
    pub phone: String,
    pub website: String,
    pub iban: String,
    pub bic: String,
    /// Name of the bank.
    pub bank: String,
    pub logo: Option<FileRef>,
    /// ISO 4217.
    pub currency: String,
    /// IANA.
    pub time_zone: String,
    /// BCP 47.
    pub locale: String,
    /// Percent, such as `19`.
    pub tax_rate: Decimal,
    pub prices: Prices,
    pub tax_rounding: Rounding,
    /// `#rrggbb`.
    pub colour: String,
    /// Days besides weekends on which nobody works.
    pub holidays: Vec<Date>,
}

impl Default for Firm {
    fn default() -> Self {
        Self {
            name: String::new(),
            street: Vec::new(),
            post_code: String::new(),
            city: String::new(),
            subdivision: String::new(),
            country: String::new(),
            vat_id: String::new(),
            tax_number: String::new(),
            registration: String::new(),
            contact: String::new(),
            email: String::new(),
            phone: String::new(),
            website: String::new(),
            iban: String::new(),
            bic: String::new(),
            bank: String::new(),
            logo: None,
            currency: "EUR".into(),
            time_zone: "UTC".into(),
            locale: "en".into(),
            tax_rate: Decimal::ZERO,
            prices: Prices::Net,
            tax_rounding: Rounding::Rate,
            colour: "#2b47c9".into(),
            holidays: Vec::new(),
        }
    }
}

impl Firm {
    /// What expressions read as `firm`; only the logo may be empty. `address` are the lines of a letter, `tax_id` is the VAT id or else the
    /// tax number.
    pub fn kind() -> Kind {
        let texts = |names: &[(&str, &str)]| -> Vec<Field> {
            names
                .iter()
                .map(|(name, title)| field(name, title, Kind::text()))
                .collect()
        };
        let mut fields = texts(&[("name", "Name")]);
        fields.push(field("address", "Address", Kind::list(Kind::text())));
        fields.push(field("street", "Street", Kind::list(Kind::text())));
        fields.extend(texts(&[
            ("post_code", "Post code"),
            ("city", "City"),
            ("subdivision", "State or province"),
            ("country", "Country"),
            ("tax_id", "VAT id or tax number"),
            ("vat_id", "VAT id"),
            ("tax_number", "Tax number"),
            ("registration", "Register number"),
            ("contact", "Contact"),
            ("email", "E-mail"),
            ("phone", "Phone"),
            ("website", "Website"),
            ("iban", "IBAN"),
            ("bic", "BIC"),
            ("bank", "Bank"),
        ]));
        fields.push(Field {
            optional: true,
            ..field("logo", "Logo", Kind::File)
        });
        fields.extend(texts(&[
            ("currency", "Currency"),
            ("time_zone", "Time zone"),
            ("locale", "Language"),
        ]));
        fields.push(field("tax_rate", "Tax rate", Kind::Decimal));
        fields.push(field("prices", "Prices", choice(["net", "gross"])));
        fields.push(field(
            "tax_rounding",
            "Tax rounding",
            choice(["rate", "line"]),
        ));
        fields.extend(texts(&[("colour", "Colour")]));
        fields.push(field("holidays", "Holidays", Kind::list(Kind::Date)));
        Kind::Record { fields }
    }

    /// The record expressions read.
    pub fn to_value(&self) -> Value {
        let text = |text: &str| Value::Text(text.to_owned());
        let texts = |lines: &[String]| Value::List(lines.iter().map(|line| text(line)).collect());
        let holidays = self.holidays.iter().copied().map(Value::Date).collect();
        let logo = self.logo.clone().map_or(Value::Empty, Value::File);
        let prices = match self.prices {
            Prices::Net => "net",
            Prices::Gross => "gross",
        };
        let tax_rounding = match self.tax_rounding {
            Rounding::Rate => "rate",
            Rounding::Line => "line",
        };
        let tax_id = if self.vat_id.is_empty() {
            &self.tax_number
        } else {
            &self.vat_id
        };
        Value::Record(Record::from_iter(
            [
                ("name", text(&self.name)),
                ("address", texts(&self.address().lines())),
                ("street", texts(&self.street)),
                ("post_code", text(&self.post_code)),
                ("city", text(&self.city)),
                ("subdivision", text(&self.subdivision)),
                ("country", text(&self.country)),
                ("tax_id", text(tax_id)),
                ("vat_id", text(&self.vat_id)),
                ("tax_number", text(&self.tax_number)),
                ("registration", text(&self.registration)),
                ("contact", text(&self.contact)),
                ("email", text(&self.email)),
                ("phone", text(&self.phone)),
                ("website", text(&self.website)),
                ("iban", text(&self.iban)),
                ("bic", text(&self.bic)),
                ("bank", text(&self.bank)),
                ("logo", logo),
                ("currency", text(&self.currency)),
                ("time_zone", text(&self.time_zone)),
                ("locale", text(&self.locale)),
                ("tax_rate", Value::Decimal(self.tax_rate)),
                ("prices", text(prices)),
                ("tax_rounding", text(tax_rounding)),
                ("colour", text(&self.colour)),
                ("holidays", Value::List(holidays)),
            ]
            .map(|(name, value)| (name.to_owned(), value)),
        ))
    }

    fn address(&self) -> Address {
        Address {
            street: self.street.clone(),
            post_code: self.post_code.clone(),
            city: self.city.clone(),
            subdivision: self.subdivision.clone(),
            country: self.country.clone(),
        }
    }
}

/// Whether a text without spaces is an IBAN (ISO 13616): its form, and its check digits by ISO 7064 mod 97-10.
pub fn is_iban(iban: &str) -> bool {
    let well_formed = (15..=34).contains(&iban.len())
        && iban
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
        && iban.as_bytes()[..2].iter().all(u8::is_ascii_uppercase)
        && iban.as_bytes()[2..4].iter().all(u8::is_ascii_digit);
    well_formed
        && iban[4..]
            .chars()
            .chain(iban[..4].chars())
            .filter_map(|letter| letter.to_digit(36))
            .fold(0, |rest, digit| {
                let shifted = if digit > 9 { rest * 100 } else { rest * 10 };
                (shifted + digit) % 97
            })
            == 1
}

/// Whether a text without spaces has the form of a BIC (ISO 9362): eight or eleven letters and digits, the first six letters.
pub fn is_bic(bic: &str) -> bool {
    matches!(bic.len(), 8 | 11)
        && bic
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
        && bic.as_bytes()[..6].iter().all(u8::is_ascii_uppercase)
}

fn choice(values: [&str; 2]) -> Kind {
    Kind::Choice {
        options: values
            .map(|value| ChoiceOption {
                value: value.into(),
                title: None,
            })
            .into(),
    }
}

fn field(name: &str, title: &str, kind: Kind) -> Field {
    Field {
        name: name.into(),
        title: title.into(),
        kind,
        optional: false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_record_has_the_declared_kind() {
        let firm = Firm::default();
        let value = firm.to_value();
        assert_eq!(Value::from_json(&value.to_json(), &Firm::kind()), Ok(value));
        let stored = serde_json::to_value(&firm).expect("a firm is JSON");
        assert_eq!(serde_json::from_value::<Firm>(stored).expect("reads"), firm);
    }

    #[test]
    fn a_record_of_an_earlier_release_reads_as_it_did() {
        let stored =
            json!({"address": ["Hüxstraße 44", "23552 Lübeck"], "tax_id": "151/815/08156"});
        let firm: Firm = serde_json::from_value(stored).expect("reads");
        let value = firm.to_value().to_json();
        assert_eq!(value["address"], json!(["Hüxstraße 44", "23552 Lübeck"]));
        assert_eq!(value["tax_id"], json!("151/815/08156"));
        let parts = Firm {
            street: vec!["Hüxstraße 44".into()],
            post_code: "23552".into(),
            city: "Lübeck".into(),
            tax_number: "151/815/08156".into(),
            ..Firm::default()
        };
        let parts = parts.to_value().to_json();
        assert_eq!(parts["address"], value["address"]);
        assert_eq!(parts["tax_id"], value["tax_id"]);
    }

    #[test]
    fn bank_accounts_are_checked_by_their_digits() {
        let check = |iban: &str, expected: bool| assert_eq!(is_iban(iban), expected, "{iban}");
        check("DE02120300000000202051", true);
        check("MT84MALT011000012345MTLCAST001S", true);
        check("NO9386011117947", true);
        check("DE03120300000000202051", false);
        check("DE00", false);
        check("de02120300000000202051", false);
        check("", false);
        check("DE02 1203 0000 0000 2020 51", false);
        check("ÄÖ02120300000000202051", false);
        let check = |bic: &str, expected: bool| assert_eq!(is_bic(bic), expected, "{bic}");
        check("BYLADEM1001", true);
        check("DEUTDEFF", true);
        check("DEUTDEF", false);
        check("1234DEFF", false);
        check("DEUTDEFFÄÄ", false);
    }
}
