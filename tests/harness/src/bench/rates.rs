//! How many round trips a second.

use super::calls::{Call, Caller, World};
use super::{Pace, Speed};
use crate::driver::{Failure, Source};
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

/// Round trips between two looks at the clock.
const BATCH: u32 = 32;

/// Every call on the image and on the service alone. The configurations take turns, so that other
/// load on the machine affects all of them, and the best turn of each counts, as load can only
/// lower a rate.
pub(super) fn measure(image: &Source, pace: &Pace) -> Result<Vec<(Call, Speed)>, Failure> {
    let [image, model] = [World::start(image)?, World::start(&Source::Service)?];
    let speeds = both(&image, &model, pace)?;
    image.stop()?;
    model.stop()?;
    Ok(speeds)
}

fn both(image: &World, model: &World, pace: &Pace) -> Result<Vec<(Call, Speed)>, Failure> {
    let (one, two, same) = (image.first()?, image.second()?, image.second_on_the_same_file()?);
    let (model_one, model_two) = (model.first()?, model.second()?);
    let mut speeds = Call::ALL.map(|call| (call, Speed::default()));
    for _ in 0..pace.turns {
        for (call, speed) in &mut speeds {
            let best = |speed: &mut f64, rate: f64| *speed = speed.max(rate);
            best(&mut speed.one, alone(&one, *call, pace.turn)?);
            best(&mut speed.model, alone(&model_one, *call, pace.turn)?);
            best(&mut speed.two, together([&one, &two], *call, pace.turn)?);
            best(&mut speed.two_on_one_file, together([&one, &same], *call, pace.turn)?);
            best(&mut speed.model_two, together([&model_one, &model_two], *call, pace.turn)?);
        }
    }
    for caller in [one, two, same, model_one, model_two] {
        caller.end()?;
    }
    Ok(speeds.to_vec())
}

fn alone(caller: &Caller<'_>, call: Call, turn: Duration) -> Result<f64, Failure> {
    Ok(rate(&[run_of(caller, call, turn)?]))
}

/// Both at a time, each on a thread of the operating system.
fn together(callers: [&Caller<'_>; 2], call: Call, turn: Duration) -> Result<f64, Failure> {
    let barrier = &Barrier::new(callers.len());
    let runs: Result<Vec<_>, _> = thread::scope(|scope| {
        let threads = callers.map(|caller| {
            scope.spawn(move || {
                barrier.wait();
                run_of(caller, call, turn)
            })
        });
        let ended = threads.into_iter().map(|thread| match thread.join() {
            Ok(run) => run,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        ended.collect()
    });
    runs.map(|runs| rate(&runs))
}

fn run_of(caller: &Caller<'_>, call: Call, turn: Duration) -> Result<Run, Failure> {
    caller.prepare()?;
    let mut failure = None;
    let run = run(turn, || match caller.make(call) {
        Ok(()) => true,
        Err(why) => {
            failure = Some(why);
            false
        }
    });
    failure.map_or(Ok(run), Err)
}

/// Round trips of one caller.
#[derive(Clone, Copy)]
pub(crate) struct Run {
    made: u32,
    start: Instant,
    end: Instant,
}

/// Makes round trips for this long, and counts those that are carried out.
pub(crate) fn run(turn: Duration, mut call: impl FnMut() -> bool) -> Run {
    let start = Instant::now();
    let mut made = 0;
    loop {
        for _ in 0..BATCH {
            made += u32::from(call());
        }
        let end = Instant::now();
        if end - start >= turn {
            return Run { made, start, end };
        }
    }
}

/// All round trips from the first start to the last end. Adding up the rates of the runs would be
/// wrong where they shared one processor.
pub(crate) fn rate(runs: &[Run]) -> f64 {
    let start = runs.iter().map(|run| run.start).min();
    let end = runs.iter().map(|run| run.end).max();
    let took = start.zip(end).map_or(Duration::ZERO, |(start, end)| end - start);
    f64::from(runs.iter().map(|run| run.made).sum::<u32>()) / took.as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::{Run, rate};
    use std::time::{Duration, Instant};

    #[test]
    fn runs_one_after_the_other_are_no_faster_than_one() {
        let at = |begin: Instant, millis| begin + Duration::from_millis(millis);
        let begin = Instant::now();
        let run = |from, to| Run { made: 1000, start: at(begin, from), end: at(begin, to) };
        let rates = [rate(&[run(0, 10)]), rate(&[run(0, 10), run(0, 10)]), rate(&[run(0, 10), run(10, 20)])];
        assert_eq!(rates.map(|rate| rate.to_string()), ["100000", "200000", "100000"]);
    }
}
