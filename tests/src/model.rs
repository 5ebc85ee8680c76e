//! The real model worker process with the fake backend, for tests.

use std::{
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use crate::TestDb;

/// A running `formwork-model serve --model fake`; killed when dropped.
pub struct ModelWorker {
    child: Child,
}

impl ModelWorker {
    /// Starts it on the test's database; `environment` adds variables such as `FORMWORK_FAKE_TOKEN_MS`.
    pub fn start(db: &TestDb, environment: &[(&str, &str)]) -> Self {
        Self::start_on(&db.url, environment)
    }

    pub fn start_on(database_url: &str, environment: &[(&str, &str)]) -> Self {
        Self::start_with(database_url, "fake", environment)
    }

    /// With another model than the fake one.
    pub fn start_with(database_url: &str, model: &str, environment: &[(&str, &str)]) -> Self {
        let child = Command::new(program())
            .args(["serve", "--model", model, "--with-parent"])
            .env("DATABASE_URL", database_url)
            .env("FORMWORK_TEST", "1")
            .env(
                "FORMWORK_MODEL_DIR",
                std::env::temp_dir().join("formwork-test-models"),
            )
            .env("RUST_LOG", "warn")
            .envs(environment.iter().copied())
            .stdin(Stdio::piped())
            .spawn()
            .expect("the model worker starts");
        Self { child }
    }

    /// As if the power went.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Closes its standard input, as a parent's death does, and waits for the orderly end; tells whether it ended well.
    pub fn stop(&mut self) -> bool {
        drop(self.child.stdin.take());
        self.child.wait().is_ok_and(|status| status.success())
    }

    /// Waits until it ended by itself.
    pub fn ended(&mut self) -> bool {
        // `wait` closes the input it finds, which would be an orderly stop.
        let input = self.child.stdin.take();
        let ended = self.child.wait().is_ok_and(|status| status.success());
        drop(input);
        ended
    }
}

impl Drop for ModelWorker {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The worker's program lies two folders above this test's.
pub fn program() -> PathBuf {
    let beside = std::env::current_exe()
        .ok()
        .and_then(|test| Some(test.parent()?.parent()?.join("formwork-model")))
        .expect("a test has a folder");
    assert!(
        beside.is_file(),
        "{} is not built: run `cargo build --workspace --bins` first",
        beside.display()
    );
    beside
}
