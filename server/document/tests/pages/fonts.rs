//! Fonts: those that a template names, that come with it or from the machine, and how the letters of a language are drawn.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use document::{Assets, FontBytes, FontFiles, Limits, Rendered, Renderer, font_families, needs};
use engine::value::Record;
use serde_json::{Value as Json, json};

use super::{CJK, context, font, places, render, template, text, tool};

/// One of the bundled fonts under another name of the same length.
fn renamed(file: &str, from: &str, to: &str) -> FontBytes {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fonts")
        .join(file);
    let mut bytes = std::fs::read(path).expect("a font");
    let wide = |name: &str| -> Vec<u8> { name.encode_utf16().flat_map(u16::to_be_bytes).collect() };
    for (from, to) in [(from.into(), to.into()), (wide(from), wide(to))] {
        let mut at = 0;
        while let Some(found) = bytes[at..]
            .windows(from.len())
            .position(|part| part == from)
        {
            bytes[at + found..at + found + from.len()].copy_from_slice(&to);
            at += found + from.len();
        }
    }
    font(bytes)
}

/// The files of a machine, and how often it was asked for those that stand in.
#[derive(Default)]
struct Machine {
    files: Vec<FontBytes>,
    asked: Arc<AtomicU32>,
}

impl FontFiles for Machine {
    fn fallbacks(&self) -> Vec<FontBytes> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        Vec::new()
    }

    fn family(&self, name: &str) -> Vec<FontBytes> {
        self.files.family(name)
    }

    fn families(&self) -> Vec<String> {
        self.files.families()
    }
}

fn set_in(renderer: &Renderer, parts: Json, fonts: Vec<FontBytes>) -> Rendered {
    let assets = Assets {
        fonts,
        ..Assets::default()
    };
    let limits = Limits::default();
    renderer
        .render(
            &template(parts),
            &Record::new(),
            &context(),
            &assets,
            &limits,
        )
        .expect("a document")
}

fn names(rendered: &Rendered) -> String {
    tool(rendered, &["pdffonts", "FILE"])
}

#[test]
fn a_template_is_set_in_the_fonts_that_it_names() {
    let parts = json!({
        "theme": {"font": "Outer", "heading_font": "Moto Serif"},
        "blocks": [
            {"id": "a", "type": "heading", "text": "Heading"},
            {"id": "b", "type": "text", "text": "Text"},
            {"id": "c", "type": "text", "text": "Serif", "font": "serif"}]
    });
    let outer = renamed("Inter-Regular.ttf", "Inter", "Outer");
    let machine = Machine {
        files: vec![renamed("NotoSerif-SemiBold.ttf", "Noto", "Moto")],
        ..Machine::default()
    };
    let asked = machine.asked.clone();
    let renderer = Renderer::new(Box::new(machine));
    let wanted = needs(&template(parts.clone()), &Record::new(), &context());
    assert_eq!(wanted.fonts, ["Outer", "Moto Serif"]);
    let rendered = set_in(&renderer, parts.clone(), vec![outer]);
    assert_eq!(rendered.warnings, []);
    assert_eq!(text(&rendered), "Heading Text Serif");
    let found = names(&rendered);
    for name in [
        "+Outer-Regular",
        "+MotoSerif-SemiBold",
        "+NotoSerif-Regular",
    ] {
        assert!(found.contains(name), "{name} in {found}");
    }
    // Fonts of one document are not those of the next one.
    let rendered = set_in(&renderer, parts, Vec::new());
    let [warning] = rendered.warnings.as_slice() else {
        panic!("{:?}", rendered.warnings);
    };
    assert_eq!(
        (warning.code.as_str(), warning.params["name"].as_str()),
        ("font_missing", Some("Outer"))
    );
    assert!(names(&rendered).contains("+Inter-Regular"));
    assert_eq!(asked.load(Ordering::Relaxed), 0, "no letter was missing");
}

#[test]
fn files_of_the_machine_are_asked_for_once_and_only_for_letters_that_lack() {
    let machine = Machine::default();
    let asked = machine.asked.clone();
    let renderer = Renderer::new(Box::new(machine));
    let set = |text: &str| {
        let parts = json!({"blocks": [{"id": "a", "type": "text", "text": text}]});
        set_in(&renderer, parts, Vec::new())
    };
    assert_eq!(set("Žluť Ελλ Љ العربية עברית €").warnings, []);
    assert_eq!(asked.load(Ordering::Relaxed), 0);
    assert_eq!(places(&set("感谢")), [("missing_glyph", "a", Some(1))]);
    assert_eq!(places(&set("您")), [("missing_glyph", "a", Some(1))]);
    assert_eq!(asked.load(Ordering::Relaxed), 1);
}

