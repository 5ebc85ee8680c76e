-- Workflows with drafts and published versions, document templates, and where results go.

create table document (
    id uuid not null,
    workspace_id uuid not null,
    name text not null,
    latest_number integer not null default 0,
    created_at timestamptz not null default now(),
    changed_at timestamptz not null default now(),
    deleted_at timestamptz,
    constraint document_pkey primary key (id),
    constraint document_workspace_fkey foreign key (workspace_id) references workspace (id) on delete cascade,
    constraint document_name_length check (char_length(name) between 1 and 200)
);
create index document_by_workspace on document (workspace_id, created_at);

create table document_version (
    id uuid not null,
    workspace_id uuid not null,
    document_id uuid not null,
    number integer not null,
    template jsonb not null,
    created_at timestamptz not null default now(),
    created_by uuid,
    constraint document_version_pkey primary key (id),
    constraint document_version_document_fkey foreign key (document_id) references document (id) on delete cascade,
    constraint document_version_created_by_fkey foreign key (created_by) references member (id),
    constraint document_version_number_unique unique (document_id, number),
    constraint document_version_number_positive check (number > 0)
);
create index document_version_by_workspace on document_version (workspace_id, document_id);

create table workflow (
    id uuid not null,
    workspace_id uuid not null,
    name text not null,
    slug text not null,
    state text not null default 'draft',
    live_version_id uuid,
    created_at timestamptz not null default now(),
    changed_at timestamptz not null default now(),
    changed_by uuid,
    deleted_at timestamptz,
    constraint workflow_pkey primary key (id),
    constraint workflow_workspace_fkey foreign key (workspace_id) references workspace (id) on delete cascade,
    constraint workflow_changed_by_fkey foreign key (changed_by) references member (id),
    constraint workflow_slug_unique unique (slug),
    constraint workflow_slug_shape check (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$' and char_length(slug) <= 80),
    constraint workflow_name_length check (char_length(name) between 1 and 200),
    constraint workflow_state_known check (state in ('draft', 'live', 'off')),
    constraint workflow_published_has_version check (state = 'draft' or live_version_id is not null)
);
create index workflow_by_workspace on workflow (workspace_id, created_at);
comment on column workflow.slug is 'Public address of the form, unique over the installation.';
comment on column workflow.state is 'draft: never published; live: its form is open; off: closed by a person.';

create table draft (
    workflow_id uuid not null,
    workspace_id uuid not null,
    revision bigint not null,
    document jsonb not null,
    changed_at timestamptz not null default now(),
    changed_by uuid,
    constraint draft_pkey primary key (workflow_id),
    constraint draft_workflow_fkey foreign key (workflow_id) references workflow (id) on delete cascade,
    constraint draft_changed_by_fkey foreign key (changed_by) references member (id)
);
create index draft_by_workspace on draft (workspace_id, workflow_id);

create table draft_revision (
    workflow_id uuid not null,
    revision bigint not null,
    workspace_id uuid not null,
    document jsonb not null,
    changed_at timestamptz not null default now(),
    changed_by uuid,
    constraint draft_revision_pkey primary key (workflow_id, revision),
    constraint draft_revision_workflow_fkey foreign key (workflow_id) references workflow (id) on delete cascade,
    constraint draft_revision_changed_by_fkey foreign key (changed_by) references member (id)
);
create index draft_revision_by_workspace on draft_revision (workspace_id, workflow_id, revision);
comment on table draft_revision is 'Append-only; thinned out with age, except revisions that trial runs refer to.';

create table version (
    id uuid not null,
    workspace_id uuid not null,
    workflow_id uuid not null,
    number integer not null,
    document jsonb not null,
    note text not null default '',
    published_at timestamptz not null default now(),
    published_by uuid,
    constraint version_pkey primary key (id),
    constraint version_workflow_fkey foreign key (workflow_id) references workflow (id) on delete cascade,
    constraint version_published_by_fkey foreign key (published_by) references member (id),
    constraint version_number_unique unique (workflow_id, number),
    constraint version_number_positive check (number > 0),
    constraint version_note_length check (char_length(note) <= 2000)
);
create index version_by_workspace on version (workspace_id, workflow_id, number);

alter table workflow
    add constraint workflow_live_version_fkey foreign key (live_version_id) references version (id) deferrable initially deferred;

create table version_document (
    version_id uuid not null,
    document_id uuid not null,
    workspace_id uuid not null,
    document_version_id uuid not null,
    constraint version_document_pkey primary key (version_id, document_id),
    constraint version_document_version_fkey foreign key (version_id) references version (id) on delete cascade,
    constraint version_document_document_fkey foreign key (document_id) references document (id),
    constraint version_document_document_version_fkey foreign key (document_version_id) references document_version (id)
);
create index version_document_by_workspace on version_document (workspace_id, document_id);
comment on table version_document is 'The template versions that publishing pinned.';

-- Published means published: what a version says can be deleted with its workflow, never changed.
create function refuse_update() returns trigger language plpgsql as $$
begin
    raise exception 'rows of % are never changed', tg_table_name using errcode = 'restrict_violation';
end
$$;
create trigger version_immutable before update on version for each row execute function refuse_update();
create trigger version_document_immutable before update on version_document for each row execute function refuse_update();
create trigger document_version_immutable before update on document_version for each row execute function refuse_update();

create table endpoint (
    id uuid not null,
    workspace_id uuid not null,
    name text not null,
    url text not null,
    sealed_secret bytea not null,
    secret_version integer not null default 1,
    sealed_old_secret bytea,
    old_secret_until timestamptz,
    attach text not null default 'link',
    disabled_at timestamptz,
    disabled_reason text,
    created_at timestamptz not null default now(),
    deleted_at timestamptz,
    constraint endpoint_pkey primary key (id),
    constraint endpoint_workspace_fkey foreign key (workspace_id) references workspace (id) on delete cascade,
    constraint endpoint_attach_known check (attach in ('link', 'inline')),
    constraint endpoint_name_length check (char_length(name) between 1 and 100),
    constraint endpoint_url_length check (char_length(url) between 1 and 2000),
    constraint endpoint_disabled_has_reason check ((disabled_at is null) = (disabled_reason is null)),
    constraint endpoint_old_secret_has_end check ((sealed_old_secret is null) = (old_secret_until is null))
);
create index endpoint_by_workspace on endpoint (workspace_id, created_at);
comment on column endpoint.sealed_secret is 'The whsec_ text, sealed; bound to workspace, id and secret_version.';
comment on column endpoint.sealed_old_secret is 'Signs as well until old_secret_until, so that a receiver can change over; bound to secret_version - 1.';
comment on column endpoint.disabled_reason is 'gone (the receiver answered 410) or person.';

create table credential (
    id uuid not null,
    workspace_id uuid not null,
    name text not null,
    kind text not null,
    version integer not null default 1,
    sealed bytea not null,
    created_at timestamptz not null default now(),
    deleted_at timestamptz,
    constraint credential_pkey primary key (id),
    constraint credential_workspace_fkey foreign key (workspace_id) references workspace (id) on delete cascade,
    constraint credential_kind_known check (kind in ('bearer', 'basic', 'header')),
    constraint credential_name_length check (char_length(name) between 1 and 100)
);
create unique index credential_name_unique on credential (workspace_id, lower(name)) where deleted_at is null;
comment on column credential.sealed is 'JSON of store::credential::Secret, sealed; bound to workspace, id and version.';
