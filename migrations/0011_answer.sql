-- Answers to callers that wait for a run, and secrets that callers of inbound webhooks sign with.

create table answer (
    run_id uuid not null,
    workspace_id uuid not null,
    answer jsonb not null,
    created_at timestamptz not null default now(),
    constraint answer_pkey primary key (run_id)
);
create index answer_by_workspace on answer (workspace_id, created_at);
comment on table answer is 'engine::node::Answer; kept so that a caller that asks again gets the same.';

alter table credential drop constraint credential_kind_known;
alter table credential add constraint credential_kind_known check (kind in ('bearer', 'basic', 'header', 'signing'));

-- A person listens for one call of an inbound webhook, to see what the other program sends.
create table hook_test (
    workflow_id uuid not null,
    node text not null,
    workspace_id uuid not null,
    until timestamptz not null,
    body json,
    received_at timestamptz,
    constraint hook_test_pkey primary key (workflow_id, node),
    constraint hook_test_workflow_fkey foreign key (workflow_id) references workflow (id) on delete cascade,
    constraint hook_test_received check ((body is null) = (received_at is null))
);
create index hook_test_by_workspace on hook_test (workspace_id, workflow_id);
create index hook_test_until on hook_test (until);
comment on table hook_test is 'Removed a day after its end.';
comment on column hook_test.body is 'As it was sent: the order of its values is the one people know.';
