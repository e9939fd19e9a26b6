//! The one binary: hands the command line to the face that answers it.

fn main() {}
