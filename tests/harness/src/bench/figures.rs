//! The figures by name.

use super::{Call, Report, Speed};
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// What a figure should be.
#[derive(Clone, Copy, Debug)]
pub struct Goal {
    /// Which figure.
    pub figure: &'static str,
    /// Its title in tables.
    pub title: &'static str,
    /// The bound that it has to keep.
    pub bound: Bound,
}

/// A lower or an upper bound.
#[derive(Clone, Copy, Debug)]
pub enum Bound {
    /// Not less.
    AtLeast(f64),
    /// Not more.
    AtMost(f64),
}

impl Bound {
    /// The number alone.
    pub fn value(self) -> f64 {
        match self {
            Self::AtLeast(value) | Self::AtMost(value) => value,
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(least) => write!(f, "≥ {least}"),
            Self::AtMost(most) => write!(f, "≤ {most}"),
        }
    }
}

impl Goal {
    /// Whether a value is within the bound.
    pub fn reached(&self, value: f64) -> bool {
        match self.bound {
            Bound::AtLeast(least) => value >= least,
            Bound::AtMost(most) => value <= most,
        }
    }
}

/// The goals.
pub const GOALS: &[Goal] = &[
    Goal {
        figure: "query_per_second",
        title: "QUERY on one thread, a second",
        bound: Bound::AtLeast(1_000_000.0),
    },
    Goal {
        figure: "query_two_threads_factor",
        title: "QUERY on two threads, times one",
        bound: Bound::AtLeast(1.7),
    },
    Goal {
        figure: "catalogue_image_seconds",
        title: "catalogue on the image, seconds",
        bound: Bound::AtMost(2.0),
    },
];

impl Report {
    /// Figures that depend on the machine.
    pub fn absolute(&self) -> BTreeMap<String, f64> {
        let mut figures = BTreeMap::new();
        let mut add = |name: String, value: f64| {
            figures.insert(name, value);
        };
        for (call, speed) in &self.speeds {
            let Speed { one, two, two_on_one_file, model, model_two } = *speed;
            for (what, value) in [
                ("per_second", one),
                ("two_threads_per_second", two),
                ("two_threads_one_file_per_second", two_on_one_file),
                ("model_per_second", model),
                ("model_two_threads_per_second", model_two),
            ] {
                add(format!("{}_{what}", call.name()), value);
            }
        }
        for (name, time) in [
            ("read_image_seconds", self.starts.read),
            ("load_and_start_seconds", self.starts.start),
            ("load_to_unload_seconds", self.starts.life),
            ("catalogue_image_seconds", self.wholes.image),
            ("catalogue_model_seconds", self.wholes.model),
            ("faults_seconds", self.wholes.sweep),
        ] {
            add(name.to_owned(), time.as_secs_f64());
        }
        add("faults_runs".to_owned(), f64::from(self.wholes.runs));
        figures
    }

    /// Figures that can be compared between machines: ratios, instructions, bytes.
    pub fn compared(&self) -> BTreeMap<String, f64> {
        let mut figures = BTreeMap::new();
        let mut add = |name: String, value: f64| {
            figures.insert(name, value);
        };
        for (call, speed) in &self.speeds {
            let name = call.name();
            add(format!("{name}_cost_to_model"), speed.model / speed.one);
            add(format!("{name}_two_threads_factor"), speed.two / speed.one);
            add(format!("{name}_two_threads_one_file_factor"), speed.two_on_one_file / speed.one);
            add(format!("{name}_model_two_threads_factor"), speed.model_two / speed.model);
        }
        for (call, counted) in self.instructions.iter().flatten() {
            let name = call.name();
            add(format!("{name}_driver_instructions"), f64::from(counted.driver));
            add(format!("{name}_image_instructions"), f64::from(counted.image));
            add(format!("{name}_model_instructions"), f64::from(counted.model));
        }
        #[allow(clippy::cast_precision_loss)] // no image is that large
        for (name, bytes) in self
            .sections
            .iter()
            .map(|section| (format!("section_{}_bytes", section.name), section.memory as f64))
            .chain([("image_file_bytes".to_owned(), self.file as f64)])
        {
            add(name, bytes);
        }
        let wholes = &self.wholes;
        add("load_and_start_in_queries".to_owned(), self.starts.start.as_secs_f64() * self.query());
        add("catalogue_image_to_model".to_owned(), ratio(wholes.image, wholes.model));
        add("faults_to_catalogue".to_owned(), ratio(wholes.sweep, wholes.image));
        figures
    }

    /// QUERY calls a second on one thread.
    fn query(&self) -> f64 {
        let query = self.speeds.iter().find(|(call, _)| *call == Call::Query);
        query.map_or(f64::NAN, |(_, speed)| speed.one)
    }
}

fn ratio(one: Duration, other: Duration) -> f64 {
    one.as_secs_f64() / other.as_secs_f64()
}
