//! Texts in pieces.
