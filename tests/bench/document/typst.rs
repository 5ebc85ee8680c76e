//! Typst, as its Python package has it: one process with one world, which keeps what it has read and laid out.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use anyhow::{Context as _, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{FONTS, SYSTEM_FONTS, invoice::Invoice, rival::Rival};

const WORLD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/bench/document/typst_world.py");

pub(super) struct Typst {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Typst {
    /// `packages`: the folder that holds the Python package.
    pub(super) fn start(packages: Option<&Path>) -> anyhow::Result<Self> {
        let packages = packages.context("it could not be fetched, or no typst= was given")?;
        let mut child = Command::new("python3")
            .args([WORLD, FONTS, SYSTEM_FONTS])
            .env("PYTHONPATH", packages)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("python3 is needed")?;
        Ok(Self {
            input: child.stdin.take().context("an input")?,
            output: BufReader::new(child.stdout.take().context("an output")?),
            child,
        })
    }
}

impl Rival for Typst {
    fn pid(&self) -> u32 {
        self.child.id()
    }

    fn make(&mut self, invoice: &Invoice) -> anyhow::Result<Vec<u8>> {
        self.input
            .write_all(format!("{}\n", invoice.shown).as_bytes())?;
        self.input.flush()?;
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        ensure!(!line.is_empty(), "it ended; what it said is above");
        Ok(STANDARD.decode(line.trim())?)
    }
}

impl Drop for Typst {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
