//! Short texts of one look that are shaped as one, such as the cells of a column: to begin with a layout costs more than the letters of a
//! cell. Each comes out as it would by itself; a text for which that is not sure is left to be shaped alone.

use std::{collections::HashMap, iter, ops::Range, rc::Rc, sync::Arc};

use parley::{BaseDirection, Layout, TextStyle};

use super::{
    Look, Setting,
    breaks::Ending,
    shape::{Shaped, direction, is_plain, style, undrawn},
};
use crate::fonts::{SANS, SERIF};

/// Bytes of the longest that is short.
const LONGEST: usize = 200;

/// Stands between two texts and ends the line.
const BETWEEN: char = '\n';

/// What the letters around a text could change in it. Letters of no script, such as digits, are set by the script before them, or the first
/// one behind them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Company {
    /// Of no other script than Latin, which is also that of a text without any.
    Latin,
    /// From left to right, and begins with a letter that has a script.
    Any,
    /// From right to left, and begins with an Arabic letter.
    Arabic,
}

impl Company {
    fn direction(self) -> BaseDirection {
        match self {
            Self::Latin | Self::Any => BaseDirection::Ltr,
            Self::Arabic => BaseDirection::Rtl,
        }
    }
}

/// The texts with their glyphs, in lines of a width or, without one, in one line each; `None` for those that are not sure to be the same
/// alone.
pub(crate) fn together(
    setting: &mut Setting<'_>,
    texts: &[&str],
    look: &Look,
    width: Option<f32>,
) -> Vec<Option<Shaped>> {
    let mut shaped = vec![None; texts.len()];
    if look.hyphenate {
        return shaped;
    }
    let companies: Vec<Option<Company>> = texts
        .iter()
        .map(|text| {
            let runs_as_alone = |company: &Company| {
                company.direction() == direction(text, look, setting.right_to_left)
            };
            let own = company(text).filter(runs_as_alone)?;
            let is_covered = text.chars().all(|letter| setting.covers(letter));
            is_covered.then_some(own)
        })
        .collect();
    for company in [Company::Latin, Company::Any, Company::Arabic] {
        let mut joint = Joint::default();
        let places: Vec<Option<usize>> = texts
            .iter()
            .zip(&companies)
            .map(|(text, own)| (*own == Some(company)).then(|| joint.place(text)))
            .collect();
        if joint.parts.len() < 2 {
            continue;
        }
        let found = joint.shape(setting, look, company.direction(), width);
        for (own, place) in shaped.iter_mut().zip(places) {
            if let Some(place) = place {
                own.clone_from(&found[place]);
            }
        }
    }
    shaped
}

/// Texts one behind the other, each once.
#[derive(Default)]
struct Joint<'a> {
    text: String,
    parts: Vec<Range<usize>>,
    known: HashMap<&'a str, usize>,
}

impl<'a> Joint<'a> {
    /// The number of a text's part.
    fn place(&mut self, text: &'a str) -> usize {
        *self.known.entry(text).or_insert_with(|| {
            if !self.parts.is_empty() {
                self.text.push(BETWEEN);
            }
            let start = self.text.len();
            self.text.push_str(text);
            self.parts.push(start..self.text.len());
            self.parts.len() - 1
        })
    }

