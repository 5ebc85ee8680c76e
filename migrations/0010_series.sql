-- Series of numbers, such as those of invoices: without gaps, each number accounted for.

create table series (
    id uuid not null,
    workspace_id uuid not null,
    name text not null,
    pattern text not null,
    digits smallint not null,
    yearly boolean not null,
    void_after_days smallint,
    created_at timestamptz not null default now(),
    deleted_at timestamptz,
    constraint series_pkey primary key (id),
    constraint series_workspace_fkey foreign key (workspace_id) references workspace (id) on delete cascade,
    constraint series_name_length check (char_length(name) between 1 and 100),
    constraint series_digits_range check (digits between 1 and 12),
    constraint series_void_after_range check (void_after_days between 1 and 3650)
);
create unique index series_name_unique on series (workspace_id, lower(name)) where deleted_at is null;
comment on column series.pattern is 'How a number reads; engine::series::Series.';
comment on column series.void_after_days is 'Open numbers of ended runs are void after so many days; null: a person decides.';

-- Locked by whoever draws, until its commit: that is what keeps numbers without gaps.
create table series_count (
    series_id uuid not null,
    year smallint not null,
    workspace_id uuid not null,
    next bigint not null,
    constraint series_count_pkey primary key (series_id, year),
    constraint series_count_series_fkey foreign key (series_id) references series (id) on delete cascade,
    constraint series_count_next_positive check (next >= 1)
);
create index series_count_by_workspace on series_count (workspace_id, series_id);
comment on column series_count.year is '0 where numbers go on over the years.';

-- Numbers have their own retention: they stay when their runs are removed.
create table number (
    id uuid not null,
    series_id uuid not null,
    year smallint not null,
    count bigint not null,
    workspace_id uuid not null,
    number text not null,
    state text not null default 'open',
    run_id uuid not null,
    first_run uuid not null,
    node text not null,
    item_path text not null,
    reason text,
    drawn_at timestamptz not null default now(),
    settled_at timestamptz,
    settled_by uuid,
    constraint number_pkey primary key (id),
    constraint number_count_unique unique (series_id, year, count),
    constraint number_series_fkey foreign key (series_id) references series (id) on delete cascade,
    constraint number_settled_by_fkey foreign key (settled_by) references member (id),
    constraint number_state_known check (state in ('open', 'used', 'void')),
    constraint number_settled check ((settled_at is null) = (state = 'open')),
    constraint number_void_reason check (state <> 'void' or reason is not null),
    constraint number_reason_length check (char_length(reason) between 1 and 500),
    constraint number_text_unique unique (series_id, number)
);
create unique index number_of_step on number (first_run, node, item_path, series_id) where state <> 'void';
create index number_open on number (workspace_id, series_id, id) where state = 'open';
create index number_by_run on number (run_id);
create index number_by_workspace on number (workspace_id, series_id, id);
comment on column number.state is 'open: drawn by a run that has not succeeded; used: by one that has, or a person said so; void: with a reason.';
comment on column number.run_id is 'The run that holds it; a retry takes it over.';
comment on column number.first_run is 'Of the retry chain: with the node and the item path it is what a number is drawn for once.';
comment on column number.reason is 'Why it is void, or used though its run did not succeed.';
