//! What must be true of runs that belong together when everything has come to rest: those that call and those that are called, those that
//! fail and those that hear of it, those of one line, and those of one file.

use formwork_tests::TestDb;

use super::{flows::VISITS_AT_ONCE, ledger::Entries, witness};

/// Each call made one run, and what became of that is what the step told.
pub(super) fn calls(db: &TestDb, entries: &Entries) {
    let rows = db.sql(
        "select s.run_id, s.node, s.state, coalesce(s.error ->> 'code', ''), called.times, children.count, coalesce(child.id::text, ''),
                coalesce(child.state, ''), coalesce(child.input ->> 'days' = run.input ->> 'days', true),
                coalesce(s.output ->> 'run' = child.id::text
                    and s.output -> 'answer' = answer.answer #> '{body,values}', false)
         from step s join run on run.id = s.run_id join workflow w on w.id = run.workflow_id
              cross join lateral (select count(*) as times from chaos_called c
                  where c.run_id = s.run_id and c.node = s.node and c.item_path = s.item_path) called
              cross join lateral (select count(*) from run child
                  where child.parent_run = s.run_id and child.parent_node = s.node and child.parent_item_path = s.item_path) children
              left join lateral (select child.id, child.state, child.input from run child
                  where child.parent_run = s.run_id and child.parent_node = s.node and child.parent_item_path = s.item_path
                  limit 1) child on true
              left join answer on answer.run_id = child.id
         where w.name in ('Trip', 'Fare') and s.node in ('call', 'also')",
    );
    for row in rows.lines() {
        let columns = row.split('|').collect::<Vec<_>>();
        let [
            _,
            _,
            state,
            code,
            times,
            children,
            child,
            ended,
            as_asked,
            as_answered,
        ] = columns[..]
        else {
            panic!("{row}");
        };
        assert_eq!(times, children, "one run for each call: {row}");
        assert_eq!(as_asked, "t", "{row}");
        let as_told = match (state, code) {
            ("succeeded", _) => times == "1" && ended == "succeeded" && as_answered == "t",
            ("failed", "called_run_failed") => times == "1" && ended == "failed",
            ("failed", "called_run_stopped") => {
                times == "1" && ended == "cancelled" && entries.stopped.contains_key(child)
            }
            // With its run, before it called or while it waited; the called run may have ended already.
            ("cancelled", _) => ["0", "1"].contains(&times),
            _ => false,
        };
        assert!(as_told, "{row}");
    }
    let strays = db.sql(
        "select id from run where source = 'call' and not exists (
             select from step s where s.run_id = run.parent_run and s.node = run.parent_node and s.item_path = run.parent_item_path
               and s.node in ('call', 'also')) limit 5",
    );
    assert_eq!(strays, "", "nobody called these");
    // Nobody but a person or its caller's end ends a called run.
    let cut = db.sql(
        "select child.id from run child join run on run.id = child.parent_run
         where child.state = 'cancelled' and run.state = 'succeeded' limit 5",
    );
    assert_eq!(cut, "", "a caller succeeds with what it called");
}

/// Each failed run of a workflow that tells of its failures was told of once, with its own reason.
pub(super) fn failures(db: &TestDb) {
    let wrong = db.sql(
        "select run.id, count(told.id) from run join version v on v.id = run.version_id
              left join run told on told.source = 'failure' and told.failure_of = run.id
         where run.state = 'failed' and v.document ->> 'on_failure' is not null group by run.id having count(told.id) <> 1 limit 5",
    );
    assert_eq!(wrong, "", "a failure is told of once");
    let untrue = db.sql(
        "select told.id from run told left join run on run.id = told.failure_of left join version v on v.id = run.version_id
         where told.source = 'failure' and not coalesce(
             run.state = 'failed' and v.document ->> 'on_failure' = told.workflow_id::text
             and told.input = jsonb_build_object('run_id', run.id, 'code', run.error ->> 'code'), false) limit 5",
    );
    assert_eq!(untrue, "", "nobody tells of what did not fail");
}

/// Never more of one customer went than may, whoever went had a place, and every place was given back.
pub(super) fn lines(db: &TestDb) {
    let held = witness::most_at_once(db);
    assert!(held <= VISITS_AT_ONCE, "{held} of one line went at once");
    let wrong = db.sql(
        "select run.id, run.state, coalesce(sum(change), 0), count(change) from run left join chaos_line line on line.run_id = run.id
         where run.limited group by run.id, run.state
         having coalesce(sum(change), 0) <> 0 or count(change) <> 2 and (count(change) <> 0 or run.state <> 'cancelled') limit 5",
    );
    assert_eq!(wrong, "", "one place for each run that went");
    let unlimited = "select count(*) from run join workflow w on w.id = run.workflow_id where run.limited <> (w.name = 'Visit')";
    assert_eq!(db.sql(unlimited), "0");
}

/// Each file is one batch, and each row of it one run.
pub(super) fn files(db: &TestDb, entries: &Entries) {
    let batches = db.sql(
        "select name, row_count from batch where state = 'finished' order by name collate \"C\"",
    );
    let files = entries.files.iter();
    let files: Vec<String> = files.map(|(name, rows)| format!("{name}|{rows}")).collect();
    assert_eq!(batches, files.join("\n"), "each file is one batch");
    let wrong = db.sql(
        "select b.name, count(*), count(distinct run.id), count(distinct run.input ->> 'number') from batch b
              join batch_row r on r.batch_id = b.id left join run on run.id = r.run_id and run.source = 'batch' and run.state = r.state
         group by b.id, b.name, b.row_count
         having count(*) <> b.row_count or count(distinct run.id) <> b.row_count
             or count(distinct run.input ->> 'number') <> b.row_count limit 5",
    );
    assert_eq!(wrong, "", "each row is one run");
    assert_eq!(
        db.sql("select count(*) from run where source = 'batch'"),
        db.sql("select count(*) from batch_row"),
        "no run but those of rows"
    );
}
