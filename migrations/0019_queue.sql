-- Whose turn it is: the queue goes round the workflows, each of which has an order of its own, and people can hold it up.

alter table run add column priority smallint not null default 0;
update run set priority = 2 where trial and finished_at is null;
comment on column run.priority is 'How much somebody waits for it: 0 nobody, 1 a visitor, a caller or a member, 2 the editor.';

alter table queue_entry add column workflow_id uuid;
update queue_entry q set workflow_id = run.workflow_id, priority = run.priority from run where run.id = q.run_id;
delete from queue_entry where workflow_id is null;
alter table queue_entry alter column workflow_id set not null;
alter table queue_entry add column rank timestamp not null
    generated always as ((due_at at time zone 'UTC') - priority * interval '1 hour') stored;
alter table queue_entry add constraint queue_entry_priority_known check (priority between 0 and 2);
comment on column queue_entry.rank is
    'Order among the entries of its workflow: an hour of waiting counts as much as one step of priority, so that everything gets its turn.';

drop index queue_entry_ready;
create index queue_entry_ready on queue_entry (workflow_id, rank, due_at) where lease_owner is null and lost < 2;
create index queue_entry_suspect on queue_entry (rank) where lease_owner is null and lost >= 2;

-- Nothing of a paused workflow or workspace is claimed; what is handed in is accepted all the same.
alter table workflow add column paused_at timestamptz;
alter table workflow add column paused_by uuid;
alter table workflow add constraint workflow_paused_by_fkey foreign key (paused_by) references member (id) on delete set null;
alter table workspace add column paused_at timestamptz;
alter table workspace add column paused_by uuid;
alter table workspace add constraint workspace_paused_by_fkey foreign key (paused_by) references member (id) on delete set null;
-- Hardly anything is paused: the claim asks indexes that are empty.
create index workflow_paused on workflow (id) where paused_at is not null;
create index workspace_paused on workspace (id) where paused_at is not null;
create view paused_workflow as
    select id from workflow where paused_at is not null
    union all
    select workflow.id from workspace join workflow on workflow.workspace_id = workspace.id where workspace.paused_at is not null;
