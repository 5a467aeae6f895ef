//! bad_upstream
