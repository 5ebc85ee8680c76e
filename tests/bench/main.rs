//! `make bench`: the floors of the product, each with a baseline measured in the same run. Prints a table, writes JSON, and fails when
//! a floor that was measured does not hold. Everything is asked of the real program over 127.0.0.1.

mod backlog;
mod baseline;
mod document;
mod forms;
mod load;
mod process;
mod program;
mod quiet;
mod report;
mod startup;
mod steps;
mod workers;
mod writing;

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use crate::{program::Place, writing::Asked};

/// `key=value` on the command line.
struct Arguments {
    /// Folder with `formwork` and `formwork-model`.
    programs: PathBuf,
    out: PathBuf,
    smollm2: Option<PathBuf>,
    qwen: Option<PathBuf>,
    /// Folder with Typst's Python package.
    typst: Option<PathBuf>,
    /// Only these parts: `document,startup,forms,load,steps,backlog,workers,models`.
    only: Vec<String>,
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Runtime::new()?;
    if let [first, port] = arguments.as_slice()
        && first == baseline::HELLO
    {
        runtime.block_on(baseline::serve_hello(port))?;
        return Ok(ExitCode::SUCCESS);
    }
    if arguments == [steps::BUSY_SERVER] {
        runtime.block_on(steps::serve())?;
        return Ok(ExitCode::SUCCESS);
    }
    let _ = rustls::crypto::ring::default_provider().install_default();
    runtime.block_on(measure(&Arguments::parse(&arguments)?))
}

async fn measure(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let wanted =
        |part: &str| arguments.only.is_empty() || arguments.only.iter().any(|only| only == part);
    let mut out = std::io::stdout();
    let mut rows = Vec::new();
    let place = Place::new(&arguments.programs)?;
    if wanted("document") {
        writeln!(out, "laying out invoices")?;
        let place = Place::new(&arguments.programs)?;
        rows.extend(document::measure(&place, arguments.typst.as_deref()).await?);
    }
    if wanted("startup") {
        writeln!(out, "starting and resting")?;
        rows.extend(startup::measure(&place).await?);
    }
    if wanted("forms") {
        writeln!(out, "opening and sending forms")?;
        rows.extend(forms::measure(&place).await?);
    }
    if wanted("load") {
        writeln!(out, "running light runs")?;
        rows.extend(load::measure(&place).await?);
    }
    if wanted("steps") {
        writeln!(out, "running steps that are committed one by one")?;
        // What the load has left is being vacuumed.
        let place = Place::new(&arguments.programs)?;
        rows.extend(steps::measure(&place).await?);
    }
    if wanted("backlog") {
        writeln!(out, "running light runs beside a long queue")?;
        // The queue stays long.
        let place = Place::new(&arguments.programs)?;
        rows.extend(backlog::measure(&place).await?);
    }
    if wanted("workers") {
        writeln!(out, "running light runs in several processes")?;
        let place = Place::new(&arguments.programs)?;
        rows.extend(workers::measure(&place).await?);
    }
    if wanted("models") {
        for asked in [
            Asked {
                name: "SmolLM2-135M writes",
                file: arguments.smollm2.as_deref(),
                goal: 20.0,
            },
            Asked {
                name: "Qwen2.5 1.5B writes",
                file: arguments.qwen.as_deref(),
                goal: 9.0,
            },
        ] {
            writeln!(out, "{}", asked.name)?;
            rows.push(writing::measure(&arguments.programs, &asked).await?);
        }
    }
    report::write(&rows, &arguments.out)?;
    writeln!(out, "\n{}", report::table(&rows))?;
    writeln!(out, "written to {}", arguments.out.display())?;
    for row in rows.iter().filter(|row| row.value.is_none()) {
        writeln!(out, "\n!!! NOT MEASURED: {}: {}\n", row.name, row.note)?;
    }
    let broken = rows.iter().any(|row| row.holds() == Some(false));
    Ok(if broken {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

impl Arguments {
    fn parse(arguments: &[String]) -> anyhow::Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut parsed = Self {
            programs: baseline::beside(),
            out: root.join("target/bench.json"),
            smollm2: None,
            qwen: None,
            typst: None,
            only: Vec::new(),
        };
        // Cargo adds `--bench`.
        for argument in arguments.iter().filter(|argument| *argument != "--bench") {
            match argument.split_once('=') {
                Some(("programs", value)) => parsed.programs = value.into(),
                Some(("out", value)) => parsed.out = value.into(),
                Some(("smollm2", value)) => {
                    parsed.smollm2 = Some(value.into()).filter(|_| !value.is_empty());
                }
                Some(("qwen", value)) => {
                    parsed.qwen = Some(value.into()).filter(|_| !value.is_empty());
                }
                Some(("typst", value)) => parsed.typst = Some(value.into()),
                Some(("only", value)) => {
                    parsed.only = value.split(',').map(str::to_owned).collect();
                }
                _ => anyhow::bail!(
                    "\"{argument}\" is not understood: programs=, out=, smollm2=, qwen=, typst=, only="
                ),
            }
        }
        Ok(parsed)
    }
}
