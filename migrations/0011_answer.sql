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
