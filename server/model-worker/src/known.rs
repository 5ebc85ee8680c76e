//! The models Formwork knows by name, as data: where a file comes from, what it must hash to, what it needs. Other GGUF files work
//! too; they are only not fetched.

/// A model file with a pinned hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Stored on generations and chosen in the editor.
    pub name: &'static str,
    pub title: &'static str,
    /// Name in the models folder.
    pub file: &'static str,
    pub size_bytes: u64,
    pub sha256: &'static str,
    pub licence: &'static str,
    /// Memory the model needs with a context of 4096 tokens.
    pub min_memory_bytes: u64,
    /// Where it can be downloaded; `None`: it only comes as a file.
    pub source: Option<Source>,
}

/// A file of one revision in a repository on the model hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    pub repository: &'static str,
    pub revision: &'static str,
    pub file: &'static str,
}

impl Source {
    /// `https://HUB/REPOSITORY/resolve/REVISION/FILE`.
    pub fn url(&self, hub: &str) -> String {
        format!(
            "{}/{}/resolve/{}/{}",
            hub.trim_end_matches('/'),
            self.repository,
            self.revision,
            self.file
        )
    }
}

/// In the order in which a file found in the models folder is preferred; the first with a source is what is downloaded.
pub const KNOWN: [Known; 3] = [
    Known {
        name: "qwen2.5-1.5b-instruct",
        title: "Qwen2.5 1.5B Instruct",
        file: "qwen2.5-1.5b-instruct-q4_k_m.gguf",
        size_bytes: 1_117_320_736,
        sha256: "6a1a2eb6d15622bf3c96857206351ba97e1af16c30d7a74ee38970e434e9407e",
        licence: "Apache-2.0",
        min_memory_bytes: 2_900_000_000,
        source: Some(Source {
            repository: "Qwen/Qwen2.5-1.5B-Instruct-GGUF",
            revision: "91cad51170dc346986eccefdc2dd33a9da36ead9",
            file: "qwen2.5-1.5b-instruct-q4_k_m.gguf",
        }),
    },
    Known {
        name: "qwen2.5-coder-1.5b-instruct",
        title: "Qwen2.5 Coder 1.5B Instruct",
        file: "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
        size_bytes: 1_117_320_768,
        sha256: "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
        licence: "Apache-2.0",
        min_memory_bytes: 2_900_000_000,
        source: None,
    },
    Known {
        name: "smollm2-135m-instruct",
        title: "SmolLM2 135M Instruct",
        file: "smollm2-135m-instruct-q4_1.gguf",
        size_bytes: 98_362_432,
        sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        licence: "Apache-2.0",
        min_memory_bytes: 900_000_000,
        source: None,
    },
];

/// The one that is downloaded when there is no model at all.
pub fn default_download() -> (&'static Known, Source) {
    KNOWN
        .iter()
        .find_map(|known| known.source.map(|source| (known, source)))
        .expect("the list has a model with a source")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_hash_is_a_whole_sha256_and_names_are_unique() {
        for known in &KNOWN {
            assert_eq!(known.sha256.len(), 64, "{}", known.name);
            assert!(known.sha256.bytes().all(|b| b.is_ascii_hexdigit()));
            assert_eq!(KNOWN.iter().filter(|k| k.name == known.name).count(), 1);
            assert_eq!(KNOWN.iter().filter(|k| k.file == known.file).count(), 1);
        }
    }

    #[test]
    fn a_download_names_its_revision() {
        let (known, source) = default_download();
        assert_eq!(known.name, "qwen2.5-1.5b-instruct");
        assert_eq!(
            source.url("https://hub.example/"),
            "https://hub.example/Qwen/Qwen2.5-1.5B-Instruct-GGUF/resolve/91cad51170dc346986eccefdc2dd33a9da36ead9/qwen2.5-1.5b-instruct-q4_k_m.gguf"
        );
    }
}
