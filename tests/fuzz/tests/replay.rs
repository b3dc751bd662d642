//! Runs the stored inputs again: over the service and, if `PSIMP_SYS` names an
//! image, also over that, with the same results.

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

fn sources() -> Vec<Source> {
    let mut sources = vec![Source::Service];
    match std::env::var_os("PSIMP_SYS") {
        Some(path) if cfg!(all(target_os = "linux", target_arch = "x86_64")) => {
            let image = Image::open(path.as_ref()).expect("PSIMP_SYS names a driver image");
            sources.push(Source::Image(Arc::new(image)));
        }
        _ => eprintln!("skipped on the image: PSIMP_SYS names none that runs here"),
    }
    sources
}

fn replay(target: &Target) {
    let (sources, inputs) = (sources(), inputs(target));
    let mut wrong = Vec::new();
    for path in &inputs {
        let bytes = std::fs::read(path).expect("an input can be read");
        if let Err(why) = target.run(&bytes, &sources) {
            wrong.push(format!("{}: {why}", path.display()));
        }
    }
    println!("{}: {} inputs on {} targets", target.name, inputs.len(), sources.len());
    assert!(wrong.is_empty(), "{} of {} inputs:\n{}", wrong.len(), inputs.len(), wrong.join("\n"));
    assert!(!inputs.is_empty(), "{} has no inputs", target.name);
}

#[test]
fn ioctl() {
    replay(&psimp_fuzz::IOCTL);
}

#[test]
fn program() {
    replay(&psimp_fuzz::PROGRAM);
}

#[test]
fn image() {
    replay(&psimp_fuzz::IMAGE);
    // The driver's own image is a good start.
    if let Some(path) = std::env::var_os("PSIMP_SYS") {
        let bytes = std::fs::read(path).expect("PSIMP_SYS names a file");
        assert_eq!(psimp_fuzz::IMAGE.run(&bytes, &[]), Ok(()));
    }
}

#[test]
fn descriptor() {
    replay(&psimp_fuzz::DESCRIPTOR);
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
