//! The words that arguments take.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

use clap::ValueEnum;
use clap::builder::{PossibleValue, PossibleValuesParser, StringValueParser, TypedValueParser};
use psimp_rules::{Kernel, PROFILES, Profile};

use crate::configuration::{Rules, display_as_argument};

/// What the demo runs on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum DemoTarget {
    /// The driver's service code over the model of the kernel; needs nothing else
    #[default]
    Model,
    /// The bytes of psimp.sys, loaded into this process over the same model (x86-64 Linux)
    Image,
    /// The driver that Windows has loaded
    Device,
}

/// Whose calls are made as fast as they can be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LoadTarget {
    /// The bytes of psimp.sys, loaded into this process over the model of the kernel (x86-64 Linux)
    #[default]
    Image,
    /// The driver that Windows has loaded
    Device,
}

/// A value that is one of several words.
pub trait Word: Clone + 'static {
    /// All values.
    const ALL: &'static [Self];

    /// Its word, with its line of help.
    fn word(&self) -> PossibleValue;

    /// The value with this word, in upper or lower case.
    fn spelled(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|value| value.word().matches(word, true)).cloned()
    }
}

impl Word for Rules {
    const ALL: &'static [Self] = &[Self::Documented, Self::Kernel];

    fn word(&self) -> PossibleValue {
        self.to_possible_value().unwrap_or_default()
    }
}

impl Word for Kernel {
    const ALL: &'static [Self] = Self::ALL;

    fn word(&self) -> PossibleValue {
        PossibleValue::new(self.name()).help(self.facts().title)
    }
}

/// Takes the name of a kernel.
pub(super) fn kernel() -> impl TypedValueParser<Value = Kernel> {
    let names = PossibleValuesParser::new(Kernel::ALL.iter().map(Word::word));
    // Of the words that come so far, each is a name.
    names.map(|name| Kernel::spelled(&name).unwrap_or_default())
}

/// Takes the name of a profile.
pub(super) fn profile() -> impl TypedValueParser<Value = &'static Profile> {
    let names = PossibleValuesParser::new(
        PROFILES.map(|profile| PossibleValue::new(profile.name).help(profile.describes)),
    );
    // Of the words that come so far, each is a name, in some case.
    names.map(|name| {
        let profile = PROFILES.into_iter().find(|profile| profile.name.eq_ignore_ascii_case(&name));
        profile.unwrap_or(PROFILES[0])
    })
}

/// One of several values, or each of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice<T> {
    /// This one.
    One(T),
    /// Each that there is.
    All,
}

impl<T: Word + PartialEq> Choice<T> {
    /// What is chosen, each once, in the order of the choices.
    pub fn expand(choices: &[Self]) -> Vec<T> {
        let mut values = Vec::new();
        for choice in choices {
            let chosen = match choice {
                Self::One(value) => std::slice::from_ref(value),
                Self::All => T::ALL,
            };
            for value in chosen {
                if !values.contains(value) {
                    values.push(value.clone());
                }
            }
        }
        values
    }
}

/// Takes a value, or the word `all`.
pub(super) fn one_or_all<T: Word + Send + Sync + 'static>() -> impl TypedValueParser<Value = Choice<T>> {
    let values = T::ALL.iter().map(T::word);
    let all = PossibleValue::new("all").help("Each of them");
    PossibleValuesParser::new(values.chain([all]))
        // Of the words that come so far, only `all` is no value.
        .map(|word| T::spelled(&word).map_or(Choice::All, Choice::One))
}

/// How everything but a run is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum TextFormat {
    /// Text for people
    #[default]
    Table,
    /// One JSON object
    Json,
}

/// What to do with the driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DriverAction {
    /// Create the service for the image
    Install,
    /// Load the driver
    Start,
    /// Unload the driver
    Stop,
    /// Delete the service
    Uninstall,
    /// Print whether the driver is installed and loaded
    Status,
}

display_as_argument!(DemoTarget, LoadTarget, TextFormat, DriverAction);

/// A process, or one thread of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThreadRef {
    /// Process id.
    pub pid: u32,
    /// Thread id; all threads without it.
    pub tid: Option<u32>,
}

impl FromStr for ThreadRef {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.eq_ignore_ascii_case("self") {
            return Ok(Self { pid: std::process::id(), tid: None });
        }
        let id = |digits: &str| digits.parse().map_err(|_| "write PID or PID/TID in decimal, or self");
        match text.split_once('/') {
            Some((pid, tid)) => Ok(Self { pid: id(pid)?, tid: Some(id(tid)?) }),
            None => Ok(Self { pid: id(text)?, tid: None }),
        }
    }
}

/// A whole number, in decimal or, as reports write it, in hexadecimal after 0x.
fn whole(text: &str) -> Option<u64> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// The seed of a schedule.
pub(super) fn seed(text: &str) -> Result<u64, &'static str> {
    whole(text).ok_or("a seed is a number of 64 bits, in decimal or in hexadecimal after 0x")
}

/// Takes a number of this range.
pub(super) fn number<T>(range: RangeInclusive<T>) -> impl TypedValueParser<Value = T>
where
    T: TryFrom<u64> + PartialOrd + Display + Clone + Send + Sync + 'static,
{
    StringValueParser::new().try_map(move |text| {
        let read = whole(text.trim()).and_then(|number| T::try_from(number).ok());
        read.filter(|number| range.contains(number)).ok_or_else(|| {
            let (start, end) = (range.start(), range.end());
            format!("it is a number from {start} to {end}, in decimal or in hexadecimal after 0x")
        })
    })
}
