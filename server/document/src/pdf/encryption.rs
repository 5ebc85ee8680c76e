//! A file that asks for a password: AES-256 as ISO 32000-2 has it (7.6, revision 6). The same document with the same password gives the
//! same bytes, so what other programs draw at random is derived here: from the password by the standard's own slow hash, with the digest
//! of the unencrypted file as salt. Nobody who lacks either can compute it; who has the content and guesses at the password pays for each
//! guess what the file itself asks; and no two documents share a key, a salt or an initialisation vector.

use aes::{
    Aes128, Aes256,
    cipher::{Block, BlockCipherEncrypt, KeyInit},
};
use hmac::{Hmac, Mac as _};
use lopdf::{Dictionary, Object, ObjectId, StringFormat, dictionary};
use sha2::{Digest as _, Sha256, Sha384, Sha512};

use crate::extras::{MAX_PASSWORD, Password, PasswordFault, Permissions};

const BLOCK: usize = 16;
const KEY: usize = 32;

/// What is asked for, as the standard compares it: the same letter typed in two ways is one (RFC 4013).
pub(crate) fn prepared(password: &str) -> Result<String, PasswordFault> {
    let prepared = stringprep::saslprep(password).map_err(|_| PasswordFault::Letters)?;
    if prepared.trim().is_empty() {
        return Err(PasswordFault::Empty);
    }
    if prepared.len() > MAX_PASSWORD {
        return Err(PasswordFault::TooLong);
    }
    Ok(prepared.into_owned())
}

/// Encrypts one file.
pub(super) struct Cipher {
    /// Of everything that is derived.
    root: [u8; KEY],
    key: [u8; KEY],
    dictionary: Dictionary,
}

impl Cipher {
    /// `digest` is that of the file before it is encrypted.
    pub(super) fn new(password: &Password, digest: &[u8]) -> Self {
        let open = password.open.as_bytes();
        let given = password.owner.as_deref().unwrap_or_default().as_bytes();
        let root = hash(&[open, &[0_u8][..], given].concat(), digest, &[]);
        let key = derived(&root, b"key");
        let salts = derived(&root, b"salts");
        // Without an owner nobody knows the owner's password: an empty one would open the file.
        let nobody: String = derived(&root, b"owner")
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let owner = match given {
            [] => nobody.as_bytes(),
            given => given,
        };
        let (user, user_key) = entry(open, &salts[..16], &[], &key);
        let (owner, owner_key) = entry(owner, &salts[16..], &user, &key);
        let allowed = allowed(password.permissions);
        let mut permissions = [0xff; BLOCK];
        permissions[..4].copy_from_slice(&allowed.to_le_bytes());
        permissions[8..12].copy_from_slice(b"Tadb");
        permissions[12..].copy_from_slice(&derived(&root, b"permissions")[..4]);
        // Of a single block, both modes make the same.
        chain::<Aes256>(&key, [0; BLOCK], &mut permissions);
        let bytes = |bytes: &[u8]| Object::String(bytes.to_vec(), StringFormat::Hexadecimal);
        let filter = dictionary! {
            "Type" => "CryptFilter", "AuthEvent" => "DocOpen", "CFM" => "AESV3", "Length" => 32,
        };
        let dictionary = dictionary! {
            "Filter" => "Standard", "V" => 5, "R" => 6, "Length" => 256, "P" => i64::from(allowed),
            "U" => bytes(&user), "UE" => bytes(&user_key), "O" => bytes(&owner), "OE" => bytes(&owner_key),
            "Perms" => bytes(&permissions), "EncryptMetadata" => true,
            "CF" => dictionary! { "StdCF" => filter }, "StmF" => "StdCF", "StrF" => "StdCF",
        };
        Self {
            root,
            key,
            dictionary,
        }
    }

    pub(super) fn dictionary(&self) -> &Dictionary {
        &self.dictionary
    }

