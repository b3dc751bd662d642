//! The demo, and that it reports every unexpected outcome.

mod support;

use psimp_harness::cli::Exit;
use psimp_harness::client::Contract;
use psimp_harness::demo::model::{ModelStage, on_stage};
use psimp_harness::demo::{Guest, Scene, Stage, Transcript, model, tell};
use psimp_harness::driver::{Failure, Source};
use psimp_harness::run::Setup;
use psimp_harness::show::view::View;
use psimp_model::Kernel;
use psimp_nt::Status;
use psimp_protocol::wire::Access;
use psimp_protocol::{Ioctl, Operation, RulesMode};
use std::process::Command;
use zerocopy::IntoBytes;

const RULES: [RulesMode; 2] = [RulesMode::Documented, RulesMode::Kernel];

fn on(source: &Source, kernel: Kernel, rules: RulesMode) -> Transcript {
    model::run(&Setup { source: source.clone(), kernel, rules }, "the target")
}

#[test]
fn all_goes_as_it_should_on_every_kernel() {
    for &kernel in Kernel::ALL {
        for rules in RULES {
            let told = on(&Source::Service, kernel, rules);
            assert_eq!(told.differences, [""; 0], "{kernel:?} {rules:?}\n{}", told.text);
            assert_eq!(told.exit(), Exit::Passed);
            assert!(told.text.ends_with("\n\nEvery step had the expected outcome.\n"), "{}", told.text);
        }
    }
}

#[test]
#[ignore = "needs psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn image_and_model_tell_the_same() {
    let image = support::image();
    for &kernel in Kernel::ALL {
        for rules in RULES {
            let told = on(&Source::Image(image.clone()), kernel, rules);
            assert_eq!(told, on(&Source::Service, kernel, rules), "{kernel:?} {rules:?}");
        }
    }
}

#[test]
fn every_level_allows_more_than_the_one_below() {
    let told = on(&Source::Service, Kernel::Win10, RulesMode::Documented);
    for line in [
        "  Anonymous       no        no                   no                  no\n",
        "  Identification  yes       no                   no                  no\n",
        "  Impersonation   yes       yes                  yes                 no\n",
        "  Delegation      yes       yes                  yes                 yes\n",
    ] {
        assert!(told.text.contains(line), "{line} is not in\n{}", told.text);
    }
    for (heading, seen) in [
        (
            "1. Anonymous",
            "impersonates at Anonymous level; opening the token fails: STATUS_CANT_OPEN_ANONYMOUS\n",
        ),
        (
            "2. Identification",
            "104      impersonation  Identification  DEMO\\alice  0xc1      Medium     1\n",
        ),
        ("3. Impersonation", "104      impersonation  Impersonation  DEMO\\alice  0xc1      Medium     1\n"),
        ("4. Delegation", "104      impersonation  Delegation  DEMO\\alice  0xc1      Medium     1\n"),
        ("5. A server", "SERVE at Impersonation returns STATUS_BAD_IMPERSONATION_LEVEL.\n"),
        ("6. A client", "104      impersonation  Identification  DEMO\\bob    0xe1      Medium     1\n"),
        ("7. A client", "The next SERVE of this connection returns STATUS_NOT_FOUND.\n"),
    ] {
        let (_, chapter) = told.text.split_once(heading).expect("a chapter");
        let (chapter, _) =
            chapter.split_once("\n--").and_then(|(_, text)| text.split_once("\n--")).expect("two headings");
        assert!(chapter.contains(seen), "{seen} is not in\n{chapter}");
        assert!(chapter.contains("  104      does not impersonate\n"), "{chapter}");
    }
}

#[test]
fn who_the_server_may_be_depends_on_whose_rules_count() {
    for (kernel, rules, stored) in [
        (Kernel::Win10, RulesMode::Documented, "Identification, by the driver's rule: user SID"),
        (Kernel::Win10, RulesMode::Kernel, "Impersonation, as the kernel decided"),
        (Kernel::Documented, RulesMode::Kernel, "Identification, as the kernel decided"),
    ] {
        let told = on(&Source::Service, kernel, rules);
        let (_, chapter) = told.text.split_once("6. A client of another user").expect("the chapter");
        assert!(chapter.contains(&format!("what is stored: {stored}.\n")), "{stored} is not in\n{chapter}");
    }
}

