//! The `vault` room.
