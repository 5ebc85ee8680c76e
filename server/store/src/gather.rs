//! What goes into one commit: a commit costs the same for one as for many, so whoever is about to hand something in is waited for.

use tokio::{sync::mpsc::UnboundedReceiver, task::yield_now};

/// Adds to the group what has been handed in, at most up to `most`, and gives all tasks that could go on at this moment the chance to
/// hand in more; ends when they did not. No clock is asked: a system at rest does not wait.
pub async fn gather<T>(jobs: &mut UnboundedReceiver<T>, group: &mut Vec<T>, most: usize) {
    loop {
        let before = group.len();
        yield_now().await;
        while group.len() < most
            && let Ok(job) = jobs.try_recv()
        {
            group.push(job);
        }
        if group.len() == before || group.len() >= most {
            return;
        }
    }
}
