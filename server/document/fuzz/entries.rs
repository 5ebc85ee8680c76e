//! What a fuzzer feeds: each entry takes bytes as strangers can send them, and does with them all that the program would. Told is whether
//! anything came of them. Shared by the targets of cargo-fuzz and by `examples/fuzz.rs`.

use std::{
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use document::{
    Assets, Context, DocumentError, Limits, Rendered, Renderer, Template, embedded_invoice, needs,
};
use engine::value::{Record, Value};
use serde_json::{Value as Json, json};

/// What a document is stopped after, as one of a run is.
const DEADLINE: Duration = Duration::from_secs(3);

/// Pages that are looked at as pictures.
const PAGES: usize = 3;

/// A template with all kinds of blocks, whose values are `texts`, `rows`, `taxes` and `note`.
pub(crate) const BLOCKS: &str = include_str!("seeds/template/blocks.json");

pub(crate) type Entry = fn(&[u8]) -> bool;

/// By their names.
pub(crate) const ENTRIES: [(&str, Entry); 5] = [
    ("template", template),
    ("values", values),
    ("picture", picture),
    ("einvoice", einvoice),
    ("hybrid", hybrid),
];

/// A template, laid out with its own sample.
pub(crate) fn template(bytes: &[u8]) -> bool {
    let Ok(json) = serde_json::from_slice::<Json>(bytes) else {
        return false;
    };
    let Ok(template) = Template::parse(&json) else {
        return false;
    };
    template.check();
    draw(&template, template.sample(), &Assets::default())
}

/// Values of a template with all kinds of blocks; those that fit none of its fields are left out.
pub(crate) fn values(bytes: &[u8]) -> bool {
    static TEMPLATE: OnceLock<Template> = OnceLock::new();
    let template = TEMPLATE.get_or_init(|| parsed(BLOCKS));
    let Ok(json) = serde_json::from_slice::<Json>(bytes) else {
        return false;
    };
    let fields = template.fields();
    let fitting = fields.iter().filter_map(|field| {
        let value = Value::from_json(json.get(&field.name)?, &field.kind).ok()?;
        Some((field.name.clone(), value))
    });
    draw(template, &fitting.collect(), &Assets::default())
}

/// A picture that a document shows twice, in two sizes.
pub(crate) fn picture(bytes: &[u8]) -> bool {
    static TEMPLATE: OnceLock<Template> = OnceLock::new();
    let template = TEMPLATE.get_or_init(|| {
        parsed(
            &json!({
                "format": "formwork-document/1",
                "fields": [{"name": "picture", "kind": "file"}],
                "sample": {"picture": {"id": "019a0000-0000-7000-8000-000000000001", "name": "a", "content_type": "image/png", "size_bytes": 1}},
                "blocks": [
                    {"id": "a", "type": "image", "source": "{{ picture }}", "alt": "A"},
                    {"id": "b", "type": "image", "source": "{{ picture }}", "width": 400, "height": 1, "decorative": true}]
            })
            .to_string(),
        )
    });
    let mut assets = Assets::default();
    for file in needs(template, template.sample(), &context()).images {
        assets.images.insert(file.id, bytes.to_vec());
    }
    draw(template, template.sample(), &assets)
}

/// A received e-invoice as XML.
pub(crate) fn einvoice(bytes: &[u8]) -> bool {
    let found = einvoice::read(bytes, "en").is_ok();
    let _ = einvoice::hybrid(bytes);
    found
}

/// A received PDF that may hold an e-invoice.
pub(crate) fn hybrid(bytes: &[u8]) -> bool {
    match embedded_invoice(bytes) {
        Ok(found) => einvoice(&found.xml),
        Err(_) => false,
    }
}

/// The file, and what people are shown of it.
fn draw(template: &Template, values: &Record, assets: &Assets) -> bool {
    let end = Instant::now() + DEADLINE;
    let stop = move || Instant::now() > end;
    let limits = Limits {
        stop: Some(Arc::new(stop)),
        ..Limits::default()
    };
    let Some(rendered) = sound(renderer().render(template, values, &context(), assets, &limits))
    else {
        return false;
    };
    sound(rendered.pdf_unless(&stop, &[]));
    for page in 0..rendered.pages.len().min(PAGES) {
        look(&rendered, page);
    }
    true
}

fn look(rendered: &Rendered, page: usize) {
    let _ = rendered.svg(page);
    let _ = rendered.text(page);
    let _ = rendered.boxes(page);
    let _ = rendered.texts(page);
}

/// Whatever strangers send, nothing here is at fault.
fn sound<T>(outcome: Result<T, DocumentError>) -> Option<T> {
    match outcome {
        Ok(value) => Some(value),
        Err(DocumentError::Internal(reason)) => panic!("a defect: {reason}"),
        Err(_) => None,
    }
}

pub(crate) fn renderer() -> &'static Renderer {
    static RENDERER: OnceLock<Renderer> = OnceLock::new();
    RENDERER.get_or_init(Renderer::bundled)
}

pub(crate) fn context() -> Context {
    Context {
        locale: "en".into(),
        currency: "EUR".into(),
        time_zone: "Europe/Berlin".into(),
        now: "2027-03-08T10:00:00Z".parse().expect("an instant"),
        firm: Record::new(),
    }
}

pub(crate) fn parsed(text: &str) -> Template {
    let json = serde_json::from_str(text).expect("JSON");
    Template::parse(&json).expect("a template")
}
