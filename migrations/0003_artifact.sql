-- Files that were made or received, and what people and callers handed in.

create table artifact (
    id uuid not null,
    workspace_id uuid not null,
    run_id uuid,
    upload_session uuid,
    name text not null,
    content_type text not null,
    size_bytes bigint not null,
    sha256 bytea not null,
    created_at timestamptz not null default now(),
    deleted_at timestamptz,
    constraint artifact_pkey primary key (id),
    constraint artifact_workspace_fkey foreign key (workspace_id) references workspace (id) on delete cascade,
    constraint artifact_name_length check (char_length(name) between 1 and 200),
    constraint artifact_content_type_length check (char_length(content_type) between 3 and 200),
    constraint artifact_size_positive check (size_bytes >= 0),
    constraint artifact_sha256_length check (octet_length(sha256) = 32)
);
create index artifact_by_run on artifact (workspace_id, run_id) where run_id is not null;
create index artifact_by_bytes on artifact (workspace_id, sha256) where deleted_at is null;
create index artifact_by_upload_session on artifact (workspace_id, upload_session) where upload_session is not null;
create index artifact_free_upload on artifact (created_at) where run_id is null and upload_session is not null;
comment on column artifact.run_id is 'Null until a submission adopts an upload, and for files of the workspace itself such as its logo.';
comment on column artifact.upload_session is 'The form ticket under which a visitor handed the file in; kept when a run adopts it.';
comment on column artifact.sha256 is 'Names the bytes in the file store: <workspace>/<first two digits>/<all digits>.';
comment on column artifact.deleted_at is 'The row stays for the history of runs; the bytes go when no other row needs them.';

create table submission (
    id uuid not null,
    workspace_id uuid not null,
    workflow_id uuid not null,
    run_id uuid not null,
    source text not null,
    input jsonb not null,
    created_at timestamptz not null default now(),
    constraint submission_pkey primary key (id),
    constraint submission_workspace_fkey foreign key (workspace_id) references workspace (id) on delete cascade,
    constraint submission_source_known check (source in ('form', 'webhook', 'api', 'manual', 'trial'))
);
create index submission_by_run on submission (workspace_id, run_id);
create index submission_by_workflow on submission (workspace_id, workflow_id, created_at);
comment on table submission is 'Written in the commit that accepts it, before anything runs, and never changed.';
comment on column submission.input is 'Typed answers in the JSON form of engine::kind.';
