//! Dates in words and figures, as CLDR has them for the Gregorian calendar; years are told in full.

use std::borrow::Cow;

use icu_calendar::Gregorian;
use icu_datetime::{
    FixedCalendarDateTimeFormatter,
    fieldsets::{MD, YM, YMD, YMDE, enums::DateFieldSet},
    input,
    options::YearStyle,
    pattern::{
        DateTimePattern, FixedCalendarDateTimeNames, MonthNameLength, PatternLoadError,
        WeekdayNameLength,
    },
};
use jiff::civil::Date;
use writeable::TryWriteable;

use super::language::Language;

type Day = input::Date<Gregorian>;
type Names = FixedCalendarDateTimeNames<Gregorian, DateFieldSet>;

/// The fields are a type each, so that the program holds no more of CLDR than they need.
macro_rules! written {
    ($language:expr, $fields:expr, $day:expr) => {
        FixedCalendarDateTimeFormatter::<Gregorian, _>::try_new($language.dates(), $fields)
            .ok()
            .map(|formatter| formatter.format($day).to_string())
    };
}

const STYLES: [&str; 7] = [
    "long",
    "medium",
    "short",
    "weekday",
    "day_month",
    "month",
    "iso",
];

pub(super) fn date(language: &Language, date: Date, style: &str) -> Option<String> {
    if !STYLES.contains(&style) {
        return None;
    }
    let full = YearStyle::Full;
    let day = day_of(date).filter(|_| language.is_known());
    let written = day.and_then(|day| match style {
        "iso" => None,
        "medium" => written!(language, YMD::medium().with_year_style(full), &day),
        "short" => written!(language, YMD::short().with_year_style(full), &day),
        "weekday" => written!(language, YMDE::long().with_year_style(full), &day),
        "day_month" => written!(language, MD::long(), &day),
        "month" => month_of_year(language, day),
        _ => written!(language, YMD::long().with_year_style(full), &day),
    });
    Some(written.unwrap_or_else(|| date.to_string()))
}

/// As `written`, with figures at hand: the formatter of this one style brings none along where a language has them beside a word only
/// (seen in Portuguese).
fn month_of_year(language: &Language, day: Day) -> Option<String> {
    let fields = YM::long().with_year_style(YearStyle::Full);
    let prefs = language.dates();
    let bare = FixedCalendarDateTimeFormatter::<Gregorian, _>::try_new(prefs, fields).ok()?;
    let mut names = FixedCalendarDateTimeNames::from_formatter(prefs, bare);
    names.include_decimal_formatter().ok()?;
    let formatter = names.try_into_formatter(fields).ok()?;
    Some(formatter.format(&day).to_string())
}

/// Whether CLDR has names for the months; it calls them M01 to M12 in all other languages.
pub(super) fn has_names(language: &Language) -> bool {
    day_of(Date::constant(2000, 3, 1))
        .and_then(|day| month(language, day, MonthNameLength::Wide, "MMMM"))
        .is_some_and(|name| name != "M03")
}

/// As `strftime` has it, with the names of months and weekdays in the language; `None` for a pattern that is none.
pub(super) fn pattern(language: &Language, date: Date, pattern: &str) -> Option<String> {
    let pieces = pieces(pattern);
    let beside_day = pieces
        .iter()
        .any(|piece| matches!(piece.letter, Some('d' | 'e')));
    let day = day_of(date).filter(|_| language.is_known());
    let mut format = String::new();
    for piece in pieces {
        let name = piece
            .letter
            .zip(day)
            .and_then(|(letter, day)| named(language, day, letter, beside_day));
        match name {
            Some(name) if piece.text.contains('^') => format.push_str(&name.to_uppercase()),
            Some(name) => format.push_str(&name),
            None => format.push_str(piece.text),
        }
    }
    jiff::fmt::strtime::format(&format, date).ok()
}

/// A text that stands for itself, or `%`, flags and the letter of what is to be written.
struct Piece<'a> {
    text: &'a str,
    letter: Option<char>,
}

fn pieces(pattern: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = pattern;
    while let Some(at) = rest.find('%') {
        let (text, tail) = rest.split_at(at);
        pieces.push(Piece { text, letter: None });
        let flag = |letter: &char| matches!(letter, '-' | '_' | '^' | '#' | ':' | '.' | '0'..='9');
        let flags = tail.chars().skip(1).take_while(flag).count();
        let letter = tail.chars().nth(1 + flags);
        let end = 1 + flags + letter.map_or(0, char::len_utf8);
        let (text, after) = tail.split_at(end);
        pieces.push(Piece { text, letter });
        rest = after;
    }
    pieces.push(Piece {
        text: rest,
        letter: None,
    });
    pieces
}

/// The name that a directive asks for. Many languages bend a month's name beside the day.
fn named(language: &Language, day: Day, letter: char, beside_day: bool) -> Option<String> {
    match (letter, beside_day) {
        ('A', _) => weekday(language, day, WeekdayNameLength::Wide, "EEEE"),
        ('a', _) => weekday(language, day, WeekdayNameLength::Abbreviated, "EEE"),
        ('B', true) => month(language, day, MonthNameLength::Wide, "MMMM"),
        ('B', false) => month(language, day, MonthNameLength::StandaloneWide, "LLLL"),
        ('b' | 'h', true) => month(language, day, MonthNameLength::Abbreviated, "MMM"),
        ('b' | 'h', false) => month(language, day, MonthNameLength::StandaloneAbbreviated, "LLL"),
        _ => None,
    }
}

fn month(language: &Language, day: Day, length: MonthNameLength, symbol: &str) -> Option<String> {
    name(language, day, symbol, |names| {
        names.include_month_names(length).map(|_| ())
    })
}

fn weekday(
    language: &Language,
    day: Day,
    length: WeekdayNameLength,
    symbol: &str,
) -> Option<String> {
    name(language, day, symbol, |names| {
        names.include_weekday_names(length).map(|_| ())
    })
}

fn name(
    language: &Language,
    day: Day,
    symbol: &str,
    include: impl FnOnce(&mut Names) -> Result<(), PatternLoadError>,
) -> Option<String> {
    let mut names = Names::new_without_number_formatting(language.dates());
    include(&mut names).ok()?;
    let pattern = DateTimePattern::try_from_pattern_str(symbol).ok()?;
    let name = names.with_pattern_unchecked(&pattern).format(&day);
    name.try_write_to_string().map(Cow::into_owned).ok()
}

fn day_of(date: Date) -> Option<Day> {
    let month = u8::try_from(date.month()).ok()?;
    let day = u8::try_from(date.day()).ok()?;
    Day::try_new_gregorian(date.year().into(), month, day).ok()
}
