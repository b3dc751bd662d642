//! What is installed, from where and to where.

use std::collections::BTreeSet;

use super::{IMAGE, Inf};

/// The driver store, where a package has to stay since Windows 10 1903.
const DRIVER_STORE: &str = "13";

/// Sections of an INF that installs devices, or a class of them, by the beginnings of their names.
const OF_DEVICES: &[&str] = &[
    "manufacturer",
    "classinstall32",
    "interfaceinstall32",
    "controlflags",
    "signatureattributes",
    "installs",
];

/// The directives that each kind of section may have: by its name, where that of the installation is left out.
const DIRECTIVES: &[(&str, &[&str])] = &[
    ("version", &["signature", "class", "classguid", "provider", "catalogfile", "driverver", "pnplockdown"]),
    ("(install)", &["copyfiles", "addreg"]),
    ("(install).services", &["addservice"]),
    ("(install).wdf", &["kmdfservice"]),
    // Those that AddService names.
    (
        "(service)",
        &[
            "displayname",
            "description",
            "servicetype",
            "starttype",
            "errorcontrol",
            "servicebinary",
            "addreg",
        ],
    ),
];

impl Inf<'_> {
    /// Which sections Windows begins with.
    pub(super) fn check_entry_points(&mut self) {
        let install = self.install;
        let exists = self.exists(install);
        self.check("inf-decorated", exists, || format!("[{install}] is missing"));
        for section in &self.parsed.sections {
            let name = section.name.as_str();
            self.check("inf-uninstall", !name.starts_with("defaultuninstall"), || {
                format!("[{name}] is not for Windows 10 1903 and later")
            });
            if name.starts_with("defaultinstall") {
                let known = self.kind(name).is_some();
                self.check("inf-decorated", known, || format!("[{name}] is not of [{install}]"));
                // Windows itself looks for it.
                if known {
                    self.used.insert(name.to_owned());
                }
            }
            let of_device = OF_DEVICES.iter().any(|prefix| name.starts_with(prefix))
                || name.rsplit('.').next() == Some("hw");
            self.check("inf-no-device", !of_device, || format!("[{name}] is for INFs that install devices"));
        }
    }

    /// The files.
    pub(super) fn check_copies(&mut self) {
        let install = self.install;
        let lists = self.values(install, "copyfiles");
        let mut copied = BTreeSet::new();
        for list in lists {
            for file in self.referred(list, install) {
                // destination, source, temporary name, flags
                let renamed = !matches!(file.value(1), "" | IMAGE);
                self.check("inf-destination", !renamed, || {
                    format!("[{list}] copies {} as {}", file.value(1), file.value(0))
                });
                copied.insert(file.value(0).to_ascii_lowercase());
            }
            self.check_destination(list);
        }
        let just_the_image = copied.len() == 1 && copied.contains(IMAGE);
        self.check("inf-copy", just_the_image, || format!("[{install}] copies {copied:?}, not {IMAGE}"));

        let files = self.entries("sourcedisksfiles");
        let disks = self.entries("sourcedisksnames");
        let listed: BTreeSet<_> = files.iter().map(|file| file.name.clone()).collect();
        self.check("inf-source", listed == copied, || {
            format!("[sourcedisksfiles] has {listed:?}, and {copied:?} are copied")
        });
        for file in files {
            let disk = disks.iter().any(|disk| disk.name == file.value(0));
            // A folder on the disk would be another one in the driver store.
            self.check("inf-source", disk && file.value(1).is_empty(), || {
                format!("[sourcedisksfiles] puts {} on {:?}", file.name, file.values)
            });
        }
    }

    fn check_destination(&mut self, list: &str) {
        let named = self.values("destinationdirs", &list.to_ascii_lowercase());
        let destination =
            if named.is_empty() { self.values("destinationdirs", "defaultdestdir") } else { named };
        let stored = matches!(destination, [folder] if folder == DRIVER_STORE);
        self.check("inf-destination", stored, || {
            format!("[{list}] goes to {destination:?}, not to {DRIVER_STORE}")
        });
    }

    /// That no section does anything else.
    pub(super) fn check_directives(&mut self) {
        let services = self.service_sections();
        for section in &self.parsed.sections {
            let kind = if services.contains(&section.name) {
                Some("(service)".to_owned())
            } else {
                self.kind(&section.name)
            };
            let kind = kind.unwrap_or_else(|| section.name.clone());
            let Some((_, allowed)) = DIRECTIVES.iter().find(|(known, _)| *known == kind) else { continue };
            let other = section.entries.iter().find(|entry| !allowed.contains(&entry.name.as_str()));
            self.check("inf-directives", other.is_none(), || {
                format!("[{}] has {}", section.name, other.map_or("", |entry| &entry.name))
            });
        }
    }

    /// What a section is to the installation; none if it is no part of it.
    fn kind(&self, name: &str) -> Option<String> {
        let kind = format!("(install){}", name.strip_prefix(self.install)?);
        DIRECTIVES.iter().any(|(known, _)| *known == kind).then_some(kind)
    }
}
