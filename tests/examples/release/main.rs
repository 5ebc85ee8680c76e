//! Makes `tests/fixtures/release-2.sql.gz`: an installation with accounts, secrets, published workflows, runs and deliveries in every
//! state, as this version of Formwork leaves them. A fixture is made once for a release and never again.

mod calls;
mod documents;
mod maker;
mod messages;
mod records;
mod turns;
mod waits;

use std::process::Command;

use formwork_tests::{TestDb, fixture};

use maker::{Maker, Receiver};

#[tokio::main]
async fn main() {
    let maker = Maker::new().await;
    maker.settle().await;
    let receiver = Receiver::open().await;
    let messages = messages::make(&maker, &receiver.url).await;
    let waits = waits::make(&maker, &receiver).await;
    let calls = calls::make(&maker).await;
    let records = records::make(&maker).await;
    let turns = turns::make(&maker).await;
    maker.office.rest().await;
    // What is under way is taken while nothing else is due.
    messages.leave(&maker).await;
    waits.leave(&maker).await;
    calls.leave(&maker).await;
    records.leave(&maker);
    turns.leave(&maker).await;
    dump(&maker.office.db);
}

fn dump(db: &TestDb) {
    let file = fixture::path("release-2");
    // Lines of newer programs that older ones do not know.
    let script = "set -o pipefail; pg_dump --no-owner --no-privileges \"$1\" | grep -v '^.\\(un\\)\\?restrict ' | gzip -9n >\"$2\"";
    let status = Command::new("bash")
        .args(["-c", script, "dump", &db.url])
        .arg(&file)
        .status()
        .expect("bash, pg_dump and gzip are installed");
    assert!(status.success());
}
