//! `psimp demo`.

use super::driver::why_no_device;
use super::{load_image, say, unavailable};
use crate::cli::{DemoArgs, DemoTarget, Exit};
use crate::demo::{Transcript, model};
use crate::driver::Source;
use crate::run::Setup;

pub(super) fn demo(args: &DemoArgs) -> anyhow::Result<Exit> {
    let source = match args.target {
        DemoTarget::Model => Source::Service,
        DemoTarget::Image => match load_image(&args.image.path) {
            Ok((source, _)) => source,
            Err(why) => return Ok(unavailable(&why)),
        },
        DemoTarget::Device => {
            return match why_no_device() {
                Some(why) => Ok(unavailable(&why)),
                None => device(args),
            };
        }
    };
    let setup = Setup { source, kernel: args.kernel, rules: args.rules.mode() };
    let name = format!("target {}, kernel {}, rules {}", args.target, args.kernel, args.rules);
    report(&model::run(&setup, &name))
}

#[cfg(windows)]
fn device(args: &DemoArgs) -> anyhow::Result<Exit> {
    use crate::demo::{DeviceStage, tell};
    match DeviceStage::new(args.rules.mode(), format!("target device, rules {}", args.rules)) {
        Ok(mut stage) => report(&tell(&mut stage)),
        Err(why) => anyhow::bail!("the demo cannot begin: {why}"),
    }
}

#[cfg(not(windows))]
#[allow(clippy::unnecessary_wraps)] // as on Windows
fn device(_: &DemoArgs) -> anyhow::Result<Exit> {
    Ok(unavailable("--target device needs psimp.sys loaded on Windows"))
}

/// Prints the transcript, and on standard error the unexpected outcomes.
fn report(told: &Transcript) -> anyhow::Result<Exit> {
    say(&told.text)?;
    for difference in &told.differences {
        eprintln!("psimp: unexpected outcome: {difference}");
    }
    Ok(told.exit())
}
