//! Where bytes lie: under the name of their hash, in the folder of their workspace.

use object_store::path::Path as ObjectPath;
use uuid::Uuid;

use crate::Scope;

/// What the sweep sets aside before it looks a second time.
pub(super) const TRASH: &str = "trash";

pub(super) fn place(scope: &Scope, sha256: &[u8; 32]) -> ObjectPath {
    place_in(scope.workspace().as_uuid(), sha256)
}

pub(super) fn place_in(workspace: Uuid, sha256: &[u8; 32]) -> ObjectPath {
    let digits = hex(sha256);
    ObjectPath::from_iter([&workspace.to_string(), &digits[..2], &digits])
}

pub(super) fn aside(workspace: Uuid, sha256: &[u8; 32]) -> ObjectPath {
    ObjectPath::from_iter([TRASH, &workspace.to_string(), &hex(sha256)])
}

pub(super) fn parse_place(path: &ObjectPath) -> Option<(Uuid, [u8; 32])> {
    let mut parts = path.parts();
    let workspace = parts.next()?.as_ref().parse().ok()?;
    Some((workspace, parse_hash(parts.nth(1)?.as_ref())?))
}

pub(super) fn parse_trash(path: &ObjectPath) -> Option<(Uuid, [u8; 32])> {
    let mut parts = path.parts().skip(1);
    let workspace = parts.next()?.as_ref().parse().ok()?;
    Some((workspace, parse_hash(parts.next()?.as_ref())?))
}

fn parse_hash(digits: &str) -> Option<[u8; 32]> {
    if digits.len() != 64 || !digits.is_ascii() {
        return None;
    }
    let mut sha256 = [0; 32];
    for (byte, pair) in sha256.iter_mut().zip(digits.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(sha256)
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_back_and_others_are_left_alone() {
        let path = ObjectPath::from(format!("{}/ab/{}", Uuid::nil(), "ab".repeat(32)));
        assert_eq!(parse_place(&path), Some((Uuid::nil(), [0xab; 32])));
        assert_eq!(parse_place(&ObjectPath::from("trash/x/y")), None);
        let aside = ObjectPath::from(format!("{TRASH}/{}/{}", Uuid::nil(), "ab".repeat(32)));
        assert_eq!(parse_trash(&aside), Some((Uuid::nil(), [0xab; 32])));
        assert_eq!(parse_place(&aside), None);
        assert_eq!(parse_place(&ObjectPath::from("lost+found")), None);
    }
}
