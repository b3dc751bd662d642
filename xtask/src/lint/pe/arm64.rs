//! Checks of code for arm64 that do not follow it: every instruction has four bytes, so all words of an
//! executable section can be checked one by one.

use super::{Pe, Report};

/// Rules that x86-64 has too, where the code is followed; here they are applied to every word.
pub(super) const RULES: &[&str] = &["code-traps", "code-privileged"];

/// Linkers pad with zeros, which would trap if they were run; only these are not a violation.
const PADDING: u32 = 0;

pub(super) fn check(pe: &Pe<'_>, report: &mut Report) {
    let mut instructions = 0_usize;
    for section in pe.sections.iter().filter(|section| section.runs()) {
        for (word, rva) in section.data.as_chunks().0.iter().zip((section.range.start..).step_by(4)) {
            let word = u32::from_le_bytes(*word);
            if word == PADDING {
                continue;
            }
            report.check("code-traps", !traps(word), || format!("{word:08x} at {rva:#x} traps"));
            report.check("code-privileged", !is_privileged(word), || {
                format!("{word:08x} at {rva:#x} is for the kernel proper")
            });
            instructions += 1;
        }
    }
    report.figure("instructions", instructions);
}

/// svc, hvc, smc, brk, hlt, dcps, and udf, which is no instruction at all.
fn traps(word: u32) -> bool {
    word >> 24 == 0xd4 || word >> 16 == 0
}

/// eret, drps, wfe, wfi, and whatever reads or writes a system register; barriers and other hints are not.
fn is_privileged(word: u32) -> bool {
    let returns_from_exception = word & 0xffc0_0000 == 0xd680_0000;
    let system = word & 0xffc0_0000 == 0xd500_0000;
    let hint_or_barrier = matches!(word >> 12, 0xd5032 | 0xd5033);
    let waits = matches!(word, 0xd503_205f | 0xd503_207f);
    returns_from_exception || (system && !hint_or_barrier) || waits
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use object::pe;

    use super::super::sample::{ENTRY, LEAF, Sample, TEXT_END, seal};
    use super::super::tests::{names, patch, report_with};
    use super::super::{imports, not_applicable};
    use super::{is_privileged, traps};
    use crate::build::Arch;

    #[test]
    fn traps_are_told_from_other_instructions() {
        // svc #0, hvc #0, smc #0, brk #1, hlt #0, dcps1, udf #1
        for word in
            [0xd400_0001, 0xd400_0002, 0xd400_0003, 0xd420_0020, 0xd440_0000, 0xd4a0_0001, 0x0000_0001]
        {
            assert!(traps(word), "{word:08x}");
        }
        // ret, nop, bl, and brk as data of movz
        for word in [0xd65f_03c0, 0xd503_201f, 0x9400_0001, 0xd284_0020] {
            assert!(!traps(word), "{word:08x}");
        }
    }

    #[test]
    fn privileged_instructions_are_told_from_barriers() {
        // eret, drps, wfe, wfi, msr daifset, mrs x0 tpidr_el1, tlbi vmalle1, dc civac
        for word in [
            0xd69f_03e0,
            0xd6bf_03e0,
            0xd503_205f,
            0xd503_207f,
            0xd503_42df,
            0xd538_d080,
            0xd508_871f,
            0xd50b_7e20,
        ] {
            assert!(is_privileged(word), "{word:08x}");
        }
        // dmb ish, isb, clrex, nop, yield, br, blr, ret
        for word in [
            0xd503_3bbf,
            0xd503_3fdf,
            0xd503_3f5f,
            0xd503_201f,
            0xd503_203f,
            0xd61f_0000,
            0xd63f_0000,
            0xd65f_03c0,
        ] {
            assert!(!is_privileged(word), "{word:08x}");
        }
    }

    /// The same file, as one for arm64 with nothing but returns for code. It imports this as well.
    fn for_arm64(extra: &str) -> Vec<u8> {
        let mut sample = Sample::new();
        let listed: Vec<_> = imports::wanted(Arch::Arm64).map(|(_, name)| name).chain([extra]).collect();
        for (_, names) in &mut sample.imports {
            names.retain(|name| listed.contains(&name.as_str()));
        }
        sample.headers.machine = pe::IMAGE_FILE_MACHINE_ARM64;
        let mut image = sample.build();
        for rva in (ENTRY..TEXT_END).step_by(4) {
            patch(&mut image, rva, &RET.to_le_bytes());
        }
        seal(&mut image);
        image
    }

    const RET: u32 = 0xd65f_03c0;

    #[test]
    fn an_image_for_arm64_is_checked_by_the_applicable_rules() {
        let listed = || imports::wanted(Arch::Arm64).map(|(_, name)| name);
        let image = for_arm64("");
        let report = report_with(&image, Arch::Arm64, listed());
        assert_eq!(report.violations, Vec::<String>::new());
        // The image made here exports nothing.
        let applied = report.applied.iter().copied().chain(["image-exports"]);
        let of_code = |name: &&str| {
            ["unwind-", "code-", "calls-", "stack-", "guard-starts"]
                .iter()
                .any(|group| name.starts_with(group))
        };
        let expected = names().filter(|name| !of_code(name)).chain(["code-traps", "code-privileged"]);
        assert_eq!(applied.clone().collect::<BTreeSet<_>>(), expected.collect());
        let all: BTreeSet<_> = not_applicable(Arch::Arm64).chain(applied).collect();
        assert_eq!(all, names().collect(), "every rule is applied, or named as not applicable");
        assert_eq!(not_applicable(Arch::X64).next(), None);

        // brk #1, mrs x0 tpidr_el1
        for (rule, word) in [("code-traps", 0xd420_0020_u32), ("code-privileged", 0xd538_d080)] {
            let mut broken = image.clone();
            patch(&mut broken, LEAF, &word.to_le_bytes());
            seal(&mut broken);
            let found = report_with(&broken, Arch::Arm64, listed()).violations;
            assert!(found.len() == 1 && found[0].starts_with(rule), "{rule}: {found:?}");
        }
        // On arm64 the HAL had it before Windows 10 2004.
        let image = for_arm64("KeGetCurrentIrql");
        let found = report_with(&image, Arch::Arm64, listed().chain(["KeGetCurrentIrql"])).violations;
        let expected = "imports-allowed: the image imports ntoskrnl.exe!KeGetCurrentIrql";
        assert_eq!(found, [expected]);
        let wrong = report_with(&image, Arch::X64, listed()).violations;
        assert!(wrong.iter().any(|violation| violation.starts_with("image-machine")), "{wrong:?}");
    }
}
