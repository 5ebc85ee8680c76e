//! Seller and buyer.

use super::country::has_city_first;

/// Who sells or buys (EN 16931 BG-4 and BG-7); what nobody filled in is empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Party {
    /// BT-27, BT-44.
    pub name: String,
    pub address: Address,
    /// With the country in front: `DE123456788` (BT-31, BT-48).
    pub vat_id: String,
    /// What the tax office at home knows a seller by (BT-32).
    pub tax_number: String,
    /// Number in a public register (BT-30, BT-47).
    pub registration: String,
    /// Person or department (BT-41, BT-56).
    pub contact: String,
    pub phone: String,
    pub email: String,
    pub electronic_address: Option<ElectronicAddress>,
}

/// Where the law wants post to arrive (BG-5 and BG-8).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Address {
    /// Street and number, then what else stands above the city.
    pub street: Vec<String>,
    pub post_code: String,
    pub city: String,
    /// State or province.
    pub subdivision: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
}

/// An address to send e-invoices to (BT-34, BT-49).
#[derive(Clone, Debug, PartialEq)]
pub struct ElectronicAddress {
    /// Of the EAS list: `EM` for e-mail, `0204` for a Leitweg-ID.
    pub scheme: String,
    pub id: String,
}

impl Address {
    /// As written on a letter within the country: the street's lines, then post code and city in the country's order.
    pub fn lines(&self) -> Vec<String> {
        let city: [&str; 3] = if has_city_first(&self.country) {
            [&self.city, &self.subdivision, &self.post_code]
        } else {
            [&self.post_code, &self.city, ""]
        };
        let state = if has_city_first(&self.country) {
            ""
        } else {
            self.subdivision.as_str()
        };
        let city: Vec<&str> = city.into_iter().filter(|part| !part.is_empty()).collect();
        let last = [city.join(" "), state.to_owned()];
        let lines = self.street.iter().cloned().chain(last);
        lines.filter(|line| !line.trim().is_empty()).collect()
    }
}

/// Whether a text without spaces has the form of a VAT id: two letters, then up to 18 letters, digits, points and hyphens.
pub fn is_vat_id(text: &str) -> bool {
    let Some((country, rest)) = text.split_at_checked(2) else {
        return false;
    };
    let of_id = |byte: u8| {
        byte.is_ascii_digit() || byte.is_ascii_uppercase() || matches!(byte, b'.' | b'-')
    };
    country.bytes().all(|byte| byte.is_ascii_uppercase())
        && rest.len() <= 18
        && rest.bytes().all(of_id)
        && rest.bytes().any(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_laid_out_as_in_its_country() {
        let check = |country: &str, subdivision: &str, expected: &[&str]| {
            let address = Address {
                street: vec!["1 Main Street".into(), String::new()],
                post_code: "10001".into(),
                city: "Town".into(),
                subdivision: subdivision.into(),
                country: country.into(),
            };
            assert_eq!(address.lines(), expected, "{country}");
        };
        check("DE", "", &["1 Main Street", "10001 Town"]);
        check("IT", "RM", &["1 Main Street", "10001 Town", "RM"]);
        check("US", "NY", &["1 Main Street", "Town NY 10001"]);
        assert!(Address::default().lines().is_empty());
    }

    #[test]
    fn vat_ids_begin_with_their_country() {
        for (text, expected) in [
            ("DE123456788", true),
            ("ATU12345678", true),
            ("FRXX999999999", true),
            ("CHE-123.456.789", true),
            ("151/815/08156", false),
            ("DE", false),
            ("de123456788", false),
            ("GmbH", false),
            ("Ä1", false),
        ] {
            assert_eq!(is_vat_id(text), expected, "{text}");
        }
    }
}
