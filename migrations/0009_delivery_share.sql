-- Senders look at each endpoint's messages apart.
create index delivery_due_by_endpoint on delivery (endpoint_id, due_at) where state in ('due', 'retrying');
drop index delivery_due;
