//! Feeds made-up templates, values, pictures and e-invoices to all that reads them, made of the seeds in `fuzz/seeds` by changes small and
//! large, each the same for the same SEED: `fuzz run KEPT SECONDS SEED`. A panic, an abort or a lack of memory ends it, and the input that
//! did it is in the folder KEPT. `fuzz again ENTRY FILE` feeds it once more, `fuzz seeds FOLDER` writes the seeds for cargo-fuzz.

#![expect(clippy::print_stdout, reason = "a tool for people")]

#[path = "../fuzz/entries.rs"]
mod entries;

use std::{
    error::Error,
    fs,
    io::Cursor,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use document::{Assets, Attachment, HybridInvoice, Limits, Relationship};
use engine::{
    invoice::{self, Defaults},
    value::{Record, Value},
};
use image::{DynamicImage, ImageFormat, RgbaImage};
use serde_json::Value as Json;

use entries::{BLOCKS, ENTRIES, context, parsed, renderer};

type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

/// As the threads have on which documents are laid out.
const STACK: usize = 2 * 1024 * 1024;

/// Most changes of one seed, and most places of a JSON that grows by them.
const CHANGES: usize = 6;
const MOST_PLACES: usize = 20_000;
const MOST_BYTES: usize = 1024 * 1024;

/// Texts that stand where something else is expected.
const TEXTS: &[&str] = &[
    "",
    " ",
    "x",
    "auto",
    "2fr",
    "0.01fr",
    "justify",
    "decimal",
    "rtl",
    "next_page",
    "shrink",
    "table",
    "repeat",
    "columns",
    "#123456",
    "#zz",
    "{{ texts }}",
    "{{ rows }}",
    "{{ taxes }}",
    "{{ item }}",
    "{{ item.what }}",
    "{{ item.amount | money }}",
    "{{ index }}",
    "{{ page }} {{ pages }}",
    "{{ 1 / 0 }}",
    "{{ nothing.at.all }}",
    "{{ texts | join(' ') }}",
    "{% for a in texts %}{% for b in texts %}{{ a }}{{ b }}{% endfor %}{% endfor %}",
    "{{",
    "\u{202e}abc\u{2066}",
    "שלום עולם 12",
    "مرحبا لا 3.5",
    "感谢您的订单",
    "👩‍👩‍👧‍👦🇩🇪",
    "e\u{301}\u{323}\u{489}",
    "Donau\u{ad}dampf\u{ad}schiff",
    "a\nb\n\nc\u{2028}d",
    "\u{0}\u{7}\u{feff}\u{fffd}",
    "# a\n> - *b* `c` [d](javascript:e) <f>",
    "\u{10ffff}\u{e000}",
];
const NUMBERS: &[f64] = &[
    0.0, 1.0, -1.0, 2.0, 0.5, 19.0, 100.0, 400.0, 65_536.0, 1e9, 1e15, 1e300, -1e300, 1e-300,
];
const NAMES: &[&str] = &[
    "align",
    "after",
    "before",
    "blocks",
    "bleed",
    "break_before",
    "columns",
    "content",
    "detail",
    "direction",
    "empty",
    "format",
    "grid",
    "group",
    "height",
    "hyphenate",
    "keep_first",
    "keep_with_next",
    "language",
    "line_height",
    "max_lines",
    "overflow",
    "padding",
    "rows",
    "size",
    "total",
    "tracking",
    "width",
];
/// Pieces of XML and PDF.
const PIECES: &[&[u8]] = &[
    b"<g>",
    b"</g>",
    b"<svg>",
    b"<use href=\"#s\"/>",
    b"<!--",
    b"-->",
    b"<![CDATA[",
    b"]]>",
    b"&a;",
    b"<!DOCTYPE a [<!ENTITY a \"aaaaaaaaaa\">]>",
    b" xmlns:x=\"y\"",
    b"=\"\"",
    b"\xff\xfe",
    b"\0",
    b"1e308",
    b"-1",
    b"NaN",
    b"0",
    b"99999999999999999999",
    b"0.000000001",
    b"M0 0",
    b"A1 1 0 0 1 9 9",
    b"url(#g)",
    b"endobj",
    b"stream\n",
    b"<<",
    b">>",
    b"/Length 99999999",
    b" 0 R",
    b"[[[[",
];

fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let work: Box<dyn FnOnce() -> Outcome + Send> = match arguments.as_slice() {
        ["run", kept, seconds, seed] => {
            let kept = PathBuf::from(*kept);
            let (seconds, seed) = (seconds.parse()?, seed.parse()?);
            Box::new(move || run(&kept, Duration::from_secs(seconds), seed))
        }
        ["again", name, file] => {
            let input = fs::read(file)?;
            let (_, entry) = *ENTRIES
                .iter()
                .find(|(own, _)| own == name)
                .ok_or("there is no such entry")?;
            Box::new(move || {
                println!("something came of it: {}", entry(&input));
                Ok(())
            })
        }
        ["seeds", folder] => {
            let folder = PathBuf::from(*folder);
            Box::new(move || write_seeds(&folder))
        }
        _ => {
            return Err(
                "usage: fuzz run KEPT SECONDS SEED | again ENTRY FILE | seeds FOLDER".into(),
            );
        }
    };
    let thread = thread::Builder::new().stack_size(STACK).spawn(work)?;
    thread.join().map_err(|_| "it panicked")?
}