    fn shape(
        self,
        setting: &mut Setting<'_>,
        look: &Look,
        direction: BaseDirection,
        width: Option<f32>,
    ) -> Vec<Option<Shaped>> {
        let Self { text, parts, known } = self;
        let shaper = &mut *setting.shaper;
        let plain = known.keys().all(|text| is_plain(text));
        let families = shaper.families(&look.font, look.language, plain);
        let mut builder = shaper
            .layouts
            .style_run_builder(&mut shaper.fonts, &text, 1.0, false);
        builder.set_base_direction(direction);
        let own = style(look, &families, false);
        let own_number = builder.push_style(own.clone());
        // Our fonts join nothing over the end of a line. In others what is spaced in another way is shaped apart.
        let between = if [SANS, SERIF].contains(&&*look.font) {
            own_number
        } else {
            builder.push_style(TextStyle {
                word_spacing: 1.0,
                ..own
            })
        };
        for part in &parts {
            if let Some(before) = part.start.checked_sub(BETWEEN.len_utf8()) {
                builder.push_style_run(between, before..part.start);
            }
            builder.push_style_run(own_number, part.clone());
        }
        let mut layout = Layout::default();
        builder.build_into(&mut layout, &text);
        layout.break_all_lines(width.map(|width| width.max(1.0)));
        let undrawn = undrawn(&layout, &text);
        let layout = Rc::new(layout);
        let text: Arc<str> = text.into();
        let mut line = 0;
        parts
            .into_iter()
            .map(|part| {
                let first_line = line;
                while let Some(own) = layout.get(line)
                    && own.text_range().start <= part.end
                {
                    line += 1;
                }
                let is_drawn = !undrawn.iter().any(|hole| part.contains(&hole.start));
                let lines = first_line..line;
                is_drawn
                    .then(|| shaped((&layout, lines), (&text, part), width))
                    .flatten()
            })
            .collect()
    }
}

/// One of the texts; `None` where what ends its last line stands in a line of its own.
fn shaped(
    (layout, lines): (&Rc<Layout<u32>>, Range<usize>),
    (text, part): (&Arc<str>, Range<usize>),
    width: Option<f32>,
) -> Option<Shaped> {
    let own = lines.clone().filter_map(|line| layout.get(line));
    if own.clone().any(|line| line.text_range().start == part.end) {
        return None;
    }
    let endings: Vec<Ending> = own.clone().map(|line| Ending::of(&line)).collect();
    let first = *own.clone().next()?.metrics();
    // As wide as it is in one line; what takes several is wider than all of them.
    let (is_whole, full_width) = if endings.len() == 1 {
        (true, first.advance)
    } else {
        (false, f32::INFINITY)
    };
    Some(Shaped {
        layout: layout.clone(),
        first_line: lines.start,
        drawn: text.clone(),
        ranges: iter::once(0..part.len()).collect(),
        part,
        missing: Vec::new(),
        width: if is_whole {
            first.advance - first.hanging_advance
        } else {
            full_width
        },
        full_width,
        divides: false,
        broken_at: match width {
            Some(width) if full_width > width => width.max(1.0),
            Some(_) | None => f32::MAX,
        },
        endings,
    })
}

/// In which company a text is the same as alone; `None` where it may be in none.
fn company(text: &str) -> Option<Company> {
    if text.is_empty() || text.len() > LONGEST {
        return None;
    }
    if text.starts_with(is_arabic) && text.chars().all(is_beside_arabic) {
        return Some(Company::Arabic);
    }
    if !text.chars().all(is_simple) {
        return None;
    }
    let of_latin = |letter: char| !has_script(letter) || is_latin(letter);
    if text.chars().all(of_latin) {
        Some(Company::Latin)
    } else {
        let begins = text.chars().next().is_some_and(has_script);
        begins.then_some(Company::Any)
    }
}

fn is_latin(letter: char) -> bool {
    match letter {
        '×' | '÷' => false,
        'a'..='z' | 'A'..='Z' | 'ª' | 'º' | '\u{c0}'..='\u{24f}' => true,
        _ => false,
    }
}

/// Letters that are drawn from left to right, one by one; of those without a script only such as stand between words.
fn is_simple(letter: char) -> bool {
    has_script(letter)
        || matches!(
            letter,
            ' '..='~' | '\u{a0}'..='\u{a8}' | '\u{ab}' | '\u{ac}' | '\u{af}'..='\u{bf}' | '×' | '÷'
                | '\u{2010}'..='\u{2015}' | '\u{2018}'..='\u{201f}' | '•' | '…' | '\u{202f}' | '‰' | '‹' | '›' | '€' | '−'
                | '\u{3001}'..='\u{3002}' | '\u{3008}'..='\u{3011}' | '\u{ff08}' | '\u{ff09}' | '\u{ff0c}' | '\u{ff1a}' | '\u{ff1b}'
        )
}

fn is_arabic(letter: char) -> bool {
    matches!(letter, '\u{621}'..='\u{63a}' | '\u{641}'..='\u{64a}')
}

