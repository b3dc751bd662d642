//! Every rule about the INF is broken at least once in a copy of it, and reports it.

use std::collections::BTreeSet;

use super::{RULES, Report, check_bytes};

const COMMITTED: &str = include_str!("../../../../inf/psimp.inx");

/// A rule, and what to replace in the INF by what to break it.
const BROKEN: &[(&str, &str, &str)] = &[
    ("inf-encoding", "Thread impersonation\"", "Thread-Identitätswechsel\""),
    ("inf-encoding", "; psimp.sys as", "\u{feff}; psimp.sys as"),
    ("inf-lines", "[Version]\r\n", "[Version]\n"),
    ("inf-lines", "Class       = ", "Class\t= "),
    ("inf-syntax", "[Strings]", "[Strings"),
    ("inf-syntax", "; psimp.sys as", "x = 1 ; psimp.sys as"),
    ("inf-syntax", "\"psimp contributors\"", "\"psimp contributors"),
    (
        "inf-syntax",
        "AddService = PsImpersonate,,Service_Inst",
        "AddService = PsImpersonate,,\\\r\nService_Inst",
    ),
    ("inf-repeated", "[SourceDisksFiles]", "[SourceDisksNames]"),
    ("inf-repeated", "PnpLockdown = 1", "PnpLockdown = 1\r\npnplockdown = 0"),
    ("inf-variables", "DriverVer   = 01/01/2026", "DriverVer   = $DATE$"),
    ("inf-strings", "Provider    = \"", "Maker = \""),
    ("inf-strings", "%13%\\psimp.sys", "%SystemRoot%\\psimp.sys"),
    ("inf-strings-used", "[Strings]", "[Strings]\r\nOther = \"x\""),
    ("inf-signature", "$Windows NT$", "$Windows 95$"),
    ("inf-class", "= System", "= Net"),
    ("inf-class", "{4d36e97d-", "{4d36e972-"),
    ("inf-provider", "\"psimp contributors\"", "\"Microsoft\""),
    ("inf-provider", "Provider    = %Provider%", "Provider    = somebody"),
    ("inf-catalog", "CatalogFile = psimp.cat", ""),
    ("inf-version", "01/01/2026", "2026-01-01"),
    ("inf-version", "01/01/2026", "13/01/2026"),
    ("inf-version", concat!(",", env!("CARGO_PKG_VERSION"), ".0"), concat!(",", env!("CARGO_PKG_VERSION"))),
    ("inf-lockdown", "PnpLockdown = 1", ""),
    ("inf-lockdown", "PnpLockdown = 1", "PnpLockdown = 0"),
    ("inf-no-device", "[Strings]", "[Manufacturer]\r\n%Provider% = Models,NTamd64\r\n[Strings]"),
    ("inf-no-device", "[Strings]", "[ClassInstall32]\r\nAddReg = x\r\n[Strings]"),
    ("inf-decorated", "[DefaultInstall.NTarm64]", "[DefaultInstall]"),
    ("inf-decorated", "[DefaultInstall.NTarm64]", "[DefaultInstall.NT]"),
    ("inf-decorated", "[DefaultUninstall.NTamd64.Services]", "[DefaultUninstall.Services]"),
    ("inf-directives", "LegacyUninstall = 1", "LegacyUninstall = 1\r\nDelFiles = Driver_Files"),
    ("inf-directives", "CopyFiles = Driver_Files", "CopyFiles = Driver_Files\r\nRegisterDlls = Driver_Files"),
    ("inf-directives", "ServiceType   = 1", "ServiceType   = 1\r\nLoadOrderGroup = Base"),
    ("inf-copy", "[Driver_Files]", "[Driver_Files]\r\nother.sys"),
    ("inf-copy", "CopyFiles = Driver_Files", ""),
    ("inf-destination", "DefaultDestDir = 13", "DefaultDestDir = 12"),
    ("inf-destination", "DefaultDestDir = 13", "DefaultDestDir = 13,sub"),
    ("inf-destination", "DefaultDestDir = 13", "DefaultDestDir = 13\r\nDriver_Files = 10,drivers"),
    ("inf-destination", "[Driver_Files]\r\npsimp.sys", "[Driver_Files]\r\npsimp.sys,other.sys"),
    ("inf-source", "psimp.sys = 1", ""),
    ("inf-source", "psimp.sys = 1", "psimp.sys = 2"),
    ("inf-source", "psimp.sys = 1", "psimp.sys = 1,x64"),
    ("inf-source", "psimp.sys = 1", "psimp.sys = 1\r\nother.sys = 1"),
    ("inf-referenced", "[Driver_Files]", "[Files]"),
    ("inf-referenced", "[Service_Inst]", "[Service]"),
    ("inf-unreferenced", "[SourceDisksNames]", "[Other]\r\nx = 1\r\n[SourceDisksNames]"),
    ("inf-service", "AddService = PsImpersonate,,", "AddService = PsImpersonate,2,"),
    ("inf-service", "AddService = PsImpersonate,,", "AddService = Other,,"),
    ("inf-service", "AddService = PsImpersonate,,Service_Inst", ""),
    ("inf-service-binary", "%13%\\psimp.sys", "%12%\\psimp.sys"),
    ("inf-service-binary", "%13%\\psimp.sys", "%13%\\other.sys"),
    ("inf-service-type", "ServiceType   = 1", "ServiceType   = 2"),
    ("inf-service-start", "StartType     = 3", "StartType     = 0"),
    ("inf-service-error", "ErrorControl  = 1", "ErrorControl  = 3"),
    (
        "inf-registry",
        "[Strings]",
        "[Regs]\r\nHKLM,SYSTEM\\CurrentControlSet\\Services\\PsImpersonate,x,,y\r\n[Strings]",
    ),
    (
        "inf-no-coinstaller",
        "[Strings]",
        "[DefaultInstall.NTamd64.CoInstallers]\r\nCopyFiles = x\r\n[Strings]",
    ),
    ("inf-no-coinstaller", "[Strings]", "[Regs]\r\nHKR,,CoInstallers32,0x00010000,\"x.dll\"\r\n[Strings]"),
    ("inf-no-coinstaller", "[Driver_Files]", "[Driver_Files]\r\nWdfCoInstaller01011.dll"),
    ("inf-kmdf", "[Strings]", "[DefaultInstall.NTamd64.Wdf]\r\nKmdfService = PsImpersonate,Wdf\r\n[Strings]"),
    ("inf-kmdf", "[Strings]", WDF_33),
    ("inf-uninstall", "LegacyUninstall = 1", "LegacyUninstall = 0"),
    ("inf-uninstall", "LegacyUninstall = 1", ""),
    ("inf-uninstall-pair", "[DefaultUninstall.NTarm64]", "[DefaultUninstall.NTx86]"),
    ("inf-uninstall-pair", "DelService = PsImpersonate", "DelService = Other"),
    ("inf-uninstall-stop", "DelService = PsImpersonate,0x200", "DelService = PsImpersonate"),
];

