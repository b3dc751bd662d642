//! The folder that stands in for an installed WDK: headers from mingw-w64 and this repository, import
//! libraries made from `.def` files, and the entry stub.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};

use super::mirror::link;
use super::{Arch, Tool, hex, ntoskrnl, slots};
use crate::exec;
use crate::workspace::Workspace;

/// The kit's version only names folders; wdk-build takes the one that is there.
const KIT: &str = "10.0.22621.0";

/// Headers of clang and mingw-w64 that define compiler intrinsics. The kernel headers ask for them, the
/// bindings do not need them, and bindgen cannot read them for this target: empty files take their place.
const EMPTY_HEADERS: &[&str] = &[
    "emmintrin.h",
    "immintrin.h",
    "intrin.h",
    "mmintrin.h",
    "psdk_inc/intrin-impl.h",
    "x86intrin.h",
    "xmmintrin.h",
];

/// The committed declarations of KMDF; `wdffuncenum.h` is made beside them.
pub(crate) const KMDF_HEADERS: &[&str] = &["wdf.h", "wdfdevice.h", "wdfrequest.h", "wdfsync.h", "wdf_bind.h"];

/// Libraries that wdk-sys names, the last for arm64 only, and psimp.sys takes nothing from.
const EMPTY_LIBRARIES: &[&str] = &["hal", "wmilib", "arm64rt"];

/// The committed sources of what the WDK has as objects: the folder, and the library.
const OBJECTS: &[(&str, Place, &str)] = &[
    ("driver_entry", Place::Kmdf, "WdfDriverEntry"),
    ("load_config", Place::Kernel, "BufferOverflowFastFailK"),
];

/// The folders of libraries in a WDK.
#[derive(Debug, Clone, Copy)]
enum Place {
    Kernel,
    Kmdf,
}

/// The committed headers that kernel headers include, or that come before them.
const KERNEL_HEADERS: &[&str] = &["compat.h", "armddk.h"];

/// The header with conditions that name architectures and hold for others as well.
const WDM: &str = "wdm.h";

/// A condition of it, the condition that is meant, and how often it occurs. Without the first, structures would be
/// laid out as for 32 bits on a 64-bit architecture that is not named; without the second, a structure that nothing
/// here uses would be empty, and so of different size in C and Rust.
const MEANT: &[(&str, &str, usize)] = &[
    ("#if !defined(_AMD64_) && !defined(_IA64_)", "#if !defined(_WIN64)", 5),
    ("#elif defined(_IA64_)\n  ULONG Dummy;", "#elif !defined(_X86_)\n  ULONG Dummy;", 1),
];

/// The tree and the places in it that the build has to name.
#[derive(Debug)]
pub(crate) struct WdkTree {
    /// What its libraries are for; the headers are the same.
    arch: Arch,
    /// What `WDKContentRoot` points at.
    pub(crate) root: PathBuf,
    /// Has to be included before every kernel header.
    pub(crate) compat_header: PathBuf,
    /// clang under the name that makes it take the arguments of Microsoft's compiler.
    pub(crate) clang_cl: PathBuf,
    /// Changes whenever a library does; cargo does not track them.
    pub(crate) libraries: String,
    /// The declarations of KMDF are new, and with them what the `wdk-macros` crate has cached.
    pub(crate) kmdf_changed: bool,
}

impl WdkTree {
    /// Brings the tree up to date. Files that have their content already keep their time stamps, so that
    /// bindgen runs again only when a header is new.
    pub(crate) fn make(workspace: &Workspace, arch: Arch) -> Result<Self> {
        let (sources, root) = (workspace.cross_sources(), workspace.cross().join("wdk"));
        let include = root.join("Include").join(KIT);
        let (kernel, kmdf) = (include.join("km"), root.join("Include/wdf/kmdf/1.15"));

        exec::create_dir(&kernel.join("ufx/1.1"))?;
        let mingw = Tool::Headers.path()?;
        link(&mingw, &include.join("shared"))?;
        let headers = mingw.join("ddk");
        for entry in fs::read_dir(&headers).with_context(|| format!("cannot read {}", headers.display()))? {
            let entry = entry?;
            let place = kernel.join(entry.file_name());
            if entry.file_name() == WDM {
                forget_link(&place)?;
                exec::write_if_changed(&place, as_meant(exec::read(&entry.path())?)?)?;
            } else {
                link(&entry.path(), &place)?;
            }
        }
        for header in EMPTY_HEADERS {
            exec::write_if_changed(&kernel.join("crt").join(header), "")?;
        }

        let enumeration = slots::header(&exec::read(&workspace.facts().join("kmdf-1.15-slots.csv"))?)?;
        let mut kmdf_changed = exec::write_if_changed(&kmdf.join("wdffuncenum.h"), enumeration)?;
        for header in KMDF_HEADERS {
            kmdf_changed |= exec::write_if_changed(&kmdf.join(header), exec::read(&sources.join(header))?)?;
        }
        for header in KERNEL_HEADERS {
            exec::write_if_changed(&kernel.join(header), exec::read(&sources.join(header))?)?;
        }
        let compat_header = kernel.join("compat.h");
        let clang_cl = root.join("bin/clang-cl");
        link(&Tool::Clang.path()?, &clang_cl)?;

        let mut tree = Self { arch, root, compat_header, clang_cl, libraries: String::new(), kmdf_changed };
        tree.libraries = tree.make_libraries(&sources)?;
        Ok(tree)
    }

    /// The folders to search for headers, in wdk-build's order.
    pub(crate) fn include_dirs(&self) -> [PathBuf; 4] {
        let kit = self.root.join("Include").join(KIT);
        [kit.join("km/crt"), kit.join("km"), kit.join("shared"), self.root.join("Include/wdf/kmdf/1.15")]
    }

