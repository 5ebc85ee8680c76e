-- Mail: a workspace's server, messages that go through it, and what the program itself writes to members.

create table mail_server (
    workspace_id uuid not null,
    host text not null,
    port integer not null,
    encryption text not null,
    user_name text not null default '',
    sealed_password bytea,
    password_version integer not null default 1,
    sender_name text not null default '',
    sender_address text not null,
    reply_to text not null default '',
    changed_at timestamptz not null default now(),
    removed_at timestamptz,
    constraint mail_server_pkey primary key (workspace_id),
    constraint mail_server_workspace_fkey foreign key (workspace_id) references workspace (id) on delete cascade,
    constraint mail_server_port check (port between 1 and 65535),
    constraint mail_server_encryption_known check (encryption in ('tls', 'starttls', 'none'))
);
comment on column mail_server.sealed_password is 'Bound to the workspace and password_version; null: none is needed.';
comment on column mail_server.removed_at is 'The row stays for password_version, so that no version is sealed twice.';

alter table delivery add column channel text not null default 'webhook';
alter table delivery alter column endpoint_id drop not null;
alter table delivery add constraint delivery_channel_known check (channel in ('webhook', 'mail'));
alter table delivery add constraint delivery_endpoint_of_webhook check ((channel = 'webhook') = (endpoint_id is not null));
comment on column delivery.channel is 'webhook: to its endpoint; mail: through the workspace''s mail server.';
comment on column delivery.run_id is 'Null: a test message, or a mail of the program itself.';

-- Senders look at each receiver's messages apart; all mail of a workspace has one receiver, its server.
create index delivery_due_by_receiver on delivery ((coalesce(endpoint_id, workspace_id)), due_at) where state in ('due', 'retrying');
drop index delivery_due_by_endpoint;

create table password_reset (
    id uuid not null,
    member_id uuid not null,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    used_at timestamptz,
    constraint password_reset_pkey primary key (id),
    constraint password_reset_member_fkey foreign key (member_id) references member (id) on delete cascade
);
create index password_reset_by_member on password_reset (member_id, created_at);
comment on table password_reset is 'The link''s token is the id and its MAC, made when the mail is sent and stored nowhere.';

alter table member add column told_of_failures boolean not null default false;
comment on column member.told_of_failures is 'A mail when runs fail.';

create table failure_notice (
    workflow_id uuid not null,
    workspace_id uuid not null,
    failures integer not null default 0,
    last_run_id uuid not null,
    told_at timestamptz,
    constraint failure_notice_pkey primary key (workflow_id),
    constraint failure_notice_workflow_fkey foreign key (workflow_id) references workflow (id) on delete cascade,
    constraint failure_notice_failures check (failures >= 0)
);
create index failure_notice_untold on failure_notice (told_at) where failures > 0;
comment on column failure_notice.failures is 'Failed runs since the last mail.';
comment on column failure_notice.told_at is 'At most one mail an hour.';
