//! `--name value` pairs; a name nobody asked for is an error.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::str::FromStr;

pub struct Args(BTreeMap<String, String>);

impl Args {
    pub fn parse(mut given: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut pairs = BTreeMap::new();
        while let Some(name) = given.next() {
            let Some(bare) = name.strip_prefix("--") else { return Err(super::USAGE.into()) };
            let value = given.next().ok_or(format!("--{bare} needs a value\n{}", super::USAGE))?;
            pairs.insert(bare.to_owned(), value);
        }
        Ok(Self(pairs))
    }

    pub fn take<T: FromStr>(&mut self, name: &str) -> Result<Option<T>, String> {
        match self.0.remove(name) {
            None => Ok(None),
            Some(text) => text.parse().map(Some).map_err(|_| format!("--{name} cannot be {text:?}")),
        }
    }

    pub fn finish(self) -> Result<(), String> {
        match self.0.into_keys().next() {
            None => Ok(()),
            Some(name) => Err(format!("unknown option --{name}\n{}", super::USAGE)),
        }
    }
}

/// Refuses every host but this machine: a load generator pointed elsewhere is an attack.
pub fn loopback(host: &str) -> Result<(), String> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    if bare == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback()) {
        Ok(())
    } else {
        Err(format!("{host} is not a loopback address"))
    }
}
