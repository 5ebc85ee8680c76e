-- Fonts that somebody uploaded for the documents of a workspace, a file for each of their faces.

create table font (
    id uuid not null,
    workspace_id uuid not null,
    family text not null,
    weight smallint not null,
    italic boolean not null,
    artifact_id uuid not null,
    created_at timestamptz not null default now(),
    created_by uuid,
    constraint font_pkey primary key (id),
    constraint font_workspace_fkey foreign key (workspace_id) references workspace (id) on delete cascade,
    constraint font_artifact_fkey foreign key (artifact_id) references artifact (id),
    constraint font_created_by_fkey foreign key (created_by) references member (id) on delete set null,
    constraint font_family_length check (char_length(family) between 1 and 100),
    constraint font_weight_range check (weight between 1 and 1000)
);
create unique index font_face_unique on font (workspace_id, lower(family), weight, italic);
create index font_by_artifact on font (artifact_id);
comment on column font.family is 'As the file says; templates name it, whatever the case of its letters.';
comment on column font.weight is 'usWeightClass of OpenType: 400 is regular, 700 bold.';
