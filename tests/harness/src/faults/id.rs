//! Short names of failures, independent of the address at which the image is loaded.

use psimp_host::Site;
use psimp_model::Kernel;
use psimp_protocol::{Ioctl, RulesMode};
use std::fmt;
use std::str::FromStr;

/// A call that can fail, with its call stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stack {
    /// The control code of the request that is served; none when the driver
    /// starts or ends, or a file is opened or closed.
    pub code: Option<u32>,
    /// The export or KMDF function that is called.
    pub function: &'static str,
    /// The calls in the driver: return addresses, innermost first.
    pub sites: Vec<Site>,
}

/// Names a [`Stack`] of one image: eight hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StackId(u32);

impl Stack {
    /// The name: FNV-1a of the function, the offsets in the image and the code.
    pub fn id(&self) -> StackId {
        let numbers = self.sites.iter().map(|site| site.rva).chain(self.code);
        let bytes = self.function.bytes().chain(numbers.flat_map(u32::to_le_bytes));
        StackId(bytes.fold(0x811C_9DC5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)))
    }
}

impl fmt::Display for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.function)?;
        for (number, site) in self.sites.iter().enumerate() {
            write!(f, "{} {site}", if number == 0 { " called from" } else { " <" })?;
        }
        match self.code {
            Some(code) => write!(f, " < {}", request_name(code)),
            None => Ok(()),
        }
    }
}

/// The name of the request with this control code.
pub(super) fn request_name(code: u32) -> String {
    Ioctl::by_code(code).map_or_else(|| format!("control code 0x{code:08X}"), |row| row.name.to_owned())
}

impl fmt::Display for StackId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

impl FromStr for StackId {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        u32::from_str_radix(text, 16).map(Self)
    }
}

/// A call that fails: one on this stack, counted since the failure before or the
/// start of the case. Written `9f3a12c4`, or `9f3a12c4.2` for the second one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failing {
    /// Its call stack.
    pub stack: StackId,
    /// Which call on this stack, from 1.
    pub number: u32,
}

impl fmt::Display for Failing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.number {
            1 => write!(f, "{}", self.stack),
            number => write!(f, "{}.{number}", self.stack),
        }
    }
}

impl FromStr for Failing {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (stack, number) = text.split_once('.').unwrap_or((text, "1"));
        Ok(Self { stack: stack.parse()?, number: number.parse()? })
    }
}

/// Names a run: the case, what it runs on, and the calls that fail in it, in
/// order.
///
/// `D13:9f3a12c4+1b22c0de` is on the kernel win10 with documented rules; another
/// kernel or other rules are in the name: `D13@nt52/kernel:9f3a12c4`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunId {
    /// Id of the case.
    pub case: String,
    /// The kernel below.
    pub kernel: Kernel,
    /// What IMPERSONATE asks for.
    pub rules: RulesMode,
    /// The calls that fail.
    pub failing: Vec<Failing>,
}

/// The kernel and rules that a name omits.
const UNSAID: (Kernel, RulesMode) = (Kernel::Win10, RulesMode::Documented);

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.case)?;
        if (self.kernel, self.rules) != UNSAID {
            write!(f, "@{}/{}", self.kernel.name(), rules_name(self.rules))?;
        }
        for (index, failing) in self.failing.iter().enumerate() {
            write!(f, "{}{failing}", if index == 0 { ':' } else { '+' })?;
        }
        Ok(())
    }
}

impl FromStr for RunId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!("{text:?} is no id of a run, such as D13:9f3a12c4 or D13@nt52/kernel:9f3a12c4+1b22c0de")
        };
        let (place, failing) = text.split_once(':').map_or((text, None), |(place, rest)| (place, Some(rest)));
        let (case, target) = place.split_once('@').map_or((place, None), |(case, rest)| (case, Some(rest)));
        let (kernel, rules) = match target {
            None => UNSAID,
            Some(target) => {
                let (kernel, rules) = target.split_once('/').ok_or_else(wrong)?;
                let kernel = Kernel::from_name(kernel);
                let modes = [RulesMode::Documented, RulesMode::Kernel];
                let rules = modes.into_iter().find(|known| rules_name(*known) == rules);
                kernel.zip(rules).ok_or_else(wrong)?
            }
        };
        let failing = failing.into_iter().flat_map(|failing| failing.split('+')).map(str::parse);
        let failing = failing.collect::<Result<_, _>>().map_err(|_| wrong())?;
        Ok(Self { case: case.to_owned(), kernel, rules, failing })
    }
}

fn rules_name(rules: RulesMode) -> &'static str {
    match rules {
        RulesMode::Documented => "documented",
        RulesMode::Kernel => "kernel",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_is_named_by_function_and_offsets() {
        let stack = |function, code, rvas: &[u32]| Stack {
            function,
            code,
            sites: rvas.iter().map(|&rva| Site { image: "psimp.sys", rva }).collect(),
        };
        // FNV-1a as published: of "a", and of nothing.
        assert_eq!(stack("a", None, &[]).id().to_string(), "e40c292c");
        assert_eq!(stack("", None, &[]).id().to_string(), "811c9dc5");
        let [one, two] = [&[0x1010, 0x2020], &[0x2020, 0x1010]].map(|rvas| stack("ZwClose", None, rvas));
        assert_ne!(one.id(), two.id());
        assert_eq!(one.to_string(), "ZwClose called from psimp.sys+0x1010 < psimp.sys+0x2020");
        let query = stack("ZwClose", Some(0x0022_6008), &[0x1010]);
        assert_eq!(query.to_string(), "ZwClose called from psimp.sys+0x1010 < QUERY");
    }

    #[test]
    fn the_name_of_a_run_leads_back_to_it() {
        for text in ["D13", "D13:9f3a12c4", "B07:00000001.12+ffffffff", "D13@nt52/kernel:9f3a12c4"] {
            assert_eq!(text.parse::<RunId>().map(|id| id.to_string()).as_deref(), Ok(text));
        }
        for text in
            ["D13:", "D13:xyz", "D13@nt52:9f3a12c4", "D13@nt4/kernel", "D13:9f3a12c4+", "D13:9f3a12c4."]
        {
            assert!(text.parse::<RunId>().is_err(), "{text}");
        }
    }
}
