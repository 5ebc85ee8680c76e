-- Workflows that call others: what a version offers to callers, which workflows it calls, and the runs that came of calls.

alter table run drop constraint run_source_known;
alter table run add constraint run_source_known
    check (source in ('form', 'webhook', 'api', 'manual', 'schedule', 'call', 'failure', 'trial'));
alter table run add column parent_run uuid;
alter table run add column parent_node text;
alter table run add column parent_item_path text;
alter table run add column depth smallint not null default 0;
alter table run add column failure_of uuid;
alter table run add constraint run_parent_whole
    check ((parent_run is null) = (parent_node is null) and (parent_run is null) = (parent_item_path is null));
alter table run add constraint run_parent_older check (parent_run < id);
alter table run add constraint run_depth check (depth between 0 and 5 and (depth > 0) = (parent_run is not null));
create index run_by_parent on run (parent_run) where parent_run is not null;
create index run_by_failure on run (failure_of) where failure_of is not null;
comment on column run.parent_run is 'The run whose step called this one; it is older, so that runs are locked in the order of their ids.';
comment on column run.depth is 'How many runs lie above it, at most engine::call::MAX_DEPTH.';
comment on column run.failure_of is 'The failed run that this one, or the run that called it, was begun for; its own failure begins no other.';

alter table step drop constraint step_waits_known;
alter table step add constraint step_waits_known check (waits_on in ('signal', 'generation', 'delivery', 'items', 'call', 'nothing'));

alter table version add column offer jsonb;
comment on column version.offer is 'engine::call::Offer: where calls of other workflows begin, what they bring and get; null: it cannot be called.';

create table version_call (
    version_id uuid not null,
    workflow_id uuid not null,
    workspace_id uuid not null,
    name text not null,
    offer jsonb not null,
    constraint version_call_pkey primary key (version_id, workflow_id),
    constraint version_call_version_fkey foreign key (version_id) references version (id) on delete cascade
);
create index version_call_by_workspace on version_call (workspace_id, workflow_id);
comment on table version_call is 'What the called workflows offered when the version was checked; a call runs what is live then.';
create trigger version_call_immutable before update on version_call for each row execute function refuse_update();

-- Time limits of a step besides that of one attempt.
alter table step add column start_by timestamptz;
alter table step add column end_by timestamptz;
comment on column step.start_by is 'It fails if nobody has taken it up by then; null once it has begun.';
comment on column step.end_by is 'It fails if it has not ended by then, with all its attempts and waits.';

alter table generation add column heartbeat_ms bigint;
alter table generation_chunk add column created_at timestamptz not null default now();
comment on column generation.heartbeat_ms is 'It fails if the model writes nothing for so long, from the claim on.';
