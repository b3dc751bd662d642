//! `psimp demo`.

use super::driver::why_no_device;
use super::{Stop, load_image, say};
use crate::cli::{DemoArgs, DemoTarget, Exit};
use crate::demo::{Transcript, model};
use crate::driver::Source;
use crate::run::Setup;

pub(super) fn demo(args: &DemoArgs) -> anyhow::Result<Exit> {
    let source = match args.target {
        DemoTarget::Model => Source::Service,
        DemoTarget::Image => load_image(&args.image.path)?.0,
        DemoTarget::Device => {
            return match why_no_device() {
                Some(why) => Err(Stop::unavailable(why).into()),
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
fn device(_: &DemoArgs) -> anyhow::Result<Exit> {
    Err(Stop::unavailable("--target device needs psimp.sys loaded on Windows").into())
}

/// Prints the transcript, and on standard error the unexpected outcomes.
fn report(told: &Transcript) -> anyhow::Result<Exit> {
    say(&told.text)?;
    for difference in &told.differences {
        eprintln!("psimp: unexpected outcome: {difference}");
    }
    Ok(told.exit())
}
