-- Outgoing messages: written by the commit of the segment that makes them, sent until they arrive or are given up.

create table delivery (
    id uuid not null,
    workspace_id uuid not null,
    run_id uuid,
    node text,
    item_path text,
    endpoint_id uuid not null,
    state text not null default 'due',
    message jsonb not null,
    artifacts jsonb not null default '[]',
    attach text not null default 'link',
    awaited boolean not null default false,
    attempts integer not null default 0,
    tries integer not null default 0,
    due_at timestamptz not null default now(),
    lease_owner uuid,
    lease_until timestamptz,
    fence bigint not null default 0,
    error jsonb,
    created_at timestamptz not null default now(),
    finished_at timestamptz,
    constraint delivery_pkey primary key (id),
    constraint delivery_state_known check (state in ('due', 'sending', 'retrying', 'delivered', 'given_up', 'stopped', 'held')),
    constraint delivery_attach_known check (attach in ('link', 'inline')),
    constraint delivery_finished check ((finished_at is not null) = (state in ('delivered', 'given_up', 'stopped'))),
    constraint delivery_leased check ((state = 'sending') = (lease_until is not null))
) partition by range (id);
create table delivery_other partition of delivery default;
create index delivery_due on delivery (due_at) where state in ('due', 'retrying');
create index delivery_sending on delivery (lease_until) where state = 'sending';
create index delivery_by_workspace on delivery (workspace_id, id);
create index delivery_by_run on delivery (run_id) where run_id is not null;
create index delivery_by_endpoint on delivery (workspace_id, endpoint_id, id);
comment on column delivery.message is 'The body without the artifacts'' links, frozen: {type, timestamp, data}.';
comment on column delivery.artifacts is 'engine::value::FileRef of each file; links are made anew for every attempt.';
comment on column delivery.run_id is 'Null: the test message of an endpoint.';
comment on column delivery.awaited is 'A step of the run waits for the receipt.';
comment on column delivery.attempts is 'All tries, also those before a person sent it again.';
comment on column delivery.tries is 'Tries since the schedule began; sending again starts it anew.';

create table delivery_attempt (
    delivery_id uuid not null,
    attempt integer not null,
    workspace_id uuid not null,
    started_at timestamptz not null,
    took_ms bigint not null,
    status integer,
    answer_head text,
    error jsonb,
    constraint delivery_attempt_pkey primary key (delivery_id, attempt),
    constraint delivery_attempt_status check (status between 100 and 999)
) partition by range (delivery_id);
create table delivery_attempt_other partition of delivery_attempt default;
comment on column delivery_attempt.answer_head is 'The first 1,000 bytes of the answer, as text.';

select ensure_partitions(parent, 2) from unnest(array['delivery', 'delivery_attempt']) parent;
