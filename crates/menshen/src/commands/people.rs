//! `menshen people`: accounts of the console, on a data folder that no gateway holds. A running gateway has
//! `/admin/people`.

use std::io::{BufRead as _, IsTerminal as _};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;
use clap::{Subcommand, ValueEnum};
use menshen_gateway::Config;
use menshen_store::{NewPerson, Person, PersonChange, Role, SHORTEST_PASSWORD, Store};
use zeroize::Zeroizing;

use super::{print, table};
use crate::exit;

/// Who did it, in the audit.
const BY: &str = "cli";

/// A role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RoleName {
    /// Everything, accounts included
    Owner,
    /// Packs, rules, standard answers
    PolicyEditor,
    /// What waits for a human
    Reviewer,
    /// Campaigns and the range
    RedTeamer,
    /// Reads everything, changes nothing
    Auditor,
    /// Keys of applications, and trying things out
    Developer,
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Owner => Role::Owner,
            RoleName::PolicyEditor => Role::PolicyEditor,
            RoleName::Reviewer => Role::Reviewer,
            RoleName::RedTeamer => Role::RedTeamer,
            RoleName::Auditor => Role::Auditor,
            RoleName::Developer => Role::Developer,
        }
    }
}

/// What can be done with accounts. Passwords are asked for, or read from standard input's first line: an argument would
/// stand in the shell's history and in the list of processes.
#[derive(Subcommand)]
pub enum People {
    /// Make an account; its password is asked for
    Add {
        /// What they sign in with
        name: String,
        /// Their roles, separated by commas
        #[arg(long, value_enum, value_delimiter = ',', default_value = "owner")]
        roles: Vec<RoleName>,
        /// The one tenant they may see [default: all]
        #[arg(long)]
        tenant: Option<String>,
        /// What people call them [default: the name]
        #[arg(long, default_value = "")]
        display: String,
    },
    /// List accounts
    List {
        /// One JSON document
        #[arg(long)]
        json: bool,
    },
    /// Keep somebody out; their sessions end
    Disable {
        /// The name
        name: String,
        /// Let them in again
        #[arg(long)]
        undo: bool,
    },
    /// Set a password, which is asked for; all sessions of the account end
    Password {
        /// The name
        name: String,
    },
    /// Give an account other roles; its sessions end
    Roles {
        /// The name
        name: String,
        /// The roles, separated by commas
        #[arg(value_enum, value_delimiter = ',', required = true)]
        roles: Vec<RoleName>,
    },
    /// Take all second factors away, for devices that were lost: authenticator app, security keys and recovery codes; all
    /// sessions of the account end
    #[command(alias = "totp-reset")]
    FactorsReset {
        /// The name
        name: String,
    },
}

/// Runs the command.
///
/// # Errors
/// When the store cannot be opened (a gateway may hold it), the account does not exist, or the store refuses.
pub async fn run(config: Config, people: People) -> Result<ExitCode> {
    let store = Store::open(&config.data_dir, super::serve::store_options(&config)?)
        .await
        .map_err(|e| exit::environment(format!("cannot open the store in {}: {e}", config.data_dir.display())))?;
    let done = act(&store, people).await;
    store.close().await.map_err(|e| exit::environment(e.to_string()))?;
    done.map(|()| ExitCode::SUCCESS)
}

