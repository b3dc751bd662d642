//! The callers in `crates/windows/examples` under Wine, which has no driver: each must say so, and end with its code
//! for that.

use anyhow::{Result, ensure};

use super::Wine;
use crate::build;
use crate::workspace::Workspace;

/// The exit code for a driver that is not there, as `psimp` has it.
const NO_DRIVER: i32 = 3;

/// Builds the callers, and runs each.
pub(crate) fn check(workspace: &Workspace, wine: &Wine) -> Result<()> {
    for client in build::clients(workspace, &wine.folder)? {
        let output = wine.program(&client).output()?;
        let message = String::from_utf8_lossy(&output.stderr);
        let client = client.display();
        ensure!(
            output.status.code() == Some(NO_DRIVER) && message.contains("psimp.sys cannot be opened"),
            "{client} ends with {}: {message}",
            output.status
        );
        ensure!(output.stdout.is_empty(), "{client} prints something without the driver");
    }
    Ok(())
}
