//! The programs and files that the builds need beside a Rust compiler: where they are looked for, and the
//! packages that contain them.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::system::System;

/// The versions of LLVM that are tried, in this order. From 22 on, libclang makes bindgen yield opaque structures of
/// one byte.
const LLVM: [u32; 4] = [19, 18, 20, 21];

/// What a tool is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// Building and reading the driver.
    Driver,
    /// Building the harness for Windows.
    Windows,
    /// Running that here.
    Wine,
    /// Signing the driver.
    Signing,
    /// Fuzzing: libFuzzer itself is C++.
    Fuzz,
    /// Programs written in Python: the emulator for the driver, and the schemas of the workflows.
    Python,
    /// Looking at the pages that the harness writes.
    Browser,
    /// Building the explorer's module with a compiler that brings no linker for it.
    Explorer,
}

/// A program, library or folder that is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tool {
    Clang,
    Dlltool,
    Lib,
    Readobj,
    /// The compiler of version resources.
    Rc,
    /// Makes an object of a compiled resource, for a linker that reads no other file.
    Cvtres,
    Linker,
    /// The linker of WebAssembly modules, for a compiler that brings none.
    WasmLinker,
    /// What bindgen reads headers with.
    Libclang,
    /// mingw-w64's user-mode headers; the kernel's are in `ddk` below.
    Headers,
    /// The linker of psimp.exe, and the compiler of what Wine lacks.
    Gcc,
    Wine,
    /// Makes the certificate that a bundle is signed with.
    Openssl,
    /// Signs, and verifies signatures.
    Osslsigncode,
    /// The compiler of libFuzzer.
    Cxx,
    /// Runs programs of the Python Package Index.
    Python,
    /// What makes an environment with pip in it.
    Venv,
    /// The browser that opens the reports.
    Chromium,
}

