-- Batches: a run for each row of a file.

alter table run drop constraint run_source_known;
alter table run add constraint run_source_known
    check (source in ('form', 'webhook', 'api', 'manual', 'schedule', 'call', 'failure', 'batch', 'trial'));
alter table submission drop constraint submission_source_known;
alter table submission add constraint submission_source_known
    check (source in ('form', 'webhook', 'api', 'manual', 'schedule', 'batch', 'trial'));

create table batch (
    id uuid not null,
    workspace_id uuid not null,
    workflow_id uuid not null,
    version_id uuid not null,
    trigger_node text not null,
    name text not null,
    file_id uuid,
    keep_file boolean not null,
    state text not null default 'running',
    stop_runs boolean not null default false,
    row_count integer not null,
    created_at timestamptz not null default now(),
    created_by uuid,
    finished_at timestamptz,
    constraint batch_pkey primary key (id),
    constraint batch_workspace_fkey foreign key (workspace_id) references workspace (id) on delete cascade,
    constraint batch_workflow_fkey foreign key (workflow_id) references workflow (id) on delete cascade,
    constraint batch_version_fkey foreign key (version_id) references version (id) on delete cascade,
    constraint batch_created_by_fkey foreign key (created_by) references member (id) on delete set null,
    constraint batch_state_known check (state in ('running', 'stopped', 'finished')),
    constraint batch_finished check ((finished_at is not null) = (state = 'finished')),
    constraint batch_row_count_range check (row_count between 1 and 5000)
);
create index batch_by_workflow on batch (workspace_id, workflow_id, id);
create index batch_unfinished on batch (workspace_id, id) where state <> 'finished';
comment on column batch.version_id is 'All of its runs are of this version, which the rows were checked with.';
comment on column batch.name is 'Of the file.';
comment on column batch.file_id is 'An artifact without a run; null: it is not kept any more.';
comment on column batch.keep_file is 'No: it may hold private values, and goes when every row has begun.';
comment on column batch.stop_runs is 'Its unfinished runs are to be stopped, too.';

create table batch_row (
    batch_id uuid not null,
    number integer not null,
    workspace_id uuid not null,
    state text not null,
    title text not null default '',
    input jsonb,
    run_id uuid,
    retry boolean not null default false,
    problems jsonb,
    constraint batch_row_pkey primary key (batch_id, number),
    constraint batch_row_batch_fkey foreign key (batch_id) references batch (id) on delete cascade,
    constraint batch_row_state_known check (state in ('ready', 'begun', 'succeeded', 'failed', 'cancelled', 'left_out')),
    constraint batch_row_input check ((input is not null) = (state = 'ready')),
    constraint batch_row_run check ((run_id is null) = (state in ('ready', 'left_out'))),
    constraint batch_row_retry check (not retry or state in ('failed', 'cancelled'))
);
create unique index batch_row_by_run on batch_row (run_id) where run_id is not null;
create index batch_row_open on batch_row (batch_id, state, number) where state in ('ready', 'begun');
create index batch_row_to_retry on batch_row (batch_id, number) where retry;
comment on column batch_row.number is 'The row of the file, as a spreadsheet numbers it.';
comment on column batch_row.state is 'begun: its run is not over, or was not seen to be.';
comment on column batch_row.title is 'Until its run is there, which has its own.';
comment on column batch_row.input is 'What the trigger takes; it goes when the run has it.';
comment on column batch_row.run_id is 'The newest run of its chain of retries; it may have been removed since.';
comment on column batch_row.retry is 'Somebody wants its run tried again.';
comment on column batch_row.problems is 'engine::check::Problem: why it was left out, or cannot be tried again.';
