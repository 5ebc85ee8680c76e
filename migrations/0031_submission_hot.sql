-- A submission is stored with each run, and hot tables carry no foreign keys: every insert would lock a row that all runs share.

alter table submission drop constraint submission_workspace_fkey;
