//! Lays out one document and ends: `render_cold TEMPLATE.json VALUES.json OUT.pdf`. Prints the most memory it ever had, in kilobytes.

use std::{
    fs,
    io::{Write as _, stdout},
};

use anyhow::Context as _;
use formwork_tests::paper::Paper;

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || {
        arguments
            .next()
            .context("usage: render_cold TEMPLATE.json VALUES.json OUT.pdf")
    };
    let paper = Paper::new(&serde_json::from_str(&fs::read_to_string(next()?)?)?)?;
    let values = fs::read_to_string(next()?)?;
    fs::write(next()?, paper.lay_out(&values)?.pdf()?)?;
    let status = fs::read_to_string("/proc/self/status")?;
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|rest| rest.split_whitespace().next())
        .context("the kernel does not tell the memory")?;
    writeln!(stdout(), "{peak}")?;
    Ok(())
}
