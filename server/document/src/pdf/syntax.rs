//! How objects are spelled (ISO 32000-1, 7.3), in few letters.

use lopdf::{Dictionary, Object, ObjectId, StringFormat};

pub(super) fn write(out: &mut Vec<u8>, object: &Object) {
    match object {
        Object::Null => out.extend_from_slice(b"null"),
        Object::Boolean(value) => out.extend_from_slice(value.to_string().as_bytes()),
        Object::Integer(value) => write_integer(out, *value),
        Object::Real(value) => out.extend_from_slice(value.to_string().as_bytes()),
        Object::Name(name) => write_name(out, name),
        Object::String(text, StringFormat::Literal) => {
            out.push(b'(');
            text.iter().for_each(|byte| write_byte(out, *byte));
            out.push(b')');
        }
        Object::String(text, StringFormat::Hexadecimal) => {
            out.push(b'<');
            for byte in text {
                out.extend([byte >> 4, byte & 15].map(hexadecimal));
            }
            out.push(b'>');
        }
        Object::Array(items) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b' ');
                }
                write(out, item);
            }
            out.push(b']');
        }
        Object::Dictionary(dict) => write_dictionary(out, dict),
        // A stream within another object has no place of its own in a file.
        Object::Stream(stream) => write_dictionary(out, &stream.dict),
        Object::Reference(id) => write_reference(out, *id),
    }
}

pub(super) fn write_dictionary(out: &mut Vec<u8>, dict: &Dictionary) {
    out.extend_from_slice(b"<<");
    for (key, value) in dict {
        write_name(out, key);
        out.push(b' ');
        write(out, value);
    }
    out.extend_from_slice(b">>");
}

pub(super) fn write_name(out: &mut Vec<u8>, name: &[u8]) {
    out.push(b'/');
    for byte in name {
        if byte.is_ascii_graphic() && !b"()<>[]{}/%#".contains(byte) {
            out.push(*byte);
        } else {
            out.push(b'#');
            out.extend([byte >> 4, byte & 15].map(hexadecimal));
        }
    }
}

pub(super) fn write_integer(out: &mut Vec<u8>, number: i64) {
    if number < 0 {
        out.push(b'-');
    }
    let mut digits = [0; 20];
    let mut start = digits.len();
    let mut rest = number.unsigned_abs();
    loop {
        start -= 1;
        digits[start] = digit(rest);
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[start..]);
}

/// So many digits behind the point at most; what is no number is 0.
pub(super) fn write_real(out: &mut Vec<u8>, number: f32, digits: u32) {
    let unit = 10_u64.pow(digits);
    write_units(out, units(number, unit), unit);
}

/// How many hundredths, thousandths or whatever the unit is.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "as far as it goes: no paper is as large"
)]
pub(super) fn units(number: f32, unit: u64) -> i64 {
    (f64::from(number) * unit as f64).round() as i64
}

/// A number of such units.
pub(super) fn write_units(out: &mut Vec<u8>, units: i64, unit: u64) {
    if units < 0 {
        out.push(b'-');
    }
    let units = units.unsigned_abs();
    write_integer(out, i64::try_from(units / unit).unwrap_or(i64::MAX));
    let (mut rest, mut unit) = (units % unit, unit);
    if rest > 0 {
        out.push(b'.');
    }
    while rest > 0 {
        unit /= 10;
        out.push(digit(rest / unit));
        rest %= unit;
    }
}

pub(super) fn write_reference(out: &mut Vec<u8>, (id, generation): ObjectId) {
    write_integer(out, id.into());
    out.push(b' ');
    write_integer(out, generation.into());
    out.extend_from_slice(b" R");
}

/// A byte of a text in brackets.
pub(super) fn write_byte(out: &mut Vec<u8>, byte: u8) {
    match byte {
        b'(' | b')' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
        b'\r' => out.extend_from_slice(b"\\r"),
        _ => out.push(byte),
    }
}

/// The last one of a number.
fn digit(number: u64) -> u8 {
    b'0' + u8::try_from(number % 10).unwrap_or(0)
}

fn hexadecimal(digit: u8) -> u8 {
    b"0123456789ABCDEF"[usize::from(digit)]
}