fn run(kept: &Path, time: Duration, seed: u64) -> Outcome {
    let seeds = seeds()?;
    fs::create_dir_all(kept)?;
    for ((name, entry), seeds) in ENTRIES.iter().zip(&seeds) {
        let mut some = false;
        for input in seeds {
            fs::write(kept.join(name), input)?;
            some |= entry(input);
        }
        if !some {
            return Err(format!("nothing comes of the seeds of `{name}`").into());
        }
    }
    let mut counts = [(0, 0); ENTRIES.len()];
    let end = Instant::now() + time;
    for number in 0_u64.. {
        if Instant::now() > end {
            break;
        }
        let mut random = Random(seed ^ number.wrapping_mul(0xd6e8_feb8_6659_fd93));
        let which = random.below(ENTRIES.len());
        let (name, entry) = ENTRIES[which];
        let input = changed(&seeds[which], &mut random);
        fs::write(kept.join(name), &input)?;
        counts[which].0 += 1;
        counts[which].1 += u32::from(entry(&input));
    }
    for ((name, _), (all, some)) in ENTRIES.iter().zip(counts) {
        println!("{name}: {all} inputs, of {some} something came");
        // Of a short run, one may have had none.
        let _ = fs::remove_file(kept.join(name));
    }
    Ok(())
}

/// Of each entry, in their order; something comes of every one.
fn seeds() -> Outcome<[Vec<Vec<u8>>; 5]> {
    let mut templates = files("template")?;
    let workflows = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../workflows");
    for file in paths(&workflows)? {
        let workflow: Json = serde_json::from_slice(&fs::read(file)?)?;
        let documents = workflow["documents"].as_object();
        templates.extend(
            documents
                .into_iter()
                .flat_map(|documents| documents.values())
                .map(|template| template.to_string().into_bytes()),
        );
    }
    let mut pictures = files("picture")?;
    pictures.extend(pixels()?);
    let invoices = invoices()?;
    let hybrids = vec![hybrid(&invoices[0])?];
    Ok([templates, files("values")?, pictures, invoices, hybrids])
}

fn paths(folder: &Path) -> Outcome<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_file() {
            paths.push(path);
        }
    }
    // In the same order on every machine.
    paths.sort();
    Ok(paths)
}

fn files(name: &str) -> Outcome<Vec<Vec<u8>>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds");
    let mut files = Vec::new();
    for path in paths(&folder.join(name))? {
        files.push(fs::read(path)?);
    }
    Ok(files)
}

/// A small picture in all formats that are not text.
fn pixels() -> Outcome<Vec<Vec<u8>>> {
    let byte = |number: u32| u8::try_from(number % 256).unwrap_or(0);
    let picture = RgbaImage::from_fn(24, 16, |x, y| {
        image::Rgba([byte(x * 10), byte(y * 15), 90, byte(255 - x)])
    });
    let picture = DynamicImage::from(picture);
    let mut files = Vec::new();
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP] {
        let mut bytes = Cursor::new(Vec::new());
        if format == ImageFormat::Jpeg {
            picture.to_rgb8().write_to(&mut bytes, format)?;
        } else {
            picture.write_to(&mut bytes, format)?;
        }
        files.push(bytes.into_inner());
    }
    Ok(files)
}