#[test]
fn chinese_characters_are_drawn_as_the_language_of_the_block_writes_them() {
    if !Path::new(CJK).exists() {
        return;
    }
    let shape = |language: &str| {
        let block = json!({"id": "a", "type": "text", "text": "直", "language": language});
        let rendered = render(json!({"blocks": [block]}), &json!({}));
        assert_eq!(rendered.warnings, []);
        assert_eq!(text(&rendered), "直");
        let svg = rendered.svg(0).expect("a page");
        let (_, outline) = svg.split_once(" d=\"").expect("an outline");
        outline.split_once('"').expect("its end").0.to_owned()
    };
    let (simplified, japanese) = (shape("zh-Hans"), shape("ja"));
    assert_ne!(simplified, japanese);
    assert_eq!(simplified, shape("zh-CN"));
    assert_ne!(simplified, shape("zh-HK"));
}

/// A font of pictures of 16 by 16 pixels, one colour each: a rocket, a thumb and a skin tone, a man, a woman and a girl, and what the
/// last ones make together.
fn emoji() -> FontBytes {
    font(include_bytes!("emoji.ttf").to_vec())
}

#[test]
fn emoji_are_pictures_that_are_read_as_letters() {
    let renderer = Renderer::new(Box::new(vec![emoji()]));
    let said =
        "Hi \u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}, go \u{1f680}\u{1f680}! \u{1f44d}\u{1f3fd}";
    let parts = json!({"blocks": [
        {"id": "a", "type": "heading", "text": said},
        {"id": "b", "type": "text", "text": said, "italic": true}]});
    let rendered = set_in(&renderer, parts.clone(), Vec::new());
    assert_eq!(rendered.warnings, []);
    assert_eq!(text(&rendered), format!("{said} {said}"));
    assert_eq!(
        rendered.text(0).as_deref(),
        Some(&*format!("{said}\n{said}"))
    );
    // The family, the rocket and the thumb, each once in the file.
    let images = tool(&rendered, &["pdfimages", "-list", "FILE"]);
    let pictures = images.lines().filter(|line| line.contains(" image "));
    let objects: std::collections::BTreeSet<&str> = pictures
        .map(|line| line.split_whitespace().nth(10).expect("an object"))
        .collect();
    assert_eq!(objects.len(), 3, "{images}");
    assert!(!names(&rendered).contains("Emoji"), "no font of pictures");
    let svg = rendered.svg(0).expect("a page");
    assert_eq!(svg.matches("<image ").count(), 3);
    let again = set_in(&renderer, parts, Vec::new());
    assert_eq!(rendered.pdf().expect("a PDF"), again.pdf().expect("a PDF"));
}

/// A font whose rocket is a body in #123456 and a flame in half transparent red, over an outline that is empty; its thumb is plain.
fn layers() -> FontBytes {
    font(include_bytes!("layers.ttf").to_vec())
}

#[test]
fn emoji_of_coloured_layers_are_drawings() {
    let renderer = Renderer::new(Box::new(vec![layers()]));
    let parts = json!({"blocks": [{"id": "a", "type": "text", "text": "Go \u{1f680}! \u{1f44d}", "size": 20}]});
    let rendered = set_in(&renderer, parts, Vec::new());
    assert_eq!(rendered.warnings, []);
    assert_eq!(text(&rendered), "Go \u{1f680}! \u{1f44d}");
    let svg = rendered.svg(0).expect("a page");
    for colour in ["#123456", "#ff7f7f", "#000000"] {
        let path = format!(r#"<path fill="{colour}""#);
        assert_eq!(svg.matches(&path).count(), 1, "{colour}: {svg}");
    }
    // The body begins at its bearing, which is 0, and reaches from the baseline to 800 above it.
    assert!(svg.contains(r#"transform="translate(0 -800)""#), "{svg}");
    assert!(!names(&rendered).contains("Layers"), "no font of layers");
}

#[test]
fn emoji_are_read_within_text_from_right_to_left_too() {
    let renderer = Renderer::new(Box::new(vec![emoji()]));
    let parts = json!({"blocks": [
        {"id": "a", "type": "text", "text": "שלום \u{1f44d}\u{1f3fd} עולם"},
        {"id": "b", "type": "text", "text": "\u{1f680}"}]});
    let rendered = set_in(&renderer, parts, Vec::new());
    assert_eq!(rendered.warnings, []);
    let found = tool(&rendered, &["pdftotext", "-raw", "FILE", "-"]);
    for word in ["שלום", "\u{1f44d}\u{1f3fd}", "עולם", "\u{1f680}"] {
        assert!(found.contains(word), "{word} in {found:?}");
    }
}

#[test]
fn a_family_is_asked_for_by_its_own_name() {
    let files = vec![renamed("Inter-Regular.ttf", "Inter", "Outer")];
    assert_eq!(font_families((*files[0]).as_ref()), ["Outer"]);
    assert_eq!(files.family("OUTER").len(), 1);
    assert!(files.family("Inter").is_empty());
    assert!(font_families(b"no font").is_empty());
}
