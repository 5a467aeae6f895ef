//! Where settings come from: `menshen.toml`, then the environment, then flags.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use menshen_gateway::Config;
use menshen_gateway::config::Upstream;

use crate::exit;

/// The file that is read when none is named.
const DEFAULT_FILE: &str = "menshen.toml";

/// Settings that every command takes.
#[derive(Args)]
pub struct Flags {
    /// Configuration file [default: menshen.toml, if there is one]
    #[arg(long, global = true, env = "MENSHEN_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder of the store
    #[arg(long, global = true, env = "MENSHEN_DATA_DIR", value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Enabled packs, in order, such as base,cn
    #[arg(long, global = true, value_delimiter = ',', value_name = "ID")]
    packs: Vec<String>,
    /// Folders with packs beside the built-in ones, separated as in PATH
    #[arg(long, global = true, env = "MENSHEN_PACKS", value_name = "DIRS")]
    pack_folders: Option<std::ffi::OsString>,
    /// Log filter, such as info or menshen_gateway=debug
    #[arg(long, global = true, env = "MENSHEN_LOG", value_name = "FILTER")]
    log: Option<String>,
    /// Address to listen on
    #[arg(long, global = true, env = "MENSHEN_LISTEN", value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Base URL of an OpenAI-compatible model
    #[arg(long, global = true, env = "MENSHEN_UPSTREAM", value_name = "URL")]
    upstream: Option<String>,
}

/// Reads the configuration.
///
/// # Errors
/// When the file cannot be read or is wrong; the message names line and column.
pub fn load(flags: &Flags) -> Result<Config> {
    let mut config = match &flags.config {
        Some(path) => read(path)?,
        None if Path::new(DEFAULT_FILE).exists() => read(Path::new(DEFAULT_FILE))?,
        None => Config::default(),
    };
    let text = |name: &str| std::env::var(name).ok().filter(|v| !v.is_empty());
    if let Some(dir) = &flags.data_dir {
        config.data_dir.clone_from(dir);
    }
    if !flags.packs.is_empty() {
        config.packs.clone_from(&flags.packs);
    }
    if let Some(folders) = &flags.pack_folders {
        config.pack_folders.extend(std::env::split_paths(folders).filter(|p| !p.as_os_str().is_empty()));
    }
    if let Some(folder) = config.pack_folders.iter().find(|f| !f.is_dir()) {
        return Err(exit::usage(format!(
            "pack folder {} is not a folder; correct MENSHEN_PACKS or pack_folders",
            folder.display()
        )));
    }
    if let Some(log) = &flags.log {
        config.log.clone_from(log);
    }
    if let Some(listen) = flags.listen {
        config.listen = listen;
    }
    if let Some(url) = flags.upstream.as_ref().filter(|u| !u.is_empty()) {
        // One upstream by environment or flag stands in the place of those in the file.
        config.upstream = vec![Upstream {
            url: url.clone(),
            key: text("MENSHEN_UPSTREAM_KEY"),
            key_env: None,
            models: Vec::new(),
            model: None,
            speaks: None,
        }];
    } else if let (Some(key), [only]) = (text("MENSHEN_UPSTREAM_KEY"), config.upstream.as_mut_slice()) {
        only.key = Some(key);
    }
    match text("MENSHEN_GUARD").as_deref() {
        None | Some("on") => {}
        Some("off") => config.guard.enabled = false,
        Some("monitor") => config.guard.monitor = true,
        Some(other) => return Err(exit::usage(format!("MENSHEN_GUARD={other:?} is not on, off or monitor"))),
    }
    Ok(config)
}

fn read(path: &Path) -> Result<Config> {
    let body = std::fs::read_to_string(path)
        .map_err(|e| exit::usage(format!("cannot read {}: {e}; write one with `menshen init`", path.display())))?;
    toml::from_str(&body).map_err(|e| exit::usage(format!("{} is wrong: {e}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_that_init_writes_is_the_default_configuration() {
        let written: Config = toml::from_str(crate::commands::init::TEMPLATE).unwrap();
        let show = |c: &Config| toml::to_string(c).unwrap();
        assert_eq!(show(&written), show(&Config::default()));
        // And with every comment sign taken off its settings it still is one.
        let all: String = crate::commands::init::TEMPLATE
            .lines()
            .map(|l| match l.strip_prefix("# ") {
                Some(setting)
                    if setting.starts_with('[')
                        || setting
                            .split_once(" = ")
                            .is_some_and(|(k, _)| k.chars().all(|c| c.is_ascii_lowercase() || c == '_')) =>
                {
                    setting
                }
                _ => l,
            })
            .collect::<Vec<_>>()
            .join("\n");
        toml::from_str::<Config>(&all).unwrap();
    }

    #[test]
    fn an_unknown_setting_is_named_with_its_line() {
        let error = toml::from_str::<Config>("listen = \"127.0.0.1:1\"\n[limits]\nmax_reqest_bytes = 1\n").unwrap_err();
        let text = error.to_string();
        assert!(text.contains("line 3") && text.contains("max_reqest_bytes"), "{text}");
    }
}
