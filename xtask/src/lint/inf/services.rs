//! The service: how it is added, what it writes to the registry, and the framework that it names.

use std::collections::BTreeSet;

use super::{IMAGE, Inf, SERVICE};

/// The version of the framework that the image binds to.
const KMDF: &str = "1.15";

impl Inf<'_> {
    /// The service.
    pub(super) fn check_services(&mut self) {
        let services = format!("{}.services", self.install);
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

    /// The section for KMDF: none, or a whole one.
    pub(super) fn check_kmdf(&mut self) {
        let section = format!("{}.wdf", self.install);
        if !self.exists(&section) {
            return self.check("inf-kmdf", true, String::new);
        }
        let [service, settings] = self.values(&section, "kmdfservice") else {
            return self.check("inf-kmdf", false, || format!("[{section}] has no KmdfService"));
        };
        self.check("inf-kmdf", service == SERVICE, || format!("[{section}] is of {service}"));
        self.referred(settings, &section);
        self.check_value("inf-kmdf", settings, "kmdflibraryversion", KMDF);
    }
}
