//! Arguments of `survey`.

use super::values::kernel;
use super::{ImageArg, Target, TextFormat};
use clap::Args;
use psimp_rules::Kernel;
use std::path::PathBuf;

/// Arguments of `survey`.
#[derive(Clone, Debug, Args)]
pub struct SurveyArgs {
    /// Whose decisions are recorded; on Windows native by default, elsewhere model
    #[arg(long, value_enum, default_value_t = here(), hide_default_value = true)]
    pub target: Target,
    /// The driver image to load.
    #[command(flatten)]
    pub image: ImageArg,
    /// Rehearse the target device or native here: over the simulated kernel, with the driver image as the loaded one
    /// (x86-64 Linux)
    #[arg(long)]
    pub rehearse: bool,
    /// The simulated kernel of the targets model and image, and of a rehearsal; win10 by default
    #[arg(long, value_parser = kernel())]
    pub kernel: Option<Kernel>,
    /// How the survey is written
    #[arg(long, value_enum, default_value_t)]
    pub format: TextFormat,
    /// Also write it as a page
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

/// Where the decisions of the kernel that runs can be asked for without a driver, those.
const fn here() -> Target {
    if cfg!(windows) { Target::Native } else { Target::Model }
}
