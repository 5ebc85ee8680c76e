//! Whether values of one kind can stand where another is asked for: what `Value::convert` will do, told before there is a value.

use super::{ChoiceOption, Field, Kind};

/// Values of a kind do not fit where another is asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Misfit<'k> {
    /// Names of the fields that lead to the place, those of a list's entries among them; empty for the value itself.
    pub path: Vec<&'k str>,
    /// `None`: there is nothing of that name, and the place stays empty.
    pub found: Option<&'k Kind>,
    pub wanted: &'k Kind,
    /// No value fits; else some do, such as a text that is a number.
    pub is_certain: bool,
}

/// Decimals of an amount that is in the currency of a run, which is not known yet.
const USUAL_DECIMALS: u8 = 2;

enum Fit {
    All,
    Partly,
    Never,
}

impl Kind {
    /// Why values of this kind do not fit; the first place that never does, else the first one that may not. `None` where all fit, or
    /// where nothing is known.
    pub fn misfit<'k>(&'k self, wanted: &'k Self) -> Option<Misfit<'k>> {
        let is_certain = match (self, wanted) {
            (Self::Any, _) | (_, Self::Any) => return None,
            (Self::List { item, .. }, Self::List { item: other, .. }) => return item.misfit(other),
            (Self::Record { .. }, Self::Record { fields }) => return self.misfit_within(fields),
            _ => match fit(self, wanted) {
                Fit::All => return None,
                Fit::Partly => false,
                Fit::Never => true,
            },
        };
        Some(Misfit {
            path: Vec::new(),
            found: Some(self),
            wanted,
            is_certain,
        })
    }

    fn misfit_within<'k>(&'k self, fields: &'k [Field]) -> Option<Misfit<'k>> {
        let mut found = fields.iter().filter_map(|field| {
            let mut misfit = match self.field(&field.name) {
                Some(own) => own.kind.misfit(&field.kind)?,
                None if field.optional => return None,
                None => Misfit {
                    path: Vec::new(),
                    found: None,
                    wanted: &field.kind,
                    is_certain: false,
                },
            };
            misfit.path.insert(0, &field.name);
            Some(misfit)
        });
        let first = found.next()?;
        if first.is_certain {
            return Some(first);
        }
        Some(found.find(|misfit| misfit.is_certain).unwrap_or(first))
    }
}

