//! `formwork-model`: the process that holds a language model. Parsing arguments and saying in one line why it cannot go on is all
//! that happens here.

use std::{
    io::{IsTerminal as _, Write as _},
    os::unix::process::CommandExt as _,
    process::{Command as Process, ExitCode},
};

use clap::Parser as _;
use model_worker::{
    bench,
    config::{self, Arguments, Command},
    known::KNOWN,
    serve,
};
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "formwork-model: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<()> {
    let threads = command.threads()?;
    if let Some(threads) = threads
        && !config::has_threads(threads)
    {
        // The same process, started over: its id, its parent's death signal and its standard input stay.
        let mut again = Process::new(std::env::current_exe()?);
        again.args(std::env::args_os().skip(1));
        for name in config::THREAD_VARIABLES {
            again.env(name, threads.to_string());
        }
        return Err(again.exec().into());
    }
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(config::log_filter()))
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    match command {
        Command::Serve(arguments) => {
            let config = arguments.resolve()?;
            finish(serve::run(config))??;
        }
        Command::Fetch(arguments) => {
            let download = arguments.resolve()?;
            let path = finish(serve::fetch(&download))??;
            print(&path.display().to_string())?;
        }
        Command::Bench(arguments) => print(&bench::run(&arguments, threads.unwrap_or(1))?)?,
        Command::Known => print(&known()?)?,
    }
    Ok(())
}

/// Two threads: the model has its own, and these only wait for the database.
fn finish<T>(work: impl Future<Output = T>) -> std::io::Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let done = runtime.block_on(work);
    // Somebody still reads our standard input, and it stays open as long as the parent lives: waiting for that would keep a process
    // that failed from ending, and the supervisor from starting the next.
    runtime.shutdown_background();
    Ok(done)
}

fn known() -> anyhow::Result<String> {
    let list: Vec<_> = KNOWN
        .iter()
        .map(|known| {
            serde_json::json!({
                "name": known.name, "title": known.title, "file": known.file, "size_bytes": known.size_bytes,
                "sha256": known.sha256, "licence": known.licence, "min_memory_bytes": known.min_memory_bytes,
                "downloadable": known.source.is_some(),
            })
        })
        .collect();
    Ok(serde_json::to_string_pretty(&list)?)
}

fn print(text: &str) -> std::io::Result<()> {
    writeln!(std::io::stdout(), "{text}")
}
