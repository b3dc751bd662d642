//! A headless Chromium, driven through the pipe of its debugging protocol: no port, and no driver program.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::{Value, json};

use crate::build::Tool;

/// The time limit for one answer of Chromium, long enough for a busy machine.
const PATIENCE: Duration = Duration::from_secs(59);

/// The pause between two polls of a page.
pub(super) const MOMENT: Duration = Duration::from_millis(20);

/// A browser with one page.
pub(crate) struct Browser {
    child: Child,
    to: ChildStdin,
    from: Receiver<Value>,
    calls: u64,
    session: Option<String>,
    /// What happened since the page was last opened.
    events: Vec<Value>,
}

impl Browser {
    /// Starts it with a new profile in this folder.
    pub(crate) fn start(folder: &Path) -> Result<Self> {
        let profile = folder.join("profile");
        if profile.exists() {
            fs::remove_dir_all(&profile).with_context(|| format!("cannot remove {}", profile.display()))?;
        }
        // Chromium reads its commands from descriptor 3 and answers on 4.
        let mut chromium = Command::new("/bin/sh");
        chromium
            .args(["-c", "exec \"$@\" 3<&0 4>&1 </dev/null >/dev/null", "sh"])
            .arg(Tool::Chromium.path()?);
        // Its sandbox does not work in a container or for root; only our own page is opened.
        chromium.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]);
        chromium.args(["--no-first-run", "--disable-background-networking", "--remote-debugging-pipe"]);
        chromium.arg(format!("--user-data-dir={}", profile.display()));
        let log = folder.join("chromium.log");
        chromium.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(File::create(log)?);
        let mut child = chromium.spawn().context("cannot start Chromium")?;
        let to = child.stdin.take().context("Chromium has no input")?;
        let from = messages(BufReader::new(child.stdout.take().context("Chromium has no output")?));
        let mut browser = Self { child, to, from, calls: 0, session: None, events: Vec::new() };
        let target = browser.call("Target.createTarget", &json!({ "url": "about:blank" }))?;
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let session = browser.call("Target.attachToTarget", &attach)?;
        browser.session = session["sessionId"].as_str().map(ToOwned::to_owned);
        for domain in ["Runtime", "Log", "Network"] {
            browser.call(&format!("{domain}.enable"), &json!({}))?;
        }
        Ok(browser)
    }

    /// Opens a file, and waits until it is loaded.
    pub(crate) fn open(&mut self, path: &Path) -> Result<()> {
        self.events.clear();
        let url = url(path);
        let answer = self.call("Page.navigate", &json!({ "url": url }))?;
        ensure!(answer["errorText"].is_null(), "{url}: {}", answer["errorText"]);
        let end = Instant::now() + PATIENCE;
        while self.evaluate("document.readyState")? != "complete" {
            ensure!(Instant::now() < end, "{url} does not load");
            thread::sleep(MOMENT);
        }
        Ok(())
    }

    /// Whether scripts of pages run, from the next [`Self::open`] on. [`Self::evaluate`] always works.
    pub(crate) fn allow_scripts(&mut self, allowed: bool) -> Result<()> {
        self.call("Emulation.setScriptExecutionDisabled", &json!({ "value": !allowed })).map(drop)
    }

    /// The value of an expression in the page.
    pub(crate) fn evaluate(&mut self, expression: &str) -> Result<Value> {
        let parameters = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let answer = self.call("Runtime.evaluate", &parameters)?;
        let problem = &answer["exceptionDetails"];
        ensure!(problem.is_null(), "{expression}: {problem}");
        Ok(answer["result"]["value"].clone())
    }

    /// How wide the window is and which colours its user prefers, from now on.
    pub(crate) fn look(&mut self, width: u32, scheme: &str) -> Result<()> {
        let size = json!({ "width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.call("Emulation.setDeviceMetricsOverride", &size)?;
        self.call("Emulation.setScrollbarsHidden", &json!({ "hidden": true }))?;
        let feature = json!({ "name": "prefers-color-scheme", "value": scheme });
        self.call("Emulation.setEmulatedMedia", &json!({ "features": [feature] })).map(drop)
    }

    /// Takes a picture of the whole page.
    pub(crate) fn picture(&mut self, path: &Path) -> Result<()> {
        let size = self.call("Page.getLayoutMetrics", &json!({}))?["cssContentSize"].take();
        let clip = json!({ "x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1 });
        let how = json!({ "format": "png", "captureBeyondViewport": true, "clip": clip });
        let taken = self.call("Page.captureScreenshot", &how)?;
        let bytes = BASE64_STANDARD.decode(taken["data"].as_str().context("there is no picture")?)?;
        fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
    }

    /// What a screen reader is told of: roles and names of everything on the page.
    pub(crate) fn told(&mut self) -> Result<Vec<(String, String)>> {
        let tree = self.call("Accessibility.getFullAXTree", &json!({}))?;
        let nodes = tree["nodes"].as_array().context("there is no accessibility tree")?;
        let text = |value: &Value| value["value"].as_str().unwrap_or_default().to_owned();
        Ok(nodes.iter().map(|node| (text(&node["role"]), text(&node["name"]))).collect())
    }

    /// Presses a key, as `KeyboardEvent.key` and `keyCode` name it.
    pub(crate) fn press(&mut self, key: &str, code: u32) -> Result<()> {
        for kind in ["keyDown", "keyUp"] {
            let event = json!({ "type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code });
            self.call("Input.dispatchKeyEvent", &event)?;
        }
        Ok(())
    }

    /// Presses the mouse on the first element that this selector finds.
    pub(crate) fn click(&mut self, selector: &str) -> Result<()> {
        let place = self.evaluate(&format!(
            "(() => {{ const e = document.querySelector({selector:?}); e.scrollIntoView({{ block: 'center' }}); \
             const b = e.getClientRects()[0]; return {{ x: b.left + b.width / 2, y: b.top + b.height / 2 }}; }})()"
        ))?;
        for kind in ["mousePressed", "mouseReleased"] {
            let mut event = json!({ "type": kind, "button": "left", "clickCount": 1 });
            event["x"] = place["x"].clone();
            event["y"] = place["y"].clone();
            self.call("Input.dispatchMouseEvent", &event)?;
        }
        Ok(())
    }

    /// Script and page errors, and requests for anything but the page itself, since it was opened.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let complaint = |event: &Value| {
            let parameters = &event["params"];
            let wrong = match event["method"].as_str() {
                Some("Runtime.exceptionThrown") => true,
                Some("Log.entryAdded") => parameters["entry"]["level"] == "error",
                Some("Runtime.consoleAPICalled") => parameters["type"] == "error",
                Some("Network.requestWillBeSent") => parameters["type"] != "Document",
                _ => false,
            };
            wrong.then(|| event.to_string())
        };
        self.events.iter().filter_map(complaint).collect()
    }

    fn call(&mut self, method: &str, parameters: &Value) -> Result<Value> {
        self.calls += 1;
        let mut message = json!({ "id": self.calls, "method": method, "params": parameters });
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        let mut bytes = serde_json::to_vec(&message)?;
        bytes.push(0);
        self.to.write_all(&bytes).with_context(|| format!("Chromium takes no {method}"))?;
        let end = Instant::now() + PATIENCE;
        loop {
            let mut answer = self.next(end).with_context(|| format!("no answer to {method}"))?;
            if answer["id"] != self.calls {
                self.events.push(answer);
                continue;
            }
            if answer["error"].is_null() {
                return Ok(answer["result"].take());
            }
            bail!("{method}: {}", answer["error"]);
        }
    }

    fn next(&self, end: Instant) -> Result<Value> {
        let left = end.saturating_duration_since(Instant::now());
        self.from.recv_timeout(left).context("Chromium sent no further message")
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        self.session = None;
        let closed = self.call("Browser.close", &json!({}));
        if closed.is_err() {
            // It may have ended by itself.
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}

/// What comes through the pipe: JSON objects, each with a zero byte after it.
fn messages(mut output: impl BufRead + Send + 'static) -> Receiver<Value> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        loop {
            let mut bytes = Vec::new();
            if !matches!(output.read_until(0, &mut bytes), Ok(count) if count > 0) {
                return;
            }
            bytes.pop();
            let Ok(message) = serde_json::from_slice(&bytes) else { return };
            if sender.send(message).is_err() {
                return;
            }
        }
    });
    receiver
}

/// The URL of a file.
fn url(path: &Path) -> String {
    let escaped = |byte: &u8| match byte {
        b'/' | b'-' | b'_' | b'.' | b'~' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => {
            char::from(*byte).to_string()
        }
        byte => format!("%{byte:02X}"),
    };
    let path: String = path.as_os_str().as_encoded_bytes().iter().map(escaped).collect();
    format!("file://{path}")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{messages, url};

    #[test]
    fn a_path_is_escaped_in_a_url() {
        assert_eq!(url(Path::new("/a b/ü#1.html")), "file:///a%20b/%C3%BC%231.html");
    }

    #[test]
    fn messages_end_with_a_zero_byte() {
        let all: Vec<_> = messages(&b"{\"id\":1}\0{\"id\":2}\0{"[..]).into_iter().collect();
        assert_eq!(all, [serde_json::json!({ "id": 1 }), serde_json::json!({ "id": 2 })]);
    }
}
