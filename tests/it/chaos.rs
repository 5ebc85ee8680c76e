//! The harness of deaths: real servers and workers over a real Postgres, struck at random while programs, people and an office use them.
//! Whatever is struck, what anybody was told stays true. `make chaos` strikes for `CHAOS_SECONDS`, `make test` once with everything.

mod answers;
mod check;
mod clerk;
mod clock;
mod desk;
mod flows;
mod house;
mod ledger;
mod load;
mod postgres;
mod together;
pub(crate) mod witness;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use formwork_tests::{
    TestDb,
    office::{Caller, EMAIL, PASSWORD},
    process::{Installation, until},
    receiver,
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};
use tokio::task::JoinSet;

use desk::Visits;
use flows::{Flows, VISITS_AT_ONCE};
use house::{House, LEASE_SECONDS, Strike, some_moment};
use load::Shop;
use postgres::{Postgres, Proxy};
use witness::Seen;

/// Programs and people that send at the same time.
const PROGRAMS: usize = 4;
const PEOPLE: usize = 2;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// Strikes until time is up, or each kind once.
struct Plan {
    until: Option<Instant>,
    strikes: Vec<Strike>,
}

impl Plan {
    fn new(random: &mut StdRng) -> Self {
        let until =
            number("CHAOS_SECONDS").map(|seconds| Instant::now() + Duration::from_secs(seconds));
        let mut strikes = match until {
            Some(_) => Vec::new(),
            None => Strike::few(),
        };
        strikes.shuffle(random);
        Self { until, strikes }
    }

    fn next(&mut self, random: &mut StdRng) -> Option<Strike> {
        if self.strikes.is_empty() && self.until.is_some_and(|until| Instant::now() < until) {
            self.strikes = Strike::all();
            self.strikes.shuffle(random);
        }
        self.strikes
            .pop()
            .filter(|_| self.until.is_none_or(|until| Instant::now() < until))
    }
}

