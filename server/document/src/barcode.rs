//! Linear barcodes, from a text to dark and light modules: Code 128 (ISO/IEC 15417) and EAN-13 (ISO/IEC 15420).

use std::{iter::repeat_n, ops::Range};

/// Most letters of a Code 128 symbol: longer ones are hard to scan.
const MAX_LETTERS: usize = 80;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Symbology {
    Code128,
    Ean13,
}

/// A symbol with the quiet zones on its sides.
#[derive(Debug)]
pub(crate) struct Symbol {
    /// From left to right; `true` is dark.
    pub(crate) modules: Vec<bool>,
    /// Modules whose bars reach down between the digits.
    pub(crate) guards: &'static [Range<usize>],
    /// What people read, and below which modules it stands.
    pub(crate) texts: Vec<(Range<usize>, String)>,
}

/// Why a text is no barcode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unwritable {
    Empty,
    TooLong,
    /// The symbology has no such letter.
    Letter(char),
    /// Not 12 or 13 digits.
    NotDigits,
    /// The last digit should be this one.
    CheckDigit(u8),
}

impl Symbology {
    pub(crate) fn symbol(self, text: &str) -> Result<Symbol, Unwritable> {
        match self {
            Self::Code128 => code128(text),
            Self::Ean13 => ean13(text),
        }
    }

    /// Narrowest module that readers are sure of, in millimetres: EAN-13 goes down to 80 % of its nominal size.
    pub(crate) fn least_module(self) -> f32 {
        match self {
            Self::Code128 => 0.19,
            Self::Ean13 => 0.264,
        }
    }
}

/// Bars and spaces in turn, a bar first, between quiet zones.
fn modules(widths: &[u8], (before, after): (usize, usize)) -> Vec<bool> {
    let mut modules = vec![false; before];
    for (index, width) in widths.iter().enumerate() {
        modules.extend(repeat_n(index.is_multiple_of(2), usize::from(width - b'0')));
    }
    modules.extend(repeat_n(false, after));
    modules
}

/// Widths of each value, a bar first (ISO/IEC 15417, table 1).
const PATTERNS: [&[u8; 6]; 106] = [
    b"212222", b"222122", b"222221", b"121223", b"121322", b"131222", b"122213", b"122312",
    b"132212", b"221213", b"221312", b"231212", b"112232", b"122132", b"122231", b"113222",
    b"123122", b"123221", b"223211", b"221132", b"221231", b"213212", b"223112", b"312131",
    b"311222", b"321122", b"321221", b"312212", b"322112", b"322211", b"212123", b"212321",
    b"232121", b"111323", b"131123", b"131321", b"112313", b"132113", b"132311", b"211313",
    b"231113", b"231311", b"112133", b"112331", b"132131", b"113123", b"113321", b"133121",
    b"313121", b"211331", b"231131", b"213113", b"213311", b"213131", b"311123", b"311321",
    b"331121", b"312113", b"312311", b"332111", b"314111", b"221411", b"431111", b"111224",
    b"111422", b"121124", b"121421", b"141122", b"141221", b"112214", b"112412", b"122114",
    b"122411", b"142112", b"142211", b"241211", b"221114", b"413111", b"241112", b"134111",
    b"111242", b"121142", b"121241", b"114212", b"124112", b"124211", b"411212", b"421112",
    b"421211", b"212141", b"214121", b"412121", b"111143", b"111341", b"131141", b"114113",
    b"114311", b"411113", b"411311", b"113141", b"114131", b"311141", b"411131", b"211412",
    b"211214", b"211232",
];
const STOP: &[u8; 7] = b"2331112";

/// Takes one letter from the other one of the sets A and B.
const SHIFT: u8 = 98;

/// The sets of Code 128, in the order in which one is taken where several are as short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Set {
    B,
    A,
    C,
}

impl Set {
    const ALL: [Self; 3] = [Self::B, Self::A, Self::C];

    fn start(self) -> u8 {
        match self {
            Self::A => 103,
            Self::B => 104,
            Self::C => 105,
        }
    }

    fn latch(self) -> u8 {
        match self {
            Self::A => 101,
            Self::B => 100,
            Self::C => 99,
        }
    }

    /// The value of what the text begins with, and how many letters that is.
    fn value(self, text: &[u8]) -> Option<(u8, usize)> {
        match (self, text) {
            (Self::A, [letter @ 0..=31, ..]) => Some((letter + 64, 1)),
            (Self::A, [letter @ 32..=95, ..]) | (Self::B, [letter @ 32..=127, ..]) => {
                Some((letter - 32, 1))
            }
            (Self::C, [tens @ b'0'..=b'9', ones @ b'0'..=b'9', ..]) => {
                Some(((tens - b'0') * 10 + (ones - b'0'), 2))
            }
            (Self::A | Self::B | Self::C, _) => None,
        }
    }

