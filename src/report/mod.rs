//! What leaves the gateway for people: acts on paper and cells of spreadsheets.

mod print;
mod sheet;
mod words;

pub use print::{PrintDocument, PrintElement, elements_of, html};
pub use sheet::csv_line;
