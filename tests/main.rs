//! The built binary, end to end.
#[test]
fn starts() {}
