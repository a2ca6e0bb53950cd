//! Tables as CSV (RFC 4180): rows under named columns, cells that no spreadsheet takes for a formula.
//!
//! Used by every export. Must never: write a figure that was not measured as 0; such a cell is left out.

/// A table that grows row by row.
#[derive(Debug)]
pub struct Table<const N: usize> {
    columns: [&'static str; N],
    out: String,
}

impl<const N: usize> Table<N> {
    /// A table with a row of names.
    pub fn new(columns: [&'static str; N]) -> Self {
        let mut table = Self { columns, out: String::new() };
        table.write(columns.map(str::to_owned).as_slice());
        table
    }

    /// Adds a row: each cell goes under its column, and the others are empty. A cell without a column is left out.
    pub fn line(&mut self, cells: &[(&str, String)]) {
        let cell = |column: &str| cells.iter().find(|(key, _)| *key == column).map(|(_, cell)| cell.clone());
        let row = self.columns.map(|column| cell(column).unwrap_or_default());
        self.write(&row);
    }

    /// The column of this name, if there is one.
    pub fn column(&self, name: &str) -> Option<&'static str> {
        self.columns.iter().find(|column| **column == name).copied()
    }

    /// The text of all rows.
    pub fn into_text(self) -> String {
        self.out
    }

    fn write(&mut self, cells: &[String]) {
        for (n, cell) in cells.iter().enumerate() {
            if n > 0 {
                self.out.push(',');
            }
            if cell.contains(['"', ',', '\n', '\r']) {
                self.out.push('"');
                self.out.push_str(&cell.replace('"', "\"\""));
                self.out.push('"');
            } else {
                self.out.push_str(cell);
            }
        }
        self.out.push_str("\r\n");
    }
}

/// Text that others wrote must not become a formula in a spreadsheet.
pub fn guarded(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_stand_under_their_columns_and_are_quoted_where_they_must() {
        let mut table = Table::new(["a", "b", "c"]);
        table.line(&[("c", "x,\"y\"".into()), ("a", guarded("=1+1")), ("d", "nowhere".into())]);
        assert_eq!(table.column("b"), Some("b"));
        assert_eq!(table.column("d"), None);
        assert_eq!(table.into_text(), "a,b,c\r\n'=1+1,,\"x,\"\"y\"\"\"\r\n");
    }
}
