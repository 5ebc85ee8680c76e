-- Which folder has the bytes of this database: a folder that is not there must not be taken for one that has lost them.

create table artifact_folder (
    id uuid not null default gen_random_uuid(),
    marked boolean not null default false
);
insert into artifact_folder default values;
comment on table artifact_folder is 'One row.';
comment on column artifact_folder.id is 'The folder has it, too: in its file "installation".';
comment on column artifact_folder.marked is 'The file was written; without it this is another folder, or none.';
