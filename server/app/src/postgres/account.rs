//! Whom the database and the model worker run as: ourselves, or the unprivileged system user `formwork` when started as root.

use std::{
    fs, io,
    os::unix::{fs::PermissionsExt as _, process::CommandExt as _},
    path::Path,
    process::{Command, Stdio},
};

use rustix::{
    fs::{Gid, Uid},
    process::geteuid,
};

use super::PostgresError;

const USER: &str = "formwork";
const HOME: &str = "/var/lib/formwork";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub name: String,
    /// Set when programs must drop root's rights.
    ids: Option<(u32, u32)>,
}

impl Account {
    /// Ourselves; for root the system user `formwork`, made if it does not exist.
    pub fn for_this_process() -> Result<Self, PostgresError> {
        if !geteuid().is_root() {
            return Ok(Self {
                name: lookup_name(geteuid().as_raw()),
                ids: None,
            });
        }
        if let Some(account) = Self::lookup() {
            return Ok(account);
        }
        let made = Command::new("useradd")
            .args([
                "--system",
                "--user-group",
                "--no-create-home",
                "--home-dir",
                HOME,
                "--shell",
                "/usr/sbin/nologin",
                USER,
            ])
            .stdin(Stdio::null())
            .output();
        let reason = match made {
            Ok(output) if output.status.success() => String::new(),
            Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
            Err(error) => error.to_string(),
        };
        Self::lookup().ok_or(PostgresError::NoAccount { user: USER, reason })
    }

    fn lookup() -> Option<Self> {
        let (uid, gid) = passwd()
            .find(|entry| entry.name == USER)
            .map(|entry| (entry.uid, entry.gid))?;
        Some(Self {
            name: USER.into(),
            ids: Some((uid, gid)),
        })
    }

    /// The command run as this account, and with `death_signal` dying with the thread that starts it. The rights are dropped
    /// before the death signal is set; the other way round the kernel forgets it.
    pub fn command(&self, program: &Path, death_signal: Option<&str>) -> Command {
        if self.ids.is_none() && death_signal.is_none() {
            let mut command = Command::new(program);
            command.process_group(0);
            return command;
        }
        let mut command = Command::new("setpriv");
        // Ctrl-C reaches the terminal's whole process group: the database must outlive what still writes to it.
        command.process_group(0);
        if let Some((uid, gid)) = self.ids {
            command.args([
                "--reuid",
                &uid.to_string(),
                "--regid",
                &gid.to_string(),
                "--clear-groups",
            ]);
            // Root's working folder and home are often closed to others.
            command.current_dir("/").env("HOME", HOME);
        }
        if let Some(signal) = death_signal {
            command.args(["--pdeathsig", signal]);
        }
        command.arg("--").arg(program);
        command
    }

    pub(super) fn uid(&self) -> u32 {
        self.ids.map_or_else(|| geteuid().as_raw(), |(uid, _)| uid)
    }

    /// Hands a folder or file over to the account.
    pub fn own(&self, path: &Path) -> io::Result<()> {
        if let Some((uid, gid)) = self.ids {
            rustix::fs::chown(path, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))?;
        }
        Ok(())
    }

    /// Whether the account may use `path` as `access` says: `-r` read, `-x` enter. Only root has to ask.
    pub fn may(&self, access: &str, path: &Path) -> bool {
        self.ids.is_none()
            || self
                .command(Path::new("test"), None)
                .arg(access)
                .arg(path)
                .stdin(Stdio::null())
                .status()
                .is_ok_and(|status| status.success())
    }
}

/// Makes a folder with exactly these rights; one that is there keeps its own. Folders above it can be entered by everybody, because
/// the account must be able to pass.
pub fn make_folder(dir: &Path, mode: u32) -> io::Result<bool> {
    let missing: Vec<&Path> = dir.ancestors().take_while(|dir| !dir.exists()).collect();
    fs::create_dir_all(dir)?;
    for (index, made) in missing.iter().enumerate() {
        let mode = if index == 0 { mode } else { 0o711 };
        fs::set_permissions(made, fs::Permissions::from_mode(mode))?;
    }
    Ok(!missing.is_empty())
}

/// The name of the process's own user, for `pg_ident.conf`.
pub(super) fn lookup_name(uid: u32) -> String {
    passwd()
        .find(|entry| entry.uid == uid)
        .map_or_else(|| uid.to_string(), |entry| entry.name)
}

struct Entry {
    name: String,
    uid: u32,
    gid: u32,
}

/// `getent` knows users of every source, not only those in `/etc/passwd`; the file is the fallback.
fn passwd() -> impl Iterator<Item = Entry> {
    let text = Command::new("getent")
        .arg("passwd")
        .output()
        .ok()
        .filter(|output| output.status.success())
        .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
        .or_else(|| fs::read_to_string("/etc/passwd").ok())
        .unwrap_or_default();
    text.lines()
        .filter_map(|line| {
            let mut parts = line.split(':');
            let name = parts.next()?.to_owned();
            let uid = parts.nth(1)?.parse().ok()?;
            let gid = parts.next()?.parse().ok()?;
            Some(Entry { name, uid, gid })
        })
        .collect::<Vec<_>>()
        .into_iter()
}