async fn act(store: &Store, people: People) -> Result<()> {
    let now = jiff::Timestamp::now().as_microsecond();
    match people {
        People::Add { name, roles, tenant, display } => {
            let password = ask(&name)?;
            let roles = roles.into_iter().map(Role::from).collect();
            let new = NewPerson { name, display, roles, tenant, password };
            let person = store.add_person(new, BY, now).await.map_err(refused)?;
            print(&format!("{} is {}", person.name, words(&person)))
        }
        People::List { json } => list(&store.people(), json),
        People::Disable { name, undo } => {
            let change = PersonChange { disabled: Some(!undo), ..PersonChange::default() };
            let person = store.change_person(&known(store, &name)?.id, change, BY, now).await.map_err(refused)?;
            print(&format!("{} {}", person.name, if undo { "may sign in again" } else { "is disabled" }))
        }
        People::Password { name } => {
            let person = known(store, &name)?;
            let password = ask(&person.name)?;
            store.set_password(&person.id, &password, BY, now).await.map_err(refused)?;
            print(&format!("{} has a new password; all sessions have ended", person.name))
        }
        People::Roles { name, roles } => {
            let roles = roles.into_iter().map(Role::from).collect();
            let change = PersonChange { roles: Some(roles), ..PersonChange::default() };
            let person = store.change_person(&known(store, &name)?.id, change, BY, now).await.map_err(refused)?;
            print(&format!("{} is {}", person.name, words(&person)))
        }
        People::FactorsReset { name } => {
            let person = known(store, &name)?;
            store.reset_factors(&person.id, BY, now).await.map_err(refused)?;
            print(&format!("{} has no second factor any more", person.name))
        }
    }
}

fn refused(error: menshen_store::Error) -> anyhow::Error {
    match error {
        menshen_store::Error::NotFound { .. } | menshen_store::Error::Invalid { .. } => exit::usage(error.to_string()),
        other => exit::environment(other.to_string()),
    }
}

fn known(store: &Store, name: &str) -> Result<Arc<Person>> {
    store
        .person_named(name)
        .ok_or_else(|| exit::usage(format!("there is no account {name:?}; see `menshen people list`")))
}

fn words(person: &Person) -> String {
    let roles: Vec<&str> = person.roles.iter().map(|r| r.id()).collect();
    roles.join(", ")
}

/// What somebody has beside their password.
fn factor(person: &Person) -> String {
    match (person.totp, person.security_keys) {
        (false, 0) => "no".to_owned(),
        (true, 0) => "app".to_owned(),
        (false, keys) => format!("security keys: {keys}"),
        (true, keys) => format!("app, security keys: {keys}"),
    }
}

fn list(people: &[Arc<Person>], json: bool) -> Result<()> {
    if json {
        let people: Vec<_> = people
            .iter()
            .map(|p| {
                serde_json::json!({"id": p.id, "name": p.name, "display": p.display, "roles": p.roles,
                    "tenant": p.tenant, "disabled": p.disabled, "totp": p.totp, "security_keys": p.security_keys, "created_us": p.created_us,
                    "seen_us": p.seen_us})
            })
            .collect();
        return print(&serde_json::to_string_pretty(&people)?);
    }
    let mut table = table(&["name", "display", "roles", "tenant", "second factor", "state"]);
    for p in people {
        let (tenant, factor) = (p.tenant.as_deref().unwrap_or("all"), factor(p));
        let state = if p.disabled { "disabled" } else { "may sign in" };
        table.add_row([p.name.as_str(), &p.display, &words(p), tenant, &factor, state]);
    }
    print(&table.to_string())
}

/// A password: twice from the terminal, without showing it, or the first line of standard input.
fn ask(name: &str) -> Result<Zeroizing<String>> {
    if !std::io::stdin().is_terminal() {
        let mut line = Zeroizing::new(String::new());
        std::io::stdin().lock().read_line(&mut line)?;
        return Ok(Zeroizing::new(line.trim_end_matches(['\r', '\n']).to_owned()));
    }
    let prompt = |text: String| -> Result<Zeroizing<String>> {
        let given = rpassword::prompt_password(text);
        Ok(Zeroizing::new(given.map_err(|e| exit::environment(format!("the terminal cannot be read: {e}")))?))
    };
    let first = prompt(format!("Password of {name} (at least {SHORTEST_PASSWORD} characters): "))?;
    let second = prompt("The same again: ".to_owned())?;
    if *first == *second { Ok(first) } else { Err(exit::usage("the two passwords are not the same".to_owned())) }
}
