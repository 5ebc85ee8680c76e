//! The languages in which an invoice has words of its own.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    English,
    German,
    French,
    Chinese,
}

impl Language {
    /// English for every other language.
    pub(super) fn of(locale: &str) -> Self {
        let language = locale.split(['-', '_']).next().unwrap_or_default();
        match language.to_ascii_lowercase().as_str() {
            "de" => Self::German,
            "fr" => Self::French,
            "zh" => Self::Chinese,
            _ => Self::English,
        }
    }

    /// Of English, German, French and Chinese.
    pub(super) fn choose(
        self,
        [english, german, french, chinese]: [&'static str; 4],
    ) -> &'static str {
        match self {
            Self::English => english,
            Self::German => german,
            Self::French => french,
            Self::Chinese => chinese,
        }
    }
}
