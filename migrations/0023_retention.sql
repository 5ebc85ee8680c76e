-- How long runs and their files are kept, and what the last clean-up removed.

create table retention (
    workspace_id uuid not null,
    run_days integer default 90,
    most_runs bigint,
    file_days integer,
    most_file_bytes bigint,
    changed_at timestamptz not null default now(),
    changed_by uuid,
    constraint retention_pkey primary key (workspace_id),
    constraint retention_workspace_fkey foreign key (workspace_id) references workspace (id) on delete cascade,
    constraint retention_changed_by_fkey foreign key (changed_by) references member (id) on delete set null,
    constraint retention_run_days_range check (run_days between 3 and 36500),
    constraint retention_most_runs_range check (most_runs between 1 and 1000000000),
    constraint retention_file_days_range check (file_days between 3 and 36500),
    constraint retention_most_file_bytes_range check (most_file_bytes between 1000000 and 1000000000000000)
);
comment on table retention is 'Without a row runs are kept for 90 days.';
comment on column retention.run_days is 'Days after a run''s end; null: age removes nothing.';
comment on column retention.most_runs is 'Of all workflows together, the newest ones; null: any number.';
comment on column retention.file_days is 'Days after a run''s start; null: as long as the run.';
comment on column retention.most_file_bytes is 'Of all files of runs together, the newest ones; null: any number.';

-- Who has used Formwork so far was never told that runs go: everything stays until somebody there says how long.
insert into retention (workspace_id, run_days) select id, null from workspace;

alter table workflow add column run_days integer;
alter table workflow add constraint workflow_run_days_range check (run_days between 3 and 36500);
comment on column workflow.run_days is 'Its own number of days instead of retention.run_days; null: as the workspace.';

create table clean_up (
    workspace_id uuid not null,
    at timestamptz not null default now(),
    runs bigint not null default 0,
    deliveries bigint not null default 0,
    files bigint not null default 0,
    file_bytes bigint not null default 0,
    kept bigint not null default 0,
    constraint clean_up_pkey primary key (workspace_id),
    constraint clean_up_workspace_fkey foreign key (workspace_id) references workspace (id) on delete cascade
);
comment on table clean_up is 'The last one that removed something.';
comment on column clean_up.runs is 'Removed, as are deliveries, files and their bytes.';
comment on column clean_up.kept is 'Runs that are old enough and stay: with open numbers, or messages under way.';

-- The files that count, in the order of their runs; the sum is read from the index alone.
create index artifact_of_runs on artifact (workspace_id, run_id) include (size_bytes) where run_id is not null and deleted_at is null;

-- Drops monthly partitions of the months before the last one that hold nothing any more; those of steps and tries go with those of
-- their runs. Who is at work is not waited for: what is locked is dropped another day.
create function drop_empty_partitions() returns integer language plpgsql as $$
declare
    family text[];
    month text;
    part text;
    parent text;
    is_filled boolean;
    dropped integer := 0;
begin
    perform set_config('lock_timeout', '500ms', true);
    for family in values (array['run', 'step', 'attempt']), (array['delivery', 'delivery_attempt']) loop
        for month in
            select right(child.relname, 7) from pg_inherits join pg_class child on child.oid = inhrelid
            where inhparent = family[1]::regclass and child.relname ~ (family[1] || '_\d{4}_\d{2}$')
              and right(child.relname, 7) < to_char((now() at time zone 'UTC') - interval '1 month', 'YYYY_MM')
            order by 1
        loop
            begin
                is_filled := false;
                -- Without the locks first: whoever finds something there holds nobody up.
                for attempt in 1..2 loop
                    foreach parent in array family loop
                        part := format('%s_%s', parent, month);
                        continue when to_regclass(part) is null;
                        if attempt = 2 then
                            execute format('lock table %I in access exclusive mode', part);
                        end if;
                        execute format('select exists (select from %I)', part) into is_filled;
                        exit when is_filled;
                    end loop;
                    exit when is_filled;
                end loop;
                continue when is_filled;
                foreach parent in array family loop
                    part := format('%s_%s', parent, month);
                    continue when to_regclass(part) is null;
                    execute format('drop table %I', part);
                    dropped := dropped + 1;
                end loop;
            exception when lock_not_available then
                null;
            end;
        end loop;
    end loop;
    return dropped;
end
$$;
comment on function drop_empty_partitions is 'How many tables it dropped.';
