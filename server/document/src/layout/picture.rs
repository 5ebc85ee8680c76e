//! Pictures and QR codes.

use std::sync::Arc;

use engine::{ids::ArtifactId, node::Warning, value::Value};
use qrcode::{Color, EcLevel, QrCode};

use super::Layouter;
use crate::{
    context::{DocumentError, LimitKind},
    display::{Item, MM, TagId},
    layout::limit,
    payment::{Transfer, epc},
    picture::{PictureError, decode},
    strip::Strip,
    template::{Align, ImageSource, Leaf, Payment, QrContent},
};

/// A picture is decoded once, however often it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    Artifact(ArtifactId),
    /// Address of the template's own bytes, which live as long as the rendering.
    Embedded(usize),
}

impl Layouter<'_> {
    #[expect(clippy::too_many_arguments, reason = "the members of one block")]
    pub(super) fn image(
        &mut self,
        source: &ImageSource,
        (max_width, max_height): (f32, f32),
        align: Align,
        alt: &Leaf,
        mark: u32,
        width: f32,
        parent: TagId,
    ) -> Result<Vec<Strip>, DocumentError> {
        let found = match source {
            ImageSource::Embedded(bytes) => {
                self.load(Key::Embedded(Arc::as_ptr(bytes) as usize), bytes, mark)?
            }
            ImageSource::File(leaf) => match self.value_of(leaf, mark)? {
                Value::File(file) => {
                    if let Some(bytes) = self.assets.images.get(&file.id) {
                        self.load(Key::Artifact(file.id), bytes, mark)?
                    } else {
                        let message = format!("the picture `{}` was not found", file.name);
                        self.notice(
                            Warning::new("image_missing", message).with("name", file.name),
                            mark,
                        );
                        None
                    }
                }
                Value::Empty => None,
                other => {
                    let kind = other.kind_name();
                    let message = format!("`{}` is {kind}, not a file", leaf.source);
                    self.notice(
                        Warning::new("not_a_file", message)
                            .with("source", leaf.source.as_str())
                            .with("kind", kind),
                        mark,
                    );
                    None
                }
            },
        };
        let Some(image) = found else {
            return Ok(Vec::new());
        };
        let picture = &self.pictures[image];
        let (w, h) = (picture.width as f32, picture.height as f32);
        let scale = ((max_width * MM).min(width) / w).min(max_height * MM / h);
        let alt = self.plain(alt, mark)?;
        let tag = self.figure(alt, parent);
        let item = Item::Image {
            image,
            width: w * scale,
            height: h * scale,
            tag,
        };
        Ok(self.aligned(item, (w * scale, h * scale), align, width))
    }

    fn load(&mut self, key: Key, bytes: &[u8], mark: u32) -> Result<Option<usize>, DocumentError> {
        if let Some(known) = self.loaded.get(&key) {
            return Ok(*known);
        }
        let left = self.limits.max_pixels.saturating_sub(self.pixels);
        let found = match decode(bytes, left) {
            Ok(picture) => {
                self.pixels += u64::from(picture.width) * u64::from(picture.height);
                self.pictures.push(picture);
                Some(self.pictures.len() - 1)
            }
            Err(PictureError::TooLarge) => {
                return Err(limit(LimitKind::Pixels, self.limits.max_pixels));
            }
            Err(PictureError::Unreadable) => {
                let message = "the picture is not a PNG, JPEG or WebP file that can be read";
                self.notice(Warning::new("image_unreadable", message), mark);
                None
            }
        };
        self.loaded.insert(key, found);
        Ok(found)
    }

    #[expect(clippy::too_many_arguments, reason = "the members of one block")]
    pub(super) fn qr(
        &mut self,
        content: &QrContent,
        size: f32,
        align: Align,
        alt: &Leaf,
        mark: u32,
        width: f32,
        parent: TagId,
    ) -> Result<Vec<Strip>, DocumentError> {
        let (text, level) = match content {
            QrContent::Text(leaf) => (self.plain(leaf, mark)?, EcLevel::M),
            QrContent::Payment(payment) => match self.payment(payment, mark)? {
                Ok(text) => (text, EcLevel::M),
                Err(why) => {
                    let message = format!("there is no payment code: {why}");
                    self.notice(Warning::new("payment_code", message).with("why", why), mark);
                    return Ok(Vec::new());
                }
            },
        };
        if text.is_empty() {
            self.notice(Warning::new("qr_empty", "the QR code has no content"), mark);
            return Ok(Vec::new());
        }
        let Ok(code) = QrCode::with_error_correction_level(&text, level) else {
            let message = "the text is too long for a QR code";
            self.notice(Warning::new("qr_too_long", message), mark);
            return Ok(Vec::new());
        };
        let count = code.width();
        let modules = code
            .into_colors()
            .into_iter()
            .map(|colour| colour == Color::Dark)
            .collect();
        let alt = self.plain(alt, mark)?;
        let alt = if alt.is_empty() {
            "QR code".into()
        } else {
            alt
        };
        let tag = self.figure(alt, parent);
        let size = size.min(width);
        let item = Item::Modules {
            size,
            count,
            modules: Arc::new(modules),
            tag,
        };
        Ok(self.aligned(item, (size, size), align, width))
    }

    fn payment(
        &mut self,
        payment: &Payment,
        mark: u32,
    ) -> Result<Result<String, String>, DocumentError> {
        let name = self.plain(&payment.name, mark)?;
        let iban = self.plain(&payment.iban, mark)?;
        let bic = match &payment.bic {
            Some(leaf) => self.plain(leaf, mark)?,
            None => String::new(),
        };
        let reference = self.plain(&payment.reference, mark)?;
        let (amount, currency) = match self.value_of(&payment.amount, mark)? {
            Value::Money(money) => (money.amount, money.currency),
            Value::Decimal(amount) => (amount, self.context.currency.clone()),
            Value::Integer(amount) => (amount.into(), self.context.currency.clone()),
            other => return Ok(Err(format!("the amount is {}", other.kind_name()))),
        };
        Ok(epc(&Transfer {
            name: &name,
            iban: &iban,
            bic: &bic,
            amount,
            currency: &currency,
            reference: &reference,
        }))
    }

    fn figure(&mut self, alt: String, parent: TagId) -> TagId {
        // A picture without words for it is decoration.
        if alt.is_empty() {
            return 0;
        }
        let tag = self.tag("Figure", parent);
        if tag != 0 {
            self.tags[tag as usize].alt = Some(alt);
        }
        tag
    }
}
