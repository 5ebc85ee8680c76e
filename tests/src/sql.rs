//! Statements of the tests themselves, through `psql`: looking behind the store, and moving time by moving due dates.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::TestDb;

/// Longest wait for something that should happen soon; only a broken test takes it.
const PATIENCE: Duration = Duration::from_mins(1);
/// Pause between two looks.
const LOOK: Duration = Duration::from_millis(10);

impl TestDb {
    /// Runs one statement and returns what it selects, columns separated by `|`, rows by line breaks.
    pub fn sql(&self, statement: &str) -> String {
        run(&self.url, statement)
    }

    /// The same from another database of the server, so that looking leaves no trace in this one's statistics. `:db` stands for this
    /// one's name.
    pub fn sql_from_beside(&self, statement: &str) -> String {
        let (url, name) = self.beside();
        run(url, &statement.replace(":db", &format!("'{name}'")))
    }

    /// Runs one statement in a transaction that stays open, as if somebody were in the middle of it.
    pub fn hold(&self, statement: &str) -> Held {
        let mut psql = Command::new("psql")
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"])
            .arg(&self.url)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("psql is installed with Postgres");
        let input = psql.stdin.as_mut().expect("its input is a pipe");
        writeln!(input, "begin; {statement}; select 'held';").expect("psql reads");
        let output = psql.stdout.take().expect("its output is a pipe");
        let mut lines = BufReader::new(output).lines();
        assert!(
            lines.any(|line| line.is_ok_and(|line| line == "held")),
            "{statement}"
        );
        Held(psql)
    }

    /// Waits until so many connections to this database wait for locks.
    pub async fn until_waiting(&self, count: usize) {
        let waiting = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
        self.until(waiting, &count.to_string()).await;
    }

    /// Waits until a query gives what is expected.
    pub async fn until(&self, query: &str, expected: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let found = self.sql(query);
            if found == expected {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "{query} gives {found}, not {expected}"
            );
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// An open transaction of `TestDb::hold`; dropped without a commit, it comes to nothing.
pub struct Held(Child);

impl Held {
    pub fn commit(mut self) {
        let mut input = self.0.stdin.take().expect("its input is a pipe");
        writeln!(input, "commit;").expect("psql reads");
        drop(input);
        assert!(self.0.wait().expect("psql ends").success());
    }
}

fn run(url: &str, statement: &str) -> String {
    let output = Command::new("psql")
        .args([
            "-X",
            "-q",
            "-A",
            "-t",
            "-v",
            "ON_ERROR_STOP=1",
            "-c",
            statement,
            url,
        ])
        .output()
        .expect("psql is installed with Postgres");
    assert!(
        output.status.success(),
        "{statement}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
