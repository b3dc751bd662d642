//! The modules of a crate, and which of them imports from which.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use syn::Item;

use super::paths::{self, Found};

/// Reads a source file; nothing if there is none.
pub(super) type Read<'a> = &'a dyn Fn(&Path) -> Option<String>;

/// How many names that stand for other names are followed. A longer row of them is taken for a loop.
const RENAMES: usize = 8;

/// A module: a file, or the body of a `mod` in one.
struct Module {
    file: PathBuf,
    /// From the crate's root, which is the empty path.
    path: paths::Path,
    parent: Option<usize>,
    children: BTreeMap<String, usize>,
    names: BTreeMap<String, paths::Path>,
    paths: Vec<(paths::Path, usize)>,
}

/// The modules of one crate, its root first.
#[derive(Default)]
pub(super) struct Modules(Vec<Module>);

/// For two modules in one module, of which the first or a part of it imports from the second or a part of that:
/// the line where it first does.
pub(super) type Imports = BTreeMap<(paths::Path, paths::Path), String>;

impl Modules {
    /// Reads the crate that begins with this file.
    pub(super) fn read(root: &Path, read: Read<'_>) -> Result<Self> {
        let mut modules = Self::default();
        modules.read_file(root, None, &[], read)?;
        Ok(modules)
    }

    fn read_file(
        &mut self,
        file: &Path,
        parent: Option<usize>,
        path: &[String],
        read: Read<'_>,
    ) -> Result<usize> {
        let text = read(file).with_context(|| format!("cannot read {}", file.display()))?;
        let syntax = syn::parse_file(&text).with_context(|| format!("cannot parse {}", file.display()))?;
        let folder = if parent.is_none() || file.ends_with("mod.rs") {
            file.with_file_name("")
        } else {
            file.with_extension("")
        };
        self.add(file, &folder, parent, path, &syntax.items, read)
    }

    /// Adds a module and those that are declared in it, whose files are in `folder`.
    fn add(
        &mut self,
        file: &Path,
        folder: &Path,
        parent: Option<usize>,
        path: &[String],
        items: &[Item],
        read: Read<'_>,
    ) -> Result<usize> {
        let Found { modules, names, paths } = Found::in_items(items);
        let index = self.0.len();
        let children = BTreeMap::new();
        self.0.push(Module { file: file.to_owned(), path: path.to_vec(), parent, children, names, paths });
        for module in modules {
            let name = module.ident.to_string();
            let path = [path, std::slice::from_ref(&name)].concat();
            let folder = folder.join(&name);
            let child = if let Some((_, items)) = &module.content {
                self.add(file, &folder, Some(index), &path, items, read)?
            } else {
                let files = [folder.with_extension("rs"), folder.join("mod.rs")];
                // A `#[path]` leads to a file of another crate.
                let Some(file) = files.iter().find(|file| read(file).is_some()) else { continue };
                self.read_file(file, Some(index), &path, read)?
            };
            self.0[index].children.insert(name, child);
        }
        Ok(index)
    }

    /// The module where that is defined which a path in this module names; none if it leads out of the crate.
    fn resolve(&self, mut module: usize, path: &[String], renames: usize) -> Option<usize> {
        let mut ours = false;
        for (index, name) in path.iter().enumerate() {
            let here = &self.0[module];
            match name.as_str() {
                "crate" => module = 0,
                "self" => (),
                "super" => module = here.parent?,
                name => match (here.children.get(name), here.names.get(name)) {
                    (Some(child), _) => module = *child,
                    (None, Some(meant)) if renames > 0 && meant != path => {
                        let path = [meant.as_slice(), &path[index + 1..]].concat();
                        return self.resolve(module, &path, renames - 1);
                    }
                    _ => break,
                },
            }
            ours = true;
        }
        ours.then_some(module)
    }

    /// The imports between modules that are not part of each other.
    pub(super) fn imports(&self) -> Imports {
        let mut imports = Imports::new();
        for (index, module) in self.0.iter().enumerate() {
            for (written, line) in &module.paths {
                let Some(target) = self.resolve(index, written, RENAMES) else { continue };
                let (from, to) = (&module.path, &self.0[target].path);
                let common = from.iter().zip(to).take_while(|(one, other)| one == other).count();
                if common < from.len() && common < to.len() {
                    let place = format!("{}:{line}: {}", module.file.display(), written.join("::"));
                    imports.entry((from[..=common].to_vec(), to[..=common].to_vec())).or_insert(place);
                }
            }
        }
        imports
    }
}