/// What stands with Arabic letters in their direction, whatever comes after it.
fn is_beside_arabic(letter: char) -> bool {
    is_arabic(letter) || matches!(letter, ' ' | '0'..='9' | '(' | ')' | '.' | '،')
}

fn has_script(letter: char) -> bool {
    is_latin(letter)
        || matches!(
            letter,
            // Greek, Cyrillic, Hiragana, Katakana, Chinese.
            '\u{391}'..='\u{3a1}' | '\u{3a3}'..='\u{3ce}' | '\u{386}' | '\u{388}'..='\u{38a}' | '\u{400}'..='\u{45f}'
                | '\u{3041}'..='\u{3096}' | '\u{30a1}'..='\u{30fa}' | '\u{4e00}'..='\u{9fff}'
        )
}

#[cfg(test)]
mod tests {
    use parley::Language;
    use proptest::prelude::*;

    use super::*;
    use crate::{
        display::Rgb,
        fonts::{FontBytes, Fonts},
        template::Align,
        text::{Span, place},
    };

    fn look(font: &str) -> Look {
        Look {
            size: 9.2,
            font: font.into(),
            bold: false,
            italic: false,
            colour: Rgb(0, 0, 0),
            line_height: 1.4,
            align: Align::Start,
            justify: false,
            tracking: 0.0,
            tabular: true,
            hyphenate: false,
            language: Language::parse("en").expect("a language"),
            direction: None,
            orphans: 1,
            widows: 1,
        }
    }

    /// Everything that is drawn of the texts, and whether some were shaped together.
    fn check(texts: &[String], font: &str, width: Option<f32>) -> bool {
        let fonts = Fonts::new(Box::new(Vec::<FontBytes>::new()));
        let mut shaper = fonts.shaper(&[], &[]);
        let mut used = Vec::new();
        let mut setting = Setting {
            fonts: &fonts,
            shaper: &mut shaper,
            used: &mut used,
            right_to_left: false,
        };
        let look = look(font);
        let borrowed: Vec<&str> = texts.iter().map(String::as_str).collect();
        let joint = together(&mut setting, &borrowed, &look, width);
        let mut found = false;
        for (text, joint) in texts.iter().zip(joint) {
            let Some(mut joint) = joint else { continue };
            found = true;
            let spans = [Span::plain(text.as_str())];
            let mut alone = Shaped::new(&mut setting, &spans, &look);
            if width.is_none() {
                assert_eq!(joint.width.to_bits(), alone.width.to_bits(), "{text:?}");
            }
            let width = width.unwrap_or(alone.full_width);
            assert!(joint.serves(width), "{text:?}");
            let [joint, alone] = [&mut joint, &mut alone].map(|shaped| {
                let paragraph = place(&mut setting, shaped, &spans, &look, width, (1, 1));
                let lines = paragraph.lines.iter();
                let lines = lines.map(|line| format!("{} {:?}", line.height, line.items));
                (
                    lines.collect::<Vec<String>>(),
                    paragraph.overflow,
                    paragraph.number_cut,
                )
            });
            assert_eq!(joint, alone);
        }
        found
    }

    /// Letters that fonts know to join, and such as have no script.
    const TEXT: &str =
        "[a-cfiltxATVWY0-9 ().,:<>=%€/×–ÄéΩαЖяع-]{1,14}|[ابتلمهيو]{1,9}[ 0-9().]{0,5}";

    proptest! {
        #[test]
        fn each_is_as_it_is_alone(
            texts in proptest::collection::vec(TEXT, 2..12),
            font in prop::sample::select(vec![SANS, SERIF, "Liberation Sans"]),
            width in prop::option::of(5.0_f32..90.0),
        ) {
            check(&texts, font, width);
        }
    }

    #[test]
    fn cells_are_shaped_together() {
        let texts = [
            "000100001",
            "Łódź – x (1.5)",
            "1,485.00",
            "Ακρόπολη",
            "7%",
            "مرحبا (1.5)",
            "عشاء",
        ];
        let texts = texts.map(str::to_owned);
        for font in [SANS, SERIF, "Liberation Sans"] {
            assert!(check(&texts, font, None));
            assert!(check(&texts, font, Some(30.0)));
        }
    }
}
