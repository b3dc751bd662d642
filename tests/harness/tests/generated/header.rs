//! include/psimp.h.

use super::contract::{inner, prose, structures, values};
use psimp_protocol::layout::{Field, Layout, Values};
use psimp_protocol::wire::MAX_DESCRIPTOR;
use psimp_protocol::{
    CLIENT_NAME, DEVICE_NAME, IOCTLS, LINK_NAME, MAX_CONNECTIONS, MAX_PROCESS_CONNECTIONS, MAX_SAVES,
    MAX_USER_CONNECTIONS, PROTOCOL_VERSION, REFUSALS,
};
use psimp_rules::Rule;
use std::fmt::Write as _;

/// Comments are wrapped here.
const WIDTH: usize = 100;

const HEAD: &str = "\
/*
 * psimp.h: the control codes of psimp.sys and their structures, for C.
 *
 * Made from the tables in crates/protocol; a test keeps it current. docs/ioctl.md says what each code
 * does, what it refuses, and which rights handles need.
 */
#ifndef PSIMP_H
#define PSIMP_H

#include <stddef.h>
#include <stdint.h>
";

pub(super) fn render() -> String {
    let mut text = HEAD.to_owned();
    names(&mut text);
    let _ = write!(text, "\n/* Control codes, for DeviceIoControl. */\n");
    for row in IOCTLS {
        define(&mut text, &format!("IOCTL_{}", row.name), &format!("0x{:08X}u", row.code()));
    }
    for values in values() {
        constants(&mut text, values);
    }
    let _ =
        write!(text, "\n/* Rules: PSIMP_OUTCOME.rule, PSIMP_EVALUATION.rule, PSIMP_TRACE_STEP.rule. */\n");
    for rule in Rule::ALL {
        let name = rule.name().to_uppercase().replace([' ', '-'], "_");
        define(&mut text, &format!("RULE_{name}"), &format!("{}u", rule as u32));
    }
    statuses(&mut text);
    text.push_str(STRUCTURES);
    for layout in structures() {
        declare(&mut text, layout);
    }
    text.push_str("\n#endif\n");
    text
}

/// The names of the device, and the limits.
fn names(text: &mut String) {
    let link = LINK_NAME.strip_prefix(r"\DosDevices").expect("a link of Win32");
    let wide = |name: String| format!("L\"{}\"", name.replace('\\', r"\\"));
    let _ = write!(
        text,
        "\n/* What CreateFileW opens: a server the device, a client its own name below it. */\n"
    );
    define(text, "DEVICE", &wide(format!(r"\\.{link}")));
    define(text, "DEVICE_CLIENT", &wide(format!(r"\\.{link}{CLIENT_NAME}")));
    let _ = write!(text, "\n/* The same for NtCreateFile. */\n");
    define(text, "NT_DEVICE", &wide(DEVICE_NAME.to_owned()));
    define(text, "NT_DEVICE_CLIENT", &wide(format!("{DEVICE_NAME}{CLIENT_NAME}")));
    text.push('\n');
    define(text, "PROTOCOL_VERSION", &format!("{PROTOCOL_VERSION}u"));
    define(text, "MAX_SAVES", &format!("{MAX_SAVES}u"));
    define(text, "MAX_CONNECTIONS", &format!("{MAX_CONNECTIONS}u"));
    define(text, "MAX_USER_CONNECTIONS", &format!("{MAX_USER_CONNECTIONS}u"));
    define(text, "MAX_PROCESS_CONNECTIONS", &format!("{MAX_PROCESS_CONNECTIONS}u"));
    define(text, "MAX_DESCRIPTOR", &format!("{MAX_DESCRIPTOR}u"));
}

fn define(text: &mut String, name: &str, value: &str) {
    let _ = writeln!(text, "#define PSIMP_{name} {value}");
}

fn constants(text: &mut String, values: &Values) {
    text.push('\n');
    for value in values.list {
        define(
            text,
            &format!("{}_{}", list(values.name), value.name),
            &format!("{}u /* {} */", value.number, value.meaning),
        );
    }
}

/// The statuses of the contract. `GetLastError` returns what Win32 makes of them.
fn statuses(text: &mut String) {
    text.push_str(
        "\n/* Statuses, as ntstatus.h has them: of PSIMP_ACCESS.status, and of requests through NtDeviceIoControlFile. */\n",
    );
    let mut written = Vec::new();
    for status in REFUSALS.iter().flat_map(|refusal| refusal.statuses) {
        if !written.contains(&status.0) {
            written.push(status.0);
            let name = status.name().expect("a status of the contract");
            define(text, &format!("STATUS_{name}"), &format!("0x{:08X}u", status.0));
        }
    }
}

const STRUCTURES: &str = "
/* Little-endian, naturally aligned, without padding. Handles are 64 bits wide, sign-extended. */
#define PSIMP_CHECK(name, holds) typedef char psimp_check_##name[(holds) ? 1 : -1]
";

fn declare(text: &mut String, layout: &Layout) {
    let name = structure(layout.name);
    let _ = write!(text, "\n{}typedef struct {name} {{\n", comment("", layout.doc));
    for field in layout.fields {
        let _ = writeln!(text, "{}    {};", comment("    ", field.doc), declaration(field));
    }
    let _ = writeln!(text, "}} {name};\nPSIMP_CHECK({}, sizeof({name}) == {});", layout.name, layout.size);
    for Field { name: field, offset, .. } in layout.fields {
        let _ =
            writeln!(text, "PSIMP_CHECK({}_{field}, offsetof({name}, {field}) == {offset});", layout.name);
    }
}

/// A comment of rustdoc as one of C, wrapped.
fn comment(indent: &str, doc: &str) -> String {
    let mut text = format!("{indent}/*");
    let mut width = text.len();
    for word in prose(doc, link).replace('`', "").split(' ') {
        if width + 1 + word.len() > WIDTH {
            let _ = write!(text, "\n{indent}  ");
            width = indent.len() + 2;
        }
        let _ = write!(text, " {word}");
        width += 1 + word.len();
    }
    text + " */\n"
}

fn declaration(field: &Field) -> String {
    let (element, count) = match field.rust.strip_prefix('[').and_then(|rust| rust.strip_suffix(']')) {
        Some(array) => array.split_once("; ").expect("an array has a length"),
        None => (field.rust, ""),
    };
    let element = match (element, inner(field)) {
        ("u8" | "u16" | "u32" | "u64", None) => format!("uint{}_t", &element[1..]),
        (_, Some(layout)) => structure(layout.name),
        _ => panic!("{element} is no type of C"),
    };
    let count = if count.is_empty() { String::new() } else { format!("[{count}]") };
    format!("{element} {}{count}", field.name)
}

/// `AccessCheck` as C has it.
fn structure(name: &str) -> String {
    let mut upper = "PSIMP".to_owned();
    for character in name.chars() {
        if character.is_uppercase() {
            upper.push('_');
        }
        upper.extend(character.to_uppercase());
    }
    upper
}

/// The name of a list of values as C has it.
fn list(name: &str) -> String {
    name.trim_end_matches("_flags").to_uppercase()
}

/// What a link in a comment is to C.
fn link(name: &str) -> String {
    if values().iter().any(|values| values.name == name) {
        return format!("PSIMP_{}_*", list(name));
    }
    match name.split_once("::") {
        Some((of, field)) => format!("{}.{field}", structure(of)),
        None if structures().iter().any(|layout| layout.name == name) => structure(name),
        None => format!("PSIMP_{name}"),
    }
}
