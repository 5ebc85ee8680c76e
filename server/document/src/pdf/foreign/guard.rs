//! What is done before a file of others is in memory, and while it gets there: nothing in it may take all memory or time. Parsing itself is
//! lopdf's.

use std::{cell::Cell, panic};

use lopdf::{DecompressError, Dictionary, Document, Error, LoadOptions, Object, ObjectId};

use super::Unbindable;

/// Bytes that an object stream unpacks to.
const MAX_UNPACKED: usize = 10 * 1024 * 1024;
/// What all objects of a file weigh at most, beside sixteen times its size: they are larger in memory.
const MAX_WEIGHT: usize = 64 * 1024 * 1024;
/// Bytes in which the widths of three fields are written.
const MAX_FIELDS: usize = 4_096;

/// Thrown where a file weighs too much.
struct TooMuch;

thread_local! {
    /// What may still be read; the parser lets its filter carry nothing along.
    static LEFT: Cell<usize> = const { Cell::new(0) };
}

/// Reads a file, and tells how much more its objects may weigh.
pub(super) fn load(bytes: &[u8]) -> Result<(Document, usize), Unbindable> {
    look_through(bytes)?;
    LEFT.set(bytes.len().saturating_mul(16).saturating_add(MAX_WEIGHT));
    let options = LoadOptions {
        filter: Some(weighed),
        max_decompressed_size: Some(MAX_UNPACKED),
        ..LoadOptions::default()
    };
    // A file can also lead the parser to where it never should be.
    let loaded = panic::catch_unwind(move || Document::load_mem_with_options(bytes, options));
    let document = match loaded {
        Ok(Ok(document)) => document,
        Err(cause) if cause.is::<TooMuch>() => return Err(Unbindable::Complex),
        Ok(Err(_)) | Err(_) => return Err(Unbindable::Unreadable),
    };
    if document.trailer.has(b"Encrypt") || document.was_encrypted() {
        return Err(Unbindable::Locked);
    }
    Ok((document, LEFT.get()))
}

/// Refuses what the parser must not see, by the names in the file, wherever they stand: encryption, which it would undo, and the fields of
/// a table of objects (ISO 32000-1, 7.5.8) that are so wide or so narrow that it would take all memory or count without end.
fn look_through(pdf: &[u8]) -> Result<(), Unbindable> {
    let is_end = |byte: &u8| byte.is_ascii_whitespace() || b"()<>[]{}/%\0".contains(byte);
    let mut rest = pdf;
    while let Some(slash) = rest.iter().position(|byte| *byte == b'/') {
        rest = &rest[slash + 1..];
        let length = rest.iter().position(is_end).unwrap_or(rest.len());
        let (name, behind) = rest.split_at(length);
        match plain_name(name).as_slice() {
            b"Encrypt" => return Err(Unbindable::Locked),
            b"W" if !are_fields(behind) => return Err(Unbindable::Complex),
            _ => {}
        }
        rest = behind;
    }
    Ok(())
}

/// A name without its escapes (ISO 32000-1, 7.3.5); a long one is none of those that are looked for.
fn plain_name(name: &[u8]) -> Vec<u8> {
    let digit = |byte: Option<&u8>| char::from(*byte?).to_digit(16);
    let mut plain = Vec::new();
    let mut rest = name;
    while let Some((first, others)) = rest.split_first()
        && plain.len() < 10
    {
        let escaped = match (digit(others.first()), digit(others.get(1))) {
            (Some(high), Some(low)) if *first == b'#' => u8::try_from(high * 16 + low).ok(),
            _ => None,
        };
        plain.push(escaped.unwrap_or(*first));
        rest = match escaped {
            Some(_) => &others[2..],
            None => others,
        };
    }
    plain
}

/// Whether what follows the name can be the widths of three fields, or is something else of that name, such as the widths of letters.
fn are_fields(text: &[u8]) -> bool {
    let (mut is_open, mut is_comment) = (false, false);
    let (mut digits, mut fields, mut all_zero) = (0, 0, true);
    for byte in text.iter().take(MAX_FIELDS) {
        if is_comment {
            is_comment = !matches!(byte, b'\r' | b'\n');
            continue;
        }
        match byte {
            b'0'..=b'9' if is_open => {
                digits += 1;
                all_zero &= *byte == b'0';
                continue;
            }
            b'[' if !is_open => is_open = true,
            b'%' => is_comment = true,
            b'+' | b'-' | b']' | b'\0' => {}
            space if space.is_ascii_whitespace() => {}
            _ => return true,
        }
        if digits >= 8 {
            return false;
        }
        fields += usize::from(digits > 0);
        digits = 0;
        if fields == 3 {
            return !all_zero;
        }
        if *byte == b']' {
            return true;
        }
    }
    text.len() < MAX_FIELDS
}

/// Lets objects into memory as long as they weigh too little to harm: a table may name one of them a million times. Object streams are
/// unpacked here, for the same reason. What comes out of them is taken as it is given back here, everything else as it is.
#[expect(clippy::unnecessary_wraps, reason = "as a filter of lopdf is")]
fn weighed(id: ObjectId, object: &mut Object) -> Option<(ObjectId, Object)> {
    let mut left = LEFT.get();
    if let Object::Stream(stream) = object
        && stream.dict.has_type(b"ObjStm")
    {
        match stream.decompressed_content_with_limit(left.min(MAX_UNPACKED)) {
            Ok(plain) => stream.set_plain_content(plain),
            Err(Error::Decompress(DecompressError::MemoryLimitExceeded { .. })) => left = 0,
            Err(_) => {}
        }
    }
    match left.checked_sub(weight(object)) {
        Some(left) => LEFT.set(left),
        None => panic::resume_unwind(Box::new(TooMuch)),
    }
    let given = match object {
        Object::Stream(_) => Object::Null,
        other => other.clone(),
    };
    Some((id, given))
}

/// About as many bytes as it takes.
fn weight(object: &Object) -> usize {
    32 + match object {
        Object::String(bytes, _) | Object::Name(bytes) => bytes.len(),
        Object::Array(items) => items.iter().map(weight).sum(),
        Object::Dictionary(dict) => weight_of(dict),
        Object::Stream(stream) => stream.content.len() + weight_of(&stream.dict),
        _ => 0,
    }
}

/// The same of what has no object of its own.
pub(super) fn weight_of(dict: &Dictionary) -> usize {
    dict.iter()
        .map(|(key, value)| key.len() + weight(value))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_harm_the_parser_is_found_by_its_name() {
        let check = |text: &str, expected| assert_eq!(look_through(text.as_bytes()), expected);
        check("<</W [1 2 1]/Size 9>>", Ok(()));
        check("/W [0 [500 600] 7 9 1000]", Ok(()));
        check("/W", Ok(()));
        check("/BS <</W 0/S/S>> 0000000016 00000 n", Ok(()));
        check("/W [0 0] 99999999", Ok(()));
        check("/Width 99999999 /W1 [99999999]", Ok(()));
        for wide in [
            "/W[1 99999999 1]",
            "/#57 [1 % ]\n 4294967296 1]",
            "/W [0 0 00]",
        ] {
            check(wide, Err(Unbindable::Complex));
        }
        for locked in ["/Encrypt 7 0 R", "<</Encr#79pt<<", "/#45#6ecrypt "] {
            check(locked, Err(Unbindable::Locked));
        }
        check("/EncryptMetadata true", Ok(()));
    }
}
