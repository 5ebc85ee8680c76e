//! What can answer a request, and the thread it lives on. Everything here blocks: async code talks to it through a bounded channel.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc as blocking,
    },
    thread,
    time::Instant,
};

use engine::{
    ids::WorkspaceId,
    node::{GenerationRequest, GenerationResult, StepError},
};
use tokio::sync::{mpsc, oneshot};

/// What a loaded model tells about itself.
#[derive(Clone, Debug, PartialEq)]
pub struct About {
    pub name: String,
    pub sha256: String,
    pub context_tokens: u32,
    /// Measured after loading; 0 when unknown.
    pub tokens_per_second: f64,
    pub memory_bytes: u64,
}

/// How a request ended without a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Whoever asked no longer wants it.
    Cancelled,
    /// Not in time.
    Deadline,
    Failed(StepError),
}

impl Failure {
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self::Failed(StepError::new(code, message))
    }
}

/// Something that answers requests, one after the other.
pub trait Backend {
    fn about(&self) -> About;

    /// Blocks until the answer is whole. Looks at `control` between tokens.
    fn generate(
        &mut self,
        request: &Request,
        control: &Control,
    ) -> Result<GenerationResult, Failure>;
}

/// A request with what the backend may know about who asks.
#[derive(Clone, Debug)]
pub struct Request {
    /// Prompts of different workspaces never share cached work: its speed would tell one about the other.
    pub workspace: WorkspaceId,
    pub generation: GenerationRequest,
}

/// How a running request is watched and stopped.
#[derive(Clone)]
pub struct Control {
    cancelled: Arc<AtomicBool>,
    deadline: Option<Instant>,
    text: mpsc::Sender<String>,
}

impl Control {
    /// Text arrives in `text` as whole characters.
    pub fn new(text: mpsc::Sender<String>, deadline: Option<Instant>) -> Self {
        Self {
            cancelled: Arc::new(AtomicBool::new(false)),
            deadline,
            text,
        }
    }

    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// Called between tokens and between parts of a prompt.
    pub fn check(&self) -> Result<(), Failure> {
        if self.cancelled.load(Ordering::Relaxed) {
            return Err(Failure::Cancelled);
        }
        match self.deadline {
            Some(deadline) if Instant::now() >= deadline => Err(Failure::Deadline),
            _ => Ok(()),
        }
    }

    /// Hands on text; waits while the reader is behind. A reader that is gone is not an error: the result is what counts.
    pub fn text(&self, text: String) {
        if !text.is_empty() {
            let _ = self.text.blocking_send(text);
        }
    }
}

struct Job {
    request: Request,
    control: Control,
    answer: oneshot::Sender<Result<GenerationResult, Failure>>,
}

/// A backend on its own thread.
pub struct Engine {
    about: About,
    jobs: blocking::SyncSender<Job>,
}

impl Engine {
    /// Loads the backend on a new thread and waits for it.
    pub async fn start<B, E>(
        load: impl FnOnce() -> Result<B, E> + Send + 'static,
    ) -> Result<Self, EngineError<E>>
    where
        B: Backend + 'static,
        E: Send + 'static,
    {
        let (jobs, inbox) = blocking::sync_channel::<Job>(1);
        let (ready, loaded) = oneshot::channel();
        thread::Builder::new()
            .name("model".into())
            .spawn(move || match load() {
                Ok(mut backend) => {
                    if ready.send(Ok(backend.about())).is_ok() {
                        serve(&mut backend, &inbox);
                    }
                }
                Err(error) => {
                    let _ = ready.send(Err(error));
                }
            })
            .map_err(EngineError::Thread)?;
        match loaded.await {
            Ok(Ok(about)) => Ok(Self { about, jobs }),
            Ok(Err(error)) => Err(EngineError::Load(error)),
            Err(_) => Err(EngineError::Ended),
        }
    }

    pub fn about(&self) -> &About {
        &self.about
    }

    /// Hands over a request; the answer comes through the receiver, which closes without one if the backend's thread ended.
    pub fn submit(
        &self,
        request: Request,
        control: Control,
    ) -> oneshot::Receiver<Result<GenerationResult, Failure>> {
        let (answer, receiver) = oneshot::channel();
        let job = Job {
            request,
            control,
            answer,
        };
        if let Err(refused) = self.jobs.try_send(job) {
            let (blocking::TrySendError::Full(job) | blocking::TrySendError::Disconnected(job)) =
                refused;
            let _ = job.answer.send(Err(Failure::new(
                "model_busy",
                "The model is busy or gone. The step is tried again.",
            )));
        }
        receiver
    }
}

/// Why an engine did not start.
#[derive(Debug, thiserror::Error)]
pub enum EngineError<E> {
    #[error("{0}")]
    Load(E),
    #[error("no thread could be started for the model ({0})")]
    Thread(std::io::Error),
    #[error("the model's thread ended while it loaded")]
    Ended,
}

fn serve(backend: &mut dyn Backend, inbox: &blocking::Receiver<Job>) {
    while let Ok(job) = inbox.recv() {
        let Job {
            request,
            control,
            answer,
        } = job;
        match catch_unwind(AssertUnwindSafe(|| backend.generate(&request, &control))) {
            Ok(result) => {
                let _ = answer.send(result);
            }
            // The backend's state is unknown now: the thread ends, the process follows, a fresh one takes over.
            Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::node::Usage;

    struct Echo;
    impl Backend for Echo {
        fn about(&self) -> About {
            About {
                name: "echo".into(),
                sha256: String::new(),
                context_tokens: 1,
                tokens_per_second: 0.0,
                memory_bytes: 0,
            }
        }
        fn generate(
            &mut self,
            request: &Request,
            control: &Control,
        ) -> Result<GenerationResult, Failure> {
            assert_ne!(request.generation.seed, 666, "a panic in a backend");
            control.check()?;
            control.text("hi".into());
            Ok(GenerationResult {
                text: "hi".into(),
                values: None,
                usage: Usage::default(),
                model: "echo".into(),
                model_sha256: String::new(),
                seed: request.generation.seed,
                finish_reason: "stop".into(),
            })
        }
    }

    fn request(seed: u64) -> Request {
        Request {
            workspace: WorkspaceId::from_uuid(uuid::Uuid::nil()),
            generation: GenerationRequest {
                model: None,
                messages: Vec::new(),
                schema: None,
                max_tokens: 1,
                temperature: 0.0,
                seed,
                round: 0,
            },
        }
    }

    #[tokio::test]
    async fn answers_come_with_text_and_a_panic_closes_the_receiver() {
        let engine = Engine::start(|| Ok::<_, String>(Echo))
            .await
            .expect("starts");
        let (text, mut texts) = mpsc::channel(4);
        let control = Control::new(text, None);
        let answer = engine.submit(request(1), control.clone()).await;
        assert_eq!(answer.expect("an answer").expect("a result").text, "hi");
        assert_eq!(texts.recv().await.as_deref(), Some("hi"));
        control.cancel();
        let answer = engine.submit(request(1), control.clone()).await;
        assert_eq!(answer.expect("an answer"), Err(Failure::Cancelled));
        let (text, _texts) = mpsc::channel(4);
        assert!(
            engine
                .submit(request(666), Control::new(text, None))
                .await
                .is_err()
        );
    }

    #[tokio::test]
    async fn a_failed_load_is_told() {
        let started = Engine::start(|| Err::<Echo, _>("no file".to_owned())).await;
        assert!(matches!(started, Err(EngineError::Load(why)) if why == "no file"));
    }
}
