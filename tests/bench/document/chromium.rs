//! Headless Chromium, kept running with one page open: each invoice is navigated to and printed, as services that print HTML do it; or
//! somebody works in it. It is told what to do over a pipe (the `DevTools` protocol, messages that end with a zero byte).

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::Duration,
};

use anyhow::{Context as _, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use minijinja::{Environment, value::Serde};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use super::{
    FONTS,
    invoice::{self, Invoice},
    rival::Rival,
};

const FLAGS: [&str; 13] = [
    "--headless",
    "--remote-debugging-pipe",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-breakpad",
    "--disable-component-update",
    "--disable-extensions",
    "--disable-sync",
    "--mute-audio",
    "--no-default-browser-check",
    "--no-first-run",
];
/// The pipe's ends are to be the descriptors 3 and 4.
const WITH_PIPE: &str = r#"exec "$0" "$@" 3<&0 4>&1 </dev/null >/dev/null"#;
/// Until a message is answered, and until it has ended.
const PATIENCE: Duration = Duration::from_mins(1);
const LOOKS: u32 = 100;
const LOOK: Duration = Duration::from_millis(50);

pub(super) struct Chromium {
    child: Child,
    input: ChildStdin,
    messages: Receiver<Json>,
    folder: TempDir,
    page: Environment<'static>,
    /// Of the open page; none is the browser itself.
    session: Option<String>,
    sent: u64,
    /// Which load of the page has ended last.
    loaded: Json,
}

impl Chromium {
    pub(super) fn start() -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("formwork-chromium-")
            .tempdir()?;
        // The machine's fonts and ours, as if ours were installed.
        let fonts = folder.path().join("fonts.conf");
        fs::write(
            &fonts,
            format!(
                "<fontconfig><include>/etc/fonts/fonts.conf</include><dir>{FONTS}</dir></fontconfig>"
            ),
        )?;
        let mut page = Environment::new();
        page.add_template_owned(
            "invoice.html",
            invoice::with_logo(include_str!("invoice.html")),
        )?;
        let program =
            std::env::var_os("FORMWORK_CHROMIUM").unwrap_or_else(|| "/usr/bin/chromium".into());
        let profile = folder.path().join("profile");
        let mut child = Command::new("sh")
            .args(["-c", WITH_PIPE])
            .arg(program)
            .args(FLAGS)
            .arg(format!("--user-data-dir={}", profile.display()))
            .arg("about:blank")
            .env("FONTCONFIG_FILE", &fonts)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let output = BufReader::new(child.stdout.take().context("an output")?);
        let (sender, messages) = mpsc::channel();
        thread::spawn(move || {
            for message in output.split(0).map_while(Result::ok) {
                let Ok(message) = serde_json::from_slice::<Json>(&message) else {
                    return;
                };
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        let mut chromium = Self {
            input: child.stdin.take().context("an input")?,
            child,
            messages,
            folder,
            page,
            session: None,
            sent: 0,
            loaded: Json::Null,
        };
        chromium.open()?;
        Ok(chromium)
    }

    fn open(&mut self) -> anyhow::Result<()> {
        let page = self.ask("Target.createTarget", &json!({"url": "about:blank"}))?;
        let attach = json!({"targetId": page["targetId"], "flatten": true});
        let attached = self.ask("Target.attachToTarget", &attach)?;
        let session = attached["sessionId"].as_str().context("a session")?;
        self.session = Some(session.to_owned());
        self.ask("Page.enable", &json!({}))?;
        self.ask("Page.setLifecycleEventsEnabled", &json!({"enabled": true}))?;
        Ok(())
    }

    fn navigate(&mut self, url: &str) -> anyhow::Result<()> {
        let navigated = self.ask("Page.navigate", &json!({"url": url}))?;
        let error = &navigated["errorText"];
        ensure!(error.is_null(), "the page does not load: {error}");
        while self.loaded != navigated["loaderId"] {
            self.hear()?;
        }
        Ok(())
    }

    /// Opens a page of a site, on a screen of usual size, for whom the site knows by a cookie.
    pub(super) fn visit(&mut self, url: &str, cookie: &str) -> anyhow::Result<()> {
        let (name, value) = cookie.split_once('=').context("a cookie")?;
        self.ask(
            "Network.setCookie",
            &json!({"name": name, "value": value, "url": url}),
        )?;
        let screen = json!({"width": 1440, "height": 900, "deviceScaleFactor": 1, "mobile": false});
        self.ask("Emulation.setDeviceMetricsOverride", &screen)?;
        self.navigate(url)
    }

    /// What an expression is in the page, once it is there.
    pub(super) fn evaluate(&mut self, expression: &str) -> anyhow::Result<Json> {
        let params = json!({"expression": expression, "awaitPromise": true, "returnByValue": true});
        let mut told = self.ask("Runtime.evaluate", &params)?;
        let fault = &told["exceptionDetails"];
        ensure!(fault.is_null(), "{expression}: {fault}");
        Ok(told["result"]["value"].take())
    }

    /// Waits until an expression is true in the page.
    pub(super) fn until(&mut self, expression: &str) -> anyhow::Result<()> {
        let look = format!(
            "new Promise((done) => {{ const look = () => ({expression}) ? done(true) : setTimeout(look, 50); look(); }})"
        );
        self.evaluate(&look)?;
        Ok(())
    }

    /// Presses the mouse at a place with `x` and `y`.
    pub(super) fn click(&mut self, place: &Json) -> anyhow::Result<()> {
        for kind in ["mousePressed", "mouseReleased"] {
            let event = json!({"type": kind, "x": place["x"], "y": place["y"], "button": "left", "clickCount": 1});
            self.ask("Input.dispatchMouseEvent", &event)?;
        }
        Ok(())
    }

    /// Presses a key, which is described as the protocol has it.
    pub(super) fn press(&mut self, key: &Json) -> anyhow::Result<()> {
        for kind in ["keyDown", "keyUp"] {
            let mut event = key.clone();
            event["type"] = kind.into();
            self.ask("Input.dispatchKeyEvent", &event)?;
        }
        Ok(())
    }

    /// Sends a message and waits for its answer.
    fn ask(&mut self, method: &str, params: &Json) -> anyhow::Result<Json> {
        self.sent += 1;
        let mut message = json!({"id": self.sent, "method": method, "params": params});
        if let Some(session) = &self.session {
            message["sessionId"] = session.as_str().into();
        }
        let mut bytes = serde_json::to_vec(&message)?;
        bytes.push(0);
        self.input.write_all(&bytes)?;
        self.input.flush()?;
        loop {
            let mut answer = self.hear()?;
            if answer["id"] == self.sent {
                let error = &answer["error"];
                ensure!(error.is_null(), "{method}: {error}");
                return Ok(answer["result"].take());
            }
        }
    }

    fn hear(&mut self) -> anyhow::Result<Json> {
        let message = self
            .messages
            .recv_timeout(PATIENCE)
            .context("it does not answer")?;
        if message["method"] == "Page.lifecycleEvent" && message["params"]["name"] == "load" {
            self.loaded = message["params"]["loaderId"].clone();
        }
        Ok(message)
    }
}

impl Rival for Chromium {
    fn pid(&self) -> u32 {
        self.child.id()
    }

    fn make(&mut self, invoice: &Invoice) -> anyhow::Result<Vec<u8>> {
        let html = self
            .page
            .get_template("invoice.html")?
            .render(Serde(&invoice.shown))?;
        let file = self
            .folder
            .path()
            .join(format!("invoice-{}.html", self.sent));
        fs::write(&file, html)?;
        self.navigate(&format!("file://{}", file.display()))?;
        let printed = self.ask(
            "Page.printToPDF",
            &json!({"preferCSSPageSize": true, "printBackground": true, "generateTaggedPDF": true}),
        )?;
        let file = printed["data"].as_str().context("no file")?;
        Ok(STANDARD.decode(file)?)
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        self.session = None;
        let _ = self.ask("Browser.close", &json!({}));
        for _ in 0..LOOKS {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            thread::sleep(LOOK);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
