//! Several surveys side by side.

use super::{Observation, Row, Survey};
use std::fmt::{self, Display, Formatter};

/// Surveys, each with the file that it was read from.
pub struct Beside<'a>(pub &'a [(String, Survey)]);

/// One decision in every survey.
pub(super) struct Across<'a> {
    pub(super) id: &'a str,
    pub(super) title: &'a str,
    /// None where the survey does not have it.
    pub(super) cells: Vec<Option<&'a Row>>,
}

impl Across<'_> {
    /// What came where it was asked.
    fn asked(&self) -> impl Iterator<Item = &Observation> {
        self.cells.iter().flatten().map(|row| &row.observed).filter(|observed| observed.asked())
    }

    /// Whether two kernels did different things.
    pub(super) fn differs(&self) -> bool {
        let asked: Vec<_> = self.asked().collect();
        asked.iter().any(|one| asked.iter().any(|other| one.differs(other)))
    }

    /// Whether it was asked of some and not of others.
    fn of_some(&self) -> bool {
        let asked = self.asked().count();
        asked > 0 && asked < self.cells.len()
    }
}

impl<'a> Beside<'a> {
    /// Every decision that is in any of them.
    pub(super) fn rows(&self) -> Vec<Across<'a>> {
        let mut rows: Vec<Across<'a>> = Vec::new();
        for (column, (_, survey)) in self.0.iter().enumerate() {
            for row in &survey.decisions {
                let place = rows.iter().position(|known| known.id == row.id).unwrap_or_else(|| {
                    let cells = vec![None; self.0.len()];
                    rows.push(Across { id: &row.id, title: &row.title, cells });
                    rows.len() - 1
                });
                rows[place].cells[column] = Some(row);
            }
        }
        rows
    }

    /// Whether a decision differs between two surveys that asked for it.
    pub fn differ(&self) -> bool {
        self.rows().iter().any(Across::differs)
    }

    /// How many differ, and how many cannot be compared.
    pub(super) fn counts(&self) -> String {
        let rows = self.rows();
        let differ = rows.iter().filter(|row| row.differs()).count();
        let some = rows.iter().filter(|row| row.of_some()).count();
        let were = if some == 1 { "was" } else { "were" };
        let of_some = if some > 0 {
            format!("; {some} {were} asked in some of the surveys only")
        } else {
            String::new()
        };
        format!("{differ} of {} decisions differ{of_some}", rows.len())
    }
}

impl Display for Beside<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (number, (file, survey)) in (1..).zip(self.0) {
            writeln!(f, "{number}  {}  ({file})\n   {}", survey.about, survey.headline())?;
        }
        for row in self.rows().iter().filter(|row| row.differs()) {
            writeln!(f, "\n{}  {}", row.id, row.title)?;
            for (number, cell) in (1..).zip(&row.cells) {
                let came =
                    cell.map_or_else(|| "not in this survey".to_owned(), |row| row.observed.to_string());
                writeln!(f, "  {number}  {came}")?;
            }
        }
        writeln!(f, "\n{}", self.counts())
    }
}