/// The sections that KMDF has, in another version.
const WDF_33: &str = "[DefaultInstall.NTamd64.Wdf]\r\nKmdfService = PsImpersonate,Wdf\r\n\
    [DefaultInstall.NTarm64.Wdf]\r\nKmdfService = PsImpersonate,Wdf\r\n[Wdf]\r\nKmdfLibraryVersion = 1.33\r\n[Strings]";

fn report(text: &str) -> Report {
    let mut report = Report::default();
    check_bytes(text.as_bytes(), &mut report);
    report
}

#[test]
fn the_committed_inf_keeps_every_rule() {
    let report = report(COMMITTED);
    assert_eq!(report.violations, Vec::<String>::new());
    let applied: BTreeSet<_> = report.applied.into_iter().collect();
    assert_eq!(applied, RULES.iter().map(|(name, _)| *name).collect());
}

#[test]
fn every_rule_can_be_broken() {
    let broken: BTreeSet<_> = BROKEN.iter().map(|(rule, ..)| *rule).collect();
    assert_eq!(broken, RULES.iter().map(|(name, _)| *name).collect());
}

#[test]
fn each_broken_rule_is_reported_by_its_name() {
    for (rule, from, to) in BROKEN {
        assert!(COMMITTED.contains(from), "{from} is gone");
        let mut text = COMMITTED.replace(from, to);
        if text.contains("[Regs]") {
            text = text.replace("ServiceType   = 1", "AddReg = Regs\r\nServiceType = 1");
        }
        let found = report(&text).violations;
        let named = found.iter().any(|violation| violation.starts_with(&format!("{rule}: ")));
        assert!(named, "{rule}, by {to:?}: {found:?}");
    }
}

#[test]
fn what_a_package_may_have_is_not_reported() {
    let wdf = WDF_33.replace("1.33", "1.15");
    assert_eq!(report(&COMMITTED.replace("[Strings]", &wdf)).violations, Vec::<String>::new());
    let registry = COMMITTED
        .replace("[Strings]", "[Regs]\r\nHKR,Parameters,x,0x00010001,1\r\n[Strings]")
        .replace("ServiceType   = 1", "AddReg = Regs\r\nServiceType = 1");
    assert_eq!(report(&registry).violations, Vec::<String>::new());
}
