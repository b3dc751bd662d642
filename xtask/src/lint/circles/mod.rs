//! Circles of imports between modules.
//!
//! The modules directly within a module import from one another in one direction only, each taken with all that is
//! below it. A module and a part of it may import from each other: that is no circle. An import of a name
//! that another module re-exports counts as an import from the module that defines it.

mod modules;
mod paths;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::path::Path;

use anyhow::{Result, ensure};

use self::modules::{Modules, Read};
use super::Report;
use crate::workspace::Workspace;

/// For each module those that it imports from.
type Graph<'a> = BTreeMap<&'a [String], Vec<&'a [String]>>;

/// Checks every crate of the workspace.
pub(super) fn check(workspace: &Workspace, report: &mut Report) -> Result<()> {
    for root in &workspace.crates {
        let circles = find(root, &|file| fs::read_to_string(workspace.root.join(file)).ok())?;
        report.check("circle", circles.is_empty(), || circles.join("\ncircle: "));
    }
    Ok(())
}

/// Fails with the circles, if there are any.
pub(crate) fn require(workspace: &Workspace) -> Result<()> {
    let mut report = Report::default();
    check(workspace, &mut report)?;
    ensure!(report.violations.is_empty(), "{}", report.violations.join("\n"));
    Ok(())
}

/// The circles in the crate that begins with this file: each a chain of modules, then its imports, one a line.
fn find(root: &Path, read: Read<'_>) -> Result<Vec<String>> {
    let imports = Modules::read(root, read)?.imports();
    let mut graph = Graph::new();
    for (from, to) in imports.keys() {
        graph.entry(from).or_default().push(to);
    }
    let mut circles = Vec::new();
    let mut covered: BTreeSet<&[String]> = BTreeSet::new();
    for &module in graph.keys() {
        let Some(chain) = shortest(&graph, module, module) else { continue };
        if covered.contains(module) {
            continue;
        }
        // One circle is enough for modules that all reach each other: with it gone, the others show.
        let leads = |from, to| shortest(&graph, from, to).is_some();
        covered.extend(graph.keys().filter(|other| leads(module, other) && leads(other, module)));
        let names: Vec<_> = chain.iter().map(|module| module.join("::")).collect();
        let mut lines = vec![format!("{}: {}", root.display(), names.join(" → "))];
        lines.extend(chain.windows(2).map(|pair| imports[&(pair[0].to_vec(), pair[1].to_vec())].clone()));
        circles.push(lines.join("\n    "));
    }
    Ok(circles)
}

/// The shortest chain of imports from one module to another, or around to itself, both ends included.
fn shortest<'a>(graph: &Graph<'a>, from: &'a [String], to: &'a [String]) -> Option<Vec<&'a [String]>> {
    let mut came_from: BTreeMap<&[String], &[String]> = BTreeMap::new();
    let mut queue = VecDeque::from([from]);
    while let Some(module) = queue.pop_front() {
        for &next in graph.get(module).into_iter().flatten() {
            if next == to {
                let mut chain = vec![to, module];
                while let Some(&previous) = came_from.get(chain[chain.len() - 1]) {
                    chain.push(previous);
                }
                chain.reverse();
                return Some(chain);
            }
            if next != from && !came_from.contains_key(next) {
                came_from.insert(next, module);
                queue.push_back(next);
            }
        }
    }
    None
}