/// How a tool is found.
#[derive(Debug, Clone, Copy)]
enum Place {
    /// A program of LLVM: on PATH with its version or without, or at Debian's place.
    Llvm(&'static str),
    /// A program on PATH, under the first of these names that is there.
    Program(&'static [&'static str]),
    /// libclang, in `LIBCLANG_PATH` or at the systems' places.
    Libclang,
    /// A file below one of these folders; the folder is the result.
    Below(&'static str, &'static [&'static str]),
    /// A module of Python.
    Module(&'static str),
}

/// All that is known of a tool. The packages are Debian's, Fedora's and Arch's, in [`System::ALL`]'s order.
struct Row(Tool, Use, Place, [&'static str; 3]);

const TOOLS: &[Row] = &[
    Row(Tool::Clang, Use::Driver, Place::Llvm("clang"), ["clang-19", "clang", "clang"]),
    Row(Tool::Libclang, Use::Driver, Place::Libclang, ["libclang1-19", "clang-libs", "clang"]),
    Row(Tool::Dlltool, Use::Driver, Place::Llvm("llvm-dlltool"), LLVM_PACKAGES),
    Row(Tool::Lib, Use::Driver, Place::Llvm("llvm-lib"), LLVM_PACKAGES),
    Row(Tool::Readobj, Use::Driver, Place::Llvm("llvm-readobj"), LLVM_PACKAGES),
    Row(Tool::Rc, Use::Driver, Place::Llvm("llvm-rc"), LLVM_PACKAGES),
    Row(Tool::Cvtres, Use::Driver, Place::Llvm("llvm-cvtres"), LLVM_PACKAGES),
    Row(Tool::Linker, Use::Driver, Place::Llvm("lld-link"), LLD_PACKAGES),
    Row(Tool::WasmLinker, Use::Explorer, Place::Llvm("wasm-ld"), LLD_PACKAGES),
    Row(
        Tool::Headers,
        Use::Driver,
        Place::Below("ddk/ntifs.h", HEADERS),
        ["mingw-w64-x86-64-dev", "mingw64-headers", "mingw-w64-headers"],
    ),
    Row(
        Tool::Gcc,
        Use::Windows,
        Place::Program(&["x86_64-w64-mingw32-gcc"]),
        ["gcc-mingw-w64-x86-64", "mingw64-gcc", "mingw-w64-gcc"],
    ),
    Row(Tool::Wine, Use::Wine, Place::Program(&["wine"]), ["wine", "wine", "wine"]),
    Row(Tool::Openssl, Use::Signing, Place::Program(&["openssl"]), ["openssl"; 3]),
    Row(Tool::Osslsigncode, Use::Signing, Place::Program(&["osslsigncode"]), ["osslsigncode"; 3]),
    Row(Tool::Cxx, Use::Fuzz, Place::Program(&["c++"]), ["g++", "gcc-c++", "gcc"]),
    Row(Tool::Python, Use::Python, Place::Program(&["python3"]), ["python3", "python3", "python"]),
    Row(Tool::Venv, Use::Python, Place::Module("ensurepip"), ["python3-venv", "python3", "python"]),
    Row(
        Tool::Chromium,
        Use::Browser,
        Place::Program(&["chromium", "chromium-browser", "google-chrome"]),
        ["chromium"; 3],
    ),
];

const LLVM_PACKAGES: [&str; 3] = ["llvm-19", "llvm", "llvm"];

const LLD_PACKAGES: [&str; 3] = ["lld-19", "lld", "lld"];

const HEADERS: &[&str] = &[
    "/usr/share/mingw-w64/include",
    "/usr/x86_64-w64-mingw32/sys-root/mingw/include",
    "/usr/x86_64-w64-mingw32/include",
];

/// Where the systems put libclang, beside Debian's `/usr/lib/llvm-N/lib`.
const LIBRARIES: &[&str] = &["/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib", "/usr/local/lib"];

impl Tool {
    fn row(self) -> Result<&'static Row> {
        TOOLS.iter().find(|row| row.0 == self).with_context(|| format!("{self:?} is not in TOOLS"))
    }

    /// Where it is.
    pub(crate) fn path(self) -> Result<PathBuf> {
        let row = self.row()?;
        row.2.find().with_context(|| row.missing())
    }

    /// The program, still without arguments.
    pub(crate) fn command(self) -> Result<Command> {
        Ok(Command::new(self.path()?))
    }

    /// Where it is, for variables and messages.
    pub(crate) fn text(self) -> Result<String> {
        let path = self.path()?;
        path.into_os_string().into_string().map_err(|path| anyhow::anyhow!("{} is not UTF-8", path.display()))
    }
}

impl Row {
    /// The message of one that is not there.
    fn missing(&self) -> String {
        let system = System::find();
        let remedy = match system {
            Some(system) => {
                let packages = missing_packages(&[self.1], system);
                format!("install it with: {}, or run: cargo xtask setup", system.command(&packages))
            }
            None => format!("it is in Debian's package {}", self.3[0]),
        };
        format!("{} is missing: {remedy}", self.2)
    }
}

impl Place {
    fn find(self) -> Option<PathBuf> {
        match self {
            Self::Llvm(name) => llvm(name),
            Self::Program(names) => names.iter().find_map(on_path),
            Self::Libclang => libclang(),
            Self::Below(file, folders) => {
                folders.iter().map(PathBuf::from).find(|folder| folder.join(file).exists())
            }
            Self::Module(name) => {
                let python = on_path("python3")?;
                let found = Command::new(python).args(["-c", &format!("import {name}")]).output();
                found.is_ok_and(|output| output.status.success()).then(|| PathBuf::from(name))
            }
        }
    }
}

/// What is missing, and where it was looked for.
impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let versions = LLVM.map(|version| version.to_string()).join(", ");
        match self {
            Self::Llvm(name) => {
                write!(
                    f,
                    "{name} of LLVM {versions} (on PATH as {name}-N or {name}, or in /usr/lib/llvm-N/bin)"
                )
            }
            Self::Program(names) => write!(f, "{} (on PATH)", names.join(" or ")),
            Self::Libclang => write!(
                f,
                "libclang of LLVM {versions} (LIBCLANG_PATH, or in /usr/lib/llvm-N/lib, {})",
                LIBRARIES.join(", ")
            ),
            Self::Below(file, folders) => write!(f, "{file} (in {})", folders.join(", ")),
            Self::Module(name) => write!(f, "Python's module {name}"),
        }
    }
}

fn on_path(name: impl AsRef<OsStr>) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(name.as_ref())).find(|file| file.is_file())
}

/// A program of LLVM, of a version that is tried. Without a number in its name it is asked; some print no version.
fn llvm(name: &str) -> Option<PathBuf> {
    let versioned = LLVM.iter().find_map(|version| {
        let at_debians_place = || Some(PathBuf::from(format!("/usr/lib/llvm-{version}/bin/{name}")));
        on_path(format!("{name}-{version}")).or_else(at_debians_place).filter(|file| file.is_file())
    });
    versioned.or_else(|| {
        on_path(name).filter(|program| {
            let output = Command::new(program).arg("--version").output();
            let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
            text.is_ok_and(|text| major(&text).is_none_or(|version| LLVM.contains(&version)))
        })
    })
}

