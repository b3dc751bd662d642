//! `psimp soak`: threads at liberty, for a while, on an image.

use super::driver::why_no_device;
use super::{Stop, load_bytes, load_image, rehearse, say, say_json};
use crate::cli::{Exit, LoadTarget, SoakArgs, TextFormat};
use crate::progress::Progress;
use crate::report::counted;
use crate::soak::{Crowd, Figures, crowd, soak as run};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::num::NonZeroU64;
use std::time::Duration;

/// How many clients connect, and leave in any order.
const CLIENTS: usize = 10_000;

pub(super) fn soak(args: &SoakArgs) -> anyhow::Result<Exit> {
    let cores = || std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let threads = args.threads.map_or_else(cores, usize::from);
    let duration = Duration::from_secs(args.seconds.into());
    let what = format!("of {} s: {} make random calls", args.seconds, counted(threads, "thread"));
    let progress = Progress::busy(what);
    if args.target == LoadTarget::Device {
        let (figures, left) = if args.rehearse {
            let (image, _) = load_bytes(&args.image.path)?;
            rehearse::soak(&image, duration, threads).map_err(anyhow::Error::msg)?
        } else {
            (on_device(duration, threads)?, Vec::new())
        };
        drop(progress);
        let exit = finish(args, &Found::of(figures, Crowd::default()))?;
        return Ok(if rehearse::tidy(&left) { exit } else { Exit::Failed });
    }
    let (source, _) = load_image(&args.image.path)?;
    let figures = run(&source, duration, threads)
        .map_err(|failure| anyhow::anyhow!("the image does not run: {failure}"))?;
    progress.now(format!("{CLIENTS} clients come and go"));
    let clients = crowd(&source, CLIENTS, threads)
        .map_err(|failure| anyhow::anyhow!("the image does not run: {failure}"))?;
    drop(progress);
    finish(args, &Found::of(figures, clients))
}

fn finish(args: &SoakArgs, found: &Found) -> anyhow::Result<Exit> {
    match args.format {
        TextFormat::Json => say_json(found),
        TextFormat::Table => say(found.to_string()),
    }?;
    Ok(if found.is_clean() { Exit::Passed } else { Exit::Failed })
}

/// Soaks the driver that Windows has loaded.
#[cfg(windows)]
fn on_device(duration: Duration, threads: usize) -> anyhow::Result<Figures> {
    why_no_device().map_or(Ok(()), |why| Err(Stop::unavailable(why)))?;
    crate::native::soak(duration, threads).map_err(anyhow::Error::msg)
}

#[cfg(not(windows))]
fn on_device(_: Duration, _: usize) -> anyhow::Result<Figures> {
    Err(Stop::unavailable(why_no_device().unwrap_or_default()).into())
}

/// What both found.
#[derive(Serialize, JsonSchema)]
pub(super) struct Found {
    /// How long the threads made requests.
    #[schemars(range(min = 0))]
    seconds: f64,
    /// How many threads there were.
    threads: usize,
    /// Requests that reached the driver; on the target device also the system calls made between them.
    ioctls: u64,
    /// Those that it refused, by status.
    #[schemars(with = "BTreeMap<String, NonZeroU64>")]
    refused: BTreeMap<String, u64>,
    /// Slots that nobody assigned.
    torn: u64,
    /// Answers that an operation cannot give.
    unexpected: u64,
    /// What was left in the end.
    leaks: u64,
    /// The first of these in words.
    messages: Vec<String>,
    /// Clients that connected, and left; none on the target device.
    clients: usize,
    /// How many were connected at one time.
    most_clients: usize,
    /// How often one was impersonated.
    served: u64,
    /// Bytes of the driver's for each client that waits; null without an image.
    bytes_a_client: Option<usize>,
    /// How long the clients took.
    #[schemars(range(min = 0))]
    client_seconds: f64,
    /// Answers that an operation cannot give.
    unexpected_of_clients: u64,
    /// What was left when all had gone.
    leaks_of_clients: u64,
    /// The first of these in words.
    messages_of_clients: Vec<String>,
}

impl Found {
    fn of(figures: Figures, crowd: Crowd) -> Self {
        Self {
            seconds: figures.duration.as_secs_f64(),
            threads: figures.threads,
            ioctls: figures.ioctls,
            refused: figures.refused,
            torn: figures.torn.count,
            unexpected: figures.unexpected.count,
            leaks: figures.leaks.count,
            messages: [figures.torn.first, figures.unexpected.first, figures.leaks.first].concat(),
            clients: crowd.clients,
            most_clients: crowd.most,
            served: crowd.served,
            bytes_a_client: crowd.bytes,
            client_seconds: crowd.duration.as_secs_f64(),
            unexpected_of_clients: crowd.unexpected.count,
            leaks_of_clients: crowd.leaks.count,
            messages_of_clients: [crowd.unexpected.first, crowd.leaks.first].concat(),
        }
    }

    fn is_clean(&self) -> bool {
        [self.torn, self.unexpected, self.leaks, self.unexpected_of_clients, self.leaks_of_clients] == [0; 5]
    }
}

impl Display for Found {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { seconds, threads, ioctls, clients, client_seconds, most_clients, served, .. } = self;
        #[allow(clippy::cast_precision_loss)] // a rate for people to read
        let rate = *ioctls as f64 / seconds;
        let threads = counted(*threads, "thread");
        writeln!(f, "{threads} for {seconds:.1} s: {ioctls} requests, {rate:.0} a second")?;
        for (status, count) in &self.refused {
            writeln!(f, "  refused  {count:>10}  {status}")?;
        }
        writeln!(f, "torn slots          {}", self.torn)?;
        writeln!(f, "unexpected answers  {}", self.unexpected)?;
        writeln!(f, "leaks               {}", self.leaks)?;
        self.messages.iter().try_for_each(|message| writeln!(f, "  {message}"))?;
        if *clients == 0 {
            return Ok(());
        }
        writeln!(
            f,
            "{clients} clients connected and left in {client_seconds:.1} s: at most {most_clients} at a time, \
             {served} times served"
        )?;
        if let Some(bytes) = self.bytes_a_client {
            writeln!(f, "bytes a client      {bytes}, and with static tracking a token")?;
        }
        writeln!(f, "unexpected answers  {}", self.unexpected_of_clients)?;
        writeln!(f, "leaks               {}", self.leaks_of_clients)?;
        self.messages_of_clients.iter().try_for_each(|message| writeln!(f, "  {message}"))
    }
}
