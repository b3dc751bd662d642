//! A driver that breaks contracts on request: each defect is reported with its
//! kind and place, and the process survives.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

#[path = "malicious/expected.rs"]
mod expected;
mod support;

use expected::{EXPECTED, Expected, Place, TOKEN_HANDLE};
use psimp_host::{Failure, Fault, File, Host, Image, IoControl, Options, StartError};
use psimp_model::{Kernel, Object, Process, System, Thread};
use psimp_nt::{Level, TokenType};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use support::driver::Driver;
use support::run::{self, End};
use support::{malicious, process, token};

const NAME: &str = r"\Device\Malicious";
/// Length of the output buffers.
const OUTPUT: usize = 40;

/// A buffered control code of the driver.
fn code(function: u32) -> u32 {
    0x22 << 16 | function << 2
}

const LIST: u32 = 0x800;
const WELL_BEHAVED: u32 = 0x801;
const FIRST_DEFECT: u32 = 0x810;

/// A running driver, and a program.
struct Running {
    system: Arc<System>,
    host: Host,
    process: Arc<Process>,
}

impl Running {
    fn start(image: &Image, service: &str, deadline: Duration) -> Result<Self, StartError> {
        let system = Arc::new(System::new(Kernel::Win10));
        let (service, parameters) = (Some(service.to_owned()), [("Setting".to_owned(), 1)].into());
        let options = Options { service, parameters, deadline: Some(deadline), ..Options::default() };
        let host = Host::load_with(image, system.clone(), options)?;
        let (process, _) = process(&system);
        let client = token(&system, TokenType::Impersonation, Level::Impersonation);
        assert_eq!(process.handles().insert(Object::Token(client), 4), TOKEN_HANDLE);
        Ok(Self { system, host, process })
    }

    /// A thread of the program, with a file of its own.
    fn open(&self) -> Result<(Arc<Thread>, File), Failure> {
        let thread = self.system.create_thread(&self.process);
        let file = self.host.open(&thread, NAME, 3)?;
        Ok((thread, file))
    }

    /// Opens a file, sends one request, and closes the file.
    fn send(&self, function: u32, irql: u8, input: u64, output: &mut [u8]) -> Result<usize, Failure> {
        let (thread, file) = self.open()?;
        let input = input.to_le_bytes();
        let request = IoControl { irql, ..IoControl::new(code(function), &input) };
        let sent = self.host.device_io_control(&thread, &file, &request, output)?;
        self.host.close(&thread, file)?;
        Ok(sent)
    }

    /// A request for a defect, or an empty one if the defect is in the start.
    fn request(&self, expected: &Expected, defect: &Known) -> Result<(), Failure> {
        let function = if defect.when == "Start" { WELL_BEHAVED } else { defect.function };
        if expected.unknown_file {
            let (thread, file) = self.open()?;
            self.host.device_io_control(&thread, &file, &IoControl::new(code(function), &[]), &mut [])?;
            self.host.close_unknown(&thread, NAME)?;
            return self.host.close(&thread, file);
        }
        self.send(function, expected.irql, expected.input, &mut [0; OUTPUT]).map(drop)
    }
}

/// A defect as the driver lists it.
struct Known {
    function: u32,
    when: String,
    begin: u32,
}

/// The defects that the driver lists.
fn known(image: &Image) -> BTreeMap<String, Known> {
    let running = Running::start(image, "Malicious", Duration::from_secs(10)).expect("the driver starts");
    let mut output = vec![0; 1 << 16];
    let length = running.send(LIST, 0, 0, &mut output).expect("the list");
    assert_eq!(running.host.unload(), Ok(()));
    let text = std::str::from_utf8(&output[..length]).expect("text");
    let defect = |(line, function): (&str, u32)| {
        let [when, name, begin] = *line.split(' ').collect::<Vec<_>>() else { panic!("{line}") };
        let begin = u32::from_str_radix(begin, 16).expect("an offset");
        (name.to_owned(), Known { function, when: when.to_owned(), begin })
    };
    text.lines().zip(FIRST_DEFECT..).map(defect).collect()
}

