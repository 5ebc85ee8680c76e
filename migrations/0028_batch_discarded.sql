-- Rows of a stopped batch that begin no run any more, because somebody gave them up.

alter table batch_row drop constraint batch_row_state_known;
alter table batch_row add constraint batch_row_state_known
    check (state in ('ready', 'begun', 'succeeded', 'failed', 'cancelled', 'left_out', 'discarded'));
alter table batch_row drop constraint batch_row_run;
alter table batch_row add constraint batch_row_run check ((run_id is null) = (state in ('ready', 'left_out', 'discarded')));