    /// Ways to write what the text begins with and stay in the set: values, and how many letters they are.
    fn steps(self, text: &[u8]) -> impl Iterator<Item = (Vec<u8>, usize)> {
        let other = match self {
            Self::A => Some(Self::B),
            Self::B => Some(Self::A),
            Self::C => None,
        };
        let own = self.value(text);
        let shifted = other.and_then(|other| other.value(text));
        own.map(|(value, letters)| (vec![value], letters))
            .into_iter()
            .chain(shifted.map(|(value, letters)| (vec![SHIFT, value], letters)))
    }
}

fn code128(text: &str) -> Result<Symbol, Unwritable> {
    if text.is_empty() {
        return Err(Unwritable::Empty);
    }
    if let Some(letter) = text.chars().find(|letter| !letter.is_ascii()) {
        return Err(Unwritable::Letter(letter));
    }
    if text.len() > MAX_LETTERS {
        return Err(Unwritable::TooLong);
    }
    let mut values = shortest(text.as_bytes());
    values.push(check_value(&values));
    let mut widths: Vec<u8> = Vec::new();
    for value in values {
        widths.extend(PATTERNS[usize::from(value)]);
    }
    widths.extend(STOP);
    let modules = modules(&widths, (10, 10));
    Ok(Symbol {
        guards: &[],
        texts: vec![(0..modules.len(), text.to_owned())],
        modules,
    })
}

/// The fewest values that say the text, the start first, the check value left out.
fn shortest(text: &[u8]) -> Vec<u8> {
    // How many values the rest of the text takes from each place on, in each set.
    let mut left = vec![[0_usize; 3]; text.len() + 1];
    for at in (0..text.len()).rev() {
        let stay = Set::ALL.map(|set| {
            set.steps(&text[at..])
                .map(|(values, letters)| values.len() + left[at + letters][set as usize])
                .min()
                .unwrap_or(usize::MAX / 2)
        });
        let change = 1 + stay.into_iter().min().unwrap_or(0);
        left[at] = stay.map(|stay| stay.min(change));
    }
    let best = |at: usize| {
        Set::ALL
            .into_iter()
            .min_by_key(|set| left[at][*set as usize])
            .unwrap_or(Set::B)
    };
    let mut set = best(0);
    let mut found = vec![set.start()];
    let mut at = 0;
    while at < text.len() {
        let step = set.steps(&text[at..]).find(|(values, letters)| {
            values.len() + left[at + letters][set as usize] == left[at][set as usize]
        });
        match step {
            Some((values, letters)) => {
                found.extend(values);
                at += letters;
            }
            None => {
                set = best(at);
                found.push(set.latch());
            }
        }
    }
    found
}

/// Modulo 103, each value times its place (ISO/IEC 15417, annex A).
fn check_value(values: &[u8]) -> u8 {
    let weights = std::iter::once(1).chain(1_u32..);
    let sum: u32 = values
        .iter()
        .zip(weights)
        .map(|(value, weight)| u32::from(*value) * weight)
        .sum();
    u8::try_from(sum % 103).unwrap_or(0)
}

/// Widths of each digit of number set A, a space first; set B is the same backwards, set C the same with a bar first.
const DIGITS: [&[u8; 4]; 10] = [
    b"3211", b"2221", b"2122", b"1411", b"1132", b"1231", b"1114", b"1312", b"1213", b"3112",
];

/// Number sets of the six digits on the left, which say the first digit.
const LEFT_SETS: [&[u8; 6]; 10] = [
    b"AAAAAA", b"AABABB", b"AABBAB", b"AABBBA", b"ABAABB", b"ABBAAB", b"ABBBAA", b"ABABAB",
    b"ABABBA", b"ABBABA",
];

/// Quiet zones of EAN-13.
const QUIET: (usize, usize) = (11, 7);

fn ean13(text: &str) -> Result<Symbol, Unwritable> {
    let bare: String = text
        .chars()
        .filter(|letter| !letter.is_whitespace() && *letter != '-')
        .collect();
    if bare.is_empty() {
        return Err(Unwritable::Empty);
    }
    if !matches!(bare.len(), 12 | 13) || !bare.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Unwritable::NotDigits);
    }
    let mut digits: Vec<u8> = bare.bytes().map(|byte| byte - b'0').collect();
    let check = check_digit(&digits[..12]);
    match digits.get(12) {
        None => digits.push(check),
        Some(given) if *given == check => {}
        Some(_) => return Err(Unwritable::CheckDigit(check)),
    }
    let mut widths: Vec<u8> = b"111".to_vec();
    for (digit, set) in digits[1..7].iter().zip(LEFT_SETS[usize::from(digits[0])]) {
        let digit = DIGITS[usize::from(*digit)];
        if *set == b'A' {
            widths.extend(digit);
        } else {
            widths.extend(digit.iter().rev());
        }
    }
    widths.extend(b"11111");
    for digit in &digits[7..] {
        widths.extend(DIGITS[usize::from(*digit)]);
    }
    widths.extend(b"111");
    let said = |digits: &[u8]| -> String {
        digits
            .iter()
            .map(|digit| char::from(b'0' + digit))
            .collect()
    };
    Ok(Symbol {
        modules: modules(&widths, QUIET),
        guards: &[11..14, 56..61, 103..106],
        texts: vec![
            (0..10, said(&digits[..1])),
            (14..56, said(&digits[1..7])),
            (61..103, said(&digits[7..])),
        ],
    })
}

