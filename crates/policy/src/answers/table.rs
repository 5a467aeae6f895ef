//! Standard answers as spreadsheets.
