//! The payment part of a Swiss QR-bill with its receipt, at the foot of its page (Swiss Implementation Guidelines QR-bill, chapter 3, and
//! the style guide that belongs to them). Lengths are millimetres from the top left corner of the bill, sizes of letters points.

use std::sync::Arc;

use parley::Language;
use rust_decimal::Decimal;

use super::{
    Layouter, language,
    qr::{Due, Utf8, encoded},
};
use crate::{
    context::DocumentError,
    display::{Item, MM, Rgb, Stroke, TagId},
    fonts::BILL,
    path::{Segment, circle, modules, rectangle},
    payment::{Bill, Party, Written, one_line, swiss, too_large},
    strip::{Body, Strip},
    template::{Address, Align, Direction, Leaf, Separation, SwissBill},
    text::{Look, Span},
};

const BLACK: Rgb = Rgb(0, 0, 0);
const WHITE: Rgb = Rgb(255, 255, 255);

const WIDTH: f32 = 210.0;
const HEIGHT: f32 = 105.0;
const RECEIPT: f32 = 62.0;

/// Kept free above the bill, for words that say to separate it.
const ABOVE: f32 = 5.0;

const CODE: f32 = 46.0;
/// Most modules in a row (version 25).
const MOST_MODULES: usize = 117;
/// The white ground of the Swiss cross, its black square, and its arms.
const CROSS: [f32; 3] = [7.0, 6.0, 3.89];
const ARM: f32 = 1.17;

const LINE: f32 = 0.5;
const CORNER_LINE: f32 = 0.75;
const CORNER: f32 = 3.0;

/// The words that the guidelines prescribe for a language.
struct Words {
    receipt: &'static str,
    payment_part: &'static str,
    account: &'static str,
    reference: &'static str,
    information: &'static str,
    currency: &'static str,
    amount: &'static str,
    acceptance: &'static str,
    separate: &'static str,
    payable_by: &'static str,
    payable_by_whom: &'static str,
}

const GERMAN: Words = Words {
    receipt: "Empfangsschein",
    payment_part: "Zahlteil",
    account: "Konto / Zahlbar an",
    reference: "Referenz",
    information: "Zusätzliche Informationen",
    currency: "Währung",
    amount: "Betrag",
    acceptance: "Annahmestelle",
    separate: "Vor der Einzahlung abzutrennen",
    payable_by: "Zahlbar durch",
    payable_by_whom: "Zahlbar durch (Name/Adresse)",
};
const FRENCH: Words = Words {
    receipt: "Récépissé",
    payment_part: "Section paiement",
    account: "Compte / Payable à",
    reference: "Référence",
    information: "Informations supplémentaires",
    currency: "Monnaie",
    amount: "Montant",
    acceptance: "Point de dépôt",
    separate: "A détacher avant le versement",
    payable_by: "Payable par",
    payable_by_whom: "Payable par (nom/adresse)",
};
const ITALIAN: Words = Words {
    receipt: "Ricevuta",
    payment_part: "Sezione pagamento",
    account: "Conto / Pagabile a",
    reference: "Riferimento",
    information: "Informazioni supplementari",
    currency: "Valuta",
    amount: "Importo",
    acceptance: "Punto di accettazione",
    separate: "Da staccare prima del versamento",
    payable_by: "Pagabile da",
    payable_by_whom: "Pagabile da (nome/indirizzo)",
};
const ENGLISH: Words = Words {
    receipt: "Receipt",
    payment_part: "Payment part",
    account: "Account / Payable to",
    reference: "Reference",
    information: "Additional information",
    currency: "Currency",
    amount: "Amount",
    acceptance: "Acceptance point",
    separate: "Separate before paying in",
    payable_by: "Payable by",
    payable_by_whom: "Payable by (name/address)",
};

/// In one of its languages; all others read English.
fn words(own: Language) -> (&'static Words, Language) {
    match own.language() {
        "de" => (&GERMAN, own),
        "fr" => (&FRENCH, own),
        "it" => (&ITALIAN, own),
        "en" => (&ENGLISH, own),
        _ => (&ENGLISH, language("en")),
    }
}

/// One of both parts of the bill.
struct Side {
    x: f32,
    /// Of the title, and of the amounts.
    width: f32,
    /// Left edge, top, width and height of who is paid and who pays.
    texts: [f32; 4],
    /// Sizes of the texts, from the one that is wanted down to where everything has room, each with whether streets are left out.
    sizes: &'static [(f32, bool)],
    /// Height of a line as a share of the letters' size.
    leading: f32,
    /// From the currency to the amount.
    currency: f32,
    /// What is filled in by hand: the amount, with its distance from the top, and who pays.
    amount_field: [f32; 3],
    payer_field: [f32; 2],
    has_information: bool,
}