    /// What stands in a file for the content of a stream.
    pub(super) fn stream(&self, id: ObjectId, content: &[u8]) -> Vec<u8> {
        self.encrypted(id, 0, content)
    }

    /// Encrypts the strings of an object that stands in the file by itself, or of a stream's dictionary.
    pub(super) fn strings(&self, id: ObjectId, object: &mut Object) {
        let mut number = 0;
        self.strings_from(id, object, &mut number);
    }

    fn strings_from(&self, id: ObjectId, object: &mut Object, number: &mut u32) {
        match object {
            Object::String(text, format) => {
                *number += 1;
                *text = self.encrypted(id, *number, text);
                *format = StringFormat::Hexadecimal;
            }
            Object::Array(items) => {
                for item in items {
                    self.strings_from(id, item, number);
                }
            }
            Object::Dictionary(dict) => {
                for (_, value) in dict.iter_mut() {
                    self.strings_from(id, value, number);
                }
            }
            _ => {}
        }
    }

    /// The vector, then the blocks, the last one filled up (RFC 8018, 6.1.1).
    fn encrypted(&self, (id, generation): ObjectId, number: u32, plain: &[u8]) -> Vec<u8> {
        let place = format!("vector {id} {generation} {number}");
        let mut vector = [0; BLOCK];
        vector.copy_from_slice(&derived(&self.root, place.as_bytes())[..BLOCK]);
        let filling = BLOCK - plain.len() % BLOCK;
        let mut bytes = Vec::with_capacity(BLOCK + plain.len() + filling);
        bytes.extend_from_slice(&vector);
        bytes.extend_from_slice(plain);
        let filler = u8::try_from(filling).unwrap_or_default();
        bytes.resize(bytes.len() + filling, filler);
        chain::<Aes256>(&self.key, vector, &mut bytes[BLOCK..]);
        bytes
    }
}

/// One of several values that say nothing of one another.
fn derived(root: &[u8; KEY], what: &[u8]) -> [u8; KEY] {
    let mut mac = Hmac::<Sha256>::new_from_slice(root).expect("any length is a key");
    mac.update(what);
    mac.finalize().into_bytes().into()
}

/// What lets a password be recognised, and the file's key under it (algorithms 8 and 9). `user` is the entry of the password that opens
/// the file, where it is the owner's that is told.
fn entry(password: &[u8], salts: &[u8], user: &[u8], key: &[u8; KEY]) -> (Vec<u8>, [u8; KEY]) {
    let (to_recognise, to_open) = salts.split_at(8);
    let recognised = hash(password, to_recognise, user);
    let entry = [&recognised[..], to_recognise, to_open].concat();
    let mut wrapped = *key;
    chain::<Aes256>(&hash(password, to_open, user), [0; BLOCK], &mut wrapped);
    (entry, wrapped)
}

/// Algorithm 2.B, slow so that guessing is.
fn hash(password: &[u8], salt: &[u8], user: &[u8]) -> [u8; KEY] {
    let mut digest = Sha256::digest([password, salt, user].concat()).to_vec();
    let mut round = 0_u32;
    loop {
        let mut text = [password, &digest[..], user].concat().repeat(64);
        let mut vector = [0; BLOCK];
        vector.copy_from_slice(&digest[BLOCK..2 * BLOCK]);
        chain::<Aes128>(&digest[..BLOCK], vector, &mut text);
        // As a number of sixteen digits to the base of 256, which leaves 1 when divided by 3.
        let sum: u32 = text[..BLOCK].iter().map(|byte| u32::from(*byte)).sum();
        digest = match sum % 3 {
            0 => Sha256::digest(&text).to_vec(),
            1 => Sha384::digest(&text).to_vec(),
            _ => Sha512::digest(&text).to_vec(),
        };
        round += 1;
        let last = text.last().map_or(0, |byte| u32::from(*byte));
        if round >= 64 && last <= round - 32 {
            let mut key = [0; KEY];
            key.copy_from_slice(&digest[..KEY]);
            return key;
        }
    }
}