/// Of kinds that hold no others.
fn fit(found: &Kind, wanted: &Kind) -> Fit {
    match (found, wanted) {
        (Kind::Choice { options: own }, Kind::Choice { options }) => {
            let is_option =
                |one: &&ChoiceOption| options.iter().any(|other| other.value == one.value);
            match own.iter().filter(is_option).count() {
                count if count == own.len() => Fit::All,
                0 => Fit::Never,
                _ => Fit::Partly,
            }
        }
        (Kind::Money { decimals: own }, Kind::Money { decimals }) => {
            let most = decimals.unwrap_or(0).max(USUAL_DECIMALS);
            if own.is_some_and(|own| own > most) {
                Fit::Partly
            } else {
                Fit::All
            }
        }
        (
            Kind::Text { .. }
            | Kind::Choice { .. }
            | Kind::Integer
            | Kind::Decimal
            | Kind::Money { .. }
            | Kind::Date
            | Kind::Time
            | Kind::Instant,
            Kind::Text { .. },
        )
        | (Kind::Integer, Kind::Integer | Kind::Decimal | Kind::Money { .. })
        | (Kind::Decimal, Kind::Decimal | Kind::Money { decimals: None })
        | (Kind::Date, Kind::Date)
        | (Kind::Time, Kind::Time)
        | (Kind::Instant, Kind::Instant)
        | (Kind::YesNo, Kind::YesNo)
        | (Kind::File, Kind::File) => Fit::All,
        (
            Kind::Text { .. } | Kind::Choice { .. },
            Kind::Integer
            | Kind::Decimal
            | Kind::Money { .. }
            | Kind::Date
            | Kind::Time
            | Kind::Instant
            | Kind::Choice { .. },
        )
        // Only what is not bound to a number of decimals is rounded.
        | (Kind::Decimal, Kind::Integer | Kind::Money { decimals: Some(_) })
        | (Kind::Record { .. }, Kind::Money { .. }) => Fit::Partly,
        _ => Fit::Never,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::value::Value;

    fn choice(values: &[&str]) -> Kind {
        let option = |value: &&str| ChoiceOption {
            value: (*value).into(),
            title: None,
        };
        Kind::Choice {
            options: values.iter().map(option).collect(),
        }
    }

    #[test]
    fn what_never_fits_goes_before_what_may_not() {
        let check = |found: &Kind, wanted: &Kind, expected: Option<(&str, bool)>| {
            let misfit = found.misfit(wanted);
            let told = misfit.map(|misfit| (misfit.path.join("."), misfit.is_certain));
            let expected = expected.map(|(path, is_certain)| (path.to_owned(), is_certain));
            assert_eq!(told, expected, "{found:?} for {wanted:?}");
        };
        check(&Kind::Any, &Kind::money(), None);
        check(&Kind::money(), &Kind::text(), None);
        check(&Kind::text(), &Kind::money(), Some(("", false)));
        check(&Kind::Date, &Kind::money(), Some(("", true)));
        check(&choice(&["a"]), &choice(&["a", "b"]), None);
        check(&choice(&["a", "c"]), &choice(&["a"]), Some(("", false)));
        check(&choice(&["c"]), &choice(&["a"]), Some(("", true)));
        let row = |price: Kind| {
            Kind::list(Kind::record([
                ("what", "", Kind::text()),
                ("price", "", price),
            ]))
        };
        check(&row(Kind::Decimal), &row(Kind::money()), None);
        check(&row(Kind::Date), &row(Kind::money()), Some(("price", true)));
        check(&Kind::text(), &row(Kind::money()), Some(("", true)));
        let other = Kind::list(Kind::record([("price", "", Kind::YesNo)]));
        check(&other, &row(Kind::money()), Some(("price", true)));
        let bare = Kind::list(Kind::record([("price", "", Kind::money())]));
        check(&bare, &row(Kind::money()), Some(("what", false)));
        let price = |decimals| Kind::Money {
            decimals: Some(decimals),
        };
        check(&price(4), &price(6), None);
        check(&price(6), &price(4), Some(("", false)));
        check(&price(4), &Kind::money(), Some(("", false)));
        check(&price(2), &Kind::money(), None);
        check(&Kind::money(), &price(4), None);
        check(&Kind::Integer, &price(4), None);
        check(&Kind::Decimal, &price(4), Some(("", false)));
    }

    #[test]
    fn it_is_what_converting_does() {
        let samples = [
            (Kind::text(), json!("word")),
            (Kind::Integer, json!(7)),
            (Kind::Decimal, json!("1.50")),
            (Kind::money(), json!({"amount": "1.50", "currency": "EUR"})),
            (
                Kind::Money { decimals: Some(4) },
                json!({"amount": "0.0834", "currency": "EUR"}),
            ),
            (Kind::Date, json!("2027-03-08")),
            (Kind::Time, json!("09:30:00")),
            (Kind::Instant, json!("2027-03-08T09:30:00Z")),
            (Kind::YesNo, json!(true)),
            (choice(&["a"]), json!("a")),
            (Kind::list(Kind::Integer), json!([7])),
            (Kind::record([("a", "", Kind::Integer)]), json!({"a": 7})),
        ];
        for (found, json) in &samples {
            let value = Value::from_json(json, found).expect("a value of its kind");
            for (wanted, _) in &samples {
                let converted = value.clone().convert(wanted, "EUR");
                match found.misfit(wanted) {
                    None => assert!(converted.is_ok(), "{found:?} for {wanted:?}"),
                    Some(Misfit {
                        is_certain: true, ..
                    }) => assert!(converted.is_err(), "{found:?} for {wanted:?}"),
                    Some(_) => {}
                }
            }
        }
    }
}
