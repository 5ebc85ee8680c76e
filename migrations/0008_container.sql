-- Containers wait for what is inside them.
alter table step drop constraint step_waits_known;
alter table step add constraint step_waits_known check (waits_on in ('signal', 'generation', 'delivery', 'items', 'nothing'));
