//! `psimp soak`: threads at liberty, for a while, on an image.

use super::{load_image, unavailable};
use crate::cli::{Exit, SoakArgs, TextFormat};
use crate::soak::{Figures, Found, soak as run};
use serde_json::json;
use std::time::Duration;

pub(super) fn soak(args: &SoakArgs) -> anyhow::Result<Exit> {
    let source = match load_image(&args.image.path) {
        Ok((source, _)) => source,
        Err(why) => return Ok(unavailable(&why)),
    };
    let cores = || std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let threads = args.threads.map_or_else(cores, |threads| usize::from(threads.get()));
    let figures = run(&source, Duration::from_secs(args.seconds.into()), threads)
        .map_err(|failure| anyhow::anyhow!("the image does not run: {failure}"))?;
    match args.format {
        TextFormat::Json => println!("{}", as_json(&figures)),
        TextFormat::Table => print(&figures),
    }
    Ok(if figures.is_clean() { Exit::Passed } else { Exit::Failed })
}

fn as_json(figures: &Figures) -> serde_json::Value {
    json!({
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

/// What is wrong, in words.
fn messages(figures: &Figures) -> impl Iterator<Item = &str> {
    [&figures.torn, &figures.unexpected, &figures.leaks].into_iter().flat_map(first)
}

fn first(found: &Found) -> impl Iterator<Item = &str> {
    found.first.iter().map(String::as_str)
}