/// The 19 of `Debian clang version 19.1.7` and `LLD 19.1.7`: the first number with a dot behind it.
fn major(text: &str) -> Option<u32> {
    text.split_whitespace().find_map(|word| word.split_once('.')?.0.parse().ok())
}

/// The library itself, not its folder: there may be several versions in it.
fn libclang() -> Option<PathBuf> {
    if let Some(given) = env::var_os("LIBCLANG_PATH").map(PathBuf::from) {
        return if given.is_file() { Some(given) } else { in_folder(&given, None) };
    }
    LLVM.iter().find_map(|version| {
        let own = PathBuf::from(format!("/usr/lib/llvm-{version}/lib"));
        let folders = std::iter::once(own).chain(LIBRARIES.iter().map(PathBuf::from));
        folders.into_iter().find_map(|folder| in_folder(&folder, Some(*version)))
    })
}

/// A libclang in a folder, of a version if one is asked for.
fn in_folder(folder: &Path, version: Option<u32>) -> Option<PathBuf> {
    let files = fs::read_dir(folder).ok()?.filter_map(|entry| Some(entry.ok()?.path()));
    let mut found: Vec<_> = files
        .filter(|file| {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            let named = name.starts_with("libclang.so") || name.starts_with("libclang-");
            named && name.contains(".so") && !name.starts_with("libclang-cpp")
        })
        .filter(|file| {
            version.is_none() || file.canonicalize().is_ok_and(|file| version_of(&file) == version)
        })
        .collect();
    found.sort();
    found.into_iter().next()
}

/// The 19 of `libclang-19.so.1` and `libclang.so.19.1.7`.
fn version_of(library: &Path) -> Option<u32> {
    let name = library.file_name()?.to_str()?;
    let rest = name.strip_prefix("libclang-").or_else(|| name.strip_prefix("libclang.so."))?;
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// The system's packages of which something is missing, each once.
pub(crate) fn missing_packages(uses: &[Use], system: System) -> Vec<&'static str> {
    let missing = TOOLS.iter().filter(|row| uses.contains(&row.1) && row.2.find().is_none());
    let mut packages: Vec<_> = missing.map(|row| row.3[system as usize]).collect();
    packages.dedup();
    packages
}

/// Fails with the first tool that is missing, and how to get all that are.
pub(crate) fn check(used_for: Use) -> Result<()> {
    let mut of_use = TOOLS.iter().filter(|row| row.1 == used_for);
    match of_use.find(|row| row.2.find().is_none()) {
        None => Ok(()),
        Some(row) => bail!("{}", row.missing()),
    }
}

#[cfg(test)]
mod tests {
    use super::{TOOLS, Tool, major, version_of};
    use std::path::Path;

    #[test]
    fn the_version_of_libclang_is_in_its_name() {
        for (name, version) in [
            ("libclang-19.so.19", Some(19)),
            ("libclang-19.so.1", Some(19)),
            ("libclang-14.so.14.0.6", Some(14)),
            ("libclang.so.20.1.8", Some(20)),
            ("libclang.so", None),
        ] {
            assert_eq!(version_of(&Path::new("/usr/lib").join(name)), version, "{name}");
        }
    }

    #[test]
    fn the_version_of_a_program_is_what_it_prints() {
        for (text, version) in [
            ("Debian clang version 14.0.6\nTarget: x86_64-pc-linux-gnu", Some(14)),
            ("clang version 22.1.0 (Fedora 22.1.0-1.fc44)", Some(22)),
            ("LLD 19.1.7 (compatible with GNU linkers)", Some(19)),
            ("LLVM (http://llvm.org/):\n  LLVM version 18.1.8\n", Some(18)),
            ("OVERVIEW: LLVM Lib", None),
        ] {
            assert_eq!(major(text), version, "{text}");
        }
    }

    #[test]
    fn a_tool_that_is_missing_is_named_with_its_places() {
        let [clang, headers] = [Tool::Clang, Tool::Headers].map(|tool| tool.row().expect("a row"));
        let message = clang.missing();
        assert!(
            message.starts_with(
                "clang of LLVM 19, 18, 20, 21 (on PATH as clang-N or clang, or in /usr/lib/llvm-N/bin) is missing: "
            ),
            "{message}"
        );
        assert!(headers.missing().starts_with("ddk/ntifs.h (in /usr/share/mingw-w64/include, "));
        assert_eq!(TOOLS.len(), 18);
    }
}
