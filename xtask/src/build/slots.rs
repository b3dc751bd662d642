//! KMDF's function table as recorded in `kmdf-1.15-slots.csv`, and the C enumeration made from it.

use std::fmt::Write;

use anyhow::{Context, Result, ensure};

/// The number of functions of KMDF 1.15. The framework refuses a driver that claims another.
const COUNT: usize = 444;

/// The functions in the order of their slots; a gap or a repetition is an error.
pub(crate) fn parse(csv: &str) -> Result<Vec<&str>> {
    let mut lines = csv.lines();
    ensure!(lines.next() == Some("slot,function"), "the list of slots has another heading");
    let mut functions = Vec::with_capacity(COUNT);
    for line in lines {
        let (slot, function) =
            line.split_once(',').with_context(|| format!("no slot and function: {line}"))?;
        ensure!(slot.parse() == Ok(functions.len()), "slot {} is missing before: {line}", functions.len());
        functions.push(function);
    }
    Ok(functions)
}

/// The header `wdffuncenum.h`, whose names the `wdk-macros` crate reads.
pub(crate) fn header(csv: &str) -> Result<String> {
    let functions = parse(csv)?;
    ensure!(functions.len() == COUNT, "KMDF 1.15 has {COUNT} functions, the list {}", functions.len());
    let mut header = String::from("/* Made by cargo xtask from kmdf-1.15-slots.csv. */\n#pragma once\n\n");
    header.push_str("typedef enum _WDFFUNCENUM {\n");
    for (slot, function) in functions.iter().enumerate() {
        writeln!(header, "    {function}TableIndex = {slot},")?;
    }
    writeln!(header, "    WdfFunctionTableNumEntries = {COUNT},\n}} WDFFUNCENUM;")?;
    Ok(header)
}

#[cfg(test)]
mod tests {
    use super::{header, parse};

    const RECORDED: &str = include_str!("../../../crates/host/data/kmdf-1.15-slots.csv");

    #[test]
    fn the_recorded_list_makes_the_whole_enumeration() {
        let header = header(RECORDED).expect("the recorded list is whole");
        assert!(header.contains("    WdfDriverCreateTableIndex = 116,\n"));
        assert!(header.contains("    WdfFunctionTableNumEntries = 444,\n"));
    }

    #[test]
    fn a_gap_is_an_error() {
        let error = parse("slot,function\n0,WdfA\n2,WdfC\n").expect_err("slot 1 is missing");
        assert_eq!(error.to_string(), "slot 1 is missing before: 2,WdfC");
    }
}
