//! Configures the link of malicious.sys; does nothing when the driver is not built.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // Cargo does not detect changes of the import libraries; `cargo xtask build` passes them
    // here.
    println!("cargo::rerun-if-env-changed=PSIMP_WDK_LIBRARIES");
    #[cfg(feature = "kernel")]
    {
        if let Err(error) = wdk_build::configure_wdk_binary_build() {
            println!("cargo::error=the driver cannot be configured: {error}");
        }
        // Code that is discarded after `DriverEntry`.
        println!("cargo::rustc-cdylib-link-arg=/SECTION:INIT,ERD");
    }
}