/// One invoice in all formats, Factur-X first.
fn invoices() -> Outcome<Vec<Vec<u8>>> {
    let mut invoices = Vec::new();
    for file in files("einvoice")? {
        let json: Json = serde_json::from_slice(&file)?;
        let Value::Record(record) =
            Value::from_any_json(&json).map_err(|problems| told(&problems))?
        else {
            return Err("an invoice is a record".into());
        };
        let defaults = Defaults {
            currency: "EUR",
            locale: "en",
        };
        let invoice = invoice::read(&record, defaults).map_err(|problems| told(&problems))?;
        let settled = invoice::settle(&invoice).map_err(|problems| told(&problems))?;
        for format in einvoice::Format::ALL {
            let made =
                einvoice::make(&invoice, &settled, format).map_err(|problems| told(&problems))?;
            invoices.push(made.xml.into_bytes());
        }
    }
    Ok(invoices)
}

fn told(problems: &impl std::fmt::Debug) -> String {
    format!("{problems:?}")
}

/// A PDF with an invoice for machines in it.
fn hybrid(xml: &[u8]) -> Outcome<Vec<u8>> {
    let kind = einvoice::hybrid(xml).map_err(|problems| told(&problems))?;
    let kind = kind.ok_or("no e-invoice for a PDF")?;
    let attachment = Attachment {
        name: kind.file_name.into(),
        content_type: "text/xml".into(),
        relationship: Relationship::Alternative,
        description: String::new(),
        modified: context().now,
        bytes: xml.to_vec(),
        invoice: Some(HybridInvoice {
            document_type: "INVOICE".into(),
            version: "1.0".into(),
            conformance_level: kind.conformance_level.into(),
        }),
    };
    let template = parsed(BLOCKS);
    let (values, assets, limits) = (Record::new(), Assets::default(), Limits::default());
    let rendered = renderer().render(&template, &values, &context(), &assets, &limits)?;
    Ok(rendered.pdf_with(&[attachment])?)
}

fn write_seeds(folder: &Path) -> Outcome {
    let named = ENTRIES.iter().map(|(name, _)| name).zip(seeds()?);
    for (name, seeds) in named {
        fs::create_dir_all(folder.join(name))?;
        for (number, seed) in seeds.iter().enumerate() {
            fs::write(folder.join(name).join(number.to_string()), seed)?;
        }
    }
    Ok(())
}

/// One of the seeds, changed.
fn changed(seeds: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut bytes = random.pick(seeds).clone();
    let as_bytes = random.below(8) == 0;
    match serde_json::from_slice::<Json>(&bytes) {
        Ok(mut json) if !as_bytes => {
            let others = seeds
                .iter()
                .filter_map(|other| serde_json::from_slice(other).ok());
            let others: Vec<Json> = others.collect();
            change_json(&mut json, &others, random);
            json.to_string().into_bytes()
        }
        Ok(_) | Err(_) => {
            change_bytes(&mut bytes, seeds, random);
            bytes
        }
    }
}

fn change_json(json: &mut Json, others: &[Json], random: &mut Random) {
    for _ in 0..=random.below(CHANGES) {
        let places = places(json);
        if places.len() > MOST_PLACES {
            break;
        }
        let Some(node) = json.pointer_mut(random.pick::<String>(&places)) else {
            continue;
        };
        match random.below(8) {
            0 | 1 => *node = leaf(random),
            2 => remove_one(node, random),
            3 => repeat_one(node, random),
            4 => {
                let other = random.pick(others);
                let places = self::places(other);
                if let Some(part) = other.pointer(random.pick::<String>(&places)) {
                    *node = part.clone();
                }
            }
            5 => {
                if let Json::Object(members) = node {
                    members.insert((*random.pick(NAMES)).into(), leaf(random));
                }
            }
            6 if node.get("type").is_some() => {
                let inner = node.take();
                let kind = *random.pick(&["box", "keep_together", "repeat", "if"]);
                *node = serde_json::json!({"id": "x", "type": kind, "blocks": [inner]});
                match kind {
                    "repeat" => node["list"] = "{{ texts }}".into(),
                    "if" => node["when"] = "yes".into(),
                    _ => {}
                }
            }
            _ => {
                if let Json::String(text) = node {
                    *text = change_text(text, random);
                }
            }
        }
    }
    if random.below(16) > 0 {
        name_blocks(json, &mut 0);
    }
}

