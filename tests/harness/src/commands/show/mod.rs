//! `psimp show`: the tokens of a process and its threads.

#[cfg(windows)]
mod subject;

use crate::cli::{Exit, ImpersonateArgs, ShowArgs};

#[cfg(windows)]
pub(super) fn show(args: &ShowArgs) -> Exit {
    use crate::cli::TextFormat;
    use crate::show::{collect, table};
    let text = collect::view(args).and_then(|view| match args.format {
        TextFormat::Table => Ok(table::table(&view)),
        TextFormat::Json => {
            serde_json::to_string(&view).map(|json| json + "\n").map_err(|error| error.to_string())
        }
    });
    tell(text)
}

/// Impersonates on a thread until standard input ends.
#[cfg(windows)]
pub(super) fn impersonate(args: &ImpersonateArgs) -> Exit {
    match subject::impersonate(args.level) {
        Ok(()) => Exit::Passed,
        Err(why) => tell(Err(why)),
    }
}

#[cfg(windows)]
fn tell(text: Result<String, String>) -> Exit {
    match text.and_then(|text| super::say(text).map_err(|error| error.to_string())) {
        Ok(()) => Exit::Passed,
        Err(why) => {
            eprintln!("psimp: {why}");
            Exit::Failed
        }
    }
}

#[cfg(not(windows))]
pub(super) fn show(_: &ShowArgs) -> Exit {
    super::unavailable("psimp show reads the threads of a running Windows; here is none")
}

#[cfg(not(windows))]
pub(super) fn impersonate(_: &ImpersonateArgs) -> Exit {
    super::unavailable("psimp impersonate acts on a thread of a running Windows; here is none")
}
