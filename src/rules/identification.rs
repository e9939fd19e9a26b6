//! What is derived from an identification and never typed (ISACS 6).
