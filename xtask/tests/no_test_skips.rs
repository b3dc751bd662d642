//! A test that lacks something fails, or is ignored with what it needs. It never returns early and passes.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use syn::visit::{self, Visit};
use syn::{Expr, ExprCall, ExprClosure, ExprMethodCall, ExprReturn, ItemFn, Lit};

/// It only adds inputs to those in the tree.
const OPTIONAL: &str = "PSIMP_CORPUS";

/// What a source has that lets a test pass without its work.
#[derive(Default)]
struct Ways {
    in_test: bool,
    found: Vec<String>,
}

impl<'ast> Visit<'ast> for Ways {
    fn visit_item_fn(&mut self, function: &'ast ItemFn) {
        let outer = self.in_test;
        self.in_test = function.attrs.iter().any(|attribute| attribute.path().is_ident("test"));
        visit::visit_item_fn(self, function);
        self.in_test = outer;
    }

    fn visit_expr_return(&mut self, expression: &'ast ExprReturn) {
        if self.in_test {
            self.found.push("a test returns early".to_owned());
        }
        visit::visit_expr_return(self, expression);
    }

    fn visit_expr_closure(&mut self, closure: &'ast ExprClosure) {
        let outer = std::mem::take(&mut self.in_test);
        visit::visit_expr_closure(self, closure);
        self.in_test = outer;
    }

    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        match &*call.receiver {
            Expr::Call(read) if call.method == "expect" => {
                read.args.iter().for_each(|argument| self.visit_expr(argument));
            }
            receiver => self.visit_expr(receiver),
        }
        call.args.iter().for_each(|argument| self.visit_expr(argument));
    }

    fn visit_expr_call(&mut self, call: &'ast ExprCall) {
        if let Expr::Path(function) = &*call.func
            && function.path.segments.last().is_some_and(|last| last.ident == "var" || last.ident == "var_os")
            && let Some(Expr::Lit(literal)) = call.args.first()
            && let Lit::Str(name) = &literal.lit
            && name.value().starts_with("PSIMP_")
            && name.value() != OPTIONAL
        {
            self.found.push(format!("{} is read without expect", name.value()));
        }
        visit::visit_expr_call(self, call);
    }
}

fn ways(source: &str) -> Vec<String> {
    let mut ways = Ways::default();
    ways.visit_file(&syn::parse_file(source).expect("a source"));
    ways.found
}

/// Adds what is found below a folder to the list; returns how many sources there are.
fn search(folder: &Path, found: &mut Vec<String>) -> usize {
    let mut sources = 0;
    for entry in folder.read_dir().expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            sources += search(&path, found);
        // A build script tests nothing.
        } else if name != "build.rs" && path.extension().is_some_and(|extension| extension == "rs") {
            let source = fs::read_to_string(&path).expect("a source");
            found.extend(ways(&source).iter().map(|way| format!("{}: {way}", path.display())));
            sources += 1;
        }
    }
    sources
}

#[test]
fn no_test_passes_without_its_work() {
    let mut found = Vec::new();
    let sources = search(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."), &mut found);
    assert_eq!(found, Vec::<String>::new());
    assert!(sources > 300, "{sources} sources");
}

#[test]
fn each_way_is_found() {
    for (source, wrong) in [
        ("#[test] fn t() { let Some(a) = b() else { return }; }", 1),
        ("#[test] fn t() { if a() { return eprintln!(); } }", 1),
        ("#[test] fn t() { let a = || { return 1 }; }", 0),
        ("fn t() { return; }", 0),
        (r#"fn a() { std::env::var_os("PSIMP_SYS").map(b); }"#, 1),
        (r#"fn a() { let Ok(b) = env::var("PSIMP_SYS") else { panic!() }; }"#, 1),
        (r#"fn a() { env::var_os("PSIMP_SYS").expect("an image").into(); }"#, 0),
        (r#"fn a() { env::var_os("PSIMP_CORPUS").map(b); }"#, 0),
        (r#"fn a() { env::var_os("HOME").map(b); }"#, 0),
    ] {
        assert_eq!(ways(source).len(), wrong, "{source}");
    }
}
