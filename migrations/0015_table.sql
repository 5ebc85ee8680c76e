-- The firm's own tables: typed columns, rows in an order that people change, and the columns that publishing pins.

create table data_table (
    id uuid not null,
    workspace_id uuid not null,
    name text not null,
    version integer not null default 1,
    layout jsonb not null,
    revision bigint not null default 1,
    oldest_revision bigint not null default 1,
    created_at timestamptz not null default now(),
    changed_at timestamptz not null default now(),
    deleted_at timestamptz,
    constraint data_table_pkey primary key (id),
    constraint data_table_workspace_fkey foreign key (workspace_id) references workspace (id) on delete cascade,
    constraint data_table_name_length check (char_length(name) between 1 and 200)
);
create unique index data_table_name_unique on data_table (workspace_id, lower(name)) where deleted_at is null;
comment on column data_table.version is 'Counts changes of the name and the columns.';
comment on column data_table.layout is '{"columns": [...], "name_column": ...} as in engine::table.';
comment on column data_table.revision is 'Counts every change, of rows too.';
comment on column data_table.oldest_revision is 'What changed since an older revision is not known any more; such a reader reads everything again.';

create table data_row (
    id uuid not null,
    table_id uuid not null,
    workspace_id uuid not null,
    position bigint not null,
    cells jsonb not null,
    name_key text,
    revision bigint not null,
    deleted_at timestamptz,
    constraint data_row_pkey primary key (id),
    constraint data_row_table_fkey foreign key (table_id) references data_table (id) on delete cascade,
    constraint data_row_name_unique unique (table_id, name_key) deferrable initially deferred,
    constraint data_row_deleted_is_empty check (deleted_at is null or (cells = '{}' and name_key is null))
);
create index data_row_in_order on data_row (table_id, position, id) where deleted_at is null;
create index data_row_by_revision on data_row (table_id, revision);
create index data_row_by_workspace on data_row (workspace_id, table_id);
comment on column data_row.position is 'Order among the rows; there is room between two of them.';
comment on column data_row.cells is 'By the name of the column, in the JSON form of its kind.';
comment on column data_row.name_key is 'The cell of the name column in small letters; null where it is empty.';
comment on column data_row.revision is 'The revision of the table that changed it last.';
comment on column data_row.deleted_at is 'Kept for a while, so that others who have the table open learn of it.';

create table version_table (
    version_id uuid not null,
    table_id uuid not null,
    workspace_id uuid not null,
    columns jsonb not null,
    constraint version_table_pkey primary key (version_id, table_id),
    constraint version_table_version_fkey foreign key (version_id) references version (id) on delete cascade,
    constraint version_table_table_fkey foreign key (table_id) references data_table (id)
);
create index version_table_by_workspace on version_table (workspace_id, table_id);
comment on table version_table is 'The columns that a version was checked with; its runs read the rows as they are then.';
create trigger version_table_immutable before update on version_table for each row execute function refuse_update();
