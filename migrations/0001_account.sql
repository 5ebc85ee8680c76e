-- Workspaces, the people in them and everything that proves who somebody is. Secrets are stored as hashes only.

create table workspace (
    id uuid not null,
    name text not null,
    default_model text,
    sealed_data_key bytea,
    created_at timestamptz not null default now(),
    constraint workspace_pkey primary key (id),
    constraint workspace_name_length check (char_length(name) between 1 and 200)
);
comment on column workspace.default_model is 'Name of the model that requests without a model use; null: the first ready one.';
comment on column workspace.sealed_data_key is 'Seals the workspace''s credentials; itself wrapped by the master key. Made with the first secret.';

create table firm (
    workspace_id uuid not null,
    record jsonb not null,
    changed_at timestamptz not null default now(),
    constraint firm_pkey primary key (workspace_id),
    constraint firm_workspace_fkey foreign key (workspace_id) references workspace (id) on delete cascade
);
comment on column firm.record is 'engine::firm::Firm; copied into every run when it is accepted.';

create table member (
    id uuid not null,
    workspace_id uuid not null,
    email text not null,
    name text not null,
    role text not null,
    password_hash text not null,
    locale text not null default 'en',
    created_at timestamptz not null default now(),
    removed_at timestamptz,
    constraint member_pkey primary key (id),
    constraint member_workspace_fkey foreign key (workspace_id) references workspace (id) on delete cascade,
    constraint member_role_known check (role in ('owner', 'member')),
    constraint member_email_length check (char_length(email) between 3 and 254),
    constraint member_name_length check (char_length(name) between 1 and 200)
);
-- Sign-in knows no workspace, so an address belongs to one person of the whole installation.
create unique index member_email_unique on member (lower(email)) where removed_at is null;
create index member_by_workspace on member (workspace_id, created_at);
comment on column member.password_hash is 'PHC string, Argon2id.';

create table session (
    token_hash bytea not null,
    member_id uuid not null,
    created_at timestamptz not null default now(),
    seen_at timestamptz not null default now(),
    expires_at timestamptz not null,
    constraint session_pkey primary key (token_hash),
    constraint session_member_fkey foreign key (member_id) references member (id) on delete cascade
);
create index session_by_member on session (member_id);
comment on column session.token_hash is 'SHA-256 of the cookie''s token.';
comment on column session.seen_at is 'Written at most once a minute; the idle limit counts from it.';
comment on column session.expires_at is 'Absolute limit.';

create table access_key (
    id uuid not null,
    workspace_id uuid not null,
    name text not null,
    prefix text not null,
    hash bytea not null,
    created_by uuid not null,
    created_at timestamptz not null default now(),
    last_used_at timestamptz,
    revoked_at timestamptz,
    constraint access_key_pkey primary key (id),
    constraint access_key_workspace_fkey foreign key (workspace_id) references workspace (id) on delete cascade,
    constraint access_key_created_by_fkey foreign key (created_by) references member (id),
    constraint access_key_hash_unique unique (hash),
    constraint access_key_name_length check (char_length(name) between 1 and 100)
);
create index access_key_by_workspace on access_key (workspace_id, created_at);
comment on column access_key.prefix is 'First characters of the key, so that people recognise it.';
comment on column access_key.hash is 'SHA-256 of the key, which has 256 random bits and needs no slow hash.';
comment on column access_key.last_used_at is 'Written at most once a minute.';

create table invitation (
    token_hash bytea not null,
    workspace_id uuid,
    role text not null,
    created_by uuid,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    used_at timestamptz,
    constraint invitation_pkey primary key (token_hash),
    constraint invitation_workspace_fkey foreign key (workspace_id) references workspace (id) on delete cascade,
    constraint invitation_created_by_fkey foreign key (created_by) references member (id),
    constraint invitation_role_known check (role in ('owner', 'member'))
);
create index invitation_by_workspace on invitation (workspace_id, created_at);
comment on column invitation.workspace_id is 'Null: the set-up link of the first owner, who makes the workspace.';
