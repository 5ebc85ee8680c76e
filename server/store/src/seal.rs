//! Secrets at rest: every workspace has a data key, wrapped by the master key from a 0600 file; a sealed text is bound to the
//! workspace, row and version it belongs to, so that it opens nowhere else.
//!
//! Sealed form: one byte format (1) · 24 bytes nonce · ciphertext with tag (XChaCha20-Poly1305).

use std::{
    fs,
    io::{self, Read as _, Write as _},
    path::Path,
    sync::Arc,
};

use chacha20poly1305::{
    XChaCha20Poly1305, XNonce,
    aead::{Aead as _, KeyInit as _, Payload},
};
use engine::ids::WorkspaceId;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{Result, StoreError};

const FORMAT: u8 = 1;
const NONCE_BYTES: usize = 24;

/// 256 random bits that never enter the database or a backup.
#[derive(Clone)]
pub struct MasterKey(Arc<[u8; 32]>);

impl MasterKey {
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Arc::new(bytes))
    }

    /// Reads the key file, or makes it readable by its owner only. The file holds 64 hexadecimal digits.
    pub fn load_or_create(path: &Path) -> io::Result<Self> {
        match fs::File::open(path) {
            Ok(mut file) => {
                refuse_if_open_to_others(&file, path)?;
                let mut text = String::new();
                file.read_to_string(&mut text)?;
                let bytes = parse_hex(text.trim()).ok_or_else(|| {
                    io::Error::new(
                        io::ErrorKind::InvalidData,
                        format!("{} does not hold 64 hexadecimal digits", path.display()),
                    )
                })?;
                Ok(Self::from_bytes(bytes))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::create(path),
            Err(error) => Err(error),
        }
    }

    fn create(path: &Path) -> io::Result<Self> {
        use std::os::unix::fs::OpenOptionsExt as _;
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let bytes: [u8; 32] = rand::random();
        let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let opened = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path);
        match opened {
            Ok(mut file) => {
                writeln!(file, "{text}")?;
                file.sync_all()?;
                Ok(Self::from_bytes(bytes))
            }
            // Another process was faster; its key is the key.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Self::load_or_create(path)
            }
            Err(error) => Err(error),
        }
    }
}

fn refuse_if_open_to_others(file: &fs::File, path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = file.metadata()?.permissions().mode() & 0o777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    Err(io::Error::new(
        io::ErrorKind::PermissionDenied,
        format!(
            "{} can be read by others (mode {mode:o}); run: chmod 600 {}",
            path.display(),
            path.display()
        ),
    ))
}

fn parse_hex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

/// Holds the master key, if this process has one.
#[derive(Clone)]
pub struct Sealer(Option<MasterKey>);

impl Sealer {
    pub fn new(key: Option<MasterKey>) -> Self {
        Self(key)
    }

    /// A key for one purpose, such as `artifact-links`; knowing it tells nothing about the master key.
    pub fn subkey(&self, purpose: &str) -> Result<[u8; 32]> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.master()?.as_slice())
            .expect("HMAC takes a key of any length");
        mac.update(b"formwork/1 ");
        mac.update(purpose.as_bytes());
        Ok(mac.finalize().into_bytes().into())
    }

    fn master(&self) -> Result<&[u8; 32]> {
        self.0
            .as_ref()
            .map(|key| key.0.as_ref())
            .ok_or(StoreError::Key("this process has no master key"))
    }

    fn wrapping_key(&self) -> Result<DataKey> {
        Ok(DataKey(self.subkey("data-keys")?))
    }
}

/// What a sealed text belongs to.
#[derive(Clone, Copy, Debug)]
pub struct Owner {
    pub workspace: WorkspaceId,
    pub id: Uuid,
    pub version: i32,
}

impl Owner {
    fn associated_data(&self) -> Vec<u8> {
        format!("{}|{}|{}", self.workspace, self.id, self.version).into_bytes()
    }
}

/// The unwrapped key of one workspace.
pub struct DataKey([u8; 32]);

