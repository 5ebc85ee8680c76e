//! Dates in words. Names and order are written down here for the languages the interface and the shipped templates use; others get ISO.

use jiff::civil::Date;

pub(super) fn date(locale: &str, date: Date, style: &str) -> Option<String> {
    let tag = locale.replace('_', "-").to_ascii_lowercase();
    let language = tag.split('-').next().unwrap_or_default();
    let (day, year) = (date.day(), date.year());
    let iso = || date.to_string();
    let number = date.month();
    if ![
        "long",
        "medium",
        "short",
        "weekday",
        "day_month",
        "month",
        "iso",
    ]
    .contains(&style)
    {
        return None;
    }
    if style == "iso" {
        return Some(iso());
    }
    if style == "short" {
        return Some(match (tag.as_str(), language) {
            ("en-us", _) => format!("{number}/{day}/{year}"),
            (_, "en" | "fr" | "es" | "it" | "pt") => format!("{day:02}/{number:02}/{year}"),
            (_, "de" | "pl" | "cs" | "ru" | "uk" | "nb" | "no" | "da" | "fi" | "tr" | "ro") => {
                format!("{day:02}.{number:02}.{year}")
            }
            (_, "nl") => format!("{day:02}-{number:02}-{year}"),
            (_, "zh" | "ja") => format!("{year}/{number}/{day}"),
            (_, "ko") => format!("{year}. {number}. {day}."),
            _ => iso(),
        });
    }
    if let Some((years, months, days)) = match language {
        "zh" | "ja" => Some(("年", "月", "日")),
        "ko" => Some(("년 ", "월 ", "일")),
        _ => None,
    } {
        let day_month = format!("{number}{months}{day}{days}");
        return Some(match style {
            "day_month" => day_month,
            "month" => format!("{year}{years}{number}{months}")
                .trim_end()
                .to_owned(),
            "weekday" => {
                let name = weekday(language, date)?;
                let gap = if language == "ko" { " " } else { "" };
                format!("{year}{years}{day_month}{gap}{name}")
            }
            _ => format!("{year}{years}{day_month}"),
        });
    }
    let Some(month) = month(language, number) else {
        return Some(iso());
    };
    let day_month = match (tag.as_str(), language) {
        ("en-us", _) => format!("{month} {day}"),
        (_, "de" | "nb" | "no" | "da" | "cs" | "fi") => format!("{day}. {month}"),
        (_, "es" | "pt") => format!("{day} de {month}"),
        (_, "fr" | "it") if day == 1 => {
            let first = if language == "fr" { "1er" } else { "1º" };
            format!("{first} {month}")
        }
        _ => format!("{day} {month}"),
    };
    let long = match (tag.as_str(), language) {
        ("en-us", _) => format!("{day_month}, {year}"),
        (_, "es" | "pt") => format!("{day_month} de {year}"),
        _ => format!("{day_month} {year}"),
    };
    Some(match style {
        "day_month" => day_month,
        "month" => match language {
            "es" | "pt" => format!("{month} de {year}"),
            "pl" => format!("{number:02}.{year}"),
            _ => format!("{month} {year}"),
        },
        "weekday" => match (weekday(language, date), language) {
            (Some(name), "fr" | "it" | "nl" | "sv") => format!("{name} {long}"),
            (Some(name), _) => format!("{name}, {long}"),
            (None, _) => long,
        },
        _ => long,
    })
}

