-- Workflows that let only so many of their runs go at the same time, and the lines in which the others wait for it.

alter table version add column concurrency jsonb;
comment on column version.concurrency is 'engine::concurrency::Lines: how many runs go at the same time, by which key; null: any number.';

alter table run add column limited boolean not null default false;
alter table run add constraint run_limited check (not (limited and trial));
comment on column run.limited is 'Its version limits how many runs go at the same time: until its end it has a place in a line.';

-- One row for each unfinished run that is limited. While it is not admitted, the run has no entry in the queue.
create table run_place (
    run_id uuid not null,
    workspace_id uuid not null,
    workflow_id uuid not null,
    key text not null,
    key_failed boolean not null default false,
    heads text[] not null,
    priority smallint not null,
    created_at timestamptz not null default now(),
    admitted_at timestamptz,
    rank timestamp not null generated always as ((created_at at time zone 'UTC') - priority * interval '1 hour') stored,
    constraint run_place_pkey primary key (run_id),
    constraint run_place_key_length check (char_length(key) <= 200),
    constraint run_place_heads check (cardinality(heads) > 0),
    constraint run_place_priority_known check (priority between 0 and 2)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500,
        autovacuum_vacuum_cost_delay = 0);
create index run_place_waiting on run_place (workflow_id, key, rank, run_id) where admitted_at is null;
create index run_place_admitted on run_place (workflow_id, key) where admitted_at is not null;
comment on column run_place.key is 'The line within the workflow; empty where its runs stand in one line, or where the key could not be made.';
comment on column run_place.key_failed is 'The key could not be made of what was handed in.';
comment on column run_place.heads is 'The steps whose entries it gets when it is admitted.';
comment on column run_place.rank is 'Order in the line, as in the queue: an hour of waiting counts as much as one step of priority.';
