//! What goes into one commit: a commit costs the same for one as for many, so whichever task is about to hand something in is waited for.

use tokio::{sync::mpsc::UnboundedReceiver, task::yield_now};

/// Adds to the group what has been handed in, at most up to `most`. Where more came than one, more may be about to come: the async tasks that
/// could go on at this moment get the chance to hand something in, until none does. No clock is asked, and a system at rest does not wait. Threads,
/// as those on which steps are worked on, are not waited for: of them it takes what they handed in meanwhile.
pub async fn gather<T>(jobs: &mut UnboundedReceiver<T>, group: &mut Vec<T>, most: usize) {
    loop {
        let before = group.len();
        while group.len() < most
            && let Ok(job) = jobs.try_recv()
        {
            group.push(job);
        }
        if group.len() == before || group.len() >= most {
            return;
        }
        yield_now().await;
    }
}
