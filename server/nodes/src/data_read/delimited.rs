//! Delimited text (RFC 4180, and what spreadsheets make of it): finds out how letters are stored and what stands between the cells.

use csv::{ReaderBuilder, StringRecord};
use encoding_rs::{
    BIG5, EUC_KR, Encoding as Stored, GB18030, SHIFT_JIS, UTF_8, WINDOWS_1250, WINDOWS_1251,
    WINDOWS_1252, WINDOWS_1253, WINDOWS_1254,
};
use engine::node::{NodeError, StepError};

use super::{
    Encoding,
    rows::{Cell, MAX_HEADINGS, Rows, too_many_columns},
};
use crate::delimited::{Delimiter, unguard};

/// The letters of a file: a byte order mark decides, then the setting, then what the bytes are.
pub(super) fn text(bytes: &[u8], encoding: Encoding, locale: &str) -> Result<String, NodeError> {
    let marked = Stored::for_bom(bytes).map(|(stored, _)| stored);
    let stored = marked.unwrap_or_else(|| match encoding {
        Encoding::Utf8 => UTF_8,
        Encoding::Western => WINDOWS_1252,
        Encoding::Central => WINDOWS_1250,
        Encoding::Gb18030 => GB18030,
        Encoding::Auto if std::str::from_utf8(bytes).is_ok() => UTF_8,
        Encoding::Auto => of_language(locale),
    });
    let (text, _, is_broken) = stored.decode(bytes);
    // No text of any encoding holds zeros; spreadsheets and pictures do.
    if is_broken || text.contains('\0') {
        let name = stored.name();
        let message = format!("The file is not a text in {name}. Choose another kind of letters.");
        return Err(NodeError::failed("not_in_encoding", message).with("encoding", name));
    }
    Ok(text.into_owned())
}

/// What spreadsheets in a language write where it is not UTF-8.
fn of_language(locale: &str) -> &'static Stored {
    let mut parts = locale.split(['-', '_']);
    let language = parts.next().unwrap_or_default();
    let traditional = parts.any(|part| matches!(part, "TW" | "HK" | "MO" | "Hant"));
    match language {
        "zh" if traditional => BIG5,
        "zh" => GB18030,
        "ja" => SHIFT_JIS,
        "ko" => EUC_KR,
        "bg" | "mk" | "ru" | "sr" | "uk" => WINDOWS_1251,
        "cs" | "hr" | "hu" | "pl" | "ro" | "sk" | "sl" => WINDOWS_1250,
        "el" => WINDOWS_1253,
        "tr" => WINDOWS_1254,
        _ => WINDOWS_1252,
    }
}

pub(super) fn read(
    text: &str,
    delimiter: Delimiter,
    heading_row: u64,
    rows: &mut Rows<'_>,
) -> Result<(), NodeError> {
    let (said, text) = said_by_the_file(text);
    let delimiter = said
        .or(delimiter.byte())
        .unwrap_or_else(|| found_out(text, heading_row, rows));
    let mut width = None;
    for record in numbered(text, delimiter) {
        let (number, record) = record.map_err(|error| unreadable(&error))?;
        let Some(width) = width else {
            if number >= heading_row {
                if record.len() > MAX_HEADINGS {
                    return Err(too_many_columns(record.len()));
                }
                let headings: Vec<String> =
                    record.iter().map(|text| unguard(text).to_owned()).collect();
                rows.head(&headings)?;
                width = Some(headings.len());
            }
            continue;
        };
        let is_filled = |text: &str| !text.trim().is_empty();
        if !record.iter().any(is_filled) {
            continue;
        }
        if record.iter().skip(width).any(is_filled) {
            rows.add(too_long(number, record.len(), width));
        }
        let cells: Vec<Cell> = record
            .iter()
            .take(width)
            .map(|text| Cell::Text(unguard(text.trim()).to_owned()))
            .collect();
        rows.row(number, &cells)?;
    }
    if width.is_none() {
        return rows.head(&[]);
    }
    Ok(())
}

/// The records with the numbers that their rows have in a spreadsheet: blank lines are no records, but rows, and a text of several lines is
/// in one row.
fn numbered(
    text: &str,
    delimiter: u8,
) -> impl Iterator<Item = Result<(u64, StringRecord), csv::Error>> {
    let reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .from_reader(text.as_bytes());
    reader.into_records().scan(0, move |number, record| {
        Some(record.map(|record| {
            let begin = record.position().map_or(0, csv::Position::byte);
            *number += 1 + blank_lines(text, usize::try_from(begin).unwrap_or(usize::MAX));
            (*number, record)
        }))
    })
}

/// How many lines without anything lie between one record and the next.
fn blank_lines(text: &str, begin: usize) -> u64 {
    let rest = text.get(begin..).unwrap_or_default();
    // What ended the record before may still be here.
    let ends_before = text.get(..begin).is_some_and(|text| text.ends_with('\r'));
    let rest = rest
        .strip_prefix('\n')
        .filter(|_| ends_before)
        .unwrap_or(rest);
    let blank = rest
        .bytes()
        .take_while(|byte| matches!(byte, b'\r' | b'\n'));
    blank.map(|byte| u64::from(byte == b'\n')).sum()
}

/// Excel's own first line `sep=;`, which it does not show: the delimiter, and what follows.
fn said_by_the_file(text: &str) -> (Option<u8>, &str) {
    let line = text.lines().next().unwrap_or_default();
    match line.trim_end().strip_prefix("sep=").map(str::as_bytes) {
        Some([delimiter]) if Delimiter::KNOWN.contains(delimiter) => {
            let rest = text[line.len()..].trim_start_matches('\r');
            (Some(*delimiter), rest.strip_prefix('\n').unwrap_or(rest))
        }
        _ => (None, text),
    }
}

/// The delimiter by which most of the columns are found, then the one that gives most cells.
fn found_out(text: &str, heading_row: u64, rows: &Rows<'_>) -> u8 {
    let headings = |delimiter| -> StringRecord {
        numbered(text, delimiter)
            .filter_map(Result::ok)
            .find(|(number, _)| *number >= heading_row)
            .map_or_else(StringRecord::new, |(_, record)| record)
    };
    let mut best = (b',', (0, 0));
    for delimiter in Delimiter::KNOWN {
        let record = headings(delimiter);
        let cells = record.len().min(MAX_HEADINGS);
        let fits = (rows.known(record.iter().take(cells)), cells);
        if fits > best.1 {
            best = (delimiter, fits);
        }
    }
    best.0
}

fn too_long(row: u64, cells: usize, headings: usize) -> StepError {
    let message = format!(
        "Row {row} has {cells} cells, but there are {headings} headings; perhaps a text with a delimiter lacks its quotes."
    );
    StepError::new("row_too_long", message)
        .with("row", row)
        .with("cells", cells)
        .with("headings", headings)
}

fn unreadable(error: &csv::Error) -> NodeError {
    let message = format!("The file is not a CSV file: {error}.");
    NodeError::failed("not_csv", message).with("reason", error.to_string())
}
