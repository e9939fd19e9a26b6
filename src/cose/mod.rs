//! The `cose` room.
