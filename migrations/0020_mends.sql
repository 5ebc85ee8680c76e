-- Whoever looks for a chain of retries or for its numbers, void ones too, reads no whole table.

create index run_by_first_run on run (first_run);
create index number_by_first_run on number (first_run);
