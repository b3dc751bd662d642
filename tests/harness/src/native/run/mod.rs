//! The harness's side: starts the servers, gives them tokens, and collects the results.

mod clients;
mod fixtures;
mod lines;
mod load;
mod other_user;
mod removal;
mod survey;

use crate::native::Setting;
use crate::native::feature::Feature;
use crate::native::plan::{self, Plan};
use crate::native::route::Route;
use crate::native::server::{Answer, COMMAND, Given, Question, Said};
use crate::native::system::handle::AsHandle as _;
use crate::native::system::process::Child;
use crate::native::system::{Token, machine, ntdll, settings};
use crate::result::{CaseResult, CaseStatus, Mismatch, mismatch};
use crate::run::rule_that_decides;
use crate::survey::explained;
use clients::Client;
use fixtures::Fixtures;
use lines::Lines;
pub use load::{bench, soak};
use psimp_catalogue::{Body, Case, ClientToken, DecisionRow, Device, ServerToken, Who};
use psimp_protocol::{CLIENTS_SETTING, RulesMode};
use psimp_rules::Kernel;
pub(crate) use removal::clear;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::time::{Duration, Instant};
pub use survey::survey;

/// How long a server process may take where nobody says how long.
const PATIENCE: Duration = Duration::from_secs(60);

/// The service of the driver.
const SERVICE: &str = "PsImpersonate";

/// Runs cases on this system.
///
/// # Errors
/// Why no case can be run.
pub fn run(cases: &[Case], setting: &Setting<'_>) -> Result<Vec<CaseResult>, String> {
    let Setting { kernel, route, patience, begins, ended } = *setting;
    let mut native = Native { patience, ..Native::new(kernel, route)? };
    let one = |case| {
        begins(case);
        let result = native.case(case);
        ended(&result);
        result
    };
    Ok(cases.iter().map(one).collect())
}

/// Lists an account that does not exist, starts a server that waits, reports that
/// on standard output, and waits for the server. Tests end this process and check
/// what happens to the server and to the journal's line.
///
/// # Errors
/// Why it cannot be started.
pub fn wait() -> anyhow::Result<()> {
    let _listed = removal::list_nothing().map_err(anyhow::Error::msg)?;
    let primary = Fixtures::new(ntdll::wine_version().is_some())
        .and_then(|fixtures| fixtures.server(ServerToken::S, false).map_err(Trouble::words));
    let mut child = Child::start(&primary.map_err(anyhow::Error::msg)?, &[COMMAND])?;
    child.held.clone()?;
    let mut input = child.input.as_ref().ok_or_else(|| anyhow::anyhow!("it has no input"))?;
    writeln!(input, "{}", serde_json::to_string(&Question::Wait)?)?;
    let mut answer = BufReader::new(child.output.take().ok_or_else(|| anyhow::anyhow!("it has no output"))?);
    let mut line = String::new();
    answer.read_line(&mut line)?;
    let mut out = io::stdout().lock();
    write!(out, "{line}")?;
    out.flush()?;
    child.wait(None)?;
    Ok(())
}

struct Native {
    fixtures: Fixtures,
    kernel: Kernel,
    route: Route,
    patience: Duration,
    /// Wine's version, under Wine.
    wine: Option<String>,
    tried: BTreeMap<Feature, Result<(), String>>,
    /// The warning that servers may outlive this process was printed.
    warned: Cell<bool>,
}

impl Native {
    fn new(kernel: Kernel, route: Route) -> Result<Self, String> {
        let wine = ntdll::wine_version();
        Ok(Self {
            fixtures: Fixtures::new(wine.is_some())?,
            kernel,
            route,
            patience: PATIENCE,
            wine,
            tried: BTreeMap::new(),
            warned: Cell::new(false),
        })
    }

    fn case(&mut self, case: &Case) -> CaseResult {
        let start = Instant::now();
        let status = match (self.status(case), machine::lacks()) {
            (CaseStatus::Failed(_) | CaseStatus::Skipped(_), Some(lacks)) => CaseStatus::Skipped(lacks),
            (status, _) => status,
        };
        CaseResult { id: case.id.to_owned(), title: case.title.clone(), status, duration: start.elapsed() }
    }

