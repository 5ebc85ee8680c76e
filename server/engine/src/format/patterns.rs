//! Where the signs of money and per cent stand, and what those of money are: facts of CLDR 49. ICU4X has them, but only in its
//! experimental crate, whose every version breaks the one before. Languages that are not named have CLDR's root, with codes for
//! currencies that have no sign everywhere.

use super::language::Language;

/// `#` is the number, `¤` the currency, `-` the minus.
const GAP_BEFORE: &str = "¤\u{a0}#";
const GAP_AFTER: &str = "#\u{a0}¤";

/// A number without its sign, with its currency. `minus` is the language's own, where the amount is negative.
pub(super) fn money(
    language: &Language,
    currency: &str,
    number: &str,
    minus: Option<&str>,
) -> String {
    let symbol = symbol(language, currency);
    let (positive, negative) = patterns(language);
    // A sign of letters keeps its distance.
    let positive = match positive {
        "¤#" if symbol.ends_with(char::is_alphabetic) => GAP_BEFORE,
        "#¤" if symbol.starts_with(char::is_alphabetic) => GAP_AFTER,
        pattern => pattern,
    };
    let signed = match (minus, negative) {
        (None, _) => positive.to_owned(),
        (Some(minus), Some(negative)) => negative.replace('-', minus),
        (Some(minus), None) => format!("{minus}{positive}"),
    };
    signed.replace('#', number).replace('¤', symbol)
}

/// A number without its sign, as per cent.
pub(super) fn percent(language: &Language, number: &str) -> String {
    let pattern = match (language.name(), language.region()) {
        ("ar", _) => "#\u{200e}%\u{200e}",
        ("de", "CH" | "LI") | ("fr", "CH") => "#%",
        ("es", region) if is_latin_american(region) => "#%",
        ("en", "AT" | "DE" | "DK" | "FI" | "NO" | "SE")
        | (
            "be" | "br" | "bua" | "ca" | "cs" | "cv" | "da" | "de" | "dsb" | "es" | "fi" | "fo"
            | "fr" | "gl" | "hr" | "hsb" | "ksh" | "lb" | "lt" | "mk" | "nb" | "nds" | "nn" | "no"
            | "qu" | "ro" | "ru" | "sk" | "sl" | "sv" | "tk" | "tt",
            _,
        ) => "#\u{a0}%",
        ("ku" | "tr", _) => "%#",
        ("blo" | "eu", _) => "%\u{a0}#",
        _ => "#%",
    };
    pattern.replace('#', number)
}

/// How an amount stands with its currency, and how a negative one does where the minus does not simply come first.
fn patterns(language: &Language) -> (&'static str, Option<&'static str>) {
    match (language.name(), language.region()) {
        ("de" | "en" | "it", "CH") => (GAP_BEFORE, Some("¤-#")),
        ("nl", _) | ("en", "NL") | ("es", "PY") => (GAP_BEFORE, Some("¤\u{a0}-#")),
        ("es", "CL" | "EC" | "VE") | ("lo", _) => ("¤#", Some("¤-#")),
        ("ar", _) => ("\u{200f}#\u{a0}¤", Some("\u{200f}-#\u{a0}¤")),
        ("he", _) => (
            "\u{200f}#\u{a0}\u{200f}¤",
            Some("\u{200f}-#\u{a0}\u{200f}¤"),
        ),
        ("fa", region) if region != "AF" => ("\u{200e}¤\u{a0}#", None),
        ("de", "AT" | "LI")
        | ("en", "AT" | "MV")
        | ("es", "AR" | "CO" | "PE" | "UY")
        | ("ms", "BN") => (GAP_BEFORE, None),
        ("bn", region) if region != "IN" => ("#¤", None),
        ("km", _) => ("#¤", None),
        ("eo" | "vec", _) => ("#\u{202f}¤", None),
        ("pt", region) if !["", "BR"].contains(&region) => (GAP_AFTER, None),
        ("es", region) if is_latin_american(region) || region == "GQ" => ("¤#", None),
        (
            "ast" | "az" | "ba" | "be" | "bg" | "br" | "bs" | "bua" | "ca" | "cs" | "cv" | "da"
            | "de" | "dsb" | "el" | "es" | "et" | "eu" | "fi" | "fo" | "fr" | "gl" | "hr" | "hsb"
            | "hu" | "hy" | "is" | "it" | "ka" | "kea" | "kk" | "ksh" | "ku" | "ky" | "lb" | "lij"
            | "lld" | "lt" | "lv" | "mk" | "my" | "nb" | "nds" | "nn" | "no" | "pl" | "pms" | "prg"
            | "ro" | "ru" | "sah" | "sc" | "sk" | "sl" | "sq" | "sr" | "sv" | "szl" | "tg" | "tk"
            | "tt" | "uk" | "uz" | "vi" | "vmw",
            _,
        ) => (GAP_AFTER, None),
        (
            "af" | "ak" | "am" | "bho" | "chr" | "cop" | "cy" | "ee" | "en" | "fil" | "ga" | "gd"
            | "gu" | "hi" | "id" | "ig" | "ja" | "ki" | "kn" | "ko" | "kok" | "ks" | "kxv" | "ml"
            | "mr" | "ms" | "mt" | "om" | "or" | "pa" | "pcm" | "rm" | "sa" | "si" | "so" | "st"
            | "su" | "te" | "th" | "ti" | "tn" | "tr" | "ug" | "ur" | "xh" | "xnr" | "yo" | "yue"
            | "zh" | "zu",
            _,
        ) => ("¤#", None),
        _ => (GAP_BEFORE, None),
    }
}

