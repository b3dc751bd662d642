//! Runs the stored inputs again: over the service, and over psimp.sys with the same results.

use psimp_fuzz::{TARGETS, Target};
use psimp_harness::driver::Source;
use psimp_host::Image;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The inputs of a target: those in the tree, and those that a fuzzer has found,
/// in the folder that `PSIMP_CORPUS` names.
fn inputs(target: &Target) -> Vec<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let kept = ["seeds", "corpus", "regressions"].map(|folder| here.join(folder));
    let found = std::env::var_os("PSIMP_CORPUS").map(PathBuf::from);
    let mut files = Vec::new();
    for folder in kept.into_iter().chain(found) {
        // A target need not have every folder.
        let Ok(entries) = folder.join(target.name).read_dir() else { continue };
        files.extend(entries.map(|entry| entry.expect("the folder can be read").path()));
    }
    files.sort();
    files
}

/// psimp.sys.
fn driver() -> Image {
    let path = std::env::var_os("PSIMP_SYS").expect("PSIMP_SYS must name psimp.sys");
    Image::open(Path::new(&path)).expect("the image loads")
}

fn replay_on_the_image(target: &Target) {
    replay(target, &[Source::Service, Source::Image(Arc::new(driver()))]);
}

fn replay(target: &Target, sources: &[Source]) {
    let inputs = inputs(target);
    let mut wrong = Vec::new();
    for path in &inputs {
        let bytes = std::fs::read(path).expect("an input can be read");
        if let Err(why) = target.run(&bytes, sources) {
            wrong.push(format!("{}: {why}", path.display()));
        }
    }
    println!("{}: {} inputs on {} targets", target.name, inputs.len(), sources.len());
    assert!(wrong.is_empty(), "{} of {} inputs:\n{}", wrong.len(), inputs.len(), wrong.join("\n"));
    assert!(!inputs.is_empty(), "{} has no inputs", target.name);
}

#[test]
fn ioctl() {
    replay(&psimp_fuzz::IOCTL, &[Source::Service]);
}

#[test]
#[ignore = "needs psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn ioctl_on_the_image() {
    replay_on_the_image(&psimp_fuzz::IOCTL);
}

#[test]
fn program() {
    replay(&psimp_fuzz::PROGRAM, &[Source::Service]);
}

#[test]
#[ignore = "needs psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn program_on_the_image() {
    replay_on_the_image(&psimp_fuzz::PROGRAM);
}

#[test]
fn image() {
    replay(&psimp_fuzz::IMAGE, &[]);
}

#[test]
#[ignore = "needs psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn the_drivers_own_image() {
    assert_eq!(psimp_fuzz::IMAGE.run(driver().bytes(), &[]), Ok(()));
}

#[test]
fn descriptor() {
    replay(&psimp_fuzz::DESCRIPTOR, &[Source::Service]);
}

#[test]
#[ignore = "needs psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn descriptor_on_the_image() {
    replay_on_the_image(&psimp_fuzz::DESCRIPTOR);
}

/// Every folder has the name of a target, else it would never be run.
#[test]
fn every_folder_is_a_targets() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    for folder in ["seeds", "corpus", "regressions"] {
        for entry in here.join(folder).read_dir().expect("it is in the tree") {
            let name = entry.expect("the folder can be read").file_name();
            assert!(TARGETS.iter().any(|target| name == target.name), "{folder}/{}", name.display());
        }
    }
}
