//! Configures the link of minimal.sys; does nothing when the driver is not built.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // Cargo does not see the import libraries change; `cargo xtask build` sets this variable when they do.
    println!("cargo::rerun-if-env-changed=PSIMP_WDK_LIBRARIES");
    #[cfg(feature = "kernel")]
    if let Err(error) = wdk_build::configure_wdk_binary_build() {
        println!("cargo::error=the driver cannot be configured: {error}");
    }
}
