//! `psimp soak`: threads at liberty, for a while, on an image.

use super::{load_image, unavailable};
use crate::cli::{Exit, SoakArgs, TextFormat};
use crate::progress::Progress;
use crate::soak::{Crowd, Figures, Found, crowd, soak as run};
use serde_json::json;
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
    match args.format {
        TextFormat::Json => println!("{}", as_json(&figures, &clients)),
        TextFormat::Table => {
            print(&figures);
            print_crowd(&clients);
        }
    }
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

fn print(figures: &Figures) {
    let seconds = figures.duration.as_secs_f64();
    #[allow(clippy::cast_precision_loss)] // a rate for people to read
    let rate = figures.ioctls as f64 / seconds;
    println!(
        "{} threads for {seconds:.1} s: {} requests, {rate:.0} a second",
        figures.threads, figures.ioctls
    );
    for (status, count) in &figures.refused {
        println!("  refused  {count:>10}  {status}");
    }
    println!("torn slots          {}", figures.torn.count);
    println!("unexpected answers  {}", figures.unexpected.count);
    println!("leaks               {}", figures.leaks.count);
    messages(figures).for_each(|message| println!("  {message}"));
}

fn print_crowd(clients: &Crowd) {
    println!(
        "{} clients connected and left in {:.1} s: at most {} at a time, {} times served",
        clients.clients,
        clients.duration.as_secs_f64(),
        clients.most,
        clients.served
    );
    if let Some(bytes) = clients.bytes {
        println!("bytes a client      {bytes}, and with static tracking a token");
    }
    println!("unexpected answers  {}", clients.unexpected.count);
    println!("leaks               {}", clients.leaks.count);
    of_crowd(clients).for_each(|message| println!("  {message}"));
}

fn of_crowd(clients: &Crowd) -> impl Iterator<Item = &str> {
    [&clients.unexpected, &clients.leaks].into_iter().flat_map(first)
}

/// What is wrong, in words.
fn messages(figures: &Figures) -> impl Iterator<Item = &str> {
    [&figures.torn, &figures.unexpected, &figures.leaks].into_iter().flat_map(first)
}

fn first(found: &Found) -> impl Iterator<Item = &str> {
    found.first.iter().map(String::as_str)
}