/// JSON pointers of a value and of all that is in it.
fn places(json: &Json) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![(String::new(), json)];
    while let Some((place, value)) = open.pop() {
        match value {
            Json::Object(members) => open.extend(members.iter().map(|(name, value)| {
                let name = engine::value::escape_pointer(name);
                (format!("{place}/{name}"), value)
            })),
            Json::Array(items) => {
                let items = items.iter().enumerate();
                open.extend(items.map(|(index, value)| (format!("{place}/{index}"), value)));
            }
            _ => {}
        }
        found.push(place);
    }
    found
}

fn leaf(random: &mut Random) -> Json {
    match random.below(12) {
        0 => Json::Null,
        1 => true.into(),
        2 => false.into(),
        3..=5 => (*random.pick(NUMBERS)).into(),
        6 => i64::MAX.into(),
        7 => random.pick(TEXTS).repeat(1 << random.below(14)).into(),
        _ => (*random.pick(TEXTS)).into(),
    }
}

fn remove_one(node: &mut Json, random: &mut Random) {
    match node {
        Json::Object(members) if !members.is_empty() => {
            let names: Vec<String> = members.keys().cloned().collect();
            members.remove(random.pick(&names));
        }
        Json::Array(items) if !items.is_empty() => {
            items.remove(random.below(items.len()));
        }
        _ => {}
    }
}

fn repeat_one(node: &mut Json, random: &mut Random) {
    let Json::Array(items) = node else {
        return;
    };
    let Some(item) = items.get(random.below(items.len())).cloned() else {
        return;
    };
    let most = MOST_PLACES / places(&item).len();
    let count = (*random.pick(&[1, 2, 30, 1_000])).min(most);
    items.extend(std::iter::repeat_n(item, count));
}

fn change_text(text: &str, random: &mut Random) -> String {
    let letters: Vec<char> = text.chars().collect();
    let at = random.below(letters.len() + 1);
    let (before, behind): (String, String) = (
        letters[..at].iter().collect(),
        letters[at..].iter().collect(),
    );
    match random.below(3) {
        0 => before,
        1 => format!("{before}{}{behind}", random.pick(TEXTS)),
        _ => format!("{before}{behind}").repeat(1 + random.below(60)),
    }
}

/// Ids are given once, or the rest is not looked at.
fn name_blocks(json: &mut Json, count: &mut usize) {
    match json {
        Json::Object(members) => {
            if members.contains_key("id") && members.contains_key("type") {
                *count += 1;
                members.insert("id".into(), format!("n{count}").into());
            }
            for value in members.values_mut() {
                name_blocks(value, count);
            }
        }
        Json::Array(items) => {
            for value in items {
                name_blocks(value, count);
            }
        }
        _ => {}
    }
}

fn change_bytes(bytes: &mut Vec<u8>, others: &[Vec<u8>], random: &mut Random) {
    for _ in 0..=random.below(CHANGES) {
        let at = random.below(bytes.len() + 1);
        let end = at + random.below(64.min(bytes.len() - at) + 1);
        match random.below(7) {
            0 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << random.below(8);
                }
            }
            1 => drop(bytes.drain(at..end)),
            2 => {
                let part = bytes[at..end].repeat(*random.pick(&[1, 2, 50, 2_000]));
                drop(bytes.splice(at..at, part));
            }
            3 => drop(bytes.splice(at..at, random.pick(PIECES).to_vec())),
            4 => drop(bytes.splice(at..end, random.pick(PIECES).to_vec())),
            5 => {
                let other = random.pick(others);
                bytes.truncate(at);
                bytes.extend_from_slice(&other[random.below(other.len() + 1)..]);
            }
            _ => {
                for byte in &mut bytes[at..end] {
                    *byte = random.next().to_le_bytes()[0];
                }
            }
        }
        bytes.truncate(MOST_BYTES);
    }
}

/// The same numbers for the same seed (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to one less than a number, which counts as 1 where it is 0.
    fn below(&mut self, number: usize) -> usize {
        usize::try_from(self.next() % number.max(1) as u64).unwrap_or(0)
    }

    fn pick<'i, T>(&mut self, items: &'i [T]) -> &'i T {
        &items[self.below(items.len())]
    }
}
