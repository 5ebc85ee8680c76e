//! A sheet of a workbook as rows of texts: what whoever reads workbooks hands to whoever knows what their columns mean. It reads nothing.

/// A sheet, its first row with the headings; no rows: that row is blank.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sheet {
    pub name: String,
    /// Those of the workbook that people see, in its order.
    pub names: Vec<String>,
    pub rows: Vec<SheetRow>,
}

/// A row whose cells are written as people of a language type them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SheetRow {
    /// As the spreadsheet numbers it.
    pub number: u64,
    pub cells: Vec<String>,
    /// Places of cells that hold no value: an error of the spreadsheet such as `#N/A`, or what cannot be read.
    pub faults: Vec<usize>,
}
