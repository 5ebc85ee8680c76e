//! Measures what a model wrote where the document prints it, and words the request for less where it takes too many lines. What becomes of
//! a text that stays too long is the rule of its field, which is followed when the page is made.

use std::{
    fmt::Write,
    sync::Arc,
    time::{Duration, Instant},
};

use document::{Assets, DocumentError, Limits, Renderer, Template};
use engine::{
    node::{NodeContext, NodeError, Warning},
    value::Record,
};

use crate::pdf_render::scene;

/// Longest laying out of one answer.
const DEADLINE: Duration = Duration::from_secs(10);

/// A text of an answer that takes too many lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Excess {
    /// Where it is in the document's values, such as `days.2.text`.
    path: String,
    /// Where it is in the answer.
    pointer: String,
    lines: usize,
    most: usize,
    /// About how many are too many.
    pub(super) letters: usize,
}

impl Excess {
    /// It stays as it is.
    pub(super) fn warning(&self) -> Warning {
        let Self {
            path,
            pointer,
            lines,
            most,
            letters,
        } = self;
        Warning::new(
            "text_too_long",
            format!(
                "`{path}` takes {lines} lines where there is room for {most}: it is about {letters} letters too long, although the model was asked for less. The page does with it what the document says."
            ),
        )
        .at(pointer.as_str())
        .with("path", path.as_str())
        .with("lines", *lines)
        .with("max_lines", *most)
        .with("excess_letters", *letters)
    }
}

/// The texts of an answer that are too long for their places, each where it is longest: one text in the field that it is for, others where
/// their names stand. What the model does not write is as in the document's own sample, since nothing else is known of it here. The inner
/// error says why the document could not be laid out.
pub(super) async fn too_long(
    context: &dyn NodeContext,
    template: &Template,
    field: Option<&str>,
    answer: &Record,
) -> Result<Result<Vec<Excess>, DocumentError>, NodeError> {
    let renderer = context.services().get::<Renderer>().ok_or_else(|| {
        NodeError::failed("no_renderer", "This process cannot lay out documents.")
    })?;
    let mut values = template.sample().clone();
    let placed: Record = match field {
        None => answer.clone(),
        Some(field) => {
            let texts = answer.values().cloned();
            texts.map(|text| (field.to_owned(), text)).collect()
        }
    };
    values.extend(placed.clone());
    let scene = scene(context);
    let needs = document::needs(template, &values, &scene);
    let mut assets = Assets::default();
    for font in context.fonts(&needs.fonts).await? {
        assets.fonts.push(Arc::new(font));
    }
    let end = Instant::now() + DEADLINE;
    let limits = Limits {
        stop: Some(Arc::new(move || {
            context.cancelled() || Instant::now() > end
        })),
        ..Limits::default()
    };
    let rendered = match renderer.render(template, &values, &scene, &assets, &limits) {
        Ok(rendered) => rendered,
        Err(_) if context.cancelled() => return Err(NodeError::Cancelled),
        Err(error) => return Ok(Err(error)),
    };
    let mut found: Vec<Excess> = Vec::new();
    for fit in rendered.fits {
        let is_own = |path: &String| placed.contains_key(root(path));
        let path = fit.paths.iter().find(|path| is_own(path));
        let Some(path) = path.filter(|_| fit.is_too_long()) else {
            continue;
        };
        let excess = Excess {
            path: path.clone(),
            pointer: match field {
                None => format!("/{}", path.replace('.', "/")),
                Some(_) => "/text".to_owned(),
            },
            lines: fit.lines,
            most: fit.max_lines,
            letters: fit.excess_letters.max(1),
        };
        match found.iter_mut().find(|known| known.path == excess.path) {
            Some(known) if known.letters < excess.letters => *known = excess,
            Some(_) => {}
            None => found.push(excess),
        }
    }
    Ok(Ok(found))
}

/// The field that a path begins with.
fn root(path: &str) -> &str {
    path.split('.').next().unwrap_or_default()
}

/// Nobody knows how long the texts are on the page.
pub(super) fn unmeasured(error: &DocumentError) -> Warning {
    let reason = error.to_string();
    Warning::new(
        "text_not_measured",
        format!(
            "Whether the texts fit was not measured, because the document with its sample values could not be laid out: {reason}."
        ),
    )
    .with("reason", reason)
}

