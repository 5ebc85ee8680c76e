//! Statements of the tests themselves, through `psql`: looking behind the store, and moving time by moving due dates.

use std::{
    process::Command,
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
