//! Statements of the tests themselves, through `psql`: looking behind the store, and moving time by moving due dates.

use std::process::Command;

use crate::TestDb;

impl TestDb {
    /// Runs one statement and returns what it selects, columns separated by `|`, rows by line breaks.
    pub fn sql(&self, statement: &str) -> String {
        run(&self.url, statement)
    }

    /// The same from another database of the server, so that looking leaves no trace in this one's statistics. `:db` stands for this
    /// one's name.
    pub fn sql_from_beside(&self, statement: &str) -> String {
        let (url, name) = self.beside();
        run(&url, &statement.replace(":db", &format!("'{name}'")))
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
