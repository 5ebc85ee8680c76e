-- Schedules of published workflows: when the next run of each begins.

alter table run drop constraint run_source_known;
alter table run add constraint run_source_known check (source in ('form', 'webhook', 'api', 'manual', 'schedule', 'trial'));
alter table submission drop constraint submission_source_known;
alter table submission add constraint submission_source_known
    check (source in ('form', 'webhook', 'api', 'manual', 'schedule', 'trial'));

create table schedule (
    workflow_id uuid not null,
    node text not null,
    workspace_id uuid not null,
    schedule jsonb not null,
    time_zone text not null,
    next_at timestamptz,
    last_at timestamptz,
    last_run_id uuid,
    constraint schedule_pkey primary key (workflow_id, node),
    constraint schedule_workflow_fkey foreign key (workflow_id) references workflow (id) on delete cascade,
    constraint schedule_last check ((last_at is null) = (last_run_id is null))
);
create index schedule_due on schedule (next_at) where next_at is not null;
create index schedule_by_workspace on schedule (workspace_id, workflow_id);
comment on table schedule is 'Of the live version; publishing replaces it.';
comment on column schedule.schedule is 'engine::schedule::Schedule.';
comment on column schedule.next_at is 'Null: the workflow is off or deleted, or the schedule has come to its end.';
comment on column schedule.last_at is 'The moment that the last run was begun for, which may be later than that.';
comment on column schedule.last_run_id is 'That run; it may have been removed since.';
