//! Units of measure by their code (UN/ECE recommendation 20; packages by recommendation 21 with an X in front).

use super::language::Language;

/// What a line counts in when it says nothing.
pub const ONE: &str = "C62";

/// Code, and names in English, German, French and Chinese. Further ways to write one are in `ALIASES`.
const UNITS: &[(&str, [&str; 4])] = &[
    ("C62", ["unit", "Einheit", "unité", "个"]),
    ("H87", ["piece", "Stück", "pièce", "件"]),
    ("HUR", ["hour", "Stunde", "heure", "小时"]),
    ("MIN", ["minute", "Minute", "minute", "分钟"]),
    ("DAY", ["day", "Tag", "jour", "天"]),
    ("E49", ["working day", "Arbeitstag", "jour ouvré", "工作日"]),
    ("WEE", ["week", "Woche", "semaine", "周"]),
    ("MON", ["month", "Monat", "mois", "月"]),
    ("ANN", ["year", "Jahr", "an", "年"]),
    ("IE", ["person", "Person", "personne", "人"]),
    ("LS", ["lump sum", "Pauschale", "forfait", "项"]),
    (
        "E48",
        [
            "service unit",
            "Leistungseinheit",
            "unité de service",
            "服务单位",
        ],
    ),
    ("KGM", ["kilogram", "Kilogramm", "kilogramme", "千克"]),
    ("GRM", ["gram", "Gramm", "gramme", "克"]),
    ("TNE", ["tonne", "Tonne", "tonne", "吨"]),
    ("MTR", ["metre", "Meter", "mètre", "米"]),
    ("CMT", ["centimetre", "Zentimeter", "centimètre", "厘米"]),
    ("MMT", ["millimetre", "Millimeter", "millimètre", "毫米"]),
    ("KMT", ["kilometre", "Kilometer", "kilomètre", "千米"]),
    (
        "MTK",
        ["square metre", "Quadratmeter", "mètre carré", "平方米"],
    ),
    ("MTQ", ["cubic metre", "Kubikmeter", "mètre cube", "立方米"]),
    ("LTR", ["litre", "Liter", "litre", "升"]),
    ("MLT", ["millilitre", "Milliliter", "millilitre", "毫升"]),
    (
        "KWH",
        ["kilowatt hour", "Kilowattstunde", "kilowattheure", "千瓦时"],
    ),
    ("SET", ["set", "Satz", "jeu", "套"]),
    ("PR", ["pair", "Paar", "paire", "双"]),
    ("XPK", ["package", "Packung", "paquet", "包"]),
    ("XBX", ["box", "Karton", "boîte", "箱"]),
    ("P1", ["percent", "Prozent", "pour cent", "百分比"]),
];

/// Signs and other common ways to write a unit, in small letters.
const ALIASES: &[(&str, &str)] = &[
    ("pc", "H87"),
    ("pcs", "H87"),
    ("pieces", "H87"),
    ("stk", "H87"),
    ("stk.", "H87"),
    ("units", "C62"),
    ("h", "HUR"),
    ("hrs", "HUR"),
    ("hours", "HUR"),
    ("std", "HUR"),
    ("std.", "HUR"),
    ("stunden", "HUR"),
    ("heures", "HUR"),
    ("min", "MIN"),
    ("minutes", "MIN"),
    ("minuten", "MIN"),
    ("days", "DAY"),
    ("tage", "DAY"),
    ("jours", "DAY"),
    ("weeks", "WEE"),
    ("months", "MON"),
    ("monate", "MON"),
    ("years", "ANN"),
    ("persons", "IE"),
    ("people", "IE"),
    ("personen", "IE"),
    ("pauschal", "LS"),
    ("kg", "KGM"),
    ("g", "GRM"),
    ("t", "TNE"),
    ("m", "MTR"),
    ("cm", "CMT"),
    ("mm", "MMT"),
    ("km", "KMT"),
    ("m²", "MTK"),
    ("m2", "MTK"),
    ("m³", "MTQ"),
    ("m3", "MTQ"),
    ("l", "LTR"),
    ("ml", "MLT"),
    ("kwh", "KWH"),
    ("%", "P1"),
];

/// The code of a unit as people write it, `h`, `Stunde` or `HUR`; what looks like a code is taken as one. Nothing written is one unit.
pub fn code(written: &str) -> Option<&str> {
    let written = written.trim();
    if written.is_empty() {
        return Some(ONE);
    }
    let small = written.to_lowercase();
    let named = UNITS.iter().find(|(code, names)| {
        *code == written || names.iter().any(|name| name.to_lowercase() == small)
    });
    let alias = || ALIASES.iter().find(|(alias, _)| *alias == small);
    named
        .map(|(code, _)| *code)
        .or_else(|| alias().map(|(_, code)| *code))
        .or_else(|| is_code(written).then_some(written))
}

/// What people read for a code; the code itself when it is none of the common ones.
pub fn name<'a>(code: &'a str, locale: &str) -> &'a str {
    UNITS
        .iter()
        .find(|(known, _)| *known == code)
        .map_or(code, |(_, names)| Language::of(locale).choose(*names))
}

/// The shape of a code: two or three capital letters and digits.
fn is_code(text: &str) -> bool {
    matches!(text.len(), 2 | 3)
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_known_by_code_name_and_sign() {
        let check = |written: &str, expected: Option<&str>| assert_eq!(code(written), expected);
        check("", Some("C62"));
        check("HUR", Some("HUR"));
        check("Stunde", Some("HUR"));
        check(" h ", Some("HUR"));
        check("m²", Some("MTK"));
        check("小时", Some("HUR"));
        check("XCR", Some("XCR"));
        check("nights", None);
        check("h!", None);
        assert_eq!(name("HUR", "de-CH"), "Stunde");
        assert_eq!(name("XCR", "de"), "XCR");
    }

    #[test]
    fn every_alias_leads_to_a_known_unit() {
        for (alias, code) in ALIASES {
            assert!(UNITS.iter().any(|(known, _)| known == code), "{alias}");
        }
    }
}
