//! A file as others read it: what it must show before its figures count.

use std::{ops::RangeInclusive, path::Path, process::Command};

use anyhow::{Context as _, ensure};

use super::invoice::Invoice;

/// Checks that the file is tagged and has the pages, that the table's head is repeated, every page has its number, and the first row, the
/// last one and the total are there; tells how many pages there are.
pub(super) fn check(
    pdf: &[u8],
    invoice: &Invoice,
    pages: RangeInclusive<usize>,
) -> anyhow::Result<usize> {
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), pdf)?;
    let told = tool("pdfinfo", file.path(), &[])?;
    let fact = |name: &str| {
        let line = told.lines().find_map(|line| line.strip_prefix(name));
        line.map(str::trim)
            .with_context(|| format!("pdfinfo tells no {name}"))
    };
    ensure!(fact("Tagged:")? == "yes", "the file is not tagged");
    let count: usize = fact("Pages:")?.parse()?;
    ensure!(
        pages.contains(&count),
        "the file has {count} pages, not {pages:?}"
    );
    let mut text = tool("pdftotext", file.path(), &["-"])?;
    text.retain(|letter| !letter.is_whitespace());
    for proof in &invoice.proofs {
        ensure!(text.contains(proof), "{proof} cannot be read on its pages");
    }
    for page in 1..=count {
        let number = format!("Page{page}of{count}");
        ensure!(text.contains(&number), "{number} cannot be read");
    }
    // The last page may have no rows any more.
    let heads = text.matches("Description").count();
    ensure!(
        heads + 1 >= count,
        "the table's head is there {heads} times on {count} pages"
    );
    Ok(count)
}

fn tool(name: &str, file: &Path, more: &[&str]) -> anyhow::Result<String> {
    let output = Command::new(name)
        .arg(file)
        .args(more)
        .output()
        .with_context(|| format!("{name} is needed"))?;
    ensure!(
        output.status.success(),
        "{name}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
