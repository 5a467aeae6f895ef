//! Evaluations as a table and as a page.
