//! The service: how it is added, what it writes to the registry, and how it is removed.

use std::collections::BTreeSet;

use super::{ARCHITECTURES, IMAGE, Inf, SERVICE};

/// The version of the framework that the image binds to.
const KMDF: &str = "1.15";

/// `SPSVCINST_STOPSERVICE`.
const STOP_FIRST: &str = "0x200";

impl Inf<'_> {
    /// The service of one architecture.
    pub(super) fn check_services(&mut self, architecture: &str) {
        let services = format!("defaultinstall.nt{architecture}.services");
        let added = self.values(&services, "addservice");
        // SPSVCINST_ASSOCSERVICE is for the service of a device, SPSVCINST_STARTSERVICE would start it at once.
        let (holds, service) = match added {
            [name, flags, section] => (name == SERVICE && flags.is_empty(), section.to_ascii_lowercase()),
            _ => (false, String::new()),
        };
        self.check("inf-service", holds, || {
            format!("[{services}] addservice is {added:?}, not {SERVICE},,<section>")
        });
        if service.is_empty() {
            return;
        }
        self.referred(&service, &services);
        self.check_value("inf-service-binary", &service, "servicebinary", &format!("%13%\\{IMAGE}"));
        self.check_value("inf-service-type", &service, "servicetype", "1");
        self.check_value("inf-service-start", &service, "starttype", "3");
        self.check_value("inf-service-error", &service, "errorcontrol", "1");
    }

    /// The sections that are referred to as service sections.
    pub(super) fn service_sections(&self) -> BTreeSet<String> {
        let entries = self.parsed.sections.iter().flat_map(|section| &section.entries);
        entries
            .filter(|entry| entry.name == "addservice")
            .map(|entry| entry.value(2).to_ascii_lowercase())
            .collect()
    }

    /// The removal, for Windows before 10 1903.
    pub(super) fn check_uninstall(&mut self, architecture: &str) {
        let uninstall = format!("defaultuninstall.nt{architecture}");
        let exists = self.exists(&uninstall);
        self.check("inf-uninstall-pair", exists, || format!("[{uninstall}] is missing"));
        self.check_value("inf-uninstall", &uninstall, "legacyuninstall", "1");
        let services = format!("{uninstall}.services");
        let deleted = self.values(&services, "delservice");
        self.check("inf-uninstall-pair", deleted.first().is_some_and(|name| name == SERVICE), || {
            format!("[{services}] deletes {deleted:?}, not {SERVICE}")
        });
        self.check("inf-uninstall-stop", deleted.get(1).is_some_and(|flags| flags == STOP_FIRST), || {
            format!("[{services}] delservice is {deleted:?}, without {STOP_FIRST}")
        });
    }

    /// What is written to the registry, from every section.
    pub(super) fn check_registry(&mut self) {
        let mut relative = true;
        let mut coinstaller = None;
        for section in &self.parsed.sections {
            for entry in section.entries.iter().filter(|entry| entry.name == "addreg") {
                for list in &entry.values {
                    for line in self.referred(list, &section.name) {
                        relative &= line.value(0).eq_ignore_ascii_case("HKR");
                        let named =
                            line.values.iter().any(|value| value.eq_ignore_ascii_case("CoInstallers32"));
                        coinstaller = coinstaller.or(named.then(|| list.clone()));
                    }
                }
            }
            let copies = |value: &String| value.to_ascii_lowercase().starts_with("wdfcoinstaller");
            let is_coinstaller = section.name.ends_with(".coinstallers")
                || section.entries.iter().any(|entry| entry.values.iter().any(copies) || copies(&entry.name));
            coinstaller = coinstaller.or(is_coinstaller.then(|| section.name.clone()));
        }
        self.check("inf-registry", relative, || "the registry is written outside HKR".to_owned());
        self.check("inf-no-coinstaller", coinstaller.is_none(), || {
            format!("[{}] has a co-installer", coinstaller.unwrap_or_default())
        });
    }

    /// The sections for KMDF: none, or whole ones.
    pub(super) fn check_kmdf(&mut self) {
        let sections =
            ARCHITECTURES.iter().map(|architecture| format!("defaultinstall.nt{architecture}.wdf"));
        let wdf: Vec<_> = sections.collect();
        let there = wdf.iter().filter(|section| self.exists(section)).count();
        self.check("inf-kmdf", there == 0 || there == wdf.len(), || {
            "one architecture has a .Wdf section and the other has none".to_owned()
        });
        for section in wdf.iter().filter(|_| there > 0) {
            let [service, settings] = self.values(section, "kmdfservice") else {
                self.check("inf-kmdf", false, || format!("[{section}] has no KmdfService"));
                continue;
            };
            self.check("inf-kmdf", service == SERVICE, || format!("[{section}] is of {service}"));
            self.referred(settings, section);
            self.check_value("inf-kmdf", settings, "kmdflibraryversion", KMDF);
        }
    }
}
