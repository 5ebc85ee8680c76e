//! Triggers that write down, in the commit that does it, what must never happen, and looks at everything while it is under way.

use std::collections::{BTreeMap, BTreeSet};

use formwork_tests::TestDb;

use super::ledger::{Known, Ledger};

/// Makes the database write down every breach, every end of a run, and who comes to have a place in a line and who leaves one.
pub(crate) fn install(db: &TestDb) {
    db.sql(
        "create table chaos_ended (run_id uuid, state text);
         create table chaos_broken (what text, before jsonb, after jsonb);
         create function chaos_step() returns trigger language plpgsql as $$
         begin
             if old.finished_at is not null and new is distinct from old then
                 insert into chaos_broken values ('a step that had ended was changed', to_jsonb(old), to_jsonb(new));
             end if;
             return null;
         end $$;
         create function chaos_run() returns trigger language plpgsql as $$
         begin
             if old.finished_at is not null and new is distinct from old then
                 insert into chaos_broken values ('a run that had ended was changed', to_jsonb(old), to_jsonb(new));
             elsif old.finished_at is null and new.finished_at is not null then
                 insert into chaos_ended values (new.id, new.state);
             end if;
             return null;
         end $$;
         create function chaos_number() returns trigger language plpgsql as $$
         begin
             if (new.series_id, new.year, new.count, new.number, new.first_run, new.node, new.item_path)
                 is distinct from (old.series_id, old.year, old.count, old.number, old.first_run, old.node, old.item_path)
                 or (old.state <> 'open' and new.state <> old.state) then
                 insert into chaos_broken values ('a number was changed', to_jsonb(old), to_jsonb(new));
             end if;
             return null;
         end $$;
         create function chaos_removed() returns trigger language plpgsql as $$
         begin
             insert into chaos_broken values (tg_table_name || ' was removed', to_jsonb(old), null);
             return null;
         end $$;
         create trigger chaos after update on step for each row execute function chaos_step();
         create trigger chaos after update on run for each row execute function chaos_run();
         create trigger chaos after update on number for each row execute function chaos_number();
         create trigger chaos_removed after delete on step for each row execute function chaos_removed();
         create trigger chaos_removed after delete on run for each row execute function chaos_removed();
         create trigger chaos_removed after delete on delivery for each row execute function chaos_removed();
         create trigger chaos_removed after delete on number for each row execute function chaos_removed();",
    );
    for witness in [CALLS, LINES, ANSWERS] {
        db.sql(witness);
    }
}

/// Who calls and who is called are looked at when a commit is complete: no moment is seen in which one goes on without the other.
const CALLS: &str = "
    create table chaos_called (run_id uuid, node text, item_path text);
    create function chaos_call() returns trigger language plpgsql as $$
    begin
        insert into chaos_called values (new.run_id, new.node, new.item_path);
        if exists (select from step where run_id = new.run_id and node = new.node and item_path = new.item_path and state = 'waiting')
            and not exists (select from run where parent_run = new.run_id and parent_node = new.node
                            and parent_item_path = new.item_path and finished_at is null) then
            insert into chaos_broken values ('a step waits for a call that was not made', null, to_jsonb(new));
        end if;
        return null;
    end $$;
    create function chaos_family() returns trigger language plpgsql as $$
    declare
        waits boolean := exists (select from step where run_id = new.parent_run and node = new.parent_node
                                 and item_path = new.parent_item_path and state = 'waiting' and waits_on = 'call');
    begin
        if new.parent_run is not null and waits = exists (select from run where id = new.id and finished_at is not null) then
            insert into chaos_broken values ('a called run goes on and nobody waits for it, or is over and its step waits', null, to_jsonb(new));
        end if;
        if new.finished_at is not null and exists (select from run where parent_run = new.id and finished_at is null) then
            insert into chaos_broken values ('a run is over and what it called is not', null, to_jsonb(new));
        end if;
        return null;
    end $$;
    create constraint trigger chaos_called after insert on step deferrable initially deferred for each row
        when (new.state = 'waiting' and new.waits_on = 'call') execute function chaos_call();
    create constraint trigger chaos_called_later after update on step deferrable initially deferred for each row
        when (old.state <> 'waiting' and new.state = 'waiting' and new.waits_on = 'call') execute function chaos_call();
    create constraint trigger chaos_family after insert or update on run deferrable initially deferred for each row
        when (new.parent_run is not null or new.finished_at is not null) execute function chaos_family();";

