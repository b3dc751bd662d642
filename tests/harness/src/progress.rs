//! How far long work has got, on a terminal and nowhere else.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::borrow::Cow;
use std::env;
use std::io::{self, IsTerminal};
use std::time::Duration;

/// A line on standard error that goes when the work is over. Where standard error is no terminal,
/// and in CI, nothing is written.
pub struct Progress(ProgressBar);

impl Progress {
    /// Work in so many parts.
    pub fn parts(count: usize) -> Self {
        let bar = ProgressBar::with_draw_target(u64::try_from(count).ok(), target());
        Self(styled(bar, "[{bar:30}] {pos} of {len}  {msg}"))
    }

    /// Work that takes a while, and does not say how far it is.
    pub fn busy(what: impl Into<Cow<'static, str>>) -> Self {
        let bar = styled(ProgressBar::with_draw_target(None, target()), "{spinner} {elapsed}  {msg}");
        bar.set_message(what);
        bar.enable_steady_tick(Duration::from_millis(250));
        Self(bar)
    }

    /// What is at work now.
    pub fn now(&self, what: impl Into<Cow<'static, str>>) {
        self.0.set_message(what);
    }

    /// One part more is done.
    pub fn done(&self) {
        self.0.inc(1);
    }

    /// Writes lines of the program's own, which the bar must not mix with.
    pub fn beside<T>(&self, write: impl FnOnce() -> T) -> T {
        self.0.suspend(write)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

fn styled(bar: ProgressBar, template: &str) -> ProgressBar {
    // The templates are literals of this file; a wrong one leaves the usual bar.
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar
}

fn target() -> ProgressDrawTarget {
    let ci = env::var_os("CI").is_some_and(|value| !value.is_empty());
    let dumb = env::var_os("TERM").is_some_and(|value| value == "dumb");
    if ci || dumb || !io::stderr().is_terminal() {
        return ProgressDrawTarget::hidden();
    }
    ProgressDrawTarget::stderr()
}
