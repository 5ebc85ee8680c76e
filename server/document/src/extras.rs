//! What goes into a PDF beside its laid-out pages: pages and files of others, a password. A preview shows none of it, so nothing is read
//! here before there is a PDF to make.

use std::sync::Arc;

use crate::pdf::{Attachment, Unbindable};

/// Most bytes of all files that go into one PDF.
pub const MAX_FILE_BYTES: u64 = 50 * 1024 * 1024;

/// Most pages that files put before and behind those of a document.
pub const MAX_BOUND_PAGES: usize = 500;

/// Most files that are attached to a document, and most that are put before and behind its pages.
pub const MAX_FILES: usize = 50;

/// Longest password in bytes (ISO 32000-2, 7.6.4.3.2).
pub(crate) const MAX_PASSWORD: usize = 127;

/// What a file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FilePlace {
    Letterhead,
    /// Its pages come before those of the document.
    Before,
    Behind,
    Attachment,
}

impl FilePlace {
    /// The member of the template that names it.
    pub fn member(self) -> &'static str {
        match self {
            Self::Letterhead => "letterhead",
            Self::Before => "prepend",
            Self::Behind => "append",
            Self::Attachment => "attachments",
        }
    }
}

impl std::fmt::Display for FilePlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Letterhead => "the letterhead",
            Self::Before => "the file to put before the pages",
            Self::Behind => "the file to put behind the pages",
            Self::Attachment => "the file to attach",
        })
    }
}

/// Why a file cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileFault {
    #[error("the file was not found")]
    Missing,
    #[error("{0}")]
    Pdf(#[from] Unbindable),
}

impl FileFault {
    /// Stable slug.
    pub fn code(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Pdf(Unbindable::Unreadable) => "unreadable",
            Self::Pdf(Unbindable::Locked) => "locked",
            Self::Pdf(Unbindable::Empty) => "empty",
            Self::Pdf(Unbindable::Complex) => "complex",
        }
    }
}

/// Why a password cannot be used. It never says the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordFault {
    #[error("the password is empty")]
    Empty,
    #[error("the password is longer than {} bytes", MAX_PASSWORD)]
    TooLong,
    #[error("the password has letters that no keyboard can type")]
    Letters,
    #[error("what is to be the password cannot be computed")]
    Failed,
}

impl PasswordFault {
    /// Stable slug.
    pub fn code(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::TooLong => "too_long",
            Self::Letters => "letters",
            Self::Failed => "failed",
        }
    }
}

/// What keeps a PDF from being PDF/A-3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Obstacle {
    #[error("it has a password")]
    Password,
    #[error("pages of other files are put before or behind its own")]
    Bound,
    #[error("its letterhead is a PDF of somebody else's")]
    Letterhead,
}

impl Obstacle {
    /// Stable slug.
    pub fn code(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Bound => "bound",
            Self::Letterhead => "letterhead",
        }
    }
}

/// A PDF of others.
pub(crate) struct Sheets {
    pub(crate) name: String,
    pub(crate) bytes: Arc<Vec<u8>>,
}

/// What people may do with a file that they opened without the owner's password.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is one permission")]
pub(crate) struct Permissions {
    pub(crate) print: bool,
    pub(crate) copy: bool,
    pub(crate) change: bool,
    pub(crate) annotate: bool,
}

/// Prepared as the standard wants it. It cannot be printed, so that no log and no warning ever has it.
pub(crate) struct Password {
    /// Empty: everybody opens the file.
    pub(crate) open: String,
    pub(crate) owner: Option<String>,
    pub(crate) permissions: Permissions,
}

/// All of it, with the values filled in.
#[derive(Default)]
pub(crate) struct Inserts {
    /// As `Ground::Sheet` counts them.
    pub(crate) letterheads: Vec<Sheets>,
    pub(crate) before: Vec<Sheets>,
    pub(crate) behind: Vec<Sheets>,
    pub(crate) attachments: Vec<Attachment>,
    pub(crate) password: Option<Password>,
    /// Files that should be there.
    pub(crate) missing: Vec<(FilePlace, String)>,
}