impl DataKey {
    pub fn seal(&self, owner: &Owner, plain: &[u8]) -> Vec<u8> {
        let nonce: [u8; NONCE_BYTES] = rand::random();
        let sealed = self
            .cipher()
            .encrypt(
                &XNonce::from(nonce),
                Payload {
                    msg: plain,
                    aad: &owner.associated_data(),
                },
            )
            .expect("secrets are far below the cipher's limit of 256 GiB");
        [&[FORMAT], nonce.as_slice(), &sealed].concat()
    }

    pub fn open(&self, owner: &Owner, sealed: &[u8]) -> Result<Vec<u8>> {
        let wrong = StoreError::Key(
            "a stored secret does not open with this master key; restore the key file it was sealed with",
        );
        let Some((&[FORMAT], rest)) = sealed.split_first_chunk::<1>() else {
            return Err(wrong);
        };
        let Some((nonce, text)) = rest.split_first_chunk::<NONCE_BYTES>() else {
            return Err(wrong);
        };
        self.cipher()
            .decrypt(
                &XNonce::from(*nonce),
                Payload {
                    msg: text,
                    aad: &owner.associated_data(),
                },
            )
            .map_err(|_| wrong)
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&self.0.into())
    }
}

/// The workspace's data key; made with the first secret.
pub async fn data_key(
    connection: &mut PgConnection,
    sealer: &Sealer,
    workspace: WorkspaceId,
) -> Result<DataKey> {
    let owner = Owner {
        workspace,
        id: workspace.as_uuid(),
        version: 1,
    };
    let wrapping = sealer.wrapping_key()?;
    let stored = sqlx::query_scalar!(
        "select sealed_data_key from workspace where id = $1",
        workspace.as_uuid()
    )
    .fetch_optional(&mut *connection)
    .await?
    .ok_or(StoreError::NotFound("workspace"))?;
    let sealed = match stored {
        Some(sealed) => sealed,
        None => {
            let fresh: [u8; 32] = rand::random();
            // `coalesce` keeps the other's key when two first secrets race.
            sqlx::query_scalar!(
                r#"update workspace set sealed_data_key = coalesce(sealed_data_key, $2)
                   where id = $1 returning sealed_data_key as "sealed!""#,
                workspace.as_uuid(),
                wrapping.seal(&owner, &fresh),
            )
            .fetch_one(connection)
            .await?
        }
    };
    let plain = wrapping.open(&owner, &sealed)?;
    let key = plain
        .try_into()
        .map_err(|_| StoreError::Key("the workspace's data key is damaged"))?;
    Ok(DataKey(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(id: u128, version: i32) -> Owner {
        Owner {
            workspace: Uuid::from_u128(1).into(),
            id: Uuid::from_u128(id),
            version,
        }
    }

    #[test]
    fn a_sealed_text_opens_only_where_it_belongs() {
        let key = DataKey([7; 32]);
        let sealed = key.seal(&owner(2, 1), b"whsec_abc");
        assert_eq!(key.open(&owner(2, 1), &sealed).unwrap(), b"whsec_abc");
        assert!(key.open(&owner(3, 1), &sealed).is_err());
        assert!(key.open(&owner(2, 2), &sealed).is_err());
        assert!(DataKey([8; 32]).open(&owner(2, 1), &sealed).is_err());
        assert!(key.open(&owner(2, 1), &sealed[..20]).is_err());
        assert_ne!(sealed, key.seal(&owner(2, 1), b"whsec_abc"));
    }

    #[test]
    fn a_process_without_the_key_cannot_seal() {
        assert!(Sealer::new(None).subkey("artifact-links").is_err());
    }

    #[test]
    fn the_key_file_is_private_and_stays_the_same() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = std::env::temp_dir().join(format!("formwork-key-{}", Uuid::now_v7()));
        let path = folder.join("key");
        let first = MasterKey::load_or_create(&path).unwrap();
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(first.0, MasterKey::load_or_create(&path).unwrap().0);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(MasterKey::load_or_create(&path).is_err());
        fs::remove_dir_all(folder).unwrap();
    }
}
