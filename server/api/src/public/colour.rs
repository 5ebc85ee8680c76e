//! The firm's colour on public pages, darkened until white on it is readable (4.5 : 1, WCAG 2.2).

/// Red, green, blue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Colour([u8; 3]);

const LEAST_CONTRAST: f64 = 4.5;

impl Colour {
    /// `#rrggbb`, with or without the sign.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let digits = text.trim().trim_start_matches('#');
        if digits.len() != 6 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let part = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).ok();
        Some(Self([part(0)?, part(2)?, part(4)?]))
    }

    /// The same hue, just dark enough for white text.
    pub(crate) fn under_white(self) -> Self {
        let mut colour = self;
        while colour.contrast_with_white() < LEAST_CONTRAST {
            colour = colour.towards(0, 0.04);
        }
        colour
    }

    /// Six digits without the sign.
    pub(crate) fn hex(self) -> String {
        let [red, green, blue] = self.0;
        format!("{red:02x}{green:02x}{blue:02x}")
    }

    /// The custom properties of a public page.
    pub(crate) fn stylesheet(self) -> String {
        let brand = self.under_white();
        let hover = brand.towards(0, 0.18);
        let soft = brand.towards(255, 0.9);
        let line = brand.towards(255, 0.7);
        let light = brand.towards(255, 0.55);
        let dark_soft = brand.towards(0, 0.55);
        format!(
            ":root{{--brand:#{};--brand-hover:#{};--brand-text:#{};--brand-soft:#{};--brand-line:#{}}}\n\
             @media (prefers-color-scheme:dark){{:root{{--brand-text:#{};--brand-soft:#{};--brand-line:#{}}}}}\n",
            brand.hex(),
            hover.hex(),
            brand.hex(),
            soft.hex(),
            line.hex(),
            light.hex(),
            dark_soft.hex(),
            brand.hex(),
        )
    }

    fn towards(self, end: u8, share: f64) -> Self {
        Self(self.0.map(|part| {
            let mixed = f64::from(part) + (f64::from(end) - f64::from(part)) * share;
            // Rounding towards the end, so that darkening always moves.
            let mixed = if end == 0 {
                mixed.floor()
            } else {
                mixed.round()
            };
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a mix of two bytes is a byte"
            )]
            let byte = mixed.clamp(0.0, 255.0) as u8;
            byte
        }))
    }

    fn contrast_with_white(self) -> f64 {
        1.05 / (self.luminance() + 0.05)
    }

    fn luminance(self) -> f64 {
        let [red, green, blue] = self.0.map(|part| {
            let part = f64::from(part) / 255.0;
            if part <= 0.040_45 {
                part / 12.92
            } else {
                ((part + 0.055) / 1.055).powf(2.4)
            }
        });
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_is_readable_on_every_colour() {
        for colour in [
            "#ffffff", "#ffee00", "#235a68", "#2b47c9", "#00ff00", "#000000", "#f39c12",
        ] {
            let brand = Colour::parse(colour).unwrap().under_white();
            assert!(
                brand.contrast_with_white() >= LEAST_CONTRAST,
                "{colour} -> {}",
                brand.hex()
            );
        }
        assert_eq!(
            Colour::parse("#235a68").unwrap().under_white().hex(),
            "235a68"
        );
        assert_eq!(Colour::parse("teal"), None);
        assert_eq!(Colour::parse("#12345é"), None);
    }
}
