//! Looks through a received XML before it is parsed: what would cost the parser or the reader more than an invoice can is refused here. They
//! compare each attribute of an element with the others, copy its namespaces, and compare each element that is repeated where only one may
//! stand with all other such elements. Document types are refused by the parser.

use std::{borrow::Cow, collections::HashSet};

use engine::invoice::MAX_LINES;

use crate::{MAX_BYTES, Unreadable};

const MAX_ELEMENTS: usize = 400_000;
const MAX_LEVELS: usize = 64;
/// Of one element.
const MAX_ATTRIBUTES: usize = 50;
/// Elements that have the name of one before them in the same place, lines not counted.
const MAX_REPEATED: usize = 20_000;
/// An invoice's lines in both syntaxes, the only elements of which there are very many.
const LINES: [&[u8]; 3] = [
    b"InvoiceLine",
    b"CreditNoteLine",
    b"IncludedSupplyChainTradeLineItem",
];

pub(crate) fn check(xml: &[u8]) -> Result<(), Unreadable> {
    if xml.len() > MAX_BYTES {
        return Err(Unreadable::TooLarge);
    }
    if xml.starts_with(b"%PDF") {
        let found = "PDF".to_owned();
        return Err(Unreadable::NotAnInvoice { found });
    }
    scan(&decoded(xml))
}

/// UTF-16 as UTF-8; anything else as it is.
fn decoded(xml: &[u8]) -> Cow<'_, [u8]> {
    let unit: fn([u8; 2]) -> u16 = match xml {
        [0xff, 0xfe, ..] => u16::from_le_bytes,
        [0xfe, 0xff, ..] => u16::from_be_bytes,
        _ => return Cow::Borrowed(xml),
    };
    let units = xml[2..]
        .chunks_exact(2)
        .map(|pair| unit([pair[0], pair[1]]));
    let letters = char::decode_utf16(units);
    let text: String = letters
        .map(|letter| letter.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect();
    Cow::Owned(text.into_bytes())
}

fn scan(xml: &[u8]) -> Result<(), Unreadable> {
    // The names that occurred in each element that is open, the document itself first.
    let mut open: Vec<HashSet<&[u8]>> = vec![HashSet::new()];
    let (mut elements, mut lines, mut repeated) = (0, 0, 0);
    let mut rest = xml;
    while let Some(at) = rest.iter().position(|byte| *byte == b'<') {
        rest = &rest[at + 1..];
        if let Some(behind) = behind_markup(rest) {
            rest = behind;
            continue;
        }
        if rest.starts_with(b"/") {
            if open.len() > 1 {
                open.pop();
            }
            continue;
        }
        let tag = Tag::read(rest);
        rest = &rest[tag.length..];
        elements += 1;
        most("elements", elements, MAX_ELEMENTS)?;
        most("attributes", tag.attributes, MAX_ATTRIBUTES)?;
        // In UBL they lie in the document's element, in CII in one below it.
        let is_line = matches!(open.len(), 2 | 3) && LINES.contains(&tag.name);
        lines += usize::from(is_line);
        most("lines", lines, MAX_LINES)?;
        let is_new = open.last_mut().is_none_or(|names| names.insert(tag.name));
        repeated += usize::from(!is_new && !is_line);
        most("repeated elements", repeated, MAX_REPEATED)?;
        if !tag.is_closed {
            open.push(HashSet::new());
            most("levels", open.len() - 1, MAX_LEVELS)?;
        }
    }
    Ok(())
}

fn most(kind: &'static str, count: usize, most: usize) -> Result<(), Unreadable> {
    if count > most {
        return Err(Unreadable::TooComplex { kind, most });
    }
    Ok(())
}

