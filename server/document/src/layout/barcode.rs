//! Barcodes.

use std::sync::Arc;

use engine::node::Warning;

use super::{Layouter, picture::shown, shortened};
use crate::{
    barcode::{Symbol, Unwritable},
    context::DocumentError,
    display::{Item, MM, Rgb, TagId},
    path::{Segment, modules, rectangle},
    strip::Strip,
    template::{Align, Barcode},
    text::{Look, Span},
};

const BLACK: Rgb = Rgb(0, 0, 0);

/// How far guard bars reach down between the digits, and the size of these, in modules.
const GUARD: f32 = 5.0;
const DIGIT: f32 = 10.0;

impl Layouter<'_> {
    pub(super) fn barcode(
        &mut self,
        block: &Barcode,
        mark: u32,
        width: f32,
        parent: TagId,
    ) -> Result<Vec<Strip>, DocumentError> {
        let content = self.plain(&block.content, mark)?;
        let content = content.trim();
        let symbol = match block.symbology.symbol(content) {
            Ok(symbol) => symbol,
            Err(why) => {
                self.notice(unwritable(why, content), mark);
                return Ok(Vec::new());
            }
        };
        // Bars narrower than readers can tell apart would only look like a barcode.
        let count = symbol.modules.len() as f32;
        let module = (block.module * MM).min(width / count);
        if module < block.symbology.least_module() * MM - 0.001 {
            self.notice(too_long(), mark);
            return Ok(Vec::new());
        }
        let alt = self.plain(&block.alt, mark)?;
        let alt = if alt.is_empty() { content.into() } else { alt };
        let tag = self.figure_tag(alt, parent);
        let own = count * module;
        let mut height = block.height * MM;
        let mut bars = modules(&symbol.modules, symbol.modules.len(), (module, height));
        let mut parts = Vec::new();
        if block.text {
            bars.extend(guards(&symbol, module, height));
            let look = Look {
                size: DIGIT * module,
                colour: BLACK,
                align: Align::Center,
                tabular: true,
                ..self.body_look(None)
            };
            let top = height;
            for (place, text) in &symbol.texts {
                let x = place.start as f32 * module;
                let spans = [Span::plain(text)];
                let room = place.len() as f32 * module;
                let (tall, items) = self.caption(&spans, &look, room, tag, mark)?;
                height = height.max(top + tall);
                parts.extend(
                    items
                        .into_iter()
                        .map(|(left, y, item)| (x + left, top + y, item)),
                );
            }
        }
        let bars = Item::Path {
            segments: Arc::new(bars),
            fill: Some(BLACK),
            stroke: None,
            tag,
        };
        parts.insert(0, (0.0, 0.0, bars));
        let origin = self.scope.leaf_origin(&block.content);
        parts.push(shown(origin, (own, height), mark));
        Ok(self.figure(tag, parts, (own, height), block.align, width))
    }
}

/// The lower ends of the guard bars.
fn guards(symbol: &Symbol, module: f32, top: f32) -> Vec<Segment> {
    symbol
        .guards
        .iter()
        .cloned()
        .flatten()
        .filter(|place| symbol.modules[*place])
        .flat_map(|place| rectangle(place as f32 * module, top, module, GUARD * module))
        .collect()
}

fn too_long() -> Warning {
    let message = "the content is too long for a barcode in this place";
    Warning::new("barcode_too_long", message)
}

fn unwritable(why: Unwritable, text: &str) -> Warning {
    let text = shortened(text);
    match why {
        Unwritable::Empty => Warning::new("barcode_empty", "the barcode has no content"),
        Unwritable::TooLong => too_long(),
        Unwritable::Letter(letter) => {
            let message = format!("a Code 128 barcode cannot hold the letter `{letter}`");
            Warning::new("barcode_letter", message).with("letter", letter.to_string())
        }
        Unwritable::NotDigits => {
            let message =
                format!("`{text}` is no EAN-13: it has 12 digits, or 13 with the check digit");
            Warning::new("barcode_digits", message).with("text", text)
        }
        Unwritable::CheckDigit(digit) => {
            let message = format!("the last digit of `{text}` is wrong: it should be {digit}");
            Warning::new("barcode_check_digit", message)
                .with("text", text)
                .with("digit", digit)
        }
    }
}
