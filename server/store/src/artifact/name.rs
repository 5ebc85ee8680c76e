//! Names of files.

/// A name for people that is harmless as a file name and in a header: no separators, no control or direction-changing
/// characters, no leading dots, at most 120 characters with its ending kept.
pub fn clean_name(name: &str) -> String {
    let name: String = name
        .chars()
        .map(|c| match c {
            '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|' => '-',
            c => c,
        })
        .filter(|c| !c.is_control() && !is_invisible(*c))
        .collect();
    let name = name.trim().trim_start_matches('.').trim();
    if name.is_empty() {
        return "file".into();
    }
    let (stem, ending) = match name.rfind('.') {
        Some(dot) if name.len() - dot <= 12 && dot > 0 => name.split_at(dot),
        _ => (name, ""),
    };
    let room = 120 - ending.chars().count();
    stem.chars().take(room).chain(ending.chars()).collect()
}

/// Characters that change how their neighbours read without being seen.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_harmless_and_stay_readable() {
        fn check(input: &str, expected: &str) {
            assert_eq!(clean_name(input), expected, "{input:?}");
        }
        check("invoice-NR-2027-0184.pdf", "invoice-NR-2027-0184.pdf");
        check("../../etc/passwd", "-..-etc-passwd");
        check("C:\\secret\\x.png", "C--secret-x.png");
        check("ev\u{202e}gpj.exe", "evgpj.exe");
        check("a\0b\r\nc.txt", "abc.txt");
        check("...", "file");
        check("  ", "file");
        check("Rechnung Müller 发票.pdf", "Rechnung Müller 发票.pdf");
        let long = format!("{}.pdf", "x".repeat(300));
        assert_eq!(clean_name(&long).chars().count(), 120);
        assert!(clean_name(&long).ends_with(".pdf"));
    }
}
