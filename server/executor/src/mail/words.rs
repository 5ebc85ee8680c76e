//! What the program itself says in mails, in the language of whoever reads them.

use super::letter::Block;

/// Languages the program writes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    English,
    Chinese,
}

impl Language {
    /// The nearest to a language tag.
    pub(super) fn of(locale: &str) -> Self {
        if locale == "zh" || locale.starts_with("zh-") {
            Self::Chinese
        } else {
            Self::English
        }
    }
}

impl Language {
    /// How dates are written: as the reader's tag says where it is of this language.
    pub(super) fn locale(self, tag: &str) -> &str {
        match self {
            Self::English if tag.starts_with("en") => tag,
            Self::English => "en",
            Self::Chinese => "zh-CN",
        }
    }
}

/// Subject and blocks.
type Words = (String, Vec<Block>);

pub(super) fn test(language: Language, base: &str) -> Words {
    match language {
        Language::English => (
            "Mail from Formwork works".into(),
            vec![Block::Text(format!(
                "This is a test. The mail settings of Formwork at {base} work: this message took the same way as every other."
            ))],
        ),
        Language::Chinese => (
            "Formwork 的邮件可以发送".into(),
            vec![Block::Text(format!(
                "这是一封测试邮件。{base} 上的 Formwork 邮件设置有效：这封邮件与其他邮件经过同样的路径。"
            ))],
        ),
    }
}

pub(super) fn password_reset(language: Language, base: &str, url: String) -> Words {
    match language {
        Language::English => (
            "Set a new password for Formwork".into(),
            vec![
                Block::Text(format!(
                    "Somebody asked for a new password for your account at {base}. If it was you, choose it here:"
                )),
                Block::Link {
                    label: "Choose a new password".into(),
                    url,
                },
                Block::Note(
                    "The link works once, for one hour. If it was not you, there is nothing to do: your password stays as it is."
                        .into(),
                ),
            ],
        ),
        Language::Chinese => (
            "为 Formwork 设置新密码".into(),
            vec![
                Block::Text(format!(
                    "有人为您在 {base} 的账户申请了新密码。如果是您本人，请在这里设置："
                )),
                Block::Link {
                    label: "设置新密码".into(),
                    url,
                },
                Block::Note(
                    "此链接只能使用一次，一小时内有效。如果不是您本人，则无需处理：您的密码不变。".into(),
                ),
            ],
        ),
    }
}

pub(super) fn approval(
    language: Language,
    workflow: &str,
    title: &str,
    until: &str,
    url: String,
) -> Words {
    let (workflow, title) = (
        engine::mail::one_line(workflow),
        engine::mail::one_line(title),
    );
    match language {
        Language::English => (
            format!("Your decision: {title}"),
            vec![
                Block::Text(format!(
                    "A run of \u{201c}{workflow}\u{201d} waits for your decision:\n\n{title}"
                )),
                Block::Link {
                    label: "Look at it and decide".into(),
                    url,
                },
                Block::Note(format!(
                    "Open until {until}. The link is for you alone: whoever has it can answer for you. Opening it decides nothing."
                )),
            ],
        ),
        Language::Chinese => (
            format!("请您决定：{title}"),
            vec![
                Block::Text(format!(
                    "\u{201c}{workflow}\u{201d}的一次运行正在等待您的决定：\n\n{title}"
                )),
                Block::Link {
                    label: "查看并决定".into(),
                    url,
                },
                Block::Note(format!(
                    "有效期至 {until}。此链接仅供您本人使用：任何拿到它的人都可以代您答复。打开链接本身不会做出任何决定。"
                )),
            ],
        ),
    }
}

pub(super) fn run_failed(
    language: Language,
    workflow: &str,
    title: &str,
    others: u64,
    url: String,
) -> Words {
    let workflow = engine::mail::one_line(workflow);
    let about = if title.is_empty() {
        String::new()
    } else {
        format!(": {}", engine::mail::one_line(title))
    };
    match language {
        Language::English => {
            let more = match others {
                0 => String::new(),
                1 => " One other run of this workflow failed since the last mail.".into(),
                others => {
                    format!(" {others} other runs of this workflow failed since the last mail.")
                }
            };
            (
                format!("A run of {workflow} failed"),
                vec![
                    Block::Text(format!("A run of \u{201c}{workflow}\u{201d} failed{about}.{more}")),
                    Block::Link {
                        label: "See what happened".into(),
                        url,
                    },
                    Block::Note(
                        "You get at most one such mail an hour for each workflow. You can turn them off in your settings.".into(),
                    ),
                ],
            )
        }
        Language::Chinese => {
            let more = if others == 0 {
                String::new()
            } else {
                format!("自上一封邮件以来，该工作流另有 {others} 次运行失败。")
            };
            (
                format!("{workflow} 的一次运行失败了"),
                vec![
                    Block::Text(format!(
                        "\u{201c}{workflow}\u{201d}的一次运行失败了{about}。{more}"
                    )),
                    Block::Link {
                        label: "查看详情".into(),
                        url,
                    },
                    Block::Note("每个工作流每小时最多一封这样的邮件。您可以在设置中关闭。".into()),
                ],
            )
        }
    }
}

/// What stands above links to files.
pub(super) fn files(language: Language, days: i64) -> String {
    match language {
        Language::English => format!("Files; the links work for {days} days:"),
        Language::Chinese => format!("文件（链接 {days} 天内有效）："),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_language_is_taken() {
        for (locale, expected) in [
            ("zh-CN", Language::Chinese),
            ("zh", Language::Chinese),
            ("en-GB", Language::English),
            ("de", Language::English),
        ] {
            assert_eq!(Language::of(locale), expected, "{locale}");
        }
    }

    #[test]
    fn others_are_counted() {
        let text =
            |others| match run_failed(Language::English, "Invoice", "R-1", others, String::new())
                .1
                .remove(0)
            {
                Block::Text(text) => text,
                Block::Note(_) | Block::Link { .. } => String::new(),
            };
        assert_eq!(text(0), "A run of \u{201c}Invoice\u{201d} failed: R-1.");
        assert!(text(1).contains("One other run"));
        assert!(text(7).contains("7 other runs"));
    }
}