#[tokio::test(flavor = "multi_thread")]
#[expect(
    clippy::print_stderr,
    reason = "the seed repeats a failure, as far as processes can be repeated; the counts say what was tried"
)]
async fn whatever_dies_what_anybody_was_told_stays_true() {
    let seed = number("CHAOS_SEED").unwrap_or_else(rand::random);
    eprintln!("CHAOS_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let postgres = Postgres::start();
    let proxy = Proxy::before(&postgres).await;
    let db = TestDb::on(postgres.url()).await;
    witness::install(&db);
    let mut through: url::Url = db.url.parse().expect("an address");
    through.set_query(None);
    through.set_ip_host(proxy.address.ip()).expect("a host");
    through
        .set_port(Some(proxy.address.port()))
        .expect("a port");
    let lease = LEASE_SECONDS.to_string();
    let site = Installation::on(
        db,
        &[
            ("DATABASE_URL", through.as_str()),
            ("FORMWORK_LEASE_SECONDS", &lease),
            // What its fence keeps out is no warning.
            ("FORMWORK_LOG", "warn,executor=info"),
        ],
    );
    let (received, receiver) = receiver::open().await;
    let (visits, desk) = desk::open().await;
    let listens = house::addresses();
    let servers: Vec<String> = listens
        .iter()
        .map(|listen| format!("http://{listen}"))
        .collect();
    let mut house = House::open(site, postgres, proxy, listens, fork(&mut random));
    house.answers().await;
    let mut owner = Caller {
        address: servers[0].clone(),
        ..Caller::default()
    };
    owner.sign_in(EMAIL, PASSWORD).await.expect(200);
    let store = house.site.db.store_with(2).await;
    let flows = Flows::publish(&owner, &receiver, &desk).await;
    let shop = Arc::new(Shop::open(owner, servers, flows, store));

    // Whoever is asked goes on answering until nobody waits any more.
    let (mut users, mut asked) = (JoinSet::new(), JoinSet::new());
    for number in 0..PROGRAMS {
        users.spawn(load::program(shop.clone(), fork(&mut random), number));
    }
    for number in 0..PEOPLE {
        users.spawn(load::person(shop.clone(), fork(&mut random), number));
    }
    users.spawn(clerk::clerk(shop.clone(), fork(&mut random)));
    users.spawn(clerk::files(shop.clone(), fork(&mut random)));
    asked.spawn(answers::approver(shop.clone(), fork(&mut random)));
    asked.spawn(answers::bank(
        shop.clone(),
        fork(&mut random),
        received.clone(),
    ));
    let (mut plan, mut seen) = (Plan::new(&mut random), Seen::default());
    while let Some(strike) = plan.next(&mut random) {
        let enough = shop.ledger.accepted_so_far() + random.random_range(2..12);
        until("there is work and nothing is suspected", || {
            house.revive();
            still_there(&mut users);
            still_there(&mut asked);
            shop.ledger.accepted_so_far() >= enough && house.is_calm()
        })
        .await;
        clock::turn_back(&house.site.db, &shop.ledger, &mut random);
        some_moment(&mut random).await;
        house.strike(strike).await;
        seen.look(&house.site.db, &shop.ledger, VISITS_AT_ONCE);
    }

    shop.close();
    until("everybody gets an answer", || {
        house.revive();
        still_there(&mut users);
        still_there(&mut asked);
        users.is_empty()
    })
    .await;
    clock::stop(&mut house, &shop, &mut random).await;
    until("everything comes to rest", || {
        house.revive();
        still_there(&mut asked);
        // Receivers that are not reached are tried again minutes and hours later.
        house.site.db.sql("update delivery set due_at = now() where state = 'retrying' and due_at > now()");
        house.site.db.sql(
            "select (select count(*) from run where finished_at is null) + (select count(*) from delivery where finished_at is null)
                  + (select count(*) from batch where finished_at is null)",
        ) == "0"
    })
    .await;
    shop.end();
    until("nobody is asked any more", || {
        still_there(&mut asked);
        asked.is_empty()
    })
    .await;
    house.close();
    seen.look(&house.site.db, &shop.ledger, VISITS_AT_ONCE);
    check::at_rest(&house.site.db, &shop.ledger, &received, &visits);
    let panics = unexpected_panics(&house.logs());
    assert!(panics.is_empty(), "{panics:#?}");
    eprintln!("{}", told(&house, &shop, &received, &visits, &seen));
}

fn fork(random: &mut StdRng) -> StdRng {
    StdRng::seed_from_u64(random.random())
}

/// Whoever finds a contradiction panics; that is the test's failure.
fn still_there(users: &mut JoinSet<()>) {
    while let Some(gone) = users.try_join_next() {
        if let Err(error) = gone {
            std::panic::resume_unwind(error.into_panic());
        }
    }
}

/// Every panic but those that were ordered, with what it said.
fn unexpected_panics(logs: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    for log in logs {
        let mut lines = log.lines();
        while let Some(line) = lines.next() {
            if line.contains("panicked at") {
                let said = lines.next().unwrap_or_default();
                if !said.contains("an armed fault") {
                    found.push(format!("{line}\n{said}"));
                }
            }
        }
    }
    found
}

fn told(
    house: &House,
    shop: &Shop,
    received: &receiver::Ledger,
    visits: &Visits,
    seen: &Seen,
) -> String {
    let db = &house.site.db;
    let fenced: usize = house
        .logs()
        .iter()
        .map(|log| log.matches("a segment was dropped").count())
        .sum();
    let arrivals: usize = received
        .lock()
        .expect("no panic")
        .values()
        .map(Vec::len)
        .sum();
    let entries = shop.ledger.read();
    format!(
        "strikes: {:#?}\nsegments that a fence kept out: {fenced}\nkeys accepted: {}, retries: {}, answers with a number: {}, Stop answered: {}\n\
         decisions taken: {}, links called: {}, refused because another was taken: {}, visits told: {}\n\
         runs: {}\n{}\nsteps that called: {}, runs that heard of a failure: {}, runs that waited in line: {}, of a file: {}, of a moment: {}\n\
         deliveries: {} in {arrivals} arrivals\nnumbers: {}\nsteps whose result was looked at again and again: {}",
        house.counts,
        entries.accepted.len(),
        entries.retries.len(),
        entries.numbers.len(),
        entries.stopped.len(),
        entries.decided.len(),
        entries.called_back.len(),
        entries.refused,
        visits.lock().expect("no panic").len(),
        db.sql("select string_agg(count || ' ' || state, ', ') from (select state, count(*) from run group by 1 order by 1) r"),
        db.sql(
            "select string_agg(name || ': ' || states, E'\\n') from (
                 select name, string_agg(count || ' ' || state, ', ' order by state) as states from (
                     select w.name, run.state, count(*) from run join workflow w on w.id = run.workflow_id group by 1, 2) r
                 group by 1 order by 1) w",
        ),
        db.sql("select count(*) from chaos_called"),
        db.sql("select count(*) from run where source = 'failure'"),
        db.sql("select count(*) from chaos_line where waited"),
        db.sql("select count(*) from run where source = 'batch'"),
        db.sql("select count(*) from run where source = 'schedule'"),
        db.sql("select count(*) from delivery"),
        db.sql("select string_agg(count || ' ' || state, ', ') from (select state, count(*) from number group by 1 order by 1) n"),
        seen.len(),
    )
}
