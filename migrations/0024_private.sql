-- Values that are kept for less long than their run.

alter table version add column private jsonb;
comment on column version.private is 'engine::private::Private by the step that takes the values in; null: all are kept as long as the run.';

alter table run add column private text;
alter table run add column masked_at timestamptz;
alter table run add constraint run_private_known check (private in ('mask', 'never'));
comment on column run.private is 'It was begun with values that are not kept as long as it is; never: one of them must go with its end.';
comment on column run.masked_at is 'When they were hidden or removed, and with them whatever its steps made of them.';
create index run_to_mask on run (private, finished_at) where private is not null and masked_at is null;

alter table delivery add column masked_at timestamptz;
comment on column delivery.masked_at is 'Its values were hidden with those of its run; it cannot be sent again.';

comment on table submission is 'Written in the commit that accepts it, before anything runs; only private values are hidden in it later.';