const RECEIPT_SIDE: Side = Side {
    x: 5.0,
    width: 52.0,
    texts: [5.0, 12.0, 52.0, 56.0],
    sizes: &[(8.0, false), (8.0, true), (7.0, true), (6.0, true)],
    leading: 9.0 / 8.0,
    currency: 13.0,
    amount_field: [0.5, 30.0, 10.0],
    payer_field: [52.0, 20.0],
    has_information: false,
};
const PAYMENT_SIDE: Side = Side {
    x: 67.0,
    width: 51.0,
    texts: [118.0, 5.0, 87.0, 85.0],
    sizes: &[
        (10.0, false),
        (9.0, false),
        (8.0, false),
        (7.0, false),
        (6.0, false),
    ],
    leading: 11.0 / 10.0,
    currency: 15.0,
    amount_field: [4.5, 40.0, 15.0],
    payer_field: [65.0, 25.0],
    has_information: true,
};

const TITLE: f32 = 11.0;
const LEAST: f32 = 6.0;
const TITLE_TOP: f32 = 5.0;
const CODE_TOP: f32 = 17.0;
const AMOUNT_TOP: f32 = 68.0;
const ACCEPTANCE_TOP: f32 = 82.0;

/// All that is printed.
struct Filled {
    iban: Span,
    creditor: Addressed,
    debtor: Option<Addressed>,
    reference: Option<Span>,
    /// Message and billing information.
    information: Vec<Span>,
    currency: Span,
    amount: Option<Span>,
    modules: Vec<bool>,
    count: usize,
}

/// Lines of an address.
struct Addressed {
    name: Span,
    street: Vec<Span>,
    city: Vec<Span>,
}

/// A heading with what stands below it: lines, or a field to be filled in.
struct Entry {
    heading: &'static str,
    lines: Vec<Vec<Span>>,
    field: Option<[f32; 2]>,
}

/// A bill under way, and where in the structure tree its next words belong.
struct Slip {
    parts: Vec<(f32, f32, Item)>,
    tag: TagId,
    mark: u32,
}

impl Slip {
    fn shape(
        &mut self,
        segments: Vec<Segment>,
        fill: Option<Rgb>,
        stroke: Option<f32>,
        tag: TagId,
    ) {
        let scaled = segments.into_iter().map(|segment| segment.scaled(MM, MM));
        let item = Item::Path {
            segments: Arc::new(scaled.collect()),
            fill,
            stroke: stroke.map(|width| Stroke {
                colour: BLACK,
                width,
                dash: None,
                round: false,
            }),
            tag,
        };
        self.parts.push((0.0, ABOVE * MM, item));
    }

    /// The corners of a field.
    fn corners(&mut self, x: f32, y: f32, [width, height]: [f32; 2]) {
        let (right, bottom) = (x + width, y + height);
        let mut segments = Vec::new();
        for (x, y, across, down) in [
            (x, y, CORNER, CORNER),
            (right, y, -CORNER, CORNER),
            (x, bottom, CORNER, -CORNER),
            (right, bottom, -CORNER, -CORNER),
        ] {
            segments.extend([
                Segment::Move(x + across, y),
                Segment::Line(x, y),
                Segment::Line(x, y + down),
            ]);
        }
        self.shape(segments, None, Some(CORNER_LINE), 0);
    }

    /// Lines above the bill and between its parts.
    fn separation(&mut self, separation: Separation) {
        if separation == Separation::Perforation {
            return;
        }
        let lines = vec![
            Segment::Move(0.0, 0.0),
            Segment::Line(WIDTH, 0.0),
            Segment::Move(RECEIPT, 0.0),
            Segment::Line(RECEIPT, HEIGHT),
        ];
        self.shape(lines, None, Some(LINE), 0);
        if separation == Separation::Scissors {
            self.scissors(|along, across| (5.0 + along, across));
            self.scissors(|along, across| (RECEIPT - across, 8.0 + along));
        }
    }

    /// A pair of scissors that cuts along a line.
    fn scissors(&mut self, place: impl Fn(f32, f32) -> (f32, f32)) {
        let (mut blades, mut handles) = (Vec::new(), Vec::new());
        for side in [1.0, -1.0] {
            let points = [
                (1.5, 0.55),
                (2.4, 0.3),
                (5.0, -0.75),
                (4.6, -0.95),
                (2.2, -0.1),
            ];
            let mut corners = points
                .map(|(along, across)| place(along, across * side))
                .into_iter();
            if let Some((x, y)) = corners.next() {
                blades.push(Segment::Move(x, y));
                blades.extend(corners.map(|(x, y)| Segment::Line(x, y)));
                blades.push(Segment::Close);
            }
            let (x, y) = place(0.85, 0.95 * side);
            handles.extend(circle(x, y, 0.7));
        }
        self.shape(blades, Some(BLACK), None, 0);
        self.shape(handles, None, Some(CORNER_LINE), 0);
    }
}