    /// clang, set up to compile C for the driver's target with this tree's headers.
    pub(crate) fn clang(&self) -> Result<Command> {
        let mut clang = Tool::Clang.command()?;
        clang.arg(format!("--target={}", self.arch.target()));
        clang.args(["-std=c17", "-nostdinc", "-fms-extensions", "-D_KERNEL_MODE"]);
        clang.args(self.arch.macros()).args(["-Wno-implicit-function-declaration", "-include"]);
        clang.arg(&self.compat_header);
        for dir in self.include_dirs() {
            clang.arg("-isystem").arg(dir);
        }
        Ok(clang)
    }

    fn make_libraries(&self, sources: &Path) -> Result<String> {
        let kernel = self.root.join("Lib").join(KIT).join("km").join(self.arch.folder());
        let kmdf = self.root.join("Lib/wdf/kmdf").join(self.arch.folder()).join("1.15");
        let stamp = kernel.join("libraries.sha256");
        let digest = self.link_inputs(sources)?;
        if fs::read_to_string(&stamp).is_ok_and(|made_from| made_from == digest) {
            return Ok(digest);
        }
        exec::create_dir(&kernel)?;
        exec::create_dir(&kmdf)?;
        let def = self.root.join(format!("ntoskrnl-{}.def", self.arch.folder()));
        exec::write_if_changed(&def, ntoskrnl::module_definition(self.arch))?;
        self.import_library(&def, &kernel.join("ntoskrnl.lib"))?;
        self.import_library(&sources.join("WdfLdr.def"), &kmdf.join("WdfLdr.lib"))?;
        for name in EMPTY_LIBRARIES {
            let def = self.root.join(format!("{name}.def"));
            exec::write_if_changed(&def, format!("LIBRARY {name}.sys\nEXPORTS\n"))?;
            self.import_library(&def, &kernel.join(format!("{name}.lib")))?;
        }
        for (name, folder, library) in OBJECTS {
            let folder = match folder {
                Place::Kernel => &kernel,
                Place::Kmdf => &kmdf,
            };
            self.object_library(&sources.join(name).with_extension("c"), name, folder, library)?;
        }
        exec::write_if_changed(&stamp, &digest)?;
        Ok(digest)
    }

    /// A library with one object. Both are made in their folder, because the library has the object's name as it is
    /// given, and the PDB has it from there. Without debug information, which would have the name that a distribution
    /// gives its clang: the PDB's digest is in the image.
    fn object_library(&self, source: &Path, object: &str, folder: &Path, library: &str) -> Result<()> {
        let object = format!("{object}.obj");
        let mut clang = self.clang()?;
        clang.args([
            "-O2",
            "-c",
            "-Wall",
            "-Wextra",
            "-Werror",
            "-fno-stack-protector",
            "-Xclang",
            "-cfguard",
        ]);
        exec::run_quietly(clang.arg(source).arg("-o").arg(&object).current_dir(folder))?;
        let mut lib = Tool::Lib.command()?;
        exec::run_quietly(lib.current_dir(folder).arg(format!("/out:{library}.lib")).arg(object))
    }

    /// A digest of what the libraries are made from.
    fn link_inputs(&self, sources: &Path) -> Result<String> {
        let kmdf = self.root.join("Include/wdf/kmdf/1.15");
        let mut digest = Sha256::new();
        digest.update(ntoskrnl::module_definition(self.arch));
        for name in ["WdfLdr.def", "driver_entry.c", "load_config.c"].iter().chain(KERNEL_HEADERS) {
            digest.update(exec::read(&sources.join(name))?);
        }
        for name in KMDF_HEADERS.iter().chain(&["wdffuncenum.h"]) {
            digest.update(exec::read(&kmdf.join(name))?);
        }
        digest.update(include_str!("wdk_tree.rs"));
        digest.update(include_str!("linker.rs"));
        Ok(hex(&digest.finalize()))
    }

    fn import_library(&self, def: &Path, library: &Path) -> Result<()> {
        let mut dlltool = Tool::Dlltool.command()?;
        dlltool.args(["-m", self.arch.dlltool(), "-d"]).arg(def).arg("-l").arg(library);
        exec::run_quietly(&mut dlltool)
    }
}

/// The text of `wdm.h` as it is meant.
fn as_meant(mut header: String) -> Result<String> {
    for &(written, meant, times) in MEANT {
        let found = header.matches(written).count();
        ensure!(
            found == times,
            "mingw-w64's {WDM} has changed: «{written}» occurs {found} times, not {times}; adapt MEANT in \
             xtask/src/build/wdk_tree.rs"
        );
        header = header.replace(written, meant);
    }
    Ok(header)
}

/// Removes a link, so that writing to its place does not write to where it leads.
fn forget_link(place: &Path) -> Result<()> {
    if place.is_symlink() {
        fs::remove_file(place).with_context(|| format!("cannot remove {}", place.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{MEANT, as_meant};

    #[test]
    fn what_names_architectures_is_replaced_or_refused() {
        let header: String =
            MEANT.iter().map(|(written, _, times)| format!("{written}\n").repeat(*times)).collect();
        let meant = as_meant(header).expect("each condition occurs as often as it should");
        assert_eq!(meant.matches("#if !defined(_WIN64)\n").count(), 5);
        assert_eq!(meant.matches("#elif !defined(_X86_)\n  ULONG Dummy;\n").count(), 1);
        assert!(!meant.contains("_AMD64_") && !meant.contains("_IA64_"), "{meant}");

        let error = as_meant(String::new()).expect_err("no condition occurs").to_string();
        assert!(
            error.contains("mingw-w64's wdm.h has changed") && error.contains("0 times, not 5"),
            "{error}"
        );
    }
}
