//! Surveys of the model's kernels, each of which must be recognised, and what is said of several.

mod support;

use psimp_catalogue::{Column, Driver};
use psimp_harness::configuration::Target;
use psimp_harness::driver::Source;
use psimp_harness::result::Origin;
use psimp_harness::survey::{About, Beside, Observation, Survey, Windows, decisions, here, read};
use psimp_rules::Kernel;
use std::path::Path;
use std::process::{Command, Output};
use std::{env, fs};

fn psimp(arguments: &[&str]) -> Output {
    let mut psimp = Command::new(env!("CARGO_BIN_EXE_psimp"));
    psimp.args(arguments).env_remove("PSIMP_SYS").current_dir(folder()).output().expect("psimp runs")
}

fn folder() -> std::path::PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("surveys");
    fs::create_dir_all(&folder).expect("a folder");
    folder
}

fn plain(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn survey(kernel: Kernel) -> Survey {
    let came = decisions().into_iter().map(|row| (row, here(&Source::Service, kernel, row)));
    Survey::new(about(kernel), came.collect())
}

fn about(kernel: Kernel) -> About {
    let kernel = Some(kernel.to_string());
    let psimp = Origin { version: "0.0.0".to_owned(), commit: None };
    About { psimp, target: Target::Model, rehearsed: false, kernel, image: None, windows: None }
}

/// What a column of the catalogue is in a survey.
fn came(column: Column) -> Observation {
    match column {
        Column::K(level) => Observation::Kept { level: level.into() },
        Column::C(level, _) => Observation::Copied { level: level.into() },
    }
}

#[test]
fn every_kernel_of_the_model_is_recognised() {
    for (kernel, profile) in [
        (Kernel::Win10, "W10"),
        (Kernel::Nt52, "NT52"),
        (Kernel::Documented, "DOC"),
        (Kernel::Peios, "Peios"),
    ] {
        let survey = survey(kernel);
        assert_eq!(survey.best, [profile], "{kernel}");
        assert_eq!((survey.asked, survey.profiles[0].agrees), (62, 62), "{kernel}");
        assert_eq!(survey.would_part, [""; 0], "{kernel}");
    }
    assert_eq!(Kernel::ALL.len(), 4, "another kernel");
}

/// The catalogue's columns are literals of the specification.
#[test]
fn a_survey_of_the_model_is_its_column_of_the_catalogue() {
    for (kernel, profile) in Kernel::NT.iter().map(|kernel| (*kernel, kernel.profile())) {
        let survey = survey(kernel);
        let rows = decisions();
        assert_eq!(survey.decisions.len(), rows.len());
        for (seen, row) in survey.decisions.iter().zip(rows) {
            let expected = came(row.column(profile).expect("a column"));
            assert_eq!((seen.id.as_str(), &seen.observed), (row.id, &expected), "{kernel}");
        }
    }
}

#[test]
fn surveys_of_the_model_in_words() {
    for kernel in Kernel::ALL {
        let output = psimp(&["survey", "--target", "model", "--kernel", kernel.name()]);
        assert_eq!((output.status.code(), plain(&output.stderr).as_str()), (Some(0), ""), "{kernel}");
        support::compare(&format!("tests/golden/survey-{kernel}.txt"), plain(&output.stdout));
    }
}

#[test]
#[ignore = "needs psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn through_an_image_the_kernel_decides_the_same() {
    let source = Source::Image(support::image());
    for kernel in Kernel::ALL {
        for row in decisions() {
            let seen = here(&source, *kernel, row);
            if row.driver == Driver::Refused {
                assert!(!seen.asked() && seen.to_string().contains("raises no token"), "{}: {seen}", row.id);
            } else {
                match (&seen, here(&Source::Service, *kernel, row)) {
                    // The driver has a status of its own for one that its contract does not list.
                    (Observation::Refused { .. }, Observation::Refused { .. }) => (),
                    (seen, expected) => assert_eq!(*seen, expected, "{kernel} {}", row.id),
                }
            }
        }
    }
}

/// The driver raises no token, so the rows that would are not asked; each kernel is recognised all the same.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[test]
#[ignore = "needs psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn a_rehearsed_survey_recognises_every_kernel() {
    let image = support::image_path();
    let image = image.to_str().expect("UTF-8");
    for (kernel, profile, device, native) in [
        ("win10", "W10", 37, 24),
        ("nt52", "NT52", 35, 20),
        ("documented", "DOC", 33, 22),
        ("peios", "Peios", 37, 24),
    ] {
        for (target, asked) in [("device", device), ("native", native)] {
            let mut arguments =
                vec!["survey", "--target", target, "--rehearse", "--kernel", kernel, "--format", "json"];
            if target == "device" {
                arguments.extend(["--image", image]);
            }
            let output = psimp(&arguments);
            assert_eq!(
                (output.status.code(), plain(&output.stderr).as_str()),
                (Some(0), ""),
                "{arguments:?}"
            );
            let survey = read(&output.stdout).expect("a survey").expect("a survey");
            assert!(survey.about.rehearsed, "{target} {kernel}");
            assert_eq!(survey.asked, asked, "{target} {kernel}");
            assert!(survey.best.iter().any(|best| best == profile), "{target} {kernel}: {:?}", survey.best);
            assert_eq!(survey.profiles[0].agrees, survey.asked, "{target} {kernel}");
        }
    }
}