impl Addressed {
    fn lines(&self, short: bool) -> Vec<Vec<Span>> {
        let mut lines = vec![vec![self.name.clone()]];
        if !short && !self.street.is_empty() {
            lines.push(self.street.clone());
        }
        lines.push(self.city.clone());
        lines
    }
}

impl Filled {
    fn entries(&self, side: &Side, words: &Words, short: bool) -> Vec<Entry> {
        let entry = |heading, lines| Entry {
            heading,
            lines,
            field: None,
        };
        let mut account = vec![vec![self.iban.clone()]];
        account.extend(self.creditor.lines(short));
        let mut entries = vec![entry(words.account, account)];
        if let Some(reference) = &self.reference {
            entries.push(entry(words.reference, vec![vec![reference.clone()]]));
        }
        if side.has_information && !self.information.is_empty() {
            let lines = self.information.iter().cloned().map(|line| vec![line]);
            entries.push(entry(words.information, lines.collect()));
        }
        entries.push(match &self.debtor {
            Some(debtor) => entry(words.payable_by, debtor.lines(short)),
            None => Entry {
                heading: words.payable_by_whom,
                lines: Vec::new(),
                field: Some(side.payer_field),
            },
        });
        entries
    }
}

impl Layouter<'_> {
    pub(super) fn swiss_bill(
        &mut self,
        block: &SwissBill,
        mark: u32,
        parent: TagId,
    ) -> Result<Vec<Strip>, DocumentError> {
        let Some(filled) = self.bill_values(block, mark)? else {
            return Ok(Vec::new());
        };
        let outer = (self.language, self.direction);
        let (words, own) = words(self.language);
        self.language = own;
        self.direction = Some(Direction::LeftToRight);
        let slip = self.slip(&filled, words, block.separation, (mark, parent));
        (self.language, self.direction) = outer;
        // The flow begins at the left margin, and the bill takes what is below it and beside it, too.
        let page = &self.template.page;
        let parts = slip?.into_iter();
        let height = HEIGHT + ABOVE;
        Ok(vec![Strip {
            height: (height - page.bottom).max(0.0) * MM,
            foot: Some(height * MM),
            body: Body::Items(
                parts
                    .map(|(x, y, item)| (x - page.left * MM, y, item))
                    .collect(),
            ),
            ..Strip::default()
        }])
    }

    /// The bill with its values; `None`, and why, where there is none.
    fn bill_values(
        &mut self,
        block: &SwissBill,
        mark: u32,
    ) -> Result<Option<Filled>, DocumentError> {
        let iban = self.plain(&block.iban, mark)?;
        let (payee, creditor) = self.party(&block.creditor, mark)?;
        let debtor = match &block.debtor {
            Some(address) => Some(self.party(address, mark)?),
            None => None,
        };
        let debtor = debtor.filter(|(party, _)| !party.is_blank());
        let own = self.optional(block.currency.as_ref(), mark)?;
        let mut currency = match own.trim() {
            "" => self.context.currency.clone(),
            own => own.to_owned(),
        };
        let mut amount: Option<Decimal> = None;
        if let Some(leaf) = &block.amount {
            match self.due(leaf, mark)? {
                Due::Amount(due, own) => {
                    amount = Some(due);
                    currency = own.unwrap_or(currency);
                }
                Due::Nothing => {}
                Due::NoAmount => return Ok(None),
            }
        }
        let reference = self.optional(block.reference.as_ref(), mark)?;
        let message = self.optional(block.message.as_ref(), mark)?;
        let billing = self.optional(block.billing.as_ref(), mark)?;
        let bill = Bill {
            iban: &iban,
            creditor: &payee,
            amount,
            currency: &currency,
            debtor: debtor.as_ref().map(|(party, _)| party),
            reference: &reference,
            message: &message,
            billing: &billing,
        };
        let written = match swiss(&bill) {
            Ok(written) => written,
            Err(wrong) => {
                for warning in wrong {
                    self.notice(warning, mark);
                }
                return Ok(None);
            }
        };
        let code =
            encoded(&written.payload, Utf8::Agreed).filter(|(_, count)| *count <= MOST_MODULES);
        let Some((modules, count)) = code else {
            self.notice(too_large(), mark);
            return Ok(None);
        };
        let Written {
            iban,
            reference,
            amount,
            ..
        } = written;
        let mut information = Vec::new();
        for (leaf, text) in [(&block.message, &message), (&block.billing, &billing)] {
            information.extend(self.printed(leaf.as_ref(), Some(one_line(text))));
        }
        Ok(Some(Filled {
            iban: self
                .printed(Some(&block.iban), Some(iban))
                .unwrap_or_default(),
            creditor,
            debtor: debtor.map(|(_, lines)| lines),
            reference: self.printed(block.reference.as_ref(), reference),
            information,
            currency: Span::plain(currency),
            amount: self.printed(block.amount.as_ref(), amount),
            modules,
            count,
        }))
    }

    /// A text that is made of what a leaf says; `None` where there is nothing to print.
    fn printed(&self, leaf: Option<&Leaf>, text: Option<String>) -> Option<Span> {
        let text = text.filter(|text| !text.is_empty())?;
        let leaf = leaf?;
        Some(Span {
            origin: Some(self.scope.leaf_origin(leaf)),
            source: leaf.whole_source(),
            ..Span::plain(text)
        })
    }

    /// An address as the code holds it, and as it is printed.
    fn party(&mut self, address: &Address, mark: u32) -> Result<(Party, Addressed), DocumentError> {
        let mut line = |leaf: &Leaf| -> Result<String, DocumentError> {
            Ok(one_line(&self.plain(leaf, mark)?))
        };
        let party = Party {
            name: line(&address.name)?,
            street: line(&address.street)?,
            building: line(&address.building)?,
            post_code: line(&address.post_code)?,
            city: line(&address.city)?,
            country: line(&address.country)?,
        };
        let span = |leaf, text: &str| self.printed(Some(leaf), Some(text.to_owned()));
        let abroad = !matches!(party.country.as_str(), "" | "CH" | "LI");
        let mut city = Vec::new();
        if abroad {
            city.push(Span::plain(format!("{}-", party.country)));
        }
        let code = span(&address.post_code, &party.post_code);
        city.extend(joined(code, span(&address.city, &party.city)));
        let building = span(&address.building, &party.building);
        let lines = Addressed {
            name: span(&address.name, &party.name).unwrap_or_default(),
            street: joined(span(&address.street, &party.street), building),
            city,
        };
        Ok((party, lines))
    }

    fn slip(
        &mut self,
        bill: &Filled,
        words: &Words,
        separation: Separation,
        (mark, parent): (u32, TagId),
    ) -> Result<Vec<(f32, f32, Item)>, DocumentError> {
        let mut slip = Slip {
            parts: Vec::new(),
            tag: parent,
            mark,
        };
        slip.separation(separation);
        if separation == Separation::Words {
            let look = Look {
                align: Align::Center,
                ..self.bill_look(8.0, 1.0, false)
            };
            let spans = [Span::plain(words.separate)];
            self.put(&mut slip, &spans, &look, (0.0, -3.6), WIDTH)?;
        }
        let title = self.bill_look(TITLE, 1.0, true);
        slip.tag = self.tag("Sect", parent);
        let side = &RECEIPT_SIDE;
        let spans = [Span::plain(words.receipt)];
        self.put(&mut slip, &spans, &title, (side.x, TITLE_TOP), side.width)?;
        self.bill_entries(&mut slip, bill, words, side)?;
        self.bill_amount(&mut slip, bill, words, side)?;
        let acceptance = Look {
            align: Align::End,
            ..self.bill_look(LEAST, side.leading, true)
        };
        let spans = [Span::plain(words.acceptance)];
        let place = (side.x, ACCEPTANCE_TOP);
        self.put(&mut slip, &spans, &acceptance, place, side.width)?;
        slip.tag = self.tag("Sect", parent);
        let side = &PAYMENT_SIDE;
        let spans = [Span::plain(words.payment_part)];
        self.put(&mut slip, &spans, &title, (side.x, TITLE_TOP), side.width)?;
        self.swiss_code(&mut slip, bill);
        self.bill_amount(&mut slip, bill, words, side)?;
        self.bill_entries(&mut slip, bill, words, side)?;
        Ok(slip.parts)
    }

    fn bill_look(&self, size: f32, leading: f32, bold: bool) -> Look {
        Look {
            font: BILL.into(),
            bold,
            colour: BLACK,
            line_height: leading,
            hyphenate: false,
            ..self.body_look(Some(size))
        }
    }

    /// Writes a paragraph; gives its height.
    fn put(
        &mut self,
        slip: &mut Slip,
        spans: &[Span],
        look: &Look,
        (x, y): (f32, f32),
        width: f32,
    ) -> Result<f32, DocumentError> {
        let tag = self.tag("P", slip.tag);
        let (height, items) = self.caption(spans, look, width * MM, tag, slip.mark)?;
        let (x, y) = (x * MM, (y + ABOVE) * MM);
        let items = items.into_iter();
        slip.parts
            .extend(items.map(|(left, top, item)| (x + left, y + top, item)));
        Ok(height / MM)
    }

    /// Who is paid and who pays, in the largest letters for which there is room.
    fn bill_entries(
        &mut self,
        slip: &mut Slip,
        bill: &Filled,
        words: &Words,
        side: &Side,
    ) -> Result<(), DocumentError> {
        let [x, top, width, height] = side.texts;
        let begun = slip.parts.len();
        for (size, short) in side.sizes {
            slip.parts.truncate(begun);
            let value = self.bill_look(*size, side.leading, false);
            let heading = self.heading_of(&value);
            let line = size * side.leading / MM;
            let mut y = top;
            for (number, entry) in bill.entries(side, words, *short).iter().enumerate() {
                if number > 0 {
                    y += line;
                }
                let spans = [Span::plain(entry.heading)];
                y += self.put(slip, &spans, &heading, (x, y), width)?;
                for spans in &entry.lines {
                    y += self.put(slip, spans, &value, (x, y), width)?;
                }
                if let Some(field) = entry.field {
                    slip.corners(x, y + 0.5, field);
                    y += 0.5 + field[1];
                }
            }
            if y <= top + height + 0.01 {
                break;
            }
        }
        Ok(())
    }

    /// A heading is bold, two points smaller than its value and on a line as tall.
    fn heading_of(&self, value: &Look) -> Look {
        let size = (value.size - 2.0).max(LEAST);
        let leading = value.size * value.line_height / size;
        self.bill_look(size, leading, true)
    }

    fn bill_amount(
        &mut self,
        slip: &mut Slip,
        bill: &Filled,
        words: &Words,
        side: &Side,
    ) -> Result<(), DocumentError> {
        let (wanted, _) = side.sizes[0];
        let value = self.bill_look(wanted, side.leading, false);
        let heading = self.heading_of(&value);
        let right = side.x + side.currency;
        let room = side.width - side.currency;
        let spans = [Span::plain(words.currency)];
        let line = self.put(slip, &spans, &heading, (side.x, AMOUNT_TOP), side.currency)?;
        let currency = [bill.currency.clone()];
        let below = AMOUNT_TOP + line;
        self.put(slip, &currency, &value, (side.x, below), side.currency)?;
        let spans = [Span::plain(words.amount)];
        self.put(slip, &spans, &heading, (right, AMOUNT_TOP), room)?;
        if let Some(amount) = &bill.amount {
            let amount = [amount.clone()];
            self.put(slip, &amount, &value, (right, below), room)?;
        } else {
            let [down, width, height] = side.amount_field;
            let left = side.x + side.width - width;
            slip.corners(left, AMOUNT_TOP + down, [width, height]);
        }
        Ok(())
    }

    /// The code with the Swiss cross.
    fn swiss_code(&mut self, slip: &mut Slip, bill: &Filled) {
        let tag = self.figure_tag("Swiss QR Code".into(), slip.tag);
        let (x, y) = (PAYMENT_SIDE.x, CODE_TOP);
        let size = CODE * MM;
        let place = Item::Figure {
            width: size,
            height: size,
            tag,
        };
        let module = size / bill.count as f32;
        let code = Item::Path {
            segments: Arc::new(modules(&bill.modules, bill.count, (module, module))),
            fill: Some(BLACK),
            stroke: None,
            tag,
        };
        for item in [place, code] {
            slip.parts.push((x * MM, (y + ABOVE) * MM, item));
        }
        let middle = |width: f32, height: f32| {
            let (left, top) = (x + (CODE - width) / 2.0, y + (CODE - height) / 2.0);
            rectangle(left, top, width, height)
        };
        let [ground, square, arm] = CROSS;
        slip.shape(middle(ground, ground).into(), Some(WHITE), None, tag);
        slip.shape(middle(square, square).into(), Some(BLACK), None, tag);
        let cross = [middle(arm, ARM), middle(ARM, arm)].concat();
        slip.shape(cross, Some(WHITE), None, tag);
    }
}

/// Two texts with a blank between them.
fn joined(first: Option<Span>, second: Option<Span>) -> Vec<Span> {
    let blank = (first.is_some() && second.is_some()).then(|| Span::plain(" "));
    [first, blank, second].into_iter().flatten().collect()
}