/// What follows a comment, a section of letters, an instruction or a declaration, if one begins here.
fn behind_markup(rest: &[u8]) -> Option<&[u8]> {
    let end: &[u8] = match rest {
        [b'!', b'-', b'-', ..] => b"-->",
        [b'!', b'[', ..] => b"]]>",
        [b'?', ..] => b"?>",
        [b'!', ..] => b">",
        _ => return None,
    };
    let found = rest.windows(end.len()).position(|window| window == end);
    Some(found.map_or(&[], |at| &rest[at + end.len()..]))
}

/// What begins an element.
struct Tag<'a> {
    /// Without its prefix.
    name: &'a [u8],
    attributes: usize,
    is_closed: bool,
    /// Up to and with its end.
    length: usize,
}

impl<'a> Tag<'a> {
    fn read(rest: &'a [u8]) -> Self {
        let ends_name = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'/' | b'>');
        let name = &rest[..rest.iter().position(ends_name).unwrap_or(rest.len())];
        let prefix = name.iter().position(|byte| *byte == b':');
        let mut tag = Self {
            name: prefix.map_or(name, |at| &name[at + 1..]),
            attributes: 0,
            is_closed: false,
            length: rest.len(),
        };
        let (mut quote, mut last) = (None, b' ');
        for (at, byte) in rest.iter().copied().enumerate() {
            match quote {
                Some(begun) if byte == begun => quote = None,
                None if matches!(byte, b'"' | b'\'') => {
                    quote = Some(byte);
                    tag.attributes += 1;
                }
                None if byte == b'>' => {
                    tag.is_closed = last == b'/';
                    tag.length = at + 1;
                    break;
                }
                Some(_) | None => {}
            }
            last = byte;
        }
        tag
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(xml: &str, expected: Option<&str>) {
        let found = match scan(xml.as_bytes()) {
            Err(Unreadable::TooComplex { kind, .. }) => Some(kind),
            Err(other) => panic!("{other}"),
            Ok(()) => None,
        };
        let beginning: String = xml.chars().take(40).collect();
        assert_eq!(found, expected, "{beginning}");
    }

    #[test]
    fn what_no_invoice_is_like_is_refused_before_it_is_parsed() {
        check(&"<a>".repeat(65), Some("levels"));
        check(&"<a>".repeat(64), None);
        check(
            &"<a></a>".repeat(MAX_REPEATED + 2),
            Some("repeated elements"),
        );
        let lines = "<cac:InvoiceLine><a/><b/></cac:InvoiceLine>";
        check(
            &format!("<Invoice>{}</Invoice>", lines.repeat(MAX_LINES)),
            None,
        );
        check(
            &format!("<Invoice>{}</Invoice>", lines.repeat(MAX_LINES + 1)),
            Some("lines"),
        );
        let lines = "<ram:IncludedSupplyChainTradeLineItem/>".repeat(MAX_LINES);
        check(&format!("<rsm:X><rsm:Y>{lines}</rsm:Y></rsm:X>"), None);
        let attributes: String = (0..51).map(|number| format!(" a{number}='1'")).collect();
        check(&format!("<a{attributes}/>"), Some("attributes"));
        let wide = "<a>".to_owned() + &"<b><c/></b>".repeat(10) + "</a>";
        check(&wide, None);
    }

    #[test]
    fn only_elements_count() {
        let hidden = "<a>".repeat(100);
        check(&format!("<a><!-- {hidden} --></a>"), None);
        check(&format!("<a><![CDATA[{hidden}]]></a>"), None);
        check(&format!("<?x {hidden}?><a b=\"{hidden}\"/>"), None);
        check("<!-- not closed", None);
        check("<a b='", None);
    }

    #[test]
    fn utf_16_is_looked_through_as_well() {
        let deep = "<a>".repeat(65);
        let units = deep.encode_utf16().flat_map(u16::to_be_bytes);
        let bytes: Vec<u8> = [0xfe, 0xff].into_iter().chain(units).collect();
        let found = super::check(&bytes);
        assert!(matches!(
            found,
            Err(Unreadable::TooComplex { kind: "levels", .. })
        ));
    }
}
