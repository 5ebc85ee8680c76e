-- PDFs that are asked for without a run. Programs may ask for many: as with runs, no row refers to one that all of them share.

create table rendering (
    id uuid not null,
    workspace_id uuid not null,
    document_id uuid not null,
    document_version_id uuid not null,
    asked_sha256 bytea not null,
    input jsonb,
    file_name text not null,
    tries smallint not null default 0,
    leased_until timestamptz,
    artifact_id uuid,
    page_count integer,
    warnings jsonb,
    problems jsonb,
    created_at timestamptz not null default now(),
    finished_at timestamptz,
    constraint rendering_pkey primary key (id),
    constraint rendering_asked_sha256_length check (octet_length(asked_sha256) = 32),
    constraint rendering_file_name_length check (char_length(file_name) between 1 and 200),
    constraint rendering_input check ((input is null) = (finished_at is not null)),
    constraint rendering_made check ((artifact_id is null) = (page_count is null) and (artifact_id is null) = (warnings is null)),
    constraint rendering_outcome check ((finished_at is not null) = (artifact_id is not null or problems is not null)),
    constraint rendering_one_outcome check (artifact_id is null or problems is null)
);
create index rendering_by_workspace on rendering (workspace_id, id);
comment on column rendering.document_version_id is 'The version that was asked for, or the newest one at that moment.';
comment on column rendering.asked_sha256 is 'Of everything that was asked for: an idempotency key stands for one request.';
comment on column rendering.input is 'Values, language, currency, zone and firm, for whoever makes the PDF; gone when it is made.';
comment on column rendering.tries is 'How many processes began to make it.';
comment on column rendering.leased_until is 'Until then one process is at it; afterwards another one may go on.';
comment on column rendering.problems is 'engine::check::Problem: why there is no PDF.';

comment on column artifact.run_id is
    'What made it: a run, or a rendering. Null until a submission adopts an upload, and for files of the workspace itself such as its logo.';
comment on column idempotency_key.run_id is 'What the key began: a run, or a rendering.';
