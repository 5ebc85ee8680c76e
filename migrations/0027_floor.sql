-- Before 1970 there was no UUIDv7: the smallest one of an instant so long ago is the smallest of all, and not, as the digits of a negative
-- number would have it, greater than every id. Whoever keeps files for a hundred years asks for such an instant.

create or replace function uuid_floor(at timestamptz) returns uuid language sql immutable parallel safe as $$
    select (lpad(to_hex(greatest((extract(epoch from at) * 1000)::bigint, 0)), 12, '0') || '00000000000000000000')::uuid
$$;
