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
    #[arg(long, value_enum)]
    pub target: Option<Target>,
    /// The driver image to load.
    #[command(flatten)]
    pub image: ImageArg,
    /// The simulated kernel of the targets model and image; win10 by default
    #[arg(long, value_parser = kernel())]
    pub kernel: Option<Kernel>,
    /// How the survey is written
    #[arg(long, value_enum, default_value_t)]
    pub format: TextFormat,
    /// Also write it as a page
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

impl SurveyArgs {
    /// Whose decisions are recorded.
    pub fn target(&self) -> Target {
        self.target.unwrap_or(if cfg!(windows) { Target::Native } else { Target::Model })
    }
}
