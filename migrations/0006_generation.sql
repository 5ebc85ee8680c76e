-- Models, requests to them and the text as it is written.

-- What this installation knows of each model. Shared by all workspaces: the files are the machine's.
create table model (
    name text primary key,
    title text not null,
    file text not null,
    sha256 text,
    size_bytes bigint not null,
    licence text not null,
    state text not null,
    -- Progress of a download.
    done_bytes bigint not null default 0,
    bytes_per_second bigint,
    seconds_left bigint,
    -- Why it is missing or failed: what happened, why, what to do.
    error text,
    -- Measured when the model was loaded.
    tokens_per_second double precision,
    memory_bytes bigint,
    context_tokens integer,
    changed_at timestamptz not null default now(),
    constraint model_state check (state in ('missing', 'downloading', 'loading', 'ready', 'failed'))
);

create table generation (
    id uuid primary key,
    workspace_id uuid not null references workspace (id) on delete cascade,
    run_id uuid not null,
    node text not null,
    item_path text not null,
    attempt integer not null,
    -- Several requests of one attempt, such as "too long, ask again".
    round integer not null,
    -- Null: any model will do.
    model text,
    -- json, not jsonb: the order of a schema's properties is the order in which they are written.
    request json not null,
    -- From claim to result; waiting never counts.
    timeout_ms bigint not null,
    state text not null default 'ready',
    priority smallint not null default 0,
    lease_owner uuid,
    lease_until timestamptz,
    -- Counts claims that took effect; a write with an older number changes nothing.
    fence bigint not null default 0,
    -- Counts claims since the last orderly release; capped, so that a request that kills its worker ends.
    claims integer not null default 0,
    result jsonb,
    error jsonb,
    created_at timestamptz not null default now(),
    started_at timestamptz,
    finished_at timestamptz,
    constraint generation_state check (state in ('ready', 'running', 'succeeded', 'failed', 'cancelled')),
    constraint generation_finished check ((finished_at is not null) = (state in ('succeeded', 'failed', 'cancelled'))),
    constraint generation_leased check ((state = 'running') = (lease_until is not null)),
    constraint generation_result check ((result is not null) = (state = 'succeeded')),
    constraint generation_error check ((error is not null) = (state = 'failed')),
    -- A request with a schema has an output with values; that they satisfy it is checked before they get here.
    constraint generation_values check (
        result is null
        or coalesce(json_typeof(request -> 'schema'), 'null') = 'null'
        or coalesce(jsonb_typeof(result -> 'values'), 'null') <> 'null'
    ),
    constraint generation_step unique (workspace_id, run_id, node, item_path, attempt, round)
);

create index generation_ready on generation (priority desc, created_at) where state = 'ready';
create index generation_running on generation (lease_until) where state = 'running';
create index generation_run on generation (run_id);

-- Text while it is written; the stored result replaces it. Losing it in a crash loses nothing that matters.
create unlogged table generation_chunk (
    generation_id uuid not null,
    fence bigint not null,
    seq integer not null,
    text text not null,
    primary key (generation_id, fence, seq)
);
