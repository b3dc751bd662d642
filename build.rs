//! Configures the link of psimp.sys; does nothing when the driver is not built.

#[cfg(feature = "kernel")]
#[path = "xtask/src/build/version_resource.rs"]
mod version_resource;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // Cargo does not see the import libraries change; `cargo xtask build` says here when they do.
    println!("cargo::rerun-if-env-changed=PSIMP_WDK_LIBRARIES");
    #[cfg(feature = "kernel")]
    configure();
}

#[cfg(feature = "kernel")]
fn configure() {
    if let Err(error) = wdk_build::configure_wdk_binary_build() {
        println!("cargo::error=the driver cannot be configured: {error}");
    }
    // The subsystem that wdk-build asks for, with the version that the WDK's own projects have. The last one counts.
    println!("cargo::rustc-link-arg-cdylib=/SUBSYSTEM:NATIVE,10.0");
    if std::env::var("CARGO_CFG_TARGET_ARCH").is_ok_and(|arch| arch == "x86_64") {
        // Calls and returns match, so that a shadow stack of the processor can be kept.
        println!("cargo::rustc-link-arg-cdylib=/CETCOMPAT");
    }
    match resource() {
        Ok(resource) => println!("cargo::rustc-link-arg-cdylib={}", resource.display()),
        Err(error) => println!("cargo::warning=psimp.sys has no version resource: {error}"),
    }
}

/// Compiles the version resource with the WDK's `rc.exe`, or the `llvm-rc` that `cargo xtask build` names.
#[cfg(feature = "kernel")]
fn resource() -> std::io::Result<std::path::PathBuf> {
    use std::{env, fs, io, path, process};

    println!("cargo::rerun-if-env-changed=LLVM_RC");
    let folder = path::PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    // VFT_DRV, VFT2_DRV_SYSTEM
    let description = "Mirrors and exposes thread impersonation";
    let file = version_resource::File { name: "psimp.sys", description, kind: (3, 7) };
    let script = version_resource::script(&file, env!("CARGO_PKG_VERSION"));
    fs::write(folder.join("version.rc"), script)?;
    let mut compiler = match env::var_os("LLVM_RC") {
        Some(llvm_rc) => {
            let mut compiler = process::Command::new(llvm_rc);
            compiler.arg("/no-preprocess");
            compiler
        }
        None => process::Command::new("rc.exe"),
    };
    // By names without a folder: one of Unix would be taken for an option.
    let status = compiler.args(["/fo", "version.res", "version.rc"]).current_dir(&folder).status()?;
    if status.success() { Ok(folder.join("version.res")) } else { Err(io::Error::other("rc failed")) }
}
