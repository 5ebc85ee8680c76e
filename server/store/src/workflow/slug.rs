//! Public addresses: words of `[a-z0-9]` joined by `-`.

use crate::{Result, StoreError};

const MAX_CHARS: usize = 80;

/// Addresses that could be mistaken for the product's own pages.
const RESERVED: &[&str] = &[
    "admin",
    "api",
    "assets",
    "form",
    "forms",
    "formwork",
    "help",
    "hooks",
    "login",
    "new",
    "session",
    "settings",
    "setup",
    "static",
    "workflows",
];

/// What a person chose.
pub(super) fn check(slug: &str) -> Result<()> {
    let shaped = !slug.is_empty()
        && slug.len() <= MAX_CHARS
        && slug.split('-').all(|word| {
            !word.is_empty()
                && word
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        });
    if !shaped {
        return Err(StoreError::invalid(
            "slug_invalid",
            "/slug",
            "An address is made of small letters and digits, in words joined by -, at most 80 characters.",
        ));
    }
    if RESERVED.contains(&slug) {
        return Err(StoreError::invalid(
            "slug_reserved",
            "/slug",
            "This address is reserved. Choose another one.",
        ));
    }
    Ok(())
}

/// Addresses to try for a name, from the plain one to one that nobody can have.
pub(super) fn candidates(name: &str, unique: &str) -> impl Iterator<Item = String> {
    let base = from_name(name);
    let base = if base.is_empty() || RESERVED.contains(&base.as_str()) {
        "workflow".to_owned()
    } else {
        base
    };
    let numbered = {
        let base = base.clone();
        (2..=20).map(move |number| format!("{base}-{number}"))
    };
    let last = format!("{base}-{}", &unique[unique.len().saturating_sub(12)..]);
    std::iter::once(base).chain(numbered).chain([last])
}

fn from_name(name: &str) -> String {
    let mut slug = String::new();
    for letter in name.chars() {
        let plain = match letter {
            'ä' | 'Ä' => "ae",
            'ö' | 'Ö' => "oe",
            'ü' | 'Ü' => "ue",
            'ß' => "ss",
            'à' | 'á' | 'â' | 'ã' | 'å' => "a",
            'è' | 'é' | 'ê' | 'ë' | 'É' => "e",
            'ì' | 'í' | 'î' | 'ï' => "i",
            'ò' | 'ó' | 'ô' | 'õ' => "o",
            'ù' | 'ú' | 'û' => "u",
            'ç' => "c",
            'ñ' => "n",
            _ if letter.is_ascii_alphanumeric() => {
                slug.push(letter.to_ascii_lowercase());
                continue;
            }
            _ => "-",
        };
        if plain != "-" || !(slug.is_empty() || slug.ends_with('-')) {
            slug.push_str(plain);
        }
    }
    slug.truncate(60);
    slug.trim_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_addresses() {
        fn check(name: &str, expected: &str) {
            let slug = candidates(name, "0123456789abcdef").next().unwrap();
            assert_eq!(slug, expected, "{name}");
            super::check(&slug).unwrap();
        }
        check("Travel itinerary", "travel-itinerary");
        check("  Größe & Maß  ", "groesse-mass");
        check("发票", "workflow");
        check("API", "workflow");
        check("--", "workflow");
        check(&"a".repeat(300), &"a".repeat(60));
    }

    #[test]
    fn chosen_addresses_are_checked() {
        for (slug, ok) in [
            ("a", true),
            ("my-form-2", true),
            ("", false),
            ("-a", false),
            ("a--b", false),
            ("A", false),
            ("setup", false),
            ("ä", false),
        ] {
            assert_eq!(check(slug).is_ok(), ok, "{slug}");
        }
    }
}
