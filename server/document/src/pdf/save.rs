//! The bytes of a file (ISO 32000-1, 7.5): streams compressed, all other objects packed into object streams, and a compressed table
//! of where they are. PDF/A-3 allows all of it (ISO 19005-3, 6.1.4 and 6.1.7). The same document gives the same bytes.

use lopdf::{Dictionary, Document, Object, ObjectId, Stream, StringFormat, dictionary};
use sha2::{Digest as _, Sha256};

use super::{
    Failure, Result,
    deflate::Deflate,
    encryption::Cipher,
    go_on,
    syntax::{write, write_dictionary, write_integer},
};
use crate::extras::Password;

/// Objects in one object stream; for any of them a reader unpacks all.
const PACKED: usize = 200;
/// A row of the table: kind, place, and index or generation.
const ROW: usize = 7;

/// Objects that are bytes already, and no streams.
#[derive(Default)]
pub(super) struct Written {
    bytes: Vec<u8>,
    /// Numbers, and where each object begins.
    starts: Vec<(u32, usize)>,
}

impl Written {
    /// Where the bytes of a further object go.
    pub(super) fn object(&mut self, number: u32) -> &mut Vec<u8> {
        self.bytes.push(b'\n');
        self.starts.push((number, self.bytes.len()));
        &mut self.bytes
    }
}

/// The file, with an id made from its content. Of the trailer, the catalogue and the information dictionary are kept.
pub(super) fn save(
    document: Document,
    written: &Written,
    password: Option<&Password>,
    stopped: &dyn Fn() -> bool,
) -> Result<Vec<u8>, Failure> {
    let Some(password) = password else {
        return file(document, written, None, stopped);
    };
    let plain = file(document.clone(), written, None, stopped)?;
    let cipher = Cipher::new(password, &Sha256::digest(&plain)[..]);
    drop(plain);
    file(document, written, Some(&cipher), stopped)
}

fn file(
    document: Document,
    written: &Written,
    cipher: Option<&Cipher>,
    stopped: &dyn Fn() -> bool,
) -> Result<Vec<u8>, Failure> {
    let last = document.objects.keys().map(|(number, _)| *number);
    let last = last.chain(written.starts.iter().map(|(number, _)| *number));
    let mut file = File::new(last.max().unwrap_or(0), cipher);
    let mut small = Written::default();
    for (id, object) in document.objects {
        match object {
            // Left over from the file an object was read from.
            Object::Stream(stream)
                if stream.dict.has_type(b"ObjStm") || stream.dict.has_type(b"XRef") => {}
            Object::Stream(stream) => {
                go_on(stopped)?;
                file.stream(id, stream)?;
            }
            object if id.1 == 0 => write(small.object(id.0), &object),
            object => file.direct(id, object)?,
        }
    }
    for objects in [&small, written] {
        file.pack(objects, stopped)?;
    }
    Ok(file.finish(&document.trailer)?)
}

/// Where an object is.
#[derive(Clone, Copy)]
enum Place {
    Nowhere,
    At { offset: u32, generation: u16 },
    Packed { stream: u32, index: u16 },
}

/// A file in the making.
struct File<'a> {
    bytes: Vec<u8>,
    /// By number of the object.
    places: Vec<Place>,
    /// Encrypts every stream, and strings outside of object streams.
    cipher: Option<&'a Cipher>,
    deflate: Deflate,
}

