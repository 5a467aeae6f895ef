//! `menshen redteam propose`: what would have stopped the attacks that succeeded.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use menshen_gateway::Config;
use menshen_redteam::attempt::Outcome;
use menshen_redteam::{campaign, propose};

use super::super::print;
use super::{known, range, store, stored};

/// Propose.
#[derive(Args)]
pub struct Propose {
    /// A campaign (its successes) or a submission to the range
    id: String,
    /// The folder
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
}

/// Proposes from a campaign or a submission.
///
/// # Errors
/// When there is neither, or the folder cannot be written.
pub async fn run(config: &Config, args: &Propose) -> Result<ExitCode> {
    let store = store(config).await?;
    let proposals = match store.campaign(&args.id).await {
        Ok(row) => campaign::attempts(&store, &row.id)
            .await
            .map_err(known)?
            .iter()
            .filter(|a| a.outcome == Outcome::Success)
            .map(propose::from_attempt)
            .collect::<Vec<_>>(),
        Err(menshen_store::Error::NotFound { .. }) => {
            let range = range::open(config, store).await?;
            vec![propose::from_submission(&range.submission(&args.id).await.map_err(known)?)]
        }
        Err(error) => return Err(stored(error)),
    };
    if proposals.is_empty() {
        print("nothing succeeded, so there is nothing to propose")?;
        return Ok(ExitCode::SUCCESS);
    }
    for file in propose::write_all(&proposals, &args.out).map_err(known)? {
        print(&file.display().to_string())?;
    }
    Ok(ExitCode::SUCCESS)
}
