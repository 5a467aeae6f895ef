//! One text, read whole.
