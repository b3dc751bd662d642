//! `psimp bench`: what a call costs, all figures from one run.

use super::{load_image, unavailable};
use crate::cli::{BenchArgs, Exit, TextFormat};
use crate::driver::{Driver, Failure, File, Source};
use crate::machine::Machine;
use psimp_catalogue::{Server, Tok};
use psimp_host::{Listener, Options, Requestor};
use psimp_model::{Flavour, Token, rights};
use psimp_protocol::wire;
use psimp_protocol::{Ioctl, Operation, PROTOCOL_VERSION};
use serde_json::{Map, Value};
use std::sync::Arc;
use std::time::{Duration, Instant};
use zerocopy::IntoBytes;

/// How long each figure is measured for.
const MEASURE: Duration = Duration::from_millis(600);
/// Slices that a figure's time is cut into, alternating between the two sides
/// of a ratio, so that both see the same machine.
const SLICES: u32 = 12;

pub(super) fn bench(args: &BenchArgs) -> anyhow::Result<Exit> {
    let source = match load_image(&args.image.path) {
        Ok((source, _)) => source,
        Err(why) => return Ok(unavailable(&why)),
    };
    let failed = |failure: Failure| anyhow::anyhow!("the image does not run: {failure}");
    let start_to_finish = start_to_finish(&source).map_err(failed)?;
    let machine = Machine::new(Flavour::Win10);
    let options = Options::default();
    let events = options.events.clone();
    let driver = Driver::start_with(&source, &machine.system, options).map_err(failed)?;
    let file =
        driver.open(&machine.thread, rights::FILE_READ_DATA | rights::FILE_WRITE_DATA).map_err(failed)?;
    machine.become_server(Server::S);
    let pair = Pair::new(&machine, &driver, &file);
    let [mut image, mut traced, mut direct] = [const { Rate::NONE }; 3];
    for _ in 0..SLICES {
        image.measure(|| pair.through_image())?;
        driver.listen(Some(Listener::ALL)).map_err(failed)?;
        // Whoever listens also reads.
        traced.measure(|| pair.through_image().inspect(|()| drop(events.take())))?;
        driver.listen(None).map_err(failed)?;
        direct.measure(|| pair.direct())?;
    }
    driver.close(&machine.thread, file).map_err(failed)?;
    if let Some(fault) = driver.stop().first() {
        anyhow::bail!("the image broke a contract: {fault}");
    }
    let figures = [
        ("start_to_finish_ms", start_to_finish),
        ("image_pairs_per_second", image.per_second()),
        ("image_traced_pairs_per_second", traced.per_second()),
        ("direct_pairs_per_second", direct.per_second()),
        ("image_to_direct_ratio", direct.per_second() / image.per_second()),
    ];
    match args.format {
        TextFormat::Json => {
            let object: Map<_, _> =
                figures.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))).collect();
            println!("{}", Value::Object(object));
        }
        TextFormat::Table => {
            let [(_, ms), (_, image), (_, traced), (_, direct), (_, ratio)] = figures;
            println!("load, bind, open, IMPERSONATE, REVERT, close, unload   {ms:>12.3} ms (median)");
            println!("IMPERSONATE+REVERT through the image, one core         {image:>12.0} pairs/s");
            println!("the same while somebody listens to its events          {traced:>12.0} pairs/s");
            println!("PsImpersonateClient+PsRevertToSelf of the model        {direct:>12.0} pairs/s");
            println!("a pair through the image costs                         {ratio:>12.2} direct pairs");
        }
    }
    Ok(Exit::Passed)
}

/// The median over many starts, in milliseconds.
fn start_to_finish(source: &Source) -> Result<f64, Failure> {
    let mut times = Vec::new();
    for _ in 0..101 {
        let machine = Machine::new(Flavour::Win10);
        machine.token(Tok::A2);
        let start = Instant::now();
        let driver = Driver::start(source, &machine.system)?;
        let file = driver.open(&machine.thread, rights::FILE_READ_DATA | rights::FILE_WRITE_DATA)?;
        Pair::new(&machine, &driver, &file).through_image()?;
        driver.close(&machine.thread, file)?;
        let faults = driver.stop();
        times.push(start.elapsed());
        if let Some(fault) = faults.into_iter().next() {
            return Err(Failure::Fault(fault));
        }
    }
    times.sort_unstable();
    Ok(times.get(times.len() / 2).map_or(f64::NAN, |median| median.as_secs_f64() * 1000.0))
}

/// IMPERSONATE of the process's own user at Impersonation level, and REVERT.
struct Pair<'a> {
    machine: &'a Machine,
    driver: &'a Driver,
    file: &'a File,
    token: Arc<Token>,
    request: wire::Impersonate,
}

impl<'a> Pair<'a> {
    fn new(machine: &'a Machine, driver: &'a Driver, file: &'a File) -> Self {
        let token = machine.handle(Tok::A2, rights::TOKEN_ALL_ACCESS);
        let request = wire::Impersonate {
            version: PROTOCOL_VERSION,
            level: 2,
            thread: 0,
            token,
            flags: 0,
            reserved: 0,
        };
        Self { machine, driver, file, token: machine.token(Tok::A2), request }
    }

    fn through_image(&self) -> Result<(), Failure> {
        let mut output = [0; wire::MAX_REPLY];
        let mut send = |operation, input: &[u8]| {
            let code = Ioctl::of(operation).code();
            self.driver.send(&self.machine.thread, self.file, code, input, &mut output, Requestor::User)
        };
        send(Operation::Impersonate, self.request.as_bytes())?;
        send(Operation::Revert, &[])?;
        Ok(())
    }

    fn direct(&self) -> Result<(), Failure> {
        let (system, thread) = (&self.machine.system, &self.machine.thread);
        system.ps_impersonate_client(thread, Some(&self.token), false, false, 2)?;
        system.ps_revert_to_self(thread);
        Ok(())
    }
}

struct Rate {
    calls: u32,
    time: Duration,
}

impl Rate {
    const NONE: Self = Self { calls: 0, time: Duration::ZERO };

    fn measure(&mut self, call: impl Fn() -> Result<(), Failure>) -> anyhow::Result<()> {
        let start = Instant::now();
        while start.elapsed() < MEASURE / SLICES {
            for _ in 0..256 {
                call().map_err(|failure| anyhow::anyhow!("a call failed: {failure}"))?;
            }
            self.calls += 256;
        }
        self.time += start.elapsed();
        Ok(())
    }

    fn per_second(&self) -> f64 {
        f64::from(self.calls) / self.time.as_secs_f64()
    }
}
