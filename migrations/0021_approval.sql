-- Decisions that people are asked for while a run waits, and who started a run, who may be kept from deciding on it.

alter table run add column started_by uuid;
comment on column run.started_by is 'The member who started it; null: nobody who was signed in.';

create table approval (
    id uuid not null,
    workspace_id uuid not null,
    workflow_id uuid not null,
    run_id uuid not null,
    node text not null,
    item_path text not null,
    state text not null default 'open',
    request jsonb not null,
    everybody boolean not null,
    members uuid[] not null,
    addresses jsonb not null,
    barred_member uuid,
    barred_addresses text[] not null,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    verdict jsonb,
    answered_by uuid,
    settled_at timestamptz,
    constraint approval_pkey primary key (id),
    constraint approval_workspace_fkey foreign key (workspace_id) references workspace (id) on delete cascade,
    constraint approval_state_known check (state in ('open', 'approved', 'refused', 'expired', 'withdrawn')),
    constraint approval_settled check ((settled_at is null) = (state = 'open')),
    constraint approval_verdict check ((verdict is not null) = (state in ('approved', 'refused'))),
    constraint approval_answered_by check (answered_by is null or verdict is not null)
);
create unique index approval_open_of_step on approval (run_id, node, item_path) where state = 'open';
create index approval_by_run on approval (run_id);
create index approval_open on approval (workspace_id, id) where state = 'open';
create index approval_by_workspace on approval (workspace_id, id);
comment on column approval.state is 'open: somebody may answer until expires_at; withdrawn: the run ended, or its step was called off.';
comment on column approval.request is 'engine::approval::ApprovalRequest: what people are shown, frozen when they are asked.';
comment on column approval.addresses is 'People outside: [{id, name, address}]; the id is part of their link.';
comment on column approval.barred_member is 'Started the run and may not decide on it.';
comment on column approval.barred_addresses is 'Of whoever started the run, in small letters; members with one of them may not decide either.';
comment on column approval.verdict is 'engine::approval::Verdict.';
comment on column approval.answered_by is 'Null: somebody outside.';