    fn status(&mut self, case: &Case) -> CaseStatus {
        let plan = match Plan::of(case, self.kernel, self.route) {
            Ok(plan) => plan,
            Err(why) => return CaseStatus::Skipped(why.to_owned()),
        };
        for feature in &plan.features {
            if let Some(why) = self.lacks(*feature) {
                return CaseStatus::Skipped(why);
            }
        }
        if let Device::Needed(wanted) = plan.setting {
            match settings::is(SERVICE, CLIENTS_SETTING, wanted) {
                Ok(true) => (),
                Ok(false) => return CaseStatus::Skipped(plan::needs_setting(wanted)),
                Err(error) => return failed("the driver's setting", "readable", &error.to_string()),
            }
        }
        match self.ask(case, &plan) {
            Ok(Answer::Finished(Ok(words))) => CaseStatus::Passed(self.with_rule(case, words)),
            Ok(Answer::Finished(Err(found))) => CaseStatus::Failed(self.with_explanation(case, found)),
            Ok(Answer::Unable(why)) => failed("the harness's own part", "done", &why),
            Err(Trouble::Fixture(needs)) => CaseStatus::Skipped(needs),
            Ok(Answer::Another(why)) | Err(Trouble::Another(why)) => failed("fixture", "as described", &why),
            Ok(_) => failed("answer", "of the case", "of another question"),
            Err(Trouble::Broken(why)) => failed("server process", "an answer", &why),
        }
    }

    /// The rule that decides a case of group D, with the profile whose it is.
    fn rule(&self, row: &DecisionRow) -> Option<String> {
        let rules = match self.route {
            Route::UserMode => RulesMode::Kernel,
            Route::Driver(rules) => rules,
        };
        rule_that_decides(row, self.kernel, rules)
    }

    /// The words for a decision by system calls, with its rule; those of the driver's have it.
    fn with_rule(&self, case: &Case, words: String) -> String {
        let Body::Decision(row) = case.body else { return words };
        match self.rule(row) {
            Some(rule) if self.route == Route::UserMode => format!("{words}; {rule}"),
            _ => words,
        }
    }

    /// For a decision that came otherwise: the rule that was to decide, and what explains that which came.
    fn with_explanation(&self, case: &Case, mut found: Vec<Mismatch>) -> Vec<Mismatch> {
        let Body::Decision(row) = case.body else { return found };
        let slot = found.iter().find(|found| found.what.ends_with(": slot"));
        let explained = slot.and_then(|slot| explained(row, &slot.observed));
        let rules: Vec<_> = [self.rule(row), explained].into_iter().flatten().collect();
        for found in found.iter_mut().filter(|_| !rules.is_empty()) {
            found.rule = Some(rules.join("; "));
        }
        found
    }

    /// Why a feature is missing, under Wine.
    fn lacks(&mut self, feature: Feature) -> Option<String> {
        let version = self.wine.clone()?;
        let seen = self.tried(feature).err()?;
        Some(format!("needs {feature}; on Wine {version}, {seen}"))
    }

    /// Whether the kernel has a feature; each is tried once.
    fn tried(&mut self, feature: Feature) -> Result<(), String> {
        if let Some(tried) = self.tried.get(&feature) {
            return tried.clone();
        }
        let tried = self.probe(feature);
        self.tried.insert(feature, tried.clone());
        tried
    }

    fn probe(&self, feature: Feature) -> Result<(), String> {
        let (server, tokens) = match feature {
            Feature::Downgrade => (ServerToken::SR, &[ClientToken::A2][..]),
            _ => (ServerToken::S, &[][..]),
        };
        match self
            .question(server, tokens, &[], self.patience, |tokens, _| Question::Probe { feature, tokens })
        {
            Ok(Answer::Probed(tried)) => tried,
            Ok(_) => Err("the probe got another answer".to_owned()),
            Err(trouble) => Err(trouble.words()),
        }
    }

    fn ask(&self, case: &Case, plan: &Plan) -> Result<Answer, Trouble> {
        let tokens: Vec<_> = plan.tokens().collect();
        let clients: Vec<_> = plan.clients().collect();
        let (id, kernel) = (case.id.to_owned(), self.kernel);
        // Read after the tokens are made, which may have obtained the other user.
        self.question(plan.server, &tokens, &clients, self.patience, |tokens, clients| Question::Case {
            id,
            kernel: kernel.to_string(),
            documented_rules: self.documented_rules(),
            server: plan.server.name().to_owned(),
            tokens,
            other_user: self.fixtures.other_user().map(|sid| sid.as_bytes().to_vec()),
            clients,
        })
    }

    fn documented_rules(&self) -> Option<bool> {
        match self.route {
            Route::UserMode => None,
            Route::Driver(rules) => Some(rules == RulesMode::Documented),
        }
    }

