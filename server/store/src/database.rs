//! Makes and drops whole databases: the private cluster's one, and a clone of a template for every test.

use std::str::FromStr as _;

use sqlx::{ConnectOptions as _, Connection as _, postgres::PgConnectOptions};

use crate::{MIGRATIONS, Result};

/// Makes the database unless it is there. `admin_url` names another database of the same server.
pub async fn ensure(admin_url: &str, name: &str) -> Result<()> {
    let mut connection = PgConnectOptions::from_str(admin_url)?.connect().await?;
    let exists: bool =
        sqlx::query_scalar("select exists (select from pg_database where datname = $1)")
            .bind(name)
            .fetch_one(&mut connection)
            .await?;
    if !exists {
        execute(&mut connection, format!("create database {}", quoted(name))).await?;
    }
    Ok(connection.close().await?)
}

/// Clones a database that nobody is connected to.
pub async fn clone(admin_url: &str, template: &str, name: &str) -> Result<()> {
    let mut connection = PgConnectOptions::from_str(admin_url)?.connect().await?;
    execute(
        &mut connection,
        format!(
            "create database {} template {}",
            quoted(name),
            quoted(template)
        ),
    )
    .await?;
    Ok(connection.close().await?)
}

/// Drops a database with whatever is connected to it.
pub async fn drop(admin_url: &str, name: &str) -> Result<()> {
    let mut connection = PgConnectOptions::from_str(admin_url)?.connect().await?;
    execute(
        &mut connection,
        format!("drop database if exists {} with (force)", quoted(name)),
    )
    .await?;
    Ok(connection.close().await?)
}

/// Migrates a database by its own address, then lets go of it.
pub async fn migrate(url: &str) -> Result<()> {
    let mut connection = PgConnectOptions::from_str(url)?.connect().await?;
    MIGRATIONS.run(&mut connection).await?;
    Ok(connection.close().await?)
}

/// The server's version as `server_version_num`, such as 150018.
pub async fn server_version(url: &str) -> Result<u32> {
    let mut connection = PgConnectOptions::from_str(url)?.connect().await?;
    let version: i32 = sqlx::query_scalar("select current_setting('server_version_num')::int4")
        .fetch_one(&mut connection)
        .await?;
    connection.close().await?;
    Ok(u32::try_from(version).unwrap_or_default())
}

/// The id of the folder with its files, and whether the folder was marked with it; `None`: an earlier version made the database, or none.
pub async fn folder(url: &str) -> Result<Option<(String, bool)>> {
    let mut connection = PgConnectOptions::from_str(url)?.connect().await?;
    let is_known: bool = sqlx::query_scalar("select to_regclass('artifact_folder') is not null")
        .fetch_one(&mut connection)
        .await?;
    let folder = if is_known {
        sqlx::query_as("select id::text, marked from artifact_folder")
            .fetch_optional(&mut connection)
            .await?
    } else {
        None
    };
    connection.close().await?;
    Ok(folder)
}

/// Whether the database holds no table yet.
pub async fn is_empty(url: &str) -> Result<bool> {
    let mut connection = PgConnectOptions::from_str(url)?.connect().await?;
    let empty: bool = sqlx::query_scalar(
        "select not exists (select from pg_tables where schemaname = current_schema())",
    )
    .fetch_one(&mut connection)
    .await?;
    connection.close().await?;
    Ok(empty)
}

async fn execute(connection: &mut sqlx::PgConnection, statement: String) -> Result<()> {
    sqlx::raw_sql(sqlx::AssertSqlSafe(statement))
        .execute(connection)
        .await?;
    Ok(())
}

/// A name cannot be a parameter of DDL.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