#[test]
#[ignore = "needs malicious.sys: cargo xtask test builds it and names it in PSIMP_MALICIOUS"]
fn every_defect_is_expected_and_every_expected_one_is_there() {
    let image = malicious();
    let known = known(&image);
    let known: BTreeSet<_> = known.keys().map(String::as_str).collect();
    let expected: BTreeSet<_> = EXPECTED.iter().map(|expected| expected.name).collect();
    assert_eq!(known, expected);
    assert_eq!(expected.len(), EXPECTED.len(), "a name is there twice");
}

#[test]
#[ignore = "needs malicious.sys: cargo xtask test builds it and names it in PSIMP_MALICIOUS"]
fn every_defect_is_reported_and_nothing_else_comes_to_harm() {
    let image = malicious();
    let known = known(&image);
    let begins: BTreeSet<u32> = known.values().map(|known| known.begin).collect();
    let mut wrong = Vec::new();
    for expected in EXPECTED {
        let defect = &known[expected.name];
        let faults = life(&image, expected, defect);
        let end = begins.range(defect.begin + 1..).next().copied().unwrap_or(u32::MAX);
        let fits = |fault: &Fault| {
            let right_place = match (expected.place, fault.site) {
                (Place::Nowhere, site) => site.is_none(),
                (Place::Around, site) => site.is_some(),
                (Place::Itself, site) => site.is_some_and(|site| site.rva > defect.begin && site.rva <= end),
            };
            fault.kind == expected.kind && fault.message.contains(expected.words) && right_place
        };
        if !faults.iter().any(fits) {
            let name = expected.name;
            wrong.push(format!("{name} (from {:X}, to {end:X}): {faults:#?}", defect.begin));
        }
        the_process_works(&image);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Runs a driver from start to end with one defect and returns what is reported.
fn life(image: &Image, expected: &Expected, defect: &Known) -> Vec<Fault> {
    let service = if defect.when == "Start" { expected.name } else { "Malicious" };
    let running = match Running::start(image, service, expected.deadline) {
        Ok(running) => running,
        Err(StartError::Fault(fault)) => return vec![fault],
        Err(error) => panic!("{}: {error}", expected.name),
    };
    // Twice, because some defects use in one request an object of another.
    let twice = || (0..2).try_for_each(|_| running.request(expected, defect));
    let sent = std::thread::scope(|scope| {
        // The driver is unloaded on another thread than those of its requests.
        let threads: Vec<_> = (0..expected.threads).map(|_| scope.spawn(twice)).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).fold(Ok(()), Result::and)
    });
    let faults = running.host.faults();
    match &sent {
        // No request reaches the driver any more.
        Err(Failure::Fault(fault)) => {
            assert!(faults.contains(fault), "{faults:?}");
            assert_eq!(running.open().map(drop), Err(Failure::Fault(faults[0].clone())));
        }
        sent => assert_eq!(*sent, Ok(()), "{}", expected.name),
    }
    running.host.unload().err().unwrap_or_default()
}

/// A driver without a defect, loaded again, runs normally.
fn the_process_works(image: &Image) {
    let running = Running::start(image, "Malicious", Duration::from_secs(10)).expect("the driver starts");
    let mut output = [0; OUTPUT];
    assert_eq!(running.send(WELL_BEHAVED, 0, TOKEN_HANDLE, &mut output), Ok(8));
    assert_eq!(output[..8], (!TOKEN_HANDLE).to_le_bytes());
    assert_eq!(running.host.unload(), Ok(()));
    // So does another driver.
    let mut other = Driver::new();
    other.complete(0, 0);
    assert_eq!(run::life(&other, &IoControl::new(run::CODE, &[]), 0), End::Well(0));
}
