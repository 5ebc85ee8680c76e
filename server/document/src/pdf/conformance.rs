//! Which standards a file may claim, decided in this one place from what goes into it: whatever breaks a standard is to be asked here.

use std::collections::BTreeMap;

use engine::node::Warning;
use lopdf::{Document, Object, Stream, dictionary};

use super::{attachments::Attachment, fonts::Face};
use crate::{
    context::DocumentError,
    extras::{FilePlace, Inserts, Obstacle},
};

/// The standards that a file claims in its metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Conformance {
    /// PDF/A-3A (ISO 19005-3) and PDF/UA-1 (ISO 14289-1).
    Accessible,
    /// PDF/A-3U: made to be kept and every letter can be read, but what it means is not known.
    Readable,
    /// What is bound of other files, which were never looked at, or what a standard forbids.
    None,
}

/// What keeps a document from being PDF/A-3: what other people's files show, which may have fonts outside of the file or colours that mean
/// nothing, and encryption (ISO 19005-3, 6.1.3). Attached files (6.8), pictures under the pages and transparency (6.2.10) do not.
fn obstacles(inserts: &Inserts) -> Vec<Obstacle> {
    let lacks = |place| inserts.missing.iter().any(|(own, _)| *own == place);
    let bound = !inserts.before.is_empty() || !inserts.behind.is_empty();
    let bound = bound || lacks(FilePlace::Before) || lacks(FilePlace::Behind);
    let letterhead = !inserts.letterheads.is_empty() || lacks(FilePlace::Letterhead);
    [
        (inserts.password.is_some(), Obstacle::Password),
        (bound, Obstacle::Bound),
        (letterhead, Obstacle::Letterhead),
    ]
    .into_iter()
    .filter_map(|(is_there, obstacle)| is_there.then_some(obstacle))
    .collect()
}

/// What people are told of a document that claims nothing.
pub(crate) fn notes(inserts: &Inserts) -> Vec<Warning> {
    obstacles(inserts)
        .into_iter()
        .map(|obstacle| {
            let message = format!("the PDF is not PDF/A-3, because {obstacle}");
            Warning::new("not_archivable", message).with("obstacle", obstacle.code())
        })
        .collect()
}

/// An invoice for machines is in a PDF/A-3 or it is none (Factur-X 1.0x, 6.1).
pub(super) fn check(inserts: &Inserts, attachments: &[&Attachment]) -> Result<(), DocumentError> {
    let has_invoice = attachments.iter().any(|file| file.invoice.is_some());
    match obstacles(inserts).first() {
        Some(obstacle) if has_invoice => Err(DocumentError::EInvoice(*obstacle)),
        Some(_) | None => Ok(()),
    }
}

impl Conformance {
    /// What a document laid out here keeps. Embedded fonts with the text of every glyph, tags for all that is no artifact, metadata, an
    /// output intent and no active content it has always. Level A and PDF/UA also want a language (ISO 19005-3, 6.7.4; ISO 14289-1,
    /// 7.2) and no letters that mean what somebody agreed upon (ISO 19005-3, 6.2.11.7.3).
    pub(super) fn of(
        language: Option<&str>,
        faces: &BTreeMap<usize, Face>,
        inserts: &Inserts,
    ) -> Self {
        if !obstacles(inserts).is_empty() {
            return Self::None;
        }
        let private = faces
            .values()
            .flat_map(Face::texts)
            .any(|text| text.chars().any(is_private));
        if language.is_some() && !private {
            Self::Accessible
        } else {
            Self::Readable
        }
    }
}

/// The language as a tag (BCP 47), if it has the shape of one.
pub(super) fn language(text: &str) -> Option<String> {
    let text = text.replace('_', "-");
    let mut parts = text.split('-');
    let first = parts.next().unwrap_or_default();
    let shaped = matches!(first.len(), 2..=8)
        && first.bytes().all(|byte| byte.is_ascii_alphabetic())
        && parts.all(|part| {
            matches!(part.len(), 1..=8) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
        });
    shaped.then_some(text)
}

fn is_private(letter: char) -> bool {
    matches!(letter, '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{ffffd}' | '\u{100000}'..='\u{10fffd}')
}

/// An ICC profile of version 4.2 made for this program from the published numbers of sRGB (IEC 61966-2-1): primaries and white adapted
/// to D50, and the curve as a formula. Nobody has rights in it.
const SRGB: &[u8] = include_bytes!("srgb.icc");

/// What the device colours of the pages mean (ISO 19005-3, 6.2.3). With it, pages with transparent pictures need no colour space of
/// their own (6.2.10).
pub(super) fn output_intents(document: &mut Document) -> Object {
    let profile = document.add_object(Stream::new(dictionary! { "N" => 3 }, SRGB.to_vec()));
    let name = Object::string_literal("sRGB IEC61966-2.1");
    let intent = dictionary! {
        "Type" => "OutputIntent", "S" => "GTS_PDFA1", "OutputConditionIdentifier" => name.clone(), "Info" => name,
        "RegistryName" => Object::string_literal("http://www.color.org"), "DestOutputProfile" => profile,
    };
    Object::Array(vec![intent.into()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_have_the_shape_of_a_tag() {
        for (text, fine) in [
            ("en", true),
            ("de-CH-1901", true),
            ("zh-Hans", true),
            ("", false),
            ("e", false),
            ("en-", false),
            ("en_US", true),
            ("no language", false),
        ] {
            assert_eq!(language(text).is_some(), fine, "{text}");
        }
    }

    #[test]
    fn the_profile_is_whole() {
        let size = u32::from_be_bytes(SRGB[..4].try_into().expect("four bytes"));
        assert_eq!(size as usize, SRGB.len());
        assert_eq!(&SRGB[12..24], b"mntrRGB XYZ ");
        assert_eq!(&SRGB[36..40], b"acsp");
    }
}
