//! A progress bar, on a terminal only.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::borrow::Cow;
use std::env;
use std::io::{self, IsTerminal};
use std::time::Duration;

/// A line on standard error that is removed when the work is done. Nothing is written in CI, or
/// when standard error is not a terminal.
pub struct Progress(ProgressBar);

impl Progress {
    /// Work in this many parts.
    pub fn parts(count: usize) -> Self {
        let bar = ProgressBar::with_draw_target(u64::try_from(count).ok(), target());
        Self(styled(bar, "[{bar:30}] {pos} of {len}  {msg}"))
    }

    /// Work of unknown length.
    pub fn busy(what: impl Into<Cow<'static, str>>) -> Self {
        let bar = styled(ProgressBar::with_draw_target(None, target()), "{spinner} {elapsed}  {msg}");
        bar.set_message(what);
        bar.enable_steady_tick(Duration::from_millis(250));
        Self(bar)
    }

    /// Shows what is being done.
    pub fn now(&self, what: impl Into<Cow<'static, str>>) {
        self.0.set_message(what);
    }

    /// One more part is done.
    pub fn done(&self) {
        self.0.inc(1);
    }

    /// Writes other output while the bar is hidden.
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
    // The templates are literals of this file; an invalid one leaves the default bar.
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
