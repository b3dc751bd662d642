//! What a script does, step by step.

use super::words;
use crate::notation;
use psimp_catalogue::{ByKernel, Pipe, Script, State, Step};
use psimp_rules::Kernel;
use std::fmt::Write as _;

pub(super) fn script(script: &Script) -> String {
    let mut text = format!("Server {}\nSteps\n", script.server.name());
    steps(&mut text, script.steps, 1);
    text
}

fn steps(text: &mut String, list: &[Step], depth: usize) {
    for (index, step) in list.iter().enumerate() {
        let _ = write!(text, "{:margin$}{}. ", "", index + 1, margin = 2 * depth);
        let inner = match *step {
            Step::Check(ref values) => {
                look(text, values, 2 * depth + 3);
                continue;
            }
            Step::Repeat(times, steps) => (format!("{times} times"), steps),
            Step::On(who, steps) => (format!("on {who:?}"), steps),
            Step::Toward(who, steps) => (format!("about {who:?}"), steps),
            Step::Meanwhile(who, steps) => (format!("on {who:?}, when a token is next duplicated"), steps),
            Step::OnlyKernel(steps) => ("without the driver".to_owned(), steps),
            Step::OnlyDriver(steps) => ("through the driver".to_owned(), steps),
            Step::OnKernels(families, steps) => {
                let of = |family| Kernel::NT.iter().filter(move |kernel| kernel.family() == family);
                let names: Vec<_> =
                    families.iter().flat_map(|family| of(*family)).map(|k| k.name()).collect();
                (format!("on {}", names.join(" and ")), steps)
            }
            Step::WhereDocumented(steps) => ("where the documented rule decides".to_owned(), steps),
            Step::WhereNotDocumented(steps) => ("where the kernel's own rule decides".to_owned(), steps),
            ref step => {
                let _ = writeln!(text, "{}", words::words(step));
                continue;
            }
        };
        let _ = writeln!(text, "{}", inner.0);
        steps(text, inner.1, depth + 2);
    }
}

/// What the thread is to show: once, if all kernels are to show the same.
fn look(text: &mut String, values: &ByKernel<State>, margin: usize) {
    let words = |state: &State| {
        let said = [
            ("slot", state.slot, notation::slot(state.slot)),
            ("open", state.open, notation::open(state.open)),
            ("access", state.access, notation::access(state.access)),
        ];
        let said = said.iter().filter(|(_, said, _)| !said.is_empty());
        said.map(|(what, _, words)| format!("{what}: {words}")).collect::<Vec<_>>().join("; ")
    };
    if values.documented == values.nt52 && values.nt52 == values.win10 {
        let _ = writeln!(text, "look: {}", words(&values.win10));
        return;
    }
    let _ = writeln!(text, "look");
    for &kernel in Kernel::NT {
        let state = values.expected(kernel, false);
        let _ = writeln!(text, "{:margin$}{:<12} {}", "", kernel.to_string(), words(state));
    }
}

/// What a client of a pipe asks for, and what is expected of the server's thread.
pub(super) fn pipe(pipe: &Pipe) -> String {
    let of_kernels = |values: &ByKernel<&'static str>, words: fn(&str) -> String| {
        if values.documented == values.nt52 && values.nt52 == values.win10 {
            return words(values.win10);
        }
        let of = |kernel: &Kernel| format!("{kernel}: {}", words(values.of(*kernel)));
        Kernel::NT.iter().map(of).collect::<Vec<_>>().join(", ")
    };
    let reads = if pipe.reads { "reads what the client wrote, " } else { "" };
    format!(
        "Setup\n  the server's process opens its own named pipe, with the flags {:#010x} of CreateFile, and writes\n\n\
         Calls\n  the server {reads}impersonates the client: {}\n\n\
         Expected\n  open    {}\n  access  {}\n",
        pipe.flags,
        pipe.status,
        of_kernels(&pipe.open, notation::open),
        of_kernels(&pipe.access, notation::access)
    )
}
