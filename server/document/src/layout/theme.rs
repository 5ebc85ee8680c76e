//! Colours and looks.

use engine::node::Warning;

use super::{Layouter, shortened};
use crate::{
    context::DocumentError,
    display::Rgb,
    fonts::SANS,
    template::{Align, Leaf},
    text::Look,
};

/// Colours and sizes after their values are filled in.
#[derive(Clone, Debug)]
pub(crate) struct Colours {
    pub(crate) accent: Rgb,
    pub(crate) text: Rgb,
    pub(crate) muted: Rgb,
    pub(crate) line: Rgb,
    pub(crate) fill: Rgb,
}

impl Layouter<'_> {
    /// Fills in the theme's colours; a value that is no colour keeps the default, as a font does that nobody has.
    pub(crate) fn resolve_theme(&mut self) -> Result<(), DocumentError> {
        let theme = &self.template.theme;
        let mut colours = self.colours.clone();
        for (leaf, colour) in [
            (&theme.accent, &mut colours.accent),
            (&theme.text, &mut colours.text),
            (&theme.muted, &mut colours.muted),
            (&theme.line, &mut colours.line),
            (&theme.fill, &mut colours.fill),
        ] {
            let text = self.plain(leaf, 0)?;
            match parse_colour(&text) {
                Some(found) => *colour = found,
                None if text.is_empty() => {}
                None => self.notice(no_colour(&text), 0),
            }
        }
        self.colours = colours;
        for name in &self.template.fonts {
            if !self.shaper.has_family(name) {
                let message = format!("the font `{name}` is not here; a built-in one is used");
                self.notice(
                    Warning::new("font_missing", message).with("name", &**name),
                    0,
                );
            }
        }
        Ok(())
    }

    pub(super) fn colour(&mut self, leaf: &Leaf, mark: u32) -> Result<Rgb, DocumentError> {
        let text = self.plain(leaf, mark)?;
        Ok(match text.trim() {
            "accent" => self.colours.accent,
            "text" => self.colours.text,
            "muted" => self.colours.muted,
            "line" => self.colours.line,
            "fill" => self.colours.fill,
            "white" => Rgb(255, 255, 255),
            "accent_soft" => mix(self.colours.accent, 0.92),
            other => {
                if let Some(colour) = parse_colour(other) {
                    colour
                } else {
                    self.notice(no_colour(other), mark);
                    self.colours.text
                }
            }
        })
    }

    pub(crate) fn body_look(&self, size: Option<f32>) -> Look {
        let theme = &self.template.theme;
        Look {
            size: size.unwrap_or(theme.size),
            font: theme.font.clone(),
            bold: false,
            italic: false,
            colour: self.colours.text,
            line_height: theme.line_height,
            align: Align::Start,
            justify: false,
            tracking: 0.0,
            tabular: false,
            hyphenate: theme.hyphenate,
            language: self.language,
            direction: self.direction,
            orphans: theme.orphans,
            widows: theme.widows,
        }
    }

    pub(super) fn muted_look(&self) -> Look {
        Look {
            colour: self.colours.muted,
            ..self.body_look(None)
        }
    }

    pub(super) fn heading_look(&self, level: u8) -> Look {
        let theme = &self.template.theme;
        let factor = match level {
            0 | 1 => 2.2,
            2 => 1.35,
            3 => 1.08,
            _ => 1.0,
        };
        Look {
            size: theme.size * factor,
            font: theme.heading_font.clone(),
            bold: true,
            line_height: if level >= 3 { 1.35 } else { 1.2 },
            // Inter is drawn for small sizes.
            tracking: if level <= 1 && *theme.heading_font == *SANS {
                -14.0
            } else {
                0.0
            },
            hyphenate: false,
            ..self.body_look(None)
        }
    }
}

fn no_colour(text: &str) -> Warning {
    let text = shortened(text);
    let message = format!("`{text}` is not a colour such as #2b47c9");
    Warning::new("colour", message).with("text", text)
}

fn parse_colour(text: &str) -> Option<Rgb> {
    let digits = text.trim().strip_prefix('#')?;
    if digits.len() != 6 || !digits.is_ascii() {
        return None;
    }
    let byte = |from: usize| u8::from_str_radix(&digits[from..from + 2], 16).ok();
    Some(Rgb(byte(0)?, byte(2)?, byte(4)?))
}

/// Towards white by `share`.
pub(super) fn mix(colour: Rgb, share: f32) -> Rgb {
    let part = |value: u8| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between two bytes"
        )]
        {
            (f32::from(value) + (255.0 - f32::from(value)) * share) as u8
        }
    };
    Rgb(part(colour.0), part(colour.1), part(colour.2))
}