impl<'a> File<'a> {
    fn new(last: u32, cipher: Option<&'a Cipher>) -> Self {
        let mut bytes = Vec::with_capacity(128 * 1024);
        // Four bytes beyond ASCII say that the file is binary.
        bytes.extend_from_slice(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n");
        Self {
            bytes,
            places: vec![Place::Nowhere; last as usize + 1],
            cipher,
            deflate: Deflate::new(),
        }
    }

    fn reserve(&mut self) -> Result<u32> {
        self.places.push(Place::Nowhere);
        number(self.places.len() - 1)
    }

    fn begin(&mut self, (id, generation): ObjectId) -> Result<()> {
        let offset = number(self.bytes.len())?;
        self.places[id as usize] = Place::At { offset, generation };
        self.text(&format!("{id} {generation} obj\n"));
        Ok(())
    }

    fn text(&mut self, text: &str) {
        self.bytes.extend_from_slice(text.as_bytes());
    }

    fn direct(&mut self, id: ObjectId, mut object: Object) -> Result<()> {
        if let Some(cipher) = self.cipher {
            cipher.strings(id, &mut object);
        }
        self.plain(id, &object)
    }

    fn plain(&mut self, id: ObjectId, object: &Object) -> Result<()> {
        self.begin(id)?;
        write(&mut self.bytes, object);
        self.text("\nendobj\n");
        Ok(())
    }

    fn stream(&mut self, id: ObjectId, mut stream: Stream) -> Result<()> {
        self.deflate.stream(&mut stream)?;
        // The table is what a reader finds the cipher by.
        if let Some(cipher) = self.cipher
            && !stream.dict.has_type(b"XRef")
        {
            stream.content = cipher.stream(id, &stream.content);
            let mut dict = Object::from(stream.dict);
            cipher.strings(id, &mut dict);
            stream.dict = dict.as_dict().cloned().unwrap_or_default();
        }
        let length = i64::from(number(stream.content.len())?);
        stream.dict.set("Length", length);
        self.begin(id)?;
        write_dictionary(&mut self.bytes, &stream.dict);
        self.text("\nstream\n");
        self.bytes.append(&mut stream.content);
        self.text("\nendstream\nendobj\n");
        Ok(())
    }

    fn pack(&mut self, objects: &Written, stopped: &dyn Fn() -> bool) -> Result<(), Failure> {
        let mut rest = objects.starts.as_slice();
        while let Some((_, first)) = rest.first() {
            go_on(stopped)?;
            let (packed, behind) = rest.split_at(rest.len().min(PACKED));
            let end = behind.first().map_or(objects.bytes.len(), |(_, at)| *at);
            self.pack_some(packed, *first, &objects.bytes[*first..end])?;
            rest = behind;
        }
        Ok(())
    }

    /// One object stream, of objects whose bytes are side by side from `first` on.
    fn pack_some(&mut self, objects: &[(u32, usize)], first: usize, bytes: &[u8]) -> Result<()> {
        let stream = self.reserve()?;
        let mut content = Vec::with_capacity(objects.len() * 10 + bytes.len());
        for (index, (id, at)) in (0_u16..).zip(objects) {
            write_integer(&mut content, (*id).into());
            content.push(b' ');
            write_integer(&mut content, number(at - first)?.into());
            content.push(b' ');
            self.places[*id as usize] = Place::Packed { stream, index };
        }
        let dict = dictionary! {
            "Type" => "ObjStm", "N" => number(objects.len())?, "First" => number(content.len())?
        };
        content.extend_from_slice(bytes);
        self.stream((stream, 0), Stream::new(dict, content))
    }

    fn finish(mut self, trailer: &Dictionary) -> Result<Vec<u8>> {
        let id = Sha256::digest(&self.bytes)[..16].to_vec();
        let id = Object::String(id, StringFormat::Hexadecimal);
        let encryption = match self.cipher {
            Some(cipher) => {
                let number = self.reserve()?;
                self.plain((number, 0), &cipher.dictionary().clone().into())?;
                Some(Object::Reference((number, 0)))
            }
            None => None,
        };
        let table = self.reserve()?;
        let start = number(self.bytes.len())?;
        self.places[table as usize] = Place::At {
            offset: start,
            generation: 0,
        };
        let columns = number(ROW)?;
        let mut dict = dictionary! {
            "Type" => "XRef", "Size" => table + 1, "ID" => vec![id.clone(), id],
            "W" => vec![Object::from(1), 4.into(), 2.into()], "Filter" => "FlateDecode",
            "DecodeParms" => dictionary! { "Predictor" => 12, "Columns" => columns },
        };
        for key in ["Root", "Info"] {
            let value = trailer.get(key.as_bytes());
            dict.set(key, value.map_err(|error| error.to_string())?.clone());
        }
        if let Some(encryption) = encryption {
            dict.set("Encrypt", encryption);
        }
        let rows = self.rows();
        let rows = self.deflate.pack(&rows)?;
        self.stream((table, 0), Stream::new(dict, rows))?;
        self.text(&format!("startxref\n{start}\n%%EOF\n"));
        Ok(self.bytes)
    }

    /// The table, each row as its difference to the one above (predictor 12).
    fn rows(&self) -> Vec<u8> {
        let mut plain = vec![[0_u8; ROW]; self.places.len()];
        // Numbers without an object are a chain from 0 to the next, and the last one leads back to 0.
        let mut free = 0;
        for ((id, place), row) in self.places.iter().enumerate().zip(&mut plain).rev() {
            let (kind, first, second) = match *place {
                Place::Nowhere => {
                    let id = u32::try_from(id).unwrap_or(0);
                    let next = std::mem::replace(&mut free, id);
                    (0, next, if id == 0 { u16::MAX } else { 0 })
                }
                Place::At { offset, generation } => (1, offset, generation),
                Place::Packed { stream, index } => (2, stream, index),
            };
            row[0] = kind;
            row[1..5].copy_from_slice(&first.to_be_bytes());
            row[5..].copy_from_slice(&second.to_be_bytes());
        }
        let mut rows = Vec::with_capacity(plain.len() * (ROW + 1));
        let mut above = [0_u8; ROW];
        for row in plain {
            rows.push(2);
            rows.extend(
                row.iter()
                    .zip(above)
                    .map(|(byte, up)| byte.wrapping_sub(up)),
            );
            above = row;
        }
        rows
    }
}

fn number(count: usize) -> Result<u32> {
    u32::try_from(count).map_err(|_| "the file is larger than 4 GB".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_object_comes_back() {
        let mut document = Document::with_version("1.7");
        let pages = document.new_object_id();
        // A number that stays without an object.
        document.new_object_id();
        let all = dictionary! {
            "Yes" => true, "Whole" => -7, "Real" => 0.25_f32, "A name/#ü" => "B (x)",
            "Text" => Object::string_literal("a (b) \\ \r\n c"),
            "Bytes" => Object::String(vec![0, 255, 16], StringFormat::Hexadecimal),
            "List" => vec![Object::from(1), "N".into(), Object::Null],
            "Within" => dictionary! { "Pages" => pages },
        };
        let kept = document.add_object(all.clone());
        let long = "0 0 m 1 1 l ".repeat(100).into_bytes();
        let stream = document.add_object(Stream::new(Dictionary::new(), long.clone()));
        let old = (document.max_id + 1, 3);
        document.set_object(old, dictionary! { "Old" => true });
        let many: Vec<Object> = (0..500)
            .map(|number| {
                document.max_id += 2;
                let id = (document.max_id, 0);
                document.set_object(id, Object::from(number));
                id.into()
            })
            .collect();
        document.set_object(
            pages,
            dictionary! { "Type" => "Pages", "Kids" => Vec::<Object>::new(), "Count" => 0 },
        );
        let root = document.add_object(dictionary! {
            "Type" => "Catalog", "Pages" => pages, "Kept" => kept, "Stream" => stream, "Old" => old, "Many" => many.clone(),
        });
        let info = document.add_object(Dictionary::new());
        document.trailer = dictionary! { "Root" => root, "Info" => info };
        let save = |document: Document| {
            save(document, &Written::default(), None, &|| false).expect("a file")
        };
        let bytes = save(document.clone());
        assert_eq!(bytes, save(document));

        let read = Document::load_mem(&bytes).expect("a PDF");
        assert_eq!(read.get_dictionary(kept).expect("kept"), &all);
        assert_eq!(
            read.get_object(stream)
                .and_then(Object::as_stream)
                .and_then(Stream::decompressed_content)
                .expect("content"),
            long
        );
        assert!(read.get_dictionary(old).expect("old").has(b"Old"));
        for (number, id) in (0..500).zip(many) {
            let id = id.as_reference().expect("an id");
            assert_eq!(
                read.get_object(id).and_then(Object::as_i64).ok(),
                Some(number)
            );
        }
        let id = read.trailer.get(b"ID").and_then(Object::as_array);
        assert_eq!(id.expect("an id").len(), 2);
        assert!(bytes.len() < 10_000, "{} bytes", bytes.len());
    }
}