fn is_latin_american(region: &str) -> bool {
    !["", "EA", "ES", "GQ", "IC", "PH"].contains(&region)
}

fn symbol<'a>(language: &Language, currency: &'a str) -> &'a str {
    let (name, region) = (language.name(), language.region());
    let language = match name {
        "en" if !["", "US"].contains(&region) => "en-001",
        "zh" if language.is_traditional() => "zh-Hant",
        "nb" | "nn" => "no",
        name => name,
    };
    local_symbol(currency, &format!("{name}-{region}"))
        .or_else(|| local_symbol(currency, language))
        .unwrap_or_else(|| common_symbol(currency))
}

/// In a language or a country of it.
#[expect(
    clippy::match_same_arms,
    clippy::too_many_lines,
    reason = "a table of signs"
)]
fn local_symbol(currency: &str, language: &str) -> Option<&'static str> {
    Some(match (currency, language) {
        ("AED", "ar") => "د.إ.\u{200f}",
        ("AFN", "fa") => "؋",
        ("ARS", "es-AR") => "$",
        ("ARS", "fr") => "$AR",
        ("AUD", "en-AU") => "$",
        ("AUD", "fr") => "$AU",
        ("AUD", "fr-CA") => "$\u{a0}AU",
        (
            "AUD",
            "ar" | "cs" | "da" | "de" | "et" | "id" | "ko" | "lv" | "nl" | "pt" | "th" | "tr"
            | "vi" | "zh" | "zh-Hant",
        ) => "AU$",
        ("BBD", "sv") => "Bds$",
        ("BHD", "ar") => "د.ب.\u{200f}",
        ("BMD", "fr") => "$BM",
        ("BMD", "sv") => "BM$",
        ("BND", "fr") => "$BN",
        ("BRL", "sv") => "BR$",
        ("BSD", "sv") => "BS$",
        ("BZD", "fr") => "$BZ",
        ("BZD", "sv") => "BZ$",
        ("CAD", "en-CA" | "fr-CA") => "$",
        ("CAD", "fa" | "fr") => "$CA",
        ("CAD", "nl") => "C$",
        ("CLP", "es-CL") => "$",
        ("CLP", "fr") => "$CL",
        ("CNY", "zh") => "¥",
        ("CNY", "fa") => "¥CN",
        ("CNY", "he") => "\u{200e}CN¥\u{200e}",
        ("CNY", "ja") => "元",
        ("COP", "es-CO") => "$",
        ("COP", "fr") => "$CO",
        ("CZK", "cs") => "Kč",
        ("DKK", "sv") => "Dkr",
        ("DKK", "da") => "kr.",
        ("DOP", "sv") => "RD$",
        ("DZD", "ar") => "د.ج.\u{200f}",
        ("EGP", "sv") => "EG£",
        ("EGP", "ar") => "ج.م.\u{200f}",
        ("FJD", "fr") => "$FJ",
        ("FJD", "nl") => "FJ$",
        ("FKP", "fr") => "£FK",
        ("GBP", "ar") => "UK£",
        ("GBP", "fr-CA") => "£",
        ("GBP", "fr") => "£GB",
        ("GIP", "fr") => "£GI",
        ("HKD", "fa") => "$HK",
        ("HKD", "fr-CA") => "$\u{a0}HK",
        ("HUF", "hu") => "Ft",
        ("IDR", "id") => "Rp",
        ("ILS", "sk") => "NIS",
        ("INR", "id") => "Rs",
        ("IQD", "ar") => "د.ع.\u{200f}",
        ("IRR", "ar") => "ر.إ.",
        ("IRR", "fa") => "ریال",
        ("ISK", "sv") => "Ikr",
        ("ISK", "is") => "kr.",
        ("JMD", "sv") => "JM$",
        ("JOD", "ar") => "د.أ.\u{200f}",
        ("JPY", "en-001") => "JP¥",
        (
            "JPY",
            "de" | "en" | "es-US" | "et" | "fa" | "fi" | "fr-CA" | "he" | "hu" | "lv" | "ru" | "sl"
            | "th" | "tr" | "uk" | "vi" | "zh-Hant",
        ) => "¥",
        ("JPY", "ja") => "￥",
        ("KRW", "zh-HK" | "zh-MO") => "₩",
        ("KRW", "zh-Hant") => "￦",
        ("KWD", "ar") => "د.ك.\u{200f}",
        ("LBP", "fr") => "£LB",
        ("LBP", "ar") => "ل.ل.\u{200f}",
        ("LYD", "ar") => "د.ل.\u{200f}",
        ("MAD", "ar") => "د.م.\u{200f}",
        ("MRU", "es-MX") => "UM",
        ("MRU", "ar") => "أ.م.",
        ("MXN", "es-MX") => "$",
        ("MXN", "fa" | "fr") => "$MX",
        ("MYR", "ms") => "RM",
        ("NAD", "fr") => "$NA",
        ("NOK", "sv") => "Nkr",
        ("NOK", "no") => "kr",
        ("NZD", "en-NZ") => "$",
        ("NZD", "fa" | "fr") => "$NZ",
        ("NZD", "fr-CA") => "$\u{a0}NZ",
        ("OMR", "ar") => "ر.ع.\u{200f}",
        ("PLN", "pl") => "zł",
        ("QAR", "ar") => "ر.ق.\u{200f}",
        ("RUB", "ru") => "₽",
        ("SAR", "ar") => "ر.س.\u{200f}",
        ("SBD", "fr") => "$SB",
        ("SBD", "nl") => "SI$",
        ("SCR", "en-AU") => "Rs",
        ("SDG", "ar") => "ج.س.",
        ("SEK", "sv") => "kr",
        ("SGD", "en-SG") => "$",
        ("SGD", "fr") => "$SG",
        ("SGD", "fr-CA") => "$\u{a0}SG",
        ("SRD", "fr") => "$SR",
        ("SYP", "ar") => "ل.س.\u{200f}",
        (
            "THB",
            "ar" | "da" | "de" | "el" | "es" | "et" | "fa" | "he" | "hi" | "id" | "it" | "lv"
            | "nl" | "pt" | "ru" | "th" | "tr" | "vi",
        ) => "฿",
        ("TMT", "ru") => "ТМТ",
        ("TND", "ar") => "د.ت.\u{200f}",
        ("TRY", "tr") => "₺",
        ("TTD", "fr") => "$TT",
        ("TWD", "zh-HK" | "zh-MO") => "NT$",
        ("TWD", "zh-Hant") => "$",
        ("UAH", "ru" | "uk") => "₴",
        (
            "USD",
            "de" | "el" | "en" | "en-IN" | "es-US" | "et" | "fa" | "fi" | "he" | "hi" | "ja" | "lv"
            | "ru" | "sl" | "tr",
        ) => "$",
        ("USD", "fr") => "$US",
        ("USD", "fr-CA") => "$\u{a0}US",
        ("USD", "en-001") => "US$",
        ("USD", "bg") => "щ.д.",
        ("UYU", "fr") => "$UY",
        ("WST", "fr") => "$WS",
        ("XCD", "fa") => "$EC",
        ("XOF", "fa") => "فرانک\u{202f}CFA",
        ("XPF", "en-AU") => "CFP",
        ("XPF", "fr") => "FCFP",
        ("YER", "ar") => "ر.ي.\u{200f}",
        ("ZAR", "en-ZA") => "R",
        _ => return None,
    })
}

/// In all languages that have no own.
fn common_symbol(currency: &str) -> &str {
    match currency {
        "AUD" => "A$",
        "BRL" => "R$",
        "CAD" => "CA$",
        "CNY" => "CN¥",
        "EUR" => "€",
        "GBP" => "£",
        "HKD" => "HK$",
        "ILS" => "₪",
        "INR" => "₹",
        "JPY" => "JP¥",
        "KRW" => "₩",
        "MXN" => "MX$",
        "NZD" => "NZ$",
        "PHP" => "₱",
        "TWD" => "NT$",
        "USD" => "US$",
        "VND" => "₫",
        "XAF" => "FCFA",
        "XCD" => "EC$",
        "XOF" => "F\u{202f}CFA",
        "XPF" => "CFPF",
        code => code,
    }
}
