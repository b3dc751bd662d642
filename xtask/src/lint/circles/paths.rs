//! The paths that a module's source names, and the modules that it declares.

use std::collections::BTreeMap;
use std::mem::take;

use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemMod, ItemUse, Macro, UseTree, VisRestricted};

/// A path as it is written: `crate`, `a`, `b` of `crate::a::b`.
pub(super) type Path = Vec<String>;

/// What is found in the items of one module, its unit tests left out.
#[derive(Default)]
pub(super) struct Found<'a> {
    /// The modules that are declared, with or without a body.
    pub(super) modules: Vec<&'a ItemMod>,
    /// The names that a `use` brings in, and what each stands for.
    pub(super) names: BTreeMap<String, Path>,
    /// Every path of more than a name, with its line.
    pub(super) paths: Vec<(Path, usize)>,
}

impl<'a> Found<'a> {
    pub(super) fn in_items(items: &'a [Item]) -> Self {
        let mut found = Self::default();
        for item in items {
            found.visit_item(item);
        }
        found
    }

    fn note_use(&mut self, tree: &UseTree, before: &[String]) {
        let with = |name: &Ident| [before, &[name.to_string()]].concat();
        match tree {
            UseTree::Path(path) => self.note_use(&path.tree, &with(&path.ident)),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.note_use(tree, before)),
            UseTree::Glob(glob) => self.paths.push((before.to_vec(), glob.star_token.span.start().line)),
            UseTree::Name(name) if name.ident == "self" => self.note_name(before.to_vec(), &name.ident, None),
            UseTree::Name(name) => self.note_name(with(&name.ident), &name.ident, None),
            UseTree::Rename(name) if name.ident == "self" => {
                self.note_name(before.to_vec(), &name.ident, Some(&name.rename));
            }
            UseTree::Rename(name) => self.note_name(with(&name.ident), &name.ident, Some(&name.rename)),
        }
    }

    fn note_name(&mut self, path: Path, last: &Ident, renamed: Option<&Ident>) {
        let name = renamed.map(Ident::to_string).or_else(|| path.last().cloned());
        self.paths.push((path.clone(), last.span().start().line));
        self.names.insert(name.unwrap_or_default(), path);
    }

    fn note_path(&mut self, path: Path, line: usize) {
        if path.len() > 1 {
            self.paths.push((path, line));
        }
    }

    /// What a macro is given is tokens, in which a path is names between pairs of colons.
    fn note_tokens(&mut self, tokens: TokenStream) {
        let (mut path, mut line, mut colons) = (Path::new(), 0, 0);
        for token in tokens {
            match token {
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                TokenTree::Ident(ident) => {
                    if colons != 2 {
                        self.note_path(take(&mut path), line);
                        line = ident.span().start().line;
                    }
                    colons = 0;
                    path.push(ident.to_string());
                }
                other => {
                    self.note_path(take(&mut path), line);
                    colons = 0;
                    if let TokenTree::Group(group) = other {
                        self.note_tokens(group.stream());
                    }
                }
            }
        }
        self.note_path(path, line);
    }
}

impl<'a> Visit<'a> for Found<'a> {
    fn visit_item(&mut self, item: &'a Item) {
        let attributes: &[Attribute] = match item {
            Item::Fn(item) => &item.attrs,
            Item::Impl(item) => &item.attrs,
            Item::Mod(item) => &item.attrs,
            Item::Use(item) => &item.attrs,
            _ => &[],
        };
        if !attributes.iter().any(is_for_tests) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_mod(&mut self, item: &'a ItemMod) {
        self.modules.push(item);
    }

    fn visit_item_use(&mut self, item: &'a ItemUse) {
        self.note_use(&item.tree, &[]);
    }

    fn visit_path(&mut self, path: &'a syn::Path) {
        if let Some(first) = path.segments.first() {
            let names = path.segments.iter().map(|segment| segment.ident.to_string());
            self.note_path(names.collect(), first.ident.span().start().line);
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'a Macro) {
        self.note_tokens(call.tokens.clone());
        visit::visit_macro(self, call);
    }

    /// The path of `pub(in path)` is no import.
    fn visit_vis_restricted(&mut self, _: &'a VisRestricted) {}
}

/// `#[cfg(test)]`, or `#[cfg(all(test, …))]`.
fn is_for_tests(attribute: &Attribute) -> bool {
    attribute.path().is_ident("cfg")
        && attribute.meta.require_list().is_ok_and(|list| {
            let condition = list.tokens.to_string();
            condition == "test" || condition.starts_with("all (test")
        })
}
