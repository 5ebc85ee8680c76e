-- Which shipped example a workflow was made of, so that one that others call is made once.

alter table workflow add column example text;
comment on column workflow.example is 'Name of the example in the gallery; null: it was made otherwise.';
