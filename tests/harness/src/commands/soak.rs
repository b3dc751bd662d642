//! `psimp soak`: threads at liberty, for a while, on an image.

use super::{load_image, unavailable, unless_enough};
use crate::cli::{Exit, SoakArgs, TextFormat};
use crate::progress::Progress;
use crate::soak::{Crowd, Figures, Findings, crowd, soak as run};
use serde_json::json;
use std::io::{self, Write};
use std::time::Duration;

/// How many clients connect, and leave in any order.
const CLIENTS: usize = 10_000;

pub(super) fn soak(args: &SoakArgs) -> anyhow::Result<Exit> {
    let source = match load_image(&args.image.path) {
        Ok((source, _)) => source,
        Err(why) => return Ok(unavailable(&why)),
    };
    let cores = || std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let threads = args.threads.map_or_else(cores, |threads| usize::from(threads.get()));
    let progress = Progress::busy(format!("of {} s: {threads} threads make random calls", args.seconds));
    let figures = run(&source, Duration::from_secs(args.seconds.into()), threads)
        .map_err(|failure| anyhow::anyhow!("the image does not run: {failure}"))?;
    progress.now(format!("{CLIENTS} clients come and go"));
    let clients = crowd(&source, CLIENTS, threads)
        .map_err(|failure| anyhow::anyhow!("the image does not run: {failure}"))?;
    drop(progress);
    let mut out = io::stdout().lock();
    unless_enough(match args.format {
        TextFormat::Json => writeln!(out, "{}", as_json(&figures, &clients)),
        TextFormat::Table => print(&mut out, &figures).and_then(|()| print_crowd(&mut out, &clients)),
    })?;
    let clean = figures.is_clean() && clients.unexpected.count == 0 && clients.leaks.count == 0;
    Ok(if clean { Exit::Passed } else { Exit::Failed })
}

fn as_json(figures: &Figures, clients: &Crowd) -> serde_json::Value {
    json!({
        "clients": clients.clients,
        "most_clients": clients.most,
        "served": clients.served,
        "bytes_a_client": clients.bytes,
        "client_seconds": clients.duration.as_secs_f64(),
        "unexpected_of_clients": clients.unexpected.count,
        "leaks_of_clients": clients.leaks.count,
        "messages_of_clients": of_crowd(clients).collect::<Vec<_>>(),
        "seconds": figures.duration.as_secs_f64(),
        "threads": figures.threads,
        "ioctls": figures.ioctls,
        "refused": figures.refused,
        "torn": figures.torn.count,
        "unexpected": figures.unexpected.count,
        "leaks": figures.leaks.count,
        "messages": messages(figures).collect::<Vec<_>>(),
    })
}

fn print(out: &mut impl Write, figures: &Figures) -> io::Result<()> {
    let seconds = figures.duration.as_secs_f64();
    #[allow(clippy::cast_precision_loss)] // a rate for people to read
    let rate = figures.ioctls as f64 / seconds;
    writeln!(
        out,
        "{} threads for {seconds:.1} s: {} requests, {rate:.0} a second",
        figures.threads, figures.ioctls
    )?;
    for (status, count) in &figures.refused {
        writeln!(out, "  refused  {count:>10}  {status}")?;
    }
    writeln!(out, "torn slots          {}", figures.torn.count)?;
    writeln!(out, "unexpected answers  {}", figures.unexpected.count)?;
    writeln!(out, "leaks               {}", figures.leaks.count)?;
    messages(figures).try_for_each(|message| writeln!(out, "  {message}"))
}

fn print_crowd(out: &mut impl Write, clients: &Crowd) -> io::Result<()> {
    writeln!(
        out,
        "{} clients connected and left in {:.1} s: at most {} at a time, {} times served",
        clients.clients,
        clients.duration.as_secs_f64(),
        clients.most,
        clients.served
    )?;
    if let Some(bytes) = clients.bytes {
        writeln!(out, "bytes a client      {bytes}, and with static tracking a token")?;
    }
    writeln!(out, "unexpected answers  {}", clients.unexpected.count)?;
    writeln!(out, "leaks               {}", clients.leaks.count)?;
    of_crowd(clients).try_for_each(|message| writeln!(out, "  {message}"))
}

fn of_crowd(clients: &Crowd) -> impl Iterator<Item = &str> {
    [&clients.unexpected, &clients.leaks].into_iter().flat_map(first)
}

/// What is wrong, in words.
fn messages(figures: &Figures) -> impl Iterator<Item = &str> {
    [&figures.torn, &figures.unexpected, &figures.leaks].into_iter().flat_map(first)
}

fn first(found: &Findings) -> impl Iterator<Item = &str> {
    found.first.iter().map(String::as_str)
}
