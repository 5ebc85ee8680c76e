-- What a step puts out lies in its row only up to a size; what is larger lies in the file store.

alter table step add column output_sha256 bytea;
alter table step add constraint step_output_sha256_length check (octet_length(output_sha256) = 32);
create index step_by_output on step (output_sha256) where output_sha256 is not null;
comment on column step.output_sha256 is
    'Names the whole output in the file store, as artifact.sha256 does; output then holds only {"files": [artifact ids that the value names]}.';