/// Of twelve digits: what makes the sum of all, every second one taken three times, a multiple of ten (ISO/IEC 15420, annex A).
fn check_digit(digits: &[u8]) -> u8 {
    let weights = [1_u8, 3].into_iter().cycle();
    let sum: u8 = digits
        .iter()
        .zip(weights)
        .map(|(digit, weight)| digit * weight)
        .sum();
    (10 - sum % 10) % 10
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The modules as 0 and 1, without quiet zones.
    fn bits(symbol: &Symbol) -> String {
        let bits: String = symbol
            .modules
            .iter()
            .map(|dark| if *dark { '1' } else { '0' })
            .collect();
        bits.trim_matches('0').to_owned()
    }

    #[test]
    fn patterns_are_eleven_modules_with_an_even_number_of_dark_ones() {
        for pattern in PATTERNS {
            let widths = pattern.map(|width| width - b'0');
            assert_eq!(widths.iter().sum::<u8>(), 11);
            assert_eq!((widths[0] + widths[2] + widths[4]) % 2, 0);
            assert_eq!(
                PATTERNS.iter().filter(|other| **other == pattern).count(),
                1
            );
        }
    }

    #[test]
    fn code_128_takes_the_shortest_way_through_its_sets() {
        let check = |text: &str, expected: &[u8]| {
            assert_eq!(shortest(text.as_bytes()), expected, "{text:?}");
        };
        check("Wikipedia", &[104, 55, 73, 75, 73, 80, 69, 68, 73, 65]);
        // Four digits at the end are worth a change to C, two are not, and at the start an even number is.
        check(
            "RE-2027-0042",
            &[104, 50, 37, 13, 18, 16, 18, 23, 13, 99, 0, 42],
        );
        check("PJJ12", &[104, 48, 42, 42, 17, 18]);
        check("0123456789", &[105, 1, 23, 45, 67, 89]);
        check("123456A", &[105, 12, 34, 56, 100, 33]);
        // One letter of another set is shifted to, several are changed to.
        check("a\nb", &[104, 65, 98, 74, 66]);
        check("\n\r\tab", &[103, 74, 77, 73, 100, 65, 66]);
        for value in 0_u8..128 {
            assert!(code128(&char::from(value).to_string()).is_ok(), "{value}");
        }
    }

    #[test]
    fn code_128_ends_with_its_check_value() {
        // The example of many texts on Code 128: PJJ123C in set A has the check value 54.
        assert_eq!(check_value(&[103, 48, 42, 42, 17, 18, 19, 35]), 54);
        let symbol = code128("PJJ123C").expect("a symbol");
        assert_eq!(
            bits(&symbol),
            "1101001000011101110110101101110001011011100010011100110110011100101100101110010001000110111010001101100011101011"
        );
        assert_eq!(symbol.modules.len(), 112 + 20);
        assert_eq!(symbol.texts, [(0..132, "PJJ123C".to_owned())]);
    }

    #[test]
    fn ean_13_is_drawn_with_its_check_digit() {
        // Numbers in use, of a pen and of a book.
        for text in ["4006381333931", "400638133393", "4 006381 333931"] {
            let symbol = ean13(text).expect("a symbol");
            assert_eq!(
                bits(&symbol),
                "10100011010100111010111101111010001001011001101010100001010000101000010111010010000101100110101"
            );
            assert_eq!(symbol.modules.len(), 95 + 18);
            let texts: Vec<&str> = symbol.texts.iter().map(|(_, text)| text.as_str()).collect();
            assert_eq!(texts, ["4", "006381", "333931"]);
            // Guards begin and end with a bar, in the middle with a space.
            let ends = symbol
                .guards
                .iter()
                .map(|guard| (symbol.modules[guard.start], symbol.modules[guard.end - 1]));
            assert!(ends.eq([(true, true), (false, false), (true, true)]));
        }
        assert_eq!(check_digit(&[9, 7, 8, 3, 1, 6, 1, 4, 8, 4, 1, 0]), 0);
        assert!(ean13("978-3-16-148410-0").is_ok());
    }

    #[test]
    fn what_cannot_be_written_says_why() {
        let check = |found: Result<Symbol, Unwritable>, expected: Unwritable| {
            assert_eq!(found.err(), Some(expected));
        };
        check(code128(""), Unwritable::Empty);
        check(code128("Müller"), Unwritable::Letter('ü'));
        check(code128(&"x".repeat(81)), Unwritable::TooLong);
        check(ean13(" - "), Unwritable::Empty);
        check(ean13("4006381"), Unwritable::NotDigits);
        check(ean13("40063813339３1"), Unwritable::NotDigits);
        check(ean13("4006381333932"), Unwritable::CheckDigit(1));
    }
}
