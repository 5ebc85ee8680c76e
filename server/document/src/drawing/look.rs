//! How shapes look: fills, lines and what is inherited from the elements around.

use svgtypes::Color;

use super::shape::length;
use crate::display::{Rgb, Stroke};

#[derive(Clone, Copy, Debug)]
pub(super) enum Ink {
    None,
    /// That of `color`.
    Current,
    Colour(Color),
}

#[derive(Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one switch of a shape"
)]
pub(super) struct Look {
    pub(super) fill: Ink,
    pub(super) stroke: Ink,
    pub(super) even_odd: bool,
    /// Not drawn, and nothing within it.
    pub(super) hidden: bool,
    /// Dashes that are not all of one length, or gaps.
    pub(super) has_long_dashes: bool,
    visible: bool,
    current: Color,
    stop: Color,
    stop_opacity: f64,
    /// Of the element, and of all around it.
    opacity: f64,
    opacity_around: f64,
    fill_opacity: f64,
    stroke_opacity: f64,
    width: f64,
    dash: Option<(f64, f64)>,
    round: (bool, bool),
}

impl Default for Look {
    fn default() -> Self {
        Self {
            fill: Ink::Colour(Color::black()),
            stroke: Ink::None,
            even_odd: false,
            hidden: false,
            has_long_dashes: false,
            visible: true,
            current: Color::black(),
            stop: Color::black(),
            stop_opacity: 1.0,
            opacity: 1.0,
            opacity_around: 1.0,
            fill_opacity: 1.0,
            stroke_opacity: 1.0,
            width: 1.0,
            dash: None,
            round: (false, false),
        }
    }
}

impl Look {
    /// What an element within this one begins with.
    pub(super) fn around(&self) -> Self {
        Self {
            opacity: 1.0,
            opacity_around: self.opacity_around * self.opacity,
            ..self.clone()
        }
    }

    /// Obeys a property; one that is not known, or has a value that is none, changes nothing.
    pub(super) fn set(&mut self, property: &str, value: &str, size: (f64, f64)) {
        let value = value.trim();
        match property {
            "color" => set(&mut self.current, value.parse().ok()),
            "stop-color" => set(&mut self.stop, value.parse().ok()),
            "stop-opacity" => set(&mut self.stop_opacity, share(value)),
            "opacity" => set(&mut self.opacity, share(value)),
            "fill-opacity" => set(&mut self.fill_opacity, share(value)),
            "stroke-opacity" => set(&mut self.stroke_opacity, share(value)),
            "fill-rule" => self.even_odd = value == "evenodd",
            "display" => self.hidden |= value == "none",
            "visibility" => self.visible = !matches!(value, "hidden" | "collapse"),
            "stroke-width" => {
                let diagonal = size.0.hypot(size.1) / std::f64::consts::SQRT_2;
                let width = length(value, diagonal).filter(|width| (0.0..=1e6).contains(width));
                set(&mut self.width, width);
            }
            "stroke-linecap" => self.round.0 = value == "round",
            "stroke-linejoin" => self.round.1 = value == "round",
            "stroke-dasharray" => self.set_dash(value),
            _ => {}
        }
    }

    fn set_dash(&mut self, value: &str) {
        let lengths: Vec<f64> = value
            .split([',', ' '])
            .filter(|text| !text.is_empty())
            .take(16)
            .filter_map(|text| length(text, 0.0))
            .filter(|length| (0.0..=1e6).contains(length))
            .collect();
        self.has_long_dashes = lengths.len() > 2;
        self.dash = match lengths[..] {
            [] => None,
            [all] => Some((all, all)),
            [dash, gap, ..] => Some((dash, gap)),
        }
        .filter(|(dash, gap)| *dash > 0.0 && *gap > 0.0);
    }

    pub(super) fn is_transparent(&self) -> bool {
        let partly = |ink: Ink, opacity: f64| {
            let share = self.alpha(ink, opacity);
            share > 0.0 && share < 1.0
        };
        partly(self.fill, self.fill_opacity) || partly(self.stroke, self.stroke_opacity)
    }

    pub(super) fn fill_colour(&self) -> Option<Rgb> {
        self.colour(self.fill, self.fill_opacity)
    }

    /// The line in the units of the picture, which are so much smaller.
    pub(super) fn stroke(&self, growth: f64) -> Option<Stroke> {
        let width = single(self.width * growth);
        let colour = self.colour(self.stroke, self.stroke_opacity)?;
        (width > 0.0 && width.is_finite()).then(|| Stroke {
            colour,
            width,
            dash: self
                .dash
                .map(|(dash, gap)| (single(dash * growth), single(gap * growth))),
            round: self.round.0 || self.round.1,
        })
    }

    /// The colour of a gradient's stop.
    pub(super) fn stop(&self) -> Color {
        Color {
            alpha: byte(f64::from(self.stop.alpha) * self.stop_opacity),
            ..self.stop
        }
    }

    fn ink(&self, ink: Ink) -> Option<Color> {
        match ink {
            Ink::None => None,
            Ink::Current => Some(self.current),
            Ink::Colour(colour) => Some(colour),
        }
    }

    /// From 0, which is not seen, to 1.
    fn alpha(&self, ink: Ink, opacity: f64) -> f64 {
        let colour = self.ink(ink).filter(|_| self.visible);
        colour.map_or(0.0, |colour| {
            f64::from(colour.alpha) / 255.0 * opacity * self.opacity * self.opacity_around
        })
    }

    /// As it is on white paper.
    fn colour(&self, ink: Ink, opacity: f64) -> Option<Rgb> {
        let alpha = self.alpha(ink, opacity);
        let colour = self.ink(ink).filter(|_| alpha > 0.0)?;
        let part = |part: u8| byte(f64::from(part) * alpha + 255.0 * (1.0 - alpha));
        Some(Rgb(part(colour.red), part(colour.green), part(colour.blue)))
    }
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

pub(super) fn mean(colours: &[Color]) -> Color {
    let of = |part: fn(&Color) -> u8| {
        let sum: f64 = colours.iter().map(|colour| f64::from(part(colour))).sum();
        let count = u32::try_from(colours.len()).unwrap_or(u32::MAX);
        byte(sum / f64::from(count.max(1)))
    };
    Color {
        red: of(|colour| colour.red),
        green: of(|colour| colour.green),
        blue: of(|colour| colour.blue),
        alpha: of(|colour| colour.alpha),
    }
}

/// `0.5` or `50%`, from 0 to 1.
fn share(text: &str) -> Option<f64> {
    let (number, whole) = match text.strip_suffix('%') {
        Some(number) => (number, 100.0),
        None => (text, 1.0),
    };
    let number: f64 = number.trim().parse().ok()?;
    number.is_finite().then(|| (number / whole).clamp(0.0, 1.0))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to a byte"
)]
fn byte(value: f64) -> u8 {
    value.round().clamp(0.0, 255.0) as u8
}

#[expect(clippy::cast_possible_truncation, reason = "for drawing")]
fn single(value: f64) -> f32 {
    value as f32
}
