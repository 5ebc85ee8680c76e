//! Rows as one parameter of a statement.

use serde::Serialize;
use sqlx::{
    Encode, Postgres, Type,
    encode::IsNull,
    error::BoxDynError,
    postgres::{PgArgumentBuffer, PgTypeInfo, types::Oid},
};

/// Of `json`, as `pg_type` has it.
const JSON: Oid = Oid(114);

/// What `json_to_recordset` takes apart. It is sent as `json`: as the `jsonb` that sqlx makes of JSON the database would parse it, print it
/// for the function and parse it again, which cost as much as writing the rows.
pub(crate) struct Records<'a, T>(pub(crate) &'a [T]);

impl<T> Type<Postgres> for Records<'_, T> {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(JSON)
    }
}

impl<T: Serialize> Encode<'_, Postgres> for Records<'_, T> {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        serde_json::to_writer(&mut **buffer, self.0)?;
        Ok(IsNull::No)
    }
}
