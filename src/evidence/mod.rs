//! The `evidence` room.
