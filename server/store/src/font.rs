//! Fonts that somebody uploaded for the documents of a workspace, a file for each of their faces. A face that comes again takes the place
//! of the one before. What is in a file is known to the caller.

use bytes::Bytes;
use engine::{
    ids::{ArtifactId, FontId, MemberId},
    value::FileRef,
};
use jiff::Timestamp;

use crate::{Result, Scope, Store, StoreError, artifact, fresh_id};

/// Bytes of one file.
pub const MAX_BYTES: usize = 20 * 1024 * 1024;

/// Faces of a workspace.
const MOST: i64 = 100;
/// Bytes of all of them, which a document may need at once.
const MOST_BYTES: i64 = 100 * 1024 * 1024;

/// One face.
#[derive(Clone, Debug)]
pub struct Font {
    pub id: FontId,
    pub family: String,
    /// 1 to 1000; 400 is regular, 700 bold.
    pub weight: u16,
    pub italic: bool,
    pub size_bytes: u64,
    pub created_at: Timestamp,
    /// Name of the person.
    pub created_by: Option<String>,
}

/// What a file says of itself.
#[derive(Clone, Copy, Debug)]
pub struct Face<'a> {
    pub family: &'a str,
    pub weight: u16,
    pub italic: bool,
}

/// All faces, by family.
pub async fn list(store: &Store, scope: &Scope) -> Result<Vec<Font>> {
    Ok(sqlx::query!(
        r#"select f.id, f.family, f.weight, f.italic, a.size_bytes, m.name as "created_by?",
                  f.created_at as "created_at: jiff_sqlx::Timestamp"
           from font f join artifact a on a.id = f.artifact_id left join member m on m.id = f.created_by
           where f.workspace_id = $1 order by lower(f.family), f.weight, f.italic"#,
        scope.workspace().as_uuid()
    )
    .fetch_all(&store.pool)
    .await?
    .into_iter()
    .map(|row| Font {
        id: row.id.into(),
        family: row.family,
        weight: row.weight.unsigned_abs(),
        italic: row.italic,
        size_bytes: row.size_bytes.unsigned_abs(),
        created_at: row.created_at.to_jiff(),
        created_by: row.created_by,
    })
    .collect())
}

/// Keeps a face; 100 of 100 MB together are the most of a workspace.
pub async fn add(store: &Store, scope: &Scope, face: Face<'_>, bytes: Bytes) -> Result<FontId> {
    let new = artifact::New {
        run: None,
        name: face.family,
        content_type: "font/sfnt",
        bytes,
    };
    let file = artifact::create(store, scope, new).await?;
    match put(store, scope, face, &file).await {
        Ok((id, before)) => {
            if let Some(before) = before {
                forget(store, scope, before).await?;
            }
            Ok(id)
        }
        Err(error) => {
            forget(store, scope, file.id).await?;
            Err(error)
        }
    }
}

/// The row of a face, and the file that it had before.
async fn put(
    store: &Store,
    scope: &Scope,
    face: Face<'_>,
    file: &FileRef,
) -> Result<(FontId, Option<ArtifactId>)> {
    let weight = i16::try_from(face.weight).unwrap_or(i16::MAX);
    let workspace = scope.workspace().as_uuid();
    let mut transaction = store.pool.begin().await?;
    // Two that come at once could both be the last one.
    sqlx::query!(
        "select id from workspace where id = $1 for no key update",
        workspace
    )
    .fetch_one(&mut *transaction)
    .await?;
    let others = sqlx::query!(
        r#"select count(*) as "count!", coalesce(sum(a.size_bytes), 0)::bigint as "bytes!"
           from font f join artifact a on a.id = f.artifact_id
           where f.workspace_id = $1 and not (lower(f.family) = lower($2) and f.weight = $3 and f.italic = $4)"#,
        workspace,
        face.family,
        weight,
        face.italic
    )
    .fetch_one(&mut *transaction)
    .await?;
    let size = i64::try_from(file.size_bytes).unwrap_or(i64::MAX);
    if others.count >= MOST || others.bytes.saturating_add(size) > MOST_BYTES {
        let most_mb = MOST_BYTES / 1024 / 1024;
        return Err(StoreError::conflict(
            "fonts_many",
            format!("At most {MOST} fonts of {most_mb} MB together are kept. Delete one first."),
        ));
    }
    let before = sqlx::query!(
        "delete from font where workspace_id = $1 and lower(family) = lower($2) and weight = $3 and italic = $4
         returning artifact_id",
        workspace,
        face.family,
        weight,
        face.italic
    )
    .fetch_optional(&mut *transaction)
    .await?;
    let id: FontId = fresh_id();
    sqlx::query!(
        "insert into font (id, workspace_id, family, weight, italic, artifact_id, created_by) values ($1, $2, $3, $4, $5, $6, $7)",
        id.as_uuid(),
        workspace,
        face.family,
        weight,
        face.italic,
        file.id.as_uuid(),
        scope.member().map(MemberId::as_uuid)
    )
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok((id, before.map(|row| row.artifact_id.into())))
}

/// Forgets a face; documents that name its family go on without it and say so.
pub async fn remove(store: &Store, scope: &Scope, id: FontId) -> Result<()> {
    let file = sqlx::query_scalar!(
        "delete from font where workspace_id = $1 and id = $2 returning artifact_id",
        scope.workspace().as_uuid(),
        id.as_uuid()
    )
    .fetch_optional(&store.pool)
    .await?
    .ok_or(StoreError::NotFound("font"))?;
    forget(store, scope, file.into()).await
}

/// The files of families, by their names whatever the case of their letters; one whose bytes are lost is left out.
pub async fn of_families(store: &Store, scope: &Scope, families: &[String]) -> Result<Vec<Bytes>> {
    if families.is_empty() {
        return Ok(Vec::new());
    }
    let files = sqlx::query_scalar!(
        "select artifact_id from font
         where workspace_id = $1 and lower(family) in (select lower(name) from unnest($2::text[]) as name)
         order by lower(family), weight, italic",
        scope.workspace().as_uuid(),
        families
    )
    .fetch_all(&store.pool)
    .await?;
    let mut found = Vec::with_capacity(files.len());
    for file in files {
        match artifact::read(store, scope, file.into()).await {
            Ok(bytes) => found.push(bytes),
            Err(error @ (StoreError::NotFound(_) | StoreError::Damaged(_))) => {
                tracing::warn!(%error, "the file of a font is gone");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// Removes a file that no font has any more.
async fn forget(store: &Store, scope: &Scope, file: ArtifactId) -> Result<()> {
    let hash = sqlx::query_scalar!(
        "delete from artifact where workspace_id = $1 and id = $2 and run_id is null returning sha256",
        scope.workspace().as_uuid(),
        file.as_uuid()
    )
    .fetch_optional(&store.pool)
    .await?;
    let hashes: Vec<Vec<u8>> = hash.into_iter().collect();
    artifact::remove_unnamed(store, scope.workspace(), &hashes).await;
    Ok(())
}
