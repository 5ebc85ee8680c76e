//! The programs, their database and the way to it, and everything that happens to them.

use std::{collections::BTreeMap, time::Duration};

use formwork_tests::process::{Installation, Program, Role, is_abort, until};
use rand::{RngExt as _, rngs::StdRng};

use super::postgres::{Postgres, Proxy};

/// How long a program may be silent before others take its work.
pub(super) const LEASE_SECONDS: u32 = 3;
/// The places of those that serve, and of those that work.
const SERVERS: [usize; 2] = [0, 1];
const WORKERS: [usize; 2] = [2, 3];
/// A program that worked this long does not end by itself, whatever its database does.
const STARTED_SECONDS: u32 = 5;

/// What happens.
#[derive(Clone, Copy, Debug)]
pub(super) enum Strike {
    /// A program is killed, as if the power went, and started again.
    Kill(usize),
    /// A program stands still, with all its connections, until its leases have run out; then it goes on with what it held.
    Pause(usize),
    /// A program ends itself at a named point.
    Fault(usize, &'static str),
    /// A program stands still at a named point until its leases have run out.
    Freeze(usize, &'static str),
    /// The task that commits panics in the middle.
    Panic(usize),
    /// The database is killed with all its processes, and recovers.
    Database,
    /// Every connection to the database breaks.
    Cut,
    /// Every connection breaks, and for a while nobody is let in.
    Refuse,
    /// The database ends one connection.
    Backend,
}

impl Strike {
    /// Every kind, at every place where it makes a difference.
    pub(super) fn all() -> Vec<Self> {
        let mut all = vec![Self::Database, Self::Cut, Self::Refuse, Self::Backend];
        for place in SERVERS.into_iter().chain(WORKERS) {
            all.extend([Self::Kill(place), Self::Pause(place)]);
        }
        for point in ["after_claim", "effect_done", "committed"] {
            all.extend([SERVERS[1], WORKERS[0]].map(|place| Self::Fault(place, point)));
            all.push(Self::Freeze(WORKERS[1], point));
        }
        all.push(Self::Panic(WORKERS[0]));
        all
    }

    /// Each kind once.
    pub(super) fn few() -> Vec<Self> {
        vec![
            Self::Kill(SERVERS[0]),
            Self::Kill(WORKERS[0]),
            Self::Pause(WORKERS[1]),
            Self::Fault(SERVERS[1], "committed"),
            Self::Fault(WORKERS[0], "effect_done"),
            Self::Freeze(WORKERS[1], "effect_done"),
            Self::Panic(WORKERS[0]),
            Self::Database,
            Self::Cut,
            Self::Refuse,
            Self::Backend,
        ]
    }

    fn name(self) -> String {
        match self {
            Self::Kill(place) if SERVERS.contains(&place) => "server killed".into(),
            Self::Kill(_) => "worker killed".into(),
            Self::Pause(_) => "paused beyond its leases".into(),
            Self::Fault(_, point) => format!("died at {point}"),
            Self::Freeze(_, point) => format!("stood still at {point}"),
            Self::Panic(_) => "commit panicked".into(),
            Self::Database => "Postgres killed".into(),
            Self::Cut => "connections cut".into(),
            Self::Refuse => "connections refused".into(),
            Self::Backend => "one connection ended".into(),
        }
    }
}

/// One program and those before it at its place.
struct Place {
    program: Program,
    /// As it is called in the list of processes.
    host: String,
    fault: Option<String>,
    /// Disturbances of the database before it was started.
    disturbances: usize,
}

pub(super) struct House {
    pub(super) site: Installation,
    postgres: Postgres,
    proxy: Proxy,
    listens: Vec<String>,
    places: Vec<Place>,
    started: usize,
    /// How often the database was taken away.
    disturbances: usize,
    /// What happened how often.
    pub(super) counts: BTreeMap<String, usize>,
    random: StdRng,
}

impl House {
    /// `listens`: where those that serve are reached.
    pub(super) fn open(
        site: Installation,
        postgres: Postgres,
        proxy: Proxy,
        listens: Vec<String>,
        random: StdRng,
    ) -> Self {
        let mut house = Self {
            site,
            postgres,
            proxy,
            listens,
            places: Vec::new(),
            started: 0,
            disturbances: 0,
            counts: BTreeMap::new(),
            random,
        };
        for place in SERVERS.into_iter().chain(WORKERS) {
            let started = house.start(place, None);
            house.places.push(started);
        }
        house
    }

    fn start(&mut self, place: usize, fault: Option<String>) -> Place {
        let role = match SERVERS.contains(&place) {
            // One that also runs has leases of what it has just accepted, and points to die at.
            true if fault.is_some() || self.random.random_bool(0.6) => Role::Run,
            true => Role::Serve,
            false => Role::Work,
        };
        self.started += 1;
        let host = format!("{role:?}-{place}-{}", self.started);
        let mut environment = vec![("HOSTNAME", host.as_str())];
        if let Some(listen) = self.listens.get(place) {
            environment.push(("FORMWORK_LISTEN", listen));
        }
        let program = self.site.start_with(role, fault.as_deref(), &environment);
        Place {
            program,
            host,
            fault,
            disturbances: self.disturbances,
        }
    }

    fn restart(&mut self, place: usize, fault: Option<String>) {
        self.places[place].program.kill();
        self.places[place] = self.start(place, fault);
    }

    /// Starts again what ended as it should, and fails for what should not have ended.
    pub(super) fn revive(&mut self) {
        for place in 0..self.places.len() {
            let Some(status) = self.places[place].program.ended() else {
                continue;
            };
            let ended = &self.places[place];
            let armed = ended.fault.is_some() && is_abort(status);
            // A program that cannot reach its database while it starts says so and ends; whoever runs it starts it again.
            let without_database = status.code() == Some(1)
                && ended.disturbances < self.disturbances
                && !self.worked(&ended.host);
            assert!(
                armed || without_database,
                "{} ended by itself: {status}\n{}",
                ended.host,
                ended.program.log()
            );
            if without_database {
                self.count("ended at its start, without a database");
            }
            self.places[place] = self.start(place, None);
        }
    }

    fn worked(&self, host: &str) -> bool {
        let found = self.site.db.sql(&format!(
            "select count(*) from worker where host = '{host}' and seen_at > started_at + interval '{STARTED_SECONDS} s'"
        ));
        found != "0"
    }

    fn count(&mut self, what: &str) {
        *self.counts.entry(what.to_owned()).or_default() += 1;
    }

    /// What the cap of lost workers does is the subject of other tests: nothing comes close to it here.
    pub(super) fn is_calm(&self) -> bool {
        self.site
            .db
            .sql("select count(*) from queue_entry where lost >= 2")
            == "0"
    }

    /// One strike; returns when it has happened and everything may go on.
    pub(super) async fn strike(&mut self, strike: Strike) {
        match strike {
            Strike::Kill(place) => self.restart(place, None),
            Strike::Pause(place) => {
                self.places[place].program.pause();
                self.outlasts_its_leases(place).await;
                self.places[place].program.resume();
            }
            Strike::Fault(place, point) => {
                let passage = self.random.random_range(1..=3);
                self.restart(place, Some(format!("{point}:{passage}")));
                until("a fault strikes", || {
                    self.places[place].program.ended().is_some()
                })
                .await;
            }
            Strike::Freeze(place, point) => {
                let passage = self.random.random_range(1..=3);
                self.restart(place, Some(format!("{point}:{passage}:freeze")));
                until("a program stands still", || {
                    self.places[place].program.is_frozen()
                })
                .await;
                self.outlasts_its_leases(place).await;
                self.places[place].program.resume();
                self.places[place].fault = None;
            }
            Strike::Panic(place) => {
                self.restart(place, Some("commit_panics".into()));
                let program = &self.places[place].program;
                until("a commit panics", || {
                    program.log().contains("an armed fault")
                })
                .await;
            }
            Strike::Database => {
                self.disturbances += 1;
                tokio::task::block_in_place(|| self.postgres.strike());
                // Its programs notice while it is already there again.
                self.disturbances += 1;
            }
            Strike::Cut => {
                self.disturbances += 1;
                self.proxy.cut();
            }
            Strike::Refuse => {
                self.disturbances += 1;
                self.proxy.refuse(self.random.random_range(5..=40));
                self.proxy.cut();
                until("so many are refused", || !self.proxy.refuses()).await;
            }
            Strike::Backend => {
                self.disturbances += 1;
                self.site.db.sql(
                    "select pg_terminate_backend(pid) from pg_stat_activity
                     where application_name = 'formwork' order by random() limit 1",
                );
            }
        }
        self.count(&strike.name());
        self.revive();
    }

    /// Waits until the database has not heard of a program for longer than a lease. One that had no time to make itself known has none.
    async fn outlasts_its_leases(&self, place: usize) {
        let seen = format!(
            "select count(*) from worker where host = '{}' and seen_at > now() - interval '{} s'",
            self.places[place].host,
            LEASE_SECONDS + 1
        );
        self.site.until(&seen, "0").await;
    }

    /// Waits until every server answers.
    pub(super) async fn answers(&mut self) {
        for place in SERVERS {
            let address = self.listens[place].clone();
            let program = &mut self.places[place].program;
            until("a server answers", || {
                assert!(program.ended().is_none(), "{}", program.log());
                std::net::TcpStream::connect(&address).is_ok()
            })
            .await;
        }
    }

    /// Asks everybody for an orderly stop.
    pub(super) fn close(&mut self) {
        for place in &mut self.places {
            let status = place.program.stop();
            assert!(
                status.success(),
                "{}: {status}\n{}",
                place.host,
                place.program.log()
            );
        }
    }

    /// What all programs said, one after the other.
    pub(super) fn logs(&self) -> Vec<String> {
        std::fs::read_dir(self.site.db.folder())
            .expect("a folder")
            .flatten()
            .filter(|entry| entry.path().extension().is_some_and(|kind| kind == "log"))
            .map(|entry| std::fs::read_to_string(entry.path()).expect("a log"))
            .collect()
    }
}

/// The addresses that so many servers get; nobody else is given them while they are fresh.
pub(super) fn addresses() -> Vec<String> {
    // All of them are open at the same time, so that none is given twice.
    let listeners = SERVERS.map(|_| std::net::TcpListener::bind("127.0.0.1:0").expect("a port"));
    listeners
        .iter()
        .map(|listener| listener.local_addr().expect("an address").to_string())
        .collect()
}

/// A random moment of what goes on, so that strikes meet everything.
pub(super) async fn some_moment(random: &mut StdRng) {
    tokio::time::sleep(Duration::from_millis(random.random_range(0..400))).await;
}