#[expect(clippy::too_many_lines, reason = "a table of names")]
fn month(language: &str, number: i8) -> Option<&'static str> {
    let names: [&str; 12] = match language {
        "en" => [
            "January",
            "February",
            "March",
            "April",
            "May",
            "June",
            "July",
            "August",
            "September",
            "October",
            "November",
            "December",
        ],
        "de" => [
            "Januar",
            "Februar",
            "März",
            "April",
            "Mai",
            "Juni",
            "Juli",
            "August",
            "September",
            "Oktober",
            "November",
            "Dezember",
        ],
        "fr" => [
            "janvier",
            "février",
            "mars",
            "avril",
            "mai",
            "juin",
            "juillet",
            "août",
            "septembre",
            "octobre",
            "novembre",
            "décembre",
        ],
        "es" => [
            "enero",
            "febrero",
            "marzo",
            "abril",
            "mayo",
            "junio",
            "julio",
            "agosto",
            "septiembre",
            "octubre",
            "noviembre",
            "diciembre",
        ],
        "it" => [
            "gennaio",
            "febbraio",
            "marzo",
            "aprile",
            "maggio",
            "giugno",
            "luglio",
            "agosto",
            "settembre",
            "ottobre",
            "novembre",
            "dicembre",
        ],
        "nl" => [
            "januari",
            "februari",
            "maart",
            "april",
            "mei",
            "juni",
            "juli",
            "augustus",
            "september",
            "oktober",
            "november",
            "december",
        ],
        "pt" => [
            "janeiro",
            "fevereiro",
            "março",
            "abril",
            "maio",
            "junho",
            "julho",
            "agosto",
            "setembro",
            "outubro",
            "novembro",
            "dezembro",
        ],
        "pl" => [
            "stycznia",
            "lutego",
            "marca",
            "kwietnia",
            "maja",
            "czerwca",
            "lipca",
            "sierpnia",
            "września",
            "października",
            "listopada",
            "grudnia",
        ],
        "sv" => [
            "januari",
            "februari",
            "mars",
            "april",
            "maj",
            "juni",
            "juli",
            "augusti",
            "september",
            "oktober",
            "november",
            "december",
        ],
        _ => return None,
    };
    names.get(usize::try_from(number - 1).unwrap_or(0)).copied()
}

#[expect(clippy::too_many_lines, reason = "a table of names")]
fn weekday(language: &str, date: Date) -> Option<&'static str> {
    let names: [&str; 7] = match language {
        "en" => [
            "Monday",
            "Tuesday",
            "Wednesday",
            "Thursday",
            "Friday",
            "Saturday",
            "Sunday",
        ],
        "de" => [
            "Montag",
            "Dienstag",
            "Mittwoch",
            "Donnerstag",
            "Freitag",
            "Samstag",
            "Sonntag",
        ],
        "fr" => [
            "lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche",
        ],
        "es" => [
            "lunes",
            "martes",
            "miércoles",
            "jueves",
            "viernes",
            "sábado",
            "domingo",
        ],
        "it" => [
            "lunedì",
            "martedì",
            "mercoledì",
            "giovedì",
            "venerdì",
            "sabato",
            "domenica",
        ],
        "nl" => [
            "maandag",
            "dinsdag",
            "woensdag",
            "donderdag",
            "vrijdag",
            "zaterdag",
            "zondag",
        ],
        "pt" => [
            "segunda-feira",
            "terça-feira",
            "quarta-feira",
            "quinta-feira",
            "sexta-feira",
            "sábado",
            "domingo",
        ],
        "pl" => [
            "poniedziałek",
            "wtorek",
            "środa",
            "czwartek",
            "piątek",
            "sobota",
            "niedziela",
        ],
        "sv" => [
            "måndag", "tisdag", "onsdag", "torsdag", "fredag", "lördag", "söndag",
        ],
        "zh" => [
            "星期一",
            "星期二",
            "星期三",
            "星期四",
            "星期五",
            "星期六",
            "星期日",
        ],
        "ja" => [
            "月曜日",
            "火曜日",
            "水曜日",
            "木曜日",
            "金曜日",
            "土曜日",
            "日曜日",
        ],
        "ko" => [
            "월요일",
            "화요일",
            "수요일",
            "목요일",
            "금요일",
            "토요일",
            "일요일",
        ],
        _ => return None,
    };
    let index = date.weekday().to_monday_zero_offset();
    names.get(usize::try_from(index).unwrap_or(0)).copied()
}

#[cfg(test)]
mod tests {
    #[test]
    fn dates_read_as_their_language_has_them() {
        let date: jiff::civil::Date = "2027-03-08".parse().expect("a date");
        let check = |locale: &str, style: &str, expected: &str| {
            let text = super::date(locale, date, style);
            assert_eq!(text.as_deref(), Some(expected), "{locale} {style}");
        };
        check("en", "long", "8 March 2027");
        check("en-US", "long", "March 8, 2027");
        check("en", "weekday", "Monday, 8 March 2027");
        check("en", "day_month", "8 March");
        check("de", "long", "8. März 2027");
        check("de", "weekday", "Montag, 8. März 2027");
        check("de", "short", "08.03.2027");
        check("fr", "weekday", "lundi 8 mars 2027");
        check("es", "long", "8 de marzo de 2027");
        check("zh-CN", "long", "2027年3月8日");
        check("zh-CN", "weekday", "2027年3月8日星期一");
        check("fi", "long", "2027-03-08");
        assert_eq!(super::date("en", date, "fancy"), None);
    }
}