/// The numbers of a line's entries are its order: whoever writes one holds the line until the commit.
const LINES: &str = "
    create table chaos_line (number bigserial, workflow_id uuid, key text, run_id uuid, change integer, waited boolean);
    create function chaos_place() returns trigger language plpgsql as $$
    begin
        if tg_op = 'DELETE' then
            insert into chaos_line (workflow_id, key, run_id, change) values (old.workflow_id, old.key, old.run_id, -1);
        else
            insert into chaos_line (workflow_id, key, run_id, change, waited)
                values (new.workflow_id, new.key, new.run_id, 1, new.admitted_at > new.created_at);
        end if;
        return null;
    end $$;
    create function chaos_begun() returns trigger language plpgsql as $$
    begin
        if not exists (select from run_place where run_id = new.id and admitted_at is not null) then
            insert into chaos_broken values ('a run began without its place', null, to_jsonb(new));
        end if;
        return null;
    end $$;
    create trigger chaos_came after update on run_place for each row
        when (old.admitted_at is null and new.admitted_at is not null) execute function chaos_place();
    create trigger chaos_left after delete on run_place for each row when (old.admitted_at is not null) execute function chaos_place();
    create trigger chaos_begun after update on run for each row
        when (new.limited and old.started_at is null and new.started_at is not null) execute function chaos_begun();";

const ANSWERS: &str = "
    create function chaos_changed() returns trigger language plpgsql as $$
    begin
        insert into chaos_broken values (tg_table_name || ' was changed', to_jsonb(old), to_jsonb(new));
        return null;
    end $$;
    create trigger chaos after update on answer for each row execute function chaos_changed();
    create trigger chaos after update on approval for each row when (old.state <> 'open') execute function chaos_changed();
    create trigger chaos after update on batch_row for each row
        when (old.run_id is not null and new.run_id is distinct from old.run_id) execute function chaos_changed();
    create trigger chaos_removed after delete on answer for each row execute function chaos_removed();
    create trigger chaos_removed after delete on approval for each row execute function chaos_removed();
    create trigger chaos_removed after delete on batch_row for each row execute function chaos_removed();";

/// Fails for whatever the triggers wrote down.
pub(crate) fn nothing_broken(db: &TestDb) {
    assert_eq!(db.sql("select * from chaos_broken limit 3"), "");
}

/// Most runs of one line that ever had a place at the same time.
pub(crate) fn most_at_once(db: &TestDb) -> usize {
    let most = db.sql(
        "select coalesce(max(held), 0) from (
             select sum(change) over (partition by workflow_id, key order by number) as held from chaos_line) line",
    );
    most.parse().expect("a number")
}

/// Results of steps as they were seen, from outside of the database.
#[derive(Default)]
pub(super) struct Seen(BTreeMap<String, String>);

impl Seen {
    /// A look while everything is under way.
    pub(super) fn look(&mut self, db: &TestDb, ledger: &Ledger, at_once: usize) {
        // Always the same part of all runs, so that later looks meet what earlier ones saw.
        let results = db.sql(
            "select run_id || ' ' || node || ' ' || item_path, md5(output::text || ports::text) from step
             where state = 'succeeded' and hashtext(run_id::text) % 8 = 0",
        );
        for (step, result) in results.lines().filter_map(|line| line.split_once('|')) {
            let before = self.0.entry(step.to_owned()).or_insert(result.to_owned());
            assert_eq!(before, result, "{step}: a result changed");
        }
        nothing_broken(db);
        let held = most_at_once(db);
        assert!(held <= at_once, "{held} of one line went at once");
        assert_eq!(
            db.sql("select count(*) from queue_entry where lost >= 5"),
            "0",
            "a cap was reached"
        );
        let entries = ledger.read();
        let stored: BTreeSet<String> = db
            .sql("select id from run")
            .lines()
            .map(str::to_owned)
            .collect();
        let lost: Vec<&Known> = entries
            .accepted
            .values()
            .chain(entries.retries.values())
            .filter(|known| !stored.contains(&known.id))
            .collect();
        assert!(lost.is_empty(), "accepted runs are lost: {lost:?}");
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}
