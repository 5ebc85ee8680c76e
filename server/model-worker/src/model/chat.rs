//! Messages to prompt tokens through the model's own chat template. The template is rendered with stand-ins for the contents; the
//! contents are tokenised apart, as plain text, so that nothing a visitor writes can end a turn or open another.

use engine::node::{Message, Role};
use minijinja::{Environment, ErrorKind, context, syntax::SyntaxConfig};

use super::{
    file::{LoadError, ModelFile},
    vocabulary::Vocabulary,
};

const CHATML: &str = "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}{% endfor %}{{ '<|im_start|>assistant\n' }}";

/// Marks where a content goes; a control character that no template contains.
const MARK: char = '\u{1}';

/// A model's chat template, compiled.
pub struct Chat {
    environment: Environment<'static>,
    bos: String,
    eos: String,
}

impl Chat {
    pub fn read(file: &ModelFile, vocabulary: &Vocabulary) -> Result<Self, LoadError> {
        let template = file
            .text("tokenizer.chat_template")
            .unwrap_or_else(|| CHATML.into());
        Self::compile(
            template,
            vocabulary.special_text(file.number("tokenizer.ggml.bos_token_id")),
            vocabulary.special_text(file.number("tokenizer.ggml.eos_token_id")),
        )
    }

    fn compile(template: String, bos: String, eos: String) -> Result<Self, LoadError> {
        let mut environment = Environment::new();
        environment.set_syntax(
            SyntaxConfig::builder()
                .trim_blocks(true)
                .lstrip_blocks(true)
                .build()
                .map_err(|error| LoadError::Refused(error.to_string()))?,
        );
        environment.set_fuel(Some(200_000));
        environment
            .set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        environment.add_function(
            "raise_exception",
            |text: String| -> Result<String, minijinja::Error> {
                Err(minijinja::Error::new(ErrorKind::InvalidOperation, text))
            },
        );
        environment
            .add_template_owned("chat", template)
            .map_err(|error| {
                LoadError::Unsupported(format!("its chat template cannot be read ({error})"))
            })?;
        Ok(Self {
            environment,
            bos,
            eos,
        })
    }

    /// The prompt up to where the answer begins.
    pub fn prompt(
        &self,
        vocabulary: &Vocabulary,
        messages: &[Message],
    ) -> Result<Vec<u32>, LoadError> {
        let rendered = self.render(messages)?;
        let mut tokens = Vec::new();
        // Between two marks stands the number of a message, elsewhere the template's own text.
        for (index, piece) in rendered.split(MARK).enumerate() {
            if index % 2 == 0 {
                tokens.extend(vocabulary.scaffold(piece)?);
            } else {
                let message = piece
                    .parse::<usize>()
                    .ok()
                    .and_then(|number| messages.get(number))
                    .ok_or_else(unusable)?;
                tokens.extend(vocabulary.text(&message.content)?);
            }
        }
        Ok(tokens)
    }

    fn render(&self, messages: &[Message]) -> Result<String, LoadError> {
        let stand_ins: Vec<_> = messages
            .iter()
            .enumerate()
            .map(|(number, message)| {
                let role = match message.role {
                    Role::System => "system",
                    Role::User => "user",
                    Role::Assistant => "assistant",
                };
                context! { role, content => format!("{MARK}{number}{MARK}") }
            })
            .collect();
        let rendered = self
            .environment
            .get_template("chat")
            .and_then(|template| {
                template.render(context! {
                    messages => stand_ins,
                    add_generation_prompt => true,
                    bos_token => self.bos.as_str(),
                    eos_token => self.eos.as_str(),
                    enable_thinking => false,
                })
            })
            .map_err(|error| {
                LoadError::Refused(format!(
                    "The model's chat template does not take these messages ({error})."
                ))
            })?;
        // A template that drops or repeats a message would silently change what the model is asked.
        for number in 0..messages.len() {
            if rendered.matches(&format!("{MARK}{number}{MARK}")).count() != 1 {
                return Err(unusable());
            }
        }
        Ok(rendered)
    }
}

fn unusable() -> LoadError {
    LoadError::Refused("The model's chat template leaves out or repeats a message.".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(role: Role, content: &str) -> Message {
        Message {
            role,
            content: content.into(),
        }
    }

    #[test]
    fn templates_render_like_their_authors_do() {
        let check = |template: &str, expected: &str| {
            let chat =
                Chat::compile(template.into(), "<s>".into(), "</s>".into()).expect("a template");
            let messages = [message(Role::System, "S"), message(Role::User, "U")];
            assert_eq!(chat.render(&messages).expect("renders"), expected);
        };
        check(
            CHATML,
            "<|im_start|>system\n\u{1}0\u{1}<|im_end|>\n<|im_start|>user\n\u{1}1\u{1}<|im_end|>\n<|im_start|>assistant\n",
        );
        // Block lines leave no empty lines, python's string methods exist.
        check(
            "{{ bos_token }}\n{%- for m in messages %}\n  {%- if m.role.startswith('s') %}\n[{{ m.content.strip() }}]\n  {%- else %}\n<{{ m['content'] }}>\n  {%- endif %}\n{%- endfor %}",
            "<s>[\u{1}0\u{1}]<\u{1}1\u{1}>",
        );
    }

    #[test]
    fn a_template_that_drops_a_message_is_refused() {
        let chat = Chat::compile(
            "{{ messages[0].content }}".into(),
            String::new(),
            String::new(),
        )
        .expect("a template");
        let messages = [message(Role::System, "S"), message(Role::User, "U")];
        assert!(chat.render(&messages).is_err());
    }

    #[test]
    fn an_endless_template_ends() {
        let chat = Chat::compile(
            "{% for a in range(10000) %}{% for b in range(10000) %}x{% endfor %}{% endfor %}"
                .into(),
            String::new(),
            String::new(),
        )
        .expect("a template");
        assert!(chat.render(&[message(Role::User, "U")]).is_err());
    }
}
