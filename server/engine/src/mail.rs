//! What a mail says and to whom: addresses are read and header values cleaned here, once for steps, settings and senders. How it is
//! written for the wire and sent is `outbound`'s business.

use email_address::{EmailAddress, Options};
use serde::{Deserialize, Serialize};

/// Most people one mail goes to, copies included.
pub const MAX_RECIPIENTS: usize = 50;

/// Most characters of a subject.
pub const MAX_SUBJECT_CHARS: usize = 250;

/// Most bytes of a text.
pub const MAX_TEXT_BYTES: usize = 100_000;

/// Largest sum of attached files: in the mail they are a third larger, and many servers take 25 MB.
pub const MAX_ATTACHED_BYTES: u64 = 15 * 1024 * 1024;

/// Most characters of a name before an address.
const MAX_NAME_CHARS: usize = 200;

/// One mail of a workflow, as it is frozen in its delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    pub to: Vec<Mailbox>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cc: Vec<Mailbox>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bcc: Vec<Mailbox>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<Mailbox>,
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// Language of the words that are added to the text, such as those about files.
    pub locale: String,
}

/// Somebody's address, perhaps with a name; neither holds a character that would end a header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mailbox {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    pub address: String,
}

/// A text is not the address of one person.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\u{201c}{0}\u{201d} is not one e-mail address such as anna@example.com")]
pub struct NoAddress(pub String);

impl Mailbox {
    /// Reads `anna@example.com` or `Anna Huber <anna@example.com>` (RFC 5322, one mailbox without comments). Several addresses in one
    /// text are refused: whoever fills in a form must not add receivers.
    pub fn parse(text: &str) -> Result<Self, NoAddress> {
        let wrong = || NoAddress(text.chars().filter(|c| !c.is_control()).take(100).collect());
        let text = text.trim();
        if text.chars().any(char::is_control) {
            return Err(wrong());
        }
        let (name, address) = match text.strip_suffix('>').map(|text| text.rsplit_once('<')) {
            Some(Some((name, address))) => (name.trim().trim_matches('"').trim(), address.trim()),
            Some(None) => return Err(wrong()),
            None => ("", text),
        };
        let options = Options::default()
            .without_display_text()
            .with_no_minimum_sub_domains();
        let sound = EmailAddress::parse_with_options(address, options).is_ok();
        if !sound || name.chars().count() > MAX_NAME_CHARS || name.contains(['<', '>']) {
            return Err(wrong());
        }
        Ok(Self {
            name: name.to_owned(),
            address: address.to_owned(),
        })
    }

    /// What stands behind the `@`.
    pub fn domain(&self) -> &str {
        self.address
            .rsplit_once('@')
            .map_or("", |(_, domain)| domain)
    }
}

impl std::fmt::Display for Mailbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.name.is_empty() {
            f.write_str(&self.address)
        } else {
            write!(f, "{} <{}>", self.name, self.address)
        }
    }
}

impl std::str::FromStr for Mailbox {
    type Err = NoAddress;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

/// A header's value on one line: line breaks and other characters that steer become one space.
pub fn one_line(text: &str) -> String {
    let spaced: String = text
        .chars()
        .map(|letter| {
            if letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}') {
                ' '
            } else {
                letter
            }
        })
        .collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_address_is_read_with_its_name() {
        fn check(text: &str, expected: Option<(&str, &str)>) {
            let read = Mailbox::parse(text).ok();
            let read = read
                .as_ref()
                .map(|found| (found.name.as_str(), found.address.as_str()));
            assert_eq!(read, expected, "{text}");
        }
        check(" anna@example.com ", Some(("", "anna@example.com")));
        check(
            "Anna Huber <anna@example.com>",
            Some(("Anna Huber", "anna@example.com")),
        );
        check(
            "\"Huber, Anna\" <anna@example.com>",
            Some(("Huber, Anna", "anna@example.com")),
        );
        check(
            "张伟 <zhang@example.cn>",
            Some(("张伟", "zhang@example.cn")),
        );
        check("<anna@example.com>", Some(("", "anna@example.com")));
        check("office@intranet", Some(("", "office@intranet")));
        for bad in [
            "",
            "anna",
            "@example.com",
            "anna@",
            "anna@example.com, bob@example.com",
            "anna@example.com;bob@example.com",
            "anna@example.com bob@example.com",
            "Anna <anna@example.com> <bob@example.com>",
            "anna@example.com>",
            "anna@example.com\r\nBcc: bob@example.com",
            "Anna\r\nBcc: bob@example.com <anna@example.com>",
            "anna@example.com\0",
        ] {
            check(bad, None);
        }
    }

    #[test]
    fn a_header_has_one_line() {
        fn check(text: &str, expected: &str) {
            assert_eq!(one_line(text), expected);
        }
        check(
            "Invoice\r\nBcc: x@example.com",
            "Invoice Bcc: x@example.com",
        );
        check("  a\u{2028}b\tc\0d ", "a b c d");
        check("发票 12", "发票 12");
    }

    proptest! {
        #[test]
        fn what_is_read_never_ends_a_header(text in any::<String>()) {
            if let Ok(read) = Mailbox::parse(&text) {
                let written = read.to_string();
                prop_assert!(!written.chars().any(char::is_control));
                prop_assert_eq!(Mailbox::parse(&read.address).map(|again| again.address), Ok(read.address));
            }
            prop_assert!(!one_line(&text).chars().any(char::is_control));
        }
    }
}
