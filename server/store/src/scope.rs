//! Whose data a statement may touch. A `Scope` is only ever made by sign-in, an access key, a public link or a claimed run.

use engine::ids::{MemberId, WorkspaceId};

/// One workspace, and the person acting in it if there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope {
    workspace: WorkspaceId,
    member: Option<MemberId>,
}

impl Scope {
    /// For the workspace that a claimed run, a link or an account row names.
    pub(crate) fn new(workspace: WorkspaceId, member: Option<MemberId>) -> Self {
        Self { workspace, member }
    }

    pub fn workspace(&self) -> WorkspaceId {
        self.workspace
    }

    pub fn member(&self) -> Option<MemberId> {
        self.member
    }
}
