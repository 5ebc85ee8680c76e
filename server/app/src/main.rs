//! The command line of `formwork`.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use app::{
    backup,
    config::Config,
    doctor::{self, Verdict},
    postgres::binaries,
    program::{self, Roles},
};
use clap::{Parser, Subcommand};
use rustix::fs::Mode;
use tracing_subscriber::EnvFilter;

#[derive(Parser)]
#[command(
    name = "formwork",
    version,
    about = "Forms in, finished documents out: workflows on your own machine."
)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Start everything: database, server, executor and model worker (the default).
    Run {
        /// A model worker runs elsewhere, over the same database.
        #[arg(long)]
        without_model: bool,
    },
    /// Only answer HTTP; another process does the work.
    Serve,
    /// Only do the work; another process answers HTTP.
    Work,
    /// Bring the database to this version and end.
    Migrate,
    /// Write database, files and a manifest to one file.
    Backup { file: PathBuf },
    /// Put a backup into an empty installation.
    Restore { file: PathBuf },
    /// Look at everything the program needs and say what it finds.
    Doctor,
    /// Print the OpenAPI description of the JSON API.
    Openapi,
}

fn main() -> ExitCode {
    // Documents, logs and backups are nobody else's business; folders that others must pass get their rights one by one.
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    let arguments = Arguments::parse();
    let command = arguments.command.unwrap_or(Command::Run {
        without_model: false,
    });
    match start(command) {
        Ok(code) => code,
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stderr, reason = "the last word of a program that ends")]
fn complain(error: &anyhow::Error) {
    eprintln!("formwork: {}", sentence(error));
}

/// The causes in one line; many errors already quote theirs.
fn sentence(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

#[expect(clippy::print_stdout, reason = "commands answer on the terminal")]
#[expect(clippy::too_many_lines, reason = "one command after the other")]
fn start(command: Command) -> anyhow::Result<ExitCode> {
    if let Command::Openapi = command {
        println!("{}", serde_json::to_string_pretty(&api::openapi())?);
        return Ok(ExitCode::SUCCESS);
    }
    let config = Config::from_env()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    if let Command::Doctor = command {
        let findings = runtime.block_on(doctor::examine(&config));
        findings.iter().for_each(|finding| println!("{finding}"));
        let bad = findings
            .iter()
            .any(|finding| finding.verdict == Verdict::Bad);
        return Ok(if bad {
            ExitCode::FAILURE
        } else {
            ExitCode::SUCCESS
        });
    }
    tracing_subscriber::fmt()
        .with_env_filter(
            EnvFilter::try_new(&config.log)
                .context("FORMWORK_LOG cannot be read; an example is `info,store=debug`")?,
        )
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .with_writer(std::io::stderr)
        .init();
    let all = Roles {
        serve: true,
        work: true,
        model: true,
    };
    runtime.block_on(async {
        match command {
            Command::Run { without_model } => {
                program::run(
                    config,
                    Roles {
                        model: !without_model,
                        ..all
                    },
                    nodes::catalogue(),
                )
                .await
            }
            Command::Serve => {
                program::run(
                    config,
                    Roles {
                        work: false,
                        model: false,
                        ..all
                    },
                    nodes::catalogue(),
                )
                .await
            }
            Command::Work => {
                program::run(
                    config,
                    Roles {
                        serve: false,
                        model: false,
                        ..all
                    },
                    nodes::catalogue(),
                )
                .await
            }
            Command::Migrate => {
                let opened = program::open_database(&config).await?;
                Ok(program::connect(&config, &opened.url)
                    .await?
                    .migrate()
                    .await?)
            }
            Command::Backup { file } => {
                with_place(&config, async |place| {
                    let made_at = jiff::Timestamp::now().to_string();
                    let manifest = backup::write(&place, &file, made_at).await?;
                    println!(
                        "{} holds the database and {} files.",
                        file.display(),
                        manifest.files.len() - 1
                    );
                    println!(
                        "The master key {} is not in it: keep a copy of that file elsewhere.",
                        config.key_file.display()
                    );
                    Ok(())
                })
                .await
            }
            Command::Restore { file } => {
                with_place(&config, async |place| {
                    let manifest = backup::restore(&place, &file).await?;
                    println!(
                        "Restored the backup of {}: the database and {} files.",
                        manifest.made_at,
                        manifest.files.len() - 1
                    );
                    if !config.key_file.exists() {
                        println!(
                            "Before the first start, put the master key of that installation into {}: without it stored secrets cannot be opened.",
                            config.key_file.display()
                        );
                    }
                    Ok(())
                })
                .await
            }
            Command::Doctor | Command::Openapi => Ok(()),
        }
    })?;
    Ok(ExitCode::SUCCESS)
}

/// A running server's database if there is one, otherwise one started for this command.
async fn with_place(
    config: &Config,
    act: impl AsyncFnOnce(backup::Place<'_>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let running = program::running_database(config).await;
    let (url, _opened) = match running {
        Some(url) => (url, None),
        None => {
            let opened = program::open_database(config).await?;
            (opened.url.clone(), Some(opened))
        }
    };
    let major = store::database::server_version(&url).await? / 10_000;
    let client = binaries::client_for(config.postgres_dir.as_deref(), major).with_context(|| {
        format!("pg_dump and pg_restore of Postgres {major} or newer are not at hand; run `apt-get install postgresql-client-{major}`, or set FORMWORK_POSTGRES_DIR")
    })?;
    act(backup::Place {
        database_url: &url,
        binaries: &client,
        artifact_dir: &config.data_dir.join("artifacts"),
    })
    .await
}