    /// Starts a server and its clients, gives them tokens, and sends the server one question. Each client has its own
    /// tokens among `tokens`.
    fn question(
        &self,
        server: ServerToken,
        tokens: &[ClientToken],
        clients: &[(Who, Vec<ClientToken>)],
        patience: Duration,
        question: impl FnOnce(BTreeMap<String, u64>, BTreeMap<String, Given>) -> Question,
    ) -> Result<Answer, Trouble> {
        self.fixtures.sessions(server, tokens).map_err(Trouble::Fixture)?;
        let primary = self.fixtures.server(server, self.route != Route::UserMode)?;
        let tokens = tokens.iter().map(|tok| Ok((tok.name(), self.fixtures.token(*tok)?)));
        let mut tokens = tokens.collect::<Result<BTreeMap<_, _>, Trouble>>()?;
        let started = clients.iter().map(|(who, _)| self.start(*who, &mut tokens));
        let mut started = started.collect::<Result<Vec<_>, _>>()?;
        let broken = Trouble::Broken;
        let mut child = Child::start(&primary, &[COMMAND]).map_err(|error| broken(error.to_string()))?;
        if let Err(error) = &child.held
            && !self.warned.replace(true)
        {
            eprintln!("psimp: server processes may outlive this one, if it is killed: {error}");
        }
        let given: Result<_, _> = tokens
            .iter()
            .map(|(name, token)| Ok(((*name).to_owned(), child.give(token.as_handle())?)))
            .collect();
        let given = given.map_err(|error: crate::native::system::Error| broken(error.to_string()))?;
        let mut clients_given = BTreeMap::new();
        for (client, (_, theirs)) in started.iter().zip(clients) {
            let theirs =
                theirs.iter().filter_map(|tok| Some((tok.name().to_owned(), tokens.get(tok.name())?)));
            let theirs: Vec<_> = theirs.collect();
            let link = client.give(&child, &theirs).map_err(|error| broken(error.to_string()))?;
            clients_given.insert(format!("{:?}", client.who), link);
        }
        let line = serde_json::to_string(&question(given, clients_given))
            .map_err(|error| broken(error.to_string()))?;
        let lines = Lines::of(child.output.take().ok_or_else(|| broken("it has no output".to_owned()))?);
        write(&mut child, &line).map_err(broken)?;
        let begin = Instant::now();
        // The server's orders to its clients go through here.
        loop {
            let line = lines.next(&mut child, begin, patience).map_err(broken)?;
            let said = serde_json::from_str(&line);
            match said.map_err(|error| broken(format!("{error} in {line:?}")))? {
                Said::Answer(answer) => return Ok(answer),
                Said::Order(to, order) => {
                    let client = started.iter_mut().find(|client| format!("{:?}", client.who) == to);
                    let client =
                        client.ok_or_else(|| broken(format!("an order to {to}, which is no client")))?;
                    let answer = client.order(&order).map_err(broken)?;
                    write(&mut child, &answer).map_err(broken)?;
                }
            }
        }
    }
}

/// Writes a line to a process.
fn write(child: &mut Child, line: &str) -> Result<(), String> {
    let input = child.input.as_mut().ok_or_else(|| "it has no input".to_owned())?;
    writeln!(input, "{line}").map_err(|error| error.to_string())
}

impl Native {
    /// Starts the process of a client. The token that it has takes the place of the one it was started with.
    fn start(&self, who: Who, tokens: &mut BTreeMap<&'static str, Token>) -> Result<Client, Trouble> {
        let tok = clients::token_of(who);
        let token = match tok {
            Some(tok) => tokens.remove(tok.name()).map_or_else(|| self.fixtures.token(tok), Ok)?,
            None => self.fixtures.server(ServerToken::SPlus, false)?,
        };
        let (client, token) = Client::start(who, token).map_err(Trouble::Fixture)?;
        if let Some(tok) = tok {
            tokens.insert(tok.name(), token);
        }
        Ok(client)
    }
}

/// Why there is no answer.
enum Trouble {
    /// A token cannot be made here.
    Fixture(String),
    /// A token that was made is another than its fixture: the result of the case would say nothing about it.
    Another(String),
    /// Something else failed.
    Broken(String),
}

impl Trouble {
    fn words(self) -> String {
        match self {
            Self::Fixture(why) | Self::Broken(why) => why,
            Self::Another(why) => format!("fixture: {why}"),
        }
    }
}

fn failed(what: &str, expected: &str, observed: &str) -> CaseStatus {
    let found: Vec<Mismatch> = vec![mismatch(what, expected, observed)];
    CaseStatus::Failed(found)
}
