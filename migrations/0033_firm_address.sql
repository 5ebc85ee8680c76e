-- The firm's address gets parts, and its tax number is told apart from its VAT id. Only a last line that begins with a post code, and only
-- as it is printed again, is divided; every other line stays one of the street. Runs keep the record they have.

with line as (
    select firm.workspace_id, line.text, line.place
    from firm, jsonb_array_elements_text(firm.record -> 'address') with ordinality as line (text, place)
    where btrim(line.text) <> ''
), last as (
    select distinct on (workspace_id) workspace_id, place,
           -- A Dutch post code goes on with two letters, and so stays in its line.
           regexp_match(text, '^([0-9]{4,6}|[0-9]{2}-[0-9]{3}|[0-9]{4}-[0-9]{3}) ((?![A-Z]{2} )\S.*)$') as city
    from line order by workspace_id, place desc
), part as (
    select firm.workspace_id,
           coalesce(firm.record ->> 'tax_id', '') as tax_id,
           case when coalesce(firm.record ->> 'country', '') in ('AU', 'CA', 'GB', 'IE', 'IN', 'NZ', 'US') then null else last.city end as city,
           last.place
    from firm left join last on last.workspace_id = firm.workspace_id
)
update firm set record = (firm.record - 'address' - 'tax_id') || jsonb_build_object(
    'street', coalesce((select jsonb_agg(line.text order by line.place) from line
                        where line.workspace_id = part.workspace_id and (part.city is null or line.place < part.place)), '[]'),
    'post_code', coalesce(part.city[1], ''),
    'city', coalesce(part.city[2], ''),
    'vat_id', case when replace(part.tax_id, ' ', '') ~ '^[A-Z]{2}[A-Z0-9.-]{0,17}[0-9][A-Z0-9.-]*$' then part.tax_id else '' end,
    'tax_number', case when replace(part.tax_id, ' ', '') ~ '^[A-Z]{2}[A-Z0-9.-]{0,17}[0-9][A-Z0-9.-]*$' then '' else part.tax_id end)
from part
where part.workspace_id = firm.workspace_id and (firm.record ? 'address' or firm.record ? 'tax_id');
