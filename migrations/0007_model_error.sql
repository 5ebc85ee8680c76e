-- Why a model is missing or failed, as everywhere else: {code, message, params}. Sentences from before have no code.
alter table model alter column error type jsonb
    using case when error is not null then jsonb_build_object('code', '', 'message', error) end;
