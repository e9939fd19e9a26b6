//! The `offline` room.
