//! The image that is to be installed: whether it is a driver, for this machine's processor, and where it lies.

use object::{Architecture, BinaryFormat, File, Object};
use std::fmt::{self, Display, Formatter};
use std::path::{Path, PathBuf};
use std::{fs, io};

/// A processor that Windows runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Machine {
    /// 64-bit Intel and AMD.
    Amd64,
    /// 64-bit Arm.
    Arm64,
    /// Any other.
    Other,
}

/// Why an image is not installed.
#[derive(Debug)]
pub enum Unfit {
    /// It cannot be read.
    Unreadable {
        /// Where it should be.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// It is no PE image.
    NoImage(PathBuf),
    /// It is a PE image, but no driver: its subsystem is not native.
    NoDriver(PathBuf),
    /// It is for another processor.
    Machine {
        /// Its own.
        image: Machine,
        /// This machine's.
        here: Machine,
    },
    /// Its path is not Unicode.
    Path(PathBuf),
}

/// The absolute path of an image that this machine could load, by its headers.
///
/// # Errors
/// Why it could not.
pub fn installable(path: &Path, here: Machine) -> Result<String, Unfit> {
    let unreadable = |error| Unfit::Unreadable { path: path.to_owned(), error };
    let bytes = fs::read(path).map_err(unreadable)?;
    let file = File::parse(&*bytes).map_err(|_| Unfit::NoImage(path.to_owned()))?;
    let machine = match (file.format(), file.architecture()) {
        (BinaryFormat::Pe, Architecture::X86_64) => Machine::Amd64,
        (BinaryFormat::Pe, Architecture::Aarch64) => Machine::Arm64,
        (BinaryFormat::Pe, _) => Machine::Other,
        _ => return Err(Unfit::NoImage(path.to_owned())),
    };
    if machine != here {
        return Err(Unfit::Machine { image: machine, here });
    }
    if !is_native(&file) {
        return Err(Unfit::NoDriver(path.to_owned()));
    }
    let absolute = std::path::absolute(path).map_err(unreadable)?;
    absolute.into_os_string().into_string().map_err(|path| Unfit::Path(path.into()))
}

/// Whether two paths of images name one place, whatever prefix the object manager's or Win32's rules gave them.
pub fn same_path(one: &str, other: &str) -> bool {
    plain(one).eq_ignore_ascii_case(plain(other))
}

/// Whether an image lies in the driver store, where only an installation of a driver package puts it.
pub fn in_driver_store(path: &str) -> bool {
    path.to_ascii_lowercase().contains(r"\driverstore\filerepository\")
}

/// The path as a person writes it.
pub fn plain(path: &str) -> &str {
    [r"\??\", r"\\?\", r"\\.\"].iter().find_map(|prefix| path.strip_prefix(prefix)).unwrap_or(path)
}

fn is_native(file: &File<'_>) -> bool {
    use object::pe::IMAGE_SUBSYSTEM_NATIVE;
    use object::read::pe::ImageNtHeaders;
    use object::read::pe::ImageOptionalHeader;
    matches!(file, File::Pe64(pe) if pe.nt_headers().optional_header().subsystem() == IMAGE_SUBSYSTEM_NATIVE)
}

impl Display for Machine {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Amd64 => "x86-64",
            Self::Arm64 => "arm64",
            Self::Other => "another processor",
        })
    }
}

/// One sentence: what is wrong, and what to do.
impl Display for Unfit {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let another = "--image names another";
        match self {
            Self::Unreadable { path, error } if error.kind() == io::ErrorKind::NotFound => {
                write!(f, "there is no image {}; `cargo xtask build` makes one, {another}", path.display())
            }
            Self::Unreadable { path, error } => {
                write!(f, "cannot read the image {}: {error}; {another}", path.display())
            }
            Self::NoImage(path) => write!(f, "{} is no PE image; {another}", path.display()),
            Self::NoDriver(path) => {
                write!(f, "{} is a program or a library, not a driver; {another}", path.display())
            }
            Self::Machine { image, here } => {
                write!(f, "the image is for {image} and this machine is {here}; --image names one that fits")
            }
            Self::Path(path) => {
                write!(f, "{} cannot be written in Unicode; put the image elsewhere", path.display())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Machine, Unfit, in_driver_store, installable, plain, same_path};
    use std::env;
    use std::fs;
    use std::path::PathBuf;

    /// The headers of a PE image: `machine` and `subsystem` as the format has them.
    fn pe(machine: u16, subsystem: u16) -> Vec<u8> {
        let mut bytes = vec![0; 0x400];
        let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
        put(0, b"MZ");
        put(0x3C, &0x80_u32.to_le_bytes());
        put(0x80, b"PE\0\0");
        put(0x84, &machine.to_le_bytes());
        // Size of the optional header, and its magic: 64 bits.
        put(0x94, &0xF0_u16.to_le_bytes());
        put(0x98, &0x20B_u16.to_le_bytes());
        put(0x98 + 68, &subsystem.to_le_bytes());
        put(0x98 + 108, &16_u32.to_le_bytes());
        bytes
    }

    fn file(name: &str, bytes: &[u8]) -> PathBuf {
        let folder = env::temp_dir().join(format!("psimp-image-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let path = folder.join(name);
        fs::write(&path, bytes).expect("it is written");
        path
    }

    #[test]
    fn a_driver_for_this_machine_is_installable() {
        let path = file("a.sys", &pe(0x8664, 1));
        assert_eq!(installable(&path, Machine::Amd64).expect("it is"), path.to_str().expect("Unicode"));
        let path = file("b.sys", &pe(0xAA64, 1));
        assert_eq!(installable(&path, Machine::Arm64).expect("it is"), path.to_str().expect("Unicode"));
    }

    #[test]
    fn another_machine_is_told() {
        let path = file("c.sys", &pe(0xAA64, 1));
        let unfit = installable(&path, Machine::Amd64).expect_err("it is for arm64");
        assert_eq!(
            unfit.to_string(),
            "the image is for arm64 and this machine is x86-64; --image names one that fits"
        );
        let path = file("d.sys", &pe(0x8664, 1));
        assert!(matches!(installable(&path, Machine::Arm64), Err(Unfit::Machine { .. })));
    }

    #[test]
    fn a_program_is_no_driver_and_text_is_no_image() {
        let path = file("e.exe", &pe(0x8664, 3));
        assert!(matches!(installable(&path, Machine::Amd64), Err(Unfit::NoDriver(_))));
        let path = file("f.txt", b"no image at all");
        assert!(matches!(installable(&path, Machine::Amd64), Err(Unfit::NoImage(_))));
        let path = file("g.sys", b"");
        assert!(matches!(installable(&path, Machine::Amd64), Err(Unfit::NoImage(_))));
    }

    #[test]
    fn prefixes_make_no_other_path() {
        assert!(same_path(r"\??\C:\a\psimp.sys", r"c:\A\psimp.sys"));
        assert!(!same_path(r"C:\a\psimp.sys", r"C:\b\psimp.sys"));
        assert_eq!(plain(r"\??\C:\a.sys"), r"C:\a.sys");
        assert!(in_driver_store(r"\SystemRoot\System32\DriverStore\FileRepository\x\psimp.sys"));
        assert!(!in_driver_store(r"C:\x\psimp.sys"));
    }
}