/// A survey in which only these decisions were asked, of the kernel win10.
fn of_few(ids: &[&str]) -> Survey {
    let came = decisions().into_iter().map(|row| {
        let observed = if ids.contains(&row.id) {
            here(&Source::Service, Kernel::Win10, row)
        } else {
            Observation::not_asked("needs more")
        };
        (row, observed)
    });
    Survey::new(about(Kernel::Win10), came.collect())
}

#[test]
fn profiles_that_fit_equally_well_are_a_tie() {
    let few = of_few(&["D13", "D50", "D52"]);
    assert_eq!((few.asked, few.best.as_slice()), (3, &["W10".to_owned(), "W10-recent".to_owned()][..]));
    assert_eq!(few.would_part, ["D33"]);
    let text = few.to_string();
    assert!(text.contains("\nW10, W10-recent fit equally well, in all 3 decisions.\n"), "{text}");
    assert!(text.ends_with("These decisions would part them:\n  D33: not asked: needs more\n"), "{text}");
}

#[test]
fn what_would_part_profiles_is_in_a_line_for_each_reason() {
    let text = of_few(&["D01"]).to_string();
    let parts = text.split("would part them:\n").nth(1).expect("a tie");
    assert_eq!(parts.lines().count(), 1, "{parts}");
    assert!(
        parts.starts_with("  D02 D04 D05 ") && parts.ends_with(" D61: not asked: needs more\n"),
        "{parts}"
    );
}

#[test]
fn nothing_that_was_asked_is_no_fit() {
    let text = of_few(&[]).to_string();
    assert!(text.ends_with("\nNothing was asked, so none fits best.\n"), "{text}");
}

#[test]
fn where_the_best_profile_does_not_fit_its_rule_is_named() {
    let came = decisions().into_iter().map(|row| {
        let seen = here(&Source::Service, Kernel::Win10, row);
        (row, if row.id == "D13" { Observation::Kept { level: 2 } } else { seen })
    });
    let survey = Survey::new(about(Kernel::Win10), came.collect());
    let text = survey.to_string();
    let words = "W10 fits best, in 61 of 62 decisions.\n  D13   kept at 2; W10 says copied at 1: user SID\n";
    assert!(text.ends_with(words), "{text}");
}

/// D15 is a copy at 0 for some and at 1 for others.
#[test]
fn a_profile_agrees_if_its_level_does() {
    let agree = |kernel| {
        let survey = survey(kernel);
        let row = survey.decisions.iter().find(|row| row.id == "D15").expect("a row");
        (row.observed.clone(), row.agree.clone())
    };
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let copied = |level| Observation::Copied { level };
    assert_eq!(agree(Kernel::Win10), (copied(0), names(&["DOC", "W10", "W10-recent", "Peios"])));
    assert_eq!(agree(Kernel::Nt52), (copied(1), names(&["UM", "NT52"])));
}

#[test]
fn a_refusal_agrees_with_profiles_that_refuse_whatever_its_status() {
    let row = decisions().into_iter().find(|row| row.id == "D11").expect("a row");
    let refused = Observation::refused(psimp_nt::Status::ACCESS_DENIED);
    let survey = Survey::new(about(Kernel::Peios), vec![(row, refused)]);
    assert_eq!(survey.decisions[0].agree, ["Peios", "Peios-strict"]);
}

/// Surveys of two builds: D33 differs, and D51 was asked in one only.
fn two() -> [(String, Survey); 2] {
    let windows = |build, wine: Option<&str>| Windows {
        build: Some(build),
        revision: Some(3803),
        edition: Some("Professional".to_owned()),
        version: Some("22H2".to_owned()),
        hypervisor_enforced_integrity: Some(build > 20000),
        wine: wine.map(str::to_owned),
    };
    let about = |build| About {
        target: Target::Device,
        kernel: None,
        windows: Some(windows(build, None)),
        ..about(Kernel::Win10)
    };
    let of = |change: fn(&str, Observation) -> Observation| {
        let came = decisions()
            .into_iter()
            .map(|row| (row, change(row.id, here(&Source::Service, Kernel::Win10, row))));
        came.collect::<Vec<_>>()
    };
    let one = of(|id, seen| if id == "D51" { Observation::not_asked("needs <UAC> & more") } else { seen });
    let other = of(|id, seen| if id == "D33" { Observation::Copied { level: 1 } } else { seen });
    [
        ("a.json".to_owned(), Survey::new(about(19045), one)),
        ("b.json".to_owned(), Survey::new(about(26100), other)),
    ]
}

