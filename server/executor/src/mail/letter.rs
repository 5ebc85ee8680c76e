//! A mail's words as plain text and as quiet HTML made of the same. No value is ever markup: everything is escaped.

use std::fmt::Write as _;

use engine::mail::Mailbox;

/// A mail before it is written.
pub(super) struct Letter {
    pub(super) to: Vec<Mailbox>,
    pub(super) cc: Vec<Mailbox>,
    pub(super) bcc: Vec<Mailbox>,
    pub(super) reply_to: Option<Mailbox>,
    pub(super) subject: String,
    pub(super) locale: String,
    pub(super) blocks: Vec<Block>,
}

/// One below the other.
pub(super) enum Block {
    /// Paragraphs are separated by empty lines.
    Text(String),
    /// In a smaller voice.
    Note(String),
    Link {
        label: String,
        url: String,
    },
}

const PAGE: &str = "margin:0;padding:0;background:#f7f7f5;color:#1c1b19";
const SHEET: &str = "max-width:600px;margin:0 auto;padding:32px 28px;background:#ffffff;\
    font-family:-apple-system,'Segoe UI',Roboto,'PingFang SC','Microsoft YaHei','Noto Sans CJK SC',sans-serif;font-size:16px;line-height:1.6";
const PARAGRAPH: &str = "margin:0 0 16px";
const NOTE: &str =
    "margin:24px 0 8px;padding-top:16px;border-top:1px solid #e4e3de;font-size:14px;color:#55524c";
const LINK: &str = "margin:0 0 12px";
const ANCHOR: &str = "color:#2b47c9;word-break:break-word";

impl Letter {
    pub(super) fn text(&self) -> String {
        let parts: Vec<String> = self
            .blocks
            .iter()
            .map(|block| match block {
                Block::Text(text) | Block::Note(text) => text.trim_end().to_owned(),
                Block::Link { label, url } => format!("{label}\n{url}"),
            })
            .collect();
        let mut text = parts.join("\n\n");
        text.push('\n');
        text
    }

    pub(super) fn html(&self) -> String {
        let mut body = String::new();
        for block in &self.blocks {
            // Writing to a String cannot fail.
            let _ = match block {
                Block::Text(text) => paragraphs(text).try_for_each(|paragraph| {
                    write!(body, "<p style=\"{PARAGRAPH}\">{paragraph}</p>")
                }),
                Block::Note(text) => write!(body, "<p style=\"{NOTE}\">{}</p>", lines(text)),
                Block::Link { label, url } => write!(
                    body,
                    "<p style=\"{LINK}\"><a href=\"{}\" style=\"{ANCHOR}\">{}</a></p>",
                    escape(url),
                    escape(label)
                ),
            };
        }
        format!(
            "<!doctype html><html lang=\"{}\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
             <title>{}</title></head><body style=\"{PAGE}\"><div dir=\"auto\" style=\"{SHEET}\">{body}</div></body></html>\n",
            escape(&self.locale),
            escape(&self.subject)
        )
    }
}

fn paragraphs(text: &str) -> impl Iterator<Item = String> {
    let mut paragraphs = vec![Vec::new()];
    for line in text.lines() {
        match (line.trim().is_empty(), paragraphs.last_mut()) {
            (false, Some(last)) => last.push(line.trim_end()),
            (true, _) | (false, None) => paragraphs.push(Vec::new()),
        }
    }
    paragraphs
        .into_iter()
        .filter(|lines| !lines.is_empty())
        .map(|found| lines(&found.join("\n")))
        .collect::<Vec<_>>()
        .into_iter()
}

fn lines(text: &str) -> String {
    escape(text.trim_end()).replace('\n', "<br>\n")
}

fn escape(text: &str) -> String {
    text.chars().fold(String::new(), |mut safe, letter| {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            letter => safe.push(letter),
        }
        safe
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(blocks: Vec<Block>) -> Letter {
        Letter {
            to: Vec::new(),
            cc: Vec::new(),
            bcc: Vec::new(),
            reply_to: None,
            subject: "A & B".into(),
            locale: "de".into(),
            blocks,
        }
    }

    #[test]
    fn text_and_html_say_the_same() {
        let letter = letter(vec![
            Block::Text("Dear Ms Huber,\nthank you.\n\n\nYours\n".into()),
            Block::Note("Files".into()),
            Block::Link {
                label: "a.pdf".into(),
                url: "https://forms.test/a/1?x=1&y=2".into(),
            },
        ]);
        assert_eq!(
            letter.text(),
            "Dear Ms Huber,\nthank you.\n\n\nYours\n\nFiles\n\na.pdf\nhttps://forms.test/a/1?x=1&y=2\n"
        );
        let html = letter.html();
        for part in [
            "<html lang=\"de\">",
            "<title>A &amp; B</title>",
            ">Dear Ms Huber,<br>\nthank you.</p>",
            ">Yours</p>",
            "href=\"https://forms.test/a/1?x=1&amp;y=2\"",
        ] {
            assert!(html.contains(part), "{part} in {html}");
        }
        assert_eq!(html.matches("<p ").count(), 4);
    }

    #[test]
    fn values_are_never_markup() {
        let hostile = "<script>alert(1)</script><img src=x onerror='y'> & \"z\"";
        let html = letter(vec![
            Block::Text(hostile.into()),
            Block::Link {
                label: hostile.into(),
                url: "https://x.test/\"onmouseover=\"y".into(),
            },
        ])
        .html();
        assert!(
            !html.contains("<script") && !html.contains("<img") && !html.contains("\"onmouseover"),
            "{html}"
        );
    }
}
