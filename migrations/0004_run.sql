-- Runs, their steps and attempts, the queue of heads, and the processes that work on them.
--
-- Hot tables carry no foreign keys: a run is removed by dropping its partition, and every insert would lock rows that all runs share.

-- Ids are UUIDv7: their first 48 bits are milliseconds, so a range of ids is a range of time.
create function uuid_floor(at timestamptz) returns uuid language sql immutable parallel safe as $$
    select (lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') || '00000000000000000000')::uuid
$$;
comment on function uuid_floor is 'The smallest UUIDv7 made at or after an instant.';

-- Makes the monthly partitions of one table, from the month before now to `ahead` months after. Rows that came while a partition was
-- missing lie in the default one, which would refuse a new partition beside them: they move.
create function ensure_partitions(parent text, ahead integer) returns integer language plpgsql as $$
declare
    start timestamptz;
    stop timestamptz;
    made integer := 0;
    part text;
    key text;
begin
    select attname into strict key from pg_partitioned_table join pg_attribute on attrelid = partrelid and attnum = partattrs[0]
    where partrelid = parent::regclass;
    for start in
        select generate_series(date_trunc('month', now() at time zone 'UTC') - interval '1 month',
                               date_trunc('month', now() at time zone 'UTC') + make_interval(months => ahead),
                               interval '1 month') at time zone 'UTC'
    loop
        part := format('%s_%s', parent, to_char(start at time zone 'UTC', 'YYYY_MM'));
        if to_regclass(part) is null then
            stop := ((start at time zone 'UTC') + interval '1 month') at time zone 'UTC';
            execute format('create table %I (like %I including all)', part, parent);
            execute format('with moved as (delete from %I where %I >= %L and %I < %L returning *) insert into %I select * from moved',
                           parent || '_other', key, uuid_floor(start), key, uuid_floor(stop), part);
            execute format('alter table %I attach partition %I for values from (%L) to (%L)', parent, part, uuid_floor(start),
                           uuid_floor(stop));
            made := made + 1;
        end if;
    end loop;
    return made;
end
$$;

create table run (
    id uuid not null,
    workspace_id uuid not null,
    workflow_id uuid not null,
    version_id uuid,
    draft_revision bigint,
    trial boolean not null default false,
    source text not null,
    trigger_node text not null,
    submission_id uuid,
    state text not null default 'queued',
    title text not null default '',
    input jsonb not null,
    firm jsonb not null,
    until_node text,
    pinned jsonb,
    really_send boolean not null default false,
    error jsonb,
    retry_of uuid,
    first_run uuid not null,
    created_at timestamptz not null default now(),
    started_at timestamptz,
    finished_at timestamptz,
    expires_at timestamptz,
    constraint run_pkey primary key (id),
    constraint run_state_known check (state in ('queued', 'running', 'waiting', 'succeeded', 'failed', 'cancelled')),
    constraint run_source_known check (source in ('form', 'webhook', 'api', 'manual', 'trial')),
    constraint run_finished check ((finished_at is not null) = (state in ('succeeded', 'failed', 'cancelled'))),
    constraint run_error check (error is null or state = 'failed'),
    constraint run_what check ((version_id is null) = (draft_revision is not null)),
    constraint run_trial_only check (trial or (draft_revision is null and until_node is null and pinned is null and not really_send)),
    constraint run_trial_expires check (trial = (expires_at is not null))
) partition by range (id);
create table run_other partition of run default;
create index run_by_workspace on run (workspace_id, id) where not trial;
create index run_by_workflow on run (workspace_id, workflow_id, id) where not trial;
create index run_unfinished on run (workspace_id, id) where finished_at is null;
create index run_failed on run (workspace_id, id) where state = 'failed' and not trial;
create index run_trial_expiry on run (expires_at) where trial;
comment on column run.draft_revision is 'A trial run of a draft; compaction keeps the revision.';
comment on column run.firm is 'engine::firm::Firm as it was when the run was accepted.';
comment on column run.until_node is 'Trial runs end after this node.';
comment on column run.pinned is 'Trial runs take these outputs instead of running the node: {node: output}.';
comment on column run.first_run is 'The first run of the retry chain; the run itself unless it is a retry.';

create table idempotency_key (
    workspace_id uuid not null,
    scope text not null,
    key text not null,
    run_id uuid not null,
    expires_at timestamptz not null,
    constraint idempotency_key_pkey primary key (workspace_id, scope, key),
    constraint idempotency_key_length check (char_length(scope) <= 200 and char_length(key) <= 500)
);
create index idempotency_key_expiry on idempotency_key (expires_at);
comment on column idempotency_key.scope is 'What the key is unique in, such as form:<workflow id>.';

-- Starts the fences of an entry. Entries for one step come and go (retries, waits); the gap leaves room for the claims of each, so
-- that a number is never used twice.
create sequence queue_fence increment 1024;

-- Small and hot: only ready, leased and due heads of segments.
create table queue_entry (
    run_id uuid not null,
    node text not null,
    item_path text not null,
    workspace_id uuid not null,
    priority smallint not null default 0,
    due_at timestamptz not null default now(),
    head_at timestamptz not null default now(),
    lease_owner uuid,
    lease_until timestamptz,
    fence bigint not null default nextval('queue_fence'),
    lost integer not null default 0,
    constraint queue_entry_pkey primary key (run_id, node, item_path),
    constraint queue_entry_leased check ((lease_owner is null) = (lease_until is null))
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500,
        autovacuum_vacuum_cost_delay = 0);
create index queue_entry_ready on queue_entry (priority desc, due_at) where lease_owner is null;
create index queue_entry_leased on queue_entry (lease_until) where lease_owner is not null;
comment on column queue_entry.head_at is 'The instant that the segment''s pure nodes see, however often it runs and wherever it is cut.';
comment on column queue_entry.fence is 'Grows with every claim; a commit with an older number writes nothing.';
comment on column queue_entry.lost is 'Leases that ran out; from two on one step a segment, at five the step fails.';

create table step (
    run_id uuid not null,
    node text not null,
    item_path text not null default '',
    workspace_id uuid not null,
    state text not null,
    attempt integer not null default 1,
    ports text[] not null default '{}',
    output jsonb,
    error jsonb,
    warnings jsonb,
    kept jsonb,
    waits_on text,
    wait_until timestamptz,
    signal jsonb,
    worker_id uuid,
    started_at timestamptz,
    finished_at timestamptz,
    constraint step_pkey primary key (run_id, node, item_path),
    constraint step_state_known check (state in
        ('ready', 'running', 'retryable', 'waiting', 'succeeded', 'failed', 'cancelled', 'skipped')),
    constraint step_finished check ((finished_at is not null) = (state in ('succeeded', 'failed', 'cancelled', 'skipped'))),
    constraint step_waits check (state <> 'waiting' or waits_on is not null),
    constraint step_waits_known check (waits_on in ('signal', 'generation', 'delivery', 'nothing'))
) partition by range (run_id);
create table step_other partition of step default;
comment on column step.item_path is 'Which item of which containers; empty outside of containers, never null.';
comment on column step.attempt is 'Recorded tries, from 1; claims are counted by queue_entry.fence.';
comment on column step.kept is 'What the node handed over when it began to wait.';
comment on column step.signal is 'What ended a wait for a signal.';

-- Tries that did not end the step; the last one is the step itself.
create table attempt (
    run_id uuid not null,
    node text not null,
    item_path text not null default '',
    attempt integer not null,
    workspace_id uuid not null,
    error jsonb not null,
    worker_id uuid,
    started_at timestamptz not null,
    finished_at timestamptz not null,
    constraint attempt_pkey primary key (run_id, node, item_path, attempt)
) partition by range (run_id);
create table attempt_other partition of attempt default;

create table worker (
    id uuid not null,
    kind text not null,
    host text not null,
    started_at timestamptz not null default now(),
    seen_at timestamptz not null default now(),
    info jsonb not null default '{}',
    constraint worker_pkey primary key (id),
    constraint worker_kind_known check (kind in ('run', 'serve', 'work', 'model'))
);

select ensure_partitions(parent, 2) from unnest(array['run', 'step', 'attempt']) parent;