/// The wrong outcome that a stage reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lie {
    EveryDocumentOpens,
    NobodyIsRead,
    RevertDoesNothing,
    NobodyConnects,
}

/// A stage with an unexpected outcome.
struct Lying<'a> {
    stage: ModelStage<'a>,
    lie: Lie,
}

impl Contract for Lying<'_> {
    fn about(&self) -> u64 {
        self.stage.about()
    }

    fn control(&self, code: u32, input: &[u8], output: &mut [u8]) -> Result<usize, Failure> {
        if self.lie == Lie::EveryDocumentOpens && code == Ioctl::of(Operation::AccessCheck).code() {
            output.copy_from_slice(Access { granted: 3, status: 0 }.as_bytes());
            return Ok(output.len());
        }
        if self.lie == Lie::RevertDoesNothing && code == Ioctl::of(Operation::Revert).code() {
            return Ok(output.len());
        }
        self.stage.control(code, input, output)
    }
}

impl Stage for Lying<'_> {
    fn scene(&self) -> &Scene {
        self.stage.scene()
    }

    fn connect(&mut self, guest: Guest, flags: u32) -> Result<(), Failure> {
        if self.lie == Lie::NobodyConnects {
            return Err(Status::ACCESS_DENIED.into());
        }
        self.stage.connect(guest, flags)
    }

    fn leave(&mut self) -> Result<(), Failure> {
        self.stage.leave()
    }

    fn show(&mut self) -> Result<View, Failure> {
        self.stage.show()
    }

    fn reads_client(&mut self) -> Result<String, Failure> {
        if self.lie == Lie::NobodyIsRead {
            return Ok("somebody else".to_owned());
        }
        self.stage.reads_client()
    }

    fn document(&self, guest: Guest) -> Vec<u8> {
        self.stage.document(guest)
    }

    fn connect_as_client(&mut self, flags: u32) -> Result<(), Failure> {
        self.stage.connect_as_client(flags)
    }

    fn leave_as_client(&mut self) -> Result<(), Failure> {
        self.stage.leave_as_client()
    }

    fn is_client_elsewhere(&mut self) -> Option<Result<(), Failure>> {
        self.stage.is_client_elsewhere()
    }

    fn process(&self, id: u32) -> String {
        self.stage.process(id)
    }
}

#[test]
fn what_is_not_as_it_should_be_is_told() {
    let setup = Setup { source: Source::Service, kernel: Kernel::Win10, rules: RulesMode::Documented };
    for (lie, first, count) in [
        (
            Lie::EveryDocumentOpens,
            "The beginning: open the client's document: expected STATUS_ACCESS_DENIED, saw STATUS_SUCCESS",
            4,
        ),
        (
            Lie::NobodyIsRead,
            "1. Anonymous: the server sees nothing: the user that is read: expected DEMO\\alice, saw somebody else",
            5,
        ),
        (
            Lie::RevertDoesNothing,
            "1. Anonymous: the server sees nothing: whom the thread impersonates: \
             expected nobody, saw nobody to be seen at Anonymous",
            7,
        ),
        (
            Lie::NobodyConnects,
            "1. Anonymous: the server sees nothing: open of the client's name: STATUS_ACCESS_DENIED",
            7,
        ),
    ] {
        let told = on_stage(&setup, "the target", |stage| tell(&mut Lying { stage, lie }));
        assert_eq!(told.differences.first().map(String::as_str), Some(first));
        assert_eq!(told.differences.len(), count, "{:#?}", told.differences);
        assert_eq!(told.exit(), Exit::Failed);
        assert!(
            told.text.contains(&format!("{count} steps did not have the expected outcome.")),
            "{}",
            told.text
        );
        assert!(told.text.contains("*** "), "{}", told.text);
    }
}

/// A driver that lets a server impersonate another user.
#[test]
#[ignore = "needs the mutants: cargo xtask test builds them and names their folder in PSIMP_MUTANTS"]
fn a_wrong_image_ends_with_1() {
    let image = support::mutants().join("rule-user.sys");
    let mut psimp = Command::new(env!("CARGO_BIN_EXE_psimp"));
    let output =
        psimp.args(["demo", "--target", "image", "--image"]).arg(image).output().expect("psimp runs");
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{message}");
    let words = "6. A client of another user: the level stored: expected Identification, saw Impersonation\n";
    assert!(message.contains(words), "{message}");
}
