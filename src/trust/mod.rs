//! The `trust` room.
