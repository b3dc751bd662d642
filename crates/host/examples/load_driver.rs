//! Loads a driver of one's own into this process, and talks to it.
//!
//! ```text
//! cargo xtask build --minimal
//! cargo run -p psimp-host --example load_driver -- target/minimal.sys
//! ```
//!
//! What a driver may call here is in `docs/host.md`. Anything else, and anything that breaks a
//! contract, is a fault with a name.

use psimp_host::{Host, Image, IoControl};
use psimp_model::{Kernel, System};
use std::error::Error;
use std::sync::Arc;

/// `REVERSE` of minimal.sys.
const REVERSE: u32 = 0x0022_6000;

fn main() -> Result<(), Box<dyn Error>> {
    let path =
        std::env::args_os().nth(1).ok_or("usage: load_driver <image>, for example target/minimal.sys")?;
    let image = Image::open(path.as_ref())?;

    // A kernel, and the driver over it: mapped, bound and started.
    let system = Arc::new(System::new(Kernel::Win10));
    let host = Host::load(&image, system.clone())?;

    // A program, which may open what only the system may.
    let process = system.create_system_process();
    let thread = system.create_thread(&process);
    let file = host.open(&thread, r"\DosDevices\Minimal", 1).map_err(|failure| format!("{failure:?}"))?;

    let mut reply = [0; 5];
    let request = IoControl::new(REVERSE, b"abcde");
    let length = host.device_io_control(&thread, &file, &request, &mut reply);
    let length = length.map_err(|failure| format!("{failure:?}"))?;
    println!("{}", String::from_utf8_lossy(reply.get(..length).unwrap_or_default()));

    // An open handle keeps the driver loaded; its leaks are reported when it is unloaded.
    host.close(&thread, file).map_err(|failure| format!("{failure:?}"))?;
    host.unload().map_err(|faults| format!("{faults:?}"))?;
    Ok(())
}