/// What the model is told of its answer: in the language that it writes in where documents ship in that, else in English.
pub(super) fn words(too_long: &[Excess], language: &str) -> String {
    let mut said = String::new();
    for Excess {
        path,
        lines,
        most,
        letters,
        ..
    } in too_long
    {
        let _ = match language {
            "German" => writeln!(
                said,
                "`{path}` braucht {lines} Zeilen, Platz ist für {most}: Lass etwa {letters} Zeichen weg."
            ),
            "French" => writeln!(
                said,
                "`{path}` prend {lines} lignes, il y a de la place pour {most} : enlève environ {letters} caractères."
            ),
            "Simplified Chinese" => writeln!(
                said,
                "`{path}` 占 {lines} 行，只放得下 {most} 行：请删去约 {letters} 个字符。"
            ),
            _ => writeln!(
                said,
                "`{path}` takes {lines} lines, there is room for {most}: leave out about {letters} letters."
            ),
        };
    }
    said.push_str(match language {
        "German" => {
            "Schreib die ganze Antwort noch einmal: diese Texte kürzer, alles andere, wie es ist."
        }
        "French" => {
            "Réécris toute la réponse : ces textes plus courts, tout le reste comme il est."
        }
        "Simplified Chinese" => "请重写整个答案：缩短这些文字，其余保持不变。",
        _ => "Write the whole answer again: these texts shorter, everything else as it is.",
    });
    said
}

/// The same of one text, which has no name that the model knows.
pub(super) fn words_for_text(excess: &Excess, language: &str) -> String {
    let Excess {
        lines,
        most,
        letters,
        ..
    } = excess;
    match language {
        "German" => format!(
            "Dein Text braucht {lines} Zeilen, Platz ist für {most}: Lass etwa {letters} Zeichen weg.\nSchreib den ganzen Text noch einmal, kürzer."
        ),
        "French" => format!(
            "Ton texte prend {lines} lignes, il y a de la place pour {most} : enlève environ {letters} caractères.\nRéécris tout le texte, plus court."
        ),
        "Simplified Chinese" => format!(
            "你的文字占 {lines} 行，只放得下 {most} 行：请删去约 {letters} 个字符。\n请重写整段文字，写得短一些。"
        ),
        _ => format!(
            "Your text takes {lines} lines, there is room for {most}: leave out about {letters} letters.\nWrite the whole text again, shorter."
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_is_told_in_the_language_of_the_text() {
        let too_long = [Excess {
            path: "summary".into(),
            pointer: "/summary".into(),
            lines: 9,
            most: 6,
            letters: 180,
        }];
        let check = |language: &str, expected: &str| {
            let said = words(&too_long, language);
            assert_eq!(said.lines().next(), Some(expected));
            assert_eq!(said.lines().count(), 2, "{said}");
        };
        check(
            "English",
            "`summary` takes 9 lines, there is room for 6: leave out about 180 letters.",
        );
        check(
            "German",
            "`summary` braucht 9 Zeilen, Platz ist für 6: Lass etwa 180 Zeichen weg.",
        );
        check(
            "French",
            "`summary` prend 9 lignes, il y a de la place pour 6 : enlève environ 180 caractères.",
        );
        check(
            "Simplified Chinese",
            "`summary` 占 9 行，只放得下 6 行：请删去约 180 个字符。",
        );
        check(
            "Danish",
            "`summary` takes 9 lines, there is room for 6: leave out about 180 letters.",
        );
    }

    #[test]
    fn one_text_has_no_name() {
        let excess = Excess {
            path: "summary".into(),
            pointer: "/text".into(),
            lines: 9,
            most: 6,
            letters: 180,
        };
        let check = |language: &str, expected: &str| {
            let said = words_for_text(&excess, language);
            assert_eq!(said.lines().next(), Some(expected));
            assert_eq!(said.lines().count(), 2, "{said}");
        };
        check(
            "Danish",
            "Your text takes 9 lines, there is room for 6: leave out about 180 letters.",
        );
        check(
            "German",
            "Dein Text braucht 9 Zeilen, Platz ist für 6: Lass etwa 180 Zeichen weg.",
        );
        check(
            "French",
            "Ton texte prend 9 lignes, il y a de la place pour 6 : enlève environ 180 caractères.",
        );
        check(
            "Simplified Chinese",
            "你的文字占 9 行，只放得下 6 行：请删去约 180 个字符。",
        );
    }
}