/// Whole blocks, each mixed with the one before (CBC).
fn chain<C: BlockCipherEncrypt + KeyInit>(key: &[u8], vector: [u8; BLOCK], text: &mut [u8]) {
    let cipher = C::new_from_slice(key).expect("a key of this cipher's size");
    let mut before = vector;
    for block in text.chunks_exact_mut(BLOCK) {
        for (byte, over) in block.iter_mut().zip(before) {
            *byte ^= over;
        }
        let whole: &mut Block<C> = (&mut *block).try_into().expect("a block of AES");
        cipher.encrypt_block(whole);
        before.copy_from_slice(block);
    }
}

/// The permissions as a number (table 22): what is reserved, and reading aloud, is always allowed.
fn allowed(own: Permissions) -> i32 {
    let bits = [
        (own.print, (1 << 2) | (1 << 11)),
        (own.change, (1 << 3) | (1 << 10)),
        (own.copy, 1 << 4),
        (own.annotate, (1 << 5) | (1 << 8)),
    ];
    bits.into_iter()
        .filter(|(yes, _)| *yes)
        .fold(!0xfff | (0b11 << 6) | (1 << 9), |all, (_, bit)| all | bit)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Permissions = Permissions {
        print: true,
        copy: true,
        change: true,
        annotate: true,
    };

    fn cipher(open: &str, digest: &[u8]) -> Cipher {
        let password = Password {
            open: open.into(),
            owner: None,
            permissions: ALL,
        };
        Cipher::new(&password, digest)
    }

    #[test]
    fn permissions_are_a_number_whose_reserved_bits_are_set() {
        assert_eq!(allowed(ALL), -4);
        let none = Permissions {
            print: false,
            copy: false,
            change: false,
            annotate: false,
        };
        assert_eq!(allowed(none), -3392);
    }

    #[test]
    fn a_password_is_one_however_it_is_typed() {
        assert_eq!(prepared("I\u{ad}X").as_deref(), Ok("IX"));
        assert_eq!(prepared("e\u{301}"), prepared("\u{e9}"));
        assert_eq!(prepared(" "), Err(PasswordFault::Empty));
        assert_eq!(prepared("a\u{7}"), Err(PasswordFault::Letters));
        assert_eq!(prepared(&"x".repeat(128)), Err(PasswordFault::TooLong));
    }

    #[test]
    fn what_is_drawn_at_random_elsewhere_comes_from_password_and_content() {
        let one = cipher("secret", b"digest");
        let same = cipher("secret", b"digest");
        assert_eq!(one.dictionary(), same.dictionary());
        assert_eq!(one.stream((7, 0), b"text"), same.stream((7, 0), b"text"));
        for other in [cipher("Secret", b"digest"), cipher("secret", b"other")] {
            assert_ne!(one.key, other.key);
            for entry in ["U", "UE", "O", "OE", "Perms"] {
                let entry = entry.as_bytes();
                assert_ne!(
                    one.dictionary.get(entry).ok(),
                    other.dictionary.get(entry).ok()
                );
            }
            assert_ne!(
                one.stream((7, 0), b"text")[..16],
                other.stream((7, 0), b"text")[..16]
            );
        }
        assert_ne!(one.stream((7, 0), b"text"), one.stream((8, 0), b"text"));
    }

    #[test]
    fn nobody_owns_a_file_without_an_owner() {
        let own = cipher("secret", b"digest");
        let owner = own.dictionary.get(b"O").and_then(Object::as_str);
        let user = own.dictionary.get(b"U").and_then(Object::as_str);
        let (owner, user) = (owner.expect("O"), user.expect("U"));
        for guess in ["", "secret"] {
            assert_ne!(hash(guess.as_bytes(), &owner[32..40], user), owner[..32]);
        }
        assert_eq!(hash(b"secret", &user[32..40], &[]), user[..32]);
    }
}
