//! What leaves the gateway for people: acts on paper and cells of spreadsheets.

mod page;
mod print;
mod release;
mod sheet;
mod words;

pub use print::{PrintDocument, PrintElement, elements_of, html};
pub use release::{ReleaseForm, ReleasedElement};
pub use sheet::csv_line;
