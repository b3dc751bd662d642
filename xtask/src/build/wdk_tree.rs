//! The folder that stands in for an installed WDK: headers from mingw-w64 and this repository, import
//! libraries made from `.def` files, and the entry stub.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use super::mirror::link;
use super::{hex, slots, tools};
use crate::exec;
use crate::workspace::Workspace;

/// The kit's version only names folders; wdk-build takes the one that is there.
const KIT: &str = "10.0.22621.0";

/// Headers of clang and mingw-w64 that define compiler intrinsics. The kernel headers ask for them, the
/// bindings do not need them, and bindgen cannot read them for this target: empty files take their place.
const EMPTY_HEADERS: [&str; 7] = [
    "emmintrin.h",
    "immintrin.h",
    "intrin.h",
    "mmintrin.h",
    "psdk_inc/intrin-impl.h",
    "x86intrin.h",
    "xmmintrin.h",
];

/// The committed declarations of KMDF; `wdffuncenum.h` is made beside them.
pub(crate) const KMDF_HEADERS: [&str; 5] =
    ["wdf.h", "wdfdevice.h", "wdfrequest.h", "wdfsync.h", "wdf_bind.h"];

/// Libraries that wdk-sys names and psimp.sys takes nothing from.
const EMPTY_LIBRARIES: [&str; 3] = ["hal", "wmilib", "BufferOverflowFastFailK"];

/// The tree and the places in it that the build has to name.
#[derive(Debug)]
pub(crate) struct WdkTree {
    /// What `WDKContentRoot` points at.
    pub(crate) root: PathBuf,
    /// Has to be included before every kernel header.
    pub(crate) compat_header: PathBuf,
    /// clang under the name that makes it take the arguments of Microsoft's compiler.
    pub(crate) clang_cl: PathBuf,
    /// Changes whenever a library does; cargo does not look at them by itself.
    pub(crate) libraries: String,
    /// The declarations of KMDF are new, and with them what the `wdk-macros` crate remembers of them.
    pub(crate) kmdf_changed: bool,
}

impl WdkTree {
    /// Brings the tree up to date. Files that have their content already keep their time stamps, so that
    /// bindgen runs again only when a header is new.
    pub(crate) fn make(workspace: &Workspace) -> Result<Self> {
        let (sources, root) = (workspace.cross_sources(), workspace.cross().join("wdk"));
        let include = root.join("Include").join(KIT);
        let (kernel, kmdf) = (include.join("km"), root.join("Include/wdf/kmdf/1.15"));

        exec::create_dir(&kernel.join("ufx/1.1"))?;
        link(Path::new(tools::HEADERS), &include.join("shared"))?;
        let headers = Path::new(tools::HEADERS).join("ddk");
        for entry in fs::read_dir(&headers).with_context(|| format!("cannot read {}", headers.display()))? {
            let entry = entry?;
            link(&entry.path(), &kernel.join(entry.file_name()))?;
        }
        for header in EMPTY_HEADERS {
            exec::write_if_changed(&kernel.join("crt").join(header), "")?;
        }

        let enumeration = slots::header(&exec::read(&workspace.facts().join("kmdf-1.15-slots.csv"))?)?;
        let mut kmdf_changed = exec::write_if_changed(&kmdf.join("wdffuncenum.h"), enumeration)?;
        for header in KMDF_HEADERS {
            kmdf_changed |= exec::write_if_changed(&kmdf.join(header), exec::read(&sources.join(header))?)?;
        }
        let compat_header = root.join("compat.h");
        exec::write_if_changed(&compat_header, exec::read(&sources.join("compat.h"))?)?;
        let clang_cl = root.join("bin/clang-cl");
        link(Path::new(tools::CLANG), &clang_cl)?;

        let mut tree = Self { root, compat_header, clang_cl, libraries: String::new(), kmdf_changed };
        tree.libraries = tree.make_libraries(&sources)?;
        Ok(tree)
    }

    /// The folders to search for headers, in wdk-build's order.
    pub(crate) fn include_dirs(&self) -> [PathBuf; 4] {
        let kit = self.root.join("Include").join(KIT);
        [kit.join("km/crt"), kit.join("km"), kit.join("shared"), self.root.join("Include/wdf/kmdf/1.15")]
    }

    /// clang, set up to compile C for the driver's target with this tree's headers.
    pub(crate) fn clang(&self) -> Command {
        let mut clang = Command::new(tools::CLANG);
        clang.args([
            "--target=x86_64-pc-windows-msvc",
            "-std=c17",
            "-nostdinc",
            "-fms-extensions",
            "-D_KERNEL_MODE",
        ]);
        clang.args(["-D_WIN64", "-D_AMD64_", "-DAMD64", "-Wno-implicit-function-declaration", "-include"]);
        clang.arg(&self.compat_header);
        for dir in self.include_dirs() {
            clang.arg("-isystem").arg(dir);
        }
        clang
    }

    fn make_libraries(&self, sources: &Path) -> Result<String> {
        let kernel = self.root.join("Lib").join(KIT).join("km/x64");
        let kmdf = self.root.join("Lib/wdf/kmdf/x64/1.15");
        let stamp = self.root.join("libraries.sha256");
        let digest = self.link_inputs(sources)?;
        if fs::read_to_string(&stamp).is_ok_and(|made_from| made_from == digest) {
            return Ok(digest);
        }
        exec::create_dir(&kernel)?;
        exec::create_dir(&kmdf)?;
        import_library(&sources.join("ntoskrnl.def"), &kernel.join("ntoskrnl.lib"))?;
        import_library(&sources.join("WdfLdr.def"), &kmdf.join("WdfLdr.lib"))?;
        for name in EMPTY_LIBRARIES {
            let def = self.root.join(format!("{name}.def"));
            exec::write_if_changed(&def, format!("LIBRARY {name}.sys\nEXPORTS\n"))?;
            import_library(&def, &kernel.join(format!("{name}.lib")))?;
        }
        let object = self.root.join("driver_entry.obj");
        let mut clang = self.clang();
        clang.args(["-O2", "-c", "-Wall", "-Wextra", "-Werror", "-fno-stack-protector"]);
        clang.arg(sources.join("driver_entry.c")).arg("-o").arg(&object);
        exec::run_quietly(&mut clang)?;
        let mut lib = Command::new(tools::LIB);
        lib.arg(format!("/out:{}", kmdf.join("WdfDriverEntry.lib").display())).arg(&object);
        exec::run_quietly(&mut lib)?;
        exec::write_if_changed(&stamp, &digest)?;
        Ok(digest)
    }

    /// A digest of what the libraries are made from.
    fn link_inputs(&self, sources: &Path) -> Result<String> {
        let kmdf = self.root.join("Include/wdf/kmdf/1.15");
        let mut digest = Sha256::new();
        for name in ["ntoskrnl.def", "WdfLdr.def", "driver_entry.c", "compat.h"] {
            digest.update(exec::read(&sources.join(name))?);
        }
        for name in KMDF_HEADERS.into_iter().chain(["wdffuncenum.h"]) {
            digest.update(exec::read(&kmdf.join(name))?);
        }
        digest.update(include_str!("wdk_tree.rs"));
        Ok(hex(&digest.finalize()))
    }
}

fn import_library(def: &Path, library: &Path) -> Result<()> {
    let mut dlltool = Command::new(tools::DLLTOOL);
    dlltool.args(["-m", "i386:x86-64", "-d"]).arg(def).arg("-l").arg(library);
    exec::run_quietly(&mut dlltool)
}
