//! A door that one side opens and the other waits at.

use std::sync::{Arc, Condvar, Mutex};

use crate::PATIENCE;

/// Closed until it is opened, then open for good. Clones are the same gate.
#[derive(Debug, Clone, Default)]
pub struct Gate {
    state: Arc<(Mutex<bool>, Condvar)>,
}

impl Gate {
    /// A closed gate.
    pub fn new() -> Self {
        Gate::default()
    }

    /// Opens it for everybody.
    pub fn open(&self) {
        *self.state.0.lock().unwrap() = true;
        self.state.1.notify_all();
    }

    /// Waits until it is open.
    ///
    /// # Panics
    /// When it stays closed for longer than [`PATIENCE`].
    pub fn wait(&self) {
        assert!(self.reached(), "a gate was never opened");
    }

    /// Waits until it is open; false when it stays closed for longer than [`PATIENCE`].
    pub(crate) fn reached(&self) -> bool {
        let open = self.state.0.lock().unwrap();
        let (open, _) = self.state.1.wait_timeout_while(open, PATIENCE, |open| !*open).unwrap();
        *open
    }
}
