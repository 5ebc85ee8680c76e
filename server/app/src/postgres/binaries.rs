//! Finds Postgres programs: a configured folder, beside our binary, `PATH`, then the distribution's versioned folders.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use super::PostgresError;

/// The oldest Postgres whose features the queue relies on.
pub const OLDEST: u32 = 15;

/// One folder with `postgres` and `initdb`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binaries {
    pub dir: PathBuf,
    pub major: u32,
}

/// Every usable folder in order of preference, for `doctor`; too old ones included.
pub fn find_all(configured: Option<&Path>) -> Vec<Binaries> {
    let mut found: Vec<Binaries> = Vec::new();
    for dir in candidates(configured) {
        if found.iter().any(|seen| seen.dir == dir) {
            continue;
        }
        if let Some(major) = version(&dir) {
            found.push(Binaries { dir, major });
        }
    }
    found
}

/// The binaries to use: those that fit an existing cluster's major version, otherwise the first that are new enough.
pub fn choose(found: &[Binaries], cluster_major: Option<u32>) -> Result<Binaries, PostgresError> {
    if let Some(major) = cluster_major {
        return found
            .iter()
            .find(|binaries| binaries.major == major)
            .cloned()
            .ok_or_else(|| PostgresError::ClusterVersion {
                major,
                found: match found {
                    [] => "none".into(),
                    _ => {
                        let majors: Vec<_> = found
                            .iter()
                            .map(|binaries| binaries.major.to_string())
                            .collect();
                        format!("only {}", majors.join(" and "))
                    }
                },
            });
    }
    match found.iter().find(|binaries| binaries.major >= OLDEST) {
        Some(binaries) => Ok(binaries.clone()),
        None => match found.first() {
            Some(old) => Err(PostgresError::TooOld {
                major: old.major,
                dir: old.dir.clone(),
            }),
            None => Err(PostgresError::NotFound),
        },
    }
}

/// The folder with a `pg_dump` and `pg_restore` that understand a server of this major version; a client's folder will do.
pub fn client_for(configured: Option<&Path>, server_major: u32) -> Option<PathBuf> {
    candidates(configured).into_iter().find(|dir| {
        dir.join("pg_restore").is_file()
            && ask_version(&dir.join("pg_dump")).is_some_and(|major| major >= server_major)
    })
}

fn candidates(configured: Option<&Path>) -> Vec<PathBuf> {
    let mut dirs = Vec::new();
    if let Some(dir) = configured {
        dirs.extend([dir.to_path_buf(), dir.join("bin")]);
    }
    if let Some(beside) = env::current_exe().ok().as_deref().and_then(Path::parent) {
        dirs.push(beside.join("postgres/bin"));
    }
    dirs.extend(
        env::var_os("PATH")
            .map(|path| env::split_paths(&path).collect::<Vec<_>>())
            .unwrap_or_default(),
    );
    let mut versioned: Vec<(u32, PathBuf)> =
        ["/usr/lib/postgresql", "/usr/pgsql", "/opt/homebrew/opt"]
            .iter()
            .filter_map(|root| std::fs::read_dir(root).ok())
            .flatten()
            .flatten()
            .filter_map(|entry| {
                let name = entry
                    .file_name()
                    .to_string_lossy()
                    .trim_start_matches("postgresql@")
                    .to_owned();
                Some((name.parse().ok()?, entry.path().join("bin")))
            })
            .collect();
    versioned.sort_by_key(|(major, _)| std::cmp::Reverse(*major));
    dirs.extend(versioned.into_iter().map(|(_, dir)| dir));
    dirs
}

/// `postgres (PostgreSQL) 15.18 (Debian …)` -> 15; a folder without `initdb` is a client's.
fn version(dir: &Path) -> Option<u32> {
    if !dir.join("initdb").is_file() {
        return None;
    }
    ask_version(&dir.join("postgres"))
}

fn ask_version(program: &Path) -> Option<u32> {
    let output = Command::new(program).arg("--version").output().ok()?;
    parse_version(&String::from_utf8_lossy(&output.stdout))
}

fn parse_version(text: &str) -> Option<u32> {
    let digits = text
        .split_whitespace()
        .find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    digits
        .split(|c: char| !c.is_ascii_digit())
        .next()?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binaries(majors: &[u32]) -> Vec<Binaries> {
        majors
            .iter()
            .map(|major| Binaries {
                dir: format!("/pg/{major}/bin").into(),
                major: *major,
            })
            .collect()
    }

    #[test]
    fn reads_versions() {
        assert_eq!(
            parse_version("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"),
            Some(15)
        );
        assert_eq!(parse_version("postgres (PostgreSQL) 18beta2"), Some(18));
        assert_eq!(parse_version("nonsense"), None);
    }

    #[test]
    fn prefers_the_first_that_is_new_enough() {
        assert_eq!(
            choose(&binaries(&[13, 17, 18]), None).map(|b| b.major).ok(),
            Some(17)
        );
    }

    #[test]
    fn an_existing_cluster_keeps_its_version() {
        assert_eq!(
            choose(&binaries(&[17, 15]), Some(15)).map(|b| b.major).ok(),
            Some(15)
        );
        assert!(matches!(
            choose(&binaries(&[17]), Some(15)),
            Err(PostgresError::ClusterVersion { major: 15, .. })
        ));
    }

    #[test]
    fn too_old_and_absent_are_different_sentences() {
        assert!(matches!(
            choose(&binaries(&[13]), None),
            Err(PostgresError::TooOld { major: 13, .. })
        ));
        assert!(matches!(choose(&[], None), Err(PostgresError::NotFound)));
    }
}