#[test]
fn surveys_are_put_side_by_side() {
    let two = two();
    let text = Beside(&two).to_string();
    assert_eq!(
        text,
        "\
1  device, Windows build 19045.3803 22H2 Professional, memory integrity off  (a.json)
   W10 fits best, in all 61 decisions.
2  device, Windows build 26100.3803 22H2 Professional, memory integrity on  (b.json)
   W10-recent fits best, in all 62 decisions.

D33  anonymous: SX takes N2 at Impersonation
  1  kept at 2
  2  copied at 1

1 of 62 decisions differ; 1 was asked in some of the surveys only
"
    );
}

/// The driver reads a slot at Anonymous, which user mode cannot open.
#[test]
fn what_does_not_open_is_no_difference() {
    let kept = |level| Observation::Kept { level };
    let copied = Observation::Copied { level: 0 };
    assert!(!Observation::Unopened.differs(&kept(0)) && !copied.differs(&Observation::Unopened));
    assert!(Observation::Unopened.differs(&kept(1)) && copied.differs(&kept(0)));
    assert!(!Observation::not_asked("needs more").differs(&kept(2)));
}

#[test]
fn a_page_of_surveys_escapes_and_fetches_nothing() {
    let page = Beside(&two()).to_html();
    assert!(page.contains("not asked: needs &lt;UAC&gt; &amp; more") && !page.contains("<UAC>"));
    assert!(page.contains("content=\"default-src 'none'; "));
    for way in ["src=", "<link", "@import", "url(", "http://", "https://", "<script"] {
        assert!(!page.contains(way), "{way}");
    }
    let differing =
        page.split("<table id=\"differing\">").nth(1).and_then(|rest| rest.split("</table>").next());
    assert_eq!(differing.map(|rows| rows.matches("scope=\"row\"").count()), Some(1));
    assert!(page.contains("W10-recent fits best, in all 62 decisions."));
}

#[test]
fn a_survey_is_read_back() {
    for (_, survey) in two() {
        let json = serde_json::to_vec(&survey).expect("JSON");
        assert_eq!(read(&json), Ok(Some(survey)));
    }
    assert_eq!(read(include_bytes!("golden/run.json")), Ok(None));
    assert_eq!(read(b"\xFF"), Ok(None));
    let mut wrong = serde_json::to_value(&two()[0].1).expect("JSON");
    wrong["asked"] = 3.into();
    let said = read(wrong.to_string().as_bytes());
    assert_eq!(said, Err("it says that 3 decisions were asked, and has 61".to_owned()));
}

#[test]
fn a_report_of_surveys_and_of_both_kinds() {
    let folder = folder();
    for (file, survey) in two() {
        fs::write(folder.join(file), serde_json::to_vec(&survey).expect("JSON")).expect("a file");
    }
    fs::write(folder.join("run.json"), include_bytes!("golden/run.json")).expect("a file");
    let output = psimp(&["report", "a.json", "b.json", "--html", "ab.html"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(plain(&output.stdout), Beside(&two()).to_string());
    assert_eq!(fs::read_to_string(folder.join("ab.html")).expect("a page"), Beside(&two()).to_html());
    assert_eq!(psimp(&["report", "a.json", "a.json"]).status.code(), Some(0));
    let output = psimp(&["report", "a.json", "run.json"]);
    assert_eq!(output.status.code(), Some(2));
    let said = "psimp: run.json is a run and a.json a survey; they cannot be compared with each other\n";
    assert_eq!(plain(&output.stderr), said);
}

/// The members are those of the schema, and the words are the catalogue's: nothing of this machine is among them.
#[test]
fn nothing_tells_whose_machine_it_was() {
    let own = ["USER", "LOGNAME", "HOSTNAME", "HOME"].iter().filter_map(|name| env::var(name).ok());
    let host = fs::read_to_string("/etc/hostname").map(|name| name.trim().to_owned());
    let own: Vec<_> = own.chain(host).filter(|word| word.len() > 3).collect();
    let json = plain(&psimp(&["survey", "--target", "model", "--format", "json"]).stdout);
    for word in own {
        assert!(!json.contains(&word), "{word}");
    }
    let sid = "needs a token made of one of S-1-5-21-1-2-3-1001: NtFilterToken";
    let row = decisions()[0];
    let survey = Survey::new(about(Kernel::Win10), vec![(row, Observation::not_asked(sid))]);
    let json = serde_json::to_string(&survey).expect("JSON");
    assert!(
        json.contains("needs a token made of one of …: NtFilterToken") && !json.contains("S-1-5-21"),
        "{json}"
    );
}
