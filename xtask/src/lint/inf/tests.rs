//! Every rule about the INF is broken at least once in a copy of it, and reports it.

use std::collections::BTreeSet;

use super::{RULES, Report, check_bytes, for_arch};
use crate::build::Arch;

const COMMITTED: &str = include_str!("../../../../psimp.inx");

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
    ("inf-variables", "[DefaultInstall.NTamd64]", "[DefaultInstall.NT$ARCH$]"),
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
    ("inf-decorated", "[DefaultInstall.NTamd64]", "[DefaultInstall]"),
    ("inf-decorated", "[DefaultInstall.NTamd64]", "[DefaultInstall.NT]"),
    ("inf-decorated", "[DefaultInstall.NTamd64]", "[DefaultInstall.NTarm64]"),
    ("inf-decorated", "[DefaultInstall.NTamd64.Services]", "[DefaultInstall.NTarm64.Services]"),
    ("inf-decorated", "[Strings]", "[DefaultInstall.NTarm64]\r\nCopyFiles = Driver_Files\r\n[Strings]"),
    ("inf-uninstall", "[Strings]", "[DefaultUninstall.NTamd64]\r\nLegacyUninstall = 1\r\n[Strings]"),
    ("inf-directives", "CopyFiles = Driver_Files", "CopyFiles = Driver_Files\r\nDelFiles = Driver_Files"),
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
    ("inf-kmdf", "[Strings]", "[DefaultInstall.NTamd64.Wdf]\r\nKmdfService = Other,Wdf\r\n[Strings]"),
    ("inf-kmdf", "[Strings]", WDF_33),
];

/// The sections that KMDF has, in another version.
const WDF_33: &str = "[DefaultInstall.NTamd64.Wdf]\r\nKmdfService = PsImpersonate,Wdf\r\n\
    [Wdf]\r\nKmdfLibraryVersion = 1.33\r\n[Strings]";

/// The INF for x64, to which the replacements are made.
fn committed() -> String {
    for_arch(COMMITTED, Arch::X64)
}

fn report(text: &str) -> Report {
    let mut report = Report::default();
    check_bytes(text.as_bytes(), Arch::X64, &mut report);
    report
}

#[test]
fn the_committed_inf_keeps_every_rule() {
    let report = report(&committed());
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
        assert!(committed().contains(from), "{from} is gone");
        let mut text = committed().replace(from, to);
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
    assert_eq!(report(&committed().replace("[Strings]", &wdf)).violations, Vec::<String>::new());
    let registry = committed()
        .replace("[Strings]", "[Regs]\r\nHKR,Parameters,x,0x00010001,1\r\n[Strings]")
        .replace("ServiceType   = 1", "AddReg = Regs\r\nServiceType = 1");
    assert_eq!(report(&registry).violations, Vec::<String>::new());
}

#[test]
fn an_inf_is_for_the_image_of_its_architecture_alone() {
    for (inf, image) in [(Arch::X64, Arch::Arm64), (Arch::Arm64, Arch::X64)] {
        let of = |arch| {
            let mut report = Report::default();
            check_bytes(for_arch(COMMITTED, inf).as_bytes(), arch, &mut report);
            report.violations
        };
        assert_eq!(of(inf), Vec::<String>::new());
        let wrong = of(image);
        assert!(wrong.iter().any(|violation| violation.starts_with("inf-decorated: ")), "{wrong:?}");
    }
}
