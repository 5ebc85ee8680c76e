-- Templates are edited in a draft, which is saved every few seconds, and looked at with samples; publishing makes a version of it.

create table document_draft (
    document_id uuid not null,
    workspace_id uuid not null,
    revision bigint not null,
    base_number integer not null,
    template jsonb not null,
    published boolean not null,
    changed_at timestamptz not null default now(),
    changed_by uuid,
    constraint document_draft_pkey primary key (document_id),
    constraint document_draft_document_fkey foreign key (document_id) references document (id) on delete cascade,
    constraint document_draft_changed_by_fkey foreign key (changed_by) references member (id) on delete set null,
    constraint document_draft_revision_positive check (revision > 0),
    constraint document_draft_base_positive check (base_number > 0)
);
create index document_draft_by_workspace on document_draft (workspace_id, document_id);
comment on table document_draft is 'One row for each template that was ever edited; it stays when it is published, so that no revision comes twice.';
comment on column document_draft.base_number is 'The version that it was made from; a version is only made on top of the newest one.';
comment on column document_draft.template is 'As it was saved; it need not be one that can be drawn.';
comment on column document_draft.published is 'It is what the version base_number says.';

create table document_sample (
    id uuid not null,
    workspace_id uuid not null,
    document_id uuid not null,
    name text not null,
    input jsonb not null,
    changed_at timestamptz not null default now(),
    changed_by uuid,
    constraint document_sample_pkey primary key (id),
    constraint document_sample_document_fkey foreign key (document_id) references document (id) on delete cascade,
    constraint document_sample_changed_by_fkey foreign key (changed_by) references member (id) on delete set null,
    constraint document_sample_name_length check (char_length(name) between 1 and 100),
    constraint document_sample_input_object check (jsonb_typeof(input) = 'object')
);
create unique index document_sample_name_unique on document_sample (document_id, lower(name));
create index document_sample_by_workspace on document_sample (workspace_id, document_id);
comment on column document_sample.input is 'Values by field name, in the JSON form of engine::kind; they may fit earlier fields of the template only.';
