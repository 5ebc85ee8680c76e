//! What handlers share: what `main` gives, and this process's own limits and caches.

use std::{ops::Deref, path::PathBuf, sync::Arc};

use document::Renderer;
use engine::catalogue::Catalogue;
use ipnet::IpNet;
use store::{Store, queue::LocalExecutor};
use url::Url;

use crate::{
    batch_file::SheetReader, batch_papers::Papers, document_examples::DocumentGallery,
    examples::Gallery, incoming::Incoming, limits::SignInLimits, preview::Previews,
    rendering::Renderings,
};

/// Everything `main` wires together for the API.
pub struct State {
    pub store: Store,
    /// Every node type this build knows.
    pub catalogue: Arc<Catalogue>,
    pub renderer: Arc<Renderer>,
    /// Loads pictures of the web that a page shows.
    pub outbound: outbound::Client,
    /// The executor of this process, which takes accepted runs at once; `None` in a process that only serves.
    pub local: Option<Arc<dyn LocalExecutor>>,
    /// Reads workbooks, which this crate does not.
    pub read_sheet: SheetReader,
    pub config: Config,
}

/// Settings of the HTTP side.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where people reach this installation; every absolute URL starts with it, never with the Host header.
    pub public_url: Url,
    /// Only these may say whom they forward for (`X-Forwarded-For`).
    pub trusted_proxies: Vec<IpNet>,
    /// The built web; `None` or a folder without `index.html` shows a page that says so.
    pub web_dir: Option<PathBuf>,
}

impl Config {
    /// Cookies are `__Host-` and Secure, and HSTS is sent, only when people come by https.
    pub fn is_https(&self) -> bool {
        self.public_url.scheme() == "https"
    }

    /// `path` starts with a slash.
    pub fn absolute(&self, path: &str) -> String {
        format!("{}{path}", self.public_url.as_str().trim_end_matches('/'))
    }
}

/// The state of all routers.
pub type App = Arc<Shared>;

/// What handlers see.
pub struct Shared {
    given: State,
    pub(crate) sign_in_limits: SignInLimits,
    pub(crate) incoming: Incoming,
    pub(crate) previews: Previews,
    pub(crate) gallery: Gallery,
    pub(crate) documents: DocumentGallery,
    pub(crate) papers: Papers,
    pub(crate) renderings: Renderings,
}

impl Shared {
    pub(crate) fn new(given: State) -> App {
        let documents = DocumentGallery::new();
        Arc::new(Self {
            gallery: Gallery::new(&given.catalogue, &documents),
            documents,
            previews: Previews::new(given.renderer.clone()),
            papers: Papers::new(),
            renderings: Renderings::new(),
            given,
            sign_in_limits: SignInLimits::new(),
            incoming: Incoming::new(),
        })
    }
}

impl Deref for Shared {
    type Target = State;

    fn deref(&self) -> &State {
        &self.given
    }
}
